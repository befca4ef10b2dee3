import { describe, expect, test } from '@jest/globals';
import { encodeBatch } from '../codec/batch.js';
import { formatProperties } from '../codec/properties.js';
import { checkStore, ListLog, ManualClock, message, openOn, readAll, recordsOf, settle, smallConfig, storeRoot } from './store-fixture.js';
import { openStore } from './message-store.js';
import type { OpenStore } from './message-store.js';
import type { StoreConfig } from './options.js';
import { simulatedDisk } from './simulated-disk.js';
import type { SimulatedDisk } from './simulated-disk.js';
import type { GetResult, PutInput, QueueRef } from './types.js';

interface Bench {
  disk: SimulatedDisk;
  clock: ManualClock;
  log: ListLog;
  config: StoreConfig;
  store: OpenStore;
}

async function bench(change: Partial<StoreConfig> = {}, seed = 1): Promise<Bench> {
  const disk = simulatedDisk(seed);
  const clock = new ManualClock();
  const log = new ListLog();
  const config = smallConfig(change);
  return { disk, clock, log, config, store: await openOn(disk, clock, config, log) };
}

async function reopen(b: Bench): Promise<void> {
  b.store = await openOn(b.disk, b.clock, b.config, b.log);
}

/** Puts texts in one turn each. */
function putAll(store: OpenStore, queue: QueueRef, texts: readonly string[], padding = 0): void {
  for (const text of texts) {
    expect(store.put(message(queue, text, { uniq: `U-${text}`, keys: `k-${text} all`, tag: 'a', padding })).status).toBe('PUT_OK');
    expect(store.writeTurn()).toBeUndefined();
  }
}

const names = (count: number, prefix = 'm'): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

function batchInput(queue: QueueRef, texts: readonly string[]): PutInput {
  const body = encodeBatch(texts.map((text) => ({ flag: 3, body: Buffer.from(text), properties: [['UNIQ_KEY', `U-${text}`], ['TAGS', 'a']] as const })));
  return { ...message(queue, ''), body, bodyStart: 0, bodyEnd: body.length };
}

function now(result: GetResult | Promise<GetResult>): GetResult {
  if (result instanceof Promise) throw new Error('this get should have been answered from memory');
  return result;
}

