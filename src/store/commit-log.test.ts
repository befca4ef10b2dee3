/** The commit log's bytes in its files, held against a plain writer: rolling, blanks, what is written once and what is taken back, what stays in memory. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { recordBytes } from '../codec/hot-path.js';
import { chunkBytes, CommitLog } from './commit-log.js';
import { SimulatedDisk } from './simulated-disk.js';

const dir = '/log';
const fileBytes = 4096;
const nameOf = (base: number): string => `${dir}/${String(base).padStart(20, '0')}`;

interface Bench {
  disk: SimulatedDisk;
  log: CommitLog;
}

function bench(options: { fileBytes?: number; cacheBytesMax?: number; at?: number } = {}): Bench {
  const disk = new SimulatedDisk(3);
  disk.makeDir(dir);
  const log = new CommitLog(disk, dir, options.fileBytes ?? fileBytes, options.cacheBytesMax ?? 1 << 20, () => disk.nowMs);
  log.startAt(options.at ?? 0);
  return { disk, log };
}

/** Bytes that say where they are: a record moved, doubled or cut shows. */
const bytesAt = (phyOffset: number, length: number, mark = 1): Buffer => {
  const bytes = Buffer.alloc(length);
  for (let i = 0, value = (phyOffset * 7 + mark) % 251; i < length; i++, value = (value + 7) % 251) bytes[i] = value === 0 ? 251 : value;
  return bytes;
};

/** Puts a record, as the encoder does. */
function put(log: CommitLog, length: number, mark = 1): number {
  const phyOffset = log.reserve(length);
  bytesAt(phyOffset, length, mark).copy(log.bytes, log.pos);
  log.commit(length);
  return phyOffset;
}

/** The log as one array: records, blanks, zeros. */
class PlainLog {
  bytes = Buffer.alloc(0);
  tail = 0;
  readonly fileBytes: number;

  constructor(size: number) {
    this.fileBytes = size;
  }

  put(length: number, mark = 1): number {
    const left = Math.ceil(this.tail / this.fileBytes) * this.fileBytes - this.tail;
    const room = this.tail % this.fileBytes === 0 && this.bytes.length === this.tail ? this.fileBytes : left;
    if (this.bytes.length === this.tail) this.#file();
    if (room < length + 8) {
      this.bytes.writeInt32BE(room, this.tail);
      this.bytes.writeInt32BE(-875286124, this.tail + 4);
      this.tail += room;
      this.#file();
    }
    const at = this.tail;
    bytesAt(at, length, mark).copy(this.bytes, at);
    this.tail += length;
    return at;
  }

  #file(): void {
    this.bytes = Buffer.concat([this.bytes, Buffer.alloc(this.fileBytes)]);
  }
}

/** Everything in the files from `min` on. */
const stored = (disk: SimulatedDisk): Buffer => Buffer.concat(disk.list(dir).map((name) => disk.content(`${dir}/${name}`)));

describe('a record leaves room for a blank behind it', () => {
  test.each([[0], [1], [7], [8], [9], [100]])('%i bytes left behind the second record', (left) => {
    const { disk, log } = bench();
    put(log, 1000);
    const length = fileBytes - 1000 - left;
    const at = put(log, length);
    log.write();
    // Less than a blank may not be left: the record goes to the next file, and the blank takes all that it leaves.
    expect(at).toBe(left < 8 ? fileBytes : 1000);
    expect([log.tail, log.written]).toEqual([at + length, at + length]);
    const plain = new PlainLog(fileBytes);
    plain.put(1000);
    plain.put(length);
    expect(stored(disk).equals(plain.bytes)).toBe(true);
    // And one more byte does not fit where eight are left.
    const next = put(log, 1);
    plain.put(1);
    expect(next).toBe(left < 8 ? at + length : left < 9 ? fileBytes : 1000 + length);
    log.write();
    expect(stored(disk).equals(plain.bytes)).toBe(true);
  });

  test('a record of a whole file less the blank fits, from any place', () => {
    for (const first of [0, 1, 2000, fileBytes - 8]) {
      const { disk, log } = bench();
      const plain = new PlainLog(fileBytes);
      if (first > 0) expect(put(log, first)).toBe(plain.put(first));
      expect(put(log, fileBytes - 8)).toBe(plain.put(fileBytes - 8));
      expect(put(log, 5)).toBe(plain.put(5));
      log.write();
      expect(stored(disk).equals(plain.bytes)).toBe(true);
      expect(log.files.map(({ base, end }) => [base, end])).toEqual(disk.list(dir).map((name) => [Number(name), Number(name) + fileBytes]));
    }
  });
});

