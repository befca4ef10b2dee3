import { beforeEach, describe, expect, test } from '@jest/globals';
import { Cleaner, diskLevels } from './clean.js';
import { CommitLog } from './commit-log.js';
import type { StoreConfig } from './options.js';
import type { StoreParts } from './parts.js';
import { simulatedDisk } from './simulated-disk.js';
import { ListLog, ManualClock, message, openOn, settle, smallConfig, storeRoot } from './store-fixture.js';

test('expired files go by themselves, each time the interval is over', async () => {
  const [disk, clock] = [simulatedDisk(1), new ManualClock()];
  const everyHour = Array.from({ length: 24 }, (_, hour) => hour).join(';');
  const store = await openOn(disk, clock, smallConfig({ deleteWhen: everyHour, fileReservedTime: 1, cleanResourceInterval: 10_000, deleteCommitLogFilesInterval: 0 }));
  const files = (): number => disk.list(`${storeRoot}/commitlog`).length;
  const fill = async (): Promise<void> => {
    for (let i = 0; i < 12; i++) {
      expect(store.put(message(store.queue('T', 0), `m${i}`, { padding: 1000 })).status).toBe('PUT_OK');
      expect(store.writeTurn()).toBeUndefined();
    }
    await settle();
  };
  await fill();
  await clock.advance(61_000);
  const before = files();
  expect(before).toBeGreaterThan(3);
  for (let round = 0; round < 3; round++) {
    clock.now += 2 * 3_600_000;
    await clock.advance(10_001);
    // The one with the tail stays, and one that was made beforehand.
    expect(files()).toBeLessThan(3);
    expect(store.queue('T', 0).minOffset).toBeGreaterThan(0);
    await fill();
    expect(files()).toBeGreaterThan(3);
  }
  await store.close();
});

// `CleanCommitLogService#getDiskSpaceWarningLevelRatio` and its neighbours: 0.35 to 0.90, 0.30 to 0.85.
test.each([
  [undefined, undefined, 0.9, 0.85], [90, 85, 0.9, 0.85], [91, 86, 0.9, 0.85], [100, 100, 0.9, 0.85], [89, 84, 0.89, 0.84], [60, 50, 0.6, 0.5], [36, 31, 0.36, 0.31], [35, 30, 0.35, 0.3], [34, 29, 0.35, 0.3], [0, 0, 0.35, 0.3],
])('a warning level of %p and a forcible one of %p are %d and %d of the disk', (diskSpaceWarningLevelRatio, diskSpaceCleanForciblyRatio, warning, forcibly) => {
  const config = smallConfig({ diskMaxUsedSpaceRatio: 75, ...(diskSpaceWarningLevelRatio === undefined ? {} : { diskSpaceWarningLevelRatio }), ...(diskSpaceCleanForciblyRatio === undefined ? {} : { diskSpaceCleanForciblyRatio }) });
  expect(diskLevels({ config } as StoreParts)).toEqual({ warning, forcibly, cleaning: 0.75 });
});

// `ConsumeQueue#fillPreBlank`
test('entries built again from a log whose first files are gone begin behind blanks, as Apache writes them', async () => {
  const [disk, clock] = [simulatedDisk(1), new ManualClock()];
  const config = smallConfig({ mappedFileSizeConsumeQueue: 20 * 64, deleteWhen: Array.from({ length: 24 }, (_, hour) => hour).join(';'), fileReservedTime: 1, cleanResourceInterval: 10_000, deleteCommitLogFilesInterval: 0 });
  let store = await openOn(disk, clock, config);
  for (let i = 0; i < 12; i++) {
    expect(store.put(message(store.queue('T', 0), `m${i}`, { padding: 1000 })).status).toBe('PUT_OK');
    expect(store.writeTurn()).toBeUndefined();
  }
  await clock.advance(61_000);
  clock.now += 2 * 3_600_000;
  await clock.advance(10_001);
  const { minOffset, maxOffset } = store.queue('T', 0);
  expect([minOffset > 0, maxOffset]).toEqual([true, 12]);
  await store.close();
  const file = `${storeRoot}/consumequeue/T/0/${'0'.repeat(20)}`;
  disk.unlink(file);
  store = await openOn(disk, clock, config);
  expect(store.queue('T', 0)).toMatchObject({ minOffset, maxOffset: 12 });
  await store.close();
  const bytes = Buffer.from(disk.content(file));
  const units = Array.from({ length: 13 }, (_, i) => [Number(bytes.readBigInt64BE(i * 20)), bytes.readInt32BE(i * 20 + 8)] as const);
  for (const unit of units.slice(0, minOffset)) expect(unit).toEqual([0, 0x7fffffff]);
  for (const [phyOffset, size] of units.slice(minOffset, 12)) expect([phyOffset > 0, size > 1000, size < 1300]).toEqual([true, true, true]);
  expect(units[12]).toEqual([0, 0]);
});

