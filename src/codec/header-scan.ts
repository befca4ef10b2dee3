/**
 * One pass over a JSON header that notes where values lie, without making strings: the hot path's reader.
 * It owns the positions of extFields members and their readers. Anything unusual (nesting, escapes in keys, duplicate members,
 * more than 96 members, numbers out of range, malformed text) makes `scan` return false, and header.ts reads the header in full.
 */

/** Members of extFields one scan can note; a header with more is read in full. SEND_MESSAGE_V2 with every inherited field has 19. */
export const scanMembersMax = 96;

/** Value of a hexadecimal digit, 255 for any other byte. */
const hex = new Uint8Array(256).fill(255);
for (let digit = 0; digit < 10; digit++) hex[0x30 + digit] = digit;
for (let digit = 10; digit < 16; digit++) hex[0x41 + digit - 10] = hex[0x61 + digit - 10] = digit;

/** The byte a one-letter escape stands for (`\n` = 10, ...), 0 when the letter escapes nothing. `u` is handled apart. */
const shortEscapes = new Uint8Array(256);
for (const [letter, byte] of [['"', 0x22], ['\\', 0x5c], ['/', 0x2f], ['b', 8], ['f', 12], ['n', 10], ['r', 13], ['t', 9]] as const) {
  shortEscapes[letter.charCodeAt(0)] = byte;
}

/**
 * The position after the well-formed UTF-8 character that starts at `at` with a byte above 0x7f, or -1.
 * Overlong forms, surrogates and values above U+10FFFF are malformed.
 */
export function utf8End(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at] as number;
  let more: number;
  let low = 0x80;
  let high = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) more = 1;
  else if (lead >= 0xe0 && lead <= 0xef) {
    more = 2;
    if (lead === 0xe0) low = 0xa0;
    else if (lead === 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    more = 3;
    if (lead === 0xf0) low = 0x90;
    else if (lead === 0xf4) high = 0x8f;
  } else return -1;
  if (at + more >= end) return -1;
  for (let i = 1; i <= more; i++) {
    const next = bytes[at + i] as number;
    if (next < low || next > high) return -1;
    low = 0x80;
    high = 0xbf;
  }
  return at + more + 1;
}

/**
 * Strings are skipped four bytes at a time: `special` has bit 7 of a byte set when that byte is a quote, a backslash or above 0x7f.
 * Bytes are read little-endian, so the lowest set bit is exact (a borrow can only mark bytes after a real one).
 */
function special(word: number): number {
  const quote = word ^ 0x22222222;
  const slash = word ^ 0x5c5c5c5c;
  return (((quote - 0x01010101) & ~quote) | ((slash - 0x01010101) & ~slash) | word) & 0x80808080;
}

/** How many bytes stand before the first one that `special` marked. */
function plainBytes(mask: number): number {
  return (31 - Math.clz32(mask & -mask)) >> 3;
}

/** `0001` and `0002` as little-endian words: the separators of the property string. */
const hexOne = 0x31303030;
const hexTwo = 0x32303030;

