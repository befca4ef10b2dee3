/** Buffers of pages are read into again once a reader gave them back, and never before. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { simulatedDisk } from './simulated-disk.js';
import { ListLog, ManualClock, message, openOn, recordsOf, smallConfig } from './store-fixture.js';
import type { OpenStore } from './message-store.js';
import type { QueueRef } from './types.js';

const messages = 4000;
/** Two pages of the log: each reader drives the others' pages out. */
const config = smallConfig({
  mappedFileSizeCommitLog: 4 * 1024 * 1024, mappedFileSizeConsumeQueue: 20 * 10_000, messageIndexEnable: false, tailCacheBytesMax: 4096,
  readCacheBytesMax: 512 * 1024, maxTransferCountOnMessageInDisk: 32, maxTransferBytesOnMessageInDisk: 256 * 1024,
});

let open: OpenStore | undefined;

afterEach(async () => {
  await open?.close();
  open = undefined;
});

async function filled(): Promise<{ store: OpenStore; queues: QueueRef[] }> {
  const store = (open = await openOn(simulatedDisk(7), new ManualClock(), config, new ListLog()));
  const queues = [store.queue('T', 0), store.queue('T', 1)];
  for (let i = 0; i < messages; i++) {
    const queue = queues[i % 2] as QueueRef;
    if (store.put(message(queue, `m${i}`, { padding: 1800 })).status !== 'PUT_OK') throw new Error('put');
    if (i % 100 === 99) store.writeTurn();
  }
  return { store, queues };
}

/** Goes through a queue; `each` sees the slices of one get and says whether they may be given back now. */
async function walk(store: OpenStore, queue: QueueRef, each: (slices: readonly Buffer[]) => boolean): Promise<void> {
  let at = queue.minOffset;
  while (at < queue.maxOffset) {
    const result = await store.get(queue, at, 32, 1 << 20, undefined);
    if (result.status !== 'FOUND') throw new Error(`${result.status} at ${at}`);
    if (each(result.slices)) store.release(result);
    at = result.nextBeginOffset;
  }
}

const textsOf = (queueId: number): string[] => Array.from({ length: messages / 2 }, (_, i) => `m${i * 2 + queueId}`);

describe('pages', () => {
  test('a reader that gives its pages back keeps a few buffers busy; one that does not keeps its slices as they were', async () => {
    const { store, queues } = await filled();
    const [first, second] = queues as [QueueRef, QueueRef];
    const held: Buffer[] = [];
    const copied: string[] = [];
    await Promise.all([
      walk(store, first, (slices) => {
        copied.push(...recordsOf(slices).map((record) => record.text));
        return true;
      }),
      walk(store, second, (slices) => {
        held.push(...slices);
        return false;
      }),
      walk(store, second, () => true),
    ]);
    expect(copied).toEqual(textsOf(0));
    expect(recordsOf(held).map((record) => record.text)).toEqual(textsOf(1));

    const buffers = new Set<ArrayBufferLike>();
    let gets = 0;
    await walk(store, first, (slices) => {
      gets++;
      for (const slice of slices) if (slice.buffer.byteLength === 256 * 1024) buffers.add(slice.buffer);
      return true;
    });
    expect(gets).toBeGreaterThan(30);
    // 8 MB were read through: 32 pages.
    expect(buffers.size).toBeLessThan(24);
    expect(recordsOf(held).map((record) => record.text)).toEqual(textsOf(1));
  });
});
