/** One index file's bytes, held against a plain writer of the layout; damage of each field; what is written when; what is found. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { javaStringHash } from '../compat/java-string-hash.js';
import { HandleCache } from './handle-cache.js';
import { IndexFile } from './index-file.js';
import { KeyIndex } from './key-index.js';
import { PageCache } from './page-cache.js';
import { SimulatedDisk } from './simulated-disk.js';

const dir = '/store/index';
const nowMs = 1_700_000_000_000;
const forEver = Number.MAX_SAFE_INTEGER;

interface Size {
  readonly slots: number;
  /** Entry 0 is never used: a file holds one less. */
  readonly entries: number;
}

interface PlainEntry {
  readonly hash: number;
  readonly phy: number;
  readonly ms: number;
  readonly seconds: number;
}

/** What a file should hold, kept as lists. */
interface PlainFile {
  entries: PlainEntry[];
  begin: number;
  end: number;
  /** What an undo goes back to. */
  keptEntries: number;
  keptEnd: number;
  image: Buffer;
}

const small: Size = { slots: 7, entries: 24 };

const hashOf = (key: number): number => Math.abs(javaStringHash(`T#k${key}`));

/** Writes header, slots and entries of the layout over what is there. */
function plainWrite(image: Buffer, { slots }: Size, entries: readonly PlainEntry[], begin: number, end: number): Buffer {
  const newest = new Map<number, number>();
  image.fill(0, 40, 40 + slots * 4);
  entries.forEach((entry, i) => {
    const at = 40 + slots * 4 + (i + 1) * 20;
    const slot = entry.hash % slots;
    image.writeInt32BE(entry.hash, at);
    image.writeBigInt64BE(BigInt(entry.phy), at + 4);
    image.writeInt32BE(entry.seconds, at + 12);
    image.writeInt32BE(newest.get(slot) ?? 0, at + 16);
    newest.set(slot, i + 1);
  });
  for (const [slot, entry] of newest) image.writeInt32BE(entry, 40 + slot * 4);
  image.writeBigInt64BE(BigInt(begin), 0);
  image.writeBigInt64BE(BigInt(end), 8);
  image.writeBigInt64BE(BigInt(entries[0]?.phy ?? 0), 16);
  image.writeBigInt64BE(BigInt(entries.at(-1)?.phy ?? 0), 24);
  image.writeInt32BE(newest.size, 32);
  image.writeInt32BE(entries.length + 1, 36);
  return image;
}

const emptyImage = ({ slots, entries }: Size): Buffer => Buffer.alloc(40 + slots * 4 + entries * 20);

/** The index as lists of entries. */
class PlainIndex {
  readonly size: Size;
  files: PlainFile[] = [];
  #turnFiles = 0;

  constructor(size: Size) {
    this.size = size;
  }

  put(hash: number, phy: number, ms: number): void {
    let file = this.files.at(-1);
    let from = file?.begin ?? 0;
    if (file === undefined || file.entries.length === this.size.entries - 1) {
      // A new file's first entry still counts from where the one before ended.
      from = file?.end ?? 0;
      file = { entries: [], begin: ms, end: 0, keptEntries: 0, keptEnd: 0, image: emptyImage(this.size) };
      this.files.push(file);
      this.#turnFiles++;
    }
    file.entries.push({ hash, phy, ms, seconds: from === 0 ? 0 : Math.trunc(Math.max(0, ms - from) / 1000) });
    file.end = ms;
  }

  keep(): void {
    this.#turnFiles = 0;
    for (const file of this.files) {
      file.keptEntries = file.entries.length;
      file.keptEnd = file.end;
    }
  }

