/** The table of queues: lookup, what light queues cost, files as they are written and made durable, cuts, removal, memory. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { batchConsumeQueueUnitBytes } from '../codec/batch-consume-queue-unit.js';
import type { StoreQueue } from './consume-queue.js';
import type { DiskFile } from './disk.js';
import { idleQueueMs, QueueTable } from './queue-table.js';
import { simulatedDisk } from './simulated-disk.js';
import type { SimulatedDisk } from './simulated-disk.js';

const root = '/s/consumequeue';
/** Entries of a file. */
const perFile = 4;
const fileBytes = perFile * 20;
const blank = Buffer.from('00000000000000007fffffff0000000000000000', 'hex');

let disk: SimulatedDisk;
let table: QueueTable;

function tableOn(on: SimulatedDisk, more: ConstructorParameters<typeof QueueTable>[3] = {}): QueueTable {
  on.makeDir(root);
  return new QueueTable(on, root, fileBytes, more);
}

const batch = { isBatchTopic: (topic: string) => topic.startsWith('B'), entriesRoot: '/s/batchentries', unitsRoot: '/s/batchconsumequeue', unitFileBytes: 2 * batchConsumeQueueUnitBytes };
const extensions = { root: '/s/consumequeue_ext', fileBytes: 64 };

beforeEach(() => {
  disk = simulatedDisk(1);
  table = tableOn(disk);
});

/** Entry n of a queue leads to n * 100. */
function entry(n: number): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.writeBigInt64BE(BigInt(n * 100));
  bytes.writeInt32BE(100, 8);
  bytes.writeBigInt64BE(BigInt(n - 5), 12);
  return bytes;
}

/** Appends entries and shows them, as a turn does. */
function put(to: QueueTable, queue: StoreQueue, count: number): void {
  for (let i = 0; i < count; i++) {
    const n = queue.nextOffset;
    if (queue.batch === undefined) to.append(queue, n * 100, 100, n - 5, 1000 + n, undefined);
    else queue.appendBatch(n * 100, 100, n - 5, 1000 + n, 1);
  }
  queue.writtenOffset = queue.maxOffset = queue.nextOffset;
  queue.extension?.written();
  to.register(queue);
  to.dirty.add(queue);
}

const name = (dir: string, n: number): string => `${dir}/${String(n * 20).padStart(20, '0')}`;

/** Files of a directory by name, each as entries: a number, `-` for zeros, `b` for a blank. */
function filesOf(on: SimulatedDisk, dir = `${root}/T/0`): Record<string, string> {
  const found: Record<string, string> = {};
  for (const file of on.files().filter((one) => one.startsWith(`${dir}/`))) {
    const bytes = on.content(file);
    const texts: string[] = [];
    for (let at = 0; at < bytes.length; at += 20) {
      const unit = bytes.subarray(at, at + 20);
      const n = Number(unit.readBigInt64BE()) / 100;
      texts.push(unit.equals(blank) ? 'b' : unit.every((byte) => byte === 0) ? '-' : unit.equals(entry(n)) ? String(n) : unit.toString('hex'));
    }
    found[String(Number(file.slice(dir.length + 1)) / 20)] = texts.join(' ');
  }
  return found;
}

/** Calls that make something durable, from here on. */
function synced(on: SimulatedDisk): string[] {
  const seen: string[] = [];
  const count = on.count.bind(on);
  on.count = (op, file) => {
    if (op === 'datasync' || op === 'syncDir') seen.push(`${op} ${file}`);
    return count(op, file);
  };
  return seen;
}

