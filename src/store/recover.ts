/**
 * Opening a directory: finds the log's files and its end, cuts what is no record, and brings ConsumeQueues and index in line with the log.
 * After a clean stop they are trusted, checked over the log's last stretch and completed; after an unclean one they count only below the checkpoint and are dispatched again from there
 * (`CommitLog#recoverNormally`, `#recoverAbnormally`). Records are never invented: each must stand where it says it stands.
 */
import * as path from 'node:path';
import { preBlankSize, unitPhyOffset, unitSize } from '../codec/consume-queue-unit.js';
import { readRecord, recordCheck, RecordView } from '../codec/message-record.js';
import { Fault } from '../codec/errors.js';
import { viewOf } from '../codec/int64.js';
import type { Checkpoint } from '../codec/checkpoint-record.js';
import type { StoreQueue } from './consume-queue.js';
import type { LogFile } from './commit-log.js';
import { Dispatcher } from './dispatch.js';
import { offsetFileName, offsetOfFileName } from './names.js';
import type { StoreParts } from './parts.js';
import type { RecoveryReport } from './types.js';

/** Bytes of the log read at once. */
const windowBytes = 4 * 1024 * 1024;
/** After a clean stop so much of the log's end is checked. */
const recentBytes = 16 * 1024 * 1024;
/** Slack of the checkpoint's times (`StoreCheckpoint#getMinTimestamp`). */
const timeSlackMs = 3000;

/** Why the log ends where it ends; undefined = with zeros, as it should. */
interface Scan {
  readonly end: number;
  readonly records: number;
  readonly reason: string | undefined;
  /** A queue lacks entries before this record: everything must be dispatched anew. */
  readonly gap: boolean;
  readonly lastPhyOffset: number;
  readonly lastStoreTimestamp: number;
}

export interface Recovered {
  readonly report: RecoveryReport;
  /** phyOffset of the last record found, -1 = none, and its store time. */
  readonly lastPhyOffset: number;
  readonly lastStoreTimestamp: number;
}

/**
 * Opens the files of the log; a Fault names what cannot be a log of this configuration. After an unclean stop a file may be short: the disk lost its length.
 */
export function openLogFiles(parts: StoreParts, cleanStop: boolean, trusted: number): void {
  const { commitLog, disk, log } = parts;
  const bases: number[] = [];
  for (const name of disk.list(commitLog.dir)) {
    const base = offsetOfFileName(name);
    if (base === undefined) log.warn({ file: path.join(commitLog.dir, name) }, 'is no commit log file and is left alone');
    else bases.push(base);
  }
  bases.forEach((base, i) => {
    const bytes = disk.stat(path.join(commitLog.dir, offsetFileName(base)))?.bytes ?? 0;
    const next = bases[i + 1];
    const short = bytes < commitLog.fileBytes && (cleanStop || (next !== undefined && next - base < commitLog.fileBytes));
    if (short || bytes > commitLog.fileBytes) {
      throw new Fault(
        `${path.join(commitLog.dir, offsetFileName(base))} has ${bytes} bytes, mappedFileSizeCommitLog says ${commitLog.fileBytes}: set it to the size of the files`,
      );
    }
  });
  const chosen = contiguousRun(bases, commitLog.fileBytes, cleanStop, trusted);
  const first = chosen[0] as number;
  if (chosen.length < bases.length) log.warn({ from: first, files: chosen.length, of: bases.length }, 'commit log files are missing: only one side of the gap is used');
  for (const base of chosen) commitLog.addFile(base, false);
  // What lies behind a gap was never promised, and the log will come there again.
  for (const base of bases) if (!cleanStop && chosen.length > 0 && base > (chosen.at(-1) as number)) disk.unlink(path.join(commitLog.dir, offsetFileName(base)));
  commitLog.dirDirty = false;
}

