/** Entries by their offset, cutting queues and moving their first offsets, held against a plain list of what each entry says. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { StoreQueue } from './consume-queue.js';
import { QueueEntries } from './queue-entries.js';
import { BareStore, intBytes, storeRoot } from './store-fixture.js';

const per = 8;
const blankSize = 0x7fffffff;

/** A queue whose entries lead to these offsets, -1 for a blank; those below `files` are in files only, those from `memory` on in memory only. */
async function filled(phys: readonly number[], files = 0, { flushed = files, unitsPerFile = per }: { flushed?: number; unitsPerFile?: number } = {}): Promise<{ bare: BareStore; queue: StoreQueue; entries: QueueEntries }> {
  const bare = new BareStore({ mappedFileSizeConsumeQueue: 20 * unitsPerFile });
  const queue = bare.queues.ref('T', 0);
  for (const [i, phy] of phys.entries()) {
    if (i === files && files > 0) await bare.coolQueues();
    bare.entry(queue, phy < 0 ? 5 : phy, phy < 0 ? (i % 2 === 0 ? blankSize : 0) : 100);
  }
  if (files === phys.length) await bare.coolQueues();
  if (flushed > files) {
    queue.writtenOffset = flushed;
    await bare.queues.flush();
    queue.writtenOffset = phys.length;
  }
  queue.lastPhyOffset = phys.findLast((phy) => phy >= 0) ?? -1;
  return { bare, queue, entries: new QueueEntries(bare.parts) };
}

const fileOf = (queueOffset: number, topic = 'T', unitsPerFile = per): string => `${storeRoot}/consumequeue/${topic}/0/${String(Math.floor(queueOffset / unitsPerFile) * unitsPerFile * 20).padStart(20, '0')}`;

/** Offsets that grow, with blanks between. */
const arbitraryPhys = fc.array(fc.record({ step: fc.integer({ min: 1, max: 3 }), blank: fc.boolean() }), { minLength: 1, maxLength: 30 }).map((steps) => {
  let phy = 0;
  return steps.map(({ step, blank }) => ((phy += step * 100), blank && step < 3 ? -1 : phy));
});

describe('an entry', () => {
  test('is found in memory and in files; blank ones and others lead nowhere', async () => {
    await fc.assert(fc.asyncProperty(arbitraryPhys, fc.nat(30), async (phys, files) => {
      const { queue, entries } = await filled(phys, Math.min(files, phys.length));
      expect(phys.map((_, i) => entries.at(queue, i))).toEqual(phys);
      expect([-1, phys.length + per, phys.length + 100].map((i) => entries.at(queue, i))).toEqual([-1, -1, -1]);
    }), { numRuns: 40 });
  });

  test('of size 1 leads somewhere, of less nowhere', async () => {
    const { bare, queue, entries } = await filled([100, 200], 2);
    for (const [size, phy] of [[1, 100], [0, -1], [-1, -1], [blankSize - 1, 100], [blankSize, -1], [-0x80000000, -1]] as const) {
      bare.damageEntry(queue, 0, 8, intBytes(4, size));
      expect([size, entries.at(queue, 0), entries.at(queue, 1)]).toEqual([size, phy, 200]);
    }
  });

  test('that a file which was cut does not hold wholly leads nowhere', async () => {
    const { bare, queue, entries } = await filled([100, 200, 300], 3);
    bare.queues.open(queue, 0).setLength(59);
    expect([0, 1, 2].map((i) => entries.at(queue, i))).toEqual([100, 200, -1]);
    bare.queues.open(queue, 0).setLength(60);
    bare.damageEntry(queue, 2, 0, intBytes(8, 301));
    bare.damageEntry(queue, 2, 8, intBytes(4, 7));
    expect(entries.at(queue, 2)).toBe(301);
  });
});

test('the first entry at or above an offset of the log is found from the first one still served, or the first in the files', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 30 }), fc.nat(30), fc.nat(20), fc.nat(2), async (count, files, min, gone) => {
    const phys = Array.from({ length: count }, (_, i) => 100 * (i + 1));
    const { queue, entries } = await filled(phys, Math.min(files, count));
    queue.minOffset = Math.min(min, count - 1);
    const removed = Math.min(gone, Math.max(0, queue.files.length - 1));
    queue.files.splice(0, removed);
    const from = Math.max(queue.minOffset, queue.files.length === 0 ? 0 : removed * per);
    const expected = (phy: number): number => Math.min(Math.max(from, phys.findIndex((one) => one >= phy) === -1 ? count - 1 : phys.findIndex((one) => one >= phy)), Math.max(count - 1, from));
    for (let phy = 0; phy <= 100 * count + 150; phy += 50) expect([phy, entries.firstFrom(queue, phy)]).toEqual([phy, expected(phy)]);
  }), { numRuns: 40 });
});

