/** Batch queues: offsets, reads from memory and disk, Apache's units beside our entries, and both after stops of every kind. */
import { describe, expect, test } from '@jest/globals';
import { batchConsumeQueueUnitBytes, readBatchConsumeQueueUnit } from '../codec/batch-consume-queue-unit.js';
import { viewOf } from '../codec/int64.js';
import { messageSysFlag } from '../codec/sys-flag.js';
import { BatchUnitFiles, BatchUnits } from './batch-units.js';
import type { UnitFilesHost } from './batch-units.js';
import { HandleCache } from './handle-cache.js';
import { openStore } from './message-store.js';
import { simulatedDisk, SimulatedCrash } from './simulated-disk.js';
import type { CrashKind, SimulatedDisk } from './simulated-disk.js';
import { ListLog, ManualClock, message, recordsOf, smallConfig, storeRoot } from './store-fixture.js';
import type { OpenStore, PutInput, QueueRef } from './types.js';

const unitFileBytes = 4 * batchConsumeQueueUnitBytes;
const dir = `${storeRoot}/batchconsumequeue/B/0`;

async function open(disk: SimulatedDisk, clock = new ManualClock(), log = new ListLog()): Promise<OpenStore> {
  const config = smallConfig({ mapperFileSizeBatchConsumeQueue: unitFileBytes, tailCacheBytesMax: 4096 });
  const store = await openStore({ root: storeRoot, disk, clock, log, config, isBatchTopic: (topic) => topic === 'B' });
  store.setStoreHost(Buffer.from([127, 0, 0, 1, 0, 0, 42, 159]));
  return store;
}

function inner(queue: QueueRef, count: number, name: string): PutInput {
  const input = message(queue, name, { uniq: `u-${name}`, tag: 't', suffix: `INNER_NUM\u0001${count}\u0002` });
  return { ...input, sysFlag: messageSysFlag.INNER_BATCH | messageSysFlag.NEED_UNWRAP, innerCount: count };
}

/** Puts batches of these sizes, a turn each. */
function put(store: OpenStore, ...counts: number[]): void {
  for (const count of counts) {
    const queue = store.queue('B', 0);
    const result = store.put(inner(queue, count, `b${queue.maxOffset}x${count}`));
    expect(result).toMatchObject({ status: 'PUT_OK', queueOffset: queue.maxOffset, count: 1 });
    expect(store.writeTurn()).toBeUndefined();
  }
}

/** Messages of a record as its properties have it: one where INNER_NUM is gone. */
function innerNum(props: ReadonlyMap<string, string>): number {
  const count = Number(props.get('INNER_NUM') ?? '1');
  return Number.isInteger(count) ? count : 1;
}

/**
 * Everything from the first offset on: text of each record, the unit it asks for, and where each answer ended. Properties have no checksum, in Apache's log
 * neither: a loss of power may tear those of records that were not synced, and with them the number of messages, which stands nowhere else. `sure` are the
 * texts of records that must be whole; undefined = all.
 */
async function read(store: OpenStore, max = 32, sure?: readonly string[]): Promise<{ texts: string[]; ends: number[]; units: string[] }> {
  const queue = store.queue('B', 0);
  const texts: string[] = [];
  const ends: number[] = [];
  const asked: string[] = [];
  for (let at = queue.minOffset; at < queue.maxOffset; ) {
    const result = await store.get(queue, at, max, 1 << 20, undefined);
    // Where a torn record was counted as one message and a whole one follows, offsets lead to nothing and are passed over.
    if (sure !== undefined && texts.length >= sure.length && result.status === 'MESSAGE_WAS_REMOVING') {
      expect(result.nextBeginOffset).toBeGreaterThan(at);
      at = result.nextBeginOffset;
      continue;
    }
    expect(result.status).toBe('FOUND');
    for (const record of recordsOf(result.slices)) {
      const unit = `b${record.queueOffset}x${innerNum(record.props)}`;
      texts.push(record.text);
      asked.push(unit);
      if (sure === undefined || sure.includes(record.text)) expect([record.props.get('INNER_BASE'), unit]).toEqual([String(record.queueOffset), record.text]);
    }
    expect(result.nextBeginOffset).toBeGreaterThan(at);
    at = result.nextBeginOffset;
    ends.push(at);
  }
  return { texts, ends, units: asked };
}

