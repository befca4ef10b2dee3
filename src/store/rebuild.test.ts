/** What a start notices and builds again: queue and index files that were removed, replaced or damaged, a checkpoint that is missing or says nonsense. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { checkStore, ListLog, ManualClock, message, openOn, readAll, recordsOf, settle, smallConfig, storeRoot } from './store-fixture.js';
import type { OpenStore } from './message-store.js';
import type { StoreConfig } from './options.js';
import { simulatedDisk } from './simulated-disk.js';
import type { SimulatedDisk } from './simulated-disk.js';
import type { QueueRef } from './types.js';

/** A log several times as long as the stretch that every start checks. */
const config = smallConfig({ mappedFileSizeCommitLog: 1 << 14, recoverRecentBytes: 1 << 15, recoverStepBytes: 1 << 13, maxIndexNum: 64 });
const firstFile = '0'.repeat(20);

function put(store: OpenStore, queue: QueueRef, text: string, padding = 0): void {
  expect(store.put(message(queue, text, { uniq: `U-${text}`, keys: `k-${text}`, tag: 'a', padding })).status).toBe('PUT_OK');
  expect(store.writeTurn()).toBeUndefined();
}

function copyOf(disk: SimulatedDisk, keep: (name: string) => boolean = () => true, seed = 5): SimulatedDisk {
  const copy = simulatedDisk(seed);
  for (const name of disk.files()) if (keep(name)) copy.place(name, disk.content(name));
  return copy;
}

const sorted = (all: Map<string, string[]>): [string, string[]][] => [...all].sort();

/** A store whose topic `Old` only got messages at the very beginning, closed; and the files as they were in its middle. */
let whole: SimulatedDisk;
let middle: SimulatedDisk;
let expected: [string, string[]][];

beforeAll(async () => {
  const clock = new ManualClock();
  whole = simulatedDisk(1);
  let store = await openOn(whole, clock, config);
  for (let i = 0; i < 20; i++) put(store, store.queue('Old', 0), `old${i}`);
  for (let i = 0; i < 70; i++) put(store, store.queue('T', i % 2), `early${i}`, 600);
  await store.close();
  middle = copyOf(whole);
  store = await openOn(whole, clock, config);
  for (let i = 0; i < 70; i++) put(store, store.queue('T', i % 2), `late${i}`, 600);
  expect(store.positions.written).toBeGreaterThan(3 << 15);
  expected = sorted(await checkStore(store));
  await store.close();
}, 240_000);

/** Opens, checks everything, and sees that the next start finds nothing to do. */
async function opensWhole(disk: SimulatedDisk, change: Partial<StoreConfig> = {}): Promise<string[]> {
  const clock = new ManualClock();
  const log = new ListLog();
  const store = await openOn(disk, clock, { ...config, ...change }, log);
  expect(store.recovery.bytesCut).toBe(0);
  expect(sorted(await checkStore(store))).toEqual(expected);
  await store.close();
  const again = new ListLog();
  const next = await openOn(disk, clock, { ...config, ...change }, again);
  expect(again.lines).toEqual([]);
  await next.close();
  return log.lines;
}

const indexFiles = (): string[] => whole.files().filter((name) => name.includes('/index/'));
const queueFiles = (dir: string): string[] => whole.files().filter((name) => name.includes(`/consumequeue/${dir}/`));

