/** Entries of one queue in memory. With files: the suites of the store. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { consumeQueueUnitBytes } from '../codec/consume-queue-unit.js';
import { javaStringHash } from '../compat/java-string-hash.js';
import { BatchUnits } from './batch-units.js';
import { QueueExtension } from './consume-queue-ext.js';
import { preBlankUnits, StoreQueue } from './consume-queue.js';

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

/** An entry, written plainly. */
function entry(phyOffset: number, size: number, tagsCode: bigint): Buffer {
  const bytes = Buffer.alloc(consumeQueueUnitBytes);
  bytes.writeBigInt64BE(BigInt(phyOffset));
  bytes.writeInt32BE(size, 8);
  bytes.writeBigInt64BE(tagsCode, 12);
  return bytes;
}

/** Entries in memory from `memoryFrom` on, as `block` finds each. */
function held(queue: StoreQueue): Buffer[] {
  return Array.from({ length: queue.nextOffset - queue.memoryFrom }, (_, i) => {
    const at = queue.memoryFrom + i;
    const block = queue.block(at);
    if (block === undefined || at < block.first || at >= block.first + block.count) throw new Error(`no block holds ${at}`);
    const from = (at - block.first) * consumeQueueUnitBytes;
    if (block.view.byteOffset !== block.bytes.byteOffset || block.view.buffer !== block.bytes.buffer) throw new Error('the view is of other bytes');
    return Buffer.from(block.bytes.subarray(from, from + consumeQueueUnitBytes));
  });
}

describe('what a queue is', () => {
  test('its names, hashes and files', () => {
    const queue = new StoreQueue('/store/consumequeue', 'Ünï', 12, 200);
    expect([queue.topic, queue.topicBytes.toString(), queue.queueId, queue.dir, queue.fileUnits]).toEqual(['Ünï', 'Ünï', 12, '/store/consumequeue/Ünï/12', 10]);
    expect([queue.keySeed, queue.tagSeed]).toEqual([javaStringHash('Ünï#'), javaStringHash('Ünï#T#')]);
    expect([queue.fileName(0), queue.fileName(400)]).toEqual([`${queue.dir}/00000000000000000000`, `${queue.dir}/00000000000000000400`]);
    expect([queue.delayed, queue.light, queue.registered, queue.deleted, queue.touched, queue.lastPhyOffset, queue.turnLastPhyOffset, queue.coldPage, queue.readsCold, queue.lastPutMs]).toEqual([false, false, false, false, false, -1, -1, -1, false, 0]);
    expect([queue.minOffset, queue.maxOffset, queue.writtenOffset, queue.nextOffset, queue.flushedOffset, queue.memoryFrom, queue.memoryBytes, queue.block(0), queue.unflushed()]).toEqual([0, 0, 0, 0, 0, 0, 0, undefined, []]);
    expect([new StoreQueue('/r', 'SCHEDULE_TOPIC_XXXX', 0, 20).delayed, new StoreQueue('/r', '%LMQ%a', 0, 20).light]).toEqual([true, true]);
  });

  test('memory of a new queue is small, grows fourfold, and stays in whole blocks of 64 KiB', () => {
    const queue = new StoreQueue('/r', 'T', 0, 20 * 100_000);
    const sizes: number[] = [];
    for (let i = 0; i < 2 * blockUnits + 1; i++) {
      queue.append(i, 1, 0);
      if (sizes.at(-1) !== queue.memoryBytes) sizes.push(queue.memoryBytes);
    }
    expect(sizes.map((bytes) => bytes / consumeQueueUnitBytes)).toEqual([32, 128, 512, 2048, blockUnits, 2 * blockUnits, 3 * blockUnits]);
  });

  test('blank entries have the size of none and lead nowhere', () => {
    expect(Buffer.from(preBlankUnits(2))).toEqual(Buffer.concat([entry(0, 0x7fffffff, 0n), entry(0, 0x7fffffff, 0n)]));
    expect(preBlankUnits(0)).toHaveLength(0);
  });
});

type Act =
  | { readonly kind: 'append' | 'extended' | 'units' | 'batch'; readonly count: number }
  | { readonly kind: 'write' | 'flush' | 'back' | 'release' | 'restart'; readonly part: number };

