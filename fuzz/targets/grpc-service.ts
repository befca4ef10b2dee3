/**
 * The gRPC service before a whole broker, composed in process on a disk in memory, without sockets: sequences of calls of its methods by a few clients,
 * which send handles and transaction ids that they were given, leave early, or send bytes that are no message. Every call is answered with a status; what
 * the service would log as a defect is a find.
 *
 *   an input:  { method (1) | caller (1) | length (2, big endian) | message } ...
 */
import { WireError } from '../../src/codec/errors.js';
import { grpcCode, grpcMethods, grpcServicePath } from '../../src/codec/grpc-messages.js';
import type { GrpcMethodName } from '../../src/codec/grpc-messages.js';
import type { MessageType } from '../../src/codec/protobuf.js';
import { silentLog } from '../../src/remoting/clocks.js';
import { grpcStatus } from '../../src/remoting/grpc.js';
import type { GrpcHandler } from '../../src/remoting/grpc.js';
import type { Log } from '../../src/remoting/types.js';
import { Composed } from '../../src/server/broker/testdata/composed.js';
import { LocalBrokers } from '../../src/server/proxy/local-brokers.js';
import { createProxy } from '../../src/server/proxy/service.js';
import type { Proxy } from '../../src/server/proxy/service.js';
import { KeptCall } from '../../src/server/proxy/testdata/kept-call.js';
import { mutateBytes, mutateText } from '../engine/mutate.js';
import type { Random } from '../engine/random.js';
import { holds } from '../engine/target.js';
import type { Outcome, Running, Target } from '../engine/target.js';
import { makeMessage } from './texts.js';

type AnyType = MessageType<unknown>;
type Tree = Record<string, unknown>;

const methods = Object.keys(grpcMethods) as GrpcMethodName[];
const requestOf = (method: GrpcMethodName): AnyType => grpcMethods[method].request;
const answerOf = (method: GrpcMethodName): AnyType => grpcMethods[method].answer;

// ---- inputs

const callsMax = 8;
const headBytes = 4;
/** Bits of a caller: two of who it is, then what it does. */
const caller = { ids: 3, leaves: 4, nameless: 8, hurried: 16, stays: 32, old: 64 } as const;

interface Planned {
  readonly method: GrpcMethodName;
  readonly caller: number;
  readonly message: Buffer;
}

function callsOf(input: Buffer): Planned[] {
  const calls: Planned[] = [];
  for (let at = 0; at + headBytes <= input.length && calls.length < callsMax;) {
    const end = Math.min(input.length, at + headBytes + input.readUInt16BE(at + 2));
    calls.push({ method: methods[(input[at] as number) % methods.length] as GrpcMethodName, caller: input[at + 1] as number, message: input.subarray(at + headBytes, end) });
    at = end;
  }
  return calls;
}

function written(calls: readonly Planned[]): Buffer {
  return Buffer.concat(calls.flatMap(({ method, caller: who, message }) => {
    const head = Buffer.from([methods.indexOf(method), who, 0, 0]);
    head.writeUInt16BE(Math.min(message.length, 0xffff), 2);
    return [head, message.subarray(0, 0xffff)];
  }));
}

/** Stand for what an earlier call of the input was given; a name of another length is only a text. */
const given = { handle: '@handle', transaction: '@transaction', messageId: '@message', recall: '@recall' } as const;
const topics = ['Normal', 'Fifo', 'Delay', 'Tx', 'Lite', 'None', '%RETRY%G', 'TBW102', ''];
const groups = ['G', 'G2', 'CID_RMQ_SYS_REVIVE_GROUP', ''];
const words: readonly string[] = [...Object.values(given), 'Normal', 'Fifo', 'Delay', 'Tx', 'Lite', 'G', 'TAG', '*', 'a || b', 'a IS NOT NULL', '0 1700000000000 60000 0 0 broker-a 0 0 0'];

