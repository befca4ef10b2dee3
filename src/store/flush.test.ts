/** Who waits for a sync and what he is told, in which order; when a sync is started; what a failed one leaves. */
import { describe, expect, test } from '@jest/globals';
import { CommitLog } from './commit-log.js';
import { Flusher } from './flush.js';
import type { StoreConfig } from './options.js';
import type { StoreParts } from './parts.js';
import { SimulatedDisk } from './simulated-disk.js';
import { ListLog, ManualClock, settle, smallConfig } from './store-fixture.js';

interface Bench {
  disk: SimulatedDisk;
  clock: ManualClock;
  log: CommitLog;
  flusher: Flusher;
  said: string[];
  /** Writes so many bytes; the flusher is told. */
  write: (bytes: number) => void;
  /** Lets the oldest sync that is under way go on; false when none is. */
  go: () => Promise<boolean>;
  /** Sync operations that were started. */
  started: () => string[];
}

function bench(change: Partial<StoreConfig> = {}): Bench {
  const disk = new SimulatedDisk(7);
  disk.makeDir('/log');
  const clock = new ManualClock();
  const config = smallConfig({ flushIntervalCommitLog: 500, ...change });
  const log = new CommitLog(disk, '/log', 4096, 1 << 20, () => clock.now);
  log.startAt(0);
  const parts: Pick<StoreParts, 'commitLog' | 'disk' | 'clock' | 'config' | 'log'> = { commitLog: log, disk, clock, config, log: new ListLog() };
  const said: string[] = [];
  const flusher = new Flusher(parts as StoreParts, () => said.push(`flushed ${log.flushed}`), (remark) => said.push(remark));
  const under: (() => void)[] = [];
  let started: string[] = [];
  disk.wait = (op) => new Promise((resolve) => {
    started.push(op);
    under.push(resolve);
  });
  return {
    disk, clock, log, flusher, said,
    write: (bytes) => {
      log.reserve(bytes);
      log.bytes.fill(1, log.pos, log.pos + bytes);
      log.commit(bytes);
      log.write();
      flusher.written(config.flushDiskType === 'SYNC_FLUSH');
    },
    go: async () => {
      const next = under.shift();
      next?.();
      await settle();
      return next !== undefined;
    },
    started: () => {
      const list = started;
      started = [];
      return list;
    },
  };
}

/** Ends all syncs, as long as new ones come. */
async function drain(b: Bench): Promise<void> {
  await settle();
  while (await b.go());
}

/** Bytes synced, with the first file's directory entry. */
async function begun(change: Partial<StoreConfig> = {}): Promise<Bench> {
  const b = bench(change);
  b.write(10);
  void b.flusher.flush();
  await drain(b);
  b.started();
  b.said.length = 0;
  b.flusher.syncs = 0;
  return b;
}

