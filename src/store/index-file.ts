/**
 * One IndexFile: hash slots in memory, entries appended in sequence and written lazily. Layout: codec/index-header.ts. Slots in the file never lead to
 * an entry that is not there; after an unclean stop they are computed again from the entries. When what is written, and which keys a message has, is
 * key-index.ts.
 */
import {
  indexEntryBytes,
  indexEntryPosition,
  indexFileBytes,
  indexHeaderBytes,
  indexSeconds,
  indexSlotPosition,
  readIndexHeader,
  setIndexEntry,
  setIndexHeader,
} from '../codec/index-header.js';
import type { IndexHeader } from '../codec/index-header.js';
import { getInt64, viewOf } from '../codec/int64.js';
import type { Disk, DiskFile } from './disk.js';
import type { HandleCache } from './handle-cache.js';
import type { PageCache } from './page-cache.js';

/** Entries of a block in memory and of a page on disk: just under 64 KiB. */
const blockEntries = 3276;
/** Slots of a page, 4 KiB: what changed is known by it. */
const pageSlots = 1024;
/** Pages written at once at most: 64 KiB. */
const runPages = 16;

interface EntryBlock {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

type Mark = IndexHeader;

const emptyHeader: IndexHeader = { beginTimestamp: 0, endTimestamp: 0, beginPhyOffset: 0, endPhyOffset: 0, hashSlotCount: 0, indexCount: 1 };

export class IndexFile {
  readonly path: string;
  readonly slotCount: number;
  readonly entryCount: number;
  beginTimestamp = 0;
  endTimestamp = 0;
  beginPhyOffset = 0;
  endPhyOffset = 0;
  hashSlotCount = 0;
  /** Number of the next entry; entry 0 is never used. */
  indexCount = 1;
  /** The file was made on disk. */
  created = false;

  readonly #disk: Disk;
  readonly #handles: HandleCache;
  #slots: Int32Array | undefined;
  #dirtyPages: Uint8Array | undefined;
  #blocks = new Map<number, EntryBlock>();
  #block: EntryBlock | undefined;
  #blockFrom = -1;
  /** Entries below are in the file. */
  #flushed = 1;
  /** State at the end of the last turn that was written: what may be flushed, and where an undo returns to. */
  #mark: Mark = emptyHeader;
  #headerDirty = false;

  constructor(disk: Disk, handles: HandleCache, path: string, slotCount: number, entryCount: number) {
    this.#disk = disk;
    this.#handles = handles;
    this.path = path;
    this.slotCount = slotCount;
    this.entryCount = entryCount;
  }

  get full(): boolean {
    return this.indexCount >= this.entryCount;
  }

  /** A new file goes on where the one before it ended (`IndexFile#IndexFile`). */
  begin(endPhyOffset: number, endTimestamp: number): void {
    this.beginPhyOffset = this.endPhyOffset = endPhyOffset;
    this.beginTimestamp = this.endTimestamp = endTimestamp;
    this.#mark = this.#header();
  }

  #header(): IndexHeader {
    return {
      beginTimestamp: this.beginTimestamp,
      endTimestamp: this.endTimestamp,
      beginPhyOffset: this.beginPhyOffset,
      endPhyOffset: this.endPhyOffset,
      hashSlotCount: this.hashSlotCount,
      indexCount: this.indexCount,
    };
  }

