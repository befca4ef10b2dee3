/** Files of a compaction log to their last byte, and what readers get where they are damaged. */
import { describe, expect, test } from '@jest/globals';
import { batchConsumeQueueUnitBytes as unitBytes } from '../codec/batch-consume-queue-unit.js';
import { SegmentDirs, SegmentWriter } from './compaction-segment.js';
import { SimulatedDisk } from './simulated-disk.js';
import { ManualClock, message, openOn, settle, smallConfig } from './store-fixture.js';
import type { OpenStore } from './message-store.js';

const recordBytes = 100;
const records = (first: number, count: number): { bytes: Uint8Array; queueOffset: number; tagsCode: number; storeTimestamp: number }[] =>
  Array.from({ length: count }, (_, i) => ({ bytes: new Uint8Array(recordBytes).fill(7), queueOffset: first + i, tagsCode: 0, storeTimestamp: 1 }));

describe('a segment', () => {
  test.each([
    ['its queue is full but for the end mark', { cqBytes: 7 * unitBytes, logBytes: 35 * unitBytes }, [6, 6, 6, 2]],
    ['its log is full but for the blank', { cqBytes: 20 * unitBytes, logBytes: 5 * recordBytes + 8 }, [5, 5, 5, 5]],
    ['a byte is lacking', { cqBytes: 20 * unitBytes, logBytes: 5 * recordBytes + 7 }, [4, 4, 4, 4, 4]],
  ])('is written to until %s, at once or one by one', async (_until, sizes, counts) => {
    for (const step of [1, 3, 20]) {
      const writer = new SegmentWriter(new SimulatedDisk(1), new SegmentDirs('/c', 'T', 0), sizes);
      for (let at = 0; at < 20; at += step) await writer.append(records(at, Math.min(step, 20 - at)));
      expect([step, ...writer.segments.map(({ units }) => units)]).toEqual([step, ...counts]);
      expect(writer.segments.map(({ base }) => base)).toEqual(counts.map((_, i) => i * sizes.logBytes));
      expect(writer.segments.at(-1)?.lastOffset).toBe(19);
    }
  });
});

const intervalMs = 10_000;
const open = async (disk: SimulatedDisk, clock = new ManualClock()): Promise<OpenStore> => {
  const store = await openOn(disk, clock, smallConfig({ compactionMappedFileSize: 1000, compactionCqMappedFileSize: 46 * 7, compactionScheduleInternal: intervalMs, mappedFileSizeCommitLog: 16384 }));
  store.compact(store.queue('C', 0));
  await settle();
  return store;
};

function put(store: OpenStore, count: number): void {
  for (let i = 0; i < count; i++) expect(store.put(message(store.queue('C', 0), `v${i}`, { keys: `k${i % 7}` })).status).toBe('PUT_OK');
  expect(store.writeTurn()).toBeUndefined();
}

test('where a unit is damaged a pull is led to the end of the queue', async () => {
  const disk = new SimulatedDisk(2);
  const store = await open(disk);
  put(store, 4);
  const at = (queueOffset: number): Promise<unknown[]> => Promise.resolve(store.get(store.queue('C', 0), queueOffset, 32, 1 << 20, undefined)).then((result) => [result.status, result.nextBeginOffset, result.messageCount]);
  expect(await at(0)).toEqual(['FOUND', 4, 4]);
  disk.flip(`/store/compaction/compactionCq/C/0/${'0'.repeat(20)}`, 2 * unitBytes, 7);
  expect(await at(0)).toEqual(['FOUND', 2, 2]);
  expect(await at(2)).toEqual(['OFFSET_FOUND_NULL', 4, 0]);
  await store.close();
});

test('a compaction that stops between its renames is finished by the next start, by the note in its folder', async () => {
  const disk = new SimulatedDisk(3);
  const clock = new ManualClock();
  let store = await open(disk, clock);
  put(store, 40);
  await store.get(store.queue('C', 0), 0, 1, 1, undefined);
  disk.fail('rename', 'EIO', 1, /compacting/);
  await clock.advance(intervalMs + 1000);
  expect(disk.list('/store/compaction/replacing')).toEqual(['C_0']);
  disk.crash();
  disk.restart('kill');
  store = await open(disk);
  expect((await store.get(store.queue('C', 0), 0, 1, 1, undefined)).status).toBe('FOUND');
  expect(disk.list('/store/compaction/replacing')).toEqual([]);
  await store.close();
});