/** The units in Apache's files, as base x size. */
function units(disk: SimulatedDisk): string[] {
  const found: string[] = [];
  let lastPhy = -1;
  for (const name of disk.list(dir).sort()) {
    const file = disk.open(`${dir}/${name}`, 'read');
    const bytes = new Uint8Array(unitFileBytes);
    expect(file.readSync(bytes, 0)).toBe(unitFileBytes);
    for (let p = 0; p < unitFileBytes; p += batchConsumeQueueUnitBytes) {
      const unit = readBatchConsumeQueueUnit(viewOf(bytes), p);
      if (unit === undefined || unit.size === 0) continue;
      expect(unit.phyOffset).toBeGreaterThan(lastPhy);
      expect(unit.compactedOffset).toBe(-1);
      lastPhy = unit.phyOffset;
      found.push(`b${unit.msgBaseOffset}x${unit.batchSize}`);
    }
  }
  return found;
}

describe('batch queues', () => {
  test('a batch takes as many offsets as it has messages and is read whole', async () => {
    const store = await open(simulatedDisk(1));
    put(store, 3, 1, 4);
    const queue = store.queue('B', 0);
    expect(queue.maxOffset).toBe(8);
    expect(await read(store)).toMatchObject({ texts: ['b0x3', 'b3x1', 'b4x4'], ends: [8] });
    // The number of messages counts, and the first batch always comes.
    expect((await read(store, 4)).ends).toEqual([4, 8]);
    expect((await read(store, 1)).ends).toEqual([3, 4, 8]);
    // From the middle of a batch its record comes again, as a whole.
    const middle = await store.get(queue, 1, 1, 1 << 20, undefined);
    expect([recordsOf(middle.slices).map((r) => r.text), middle.nextBeginOffset, middle.messageCount]).toEqual([['b0x3'], 3, 2]);
    const none = await store.get(queue, 0, 32, 1 << 20, { matchesEntry: () => false });
    expect([none.status, none.nextBeginOffset]).toEqual(['NO_MATCHED_MESSAGE', 8]);
    await store.close();
  });

  test('the first offset at a time is that of its batch, after the last that of the last, in memory and from the files', async () => {
    const disk = simulatedDisk(7);
    const clock = new ManualClock();
    let store = await open(disk, clock);
    const begin = clock.now;
    for (const count of [3, 2, 4, 1, 7, 2, 5]) {
      put(store, count);
      clock.now += 10;
    }
    const asked = async (): Promise<number[][]> => Promise.all([-5, 0, 5, 10, 25, 30, 45, 60, 61, 100].map(async (ms) => Promise.all([
      store.offsetByTime(store.queue('B', 0), begin + ms, 'LOWER'), store.offsetByTime(store.queue('B', 0), begin + ms, 'UPPER'),
    ])));
    const inMemory = await asked();
    expect(inMemory.slice(-3).map(([, upper]) => upper)).toEqual([19, 19, 19]);
    expect(inMemory.map(([lower]) => lower)).toEqual([0, 0, 3, 3, 9, 9, 17, 19, 19, 19]);
    await store.checkpoint();
    await store.close();
    store = await open(disk, clock);
    expect(await asked()).toEqual(inMemory);
    await store.close();
  });

  test('a queue whose batch files are gone takes the next batch at its offset, and has files again', async () => {
    const disk = simulatedDisk(8);
    let store = await open(disk);
    put(store, 3, 2);
    await store.checkpoint();
    await store.close();
    for (const name of disk.list(dir)) disk.unlink(`${dir}/${name}`);
    store = await open(disk);
    put(store, 4);
    expect((await read(store)).texts).toEqual(['b0x3', 'b3x2', 'b5x4']);
    await store.close();
    expect(units(disk)).toEqual(['b0x3', 'b3x2', 'b5x4']);
  });

  test('a file of entries that was made and never written makes no difference', async () => {
    const disk = simulatedDisk(9);
    await (await open(disk)).close();
    disk.makeDir(`${storeRoot}/batchentries/B/0`);
    disk.place(`${storeRoot}/batchentries/B/0/${'0'.repeat(20)}`, Buffer.alloc(smallConfig().mappedFileSizeConsumeQueue));
    const store = await open(disk);
    put(store, 3);
    await store.checkpoint();
    expect((await read(store)).texts).toEqual(['b0x3']);
    await store.close();
    expect(units(disk)).toEqual(['b0x3']);
  });

  test('a turn that cannot be written takes nothing', async () => {
    const disk = simulatedDisk(1);
    const store = await open(disk);
    put(store, 3);
    disk.fail('write', 'ENOSPC', 1, /commitlog/);
    store.put(inner(store.queue('B', 0), 5, 'lost'));
    expect(store.writeTurn()).toContain('ENOSPC');
    await store.close();
    expect(units(disk)).toEqual(['b0x3']);
  });

  test('after a clean stop both files agree, cold reads come from disk, and it goes on', async () => {
    const disk = simulatedDisk(1);
    let store = await open(disk);
    put(store, ...Array.from({ length: 30 }, (_, i) => (i % 5) + 1));
    const before = (await read(store)).texts;
    await store.close();
    expect(units(disk)).toEqual(before);
    const log = new ListLog();
    store = await open(disk, new ManualClock(), log);
    expect(log.lines.filter((line) => line.startsWith('warn'))).toEqual([]);
    expect((await read(store)).texts).toEqual(before);
    put(store, 2);
    expect((await read(store)).texts).toEqual([...before, 'b90x2']);
    await store.close();
    expect(units(disk)).toEqual([...before, 'b90x2']);
  });

  test.each<CrashKind>(['kill', 'power'])('after a %s at any operation nothing that stayed in the log is lost or doubled', async (kind) => {
    let crashes = 0;
    for (let at = 5; ; at += 3) {
      const disk = simulatedDisk(at);
      const written: string[] = [];
      // What a loss of power leaves in any case.
      let synced = 0;
      let first: OpenStore | undefined;
      try {
        first = await open(disk);
        disk.crashAtOp = disk.ops + at;
        for (const counts of [[3, 2], [4, 1, 7, 2], [5], [2, 2, 1]]) {
          for (const count of counts) {
            const queue = first.queue('B', 0);
            const text = `b${queue.maxOffset}x${count}`;
            first.put(inner(queue, count, text));
            if (first.writeTurn() !== undefined || disk.isDown) throw new SimulatedCrash();
            written.push(text);
          }
          await first.checkpoint().catch(() => undefined);
          if (disk.isDown) throw new SimulatedCrash();
          synced = written.length;
        }
        await first.close();
      } catch (error) {
        if (!(error instanceof SimulatedCrash) && !disk.isDown) throw error;
      }
      if (!disk.isDown) break;
      crashes++;
      disk.restart(kind);
      const again = await open(disk);
      const sure = kind === 'kill' ? written : written.slice(0, synced);
      const { texts, units: asked } = await read(again, 32, sure);
      // A kill keeps what was written, a power loss what was synced and a beginning of the rest; the batch of the crash itself may be there.
      expect(texts.slice(0, sure.length)).toEqual(sure);
      expect(written.slice(0, texts.length)).toEqual(texts.slice(0, written.length));
      const next = again.queue('B', 0).maxOffset;
      put(again, 3);
      await again.close();
      // A unit for each record, and none that leads nowhere.
      expect(units(disk)).toEqual([...asked, `b${next}x3`]);
      const last = await open(disk);
      expect((await read(last, 32, sure)).texts).toEqual([...texts, `b${next}x3`]);
      await last.close();
    }
    expect(crashes).toBeGreaterThan(10);
  });

  test('entries or units that somebody removed are built again from the log', async () => {
    for (const gone of ['batchentries/B/0', 'batchconsumequeue/B/0']) {
      const disk = simulatedDisk(1);
      let store = await open(disk);
      put(store, 3, 2, 4, 1, 2, 2);
      const before = (await read(store)).texts;
      await store.close();
      for (const name of disk.list(`${storeRoot}/${gone}`)) disk.unlink(`${storeRoot}/${gone}/${name}`);
      store = await open(disk);
      expect((await read(store)).texts).toEqual(before);
      await store.close();
      expect(units(disk)).toEqual(before);
    }
  });

  test('a deleted topic leaves nothing', async () => {
    const disk = simulatedDisk(1);
    const store = await open(disk);
    put(store, 3, 2);
    await store.checkpoint();
    expect(await store.deleteTopics(new Set(['B']))).toBe(1);
    expect(disk.list(`${storeRoot}/batchconsumequeue`)).toEqual([]);
    expect(disk.list(`${storeRoot}/batchentries`)).toEqual([]);
    put(store, 2);
    expect((await read(store)).texts).toEqual(['b0x2']);
    await store.close();
  });
});