describe('lookup', () => {
  test('a queue has one object, found as existing once it has entries, and its topic and id are listed then', () => {
    const queue = table.ref('T', 7);
    expect([queue.topic, queue.queueId, queue.dir]).toEqual(['T', 7, `${root}/T/7`]);
    expect(table.ref('T', 7)).toBe(queue);
    expect([table.existing('T', 7), table.existing('T', 8), table.existing('U', 7), table.queueIdsOf('T'), table.topics(), [...table.all()]]).toEqual([undefined, undefined, undefined, [], [], []]);
    for (const id of [7, 10, 2]) table.register(table.ref('T', id));
    table.register(table.ref('U', 0));
    table.ref('V', 0);
    expect(table.existing('T', 7)).toBe(queue);
    expect([table.queueIdsOf('T'), table.queueIdsOf('V'), table.queueIdsOf('W'), table.topics(), [...table.all()].length]).toEqual([[2, 7, 10], [], [], ['T', 'U'], 4]);
    table.unregister(queue);
    expect([table.existing('T', 7), table.queueIdsOf('T')]).toEqual([undefined, [2, 10]]);
    expect(table.ref('T', 7)).toBe(queue);
  });

  test.each([['a/b', 0, /the topic "a\/b" \(3 characters\)/], ['', 0, /the topic ""/], ['T', -1, /the queue id -1 of topic T/], ['T', 2 ** 31, /the queue id 2147483648/], ['T', 1.5, /the queue id 1.5/]])('%j/%d is none', (topic, id, why) => {
    expect(() => table.ref(topic, id)).toThrow(why);
    expect(table.topics()).toEqual([]);
  });

  test('batch queues lie in directories of their own; a topic may change its type before it has entries, not afterwards', () => {
    const types = new Set(['B']);
    const one = tableOn(disk, { extensions, batch: { ...batch, isBatchTopic: (topic) => types.has(topic) } });
    expect(one.roots).toEqual([{ root, batch: false }, { root: '/s/batchentries', batch: true }]);
    expect(table.roots).toEqual([{ root, batch: false }]);
    expect([one.isBatch('B'), one.isBatch('T'), table.isBatch('B')]).toEqual([true, false, false]);
    const queue = one.ref('B', 3);
    expect([queue.dir, queue.batch?.dir, queue.extension]).toEqual(['/s/batchentries/B/3', '/s/batchconsumequeue/B/3', undefined]);
    const plain = one.ref('T', 3);
    expect([plain.dir, plain.batch, plain.extension?.dir, plain.extension?.fileBytes]).toEqual([`${root}/T/3`, undefined, '/s/consumequeue_ext/T/3', 64]);
    types.clear();
    types.add('T');
    expect([one.ref('B', 3).batch, one.ref('T', 3).batch?.dir]).toEqual([undefined, '/s/batchconsumequeue/T/3']);
    one.register(one.ref('T', 3));
    types.clear();
    expect(one.ref('T', 3).batch?.dir).toBe('/s/batchconsumequeue/T/3');
  });
});

describe('light queues', () => {
  test('are counted from their first entry to their removal, once each, and have no extension', () => {
    const one = tableOn(disk, { extensions });
    const [a, b, plain] = [one.ref('%LMQ%a', 0), one.ref('%LMQ%b', 0), one.ref('T', 0)];
    expect([a.light, a.extension, plain.light, one.lightCount]).toEqual([true, undefined, false, 0]);
    for (const queue of [a, b, plain, a]) one.register(queue);
    expect(one.lightCount).toBe(2);
    for (const queue of [a, a, plain]) one.unregister(queue);
    expect([one.lightCount, a.registered, plain.registered]).toEqual([1, false, false]);
    one.register(a);
    one.remove(b);
    one.remove(plain);
    expect(one.lightCount).toBe(1);
    one.unregister(a);
    one.remove(a);
    expect(one.lightCount).toBe(0);
  });

  test('without entries are kept up to 10000; the oldest goes that nobody holds and this turn does not put into', () => {
    const queues = Array.from({ length: 10_000 }, (_, i) => table.ref(`%LMQ%q${i}`, 0));
    expect(queues.filter(({ deleted }) => deleted)).toEqual([]);
    const [first, second, third, fourth, fifth] = queues as [StoreQueue, StoreQueue, StoreQueue, StoreQueue, StoreQueue];
    first.attachment = {};
    second.touched = true;
    table.register(third);
    // There is room for one more: the third has entries now.
    table.ref('%LMQ%x0', 0);
    expect(fourth.deleted).toBe(false);
    table.ref('%LMQ%x1', 0);
    expect([first, second, third, fourth, fifth].map(({ deleted }) => deleted)).toEqual([false, false, false, true, false]);
    expect(table.ref('%LMQ%q3', 0)).not.toBe(fourth);
    expect(fifth.deleted).toBe(true);
    for (const kept of [first, second, third]) expect(table.ref(kept.topic, 0)).toBe(kept);
    // Removed, or with entries and without again, it is none of them.
    table.remove(first);
    table.ref('%LMQ%x2', 0);
    expect(queues[5]?.deleted).toBe(false);
  });
});

