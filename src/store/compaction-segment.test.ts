/** Files of a compaction log to their last byte, and what readers get where they are damaged. */
import { describe, expect, test } from '@jest/globals';
import { batchConsumeQueueUnitBytes as unitBytes } from '../codec/batch-consume-queue-unit.js';
import { openSegments, Segment, SegmentDirs, segmentSizes, SegmentWriter } from './compaction-segment.js';
import type { SegmentRecord, SegmentSizes } from './compaction-segment.js';
import { NotedDisk, SimulatedDisk } from './simulated-disk.js';
import { ManualClock, message, openOn, settle, smallConfig, storedRecord } from './store-fixture.js';
import type { OpenStore } from './message-store.js';

const recordBytes = 100;
const records = (first: number, count: number): { bytes: Uint8Array; queueOffset: number; tagsCode: number; storeTimestamp: number }[] =>
  Array.from({ length: count }, (_, i) => ({ bytes: new Uint8Array(recordBytes).fill(7), queueOffset: first + i, tagsCode: 0, storeTimestamp: 1 }));

describe('a segment', () => {
  test.each([
    ['its queue is full but for the end mark', { cqBytes: 7 * unitBytes, logBytes: 35 * unitBytes }, [6, 6, 6, 2]],
    ['its log is full but for the blank', { cqBytes: 20 * unitBytes, logBytes: 5 * recordBytes + 8 }, [5, 5, 5, 5]],
    ['a byte is lacking', { cqBytes: 20 * unitBytes, logBytes: 5 * recordBytes + 7 }, [4, 4, 4, 4, 4]],
  ])('is written to until %s, at once or one by one', async (_until, sizes, counts) => {
    for (const step of [1, 3, 20]) {
      const writer = new SegmentWriter(new SimulatedDisk(1), new SegmentDirs('/c', 'T', 0), sizes);
      for (let at = 0; at < 20; at += step) await writer.append(records(at, Math.min(step, 20 - at)));
      expect([step, ...writer.segments.map(({ units }) => units)]).toEqual([step, ...counts]);
      expect(writer.segments.map(({ base }) => base)).toEqual(counts.map((_, i) => i * sizes.logBytes));
      expect(writer.segments.at(-1)?.lastOffset).toBe(19);
    }
  });
});

const intervalMs = 10_000;
const open = async (disk: SimulatedDisk, clock = new ManualClock()): Promise<OpenStore> => {
  const store = await openOn(disk, clock, smallConfig({ compactionMappedFileSize: 1000, compactionCqMappedFileSize: 46 * 7, compactionScheduleInternal: intervalMs, mappedFileSizeCommitLog: 16384 }));
  store.compact(store.queue('C', 0));
  await settle();
  return store;
};

function put(store: OpenStore, count: number): void {
  for (let i = 0; i < count; i++) expect(store.put(message(store.queue('C', 0), `v${i}`, { keys: `k${i % 7}` })).status).toBe('PUT_OK');
  expect(store.writeTurn()).toBeUndefined();
}

test('where a unit is damaged a pull is led to the end of the queue', async () => {
  const disk = new SimulatedDisk(2);
  const store = await open(disk);
  put(store, 4);
  const at = (queueOffset: number): Promise<unknown[]> => Promise.resolve(store.get(store.queue('C', 0), queueOffset, 32, 1 << 20, undefined)).then((result) => [result.status, result.nextBeginOffset, result.messageCount]);
  expect(await at(0)).toEqual(['FOUND', 4, 4]);
  disk.flip(`/store/compaction/compactionCq/C/0/${'0'.repeat(20)}`, 2 * unitBytes, 7);
  expect(await at(0)).toEqual(['FOUND', 2, 2]);
  expect(await at(2)).toEqual(['OFFSET_FOUND_NULL', 4, 0]);
  await store.close();
});

test('a compaction that stops between its renames is finished by the next start, by the note in its folder', async () => {
  const disk = new SimulatedDisk(3);
  const clock = new ManualClock();
  let store = await open(disk, clock);
  put(store, 40);
  await store.get(store.queue('C', 0), 0, 1, 1, undefined);
  disk.fail('rename', 'EIO', 1, /compacting/);
  await clock.advance(intervalMs + 1000);
  expect(disk.list('/store/compaction/replacing')).toEqual(['C_0']);
  disk.crash();
  disk.restart('kill');
  store = await open(disk);
  expect((await store.get(store.queue('C', 0), 0, 1, 1, undefined)).status).toBe('FOUND');
  expect(disk.list('/store/compaction/replacing')).toEqual([]);
  await store.close();
});

