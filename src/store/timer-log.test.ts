/** The timer log against files written by themselves: where units stand, what is written, synced and read when, and what a start makes of its files. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { plainTimerUnit } from '../codec/testdata/plain-timer-unit.js';
import { newTimerUnit } from '../codec/timer-records.js';
import type { TimerUnit } from '../codec/timer-records.js';
import { NotedDisk } from './simulated-disk.js';
import { TimerLog, timerLogFileBytesDefault } from './timer-log.js';

const dir = '/t/timerlog';
/** Ten units and the blank. */
const tenBytes = 536;
const fileName = (base: number): string => `${dir}/${String(base).padStart(20, '0')}`;
const unitOf = (n: number): TimerUnit => ({ prevPos: n - 1, magic: 1 + (n % 15), writeTimeMs: 1_700_000_000_000 + n, delayMs: n, phyOffset: 2 ** 33 + n, recordBytes: 100 + n, topicHash: ~n });

/** 52 bytes a unit, and where none fits with 16 bytes behind it, what is left, zeros and the magic of a blank. */
const perFile = (fileBytes: number): number => Math.floor((fileBytes - 16) / 52);
const posOf = (n: number, fileBytes: number): number => Math.floor(n / perFile(fileBytes)) * fileBytes + (n % perFile(fileBytes)) * 52;

function plainFiles(count: number, fileBytes: number): [string, string][] {
  const most = perFile(fileBytes);
  return Array.from({ length: Math.ceil(count / most) }, (_, file) => {
    const bytes = Buffer.alloc(fileBytes);
    for (let i = 0; i < most && file * most + i < count; i++) plainTimerUnit(unitOf(file * most + i)).copy(bytes, i * 52);
    if (count > (file + 1) * most) {
      bytes.writeInt32BE(fileBytes - most * 52, most * 52);
      bytes.writeInt32BE(-875286124, most * 52 + 12);
    }
    return [fileName(file * fileBytes), bytes.toString('hex')];
  });
}

const contents = (disk: NotedDisk): [string, string][] => disk.list(dir).map((name) => [`${dir}/${name}`, disk.content(`${dir}/${name}`).toString('hex')]);

function make(fileBytes = tenBytes, disk = new NotedDisk(1)): { disk: NotedDisk; log: TimerLog } {
  disk.makeDir('/t');
  disk.since();
  return { disk, log: new TimerLog(disk, dir, fileBytes) };
}

function append(log: TimerLog, from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => log.append(unitOf(from + i)));
}

/** A log of so many units, written, and a reader of its files. */
function written(count: number, fileBytes = tenBytes): { disk: NotedDisk; log: TimerLog } {
  const { disk, log } = make(fileBytes);
  append(log, 0, count);
  log.write();
  log.close();
  disk.since();
  return { disk, log: new TimerLog(disk, dir, fileBytes) };
}

/** What is read at a position, brought into memory first where it is not. */
async function read(log: TimerLog, pos: number): Promise<TimerUnit | string | undefined> {
  const unit = newTimerUnit();
  let outcome = log.tryRead(pos, unit);
  if (outcome === undefined) {
    await log.load(pos);
    outcome = log.tryRead(pos, unit);
  }
  return outcome === 'unit' ? unit : outcome;
}

test('a file has the size of Apache', () => {
  expect(timerLogFileBytesDefault).toBe(100 * 1024 * 1024);
});

