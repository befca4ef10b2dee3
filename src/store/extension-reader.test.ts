/** Units of extensions by their position: in memory, in pages that overlap, and what is none. */
import { expect, test } from '@jest/globals';
import type { StoreQueue } from './consume-queue.js';
import { ExtensionReader } from './extension-reader.js';
import { ReadSession } from './log-reader.js';
import { BareStore, intBytes, storeRoot, untilLoaded } from './store-fixture.js';

const stride = 32 * 1024;
const fileBytes = 5 * stride;

interface Unit {
  position: number;
  tagsCode: number;
  storeTime: number;
  /** In hex. */
  bits: string;
}

/** A queue with units of these many bits' bytes. */
function filled(sizes: readonly number[]): { bare: BareStore; queue: StoreQueue; reader: ExtensionReader; units: Unit[] } {
  const bare = new BareStore({ enableConsumeQueueExt: true, mappedFileSizeConsumeQueueExt: fileBytes, mappedFileSizeConsumeQueue: 20 * 10_000 });
  const queue = bare.queues.ref('T', 0);
  const units: Unit[] = [];
  let position = 0;
  for (const [i, bytes] of sizes.entries()) {
    const bits = Buffer.alloc(bytes, i + 1);
    bare.queues.append(queue, i * 100, 100, 1 - i, 1000 + i, bits);
    // A file keeps 4 bytes for the mark at its end.
    if ((position % fileBytes) + 20 + bytes > fileBytes - 4) position += fileBytes - (position % fileBytes);
    units.push({ position, tagsCode: 1 - i, storeTime: 1000 + i, bits: bits.toString('hex') });
    position += 20 + bytes;
  }
  bare.show(queue);
  return { bare, queue, reader: new ExtensionReader(bare.parts), units };
}

/** What stands at a position, undefined when it is none, and how many bytes each read asked for. */
async function find(bare: BareStore, queue: StoreQueue, reader: ExtensionReader, position: number, session = new ReadSession()): Promise<[Unit | undefined, number[]]> {
  const before = bare.reads.length;
  const outcome = await untilLoaded(session, () => reader.find(queue, position, session));
  const { tagsCode, msgStoreTime, bytes, bitMapStart, bitMapBytes } = reader.found;
  const unit = outcome === 'found' ? { position, tagsCode, storeTime: msgStoreTime, bits: Buffer.from(bytes.subarray(bitMapStart, bitMapStart + bitMapBytes)).toString('hex') } : undefined;
  return [unit, bare.reads.slice(before)];
}

test('units are found where they start, in memory and in files of pages that overlap by half', async () => {
  // Units from a few bytes to the longest there is, over pages and files.
  const { bare, queue, reader, units } = filled([0, 5, 3000, 32747, 32747, 100, 20000, 20000, 30000, 7, 32747, 4000, 1]);
  expect(new Set(units.map(({ position }) => Math.floor(position / fileBytes))).size).toBeGreaterThan(1);
  for (const unit of units) {
    expect(reader.find(queue, unit.position, undefined)).toBe('found');
    expect(await find(bare, queue, reader, unit.position)).toEqual([unit, []]);
  }
  await bare.coolQueues();
  for (const unit of units) expect(reader.find(queue, unit.position, undefined)).toBe('missing');
  const pages = new Set<number>();
  for (const unit of units) {
    const page = Math.floor(unit.position / stride) * stride;
    const bytes = pages.has(page) ? [] : [Math.min(2 * stride, fileBytes - (page % fileBytes))];
    pages.add(page);
    const session = new ReadSession();
    expect(await find(bare, queue, reader, unit.position, session)).toEqual([unit, bytes]);
    expect(await find(bare, queue, reader, unit.position, session)).toEqual([unit, []]);
  }
  expect(reader.pages.reads).toBe(pages.size);
});

test('where no unit starts there is none, and nothing is read where no file is', async () => {
  const { bare, queue, reader, units } = filled([0, 0, 10, 300]);
  const end = (units.at(-1) as Unit).position + 320;
  const places = (): Promise<unknown[]> => Promise.all([1, 19, end - 19, end, fileBytes - 19, fileBytes - 1].map(async (position) => (await find(bare, queue, reader, position))[0]));
  expect(await places()).toEqual(new Array(6).fill(undefined));
  await bare.coolQueues();
  expect(await places()).toEqual(new Array(6).fill(undefined));
  const before = bare.reads.length;
  for (const position of [fileBytes, 7 * fileBytes + 5, 2 ** 53, NaN]) expect([reader.find(queue, position, undefined), reader.find(queue, position, new ReadSession())]).toEqual(['none', 'none']);
  expect(bare.reads.length).toBe(before);
  const plain = bare.queues.ref('T', 0);
  plain.extension = undefined;
  expect(reader.find(plain, 0, new ReadSession())).toBe('none');
});

