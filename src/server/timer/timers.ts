/**
 * Timers (`TimerMessageStore`): messages of the timer topic are entered in wheel and log, and put to their real place when their time has come. One piece of
 * work at a time: enter what has arrived, deliver the slots that are due, make it durable. Files are store/timer-files.ts, the way into the topic place.ts.
 *
 * A slot is due when its second is over, never before. The read time and the queue offset move only past what the log holds, and the checkpoint names
 * only what is on the platter: a clean stop repeats nothing, a killed process what it did since the last flush (a second), neither loses a message.
 */
import * as path from 'node:path';
import { timerMagic } from '../../codec/timer-records.js';
import type { TimerCheckpoint, TimerUnit } from '../../codec/timer-records.js';
import { javaStringHash } from '../../compat/java-string-hash.js';
import type { TimerHandle } from '../../remoting/types.js';
import type { Disk } from '../../store/disk.js';
import { deliveredUntil, TimerFiles } from '../../store/timer-files.js';
import type { TimerSlot } from '../../store/timer-wheel.js';
import type { QueueUnit } from '../../store/types.js';
import { nextDataVersion } from '../broker/data-version.js';
import { PutForm } from '../broker/put-form.js';
import type { PutParts } from '../broker/put-place.js';
import { timerTopic } from '../broker/topic-names.js';
import { SlotUnits } from './slot-units.js';
import { deleteKey, neverEntered, putAgain, readTimerMessage } from './timer-message.js';
import type { TimerMessage } from './timer-message.js';
import { TimerMetrics } from './timer-metrics.js';

/** Messages and bytes worked on in one go; then other work of the thread has its turn. */
const batchMessagesMax = 256;
const batchBytesMax = 1024 * 1024;
/** Pause after a put that failed. Apache gives a message up after three of them. */
const retryPauseMs = 500;
/** Changes in memory from which they are written before their time: 16 MiB of units, 4 MiB of wheel. */
const waitingBytesMax = 16 * 1024 * 1024;
const dirtyPagesMax = 1024;
/** Longest sleep: bounds what a clock that is set forward costs. */
const sleepMsMax = 1000;
const flushPatienceMs = 5000;
/** How often expired files of the timer log are looked for, in milliseconds. */
const cleanPeriodMs = 30_000;
/** Slots looked at in one go when time is made up for. */
const slotsAtOnce = 50_000;
/** Delay of a unit that was entered when its time was over: it is written as if this much before, which no other is. */
const lateMs = 1;
/** A delay is stored as an int32 of milliseconds. */
const delayMsMax = 2 ** 31 - 1;

/** What GET_BROKER_RUNTIME_INFO shows. */
export interface TimerFigures {
  readonly readBehindSec: number;
  readonly offsetBehind: number;
  readonly congestNum: number;
  readonly enqueueTps: number;
  readonly dequeueTps: number;
}

/** Counts since the start. */
export interface TimerCounts {
  entered: number;
  delivered: number;
  rolled: number;
  recalled: number;
  /** Records that are no timer messages, or whose log is gone. */
  skipped: number;
  retries: number;
  flushes: number;
}

export interface Timers {
  readonly counts: Readonly<TimerCounts>;
  readonly metrics: TimerMetrics;
  /** Opens and recovers the files. Throws what the disk throws. */
  load(): void;
  start(): void;
  /** Ends the work under way, makes everything durable, delivers no more. */
  stop(): Promise<void>;
  /** Messages that wait for this time (`TimerMessageStore#getCongestNum`). */
  num(timeMs: number): number;
  figures(): TimerFigures;
  /** As it would be written now. */
  checkpoint(): TimerCheckpoint;
}

export interface TimersOptions {
  readonly disk: Disk;
  /** `storePathRootDir`. */
  readonly root: string;
  readonly wheelSlots?: number | undefined;
}

/** Something to put: once more to the timer topic, or to its real place. */
interface Due {
  readonly message: TimerMessage;
  readonly enteredMs: string;
  readonly roll: boolean;
}

/** Events per second over the last stretch of some seconds. */
class Rate {
  #sinceMs = 0;
  #count = 0;
  #last = 0;

  add(count: number): void {
    this.#count += count;
  }

