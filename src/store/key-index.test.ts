/** The files of an index as a whole; what one file holds is index-file.ts's. */
import { expect, test } from '@jest/globals';
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
