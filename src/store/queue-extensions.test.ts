/** Extensions of queues: units in memory and in files, against a plain writer; where one goes on after a start; what is removed. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { QueueExtension } from './consume-queue-ext.js';
import type { StoreQueue } from './consume-queue.js';
import { QueueTable } from './queue-table.js';
import { simulatedDisk } from './simulated-disk.js';
import type { SimulatedDisk } from './simulated-disk.js';

const root = '/s/consumequeue';
const extDir = '/s/consumequeue_ext/T/0';

/** A unit, written plainly. */
function unit(tagsCode: number, storeMs: number, bitMap: Uint8Array | undefined): Buffer {
  const bytes = Buffer.alloc(20 + (bitMap?.length ?? 0));
  bytes.writeInt16BE(bytes.length);
  bytes.writeBigInt64BE(BigInt(tagsCode), 2);
  bytes.writeBigInt64BE(BigInt(storeMs), 10);
  bytes.writeInt16BE(bitMap?.length ?? 0, 18);
  bytes.set(bitMap ?? [], 20);
  return bytes;
}

const nameOf = (base: number): string => `${extDir}/${String(base).padStart(20, '0')}`;

describe('units in memory', () => {
  test('are the bytes of a plain writer, in files that none crosses, and answer where they are', () => {
    const size = fc.oneof(fc.nat(60), fc.constantFrom(24, 25, 26, 200, 2000));
    fc.assert(fc.property(fc.constantFrom(70, 1024, 100_000), fc.nat(3), fc.array(fc.tuple(size, fc.boolean(), fc.nat(3)), { maxLength: 200 }), (fileBytes, firstFile, all) => {
      const extension = new QueueExtension('/x', 'T', 0, fileBytes);
      const start = firstFile * fileBytes;
      extension.startAt(start);
      const files = new Map<number, Buffer>();
      const written = new Map<number, Buffer>();
      const fileOf = (base: number, map: Map<number, Buffer>): Buffer => map.get(base) ?? map.set(base, Buffer.alloc(fileBytes)).get(base) ?? Buffer.alloc(0);
      let end = start;
      const flush = (): void => {
        for (const run of extension.unflushed()) {
          expect([run.fileBase % fileBytes, run.fileBase + run.position >= extension.flushedEnd, run.end]).toEqual([0, true, run.fileBase + run.position + run.bytes.length]);
          fileOf(run.fileBase, written).set(run.bytes, run.position);
          extension.flushedEnd = run.end;
        }
        expect(extension.unflushed()).toEqual([]);
      };
      for (const [bits, has, act] of all) {
        const bitMap = has ? Uint8Array.from({ length: bits }, (_, i) => i + bits) : undefined;
        const bytes = unit(bits - 5, 1000 + bits, bitMap);
        let expected = -1;
        if (bytes.length <= fileBytes - 4) {
          if ((end % fileBytes) + bytes.length + 4 > fileBytes) {
            fileOf(end - (end % fileBytes), files).writeInt16BE(-1, end % fileBytes);
            end += fileBytes - (end % fileBytes);
          }
          fileOf(end - (end % fileBytes), files).set(bytes, end % fileBytes);
          expected = end;
          end += bytes.length;
        }
        expect([extension.append(bits - 5, 1000 + bits, bitMap), extension.end]).toEqual([expected, end]);
        const block = extension.block(expected);
        if (expected >= 0) {
          expect(Buffer.from(block?.bytes.subarray(expected - block.first, expected - block.first + bytes.length) ?? []).equals(bytes)).toBe(true);
          expect((block?.first ?? 0) + (block?.length ?? 0)).toBe(end);
        }
        if (act === 0) {
          extension.written();
          expect(extension.writtenEnd).toBe(end);
        } else if (act === 1) flush();
        else if (act === 2) {
          const before = extension.memoryBytes;
          extension.release(before);
          expect(extension.memoryBytes).toBe(before);
          extension.release(1);
          expect(extension.memoryBytes > 0).toBe(before > 0);
          extension.release(0);
          expect(extension.memoryBytes).toBeLessThanOrEqual(before);
          // What is not in the files stays.
          if (extension.flushedEnd < end) expect(extension.block(end - 1)).toBeDefined();
          else expect(extension.memoryBytes).toBe(0);
        }
      }
      expect([extension.block(start - 1), extension.block(end)]).toEqual([undefined, undefined]);
      extension.written();
      flush();
      expect([...written].map(([base, bytes]) => [base, bytes.toString('hex')])).toEqual([...files].map(([base, bytes]) => [base, bytes.toString('hex')]));
    }), { numRuns: 40 });
  });

  test('have at most 32767 bytes, and leave 4 bytes of their file', () => {
    const large = new QueueExtension('/x', 'T', 0, 1 << 20);
    large.startAt(0);
    expect([large.append(1, 2, new Uint8Array(32_748)), large.append(1, 2, new Uint8Array(32_747)), large.end]).toEqual([-1, 0, 32_767]);
    for (const [fileBytes, position] of [[64, 0], [63, -1]] as const) {
      const small = new QueueExtension('/x', 'T', 0, fileBytes);
      small.startAt(0);
      expect(small.append(1, 2, new Uint8Array(40))).toBe(position);
    }
  });

  test('take little memory at first, then fourfold, then blocks of 64 KiB', () => {
    const extension = new QueueExtension('/x', 'T', 0, 1 << 20);
    extension.startAt(0);
    const sizes: number[] = [];
    for (let i = 0; i < 10_000; i++) {
      extension.append(1, 2, undefined);
      if (sizes.at(-1) !== extension.memoryBytes) sizes.push(extension.memoryBytes);
    }
    expect(sizes).toEqual([1024, 4096, 16_384, 65_536, 2 * 65_536, 3 * 65_536, 4 * 65_536]);
    extension.written();
    extension.flushedEnd = 2 * 65_520;
    for (const [keep, left] of [[4 * 65_536, 4], [4 * 65_536 - 1, 3], [65_536, 2], [0, 2]] as const) {
      extension.release(keep);
      expect([keep, extension.memoryBytes]).toEqual([keep, left * 65_536]);
    }
    extension.flushedEnd = extension.end;
    extension.release(1);
    expect(extension.memoryBytes).toBe(65_536);
    extension.forget();
    extension.written();
    expect([extension.end, extension.writtenEnd, extension.flushedEnd, extension.memoryBytes]).toEqual([-1, 0, 0, 0]);
  });

  test('that are being written to a file stay as they are while more come', () => {
    const extension = new QueueExtension('/x', 'T', 0, 1 << 20);
    extension.startAt(0);
    for (let i = 0; i < 50; i++) extension.append(i, 2, undefined);
    extension.written();
    const [run] = extension.unflushed();
    const before = Buffer.from(run?.bytes ?? []);
    for (let i = 0; i < 50; i++) extension.append(i, 3, undefined);
    expect([before.length, Buffer.from(run?.bytes ?? []).equals(before), extension.unflushed().length]).toEqual([1000, true, 1]);
    // Those that are not written to the log yet wait.
    expect(extension.unflushed()[0]?.end).toBe(1000);
  });
});