  undo(): void {
    for (; this.#turnFiles > 0; this.#turnFiles--) this.files.pop();
    for (const file of this.files) {
      file.entries.length = file.keptEntries;
      file.end = file.keptEnd;
    }
  }

  /** What the files hold after a flush: what is kept. */
  flush(): Buffer[] {
    const kept = this.files.filter((file) => file.keptEntries > 0);
    return kept.map((file) => plainWrite(file.image, this.size, file.entries.slice(0, file.keptEntries), file.begin, file.keptEnd));
  }

  /** A start after an unclean stop. */
  cut(limit: number): void {
    const left: PlainFile[] = [];
    for (const file of this.files) {
      const before = left.at(-1);
      if (before !== undefined && before.entries.length < this.size.entries - 1) break;
      if (file.entries.length < this.size.entries - 1 || (file.entries.at(-1)?.phy ?? 0) >= limit) {
        file.entries = file.entries.filter(({ phy }) => phy < limit);
        // Nothing of what was cut is left behind.
        file.image = emptyImage(this.size);
        file.end = file.begin + (file.entries.at(-1)?.seconds ?? 0) * 1000;
      }
      if (file.entries.length > 0) left.push(file);
    }
    this.files = left;
    this.keep();
  }

  find(hash: number, max: number, begin: number, end: number): number[] {
    const found: number[] = [];
    for (const file of [...this.files].reverse()) {
      // The header's times are those of the whole turn, entries only those that are kept.
      if (begin > file.end || end < file.begin) continue;
      for (const { hash: other, phy, seconds } of file.entries.slice(0, file.keptEntries).reverse()) {
        const time = file.begin + seconds * 1000;
        if (other === hash && time >= begin && time <= end) found.push(phy);
      }
    }
    return found.slice(0, max);
  }
}

const open = (disk: SimulatedDisk, size: Size): KeyIndex => new KeyIndex(disk, dir, size.slots, size.entries, () => nowMs);

const contents = (disk: SimulatedDisk): Buffer[] => disk.list(dir).map((name) => disk.content(`${dir}/${name}`));

type Step =
  | { do: 'put'; key: number; phy: number; ms: number }
  | { do: 'keep' | 'undo' | 'flush' | 'finish' | 'rest' | 'reopen' }
  | { do: 'kill'; back: number }
  | { do: 'query'; key: number; max: number; from: number; width: number };

const put = fc.record({ do: fc.constant('put' as const), key: fc.nat(9), phy: fc.nat(200), ms: fc.nat(2500) });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 30, arbitrary: put },
  { weight: 12, arbitrary: fc.constantFrom<Step>({ do: 'keep' }, { do: 'keep' }, { do: 'undo' }, { do: 'flush' }, { do: 'finish' }, { do: 'rest' }, { do: 'reopen' }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), back: fc.nat(1000) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('query' as const), key: fc.nat(9), max: fc.nat(6), from: fc.integer({ min: -3000, max: 60_000 }), width: fc.nat(60_000) }) },
);

test('files hold what a plain writer writes, and queries find what a plain search finds, whatever is put, kept, taken back, written and opened again', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 160, size: 'max' }), async (steps) => {
    const disk = new SimulatedDisk(5);
    let index = open(disk, small);
    const plain = new PlainIndex(small);
    let phy = 0;
    let ms = nowMs;
    let limit: number | undefined;
    const wrong: string[] = [];
    const flushed = (): void => {
      expect(contents(disk).map((bytes) => bytes.toString('hex'))).toEqual(plain.flush().map((bytes) => bytes.toString('hex')));
      expect(index.files.map((file) => file.kept)).toEqual(plain.files.map((file) => file.keptEntries === file.entries.length));
    };
    for (const one of steps) {
      switch (one.do) {
        case 'put':
          phy += one.phy;
          ms += one.ms;
          index.addHashes(Int32Array.of(hashOf(one.key)), 1, phy, ms);
          plain.put(hashOf(one.key), phy, ms);
          break;
        case 'keep':
          index.keep();
          plain.keep();
          break;
        case 'undo':
          index.undo();
          plain.undo();
          break;
        case 'flush':
          await index.flush();
          flushed();
          break;
        case 'rest':
          await index.rest();
          flushed();
          expect(index.isResting).toBe(plain.files.every((file) => file.keptEntries === file.entries.length));
          break;
        case 'finish':
          await index.finish();
          flushed();
          break;
        case 'reopen':
        case 'kill':
          index.undo();
          plain.undo();
          await index.finish();
          flushed();
          index.close();
          index = open(disk, small);
          limit = 'back' in one ? Math.max(0, phy - one.back) : undefined;
          expect(index.load(limit, (name) => wrong.push(name))).toBeUndefined();
          if (limit === undefined) break;
          plain.cut(limit);
          phy = plain.files.at(-1)?.entries.at(-1)?.phy ?? 0;
          ms = plain.files.at(-1)?.end ?? nowMs;
          break;
        case 'query': {
          const begin = nowMs + one.from;
          const found = await index.query('T', `k${one.key}`, one.max, begin, begin + one.width, undefined);
          expect(found.phyOffsets).toEqual(plain.find(hashOf(one.key), one.max, begin, begin + one.width));
          const last = plain.files.at(-1);
          expect([found.indexLastUpdateTimestamp, found.indexLastUpdatePhyOffset]).toEqual([last?.end ?? 0, last?.entries.at(-1)?.phy ?? 0]);
        }
      }
      expect(index.endPhyOffset).toBe(plain.files.at(-1)?.entries.at(-1)?.phy ?? -1);
      expect(index.files.map((file) => [file.indexCount, file.full])).toEqual(plain.files.map(({ entries }) => [entries.length + 1, entries.length === small.entries - 1]));
    }
    expect(wrong).toEqual([]);
  }), { numRuns: 30 });
});

