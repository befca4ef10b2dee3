// The stored message: encoder of the send path and checked reader. The same bytes serve the commit log, the slaves and the
// consumers. The friendly object form is in stored-message.ts; files, offsets and blanks at a file's end belong to the store.
//
//    0 TOTALSIZE int32        20 QUEUEOFFSET int64      40 BORNTIMESTAMP int64
//    4 MAGICCODE int32        28 PHYSICALOFFSET int64   48 BORNHOST 8, or 20 when sysFlag has 0x10
//    8 BODYCRC int32          36 SYSFLAG int32             STORETIMESTAMP int64
//   12 QUEUEID int32                                       STOREHOST 8, or 20 when sysFlag has 0x20
//   16 FLAG int32                                          RECONSUMETIMES int32 | PREPARED TRANSACTION OFFSET int64
//   BODY int32 + n | TOPIC int8 (V1) or int16 (V2) + n | PROPERTIES int16 + n
import { copyRange, ViewMemo } from './byte-copy.js';
import { crc31, crc31Copy, crc31Native, crcCopyNativeBytesMin } from './crc32.js';
import { getInt64, isOffset, setInt64, viewOf } from './int64.js';
import { propertiesBytesMax, propertySeparator } from './properties.js';
import { bornHostBytes, storeHostBytes, withHostBits } from './sys-flag.js';

/** `MessageDecoder#MESSAGE_MAGIC_CODE`, `#MESSAGE_MAGIC_CODE_V2`, `CommitLog#BLANK_MAGIC_CODE`. */
export const recordMagic = { V1: -626843481, V2: -626843477, BLANK: -875286124 } as const;

/** A longer topic makes a record V2 (`MessageStoreConfig#autoMessageVersionOnTopicLen`). */
export const topicBytesMaxV1 = 127;
export const topicBytesMaxV2 = 32767;

/** Bytes of the CRC property at a record's end (`CommitLog#CRC32_RESERVED_LEN`): name 8, 0x01, 10 digits, 0x02. */
export const recordCrcBytes = 20;

/** What a blank at a file's end occupies at least: its size and its magic (`CommitLog#END_FILE_MIN_BLANK_LENGTH`). */
export const blankBytesMin = 8;

const NO_BYTES = new Uint8Array(0);
const NO_HOST = new Uint8Array(8);

/** Everything that `encodeRecord` writes. One object is filled again for each message; ranges point into the caller's buffers. */
export class RecordFields {
  queueId = 0;
  flag = 0;
  queueOffset = 0;
  phyOffset = 0;
  /** The two host bits are derived from the host fields below. */
  sysFlag = 0;
  bornTimestamp = 0;
  /** 8 or 20 bytes: address and port (host-address.ts). */
  bornHost: Uint8Array = NO_HOST;
  storeTimestamp = 0;
  storeHost: Uint8Array = NO_HOST;
  reconsumeTimes = 0;
  preparedTransactionOffset = 0;
  body: Uint8Array = NO_BYTES;
  bodyStart = 0;
  bodyEnd = 0;
  topic: Uint8Array = NO_BYTES;
  /** The client's property string; may lack its last separator. */
  properties: Uint8Array = NO_BYTES;
  propertiesStart = 0;
  propertiesEnd = 0;
  /** What the broker adds to the properties; a separator goes between when the client's string lacks its last one. */
  appended: Uint8Array = NO_BYTES;
  /** Leave room for the CRC property, to be filled by `sealRecordCrc` (`MessageStoreConfig#enabledAppendPropCRC`). */
  reserveCrc = false;
}

/** 1 when a separator must stand between the client's properties and what follows them. */
function separatorBytes(fields: RecordFields): number {
  const end = fields.propertiesEnd;
  const followed = fields.appended.length > 0 || fields.reserveCrc;
  return followed && end > fields.propertiesStart && fields.properties[end - 1] !== propertySeparator ? 1 : 0;
}

/** Bytes of the stored property string. A caller refuses the message when it is above `propertiesBytesMax` (PROPERTIES_SIZE_EXCEEDED). */
export function storedPropertiesBytes(fields: RecordFields): number {
  return (
    fields.propertiesEnd -
    fields.propertiesStart +
    separatorBytes(fields) +
    fields.appended.length +
    (fields.reserveCrc ? recordCrcBytes : 0)
  );
}

