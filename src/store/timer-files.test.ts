/** The files of timers by themselves: what a start finds of wheel, timer log and checkpoint after stops of several kinds, over several files of the log. */
import { describe, expect, test } from '@jest/globals';
import { newTimerUnit, timerMagic, timerUnitBytes } from '../codec/timer-records.js';
import type { TimerCheckpoint, TimerUnit } from '../codec/timer-records.js';
import { NotedDisk, SimulatedDisk } from './simulated-disk.js';
import { ListLog } from './store-fixture.js';
import { deliveredUntil, TimerFiles } from './timer-files.js';
import type { TimersFound } from './timer-files.js';

/** Ten units and the blank at the end. */
const logFileBytes = 10 * timerUnitBytes + 16;
const logFile = (n: number): string => `/t/timerlog/${String(n * logFileBytes).padStart(20, '0')}`;

function open(disk: SimulatedDisk, log = new ListLog()): { files: TimerFiles; found: TimersFound } {
  disk.makeDir('/t');
  const files = new TimerFiles({ disk, log, root: '/t', configDir: '/t/config', precisionMs: 1000, logFileBytes, wheelSlots: 256 });
  return { files, found: files.open() };
}

/** Enters units of these times, with phyOffsets from `first` on, a hundred apart. */
function enter(files: TimerFiles, first: number, ...times: readonly number[]): void {
  times.forEach((timeMs, i) => files.enter(timeMs, { ...newTimerUnit(), magic: timerMagic.DEFAULT, writeTimeMs: 1000, delayMs: timeMs - 1000, phyOffset: first + i * 100, recordBytes: 99, topicHash: 7 }));
}

const checkpoint = (files: TimerFiles, lastReadTimeMs = 2000): TimerCheckpoint => ({
  lastReadTimeMs, lastTimerLogFlushPos: files.timerLog.tail, lastTimerQueueOffset: 9, masterTimerQueueOffset: 9, dataVersion: { stateVersion: 0, timestamp: 0, counter: 0 },
});

/** phyOffsets of a time, oldest first; undefined = its chain is broken. */
async function due(files: TimerFiles, timeMs: number): Promise<number[] | undefined> {
  const slot = files.live(timeMs);
  if (slot === undefined) return [];
  const found: number[] = [];
  const whole = await files.walk(slot, 0, (_pos, unit) => found.unshift(unit.phyOffset));
  return whole ? found : undefined;
}

/** Thirty-five units, of seven times in turn from second 3 on: four files of the log. */
const times = Array.from({ length: 35 }, (_, i) => 3000 + (i % 7) * 1000);
const want = (second: number): number[] => times.flatMap((timeMs, i) => (timeMs === second * 1000 ? [i * 100] : []));

