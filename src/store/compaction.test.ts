/** Compaction logs on the simulated disk: what is kept, what a restart finds, and that a stop at any operation loses no newest message of a key. */
import { describe, expect, test } from '@jest/globals';
import { segmentSizes } from './compaction-segment.js';
import type { OpenStore } from './message-store.js';
import { OffsetMap } from './offset-map.js';
import { SimulatedDisk } from './simulated-disk.js';
import { ListLog, ManualClock, message, openOn, recordsOf, settle, smallConfig } from './store-fixture.js';

const intervalMs = 10_000;
/** Six records of the test a file. */
const config = smallConfig({ compactionMappedFileSize: 1000, compactionCqMappedFileSize: 46 * 7, compactionScheduleInternal: intervalMs, mappedFileSizeCommitLog: 16384 });

interface Rig {
  readonly disk: SimulatedDisk;
  readonly clock: ManualClock;
  readonly log: ListLog;
  store: OpenStore;
}

async function open(disk: SimulatedDisk, log = new ListLog(), change = config): Promise<Rig> {
  const clock = new ManualClock();
  const store = await openOn(disk, clock, change, log);
  store.compact(store.queue('C', 0));
  await settle();
  return { disk, clock, log, store };
}

/** Puts `key=text`; without a text the body is empty. */
function put({ store }: Rig, ...pairs: readonly string[]): void {
  for (const pair of pairs) {
    const [keys = '', text = ''] = pair.split('=');
    expect(store.put(message(store.queue('C', 0), text, { keys })).status).toBe('PUT_OK');
  }
  expect(store.writeTurn()).toBeUndefined();
}

/** Everything that pulls find, as `offset key=text`. */
async function read({ store }: Rig): Promise<string[]> {
  const found: string[] = [];
  for (let offset = 0; ; ) {
    const result = await store.get(store.queue('C', 0), offset, 32, 1 << 20, undefined);
    if (result.status !== 'FOUND') return found;
    for (const record of recordsOf(result.slices)) found.push(`${record.queueOffset} ${record.props.get('KEYS') ?? ''}=${record.text}`);
    expect(result.nextBeginOffset).toBeGreaterThan(offset);
    offset = result.nextBeginOffset;
  }
}

/** The newest text of each key, keys that were deleted left out. */
function newest(found: readonly string[]): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const line of found) {
    const [key = '', text = ''] = line.slice(line.indexOf(' ') + 1).split('=');
    texts[key] = text;
  }
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== '').sort());
}

const history = Array.from({ length: 40 }, (_, i) => (i % 10 === 9 ? `k${i % 7}=` : `k${i % 7}=v${i}`));