describe('the units of one queue', () => {
  const sizes = [3, 1, 4, 1, 5, 2, 6, 5, 3];
  const ends = sizes.map((_, i) => sizes.slice(0, i + 1).reduce((sum, size) => sum + size, 0));
  const total = ends.at(-1) ?? 0;
  const names = sizes.map((size, i) => `b${(ends[i] ?? 0) - size}x${size}`);
  /** Units of records at 0, 100, 200, ... */
  const phyOffsetOf = (i: number): number => i * 100;
  const filesOn = (disk: SimulatedDisk): BatchUnitFiles => new BatchUnitFiles({ disk, handles: new HandleCache(disk, 4), unsynced: new Set(), unsyncedDirs: new Set() }, `${storeRoot}/batchconsumequeue`, unitFileBytes);
  const bases = (count: number): number[] => Array.from({ length: Math.ceil(count / 4) }, (_, i) => i * unitFileBytes);
  const state = ({ files, nextByte, end, lastPhyOffset }: BatchUnits): object => ({ files: [...files], nextByte, end, lastPhyOffset });
  const stateOf = (count: number): object => ({ files: bases(count), nextByte: count * batchConsumeQueueUnitBytes, end: ends[count - 1] ?? 0, lastPhyOffset: count === 0 ? -1 : phyOffsetOf(count - 1) });

  /** Units in three files, the last of which is not full, or of the first `count` alone. */
  async function filled(count = sizes.length, disk = simulatedDisk(2)): Promise<{ disk: SimulatedDisk; files: BatchUnitFiles; queue: BatchUnits }> {
    const files = filesOn(disk);
    const queue = new BatchUnits(files.root, 'B', 0);
    for (const [i, size] of sizes.slice(0, count).entries()) queue.add(phyOffsetOf(i), 90, 7, 1_700_000_000_000 + i, (ends[i] ?? 0) - size, size);
    await files.flush(queue, total);
    return { disk, files, queue };
  }

  test('are cut at any offset behind the last batch that lies wholly before it, and found so by the next start', async () => {
    for (let at = 0; at <= total + 1; at++) {
      const { disk, files, queue } = await filled();
      const kept = ends.filter((end) => end <= at).length;
      files.cut(queue, at);
      expect([at, state(queue)]).toEqual([at, stateOf(kept)]);
      expect([at, units(disk)]).toEqual([at, names.slice(0, kept)]);
      const next = new BatchUnits(files.root, 'B', 0);
      filesOn(disk).load(next, Number.MAX_SAFE_INTEGER);
      expect([at, state(next)]).toEqual([at, stateOf(kept)]);
    }
  });

  test('of which some wait are cut there first', () => {
    for (let at = 0; at <= total; at++) {
      const queue = new BatchUnits(storeRoot, 'B', 0);
      for (const [i, size] of sizes.entries()) queue.add(phyOffsetOf(i), 90, 7, 1_700_000_000_000, (ends[i] ?? 0) - size, size);
      filesOn(simulatedDisk(2)).cut(queue, at);
      expect(queue.pending.map(({ phyOffset }) => phyOffset)).toEqual(sizes.map((_, i) => phyOffsetOf(i)).slice(0, ends.filter((end) => end <= at).length));
    }
  });

  test('reach the files up to any offset, the others wait', async () => {
    for (let at = 0; at <= total; at++) {
      const disk = simulatedDisk(2);
      const files = filesOn(disk);
      const queue = new BatchUnits(files.root, 'B', 0);
      for (const [i, size] of sizes.entries()) queue.add(phyOffsetOf(i), 90, 7, 1_700_000_000_000, (ends[i] ?? 0) - size, size);
      const written = ends.filter((end) => end <= at).length;
      await files.flush(queue, at);
      expect([at, state(queue), queue.pending.length]).toEqual([at, stateOf(written), sizes.length - written]);
    }
  });

  test('of records behind the log do not count after a stop that was not clean, and are removed', async () => {
    for (let count = 0; count <= sizes.length; count++) {
      for (const behind of [-99, 0]) {
        const { disk, files } = await filled();
        const next = new BatchUnits(files.root, 'B', 0);
        const limit = phyOffsetOf(count) + behind;
        filesOn(disk).load(next, limit);
        expect([limit, state(next)]).toEqual([limit, stateOf(count)]);
        expect([limit, units(disk)]).toEqual([limit, names.slice(0, count)]);
      }
    }
  });

  test('go with their file when all of its records are gone from the log; the newest file stays', async () => {
    for (const count of [8, 9]) {
      for (let phyMin = 0; phyMin <= phyOffsetOf(count) + 100; phyMin += 50) {
        const { disk, files, queue } = await filled(count);
        files.deleteBelow(queue, phyMin);
        const left = bases(count).filter((_, i, all) => i === all.length - 1 || phyOffsetOf(i * 4 + 3) >= phyMin);
        expect([count, phyMin, queue.files]).toEqual([count, phyMin, left]);
        expect(disk.list(dir)).toHaveLength(left.length);
      }
    }
  });

  // ---- damage, other files, a failing disk, and what is made durable ----

  const unitBytes = batchConsumeQueueUnitBytes;
  const hostOf = (disk: SimulatedDisk): UnitFilesHost => ({ disk, handles: new HandleCache(disk, 4), unsynced: new Set(), unsyncedDirs: new Set() });
  const nameOf = (base: number): string => `${dir}/${String(base).padStart(20, '0')}`;

  /** A unit, written plainly. */
  function plainUnit(phyOffset: number, size: number, base: number, count: number): Buffer {
    const bytes = Buffer.alloc(unitBytes);
    bytes.writeBigInt64BE(BigInt(phyOffset));
    bytes.writeInt32BE(size, 8);
    bytes.writeBigInt64BE(7n, 12);
    bytes.writeBigInt64BE(1000n, 20);
    bytes.writeBigInt64BE(BigInt(base), 28);
    bytes.writeInt16BE(count, 36);
    bytes.writeInt32BE(-1, 38);
    return bytes;
  }

  /** A start with these units in files of `fileUnits` each. */
  function loaded(all: readonly Buffer[], phyLimit = Number.MAX_SAFE_INTEGER, fileUnits = 4, disk = simulatedDisk(2)): { disk: SimulatedDisk; units: BatchUnits; host: UnitFilesHost } {
    for (let at = 0; at < all.length; at += fileUnits) disk.place(nameOf(at * unitBytes), Buffer.concat([...all.slice(at, at + fileUnits), Buffer.alloc(fileUnits * unitBytes)]).subarray(0, fileUnits * unitBytes));
    const host = hostOf(disk);
    const files = new BatchUnitFiles(host, `${storeRoot}/batchconsumequeue`, fileUnits * unitBytes);
    const found = new BatchUnits(files.root, 'B', 0);
    files.load(found, phyLimit);
    return { disk, units: found, host };
  }

  const first = [plainUnit(0, 90, 0, 2), plainUnit(100, 90, 2, 3)];
  const more = plainUnit(500, 90, 5, 1);

  test.each<[string, Buffer]>([
    ['of no size', plainUnit(200, 0, 5, 1)], ['of a size below 0', plainUnit(200, -1, 5, 1)], ['of no message', plainUnit(200, 90, 5, 0)], ['of messages below 0', plainUnit(200, 90, 5, -1)],
    ['of the record before', plainUnit(100, 90, 5, 1)], ['of a record before that', plainUnit(99, 90, 5, 1)], ['of messages that were counted', plainUnit(200, 90, 4, 1)], ['of zeros', Buffer.alloc(unitBytes)],
  ])('end before one %s; what stands behind goes after a stop that was not clean, and is left after a clean one', (_, odd) => {
    const expected = { files: [0], nextByte: 2 * unitBytes, end: 5, lastPhyOffset: 100 };
    const clean = loaded([...first, odd, more]);
    expect(state(clean.units)).toEqual(expected);
    expect([clean.disk.content(nameOf(0)).equals(Buffer.concat([...first, odd, more])), clean.host.unsynced.size]).toEqual([true, 0]);
    const unclean = loaded([...first, odd, more, plainUnit(0, 0, 0, 0)], 10_000);
    expect(state(unclean.units)).toEqual(expected);
    expect(unclean.disk.content(nameOf(0)).equals(Buffer.concat([...first, Buffer.alloc(2 * unitBytes)]))).toBe(true);
    expect([unclean.disk.list(dir), [...unclean.host.unsynced], [...unclean.host.unsyncedDirs]]).toEqual([[nameOf(0).slice(dir.length + 1)], [nameOf(0)], [dir]]);
  });

  test('that leave offsets out are units all the same, of the last size and count that may be', () => {
    expect(state(loaded([...first, plainUnit(101, 1, 5, 1), plainUnit(102, 0x7fffffff, 9, 32767)]).units)).toEqual({ files: [0], nextByte: 4 * unitBytes, end: 32776, lastPhyOffset: 102 });
  });

  test('are looked for in the newest file that has any', () => {
    const zeros = Array.from({ length: 4 }, () => Buffer.alloc(unitBytes));
    expect(state(loaded([...first, plainUnit(200, 90, 5, 1), plainUnit(300, 90, 6, 1), ...zeros, ...zeros]).units)).toEqual({ files: [0, 184, 368], nextByte: 4 * unitBytes, end: 7, lastPhyOffset: 300 });
    expect(state(loaded(zeros).units)).toEqual({ files: [0], nextByte: 0, end: 0, lastPhyOffset: -1 });
    const none = loaded(zeros, 10_000);
    expect([state(none.units), none.disk.files()]).toEqual([{ files: [], nextByte: 0, end: 0, lastPhyOffset: -1 }, []]);
    expect(state(loaded([]).units)).toEqual({ files: [], nextByte: 0, end: 0, lastPhyOffset: -1 });
  });

  test('lie in files with the name of a place where one begins; anything else is left', () => {
    const disk = simulatedDisk(2);
    for (const name of ['notes', String(unitBytes).padStart(20, '0'), '184']) disk.place(`${dir}/${name}`, Buffer.concat(first));
    disk.makeDir(nameOf(368));
    expect(state(loaded(first, 10_000, 4, disk).units)).toEqual({ files: [0], nextByte: 2 * unitBytes, end: 5, lastPhyOffset: 100 });
    expect(disk.list(dir)).toHaveLength(5);
  });

  test('in a file of another length have it afterwards', () => {
    for (const bytes of [0, unitBytes, 2 * unitBytes + 5, 5 * unitBytes]) {
      const disk = simulatedDisk(2);
      disk.place(nameOf(0), Buffer.concat([...first, Buffer.alloc(3 * unitBytes)]).subarray(0, bytes));
      const { units: found, host } = loaded([], undefined, 4, disk);
      expect([bytes, found.end, disk.content(nameOf(0)).length, [...host.unsynced]]).toEqual([bytes, bytes === 0 ? 0 : bytes < 2 * unitBytes ? 2 : 5, 4 * unitBytes, [nameOf(0)]]);
    }
  });

  test.each([1, 1423, 1424, 1425, 2847, 2848, 2849, 3000])('%i of them in one file are written and found', async (count) => {
    const disk = simulatedDisk(2);
    const files = new BatchUnitFiles(hostOf(disk), `${storeRoot}/batchconsumequeue`, 3000 * unitBytes);
    const queue = new BatchUnits(files.root, 'B', 0);
    for (let i = 0; i < count; i++) queue.add(i * 100, 90, 7, 1000, i, 1);
    await files.flush(queue, count);
    const whole = Buffer.alloc(3000 * unitBytes);
    for (let i = 0; i < count; i++) plainUnit(i * 100, 90, i, 1).copy(whole, i * unitBytes);
    expect([disk.content(nameOf(0)).equals(whole), queue.pending]).toEqual([true, []]);
    const found = new BatchUnits(files.root, 'B', 0);
    files.load(found, Number.MAX_SAFE_INTEGER);
    expect(state(found)).toEqual({ files: [0], nextByte: count * unitBytes, end: count, lastPhyOffset: (count - 1) * 100 });
  });

  test('that could not be written wait, and go where they would have gone', async () => {
    const disk = simulatedDisk(2);
    const host = hostOf(disk);
    const files = new BatchUnitFiles(host, `${storeRoot}/batchconsumequeue`, unitFileBytes);
    const queue = new BatchUnits(files.root, 'B', 0);
    for (let i = 0; i < 6; i++) queue.add(i * 100, 90, 7, 1000, i, 1);
    disk.fail('write', 'EIO', 1, /184$/);
    await expect(files.flush(queue, 6)).rejects.toThrow('EIO');
    expect([state(queue), queue.pending.length]).toEqual([{ files: [0, 184], nextByte: 184, end: 4, lastPhyOffset: 300 }, 2]);
    await files.flush(queue, 6);
    expect([state(queue), queue.pending.length]).toEqual([{ files: [0, 184], nextByte: 276, end: 6, lastPhyOffset: 500 }, 0]);
    expect([[...host.unsynced], [...host.unsyncedDirs].sort()]).toEqual([[nameOf(0), nameOf(184)], [storeRoot, `${storeRoot}/batchconsumequeue`, `${storeRoot}/batchconsumequeue/B`, dir]]);
    expect(units(disk)).toEqual(['b0x1', 'b1x1', 'b2x1', 'b3x1', 'b4x1', 'b5x1']);
  });

  test('that are cut while they are written do not count, and are written over', async () => {
    const disk = simulatedDisk(2);
    const files = filesOn(disk);
    const queue = new BatchUnits(files.root, 'B', 0);
    queue.add(0, 90, 7, 1000, 0, 3);
    disk.wait = async () => {
      disk.wait = undefined;
      queue.takeBack(0);
      queue.add(50, 90, 7, 1000, 0, 2);
      await Promise.resolve();
    };
    await files.flush(queue, 3);
    expect([state(queue), queue.pending.length]).toEqual([{ files: [0], nextByte: 0, end: 0, lastPhyOffset: -1 }, 1]);
    await files.flush(queue, 3);
    expect([state(queue), units(disk)]).toEqual([{ files: [0], nextByte: 46, end: 2, lastPhyOffset: 50 }, ['b0x2']]);
  });

  test('are taken back from an offset on, the first of which may lie within one', () => {
    for (const [at, left] of [[0, 0], [1, 1], [3, 1], [4, 2], [8, 3], [9, 4]] as const) {
      const queue = new BatchUnits('/u', 'B', 0);
      for (const [i, base] of [0, 3, 4, 8].entries()) queue.add(i, 1, 7, 1, base, 1);
      queue.takeBack(at);
      expect([at, queue.pending.length]).toEqual([at, left]);
    }
  });

  test('of a file that is not full yet stay whatever is gone', async () => {
    const { files, queue, disk } = await filled(4);
    queue.files.push(unitFileBytes);
    queue.nextByte = 3 * unitBytes;
    files.deleteBelow(queue, 1e6);
    expect([queue.files, disk.list(dir).length]).toEqual([[0, unitFileBytes], 1]);
    queue.nextByte = 4 * unitBytes;
    files.deleteBelow(queue, phyOffsetOf(3));
    expect(queue.files).toEqual([0, unitFileBytes]);
    files.deleteBelow(queue, phyOffsetOf(3) + 1);
    expect([queue.files, disk.list(dir)]).toEqual([[unitFileBytes], []]);
  });

  test('of a queue that is removed are gone with their directory, also those that nobody loaded; anything else there stays', async () => {
    for (const other of [false, true]) {
      const { disk } = await filled();
      if (other) disk.place(`${dir}/notes`, Buffer.from('n'));
      const host = hostOf(disk);
      const files = new BatchUnitFiles(host, `${storeRoot}/batchconsumequeue`, unitFileBytes);
      const queue = new BatchUnits(files.root, 'B', 0);
      queue.add(0, 1, 7, 1, 0, 1);
      files.remove(queue);
      expect([queue.pending, queue.files, disk.files(), disk.stat(dir)?.directory]).toEqual([[], [], other ? [`${dir}/notes`] : [], other ? true : undefined]);
      expect([...host.unsyncedDirs].sort()).toEqual([`${storeRoot}/batchconsumequeue/B`, dir]);
      files.remove(new BatchUnits(files.root, 'Never', 0));
    }
  });

  test('of queues that nobody knows are removed, and nothing else', async () => {
    const { disk, files } = await filled();
    const others = ['B/1', 'C/0', 'C/x'].map((name) => `${storeRoot}/batchconsumequeue/${name}`);
    for (const one of others) for (const name of ['0'.repeat(20), 'notes']) disk.place(`${one}/${name}`, Buffer.from('n'));
    disk.place(`${storeRoot}/batchconsumequeue/file`, Buffer.from('f'));
    disk.place(`${storeRoot}/batchconsumequeue/C/${'0'.repeat(20)}`, Buffer.from('f'));
    disk.makeDir(`${storeRoot}/batchconsumequeue/C/0/${'1'.repeat(20)}`);
    const asked: string[] = [];
    const before = disk.files();
    files.wipeStrays((topic, id) => {
      asked.push(`${topic}/${id}`);
      return `${topic}/${id}` === 'B/0' || topic === 'C' && id === 'x';
    });
    expect(asked.sort()).toEqual(['B/0', 'B/1', 'C/0', 'C/x']);
    expect(before.filter((name) => !disk.files().includes(name))).toEqual(['B/1', 'C/0'].map((name) => `${storeRoot}/batchconsumequeue/${name}/${'0'.repeat(20)}`));
    new BatchUnitFiles(hostOf(simulatedDisk(3)), '/none', unitFileBytes).wipeStrays(() => false);
  });
});