/** A reusable scan result; its values are those of the last `scan` that returned true, and lie in `bytes`. */
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
  readonly keyStart = new Int32Array(scanMembersMax);
  readonly keyEnd = new Int32Array(scanMembersMax);
  readonly valueStart = new Int32Array(scanMembersMax);
  readonly valueEnd = new Int32Array(scanMembersMax);
  /** 1 when the value has a backslash. */
  readonly escaped = new Uint8Array(scanMembersMax);
  /** 1 when the value was a JSON string, 0 when it was a number or boolean. */
  readonly quoted = new Uint8Array(scanMembersMax);
  /** Index of the member whose key is this one ASCII byte, or -1. */
  readonly byLetter = new Int16Array(128).fill(-1);
  /** The bytes last scanned, as words. Made once per buffer, not per header. */
  private view = new DataView(this.bytes.buffer, this.bytes.byteOffset, 0);
  /** 1 when the last string skipped has a backslash. */
  private marks = 0;
  /** The one-letter keys noted, so that the next scan can forget them. */
  private readonly letters = new Uint8Array(scanMembersMax);
  private letterCount = 0;
  private keysSeen = 0;

  /** Notes the members of the JSON header in `bytes[start..end)`. False = use the full reader; never throws, never reads outside. */
  scan(bytes: Buffer, start: number, end: number): boolean {
    const { letters, byLetter } = this;
    for (let i = this.letterCount - 1; i >= 0; i--) byLetter[letters[i] as number] = -1;
    this.letterCount = 0;
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    this.count = 0;
    this.code = 0;
    this.opaque = 0;
    this.flag = 0;
    this.version = 0;
    this.languageStart = 0;
    this.languageEnd = 0;
    this.remarkStart = -1;
    if (!(start >= 0 && end <= bytes.length && end - start >= 2)) return false;
    return this.members(bytes, start, end);
  }

  private members(bytes: Buffer, start: number, end: number): boolean {
    const view = this.view;
    let at = start;
    let seen = 0;
    if (bytes[at] !== 0x7b) return false;
    at++;
    for (;;) {
      if (at < end && bytes[at] !== 0x22) at = skipBlanks(bytes, at, end);
      // Shorter rests cannot hold one of our members, and are left to the full reader.
      if (end - at < 7 || bytes[at] !== 0x22) return false;
      const member = memberAt(view, bytes, ++at, end);
      if (member === 0) {
        at = this.skipString(bytes, at, end);
        if (at < 0 || this.marks !== 0) return false;
      } else {
        if ((seen & member) !== 0) return false;
        seen |= member;
        at += memberKeyBytes(member) + 1;
      }
      if (at < end && bytes[at] !== 0x3a) at = skipBlanks(bytes, at, end);
      if (at >= end || bytes[at] !== 0x3a) return false;
      at++;
      if (at < end && (bytes[at] as number) <= 0x20) at = skipBlanks(bytes, at, end);
      if (at >= end) return false;
      const first = bytes[at] as number;
      if ((member & numberMembers) !== 0) {
        const negative = first === 0x2d;
        const digits = negative ? at + 1 : at;
        let value = 0;
        at = digits;
        // Nine digits cannot exceed an int32; a tenth is checked.
        while (at < end) {
          const digit = (bytes[at] as number) - 0x30;
          if (digit < 0 || digit > 9) break;
          if (at - digits === 9) {
            if (value > 214748364 || (value === 214748364 && digit > (negative ? 8 : 7))) return false;
          } else if (at - digits > 9) return false;
          value = Math.imul(value, 10) + digit | 0;
          at++;
        }
        if (at === digits || (at - digits > 1 && bytes[digits] === 0x30)) return false;
        if (negative) value = -value | 0;
        if (member === memberCode) this.code = value;
        else if (member === memberOpaque) this.opaque = value;
        else if (member === memberFlag) this.flag = value;
        else this.version = value;
      } else if (first === 0x22) {
        const valueStart = ++at;
        at = this.skipString(bytes, at, end);
        if (at < 0) return false;
        if (member === memberLanguage) {
          if (this.marks !== 0) return false;
          this.languageStart = valueStart;
          this.languageEnd = at - 1;
        } else if (member === memberRemark) {
          this.remarkStart = valueStart;
          this.remarkEnd = at - 1;
        } else if (member === memberExtFields && at - 1 !== valueStart) return false;
      } else if (first === 0x7b) {
        if (member !== memberExtFields) return false;
        at = this.extFields(bytes, at + 1, end);
        if (at < 0) return false;
      } else {
        // A text member may be null; one we do not know may be any scalar.
        if (member !== 0 && first !== 0x6e) return false;
        at = skipScalar(bytes, at, end);
        if (at < 0) return false;
      }
      if (at < end && (bytes[at] as number) <= 0x20) at = skipBlanks(bytes, at, end);
      if (at >= end) return false;
      const next = bytes[at++] as number;
      if (next === 0x2c) continue;
      if (next !== 0x7d) return false;
      if (at < end) at = skipBlanks(bytes, at, end);
      // Without a code there is nothing to route: the full reader says what is wrong.
      return at === end && (seen & memberCode) !== 0;
    }
  }

  /** Notes the members of the object whose first inner byte is at `at`; the position after it, or -1. */
  private extFields(bytes: Buffer, at: number, end: number): number {
    const { view, keyStart, keyEnd, valueStart, valueEnd, escaped, quoted, byLetter } = this;
    const wordEnd = end - 3;
    let count = 0;
    this.keysSeen = 0;
    if (at < end && bytes[at] === 0x7d) return at + 1;
    for (;;) {
      // Here a key comes. One letter is the hot case: quote, letter, quote, colon in one word.
      const word = at < wordEnd ? view.getInt32(at, true) : 0;
      const letter = (word >> 8) & 0xff;
      if (count >= scanMembersMax) return -1;
      if ((word & ~0xff00) === 0x3a220022 && letter < 0x80 && letter !== 0x5c && letter !== 0x22) {
        if (byLetter[letter] !== -1) return -1;
        byLetter[letter] = count;
        this.letters[this.letterCount++] = letter;
        keyStart[count] = at + 1;
        keyEnd[count] = at + 2;
        at += 4;
      } else {
        this.count = count;
        at = this.longKey(bytes, at, end);
        if (at < 0) return -1;
      }
      if (at < end && (bytes[at] as number) <= 0x20) at = skipBlanks(bytes, at, end);
      if (at >= end) return -1;
      if (bytes[at] === 0x22) {
        valueStart[count] = ++at;
        let marks = 0;
        for (;;) {
          if (at >= wordEnd) {
            // The last bytes of the header: one at a time.
            at = this.skipString(bytes, at, end);
            if (at < 0) return -1;
            marks |= this.marks;
            break;
          }
          const mask = special(view.getInt32(at, true));
          if (mask === 0) {
            at += 4;
            continue;
          }
          at += plainBytes(mask);
          const byte = bytes[at] as number;
          if (byte === 0x22) {
            at++;
            break;
          }
          if (byte === 0x5c) {
            marks = 1;
            if (at + 5 < end && bytes[at + 1] === 0x75) {
              const digits = view.getInt32(at + 2, true);
              if (digits !== hexTwo && digits !== hexOne && !isHexUnit(bytes, at + 2)) return -1;
              at += 6;
            } else {
              if (at + 1 >= end || shortEscapes[bytes[at + 1] as number] === 0) return -1;
              at += 2;
            }
          } else {
            at = utf8End(bytes, at, end);
            if (at < 0) return -1;
          }
        }
        valueEnd[count] = at - 1;
        escaped[count] = marks;
        quoted[count] = 1;
      } else {
        // A null member is an absent one, whose key may come again: that is for the full reader.
        if (bytes[at] === 0x6e) return -1;
        valueStart[count] = at;
        at = skipScalar(bytes, at, end);
        if (at < 0) return -1;
        valueEnd[count] = at;
        quoted[count] = 0;
        escaped[count] = 0;
      }
      count++;
      if (at < end && (bytes[at] as number) <= 0x20) at = skipBlanks(bytes, at, end);
      if (at >= end) return -1;
      const next = bytes[at++];
      if (next === 0x2c) continue;
      if (next !== 0x7d) return -1;
      this.count = count;
      return at;
    }
  }

  /** Notes a key that is not one plain letter as member `count`; the position after its colon, or -1. */
  private longKey(bytes: Buffer, at: number, end: number): number {
    if (at < end && (bytes[at] as number) <= 0x20) at = skipBlanks(bytes, at, end);
    if (at >= end || bytes[at] !== 0x22) return -1;
    const from = at + 1;
    at = this.skipString(bytes, from, end);
    const to = at - 1;
    if (at < 0 || this.marks !== 0 || to === from) return -1;
    const count = this.count;
    if (to - from === 1) {
      const letter = bytes[from] as number;
      if (byLetterTaken(this.byLetter, letter)) return -1;
      this.byLetter[letter] = count;
      this.letters[this.letterCount++] = letter;
    } else if (this.seenBefore(bytes, from, to)) return -1;
    this.keyStart[count] = from;
    this.keyEnd[count] = to;
    if (at < end && (bytes[at] as number) <= 0x20) at = skipBlanks(bytes, at, end);
    return at < end && bytes[at] === 0x3a ? at + 1 : -1;
  }

  /** Whether an earlier key of this scan has these bytes. Asks them only when a 32-bit sieve cannot rule it out. */
  private seenBefore(bytes: Buffer, from: number, to: number): boolean {
    const length = to - from;
    const bit = 1 << ((length * 5 + (bytes[from] as number) + (bytes[to - 1] as number) * 3 + (bytes[from + (length >> 1)] as number)) & 31);
    if ((this.keysSeen & bit) === 0) {
      this.keysSeen |= bit;
      return false;
    }
    const { keyStart, keyEnd, count } = this;
    for (let i = 0; i < count; i++) {
      const other = keyStart[i] as number;
      if ((keyEnd[i] as number) - other !== length) continue;
      let k = 0;
      while (k < length && bytes[other + k] === bytes[from + k]) k++;
      if (k === length) return true;
    }
    return false;
  }

  /** The position after the closing quote of the string whose text starts at `at`, or -1. Sets `marks`. */
  private skipString(bytes: Buffer, at: number, end: number): number {
    const view = this.view;
    const wordEnd = end - 3;
    let marks = 0;
    while (at < end) {
      if (at < wordEnd) {
        const mask = special(view.getInt32(at, true));
        if (mask === 0) {
          at += 4;
          continue;
        }
        at += plainBytes(mask);
      }
      const byte = bytes[at] as number;
      if (byte === 0x22) {
        this.marks = marks;
        return at + 1;
      }
      if (byte === 0x5c) {
        marks = 1;
        if (at + 1 >= end) return -1;
        const letter = bytes[at + 1] as number;
        if (letter === 0x75) {
          if (at + 5 >= end || !isHexUnit(bytes, at + 2)) return -1;
          at += 6;
        } else {
          if (shortEscapes[letter] === 0) return -1;
          at += 2;
        }
      } else if (byte < 0x80) at++;
      else {
        at = utf8End(bytes, at, end);
        if (at < 0) return -1;
      }
    }
    return -1;
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
    return this.bytes.toString('latin1', this.languageStart, this.languageEnd);
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
   * Writes the value's UTF-8 bytes with escapes resolved into `target` from `at`; the count of bytes written, or -1 when there is no room.
   * A surrogate without its partner becomes `?`, as `String#getBytes(UTF_8)` writes it.
   */
  unescapeInto(index: number, target: Uint8Array, at: number): number {
    const bytes = this.bytes;
    let p = this.valueStart[index] as number;
    const end = this.valueEnd[index] as number;
    const room = target.length;
    let to = at;
    if (at < 0) return -1;
    // Resolved text is never longer than its source, so most values need no check for room per byte.
    if (at + (end - p) > room) return this.unescapeTight(index, target, at);
    while (p < end) {
      const byte = bytes[p] as number;
      if (byte !== 0x5c) {
        target[to++] = byte;
        p++;
        continue;
      }
      const letter = bytes[p + 1] as number;
      if (letter !== 0x75) {
        target[to++] = shortEscapes[letter] as number;
        p += 2;
        continue;
      }
      const unit = hexUnit(bytes, p + 2);
      p += 6;
      if (unit < 0x80) {
        target[to++] = unit;
      } else if (unit < 0x800) {
        target[to++] = 0xc0 | (unit >> 6);
        target[to++] = 0x80 | (unit & 63);
      } else if (unit < 0xd800 || unit > 0xdfff) {
        target[to++] = 0xe0 | (unit >> 12);
        target[to++] = 0x80 | ((unit >> 6) & 63);
        target[to++] = 0x80 | (unit & 63);
      } else {
        const low = unit < 0xdc00 && p + 5 < end && bytes[p] === 0x5c && bytes[p + 1] === 0x75 ? hexUnit(bytes, p + 2) : 0;
        if (low >= 0xdc00 && low <= 0xdfff) {
          p += 6;
          const point = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
          target[to++] = 0xf0 | (point >> 18);
          target[to++] = 0x80 | ((point >> 12) & 63);
          target[to++] = 0x80 | ((point >> 6) & 63);
          target[to++] = 0x80 | (point & 63);
        } else {
          target[to++] = 0x3f;
        }
      }
    }
    return to - at;
  }

  /** unescapeInto when the source is longer than the room: rare, so it goes through a copy. */
  private unescapeTight(index: number, target: Uint8Array, at: number): number {
    const copy = Buffer.allocUnsafe((this.valueEnd[index] as number) - (this.valueStart[index] as number));
    const length = this.unescapeInto(index, copy, 0);
    if (at + length > target.length) return -1;
    target.set(copy.subarray(0, length), at);
    return length;
  }
}

