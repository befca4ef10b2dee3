/**
 * After a kill: consumerOffset.json is as old as its last save, and without more the groups would be given again what they popped, and acknowledged, since.
 * The check points of those pops are in the log: they say how far each group had come. Apache gives the messages again.
 */
import { readRecord, RecordView } from '../../codec/message-record.js';
import { parseProperties, propertyNames } from '../../codec/properties.js';
import type { Disk } from '../../store/disk.js';
import type { QueueRef } from '../../store/types.js';
import { pullBytesMax } from '../broker/pull.js';
import { offsetsSavedAt } from '../broker/offsets.js';
import { timerTopic } from '../broker/topic-names.js';
import type { BrokerContext } from '../broker/types.js';
import { recordsOf } from './found-records.js';
import { decodeCheckPoint, reviveTags, reviveTopicOf } from './revive-records.js';
import type { CheckPoint } from './revive-records.js';

/** A commit follows its pop by less than this: pops up to so long before the save may be missing in it, in milliseconds. */
const commitLagMs = 100;

/** What one group took of one queue in one pop: [start, end). */
interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Where a group stands that stood at `from` and then took these, in any order; -1 = it had no offset yet. Spans join where one begins at or before the
 * place the last one ended: behind a gap nothing counts, rather given again than passed by.
 */
export function joined(from: number, spans: readonly Span[]): number {
  const sorted = [...spans].sort((a, b) => a.start - b.start);
  let at = from < 0 ? (sorted[0]?.start ?? from) : from;
  for (const { start, end } of sorted) if (start <= at && end > at) at = end;
  return at;
}

/** Moves the offsets of groups on to what they popped since `savedMs` (milliseconds since the epoch). Returns how many moved. */
export async function recoverPopOffsets(ctx: BrokerContext, savedMs: number): Promise<number> {
  const reviveTopic = reviveTopicOf(ctx.config.brokerClusterName);
  const fromMs = savedMs - commitLagMs;
  const spans = new Map<string, { readonly ck: CheckPoint; readonly spans: Span[] }>();
  const take = (ck: CheckPoint): void => {
    if (ck.popTime < fromMs || ck.diffs.length === 0 || ck.rePutTimes > 0) return;
    const key = `${ck.topic}@${ck.group}@${ck.queueId}`;
    const entry = spans.get(key) ?? { ck, spans: [] };
    entry.spans.push({ start: ck.startOffset, end: ck.startOffset + Math.max(...ck.diffs) + 1 });
    spans.set(key, entry);
  };
  // Where there are timers, check points wait in their topic for most of their time.
  const queues = [...Array.from({ length: ctx.config.reviveQueueNum }, (_, id) => ctx.store.existingQueue(reviveTopic, id)), ctx.store.existingQueue(timerTopic, 0)];
  for (const queue of queues) if (queue !== undefined) await read(ctx, queue, fromMs, take);
  let moved = 0;
  for (const { ck, spans: taken } of spans.values()) {
    const queue = ctx.store.existingQueue(ck.topic, ck.queueId);
    if (queue === undefined || ctx.groups.get(ck.group) === undefined) continue;
    const committed = ctx.offsets.query(ck.group, ck.topic, ck.queueId);
    const next = Math.min(joined(committed, taken), queue.maxOffset);
    if (next <= committed) continue;
    ctx.offsets.commit(ck.group, ck.topic, ck.queueId, next, 'recoverPopOffsets');
    moved++;
  }
  return moved;
}

/** Hands out the check points of a queue that were stored since `fromMs`. */
async function read(ctx: BrokerContext, queue: QueueRef, fromMs: number, take: (ck: CheckPoint) => void): Promise<void> {
  const view = new RecordView();
  let at = Math.max(queue.minOffset, fromMs > 0 ? await ctx.store.offsetByTime(queue, fromMs, 'LOWER') : 0);
  while (at < queue.maxOffset) {
    const result = await ctx.store.get(queue, at, 32, pullBytesMax, undefined);
    for (const record of recordsOf(result)) {
      if (readRecord(view, record, 0, record.length) !== 'record') continue;
      const tags = parseProperties(record.toString('utf8', view.propertiesStart, view.propertiesEnd)).get(propertyNames.TAGS);
      const ck = tags === reviveTags.CK ? decodeCheckPoint(record.toString('utf8', view.bodyStart, view.bodyEnd)) : undefined;
      if (ck !== undefined) take(ck);
    }
    if (result.nextBeginOffset <= at) return;
    at = result.nextBeginOffset;
  }
}

/** When consumerOffset.json was saved last; 0 when it never was. */
export function offsetsSavedMs(ctx: BrokerContext, disk: Disk): number {
  return offsetsSavedAt({ config: ctx.config, disk });
}
