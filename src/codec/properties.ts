// Message properties: their reserved names, the string form, and a scanner that finds what the send path needs in the bytes.
// What each property makes a broker do stands where it does it; this file only knows names and their spelling.
//
//   name 0x01 value 0x02, repeated; the last 0x02 may be missing
import { ViewMemo } from './byte-copy.js';
import { viewOf } from './int64.js';

/** Every reserved property name (`MessageConst`), under the name of its constant there without PROPERTY_. */
export const propertyNames = {
  KEYS: 'KEYS',
  TAGS: 'TAGS',
  WAIT_STORE_MSG_OK: 'WAIT',
  DELAY_TIME_LEVEL: 'DELAY',
  RETRY_TOPIC: 'RETRY_TOPIC',
  ORIGIN_GROUP: 'ORIGIN_GROUP',
  REAL_TOPIC: 'REAL_TOPIC',
  REAL_QUEUE_ID: 'REAL_QID',
  TRANSACTION_PREPARED: 'TRAN_MSG',
  PRODUCER_GROUP: 'PGROUP',
  MIN_OFFSET: 'MIN_OFFSET',
  MAX_OFFSET: 'MAX_OFFSET',
  BUYER_ID: 'BUYER_ID',
  ORIGIN_MESSAGE_ID: 'ORIGIN_MESSAGE_ID',
  TRANSFER_FLAG: 'TRANSFER_FLAG',
  CORRECTION_FLAG: 'CORRECTION_FLAG',
  MQ2_FLAG: 'MQ2_FLAG',
  RECONSUME_TIME: 'RECONSUME_TIME',
  MAX_RECONSUME_TIMES: 'MAX_RECONSUME_TIMES',
  MSG_REGION: 'MSG_REGION',
  TRACE_SWITCH: 'TRACE_ON',
  UNIQ_KEY: 'UNIQ_KEY',
  TRANS_OFFSET: 'TRANS_OFFSET',
  EXTEND_UNIQ_INFO: 'EXTEND_UNIQ_INFO',
  CONSUME_START_TIMESTAMP: 'CONSUME_START_TIME',
  PRIORITY: '_SYS_MSG_PRIORITY_',
  INNER_NUM: 'INNER_NUM',
  INNER_BASE: 'INNER_BASE',
  DUP_INFO: 'DUP_INFO',
  CHECK_IMMUNITY_TIME_IN_SECONDS: 'CHECK_IMMUNITY_TIME_IN_SECONDS',
  TRANSACTION_PREPARED_QUEUE_OFFSET: 'TRAN_PREPARED_QUEUE_OFFSET',
  TRANSACTION_ID: '__transactionId__',
  TRANSACTION_CHECK_TIMES: 'TRANSACTION_CHECK_TIMES',
  INSTANCE_ID: 'INSTANCE_ID',
  CORRELATION_ID: 'CORRELATION_ID',
  MESSAGE_REPLY_TO_CLIENT: 'REPLY_TO_CLIENT',
  MESSAGE_TTL: 'TTL',
  REPLY_MESSAGE_ARRIVE_TIME: 'ARRIVE_TIME',
  PUSH_REPLY_TIME: 'PUSH_REPLY_TIME',
  CLUSTER: 'CLUSTER',
  MESSAGE_TYPE: 'MSG_TYPE',
  POP_CK: 'POP_CK',
  POP_CK_OFFSET: 'POP_CK_OFFSET',
  FIRST_POP_TIME: '1ST_POP_TIME',
  SHARDING_KEY: '__SHARDINGKEY',
  LITE_TOPIC: '__LITE_TOPIC',
  FORWARD_QUEUE_ID: 'PROPERTY_FORWARD_QUEUE_ID',
  REDIRECT: 'REDIRECT',
  INNER_MULTI_DISPATCH: 'INNER_MULTI_DISPATCH',
  INNER_MULTI_QUEUE_OFFSET: 'INNER_MULTI_QUEUE_OFFSET',
  TRACE_CONTEXT: 'TRACE_CONTEXT',
  TIMER_DELAY_SEC: 'TIMER_DELAY_SEC',
  TIMER_DELAY_MS: 'TIMER_DELAY_MS',
  TIMER_DELIVER_MS: 'TIMER_DELIVER_MS',
  TIMER_ENQUEUE_MS: 'TIMER_ENQUEUE_MS',
  TIMER_DEQUEUE_MS: 'TIMER_DEQUEUE_MS',
  TIMER_ROLL_TIMES: 'TIMER_ROLL_TIMES',
  TIMER_OUT_MS: 'TIMER_OUT_MS',
  TIMER_DEL_UNIQKEY: 'TIMER_DEL_UNIQKEY',
  TIMER_ROLL_LABEL: 'TIMER_ROLL_LABEL',
  TIMER_DELAY_LEVEL: 'TIMER_DELAY_LEVEL',
  BORN_HOST: '__BORNHOST',
  BORN_TIMESTAMP: 'BORN_TIMESTAMP',
  CRC32: '__CRC32#',
  DLQ_ORIGIN_TOPIC: 'DLQ_ORIGIN_TOPIC',
  DLQ_ORIGIN_MESSAGE_ID: 'DLQ_ORIGIN_MESSAGE_ID',
  TRANSIENT_TOPIC_CONFIG: '__RMQ.TRANSIENT.TOPIC_SYS_FLAG',
  TRANSIENT_GROUP_CONFIG: '__RMQ.TRANSIENT.GROUP_SYS_FLAG',
} as const;

