/**
 * What a case uses of gRPC: a client with its id, typed calls, its Telemetry stream, messages sent and received. Everything is closed when
 * the case ends.
 */
import type { Context } from '../context.js';
import { fail, notApplicable, present, show } from '../expect.js';
import { GrpcChannel, type CallOptions, type GrpcStream, type Outcome } from './client.js';
import { AddressScheme, Code, ClientType, Encoding, FilterType, MessageType, methods, type MessageName, type MethodName } from './tables.js';
import { decode, encode, type MessageOf } from './wire.js';

type RequestOf<M extends MethodName> = MessageOf<(typeof methods)[M]['request']>;
type AnswerOf<M extends MethodName> = MessageOf<(typeof methods)[M]['answer']>;

export interface Answered<M extends MethodName> {
  readonly outcome: Outcome;
  /** The answers; one for all but ReceiveMessage and PullMessage. */
  readonly answers: readonly AnswerOf<M>[];
  /** The only answer. */
  readonly answer: AnswerOf<M>;
}

export type Received = MessageOf<'Message'>;

const codeNames = new Map<number, string>(Object.entries(Code).map(([name, number]) => [number, name]));

/** A code as a report shows it. */
export function codeName(code: number | undefined): string {
  return code === undefined ? 'no code' : `${codeNames.get(code) ?? 'unknown code'}(${code})`;
}

/** The status has this code (or one of them). */
export function statusIs(status: MessageOf<'Status'> | undefined, expected: number | readonly number[], what: string): void {
  const wanted = typeof expected === 'number' ? [expected] : expected;
  if (!wanted.includes(status?.code ?? 0)) fail(`${what}: status code`, wanted.map(codeName).join(' or '), `${codeName(status?.code)}${status?.message === undefined ? '' : `, ${show(status.message)}`}`);
}

/** The call ended with this grpc-status. */
export function grpcStatusIs(outcome: Outcome, expected: number | readonly number[], what: string): void {
  const wanted = typeof expected === 'number' ? [expected] : expected;
  if (outcome.status === undefined || !wanted.includes(outcome.status)) fail(`${what}: grpc-status`, wanted.join(' or '), `${outcome.status ?? 'none'} ${outcome.statusText ?? ''} (HTTP ${outcome.http ?? 'none'}, reset ${outcome.reset})`);
}

/** Duration or Timestamp of milliseconds. */
export function time(ms: number): { readonly seconds: number; readonly nanos: number } {
  return { seconds: Math.floor(ms / 1000), nanos: (((ms % 1000) + 1000) % 1000) * 1e6 };
}

/** Milliseconds of a Duration or Timestamp. */
export function ms(value: MessageOf<'Duration'> | undefined): number {
  return (value?.seconds ?? 0) * 1000 + (value?.nanos ?? 0) / 1e6;
}

export interface ReceiveOptions {
  readonly batch?: number;
  readonly invisibleMs?: number | undefined;
  readonly expression?: string;
  readonly type?: number;
  readonly pollMs?: number;
  readonly queueId?: number;
  readonly request?: RequestOf<'ReceiveMessage'>;
  readonly call?: CallOptions;
}

export interface ReceiveAnswer {
  readonly status: MessageOf<'Status'> | undefined;
  readonly messages: readonly Received[];
  readonly deliveryTimestamp: MessageOf<'Timestamp'> | undefined;
  /** Which part came in which order: status, message, delivery_timestamp. */
  readonly order: readonly string[];
}

/** A gRPC client of a case. */
export class GrpcClient {
  readonly clientId: string;
  readonly channel: GrpcChannel;
  private readonly t: Context;

  constructor(t: Context, channel: GrpcChannel, clientId: string) {
    this.t = t;
    this.channel = channel;
    this.clientId = clientId;
  }

  /** The metadata of every call. */
  headers(more: CallOptions['headers'] = {}): Readonly<Record<string, string | undefined>> {
    return { 'x-mq-client-id': this.clientId, 'x-mq-language': 'JAVA', 'x-mq-client-version': '5.2.0', 'x-mq-protocol': 'v2', 'x-mq-request-id': this.t.rng.text(12), ...more };
  }

  /** A call, whatever becomes of it. */
  outcome(method: string, message: Buffer, options: CallOptions = {}): Promise<Outcome> {
    return this.channel.call(method, message, { ...options, headers: this.headers(options.headers) });
  }

