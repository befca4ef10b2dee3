/** Lite topics in a whole broker on a disk in memory: order, expiry, subscriptions, restarts, bounds. */
import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../remoting/clocks.js';
import type { ProxyClient } from '../proxy/clients.js';
import { Renewals } from '../proxy/renewals.js';
import { Composed, settle } from '../broker/testdata/composed.js';
import type { Answer } from '../broker/testdata/composed.js';
import type { SimulatedDisk } from '../../store/simulated-disk.js';
import { pass, popped, Popping } from '../pop/testdata/popping.js';
import type { Popped } from '../pop/testdata/popping.js';
import { orderCountText } from './pop.js';

const keys = { enableLmq: 'true', enableMultiDispatch: 'true' };

/** A broker with the parent topic P and the group g bound to it. */
class Lites extends Popping {
  static async make(settings: Readonly<Record<string, string>> = {}, disk?: SimulatedDisk, startMs?: number): Promise<Lites> {
    const c = await Composed.open({ brokerName: 'broker-a', ...keys, ...settings }, disk, { clock: new ManualClock(startMs), limits: { timerWheelSlots: 4096 }, store: { enableLmq: true, enableMultiDispatch: true } });
    const kit = new Lites(c);
    const started = c.broker.start();
    await settle(c);
    await started;
    return kit;
  }

  async parent(attributes = ''): Promise<void> {
    await this.ask('UPDATE_AND_CREATE_TOPIC', {
      ext: { topic: 'P', defaultTopic: 'TBW102', readQueueNums: '1', writeQueueNums: '1', perm: '6', topicFilterType: 'SINGLE_TAG', order: 'false', attributes: `+message.type=LITE${attributes}` },
    });
    await this.bound('g');
  }

  async bound(groupName: string, attributes: object = {}): Promise<void> {
    await this.ask('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP', { body: JSON.stringify({ groupName, attributes: { '+lite.bind.topic': 'P', ...attributes } }) });
  }

  subscribe(clientId: string, liteTopicSet: readonly string[], action = 'PARTIAL_ADD', group = 'g', more: object = {}): Promise<Answer> {
    return this.ask('LITE_SUBSCRIPTION_CTL', { body: JSON.stringify({ subscriptionSet: [{ action, clientId, group, topic: 'P', liteTopicSet, ...more }] }) });
  }

  lite(liteTopic: string, ...bodies: string[]): Promise<void> {
    return this.send('P', bodies, 0, `__LITE_TOPIC\u0001${liteTopic}\u0002`);
  }

  liteExt(clientId: string, max = 32, pollMs = 0, group = 'g'): Record<string, string> {
    return { clientId, consumerGroup: group, topic: 'P', maxMsgNum: String(max), invisibleTime: '10000', pollTime: String(pollMs), bornTime: String(this.c.clock.nowMs()) };
  }

  async take(clientId: string, max = 32, group = 'g'): Promise<Popped> {
    return popped(await this.ask('POP_LITE_MESSAGE', { ext: this.liteExt(clientId, max, 0, group) }));
  }

  done(answer: Popped, group = 'g'): Promise<Answer[]> {
    const { popTime, invisibleTime } = answer.header;
    return Promise.all(answer.messages.map((message) => {
      const offset = message.properties.get('INNER_MULTI_QUEUE_OFFSET') ?? '';
      return this.ask('ACK_MESSAGE', {
        ext: { consumerGroup: group, topic: 'P', queueId: '0', offset, extraInfo: `0 ${String(popTime)} ${String(invisibleTime)} 999 0 broker-a 0 ${offset}`, liteTopic: message.properties.get('__LITE_TOPIC') ?? '' },
      });
    }));
  }

  get counts(): { active: number; queues: number } {
    return { active: this.c.broker.lite.subscriptions.active, queues: this.c.store.lightQueues };
  }
}

