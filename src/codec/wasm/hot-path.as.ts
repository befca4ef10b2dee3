/**
 * The inner loops of the hot path, in AssemblyScript, compiled to dist/src/codec/wasm/hot-path.wasm by `npm run build`: scanning a JSON header,
 * resolving the escapes of a value, and laying out the records, ConsumeQueue units and key hashes of a batch. What they are for, and who stages which
 * bytes where, is hot-path.ts; the layouts are drawn at message-record.ts, batch.ts and consume-queue-unit.ts, and this file has to agree with them.
 *
 * Memory is fixed. Every address is computed from a staged length that was checked against its region, so nothing is written outside; a load beyond the
 * staged bytes sees other bytes of this memory and is never believed.
 */

// @ts-ignore: decorator
@inline const PROPS_BYTES: i32 = 66048;
// @ts-ignore: decorator
@inline const OUT_BYTES: i32 = 1048576;
// @ts-ignore: decorator
@inline const MEMBERS: i32 = 96;
// @ts-ignore: decorator
@inline const ELEMENTS: i32 = 4096;
// @ts-ignore: decorator
@inline const KEYS: i32 = 16384;

/** What a socket's read brought, and what is staged beside. */
const READ = memory.data(262144 + 32, 16);
const IN = memory.data(262144 + 32, 16);
const PROPS = memory.data(66048 + 32, 16);
const OUT = memory.data(1048576 + 32, 16);
/** Bytes of the topic (255 at most), then of the two hosts. */
const TOPIC = memory.data(256 + 32, 16);
const BORN_HOST = memory.data(32, 16);
const STORE_HOST = memory.data(32, 16);
/** What the broker adds to the properties of a message, 1024 bytes at most. */
const SUFFIX = memory.data(1024 + 32, 16);
/** code, opaque, flag, version, languageStart, languageEnd, remarkStart, remarkEnd, count */
const HEAD = memory.data(64, 16);
const KEY_START = memory.data(96 * 4, 16);
const KEY_END = memory.data(96 * 4, 16);
const VALUE_START = memory.data(96 * 4, 16);
const VALUE_END = memory.data(96 * 4, 16);
const ESCAPED = memory.data(96, 16);
const QUOTED = memory.data(96, 16);
/** int16 for each of 128 letters. */
const BY_LETTER = memory.data(256, 16);
const LETTERS = memory.data(96, 16);
/** Of the last batch: record lengths, ConsumeQueue units, key hashes and the element each belongs to. */
const LENGTHS = memory.data(4096 * 4, 16);
const UNITS = memory.data(4096 * 20 + 32, 16);
const KEY_HASHES = memory.data(16384 * 4, 16);
const KEY_ELEMENTS = memory.data(16384 * 4, 16);
/** count, keys, total bytes */
const BATCH = memory.data(16, 16);
/** Slicing by 16: table t starts at 1024 * t bytes. */
const CRC = memory.data(16 * 1024, 16);

export function readAt(): usize { return READ; }
export function inAt(): usize { return IN; }
export function propsAt(): usize { return PROPS; }
export function outAt(): usize { return OUT; }
export function topicAt(): usize { return TOPIC; }
export function bornHostAt(): usize { return BORN_HOST; }
export function storeHostAt(): usize { return STORE_HOST; }
export function suffixAt(): usize { return SUFFIX; }
export function headAt(): usize { return HEAD; }
export function keyStartAt(): usize { return KEY_START; }
export function keyEndAt(): usize { return KEY_END; }
export function valueStartAt(): usize { return VALUE_START; }
export function valueEndAt(): usize { return VALUE_END; }
export function escapedAt(): usize { return ESCAPED; }
export function quotedAt(): usize { return QUOTED; }
export function byLetterAt(): usize { return BY_LETTER; }
export function lengthsAt(): usize { return LENGTHS; }
export function unitsAt(): usize { return UNITS; }
export function keyHashesAt(): usize { return KEY_HASHES; }
export function keyElementsAt(): usize { return KEY_ELEMENTS; }
export function batchAt(): usize { return BATCH; }

/** Fills the tables; to be called once. */
export function start(): void {
  for (let n: u32 = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = (c & 1) != 0 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    store<u32>(CRC + (<usize>n << 2), c);
  }
  for (let i: usize = 256; i < 4096; i++) {
    const before = load<u32>(CRC + ((i - 256) << 2));
    store<u32>(CRC + (i << 2), (before >>> 8) ^ load<u32>(CRC + (<usize>(before & 255) << 2)));
  }
  memory.fill(BY_LETTER, 0xff, 256);
}

