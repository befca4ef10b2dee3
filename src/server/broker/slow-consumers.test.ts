import { afterEach, describe, expect, test } from '@jest/globals';
import { Composed, Peer, type Answer } from './testdata/composed.js';

let c: Composed;
afterEach(async () => { await c.stop(); });

const periodMs = 180_000;
const tick = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) {
    c.turn.run();
    await new Promise<void>((resolve) => { setImmediate(resolve); });
  }
};

/** A client of the group that says every half minute that it is there. */
async function beat(group: string, peer: Peer): Promise<void> {
  const subscription = { topic: 'T', subString: '*', subVersion: 1, expressionType: 'TAG', tagsSet: [], codeSet: [], classFilterMode: false };
  await c.ask('HEART_BEAT', { peer, body: JSON.stringify({ clientID: `${group}@1`, producerDataSet: [], consumerDataSet: [{ groupName: group, consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', subscriptionDataSet: [subscription] }] }) });
}

async function pass(groups: readonly (readonly [string, Peer])[]): Promise<void> {
  for (let waited = 0; waited < periodMs; waited += 30_000) {
    c.clock.advance(30_000);
    for (const [group, peer] of groups) await beat(group, peer);
    await tick();
  }
}

const pull = (group: string, offset: number): Promise<Answer> => c.ask('PULL_MESSAGE', { ext: {
  consumerGroup: group, topic: 'T', queueId: '0', queueOffset: String(offset), maxMsgNums: '1', sysFlag: '4', commitOffset: '0', suspendTimeoutMillis: '0', subscription: '*', subVersion: '1', expressionType: 'TAG',
} });

async function open(settings: Record<string, string>): Promise<readonly (readonly [string, Peer])[]> {
  c = await Composed.open({ channelExpiredTimeout: '600000', ...settings });
  await c.broker.start();
  await c.ask('UPDATE_AND_CREATE_TOPIC', { ext: { topic: 'T', defaultTopic: 'TBW102', readQueueNums: '1', writeQueueNums: '1', perm: '6', topicFilterType: 'SINGLE_TAG', order: 'false' } });
  for (let i = 0; i < 20; i++) await c.send('T', 0, 'x'.repeat(500));
  const groups = [['slow', new Peer(31)], ['fast', new Peer(32)], ['fresh', new Peer(33)]] as const;
  for (const [group, peer] of groups) await beat(group, peer);
  expect((await pull('slow', 0)).code).toBe(0);
  expect((await pull('fast', 18)).code).toBe(0);
  return groups;
}

const allowed = (): Record<string, boolean | undefined> => Object.fromEntries(['slow', 'fast', 'fresh'].map((group) => [group, c.broker.groups.get(group)?.consumeEnable]));

describe('disableConsumeIfConsumerReadSlowly', () => {
  test('forbids consuming to a group that is too far behind, and to no other', async () => {
    const groups = await open({ disableConsumeIfConsumerReadSlowly: 'true', consumerFallbehindThreshold: '5000' });
    await pass(groups);
    expect(allowed()).toEqual({ slow: false, fast: true, fresh: true });
    expect((await pull('slow', 1)).code).toBe(16);
    // An operator allows it again, and it is allowed until it is found behind once more.
    await c.ask('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP', { body: JSON.stringify({ groupName: 'slow', consumeEnable: true }) });
    expect((await pull('slow', 19)).code).toBe(0);
    await pass(groups);
    expect(allowed()).toEqual({ slow: true, fast: true, fresh: true });
  });

  test('leaves a group alone that has no clients', async () => {
    const [, ...others] = await open({ disableConsumeIfConsumerReadSlowly: 'true', consumerFallbehindThreshold: '5000' });
    for (const group of c.broker.consumers.all()) if (group.group === 'slow') for (const client of group.clients.values()) c.broker.consumers.connectionClosed(client.connection);
    await pass(others);
    expect(allowed().slow).toBe(true);
  });

  test('is off unless told otherwise, and may be switched on', async () => {
    const groups = await open({ consumerFallbehindThreshold: '5000' });
    await pass(groups);
    expect(allowed().slow).toBe(true);
    expect((await c.ask('UPDATE_BROKER_CONFIG', { body: 'disableConsumeIfConsumerReadSlowly=true' })).code).toBe(0);
    await pass(groups);
    expect(allowed().slow).toBe(false);
  });
});