describe('a compaction log', () => {
  test('has the sizes of Apache: 104857460 and 10485746 bytes', () => {
    expect(segmentSizes(100 * 1024 * 1024, 10 * 1024 * 1024)).toEqual({ logBytes: 104857460, cqBytes: 10485746 });
    expect(segmentSizes(1000, 460)).toEqual({ logBytes: 2300, cqBytes: 460 });
  });

  test('answers with every message until it is compacted, then with the newest of each key and all of the newest file', async () => {
    const rig = await open(new SimulatedDisk(1));
    put(rig, ...history);
    expect((await read(rig)).length).toBe(40);
    const before = newest(await read(rig));
    await rig.clock.advance(3 * intervalMs + 1000);
    const found = await read(rig);
    expect(newest(found)).toEqual(before);
    expect(found.length).toBeLessThan(20);
    // The newest file is left alone.
    expect(found.at(-1)).toBe('39 k4=');
    const first = await rig.store.get(rig.store.queue('C', 0), 0, 32, 1 << 20, undefined);
    expect([first.minOffset, first.maxOffset]).toEqual([Number(found[0]?.split(' ')[0]), 40]);
    expect(rig.log.lines.filter((line) => line.startsWith('error'))).toEqual([]);
    await rig.store.close();
  });

  test('is the same after a restart, goes on where it was, and outlives the CommitLog', async () => {
    const disk = new SimulatedDisk(2);
    let rig = await open(disk);
    put(rig, ...history);
    await rig.clock.advance(3 * intervalMs + 1000);
    const found = await read(rig);
    await rig.store.close();
    rig = await open(disk);
    expect(await read(rig)).toEqual(found);
    put(rig, 'k1=late', 'new=one');
    expect((await read(rig)).slice(-2)).toEqual(['40 k1=late', '41 new=one']);
    // Only the compaction log has the older ones from here on.
    put(rig, ...Array.from({ length: 40 }, (_, i) => `filler=${i}`));
    for (let i = 0; i < 200; i++) {
      rig.store.put(message(rig.store.queue('other', 0), 'x'.repeat(300)));
      rig.store.writeTurn();
    }
    await settle();
    for (let i = 0; i < 3; i++) await rig.store.deleteExpiredCommitLog();
    rig.clock.now += 80 * 3600 * 1000;
    disk.nowMs = 0;
    await rig.store.clean();
    expect(newest(await read(rig))).toMatchObject({ k1: 'late', new: 'one', filler: '39' });
    await rig.store.close();
  });

  test('begins anew when its topic was deleted', async () => {
    const rig = await open(new SimulatedDisk(3));
    put(rig, ...history);
    await read(rig);
    await rig.store.deleteTopics(new Set(['C']));
    expect(rig.disk.list('/store/compaction/compactionLog/C/0')).toEqual([]);
    rig.store.compact(rig.store.queue('C', 0));
    put(rig, 'a=1');
    expect(await read(rig)).toEqual(['0 a=1']);
    await rig.store.close();
  });

  test('a full map leaves the rest to the next compaction', async () => {
    const rig = await open(new SimulatedDisk(4), new ListLog(), { ...config, maxOffsetMapSize: 1 });
    const many = Array.from({ length: 260 }, (_, i) => `key${i % 130}=${i}`);
    put(rig, ...many);
    await read(rig);
    for (let i = 0; i < 6; i++) await rig.clock.advance(2 * intervalMs + 1000);
    const found = await read(rig);
    expect(Object.keys(newest(found)).length).toBe(130);
    expect(found.length).toBeLessThan(150);
    await rig.store.close();
  });

  test.each(['kill', 'power'] as const)('a stop by %s at any operation of a compaction loses no newest message', async (kind) => {
    // How many operations there are.
    const whole = await open(new SimulatedDisk(5), new ListLog(), { ...config, flushDiskType: 'SYNC_FLUSH' });
    put(whole, ...history);
    await settle();
    await read(whole);
    const from = whole.disk.ops;
    await whole.clock.advance(3 * intervalMs + 1000);
    const to = whole.disk.ops;
    const want = newest(await read(whole));
    expect(to - from).toBeGreaterThan(20);
    for (let at = from + 1; at <= to; at++) {
      const disk = new SimulatedDisk(5);
      const rig = await open(disk, new ListLog(), { ...config, flushDiskType: 'SYNC_FLUSH' });
      put(rig, ...history);
      await settle();
      await read(rig);
      expect(disk.ops).toBe(from);
      disk.crashAtOp = at;
      await rig.clock.advance(3 * intervalMs + 1000).catch(() => undefined);
      rig.clock.dropTimers();
      disk.restart(kind);
      const again = await open(disk, new ListLog(), { ...config, flushDiskType: 'SYNC_FLUSH' });
      expect([at, newest(await read(again))]).toEqual([at, want]);
      put(again, 'after=1');
      await again.clock.advance(3 * intervalMs + 1000);
      expect([at, newest(await read(again))]).toEqual([at, { ...want, after: '1' }]);
      expect(disk.list('/store/compaction/replacing')).toEqual([]);
      await again.store.close();
    }
  }, 120_000);
});

test('a map of offsets knows the last one of each key and takes no more keys than it has room for', () => {
  const map = new OffsetMap(24 * 150, 1000);
  const key = (i: number): Buffer => Buffer.from(`key ${i}`);
  for (let i = 0; i < 150; i++) expect(map.put(key(i), i)).toBe(true);
  expect(map.put(key(150), 150)).toBe(false);
  expect(map.put(key(3), 151)).toBe(true);
  expect([map.get(key(3)), map.get(key(4)), map.get(key(150)), map.count, map.lastOffset]).toEqual([151, 4, -1, 150, 151]);
});