/** Names and numbers that fit one another, at every depth. */
function plausible(random: Random, value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((one: unknown) => plausible(random, one, key));
  if (typeof value === 'object' && value !== null && !Buffer.isBuffer(value) && !(value instanceof Map)) {
    return Object.fromEntries(Object.entries(value).map(([name, one]): [string, unknown] => {
      if (name === 'name' && /topic/i.test(key)) return [name, random.pick(topics)];
      if (name === 'name' && key === 'group') return [name, random.pick(groups)];
      if (name === 'resourceNamespace') return [name, random.once(8) ? one : ''];
      if (name === 'seconds') return [name, random.pick([0, 1, 30, 60, random.once(6) ? one : 3600, 1_700_000_060])];
      if (name === 'nanos') return [name, random.once(6) ? one : 0];
      return [name, plausible(random, one, name)];
    }));
  }
  switch (key) {
    case 'receiptHandle': return random.once(6) ? value : given.handle;
    case 'transactionId': return random.once(6) ? value : given.transaction;
    case 'messageId': return random.once(3) ? `ID${random.below(9)}` : given.messageId;
    case 'recallHandle': return random.once(4) ? value : given.recall;
    case 'expression': return random.pick(['*', 'a', 'a || b', 'a IS NOT NULL', 'a > 1', value]);
    case 'bodyEncoding': return random.once(8) ? value : 1;
    case 'messageType': case 'clientType': case 'type': case 'resolution': case 'source': case 'action': return random.once(8) ? value : random.below(7);
    case 'batchSize': return random.once(4) ? value : 1 + random.below(32);
    case 'id': case 'queueId': return random.once(4) ? value : random.below(3) - 1;
    default: return value;
  }
}

function makeCall(random: Random, method = random.pick(methods)): Planned {
  let who = random.below(3);
  for (const bit of [caller.leaves, caller.nameless, caller.hurried, caller.stays, caller.old]) if (random.once(bit === caller.stays ? 2 : 10)) who |= bit;
  return { method, caller: who, message: encoded(random, requestOf(method)) };
}

function encoded(random: Random, type: AnyType): Buffer {
  return type.encode(plausible(random, makeMessage(random, type)));
}

/** A story that a client would have: some deeper state to change from. */
function story(random: Random): Planned[] {
  const topic = random.pick(topics.slice(0, 5));
  const messageType = { Normal: 1, Fifo: 2, Delay: 3, Tx: 4, Lite: 5 }[topic] ?? 1;
  const who = random.below(3);
  const one = (method: GrpcMethodName, value: Tree): Planned => ({ method, caller: who | caller.stays, message: requestOf(method).encode(value) });
  const group = { name: 'G' };
  const named = { name: topic };
  const systemProperties = { messageId: 'ID1', messageType, bodyEncoding: 1, tag: 'a', ...(topic === 'Fifo' ? { messageGroup: 'g' } : {}), ...(topic === 'Delay' ? { deliveryTimestamp: { seconds: 1_700_000_060 } } : {}), ...(topic === 'Lite' ? { liteTopic: 'l' } : {}) };
  const settling = random.pick<Planned>([
    one('AckMessage', { group, topic: named, entries: [{ messageId: given.messageId, receiptHandle: given.handle }] }),
    one('ChangeInvisibleDuration', { group, topic: named, receiptHandle: given.handle, messageId: given.messageId, invisibleDuration: { seconds: 20 } }),
    one('ForwardMessageToDeadLetterQueue', { group, topic: named, receiptHandle: given.handle, messageId: given.messageId, deliveryAttempt: 1, maxDeliveryAttempts: 16 }),
    one('EndTransaction', { topic: named, messageId: given.messageId, transactionId: given.transaction, resolution: 1 + random.below(2), source: random.below(3) }),
    one('RecallMessage', { topic: named, recallHandle: given.recall }),
  ]);
  return [
    one('Telemetry', { settings: { clientType: topic === 'Lite' ? 5 : random.pick([2, 3]), subscription: { group, fifo: topic === 'Fifo', subscriptions: [{ topic: named, expression: { type: 1, expression: '*' } }] } } }),
    one('SendMessage', { messages: [{ topic: named, body: Buffer.from('b'), systemProperties }] }),
    one('ReceiveMessage', { group, messageQueue: { topic: named }, batchSize: 4, invisibleDuration: { seconds: 30 }, longPollingTimeout: { seconds: 5 }, filterExpression: { type: 1, expression: '*' }, autoRenew: random.once(2) }),
    settling,
  ];
}