/** Several pages of slots and blocks of entries. */
const large: Size = { slots: 2500, entries: 7000 };

test('a file of several pages of slots and blocks of entries holds the same, written in pieces and in one, and is read again as it was', async () => {
  for (const piece of [1, 3275, 3277]) {
    const disk = new SimulatedDisk(5);
    const index = open(disk, large);
    const plain = new PlainIndex(large);
    for (let i = 0; i < 7500; i++) {
      const hash = (i * 7919) % 100_003;
      index.addHashes(Int32Array.of(hash), 1, i * 10, nowMs + i);
      plain.put(hash, i * 10, nowMs + i);
      if (piece > 1 && (i + 1) % piece === 0) {
        index.keep();
        await index.flush();
      }
    }
    index.keep();
    plain.keep();
    await index.finish();
    const expected = plain.flush();
    expect(contents(disk).map((bytes, i) => bytes.equals(expected[i] ?? Buffer.alloc(0)))).toEqual([true, true]);
    // What is left of it after a cut inside the first block, at its end, in the second and the third.
    for (const limit of [10, 32_750, 32_760, 65_530, 74_990]) {
      const other = new SimulatedDisk(5);
      disk.list(dir).forEach((name) => other.place(`${dir}/${name}`, disk.content(`${dir}/${name}`)));
      const again = open(other, large);
      expect(again.load(limit, () => undefined)).toBeUndefined();
      expect([limit, again.endPhyOffset]).toEqual([limit, limit - 10]);
      // Entries go on where the file was cut, and those before are still found.
      again.addHashes(Int32Array.of(hashOf(1)), 1, limit, nowMs);
      again.keep();
      for (const [i, seen] of [[0, true], [limit / 10 - 1, true], [limit / 10 + 1, false]] as const) {
        if (seen) expect((await select(again, (i * 7919) % 100_003)).includes(i * 10)).toBe(true);
        else expect((await select(again, (i * 7919) % 100_003)).includes(i * 10)).toBe(false);
      }
      expect((await again.query('T', 'k1', 9, 0, forEver, undefined)).phyOffsets).toEqual([limit]);
    }
  }
});

/** The phyOffsets of a hash in all files. */
async function select(index: KeyIndex, hash: number): Promise<number[]> {
  const found: number[] = [];
  for (const file of index.files) await file.select(found, hash, 100, 0, forEver, new PageCache(65536, 1 << 20));
  return found;
}

