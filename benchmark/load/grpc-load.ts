/**
 * Producers and consumers of a load over gRPC, as the official clients use it: SendMessage with one message, ReceiveMessage of a batch and an AckMessage for
 * each message of it. Requests are made and answers read by hand, with no more looked at than what says that they are right.
 */
import { randomBytes } from 'node:crypto';
import { encode } from '../../conformance/kit/grpc/wire.js';
import { ClientType, Code, Encoding, FilterType, MessageType, servicePath } from '../../conformance/kit/grpc/tables.js';
import type { ErrorTally } from './error-tally.js';
import { GrpcChannel, headerBlock, IN_FLIGHT_BYTES_MAX, type Call } from './grpc-channel.js';
import { MeasuredSide } from './measured-side.js';
import type { PullSpec, SendSpec, SideOutcome } from './spec.js';

const INVISIBLE_S = 300;
const POLL_S = 5;
/** ReceiveMessage calls under way per connection. */
const RECEIVES = 2;

/** What goes with every call. Telemetry stays open as long as the client lives: a time limit of its own would end the client's session. */
function metadataOf(clientId: string): Readonly<Record<string, string>> {
  return { 'x-mq-client-id': clientId, 'x-mq-language': 'JAVA', 'x-mq-client-version': '5.2.0', 'x-mq-protocol': 'v2' };
}

function limited(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return { ...metadata, 'grpc-timeout': '30S' };
}

/** Fields of a protobuf message: number, and where the value of a length-delimited one lies, or its number. */
function eachField(bytes: Buffer, visit: (field: number, value: number, start: number, end: number) => void): void {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const wire = tag & 7;
    if (wire === 0) visit(tag >>> 3, varint(), at, at);
    else if (wire === 2) {
      const length = varint();
      visit(tag >>> 3, 0, at, at + length);
      at += length;
    } else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else throw new Error(`an answer with a field of wire type ${wire}`);
  }
}

/** Code and text of the Status in field 1; code undefined when there is none. */
function statusOf(answer: Buffer): { code: number | undefined; text: string } {
  let code: number | undefined;
  let text = '';
  eachField(answer, (field, _value, start, end) => {
    if (field !== 1) return;
    code = 0;
    const status = answer.subarray(start, end);
    eachField(status, (inner, value, from, to) => {
      if (inner === 1) code = value;
      else if (inner === 2) text = status.toString('utf8', from, to);
    });
  });
  return { code, text };
}

/** What both sides share: channels, and calls whose answers are judged. */
abstract class GrpcSide extends MeasuredSide {
  protected readonly channels: GrpcChannel[] = [];
  protected readonly errors: ErrorTally;
  protected total = 0;

  protected constructor(errors: ErrorTally) {
    super();
    this.errors = errors;
  }

  protected async open(address: string, connections: number): Promise<void> {
    for (let i = 0; i < connections; i++) {
      this.channels.push(await GrpcChannel.connect(address, {
        onRead: (nowMs) => {
          this.nowMs = nowMs;
        },
        onReadEnd: () => undefined,
        onClosed: (why) => this.errors.add(`gRPC connection: ${why}`),
      }));
    }
  }

  override measureTo(nowMs: number): void {
    super.measureTo(nowMs);
    this.stopped = true;
  }

  stop(): void {
    this.stopped = true;
    for (const channel of this.channels) channel.close();
  }

  /** The queues are not known to a client: all counts as one. */
  outcome(): SideOutcome {
    return { messages: this.messages, requests: this.requests, latency: this.latency.snapshot(), perQueue: [this.total] };
  }

  /** A message is done, by a request of that time. */
  protected done(sentAtMs: number): void {
    this.total++;
    if (!this.measured) return;
    this.messages++;
    this.requests++;
    this.latency.recordMs(this.nowMs - sentAtMs);
  }

  /** A call whose only answer must say OK. */
  protected unary(what: string, then: () => void, sentAtMs = this.nowMs): Call {
    let ok = false;
    return {
      onMessage: (answer) => {
        const { code, text } = statusOf(answer);
        ok = code === Code.OK;
        if (!ok) this.errors.add(`${what}: ${code ?? 'no status'} ${text.replace(/\d+/g, 'N').slice(0, 160)}`);
      },
      onEnd: (failure) => {
        if (ok) this.done(sentAtMs);
        else if (failure !== undefined) this.errors.add(`${what}: ${failure}`);
        then();
      },
    };
  }
}