// ---- the files by themselves ----

const dirs = new SegmentDirs('/c', 'T', 3);
const logOf = (base: number): string => `/c/compactionLog/T/3/${String(base).padStart(20, '0')}`;
const cqOf = (base: number): string => `/c/compactionCq/T/3/${String(base).padStart(20, '0')}`;
/** Four units and the end, records of any size below. */
const sizes: SegmentSizes = { cqBytes: 5 * unitBytes, logBytes: 700 };

const stored = (offsets: readonly number[], text = 'text'): SegmentRecord[] =>
  offsets.map((queueOffset, i) => ({ bytes: storedRecord(queueOffset, text.repeat(i % 3), 'k'), queueOffset, tagsCode: i % 2 === 0 ? -i : i * 2 ** 33, storeTimestamp: 1_700_000_000_000 + queueOffset }));

function plainUnit(phyOffset: number, { bytes, queueOffset, tagsCode, storeTimestamp }: SegmentRecord): Buffer {
  const unit = Buffer.alloc(46);
  unit.writeBigInt64BE(BigInt(phyOffset), 0);
  unit.writeInt32BE(bytes.length, 8);
  unit.writeBigInt64BE(BigInt(tagsCode), 12);
  unit.writeBigInt64BE(BigInt(storeTimestamp), 20);
  unit.writeBigInt64BE(BigInt(queueOffset), 28);
  unit.writeInt16BE(1, 36);
  unit.writeInt32BE(-1, 38);
  return unit;
}

/** Name and bytes of the files for these records, by the layout. */
function plainFiles(all: readonly SegmentRecord[], { cqBytes, logBytes } = sizes): [string, string][] {
  const files: { log: Buffer; cq: Buffer; at: number; units: number }[] = [];
  for (const one of all) {
    let last = files.at(-1);
    if (last === undefined || last.units === cqBytes / 46 - 1 || last.at + one.bytes.length + 8 > logBytes) {
      if (last !== undefined) {
        last.log.writeInt32BE(logBytes - last.at, last.at);
        last.log.writeInt32BE(-875286124, last.at + 4);
        last.cq.writeBigInt64BE(-1n, last.units * 46);
        last.cq.writeInt32BE(-1, last.units * 46 + 38);
      }
      last = { log: Buffer.alloc(logBytes), cq: Buffer.alloc(cqBytes), at: 0, units: 0 };
      files.push(last);
    }
    const phyOffset = (files.length - 1) * logBytes + last.at;
    last.log.set(one.bytes, last.at);
    last.log.writeBigInt64BE(BigInt(phyOffset), last.at + 28);
    plainUnit(phyOffset, one).copy(last.cq, last.units * 46);
    last.at += one.bytes.length;
    last.units++;
  }
  return files.flatMap(({ log, cq }, i) => [[logOf(i * logBytes), log.toString('hex')], [cqOf(i * logBytes), cq.toString('hex')]] as [string, string][]).sort();
}

const contents = (disk: SimulatedDisk): [string, string][] => disk.files().filter((file) => file.startsWith('/c/')).map((file) => [file, disk.content(file).toString('hex')] as [string, string]).sort();
const told = (): { notes: [object, string][]; note: (fields: object, message: string) => void } => {
  const notes: [object, string][] = [];
  return { notes, note: (fields, text) => void notes.push([fields, text]) };
};
const shapeOf = ({ base, units, logEnd, firstOffset, lastOffset, dirty, marks }: Segment): unknown[] => [base, units, logEnd, firstOffset, lastOffset, dirty, marks];

async function writtenFiles(all: readonly SegmentRecord[], change = sizes): Promise<{ disk: NotedDisk; writer: SegmentWriter }> {
  const disk = new NotedDisk(1);
  const writer = new SegmentWriter(disk, dirs, change);
  await writer.append(all);
  return { disk, writer };
}

