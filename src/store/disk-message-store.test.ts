/** An open store: positions and what is seen at each step, faults and how they end, work on derived files and when it is done, closing. */
import { describe, expect, test } from '@jest/globals';
import { readCheckpoint } from '../codec/checkpoint-record.js';
import { checkStore, ManualClock, message, readAll, settle, smallConfig, storeRoot } from './store-fixture.js';
import { openStore } from './message-store.js';
import type { OpenStore } from './message-store.js';
import type { StoreConfig, StoreLog } from './options.js';
import { simulatedDisk } from './simulated-disk.js';
import type { SimulatedDisk } from './simulated-disk.js';
import type { QueueRef } from './types.js';

class Said implements StoreLog {
  lines: string[] = [];
  info(fields: object, text: string): void {
    this.lines.push(`info ${JSON.stringify(fields)} ${text}`);
  }
  warn(fields: object, text: string): void {
    this.lines.push(`warn ${JSON.stringify(fields)} ${text}`);
  }
  error(fields: object, text: string): void {
    this.lines.push(`error ${JSON.stringify(fields)} ${text}`);
  }
  /** What was said since asked last. */
  take(): string[] {
    const lines = this.lines;
    this.lines = [];
    return lines;
  }
}

interface Bench {
  disk: SimulatedDisk;
  clock: ManualClock;
  said: Said;
  config: StoreConfig;
  store: OpenStore;
  collected: number;
}

async function open(b: Omit<Bench, 'store'>): Promise<OpenStore> {
  const store = await openStore({ root: storeRoot, disk: b.disk, clock: b.clock, log: b.said, config: b.config, collect: () => b.collected++ });
  store.setStoreHost(Buffer.from([127, 0, 0, 1, 0, 0, 42, 159]));
  return store;
}

async function bench(change: Partial<StoreConfig> = {}): Promise<Bench> {
  const b = { disk: simulatedDisk(1), clock: new ManualClock(), said: new Said(), config: smallConfig(change), collected: 0 };
  return Object.assign(b, { store: await open(b) });
}

async function killed(b: Bench): Promise<void> {
  b.disk.crash();
  b.clock.dropTimers();
  b.disk.restart('kill');
  b.store = await open(b);
}

/** Puts texts, one turn each; returns the end of the last record. */
function putAll(store: OpenStore, queue: QueueRef, texts: readonly string[], padding = 0): number {
  let end = 0;
  for (const text of texts) {
    const put = store.put(message(queue, text, { uniq: `U-${text}`, keys: 'all', tag: 'a', padding }));
    expect(put.status).toBe('PUT_OK');
    expect(store.writeTurn()).toBeUndefined();
    end = put.phyOffset + put.recordBytes;
  }
  return end;
}

const names = (count: number, prefix = 'm'): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const abort = `${storeRoot}/abort`;
const note = `${storeRoot}/derived.json`;
/** logicsPhysicalOffset and physicMsgTimestamp of the checkpoint on disk. */
const checkpointOf = (disk: SimulatedDisk): number[] => {
  const value = disk.files().includes(`${storeRoot}/checkpoint`) ? readCheckpoint(disk.content(`${storeRoot}/checkpoint`)) : undefined;
  return value === undefined ? [] : [value.logicsPhysicalOffset, value.physicMsgTimestamp, value.logicsMsgTimestamp, value.confirmPhyOffset, value.masterFlushedOffset];
};
const find = (store: OpenStore, key: string, max = 64): Promise<number> => store.queryIndex('T', key, max, 0, Number.MAX_SAFE_INTEGER, undefined).then(({ phyOffsets }) => phyOffsets.length);

