/**
 * ConsumeQueues of topics with queue.type=BatchCQ, where one record takes as many offsets as its batch has messages. What is read from are entries like
 * any other queue's, one for each message, all of a batch leading to its record (consume-queue.ts, in `batchentries/`, ours); beside them the units of
 * Apache's own files are written, one for each batch. Here: those units, in memory until they are written, and their files.
 *
 *   batchconsumequeue/TOPIC/QUEUEID/N(20)   N = byte offset of its first unit; layout of a unit: codec/batch-consume-queue-unit.ts
 */
import * as path from 'node:path';
import { batchConsumeQueueUnitBytes as unitBytes, readBatchConsumeQueueUnit, setBatchConsumeQueueUnit } from '../codec/batch-consume-queue-unit.js';
import type { BatchConsumeQueueUnit } from '../codec/batch-consume-queue-unit.js';
import { viewOf } from '../codec/int64.js';
import type { Disk, DiskFile } from './disk.js';
import type { HandleCache } from './handle-cache.js';
import { offsetFileName, offsetOfFileName } from './names.js';

/** Messages one batch may have (`batchSize` is an int16). */
export const batchCountMax = 32767;
/** Bytes of units read at once. */
const stretchBytes = 1424 * unitBytes;

/** The units of one queue. */
export class BatchUnits {
  readonly dir: string;
  /** Byte offsets of the files, ascending. */
  readonly files: number[] = [];
  /** Units that are not in the files, oldest first. */
  pending: BatchConsumeQueueUnit[] = [];
  /** Byte offset of the next unit in the files. */
  nextByte = 0;
  /** queueOffset behind the newest unit in the files, and that unit's record; 0 and -1 without any. */
  end = 0;
  lastPhyOffset = -1;

  constructor(root: string, topic: string, queueId: number) {
    this.dir = path.join(root, topic, String(queueId));
  }

  fileName(base: number): string {
    return path.join(this.dir, offsetFileName(base));
  }

  add(phyOffset: number, size: number, tagsCode: number, storeTime: number, msgBaseOffset: number, batchSize: number): void {
    this.pending.push({ phyOffset, size, tagsCode: BigInt(tagsCode), storeTime, msgBaseOffset, batchSize, compactedOffset: -1 });
  }

  /** Takes back pending units of messages from `queueOffset` on. */
  takeBack(queueOffset: number): void {
    while ((this.pending.at(-1)?.msgBaseOffset ?? -1) >= queueOffset) this.pending.pop();
  }
}

/** What the files need of the table of queues. */
export interface UnitFilesHost {
  readonly disk: Disk;
  readonly handles: HandleCache;
  /** Paths written since they were last synced. */
  readonly unsynced: Set<string>;
  readonly unsyncedDirs: Set<string>;
}

function endOf(unit: BatchConsumeQueueUnit): number {
  return unit.msgBaseOffset + unit.batchSize;
}

/** The files of all queues' units. */
export class BatchUnitFiles {
  readonly root: string;
  readonly fileBytes: number;
  readonly #host: UnitFilesHost;

  constructor(host: UnitFilesHost, root: string, fileBytes: number) {
    this.#host = host;
    this.root = root;
    this.fileBytes = fileBytes;
  }