describe('a cut', () => {
  test('leaves what lies below, whatever was in files or in memory, and blanks before it', async () => {
    await fc.assert(fc.asyncProperty(arbitraryPhys, fc.nat(30), fc.nat(30), fc.nat(70), fc.boolean(), async (phys, files, flushed, limit, wipe) => {
      const inFiles = Math.min(files, phys.length);
      const { bare, queue, entries } = await filled(phys, inFiles, { flushed: Math.max(inFiles, Math.min(flushed, phys.length)) });
      const last = queue.lastPhyOffset;
      const flushedBefore = queue.flushedOffset;
      const phyLimit = limit * 50;
      let end = phys.length;
      while (last >= phyLimit && end > 0 && (phys[end - 1] as number) >= phyLimit) end--;
      // Entries that are in memory only cannot be wiped behind: they must be in the files before a start cuts.
      if (wipe && last < phyLimit && queue.flushedOffset < phys.length) return;
      entries.cut(phyLimit, wipe);
      const { nextOffset, maxOffset, writtenOffset, flushedOffset, minOffset, lastPhyOffset } = queue;
      expect({ nextOffset, maxOffset, writtenOffset, minOffset }).toEqual({ nextOffset: end, maxOffset: end, writtenOffset: end, minOffset: 0 });
      expect(flushedOffset).toBe(Math.min(flushedBefore, end));
      // Of blanks alone nothing is known.
      expect(lastPhyOffset).toBe(last < phyLimit ? last : (phys.slice(0, end).findLast((phy) => phy >= 0) ?? -1));
      if (flushedBefore > end) {
        const content = queue.files.map((base) => bare.disk.content(bare.queues.open(queue, base).path));
        expect(queue.files).toEqual(Array.from({ length: Math.ceil(end / per) }, (_, i) => i * per * 20));
        expect(Buffer.concat(content).subarray(end * 20).every((byte) => byte === 0)).toBe(true);
        expect(content.every(({ length }) => length === per * 20)).toBe(true);
      }
      const below = phys.slice(0, end);
      expect(below.map((_, i) => entries.at(queue, i))).toEqual(below);
    }), { numRuns: 80 });
  });

  test('that wipes also removes what the files hold behind queues that end below', async () => {
    const { bare, queue, entries } = await filled([100, 200, 300, 400, 500, 600, 700, 800, 900, 1000], 10);
    // Only the first three are trusted.
    queue.startAt(3);
    queue.lastPhyOffset = 300;
    queue.minOffset = 1;
    const before = bare.disk.content(fileOf(0));
    entries.cut(1000, false);
    expect([bare.disk.content(fileOf(0)).equals(before), queue.files]).toEqual([true, [0, 160]]);
    entries.cut(1000, true);
    expect(queue.files).toEqual([0]);
    expect(bare.disk.files()).not.toContain(fileOf(8));
    expect(bare.disk.content(fileOf(0))).toEqual(Buffer.concat([before.subarray(0, 60), Buffer.alloc(100)]));
    expect([queue.nextOffset, queue.maxOffset, queue.minOffset, queue.lastPhyOffset, queue.registered]).toEqual([3, 3, 1, 300, true]);
  });

  test('that wipes takes a queue without entries from the tables, and leaves one that was not there out', async () => {
    const { bare, queue, entries } = await filled([100, 200], 2);
    queue.startAt(0);
    queue.lastPhyOffset = -1;
    entries.cut(50, true);
    expect([queue.registered, queue.files, bare.queues.existing('T', 0), bare.disk.files()]).toEqual([false, [], undefined, []]);
  });

  test('goes through all queues, and stops before the first entry below', async () => {
    const { bare, queue, entries } = await filled([100, 200, 300]);
    const other = bare.queues.ref('U', 0);
    // An entry out of order stops a cut: what it leads to is below the limit.
    for (const phy of [150, 950, 250, 960, 970]) bare.entry(other, phy, 100);
    entries.cut(900, false);
    expect([queue.nextOffset, queue.lastPhyOffset, other.nextOffset, other.lastPhyOffset]).toEqual([3, 300, 3, 250]);
    entries.cut(250, false);
    expect([queue.nextOffset, queue.lastPhyOffset, other.nextOffset, other.lastPhyOffset]).toEqual([2, 200, 1, 150]);
    entries.cut(0, false);
    expect([queue.nextOffset, queue.lastPhyOffset, other.nextOffset, other.lastPhyOffset]).toEqual([0, -1, 0, -1]);
  });
});