describe('writing', () => {
  test('puts entries in files of full length, as far as they are visible in the log', async () => {
    const queue = table.ref('T', 0);
    put(table, queue, 6);
    table.append(queue, 600, 100, 1, 0, undefined);
    await table.flush();
    expect([filesOf(disk), queue.files, queue.flushedOffset, table.dirty.size]).toEqual([{ 0: '0 1 2 3', 4: '4 5 - -' }, [0, fileBytes], 6, 1]);
    queue.takeBack(6);
    put(table, queue, 2);
    await table.flush();
    expect([filesOf(disk), queue.flushedOffset, table.dirty.size]).toEqual([{ 0: '0 1 2 3', 4: '4 5 6 7' }, 8, 0]);
    const { ops } = disk;
    await table.flush();
    expect(disk.ops).toBe(ops);
  });

  test.each([1, 3, 4, 5, 11])('a queue that begins at %i has blank entries before its first one in that file', async (from) => {
    const queue = table.ref('T', 0);
    queue.startAt(from);
    put(table, queue, 2);
    await table.flush();
    const expected: Record<string, string[]> = {};
    for (let n = from - (from % 4); n < from + 2 || n % 4 !== 0; n++) (expected[n - (n % 4)] ??= []).push(n < from ? 'b' : n < from + 2 ? String(n) : '-');
    expect(filesOf(disk)).toEqual(Object.fromEntries(Object.entries(expected).map(([base, all]) => [base, all.join(' ')])));
    // Those before the first are written when the file is made, and not again.
    disk.place(name(queue.dir, from - (from % 4)), Buffer.alloc(fileBytes));
    put(table, queue, 1);
    await table.flush();
    expect(Object.values(filesOf(disk)).join(' ')).not.toContain('b');
  });

  test('makes durable what it wrote and the directories it made, once', async () => {
    const seen = synced(disk);
    put(table, table.ref('T', 0), 5);
    await table.flush();
    expect(seen).toEqual([]);
    await table.sync();
    const both = [`datasync ${name(`${root}/T/0`, 0)}`, `datasync ${name(`${root}/T/0`, 4)}`];
    expect(seen.splice(0).sort()).toEqual([...both, `syncDir ${root}`, `syncDir ${root}/T`, `syncDir ${root}/T/0`]);
    await table.sync();
    expect(seen).toEqual([]);
    put(table, table.ref('T', 0), 1);
    await table.flush();
    await table.sync();
    expect(seen.splice(0)).toEqual([both[1]]);
    put(table, table.ref('T', 0), 3);
    put(table, table.ref('T', 1), 1);
    await table.flush();
    await table.sync();
    expect(seen.splice(0).sort()).toEqual([
      both[1], `datasync ${name(`${root}/T/0`, 8)}`, `datasync ${name(`${root}/T/1`, 0)}`, `syncDir ${root}`, `syncDir ${root}/T`, `syncDir ${root}/T/0`, `syncDir ${root}/T/1`,
    ]);
    put(table, table.ref('T', 1), 4);
    await table.flush();
    await table.sync();
    expect(seen.splice(0).sort()).toEqual([`datasync ${name(`${root}/T/1`, 0)}`, `datasync ${name(`${root}/T/1`, 4)}`, `syncDir ${root}/T/1`]);
    // Files that went meanwhile need nothing.
    put(table, table.ref('T', 1), 1);
    await table.flush();
    for (const n of [0, 4]) disk.unlink(name(`${root}/T/1`, n));
    disk.removeDir(`${root}/T/1`);
    await table.sync();
    expect(seen).toEqual([]);
  });

  test('that fails counts what was written before, and goes on there', async () => {
    const queue = table.ref('T', 0);
    put(table, queue, 10);
    disk.fail('write', 'ENOSPC', 1, /80$/);
    await expect(table.flush()).rejects.toThrow('ENOSPC');
    expect([queue.flushedOffset, filesOf(disk), table.dirty.has(queue)]).toEqual([4, { 0: '0 1 2 3', 4: '- - - -' }, true]);
    disk.fail('create', 'EIO', 1, /160$/);
    await expect(table.flush()).rejects.toThrow('EIO');
    expect([queue.flushedOffset, queue.files]).toEqual([8, [0, 80]]);
    await table.flush();
    expect([filesOf(disk), table.dirty.size]).toEqual([{ 0: '0 1 2 3', 4: '4 5 6 7', 8: '8 9 - -' }, 0]);
  });

  test('takes entries that come amid it with the next one', async () => {
    const queue = table.ref('T', 0);
    put(table, queue, 2);
    disk.wait = async () => {
      disk.wait = undefined;
      put(table, queue, 1);
      await Promise.resolve();
    };
    await table.flush();
    expect([queue.flushedOffset, filesOf(disk), table.dirty.has(queue)]).toEqual([2, { 0: '0 1 - -' }, true]);
    await table.flush();
    expect([queue.flushedOffset, filesOf(disk), table.dirty.has(queue)]).toEqual([3, { 0: '0 1 2 -' }, false]);
  });

  test('a batch queue has entries and units, the units of what reached the files', async () => {
    const one = tableOn(disk, { batch });
    const queue = one.ref('B', 0);
    put(one, queue, 5);
    const seen = synced(disk);
    await one.flush();
    expect([filesOf(disk, '/s/batchentries/B/0'), queue.batch?.end, queue.batch?.pending, queue.batch?.files]).toEqual([{ 0: '0 1 2 3', 4: '4 - - -' }, 5, [], [0, 92, 184]]);
    await one.sync();
    expect(seen.filter((text) => text.startsWith('syncDir')).sort()).toEqual(['/s', '/s/batchconsumequeue', '/s/batchconsumequeue/B', '/s/batchconsumequeue/B/0', '/s/batchentries', '/s/batchentries/B', '/s/batchentries/B/0'].map((dir) => `syncDir ${dir}`));
    disk.fail('write', 'EIO', 1, /batchentries/);
    put(one, queue, 1);
    await expect(one.flush()).rejects.toThrow('EIO');
    expect([queue.batch?.pending.length, queue.batch?.end]).toEqual([1, 5]);
    await one.flush();
    expect([queue.batch?.pending.length, queue.batch?.end, filesOf(disk, '/s/batchentries/B/0')[4]]).toEqual([0, 6, '4 5 - -']);
  });

  test('no entry reaches the files before its unit in the extension', async () => {
    const one = tableOn(disk, { extensions });
    const queue = one.ref('T', 0);
    put(one, queue, 2);
    disk.fail('write', 'EIO', 1, /_ext/);
    await expect(one.flush()).rejects.toThrow('EIO');
    expect([queue.flushedOffset, queue.files, filesOf(disk)]).toEqual([0, [], {}]);
    await one.flush();
    expect([queue.flushedOffset, disk.content(`/s/consumequeue_ext/T/0/${'0'.repeat(20)}`).readInt16BE()]).toEqual([2, 20]);
    // The address of the second: 20, with the sign bit.
    expect(disk.content(name(`${root}/T/0`, 0)).toString('hex', 32, 40)).toBe('8000000000000014');
  });

  test('an extension that cannot be read leaves the tags code in the entry, and is asked again for the next', async () => {
    let one = tableOn(disk, { extensions });
    put(one, one.ref('T', 0), 2);
    await one.flush();
    one = tableOn(disk, { extensions });
    const queue = one.ref('T', 0);
    queue.files.push(0);
    queue.startAt(2);
    const list = disk.list.bind(disk);
    disk.list = (dir) => {
      disk.list = list;
      throw new Error(dir);
    };
    put(one, queue, 2);
    const block = queue.block(2);
    expect(Buffer.from(block?.bytes.subarray(0, 40) ?? []).toString('hex')).toBe(`${entry(2).toString('hex')}${entry(3).toString('hex', 0, 12)}8000000000000028`);
  });
});