function mutated(random: Random, input: Buffer): Buffer | undefined {
  const calls = callsOf(input);
  if (calls.length === 0) return undefined;
  const at = random.below(calls.length);
  const call = calls[at] as Planned;
  switch (random.below(7)) {
    case 0: calls.splice(at, 0, makeCall(random)); break;
    case 1: calls.push(call); break;
    case 2: calls.splice(at, 1); break;
    case 3: calls[at] = { ...call, caller: call.caller ^ (1 << random.below(7)) }; break;
    case 4: calls[at] = { ...call, message: mutateBytes(random, call.message, input, 2048) }; break;
    case 5: calls[at] = { ...call, message: Buffer.concat([call.message, encoded(random, requestOf(call.method))]) }; break;
    default: {
      const value = decoded(requestOf(call.method), call.message);
      if (value === undefined) return undefined;
      calls[at] = { ...call, message: requestOf(call.method).encode(random.once(2) ? plausible(random, value) : changed(random, value)) };
    }
  }
  return written(calls.slice(0, callsMax));
}

/** The same value with one of its texts, numbers or parts changed, wherever it is. */
function changed(random: Random, value: unknown): unknown {
  if (typeof value === 'string') return mutateText(random, value);
  if (typeof value === 'number') return random.pick([0, -1, 1, 2147483647, -2147483648, value + 1]);
  if (typeof value === 'boolean') return !value;
  if (Array.isArray(value)) return random.once(3) || value.length === 0 ? [] : random.once(2) ? [...value as unknown[], value[0]] : [changed(random, value[0]), ...value.slice(1) as unknown[]];
  if (Buffer.isBuffer(value)) return mutateBytes(random, value, value, 256);
  if (value instanceof Map) return new Map([...value as Map<string, string>, [random.pick(words), random.pick(words)]]);
  if (typeof value !== 'object' || value === null) return value;
  const names = Object.entries(value as Tree).filter(([, one]) => one !== undefined).map(([name]) => name);
  if (names.length === 0) return value;
  const name = random.pick(names);
  return { ...value, [name]: random.once(5) ? undefined : changed(random, (value as Tree)[name]) };
}

function decoded(type: AnyType, bytes: Buffer): Tree | undefined {
  try {
    return type.decode(bytes) as Tree;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return undefined;
  }
}

// ---- running

/** A call of one of the few clients. */
function callOf(who: number, deadlineMs: number | undefined): KeptCall {
  const id = who & caller.ids;
  return new KeptCall({
    headers: { 'x-mq-client-id': (who & caller.nameless) !== 0 ? undefined : `client-${id}`, 'x-mq-client-version': (who & caller.old) !== 0 ? '5.0.1' : '5.2.0' },
    peer: { address: `10.0.0.${id + 1}`, port: 5000 + id, localAddress: '127.0.0.1' }, deadlineMs,
  });
}

/** Turns of the loop that a call may take; after the patient ones the clock moves on, further than any call may be held. */
const roundsMax = 200;
const patientRounds = 20;
const roundMs = 500;

const codes = new Set<unknown>(Object.values(grpcCode));
const statuses = new Set<unknown>(Object.values(grpcStatus));

/** Wraps the handlers of the service: canaries plant their bugs here. */
export type GrpcSubject = (handlers: ReadonlyMap<string, GrpcHandler>) => ReadonlyMap<string, GrpcHandler>;

class Stage {
  private readonly composed: Composed;
  private readonly proxy: Proxy;
  private readonly handlers: ReadonlyMap<string, GrpcHandler>;
  /** What the service logged as its own defect. */
  private readonly defects: string[];
  /** Streams that stay open, by client. */
  private readonly streams = new Map<number, { readonly call: KeptCall; readonly opened: { message(message: Buffer): void; halfClosed(): void } }>();
  private readonly known = new Map<string, string>();

  constructor(composed: Composed, subject: GrpcSubject, defects: string[]) {
    this.composed = composed;
    this.defects = defects;
    const note = (fields: unknown, text?: string): void => { defects.push(`${text ?? ''} ${JSON.stringify(fields)}`); };
    const log: Log = { ...silentLog, error: note };
    this.proxy = createProxy({ brokers: new LocalBrokers({ broker: composed.broker, clock: composed.clock, log }), clock: composed.clock, log, crowded: () => false });
    this.handlers = subject(this.proxy.handlers);
  }

  private async round(patience: number): Promise<void> {
    this.composed.turn.run();
    if (patience > patientRounds) this.composed.clock.advance(roundMs);
    await new Promise<void>((resolve) => { setImmediate(resolve); });
  }