describe('after a clean stop', () => {
  const cases: [string, () => (name: string) => boolean][] = [
    ['nothing', () => () => true],
    ['the consumequeue directory', () => (name) => !name.includes('/consumequeue/')],
    ['a queue with nothing in the last stretch', () => (name) => !name.includes('/consumequeue/Old/')],
    ['the first file of a queue', () => (name) => name !== queueFiles('T/0')[0]],
    ['a file in the middle of a queue', () => (name) => name !== queueFiles('T/0')[3]],
    ['the last file of a queue', () => (name) => name !== queueFiles('Old/0').at(-1)],
    ['the index directory', () => (name) => !name.includes('/index/')],
    ['the oldest index file', () => (name) => name !== indexFiles()[0]],
    ['an index file in the middle', () => (name) => name !== indexFiles()[4]],
    ['the newest index files', () => (name) => !indexFiles().slice(-3).includes(name)],
    ['all that is derived', () => (name) => !/consumequeue|index|checkpoint|derived/.test(name)],
  ];
  test.each(cases)('%s removed: everything is served and found', async (what, keep) => {
    const disk = copyOf(whole, keep());
    const lines = await opensWhole(disk);
    if (what === 'nothing') expect(lines).toEqual([]);
    else expect(lines.join()).toMatch(/info goes through the log to build what is missing|warn index files are missing/);
  });

  test.each(['consumequeue', 'index'])('a %s directory from an earlier time is completed', async (dir) => {
    const disk = copyOf(whole, (name) => !name.includes(`/${dir}/`));
    for (const name of middle.files()) if (name.includes(`/${dir}/`)) disk.place(name, middle.content(name));
    await opensWhole(disk);
  });

  test.each(['all', 'index'])('without our note of the stop (%s gone, as after a stop of Apache) the log itself shows what is missing', async (what) => {
    const disk = copyOf(whole, (name) => !name.includes('derived') && !(what === 'all' ? /consumequeue|index/ : /index/).test(name));
    await opensWhole(disk);
  });

  test.each(['{"version":1', '[]', '{"version":1,"logMin":0,"logEnd":9,"queues":[["../x",0,0,1,1]],"index":[],"repair":{"queues":[]}}', ''])('a note that cannot be read (%j) counts for nothing', async (text) => {
    const disk = copyOf(whole);
    disk.place(`${storeRoot}/derived.json`, Buffer.from(text));
    await opensWhole(disk);
  });

  test('damage in an old part of the log costs what it hit, not what follows', async () => {
    const disk = copyOf(whole, (name) => !name.includes('/consumequeue/T/0/'));
    const clock = new ManualClock();
    const intact = await openOn(copyOf(whole), clock, config);
    const hit = (await intact.units(intact.queue('T', 0), 4, 1))[0]?.phyOffset ?? 0;
    await intact.close();
    disk.flip(`${storeRoot}/commitlog/${firstFile}`, hit + 200, 3);
    const log = new ListLog();
    const store = await openOn(disk, clock, config, log);
    expect(log.lines.some((line) => line.startsWith('error the commit log is damaged here'))).toBe(true);
    expect(store.recovery.bytesCut).toBe(0);
    for (const [name, texts] of expected) {
      const [topic = '', id = '0'] = name.split('/');
      const queue = store.queue(topic, Number(id));
      expect([name, queue.maxOffset]).toEqual([name, texts.length]);
      const found = await readRound(store, queue);
      for (const [offset, text] of found) expect([name, offset, text]).toEqual([name, offset, texts[offset]]);
      const missing = texts.map((_text, i) => i).filter((i) => !found.has(i));
      expect([name, missing.length <= 1, missing]).toEqual([name, true, missing]);
    }
    await store.close();
  });

  test('a topic that was deleted does not come back, whatever is built again', async () => {
    for (const how of ['close', 'kill', 'index', 'queue'] as const) {
      const disk = simulatedDisk(8);
      const clock = new ManualClock();
      const small = smallConfig();
      let store = await openOn(disk, clock, small);
      for (let i = 0; i < 30; i++) put(store, store.queue(i % 3 === 0 ? 'Gone' : 'Stays', 0), `m${i}`);
      expect(await store.deleteTopics(new Set(['Gone']))).toBe(1);
      if (how === 'kill') {
        disk.crash();
        clock.dropTimers();
        await settle();
        disk.restart('kill');
      } else await store.close();
      const pattern = how === 'index' ? /\/index\// : how === 'queue' ? /\/Stays\// : /^$/;
      const log = new ListLog();
      store = await openOn(copyOf(disk, (name) => !pattern.test(name)), clock, small, log);
      expect([how, store.topicsOnDisk()]).toEqual([how, ['Stays']]);
      expect([how, (await readAll(store, store.queue('Stays', 0))).length]).toEqual([how, 20]);
      await store.close();
    }
  });

  test('a start that dies while it builds is made up for by the next one', async () => {
    const small = smallConfig({ recoverStepBytes: 2048 });
    const source = simulatedDisk(9);
    const clock = new ManualClock();
    const store = await openOn(source, clock, small);
    for (let i = 0; i < 60; i++) put(store, store.queue('T', i % 3), `m${i}`, 60);
    const all = sorted(await checkStore(store));
    await store.close();
    for (const drop of [/consumequeue/, /consumequeue\/T\/1/, /index/, /consumequeue|index|derived|checkpoint/]) {
      const first = copyOf(source, (name) => !drop.test(name));
      await (await openOn(first, clock, small)).close();
      for (let point = 1; point < first.ops; point += 3) {
        const disk = copyOf(source, (name) => !drop.test(name), point);
        disk.crashAtOp = point;
        await openOn(disk, clock, small)
          .then((opened) => opened.close())
          .catch((error: unknown) => {
            if (!disk.isDown) throw error;
          });
        disk.crash();
        clock.dropTimers();
        await settle();
        disk.restart(point % 2 === 0 ? 'kill' : 'power');
        const again = await openOn(disk, clock, small);
        expect([String(drop), point, sorted(await checkStore(again))]).toEqual([String(drop), point, all]);
        await again.close();
      }
    }
  }, 240_000);
});

