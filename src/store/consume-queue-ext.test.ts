/** Extensions of ConsumeQueues in a whole store: what entries and units say, restarts, kills at any write, cuts, deletion, and readers with filters. */
import { describe, expect, test } from '@jest/globals';
import { isExtAddress, unitTagsCodeBig } from '../codec/consume-queue-unit.js';
import { readExtUnit } from '../codec/consume-queue-ext-unit.js';
import { viewOf } from '../codec/int64.js';
import { javaStringHash } from '../compat/java-string-hash.js';
import type { Disk } from './disk.js';
import { openStore } from './message-store.js';
import type { OpenStore } from './message-store.js';
import { defaultStoreConfig } from './options.js';
import { simulatedDisk } from './simulated-disk.js';
import { ListLog, ManualClock, message } from './store-fixture.js';
import type { GetResult, MessageFilter } from './types.js';

const extFileBytes = 1024;

async function open(disk: Disk, clock: ManualClock, ext = true, log = new ListLog(), fileBytes = extFileBytes): Promise<OpenStore> {
  const config = {
    ...defaultStoreConfig(), mappedFileSizeCommitLog: 1 << 18, mappedFileSizeConsumeQueue: 20 * 16, maxHashSlotNum: 64, maxIndexNum: 256, maxMessageSize: 1 << 16,
    enableConsumeQueueExt: ext, mappedFileSizeConsumeQueueExt: fileBytes,
  };
  const store = await openStore({ root: '/data', disk, clock, log, config });
  store.setStoreHost(Buffer.from([127, 0, 0, 1, 0, 0, 42, 159]));
  store.setBitMapOf((topic) => (topic === 'T' ? Uint8Array.from({ length: 14 }, (_, i) => i) : undefined));
  return store;
}

function put(store: OpenStore, count: number, topic = 'T', tag = 'TagA'): void {
  for (let i = 0; i < count; i++) expect(store.put(message(store.queue(topic, 0), `body ${i}`, { tag })).status).toBe('PUT_OK');
  expect(store.writeTurn()).toBeUndefined();
}

function readFile(disk: Disk, name: string, bytes: number): Buffer {
  const file = disk.open(name, 'read');
  const buffer = Buffer.alloc(bytes);
  file.readSync(buffer, 0);
  file.close();
  return buffer;
}

const all = { matchesEntry: (): boolean => true };
const read = async (store: OpenStore, from: number, filter: MessageFilter = all): Promise<GetResult> => store.get(store.queue('T', 0), from, 32, 1 << 20, filter);