  /**
   * Finds the files and where their units end; units of records from `phyLimit` on do not count. With a limit, after a stop that was not clean, they are
   * removed, and so is what stands behind a unit that a loss of power left out: the next unit would join them to the valid ones, and `BatchConsumeQueue#recover`
   * counts whatever follows without a gap, whether or not the log still has a batch there. Throws what the disk throws.
   */
  load(units: BatchUnits, phyLimit: number): void {
    units.files.length = 0;
    for (const name of this.#host.disk.stat(units.dir)?.directory === true ? this.#host.disk.list(units.dir) : []) {
      const base = offsetOfFileName(name);
      if (base !== undefined && base % this.fileBytes === 0 && this.#host.disk.stat(path.join(units.dir, name))?.directory === false) units.files.push(base);
    }
    units.files.sort((a, b) => a - b);
    for (const base of units.files) {
      // A stop may have come between making a file and giving it its length.
      if (this.#host.disk.stat(units.fileName(base))?.bytes === this.fileBytes) continue;
      this.#open(units, base).setLength(this.fileBytes);
      this.#host.unsynced.add(units.fileName(base));
    }
    units.nextByte = units.files[0] ?? 0;
    units.end = 0;
    units.lastPhyOffset = -1;
    // The newest file may have been made and never written.
    for (let index = units.files.length - 1; index >= 0 && units.lastPhyOffset < 0; index--) this.#scan(units, units.files[index] as number, phyLimit);
    if (phyLimit !== Number.MAX_SAFE_INTEGER) this.#endFiles(units);
  }

  /** Removes the files of queues that have no entries: whatever they say is built again from the log, or is gone from it. */
  wipeStrays(isKnown: (topic: string, queueId: string) => boolean): void {
    const { disk } = this.#host;
    const directories = (dir: string): string[] => (disk.stat(dir)?.directory === true ? disk.list(dir).filter((name) => disk.stat(path.join(dir, name))?.directory === true) : []);
    for (const topic of directories(this.root)) {
      for (const id of directories(path.join(this.root, topic))) if (!isKnown(topic, id)) this.#wipe(path.join(this.root, topic, id));
    }
  }

  #wipe(dir: string): void {
    const { disk, handles, unsyncedDirs } = this.#host;
    for (const name of disk.list(dir)) {
      const full = path.join(dir, name);
      if (offsetOfFileName(name) === undefined || disk.stat(full)?.directory !== false) continue;
      handles.drop(full);
      disk.unlink(full);
      unsyncedDirs.add(dir);
    }
  }

  #scan(units: BatchUnits, base: number, phyLimit: number): void {
    const bytes = new Uint8Array(stretchBytes);
    const view = viewOf(bytes);
    const file = this.#open(units, base);
    for (let at = 0; at < this.fileBytes; at += stretchBytes) {
      const length = file.readSync(bytes.subarray(0, Math.min(stretchBytes, this.fileBytes - at)), at);
      for (let p = 0; p + unitBytes <= length; p += unitBytes) {
        const unit = readBatchConsumeQueueUnit(view, p);
        const valid = unit !== undefined && unit.size > 0 && unit.batchSize > 0 && unit.phyOffset > units.lastPhyOffset && unit.msgBaseOffset >= units.end;
        if (!valid || unit.phyOffset >= phyLimit) return;
        units.lastPhyOffset = unit.phyOffset;
        units.end = endOf(unit);
        units.nextByte = base + at + p + unitBytes;
      }
      if (length < stretchBytes) return;
    }
  }

