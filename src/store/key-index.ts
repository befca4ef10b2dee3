/**
 * The index of a store: its IndexFiles by creation time, and which keys a message has (`IndexService#buildIndex`): UNIQ_KEY, each of KEYS, TAGS.
 * One file's bytes are index-file.ts.
 */
import * as path from 'node:path';
import { indexKeyHash, javaHashOfBytes, javaStringHash } from '../compat/java-string-hash.js';
import { indexFileBytes, indexSlotBytes } from '../codec/index-header.js';
import type { StoreQueue } from './consume-queue.js';
import type { IndexState } from './derived-state.js';
import type { Disk } from './disk.js';
import { HandleCache } from './handle-cache.js';
import { IndexFile } from './index-file.js';
import { timeFileName } from './names.js';
import { PageCache } from './page-cache.js';
import type { IndexQueryResult, PutInput } from './types.js';

const handlesMax = 16;
const pageBytes = 64 * 1024;
const pagesBytesMax = 4 * 1024 * 1024;
const SPACE = 0x20;

/** Slots of a file that is no larger are always written with its entries. */
const smallSlotsBytesMax = 64 * 1024;
/** Apache's usual 20 MB change all over: where a flush brings more entries than this, slots wait until it brings fewer, or the file is full or at rest. */
const steadyEntriesMax = 2048;

export class KeyIndex {
  readonly dir: string;
  readonly #disk: Disk;
  readonly #handles: HandleCache;
  readonly #slots: number;
  readonly #entries: number;
  readonly #nowMs: () => number;
  readonly #pages = new PageCache(pageBytes, pagesBytesMax);
  /** Oldest first. */
  #files: IndexFile[] = [];
  /** The last of them, when it may take entries. */
  #current: IndexFile | undefined;
  /** Files created by the turn under way. */
  #fresh = 0;
  /** Full files whose slots are not written yet. */
  #filled: IndexFile[] = [];
  #dirChanged = false;
  #lastName = '';
  /** Store time up to which full files are on disk (`StoreCheckpoint#indexMsgTimestamp`). */
  indexMsgTimestamp = 0;

  constructor(disk: Disk, dir: string, slots: number, entries: number, nowMs: () => number) {
    this.#disk = disk;
    this.dir = dir;
    this.#slots = slots;
    this.#entries = entries;
    this.#nowMs = nowMs;
    this.#handles = new HandleCache(disk, handlesMax);
  }

  get files(): readonly IndexFile[] {
    return this.#files;
  }

  /** phyOffset of the newest entry, -1 when there is none. */
  get endPhyOffset(): number {
    // A file is made for its first entry, and goes with it.
    return this.#files.at(-1)?.endPhyOffset ?? -1;
  }

