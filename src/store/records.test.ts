/** `records`: many positions at once answer as each by itself. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RecordView, readRecord } from '../codec/message-record.js';
import { SimulatedDisk } from './simulated-disk.js';
import { ManualClock, message, openOn, smallConfig } from './store-fixture.js';
import type { OpenStore } from './message-store.js';
import type { RecordPlace } from './types.js';

/** A log over several files, most of it no longer in memory. */
async function filled(): Promise<{ store: OpenStore; known: RecordPlace[] }> {
  const disk = new SimulatedDisk(7);
  const store = await openOn(disk, new ManualClock(), smallConfig());
  const known: RecordPlace[] = [];
  for (let i = 0; i < 200; i++) {
    const { phyOffset, recordBytes } = store.put(message(store.queue('T', i % 3), `m${i}`, { padding: (i * 37) % 300 }));
    known.push({ phyOffset, recordBytes });
    if (i % 5 === 4) store.writeTurn();
  }
  return { store, known };
}

test('places in any order, near and far, with wrong lengths and beyond the log', async () => {
  const { store, known } = await filled();
  const end = store.positions.written;
  const place = fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(...known) },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom(...known), fc.constantFrom(-1, 1, -200, 100_000, 2 ** 31)).map(([p, more]) => ({ ...p, recordBytes: p.recordBytes + more })) },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom(...known), fc.constantFrom(1, -1, 50)).map(([p, more]) => ({ ...p, phyOffset: p.phyOffset + more })) },
    { weight: 1, arbitrary: fc.constantFrom(-1, end, end - 10, 2 ** 53, NaN).map((phyOffset) => ({ phyOffset, recordBytes: 100 })) },
  );
  const places = fc.oneof(
    fc.array(place, { maxLength: 60 }),
    fc.tuple(fc.nat(known.length - 1), fc.nat(80)).map(([from, count]) => known.slice(from, from + count)),
    fc.subarray(known),
  );
  await fc.assert(
    fc.asyncProperty(places, async (asked) => {
      const alone = await Promise.all(asked.map(({ phyOffset }) => store.record(phyOffset)));
      const together = await store.records(asked);
      expect(together.map((record) => record?.toString('hex'))).toEqual(alone.map((record) => record?.toString('hex')));
    }),
    { numRuns: 150 },
  );
  await store.close();
});

test('neighbours are read with one read for each file they lie in', async () => {
  const { store, known } = await filled();
  const cold = known.slice(0, 40);
  const found = await store.records(cold);
  const view = new RecordView();
  expect(found.map((record) => record !== undefined && readRecord(view, record, 0, record.length) === 'record' && view.phyOffset)).toEqual(cold.map((p) => p.phyOffset));
  const buffers = new Set(found.map((record) => record?.buffer));
  const files = new Set(cold.map((p) => Math.floor(p.phyOffset / 4096)));
  expect(files.size).toBeGreaterThan(1);
  expect(buffers.size).toBeLessThanOrEqual(files.size);
  await store.close();
});