describe('positions and what is seen', () => {
  test('asynchronously a turn is seen when it is written, once a queue, and synced after the interval', async () => {
    const b = await bench();
    const queue = b.store.queue('T', 0);
    const other = b.store.queue('T', 1);
    const arrivals: string[] = [];
    for (const name of ['first', 'second']) b.store.onArrival((q, from, to) => arrivals.push(`${name} ${q.queueId} ${from}-${to}`));
    expect([b.store.positions, b.store.syncFlush, b.store.writeTurn(), b.store.fault]).toEqual([{ min: 0, written: 0, flushed: 0, confirmed: 0, dispatched: 0 }, false, undefined, undefined]);
    for (const to of [queue, other, queue]) expect(b.store.put(message(to, 'x')).status).toBe('PUT_OK');
    expect([b.store.positions.written, arrivals, queue.maxOffset, b.store.existingQueue('T', 0)]).toEqual([0, [], 0, undefined]);
    b.store.writeTurn();
    const { written } = b.store.positions;
    expect([b.store.positions, arrivals.splice(0)]).toEqual([{ min: 0, written, flushed: 0, confirmed: written, dispatched: written }, ['first 0 0-2', 'second 0 0-2', 'first 1 0-1', 'second 1 0-1']]);
    b.store.writeTurn();
    expect(arrivals).toEqual([]);
    await b.clock.advance(499);
    expect(b.store.positions.flushed).toBe(0);
    await b.clock.advance(1);
    expect(b.store.positions.flushed).toBe(written);
    await b.store.close();
  });

  test('synchronously what a sync covered is seen, the rest with the next; order of queues and turns is kept', async () => {
    const b = await bench({ flushDiskType: 'SYNC_FLUSH' });
    const queues = [0, 1].map((id) => b.store.queue('T', id));
    const arrivals: string[] = [];
    b.store.onArrival((q, from, to) => arrivals.push(`${q.queueId} ${from}-${to}`));
    const under: (() => void)[] = [];
    b.disk.wait = (op) => (op === 'datasync' ? new Promise((resolve) => under.push(resolve)) : Promise.resolve());
    const turn = (...ids: number[]): number => {
      for (const id of ids) b.store.put(message(queues[id] ?? b.store.queue('T', 9), 'x'));
      b.store.writeTurn();
      return b.store.positions.written;
    };
    const go = async (): Promise<void> => {
      under.shift()?.();
      await settle();
    };
    const first = turn(1, 0);
    await settle();
    turn(0);
    const last = turn(1);
    expect([b.store.syncFlush, arrivals, b.store.positions]).toEqual([true, [], { min: 0, written: last, flushed: 0, confirmed: 0, dispatched: last }]);
    expect(await b.store.record(0)).toBeUndefined();
    await go();
    expect([arrivals.splice(0), b.store.positions.flushed, b.store.positions.confirmed]).toEqual([['1 0-1', '0 0-1'], first, first]);
    expect(await b.store.record(0)).toBeDefined();
    await go();
    expect([arrivals, b.store.positions.flushed, b.store.positions.confirmed, queues.map((queue) => queue.maxOffset)]).toEqual([['0 1-2', '1 1-2'], last, last, [2, 2]]);
    b.disk.wait = undefined;
    await b.store.close();
  });

  test('after a start everything that is there is confirmed and synced', async () => {
    for (const flushDiskType of ['SYNC_FLUSH', 'ASYNC_FLUSH'] as const) {
      const b = await bench({ flushDiskType });
      const end = putAll(b.store, b.store.queue('T', 0), names(5));
      await killed(b);
      expect(b.store.positions).toEqual({ min: 0, written: end, flushed: end, confirmed: end, dispatched: end });
      // And vouched for at once.
      expect(checkpointOf(b.disk)[0]).toBe((await b.store.units(b.store.queue('T', 0), 4, 1))[0]?.phyOffset);
      await b.store.close();
    }
  });

  test('a start whose first sync fails opens nothing, says what failed, and leaves the directory to the next', async () => {
    const b = await bench();
    putAll(b.store, b.store.queue('T', 0), names(2));
    b.disk.crash();
    b.clock.dropTimers();
    b.disk.restart('kill');
    b.disk.fail('datasync', 'EIO', 1, /commitlog/);
    await expect(open(b)).rejects.toThrow('disk sync failed: EIO');
    expect(b.disk.files()).toContain(abort);
    b.store = await open(b);
    expect(await readAll(b.store, b.store.queue('T', 0))).toEqual(names(2));
    await b.store.close();
  });

  test('of an empty log nothing is answered; without an index no key is found', async () => {
    const b = await bench({ messageIndexEnable: false });
    expect([await b.store.earliestStoreTime(), await b.store.record(0), b.store.lightQueues, b.store.topicsOnDisk()]).toEqual([-1, undefined, 0, []]);
    const t0 = b.clock.now;
    putAll(b.store, b.store.queue('T', 0), ['a']);
    b.clock.now += 5000;
    putAll(b.store, b.store.queue('T', 0), ['b']);
    expect(await b.store.earliestStoreTime()).toBe(t0);
    expect(await b.store.queryIndex('T', 'U-a', 9, 0, Number.MAX_SAFE_INTEGER, undefined)).toEqual({ phyOffsets: [], indexLastUpdateTimestamp: 0, indexLastUpdatePhyOffset: 0 });
    await b.store.close();
    expect(b.disk.files().some((file) => file.includes('/index/'))).toBe(false);
    expect(readCheckpoint(b.disk.content(`${storeRoot}/checkpoint`))?.indexMsgTimestamp).toBe(0);
  });

  test('keys: no more than asked for, and no more than maxMsgsNumBatch', async () => {
    const b = await bench({ maxMsgsNumBatch: 4 });
    const queue = b.store.queue('T', 0);
    putAll(b.store, queue, names(6));
    const { written } = b.store.positions;
    expect([await find(b.store, 'all', 3), await find(b.store, 'all', 4), await find(b.store, 'all', 5), await find(b.store, 'all', 0)]).toEqual([3, 4, 4, 0]);
    const last = await b.store.queryIndex('T', 'all', 1, 0, Number.MAX_SAFE_INTEGER, undefined);
    expect(last).toEqual({ phyOffsets: last.phyOffsets, indexLastUpdateTimestamp: b.clock.now, indexLastUpdatePhyOffset: last.phyOffsets[0] });
    expect(last.phyOffsets[0]).toBeLessThan(written);
    await b.store.close();
  });
});

