/**
 * Orderly locks against a plain model: clients of two groups that lock, renew, unlock and are silent for any time, while expired locks are forgotten at any
 * moment. A queue has one owner in a group, for as long as a lock lives after it was last asked for.
 */
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { ManualClock } from '../../remoting/clocks.js';
import { lockLiveMs, QueueLockTable } from './locks.js';
import type { LockedQueue } from './locks.js';

type Step =
  | { readonly kind: 'lock' | 'unlock'; readonly group: string; readonly clientId: string; readonly queues: readonly LockedQueue[] }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'scan' };

const queues: readonly LockedQueue[] = [{ topic: 'T', brokerName: 'a', queueId: 0 }, { topic: 'T', brokerName: 'a', queueId: 1 }, { topic: 'T', brokerName: 'b', queueId: 0 }, { topic: 'T2', brokerName: 'a', queueId: 0 }];
const asked = fc.record({ group: fc.constantFrom('G', 'G2'), clientId: fc.constantFrom('c1', 'c2', 'c3'), queues: fc.array(fc.constantFrom(...queues), { maxLength: 6 }) });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: asked.map((one) => ({ kind: 'lock' as const, ...one })) },
  { weight: 2, arbitrary: asked.map((one) => ({ kind: 'unlock' as const, ...one })) },
  { weight: 3, arbitrary: fc.oneof(fc.integer({ min: 1, max: 40_000 }), fc.constantFrom(1, lockLiveMs - 1, lockLiveMs, lockLiveMs + 1, 2 * lockLiveMs + 1)).map((ms) => ({ kind: 'pass' as const, ms })) },
  { weight: 1, arbitrary: fc.constant({ kind: 'scan' as const }) },
);

/** Who was granted a queue last, and when; by group and queue. */
type Grants = Map<string, { readonly clientId: string; readonly atMs: number }>;

const nameOf = ({ topic, brokerName, queueId }: LockedQueue): string => `${topic} ${brokerName} ${queueId}`;

function ownerOf(grants: Grants, group: string, queue: LockedQueue, nowMs: number): string | undefined {
  const last = grants.get(`${group} ${nameOf(queue)}`);
  return last === undefined || nowMs - last.atMs > lockLiveMs ? undefined : last.clientId;
}

test('a queue has one owner in its group, until it is unlocked or not asked for during a minute', () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const clock = new ManualClock();
    const table = new QueueLockTable(clock);
    const grants: Grants = new Map();
    for (const one of steps) {
      const nowMs = clock.nowMs();
      if (one.kind === 'pass') clock.advance(one.ms);
      else if (one.kind === 'scan') table.scan();
      else if (one.kind === 'lock') {
        const free = one.queues.filter((queue) => [undefined, one.clientId].includes(ownerOf(grants, one.group, queue, nowMs)));
        expect(table.lock(one.group, one.queues, one.clientId).map(nameOf)).toEqual([...new Set(free.map(nameOf))]);
        for (const queue of free) grants.set(`${one.group} ${nameOf(queue)}`, { clientId: one.clientId, atMs: nowMs });
      } else {
        table.unlock(one.group, one.queues, one.clientId);
        for (const queue of one.queues) if (ownerOf(grants, one.group, queue, nowMs) === one.clientId) grants.delete(`${one.group} ${nameOf(queue)}`);
      }
      const held = ['G', 'G2'].map((group) => queues.some((queue) => ownerOf(grants, group, queue, clock.nowMs()) !== undefined));
      expect(['G', 'G2'].map((group) => table.anyLocked(group))).toEqual(held);
    }
    // Abandoned locks are forgotten.
    clock.advance(2 * lockLiveMs + 1);
    table.scan();
    expect(table.size).toBe(0);
  }), { numRuns: 200 });
});
