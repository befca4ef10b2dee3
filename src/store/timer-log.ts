/**
 * The timer log (`TimerLog`): units of 52 bytes one behind the other, in files of one size. New units wait in memory until `write`. Which units belong to
 * which time is the wheel's business (timer-wheel.ts), the bytes are codec/timer-records.ts's.
 */
import * as path from 'node:path';
import { viewOf } from '../codec/int64.js';
import { readTimerUnit, setTimerBlank, setTimerUnit, timerBlankBytes, timerUnitBytes } from '../codec/timer-records.js';
import type { TimerUnit, TimerUnitOutcome } from '../codec/timer-records.js';
import type { Disk, DiskFile } from './disk.js';
import { offsetFileName, offsetOfFileName } from './names.js';

/** `MessageStoreConfig#mappedFileSizeTimerLog`. */
export const timerLogFileBytesDefault = 104857600;

/** Units of a page that is read at once: units never lie across pages. */
const pageUnits = 315;
const pageBytes = pageUnits * timerUnitBytes;
/** Pages kept: 4 MiB. */
const pagesMax = 256;
/** Bytes the buffer of new units begins with. */
const bufferBytesMin = 64 * 1024;

interface LogPage {
  readonly view: DataView;
  /** Bytes of it that were written when it was read; what came later is not in it. */
  readonly length: number;
}

interface LogFile {
  readonly base: number;
  file: DiskFile | undefined;
  dirty: boolean;
}

export class TimerLog {
  readonly dir: string;
  readonly fileBytes: number;
  readonly #disk: Disk;
  #files: LogFile[] = [];
  /** Behind the last unit. */
  #tail = 0;
  /** Units from here on wait in memory. */
  #written = 0;
  #buffer = new Uint8Array(0);
  #view = viewOf(this.#buffer);
  #dirDirty = false;
  readonly #pages = new Map<number, LogPage>();

  constructor(disk: Disk, dir: string, fileBytes: number) {
    this.#disk = disk;
    this.dir = dir;
    this.fileBytes = fileBytes;
  }

  /** Behind the last unit: where the next one goes, unless the file ends there. */
  get tail(): number {
    return this.#tail;
  }

  /** Bytes that wait for `write`. */
  get waitingBytes(): number {
    return this.#tail - this.#written;
  }

  /** Start of the first file, the tail when there is none. */
  get min(): number {
    return this.#files[0]?.base ?? this.#tail;
  }

  /** End of the last file. */
  get filesEnd(): number {
    const last = this.#files.at(-1);
    return last === undefined ? 0 : last.base + this.fileBytes;
  }