describe('put and get', () => {
  test('a message is visible only after its turn was written, and comes back as it was put', async () => {
    const { store } = await bench();
    const queue = store.queue('T', 0);
    expect(store.existingQueue('T', 0)).toBeUndefined();
    const arrivals: unknown[] = [];
    store.onArrival((q, from, to) => arrivals.push([q.topic, q.queueId, from, to]));
    const put = store.put(message(queue, 'one', { uniq: 'U1', tag: 'a', suffix: '\u0002MSG_REGION\u0001r\u0002' }));
    expect(put).toMatchObject({ status: 'PUT_OK', phyOffset: 0, queueOffset: 0, count: 1 });
    expect(queue.maxOffset).toBe(0);
    expect(now(store.get(queue, 0, 32, 1000, undefined)).status).toBe('NO_MESSAGE_IN_QUEUE');
    store.writeTurn();
    expect(arrivals).toEqual([['T', 0, 0, 1]]);
    const got = now(store.get(queue, 0, 32, 1000, undefined));
    expect(got).toMatchObject({ status: 'FOUND', nextBeginOffset: 1, minOffset: 0, maxOffset: 1, messageCount: 1, fallenBehind: false });
    const [record] = recordsOf(got.slices);
    expect(record?.text).toBe('one');
    expect([...(record?.props ?? [])]).toEqual([['UNIQ_KEY', 'U1'], ['TAGS', 'a'], ['MSG_REGION', 'r']]);
    expect(store.existingQueue('T', 0)).toBe(queue);
    await store.close();
  });

  test('adjacent records of one queue come joined in one slice; limits of count, bytes and the first message hold', async () => {
    const { store } = await bench({ mappedFileSizeCommitLog: 1 << 20, mappedFileSizeConsumeQueue: 20 * 1000 });
    const queue = store.queue('T', 0);
    putAll(store, queue, names(100));
    const all = now(store.get(queue, 0, 1000, 1 << 20, undefined));
    expect(all.slices).toHaveLength(1);
    expect(all.messageCount).toBe(32);
    expect(now(store.get(queue, 5, 3, 1 << 20, undefined))).toMatchObject({ messageCount: 3, nextBeginOffset: 8 });
    const size = now(store.get(queue, 0, 1, 1, undefined)).bytes;
    expect(now(store.get(queue, 0, 10, size * 2 + 5, undefined)).messageCount).toBe(2);
    expect(now(store.get(queue, 0, 10, 1, undefined)).messageCount).toBe(1);
    await store.close();
  });

  test('a queue of several blocks of entries in memory answers from each of them', async () => {
    const b = await bench({ mappedFileSizeCommitLog: 1 << 21, mappedFileSizeConsumeQueue: 20 * 30_000, tailCacheBytesMax: 1 << 22 });
    const queue = b.store.queue('T', 0);
    for (let i = 0; i < 12_000; i++) expect(b.store.put(message(queue, `m${i}`)).status).toBe('PUT_OK');
    expect(b.store.writeTurn()).toBeUndefined();
    for (const at of [0, 1, 700, 3275, 3276, 3277, 6551, 6552, 6553, 8000, 9827, 9828, 11_999]) {
      const result = now(b.store.get(queue, at, 2, 1 << 20, undefined));
      expect(recordsOf(result.slices).map((record) => record.text)).toEqual([`m${at}`, `m${at + 1}`].slice(0, 12_000 - at));
    }
    await b.store.close();
  });

  test('statuses and next offsets at the edges', async () => {
    const { store } = await bench();
    const queue = store.queue('T', 0);
    putAll(store, queue, names(3));
    const at = (offset: number): unknown[] => {
      const result = now(store.get(queue, offset, 32, 1000, undefined));
      return [result.status, result.nextBeginOffset];
    };
    expect(at(3)).toEqual(['OFFSET_OVERFLOW_ONE', 3]);
    expect(at(9)).toEqual(['OFFSET_OVERFLOW_BADLY', 3]);
    expect(at(-1)).toEqual(['OFFSET_TOO_SMALL', 0]);
    const none = now(store.get(queue, 0, 32, 1000, { matchesEntry: () => false }));
    expect(none).toMatchObject({ status: 'NO_MATCHED_MESSAGE', nextBeginOffset: 3, messageCount: 0 });
    const second = now(store.get(queue, 0, 32, 1000, { matchesEntry: () => true, matchesRecord: (bytes, start, end) => Buffer.from(bytes.subarray(start, end)).includes('m1') }));
    expect(recordsOf(second.slices).map((r) => r.text)).toEqual(['m1']);
    await store.close();
  });

  test('a batch is stored as consecutive records, all or nothing', async () => {
    const { store, log } = await bench();
    const queue = store.queue('T', 1);
    const put = store.putBatch(batchInput(queue, names(20)));
    expect(put).toMatchObject({ status: 'PUT_OK', queueOffset: 0, count: 20 });
    expect([...put.phyOffsets.subarray(0, 2)]).toEqual([0, put.recordBytes / 20 - 1]);
    store.writeTurn();
    expect(await readAll(store, queue)).toEqual(names(20));
    const broken = batchInput(queue, names(3));
    broken.body.writeInt32BE(9999, 16);
    expect(store.putBatch(broken)).toMatchObject({ status: 'MESSAGE_ILLEGAL', count: 0 });
    // smallConfig's log files have 4096 bytes, of which 8 are for the blank at the end.
    expect(store.putBatch(batchInput(queue, names(60)))).toMatchObject({ status: 'MESSAGE_ILLEGAL', count: 0, remark: expect.stringMatching(/^the batch needs \d+ bytes, a commit log file holds 4088$/) as unknown });
    expect(store.put(message(queue, 'next')).queueOffset).toBe(20);
    expect(log.lines).toEqual([]);
    await store.close();
  });

  test('what is too large is refused with the limit, and costs nothing', async () => {
    const { store } = await bench({ mappedFileSizeCommitLog: 1 << 20, maxMessageSize: 1000 });
    const queue = store.queue('T', 0);
    expect(store.put(message(queue, 'x', { padding: 1000 }))).toMatchObject({ status: 'MESSAGE_ILLEGAL', remark: 'the message body has 1001 bytes, the limit is 1000' });
    const wide = message(queue, 'x', { keys: 'k'.repeat(32768) });
    expect(store.put(wide).status).toBe('PROPERTIES_SIZE_EXCEEDED');
    expect(store.put(message(queue, 'x')).queueOffset).toBe(0);
    await store.close();
  });

  test.each(['../up', 'a/b', 'nul\u0000', 'x'.repeat(256), '', '.', 'tab\t', 'ümlaut'])('the topic name %j may not become a directory', async (topic) => {
    const { store, disk } = await bench();
    expect(() => store.queue(topic, 0)).toThrow(/topic/);
    expect(store.existingQueue(topic, 0)).toBeUndefined();
    expect(() => store.queue('T', -1)).toThrow(/queue id/);
    await store.close();
    expect(disk.files().every((file) => file.startsWith(storeRoot))).toBe(true);
  });

  test('the delivery time of a delayed message counts from its store time', async () => {
    const b = await bench();
    const queue = b.store.queue('SCHEDULE_TOPIC_XXXX', 2);
    const input = message(queue, 'later', { uniq: 'U' });
    const props = Buffer.concat([input.props, Buffer.from('DELAY\u00013\u0002')]);
    const put = b.store.put({ ...input, props, propsEnd: props.length, tagsCode: 1 });
    b.store.writeTurn();
    expect((await b.store.units(queue, 0, 1))[0]?.tagsCode).toBe(put.storeTimestamp + 10000);
    await b.store.close();
  });
});

