/**
 * Verifiable traffic while faults happen: producers that send each message until it is acknowledged, consumers that take them, a history of both, and
 * when the first send and the first delivery came through again. Who sends and who takes is `RawTraffic` or `SdkTraffic`; judging is `judge.ts`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostPort } from '../connection.js';
import type { Value } from '../workload/history.js';
import { digest } from '../workload/producer.js';
import { Recorder } from '../workload/recorder.js';
import { readQueues, type Place } from './pulling.js';

export interface TrafficOptions extends Place {
  readonly namesrv: HostPort;
  /** Where clients that speak gRPC go. */
  readonly grpc?: HostPort | undefined;
  readonly brokerName: string;
  readonly producers?: number;
  /** Between two messages of a producer; default 10. */
  readonly paceMs?: number;
  /** A request without an answer is given up, and its connection with it; default 4000. */
  readonly requestMs?: number;
}

/** A run that sends more has a mistake. */
const messagesMax = 100_000;

/** What clients met, by sentence: `SYSTEM_BUSY`, `no answer`, ... */
export type Refusals = ReadonlyMap<string, number>;

export interface TrafficMessage {
  readonly key: string;
  readonly body: string;
  /** Of its producer, from 0. */
  readonly number: number;
}

/** What one producer sends with. */
export interface Sender {
  /** Tries once. Answers where the message is, as far as that is told, or in words why it was not acknowledged. */
  send(message: TrafficMessage): Promise<Value | string>;
  close(): void;
}

export abstract class Traffic {
  readonly recorder: Recorder = new Recorder();
  /** How often each message was sent, at most. */
  readonly attempts: ReadonlyMap<string, number>;
  /** How often a consumer began anew from its committed offset; undefined: it does not tell that, nor what it commits. */
  abstract readonly resumes: number | undefined;
  /** Deliveries tell queue and offset. */
  readonly tellsPlaces: boolean = true;
  protected readonly options: TrafficOptions;
  protected producing: readonly Promise<void>[] = [];
  /** Sends behind one `Sender#send`, at most. */
  protected abstract readonly attemptsEach: number;
  /** After a failure, before the next attempt. */
  protected abstract readonly againMs: number;
  /** What its consumers need at least to have everything after a fault, ms. */
  protected abstract readonly patienceMs: number;
  private readonly tries = new Map<string, number>();
  private readonly met = new Map<string, number>();
  private readonly owed = new Set<string>();
  private readonly taken = new Set<string>();
  private readonly acks: number[] = [];
  private readonly deliveries: number[] = [];
  private sending = true;
  private ended: Promise<void> | undefined;
  private fault: Error | undefined;

  constructor(options: TrafficOptions) {
    this.options = options;
    this.attempts = this.tries;
  }

  /** Begins; clients that find no endpoint keep trying. */
  start(): void {
    this.consume();
    this.producing = Array.from({ length: this.options.producers ?? 2 }, (_none, i) => this.guarded(this.produce(`producer-${i}`)));
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

  /** The first acknowledgement and the first delivery at or after a time (ms since 1970); undefined where there is none yet. @throws what broke a client. */
  firstSince(time: number): { readonly ack: number | undefined; readonly delivery: number | undefined } {
    if (this.fault !== undefined) throw this.fault;
    return { ack: this.acks.find((one) => one >= time), delivery: this.deliveries.find((one) => one >= time) };
  }

  /** Ends sending, waits until all that was acknowledged is consumed or time is up, ends consuming. @throws what broke a client. */
  async finish(drainMs: number): Promise<void> {
    this.sending = false;
    await Promise.all(this.producing); // a last acknowledgement may be on its way
    const missing = (): boolean => [...this.owed].some((key) => !this.taken.has(key));
    for (const end = Date.now() + Math.max(drainMs, this.patienceMs); this.fault === undefined && missing() && Date.now() < end; ) await sleep(50);
    await this.abandon();
    if (this.fault !== undefined) throw this.fault;
  }

  /** Ends all clients; for a case whose time is up too. */
  async abandon(): Promise<void> {
    this.sending = false;
    await (this.ended ??= this.end());
    await Promise.all(this.producing);
  }

  /** Reads all queues at `broker`, past the faults, into the history. */
  read(broker: HostPort): Promise<void> {
    return readQueues(this.recorder, this.options, broker);
  }

  /** Starts consumers that are not there yet. */
  protected consume(): void {}

  /** Ends consumers, and what producers still wait for. */
  protected abstract end(): Promise<void>;

  protected abstract sender(): Sender;

  /** What the producer says in advance of where its message will be. */
  protected chosen(_number: number): Value {
    return {};
  }

  protected get isEnding(): boolean {
    return this.ended !== undefined;
  }

  /** What breaks a client is told to whoever asks for progress. */
  protected async guarded(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.fault ??= error instanceof Error ? error : new Error(String(error));
    }
  }

  /** A consumer was given a message. */
  protected receive(process: string, value: Value): void {
    this.recorder.event(process, 'receive', value);
    this.deliveries.push(Date.now());
    if (value.key !== undefined) this.taken.add(value.key);
  }

  /** A consumer was given a message and is done with it. */
  protected take(process: string, value: Value): void {
    this.receive(process, value);
    this.recorder.call(process, 'ack', value).ok();
  }

  protected meet(what: string): void {
    this.met.set(what, (this.met.get(what) ?? 0) + 1);
  }

  private async produce(process: string): Promise<void> {
    const { topic, paceMs = 10 } = this.options;
    const sender = this.sender();
    try {
      for (let number = 0; this.sending && number < messagesMax; number++) {
        const key = `${process}-${number}`;
        const body = `${key} ${'.'.repeat(number % 50)}`;
        await this.deliver(sender, process, { key, body, number }, { key, topic, ...this.chosen(number), body: digest(Buffer.from(body)) });
        await sleep(paceMs);
      }
    } finally {
      sender.close();
    }
  }

  /** Until it is acknowledged or the producers end. */
  private async deliver(sender: Sender, process: string, message: TrafficMessage, value: Value): Promise<void> {
    const { key } = message;
    const call = this.recorder.call(process, 'send', value);
    let why = 'given up';
    try {
      while (this.sending) {
        this.tries.set(key, (this.tries.get(key) ?? 0) + this.attemptsEach);
        const outcome = await sender.send(message);
        if (typeof outcome !== 'string') {
          call.ok(outcome);
          this.acks.push(Date.now());
          this.owed.add(key);
          return;
        }
        this.meet(why = outcome);
        await sleep(this.againMs);
      }
    } finally {
      call.info({ error: why });
    }
  }
}
