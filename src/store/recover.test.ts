/** What a start reports, from where it goes through the log, and what becomes of derived files without one. What it plans is recover-plan.test.ts, what it meets on the way log-scan.test.ts. */
import { describe, expect, test } from '@jest/globals';
import type { OpenStore } from './message-store.js';
import { offsetFileName } from './names.js';
import type { StoreConfig } from './options.js';
import { simulatedDisk } from './simulated-disk.js';
import type { SimulatedDisk } from './simulated-disk.js';
import { checkStore, ListLog, ManualClock, message, openOn, settle, smallConfig, storeRoot } from './store-fixture.js';

const config = smallConfig({ maxIndexNum: 1000, mappedFileSizeConsumeQueue: 20 * 1000 });
const fileBytes = config.mappedFileSizeCommitLog;

/** `count` messages from number `first` on, in two queues; where their records begin. */
function put(store: OpenStore, first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const result = store.put(message(store.queue('T', (first + i) % 2), `m${first + i}`, { uniq: `U${first + i}`, tag: 'a', padding: 300 }));
    expect(result.status).toBe('PUT_OK');
    const { phyOffset } = result;
    expect(store.writeTurn()).toBeUndefined();
    return phyOffset;
  });
}

/** A store of forty messages; killed, or closed. */
async function filled(how: 'closed' | 'killed' | 'killed after a checkpoint', change: Partial<StoreConfig> = {}): Promise<{ disk: SimulatedDisk; offsets: number[]; end: number }> {
  const disk = simulatedDisk(1);
  const clock = new ManualClock();
  const store = await openOn(disk, clock, { ...config, ...change });
  const offsets = put(store, 0, 30);
  if (how === 'killed after a checkpoint') {
    await store.checkpoint();
    await settle();
  }
  offsets.push(...put(store, 30, 10));
  const end = store.positions.written;
  if (how === 'closed') await store.close();
  else {
    disk.crash();
    clock.dropTimers();
    await settle();
    disk.restart('kill');
  }
  return { disk, offsets, end };
}

async function reopened(disk: SimulatedDisk, change: Partial<StoreConfig> = {}, log = new ListLog()): Promise<OpenStore> {
  return openOn(disk, new ManualClock(), { ...config, ...change }, log);
}

