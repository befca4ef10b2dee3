import { beforeEach, describe, expect, test } from '@jest/globals';
import { decodeMessages } from '../../codec/stored-message.js';
import { silentLog } from '../../remoting/clocks.js';
import { ColdDataControl } from '../flow/cold-data.js';
import { FlowControl } from '../flow/flow-control.js';
import { createPull } from './pull.js';
import type { Pull } from './pull.js';
import { createSend } from './send.js';
import type { Send } from './send.js';
import { tagFilterOf, parseSubscription } from './subscription.js';
import { FakeConnection, Kit, sendFields } from './testdata/kit.js';
import type { Answered } from './testdata/kit.js';
import type { Subscription } from './types.js';

const faq = '\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.';

let kit: Kit;
let send: Send;
let pull: Pull;

beforeEach(() => {
  kit = new Kit();
  send = createSend(kit.ctx, [1000]);
  pull = createPull(kit.ctx);
  kit.topic('T');
});

function subscription(text: string, type: string | undefined = 'TAG', version = 5n): Subscription {
  const parsed = parseSubscription('T', text, type, version);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

/** Stores messages with these tags in queue 1 of T and ends the turn. */
function store(...tags: string[]): void {
  for (const tag of tags) {
    kit.fast(send.fast.SEND_MESSAGE_V2, kit.frame('SEND_MESSAGE_V2', sendFields({ i: `TAGS\u0001${tag}\u0002` }), Buffer.from(tag)), new FakeConnection(9));
  }
  kit.endTurn();
}

/** sysFlag 4: the subscription is in the request. */
function fields(more: Record<string, string> = {}): Record<string, string> {
  return {
    consumerGroup: 'g', topic: 'T', queueId: '1', queueOffset: '0', maxMsgNums: '32', sysFlag: '4', commitOffset: '0', suspendTimeoutMillis: '15000',
    subscription: '*', subVersion: '5', expressionType: 'TAG', maxMsgBytes: '262144', ...more,
  };
}

type Way = 'slow' | 'fast';

async function run(way: Way, more: Record<string, string> = {}, name: 'PULL_MESSAGE' | 'LITE_PULL_MESSAGE' = 'PULL_MESSAGE'): Promise<Answered | undefined> {
  const frame = kit.frame(name, fields(more));
  if (way === 'slow' || !kit.fast(pull.fast[name], frame)) await kit.slow(pull.handlers, name, frame);
  await kit.settle();
  return kit.connection.take()[0];
}

describe.each<Way>(['slow', 'fast'])('%s path', (way) => {
  describe('checks', () => {
    test('broker permission', async () => {
      kit.config.brokerPermission = 2;
      expect(await run(way)).toMatchObject({ code: 16, remark: 'the broker[127.0.0.1] pulling message is forbidden', ext: { forbiddenType: '1' } });
    });

    test('lite pull', async () => {
      kit.config.litePullMessageEnable = false;
      expect(await run(way, {}, 'LITE_PULL_MESSAGE')).toMatchObject({
        code: 16, remark: 'the broker[127.0.0.1] for lite pull consumer is forbidden', ext: { forbiddenType: '1' },
      });
      expect((await run(way))?.code).toBe(19);
    });

    test('group', async () => {
      kit.group('off', { consumeEnable: false });
      expect(await run(way, { consumerGroup: 'off' })).toMatchObject({ code: 16, remark: 'subscription group no permission, off', ext: { forbiddenType: '2' } });
      kit.autoCreateGroup = false;
      expect(await run(way, { consumerGroup: 'none' })).toMatchObject({ code: 26, remark: `subscription group [none] does not exist, ${faq}` });
    });

    test('topic', async () => {
      expect(await run(way, { topic: 'None' })).toMatchObject({ code: 17, remark: `topic[None] not exist, apply first please! ${faq}` });
      kit.topic('W', { perm: 2 });
      expect(await run(way, { topic: 'W' })).toMatchObject({ code: 16, remark: 'the topic[W] pulling message is forbidden', ext: { forbiddenType: '3' } });
    });

    test.each(['4', '-1'])('queue id %s', async (queueId) => {
      expect(await run(way, { queueId })).toMatchObject({
        code: 29, remark: `queueId[${queueId}] is illegal, topic:[T] topicConfig.readQueueNums:[4] consumer:[/127.0.0.1:4321]`,
      });
    });

    test('registered subscriptions', async () => {
      const asked = { sysFlag: '0' };
      expect(await run(way, asked)).toMatchObject({ code: 24, remark: `the consumer's group info not exist${faq}` });
      kit.consumer('g', []);
      expect(await run(way, asked)).toMatchObject({ code: 24, remark: `the consumer's subscription not exist${faq}` });
      kit.consumer('g', [subscription('*', 'TAG', 4n)]);
      expect(await run(way, asked)).toMatchObject({ code: 25, remark: "the consumer's subscription not latest" });
      kit.consumer('g', [subscription('*')]);
      expect((await run(way, asked))?.code).toBe(19);
      kit.forbidden.add('g@T@2');
      expect(await run(way, asked)).toMatchObject({ code: 16, remark: 'the consumer group[g] is forbidden for topic[T]', ext: { forbiddenType: '5' } });
      kit.consumer('g', [subscription('*')], 'BROADCASTING');
      kit.group('g', { consumeBroadcastEnable: false });
      expect(await run(way, asked)).toMatchObject({ code: 16, remark: 'the consumer group[g] can not consume by broadcast way', ext: { forbiddenType: '4' } });
    });

    test('filter expressions', async () => {
      expect(await run(way, { subscription: '||' })).toMatchObject({ code: 23, remark: "parse the consumer's subscription failed" });
      expect(await run(way, { subscription: 'a > 1', expressionType: 'SQL92' })).toMatchObject({
        code: 1, remark: 'The broker does not support consumer to filter message by SQL92',
      });
    });

    test('lite topics', async () => {
      // The lite topic has a queue of its own, which is empty.
      expect(await run(way, { liteTopic: 'l', queueOffset: '0', sysFlag: '4' })).toMatchObject({ code: 19 });
    });
  });

  test('messages found', async () => {
    store('a', 'b', 'c');
    kit.topic('T', { topicSysFlag: 3 });
    kit.group('g', { groupSysFlag: 1, brokerId: 7 });
    const answer = await run(way, { maxMsgNums: '2' });
    expect(answer).toMatchObject({
      code: 0, remark: 'FOUND',
      ext: { nextBeginOffset: '2', minOffset: '0', maxOffset: '3', suggestWhichBrokerId: '0', topicSysFlag: '3', groupSysFlag: '1' },
    });
    expect(decodeMessages(answer?.body ?? Buffer.alloc(0)).messages.map((message) => message.body.toString())).toEqual(['a', 'b']);
    kit.config.slaveReadEnable = true;
    expect((await run(way))?.ext['suggestWhichBrokerId']).toBe('7');
    kit.store.fallenBehind = true;
    expect((await run(way))?.ext['suggestWhichBrokerId']).toBe('1');
  });

  test('no maximum is one message', async () => {
    store('a', 'b');
    expect((await run(way, { maxMsgNums: '0' }))?.ext['nextBeginOffset']).toBe('1');
  });

  test('large messages', async () => {
    kit.fast(send.fast.SEND_MESSAGE_V2, kit.frame('SEND_MESSAGE_V2', sendFields(), Buffer.alloc(100_000, 'z')));
    kit.endTurn();
    kit.connection.take();
    expect(decodeMessages((await run(way))?.body ?? Buffer.alloc(0)).messages[0]?.body).toEqual(Buffer.alloc(100_000, 'z'));
  });

  test('tags', async () => {
    store('a', 'b', 'a');
    expect(decodeMessages((await run(way, { subscription: 'b || x' }))?.body ?? Buffer.alloc(0)).messages.map((one) => one.queueOffset)).toEqual([1]);
    expect(await run(way, { subscription: 'x' })).toMatchObject({ code: 20, remark: 'NO_MATCHED_MESSAGE', ext: { nextBeginOffset: '3' } });
  });

  test.each([
    ['2', 19, 'OFFSET_OVERFLOW_ONE', '2'],
    ['3', 21, 'OFFSET_OVERFLOW_BADLY', '2'],
    ['9223372036854775807', 21, 'OFFSET_OVERFLOW_BADLY', '2'],
    ['-1', 21, 'OFFSET_TOO_SMALL', '0'],
  ])('offset %s of two messages', async (queueOffset, code, remark, next) => {
    store('a', 'b');
    expect(await run(way, { queueOffset })).toMatchObject({ code, remark, ext: { nextBeginOffset: next, minOffset: '0', maxOffset: '2' } });
  });

  test('an empty queue', async () => {
    expect(await run(way)).toMatchObject({ code: 19, remark: 'NO_MESSAGE_IN_QUEUE', ext: { nextBeginOffset: '0' } });
    expect(await run(way, { queueOffset: '5' })).toMatchObject({ code: 21, remark: 'NO_MESSAGE_IN_QUEUE' });
  });

  test('offsets are noted, and committed when asked', async () => {
    store('a', 'b');
    await run(way, { commitOffset: '7' });
    expect(kit.pulled.get('g@T@1')).toBe(2);
    expect(kit.committed.size).toBe(0);
    await run(way, { sysFlag: '5', commitOffset: '7' });
    expect(kit.committed.get('g@T@1')).toBe(7);
  });

  test('a reset waits for the next pull', async () => {
    store('a', 'b');
    kit.resets.set('g@T@1', 1);
    expect(await run(way)).toMatchObject({ code: 21, remark: 'OFFSET_RESET', ext: { nextBeginOffset: '1', minOffset: '0', maxOffset: '2' } });
    expect((await run(way))?.code).toBe(0);
    kit.config.useServerSideResetOffset = false;
    kit.resets.set('g@T@1', 1);
    expect((await run(way))?.code).toBe(0);
    expect(kit.resets.size).toBe(0);
  });

  test('cold reads', async () => {
    store('a');
    kit.store.slowReads = true;
    expect((await run(way))?.code).toBe(0);
  });

  describe('long polling', () => {
    const suspend = { sysFlag: '6' };

    test('an arrival wakes, within its turn', async () => {
      expect(await run(way, suspend)).toBeUndefined();
      expect(pull.hold.count).toBe(1);
      store('a');
      expect(kit.connection.take()[0]).toMatchObject({ code: 0, remark: 'FOUND', ext: { nextBeginOffset: '1' } });
      expect(pull.hold.count).toBe(0);
    });

    test('only what passes the filter wakes; the round passes over the rest', async () => {
      await run(way, { ...suspend, subscription: 'b' });
      store('a');
      expect(kit.connection.take()).toEqual([]);
      store('a', 'b');
      expect(kit.connection.take()[0]).toMatchObject({ code: 0, ext: { nextBeginOffset: '3' } });
      await run(way, { ...suspend, queueOffset: '3', subscription: 'b' });
      store('a');
      expect(kit.connection.take()).toEqual([]);
      kit.clock.advance(5250);
      expect(kit.connection.take()[0]).toMatchObject({ code: 20, remark: 'NO_MATCHED_MESSAGE', ext: { nextBeginOffset: '4' } });
    });

    test('an arrival in another queue does not wake', async () => {
      await run(way, { ...suspend, queueId: '2' });
      store('a');
      expect(kit.connection.take()).toEqual([]);
    });

    test('time up is PULL_NOT_FOUND, and no timer stays', async () => {
      await run(way, suspend);
      kit.clock.advance(14_999);
      expect(kit.connection.take()).toEqual([]);
      kit.clock.advance(251);
      expect(kit.connection.take()[0]).toMatchObject({ code: 19, remark: 'NO_MESSAGE_IN_QUEUE' });
      kit.clock.advance(500);
      expect(kit.clock.pending).toBe(0);
    });

    test('short polling', async () => {
      kit.config.longPollingEnable = false;
      await run(way, suspend);
      kit.clock.advance(1250);
      expect(kit.connection.take()[0]?.code).toBe(19);
    });

    test('a woken request passes the checks again and commits nothing', async () => {
      await run(way, { sysFlag: '7', commitOffset: '3' });
      expect(kit.committed.get('g@T@1')).toBe(3);
      kit.committed.clear();
      store('a');
      expect(kit.connection.take()[0]?.code).toBe(0);
      expect(kit.committed.size).toBe(0);
      await run(way, { sysFlag: '7', queueOffset: '1' });
      kit.group('g', { consumeEnable: false });
      store('a');
      expect(kit.connection.take()[0]?.code).toBe(16);
    });

    test('a closed connection is dropped', async () => {
      await run(way, suspend);
      kit.connection.close();
      kit.clock.advance(250);
      expect(pull.hold.count).toBe(0);
      store('a');
      expect(kit.connection.take()).toEqual([]);
    });

    test('a message that came while the read was cold is not waited for', async () => {
      kit.store.slowReads = true;
      const frame = kit.frame('PULL_MESSAGE', fields(suspend));
      const done = way === 'fast' ? Promise.resolve(kit.fast(pull.fast.PULL_MESSAGE, frame)) : kit.slow(pull.handlers, 'PULL_MESSAGE', frame);
      store('a');
      await done;
      await kit.settle();
      expect(kit.connection.take()[0]).toMatchObject({ code: 0, remark: 'FOUND' });
    });

    test('many wait on one queue, and stop lets go of them', async () => {
      for (let i = 0; i < 200; i++) kit.fast(pull.fast.PULL_MESSAGE, kit.frame('PULL_MESSAGE', fields(suspend)));
      expect(pull.hold.count).toBe(200);
      store('a');
      expect(kit.connection.take()).toHaveLength(200);
      kit.fast(pull.fast.PULL_MESSAGE, kit.frame('PULL_MESSAGE', fields({ ...suspend, queueOffset: '1' })));
      pull.stop();
      expect(pull.hold.count).toBe(0);
      expect(kit.clock.pending).toBe(0);
    });
  });
});

describe('flow control', () => {
  test('rules: no more messages than may pass, then FLOW_CONTROL; other groups go on', async () => {
    const file = { stamp: () => '1', read: () => JSON.stringify([{ resource: 'g:T', count: 3 }]) };
    const flow = new FlowControl({ clock: kit.clock, log: silentLog, file });
    flow.look();
    pull = createPull(kit.ctx, { flow });
    store('a', 'a', 'a', 'a', 'a');
    expect(await run('fast')).toMatchObject({ code: 0, ext: { nextBeginOffset: '3' } });
    expect(await run('slow', { queueOffset: '3' })).toMatchObject({ code: 215 });
    expect(await run('fast', { consumerGroup: 'h' })).toMatchObject({ code: 0, ext: { nextBeginOffset: '5' } });
    kit.clock.advance(1500);
    expect(await run('fast', { queueOffset: '3' })).toMatchObject({ code: 0, ext: { nextBeginOffset: '5' } });
    // What finds nothing takes nothing.
    for (let i = 0; i < 5; i++) expect(await run('fast', { queueOffset: '5' })).toMatchObject({ code: 19 });
  });

  test('a limiter delays the answer', async () => {
    const file = { stamp: () => '1', read: () => JSON.stringify([{ resource: 'g:T', count: 10, controlBehavior: 2, maxQueueingTimeMs: 150 }]) };
    const flow = new FlowControl({ clock: kit.clock, log: silentLog, file });
    flow.look();
    pull = createPull(kit.ctx, { flow });
    store('a', 'a', 'a');
    expect(await run('fast', { maxMsgNums: '1' })).toMatchObject({ code: 0 });
    expect(await run('fast', { queueOffset: '1' })).toBeUndefined();
    kit.clock.advance(100);
    await kit.settle();
    expect(kit.connection.take()[0]).toMatchObject({ code: 0, ext: { nextBeginOffset: '2' } });
  });

  test('cold reads: a push consumer comes again, a pull consumer waits and gets one message', async () => {
    kit.config.coldDataFlowControlEnable = true;
    kit.config.cgColdReadThreshold = 10;
    const cold = new ColdDataControl(kit.config, kit.clock);
    cold.start();
    pull = createPull(kit.ctx, { cold });
    store('a', 'a', 'a');
    kit.store.cached = false;
    cold.read('g', 10);
    expect(await run('fast')).toMatchObject({ code: 0 });
    kit.consumer('g', []);
    expect(await run('fast')).toMatchObject({ code: 2, remark: 'This consumer group is reading cold data. It has been flow control' });
    const group = kit.consumers.get('g');
    if (group !== undefined) kit.consumers.set('g', { ...group, consumeType: 'CONSUME_ACTIVELY' });
    expect(await run('fast')).toBeUndefined();
    kit.clock.advance(5000);
    await kit.settle();
    expect(kit.connection.take()[0]).toMatchObject({ code: 0, ext: { nextBeginOffset: '1' } });
    kit.store.cached = true;
    cold.read('g', 10);
    expect(await run('fast')).toMatchObject({ code: 0, ext: { nextBeginOffset: '3' } });
    cold.stop();
  });
});

test('the fast path takes the common shape, and nothing odd', () => {
  const taken = (more: Record<string, string>): boolean => kit.fast(pull.fast.PULL_MESSAGE, kit.frame('PULL_MESSAGE', fields(more)));
  expect(taken({})).toBe(true);
  for (const odd of [{ requestSource: '1' }, { liteTopic: 'l' }, { topic: 'None' }, { queueId: 'x' }, { subVersion: '9223372036854775807' }, { maxMsgBytes: 'x' }]) {
    expect(taken(odd)).toBe(false);
  }
});

describe('subscriptions', () => {
  test.each<[string | undefined, string, string[]]>([
    [undefined, '*', []], ['', '*', []], ['*', '*', []],
    ['a', 'a', ['a']], [' a || b||', ' a || b||', ['a', 'b']], ['|| ||a', '|| ||a', ['a']], ['|| ||', '|| ||', []],
  ])('%j', (text, subString, tags) => {
    const parsed = parseSubscription('T', text, 'TAG', 1n);
    expect(parsed).toMatchObject({ subString, tagsSet: new Set(tags), expressionType: 'TAG' });
  });

  test('texts that mean nothing', () => {
    expect(parseSubscription('T', '||', undefined, 1n)).toBe('subString split error');
    expect(parseSubscription('T', '', 'SQL92', 1n)).toBe("Expression can't be null! SQL92");
  });

  test('codes are compared as int32', () => {
    const filter = tagFilterOf(subscription('a'));
    expect(filter?.matchesEntry(97)).toBe(true);
    expect(filter?.matchesEntry(0x100000000 + 97)).toBe(true);
    expect(filter?.matchesEntry(98)).toBe(false);
    expect(tagFilterOf(subscription('*'))).toBeUndefined();
    expect(tagFilterOf({ ...subscription('a'), classFilterMode: true })).toBeUndefined();
  });
});