/** Bytes of a record from the sizes of its parts (`MessageExtEncoder#calMsgLength`). Host fields have 8 or 20 bytes each. */
export function recordLength(bornBytes: number, storeBytes: number, bodyBytes: number, topicBytes: number, propertiesBytes: number): number {
  return 75 + bornBytes + storeBytes + bodyBytes + (topicBytes > topicBytesMaxV1 ? 1 : 0) + topicBytes + propertiesBytes;
}

/** Bytes that `encodeRecord` will write for these fields. */
export function recordLengthOf(fields: RecordFields): number {
  return recordLength(
    fields.bornHost.length,
    fields.storeHost.length,
    fields.bodyEnd - fields.bodyStart,
    fields.topic.length,
    storedPropertiesBytes(fields),
  );
}

/** Views of the buffers that bodies and property strings came in last. */
const bodyViews = new ViewMemo();
const propertiesViews = new ViewMemo();

/**
 * Writes a record at `pos` and returns its length. `view` covers the same bytes as `target`.
 * The caller has checked sizes; a record that does not fit the target or a field's width throws RangeError before anything is written.
 */
export function encodeRecord(target: Uint8Array, view: DataView, pos: number, fields: RecordFields): number {
  const bornHost = fields.bornHost;
  const storeHost = fields.storeHost;
  const topic = fields.topic;
  const bodyBytes = fields.bodyEnd - fields.bodyStart;
  const clientBytes = fields.propertiesEnd - fields.propertiesStart;
  const separator = separatorBytes(fields);
  const appended = fields.appended;
  const propertiesBytes = clientBytes + separator + appended.length + (fields.reserveCrc ? recordCrcBytes : 0);
  const length = recordLength(bornHost.length, storeHost.length, bodyBytes, topic.length, propertiesBytes);
  checkRoom(target, pos, length, topic.length, propertiesBytes);

  view.setInt32(pos, length);
  view.setInt32(pos + 4, topic.length > topicBytesMaxV1 ? recordMagic.V2 : recordMagic.V1);
  view.setInt32(pos + 12, fields.queueId);
  view.setInt32(pos + 16, fields.flag);
  setInt64(view, pos + 20, fields.queueOffset);
  setInt64(view, pos + 28, fields.phyOffset);
  view.setInt32(pos + 36, withHostBits(fields.sysFlag, bornHost.length, storeHost.length));
  setInt64(view, pos + 40, fields.bornTimestamp);
  let p = pos + 48;
  copyHost(target, view, p, bornHost);
  p += bornHost.length;
  setInt64(view, p, fields.storeTimestamp);
  p += 8;
  copyHost(target, view, p, storeHost);
  p += storeHost.length;
  view.setInt32(p, fields.reconsumeTimes);
  setInt64(view, p + 4, fields.preparedTransactionOffset);
  view.setInt32(p + 12, bodyBytes);
  p += 16;
  const bodyView = bodyViews.of(fields.body);
  if (bodyBytes >= crcCopyNativeBytesMin) {
    const body = new Uint8Array(fields.body.buffer, fields.body.byteOffset + fields.bodyStart, bodyBytes);
    view.setInt32(pos + 8, crc31Native(body));
    target.set(body, p);
  } else {
    view.setInt32(pos + 8, crc31Copy(target, view, p, fields.body, bodyView, fields.bodyStart, fields.bodyEnd));
  }
  p += bodyBytes;
  if (topic.length > topicBytesMaxV1) {
    view.setInt16(p, topic.length);
    p += 2;
  } else {
    target[p++] = topic.length;
  }
  copySmall(target, p, topic);
  p += topic.length;
  view.setInt16(p, propertiesBytes);
  p += 2;
  const properties = fields.properties;
  const propertiesView = properties === fields.body ? bodyView : propertiesViews.of(properties);
  copyRange(target, view, p, properties, propertiesView, fields.propertiesStart, fields.propertiesEnd);
  p += clientBytes;
  if (separator !== 0) target[p++] = propertySeparator;
  copySmall(target, p, appended);
  return length;
}