  #open(units: BatchUnits, base: number): DiskFile {
    return this.#host.handles.get(units.fileName(base));
  }

  #at(units: BatchUnits, byte: number): BatchConsumeQueueUnit | undefined {
    const base = Math.floor(byte / this.fileBytes) * this.fileBytes;
    if (byte < 0 || !units.files.includes(base)) return undefined;
    const bytes = new Uint8Array(unitBytes);
    return this.#open(units, base).readSync(bytes, byte - base) < unitBytes ? undefined : readBatchConsumeQueueUnit(viewOf(bytes), 0);
  }

  /** Removes units with any message from `queueOffset` on, in memory and in the files. */
  cut(units: BatchUnits, queueOffset: number): void {
    while (units.pending.length > 0 && endOf(units.pending.at(-1) as BatchConsumeQueueUnit) > queueOffset) units.pending.pop();
    if (queueOffset === 0) {
      if (this.#host.disk.stat(units.dir)?.directory === true) this.#wipe(units.dir);
      units.files.length = units.nextByte = units.end = 0;
      units.lastPhyOffset = -1;
      return;
    }
    if (units.end <= queueOffset) return;
    while (units.end > queueOffset) {
      units.nextByte -= unitBytes;
      const before = this.#at(units, units.nextByte - unitBytes);
      units.end = before === undefined ? 0 : endOf(before);
      units.lastPhyOffset = before?.phyOffset ?? -1;
    }
    this.#endFiles(units);
  }

  /** Makes the files end at `nextByte`: behind it come only zeros. */
  #endFiles(units: BatchUnits): void {
    const { disk, handles, unsynced, unsyncedDirs } = this.#host;
    while ((units.files.at(-1) ?? -1) >= units.nextByte) {
      const base = units.files.pop() as number;
      handles.drop(units.fileName(base));
      disk.unlink(units.fileName(base));
      unsyncedDirs.add(units.dir);
    }
    const last = units.files.at(-1);
    if (last === undefined) {
      units.nextByte = 0;
      return;
    }
    const file = this.#open(units, last);
    file.setLength(units.nextByte - last);
    file.setLength(this.fileBytes);
    unsynced.add(file.path);
  }

  /** Writes the pending units of messages below `queueOffset`. Throws what the disk throws. */
  async flush(units: BatchUnits, queueOffset: number): Promise<void> {
    while (units.pending.length > 0 && endOf(units.pending[0] as BatchConsumeQueueUnit) <= queueOffset) {
      const base = Math.floor(units.nextByte / this.fileBytes) * this.fileBytes;
      const room = Math.min((base + this.fileBytes - units.nextByte) / unitBytes, stretchBytes / unitBytes);
      let count = 0;
      while (count < room && count < units.pending.length && endOf(units.pending[count] as BatchConsumeQueueUnit) <= queueOffset) count++;
      const written = units.pending.slice(0, count);
      const bytes = new Uint8Array(count * unitBytes);
      written.forEach((unit, i) => setBatchConsumeQueueUnit(viewOf(bytes), i * unitBytes, unit));
      const file = units.files.includes(base) ? this.#open(units, base) : this.#create(units, base);
      this.#host.unsynced.add(file.path);
      const position = units.nextByte - base;
      await file.write(bytes, position);
      // What was taken back meanwhile is not counted; the next write goes over it.
      if (units.pending[0] !== written[0]) return;
      const last = written.at(-1) as BatchConsumeQueueUnit;
      units.pending.splice(0, count);
      units.nextByte += count * unitBytes;
      units.end = endOf(last);
      units.lastPhyOffset = last.phyOffset;
    }
  }

  #create(units: BatchUnits, base: number): DiskFile {
    const { disk, handles, unsyncedDirs } = this.#host;
    if (units.files.length === 0) {
      disk.makeDir(units.dir);
      for (let dir = path.dirname(units.dir); dir.startsWith(path.dirname(this.root)); dir = path.dirname(dir)) {
        unsyncedDirs.add(dir);
        if (dir === path.dirname(this.root)) break;
      }
    }
    const file = handles.get(units.fileName(base), 'create');
    file.setLength(this.fileBytes);
    units.files.push(base);
    unsyncedDirs.add(units.dir);
    return file;
  }

  /** Removes files whose units all lead below `phyMin`, always keeping the newest. */
  deleteBelow(units: BatchUnits, phyMin: number): void {
    while (units.files.length > 1) {
      const base = units.files[0] as number;
      if (base + this.fileBytes > units.nextByte) return;
      const last = this.#at(units, base + this.fileBytes - unitBytes);
      if (last === undefined || last.phyOffset >= phyMin) return;
      units.files.shift();
      this.#host.handles.drop(units.fileName(base));
      this.#host.disk.unlink(units.fileName(base));
      this.#host.unsyncedDirs.add(units.dir);
    }
  }

  /** Removes all files of a queue, also those of one that was not loaded. */
  remove(units: BatchUnits): void {
    const { disk, unsyncedDirs } = this.#host;
    if (disk.stat(units.dir)?.directory === true) this.#wipe(units.dir);
    units.files.length = 0;
    units.pending = [];
    disk.removeDir(units.dir);
    unsyncedDirs.add(path.dirname(units.dir));
  }
}
