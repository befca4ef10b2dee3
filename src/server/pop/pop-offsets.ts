/**
 * Where the next pop of a group begins in a queue (`PopMessageProcessor#getPopOffset`, the offset queue of `PopBufferMergeService`): the committed
 * offset, or behind what was popped whose check point is not stored yet. A group's offset is committed once its check point is in the log.
 */
import type { QueueRef } from '../../store/types.js';
import type { BrokerContext } from '../broker/types.js';
import { retryPrefix } from '../broker/topic-names.js';

/** `ConsumeInitMode#MIN`; everything else starts at the end. */
const initModeMin = 0;

/** Pops of one queue whose check points are not stored yet. */
export interface Ahead {
  next: number;
  pending: number;
}

export interface PopOffsets {
  /** Where a pop begins now; a group without offset begins where `initMode` says and, with `commit`, has it committed. */
  begin(queue: QueueRef, group: string, initMode: number, commit: boolean): Promise<number> | number;
  /** As `begin` for who only looks: a group without offset begins at the first message. */
  look(queue: QueueRef, group: string): number;
  /** Takes the offset of a reset that waits for the group; what was popped before no longer counts. */
  takeReset(queue: QueueRef, group: string): number | undefined;
  /** Moves the start past what is popped now. `stored` or `failed` must follow. */
  advance(queue: QueueRef, group: string, next: number): Ahead;
  /** Moves the start past what the filter passed by; nothing was popped. */
  skip(queue: QueueRef, group: string, next: number, clientHost: string): void;
  stored(queue: QueueRef, group: string, ahead: Ahead, next: number, clientHost: string): void;
  failed(queue: QueueRef, group: string, ahead: Ahead): void;
}

export function createPopOffsets(ctx: BrokerContext): PopOffsets {
  const { offsets } = ctx;
  const table = new Map<string, Ahead>();
  const keyOf = (queue: QueueRef, group: string): string => `${queue.topic}@${group}@${queue.queueId}`;

  function ahead(queue: QueueRef, group: string, committed: number): number {
    return Math.max(committed, table.get(keyOf(queue, group))?.next ?? -1);
  }

  /** `#getInitOffset`. */
  async function initOffset(queue: QueueRef, initMode: number): Promise<number> {
    if (initMode === initModeMin || queue.topic.startsWith(retryPrefix)) return queue.minOffset;
    if (ctx.config.initPopOffsetByCheckMsgInMem && queue.minOffset <= 0 && queue.maxOffset > 0) {
      const first = await ctx.store.get(queue, 0, 1, 1, undefined);
      if (first.status === 'FOUND' && !first.fallenBehind) return 0;
    }
    return Math.max(0, queue.maxOffset - 1);
  }

  return {
    begin(queue, group, initMode, commit) {
      const committed = offsets.query(group, queue.topic, queue.queueId);
      if (committed >= 0) return ahead(queue, group, committed);
      return initOffset(queue, initMode).then((offset) => {
        const meanwhile = offsets.query(group, queue.topic, queue.queueId);
        if (meanwhile >= 0) return ahead(queue, group, meanwhile);
        if (commit) offsets.commit(group, queue.topic, queue.queueId, offset, 'getPopOffset');
        return ahead(queue, group, offset);
      });
    },
    look(queue, group) {
      const committed = offsets.query(group, queue.topic, queue.queueId);
      return ahead(queue, group, committed >= 0 ? committed : queue.minOffset);
    },
    takeReset(queue, group) {
      const reset = offsets.takeReset(group, queue.topic, queue.queueId);
      if (reset === undefined || !ctx.config.useServerSideResetOffset) return undefined;
      table.delete(keyOf(queue, group));
      offsets.commit(group, queue.topic, queue.queueId, reset, 'ResetPopOffset');
      return reset;
    },
    advance(queue, group, next) {
      const key = keyOf(queue, group);
      let entry = table.get(key);
      if (entry === undefined) table.set(key, (entry = { next, pending: 0 }));
      entry.next = next;
      entry.pending++;
      return entry;
    },
    skip(queue, group, next, clientHost) {
      const entry = table.get(keyOf(queue, group));
      if (entry !== undefined) entry.next = next;
      else offsets.commit(group, queue.topic, queue.queueId, next, clientHost);
    },
    stored(queue, group, entry, next, clientHost) {
      const key = keyOf(queue, group);
      // Another entry stands there after a reset or a fault: this pop's offset no longer counts.
      if (table.get(key) !== entry) return;
      if (ctx.groups.get(group) !== undefined && offsets.pendingReset(group, queue.topic, queue.queueId) === undefined) {
        offsets.commit(group, queue.topic, queue.queueId, next, clientHost);
      }
      if (--entry.pending === 0) table.delete(key);
    },
    failed(queue, group, entry) {
      const key = keyOf(queue, group);
      if (table.get(key) === entry) table.delete(key);
    },
  };
}