describe('cold reads, times and the index', () => {
  test('what left memory is read from the files, and the store answers the same after a restart', async () => {
    const b = await bench({ tailCacheBytesMax: 4096 });
    const queue = b.store.queue('T', 0);
    putAll(b.store, queue, names(60), 90);
    await b.store.checkpoint();
    const first = b.store.get(queue, 0, 8, 1 << 20, undefined);
    expect(first).toBeInstanceOf(Promise);
    expect(recordsOf((await first).slices).map((r) => r.text)).toEqual(names(8));
    expect(await readAll(b.store, queue)).toEqual(names(60));
    await b.store.close();
    await reopen(b);
    const again = b.store.queue('T', 0);
    expect(await readAll(b.store, again)).toEqual(names(60));
    await checkStore(b.store);
    await b.store.close();
  });

  test('the first offset at a time, with the run of equal times walked to its end', async () => {
    const b = await bench({ mappedFileSizeConsumeQueue: 20 * 100 });
    const queue = b.store.queue('T', 0);
    const t0 = b.clock.now;
    for (const [at, count] of [[0, 2], [10, 3], [30, 1]] as const) {
      b.clock.now = t0 + at;
      putAll(b.store, queue, names(count, `t${at}-`));
    }
    const at = (ms: number, boundary: 'LOWER' | 'UPPER'): Promise<number> => b.store.offsetByTime(queue, t0 + ms, boundary);
    expect(await Promise.all([at(-5, 'LOWER'), at(0, 'LOWER'), at(5, 'LOWER'), at(10, 'LOWER'), at(30, 'LOWER'), at(31, 'LOWER')])).toEqual([0, 0, 2, 2, 5, 6]);
    expect(await Promise.all([at(-5, 'UPPER'), at(0, 'UPPER'), at(5, 'UPPER'), at(10, 'UPPER'), at(30, 'UPPER'), at(31, 'UPPER')])).toEqual([0, 1, 1, 4, 5, 5]);
    expect(await b.store.storeTimeAt(queue, 2)).toBe(t0 + 10);
    expect(await b.store.storeTimeAt(queue, 99)).toBe(-1);
    expect(await b.store.earliestStoreTime()).toBe(t0);
    await b.store.close();
  });

  test('keys are found newest first by unique key, key and tag, over several files and after a restart', async () => {
    const b = await bench();
    const queue = b.store.queue('T', 0);
    putAll(b.store, queue, names(20));
    const query = (key: string, type?: string, max = 64): Promise<number> =>
      b.store.queryIndex('T', key, max, 0, Number.MAX_SAFE_INTEGER, type).then((result) => {
        expect(result.phyOffsets).toEqual([...result.phyOffsets].sort((x, y) => y - x));
        return result.phyOffsets.length;
      });
    const look = async (): Promise<number[]> => [await query('U-m3'), await query('k-m19'), await query('all'), await query('a', 'T'), await query('a'), await query('all', undefined, 5)];
    expect(await look()).toEqual([1, 1, 20, 20, 0, 5]);
    expect(await b.store.queryIndex('T', 'all', 64, 0, 1, undefined)).toMatchObject({ phyOffsets: [] });
    await b.store.close();
    expect(b.disk.files().filter((file) => file.includes('/index/')).length).toBeGreaterThan(2);
    await reopen(b);
    expect(await look()).toEqual([1, 1, 20, 20, 0, 5]);
    b.disk.crash();
  });
});

describe('dispatch', () => {
  test('what a put does at once and what dispatching the log does are the same, byte for byte', async () => {
    const live = await bench();
    const inputs: ((store: OpenStore) => void)[] = [];
    for (let i = 0; i < 40; i++) {
      inputs.push((store) => {
        const queue = store.queue(i % 7 === 0 ? 'SCHEDULE_TOPIC_XXXX' : `T${i % 2}`, i % 3);
        if (i % 5 === 0) {
          store.putBatch(batchInput(queue, names(3, `b${i}-`)));
          return;
        }
        const extra = { ...(i % 4 === 0 ? {} : { uniq: `U${i}` }), ...(i % 3 === 0 ? { keys: ` k${i}  ü${i} ` } : {}), ...(i % 2 === 0 ? { tag: 'é' } : {}) };
        const input = message(queue, `m${i}`, { ...extra, suffix: i % 4 === 0 ? formatProperties([['UNIQ_KEY', `B${i}`]]) : '' });
        store.put(input);
      });
    }
    for (const put of inputs) {
      put(live.store);
      expect(live.store.writeTurn()).toBeUndefined();
      live.clock.now += 800;
    }
    await live.store.close();
    const derived = (disk: SimulatedDisk): Map<string, string> => {
      const files = new Map<string, string>();
      for (const file of disk.files()) {
        if (file.includes('/consumequeue/')) files.set(file, disk.content(file).toString('hex'));
      }
      files.set('index', disk.files().filter((file) => file.includes('/index/')).map((file) => disk.content(file).toString('hex')).join('\n'));
      return files;
    };
    const expected = derived(live.disk);
    const other = simulatedDisk(2);
    for (const file of live.disk.files()) if (file.includes('/commitlog/')) other.place(file, live.disk.content(file));
    other.place(`${storeRoot}/abort`, Buffer.from('1'));
    const again = await openOn(other, live.clock, live.config);
    expect(again.recovery.recordsScanned).toBeGreaterThan(40);
    await again.close();
    expect(derived(other)).toEqual(expected);
  });
});

