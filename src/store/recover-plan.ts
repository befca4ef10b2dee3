/**
 * What a start has to make up for: reads what ConsumeQueues and index cover, compares it with the log and with what the last stop wrote down, and says
 * from where the log is to be gone through. Queues that lack something in their middle are emptied, to be built again alone.
 */
import type { Checkpoint } from '../codec/checkpoint-record.js';
import type { StoreQueue } from './consume-queue.js';
import type { LogFile } from './commit-log.js';
import type { DerivedState } from './derived-state.js';
import type { ClosedGap } from './log-files.js';
import type { LogWindow } from './log-window.js';
import type { StoreParts } from './parts.js';
import type { QueueEntries } from './queue-entries.js';
import type { QueueFindings } from './queue-load.js';
import type { Displaced } from './set-aside.js';

/** After a clean stop so much of the log's end is checked. */
const recentBytesDefault = 16 * 1024 * 1024;
/** Slack of the checkpoint's times (`StoreCheckpoint#getMinTimestamp`). */
const timeSlackMs = 3000;

/** As an offset: everything lies below. */
export const EVERYTHING = Number.MAX_SAFE_INTEGER;

/** Where the log is gone through from, and what for. */
export interface Plan {
  /** Queues that are built again from the log's first record on. */
  readonly broken: Set<StoreQueue>;
  /** Queues are complete below. */
  queuesFrom: number;
  /** The index is complete below; EVERYTHING = wholly. */
  indexFrom: number;
  /** Index entries are made for records from here on. */
  indexEntriesFrom: number;
  /** The log is known to be good below: damage there does not end it. */
  goodBelow: number;
  /** Below, a queue without files is one that was deleted. */
  vouched: number;
  all: boolean;
}

/** What a start knows before it has read the log. */
export interface StartState {
  readonly cleanStop: boolean;
  readonly checkpoint: Checkpoint;
  /** What the last stop or a reader wrote down. */
  readonly state: DerivedState | undefined;
  /** Derived files in whose place something else stood. */
  readonly displaced: Displaced;
  /** What of the log is lost. */
  readonly gaps: readonly ClosedGap[];
}

export class Planner {
  readonly #parts: StoreParts;
  readonly #window: LogWindow;
  readonly #entries: QueueEntries;

  constructor(parts: StoreParts, window: LogWindow, entries: QueueEntries) {
    this.#parts = parts;
    this.#window = window;
    this.#entries = entries;
  }

