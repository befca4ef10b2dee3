/** Batch queues: offsets, reads from memory and disk, Apache's units beside our entries, and both after stops of every kind. */
import { describe, expect, test } from '@jest/globals';
import { batchConsumeQueueUnitBytes, readBatchConsumeQueueUnit } from '../codec/batch-consume-queue-unit.js';
import { viewOf } from '../codec/int64.js';
import { messageSysFlag } from '../codec/sys-flag.js';
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

/** Everything from the first offset on: text of each record, and where each answer ended. */
async function read(store: OpenStore, max = 32, sure?: readonly string[]): Promise<{ texts: string[]; ends: number[] }> {
  const queue = store.queue('B', 0);
  const texts: string[] = [];
  const ends: number[] = [];
  for (let at = queue.minOffset; at < queue.maxOffset; ) {
    const result = await store.get(queue, at, max, 1 << 20, undefined);
    expect(result.status).toBe('FOUND');
    for (const record of recordsOf(result.slices)) {
      texts.push(record.text);
      // Properties have no checksum: those of the record that a crash tore may be gone.
      if (sure === undefined || sure.includes(record.text)) expect(record.props.get('INNER_BASE')).toBe(String(record.queueOffset));
    }
    expect(result.nextBeginOffset).toBeGreaterThan(at);
    at = result.nextBeginOffset;
    ends.push(at);
  }
  return { texts, ends };
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
    expect(await read(store)).toEqual({ texts: ['b0x3', 'b3x1', 'b4x4'], ends: [8] });
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
        }
        await first.close();
      } catch (error) {
        if (!(error instanceof SimulatedCrash) && !disk.isDown) throw error;
      }
      if (!disk.isDown) break;
      crashes++;
      disk.restart(kind);
      const again = await open(disk);
      const { texts } = await read(again, 32, kind === 'kill' ? written : []);
      // A kill keeps what was written, a power loss a beginning of it; the batch of the crash itself may be there.
      if (kind === 'kill') expect(texts.slice(0, written.length)).toEqual(written);
      else expect(written.slice(0, texts.length)).toEqual(texts.slice(0, written.length));
      const next = again.queue('B', 0).maxOffset;
      put(again, 3);
      await again.close();
      const kept = texts.filter((text) => written.includes(text));
      expect([units(disk).slice(0, kept.length), units(disk).at(-1), units(disk).length]).toEqual([kept, `b${next}x3`, texts.length + 1]);
      const last = await open(disk);
      expect((await read(last, 32, kind === 'kill' ? written : [])).texts).toEqual([...texts, `b${next}x3`]);
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
