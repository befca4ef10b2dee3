/**
 * Request frames as the generator sends them: encoded once as templates, afterwards only their changing digits are patched
 * in place. It owns the generator's own encoding (nothing of the product's codec, so that a shared mistake cannot hide).
 *
 *   frame  = length int32 | 0 << 24 | header length | JSON header | body
 *   header = {"code":310,"extFields":{"a":group,"b":topic,...},"flag":0,"language":"JAVA","opaque":N,...}, as Java 5.5 writes it
 *   batch  = per message: size int32 | magic 0 | crc 0 | flag 0 | body len32 | body | properties len16 | properties
 */

/** SEND_MESSAGE_V2 and SEND_BATCH_MESSAGE. `RequestCode` */
const SEND_MESSAGE_V2 = 310;
const SEND_BATCH_MESSAGE = 320;
const PULL_MESSAGE = 11;
const UPDATE_AND_CREATE_TOPIC = 17;
const UPDATE_AND_CREATE_SUBSCRIPTIONGROUP = 200;
const GET_MAX_OFFSET = 30;
const END_TRANSACTION = 37;
const POP_MESSAGE = 200_050;
const ACK_MESSAGE = 200_051;

/** sysFlag of a half message, and what END_TRANSACTION says of one that is committed. `MessageSysFlag` */
const TRANSACTION_PREPARED = 4;
const TRANSACTION_COMMIT = 8;

/** Opaques of sends have always eight digits: from 10,000,000 on. */
export const OPAQUE_BASE = 10_000_000;
const OPAQUE_DIGITS = 8;
const BORN_DIGITS = 13;
const KEY_DIGITS = 8;

const HEX = Buffer.from('0123456789ABCDEF', 'latin1');

/** What a send frame carries. */
export interface SendShape {
  readonly topic: string;
  readonly producerGroup: string;
  readonly bodyBytes: number;
  /** Messages in a frame: 1 makes a SEND_MESSAGE_V2, more a SEND_BATCH_MESSAGE. */
  readonly batch: number;
  /** Whether messages carry a KEYS property besides UNIQ_KEY, WAIT and TAGS. */
  readonly keys: boolean;
  /** 24 hex digits in front of the eight that count: distinct per run, as a producer's process id and start time are. */
  readonly keyPrefix: string;
  readonly properties?: Readonly<Record<string, string>>;
  readonly numbered?: number;
  readonly transaction?: boolean;
}

/** Encodes a whole frame from header text and body. */
export function frameOf(header: string, body: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.from(header, 'utf8');
  const frame = Buffer.allocUnsafe(8 + head.length + body.length);
  frame.writeInt32BE(4 + head.length + body.length, 0);
  frame.writeInt32BE(head.length, 4);
  head.copy(frame, 8);
  body.copy(frame, 8 + head.length);
  return frame;
}

function patchDecimal(buffer: Buffer, at: number, digits: number, value: number): void {
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const next = Math.floor(rest / 10);
    buffer[i] = 48 + (rest - next * 10);
    rest = next;
  }
}

function patchHex(buffer: Buffer, at: number, value: number): void {
  for (let i = at + KEY_DIGITS - 1, rest = value >>> 0; i >= at; i--, rest >>>= 4) buffer[i] = HEX[rest & 15] ?? 48;
}

/** Properties as a producer writes them: UNIQ_KEY first, then WAIT and TAGS, and KEYS when wanted; `index` is the message's place in its batch. */
function propertiesOf(shape: SendShape, separators: readonly [string, string], index = 0): string {
  const [is, ends] = separators;
  const key = shape.keyPrefix + '0'.repeat(KEY_DIGITS);
  const keys = shape.keys ? `KEYS${is}${key}${ends}` : '';
  const more = {
    ...(shape.transaction === true ? { TRAN_MSG: 'true', PGROUP: shape.producerGroup } : {}),
    ...(shape.numbered === undefined ? {} : { n: String(index % shape.numbered) }),
    ...shape.properties,
  };
  const rest = Object.entries(more).map(([name, value]) => `${name}${is}${value}${ends}`).join('');
  return `${keys}UNIQ_KEY${is}${key}${ends}WAIT${is}true${ends}TAGS${is}TagA${ends}${rest}`;
}