const memberCode = 1;
const memberOpaque = 2;
const memberFlag = 4;
const memberVersion = 8;
const memberLanguage = 16;
const memberExtFields = 32;
const memberRemark = 64;
const memberSerialize = 128;
const numberMembers = memberCode | memberOpaque | memberFlag | memberVersion;

// Four ASCII letters as the little-endian word they make.
const wordCode = 0x65646f63;
const wordFlag = 0x67616c66;
const wordOpaq = 0x7161706f;
const wordAque = 0x65757161;
const wordRema = 0x616d6572;
const wordMark = 0x6b72616d;
const wordVers = 0x73726576;
const wordSion = 0x6e6f6973;
const wordLang = 0x676e616c;
const wordUage = 0x65676175;
const wordExtF = 0x46747865;
const wordTFie = 0x65694674;
const wordElds = 0x73646c65;
const wordSeri = 0x69726573;
const wordAliz = 0x7a696c61;
const wordETyp = 0x70795465;
const wordECur = 0x72754365;
const wordRren = 0x6e657272;
const wordTRpc = 0x43505274;

/**
 * Which member the key at `at` (after its quote) names, 0 = none we know. At least 6 bytes can be read there. The key's length
 * follows from its member, and a closing quote must follow it: no key is skipped byte by byte.
 */
