/** The files of an index as a whole; what one file holds is index-file.ts's. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { indexEntryBytes, indexEntryPosition, indexSlotPosition, readIndexHeader } from '../codec/index-header.js';
import type { IndexHeader } from '../codec/index-header.js';
import { viewOf } from '../codec/int64.js';
import { javaStringHash } from '../compat/java-string-hash.js';
import type { StoreQueue } from './consume-queue.js';
import { KeyIndex } from './key-index.js';
import { SimulatedDisk } from './simulated-disk.js';

const slots = 7;
/** Numbered from 1: a file holds one less. */
const entries = 24;

const openIndex = (disk: SimulatedDisk): KeyIndex => new KeyIndex(disk, '/store/index', slots, entries, () => 1_700_000_000_000);

// Found by killing a writer at random: a recovery filled the last file exactly, and its entries were lost at the next kill although the checkpoint vouched for them.
test.each([entries - 2, entries - 1, entries, 2 * (entries - 1)])('after a recovery of %i entries the last file is written, full or not', async (count) => {
  const disk = new SimulatedDisk(3);
  const index = openIndex(disk);
  for (let i = 0; i < count; i++) {
    index.addHashes(Int32Array.of(i * 31), 1, i * 100, 1_700_000_000_000 + i);
    index.keep();
  }
  index.cut(count * 100);
  await index.flush();
  await index.sync();
  const again = openIndex(disk);
  expect(again.load(count * 100, () => undefined)).toBeUndefined();
  expect(again.endPhyOffset).toBe((count - 1) * 100);
  const found = again.files.reduce((sum, file) => sum + file.indexCount - 1, 0);
  expect(found).toBe(count);
});

// Found by crash points: a file cut in the middle was not written again, because a torn one behind it was taken for the newest, and came back whole at the next start.
test('behind a file that a recovery cuts none is kept: no entry is there twice after the next', async () => {
  const disk = new SimulatedDisk(3);
  const index = openIndex(disk);
  const add = (to: KeyIndex, from: number, until: number): void => {
    for (let i = from; i < until; i++) {
      to.addHashes(Int32Array.of(i * 31), 1, i * 100, 1_700_000_000_000 + i);
      to.keep();
    }
  };
  add(index, 0, entries + 1);
  await index.finish();
  const [first, second] = index.files.map((file) => file.path);
  if (first === undefined || second === undefined) throw new Error('two files are needed');
  // A header that names two entries, and zeros where they should be.
  const torn = Buffer.alloc(disk.content(second).length);
  disk.content(second).copy(torn, 0, 0, 40);
  disk.place(second, torn);
  const limit = 10 * 100;
  const recovered = openIndex(disk);
  recovered.load(limit, () => undefined);
  expect(recovered.files.map((file) => file.path)).toEqual([first]);
  add(recovered, 10, entries + 1);
  await recovered.flush();
  await recovered.sync();
  const again = openIndex(disk);
  again.load((entries + 1) * 100, () => undefined);
  expect(again.files.reduce((sum, file) => sum + file.indexCount - 1, 0)).toBe(entries + 1);
});

/** So many that slots are written only by a flush that brings little. */
const manySlots = 20_000;
const manyEntries = 80_000;

function headerOf(view: DataView): IndexHeader {
  const header = readIndexHeader(view);
  if (header === undefined) throw new Error('no header');
  return header;
}

/** What another process finds in the newest file: how many entries the header counts, and how many of them a chain leads to. @throws when a chain leads elsewhere. */
function readByOther(disk: SimulatedDisk): { counted: number; reached: number } {
  const name = disk.list('/store/index').at(-1);
  if (name === undefined) return { counted: 0, reached: 0 };
  const view = viewOf(disk.content(`/store/index/${name}`));
  const { indexCount, hashSlotCount } = headerOf(view);
  let reached = 0;
  let used = 0;
  for (let slot = 0; slot < manySlots; slot++) {
    const head = view.getInt32(indexSlotPosition(slot));
    if (head !== 0) used++;
    for (let entry = head, before = indexCount; entry !== 0; reached++) {
      if (entry >= before) throw new Error(`slot ${slot} leads from ${before} to ${entry}`);
      const at = indexEntryPosition(manySlots, entry);
      if (view.getInt32(at) % manySlots !== slot) throw new Error(`entry ${entry} is in the chain of slot ${slot}`);
      before = entry;
      entry = view.getInt32(at + indexEntryBytes - 4);
    }
  }
  expect(used).toBe(hashSlotCount);
  return { counted: indexCount - 1, reached };
}