type Step = { do: 'put'; length: number } | { do: 'write' | 'fail' | 'undo' | 'prepare' | 'drop' | 'other' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('put' as const), length: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 900, max: fileBytes - 8 })) }) },
  { weight: 5, arbitrary: fc.constantFrom<Step>({ do: 'write' }, { do: 'write' }, { do: 'write' }, { do: 'fail' }, { do: 'undo' }, { do: 'prepare' }, { do: 'drop' }, { do: 'other' }) },
);

test('files hold what a plain writer writes, memory the same as far as it goes, whatever is put, written, taken back, prepared and dropped, beside another log', () => {
  fc.assert(fc.property(fc.array(step, { minLength: 20, maxLength: 50, size: 'max' }), fc.constantFrom(1, 6000, 20_000, 1 << 20), (steps, cacheBytesMax) => {
    const { disk, log } = bench({ cacheBytesMax });
    const plain = new PlainLog(fileBytes);
    const other = bench();
    let mark = 1;
    /** Starts of records in the log, those of the turn under way last. */
    let kept: [number, number][] = [];
    let turn: [number, number][] = [];
    /** What is written, for an undo. */
    let before = { bytes: Buffer.alloc(0), tail: 0 };
    const undone = (): void => {
      log.undo();
      plain.tail = before.tail;
      plain.bytes = Buffer.concat([before.bytes, Buffer.alloc(plain.bytes.length - before.bytes.length)]).subarray(0, Math.max(before.bytes.length, stored(disk).length));
      turn = [];
      expect([log.tail, log.written]).toEqual([before.tail, before.tail]);
      mark++;
    };
    for (const one of steps) {
      switch (one.do) {
        case 'put': {
          const at = put(log, one.length, mark);
          expect(at).toBe(plain.put(one.length, mark));
          turn.push([at, one.length]);
          break;
        }
        case 'write':
          log.write();
          kept = [...kept, ...turn];
          turn = [];
          before = { bytes: Buffer.from(plain.bytes), tail: plain.tail };
          expect(log.written).toBe(plain.tail);
          break;
        case 'fail':
          if (turn.length === 0) break;
          disk.fail('write', 'EIO', 1);
          expect(() => { log.write(); }).toThrow('EIO');
          expect(log.written).toBe(before.tail);
          undone();
          break;
        case 'undo':
          undone();
          break;
        case 'prepare': {
          const wants = log.wantsNext;
          log.prepareNext();
          if (wants) plain.bytes = Buffer.concat([plain.bytes, Buffer.alloc(Math.max(0, stored(disk).length - plain.bytes.length))]);
          expect(log.wantsNext && log.files.length > 0).toBe(false);
          break;
        }
        case 'drop':
          log.dropCache();
          if (turn.length === 0) expect([log.cachedBytes, log.cachedFrom]).toEqual([0, log.tail]);
          break;
        case 'other':
          put(other.log, 50);
      }
      expect(log.tail).toBe(plain.tail);
      log.settle();
      for (const [at, length] of [...kept, ...turn].slice(one.do === 'put' ? -2 : -12)) {
        const chunk = log.find(at, length);
        expect(chunk !== undefined).toBe(at >= log.cachedFrom);
        if (chunk !== undefined) expect(chunk.bytes.subarray(at - chunk.phyStart, at - chunk.phyStart + length).equals(plain.bytes.subarray(at, at + length))).toBe(true);
      }
      if (turn.length === 0) expect(log.find(log.tail - 1, 2)).toBeUndefined();
    }
    log.write();
    const files = stored(disk);
    expect(files.subarray(0, plain.tail).equals(plain.bytes.subarray(0, plain.tail))).toBe(true);
    // Nothing that begins behind the end looks like a record: what a failed write left begins with zeros.
    expect(files.subarray(plain.tail, plain.tail + 8).every((byte) => byte === 0)).toBe(true);
  }), { numRuns: 40 });
});