describe('waiting', () => {
  test('those who wait are told in the order of their offsets, whoever came first, each once what he waits for is synced', async () => {
    const b = await begun({ flushDiskType: 'SYNC_FLUSH' });
    const told: string[] = [];
    const wait = (phyOffset: number): void => void b.flusher.flushed(phyOffset, 5000).then((outcome) => told.push(`${phyOffset} ${outcome}`));
    b.write(100);
    await settle();
    // Under way: everything up to 110.
    for (const phyOffset of [110, 60, 300, 111, 60, 20, 210, 109]) wait(phyOffset);
    b.write(100);
    b.write(100);
    await settle();
    expect(told).toEqual([]);
    await b.go();
    expect(told).toEqual(['20 FLUSHED', '60 FLUSHED', '60 FLUSHED', '109 FLUSHED', '110 FLUSHED']);
    expect(b.log.flushed).toBe(110);
    await b.go();
    expect(told.slice(5)).toEqual(['111 FLUSHED', '210 FLUSHED', '300 FLUSHED']);
    expect([b.said, b.flusher.syncs, b.log.flushed]).toEqual([['flushed 110', 'flushed 310'], 2, 310]);
    await drain(b);
    expect(b.started()).toEqual(['datasync', 'datasync']);
  });

  test('what is synced is answered at once, one byte more is not', async () => {
    const b = await begun();
    expect(await b.flusher.flushed(10, 1)).toBe('FLUSHED');
    expect(await b.flusher.flushed(0, 1)).toBe('FLUSHED');
    let told = '';
    b.write(1);
    void b.flusher.flushed(11, 1000).then((outcome) => (told = outcome));
    await settle();
    expect([told, b.started()]).toEqual(['', ['datasync']]);
    await b.go();
    expect(told).toBe('FLUSHED');
  });

  test('one who waited long enough is told so, once; the others go on waiting', async () => {
    const b = await begun();
    b.write(10);
    const told: string[] = [];
    void b.flusher.flushed(15, 1000).then((outcome) => told.push(`first ${outcome}`));
    void b.flusher.flushed(16, 3000).then((outcome) => told.push(`second ${outcome}`));
    void b.flusher.flushed(14, 2000).then((outcome) => told.push(`third ${outcome}`));
    await b.clock.advance(999);
    expect(told).toEqual([]);
    await b.clock.advance(1);
    expect(told).toEqual(['first FLUSH_DISK_TIMEOUT']);
    await b.go();
    expect(told).toEqual(['first FLUSH_DISK_TIMEOUT', 'third FLUSHED', 'second FLUSHED']);
    await b.clock.advance(60_000);
    expect(told).toHaveLength(3);
  });

  test('one who waits for what is not written yet has one sync, and the next when it is written', async () => {
    for (const flushDiskType of ['SYNC_FLUSH', 'ASYNC_FLUSH'] as const) {
      const b = await begun({ flushDiskType });
      let told = '';
      void b.flusher.flushed(15, 10_000).then((outcome) => (told = outcome));
      await drain(b);
      expect([told, b.said]).toEqual(['', ['flushed 10']]);
      b.write(5);
      await b.clock.advance(500);
      await drain(b);
      expect([told, b.started(), b.log.flushed]).toEqual(['FLUSHED', ['datasync'], 15]);
    }
  });

  test('one who has gone starts no sync any more', async () => {
    const b = await begun();
    let told = '';
    void b.flusher.flushed(1000, 100).then((outcome) => (told = outcome));
    await drain(b);
    await b.clock.advance(100);
    expect(told).toBe('FLUSH_DISK_TIMEOUT');
    b.write(5);
    await b.clock.advance(500);
    b.write(5);
    b.started();
    await b.go();
    expect([b.log.flushed, b.started()]).toEqual([15, []]);
    await b.clock.advance(500);
    expect(b.started()).toEqual(['datasync']);
    await drain(b);
  });

  test('those whose bytes were taken back are told, the others are not', async () => {
    const b = await begun();
    b.write(10);
    const told: string[] = [];
    for (const phyOffset of [19, 20, 21, 22]) void b.flusher.flushed(phyOffset, 1000).then((outcome) => told.push(`${phyOffset} ${outcome}`));
    b.flusher.takenBack(20);
    await settle();
    expect(told).toEqual(['21 FAULT', '22 FAULT']);
    await drain(b);
    expect(told).toEqual(['21 FAULT', '22 FAULT', '19 FLUSHED', '20 FLUSHED']);
    await b.clock.advance(5000);
    expect(told).toHaveLength(4);
  });
});

