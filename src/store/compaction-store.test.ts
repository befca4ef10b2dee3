/** When compaction logs are synced and compacted, how many at a time, and the file that says how far compaction got. */
import { describe, expect, test } from '@jest/globals';
import { availableParallelism } from 'node:os';
import type { CompactionLog } from './compaction-log.js';
import { CompactionStore, compactionDefaults } from './compaction-store.js';
import { NotedDisk } from './simulated-disk.js';
import { ListLog, ManualClock, settle, smallConfig, storedRecord } from './store-fixture.js';
import type { StoreConfig } from './options.js';
import type { QueueRef } from './types.js';

const intervalMs = 10_000;
const checkpoint = '/s/compaction/position-checkpoint';
interface Queue extends QueueRef {
  maxOffset: number;
}

class Rig {
  readonly disk: NotedDisk;
  readonly clock = new ManualClock();
  readonly log = new ListLog();
  readonly store: CompactionStore;

  constructor(change: Partial<StoreConfig> = {}, disk = new NotedDisk(1)) {
    this.disk = disk;
    const config = smallConfig({ compactionMappedFileSize: 1000, compactionCqMappedFileSize: 46 * 5, compactionScheduleInternal: intervalMs, ...change });
    const { clock, log } = this;
    // What a queue has is a message for each offset, of three keys in turn.
    this.store = new CompactionStore({ root: '/s', config, disk, clock, log }, false, {
      units: (queue, from, count) => Promise.resolve(Array.from({ length: Math.min(count, queue.maxOffset - from) }, (_, i) => ({ queueOffset: from + i, phyOffset: from + i, recordBytes: 100, tagsCode: 0 }))),
      records: (places) => Promise.resolve(places.map(({ phyOffset }) => storedRecord(phyOffset, `v${phyOffset}`, `k${phyOffset % 3}`))),
    });
  }

  /** The log of a queue with so many messages. */
  async add(topic: string, queueId: number, count = 9): Promise<{ queue: Queue; log: CompactionLog }> {
    const queue: Queue = { topic, topicBytes: Buffer.from(topic), queueId, minOffset: 0, maxOffset: count, attachment: undefined };
    const log = this.store.logOf(queue);
    await settle();
    return { queue, log };
  }

  positions(): unknown {
    return this.disk.stat(checkpoint) === undefined ? undefined : JSON.parse(this.disk.content(checkpoint).toString());
  }
}

test('has the defaults of Apache', () => {
  expect(compactionDefaults).toEqual({ enableCompaction: true, compactionMappedFileSize: 104_857_600, compactionCqMappedFileSize: 10_485_760, compactionScheduleInternal: 900_000, maxOffsetMapSize: 104_857_600, compactionThreadNum: 6 });
});

describe('a compaction', () => {
  test('runs an interval and a second after its log was asked for, at the latest another interval later, and so on', async () => {
    const rig = new Rig();
    // By the clock, which stands at a whole interval: 0, 7919 and 15838 of it are added.
    const { queue, log } = await rig.add('A', 0);
    expect(rig.store.logOf(queue)).toBe(log);
    await rig.add('B', 1);
    await rig.add('C', 2);
    expect(rig.clock.now % intervalMs).toBe(0);
    const seen: [number, unknown][] = [];
    for (const ms of [10_999, 1, 5837, 1, 2080, 1]) {
      await rig.clock.advance(ms);
      seen.push([rig.clock.now % 100_000, (rig.positions() as { queueOffsetMap?: unknown } | undefined)?.queueOffsetMap]);
    }
    expect(seen).toEqual([[10_999, undefined], [11_000, { A_0: 7 }], [16_837, { A_0: 7 }], [16_838, { A_0: 7, C_2: 7 }], [18_918, { A_0: 7, C_2: 7 }], [18_919, { A_0: 7, B_1: 7, C_2: 7 }]]);
    queue.maxOffset = 30;
    rig.store.arrived(log);
    await rig.clock.advance(22_000 - 18_919 - 1);
    expect(rig.positions()).toMatchObject({ queueOffsetMap: { A_0: 7 } });
    await rig.clock.advance(1);
    expect(rig.positions()).toMatchObject({ queueOffsetMap: { A_0: 27 } });
    await rig.store.close();
  });

  test.each([[1, 1], [0, 1], [2, 2]])('with compactionThreadNum %i runs beside no more than are allowed, the others wait for it', async (compactionThreadNum, atOnce) => {
    // 7919 ms: all are due at the same moment.
    const rig = new Rig({ compactionScheduleInternal: 7919, compactionThreadNum });
    for (const topic of ['A', 'B', 'C']) await rig.add(topic, 0);
    let go = (): void => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    let waiting = 0;
    rig.disk.wait = (op) => {
      if (op !== 'read') return Promise.resolve();
      waiting++;
      return held;
    };
    await rig.clock.advance(3 * 7919);
    expect(waiting).toBe(Math.min(atOnce, availableParallelism()));
    go();
    await settle();
    expect(rig.positions()).toEqual({ queueOffsetMap: { A_0: 7, B_0: 7, C_0: 7 } });
    await rig.store.close();
  });
});