export type PropertyName = (typeof propertyNames)[keyof typeof propertyNames];

/** Names that a broker sets, removes or obeys on the way in: a message that carries one leaves the fast path. */
export const specialProperties: readonly string[] = [
  propertyNames.DELAY_TIME_LEVEL,
  propertyNames.RETRY_TOPIC,
  propertyNames.ORIGIN_GROUP,
  propertyNames.REAL_TOPIC,
  propertyNames.REAL_QUEUE_ID,
  propertyNames.TRANSACTION_PREPARED,
  propertyNames.MSG_REGION,
  propertyNames.TRACE_SWITCH,
  propertyNames.TRANS_OFFSET,
  propertyNames.PRIORITY,
  propertyNames.DUP_INFO,
  propertyNames.CLUSTER,
  propertyNames.MESSAGE_TYPE,
  propertyNames.POP_CK,
  propertyNames.LITE_TOPIC,
  propertyNames.CRC32,
];

/** Prefixes whose every name is special: timers, inner batches and multi-dispatch. */
export const specialPropertyPrefixes = ['TIMER_', 'INNER_'] as const;

export const nameValueSeparator = 0x01;
export const propertySeparator = 0x02;

/** The stored form keeps its length in an int16. */
export const propertiesBytesMax = 32767;

/**
 * Reads the string form (`MessageDecoder#string2messageProperties`): the first 0x01 of an element parts name and value, an element
 * whose name or value is empty is dropped, and of two elements with one name the later wins (it keeps the earlier one's place).
 */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>();
  let start = 0;
  while (start < text.length) {
    let end = text.indexOf('\u0002', start);
    if (end < 0) end = text.length;
    if (end - start >= 3) {
      const split = text.indexOf('\u0001', start);
      if (split > start && split < end - 1) properties.set(text.slice(start, split), text.slice(split + 1, end));
    }
    start = end + 1;
  }
  return properties;
}

/** Writes the string form with a closing 0x02 (`MessageDecoder#messageProperties2String`), in the order given. */
export function formatProperties(properties: Iterable<readonly [string, string]>): string {
  let text = '';
  for (const [name, value] of properties) text += `${name}\u0001${value}\u0002`;
  return text;
}

/** Why a property cannot be written and read back the same, naming it; undefined when it can. */
export function propertyFault(name: string, value: string): string | undefined {
  if (name === '') return 'a property name must not be empty';
  if (value === '') return `the value of property ${name} must not be empty`;
  if (/[\u0001\u0002]/.test(name)) return `the property name ${JSON.stringify(name)} must not hold the bytes 0x01 or 0x02`;
  if (value.includes('\u0002')) return `the value of property ${name} must not hold the byte 0x02`;
  return undefined;
}

/** Longer strings are scanned byte by byte every time. */
const layoutBytesMax = 256;

/**
 * The layout of one property string: its length, the bytes that must be the same again for the same names to stand at the same places
 * (names, separators, the value of WAIT), and what a scan found there. Other values may change, but must not hold a separator.
 */
class PropertyLayout {
  private readonly views = new ViewMemo();
  /** Length of the string remembered, -1 = none; and of the one seen last, which is remembered when it comes twice. */
  private length = -1;
  private lastLength = -1;
  /** The string by words; the last one overlaps the one before it unless the length is a multiple of four. */
  private readonly words = new Int32Array(layoutBytesMax / 4);
  /** 0xff for each byte that must be the same, 0 for bytes of values. */
  private readonly masks = new Int32Array(layoutBytesMax / 4);
  /** Start and end of the values of KEYS, TAGS, UNIQ_KEY and DELAY, counted from the string's start; negative = none. */
  private readonly spans = new Int32Array(8);
  private waitStoreOk = true;
  private special = false;
  private odd = false;
  private count = 0;