describe('units', () => {
  test('entries lead to units with tags code, store time and bits; files end as they should', async () => {
    const [disk, clock] = [simulatedDisk(1), new ManualClock()];
    const store = await open(disk, clock);
    put(store, 40);
    put(store, 1, 'U', 'TagB');
    const units = await store.units(store.queue('T', 0), 0, 40);
    expect(units.length).toBe(40);
    for (const unit of units) {
      expect(unit.tagsCode).toBe(javaStringHash('TagA'));
      expect(unit.extension).toEqual({ tagsCode: BigInt(javaStringHash('TagA')), msgStoreTime: clock.now, bitMap: Uint8Array.from({ length: 14 }, (_, i) => i) });
    }
    expect((await store.units(store.queue('U', 0), 0, 1))[0]?.extension).toEqual({ tagsCode: BigInt(javaStringHash('TagB')), msgStoreTime: clock.now, bitMap: new Uint8Array(0) });
    await store.close();
    const entries = readFile(disk, '/data/consumequeue/T/0/00000000000000000000', 320);
    expect(isExtAddress(unitTagsCodeBig(viewOf(entries), 0))).toBe(true);
    const file = readFile(disk, '/data/consumequeue_ext/T/0/00000000000000000000', extFileBytes);
    let at = 0;
    for (let unit = readExtUnit(file, at, file.length); unit.kind === 'unit'; unit = readExtUnit(file, at, file.length)) at += unit.size;
    // 30 units of 34 bytes leave 4: exactly what must stay free.
    expect([at, file.readInt16BE(at)]).toEqual([1020, -1]);
    expect(disk.list('/data/consumequeue_ext/T/0')).toEqual(['00000000000000000000', '00000000000000001024']);
  });

  test('a restart goes on behind the last unit, from files and pages', async () => {
    const [disk, clock] = [simulatedDisk(2), new ManualClock()];
    let store = await open(disk, clock);
    put(store, 45);
    await store.close();
    store = await open(disk, clock);
    put(store, 45);
    await store.checkpoint();
    await store.close();
    store = await open(disk, clock);
    const units = await store.units(store.queue('T', 0), 0, 90);
    expect(units.map((unit) => (unit.extension === undefined || unit.extension === 'missing' ? unit.extension : unit.tagsCode))).toEqual(units.map(() => javaStringHash('TagA')));
    expect(units.length).toBe(90);
    const seen: number[] = [];
    await read(store, 0, { matchesEntry: (code, extension) => seen.push(code) > 0 && extension?.bitMapBytes === 14 });
    expect(new Set(seen)).toEqual(new Set([javaStringHash('TagA')]));
    await store.close();
  });

  test.each([1, 2, 29, 30, 31].flatMap((count) => [['kill', count], ['clean stop', count]] as const))('after a %s with %i units the next one follows the last, or begins the next file', async (stop, count) => {
    const [disk, clock] = [simulatedDisk(4), new ManualClock()];
    const first = await open(disk, clock);
    put(first, count);
    await first.checkpoint();
    if (stop === 'kill') {
      disk.crash();
      clock.dropTimers();
      disk.restart('kill');
    } else await first.close();
    const store = await open(disk, clock);
    put(store, 1);
    await store.close();
    const units = disk.list('/data/consumequeue_ext/T/0').sort().map((name) => {
      const file = readFile(disk, `/data/consumequeue_ext/T/0/${name}`, extFileBytes);
      let found = 0;
      for (let at = 0, unit = readExtUnit(file, at, file.length); unit.kind === 'unit'; unit = readExtUnit(file, at, file.length)) {
        at += unit.size;
        found++;
      }
      return found;
    });
    // 30 units with bits fill a file.
    expect(units).toEqual(count < 30 ? [count + 1] : [30, count - 29]);
  });

  test('a file of several pages answers with the unit of each entry', async () => {
    const [disk, clock] = [simulatedDisk(6), new ManualClock()];
    const openLarge = (): Promise<OpenStore> => open(disk, clock, true, new ListLog(), 1 << 18);
    let store = await openLarge();
    const begin = clock.now;
    // 34 bytes each: two pages and a half, of which each begins where the one before is half over.
    for (let i = 0; i < 30; i++) {
      put(store, 100);
      clock.now++;
    }
    await store.checkpoint();
    await store.close();
    store = await openLarge();
    for (const from of [0, 940, 1910, 2880, 1910, 0]) {
      const units = await store.units(store.queue('T', 0), from, 32);
      expect(units.map(({ extension }) => (typeof extension === 'object' ? extension.msgStoreTime - begin : extension))).toEqual(units.map((_, i) => Math.floor((from + i) / 100)));
      expect(units.length).toBe(32);
    }
    await store.close();
  });

  test('bits decide without the record, and the record decides where bits are missing', async () => {
    const [disk, clock] = [simulatedDisk(3), new ManualClock()];
    const store = await open(disk, clock);
    put(store, 10);
    let records = 0;
    const filter: MessageFilter = { matchesEntry: (_code, extension) => (extension?.msgStoreTime ?? 0) < 0, matchesRecord: () => ++records > 0 };
    expect((await read(store, 0, filter)).status).toBe('NO_MATCHED_MESSAGE');
    expect(records).toBe(0);
    await store.close();
  });
});

