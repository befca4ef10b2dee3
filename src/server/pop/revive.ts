/**
 * The way back (`PopReviveService`): each queue of the revive topic is read in order, acknowledgements are joined to their check points, and messages
 * of a check point whose time is over and that nobody acknowledged are stored again in the group's retry topic.
 *
 *   revive topic queue   ... done ... | ck  ack  ck  bAck  ack  ck ...|
 *                            committed ^        pending              ^ read to here
 *
 * The offset of the revive group is the last record that is done with: everything behind it is read again at the next start. What was revived is noted
 * with a "bAck" in the same turn, so that reading it again brings nothing back twice.
 */
import { readRecord, RecordView } from '../../codec/message-record.js';
import { parseProperties, propertyNames } from '../../codec/properties.js';
import type { TimerHandle } from '../../remoting/types.js';
import type { PutStatus, QueueRef } from '../../store/types.js';
import { pullBytesMax } from '../broker/pull.js';
import { PutForm } from '../broker/put-form.js';
import { readWritePerm } from '../broker/put-place.js';
import { retryPrefix } from '../broker/topic-names.js';
import type { Topic } from '../broker/types.js';
import { normalTopic, popRetryTopic } from './extra-info.js';
import { recordsOf } from './found-records.js';
import { settled } from './parts.js';
import type { PopParts } from './parts.js';
import { decodeAck, decodeCheckPoint, mergeKey, reviveGroup, reviveTags, reviveTimeOf } from './revive-records.js';
import type { AckRecord, CheckPoint } from './revive-records.js';

/** A check point is acted on this long after its time, so that acknowledgements of the last moment count (`#mergeAndRevive`, ms). */
export const reviveLateMs = 2000;

/** Queues of a POP retry topic (`PopAckConstants#retryQueueNum`). */
const retryQueueNums = 1;

/** Records read before other work has its turn. */
const scanRecordsMax = 512;

/** Check points acted on before the log is waited for. */
const reviveBatchMax = 64;

/** Acknowledgements kept whose check point was not seen yet, per queue, and for how long in milliseconds. */
const earlyAcksMax = 10_000;
const earlyAckMs = 60_000;

/** Seconds by which a check point waits longer each time its messages could not be stored (`#ckRewriteIntervalsInSeconds`). */
const rePutSeconds = [10, 20, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200] as const;

/** Put states that a later try may mend. */
const passing: ReadonlySet<PutStatus> = new Set(['SERVICE_NOT_AVAILABLE', 'OS_PAGE_CACHE_BUSY', 'CREATE_MAPPED_FILE_FAILED', 'UNKNOWN_ERROR']);

interface Pending {
  readonly ck: CheckPoint;
  readonly reviveOffset: number;
  readonly acked: Set<number>;
}

class ReviveQueue {
  readonly queue: QueueRef;
  /** Next record to read. */
  next: number;
  committed: number;
  /** By merge key, in the order of the queue. */
  readonly pending = new Map<string, Pending>();
  readonly early = new Map<string, { readonly atMs: number; readonly offsets: number[] }>();
  working: Promise<void> | undefined;

  constructor(queue: QueueRef, committed: number) {
    this.queue = queue;
    this.committed = committed;
    this.next = Math.max(committed + 1, queue.minOffset);
  }
}

export interface Revive {
  start(): void;
  stop(): Promise<void>;
  /** Looks at every queue now, as the timer does. */
  run(): Promise<void>;
  /** Check points that are not done with. */
  readonly pending: number;
  /** Messages stored again since the start. */
  readonly revived: number;
}

export interface ReviveOptions {
  /** Milliseconds by which what waits for its time may come late: where there are timers. */
  readonly behindMs: () => number;
}