export class GrpcProducers extends GrpcSide {
  readonly #spec: SendSpec;
  readonly #message: Buffer;
  /** Where the eight digits of the message id lie that differ. */
  readonly #idAt: number;
  #block: Buffer = Buffer.alloc(0);
  #next = 0;
  #inFlight = 0;
  #onIdle: (() => void) | null = null;

  constructor(spec: SendSpec, topic: string, errors: ErrorTally) {
    super(errors);
    this.#spec = spec;
    const fixed = `01${randomBytes(12).toString('hex').toUpperCase()}`;
    const seconds = Math.floor(Date.now() / 1000);
    this.#message = encode('SendMessageRequest', {
      messages: [{
        topic: { name: topic }, body: Buffer.alloc(spec.bodyBytes, 'x'),
        system_properties: { message_id: `${fixed}00000000`, message_type: MessageType.NORMAL, body_encoding: Encoding.IDENTITY, born_timestamp: { seconds, nanos: 0 }, born_host: 'bench' },
      }],
    });
    this.#idAt = this.#message.indexOf(fixed) + fixed.length;
    if (spec.window * this.#message.length > IN_FLIGHT_BYTES_MAX) throw new RangeError(`window: at most ${IN_FLIGHT_BYTES_MAX} bytes in flight on a gRPC connection`);
  }

  async connect(address: string): Promise<void> {
    this.#block = headerBlock(`${servicePath}SendMessage`, address, limited(metadataOf(`bench-producer@${process.pid}`)));
    await this.open(address, this.#spec.connections);
  }

  start(): void {
    this.nowMs = performance.now();
    for (const channel of this.channels) for (let i = 0; i < this.#spec.window; i++) this.#send(channel);
  }

  /** Resolves when nothing is in flight, or after `timeoutMs` when what is left counts as an error. */
  async drain(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onIdle = (): void => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#inFlight === 0) this.#onIdle();
    });
    if (this.#inFlight > 0) this.errors.add('SendMessage without an answer', this.#inFlight);
    this.stop();
  }

  #send(channel: GrpcChannel): void {
    const message = Buffer.from(this.#message);
    message.write((this.#next++ >>> 0).toString(16).toUpperCase().padStart(8, '0'), this.#idAt, 'latin1');
    this.#inFlight++;
    channel.start(this.#block, message, this.unary('SendMessage', () => {
      this.#inFlight--;
      if (!this.stopped) this.#send(channel);
      else if (this.#inFlight === 0) this.#onIdle?.();
    }));
  }
}

interface Consumer {
  readonly channel: GrpcChannel;
  readonly receive: Buffer;
  readonly ack: Buffer;
  readonly telemetry: Buffer;
}

/** Receives a backlog; when it is empty, again with another group. */
export class GrpcConsumers extends GrpcSide {
  readonly #spec: PullSpec;
  readonly #topic: string;
  readonly #brokerName: string;
  /** Makes a consumer group: a proxy with its broker inside ends the Telemetry of a group that there is not (`ClientProcessor#getGroupOrException`). */
  readonly #createGroup: (group: string) => Promise<void>;
  #passes = 0;
  /** Receives that found nothing and wait for the others. */
  #idle = 0;
  #group = '';
  #consumers: readonly Consumer[] = [];

  constructor(spec: PullSpec, topic: string, brokerName: string, createGroup: (group: string) => Promise<void>, errors: ErrorTally) {
    super(errors);
    this.#spec = spec;
    this.#topic = topic;
    this.#brokerName = brokerName;
    this.#createGroup = createGroup;
  }

  async connect(address: string): Promise<void> {
    await this.open(address, this.#spec.connections);
    this.#consumers = this.channels.map((channel, i) => {
      const metadata = metadataOf(`bench-consumer@${process.pid}@${i}`);
      const block = (method: string): Buffer => headerBlock(servicePath + method, address, limited(metadata));
      return { channel, receive: block('ReceiveMessage'), ack: block('AckMessage'), telemetry: headerBlock(`${servicePath}Telemetry`, address, metadata) };
    });
    await this.#join();
  }

  start(): void {
    this.nowMs = performance.now();
    for (const consumer of this.#consumers) for (let i = 0; i < RECEIVES; i++) this.#receive(consumer);
  }

  override outcome(): SideOutcome & { passes: number } {
    return { ...super.outcome(), passes: this.#passes };
  }

  /** A new group, which each consumer tells of in its settings; resolves when these are answered. */
  async #join(): Promise<void> {
    this.#group = `bench_${randomBytes(6).toString('hex')}`;
    await this.#createGroup(this.#group);
    const settings = encode('TelemetryCommand', {
      settings: {
        client_type: ClientType.SIMPLE_CONSUMER, request_timeout: { seconds: 3, nanos: 0 },
        subscription: {
          group: { name: this.#group }, long_polling_timeout: { seconds: POLL_S, nanos: 0 },
          subscriptions: [{ topic: { name: this.#topic }, expression: { type: FilterType.TAG, expression: '*' } }],
        },
      },
    });
    await Promise.all(this.#consumers.map(({ channel, telemetry }) => new Promise<void>((resolve) => {
      channel.start(telemetry, settings, {
        onMessage: () => resolve(),
        onEnd: (failure) => {
          if (!this.stopped) this.errors.add(`Telemetry ended: ${failure ?? 'by the endpoint'}`);
          resolve();
        },
      }, true);
    })));
  }

  #receive(consumer: Consumer): void {
    if (this.stopped) return;
    const group = this.#group;
    const request = encode('ReceiveMessageRequest', {
      group: { name: group }, message_queue: { topic: { name: this.#topic }, id: -1, broker: { name: this.#brokerName } },
      filter_expression: { type: FilterType.TAG, expression: '*' }, batch_size: this.#spec.maxMsgNums, auto_renew: false,
      invisible_duration: { seconds: INVISIBLE_S, nanos: 0 }, long_polling_timeout: { seconds: POLL_S, nanos: 0 },
    });
    const sentAtMs = this.nowMs;
    let ended = false;
    let open = 0;
    let received = 0;
    let status: { code: number | undefined; text: string } = { code: undefined, text: '' };
    const next = (): void => {
      if (!ended || open > 0) return;
      if (received > 0) this.#receive(consumer);
      else if (++this.#idle === this.#consumers.length * RECEIVES) this.#startAgain();
    };
    consumer.channel.start(consumer.receive, request, {
      onMessage: (answer) => {
        const entry = this.#entryOf(answer);
        if (entry === undefined) {
          const said = statusOf(answer);
          if (said.code !== undefined) status = said;
          return;
        }
        received++;
        open++;
        const ack = encode('AckMessageRequest', { group: { name: group }, topic: { name: this.#topic }, entries: [entry] });
        consumer.channel.start(consumer.ack, ack, this.unary('AckMessage', () => {
          open--;
          next();
        }, sentAtMs));
      },
      onEnd: (failure) => {
        ended = true;
        const known = status.code === Code.OK || (status.code === Code.MESSAGE_NOT_FOUND && received === 0);
        if (failure !== undefined || !known) this.errors.add(`ReceiveMessage: ${failure ?? `${status.code ?? 'no status'} ${status.text.replace(/\d+/g, 'N').slice(0, 160)}`}`);
        if (failure === undefined && known) next();
      },
    });
  }

  /** What a received message is acknowledged with; undefined when the answer holds none. */
  #entryOf(answer: Buffer): { message_id: string; receipt_handle: string } | undefined {
    let id = '';
    let handle = '';
    eachField(answer, (field, _value, start, end) => {
      if (field !== 2) return;
      const message = answer.subarray(start, end);
      eachField(message, (inner, _number, from, to) => {
        if (inner !== 3) return;
        const system = message.subarray(from, to);
        eachField(system, (property, _n, a, b) => {
          if (property === 3) id = system.toString('latin1', a, b);
          else if (property === 12) handle = system.toString('latin1', a, b);
        });
      });
    });
    return handle === '' ? undefined : { message_id: id, receipt_handle: handle };
  }

  #startAgain(): void {
    this.#passes++;
    this.#idle = 0;
    this.#join().then(() => this.start(), (error: unknown) => this.errors.add(String(error)));
  }
}
