import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Composed, Peer } from './testdata/composed.js';

let c: Composed;
beforeEach(async () => { c = await Composed.open(); });
afterEach(async () => { await c.stop(); });

interface Sub { readonly topic: string; readonly subVersion?: number; readonly tags?: readonly string[] }

function beat(clientID: string, groups: Readonly<Record<string, readonly Sub[]>>, more: object = {}, model = 'CLUSTERING'): string {
  return JSON.stringify({
    clientID, heartbeatFingerprint: 0, withoutSub: false, producerDataSet: [],
    consumerDataSet: Object.entries(groups).map(([groupName, subs]) => ({
      groupName, consumeType: 'CONSUME_PASSIVELY', messageModel: model, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', unitMode: false,
      subscriptionDataSet: subs.map(({ topic, subVersion = 1, tags = [] }) => ({
        topic, subVersion, subString: tags.join('||') || '*', tagsSet: tags, codeSet: [], expressionType: 'TAG', classFilterMode: false,
      })),
    })),
    ...more,
  });
}

const say = (peer: Peer, body: string) => c.ask('HEART_BEAT', { peer, body });
const told = (peer: Peer) => peer.notified.splice(0).map((request) => [request.code, request.ext?.['consumerGroup']]);

describe('heartbeats', () => {
  test('make the group, its retry topic and its members known', async () => {
    const peer = new Peer(1);
    const got = await say(peer, beat('c1', { g: [{ topic: 'T', tags: ['TagA'] }] }));
    expect(got).toMatchObject({ code: 0, ext: { IS_SUPPORT_HEART_BEAT_V2: 'true', IS_SUB_CHANGE: 'true' } });
    expect(c.broker.topics.get('%RETRY%g')?.config).toMatchObject({ readQueueNums: 1, perm: 6, order: false });
    expect((await c.ask('GET_CONSUMER_LIST_BY_GROUP', { ext: { consumerGroup: 'g' } })).body).toBe('{"consumerIdList":["c1"]}');
    const subscription = c.broker.consumers.subscription('g', 'T');
    expect([subscription?.subVersion, [...(subscription?.codeSet ?? [])]]).toEqual([1n, [2598919]]);
    expect(c.disk.content('/data/config/topics.json').toString()).toContain('%RETRY%g');
  });

  test('a version beyond 2^53 is kept exactly', async () => {
    await say(new Peer(1), beat('c1', { g: [] }).replace('"subscriptionDataSet":[]', '"subscriptionDataSet":[{"topic":"T","subString":"*","subVersion":1795360784549450123}]'));
    expect(c.broker.consumers.subscription('g', 'T')?.subVersion).toBe(1795360784549450123n);
  });

  test('joining, leaving and changed topics are told to all members once a turn; a newer version of the same topics is not', async () => {
    const [a, b] = [new Peer(1), new Peer(2)];
    await say(a, beat('a', { g: [{ topic: 'T' }] }));
    expect(told(a)).toEqual([[40, 'g']]);
    await say(a, beat('a', { g: [{ topic: 'T', subVersion: 2, tags: ['x'] }] }));
    expect(told(a)).toEqual([]);
    expect(c.broker.consumers.subscription('g', 'T')?.subString).toBe('x');
    await say(a, beat('a', { g: [{ topic: 'T', subVersion: 1 }] }));
    expect(c.broker.consumers.subscription('g', 'T')?.subString).toBe('x');
    await say(b, beat('b', { g: [{ topic: 'T' }, { topic: 'U' }] }));
    expect([told(a), told(b)]).toEqual([[[40, 'g']], [[40, 'g']]]);
    await c.ask('UNREGISTER_CLIENT', { peer: b, ext: { clientID: 'b', consumerGroup: 'g', producerGroup: 'none' } });
    expect([told(a), told(b)]).toEqual([[[40, 'g']], []]);
    await say(b, beat('b', { g: [{ topic: 'T' }, { topic: 'U' }] }));
    told(a);
    b.close();
    c.turn.run();
    expect(told(a)).toEqual([[40, 'g']]);
    expect(c.broker.consumers.clientIds('g')).toEqual(['a']);
  });

  test('a client that leaves makes its group when it is not there, as its heartbeat would', async () => {
    expect(c.broker.groups.get('left')).toBeUndefined();
    expect((await c.ask('UNREGISTER_CLIENT', { ext: { clientID: 'b', consumerGroup: 'left' } })).code).toBe(0);
    expect(c.broker.groups.get('left')?.groupName).toBe('left');
    expect((await c.ask('UNREGISTER_CLIENT', { ext: { clientID: 'b', consumerGroup: '../left' } })).code).toBe(0);
    expect(c.broker.groups.get('../left')).toBeUndefined();
  });

  test('broadcasting groups, and groups that do not want it, are not told', async () => {
    const peer = new Peer(1);
    await say(peer, beat('a', { bg: [{ topic: 'T' }] }, {}, 'BROADCASTING'));
    await c.ask('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP', { body: '{"groupName":"quiet","notifyConsumerIdsChangedEnable":false}' });
    await say(peer, beat('a', { quiet: [{ topic: 'T' }] }));
    expect(told(peer)).toEqual([]);
  });

  test('an order topic makes the retry topic one', async () => {
    c.broker.topics.createOnSend('O', 'TBW102', 'x', 4, 0);
    c.broker.topics.markOrdered(['O']);
    await say(new Peer(1), beat('a', { og: [{ topic: 'O' }] }));
    expect(c.broker.topics.get('%RETRY%og')?.config.order).toBe(true);
  });

  test('version 2 says what changed by its fingerprint', async () => {
    const peer = new Peer(1);
    const v2 = (fingerprint: number, withoutSub: boolean) => say(peer, beat('a', { g: withoutSub ? [] : [{ topic: 'T' }] }, { heartbeatFingerprint: fingerprint, withoutSub }));
    expect((await v2(7, false)).ext['IS_SUB_CHANGE']).toBe('false');
    expect((await v2(7, true)).ext['IS_SUB_CHANGE']).toBe('false');
    expect(c.broker.consumers.subscription('g', 'T')).toBeDefined();
    expect((await v2(8, true)).ext['IS_SUB_CHANGE']).toBe('true');
    peer.close();
    expect(c.broker.consumers.get('g')).toBeUndefined();
    peer.open = true;
    expect((await v2(8, true)).ext['IS_SUB_CHANGE']).toBe('true');
  });

  test('without auto-creation an unknown group is skipped silently', async () => {
    const closed = await Composed.open({ autoCreateSubscriptionGroup: 'false' });
    expect((await closed.ask('HEART_BEAT', { body: beat('a', { g: [{ topic: 'T' }] }) })).code).toBe(0);
    expect([closed.broker.consumers.get('g'), closed.broker.topics.get('%RETRY%g')]).toEqual([undefined, undefined]);
    await closed.stop();
  });

  test.each(['', '[]', '{', '{"consumerDataSet":5}', '{"clientID":{},"consumerDataSet":[5,{}],"producerDataSet":[null]}', '\xff'])('a body of %j neither fails nor registers', async (body) => {
    const got = await c.ask('HEART_BEAT', { body: Buffer.from(body, 'latin1') });
    expect([0, 1]).toContain(got.code);
    expect([...c.broker.consumers.all()]).toEqual([]);
  });

  test('silent clients are forgotten and disconnected after two minutes', async () => {
    await c.broker.start();
    const [old, fresh] = [new Peer(1), new Peer(2)];
    for (const peer of [old, fresh]) await say(peer, beat(`c${peer.id}`, { g: [{ topic: 'T' }] }, { producerDataSet: [{ groupName: 'p' }] }));
    c.clock.advance(100_000);
    await say(fresh, beat('c2', { g: [{ topic: 'T' }] }, { producerDataSet: [{ groupName: 'p' }] }));
    told(fresh);
    c.clock.advance(31_000);
    c.turn.run();
    expect([old.open, fresh.open, c.broker.consumers.clientIds('g'), c.broker.producers.get('p')?.size]).toEqual([false, true, ['c2'], 1]);
    expect(told(fresh)).toEqual([[40, 'g']]);
    expect(c.broker.producers.findByClientId('c1')).toBeUndefined();
  });
});

