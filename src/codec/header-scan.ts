/**
 * One pass over a JSON header that notes where values lie, without making strings: the hot path's reader.
 * It owns the readers of extFields members; the pass itself is compiled (hot-path.ts). Anything unusual (nesting, escapes in keys, duplicate members,
 * more than 96 members, numbers out of range, malformed text) makes `scan` return false, and header.ts reads the header in full.
 */
import { scanHeader, scanned, stagedProperties, unescapeScanned } from './hot-path.js';

/** Members of extFields one scan can note; a header with more is read in full. SEND_MESSAGE_V2 with every inherited field has 19. */
export const scanMembersMax = scanned.keyStart.length;

/** Where `properties` leaves what it resolved; larger than any property string that can be stored. */
export const resolvedProperties = stagedProperties;

/** Value of a hexadecimal digit. */
const hex = new Uint8Array(256);
for (let digit = 0; digit < 10; digit++) hex[0x30 + digit] = digit;
for (let digit = 10; digit < 16; digit++) hex[0x41 + digit - 10] = hex[0x61 + digit - 10] = digit;

/** The byte a one-letter escape stands for (`\n` = 10, ...). `u` is handled apart. */
const shortEscapes = new Uint8Array(256);
for (const [letter, byte] of [['"', 0x22], ['\\', 0x5c], ['/', 0x2f], ['b', 8], ['f', 12], ['n', 10], ['r', 13], ['t', 9]] as const) {
  shortEscapes[letter.charCodeAt(0)] = byte;
}

/**
 * The result of the last `scan` that returned true; positions are in `bytes`. They lie in memory that all scans share: they are read before the
 * next header is scanned, whoever scans it.
 */
export class HeaderScan {
  code = 0;
  opaque = 0;
  flag = 0;
  version = 0;
  /** The bytes last scanned. */
  bytes: Buffer = Buffer.alloc(0);
  /** The `language` text between its quotes; 0 and 0 when absent. */
  languageStart = 0;
  languageEnd = 0;
  /** The `remark` text between its quotes, not unescaped; -1 when absent or null. */
  remarkStart = -1;
  remarkEnd = -1;
  /** Members of extFields. */
  count = 0;
  readonly keyStart = scanned.keyStart;
  readonly keyEnd = scanned.keyEnd;
  readonly valueStart = scanned.valueStart;
  readonly valueEnd = scanned.valueEnd;
  /** 1 when the value has a backslash. */
  readonly escaped = scanned.escaped;
  /** 1 when the value was a JSON string, 0 when it was a number or boolean. */
  readonly quoted = scanned.quoted;
  /** Index of the member whose key is this one ASCII byte, or -1. */
  readonly byLetter = scanned.byLetter;

  /**
   * Notes the members of the JSON header in `bytes[start..end)`. False = use the full reader; never throws, never reads outside.
   * The bytes must not change between two scans of one buffer.
   */
  scan(bytes: Buffer, start: number, end: number): boolean {
    this.bytes = bytes;
    if (!(start >= 0 && end <= bytes.length && end - start >= 2)) return false;
    const plain = scanHeader(bytes, start, end);
    const { head } = scanned;
    this.code = head[0] as number;
    this.opaque = head[1] as number;
    this.flag = head[2] as number;
    this.version = head[3] as number;
    this.languageStart = head[4] as number;
    this.languageEnd = head[5] as number;
    this.remarkStart = head[6] as number;
    this.remarkEnd = head[7] as number;
    this.count = head[8] as number;
    return plain;
  }

  /** Index of the extFields member with this name, or -1. A name given as a string must be ASCII, as all of ours are. */
  find(name: string | Uint8Array): number {
    const length = name.length;
    const { bytes, keyStart, keyEnd, count } = this;
    for (let i = 0; i < count; i++) {
      const from = keyStart[i] as number;
      if ((keyEnd[i] as number) - from !== length) continue;
      let k = 0;
      if (typeof name === 'string') {
        while (k < length && bytes[from + k] === name.charCodeAt(k)) k++;
      } else {
        while (k < length && bytes[from + k] === name[k]) k++;
      }
      if (k === length) return i;
    }
    return -1;
  }