describe('units', () => {
  test.each([68, 119, 120, 535, 536, 537, 587, 588])('stand one behind the other in files of %i bytes, whenever they are written', async (fileBytes) => {
    for (const step of [1, 3, 7, 100]) {
      const { disk, log } = make(fileBytes);
      const count = 35;
      for (let n = 0; n < count; n++) {
        expect(log.append(unitOf(n))).toBe(posOf(n, fileBytes));
        expect(log.tail).toBe(posOf(n, fileBytes) + 52);
        if (n % step === step - 1) {
          log.write();
          expect(log.waitingBytes).toBe(0);
        }
        // Whether it waits or not.
        expect(await read(log, posOf(n, fileBytes))).toEqual(unitOf(n));
      }
      log.write();
      expect(contents(disk)).toEqual(plainFiles(count, fileBytes));
      const again = new TimerLog(disk, dir, fileBytes);
      expect([again.open(), again.min, again.tail, again.filesEnd, again.waitingBytes]).toEqual(['opened', 0, again.filesEnd, plainFiles(count, fileBytes).length * fileBytes, 0]);
      for (let n = 0; n < count; n++) expect(await read(again, posOf(n, fileBytes))).toEqual(unitOf(n));
      if (count > perFile(fileBytes)) expect(await read(again, perFile(fileBytes) * 52)).toBe('blank');
      expect(await read(again, again.filesEnd - 52)).toBe('end');
    }
  });

  test('wait until they are written or the next file begins', () => {
    const { disk, log } = make();
    append(log, 0, 10);
    expect([log.waitingBytes, disk.since()]).toEqual([520, []]);
    // The eleventh is of the next file: the first is written to its end.
    append(log, 10, 12);
    expect([log.waitingBytes, disk.since()]).toEqual([104, [`mkdir ${dir}`, `create ${fileName(0)}`, `length ${fileName(0)}`, `write ${fileName(0)}`]]);
    expect(contents(disk)).toEqual(plainFiles(11, tenBytes).slice(0, 1));
    log.write();
    expect(disk.since()).toEqual([`create ${fileName(536)}`, `length ${fileName(536)}`, `write ${fileName(536)}`]);
    log.write();
    expect(disk.since()).toEqual([]);
  });

  test('that wait are many: memory for them grows and their bytes stay', () => {
    const { disk, log } = make(200_000);
    const count = 3000;
    append(log, 0, count);
    for (const n of [0, 1, 1259, 1260, 1261, 2520, 2999]) {
      const unit = newTimerUnit();
      expect([log.tryRead(n * 52, unit), unit]).toEqual(['unit', unitOf(n)]);
    }
    log.write();
    expect(contents(disk)).toEqual(plainFiles(count, 200_000));
  });

  test('go on behind a waiting megabyte that was written', async () => {
    const { disk, log } = make(3_000_000);
    append(log, 0, 25_000);
    log.write();
    append(log, 25_000, 25_003);
    expect(await read(log, 25_002 * 52)).toEqual(unitOf(25_002));
    log.write();
    const [file] = plainFiles(25_003, 3_000_000);
    expect(disk.content(fileName(0)).toString('hex') === file?.[1]).toBe(true);
  });

  test('are what was appended for any order of appends, writes, looks and starts', async () => {
    const step = fc.tuple(fc.constantFrom('append', 'write', 'drop', 'start'), fc.integer({ min: 1, max: 12 }));
    await fc.assert(fc.asyncProperty(fc.constantFrom(68, 150, 536, 560), fc.array(step, { maxLength: 14 }), async (fileBytes, steps) => {
      const disk = new NotedDisk(3);
      let { log } = make(fileBytes, disk);
      let count = 0;
      for (const [what, n] of steps) {
        if (what === 'append') {
          expect(append(log, count, count + n)).toEqual(Array.from({ length: n }, (_, i) => posOf(count + i, fileBytes)));
          count += n;
        } else if (what === 'write') log.write();
        else if (what === 'drop') log.dropPages();
        else {
          log.write();
          log.close();
          ({ log } = make(fileBytes, disk));
          log.open();
          if (count > 0) log.cutAt(posOf(count - 1, fileBytes) + 52);
        }
        for (let i = 0; i < count; i += 3) expect(await read(log, posOf(i, fileBytes))).toEqual(unitOf(i));
        expect(await read(log, log.tail)).toBe('end');
      }
      log.write();
      expect(contents(disk)).toEqual(plainFiles(count, fileBytes));
    }), { numRuns: 25 });
  });
});

