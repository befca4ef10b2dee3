/**
 * Bringing log, ConsumeQueues and index in line at a start: finds the log's end, cuts what is no record, and dispatches again what queues or index lack.
 * After a clean stop they are trusted as far as they cover the log, checked over its last stretch and against what the stop wrote down (derived-state.ts);
 * after an unclean one they count only below the checkpoint (`CommitLog#recoverNormally`, `#recoverAbnormally`). A queue that lacks entries is built again
 * alone, the others keep theirs. Records are never invented: each must stand where it says it stands.
 */
import { consumeQueueUnitBytes, preBlankSize, unitPhyOffset, unitSize } from '../codec/consume-queue-unit.js';
import { recordCheck } from '../codec/message-record.js';
import { viewOf } from '../codec/int64.js';
import type { Checkpoint } from '../codec/checkpoint-record.js';
import type { StoreQueue } from './consume-queue.js';
import type { LogFile } from './commit-log.js';
import { writeRepair } from './derived-state.js';
import type { DerivedState } from './derived-state.js';
import { Dispatcher } from './dispatch.js';
import { LogWindow } from './log-window.js';
import type { StoreParts } from './parts.js';
import type { RecoveryReport } from './types.js';

/** After a clean stop so much of the log's end is checked. */
const recentBytesDefault = 16 * 1024 * 1024;
/** Slack of the checkpoint's times (`StoreCheckpoint#getMinTimestamp`). */
const timeSlackMs = 3000;
/** After so many bytes of the log what was dispatched goes to the files and out of memory. */
const stepBytesDefault = 64 * 1024 * 1024;
/** Entries read at once behind a blank one. */
const stretchUnits = 3276;
/** Milliseconds between two words about how far it has come. */
const progressMs = 5000;

/** Why the log ends where it ends; undefined = with zeros, as it should. */
interface Scan {
  readonly end: number;
  readonly records: number;
  readonly reason: string | undefined;
  readonly lastPhyOffset: number;
  readonly lastStoreTimestamp: number;
}

export interface Recovered {
  readonly report: RecoveryReport;
  /** phyOffset of the last record found, -1 = none, and its store time. */
  readonly lastPhyOffset: number;
  readonly lastStoreTimestamp: number;
}

/** Where the log is gone through from, and what for. */
interface Plan {
  /** Queues that are built again from the log's first record on. */
  readonly broken: Set<StoreQueue>;
  /** Queues are complete below. */
  queuesFrom: number;
  /** The index is complete below; MAX_SAFE_INTEGER = wholly. */
  indexFrom: number;
  /** The log is known to be good below: damage there does not end it. */
  goodBelow: number;
  /** Below, a queue without files is one that was deleted. */
  vouched: number;
  all: boolean;
}

const EVERYTHING = Number.MAX_SAFE_INTEGER;

