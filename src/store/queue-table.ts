/**
 * All ConsumeQueues of a store: lookup, lazy writing to their files, their memory, removal. What an entry says is consume-queue.ts, what a start finds
 * queue-load.ts; rebuilding them from the log is recover.ts.
 */
import * as path from 'node:path';
import { consumeQueueUnitBytes, unitPhyOffset, unitTagsCodeBig } from '../codec/consume-queue-unit.js';
import { viewOf } from '../codec/int64.js';
import { BatchUnitFiles, BatchUnits } from './batch-units.js';
import { preBlankUnits, StoreQueue } from './consume-queue.js';
import type { QueueState } from './derived-state.js';
import type { Disk, DiskFile } from './disk.js';
import { HandleCache } from './handle-cache.js';
import { checkQueueName } from './names.js';
import type { StoreLog } from './options.js';
import { QueueExtensions } from './queue-extensions.js';
import type { ExtensionsOptions } from './queue-extensions.js';
import { findQueues, QueueScan } from './queue-load.js';
import type { QueueFindings } from './queue-load.js';

/** Open handles of ConsumeQueue files. */
const handlesMax = 256;
/** A queue nobody has put into for so long gives its memory back. */
export const idleQueueMs = 60000;
/** Light queues without entries whose objects are kept. */
const unusedLightMax = 10_000;
/** Bytes of entries that a queue keeps when memory is short. */
const keepBytesMin = 64 * 1024;

/** Where the queues of topics with queue.type=BatchCQ lie. */
export interface BatchQueues {
  readonly isBatchTopic: (topic: string) => boolean;
  /** Entries, ours. */
  readonly entriesRoot: string;
  /** Units, Apache's. */
  readonly unitsRoot: string;
  readonly unitFileBytes: number;
}

export class QueueTable {
  readonly root: string;
  readonly fileBytes: number;
  readonly #disk: Disk;
  readonly #handles: HandleCache;
  readonly #refs = new Map<string, Map<number, StoreQueue>>();
  /** Light queues that are registered. */
  lightCount = 0;
  /** Light queues that were asked for and have no entries: names come from whoever asks. */
  readonly #unusedLight = new Set<StoreQueue>();
  /** Queues with entries that are not in the files. */
  readonly dirty = new Set<StoreQueue>();
  /** Files written since they were last synced. */
  readonly #unsynced = new Set<string>();
  readonly #unsyncedDirs = new Set<string>();
  readonly #scan: QueueScan;
  /** Undefined without enableConsumeQueueExt. */
  readonly extensions: QueueExtensions | undefined;

  readonly #batch: BatchQueues | undefined;
  readonly #unitFiles: BatchUnitFiles | undefined;

  constructor(disk: Disk, root: string, fileBytes: number, more: { readonly extensions?: ExtensionsOptions | undefined; readonly batch?: BatchQueues | undefined } = {}) {
    const { extensions, batch } = more;
    this.#disk = disk;
    this.root = root;
    this.fileBytes = fileBytes;
    this.#scan = new QueueScan(this);
    this.#handles = new HandleCache(disk, handlesMax);
    this.extensions = extensions === undefined ? undefined : new QueueExtensions(disk, extensions, {
      handles: this.#handles, unsynced: this.#unsynced, unsyncedDirs: this.#unsyncedDirs, open: (queue, fileBase) => this.open(queue, fileBase),
    });
    this.#batch = batch;
    const host = { disk, handles: this.#handles, unsynced: this.#unsynced, unsyncedDirs: this.#unsyncedDirs };
    this.#unitFiles = batch === undefined ? undefined : new BatchUnitFiles(host, batch.unitsRoot, batch.unitFileBytes);
  }

  /** The queue's one object; it is registered when it gets its first entry. Throws a Refusal for a name that may not become a directory. */
  ref(topic: string, queueId: number): StoreQueue {
    let queues = this.#refs.get(topic);
    let queue = queues?.get(queueId);
    // A topic may have changed its type before its first message.
    if (queue !== undefined && (queue.registered || this.isBatch(topic) === (queue.batch !== undefined))) return queue;
    checkQueueName(topic, queueId);
    if (queues === undefined) this.#refs.set(topic, (queues = new Map<number, StoreQueue>()));
    const batch = this.#batch;
    if (batch !== undefined && this.isBatch(topic)) {
      queue = new StoreQueue(batch.entriesRoot, topic, queueId, this.fileBytes, new BatchUnits(batch.unitsRoot, topic, queueId));
    } else {
      queue = new StoreQueue(this.root, topic, queueId, this.fileBytes);
      if (queue.light) this.#addUnused(queue);
      else queue.extension = this.extensions?.create(topic, queueId);
    }
    queues.set(queueId, queue);
    return queue;
  }

  /** It has entries from now on. */
  register(queue: StoreQueue): void {
    if (queue.registered) return;
    queue.registered = true;
    if (!queue.light) return;
    this.lightCount++;
    this.#unusedLight.delete(queue);
  }

  /** It has none any more. */
  unregister(queue: StoreQueue): void {
    if (queue.registered && queue.light) this.lightCount--;
    queue.registered = false;
  }

  /** Keeps the objects of light queues without entries within bounds: the oldest that nobody waits at and this turn does not put into goes. */
  #addUnused(queue: StoreQueue): void {
    if (this.#unusedLight.size >= unusedLightMax) {
      for (const one of this.#unusedLight) {
        if (one.attachment !== undefined || one.touched) continue;
        this.#unusedLight.delete(one);
        const queues = this.#refs.get(one.topic);
        if (queues?.get(one.queueId) === one) queues.delete(one.queueId);
        if (queues?.size === 0) this.#refs.delete(one.topic);
        one.deleted = true;
        break;
      }
    }
    this.#unusedLight.add(queue);
  }

