/** Cold reads of records that lie in several pages of the log. */
import { expect, test } from '@jest/globals';
import { defaultStoreConfig } from './options.js';
import type { StoreConfig } from './options.js';
import { simulatedDisk } from './simulated-disk.js';
import { ManualClock, message, openOn, recordsOf, smallConfig, storeRoot } from './store-fixture.js';

const megabyte = 1024 * 1024;
const config: StoreConfig = smallConfig({ mappedFileSizeCommitLog: 8 * megabyte, maxMessageSize: defaultStoreConfig().maxMessageSize, readCacheBytesMax: 16 * megabyte });

test('large records are read whole, and an entry that asks for more than stands there leads to nothing', async () => {
  const [disk, clock] = [simulatedDisk(3), new ManualClock()];
  let store = await openOn(disk, clock, config);
  const paddings = [0, 2 * megabyte, 10, megabyte + 1, 300_000, 20];
  for (const [i, padding] of paddings.entries()) {
    expect(store.put(message(store.queue('T', 0), `m${i}`, { padding })).status).toBe('PUT_OK');
    expect(store.writeTurn()).toBeUndefined();
  }
  await store.close();
  const read = async (): Promise<string[]> => {
    store = await openOn(disk, clock, config);
    const queue = store.queue('T', 0);
    const texts: string[] = [];
    for (let at = 0; at < queue.maxOffset; ) {
      const got = await store.get(queue, at, 1, 4 * megabyte, undefined);
      for (const { text } of recordsOf(got.slices)) texts.push(text);
      expect(got.nextBeginOffset).toBeGreaterThan(at);
      at = got.nextBeginOffset;
    }
    await store.close();
    return texts;
  };
  expect(await read()).toEqual(['m0', 'm1', 'm2', 'm3', 'm4', 'm5']);
  const file = `${storeRoot}/consumequeue/T/0/${'0'.repeat(20)}`;
  const entries = Buffer.from(disk.content(file));
  entries.writeInt32BE(3 * megabyte, 8);
  disk.place(file, entries);
  expect(await read()).toEqual(['m1', 'm2', 'm3', 'm4', 'm5']);
});