describe('timer files', () => {
  test('units are walked from memory and from the files, whichever they are in', async () => {
    const { files, found } = open(new SimulatedDisk(1));
    expect([found.rebuildFromMs, found.entered.length]).toEqual([undefined, 0]);
    enter(files, 0, ...times);
    for (let second = 3; second < 10; second++) expect(await due(files, second * 1000)).toEqual(want(second));
    await files.flush(undefined);
    enter(files, 10_000, 3000, 200_000);
    expect(files.timerLog.waitingBytes).toBe(2 * timerUnitBytes);
    expect(await due(files, 3000)).toEqual([...want(3), 10_000]);
    expect(await due(files, 200_000)).toEqual([10_100]);
    expect(await due(files, 201_000)).toEqual([]);
    files.close();
  });

  test('a start finds what the checkpoint covers, and takes up what was written behind it', async () => {
    const disk = new SimulatedDisk(2);
    let { files } = open(disk);
    enter(files, 0, ...times.slice(0, 20));
    await files.flush(checkpoint(files));
    enter(files, 2000, ...times.slice(20));
    await files.flush(undefined);
    files.close();
    const again = open(disk);
    ({ files } = again);
    expect([again.found.rebuildFromMs, [...again.found.entered]]).toEqual([undefined, Array.from({ length: 15 }, (_, i) => 2000 + i * 100)]);
    expect([files.liveSlots, files.pending, files.firstLiveMs]).toEqual([7, 35, 3000]);
    for (let second = 3; second < 10; second++) expect(await due(files, second * 1000)).toEqual(want(second));
    // The next unit goes behind the last one.
    enter(files, 9000, 3000);
    expect(await due(files, 3000)).toEqual([...want(3), 9000]);
    files.close();
  });

  test('times that were read are not pending again', async () => {
    const disk = new SimulatedDisk(3);
    const { files } = open(disk);
    enter(files, 0, ...times);
    await files.flush(checkpoint(files, 6000));
    files.close();
    const again = open(disk).files;
    expect([again.liveSlots, again.pending, again.firstLiveMs]).toEqual([4, 20, 6000]);
    again.close();
  });

  test('a last file that lost its length gets it back, and its whole units stay', async () => {
    const disk = new SimulatedDisk(4);
    const { files } = open(disk);
    enter(files, 0, ...times);
    await files.flush(undefined);
    files.close();
    disk.place(logFile(3), disk.content(logFile(3)).subarray(0, 5 * timerUnitBytes));
    const { files: again, found } = open(disk);
    expect([found.rebuildFromMs, found.entered.length, again.pending]).toEqual([undefined, 35, 35]);
    expect(disk.content(logFile(3)).length).toBe(logFileBytes);
    again.close();
  });

  test.each([
    ['a file in the middle that lost its length', (disk: SimulatedDisk) => disk.place(logFile(1), disk.content(logFile(1)).subarray(0, 100))],
    ['a file that is too long', (disk: SimulatedDisk) => disk.place(logFile(3), Buffer.alloc(logFileBytes + 1))],
    ['a file in the middle that is gone', (disk: SimulatedDisk) => disk.unlink(logFile(2))],
    ['a wheel that is gone', (disk: SimulatedDisk) => disk.unlink('/t/timerwheel')],
    ['a wheel of another size', (disk: SimulatedDisk) => disk.place('/t/timerwheel', Buffer.alloc(32))],
  ])('%s: all is moved aside and entered anew, by the next start too', async (_what, damage) => {
    const disk = new SimulatedDisk(5);
    const { files } = open(disk);
    enter(files, 0, ...times);
    await files.flush(undefined);
    files.close();
    damage(disk);
    const log = new ListLog();
    const { files: again, found } = open(disk, log);
    expect([found.rebuildFromMs, found.entered.length, again.pending]).toEqual([0, 0, 0]);
    expect(log.lines[0]).toBe('error the timer files cannot be used: they are moved aside and timers are entered anew');
    expect(disk.list('/t/timerlog')).toEqual([]);
    again.close();
    // Until a checkpoint says that everything was entered.
    const third = open(disk);
    expect(third.found.rebuildFromMs).toBe(0);
    enter(third.files, 0, 5000);
    await third.files.flush(checkpoint(third.files));
    third.files.close();
    const last = open(disk);
    expect([last.found.rebuildFromMs, await due(last.files, 5000)]).toEqual([undefined, [0]]);
    last.files.close();
  });

  test('files whose newest message left the log go, the last one stays', async () => {
    const disk = new SimulatedDisk(6);
    const { files } = open(disk);
    enter(files, 0, ...times);
    await files.flush(checkpoint(files));
    // The tenth unit of a file is of the messages at 900, 1900, 2900.
    expect(await files.removeExpired(900)).toBe(0);
    expect(await files.removeExpired(901)).toBe(1);
    expect(await files.removeExpired(1_000_000)).toBe(2);
    expect(disk.list('/t/timerlog')).toEqual([logFile(3).slice('/t/timerlog/'.length)]);
    await files.flush(checkpoint(files));
    files.close();
    const again = open(disk);
    expect(again.found.rebuildFromMs).toBeUndefined();
    enter(again.files, 7000, 100_000);
    expect(await due(again.files, 100_000)).toEqual([7000]);
    again.files.close();
  });

  test('a disk that is full refuses and keeps what waits until there is room', async () => {
    const disk = new SimulatedDisk(7);
    const { files } = open(disk);
    enter(files, 0, ...times.slice(0, 12));
    disk.fail('write', 'ENOSPC', 1, /timerlog/);
    await expect(files.flush(undefined)).rejects.toThrow(/ENOSPC/);
    enter(files, 1200, ...times.slice(12));
    await files.flush(checkpoint(files));
    files.close();
    const again = open(disk);
    expect(again.files.pending).toBe(35);
    for (let second = 3; second < 10; second++) expect(await due(again.files, second * 1000)).toEqual(want(second));
    again.files.close();
  });

  test('after a loss of power what a checkpoint covers is there', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const disk = new SimulatedDisk(seed);
      disk.place('/t/config/other', Buffer.alloc(1));
      const { files } = open(disk);
      enter(files, 0, ...times);
      await files.flush(checkpoint(files));
      disk.restart('power');
      const again = open(disk);
      expect([seed, again.found.rebuildFromMs, again.files.pending]).toEqual([seed, undefined, 35]);
      for (let second = 3; second < 10; second++) expect(await due(again.files, second * 1000)).toEqual(want(second));
      again.files.close();
    }
  });
});