describe('faults', () => {
  test('a full disk takes the turn back, refuses with the cause, serves reads, and goes on when there is room', async () => {
    const b = await bench();
    const queue = b.store.queue('T', 0);
    putAll(b.store, queue, names(3));
    b.disk.spaceLeft = 0;
    const big = b.store.put(message(queue, 'lost', { uniq: 'LOST', keys: 'all', tag: 'a', padding: 3000 }));
    expect(big).toMatchObject({ status: 'PUT_OK', queueOffset: 3 });
    expect(b.store.put(message(b.store.queue('T', 1), 'lost too', { uniq: 'LOST2' })).status).toBe('PUT_OK');
    expect(b.store.writeTurn()).toMatch(/^disk write failed: ENOSPC/);
    expect(b.store.fault).toMatch(/ENOSPC/);
    expect(queue.maxOffset).toBe(3);
    expect(b.store.existingQueue('T', 1)).toBeUndefined();
    expect(b.store.put(message(queue, 'refused'))).toMatchObject({ status: 'SERVICE_NOT_AVAILABLE', remark: expect.stringContaining('ENOSPC') });
    expect(await readAll(b.store, queue)).toEqual(names(3));
    expect((await b.store.queryIndex('T', 'LOST', 9, 0, Number.MAX_SAFE_INTEGER, undefined)).phyOffsets).toEqual([]);
    await b.clock.advance(3000);
    expect(b.store.fault).toBeDefined();
    b.disk.spaceLeft = 1 << 20;
    await b.clock.advance(3000);
    expect(b.store.fault).toBeUndefined();
    putAll(b.store, queue, ['m3']);
    expect((await b.store.queryIndex('T', 'all', 9, 0, Number.MAX_SAFE_INTEGER, undefined)).phyOffsets).toHaveLength(4);
    await checkStore(b.store);
    b.disk.crash();
    b.clock.dropTimers();
    b.disk.restart('kill');
    await reopen(b);
    expect([...(await checkStore(b.store))]).toEqual([['T/0', names(4)]]);
    await b.store.close();
  });

  test('a write error stays, reads go on, and the next start has exactly what was acknowledged', async () => {
    const b = await bench();
    const queue = b.store.queue('T', 0);
    putAll(b.store, queue, names(2));
    b.disk.fail('write', 'EIO', 1, /commitlog/);
    b.store.put(message(queue, 'lost'));
    expect(b.store.writeTurn()).toBe('disk write failed: EIO');
    await b.clock.advance(60000);
    expect(b.store.put(message(queue, 'refused')).remark).toBe('disk write failed: EIO');
    expect(await readAll(b.store, queue)).toEqual(names(2));
    await b.store.close();
    await reopen(b);
    expect(b.store.recovery.cleanStop).toBe(false);
    expect(await readAll(b.store, b.store.queue('T', 0))).toEqual(names(2));
    await b.store.close();
  });

  test('a failed sync is never taken for a good one later', async () => {
    const b = await bench({ flushDiskType: 'SYNC_FLUSH' });
    const queue = b.store.queue('T', 0);
    b.disk.fail('datasync', 'EIO', 1, /commitlog/);
    const put = b.store.put(message(queue, 'x'));
    b.store.writeTurn();
    expect(await b.store.flushed(put.phyOffset + put.recordBytes, 5000)).toBe('FAULT');
    expect(await b.store.flushed(put.phyOffset + put.recordBytes, 5000)).toBe('FAULT');
    expect(queue.maxOffset).toBe(0);
    expect(b.store.put(message(queue, 'y'))).toMatchObject({ status: 'SERVICE_NOT_AVAILABLE', remark: expect.stringContaining('disk sync failed: EIO') });
    b.disk.crash();
  });

  test('under SYNC_FLUSH nothing is seen before it is synced, one sync answers all who wrote before it, and a slow one times out', async () => {
    const b = await bench({ flushDiskType: 'SYNC_FLUSH' });
    const queue = b.store.queue('T', 0);
    b.disk.latency = 50;
    putAll(b.store, queue, names(3));
    expect(queue.maxOffset).toBe(0);
    const order: number[] = [];
    const waits = [1, 2, 3].map((n) => b.store.flushed(b.store.positions.written - 3 + n, 1000).then((outcome) => order.push(outcome === 'FLUSHED' ? n : -n)));
    await settle();
    await Promise.all(waits);
    expect(order).toEqual([1, 2, 3]);
    expect(queue.maxOffset).toBe(3);
    // Written while a sync is under way, and nobody waits: still synced and seen.
    putAll(b.store, queue, ['during 1']);
    putAll(b.store, queue, ['during 2']);
    await settle();
    expect(queue.maxOffset).toBe(5);
    b.disk.latency = 1_000_000;
    putAll(b.store, queue, ['slow']);
    const late = b.store.flushed(b.store.positions.written, 1000);
    b.disk.crash();
    void b.clock.advance(1000);
    expect(['FLUSH_DISK_TIMEOUT', 'FAULT']).toContain(await late);
  });
});