describe('a run', () => {
  const hour = 3_600_000;
  const fileBytes = 4096;
  let disk: ReturnType<typeof simulatedDisk>;
  let clock: ManualClock;
  let log: ListLog;
  let commitLog: CommitLog;
  let ratios: { log: number; root: number };
  /** What was done to others, in order. */
  let done: string[];

  beforeEach(() => {
    disk = simulatedDisk(1);
    clock = new ManualClock();
    log = new ListLog();
    done = [];
    ratios = { log: 0.5, root: 0.5 };
    disk.makeDir('/log');
    disk.usedRatio = (dir?: string) => (dir === '/log' ? ratios.log : ratios.root);
    const syncDir = disk.syncDir.bind(disk);
    disk.syncDir = (dir: string) => {
      done.push(`sync ${dir} ${disk.list('/log').length}`);
      return syncDir(dir);
    };
    const at = new Date(clock.now);
    at.setHours(12, 0, 0, 0);
    clock.now = at.getTime();
  });

  /** Five files, all written, synced and expired unless the test says otherwise. */
  function cleanerOf(change: Partial<StoreConfig> = {}): Cleaner {
    commitLog = new CommitLog(disk, '/log', fileBytes, 4096, () => clock.now);
    for (let i = 0; i < 5; i++) commitLog.addFile(i * fileBytes).modifiedMs = clock.now - 100 * hour;
    commitLog.startAt(5 * fileBytes);
    const config = smallConfig({ deleteWhen: '12', fileReservedTime: 72, deleteCommitLogFilesInterval: 0, diskMaxUsedSpaceRatio: 75, ...change });
    return new Cleaner({ root: '/root', config, disk, clock, log, commitLog } as unknown as StoreParts, {
      removed: (base) => void done.push(`removed ${base}`),
      derived: () => void done.push('derived'),
      diskFull: (remark) => void (remark === undefined ? undefined : done.push(remark)),
    });
  }
  const bases = (): number[] => commitLog.files.map(({ base }) => base / fileBytes);

  test('removes what has expired, the oldest first, each durably before the next, and then what was derived of it', async () => {
    expect(await cleanerOf().run()).toBe(5);
    expect(done).toEqual([0, 1, 2, 3, 4].flatMap((i) => [`removed ${i * fileBytes}`, `sync /log ${4 - i}`]).concat('derived'));
    expect([bases(), disk.files()]).toEqual([[], []]);
    expect(log.lines).toEqual(Array.from({ length: 5 }, () => 'info removed an expired commit log file'));
  });

  test('without anything to remove touches nothing', async () => {
    const cleaner = cleanerOf();
    commitLog.files.forEach((file) => (file.modifiedMs = clock.now));
    expect([await cleaner.run(), done]).toEqual([0, []]);
    while (commitLog.files.length > 0) commitLog.removeFirst();
    expect([await cleaner.run(), done]).toEqual([0, []]);
  });

  test('removes a file in the millisecond in which its time is over, and none behind one that stays', async () => {
    const cleaner = cleanerOf();
    const [first, second, third] = commitLog.files;
    if (first === undefined || second === undefined || third === undefined) throw new Error('five files');
    first.modifiedMs = clock.now - 72 * hour + 1;
    expect([await cleaner.run(), bases()]).toEqual([0, [0, 1, 2, 3, 4]]);
    first.modifiedMs--;
    second.modifiedMs = clock.now - 72 * hour + 1;
    expect([await cleaner.run(), bases()]).toEqual([1, [1, 2, 3, 4]]);
  });

  test.each<[string, number, number, number[]]>([
    ['is not written', 2 * fileBytes - 1, 5 * fileBytes, [1, 2, 3, 4]],
    ['was just written', 2 * fileBytes, 5 * fileBytes, [2, 3, 4]],
    ['is not synced', 5 * fileBytes, 3 * fileBytes - 1, [2, 3, 4]],
    ['was just synced', 5 * fileBytes, 3 * fileBytes, [3, 4]],
  ])('keeps a file whose end %s', async (_, written, flushed, left) => {
    for (const full of [false, true]) {
      const cleaner = cleanerOf();
      commitLog.written = written;
      commitLog.flushed = flushed;
      ratios.log = full ? 0.99 : 0.5;
      await cleaner.run();
      expect([full, bases()]).toEqual([full, left]);
    }
  });

  test.each<[string, number, number, boolean]>([
    ['12', 12, 0, true], ['12', 12, 59, true], ['12', 11, 59, false], ['12', 13, 0, false], ['04', 4, 0, true], ['4', 4, 0, true], ['4', 5, 0, false], ['00', 0, 30, true], ['0', 1, 0, false],
    ['3;12;23', 12, 0, true], ['3;12;23', 3, 0, true], ['3;12;23', 23, 59, true], ['3;12;23', 22, 0, false], ['3,12', 12, 0, false], ['x', 12, 0, false], ['99', 12, 0, false],
  ])('at the hour of %j: %d:%d %p', async (deleteWhen, hours, minutes, is) => {
    clock.now = new Date(clock.now).setHours(hours, minutes, 0, 0);
    expect([await cleanerOf({ deleteWhen }).run(), bases().length]).toEqual(is ? [5, 0] : [0, 5]);
  });

  test.each<[number, number, boolean, boolean, string | undefined]>([
    [0.5, 0.5, false, false, undefined],
    [0.75, 0.75, false, false, undefined],
    [0.7501, 0.1, true, false, undefined],
    [0.1, 0.7501, true, false, undefined],
    [-1, -1, true, false, undefined],
    [-1, 0.5, false, false, undefined],
    [0, 0, false, false, undefined],
    [0.85, 0.1, true, false, undefined],
    [0.8501, 0.1, true, true, undefined],
    [0.1, 0.9, true, true, undefined],
    [0.9001, 0.1, true, true, 'disk full: 90 % used, messages are refused above 90 %'],
    [0.1, 0.93456, true, true, 'disk full: 93.5 % used, messages are refused above 90 %'],
  ])('of a disk used to %d for the log and %d for the rest', (used, root, remove, atOnce, remark) => {
    const cleaner = cleanerOf();
    ratios = { log: used, root };
    expect(cleaner.checkSpace()).toEqual({ delete: remove, atOnce });
    expect(done).toEqual(remark === undefined ? [] : [remark]);
  });

  test('says each time whether the disk is full', async () => {
    const marks: (string | undefined)[] = [];
    const cleaner = new Cleaner({ root: '/root', config: smallConfig({ diskSpaceWarningLevelRatio: 60 }), disk, clock, log, commitLog: new CommitLog(disk, '/log', fileBytes, 4096, () => clock.now) } as unknown as StoreParts, {
      removed: () => undefined, derived: () => undefined, diskFull: (remark) => void marks.push(remark),
    });
    for (ratios of [{ log: 0.61, root: 0 }, { log: 0.6, root: 0 }]) await cleaner.run();
    expect(marks).toEqual(['disk full: 61 % used, messages are refused above 60 %', undefined]);
  });

  test('outside of the hour takes what has expired when the disk fills, and nothing else', async () => {
    const cleaner = cleanerOf({ deleteWhen: '3' });
    const last = commitLog.files[3];
    if (last !== undefined) last.modifiedMs = clock.now;
    expect(await cleaner.run()).toBe(0);
    ratios.log = 0.76;
    expect([await cleaner.run(), bases()]).toEqual([3, [3, 4]]);
  });

  test('takes what has not expired only as long as the disk is nearly full', async () => {
    const cleaner = cleanerOf({ deleteWhen: '3' });
    commitLog.files.forEach((file) => (file.modifiedMs = clock.now));
    const unlink = disk.unlink.bind(disk);
    ratios.log = 0.87;
    disk.unlink = (file) => {
      unlink(file);
      ratios.log -= 0.01;
    };
    expect([await cleaner.run(), bases()]).toEqual([2, [2, 3, 4]]);
    expect(done.at(-1)).toBe('derived');
    // Where that is forbidden only what has expired goes.
    const careful = cleanerOf({ deleteWhen: '3', cleanFileForciblyEnable: false });
    ratios.log = 0.99;
    commitLog.files.slice(1).forEach((file) => (file.modifiedMs = clock.now));
    expect([await careful.run(), bases()]).toEqual([1, [1, 2, 3, 4]]);
  });

  test('pauses between two files, and not behind the last but one', async () => {
    const cleaner = cleanerOf({ deleteCommitLogFilesInterval: 100 });
    let count: number | undefined;
    void cleaner.run().then((removed) => (count = removed));
    for (const left of [4, 3, 2]) {
      await settle();
      expect([count, bases().length]).toEqual([undefined, left]);
      await clock.advance(99);
      expect(bases().length).toBe(left);
      await clock.advance(1);
    }
    expect([count, bases().length]).toEqual([5, 0]);
  });

  test('pauses for a millisecond too, and not at all without an interval', async () => {
    for (const [deleteCommitLogFilesInterval, left] of [[1, 4], [0, 0]] as const) {
      void cleanerOf({ deleteCommitLogFilesInterval }).run();
      for (let i = 0; i < 5; i++) await settle();
      expect([deleteCommitLogFilesInterval, bases().length]).toEqual([deleteCommitLogFilesInterval, left]);
    }
  });

  test('that comes while another one removes waits for that and counts the same', async () => {
    const cleaner = cleanerOf({ deleteCommitLogFilesInterval: 100 });
    const both = Promise.all([cleaner.run(), cleaner.run()]);
    await clock.advance(1000);
    expect([await both, done.filter((what) => what === 'derived').length]).toEqual([[5, 5], 1]);
    // The next one has work of its own.
    const next = commitLog.addFile(9 * fileBytes);
    next.modifiedMs = 0;
    commitLog.startAt(10 * fileBytes);
    expect(await cleaner.run()).toBe(1);
  });

  test('ends with the close', async () => {
    const cleaner = cleanerOf({ deleteCommitLogFilesInterval: 100 });
    const run = cleaner.run();
    await settle();
    cleaner.close();
    await clock.advance(1000);
    expect([await run, bases().length, done.at(-1)]).toEqual([1, 4, 'derived']);
    expect(await cleaner.run()).toBe(0);
  });

  test('does not come any more once it was closed, before the first one or amid it', async () => {
    for (const amid of [false, true]) {
      done = [];
      const cleaner = cleanerOf({ deleteWhen: '3', cleanFileForciblyEnable: false, cleanResourceInterval: 1000, deleteCommitLogFilesInterval: 100 });
      ratios.log = 0.95;
      cleaner.start();
      if (amid) await clock.advance(60_050);
      cleaner.close();
      await clock.advance(120_000);
      expect([amid, done.filter((what) => what.startsWith('disk full')).length]).toEqual([amid, amid ? 1 : 0]);
    }
  });

  test('that fails says so, and the next one goes on', async () => {
    const cleaner = cleanerOf();
    disk.fail('syncDir', 'EIO');
    await expect(cleaner.run()).rejects.toThrow('EIO');
    expect([await cleaner.run(), bases()]).toEqual([4, []]);
  });

  test('asked for by hand lasts for twenty runs', async () => {
    const cleaner = cleanerOf({ deleteWhen: '3' });
    const one = async (run: () => Promise<number>): Promise<number> => {
      while (commitLog.files.length > 0) commitLog.removeFirst();
      commitLog.addFile(0).modifiedMs = 0;
      commitLog.startAt(fileBytes);
      return run();
    };
    expect(await one(() => cleaner.run())).toBe(0);
    const counts = [await one(() => cleaner.deleteNow())];
    for (let i = 0; i < 21; i++) counts.push(await one(() => cleaner.run()));
    expect(counts).toEqual([...Array.from({ length: 20 }, () => 1), 0, 0]);
    // Asked for again, it begins anew.
    await one(() => cleaner.deleteNow());
    await one(() => cleaner.deleteNow());
    for (let i = 0; i < 19; i++) expect(await one(() => cleaner.run())).toBe(1);
    expect(await one(() => cleaner.run())).toBe(0);
  });

  test('comes a minute after the start, then each interval, a failed one too, and no more after the close', async () => {
    const cleaner = cleanerOf({ cleanResourceInterval: 7000 });
    const removedAt = async (ms: number): Promise<[number, number]> => {
      await clock.advance(ms - 1);
      const before = bases().length;
      await clock.advance(1);
      return [before, bases().length];
    };
    commitLog.files.slice(1).forEach((file) => (file.modifiedMs = Number.MAX_SAFE_INTEGER));
    const expire = (): void => commitLog.files.slice(0, 1).forEach((file) => (file.modifiedMs = 0));
    cleaner.start();
    expect(await removedAt(60_000)).toEqual([5, 4]);
    expire();
    expect(await removedAt(7000)).toEqual([4, 3]);
    expire();
    disk.fail('syncDir', 'EIO');
    expect(await removedAt(7000)).toEqual([3, 2]);
    expect(log.lines).toContain('warn expired commit log files cannot be removed');
    expire();
    expect(await removedAt(7000)).toEqual([2, 1]);
    expire();
    cleaner.close();
    expect(await removedAt(60_000)).toEqual([1, 1]);
  });
});
