import { expect, test } from '@jest/globals';
import { diskLevels } from './clean.js';
import type { StoreParts } from './parts.js';
import { simulatedDisk } from './simulated-disk.js';
import { ManualClock, message, openOn, settle, smallConfig, storeRoot } from './store-fixture.js';

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