function checkRoom(target: Uint8Array, pos: number, length: number, topicBytes: number, propertiesBytes: number): void {
  if (topicBytes > topicBytesMaxV2) throw new RangeError(`a topic has at most ${topicBytesMaxV2} bytes, not ${topicBytes}`);
  if (propertiesBytes > propertiesBytesMax) {
    throw new RangeError(`the properties have at most ${propertiesBytesMax} bytes, not ${propertiesBytes}`);
  }
  if (pos + length > target.length) throw new RangeError(`a record of ${length} bytes does not fit ${target.length - pos} bytes`);
}

/** Below this many bytes a loop beats the call into native code (measured on Node 20). */
const LOOP_BYTES_MAX = 32;

/** Two words for an IPv4 host: neither a loop nor a call. */
function copyHost(target: Uint8Array, view: DataView, pos: number, host: Uint8Array): void {
  if (host.length !== 8) return target.set(host, pos);
  view.setInt32(pos, ((host[0] as number) << 24) | ((host[1] as number) << 16) | ((host[2] as number) << 8) | (host[3] as number));
  view.setInt32(pos + 4, ((host[4] as number) << 24) | ((host[5] as number) << 16) | ((host[6] as number) << 8) | (host[7] as number));
}

function copySmall(target: Uint8Array, pos: number, source: Uint8Array): void {
  const length = source.length;
  if (length <= LOOP_BYTES_MAX) for (let i = 0; i < length; i++) target[pos + i] = source[i] as number;
  else target.set(source, pos);
}

/** Sets QUEUEOFFSET of the record at `pos`. */
export function patchQueueOffset(view: DataView, pos: number, queueOffset: number): void {
  setInt64(view, pos + 20, queueOffset);
}

/** Sets PHYSICALOFFSET of the record at `pos`. */
export function patchPhyOffset(view: DataView, pos: number, phyOffset: number): void {
  setInt64(view, pos + 28, phyOffset);
}

/** Sets STORETIMESTAMP (ms) of the record at `pos`. */
export function patchStoreTimestamp(view: DataView, pos: number, storeTimestampMs: number): void {
  setInt64(view, pos + 48 + bornHostBytes(view.getInt32(pos + 36)), storeTimestampMs);
}

const CRC_NAME = Buffer.from('__CRC32#', 'latin1');

/**
 * Fills the room that `reserveCrc` left at the end of the record of `length` bytes at `pos`, after the last patch: the CRC of everything before
 * it, ten decimal digits, the least significant first (`MessageDecoder#createCrc32`).
 */
export function sealRecordCrc(bytes: Uint8Array, pos: number, length: number): void {
  const start = pos + length - recordCrcBytes;
  let crc = crc31(bytes, pos, start);
  bytes.set(CRC_NAME, start);
  bytes[start + 8] = 1;
  for (let i = 0; i < 10; i++) {
    bytes[start + 9 + i] = 48 + (crc % 10);
    crc = Math.floor(crc / 10);
  }
  bytes[start + 19] = propertySeparator;
}

/** Writes a blank of `length` bytes (>= `blankBytesMin`) at `pos`: its size and the blank magic; the rest keeps what it holds. */
export function encodeBlank(view: DataView, pos: number, length: number): void {
  view.setInt32(pos, length);
  view.setInt32(pos + 4, recordMagic.BLANK);
}

/** Bytes of the smallest record: IPv4 hosts, everything else empty. */
export const recordBytesMin = 91;

/** Checks that `readRecord` makes on request; or-ed together. BODY is Apache's checkCRCOnRecover, WHOLE its forceVerifyPropCRC. */
export const recordCheck = { NONE: 0, BODY_CRC: 1, WHOLE_CRC: 2 } as const;

/**
 * What stands at a position: a `record`; the `blank` that ends a file; `zero`, bytes never written; or something `bad`, which
 * includes a record cut short.
 */
export type RecordOutcome = 'record' | 'blank' | 'zero' | 'bad';