async function expectServed(store: OpenStore, numbers: readonly number[]): Promise<void> {
  const texts = [...(await checkStore(store)).values()].flat();
  expect(texts.map((text) => Number(text.slice(1))).sort((a, b) => a - b)).toEqual(numbers);
}
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('the report', () => {
  test('of a clean stop: the whole short log was looked at, nothing cut', async () => {
    const { disk } = await filled('closed');
    const store = await reopened(disk);
    expect(store.recovery).toEqual({ cleanStop: true, recordsScanned: 40, bytesCut: 0, cutReason: undefined, elapsedMs: 0 });
    await store.close();
  });

  test('of an empty directory, and of one that was closed empty', async () => {
    const disk = simulatedDisk(1);
    for (let i = 0; i < 2; i++) {
      const log = new ListLog();
      const store = await reopened(disk, {}, log);
      expect([store.recovery, store.positions, log.lines]).toEqual([{ cleanStop: true, recordsScanned: 0, bytesCut: 0, cutReason: undefined, elapsedMs: 0 }, expect.objectContaining({ min: 0, written: 0 }), []]);
      await store.close();
    }
  });

  test.each([['closed', 40], ['nothing', 0]] as const)('says how long it took (%s)', async (what, records) => {
    const { disk } = what === 'closed' ? await filled('closed') : { disk: simulatedDisk(1) };
    const clock = new ManualClock();
    const list = disk.list.bind(disk);
    let listed = 0;
    disk.list = (dir) => {
      if (dir === `${storeRoot}/commitlog` && ++listed === 1) clock.now += 1234;
      return list(dir);
    };
    const store = await openOn(disk, clock, config);
    expect(store.recovery).toMatchObject({ elapsedMs: 1234, recordsScanned: records });
    await store.close();
  });

  test('of a kill: everything is looked at where nothing vouches for it', async () => {
    const { disk } = await filled('killed');
    const store = await reopened(disk);
    expect(store.recovery).toEqual({ cleanStop: false, recordsScanned: 40, bytesCut: 0, cutReason: undefined, elapsedMs: 0 });
    await expectServed(store, upTo(40));
    await store.close();
  });

  test('of a kill behind a checkpoint: the record that it names and those behind are looked at', async () => {
    const { disk } = await filled('killed after a checkpoint');
    const store = await reopened(disk);
    expect(store.recovery).toEqual({ cleanStop: false, recordsScanned: 11, bytesCut: 0, cutReason: undefined, elapsedMs: 0 });
    await expectServed(store, upTo(40));
    await store.close();
  });

  test.each<[string, (at: number) => [number, number][], string | RegExp]>([
    ['has another body', (at) => [[at + 100, 3]], 'the body CRC differs'],
    ['has another magic', (at) => [[at + 7, 3]], /^unknown magic /],
    ['says that it stands elsewhere', (at) => [[at + 35, 3]], /^the record says it stands at \d+$/],
  ])('of a last record that %s: its bytes are gone, and why', async (_, flips, reason) => {
    const { disk, offsets, end } = await filled('killed');
    const at = offsets[39] ?? 0;
    const file = Math.floor(at / fileBytes) * fileBytes;
    for (const [byte, bit] of flips(at)) disk.flip(`${storeRoot}/commitlog/${offsetFileName(file)}`, byte - file, bit);
    const log = new ListLog();
    const store = await reopened(disk, {}, log);
    expect(store.recovery).toMatchObject({ recordsScanned: 39, bytesCut: end - at, cutReason: typeof reason === 'string' ? reason : expect.stringMatching(reason) });
    expect(log.lines.filter((line) => line === 'warn the commit log was cut after its last valid record')).toHaveLength(1);
    expect(store.positions).toMatchObject({ written: at });
    await expectServed(store, upTo(39));
    await store.close();
    const quiet = new ListLog();
    const again = await reopened(disk, {}, quiet);
    expect([again.recovery.bytesCut, again.recovery.cutReason, quiet.lines]).toEqual([0, undefined, []]);
    await again.close();
  });

  test('of bytes behind zeros, which are no record: the log ended before', async () => {
    const { disk, end } = await filled('killed');
    const file = Math.floor(end / fileBytes) * fileBytes;
    const name = `${storeRoot}/commitlog/${offsetFileName(file)}`;
    const bytes = disk.content(name);
    bytes[end - file + 50] = 1;
    disk.place(name, bytes);
    const store = await reopened(disk);
    expect(store.recovery).toMatchObject({ recordsScanned: 40, bytesCut: 51, cutReason: 'the log ended there' });
    await store.close();
    expect(disk.content(name).subarray(end - file).every((byte) => byte === 0)).toBe(true);
  });
});

describe('where it begins', () => {
  test('after a clean stop in the last stretch only, at a record', async () => {
    const { disk, offsets } = await filled('closed');
    for (const [recoverRecentBytes, records] of [[1, 1], [(offsets[39] ?? 0) - (offsets[37] ?? 0), 3], [1 << 30, 40]] as const) {
      const store = await reopened(disk, { recoverRecentBytes });
      // The newest queue has every second message.
      expect([recoverRecentBytes, store.recovery.recordsScanned]).toEqual([recoverRecentBytes, records]);
      await store.close();
    }
  });

  test('at the first record when a queue is to be built again, at the last stretch otherwise', async () => {
    const { disk } = await filled('closed');
    disk.unlink(`${storeRoot}/consumequeue/T/0/${offsetFileName(0)}`);
    const log = new ListLog();
    const store = await reopened(disk, { recoverRecentBytes: 1 }, log);
    expect(store.recovery.recordsScanned).toBe(40);
    expect(log.lines).toContain('info goes through the log to build what is missing');
    await expectServed(store, upTo(40));
    await store.close();
    const quiet = new ListLog();
    const again = await reopened(disk, { recoverRecentBytes: 1 }, quiet);
    expect([again.recovery.recordsScanned, quiet.lines]).toEqual([1, []]);
    await again.close();
  });

  test('at the first record of a file where the place itself holds none', async () => {
    const { disk, offsets } = await filled('closed');
    // Only the index is behind: it is made again from its last entry on, in a log whose record there is damaged.
    const at = offsets[20] ?? 0;
    const file = Math.floor(at / fileBytes) * fileBytes;
    const inFile = offsets.filter((offset) => offset >= file);
    disk.unlink(`${storeRoot}/derived.json`);
    const [name = ''] = disk.list(`${storeRoot}/index`);
    const index = disk.content(`${storeRoot}/index/${name}`);
    // Its header says that the newest entry is that of record 20; entries behind are taken for none.
    index.writeBigInt64BE(BigInt(at), 24);
    disk.place(`${storeRoot}/index/${name}`, index);
    disk.flip(`${storeRoot}/commitlog/${offsetFileName(file)}`, at - file + 7, 3);
    const store = await reopened(disk, { recoverRecentBytes: 1 });
    expect([store.recovery.bytesCut, store.recovery.recordsScanned]).toEqual([0, inFile.length - 1]);
    await store.close();
  });
});