  /** Whether the value's text, without unescaping, is exactly these bytes. */
  sameBytes(index: number, expected: Uint8Array): boolean {
    const from = this.valueStart[index] as number;
    const length = (this.valueEnd[index] as number) - from;
    if (length !== expected.length || this.escaped[index] !== 0) return false;
    const bytes = this.bytes;
    for (let k = 0; k < length; k++) if (bytes[from + k] !== expected[k]) return false;
    return true;
  }

  /** The value as `Integer#parseInt` reads it, NaN when that would throw or the value has escapes. */
  int32(index: number): number {
    const value = this.safeInt(index);
    return value >= -2147483648 && value <= 2147483647 ? value : NaN;
  }

  /** The value as `Long#parseLong` reads it when it is a safe integer, else NaN (also when it has escapes). Never -0. */
  safeInt(index: number): number {
    const bytes = this.bytes;
    let at = this.valueStart[index] as number;
    const end = this.valueEnd[index] as number;
    const sign = at < end ? (bytes[at] as number) : 0;
    if (sign === 0x2d || sign === 0x2b) at++;
    if (at >= end) return NaN;
    let value = 0;
    while (at < end) {
      const digit = (bytes[at] as number) - 0x30;
      if (digit < 0 || digit > 9) return NaN;
      value = value * 10 + digit;
      if (value > Number.MAX_SAFE_INTEGER) return NaN;
      at++;
    }
    return sign === 0x2d ? 0 - value : value;
  }

  /** The value as `Boolean#parseBoolean` reads it: `true` in any case of letters. */
  bool(index: number): boolean {
    if (this.escaped[index] !== 0) return this.text(index).toLowerCase() === 'true';
    const bytes = this.bytes;
    const from = this.valueStart[index] as number;
    return (this.valueEnd[index] as number) - from === 4 &&
      ((bytes[from] as number) | 32) === 0x74 && ((bytes[from + 1] as number) | 32) === 0x72 &&
      ((bytes[from + 2] as number) | 32) === 0x75 && ((bytes[from + 3] as number) | 32) === 0x65;
  }

  /** The value as a string, escapes resolved. */
  text(index: number): string {
    const from = this.valueStart[index] as number;
    const to = this.valueEnd[index] as number;
    if (this.escaped[index] === 0) return this.bytes.toString('utf8', from, to);
    return unescapeText(this.bytes, from, to);
  }

  /** The text of `language`, '' when absent. */
  language(): string {
    return this.bytes.toString('utf8', this.languageStart, this.languageEnd);
  }

  /** The text of `remark`, undefined when absent. */
  remark(): string | undefined {
    return this.remarkStart < 0 ? undefined : unescapeText(this.bytes, this.remarkStart, this.remarkEnd);
  }

  /** The text of a member's key. */
  key(index: number): string {
    return this.bytes.toString('utf8', this.keyStart[index], this.keyEnd[index]);
  }

  /**
   * Writes the value's UTF-8 bytes with escapes resolved to `resolvedProperties`; their count, or -1 when there is no room or another header was scanned
   * since. A surrogate without its partner becomes `?`, as `String#getBytes(UTF_8)` writes it.
   */
  properties(index: number): number {
    return unescapeScanned(this.bytes, this.valueStart[index] as number, this.valueEnd[index] as number);
  }
}

function hexUnit(bytes: Buffer, at: number): number {
  return ((hex[bytes[at] as number] as number) << 12) | ((hex[bytes[at + 1] as number] as number) << 8) |
    ((hex[bytes[at + 2] as number] as number) << 4) | (hex[bytes[at + 3] as number] as number);
}

/** A string with escapes, known to be well formed. */
function unescapeText(bytes: Buffer, from: number, to: number): string {
  let text = '';
  let plain = from;
  let at = from;
  while (at < to) {
    if (bytes[at] !== 0x5c) {
      at++;
      continue;
    }
    if (at > plain) text += bytes.toString('utf8', plain, at);
    const letter = bytes[at + 1] as number;
    if (letter === 0x75) {
      text += String.fromCharCode(hexUnit(bytes, at + 2));
      at += 6;
    } else {
      text += String.fromCharCode(shortEscapes[letter] as number);
      at += 2;
    }
    plain = at;
  }
  return to > plain ? text + bytes.toString('utf8', plain, to) : text;
}