const slotAt = (files: TimerFiles, second: number): number[] | undefined => {
  const slot = files.wheel.get(second * 1000);
  return slot === undefined ? undefined : [slot.firstPos, slot.lastPos, slot.num, slot.magic];
};
const pos = (n: number): number => Math.floor(n / 10) * logFileBytes + (n % 10) * timerUnitBytes;
const unitAt = (timeMs: number, phyOffset: number, magic: number = timerMagic.DEFAULT): TimerUnit => ({ ...newTimerUnit(), magic, writeTimeMs: 1000, delayMs: timeMs - 1000, phyOffset, recordBytes: 99 });
const counts = (files: TimerFiles): number[] => [files.liveSlots, files.pending];

describe('a slot', () => {
  test('names its first and newest unit and how many there are, less those called back', () => {
    const { files } = open(new SimulatedDisk(1));
    files.enter(5000, unitAt(5000, 0));
    expect([slotAt(files, 5), counts(files)]).toEqual([[0, 0, 1, 0], [1, 1]]);
    files.enter(6000, unitAt(6000, 100));
    files.enter(5000, unitAt(5000, 200));
    expect([slotAt(files, 5), slotAt(files, 6), counts(files)]).toEqual([[0, pos(2), 2, 0], [pos(1), pos(1), 1, 0], [2, 3]]);
    files.enter(5000, unitAt(5000, 300, timerMagic.DEFAULT | timerMagic.DELETE));
    expect([slotAt(files, 5), counts(files)]).toEqual([[0, pos(3), 1, 0], [2, 2]]);
    files.enter(7000, unitAt(7000, 400, timerMagic.DEFAULT | timerMagic.DELETE));
    expect([slotAt(files, 7), counts(files)]).toEqual([[pos(4), pos(4), -1, 0], [3, 1]]);
    files.enter(7000, unitAt(7000, 500, timerMagic.DEFAULT | timerMagic.ROLL));
    expect([slotAt(files, 7), counts(files)]).toEqual([[pos(4), pos(5), 0, 0], [3, 2]]);
  });

  test('is delivered in parts and then at an end; what comes later begins it anew', async () => {
    const { files } = open(new SimulatedDisk(1));
    enter(files, 0, 5000, 6000, 5000, 5000);
    const slot = files.live(5000);
    if (slot === undefined) throw new Error('no slot');
    expect([deliveredUntil(slot), deliveredUntil({ ...slot, firstPos: 104 }), deliveredUntil({ ...slot, firstPos: 104, magic: 3 })]).toEqual([0, 0, 104]);
    expect([deliveredUntil(slot), files.live(5999)?.lastPos, files.live(7000)]).toEqual([0, pos(3), undefined]);
    files.delivered(slot, pos(2), 1);
    expect([slotAt(files, 5), counts(files), deliveredUntil(slot)]).toEqual([[pos(2), pos(3), 2, 1], [2, 3], pos(2)]);
    // One that comes meanwhile is of the same chain.
    enter(files, 400, 5000);
    expect([slotAt(files, 5), counts(files), await due(files, 5000)]).toEqual([[pos(2), pos(4), 3, 1], [2, 4], [0, 200, 300, 400]]);
    const now = files.live(5000);
    if (now === undefined) throw new Error('no slot');
    files.delivered(now, pos(4), 2);
    expect([slotAt(files, 5), files.live(5000)?.num]).toEqual([[pos(4), pos(4), 1, 1], 1]);
    files.finished(now);
    expect([slotAt(files, 5), counts(files), files.live(5000)]).toEqual([[pos(5), pos(4), 0, 1], [1, 1], undefined]);
    enter(files, 500, 5000);
    expect([slotAt(files, 5), counts(files), await due(files, 5000)]).toEqual([[pos(5), pos(5), 1, 0], [2, 2], [500]]);
  });

  test('has room for a time unless an earlier one waits there', () => {
    const { files } = open(new SimulatedDisk(1));
    const far = 5000 + 256_000;
    expect(files.hasRoom(5000, 0)).toBe(true);
    files.enter(5000, unitAt(5000, 0));
    // Its own time; one that was read; one that waits.
    expect([files.hasRoom(5000, 5000), files.hasRoom(far, 5001), files.hasRoom(far, 6000), files.hasRoom(far, 5000), files.hasRoom(far, 0)]).toEqual([true, true, true, false, false]);
    files.wheel.put({ timeMs: 7000, firstPos: 0, lastPos: -1, num: 0, magic: 0 });
    expect(files.hasRoom(7000 + 256_000, 0)).toBe(true);
    const slot = files.live(5000);
    if (slot === undefined) throw new Error('no slot');
    files.finished(slot);
    expect(files.hasRoom(far, 0)).toBe(true);
  });

  test('of a unit that the disk refuses is as it was', () => {
    const disk = new SimulatedDisk(1);
    const { files } = open(disk);
    enter(files, 0, ...Array.from({ length: 10 }, () => 5000));
    disk.fail('write', 'ENOSPC');
    expect(() => files.enter(5000, unitAt(5000, 1000))).toThrow(/ENOSPC/);
    disk.fail('write', 'ENOSPC');
    expect(() => files.enter(9000, unitAt(9000, 1000))).toThrow(/ENOSPC/);
    expect([slotAt(files, 5), slotAt(files, 9), counts(files)]).toEqual([[0, pos(9), 10, 0], undefined, [1, 10]]);
  });
});

