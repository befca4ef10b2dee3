/** Any sequence of what a broker and its machine can do to a store, against a model in memory. */
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { encodeBatch } from '../codec/batch.js';
import { checkStore, ManualClock, message, openOn, recordsOf, settle, smallConfig } from './store-fixture.js';
import type { OpenStore } from './message-store.js';
import { simulatedDisk } from './simulated-disk.js';
import type { SimulatedDisk } from './simulated-disk.js';

interface Model {
  /** Texts by queue from offset 0 on; `undefined` = deleted with its file. */
  readonly queues: Map<number, string[]>;
  pending: { queueId: number; texts: string[] }[];
  serial: number;
}

interface Real {
  readonly disk: SimulatedDisk;
  readonly clock: ManualClock;
  store: OpenStore;
}

const config = smallConfig({ tailCacheBytesMax: 8192, fileReservedTime: 1, deleteWhen: '99' });
const texts = (model: Model, queueId: number): string[] => model.queues.get(queueId) ?? [];

function write(model: Model, real: Real): void {
  expect(real.store.writeTurn()).toBeUndefined();
  for (const { queueId, texts: put } of model.pending) model.queues.set(queueId, [...texts(model, queueId), ...put]);
  model.pending = [];
}

class Put implements fc.AsyncCommand<Model, Real> {
  readonly queueId: number;
  readonly padding: number;
  readonly count: number;
  constructor(queueId: number, padding: number, count: number) {
    this.queueId = queueId;
    this.padding = padding;
    this.count = count;
  }
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    const queue = real.store.queue('T', this.queueId);
    const put = Array.from({ length: this.count }, () => `m${++model.serial}`);
    const before = texts(model, this.queueId).length + model.pending.filter((p) => p.queueId === this.queueId).reduce((n, p) => n + p.texts.length, 0);
    let result;
    if (this.count === 1) result = real.store.put(message(queue, put[0] ?? '', { uniq: `U${model.serial}`, tag: 'a', padding: this.padding }));
    else {
      const body = encodeBatch(put.map((text) => ({ body: Buffer.from(text), properties: [['UNIQ_KEY', `U${text}`]] as const })));
      result = real.store.putBatch({ ...message(queue, ''), body, bodyStart: 0, bodyEnd: body.length });
    }
    expect([result.status, result.queueOffset, result.count]).toEqual(['PUT_OK', before, this.count]);
    model.pending.push({ queueId: this.queueId, texts: put });
  }
  toString = (): string => `put(${this.queueId}, +${this.padding}, x${this.count})`;
}

class WriteTurn implements fc.AsyncCommand<Model, Real> {
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    write(model, real);
  }
  toString = (): string => 'writeTurn';
}

class WriteFails implements fc.AsyncCommand<Model, Real> {
  check = (model: Readonly<Model>): boolean => model.pending.length > 0;
  async run(model: Model, real: Real): Promise<void> {
    const room = real.disk.spaceLeft;
    real.disk.fail('write', 'ENOSPC', 1, /commitlog/);
    expect(real.store.writeTurn()).toMatch(/ENOSPC/);
    model.pending = [];
    real.disk.spaceLeft = room;
    await real.clock.advance(2500);
    expect(real.store.fault).toBeUndefined();
  }
  toString = (): string => 'writeFails';
}

class Get implements fc.AsyncCommand<Model, Real> {
  readonly queueId: number;
  readonly offset: number;
  readonly count: number;
  constructor(queueId: number, offset: number, count: number) {
    this.queueId = queueId;
    this.offset = offset;
    this.count = count;
  }
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    const queue = real.store.queue('T', this.queueId);
    const all = texts(model, this.queueId);
    const result = await real.store.get(queue, this.offset, this.count, 1 << 20, undefined);
    expect(result.maxOffset).toBe(all.length);
    if (all.length === 0) expect(result.status).toBe('NO_MESSAGE_IN_QUEUE');
    else if (this.offset < queue.minOffset) expect([result.status, result.nextBeginOffset]).toEqual(['OFFSET_TOO_SMALL', queue.minOffset]);
    else if (this.offset >= all.length) expect(result.status).toMatch(/^OFFSET_OVERFLOW/);
    else {
      const found = recordsOf(result.slices).map((record) => record.text);
      expect(found.length).toBeGreaterThan(0);
      expect(found).toEqual(all.slice(this.offset, this.offset + found.length));
      expect(found.length).toBe(Math.min(this.count, all.length - this.offset, 8 - (this.offset % 8)));
    }
  }
  toString = (): string => `get(${this.queueId}, ${this.offset}, ${this.count})`;
}

class Restart implements fc.AsyncCommand<Model, Real> {
  readonly how: 'close' | 'kill' | 'checkpoint';
  constructor(how: 'close' | 'kill' | 'checkpoint') {
    this.how = how;
  }
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    if (this.how === 'checkpoint') {
      await real.store.checkpoint();
      return;
    }
    if (this.how === 'close') {
      write(model, real);
      await real.store.close();
    } else {
      real.disk.crash();
      real.clock.dropTimers();
      await settle();
      real.disk.restart('kill');
      model.pending = [];
    }
    real.store = await openOn(real.disk, real.clock, config);
    expect(real.store.recovery).toMatchObject({ cleanStop: this.how === 'close' });
    for (const [id, all] of model.queues) expect([id, real.store.queue('T', id).maxOffset]).toEqual([id, all.length]);
  }
  toString = (): string => this.how;
}

class Expire implements fc.AsyncCommand<Model, Real> {
  check = (): boolean => true;
  async run(_model: Model, real: Real): Promise<void> {
    const { min } = real.store.positions;
    await real.clock.advance(600);
    real.disk.nowMs = real.clock.now;
    real.clock.now += 2 * 3600_000;
    const deleting = real.store.deleteExpiredCommitLog();
    await real.clock.advance(5000);
    await deleting;
    expect(real.store.positions.min).toBeGreaterThanOrEqual(min);
    await real.store.cleanExpiredConsumeQueue();
  }
  toString = (): string => 'expire';
}

test('every sequence of puts, turns, reads, restarts and deletions matches the model', async () => {
  const queueId = fc.nat(2);
  await fc.assert(
    fc.asyncProperty(
      fc.commands(
        [
          fc.tuple(queueId, fc.oneof(fc.nat(100), fc.constant(3000)), fc.constantFrom(1, 1, 1, 5, 20)).map((args) => new Put(...args)),
          fc.constant(new WriteTurn()),
          fc.constant(new WriteTurn()),
          fc.constant(new WriteFails()),
          fc.tuple(queueId, fc.nat(60), fc.integer({ min: 1, max: 20 })).map((args) => new Get(...args)),
          fc.constantFrom('close', 'kill', 'checkpoint').map((how) => new Restart(how)),
          fc.constant(new Expire()),
        ],
        { maxCommands: 40, size: 'max' },
      ),
      fc.nat(),
      async (commands, seed) => {
        const disk = simulatedDisk(seed);
        const clock = new ManualClock();
        const real: Real = { disk, clock, store: await openOn(disk, clock, config) };
        const model: Model = { queues: new Map(), pending: [], serial: 0 };
        await fc.asyncModelRun(() => ({ model, real }), commands);
        write(model, real);
        const all = await checkStore(real.store);
        for (const [id, expected] of model.queues) {
          const { minOffset } = real.store.queue('T', id);
          expect([id, all.get(`T/${id}`)]).toEqual([id, expected.slice(minOffset)]);
        }
        await real.store.close();
      },
    ),
    { numRuns: 60, interruptAfterTimeLimit: 15000, markInterruptAsFailure: false },
  );
}, 240_000);
