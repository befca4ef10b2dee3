// One unit of a batch consume queue file (topics with queue.type=BatchCQ): where a batch record lies and which logical offsets it has.
//
//   0 phyOffset int64 | 8 record size int32 | 12 tagsCode int64 | 20 storeTime int64 | 28 msgBaseOffset int64
//   36 batchSize int16 | 38 compactedOffset int32, -1 none | 42 reserved int32, 0
import { getInt64, setInt64 } from './int64.js';

/** `BatchConsumeQueue#CQ_STORE_UNIT_SIZE`. */
export const batchConsumeQueueUnitBytes = 46;

export interface BatchConsumeQueueUnit {
  readonly phyOffset: number;
  readonly size: number;
  readonly tagsCode: bigint;
  /** ms. */
  readonly storeTime: number;
  /** Logical offset of the batch's first message. */
  readonly msgBaseOffset: number;
  /** Messages in the batch, 1..32767. */
  readonly batchSize: number;
  /** Offset within a compacted log; -1 when there is none. */
  readonly compactedOffset: number;
}

/** Writes a unit at `pos`. */
export function setBatchConsumeQueueUnit(view: DataView, pos: number, unit: BatchConsumeQueueUnit): void {
  setInt64(view, pos, unit.phyOffset);
  view.setInt32(pos + 8, unit.size);
  view.setBigInt64(pos + 12, unit.tagsCode);
  setInt64(view, pos + 20, unit.storeTime);
  setInt64(view, pos + 28, unit.msgBaseOffset);
  view.setInt16(pos + 36, unit.batchSize);
  view.setInt32(pos + 38, unit.compactedOffset);
  view.setInt32(pos + 42, 0);
}

/** The unit at `pos`, or undefined when it does not lie wholly within the view. */
export function readBatchConsumeQueueUnit(view: DataView, pos: number): BatchConsumeQueueUnit | undefined {
  if (pos < 0 || pos + batchConsumeQueueUnitBytes > view.byteLength) return undefined;
  return {
    phyOffset: getInt64(view, pos),
    size: view.getInt32(pos + 8),
    tagsCode: view.getBigInt64(pos + 12),
    storeTime: getInt64(view, pos + 20),
    msgBaseOffset: getInt64(view, pos + 28),
    batchSize: view.getInt16(pos + 36),
    compactedOffset: view.getInt32(pos + 38),
  };
}