describe('recovery', () => {
  test('a log cut at any byte of its last record keeps every record before it', async () => {
    const b = await bench();
    const queue = b.store.queue('T', 0);
    putAll(b.store, queue, names(4));
    const start = (await b.store.units(queue, 3, 1))[0]?.phyOffset ?? -1;
    const end = b.store.positions.written;
    await b.store.close();
    const file = `${storeRoot}/commitlog/${'0'.repeat(20)}`;
    const whole = b.disk.content(file);
    for (let at = start; at <= end; at++) {
      const disk = simulatedDisk(at);
      for (const name of b.disk.files()) disk.place(name, b.disk.content(name));
      const cut = Buffer.from(whole);
      cut.fill(0, at, end);
      disk.place(file, cut);
      if (at % 2 === 0) disk.place(`${storeRoot}/abort`, Buffer.from('1'));
      const store = await openOn(disk, b.clock, b.config);
      // The last bytes of the properties may be zeros without anybody noticing only when nothing is cut.
      const kept = at === end ? 4 : whole.subarray(at, end).every((byte) => byte === 0) ? 4 : 3;
      const texts = await readAll(store, store.queue('T', 0)).catch((error: unknown) => [String(error)]);
      expect([at - start, texts.length >= kept ? texts.slice(0, 3) : texts]).toEqual([at - start, names(3)]);
      await store.close();
    }
  });

  test('a flipped bit in the log after an unclean stop ends it there, never before', async () => {
    const b = await bench({ checkpointIntervalMs: 1e9 });
    const queue = b.store.queue('T', 0);
    putAll(b.store, queue, names(30), 100);
    const units = await b.store.units(queue, 0, 30);
    b.disk.crash();
    for (let i = 0; i < 30; i += 3) {
      const disk = simulatedDisk(i);
      for (const name of b.disk.files()) disk.place(name, b.disk.content(name));
      const phyOffset = units[i]?.phyOffset ?? 0;
      const base = Math.floor(phyOffset / 4096) * 4096;
      disk.flip(`${storeRoot}/commitlog/${String(base).padStart(20, '0')}`, phyOffset - base + 100, i % 8);
      const log = new ListLog();
      const store = await openOn(disk, b.clock, b.config, log);
      expect(await readAll(store, store.queue('T', 0))).toEqual(names(i));
      expect(store.recovery).toMatchObject({ cleanStop: false, cutReason: 'the body CRC differs' });
      expect(log.lines.some((line) => line.startsWith('warn the commit log was cut'))).toBe(true);
      await checkStore(store);
      await store.close();
    }
  });

  test('damaged or missing ConsumeQueues and index files are built again', async () => {
    const b = await bench();
    for (let i = 0; i < 3; i++) putAll(b.store, b.store.queue('T', i), names(20, `q${i}-`));
    await b.store.close();
    const expected = new Map([0, 1, 2].map((i) => [`T/${i}`, names(20, `q${i}-`)]));
    for (const damage of ['flip', 'gone', 'index'] as const) {
      const disk = simulatedDisk(3);
      const drop = damage === 'gone' ? /consumequeue\/T\/1\// : /^$/;
      for (const name of b.disk.files()) if (!drop.test(name)) disk.place(name, b.disk.content(name));
      if (damage === 'flip') disk.flip(`${storeRoot}/consumequeue/T/1/${'320'.padStart(20, '0')}`, 24, 7);
      if (damage === 'index') {
        const name = disk.files().find((file) => file.includes('/index/')) ?? '';
        disk.flip(name, 36, 7);
      }
      const store = await openOn(disk, b.clock, b.config);
      const all = await checkStore(store);
      expect([damage, new Map([...all].sort())]).toEqual([damage, expected]);
      await store.close();
    }
  });

  test('files of another size are refused with the key to set', async () => {
    const b = await bench();
    putAll(b.store, b.store.queue('T', 0), names(60));
    await b.store.close();
    await expect(openOn(b.disk, b.clock, { ...b.config, mappedFileSizeCommitLog: 8192 })).rejects.toThrow(/4096 bytes, mappedFileSizeCommitLog says 8192/);
    await expect(openOn(b.disk, b.clock, { ...b.config, mappedFileSizeConsumeQueue: 30 })).rejects.toThrow(/multiple of 20/);
    await reopen(b);
    await b.store.close();
  });

  test.each([
    ['mappedFileSizeCommitLog', 255, 256], ['mappedFileSizeConsumeQueue', 19, 20], ['maxHashSlotNum', 0, 1], ['maxIndexNum', 1, 2], ['maxMessageSize', 0, 1], ['maxMessageSize', 1.5, 1],
  ])('%s of %d is refused', async (name, value, least) => {
    const b = await bench();
    await b.store.close();
    await expect(openOn(b.disk, b.clock, { ...b.config, [name]: value })).rejects.toThrow(`${name} is ${value}, it must be a whole number of at least ${least}`);
  });
});

