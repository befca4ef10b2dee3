/**
 * A real client library as the traffic of faults: its program sends each message until it is acknowledged, and a consumer takes them. How often the
 * library tried behind a send and what it commits it does not tell: its duplicates are counted, not bounded.
 */
import { SdkDriver, type Event, type SdkName } from '../../sdk-driver.js';
import type { Value } from '../workload/history.js';
import { digest, intOf, textOf } from '../workload/producer.js';
import type { Call } from '../workload/recorder.js';
import { abilities } from '../workload/sdk-actors.js';
import { Traffic, type Sender, type TrafficMessage, type TrafficOptions } from './traffic.js';

/** Of gRPC consumers: what is lost with a connection comes again after it. The least that endpoints grant (`ProxyConfig#minInvisibleTimeMillsForRecv`). */
const invisibleMs = 10_000;

export class SdkTraffic extends Traffic {
  readonly resumes = undefined;
  override readonly tellsPlaces: boolean;
  /** `DefaultMQProducer#retryTimesWhenSendFailed` and the first one; gRPC: `ExponentialBackoffRetryPolicy#maxAttempts`. */
  protected readonly attemptsEach = 3;
  protected readonly againMs = 50;
  /** A library looks at its routes every 30 s, and a send of it may take 10 s. */
  protected readonly patienceMs = 90_000;
  private readonly program: SdkDriver;
  private readonly as: string;
  /** Acknowledgements of gRPC consumers that are under way, by key. */
  private readonly acking = new Map<string, Call>();

  private constructor(program: SdkDriver, options: TrafficOptions) {
    super(options);
    this.program = program;
    this.tellsPlaces = abilities[program.sdk].tellsPlaces;
    this.as = `${options.group}-c`;
    program.onEvent((event) => {
      if (event.as === this.as) this.heard(event);
    });
  }

  /**
   * Starts the program and its consumer, before any fault. Over gRPC that is a simple consumer: a message whose delivery was lost comes again when
   * its invisible time is over, while for push consumers proxies prolong it as long as the client is there.
   */
  static async open(sdk: SdkName, options: TrafficOptions): Promise<SdkTraffic> {
    const grpc = abilities[sdk].over === 'grpc';
    const program = await SdkDriver.start(sdk, (grpc ? options.grpc : undefined) ?? options.namesrv);
    const traffic = new SdkTraffic(program, options);
    try {
      traffic.recorder.event('consumer', 'join', { group: options.group, topic: options.topic, mode: grpc ? 'pop' : 'concurrent', expression: '*' });
      await program.command('subscribe', {
        as: traffic.as, group: options.group, topic: options.topic, expression: '*', model: 'clustering', orderly: false, ...(grpc ? { style: 'simple', invisibleMs } : {}),
      });
    } catch (error) {
      await program.stop();
      throw error;
    }
    return traffic;
  }

  protected async end(): Promise<void> {
    await this.program.command('unsubscribe', { as: this.as }, 20_000).catch((error: unknown) => void textOf(error));
    await this.program.stop(); // ends what producers still wait for
  }

  protected sender(): Sender {
    return { send: (message) => this.send(message), close: () => undefined };
  }

  private async send({ key, body }: TrafficMessage): Promise<Value | string> {
    try {
      const [sent] = await this.program.send(this.options.topic, 'sync', [{ key, body }]);
      if (sent?.acknowledged !== true) return 'a send that was not acknowledged';
      return this.tellsPlaces ? { ...intOf('queueId', sent.queueId ?? NaN), ...intOf('queueOffset', sent.queueOffset ?? NaN), msgId: sent.msgId ?? '' } : { msgId: sent.msgId ?? '' };
    } catch (error) {
      if (/ ended \(/.test(textOf(error)) && !this.isEnding) throw error; // the program, not a send
      return 'a send that failed';
    }
  }

  private heard(event: Event): void {
    const key = event.key ?? '';
    if (event.event === 'acked') {
      this.acking.get(key)?.[event.acknowledged === true ? 'ok' : 'info']();
      if (event.acknowledged !== true) this.meet('an acknowledgement that failed');
      this.acking.delete(key);
      return;
    }
    if (event.event !== 'received') return;
    const place = this.tellsPlaces ? { ...intOf('queueId', event.queueId ?? NaN), ...intOf('queueOffset', event.offset ?? NaN) } : {};
    const value = { key, topic: this.options.topic, body: digest(Buffer.from(event.body ?? '')), ...place };
    if (abilities[this.program.sdk].over === 'namesrv') this.take('consumer', value);
    else {
      this.receive('consumer', value);
      this.acking.set(key, this.recorder.call('consumer', 'ack', value));
    }
  }
}