/** Reads a queue as a consumer would: forward only, skipping what is not there. Fails when it does not get on. */
async function readRound(store: OpenStore, queue: QueueRef): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for (let at = queue.minOffset; at < queue.maxOffset; ) {
    const result = await store.get(queue, at, 32, 1 << 22, undefined);
    for (const record of recordsOf(result.slices)) {
      expect(record.topic).toBe(queue.topic);
      expect(found.has(record.queueOffset)).toBe(false);
      found.set(record.queueOffset, record.text);
    }
    expect(result.nextBeginOffset).toBeGreaterThan(at);
    at = result.nextBeginOffset;
  }
  return found;
}

describe('a damaged entry in an older queue file', () => {
  const small = smallConfig({ tailCacheBytesMax: 4096 });

  async function damaged(change: (unit: Buffer, other: Buffer) => void): Promise<{ disk: SimulatedDisk; clock: ManualClock }> {
    const disk = simulatedDisk(4);
    const clock = new ManualClock();
    const store = await openOn(disk, clock, small);
    for (let i = 0; i < 40; i++) {
      put(store, store.queue('T', 0), `m${i}`, 100);
      put(store, store.queue('S', 0), `other${i}`, 100);
    }
    await store.close();
    const name = `${storeRoot}/consumequeue/T/0/${String(160).padStart(20, '0')}`;
    const bytes = disk.content(name);
    change(bytes.subarray(60, 80), disk.content(name.replace('/T/', '/S/')).subarray(60, 80));
    disk.place(name, bytes);
    return { disk, clock };
  }

  const changes: [string, (unit: Buffer, other: Buffer) => void][] = [
    ['zeros', (unit) => unit.fill(0)],
    ['ones', (unit) => unit.fill(0xff)],
    ['the same offset of another topic', (unit, other) => other.copy(unit)],
    ['a position outside the log', (unit) => unit.writeBigInt64BE(1n << 40n, 0)],
    ['a position within a record', (unit) => unit.writeBigInt64BE(unit.readBigInt64BE(0) + 3n, 0)],
    ['a size that is too large', (unit) => unit.writeInt32BE(0x7ffffff0, 8)],
    ['a size that is too small', (unit) => unit.writeInt32BE(20, 8)],
  ];
  test.each(changes)('%s: the consumer gets on without a wrong message, it is said once, the next start mends it', async (_, change) => {
    const { disk, clock } = await damaged(change);
    for (const end of ['kill', 'close'] as const) {
      const copy = copyOf(disk);
      const log = new ListLog();
      let store = await openOn(copy, clock, small, log);
      for (let round = 0; round < 2; round++) {
        const found = await readRound(store, store.queue('T', 0));
        expect([...found].map(([offset, text]) => [offset, text])).toEqual(Array.from({ length: 40 }, (_u, i) => [i, `m${i}`]).filter(([i]) => i !== 11));
      }
      expect(log.lines.filter((line) => line.includes('a ConsumeQueue entry leads to no record'))).toHaveLength(1);
      if (end === 'close') await store.close();
      else {
        await clock.advance(2000);
        copy.crash();
        clock.dropTimers();
        await settle();
        copy.restart('kill');
      }
      store = await openOn(copy, clock, small);
      expect((await checkStore(store)).get('T/0')).toEqual(Array.from({ length: 40 }, (_u, i) => `m${i}`));
      await store.close();
    }
  });
});

