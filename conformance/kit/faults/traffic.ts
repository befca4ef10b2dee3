/**
 * Verifiable traffic while faults happen: producers that send each message until it is acknowledged, and a consumer for each queue that
 * goes on from its committed offset whenever its connection ends. Both find the broker by its route each time, as clients do, and
 * write a history; judging it is `judge.ts`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { req, res, responseName } from '../codes.js';
import { EndpointError, RawConnection, type Answer, type HostPort } from '../connection.js';
import { Failure } from '../expect.js';
import { encodeProperties } from '../wire/properties.js';
import { decodeRecords, type StoredMessage } from '../wire/record.js';
import { WireViolation } from '../wire/violation.js';
import type { Value } from '../workload/history.js';
import { Recorder } from '../workload/recorder.js';

export interface TrafficOptions {
  readonly namesrv: HostPort;
  readonly brokerName: string;
  readonly topic: string;
  readonly group: string;
  readonly queues: number;
  readonly producers?: number;
  /** Between two messages of a producer; default 10. */
  readonly paceMs?: number;
  /** A request without an answer is given up, and its connection with it; default 4000. */
  readonly requestMs?: number;
}

/** Messages asked for at once: what a consumer may see again when its commit was lost with the connection. */
export const pullMax = 16;

const connectMs = 1000;
const suspendMs = 300;
/** After a failure, before the next attempt. */
const againMs = 20;
/** A run that sends more has a mistake. */
const messagesMax = 100_000;

/** What clients met, by sentence: `SYSTEM_BUSY`, `no answer`, ... */
export type Refusals = ReadonlyMap<string, number>;

/** What the fault cases need of traffic; the kit's own is `Traffic`, that of a client library `SdkTraffic`. */
export interface FaultTraffic {
  readonly recorder: Recorder;
  /** How often each message was sent, at most. */
  readonly attempts: ReadonlyMap<string, number>;
  /** How often a consumer began anew from its committed offset; undefined: it does not tell that, nor what it commits. */
  readonly resumes: number | undefined;
  readonly refusals: Refusals;
  readonly acknowledged: number;
  readonly delivered: number;
  /** Begins; clients that find no endpoint keep trying. */
  start(): void;
  /** The first acknowledgement and the first delivery at or after a time (ms since 1970); undefined where there is none yet. @throws what broke a client. */
  firstSince(time: number): { readonly ack: number | undefined; readonly delivery: number | undefined };
  /** Ends sending, waits until all that was acknowledged is consumed or time is up, ends consuming. @throws what broke a client. */
  finish(drainMs: number): Promise<void>;
  /** Ends all clients; for a case whose time is up too. */
  abandon(): Promise<void>;
  read(broker: HostPort): Promise<void>;
}

export class Traffic implements FaultTraffic {
  readonly recorder: Recorder = new Recorder();
  readonly attempts = new Map<string, number>();
  resumes = 0;
  private readonly options: TrafficOptions;
  private readonly met = new Map<string, number>();
  private readonly owed = new Set<string>();
  private readonly taken = new Set<string>();
  private readonly producing: Promise<void>[] = [];
  private readonly working: Promise<void>[] = [];
  private readonly acks: number[] = [];
  private readonly deliveries: number[] = [];
  private sending = true;
  private consuming = true;
  private fault: Error | undefined;

  constructor(options: TrafficOptions) {
    this.options = options;
  }

  start(): void {
    const { producers = 2, queues } = this.options;
    const guarded = async (work: Promise<void>): Promise<void> => {
      try {
        await work;
      } catch (error) {
        this.fault ??= error instanceof Error ? error : new Error(String(error));
      }
    };
    for (let i = 0; i < producers; i++) this.producing.push(guarded(this.produce(`producer-${i}`)));
    for (let i = 0; i < queues; i++) this.working.push(guarded(this.consume(`consumer-${i}`, i)));
  }

  get refusals(): Refusals {
    return this.met;
  }

  get acknowledged(): number {
    return this.acks.length;
  }

  get delivered(): number {
    return this.deliveries.length;
  }

  firstSince(time: number): { readonly ack: number | undefined; readonly delivery: number | undefined } {
    if (this.fault !== undefined) throw this.fault;
    return { ack: this.acks.find((one) => one >= time), delivery: this.deliveries.find((one) => one >= time) };
  }

  async finish(drainMs: number): Promise<void> {
    this.sending = false;
    await Promise.all(this.producing); // a last acknowledgement may be on its way
    const missing = (): boolean => [...this.owed].some((key) => !this.taken.has(key));
    for (const end = Date.now() + drainMs; this.fault === undefined && missing() && Date.now() < end; ) await sleep(50);
    await this.abandon();
    if (this.fault !== undefined) throw this.fault;
  }

  async abandon(): Promise<void> {
    this.sending = false;
    this.consuming = false;
    await Promise.all([...this.producing, ...this.working]);
  }

