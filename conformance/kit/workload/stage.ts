/** What a workload plays on: a topic, a group, producers and consumers of one history, and waiting until consumers have it all. */
import { responseName } from '../codes.js';
import type { Context } from '../context.js';
import { owed } from './checkers/checker.js';
import { Consumer, valueOf, type ConsumerOptions } from './consumer.js';
import { accepts, History } from './history.js';
import { PopConsumer } from './pop-consumer.js';
import { Producer, type ProducerOptions } from './producer.js';
import type { Recorder } from './recorder.js';
import { settleMs } from './workloads.js';

/** A consumer of any mode. */
export interface RunningConsumer {
  readonly options: ConsumerOptions;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface StageOptions {
  /** Time in which producers send, ms. */
  readonly durationMs: number;
  readonly seed: number;
  /** How long consumers may take after the last send, ms. */
  readonly drainMs: number;
}

/** Who produces and consumes: the kit itself, or a client library. */
export interface Actors {
  /** How long a group may take to share its queues anew, ms. */
  readonly settleMs: number;
  /** Whether topics must say which type of messages they take, as gRPC's must. */
  readonly typedTopics?: boolean;
  producer(options: ProducerOptions): { run(): Promise<void> };
  consumer(options: ConsumerOptions): RunningConsumer;
}

/** The kit's own producers and consumers. */
export function rawActors(t: Context, recorder: Recorder): Actors {
  return {
    settleMs,
    producer: (options) => new Producer(t, recorder, options),
    consumer: (options) => (options.mode === 'pop' ? new PopConsumer(t, recorder, options) : new Consumer(t, recorder, options)),
  };
}

export class Stage {
  readonly t: Context;
  private readonly actors: Actors;
  readonly recorder: Recorder;
  readonly options: StageOptions;
  private readonly consumers: RunningConsumer[] = [];
  private readonly topics = new Map<string, number>();
  /** What was missing when the history had so many lines. */
  private counted: { readonly lines: number; readonly missing: number } | undefined;

  constructor(t: Context, recorder: Recorder, options: StageOptions, actors: Actors = rawActors(t, recorder)) {
    this.t = t;
    this.actors = actors;
    this.recorder = recorder;
    this.options = options;
  }

  /** How long consumers take to settle after one came or went, ms. */
  get settleMs(): number {
    return this.actors.settleMs;
  }

  async topic(queues = 4, type: 'NORMAL' | 'FIFO' | 'DELAY' | 'TRANSACTION' = 'NORMAL'): Promise<string> {
    const topic = await this.t.topic({ queues, ...(this.actors.typedTopics === true ? { attributes: { 'message.type': type }, route: true } : {}) });
    this.topics.set(topic, queues);
    return topic;
  }

  /** A group whose retry topic is deleted with it. */
  group(suffix = 'g', more: Readonly<Record<string, boolean>> = {}): Promise<string> {
    return this.t.group({ suffix, ...more });
  }

  /** Starts a consumer; what is not stopped before ends with the stage. */
  async consume(options: Omit<ConsumerOptions, 'queues'>): Promise<RunningConsumer> {
    const all = { queues: this.topics.get(options.topic) ?? 4, ...options };
    const consumer = this.actors.consumer(all);
    this.consumers.push(consumer);
    await consumer.start();
    return consumer;
  }

  /** A producer of `rate` messages a second for the stage's duration, unless the options say otherwise. */
  async produce(options: Omit<ProducerOptions, 'queues' | 'seed' | 'messages'> & { readonly rate: number; readonly messages?: number }): Promise<void> {
    const messages = options.messages ?? Math.max(10, Math.round((options.rate * this.options.durationMs) / 1000));
    await this.actors.producer({ queues: this.topics.get(options.topic) ?? 4, seed: this.options.seed, ...options, messages }).run();
  }

  /** Waits until each group took everything it is owed, and checks nothing: what is missing after `drainMs` the checkers will tell. */
  async drained(): Promise<void> {
    const end = Date.now() + this.options.drainMs;
    while (Date.now() < end && this.missing() > 0) await this.t.sleep(50);
    await this.t.sleep(100); // what should not come has time to come
  }

  /** Stops consumers, then asks for the offsets they committed and reads every queue of the topics, as a bystander would. */
  async finish(): Promise<void> {
    await this.stopConsumers();
    for (const [group, members] of new History(this.recorder.lines).groups(false)) {
      const topic = members.find((one) => one.mode !== 'pop')?.topic;
      for (let queueId = 0; topic !== undefined && queueId < (this.topics.get(topic) ?? 0); queueId++) {
        const call = this.recorder.call('reader', 'offset', { group, topic, queueId });
        const answer = await this.t.queryOffset(group, topic, queueId);
        if (answer.code === 0 && Number.isSafeInteger(answer.offset)) call.ok({ queueOffset: answer.offset });
        else call.fail({ error: responseName(answer.code) });
      }
    }
    for (const [topic, queues] of this.topics) {
      for (let queueId = 0; queueId < queues; queueId++) {
        const count = (await this.t.maxOffset(topic, queueId)).offset;
        for (const message of count > 0 ? await this.t.pullAll(topic, 0, { queueId }) : []) this.recorder.event('reader', 'read', valueOf(message));
      }
    }
  }

  /** Ends what runs, whatever happened. */
  async stopConsumers(): Promise<void> {
    for (const one of this.consumers.splice(0)) await one.stop();
  }

  async stop(consumer: RunningConsumer): Promise<void> {
    this.consumers.splice(this.consumers.indexOf(consumer), 1);
    await consumer.stop();
  }

  private missing(): number {
    const { length } = this.recorder.lines;
    if (this.counted?.lines !== length) this.counted = { lines: length, missing: this.count() };
    return this.counted.missing;
  }

  private count(): number {
    const history = new History(this.recorder.lines);
    const sends = owed(history);
    const acks = history.of('ack');
    let out = 0;
    for (const broadcasting of [false, true]) {
      for (const members of history.groups(broadcasting).values()) {
        for (const takers of broadcasting ? members.map((one) => [one]) : [members]) {
          const processes = new Set(takers.map((one) => one.process));
          const taken = new Set(acks.filter((one) => one.outcome !== 'fail' && processes.has(one.process)).map((one) => one.value.key));
          out += sends.filter((one) => takers.some((each) => each.topic === one.value.topic && accepts(each.expression, one.value.tag)) && !taken.has(one.value.key)).length;
        }
      }
    }
    return out;
  }
}
