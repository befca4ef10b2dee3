/** A record whose body is whole and whose end a crash cut off: the CRC does not cover it. */
import { expect, test } from '@jest/globals';
import { checkStore, ManualClock, message, openOn, smallConfig, storeRoot } from './store-fixture.js';
import { simulatedDisk } from './simulated-disk.js';

const log = `${storeRoot}/commitlog/00000000000000000000`;

/** Two messages, killed, the last `missing` bytes of the record numbered `torn` zero. */
async function afterCrash(missing: number, torn: 0 | 1, endOfFirst = ''): Promise<string[]> {
  const disk = simulatedDisk(1);
  const clock = new ManualClock();
  const store = await openOn(disk, clock, smallConfig());
  const ends: number[] = [];
  for (const text of ['first', 'second']) {
    store.put(message(store.queue('T', 0), text, { uniq: `U-${text}-of-some-length`, tag: 'a', ...(text === 'first' && endOfFirst !== '' ? { suffix: endOfFirst } : {}) }));
    expect(store.writeTurn()).toBeUndefined();
    ends.push(store.positions.written);
  }
  disk.crash();
  disk.restart('kill');
  const bytes = disk.content(log);
  bytes.fill(0, (ends[torn] as number) - missing, ends[torn]);
  disk.place(log, bytes);
  for (const file of disk.files()) if (/consumequeue|index|checkpoint/.test(file)) disk.unlink(file);
  const again = await openOn(disk, new ManualClock(), smallConfig());
  const found = (await checkStore(again)).get('T/0') ?? [];
  await again.close();
  return found;
}

test('every cut in the properties of the last record takes that record away, and no other', async () => {
  for (let missing = 1; missing <= 40; missing++) expect([missing, await afterCrash(missing, 1)]).toEqual([missing, ['first']]);
  expect(await afterCrash(0, 1)).toEqual(['first', 'second']);
});

test('where a later write came through and an earlier one did not, the log ends before the torn record', async () => {
  expect(await afterCrash(12, 0)).toEqual([]);
});

test('properties that end with a zero stay when records follow', async () => {
  expect(await afterCrash(0, 1, 'own\u0001ends with a zero\0')).toEqual(['first', 'second']);
});