/** The fields of the record read last. Spans are [start, end) in `bytes`. One view is used again and again. */
export class RecordView {
  bytes: Uint8Array = NO_BYTES;
  view: DataView = viewOf(NO_BYTES);
  /** Where the record starts. */
  pos = 0;
  /** Length of the record or of the blank. */
  size = 0;
  magic = 0;
  bodyCrc = 0;
  queueId = 0;
  flag = 0;
  queueOffset = 0;
  phyOffset = 0;
  sysFlag = 0;
  /** The producer's clock, as it sent it: any int64, rounded where it is not a safe integer. */
  bornTimestamp = 0;
  bornHostStart = 0;
  bornHostEnd = 0;
  storeTimestamp = 0;
  storeHostStart = 0;
  storeHostEnd = 0;
  reconsumeTimes = 0;
  /** Any int64, rounded where it is not a safe integer. */
  preparedTransactionOffset = 0;
  bodyStart = 0;
  bodyEnd = 0;
  topicStart = 0;
  topicEnd = 0;
  propertiesStart = 0;
  propertiesEnd = 0;
  /** Why the outcome was `bad`. */
  reason = '';
}

function bad(record: RecordView, reason: string): RecordOutcome {
  record.reason = reason;
  return 'bad';
}

/**
 * Reads the record at `pos`, looking at no byte from `end` on, and checks that its parts add up to its TOTALSIZE. Never throws and
 * allocates nothing but, when asked to check them, short-lived CRC views. Offsets and the store time must be 0..2^53-1.
 * Stricter than `CommitLog#checkMessageAndReturnSize` only in refusing negative lengths, which Apache's reader takes for 0.
 */
export function readRecord(record: RecordView, bytes: Uint8Array, pos: number, end: number, checks = 0): RecordOutcome {
  if (record.bytes !== bytes) {
    record.bytes = bytes;
    record.view = viewOf(bytes);
  }
  const view = record.view;
  record.pos = pos;
  record.size = 0;
  record.reason = '';
  if (pos < 0 || end > bytes.length || end - pos < 8) return bad(record, 'fewer than 8 bytes are left');
  const size = view.getInt32(pos);
  const magic = view.getInt32(pos + 4);
  record.magic = magic;
  if (magic === recordMagic.BLANK) {
    if (size < blankBytesMin) return bad(record, `a blank has at least ${blankBytesMin} bytes, not ${size}`);
    if (size > end - pos) return bad(record, `a blank of ${size} bytes has only ${end - pos}`);
    record.size = size;
    return 'blank';
  }
  if (size === 0 && magic === 0) return 'zero';
  if (magic !== recordMagic.V1 && magic !== recordMagic.V2) return bad(record, `unknown magic ${magic}`);
  if (size < recordBytesMin) return bad(record, `a record has at least ${recordBytesMin} bytes, not ${size}`);
  if (size > end - pos) return bad(record, `a record of ${size} bytes has only ${end - pos}`);
  const limit = pos + size;
  record.size = size;
  record.bodyCrc = view.getInt32(pos + 8);
  record.queueId = view.getInt32(pos + 12);
  record.flag = view.getInt32(pos + 16);
  const queueOffset = (record.queueOffset = getInt64(view, pos + 20));
  const phyOffset = (record.phyOffset = getInt64(view, pos + 28));
  const sysFlag = (record.sysFlag = view.getInt32(pos + 36));
  record.bornTimestamp = getInt64(view, pos + 40);
  let p = pos + 48;
  record.bornHostStart = p;
  record.bornHostEnd = p += bornHostBytes(sysFlag);
  const storeBytes = storeHostBytes(sysFlag);
  if (p + 8 + storeBytes + 16 > limit) return bad(record, 'the record ends within its fixed fields');
  const storeTimestamp = (record.storeTimestamp = getInt64(view, p));
  record.storeHostStart = p += 8;
  record.storeHostEnd = p += storeBytes;
  record.reconsumeTimes = view.getInt32(p);
  record.preparedTransactionOffset = getInt64(view, p + 4);
  const bodyBytes = view.getInt32(p + 12);
  record.bodyStart = p += 16;
  const topicWidth = magic === recordMagic.V2 ? 2 : 1;
  if (bodyBytes < 0 || bodyBytes > limit - p - topicWidth - 2) return bad(record, `body length ${bodyBytes} does not fit the record`);
  record.bodyEnd = p += bodyBytes;
  const topicBytes = topicWidth === 2 ? view.getInt16(p) : view.getInt8(p);
  record.topicStart = p += topicWidth;
  if (topicBytes < 0 || topicBytes > limit - p - 2) return bad(record, `topic length ${topicBytes} does not fit the record`);
  record.topicEnd = p += topicBytes;
  const propertiesBytes = view.getInt16(p);
  record.propertiesStart = p += 2;
  if (propertiesBytes < 0 || propertiesBytes !== limit - p) {
    return bad(record, `properties length ${propertiesBytes} does not add up to the record's ${size} bytes`);
  }
  record.propertiesEnd = limit;
  if (!isOffset(queueOffset)) return bad(record, 'the queue offset is not in 0..2^53-1');
  if (!isOffset(phyOffset)) return bad(record, 'the physical offset is not in 0..2^53-1');
  if (!isOffset(storeTimestamp)) return bad(record, 'the store timestamp is not in 0..2^53-1');
  if ((checks & recordCheck.BODY_CRC) !== 0 && bodyBytes > 0 && crc31(bytes, record.bodyStart, record.bodyEnd) !== record.bodyCrc) {
    return bad(record, 'the body CRC differs');
  }
  if ((checks & recordCheck.WHOLE_CRC) !== 0 && crc31(bytes, pos, Math.max(pos, limit - recordCrcBytes)) !== storedRecordCrc(record)) {
    return bad(record, 'the CRC of the whole record is missing or differs');
  }
  return 'record';
}