describe('any history of a queue', () => {
  const count = fc.oneof(fc.nat(40), fc.constantFrom(31, 32, 33, 96, 128, 500), fc.constantFrom(blockUnits - 1, blockUnits, blockUnits + 1, 2 * blockUnits));
  const act: fc.Arbitrary<Act> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('append', 'units' as const), count }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('extended', 'batch' as const), count: fc.nat(50) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('write', 'flush', 'back', 'release' as const), part: fc.double({ min: 0, max: 1, noNaN: true }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), part: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  );

  test('has in memory what was put since, gives it to the files once and in order, and takes back what was not written', () => {
    let phyOffset = 0;
    fc.assert(fc.property(fc.constantFrom(0, 7, 1_000_000), fc.constantFrom(7, 100, 5000), fc.array(fc.noShrink(act), { maxLength: 15 }), (start, fileUnits, acts) => {
      const queue = new StoreQueue('/r', 'T', 0, fileUnits * consumeQueueUnitBytes);
      queue.startAt(start);
      /** Entries from `start` on; those in the files, by place. */
      const all: Buffer[] = [];
      const files = new Map<number, Buffer>();
      let first: number = start;
      const add = (bytes: Buffer): void => void all.push(bytes);
      for (const one of acts) {
        const next = queue.nextOffset;
        if (one.kind === 'append' || one.kind === 'extended') {
          for (let i = 0; i < one.count; i++) {
            phyOffset += 100;
            if (one.kind === 'append') queue.append(phyOffset, 90 + i, i - 5);
            else queue.appendExtended(phyOffset, 90 + i, phyOffset * 3);
            add(entry(phyOffset, 90 + i, one.kind === 'append' ? BigInt(i - 5) : BigInt(phyOffset * 3) - (1n << 63n)));
          }
          expect(queue.nextOffset).toBe(next + one.count);
          if (one.count > 0) expect(queue.lastPhyOffset).toBe(phyOffset);
        } else if (one.kind === 'units') {
          const units = Array.from({ length: one.count }, (_, i) => entry(phyOffset + 100 + i, 77, BigInt(-i)));
          // More stands behind those that count.
          queue.appendUnits(Buffer.concat([...units, entry(1, 2, 3n)]), one.count, phyOffset + 99 + one.count);
          units.forEach(add);
          phyOffset += 99 + one.count;
          expect([queue.nextOffset, queue.lastPhyOffset]).toEqual([next + one.count, phyOffset]);
        } else if (one.kind === 'batch') {
          phyOffset += 100;
          queue.appendBatch(phyOffset, 99, 8, 1000, one.count);
          for (let i = 0; i < one.count; i++) add(entry(phyOffset, 99, 8n));
        } else if (one.kind === 'write') queue.maxOffset = queue.writtenOffset = queue.writtenOffset + Math.round(one.part * (next - queue.writtenOffset));
        else if (one.kind === 'flush') {
          const limit = queue.flushedOffset + Math.round(one.part * (queue.writtenOffset - queue.flushedOffset));
          for (const run of one.part === 1 ? queue.unflushed() : queue.unflushed(limit)) {
            expect([run.fileBase % (fileUnits * consumeQueueUnitBytes), run.position + run.bytes.length <= fileUnits * consumeQueueUnitBytes]).toEqual([0, true]);
            const at = (run.fileBase + run.position) / consumeQueueUnitBytes;
            expect([at, run.end]).toEqual([queue.flushedOffset, at + run.bytes.length / consumeQueueUnitBytes]);
            for (let i = at; i < run.end; i++) files.set(i, Buffer.from(run.bytes.subarray((i - at) * consumeQueueUnitBytes, (i + 1 - at) * consumeQueueUnitBytes)));
            queue.flushedOffset = run.end;
          }
          expect(queue.flushedOffset).toBe(limit);
        } else if (one.kind === 'back') {
          const to = queue.writtenOffset + Math.round(one.part * (next - queue.writtenOffset));
          queue.takeBack(to);
          all.length = to - start;
          expect(queue.nextOffset).toBe(to);
        } else if (one.kind === 'release') {
          const before = queue.memoryFrom;
          const bytes = queue.memoryBytes;
          const keep = one.part < 0.3 ? 0 : Math.round(one.part * bytes);
          queue.release(keep);
          expect(queue.memoryFrom).toBeGreaterThanOrEqual(before);
          // Nothing goes that is not in the files, nor more than was asked.
          expect(queue.memoryFrom).toBeLessThanOrEqual(queue.nextOffset === queue.memoryFrom ? queue.nextOffset : Math.max(before, queue.flushedOffset));
          if (keep >= bytes) expect(queue.memoryFrom).toBe(before);
          if (keep === 0 && queue.flushedOffset === queue.nextOffset) expect([queue.memoryBytes, queue.memoryFrom]).toEqual([0, queue.nextOffset]);
        } else if (queue.flushedOffset === queue.nextOffset) {
          queue.startAt(queue.nextOffset);
          expect([queue.maxOffset, queue.writtenOffset, queue.flushedOffset, queue.nextOffset, queue.memoryFrom, queue.memoryBytes, queue.block(next - 1)]).toEqual([next, next, next, next, next, 0, undefined]);
        }
        first = queue.memoryFrom;
        const memory = held(queue);
        expect(Buffer.concat(memory).equals(Buffer.concat(all.slice(first - start)))).toBe(true);
        expect([queue.block(first - 1), queue.block(queue.nextOffset), queue.block(queue.nextOffset + 1)]).toEqual([undefined, undefined, undefined]);
      }
      expect([...files.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: files.size }, (_, i) => start + i));
      for (const [at, bytes] of files) if (!bytes.equals(all[at - start] ?? Buffer.alloc(0))) throw new Error(`entry ${at} of the files`);
    }), { numRuns: 20 });
  });
});