  /** True when the topic's queues are batch queues. */
  isBatch(topic: string): boolean {
    return this.#batch?.isBatchTopic(topic) ?? false;
  }

  /** Directories that hold queues, and whether those are batch queues. */
  get roots(): readonly { readonly root: string; readonly batch: boolean }[] {
    return [{ root: this.root, batch: false }, ...(this.#batch === undefined ? [] : [{ root: this.#batch.entriesRoot, batch: true }])];
  }

  existing(topic: string, queueId: number): StoreQueue | undefined {
    const queue = this.#refs.get(topic)?.get(queueId);
    return queue?.registered === true ? queue : undefined;
  }

  *all(): Generator<StoreQueue> {
    for (const queues of this.#refs.values()) for (const queue of queues.values()) if (queue.registered) yield queue;
  }

  queueIdsOf(topic: string): number[] {
    const ids: number[] = [];
    for (const queue of this.#refs.get(topic)?.values() ?? []) if (queue.registered) ids.push(queue.queueId);
    return ids.sort((a, b) => a - b);
  }

  topics(): string[] {
    const topics = new Set<string>();
    for (const queue of this.all()) topics.add(queue.topic);
    return [...topics];
  }

  /** The handle of a queue's file; it exists. */
  open(queue: StoreQueue, fileBase: number): DiskFile {
    return this.#handles.get(queue.fileName(fileBase));
  }

  /**
   * Appends the entry of a message, with a unit in the queue's extension when it has one. A unit that cannot be made leaves the tags code in the entry,
   * as `ConsumeQueue#putMessagePositionInfoWrapper` does.
   */
  append(queue: StoreQueue, phyOffset: number, size: number, tagsCode: number, storeTimestamp: number, bitMap: Uint8Array | undefined): void {
    const { extension } = queue;
    let position = -1;
    if (extension !== undefined && this.extensions !== undefined) {
      try {
        position = this.extensions.append(queue, extension, tagsCode, storeTimestamp, bitMap);
      } catch {
        // The disk did not say where units go on; it is asked again for the next message.
      }
    }
    if (position >= 0) queue.appendExtended(phyOffset, size, position);
    else queue.append(phyOffset, size, tagsCode);
  }

  /** Finds the queues on disk, see queue-load.ts. */
  load(log: StoreLog): QueueFindings {
    const found = findQueues(this, this.#disk, log);
    this.#unitFiles?.wipeStrays((topic, id) => this.#refs.get(topic)?.get(Number(id))?.batch !== undefined);
    return found;
  }

  /**
   * Finds the end of a queue on disk: entries count while their phyOffset grows and lies below `phyLimit`; none can lie at or above `logEnd`, the end
   * of the log's last file. Returns true when entries that belong below the limit stand behind a gap or a damaged entry, or the files cannot be read, so
   * that the queue cannot be trusted.
   */
  loadTail(queue: StoreQueue, phyLimit: number, logEnd: number): boolean {
    if (this.#scan.loadTail(queue, phyLimit, logEnd)) return true;
    return queue.batch !== undefined && this.#unitFiles !== undefined && this.#matchUnits(queue, queue.batch, this.#unitFiles, phyLimit);
  }

  /**
   * Brings entries and units of a batch queue to the same end: they are written one after the other. Returns true when one lacks what the other has although
   * nothing was torn: somebody else wrote, or removed, files.
   */
  #matchUnits(queue: StoreQueue, units: BatchUnits, files: BatchUnitFiles, phyLimit: number): boolean {
    files.load(units, phyLimit);
    if (units.end === queue.nextOffset && units.lastPhyOffset === queue.lastPhyOffset) return false;
    if (phyLimit === Number.MAX_SAFE_INTEGER) return true;
    files.cut(units, queue.nextOffset);
    this.cut(queue, units.end);
    queue.lastPhyOffset = units.lastPhyOffset;
    return false;
  }

  /** What the queues cover, for the next start; all of it is in the files. */
  states(): QueueState[] {
    const states: QueueState[] = [];
    for (const queue of this.all()) {
      const { topic, queueId, nextOffset, lastPhyOffset } = queue;
      if (lastPhyOffset >= 0) states.push({ topic, queueId, firstFile: queue.files[0] ?? -1, nextOffset, lastPhyOffset });
    }
    return states;
  }

  /** Removes a queue's entries from `queueOffset` on, in memory and in the files; for recovery. Entries below must be in the files. */
  cut(queue: StoreQueue, queueOffset: number): void {
    const files = queue.files;
    while (files.length > 0 && (files[files.length - 1] as number) >= queueOffset * consumeQueueUnitBytes) {
      const base = files.pop() as number;
      this.#handles.drop(queue.fileName(base));
      this.#disk.unlink(queue.fileName(base));
      this.#unsyncedDirs.add(queue.dir);
    }
    const last = files.at(-1);
    if (last !== undefined && last + this.fileBytes > queueOffset * consumeQueueUnitBytes) {
      const file = this.open(queue, last);
      file.setLength(queueOffset * consumeQueueUnitBytes - last);
      file.setLength(this.fileBytes);
      this.#unsynced.add(queue.fileName(last));
    }
    if (queue.batch !== undefined) this.#unitFiles?.cut(queue.batch, queueOffset);
    queue.startAt(queueOffset);
    if (queueOffset === 0 && queue.extension !== undefined) this.extensions?.remove(queue.extension);
    if (queueOffset === 0) queue.minOffset = 0;
  }

  /**
   * Writes what is visible and not in the files yet, and makes files as needed. Throws what the disk throws; entries written before stay counted.
   * Not to be run twice at a time, nor while a queue is removed.
   */
  async flush(): Promise<void> {
    for (const queue of [...this.dirty]) {
      // Entries that come while units are written wait for the next time: no entry reaches the files before its unit.
      const limit = queue.writtenOffset;
      if (queue.extension !== undefined) await this.extensions?.flush(queue.extension);
      for (const run of queue.unflushed(limit)) {
        const fresh = !queue.files.includes(run.fileBase);
        const file = fresh ? this.#create(queue, run.fileBase) : this.open(queue, run.fileBase);
        this.#unsynced.add(file.path);
        // A queue that does not start at 0 marks the part of its first file before its first entry.
        if (fresh && run.position > 0) await file.write(preBlankUnits(run.position / consumeQueueUnitBytes), 0);
        await file.write(run.bytes, run.position);
        queue.flushedOffset = run.end;
      }
      if (queue.batch !== undefined) await this.#unitFiles?.flush(queue.batch, queue.flushedOffset);
      if (queue.flushedOffset === queue.nextOffset) this.dirty.delete(queue);
    }
  }

  #create(queue: StoreQueue, fileBase: number): DiskFile {
    if (queue.files.length === 0) {
      this.#disk.makeDir(queue.dir);
      this.#unsyncedDirs.add(path.dirname(path.dirname(queue.dir)));
      this.#unsyncedDirs.add(path.dirname(queue.dir));
    }
    const file = this.#handles.get(queue.fileName(fileBase), 'create');
    file.setLength(this.fileBytes);
    queue.files.push(fileBase);
    this.#unsyncedDirs.add(queue.dir);
    return file;
  }

  /** Makes durable what `flush` wrote before the call. Throws what the disk throws. */
  async sync(): Promise<void> {
    const dirs = [...this.#unsyncedDirs];
    const files = [...this.#unsynced];
    this.#unsyncedDirs.clear();
    this.#unsynced.clear();
    for (const name of files) {
      if (this.#disk.stat(name) !== undefined) await this.#handles.get(name).datasync();
    }
    for (const dir of dirs) if (this.#disk.stat(dir) !== undefined) await this.#disk.syncDir(dir);
  }

  /** Removes files that lie wholly below `phyMin`, always keeping the newest (`ConsumeQueue#deleteExpiredFile`). Returns how many. */
  deleteBelow(queue: StoreQueue, phyMin: number): number {
    if (queue.batch !== undefined) this.#unitFiles?.deleteBelow(queue.batch, phyMin);
    let count = 0;
    const last = new Uint8Array(consumeQueueUnitBytes);
    while (queue.files.length > 1) {
      const base = queue.files[0] as number;
      if (base / consumeQueueUnitBytes + queue.fileUnits > queue.flushedOffset) break;
      this.open(queue, base).readSync(last, this.fileBytes - consumeQueueUnitBytes);
      if (unitPhyOffset(viewOf(last), 0) >= phyMin) break;
      queue.files.shift();
      this.#handles.drop(queue.fileName(base));
      this.#disk.unlink(queue.fileName(base));
      this.#unsyncedDirs.add(queue.dir);
      count++;
    }
    const first = queue.files[0];
    if (count > 0 && first !== undefined && queue.extension !== undefined && this.open(queue, first).readSync(last, 0) === last.length) {
      this.extensions?.deleteBelow(queue.extension, unitTagsCodeBig(viewOf(last), 0));
    }
    return count;
  }

  /** Forgets a queue and removes its files. */
  remove(queue: StoreQueue): void {
    queue.deleted = true;
    if (queue.registered && queue.light) this.lightCount--;
    this.#unusedLight.delete(queue);
    this.dirty.delete(queue);
    this.#refs.get(queue.topic)?.delete(queue.queueId);
    for (const base of queue.files) {
      this.#handles.drop(queue.fileName(base));
      this.#disk.unlink(queue.fileName(base));
    }
    queue.files.length = 0;
    this.#disk.removeDir(queue.dir);
    this.#unsyncedDirs.add(path.dirname(path.dirname(queue.dir)));
    if (queue.batch !== undefined) {
      this.#unitFiles?.remove(queue.batch);
      this.#unsyncedDirs.add(path.dirname(path.dirname(queue.batch.dir)));
    }
    if (queue.extension !== undefined) this.extensions?.remove(queue.extension);
  }

  /** Removes the directories of a topic whose queues are removed. Who still holds one without entries is led to a new one, but in the turn that puts into it. */
  removeTopicDir(topic: string): void {
    for (const root of [this.root, this.#batch?.entriesRoot, this.#batch?.unitsRoot, this.extensions?.root]) {
      if (root !== undefined) this.#disk.removeDir(path.join(root, topic));
    }
    const queues = this.#refs.get(topic);
    for (const queue of queues?.values() ?? []) {
      if (queue.touched) continue;
      queue.deleted = true;
      this.#unusedLight.delete(queue);
      queues?.delete(queue.queueId);
    }
    if (queues?.size === 0) this.#refs.delete(topic);
  }

  /** Keeps the memory of entries within `bytesMax` and lets idle queues go. Returns the bytes held before the former. */
  trim(bytesMax: number, nowMs: number): number {
    let total = 0;
    const queues = [...this.all()];
    for (const queue of queues) {
      if (nowMs - queue.lastPutMs > idleQueueMs && queue.flushedOffset === queue.nextOffset) queue.release(0);
      total += queue.memoryBytes;
    }
    if (total <= bytesMax) return total;
    const share = Math.floor(bytesMax / Math.max(1, queues.length));
    for (const queue of queues) queue.release(Math.max(share, keepBytesMin));
    return total;
  }

  close(): void {
    this.#handles.closeAll();
  }
}