  read(broker: HostPort): Promise<void> {
    return readQueues(this.recorder, this.options, broker);
  }

  private async produce(process: string): Promise<void> {
    const { topic, queues, paceMs = 10 } = this.options;
    const client = new Client(this.options);
    for (let i = 0; this.sending && i < messagesMax; i++) {
      const key = `${process}-${i}`;
      const body = Buffer.from(`${key} ${'.'.repeat(i % 50)}`);
      const value = { key, topic, queueId: i % queues, body: digest(body) };
      const call = this.recorder.call(process, 'send', value);
      let error = '';
      for (let acknowledged = false; !acknowledged && this.sending; ) {
        this.attempts.set(key, (this.attempts.get(key) ?? 0) + 1);
        const answer = await this.attempt(client, (connection) => connection.request(req.SEND_MESSAGE_V2, {
          a: 'conform_writer', b: topic, c: 'TBW102', d: 4, e: i % queues, f: 0, g: Date.now(), h: 0, i: encodeProperties({ KEYS: key, UNIQ_KEY: key }), j: 0, k: false, m: false,
        }, { body, timeoutMs: client.requestMs }));
        if (answer?.code === res.SUCCESS) {
          acknowledged = true;
          call.ok({ queueId: Number(answer.ext['queueId']), queueOffset: Number(answer.ext['queueOffset']), msgId: answer.ext['msgId'] ?? '' });
          this.acks.push(Date.now());
          this.owed.add(key);
        } else {
          if (answer !== undefined) this.meet(error = responseName(answer.code));
          await sleep(againMs);
        }
      }
      call.info({ error: error === '' ? 'given up' : error });
      await sleep(paceMs);
    }
    client.close();
  }

  private async consume(process: string, queueId: number): Promise<void> {
    const { topic, group } = this.options;
    const client = new Client(this.options);
    const queue = { group, topic, queueId };
    this.recorder.event(process, 'join', { group, topic, mode: 'clustering', expression: '*' });
    let position: number | undefined;
    while (this.consuming) {
      const done = await this.attempt(client, async (connection) => {
        position ??= await this.resume(process, queue, connection, client.requestMs);
        const answer = await connection.request(req.PULL_MESSAGE, pullHeader(this.options, queueId, position, 6), { timeoutMs: client.requestMs + suspendMs });
        const { messages, next } = pulled(answer, position);
        for (const message of messages) this.take(process, message);
        if (next !== position) {
          const call = this.recorder.call(process, 'commit', { ...queue, queueOffset: next });
          try {
            const { code } = await connection.request(req.UPDATE_CONSUMER_OFFSET, { consumerGroup: group, topic, queueId, commitOffset: next }, { timeoutMs: client.requestMs });
            call[code === res.SUCCESS ? 'ok' : 'fail']();
          } finally {
            call.info({ error: 'no answer' });
          }
        }
        position = next;
        return answer;
      });
      if (done === undefined) {
        position = undefined;
        await sleep(againMs);
      } else if (!pullCodes.has(done.code)) {
        this.meet(responseName(done.code));
        await sleep(againMs);
      }
    }
    client.close();
  }

  private async resume(process: string, queue: { readonly group: string; readonly topic: string; readonly queueId: number }, connection: RawConnection, timeoutMs: number): Promise<number> {
    const call = this.recorder.call(process, 'offset', queue);
    this.resumes++;
    try {
      const answer = await connection.request(req.QUERY_CONSUMER_OFFSET, { consumerGroup: queue.group, topic: queue.topic, queueId: queue.queueId }, { timeoutMs });
      const queueOffset = Number(answer.ext['offset']);
      if (answer.code === res.SUCCESS && Number.isSafeInteger(queueOffset)) {
        call.ok({ queueOffset });
        return queueOffset;
      }
      if (answer.code === res.QUERY_NOT_FOUND) {
        call.fail({ error: responseName(answer.code) }); // there is none: a checker knows whether there should be
        return 0;
      }
      call.info({ error: responseName(answer.code) });
      throw new EndpointError('closed', `QUERY_CONSUMER_OFFSET: ${responseName(answer.code)}`);
    } finally {
      call.info({ error: 'no answer' });
    }
  }

  private take(process: string, message: StoredMessage): void {
    const value = valueOf(message);
    this.recorder.event(process, 'receive', value);
    this.recorder.call(process, 'ack', value).ok();
    this.deliveries.push(Date.now());
    if (value.key !== undefined) this.taken.add(value.key);
  }

  /** One attempt over the client's connection; undefined when the endpoint did not answer as it should, which ends the connection. */
  private async attempt(client: Client, work: (connection: RawConnection) => Promise<Answer>): Promise<Answer | undefined> {
    try {
      return await work(await client.connection());
    } catch (error) {
      client.close();
      if (error instanceof WireViolation) throw new Failure('what the endpoint sends is the protocol', 'stored records', error.message);
      if (!(error instanceof EndpointError)) throw error;
      if (error.kind === 'garbage') throw new Failure('what the endpoint sends is the protocol', 'frames', error.message);
      this.meet({ unreachable: 'no connection', closed: 'connection lost', timeout: 'no answer' }[error.kind]);
      return undefined;
    }
  }

