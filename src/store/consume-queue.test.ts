/** Entries of one queue in memory. With files: the suites of the store. */
import { expect, test } from '@jest/globals';
import { consumeQueueUnitBytes } from '../codec/consume-queue-unit.js';
import { StoreQueue } from './consume-queue.js';

/** Entries of a block once a queue has many. */
const blockUnits = 3276;
const blockBytes = blockUnits * consumeQueueUnitBytes;

/** A queue of six blocks, the last of which begins to fill; entries below `flushed` are in the files. */
function filled(flushed: number): StoreQueue {
  const queue = new StoreQueue('/store/consumequeue', 'T', 0, 6_000_000);
  for (let i = 0; i < 5 * blockUnits + 10; i++) queue.append(i * 100, 100, 0);
  queue.writtenOffset = queue.maxOffset = queue.nextOffset;
  queue.flushedOffset = flushed;
  return queue;
}

/** What a queue of one entry holds. */
function small(): number {
  const queue = new StoreQueue('/store/consumequeue', 'T', 0, 6_000_000);
  queue.append(0, 100, 0);
  return queue.memoryBytes;
}

test.each([[6 * blockBytes, 6], [6 * blockBytes - 1, 5], [5 * blockBytes, 5], [3 * blockBytes + 1, 3], [3 * blockBytes, 3], [1, 1], [0, 0]])('of six blocks that are in the files a release to %i bytes leaves the newest %i', (keep, blocks) => {
  const queue = filled(5 * blockUnits + 10);
  queue.release(keep);
  expect([queue.memoryBytes, queue.memoryFrom]).toEqual([blocks * blockBytes, blocks === 0 ? queue.nextOffset : (6 - blocks) * blockUnits]);
  // The newest block goes on filling; where it went a small one begins.
  queue.append(1_000_000_000, 100, 0);
  expect(queue.memoryBytes).toBe(blocks === 0 ? small() : blocks * blockBytes);
  expect(queue.nextOffset).toBe(5 * blockUnits + 11);
});

test.each([[0, 0], [blockUnits - 1, 0], [blockUnits, 1], [3 * blockUnits + 1, 3], [5 * blockUnits + 9, 5]])('with %i entries in the files a release of everything takes %i blocks', (flushed, blocks) => {
  const queue = filled(flushed);
  queue.release(0);
  expect(queue.memoryFrom).toBe(blocks * blockUnits);
});