function memberAt(view: DataView, bytes: Buffer, at: number, end: number): number {
  const head = view.getInt32(at, true);
  if (head === wordCode) return bytes[at + 4] === 0x22 ? memberCode : 0;
  if (head === wordFlag) return bytes[at + 4] === 0x22 ? memberFlag : 0;
  if (end - at < 24) {
    if (end - at < 10) return 0;
  } else if (head === wordSeri) {
    return view.getInt32(at + 4, true) === wordAliz && view.getInt32(at + 8, true) === wordETyp && view.getInt32(at + 12, true) === wordECur &&
      view.getInt32(at + 15, true) === wordRren && view.getInt32(at + 19, true) === wordTRpc && bytes[at + 23] === 0x22 ? memberSerialize : 0;
  }
  if (head === wordExtF) return view.getInt32(at + 2, true) === wordTFie && view.getInt32(at + 5, true) === wordElds && bytes[at + 9] === 0x22 ? memberExtFields : 0;
  if (head === wordOpaq) return view.getInt32(at + 2, true) === wordAque && bytes[at + 6] === 0x22 ? memberOpaque : 0;
  if (head === wordLang) return view.getInt32(at + 4, true) === wordUage && bytes[at + 8] === 0x22 ? memberLanguage : 0;
  if (head === wordVers) return view.getInt32(at + 3, true) === wordSion && bytes[at + 7] === 0x22 ? memberVersion : 0;
  if (head === wordRema) return view.getInt32(at + 2, true) === wordMark && bytes[at + 6] === 0x22 ? memberRemark : 0;
  return 0;
}

