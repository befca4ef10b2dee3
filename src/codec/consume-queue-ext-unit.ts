// One unit of a consume queue extension file: the tags code, store time and filter bits of a message. Units differ in size; an
// int16 -1 in place of a size ends a file.
//
//   0 size int16 | 2 tagsCode int64 | 10 msgStoreTime int64 | 18 bitMapSize int16 | 20 bitmap

/** `CqExtUnit#MIN_EXT_UNIT_SIZE`. */
export const extUnitBytesMin = 20;
/** `CqExtUnit#MAX_EXT_UNIT_SIZE`. */
export const extUnitBytesMax = 32767;
/** Stands in place of a size where a file ends (`ConsumeQueueExt#END_BLANK_DATA_LENGTH` keeps 4 bytes for it). */
export const extFileEnd = -1;

export interface ConsumeQueueExtUnit {
  readonly tagsCode: bigint;
  /** ms; exact below 2^53. */
  readonly msgStoreTime: number;
  /** Bits of the Bloom filter; empty without a filter. */
  readonly bitMap: Uint8Array;
}

export type ExtUnitRead =
  | { readonly kind: 'unit'; readonly size: number; readonly unit: ConsumeQueueExtUnit }
  | { readonly kind: 'end' }
  | { readonly kind: 'bad'; readonly reason: string };

/**
 * The bytes of a unit.
 * @throws RangeError when the bitmap makes it longer than 32767 bytes
 */
export function encodeExtUnit(unit: ConsumeQueueExtUnit): Buffer {
  const size = extUnitBytesMin + unit.bitMap.length;
  if (size > extUnitBytesMax) throw new RangeError(`an extension unit has at most ${extUnitBytesMax} bytes, not ${size}`);
  const bytes = Buffer.alloc(size);
  bytes.writeInt16BE(size, 0);
  bytes.writeBigInt64BE(unit.tagsCode, 2);
  bytes.writeBigInt64BE(BigInt(unit.msgStoreTime), 10);
  bytes.writeInt16BE(unit.bitMap.length, 18);
  bytes.set(unit.bitMap, 20);
  return bytes;
}

/** Reads the unit at `pos`, within [pos, end). A size below 1 ends the file, as Apache's reader takes it. The bitmap is a slice. */
export function readExtUnit(bytes: Buffer, pos: number, end: number): ExtUnitRead {
  if (pos < 0 || end > bytes.length || end - pos < 2) return { kind: 'bad', reason: 'fewer than 2 bytes are left' };
  const size = bytes.readInt16BE(pos);
  if (size < 1) return { kind: 'end' };
  if (size < extUnitBytesMin || size > end - pos) return { kind: 'bad', reason: `unit size ${size} is not in ${extUnitBytesMin}..${end - pos}` };
  const bitMapBytes = bytes.readInt16BE(pos + 18);
  if (bitMapBytes !== size - extUnitBytesMin) {
    return { kind: 'bad', reason: `bitmap size ${bitMapBytes} is not ${size - extUnitBytesMin}, what the unit size leaves` };
  }
  const unit = {
    tagsCode: bytes.readBigInt64BE(pos + 2),
    msgStoreTime: Number(bytes.readBigInt64BE(pos + 10)),
    bitMap: bytes.subarray(pos + extUnitBytesMin, pos + size),
  };
  return { kind: 'unit', size, unit };
}