// ---- header ----

let letterCount: i32 = 0;
/** The string skipped last has a backslash. */
let marks: i32 = 0;
let keysSeen: u32 = 0;

// @ts-ignore: decorator
@inline function byteAt(at: i32): i32 { return <i32>load<u8>(at); }
// @ts-ignore: decorator
@inline function wordAt(at: i32): i32 { return load<i32>(at); }

function isBlank(byte: i32): bool {
  return byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09;
}

function skipBlanks(at: i32, end: i32): i32 {
  while (at < end && isBlank(byteAt(at))) at++;
  return at;
}

function hexDigit(byte: i32): i32 {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : 255;
}

function isHexUnit(at: i32): bool {
  // Fifteen is the largest digit: a byte that is none sets a higher bit.
  return (hexDigit(byteAt(at)) | hexDigit(byteAt(at + 1)) | hexDigit(byteAt(at + 2)) | hexDigit(byteAt(at + 3))) < 16;
}

function hexUnit(at: i32): i32 {
  return (hexDigit(byteAt(at)) << 12) | (hexDigit(byteAt(at + 1)) << 8) | (hexDigit(byteAt(at + 2)) << 4) | hexDigit(byteAt(at + 3));
}

/** The byte a one-letter escape stands for, 0 when the letter escapes nothing. */
function shortEscape(letter: i32): i32 {
  switch (letter) {
    case 0x22: case 0x5c: case 0x2f: return letter;
    case 0x62: return 8;
    case 0x66: return 12;
    case 0x6e: return 10;
    case 0x72: return 13;
    case 0x74: return 9;
    default: return 0;
  }
}

/** The position after the well-formed UTF-8 character at `at`, which starts with a byte above 0x7f, or -1. */
function utf8End(at: i32, end: i32): i32 {
  const lead = byteAt(at);
  let more: i32;
  let low: i32 = 0x80;
  let high: i32 = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) more = 1;
  else if (lead >= 0xe0 && lead <= 0xef) {
    more = 2;
    if (lead == 0xe0) low = 0xa0;
    else if (lead == 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    more = 3;
    if (lead == 0xf0) low = 0x90;
    else if (lead == 0xf4) high = 0x8f;
  } else return -1;
  if (at + more >= end) return -1;
  for (let i = 1; i <= more; i++) {
    const next = byteAt(at + i);
    if (next < low || next > high) return -1;
    low = 0x80;
    high = 0xbf;
  }
  return at + more + 1;
}

/** The position after the closing quote of the string whose text starts at `at`, or -1. Sets `marks`. */
function skipString(at: i32, end: i32): i32 {
  const quotes = i8x16.splat(0x22);
  const slashes = i8x16.splat(0x5c);
  let found = 0;
  while (at < end) {
    // Sixteen bytes a step: a quote, a backslash, or a byte above 0x7f, whose sign bit is set already.
    const bytes = v128.load(at);
    const mask = i8x16.bitmask(v128.or(v128.or(i8x16.eq(bytes, quotes), i8x16.eq(bytes, slashes)), bytes));
    if (mask == 0) {
      at += 16;
      continue;
    }
    at += ctz(mask);
    if (at >= end) return -1;
    const byte = byteAt(at);
    if (byte == 0x22) {
      marks = found;
      return at + 1;
    }
    if (byte == 0x5c) {
      found = 1;
      if (at + 1 >= end) return -1;
      const letter = byteAt(at + 1);
      if (letter == 0x75) {
        if (at + 5 >= end) return -1;
        const digits = wordAt(at + 2);
        // 0001 and 0002, the separators of the property string.
        if (digits != 0x32303030 && digits != 0x31303030 && !isHexUnit(at + 2)) return -1;
        at += 6;
      } else {
        if (shortEscape(letter) == 0) return -1;
        at += 2;
      }
    } else {
      at = utf8End(at, end);
      if (at < 0) return -1;
    }
  }
  return -1;
}

/** The position after a JSON integer, true, false or null at `at`, or -1. */
function skipScalar(at: i32, end: i32): i32 {
  const first = byteAt(at);
  if (first == 0x74) return at + 4 <= end && wordAt(at) == 0x65757274 ? at + 4 : -1;
  if (first == 0x66) return at + 5 <= end && wordAt(at + 1) == 0x65736c61 ? at + 5 : -1;
  if (first == 0x6e) return at + 4 <= end && wordAt(at) == 0x6c6c756e ? at + 4 : -1;
  let p = at;
  if (first == 0x2d) p++;
  const digits = p;
  while (p < end && byteAt(p) >= 0x30 && byteAt(p) <= 0x39) p++;
  // Fractions, exponents and leading zeros are for the full reader.
  if (p == digits || (p - digits > 1 && byteAt(digits) == 0x30) || p - at > 20) return -1;
  if (p < end && byteAt(p) != 0x2c && byteAt(p) != 0x7d && !isBlank(byteAt(p))) return -1;
  return p;
}

