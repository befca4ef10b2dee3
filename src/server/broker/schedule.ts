/**
 * The way out of the delay levels (`ScheduleMessageService`): each level's queue of SCHEDULE_TOPIC_XXXX is read in order, and what is due is
 * stored again under its real topic. It owns config/delayOffset.json. The way in is put-place.ts.
 *
 * Progress counts what the log holds: a level moves on only past deliveries that were written, and the file names only what is on the platter. So a
 * clean stop repeats nothing, a killed process repeats what it delivered since the last save, and neither loses a message.
 */
import { readRecord, RecordView } from '../../codec/message-record.js';
import { parseProperties, propertyNames } from '../../codec/properties.js';
import { parseJavaInt } from '../../compat/java-number.js';
import { isMap, longValue, mapOf } from '../../codec/json-members.js';
import { readJson, writeJson } from '../../compat/fastjson.js';
import type { TimerHandle } from '../../remoting/types.js';
import type { Disk } from '../../store/disk.js';
import type { QueueRef, QueueUnit } from '../../store/types.js';
import { ConfigFile, fileCharsMax } from './config-file.js';
import { newDataVersion, nextDataVersion, readDataVersion } from './data-version.js';
import { delayQueueId } from './delay-levels.js';
import type { PutForm } from './put-form.js';
import { PutForm as Form } from './put-form.js';
import type { PutParts } from './put-place.js';
import { scheduleTopic, transHalfTopic } from './topic-names.js';
import type { DataVersion } from './types.js';

/** Pause after a delivery that failed, and the longest sleep over a message that is not due (`ScheduleMessageService#DELAY_FOR_A_WHILE`, 100 ms). */
export const retryPauseMs = 100;

/** Longest sleep before a level looks at its clock again: bounds what a clock that is set forward costs. */
const sleepMsMax = 1000;

/** `MessageStoreConfig#flushDelayOffsetInterval`. */
export const savePeriodMs = 10_000;

/** `BrokerConfig#delayOffsetUpdateVersionStep`: deliveries between two steps of the file's DataVersion. */
const versionStep = 200;

/** Messages and bytes delivered in one go; then other work of the thread has its turn. */
const batchMessagesMax = 256;
const batchBytesMax = 1024 * 1024;

/** Patience of a save with the platter; a save that loses it waits for the next round. */
const flushPatienceMs = 5000;

/** `DelayOffsetSerializeWrapper`. */
export interface DelayOffsets {
  readonly dataVersion: DataVersion;
  /** Next offset to deliver, by level. */
  readonly offsetTable: ReadonlyMap<number, number>;
}

export interface Schedule {
  /** Reads delayOffset.json. Throws a Fault when it and its backup cannot be read. */
  load(): void;
  start(): void;
  /** Lets the delivery at work finish, saves, and delivers no more. */
  stop(): Promise<void>;
  /** Next offset to deliver, by level. */
  readonly offsets: ReadonlyMap<number, number>;
  /** What delayOffset.json would say now; levels ascend. */
  state(): DelayOffsets;
  /** Saves progress now, as far as it is on the platter. */
  save(): Promise<void>;
}

class Level {
  readonly level: number;
  readonly delayMs: number;
  offset = 0;
  timer: TimerHandle | undefined;
  /** The delivery at work. */
  working: Promise<void> | undefined;

  constructor(level: number, delayMs: number) {
    this.level = level;
    this.delayMs = delayMs;
  }
}

