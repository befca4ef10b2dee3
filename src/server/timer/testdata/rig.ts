/** A broker with timers on a disk in memory and a clock that moves when told: what was sent, what arrived, and stops of all kinds. The wheel is small. */
import { RecordView, readRecord } from '../../../codec/message-record.js';
import { formatProperties, parseProperties } from '../../../codec/properties.js';
import { ManualClock } from '../../../remoting/clocks.js';
import { simulatedDisk } from '../../../store/simulated-disk.js';
import type { CrashKind, SimulatedDisk } from '../../../store/simulated-disk.js';
import { Composed } from '../../broker/testdata/composed.js';
import type { Answer } from '../../broker/testdata/composed.js';

export interface Arrived {
  readonly body: string;
  readonly storeTimestamp: number;
  readonly properties: ReadonlyMap<string, string>;
}

export const rigTopic = 'Timed';

export class Rig {
  readonly disk: SimulatedDisk;
  broker!: Composed;
  readonly #settings: Readonly<Record<string, string>>;
  #time = 1_700_000_000_000;

  constructor(seed = 7, settings: Readonly<Record<string, string>> = {}) {
    this.disk = simulatedDisk(seed);
    this.#settings = { recallMessageEnable: 'true', mappedFileSizeTimerLog: '4096', ...settings };
  }

  get now(): number {
    return this.broker.clock.nowMs();
  }

  async open(): Promise<this> {
    this.broker = await Composed.open(this.#settings, this.disk, {
      clock: new ManualClock(this.#time), limits: { timerWheelSlots: 2048 }, store: { flushDiskType: 'SYNC_FLUSH', mappedFileSizeCommitLog: 1 << 16 },
    });
    await this.settled(this.broker.broker.start());
    return this;
  }

  /** Lets what is under way happen. */
  async settle(rounds = 6): Promise<void> {
    for (let i = 0; i < rounds; i++) {
      this.broker.turn.run();
      await new Promise<void>((resolve) => { setImmediate(resolve); });
    }
  }

  async settled<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const end = (): void => { done = true; };
    work.then(end, end);
    for (let i = 0; !done && i < 400; i++) await this.settle(1);
    if (!done) throw new Error('the broker does not get on');
    return work;
  }

  async pass(ms: number, stepMs = 1000): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.broker.clock.advance(Math.min(stepMs, ms - passed));
      this.disk.nowMs = this.now;
      await this.settle();
    }
  }

  send(body: string, properties: Readonly<Record<string, string>>, topic = rigTopic): Promise<Answer> {
    const ext = { a: 'p', b: topic, c: 'TBW102', d: '1', e: '0', f: '0', g: '1700000000000', h: '0', j: '0', i: formatProperties(Object.entries(properties)) };
    return this.settled(this.broker.ask('SEND_MESSAGE_V2', { ext, body }));
  }

  recall(handle: string): Promise<Answer> {
    return this.settled(this.broker.ask('RECALL_MESSAGE', { ext: { producerGroup: 'p', topic: rigTopic, recallHandle: handle } }));
  }

  async arrived(topic = rigTopic): Promise<Arrived[]> {
    const { store } = this.broker;
    const queue = store.queue(topic, 0);
    const found: Arrived[] = [];
    const view = new RecordView();
    for (const unit of await store.units(queue, 0, 100_000)) {
      const record = await store.record(unit.phyOffset);
      if (record === undefined || readRecord(view, record, 0, record.length) !== 'record') throw new Error(`no record at ${unit.phyOffset}`);
      found.push({
        body: record.toString('utf8', view.bodyStart, view.bodyEnd), storeTimestamp: view.storeTimestamp,
        properties: parseProperties(record.toString('utf8', view.propertiesStart, view.propertiesEnd)),
      });
    }
    return found;
  }

  async stop(): Promise<void> {
    await this.broker.stop();
    this.#time = this.now;
  }

  /** Time passes while nobody serves. */
  skip(ms: number): void {
    this.#time += ms;
  }

  /** The machine stands still at once. */
  crash(kind: CrashKind): void {
    this.#time = this.now;
    this.disk.crash();
    this.disk.restart(kind);
  }
}
