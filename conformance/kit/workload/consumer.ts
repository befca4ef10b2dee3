/**
 * The verifiable consumer: a member of a consumer group as client libraries are (heartbeats, rebalance over the group's client ids, a
 * pull loop for each queue, commits, retries by send-back, locks for orderly consumption), or one of a broadcasting group. It records
 * what it got and did. Consumption by POP is `pop-consumer.ts`.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { readLooseJson } from '../../differential/loose-json.js';
import { req, res, responseName } from '../codes.js';
import type { RawConnection } from '../connection.js';
import type { Context } from '../context.js';
import type { Messaging } from '../messaging.js';
import type { StoredMessage } from '../wire/record.js';
import { allocateEvenly } from './allocate.js';
import type { Value } from './history.js';
import { digest, textOf } from './producer.js';
import { preciseNow, type Recorder } from './recorder.js';
import { takes, type FailOnce } from './take.js';

export type ConsumerMode = 'clustering' | 'orderly' | 'broadcasting' | 'pop';

export interface ConsumerOptions {
  readonly name: string;
  readonly group: string;
  readonly topic: string;
  /** Read queues of the topic. */
  readonly queues: number;
  /** Default clustering. */
  readonly mode?: ConsumerMode;
  /** Default `*`. */
  readonly expression?: string;
  /** Whether a message is taken (default) or given back; `times` counts from 0. */
  readonly take?: (message: Value, times: number) => boolean;
  /** The same as a rule, where no function is given. */
  readonly failOnce?: FailOnce | undefined;
  /** Delay level of messages given back; default 1, a second. */
  readonly retryDelayLevel?: number;
  /** POP only; default 30000. */
  readonly invisibleMs?: number;
  /** Members are looked at this often, besides when the broker notifies of a change; default 300. */
  readonly rebalanceMs?: number;
  /** Default 400. */
  readonly commitMs?: number;
}

/** A queue that this consumer holds. */
interface Holding {
  readonly topic: string;
  readonly queueId: number;
  next: number;
  committed: number;
  over: boolean;
  /** Resolves when nothing of it is being consumed any more. */
  idle: Promise<void>;
}

const pullMs = 800;
const againMs = 100;

/** A message as histories tell it. */
export function valueOf(message: StoredMessage): Value {
  const { KEYS: key, TAGS: tag } = message.properties;
  return {
    topic: message.topic, queueId: message.queueId, queueOffset: message.queueOffset, body: digest(message.body), reconsumeTimes: message.reconsumeTimes,
    ...(key === undefined ? {} : { key: key.slice(0, 200) }), ...(tag === undefined ? {} : { tag: tag.slice(0, 200) }),
  };
}

export class Consumer {
  readonly options: ConsumerOptions;
  private readonly t: Context;
  private readonly recorder: Recorder;
  private readonly id: string;
  private readonly mode: ConsumerMode;
  private readonly holdings = new Map<string, Holding>();
  private connection: Promise<RawConnection> | undefined;
  private over = false;
  private loops: Promise<void>[] = [];

  constructor(t: Context, recorder: Recorder, options: ConsumerOptions) {
    this.t = t;
    this.recorder = recorder;
    this.options = options;
    this.mode = options.mode ?? 'clustering';
    this.id = t.groupName(options.name);
  }

  /** Becomes a member and begins to consume. */
  async start(): Promise<void> {
    const { name, group, topic, expression } = this.options;
    this.recorder.event(name, 'join', { group, topic, mode: this.mode, expression: expression ?? '*' });
    await this.attempt(() => this.heartbeat());
    await this.rebalance();
    this.loops = [this.watch(), this.every(this.options.commitMs ?? 400, () => this.commitAll()), this.every(1000, () => this.heartbeat())];
  }

  /** Commits, leaves the group and closes its connection. */
  async stop(): Promise<void> {
    const { name, group } = this.options;
    this.over = true;
    await Promise.all(this.loops);
    this.recorder.event(name, 'leave', { group });
    for (const one of [...this.holdings.values()]) await this.drop(one);
    await this.attempt(async () => void (await (await this.via()).unregister(this.id, { consumerGroup: group })));
    (await this.connection?.catch(() => undefined))?.close();
  }

  private async watch(): Promise<void> {
    while (!this.over) {
      const connection = await this.connected().catch(() => undefined);
      if (connection === undefined) await pause(againMs);
      else await connection.nextRequest(req.NOTIFY_CONSUMER_IDS_CHANGED, this.options.rebalanceMs ?? 300).catch(() => (connection.isOpen ? undefined : pause(againMs)));
      if (!this.over) await this.rebalance();
    }
  }

  private async every(ms: number, run: () => Promise<void>): Promise<void> {
    for (let waited = 0; !this.over; waited += 50) {
      await pause(50);
      if (waited >= ms) {
        waited = 0;
        await this.attempt(run);
      }
    }
  }