// @ts-ignore: decorator
@inline const M_CODE: i32 = 1;
// @ts-ignore: decorator
@inline const M_OPAQUE: i32 = 2;
// @ts-ignore: decorator
@inline const M_FLAG: i32 = 4;
// @ts-ignore: decorator
@inline const M_VERSION: i32 = 8;
// @ts-ignore: decorator
@inline const M_LANGUAGE: i32 = 16;
// @ts-ignore: decorator
@inline const M_EXT: i32 = 32;
// @ts-ignore: decorator
@inline const M_REMARK: i32 = 64;
// @ts-ignore: decorator
@inline const M_SERIALIZE: i32 = 128;

/** Length of the key that `memberAt` found. */
let memberBytes: i32 = 0;

/** Which member the key at `at` (after its quote) names, with its closing quote; 0 = none we know. */
function memberAt(at: i32, end: i32): i32 {
  const head = wordAt(at);
  const left = end - at;
  let member: i32 = 0;
  let bytes: i32 = 0;
  if (head == 0x65646f63) { member = M_CODE; bytes = 4; } // code
  else if (head == 0x67616c66) { member = M_FLAG; bytes = 4; } // flag
  else if (head == 0x7161706f) { if (wordAt(at + 2) == 0x65757161) { member = M_OPAQUE; bytes = 6; } } // opaque
  else if (head == 0x46747865) { if (wordAt(at + 2) == 0x65694674 && wordAt(at + 5) == 0x73646c65) { member = M_EXT; bytes = 9; } } // extFields
  else if (head == 0x676e616c) { if (wordAt(at + 4) == 0x65676175) { member = M_LANGUAGE; bytes = 8; } } // language
  else if (head == 0x73726576) { if (wordAt(at + 3) == 0x6e6f6973) { member = M_VERSION; bytes = 7; } } // version
  else if (head == 0x616d6572) { if (wordAt(at + 2) == 0x6b72616d) { member = M_REMARK; bytes = 6; } } // remark
  else if (head == 0x69726573) { // serializeTypeCurrentRPC
    if (wordAt(at + 4) == 0x7a696c61 && wordAt(at + 8) == 0x70795465 && wordAt(at + 12) == 0x72754365 && wordAt(at + 15) == 0x6e657272 &&
      wordAt(at + 19) == 0x43505274) { member = M_SERIALIZE; bytes = 23; }
  }
  if (member == 0 || bytes >= left || byteAt(at + bytes) != 0x22) return 0;
  memberBytes = bytes;
  return member;
}

/** Whether an earlier key of this scan has these bytes. Asks them only when a 32-bit sieve cannot rule it out. */
function seenBefore(from: i32, to: i32, count: i32, origin: i32): bool {
  const length = to - from;
  const bit: u32 = 1 << ((length * 5 + byteAt(from) + byteAt(to - 1) * 3 + byteAt(from + (length >> 1))) & 31);
  if ((keysSeen & bit) == 0) {
    keysSeen |= bit;
    return false;
  }
  for (let i = 0; i < count; i++) {
    const other = load<i32>(KEY_START + (<usize>i << 2)) - origin;
    if (load<i32>(KEY_END + (<usize>i << 2)) - origin - other != length) continue;
    if (memory.compare(other, from, length) == 0) return true;
  }
  return false;
}

/** Notes a key that is not one plain letter as member `count`; the position after its colon, or -1. */
function longKey(at: i32, end: i32, count: i32, origin: i32): i32 {
  if (at < end && byteAt(at) <= 0x20) at = skipBlanks(at, end);
  if (at >= end || byteAt(at) != 0x22) return -1;
  const from = at + 1;
  at = skipString(from, end);
  const to = at - 1;
  if (at < 0 || marks != 0 || to == from) return -1;
  if (to - from == 1) {
    const letter = byteAt(from);
    if (load<i16>(BY_LETTER + (<usize>letter << 1)) != -1) return -1;
    store<i16>(BY_LETTER + (<usize>letter << 1), <i16>count);
    store<u8>(LETTERS + letterCount++, <u8>letter);
  } else if (seenBefore(from, to, count, origin)) return -1;
  store<i32>(KEY_START + (<usize>count << 2), from + origin);
  store<i32>(KEY_END + (<usize>count << 2), to + origin);
  if (at < end && byteAt(at) <= 0x20) at = skipBlanks(at, end);
  return at < end && byteAt(at) == 0x3a ? at + 1 : -1;
}

