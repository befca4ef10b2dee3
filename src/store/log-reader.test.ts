/** Reads of the log by position: from memory, and from pages, of which a record may lie in several. */
import { describe, expect, test } from '@jest/globals';
import { Located, logPageBytes, LogReader, ReadSession } from './log-reader.js';
import type { Found } from './log-reader.js';
import { defaultStoreConfig } from './options.js';
import type { StoreConfig } from './options.js';
import { simulatedDisk } from './simulated-disk.js';
import { BareStore, intBytes, ManualClock, message, openOn, plainRecord, recordsOf, settle, smallConfig, storeRoot, untilLoaded } from './store-fixture.js';

const megabyte = 1024 * 1024;
const config: StoreConfig = smallConfig({ mappedFileSizeCommitLog: 8 * megabyte, maxMessageSize: defaultStoreConfig().maxMessageSize, readCacheBytesMax: 16 * megabyte });

test('large records are read whole, and an entry that asks for more than stands there leads to nothing', async () => {
  const [disk, clock] = [simulatedDisk(3), new ManualClock()];
  let store = await openOn(disk, clock, config);
  const paddings = [0, 2 * megabyte, 10, megabyte + 1, 300_000, 20];
  for (const [i, padding] of paddings.entries()) {
    expect(store.put(message(store.queue('T', 0), `m${i}`, { padding })).status).toBe('PUT_OK');
    expect(store.writeTurn()).toBeUndefined();
  }
  await store.close();
  const read = async (): Promise<string[]> => {
    store = await openOn(disk, clock, config);
    const queue = store.queue('T', 0);
    const texts: string[] = [];
    for (let at = 0; at < queue.maxOffset; ) {
      const got = await store.get(queue, at, 1, 4 * megabyte, undefined);
      for (const { text } of recordsOf(got.slices)) texts.push(text);
      expect(got.nextBeginOffset).toBeGreaterThan(at);
      at = got.nextBeginOffset;
    }
    await store.close();
    return texts;
  };
  expect(await read()).toEqual(['m0', 'm1', 'm2', 'm3', 'm4', 'm5']);
  const file = `${storeRoot}/consumequeue/T/0/${'0'.repeat(20)}`;
  const entries = Buffer.from(disk.content(file));
  entries.writeInt32BE(3 * megabyte, 8);
  disk.place(file, entries);
  expect(await read()).toEqual(['m1', 'm2', 'm3', 'm4', 'm5']);
});

/** A log of files of this many bytes, and a reader of it. */
class Bench extends BareStore {
  readonly reader: LogReader;
  readonly located = new Located();

  constructor(fileBytes: number, cacheBytes = 16 * megabyte) {
    super({ mappedFileSizeCommitLog: fileBytes, tailCacheBytesMax: 1 << 25 });
    this.reader = new LogReader(this.commitLog, cacheBytes);
  }

  /** A record of this many bytes. */
  record(bytes: number): number {
    return this.append(bytes, (phyOffset) => plainRecord({ phyOffset, topic: '', body: 'z'.repeat(bytes - 91) }).bytes);
  }

  fill(bytes: number): number {
    return this.append(bytes, () => Buffer.alloc(bytes, 3));
  }

  /** One try. */
  locate(phyOffset: number, size: number, session?: ReadSession): Found {
    return this.reader.locate(this.located, phyOffset, size, session);
  }

  /** Tries until nothing is missing; the bytes found, and how many bytes each read asked for. */
  async find(phyOffset: number, size: number, session = new ReadSession()): Promise<[found: Found, right: boolean, reads: number[]]> {
    const before = this.reads.length;
    const found = await untilLoaded(session, () => this.locate(phyOffset, size, session));
    const { bytes, start, view } = this.located;
    const right = found === 'found' && view.getInt32(start) === size && bytes.subarray(start, start + size).equals(plainRecord({ phyOffset, topic: '', body: 'z'.repeat(size - 91) }).bytes);
    return [found, right, this.reads.slice(before)];
  }
}