export function createSchedule(parts: PutParts, disk: Disk): Schedule {
  const { ctx, acks } = parts;
  const { clock, log, store } = ctx;
  const levels = parts.delays.map((delayMs, i) => new Level(i + 1, delayMs));
  /** Its own form: deliveries happen between the pieces of other requests. */
  const form: PutForm = new Form(ctx);
  const view = new RecordView();
  const offsets = new Map<number, number>();
  let dataVersion: DataVersion = newDataVersion(clock.nowMs());
  let delivered = 0;
  let dirty = false;
  let running = false;
  let saver: TimerHandle | undefined;
  let savedOffsets: ReadonlyMap<number, number> = offsets;

  const file = new ConfigFile({
    disk,
    path: `${ctx.config.storePathConfigDir}/delayOffset.json`,
    log,
    encode: () => writeJson({ dataVersion: { ...dataVersion }, offsetTable: savedOffsets }, true),
  });

  function queueOf(level: Level): QueueRef {
    return store.queue(scheduleTopic, delayQueueId(level.level));
  }

  function advance(level: Level, offset: number, messages: number): void {
    level.offset = offset;
    offsets.set(level.level, offset);
    dirty = true;
    if (Math.floor((delivered + messages) / versionStep) !== Math.floor(delivered / versionStep)) dataVersion = nextDataVersion(dataVersion, clock.nowMs());
    delivered += messages;
  }

  function wakeIn(level: Level, delayMs: number): void {
    if (!running) return;
    level.timer?.clear();
    level.timer = clock.setTimeout(() => {
      level.timer = undefined;
      work(level);
    }, delayMs);
  }

  function work(level: Level): void {
    if (!running || level.working !== undefined) return;
    level.working = deliverDue(level)
      .catch((error: unknown) => {
        log.error({ level: level.level, queueOffset: level.offset, error: String(error) }, 'delayed messages could not be delivered');
        return retryPauseMs;
      })
      .then((sleepMs) => {
        level.working = undefined;
        if (sleepMs !== undefined) wakeIn(level, sleepMs);
        else if (level.offset < queueOf(level).maxOffset) wakeIn(level, 0);
      });
  }

  /** Delivers what is due. Milliseconds to sleep, or undefined to sleep until a message arrives. */
  async function deliverDue(level: Level): Promise<number | undefined> {
    const queue = queueOf(level);
    while (running) {
      if (level.offset < queue.minOffset) {
        log.error({ level: level.level, queueOffset: level.offset, minOffset: queue.minOffset }, 'delayed messages are gone from the log');
        advance(level, queue.minOffset, 0);
      }
      if (level.offset >= queue.maxOffset) return undefined;
      const units = await store.units(queue, level.offset, batchMessagesMax);
      const first = units[0];
      if (first === undefined) return retryPauseMs;
      const nowMs = clock.nowMs();
      const due = dueUnits(units, level.delayMs, nowMs);
      if (due === 0) return Math.min(sleepMsMax, Math.max(1, first.tagsCode - nowMs));
      if (!(await deliver(level, units.slice(0, due)))) return retryPauseMs;
    }
    return undefined;
  }

  /** How many units from the first on are due; a time further off than the level's delay is due at once (`#correctDeliverTimestamp`). */
  function dueUnits(units: readonly QueueUnit[], delayMs: number, nowMs: number): number {
    let count = 0;
    let bytes = 0;
    for (const unit of units) {
      if (unit.tagsCode > nowMs && unit.tagsCode <= nowMs + delayMs) break;
      bytes += unit.recordBytes;
      if (count > 0 && bytes > batchBytesMax) break;
      count++;
    }
    return count;
  }

  /** Stores these again; false when not all of them were written. The level moves past those that were. */
  async function deliver(level: Level, units: readonly QueueUnit[]): Promise<boolean> {
    const records = await store.records(units);
    let next = level.offset;
    let count = 0;
    let last = -1;
    let failed = false;
    for (const [i, unit] of units.entries()) {
      const record = records[i];
      if (record !== undefined) {
        const put = redeliver(record, unit);
        if (put === 'failed') {
          failed = true;
          break;
        }
        if (put !== 'skipped') last = put;
      }
      next = unit.queueOffset + 1;
      count++;
    }
    if (last >= 0) {
      const written = await new Promise<boolean>((resolve) => acks.settle(last, false, (outcome) => resolve(outcome !== 'FAULT')));
      if (!written) return false;
    }
    if (next > level.offset) advance(level, next, count);
    return !failed;
  }

  /**
   * Puts a due message to its real place. Its properties stay as they are stored, DELAY, REAL_TOPIC and REAL_QID among them: Apache clears
   * those only after it wrote the string (`ScheduleMessageService#messageTimeUp`).
   */
  function redeliver(record: Buffer, unit: QueueUnit): number | 'skipped' | 'failed' {
    if (readRecord(view, record, 0, record.length) !== 'record') {
      log.error({ phyOffset: unit.phyOffset, reason: view.reason }, 'a delayed message cannot be read and is left out');
      return 'skipped';
    }
    const properties = parseProperties(record.toString('utf8', view.propertiesStart, view.propertiesEnd));
    const topic = properties.get(propertyNames.REAL_TOPIC);
    const queueId = parseJavaInt(properties.get(propertyNames.REAL_QUEUE_ID) ?? '');
    if (topic === undefined || queueId === undefined || queueId < 0 || topic === transHalfTopic) {
      log.error({ phyOffset: unit.phyOffset, topic, queueId }, 'a delayed message names no place it may go to and is left out');
      return 'skipped';
    }
    const input = form.input;
    input.queue = store.queue(topic, queueId);
    input.flag = view.flag;
    input.sysFlag = view.sysFlag;
    input.bornTimestamp = view.bornTimestamp;
    input.bornHost = record.subarray(view.bornHostStart, view.bornHostEnd);
    input.reconsumeTimes = view.reconsumeTimes;
    input.preparedTransactionOffset = 0;
    input.body = record;
    input.bodyStart = view.bodyStart;
    input.bodyEnd = view.bodyEnd;
    form.exactBytes(record, view.propertiesStart, view.propertiesEnd);
    input.sysFlag = form.sysFlag(view.sysFlag, input.bornHost);
    const result = store.put(input);
    if (result.status === 'PUT_OK') return result.phyOffset;
    log.warn({ topic, queueId, phyOffset: unit.phyOffset, status: result.status, remark: result.remark }, 'a delayed message could not be stored');
    return 'failed';
  }

  function decode(text: string): void {
    const value = readJson(text, fileCharsMax);
    if (!isMap(value)) throw new Error('delayOffset.json: expected an object');
    for (const [key, offset] of mapOf(value, 'offsetTable')) {
      const level = Number(typeof key === 'object' ? NaN : key);
      const next = longValue(offset);
      if (!Number.isInteger(level) || level < 1 || next === undefined || next < 0) continue;
      offsets.set(level, next);
    }
    if (isMap(value.get('dataVersion'))) dataVersion = readDataVersion(mapOf(value, 'dataVersion'));
  }

  /** `ScheduleMessageService#correctDelayOffset`. */
  function correct(level: Level): void {
    const queue = store.existingQueue(scheduleTopic, delayQueueId(level.level));
    const stored = offsets.get(level.level);
    if (queue === undefined || stored === undefined) return;
    level.offset = Math.min(Math.max(stored, queue.minOffset), queue.maxOffset);
    if (level.offset !== stored) {
      log.error({ level: level.level, stored, minOffset: queue.minOffset, maxOffset: queue.maxOffset }, 'progress of a delay level was outside its queue');
      advance(level, level.offset, 0);
    }
  }

  const ascending = (): Map<number, number> => new Map([...offsets].sort(([a], [b]) => a - b));

  async function save(): Promise<void> {
    if (!dirty) return;
    const snapshot = ascending();
    dirty = false;
    // Progress over a delivery that a power cut could still take back would lose the message.
    if ((await store.flushed(store.positions.written, flushPatienceMs)) !== 'FLUSHED') {
      dirty = true;
      return;
    }
    savedOffsets = snapshot;
    file.save();
    await file.flush();
  }

  store.onArrival((queue) => {
    if (!running || queue.topic !== scheduleTopic) return;
    const level = levels[queue.queueId];
    // A level with a timer sleeps over an earlier message of the same delay.
    if (level !== undefined && level.timer === undefined && level.working === undefined) wakeIn(level, Math.min(sleepMsMax, level.delayMs));
  });

  return {
    load() {
      file.load(decode);
    },
    start() {
      running = true;
      for (const level of levels) {
        correct(level);
        work(level);
      }
      saver = clock.setInterval(() => {
        save().catch((error: unknown) => log.error({ error: String(error) }, 'progress of the delay levels could not be saved'));
      }, savePeriodMs);
    },
    async stop() {
      running = false;
      saver?.clear();
      for (const level of levels) level.timer?.clear();
      for (const level of levels) await level.working;
      await save();
      await file.flush();
    },
    offsets,
    state: () => ({ dataVersion, offsetTable: ascending() }),
    save,
  };
}