describe('a disk that fails', () => {
  test.each(['mkdir', 'create', 'length', 'write'] as const)('at a %s leaves what waits to the next write', (op) => {
    const { disk, log } = make();
    append(log, 0, 3);
    disk.fail(op, 'ENOSPC');
    expect(() => log.write()).toThrow(/ENOSPC/);
    expect(log.waitingBytes).toBe(156);
    // A file without its length is none yet.
    if (op === 'length') expect(disk.since().at(-1)).toBe(`close ${fileName(0)}`);
    append(log, 3, 4);
    log.write();
    expect(contents(disk)).toEqual(plainFiles(4, tenBytes));
  });

  test('where a file is full refuses the unit, and takes it when there is room', () => {
    const { disk, log } = make();
    append(log, 0, 10);
    for (let i = 0; i < 3; i++) {
      disk.fail('write', 'ENOSPC');
      expect(() => log.append(unitOf(10))).toThrow(/ENOSPC/);
      expect([log.tail, log.waitingBytes]).toEqual([520, 520]);
    }
    expect(log.append(unitOf(10))).toBe(536);
    log.write();
    expect(contents(disk)).toEqual(plainFiles(11, tenBytes));
  });

  test('at a sync is asked again for what it did not sync, and only that', async () => {
    const { disk, log } = make();
    append(log, 0, 25);
    log.write();
    disk.since();
    disk.fail('datasync', 'EIO', 1, /536/);
    await expect(log.sync()).rejects.toThrow(/EIO/);
    expect(disk.since()).toEqual([`datasync ${fileName(0)}`, `datasync ${fileName(536)}`]);
    disk.fail('syncDir', 'EIO', 1, /timerlog/);
    await expect(log.sync()).rejects.toThrow(/EIO/);
    expect(disk.since()).toEqual([`datasync ${fileName(536)}`, `datasync ${fileName(1072)}`, `syncDir ${dir}`]);
    await log.sync();
    expect(disk.since()).toEqual([`syncDir ${dir}`, 'syncDir /t']);
    await log.sync();
    expect(disk.since()).toEqual([]);
    // An old file alone needs no name.
    append(log, 25, 26);
    log.write();
    disk.since();
    await log.sync();
    expect(disk.since()).toEqual([`datasync ${fileName(1072)}`]);
  });
});

describe('a start', () => {
  test.each<[string, (disk: NotedDisk) => void, string]>([
    ['no directory', () => undefined, 'absent'],
    ['an empty directory', (disk) => disk.makeDir(dir), 'absent'],
    ['files of other names', (disk) => disk.place(`${dir}/x`, Buffer.alloc(1)), 'absent'],
    ['a file in its place', (disk) => disk.place(dir, Buffer.alloc(1)), 'other'],
    ['a first file', (disk) => disk.place(fileName(0), Buffer.alloc(536)), 'opened'],
    ['a later file', (disk) => disk.place(fileName(1072), Buffer.alloc(536)), 'opened'],
    ['a file that begins elsewhere', (disk) => disk.place(fileName(1000), Buffer.alloc(536)), 'other'],
    ['a last file without its length', (disk) => disk.place(fileName(0), Buffer.alloc(0)), 'opened'],
    ['a last file that is a byte too long', (disk) => disk.place(fileName(0), Buffer.alloc(537)), 'other'],
    ['a directory for a file', (disk) => disk.place(`${fileName(0)}/x`, Buffer.alloc(1)), 'other'],
    ['a first file that is short', (disk) => [0, 536].forEach((base) => disk.place(fileName(base), Buffer.alloc(base === 0 ? 535 : 536))), 'other'],
    ['a second file that is short', (disk) => [0, 536].forEach((base) => disk.place(fileName(base), Buffer.alloc(base === 0 ? 536 : 535))), 'opened'],
    ['two files', (disk) => [536, 1072].forEach((base) => disk.place(fileName(base), Buffer.alloc(536))), 'opened'],
    ['a file that is lacking', (disk) => [0, 1072].forEach((base) => disk.place(fileName(base), Buffer.alloc(536))), 'other'],
  ])('finds %s as it is', (_what, prepare, outcome) => {
    const { disk, log } = make();
    prepare(disk);
    expect(log.open()).toBe(outcome);
    if (outcome === 'opened') {
      const bases = disk.list(dir).map(Number);
      expect([log.min, log.tail, log.filesEnd, log.waitingBytes]).toEqual([bases[0], (bases.at(-1) ?? 0) + 536, (bases.at(-1) ?? 0) + 536, 0]);
      for (const base of bases) expect(disk.content(fileName(base)).length).toBe(536);
    } else expect([log.min, log.tail, log.filesEnd]).toEqual([0, 0, 0]);
  });

  test('gives a last file its length and leaves its bytes', () => {
    const { disk, log } = written(12);
    disk.place(fileName(536), disk.content(fileName(536)).subarray(0, 104));
    expect(log.open()).toBe('opened');
    expect(contents(disk)).toEqual(plainFiles(12, tenBytes));
    expect(disk.since()).toEqual([`open write ${fileName(536)}`, `length ${fileName(536)}`, `close ${fileName(536)}`]);
  });
});

