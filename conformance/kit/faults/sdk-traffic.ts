/**
 * A real client library as the traffic of faults: its program sends each message until it is acknowledged, and a push consumer takes them.
 * How often the library tried behind a send and what it commits it does not tell: its duplicates are counted, not bounded.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SdkDriver, type RemotingSdk } from '../../sdk-driver.js';
import type { HostPort } from '../connection.js';
import { digest, intOf, textOf } from '../workload/producer.js';
import { Recorder } from '../workload/recorder.js';
import { readQueues, type FaultTraffic, type Refusals, type TrafficOptions } from './traffic.js';

/** Sends of a message behind one call, at most (`DefaultMQProducer#retryTimesWhenSendFailed` and the first one). */
const triesMax = 3;
const paceMs = 10;
const againMs = 50;
/** A run that sends more has a mistake. */
const messagesMax = 100_000;
/** A library looks at its routes every 30 s, and a send of it may take 10 s. */
const patienceMs = 90_000;

export class SdkTraffic implements FaultTraffic {
  readonly recorder: Recorder = new Recorder();
  readonly attempts = new Map<string, number>();
  readonly resumes = undefined;
  private readonly options: TrafficOptions;
  private readonly program: SdkDriver;
  private readonly as: string;
  private readonly met = new Map<string, number>();
  private readonly owed = new Set<string>();
  private readonly taken = new Set<string>();
  private readonly acks: number[] = [];
  private readonly deliveries: number[] = [];
  private producing: readonly Promise<void>[] = [];
  private sending = true;
  private ended: Promise<void> | undefined;
  private fault: Error | undefined;

  private constructor(program: SdkDriver, options: TrafficOptions) {
    this.program = program;
    this.options = options;
    this.as = `${options.group}-c`;
    program.onEvent((event) => {
      if (event.event === 'received' && event.as === this.as) this.take(event.key ?? '', event.body ?? '', event.queueId ?? NaN, event.offset ?? NaN);
    });
  }

  /** Starts the program and its consumer, before any fault. */
  static async open(sdk: RemotingSdk, options: TrafficOptions): Promise<SdkTraffic> {
    const program = await SdkDriver.start(sdk, options.namesrv);
    const traffic = new SdkTraffic(program, options);
    try {
      traffic.recorder.event('consumer', 'join', { group: options.group, topic: options.topic, mode: 'concurrent', expression: '*' });
      await program.command('subscribe', { as: traffic.as, group: options.group, topic: options.topic, expression: '*', model: 'clustering', orderly: false });
    } catch (error) {
      await program.stop();
      throw error;
    }
    return traffic;
  }

  start(): void {
    const guarded = async (name: string): Promise<void> => {
      try {
        await this.produce(name);
      } catch (error) {
        this.fault ??= error instanceof Error ? error : new Error(String(error));
      }
    };
    this.producing = Array.from({ length: this.options.producers ?? 2 }, (_none, i) => guarded(`producer-${i}`));
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
    for (const end = Date.now() + Math.max(drainMs, patienceMs); this.fault === undefined && missing() && Date.now() < end; ) await sleep(50);
    await this.abandon();
    if (this.fault !== undefined) throw this.fault;
  }

  abandon(): Promise<void> {
    this.sending = false;
    return (this.ended ??= this.end());
  }

  read(broker: HostPort): Promise<void> {
    return readQueues(this.recorder, this.options, broker);
  }

  private async end(): Promise<void> {
    await this.program.command('unsubscribe', { as: this.as }, 10_000).catch((error: unknown) => void textOf(error));
    await this.program.stop(); // ends what producers still wait for
    await Promise.all(this.producing);
  }

  private async produce(process: string): Promise<void> {
    const { topic } = this.options;
    for (let i = 0; this.sending && i < messagesMax; i++) {
      const key = `${process}-${i}`;
      const body = `${key} ${'.'.repeat(i % 50)}`;
      const call = this.recorder.call(process, 'send', { key, topic, body: digest(Buffer.from(body)) });
      let acknowledged = false;
      while (!acknowledged && this.sending) {
        this.attempts.set(key, (this.attempts.get(key) ?? 0) + triesMax);
        try {
          const [sent] = await this.program.send(topic, 'sync', [{ key, body }]);
          acknowledged = sent?.acknowledged === true;
          if (acknowledged) call.ok({ ...intOf('queueId', sent?.queueId ?? NaN), ...intOf('queueOffset', sent?.queueOffset ?? NaN), msgId: sent?.msgId ?? '' });
          else this.meet('a status other than SEND_OK');
        } catch (error) {
          this.meet('a send that failed');
          if (/ ended \(/.test(textOf(error)) && this.ended === undefined) throw error; // the program, not a send
          await sleep(againMs);
        }
      }
      if (acknowledged) {
        this.acks.push(Date.now());
        this.owed.add(key);
      }
      call.info({ error: 'given up' });
      await sleep(paceMs);
    }
  }

  private take(key: string, body: string, queueId: number, queueOffset: number): void {
    const value = { key, topic: this.options.topic, body: digest(Buffer.from(body)), ...intOf('queueId', queueId), ...intOf('queueOffset', queueOffset) };
    this.recorder.event('consumer', 'receive', value);
    this.recorder.call('consumer', 'ack', value).ok();
    this.deliveries.push(Date.now());
    this.taken.add(key);
  }

  private meet(what: string): void {
    this.met.set(what, (this.met.get(what) ?? 0) + 1);
  }
}
