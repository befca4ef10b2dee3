/** Filtered pulls of a whole broker: what each way of bringing an expression is answered, bits beside the queue, restarts, held pulls, retry topics. */
import { describe, expect, test } from '@jest/globals';
import { simulatedDisk } from '../../store/simulated-disk.js';
import { ManualClock, silentLog } from '../../remoting/clocks.js';
import { EventTurn } from '../../remoting/turn.js';
import { openStore } from '../../store/message-store.js';
import { defaultStoreConfig } from '../../store/options.js';
import type { SimulatedDisk } from '../../store/simulated-disk.js';
import { message } from '../../store/store-fixture.js';
import { resolveConfig } from '../config.js';
import { createBroker } from './broker.js';
import type { Broker } from './broker.js';
import type { PullAnswer, PullRefusal, PullRequest } from './pull.js';
import { Peer } from './testdata/composed.js';
import { parseSubscription } from './subscription.js';
import type { Subscription } from './types.js';
import { createPull } from './pull.js';

const bits = { enablePropertyFilter: 'true', enableCalcFilterBitMap: 'true' } as const;

class Rig {
  readonly clock: ManualClock;
  readonly broker: Broker;
  readonly store: Awaited<ReturnType<typeof openStore>>;
  readonly peer = new Peer();
  readonly pull: ReturnType<typeof createPull>;

  private constructor(store: Rig['store'], disk: SimulatedDisk, clock: ManualClock, settings: Readonly<Record<string, string>>) {
    this.clock = clock;
    this.store = store;
    const turn = new EventTurn((error) => { throw error; });
    const { broker } = resolveConfig(new Map(Object.entries({ storePathConfigDir: '/data/config', ...settings })), '', 'broker');
    this.broker = createBroker({
      config: broker, store, disk, clock, turn, log: silentLog, random: () => 0.5, listenHost: '127.0.0.1',
      client: { call: () => Promise.reject(new Error('no name server')) },
    });
    this.broker.listening(10911);
    this.pull = createPull(this.broker.context);
    const { topics } = this.broker;
    for (const name of ['T', '%RETRY%g']) {
      topics.update({ topicName: name, readQueueNums: 1, writeQueueNums: 1, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false, attributes: {} });
    }
  }

  static async open(settings: Readonly<Record<string, string>> = { enablePropertyFilter: 'true' }, disk = simulatedDisk(11), clock = new ManualClock(), ext = true): Promise<Rig> {
    const store = await openStore({
      root: '/data', disk, clock, log: silentLog,
      config: {
        ...defaultStoreConfig(), mappedFileSizeCommitLog: 1 << 18, mappedFileSizeConsumeQueue: 20 * 64, maxHashSlotNum: 64, maxIndexNum: 256, maxMessageSize: 1 << 16,
        enableConsumeQueueExt: ext, mappedFileSizeConsumeQueueExt: 4096,
      },
    });
    store.setStoreHost(Buffer.from([127, 0, 0, 1, 0, 0, 42, 159]));
    return new Rig(store, disk, clock, settings);
  }

  put(properties: string, topic = 'T'): void {
    const props = Buffer.from(properties, 'utf8');
    const input = { ...message(this.store.queue(topic, 0), 'body'), props, propsStart: 0, propsEnd: props.length };
    expect(this.store.put(input).status).toBe('PUT_OK');
    this.store.writeTurn();
  }

