/**
 * The timer wheel (`TimerWheel`): a file with a slot for each step of time, twice as many as days are planned for. A slot names the newest unit of its
 * time in the timer log (timer-log.ts). Only pages that are used are in memory, and only those that changed are written. Bytes: codec/timer-records.ts.
 */
import { dirname } from 'node:path';
import { getInt64, setInt64, viewOf } from '../codec/int64.js';
import { timerSlotBytes } from '../codec/timer-records.js';
import type { Disk, DiskFile } from './disk.js';

/** Slots of the file: `TIMER_WHEEL_TTL_DAY` days of seconds, twice. */
export const wheelSlotsDefault = 2 * 7 * 24 * 3600;

const pageBytes = 4096;
const pageSlots = pageBytes / timerSlotBytes;
const zeroPage = new Uint8Array(pageBytes);
/** Pages in memory from which unchanged ones are dropped: 8 MiB. */
const pagesMax = 2048;
/** Bytes of the file read at once when all of it is looked at. */
const stretchBytes = 256 * 1024;

interface Page {
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  dirty: boolean;
}

/** One slot. */
export interface TimerSlot {
  /** Milliseconds, a multiple of the precision. */
  timeMs: number;
  /** Position of its oldest unit, or of the oldest one not delivered when the magic says so. */
  firstPos: number;
  /** Position of its newest unit. */
  lastPos: number;
  /** Messages, less those called back. */
  num: number;
  magic: number;
}

export class TimerWheel {
  readonly path: string;
  readonly slots: number;
  readonly precisionMs: number;
  readonly #disk: Disk;
  #file: DiskFile | undefined;
  /** The file's name is not durable yet. */
  #fresh = false;
  readonly #pages = new Map<number, Page>();
  #dirtyPages = 0;

  constructor(disk: Disk, path: string, slots: number, precisionMs: number) {
    this.#disk = disk;
    this.path = path;
    this.slots = slots;
    this.precisionMs = precisionMs;
  }

  get fileBytes(): number {
    return this.slots * timerSlotBytes;
  }

  /** Pages changed since they were written. */
  get dirtyPages(): number {
    return this.#dirtyPages;
  }

  /** Opens the file when there is one. `other`: it has another length and cannot be used. */
  open(): 'opened' | 'absent' | 'other' {
    const entry = this.#disk.stat(this.path);
    if (entry === undefined || entry.bytes === 0) return 'absent';
    if (entry.directory || entry.bytes !== this.fileBytes) return 'other';
    this.#file = this.#disk.open(this.path, 'write');
    return 'opened';
  }

  #pageOf(timeMs: number): Page {
    const index = Math.floor(this.#slotIndex(timeMs) / pageSlots);
    let page = this.#pages.get(index);
    if (page === undefined) {
      const bytes = new Uint8Array(Math.min(pageBytes, this.fileBytes - index * pageBytes));
      this.#file?.readSync(bytes, index * pageBytes);
      page = { index, bytes, view: viewOf(bytes), dirty: false };
      this.#pages.set(index, page);
      if (this.#pages.size > pagesMax) this.#dropClean(page);
    }
    return page;
  }

  #dropClean(except: Page): void {
    for (const page of this.#pages.values()) {
      if (!page.dirty && page !== except) this.#pages.delete(page.index);
      if (this.#pages.size <= pagesMax / 2) return;
    }
  }

  #slotIndex(timeMs: number): number {
    return Math.floor(timeMs / this.precisionMs) % this.slots;
  }

  /** Reads the slot where this time belongs, whatever time it holds. */
  raw(timeMs: number): TimerSlot {
    const { view } = this.#pageOf(timeMs);
    return this.#slotAt(view, (this.#slotIndex(timeMs) % pageSlots) * timerSlotBytes);
  }

  #slotAt(view: DataView, pos: number): TimerSlot {
    return {
      timeMs: getInt64(view, pos) * this.precisionMs,
      firstPos: getInt64(view, pos + 8),
      lastPos: getInt64(view, pos + 16),
      num: view.getInt32(pos + 24),
      magic: view.getInt32(pos + 28),
    };
  }

  /** The slot of this time; undefined when nothing was ever put there for it. */
  get(timeMs: number): TimerSlot | undefined {
    const { view } = this.#pageOf(timeMs);
    const pos = (this.#slotIndex(timeMs) % pageSlots) * timerSlotBytes;
    if (getInt64(view, pos) !== Math.floor(timeMs / this.precisionMs)) return undefined;
    return this.#slotAt(view, pos);
  }

  put(slot: TimerSlot): void {
    const page = this.#pageOf(slot.timeMs);
    const { view } = page;
    const pos = (this.#slotIndex(slot.timeMs) % pageSlots) * timerSlotBytes;
    setInt64(view, pos, Math.floor(slot.timeMs / this.precisionMs));
    setInt64(view, pos + 8, slot.firstPos);
    setInt64(view, pos + 16, slot.lastPos);
    view.setInt32(pos + 24, slot.num);
    view.setInt32(pos + 28, slot.magic);
    if (!page.dirty) {
      page.dirty = true;
      this.#dirtyPages++;
    }
  }

  /** Visits every slot that holds a time of its own place, in no order of time. */
  forEach(visit: (slot: TimerSlot) => void): void {
    if (this.#file === undefined) {
      for (const page of this.#pages.values()) this.#visitPage(page.view, page.index * pageSlots, visit);
      return;
    }
    const stretch = new Uint8Array(Math.min(stretchBytes, this.fileBytes));
    for (let from = 0; from < this.fileBytes; from += stretch.length) {
      const length = Math.min(stretch.length, this.fileBytes - from);
      this.#file.readSync(stretch.subarray(0, length), from);
      for (let at = 0; at < length; at += pageBytes) {
        const index = (from + at) / pageBytes;
        const bytes = this.#pages.get(index)?.bytes ?? stretch.subarray(at, Math.min(at + pageBytes, length));
        // Most of the file is a hole; comparing a page takes a hundredth of looking at its slots.
        if (Buffer.compare(bytes, zeroPage.subarray(0, bytes.length)) !== 0) this.#visitPage(viewOf(bytes), index * pageSlots, visit);
      }
    }
  }

  #visitPage(view: DataView, firstSlot: number, visit: (slot: TimerSlot) => void): void {
    for (let i = 0; i * timerSlotBytes < view.byteLength; i++) {
      const timeMs = getInt64(view, i * timerSlotBytes) * this.precisionMs;
      if (timeMs > 0 && Number.isSafeInteger(timeMs) && this.#slotIndex(timeMs) === firstSlot + i) visit(this.#slotAt(view, i * timerSlotBytes));
    }
  }

  /** Writes what changed; the file is made when it is the first time. Throws what the disk throws: then it is written the next time. */
  write(): void {
    if (this.#dirtyPages === 0) return;
    if (this.#file === undefined) {
      const file = this.#disk.open(this.path, 'create');
      try {
        file.setLength(this.fileBytes);
      } catch (error) {
        file.close();
        throw error;
      }
      this.#file = file;
      this.#fresh = true;
    }
    for (const page of this.#pages.values()) {
      if (!page.dirty) continue;
      this.#file.writeSync(page.bytes, 0, page.bytes.length, page.index * pageBytes);
      page.dirty = false;
      this.#dirtyPages--;
    }
  }

  /** What was written becomes durable. */
  async sync(): Promise<void> {
    await this.#file?.datasync();
    if (!this.#fresh) return;
    await this.#disk.syncDir(dirname(this.path));
    this.#fresh = false;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#pages.clear();
    this.#dirtyPages = 0;
  }
}
