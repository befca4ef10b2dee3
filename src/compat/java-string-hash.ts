// Java's String.hashCode for JS strings and for ranges of UTF-8 bytes, and the form the index file derives from it.
// A hash can be continued, so `topic#key` may start from a cached hash of `topic#`.
// Which strings are hashed (tags, index keys, topic names) is decided by the callers.

/**
 * `String#hashCode` of a text, as a signed 32-bit integer. JS and Java strings are both UTF-16, so the result is always Java's.
 * @param seedHash hash of the text that stands before this one (0: nothing stands before)
 */
export function javaStringHash(text: string, seedHash = 0): number {
  let hash = seedHash | 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0;
  return hash;
}

/**
 * `String#hashCode` of the string that the UTF-8 bytes [start, end) decode to, without making that string.
 * Bytes that are not UTF-8 count as U+FFFD, exactly as decoding them would give.
 * @param seedHash hash of the text that stands before this range (0: nothing stands before)
 */
export function javaHashOfBytes(seedHash: number, bytes: Uint8Array, start: number, end: number): number {
  let hash = seedHash | 0;
  let i = start;
  if (end - start >= wordsBytesMin) {
    if (bytes !== wordBytes) {
      words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      wordBytes = bytes;
    }
    // Four characters a step: 31^4 h + 31^3 a + 31^2 b + 31 c + d.
    for (const last = end - 4; i <= last; i += 4) {
      const word = words.getInt32(i);
      if ((word & 0x80808080) !== 0) break;
      const four = Math.imul(word >> 24, 29791) + Math.imul((word >> 16) & 255, 961) + Math.imul((word >> 8) & 255, 31) + (word & 255);
      hash = (Math.imul(923521, hash) + four) | 0;
    }
  }
  for (; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte >= 0x80) return hashBeyondAscii(hash, bytes, i, end);
    hash = (Math.imul(31, hash) + byte) | 0;
  }
  return hash;
}

/** Shorter ranges are hashed byte by byte. */
const wordsBytesMin = 8;
/** The buffer hashed last, and its bytes as words. */
let wordBytes: Uint8Array = new Uint8Array(0);
let words: DataView = new DataView(wordBytes.buffer);

/** Continues at the first byte that is not ASCII: well-formed sequences by arithmetic, anything else by decoding the rest. */
function hashBeyondAscii(seedHash: number, bytes: Uint8Array, start: number, end: number): number {
  let hash = seedHash;
  let i = start;
  while (i < end) {
    const lead = bytes[i] as number;
    if (lead < 0x80) {
      hash = (Math.imul(31, hash) + lead) | 0;
      i++;
      continue;
    }
    const size = lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
    if (size === 0 || i + size > end) return hashDecoded(hash, bytes, i, end);
    let point = size === 2 ? lead & 0x1f : size === 3 ? lead & 0x0f : lead & 0x07;
    for (let k = 1; k < size; k++) {
      const next = bytes[i + k] as number;
      if ((next & 0xc0) !== 0x80) return hashDecoded(hash, bytes, i, end);
      point = (point << 6) | (next & 0x3f);
    }
    const overlong = size === 3 ? point < 0x800 : size === 4 && point < 0x10000;
    if (overlong || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return hashDecoded(hash, bytes, i, end);
    if (point < 0x10000) {
      hash = (Math.imul(31, hash) + point) | 0;
    } else {
      hash = (Math.imul(31, hash) + (0xd7c0 + (point >> 10))) | 0;
      hash = (Math.imul(31, hash) + (0xdc00 + (point & 0x3ff))) | 0;
    }
    i += size;
  }
  return hash;
}

function hashDecoded(seedHash: number, bytes: Uint8Array, start: number, end: number): number {
  return javaStringHash(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8'), seedHash);
}

/**
 * The key hash of an index file: the absolute value of a String.hashCode, 0 for -2^31 whose absolute value Java cannot hold
 * (`IndexFile#indexKeyHashMethod`).
 */
export function indexKeyHash(hash: number): number {
  return hash === -0x80000000 ? 0 : hash < 0 ? -hash : hash;
}