  /** A call that must end with grpc-status 0 and at least one answer. */
  async call<M extends MethodName>(method: M, request: RequestOf<M>, options: CallOptions = {}): Promise<Answered<M>> {
    return this.callBytes(method, encode(methods[method].request, request), options);
  }

  /** The same with the bytes of the request. */
  async callBytes<M extends MethodName>(method: M, request: Buffer, options: CallOptions = {}): Promise<Answered<M>> {
    const outcome = await this.outcome(method, request, options);
    grpcStatusIs(outcome, 0, method);
    const name: MessageName = methods[method].answer;
    const answers = outcome.messages.map((bytes) => decode(name, bytes) as AnswerOf<M>);
    return { outcome, answers, answer: present(answers[0], `an answer to ${method}`) };
  }

  /** Opens Telemetry. */
  telemetry(options: CallOptions = {}): Telemetry {
    return new Telemetry(this.channel.start('Telemetry', { deadlineMs: null, ...options, headers: this.headers(options.headers) }));
  }

  /** Opens Telemetry as a producer of the topics, and reads the answer. */
  async producer(...topics: readonly string[]): Promise<Telemetry> {
    const stream = this.telemetry();
    await stream.settings({ client_type: ClientType.PRODUCER, publishing: { topics: topics.map((name) => ({ name })) } });
    return stream;
  }

  /** Opens Telemetry as a consumer of the group, and reads the answer. */
  async consumer(group: string, topics: readonly string[], more: { readonly expression?: string; readonly type?: number; readonly clientType?: number } = {}): Promise<Telemetry> {
    const stream = this.telemetry();
    await stream.settings({
      client_type: more.clientType ?? ClientType.SIMPLE_CONSUMER, request_timeout: time(3000),
      subscription: { group: { name: group }, subscriptions: topics.map((name) => ({ topic: { name }, expression: { type: more.type ?? FilterType.TAG, expression: more.expression ?? '*' } })), long_polling_timeout: time(5000) },
    });
    return stream;
  }

  /** A message as SDKs build it. */
  message(topic: string, body: string | Buffer = 'body', system: MessageOf<'SystemProperties'> = {}, user: Readonly<Record<string, string>> = {}): MessageOf<'Message'> {
    return {
      topic: { name: topic }, user_properties: user, body: typeof body === 'string' ? Buffer.from(body) : body,
      system_properties: { message_id: messageId(this.t), message_type: MessageType.NORMAL, body_encoding: Encoding.IDENTITY, born_timestamp: time(this.t.now()), born_host: 'conform', ...system },
    };
  }

  /** SendMessage of messages. */
  async send(...list: readonly MessageOf<'Message'>[]): Promise<AnswerOf<'SendMessage'>> {
    return (await this.call('SendMessage', { messages: list })).answer;
  }

  /** SendMessage that must be stored; its first entry. */
  async sendOk(...list: readonly MessageOf<'Message'>[]): Promise<MessageOf<'SendResultEntry'>> {
    const answer = await this.send(...list);
    statusIs(answer.status, Code.OK, 'SendMessage');
    return present(answer.entries?.[0], 'an entry of the answer to SendMessage');
  }

  /** One ReceiveMessage. */
  async receive(topic: string, group: string, options: ReceiveOptions = {}): Promise<ReceiveAnswer> {
    const pollMs = options.pollMs ?? 5000;
    const { answers } = await this.call('ReceiveMessage', {
      group: { name: group }, message_queue: { topic: { name: topic }, id: options.queueId ?? -1, broker: { name: this.t.endpoint.brokerName } },
      filter_expression: { type: options.type ?? FilterType.TAG, expression: options.expression ?? '*' }, batch_size: options.batch ?? 16, auto_renew: false,
      invisible_duration: 'invisibleMs' in options ? (options.invisibleMs === undefined ? undefined : time(options.invisibleMs)) : time(30_000), long_polling_timeout: time(pollMs),
      ...options.request,
    }, { timeoutMs: pollMs + 15_000, ...options.call });
    return {
      status: answers.find((one) => one.status !== undefined)?.status, messages: answers.flatMap((one) => (one.message === undefined ? [] : [one.message])),
      deliveryTimestamp: answers.find((one) => one.delivery_timestamp !== undefined)?.delivery_timestamp,
      order: answers.map((one) => (one.status !== undefined ? 'status' : one.message !== undefined ? 'message' : one.delivery_timestamp !== undefined ? 'delivery_timestamp' : 'nothing')),
    };
  }