/**
 * The files that make one log. Where one is missing in between: the side that the checkpoint knows, else what came first after an unclean stop (creations
 * behind may have been lost out of order; removals are synced one by one) and what came last after a clean one.
 */
function contiguousRun(bases: readonly number[], fileBytes: number, cleanStop: boolean, trusted: number): number[] {
  const runs: number[][] = [];
  for (const base of bases) {
    const run = runs.at(-1);
    if (run !== undefined && base - (run.at(-1) as number) === fileBytes) run.push(base);
    else runs.push([base]);
  }
  const known = trusted > 0 ? runs.find((run) => trusted >= (run[0] as number) && trusted < (run.at(-1) as number) + fileBytes) : undefined;
  return known ?? (cleanStop ? runs.at(-1) : runs[0]) ?? [];
}

export class Recovery {
  readonly #parts: StoreParts;
  readonly #dispatcher: Dispatcher;
  readonly #record = new RecordView();
  readonly #buffer = Buffer.allocUnsafeSlow(windowBytes);
  #window: Buffer = this.#buffer;
  #windowFrom = 0;
  #windowLength = 0;
  #windowFile: LogFile | undefined;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#dispatcher = new Dispatcher(parts);
  }

  run(cleanStop: boolean, checkpoint: Checkpoint, startedMs: number): Recovered {
    const { commitLog, queues, index, log, clock } = this.#parts;
    queues.load((name) => log.warn({ name }, 'is no queue and is left alone'));
    const warnIndex = (name: string, why: string): void => log.warn({ name }, why);
    if (commitLog.files.length === 0) {
      this.#clearDerived(warnIndex);
      commitLog.startAt(0);
      return { report: report(cleanStop, 0, 0, undefined, clock.nowMs() - startedMs), lastPhyOffset: -1, lastStoreTimestamp: 0 };
    }

    // Below `trusted` queues and index are durable and complete.
    let trusted = cleanStop ? Number.MAX_SAFE_INTEGER : this.#trustedFrom(checkpoint);
    const logEnd = (commitLog.files.at(-1) as LogFile).end;
    let damaged = false;
    let newest = -1;
    for (const queue of [...queues.all()]) {
      if (queues.loadTail(queue, trusted, logEnd)) {
        damaged = true;
        log.warn({ topic: queue.topic, queueId: queue.queueId, entries: queue.nextOffset }, 'the ConsumeQueue is damaged: all are built again from the log');
      }
      newest = Math.max(newest, queue.lastPhyOffset);
    }
    const indexResume = index?.load(cleanStop ? undefined : trusted, warnIndex);
    this.#dispatcher.indexFrom = cleanStop ? (index?.endPhyOffset ?? -1) + 1 : trusted;
    if (indexResume !== undefined) {
      index?.cut(indexResume);
      this.#dispatcher.indexFrom = indexResume;
    }
    if (cleanStop) trusted = newest;
    let scan: Scan | undefined;
    if (!damaged) {
      if (!cleanStop) this.#cutQueues(trusted, true);
      scan = this.#scan(this.#start(Math.min(cleanStop ? this.#recentRecord(newest) : trusted, indexResume ?? trusted)));
    }
    if (scan === undefined || scan.gap) {
      if (scan !== undefined) log.warn({ phyOffset: scan.end }, 'a ConsumeQueue lacks entries: all are built again from the log');
      for (const queue of [...queues.all()]) {
        queues.cut(queue, 0);
        queue.lastPhyOffset = -1;
        queue.registered = false;
      }
      this.#dispatcher.bridgeGaps = true;
      this.#dispatcher.indexFrom = Math.max(this.#dispatcher.indexFrom, (index?.endPhyOffset ?? -1) + 1);
      scan = this.#scan(commitLog.min);
    }
    const cut = this.#cutLog(scan);
    // Entries of what was cut, or of files that were gone already, point beyond the log.
    this.#cutQueues(scan.end, false);
    index?.cut(scan.end);
    index?.keep();
    this.correctMinOffsets();
    const result = report(cleanStop, scan.records, cut, cut > 0 ? (scan.reason ?? 'the log ended there') : undefined, clock.nowMs() - startedMs);
    if (cut > 0) log.warn({ phyOffset: scan.end, bytesCut: cut, reason: result.cutReason }, 'the commit log was cut after its last valid record');
    return { report: result, lastPhyOffset: scan.lastPhyOffset, lastStoreTimestamp: scan.lastStoreTimestamp };
  }

  /** Without a log there is nothing to derive from. */
  #clearDerived(warnIndex: (name: string, why: string) => void): void {
    const { queues, index, log } = this.#parts;
    let count = 0;
    for (const queue of [...queues.all()]) {
      queues.remove(queue);
      count++;
    }
    index?.load(undefined, warnIndex);
    if (count > 0 || (index?.files.length ?? 0) > 0) log.warn({ queues: count }, 'there are no commit log files: ConsumeQueues and index are removed');
    index?.clear();
  }

  /** The offset below which a checkpoint vouches for queues and index; old ones have only times (`CommitLog#isMappedFileMatchedRecover`). */
  #trustedFrom(checkpoint: Checkpoint): number {
    const { commitLog, config } = this.#parts;
    if (checkpoint.logicsPhysicalOffset > 0) return checkpoint.logicsPhysicalOffset;
    const files = commitLog.files;
    const time = Math.min(checkpoint.physicMsgTimestamp, checkpoint.logicsMsgTimestamp) - timeSlackMs;
    for (let i = files.length - 1, left = config.commitLogRecoverMaxNum; i >= 0; i--) {
      const first = this.#firstRecord(files[i] as LogFile);
      if (first !== undefined && (first.storeTimestamp <= time || --left <= 0)) return (files[i] as LogFile).base;
    }
    return commitLog.min;
  }

  #firstRecord(file: LogFile): RecordView | undefined {
    return this.#read(file, file.base) === 'record' && this.#record.phyOffset === file.base ? this.#record : undefined;
  }

  /** Where to begin: at `phyOffset` when a record stands there, else at the newest file whose first record stands at or below it. */
  #start(phyOffset: number): number {
    const { commitLog } = this.#parts;
    const files = commitLog.files;
    const own = commitLog.fileAt(phyOffset);
    if (own !== undefined && this.#read(own, phyOffset) === 'record' && this.#record.phyOffset === phyOffset) return phyOffset;
    for (let i = files.length - 1; i > 0; i--) {
      const file = files[i] as LogFile;
      if (file.base <= phyOffset && this.#firstRecord(file) !== undefined) return file.base;
    }
    return commitLog.min;
  }

  /** A record not far before the newest one, by the queue that has that: after a clean stop only the log's last stretch is checked. */
  #recentRecord(newest: number): number {
    if (newest - recentBytes <= this.#parts.commitLog.min) return this.#parts.commitLog.min;
    for (const queue of this.#parts.queues.all()) {
      if (queue.lastPhyOffset !== newest || newest < 0) continue;
      let low = Math.max(queue.minOffset, (queue.files[0] ?? 0) / 20);
      let high = queue.nextOffset - 1;
      while (low < high) {
        const mid = Math.floor((low + high) / 2);
        if (this.#entryAt(queue, mid) >= newest - recentBytes) high = mid;
        else low = mid + 1;
      }
      return this.#entryAt(queue, low);
    }
    return newest;
  }

  /** Reads what stands at a position of a file; the record's bytes stay until the next call. */
  #read(file: LogFile, phyOffset: number, checks = 0): ReturnType<typeof readRecord> {
    let at = this.#inWindow(file, phyOffset, 8);
    let outcome = readRecord(this.#record, this.#window, at, this.#windowLength, checks);
    // A record, or a blank, that does not fit the window is read again whole.
    const size = this.#windowLength - at >= 4 ? this.#window.readInt32BE(at) : 0;
    if (outcome !== 'record' && size > this.#windowLength - at && phyOffset + size <= file.end) {
      at = this.#inWindow(file, phyOffset, outcome === 'blank' ? 8 : size);
      outcome = readRecord(this.#record, this.#window, at, this.#windowLength, checks);
    }
    return outcome;
  }

  /** Makes the window hold [phyOffset, +length) as far as the file goes; returns the position in it. */
  #inWindow(file: LogFile, phyOffset: number, length: number): number {
    const from = phyOffset - file.base;
    if (this.#windowFile === file && from >= this.#windowFrom && from + length <= this.#windowFrom + this.#windowLength) return from - this.#windowFrom;
    const want = Math.min(Math.max(length, windowBytes), file.end - phyOffset);
    this.#window = want > this.#buffer.length ? Buffer.allocUnsafeSlow(want) : this.#buffer;
    this.#windowFile = file;
    this.#windowFrom = from;
    this.#windowLength = file.file.readSync(this.#window.subarray(0, want), from);
    return 0;
  }

  /** Goes through the log from a record on and dispatches what is not there yet. */
  #scan(from: number): Scan {
    const { commitLog, config } = this.#parts;
    const checks = config.checkCRCOnRecover ? recordCheck.BODY_CRC : recordCheck.NONE;
    let at = from;
    let file = commitLog.fileAt(at) as LogFile;
    let index = commitLog.files.indexOf(file);
    let records = 0;
    let lastPhyOffset = -1;
    let lastStoreTimestamp = 0;
    const done = (reason: string | undefined, gap = false): Scan => ({ end: at, records, reason, gap, lastPhyOffset, lastStoreTimestamp });
    for (;;) {
      if (file.end - at < 8) return done('the file is full');
      const outcome = this.#read(file, at, checks);
      const record = this.#record;
      if (outcome === 'zero') return done(undefined);
      if (outcome === 'bad') return done(record.reason);
      if (outcome === 'blank') {
        if (at + record.size !== file.end) return done(`a blank of ${record.size} bytes does not end with the file`);
        const next = commitLog.files[++index];
        if (next === undefined) return done(undefined);
        // An empty next file was only prepared: the log may go on here or there.
        file = next;
        at = next.base;
        continue;
      }
      if (record.phyOffset !== at) return done(`the record says it stands at ${record.phyOffset}`);
      if (this.#dispatcher.dispatch(record) === 'gap') return done(undefined, true);
      this.#parts.index?.keep();
      lastPhyOffset = at;
      lastStoreTimestamp = record.storeTimestamp;
      records++;
      at += record.size;
    }
  }

  /** Ends the log at the scan's end: the rest of that file becomes zeros, later files go. Returns the bytes that were not zero or may have been. */
  #cutLog(scan: Scan): number {
    const { commitLog } = this.#parts;
    let cut = 0;
    while (commitLog.files.length > 1 && (commitLog.files.at(-1) as LogFile).base > scan.end) {
      const file = commitLog.files.pop() as LogFile;
      if (this.#holdsData(file, file.base)) cut += commitLog.fileBytes;
      file.file.close();
      this.#parts.disk.unlink(file.file.path);
      commitLog.dirDirty = true;
    }
    const last = commitLog.files.at(-1) as LogFile;
    const data = this.#dataBytes(last, scan.end);
    if (data > 0) {
      cut += data;
      last.file.setLength(scan.end - last.base);
      last.file.setLength(commitLog.fileBytes);
      last.dirty = true;
    }
    commitLog.startAt(scan.end);
    return cut;
  }

  #holdsData(file: LogFile, from: number): boolean {
    return this.#dataBytes(file, from) > 0;
  }

  /** Bytes from a position up to the last one that is not zero. A sparse rest is read quickly; it happens once, at a start. */
  #dataBytes(file: LogFile, from: number): number {
    let last = from;
    this.#windowFile = undefined;
    // Zeros behind the first empty stretch are taken for granted: files are written from front to back.
    for (let at = from, empty = 0; at < file.end && empty < 16; at += windowBytes) {
      const bytes = this.#buffer.subarray(0, Math.min(windowBytes, file.end - at));
      const length = file.file.readSync(bytes, at - file.base);
      let end = length;
      while (end > 0 && bytes[end - 1] === 0) end--;
      if (end > 0) {
        last = at + end;
        empty = 0;
      } else empty++;
    }
    return last - from;
  }

  /** Removes entries of records at and above `phyLimit` from all queues. */
  #cutQueues(phyLimit: number, wipe: boolean): void {
    const { queues } = this.#parts;
    for (const queue of [...queues.all()]) {
      if (queue.lastPhyOffset < phyLimit) {
        // What follows the trusted entries in the files is old or torn.
        if (wipe) this.#wipeBehind(queue);
        continue;
      }
      let end = queue.nextOffset;
      while (end > 0 && this.#entryAt(queue, end - 1) >= phyLimit) end--;
      this.#takeBackTo(queue, end);
    }
  }

  #takeBackTo(queue: StoreQueue, end: number): void {
    const { queues } = this.#parts;
    if (end >= queue.flushedOffset) {
      queue.takeBack(end);
      queue.maxOffset = queue.writtenOffset = end;
    } else queues.cut(queue, end);
    queue.lastPhyOffset = end > 0 ? this.#entryAt(queue, end - 1) : -1;
  }

  #wipeBehind(queue: StoreQueue): void {
    const { queues } = this.#parts;
    const lastPhyOffset = queue.lastPhyOffset;
    const end = queue.nextOffset;
    const registered = queue.registered && end > 0;
    queues.cut(queue, end);
    queue.lastPhyOffset = lastPhyOffset;
    queue.registered = registered;
  }

  /** phyOffset of an entry in memory or in the files; -1 for a blank one or none. */
  #entryAt(queue: StoreQueue, queueOffset: number): number {
    const block = queue.block(queueOffset);
    if (block !== undefined) return entryPhy(block.view, (queueOffset - block.first) * 20);
    const fileBase = Math.floor(queueOffset / queue.fileUnits) * queue.fileUnits * 20;
    if (!queue.files.includes(fileBase)) return -1;
    const bytes = new Uint8Array(20);
    const length = this.#parts.queues.open(queue, fileBase).readSync(bytes, queueOffset * 20 - fileBase);
    return length === 20 ? entryPhy(viewOf(bytes), 0) : -1;
  }

  /** Brings every queue's first offset to where the log begins. */
  correctMinOffsets(): void {
    for (const queue of this.#parts.queues.all()) this.correctMinOffset(queue);
  }

  /** The first entry whose record is still in the log (`ConsumeQueue#correctMinOffset`). */
  correctMinOffset(queue: StoreQueue): void {
    const min = this.#parts.commitLog.min;
    const onDisk = queue.files[0] === undefined ? queue.memoryFrom : Math.min(queue.files[0] / 20, queue.memoryFrom);
    let low = Math.max(queue.minOffset, onDisk);
    let high = queue.maxOffset;
    while (low < high) {
      const mid = Math.floor((low + high) / 2);
      if (this.#entryAt(queue, mid) >= min) high = mid;
      else low = mid + 1;
    }
    queue.minOffset = low;
  }
}

function entryPhy(view: DataView, pos: number): number {
  const size = unitSize(view, pos);
  return size <= 0 || size === preBlankSize ? -1 : unitPhyOffset(view, pos);
}

function report(cleanStop: boolean, recordsScanned: number, bytesCut: number, cutReason: string | undefined, elapsedMs: number): RecoveryReport {
  return { cleanStop, recordsScanned, bytesCut, cutReason, elapsedMs };
}
