/** Entries of lost messages become blank: those of the stretch and no others, in all files, and durably. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { blankEntries } from './blank-entries.js';
import { CommitLog } from './commit-log.js';
import type { StoreParts } from './parts.js';
import { QueueTable } from './queue-table.js';
import { simulatedDisk } from './simulated-disk.js';
import type { SimulatedDisk } from './simulated-disk.js';
import { ManualClock, smallConfig } from './store-fixture.js';

const root = '/s/consumequeue';
const blank = Buffer.from('00000000000000007fffffff0000000000000000', 'hex');
const zeros = Buffer.alloc(20);

let disk: SimulatedDisk;
let said: [object, string][];
beforeEach(() => {
  disk = simulatedDisk(1);
  said = [];
});

function entry(phyOffset: number, size = 100): Buffer {
  const bytes = Buffer.alloc(20, 3);
  bytes.writeBigInt64BE(BigInt(phyOffset));
  bytes.writeInt32BE(size, 8);
  return bytes;
}

/** Blanks entries of [from, to) in files of so many entries. */
function run(from: number, to: number, fileUnits = 8): number {
  const clock = new ManualClock();
  const log = { info: () => undefined, error: () => undefined, warn: (fields: object, message: string): void => void said.push([fields, message]) };
  const parts: StoreParts = {
    root: '/s', config: smallConfig(), disk, clock, log, commitLog: new CommitLog(disk, '/s/commitlog', 4096, 16384, () => clock.now),
    queues: new QueueTable(disk, root, fileUnits * 20), index: undefined, collect: undefined, delayLevels: [],
  };
  return blankEntries(parts, from, to);
}

const place = (name: string, units: readonly Buffer[]): void => disk.place(`${root}/${name}`, Buffer.concat(units));
const file0 = '0'.repeat(20);
/** Which entries of a file are blank now; the others must be as they were. */
function blanked(name: string, units: readonly Buffer[]): number[] {
  const bytes = disk.content(`${root}/${name}`);
  expect(bytes.length).toBe(units.length * 20);
  return units.flatMap((unit, i) => {
    const now = bytes.subarray(i * 20, i * 20 + 20);
    if (now.equals(blank) && !unit.equals(blank)) return [i];
    if (!now.equals(unit)) throw new Error(`entry ${i} is ${now.toString('hex')}`);
    return [];
  });
}

test('those that lead to the first byte of the stretch and to its last, not the ones beside', () => {
  const units = [entry(0), entry(299), entry(300), entry(301), entry(599), entry(600), entry(601), zeros];
  place(`T/0/${file0}`, units);
  expect(run(300, 600)).toBe(4 - 1);
  expect(blanked(`T/0/${file0}`, units)).toEqual([2, 3, 4]);
  expect(run(300, 600)).toBe(0);
});

test('blank ones, zeros and damaged ones stay, whatever the stretch', () => {
  const units = [blank, zeros, entry(0, 0), entry(0, -5), entry(5, 0x7fffffff), entry(0, 1), entry(-1), entry(1)];
  place(`T/0/${file0}`, units);
  expect(run(0, 1000)).toBe(2);
  expect(blanked(`T/0/${file0}`, units)).toEqual([5, 7]);
});

test('in every file of every queue, and nothing else', () => {
  const units = [entry(10), entry(20)];
  const names = [`T/0/${file0}`, `T/0/${'160'.padStart(20, '0')}`, `T/7/${file0}`, `%LMQ%a/0/${file0}`];
  for (const name of names) place(name, units);
  const others = ['notes', 'T/notes', `T/${file0}`, 'T/0/notes', `T/0/${file0}.aside`, `T/0/${'x'.repeat(20)}/inside`];
  for (const name of others) place(name, units);
  disk.makeDir(`${root}/T/0/${'320'.padStart(20, '0')}`);
  expect(run(20, 30)).toBe(names.length);
  for (const name of names) expect([name, blanked(name, units)]).toEqual([name, [1]]);
  for (const name of others) expect([name, blanked(name, units)]).toEqual([name, []]);
  expect(said).toEqual([]);
});

describe('in a file of many entries, read just under 64 KiB at a time', () => {
  test.each([1, 3275, 3276, 3277, 6551, 6552, 6553, 7000])('%i of them', (count) => {
    const units = Array.from({ length: count }, (_, i) => entry(i * 10));
    place(`T/0/${file0}`, units);
    expect(run(0, count * 10, count)).toBe(count);
    expect(blanked(`T/0/${file0}`, units)).toHaveLength(count);
    place(`T/0/${file0}`, units);
    expect(run((count - 1) * 10, count * 10, count)).toBe(1);
    expect(blanked(`T/0/${file0}`, units)).toEqual([count - 1]);
  });
});

test('what stands behind the full length of a file is none of it; half an entry at its end stays', () => {
  const units = Array.from({ length: 3277 }, (_, i) => entry(i));
  place(`T/0/${file0}`, units);
  // A piece is read whole: the next one lies behind the file.
  expect(run(0, 9999, 8)).toBe(3276);
  const short = Buffer.concat([entry(5), entry(6).subarray(0, 19)]);
  disk.place(`${root}/T/0/${file0}`, short);
  expect(run(0, 9999, 8)).toBe(1);
  expect(disk.content(`${root}/T/0/${file0}`).equals(Buffer.concat([blank, entry(6).subarray(0, 19)]))).toBe(true);
});

test('they are durable at once; a file without any is not written', () => {
  place(`T/0/${file0}`, [entry(5)]);
  place(`T/1/${file0}`, [entry(500)]);
  const seen: string[] = [];
  const count = disk.count.bind(disk);
  disk.count = (op, file) => {
    seen.push(`${op} ${file.slice(root.length + 1, root.length + 4)}`);
    return count(op, file);
  };
  expect(run(0, 100)).toBe(1);
  expect(seen).toEqual(['write T/0', 'datasync T/0']);
  disk.crash();
  disk.restart('power');
  expect(disk.content(`${root}/T/0/${file0}`).equals(blank)).toBe(true);
});

test('a file that cannot be read or written is said and left, the others are not', () => {
  for (const [op, code] of [['write', 'EIO'], ['datasync', 'ENOSPC']] as const) {
    said = [];
    for (const id of [0, 1, 2]) place(`T/${id}/${file0}`, [entry(5)]);
    disk.fail(op, code, 1, /T\/1/);
    expect(run(0, 100)).toBe(2);
    expect(said).toEqual([[{ file: `${root}/T/1/${file0}`, code }, 'entries of lost messages cannot be made blank']]);
    expect([0, 2].map((id) => blanked(`T/${id}/${file0}`, [entry(5)]))).toEqual([[0], [0]]);
  }
});

test('handles are closed, whatever happens', () => {
  place(`T/0/${file0}`, [entry(5)]);
  place(`T/1/${file0}`, [entry(5)]);
  disk.fail('write', 'EIO', 1, /T\/1/);
  let open = 0;
  const opening = disk.open.bind(disk);
  disk.open = (file, mode) => {
    const handle = opening(file, mode);
    open++;
    const close = handle.close.bind(handle);
    handle.close = () => {
      open--;
      close();
    };
    return handle;
  };
  run(0, 100);
  expect(open).toBe(0);
});

test('a store without queues has none', () => {
  expect(run(0, 100)).toBe(0);
});
