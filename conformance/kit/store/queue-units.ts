/**
 * Units of consume queues:
 * ```
 * ConsumeQueue       20: physical offset i64 | record size i32 | tags code i64            unit n lies at n * 20 (`ConsumeQueue#putMessagePositionInfo`)
 * BatchConsumeQueue  46: physical offset i64 | record size i32 | tags code i64 | store time i64 | base offset i64 | batch size i16 | compacted offset i32 | 0 i32
 * ConsumeQueueExt     n: size i16 | tags code i64 | store time i64 | bitmap bytes i16 | bitmap; size -1 ends a file (`ConsumeQueueExt.CqExtUnit`)
 * ```
 */
import { isZero, withFile, type ByteFile } from './byte-file.js';
import type { Segment } from './segments.js';

export const unitBytes = 20;
export const batchUnitBytes = 46;
export const extUnitBytesMin = 20;

/** The size of units in front of a queue that did not begin at 0 (`ConsumeQueue#fillPreBlank`). */
export const blankUnitSize = 0x7fffffff;

export interface Unit {
  /** Position in the queue: its logical offset. */
  readonly index: number;
  readonly phyOffset: number;
  readonly size: number;
  readonly tagsCode: bigint;
}

export interface BatchUnit extends Unit {
  readonly storeTime: number;
  readonly baseOffset: number;
  readonly batchSize: number;
  readonly compactedOffset: number;
  readonly reserved: number;
}

/** More of one queue is not read. */
export const unitsMax = 2_000_000;

/** Bytes of a file, of all files of a queue together at most `unitsMax` units. */
function bytesOf(segments: readonly Segment[], bytes: number): { readonly base: number; readonly whole: Buffer }[] {
  let left = unitsMax;
  return segments.map((segment) => {
    const whole = withFile(segment.path, (file: ByteFile) => Buffer.from(file.read(0, Math.min(file.size, left * bytes))));
    left -= Math.floor(whole.length / bytes);
    return { base: segment.base, whole };
  });
}

/** The written units, without blanks; whether what follows the last one is zero. */
export function readUnits(segments: readonly Segment[]): { readonly units: readonly Unit[]; readonly blanks: number; readonly zeros: boolean } {
  const units: Unit[] = [];
  let [blanks, ended, zeros] = [0, false, true];
  for (const { base, whole } of bytesOf(segments, unitBytes)) {
    let at = 0;
    for (; !ended && at + unitBytes <= whole.length; at += unitBytes) {
      const size = whole.readInt32BE(at + 8);
      if (size === blankUnitSize && units.length === 0) blanks++;
      else if (size <= 0) ended = true;
      else units.push({ index: (base + at) / unitBytes, phyOffset: Number(whole.readBigInt64BE(at)), size, tagsCode: whole.readBigInt64BE(at + 12) });
    }
    if (ended) zeros &&= isZero(whole.subarray(at));
  }
  return { units, blanks, zeros };
}

export function readBatchUnits(segments: readonly Segment[]): BatchUnit[] {
  const out: BatchUnit[] = [];
  for (const { base, whole } of bytesOf(segments, batchUnitBytes)) {
    for (let at = 0; at + batchUnitBytes <= whole.length; at += batchUnitBytes) {
      const unit = whole.subarray(at, at + batchUnitBytes);
      const size = unit.readInt32BE(8);
      if (size <= 0) return out;
      out.push({
        index: (base + at) / batchUnitBytes, phyOffset: Number(unit.readBigInt64BE(0)), size, tagsCode: unit.readBigInt64BE(12), storeTime: Number(unit.readBigInt64BE(20)),
        baseOffset: Number(unit.readBigInt64BE(28)), batchSize: unit.readInt16BE(36), compactedOffset: unit.readInt32BE(38), reserved: unit.readInt32BE(42),
      });
    }
  }
  return out;
}

export interface ExtUnit {
  /** Position in the extension. */
  readonly at: number;
  readonly size: number;
  readonly tagsCode: bigint;
  readonly storeTime: number;
  readonly bitmapBytes: number;
}

/** What a tags code at or below this says: the unit's extension lies at this many bytes above Long.MIN_VALUE. */
export const extAddressMax = -2147483649n;

/** Where the extension of a unit lies, or undefined when its tags code is one. */
export function extAddress(tagsCode: bigint): number | undefined {
  return tagsCode <= extAddressMax ? Number(tagsCode + 2n ** 63n) : undefined;
}

/** The units of an extension and how each file ends: `mark` is -1, `zeros` nothing more, `damage` anything else. */
export function readExt(segments: readonly Segment[]): { readonly units: readonly ExtUnit[]; readonly ends: readonly ('mark' | 'zeros' | 'damage')[] } {
  const units: ExtUnit[] = [];
  const ends: ('mark' | 'zeros' | 'damage')[] = [];
  for (const segment of segments) {
    withFile(segment.path, (file) => {
      for (let at = 0; ; ) {
        const head = file.read(at, extUnitBytesMin);
        const size = head.length < 2 ? 0 : head.readInt16BE(0);
        if (size <= 0 || head.length < extUnitBytesMin) {
          ends.push(size === -1 ? 'mark' : size === 0 ? 'zeros' : 'damage');
          return;
        }
        units.push({ at: segment.base + at, size, tagsCode: head.readBigInt64BE(2), storeTime: Number(head.readBigInt64BE(10)), bitmapBytes: head.readInt16BE(18) });
        at += size;
      }
    });
  }
  return { units, ends };
}