function payload(bytes: number): Buffer {
  const body = Buffer.allocUnsafe(bytes);
  for (let i = 0; i < bytes; i++) body[i] = 97 + ((i * 7 + (i >>> 5)) % 26);
  return body;
}

/** Where the digits lie that change from frame to frame; positions count from the frame's first byte. */
interface Patches {
  readonly opaqueAt: number;
  readonly queueIdAt: number;
  readonly bornAt: number;
  readonly keysAt: Int32Array;
  readonly keysPerMessage: number;
  readonly bodyAt: number;
}

function positionsOf(frame: Buffer, needle: string, from = 0): number[] {
  const found: number[] = [];
  for (let at = frame.indexOf(needle, from, 'latin1'); at !== -1; at = frame.indexOf(needle, at + 1, 'latin1')) found.push(at + needle.length);
  return found;
}

function onlyPosition(frame: Buffer, needle: string): number {
  const [at] = positionsOf(frame, needle);
  if (at === undefined) throw new Error(`template without ${needle}`);
  return at;
}

function batchElement(message: Buffer, properties: Buffer): Buffer {
  const element = Buffer.alloc(20 + message.length + 2 + properties.length);
  element.writeInt32BE(element.length, 0);
  element.writeInt32BE(message.length, 16);
  message.copy(element, 20);
  element.writeInt16BE(properties.length, 20 + message.length);
  properties.copy(element, 22 + message.length);
  return element;
}

function buildTemplate(shape: SendShape): { frame: Buffer; patches: Patches } {
  const isBatch = shape.batch > 1;
  const born = '1'.padEnd(BORN_DIGITS, '0');
  const properties = isBatch
    ? `UNIQ_KEY\\u0001${shape.keyPrefix}FFFFFFFF\\u0002WAIT\\u0001true\\u0002`
    : propertiesOf(shape, ['\\u0001', '\\u0002']);
  const header =
    `{"code":${isBatch ? SEND_BATCH_MESSAGE : SEND_MESSAGE_V2},"extFields":{"a":"${shape.producerGroup}","b":"${shape.topic}","c":"TBW102",` +
    `"d":"4","e":"0","f":"${shape.transaction === true ? TRANSACTION_PREPARED : 0}","g":"${born}","h":"0","i":"${properties}","j":"0","k":"false","m":"${isBatch}","n":"broker-a"},` +
    `"flag":0,"language":"JAVA","opaque":${OPAQUE_BASE},"serializeTypeCurrentRPC":"JSON","version":513}`;
  const message = payload(shape.bodyBytes);
  let body = message;
  if (isBatch) {
    body = Buffer.concat(Array.from({ length: shape.batch }, (_, index) => batchElement(message, Buffer.from(propertiesOf(shape, ['\u0001', '\u0002'], index), 'latin1'))));
  }
  const frame = frameOf(header, body);
  const keyFrom = isBatch ? frame.length - body.length : 0;
  const keys = positionsOf(frame, `${shape.keyPrefix}`, keyFrom);
  const keysPerMessage = shape.keys ? 2 : 1;
  if (keys.length !== shape.batch * keysPerMessage) throw new Error(`template holds ${keys.length} keys for ${shape.batch} messages`);
  return {
    frame,
    patches: {
      opaqueAt: onlyPosition(frame, '"opaque":'),
      queueIdAt: onlyPosition(frame, '"e":"'),
      bornAt: onlyPosition(frame, '"g":"'),
      keysAt: Int32Array.from(keys),
      keysPerMessage,
      bodyAt: frame.length - body.length + (isBatch ? 20 : 0),
    },
  };
}

/**
 * A run of equal frames that lie one behind the other, so that one socket write takes the first n of them. The run owns
 * its bytes; whoever writes them to a socket may patch them again only when that write is done.
 */
export class FrameRun {
  readonly bytes: Buffer;
  readonly frameBytes: number;
  readonly frames: number;
  readonly #patches: Patches;
  readonly #born: Buffer;

  constructor(template: FrameTemplate, frames: number) {
    this.frames = frames;
    this.frameBytes = template.frame.length;
    this.#patches = template.patches;
    this.#born = template.born;
    this.bytes = Buffer.allocUnsafeSlow(frames * this.frameBytes);
    for (let i = 0; i < frames; i++) template.frame.copy(this.bytes, i * this.frameBytes);
  }