  /**
   * Opens the files on disk. After an unclean stop (`phyLimit` given) entries from `phyLimit` on are dropped and slots computed again.
   * Returns the phyOffset from which the log must be dispatched again to complete the index, undefined when nothing was lost.
   */
  load(phyLimit: number | undefined, report: (name: string, why: string) => void): number | undefined {
    let resume: number | undefined;
    for (const name of this.#disk.list(this.dir)) {
      if (!/^\d{17}$/.test(name)) {
        report(path.join(this.dir, name), 'is no index file');
        continue;
      }
      this.#lastName = name;
      const full = path.join(this.dir, name);
      const size = this.#disk.stat(full)?.bytes ?? 0;
      if (size !== indexFileBytes(this.#slots, this.#entries)) {
        report(full, `has ${size} bytes, maxHashSlotNum and maxIndexNum ask for ${indexFileBytes(this.#slots, this.#entries)}`);
        continue;
      }
      const file = new IndexFile(this.#disk, this.#handles, full, this.#slots, this.#entries);
      // Behind a file that was cut everything is made again: were another one kept there, that file would not be written, and come back whole at the next start.
      if (phyLimit !== undefined && this.#files.at(-1)?.full === false) {
        file.remove();
        continue;
      }
      const sane = file.load();
      if (!sane || (phyLimit !== undefined && (file.endPhyOffset >= phyLimit || !file.full))) {
        if (file.rebuild(phyLimit ?? Number.MAX_SAFE_INTEGER) && resume === undefined) {
          resume = file.endPhyOffset;
          report(full, `is damaged after entry ${file.indexCount - 1}`);
        }
        if (file.indexCount === 1) {
          file.remove();
          continue;
        }
      }
      this.#files.push(file);
    }
    this.#goOnWithLast();
    return resume;
  }

  /** The last file takes the next entries; one that is full without another behind it has to be written all the same. */
  #goOnWithLast(): void {
    const last = this.#files.at(-1);
    this.#current = last?.full === false ? last : undefined;
    this.#filled = this.#filled.filter((file) => this.#files.includes(file));
    if (last?.full === true && !this.#filled.includes(last)) this.#filled.push(last);
  }

  /** What the files hold, for the next start. */
  states(): IndexState[] {
    return this.#files.map((file) => ({ name: path.basename(file.path), indexCount: file.indexCount, endPhyOffset: file.endPhyOffset }));
  }

  /**
   * Removes the first file that holds less than `known` says, or would come after a missing one, and all behind it; files that lie wholly below `phyMin`
   * may be missing. Returns true when any did: entries must be made again from `endPhyOffset` on.
   */
  dropBehind(known: readonly IndexState[], phyMin: number): boolean {
    for (const { name, indexCount, endPhyOffset } of known) {
      const file = this.#files.find((one) => path.basename(one.path) === name);
      if (file === undefined ? endPhyOffset < phyMin : file.indexCount >= indexCount && file.endPhyOffset >= endPhyOffset) continue;
      const kept = this.#files.filter((one) => path.basename(one.path) < name);
      for (const dropped of this.#files.slice(kept.length)) dropped.remove();
      this.#files = kept;
      this.#goOnWithLast();
      this.#dirChanged = true;
      return true;
    }
    return false;
  }

  /** Drops entries at and above `phyLimit`: the log ends there. */
  cut(phyLimit: number): void {
    while (this.#files.length > 0) {
      const last = this.#files[this.#files.length - 1] as IndexFile;
      if (last.endPhyOffset < phyLimit) break;
      last.rebuild(phyLimit);
      if (last.indexCount > 1) break;
      last.remove();
      this.#files.pop();
    }
    this.#goOnWithLast();
  }

  /** Removes everything. */
  clear(): void {
    for (const file of this.#files) file.remove();
    this.#files = [];
    this.#filled = [];
    this.#current = undefined;
    this.#pages.clear();
    this.#dirChanged = true;
  }

  #roll(): IndexFile {
    const before = this.#current ?? this.#files.at(-1);
    if (before?.full === true && !this.#filled.includes(before)) this.#filled.push(before);
    let time = this.#nowMs();
    let name = timeFileName(time);
    while (name <= this.#lastName && time < this.#nowMs() + 1000) name = timeFileName(++time);
    // A clock that went back would put the file before older ones: it takes the next number instead.
    if (name <= this.#lastName) name = String(BigInt(this.#lastName) + 1n).padStart(17, '0');
    this.#lastName = name;
    const file = new IndexFile(this.#disk, this.#handles, path.join(this.dir, name), this.#slots, this.#entries);
    if (before !== undefined) file.begin(before.endPhyOffset, before.endTimestamp);
    this.#files.push(file);
    this.#fresh++;
    return (this.#current = file);
  }

  #put(hash: number, phyOffset: number, storeTimestamp: number): void {
    let file = this.#current;
    if (file === undefined || file.full) file = this.#roll();
    file.put(indexKeyHash(hash), phyOffset, storeTimestamp);
  }

  /** Indexes one message; spans as in `PutInput`. */
  add(
    queue: StoreQueue,
    phyOffset: number,
    storeTimestamp: number,
    props: Uint8Array,
    uniqStart: number,
    uniqEnd: number,
    keysStart: number,
    keysEnd: number,
    tagsStart: number,
    tagsEnd: number,
  ): void {
    if (uniqStart >= 0 && uniqEnd > uniqStart) {
      this.#put(javaHashOfBytes(queue.keySeed, props, uniqStart, uniqEnd), phyOffset, storeTimestamp);
    }
    if (keysStart >= 0) {
      for (let from = keysStart; from < keysEnd; ) {
        let end = from;
        while (end < keysEnd && props[end] !== SPACE) end++;
        if (end > from) this.#put(javaHashOfBytes(queue.keySeed, props, from, end), phyOffset, storeTimestamp);
        from = end + 1;
      }
    }
    if (tagsStart >= 0 && tagsEnd > tagsStart) {
      this.#put(javaHashOfBytes(queue.tagSeed, props, tagsStart, tagsEnd), phyOffset, storeTimestamp);
    }
  }

  /** Indexes one message by the spans that a put names. */
  addSpans(queue: StoreQueue, phyOffset: number, storeTimestamp: number, input: PutInput): void {
    this.add(
      queue, phyOffset, storeTimestamp, input.props, input.uniqKeyStart, input.uniqKeyEnd, input.keysStart, input.keysEnd, input.tagsStart, input.tagsEnd,
    );
  }

  /** Indexes one message whose keys are hashed already. */
  addHashes(hashes: Int32Array, count: number, phyOffset: number, storeTimestamp: number): void {
    for (let i = 0; i < count; i++) this.#put(hashes[i] as number, phyOffset, storeTimestamp);
  }

  /** Indexes a batch whose keys are hashed already: key i is of the message at `phyOffsets[elements[i]]`. */
  addBatch(hashes: Int32Array, elements: Int32Array, count: number, phyOffsets: Float64Array, storeTimestamp: number): void {
    for (let i = 0; i < count; i++) this.#put(hashes[i] as number, phyOffsets[elements[i] as number] as number, storeTimestamp);
  }

  /** The turn was written. */
  keep(): void {
    for (let i = Math.max(0, this.#files.length - 1 - this.#fresh); i < this.#files.length; i++) (this.#files[i] as IndexFile).keep();
    this.#fresh = 0;
  }

  /** The turn was not written: its entries, and files made for them, are gone. */
  undo(): void {
    for (; this.#fresh > 0; this.#fresh--) {
      const file = this.#files.pop();
      this.#filled = this.#filled.filter((filled) => filled !== file && filled !== this.#files.at(-1));
    }
    this.#files.at(-1)?.undo();
    this.#goOnWithLast();
  }

  /** Writes entries to the files. */
  async flush(): Promise<void> {
    // A file that the turn under way filled waits until that turn is written.
    const filled = this.#filled.filter((file) => file.kept);
    this.#filled = this.#filled.filter((file) => !file.kept);
    for (const file of filled) {
      await this.#flushFile(file);
      await file.writeSlots();
      await file.sync();
      file.release();
      this.indexMsgTimestamp = Math.max(this.indexMsgTimestamp, file.endTimestamp);
    }
    for (const file of [...this.#filled]) await this.#flushFile(file);
    const current = this.#current;
    if (current !== undefined) await this.#flushFile(current);
  }

  async #flushFile(file: IndexFile): Promise<void> {
    if (!file.created) {
      this.#disk.makeDir(this.dir);
      this.#dirChanged = true;
    }
    const brought = file.behind;
    await file.flush();
    if (brought <= steadyEntriesMax || file.slotCount * indexSlotBytes <= smallSlotsBytesMax) await file.writeSlots();
  }

  /** Makes durable what was flushed. */
  async sync(): Promise<void> {
    for (const file of [...this.#filled]) await file.sync();
    await this.#current?.sync();
    if (this.#dirChanged) {
      this.#dirChanged = false;
      await this.#disk.syncDir(path.dirname(this.dir));
      if (this.#disk.stat(this.dir) !== undefined) await this.#disk.syncDir(this.dir);
    }
  }

  /** Removes files wholly below `phyMin`, always keeping the newest (`IndexService#deleteExpiredFile`). */
  deleteBelow(phyMin: number): number {
    let count = 0;
    while (this.#files.length > 1 && (this.#files[0] as IndexFile).endPhyOffset < phyMin && !this.#filled.includes(this.#files[0] as IndexFile)) {
      (this.#files.shift() as IndexFile).remove();
      this.#dirChanged = true;
      count++;
    }
    return count;
  }

  /** `IndexService#queryOffset`. Offsets newest first, at most `maxNum`. */
  async query(topic: string, key: string, maxNum: number, beginMs: number, endMs: number, indexType: string | undefined): Promise<IndexQueryResult> {
    const last = this.#files.at(-1);
    const hash = indexKeyHash(javaStringHash(indexType === 'T' ? `${topic}#T#${key}` : `${topic}#${key}`));
    const phyOffsets: number[] = [];
    for (const file of [...this.#files].reverse()) {
      if (file.isTimeMatched(beginMs, endMs)) await file.select(phyOffsets, hash, maxNum, beginMs, endMs, this.#pages);
      if (file.beginTimestamp < beginMs || phyOffsets.length >= maxNum) break;
    }
    return { phyOffsets, indexLastUpdateTimestamp: last?.endTimestamp ?? 0, indexLastUpdatePhyOffset: last?.endPhyOffset ?? 0 };
  }

  /** Gives memory back while nobody sends: the slots reach their file first. */
  async rest(): Promise<void> {
    this.#pages.clear();
    await this.flush();
    for (const file of this.#files) {
      await file.writeSlots();
      file.release();
    }
  }

  /** Nothing is held that `rest` would give back. */
  get isResting(): boolean {
    return this.#pages.bytes === 0 && this.#files.every((file) => !file.holdsMemory);
  }

  /** Writes slots too, so that a clean start (here or on Apache) needs no rebuilding. */
  async finish(): Promise<void> {
    await this.flush();
    for (const file of this.#files) await file.writeSlots();
    await this.sync();
  }

  close(): void {
    this.#handles.closeAll();
  }
}