describe('a walk', () => {
  test('goes from the newest unit down to the one that is asked for', async () => {
    const { files } = open(new SimulatedDisk(1));
    enter(files, 0, 5000, 5000, 6000, 5000);
    const slot = files.live(5000);
    if (slot === undefined) throw new Error('no slot');
    for (const [until, want] of [[0, [300, 100, 0]], [1, [300, 100]], [pos(1), [300, 100]], [pos(1) + 1, [300]], [pos(3) + 1, []]] as const) {
      const found: number[] = [];
      expect(await files.walk(slot, until, (at, unit) => found.push(unit.phyOffset, at))).toBe(true);
      expect(found).toEqual(want.flatMap((phyOffset) => [phyOffset, pos(phyOffset / 100)]));
    }
    expect(await files.walk({ ...slot, lastPos: -1 }, -5, () => undefined)).toBe(true);
  });

  test.each([
    ['forward', (bytes: Buffer) => bytes.writeBigInt64BE(BigInt(pos(3)), pos(1) + 4)],
    ['to itself', (bytes: Buffer) => bytes.writeBigInt64BE(BigInt(pos(1)), pos(1) + 4)],
    ['to no unit', (bytes: Buffer) => bytes.writeInt32BE(0, pos(1))],
    ['to the end of a file', (bytes: Buffer) => bytes.writeInt32BE(-875286124, pos(1) + 12)],
  ])('of a chain that leads %s ends and says so, after what is whole', async (_where, damage) => {
    const disk = new SimulatedDisk(1);
    const { files } = open(disk);
    enter(files, 0, 5000, 5000, 6000, 5000);
    await files.flush(undefined);
    files.close();
    const bytes = disk.content(logFile(0));
    damage(bytes);
    disk.place(logFile(0), bytes);
    disk.place('/t/config/timercheck', plainCheckpoint(0, pos(4)));
    const { files: again } = open(disk);
    const slot = again.live(5000);
    if (slot === undefined) throw new Error('no slot');
    const found: number[] = [];
    expect([await again.walk(slot, 0, (_at, unit) => found.push(unit.phyOffset)), found]).toEqual([false, [300]]);
  });
});

/** The file of the checkpoint by its layout: seven numbers, zeros up to a page. */
function plainCheckpoint(...numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4096);
  numbers.forEach((value, i) => bytes.writeBigInt64BE(BigInt(value), i * 8));
  return bytes;
}