  /** True, with the scan filled in, when the string has the layout remembered. */
  fill(scan: PropertyScan, bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start !== this.length || !this.fits(this.views.of(bytes), start, end)) return false;
    const { spans } = this;
    scan.keysStart = moved(spans[0] as number, start);
    scan.keysEnd = moved(spans[1] as number, start);
    scan.tagsStart = moved(spans[2] as number, start);
    scan.tagsEnd = moved(spans[3] as number, start);
    scan.uniqKeyStart = moved(spans[4] as number, start);
    scan.uniqKeyEnd = moved(spans[5] as number, start);
    scan.delayStart = moved(spans[6] as number, start);
    scan.delayEnd = moved(spans[7] as number, start);
    scan.waitStoreOk = this.waitStoreOk;
    scan.special = this.special;
    scan.odd = this.odd;
    scan.count = this.count;
    return true;
  }

  private fits(view: DataView, start: number, end: number): boolean {
    const { words, masks } = this;
    const last = end - 4;
    let k = 0;
    for (let at = start; ; at += 4) {
      if (at > last) at = last;
      const word = view.getInt32(at);
      const mask = masks[k] as number;
      // A byte that is free to change must not be a separator: zero after the xor (the usual test for a zero byte in a word).
      const free = (word ^ 0x02020202) | mask;
      if ((((word ^ (words[k] as number)) & mask) | ((free - 0x01010101) & ~free & 0x80808080)) !== 0) return false;
      if (at === last) return true;
      k++;
    }
  }

  /** Remembers a string that was just scanned, when one of its length came before it too. */
  learn(scan: PropertyScan, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    const again = length === this.lastLength;
    this.lastLength = length;
    if (!again || length < 4 || length > layoutBytesMax) return;
    this.length = length;
    const fixed = fixedBytes(bytes, start, end);
    const view = this.views.of(bytes);
    const fixedView = viewOf(fixed);
    for (let k = 0, at = 0; ; at += 4, k++) {
      if (at > length - 4) at = length - 4;
      this.words[k] = view.getInt32(start + at);
      this.masks[k] = fixedView.getInt32(at);
      if (at === length - 4) break;
    }
    this.spans[0] = moved(scan.keysStart, -start);
    this.spans[1] = moved(scan.keysEnd, -start);
    this.spans[2] = moved(scan.tagsStart, -start);
    this.spans[3] = moved(scan.tagsEnd, -start);
    this.spans[4] = moved(scan.uniqKeyStart, -start);
    this.spans[5] = moved(scan.uniqKeyEnd, -start);
    this.spans[6] = moved(scan.delayStart, -start);
    this.spans[7] = moved(scan.delayEnd, -start);
    this.waitStoreOk = scan.waitStoreOk;
    this.special = scan.special;
    this.odd = scan.odd;
    this.count = scan.count;
  }
}

/** A place counted from elsewhere; -1, which is none, stays. */
function moved(at: number, by: number): number {
  return at < 0 ? -1 : at + by;
}

/** 0xff for every byte of [start, end) that is not within a value other than WAIT's. */
function fixedBytes(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const fixed = new Uint8Array(end - start).fill(0xff);
  let i = start;
  while (i < end) {
    const nameStart = i;
    while (i < end && bytes[i] !== nameValueSeparator && bytes[i] !== propertySeparator) i++;
    if (i < end && bytes[i++] === nameValueSeparator) {
      const valueStart = i;
      while (i < end && bytes[i] !== propertySeparator) i++;
      const isWait = valueStart - nameStart === 5 && wordAt(bytes, nameStart) === WORD_WAIT;
      if (!isWait) fixed.fill(0, valueStart - start, i - start);
      i++;
    }
  }
  return fixed;
}

/** More names than these are not compared with each other: the string counts as odd. */
const comparedNamesMax = 32;

/** What a scan found. Spans are [start, end) in the scanned bytes; a start of -1 says that the name does not occur. */
export class PropertyScan {
  keysStart = -1;
  keysEnd = -1;
  tagsStart = -1;
  tagsEnd = -1;
  uniqKeyStart = -1;
  uniqKeyEnd = -1;
  delayStart = -1;
  delayEnd = -1;
  /** False when WAIT says anything but "true" in any case (`Message#isWaitStoreMsgOK`); true without it. */
  waitStoreOk = true;
  /** True when a name of `specialProperties` or with one of `specialPropertyPrefixes` occurs, with a value. */
  special = false;
  /** True when writing what was read gives another string: an element without name, value or separator, or a name that comes twice. */
  odd = false;
  /** Elements with a name and a value, duplicates counted. */
  count = 0;
  /** [start, end) of the first names. */
  readonly names = new Int32Array(2 * comparedNamesMax);
  /** Where names and values stood in the string scanned last: the next one of a producer is usually laid out the same. */
  readonly layout = new PropertyLayout();
}

