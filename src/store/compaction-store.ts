/**
 * The compaction logs of a store (`CompactionStore`, `CompactionPositionMgr`): which queues have one, when they are compacted, and the file that says how
 * far (`compaction/position-checkpoint`).
 */
import * as os from 'node:os';
import * as path from 'node:path';
import { isMap, mapOf } from '../codec/json-members.js';
import { readJson, writeJson } from '../compat/fastjson.js';
import { CompactionLog } from './compaction-log.js';
import type { CompactionLogParts } from './compaction-log.js';
import { segmentSizes } from './compaction-segment.js';
import { diskErrorCode } from './disk.js';
import type { StoreTimer } from './options.js';
import type { StoreParts } from './parts.js';
import { readSmallFile, replaceFileInDir } from './small-file.js';
import type { QueueRef } from './types.js';

/** `MessageStoreConfig`. */
export const compactionDefaults = {
  enableCompaction: true,
  compactionMappedFileSize: 100 * 1024 * 1024,
  compactionCqMappedFileSize: 10 * 1024 * 1024,
  compactionScheduleInternal: 15 * 60 * 1000,
  maxOffsetMapSize: 100 * 1024 * 1024,
  compactionThreadNum: 6,
} as const;

/** How long what was written stays without a sync, in milliseconds. */
const syncPeriodMs = 1000;
const spreadMs = 7919;

type Parts = Pick<StoreParts, 'root' | 'config' | 'disk' | 'clock' | 'log'>;
type Reading = Pick<CompactionLogParts, 'units' | 'records'>;

export class CompactionStore {
  readonly #parts: Parts;
  readonly #logParts: CompactionLogParts;
  readonly #logs = new Map<QueueRef, CompactionLog>();
  readonly #timers = new Map<CompactionLog, StoreTimer>();
  readonly #positions = new Map<string, number>();
  /** Compactions that run at a time, and those that wait. */
  readonly #runsMax: number;
  readonly #waiting: (() => void)[] = [];
  #runs = 0;
  /** Files of deleted topics are being removed: a topic of the same name begins behind that. */
  #removing: Promise<void> = Promise.resolve();
  #positionsRead = false;
  #saving: Promise<void> = Promise.resolve();
  #syncTimer: StoreTimer | undefined;
  #closed = false;

  constructor(parts: Parts, unclean: boolean, reading: Reading) {
    const { config, disk, log } = parts;
    this.#parts = parts;
    this.#runsMax = Math.min(os.availableParallelism(), Math.max(1, config.compactionThreadNum ?? compactionDefaults.compactionThreadNum));
    this.#logParts = {
      disk, log, unclean, ...reading,
      root: path.join(parts.root, 'compaction'),
      sizes: segmentSizes(config.compactionMappedFileSize ?? compactionDefaults.compactionMappedFileSize, config.compactionCqMappedFileSize ?? compactionDefaults.compactionCqMappedFileSize),
      offsetMapBytes: Math.floor((config.maxOffsetMapSize ?? compactionDefaults.maxOffsetMapSize) / this.#runsMax),
      limits: { count: config.maxTransferCountOnMessageInMemory, bytes: config.maxTransferBytesOnMessageInMemory },
      position: (topic, queueId) => this.#positions.get(`${topic}_${queueId}`) ?? -1,
      setPosition: (topic, queueId, offset) => this.#setPosition(`${topic}_${queueId}`, offset),
    };
  }

  /** The log of a queue, opened in the background when it is asked for the first time. */
  logOf(queue: QueueRef): CompactionLog {
    const existing = this.#logs.get(queue);
    if (existing !== undefined) return existing;
    if (!this.#positionsRead) this.#readPositions();
    const log = new CompactionLog(this.#logParts, queue, this.#removing);
    this.#logs.set(queue, log);
    this.#schedule(log);
    this.arrived(log);
    return log;
  }

  /** The queue has new messages: what is written because of them is synced soon. */
  arrived(log: CompactionLog): void {
    log.arrived();
    this.#syncTimer ??= this.#parts.clock.setTimeout(() => {
      this.#syncTimer = undefined;
      void this.#syncAll();
    }, syncPeriodMs);
  }

  async #syncAll(): Promise<void> {
    for (const log of this.#logs.values()) {
      if (!log.isDirty) continue;
      await log.sync().catch((error: unknown) => this.#parts.log.warn({ code: diskErrorCode(error) }, 'a compaction log cannot be synced'));
      this.arrived(log);
    }
  }

  /** `CompactionStore#loadAndGetClog`: after one to two intervals and a second, again and again. */
  #schedule(log: CompactionLog): void {
    const interval = this.#parts.config.compactionScheduleInternal ?? compactionDefaults.compactionScheduleInternal;
    // Logs that are opened together are not compacted together.
    const delayMs = interval + 1000 + ((this.#parts.clock.nowMs() + this.#timers.size * spreadMs) % interval);
    const again = (): void => {
      this.#timers.set(log, this.#parts.clock.setTimeout(() => void this.#inTurn(log).then(() => (this.#closed || !this.#timers.has(log) ? undefined : again())), delayMs));
    };
    again();
  }

  /** No more compactions at a time than `compactionThreadNum`. */
  async #inTurn(log: CompactionLog): Promise<void> {
    if (this.#runs >= this.#runsMax) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#runs++;
    try {
      await log.compact();
    } finally {
      this.#runs--;
      this.#waiting.shift()?.();
    }
  }

  /** `{"queueOffsetMap":{"TOPIC_QUEUEID":offset}}`; one that cannot be read costs a compaction more. */
  #readPositions(): void {
    this.#positionsRead = true;
    const name = path.join(this.#logParts.root, 'position-checkpoint');
    try {
      const text = readSmallFile(this.#parts.disk, name);
      const root = text === undefined ? null : readJson(text);
      if (!isMap(root)) return;
      for (const [key, value] of mapOf(root, 'queueOffsetMap')) if (typeof key === 'string' && typeof value === 'number' && Number.isSafeInteger(value)) this.#positions.set(key, value);
    } catch (error) {
      this.#parts.log.warn({ name, reason: diskErrorCode(error) }, 'the positions of compactions cannot be read, everything is compacted again');
    }
  }

  #setPosition(key: string, offset: number): Promise<void> {
    this.#positions.set(key, offset);
    return this.#save();
  }

  #save(): Promise<void> {
    const write = (): Promise<void> =>
      replaceFileInDir(this.#parts.disk, path.join(this.#logParts.root, 'position-checkpoint'), writeJson({ queueOffsetMap: new Map(this.#positions) }, true));
    this.#saving = this.#saving.then(write, write);
    return this.#saving;
  }

  /** Forgets the queues of deleted topics and removes their files. */
  remove(topics: ReadonlySet<string>): Promise<void> {
    const removed = this.#removing.then(() => this.#remove(topics));
    this.#removing = removed.catch(() => undefined);
    return removed;
  }

  async #remove(topics: ReadonlySet<string>): Promise<void> {
    let changed = false;
    for (const [queue, log] of [...this.#logs]) {
      if (!topics.has(queue.topic)) continue;
      this.#logs.delete(queue);
      this.#timers.get(log)?.clear();
      this.#timers.delete(log);
      await log.remove();
      changed = this.#positions.delete(`${queue.topic}_${queue.queueId}`) || changed;
    }
    if (changed) await this.#save();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#syncTimer?.clear();
    for (const timer of this.#timers.values()) timer.clear();
    for (const log of this.#logs.values()) await log.close();
    await this.#saving.catch(() => undefined);
  }
}