describe('cutting', () => {
  test.each(Array.from({ length: 11 }, (_, i) => i))('ten entries to %i leaves these in files of full length, zeros behind, and goes on there', async (at) => {
    const queue = table.ref('T', 0);
    put(table, queue, 10);
    await table.flush();
    await table.sync();
    const seen = synced(disk);
    queue.minOffset = Math.min(at, 3);
    table.cut(queue, at);
    const expected: Record<string, string> = {};
    for (let base = 0; base < at; base += 4) expected[base] = [0, 1, 2, 3].map((i) => (base + i < at ? String(base + i) : '-')).join(' ');
    expect(filesOf(disk)).toEqual(expected);
    expect(queue.files).toEqual(Object.keys(expected).map((base) => Number(base) * 20));
    expect([queue.nextOffset, queue.maxOffset, queue.writtenOffset, queue.flushedOffset, queue.minOffset, queue.block(at - 1)]).toEqual([at, at, at, at, Math.min(at, 3), undefined]);
    await table.sync();
    const last = queue.files.at(-1);
    expect(seen).toEqual([...(last !== undefined && at % 4 !== 0 ? [`datasync ${queue.fileName(last)}`] : []), ...(at <= 8 ? [`syncDir ${queue.dir}`] : [])]);
    put(table, queue, 2);
    await table.flush();
    const again = Object.values(filesOf(disk)).join(' ').split(' ').filter((text) => text !== '-');
    expect(again).toEqual(Array.from({ length: at + 2 }, (_, i) => String(i)));
  });

  test('an offset behind everything removes nothing, and wipes what the last file holds behind it', async () => {
    const queue = table.ref('T', 0);
    put(table, queue, 2);
    await table.flush();
    const file = name(queue.dir, 0);
    disk.place(file, Buffer.concat([disk.content(file).subarray(0, 40), entry(2), entry(3)]));
    const found = tableOn(disk);
    const again = found.ref('T', 0);
    again.files.push(0);
    found.cut(again, 3);
    expect(filesOf(disk)).toEqual({ 0: '0 1 2 -' });
    found.cut(again, 4);
    expect(filesOf(disk)).toEqual({ 0: '0 1 2 -' });
    found.cut(again, 9);
    expect([again.files, again.nextOffset]).toEqual([[0], 9]);
  });

  test('to 0 takes the extension and the units along', async () => {
    const one = tableOn(disk, { extensions, batch });
    for (const [topic, dirs] of [['T', [`${root}/T/0`, '/s/consumequeue_ext/T/0']], ['B', ['/s/batchentries/B/0', '/s/batchconsumequeue/B/0']]] as const) {
      const queue = one.ref(topic, 0);
      put(one, queue, 5);
      await one.flush();
      one.cut(queue, 3);
      for (const dir of dirs) expect([dir, disk.list(dir).length > 0]).toEqual([dir, true]);
      if (queue.batch !== undefined) expect([queue.batch.end, queue.batch.files]).toEqual([3, [0, 92]]);
      one.cut(queue, 0);
      for (const dir of dirs) expect([dir, disk.list(dir)]).toEqual([dir, []]);
      expect(queue.batch?.end ?? 0).toBe(0);
    }
  });
});