describe('faults', () => {
  const refused = (b: Bench): string | undefined => {
    const { status, remark } = b.store.put(message(b.store.queue('T', 0), 'x'));
    return status === 'PUT_OK' ? undefined : `${status} ${remark ?? ''}`;
  };

  test.each(['ENOSPC', 'EDQUOT'])('%s passes: it is looked at each second whether there is room, and said when there is', async (code) => {
    const b = await bench();
    putAll(b.store, b.store.queue('T', 0), ['a']);
    b.said.take();
    const remark = `disk write failed: ${code}, messages are taken again when there is room`;
    b.disk.fail('write', code, 3, /commitlog/);
    b.store.put(message(b.store.queue('T', 0), 'lost'));
    const { ops } = b.disk;
    expect(b.store.writeTurn()).toBe(remark);
    // The write and the wipe of what it may have left have failed; the probe is the third.
    expect([b.disk.ops - ops, refused(b), b.store.fault, b.said.take()]).toEqual([2, `SERVICE_NOT_AVAILABLE ${remark}`, remark, [`error {"remark":"${remark}"} the store refuses messages`]]);
    await b.clock.advance(999);
    const before = b.disk.ops;
    await b.clock.advance(1);
    expect([b.store.fault, b.disk.ops > before]).toEqual([remark, true]);
    await b.clock.advance(999);
    expect(b.store.fault).toBe(remark);
    await b.clock.advance(1);
    expect([b.store.fault, b.said.take(), refused(b)]).toEqual([undefined, ['info {} there is room on the disk again, messages are taken'], undefined]);
    await b.clock.advance(5000);
    expect(b.said.take()).toEqual([]);
    await b.store.close();
    expect(b.disk.files()).not.toContain(abort);
  });

  test.each([[64 * 1024, true], [64 * 1024 - 512, false]])('room is what the next 64 KiB of the log need: %i bytes are enough: %s', async (bytes, enough) => {
    const b = await bench({ mappedFileSizeCommitLog: 1 << 20, tailCacheBytesMax: 1 << 22 });
    // The log ends where a block ends.
    const trial = await bench();
    const end = putAll(b.store, b.store.queue('T', 0), ['a'], 1024 - putAll(trial.store, trial.store.queue('T', 0), ['a']));
    await trial.store.close();
    await b.store.checkpoint();
    b.disk.spaceLeft = 0;
    b.store.put(message(b.store.queue('T', 0), 'lost', { padding: 2000 }));
    expect(b.store.writeTurn()).toContain('ENOSPC');
    expect(end).toBe(1024);
    b.disk.spaceLeft = bytes;
    await b.clock.advance(1000);
    expect(b.store.fault === undefined).toBe(enough);
    expect(b.disk.content(`${storeRoot}/commitlog/${'0'.repeat(20)}`).length).toBe(1 << 20);
    b.disk.spaceLeft = 1 << 22;
    await b.clock.advance(1000);
    await b.store.close();
  });

  test('near the end of a file room is what is left of it', async () => {
    const b = await bench();
    const queue = b.store.queue('T', 0);
    putAll(b.store, queue, ['a'], 3500);
    b.disk.fail('write', 'ENOSPC', 1, /commitlog/);
    b.store.put(message(queue, 'b'));
    expect(b.store.writeTurn()).toContain('ENOSPC');
    await b.clock.advance(1000);
    expect(b.store.fault).toBeUndefined();
    for (const file of b.disk.files().filter((name) => name.includes('/commitlog/'))) expect(b.disk.content(file).length).toBe(4096);
    putAll(b.store, queue, ['c']);
    expect(await readAll(b.store, queue)).toEqual(['a', 'c']);
    await b.store.close();
  });

  test('a fault that stays is not replaced by one that passes; one that passes is by one that stays', async () => {
    for (const [first, second, stays] of [['EIO', 'ENOSPC', 'disk write failed: EIO'], ['ENOSPC', 'EIO', 'disk sync failed: EIO, the commit log takes no messages until the broker was restarted']] as const) {
      const b = await bench();
      const queue = b.store.queue('T', 0);
      putAll(b.store, queue, ['a']);
      b.disk.fail('write', first, 100, /commitlog/);
      b.store.put(message(queue, 'lost'));
      b.store.writeTurn();
      b.said.take();
      b.disk.fail('datasync', second, 100, /commitlog/);
      await b.clock.advance(500);
      expect([first, b.store.fault]).toEqual([first, stays]);
      await b.clock.advance(300_000);
      expect([first, b.store.fault, refused(b)]).toEqual([first, stays, `SERVICE_NOT_AVAILABLE ${stays}`]);
      await b.store.close();
      expect(b.disk.files()).toContain(abort);
    }
  });

  test('of a turn that could not be written nothing is left: queues, positions, keys, times, the next offsets', async () => {
    const b = await bench();
    const queue = b.store.queue('T', 0);
    putAll(b.store, queue, ['a']);
    const { positions } = b.store;
    const t0 = b.clock.now;
    const { indexLastUpdatePhyOffset } = await b.store.queryIndex('T', 'all', 9, 0, Number.MAX_SAFE_INTEGER, undefined);
    b.clock.now += 60_000;
    b.disk.fail('write', 'ENOSPC', 1, /commitlog/);
    for (let i = 0; i < 30; i++) b.store.put(message(i % 2 === 0 ? queue : b.store.queue('U', i), `lost${i}`, { uniq: `L${i}`, keys: 'all' }));
    b.store.writeTurn();
    expect([b.store.positions, queue.maxOffset, b.store.topicsOnDisk(), b.store.queueIdsOf('U')]).toEqual([positions, 1, ['T'], []]);
    expect(await b.store.queryIndex('T', 'all', 9, 0, Number.MAX_SAFE_INTEGER, undefined)).toEqual({ phyOffsets: [0], indexLastUpdateTimestamp: t0, indexLastUpdatePhyOffset });
    // A checkpoint made now vouches for the message that is there, with its time.
    await b.store.checkpoint();
    expect(checkpointOf(b.disk)).toEqual([0, t0, t0, 0, 0]);
    await b.clock.advance(1000);
    const put = b.store.put(message(queue, 'b', { uniq: 'U-b', keys: 'all', tag: 'a' }));
    expect([put.status, put.queueOffset, put.phyOffset]).toEqual(['PUT_OK', 1, positions.written]);
    b.store.writeTurn();
    expect([await find(b.store, 'all'), await readAll(b.store, queue), await find(b.store, 'L2')]).toEqual([2, ['a', 'b'], 0]);
    await killed(b);
    expect([...(await checkStore(b.store))]).toEqual([['T/0', ['a', 'b']]]);
    await b.store.close();
  });

  test('a disk above the warning level refuses, whatever else is wrong, and is said when it begins and ends', async () => {
    const b = await bench();
    const remark = 'disk full: 95 % used, messages are refused above 90 %';
    b.disk.used = 0.95;
    b.said.take();
    await b.store.clean();
    expect(b.said.take()).toEqual([`error {"remark":"${remark}"} the store refuses messages`]);
    await b.store.clean();
    expect([b.store.fault, refused(b), b.said.take()]).toEqual([remark, `SERVICE_NOT_AVAILABLE ${remark}`, []]);
    b.disk.used = 0.9;
    await b.store.clean();
    expect([b.store.fault, refused(b), b.said.take()]).toEqual([undefined, undefined, ['info {} there is room on the disk again, messages are taken']]);
    b.disk.fail('write', 'EIO', 1, /commitlog/);
    b.store.writeTurn();
    b.disk.used = 0.95;
    await b.store.clean();
    b.disk.used = 0.5;
    await b.store.clean();
    expect(b.store.fault).toBe('disk write failed: EIO');
    await b.store.close();
  });

  test('a disk that is too full at the start refuses from the start', async () => {
    const b = { disk: simulatedDisk(1), clock: new ManualClock(), said: new Said(), config: smallConfig(), collected: 0 };
    b.disk.used = 0.95;
    const store = await open(b);
    expect(store.fault).toBe('disk full: 95 % used, messages are refused above 90 %');
    await store.close();
  });
});

