/** A store that Apache 5.5.0 wrote opens here and serves what it held; after our stop its files are still Apache's in size, name and bytes. */
import { afterEach, expect, test } from '@jest/globals';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { readConsumeQueueUnit } from '../codec/consume-queue-unit.js';
import { viewOf } from '../codec/int64.js';
import { realDisk } from './disk.js';
import { openStore } from './message-store.js';
import type { OpenStore } from './message-store.js';
import { defaultStoreConfig } from './options.js';
import { ListLog, ManualClock, message } from './store-fixture.js';

interface Sparse {
  readonly files: readonly { readonly path: string; readonly size: number; readonly runs: readonly { readonly at: number; readonly hex?: string; readonly text?: string }[] }[];
}

/** Captured by conformance/golden/capture.ts; the file says from what. */
function golden(): Sparse {
  const name = 'conformance/golden/apache-5.5.0-store/store.json';
  const places = [new URL(`../../../${name}`, import.meta.url), new URL(`../../${name}`, import.meta.url)];
  const found = places.find((place) => fs.existsSync(place));
  if (found === undefined) throw new Error(`${name} is missing`);
  return JSON.parse(fs.readFileSync(found, 'utf8')) as Sparse;
}

let dir = '';
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

function lay(sparse: Sparse, skip: RegExp = /^$/): void {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'store-'));
  for (const file of sparse.files) {
    if (skip.test(file.path)) continue;
    const target = path.join(dir, file.path);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    const handle = fs.openSync(target, 'w');
    fs.ftruncateSync(handle, file.size);
    for (const run of file.runs) {
      const bytes = run.text === undefined ? Buffer.from(run.hex ?? '', 'hex') : Buffer.from(run.text, 'utf8');
      fs.writeSync(handle, bytes, 0, bytes.length, run.at);
    }
    fs.closeSync(handle);
  }
}

async function open(log = new ListLog()): Promise<OpenStore> {
  const store = await openStore({ root: dir, disk: realDisk(), clock: new ManualClock(), log, config: defaultStoreConfig() });
  store.setStoreHost(Buffer.from([127, 0, 0, 1, 0, 0, 42, 159]));
  return store;
}

/** Entries of all ConsumeQueue files as Apache wrote them. */
function unitsIn(sparse: Sparse): Map<string, string> {
  const units = new Map<string, string>();
  for (const file of sparse.files) {
    if (!file.path.startsWith('consumequeue/')) continue;
    const bytes = Buffer.alloc(20 * 1000);
    for (const run of file.runs) Buffer.from(run.hex ?? '', 'hex').copy(bytes, run.at);
    for (let at = 0; at < bytes.length; at += 20) {
      const unit = readConsumeQueueUnit(viewOf(bytes), at);
      if (unit !== undefined && unit.size > 0) units.set(`${path.dirname(file.path)}@${at / 20}`, `${unit.phyOffset} ${unit.size} ${unit.tagsCode}`);
    }
  }
  return units;
}

async function unitsOf(store: OpenStore): Promise<Map<string, string>> {
  const units = new Map<string, string>();
  for (const topic of store.topicsOnDisk()) {
    for (const id of store.queueIdsOf(topic)) {
      for (const unit of await store.units(store.queue(topic, id), 0, 1000)) {
        units.set(`consumequeue/${topic}/${id}@${unit.queueOffset}`, `${unit.phyOffset} ${unit.recordBytes} ${unit.tagsCode}`);
      }
    }
  }
  return units;
}

const byKey = (map: Map<string, string>): [string, string][] => [...map].sort();

test('a cleanly stopped Apache store is served entry by entry, goes on, and keeps the form of its files', async () => {
  const sparse = golden();
  lay(sparse);
  let store = await open();
  expect(store.recovery).toMatchObject({ cleanStop: true, bytesCut: 0 });
  expect(byKey(await unitsOf(store))).toEqual(byKey(unitsIn(sparse)));
  const found = await store.queryIndex('GoldenTopic', 'key-1', 64, 0, Number.MAX_SAFE_INTEGER, undefined);
  expect(found.phyOffsets.length).toBeGreaterThan(0);
  const queue = store.queue('GoldenTopic', 0);
  const before = queue.maxOffset;
  expect(store.put(message(queue, 'ours', { uniq: 'OURS', tag: 'a' }))).toMatchObject({ status: 'PUT_OK', queueOffset: before });
  expect(store.writeTurn()).toBeUndefined();
  await store.close();
  for (const file of sparse.files) {
    if (/^(commitlog|consumequeue|index|checkpoint)/.test(file.path)) expect([file.path, fs.statSync(path.join(dir, file.path)).size]).toEqual([file.path, file.size]);
  }
  expect(fs.existsSync(path.join(dir, 'abort'))).toBe(false);
  store = await open();
  expect(store.recovery).toMatchObject({ cleanStop: true, bytesCut: 0 });
  expect(store.queue('GoldenTopic', 0).maxOffset).toBe(before + 1);
  expect((await store.queryIndex('GoldenTopic', 'OURS', 64, 0, Number.MAX_SAFE_INTEGER, undefined)).phyOffsets).toHaveLength(1);
  await store.close();
});

test('queues and index dispatched from the log alone are the ones Apache built', async () => {
  const sparse = golden();
  lay(sparse, /^(consumequeue|index|checkpoint|abort)/);
  fs.writeFileSync(path.join(dir, 'abort'), '1');
  const store = await open();
  expect(store.recovery).toMatchObject({ cleanStop: false, bytesCut: 0 });
  expect(byKey(await unitsOf(store))).toEqual(byKey(unitsIn(sparse)));
  await store.close();
  // Entries of the index in Apache's order with Apache's hashes and chains: header, slots and entries are byte for byte the same.
  const theirs = sparse.files.find((file) => file.path.startsWith('index/'));
  const name = fs.readdirSync(path.join(dir, 'index'))[0] ?? '';
  const handle = fs.openSync(path.join(dir, 'index', name), 'r');
  const entriesAt = 40 + 4 * 5_000_000;
  for (const run of theirs?.runs ?? []) {
    const expected = Buffer.from(run.hex ?? '', 'hex');
    const bytes = Buffer.alloc(expected.length);
    fs.readSync(handle, bytes, 0, bytes.length, run.at);
    if (run.at >= 32) expect([run.at >= entriesAt, run.at, bytes.toString('hex')]).toEqual([run.at >= entriesAt, run.at, expected.toString('hex')]);
  }
  fs.closeSync(handle);
});

test('an Apache store that was killed keeps every message', async () => {
  const sparse = golden();
  lay(sparse);
  fs.writeFileSync(path.join(dir, 'abort'), '1');
  const store = await open();
  expect(store.recovery).toMatchObject({ cleanStop: false, bytesCut: 0 });
  expect(byKey(await unitsOf(store))).toEqual(byKey(unitsIn(sparse)));
  await store.close();
});

test('a second store on the same directory is refused with the holder named, a foreign directory with its files', async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'store-'));
  const store = await open();
  await expect(open()).rejects.toThrow(/is in use by this process/);
  await store.close();
  // A lock left by a process that is gone blocks nobody.
  fs.writeFileSync(path.join(dir, 'lock'), 'skylark 999999999 1\n');
  await (await open()).close();
  fs.rmSync(dir, { recursive: true });
  fs.mkdirSync(dir);
  fs.writeFileSync(path.join(dir, 'thesis.doc'), 'x');
  await expect(open()).rejects.toThrow(/thesis\.doc/);
});