  /** Compares queues and index with the log (`DefaultMessageStore#recover`, `ConsumeQueueStore#getDispatchFromPhyOffset`). The log has files. */
  plan(start: StartState, findings: QueueFindings): Plan {
    const { cleanStop, state } = start;
    const { commitLog, queues } = this.#parts;
    const known = cleanStop && state !== undefined && state.logEnd > 0 ? state : undefined;
    // The note names the queues that are missing; without it any may be.
    const all = state?.repair.all === true || (findings.topicsMissing && known === undefined);
    // Below `trusted` queues and index are durable and complete.
    const trusted = cleanStop ? EVERYTHING : this.#trustedFrom(start.checkpoint);
    // A checkpoint names the newest record it covers.
    const covered = trusted === start.checkpoint.logicsPhysicalOffset && trusted > 0 ? trusted + 1 : trusted;
    const logEnd = (commitLog.files.at(-1) as LogFile).end;
    const plan: Plan = {
      broken: new Set(),
      queuesFrom: commitLog.min,
      indexFrom: EVERYTHING,
      indexEntriesFrom: 0,
      // Both are found below.
      goodBelow: 0,
      vouched: 0,
      all,
    };
    for (const queue of findings.displaced) this.breakQueue(plan, queue, 'lacks a file');
    let newest = -1;
    for (const queue of [...queues.all()]) {
      if (findings.misfit.has(queue) || queues.loadTail(queue, covered, logEnd) || all) this.breakQueue(plan, queue, 'is damaged');
      else newest = Math.max(newest, queue.lastPhyOffset);
    }
    for (const { topic, queueId } of state?.repair.queues ?? []) this.breakQueue(plan, queues.ref(topic, queueId), 'was found damaged');
    for (const one of known?.queues ?? []) {
      const queue = queues.ref(one.topic, one.queueId);
      // The entry of a lost message is blank now, and counts all the same.
      const lastLost = start.gaps.some(({ from, to }) => one.lastPhyOffset >= from && one.lastPhyOffset < to);
      const behind = queue.nextOffset < one.nextOffset || (queue.lastPhyOffset < one.lastPhyOffset && !lastLost);
      const lost = commitLog.min === known?.logMin && (queue.files[0] ?? -1) > one.firstFile;
      if (one.lastPhyOffset >= commitLog.min && (behind || lost) && !plan.broken.has(queue)) this.breakQueue(plan, queue, 'lacks entries or files');
    }
    if (newest >= 0) {
      plan.queuesFrom = cleanStop ? this.#recentRecord(newest) : trusted;
      plan.goodBelow = cleanStop ? Math.max(newest, known?.logEnd ?? 0) : trusted;
    } else {
      plan.all = true;
      plan.goodBelow = known?.logEnd ?? (cleanStop ? 0 : trusted);
    }
    plan.vouched = Math.max(newest >= 0 && !cleanStop ? covered : plan.queuesFrom, known?.logEnd ?? 0);
    this.#planIndex(plan, start, trusted, newest, known);
    if (!cleanStop) this.#entries.cut(covered, true);
    return plan;
  }

  /** From where the index lacks entries. */
  #planIndex(plan: Plan, start: StartState, trusted: number, newest: number, known: DerivedState | undefined): void {
    const { index, commitLog, config, log } = this.#parts;
    if (index === undefined) return;
    const { cleanStop, state, displaced } = start;
    const repair = state?.repair.index === true || (displaced.index && known === undefined);
    // A checkpoint that names no record says nothing about the index.
    const named = trusted > 0 && trusted === start.checkpoint.logicsPhysicalOffset;
    let resume = index.load(cleanStop ? undefined : trusted, (name, why) => log.warn({ name }, why));
    if (repair) index.clear();
    if (known !== undefined && index.dropBehind(known.index, commitLog.min)) {
      log.warn({ phyOffset: index.endPhyOffset }, 'index files are missing or older than the log: entries are made again from here on');
      resume = index.endPhyOffset;
    }
    const end = index.endPhyOffset;
    if (end < 0) resume = known !== undefined && known.index.length === 0 && !repair ? undefined : commitLog.min;
    else if (resume === undefined && known === undefined && (cleanStop ? end < newest : config.messageIndexSafe === true || !named)) resume = end;
    plan.indexEntriesFrom = cleanStop ? end + 1 : trusted;
    if (resume === undefined) return;
    index.cut(resume);
    plan.indexEntriesFrom = plan.indexFrom = Math.max(resume, commitLog.min);
  }

  /** Empties a queue that is to be built again. */
  breakQueue(plan: Plan, queue: StoreQueue, why: string): void {
    const { queues, log } = this.#parts;
    log.warn({ topic: queue.topic, queueId: queue.queueId, entries: queue.nextOffset }, `a ConsumeQueue ${why}: it is built again from the log`);
    queues.cut(queue, 0);
    queue.lastPhyOffset = -1;
    queues.unregister(queue);
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

  /** A record not far before the newest one, by the queue that has that: after a clean stop only the log's last stretch is checked. */
  #recentRecord(newest: number): number {
    const { commitLog, queues, config } = this.#parts;
    const recentBytes = config.recoverRecentBytes ?? recentBytesDefault;
    if (newest - recentBytes <= commitLog.min) return commitLog.min;
    for (const queue of queues.all()) {
      if (queue.lastPhyOffset === newest) return this.#entries.at(queue, this.#entries.firstFrom(queue, newest - recentBytes));
    }
    return newest;
  }
}
