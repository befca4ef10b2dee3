/** Odd things where store files belong, on the real disk: what the log can bring back never refuses a start, and nothing found there is deleted. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { realDisk } from './disk.js';
import type { Disk } from './disk.js';
import { openStore } from './message-store.js';
import type { OpenStore } from './message-store.js';
import { offsetFileName } from './names.js';
import { simulatedDisk } from './simulated-disk.js';
import type { SimulatedDisk } from './simulated-disk.js';
import { checkStore, ListLog, ManualClock, message, openOn, settle, smallConfig, storeRoot } from './store-fixture.js';

const config = smallConfig({ recoverRecentBytes: 4096, maxIndexNum: 64 });
const queueBytes = config.mappedFileSizeConsumeQueue;
const fileBytes = config.mappedFileSizeCommitLog;
const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'store-odd-'));
const whole = path.join(parent, 'whole');
afterAll(() => fs.rmSync(parent, { recursive: true, force: true }));

let truth: [string, string[]][];
let ends: number[];
let indexNames: string[];

async function openAt(dir: string, log = new ListLog(), disk: Disk = realDisk()): Promise<OpenStore> {
  const store = await openStore({ root: dir, disk, clock: new ManualClock(), log, config });
  store.setStoreHost(Buffer.from([127, 0, 0, 1, 0, 0, 42, 159]));
  return store;
}

const sorted = (all: Map<string, string[]>): [string, string[]][] => [...all].sort();

beforeAll(async () => {
  const store = await openAt(whole);
  ends = [];
  for (let i = 0; i < 70; i++) {
    // `Old` gets nothing in the last stretch, which every start checks.
    const queue = i < 20 ? store.queue('Old', 0) : store.queue('T', i % 2);
    expect(store.put(message(queue, `m${i}`, { uniq: `U-m${i}`, tag: 'a', padding: 250 })).status).toBe('PUT_OK');
    expect(store.writeTurn()).toBeUndefined();
    ends.push(store.positions.written);
  }
  truth = sorted(await checkStore(store));
  await store.close();
  indexNames = fs.readdirSync(path.join(whole, 'index')).sort();
  expect(indexNames.length).toBeGreaterThan(2);
});

let serial = 0;

function copy(unclean: boolean, without: RegExp = /^$/): string {
  const dir = path.join(parent, `case${++serial}`);
  fs.cpSync(whole, dir, { recursive: true });
  for (const name of fs.readdirSync(dir)) if (without.test(name)) fs.rmSync(path.join(dir, name), { recursive: true });
  if (unclean) fs.writeFileSync(path.join(dir, 'abort'), '1');
  return dir;
}

/** A directory with something in it, or a file, takes the place of whatever stood there. */
function replaceWith(kind: 'dir' | 'empty dir' | 'file', name: string): void {
  fs.rmSync(name, { recursive: true, force: true });
  if (kind === 'file') fs.writeFileSync(name, 'precious');
  else fs.mkdirSync(name);
  if (kind === 'dir') fs.writeFileSync(path.join(name, 'precious.txt'), 'precious');
}

const everyFile = (dir: string): string[] => fs.readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => fs.statSync(path.join(dir, name)).isFile());

/** Everything is served, what was put there is still somewhere, files have their full length, and the next starts find nothing to do. */
async function opensWhole(dir: string, precious: boolean): Promise<string[]> {
  const log = new ListLog();
  const store = await openAt(dir, log);
  expect(sorted(await checkStore(store))).toEqual(truth);
  await store.close();
  if (precious) expect(everyFile(dir).filter((name) => fs.readFileSync(path.join(dir, name), 'latin1') === 'precious')).toHaveLength(1);
  for (const name of everyFile(dir)) {
    if (/consumequeue.\w+.\d+.\d{20}$/.test(name)) expect([name, fs.statSync(path.join(dir, name)).size]).toEqual([name, queueBytes]);
  }
  expect(fs.existsSync(path.join(dir, 'abort'))).toBe(false);
  const again = new ListLog();
  const next = await openAt(dir, again);
  expect(sorted(await checkStore(next))).toEqual(truth);
  expect(next.recovery.cleanStop).toBe(true);
  expect(again.lines.filter((line) => !/is no queue and is left alone|is no index file/.test(line))).toEqual([]);
  await next.close();
  return log.lines;
}