  /** Hands something to a handler as the transport does: bytes that are no message end the call, whatever else is thrown is a defect. */
  private hand(call: KeptCall, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      call.end(grpcStatus.INTERNAL, error.message);
    }
  }

  /** Runs one call to its end and checks what it was answered; true when it was served. */
  async call({ method, caller: who, message }: Planned): Promise<boolean> {
    const type = requestOf(method);
    const bytes = this.filled(type, message);
    const call = method === 'Telemetry' ? await this.telemetry(who, bytes) : await this.unary(method, who, bytes);
    const [defect] = this.defects;
    holds(defect === undefined, () => `${method}: ${defect ?? ''}`);
    if (call.status !== undefined) {
      holds(statuses.has(call.status), () => `${method} ends with status ${call.status ?? ''}`);
      const unread = decoded(type, bytes) === undefined;
      holds(call.status !== grpcStatus.INTERNAL || unread || method === 'Telemetry', () => `${method} fails: ${call.text ?? ''}`);
    }
    return this.answers(method, call);
  }

  private async unary(method: GrpcMethodName, who: number, bytes: Buffer): Promise<KeptCall> {
    const handler = this.handlers.get(grpcServicePath + method);
    if (handler?.kind !== 'unary') throw new Error(`no ${method}`);
    const call = callOf(who, (who & caller.hurried) === 0 ? undefined : this.composed.clock.nowMs() + 6000);
    this.hand(call, () => { handler.call(call, bytes); });
    if ((who & caller.leaves) !== 0) {
      await this.round(0);
      call.leave();
    }
    for (let i = 0; call.open && i < roundsMax; i++) await this.round(i);
    holds(!call.open, () => `${method} is not answered in ${(roundsMax - patientRounds) * roundMs} ms of the clock`);
    return call;
  }

  /** A command on the client's stream, which may stay open for what the broker asks of it later. */
  private async telemetry(who: number, bytes: Buffer): Promise<KeptCall> {
    const id = who & caller.ids;
    const handler = this.handlers.get(`${grpcServicePath}Telemetry`);
    if (handler?.kind !== 'streaming') throw new Error('no Telemetry');
    let stream = this.streams.get(id);
    if (stream?.call.open !== true || (who & caller.nameless) !== 0) {
      const call = callOf(who, undefined);
      stream = { call, opened: handler.open(call) };
    }
    const { call, opened } = stream;
    call.sent.length = 0;
    this.hand(call, () => { opened.message(bytes); });
    for (let i = 0; call.open && call.sent.length === 0 && i < patientRounds; i++) await this.round(i);
    if ((who & caller.leaves) !== 0) call.leave();
    else if ((who & caller.stays) === 0 && call.open) this.hand(call, () => { opened.halfClosed(); });
    if (call.open) this.streams.set(id, stream);
    return call;
  }

  /** Every answer is a message of the method; unary ones are one message, streams of messages begin with a status and end with a time. */
  private answers(method: GrpcMethodName, call: KeptCall): boolean {
    const answers = call.sent.map((bytes) => answerOf(method).decode(bytes) as Tree);
    let served = false;
    for (const answer of answers) {
      this.keep(answer);
      const status = answer['status'] as { readonly code: number } | undefined;
      if (status === undefined) continue;
      holds(codes.has(status.code) && status.code !== grpcCode.CODE_UNSPECIFIED, () => `${method} answers with code ${status.code}`);
      served ||= status.code === grpcCode.OK || status.code === grpcCode.MULTIPLE_RESULTS;
    }
    if (method === 'Telemetry' || call.status !== 0) return served;
    const withStatus = answers.filter((one) => one['status'] !== undefined).length;
    holds(withStatus === 1, () => `${method} ends well with ${withStatus} statuses in ${answers.length} messages`);
    if (method === 'ReceiveMessage') holds(answers.at(-1)?.['deliveryTimestamp'] !== undefined, () => 'ReceiveMessage ends without its time');
    else holds(answers.length === 1, () => `${method} sends ${answers.length} messages`);
    return served;
  }

  /** Remembers handles and ids for the calls that follow. */
  private keep(answer: unknown): void {
    if (typeof answer !== 'object' || answer === null || Buffer.isBuffer(answer) || answer instanceof Map) return;
    for (const [name, value] of Object.entries(answer)) {
      const sign = { receiptHandle: given.handle, transactionId: given.transaction, messageId: given.messageId, recallHandle: given.recall }[name];
      if (sign !== undefined && typeof value === 'string' && value !== '') this.known.set(sign, value);
      else this.keep(value);
    }
  }

  /** The message with what is known in the place of its signs; as it is when it has none, or is no message. */
  private filled(type: AnyType, bytes: Buffer): Buffer {
    if (!bytes.includes('@')) return bytes;
    const value = decoded(type, bytes);
    if (value === undefined) return bytes;
    const fill = (one: unknown): unknown => {
      if (typeof one === 'string') return this.known.get(one) ?? one;
      if (Array.isArray(one)) return one.map(fill);
      if (typeof one !== 'object' || one === null || Buffer.isBuffer(one) || one instanceof Map) return one;
      return Object.fromEntries(Object.entries(one).map(([name, each]) => [name, fill(each)]));
    };
    return type.encode(fill(value));
  }

  /** What another client sends, it receives and acknowledges. */
  async probe(): Promise<string> {
    const ask = async (method: GrpcMethodName, value: Tree): Promise<readonly Tree[]> => {
      const call = await this.unary(method, 3, requestOf(method).encode(value));
      return call.sent.map((bytes) => answerOf(method).decode(bytes) as Tree);
    };
    const codeOf = (answers: readonly Tree[]): string => String((answers.find((one) => one['status'] !== undefined)?.['status'] as { readonly code?: number } | undefined)?.code);
    const topic = { name: 'Probe' };
    const group = { name: 'ProbeGroup' };
    const receive = { group, messageQueue: { topic }, batchSize: 32, invisibleDuration: { seconds: 30 }, longPollingTimeout: { seconds: 5 }, filterExpression: { type: 1, expression: '*' } };
    const sent = await ask('SendMessage', { messages: [{ topic, body: Buffer.from('golden'), systemProperties: { messageId: 'PROBE', messageType: 1, bodyEncoding: 1 } }] });
    const received = await ask('ReceiveMessage', receive);
    const entries = received.flatMap((one) => {
      const message = one['message'] as { readonly body: Buffer; readonly systemProperties: { readonly messageId: string; readonly receiptHandle: string } } | undefined;
      return message === undefined || message.body.toString() !== 'golden' ? [] : [{ messageId: message.systemProperties.messageId, receiptHandle: message.systemProperties.receiptHandle }];
    });
    const acknowledged = entries.length === 0 ? [] : await ask('AckMessage', { group, topic, entries });
    this.known.clear();
    return `send ${codeOf(sent)} receive ${codeOf(received)} ${entries.length > 0 ? 'golden' : 'lost'} ack ${codeOf(acknowledged)}`;
  }

  async close(): Promise<void> {
    for (const { call } of this.streams.values()) call.leave();
    this.proxy.stop();
    await this.composed.stop();
  }
}