  private meet(what: string): void {
    this.met.set(what, (this.met.get(what) ?? 0) + 1);
  }
}

type Place = Pick<TrafficOptions, 'topic' | 'group' | 'queues'>;

/** Reads every queue from its beginning to its end at `broker`, as somebody who takes nothing away. */
export async function readQueues(recorder: Recorder, place: Place, broker: HostPort): Promise<void> {
  const { topic, queues } = place;
  const connection = await RawConnection.open(broker, { timeoutMs: connectMs * 5 });
  try {
    for (let queueId = 0; queueId < queues; queueId++) {
      const bound = async (code: number): Promise<number> => Number((await connection.request(code, { topic, queueId })).ext['offset']);
      const max = await bound(req.GET_MAX_OFFSET);
      for (let offset = await bound(req.GET_MIN_OFFSET); offset < max; ) {
        const { messages, next } = pulled(await connection.request(req.PULL_MESSAGE, pullHeader(place, queueId, offset, 4)), offset);
        for (const message of messages) recorder.event('reader', 'read', valueOf(message));
        if (next <= offset) throw new Failure(`queue ${queueId} of ${topic} can be read to its end`, `messages up to offset ${max}`, `none from ${offset} on`);
        offset = next;
      }
    }
  } finally {
    connection.close();
  }
}

function pullHeader({ topic, group }: Place, queueId: number, queueOffset: number, sysFlag: number): Record<string, string | number> {
  return {
    consumerGroup: group, topic, queueId, queueOffset, maxMsgNums: pullMax, sysFlag, commitOffset: 0, suspendTimeoutMillis: suspendMs,
    subscription: '*', subVersion: 0, expressionType: 'TAG',
  };
}

/** Messages of a pull and the offset to go on from. */
function pulled(answer: Answer, offset: number): { readonly messages: readonly StoredMessage[]; readonly next: number } {
  const next = Number(answer.ext['nextBeginOffset']);
  return {
    messages: answer.code === res.SUCCESS ? decodeRecords(answer.body) : [],
    next: pullCodes.has(answer.code) && Number.isSafeInteger(next) ? next : offset,
  };
}

/** Answers of a pull that say where to go on. */
const pullCodes: ReadonlySet<number> = new Set([res.SUCCESS, res.PULL_NOT_FOUND, res.PULL_RETRY_IMMEDIATELY, res.PULL_OFFSET_MOVED]);

/** The connection of one client, found by the topic's route whenever there is none. */
class Client {
  readonly requestMs: number;
  private readonly options: TrafficOptions;
  private open: RawConnection | undefined;

  constructor(options: TrafficOptions) {
    this.options = options;
    this.requestMs = options.requestMs ?? 4000;
  }

  async connection(): Promise<RawConnection> {
    if (this.open?.isOpen !== true) this.open = await RawConnection.open(await this.route(), { timeoutMs: connectMs });
    return this.open;
  }

  close(): void {
    this.open?.close();
    this.open = undefined;
  }

  private async route(): Promise<HostPort> {
    const { namesrv, brokerName, topic } = this.options;
    const connection = await RawConnection.open(namesrv, { timeoutMs: connectMs });
    try {
      const answer = await connection.request(req.GET_ROUTEINFO_BY_TOPIC, { topic }, { timeoutMs: this.requestMs });
      const address = answer.code === res.SUCCESS ? masterIn(answer.body.toString('utf8'), brokerName) : undefined;
      if (address === undefined) throw new EndpointError('unreachable', `the route of ${topic} names no master of ${brokerName}: ${responseName(answer.code)}`);
      return address;
    } finally {
      connection.close();
    }
  }
}

/** The address of a broker's master in a route, which has numbers for keys and so is no JSON everybody reads. */
export function masterIn(route: string, brokerName: string): HostPort | undefined {
  for (const [broker] of route.matchAll(/\{[^{}]*"brokerAddrs"\s*:\s*\{[^{}]*\}[^{}]*\}/g)) {
    if (broker.includes(`"brokerName":"${brokerName}"`)) return /(?:\{|,)\s*"?0"?\s*:\s*"([^"]+)"/.exec(broker)?.[1];
  }
  return undefined;
}

/** Size and CRC-32 of a body, as histories have it. */
function digest(body: Buffer): string {
  return `${body.length}:${crc32(body).toString(16).padStart(8, '0')}`;
}

function valueOf(message: StoredMessage): Value {
  const key = message.properties['KEYS'];
  return { topic: message.topic, queueId: message.queueId, queueOffset: message.queueOffset, body: digest(message.body), ...(key === undefined ? {} : { key }) };
}