test('after each flush another process finds every entry that the header counts, whatever comes while it writes', async () => {
  const piece = fc.array(fc.nat(60), { maxLength: 30 });
  await fc.assert(fc.asyncProperty(fc.array(fc.record({ before: piece, pending: piece, during: fc.array(piece, { maxLength: 4 }) }), { maxLength: 6 }), async (rounds) => {
    const disk = new SimulatedDisk(5);
    const index = new KeyIndex(disk, '/store/index', manySlots, manyEntries, () => 1_700_000_000_000);
    let phyOffset = 0;
    let kept = 0;
    let put = 0;
    const add = (keys: readonly number[]): void => {
      // Keys share slots, and slots lie in pages far apart and next to each other.
      for (const key of keys) index.addHashes(Int32Array.of((key % 7) * 2999 + Math.floor(key / 30)), 1, (phyOffset += 100), 1_700_000_000_000 + phyOffset);
      put += keys.length;
    };
    for (const { before, pending, during } of rounds) {
      add(before);
      index.keep();
      kept = put;
      add(pending);
      const expected = kept;
      const coming = [...during];
      disk.wait = () => {
        add(coming.shift() ?? []);
        index.keep();
        kept = put;
        return Promise.resolve();
      };
      await index.flush();
      expect(readByOther(disk)).toEqual({ counted: expected, reached: expected });
    }
    disk.wait = undefined;
    index.keep();
    await index.finish();
    expect(readByOther(disk)).toEqual({ counted: put, reached: put });
  }), { numRuns: 30 });
});

test('a flush that brings much leaves the slots to one that brings little', async () => {
  const disk = new SimulatedDisk(5);
  const index = new KeyIndex(disk, '/store/index', manySlots, manyEntries, () => 1_700_000_000_000);
  let phyOffset = 0;
  const add = (count: number): void => {
    for (let i = 0; i < count; i++) index.addHashes(Int32Array.of(phyOffset % 1_000_003), 1, (phyOffset += 100), 1_700_000_000_000);
    index.keep();
  };
  add(3_000);
  await index.flush();
  const { indexCount } = headerOf(viewOf(disk.content(`/store/index/${disk.list('/store/index')[0] ?? ''}`)));
  expect(indexCount).toBe(3_001);
  expect(() => readByOther(disk)).toThrow();
  add(1);
  await index.flush();
  expect(readByOther(disk)).toEqual({ counted: 3_001, reached: 3_001 });
  await index.rest();
  expect(index.isResting).toBe(true);
});

test('entries that come while memory is given back are kept', async () => {
  for (let come = 0; come < 6; come++) {
    const disk = new SimulatedDisk(5);
    const index = new KeyIndex(disk, '/store/index', manySlots, manyEntries, () => 1_700_000_000_000);
    let put = 0;
    const add = (): void => {
      index.addHashes(Int32Array.of(put * 2999), 1, (put += 1) * 100, 1_700_000_000_000);
      index.keep();
    };
    add();
    let writes = 0;
    disk.wait = () => {
      if (writes++ === come) add();
      return Promise.resolve();
    };
    await index.rest();
    disk.wait = undefined;
    add();
    await index.finish();
    expect([come, readByOther(disk)]).toEqual([come, { counted: put, reached: put }]);
  }
});

test('files wholly below the log go, whatever their number, and the newest stays', async () => {
  for (const count of [1, 2, 3]) {
    const disk = new SimulatedDisk(5);
    const index = openIndex(disk);
    // A file is full one entry before its number of entries.
    for (let i = 0; i < count * (entries - 1); i++) index.addHashes(Int32Array.of(i), 1, (i + 1) * 100, 1_700_000_000_000 + i * 1000);
    index.keep();
    await index.finish();
    expect(disk.list('/store/index').length).toBe(count);
    expect([index.deleteBelow(1), index.deleteBelow(1_000_000), index.deleteBelow(1_000_000)]).toEqual([0, count - 1, 0]);
    expect(disk.list('/store/index').length).toBe(1);
  }
});