describe('writing', () => {
  test('one write a turn, of what is new only; none when nothing is', () => {
    const { disk, log } = bench();
    put(log, 100);
    put(log, 200);
    log.write();
    const first = disk.ops;
    put(log, 300);
    log.write();
    log.write();
    expect(disk.ops - first).toBe(1);
    // What stood before is not written again.
    const file = nameOf(0);
    const bytes = disk.content(file);
    bytes.fill(0xee, 0, 600);
    disk.place(file, bytes);
    expect(disk.content(file)[0]).toBe(0xee);
  });

  test('bytes written before are not written again', () => {
    const { disk, log } = bench();
    const positions: [number, number][] = [];
    put(log, 10);
    const file = log.files[0]?.file;
    if (file === undefined) throw new Error('no file');
    const writeSync = file.writeSync.bind(file);
    file.writeSync = (bytes, start, end, position) => {
      positions.push([position, end - start]);
      writeSync(bytes, start, end, position);
    };
    log.write();
    put(log, 20);
    put(log, 30);
    log.write();
    put(log, fileBytes - 60 - 8);
    log.write();
    put(log, 10);
    log.write();
    // The blank of eight bytes ends the file.
    expect(positions).toEqual([[0, 10], [10, 50], [60, fileBytes - 68], [fileBytes - 8, 8]]);
    expect(disk.content(nameOf(0)).readInt32BE(fileBytes - 8)).toBe(8);
  });

  test('files written are dirty and have the time of the write, others keep theirs', () => {
    const { disk, log } = bench();
    disk.nowMs = 5;
    put(log, 3000);
    expect([log.files[0]?.dirty, log.files[0]?.modifiedMs, log.dirDirty]).toEqual([false, 5, true]);
    disk.nowMs = 7;
    log.write();
    expect([log.files[0]?.dirty, log.files[0]?.modifiedMs]).toEqual([true, 7]);
    for (const file of log.files) file.dirty = false;
    log.prepareNext();
    disk.nowMs = 9;
    put(log, 100);
    log.write();
    expect(log.files.map(({ dirty, modifiedMs }) => [dirty, modifiedMs])).toEqual([[true, 9], [false, 7]]);
    for (const file of log.files) file.dirty = false;
    put(log, 2000);
    disk.nowMs = 11;
    log.write();
    expect(log.files.map(({ dirty, modifiedMs }) => [dirty, modifiedMs])).toEqual([[true, 11], [true, 11]]);
  });

  test('records beyond the shared memory are encoded where they belong', () => {
    const size = 8 << 20;
    const { disk, log } = bench({ fileBytes: size, cacheBytesMax: 64 << 20 });
    const lengths = [100, recordBytes.length - 8, 50, recordBytes.length - 7, 60, recordBytes.length - 108, 92, 1, recordBytes.length - 9, chunkBytes + 5, 70, 3 << 20];
    const starts = lengths.map((length) => {
      const at = log.reserve(length);
      log.bytes.fill(at % 200, log.pos, log.pos + length);
      log.commit(length);
      return at;
    });
    log.write();
    const all = stored(disk);
    starts.forEach((at, i) => {
      const length = lengths[i] ?? 0;
      expect([i, all[at], all[at + length - 1], all.subarray(at, at + length).equals(Buffer.alloc(length, at % 200))]).toEqual([i, at % 200, at % 200, true]);
      expect(log.find(at, length)?.bytes.subarray(0).length).toBeGreaterThan(length);
    });
    // The whole: no gap but the blank.
    expect(starts.slice(1).filter((at, i) => at !== (starts[i] ?? 0) + (lengths[i] ?? 0))).toEqual([size]);
    expect([all.readInt32BE(log.files[1]?.base ?? 0) !== 0, log.tail]).toEqual([true, size + (lengths.at(-1) ?? 0)]);
  });
});