  register(group: string, ...subscriptions: Subscription[]): void {
    this.broker.consumers.register(
      { group, consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', subscriptions },
      { clientId: 'c', connection: this.peer, language: 'JAVA', version: 513, lastUpdateMs: this.clock.nowMs() }, false,
    );
  }

  async ask(more: Partial<PullRequest>): Promise<PullAnswer | PullRefusal> {
    return new Promise((resolve) => this.pull.pull({
      connection: this.peer, lite: false, group: 'g', topicName: 'T', liteTopic: undefined, queueId: 0, queueOffset: 0, maxMsgNums: 32, sysFlag: 0, commitOffset: 0,
      suspendTimeoutMs: 0, subscription: undefined, expressionType: undefined, subVersion: 0n, ...more,
    }, resolve));
  }

  /** [code, number of messages, next offset]. */
  async counts(more: Partial<PullRequest>): Promise<unknown[]> {
    const answer = await this.ask(more);
    return 'found' in answer ? [answer.code, answer.found?.messageCount ?? 0, answer.header?.nextBeginOffset] : [answer.code];
  }
}

const property = (name: string, value: string): string => `${name}\u0001${value}\u0002`;

function sql(topic: string, expression: string, subVersion = 1n): Subscription {
  const parsed = parseSubscription(topic, expression, 'SQL92', subVersion);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

const own = (expression: string, expressionType = 'SQL92'): Partial<PullRequest> => ({ sysFlag: 4, subscription: expression, expressionType });

describe('answers', () => {
  test('by what the pull brings', async () => {
    const rig = await Rig.open();
    for (const a of ['1', '9', 'x']) rig.put(property('a', a));
    expect(await rig.counts(own('a > 5'))).toEqual([0, 1, 3]);
    expect(await rig.counts(own('a > 50'))).toEqual([20, 0, 3]);
    expect(await rig.counts({ ...own('a > 5'), lite: true })).toEqual([0, 1, 3]);
    expect(await rig.ask(own('a >'))).toEqual({ code: 23, remark: "parse the consumer's subscription failed" });
    expect(await rig.ask(own('a > 5', 'SQL2050'))).toEqual({ code: 23, remark: "parse the consumer's subscription failed" });
    expect(await rig.ask(own(''))).toMatchObject({ code: 23 });
    await rig.store.close();
  });

  test('by what the heartbeat registered, and in which order it is looked at', async () => {
    const rig = await Rig.open();
    for (const a of ['1', '9']) rig.put(property('a', a));
    rig.register('g', sql('T', 'a > 5', 5n));
    expect(await rig.counts({})).toEqual([0, 1, 2]);
    expect(await rig.ask({ subVersion: 6n })).toMatchObject({ code: 25 });
    // Of the same version, a text that is another one is not taken: the data stays behind the subscription.
    rig.register('g', sql('T', 'a >', 7n));
    expect(await rig.ask({})).toEqual({ code: 27, remark: "The broker's consumer filter data is not exist!Your expression may be wrong!" });
    await rig.store.close();
  });

  test('data of an older version is FILTER_DATA_NOT_LATEST', async () => {
    const rig = await Rig.open();
    rig.put(property('a', '9'));
    rig.register('g', sql('T', 'a > 5', 9n));
    rig.broker.consumers.unregister('g', rig.peer, false);
    // A client that went back in time: its subscription is what it says, the filter data is not replaced.
    rig.register('g', { ...sql('T', 'a > 6', 10n) });
    const data = rig.broker.context.filters.get('T', 'g');
    if (data === undefined) throw new Error('no filter data');
    data.clientVersion = 9n;
    expect(await rig.ask({ subVersion: 10n })).toEqual({ code: 28, remark: "the consumer's consumer filter data not latest" });
    await rig.store.close();
  });

  test('without enablePropertyFilter expressions are refused, filter data is asked for first', async () => {
    const rig = await Rig.open({});
    rig.put(property('a', '9'));
    const refusal = { code: 1, remark: 'The broker does not support consumer to filter message by SQL92' };
    expect(await rig.ask(own('a > 5'))).toEqual(refusal);
    expect(await rig.ask(own('a >'))).toEqual(refusal);
    rig.register('g', sql('T', 'a > 5'));
    expect(await rig.ask({})).toEqual(refusal);
    rig.register('g', sql('T', 'a >', 2n));
    expect(await rig.ask({})).toMatchObject({ code: 27 });
    await rig.store.close();
  });
});

describe('bits', () => {
  test('pulls are exact with bits, without them, after a restart, and when the expression changed', async () => {
    const disk = simulatedDisk(12);
    let rig = await Rig.open(bits, disk);
    rig.put(property('a', '9'));
    rig.clock.advance(10);
    rig.register('g', sql('T', 'a > 5'));
    rig.clock.advance(10);
    for (const a of ['1', '9', '9', '2']) rig.put(property('a', a));
    const units = await rig.store.units(rig.store.queue('T', 0), 0, 5);
    const kept = units.map((unit) => (unit.extension === undefined || unit.extension === 'missing' ? undefined : unit.extension.bitMap.length === 0 ? 'none' : unit.extension.bitMap.some((byte) => byte !== 0)));
    expect(kept).toEqual(['none', false, true, true, false]);
    expect(await rig.counts({})).toEqual([0, 3, 5]);
    await rig.broker.stop();
    await rig.store.close();

    rig = await Rig.open(bits, disk, rig.clock);
    rig.register('g', sql('T', 'a > 5'));
    expect(await rig.counts({})).toEqual([0, 3, 5]);
    rig.clock.advance(10);
    rig.register('g', sql('T', 'a < 5', 2n));
    rig.clock.advance(10);
    for (const a of ['1', '9']) rig.put(property('a', a));
    expect(await rig.counts({})).toEqual([0, 3, 7]);
    await rig.store.close();
  });

  test('a record is not looked at when its bits say no', async () => {
    const rig = await Rig.open(bits);
    rig.register('g', sql('T', 'a > 5'));
    rig.clock.advance(10);
    rig.put(property('a', '1'));
    const subscription = rig.broker.consumers.subscription('g', 'T');
    const { filters } = rig.broker.context;
    if (subscription === undefined) throw new Error('no subscription');
    const filter = filters.filterOf(subscription, filters.get('T', 'g'));
    const [unit] = await rig.store.units(rig.store.queue('T', 0), 0, 1);
    if (unit?.extension === undefined || unit.extension === 'missing') throw new Error('no unit');
    const { msgStoreTime, bitMap } = unit.extension;
    expect(filter?.matchesEntry(0, { msgStoreTime, bytes: bitMap, bitMapStart: 0, bitMapBytes: bitMap.length })).toBe(false);
    // Stored before the expression was there, or with bits of another size, they say nothing.
    expect(filter?.matchesEntry(0, { msgStoreTime: 1, bytes: bitMap, bitMapStart: 0, bitMapBytes: bitMap.length })).toBe(true);
    expect(filter?.matchesEntry(0, { msgStoreTime, bytes: bitMap, bitMapStart: 0, bitMapBytes: 8 })).toBe(true);
    await rig.store.close();
  });
});

test('a held pull wakes for a message its expression lets through, not for others', async () => {
  const rig = await Rig.open();
  rig.put(property('a', '9'));
  rig.register('g', sql('T', 'a > 5'));
  let answered: PullAnswer | PullRefusal | undefined;
  void rig.ask({ queueOffset: 1, sysFlag: 2, suspendTimeoutMs: 60_000 }).then((answer) => { answered = answer; });
  const settled = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
  await settled();
  rig.put(property('a', '1'));
  await settled();
  expect(answered).toBeUndefined();
  rig.put(property('a', '7'));
  await settled();
  expect(answered).toMatchObject({ code: 0, header: { nextBeginOffset: 3 } });
  rig.pull.stop();
  await rig.store.close();
});

test('a retry topic that is asked for with an expression is judged by that of the original topic, when told to', async () => {
  for (const [filterSupportRetry, expected] of [['true', 1], ['false', 2]] as const) {
    const rig = await Rig.open({ enablePropertyFilter: 'true', filterSupportRetry });
    rig.register('g', sql('T', 'a > 5'), sql('%RETRY%g', 'TRUE'));
    for (const a of ['1', '9']) rig.put(property('a', a) + property('RETRY_TOPIC', 'T'), '%RETRY%g');
    expect(await rig.counts({ topicName: '%RETRY%g' })).toEqual([0, expected, 2]);
    await rig.store.close();
  }
});