describe('the sizes of files', () => {
  test.each([
    [1000, 460, 2300, 460], [2299, 460, 2300, 460], [2300, 460, 2760, 460], [2301, 460, 2300, 460], [2529, 460, 2300, 460], [2530, 460, 2760, 460], [2759, 460, 2760, 460], [2760, 460, 3220, 460],
    [0, 0, 460, 92], [0, 137, 460, 92], [0, 138, 690, 138], [0, 139, 690, 138],
  ])('configured as %i and %i are %i and %i bytes', (log, cq, logBytes, cqBytes) => {
    expect(segmentSizes(log, cq)).toEqual({ logBytes, cqBytes });
  });
});

describe('the files of a segment', () => {
  const all = stored([0, 1, 2, 5, 9, 10, 11, 20, 21, 22, 23, 30]);

  test('have every byte of the layout, however records come', async () => {
    for (const step of [1, 2, 5, 12]) {
      const { disk, writer } = await writtenFiles([]);
      expect(writer.recordBytesMax).toBe(692);
      for (let at = 0; at < all.length; at += step) await writer.append(all.slice(at, at + step));
      expect(contents(disk)).toEqual(plainFiles(all));
      expect(writer.segments.at(-1)?.dirty).toBe(true);
    }
  });

  test('are made with their directories synced, and what is full is ended and synced before the next is made', async () => {
    const { disk, writer } = await writtenFiles(all.slice(0, 4));
    expect(disk.since()).toEqual([
      ...['/c', '/c/compactionLog', '/c/compactionLog/T', '/c/compactionLog/T/3', '/c/compactionCq', '/c/compactionCq/T', '/c/compactionCq/T/3'].map((dir) => `mkdir ${dir}`),
      ...[logOf(0), cqOf(0)].flatMap((file) => [`create ${file}`, `length ${file}`, `length ${file}`]), 'syncDir /c/compactionLog/T/3', 'syncDir /c/compactionCq/T/3', `write ${logOf(0)}`, `write ${cqOf(0)}`,
    ]);
    await writer.segments[0]?.sync();
    expect(disk.since().sort()).toEqual([`datasync ${cqOf(0)}`, `datasync ${logOf(0)}`]);
    await writer.segments[0]?.sync();
    expect(disk.since()).toEqual([]);
    // Nothing was written since the sync but the end.
    await writer.append(all.slice(4, 5));
    const done = disk.since();
    expect(done.slice(0, 2)).toEqual([`write ${logOf(0)}`, `write ${cqOf(0)}`]);
    expect(done.slice(2, 4).sort()).toEqual([`datasync ${cqOf(0)}`, `datasync ${logOf(0)}`]);
    expect(done.slice(4)).toEqual([...[logOf(700), cqOf(700)].flatMap((file) => [`create ${file}`, `length ${file}`, `length ${file}`]), 'syncDir /c/compactionLog/T/3', 'syncDir /c/compactionCq/T/3', `write ${logOf(700)}`, `write ${cqOf(700)}`]);
    expect(writer.segments.map(({ dirty }) => dirty)).toEqual([false, true]);
  });

  test.each(['create', 'length', 'syncDir', 'write', 'datasync'] as const)('are whole after a %s that failed, when the same is written again', async (op) => {
    for (let nth = 0; nth < 4; nth++) {
      const { disk, writer } = await writtenFiles([]);
      let [at, failures] = [0, 0];
      let left = nth;
      const count = disk.count.bind(disk);
      disk.count = (what, file) => {
        if (what === op && left-- === 0) throw new Error('EIO');
        return count(what, file);
      };
      // What follows what was counted, as the compaction log asks for it.
      while (at < all.length) {
        await writer.append(all.slice(at)).catch(() => failures++);
        at = all.findIndex(({ queueOffset }) => queueOffset > (writer.segments.at(-1)?.lastOffset ?? -1));
        if (at < 0) break;
        if (writer.segments.at(-1)?.units === 0) at = all.findIndex(({ queueOffset }) => queueOffset > (writer.segments.at(-2)?.lastOffset ?? -1));
      }
      expect(failures).toBe(1);
      expect(contents(disk)).toEqual(plainFiles(all));
    }
  });

  test('have nothing at first', () => {
    const disk = new NotedDisk(1);
    disk.place('/c/a', Buffer.alloc(1));
    expect(shapeOf(new Segment(700, disk.open('/c/a', 'write'), disk.open('/c/a', 'write')))).toEqual([700, 0, 0, -1, -1, false, []]);
  });

  test('that cannot be synced are to be synced again', async () => {
    for (const file of [/Log/, /Cq/]) {
      const { disk, writer } = await writtenFiles(all.slice(0, 2));
      disk.fail('datasync', 'EIO', 1, file);
      await expect(writer.segments[0]?.sync()).rejects.toThrow(/EIO/);
      expect(writer.segments[0]?.dirty).toBe(true);
      disk.since();
      await writer.segments[0]?.sync();
      expect([disk.since().length, writer.segments[0]?.dirty]).toEqual([2, false]);
      writer.segments[0]?.close();
      expect(disk.since()).toEqual([`close ${logOf(0)}`, `close ${cqOf(0)}`]);
    }
  });

  test('are found again as they were, and appended to', async () => {
    for (const checkLast of [false, true]) {
      for (let count = 0; count <= all.length; count++) {
        const { disk, writer } = await writtenFiles(all.slice(0, count));
        const { notes, note } = told();
        const found = await openSegments(disk, dirs, sizes, checkLast, note);
        for (const segment of writer.segments) segment.dirty = false;
        expect([found.map(shapeOf), notes]).toEqual([writer.segments.map(shapeOf), []]);
        await new SegmentWriter(disk, dirs, sizes, found).append(all.slice(count));
        expect(contents(disk)).toEqual(plainFiles(all));
      }
    }
  });

  test('without their partner are removed, others stay', async () => {
    const { disk } = await writtenFiles(all);
    const want = plainFiles(all).filter(([name]) => ![logOf(0), cqOf(0), logOf(1400), cqOf(1400)].includes(name));
    disk.unlink(cqOf(0));
    disk.unlink(logOf(1400));
    disk.place('/c/compactionLog/T/3/other', Buffer.alloc(1));
    disk.place('/c/compactionLog/T/3/compacting/x', Buffer.alloc(1));
    const { notes, note } = told();
    const found = await openSegments(disk, dirs, sizes, true, note);
    expect(found.map(({ base }) => base)).toEqual([700]);
    expect(notes).toEqual([[{ name: logOf(0) }, 'a file of a compaction log without its partner is removed'], [{ name: cqOf(1400) }, 'a file of a compaction log without its partner is removed']]);
    expect(contents(disk).filter(([name]) => !/other|compacting/.test(name))).toEqual(want);
  });

  test('that lost their length get it back, longer ones are left', async () => {
    const { disk } = await writtenFiles(all.slice(0, 2));
    const want = plainFiles(all.slice(0, 2));
    const end = all.slice(0, 2).reduce((sum, { bytes }) => sum + bytes.length, 0);
    disk.place(logOf(0), disk.content(logOf(0)).subarray(0, end));
    disk.place(cqOf(0), disk.content(cqOf(0)).subarray(0, 92));
    expect((await openSegments(disk, dirs, sizes, false, told().note)).map(({ units }) => units)).toEqual([2]);
    expect(contents(disk)).toEqual(want);
    disk.place(logOf(0), Buffer.concat([disk.content(logOf(0)), Buffer.alloc(5)]));
    disk.place(cqOf(0), Buffer.concat([disk.content(cqOf(0)), Buffer.alloc(5)]));
    expect((await openSegments(disk, dirs, sizes, false, told().note)).map(({ units }) => units)).toEqual([2]);
    expect([disk.content(logOf(0)).length, disk.content(cqOf(0)).length]).toEqual([705, 235]);
  });

  test.each<[string, (unit: Buffer) => void]>([
    ['a place that is not behind the one before', (unit) => unit.writeBigInt64BE(unit.readBigInt64BE(0) + 1n, 0)],
    ['no place', (unit) => unit.writeBigInt64BE(-1n, 0)],
    ['no size', (unit) => unit.writeInt32BE(0, 8)],
    ['a negative size', (unit) => unit.writeInt32BE(-1, 8)],
    ['an offset that was there', (unit) => unit.writeBigInt64BE(1n, 28)],
    ['a negative offset', (unit) => unit.writeBigInt64BE(-1n, 28)],
    ['no messages', (unit) => unit.writeInt16BE(0, 36)],
  ])('end before a unit of %s', async (_what, damage) => {
    const { disk } = await writtenFiles(all.slice(0, 4));
    const cq = disk.content(cqOf(0));
    damage(cq.subarray(92, 138));
    disk.place(cqOf(0), cq);
    const [segment] = await openSegments(disk, dirs, sizes, false, told().note);
    expect([segment?.units, segment?.lastOffset]).toEqual([2, 1]);
    // The next are written over it.
    await new SegmentWriter(disk, dirs, sizes, segment === undefined ? [] : [segment]).append(all.slice(2, 4));
    expect(contents(disk)).toEqual(plainFiles(all.slice(0, 4)));
  });

  test('are cut after a loss of power before the first record of the last one that is not whole, those before are not looked at', async () => {
    const some = stored(Array.from({ length: 140 }, (_, i) => i * 2));
    const large = { cqBytes: 131 * 46, logBytes: 131 * 120 };
    for (const [n, byte] of [[130, 0], [133, 8], [133, 95], [133, 27], [139, 8], [139, 0], [0, 95]] as const) {
      const { disk, writer } = await writtenFiles(some, large);
      const second = writer.segments[1];
      expect([writer.segments.length, writer.segments[0]?.units]).toEqual([2, 130]);
      const before = some.slice(n < 130 ? 0 : 130, n).reduce((sum, { bytes }) => sum + bytes.length, 0);
      disk.flip(logOf(n < 130 ? 0 : large.logBytes), before + byte, 0);
      const damaged = disk.content(logOf(0)).toString('hex');
      const { notes, note } = told();
      expect((await openSegments(disk, dirs, large, false, note)).map(({ units }) => units)).toEqual([130, 10]);
      const found = await openSegments(disk, dirs, large, true, note);
      const kept = n < 130 ? 10 : n - 130;
      expect(found.map(({ units, dirty }) => [units, dirty])).toEqual([[130, false], [kept, n >= 130]]);
      expect(notes).toEqual(n < 130 ? [] : [[{ base: second?.base, units: 10, kept }, 'the end of a compaction log was not whole, it is filled again from the CommitLog']]);
      if (n < 130) continue;
      expect([found[1]?.firstOffset, found[1]?.lastOffset, found[1]?.marks]).toEqual(kept === 0 ? [-1, -1, []] : [260, (n - 1) * 2, [260]]);
      const want = plainFiles(some.slice(0, n), large).filter(([name]) => name !== logOf(0) && name !== cqOf(0));
      const empty: [string, string][] = [[cqOf(large.logBytes), '00'.repeat(large.cqBytes)], [logOf(large.logBytes), '00'.repeat(large.logBytes)]];
      expect(contents(disk).filter(([name]) => name !== logOf(0) && name !== cqOf(0))).toEqual(kept === 0 ? empty : want);
      expect(disk.content(logOf(0)).toString('hex')).toBe(damaged);
    }
  });

  test('of more than two hundred units are cut where the damage is', async () => {
    const some = stored(Array.from({ length: 200 }, (_, i) => i));
    const large = { cqBytes: 300 * 46, logBytes: 300 * 120 };
    const { disk } = await writtenFiles(some, large);
    disk.flip(logOf(0), some.slice(0, 150).reduce((sum, { bytes }) => sum + bytes.length, 0), 6);
    const [segment] = await openSegments(disk, dirs, large, true, told().note);
    expect([segment?.units, segment?.lastOffset, segment?.marks]).toEqual([150, 149, [0, 64, 128]]);
    expect(contents(disk)).toEqual(plainFiles(some.slice(0, 150), large));
  });

  test.each([5697, 5698, 5699, 6000])('of %i units are counted, more than are read at once', async (count) => {
    const disk = new NotedDisk(1);
    const large = { cqBytes: 6000 * 46, logBytes: 6000 };
    const one = { bytes: new Uint8Array(1), queueOffset: 0, tagsCode: 0, storeTimestamp: 1 };
    disk.place(logOf(0), Buffer.alloc(6000));
    disk.place(cqOf(0), Buffer.concat([...Array.from({ length: count }, (_, i) => plainUnit(i, { ...one, queueOffset: i * 2 })), Buffer.alloc((6000 - count) * 46)]));
    const [segment] = await openSegments(disk, dirs, large, false, told().note);
    expect([segment?.units, segment?.logEnd, segment?.lastOffset, segment?.marks.length]).toEqual([count, count, (count - 1) * 2, Math.ceil(count / 64)]);
    expect(disk.since().filter((line) => line.startsWith('read'))).toEqual([`read ${cqOf(0)} 0+262108`, ...(count < 5698 ? [] : [`read ${cqOf(0)} 262108+262108`])]);
  });
});

