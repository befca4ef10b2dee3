/**
 * The files of timers together: wheel, timer log and checkpoint (`TimerMessageStore#recover`, `#doEnqueue`, `#prepareTimerCheckPoint`), how they are brought
 * to agree after a stop of any kind, and how they become durable. Messages and time are the business of who uses them (server/timer).
 *
 * What they hold is derived from the timer topic, and each is durable before what refers to it:
 *
 *   commit log  <-  timer log  <-  wheel  <-  checkpoint (timer log position, queue offset, read time)
 *
 * Units behind the checkpoint's position are of messages from its queue offset on: they are kept, and their messages are not entered again.
 */
import * as path from 'node:path';
import { encodeTimerCheckpoint, newTimerUnit, readTimerCheckpoint, slotPartlyDelivered, timerCheckpointFileBytes, timerMagic, timerUnitBytes } from '../codec/timer-records.js';
import type { TimerCheckpoint, TimerUnit } from '../codec/timer-records.js';
import { diskErrorCode } from './disk.js';
import type { Disk, DiskFile } from './disk.js';
import type { StoreLog } from './options.js';
import { asideName, setAside } from './set-aside.js';
import { TimerLog, timerLogFileBytesDefault } from './timer-log.js';
import { TimerWheel, wheelSlotsDefault } from './timer-wheel.js';
import type { TimerSlot } from './timer-wheel.js';

export interface TimerFilesOptions {
  readonly disk: Disk;
  readonly log: StoreLog;
  /** `storePathRootDir`: timerwheel and timerlog lie there. */
  readonly root: string;
  /** Directory of `timercheck`. */
  readonly configDir: string;
  readonly precisionMs: number;
  readonly logFileBytes?: number | undefined;
  /** Slots of the wheel; the default is Apache's, tests take fewer. */
  readonly wheelSlots?: number | undefined;
}

/** What a start found. */
export interface TimersFound {
  /**
   * The files contradict each other or are not there, at this start or one that did not get to the end of it: everything from the queue's first
   * offset on has to be entered again, but for what was to be delivered before this time, in ms.
   */
  readonly rebuildFromMs: number | undefined;
  /** phyOffsets of units that the checkpoint does not cover, ascending: their messages are entered. */
  readonly entered: Float64Array;
}

/** stateVersion of the checkpoint while everything is entered again; on one node it is 0 else. */
const rebuildMark = 0x72656275696c;

const noCheckpoint: TimerCheckpoint = {
  lastReadTimeMs: 0, lastTimerLogFlushPos: 0, lastTimerQueueOffset: 0, masterTimerQueueOffset: 0,
  dataVersion: { stateVersion: 0, timestamp: 0, counter: 0 },
};

function checkpointPage(checkpoint: TimerCheckpoint): Buffer {
  const page = Buffer.alloc(timerCheckpointFileBytes);
  encodeTimerCheckpoint(checkpoint).copy(page);
  return page;
}

/** Units of the slot before this position are delivered. */
export function deliveredUntil(slot: TimerSlot): number {
  return (slot.magic & slotPartlyDelivered) === 0 ? 0 : slot.firstPos;
}

/** Everything of the slot is delivered. */
function isSpent(slot: TimerSlot): boolean {
  return slot.lastPos < 0 || deliveredUntil(slot) > slot.lastPos;
}

export class TimerFiles {
  readonly wheel: TimerWheel;
  readonly timerLog: TimerLog;
  /** As it is on disk. */
  checkpoint: TimerCheckpoint = noCheckpoint;
  /** Slots from the read time on that have units. */
  liveSlots = 0;
  /** Sum of `num` over them (`TimerWheel#getAllNum`). */
  pending = 0;
  /** Time of the first of them when the files were opened; 0 = there was none. */
  firstLiveMs = 0;
  readonly #options: TimerFilesOptions;
  readonly #checkPath: string;
  readonly #unit = newTimerUnit();