describe('retention and removal', () => {
  test('expired files go at the hour of deleteWhen, first offsets follow, the rest stays readable', async () => {
    const hour = new Date(new ManualClock().now).getHours();
    const b = await bench({ fileReservedTime: 2, deleteWhen: String((hour + 3) % 24).padStart(2, '0'), tailCacheBytesMax: 4096 });
    const queue = b.store.queue('T', 0);
    putAll(b.store, queue, names(40), 200);
    await b.store.checkpoint();
    await b.clock.advance(3600_000);
    expect(b.store.positions.min).toBe(0);
    await b.clock.advance(2.5 * 3600_000);
    const min = b.store.positions.min;
    expect(min).toBeGreaterThan(8000);
    expect(queue.minOffset).toBeGreaterThan(10);
    expect(now(b.store.get(queue, 0, 32, 1000, undefined))).toMatchObject({ status: 'OFFSET_TOO_SMALL', nextBeginOffset: queue.minOffset });
    expect(await readAll(b.store, queue)).toEqual(names(40).slice(queue.minOffset));
    await b.store.cleanExpiredConsumeQueue();
    expect(b.disk.files().some((file) => file.endsWith(`/consumequeue/T/0/${'0'.repeat(20)}`))).toBe(false);
    const before = queue.minOffset;
    await b.store.close();
    await reopen(b);
    expect(b.store.queue('T', 0)).toMatchObject({ minOffset: before, maxOffset: 40 });
    await checkStore(b.store);
    await b.store.close();
  });

  test('a disk above the forcible level is cleaned at once, above the warning level it also refuses', async () => {
    const b = await bench();
    const queue = b.store.queue('T', 0);
    putAll(b.store, queue, names(60), 100);
    const flushed = b.store.flushed(b.store.positions.written, 1000);
    await settle();
    expect(await flushed).toBe('FLUSHED');
    b.disk.used = 0.93;
    const cleaning = b.store.clean();
    await b.clock.advance(60000);
    expect(await cleaning).toBeGreaterThan(1);
    expect(b.store.put(message(queue, 'x'))).toMatchObject({ status: 'SERVICE_NOT_AVAILABLE', remark: expect.stringContaining('disk full: 93 %') });
    b.disk.used = 0.5;
    await b.clock.advance(60000);
    expect(b.store.put(message(queue, 'x')).status).toBe('PUT_OK');
    await b.store.close();
  });

  test('a deleted topic is gone with its files, and its name can start again', async () => {
    const b = await bench();
    const queue = b.store.queue('T', 0);
    putAll(b.store, queue, names(20));
    putAll(b.store, b.store.queue('Other', 0), names(2));
    await b.store.checkpoint();
    expect(await b.store.deleteTopics(new Set(['T', 'never']))).toBe(1);
    expect(b.store.topicsOnDisk()).toEqual(['Other']);
    expect(b.disk.files().some((file) => file.includes('/consumequeue/T/'))).toBe(false);
    putAll(b.store, queue, ['new life']);
    expect(await readAll(b.store, b.store.queue('T', 0))).toEqual(['new life']);
    b.disk.crash();
    b.clock.dropTimers();
    b.disk.restart('kill');
    await reopen(b);
    expect(await readAll(b.store, b.store.queue('T', 0))).toEqual(['new life']);
    await b.store.close();
  });
});

test('a store that nobody uses after its start gives back what the recovery brought into memory', async () => {
  const b = await bench();
  putAll(b.store, b.store.queue('T', 0), names(20));
  b.disk.crash();
  b.clock.dropTimers();
  b.disk.restart('kill');
  let given = 0;
  const store = await openStore({ root: storeRoot, disk: b.disk, clock: b.clock, log: b.log, config: b.config, collect: () => given++ });
  expect(given).toBe(0);
  await b.clock.advance(120_000);
  expect(given).toBe(1);
  await store.close();
});

test('an idle store syncs nothing, and has no timer that would look', async () => {
  const b = await bench();
  putAll(b.store, b.store.queue('T', 0), names(3));
  await b.clock.advance(10_000);
  let armed = 0;
  const setTimeout = b.clock.setTimeout.bind(b.clock);
  b.clock.setTimeout = (callback, delayMs) => {
    if (delayMs <= b.config.flushIntervalCommitLog) armed++;
    return setTimeout(callback, delayMs);
  };
  await b.clock.advance(10_000);
  expect([b.store.positions.flushed, armed]).toEqual([b.store.positions.written, 0]);
  await b.store.close();
});

test.each([[6, 5], [6, 0], [1, 0]])('of %i commit log files, one too long is refused with what to cut: the one at %i', async (files, at) => {
  const b = await bench();
  while (b.store.positions.written < (files - 1) * 4096 + 100) putAll(b.store, b.store.queue('T', 0), ['m'], 1000);
  await b.store.close();
  const listed = b.disk.list(`${storeRoot}/commitlog`).sort().slice(0, files);
  for (const name of b.disk.list(`${storeRoot}/commitlog`)) if (!listed.includes(name)) b.disk.unlink(`${storeRoot}/commitlog/${name}`);
  const file = `${storeRoot}/commitlog/${listed[at] ?? ''}`;
  b.disk.place(file, Buffer.concat([b.disk.content(file), Buffer.alloc(7)]));
  await expect(reopen(b)).rejects.toThrow(files === 1 ? 'set it to the size of the files' : '7 more than the other files');
});

