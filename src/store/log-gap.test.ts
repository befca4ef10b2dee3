/** A commit log with files missing in its middle, on the real disk: what stands before the gap is served, and nothing that stands behind is deleted. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { realDisk } from './disk.js';
import { openStore } from './message-store.js';
import type { OpenStore } from './message-store.js';
import { offsetFileName } from './names.js';
import { simulatedDisk } from './simulated-disk.js';
import type { SimulatedDisk } from './simulated-disk.js';
import { ListLog, ManualClock, message, openOn, recordsOf, settle, smallConfig, storeRoot } from './store-fixture.js';

const config = smallConfig({ maxIndexNum: 64 });
const fileBytes = config.mappedFileSizeCommitLog;
const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'store-gap-'));
afterAll(() => fs.rmSync(parent, { recursive: true, force: true }));

/** A record of the whole store: where it belongs and where it stands. */
interface Known {
  readonly where: string;
  readonly text: string;
  readonly phyOffset: number;
  readonly end: number;
}

let truth: Known[];
let files: number;

async function openAt(dir: string, log = new ListLog()): Promise<OpenStore> {
  const store = await openStore({ root: dir, disk: realDisk(), clock: new ManualClock(), log, config });
  store.setStoreHost(Buffer.from([127, 0, 0, 1, 0, 0, 42, 159]));
  return store;
}

function fill(store: OpenStore, count: number): void {
  for (let i = 0; i < count; i++) {
    const queue = store.queue('T', i % 2);
    expect(store.put(message(queue, `m${i}`, { uniq: `U-m${i}`, tag: 'a', padding: 300 })).status).toBe('PUT_OK');
    expect(store.writeTurn()).toBeUndefined();
  }
}

/** Reads each queue as a consumer does, from its first offset to its last. */
async function serves(store: OpenStore): Promise<Map<string, { text: string; phyOffset: number }>> {
  const found = new Map<string, { text: string; phyOffset: number }>();
  for (const queueId of store.queueIdsOf('T')) {
    const queue = store.queue('T', queueId);
    for (let at = queue.minOffset; at < queue.maxOffset; ) {
      const result = await store.get(queue, at, 32, 1 << 20, undefined);
      for (const { text, queueOffset, phyOffset } of recordsOf(result.slices)) found.set(`${queueId}@${queueOffset}`, { text, phyOffset });
      expect(result.nextBeginOffset).toBeGreaterThan(at);
      at = result.nextBeginOffset;
    }
  }
  return found;
}

/** Exactly the records that `kept` picks are served, as they were put. */
async function expectServed(store: OpenStore, kept: (record: Known) => boolean): Promise<void> {
  const found = await serves(store);
  const expected = truth.filter(kept).map(({ where, text, phyOffset }) => [where, { text, phyOffset }]);
  expect(expected.length).toBeGreaterThan(0);
  expect([...found].sort()).toEqual([...expected].sort());
}

beforeAll(async () => {
  const store = await openAt(path.join(parent, 'whole'));
  fill(store, 90);
  truth = [];
  for (const queueId of [0, 1]) {
    const queue = store.queue('T', queueId);
    for (const unit of await store.units(queue, 0, queue.maxOffset)) {
      const text = `m${unit.queueOffset * 2 + queueId}`;
      truth.push({ where: `${queueId}@${unit.queueOffset}`, text, phyOffset: unit.phyOffset, end: unit.phyOffset + unit.recordBytes });
    }
  }
  files = Math.ceil(store.positions.written / fileBytes);
  await store.close();
  expect(files).toBeGreaterThan(9);
});

let serial = 0;

/** A copy of the store without these files of the log. */
function copy(missing: readonly number[], unclean: boolean, without: RegExp = /^$/): string {
  const dir = path.join(parent, `case${++serial}`);
  fs.cpSync(path.join(parent, 'whole'), dir, { recursive: true });
  for (const number of missing) fs.unlinkSync(logFile(dir, number));
  for (const name of fs.readdirSync(dir)) if (without.test(name)) fs.rmSync(path.join(dir, name), { recursive: true });
  if (unclean) fs.writeFileSync(path.join(dir, 'abort'), '1');
  return dir;
}

const logFile = (dir: string, number: number): string => path.join(dir, 'commitlog', offsetFileName(number * fileBytes));
const fileOf = (record: Known): number => Math.floor(record.phyOffset / fileBytes);