describe('after an unclean stop', () => {
  /** A killed store with a checkpoint somewhere in its middle. */
  async function killed(): Promise<{ disk: SimulatedDisk; all: [string, string[]][] }> {
    const disk = simulatedDisk(6);
    const clock = new ManualClock();
    const store = await openOn(disk, clock, smallConfig());
    for (let i = 0; i < 60; i++) {
      put(store, store.queue('T', i % 3), `m${i}`, 60);
      clock.now += 1000;
      if (i === 35) await store.checkpoint();
    }
    const all = sorted(await checkStore(store));
    disk.crash();
    await settle();
    disk.restart('kill');
    return { disk, all };
  }

  test('a checkpoint and an index of any bytes, or none, cost time but no message', async () => {
    const { disk, all } = await killed();
    const words = fc.array(fc.oneof(fc.bigInt({ min: 0n, max: 20000n }), fc.bigInt({ min: 1_699_999_000_000n, max: 1_700_001_000_000n }), fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n })), { minLength: 6, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.option(words), fc.constantFrom('keep', 'gone', 'garbage'), fc.boolean(), async (checkpoint, index, messageIndexSafe) => {
        const copy = copyOf(disk, (name) => !/checkpoint/.test(name) && !(index === 'gone' && /index/.test(name)));
        if (checkpoint !== null) {
          const bytes = Buffer.alloc(4096);
          checkpoint.forEach((word, i) => bytes.writeBigInt64BE(word, i * 8));
          copy.place(`${storeRoot}/checkpoint`, bytes);
        }
        if (index === 'garbage') for (const name of copy.files()) if (/index/.test(name)) copy.place(name, Buffer.alloc(copy.content(name).length, 0xa5));
        const store = await openOn(copy, new ManualClock(), smallConfig({ messageIndexSafe }));
        expect(sorted(await checkStore(store))).toEqual(all);
        await store.close();
      }),
      // Times without a record, later than what the index holds: found once by chance.
      { numRuns: 60, examples: [[[1_700_000_045_000n, 1_700_000_045_000n, 1_699_999_000_000n, 1_699_999_000_000n, 1_699_999_000_000n, 0n], 'keep', false]] },
    );
  }, 240_000);

  test('with messageIndexSafe recovery begins where the index ends', async () => {
    const { disk, all } = await killed();
    const files = disk.files().filter((name) => name.includes('/index/'));
    expect(files.length).toBeGreaterThan(4);
    const clock = new ManualClock();
    const open = (messageIndexSafe: boolean): Promise<OpenStore> => openOn(copyOf(disk, (name) => !files.slice(2).includes(name)), clock, smallConfig({ messageIndexSafe }));
    const safe = await open(true);
    expect(sorted(await checkStore(safe))).toEqual(all);
    const scanned = safe.recovery.recordsScanned;
    await safe.close();
    const plain = await open(false);
    expect(plain.recovery.recordsScanned).toBeLessThan(scanned);
    await plain.close();
  });
});

