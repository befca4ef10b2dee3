/**
 * The commit log: its files, the tail buffer into which records are encoded, and the one positional write a turn.
 * Records are encoded in the memory of the compiled loops (codec/hot-path.ts), which all logs of a process share, and move from there to a chunk before
 * they are written, or before another log encodes. Chunks written lately stay as the tail cache. What a record means, and syncing (flush.ts), deleting (clean.ts) and recovering (recover.ts), is others'.
 *
 *   file N(20) = start offset, full length from the start, zeros beyond the last record
 *   record | record | ... | BLANK: remaining int32, magic -875286124, rest zero      (a record leaves at least 8 bytes: `CommitLog#doAppend`)
 */
import * as path from 'node:path';
import { claimRecords, recordBytes, recordView } from '../codec/hot-path.js';
import { blankBytesMin, encodeBlank } from '../codec/message-record.js';
import type { Disk, DiskFile } from './disk.js';
import { offsetFileName } from './names.js';

/** Chunks of the tail buffer; a larger batch gets a chunk of its own. Small enough that an idle broker stays small. */
export const chunkBytes = 2 * 1024 * 1024;
/** Chunks kept for reuse. */
const spareChunksMax = 2;

/** One file of the log. */
export interface LogFile {
  readonly base: number;
  readonly end: number;
  readonly file: DiskFile;
  /** Milliseconds of the last write (`MappedFile#getLastModifiedTimestamp`). */
  modifiedMs: number;
  /** Written since the last successful sync started. */
  dirty: boolean;
}

/** A stretch of the log in memory. Bytes below `length` never change while somebody may hold a slice of them. */
export interface Chunk {
  readonly bytes: Buffer;
  phyStart: number;
  length: number;
  /** Slices were handed out: the buffer is dropped, not reused. */
  shared: boolean;
}

export class CommitLog {
  readonly dir: string;
  readonly fileBytes: number;
  /** Oldest first, contiguous. The last one may be prepared and empty. */
  readonly files: LogFile[] = [];
  /** Where the next record goes. */
  tail = 0;
  /** Everything below went to the operating system. */
  written = 0;
  /** Everything below was synced. */
  flushed = 0;
  /** A file was created or removed since the directory was synced. */
  dirDirty = false;

  /** Where `reserve` made room: encode at `bytes[pos]`. `recordBytes` of codec/hot-path.ts, or the chunk itself for what is larger. */
  bytes: Buffer = recordBytes;
  view: DataView = recordView;
  pos = 0;

  readonly #disk: Disk;
  readonly #nowMs: () => number;
  readonly #cacheBytesMax: number;
  #chunks: Chunk[] = [];
  #chunk: Chunk | undefined;
  #chunkRoom = 0;
  /** Where in the chunk the bytes belong that still lie in `recordBytes[0..pos)`. */
  #encodedFrom = 0;
  #cachedBytes = 0;
  #spare: Buffer[] = [];
  /** Index in #chunks of the first chunk with bytes not written yet. */
  #pending = 0;
  #fileIndex = -1;
  #fileEnd = 0;

  constructor(disk: Disk, dir: string, fileBytes: number, cacheBytesMax: number, nowMs: () => number) {
    this.#disk = disk;
    this.dir = dir;
    this.fileBytes = fileBytes;
    this.#cacheBytesMax = cacheBytesMax;
    this.#nowMs = nowMs;
  }

  /** First offset of the log. */
  get min(): number {
    return this.files[0]?.base ?? this.tail;
  }

  get cachedBytes(): number {
    return this.#cachedBytes;
  }

  /** First offset that the tail cache holds. */
  get cachedFrom(): number {
    return this.#chunks[0]?.phyStart ?? this.tail;
  }

  /** Sets all positions after recovery: the log ends at `end`. */
  startAt(end: number): void {
    this.tail = this.written = this.flushed = end;
    this.dropCache();
    this.#select(end);
  }

  fileAt(phyOffset: number): LogFile | undefined {
    const first = this.files[0];
    if (first === undefined || phyOffset < first.base) return undefined;
    return this.files[Math.floor((phyOffset - first.base) / this.fileBytes)];
  }

