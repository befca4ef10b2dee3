// CRC-32 as RocketMQ writes it: the usual polynomial, and-ed with 0x7FFFFFFF (`UtilAll#crc32`). Short ranges go through tables,
// long ones through zlib's native code, whose call costs more than it saves below about a hundred bytes.
import { crc32 as nativeCrc32 } from 'node:zlib';

// Four tables take four bytes a step ("slicing by 4").
const table0 = new Int32Array(256);
const table1 = new Int32Array(256);
const table2 = new Int32Array(256);
const table3 = new Int32Array(256);
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  table0[n] = c;
}
for (let n = 0; n < 256; n++) {
  const one = table0[n] as number;
  const two = (one >>> 8) ^ (table0[one & 255] as number);
  const three = (two >>> 8) ^ (table0[two & 255] as number);
  table1[n] = two;
  table2[n] = three;
  table3[n] = (three >>> 8) ^ (table0[three & 255] as number);
}

/** From this many bytes on the native code is used (measured on Node 20). */
export const crcNativeBytesMin = 97;

/** 31-bit CRC of bytes [start, end). */
export function crc31(bytes: Uint8Array, start: number, end: number): number {
  if (end - start >= crcNativeBytesMin) {
    return nativeCrc32(new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start)) & 0x7fffffff;
  }
  let c = -1;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    c ^= (bytes[i] as number) | ((bytes[i + 1] as number) << 8) | ((bytes[i + 2] as number) << 16) | ((bytes[i + 3] as number) << 24);
    c =
      (table3[c & 255] as number) ^
      (table2[(c >>> 8) & 255] as number) ^
      (table1[(c >>> 16) & 255] as number) ^
      (table0[c >>> 24] as number);
  }
  for (; i < end; i++) c = (table0[(c ^ (bytes[i] as number)) & 255] as number) ^ (c >>> 8);
  return (c ^ -1) & 0x7fffffff;
}

/** 31-bit CRC of a whole array that is known to be long: no view is made. */
export function crc31Native(bytes: Uint8Array): number {
  return nativeCrc32(bytes) & 0x7fffffff;
}
