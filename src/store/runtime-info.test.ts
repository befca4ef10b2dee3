import { expect, test } from '@jest/globals';
import { ManualClock, message, openOn, smallConfig } from './store-fixture.js';
import { simulatedDisk } from './simulated-disk.js';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

test('the store tells what it counted, as means since its start, under the names that Apache has', async () => {
  const disk = simulatedDisk(1);
  const clock = new ManualClock();
  const store = await openOn(disk, clock, smallConfig({ maxMessageSize: 1000 }));
  const bootMs = clock.now;
  const none = store.runtimeInfo();
  expect(none).toEqual({
    bootTimestamp: String(bootMs), runtime: '[ 0 days, 0 hours, 0 minutes, 0 seconds ]', putMessageTimesTotal: '1', putMessageFailedTimes: '0', putMessageSizeTotal: '0',
    putMessageAverageSize: '0', putTps: '0', getFoundTps: '0', getMissTps: '0', getTotalTps: '0', getTransferredTps: '0', 'commitLogDiskRatio_/store/commitlog': '0.1',
    commitLogDiskRatio: '0.1', consumeQueueDiskRatio: '0.1', commitLogMinOffset: '0', commitLogMaxOffset: '0',
  });
  const queue = store.queue('T', 0);
  let bytes = 0;
  for (let i = 0; i < 8; i++) bytes += store.put(message(queue, `m${i}`)).recordBytes;
  store.put(message(queue, 'x', { padding: 1000 }));
  store.writeTurn();
  for (const at of [0, 5, 8, 9]) void store.get(queue, at, 32, 1 << 20, undefined);
  // Less than a second counts as one.
  clock.now += 500;
  expect(store.runtimeInfo()).toMatchObject({ putTps: '8', getFoundTps: '2', getTransferredTps: '11' });
  clock.now += 3500;
  disk.used = 0.25;
  expect(store.runtimeInfo()).toEqual({
    bootTimestamp: String(bootMs), runtime: '[ 0 days, 0 hours, 0 minutes, 4 seconds ]', putMessageTimesTotal: '8', putMessageFailedTimes: '1', putMessageSizeTotal: String(bytes),
    putMessageAverageSize: String(bytes / 8), putTps: '2', getFoundTps: '0.5', getMissTps: '0.5', getTotalTps: '1', getTransferredTps: '2.75', 'commitLogDiskRatio_/store/commitlog': '0.25',
    commitLogDiskRatio: '0.25', consumeQueueDiskRatio: '0.25', commitLogMinOffset: '0', commitLogMaxOffset: String(bytes),
  });
  for (const [ms, text] of [
    [999, '0 days, 0 hours, 0 minutes, 0'], [59_999, '0 days, 0 hours, 0 minutes, 59'], [minute, '0 days, 0 hours, 1 minutes, 0'], [hour - 1, '0 days, 0 hours, 59 minutes, 59'],
    [hour, '0 days, 1 hours, 0 minutes, 0'], [day - 1, '0 days, 23 hours, 59 minutes, 59'], [day, '1 days, 0 hours, 0 minutes, 0'], [3 * day + 4 * hour + 5 * minute + 6000, '3 days, 4 hours, 5 minutes, 6'],
  ] as const) {
    clock.now = bootMs + ms;
    expect(store.runtimeInfo()['runtime']).toBe(`[ ${text} seconds ]`);
  }
  await store.close();
});