describe('what a start makes of damage', () => {
  const phys = [0, 100, 100, 300, 400, 500, 600, 700, 800, 900];
  /** Two keys in turn, and first one whose hash is 0: its entry at offset 0 is all zeros. */
  const entries = phys.map((phy, i): PlainEntry => ({ hash: i === 0 ? 0 : 10 + (i % 2), phy, ms: 0, seconds: i * 2 }));
  const file = `${dir}/20231114000000000`;
  const at = (entry: number): number => 40 + small.slots * 4 + entry * 20;
  const written = (): Buffer => plainWrite(emptyImage(small), small, entries, nowMs, nowMs + 18_500);

  function load(bytes: Buffer, limit: number | undefined, size = small): { index: KeyIndex; resume: number | undefined; said: string[]; disk: SimulatedDisk } {
    const disk = new SimulatedDisk(5);
    disk.place(file, bytes);
    const index = open(disk, size);
    const said: string[] = [];
    const resume = index.load(limit, (name, why) => said.push(`${name} ${why}`));
    return { index, resume, said, disk };
  }

  test.each<[string, (bytes: Buffer, entry: number) => unknown]>([
    ['hash', (bytes, entry) => bytes.writeInt32BE(-1, at(entry))],
    ['hash, of another slot', (bytes, entry) => bytes.writeInt32BE(bytes.readInt32BE(at(entry)) + 3, at(entry))],
    ['phyOffset below 0', (bytes, entry) => bytes.writeBigInt64BE(-1n, at(entry) + 4)],
    ['phyOffset below the one before', (bytes, entry) => bytes.writeBigInt64BE(BigInt(phys[entry - 2] ?? 0) - 1n, at(entry) + 4)],
    ['seconds', (bytes, entry) => bytes.writeInt32BE(-1, at(entry) + 12)],
    ['previous entry', (bytes, entry) => bytes.writeInt32BE(entry, at(entry) + 16)],
    ['previous entry, none', (bytes, entry) => bytes.writeInt32BE(bytes.readInt32BE(at(entry) + 16) === 0 ? 1 : 0, at(entry) + 16)],
    ['everything', (bytes, entry) => bytes.fill(0, at(entry), at(entry) + 20)],
  ])('%s: the entries before it stay, the log is asked for the rest', (name, damage) => {
    for (const entry of [2, 4, 5, 9, 10]) {
      const bytes = written();
      damage(bytes, entry);
      const { index, resume, said } = load(bytes, 901);
      const left = entry - 1;
      expect([name, entry, index.files[0]?.indexCount, resume, said]).toEqual([name, entry, entry, phys[left - 1], [`${file} is damaged after entry ${left}`]]);
    }
  });

  test('damage below the limit is seen although the header reaches beyond it; an end that is torn beyond it is none', () => {
    for (const [field, value] of [[0, -1], [12, -1], [16, 77]] as const) {
      const bytes = written();
      bytes.writeInt32BE(value, at(5) + field);
      const { index, resume, said } = load(bytes, 850);
      expect([field, index.files[0]?.indexCount, resume, said]).toEqual([field, 5, 300, [`${file} is damaged after entry 4`]]);
    }
    // Zeros up to where the limit is, entries that are whole behind; nothing that is counted is below it.
    for (const [zeros, limit, lost] of [[[5, 6], 850, true], [[5, 6], 600, false], [[5, 6], 601, true], [[9, 10], 800, false], [[10], 850, false]] as const) {
      const bytes = written();
      for (const entry of zeros) bytes.fill(0, at(entry), at(entry) + 20);
      const { resume, index } = load(bytes, limit);
      expect([zeros, limit, resume, index.files[0]?.indexCount]).toEqual([zeros, limit, lost ? phys[(zeros[0] ?? 0) - 2] : undefined, zeros[0]]);
    }
    // Entries that the header does not count are nobody's loss.
    const bytes = written();
    bytes.writeInt32BE(5, 36);
    bytes.writeInt32BE(-1, at(5));
    expect(load(bytes, 850).resume).toBeUndefined();
  });

  test('nothing left: the file goes, and all of the log is asked for', () => {
    for (const damage of [[0, -1], [12, -1], [16, 1]] as const) {
      const bytes = written();
      bytes.writeInt32BE(damage[1], at(1) + damage[0]);
      const { index, resume, disk } = load(bytes, 901);
      expect([index.files.length, resume, index.endPhyOffset, disk.list(dir)]).toEqual([0, 0, -1, []]);
    }
  });

  test('entries that the header does not count yet are taken, up to the first that was never written', async () => {
    for (const counted of [1, 4, 9, 10]) {
      const bytes = written();
      // Of more than one entry all of them are looked at, of none only those that say something.
      bytes.writeInt32BE(counted + 1, 36);
      const { index, resume, said, disk } = load(bytes, 10_000);
      expect([index.files[0]?.indexCount, index.files[0]?.endTimestamp, index.endPhyOffset, resume, said]).toEqual([11, nowMs + 18_000, 900, undefined, []]);
      await index.finish();
      expect(disk.content(file).equals(plainWrite(emptyImage(small), small, entries, nowMs, nowMs + 18_000))).toBe(true);
    }
  });

  test('phyOffset: the limit is the first that is dropped, several entries of one message go together', () => {
    for (const [limit, left] of [[0, 0], [1, 1], [100, 1], [101, 3], [300, 3], [899, 9], [900, 9], [901, 10]] as const) {
      const { index, resume, said, disk } = load(written(), limit);
      expect([limit, index.files[0]?.indexCount ?? 1, resume, said]).toEqual([limit, left + 1, undefined, []]);
      expect(disk.list(dir)).toHaveLength(left === 0 ? 0 : 1);
    }
  });

  test.each<[string, number, number, bigint | number, boolean]>([
    ['indexCount', 36, 4, 0, false], ['indexCount', 36, 4, 1, false], ['indexCount', 36, 4, 2, true], ['indexCount', 36, 4, small.entries, true],
    ['indexCount', 36, 4, small.entries + 1, false], ['indexCount', 36, 4, -5, false], ['hashSlotCount', 32, 4, -1, false], ['hashSlotCount', 32, 4, 0, true],
    ['hashSlotCount', 32, 4, small.slots, true], ['hashSlotCount', 32, 4, small.slots + 1, false], ['beginTimestamp', 0, 8, -1n, false], ['beginTimestamp', 0, 8, 0n, true],
    ['endPhyOffset', 24, 8, -1n, false], ['endPhyOffset', 24, 8, 0n, true],
  ])('header field %s (at %i, %i bytes) = %s: taken as it is: %s', (name, position, length, value, sane) => {
    const bytes = written();
    if (length === 4) bytes.writeInt32BE(Number(value), position);
    else bytes.writeBigInt64BE(BigInt(value), position);
    // After a clean stop a file is read only as far as its header, unless that cannot be.
    const { index, resume } = load(bytes, undefined);
    const header = index.files[0];
    if (sane) {
      expect([header?.beginTimestamp, header?.endTimestamp, header?.beginPhyOffset, header?.endPhyOffset, header?.hashSlotCount, header?.indexCount]).toEqual([
        Number(bytes.readBigInt64BE(0)), nowMs + 18_500, 0, Number(bytes.readBigInt64BE(24)), bytes.readInt32BE(32), bytes.readInt32BE(36),
      ]);
    } else if (name === 'indexCount' || name === 'hashSlotCount' || name === 'beginTimestamp' || name === 'endPhyOffset') {
      // The first entry is all zeros, and nothing says that it is one.
      expect([header, resume]).toEqual([undefined, undefined]);
    }
  });

  test('a header that cannot be is made again from the entries', () => {
    const shifted = entries.map((entry) => ({ ...entry, phy: entry.phy + 1 }));
    const bytes = plainWrite(emptyImage(small), small, shifted, nowMs, nowMs + 18_500);
    bytes.writeInt32BE(-1, 36);
    const { index, resume } = load(bytes, undefined);
    expect([index.files[0]?.indexCount, index.files[0]?.hashSlotCount, index.files[0]?.endPhyOffset, resume]).toEqual([11, 3, 901, undefined]);
  });

  test('files of another size and of other names are named and left alone', () => {
    for (const size of [written().length - 1, written().length + 20, 0, 39]) {
      const { index, said, disk } = load(Buffer.alloc(size), undefined);
      expect([index.files.length, said, disk.list(dir).length]).toEqual([0, [`${file} has ${size} bytes, maxHashSlotNum and maxIndexNum ask for ${40 + 28 + 480}`], 1]);
    }
    const disk = new SimulatedDisk(5);
    for (const name of ['2023111400000000', '202311140000000001', 'x0231114000000000', '20231114000000000.bak']) disk.place(`${dir}/${name}`, written());
    disk.place(file, written());
    const index = open(disk, small);
    const said: string[] = [];
    index.load(undefined, (name, why) => said.push(`${name} ${why}`));
    expect([index.files.length, said.length, said.every((line) => line.endsWith(' is no index file')), disk.list(dir).length]).toEqual([1, 4, true, 5]);
  });

  test('a chain that leads nowhere ends there: what was found before is answered', async () => {
    const ask = async (bytes: Buffer): Promise<readonly number[]> => {
      const { index } = load(bytes, undefined);
      return select(index, 10);
    };
    // The entries of hash 10 are 3, 5, 7 and 9.
    expect(await ask(written())).toEqual([800, 600, 400, 100]);
    for (const [field, value, found] of [
      [12, -1, [800, 600]], [16, 5, [800, 600, 400]], [16, 6, [800, 600, 400]], [16, -1, [800, 600, 400]], [16, 11, [800, 600, 400]], [16, 4, [800, 600, 400]], [0, 17, [800, 600, 100]],
    ] as const) {
      const bytes = written();
      bytes.writeInt32BE(value, at(5) + field);
      expect([field, value, await ask(bytes)]).toEqual([field, value, found]);
    }
    for (const head of [0, -1, 11, 24, 1 << 30]) {
      const bytes = written();
      bytes.writeInt32BE(head, 40 + (10 % small.slots) * 4);
      expect([head, await ask(bytes)]).toEqual([head, []]);
    }
  });

  test('a file that is shorter than it was ends the search where it ends', async () => {
    for (const [bytes, found] of [[20, [800, 600, 400, 100]], [19, []], [1, []], [0, []]] as const) {
      const { index, disk } = load(written(), undefined);
      disk.open(file, 'write').setLength(at(9) + bytes);
      expect([bytes, await select(index, 10)]).toEqual([bytes, found]);
    }
  });

  test('a slot that a damaged file gave a number of no entry is passed over by the next entry, as on Apache', async () => {
    for (const head of [-1, 12, 24, 1 << 30]) {
      const bytes = written();
      bytes.writeInt32BE(head, 40 + (10 % small.slots) * 4);
      const { index, disk } = load(bytes, undefined);
      index.addHashes(Int32Array.of(10), 1, 1000, nowMs + 20_000);
      index.keep();
      expect(await select(index, 10)).toEqual([1000]);
      await index.finish();
      const after = disk.content(file);
      expect([after.readInt32BE(at(11)), after.readInt32BE(at(11) + 16), after.readInt32BE(32), after.readInt32BE(36), after.readInt32BE(40 + (10 % small.slots) * 4)]).toEqual([10, 0, 4, 12, 11]);
    }
    // The number that the next entry is about to get is taken for a predecessor.
    const bytes = written();
    bytes.writeInt32BE(11, 40 + (10 % small.slots) * 4);
    const { index, disk } = load(bytes, undefined);
    index.addHashes(Int32Array.of(10), 1, 1000, nowMs + 20_000);
    index.keep();
    await index.finish();
    expect([disk.content(file).readInt32BE(at(11) + 16), disk.content(file).readInt32BE(32)]).toEqual([11, 3]);
  });
});