/** phyOffsets of a key, newest first. */
const found = async (index: KeyIndex, key: string, type?: string): Promise<readonly number[]> => (await index.query('T', key, 64, 0, Number.MAX_SAFE_INTEGER, type)).phyOffsets;

/** A full file for each of the counts but the last, which may hold less; one message each. */
function filled(disk: SimulatedDisk, count: number, nowMs: () => number = () => 1_700_000_000_000): KeyIndex {
  const index = new KeyIndex(disk, '/store/index', slots, entries, nowMs);
  for (let i = 0; i < count; i++) index.addHashes(Int32Array.of(javaStringHash(`T#k${i % 5}`)), 1, (i + 1) * 100, 1_700_000_000_000 + i * 1000);
  index.keep();
  return index;
}

test('files are named by the time they are made, later than every one before, whatever the clock says', async () => {
  const disk = new SimulatedDisk(5);
  let now = new Date(2024, 0, 2, 3, 4, 58, 999).getTime();
  let put = 0;
  let index = new KeyIndex(disk, '/store/index', slots, entries, () => now);
  const roll = async (): Promise<string | undefined> => {
    const before = index.files.length;
    while (index.files.length === before) index.addHashes(Int32Array.of(5), 1, (put += 100), now);
    index.keep();
    await index.finish();
    return disk.list('/store/index').at(-1);
  };
  const names = [await roll(), await roll(), await roll()];
  expect(names).toEqual(['20240102030458999', '20240102030459000', '20240102030459001']);
  now += 5000;
  expect(await roll()).toBe('20240102030503999');
  // Back by less than a second: the next millisecond of the clock's time that is free.
  now -= 999;
  expect(await roll()).toBe('20240102030504000');
  // Back by more: the next number, which need not be a time.
  now = new Date(2024, 0, 2, 3, 4, 59, 0).getTime();
  for (let i = 0; i < 3; i++) expect(await roll()).toBe(`2024010203050400${i + 1}`);
  index.close();
  index = new KeyIndex(disk, '/store/index', slots, entries, () => now);
  index.load(undefined, () => undefined);
  expect(await roll()).toBe('20240102030504004');
  disk.place('/store/index/20240102030505999', Buffer.alloc(3));
  index.close();
  index = new KeyIndex(disk, '/store/index', slots, entries, () => new Date(2024, 0, 2, 3, 5, 4, 999).getTime());
  index.load(undefined, () => undefined);
  // A second on there is nothing free: one more than the name that is there.
  expect(await roll()).toBe('20240102030506000');
});

test('a name a second ahead of the clock is the last that the clock is asked for', async () => {
  for (const [ahead, name] of [[998, '20240102030459999'], [999, '20240102030500000'], [1000, '20240102030459000']] as const) {
    const disk = new SimulatedDisk(5);
    // Of the last millisecond of a minute the next number is no time.
    const now = ahead === 1000 ? new Date(2024, 0, 2, 3, 4, 57, 999).getTime() : new Date(2024, 0, 2, 3, 4, 59, 0).getTime();
    const last = ahead === 1000 ? '20240102030458999' : `20240102030459${String(ahead)}`;
    disk.place(`/store/index/${last}`, Buffer.alloc(3));
    const index = new KeyIndex(disk, '/store/index', slots, entries, () => now);
    index.load(undefined, () => undefined);
    index.addHashes(Int32Array.of(5), 1, 100, now);
    index.keep();
    await index.finish();
    expect(disk.list('/store/index')).toEqual([last, name].sort());
  }
});