describe('without a log', () => {
  test('what was derived of it goes, and is said once', async () => {
    for (const without of ['queues', 'index', 'both', 'nothing']) {
      const { disk } = await filled('closed');
      for (const name of disk.files()) {
        if (name.includes('/commitlog/') || (without === 'queues' && name.includes('/consumequeue/')) || (without === 'index' && name.includes('/index/'))) disk.unlink(name);
        if (without === 'both' && /\/(index|consumequeue)\//.test(name)) disk.unlink(name);
      }
      if (without === 'queues' || without === 'both') for (const dir of ['T/0', 'T/1', 'T']) disk.removeDir(`${storeRoot}/consumequeue/${dir}`);
      const log = new ListLog();
      const store = await reopened(disk, {}, log);
      expect(store.recovery).toMatchObject({ cleanStop: true, recordsScanned: 0, bytesCut: 0 });
      expect([without, log.lines.filter((line) => line === 'warn there are no commit log files: ConsumeQueues and index are removed').length]).toEqual([without, without === 'both' ? 0 : 1]);
      expect([without, disk.files().filter((name) => /\/(index|consumequeue)\//.test(name)), store.topicsOnDisk()]).toEqual([without, [], []]);
      const [first] = put(store, 0, 1);
      expect([first, store.queue('T', 0).maxOffset]).toEqual([0, 1]);
      await store.close();
    }
  });

  test('the index need not be there', async () => {
    const { disk } = await filled('closed', { messageIndexEnable: false });
    for (const name of disk.files()) if (name.includes('/commitlog/')) disk.unlink(name);
    const log = new ListLog();
    const store = await reopened(disk, { messageIndexEnable: false }, log);
    expect([store.topicsOnDisk(), log.lines.length]).toEqual([[], 1]);
    await store.close();
    const quiet = new ListLog();
    await (await reopened(simulatedDisk(2), { messageIndexEnable: false }, quiet)).close();
    expect(quiet.lines).toEqual([]);
  });
});

test('a queue that turns out to lack entries on the way is built again, and what was gone through twice is counted twice', async () => {
  for (const messageIndexEnable of [true, false]) {
    const { disk } = await filled('closed', { messageIndexEnable });
    disk.unlink(`${storeRoot}/derived.json`);
    const name = `${storeRoot}/consumequeue/T/1/${offsetFileName(0)}`;
    const bytes = disk.content(name);
    bytes.fill(0, 5 * 20);
    disk.place(name, bytes);
    const log = new ListLog();
    const store = await reopened(disk, { recoverRecentBytes: 1, messageIndexEnable }, log);
    // From the newest entry that is known, message 38, on; and then all.
    expect(store.recovery).toMatchObject({ recordsScanned: 42, bytesCut: 0 });
    expect(log.lines.filter((line) => line === 'warn a ConsumeQueue lacks entries: it is built again from the log')).toHaveLength(1);
    if (messageIndexEnable) await expectServed(store, upTo(40));
    expect([0, 1].map((queueId) => store.queue('T', queueId).maxOffset)).toEqual([20, 20]);
    await store.close();
  }
});

test('a start that dies while it builds leaves word for the next one of what it built', async () => {
  const { disk } = await filled('closed');
  disk.unlink(`${storeRoot}/consumequeue/T/0/${offsetFileName(0)}`);
  const [name = ''] = disk.list(`${storeRoot}/index`);
  disk.unlink(`${storeRoot}/index/${name}`);
  // The first flush of what was dispatched finds no room.
  disk.fail('create', 'ENOSPC', 1, /consumequeue/);
  await expect(reopened(disk, { recoverStepBytes: 1000 })).rejects.toThrow('ENOSPC');
  const note = JSON.parse(disk.content(`${storeRoot}/derived.json`).toString('utf8')) as object;
  expect(note).toEqual({ version: 1, logMin: 0, logEnd: 0, queues: [], index: [], repair: { all: false, index: true, queues: [['T', 0]] } });
  const store = await reopened(disk);
  await expectServed(store, upTo(40));
  await store.close();
});