describe('a flush', () => {
  const steps = [
    'mkdir /t/timerlog', `create ${logFile(0)}`, `length ${logFile(0)}`, `write ${logFile(0)}`, `datasync ${logFile(0)}`, 'syncDir /t/timerlog', 'syncDir /t',
    'create /t/timerwheel', 'length /t/timerwheel', 'write /t/timerwheel', 'datasync /t/timerwheel', 'syncDir /t',
    'mkdir /t/config', 'create /t/config/timercheck.tmp', 'write /t/config/timercheck.tmp', 'datasync /t/config/timercheck.tmp', 'close /t/config/timercheck.tmp', 'rename /t/config/timercheck.tmp', 'syncDir /t/config',
  ];
  const next: TimerCheckpoint = { lastReadTimeMs: 4000, lastTimerLogFlushPos: pos(3), lastTimerQueueOffset: 3, masterTimerQueueOffset: 2, dataVersion: { stateVersion: 5, timestamp: 6, counter: 7 } };

  test('writes and syncs what is referred to before what refers to it, the checkpoint last', async () => {
    const disk = new NotedDisk(1);
    const { files } = open(disk);
    enter(files, 0, 5000, 6000, 5000);
    disk.since();
    await files.flush(next);
    expect(disk.since()).toEqual(steps);
    expect(disk.content('/t/config/timercheck').equals(plainCheckpoint(4000, pos(3), 3, 2, 5, 6, 7))).toBe(true);
    expect(files.checkpoint).toEqual(next);
    await files.flush(undefined);
    expect(disk.since()).toEqual(['datasync /t/timerwheel']);
  });

  test.each(steps.map((step, i) => [step, i] as const).filter(([step]) => !/^close|^mkdir .t.config/.test(step)))('that fails at %s leaves the old checkpoint, and the next does the rest', async (step, i) => {
    const [op = '', file = ''] = step.split(' ');
    const disk = new NotedDisk(1);
    disk.place('/t/config/other', Buffer.alloc(1));
    const { files } = open(disk);
    enter(files, 0, 5000, 6000, 5000);
    // The step of that name that is meant.
    let before = steps.slice(0, i).filter((one) => one === step).length;
    const count = disk.count.bind(disk);
    let failed = false;
    disk.count = (what, path) => {
      if (!failed && what === op && path === file && before-- === 0) {
        failed = true;
        throw Object.assign(new Error('EIO'), { code: 'EIO' });
      }
      return count(what, path);
    };
    await expect(files.flush(next)).rejects.toThrow('EIO');
    const renamed = step === 'syncDir /t/config';
    expect([files.checkpoint.lastReadTimeMs, disk.stat('/t/config/timercheck') !== undefined]).toEqual([renamed ? 4000 : 0, renamed]);
    await files.flush(next);
    expect(files.checkpoint).toEqual(next);
    expect(disk.content('/t/config/timercheck').equals(plainCheckpoint(4000, pos(3), 3, 2, 5, 6, 7))).toBe(true);
    files.close();
    disk.restart('power');
    const again = open(disk);
    expect([again.found, counts(again.files), await due(again.files, 5000), await due(again.files, 6000)]).toEqual([{ rebuildFromMs: undefined, entered: new Float64Array(0) }, [2, 3], [0, 200], [100]]);
    again.files.close();
  });
});