  /** Opens or creates the file that starts at `base`, full length; a fresh one is all zeros whatever stood there. Throws what the disk throws. */
  addFile(base: number, fresh = true): LogFile {
    const name = path.join(this.dir, offsetFileName(base));
    const file = this.#disk.open(name, 'create');
    try {
      if (fresh && file.length() > 0) file.setLength(0);
      if (file.length() !== this.fileBytes) file.setLength(this.fileBytes);
    } catch (error) {
      file.close();
      throw error;
    }
    const entry: LogFile = { base, end: base + this.fileBytes, file, modifiedMs: this.#nowMs(), dirty: false };
    this.files.push(entry);
    this.dirDirty = true;
    return entry;
  }

  /** Creates the file after the current one ahead of need. */
  prepareNext(): void {
    const last = this.files.at(-1);
    if (last !== undefined && this.#fileIndex === this.files.length - 1 && this.tail - last.base > this.fileBytes / 2) {
      this.addFile(last.end);
    }
  }

  /** True when the tail passed the middle of the last file. */
  get wantsNext(): boolean {
    return this.#fileIndex === this.files.length - 1 && this.#fileEnd - this.tail < this.fileBytes / 2;
  }

  /**
   * Makes room for `length` contiguous bytes at `bytes[pos]` and returns their phyOffset. When they and 8 more do not fit the file, its rest becomes a
   * BLANK and they go to the next. Throws what the disk throws when a file cannot be created; then nothing has changed but the blank.
   * The caller has checked that `length + 8 <= fileBytes`.
   */
  reserve(length: number): number {
    if (this.#fileEnd - this.tail < length + blankBytesMin) this.#nextFile();
    if (this.#chunkRoom < length) this.#nextChunk(length);
    claimRecords(this);
    if (this.bytes !== recordBytes || this.pos + length + blankBytesMin > recordBytes.length) this.#makeRoom(length);
    return this.tail;
  }

  /** Empties `recordBytes` for the next record, or has it encoded in the chunk itself when it is too large. */
  #makeRoom(length: number): void {
    this.settle();
    const chunk = this.#chunk as Chunk;
    if (length + blankBytesMin <= recordBytes.length) {
      this.bytes = recordBytes;
      this.view = recordView;
      this.pos = 0;
      return;
    }
    this.bytes = chunk.bytes;
    this.view = new DataView(chunk.bytes.buffer, chunk.bytes.byteOffset, chunk.bytes.length);
    this.pos = chunk.length;
  }

  /** Moves what was encoded into its chunk. */
  settle(): void {
    const chunk = this.#chunk;
    if (chunk === undefined || this.#encodedFrom === chunk.length) return;
    if (this.bytes === recordBytes) {
      chunk.bytes.set(recordBytes.subarray(0, this.pos), this.#encodedFrom);
      this.pos = 0;
    }
    this.#encodedFrom = chunk.length;
  }

  /** Takes `length` bytes of the reserved room as written by the encoder. */
  commit(length: number): void {
    const chunk = this.#chunk as Chunk;
    chunk.length += length;
    this.#chunkRoom -= length;
    this.pos += length;
    this.tail += length;
  }

  #nextFile(): void {
    const remaining = this.#fileEnd - this.tail;
    const next = this.files[this.#fileIndex + 1] ?? this.addFile(this.#fileIndex < 0 ? this.tail : this.#fileEnd);
    if (remaining > 0) {
      // Room for a blank is kept in every chunk, and behind the records.
      if (this.#chunk === undefined) this.#nextChunk(0);
      claimRecords(this);
      if (this.bytes !== recordBytes) this.#makeRoom(0);
      encodeBlank(this.view, this.pos, remaining);
      (this.#chunk as Chunk).length += blankBytesMin;
      this.pos += blankBytesMin;
      this.tail += remaining;
    }
    this.settle();
    this.#chunk = undefined;
    this.#chunkRoom = 0;
    this.#fileIndex++;
    this.#fileEnd = next.end;
  }

  #nextChunk(length: number): void {
    this.settle();
    const size = Math.max(Math.min(chunkBytes, this.fileBytes + blankBytesMin), length + blankBytesMin);
    while (this.#chunks.length > 0 && this.#pending > 0 && this.#cachedBytes + size > this.#cacheBytesMax) this.#evict();
    const spare = size === chunkBytes ? this.#spare.pop() : undefined;
    const bytes = spare ?? Buffer.allocUnsafeSlow(size);
    const chunk: Chunk = {
      bytes,
      phyStart: this.tail,
      length: 0,
      shared: false,
    };
    this.#chunks.push(chunk);
    this.#cachedBytes += bytes.length;
    this.#chunk = chunk;
    this.#chunkRoom = bytes.length - blankBytesMin;
    this.#encodedFrom = 0;
    this.bytes = recordBytes;
    this.view = recordView;
    this.pos = 0;
  }

  #evict(): void {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return;
    this.#pending--;
    this.#cachedBytes -= chunk.bytes.length;
    if (!chunk.shared && chunk.bytes.length === chunkBytes && this.#spare.length < spareChunksMax) this.#spare.push(chunk.bytes);
  }

  /**
   * Writes everything between `written` and `tail`, usually with one write. Throws what the disk throws: then `written` stands, and `undo` takes the
   * rest back.
   */
  write(): void {
    if (this.written === this.tail) return;
    this.settle();
    const chunks = this.#chunks;
    for (let i = this.#pending; i < chunks.length; i++) {
      const chunk = chunks[i] as Chunk;
      const from = Math.max(this.written, chunk.phyStart) - chunk.phyStart;
      if (from >= chunk.length) continue;
      const file = this.fileAt(chunk.phyStart) as LogFile;
      file.dirty = true;
      file.file.writeSync(chunk.bytes, from, chunk.length, chunk.phyStart + from - file.base);
      file.modifiedMs = this.#nowMs();
    }
    this.written = this.tail;
    this.#pending = this.#chunk === undefined ? chunks.length : chunks.length - 1;
  }

  /** Forgets everything above `written` and tries to wipe what a failed write may have left there, so that no recovery finds it. */
  undo(): void {
    const chunks = this.#chunks;
    while (chunks.length > 0) {
      const last = chunks[chunks.length - 1] as Chunk;
      if (last.phyStart < this.written) {
        last.length = Math.min(last.length, this.written - last.phyStart);
        break;
      }
      chunks.pop();
      this.#cachedBytes -= last.bytes.length;
    }
    this.tail = this.written;
    this.#select(this.tail);
    // The next record starts a new chunk: what lies beyond `length` in the last one may have been seen by nobody, but stays as it is.
    this.#chunk = undefined;
    this.#chunkRoom = 0;
    this.pos = 0;
    this.#pending = chunks.length;
    const file = this.files[this.#fileIndex];
    if (file !== undefined && file.end - this.tail >= blankBytesMin) {
      try {
        file.file.writeSync(new Uint8Array(blankBytesMin), 0, blankBytesMin, this.tail - file.base);
      } catch {
        // The disk has already said what is wrong.
      }
    }
  }

  #select(phyOffset: number): void {
    const first = this.files[0];
    if (first === undefined) {
      this.#fileIndex = -1;
      this.#fileEnd = phyOffset;
      return;
    }
    // An offset at a file's very end, with no next file, belongs to that file: it is full.
    const index = Math.min(Math.floor((phyOffset - first.base) / this.fileBytes), this.files.length - 1);
    this.#fileIndex = index;
    this.#fileEnd = (this.files[index] as LogFile).end;
  }

  /** The chunk that holds [phyOffset, +length) wholly, undefined when none does. */
  find(phyOffset: number, length: number): Chunk | undefined {
    const chunks = this.#chunks;
    let low = 0;
    let high = chunks.length - 1;
    if (high < 0 || phyOffset < (chunks[0] as Chunk).phyStart) return undefined;
    const last = chunks[high] as Chunk;
    if (phyOffset >= last.phyStart) return phyOffset + length <= last.phyStart + last.length ? last : undefined;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if ((chunks[mid] as Chunk).phyStart <= phyOffset) low = mid;
      else high = mid - 1;
    }
    const chunk = chunks[low] as Chunk;
    return phyOffset + length <= chunk.phyStart + chunk.length ? chunk : undefined;
  }

  /** Drops the oldest files below `count`. They are closed and unlinked; the caller syncs the directory. */
  removeFirst(): void {
    const file = this.files.shift();
    if (file === undefined) return;
    this.#fileIndex--;
    file.file.close();
    this.#disk.unlink(file.file.path);
    this.dirDirty = true;
  }

  /** Gives the memory of the tail cache back; only what is written. */
  dropCache(): void {
    if (this.written !== this.tail) return;
    this.#chunks = [];
    this.#spare = [];
    this.#chunk = undefined;
    this.#chunkRoom = 0;
    this.#pending = 0;
    this.#cachedBytes = 0;
    this.bytes = recordBytes;
    this.view = recordView;
    this.pos = 0;
  }

  /** Removes a prepared file that holds nothing, and closes all. */
  close(): void {
    while (this.files.length - 1 > this.#fileIndex) {
      const last = this.files.pop();
      if (last === undefined) break;
      last.file.close();
      this.#disk.unlink(last.file.path);
      this.dirDirty = true;
    }
    for (const file of this.files) file.file.close();
  }
}