/** Notes the members of the object whose first inner byte is at `at`; the position after it, or -1. */
function extFields(at: i32, end: i32, origin: i32): i32 {
  let count: i32 = 0;
  keysSeen = 0;
  if (at < end && byteAt(at) == 0x7d) return at + 1;
  for (;;) {
    if (count >= MEMBERS) return -1;
    // One letter is the hot case: quote, letter, quote, colon in one word.
    const word = at + 4 <= end ? wordAt(at) : 0;
    const letter = (word >> 8) & 0xff;
    if ((word & ~0xff00) == 0x3a220022 && letter < 0x80 && letter != 0x5c && letter != 0x22) {
      if (load<i16>(BY_LETTER + (<usize>letter << 1)) != -1) return -1;
      store<i16>(BY_LETTER + (<usize>letter << 1), <i16>count);
      store<u8>(LETTERS + letterCount++, <u8>letter);
      store<i32>(KEY_START + (<usize>count << 2), at + 1 + origin);
      store<i32>(KEY_END + (<usize>count << 2), at + 2 + origin);
      at += 4;
    } else {
      at = longKey(at, end, count, origin);
      if (at < 0) return -1;
    }
    if (at < end && byteAt(at) <= 0x20) at = skipBlanks(at, end);
    if (at >= end) return -1;
    if (byteAt(at) == 0x22) {
      at++;
      store<i32>(VALUE_START + (<usize>count << 2), at + origin);
      at = skipString(at, end);
      if (at < 0) return -1;
      store<i32>(VALUE_END + (<usize>count << 2), at - 1 + origin);
      store<u8>(ESCAPED + count, <u8>marks);
      store<u8>(QUOTED + count, 1);
    } else {
      // A null member is an absent one, whose key may come again: that is for the full reader.
      if (byteAt(at) == 0x6e) return -1;
      store<i32>(VALUE_START + (<usize>count << 2), at + origin);
      at = skipScalar(at, end);
      if (at < 0) return -1;
      store<i32>(VALUE_END + (<usize>count << 2), at + origin);
      store<u8>(ESCAPED + count, 0);
      store<u8>(QUOTED + count, 0);
    }
    count++;
    if (at < end && byteAt(at) <= 0x20) at = skipBlanks(at, end);
    if (at >= end) return -1;
    const next = byteAt(at++);
    if (next == 0x2c) continue;
    if (next != 0x7d) return -1;
    store<i32>(HEAD + 32, count);
    return at;
  }
}

/**
 * Notes the members of the JSON header in [at, end). Addresses are noted with `origin` added. False = use the full reader.
 */