test('which keys a message has: unique key, each of its keys between spaces, tag; spans that are none or empty have none', async () => {
  const text = 'uniq  a bb  \u00fc tag';
  const props = Buffer.from(text);
  const at = (part: string): [number, number] => [Buffer.byteLength(text.slice(0, text.indexOf(part))), Buffer.byteLength(text.slice(0, text.indexOf(part) + part.length))];
  const none = [-1, -1] as const;
  const seeds = { keySeed: javaStringHash('T#'), tagSeed: javaStringHash('T#T#') };
  const hitsOf = async (uniq: readonly [number, number], keys: readonly [number, number], tags: readonly [number, number]): Promise<string[]> => {
    const index = openIndex(new SimulatedDisk(5));
    index.add(seeds as StoreQueue, 700, 1_700_000_000_000, props, ...uniq, ...keys, ...tags);
    index.keep();
    const hits: string[] = [];
    for (const key of ['uniq', 'a', 'bb', '\u00fc', '', 'tag', 'niq', 'b']) {
      for (const type of [undefined, 'T'] as const) if ((await found(index, key, type)).length > 0) hits.push(`${key} ${type ?? 'K'}`);
    }
    const count = index.files.reduce((sum, file) => sum + file.indexCount - 1, 0);
    expect(index.endPhyOffset).toBe(count === 0 ? -1 : 700);
    return [...hits, String(count)];
  };
  expect(await hitsOf(at('uniq'), at(' a bb  \u00fc'), at('tag'))).toEqual(['uniq K', 'a K', 'bb K', '\u00fc K', 'tag T', '5']);
  expect(await hitsOf([0, 4], none, none)).toEqual(['uniq K', '1']);
  expect(await hitsOf([4, 4], [4, 4], [4, 4])).toEqual(['0']);
  expect(await hitsOf(none, [4, 6], none)).toEqual(['0']);
  expect(await hitsOf(none, [0, 4], none)).toEqual(['uniq K', '1']);
  expect(await hitsOf(none, none, [0, 4])).toEqual(['uniq T', '1']);
  expect(await hitsOf(none, none, none)).toEqual(['0']);
  // No start is none, whatever the end.
  expect(await hitsOf([-1, 4], [-1, 4], [-1, 4])).toEqual(['0']);
});

test('keys of a batch lead to their messages', async () => {
  const index = openIndex(new SimulatedDisk(5));
  const hashes = Int32Array.of(...['k1', 'k2', 'k3', 'k2', 'k4'].map((key) => javaStringHash(`T#${key}`)));
  index.addBatch(hashes, Int32Array.of(0, 0, 1, 2, 3), 4, Float64Array.of(10, 20, 30, 40), 1_700_000_000_000);
  index.keep();
  expect([await found(index, 'k1'), await found(index, 'k2'), await found(index, 'k3'), await found(index, 'k4')]).toEqual([[10], [30, 10], [20], []]);
  index.addHashes(hashes, 2, 50, 1_700_000_000_000);
  index.keep();
  expect([await found(index, 'k1'), await found(index, 'k2'), await found(index, 'k3')]).toEqual([[50, 10], [50, 30, 10], [20]]);
});

test('the time up to which full files are on disk, and the files that are full and not yet on disk stay when others go', async () => {
  const disk = new SimulatedDisk(5);
  const index = filled(disk, 2 * (entries - 1) + 3);
  expect([index.indexMsgTimestamp, index.deleteBelow(1e9)]).toEqual([0, 0]);
  await index.flush();
  expect(index.indexMsgTimestamp).toBe(1_700_000_000_000 + (2 * (entries - 1) - 1) * 1000);
  expect([index.deleteBelow(entries * 100 - 100), index.deleteBelow(entries * 100 - 99), disk.list('/store/index').length]).toEqual([0, 1, 2]);
});

test('a full file of the turn under way waits until that is written', async () => {
  const disk = new SimulatedDisk(5);
  const index = filled(disk, entries - 3);
  for (let i = 0; i < 5; i++) index.addHashes(Int32Array.of(i), 1, 10_000 + i, 1_700_000_000_000);
  await index.flush();
  expect([index.indexMsgTimestamp, disk.list('/store/index').length]).toEqual([0, 1]);
  expect(disk.content(index.files[0]?.path ?? '').readInt32BE(36)).toBe(entries - 2);
  index.undo();
  await index.flush();
  expect([index.indexMsgTimestamp, index.files.length, index.endPhyOffset]).toEqual([0, 1, (entries - 3) * 100]);
  for (let i = 0; i < 5; i++) index.addHashes(Int32Array.of(i), 1, 10_000 + i, 1_700_000_000_000);
  index.keep();
  await index.flush();
  expect([index.indexMsgTimestamp, disk.list('/store/index').length, index.endPhyOffset]).toEqual([1_700_000_000_000, 2, 10_004]);
});

