/**
 * The extensions of all ConsumeQueues on disk: making and writing their files, finding where one goes on, removing what nobody leads to. Units in
 * memory are consume-queue-ext.ts; which messages get one is append.ts and dispatch.ts.
 */
import * as path from 'node:path';
import { extAddressMax, extPosition, consumeQueueUnitBytes, unitTagsCodeBig } from '../codec/consume-queue-unit.js';
import { extUnitBytesMin } from '../codec/consume-queue-ext-unit.js';
import { viewOf } from '../codec/int64.js';
import { QueueExtension } from './consume-queue-ext.js';
import type { StoreQueue } from './consume-queue.js';
import type { Disk, DiskFile } from './disk.js';
import type { HandleCache } from './handle-cache.js';
import { offsetOfFileName } from './names.js';

/** Entries looked at, newest first, for one that has a unit; older ones were written without an extension for long. */
const lookBackUnits = 64 * 1024;
const stretchUnits = 1024;

export interface ExtensionsOptions {
  /** `consumequeue_ext` under the store's root. */
  readonly root: string;
  readonly fileBytes: number;
}

/** What the table of queues shares with the extensions: handles, and what must be synced. */
export interface SharedFiles {
  readonly handles: HandleCache;
  readonly unsynced: Set<string>;
  readonly unsyncedDirs: Set<string>;
  /** Handle of a queue's own file. */
  open(queue: StoreQueue, fileBase: number): DiskFile;
}

export class QueueExtensions {
  readonly root: string;
  readonly #fileBytes: number;
  readonly #disk: Disk;
  readonly #shared: SharedFiles;

  constructor(disk: Disk, options: ExtensionsOptions, shared: SharedFiles) {
    this.root = options.root;
    this.#fileBytes = options.fileBytes;
    this.#disk = disk;
    this.#shared = shared;
  }

  create(topic: string, queueId: number): QueueExtension {
    return new QueueExtension(this.root, topic, queueId, this.#fileBytes);
  }

  /** Appends a unit for the entry that is about to be appended and returns its position, -1 = none was made. */
  append(queue: StoreQueue, extension: QueueExtension, tagsCode: number, storeTimestamp: number, bitMap: Uint8Array | undefined): number {
    if (extension.end < 0) this.#resume(queue, extension);
    return extension.append(tagsCode, storeTimestamp, bitMap);
  }

  /** Positions of the files of an extension that are on disk. */
  filesOf(extension: QueueExtension): number[] {
    if (extension.files === undefined) {
      const bases = this.#disk.list(extension.dir).map(offsetOfFileName);
      extension.files = bases.filter((base): base is number => base !== undefined && base % extension.fileBytes === 0);
    }
    return extension.files;
  }

  open(extension: QueueExtension, fileBase: number): DiskFile {
    return this.#shared.handles.get(extension.fileName(fileBase));
  }

  /**
   * Where units go on (`ConsumeQueueExt#truncateByMaxAddress`): behind the one of the newest entry that has one. Bytes there are old and are wiped. When
   * that unit cannot be read, or no entry leads to the files there are, in a new file: no two units may share a place.
   */
  #resume(queue: StoreQueue, extension: QueueExtension): void {
    const files = this.filesOf(extension);
    const newest = queue.nextOffset === 0 ? -1 : this.#newestUnit(queue);
    let end = 0;
    if (newest >= 0) {
      const size = this.#unitSize(extension, newest);
      end = size >= extUnitBytesMin ? newest + size : extension.fileBaseOf(newest) + extension.fileBytes;
    } else if (queue.nextOffset > 0) {
      const last = files.at(-1);
      end = last === undefined ? 0 : last + extension.fileBytes;
    }
    for (let base = files.at(-1); base !== undefined && base >= end; base = files.at(-1)) {
      files.pop();
      this.#unlink(extension, base);
    }
    const base = files.at(-1);
    if (base !== undefined && end > base && end < base + extension.fileBytes) {
      const file = this.open(extension, base);
      file.setLength(end - base);
      file.setLength(extension.fileBytes);
      this.#shared.unsynced.add(file.path);
    }
    extension.startAt(end);
  }