export function scan(at: i32, end: i32, origin: i32): bool {
  for (let i = 0; i < letterCount; i++) store<i16>(BY_LETTER + (<usize>load<u8>(LETTERS + i) << 1), -1);
  letterCount = 0;
  memory.fill(HEAD, 0, 64);
  store<i32>(HEAD + 24, -1);
  let seen: i32 = 0;
  if (end - at < 2 || byteAt(at) != 0x7b) return false;
  at++;
  for (;;) {
    if (at < end && byteAt(at) != 0x22) at = skipBlanks(at, end);
    // Shorter rests cannot hold one of our members, and are left to the full reader.
    if (end - at < 7 || byteAt(at) != 0x22) return false;
    at++;
    const member = memberAt(at, end);
    if (member == 0) {
      at = skipString(at, end);
      if (at < 0 || marks != 0) return false;
    } else {
      if ((seen & member) != 0) return false;
      seen |= member;
      at += memberBytes + 1;
    }
    if (at < end && byteAt(at) != 0x3a) at = skipBlanks(at, end);
    if (at >= end || byteAt(at) != 0x3a) return false;
    at++;
    if (at < end && byteAt(at) <= 0x20) at = skipBlanks(at, end);
    if (at >= end) return false;
    const first = byteAt(at);
    if ((member & 15) != 0) {
      const negative = first == 0x2d;
      const digits = negative ? at + 1 : at;
      let value: i64 = 0;
      at = digits;
      while (at < end) {
        const digit = byteAt(at) - 0x30;
        if (digit < 0 || digit > 9) break;
        if (at - digits > 9) return false;
        value = value * 10 + digit;
        at++;
      }
      if (at == digits || (at - digits > 1 && byteAt(digits) == 0x30)) return false;
      if (negative) value = -value;
      if (value > 2147483647 || value < -2147483648) return false;
      if (member == M_CODE) store<i32>(HEAD, <i32>value);
      else if (member == M_OPAQUE) store<i32>(HEAD + 4, <i32>value);
      else if (member == M_FLAG) store<i32>(HEAD + 8, <i32>value);
      else store<i32>(HEAD + 12, <i32>value);
    } else if (first == 0x22) {
      const valueStart = ++at;
      at = skipString(at, end);
      if (at < 0) return false;
      if (member == M_LANGUAGE) {
        if (marks != 0) return false;
        store<i32>(HEAD + 16, valueStart + origin);
        store<i32>(HEAD + 20, at - 1 + origin);
      } else if (member == M_REMARK) {
        store<i32>(HEAD + 24, valueStart + origin);
        store<i32>(HEAD + 28, at - 1 + origin);
      } else if (member == M_EXT && at - 1 != valueStart) return false;
    } else if (first == 0x7b) {
      if (member != M_EXT) return false;
      at = extFields(at + 1, end, origin);
      if (at < 0) return false;
    } else {
      // A text member may be null; one we do not know may be any scalar.
      if (member != 0 && first != 0x6e) return false;
      at = skipScalar(at, end);
      if (at < 0) return false;
    }
    if (at < end && byteAt(at) <= 0x20) at = skipBlanks(at, end);
    if (at >= end) return false;
    const next = byteAt(at++);
    if (next == 0x2c) continue;
    if (next != 0x7d) return false;
    if (at < end) at = skipBlanks(at, end);
    // Without a code there is nothing to route: the full reader says what is wrong.
    return at == end && (seen & M_CODE) != 0;
  }
}

/**
 * Writes the UTF-8 bytes of the JSON text in [p, end), known to be well formed, to PROPS with escapes resolved; the count, or -1 when the source is longer
 * than that region. A surrogate without its partner becomes `?` (`String#getBytes(UTF_8)`).
 */
export function unescape(p: i32, end: i32): i32 {
  if (end - p > PROPS_BYTES) return -1;
  const slashes = i8x16.splat(0x5c);
  let to: i32 = 0;
  while (p < end) {
    const bytes = v128.load(p);
    v128.store(PROPS + to, bytes);
    const mask = i8x16.bitmask(i8x16.eq(bytes, slashes));
    const plain = mask == 0 ? 16 : ctz(mask);
    if (plain >= end - p) return to + end - p;
    p += plain;
    to += plain;
    if (mask == 0) continue;
    const letter = byteAt(p + 1);
    if (letter != 0x75) {
      store<u8>(PROPS + to++, <u8>shortEscape(letter));
      p += 2;
      continue;
    }
    const unit = hexUnit(p + 2);
    p += 6;
    if (unit < 0x80) {
      store<u8>(PROPS + to++, <u8>unit);
    } else if (unit < 0x800) {
      store<u8>(PROPS + to++, <u8>(0xc0 | (unit >> 6)));
      store<u8>(PROPS + to++, <u8>(0x80 | (unit & 63)));
    } else if (unit < 0xd800 || unit > 0xdfff) {
      store<u8>(PROPS + to++, <u8>(0xe0 | (unit >> 12)));
      store<u8>(PROPS + to++, <u8>(0x80 | ((unit >> 6) & 63)));
      store<u8>(PROPS + to++, <u8>(0x80 | (unit & 63)));
    } else {
      const low = unit < 0xdc00 && p + 5 < end && byteAt(p) == 0x5c && byteAt(p + 1) == 0x75 ? hexUnit(p + 2) : 0;
      if (low >= 0xdc00 && low <= 0xdfff) {
        p += 6;
        const point = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        store<u8>(PROPS + to++, <u8>(0xf0 | (point >> 18)));
        store<u8>(PROPS + to++, <u8>(0x80 | ((point >> 12) & 63)));
        store<u8>(PROPS + to++, <u8>(0x80 | ((point >> 6) & 63)));
        store<u8>(PROPS + to++, <u8>(0x80 | (point & 63)));
      } else {
        store<u8>(PROPS + to++, 0x3f);
      }
    }
  }
  return to;
}

// ---- records ----

