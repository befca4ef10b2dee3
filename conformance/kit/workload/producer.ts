/** The verifiable producer: sends seeded messages at a rate and records what was asked and what was answered, message by message. */
import { setTimeout as pause } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { req, res, responseName } from '../codes.js';
import type { Answer, RawConnection } from '../connection.js';
import type { Context } from '../context.js';
import { createRng, type Rng } from '../rng.js';
import { phyOffsetOf } from '../wire/record.js';
import type { Value } from './history.js';
import { preciseNow, type Call, type Recorder } from './recorder.js';

export interface ProducerOptions {
  /** Its name in the history; part of every key. */
  readonly name: string;
  readonly topic: string;
  /** Write queues of the topic. */
  readonly queues: number;
  readonly messages: number;
  /** Messages a second; 0 for as many as are answered. Default 0. */
  readonly rate?: number;
  /** Sends without an answer yet; default 16. */
  readonly inFlight?: number;
  readonly seed: number;
  /** Tags to pick from; an empty text stands for no tag. */
  readonly tags?: readonly string[];
  /** Message groups: each keeps to one queue and sends one message after another. Default 0: none, queues in turn. */
  readonly shards?: number;
  /** Delays to pick from, ms; 0 for none. Those of a delay level ask for it, others for TIMER_DELAY_MS. */
  readonly delaysMs?: readonly number[];
  /** Of 100 messages so many are transactional: most committed, a third rolled back, some decided only at the end. Default 0. */
  readonly transactionalPercent?: number;
  /** Default 256. */
  readonly bodyBytesMax?: number;
}

/** Delay of each level, ms, level 1 first (`messageDelayLevel`). */
export const levelsMs: readonly number[] = [1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200].map((s) => s * 1000);

/** Refusals after which the message may be stored all the same. */
const inDoubt: readonly number[] = [res.SYSTEM_ERROR, res.FLUSH_DISK_TIMEOUT, res.SLAVE_NOT_AVAILABLE, res.FLUSH_SLAVE_TIMEOUT];

/** Size and CRC-32 of a body, as histories tell it. */
export function digest(body: Buffer): string {
  return `${body.length}:${crc32(body).toString(16).padStart(8, '0')}`;
}

/** A message that is about to be sent. */
export interface Outgoing {
  readonly value: Value;
  readonly body: Buffer;
  readonly transactional: boolean;
}

/** What becomes of a transactional message; `open`: nothing, until everything else is over. */
export type Decision = 'commit' | 'rollback' | 'open';

/** Makes the messages and keeps the rate; who sends them is up to `Producer` here and to `SdkProducer`. */
export abstract class MessageSource {
  protected readonly options: ProducerOptions;
  protected readonly recorder: Recorder;
  protected readonly rng: Rng;
  private stopped = false;

  constructor(recorder: Recorder, options: ProducerOptions) {
    this.recorder = recorder;
    this.options = options;
    this.rng = createRng(options.seed, options.name);
  }

  /** Sends one message and records the call. Never rejects for what an endpoint does. */
  protected abstract send(message: Outgoing): Promise<void>;

  /** After the last message. */
  protected abstract finish(): Promise<void>;

  protected decision(): Decision {
    const choice = this.rng.int(0, 9);
    return choice < 6 ? 'commit' : choice < 9 ? 'rollback' : 'open';
  }

  /** Sends everything, unless `stop` is called before; answers when every send has its answer. Never rejects for what an endpoint does. */
  async run(): Promise<void> {
    const { name, messages, rate, inFlight, shards } = this.options;
    this.recorder.event(name, 'start');
    const begun = preciseNow();
    const chains = new Map<string, Promise<void>>();
    const flying = new Set<Promise<void>>();
    for (let i = 0; i < messages && !this.stopped; i++) {
      const wait = rate === undefined || rate === 0 ? 0 : begun + (i * 1000) / rate - preciseNow();
      if (wait > 1) await pause(wait);
      while (flying.size >= (inFlight ?? 16)) await Promise.race(flying);
      const shard = shards === undefined || shards === 0 ? undefined : `${name}-g${this.rng.int(0, shards - 1)}`;
      const one = this.message(i, shard);
      const run = shard === undefined ? this.send(one) : (chains.get(shard) ?? Promise.resolve()).then(() => this.send(one));
      if (shard !== undefined) chains.set(shard, run);
      flying.add(run);
      void run.finally(() => flying.delete(run));
    }
    await Promise.all(flying);
    await this.finish();
    this.recorder.event(name, 'stop');
  }

  /** No further messages. */
  stop(): void {
    this.stopped = true;
  }

