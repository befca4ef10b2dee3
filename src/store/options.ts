/**
 * What a store is opened with: the configuration keys it honours (Apache's names), its clock, log and disk. Defaults of optional keys stand here.
 */
import * as os from 'node:os';
import type { Disk } from './disk.js';

/** Honoured keys of `MessageStoreConfig`. Optional ones have Apache's default. */
export interface StoreConfig {
  mappedFileSizeCommitLog: number;
  mappedFileSizeConsumeQueue: number;
  /** Bytes of a file of batch units, 46 each. */
  mapperFileSizeBatchConsumeQueue?: number;
  flushIntervalCommitLog: number;
  flushIntervalConsumeQueue: number;
  flushDiskType: 'ASYNC_FLUSH' | 'SYNC_FLUSH';
  fileReservedTime: number;
  deleteWhen: string;
  cleanResourceInterval: number;
  deleteCommitLogFilesInterval: number;
  diskMaxUsedSpaceRatio: number;
  cleanFileForciblyEnable: boolean;
  checkCRCOnRecover: boolean;
  maxMessageSize: number;
  messageIndexEnable: boolean;
  maxHashSlotNum: number;
  maxIndexNum: number;
  maxMsgsNumBatch: number;
  maxTransferBytesOnMessageInMemory: number;
  maxTransferCountOnMessageInMemory: number;
  maxTransferBytesOnMessageInDisk: number;
  maxTransferCountOnMessageInDisk: number;
  accessMessageInMemoryMaxRatio: number;
  commitLogRecoverMaxNum: number;
  /** Bytes of recently written log kept in memory. */
  tailCacheBytesMax: number;
  /** Bytes of log pages kept for consumers that read from disk. */
  readCacheBytesMax: number;
  /** Percent of the disk at which files are deleted before their time. Clamped to 30..85. */
  diskSpaceCleanForciblyRatio?: number;
  /** Percent of the disk at which puts are refused. Clamped to 35..90. */
  diskSpaceWarningLevelRatio?: number;
  /** Keep tags code, store time and filter bits of each message beside its entry. */
  enableConsumeQueueExt?: boolean;
  mappedFileSizeConsumeQueueExt?: number;
  /** Bytes of ConsumeQueue entries one get looks at. */
  maxFilterMessageSize?: number;
  /** Bytes of memory that `accessMessageInMemoryMaxRatio` is a part of; the machine's by default. */
  totalMemoryBytes?: number;
  messageDelayLevel?: string;
  /** Messages may name light queues (INNER_MULTI_DISPATCH): both keys switch that on. */
  enableLmq?: boolean;
  enableMultiDispatch?: boolean;
  /** With enableLmqQuota no light queue beyond maxLmqConsumeQueueNum is made. */
  enableLmqQuota?: boolean;
  maxLmqConsumeQueueNum?: number;
  /** Ours: bytes of ConsumeQueue entries kept in memory for reads. */
  queueCacheBytesMax?: number;
  /** Ours: milliseconds between checkpoints; what lies behind the last one is dispatched again after an unclean stop. */
  checkpointIntervalMs?: number;
  /** Recovery begins where the index ends, not where the checkpoint stands (`IndexService#isMappedFileMatchedRecover`). */
  messageIndexSafe?: boolean;
  /** Topics with cleanup.policy=COMPACTION have compaction logs. */
  enableCompaction?: boolean;
  /** Bytes of a file of a compaction log, and of its queue; see `segmentSizes`. */
  compactionMappedFileSize?: number;
  compactionCqMappedFileSize?: number;
  /** Milliseconds. */
  compactionScheduleInternal?: number;
  /** Bytes of memory for keys, of all compactions that run at a time. */
  maxOffsetMapSize?: number;
  /** Compactions at a time. */
  compactionThreadNum?: number;
  /** Ours: bytes of the log after which recovery writes what it dispatched to the files. */
  recoverStepBytes?: number;
  /** Ours: bytes of the log's end that are checked after a clean stop. */
  recoverRecentBytes?: number;
  /** Ours: bytes written to the log after which write-back starts without waiting for flushIntervalCommitLog. */
  flushBytes?: number;
}

