/**
 * One open store: the turn's write, visibility, faults, and the background work on derived files. Putting is append.ts, reading read.ts, the bytes of the
 * log commit-log.ts, entries consume-queue.ts, the index key-index.ts; opening is message-store.ts.
 */
import { Fault } from '../codec/errors.js';
import { Appender } from './append.js';
import type { CheckpointFile } from './checkpoint.js';
import { Cleaner } from './clean.js';
import type { CommitLog } from './commit-log.js';
import { CompactionStore } from './compaction-store.js';
import type { StoreQueue } from './consume-queue.js';
import { noRepair, removeDerivedState, writeDerivedState, writeRepair } from './derived-state.js';
import { diskErrorCode } from './disk.js';
import { Flusher } from './flush.js';
import type { KeyIndex } from './key-index.js';
import type { StoreTimer } from './options.js';
import type { StoreParts } from './parts.js';
import { PassingFault } from './passing-fault.js';
import type { QueueTable } from './queue-table.js';
import { StoreReader } from './read.js';
import type { Recovered, Recovery } from './recover.js';
import { runtimeInfo, StoreCounts } from './runtime-info.js';
import type {
  BitMapOf,
  FlushOutcome,
  GetResult,
  IndexQueryResult,
  LogPositions,
  MessageFilter,
  OpenStore,
  PutInput,
  PutResult,
  QueueRef,
  QueueUnit,
  RecordPlace,
  RecoveryReport,
} from './types.js';

/** How often a full disk is looked at again. */
const probeIntervalMs = 1000;
/** Without a put for so long the tail cache and other memory is given back. */
const idleMs = 30000;
const checkpointIntervalDefault = 10000;
/** Log bytes after which a checkpoint is due before its time: what recovery has to go through. */
const checkpointBytesMax = 256 * 1024 * 1024;
const queueCacheDefault = 16 * 1024 * 1024;

export class DiskMessageStore implements OpenStore {
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
  readonly #compaction: CompactionStore | undefined;
  readonly #removeAbort: () => void;
  readonly #unlock: () => void;
  readonly #counts: StoreCounts;
  readonly #appender: Appender;

  /** Written, waiting for the sync that makes them visible (SYNC_FLUSH): queue, its next offset, end in the log. */
  #unconfirmed: { queue: StoreQueue; next: number; phyEnd: number }[] = [];
  #listeners: ((queue: QueueRef, fromOffset: number, toOffset: number) => void)[] = [];
  #confirmed: number;
  /** Start of the newest record written, and its store time: what a checkpoint may vouch for. */
  #lastPhy: number;
  #lastStoreMs: number;
  #fault: string | undefined;
  /** The fault is a full disk: it ends when there is room. */
  #full = false;
  /** Full by the watermark alone. */
  #watermark: string | undefined;
  #closed = false;
  #probe: StoreTimer | undefined;
  #derived: Promise<void> = Promise.resolve();
  #derivedTimer: StoreTimer | undefined;
  #checkpointMs = 0;
  /** What recovery wrote was not synced yet. */
  #checkpointPhy = -1;
  /** Queues in which a reader met a damaged entry: the next start builds them again. */
  readonly #damaged = new Set<StoreQueue>();
  #damageSaid = 0;
  readonly #derivedFault: PassingFault;
  readonly #prepareFault: PassingFault;

