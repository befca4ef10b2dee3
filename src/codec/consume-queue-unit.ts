// One unit of a consume queue file: where a message lies in the log. Unit n of a queue stands at byte n * 20.
//
//   0 phyOffset int64 | 8 record size int32 | 12 tagsCode int64
import { getInt64, setInt64 } from './int64.js';

/** `ConsumeQueue#CQ_STORE_UNIT_SIZE`. */
export const consumeQueueUnitBytes = 20;

/** Size in the units that fill the part of a first file before its queue's first message (`ConsumeQueue#fillPreBlank`). */
export const preBlankSize = 0x7fffffff;

/** Tags codes up to this are addresses in the extension file (`ConsumeQueueExt#MAX_ADDR`); a hash never lies so low. */
export const extAddressMax = -2147483649n;

/** Writes a unit; `tagsCode` is a tag hash or a delivery time, any safe integer. */
export function setConsumeQueueUnit(view: DataView, pos: number, phyOffset: number, size: number, tagsCode: number): void {
  setInt64(view, pos, phyOffset);
  view.setInt32(pos + 8, size);
  setInt64(view, pos + 12, tagsCode);
}

/** Writes the extension address of a position, 0..2^53-1, as tags code: the position with the sign bit set (`ConsumeQueueExt#decorate`). */
export function setExtAddress(view: DataView, pos: number, position: number): void {
  setInt64(view, pos + 12, position);
  view.setUint8(pos + 12, view.getUint8(pos + 12) | 0x80);
}

/** The position that an extension address names, without a bigint; -1 for a tags code that is none. */
export function unitExtPosition(view: DataView, pos: number): number {
  const high = view.getInt32(pos + 12);
  const low = view.getUint32(pos + 16);
  if (high > -1 || (high === -1 && low > 0x7fffffff)) return -1;
  return (high & 0x7fffffff) * 0x100000000 + low;
}

/** Writes only the tags code, as any int64: an extension address needs all bits. */
export function setUnitTagsCodeBig(view: DataView, pos: number, tagsCode: bigint): void {
  view.setBigInt64(pos + 12, tagsCode);
}

/** Commit log offset; negative or unsafe numbers come from damaged files and are for the caller to refuse. */
export function unitPhyOffset(view: DataView, pos: number): number {
  return getInt64(view, pos);
}

/** Bytes of the record. */
export function unitSize(view: DataView, pos: number): number {
  return view.getInt32(pos + 8);
}

/** Tags code; exact for hashes and delivery times, rounded for extension addresses. */
export function unitTagsCode(view: DataView, pos: number): number {
  return getInt64(view, pos + 12);
}

/** Tags code with all its bits. */
export function unitTagsCodeBig(view: DataView, pos: number): bigint {
  return view.getBigInt64(pos + 12);
}

/** True for a tags code that is an extension address; the address in the file is then the code minus -2^63 (`ConsumeQueueExt#unDecorate`). */
export function isExtAddress(tagsCode: bigint): boolean {
  return tagsCode <= extAddressMax;
}

const LONG_MIN = -(2n ** 63n);

/** The position in the extension files that an extension address names. */
export function extPosition(tagsCode: bigint): number {
  return Number(tagsCode - LONG_MIN);
}

/** The extension address of a position in the extension files (`ConsumeQueueExt#decorate`). */
export function extAddress(position: number): bigint {
  return BigInt(position) + LONG_MIN;
}

/** True when a unit was written: an offset >= 0 and a size > 0 (`ConsumeQueue#recover`); pre-blank units count as written. */
export function isUnitWritten(view: DataView, pos: number): boolean {
  return view.getInt32(pos) >= 0 && view.getInt32(pos + 8) > 0;
}

/** The unit at `pos`, or undefined when it does not lie wholly within the view. */
export function readConsumeQueueUnit(view: DataView, pos: number): { phyOffset: number; size: number; tagsCode: bigint } | undefined {
  if (pos < 0 || pos + consumeQueueUnitBytes > view.byteLength) return undefined;
  return { phyOffset: unitPhyOffset(view, pos), size: unitSize(view, pos), tagsCode: unitTagsCodeBig(view, pos) };
}