test('what a stop noted is compared with what is there: behind the first file that lacks something nothing stays', async () => {
  const count = 3 * (entries - 1) + 4;
  const fileEnds = [0, 1, 2].map((i) => (i + 1) * (entries - 1) * 100);
  const loaded = async (): Promise<{ disk: SimulatedDisk; index: KeyIndex; known: ReturnType<KeyIndex['states']> }> => {
    const disk = new SimulatedDisk(5);
    const first = filled(disk, count);
    await first.finish();
    const index = openIndex(disk);
    index.load(undefined, () => undefined);
    return { disk, index, known: index.states() };
  };
  {
    const { index, known } = await loaded();
    expect(known.map(({ indexCount, endPhyOffset }) => [indexCount, endPhyOffset])).toEqual([...fileEnds.map((end) => [entries, end]), [5, count * 100]]);
    expect([index.dropBehind(known, 0), index.files.length]).toEqual([false, 4]);
    expect(index.dropBehind([], 0)).toBe(false);
  }
  for (const [at, field] of [[0, 'indexCount'], [1, 'endPhyOffset'], [3, 'indexCount'], [3, 'endPhyOffset']] as const) {
    const { disk, index, known } = await loaded();
    const changed = known.map((one, i) => (i === at ? { ...one, [field]: one[field] + 1 } : one));
    expect([at, index.dropBehind(changed, 0), index.files.length, disk.list('/store/index').length, index.endPhyOffset]).toEqual([at, true, at, at, at === 0 ? -1 : fileEnds[at - 1]]);
    // What comes then goes to a file behind those that are left, and all of it is on disk.
    index.addHashes(Int32Array.of(3), 1, 1_000_000, 1_700_000_900_000);
    index.keep();
    await index.finish();
    expect(disk.list('/store/index').length).toBe(at + 1);
  }
  // Files that are missing: those wholly below the log may be.
  for (const [phyMin, dropped] of [[(fileEnds[0] ?? 0) + 1, false], [fileEnds[0] ?? 0, true], [0, true]] as const) {
    const { disk, known } = await loaded();
    disk.unlink(`/store/index/${known[0]?.name ?? ''}`);
    const index = openIndex(disk);
    index.load(undefined, () => undefined);
    expect([phyMin, index.dropBehind(known, phyMin), index.files.length]).toEqual([phyMin, dropped, dropped ? 0 : 3]);
  }
});

test('a cut drops what lies at and above it, file by file; without files there is nothing to cut', async () => {
  const perFile = entries - 1;
  for (const limit of [0, 100, 101, perFile * 100, perFile * 100 + 1, perFile * 100 + 100, perFile * 100 + 101, 2 * perFile * 100, 2 * perFile * 100 + 1, 1e9]) {
    const disk = new SimulatedDisk(5);
    const index = filled(disk, 2 * perFile + 5);
    await index.finish();
    index.cut(limit);
    const left = Math.min(2 * perFile + 5, Math.max(0, Math.ceil(limit / 100) - 1));
    expect([limit, index.endPhyOffset, index.files.length]).toEqual([limit, left === 0 ? -1 : left * 100, Math.ceil(left / perFile)]);
    index.addHashes(Int32Array.of(javaStringHash('T#new')), 1, 1_000_000, 1_700_000_900_000);
    index.keep();
    await index.finish();
    const again = openIndex(disk);
    expect([again.load(1_000_001, () => undefined), await found(again, 'new'), (await found(again, 'k0')).length]).toEqual([undefined, [1_000_000], Math.ceil(left / 5)]);
  }
});