test.each<[string, string, number, string, number, readonly number[]]>([
  ['another queue of its topic is passed over', 'T', 1, 'T', 0, [0, 2]], ['another topic is passed over', 'T', 0, 'U', 0, [0, 2]],
  ['another offset of its queue is built again: it does not ascend', 'T', 0, 'T', 0, [0, 1, 2]],
])('an entry that leads to a whole record of %s', async (_name, topic, queueId, fromTopic, fromId, answered) => {
  const b = await bench();
  // Texts of one length, so that the records are of one size.
  for (let i = 0; i < 3; i++) for (const [name, id] of [['T', 0], ['T', 1], ['U', 0]] as const) putAll(b.store, b.store.queue(name, id), [`${name}${id}${i}`]);
  await b.store.close();
  const fileOf = (name: string, id: number): string => `${storeRoot}/consumequeue/${name}/${id}/${'0'.repeat(20)}`;
  const entries = Buffer.from(b.disk.content(fileOf(topic, queueId)));
  // The entry at 1 leads to the record at 1 of the other queue, or at 2 of its own.
  const from = fromTopic === topic && fromId === queueId ? 2 : 1;
  b.disk.content(fileOf(fromTopic, fromId)).copy(entries, 20, from * 20, from * 20 + 20);
  b.disk.place(fileOf(topic, queueId), entries);
  await reopen(b);
  const queue = b.store.queue(topic, queueId);
  const texts: string[] = [];
  for (let at = 0; at < queue.maxOffset; ) {
    const got = await b.store.get(queue, at, 1, 1 << 20, undefined);
    texts.push(...recordsOf(got.slices).map(({ text }) => text));
    expect(got.nextBeginOffset).toBeGreaterThan(at);
    at = got.nextBeginOffset;
  }
  expect(texts).toEqual(answered.map((at) => `${topic}${queueId}${at}`));
  await b.store.close();
});