// @ts-ignore: decorator
@inline function put32(at: usize, value: i32): void { store<i32>(at, bswap<i32>(value)); }
// @ts-ignore: decorator
@inline function put64(at: usize, value: i64): void { store<i64>(at, bswap<i64>(value)); }
// @ts-ignore: decorator
@inline function get32(at: usize): i32 { return bswap<i32>(load<i32>(at)); }
// @ts-ignore: decorator
@inline function table(t: i32, index: u32): u32 { return load<u32>(CRC + (<usize>t << 10) + (<usize>index << 2)); }

/** Copies [from, from + bytes) to `to`, and past its end up to 15 bytes that the caller overwrites or leaves as room. */
// @ts-ignore: decorator
@inline function copy(to: usize, from: usize, bytes: i32): void {
  for (let i: i32 = 0; i < bytes; i += 16) v128.store(to + i, v128.load(from + i));
}

/** The 31-bit CRC-32 of a range (`UtilAll#crc32`), sixteen bytes a step. */
function crc31(at: usize, bytes: i32): i32 {
  let c: u32 = 0xffffffff;
  const end = at + bytes;
  while (at + 16 <= end) {
    const a = load<u32>(at) ^ c;
    const b = load<u32>(at + 4);
    const d = load<u32>(at + 8);
    const e = load<u32>(at + 12);
    c = table(15, a & 255) ^ table(14, (a >>> 8) & 255) ^ table(13, (a >>> 16) & 255) ^ table(12, a >>> 24) ^
      table(11, b & 255) ^ table(10, (b >>> 8) & 255) ^ table(9, (b >>> 16) & 255) ^ table(8, b >>> 24) ^
      table(7, d & 255) ^ table(6, (d >>> 8) & 255) ^ table(5, (d >>> 16) & 255) ^ table(4, d >>> 24) ^
      table(3, e & 255) ^ table(2, (e >>> 8) & 255) ^ table(1, (e >>> 16) & 255) ^ table(0, e >>> 24);
    at += 16;
  }
  while (at < end) {
    c = table(0, (c ^ load<u8>(at)) & 255) ^ (c >>> 8);
    at++;
  }
  return <i32>((c ^ 0xffffffff) & 0x7fffffff);
}

/** Set when a hashed range had a byte above 0x7f: its hash is not to be used. */
let beyondAscii: bool = false;

/** `String#hashCode` of ASCII bytes, continued from `seed`. */
function javaHash(seed: i32, at: usize, bytes: i32): i32 {
  let hash = seed;
  const end = at + bytes;
  while (at + 4 <= end) {
    const word = load<u32>(at);
    if ((word & 0x80808080) != 0) break;
    hash = hash * 923521 + <i32>(word & 255) * 29791 + <i32>((word >>> 8) & 255) * 961 + <i32>((word >>> 16) & 255) * 31 + <i32>(word >>> 24);
    at += 4;
  }
  while (at < end) {
    const byte = <i32>load<u8>(at++);
    if (byte >= 0x80) {
      beyondAscii = true;
      return 0;
    }
    hash = hash * 31 + byte;
  }
  return hash;
}

let keyCount: i32 = 0;

// @ts-ignore: decorator
@inline function noteKey(element: i32, hash: i32): bool {
  if (keyCount >= KEYS) return false;
  store<i32>(KEY_HASHES + (<usize>keyCount << 2), hash);
  store<i32>(KEY_ELEMENTS + (<usize>keyCount << 2), element);
  keyCount++;
  return true;
}

/**
 * Walks the batch body in [at, end) and answers the bytes of its records, 0 when anything about it is not plain: then the ordinary path says what is wrong.
 * BATCH holds the count of elements afterwards.
 */
export function measureBatch(at: i32, end: i32, hostBytes: i32, topicBytes: i32, bodyBytesMax: i32): i32 {
  let total: i32 = 0;
  let count: i32 = 0;
  const fixed = 75 + hostBytes + topicBytes + (topicBytes > 127 ? 1 : 0);
  while (at < end) {
    const left = end - at;
    if (left < 22 || count >= ELEMENTS) return 0;
    const bodyBytes = get32(at + 16);
    if (bodyBytes < 0 || bodyBytes > left - 22 || bodyBytes > bodyBytesMax) return 0;
    const propertiesBytes = <i32>bswap<i16>(load<i16>(at + 20 + bodyBytes));
    if (propertiesBytes < 0 || propertiesBytes > left - 22 - bodyBytes) return 0;
    total += fixed + bodyBytes + propertiesBytes;
    if (total > OUT_BYTES - 8) return 0;
    at += 22 + bodyBytes + propertiesBytes;
    count++;
  }
  store<i32>(BATCH, count);
  store<i32>(BATCH + 8, total);
  return total;
}

