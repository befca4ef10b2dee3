/**
 * The files of one queue's compaction log: records as the CommitLog has them, but for their physical offset, and beside each file its queue of units.
 * Who feeds, reads and compacts them is compaction-log.ts.
 *
 *   compaction/compactionLog/TOPIC/QUEUEID/N(20)   records one after the other; N = offset of the first; full length from the start; ends with a blank
 *   compaction/compactionCq/TOPIC/QUEUEID/N(20)    a unit of codec/batch-consume-queue-unit.ts each, with gaps in the queue offsets where messages
 *                                                  were compacted away; same name as the log's file; ends with a unit of phyOffset -1
 */
import * as path from 'node:path';
import { batchConsumeQueueUnitBytes as unitBytes, readBatchConsumeQueueUnit, setBatchConsumeQueueUnit } from '../codec/batch-consume-queue-unit.js';
import type { BatchConsumeQueueUnit } from '../codec/batch-consume-queue-unit.js';
import { viewOf } from '../codec/int64.js';
import { blankBytesMin, encodeBlank, patchPhyOffset, readRecord, recordCheck, RecordView } from '../codec/message-record.js';
import type { Disk, DiskFile } from './disk.js';
import { offsetFileName, offsetOfFileName } from './names.js';

/** Every so many units the queue offset is kept in memory; so many units are read at once. */
export const unitsPerMark = 64;
const scanBytes = 256 * 1024;

/** Sizes of the two files of a segment, in bytes. */
export interface SegmentSizes {
  readonly logBytes: number;
  readonly cqBytes: number;
}

/** `CompactionLog#getCompactionLogSize`: the log's file is a multiple, at least five times, of the queue's. */
export function segmentSizes(compactionMappedFileSize: number, compactionCqMappedFileSize: number): SegmentSizes {
  const cqBytes = Math.max(2, Math.floor(compactionCqMappedFileSize / unitBytes)) * unitBytes;
  const times = Math.floor(compactionMappedFileSize / cqBytes);
  const rest = compactionMappedFileSize % cqBytes;
  return { cqBytes, logBytes: times < 5 ? cqBytes * 5 : (rest > 0 && rest < cqBytes >> 1 ? times : times + 1) * cqBytes };
}

/** One log file and its queue. Appended to by one writer; what is below `units` and `logEnd` never changes. */
export class Segment {
  readonly base: number;
  readonly log: DiskFile;
  readonly cq: DiskFile;
  /** Units written. */
  units = 0;
  /** Bytes of records written. */
  logEnd = 0;
  firstOffset = -1;
  lastOffset = -1;
  /** Written to since the last sync. */
  dirty = false;
  /** Queue offset of every 64th unit. */
  readonly marks: number[] = [];

  constructor(base: number, log: DiskFile, cq: DiskFile) {
    this.base = base;
    this.log = log;
    this.cq = cq;
  }

  /** Counts a unit that stands in the file. */
  counted(unit: Pick<BatchConsumeQueueUnit, 'phyOffset' | 'size' | 'msgBaseOffset'>): void {
    if (this.units % unitsPerMark === 0) this.marks.push(unit.msgBaseOffset);
    if (this.units === 0) this.firstOffset = unit.msgBaseOffset;
    this.lastOffset = unit.msgBaseOffset;
    this.units++;
    this.logEnd = unit.phyOffset - this.base + unit.size;
  }

  async sync(): Promise<void> {
    if (!this.dirty) return;
    this.dirty = false;
    try {
      await Promise.all([this.log.datasync(), this.cq.datasync()]);
    } catch (error) {
      this.dirty = true;
      throw error;
    }
  }

  close(): void {
    this.log.close();
    this.cq.close();
  }

  /** The units [from, from + count), fewer at the end. */
  async unitsFrom(from: number, count: number): Promise<BatchConsumeQueueUnit[]> {
    const bytes = new Uint8Array(Math.max(0, Math.min(count, this.units - from)) * unitBytes);
    if (bytes.length === 0) return [];
    const length = await this.cq.read(bytes, from * unitBytes);
    const view = viewOf(bytes);
    const units: BatchConsumeQueueUnit[] = [];
    for (let pos = 0; pos + unitBytes <= length; pos += unitBytes) {
      const unit = readBatchConsumeQueueUnit(view, pos);
      if (unit === undefined || !isUnit(unit)) break;
      units.push(unit);
    }
    return units;
  }

  /** Index of the first unit at or behind a queue offset; `units` when there is none. */
  async indexOf(queueOffset: number): Promise<number> {
    if (queueOffset <= this.firstOffset) return 0;
    if (queueOffset > this.lastOffset) return this.units;
    let [low, high] = [0, this.marks.length];
    while (high - low > 1) {
      const mid = (low + high) >> 1;
      if ((this.marks[mid] as number) <= queueOffset) low = mid;
      else high = mid;
    }
    const from = low * unitsPerMark;
    const units = await this.unitsFrom(from, unitsPerMark);
    const at = units.findIndex((unit) => unit.msgBaseOffset >= queueOffset);
    return at < 0 ? from + units.length : from + at;
  }

