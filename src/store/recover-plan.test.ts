/** What recovery builds again, on logs of a few files: the index after a cut, and how much of the log went. The long forms are rebuild.test.ts and odd-files.test.ts. */
import { expect, test } from '@jest/globals';
import { indexHeaderBytes } from '../codec/index-header.js';
import { simulatedDisk } from './simulated-disk.js';
import type { SimulatedDisk } from './simulated-disk.js';
import { checkStore, ManualClock, message, openOn, settle, smallConfig, storeRoot } from './store-fixture.js';
import type { OpenStore } from './message-store.js';

const config = smallConfig();
const open = (disk: SimulatedDisk, change = config): Promise<OpenStore> => openOn(disk, new ManualClock(), change);
const indexFiles = (disk: SimulatedDisk): string[] => disk.files().filter((name) => name.includes('/index/'));

function put(store: OpenStore, first: number, count: number): void {
  for (let i = first; i < first + count; i++) {
    expect(store.put(message(store.queue('T', i % 2), `m${i}`, { uniq: `U${i}`, keys: `k${i}`, tag: 'a', padding: 100 })).status).toBe('PUT_OK');
    expect(store.writeTurn()).toBeUndefined();
  }
}

/** All messages are there, and the index has each of them once. */
async function expectWhole(store: OpenStore, count: number): Promise<void> {
  const all = await checkStore(store);
  expect([...all.values()].flat().length).toBe(count);
  for (let i = 0; i < count; i++) expect((await store.queryIndex('T', `k${i}`, 64, 0, Number.MAX_SAFE_INTEGER, undefined)).phyOffsets.length).toBe(1);
}

test.each(['all', 'the oldest', 'the newest'])('the index is built again when %s of its files are gone', async (which) => {
  const disk = simulatedDisk(1);
  let store = await open(disk);
  put(store, 0, 40);
  await store.close();
  const files = indexFiles(disk);
  expect(files.length).toBeGreaterThan(2);
  for (const name of which === 'all' ? files : which === 'the oldest' ? files.slice(0, 1) : files.slice(-1)) disk.unlink(name);
  store = await open(disk);
  await expectWhole(store, 40);
  await store.close();
});

test('after a kill the index has what came behind the checkpoint, once', async () => {
  const disk = simulatedDisk(2);
  let store = await open(disk);
  put(store, 0, 15);
  await store.checkpoint();
  put(store, 15, 15);
  await settle();
  disk.crash();
  disk.restart('kill');
  store = await open(disk);
  await expectWhole(store, 30);
  put(store, 30, 10);
  await store.close();
  store = await open(disk);
  await expectWhole(store, 40);
  await store.close();
});

test('entries behind what the header of an index file counts are taken up', async () => {
  const disk = simulatedDisk(3);
  const large = smallConfig({ maxIndexNum: 200 });
  let store = await open(disk, large);
  put(store, 0, 4);
  await store.checkpoint();
  const [name] = indexFiles(disk);
  const header = disk.content(name ?? '').subarray(0, indexHeaderBytes);
  put(store, 4, 4);
  await store.checkpoint();
  disk.crash();
  disk.restart('kill');
  expect(indexFiles(disk)).toEqual([name]);
  const bytes = disk.content(name ?? '');
  header.copy(bytes);
  disk.place(name ?? '', bytes);
  store = await open(disk, large);
  await expectWhole(store, 8);
  put(store, 8, 4);
  await expectWhole(store, 12);
  await store.close();
});

test('what recovery takes away of a damaged log is said in bytes, the files behind included', async () => {
  const disk = simulatedDisk(4);
  let store = await open(disk);
  put(store, 0, 60);
  await settle();
  const files = disk.list(`${storeRoot}/commitlog`);
  expect(files.length).toBeGreaterThan(3);
  const hit = (await store.units(store.queue('T', 1), 2, 1))[0];
  disk.crash();
  disk.restart('kill');
  for (const file of disk.files()) if (/consumequeue|index|checkpoint/.test(file)) disk.unlink(file);
  const first = disk.content(`${storeRoot}/commitlog/${'0'.repeat(20)}`);
  let data = first.length;
  while (first[data - 1] === 0) data--;
  disk.flip(`${storeRoot}/commitlog/${'0'.repeat(20)}`, (hit?.phyOffset ?? 0) + 100, 3);
  store = await open(disk);
  const full = Math.floor((files.length - 1) * config.mappedFileSizeCommitLog);
  const { bytesCut } = store.recovery;
  expect(bytesCut).toBeGreaterThan(data - (hit?.phyOffset ?? 0));
  expect(bytesCut).toBeLessThanOrEqual(full + data - (hit?.phyOffset ?? 0));
  await expectWhole(store, 5);
  await store.close();
});