describe('a start', () => {
  /** Twelve units of four times, flushed; the checkpoint is put there by hand. */
  async function stopped(check: Buffer | undefined, change: (disk: NotedDisk) => void = () => undefined): Promise<NotedDisk> {
    const disk = new NotedDisk(1);
    const { files } = open(disk);
    enter(files, 0, ...Array.from({ length: 12 }, (_, i) => 3000 + (i % 4) * 1000));
    await files.flush(undefined);
    files.close();
    if (check !== undefined) disk.place('/t/config/timercheck', check);
    change(disk);
    disk.since();
    return disk;
  }
  const entered = (from: number): number[] => Array.from({ length: 12 - from }, (_, i) => (from + i) * 100);

  test.each([
    [0, 0], [pos(3), 3], [pos(3) + 1, 3], [pos(4) - 1, 3], [pos(9), 9], [pos(10) - 1, 10], [pos(10), 10], [pos(11), 11], [pos(12), 12], [logFileBytes * 2, 12],
  ])('with a checkpoint at %i of the log takes up the units from number %i on', async (flushed, first) => {
    const { files, found } = open(await stopped(plainCheckpoint(2000, flushed)));
    expect([found.rebuildFromMs, [...found.entered], counts(files), files.firstLiveMs]).toEqual([undefined, entered(first), [4, 12], 3000]);
    if (flushed <= pos(12)) expect(files.timerLog.tail).toBe(pos(12));
    for (let i = 0; i < 4; i++) expect(await due(files, 3000 + i * 1000)).toEqual([0, 400, 800].map((at) => at + i * 100));
  });

  test('takes up units that the wheel on disk does not know, each once, and those of times that were read not at all', async () => {
    const disk = await stopped(plainCheckpoint(4000, pos(2)), (one) => {
      const wheel = one.content('/t/timerwheel');
      // As it was after four units: one of each time; of second 6 nothing.
      for (let i = 0; i < 4; i++) {
        const at = ((3 + i) % 256) * 32;
        wheel.writeBigInt64BE(BigInt(pos(i)), at + 16);
        wheel.writeInt32BE(1, at + 24);
      }
      wheel.fill(0, 6 * 32, 7 * 32);
      one.place('/t/timerwheel', wheel);
    });
    const { files, found } = open(disk);
    expect([[...found.entered], counts(files), files.firstLiveMs]).toEqual([entered(2), [3, 9], 4000]);
    expect([3, 4, 5, 6].map((second) => slotAt(files, second))).toEqual([[0, 0, 1, 0], [pos(1), pos(9), 3, 0], [pos(2), pos(10), 3, 0], [pos(3), pos(11), 3, 0]]);
  });

  test('takes off what a unit behind the checkpoint calls back', async () => {
    const disk = new NotedDisk(1);
    const { files } = open(disk);
    enter(files, 0, 5000, 5000);
    await files.flush(checkpoint(files));
    const wheel = disk.content('/t/timerwheel');
    files.enter(5000, unitAt(5000, 200, timerMagic.DEFAULT | timerMagic.DELETE));
    files.enter(6000, unitAt(6000, 300, timerMagic.DEFAULT | timerMagic.DELETE));
    await files.flush(undefined);
    files.close();
    disk.place('/t/timerwheel', wheel);
    const again = open(disk).files;
    expect([slotAt(again, 5), slotAt(again, 6), counts(again)]).toEqual([[0, pos(2), 1, 0], [pos(3), pos(3), -1, 0], [2, 0]]);
  });

  test('begins a slot with a unit that has none before it, whatever the wheel says, and counts as the wheel does', async () => {
    const disk = new NotedDisk(1);
    const { files } = open(disk);
    enter(files, 0, 5000, 6000);
    await files.flush(undefined);
    files.close();
    const wheel = disk.content('/t/timerwheel');
    // Of second 5 the wheel knows of a unit behind the first; of second 6 it lost all.
    wheel.writeBigInt64BE(BigInt(pos(1)), 5 * 32 + 16);
    wheel.writeInt32BE(7, 5 * 32 + 24);
    wheel.fill(0, 6 * 32, 7 * 32);
    disk.place('/t/timerwheel', wheel);
    const again = open(disk).files;
    expect([slotAt(again, 5), slotAt(again, 6), counts(again)]).toEqual([[0, 0, 7, 0], [pos(1), pos(1), 1, 0], [2, 8]]);
    // The first unit of all, of a slot that the wheel does not have.
    disk.place('/t/timerwheel', Buffer.alloc(256 * 32));
    const third = open(disk).files;
    expect([slotAt(third, 5), slotAt(third, 6)]).toEqual([[0, 0, 1, 0], [pos(1), pos(1), 1, 0]]);
  });

  test('ends the log before a unit that is torn, or that follows itself', async () => {
    for (const damage of [(bytes: Buffer) => bytes.writeInt32BE(0, pos(5)), (bytes: Buffer) => bytes.writeBigInt64BE(BigInt(pos(5)), pos(5) + 4), (bytes: Buffer) => bytes.writeBigInt64BE(BigInt(pos(6)), pos(5) + 4)]) {
      const disk = await stopped(plainCheckpoint(2000, pos(4)), (one) => {
        const bytes = one.content(logFile(0));
        damage(bytes);
        one.place(logFile(0), bytes);
        // Nothing in the wheel is of what goes.
        const wheel = one.content('/t/timerwheel');
        for (let i = 0; i < 4; i++) wheel.writeBigInt64BE(BigInt(pos(i)), (3 + i) * 32 + 16);
        one.place('/t/timerwheel', wheel);
      });
      const { files, found } = open(disk);
      expect([found.rebuildFromMs, [...found.entered], files.timerLog.tail, disk.list('/t/timerlog').length]).toEqual([undefined, [400], pos(5), 1]);
      expect(disk.content(logFile(0)).subarray(pos(5)).every((byte) => byte === 0)).toBe(true);
    }
  });

  test.each([
    ['no timer log although the checkpoint is of one', plainCheckpoint(7000, 52), (disk: NotedDisk) => disk.list('/t/timerlog').forEach((name) => disk.unlink(`/t/timerlog/${name}`)), 'the timer log ends before the checkpoint'],
    ['a checkpoint a byte behind the files', plainCheckpoint(7000, logFileBytes * 2 + 1), () => undefined, 'the timer log ends before the checkpoint'],
    ['no wheel', plainCheckpoint(7000, 0), (disk: NotedDisk) => disk.unlink('/t/timerwheel'), 'the timer wheel is missing'],
    ['a file for the timer log', plainCheckpoint(7000, 0), (disk: NotedDisk) => {
      disk.list('/t/timerlog').forEach((name) => disk.unlink(`/t/timerlog/${name}`));
      disk.removeDir('/t/timerlog');
      disk.place('/t/timerlog', Buffer.alloc(3));
    }, 'the files of the timer log do not follow one another or have another size'],
    ['a wheel of another size', plainCheckpoint(7000, 0), (disk: NotedDisk) => disk.place('/t/timerwheel', Buffer.alloc(1)), 'the timer wheel is no file of this size'],
    ['slots behind the end of the log', plainCheckpoint(4000, pos(12)), (disk: NotedDisk) => {
      const wheel = disk.content('/t/timerwheel');
      // The last one; one behind; one of a time that was read does not count.
      [[4, pos(12)], [5, pos(12) + 52], [3, pos(30)], [6, pos(11)]].forEach(([second = 0, at = 0]) => wheel.writeBigInt64BE(BigInt(at), second * 32 + 16));
      disk.place('/t/timerwheel', wheel);
    }, '2 slots of the timer wheel lead behind the end of the timer log'],
  ])('that finds %s moves all aside, with the mark of it first', async (_what, check, damage, said) => {
    const disk = await stopped(check, damage);
    const names = disk.list('/t/timerlog');
    const wasFile = disk.stat('/t/timerlog')?.directory === false;
    const hadWheel = disk.stat('/t/timerwheel') !== undefined;
    const told: object[] = [];
    const log = { info: () => undefined, warn: () => undefined, error: (fields: object) => void told.push(fields) };
    const files = new TimerFiles({ disk, log, root: '/t', configDir: '/t/config', precisionMs: 1000, logFileBytes, wheelSlots: 256 });
    const readMs = Number(check.readBigInt64BE(0));
    expect(files.open()).toEqual({ rebuildFromMs: readMs, entered: new Float64Array(0) });
    expect(told).toEqual([{ damage: said }]);
    expect(disk.content('/t/config/timercheck').equals(plainCheckpoint(readMs, 0, 0, 0, 0x72656275696c))).toBe(true);
    const all = disk.since();
    expect(all).toContain('close /t/config/timercheck.tmp');
    const done = all.filter((line) => /^(rename|datasync|write) /.test(line));
    expect(done.slice(0, 4)).toEqual(['write /t/config/timercheck.tmp', 'datasync /t/config/timercheck.tmp', 'rename /t/config/timercheck.tmp', hadWheel ? 'rename /t/timerwheel' : done[3]]);
    expect([disk.stat('/t/timerwheel'), disk.stat('/t/timerwheel.aside') !== undefined]).toEqual([undefined, hadWheel]);
    if (wasFile) expect([disk.stat('/t/timerlog'), disk.content('/t/timerlog.aside').length]).toEqual([undefined, 3]);
    else expect([disk.list('/t/timerlog'), disk.list('/t/timerlog.aside')]).toEqual([[], names]);
    expect([counts(files), files.firstLiveMs, files.timerLog.tail, files.timerLog.min, files.live(4000)]).toEqual([[0, 0], 0, 0, 0, undefined]);
    // It begins at the start of the log.
    enter(files, 0, 5000);
    await files.flush(undefined);
    expect([slotAt(files, 5), counts(files), disk.list('/t/timerlog')]).toEqual([[0, 0, 1, 0], [1, 1], [logFile(0).slice(-20)]]);
  });

  test('of nothing but a checkpoint at the beginning is a first one', () => {
    const disk = new NotedDisk(1);
    disk.place('/t/config/timercheck', plainCheckpoint(7000, 0, 4, 4));
    const { files, found } = open(disk);
    expect([found.rebuildFromMs, files.checkpoint.lastReadTimeMs, files.checkpoint.lastTimerQueueOffset, disk.list('/t')]).toEqual([undefined, 7000, 4, ['config']]);
  });

  test('goes on with entering anew where the last one did not get to its end', async () => {
    const { files, found } = open(await stopped(plainCheckpoint(2000, 0, 0, 0, 0x72656275696c)));
    expect([found.rebuildFromMs, found.entered.length, files.pending]).toEqual([2000, 12, 12]);
    expect(open(await stopped(plainCheckpoint(2000, 0, 0, 0, 0x72656275696d))).found.rebuildFromMs).toBeUndefined();
  });

  test.each<[string, Buffer, boolean, string[]]>([
    ['cannot be used', Buffer.alloc(31), false, ['error the timer checkpoint cannot be used, timers are entered anew']],
    ['cannot be read', plainCheckpoint(5000), true, ['error the timer checkpoint cannot be read, timers are entered anew']],
    ['is whole', plainCheckpoint(5000).subarray(0, 56), false, []],
  ])('whose checkpoint %s says so and goes on', async (_what, bytes, fails, lines) => {
    const disk = await stopped(bytes);
    if (fails) disk.failReads = /timercheck/;
    const log = new ListLog();
    const { files, found } = open(disk, log);
    expect([log.lines, found.rebuildFromMs, found.entered.length, files.checkpoint.lastReadTimeMs]).toEqual([lines, undefined, 12, lines.length === 0 ? 5000 : 0]);
    expect(disk.since().slice(0, 3)).toEqual(['open read /t/config/timercheck', 'read /t/config/timercheck 0+4096', 'close /t/config/timercheck']);
  });

  test('passes over a directory where the checkpoint belongs', async () => {
    const log = new ListLog();
    const { found } = open(await stopped(undefined, (disk) => disk.makeDir('/t/config/timercheck')), log);
    expect([found.rebuildFromMs, log.lines]).toEqual([undefined, []]);
  });

  test('counts a time that is partly delivered as far as it is left, and one that is delivered not at all', async () => {
    const disk = new NotedDisk(1);
    const { files } = open(disk);
    enter(files, 0, 5000, 6000, 5000, 7000);
    const [five, six] = [files.live(5000), files.live(6000)];
    if (five === undefined || six === undefined) throw new Error('no slot');
    files.delivered(five, pos(2), 1);
    files.finished(six);
    await files.flush(checkpoint(files));
    files.close();
    const again = open(disk).files;
    expect([counts(again), again.firstLiveMs, again.live(6000), again.live(5000)?.firstPos]).toEqual([[2, 2], 5000, undefined, pos(2)]);
  });
});