  constructor(options: TimerFilesOptions) {
    this.#options = options;
    const { disk, root } = options;
    this.wheel = new TimerWheel(disk, path.join(root, 'timerwheel'), options.wheelSlots ?? wheelSlotsDefault, options.precisionMs);
    this.timerLog = new TimerLog(disk, path.join(root, 'timerlog'), options.logFileBytes ?? timerLogFileBytesDefault);
    this.#checkPath = path.join(options.configDir, 'timercheck');
  }

  // ---- opening ----

  open(): TimersFound {
    this.#loadCheckpoint();
    const wheel = this.wheel.open();
    const timerLog = this.timerLog.open();
    const { lastTimerLogFlushPos: flushed } = this.checkpoint;
    let damage: string | undefined;
    if (wheel === 'other') damage = 'the timer wheel is no file of this size';
    else if (timerLog === 'other') damage = 'the files of the timer log do not follow one another or have another size';
    else if (flushed > this.timerLog.filesEnd) damage = 'the timer log ends before the checkpoint';
    else if (wheel === 'absent' && (timerLog === 'opened' || flushed > 0)) damage = 'the timer wheel is missing';
    if (damage === undefined) {
      const entered = this.#scanLog();
      damage = this.#countSlots();
      if (damage === undefined) {
        const { dataVersion, lastReadTimeMs } = this.checkpoint;
        return { rebuildFromMs: dataVersion.stateVersion === rebuildMark ? lastReadTimeMs : undefined, entered };
      }
    }
    this.#setAside(damage);
    return { rebuildFromMs: this.checkpoint.lastReadTimeMs, entered: new Float64Array(0) };
  }