describe('derived files', () => {
  test('are written after flushIntervalConsumeQueue, and vouched for after the interval of checkpoints', async () => {
    const b = await bench();
    const queue = b.store.queue('T', 0);
    const t0 = b.clock.now;
    putAll(b.store, queue, names(3));
    const entries = `${storeRoot}/consumequeue/T/0/${'0'.repeat(20)}`;
    await b.clock.advance(999);
    expect(b.disk.files().filter((file) => file === entries || file.includes('/index/'))).toEqual([]);
    await b.clock.advance(1);
    expect(b.disk.files().filter((file) => file === entries || file.includes('/index/')).length).toBe(2);
    const last = (await b.store.units(queue, 2, 1))[0]?.phyOffset ?? -1;
    await b.clock.advance(8999);
    expect(checkpointOf(b.disk)).toEqual([]);
    await b.clock.advance(1);
    expect(checkpointOf(b.disk)).toEqual([last, t0, t0, last, 0]);
    // Counted from the last one.
    await b.clock.advance(2000);
    const t1 = b.clock.now;
    putAll(b.store, queue, ['x']);
    const next = (await b.store.units(queue, 3, 1))[0]?.phyOffset ?? -1;
    await b.clock.advance(7999);
    expect(checkpointOf(b.disk)[0]).toBe(last);
    await b.clock.advance(1001);
    expect(checkpointOf(b.disk)).toEqual([next, t1, t1, next, 0]);
    await b.store.close();
  });

  test('are written after a long rest as well: the first put has them looked after again', async () => {
    const b = await bench();
    const queue = b.store.queue('T', 0);
    putAll(b.store, queue, names(3));
    await b.clock.advance(200_000);
    const entries = `${storeRoot}/consumequeue/T/0/${'0'.repeat(20)}`;
    const before = b.disk.content(entries);
    putAll(b.store, queue, ['x']);
    await b.clock.advance(1000);
    expect([before.readInt32BE(68), b.disk.content(entries).readInt32BE(68) > 0]).toEqual([0, true]);
    await b.store.close();
  });

  test('that lie wholly below the log go with its files, of queues and index', async () => {
    const b = await bench({ fileReservedTime: 1 });
    const queue = b.store.queue('T', 0);
    putAll(b.store, queue, names(60), 200);
    await b.store.checkpoint();
    await b.clock.advance(1000);
    const files = (): [number, number] => [b.disk.list(`${storeRoot}/consumequeue/T/0`).length, b.disk.list(`${storeRoot}/index`).length];
    const before = files();
    b.clock.now += 2 * 3600_000;
    const deleted = b.store.deleteExpiredCommitLog();
    await b.clock.advance(10_000);
    expect(await deleted).toBeGreaterThan(2);
    const after = files();
    expect([after[0] < before[0], after[1] < before[1]]).toEqual([true, true]);
    // What a log file that went held is in none of them.
    expect((await b.store.queryIndex('T', 'all', 64, 0, Number.MAX_SAFE_INTEGER, undefined)).phyOffsets.at(-1)).toBeGreaterThanOrEqual(b.store.positions.min - 4096);
    expect(await readAll(b.store, queue)).toEqual(names(60).slice(queue.minOffset));
    await b.store.close();
  });

  test('checkpointIntervalMs says how long', async () => {
    const b = await bench({ checkpointIntervalMs: 3000 });
    putAll(b.store, b.store.queue('T', 0), names(1));
    await b.clock.advance(2999);
    expect(checkpointOf(b.disk)).toEqual([]);
    await b.clock.advance(1);
    expect(checkpointOf(b.disk)).toHaveLength(5);
    await b.store.close();
  });

  test('a checkpoint says nothing that was not synced: not when a sync fails, of entries or of the log', async () => {
    for (const where of [/consumequeue/, /\/index\//, /commitlog/]) {
      const b = await bench({ flushIntervalCommitLog: 1e6 });
      putAll(b.store, b.store.queue('T', 0), names(3));
      b.disk.fail('datasync', 'EIO', 1, where);
      await b.store.checkpoint().catch(() => undefined);
      expect([where, checkpointOf(b.disk)]).toEqual([where, []]);
      await b.store.checkpoint().catch(() => undefined);
      expect([where, checkpointOf(b.disk).length]).toEqual([where, where.source === 'commitlog' ? 0 : 5]);
      await b.store.close();
    }
  });

  test('a checkpoint says up to which time full files of the index are there, and never an earlier one', async () => {
    const b = await bench();
    const indexed = (): number | undefined => readCheckpoint(b.disk.content(`${storeRoot}/checkpoint`))?.indexMsgTimestamp;
    const t0 = b.clock.now;
    // Three keys a message, 23 entries a file.
    for (let i = 0; i < 8; i++) {
      putAll(b.store, b.store.queue('T', 0), [`m${i}`]);
      if (i < 7) b.clock.now += 100;
    }
    await b.store.checkpoint();
    expect(indexed()).toBe(t0 + 700);
    await b.store.close();
    b.store = await open(b);
    putAll(b.store, b.store.queue('T', 0), ['x']);
    await b.store.checkpoint();
    expect(indexed()).toBe(t0 + 700);
    await b.store.close();
    expect(indexed()).toBe(t0 + 700);
  });

  test('with nothing new a checkpoint writes nothing', async () => {
    const b = await bench();
    putAll(b.store, b.store.queue('T', 0), names(3));
    await b.store.checkpoint();
    const { ops } = b.disk;
    await b.store.checkpoint();
    await b.clock.advance(60_000);
    await b.store.checkpoint();
    expect(b.disk.ops).toBe(ops);
    await b.store.close();
  });

  test('a queue in which a reader meets damage is said once, and written down for the next start', async () => {
    const b = await bench();
    for (const id of [0, 1]) putAll(b.store, b.store.queue('T', id), names(12, `q${id}-`));
    await b.store.close();
    const damaged = (id: number): void => {
      const file = `${storeRoot}/consumequeue/T/${id}/${'0'.repeat(20)}`;
      const bytes = b.disk.content(file);
      // The third entry leads into the middle of a record.
      bytes.writeBigInt64BE(bytes.readBigInt64BE(40) + 1n, 40);
      b.disk.place(file, bytes);
    };
    damaged(0);
    damaged(1);
    b.store = await open({ ...b, config: { ...b.config, recoverRecentBytes: 1 } });
    b.said.take();
    expect(b.disk.files()).not.toContain(note);
    for (let i = 0; i < 3; i++) await b.store.get(b.store.queue('T', 1), 2, 1, 1000, undefined);
    const said = b.said.take();
    expect([said.length, said[0]?.startsWith('warn {"topic":"T","queueId":1,"queueOffset":2,')]).toEqual([1, true]);
    await b.clock.advance(1000);
    expect(JSON.parse(b.disk.content(note).toString())).toEqual({ version: 1, logMin: 0, logEnd: 0, queues: [], index: [], repair: { all: false, index: false, queues: [['T', 1]] } });
    const { ops } = b.disk;
    await b.clock.advance(1000);
    expect(b.disk.ops).toBe(ops);
    await b.store.get(b.store.queue('T', 0), 2, 1, 1000, undefined);
    await b.clock.advance(1000);
    expect((JSON.parse(b.disk.content(note).toString()) as { repair: { queues: unknown } }).repair.queues).toEqual([['T', 1], ['T', 0]]);
    await b.store.close();
    expect((JSON.parse(b.disk.content(note).toString()) as { repair: { queues: unknown } }).repair.queues).toEqual([['T', 1], ['T', 0]]);
    b.store = await open(b);
    for (const id of [0, 1]) expect(await readAll(b.store, b.store.queue('T', id))).toEqual(names(12, `q${id}-`));
    expect(b.disk.files()).not.toContain(note);
    await b.store.close();
  });

  test('what was read or put stays in memory half a minute after the last put, then it is given back, once', async () => {
    const b = await bench({ tailCacheBytesMax: 1 << 20 });
    const queue = b.store.queue('T', 0);
    putAll(b.store, queue, names(5));
    await b.clock.advance(20_000);
    putAll(b.store, queue, names(5, 'n'));
    await b.clock.advance(30_000);
    expect([b.store.isCached(queue, 0), b.store.isCached(queue, 9), b.collected]).toEqual([true, true, 0]);
    await b.clock.advance(2000);
    expect([b.store.isCached(queue, 0), b.store.isCached(queue, 9)]).toEqual([false, false]);
    await b.clock.advance(60_000);
    expect(b.collected).toBe(1);
    await b.clock.advance(120_000);
    expect(b.collected).toBe(1);
    // A cold read brings something back into memory, which is given back as well.
    expect(await readAll(b.store, queue)).toEqual([...names(5), ...names(5, 'n')]);
    await b.clock.advance(120_000);
    expect(b.collected).toBe(2);
    await b.store.close();
  });

  test('a message that is put but not written yet keeps memory from being given back', async () => {
    const b = await bench();
    const queue = b.store.queue('T', 0);
    putAll(b.store, queue, names(2));
    b.store.put(message(queue, 'later'));
    b.clock.now += 25_000;
    await b.clock.advance(60_000);
    expect(b.store.isCached(queue, 0)).toBe(true);
    b.store.writeTurn();
    expect(await readAll(b.store, queue)).toEqual(['m0', 'm1', 'later']);
    await b.store.close();
  });
});

describe('topics that go', () => {
  test('their number, their files and their queues; a queue with a message under way stays', async () => {
    const b = await bench();
    for (const topic of ['T', 'U', 'V']) for (const id of [0, 1]) putAll(b.store, b.store.queue(topic, id), names(3));
    await b.store.checkpoint();
    expect(await b.store.deleteTopics(new Set())).toBe(0);
    expect(await b.store.deleteTopics(new Set(['none']))).toBe(0);
    b.store.put(message(b.store.queue('T', 0), 'under way'));
    expect(await b.store.deleteTopics(new Set(['T', 'none', 'U']))).toBe(2);
    expect([[...b.store.topicsOnDisk()].sort(), b.store.queueIdsOf('T'), b.store.queueIdsOf('V')]).toEqual([['T', 'V'], [0], [0, 1]]);
    b.store.writeTurn();
    expect(await readAll(b.store, b.store.queue('T', 0))).toEqual([...names(3), 'under way']);
    expect(b.disk.list(`${storeRoot}/consumequeue`)).toEqual(['T', 'V']);
    expect(b.disk.list(`${storeRoot}/consumequeue/T`)).toEqual(['0']);
    await killed(b);
    expect([...b.store.topicsOnDisk()].sort()).toEqual(['T', 'V']);
    expect(b.store.queueIdsOf('T')).toEqual([0]);
    await b.store.close();
  });

  test('a topic that goes while its messages wait for their sync is not shown any more', async () => {
    const b = await bench({ flushDiskType: 'SYNC_FLUSH' });
    putAll(b.store, b.store.queue('T', 0), ['a']);
    await settle();
    const arrivals: unknown[] = [];
    b.store.onArrival((queue) => arrivals.push(queue.topic));
    const under: (() => void)[] = [];
    b.disk.wait = (op) => (op === 'datasync' ? new Promise((resolve) => under.push(resolve)) : Promise.resolve());
    putAll(b.store, b.store.queue('T', 0), ['b']);
    putAll(b.store, b.store.queue('U', 0), ['c']);
    await settle();
    const gone = b.store.deleteTopics(new Set(['T']));
    await settle();
    b.disk.wait = undefined;
    for (const go of under) go();
    expect(await gone).toBe(1);
    await settle();
    expect(arrivals).toEqual(['U']);
    await b.store.close();
  });

  test('a damaged queue that went is not built again', async () => {
    const b = await bench();
    putAll(b.store, b.store.queue('T', 0), names(12));
    await b.store.close();
    const file = `${storeRoot}/consumequeue/T/0/${'0'.repeat(20)}`;
    const bytes = b.disk.content(file);
    bytes.writeBigInt64BE(bytes.readBigInt64BE(40) + 1n, 40);
    b.disk.place(file, bytes);
    b.store = await open({ ...b, config: { ...b.config, recoverRecentBytes: 1 } });
    await b.store.get(b.store.queue('T', 0), 2, 1, 1000, undefined);
    expect(await b.store.deleteTopics(new Set(['T']))).toBe(1);
    await b.store.close();
    expect((JSON.parse(b.disk.content(note).toString()) as { repair: { queues: unknown } }).repair.queues).toEqual([]);
  });
});

describe('closing', () => {
  test('writes what is put and not written, everything derived, the note and the checkpoint; the mark of a running store goes last', async () => {
    const b = await bench();
    const queue = b.store.queue('T', 0);
    expect(b.disk.files()).toContain(abort);
    const t0 = b.clock.now;
    const { phyOffset, recordBytes } = b.store.put(message(queue, 'last', { uniq: 'U' }));
    await b.store.close();
    expect(b.disk.files()).not.toContain(abort);
    expect(checkpointOf(b.disk)).toEqual([phyOffset, t0, t0, phyOffset, 0]);
    expect(JSON.parse(b.disk.content(note).toString())).toMatchObject({
      version: 1, logMin: 0, logEnd: recordBytes, queues: [['T', 0, 0, 1, 0]], index: [[expect.stringMatching(/^\d{17}$/), 2, 0]], repair: { all: false, index: false, queues: [] },
    });
    expect(b.store.put(message(queue, 'x'))).toMatchObject({ status: 'SERVICE_NOT_AVAILABLE', remark: 'the store is closed' });
    const { ops } = b.disk;
    await b.store.close();
    await b.clock.advance(300_000);
    expect(b.disk.ops).toBe(ops);
    // The directory is free, and durable as it is.
    b.disk.restart('power');
    b.store = await open(b);
    expect([b.store.recovery.cleanStop, await readAll(b.store, b.store.queue('T', 0))]).toEqual([true, ['last']]);
    await b.store.close();
  });

  test('an empty store is closed cleanly too, with a checkpoint of nothing', async () => {
    const b = await bench();
    await b.store.close();
    expect([b.disk.files().includes(abort), checkpointOf(b.disk)]).toEqual([false, [0, 0, 0, 0, 0]]);
    b.store = await open(b);
    expect(b.store.recovery).toMatchObject({ cleanStop: true, recordsScanned: 0, bytesCut: 0 });
    await b.store.close();
  });

  test.each<[string, 'write' | 'datasync' | 'create' | 'syncDir', RegExp, boolean]>([
    ['entries that cannot be written', 'write', /consumequeue/, true], ['entries that cannot be synced', 'datasync', /consumequeue/, true], ['an index that cannot be written', 'write', /\/index\//, true],
    ['a checkpoint that cannot be written', 'write', /checkpoint/, true], ['a note that cannot be written', 'create', /derived/, true], ['a log that cannot be synced', 'datasync', /commitlog/, false],
    ['a directory of the log that cannot be synced', 'syncDir', /commitlog/, false],
  ])('%s: the mark stays, it is said, and the next start has everything', async (_name, op, where, said) => {
    const b = await bench({ flushIntervalCommitLog: 1e6 });
    putAll(b.store, b.store.queue('T', 0), names(3));
    b.said.take();
    if (where.source === 'commitlog' && op === 'syncDir') await b.store.checkpoint();
    b.disk.fail(op, 'EIO', 1, where);
    await b.store.close();
    expect(b.disk.files()).toContain(abort);
    expect(b.said.take().includes('error {"code":"EIO"} the store cannot be closed cleanly, the next start recovers it')).toBe(said);
    b.store = await open(b);
    expect([b.store.recovery.cleanStop, [...(await checkStore(b.store))]]).toEqual([false, [['T/0', names(3)]]]);
    await b.store.close();
  });

  test('a root that cannot be synced at the very end does no harm', async () => {
    const b = await bench();
    putAll(b.store, b.store.queue('T', 0), names(3));
    await b.store.checkpoint();
    let syncs = 0;
    const syncDir = b.disk.syncDir.bind(b.disk);
    b.disk.syncDir = async (dir) => {
      if (dir === storeRoot) syncs++;
      await syncDir(dir);
      if (dir === storeRoot && !b.disk.files().includes(abort)) throw Object.assign(new Error('EIO'), { code: 'EIO' });
    };
    await b.store.close();
    expect([b.disk.files().includes(abort), syncs > 0]).toEqual([false, true]);
    b.disk.syncDir = syncDir;
    b.store = await open(b);
    await b.store.close();
  });

  test('a full disk at the stop is no unclean stop; a probe does not go on', async () => {
    const b = await bench();
    putAll(b.store, b.store.queue('T', 0), names(3));
    await b.store.checkpoint();
    b.disk.fail('write', 'ENOSPC', 1, /commitlog/);
    b.store.put(message(b.store.queue('T', 0), 'lost'));
    b.store.writeTurn();
    await b.store.close();
    expect(b.disk.files()).not.toContain(abort);
    b.said.take();
    await b.clock.advance(10_000);
    expect(b.said.take()).toEqual([]);
  });

  test('a prepared file of the log goes with the stop', async () => {
    const b = await bench();
    putAll(b.store, b.store.queue('T', 0), ['a'], 3000);
    expect(b.disk.list(`${storeRoot}/commitlog`)).toHaveLength(2);
    await b.store.close();
    b.disk.restart('power');
    expect(b.disk.list(`${storeRoot}/commitlog`)).toHaveLength(1);
  });
});