  /** Every record in order: `take` hears of each, with the bytes it lies in, which are used again afterwards. False from it ends the scan. */
  async scan(take: (record: RecordView, bytes: Uint8Array) => boolean): Promise<void> {
    const record = new RecordView();
    let buffer: Uint8Array = new Uint8Array(scanBytes);
    for (let at = 0; at < this.logEnd; ) {
      const want = Math.min(buffer.length, this.logEnd - at);
      const bytes = buffer.subarray(0, await this.log.read(buffer.subarray(0, want), at));
      let pos = 0;
      while (pos < bytes.length && readRecord(record, bytes, pos, bytes.length) === 'record') {
        if (!take(record, bytes)) return;
        pos += record.size;
      }
      if (pos === 0) {
        const size = bytes.length < 4 ? 0 : viewOf(bytes).getInt32(0);
        if (size <= bytes.length || size > this.logEnd - at) return;
        buffer = new Uint8Array(size);
      }
      at += pos;
    }
  }
}

/** `CompactionLog#validateCqUnit`. */
function isUnit(unit: BatchConsumeQueueUnit): boolean {
  return unit.phyOffset >= 0 && unit.size > 0 && unit.msgBaseOffset >= 0 && unit.batchSize > 0;
}

/** A record to append: its bytes, and what its unit says. */
export interface SegmentRecord {
  readonly bytes: Uint8Array;
  readonly queueOffset: number;
  readonly tagsCode: number;
  readonly storeTimestamp: number;
}

/** The directories of a queue's segments; `sub` is the one below them in which a compaction writes. */
export class SegmentDirs {
  readonly log: string;
  readonly cq: string;

  constructor(root: string, topic: string, queueId: number, sub = '') {
    this.log = path.join(root, 'compactionLog', topic, String(queueId), sub);
    this.cq = path.join(root, 'compactionCq', topic, String(queueId), sub);
  }
}

/** Appends records to the last of a list of segments, opening the next when one is full. */
export class SegmentWriter {
  readonly segments: Segment[];
  readonly #disk: Disk;
  readonly #dirs: SegmentDirs;
  readonly #sizes: SegmentSizes;

  constructor(disk: Disk, dirs: SegmentDirs, sizes: SegmentSizes, segments: Segment[] = []) {
    this.#disk = disk;
    this.#dirs = dirs;
    this.#sizes = sizes;
    this.segments = segments;
  }

  /** Longest record that fits a file. */
  get recordBytesMax(): number {
    return this.#sizes.logBytes - blankBytesMin;
  }

  /** Writes the records in order. They count once they are in both files; throws what the disk throws, and may be called again with the same. */
  async append(records: readonly SegmentRecord[]): Promise<void> {
    let from = 0;
    while (from < records.length) {
      const segment = await this.#last(records[from] as SegmentRecord);
      let to = from;
      let bytes = 0;
      while (to < records.length && this.#fits(segment, to - from, bytes, (records[to] as SegmentRecord).bytes.length)) {
        bytes += (records[to] as SegmentRecord).bytes.length;
        to++;
      }
      await this.#write(segment, records.slice(from, to), bytes);
      from = to;
    }
  }

  /** The last unit of the queue's file and the last 8 bytes of the log are kept for the end marks. */
  #fits(segment: Segment, units: number, bytes: number, recordBytes: number): boolean {
    return (segment.units + units + 1) * unitBytes < this.#sizes.cqBytes && segment.logEnd + bytes + recordBytes + blankBytesMin <= this.#sizes.logBytes;
  }

  async #last(record: SegmentRecord): Promise<Segment> {
    const last = this.segments.at(-1);
    if (last !== undefined && this.#fits(last, 0, 0, record.bytes.length)) return last;
    if (last !== undefined) {
      await this.#end(last);
      await last.sync();
    }
    const base = last === undefined ? 0 : last.base + this.#sizes.logBytes;
    this.#disk.makeDir(this.#dirs.log);
    this.#disk.makeDir(this.#dirs.cq);
    const log = this.#create(path.join(this.#dirs.log, offsetFileName(base)), this.#sizes.logBytes);
    const segment = new Segment(base, log, this.#create(path.join(this.#dirs.cq, offsetFileName(base)), this.#sizes.cqBytes));
    await this.#disk.syncDir(this.#dirs.log);
    await this.#disk.syncDir(this.#dirs.cq);
    this.segments.push(segment);
    return segment;
  }

  /** A file of zeros. */
  #create(name: string, bytes: number): DiskFile {
    const file = this.#disk.open(name, 'create');
    file.setLength(0);
    file.setLength(bytes);
    return file;
  }

  async #end(segment: Segment): Promise<void> {
    const blank = new Uint8Array(blankBytesMin);
    encodeBlank(viewOf(blank), 0, this.#sizes.logBytes - segment.logEnd);
    const unit = new Uint8Array(unitBytes);
    setBatchConsumeQueueUnit(viewOf(unit), 0, { phyOffset: -1, size: 0, tagsCode: 0n, storeTime: 0, msgBaseOffset: 0, batchSize: 0, compactedOffset: -1 });
    segment.dirty = true;
    await segment.log.write(blank, segment.logEnd);
    await segment.cq.write(unit, segment.units * unitBytes);
  }

  async #write(segment: Segment, records: readonly SegmentRecord[], bytes: number): Promise<void> {
    const log = new Uint8Array(bytes);
    const logView = viewOf(log);
    const cq = new Uint8Array(records.length * unitBytes);
    const cqView = viewOf(cq);
    const units: BatchConsumeQueueUnit[] = [];
    let pos = 0;
    for (const { bytes: record, queueOffset, tagsCode, storeTimestamp } of records) {
      const phyOffset = segment.base + segment.logEnd + pos;
      log.set(record, pos);
      patchPhyOffset(logView, pos, phyOffset);
      const unit = { phyOffset, size: record.length, tagsCode: BigInt(tagsCode), storeTime: storeTimestamp, msgBaseOffset: queueOffset, batchSize: 1, compactedOffset: -1 };
      setBatchConsumeQueueUnit(cqView, units.length * unitBytes, unit);
      units.push(unit);
      pos += record.length;
    }
    segment.dirty = true;
    // A unit never leads to a record that is not there.
    await segment.log.write(log, segment.logEnd);
    await segment.cq.write(cq, segment.units * unitBytes);
    for (const unit of units) segment.counted(unit);
  }
}