describe('expired files', () => {
  test.each([[0, 0], [300, 0], [301, 1], [700, 1], [701, 2], [1100, 2], [1101, 2], [99999, 2]])('with records below %i gone from the log %i of three go, the newest never', async (phyMin, count) => {
    const queue = table.ref('T', 0);
    put(table, queue, 12);
    await table.flush();
    await table.sync();
    const seen = synced(disk);
    expect(table.deleteBelow(queue, phyMin)).toBe(count);
    expect(queue.files).toEqual([0, 80, 160].slice(count));
    expect(Object.keys(filesOf(disk))).toEqual(['0', '4', '8'].slice(count));
    await table.sync();
    expect(seen).toEqual(count === 0 ? [] : [`syncDir ${queue.dir}`]);
  });

  test('a file stays that is not full yet, or whose entries are not all written', async () => {
    const queue = table.ref('T', 0);
    put(table, queue, 4);
    await table.flush();
    put(table, queue, 3);
    expect([table.deleteBelow(queue, 99999), queue.files]).toEqual([0, [0]]);
    await table.flush();
    queue.flushedOffset = 3;
    expect([table.deleteBelow(queue, 99999), queue.files]).toEqual([0, [0, 80]]);
    queue.flushedOffset = 4;
    expect([table.deleteBelow(queue, 99999), queue.files]).toEqual([1, [80]]);
  });

  test('units of a batch queue and of an extension go along', async () => {
    const one = tableOn(disk, { extensions, batch });
    const plain = one.ref('T', 0);
    put(one, plain, 9);
    const queue = one.ref('B', 0);
    put(one, queue, 9);
    await one.flush();
    // Units of 20 bytes: three a file of 64 bytes, four of which stay free. Entry 4 leads to the second unit of the second file.
    expect(disk.list('/s/consumequeue_ext/T/0').map(Number)).toEqual([0, 64, 128, 192].slice(0, Math.ceil(9 / 3)));
    expect(one.deleteBelow(plain, 301)).toBe(1);
    expect([plain.files, disk.list('/s/consumequeue_ext/T/0').map(Number)]).toEqual([[80, 160], [64, 128]]);
    expect(one.deleteBelow(queue, 301)).toBe(1);
    expect([queue.files, queue.batch?.files]).toEqual([[80, 160], [184, 276, 368]]);
    expect(one.deleteBelow(queue, 501)).toBe(0);
    expect(queue.batch?.files).toEqual([276, 368]);
  });
});

