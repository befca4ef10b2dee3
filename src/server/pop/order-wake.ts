/** Waking orderly pops when what blocks their queue is visible again (`ConsumerOrderInfoLockManager`): one timer per topic, group and queue. */
import type { TimerHandle } from '../../remoting/types.js';
import type { QueueRef } from '../../store/types.js';
import type { PopParts } from './parts.js';

export interface OrderWake {
  /** Wakes what waits for the queue once nothing blocks it any more; replaces an earlier call for the same queue and group. */
  whenFree(queue: QueueRef, group: string): void;
  stop(): void;
}

export function createOrderWake(parts: PopParts): OrderWake {
  const { ctx } = parts;
  const timers = new Map<string, TimerHandle>();

  return {
    whenFree(queue, group) {
      const key = `${queue.topic}@${group}@${queue.queueId}`;
      const freeAtMs = parts.orders.freeAt(queue.topic, group, queue.queueId);
      if (freeAtMs === undefined) return;
      timers.get(key)?.clear();
      timers.set(key, ctx.clock.setTimeout(() => {
        timers.delete(key);
        if (queue.maxOffset <= parts.offsets.look(queue, group)) return;
        parts.pops.wakeAny(queue.topic, group, queue.queueId);
        parts.notifications.wakeAny(queue.topic, group, queue.queueId);
      }, Math.max(0, freeAtMs - ctx.clock.nowMs())));
    },
    stop() {
      for (const timer of timers.values()) timer.clear();
      timers.clear();
    },
  };
}
