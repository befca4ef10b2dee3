// The parts of an index file: header, hash slots, entries. Entries of one slot form a chain from the newest to the oldest.
// Which keys a message has, and how a file is searched, is the store's business.
//
//   header 40   0 beginTimestamp int64 | 8 endTimestamp int64 | 16 beginPhyOffset int64 | 24 endPhyOffset int64
//               32 hashSlotCount int32 | 36 indexCount int32
//   slot    4   number of the newest entry, 0 none                                      at 40 + 4 * slot
//   entry  20   0 key hash int32 | 4 phyOffset int64 | 12 seconds since begin int32 | 16 previous entry int32, 0 none
//                                                                                        at 40 + 4 * slots + 20 * entry
import { getInt64, setInt64 } from './int64.js';

/** `IndexHeader#INDEX_HEADER_SIZE`. */
export const indexHeaderBytes = 40;
/** `IndexFile#hashSlotSize`. */
export const indexSlotBytes = 4;
/** `IndexFile#indexSize`. */
export const indexEntryBytes = 20;

export interface IndexHeader {
  /** ms; store time of the file's first message. */
  readonly beginTimestamp: number;
  /** ms; store time of its last one. */
  readonly endTimestamp: number;
  readonly beginPhyOffset: number;
  readonly endPhyOffset: number;
  /** Slots in use. */
  readonly hashSlotCount: number;
  /** Number that the next entry gets; 1 in a new file, entry 0 is never used. */
  readonly indexCount: number;
}

export interface IndexEntry {
  readonly keyHash: number;
  readonly phyOffset: number;
  readonly secondsSinceBegin: number;
  readonly previous: number;
}

/** Bytes of an index file (`IndexFile#fileTotalSize`). */
export function indexFileBytes(slots: number, entries: number): number {
  return indexHeaderBytes + slots * indexSlotBytes + entries * indexEntryBytes;
}

/** Position of a hash slot. */
export function indexSlotPosition(slot: number): number {
  return indexHeaderBytes + slot * indexSlotBytes;
}

/** Position of an entry in a file with that many slots. */
export function indexEntryPosition(slots: number, entry: number): number {
  return indexHeaderBytes + slots * indexSlotBytes + entry * indexEntryBytes;
}

/** Writes the header at the start of the view. */
export function setIndexHeader(view: DataView, header: IndexHeader): void {
  setInt64(view, 0, header.beginTimestamp);
  setInt64(view, 8, header.endTimestamp);
  setInt64(view, 16, header.beginPhyOffset);
  setInt64(view, 24, header.endPhyOffset);
  view.setInt32(32, header.hashSlotCount);
  view.setInt32(36, header.indexCount);
}

/** The header at the start of the view; undefined when it is cut short. A count below 1 reads as 1 (`IndexHeader#load`). */
export function readIndexHeader(view: DataView): IndexHeader | undefined {
  if (view.byteLength < indexHeaderBytes) return undefined;
  return {
    beginTimestamp: getInt64(view, 0),
    endTimestamp: getInt64(view, 8),
    beginPhyOffset: getInt64(view, 16),
    endPhyOffset: getInt64(view, 24),
    hashSlotCount: view.getInt32(32),
    indexCount: Math.max(1, view.getInt32(36)),
  };
}

/** Writes an entry at `pos` of the view. */
export function setIndexEntry(view: DataView, pos: number, keyHash: number, phyOffset: number, secondsSinceBegin: number, previous: number): void {
  view.setInt32(pos, keyHash);
  setInt64(view, pos + 4, phyOffset);
  view.setInt32(pos + 12, secondsSinceBegin);
  view.setInt32(pos + 16, previous);
}

/** The entry at `pos`; undefined when it does not lie wholly within the view. */
export function readIndexEntry(view: DataView, pos: number): IndexEntry | undefined {
  if (pos < 0 || pos + indexEntryBytes > view.byteLength) return undefined;
  return {
    keyHash: view.getInt32(pos),
    phyOffset: getInt64(view, pos + 4),
    secondsSinceBegin: view.getInt32(pos + 12),
    previous: view.getInt32(pos + 16),
  };
}

/** Seconds that an entry keeps for a store time: 0 before the first message is in, else clamped to 0..2^31-1 (`IndexFile#putKey`). */
export function indexSeconds(beginTimestampMs: number, storeTimestampMs: number): number {
  if (beginTimestampMs <= 0) return 0;
  return Math.min(0x7fffffff, Math.max(0, Math.trunc((storeTimestampMs - beginTimestampMs) / 1000)));
}
