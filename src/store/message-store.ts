/**
 * The store as the broker sees it: puts, the turn's write, visibility, faults, and the background work of one open directory.
 * Bytes of the log are commit-log.ts, entries consume-queue.ts, the index key-index.ts, reading read.ts, opening recover.ts.
 */
import * as path from 'node:path';
import { javaHashOfBytes } from '../compat/java-string-hash.js';
import { BatchCursor } from '../codec/batch.js';
import { Fault } from '../codec/errors.js';
import { blankBytesMin, encodeRecord, recordLength, recordLengthOf, RecordFields, storedPropertiesBytes } from '../codec/message-record.js';
import { propertiesBytesMax, propertySeparator, PropertyScan, scanProperties } from '../codec/properties.js';
import { isUndispatched, messageSysFlag, transactionType } from '../codec/sys-flag.js';
import { CheckpointFile } from './checkpoint.js';
import { Cleaner } from './clean.js';
import { CommitLog } from './commit-log.js';
import type { StoreQueue } from './consume-queue.js';
import { diskErrorCode } from './disk.js';
import type { Disk } from './disk.js';
import { tagsCodeOf } from './dispatch.js';
import { Flusher } from './flush.js';
import { KeyIndex } from './key-index.js';
import { defaultDelayLevels, delayLevelTable } from './options.js';
import type { StoreOptions, StoreTimer } from './options.js';
import type { StoreParts } from './parts.js';
import { QueueTable } from './queue-table.js';
import { StoreReader } from './read.js';
import { openLogFiles, Recovery } from './recover.js';
import type { Recovered } from './recover.js';
import { runtimeInfo, StoreCounts } from './runtime-info.js';
import type {
  FlushOutcome,
  GetResult,
  IndexQueryResult,
  LogPositions,
  MessageFilter,
  MessageStore,
  PutInput,
  PutResult,
  PutStatus,
  QueueRef,
  QueueUnit,
  RecoveryReport,
} from './types.js';

/** A record may be this much larger than maxMessageSize (`MessageExtEncoder#updateEncoderBufferCapacity`). */
const recordOverheadMax = 64 * 1024;
/** Properties and topic bytes that `DefaultMessageStore#checkMessage`'s hooks allow. */
const topicBytesMax = 255;
/** How often a full disk is looked at again. */
const probeIntervalMs = 1000;
/** Without a put for so long the tail cache and other memory is given back. */
const idleMs = 30000;
const checkpointIntervalDefault = 10000;
/** Log bytes after which a checkpoint is due before its time: what recovery has to go through. */
const checkpointBytesMax = 256 * 1024 * 1024;
const queueCacheDefault = 16 * 1024 * 1024;
const NO_BYTES = new Uint8Array(0);

/** What the directory of a store may hold; anything else in a directory without these is somebody else's. */
const storeNames = new Set([
  'commitlog',
  'consumequeue',
  'consumequeue_ext',
  'batchconsumequeue',
  'index',
  'config',
  'checkpoint',
  'abort',
  'lock',
  'timerwheel',
  'timerlog',
  'epochFileCheckpoint',
  'brokerIdentity',
]);

/** The store with what only its opener needs. */
export interface OpenStore extends MessageStore {
  /** Address and port as records carry it, 8 or 20 bytes; known once the broker listens. Put before records are put. */
  setStoreHost(host: Uint8Array): void;
  /** Looks at age and space now, as the timer does. Returns the log files removed. */
  clean(): Promise<number>;
  /** Writes derived files and the checkpoint now, as the timer does. */
  checkpoint(): Promise<void>;
}

