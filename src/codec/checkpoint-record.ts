// The checkpoint file: one page that says how far the store's files had come. When it is written belongs to the store.
//
//   0 physicMsgTimestamp int64 | 8 logicsMsgTimestamp int64 | 16 indexMsgTimestamp int64 | 24 masterFlushedOffset int64
//   32 confirmPhyOffset int64 | 40 logicsPhysicalOffset int64 | zeros to 4096
import { getInt64, setInt64, viewOf } from './int64.js';

/** `DefaultMappedFile#OS_PAGE_SIZE`. */
export const checkpointBytes = 4096;

const fieldBytes = 48;

export interface Checkpoint {
  /** ms; store time of the last message flushed to the log. */
  readonly physicMsgTimestamp: number;
  /** ms; store time of the last message in the consume queues. */
  readonly logicsMsgTimestamp: number;
  /** ms; store time of the last message in the index. */
  readonly indexMsgTimestamp: number;
  readonly masterFlushedOffset: number;
  readonly confirmPhyOffset: number;
  /** Log offset up to which the consume queues are flushed; 0 in files of brokers before 5.4. */
  readonly logicsPhysicalOffset: number;
}

/** The page of a checkpoint. */
export function encodeCheckpoint(checkpoint: Checkpoint): Buffer {
  const page = Buffer.alloc(checkpointBytes);
  const view = viewOf(page);
  setInt64(view, 0, checkpoint.physicMsgTimestamp);
  setInt64(view, 8, checkpoint.logicsMsgTimestamp);
  setInt64(view, 16, checkpoint.indexMsgTimestamp);
  setInt64(view, 24, checkpoint.masterFlushedOffset);
  setInt64(view, 32, checkpoint.confirmPhyOffset);
  setInt64(view, 40, checkpoint.logicsPhysicalOffset);
  return page;
}

/** The checkpoint in a file's bytes; undefined when they are fewer than its six fields. Values are as found: a damaged file may hold any. */
export function readCheckpoint(bytes: Uint8Array): Checkpoint | undefined {
  if (bytes.length < fieldBytes) return undefined;
  const view = viewOf(bytes);
  return {
    physicMsgTimestamp: getInt64(view, 0),
    logicsMsgTimestamp: getInt64(view, 8),
    indexMsgTimestamp: getInt64(view, 16),
    masterFlushedOffset: getInt64(view, 24),
    confirmPhyOffset: getInt64(view, 32),
    logicsPhysicalOffset: getInt64(view, 40),
  };
}