  constructor(parts: StoreParts, recoverer: Recovery, recovered: Recovered, checkpoint: CheckpointFile, removeAbort: () => void, unlock: () => void) {
    this.#parts = parts;
    this.#derivedFault = new PassingFault(parts.log, 'derived files cannot be written, they stay in memory', 'derived files are written again');
    this.#prepareFault = new PassingFault(parts.log, 'the next commit log file cannot be prepared', 'the next commit log file is prepared again');
    this.#log = parts.commitLog;
    this.#queues = parts.queues;
    this.#index = parts.index;
    this.#recoverer = recoverer;
    this.recovery = recovered.report;
    this.#checkpoint = checkpoint;
    this.#removeAbort = removeAbort;
    this.#unlock = unlock;
    this.syncFlush = parts.config.flushDiskType === 'SYNC_FLUSH';
    this.#reader = new StoreReader(parts, (queue, queueOffset, phyOffset) => this.#onDamage(queue, queueOffset, phyOffset));
    this.#counts = new StoreCounts(parts.clock.nowMs());
    this.#appender = new Appender(parts, this.#counts, recovered.lastPhyOffset, recovered.lastStoreTimestamp);
    this.#confirmed = this.#log.written;
    this.#lastPhy = recovered.lastPhyOffset;
    this.#lastStoreMs = recovered.lastStoreTimestamp;
    this.#compaction = parts.config.enableCompaction === false ? undefined : new CompactionStore(parts, !recovered.report.cleanStop, {
      units: (queue, queueOffset, count) => this.units(queue, queueOffset, count),
      records: (places) => this.records(places),
    });
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
  }

  /** What recovery changed becomes durable before anything is taken; then timers start. */
  async settle(): Promise<void> {
    for (const file of this.#log.files) file.dirty = true;
    this.#log.dirDirty = true;
    if (!(await this.#flusher.flush())) throw new Fault(this.#fault ?? 'disk sync failed');
    await this.#runDerived(true);
    // What it asked for is done and durable.
    removeDerivedState(this.#parts.disk, this.#parts.root);
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
    this.#appender.setStoreHost(host);
  }

  queue(topic: string, queueId: number): QueueRef {
    return this.#queues.ref(topic, queueId);
  }

  compact(ref: QueueRef): void {
    const queue = this.#appender.queueOf(ref);
    queue.compaction ??= this.#compaction?.logOf(queue);
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

  get lightQueues(): number {
    return this.#queues.lightCount;
  }

  onArrival(listener: (queue: QueueRef, fromOffset: number, toOffset: number) => void): void {
    this.#listeners.push(listener);
  }

  setBitMapOf(bitMapOf: BitMapOf): void {
    this.#appender.bitMapOf = bitMapOf;
  }

  // ---- putting ----

  put(input: PutInput): PutResult {
    return this.#appender.put(input);
  }

  putBatch(input: PutInput): PutResult {
    return this.#appender.putBatch(input);
  }

  writeTurn(): string | undefined {
    const log = this.#log;
    if (log.written === log.tail) return undefined;
    try {
      log.write();
    } catch (error) {
      return this.#undo(error);
    }
    const touched = this.#appender.takeTouched();
    this.#lastPhy = this.#appender.lastPhyOffset;
    this.#lastStoreMs = this.#appender.lastStoreTimestamp;
    this.#index?.keep();
    for (const queue of touched) {
      queue.touched = false;
      if (!queue.registered) this.#queues.register(queue);
      queue.writtenOffset = queue.nextOffset;
      queue.extension?.written();
      this.#queues.dirty.add(queue);
      if (this.syncFlush) this.#unconfirmed.push({ queue, next: queue.nextOffset, phyEnd: log.written });
    }
    if (!this.syncFlush) {
      this.#confirmed = log.written;
      for (const queue of touched) this.#show(queue, queue.nextOffset);
    }
    this.#flusher.written(this.syncFlush);
    this.#armDerived();
    if (log.wantsNext) this.#prepareNext();
    return undefined;
  }

  /** The turn was not written: nothing of it has happened. */
  #undo(error: unknown): string {
    const code = diskErrorCode(error);
    for (const queue of this.#appender.takeTouched()) {
      queue.touched = false;
      queue.takeBack(queue.writtenOffset);
      queue.lastPhyOffset = queue.turnLastPhyOffset;
    }
    this.#index?.undo();
    this.#log.undo();
    this.#appender.lastPhyOffset = this.#lastPhy;
    this.#appender.lastStoreTimestamp = this.#lastStoreMs;
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
    this.#tellAppender();
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
        this.#tellAppender();
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
    this.#tellAppender();
  }

  #tellAppender(): void {
    this.#appender.closed = this.#closed ? 'the store is closed' : this.fault;
  }

  /** A reader met an entry that leads to no record of its queue. Said once a queue; the next start builds it again. */
  #onDamage(queue: StoreQueue, queueOffset: number, phyOffset: number): void {
    if (this.#damaged.has(queue)) return;
    this.#damaged.add(queue);
    this.#armDerived();
    this.#parts.log.warn(
      { topic: queue.topic, queueId: queue.queueId, queueOffset, phyOffset },
      'a ConsumeQueue entry leads to no record of its queue: such entries are passed over, the next start builds the queue again',
    );
  }

  #prepareNext(): void {
    try {
      this.#log.prepareNext();
      this.#prepareFault.worked();
    } catch (error) {
      this.#prepareFault.failed(diskErrorCode(error));
    }
  }

  #show(queue: StoreQueue, next: number): void {
    const from = queue.maxOffset;
    if (next <= from || queue.deleted) return;
    queue.maxOffset = next;
    if (queue.compaction !== undefined) this.#compaction?.arrived(queue.compaction);
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
    this.#unconfirmed.splice(0, count);
  }

  flushed(phyOffset: number, timeoutMs: number): Promise<FlushOutcome> {
    return this.#flusher.flushed(phyOffset, timeoutMs);
  }

  // ---- reading ----

  get(ref: QueueRef, queueOffset: number, maxMsgs: number, maxBytes: number, filter: MessageFilter | undefined): GetResult | Promise<GetResult> {
    const queue = this.#appender.queueOf(ref);
    if (queue.compaction !== undefined) return queue.compaction.get(queueOffset, maxMsgs, maxBytes);
    const result = this.#reader.get(queue, queueOffset, maxMsgs, maxBytes, filter);
    // What a cold read brought into memory is given back some time.
    if (result instanceof Promise) this.#armDerived();
    return result;
  }

  isCached(ref: QueueRef, queueOffset: number): boolean {
    return this.#reader.isCached(this.#appender.queueOf(ref), queueOffset);
  }

  setReadAhead(on: boolean): void {
    this.#reader.readAhead = on;
  }

  release(result: GetResult): void {
    this.#reader.release(result);
  }

  units(ref: QueueRef, queueOffset: number, count: number): Promise<readonly QueueUnit[]> {
    return this.#reader.units(this.#appender.queueOf(ref), queueOffset, count);
  }

  record(phyOffset: number): Promise<Buffer | undefined> {
    return this.#reader.record(phyOffset, this.#confirmed);
  }

  records(places: readonly RecordPlace[]): Promise<(Buffer | undefined)[]> {
    return this.#reader.records(places, this.#confirmed);
  }

  offsetByTime(ref: QueueRef, timestampMs: number, boundary: 'LOWER' | 'UPPER'): Promise<number> {
    return this.#reader.offsetByTime(this.#appender.queueOf(ref), timestampMs, boundary);
  }

  storeTimeAt(ref: QueueRef, queueOffset: number): Promise<number> {
    return this.#reader.storeTimeAt(this.#appender.queueOf(ref), queueOffset);
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

  /** Runs as long as there is something to write, to vouch for or to give back; an idle store has no timer here. */
  #armDerived(): void {
    if (this.#closed || this.#derivedTimer !== undefined) return;
    const { clock, config } = this.#parts;
    this.#derivedTimer = clock.setTimeout(() => {
      const now = clock.nowMs();
      const due =
        now - this.#checkpointMs >= (config.checkpointIntervalMs ?? checkpointIntervalDefault) ||
        this.#log.written - this.#checkpointPhy >= checkpointBytesMax;
      void this.#runDerived(due)
        .then(() => this.#trim(now))
        .then((more) => {
          this.#derivedFault.worked();
          return more;
        })
        .catch((error: unknown) => {
          this.#derivedFault.failed(diskErrorCode(error));
          return true;
        })
        .then((more) => {
          this.#derivedTimer = undefined;
          if (more || this.#isBehind()) this.#armDerived();
        });
    }, config.flushIntervalConsumeQueue);
  }

  /** Something was put or found that the files do not say yet. */
  #isBehind(): boolean {
    return this.#queues.dirty.size > 0 || this.#damaged.size > this.#damageSaid || !this.#isCheckpointed();
  }

  #isCheckpointed(): boolean {
    return this.#log.written === this.#checkpointPhy && this.#checkpoint.value.logicsPhysicalOffset === Math.max(0, this.#lastPhy);
  }

  /** Gives memory back, more of it when nobody puts or reads. Returns true while some is held that more time would free. */
  async #trim(now: number): Promise<boolean> {
    const heldBytes = this.#queues.trim(this.#parts.config.queueCacheBytesMax ?? queueCacheDefault, now);
    const idle = now - this.#appender.lastPutMs > idleMs && this.#appender.touched.length === 0;
    if (idle) {
      this.#log.dropCache();
      if (this.#index !== undefined) {
        const index = this.#index;
        await this.#exclusive(() => index.rest());
      }
    }
    const pagesHeld = this.#reader.trim(idleMs, now);
    const held = heldBytes > 0 || pagesHeld || this.#log.cachedBytes > 0 || this.#index?.isResting === false;
    if (!held && !this.#isBehind()) this.#parts.collect?.();
    return held;
  }

  /** Writes entries and index; with `checkpoint` also syncs them and says so in the checkpoint file. */
  #runDerived(checkpoint: boolean): Promise<void> {
    return this.#exclusive(async () => {
      const phyOffset = this.#lastPhy;
      const storeMs = this.#lastStoreMs;
      const written = this.#log.written;
      if (this.#damaged.size > this.#damageSaid) {
        const said = this.#damaged.size;
        await writeRepair(this.#parts.disk, this.#parts.root, { ...noRepair, queues: [...this.#damaged] });
        this.#damageSaid = said;
      }
      if (checkpoint && this.#queues.dirty.size === 0 && this.#isCheckpointed()) {
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

  /** What a start can compare with what it finds. */
  #writeState(): Promise<void> {
    const { disk, root, commitLog } = this.#parts;
    return writeDerivedState(disk, root, {
      logMin: commitLog.min,
      logEnd: commitLog.written,
      queues: this.#queues.states(),
      index: this.#index?.states() ?? [],
      repair: { ...noRepair, queues: [...this.#damaged] },
    });
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

  async deleteTopics(topics: ReadonlySet<string>): Promise<number> {
    for (const topic of topics) {
      for (const id of this.#queues.queueIdsOf(topic)) {
        const queue = this.#queues.existing(topic, id);
        if (queue !== undefined) queue.compaction = undefined;
      }
    }
    await this.#compaction?.remove(topics);
    const count = await this.#exclusive(() => {
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
          this.#damaged.delete(queue);
          this.#queues.remove(queue);
        }
        if (this.#queues.queueIdsOf(topic).length === 0) this.#queues.removeTopicDir(topic);
      }
      return Promise.resolve(count);
    });
    // Behind the checkpoint the log would bring them back.
    if (count > 0) await this.#runDerived(true).catch(() => undefined);
    return count;
  }

  runtimeInfo(): Readonly<Record<string, string>> {
    return runtimeInfo(this.#parts, this.#counts, this.#reader.counts);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.writeTurn();
    this.#closed = true;
    this.#tellAppender();
    this.#cleaner.close();
    this.#derivedTimer?.clear();
    this.#probe?.clear();
    let clean = false;
    try {
      await this.#compaction?.close();
      await this.#flusher.close();
      await this.#exclusive(async () => {
        await this.#queues.flush();
        await this.#queues.sync();
        await this.#index?.finish();
      });
      if (this.#fault === undefined || this.#full) {
        await this.#writeCheckpoint(this.#lastPhy, this.#lastStoreMs, this.#log.written);
        if (this.#queues.dirty.size === 0) {
          await this.#writeState();
          clean = true;
        }
      }
    } catch (error) {
      this.#parts.log.error({ code: diskErrorCode(error) }, 'the store cannot be closed cleanly, the next start recovers it');
    }
    this.#log.close();
    this.#queues.close();
    this.#index?.close();
    // A prepared file that went must not come back, empty, in a store that says it was closed well.
    if (clean) clean = await this.#parts.disk.syncDir(this.#log.dir).then(
      () => true,
      () => false,
    );
    if (clean) {
      this.#removeAbort();
      await this.#parts.disk.syncDir(this.#parts.root).catch(() => undefined);
    }
    this.#unlock();
  }
}
