/** The window through which a start reads the log: what it finds at each place, near its edges and over files, and which bytes it asks for. */
import { describe, expect, test } from '@jest/globals';
import { recordCheck } from '../codec/message-record.js';
import type { CommitLog, LogFile } from './commit-log.js';
import type { DiskFile } from './disk.js';
import { LogWindow } from './log-window.js';
import { BareStore, plainRecord } from './store-fixture.js';

const megabyte = 1 << 20;
const windowBytes = 4 * megabyte;

/** A file of zeros with pieces in it. It may end before the log says. */
class SparseFile {
  readonly path = 'sparse';
  readonly reads: [position: number, bytes: number][] = [];
  readonly #pieces = new Map<number, Uint8Array>();

  bytes: number;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  put(position: number, piece: Uint8Array): void {
    this.#pieces.set(position, piece);
  }

  readSync(target: Uint8Array, position: number): number {
    this.reads.push([position, target.length]);
    target.fill(0);
    for (const [at, piece] of this.#pieces) {
      const from = Math.max(at, position);
      const end = Math.min(at + piece.length, position + target.length);
      if (from < end) target.set(piece.subarray(from - at, end - at), from - position);
    }
    return Math.max(0, Math.min(target.length, this.bytes - position));
  }
}

/** A log of such files. */
function sparseLog(fileBytes: number, count = 1): { log: CommitLog; files: SparseFile[]; window: LogWindow; at: (i: number) => LogFile; put: (phyOffset: number, bytes: Uint8Array) => void } {
  const { commitLog: log } = new BareStore({ mappedFileSizeCommitLog: fileBytes });
  const files = Array.from({ length: count }, () => new SparseFile(fileBytes));
  for (const [i, file] of files.entries()) log.files.push({ base: i * fileBytes, end: (i + 1) * fileBytes, file: file as unknown as DiskFile, modifiedMs: 0, dirty: false });
  const at = (i: number): LogFile => log.files[i] as LogFile;
  return { log, files, window: new LogWindow(log), at, put: (phyOffset, bytes) => (files[Math.floor(phyOffset / fileBytes)] as SparseFile).put(phyOffset % fileBytes, bytes) };
}

const record = (phyOffset: number, body = 'abc', v2 = false): Buffer => plainRecord({ phyOffset, body, v2 }).bytes;

function blank(size: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeInt32BE(size, 0);
  bytes.writeInt32BE(-875286124, 4);
  return bytes;
}