describe('a stretch of the log', () => {
  test('in memory is found at once, and nothing that is not wholly there', () => {
    const bare = new Bench(megabyte);
    const first = bare.record(100);
    const second = bare.record(200);
    expect([bare.locate(first, 100), bare.located.start, bare.located.view.getInt32(bare.located.start)]).toEqual(['found', 0, 100]);
    expect([bare.locate(second, 200), bare.located.start, bare.located.view.getInt32(bare.located.start)]).toEqual(['found', 100, 200]);
    expect([bare.locate(second, 201), bare.locate(300, 8), bare.locate(-1, 100)]).toEqual(['gone', 'gone', 'gone']);
    bare.commitLog.dropCache();
    expect([bare.locate(first, 100), bare.locate(second, 200), bare.locate(second, 201), bare.locate(second, 7), bare.locate(second, 8), bare.locate(-1, 100)]).toEqual(['missing', 'missing', 'gone', 'gone', 'missing', 'gone']);
  });

  test('behind the first file that is left is found, before it is gone', async () => {
    const bare = new Bench(4096);
    const starts = [0, 1, 2].map(() => bare.record(3000));
    bare.commitLog.dropCache();
    bare.commitLog.removeFirst();
    expect(starts).toEqual([0, 4096, 8192]);
    expect(await bare.find(0, 3000)).toEqual(['gone', false, []]);
    expect(await bare.find(4095, 3000)).toEqual(['gone', false, []]);
    expect(await bare.find(4096, 3000)).toEqual(['found', true, [4096]]);
    // The last page is read as far as the log is written.
    expect(await bare.find(8192, 3000)).toEqual(['found', true, [3000]]);
    // No record lies in two files.
    expect(await bare.find(4096, 4096)).toEqual(['gone', false, []]);
    expect(await bare.find(4096, 4097)).toEqual(['gone', false, []]);
  });

  test.each([
    ['in one page', 1000, 5000, [0]],
    ['up to the end of a page', logPageBytes - 5000, 5000, [0]],
    ['over the end of a page by a byte', logPageBytes - 4999, 5000, [0, 1]],
    ['at the start of a page', logPageBytes, 5000, [1]],
    ['in three pages', logPageBytes - 10, logPageBytes + 20, [0, 1, 2]],
    ['from the last byte of a page on', logPageBytes - 1, 1000, [0, 1]],
    ['that is a page', logPageBytes, logPageBytes, [1]],
    ['of more than four pages, looked at first', 100, 4 * logPageBytes + 1, [0, 1, 2, 3, 4]],
    ['of more than four pages, with seven bytes in the first', logPageBytes - 7, 4 * logPageBytes + 1, [0, 1, 2, 3, 4]],
    ['of more than four pages, with eight bytes in the first', logPageBytes - 8, 4 * logPageBytes + 1, [0, 1, 2, 3, 4]],
  ])('is read with the pages that it lies in, once: %s', async (_, before, size, pages) => {
    const bare = new Bench(2 * megabyte);
    bare.fill(before);
    const phyOffset = bare.record(size);
    bare.fill(200);
    bare.commitLog.dropCache();
    const { written } = bare.commitLog;
    const bytesOf = (page: number): number => Math.min(logPageBytes, written - page * logPageBytes);
    const session = new ReadSession();
    expect(await bare.find(phyOffset, size, session)).toEqual(['found', true, pages.map(bytesOf)]);
    expect(session.pinned.length).toBe(pages.length);
    expect(await bare.find(phyOffset, size, session)).toEqual(['found', true, []]);
    expect(session.pinned.length).toBe(pages.length);
    const other = new ReadSession();
    expect(await bare.find(phyOffset, size, other)).toEqual(['found', true, []]);
    expect(pages.map((page) => bare.reader.pages.peek(page * logPageBytes)?.pins)).toEqual(pages.map(() => 2));
    bare.reader.release(session);
    bare.reader.release(session);
    bare.reader.release(other);
    expect(pages.map((page) => bare.reader.pages.peek(page * logPageBytes)?.pins)).toEqual(pages.map(() => 0));
    expect(await bare.find(phyOffset + 1, Math.min(size, 100))).toEqual(['gone', false, []]);
  });

  test('that asks for more than four pages, and is no such record, is read no further than its first page', async () => {
    const size = 4 * logPageBytes + 1;
    const whole = Array.from({ length: 5 }, () => logPageBytes);
    // With fewer than eight bytes in its first page nothing can be said of it.
    for (const [before, asked, reads] of [[100, size, [logPageBytes]], [100, size - 1, whole], [logPageBytes - 8, size, [logPageBytes]], [logPageBytes - 7, size, whole]] as const) {
      const bare = new Bench(2 * megabyte);
      bare.fill(before);
      const phyOffset = bare.record(120);
      bare.fill(5 * logPageBytes);
      bare.commitLog.dropCache();
      expect([before, await bare.find(phyOffset, asked)]).toEqual([before, ['gone', false, reads]]);
    }
  });

  test.each([
    ['another size', 0, intBytes(4, 101), 'gone'],
    ['another magic', 4, intBytes(4, -626843479), 'gone'],
    ['a blank', 4, intBytes(4, -875286124), 'gone'],
    ['the second version', 4, intBytes(4, -626843477), 'found'],
    ['another place', 28, intBytes(8, 9), 'found'],
  ])('starts a record by its size and its magic: %s', async (_, at, bytes, outcome) => {
    const bare = new Bench(megabyte);
    bare.record(100);
    const phyOffset = bare.record(100);
    bare.commitLog.dropCache();
    bare.damageLog(phyOffset + at, bytes);
    const session = new ReadSession();
    expect((await bare.find(0, 100, session))[0]).toBe('found');
    expect((await bare.find(phyOffset, 100, session))[0]).toBe(outcome);
    expect((await bare.find(phyOffset, 100))[0]).toBe(outcome);
    expect((await bare.find(phyOffset, 8, session))[0]).toBe('gone');
    expect((await bare.find(phyOffset, 7, session))[0]).toBe('gone');
  });

  test('of a page that was read while the log went on is read again', async () => {
    const bare = new Bench(megabyte);
    const first = bare.record(100);
    bare.commitLog.dropCache();
    const session = new ReadSession();
    expect(await bare.find(first, 100, session)).toEqual(['found', true, [100]]);
    const second = bare.record(150);
    bare.commitLog.dropCache();
    expect(await bare.find(second, 150, session)).toEqual(['found', true, [250]]);
    expect(await bare.find(first, 100)).toEqual(['found', true, []]);
    expect(await bare.find(second, 150)).toEqual(['found', true, []]);
  });

  test('of the page that a read used last is found there; others are not', async () => {
    const bare = new Bench(megabyte);
    bare.fill(1000);
    const first = bare.record(100);
    bare.fill(logPageBytes - bare.commitLog.tail);
    const second = bare.record(100);
    bare.commitLog.dropCache();
    const session = new ReadSession();
    await bare.find(first, 100, session);
    await bare.find(second, 100, session);
    expect(session.within(second, 100)?.length).toBe(100);
    expect([session.within(second, 101), session.within(second - 1, 50), session.within(first, 100)]).toEqual([undefined, undefined, undefined]);
    expect(session.lastStart).toBe(logPageBytes);
    expect(bare.locate(second, 100, session)).toBe('found');
    bare.commitLog.files.length = 0;
    expect(bare.locate(second, 100, session)).toBe('found');
    // Its next try asks whether the file is there still.
    session.reset();
    expect([session.within(second, 100), session.wanted]).toEqual([undefined, []]);
    expect(bare.locate(second, 100, session)).toBe('gone');
    expect(new ReadSession().within(5, 1)).toBe(undefined);
  });
});