describe('checks and offsets', () => {
  test('filters other than tags are refused by name', async () => {
    const check = (expressionType?: string) => c.ask('CHECK_CLIENT_CONFIG', { body: JSON.stringify({ clientId: 'a', group: 'g', subscriptionData: { topic: 'T', subString: 'a > 1', expressionType } }) });
    expect((await check()).code).toBe(0);
    expect((await check('TAG')).code).toBe(0);
    expect(await check('SQL92')).toMatchObject({ code: 1, remark: 'The broker does not support consumer to filter message by SQL92' });
  });

  test('unknown offsets: zero while the first message is in memory, else not found', async () => {
    const query = (more: Record<string, string> = {}) => c.ask('QUERY_CONSUMER_OFFSET', { ext: { consumerGroup: 'g', topic: 'T', queueId: '0', ...more } });
    expect(await query()).toMatchObject({ code: 22, remark: 'Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first' });
    await c.send('T', 0);
    expect(await query()).toMatchObject({ code: 0, header: { offset: 0 } });
    expect(await query({ setZeroIfNotFound: 'false' })).toMatchObject({ code: 22, remark: 'Not found, do not set to zero, maybe this group boot first' });
    expect((await query({ queueId: '1' })).code).toBe(22);
  });

  test.each([
    [{ consumerGroup: 'none' }, 26, 'Group none not exist!'],
    [{ topic: 'None' }, 17, 'Topic None not exist!'],
    [{ queueId: '-1' }, 29, 'queueId is -1, allowed range [0, 65535], topic is BenchmarkTest'],
    [{ commitOffset: '9223372036854775807' }, 29, 'commitOffset is 9223372036854775807, allowed range [0, 9007199254740991], topic is BenchmarkTest'],
  ])('a commit with %j is refused', async (more, code, remark) => {
    const ext = { consumerGroup: 'TOOLS_CONSUMER', topic: 'BenchmarkTest', queueId: '0', commitOffset: '1', ...more } as Record<string, string>;
    expect(await c.ask('UPDATE_CONSUMER_OFFSET', { ext })).toMatchObject({ code, remark });
  });
});