describe.each([
  ['a clean stop', false, /^$/],
  ['a clean stop without our note', false, /derived/],
  ['an unclean stop', true, /^$/],
] as const)('after %s', (_, unclean, without) => {
  const queueFile = (queue: string, number: number): string => path.join('consumequeue', queue, offsetFileName(number * queueBytes));
  const resolve = (name: string): string => {
    const [dir = '', number = ''] = name.split('#');
    if (dir === 'index') return path.join(dir, indexNames.at(Number(number)) ?? '');
    return number === '' ? dir : queueFile(dir, Number(number));
  };
  test.each<['dir' | 'empty dir' | 'file', string]>([
    ['dir', 'T/0#0'],
    ['dir', 'T/0#1'],
    ['empty dir', 'T/0#3'],
    ['dir', 'Old/0#0'],
    ['empty dir', 'Old/0#2'],
    ['file', 'consumequeue/Old/0'],
    ['file', 'consumequeue/T/1'],
    ['file', 'consumequeue/Old'],
    ['file', 'consumequeue'],
    ['file', 'index/'],
    ['dir', 'index#0'],
    ['dir', 'index#1'],
    ['empty dir', 'index#-1'],
    ['dir', 'checkpoint'],
    ['empty dir', 'checkpoint'],
    ['dir', 'derived.json'],
    ['empty dir', 'derived.json'],
    ['dir', 'derived.json.tmp'],
  ])('something else (%s) in place of %s', async (kind, name) => {
    const dir = copy(unclean, without);
    replaceWith(kind, path.join(dir, resolve(name).replace(/\/$/, '')));
    const lines = await opensWhole(dir, kind !== 'empty dir');
    expect(lines.filter((line) => /stood where .* belongs: it was (moved aside|removed)/.test(line))).toHaveLength(1);
  });

  test.each<[string, string, Buffer]>([
    ['no bytes', 'derived.json', Buffer.alloc(0)],
    ['half a text', 'derived.json', Buffer.from('{"version":1,"logMin":0')],
    ['no text', 'derived.json', Buffer.from([0xff, 0xfe, 0, 0x80])],
    ['one byte', 'checkpoint', Buffer.from([1])],
    ['no bytes', 'checkpoint', Buffer.alloc(0)],
  ])('%s as %s', async (_what, name, bytes) => {
    const dir = copy(unclean, without);
    fs.writeFileSync(path.join(dir, name), bytes);
    const lines = await opensWhole(dir, false);
    if (name === 'derived.json') expect(lines).toContain('warn the note of the last stop cannot be read, it counts for nothing');
  });

  test.each<[string, string, number, number]>([
    ['cut', 'T/0', 1, 70],
    ['cut', 'T/0', 2, 0],
    ['cut', 'Old/0', 0, 50],
    ['cut', 'Old/0', 2, 20],
    ['too long', 'Old/0', 2, queueBytes + 40],
    ['too long', 'T/1', 0, queueBytes * 2],
  ])('a ConsumeQueue file that is %s (%s, file %i, %i bytes)', async (_what, queue, number, bytes) => {
    const dir = copy(unclean, without);
    fs.truncateSync(path.join(dir, queueFile(queue, number)), bytes);
    await opensWhole(dir, false);
  });

  test('files that cannot be read count as missing', async () => {
    for (const match of [/consumequeue.Old.0.0+$/, /checkpoint$/, /derived\.json$/]) {
      const dir = copy(unclean, without);
      const disk = realDisk();
      let failed = 0;
      // The place on the disk is bad until the file is made again, or read for the first time only.
      const failing: Disk = Object.assign(Object.create(disk) as Disk, {
        open: (file: string, mode: 'read' | 'write' | 'create') => {
          if (match.test(file) && mode !== 'create' && failed < 1 && fs.existsSync(file)) {
            failed++;
            throw Object.assign(new Error(`EIO: i/o error, open ${file}`), { code: 'EIO' });
          }
          return disk.open(file, mode);
        },
      });
      const store = await openAt(dir, new ListLog(), failing);
      if (!without.test('checkpoint') && !without.test('derived.json')) expect([match, failed]).toEqual([match, 1]);
      expect(sorted(await checkStore(store))).toEqual(truth);
      await store.close();
    }
  });
});

test('a power loss while the note of the stop is written leaves a whole one, or none', async () => {
  const clock = new ManualClock();
  /** Opens a store that has a note already, puts something and closes it; the machine stops at an operation of that. */
  const run = async (point: number): Promise<SimulatedDisk> => {
    const disk = simulatedDisk(point + 7);
    await (await openOn(disk, clock, config)).close();
    const from = disk.ops;
    disk.crashAtOp = point === 0 ? 0 : from + point;
    await openOn(disk, clock, config)
      .then(async (store) => {
        for (let i = 0; i < 5; i++) store.put(message(store.queue('T', i), `m${i}`, { uniq: `U${i}` }));
        store.writeTurn();
        await store.close();
      })
      .catch((error: unknown) => {
        if (!disk.isDown) throw error;
      });
    if (point === 0) return disk;
    disk.crash();
    clock.dropTimers();
    await settle();
    disk.restart('power');
    return disk;
  };
  const ops = (await run(0)).ops;
  let notes = 0;
  for (let point = 1; point < ops; point++) {
    const disk = await run(point);
    if (disk.files().includes(`${storeRoot}/derived.json`)) notes++;
    const log = new ListLog();
    await (await openOn(disk, clock, config, log)).close();
    expect([point, log.lines.filter((line) => line.includes('the note of the last stop'))]).toEqual([point, []]);
  }
  expect(notes).toBeGreaterThan(5);
});