  #loadCheckpoint(): void {
    const { disk, log } = this.#options;
    if (disk.stat(this.#checkPath)?.directory !== false) return;
    const bytes = new Uint8Array(timerCheckpointFileBytes);
    try {
      const file = disk.open(this.#checkPath, 'read');
      try {
        const length = file.readSync(bytes, 0);
        const found = readTimerCheckpoint(bytes.subarray(0, length));
        if (found !== undefined) this.checkpoint = found;
        else log.error({ name: this.#checkPath }, 'the timer checkpoint cannot be used, timers are entered anew');
      } finally {
        file.close();
      }
    } catch (error) {
      log.error({ name: this.#checkPath, code: diskErrorCode(error) }, 'the timer checkpoint cannot be read, timers are entered anew');
    }
  }

  /** Goes through the units the checkpoint does not cover, brings their slots up to date and ends the log behind the last whole one. */
  #scanLog(): Float64Array {
    const { timerLog } = this;
    const unit = this.#unit;
    const flushed = Math.max(this.checkpoint.lastTimerLogFlushPos, timerLog.min);
    const inFile = flushed % timerLog.fileBytes;
    let pos = flushed - (inFile % timerUnitBytes);
    const entered: number[] = [];
    const counted = new Map<number, number>();
    for (;;) {
      let outcome = timerLog.tryRead(pos, unit);
      if (outcome === undefined) {
        timerLog.loadNow(pos);
        outcome = timerLog.tryRead(pos, unit) ?? 'end';
      }
      if (outcome === 'blank') {
        pos += timerLog.fileBytes - (pos % timerLog.fileBytes);
        continue;
      }
      if (outcome === 'end' || unit.prevPos >= pos) break;
      this.#revise(pos, unit, counted);
      entered.push(unit.phyOffset);
      pos = timerLog.place(pos + timerUnitBytes);
    }
    timerLog.cutAt(Math.max(pos, timerLog.min));
    return Float64Array.from(entered).sort();
  }

  /** A unit may be missing in its slot (`TimerWheel#reviseSlot`). `counted`, by time: up to which unit `num` counts, as the wheel was found. */
  #revise(pos: number, unit: TimerUnit, counted: Map<number, number>): void {
    const timeMs = this.#formatTime(unit.writeTimeMs + unit.delayMs);
    if (timeMs < this.checkpoint.lastReadTimeMs) return;
    const slot = this.wheel.get(timeMs);
    const countedTo = counted.get(timeMs) ?? slot?.lastPos ?? -1;
    counted.set(timeMs, countedTo);
    // Whatever a torn page says of its newest unit: the last one found here is it.
    const step = countedTo >= pos ? 0 : (unit.magic & timerMagic.DELETE) === 0 ? 1 : -1;
    if (slot === undefined || unit.prevPos < 0) this.wheel.put({ timeMs, firstPos: pos, lastPos: pos, num: step === 0 ? (slot?.num ?? 0) : step, magic: 0 });
    else this.wheel.put({ ...slot, lastPos: pos, num: slot.num + step });
  }

  /** Counts what is pending; says what is wrong when slots lead to where the log is not. */
  #countSlots(): string | undefined {
    const { tail } = this.timerLog;
    const readMs = this.checkpoint.lastReadTimeMs;
    let bad = 0;
    this.liveSlots = this.pending = this.firstLiveMs = 0;
    this.wheel.forEach((slot) => {
      if (slot.timeMs < readMs || isSpent(slot)) return;
      if (slot.lastPos >= tail) bad++;
      this.liveSlots++;
      this.pending += slot.num;
      if (this.firstLiveMs === 0 || slot.timeMs < this.firstLiveMs) this.firstLiveMs = slot.timeMs;
    });
    return bad > 0 ? `${bad} slots of the timer wheel lead behind the end of the timer log` : undefined;
  }

  #setAside(damage: string): void {
    const { disk, log } = this.#options;
    log.error({ damage }, 'the timer files cannot be used: they are moved aside and timers are entered anew');
    this.wheel.close();
    this.timerLog.close();
    // First the mark: a start that dies from here on is followed by one that begins again.
    this.#putCheckpoint({ ...noCheckpoint, lastReadTimeMs: this.checkpoint.lastReadTimeMs, dataVersion: { stateVersion: rebuildMark, timestamp: 0, counter: 0 } });
    if (disk.stat(this.wheel.path) !== undefined) setAside(disk, this.wheel.path, log, 'the timer wheel');
    const { dir } = this.timerLog;
    if (disk.stat(dir)?.directory === true) {
      const aside = asideName(disk, dir);
      disk.makeDir(aside);
      for (const name of disk.list(dir)) disk.rename(path.join(dir, name), path.join(aside, name));
    } else if (disk.stat(dir) !== undefined) setAside(disk, dir, log, 'the timer log');
    this.timerLog.cutAt(0);
    this.liveSlots = this.pending = this.firstLiveMs = 0;
  }

  // ---- use ----

  #formatTime(timeMs: number): number {
    return timeMs - (timeMs % this.#options.precisionMs);
  }

  /** False when the place of this time is taken by an earlier one that is not delivered: more time than the wheel has passed without deliveries. */
  hasRoom(timeMs: number, readTimeMs: number): boolean {
    const slot = this.wheel.raw(timeMs);
    return slot.timeMs === timeMs || slot.timeMs < readTimeMs || slot.timeMs <= 0 || isSpent(slot);
  }

  /** Enters a message at a time (`TimerMessageStore#doEnqueue`). Throws what the disk throws, with nothing entered. */
  enter(timeMs: number, unit: TimerUnit): void {
    const slot = this.wheel.get(timeMs);
    const first = slot === undefined || isSpent(slot);
    unit.prevPos = first ? -1 : slot.lastPos;
    const pos = this.timerLog.append(unit);
    const step = (unit.magic & timerMagic.DELETE) === 0 ? 1 : -1;
    if (first) {
      this.wheel.put({ timeMs, firstPos: pos, lastPos: pos, num: step, magic: 0 });
      this.liveSlots++;
    } else this.wheel.put({ ...slot, lastPos: pos, num: slot.num + step });
    this.pending += step;
  }

  /** All units of the slot before `pos` are delivered, `count` of them since the last call. */
  delivered(slot: TimerSlot, pos: number, count: number): void {
    slot.firstPos = pos;
    slot.magic |= slotPartlyDelivered;
    slot.num -= count;
    this.pending -= count;
    this.wheel.put(slot);
  }

  /** All of the slot is delivered. */
  finished(slot: TimerSlot): void {
    this.delivered(slot, slot.lastPos + timerUnitBytes, slot.num);
    this.liveSlots--;
  }

  /** The slot of this time, unless there is nothing to deliver. */
  live(timeMs: number): TimerSlot | undefined {
    const slot = this.wheel.get(timeMs);
    return slot === undefined || isSpent(slot) ? undefined : slot;
  }

  /** Walks the units of a slot from the newest down to `until`. Returns false when the chain leads to where nothing is. */
  async walk(slot: TimerSlot, until: number, visit: (pos: number, unit: TimerUnit) => void): Promise<boolean> {
    const { timerLog } = this;
    const unit = this.#unit;
    for (let pos = slot.lastPos; pos >= until && pos >= 0; ) {
      let outcome = timerLog.tryRead(pos, unit);
      if (outcome === undefined) {
        await timerLog.load(pos);
        outcome = timerLog.tryRead(pos, unit);
      }
      if (outcome !== 'unit' || unit.prevPos >= pos) return false;
      const next = unit.prevPos;
      visit(pos, unit);
      pos = next;
    }
    return true;
  }

  /** Makes everything durable, in order; the commit log already is, as far as timers refer to it. Throws what the disk throws: the next call does the rest. */
  async flush(next: TimerCheckpoint | undefined): Promise<void> {
    this.timerLog.write();
    await this.timerLog.sync();
    this.wheel.write();
    await this.wheel.sync();
    if (next !== undefined) await this.#writeCheckpoint(next);
  }

  /** Under another name first: half a checkpoint would name a time or an offset that never was. */
  async #writeCheckpoint(checkpoint: TimerCheckpoint): Promise<void> {
    const { disk, configDir } = this.#options;
    const file = this.#openTemporary();
    try {
      const page = checkpointPage(checkpoint);
      file.writeSync(page, 0, page.length, 0);
      await file.datasync();
    } finally {
      file.close();
    }
    disk.rename(this.#temporary, this.#checkPath);
    this.checkpoint = checkpoint;
    await disk.syncDir(configDir);
  }

  /** The same on the thread, at a start. */
  #putCheckpoint(checkpoint: TimerCheckpoint): void {
    const file = this.#openTemporary();
    try {
      const page = checkpointPage(checkpoint);
      file.writeSync(page, 0, page.length, 0);
      file.datasyncSync();
    } finally {
      file.close();
    }
    this.#options.disk.rename(this.#temporary, this.#checkPath);
    this.checkpoint = checkpoint;
  }

  get #temporary(): string {
    return `${this.#checkPath}.tmp`;
  }

  #openTemporary(): DiskFile {
    const { disk, configDir } = this.#options;
    disk.makeDir(configDir);
    return disk.open(this.#temporary, 'create');
  }

  /** Removes files of the timer log whose newest unit is of a message that left the log (`MappedFileQueue#deleteExpiredFileByOffsetForTimerLog`). */
  async removeExpired(minPhyOffset: number): Promise<number> {
    let removed = 0;
    for (;;) {
      const pos = this.timerLog.firstFileLastUnit();
      if (pos === undefined) return removed;
      const unit = newTimerUnit();
      await this.timerLog.load(pos);
      if (this.timerLog.tryRead(pos, unit) !== 'unit' || unit.phyOffset >= minPhyOffset) return removed;
      this.timerLog.removeFirstFile();
      removed++;
    }
  }

  close(): void {
    this.wheel.close();
    this.timerLog.close();
  }
}