  tps(nowMs: number): number {
    const elapsedMs = nowMs - this.#sinceMs;
    if (elapsedMs >= 3000) {
      this.#last = this.#sinceMs === 0 || elapsedMs > 60_000 ? 0 : Math.round((this.#count * 10_000) / elapsedMs) / 10;
      this.#count = 0;
      this.#sinceMs = nowMs;
    }
    return this.#last;
  }
}

export function createTimers(parts: PutParts, options: TimersOptions): Timers {
  return new WheelTimers(parts, options);
}

class WheelTimers implements Timers {
  readonly counts: TimerCounts = { entered: 0, delivered: 0, rolled: 0, recalled: 0, skipped: 0, retries: 0, flushes: 0 };
  readonly metrics: TimerMetrics;
  readonly #parts: PutParts;
  readonly #files: TimerFiles;
  /** Its own form: it puts between the pieces of other requests. */
  readonly #form: PutForm;
  readonly #precisionMs: number;
  readonly #windowMs: number;
  /** So long ago is the first slot that a message may be entered at: what should have come before comes with that one. */
  readonly #pastMs: number;
  readonly #units = new SlotUnits();
  readonly #enqueueRate = new Rate();
  readonly #dequeueRate = new Rate();

  #running = false;
  #working: Promise<void> | undefined;
  #again = false;
  #timer: TimerHandle | undefined;
  /** Slots before are delivered. */
  #readMs = 0;
  /** Whatever arrived before this time is entered: the slots before it hold all their messages, and all marks to delete them. */
  #enteredMs = 0;
  /** The next message of the timer topic to enter. */
  #queueOffset = 0;
  /** Units of messages before `#queueOffset` end here. */
  #committedPos = 0;
  #dirty = false;
  #flushedMs = 0;
  #cleanedMs = 0;
  /** phyOffsets of messages whose units outlived the stop, ascending. */
  #alreadyEntered: Float64Array = new Float64Array(0);
  /** Set while everything is entered again: what was due before this time is left out, and nothing is delivered until `#rebuildEnd`. */
  #rebuildFromMs: number | undefined;
  #rebuildEnd = 0;