describe('opening', () => {
  const options = (disk: SimulatedDisk, change: Partial<StoreConfig> = {}, commitLogDir?: string): Parameters<typeof openStore>[0] => ({
    root: storeRoot, commitLogDir, disk, clock: new ManualClock(), log: new ListLog(), config: smallConfig(change),
  });

  test('a fresh store survives a loss of power right away, its directories too, wherever the log lies', async () => {
    for (const commitLogDir of [undefined, '', '/elsewhere/deep/log']) {
      for (let seed = 1; seed <= 8; seed++) {
        const disk = simulatedDisk(seed);
        const store = await openStore(options(disk, { flushDiskType: 'SYNC_FLUSH' }, commitLogDir));
        store.setStoreHost(Buffer.from([127, 0, 0, 1, 0, 0, 42, 159]));
        store.put(message(store.queue('T', 0), 'kept'));
        store.writeTurn();
        expect(await store.flushed(store.positions.written, 1000)).toBe('FLUSHED');
        const logDir = commitLogDir === undefined || commitLogDir === '' ? `${storeRoot}/commitlog` : commitLogDir;
        expect(disk.files().filter((file) => file.endsWith('0'.repeat(20)) && file.startsWith(logDir))).toEqual([`${logDir}/${'0'.repeat(20)}`]);
        disk.crash();
        disk.restart('power');
        const again = await openStore(options(disk, {}, commitLogDir));
        expect([seed, await readAll(again, again.queue('T', 0)), again.recovery.cleanStop]).toEqual([seed, ['kept'], false]);
        await again.close();
      }
    }
  });

  test.each<[Partial<StoreConfig>, string | undefined, string]>([
    [{}, '/a,/b', 'storePathCommitLog is "/a,/b": a commit log lies in one directory, not in several'],
    [{ mappedFileSizeConsumeQueue: 21 }, undefined, 'mappedFileSizeConsumeQueue is 21, it must be a multiple of 20'],
    [{ mapperFileSizeBatchConsumeQueue: 45 }, undefined, 'mapperFileSizeBatchConsumeQueue is 45, it must be a multiple of 46'],
    [{ mapperFileSizeBatchConsumeQueue: 0 }, undefined, 'mapperFileSizeBatchConsumeQueue is 0, it must be a multiple of 46'],
    [{ mapperFileSizeBatchConsumeQueue: 47 }, undefined, 'mapperFileSizeBatchConsumeQueue is 47, it must be a multiple of 46'],
    [{ messageDelayLevel: '1s 5x' }, undefined, 'the store in /store cannot be opened: messageDelayLevel: "5x" is not a number followed by s, m, h or d'],
  ])('%j and the log in %s is refused, and the directory is free again', async (change, dir, text) => {
    const disk = simulatedDisk(1);
    await expect(openStore(options(disk, change, dir))).rejects.toThrow(text);
    const store = await openStore(options(disk));
    await store.close();
  });

  test.each<Partial<StoreConfig>>([
    { mappedFileSizeCommitLog: 256 }, { mappedFileSizeConsumeQueue: 20 }, { maxHashSlotNum: 1 }, { maxIndexNum: 2 }, { maxMessageSize: 1 }, { mapperFileSizeBatchConsumeQueue: 46 }, { mapperFileSizeBatchConsumeQueue: 92 },
  ])('the smallest value is taken, and works: %j', async (change) => {
    const disk = simulatedDisk(1);
    const store = await openStore(options(disk, change));
    store.setStoreHost(Buffer.from([127, 0, 0, 1, 0, 0, 42, 159]));
    for (let i = 0; i < 5; i++) {
      expect(store.put(message(store.queue('T', 0), 'x', { uniq: `U${i}` })).status).toBe('PUT_OK');
      expect(store.writeTurn()).toBeUndefined();
    }
    await checkStore(store);
    await store.close();
    const again = await openStore(options(disk, change));
    expect(await readAll(again, again.queue('T', 0))).toEqual(['x', 'x', 'x', 'x', 'x']);
    await checkStore(again);
    await again.close();
  });

  test.each([
    [['a'], 'data directory /store holds files that are no message store (a): choose an empty one'],
    [['a', 'b', 'c'], 'holds files that are no message store (a, b, c): choose an empty one'],
    [['a', 'b', 'c', 'd'], 'holds files that are no message store (a, b, c, ...): choose an empty one'],
  ])('a directory with only the files %j of somebody else is left alone', async (files, text) => {
    const disk = simulatedDisk(1);
    for (const name of files) disk.place(`${storeRoot}/${name}`, Buffer.from('x'));
    await expect(openStore(options(disk))).rejects.toThrow(text);
    expect(disk.files()).toEqual(files.map((name) => `${storeRoot}/${name}`));
    expect(disk.list(storeRoot)).toEqual(files);
  });

  test.each([
    'commitlog', 'consumequeue', 'consumequeue_ext', 'batchconsumequeue', 'batchentries', 'compaction', 'index', 'config', 'checkpoint', 'abort', 'lock', 'timerwheel', 'timerlog',
    'epochFileCheckpoint', 'brokerIdentity',
  ])('a directory that holds %s beside something else is a store', async (name) => {
    const disk = simulatedDisk(1);
    disk.place(`${storeRoot}/lost+found/x`, Buffer.alloc(0));
    if (['checkpoint', 'abort', 'lock', 'timerwheel', 'timerlog', 'epochFileCheckpoint', 'brokerIdentity'].includes(name)) disk.place(`${storeRoot}/${name}`, Buffer.alloc(0));
    else disk.makeDir(`${storeRoot}/${name}`);
    const store = await openStore(options(disk));
    await store.close();
  });

  test('one at a time: the second is told, and may open it once the first has closed', async () => {
    const disk = simulatedDisk(1);
    const first = await openStore(options(disk));
    await expect(openStore(options(disk))).rejects.toThrow('data directory /store is in use by another process');
    await first.close();
    const second = await openStore(options(disk));
    await second.close();
  });

  test.each<['write' | 'create' | 'mkdir' | 'syncDir', RegExp]>([['create', /abort/], ['write', /abort/], ['syncDir', /^\/store$/], ['syncDir', /commitlog$/], ['mkdir', /consumequeue/], ['mkdir', /commitlog/]])(
    'a disk that fails a %s of %s: the error names store and cause, nothing stays locked, and the next try works',
    async (op, where) => {
      const disk = simulatedDisk(1);
      disk.makeDir(storeRoot);
      disk.fail(op, 'EIO', 1, where);
      await expect(openStore(options(disk))).rejects.toThrow(/^the store in \/store cannot be opened: EIO: /);
      const store = await openStore(options(disk));
      await store.close();
    },
  );

  test('how it was stopped is what the mark says; the mark stands while it is open', async () => {
    const b = await bench();
    expect([b.store.recovery.cleanStop, b.disk.files().includes(`${storeRoot}/abort`)]).toEqual([true, true]);
    expect(b.disk.content(`${storeRoot}/abort`).toString()).toBe(String(process.pid));
    b.clock.now += 1234;
    await b.store.close();
    const { openSync } = { openSync: b.disk.open.bind(b.disk) };
    // A start that takes time says how much.
    b.disk.open = (file, mode) => {
      if (file.endsWith('checkpoint')) b.clock.now += 77;
      return openSync(file, mode);
    };
    await reopen(b);
    expect(b.store.recovery).toMatchObject({ cleanStop: true, elapsedMs: 77, cutReason: undefined });
    await b.store.close();
  });

  test('extensions lie in files of the size that is set, queues of batch topics in theirs', async () => {
    const disk = simulatedDisk(1);
    const store = await openStore({ ...options(disk, { enableConsumeQueueExt: true, mappedFileSizeConsumeQueueExt: 256, mapperFileSizeBatchConsumeQueue: 46 * 5 }), isBatchTopic: (topic) => topic === 'B' });
    store.setStoreHost(Buffer.from([127, 0, 0, 1, 0, 0, 42, 159]));
    store.setBitMapOf(() => undefined);
    for (const topic of ['T', 'B']) {
      store.put(message(store.queue(topic, 0), 'x', { tag: 'a' }));
      store.writeTurn();
    }
    await store.close();
    const sizes = disk.files().filter((file) => !file.includes('/commitlog/') && /\/\d{20}$/.test(file)).map((file) => [file.slice(storeRoot.length + 1).replace(/\/0{20}$/, ''), disk.content(file).length]);
    expect(sizes).toEqual(expect.arrayContaining([['consumequeue/T/0', 160], ['consumequeue_ext/T/0', 256], ['batchconsumequeue/B/0', 230]]));
    expect(sizes.filter(([name]) => name === 'batchentries/B/0')).toHaveLength(1);
  });
});
