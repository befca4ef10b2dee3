// Big-endian int64 as JS numbers: offsets, timestamps and sizes of the protocol all stay below 2^53, and two 32-bit halves are
// several times cheaper than a bigint. Where every bit matters (tags codes that hold addresses) callers use getBigInt64 instead.

const TWO_32 = 0x100000000;
/** A power of two: the product is as exact as the quotient, and cheaper. */
const BY_TWO_32 = 1 / TWO_32;

/** Reads an int64; exact when the result is a safe integer, else the nearest number (which is never a safe integer). */
export function getInt64(view: DataView, pos: number): number {
  return view.getInt32(pos) * TWO_32 + view.getUint32(pos + 4);
}

/** Writes a safe integer as int64. */
export function setInt64(view: DataView, pos: number, value: number): void {
  const low = value | 0;
  view.setInt32(pos, low === value ? low >> 31 : Math.floor(value * BY_TWO_32));
  view.setInt32(pos + 4, low);
}

/** True when an int64 that was read can be an offset, a size or a time: 0..2^53-1. */
export function isOffset(value: number): boolean {
  return value >= 0 && Number.isSafeInteger(value);
}

/** A DataView over exactly the bytes of a Buffer or Uint8Array. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
