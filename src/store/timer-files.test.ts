/** The files of timers by themselves: what a start finds of wheel, timer log and checkpoint after stops of several kinds, over several files of the log. */
import { describe, expect, test } from '@jest/globals';
import { newTimerUnit, timerMagic, timerUnitBytes } from '../codec/timer-records.js';
import type { TimerCheckpoint } from '../codec/timer-records.js';
import { SimulatedDisk } from './simulated-disk.js';
import { ListLog } from './store-fixture.js';
import { TimerFiles } from './timer-files.js';
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