describe('removal', () => {
  test('takes a queue with all its files and directories, what was to be synced too; its topic goes when asked', async () => {
    const one = tableOn(disk, { extensions, batch });
    const queues = [one.ref('T', 0), one.ref('T', 1), one.ref('B', 0)];
    for (const queue of queues) put(one, queue, 6);
    await one.flush();
    const [first, second, third] = queues as [StoreQueue, StoreQueue, StoreQueue];
    put(one, first, 1);
    one.remove(first);
    expect([first.deleted, first.files, one.dirty.has(first), one.existing('T', 0), one.queueIdsOf('T')]).toEqual([true, [], false, undefined, [1]]);
    expect(disk.files().filter((file) => file.includes('/T/0/'))).toEqual([]);
    expect([disk.stat(`${root}/T/0`), disk.stat('/s/consumequeue_ext/T/0'), disk.stat(`${root}/T/1`)?.directory]).toEqual([undefined, undefined, true]);
    expect(one.ref('T', 0)).not.toBe(first);
    one.remove(third);
    expect(disk.files().filter((file) => file.includes('/batch'))).toEqual([]);
    const seen = synced(disk);
    await one.sync();
    expect(seen.filter((text) => text.includes('/T/0') || text.includes('/B/0'))).toEqual([]);
    expect(seen).toEqual(expect.arrayContaining([`syncDir ${root}`, 'syncDir /s/batchentries', `syncDir ${root}/T`, `datasync ${name(`${root}/T/1`, 4)}`]));
    one.removeTopicDir('B');
    one.removeTopicDir('T');
    // A directory with something in it stays.
    expect([disk.list('/s/batchentries'), disk.list('/s/batchconsumequeue'), disk.list(root)]).toEqual([[], [], ['T']]);
    one.remove(second);
    one.removeTopicDir('T');
    expect([disk.list(root), disk.list('/s/consumequeue_ext'), one.topics()]).toEqual([[], [], []]);
  });

  test('of a topic lets go of its queues without entries, but for those of the turn under way', () => {
    const [idle, touched, light] = [table.ref('T', 0), table.ref('T', 1), table.ref('%LMQ%a', 0)];
    touched.touched = true;
    table.removeTopicDir('T');
    table.removeTopicDir('%LMQ%a');
    table.removeTopicDir('never');
    expect([idle.deleted, touched.deleted, light.deleted]).toEqual([true, false, true]);
    expect(table.ref('T', 0)).not.toBe(idle);
    expect(table.ref('T', 1)).toBe(touched);
  });

  test('is durable once it is synced: a loss of power brings no file back', async () => {
    const one = tableOn(disk, { extensions, batch });
    for (const topic of ['T', 'B']) put(one, one.ref(topic, 0), 6);
    await one.flush();
    await one.sync();
    for (const topic of ['T', 'B']) {
      one.remove(one.ref(topic, 0));
      one.removeTopicDir(topic);
    }
    await one.sync();
    disk.crash();
    disk.restart('power');
    expect(disk.files()).toEqual([]);
  });
});