describe('a directory in place of abort', () => {
  test.each(['dir', 'empty dir'] as const)('a %s is an unclean stop until the store is closed', async (kind) => {
    const dir = copy(false);
    replaceWith(kind, path.join(dir, 'abort'));
    for (let round = 0; round < 2; round++) {
      // As after a kill: the directory is there as it was.
      const store = await openAt(path.join(dir));
      expect(store.recovery.cleanStop).toBe(false);
      expect(sorted(await checkStore(store))).toEqual(truth);
      expect(fs.statSync(path.join(dir, 'abort')).isDirectory()).toBe(true);
      if (round === 0) fs.cpSync(dir, `${dir}-killed`, { recursive: true });
      await store.close();
      if (round === 0) {
        fs.rmSync(dir, { recursive: true });
        fs.renameSync(`${dir}-killed`, dir);
      }
    }
    await opensWhole(dir, kind === 'dir');
  });
});

describe('a commit log file of another length', () => {
  const lastFile = (dir: string): string => path.join(dir, 'commitlog', fs.readdirSync(path.join(dir, 'commitlog')).sort().at(-1) ?? '');
  const lastBase = (): number => Number(path.basename(lastFile(whole)));
  const inLast = (): number[] => ends.filter((end) => end > lastBase()).map((end) => end - lastBase());

  test.each<[string, () => number]>([
    ['between two records', () => inLast()[0] ?? 0],
    ['within a record', () => (inLast()[0] ?? 0) + 100],
    ['within the size of a record', () => (inLast()[0] ?? 0) + 2],
    ['at nothing', () => 0],
  ])('the last one, cut %s, is filled up and serves what is left', async (_, cutAt) => {
    expect(inLast().length).toBeGreaterThan(1);
    for (const unclean of [false, true]) {
      for (const without of [/^$/, /derived|checkpoint/]) {
        const dir = copy(unclean, without);
        const bytes = cutAt();
        fs.truncateSync(lastFile(dir), bytes);
        const log = new ListLog();
        const store = await openAt(dir, log);
        expect(log.lines).toContain('warn a commit log file is too short: it is filled up with zeros, the records left in it stay');
        const left = ends.filter((end) => end <= lastBase() + bytes).length;
        const all = await checkStore(store);
        expect([...all.values()].flat().map((text) => Number(text.slice(1))).sort((a, b) => a - b)).toEqual(Array.from({ length: left }, (_u, i) => i));
        const queue = store.queue('T', 0);
        const next = queue.maxOffset;
        expect(store.put(message(queue, 'after', { uniq: 'U-after', tag: 'a' }))).toMatchObject({ status: 'PUT_OK', queueOffset: next });
        expect(store.writeTurn()).toBeUndefined();
        await store.close();
        const again = new ListLog();
        const reopened = await openAt(dir, again);
        expect(again.lines).toEqual([]);
        expect((await checkStore(reopened)).get('T/0')?.at(-1)).toBe('after');
        expect(fs.statSync(lastFile(dir)).size).toBe(fileBytes);
        await reopened.close();
      }
    }
  });

  test('one in the middle, cut after a clean stop, costs the records that are gone', async () => {
    const dir = copy(false);
    fs.truncateSync(path.join(dir, 'commitlog', offsetFileName(fileBytes)), 1000);
    const store = await openAt(dir);
    expect(store.recovery.bytesCut).toBe(0);
    let served = 0;
    for (const [name, texts] of truth) {
      const [topic = '', id = '0'] = name.split('/');
      const queue = store.queue(topic, Number(id));
      expect([name, queue.maxOffset]).toEqual([name, texts.length]);
      for (let at = queue.minOffset; at < queue.maxOffset; ) {
        const result = await store.get(queue, at, 32, 1 << 20, undefined);
        served += result.messageCount;
        at = result.nextBeginOffset;
      }
    }
    const gone = ends.filter((end) => end > fileBytes + 1000 && end <= 2 * fileBytes).length;
    expect(served).toBe(ends.length - gone);
    await store.close();
  });

  test('one that is too long is refused by name, size and what to do', async () => {
    const dir = copy(false);
    fs.appendFileSync(lastFile(dir), 'more');
    await expect(openAt(dir)).rejects.toThrow(`${lastFile(dir)} has ${fileBytes + 4} bytes, 4 more than the other files and mappedFileSizeCommitLog say: nothing of a commit log stands there, cut it to ${fileBytes} bytes`);
    fs.truncateSync(lastFile(dir), fileBytes);
    await opensWhole(dir, false);
  });

  test('a directory in place of one is refused by name', async () => {
    const dir = copy(false);
    replaceWith('dir', lastFile(dir));
    await expect(openAt(dir)).rejects.toThrow(`${lastFile(dir)} is a directory where a commit log file belongs`);
  });
});
