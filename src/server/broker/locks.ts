/**
 * Who consumes which queue in order (`RebalanceLockManager`): a lock per group and queue, held by a client id, taken over once it expired.
 */
import type { Clock } from '../../remoting/types.js';
import type { QueueLocks } from './types.js';

/** Milliseconds a lock lives after its owner last asked for it (`rocketmq.broker.rebalance.lockMaxLiveTime`). */
export const lockLiveMs = 60_000;

export interface LockedQueue {
  readonly topic: string;
  readonly brokerName: string;
  readonly queueId: number;
}

interface Lock {
  clientId: string;
  lastUpdateMs: number;
}

function keyOf(queue: LockedQueue): string {
  return `${queue.topic}\0${queue.brokerName}\0${queue.queueId}`;
}

export class QueueLockTable implements QueueLocks {
  readonly #clock: Clock;
  readonly #groups = new Map<string, Map<string, Lock>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Locks held now, expired ones that were not looked at since included. */
  get size(): number {
    let size = 0;
    for (const locks of this.#groups.values()) size += locks.size;
    return size;
  }

  anyLocked(group: string): boolean {
    const now = this.#clock.nowMs();
    for (const lock of this.#groups.get(group)?.values() ?? []) if (now - lock.lastUpdateMs <= lockLiveMs) return true;
    return false;
  }

  /** Locks or renews; returns the queues the client now holds, in the order asked. */
  lock<Q extends LockedQueue>(group: string, queues: readonly Q[], clientId: string): Q[] {
    const now = this.#clock.nowMs();
    let locks = this.#groups.get(group);
    if (locks === undefined) this.#groups.set(group, (locks = new Map<string, Lock>()));
    const granted = new Map<string, Q>();
    for (const queue of queues) {
      const key = keyOf(queue);
      const lock = locks.get(key);
      if (lock !== undefined && lock.clientId !== clientId && now - lock.lastUpdateMs <= lockLiveMs) continue;
      locks.set(key, { clientId, lastUpdateMs: now });
      granted.set(key, queue);
    }
    if (locks.size === 0) this.#groups.delete(group);
    return [...granted.values()];
  }

  /** Frees the queues the client holds, expired or not; others are left. */
  unlock(group: string, queues: readonly LockedQueue[], clientId: string): void {
    const locks = this.#groups.get(group);
    if (locks === undefined) return;
    for (const queue of queues) {
      const key = keyOf(queue);
      if (locks.get(key)?.clientId === clientId) locks.delete(key);
    }
    if (locks.size === 0) this.#groups.delete(group);
  }

  /** Forgets locks that expired long ago, so that abandoned groups cost nothing. */
  scan(): void {
    const now = this.#clock.nowMs();
    for (const [group, locks] of this.#groups) {
      for (const [key, lock] of locks) if (now - lock.lastUpdateMs > 2 * lockLiveMs) locks.delete(key);
      if (locks.size === 0) this.#groups.delete(group);
    }
  }
}