describe('when a sync is started', () => {
  test('asynchronously: after the interval, one for all that was written meanwhile, and none when nothing was', async () => {
    const b = await begun();
    b.write(10);
    b.write(10);
    await b.clock.advance(499);
    expect(b.started()).toEqual([]);
    await b.clock.advance(1);
    expect(b.started()).toEqual(['datasync']);
    // Written while it runs: the next interval's.
    b.write(10);
    await b.go();
    expect([b.log.flushed, b.started()]).toEqual([30, []]);
    await b.clock.advance(499);
    expect(b.started()).toEqual([]);
    await b.clock.advance(1);
    expect(b.started()).toEqual(['datasync']);
    await b.go();
    expect([b.log.flushed, b.flusher.syncs]).toEqual([40, 2]);
    await b.clock.advance(10_000);
    expect(b.started()).toEqual([]);
  });

  test('asynchronously: at once when flushBytes are behind, one less waits', async () => {
    const b = await begun({ flushBytes: 100 });
    b.write(99);
    await settle();
    expect(b.started()).toEqual([]);
    b.write(1);
    await settle();
    expect(b.started()).toEqual(['datasync']);
    await drain(b);
    expect(b.log.flushed).toBe(110);
  });

  test('asynchronously: 16 MiB behind when nothing else is said', async () => {
    const b = await begun();
    b.log.written = b.log.tail = 10 + (16 << 20) - 1;
    b.flusher.written(false);
    await settle();
    expect(b.started()).toEqual([]);
    b.log.written = b.log.tail += 1;
    for (const file of b.log.files) file.dirty = true;
    b.flusher.written(false);
    await settle();
    expect(b.started()).toEqual(['datasync']);
  });

  test('synchronously: at once, and again for what came meanwhile though nobody waits', async () => {
    const b = await begun({ flushDiskType: 'SYNC_FLUSH' });
    b.write(10);
    await settle();
    b.write(10);
    b.write(10);
    expect(b.started()).toEqual(['datasync']);
    await b.go();
    expect([b.log.flushed, b.started()]).toEqual([20, ['datasync']]);
    await b.go();
    expect([b.log.flushed, b.started(), b.flusher.syncs]).toEqual([40, [], 2]);
  });

  test('one sync at a time; files that were not written are not synced; the directory when its files changed', async () => {
    const b = await begun();
    b.write(4000);
    b.write(3000);
    expect(b.log.files.map(({ dirty }) => dirty)).toEqual([true, true]);
    expect(b.log.dirDirty).toBe(true);
    const done = b.flusher.flush();
    await settle();
    void b.flusher.flushed(5000, 1000);
    await settle();
    expect(b.started()).toEqual(['datasync']);
    await b.go();
    expect(b.started()).toEqual(['datasync']);
    await b.go();
    expect([b.started(), b.log.flushed]).toEqual([['syncDir'], 10]);
    await b.go();
    expect([await done, b.log.flushed, b.log.dirDirty, b.log.files.map(({ dirty }) => dirty), b.flusher.syncs]).toEqual([true, b.log.written, false, [false, false], 2]);
    b.write(10);
    void b.flusher.flush();
    await drain(b);
    expect(b.started()).toEqual(['datasync']);
  });

  test('flush waits for the sync under way and has one of its own', async () => {
    const b = await begun({ flushDiskType: 'SYNC_FLUSH' });
    b.write(10);
    await settle();
    b.write(10);
    let flushed = false;
    void b.flusher.flush().then((ok) => (flushed = ok));
    await settle();
    expect([b.started(), flushed]).toEqual([['datasync'], false]);
    await b.go();
    expect(flushed).toBe(false);
    await drain(b);
    expect([flushed, b.log.flushed]).toEqual([true, 30]);
  });
});