  /** Receives until `count` messages came; fails when they do not. */
  async receiveAll(topic: string, group: string, count: number, options: ReceiveOptions & { readonly waitMs?: number } = {}): Promise<readonly Received[]> {
    const { waitMs, ...rest } = options;
    const out: Received[] = [];
    await this.t.until(`${count} messages received`, async () => {
      const answer = await this.receive(topic, group, rest);
      statusIs(answer.status, [Code.OK, Code.MESSAGE_NOT_FOUND], 'ReceiveMessage');
      out.push(...answer.messages);
      return out.length >= count;
    }, waitMs ?? 15_000);
    return out;
  }

  /** AckMessage of received messages. */
  async ack(topic: string, group: string, ...handles: readonly (Received | string)[]): Promise<AnswerOf<'AckMessage'>> {
    const entries = handles.map((one) => (typeof one === 'string' ? { message_id: 'unknown', receipt_handle: one } : { message_id: idOf(one), receipt_handle: handleOf(one) }));
    return (await this.call('AckMessage', { topic: { name: topic }, group: { name: group }, entries })).answer;
  }

  /** ChangeInvisibleDuration of a received message. */
  async change(topic: string, group: string, message: Received | string, invisibleMs: number): Promise<AnswerOf<'ChangeInvisibleDuration'>> {
    const [message_id, receipt_handle] = typeof message === 'string' ? ['unknown', message] : [idOf(message), handleOf(message)];
    return (await this.call('ChangeInvisibleDuration', { topic: { name: topic }, group: { name: group }, message_id, receipt_handle, invisible_duration: time(invisibleMs) })).answer;
  }
}

/** The client's Telemetry stream. */
export class Telemetry {
  readonly stream: GrpcStream;

  constructor(stream: GrpcStream) {
    this.stream = stream;
  }

  send(command: MessageOf<'TelemetryCommand'>): void {
    this.stream.send(encode('TelemetryCommand', command));
  }

  /** The next command that comes. */
  async next(timeoutMs = 5000): Promise<MessageOf<'TelemetryCommand'>> {
    return decode('TelemetryCommand', await this.stream.next(timeoutMs));
  }

  /** Sends settings; the settings that come back. */
  async settings(settings: MessageOf<'Settings'>): Promise<MessageOf<'Settings'>> {
    this.send({ settings });
    const answer = await this.next();
    statusIs(answer.status, Code.OK, 'answer to settings');
    return present(answer.settings, 'settings in the answer');
  }
}

/** A client of the case, with an id of its own, on a connection of its own. */
export async function grpcClient(t: Context, clientId = `conform@${t.rng.text(10)}@${t.now().toString(36)}`): Promise<GrpcClient> {
  const channel = await openChannel(t);
  return new GrpcClient(t, channel, clientId);
}

/** A connection that is closed when the case ends. */
export async function openChannel(t: Context): Promise<GrpcChannel> {
  const address = t.endpoint.grpc ?? notApplicable('no gRPC endpoint was given');
  const channel = await GrpcChannel.open(address, t.log);
  t.signal.addEventListener('abort', () => channel.close());
  return channel;
}

/** A message id as SDKs make it: 01, mac, pid, time, sequence, in upper-case hex. */
export function messageId(t: Context): string {
  return `01${t.rng.bytes(16).toString('hex').toUpperCase()}`;
}

export function idOf(message: Received): string {
  return present(message.system_properties?.message_id, 'message_id of a received message');
}

export function handleOf(message: Received): string {
  return present(message.system_properties?.receipt_handle, 'receipt_handle of a received message');
}

export function bodyOf(message: Received): string {
  return (message.body ?? Buffer.alloc(0)).toString('utf8');
}

/** A topic of a message type, known to the name server. */
export function topicOf(t: Context, type: 'NORMAL' | 'FIFO' | 'DELAY' | 'TRANSACTION' | 'MIXED' = 'NORMAL', options: Parameters<Context['topic']>[0] = {}): Promise<string> {
  return t.topic({ route: true, attributes: { 'message.type': type }, ...options });
}

/** The endpoints that a client puts into its questions. */
export function endpointsOf(t: Context): MessageOf<'Endpoints'> {
  const address = t.endpoint.grpc ?? '';
  const at = address.lastIndexOf(':');
  return { scheme: AddressScheme.IPv4, addresses: [{ host: address.slice(0, at), port: Number(address.slice(at + 1)) }] };
}