/** What was found wrong while segments were opened. */
export type SegmentNote = (fields: object, message: string) => void;

/**
 * Opens the segments of a queue. `checkLast`: every record of the last one is read, as after a power loss; what follows the first that is not whole is
 * cut. A file without its partner is removed: a segment counts from the moment both are there.
 */
export async function openSegments(disk: Disk, dirs: SegmentDirs, sizes: SegmentSizes, checkLast: boolean, note: SegmentNote): Promise<Segment[]> {
  const bases = (dir: string): Set<number> => new Set(disk.list(dir).map(offsetOfFileName).filter((base) => base !== undefined));
  const [logs, queues] = [bases(dirs.log), bases(dirs.cq)];
  const segments: Segment[] = [];
  for (const base of [...new Set([...logs, ...queues])].sort((a, b) => a - b)) {
    const [logName, cqName] = [path.join(dirs.log, offsetFileName(base)), path.join(dirs.cq, offsetFileName(base))];
    if (!logs.has(base) || !queues.has(base)) {
      note({ name: logs.has(base) ? logName : cqName }, 'a file of a compaction log without its partner is removed');
      disk.unlink(logName);
      disk.unlink(cqName);
      continue;
    }
    const segment = new Segment(base, disk.open(logName, 'write'), disk.open(cqName, 'write'));
    // Apache maps files of exactly this length.
    if (segment.log.length() < sizes.logBytes) segment.log.setLength(sizes.logBytes);
    if (segment.cq.length() < sizes.cqBytes) segment.cq.setLength(sizes.cqBytes);
    await countUnits(segment, sizes);
    segments.push(segment);
  }
  const last = segments.at(-1);
  if (last !== undefined && checkLast) await cutDamage(last, sizes, note);
  return segments;
}

async function countUnits(segment: Segment, sizes: SegmentSizes): Promise<void> {
  const bytes = new Uint8Array(Math.floor(scanBytes / unitBytes) * unitBytes);
  const view = viewOf(bytes);
  for (let at = 0; at < sizes.cqBytes; at += bytes.length) {
    const length = await segment.cq.read(bytes, at);
    for (let pos = 0; pos + unitBytes <= length; pos += unitBytes) {
      const unit = readBatchConsumeQueueUnit(view, pos);
      if (unit === undefined || !isUnit(unit) || unit.phyOffset !== segment.base + segment.logEnd || unit.msgBaseOffset <= segment.lastOffset) return;
      segment.counted(unit);
    }
    if (length < bytes.length) return;
  }
}

async function cutDamage(segment: Segment, sizes: SegmentSizes, note: SegmentNote): Promise<void> {
  const record = new RecordView();
  let whole = 0;
  walk: for (;;) {
    const units = await segment.unitsFrom(whole, unitsPerMark);
    if (units.length === 0) break;
    for (const unit of units) {
      const bytes = new Uint8Array(unit.size);
      const length = await segment.log.read(bytes, unit.phyOffset - segment.base);
      if (readRecord(record, bytes, 0, length, recordCheck.BODY_CRC) !== 'record' || record.queueOffset !== unit.msgBaseOffset) break walk;
      whole++;
    }
  }
  if (whole === segment.units) return;
  note({ base: segment.base, units: segment.units, kept: whole }, 'the end of a compaction log was not whole, it is filled again from the CommitLog');
  segment.cq.setLength(whole * unitBytes);
  segment.cq.setLength(sizes.cqBytes);
  segment.units = segment.logEnd = 0;
  segment.firstOffset = segment.lastOffset = -1;
  segment.marks.length = 0;
  await countUnits(segment, sizes);
  segment.log.setLength(segment.logEnd);
  segment.log.setLength(sizes.logBytes);
  segment.dirty = true;
}