describe('what was written', () => {
  test('is synced within a second, once', async () => {
    const rig = new Rig({ compactionScheduleInternal: 1_000_000_000 });
    await rig.add('A', 0, 3);
    rig.disk.since();
    const synced = (): number => rig.disk.since().filter((line) => line.startsWith('datasync')).length;
    await rig.clock.advance(999);
    expect(synced()).toBe(0);
    await rig.clock.advance(1);
    expect(synced()).toBe(2);
    await rig.clock.advance(10_000);
    expect([synced(), rig.log.lines]).toEqual([0, []]);
    await rig.store.close();
  });

  test('is synced again, and written again, while the disk fails', async () => {
    const rig = new Rig({ compactionScheduleInternal: 1_000_000_000 });
    const { queue, log } = await rig.add('A', 0, 3);
    await rig.add('B', 0, 3);
    rig.disk.fail('datasync', 'EIO', 2, /Log\/A/);
    await rig.clock.advance(2999);
    expect(rig.log.lines).toEqual(['warn a compaction log cannot be synced', 'warn a compaction log cannot be synced']);
    await rig.clock.advance(1001);
    expect([log.isDirty, rig.log.lines.length]).toEqual([false, 2]);
    rig.disk.fail('write', 'ENOSPC', 1);
    queue.maxOffset = 4;
    rig.store.arrived(log);
    await settle();
    expect([log.isDirty, log.maxOffset]).toEqual([true, 3]);
    await rig.clock.advance(1000);
    expect(log.maxOffset).toBe(4);
    await rig.store.close();
  });
});

describe('the positions', () => {
  test('of an earlier life stay until they change, and what is below is not compacted again', async () => {
    const disk = new NotedDisk(1);
    disk.place(checkpoint, Buffer.from(JSON.stringify({ queueOffsetMap: { A_0: 7, B_0: 3, X_9: 4 } })));
    const rig = new Rig({}, disk);
    await rig.add('A', 0);
    await rig.add('B', 0);
    await rig.clock.advance(30_000);
    expect([rig.positions(), disk.list('/s/compaction/compactionLog/A/0').length]).toEqual([{ queueOffsetMap: { A_0: 7, B_0: 7, X_9: 4 } }, 3]);
    await rig.store.close();
  });

  test.each([
    ['{"queueOffsetMap":{"A_0":"7","B_0":7.5,"C_0":9007199254740993,"D_0":5}}', { D_0: 5 }, []], ['[]', {}, []], ['', {}, ['warn the positions of compactions cannot be read, everything is compacted again']],
    ['{"queueOffsetMap":', {}, ['warn the positions of compactions cannot be read, everything is compacted again']],
  ])('of %s are those that are numbers', async (text, left, lines) => {
    const disk = new NotedDisk(1);
    disk.place(checkpoint, Buffer.from(text));
    const rig = new Rig({}, disk);
    await rig.add('A', 0);
    await rig.add('Z', 0, 0);
    await rig.clock.advance(30_000);
    expect([rig.positions(), rig.log.lines]).toEqual([{ queueOffsetMap: { ...left, A_0: 7 } }, lines]);
    expect(disk.done.filter((line) => line === `open read ${checkpoint}`).length).toBe(1);
    await rig.store.close();
  });

  test('that cannot be written fail that compaction, not those behind', async () => {
    const rig = new Rig();
    await rig.add('A', 0);
    await rig.add('B', 0);
    rig.disk.fail('rename', 'EIO', 1, /position-checkpoint/);
    await rig.clock.advance(11_000);
    expect([rig.positions(), rig.log.lines]).toEqual([undefined, ['error a compaction failed, nothing was changed by it']]);
    await rig.clock.advance(10_000);
    expect(rig.positions()).toEqual({ queueOffsetMap: { A_0: 7, B_0: 7 } });
    await rig.store.close();
  });
});

describe('a deleted topic', () => {
  test('loses its logs, files and positions, others keep theirs; its name begins anew', async () => {
    const rig = new Rig();
    const { queue, log } = await rig.add('A', 0);
    await rig.add('A', 1);
    await rig.add('B', 0);
    await rig.clock.advance(30_000);
    expect(rig.positions()).toEqual({ queueOffsetMap: { A_0: 7, A_1: 7, B_0: 7 } });
    await rig.store.remove(new Set(['A', 'other']));
    expect([rig.positions(), rig.disk.list('/s/compaction/compactionLog')]).toEqual([{ queueOffsetMap: { B_0: 7 } }, ['B']]);
    const again = rig.store.logOf({ ...queue, maxOffset: 2 });
    expect(again).not.toBe(log);
    await settle();
    expect(again.maxOffset).toBe(2);
    // Nothing is left that runs for the old ones.
    rig.disk.since();
    rig.store.arrived(log);
    await rig.clock.advance(60_000);
    expect(rig.disk.since().filter((line) => line.includes('/A/1'))).toEqual([]);
    // Nothing to forget, nothing written.
    await rig.store.remove(new Set(['other']));
    expect(rig.disk.since()).toEqual([]);
    await rig.store.close();
  });

  test('asked for again while its files go begins behind that, also where they cannot go', async () => {
    const rig = new Rig();
    const { queue } = await rig.add('A', 0);
    rig.disk.fail('unlink', 'EIO', 1);
    const removed = rig.store.remove(new Set(['A']));
    await expect(removed).rejects.toThrow(/EIO/);
    const again = rig.store.logOf({ ...queue });
    await settle();
    expect(again.maxOffset).toBe(9);
    await rig.store.remove(new Set(['A']));
    expect(rig.disk.list('/s/compaction/compactionLog')).toEqual([]);
    await rig.store.close();
  });
});

test('the end closes all logs, and nothing runs afterwards', async () => {
  const rig = new Rig();
  await rig.add('A', 0);
  await rig.add('B', 0);
  await rig.store.close();
  expect(rig.disk.since().filter((line) => line.startsWith('close')).length).toBe(12);
  await rig.clock.advance(100_000);
  expect(rig.disk.since()).toEqual([]);
});
