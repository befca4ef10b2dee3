// CRC-32 as RocketMQ writes it: the usual polynomial, and-ed with 0x7FFFFFFF (`UtilAll#crc32`). Short ranges go through tables,
// long ones through zlib's native code, whose call costs more than it saves below about a hundred bytes.
import { crc32 as nativeCrc32 } from 'node:zlib';

// Eight tables in one array take eight bytes a step ("slicing by 8"); table t starts at 256 * t.
const tables = new Int32Array(8 * 256);
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  tables[n] = c;
}
for (let i = 256; i < tables.length; i++) {
  const before = tables[i - 256] as number;
  tables[i] = (before >>> 8) ^ (tables[before & 255] as number);
}

/** From this many bytes on the native code is used (measured on Node 20). */
export const crcNativeBytesMin = 97;

/** 31-bit CRC of bytes [start, end). */
export function crc31(bytes: Uint8Array, start: number, end: number): number {
  if (end - start >= crcNativeBytesMin) {
    return nativeCrc32(new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start)) & 0x7fffffff;
  }
  return finish(-1, bytes, start, end);
}

/** From this many bytes on `crc31Copy` costs more than native code on a view of the range (measured on Node 20). */
export const crcCopyNativeBytesMin = 193;

/**
 * Copies `source[start..end)` to `target[at..)` and returns its 31-bit CRC: each word is read once for both. Each view covers its array;
 * source and target do not overlap. A range outside either throws RangeError, perhaps after a part was copied.
 */
export function crc31Copy(
  target: Uint8Array, targetView: DataView, at: number, source: Uint8Array, sourceView: DataView, start: number, end: number,
): number {
  let c = -1;
  for (const last = end - 8; start <= last; start += 8, at += 8) {
    const low = sourceView.getInt32(start, true);
    const high = sourceView.getInt32(start + 4, true);
    targetView.setInt32(at, low, true);
    targetView.setInt32(at + 4, high, true);
    c = step(c ^ low, high);
  }
  for (let i = start; i < end; i++) target[at + i - start] = source[i] as number;
  return finish(c, source, start, end);
}

/** One step of eight bytes: the first four, xor-ed with the state, and the next four. */
function step(low: number, high: number): number {
  return (
    (tables[1792 + (low & 255)] as number) ^
    (tables[1536 + ((low >>> 8) & 255)] as number) ^
    (tables[1280 + ((low >>> 16) & 255)] as number) ^
    (tables[1024 + (low >>> 24)] as number) ^
    (tables[768 + (high & 255)] as number) ^
    (tables[512 + ((high >>> 8) & 255)] as number) ^
    (tables[256 + ((high >>> 16) & 255)] as number) ^
    (tables[high >>> 24] as number)
  );
}

/** Goes on from state `c` over bytes [start, end), four at a time. */
function finish(c: number, bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  for (; i + 4 <= end; i += 4) {
    c ^= (bytes[i] as number) | ((bytes[i + 1] as number) << 8) | ((bytes[i + 2] as number) << 16) | ((bytes[i + 3] as number) << 24);
    c =
      (tables[768 + (c & 255)] as number) ^
      (tables[512 + ((c >>> 8) & 255)] as number) ^
      (tables[256 + ((c >>> 16) & 255)] as number) ^
      (tables[c >>> 24] as number);
  }
  for (; i < end; i++) c = (tables[(c ^ (bytes[i] as number)) & 255] as number) ^ (c >>> 8);
  return (c ^ -1) & 0x7fffffff;
}

/** 31-bit CRC of a whole array that is known to be long: no view is made. */
export function crc31Native(bytes: Uint8Array): number {
  return nativeCrc32(bytes) & 0x7fffffff;
}