async function open(subject: GrpcSubject): Promise<Running> {
  const composed = await Composed.open({ timerWheelEnable: 'false' });
  for (const [topic, type] of Object.entries({ Normal: 'NORMAL', Fifo: 'FIFO', Delay: 'DELAY', Tx: 'TRANSACTION', Lite: 'LITE', Probe: 'NORMAL' })) {
    const ext = { topic, defaultTopic: 'TBW102', readQueueNums: '2', writeQueueNums: '2', perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false', attributes: `+message.type=${type}` };
    const { code } = await composed.ask('UPDATE_AND_CREATE_TOPIC', { ext });
    if (code !== 0) throw new Error(`topic ${topic}: ${code}`);
  }
  const stage = new Stage(composed, subject, []);
  // The group of the probe is new: it begins at the end, where its first receive puts it.
  await stage.probe();
  return {
    run: async (input): Promise<Outcome> => {
      let served = false;
      for (const call of callsOf(input)) if (await stage.call(call)) served = true;
      return served ? 'taken' : 'refused';
    },
    probe: () => stage.probe(),
    close: () => stage.close(),
  };
}

export function grpcService(subject: GrpcSubject = (handlers) => handlers): Target {
  return {
    name: 'grpc-service',
    proves: 'sequences of calls of the gRPC service before a whole broker: each is answered with a status, never an exception; what a refused one leaves behind disturbs no other client',
    declared: [],
    inputBytesMax: 8192,
    // A store's tail and pages belong to the broker, not to the input.
    allocationBytesMax: (inputBytes) => 8 * 1024 * 1024 + 64 * inputBytes,
    reopenAfter: 50,
    words,
    make: (random) => written(random.once(2) ? story(random) : Array.from({ length: random.small(4) }, () => makeCall(random))),
    mutate: mutated,
    open: () => open(subject),
  };
}