/**
 * Opens (and recovers) the store in a directory, making it when missing. Throws a Fault that names what is wrong: in use by another process, a foreign
 * directory, files of another size, a disk error.
 */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  const { disk, root, clock, config, log } = options;
  const startedMs = clock.nowMs();
  checkConfig(options);
  const commitLogDir = options.commitLogDir === undefined || options.commitLogDir === '' ? path.join(root, 'commitlog') : options.commitLogDir;
  await makeDurableDir(disk, root);
  checkOwn(options);
  const unlock = await disk.lock(root);
  try {
    await makeDurableDir(disk, commitLogDir);
    disk.makeDir(path.join(root, 'consumequeue'));
    const nowMs = (): number => clock.nowMs();
    const parts: StoreParts = {
      root,
      config,
      disk,
      clock,
      log,
      commitLog: new CommitLog(disk, commitLogDir, config.mappedFileSizeCommitLog, config.tailCacheBytesMax, nowMs),
      queues: new QueueTable(disk, path.join(root, 'consumequeue'), config.mappedFileSizeConsumeQueue),
      index: config.messageIndexEnable
        ? new KeyIndex(disk, path.join(root, 'index'), config.maxHashSlotNum, config.maxIndexNum, nowMs)
        : undefined,
      delayLevels: delayLevelTable(config.messageDelayLevel ?? defaultDelayLevels),
    };
    const checkpoint = new CheckpointFile(disk, root);
    checkpoint.load();
    const abort = path.join(root, 'abort');
    const cleanStop = disk.stat(abort) === undefined;
    openLogFiles(parts, cleanStop, checkpoint.value.logicsPhysicalOffset);
    const recovery = new Recovery(parts);
    const recovered = recovery.run(cleanStop, checkpoint.value, startedMs);
    const marker = disk.open(abort, 'create');
    const pid = Buffer.from(String(process.pid), 'latin1');
    marker.setLength(0);
    marker.writeSync(pid, 0, pid.length, 0);
    marker.close();
    await disk.syncDir(root);
    await disk.syncDir(commitLogDir);
    parts.commitLog.dirDirty = false;
    const store = new DiskMessageStore(parts, recovery, recovered, checkpoint, () => {
      disk.unlink(abort);
    }, unlock);
    await store.settle();
    return store;
  } catch (error) {
    unlock();
    if (error instanceof Fault) throw error;
    throw new Fault(`the store in ${root} cannot be opened: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

/** Makes a directory so that it, and what will be synced in it, survives a power loss. */
async function makeDurableDir(disk: Disk, dir: string): Promise<void> {
  const missing: string[] = [];
  for (let at = path.resolve(dir); disk.stat(at) === undefined && path.dirname(at) !== at; at = path.dirname(at)) missing.push(at);
  disk.makeDir(dir);
  for (const made of missing.reverse()) await disk.syncDir(path.dirname(made));
}

function checkConfig(options: StoreOptions): void {
  const { config } = options;
  const positive = (name: string, value: number, least: number): void => {
    if (!Number.isSafeInteger(value) || value < least) throw new Fault(`${name} is ${value}, it must be a whole number of at least ${least}`);
  };
  positive('mappedFileSizeCommitLog', config.mappedFileSizeCommitLog, 256);
  positive('mappedFileSizeConsumeQueue', config.mappedFileSizeConsumeQueue, 20);
  positive('maxHashSlotNum', config.maxHashSlotNum, 1);
  positive('maxIndexNum', config.maxIndexNum, 2);
  positive('maxMessageSize', config.maxMessageSize, 1);
  if (config.mappedFileSizeConsumeQueue % 20 !== 0) {
    throw new Fault(`mappedFileSizeConsumeQueue is ${config.mappedFileSizeConsumeQueue}, it must be a multiple of 20`);
  }
}

/** Refuses a directory that holds only files of somebody else. */
function checkOwn(options: StoreOptions): void {
  const names = options.disk.list(options.root);
  if (names.length === 0 || names.some((name) => storeNames.has(name))) return;
  const shown = names.slice(0, 3).join(', ');
  throw new Fault(`data directory ${options.root} holds files that are no message store (${shown}${names.length > 3 ? ', ...' : ''}): choose an empty one`);
}

class MutablePutResult implements PutResult {
  status: PutStatus = 'PUT_OK';
  remark = '';
  phyOffset = 0;
  queueOffset = 0;
  recordBytes = 0;
  storeTimestamp = 0;
  count = 0;
  phyOffsets = new Float64Array(64);
}

class DiskMessageStore implements OpenStore {
  readonly recovery: RecoveryReport;
  readonly syncFlush: boolean;
  readonly #parts: StoreParts;
  readonly #log: CommitLog;
  readonly #queues: QueueTable;
  readonly #index: KeyIndex | undefined;
  readonly #reader: StoreReader;
  readonly #recoverer: Recovery;
  readonly #checkpoint: CheckpointFile;
  readonly #flusher: Flusher;
  readonly #cleaner: Cleaner;
  readonly #removeAbort: () => void;
  readonly #unlock: () => void;
  readonly #recordBytesMax: number;

  readonly #result = new MutablePutResult();
  readonly #fields = new RecordFields();
  readonly #scan = new PropertyScan();
  readonly #batch = new BatchCursor();
  readonly #counts: StoreCounts;
  #suffix: Uint8Array | undefined;
  #suffixStripped: Uint8Array = NO_BYTES;

  /** Queues put into during this turn. */
  #touched: StoreQueue[] = [];
  /** Written, waiting for the sync that makes them visible (SYNC_FLUSH): queue, its next offset, end in the log. */
  #unconfirmed: { queue: StoreQueue; next: number; phyEnd: number }[] = [];
  #listeners: ((queue: QueueRef, fromOffset: number, toOffset: number) => void)[] = [];
  #confirmed: number;
  /** Start of the newest record written, and its store time: what a checkpoint may vouch for. */
  #lastPhy: number;
  #lastStoreMs: number;
  #turnLastPhy: number;
  #turnLastMs: number;
  #fault: string | undefined;
  /** The fault is a full disk: it ends when there is room. */
  #full = false;
  /** Full by the watermark alone. */
  #watermark: string | undefined;
  #closed = false;
  #timers: StoreTimer[] = [];
  #probe: StoreTimer | undefined;
  #derived: Promise<void> = Promise.resolve();
  #derivedTimer: StoreTimer | undefined;
  #checkpointMs = 0;
  #checkpointPhy: number;
  #lastPutMs = 0;

  constructor(parts: StoreParts, recoverer: Recovery, recovered: Recovered, checkpoint: CheckpointFile, removeAbort: () => void, unlock: () => void) {
    this.#parts = parts;
    this.#log = parts.commitLog;
    this.#queues = parts.queues;
    this.#index = parts.index;
    this.#recoverer = recoverer;
    this.recovery = recovered.report;
    this.#checkpoint = checkpoint;
    this.#removeAbort = removeAbort;
    this.#unlock = unlock;
    this.syncFlush = parts.config.flushDiskType === 'SYNC_FLUSH';
    this.#recordBytesMax = parts.config.maxMessageSize + recordOverheadMax;
    this.#reader = new StoreReader(parts);
    this.#counts = new StoreCounts(parts.clock.nowMs());
    this.#confirmed = this.#log.written;
    this.#lastPhy = this.#turnLastPhy = recovered.lastPhyOffset;
    this.#lastStoreMs = this.#turnLastMs = recovered.lastStoreTimestamp;
    this.#checkpointPhy = this.#log.written;
    this.#checkpointMs = parts.clock.nowMs();
    this.#flusher = new Flusher(
      parts,
      () => this.#onFlushed(),
      (remark) => this.#latch(remark, false),
    );
    this.#cleaner = new Cleaner(parts, {
      removed: (base) => {
        this.#reader.logReader.forgetFile(base);
        this.#recoverer.correctMinOffsets();
      },
      derived: () => this.#deleteDerived(),
      diskFull: (remark) => this.#setWatermark(remark),
    });
    this.#fields.storeHost = new Uint8Array(8);
  }

  /** What recovery changed becomes durable before anything is taken; then timers start. */
  async settle(): Promise<void> {
    for (const file of this.#log.files) file.dirty = true;
    this.#log.dirDirty = true;
    if (!(await this.#flusher.flush())) throw new Fault(this.#fault ?? 'disk sync failed');
    await this.#runDerived(true);
    this.#cleaner.checkSpace();
    this.#cleaner.start();
    this.#armDerived();
  }

  get positions(): LogPositions {
    const log = this.#log;
    return { min: log.min, written: log.written, flushed: log.flushed, confirmed: this.#confirmed, dispatched: log.written };
  }

  get fault(): string | undefined {
    return this.#fault ?? this.#watermark;
  }

  setStoreHost(host: Uint8Array): void {
    if (host.length !== 8 && host.length !== 20) throw new RangeError(`a store host has 8 or 20 bytes, not ${host.length}`);
    this.#fields.storeHost = Uint8Array.from(host);
  }

  queue(topic: string, queueId: number): QueueRef {
    return this.#queues.ref(topic, queueId);
  }

  existingQueue(topic: string, queueId: number): QueueRef | undefined {
    return this.#queues.existing(topic, queueId);
  }

  queueIdsOf(topic: string): readonly number[] {
    return this.#queues.queueIdsOf(topic);
  }

  topicsOnDisk(): readonly string[] {
    return this.#queues.topics();
  }

  onArrival(listener: (queue: QueueRef, fromOffset: number, toOffset: number) => void): void {
    this.#listeners.push(listener);
  }

  // ---- putting ----

  #refuse(status: PutStatus, remark: string): PutResult {
    const result = this.#result;
    result.status = status;
    result.remark = remark;
    result.phyOffset = result.queueOffset = -1;
    result.recordBytes = result.count = 0;
    this.#counts.putFailed++;
    return result;
  }

  /** Why nothing is taken now. */
  #closedRemark(): string | undefined {
    if (this.#closed) return 'the store is closed';
    return this.#fault ?? this.#watermark;
  }

  /** The queue object to append to: a reference kept over the topic's deletion leads to the new one. */
  #queueOf(ref: QueueRef): StoreQueue {
    const queue = ref as StoreQueue;
    return queue.deleted ? this.#queues.ref(queue.topic, queue.queueId) : queue;
  }

  /** The broker's addition without the separator the encoder puts itself. */
  #appended(suffix: Uint8Array | undefined): Uint8Array {
    if (suffix === undefined || suffix.length === 0) return NO_BYTES;
    if (suffix[0] !== propertySeparator) return suffix;
    if (suffix !== this.#suffix) {
      this.#suffix = suffix;
      this.#suffixStripped = suffix.subarray(1);
    }
    return this.#suffixStripped;
  }

  put(input: PutInput): PutResult {
    const closed = this.#closedRemark();
    if (closed !== undefined) return this.#refuse('SERVICE_NOT_AVAILABLE', closed);
    const queue = this.#queueOf(input.queue);
    const fields = this.#fields;
    fields.queueId = queue.queueId;
    fields.flag = input.flag;
    fields.sysFlag = input.sysFlag;
    fields.bornTimestamp = input.bornTimestamp;
    fields.bornHost = input.bornHost;
    fields.reconsumeTimes = input.reconsumeTimes;
    fields.preparedTransactionOffset = input.preparedTransactionOffset;
    fields.body = input.body;
    fields.bodyStart = input.bodyStart;
    fields.bodyEnd = input.bodyEnd;
    fields.topic = queue.topicBytes;
    fields.properties = input.props;
    fields.propertiesStart = input.propsStart;
    fields.propertiesEnd = input.propsEnd;
    fields.appended = this.#appended(input.propsSuffix);
    const propertiesBytes = storedPropertiesBytes(fields);
    if (propertiesBytes > propertiesBytesMax) {
      return this.#refuse('PROPERTIES_SIZE_EXCEEDED', `message properties have ${propertiesBytes} bytes, the limit is ${propertiesBytesMax}`);
    }
    const bodyBytes = input.bodyEnd - input.bodyStart;
    const length = recordLengthOf(fields);
    const illegal = this.#illegalSize(bodyBytes, length, queue.topicBytes.length);
    if (illegal !== undefined) return this.#refuse('MESSAGE_ILLEGAL', illegal);

    const log = this.#log;
    let phyOffset: number;
    try {
      phyOffset = log.reserve(length);
    } catch (error) {
      return this.#refuse('CREATE_MAPPED_FILE_FAILED', `a commit log file cannot be created: ${diskErrorCode(error)}`);
    }
    const now = this.#parts.clock.nowMs();
    const toQueue = !isUndispatched(input.sysFlag);
    fields.queueOffset = toQueue ? queue.nextOffset : 0;
    fields.phyOffset = phyOffset;
    fields.storeTimestamp = now;
    encodeRecord(log.bytes, log.view, log.pos, fields);
    const propsAt = log.pos + length - propertiesBytes;
    let tagsCode = input.tagsCode;
    const index = this.#index;
    const slow = queue.delayed || (input.uniqKeyStart < 0 && index !== undefined);
    if (slow) {
      // The delivery time counts from the store time; a unique key may come with what the broker appended.
      scanProperties(this.#scan, log.bytes, propsAt, propsAt + propertiesBytes);
      if (queue.delayed) tagsCode = tagsCodeOf(this.#scan, log.bytes, queue, now, this.#parts.delayLevels);
    }
    if (toQueue) this.#append(queue, phyOffset, length, tagsCode, now);
    if (index !== undefined && transactionType(input.sysFlag) !== messageSysFlag.TRANSACTION_ROLLBACK) {
      if (slow) this.#indexScanned(index, queue, phyOffset, now, log.bytes);
      else {
        index.add(
          queue,
          phyOffset,
          now,
          input.props,
          input.uniqKeyStart,
          input.uniqKeyEnd,
          input.keysStart,
          input.keysEnd,
          input.tagsStart,
          input.tagsEnd,
        );
      }
    }
    log.commit(length);
    this.#turnLastPhy = phyOffset;
    this.#turnLastMs = now;
    this.#lastPutMs = now;
    this.#counts.putTimes++;
    this.#counts.putBytes += length;
    const result = this.#result;
    result.status = 'PUT_OK';
    result.remark = '';
    result.phyOffset = phyOffset;
    result.queueOffset = fields.queueOffset;
    result.recordBytes = length;
    result.storeTimestamp = now;
    result.count = 1;
    result.phyOffsets[0] = phyOffset;
    return result;
  }

  putBatch(input: PutInput): PutResult {
    const closed = this.#closedRemark();
    if (closed !== undefined) return this.#refuse('SERVICE_NOT_AVAILABLE', closed);
    const queue = this.#queueOf(input.queue);
    const fields = this.#fields;
    const batch = this.#batch;
    const topicBytes = queue.topicBytes.length;
    const bornBytes = input.bornHost.length;
    const bodyBytes = input.bodyEnd - input.bodyStart;
    if (bodyBytes > this.#parts.config.maxMessageSize) {
      return this.#refuse('MESSAGE_ILLEGAL', `the batch body has ${bodyBytes} bytes, the limit is ${this.#parts.config.maxMessageSize}`);
    }
    let total = 0;
    batch.reset(input.body, input.bodyStart, input.bodyEnd);
    while (batch.next()) {
      const length = recordLength(
        bornBytes,
        fields.storeHost.length,
        batch.bodyEnd - batch.bodyStart,
        topicBytes,
        batch.propertiesEnd - batch.propertiesStart,
      );
      const illegal = this.#illegalSize(batch.bodyEnd - batch.bodyStart, length, topicBytes);
      if (illegal !== undefined) return this.#refuse('MESSAGE_ILLEGAL', `element ${batch.count - 1} of the batch: ${illegal}`);
      total += length;
    }
    if (batch.reason !== '') return this.#refuse('MESSAGE_ILLEGAL', `element ${batch.count} of the batch cannot be read: ${batch.reason}`);
    const count = batch.count;
    if (count === 0) return this.#refuse('MESSAGE_ILLEGAL', 'the batch is empty');
    if (total + blankBytesMin > this.#log.fileBytes) {
      return this.#refuse('MESSAGE_ILLEGAL', `the batch needs ${total} bytes, a commit log file holds ${this.#log.fileBytes - blankBytesMin}`);
    }
    const log = this.#log;
    let first: number;
    try {
      first = log.reserve(total);
    } catch (error) {
      return this.#refuse('CREATE_MAPPED_FILE_FAILED', `a commit log file cannot be created: ${diskErrorCode(error)}`);
    }
    const result = this.#result;
    if (result.phyOffsets.length < count) result.phyOffsets = new Float64Array(Math.max(count, result.phyOffsets.length * 2));
    const now = this.#parts.clock.nowMs();
    const toQueue = !isUndispatched(input.sysFlag);
    const firstQueueOffset = toQueue ? queue.nextOffset : 0;
    const index = transactionType(input.sysFlag) === messageSysFlag.TRANSACTION_ROLLBACK ? undefined : this.#index;
    fields.queueId = queue.queueId;
    fields.sysFlag = input.sysFlag;
    fields.bornTimestamp = input.bornTimestamp;
    fields.bornHost = input.bornHost;
    fields.reconsumeTimes = input.reconsumeTimes;
    fields.preparedTransactionOffset = 0;
    fields.body = input.body;
    fields.topic = queue.topicBytes;
    fields.properties = input.body;
    fields.appended = NO_BYTES;
    fields.storeTimestamp = now;
    const scan = this.#scan;
    let phyOffset = first;
    batch.reset(input.body, input.bodyStart, input.bodyEnd);
    for (let i = 0; batch.next(); i++) {
      fields.flag = batch.flag;
      fields.bodyStart = batch.bodyStart;
      fields.bodyEnd = batch.bodyEnd;
      fields.propertiesStart = batch.propertiesStart;
      fields.propertiesEnd = batch.propertiesEnd;
      fields.queueOffset = toQueue ? queue.nextOffset : 0;
      fields.phyOffset = phyOffset;
      const length = encodeRecord(log.bytes, log.view, log.pos, fields);
      scanProperties(scan, input.body, batch.propertiesStart, batch.propertiesEnd);
      if (toQueue) {
        const tagsCode = queue.delayed
          ? tagsCodeOf(scan, input.body, queue, now, this.#parts.delayLevels)
          : scan.tagsStart < 0
            ? 0
            : javaHashOfBytes(0, input.body, scan.tagsStart, scan.tagsEnd);
        this.#append(queue, phyOffset, length, tagsCode, now);
      }
      if (index !== undefined) this.#indexScanned(index, queue, phyOffset, now, input.body);
      log.commit(length);
      result.phyOffsets[i] = phyOffset;
      this.#turnLastPhy = phyOffset;
      phyOffset += length;
    }
    this.#turnLastMs = this.#lastPutMs = now;
    this.#counts.putTimes += count;
    this.#counts.putBytes += total;
    result.status = 'PUT_OK';
    result.remark = '';
    result.phyOffset = first;
    result.queueOffset = firstQueueOffset;
    result.recordBytes = total;
    result.storeTimestamp = now;
    result.count = count;
    return result;
  }

  #illegalSize(bodyBytes: number, recordBytes: number, topicBytes: number): string | undefined {
    const { config } = this.#parts;
    if (topicBytes > topicBytesMax) return `the topic has ${topicBytes} bytes, the limit is ${topicBytesMax}`;
    if (bodyBytes > config.maxMessageSize) return `the message body has ${bodyBytes} bytes, the limit is ${config.maxMessageSize}`;
    if (recordBytes > this.#recordBytesMax) return `the stored message has ${recordBytes} bytes, the limit is ${this.#recordBytesMax}`;
    if (recordBytes + blankBytesMin > this.#log.fileBytes) {
      return `the stored message has ${recordBytes} bytes, a commit log file holds ${this.#log.fileBytes - blankBytesMin}`;
    }
    return undefined;
  }

  #append(queue: StoreQueue, phyOffset: number, length: number, tagsCode: number, now: number): void {
    if (!queue.touched) {
      queue.touched = true;
      this.#touched.push(queue);
      queue.turnLastPhyOffset = queue.lastPhyOffset;
    }
    queue.append(phyOffset, length, tagsCode);
    queue.lastPutMs = now;
  }

  #indexScanned(index: KeyIndex, queue: StoreQueue, phyOffset: number, now: number, bytes: Uint8Array): void {
    const scan = this.#scan;
    index.add(
      queue,
      phyOffset,
      now,
      bytes,
      scan.uniqKeyStart,
      scan.uniqKeyEnd,
      scan.keysStart,
      scan.keysEnd,
      scan.tagsStart,
      scan.tagsEnd,
    );
  }

  writeTurn(): string | undefined {
    const log = this.#log;
    if (log.written === log.tail) return undefined;
    try {
      log.write();
    } catch (error) {
      return this.#undo(error);
    }
    this.#lastPhy = this.#turnLastPhy;
    this.#lastStoreMs = this.#turnLastMs;
    this.#index?.keep();
    for (const queue of this.#touched) {
      queue.touched = false;
      queue.registered = true;
      queue.writtenOffset = queue.nextOffset;
      this.#queues.dirty.add(queue);
      if (this.syncFlush) this.#unconfirmed.push({ queue, next: queue.nextOffset, phyEnd: log.written });
    }
    const touched = this.#touched;
    this.#touched = [];
    if (!this.syncFlush) {
      this.#confirmed = log.written;
      for (const queue of touched) this.#show(queue, queue.nextOffset);
    }
    this.#flusher.written(this.syncFlush);
    if (log.wantsNext) this.#prepareNext();
    return undefined;
  }

  /** The turn was not written: nothing of it has happened. */
  #undo(error: unknown): string {
    const code = diskErrorCode(error);
    for (const queue of this.#touched) {
      queue.touched = false;
      queue.takeBack(queue.writtenOffset);
      queue.lastPhyOffset = queue.turnLastPhyOffset;
    }
    this.#touched = [];
    this.#index?.undo();
    this.#log.undo();
    this.#turnLastPhy = this.#lastPhy;
    this.#turnLastMs = this.#lastStoreMs;
    this.#flusher.takenBack(this.#log.written);
    const full = code === 'ENOSPC' || code === 'EDQUOT';
    this.#latch(`disk write failed: ${code}${full ? ', messages are taken again when there is room' : ''}`, full);
    return this.#fault ?? code;
  }

  #latch(remark: string, full: boolean): void {
    // A fault that stays is never replaced by one that passes.
    if (this.#fault !== undefined && !this.#full) return;
    this.#fault = remark;
    this.#full = full;
    this.#parts.log.error({ remark }, 'the store refuses messages');
    if (full) this.#armProbe();
  }

  #armProbe(): void {
    this.#probe ??= this.#parts.clock.setTimeout(() => {
      this.#probe = undefined;
      if (this.#closed || !this.#full) return;
      if (this.#hasRoom()) {
        this.#fault = undefined;
        this.#full = false;
        this.#parts.log.info({}, 'there is room on the disk again, messages are taken');
      } else this.#armProbe();
    }, probeIntervalMs);
  }

  /** Tries to write where the next messages would go: zeros over zeros. */
  #hasRoom(): boolean {
    const log = this.#log;
    const file = log.fileAt(log.tail);
    if (file === undefined) return true;
    const zeros = new Uint8Array(Math.min(64 * 1024, file.end - log.tail));
    try {
      file.file.writeSync(zeros, 0, zeros.length, log.tail - file.base);
      return true;
    } catch {
      return false;
    }
  }

  #setWatermark(remark: string | undefined): void {
    if (remark !== undefined && this.#watermark === undefined) this.#parts.log.error({ remark }, 'the store refuses messages');
    if (remark === undefined && this.#watermark !== undefined) this.#parts.log.info({}, 'there is room on the disk again, messages are taken');
    this.#watermark = remark;
  }

  #prepareNext(): void {
    try {
      this.#log.prepareNext();
    } catch (error) {
      this.#parts.log.warn({ code: diskErrorCode(error) }, 'the next commit log file cannot be prepared');
    }
  }

  #show(queue: StoreQueue, next: number): void {
    const from = queue.maxOffset;
    if (next <= from || queue.deleted) return;
    queue.maxOffset = next;
    for (const listener of this.#listeners) listener(queue, from, next);
  }

  /** Everything below `flushed` may be seen under SYNC_FLUSH (`CommitLog#getConfirmOffset`). */
  #onFlushed(): void {
    if (!this.syncFlush) return;
    const flushed = this.#log.flushed;
    this.#confirmed = Math.max(this.#confirmed, Math.min(flushed, this.#log.written));
    let count = 0;
    for (const entry of this.#unconfirmed) {
      if (entry.phyEnd > flushed) break;
      count++;
      this.#show(entry.queue, entry.next);
    }
    if (count > 0) this.#unconfirmed.splice(0, count);
  }

  flushed(phyOffset: number, timeoutMs: number): Promise<FlushOutcome> {
    return this.#flusher.flushed(phyOffset, timeoutMs);
  }

  // ---- reading ----

  get(ref: QueueRef, queueOffset: number, maxMsgs: number, maxBytes: number, filter: MessageFilter | undefined): GetResult | Promise<GetResult> {
    return this.#reader.get(this.#queueOf(ref), queueOffset, maxMsgs, maxBytes, filter);
  }

  units(ref: QueueRef, queueOffset: number, count: number): Promise<readonly QueueUnit[]> {
    return this.#reader.units(this.#queueOf(ref), queueOffset, count);
  }

  record(phyOffset: number): Promise<Buffer | undefined> {
    return this.#reader.record(phyOffset, this.#confirmed);
  }

  offsetByTime(ref: QueueRef, timestampMs: number, boundary: 'LOWER' | 'UPPER'): Promise<number> {
    return this.#reader.offsetByTime(this.#queueOf(ref), timestampMs, boundary);
  }

  storeTimeAt(ref: QueueRef, queueOffset: number): Promise<number> {
    return this.#reader.storeTimeAt(this.#queueOf(ref), queueOffset);
  }

  async earliestStoreTime(): Promise<number> {
    const first = this.#log.min;
    const record = await this.record(first);
    return record === undefined ? -1 : this.#reader.storeTime(first, record.length);
  }

  async queryIndex(
    topic: string,
    key: string,
    maxNum: number,
    beginMs: number,
    endMs: number,
    indexType: string | undefined,
  ): Promise<IndexQueryResult> {
    const most = Math.min(maxNum, this.#parts.config.maxMsgsNumBatch);
    if (this.#index === undefined) return { phyOffsets: [], indexLastUpdateTimestamp: 0, indexLastUpdatePhyOffset: 0 };
    return this.#index.query(topic, key, most, beginMs, endMs, indexType);
  }

  // ---- background ----

  /** One piece of work on derived files at a time. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#derived.then(work);
    this.#derived = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  #armDerived(): void {
    if (this.#closed) return;
    const { clock, config } = this.#parts;
    this.#derivedTimer = clock.setTimeout(() => {
      const now = clock.nowMs();
      const due =
        now - this.#checkpointMs >= (config.checkpointIntervalMs ?? checkpointIntervalDefault) ||
        this.#log.written - this.#checkpointPhy >= checkpointBytesMax;
      void this.#runDerived(due)
        .catch((error: unknown) => this.#parts.log.warn({ code: diskErrorCode(error) }, 'derived files cannot be written, they stay in memory'))
        .finally(() => {
          this.#trim(now);
          this.#armDerived();
        });
    }, config.flushIntervalConsumeQueue);
  }

  #trim(now: number): void {
    this.#queues.trim(this.#parts.config.queueCacheBytesMax ?? queueCacheDefault, now);
    if (now - this.#lastPutMs > idleMs && this.#log.cachedBytes > 0 && this.#touched.length === 0) {
      this.#log.dropCache();
      this.#index?.trim();
    }
  }

  /** Writes entries and index; with `checkpoint` also syncs them and says so in the checkpoint file. */
  #runDerived(checkpoint: boolean): Promise<void> {
    return this.#exclusive(async () => {
      const phyOffset = this.#lastPhy;
      const storeMs = this.#lastStoreMs;
      const written = this.#log.written;
      if (checkpoint && written === this.#checkpointPhy && this.#queues.dirty.size === 0 && this.#checkpoint.value.logicsPhysicalOffset === Math.max(0, phyOffset)) {
        this.#checkpointMs = this.#parts.clock.nowMs();
        return;
      }
      await this.#queues.flush();
      await this.#index?.flush();
      if (!checkpoint) return;
      await this.#queues.sync();
      await this.#index?.sync();
      if (this.#log.flushed < written && !(await this.#flusher.flush())) return;
      await this.#writeCheckpoint(phyOffset, storeMs, written);
    });
  }

  async #writeCheckpoint(phyOffset: number, storeMs: number, written: number): Promise<void> {
    if (phyOffset >= 0 || this.#closed) {
      await this.#checkpoint.write({
        physicMsgTimestamp: storeMs,
        logicsMsgTimestamp: storeMs,
        indexMsgTimestamp: Math.max(this.#checkpoint.value.indexMsgTimestamp, this.#index?.indexMsgTimestamp ?? 0),
        masterFlushedOffset: 0,
        confirmPhyOffset: Math.max(0, phyOffset),
        logicsPhysicalOffset: Math.max(0, phyOffset),
      });
    }
    this.#checkpointMs = this.#parts.clock.nowMs();
    this.#checkpointPhy = written;
  }

  checkpoint(): Promise<void> {
    return this.#runDerived(true);
  }

  clean(): Promise<number> {
    return this.#cleaner.run();
  }

  deleteExpiredCommitLog(): Promise<number> {
    return this.#cleaner.deleteNow();
  }

  #deleteDerived(): void {
    void this.#exclusive(() => {
      for (const queue of [...this.#queues.all()]) {
        const first = queue.files[0];
        if (this.#queues.deleteBelow(queue, this.#log.min) > 0 && first !== undefined) this.#reader.forgetQueue(queue);
      }
      this.#index?.deleteBelow(this.#log.min);
      return Promise.resolve();
    }).catch((error: unknown) => this.#parts.log.warn({ code: diskErrorCode(error) }, 'expired ConsumeQueue or index files cannot be removed'));
  }

  cleanExpiredConsumeQueue(): Promise<void> {
    this.#deleteDerived();
    return this.#exclusive(() => Promise.resolve());
  }

  deleteTopics(topics: ReadonlySet<string>): Promise<number> {
    return this.#exclusive(() => {
      let count = 0;
      for (const topic of topics) {
        const ids = this.#queues.queueIdsOf(topic);
        if (ids.length === 0) continue;
        count++;
        for (const id of ids) {
          const queue = this.#queues.existing(topic, id);
          // A queue of the turn under way is left: its messages are about to be acknowledged.
          if (queue === undefined || queue.touched) continue;
          this.#reader.forgetQueue(queue);
          this.#queues.remove(queue);
        }
        if (this.#queues.queueIdsOf(topic).length === 0) this.#queues.removeTopicDir(topic);
      }
      return Promise.resolve(count);
    });
  }

  runtimeInfo(): Readonly<Record<string, string>> {
    return runtimeInfo(this.#parts, this.#counts, this.#reader.counts);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.writeTurn();
    this.#closed = true;
    this.#cleaner.close();
    this.#derivedTimer?.clear();
    this.#probe?.clear();
    for (const timer of this.#timers) timer.clear();
    let clean = false;
    try {
      await this.#flusher.close();
      await this.#exclusive(async () => {
        await this.#queues.flush();
        await this.#queues.sync();
        await this.#index?.finish();
      });
      if (this.#fault === undefined || this.#full) {
        await this.#writeCheckpoint(this.#lastPhy, this.#lastStoreMs, this.#log.written);
        clean = this.#queues.dirty.size === 0;
      }
    } catch (error) {
      this.#parts.log.error({ code: diskErrorCode(error) }, 'the store cannot be closed cleanly, the next start recovers it');
    }
    this.#log.close();
    this.#queues.close();
    this.#index?.close();
    if (clean) {
      this.#removeAbort();
      await this.#parts.disk.syncDir(this.#parts.root).catch(() => undefined);
    }
    this.#unlock();
  }
}