describe('what stands at a place', () => {
  test('is said of each, and a file that fits is read once', () => {
    const { window, at, put, files } = sparseLog(1 << 16, 2);
    const starts: number[] = [];
    for (const base of [0, 1 << 16]) {
      let next = base;
      for (let i = 0; i < 20; i++) {
        put(next, record(next, 'x'.repeat(i)));
        starts.push(next);
        next += 92 + i;
      }
      put(next, blank(base + (1 << 16) - next));
      expect(window.read(at(base === 0 ? 0 : 1), next)).toBe('blank');
      expect(window.record.size).toBe(base + (1 << 16) - next);
    }
    for (const file of files) file.reads.length = 0;
    for (const start of starts) {
      expect([window.read(at(start < 1 << 16 ? 0 : 1), start), window.record.phyOffset]).toEqual(['record', start]);
      expect(window.record.bodyEnd - window.record.bodyStart).toBe(starts.indexOf(start) % 20);
    }
    // The second is in the window still.
    expect(files.map(({ reads }) => reads)).toEqual([[[0, 1 << 16]], [[0, 1 << 16]]]);
    expect(window.read(at(0), 60_000)).toBe('zero');
    expect(window.read(at(0), (1 << 16) - 7)).toBe('bad');
    expect(window.read(at(0), 1)).toBe('bad');
  });

  test('bodies are checked when asked for', () => {
    const { window, at, put } = sparseLog(4096);
    const bytes = record(0);
    bytes[90] = 1;
    put(0, bytes);
    expect(window.read(at(0), 0)).toBe('record');
    expect(window.read(at(0), 0, recordCheck.BODY_CRC)).toBe('bad');
    const other = sparseLog(4096);
    other.put(200, record(200));
    expect(other.window.read(other.at(0), 200, recordCheck.BODY_CRC)).toBe('record');
  });

  test.each([
    ['wholly before the edge', 95, 0],
    ['up to the edge', 95, 0],
    ['over it by a byte', 94, 1],
    ['with eight bytes before it', 8, 1],
    ['with seven', 7, 1],
    ['with one', 1, 1],
    ['right behind', 0, 1],
  ])('is read once more, from there on, where the window ends within: %s', (_, before, more) => {
    const { window, at, put, files } = sparseLog(9 * megabyte);
    const start = windowBytes - before;
    put(0, record(0));
    put(start, record(start));
    expect(window.read(at(0), 0)).toBe('record');
    expect([window.read(at(0), start), window.record.phyOffset]).toEqual(['record', start]);
    expect(files[0]?.reads).toEqual([[0, windowBytes], ...(more === 1 ? [[start, windowBytes]] : [])]);
    // Going back moves the window back.
    expect(window.read(at(0), 0)).toBe('record');
    expect(files[0]?.reads.length).toBe(2 * more + 1);
  });

  test('larger than the window is read whole, and what follows through the window again', () => {
    const { window, at, put, files } = sparseLog(9 * megabyte);
    const body = 'y'.repeat(5 * megabyte);
    put(100, record(100, body));
    const next = 100 + 92 + body.length;
    put(next, record(next));
    expect([window.read(at(0), 100), window.record.size]).toEqual(['record', 92 + body.length]);
    expect([window.read(at(0), next), window.record.phyOffset]).toEqual(['record', next]);
    expect(files[0]?.reads).toEqual([[100, windowBytes], [100, 92 + body.length], [next, 9 * megabyte - next]]);
  });

  test('that reaches to the end of the file and no further counts', () => {
    for (const [size, outcome] of [[9 * megabyte - 5000, 'blank'], [9 * megabyte - 4999, 'bad']] as const) {
      const { window, at, put, files } = sparseLog(9 * megabyte);
      put(5000, blank(size));
      expect([window.read(at(0), 5000), window.record.size]).toEqual([outcome, outcome === 'blank' ? size : 0]);
      expect(files[0]?.reads.length).toBe(outcome === 'blank' ? 2 : 1);
    }
  });

  test('in a file that ends before the log says is as much as is there', () => {
    const { window, log, at, put, files } = sparseLog(4096);
    put(0, record(0));
    put(95, record(95));
    (files[0] as SparseFile).bytes = 95 + 94;
    expect([window.read(at(0), 0), window.read(at(0), 95)]).toEqual(['record', 'bad']);
    for (const bytes of [0, 3, 4, 7]) {
      (files[0] as SparseFile).bytes = bytes;
      expect([bytes, new LogWindow(log).read(at(0), 0)]).toEqual([bytes, 'bad']);
    }
  });

  test('is a record of its place when it says so', () => {
    const { window, put } = sparseLog(4096, 2);
    put(100, record(100));
    put(4096, record(4096));
    put(5000, record(100));
    expect([0, 99, 100, 101, 4096, 5000, 8191, 8192, 9000, -5].map((place) => window.isRecord(place))).toEqual([false, false, true, false, true, false, false, false, false, false]);
    expect(window.isRecord(100)).toBe(true);
    expect(window.record.phyOffset).toBe(100);
  });
});

