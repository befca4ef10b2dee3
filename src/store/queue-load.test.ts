/** What a start makes of the ConsumeQueue files that it finds: which are queues, and where the entries of each end. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { StoreQueue } from './consume-queue.js';
import { QueueTable } from './queue-table.js';
import { simulatedDisk } from './simulated-disk.js';
import type { SimulatedDisk } from './simulated-disk.js';

const root = '/s/consumequeue';
const perFile = 4;
const EVERYTHING = Number.MAX_SAFE_INTEGER;

let disk: SimulatedDisk;
beforeEach(() => {
  disk = simulatedDisk(1);
  disk.makeDir(root);
});

/** What an entry says: a phyOffset, or that and a size; `b` is a blank one, `-` zeros. */
type Entry = number | readonly [number, number] | 'b' | '-';

function bytesOf(entry: Entry): Buffer {
  const bytes = Buffer.alloc(20);
  if (entry === '-') return bytes;
  const [phyOffset, size] = entry === 'b' ? [0, 0x7fffffff] : typeof entry === 'number' ? [entry, 100] : entry;
  bytes.writeBigInt64BE(BigInt(phyOffset));
  bytes.writeInt32BE(size, 8);
  bytes.writeBigInt64BE(7n, 12);
  return bytes;
}

const nameOf = (base: number): string => String(base).padStart(20, '0');

/** Puts entries in files of `units` each, from entry `first` on; the last file is filled up with zeros. */
function place(entries: readonly Entry[], first = 0, dir = `${root}/T/0`, units = perFile): void {
  for (let at = 0; at < entries.length; at += units) {
    const file = Buffer.alloc(units * 20);
    Buffer.concat(entries.slice(at, at + units).map(bytesOf)).copy(file);
    disk.place(`${dir}/${nameOf((first + at) * 20)}`, file);
  }
}

interface Loaded {
  readonly untrusted: boolean;
  readonly nextOffset: number;
  readonly lastPhyOffset: number;
}

/** A start with these files: what it says of the queue, and where it goes on. */
function load(phyLimit = EVERYTHING, logEnd = 100_000, units = perFile): Loaded & { readonly queue: StoreQueue; readonly misfit: number } {
  const table = new QueueTable(disk, root, units * 20);
  const found = table.load({ info: () => undefined, warn: () => undefined, error: () => undefined });
  const queue = table.ref('T', 0);
  const untrusted = table.loadTail(queue, phyLimit, logEnd);
  expect([queue.maxOffset, queue.writtenOffset, queue.flushedOffset]).toEqual([queue.nextOffset, queue.nextOffset, queue.nextOffset]);
  return { untrusted, nextOffset: queue.nextOffset, lastPhyOffset: queue.lastPhyOffset, queue, misfit: found.misfit.size };
}

const whole = (nextOffset: number, lastPhyOffset: number): Loaded => ({ untrusted: false, nextOffset, lastPhyOffset });
const broken = (nextOffset: number, lastPhyOffset: number): Loaded => ({ untrusted: true, nextOffset, lastPhyOffset });