describe('taking back', () => {
  test('what a failed write left is wiped where the next record would begin', () => {
    const { disk, log } = bench();
    put(log, 100);
    log.write();
    put(log, 500);
    disk.spaceLeft = 0;
    // The block is there already: everything but its end is written.
    expect(() => { log.write(); }).toThrow('ENOSPC');
    expect(disk.content(nameOf(0))[100]).not.toBe(0);
    disk.spaceLeft = 1 << 20;
    log.undo();
    const bytes = disk.content(nameOf(0));
    expect([bytes[99] !== 0, bytes.subarray(100, 108).every((byte) => byte === 0), bytes[108] !== 0]).toEqual([true, true, true]);
  });

  test('the wipe is as far as the file goes, and may fail', () => {
    for (const [left, wiped] of [[8, true], [9, true]] as const) {
      const { disk, log } = bench();
      put(log, fileBytes - left);
      log.write();
      const ops = disk.ops;
      log.undo();
      expect([left, disk.ops - ops]).toEqual([left, wiped ? 1 : 0]);
      disk.fail('write', 'EIO', 1);
      log.undo();
      expect(log.tail).toBe(fileBytes - left);
      expect(disk.content(nameOf(0)).length).toBe(fileBytes);
    }
    // At a file's end there is nothing to wipe.
    const { disk, log } = bench();
    put(log, 4000);
    put(log, 4000);
    disk.fail('write', 'EIO', 1);
    expect(() => { log.write(); }).toThrow('EIO');
    log.startAt(fileBytes);
    const ops = disk.ops;
    log.undo();
    expect([log.tail, disk.ops - ops]).toEqual([fileBytes, 1]);
  });

  test('what was handed out before stays as it is: the next record goes to memory of its own', () => {
    const { log } = bench();
    put(log, 100);
    log.write();
    const held = log.find(0, 100);
    put(log, 100, 2);
    log.settle();
    const seen = Buffer.from(held?.bytes.subarray(0, 200) ?? []);
    log.undo();
    expect(held?.length).toBe(100);
    expect(put(log, 100, 3)).toBe(100);
    log.settle();
    expect(held?.bytes.subarray(0, 200).equals(seen)).toBe(true);
    expect(log.find(100, 100)).not.toBe(held);
    expect(log.find(100, 100)?.phyStart).toBe(100);
  });

  test('a file made for what was taken back is used by what comes then', () => {
    const { disk, log } = bench();
    put(log, 3000);
    log.write();
    expect(put(log, 2000)).toBe(fileBytes);
    expect(log.files).toHaveLength(2);
    log.undo();
    expect([log.tail, log.files.length, log.wantsNext]).toEqual([3000, 2, false]);
    expect(put(log, 500)).toBe(3000);
    expect(put(log, 2000, 4)).toBe(fileBytes);
    log.write();
    expect(disk.content(nameOf(fileBytes)).subarray(0, 2000).equals(bytesAt(fileBytes, 2000, 4))).toBe(true);
    expect(disk.content(nameOf(0)).readInt32BE(3500)).toBe(fileBytes - 3500);
  });

  test('a file that cannot be made leaves everything but the blank as it was', () => {
    for (const op of ['create', 'length'] as const) {
      const { disk, log } = bench();
      put(log, 3000);
      log.write();
      disk.fail(op, 'ENOSPC', 1);
      expect(() => log.reserve(2000)).toThrow('ENOSPC');
      expect([log.tail, log.files.length]).toEqual([3000, 1]);
      expect(put(log, 2000)).toBe(fileBytes);
      log.write();
      expect(disk.content(nameOf(fileBytes)).length).toBe(fileBytes);
    }
  });
});