describe('the end of the log', () => {
  test.each([
    [0, ['00']], [52, ['00']], [535, ['00']], [536, ['00']], [537, ['00', '36']], [588, ['00', '36']], [1071, ['00', '36']], [1072, ['00', '36']], [1124, ['00', '36', '72']], [1608, ['00', '36', '72']],
  ])('is put at %i: what stood behind is zeros, files behind are gone', async (pos, left) => {
    const { disk, log } = written(25);
    log.open();
    await log.load(0);
    disk.since();
    log.cutAt(pos);
    expect([log.tail, log.min, log.waitingBytes]).toEqual([pos, 0, 0]);
    expect(disk.list(dir).map((name) => name.slice(-2))).toEqual(left);
    for (const [name, hex] of plainFiles(25, tenBytes).filter(([one]) => disk.stat(one) !== undefined)) {
      const keep = Math.max(0, Math.min(536, pos - Number(name.slice(-20))));
      expect(disk.content(name).toString('hex')).toBe(hex.slice(0, keep * 2).padEnd(1072, '0'));
    }
    // Nothing that was read before is remembered.
    expect(log.tryRead(0, newTimerUnit())).toBe(pos === 0 ? 'end' : undefined);
    disk.since();
    await log.sync();
    const cut = pos % 536 === 0 && pos > 0 ? [] : [`datasync ${fileName(pos - (pos % 536))}`];
    expect(disk.since()).toEqual([...cut, ...(left.length < 3 ? [`syncDir ${dir}`, 'syncDir /t'] : [])]);
  });

  test('before the first file leaves that file alone', () => {
    const { disk, log } = written(25);
    disk.unlink(fileName(0));
    log.open();
    log.cutAt(0);
    expect([disk.list(dir).length, log.tail, log.min]).toEqual([1, 0, 536]);
    expect(disk.content(fileName(536)).toString('hex')).toBe(plainFiles(25, tenBytes)[1]?.[1]);
  });

  test('of a log without files is a place only', () => {
    const { disk, log } = make();
    log.cutAt(1072);
    expect([log.tail, log.min, log.filesEnd, disk.since()]).toEqual([1072, 1072, 0, []]);
    expect(append(log, 0, 1)).toEqual([1072]);
    log.write();
    expect(disk.list(dir)).toEqual([fileName(1072).slice(dir.length + 1)]);
  });

  test('closes the files it removes', () => {
    const { disk, log } = written(25);
    log.open();
    for (const pos of [0, 536, 1072]) log.loadNow(pos);
    disk.since();
    log.cutAt(104);
    expect(disk.since()).toEqual([`close ${fileName(536)}`, `unlink ${fileName(536)}`, `close ${fileName(1072)}`, `unlink ${fileName(1072)}`, `length ${fileName(0)}`, `length ${fileName(0)}`]);
    log.loadNow(0);
    log.close();
    expect(disk.since().at(-1)).toBe(`close ${fileName(0)}`);
    expect([log.filesEnd, log.tryRead(0, newTimerUnit())]).toEqual([0, 'end']);
  });
});