  /** Position of the newest entry's unit, -1 = no entry has one. */
  #newestUnit(queue: StoreQueue): number {
    const from = Math.max(0, queue.nextOffset - lookBackUnits);
    const bytes = new Uint8Array(stretchUnits * consumeQueueUnitBytes);
    const view = viewOf(bytes);
    for (let end = queue.nextOffset; end > from; ) {
      const block = queue.block(end - 1);
      if (block !== undefined) {
        for (let at = end - 1; at >= block.first; at--) {
          const code = unitTagsCodeBig(block.view, (at - block.first) * consumeQueueUnitBytes);
          if (code <= extAddressMax) return extPosition(code);
        }
        end = block.first;
        continue;
      }
      const fileBase = Math.floor((end - 1) / queue.fileUnits) * queue.fileUnits * consumeQueueUnitBytes;
      if (!queue.files.includes(fileBase)) return -1;
      const first = Math.max(from, end - stretchUnits, fileBase / consumeQueueUnitBytes);
      const length = this.#shared.open(queue, fileBase).readSync(bytes.subarray(0, (end - first) * consumeQueueUnitBytes), first * consumeQueueUnitBytes - fileBase);
      for (let at = Math.floor(length / consumeQueueUnitBytes) - 1; at >= 0; at--) {
        const code = unitTagsCodeBig(view, at * consumeQueueUnitBytes);
        if (code <= extAddressMax) return extPosition(code);
      }
      end = first;
    }
    return -1;
  }

  #unitSize(extension: QueueExtension, position: number): number {
    const base = extension.fileBaseOf(position);
    if (!this.filesOf(extension).includes(base)) return -1;
    const size = new Uint8Array(2);
    return this.open(extension, base).readSync(size, position - base) === 2 ? viewOf(size).getInt16(0) : -1;
  }

  /** Writes what belongs to written entries; before the entries themselves go to their files. */
  async flush(extension: QueueExtension): Promise<void> {
    for (const run of extension.unflushed()) {
      const file = this.filesOf(extension).includes(run.fileBase) ? this.open(extension, run.fileBase) : this.#createFile(extension, run.fileBase);
      this.#shared.unsynced.add(file.path);
      await file.write(run.bytes, run.position);
      extension.flushedEnd = run.end;
    }
  }

  #createFile(extension: QueueExtension, fileBase: number): DiskFile {
    const files = this.filesOf(extension);
    if (files.length === 0) {
      this.#disk.makeDir(extension.dir);
      this.#shared.unsyncedDirs.add(this.root);
      this.#shared.unsyncedDirs.add(path.dirname(extension.dir));
    }
    const file = this.#shared.handles.get(extension.fileName(fileBase), 'create');
    file.setLength(extension.fileBytes);
    files.push(fileBase);
    this.#shared.unsyncedDirs.add(extension.dir);
    return file;
  }

  /** Removes files that lie wholly below the unit of the entry whose tags code this is (`ConsumeQueueExt#truncateByMinAddress`). */
  deleteBelow(extension: QueueExtension, tagsCode: bigint): void {
    if (tagsCode > extAddressMax) return;
    const position = extPosition(tagsCode);
    const files = this.filesOf(extension);
    while (files.length > 1 && (files[0] as number) + extension.fileBytes < position) this.#unlink(extension, files.shift() as number);
  }

  /** Removes all files of an extension, and what was in memory. */
  remove(extension: QueueExtension): void {
    for (const base of this.filesOf(extension)) this.#unlink(extension, base);
    extension.files = [];
    extension.forget();
    this.#disk.removeDir(extension.dir);
  }

  #unlink(extension: QueueExtension, fileBase: number): void {
    const name = extension.fileName(fileBase);
    this.#shared.handles.drop(name);
    this.#disk.unlink(name);
    this.#shared.unsyncedDirs.add(extension.dir);
  }
}