describe('files', () => {
  test('the next one is prepared when the last is more than half full, once', () => {
    for (const [length, wants] of [[2047, false], [2048, false], [2049, true], [4088, true]] as const) {
      const { disk, log } = bench();
      put(log, length);
      expect([length, log.wantsNext]).toEqual([length, wants]);
      log.prepareNext();
      expect([length, log.files.length, log.wantsNext]).toEqual([length, wants ? 2 : 1, false]);
      log.prepareNext();
      expect(log.files.length).toBe(wants ? 2 : 1);
      if (wants) expect([log.files[1]?.base, disk.content(nameOf(fileBytes)).equals(Buffer.alloc(fileBytes))]).toEqual([fileBytes, true]);
    }
  });

  test('a new file is all zeros whatever stood there; one that is taken over keeps its bytes, and is filled up', () => {
    for (const [fresh, size] of [[true, 100], [true, fileBytes], [true, 5000], [false, 100], [false, fileBytes], [false, 0]] as const) {
      const { disk, log } = bench();
      disk.place(nameOf(8192), Buffer.alloc(size, 7));
      const file = log.addFile(8192, fresh);
      const expected = Buffer.alloc(fileBytes);
      if (!fresh) expected.fill(7, 0, size);
      expect([fresh, size, disk.content(nameOf(8192)).equals(expected)]).toEqual([fresh, size, true]);
      expect([file.base, file.end, file.dirty, log.files.length, log.dirDirty]).toEqual([8192, 8192 + fileBytes, false, 1, true]);
    }
    const { disk, log } = bench();
    disk.place(nameOf(0), Buffer.alloc(fileBytes, 7));
    log.addFile(0, false);
    expect(disk.ops).toBe(1);
  });

  test('the file of an offset, at both ends of each', () => {
    const { log } = bench();
    expect([log.fileAt(0), log.min, log.cachedFrom]).toEqual([undefined, 0, 0]);
    log.startAt(77);
    expect([log.min, log.tail, log.written, log.flushed]).toEqual([77, 77, 77, 77]);
    for (const base of [8192, 12_288]) log.addFile(base, false);
    for (const [offset, base] of [[8191, undefined], [8192, 8192], [12_287, 8192], [12_288, 12_288], [16_383, 12_288], [16_384, undefined]] as const) {
      expect([offset, log.fileAt(offset)?.base]).toEqual([offset, base]);
    }
    expect(log.min).toBe(8192);
  });

  test.each([[8192, 8192], [8193, 8193], [12_287, 12_288], [12_279, 12_279], [12_280, 12_288], [12_288, 12_288], [16_384, 16_384]])('a log that ends at %i goes on at %i', (end, next) => {
    const { disk, log } = bench();
    for (const base of [8192, 12_288]) log.addFile(base, false);
    if (next === 12_288 && end === 12_287) {
      // No record leaves less than a blank: here it would not fit.
      return;
    }
    log.startAt(end);
    expect(put(log, 1)).toBe(next);
    log.write();
    expect(disk.list(dir).length).toBe(next === 16_384 ? 3 : 2);
    expect(disk.content(nameOf(Math.floor(next / fileBytes) * fileBytes))[next % fileBytes]).toBe(bytesAt(next, 1)[0]);
    if (end !== next) expect(disk.content(nameOf(8192)).readInt32BE(end - 8192)).toBe(next - end);
  });

  test('the oldest goes from list and disk, and what is written then goes where it belongs', () => {
    const { disk, log } = bench();
    for (let i = 0; i < 3; i++) put(log, 3000);
    log.write();
    log.dirDirty = false;
    log.removeFirst();
    expect([log.files.map(({ base }) => base), disk.list(dir).length, log.min, log.dirDirty]).toEqual([[fileBytes, 2 * fileBytes], 2, fileBytes, true]);
    expect(put(log, 500)).toBe(2 * fileBytes + 3000);
    expect(put(log, 3000)).toBe(3 * fileBytes);
    log.write();
    expect(disk.content(nameOf(3 * fileBytes)).subarray(0, 3000).equals(bytesAt(3 * fileBytes, 3000))).toBe(true);
    log.removeFirst();
    log.removeFirst();
    expect(log.files.map(({ base }) => base)).toEqual([3 * fileBytes]);
    expect(put(log, 10)).toBe(3 * fileBytes + 3000);
  });

  test('closing removes prepared files that hold nothing, and no others', () => {
    for (const [prepared, left] of [[false, 2], [true, 2]] as const) {
      const { disk, log } = bench();
      put(log, 3000);
      put(log, 3000);
      log.write();
      if (prepared) log.prepareNext();
      log.dirDirty = false;
      const files = [...log.files];
      log.close();
      expect([disk.list(dir).length, log.dirDirty]).toEqual([left, prepared]);
      for (const { file } of files) expect(() => file.length()).toThrow('EBADF');
    }
  });
});