describe('files that nobody needs any more', () => {
  test('are all but the last, and none where there is none', async () => {
    const disk = new NotedDisk(1);
    const { files } = open(disk);
    expect(await files.removeExpired(1_000_000)).toBe(0);
    enter(files, 0, ...times.slice(0, 10));
    await files.flush(undefined);
    expect([await files.removeExpired(1_000_000), disk.list('/t/timerlog').length]).toEqual([0, 1]);
  });

  test('stay while their last unit cannot be read', async () => {
    const disk = new NotedDisk(1);
    const { files } = open(disk);
    enter(files, 0, ...times);
    await files.flush(checkpoint(files));
    files.close();
    const bytes = disk.content(logFile(0));
    bytes.writeInt32BE(0, pos(9));
    disk.place(logFile(0), bytes);
    const again = open(disk).files;
    expect(await again.removeExpired(1_000_000)).toBe(0);
    disk.failReads = /timerlog/;
    again.timerLog.dropPages();
    await expect(again.removeExpired(1_000_000)).rejects.toThrow(/EIO/);
    expect(disk.list('/t/timerlog').length).toBe(4);
  });

  test('are closed with the rest', async () => {
    const disk = new NotedDisk(1);
    const { files } = open(disk);
    enter(files, 0, 5000);
    await files.flush(undefined);
    disk.since();
    files.close();
    expect(disk.since()).toEqual(['close /t/timerwheel', `close ${logFile(0)}`]);
  });
});

test('files have the sizes of Apache unless others are asked for', () => {
  const { wheel, timerLog } = new TimerFiles({ disk: new NotedDisk(1), log: new ListLog(), root: '/t', configDir: '/t/config', precisionMs: 1000 });
  expect([wheel.path, wheel.fileBytes, timerLog.dir, timerLog.fileBytes]).toEqual(['/t/timerwheel', 38_707_200, '/t/timerlog', 104_857_600]);
});