/** Everything of a record before its topic's length; the position after it. The body is copied in whole steps: what follows overwrites the excess. */
// @ts-ignore: decorator
@inline function putHead(
  out: usize, length: i32, magic: i32, queueId: i32, flag: i32, queueOffset: i64, phyOffset: i64, sysFlag: i32, born: i64, bornBytes: i32, stored: i64,
  storeBytes: i32, reconsumeTimes: i32, prepared: i64, body: usize, bodyBytes: i32,
): usize {
  put32(out, length);
  put32(out + 4, magic);
  put32(out + 8, crc31(body, bodyBytes));
  put32(out + 12, queueId);
  put32(out + 16, flag);
  put64(out + 20, queueOffset);
  put64(out + 28, phyOffset);
  put32(out + 36, sysFlag);
  put64(out + 40, born);
  let p = out + 48;
  copy(p, BORN_HOST, bornBytes);
  p += bornBytes;
  put64(p, stored);
  p += 8;
  copy(p, STORE_HOST, storeBytes);
  p += storeBytes;
  put32(p, reconsumeTimes);
  put64(p + 4, prepared);
  put32(p + 12, bodyBytes);
  copy(p + 16, body, bodyBytes);
  return p + 16 + bodyBytes;
}

/** The topic with its length, in one byte or two; the position after it. */
// @ts-ignore: decorator
@inline function putTopic(p: usize, topicBytes: i32): usize {
  if (topicBytes > 127) {
    store<i16>(p, bswap<i16>(<i16>topicBytes));
    p += 2;
  } else store<u8>(p++, <u8>topicBytes);
  copy(p, TOPIC, topicBytes);
  return p + topicBytes;
}

/**
 * Lays out the records of a measured batch at OUT + pos, their ConsumeQueue units at UNITS and their index keys at KEY_HASHES, in the order that
 * `KeyIndex#add` takes them. `indexed` 0 = no keys. False when a key or tag is not ASCII or there are too many: nothing of it may be used then.
 */
export function encodeBatch(
  pos: i32, at: i32, end: i32, queueId: i32, sysFlag: i32, bornTimestamp: f64, bornBytes: i32, storeTimestamp: f64, storeBytes: i32, reconsumeTimes: i32,
  topicBytes: i32, phyOffset: f64, queueOffset: f64, indexed: bool, keySeed: i32, tagSeed: i32,
): bool {
  const magic: i32 = topicBytes > 127 ? -626843477 : -626843481;
  const born = <i64>bornTimestamp;
  const stored = <i64>storeTimestamp;
  let phy = <i64>phyOffset;
  let offset = <i64>queueOffset;
  let out: usize = OUT + pos;
  let unit: usize = UNITS;
  let element: i32 = 0;
  keyCount = 0;
  beyondAscii = false;
  while (at < end) {
    const source: usize = at;
    const bodyBytes = get32(source + 16);
    const propertiesBytes = <i32>bswap<i16>(load<i16>(source + 20 + bodyBytes));
    const body = source + 20;
    const properties = body + bodyBytes + 2;
    const length = 75 + bornBytes + storeBytes + bodyBytes + topicBytes + (topicBytes > 127 ? 1 : 0) + propertiesBytes;
    let p = putHead(out, length, magic, queueId, get32(source + 12), offset, phy, sysFlag, born, bornBytes, stored, storeBytes, reconsumeTimes, 0, body, bodyBytes);
    p = putTopic(p, topicBytes);
    store<i16>(p, bswap<i16>(<i16>propertiesBytes));
    copy(p + 2, properties, propertiesBytes);

    const tagsCode = keysOf(properties, propertiesBytes, element, indexed, keySeed, tagSeed);
    if (beyondAscii) return false;
    store<i32>(LENGTHS + (<usize>element << 2), length);
    put64(unit, phy);
    put32(unit + 8, length);
    put64(unit + 12, <i64>tagsCode);
    unit += 20;
    at += 22 + bodyBytes + propertiesBytes;
    out += length;
    phy += length;
    offset++;
    element++;
  }
  store<i32>(BATCH + 4, keyCount);
  return true;
}

/**
 * Lays out one record at OUT + pos: body in [at, end), properties PROPS[0..propertiesBytes) followed by SUFFIX, between them a separator when there is none.
 * Its index keys are at KEY_HASHES afterwards: their count, or -1 when a key or tag is not ASCII or there are too many; the record is right all the same.
 */