describe('where units go on', () => {
  let disk: SimulatedDisk;
  let table: QueueTable;
  const fileBytes = 64;
  const openTable = (): QueueTable => new QueueTable(disk, root, 80, { extensions: { root: '/s/consumequeue_ext', fileBytes } });
  beforeEach(() => {
    disk = simulatedDisk(1);
    disk.makeDir(root);
    table = openTable();
  });

  async function put(count: number, to = table): Promise<StoreQueue> {
    const queue = to.ref('T', 0);
    for (let i = 0; i < count; i++) to.append(queue, queue.nextOffset * 100, 100, 7, 1000 + queue.nextOffset, undefined);
    queue.writtenOffset = queue.maxOffset = queue.nextOffset;
    queue.extension?.written();
    to.register(queue);
    to.dirty.add(queue);
    await to.flush();
    return queue;
  }

  /** A start. */
  function again(): QueueTable {
    const found = openTable();
    found.load({ info: () => undefined, warn: () => undefined, error: () => undefined });
    found.loadTail(found.ref('T', 0), Number.MAX_SAFE_INTEGER, 1 << 20);
    return found;
  }

  /** Positions that the entries lead to; a tags code in brackets. */
  function places(): (number | string)[] {
    const found: (number | string)[] = [];
    for (const file of disk.files().filter((name) => name.startsWith(`${root}/T/0/`))) {
      const bytes = disk.content(file);
      for (let at = 0; at < bytes.length; at += 20) {
        const code = bytes.readBigInt64BE(at + 12);
        if (bytes.readInt32BE(at + 8) > 0) found.push(code < -2147483648n ? Number(code + (1n << 63n)) : `[${code}]`);
      }
    }
    return found;
  }
  // Three units of 20 bytes a file of 64.
  const place = (n: number): number => Math.floor(n / 3) * 64 + (n % 3) * 20;

  test.each(Array.from({ length: 9 }, (_, i) => i + 1))('after a start with %i is behind the last, in its file while there is room', async (count) => {
    await put(count);
    const next = again();
    await put(4, next);
    expect(places()).toEqual(Array.from({ length: count + 4 }, (_, i) => place(i)));
    for (let i = 0; i < count + 4; i++) {
      const file = disk.content(nameOf(place(i) - (place(i) % 64)));
      expect([i, file.subarray(place(i) % 64, (place(i) % 64) + 20).equals(unit(7, 1000 + i, undefined)), file.length]).toEqual([i, true, 64]);
    }
  });

  test('bytes behind the last unit are wiped, files behind it removed', async () => {
    await put(4);
    for (const base of [64, 128, 192]) disk.place(nameOf(base), Buffer.concat([disk.stat(nameOf(base)) === undefined ? Buffer.alloc(0) : disk.content(nameOf(base)).subarray(0, 20), Buffer.alloc(64, 9)]).subarray(0, 64));
    disk.place(`${extDir}/notes`, Buffer.from('n'));
    disk.place(nameOf(65), Buffer.from('n'));
    await put(1, again());
    expect(disk.list(extDir)).toEqual([nameOf(0), nameOf(64), nameOf(65), `${extDir}/notes`].map((name) => name.slice(extDir.length + 1)));
    expect(disk.content(nameOf(64)).equals(Buffer.concat([unit(7, 1003, undefined), unit(7, 1004, undefined), Buffer.alloc(24)]))).toBe(true);
  });

  test.each<[string, (bytes: Buffer) => void]>([['a size of 19', (bytes) => bytes.writeInt16BE(19, 20)], ['a size of 0', (bytes) => bytes.writeInt16BE(0, 20)], ['the end of the file', (bytes) => bytes.writeInt16BE(-1, 20)]])('is the next file when %s stands where the last unit is', async (_, damage) => {
    await put(5);
    const bytes = disk.content(nameOf(64));
    damage(bytes);
    disk.place(nameOf(64), bytes);
    await put(1, again());
    expect(places()).toEqual([0, 20, 40, 64, 84, 128]);
  });

  test('is the next file when the file of the last unit is gone, or too short', async () => {
    await put(5);
    disk.unlink(nameOf(64));
    await put(1, again());
    expect([places(), disk.list(extDir).map(Number)]).toEqual([[0, 20, 40, 64, 84, 128], [0, 128]]);
    disk.place(nameOf(128), disk.content(nameOf(128)).subarray(0, 1));
    await put(1, again());
    expect(places()).toEqual([0, 20, 40, 64, 84, 128, 192]);
  });

  test('is a new file behind all where no entry leads to one, and 0 without files', async () => {
    const plain = new QueueTable(disk, root, 80);
    await put(3, plain);
    await put(1, again());
    expect(places()).toEqual(['[7]', '[7]', '[7]', 0]);
    for (const name of disk.list(`${root}/T/0`)) {
      const bytes = disk.content(`${root}/T/0/${name}`);
      if (bytes.readInt32BE(68) > 0) bytes.writeBigInt64BE(7n, 72);
      disk.place(`${root}/T/0/${name}`, bytes);
    }
    await put(1, again());
    expect([places(), disk.list(extDir).map(Number)]).toEqual([['[7]', '[7]', '[7]', '[7]', 64], [0, 64]]);
  });

  test.each([1, 2, 3, 4, 1023, 1024, 1025, 2100])('is behind the newest entry that has a unit, with %i behind it that have none, in memory or in the files', async (count) => {
    await put(2);
    const found = again();
    const queue = found.ref('T', 0);
    // The lowest hash is no address.
    for (let i = 0; i < count; i++) queue.append(queue.nextOffset * 100, 100, -2147483648);
    queue.writtenOffset = queue.maxOffset = queue.nextOffset;
    found.append(queue, queue.nextOffset * 100, 100, 7, 1, undefined);
    expect(queue.extension?.end).toBe(60);
    queue.takeBack(queue.writtenOffset);
    found.dirty.add(queue);
    await found.flush();
    await put(1, again());
    expect(places()).toEqual([0, 20, ...Array.from({ length: count }, () => '[-2147483648]'), 40]);
  });

  test('of a queue that is emptied is 0, its files are gone', async () => {
    const queue = await put(7);
    table.cut(queue, 0);
    expect([disk.list(extDir), queue.extension?.end]).toEqual([[], -1]);
    await put(2);
    expect([places(), disk.list(extDir).map(Number)]).toEqual([[0, 20], [0]]);
  });
});