  /** Makes frame `index` a request of its own; its messages take the keys `key`, `key + 1`, ... */
  patch(index: number, opaque: number, queueId: number, key: number): void {
    const { bytes } = this;
    const base = index * this.frameBytes;
    const { opaqueAt, queueIdAt, bornAt, keysAt, keysPerMessage } = this.#patches;
    patchDecimal(bytes, base + opaqueAt, OPAQUE_DIGITS, opaque);
    bytes[base + queueIdAt] = 48 + queueId;
    for (let i = 0; i < BORN_DIGITS; i++) bytes[base + bornAt + i] = this.#born[i] ?? 48;
    for (let i = 0, message = key; i < keysAt.length; message++) {
      for (const next = i + keysPerMessage; i < next; i++) patchHex(bytes, base + (keysAt[i] ?? 0), message);
    }
  }

  /** Notes a time in the first eight bytes of the frame's first body (an IEEE double, big-endian); see `stampOf`. */
  stamp(index: number, timeMs: number): void {
    this.bytes.writeDoubleBE(timeMs, index * this.frameBytes + this.#patches.bodyAt);
  }
}

/** The frame of one shape and the digits of the current millisecond, shared by all runs made from it. */
export class FrameTemplate {
  readonly frame: Buffer;
  readonly patches: Patches;
  readonly born = Buffer.alloc(BORN_DIGITS, 48);
  #bornMs = 0;

  /** Throws RangeError when a number of the shape is outside what a frame can carry. */
  constructor(shape: SendShape) {
    if (!/^[0-9A-F]{24}$/.test(shape.keyPrefix)) throw new RangeError(`keyPrefix: expected 24 hex digits, got ${shape.keyPrefix}`);
    if (!Number.isInteger(shape.batch) || shape.batch < 1) throw new RangeError(`batch: expected 1 or more, got ${shape.batch}`);
    if (shape.transaction === true && shape.batch !== 1) throw new RangeError('transaction: half messages are sent one by one');
    if (!Number.isInteger(shape.bodyBytes) || shape.bodyBytes < 8) throw new RangeError(`bodyBytes: expected 8 or more, got ${shape.bodyBytes}`);
    const { frame, patches } = buildTemplate(shape);
    this.frame = frame;
    this.patches = patches;
    this.bornAt(Date.now());
  }

