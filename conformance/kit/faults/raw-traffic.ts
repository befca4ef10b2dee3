/**
 * The kit's own clients as the traffic of faults: producers that know each attempt, and a consumer for each queue that goes on from its
 * committed offset whenever its connection ends. Both find the broker by its route each time, as clients do.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { req, res, responseName } from '../codes.js';
import { EndpointError, RawConnection, type Answer, type HostPort } from '../connection.js';
import { Failure } from '../expect.js';
import { encodeProperties } from '../wire/properties.js';
import { WireViolation } from '../wire/violation.js';
import { valueOf } from '../workload/consumer.js';
import type { Value } from '../workload/history.js';
import { intOf } from '../workload/producer.js';
import { pullCodes, pulled, pullHeader, suspendMs } from './pulling.js';
import { Traffic, type Sender, type TrafficMessage, type TrafficOptions } from './traffic.js';

const connectMs = 1000;
/** After a failure, before the next attempt. */
const againMs = 20;

export class RawTraffic extends Traffic {
  resumes = 0;
  protected readonly attemptsEach = 1;
  protected readonly againMs = againMs;
  protected readonly patienceMs = 0;
  private readonly working: Promise<void>[] = [];
  private consuming = true;

  protected override consume(): void {
    for (let i = 0; i < this.options.queues; i++) this.working.push(this.guarded(this.consumeQueue(`consumer-${i}`, i)));
  }

  protected async end(): Promise<void> {
    this.consuming = false;
    await Promise.all(this.working);
  }

  /** Queues in turn. */
  protected override chosen(i: number): Value {
    return { queueId: i % this.options.queues };
  }

  protected sender(): Sender {
    const client = new Client(this.options);
    return {
      send: async (message) => {
        const answer = await this.attempt(client, (connection) => this.sendOver(connection, message, client.requestMs));
        if (typeof answer === 'string') return answer;
        if (answer.code !== res.SUCCESS) return responseName(answer.code);
        return { ...intOf('queueId', Number(answer.ext['queueId'])), ...intOf('queueOffset', Number(answer.ext['queueOffset'])), msgId: answer.ext['msgId'] ?? '' };
      },
      close: () => client.close(),
    };
  }

  private sendOver(connection: RawConnection, { key, body, number }: TrafficMessage, timeoutMs: number): Promise<Answer> {
    const { topic, queues } = this.options;
    return connection.request(req.SEND_MESSAGE_V2, {
      a: 'conform_writer', b: topic, c: 'TBW102', d: 4, e: number % queues, f: 0, g: Date.now(), h: 0, i: encodeProperties({ KEYS: key, UNIQ_KEY: key }), j: 0, k: false, m: false,
    }, { body: Buffer.from(body), timeoutMs });
  }

  private async consumeQueue(process: string, queueId: number): Promise<void> {
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
        for (const message of messages) this.take(process, valueOf(message));
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
      if (typeof done !== 'string' && pullCodes.has(done.code)) continue;
      if (typeof done === 'string') position = undefined;
      this.meet(typeof done === 'string' ? done : responseName(done.code));
      await sleep(againMs);
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

  /** One attempt over the client's connection; or in words why the endpoint did not answer as it should, which ends the connection. */
  private async attempt(client: Client, work: (connection: RawConnection) => Promise<Answer>): Promise<Answer | string> {
    try {
      return await work(await client.connection());
    } catch (error) {
      client.close();
      if (error instanceof WireViolation) throw new Failure('what the endpoint sends is the protocol', 'stored records', error.message);
      if (!(error instanceof EndpointError)) throw error;
      if (error.kind === 'garbage') throw new Failure('what the endpoint sends is the protocol', 'frames', error.message);
      return { unreachable: 'no connection', closed: 'connection lost', timeout: 'no answer' }[error.kind];
    }
  }
}

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
