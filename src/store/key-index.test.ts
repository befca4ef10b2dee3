/** The files of an index as a whole; what one file holds is index-file.ts's. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { indexEntryBytes, indexEntryPosition, indexSlotPosition, readIndexHeader } from '../codec/index-header.js';
import type { IndexHeader } from '../codec/index-header.js';
import { viewOf } from '../codec/int64.js';
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