describe('lite topics', () => {
  test('each is popped in order, blocked until acknowledged, and goes on behind what was acknowledged', async () => {
    const kit = await Lites.make();
    await kit.parent();
    await kit.subscribe('c1', ['a', 'b']);
    await kit.lite('a', 'a1', 'a2', 'a3');
    await kit.lite('b', 'b1');
    await kit.lite('other', 'o1');
    const first = await kit.take('c1', 3);
    expect(first.bodies).toEqual(['a1', 'a2', 'a3']);
    expect(first.header['orderCountInfo']).toBe('0;0;0');
    const second = await kit.take('c1');
    expect(second.bodies).toEqual(['b1']);
    expect((await kit.take('c1')).code).toBe(210);
    expect((await kit.done(first)).map((one) => one.code)).toEqual([0, 0, 0]);
    await kit.lite('a', 'a4');
    expect((await kit.take('c1')).bodies).toEqual(['a4']);
    // Nobody acknowledged b1: it comes again when its time is over.
    await pass(kit.c, 10_250);
    const again = await kit.take('c1');
    expect([[...again.bodies].sort(), String(again.header['orderCountInfo'])]).toEqual([['a4', 'b1'], '0 qo0%0 1;0 qo0%3 1']);
    await kit.stop();
  });

  test('a waiting pop is answered by an arrival and by its time', async () => {
    const kit = await Lites.make();
    await kit.parent();
    await kit.subscribe('c1', ['a']);
    const waiting = kit.c.ask('POP_LITE_MESSAGE', { ext: kit.liteExt('c1', 32, 5000) });
    await settle(kit.c);
    await kit.lite('a', 'a1');
    await settle(kit.c);
    expect(popped(await waiting).bodies).toEqual(['a1']);
    const late = kit.c.ask('POP_LITE_MESSAGE', { ext: kit.liteExt('c1', 32, 5000) });
    await pass(kit.c, 5500);
    expect((await late).code).toBe(210);
    await kit.stop();
  });

  test('after a kill what was not acknowledged comes again, with the offsets that were saved', async () => {
    let kit = await Lites.make();
    await kit.parent();
    await kit.subscribe('c1', ['a']);
    await kit.lite('a', 'a1', 'a2');
    const first = await kit.take('c1', 1);
    await kit.done(first);
    await pass(kit.c, 6000);
    await kit.take('c1', 1);
    const { disk, clock } = kit.c;
    disk.crash();
    disk.restart('kill');
    kit = await Lites.make({}, disk, clock.nowMs());
    await kit.subscribe('c1', ['a'], 'COMPLETE_ADD');
    expect((await kit.take('c1')).bodies).toEqual(['a2']);
    await kit.stop();
  });

  test('a silent lite topic goes when its time is over, and with it who had it', async () => {
    const kit = await Lites.make({ minLiteTTl: '60000', liteTtlCheckInterval: '10000', liteSubscriptionCheckTimeoutMills: '100000000' });
    await kit.parent(',+lite.topic.expiration=2');
    await kit.subscribe('c1', ['a', 'b']);
    await kit.lite('a', 'a1');
    await kit.lite('b', 'b1');
    await pass(kit.c, 100_000);
    await kit.lite('b', 'b2');
    expect(kit.counts).toEqual({ active: 2, queues: 2 });
    await pass(kit.c, 60_000);
    expect(kit.counts).toEqual({ active: 1, queues: 1 });
    await kit.lite('a', 'a2');
    expect(kit.c.store.existingQueue('%LMQ%$P$a', 0)?.maxOffset).toBe(1);
    await kit.stop();
  });

  test('without an expiration nothing goes; with the parent all does', async () => {
    const kit = await Lites.make({ minLiteTTl: '1000', liteTtlCheckInterval: '1000' });
    await kit.parent();
    await kit.lite('a', 'a1');
    await pass(kit.c, 30_000);
    expect(kit.counts.queues).toBe(1);
    await kit.ask('DELETE_TOPIC_IN_BROKER', { ext: { topic: 'P' } });
    expect(kit.counts.queues).toBe(0);
    await kit.stop();
  });

  test('clients that say nothing lose their lite topics', async () => {
    const kit = await Lites.make({ liteSubscriptionCheckInterval: '1000', liteSubscriptionCheckTimeoutMills: '5000' });
    await kit.parent();
    await kit.subscribe('c1', ['a']);
    await kit.subscribe('c2', ['a', 'b'], 'COMPLETE_ADD');
    await pass(kit.c, 4000);
    await kit.subscribe('c2', ['a', 'b'], 'COMPLETE_ADD');
    await pass(kit.c, 3000);
    expect(kit.counts.active).toBe(2);
    await kit.subscribe('c2', [], 'COMPLETE_REMOVE');
    expect(kit.counts.active).toBe(0);
    await kit.stop();
  });

  test('quota, wildcard groups, and groups that may not consume', async () => {
    const kit = await Lites.make({ maxLiteSubscriptionCount: '2' });
    await kit.parent();
    await kit.bound('w', { '+lite.sub.wildcard': 'true' });
    expect((await kit.subscribe('c1', ['a', 'b'])).code).toBe(0);
    expect(await kit.subscribe('c2', ['c'])).toMatchObject({ code: 2018, remark: expect.stringContaining('lite subscription quota exceeded 2') });
    await kit.subscribe('c1', [], 'COMPLETE_REMOVE');
    expect(await kit.subscribe('w1', ['a'], 'PARTIAL_ADD', 'w')).toMatchObject({ code: 604 });
    expect((await kit.subscribe('w1', [], 'COMPLETE_ADD', 'w')).code).toBe(0);
    await kit.lite('x', 'x1');
    await kit.lite('y', 'y1');
    expect([...(await kit.take('w1', 32, 'w')).bodies].sort()).toEqual(['x1', 'y1']);
    expect(await kit.subscribe('c1', ['a/../b'])).toMatchObject({ code: 604 });
    expect(await kit.subscribe('c1', ['a'], 'SOMETHING')).toMatchObject({ code: 1 });
    await kit.stop();
  });

  test('in an exclusive group a lite topic has one client, the newest, also when that had it before', async () => {
    const kit = await Lites.make();
    await kit.parent();
    await kit.bound('e', { '+lite.sub.model': 'Exclusive', '+lite.sub.reset.offset.exclusive': 'true' });
    await kit.subscribe('c1', ['a'], 'PARTIAL_ADD', 'e');
    await kit.lite('a', 'a1');
    await kit.done(await kit.take('c1', 32, 'e'), 'e');
    await kit.subscribe('c2', ['a'], 'PARTIAL_ADD', 'e');
    expect(kit.c.peer.notified.map(({ code, ext }) => [code, ext])).toEqual([[200073, { clientId: 'c1', consumerGroup: 'e', liteTopic: 'a' }]]);
    expect(kit.counts.active).toBe(1);
    // The newcomer begins at the first message again, as the group asked for.
    await kit.lite('a', 'a2');
    expect((await kit.take('c2', 32, 'e')).bodies).toEqual(['a1', 'a2']);
    await kit.subscribe('c2', ['a'], 'PARTIAL_ADD', 'e');
    expect(kit.c.broker.lite.subscriptions.of('c2')?.queues.size).toBe(1);
    await kit.stop();
  });

  test('events that find no room come with a full dispatch', async () => {
    const kit = await Lites.make({ maxClientEventCount: '3', liteEventCheckInterval: '1000', liteEventFullDispatchDelayTime: '1000' });
    await kit.parent();
    const names = Array.from({ length: 8 }, (_, i) => `t${i}`);
    await kit.subscribe('c1', names);
    for (const name of names) await kit.lite(name, `of ${name}`);
    const found: string[] = [];
    for (let i = 0; i < 30 && found.length < names.length; i++) {
      const answer = await kit.take('c1');
      found.push(...answer.bodies);
      await kit.done(answer);
      await pass(kit.c, 1000);
    }
    expect(found.sort()).toEqual(names.map((name) => `of ${name}`));
    await kit.stop();
  });

  test('offsets of lite topics and of light groups outlive a restart, with and without enableLmq', async () => {
    let kit = await Lites.make();
    const { offsets } = kit.c.broker;
    offsets.commit('g', '%LMQ%$P$a@b', 0, 3, '');
    offsets.commit('%LMQ%lights', '%LMQ%x', 0, 4, '');
    offsets.commit('plain', 'T', 1, 5, '');
    await kit.stop();
    const text = kit.c.disk.list('/data/config').filter((name) => /onsumerOffset.json$/.test(name)).sort();
    expect(text).toEqual(['consumerOffset.json', 'lmqConsumerOffset.json']);
    const said = (of: Lites): number[] => [['g', '%LMQ%$P$a@b', 0] as const, ['%LMQ%lights', '%LMQ%x', 0] as const, ['plain', 'T', 1] as const].map(([group, topic, id]) => of.c.broker.offsets.query(group, topic, id));
    kit = await Lites.make({}, kit.c.disk, kit.c.clock.nowMs());
    expect(said(kit)).toEqual([3, 4, 5]);
    await kit.stop();
    kit = await Lites.make({ enableLmq: 'false' }, kit.c.disk, kit.c.clock.nowMs() + 10_000);
    expect(kit.c.broker.offsets.query('plain', 'T', 1)).toBe(5);
    kit.c.broker.offsets.commit('plain', 'T', 1, 6, '');
    kit.c.clock.advance(10_000);
    await kit.stop();
    kit = await Lites.make({}, kit.c.disk, kit.c.clock.nowMs() + 20_000);
    expect(kit.c.broker.offsets.query('plain', 'T', 1)).toBe(6);
    await kit.stop();
  });

  test('what the broker tells of them', async () => {
    const kit = await Lites.make();
    await kit.parent(',+lite.topic.expiration=60');
    await kit.subscribe('c1', ['a']);
    await kit.lite('a', 'a1', 'a2');
    await kit.done(await kit.take('c1', 1));
    expect((await kit.ask('GET_PARENT_TOPIC_INFO', { ext: { topic: 'P' } })).body).toBe('{"groups":["g"],"liteTopicCount":1,"lmqNum":1,"topic":"P","ttl":60}');
    expect((await kit.ask('GET_LITE_GROUP_INFO', { ext: { group: 'g', topK: '5' } })).body).toMatch(/"lagCountTopK":\[\{"earliestUnconsumedTimestamp":\d+,"lagCount":1,"liteTopic":"a"\}\],"lagTimestampTopK":\[\],"parentTopic":"P","totalLagCount":1/);
    expect((await kit.ask('GET_LITE_TOPIC_INFO', { ext: { parentTopic: 'P', liteTopic: 'a' } })).body).toMatch(/"shardingToBroker":true,"subscriber":\[\{"clientId":"c1","group":"g"\}\],"topicOffset":\{"lastUpdateTimestamp":\d+,"maxOffset":2,"minOffset":0\}/);
    expect((await kit.ask('GET_LITE_CLIENT_INFO', { ext: { parentTopic: 'P', group: 'g', clientId: 'nobody', maxCount: '3' } })).body).toContain('"liteTopicCount":-1');
    expect(await kit.ask('GET_LITE_GROUP_INFO', { ext: { group: 'g', topK: '0' } })).toMatchObject({ code: 1 });
    await kit.stop();
  });
});

test('order counts are told as Apache tells them', () => {
  expect(orderCountText('0 0 0', 3)).toBe('0;0;0');
  expect(orderCountText('0 0 2', 2)).toBe('2;2');
  expect(orderCountText('0 qo0%5 1;0 qo0%6 2;0 0 1', 2)).toBe('0 qo0%5 1;0 qo0%6 2');
});

test('a renewal names the lite topic', async () => {
  const clock = new ManualClock(1_700_000_000_000);
  const changed: unknown[] = [];
  const renewals = new Renewals(clock, (_client, renewal, handle, invisibleMs) => {
    changed.push([renewal.liteTopic, invisibleMs]);
    return Promise.resolve(handle);
  });
  const client = { peer: { onClose: () => undefined } } as unknown as ProxyClient;
  renewals.add(client, { group: 'g', topic: 'P', liteTopic: 'a', handle: `0 ${clock.nowMs()} 12000 999 0 broker-a 0 0 0` });
  expect(renewals.countOf(client)).toBe(1);
  clock.advance(5000);
  await Promise.resolve();
  expect(changed).toEqual([['a', 60_000]]);
  renewals.stop();
});