export function encodeRecord(
  pos: i32, at: i32, end: i32, propertiesBytes: i32, suffixBytes: i32, queueId: i32, flag: i32, sysFlag: i32, bornTimestamp: f64, bornBytes: i32,
  storeTimestamp: f64, storeBytes: i32, reconsumeTimes: i32, preparedTransactionOffset: f64, topicBytes: i32, phyOffset: f64, queueOffset: f64,
  indexed: bool, keySeed: i32, tagSeed: i32,
): i32 {
  const separator: i32 = suffixBytes > 0 && propertiesBytes > 0 && load<u8>(PROPS + propertiesBytes - 1) != 2 ? 1 : 0;
  const storedBytes = propertiesBytes + separator + suffixBytes;
  const bodyBytes = end - at;
  const length = 75 + bornBytes + storeBytes + bodyBytes + topicBytes + (topicBytes > 127 ? 1 : 0) + storedBytes;
  let p = putHead(OUT + pos, length, topicBytes > 127 ? -626843477 : -626843481, queueId, flag, <i64>queueOffset, <i64>phyOffset, sysFlag, <i64>bornTimestamp,
    bornBytes, <i64>storeTimestamp, storeBytes, reconsumeTimes, <i64>preparedTransactionOffset, at, bodyBytes);
  p = putTopic(p, topicBytes);
  store<i16>(p, bswap<i16>(<i16>storedBytes));
  p += 2;
  copy(p, PROPS, propertiesBytes);
  p += propertiesBytes;
  if (separator != 0) store<u8>(p++, 2);
  copy(p, SUFFIX, suffixBytes);
  keyCount = 0;
  beyondAscii = false;
  if (indexed) keysOf(PROPS, propertiesBytes, 0, true, keySeed, tagSeed);
  return beyondAscii ? -1 : keyCount;
}

/** Finds UNIQ_KEY, KEYS and TAGS (the last of several counts), notes their hashes, and answers the hash of the tag, 0 without one. */
function keysOf(at: usize, bytes: i32, element: i32, indexed: bool, keySeed: i32, tagSeed: i32): i32 {
  const end = at + bytes;
  let uniq: usize = 0;
  let uniqBytes: i32 = 0;
  let keys: usize = 0;
  let keysBytes: i32 = 0;
  let tags: usize = 0;
  let tagsBytes: i32 = 0;
  const ones = i8x16.splat(1);
  const twos = i8x16.splat(2);
  while (at < end) {
    const name = at;
    at = find(at, end, ones, twos);
    if (at >= end) break;
    const nameBytes = <i32>(at - name);
    const separator = load<u8>(at++);
    if (separator == 2) continue;
    const value = at;
    at = find(at, end, twos, twos);
    if (at > end) at = end;
    const valueBytes = <i32>(at - value);
    at++;
    if (valueBytes == 0) continue;
    if (nameBytes == 4) {
      const word = load<u32>(name);
      if (word == 0x5359454b) { // KEYS
        keys = value;
        keysBytes = valueBytes;
      } else if (word == 0x53474154) { // TAGS
        tags = value;
        tagsBytes = valueBytes;
      }
    } else if (nameBytes == 8 && load<u64>(name) == 0x59454b5f51494e55) { // UNIQ_KEY
      uniq = value;
      uniqBytes = valueBytes;
    }
  }
  const tagsCode = tagsBytes == 0 ? 0 : javaHash(0, tags, tagsBytes);
  if (!indexed) return tagsCode;
  let room = true;
  if (uniqBytes > 0) room = noteKey(element, javaHash(keySeed, uniq, uniqBytes));
  let from: i32 = 0;
  while (from < keysBytes) {
    let to = from;
    while (to < keysBytes && load<u8>(keys + to) != 0x20) to++;
    if (to > from) room = room && noteKey(element, javaHash(keySeed, keys + from, to - from));
    from = to + 1;
  }
  if (tagsBytes > 0) room = room && noteKey(element, javaHash(tagSeed, tags, tagsBytes));
  if (!room) beyondAscii = true;
  return tagsCode;
}

/** The first of two bytes from `at` on; at or beyond `end` when neither comes before it. */
function find(at: usize, end: usize, first: v128, second: v128): usize {
  while (at < end) {
    const bytes = v128.load(at);
    const mask = i8x16.bitmask(v128.or(i8x16.eq(bytes, first), i8x16.eq(bytes, second)));
    if (mask != 0) return at + ctz(mask);
    at += 16;
  }
  return end;
}