export function createRevive(parts: PopParts, options: ReviveOptions): Revive {
  const { ctx } = parts;
  const { clock, log, store } = ctx;
  const form = new PutForm(ctx);
  const view = new RecordView();
  let queues: ReviveQueue[] = [];
  let ticker: TimerHandle | undefined;
  let running = false;
  let revived = 0;

  const pause = (): Promise<void> => new Promise((resolve) => { clock.setTimeout(resolve, 0); });

  function takeCheckPoint(at: ReviveQueue, text: string, reviveOffset: number): void {
    const ck = decodeCheckPoint(text);
    if (ck === undefined) {
      log.warn({ reviveQid: at.queue.queueId, reviveOffset }, 'a record of the revive topic is no check point');
      return;
    }
    const key = mergeKey(ck);
    const pending: Pending = { ck, reviveOffset, acked: new Set(ck.diffs.filter((_, i) => (ck.bitMap >>> i) & 1)) };
    at.pending.delete(key);
    at.pending.set(key, pending);
    const early = at.early.get(key);
    if (early === undefined) return;
    at.early.delete(key);
    acknowledge(at, key, pending, early.offsets);
  }

  function acknowledge(at: ReviveQueue, key: string, pending: Pending, offsets: readonly number[]): void {
    for (const offset of offsets) {
      const diff = offset - pending.ck.startOffset;
      if (pending.ck.diffs.includes(diff)) pending.acked.add(diff);
    }
    if (pending.acked.size >= pending.ck.diffs.length) at.pending.delete(key);
  }

  function takeAck(at: ReviveQueue, text: string, batch: boolean): void {
    const read = decodeAck(text, batch);
    if (read === undefined) return;
    const ack: AckRecord = read.brokerName === '' ? { ...read, brokerName: ctx.config.brokerName } : read;
    const key = mergeKey(ack);
    const pending = at.pending.get(key);
    if (pending !== undefined) {
      acknowledge(at, key, pending, ack.offsets);
      return;
    }
    if (at.early.size >= earlyAcksMax) forgetEarly(at);
    if (at.early.size >= earlyAcksMax) return;
    const early = at.early.get(key) ?? { atMs: clock.nowMs(), offsets: [] };
    if (early.offsets.length < 256) early.offsets.push(...ack.offsets);
    at.early.set(key, early);
  }

  function forgetEarly(at: ReviveQueue): void {
    const before = clock.nowMs() - earlyAckMs;
    for (const [key, early] of at.early) {
      if (early.atMs > before) break;
      at.early.delete(key);
    }
  }

  function take(at: ReviveQueue, record: Buffer, reviveOffset: number): void {
    if (readRecord(view, record, 0, record.length) !== 'record') return;
    const tags = parseProperties(record.toString('utf8', view.propertiesStart, view.propertiesEnd)).get(propertyNames.TAGS);
    const text = record.toString('utf8', view.bodyStart, view.bodyEnd);
    if (tags === reviveTags.CK) takeCheckPoint(at, text, reviveOffset);
    else if (tags === reviveTags.ACK || tags === reviveTags.BATCH_ACK) takeAck(at, text, tags === reviveTags.BATCH_ACK);
  }

  /** Reads the queue to its end. */
  async function scan(at: ReviveQueue): Promise<void> {
    let sincePause = 0;
    while (running && at.next < at.queue.maxOffset) {
      const result = await store.get(at.queue, at.next, 32, pullBytesMax, undefined);
      let offset = result.nextBeginOffset - result.messageCount;
      for (const record of recordsOf(result)) take(at, record, offset++);
      if (result.nextBeginOffset <= at.next) return;
      at.next = result.nextBeginOffset;
      sincePause += result.messageCount;
      if (sincePause >= scanRecordsMax) {
        sincePause = 0;
        await pause();
      }
    }
    forgetEarly(at);
  }

  /** The retry topic of a check point, made when there is none; undefined when it cannot be. */
  function retryTopic(ck: CheckPoint): Topic | undefined {
    const name = ck.topic.startsWith(retryPrefix) ? ck.topic : popRetryTopic(ck.topic, ck.group, ctx.config.enableRetryTopicV2);
    const existing = ctx.topics.get(name);
    if (existing !== undefined) return existing;
    const made = ctx.topics.createOnSendBack(name, retryQueueNums, readWritePerm, 0);
    if (made !== undefined && ctx.offsets.query(ck.group, name, 0) < 0) ctx.offsets.commit(ck.group, name, 0, 0, 'initPopRetryOffset');
    return made;
  }

  /** `#reviveRetry`: stores one message again. */
  function putAgain(ck: CheckPoint, topic: Topic, record: Buffer): { readonly status: PutStatus; readonly phyOffset: number } {
    if (readRecord(view, record, 0, record.length) !== 'record') return { status: 'MESSAGE_ILLEGAL', phyOffset: -1 };
    const stored = parseProperties(record.toString('utf8', view.propertiesStart, view.propertiesEnd));
    const properties = new Map(stored);
    if (view.reconsumeTimes === 0 || !properties.has(propertyNames.FIRST_POP_TIME)) properties.set(propertyNames.FIRST_POP_TIME, String(ck.popTime));
    properties.set(propertyNames.ORIGIN_GROUP, ck.group);
    const host = ctx.storeHost();
    const input = form.input;
    const queue = topic.queues[0] ?? store.queue(topic.name, 0);
    input.queue = queue;
    input.flag = view.flag;
    input.bornTimestamp = view.bornTimestamp;
    input.bornHost = host;
    input.reconsumeTimes = view.reconsumeTimes + (ck.suspend ? 0 : 1);
    input.preparedTransactionOffset = 0;
    input.body = record;
    input.bodyStart = view.bodyStart;
    input.bodyEnd = view.bodyEnd;
    form.exactly(properties);
    input.sysFlag = form.sysFlag(view.sysFlag, host);
    let result = store.put(input);
    if (result.status === 'PROPERTIES_SIZE_EXCEEDED') {
      // No room for the bookkeeping: rather without it than not at all.
      form.exactly(stored);
      result = store.put(input);
    }
    return { status: result.status, phyOffset: result.phyOffset };
  }

  /** What a check point's unacknowledged messages look like in the log; those that are gone are left out. */
  async function unacked(ck: CheckPoint, acked: ReadonlySet<number>): Promise<readonly { readonly offset: number; readonly record: Buffer }[]> {
    const queue = store.existingQueue(ck.topic, ck.queueId);
    const found: { offset: number; record: Buffer }[] = [];
    if (queue === undefined) return found;
    for (const diff of ck.diffs) {
      if (acked.has(diff)) continue;
      const offset = ck.startOffset + diff;
      const [unit] = await store.units(queue, offset, 1);
      const record = unit?.queueOffset === offset ? await store.record(unit.phyOffset) : undefined;
      if (record !== undefined) found.push({ offset, record });
    }
    return found;
  }

  /** A message that cannot be stored again now waits longer, as a check point of its own (`#rePutCK`). */
  function rePut(ck: CheckPoint, offset: number, reviveQid: number): number | undefined {
    const seconds = rePutSeconds[Math.min(ck.rePutTimes, rePutSeconds.length - 1)] ?? 0;
    const put = parts.revive.putCheckPoint({
      ...ck, bitMap: 0, startOffset: offset, diffs: [0], rePutTimes: ck.rePutTimes + 1,
      invisibleTime: Math.max(ck.invisibleTime, clock.nowMs() - ck.popTime) + seconds * 1000,
    }, reviveQid);
    log.error({ topic: ck.topic, group: ck.group, queueId: ck.queueId, offset, times: ck.rePutTimes + 1 }, 'a message could not be revived, it is tried again later');
    return 'phyOffset' in put ? put.phyOffset : undefined;
  }

  /** Stores the messages again. Resolves to true once the log holds that; false = to be tried again. */
  async function reviveOne(at: ReviveQueue, pending: Pending): Promise<boolean> {
    const { ck } = pending;
    if (ctx.topics.get(normalTopic(ck.topic, ck.group)) === undefined || ctx.groups.get(ck.group) === undefined) return true;
    const left = await unacked(ck, pending.acked);
    if (left.length === 0) return true;
    const topic = retryTopic(ck);
    let last = -1;
    const done: number[] = [];
    for (const { offset, record } of left) {
      const result = topic === undefined ? { status: 'MESSAGE_ILLEGAL' as const, phyOffset: -1 } : putAgain(ck, topic, record);
      if (passing.has(result.status)) break;
      const phyOffset = result.status === 'PUT_OK' ? result.phyOffset : rePut(ck, offset, at.queue.queueId);
      if (phyOffset === undefined) break;
      done.push(offset);
      last = phyOffset;
    }
    if (done.length === 0) return false;
    const note = parts.revive.putAck({
      topic: ck.topic, group: ck.group, queueId: ck.queueId, startOffset: ck.startOffset, popTime: ck.popTime, brokerName: ck.brokerName, offsets: done, batch: true,
    }, at.queue.queueId, undefined);
    const fault = await settled(parts, 'phyOffset' in note ? note.phyOffset : last);
    if (fault !== undefined) return false;
    revived += done.length;
    for (const offset of done) pending.acked.add(offset - ck.startOffset);
    const normal = normalTopic(ck.topic, ck.group);
    for (let i = 0; i < done.length; i++) if (!parts.pops.wake(normal, ck.group, -1)) break;
    parts.notifications.wake(normal, ck.group, -1);
    return done.length === left.length;
  }

  async function reviveDue(at: ReviveQueue): Promise<void> {
    const dueMs = clock.nowMs() - options.behindMs() - reviveLateMs;
    const due = [...at.pending].filter(([, pending]) => reviveTimeOf(pending.ck) <= dueMs);
    for (let from = 0; from < due.length && running; from += reviveBatchMax) {
      await Promise.all(due.slice(from, from + reviveBatchMax).map(async ([key, pending]) => {
        if (at.pending.get(key) === pending && (await reviveOne(at, pending)) && at.pending.get(key) === pending) at.pending.delete(key);
      }));
      commit(at);
    }
  }

  function commit(at: ReviveQueue): void {
    const [first] = at.pending.values();
    const done = first === undefined ? at.next - 1 : first.reviveOffset - 1;
    if (done <= at.committed) return;
    at.committed = done;
    ctx.offsets.commit(reviveGroup, at.queue.topic, at.queue.queueId, done, '127.0.0.1');
  }

  async function work(at: ReviveQueue): Promise<void> {
    await scan(at);
    // Acknowledgements that were not read yet may stand behind.
    if (at.next >= at.queue.maxOffset) await reviveDue(at);
    commit(at);
  }

  function tick(): void {
    for (const at of queues) {
      at.working ??= work(at)
        .catch((error: unknown) => log.error({ reviveQid: at.queue.queueId, error: String(error) }, 'the revive topic could not be worked on'))
        .finally(() => { at.working = undefined; });
    }
  }

  function open(): void {
    if (queues.length > 0) return;
    queues = Array.from({ length: parts.revive.queues() }, (_, id) =>
      new ReviveQueue(store.queue(parts.revive.topic, id), ctx.offsets.query(reviveGroup, parts.revive.topic, id)));
  }

  return {
    start() {
      running = true;
      open();
      ticker = clock.setInterval(tick, Math.max(10, ctx.config.reviveInterval));
    },
    async stop() {
      running = false;
      ticker?.clear();
      for (const at of queues) await at.working;
      for (const at of queues) commit(at);
    },
    async run() {
      running = true;
      open();
      tick();
      for (const at of queues) await at.working;
    },
    get pending() {
      return queues.reduce((sum, at) => sum + at.pending.size, 0);
    },
    get revived() {
      return revived;
    },
  };
}