describe('what fails', () => {
  const remark = 'disk sync failed: EIO, the commit log takes no messages until the broker was restarted';

  test.each(['datasync', 'syncDir'] as const)('a failed %s is said once, everybody who waits is told, and nothing is synced again', async (op) => {
    const b = await begun();
    if (op === 'syncDir') b.write(4090);
    b.disk.fail(op, 'EIO', 1);
    const flushedBefore = b.log.flushed;
    b.write(10);
    const told: string[] = [];
    for (const phyOffset of [b.log.written, 11, b.log.written + 5]) void b.flusher.flushed(phyOffset, 1000).then((outcome) => told.push(outcome));
    await drain(b);
    expect([told, b.said, b.log.flushed]).toEqual([['FAULT', 'FAULT', 'FAULT'], [remark], flushedBefore]);
    b.started();
    expect(await b.flusher.flushed(b.log.written, 1000)).toBe('FAULT');
    expect(await b.flusher.flushed(10, 1000)).toBe('FLUSHED');
    b.write(10);
    expect(await b.flusher.flush()).toBe(false);
    await b.clock.advance(10_000);
    expect([b.started(), b.said]).toEqual([[], [remark]]);
    await b.flusher.close();
    expect(b.started()).toEqual([]);
  });

  test.each([['SYNC_FLUSH', 1 << 20], ['ASYNC_FLUSH', 1]] as const)('%s, a sync after each %i bytes: none after one that failed', async (flushDiskType, flushBytes) => {
    const b = await begun({ flushDiskType, flushBytes });
    b.disk.fail('datasync', 'EIO', 1);
    b.write(10);
    await drain(b);
    await b.clock.advance(10_000);
    await drain(b);
    b.write(10);
    await b.clock.advance(10_000);
    await drain(b);
    expect([b.started(), b.said, b.log.flushed]).toEqual([['datasync'], [remark], 10]);
  });

  test('a failing flush says so', async () => {
    const b = await begun();
    b.write(10);
    b.disk.fail('datasync', 'ENOSPC', 1);
    const done = b.flusher.flush();
    await drain(b);
    expect([await done, b.said]).toEqual([false, [remark.replace('EIO', 'ENOSPC')]]);
  });

  test('a file that was deleted while it was synced is no fault', async () => {
    const b = await begun();
    b.write(4000);
    b.write(3000);
    b.disk.fail('datasync', 'EIO', 1, /0{20}$/);
    const done = b.flusher.flush();
    await settle();
    b.log.removeFirst();
    await drain(b);
    expect([await done, b.said, b.log.flushed]).toEqual([true, [`flushed ${b.log.written}`], b.log.written]);
  });

  test('what was taken back while the sync ran does not count as synced', async () => {
    const b = await begun();
    b.write(90);
    const done = b.flusher.flush();
    await settle();
    b.log.written = b.log.tail = 50;
    await drain(b);
    expect([await done, b.log.flushed]).toEqual([true, 50]);
  });

  test('what was synced stays synced: the log that ends before it does not go back', async () => {
    const b = await begun();
    b.log.written = b.log.tail = 5;
    void b.flusher.flush();
    await drain(b);
    expect(b.log.flushed).toBe(10);
  });
});

describe('closing', () => {
  test('syncs what is written, tells those who wait for more, and starts nothing any more', async () => {
    const b = await begun();
    b.write(10);
    const told: string[] = [];
    for (const phyOffset of [20, 21]) void b.flusher.flushed(phyOffset, 1000).then((outcome) => told.push(`${phyOffset} ${outcome}`));
    const closed = b.flusher.close();
    await settle();
    await drain(b);
    await closed;
    expect(told).toEqual(['20 FLUSHED', '21 FAULT']);
    await drain(b);
    b.started();
    b.write(10);
    expect(await b.flusher.flushed(b.log.written, 1000)).toBe('FAULT');
    await b.clock.advance(10_000);
    expect([b.started(), b.log.flushed]).toEqual([[], 20]);
  });

  test.each([['SYNC_FLUSH', 1 << 20], ['ASYNC_FLUSH', 1], ['ASYNC_FLUSH', 1 << 20]] as const)('%s, a sync after each %i bytes: what is written while and after it closes starts none', async (flushDiskType, flushBytes) => {
    const b = await begun({ flushDiskType, flushBytes });
    void b.flusher.flush();
    await drain(b);
    const closed = b.flusher.close();
    await drain(b);
    await closed;
    b.started();
    b.write(10);
    await b.clock.advance(10_000);
    expect([b.started(), b.log.flushed]).toEqual([[], 10]);
  });

  test('a timer for the next sync is taken away', async () => {
    const b = await begun();
    b.write(10);
    const closed = b.flusher.close();
    await drain(b);
    await closed;
    b.started();
    await b.clock.advance(10_000);
    expect(b.started()).toEqual([]);
  });
});
