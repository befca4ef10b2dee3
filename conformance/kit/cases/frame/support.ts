/** What the frame, header, flow control and security cases share: a small request as raw text, silence, closing. */
import { req, res } from '../../codes.js';
import { EndpointError, type Answer, type RawConnection } from '../../connection.js';
import type { Context } from '../../context.js';
import { code, fail, rejects } from '../../expect.js';
import { rawFrame } from '../../wire/frame.js';

/** Whether the endpoint calls itself a release before 5.0.0. */
export function isBefore5(t: Context): boolean {
  return /^[34]\./.test(t.endpoint.version ?? '');
}

/** A JSON header that asks for the max offset of queue 0; `members` is text put before the others, such as `"flag":4,`. */
export function maxOffsetHeader(topic: string, opaque: number, members = ''): string {
  return `{${members}"code":${req.GET_MAX_OFFSET},"opaque":${opaque},"extFields":{"topic":"${topic}","queueId":"0"}}`;
}

/** Sends a JSON header as it is, without a body, over the case's broker connection; the answer to `opaque`. */
export async function askRaw(t: Context, header: string | Buffer, opaque: number): Promise<Answer> {
  const broker = await t.broker();
  const answer = broker.answerTo(opaque);
  broker.sendBytes(rawFrame({ header }));
  return answer;
}

/** The endpoint ends the connection within 5 s. */
export async function closedByPeer(t: Context, connection: RawConnection, what: string): Promise<void> {
  const end = await Promise.race([connection.closed, t.sleep(5000).then(() => undefined)]);
  if (end === undefined) fail(`${what}: the endpoint ends the connection within 5 s`, 'closed', 'open');
}

/** Sends bytes over a connection of their own; the endpoint ends it. */
export async function closes(t: Context, bytes: Buffer, what: string, to: 'broker' | 'namesrv' = 'broker'): Promise<void> {
  const connection = await t.connect(to);
  connection.sendBytes(bytes);
  await closedByPeer(t, connection, what);
}

/** Nothing answers `opaque` within `waitMs`, and the connection stays open. `send` is called once the wait has begun. */
export async function unanswered(connection: RawConnection, opaque: number, send: () => void, waitMs = 150): Promise<void> {
  const answer = connection.answerTo(opaque, waitMs);
  send();
  const error = await rejects(answer, `an answer to opaque ${opaque}`);
  if (!(error instanceof EndpointError) || error.kind !== 'timeout') fail('the connection stays open and silent', 'no answer', error.message);
}

/** The connection still answers. */
export async function stillServes(connection: RawConnection, topic: string): Promise<void> {
  code(await connection.request(req.GET_MAX_OFFSET, { topic, queueId: 0 }), res.SUCCESS, 'a request afterwards on the same connection');
}