  private async heartbeat(): Promise<void> {
    const { group, topic, expression } = this.options;
    const broadcasting = this.mode === 'broadcasting';
    await (await this.via()).heartbeat(this.id, {
      consumers: [{ group, model: broadcasting ? 'BROADCASTING' : 'CLUSTERING', subscriptions: [{ topic, expression: expression ?? '*' }, ...(broadcasting ? [] : [`%RETRY%${group}`])] }],
    });
  }

  /** What this consumer should hold: all queues when broadcasting; else its share, once the broker says who is in the group. */
  private async share(): Promise<Map<string, { topic: string; queueId: number }> | undefined> {
    const { group, topic, queues } = this.options;
    if (this.mode === 'broadcasting') return new Map(Array.from({ length: queues }, (_, queueId) => [`${topic} ${queueId}`, { topic, queueId }]));
    const answer = await (await this.via()).request(req.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup: group });
    if (answer.code !== res.SUCCESS) return undefined;
    const ids = (readLooseJson(answer.body.toString('utf8')) as { consumerIdList?: unknown } | null)?.consumerIdList;
    if (!Array.isArray(ids)) return undefined;
    const names = ids.map(String);
    const retry = this.mode === 'clustering' ? allocateEvenly(1, names, this.id).map((queueId) => ({ topic: `%RETRY%${group}`, queueId })) : [];
    return new Map([...allocateEvenly(queues, names, this.id).map((queueId) => ({ topic, queueId })), ...retry].map((one) => [`${one.topic} ${one.queueId}`, one]));
  }

  private async rebalance(): Promise<void> {
    await this.attempt(async () => {
      const wanted = await this.share();
      if (wanted === undefined || this.over) return;
      for (const [key, one] of [...this.holdings]) if (!wanted.has(key)) await this.drop(one);
      for (const [key, one] of wanted) if (!this.holdings.has(key)) await this.take(key, one.topic, one.queueId);
    });
  }

  private async take(key: string, topic: string, queueId: number): Promise<void> {
    if (this.mode === 'orderly' && !(await this.lock(topic, queueId))) return;
    const next = this.mode === 'broadcasting' ? 0 : await this.committed(topic, queueId);
    const holding: Holding = { topic, queueId, next, committed: next, over: false, idle: Promise.resolve() };
    this.holdings.set(key, holding);
    this.assigned();
    void this.consume(holding);
  }

  private async drop(holding: Holding): Promise<void> {
    holding.over = true;
    await holding.idle;
    await this.attempt(() => this.commit(holding));
    this.holdings.delete(`${holding.topic} ${holding.queueId}`);
    this.assigned();
    if (this.mode === 'orderly') await this.unlock(holding.topic, holding.queueId);
  }

  private assigned(): void {
    const queues = [...this.holdings.values()].filter((one) => one.topic === this.options.topic).map((one) => one.queueId).sort((a, b) => a - b);
    this.recorder.event(this.options.name, 'assign', { group: this.options.group, topic: this.options.topic, queues });
  }

  private async committed(topic: string, queueId: number): Promise<number> {
    const { name, group } = this.options;
    const call = this.recorder.call(name, 'offset', { group, topic, queueId });
    try {
      const answer = await (await this.via()).queryOffset(group, topic, queueId);
      if (answer.code === 0 && Number.isSafeInteger(answer.offset)) {
        call.ok({ queueOffset: answer.offset });
        return answer.offset;
      }
      call.fail({ error: responseName(answer.code) });
      return 0;
    } catch (error) {
      call.info({ error: textOf(error) });
      throw error;
    }
  }

  private async commitAll(): Promise<void> {
    for (const one of [...this.holdings.values()]) if (!one.over) await this.commit(one);
  }

  private async commit(holding: Holding): Promise<void> {
    const { name, group } = this.options;
    const queueOffset = holding.next;
    if (this.mode === 'broadcasting' || queueOffset <= holding.committed) return;
    const call = this.recorder.call(name, 'commit', { group, topic: holding.topic, queueId: holding.queueId, queueOffset });
    try {
      const answer = await (await this.via()).commitOffset(group, holding.topic, holding.queueId, queueOffset);
      if (answer.code === 0) {
        holding.committed = Math.max(holding.committed, queueOffset);
        call.ok();
      } else call.info({ error: responseName(answer.code) });
    } catch (error) {
      call.info({ error: textOf(error) });
    }
  }

  private async consume(holding: Holding): Promise<void> {
    while (!holding.over) {
      const invoked = preciseNow();
      const about = { topic: holding.topic, queueId: holding.queueId, queueOffset: holding.next };
      const pullEnded = (how: 'fail' | 'info', error: string): void => this.recorder.call(this.options.name, 'pull', about, invoked)[how]({ error });
      try {
        const retry = holding.topic !== this.options.topic;
        const answer = await (await this.via()).pull(holding.topic, { group: this.options.group, queueId: holding.queueId, offset: holding.next, suspendMs: pullMs, subscription: retry ? '*' : this.options.expression ?? '*' });
        if (holding.over) return;
        if (answer.code === 0) {
          this.recorder.call(this.options.name, 'pull', about, invoked).ok({ count: answer.messages.length });
          await (holding.idle = this.deliverAll(holding, answer.messages));
          if (!holding.over && answer.nextBeginOffset > holding.next) holding.next = answer.nextBeginOffset;
        } else if ([res.PULL_NOT_FOUND, res.PULL_RETRY_IMMEDIATELY, res.PULL_OFFSET_MOVED].some((code) => code === answer.code)) {
          if (Number.isSafeInteger(answer.nextBeginOffset) && answer.nextBeginOffset !== holding.next) holding.next = answer.nextBeginOffset;
          else if (preciseNow() - invoked < 20) await pause(20); // an endpoint that does not hold pulls
        } else {
          if (!(answer.code === res.TOPIC_NOT_EXIST && retry)) pullEnded('fail', `${responseName(answer.code)} ${answer.remark ?? ''}`.slice(0, 300)); // the retry topic comes with the first retry
          await pause(againMs);
        }
      } catch (error) {
        if (holding.over) return;
        pullEnded('info', textOf(error));
        await pause(againMs);
      }
    }
  }

  private async deliverAll(holding: Holding, messages: readonly StoredMessage[]): Promise<void> {
    for (const message of messages) {
      if (holding.over) return;
      if (await this.deliver(holding, message)) holding.next = message.queueOffset + 1;
    }
  }

  /** Until it is taken or given back; false when the queue was lost before. */
  private async deliver(holding: Holding, message: StoredMessage): Promise<boolean> {
    const { name, group, take, failOnce, retryDelayLevel } = this.options;
    const value = valueOf(message);
    for (let times = message.reconsumeTimes; !holding.over; times++) {
      this.recorder.event(name, 'receive', value);
      const about = { ...(value.key === undefined ? {} : { key: value.key }), topic: message.topic, queueId: message.queueId, queueOffset: message.queueOffset };
      if (take?.(value, times) ?? takes(failOnce, value)) {
        this.recorder.call(name, 'ack', about).ok();
        return true;
      }
      if (this.mode === 'broadcasting') return true; // no second try there
      if (this.mode === 'clustering') {
        const call = this.recorder.call(name, 'back', about);
        try {
          const answer = await (await this.via()).sendBack(group, message.topic, message.phyOffset, { delayLevel: retryDelayLevel ?? 1, originMsgId: message.msgId });
          if (answer.code === 0) {
            call.ok();
            return true;
          }
          call.info({ error: responseName(answer.code) });
        } catch (error) {
          call.info({ error: textOf(error) });
        }
      }
      await pause(againMs);
    }
    return false;
  }

  private async lock(topic: string, queueId: number): Promise<boolean> {
    const { name, group } = this.options;
    const call = this.recorder.call(name, 'lock', { group, topic, queueId });
    try {
      const answer = await (await this.via()).request(req.LOCK_BATCH_MQ, {}, { body: this.lockBody(topic, queueId) });
      const granted = answer.code === 0 ? (readLooseJson(answer.body.toString('utf8')) as { lockOKMQSet?: unknown } | null)?.lockOKMQSet : undefined;
      const got = Array.isArray(granted) && granted.length > 0;
      call[got ? 'ok' : 'fail']();
      return got;
    } catch (error) {
      call.info({ error: textOf(error) });
      return false;
    }
  }

  private async unlock(topic: string, queueId: number): Promise<void> {
    const call = this.recorder.call(this.options.name, 'unlock', { group: this.options.group, topic, queueId });
    try {
      const answer = await (await this.via()).request(req.UNLOCK_BATCH_MQ, {}, { body: this.lockBody(topic, queueId) });
      call[answer.code === 0 ? 'ok' : 'info']();
    } catch (error) {
      call.info({ error: textOf(error) });
    }
  }

  private lockBody(topic: string, queueId: number): string {
    return JSON.stringify({ consumerGroup: this.options.group, clientId: this.id, onlyThisBroker: false, mqSet: [{ topic, brokerName: this.t.endpoint.brokerName, queueId }] });
  }

  /** An endpoint that does not answer is met again the next time round. */
  private async attempt(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      textOf(error);
    }
  }

  private async via(): Promise<Messaging> {
    return this.t.via(await this.connected());
  }

  private async connected(): Promise<RawConnection> {
    const known = await this.connection?.catch(() => undefined);
    if (known?.isOpen === true) return known;
    if (this.connection !== undefined && this.over) throw new Error('the case is over');
    this.connection = this.t.connect('broker', { label: this.options.name });
    return this.connection;
  }
}
