/**
 * Answers of the hot path, written straight into a caller's buffer as whole frames: SEND_* and PULL_MESSAGE on success, and a general one.
 * They hold the same members as Apache's, in the order its HashMap gives. Everything else goes through header.ts.
 *
 *   frame prefix 8 | {"code":0,"extFields":{...},"flag":1,"language":"JAVA","opaque":N[,"remark":"FOUND"],"serializeTypeCurrentRPC":"JSON","version":513}
 */
import { copyRange, ViewMemo } from './byte-copy.js';
import { commandFlag, currentVersion } from './command.js';
import { framePrefixBytes } from './frame.js';
import { jsonHeader } from './header.js';
import { viewOf } from './int64.js';

const hexDigits = Buffer.from('0123456789ABCDEF', 'latin1');

/** Two digits per value 0..99, so that numbers are written by pairs. */
const pairs = Buffer.from(Array.from({ length: 100 }, (_, n) => String(n).padStart(2, '0')).join(''), 'latin1');

/** Writes a safe integer in decimal; the position after it. Room for 17 bytes must be there. */
function writeDecimal(target: Uint8Array, at: number, value: number): number {
  if (value < 0) {
    target[at++] = 0x2d;
    value = -value;
  }
  if (value < 10) {
    target[at] = 0x30 + value;
    return at + 1;
  }
  if (value > 0x7fffffff) {
    // Above int32 the remainder is taken off in one step so that the loop below works on small integers.
    const high = Math.floor(value / 1e9);
    at = writeDecimal(target, at, high);
    return writePadded(target, at, value - high * 1e9);
  }
  let digits = 2;
  for (let limit = 100; value >= limit && digits < 10; limit *= 10) digits++;
  const end = at + digits;
  let p = end;
  let rest = value | 0;
  while (rest >= 100) {
    const next = (rest / 100) | 0;
    const pair = (rest - next * 100) << 1;
    target[--p] = pairs[pair + 1] as number;
    target[--p] = pairs[pair] as number;
    rest = next;
  }
  if (rest >= 10) {
    target[--p] = pairs[(rest << 1) + 1] as number;
    target[--p] = pairs[rest << 1] as number;
  } else target[--p] = 0x30 + rest;
  return end;
}

/** Nine digits with leading zeros. */
function writePadded(target: Uint8Array, at: number, value: number): number {
  let rest = value | 0;
  for (let p = at + 8; p >= at; p--) {
    const next = (rest / 10) | 0;
    target[p] = 0x30 + rest - next * 10;
    rest = next;
  }
  return at + 9;
}

/** Two upper-case hex digits per byte value, the first in the high byte. */
const hexPairs = Uint16Array.from({ length: 256 }, (_, n) => ((hexDigits[n >> 4] as number) << 8) | (hexDigits[n & 15] as number));

/** Writes 32 bits as eight upper-case hex digits. */
function writeHex8(view: DataView, at: number, value: number): void {
  view.setInt32(at, ((hexPairs[value >>> 24] as number) << 16) | (hexPairs[(value >> 16) & 255] as number));
  view.setInt32(at + 4, ((hexPairs[(value >> 8) & 255] as number) << 16) | (hexPairs[value & 255] as number));
}

/** Copies; by hand when a native copy would cost more to call. */
function writeBytes(target: Uint8Array, at: number, bytes: Uint8Array): number {
  const length = bytes.length;
  if (length > 16) target.set(bytes, at);
  else for (let i = 0; i < length; i++) target[at + i] = bytes[i] as number;
  return at + length;
}

/** Copies text into a JSON string; quotes, backslashes and control characters are escaped, six bytes at most for one. */
function writeJsonText(target: Uint8Array, at: number, bytes: Uint8Array, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    if (byte === 0x22 || byte === 0x5c) {
      target[at++] = 0x5c;
      target[at++] = byte;
    } else if (byte < 0x20) {
      target[at++] = 0x5c;
      target[at++] = 0x75;
      target[at++] = 0x30;
      target[at++] = 0x30;
      target[at++] = hexDigits[byte >> 4] as number;
      target[at++] = hexDigits[byte & 15] as number;
    } else target[at++] = byte;
  }
  return at;
}