const WORD_KEYS = 0x4b455953;
const WORD_TAGS = 0x54414753;
const WORD_WAIT = 0x57414954;
const WORD_UNIQ = 0x554e4951;
const WORD__KEY = 0x5f4b4559;

const specialByLength: (readonly Uint8Array[] | undefined)[] = [];
for (const name of specialProperties) {
  const bytes = new Uint8Array(Buffer.from(name, 'latin1'));
  specialByLength[bytes.length] = [...(specialByLength[bytes.length] ?? []), bytes];
}
const prefixes: readonly Uint8Array[] = specialPropertyPrefixes.map((prefix) => new Uint8Array(Buffer.from(prefix, 'latin1')));
const prefixBytes = 6;

/**
 * Scans the string form in bytes [start, end) once, with the meaning of `parseProperties` (the last of duplicates wins), making no
 * strings. `scan` is reset first and can be used again and again.
 */
export function scanProperties(scan: PropertyScan, bytes: Uint8Array, start: number, end: number): void {
  if (scan.layout.fill(scan, bytes, start, end)) return;
  scanBytes(scan, bytes, start, end);
  scan.layout.learn(scan, bytes, start, end);
}

/** The same byte by byte, whatever was scanned before. */
function scanBytes(scan: PropertyScan, bytes: Uint8Array, start: number, end: number): void {
  scan.keysStart = scan.keysEnd = scan.tagsStart = scan.tagsEnd = -1;
  scan.uniqKeyStart = scan.uniqKeyEnd = scan.delayStart = scan.delayEnd = -1;
  scan.waitStoreOk = true;
  scan.special = false;
  scan.odd = false;
  scan.count = 0;
  let i = start;
  while (i < end) {
    const nameStart = i;
    let byte = bytes[i] as number;
    while (byte !== nameValueSeparator && byte !== propertySeparator) {
      if (++i >= end) {
        scan.odd = true;
        return;
      }
      byte = bytes[i] as number;
    }
    const nameEnd = i++;
    if (byte === propertySeparator) {
      scan.odd = true;
      continue;
    }
    const valueStart = i;
    while (i < end && bytes[i] !== propertySeparator) i++;
    if (nameEnd > nameStart && i > valueStart) note(scan, bytes, nameStart, nameEnd, valueStart, i);
    else scan.odd = true;
    i++;
  }
}

function note(scan: PropertyScan, bytes: Uint8Array, nameStart: number, nameEnd: number, start: number, end: number): void {
  const length = nameEnd - nameStart;
  if (scan.count >= comparedNamesMax) scan.odd = true;
  else {
    const { names, count } = scan;
    for (let i = 0; i < count; i++) {
      const at = names[2 * i] as number;
      if ((names[2 * i + 1] as number) - at === length && sameBytes(bytes, at, nameStart, length)) scan.odd = true;
    }
    names[2 * count] = nameStart;
    names[2 * count + 1] = nameEnd;
  }
  scan.count++;
  if (length === 4) {
    const word = wordAt(bytes, nameStart);
    if (word === WORD_KEYS) {
      scan.keysStart = start;
      scan.keysEnd = end;
    } else if (word === WORD_TAGS) {
      scan.tagsStart = start;
      scan.tagsEnd = end;
    } else if (word === WORD_WAIT) {
      scan.waitStoreOk = isTrue(bytes, start, end);
    }
    return;
  }
  if (length === 8 && wordAt(bytes, nameStart) === WORD_UNIQ && wordAt(bytes, nameStart + 4) === WORD__KEY) {
    scan.uniqKeyStart = start;
    scan.uniqKeyEnd = end;
    return;
  }
  if (length > prefixBytes) {
    for (const prefix of prefixes) if (matches(bytes, nameStart, prefix)) scan.special = true;
  }
  const names = specialByLength[length];
  if (names === undefined) return;
  for (const name of names) {
    if (!matches(bytes, nameStart, name)) continue;
    scan.special = true;
    if (length === 5) {
      scan.delayStart = start;
      scan.delayEnd = end;
    }
  }
}

function sameBytes(bytes: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}

function wordAt(bytes: Uint8Array, i: number): number {
  return ((bytes[i] as number) << 24) | ((bytes[i + 1] as number) << 16) | ((bytes[i + 2] as number) << 8) | (bytes[i + 3] as number);
}

function matches(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name[i]) return false;
  return true;
}

/** `Boolean#parseBoolean`: "true" in any case. */
function isTrue(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 4 && (wordAt(bytes, start) | 0x20202020) === 0x74727565;
}