describe('times', () => {
  const fileOf = (times: readonly number[]): IndexFile => {
    const file = new IndexFile(new SimulatedDisk(1), new HandleCache(new SimulatedDisk(1), 1), `${dir}/f`, 7, 24);
    times.forEach((ms, i) => file.put(5, i * 100, ms));
    file.keep();
    return file;
  };
  const found = async (file: IndexFile, begin: number, end: number, max = 9): Promise<number[]> => {
    const out: number[] = [];
    await file.select(out, 5, max, begin, end, new PageCache(65536, 1 << 20));
    return out;
  };

  test('a file is looked into when its times and those asked for meet, the ends included', () => {
    const file = fileOf([2000, 5000]);
    for (const [begin, end, meets] of [
      [0, 1999, false], [0, 2000, true], [1999, 5001, true], [2000, 2000, true], [3000, 4000, true], [5000, 9000, true], [5001, 9000, false], [1999, 5000, true], [2000, 5001, true],
      // As Apache has it: the end before the begin.
      [3000, 1000, true], [9000, 3000, true], [9000, 1000, false],
    ] as const) expect([begin, end, file.isTimeMatched(begin, end)]).toEqual([begin, end, meets]);
  });

  test('an entry has the second of its store time, counted from the first; both ends of what is asked count', async () => {
    const file = fileOf([10_500, 11_499, 11_500, 14_600]);
    for (const [begin, end, phys] of [
      [0, 99_000, [300, 200, 100, 0]], [10_500, 10_500, [100, 0]], [10_501, 11_499, []], [10_501, 11_500, [200]], [11_500, 14_499, [200]], [14_500, 14_500, [300]], [14_501, 99_000, []],
      [0, 10_499, []],
    ] as const) expect([begin, end, await found(file, begin, end)]).toEqual([begin, end, phys]);
  });

  test('no more than asked for, the newest first; none is none', async () => {
    const file = fileOf([1000, 1000, 1000]);
    for (const [max, phys] of [[0, []], [1, [200]], [2, [200, 100]], [3, [200, 100, 0]], [4, [200, 100, 0]]] as const) expect(await found(file, 0, forEver, max)).toEqual(phys);
  });

  test('a clock that went back: the first entry before what is asked for ends the search, older ones behind it are not looked at', async () => {
    const file = fileOf([10_000, 20_000, 15_000, 5_000]);
    // Times below the first count as its own.
    expect(await found(file, 0, forEver)).toEqual([300, 200, 100, 0]);
    expect(await found(file, 10_000, 10_000)).toEqual([300, 0]);
    expect(await found(file, 10_001, forEver)).toEqual([]);
    expect(await found(fileOf([10_000, 20_000, 15_000]), 16_000, forEver)).toEqual([]);
    expect(await found(fileOf([10_000, 20_000, 15_000]), 15_000, forEver)).toEqual([200, 100]);
  });

  test('a new file goes on where the one before ended, and takes its own begin with the first entry', () => {
    const make = (phy: number, ms: number): IndexFile => {
      const file = fileOf([]);
      file.begin(phy, ms);
      return file;
    };
    const header = (file: IndexFile): number[] => [file.beginTimestamp, file.endTimestamp, file.beginPhyOffset, file.endPhyOffset, file.hashSlotCount, file.indexCount];
    expect(header(make(0, 0))).toEqual([0, 0, 0, 0, 0, 1]);
    expect(header(make(1, 1))).toEqual([1, 1, 1, 1, 0, 1]);
    const file = make(700, 9000);
    expect(header(file)).toEqual([9000, 9000, 700, 700, 0, 1]);
    file.put(3, 800, 12_000);
    file.put(10, 900, 13_000);
    expect(header(file)).toEqual([12_000, 13_000, 800, 900, 1, 3]);
    file.undo();
    expect(header(file)).toEqual([9000, 9000, 700, 700, 0, 1]);
    const first = fileOf([]);
    first.put(3, 800, 12_000);
    first.undo();
    expect(header(first)).toEqual([0, 0, 0, 0, 0, 1]);
  });
});