function latin(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function finishFrame(target: Uint8Array, start: number, end: number, bodyBytes: number): number {
  const headerBytes = end - start - framePrefixBytes;
  const total = 4 + headerBytes + bodyBytes;
  target[start] = total >>> 24;
  target[start + 1] = (total >> 16) & 255;
  target[start + 2] = (total >> 8) & 255;
  target[start + 3] = total & 255;
  target[start + 4] = 0;
  target[start + 5] = (headerBytes >> 16) & 255;
  target[start + 6] = (headerBytes >> 8) & 255;
  target[start + 7] = headerBytes & 255;
  return end;
}

const tailText = latin(`,"serializeTypeCurrentRPC":"JSON","version":${currentVersion}}`);
const foundTailText = latin(`,"remark":"FOUND","serializeTypeCurrentRPC":"JSON","version":${currentVersion}}`);
const sendHead = latin('{"code":0,"extFields":{"queueId":"');
const transactionIdText = latin('","transactionId":"');
const msgIdText = latin('","msgId":"');
const queueOffsetText = latin('","queueOffset":"');
const opaqueText = latin(`"},"flag":${commandFlag.response},"language":"JAVA","opaque":`);

/** Digits of an integer 0..999,999,999; 0 for any other number. */
function digitsOf(value: number): number {
  if (!(value >= 0 && value < 1e9)) return 0;
  if (value < 1e4) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4;
  if (value < 1e7) return value < 1e5 ? 5 : value < 1e6 ? 6 : 7;
  return value < 1e8 ? 8 : 9;
}

/** Writes an integer of so many digits before `end`. */
function writeDigits(target: Uint8Array, end: number, digits: number, value: number): void {
  let rest = value | 0;
  let p = end;
  for (; digits > 1; digits -= 2) {
    const next = (rest / 100) | 0;
    const pair = (rest - next * 100) << 1;
    target[--p] = pairs[pair + 1] as number;
    target[--p] = pairs[pair] as number;
    rest = next;
  }
  if (digits === 1) target[--p] = 0x30 + rest;
}

/** A whole answer and where its changing parts lie. Answers of one producer differ in digits and ids only: one copy and a few bytes give the next. */
class AnswerTemplate {
  bytes: Uint8Array = new Uint8Array(0);
  /** Of queueId, queueOffset and opaque. */
  queueIdDigits = 0;
  queueOffsetDigits = 0;
  opaqueDigits = 0;
  /** Bytes of the transaction id, -1 without one. */
  keyBytes = -2;
  /** Where these end, or (the key, the hexadecimal phyOffset) start. */
  queueIdEnd = 0;
  keyStart = 0;
  hexStart = 0;
  queueOffsetEnd = 0;
  opaqueEnd = 0;
}

/** Bytes of a SEND answer beside the region, the ids and the transaction id; checked by a test. */
const sendFixedBytes = 320;

/**
 * SUCCESS answers of SEND_MESSAGE, SEND_MESSAGE_V2 and SEND_BATCH_MESSAGE. One per broker: what its address and region make of every answer is
 * built once. There is no remark: Apache's has none on success (`SendMessageProcessor#handlePutMessageResult`).
 */
export class SendReplyWriter {
  private prefix: Buffer = Buffer.alloc(0);
  private prefixView = viewOf(this.prefix);
  private readonly targets = new ViewMemo();
  /** `","TRACE_ON":"true","MSG_REGION":"DefaultRegion` without the quote before the next name. */
  private region: Buffer = Buffer.alloc(0);
  private readonly template = new AnswerTemplate();

  /**
   * `storeHostHex`: what every offset id begins with (`offsetMessageIdPrefix` of compat/message-id.ts); `regionId` and `traceOn` are the
   * broker's configuration.
   */
  constructor(storeHostHex = '', regionId = 'DefaultRegion', traceOn = true) {
    this.configure(storeHostHex, regionId, traceOn);
  }

  /** Changes what the constructor was given. */
  configure(storeHostHex: string, regionId: string, traceOn: boolean): void {
    this.prefix = latin(storeHostHex);
    this.prefixView = viewOf(this.prefix);
    this.region = Buffer.from(`","TRACE_ON":"${traceOn}","MSG_REGION":${JSON.stringify(regionId).slice(0, -1)}`);
    this.template.keyBytes = -2;
  }

  /** Bytes that `write` may use at most for a transaction id of so many bytes and so many records. */
  bytesMax(transactionIdBytes: number, records = 1): number {
    return sendFixedBytes + this.region.length + transactionIdBytes * 6 + records * (this.prefix.length + 17);
  }

  /**
   * Writes the answer to one stored message at `target[at..]`; the position after it. There must be room (`bytesMax`).
   * The transaction id is the message's UNIQ_KEY in `key[keyStart..keyEnd)`; left out when `keyStart` is negative.
   */
  write(
    target: Uint8Array, at: number, opaque: number, queueId: number, queueOffset: number, phyOffset: number,
    key?: Uint8Array, keyStart = -1, keyEnd = -1,
  ): number {
    const end = this.fill(target, at, opaque, queueId, queueOffset, phyOffset, key, keyStart, keyEnd);
    if (end >= 0) return end;
    let p = this.head(target, at, queueId, key, keyStart, keyEnd);
    p = writeBytes(target, p, this.prefix);
    const view = this.targets.of(target);
    writeHex8(view, p, Math.floor(phyOffset / 0x100000000));
    writeHex8(view, p + 8, phyOffset | 0);
    p = this.tail(target, at, p + 16, opaque, queueOffset);
    this.learn(target, at, p, opaque, queueId, queueOffset, key === undefined || keyStart < 0 ? -1 : keyEnd - keyStart);
    return p;
  }

  /** The same by the template, or -1 when this answer is laid out otherwise. */
  private fill(
    target: Uint8Array, at: number, opaque: number, queueId: number, queueOffset: number, phyOffset: number, key: Uint8Array | undefined, keyStart: number,
    keyEnd: number,
  ): number {
    const { template } = this;
    const { bytes, keyBytes } = template;
    if (keyBytes !== (key === undefined || keyStart < 0 ? -1 : keyEnd - keyStart)) return -1;
    if (digitsOf(queueId) !== template.queueIdDigits || digitsOf(queueOffset) !== template.queueOffsetDigits || digitsOf(opaque) !== template.opaqueDigits) return -1;
    target.set(bytes, at);
    if (key !== undefined) {
      const to = at + template.keyStart;
      for (let i = 0; i < keyBytes; i++) {
        const byte = key[keyStart + i] as number;
        // What JSON escapes is longer than its source.
        if (byte < 0x20 || byte === 0x22 || byte === 0x5c) return -1;
        target[to + i] = byte;
      }
    }
    writeDigits(target, at + template.queueIdEnd, template.queueIdDigits, queueId);
    const view = this.targets.of(target);
    writeHex8(view, at + template.hexStart, Math.floor(phyOffset / 0x100000000));
    writeHex8(view, at + template.hexStart + 8, phyOffset | 0);
    writeDigits(target, at + template.queueOffsetEnd, template.queueOffsetDigits, queueOffset);
    writeDigits(target, at + template.opaqueEnd, template.opaqueDigits, opaque);
    return at + bytes.length;
  }

  /** Keeps the answer just written as the template. */
  private learn(target: Uint8Array, at: number, end: number, opaque: number, queueId: number, queueOffset: number, keyBytes: number): void {
    const { template } = this;
    template.queueIdDigits = digitsOf(queueId);
    template.queueOffsetDigits = digitsOf(queueOffset);
    template.opaqueDigits = digitsOf(opaque);
    template.keyBytes = -2;
    const queueIdEnd = framePrefixBytes + sendHead.length + template.queueIdDigits;
    const keyPart = keyBytes < 0 ? 0 : transactionIdText.length + keyBytes;
    const hexStart = queueIdEnd + keyPart + msgIdText.length + this.prefix.length;
    const queueOffsetEnd = hexStart + 16 + this.region.length + queueOffsetText.length + template.queueOffsetDigits;
    const opaqueEnd = queueOffsetEnd + opaqueText.length + template.opaqueDigits;
    // Numbers out of the ordinary and escaped text are laid out otherwise.
    if (template.queueIdDigits * template.queueOffsetDigits * template.opaqueDigits === 0 || opaqueEnd + tailText.length !== end - at) return;
    template.bytes = new Uint8Array(target.subarray(at, end));
    template.keyBytes = keyBytes;
    template.queueIdEnd = queueIdEnd;
    template.keyStart = queueIdEnd + transactionIdText.length;
    template.hexStart = hexStart;
    template.queueOffsetEnd = queueOffsetEnd;
    template.opaqueEnd = opaqueEnd;
  }

  /** The answer to a batch: the ids of its `count` records joined by commas, the first one's queue offset. */
  writeBatch(
    target: Uint8Array, at: number, opaque: number, queueId: number, queueOffset: number, phyOffsets: ArrayLike<number>, count: number,
    key?: Uint8Array, keyStart = -1, keyEnd = -1,
  ): number {
    let p = this.head(target, at, queueId, key, keyStart, keyEnd);
    const view = this.targets.of(target);
    const prefix = this.prefix;
    const prefixView = this.prefixView;
    let high = -1;
    let digits = 0;
    for (let i = 0; i < count; i++) {
      if (i > 0) target[p++] = 0x2c;
      copyRange(target, view, p, prefix, prefixView, 0, prefix.length);
      p += prefix.length;
      const phyOffset = phyOffsets[i] as number;
      const low = phyOffset | 0;
      const upper = Math.floor(phyOffset / 0x100000000);
      if (upper === high) copyRange(target, view, p, target, view, digits, digits + 8);
      else {
        writeHex8(view, p, upper);
        high = upper;
      }
      digits = p;
      writeHex8(view, p + 8, low);
      p += 16;
    }
    return this.tail(target, at, p, opaque, queueOffset);
  }

  private head(target: Uint8Array, at: number, queueId: number, key: Uint8Array | undefined, keyStart: number, keyEnd: number): number {
    let p = writeBytes(target, at + framePrefixBytes, sendHead);
    p = writeDecimal(target, p, queueId);
    if (key !== undefined && keyStart >= 0) {
      p = writeBytes(target, p, transactionIdText);
      p = writeJsonText(target, p, key, keyStart, keyEnd);
    }
    return writeBytes(target, p, msgIdText);
  }

  private tail(target: Uint8Array, start: number, at: number, opaque: number, queueOffset: number): number {
    let p = writeBytes(target, at, this.region);
    p = writeBytes(target, p, queueOffsetText);
    p = writeDecimal(target, p, queueOffset);
    p = writeBytes(target, p, opaqueText);
    p = writeDecimal(target, p, opaque);
    return finishFrame(target, start, writeBytes(target, p, tailText), 0);
  }
}

const pullHead = latin('{"code":0,"extFields":{"suggestWhichBrokerId":"');
const groupSysFlagText = latin('","groupSysFlag":"');
const nextBeginOffsetText = latin('","nextBeginOffset":"');
const maxOffsetText = latin('","maxOffset":"');
const minOffsetText = latin('","minOffset":"');
const topicSysFlagText = latin('","topicSysFlag":"');

/** Most bytes a PULL answer's prefix and header can have; checked by a test. */
export const pullReplyBytesMax = 400;

/** The SUCCESS answer of PULL_MESSAGE and LITE_PULL_MESSAGE with messages (`PullMessageProcessor#composeResponseHeader`). */
export class PullReplyWriter {
  /**
   * Writes prefix and header for a body of `bodyBytes` that the caller sends after them; the position after it. Room for
   * `pullReplyBytesMax` must be there. Offsets are safe integers.
   */
  write(
    target: Uint8Array, at: number, opaque: number, bodyBytes: number, nextBeginOffset: number, minOffset: number, maxOffset: number,
    suggestWhichBrokerId: number, topicSysFlag: number, groupSysFlag: number,
  ): number {
    let p = writeBytes(target, at + framePrefixBytes, pullHead);
    p = writeDecimal(target, p, suggestWhichBrokerId);
    p = writeBytes(target, p, groupSysFlagText);
    p = writeDecimal(target, p, groupSysFlag);
    p = writeBytes(target, p, nextBeginOffsetText);
    p = writeDecimal(target, p, nextBeginOffset);
    p = writeBytes(target, p, maxOffsetText);
    p = writeDecimal(target, p, maxOffset);
    p = writeBytes(target, p, minOffsetText);
    p = writeDecimal(target, p, minOffset);
    p = writeBytes(target, p, topicSysFlagText);
    p = writeDecimal(target, p, topicSysFlag);
    p = writeBytes(target, p, opaqueText);
    p = writeDecimal(target, p, opaque);
    return finishFrame(target, at, writeBytes(target, p, foundTailText), bodyBytes);
  }
}

/**
 * Writes any answer's prefix and header for a body of `bodyBytes`; the position after it, or -1 when there is no room.
 * `ext` holds names and values in turn.
 */
export function encodeReplyInto(
  target: Buffer, at: number, code: number, opaque: number, remark: string | undefined, bodyBytes = 0, ...ext: string[]
): number {
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < ext.length; i += 2) fields.set(ext[i] as string, ext[i + 1] as string);
  const header = jsonHeader({ code, opaque, flag: commandFlag.response, remark, ext: fields });
  const room = target.length - at - framePrefixBytes;
  if (header.length > room || (header.length * 3 > room && Buffer.byteLength(header) > room)) return -1;
  const headerBytes = target.write(header, at + framePrefixBytes);
  return finishFrame(target, at, at + framePrefixBytes + headerBytes, bodyBytes);
}