  #restore(header: IndexHeader): void {
    this.beginTimestamp = header.beginTimestamp;
    this.endTimestamp = header.endTimestamp;
    this.beginPhyOffset = header.beginPhyOffset;
    this.endPhyOffset = header.endPhyOffset;
    this.hashSlotCount = header.hashSlotCount;
    this.indexCount = header.indexCount;
  }

  #open(): DiskFile {
    return this.#handles.get(this.path);
  }

  /** Takes the header of an existing file. False when it says what cannot be, so that only `rebuild` can tell. */
  load(): boolean {
    this.created = true;
    const bytes = new Uint8Array(indexHeaderBytes);
    const header = readIndexHeader(viewOf(bytes.subarray(0, this.#open().readSync(bytes, 0))));
    // A file is only made for its first entry: a count of none is damage.
    if (header === undefined || header.indexCount <= 1 || header.indexCount > this.entryCount || header.hashSlotCount < 0) return false;
    if (header.hashSlotCount > this.slotCount || header.beginTimestamp < 0 || header.endPhyOffset < 0) return false;
    this.#restore(header);
    this.#flushed = this.indexCount;
    this.#mark = header;
    return true;
  }

  /**
   * Reads the entries again, computes slots and header from them, and stops before the first that does not fit: its slot's chain must continue where
   * the entries before it left off, its phyOffset may not go back nor reach `phyLimit`. What lies behind is wiped: were it left, the next rebuild could
   * take it for what followed on new entries. Returns true when entries below the limit were lost.
   */
  rebuild(phyLimit: number): boolean {
    const before = this.#header();
    const slots = (this.#slots = new Int32Array(this.slotCount));
    this.#dirtyPages = new Uint8Array(Math.ceil(this.slotCount / pageSlots)).fill(1);
    this.created = true;
    const file = this.#open();
    const bytes = new Uint8Array(blockEntries * indexEntryBytes);
    const view = viewOf(bytes);
    let entry = 1;
    let lastPhy = -1;
    let lastSeconds = 0;
    let lost = false;
    let used = 0;
    let length: number;
    scan: do {
      length = file.readSync(bytes, indexEntryPosition(this.slotCount, entry));
      for (let p = 0; p + indexEntryBytes <= length; p += indexEntryBytes, entry++) {
        const hash = view.getInt32(p);
        const phyOffset = getInt64(view, p + 4);
        const previous = view.getInt32(p + 16);
        const slot = hash % this.slotCount;
        // An entry never written is zeros; hash 0 at offset 0 with no predecessor is one only while the header says that it exists.
        const blank = hash === 0 && phyOffset === 0 && previous === 0 && entry >= before.indexCount;
        if (blank || hash < 0 || phyOffset < 0 || phyOffset < lastPhy || view.getInt32(p + 12) < 0 || previous !== (slots[slot] as number)) {
          lost = entry < before.indexCount && before.endPhyOffset < phyLimit;
          // Counted ones that are there may still say where they belong.
          for (let counted = before.indexCount - entry, q = p; counted > 0 && q < length && !lost; counted--, q += indexEntryBytes) {
            const said = getInt64(view, q + 4);
            lost = said > 0 && said >= lastPhy && said < phyLimit;
          }
          break scan;
        }
        if (phyOffset >= phyLimit) break scan;
        if (previous === 0) used++;
        slots[slot] = entry;
        lastPhy = phyOffset;
        lastSeconds = view.getInt32(p + 12);
      }
    } while (length === bytes.length);
    this.indexCount = entry;
    this.hashSlotCount = used;
    this.endPhyOffset = Math.max(0, lastPhy);
    if (this.beginTimestamp > 0) this.endTimestamp = this.beginTimestamp + lastSeconds * 1000;
    this.#flushed = this.indexCount;
    this.#mark = this.#header();
    this.#headerDirty = true;
    this.#wipe(file, entry, bytes);
    return lost;
  }

  /** Zeros over what was ever written from an entry on; `bytes` is room for a block. */
  #wipe(file: DiskFile, from: number, bytes: Uint8Array): void {
    for (let entry = from; entry < this.entryCount; entry += blockEntries) {
      const part = bytes.subarray(0, Math.min(blockEntries, this.entryCount - entry) * indexEntryBytes);
      const position = indexEntryPosition(this.slotCount, entry);
      file.readSync(part, position);
      if (part.every((byte) => byte === 0)) return;
      file.writeSync(part.fill(0), 0, part.length, position);
    }
  }

  #ensureSlots(): Int32Array {
    if (this.#slots !== undefined) return this.#slots;
    const slots = new Int32Array(this.slotCount);
    if (this.created && this.indexCount > 1) {
      const bytes = Buffer.from(slots.buffer, slots.byteOffset, slots.byteLength);
      this.#open().readSync(bytes, indexHeaderBytes);
      bytes.swap32();
    }
    this.#dirtyPages = new Uint8Array(Math.ceil(this.slotCount / pageSlots));
    return (this.#slots = slots);
  }

  /** Appends an entry (`IndexFile#putKey`). `keyHash` is 0..2^31-1. The file is not full. */
  put(keyHash: number, phyOffset: number, storeTimestamp: number): void {
    const slots = this.#slots ?? this.#ensureSlots();
    const entry = this.indexCount;
    const slot = keyHash % this.slotCount;
    let previous = slots[slot] as number;
    if (previous <= 0 || previous > entry) previous = 0;
    const from = entry - this.#blockFrom;
    if (this.#block === undefined || from >= blockEntries || from < 0) this.#openBlock(entry);
    setIndexEntry(
      (this.#block as EntryBlock).view,
      (entry - this.#blockFrom) * indexEntryBytes,
      keyHash,
      phyOffset,
      indexSeconds(this.beginTimestamp, storeTimestamp),
      previous,
    );
    slots[slot] = entry;
    (this.#dirtyPages as Uint8Array)[Math.floor(slot / pageSlots)] = 1;
    if (entry <= 1) {
      this.beginPhyOffset = phyOffset;
      this.beginTimestamp = storeTimestamp;
    }
    if (previous === 0) this.hashSlotCount++;
    this.indexCount = entry + 1;
    this.endPhyOffset = phyOffset;
    this.endTimestamp = storeTimestamp;
  }

  #openBlock(entry: number): void {
    const number = Math.floor(entry / blockEntries);
    let block = this.#blocks.get(number);
    if (block === undefined) {
      const bytes = new Uint8Array(blockEntries * indexEntryBytes);
      block = { bytes, view: viewOf(bytes) };
      this.#blocks.set(number, block);
    }
    this.#block = block;
    this.#blockFrom = number * blockEntries;
  }

  /** All its entries are in the log. */
  get kept(): boolean {
    return this.#mark.indexCount === this.indexCount;
  }

  /** The turn's entries are in the log: they may be flushed and stay. */
  keep(): void {
    if (this.#mark.indexCount === this.indexCount) return;
    this.#mark = this.#header();
    this.#headerDirty = true;
  }

  /** Takes back what came since the last `keep`. */
  undo(): void {
    const slots = this.#slots;
    for (let entry = this.indexCount - 1; entry >= this.#mark.indexCount && slots !== undefined; entry--) {
      const view = (this.#blocks.get(Math.floor(entry / blockEntries)) as EntryBlock).view;
      const p = (entry % blockEntries) * indexEntryBytes;
      const slot = view.getInt32(p) % this.slotCount;
      slots[slot] = view.getInt32(p + 16);
      (this.#dirtyPages as Uint8Array)[Math.floor(slot / pageSlots)] = 1;
    }
    this.#restore(this.#mark);
    this.#block = undefined;
    this.#blockFrom = -1;
  }

  /** Writes entries that are in the log, and the header. Throws what the disk throws. Not to be run twice at a time. */
  async flush(): Promise<void> {
    if (!this.#headerDirty) return;
    const mark = this.#mark;
    if (!this.created) {
      const file = this.#handles.get(this.path, 'create');
      file.setLength(indexFileBytes(this.slotCount, this.entryCount));
      this.created = true;
    }
    while (this.#flushed < mark.indexCount) {
      const number = Math.floor(this.#flushed / blockEntries);
      const end = Math.min(mark.indexCount, (number + 1) * blockEntries);
      const block = this.#blocks.get(number) as EntryBlock;
      const from = (this.#flushed % blockEntries) * indexEntryBytes;
      await this.#open().write(
        block.bytes.subarray(from, from + (end - this.#flushed) * indexEntryBytes),
        indexEntryPosition(this.slotCount, this.#flushed),
      );
      this.#flushed = end;
    }
    for (const [number, block] of this.#blocks) {
      if ((number + 1) * blockEntries <= this.#flushed && block !== this.#block) this.#blocks.delete(number);
    }
    const header = new Uint8Array(indexHeaderBytes);
    setIndexHeader(viewOf(header), mark);
    await this.#open().write(header, 0);
    if (mark === this.#mark) this.#headerDirty = false;
  }

  /** Entries that the next `flush` writes. */
  get behind(): number {
    return this.#mark.indexCount - this.#flushed;
  }

  /** Writes slots that changed, as they were at the entries the file has: afterwards it is as Apache reads it, whatever came meanwhile. */
  async writeSlots(): Promise<void> {
    const slots = this.#slots;
    const dirty = this.#dirtyPages;
    if (slots === undefined || dirty === undefined || !this.created) return;
    const limit = this.#flushed;
    for (let page = dirty.indexOf(1); page >= 0; page = dirty.indexOf(1, page)) {
      const run = dirty.subarray(page, page + runPages);
      const pages = run.lastIndexOf(1) + 1;
      const from = page * pageSlots;
      const part = slots.slice(from, Math.min(from + pages * pageSlots, this.slotCount));
      const ahead = this.#takeBackTo(limit, part);
      const bytes = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
      bytes.swap32();
      // Entries may come while it is written.
      run.fill(0, 0, pages);
      try {
        await this.#open().write(bytes, indexSlotPosition(from));
      } catch (error) {
        run.fill(1, 0, pages);
        throw error;
      }
      if (ahead) run.fill(1, 0, pages);
      page += pages;
    }
  }

  /** Has slots lead to the newest entry below `limit` of their chain; those above are in memory. True when any led further. */
  #takeBackTo(limit: number, slots: Int32Array): boolean {
    if (this.indexCount <= limit) return false;
    let ahead = false;
    for (let i = 0; i < slots.length; i++) {
      let entry = slots[i] as number;
      if (entry < limit) continue;
      ahead = true;
      while (entry >= limit) entry = this.#previousInMemory(entry);
      slots[i] = entry;
    }
    return ahead;
  }

  /** The entry before one that no flush has written; 0 for a number that a damaged file gave a slot (`IndexFile#putKey` passes over it as well). */
  #previousInMemory(entry: number): number {
    const block = entry < this.indexCount ? this.#blocks.get(Math.floor(entry / blockEntries)) : undefined;
    return block?.view.getInt32((entry % blockEntries) * indexEntryBytes + 16) ?? 0;
  }

  async sync(): Promise<void> {
    if (this.created) await this.#open().datasync();
  }

  /** Gives memory back: the file is full, or has been idle; everything is flushed. */
  release(): void {
    if (this.#flushed < this.indexCount || (this.#dirtyPages?.includes(1) ?? false)) return;
    this.#slots = undefined;
    this.#dirtyPages = undefined;
    this.#blocks.clear();
    this.#block = undefined;
    this.#blockFrom = -1;
  }

  get holdsMemory(): boolean {
    return this.#slots !== undefined || this.#blocks.size > 0;
  }

  remove(): void {
    this.#handles.drop(this.path);
    this.#disk.unlink(this.path);
  }

  /** `IndexFile#isTimeMatched`. */
  isTimeMatched(begin: number, end: number): boolean {
    return (
      (begin < this.beginTimestamp && end > this.endTimestamp) ||
      (begin >= this.beginTimestamp && begin <= this.endTimestamp) ||
      (end >= this.beginTimestamp && end <= this.endTimestamp)
    );
  }

  /** Adds the phyOffsets of a key hash within [begin, end] ms, newest first, until `out` has `maxNum` (`IndexFile#selectPhyOffset`). */
  async select(out: number[], keyHash: number, maxNum: number, begin: number, end: number, pages: PageCache): Promise<void> {
    if (this.#mark.indexCount <= 1) return;
    let entry = await this.#slotValue(keyHash % this.slotCount);
    let hops = this.entryCount;
    while (entry > 0 && entry < this.indexCount && out.length < maxNum && hops-- > 0) {
      const found = await this.#entry(entry, pages);
      if (found === undefined || found.seconds < 0) return;
      const time = this.beginTimestamp + found.seconds * 1000;
      if (found.hash === keyHash && time >= begin && time <= end && entry < this.#mark.indexCount) out.push(found.phyOffset);
      // A chain leads to older entries only.
      if (found.previous >= entry || time < begin) return;
      entry = found.previous;
    }
  }

  async #slotValue(slot: number): Promise<number> {
    if (this.#slots !== undefined) return this.#slots[slot] as number;
    if (!this.created) return 0;
    const bytes = new Uint8Array(4);
    await this.#open().read(bytes, indexSlotPosition(slot));
    return viewOf(bytes).getInt32(0);
  }

  async #entry(entry: number, pages: PageCache): Promise<{ hash: number; phyOffset: number; seconds: number; previous: number } | undefined> {
    const number = Math.floor(entry / blockEntries);
    const p = (entry % blockEntries) * indexEntryBytes;
    let view = entry >= this.#flushed || this.#blocks.has(number) ? this.#blocks.get(number)?.view : undefined;
    // A block opened again after a restart holds only entries from then on.
    if (view !== undefined && entry < this.#flushed && view.getInt32(p) === 0 && getInt64(view, p + 4) === 0) view = undefined;
    if (view === undefined) {
      const first = number * blockEntries;
      const length = Math.min(blockEntries, this.#flushed - first) * indexEntryBytes;
      const key = `${this.path}:${number}`;
      const page = await pages.load(key, () => this.#open(), indexEntryPosition(this.slotCount, first), length);
      if (page.length < p + indexEntryBytes) return undefined;
      view = viewOf(page.bytes);
    }
    return { hash: view.getInt32(p), phyOffset: getInt64(view, p + 4), seconds: view.getInt32(p + 12), previous: view.getInt32(p + 16) };
  }
}