test('everything removed is removed from the disk, and the next entry begins a new file', async () => {
  const disk = new SimulatedDisk(5);
  disk.place('/store/x', Buffer.alloc(0));
  const index = filled(disk, 2 * entries);
  await index.finish();
  const names = disk.list('/store/index');
  index.clear();
  expect([disk.list('/store/index'), index.files.length, index.endPhyOffset, await found(index, 'k0')]).toEqual([[], 0, -1, []]);
  expect(await index.query('T', 'k0', 5, 0, 1, undefined)).toEqual({ phyOffsets: [], indexLastUpdateTimestamp: 0, indexLastUpdatePhyOffset: 0 });
  await index.flush();
  await index.finish();
  index.addHashes(Int32Array.of(javaStringHash('T#k0')), 1, 7, 1_700_000_000_000);
  index.keep();
  await index.finish();
  expect([disk.list('/store/index').length, names.includes(disk.list('/store/index')[0] ?? ''), await found(index, 'k0')]).toEqual([1, false, [7]]);
  disk.restart('power');
  const again = openIndex(disk);
  again.load(undefined, () => undefined);
  expect(await found(again, 'k0')).toEqual([7]);
});

test('what was flushed and synced is there after a loss of power, directory and all; what was removed is not', async () => {
  for (let seed = 1; seed <= 15; seed++) {
    const disk = new SimulatedDisk(seed);
    disk.place('/store/x', Buffer.alloc(0));
    const index = filled(disk, 2 * entries);
    await index.flush();
    await index.sync();
    expect(index.deleteBelow(entries * 100 + 1)).toBe(1);
    await index.sync();
    disk.restart('power');
    const again = openIndex(disk);
    const said: string[] = [];
    again.load(1e9, (name) => said.push(name));
    expect([seed, again.files.length, again.endPhyOffset, said]).toEqual([seed, 2, 2 * entries * 100, []]);
  }
});

test('a query looks no further than the first file that began before what is asked, nor than it needs', async () => {
  const disk = new SimulatedDisk(5);
  const index = filled(disk, 3 * (entries - 1));
  await index.finish();
  await index.rest();
  const read = async (max: number, begin: number, end: number): Promise<[number, number]> => {
    let reads = 0;
    disk.wait = (op) => {
      if (op === 'read') reads++;
      return Promise.resolve();
    };
    const { phyOffsets } = await index.query('T', 'k0', max, begin, end, undefined);
    disk.wait = undefined;
    await index.rest();
    return [phyOffsets.length, reads];
  };
  const at = (entry: number): number => 1_700_000_000_000 + entry * 1000;
  // Of each file that is looked into the slot and the page of entries are read.
  expect(await read(64, 0, Number.MAX_SAFE_INTEGER)).toEqual([14, 6]);
  expect(await read(1, 0, Number.MAX_SAFE_INTEGER)).toEqual([1, 2]);
  expect(await read(5, 0, Number.MAX_SAFE_INTEGER)).toEqual([5, 4]);
  expect(await read(64, at(2 * (entries - 1)), Number.MAX_SAFE_INTEGER)).toEqual([4, 2]);
  expect(await read(64, at(2 * (entries - 1)) + 1, Number.MAX_SAFE_INTEGER)).toEqual([4, 2]);
  expect(await read(64, at(2 * (entries - 1)) - 1, Number.MAX_SAFE_INTEGER)).toEqual([4, 2]);
  expect(await read(64, 0, at(3))).toEqual([1, 2]);
});

test('many files have few handles, and nothing is held once it is closed', async () => {
  const disk = new SimulatedDisk(5);
  const open = disk.open.bind(disk);
  let handles = 0;
  let most = 0;
  disk.open = (file, mode) => {
    const handle = open(file, mode);
    most = Math.max(most, ++handles);
    const close = handle.close.bind(handle);
    handle.close = () => {
      handles--;
      close();
    };
    return handle;
  };
  const index = filled(disk, 40 * (entries - 1));
  await index.finish();
  expect((await found(index, 'k0')).length).toBe(64);
  expect([most, handles]).toEqual([17, 16]);
  index.close();
  expect(handles).toBe(0);
});