describe('pages of the log', () => {
  test('of a file that goes while they are read are an error that says so', async () => {
    const bare = new Bench(4096);
    for (let i = 0; i < 3; i++) bare.record(3000);
    bare.commitLog.dropCache();
    const session = new ReadSession();
    expect(bare.locate(0, 3000, session)).toBe('missing');
    bare.commitLog.removeFirst();
    await expect((session.wanted[0] as () => Promise<void>)()).rejects.toThrow('the log file 0 was deleted');
  });

  test('of a file that went are forgotten, and no others', async () => {
    const bare = new Bench(4096);
    for (let i = 0; i < 3; i++) bare.record(3000);
    bare.commitLog.dropCache();
    for (const at of [0, 4096, 8192]) await bare.find(at, 3000);
    bare.reader.forgetFile(4096);
    expect([0, 4096, 8192].map((at) => bare.reader.pages.peek(at) !== undefined)).toEqual([true, false, true]);
  });

  test.each([
    ['up to the end of the file', 0, 4, [1, 2, 3]],
    ['six at most', 0, 9, [1, 2, 3, 4, 5, 6]],
    ['from within a page', logPageBytes + 5, 9, [2, 3, 4, 5, 6, 7]],
    ['none behind the last', 3 * logPageBytes, 4, []],
    ['none where there is no file', 4 * logPageBytes, 4, []],
  ])('are read ahead %s', async (_, from, pages, ahead) => {
    const bare = new Bench(pages * logPageBytes);
    bare.fill(pages * logPageBytes - 8);
    bare.fill(100);
    // What memory holds is not read: it begins in the next file.
    bare.commitLog.dropCache();
    bare.fill(100);
    bare.reader.readAhead(from);
    await settle();
    const held = Array.from({ length: pages + 2 }, (_, i) => i).filter((i) => bare.reader.pages.peek(i * logPageBytes) !== undefined);
    expect(held).toEqual(ahead);
    expect(held.map((i) => bare.reader.pages.peek(i * logPageBytes)?.pins)).toEqual(held.map(() => 0));
    bare.reader.readAhead(from);
    await settle();
    expect(bare.reads.length).toBe(ahead.length);
  });

  test('are not read ahead where memory has them, and a failure is nobody\'s', async () => {
    const bare = new Bench(8 * logPageBytes);
    bare.fill(3 * logPageBytes);
    bare.commitLog.dropCache();
    bare.fill(logPageBytes);
    bare.readFault = new Error('EIO');
    bare.reader.readAhead(0);
    await settle();
    expect([bare.reads.length, bare.reader.pages.bytes]).toEqual([2, 0]);
    bare.readFault = undefined;
    bare.reader.readAhead(0);
    await settle();
    expect([0, 1, 2, 3].map((i) => bare.reader.pages.peek(i * logPageBytes) !== undefined)).toEqual([false, true, true, false]);
  });
});