describe('the next record behind damage', () => {
  const found = (window: LogWindow, from: number, limit: number): number | undefined => window.nextRecord(from, limit);

  test('is the first that begins at or behind the place and before the limit, in whichever file', () => {
    const { window, put } = sparseLog(4096, 4);
    // None in the second file.
    const starts = [0, 500, 595, 3000, 4096 - 95, 8192, 12288 + 7, 16384 - 95];
    for (const start of starts) put(start, record(start, 'abc', false));
    put(9000, record(9000, 'ab', true));
    const all = [...starts, 9000].sort((a, b) => a - b);
    const expected = (from: number, limit: number): number | undefined => all.find((start) => start >= from && start < limit);
    for (const start of all) {
      for (const from of [start - 1, start, start + 1, start + 4, 0]) {
        for (const limit of [start, start + 1, start + 50, 4096, 16384, 20000]) {
          expect([from, limit, found(window, from, limit)]).toEqual([from, limit, expected(from, limit)]);
        }
      }
    }
  });

  test.each<[string, (at: number) => Buffer]>([
    ['a magic alone', () => Buffer.from('daa320a7', 'hex')],
    ['the other magic alone', () => Buffer.from('daa320ab', 'hex')],
    ['a record of another place', (at) => record(at + 1)],
    ['a record of the place before', (at) => record(at - 1)],
    ['a record whose body is another', (at) => { const bytes = record(at); bytes[89] = 0; return bytes; }],
    ['a record that does not add up', (at) => { const bytes = record(at); bytes[3] = 96; return bytes; }],
    ['a record cut short', (at) => record(at).subarray(0, 80)],
    ['a blank', () => blank(300)],
    ['a record within the body of one that is damaged', (at) => { const bytes = record(at, `${'x'.repeat(20)}${record(at + 5).toString('latin1')}`); bytes[3] = 1; return bytes; }],
  ])('is not %s', (_, make) => {
    const { window, put } = sparseLog(8192, 2);
    put(1000, make(1000));
    put(2000, record(2000));
    expect(found(window, 0, 16384)).toBe(2000);
    expect(found(window, 900, 1990)).toBe(undefined);
    put(8192 + 50, make(8192 + 50));
    put(8192 + 900, record(8192 + 900, 'abc', true));
    expect(found(window, 2001, 16384)).toBe(8192 + 900);
  });

  test.each(Array.from({ length: 14 }, (_, i) => [i]))('is found where the window ends %i bytes behind its start', (before) => {
    const { window, put } = sparseLog(windowBytes + 4096);
    const start = windowBytes - before;
    put(start, record(start));
    expect(found(window, 0, windowBytes + 4096)).toBe(start);
    expect(found(window, 0, start)).toBe(undefined);
  });

  test('is looked for where files may hold it, and nowhere else', () => {
    const { window, files, put } = sparseLog(4096, 4);
    put(5000, record(5000));
    expect(found(window, 4096, 8192)).toBe(5000);
    expect(found(window, 6000, 8192)).toBe(undefined);
    expect(files.map(({ reads }) => reads.length > 0)).toEqual([false, true, false, false]);
    expect(found(window, 20_000, 30_000)).toBe(undefined);
    expect(files.map(({ reads }) => reads.length > 0)).toEqual([false, true, false, false]);
  });

  test('is found in the next file where one ends before the log says', () => {
    for (const bytes of [0, 1, 7, 8, 9, 2000]) {
      const { window, files, put } = sparseLog(4096, 2);
      (files[0] as SparseFile).bytes = bytes;
      put(1500, record(1500));
      put(4500, record(4500));
      expect(found(window, 0, 8192)).toBe(bytes === 2000 ? 1500 : 4500);
      expect(found(window, 1990, 8192)).toBe(4500);
    }
  });
});

describe('how far a file holds data', () => {
  test.each([0, 1, windowBytes - 1, windowBytes, 2 * windowBytes - 1, 9 * megabyte - 1])('is said where the last byte is at %i', (last) => {
    const { window, at, put } = sparseLog(9 * megabyte);
    put(last, Buffer.of(7));
    expect(window.dataBytes(at(0), 0)).toBe(last + 1);
    for (const from of [1, last, last + 1].filter((one) => one < 9 * megabyte)) expect(window.dataBytes(at(0), from)).toBe(Math.max(0, last + 1 - from));
  });

  test('is nothing where there are zeros only, in whichever file', () => {
    const { window, at, put } = sparseLog(4096, 2);
    expect(window.dataBytes(at(0), 0)).toBe(0);
    put(4096 + 10, Buffer.of(1));
    expect([window.dataBytes(at(0), 0), window.dataBytes(at(1), 4096), window.dataBytes(at(1), 4096 + 8), window.dataBytes(at(1), 4096 + 11)]).toEqual([0, 11, 3, 0]);
  });

  test('is not looked for behind 16 empty stretches', () => {
    const { window, at, put, files } = sparseLog(18 * windowBytes);
    put(100, Buffer.of(1));
    put(16 * windowBytes + 5, Buffer.of(1));
    expect(window.dataBytes(at(0), 0)).toBe(16 * windowBytes + 6);
    put(16 * windowBytes + 5, Buffer.of(0));
    put(17 * windowBytes + 5, Buffer.of(1));
    (files[0] as SparseFile).reads.length = 0;
    expect(window.dataBytes(at(0), 0)).toBe(101);
    expect(files[0]?.reads.length).toBe(17);
  });

  test('leaves the window to be filled anew', () => {
    const { window, at, put } = sparseLog(4096, 2);
    put(0, record(0));
    expect(window.read(at(0), 0)).toBe('record');
    expect(window.dataBytes(at(1), 4096)).toBe(0);
    expect(window.read(at(0), 0)).toBe('record');
  });
});