/** Messages can be put behind what there is, and are there after the next start. */
async function goesOn(store: OpenStore, dir: string, kept: (record: Known) => boolean): Promise<void> {
  const queue = store.queue('T', 0);
  const next = queue.maxOffset;
  const result = store.put(message(queue, 'after', { uniq: 'U-after' }));
  expect([result.status, result.queueOffset]).toEqual(['PUT_OK', next]);
  expect(store.writeTurn()).toBeUndefined();
  await store.close();
  const again = await openAt(dir);
  expect(again.recovery.cleanStop).toBe(true);
  const found = await serves(again);
  expect(found.get(`0@${next}`)?.text).toBe('after');
  found.delete(`0@${next}`);
  expect([...found.keys()].sort()).toEqual(truth.filter(kept).map(({ where }) => where).sort());
  await again.close();
}

describe('files that were part of the log', () => {
  const gaps: [string, number[]][] = [
    ['one', [4]],
    ['two in a row', [4, 5]],
    ['two apart', [2, 6]],
    ['one further on', [8]],
  ];
  const stops: [string, boolean, RegExp][] = [
    ['a clean stop', false, /^$/],
    ['a clean stop without our note', false, /derived/],
    ['a clean stop, queues and index gone too', false, /derived|consumequeue|index|checkpoint/],
    ['an unclean stop behind the checkpoint', true, /^$/],
  ];
  test.each(stops.flatMap(([stop, unclean, without]) => gaps.map(([gap, missing]) => [gap, stop, missing, unclean, without] as const)))(
    '%s missing after %s: only its own messages are lost',
    async (_gap, _stop, missing, unclean, without) => {
      const dir = copy(missing, unclean, without);
      const log = new ListLog();
      const store = await openAt(dir, log);
      const kept = (record: Known): boolean => !missing.includes(fileOf(record));
      expect(log.lines.filter((line) => line.startsWith('error commit log files are missing: their messages are lost'))).toHaveLength(missing.includes(2) ? 2 : 1);
      expect(store.recovery.bytesCut).toBe(0);
      await expectServed(store, kept);
      expect(fs.readdirSync(path.join(dir, 'commitlog')).filter((name) => !/^\d{20}$/.test(name))).toEqual([]);
      for (const number of missing) {
        const bytes = fs.readFileSync(logFile(dir, number));
        expect([bytes.length, bytes.readInt32BE(0), bytes.readInt32BE(4)]).toEqual([fileBytes, fileBytes, -875286124]);
      }
      // Apache would hand out whatever an entry of the gap leads to.
      for (const queueId of [0, 1]) {
        const queue = store.queue('T', queueId);
        const entries = await store.units(queue, 0, queue.maxOffset);
        const lost = entries.filter((unit) => missing.includes(Math.floor(unit.phyOffset / fileBytes)));
        expect(lost).toEqual([]);
        expect(entries.filter((unit) => unit.phyOffset === 0 && unit.recordBytes === 0x7fffffff)).toHaveLength(
          truth.filter((record) => record.where.startsWith(`${queueId}@`) && missing.includes(fileOf(record))).length,
        );
      }
      await goesOn(store, dir, kept);
      // What the reader met is mended: the queues no longer lead into the gap.
      const quiet = new ListLog();
      const last = await openAt(dir, quiet);
      await serves(last);
      expect(quiet.lines).toEqual([]);
      await last.close();
    },
  );
});