export class Recovery {
  readonly #parts: StoreParts;
  readonly #dispatcher: Dispatcher;
  readonly #window: LogWindow;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#dispatcher = new Dispatcher(parts);
    this.#window = new LogWindow(parts.commitLog);
  }

  /** `state` is what the last stop or a reader wrote down. Throws what the disk throws. */
  async run(cleanStop: boolean, checkpoint: Checkpoint, state: DerivedState | undefined, startedMs: number): Promise<Recovered> {
    const { commitLog, queues, index, log, clock } = this.#parts;
    queues.load((name) => log.warn({ name }, 'is no queue and is left alone'));
    if (commitLog.files.length === 0) {
      this.#clearDerived();
      commitLog.startAt(0);
      return { report: report(cleanStop, 0, 0, undefined, clock.nowMs() - startedMs), lastPhyOffset: -1, lastStoreTimestamp: 0 };
    }
    const plan = this.#plan(cleanStop, checkpoint, state);
    let scan = await this.#goThrough(plan);
    let records = scan.records;
    // A queue that turned out to lack entries below where it was thought complete.
    while (this.#dispatcher.gaps.size > 0) {
      for (const queue of this.#dispatcher.gaps) this.#breakQueue(plan, queue, 'lacks entries');
      this.#dispatcher.gaps.clear();
      this.#dispatcher.indexFrom = Math.max(this.#dispatcher.indexFrom, (index?.endPhyOffset ?? -1) + 1);
      plan.indexFrom = EVERYTHING;
      const again = await this.#goThrough(plan);
      records += again.records;
      scan = again;
    }
    const cut = this.#cutLog(scan);
    // Entries of what was cut, or of files that were gone already, point beyond the log.
    this.#cutQueues(scan.end, false);
    index?.cut(scan.end);
    index?.keep();
    this.correctMinOffsets();
    const result = report(cleanStop, records, cut, cut > 0 ? (scan.reason ?? 'the log ended there') : undefined, clock.nowMs() - startedMs);
    if (cut > 0) log.warn({ phyOffset: scan.end, bytesCut: cut, reason: result.cutReason }, 'the commit log was cut after its last valid record');
    return { report: result, lastPhyOffset: scan.lastPhyOffset, lastStoreTimestamp: scan.lastStoreTimestamp };
  }

  /** Without a log there is nothing to derive from. */
  #clearDerived(): void {
    const { queues, index, log } = this.#parts;
    let count = 0;
    for (const queue of [...queues.all()]) {
      queues.remove(queue);
      count++;
    }
    index?.load(undefined, (name, why) => log.warn({ name }, why));
    if (count > 0 || (index?.files.length ?? 0) > 0) log.warn({ queues: count }, 'there are no commit log files: ConsumeQueues and index are removed');
    index?.clear();
  }

  /** Reads what queues and index cover and compares it with the log (`DefaultMessageStore#recover`, `ConsumeQueueStore#getDispatchFromPhyOffset`). */
  #plan(cleanStop: boolean, checkpoint: Checkpoint, state: DerivedState | undefined): Plan {
    const { commitLog, queues } = this.#parts;
    const all = state?.repair.all ?? false;
    // Below `trusted` queues and index are durable and complete.
    const trusted = cleanStop ? EVERYTHING : this.#trustedFrom(checkpoint);
    // A checkpoint names the newest record it covers.
    const covered = trusted === checkpoint.logicsPhysicalOffset && trusted > 0 ? trusted + 1 : trusted;
    const logEnd = (commitLog.files.at(-1) as LogFile).end;
    const plan: Plan = { broken: new Set(), queuesFrom: commitLog.min, indexFrom: EVERYTHING, goodBelow: 0, vouched: 0, all };
    let newest = -1;
    for (const queue of [...queues.all()]) {
      if (queues.loadTail(queue, covered, logEnd) || all) this.#breakQueue(plan, queue, 'is damaged');
      else newest = Math.max(newest, queue.lastPhyOffset);
    }
    const known = cleanStop && state !== undefined && state.logEnd > 0 ? state : undefined;
    for (const { topic, queueId } of state?.repair.queues ?? []) this.#breakQueue(plan, queues.ref(topic, queueId), 'was found damaged');
    for (const one of known?.queues ?? []) {
      const queue = queues.ref(one.topic, one.queueId);
      const behind = queue.nextOffset < one.nextOffset || queue.lastPhyOffset < one.lastPhyOffset;
      const lost = commitLog.min === known?.logMin && (queue.files[0] ?? -1) > one.firstFile;
      if (one.lastPhyOffset >= commitLog.min && (behind || lost) && !plan.broken.has(queue)) this.#breakQueue(plan, queue, 'lacks entries or files');
    }
    if (newest >= 0) {
      plan.queuesFrom = cleanStop ? this.#recentRecord(newest) : trusted;
      plan.goodBelow = cleanStop ? Math.max(newest, known?.logEnd ?? 0) : trusted;
    } else {
      plan.all = true;
      plan.goodBelow = known?.logEnd ?? (cleanStop ? 0 : trusted);
    }
    plan.vouched = Math.max(newest >= 0 && !cleanStop ? covered : plan.queuesFrom, known?.logEnd ?? 0);
    this.#planIndex(plan, cleanStop, trusted, newest, known, state?.repair.index ?? false);
    if (!cleanStop) this.#cutQueues(covered, true);
    return plan;
  }

  /** From where the index lacks entries. */
  #planIndex(plan: Plan, cleanStop: boolean, trusted: number, newest: number, known: DerivedState | undefined, repair: boolean): void {
    const { index, commitLog, config, log } = this.#parts;
    if (index === undefined) return;
    let resume = index.load(cleanStop ? undefined : trusted, (name, why) => log.warn({ name }, why));
    if (repair) index.clear();
    if (known !== undefined && index.dropBehind(known.index, commitLog.min)) {
      log.warn({ phyOffset: index.endPhyOffset }, 'index files are missing or older than the log: entries are made again from here on');
      resume = index.endPhyOffset;
    }
    const end = index.endPhyOffset;
    if (end < 0) resume = known !== undefined && known.index.length === 0 && !repair ? undefined : commitLog.min;
    else if (resume === undefined && known === undefined && (cleanStop ? end < newest : config.messageIndexSafe === true)) resume = end;
    this.#dispatcher.indexFrom = cleanStop ? end + 1 : trusted;
    if (resume === undefined) return;
    index.cut(resume);
    this.#dispatcher.indexFrom = plan.indexFrom = Math.max(resume, commitLog.min);
  }

  /** Empties a queue that is to be built again. */
  #breakQueue(plan: Plan, queue: StoreQueue, why: string): void {
    const { queues, log } = this.#parts;
    log.warn({ topic: queue.topic, queueId: queue.queueId, entries: queue.nextOffset }, `a ConsumeQueue ${why}: it is built again from the log`);
    queues.cut(queue, 0);
    queue.lastPhyOffset = -1;
    queue.registered = false;
    plan.broken.add(queue);
  }

  /** The offset below which a checkpoint vouches for queues and index; old ones have only times (`CommitLog#isMappedFileMatchedRecover`). */
  #trustedFrom(checkpoint: Checkpoint): number {
    const { commitLog, config, log } = this.#parts;
    const at = checkpoint.logicsPhysicalOffset;
    if (at > 0 && this.#window.isRecord(at)) return at;
    let time = Math.min(checkpoint.physicMsgTimestamp, checkpoint.logicsMsgTimestamp) - timeSlackMs;
    if (at > 0) {
      log.warn({ logicsPhysicalOffset: at }, 'no record stands where the checkpoint says, it is not used');
      time = -1;
    }
    const files = commitLog.files;
    for (let i = files.length - 1, left = config.commitLogRecoverMaxNum; i >= 0; i--) {
      const file = files[i] as LogFile;
      if (this.#window.isRecord(file.base) && (this.#window.record.storeTimestamp <= time || --left <= 0)) return file.base;
    }
    return commitLog.min;
  }

  /** Where to begin: at `phyOffset` when a record stands there, else at the newest file whose first record stands at or below it. */
  #start(phyOffset: number): number {
    const { files, min } = this.#parts.commitLog;
    if (this.#window.isRecord(phyOffset)) return phyOffset;
    for (let i = files.length - 1; i > 0; i--) {
      const file = files[i] as LogFile;
      if (file.base <= phyOffset && this.#window.isRecord(file.base)) return file.base;
    }
    return min;
  }

  /** A record not far before the newest one, by the queue that has that: after a clean stop only the log's last stretch is checked. */
  #recentRecord(newest: number): number {
    const { commitLog, queues, config } = this.#parts;
    const recentBytes = config.recoverRecentBytes ?? recentBytesDefault;
    if (newest - recentBytes <= commitLog.min) return commitLog.min;
    for (const queue of queues.all()) {
      if (queue.lastPhyOffset !== newest) continue;
      let low = Math.max(queue.minOffset, (queue.files[0] ?? 0) / consumeQueueUnitBytes);
      let high = queue.nextOffset - 1;
      while (low < high) {
        const mid = Math.floor((low + high) / 2);
        if (this.#entryAt(queue, mid) >= newest - recentBytes) high = mid;
        else low = mid + 1;
      }
      return this.#entryAt(queue, low);
    }
    return newest;
  }

  /** Goes through the log from where the plan asks for it. What it has to leave for the next start, should it not come to its end, is written first. */
  async #goThrough(plan: Plan): Promise<Scan> {
    const { commitLog, disk, root, log } = this.#parts;
    const from = plan.broken.size > 0 ? commitLog.min : this.#start(Math.min(plan.queuesFrom, plan.indexFrom));
    const dispatcher = this.#dispatcher;
    dispatcher.bridged = plan.broken;
    dispatcher.vouched = plan.vouched;
    const index = plan.indexFrom !== EVERYTHING;
    if (plan.broken.size > 0 || index || plan.all) {
      await writeRepair(disk, root, { all: plan.all, index, queues: [...plan.broken] });
      log.info({ from, queues: plan.all ? 'all' : plan.broken.size, index }, 'goes through the log to build what is missing');
    }
    return this.#scan(from, plan.goodBelow);
  }

  get #stepBytes(): number {
    return this.#parts.config.recoverStepBytes ?? stepBytesDefault;
  }

  /** Goes through the log from a record on and dispatches what is not there yet. */
  async #scan(from: number, goodBelow: number): Promise<Scan> {
    const { commitLog, config, clock, log } = this.#parts;
    const checks = config.checkCRCOnRecover ? recordCheck.BODY_CRC : recordCheck.NONE;
    const window = this.#window;
    const { record } = window;
    let at = from;
    let file = commitLog.fileAt(at) as LogFile;
    let records = 0;
    let lastPhyOffset = -1;
    let lastStoreTimestamp = 0;
    let stepAt = from + this.#stepBytes;
    let saidMs = clock.nowMs();
    for (;;) {
      if (at >= stepAt) {
        await this.#writeStep();
        stepAt = at + this.#stepBytes;
        if (clock.nowMs() - saidMs >= progressMs) {
          saidMs = clock.nowMs();
          log.info({ phyOffset: at, from, filesEnd: commitLog.files.at(-1)?.end }, 'is going through the log');
        }
      }
      const found = this.#readAt(file, at, checks);
      if (found === 'record') {
        this.#dispatcher.dispatch(record);
        this.#parts.index?.keep();
        lastPhyOffset = at;
        lastStoreTimestamp = record.storeTimestamp;
        records++;
        at += record.size;
        continue;
      }
      let next = found === 'blank' ? commitLog.fileAt(file.end)?.base : undefined;
      if (found !== 'blank' && at < goodBelow) {
        next = window.nextRecord(at + 1, goodBelow);
        if (next !== undefined) log.error({ phyOffset: at, bytes: next - at, reason: found }, 'the commit log is damaged here: these bytes are lost, what follows stays');
      }
      // An empty next file was only prepared: the log may go on here or there.
      if (next === undefined) return { end: at, records, reason: found === 'zero' || found === 'blank' ? undefined : found, lastPhyOffset, lastStoreTimestamp };
      at = next;
      file = commitLog.fileAt(at) as LogFile;
    }
  }

  /** What stands at a position: a good record, the blank that ends a file, zeros, or why it is none of these. */
  #readAt(file: LogFile, at: number, checks: number): string {
    if (file.end - at < 8) return 'the file is full';
    const outcome = this.#window.read(file, at, checks);
    const { record } = this.#window;
    if (outcome === 'bad') return record.reason;
    if (outcome === 'blank' && at + record.size !== file.end) return `a blank of ${record.size} bytes does not end with the file`;
    if (outcome === 'record' && record.phyOffset !== at) return `the record says it stands at ${record.phyOffset}`;
    return outcome;
  }

  /** What was dispatched goes to the files, so that memory does not grow with the log. */
  async #writeStep(): Promise<void> {
    const { queues, index } = this.#parts;
    await queues.flush();
    await index?.flush();
    for (const queue of queues.all()) queue.release(0);
  }

  /** Ends the log at the scan's end: the rest of that file becomes zeros, later files go. Returns the bytes that were not zero or may have been. */
  #cutLog(scan: Scan): number {
    const { commitLog } = this.#parts;
    let cut = 0;
    while (commitLog.files.length > 1 && (commitLog.files.at(-1) as LogFile).base > scan.end) {
      const file = commitLog.files.pop() as LogFile;
      if (this.#window.dataBytes(file, file.base) > 0) cut += commitLog.fileBytes;
      file.file.close();
      this.#parts.disk.unlink(file.file.path);
      commitLog.dirDirty = true;
    }
    const last = commitLog.files.at(-1) as LogFile;
    const data = this.#window.dataBytes(last, scan.end);
    if (data > 0) {
      cut += data;
      last.file.setLength(scan.end - last.base);
      last.file.setLength(commitLog.fileBytes);
      last.dirty = true;
    }
    commitLog.startAt(scan.end);
    return cut;
  }

  /** Removes entries of records at and above `phyLimit` from all queues. */
  #cutQueues(phyLimit: number, wipe: boolean): void {
    const { queues } = this.#parts;
    for (const queue of [...queues.all()]) {
      if (queue.lastPhyOffset < phyLimit) {
        // What follows the trusted entries in the files is old or torn.
        if (wipe) this.#wipeBehind(queue);
        continue;
      }
      let end = queue.nextOffset;
      while (end > 0 && this.#entryAt(queue, end - 1) >= phyLimit) end--;
      this.#takeBackTo(queue, end);
    }
  }

  #takeBackTo(queue: StoreQueue, end: number): void {
    const { queues } = this.#parts;
    if (end >= queue.flushedOffset) {
      queue.takeBack(end);
      queue.maxOffset = queue.writtenOffset = end;
    } else queues.cut(queue, end);
    queue.lastPhyOffset = end > 0 ? this.#entryAt(queue, end - 1) : -1;
  }

  #wipeBehind(queue: StoreQueue): void {
    const { queues } = this.#parts;
    const lastPhyOffset = queue.lastPhyOffset;
    const end = queue.nextOffset;
    const registered = queue.registered && end > 0;
    queues.cut(queue, end);
    queue.lastPhyOffset = lastPhyOffset;
    queue.registered = registered;
  }

  /** phyOffset of an entry in memory or in the files; -1 for a blank one or none. */
  #entryAt(queue: StoreQueue, queueOffset: number): number {
    const block = queue.block(queueOffset);
    if (block !== undefined) return entryPhy(block.view, (queueOffset - block.first) * consumeQueueUnitBytes);
    const fileBase = Math.floor(queueOffset / queue.fileUnits) * queue.fileUnits * consumeQueueUnitBytes;
    if (!queue.files.includes(fileBase)) return -1;
    const bytes = new Uint8Array(consumeQueueUnitBytes);
    const length = this.#parts.queues.open(queue, fileBase).readSync(bytes, queueOffset * consumeQueueUnitBytes - fileBase);
    return length === consumeQueueUnitBytes ? entryPhy(viewOf(bytes), 0) : -1;
  }

  /** Brings every queue's first offset to where the log begins. */
  correctMinOffsets(): void {
    for (const queue of this.#parts.queues.all()) this.correctMinOffset(queue);
  }

  /** The first entry whose record is still in the log (`ConsumeQueue#correctMinOffset`). */
  correctMinOffset(queue: StoreQueue): void {
    const min = this.#parts.commitLog.min;
    const onDisk = queue.files[0] === undefined ? queue.memoryFrom : Math.min(queue.files[0] / consumeQueueUnitBytes, queue.memoryFrom);
    let low = Math.max(queue.minOffset, onDisk);
    let high = queue.maxOffset;
    // Mostly nothing of it has left the log.
    if (low < high && this.#entryAt(queue, low) >= min) high = low;
    while (low < high) {
      const mid = Math.floor((low + high) / 2);
      // A blank or damaged entry says nothing: the next good one does.
      const next = this.#nextEntry(queue, mid, high);
      if (next < high && this.#entryAt(queue, next) < min) low = next + 1;
      else high = mid;
    }
    queue.minOffset = this.#nextEntry(queue, low, queue.maxOffset);
  }

  /** The first entry from `from` on that is not blank, `limit` when there is none below. */
  #nextEntry(queue: StoreQueue, from: number, limit: number): number {
    if (from >= limit || this.#entryAt(queue, from) >= 0) return Math.min(from, limit);
    const bytes = new Uint8Array(stretchUnits * consumeQueueUnitBytes);
    const view = viewOf(bytes);
    for (let at = from; at < limit; ) {
      const fileBase = Math.floor(at / queue.fileUnits) * queue.fileUnits * consumeQueueUnitBytes;
      const inMemory = queue.block(at) !== undefined || !queue.files.includes(fileBase);
      const length = inMemory ? 0 : this.#parts.queues.open(queue, fileBase).readSync(bytes, at * consumeQueueUnitBytes - fileBase);
      const units = Math.max(1, Math.min(Math.floor(length / consumeQueueUnitBytes), limit - at));
      for (let i = 0; i < units; i++, at++) {
        if ((inMemory ? this.#entryAt(queue, at) : entryPhy(view, i * consumeQueueUnitBytes)) >= 0) return at;
      }
    }
    return limit;
  }
}

function entryPhy(view: DataView, pos: number): number {
  const size = unitSize(view, pos);
  return size <= 0 || size === preBlankSize ? -1 : unitPhyOffset(view, pos);
}

function report(cleanStop: boolean, recordsScanned: number, bytesCut: number, cutReason: string | undefined, elapsedMs: number): RecoveryReport {
  return { cleanStop, recordsScanned, bytesCut, cutReason, elapsedMs };
}