  private message(i: number, shard: string | undefined): Outgoing {
    const { name, topic, queues, tags, delaysMs, transactionalPercent, bodyBytesMax } = this.options;
    const key = `${name}-${i}`;
    const tag = tags === undefined ? '' : this.rng.pick(tags);
    const transactional = this.rng.int(0, 99) < (transactionalPercent ?? 0);
    // clients drop the delay of a transactional message (`DefaultMQProducerImpl#sendMessageInTransaction`): brokers would delay the half
    const delayMs = delaysMs === undefined || transactional ? 0 : this.rng.pick(delaysMs);
    const body = Buffer.from(`${key} ${this.rng.text(this.rng.int(1, bodyBytesMax ?? 256))}`);
    const queueId = shard === undefined ? i % queues : Number(shard.slice(shard.lastIndexOf('g') + 1)) % queues;
    return {
      body, transactional,
      value: {
        key, topic, queueId, body: digest(body), ...(tag === '' ? {} : { tag }), ...(shard === undefined ? {} : { shard }),
        ...(delayMs === 0 ? {} : { delayMs }), ...(transactional ? { transactional } : {}),
      },
    };
  }
}

/** Sends over a connection of its own, as the protocol has it. */
export class Producer extends MessageSource {
  private readonly t: Context;
  private readonly group: string;
  private readonly undecided: (() => Promise<void>)[] = [];
  private connection: Promise<RawConnection> | undefined;

  constructor(t: Context, recorder: Recorder, options: ProducerOptions) {
    super(recorder, options);
    this.t = t;
    this.group = t.groupName('producer');
  }

  protected async finish(): Promise<void> {
    await Promise.all(this.undecided.map((decide) => decide()));
  }

  protected async send({ value, body, transactional }: Outgoing): Promise<void> {
    const uniqueKey = this.rng.bytes(16).toString('hex').toUpperCase();
    const call = this.recorder.call(this.options.name, 'send', value);
    const answer = await this.ask(call, async (connection) => this.t.via(connection).send(value.topic ?? '', {
      body, group: this.group, queueId: value.queueId ?? 0, keys: value.key ?? '', ...(value.tag === undefined ? {} : { tags: value.tag }), sysFlag: transactional ? 4 : 0,
      properties: { UNIQ_KEY: uniqueKey, ...delayProperty(value.delayMs), ...(value.shard === undefined ? {} : { __SHARDINGKEY: value.shard }), ...(transactional ? { TRAN_MSG: 'true', PGROUP: this.group } : {}) },
    }));
    if (answer === undefined) return;
    call.ok({ ...intOf('queueId', answer.queueId), ...intOf('queueOffset', answer.queueOffset), msgId: answer.msgId });
    if (!transactional) return;
    const end = (how: 'commit' | 'rollback'): Promise<void> => this.end(how, value, answer.ext, answer.msgId);
    const decision = this.decision();
    if (decision === 'open') this.undecided.push(() => end('rollback'));
    else await end(decision);
  }

  private async end(how: 'commit' | 'rollback', value: Value, ext: Answer['ext'], msgId: string): Promise<void> {
    const call = this.recorder.call(this.options.name, 'end', { end: how, ...(value.key === undefined ? {} : { key: value.key }) });
    const answer = await this.ask(call, async (connection) => this.t.via(connection).request(req.END_TRANSACTION, {
      topic: value.topic ?? '', producerGroup: this.group, tranStateTableOffset: Number(ext['queueOffset']), commitLogOffset: phyOffsetOf(msgId) ?? 0,
      commitOrRollback: how === 'commit' ? 8 : 12, fromTransactionCheck: false, msgId: ext['transactionId'] ?? '', transactionId: ext['transactionId'] ?? '',
    }));
    if (answer !== undefined) call.ok();
  }

  /** The answer when its code is SUCCESS; else the call is ended. */
  private async ask<T extends Answer>(call: Call, run: (connection: RawConnection) => Promise<T>): Promise<T | undefined> {
    let connection: RawConnection;
    try {
      connection = await this.connected();
    } catch (error) {
      call.fail({ error: textOf(error) }); // nothing was sent
      await pause(200);
      return undefined;
    }
    try {
      const answer = await run(connection);
      if (answer.code === 0) return answer;
      call[inDoubt.includes(answer.code) ? 'info' : 'fail']({ error: `${responseName(answer.code)} ${answer.remark ?? ''}`.slice(0, 300) });
    } catch (error) {
      call.info({ error: textOf(error) });
    }
    return undefined;
  }

  private async connected(): Promise<RawConnection> {
    const known = await this.connection?.catch(() => undefined);
    if (known?.isOpen === true) return known;
    this.connection = this.t.connect('broker', { label: this.options.name });
    return this.connection;
  }
}

function delayProperty(delayMs: number | undefined): Record<string, string> {
  if (delayMs === undefined) return {};
  const level = levelsMs.indexOf(delayMs) + 1;
  return level > 0 ? { DELAY: String(level) } : { TIMER_DELAY_MS: String(delayMs) };
}

/** A member of a value where the answer had the field as an integer. */
export function intOf<N extends 'queueId' | 'queueOffset'>(name: N, value: number): Value {
  return Number.isSafeInteger(value) ? { [name]: value } : {};
}

/** An error in the words of a history. @throws a programming error, which is none. */
export function textOf(error: unknown): string {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof ReferenceError) throw error;
  return error.message.slice(0, 300);
}