describe('files behind a gap that nobody vouches for', () => {
  const aside = (dir: string, number: number): string => path.join(dir, 'commitlog', `behind-gap-${offsetFileName(number * fileBytes)}`);

  test('after an unclean stop the log ends before it, and the files behind are kept aside byte by byte', async () => {
    const dir = copy([4], true, /checkpoint/);
    const behind = Array.from({ length: files - 5 }, (_, i) => i + 5);
    const before = behind.map((number) => fs.readFileSync(logFile(dir, number)));
    const log = new ListLog();
    const store = await openAt(dir, log);
    expect(log.lines.filter((line) => line.includes('the log ends before them'))).toHaveLength(1);
    await expectServed(store, (record) => fileOf(record) < 4);
    expect(fs.readdirSync(aside(dir, 4))).toEqual(behind.map((number) => offsetFileName(number * fileBytes)));
    behind.forEach((number, i) => expect(fs.readFileSync(path.join(aside(dir, 4), offsetFileName(number * fileBytes)))).toEqual(before[i]));
    await goesOn(store, dir, (record) => fileOf(record) < 4);
  });

  test('files moved aside before are not overwritten', async () => {
    const dir = copy([4], true, /checkpoint/);
    fs.mkdirSync(aside(dir, 4));
    const name = offsetFileName(5 * fileBytes);
    fs.writeFileSync(path.join(aside(dir, 4), name), 'earlier');
    const store = await openAt(dir);
    expect(fs.readFileSync(path.join(aside(dir, 4), name), 'latin1')).toBe('earlier');
    expect(fs.statSync(path.join(aside(dir, 4), `${name}-2`)).size).toBe(fileBytes);
    await store.close();
  });

  test.each([
    ['far away', 1e9],
    ['no multiple of the file size away', 40.5],
  ])('a file %s is not of this log', async (_, number) => {
    const dir = copy([], false);
    const stranger = path.join(dir, 'commitlog', offsetFileName(number * fileBytes));
    fs.copyFileSync(logFile(dir, 3), stranger);
    const store = await openAt(dir);
    await expectServed(store, () => true);
    expect(fs.readdirSync(aside(dir, files))).toEqual([path.basename(stranger)]);
    await goesOn(store, dir, () => true);
  });

  test('a prepared file behind a gap holds nothing and goes', async () => {
    const dir = copy([], true, /checkpoint/);
    fs.writeFileSync(logFile(dir, files + 2), Buffer.alloc(fileBytes));
    const store = await openAt(dir);
    await expectServed(store, () => true);
    expect(fs.existsSync(aside(dir, files))).toBe(false);
    expect(fs.existsSync(logFile(dir, files + 2))).toBe(false);
    await store.close();
  });

  test('files that had left the log and were put back are kept aside', async () => {
    const dir = copy([0, 1, 2, 3], false);
    await (await openAt(dir)).close();
    fs.copyFileSync(logFile(path.join(parent, 'whole'), 1), logFile(dir, 1));
    const log = new ListLog();
    const store = await openAt(dir, log);
    expect(log.lines.filter((line) => line.includes('lie before the first one of the last stop'))).toHaveLength(1);
    expect(store.positions.min).toBe(4 * fileBytes);
    await expectServed(store, (record) => fileOf(record) >= 4);
    expect(fs.readdirSync(path.join(dir, 'commitlog', `before-log-${offsetFileName(fileBytes)}`))).toEqual([offsetFileName(fileBytes)]);
    await store.close();
  });
});

describe('a start that dies while it closes a gap', () => {
  function place(): SimulatedDisk {
    const disk = simulatedDisk(3);
    const root = path.join(parent, 'whole');
    for (const name of fs.readdirSync(root, { recursive: true, encoding: 'utf8' })) {
      const full = path.join(root, name);
      if (fs.statSync(full).isFile() && name !== path.join('commitlog', offsetFileName(4 * fileBytes))) disk.place(path.join(storeRoot, name), fs.readFileSync(full));
    }
    return disk;
  }

  test.each([
    ['both sides are served', false],
    ['what stands before it is served', true],
  ])('%s', async (_, unclean) => {
    const prepare = (): SimulatedDisk => {
      const disk = place();
      if (unclean) {
        disk.place(`${storeRoot}/abort`, Buffer.from('1'));
        disk.unlink(`${storeRoot}/checkpoint`);
      }
      return disk;
    };
    const whole = prepare();
    await (await openOn(whole, new ManualClock(), config)).close();
    let died = 0;
    for (let point = 1; point < whole.ops; point++) {
      const disk = prepare();
      const start = disk.ops;
      disk.crashAtOp = start + point;
      await openOn(disk, new ManualClock(), config)
        .then((store) => store.close())
        .catch((error: unknown) => {
          if (!disk.isDown) throw error;
        });
      if (disk.isDown) died++;
      disk.crash();
      await settle();
      disk.restart('kill');
      const store = await openOn(disk, new ManualClock(), config);
      await expectServed(store, (record) => (unclean ? fileOf(record) < 4 : fileOf(record) !== 4));
      const kept = disk.files().filter((name) => name.includes('/commitlog/') && /\d{20}$/.test(name));
      expect([point, kept.length >= files - 1]).toEqual([point, true]);
      await store.close();
    }
    expect(died).toBeGreaterThan(10);
  });
});