describe('finding', () => {
  interface Line { readonly name: unknown; readonly message: string }

  function find(more: ConstructorParameters<typeof QueueTable>[3] = {}): { readonly lines: Line[]; readonly queues: string[]; readonly displaced: string[]; readonly misfit: string[]; readonly topicsMissing: boolean; readonly table: QueueTable } {
    const lines: Line[] = [];
    const say = (fields: object, message: string): void => void lines.push({ name: (fields as { name?: unknown }).name, message });
    const table = new QueueTable(disk, root, 80, more);
    const { displaced, misfit, topicsMissing } = table.load({ info: say, warn: say, error: say });
    const name = ({ topic, queueId }: StoreQueue): string => `${topic}/${queueId}`;
    const queues = [...table.all()].map((queue) => `${name(queue)}: ${queue.files.join()}`);
    return { lines, queues, displaced: [...displaced].map(name), misfit: [...misfit].map(name), topicsMissing, table };
  }
  const aside = 'is no queue and is left alone';

  test('queues with files are there, their files in order; directories without files are none', () => {
    place([0, 100, 200, 300, 400], 4, `${root}/T/3`);
    place([0], 0, `${root}/T/0`);
    place([0], 0, `${root}/%RETRY%g/2147483647`);
    disk.makeDir(`${root}/T/5`);
    disk.makeDir(`${root}/Empty`);
    const { queues, lines, displaced, misfit, topicsMissing } = find();
    expect([queues.sort(), lines, displaced, misfit, topicsMissing]).toEqual([['%RETRY%g/2147483647: 0', 'T/0: 0', 'T/3: 80,160'], [], [], [], false]);
  });

  test.each(['x/y', '..x/0', 'T.aside/0', `${'t'.repeat(256)}/0`, 'T/x', 'T/-1', 'T/2147483648', 'T/00000000000', 'T/1.5', 'T/0x1'])('%s is no queue and is left alone', (name) => {
    place([0, 100], 0, `${root}/${name}`);
    const before = disk.files();
    const { queues, lines, displaced, topicsMissing } = find();
    const [topic = '', id = ''] = name.split('/');
    const isTopic = topic === 'T';
    expect([queues, lines, displaced, topicsMissing]).toEqual([[], name === 'x/y' ? [{ name: `${root}/x/y`, message: aside }] : [{ name: isTopic ? `${root}/T/${id}` : `${root}/${topic}`, message: aside }], [], false]);
    expect(disk.files()).toEqual(before);
  });

  test.each(['0000000000000000000', '000000000000000000000', '00000000000000000081', '0000000000000000000x', '99999999999999999999', 'notes.txt'])('a file %s in a queue is left alone', (name) => {
    place([0, 100], 0);
    disk.place(`${root}/T/0/${name}`, Buffer.alloc(80));
    const { queues, lines, displaced, misfit } = find();
    expect([queues, lines, displaced, misfit]).toEqual([['T/0: 0'], [{ name: `${root}/T/0/${name}`, message: aside }], [], []]);
    expect(disk.files()).toContain(`${root}/T/0/${name}`);
  });

  test.each([[79, true], [80, false], [81, true], [0, true], [160, true]])('a file of %i bytes has not its full length: %s', (bytes, misfits) => {
    place([0, 100], 4);
    disk.place(`${root}/T/0/${nameOf(0)}`, Buffer.alloc(bytes));
    const { queues, misfit, displaced } = find();
    expect([queues, misfit, displaced]).toEqual([['T/0: 0,80'], misfits ? ['T/0'] : [], []]);
  });

  test('a directory in place of a file, and a file in place of a queue or a topic, are moved aside', () => {
    disk.makeDir(`${root}/T/0/${nameOf(80)}`);
    disk.place(`${root}/T/0/${nameOf(80)}/precious`, Buffer.from('p'));
    place([0], 0);
    disk.makeDir(`${root}/T/1/${nameOf(0)}`);
    // What the simulated disk lists of a file is nothing; a disk says that it is no directory.
    const list = disk.list.bind(disk);
    disk.list = (dir) => {
      if (disk.stat(dir)?.directory === false) throw Object.assign(new Error(dir), { code: 'ENOTDIR' });
      return list(dir);
    };
    disk.rename = (from, to) => void moved.push([from, to]);
    const moved: string[][] = [];
    disk.place(`${root}/T/2`, Buffer.from('q'));
    const { queues, displaced, lines, misfit, topicsMissing } = find();
    expect(moved).toEqual([[`${root}/T/0/${nameOf(80)}`, `${root}/T/0/${nameOf(80)}.aside`], [`${root}/T/2`, `${root}/T/2.aside`]]);
    expect([queues, displaced, misfit, topicsMissing]).toEqual([['T/0: 0'], ['T/0', 'T/1', 'T/2'], [], false]);
    expect(lines.map(({ message }) => message)).toEqual([
      'something else stood where a ConsumeQueue file belongs: it was moved aside', 'an empty directory stood where a ConsumeQueue file belongs: it was removed',
      'something else stood where the directory of a ConsumeQueue belongs: it was moved aside',
    ]);
    disk.place(`${root}/U`, Buffer.from('r'));
    expect(find()).toMatchObject({ queues: ['T/0: 0'], topicsMissing: true });
    expect(moved.at(-1)).toEqual([`${root}/U`, `${root}/U.aside`]);
  });

  test('what the disk says else is thrown', () => {
    place([0]);
    const list = disk.list.bind(disk);
    for (const dir of [root, `${root}/T`, `${root}/T/0`]) {
      disk.list = (one) => {
        if (one === dir) throw Object.assign(new Error(`EMFILE ${one}`), { code: 'EMFILE' });
        return list(one);
      };
      expect(() => find()).toThrow(`EMFILE ${dir}`);
    }
  });

  test('queues of a topic of the other type, and units that belong to none, are left or removed', () => {
    const batch = { isBatchTopic: (topic: string) => topic.startsWith('B'), entriesRoot: '/s/batchentries', unitsRoot: '/s/batchconsumequeue', unitFileBytes: 92 };
    place([0], 0, `${root}/B/0`);
    place([0], 0, `${root}/T/0`);
    place([0], 0, '/s/batchentries/T/0');
    place([0], 0, '/s/batchentries/B/1');
    for (const name of ['B/0', 'B/1', 'T/0']) disk.place(`/s/batchconsumequeue/${name}/${nameOf(0)}`, Buffer.alloc(92));
    disk.place('/s/batchconsumequeue/B/0/notes', Buffer.from('n'));
    const { queues, lines } = find({ batch });
    expect([queues.sort(), lines.map(({ name }) => name)]).toEqual([['B/1: 0', 'T/0: 0'], [`${root}/B`, '/s/batchentries/T']]);
    expect(disk.files().filter((file) => file.includes('batchconsumequeue'))).toEqual(['/s/batchconsumequeue/B/0/notes', `/s/batchconsumequeue/B/1/${nameOf(0)}`]);
  });
});