describe('the first offset', () => {
  /** A log that begins at `files` files of 4096 bytes. */
  function logFrom(bare: BareStore, files: number): void {
    for (let i = 0; i < files + 3; i++) bare.commitLog.addFile(i * 4096);
    for (let i = 0; i < files; i++) bare.commitLog.removeFirst();
  }

  test('moves to the first entry whose record the log still has, past blanks, wherever entries lie', async () => {
    await fc.assert(fc.asyncProperty(arbitraryPhys, fc.nat(30), fc.nat(3), fc.nat(30), fc.nat(2), fc.boolean(), async (steps, files, first, min, gone, spread) => {
      const phys = steps.map((phy) => (phy < 0 ? phy : phy * (spread ? 5 : 1)));
      const { bare, queue, entries } = await filled(phys, Math.min(files, phys.length));
      logFrom(bare, first);
      queue.minOffset = Math.min(min, phys.length);
      const removed = Math.min(gone, Math.max(0, queue.files.length - 1));
      queue.files.splice(0, removed);
      const from = Math.max(queue.minOffset, queue.files.length > 0 ? removed * per : 0);
      const expected = phys.findIndex((phy, i) => i >= from && phy >= 0 && phy >= first * 4096);
      entries.correctMinOffsets();
      expect(queue.minOffset).toBe(expected === -1 ? Math.max(phys.length, 0) : expected);
    }), { numRuns: 120, examples: [[[-1, 200], 1, 0, 0, 0, false], [[-1, -1, 300, 400], 2, 0, 1, 0, true]] });
  });

  test('is found behind more blanks than are read at once, over files', async () => {
    const phys = [...new Array<number>(4000).fill(-1), 9000, ...new Array<number>(3300).fill(-1), 9100, 9200];
    for (const files of [phys.length, 3990, 7000, 0]) {
      const { bare, queue, entries } = await filled(phys, files, { unitsPerFile: 5000 });
      logFrom(bare, 1);
      entries.correctMinOffsets();
      expect(queue.minOffset).toBe(4000);
      queue.minOffset = 4001;
      entries.correctMinOffsets();
      expect(queue.minOffset).toBe(7301);
      queue.minOffset = 10;
      queue.maxOffset = 3999;
      entries.correctMinOffsets();
      expect(queue.minOffset).toBe(3999);
    }
  });

  test('of a queue whose memory begins behind what is gone is where memory begins', async () => {
    const { bare, queue, entries } = await filled([100, 200, 300], 3);
    bare.entry(queue, 5000, 100);
    logFrom(bare, 0);
    queue.files.length = 0;
    entries.correctMinOffsets();
    expect(queue.minOffset).toBe(3);
  });

  test('skips files that are gone in the middle', async () => {
    const { bare, queue, entries } = await filled(Array.from({ length: 24 }, (_, i) => (i < 8 ? -1 : 5000 + i)), 24);
    logFrom(bare, 1);
    queue.files.splice(1, 1);
    entries.correctMinOffsets();
    expect(queue.minOffset).toBe(16);
  });

  test('never goes back, and never beyond what is shown', async () => {
    const { bare, queue, entries } = await filled([100, 200, 300], 3);
    logFrom(bare, 0);
    queue.minOffset = 2;
    entries.correctMinOffsets();
    expect(queue.minOffset).toBe(2);
    queue.minOffset = 3;
    entries.correctMinOffsets();
    expect(queue.minOffset).toBe(3);
    bare.commitLog.removeFirst();
    queue.minOffset = 0;
    queue.maxOffset = 2;
    entries.correctMinOffsets();
    expect(queue.minOffset).toBe(2);
  });
});