  constructor(parts: PutParts, { disk, root, wheelSlots }: TimersOptions) {
    const { ctx } = parts;
    const { config, clock, log } = ctx;
    this.#parts = parts;
    this.#form = new PutForm(ctx);
    this.#precisionMs = config.timerPrecisionMs;
    this.#files = new TimerFiles({
      disk, log, root, wheelSlots,
      configDir: config.storePathConfigDir, precisionMs: config.timerPrecisionMs, logFileBytes: config.mappedFileSizeTimerLog,
    });
    const slots = this.#files.wheel.slots / 2 - 60;
    const window = config.timerRollWindowSlot > slots || config.timerRollWindowSlot < 2 ? Math.max(2, slots) : config.timerRollWindowSlot;
    this.#windowMs = Math.min(window, Math.floor(delayMsMax / this.#precisionMs)) * this.#precisionMs;
    this.#pastMs = Math.floor(this.#files.wheel.slots / 4) * this.#precisionMs;
    this.metrics = new TimerMetrics(clock, disk, log, path.join(config.storePathConfigDir, 'timermetrics'));
    ctx.store.onArrival((queue) => {
      if (queue.topic === timerTopic && queue.queueId === 0) this.#wake();
    });
  }

  #nowStep(): number {
    const nowMs = this.#parts.ctx.clock.nowMs();
    return nowMs - (nowMs % this.#precisionMs);
  }

  // ---- start and stop ----

  load(): void {
    const { ctx } = this.#parts;
    const found = this.#files.open();
    this.metrics.load();
    const { checkpoint, timerLog } = this.#files;
    const queue = ctx.store.queue(timerTopic, 0);
    this.#alreadyEntered = found.entered;
    this.#committedPos = found.entered.length === 0 ? timerLog.tail : Math.min(checkpoint.lastTimerLogFlushPos, timerLog.tail);
    this.#rebuildFromMs = found.rebuildFromMs;
    if (found.rebuildFromMs !== undefined) {
      this.#queueOffset = queue.minOffset;
      this.#rebuildEnd = queue.maxOffset;
    } else {
      const stored = Math.min(checkpoint.lastTimerQueueOffset, checkpoint.masterTimerQueueOffset);
      this.#queueOffset = Math.min(Math.max(stored, queue.minOffset), queue.maxOffset);
      if (this.#queueOffset !== stored) {
        ctx.log.error({ stored, minOffset: queue.minOffset, maxOffset: queue.maxOffset }, 'progress of timers was outside their queue');
      }
    }
    this.#readMs = checkpoint.lastReadTimeMs;
    // Between the stop and the first message that waits there is nothing to look at.
    if (this.#files.liveSlots > 0) this.#readMs = Math.max(this.#readMs, Math.min(this.#files.firstLiveMs, this.#nowStep() - this.#pastMs));
  }

  start(): void {
    this.#running = true;
    this.#flushedMs = this.#cleanedMs = this.#parts.ctx.clock.nowMs();
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#timer?.clear();
    while (this.#working !== undefined) await this.#working;
    if (this.#files.liveSlots === 0) this.#readMs = Math.max(this.#readMs, this.#quietMs());
    this.#dirty = true;
    await this.#flush().catch((error: unknown) => this.#parts.ctx.log.error({ error: String(error) }, 'progress of timers could not be saved'));
    await this.metrics.close();
    this.#files.close();
  }

  // ---- the loop ----

  #wake(): void {
    if (!this.#running) return;
    this.#again = true;
    if (this.#working !== undefined) return;
    this.#timer?.clear();
    this.#timer = undefined;
    this.#working = this.#work()
      .catch((error: unknown) => {
        this.#parts.ctx.log.error({ error: String(error), queueOffset: this.#queueOffset, readTimeMs: this.#readMs }, 'timers could not be worked on');
        this.counts.retries++;
        return retryPauseMs;
      })
      .then((sleepMs) => {
        this.#working = undefined;
        if (this.#running && sleepMs !== undefined) this.#sleep(sleepMs);
      });
  }

  #sleep(delayMs: number): void {
    this.#timer?.clear();
    this.#timer = this.#parts.ctx.clock.setTimeout(() => {
      this.#timer = undefined;
      this.#wake();
    }, delayMs);
  }

  /** Works until nothing is left to do now. Milliseconds to sleep, undefined = until a message arrives. */
  async #work(): Promise<number | undefined> {
    const { config } = this.#parts.ctx;
    while (this.#running) {
      this.#again = false;
      // A slot is delivered once all is entered that arrived in its time: a message and the mark to delete it meet nowhere else.
      const nowStep = this.#nowStep();
      const untilMs = config.timerStopEnqueue || (await this.#enterArrived(nowStep)) ? nowStep : Math.min(nowStep, this.#enteredMs);
      this.#endRebuild();
      const delivered = config.timerStopDequeue || this.#rebuildFromMs !== undefined ? false : await this.#deliverNextSlot(untilMs);
      await this.#flushWhenDue();
      await this.#clean();
      if (!delivered && !this.#again) return this.#sleepMs();
    }
    return undefined;
  }

  #sleepMs(): number | undefined {
    const { clock, config } = this.#parts.ctx;
    const nowMs = clock.nowMs();
    let sleepMs: number | undefined;
    if (this.#files.liveSlots > 0) sleepMs = Math.min(sleepMsMax, this.#precisionMs - (nowMs % this.#precisionMs));
    if (this.#dirty) sleepMs = Math.min(sleepMs ?? sleepMsMax, Math.max(1, this.#flushedMs + config.timerFlushIntervalMs - nowMs));
    if (config.timerStopEnqueue && this.#behind() > 0) sleepMs ??= sleepMsMax;
    return sleepMs;
  }

  #behind(): number {
    return Math.max(0, this.#parts.ctx.store.queue(timerTopic, 0).maxOffset - this.#queueOffset);
  }

  /** From when on messages may come that are not entered. */
  #quietMs(): number {
    return this.#behind() === 0 ? this.#nowStep() : Math.min(this.#enteredMs, this.#nowStep());
  }

  // ---- entering ----

  /** Enters what has arrived until now. False when something of it is left for the next time and slots have to wait for it. */
  async #enterArrived(nowStep: number): Promise<boolean> {
    const { store, log } = this.#parts.ctx;
    const queue = store.queue(timerTopic, 0);
    const until = queue.maxOffset;
    while (this.#running && this.#queueOffset < until) {
      if (this.#queueOffset < queue.minOffset) {
        log.error({ queueOffset: this.#queueOffset, minOffset: queue.minOffset }, 'timer messages are gone from the log before they were entered');
        this.#commit(queue.minOffset);
        continue;
      }
      const units = await store.units(queue, this.#queueOffset, batchMessagesMax);
      const outcome = units.length === 0 ? 'failed' : await this.#enterBatch(batchOf(units));
      // Only deliveries make room.
      if (outcome === 'full') return true;
      if (outcome === 'failed') {
        this.#again = true;
        await this.#pause();
        return false;
      }
      if (this.#files.timerLog.waitingBytes > waitingBytesMax || this.#files.wheel.dirtyPages > dirtyPagesMax) await this.#flush();
      else await this.#flushWhenDue();
    }
    if (this.#queueOffset < until) return false;
    this.#caughtUp();
    this.#enteredMs = nowStep;
    return true;
  }

  /** Enters these; what is due when all slots until now are read is put at once. `full`: the wheel has to be read on first. */
  async #enterBatch(units: readonly QueueUnit[]): Promise<'done' | 'full' | 'failed'> {
    const { store } = this.#parts.ctx;
    const records = await store.records(units);
    const due: Due[] = [];
    let next = this.#queueOffset;
    let outcome: 'done' | 'full' | 'failed' = 'done';
    for (const [i, unit] of units.entries()) {
      const record = records[i];
      const message = record === undefined ? 'its record is gone' : readTimerMessage(record);
      if (typeof message === 'string') this.#skip(unit, message);
      else if (this.#isEntered(unit.phyOffset)) this.#count(message, 1);
      else if (this.#rebuildFromMs === undefined || message.outMs >= this.#rebuildFromMs) {
        const nowStep = this.#nowStep();
        if (this.#files.liveSlots === 0) this.#readMs = Math.min(nowStep, Math.max(this.#readMs, this.#enteredMs, this.#files.checkpoint.lastReadTimeMs, nowStep - this.#pastMs));
        // Due by now, but there is a slot to come: it is entered all the same, its mark to delete may follow it.
        if (message.outMs < nowStep && this.#readMs >= nowStep) {
          // A mark to delete that comes too late has nothing left to delete.
          if (message.deletes === undefined) due.push({ message, enteredMs: neverEntered, roll: false });
        } else {
          outcome = this.#enter(message, record?.length ?? 0, nowStep);
          if (outcome !== 'done') break;
        }
      }
      next = unit.queueOffset + 1;
    }
    if (!(await this.#putAll(due))) return 'failed';
    this.#enqueueRate.add(next - this.#queueOffset);
    this.#commit(next);
    const last = this.#alreadyEntered.at(-1);
    if (outcome === 'done' && last !== undefined && (units.at(-1)?.phyOffset ?? 0) >= last) this.#caughtUp();
    return outcome;
  }

  /** Nothing that arrives from here on is in the timer log. */
  #caughtUp(): void {
    if (this.#alreadyEntered.length === 0) return;
    this.#alreadyEntered = new Float64Array(0);
    this.#committedPos = this.#files.timerLog.tail;
  }

  #skip(unit: QueueUnit, why: string): void {
    this.counts.skipped++;
    this.#parts.ctx.log.error({ queueOffset: unit.queueOffset, phyOffset: unit.phyOffset, why }, 'a message of the timer topic is no timer message and is left out');
  }

  #isEntered(phyOffset: number): boolean {
    const entered = this.#alreadyEntered;
    let low = 0;
    let high = entered.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if ((entered[mid] as number) < phyOffset) low = mid + 1;
      else high = mid;
    }
    return entered[low] === phyOffset;
  }

  #commit(queueOffset: number): void {
    this.#queueOffset = queueOffset;
    // As long as messages come that are entered already, a next start has to find that again.
    if (this.#alreadyEntered.length === 0) this.#committedPos = this.#files.timerLog.tail;
    this.#dirty = true;
  }

  /** `TimerMessageStore#doEnqueue`. `full`: its slot is taken by one that waits since before; `failed`: the disk. */
  #enter(message: TimerMessage, recordBytes: number, nowStep: number): 'done' | 'full' | 'failed' {
    // A clock that was set back, or longer ago than the wheel looks back: the slot of that time was read already.
    let timeMs = Math.max(message.outMs - (message.outMs % this.#precisionMs), this.#readMs);
    let magic: number = timerMagic.DEFAULT;
    const window = this.#windowMs;
    if (timeMs - nowStep >= window) {
      magic |= timerMagic.ROLL;
      // Not so near its end that a short roll follows.
      const half = Math.floor(window / this.#precisionMs / 2) * this.#precisionMs;
      const third = Math.floor(window / this.#precisionMs / 3) * this.#precisionMs;
      timeMs = nowStep + (timeMs - nowStep - window < third ? half : window);
    }
    if (message.deletes !== undefined) magic |= timerMagic.DELETE;
    if (!this.#files.hasRoom(timeMs, this.#readMs)) return 'full';
    const late = timeMs < nowStep;
    const unit: TimerUnit = {
      prevPos: -1, magic, writeTimeMs: late ? timeMs - lateMs : nowStep, delayMs: late ? lateMs : timeMs - nowStep,
      phyOffset: message.phyOffset, recordBytes, topicHash: javaStringHash(message.realTopic),
    };
    try {
      this.#files.enter(timeMs, unit);
    } catch (error) {
      this.#parts.ctx.log.error({ error: String(error) }, 'the timer log cannot be written, timers are entered later');
      return 'failed';
    }
    this.counts.entered++;
    this.#count(message, 1);
    return 'done';
  }

  /** `TimerMessageStore#addMetric`: a mark to delete takes one off. */
  #count(message: TimerMessage, value: number): void {
    this.metrics.add(message.realTopic, message.deletes === undefined ? value : -value);
  }

  #endRebuild(): void {
    if (this.#rebuildFromMs === undefined || this.#queueOffset < this.#rebuildEnd) return;
    this.#parts.ctx.log.info({ entered: this.counts.entered }, 'timers are entered anew');
    this.#rebuildFromMs = undefined;
    this.#dirty = true;
  }

  // ---- delivering ----

  /** Delivers the next slot that is due, of those before `untilMs`. False when none is. */
  async #deliverNextSlot(untilMs: number): Promise<boolean> {
    if (this.#files.liveSlots === 0) return false;
    let looked = 0;
    for (; this.#readMs < untilMs; this.#readMs += this.#precisionMs) {
      const slot = this.#files.live(this.#readMs);
      if (slot !== undefined) {
        if (!(await this.#deliverSlot(slot))) return true;
        this.#files.finished(slot);
        this.#dirty = true;
        this.#readMs += this.#precisionMs;
        return true;
      }
      if (++looked >= slotsAtOnce) {
        await new Promise<void>((resolve) => this.#parts.ctx.clock.setTimeout(resolve, 0));
        return true;
      }
    }
    return false;
  }

  /** Delivers all of a slot, oldest first, but for what was called back. False when it has to be done again. */
  async #deliverSlot(slot: TimerSlot): Promise<boolean> {
    const units = this.#units;
    const { ctx } = this.#parts;
    const recalled = new Map<string, TimerMessage>();
    const rolledRecalls = new Map<string, TimerMessage>();
    let first = true;
    do {
      units.clear();
      const marks: number[] = [];
      const rolledMarks: number[] = [];
      const from = deliveredUntil(slot);
      // Marks count whatever was delivered before a stop: a message that was rolled may follow its mark.
      const whole = await this.#files.walk(slot, first ? 0 : from, (pos, unit) => {
        const rolls = (unit.magic & timerMagic.ROLL) !== 0;
        if (first && (unit.magic & timerMagic.DELETE) !== 0) (rolls ? rolledMarks : marks).push(unit.phyOffset);
        if (pos >= from && (rolls || (unit.magic & timerMagic.DELETE) === 0)) units.add(pos, unit);
      });
      if (!whole) {
        this.counts.skipped++;
        ctx.log.error({ timeMs: slot.timeMs, lastPos: slot.lastPos }, 'the timer log of older messages of this time is gone');
      }
      if (first) {
        await this.#readMarks(marks, recalled);
        await this.#readMarks(rolledMarks, rolledRecalls);
      }
      first = false;
      if (!(await this.#deliverUnits(slot, recalled, rolledRecalls))) return false;
    } while (units.overflowed);
    // Marks whose message did not come: they took one off too many.
    for (const message of recalled.values()) this.metrics.add(message.realTopic, 1);
    return this.#running;
  }

  async #readMarks(marks: readonly number[], recalled: Map<string, TimerMessage>): Promise<void> {
    for (let i = 0; i < marks.length; i += batchMessagesMax) {
      const records = await Promise.all(marks.slice(i, i + batchMessagesMax).map((phyOffset) => this.#parts.ctx.store.record(phyOffset)));
      for (const record of records) {
        const message = record === undefined ? 'gone' : readTimerMessage(record);
        if (typeof message !== 'string' && message.deletes !== undefined) recalled.set(message.deletes, message);
      }
    }
  }

  /**
   * `recalled` finds its messages in this slot. What `rolledRecalls` calls back waits for a later one like they do, but when that one is past already
   * message and mark would come out one behind the other, and the message be gone before its mark is seen.
   */
  async #deliverUnits(slot: TimerSlot, recalled: Map<string, TimerMessage>, rolledRecalls: ReadonlyMap<string, TimerMessage>): Promise<boolean> {
    const units = this.#units;
    const { config } = this.#parts.ctx;
    let batch = this.#readBatch(0);
    for (let at = 0; at < units.length; ) {
      const { end } = batch;
      const records = await batch.records;
      // The next one is read while this one is put.
      if (end < units.length) batch = this.#readBatch(end);
      const due: Due[] = [];
      for (const [i, record] of records.entries()) {
        const message = record === undefined ? 'its record is gone' : readTimerMessage(record);
        const magic = units.magic(at + i);
        const roll = (magic & timerMagic.ROLL) !== 0;
        const writeTimeMs = units.writeTimeMs(at + i);
        if (typeof message === 'string' || (message.outMs > slot.timeMs && !roll)) {
          this.#skip({ queueOffset: -1, phyOffset: units.phyOffset(at + i), recordBytes: 0, tagsCode: 0 }, typeof message === 'string' ? message : 'it is of another time');
          continue;
        }
        const key = message.uniqKey === undefined ? undefined : deleteKey(message.realTopic, message.uniqKey, config.appendTopicForTimerDeleteKey);
        if (!roll && key !== undefined && recalled.has(key)) {
          recalled.delete(key);
          this.counts.recalled++;
          continue;
        }
        if (roll && message.deletes === undefined && key !== undefined && rolledRecalls.has(key)) {
          this.counts.recalled++;
          // Its mark goes on, in case the message came more than once, and counts for itself.
          this.#count(message, -1);
          continue;
        }
        due.push({ message, enteredMs: writeTimeMs === slot.timeMs - lateMs ? neverEntered : String(writeTimeMs), roll });
      }
      if (!(await this.#putAll(due))) return false;
      for (const { message } of due) this.#count(message, -1);
      this.#dequeueRate.add(end - at);
      at = end;
      this.#files.delivered(slot, units.posAfter(at - 1), Math.min(slot.num, due.length));
      this.#dirty = true;
      if (at < units.length) await this.#flushWhenDue();
    }
    return true;
  }

  /** Starts to read as many records of the slot, from the `at`-th oldest on, as are delivered at once. */
  #readBatch(at: number): { readonly end: number; readonly records: Promise<readonly (Buffer | undefined)[]> } {
    const units = this.#units;
    const end = units.batchEnd(at, batchMessagesMax, batchBytesMax);
    const records = this.#parts.ctx.store.records(Array.from({ length: end - at }, (_, i) => units.place(at + i)));
    // Whoever awaits it is told; a stop before that leaves nobody.
    records.catch(() => undefined);
    return { end, records };
  }

  /** Puts these, in order, and waits until the log has them; tries again what fails. False when a stop came first. */
  async #putAll(due: readonly Due[]): Promise<boolean> {
    const { ctx, acks } = this.#parts;
    let from = 0;
    while (from < due.length) {
      let last = -1;
      let to = from;
      let refused = '';
      for (; to < due.length; to++) {
        const one = due[to] as Due;
        const result = putAgain(ctx, this.#form, one.message, one.enteredMs, one.roll);
        if (result.status === 'PUT_OK') last = result.phyOffset;
        else if (result.status === 'MESSAGE_ILLEGAL' || result.status === 'PROPERTIES_SIZE_EXCEEDED') {
          // It would be refused for ever (`TimerMessageStore#doPut`).
          this.counts.skipped++;
          ctx.log.error({ phyOffset: one.message.phyOffset, topic: one.message.realTopic, status: result.status }, 'a timer message cannot be stored at its place and is left out');
        } else {
          refused = `${result.status} ${result.remark}`;
          break;
        }
      }
      const written = last < 0 || (await new Promise<boolean>((resolve) => acks.settle(last, false, (outcome) => resolve(outcome !== 'FAULT'))));
      if (written) {
        for (const one of due.slice(from, to)) this.counts[one.roll ? 'rolled' : 'delivered']++;
        from = to;
        if (refused === '') continue;
      }
      ctx.log.warn({ remark: refused === '' ? ctx.store.fault : refused, waiting: due.length - from }, 'timer messages could not be stored, they are tried again');
      if (!(await this.#pause())) return false;
    }
    return true;
  }

  /** Waits a while after a failure; false when a stop came meanwhile. */
  async #pause(): Promise<boolean> {
    this.counts.retries++;
    if (this.#running) await new Promise<void>((resolve) => this.#parts.ctx.clock.setTimeout(resolve, retryPauseMs));
    return this.#running;
  }

  // ---- durability ----

  async #flushWhenDue(): Promise<void> {
    const { clock, config } = this.#parts.ctx;
    const sinceMs = clock.nowMs() - this.#flushedMs;
    if (this.#dirty && (sinceMs >= config.timerFlushIntervalMs || sinceMs < 0)) await this.#flush();
  }

  /** Commit log, timer log, wheel, checkpoint, in this order. */
  async #flush(): Promise<void> {
    const { clock, log, store } = this.#parts.ctx;
    this.#flushedMs = clock.nowMs();
    // A unit must not outlive its message, nor the read time a delivery.
    if ((await store.flushed(store.positions.written, flushPatienceMs)) !== 'FLUSHED') return;
    try {
      // Half of what is entered anew says nothing: the mark of the rebuild stays until the end.
      await this.#files.flush(this.#rebuildFromMs === undefined ? this.checkpoint() : undefined);
    } catch (error) {
      this.counts.retries++;
      log.error({ error: String(error) }, 'timer files cannot be written, they stay in memory');
      return;
    }
    this.counts.flushes++;
    this.#dirty = false;
    this.metrics.save();
  }

  async #clean(): Promise<void> {
    const { clock, store } = this.#parts.ctx;
    if (Math.abs(clock.nowMs() - this.#cleanedMs) < cleanPeriodMs) return;
    this.#cleanedMs = clock.nowMs();
    await this.#files.removeExpired(store.positions.min);
    if (this.#files.liveSlots === 0) this.#files.timerLog.dropPages();
  }

  // ---- figures ----

  num(timeMs: number): number {
    return this.#files.live(timeMs - (timeMs % this.#precisionMs))?.num ?? 0;
  }

  figures(): TimerFigures {
    const nowMs = this.#parts.ctx.clock.nowMs();
    const readMs = this.#files.liveSlots === 0 ? this.#nowStep() : this.#readMs;
    return {
      readBehindSec: Math.trunc((nowMs - readMs) / 1000),
      offsetBehind: this.#behind(),
      congestNum: this.#files.pending,
      enqueueTps: this.#enqueueRate.tps(nowMs),
      dequeueTps: this.#dequeueRate.tps(nowMs),
    };
  }

  checkpoint(): TimerCheckpoint {
    const old = this.#files.checkpoint;
    const readMs = this.#files.liveSlots === 0 ? Math.max(this.#readMs, this.#quietMs()) : this.#readMs;
    const same = old.lastReadTimeMs === readMs && old.lastTimerQueueOffset === this.#queueOffset;
    return {
      lastReadTimeMs: readMs,
      lastTimerLogFlushPos: this.#committedPos,
      lastTimerQueueOffset: this.#queueOffset,
      masterTimerQueueOffset: this.#queueOffset,
      dataVersion: same && old.dataVersion.stateVersion === 0 ? old.dataVersion : nextDataVersion(old.dataVersion, this.#parts.ctx.clock.nowMs()),
    };
  }
}

/** As many units from the first on as one batch takes. */
function batchOf(units: readonly QueueUnit[]): readonly QueueUnit[] {
  let bytes = 0;
  let count = 0;
  for (const unit of units) {
    bytes += unit.recordBytes;
    if (count > 0 && bytes > batchBytesMax) break;
    count++;
  }
  return units.slice(0, count);
}