describe('where the log lies', () => {
  const open = (disk: SimulatedDisk, commitLogDir: string): Promise<OpenStore> => openOn(disk, new ManualClock(), smallConfig(), new ListLog(), commitLogDir);

  test('another directory is used for the log alone, and found again', async () => {
    const disk = simulatedDisk(2);
    let store = await open(disk, '/elsewhere/log');
    for (let i = 0; i < 30; i++) put(store, store.queue('T', 0), `m${i}`, 100);
    const all = sorted(await checkStore(store));
    await store.close();
    expect(disk.files().filter((name) => /\d{20}$/.test(name) && !name.includes('/consumequeue/')).every((name) => name.startsWith('/elsewhere/log/'))).toBe(true);
    store = await open(disk, '/elsewhere/log');
    expect(sorted(await checkStore(store))).toEqual(all);
    await store.close();
  });

  test('a list of directories is refused with the key and the value', async () => {
    await expect(open(simulatedDisk(2), '/a,/b')).rejects.toThrow(/storePathCommitLog is "\/a,\/b"/);
  });
});

describe('queue offsets of records, which no CRC covers', () => {
  const text = async (store: OpenStore, queue: QueueRef, at: number): Promise<string | undefined> => {
    const result = await store.get(queue, at, 1, 1 << 20, undefined);
    return result.status === 'FOUND' ? recordsOf(result.slices)[0]?.text : result.status;
  };

  test('a damaged one takes no other message with it, and does not fill its queue with blank entries', async () => {
    const count = 8;
    const disk = simulatedDisk(3);
    const first = await openOn(disk, new ManualClock(), smallConfig());
    for (let i = 0; i < count; i++) for (const queueId of [0, 1]) put(first, first.queue('T', queueId), `m${i}`);
    const units = await first.units(first.queue('T', 0), 0, count);
    await first.close();
    await fc.assert(fc.asyncProperty(
      fc.nat({ max: count - 1 }), fc.oneof(fc.nat({ max: count + 3 }), fc.constantFrom(100, 10_000, 2 ** 40, Number.MAX_SAFE_INTEGER)),
      async (damaged, offset) => {
        // The last record of a queue that says 0 is the first of a new one.
        fc.pre(offset !== damaged && !(offset === 0 && damaged === count - 1));
        const copy = copyOf(disk, (name) => !name.includes('consumequeue'));
        const log = copy.content(`${storeRoot}/commitlog/${firstFile}`);
        log.writeBigInt64BE(BigInt(offset), (units[damaged]?.phyOffset ?? -1) + 20);
        copy.place(`${storeRoot}/commitlog/${firstFile}`, log);
        for (const put of [true, false]) {
          const store = await openOn(copy, new ManualClock(), smallConfig());
          const queue = store.queue('T', 0);
          expect(queue.maxOffset).toBeLessThanOrEqual(count + 5);
          for (let i = 0; i < count; i++) {
            expect(await text(store, store.queue('T', 1), i)).toBe(`m${i}`);
            if (i !== damaged) expect(await text(store, queue, i)).toBe(`m${i}`);
          }
          if (put) {
            const after = store.put(message(queue, 'after'));
            expect([after.status, store.writeTurn(), await text(store, queue, after.queueOffset)]).toEqual(['PUT_OK', undefined, 'after']);
          }
          await store.close();
        }
      },
    ), { numRuns: 40 });
  });

  test.each([[3, 1, 0], [3, 2, 0], [60, 1, 1], [60, 2, 1], [60, 5, 1], [1, 3, 0]])(
    'a topic of %i messages that was deleted and made again with %i has these, %i files of its log being gone', async (before, after, gone) => {
      const disk = simulatedDisk(3);
      let store = await openOn(disk, new ManualClock(), smallConfig());
      for (let i = 0; i < before; i++) put(store, store.queue('T', 0), `old${i}`);
      await store.deleteTopics(new Set(['T']));
      for (let i = 0; i < after; i++) put(store, store.queue('T', 0), `new${i}`);
      await store.close();
      const logs = disk.files().filter((name) => name.includes('/commitlog/')).sort();
      expect(logs.length).toBeGreaterThan(gone);
      store = await openOn(copyOf(disk, (name) => !name.includes('consumequeue') && !logs.slice(0, gone).includes(name)), new ManualClock(), smallConfig());
      expect([store.queue('T', 0).minOffset, await readAll(store, store.queue('T', 0))]).toEqual([0, Array.from({ length: after }, (_, i) => `new${i}`)]);
      await store.close();
    });
});