describe('memory', () => {
  /** Chunks of a log of small files hold a file and a blank. */
  const chunk = fileBytes + 8;

  test('the oldest chunks go when a new one would be beyond the limit, unless they are not written', () => {
    const { log } = bench({ cacheBytesMax: 3 * chunk });
    for (let i = 0; i < 3; i++) put(log, 3000);
    expect([log.cachedBytes, log.cachedFrom]).toEqual([3 * chunk, 0]);
    log.write();
    put(log, 3000);
    expect([log.cachedBytes, log.cachedFrom, log.find(0, 1)]).toEqual([3 * chunk, fileBytes, undefined]);
    put(log, 3000);
    put(log, 3000);
    // Of this turn none goes, nor the one in which the last write ended.
    expect([log.cachedBytes, log.cachedFrom]).toEqual([4 * chunk, 2 * fileBytes]);
    put(log, 3000);
    expect([log.cachedBytes, log.cachedFrom]).toEqual([5 * chunk, 2 * fileBytes]);
    log.write();
    put(log, 3000);
    expect([log.cachedBytes, log.cachedFrom]).toEqual([3 * chunk, 5 * fileBytes]);
  });

  test('one byte less than the limit keeps one less', () => {
    const { log } = bench({ cacheBytesMax: 3 * chunk - 1 });
    for (let i = 0; i < 3; i++) {
      put(log, 3000);
      log.write();
    }
    expect([log.cachedBytes, log.cachedFrom]).toEqual([2 * chunk, fileBytes]);
  });

  test('a buffer that somebody holds slices of is not used again; one that nobody holds is', () => {
    for (const shared of [false, true]) {
      const { log } = bench({ fileBytes: 16 << 20, cacheBytesMax: chunkBytes });
      put(log, 10);
      log.write();
      const first = log.find(0, 10);
      if (first === undefined) throw new Error('not in memory');
      first.shared = shared;
      put(log, chunkBytes - 16);
      log.write();
      put(log, 20);
      log.write();
      const last = log.find(log.tail - 20, 20);
      expect([shared, log.cachedBytes, last?.bytes === first.bytes]).toEqual([shared, 2 * chunkBytes, !shared]);
    }
  });

  test('what is looked for must lie in one chunk wholly', () => {
    const { log } = bench();
    expect(log.find(0, 0)).toBeUndefined();
    const starts = [put(log, 3000), put(log, 3000), put(log, 3000), put(log, 3000), put(log, 500)];
    log.write();
    for (const at of starts.slice(0, 4)) {
      expect([log.find(at, 3000)?.phyStart, log.find(at + 2999, 1)?.phyStart]).toEqual([at, at]);
    }
    // A blank has eight bytes in memory.
    expect([log.find(0, 3008)?.phyStart, log.find(0, 3009), log.find(3008, 0)?.phyStart, log.find(3009, 0), log.find(-1, 1)]).toEqual([0, undefined, 0, undefined, undefined]);
    const last = starts[3] ?? 0;
    expect([log.find(last, 3500)?.phyStart, log.find(last, 3501), log.find(last + 3500, 1), log.find(last + 3500, 0)?.phyStart]).toEqual([last, undefined, undefined, last]);
  });

  test('nothing is given back while something is not written', () => {
    const { log, disk } = bench();
    put(log, 100);
    log.dropCache();
    expect(log.cachedBytes).toBe(chunk);
    log.write();
    log.dropCache();
    expect([log.cachedBytes, log.cachedFrom, log.find(0, 100)]).toEqual([0, 100, undefined]);
    expect(put(log, 100)).toBe(100);
    expect(put(log, fileBytes - 208)).toBe(200);
    put(log, 1);
    log.write();
    const plain = new PlainLog(fileBytes);
    for (const length of [100, 100, fileBytes - 208, 1]) plain.put(length);
    expect(stored(disk).equals(plain.bytes)).toBe(true);
  });

  test('a file that ends with nothing of it in memory gets its blank', () => {
    const { log, disk } = bench();
    put(log, 3000);
    log.write();
    log.dropCache();
    expect(put(log, 3000)).toBe(fileBytes);
    log.write();
    expect([disk.content(nameOf(0)).readInt32BE(3000), disk.content(nameOf(0)).readInt32BE(3004)]).toEqual([fileBytes - 3000, -875286124]);
    expect([log.find(3000, 8)?.phyStart, log.find(fileBytes, 3000)?.phyStart]).toEqual([3000, fileBytes]);
  });

  test('two logs take turns in the memory where records are encoded', () => {
    const one = bench();
    const two = bench();
    const plain = [new PlainLog(fileBytes), new PlainLog(fileBytes)] as const;
    for (let i = 0; i < 40; i++) {
      put(one.log, 100 + i, 2);
      plain[0].put(100 + i, 2);
      if (i % 3 === 0) one.log.write();
      put(two.log, 130 - i, 3);
      plain[1].put(130 - i, 3);
      if (i % 5 === 0) two.log.write();
    }
    one.log.write();
    two.log.write();
    expect([stored(one.disk).equals(plain[0].bytes), stored(two.disk).equals(plain[1].bytes)]).toEqual([true, true]);
  });
});