describe('units', () => {
  const offsets = Array.from({ length: 200 }, (_, i) => i * 3 + 5);
  const large = { cqBytes: 300 * 46, logBytes: 300 * 120 };

  test('are found by the first offset at or behind', async () => {
    const { disk, writer } = await writtenFiles(stored(offsets), large);
    const [segment] = writer.segments;
    if (segment === undefined) throw new Error('no segment');
    disk.since();
    for (let queueOffset = 0; queueOffset <= 610; queueOffset++) {
      const want = offsets.findIndex((offset) => offset >= queueOffset);
      expect([queueOffset, await segment.indexOf(queueOffset)]).toEqual([queueOffset, want < 0 ? 200 : want]);
    }
    // One read each, of the 64 units it is among; none outside.
    const reads = disk.since();
    expect([reads.length, new Set(reads)]).toEqual([597, new Set([0, 64, 128, 192].map((from) => `read ${cqOf(0)} ${from * 46}+${Math.min(64, 200 - from) * 46}`))]);
  });

  test('are answered as far as they go and are whole', async () => {
    const { disk, writer } = await writtenFiles(stored(offsets), large);
    const [segment] = writer.segments;
    if (segment === undefined) throw new Error('no segment');
    const at = async (from: number, count: number): Promise<number[]> => (await segment.unitsFrom(from, count)).map(({ msgBaseOffset }) => msgBaseOffset);
    expect([await at(0, 1), await at(3, 2), await at(198, 5), await at(200, 5), await at(250, 5), await at(0, 0)]).toEqual([[5], [14, 17], [599, 602], [], [], []]);
    disk.flip(cqOf(0), 10 * 46, 7);
    expect([await at(8, 5), await at(10, 3), await segment.indexOf(40)]).toEqual([[29, 32], [], 10]);
    disk.place(cqOf(0), Buffer.alloc(0));
  });

  test('lead to records, which are read in order until someone has enough', async () => {
    const some = [storedRecord(0, 'a', 'k'), storedRecord(1, 'x'.repeat(300_000), 'k'), storedRecord(2, 'b', 'k'), storedRecord(3, 'y'.repeat(262_144 - 300), 'k'), storedRecord(4, 'c', 'k'), storedRecord(5, 'z'.repeat(300_000), 'k')];
    const { disk, writer } = await writtenFiles(some.map((bytes, queueOffset) => ({ bytes, queueOffset, tagsCode: 0, storeTimestamp: 1 })), { cqBytes: 46 * 10, logBytes: 1_400_000 });
    const [segment] = writer.segments;
    if (segment === undefined) throw new Error('no segment');
    const scanned = async (most = 100): Promise<[number, number][]> => {
      const found: [number, number][] = [];
      await segment.scan((record, bytes) => {
        expect(bytes.subarray(record.bodyStart, record.bodyEnd).every((byte) => byte === bytes[record.bodyStart])).toBe(true);
        found.push([record.queueOffset, record.bodyEnd - record.bodyStart]);
        return found.length < most;
      });
      return found;
    };
    const want = [[0, 1], [1, 300_000], [2, 1], [3, 261_844], [4, 1], [5, 300_000]];
    disk.since();
    expect(await scanned()).toEqual(want);
    // Nothing behind the records is read.
    const ends = disk.since().map((line) => line.slice(line.lastIndexOf(' ')).split('+').reduce((sum, part) => sum + Number(part), 0));
    expect(Math.max(...ends)).toBe(segment.logEnd);
    for (const most of [1, 2, 3]) expect(await scanned(most)).toEqual(want.slice(0, most));
    // A size that no record has, or more than there is, ends it.
    const whole = disk.content(logOf(0));
    for (const size of [0, -5, 90, 0x7fffffff, 1_300_000]) {
      const log = disk.open(logOf(0), 'write');
      const start = some[0]?.length ?? 0;
      const bytes = Buffer.alloc(4);
      bytes.writeInt32BE(size);
      log.writeSync(bytes, 0, 4, start);
      expect(await scanned()).toEqual([[0, 1]]);
      log.writeSync(whole, start, start + 4, start);
    }
    expect(await scanned()).toEqual(want);
  });
});
