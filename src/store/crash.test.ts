import { expect, test } from '@jest/globals';
import { checkStore, ListLog, ManualClock, message, openOn, settle, smallConfig } from './store-fixture.js';
import type { OpenStore } from './message-store.js';
import { simulatedDisk, SimulatedCrash } from './simulated-disk.js';
import type { CrashKind, SimulatedDisk } from './simulated-disk.js';
import type { StoreConfig } from './options.js';

/** What clients know: texts acknowledged by queue and offset, and all that were ever put there. */
class History {
  readonly written = new Map<string, string>();
  readonly flushed = new Map<string, string>();
  readonly tried = new Map<string, Set<string>>();

  try(where: string, text: string): void {
    let texts = this.tried.get(where);
    if (texts === undefined) this.tried.set(where, (texts = new Set()));
    texts.add(text);
  }
}

let serial = 0;

/** Twelve turns over three queues, with rolls of every kind of file, a checkpoint, a clean close and a second opening. */
async function workload(disk: SimulatedDisk, clock: ManualClock, config: StoreConfig, history: History): Promise<void> {
  let store = await openOn(disk, clock, config);
  for (let turn = 0; turn < 12; turn++) {
    const acknowledged: { where: string; text: string }[] = [];
    for (let i = 0; i < 1 + (turn % 3); i++) {
      const queueId = (turn + i) % 3;
      const queue = store.queue('T', queueId);
      const text = `m${++serial}`;
      const input = message(queue, text, { uniq: `U${serial}`, tag: turn % 2 === 0 ? 'a' : 'b', padding: turn === 5 ? 2500 : 30 * (serial % 7) });
      const result = store.put(input);
      expect(result.status).toBe('PUT_OK');
      const where = `T/${queueId}@${result.queueOffset}`;
      history.try(where, text);
      acknowledged.push({ where, text });
    }
    expect(store.writeTurn()).toBeUndefined();
    if (disk.isDown) throw new SimulatedCrash();
    for (const { where, text } of acknowledged) history.written.set(where, text);
    if (config.flushDiskType === 'SYNC_FLUSH' || turn === 6) {
      const flushed = store.flushed(store.positions.written, 60000);
      await settle();
      if (disk.isDown) throw new SimulatedCrash();
      if ((await flushed) !== 'FLUSHED') throw new SimulatedCrash();
      for (const [where, text] of history.written) history.flushed.set(where, text);
    }
    clock.now += 7;
    if (turn === 3 || turn === 8) await store.checkpoint().catch(() => undefined);
    if (turn === 4) await clock.advance(1100);
    if (turn === 9) {
      await store.close();
      if (disk.isDown) throw new SimulatedCrash();
      store = await openOn(disk, clock, config);
    }
    if (disk.isDown) throw new SimulatedCrash();
  }
  await store.close();
}

/** Nothing promised is missing, nothing is there that was never put there, and the store works on. */
async function verify(disk: SimulatedDisk, clock: ManualClock, config: StoreConfig, history: History, promised: Map<string, string>): Promise<void> {
  const log = new ListLog();
  let store: OpenStore = await openOn(disk, clock, config, log);
  const all = await checkStore(store);
  const at = (where: string): string | undefined => {
    const [queue, offset] = where.split('@') as [string, string];
    return all.get(queue)?.[Number(offset)];
  };
  for (const [where, text] of promised) expect([where, at(where)]).toEqual([where, text]);
  for (const [queue, texts] of all) {
    texts.forEach((text, offset) => expect([`${queue}@${offset}`, history.tried.get(`${queue}@${offset}`)?.has(text)]).toEqual([`${queue}@${offset}`, true]));
  }
  for (let queueId = 0; queueId < 3; queueId++) {
    const queue = store.queue('T', queueId);
    const next = queue.maxOffset;
    const text = `after${++serial}`;
    const result = store.put(message(queue, text, { uniq: `U${serial}`, tag: 'a' }));
    expect([result.status, result.queueOffset]).toEqual(['PUT_OK', next]);
    expect(store.writeTurn()).toBeUndefined();
    const flushed = store.flushed(store.positions.written, 60000);
    await settle();
    expect(await flushed).toBe('FLUSHED');
    all.set(`T/${queueId}`, [...(all.get(`T/${queueId}`) ?? []), text]);
  }
  await store.close();
  store = await openOn(disk, clock, config, log);
  expect(store.recovery).toMatchObject({ cleanStop: true, bytesCut: 0 });
  expect(await checkStore(store)).toEqual(all);
  await store.close();
}

/** Visits every operation of the workload as the one at which the machine stops. */
async function everyCrashPoint(kind: CrashKind, flushDiskType: 'ASYNC_FLUSH' | 'SYNC_FLUSH', seeds: number, stride: number): Promise<number> {
  const config = smallConfig({ flushDiskType });
  const whole = simulatedDisk(1);
  await workload(whole, new ManualClock(), config, new History());
  let visited = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    for (let point = 1 + (seed % stride); point <= whole.ops; point += stride) {
      const disk = simulatedDisk(seed * 100003 + point);
      const clock = new ManualClock();
      const history = new History();
      disk.crashAtOp = point;
      try {
        await workload(disk, clock, config, history);
      } catch (error) {
        if (!disk.isDown) throw error;
      }
      disk.crash();
      clock.dropTimers();
      await settle();
      disk.restart(kind);
      visited++;
      try {
        await verify(disk, clock, config, history, kind === 'kill' ? history.written : history.flushed);
      } catch (error) {
        throw new Error(`${kind} ${flushDiskType} seed ${seed} operation ${point} of ${whole.ops}: ${String(error)}`, { cause: error });
      }
    }
  }
  return visited;
}

test.each([
  ['kill', 'ASYNC_FLUSH'],
  ['kill', 'SYNC_FLUSH'],
  ['power', 'ASYNC_FLUSH'],
  ['power', 'SYNC_FLUSH'],
] as const)('a %s at any operation under %s loses nothing promised and invents nothing', async (kind, flush) => {
  expect(await everyCrashPoint(kind, flush, kind === 'power' ? 2 : 1, 2)).toBeGreaterThan(70);
}, 240_000);