describe('reading', () => {
  test('at the tail finds nothing, whatever stood in memory before', () => {
    const { log } = make();
    append(log, 0, 5);
    log.write();
    append(log, 5, 6);
    expect([log.tryRead(5 * 52, newTimerUnit()), log.tryRead(6 * 52, newTimerUnit())]).toEqual(['unit', 'end']);
    log.write();
    expect(log.tryRead(6 * 52, newTimerUnit())).toBe('end');
  });

  test('takes a page of 315 units at once, the last of a file as far as it goes, and not twice', async () => {
    const fileBytes = 400 * 52 + 16;
    const { disk, log } = written(401, fileBytes);
    log.open();
    for (const n of [0, 314, 315, 399, 400, 314, 400]) expect(await read(log, posOf(n, fileBytes))).toEqual(unitOf(n));
    const reads = disk.since().filter((line) => line.startsWith('read'));
    expect(reads).toEqual([`read ${fileName(0)} 0+16380`, `read ${fileName(0)} 16380+${fileBytes - 16380}`, `read ${fileName(fileBytes)} 0+16380`]);
    log.dropPages();
    expect([log.tryRead(0, newTimerUnit()), log.loadNow(0), log.tryRead(0, newTimerUnit())]).toEqual([undefined, undefined, 'unit']);
  });

  test('keeps 256 pages, the ones taken last', async () => {
    const count = 257 * 315;
    const { disk, log } = written(count, count * 52 + 16);
    log.open();
    for (let page = 0; page < 256; page++) await log.load(page * 16380);
    const inMemory = (page: number): boolean => log.tryRead(page * 16380, newTimerUnit()) !== undefined;
    expect([inMemory(0), inMemory(255), inMemory(256)]).toEqual([true, true, false]);
    log.loadNow(256 * 16380);
    expect([inMemory(0), inMemory(1), inMemory(256)]).toEqual([false, true, true]);
    expect(disk.since().length).toBe(258);
  });

  test('sees what was written to a page that it has, or that it was reading', async () => {
    const { disk, log } = make(20_000);
    const gates: Promise<void>[] = [];
    const open = disk.open.bind(disk);
    disk.open = (file, mode) => {
      const opened = open(file, mode);
      opened.read = async (target, position) => {
        const length = opened.readSync(target, position);
        await gates[0];
        return length;
      };
      return opened;
    };
    append(log, 0, 2);
    log.write();
    expect(await read(log, 52)).toEqual(unitOf(1));
    append(log, 2, 3);
    log.write();
    expect(await read(log, 104)).toEqual(unitOf(2));
    log.dropPages();
    // The bytes are taken before the next unit is written, and arrive after.
    let go = (): void => undefined;
    gates.push(new Promise<void>((resolve) => (go = resolve)));
    const loading = log.load(0);
    append(log, 3, 4);
    log.write();
    go();
    await loading;
    expect(await read(log, 156)).toEqual(unitOf(3));
  });

  test('of a file that is gone, or of none, finds nothing and asks nothing', async () => {
    const { disk, log } = written(25);
    log.open();
    await log.load(0);
    log.removeFirstFile();
    disk.since();
    await log.load(0);
    log.loadNow(52);
    expect([log.tryRead(0, newTimerUnit()), log.tryRead(535, newTimerUnit()), log.tryRead(10_000, newTimerUnit()), disk.since()]).toEqual(['end', 'end', 'end', []]);
    expect(await read(log, 536)).toEqual(unitOf(10));
  });
});

describe('the first file', () => {
  test.each([[536, 468], [537, 468], [587, 468], [588, 520], [68, 0]])('of %i bytes has its last unit at %i, when another follows', (fileBytes, pos) => {
    const { log } = make(fileBytes);
    expect(log.firstFileLastUnit()).toBeUndefined();
    append(log, 0, 1);
    log.write();
    expect(log.firstFileLastUnit()).toBeUndefined();
    append(log, 1, 25);
    log.write();
    expect(log.firstFileLastUnit()).toBe(pos);
    log.removeFirstFile();
    expect([log.min, log.firstFileLastUnit()]).toEqual([fileBytes, fileBytes + pos]);
  });

  test('is closed and removed, and the removal is synced', async () => {
    const { disk, log } = written(15);
    log.open();
    log.loadNow(0);
    log.loadNow(536);
    disk.since();
    log.removeFirstFile();
    expect(disk.since()).toEqual([`close ${fileName(0)}`, `unlink ${fileName(0)}`]);
    expect(log.tryRead(536, newTimerUnit())).toBe('unit');
    await log.sync();
    expect(disk.since()).toEqual([`syncDir ${dir}`, 'syncDir /t']);
    log.removeFirstFile();
    log.removeFirstFile();
    expect([disk.list(dir), log.min]).toEqual([[], log.tail]);
  });
});