describe('weak reliability', () => {
  test('entries whose units are gone let their messages through', async () => {
    const [disk, clock] = [simulatedDisk(4), new ManualClock()];
    let store = await open(disk, clock);
    put(store, 40);
    await store.close();
    for (const name of disk.list('/data/consumequeue_ext/T/0')) disk.unlink(`/data/consumequeue_ext/T/0/${name}`);
    store = await open(disk, clock);
    const result = await read(store, 0, { matchesEntry: () => false });
    expect([result.status, result.messageCount > 0]).toEqual(['FOUND', true]);
    expect((await store.units(store.queue('T', 0), 0, 1))[0]?.extension).toBe('missing');
    put(store, 5);
    const fresh = await store.units(store.queue('T', 0), 40, 5);
    expect(fresh.every((unit) => unit.extension !== 'missing' && unit.extension !== undefined)).toBe(true);
    await store.close();
  });

  test('a store with extensions is served without them, and the other way round', async () => {
    const [disk, clock] = [simulatedDisk(5), new ManualClock()];
    let store = await open(disk, clock);
    put(store, 5);
    await store.close();
    store = await open(disk, clock, false);
    expect((await read(store, 0, { matchesEntry: () => false })).messageCount).toBe(5);
    put(store, 5);
    await store.close();
    store = await open(disk, clock);
    put(store, 5);
    const units = await store.units(store.queue('T', 0), 0, 15);
    expect(units.map((unit) => unit.extension !== undefined)).toEqual(Array.from({ length: 15 }, (_, i) => i < 5 || i >= 10));
    expect(units.every((unit) => unit.tagsCode === javaStringHash('TagA'))).toBe(true);
    await store.close();
  });

  test('a kill at any moment loses no message and mixes up no unit', async () => {
    for (let seed = 0; seed < 12; seed++) {
      const [disk, clock] = [simulatedDisk(100 + seed), new ManualClock()];
      let store = await open(disk, clock);
      put(store, 20 + seed);
      if (seed % 3 > 0) await store.checkpoint();
      put(store, 9, 'T', 'TagB');
      if (seed % 3 === 2) await clock.advance(1500);
      disk.crash();
      clock.dropTimers();
      disk.restart(seed % 2 === 0 ? 'kill' : 'power');
      store = await open(disk, clock);
      const queue = store.queue('T', 0);
      put(store, 3, 'T', 'TagC');
      const units = await store.units(queue, 0, queue.maxOffset);
      const result = units.map((unit) => unit.tagsCode);
      const before = result.length - 3;
      if (seed % 2 === 0) expect(before).toBe(29 + seed);
      expect(result).toEqual(Array.from({ length: result.length }, (_, i) => javaStringHash(i < 20 + seed && i < before ? 'TagA' : i < before ? 'TagB' : 'TagC')));
      await store.close();
    }
  });
});

test('a deleted topic takes its extension along', async () => {
  const [disk, clock] = [simulatedDisk(6), new ManualClock()];
  const store = await open(disk, clock);
  put(store, 40);
  await store.checkpoint();
  expect(disk.list('/data/consumequeue_ext/T/0').length).toBe(2);
  await store.deleteTopics(new Set(['T']));
  expect(disk.list('/data/consumequeue_ext/T/0')).toEqual([]);
  put(store, 3);
  expect((await store.units(store.queue('T', 0), 0, 3)).every((unit) => unit.tagsCode === javaStringHash('TagA'))).toBe(true);
  await store.close();
});

test('bits that do not fit a file leave the tags code in the entry', async () => {
  const [disk, clock] = [simulatedDisk(8), new ManualClock()];
  const store = await open(disk, clock);
  store.setBitMapOf(() => new Uint8Array(2000));
  put(store, 2);
  const units = await store.units(store.queue('T', 0), 0, 2);
  expect(units.map((unit) => [unit.tagsCode, unit.extension])).toEqual(units.map(() => [javaStringHash('TagA'), undefined]));
  await store.close();
});

test('batches get a unit for each element', async () => {
  const [disk, clock] = [simulatedDisk(7), new ManualClock()];
  const store = await open(disk, clock);
  const element = (body: string): Buffer => {
    const bytes = Buffer.alloc(22 + body.length);
    bytes.writeInt32BE(bytes.length, 0);
    bytes.writeInt32BE(body.length, 16);
    bytes.write(body, 20);
    return bytes;
  };
  const body = Buffer.concat([element('one'), element('two')]);
  expect(store.putBatch({ ...message(store.queue('T', 0), ''), body, bodyStart: 0, bodyEnd: body.length }).status).toBe('PUT_OK');
  store.writeTurn();
  const units = await store.units(store.queue('T', 0), 0, 2);
  expect(units.map((unit) => (unit.extension === 'missing' ? 0 : unit.extension?.bitMap.length))).toEqual([14, 14]);
  await store.close();
});