describe('the end of a queue', () => {
  const all = Array.from({ length: 10 }, (_, i) => i * 100);

  test.each(Array.from({ length: 12 }, (_, i) => i + 1))('with %i entries is behind them', (count) => {
    place(Array.from({ length: count }, (_, i) => i * 100 + 50));
    // A file that was made and never written.
    if (count % 4 === 0) place(['-'], count);
    expect(load()).toMatchObject(whole(count, count === 0 ? -1 : count * 100 - 50));
  });

  test.each([0, 4, 8, 400])('that begins at %i counts from there', (first) => {
    place([...all.slice(0, 6)], first);
    expect(load()).toMatchObject(whole(first + 6, 500));
  });

  test('of a first record at 0 is behind its entry, whatever its size', () => {
    place([[0, 1]]);
    expect(load()).toMatchObject(whole(1, 0));
  });

  describe('after a stop that was not clean', () => {
    test.each(Array.from({ length: 21 }, (_, i) => i * 50))('lies where records reach %i', (phyLimit) => {
      place(all);
      const below = all.filter((phyOffset) => phyOffset < phyLimit).length;
      expect(load(phyLimit)).toMatchObject(whole(below, below === 0 ? -1 : (below - 1) * 100));
    });

    test('lies in the newest file that begins below, the ones behind it being old', () => {
      place([0, 100, 200, 300, 400, 500, 600, 700, 50, 60, 70, 80]);
      // The file in the middle is taken for the newest; the last one begins at 50, which is below too.
      expect(load(450)).toMatchObject({ untrusted: false, nextOffset: 12, lastPhyOffset: 80 });
      expect(load(45)).toMatchObject(whole(1, 0));
    });
  });

  test.each<[string, Entry]>([['of a record beyond the log', 100_000], ['far beyond it', 2 ** 52], ['of no size', [600, 0]], ['of a size below 0', [600, -1]], ['of an offset below 0', [-1, 100]], ['that does not follow', 500], ['that goes back', 499], ['of zeros', '-']])(
    'lies before an entry %s, which is damage when entries stand behind it', (_, odd) => {
      const before = [0, 100, 200, 300, 400, 500];
      const rest = (...behind: Entry[]): void => place([...before, odd, ...behind], 0, `${root}/T/0`, 12);
      const loadAll = (phyLimit = EVERYTHING): Loaded => load(phyLimit, 100_000, 12);
      rest('-', '-', '-');
      expect(loadAll()).toMatchObject(whole(6, 500));
      rest(700, 800, '-');
      expect(loadAll()).toMatchObject(broken(6, 500));
      // What stands behind belongs to the log above the limit: it is old.
      expect(loadAll(700)).toMatchObject(whole(6, 500));
      expect(loadAll(701)).toMatchObject(broken(6, 500));
      rest('-', '-', '-', '-', 700);
      expect(loadAll()).toMatchObject(broken(6, 500));
      rest(500, 200, [700, 0]);
      expect(loadAll()).toMatchObject(whole(6, 500));
      rest(501, '-', '-');
      expect(loadAll()).toMatchObject(broken(6, 500));
    });

  test.each<[string, Entry]>([['beyond the log', 100_000], ['of no size', [400, 0]], ['below 0', [-1, 100]], ['of zeros', '-'], ['at the limit', 5000]])('is looked for in the file before when the newest begins with an entry %s', (_, odd) => {
    place([0, 100, 200, 300, odd, '-', '-', '-']);
    expect(load(5000)).toMatchObject(whole(4, 300));
    place([0, 100, 200, 300, odd, 500, '-', '-']);
    expect(load(5000)).toMatchObject(odd === 5000 ? whole(4, 300) : broken(4, 300));
    place([0, 100, 200, 300, 400, 500, 600, 700, odd, '-', '-', '-', odd]);
    expect(load(5000)).toMatchObject(whole(8, 700));
  });

  test('an entry of the last byte of the log is one, of the next is none', () => {
    place([0, 100, 999]);
    expect(load(EVERYTHING, 1000)).toMatchObject(whole(3, 999));
    expect(load(EVERYTHING, 999)).toMatchObject(whole(2, 100));
    expect(load(1000, 1000)).toMatchObject(whole(3, 999));
  });

  test('an entry at the limit is the end, nothing behind it is looked at', () => {
    place([0, 100, 200, '-', 150, 160], 0, `${root}/T/0`, 8);
    expect(load(200, 100_000, 8)).toMatchObject(whole(2, 100));
    expect(load(201, 100_000, 8)).toMatchObject(whole(3, 200));
  });

  test('blank entries count, and lead nowhere: before the first, in the middle and at the end', () => {
    place(['b', 'b', 'b', 100, 'b', 200, 'b', 'b', 'b']);
    expect(load()).toMatchObject(whole(9, 200));
    expect(load(200)).toMatchObject(whole(5, 100));
    expect(load(100)).toMatchObject(whole(3, -1));
    expect(load(0)).toMatchObject(whole(0, -1));
    // The last record is that of a file before.
    place([100, 200, 300, 400, 'b', 'b', 'b', 'b', 'b', 'b']);
    expect(load()).toMatchObject(whole(10, 400));
    disk = simulatedDisk(2);
    disk.makeDir(root);
    place(['b', 'b']);
    place(['-'], 4);
    expect(load()).toMatchObject(whole(2, -1));
  });

  test('an entry that leads to offset 0 again, or one of a blank\'s size, is no blank', () => {
    place([0, 0, 100, 200]);
    expect(load()).toMatchObject(broken(1, 0));
    place([0, 0, '-', '-']);
    expect(load()).toMatchObject(whole(1, 0));
    place([0, 100, [0, 100], '-']);
    expect(load()).toMatchObject(whole(2, 100));
    place([0, 100, [50, 0x7fffffff], 200]);
    expect(load()).toMatchObject(broken(2, 100));
    place([0, [100, 0x7fffffff], 200, '-']);
    expect(load()).toMatchObject(whole(3, 200));
  });

  test('a file that is not full ends it, the ones behind are not looked at', () => {
    place([0, 100, '-', '-', '-', '-', '-', '-']);
    expect(load()).toMatchObject(whole(2, 100));
    place([0, 100, '-', '-', 400]);
    // The newest begins with an entry, so the end is looked for there; what is missing before it is seen by whoever compares with the log.
    expect(load()).toMatchObject(whole(5, 400));
    place([0, 100, '-', '-', '-', 500, '-', '-']);
    expect(load()).toMatchObject(whole(2, 100));
  });

  test('files with a gap between them are not trusted', () => {
    place([0, 100, 200, 300]);
    place([800], 8);
    expect(load()).toMatchObject({ untrusted: true });
    place([400, 500, 600, 700], 4);
    expect(load()).toMatchObject(whole(9, 800));
    place([1600], 16);
    expect(load()).toMatchObject({ untrusted: true });
  });

  test('a file that is too short ends with its last whole entry', () => {
    for (let bytes = 0; bytes <= 80; bytes++) {
      place([0, 100, 200, 300]);
      disk.place(`${root}/T/0/${nameOf(0)}`, disk.content(`${root}/T/0/${nameOf(0)}`).subarray(0, bytes));
      const count = Math.floor(bytes / 20);
      expect([bytes, load()]).toMatchObject([bytes, { ...whole(count, count * 100 - 100 < 0 ? -1 : count * 100 - 100), misfit: bytes === 80 ? 0 : 1 }]);
    }
  });

  describe.each(['EACCES', 'EIO', 'EISDIR', 'ELOOP', 'ENOTDIR', 'EPERM'])('when the disk says %s', (code) => {
    test.each([0, 80, 160])('of the file at %i, a queue of three is trusted unless that one is asked for', (base) => {
      place([...all, '-', '-']);
      const open = disk.open.bind(disk);
      disk.open = (file, mode) => {
        if (file.endsWith(nameOf(base))) throw Object.assign(new Error(code), { code });
        return open(file, mode);
      };
      // The first and the newest are looked at.
      expect(load().untrusted).toBe(base !== 80);
      expect(load(800).untrusted).toBe(true);
    });
  });

  test.each(['EMFILE', 'ENOMEM', 'ENOENT'])('what says nothing about the file is thrown: %s', (code) => {
    place(all);
    disk.open = () => {
      throw Object.assign(new Error(code), { code });
    };
    expect(() => load()).toThrow(code);
  });

  describe('in a file of many entries', () => {
    // Just above 64 KiB, in which it is read: 100 entries first, then 3276 at a time.
    const units = 7000;
    const entries = (count: number): Entry[] => Array.from({ length: count }, (_, i) => i * 10);

    test.each([0, 1, 99, 100, 101, 3275, 3276, 3277, 3375, 3376, 3377, 6652, 6999, 7000])('%i of them are found, and damage behind them', (count) => {
      place([...entries(count), '-'], 0, `${root}/T/0`, units);
      expect(load(EVERYTHING, 100_000, units)).toMatchObject(whole(count, count * 10 - 10 < 0 ? -1 : count * 10 - 10));
      if (count + 2 > units) return;
      place([...entries(count), '-', 90_000], 0, `${root}/T/0`, units);
      expect(load(EVERYTHING, 100_000, units)).toMatchObject(broken(count, count * 10 - 10 < 0 ? -1 : count * 10 - 10));
      if (count + 3277 > units) return;
      // So far it is looked: 64 KiB.
      place([...entries(count), ...Array.from({ length: 3275 }, () => '-' as const), 90_000], 0, `${root}/T/0`, units);
      expect(load(EVERYTHING, 100_000, units)).toMatchObject(broken(count, count * 10 - 10 < 0 ? -1 : count * 10 - 10));
      place([...entries(count), ...Array.from({ length: 3276 }, () => '-' as const), 90_000], 0, `${root}/T/0`, units);
      expect(load(EVERYTHING, 100_000, units)).toMatchObject(whole(count, count * 10 - 10 < 0 ? -1 : count * 10 - 10));
    });
  });

  test('what was read for one queue says nothing of the next', () => {
    place(all, 0, `${root}/A/0`);
    disk.place(`${root}/T/0/${nameOf(0)}`, Buffer.alloc(0));
    const table = new QueueTable(disk, root, 80);
    table.load({ info: () => undefined, warn: () => undefined, error: () => undefined });
    for (const topic of ['A', 'T', 'A']) table.loadTail(table.ref(topic, 0), EVERYTHING, 100_000);
    expect([table.ref('A', 0).nextOffset, table.ref('T', 0).nextOffset, table.ref('T', 0).lastPhyOffset]).toEqual([10, 0, -1]);
  });
});