test('what is being written to a file stays as it is while the queue grows, and is written over when it is taken back', () => {
  const queue = new StoreQueue('/r', 'T', 0, 20_000);
  for (let i = 0; i < 32; i++) queue.append(i * 100, 100, 0);
  queue.writtenOffset = 32;
  const [run] = queue.unflushed();
  const before = Buffer.from(run?.bytes ?? []);
  for (let i = 32; i < 200; i++) queue.append(i * 100, 100, 0);
  expect(Buffer.from(run?.bytes ?? []).equals(before)).toBe(true);
  queue.takeBack(40);
  queue.append(7, 8, 9);
  expect([queue.nextOffset, Buffer.from(queue.block(40)?.bytes.subarray(800, 820) ?? []).equals(entry(7, 8, 9n))]).toEqual([41, true]);
});

test('runs end where a file ends, where a block ends, and at the limit', () => {
  const queue = new StoreQueue('/r', 'T', 0, 1000 * consumeQueueUnitBytes);
  queue.startAt(900);
  for (let i = 0; i < blockUnits + 50; i++) queue.append(i * 100, 100, 0);
  queue.writtenOffset = queue.nextOffset - 1;
  const of = (limit?: number): number[][] => queue.unflushed(limit).map(({ fileBase, position, bytes, end }) => [fileBase / 20, position / 20, bytes.length / 20, end]);
  expect(of()).toEqual([[0, 900, 100, 1000], [1000, 0, 1000, 2000], [2000, 0, 1000, 3000], [3000, 0, 1000, 4000], [4000, 0, 176, 4176], [4000, 176, 49, 4225]]);
  expect(of(1001)).toEqual([[0, 900, 100, 1000], [1000, 0, 1, 1001]]);
  expect(of(1000)).toEqual([[0, 900, 100, 1000]]);
  expect(of(900)).toEqual([]);
  // Entries that are not in memory any more cannot be written.
  queue.flushedOffset = 500;
  expect(of()).toEqual([]);
});

test('entries that readers may not see yet stay in memory, whatever the files have', () => {
  const queue = new StoreQueue('/r', 'T', 0, 6_000_000);
  for (let i = 0; i < 2 * blockUnits; i++) queue.append(i, 1, 0);
  queue.flushedOffset = queue.writtenOffset = 2 * blockUnits;
  queue.maxOffset = blockUnits - 1;
  queue.release(0);
  expect(queue.memoryFrom).toBe(0);
  queue.maxOffset = blockUnits;
  queue.release(0);
  expect(queue.memoryFrom).toBe(blockUnits);
});

test('a batch queue has a unit a record beside its entries, taken back with them', () => {
  const queue = new StoreQueue('/r', 'B', 0, 200, new BatchUnits('/u', 'B', 0));
  queue.appendBatch(0, 90, 7, 1000, 3);
  queue.appendBatch(90, 91, 8, 1001, 2);
  expect(queue.batch?.pending.map((unit) => [unit.phyOffset, unit.size, unit.tagsCode, unit.storeTime, unit.msgBaseOffset, unit.batchSize, unit.compactedOffset])).toEqual([[0, 90, 7n, 1000, 0, 3, -1], [90, 91, 8n, 1001, 3, 2, -1]]);
  expect([queue.nextOffset, queue.lastPhyOffset]).toEqual([5, 90]);
  queue.takeBack(3);
  expect([queue.nextOffset, queue.batch?.pending.length]).toEqual([3, 1]);
  queue.takeBack(0);
  expect([queue.nextOffset, queue.batch?.pending.length, queue.memoryBytes]).toEqual([0, 0, 0]);
});

test('an extension counts to what a queue holds, is given back with it, and forgotten where the queue begins anew', () => {
  const queue = new StoreQueue('/r', 'T', 0, 20_000);
  const extension = new QueueExtension('/x', 'T', 0, 4096);
  queue.extension = extension;
  extension.startAt(0);
  extension.append(1, 2, undefined);
  queue.append(0, 1, 0);
  const alone = new StoreQueue('/r', 'T', 0, 20_000);
  alone.append(0, 1, 0);
  expect(queue.memoryBytes).toBe(alone.memoryBytes + extension.memoryBytes);
  extension.written();
  extension.flushedEnd = extension.end;
  queue.release(0);
  expect([extension.memoryBytes, queue.memoryBytes]).toEqual([0, alone.memoryBytes]);
  extension.append(1, 2, undefined);
  queue.startAt(5);
  expect([extension.end, extension.memoryBytes]).toEqual([-1, 0]);
});