describe('what a stop writes down', () => {
  test('are the queues with entries that lead somewhere: where they begin and end', async () => {
    const queue = table.ref('T', 3);
    queue.startAt(6);
    put(table, queue, 3);
    await table.flush();
    queue.lastPhyOffset = 800;
    const zero = table.ref('U', 0);
    put(table, zero, 1);
    const none = table.ref('V', 0);
    table.register(none);
    none.startAt(4);
    expect(table.states()).toEqual([
      { topic: 'T', queueId: 3, firstFile: 80, nextOffset: 9, lastPhyOffset: 800 }, { topic: 'U', queueId: 0, firstFile: -1, nextOffset: 1, lastPhyOffset: 0 },
    ]);
  });
});

describe('memory', () => {
  /** A queue of so many entries in the files; the first block of 3276 takes 64 KiB. */
  async function filled(topic: string, count: number): Promise<StoreQueue> {
    const queue = large.ref(topic, 0);
    put(large, queue, count);
    await large.flush();
    return queue;
  }
  const blockBytes = 3276 * 20;
  let large: QueueTable;
  beforeEach(() => {
    disk.makeDir(root);
    large = new QueueTable(disk, root, 20 * 20_000);
  });

  test('of a queue that nobody put into for a minute is given back when its entries are in the files', async () => {
    const queue = await filled('T', 3);
    const bytes = queue.memoryBytes;
    queue.lastPutMs = 5000;
    expect(large.trim(1e9, 5000 + idleQueueMs)).toBe(bytes);
    put(large, queue, 1);
    expect(large.trim(1e9, 5001 + idleQueueMs)).toBe(bytes);
    await large.flush();
    expect([large.trim(1e9, 5001 + idleQueueMs), queue.memoryBytes, queue.memoryFrom]).toEqual([0, 0, 4]);
  });

  test('is kept within the bound, a share for each queue, but never less than 64 KiB', async () => {
    const [a, b] = [await filled('A', 5 * 3276), await filled('B', 10)];
    const small = b.memoryBytes;
    const now = 1000;
    a.lastPutMs = b.lastPutMs = now;
    const total = 5 * blockBytes + small;
    expect(large.trim(total, now)).toBe(total);
    expect([a.memoryBytes, b.memoryBytes]).toEqual([5 * blockBytes, small]);
    // A half for each.
    expect(large.trim(total - 1, now)).toBe(total);
    expect([a.memoryBytes, b.memoryBytes]).toEqual([2 * blockBytes, small]);
    expect(large.trim(0, now)).toBe(2 * blockBytes + small);
    expect([a.memoryBytes, b.memoryBytes]).toEqual([blockBytes, small]);
    expect(new QueueTable(disk, root, 80).trim(0, now)).toBe(0);
  });
});

test('handles of files that went are closed, those of others when the table is', async () => {
  const opened: DiskFile[] = [];
  const open = disk.open.bind(disk);
  disk.open = (file, mode) => {
    const handle = open(file, mode);
    opened.push(handle);
    return handle;
  };
  const isOpen = (handle: DiskFile): boolean => {
    try {
      handle.length();
      return true;
    } catch {
      return false;
    }
  };
  const queue = table.ref('T', 0);
  put(table, queue, 12);
  put(table, table.ref('U', 0), 1);
  await table.flush();
  expect(opened.map(isOpen)).toEqual([true, true, true, true]);
  table.deleteBelow(queue, 301);
  table.cut(queue, 8);
  expect(opened.map(isOpen)).toEqual([false, true, false, true]);
  table.remove(queue);
  expect(opened.map(isOpen)).toEqual([false, false, false, true]);
  table.close();
  expect(opened.map(isOpen)).toEqual([false, false, false, false]);
});