describe('entries and units of a batch queue', () => {
  const unitBytes = 46;
  const batch = { isBatchTopic: () => true, entriesRoot: '/s/batchentries', unitsRoot: '/s/batchconsumequeue', unitFileBytes: 3 * unitBytes };

  /** Batches of these sizes, record i at i * 100: `units` of them in Apache's files, `entries` in ours. */
  async function placed(sizes: readonly number[], entries: number, units: number): Promise<QueueTable> {
    const table = new QueueTable(disk, root, 80, { batch });
    for (const [n, dir] of [[entries, '/s/batchentries/'], [units, '/s/batchconsumequeue/']] as const) {
      const other = simulatedDisk(3);
      const one = new QueueTable(other, root, 80, { batch });
      const queue = one.ref('B', 0);
      sizes.slice(0, n).forEach((size, i) => queue.appendBatch(i * 100, 100, 7, 1000 + i, size));
      queue.writtenOffset = queue.maxOffset = queue.nextOffset;
      one.dirty.add(queue);
      await one.flush();
      for (const name of other.files()) if (name.startsWith(dir)) disk.place(name, other.content(name));
    }
    table.load({ info: () => undefined, warn: () => undefined, error: () => undefined });
    return table;
  }

  test.each([[4, 4], [3, 4], [4, 3], [4, 0], [1, 4], [4, 1], [2, 1], [1, 2]])('%i batches of entries and %i of units have the same end after a stop that was not clean, else they are not trusted', async (entries, units) => {
    const sizes = [2, 1, 3, 1];
    const ends = [0, 2, 3, 6, 7];
    const table = await placed(sizes, entries, units);
    const queue = table.ref('B', 0);
    expect(table.loadTail(queue, EVERYTHING, 100_000)).toBe(entries !== units);
    expect(table.loadTail(queue, 5000, 100_000)).toBe(false);
    const both = Math.min(entries, units);
    expect([queue.nextOffset, queue.lastPhyOffset, queue.batch?.end, queue.batch?.lastPhyOffset]).toEqual([ends[both], both * 100 - 100 < 0 ? -1 : both * 100 - 100, ends[both], both * 100 - 100 < 0 ? -1 : both * 100 - 100]);
    if (both > 0) expect(table.loadTail(queue, EVERYTHING, 100_000)).toBe(false);
    else expect([queue.files, disk.files()]).toEqual([[], []]);
  });

  test('all entries of a batch lead to its record; of another queue two may not', async () => {
    const table = await placed([3, 2], 2, 2);
    expect([table.loadTail(table.ref('B', 0), EVERYTHING, 100_000), table.ref('B', 0).nextOffset]).toEqual([false, 5]);
    place([0, 100, 100, 200]);
    expect(load()).toMatchObject(broken(2, 100));
  });

  test('an end in the middle of a batch goes back to where the batch before ends', async () => {
    const table = await placed([2, 4], 2, 2);
    const file = `/s/batchentries/B/0/${nameOf(80)}`;
    // The last entry of the second batch is lost.
    disk.place(file, Buffer.concat([disk.content(file).subarray(0, 20), Buffer.alloc(60)]));
    const queue = table.ref('B', 0);
    expect(table.loadTail(queue, EVERYTHING, 100_000)).toBe(true);
    expect(table.loadTail(queue, 5000, 100_000)).toBe(false);
    expect([queue.nextOffset, queue.lastPhyOffset, queue.files, queue.batch?.end]).toEqual([2, 0, [0], 2]);
    expect(disk.content(`/s/batchentries/B/0/${nameOf(0)}`).subarray(40).every((byte) => byte === 0)).toBe(true);
  });
});