/**
 * Where the properties of the record at `pos` lie, noted in `record` as `propertiesStart` and `propertiesEnd` and nothing else: for readers that ask every
 * record of a queue for a word or two. False when the parts do not add up to a record (`MessageDecoder#decodeProperties` looks at no more either).
 */
export function locateProperties(record: RecordView, bytes: Uint8Array, pos: number, end: number): boolean {
  if (record.bytes !== bytes) {
    record.bytes = bytes;
    record.view = viewOf(bytes);
  }
  record.propertiesStart = record.propertiesEnd = 0;
  if (pos < 0 || end > bytes.length || end - pos < recordBytesMin) return false;
  const view = record.view;
  const size = view.getInt32(pos);
  const magic = view.getInt32(pos + 4);
  if (size < recordBytesMin || size > end - pos || (magic !== recordMagic.V1 && magic !== recordMagic.V2)) return false;
  const limit = pos + size;
  const sysFlag = view.getInt32(pos + 36);
  const bodyAt = pos + 72 + bornHostBytes(sysFlag) + storeHostBytes(sysFlag);
  const topicWidth = magic === recordMagic.V2 ? 2 : 1;
  const bodyBytes = bodyAt <= limit ? view.getInt32(bodyAt - 4) : -1;
  if (bodyBytes < 0 || bodyBytes > limit - bodyAt - topicWidth - 2) return false;
  const topicAt = bodyAt + bodyBytes;
  const topicBytes = topicWidth === 2 ? view.getInt16(topicAt) : view.getInt8(topicAt);
  const topicEnd = topicAt + topicWidth + topicBytes;
  if (topicBytes < 0 || topicEnd + 2 > limit || view.getInt16(topicEnd) !== limit - topicEnd - 2) return false;
  record.propertiesStart = topicEnd + 2;
  record.propertiesEnd = limit;
  return true;
}

/** The value of the CRC property: the number its digits give, the least significant first; -1 when there is none. The last one counts. */
function storedRecordCrc(record: RecordView): number {
  const bytes = record.bytes;
  let crc = -1;
  let i = record.propertiesStart;
  while (i < record.propertiesEnd) {
    let next = bytes.indexOf(propertySeparator, i);
    if (next < 0 || next > record.propertiesEnd) next = record.propertiesEnd;
    if (next - i > 9 && bytes[i + 8] === 1 && CRC_NAME.every((byte, k) => bytes[i + k] === byte)) {
      crc = 0;
      for (let d = next - 1; d > i + 8; d--) crc = crc * 10 + ((bytes[d] as number) - 48);
    }
    i = next + 1;
  }
  return crc;
}