  #pathOf(base: number): string {
    return path.join(this.dir, offsetFileName(base));
  }

  /** Finds the files. `other`: they are no timer log of this configuration. A last file that lost its length gets it back. */
  open(): 'opened' | 'absent' | 'other' {
    const entry = this.#disk.stat(this.dir);
    if (entry === undefined) return 'absent';
    if (!entry.directory) return 'other';
    const bases: number[] = [];
    for (const name of this.#disk.list(this.dir)) {
      const base = offsetOfFileName(name);
      if (base !== undefined) bases.push(base);
    }
    if (bases.length === 0) return 'absent';
    for (const [i, base] of bases.entries()) {
      const file = this.#disk.stat(this.#pathOf(base));
      const last = i === bases.length - 1;
      if (file === undefined || file.directory || base % this.fileBytes !== 0 || (i > 0 && base - (bases[i - 1] ?? 0) !== this.fileBytes)) return 'other';
      if (file.bytes > this.fileBytes || (file.bytes < this.fileBytes && !last)) return 'other';
      if (file.bytes === this.fileBytes) continue;
      const short = this.#disk.open(this.#pathOf(base), 'write');
      short.setLength(this.fileBytes);
      short.close();
    }
    this.#files = bases.map((base) => ({ base, file: undefined, dirty: false }));
    this.#tail = this.#written = this.filesEnd;
    return 'opened';
  }

  #open(file: LogFile): DiskFile {
    file.file ??= this.#disk.open(this.#pathOf(file.base), 'write');
    return file.file;
  }

  #fileAt(pos: number): LogFile | undefined {
    const first = this.#files[0];
    return first === undefined || pos < first.base ? undefined : this.#files[Math.floor((pos - first.base) / this.fileBytes)];
  }

  /** The log ends here from now on, and the rest of its file is zeros. Files behind are removed. */
  cutAt(pos: number): void {
    for (const file of this.#files.filter((one) => one.base >= pos && one.base > (this.#files[0]?.base ?? 0))) this.#remove(file);
    this.#files = this.#files.filter((one) => one.base < pos || one === this.#files[0]);
    const file = this.#fileAt(pos);
    if (file !== undefined) {
      // A torn write leaves pieces anywhere behind: none of them may ever follow a new unit.
      const open = this.#open(file);
      open.setLength(pos - file.base);
      open.setLength(this.fileBytes);
      file.dirty = true;
    }
    this.#tail = this.#written = pos;
    this.#pages.clear();
  }

  #remove(file: LogFile): void {
    file.file?.close();
    this.#disk.unlink(this.#pathOf(file.base));
    this.#dirDirty = true;
  }

  /** Where a unit that follows `pos` stands: there, or at the start of the next file. */
  place(pos: number): number {
    const inFile = pos % this.fileBytes;
    return inFile !== 0 && inFile + timerUnitBytes + timerBlankBytes > this.fileBytes ? pos - inFile + this.fileBytes : pos;
  }

  /** Appends a unit in memory; returns its position. Throws what the disk throws when a file is full and what waits for it cannot be written. */
  append(unit: Readonly<TimerUnit>): number {
    const pos = this.place(this.#tail);
    if (pos !== this.#tail) {
      const bytesLeft = pos - this.#tail;
      this.#room(timerBlankBytes);
      setTimerBlank(this.#view, this.#tail - this.#written, bytesLeft);
      this.#tail += timerBlankBytes;
      try {
        this.write();
      } catch (error) {
        this.#tail -= timerBlankBytes;
        throw error;
      }
      this.#tail = this.#written = pos;
    }
    this.#room(timerUnitBytes);
    setTimerUnit(this.#view, pos - this.#written, unit);
    this.#tail = pos + timerUnitBytes;
    return pos;
  }

  #room(bytes: number): void {
    const need = this.#tail - this.#written + bytes;
    if (need <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(bufferBytesMin, this.#buffer.length * 2, need));
    larger.set(this.#buffer.subarray(0, this.#tail - this.#written));
    this.#hold(larger);
  }

  /** The view goes with its buffer: it would keep the bytes of one that was given back. */
  #hold(buffer: Uint8Array<ArrayBuffer>): void {
    this.#buffer = buffer;
    this.#view = viewOf(buffer);
  }

  /** Writes what waits. Throws what the disk throws: then it waits on. */
  write(): void {
    const length = this.#tail - this.#written;
    if (length === 0) return;
    const file = this.#fileAt(this.#written) ?? this.#make(this.#written - (this.#written % this.fileBytes));
    this.#open(file).writeSync(this.#buffer, 0, length, this.#written - file.base);
    file.dirty = true;
    this.#written = this.#tail;
    if (this.#buffer.length > 16 * bufferBytesMin) this.#hold(new Uint8Array(0));
  }

  #make(base: number): LogFile {
    this.#disk.makeDir(this.dir);
    const file = this.#disk.open(this.#pathOf(base), 'create');
    try {
      file.setLength(this.fileBytes);
    } catch (error) {
      file.close();
      throw error;
    }
    const made: LogFile = { base, file, dirty: true };
    this.#files.push(made);
    this.#dirDirty = true;
    return made;
  }

  /** What was written becomes durable. */
  async sync(): Promise<void> {
    for (const file of this.#files) {
      if (!file.dirty) continue;
      await this.#open(file).datasync();
      file.dirty = false;
    }
    if (!this.#dirDirty) return;
    await this.#disk.syncDir(this.dir);
    await this.#disk.syncDir(path.dirname(this.dir));
    this.#dirDirty = false;
  }

  // ---- reading ----

  #pageKey(pos: number): number {
    const base = pos - (pos % this.fileBytes);
    return base + Math.floor((pos - base) / pageBytes) * pageBytes;
  }

  /** Reads the unit at `pos` when it is in memory; undefined = `load` it first. A unit of a file that is gone is `end`. */
  tryRead(pos: number, unit: TimerUnit): TimerUnitOutcome | undefined {
    if (pos >= this.#tail) return 'end';
    if (pos >= this.#written) return readTimerUnit(this.#view, pos - this.#written, unit);
    if (this.#fileAt(pos) === undefined) return 'end';
    const key = this.#pageKey(pos);
    const page = this.#pages.get(key);
    if (page === undefined || pos - key >= page.length) return undefined;
    return readTimerUnit(page.view, pos - key, unit);
  }

  /** Brings the page of a position into memory. */
  async load(pos: number): Promise<void> {
    const key = this.#pageKey(pos);
    const file = this.#fileAt(pos);
    if (file === undefined) return;
    const bytes = this.#pageRoom(key);
    // What is written meanwhile may be in it or not.
    const length = this.#written - key;
    await this.#open(file).read(bytes, key - file.base);
    this.#keep(key, bytes, length);
  }

  /** The same on the thread, for recovery. */
  loadNow(pos: number): void {
    const key = this.#pageKey(pos);
    const file = this.#fileAt(pos);
    if (file === undefined) return;
    const bytes = this.#pageRoom(key);
    this.#open(file).readSync(bytes, key - file.base);
    this.#keep(key, bytes, this.#written - key);
  }

  #pageRoom(key: number): Uint8Array {
    const base = key - (key % this.fileBytes);
    return new Uint8Array(Math.min(pageBytes, base + this.fileBytes - key));
  }

  #keep(key: number, bytes: Uint8Array, length: number): void {
    if (this.#pages.size >= pagesMax) {
      const oldest = this.#pages.keys().next();
      if (oldest.done !== true) this.#pages.delete(oldest.value);
    }
    this.#pages.set(key, { view: viewOf(bytes), length });
  }

  /** Gives the pages back. */
  dropPages(): void {
    this.#pages.clear();
  }

  /** The last unit of the first file, to see whether the file is still needed; undefined while it is the last file. */
  firstFileLastUnit(): number | undefined {
    const [first, second] = this.#files;
    if (first === undefined || second === undefined) return undefined;
    // `TimerLog#getOffsetForLastUnit`.
    const inFile = this.fileBytes - timerBlankBytes;
    return first.base + inFile - (inFile % timerUnitBytes) - timerUnitBytes;
  }

  removeFirstFile(): void {
    const first = this.#files.shift();
    if (first === undefined) return;
    this.#remove(first);
  }

  close(): void {
    for (const file of this.#files) file.file?.close();
    this.#files = [];
    this.#pages.clear();
  }
}