export interface StoreTimer {
  clear(): void;
}

export interface StoreClock {
  nowMs(): number;
  setTimeout(callback: () => void, delayMs: number): StoreTimer;
}

export interface StoreLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface StoreOptions {
  /** `storePathRootDir`. */
  root: string;
  /** `storePathCommitLog`; `<root>/commitlog` when absent or empty. */
  commitLogDir?: string | undefined;
  disk: Disk;
  clock: StoreClock;
  log: StoreLog;
  config: StoreConfig;
  /** Topics with queue.type=BatchCQ; asked during recovery already. None when absent. */
  isBatchTopic?: ((topic: string) => boolean) | undefined;
  /** Called once the store has given its memory back after a busy time (collect.ts). */
  collect?: (() => void) | undefined;
}

/** True when messages are entered in the light queues that they name. */
export function servesLightQueues(config: Pick<StoreConfig, 'enableLmq' | 'enableMultiDispatch'>): boolean {
  return config.enableLmq === true && config.enableMultiDispatch === true;
}

/** `MessageStoreConfig#maxLmqConsumeQueueNum`. */
export const lightQueuesMaxDefault = 20000;

/** `MessageStoreConfig#mappedFileSizeConsumeQueueExt`. */
export const extensionFileBytesDefault = 48 * 1024 * 1024;

/** `MessageStoreConfig#messageDelayLevel`. */
export const defaultDelayLevels = '1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h';

/** Every key with Apache's default (`MessageStoreConfig` of 5.5.0); caches are ours. */
export function defaultStoreConfig(): StoreConfig {
  return {
    mappedFileSizeCommitLog: 1024 * 1024 * 1024,
    mappedFileSizeConsumeQueue: 300000 * 20,
    flushIntervalCommitLog: 500,
    flushIntervalConsumeQueue: 1000,
    flushDiskType: 'ASYNC_FLUSH',
    fileReservedTime: 72,
    deleteWhen: '04',
    cleanResourceInterval: 10000,
    deleteCommitLogFilesInterval: 100,
    diskMaxUsedSpaceRatio: 75,
    cleanFileForciblyEnable: true,
    checkCRCOnRecover: true,
    maxMessageSize: 4 * 1024 * 1024,
    messageIndexEnable: true,
    maxHashSlotNum: 5000000,
    maxIndexNum: 20000000,
    maxMsgsNumBatch: 64,
    maxTransferBytesOnMessageInMemory: 256 * 1024,
    maxTransferCountOnMessageInMemory: 32,
    maxTransferBytesOnMessageInDisk: 64 * 1024,
    maxTransferCountOnMessageInDisk: 8,
    accessMessageInMemoryMaxRatio: 40,
    commitLogRecoverMaxNum: 10,
    tailCacheBytesMax: 64 * 1024 * 1024,
    readCacheBytesMax: 64 * 1024 * 1024,
  };
}

/** Bytes of memory within which messages count as "in memory" (`DefaultMessageStore#estimateInMemByCommitOffset`). */
export function memoryWindowBytes(config: StoreConfig): number {
  return Math.floor(((config.totalMemoryBytes ?? os.totalmem()) * config.accessMessageInMemoryMaxRatio) / 100);
}

/**
 * Milliseconds of each delay level, index 1 = level 1 (`DefaultMessageStore#parseDelayLevel`). A part it cannot read is a RangeError naming it.
 */
export function delayLevelTable(levels: string): number[] {
  const table = [0];
  const units: Record<string, number> = { s: 1000, m: 60000, h: 3600000, d: 86400000 };
  for (const part of levels.trim().split(/\s+/)) {
    const unit = units[part.slice(-1)];
    const count = Number(part.slice(0, -1));
    if (unit === undefined || !Number.isSafeInteger(count) || count < 0) {
      throw new RangeError(`messageDelayLevel: "${part}" is not a number followed by s, m, h or d`);
    }
    table.push(count * unit);
  }
  return table;
}