describe('locks', () => {
  const queue = (queueId: number) => ({ brokerName: 'broker-a', queueId, topic: 'T' });
  const lock = async (clientId: string, ...ids: number[]) => {
    const got = await c.ask('LOCK_BATCH_MQ', { body: JSON.stringify({ consumerGroup: 'g', clientId, mqSet: ids.map(queue) }) });
    return (JSON.parse(got.body) as { lockOKMQSet: { queueId: number }[] }).lockOKMQSet.map((one) => one.queueId);
  };

  test('belong to whom took them, until a minute after the last renewal or their release', async () => {
    expect(await lock('a', 0, 1)).toEqual([0, 1]);
    expect(await lock('b', 1, 2)).toEqual([2]);
    c.clock.advance(50_000);
    expect(await lock('a', 0)).toEqual([0]);
    c.clock.advance(10_001);
    expect(await lock('b', 0, 1)).toEqual([1]);
    expect(c.broker.locks.anyLocked('g')).toBe(true);
    await c.ask('UNLOCK_BATCH_MQ', { body: JSON.stringify({ consumerGroup: 'g', clientId: 'b', mqSet: [queue(0), queue(1)] }) });
    expect(await lock('c', 0, 1)).toEqual([1]);
    c.clock.advance(60_001);
    expect(c.broker.locks.anyLocked('g')).toBe(false);
  });

  test('are answered as Apache does', async () => {
    const got = await c.ask('LOCK_BATCH_MQ', { body: '{"consumerGroup":"g","clientId":"a","mqSet":[{"topic":"TopicF","brokerName":"broker-a","queueId":0}]}' });
    expect(got).toMatchObject({ code: 0, remark: undefined, body: '{"lockOKMQSet":[{"brokerName":"broker-a","queueId":0,"topic":"TopicF"}]}' });
  });
});