/** Length of a known member's key. */
function memberKeyBytes(member: number): number {
  switch (member) {
    case memberCode: case memberFlag: return 4;
    case memberOpaque: case memberRemark: return 6;
    case memberVersion: return 7;
    case memberLanguage: return 8;
    case memberExtFields: return 9;
    default: return 23;
  }
}

function byLetterTaken(byLetter: Int16Array, letter: number): boolean {
  return byLetter[letter] !== -1;
}

function same(bytes: Buffer, from: number, name: string): boolean {
  for (let k = 0; k < name.length; k++) if (bytes[from + k] !== name.charCodeAt(k)) return false;
  return true;
}

function skipBlanks(bytes: Buffer, at: number, end: number): number {
  while (at < end && isBlank(bytes[at] as number)) at++;
  return at;
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isHexUnit(bytes: Buffer, at: number): boolean {
  return ((hex[bytes[at] as number] as number) | (hex[bytes[at + 1] as number] as number) |
    (hex[bytes[at + 2] as number] as number) | (hex[bytes[at + 3] as number] as number)) < 16;
}

/** The position after a JSON number, true, false or null at `at`, or -1. */
function skipScalar(bytes: Buffer, at: number, end: number): number {
  const first = bytes[at] as number;
  if (first === 0x74) return at + 4 <= end && same(bytes, at, 'true') ? at + 4 : -1;
  if (first === 0x66) return at + 5 <= end && same(bytes, at, 'false') ? at + 5 : -1;
  if (first === 0x6e) return at + 4 <= end && same(bytes, at, 'null') ? at + 4 : -1;
  let p = at;
  if (first === 0x2d) p++;
  const digits = p;
  while (p < end && (bytes[p] as number) >= 0x30 && (bytes[p] as number) <= 0x39) p++;
  // Fractions, exponents and leading zeros are for the full reader.
  if (p === digits || (p - digits > 1 && bytes[digits] === 0x30) || p - at > 20) return -1;
  if (p < end && bytes[p] !== 0x2c && bytes[p] !== 0x7d && !isBlank(bytes[p] as number)) return -1;
  return p;
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