describe('what is written', () => {
  /** Slots of 20 pages, the last of 500; files of more than a block. */
  const wide: Size = { slots: 19 * 1024 + 500, entries: 9000 };

  interface Bench {
    file: IndexFile;
    disk: SimulatedDisk;
    /** Bytes of each write since asked last. */
    writes: () => number[];
    put: (slots: readonly number[]) => void;
  }

  function bench(): Bench {
    const disk = new SimulatedDisk(5);
    disk.makeDir(dir);
    const file = new IndexFile(disk, new HandleCache(disk, 4), `${dir}/f`, wide.slots, wide.entries);
    let list: number[] = [];
    disk.wait = (op, bytes) => {
      if (op === 'write') list.push(bytes);
      return Promise.resolve();
    };
    let phy = 0;
    return {
      file,
      disk,
      writes: () => {
        const done = list;
        list = [];
        return done;
      },
      put: (slots) => {
        for (const slot of slots) file.put(slot, (phy += 10), nowMs);
        file.keep();
      },
    };
  }

  const times = (count: number, slot: number): number[] => Array.from({ length: count }, () => slot);

  test('entries as far as the blocks of memory go, then the header; nothing twice', async () => {
    const { file, disk, writes, put: add } = bench();
    await file.flush();
    expect([writes(), file.created, disk.list(dir)]).toEqual([[], false, []]);
    add(times(2, 0));
    expect(file.behind).toBe(2);
    await file.flush();
    expect([writes(), file.behind, disk.content(`${dir}/f`).length]).toEqual([[40, 40], 0, 40 + wide.slots * 4 + wide.entries * 20]);
    // It has its length for good.
    disk.fail('length', 'EIO', 100);
    file.keep();
    await file.flush();
    expect(writes()).toEqual([]);
    // The first block ends before entry 3276.
    add(times(3273, 0));
    await file.flush();
    expect(writes()).toEqual([3273 * 20, 40]);
    add(times(4000, 0));
    await file.flush();
    expect(writes()).toEqual([3276 * 20, 724 * 20, 40]);
    file.put(0, 1_000_000, nowMs);
    await file.flush();
    expect([writes(), file.behind]).toEqual([[], 0]);
  });

  test('entries of a turn under way stay in memory while those before them are written, over the end of a block too', async () => {
    const { file, disk, writes, put: add } = bench();
    add(times(3270, 0));
    for (let i = 0; i < 3300; i++) file.put(i, 1_000_000 + i, nowMs);
    await file.flush();
    expect(writes()).toEqual([3270 * 20, 40]);
    file.keep();
    await file.flush();
    await file.writeSlots();
    expect(writes().slice(0, 4)).toEqual([5 * 20, 3276 * 20, 19 * 20, 40]);
    const bytes = disk.content(`${dir}/f`);
    for (const i of [0, 4, 5, 3280, 3281, 3299]) {
      const position = 40 + wide.slots * 4 + (3271 + i) * 20;
      expect([i, bytes.readInt32BE(position), Number(bytes.readBigInt64BE(position + 4)), bytes.readInt32BE(40 + i * 4)]).toEqual([i, i, 1_000_000 + i, 3271 + i]);
    }
  });

  test.each<[string, readonly number[], readonly number[]]>([
    ['one page', [0], [1]], ['its last slot', [1023], [1]], ['the first slot of the next', [1024], [1]], ['two beside each other', [1023, 1024], [2]], ['one in the middle', [5 * 1024 + 3], [1]],
    ['a page between them goes along', [0, 2048], [3]], ['sixteen at once', [0, 15 * 1024], [16]], ['the seventeenth for itself', [0, 16 * 1024], [1, 1]],
    ['a run begins at the first', [3 * 1024, 18 * 1024, 19 * 1024], [16, 500 / 1024]], ['the last page is shorter', [19 * 1024 + 499], [500 / 1024]],
  ])('pages of slots that changed, %s', async (_name, slots, pages) => {
    const { file, disk, writes, put: add } = bench();
    add(slots);
    await file.flush();
    writes();
    await file.writeSlots();
    expect(writes()).toEqual(pages.map((count) => count * 4096));
    await file.writeSlots();
    expect(writes()).toEqual([]);
    slots.forEach((slot, i) => expect(disk.content(`${dir}/f`).readInt32BE(40 + slot * 4)).toBe(i + 1));
  });

  test('a slot that cannot be written is written by the next try, the others are not lost', async () => {
    const { file, disk, writes, put: add } = bench();
    add([3, 5000, 17 * 1024]);
    await file.flush();
    disk.fail('write', 'EIO', 1);
    await expect(file.writeSlots()).rejects.toThrow('EIO');
    file.release();
    expect(file.holdsMemory).toBe(true);
    writes();
    await file.writeSlots();
    expect(writes()).toEqual([5 * 4096, 4096]);
    expect([3, 5000, 17 * 1024].map((slot) => disk.content(`${dir}/f`).readInt32BE(40 + slot * 4))).toEqual([1, 2, 3]);
    file.release();
    expect(file.holdsMemory).toBe(false);
  });

  test('an entry or a header that cannot be written is written by the next try', async () => {
    for (const which of [0, 1]) {
      const { file, disk, writes, put: add } = bench();
      add([3]);
      await file.flush();
      add([3]);
      let seen = 0;
      const { wait } = disk;
      disk.wait = async (op, bytes) => {
        await wait?.(op, bytes);
        if (seen++ === which) disk.fail('write', 'EIO', 1);
      };
      await expect(file.flush()).rejects.toThrow('EIO');
      disk.wait = wait;
      writes();
      await file.flush();
      expect(writes()).toEqual(which === 0 ? [20, 40] : [40]);
      expect(disk.content(`${dir}/f`).readInt32BE(36)).toBe(3);
    }
  });

  test('slots lead to entries that the file has, while others are in memory only; those are led to once they are written', async () => {
    const { file, disk, put: add } = bench();
    add([7, 8, 7]);
    await file.flush();
    add([7, 8, 7]);
    file.put(7, 5000, nowMs);
    await file.writeSlots();
    const slot = (number: number): number => disk.content(`${dir}/f`).readInt32BE(40 + number * 4);
    expect([slot(7), slot(8)]).toEqual([3, 2]);
    file.release();
    expect(file.holdsMemory).toBe(true);
    await file.flush();
    await file.writeSlots();
    expect([slot(7), slot(8)]).toEqual([6, 5]);
    file.undo();
    await file.writeSlots();
    expect(slot(7)).toBe(6);
  });

  test('pages that lead to nothing in memory only are written once', async () => {
    const { file, writes, put: add } = bench();
    add([0]);
    await file.flush();
    file.put(17 * 1024, 5000, nowMs);
    writes();
    await file.writeSlots();
    expect(writes()).toEqual([4096, 4096]);
    await file.writeSlots();
    expect(writes()).toEqual([4096]);
  });

  test('memory is given back when everything is written, not before, and read again when it is asked for', async () => {
    const { file, put: add } = bench();
    const ask = async (slot: number): Promise<number[]> => {
      const out: number[] = [];
      await file.select(out, slot, 9, 0, forEver, new PageCache(65536, 1 << 20));
      return out;
    };
    expect([file.holdsMemory, await ask(7)]).toEqual([false, []]);
    add([7, 8]);
    file.release();
    expect([file.holdsMemory, await ask(7), await ask(9)]).toEqual([true, [10], []]);
    await file.flush();
    file.release();
    expect([file.holdsMemory, await ask(7)]).toEqual([true, [10]]);
    await file.writeSlots();
    file.release();
    expect([file.holdsMemory, await ask(7), await ask(8), await ask(9)]).toEqual([false, [10], [20], []]);
    add([7]);
    expect([file.holdsMemory, await ask(7), await ask(8)]).toEqual([true, [30, 10], [20]]);
    file.put(7, 40, nowMs);
    expect(await ask(7)).toEqual([30, 10]);
    file.undo();
    expect([await ask(7), file.indexCount]).toEqual([[30, 10], 4]);
  });
});