test.each([
  ['a size below the least', 0, 2, 19, false],
  ['no size', 0, 2, 0, false],
  ['a negative size', 0, 2, -1, false],
  ['a size one more', 0, 2, 31, false],
  ['the mark of the end', 0, 2, -1, false],
  ['a size beyond the file', 0, 2, 32767, false],
  ['fewer bits', 18, 2, 9, false],
  ['more bits', 18, 2, 11, false],
  ['a negative number of bits', 18, 2, -1, false],
  ['another tags code', 2, 8, 77, true],
  ['another time', 10, 8, 77, true],
] as const)('a damaged unit is none: %s', async (_, at, bytes, value, found) => {
  const { bare, queue, reader, units } = filled([0, 10]);
  await bare.coolQueues();
  const { position } = units[1] as Unit;
  const file = bare.queues.extensions?.open(queue.extension as NonNullable<StoreQueue['extension']>, 0);
  file?.writeSync(intBytes(bytes, value), 0, bytes, position + at);
  const [unit] = await find(bare, queue, reader, position);
  expect(unit !== undefined).toBe(found);
  if (found) expect([unit?.tagsCode, unit?.storeTime]).toEqual(at === 2 ? [77, 1001] : [0, 77]);
  expect((await find(bare, queue, reader, 0))[0]).toEqual(units[0]);
});

test('a page that was read before the file went on is read again for a unit behind', async () => {
  const { bare, queue, reader, units } = filled([50, 60]);
  await bare.coolQueues();
  expect(await find(bare, queue, reader, 0)).toEqual([units[0], [2 * stride]]);
  bare.queues.append(queue, 900, 100, 5, 6, Uint8Array.of(1, 2, 3));
  bare.show(queue);
  await bare.coolQueues();
  const position = 70 + 80;
  expect(await find(bare, queue, reader, position)).toEqual([{ position, tagsCode: 5, storeTime: 6, bits: '010203' }, [2 * stride]]);
  expect(await find(bare, queue, reader, position)).toEqual([{ position, tagsCode: 5, storeTime: 6, bits: '010203' }, []]);
  // What is not there after it was read is not asked for again by the same read.
  const session = new ReadSession();
  expect(await find(bare, queue, reader, position + 23, session)).toEqual([undefined, [2 * stride]]);
  expect(await find(bare, queue, reader, position + 23, session)).toEqual([undefined, []]);
});

test('a file that ends early has the units that it holds wholly', async () => {
  const { bare, queue, reader, units } = filled([10, 10, 10]);
  await bare.coolQueues();
  const name = `${storeRoot}/consumequeue_ext/T/0/${'0'.repeat(20)}`;
  for (const [length, left] of [[90, 3], [89, 2], [80, 2], [79, 2], [60, 2], [59, 1], [30, 1], [19, 0], [0, 0]] as const) {
    bare.disk.open(name, 'write').setLength(length);
    reader.forgetQueue(queue);
    const found = [];
    for (const { position } of units) found.push((await find(bare, queue, reader, position))[0]);
    expect([length, found]).toEqual([length, units.map((unit, i) => (i < left ? unit : undefined))]);
  }
});

test('pages of a queue are forgotten, those of others are not', async () => {
  const { bare, queue, reader, units } = filled([1, 2]);
  const others = [bare.queues.ref('T', 10), bare.queues.ref('TT', 0)];
  for (const other of others) {
    bare.queues.append(other, 0, 100, 1, 2, undefined);
    bare.show(other);
  }
  await bare.coolQueues();
  for (const one of [queue, ...others]) expect((await find(bare, one, reader, 0))[1].length).toBe(1);
  reader.forgetQueue(queue);
  for (const one of others) expect((await find(bare, one, reader, 0))[1]).toEqual([]);
  expect(await find(bare, queue, reader, 0)).toEqual([units[0], [2 * stride]]);
});