  /** Sets the bornTimestamp (milliseconds since 1970, 13 digits) that frames patched from now on carry. */
  bornAt(timeMs: number): void {
    if (timeMs === this.#bornMs) return;
    this.#bornMs = timeMs;
    patchDecimal(this.born, 0, BORN_DIGITS, timeMs);
  }
}

/** What a pull asks for. */
export interface PullShape {
  readonly topic: string;
  readonly consumerGroup: string;
  readonly maxMsgNums: number;
  /** Milliseconds that the broker may hold the request when there is nothing new; 0 asks it not to. */
  readonly suspendTimeoutMs: number;
  /** SQL92 expression; absent means `*`. */
  readonly sql?: string;
}

/** sysFlag of a pull: bit 1 (value 2) may suspend, bit 2 (value 4) brings its subscription. `PullSysFlag` */
const SUSPEND = 2;
const SUBSCRIPTION = 4;

/** A PULL_MESSAGE frame. Built anew for each call: a pull brings dozens of messages, so it is not hot. */
export function pullFrame(shape: PullShape, opaque: number, queueId: number, queueOffset: number): Buffer {
  const sysFlag = SUBSCRIPTION | (shape.suspendTimeoutMs > 0 ? SUSPEND : 0);
  return frameOf(
    `{"code":${PULL_MESSAGE},"extFields":{"queueId":"${queueId}","maxMsgBytes":"262144","maxMsgNums":"${shape.maxMsgNums}","sysFlag":"${sysFlag}",` +
      `"suspendTimeoutMillis":"${shape.suspendTimeoutMs}","commitOffset":"0","subscription":${JSON.stringify(shape.sql ?? '*')},"bname":"broker-a","topic":"${shape.topic}",` +
      `"queueOffset":"${queueOffset}","expressionType":"${shape.sql === undefined ? 'TAG' : 'SQL92'}","subVersion":"1","consumerGroup":"${shape.consumerGroup}"},` +
      `"flag":0,"language":"JAVA","opaque":${opaque},"serializeTypeCurrentRPC":"JSON","version":513}`,
  );
}

/** An END_TRANSACTION frame that commits a half message: where it lies in the queue of halves and in the log, and its ids. Asks for an answer. */
export function commitFrame(topic: string, producerGroup: string, opaque: number, at: { readonly queueOffset: string; readonly phyOffset: bigint; readonly msgId: string; readonly transactionId: string }): Buffer {
  return frameOf(
    `{"code":${END_TRANSACTION},"extFields":{"topic":"${topic}","producerGroup":"${producerGroup}","tranStateTableOffset":"${at.queueOffset}","commitLogOffset":"${at.phyOffset}",` +
      `"commitOrRollback":"${TRANSACTION_COMMIT}","fromTransactionCheck":"false","msgId":"${at.msgId}","transactionId":"${at.transactionId}","bname":"broker-a"},` +
      `"flag":0,"language":"JAVA","opaque":${opaque},"serializeTypeCurrentRPC":"JSON","version":513}`,
  );
}

/** A POP_MESSAGE frame for one queue, from the group's beginning, that is not held. */
export function popFrame(topic: string, consumerGroup: string, opaque: number, queueId: number, maxMsgNums: number, invisibleMs: number, bornMs: number): Buffer {
  return frameOf(
    `{"code":${POP_MESSAGE},"extFields":{"consumerGroup":"${consumerGroup}","topic":"${topic}","queueId":"${queueId}","maxMsgNums":"${maxMsgNums}","invisibleTime":"${invisibleMs}",` +
      `"pollTime":"0","bornTime":"${bornMs}","initMode":"0","expType":"TAG","exp":"*","order":"false","bname":"broker-a"},` +
      `"flag":0,"language":"JAVA","opaque":${opaque},"serializeTypeCurrentRPC":"JSON","version":513}`,
  );
}

/** An ACK_MESSAGE frame; `extraInfo` is the handle that the POP's answer gives. */
export function ackFrame(topic: string, consumerGroup: string, opaque: number, queueId: number, queueOffset: number, extraInfo: string): Buffer {
  return frameOf(
    `{"code":${ACK_MESSAGE},"extFields":{"consumerGroup":"${consumerGroup}","topic":"${topic}","queueId":"${queueId}","offset":"${queueOffset}","extraInfo":"${extraInfo}","bname":"broker-a"},` +
      `"flag":0,"language":"JAVA","opaque":${opaque},"serializeTypeCurrentRPC":"JSON","version":513}`,
  );
}

/** An UPDATE_AND_CREATE_TOPIC frame for a readable and writeable topic of `queues` queues. */
export function createTopicFrame(topic: string, queues: number, opaque: number): Buffer {
  return frameOf(
    `{"code":${UPDATE_AND_CREATE_TOPIC},"extFields":{"topicFilterType":"SINGLE_TAG","order":"false","topicSysFlag":"0","force":"false",` +
      `"attributes":"","writeQueueNums":"${queues}","topic":"${topic}","perm":"6","defaultTopic":"TBW102","readQueueNums":"${queues}"},` +
      `"flag":0,"language":"JAVA","opaque":${opaque},"serializeTypeCurrentRPC":"JSON","version":513}`,
  );
}

/** An UPDATE_AND_CREATE_SUBSCRIPTIONGROUP frame for a consumer group as brokers make them by themselves (`SubscriptionGroupConfig`). */
export function createGroupFrame(consumerGroup: string, opaque: number): Buffer {
  return frameOf(
    `{"code":${UPDATE_AND_CREATE_SUBSCRIPTIONGROUP},"flag":0,"language":"JAVA","opaque":${opaque},"serializeTypeCurrentRPC":"JSON","version":513}`,
    Buffer.from(JSON.stringify({ groupName: consumerGroup })),
  );
}

/** A GET_MAX_OFFSET frame: where the next message of a queue will stand. */
export function maxOffsetFrame(topic: string, queueId: number, opaque: number): Buffer {
  return frameOf(
    `{"code":${GET_MAX_OFFSET},"extFields":{"topic":"${topic}","queueId":"${queueId}"},` +
      `"flag":0,"language":"JAVA","opaque":${opaque},"serializeTypeCurrentRPC":"JSON","version":513}`,
  );
}
