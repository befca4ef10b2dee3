import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Peer, settle } from '../broker/testdata/composed.js';
import { decodeMessages } from '../../codec/stored-message.js';
import type { DecodedMessage } from '../../codec/stored-message.js';
import { joined } from './pop-recover.js';
import { pass, Popping } from './testdata/popping.js';

let k: Popping;
beforeEach(async () => {
  k = await Popping.open();
  await k.topic('T', 1);
});
afterEach(async () => { await k.stop(); });

function first(messages: readonly DecodedMessage[]): DecodedMessage {
  const [message] = messages;
  if (message === undefined) throw new Error('no message');
  return message;
}

/** All records of a topic's queue. */
async function stored(topic: string, queueId = 0): Promise<readonly DecodedMessage[]> {
  const queue = k.c.store.existingQueue(topic, queueId);
  if (queue === undefined) return [];
  const all: DecodedMessage[] = [];
  for (let at = queue.minOffset; at < queue.maxOffset;) {
    const result = await k.c.store.get(queue, at, 32, 1 << 20, undefined);
    all.push(...decodeMessages(Buffer.concat([...result.slices])).messages);
    at = result.nextBeginOffset;
  }
  return all;
}

const reviveTopic = 'rmq_sys_REVIVE_LOG_DefaultCluster';

describe('a pop', () => {
  test('gives messages in order, says where they are, and hides them', async () => {
    await k.send('T', ['a', 'b', 'c']);
    const answer = await k.pop('T', 'g', { max: 2 });
    expect(answer).toMatchObject({ code: 0, remark: 'FOUND', bodies: ['a', 'b'], header: { invisibleTime: 60_000n, restNum: 1, startOffsetInfo: '0 0 0', msgOffsetInfo: '0 0 0,1' } });
    expect((await k.pop('T', 'g', { max: 2 })).bodies).toEqual(['c']);
    expect(await k.pop('T', 'g')).toMatchObject({ code: 210, remark: 'NO_MESSAGE_IN_QUEUE', bodies: [] });
    expect((await k.pop('T', 'other')).bodies).toEqual(['a', 'b', 'c']);
  });

  test('has its check point in the log before its answer leaves, as Apache writes it', async () => {
    await k.send('T', ['a', 'b']);
    const answer = await k.pop('T', 'g', { queueId: 0 });
    // Until its time it waits where every timer message waits.
    const records = await stored('rmq_sys_wheel_timer');
    expect(records.map((one) => one.body.toString())).toEqual([
      `{"bm":0,"bn":"broker-a","c":"g","d":[0,1],"it":60000,"n":2,"pt":${String(answer.header['popTime'])},"q":0,"reviveTime":${Number(answer.header['popTime']) + 60_000},"ro":0,"so":0,"sp":false,"t":"T"}`,
    ]);
    const properties = records[0]?.properties;
    expect(properties?.get('TAGS')).toBe('ck');
    expect(properties?.get('UNIQ_KEY')).toBe(`T@0@0@g@${String(answer.header['popTime'])}@broker-a@ck`);
    expect(properties?.get('TIMER_DELIVER_MS')).toBe(String(Number(answer.header['popTime']) + 59_000));
    expect(properties?.get('REAL_TOPIC')).toBe(reviveTopic);
    expect(properties?.get('REAL_QID')).toBe(String(answer.header['reviveQid']));
    await pass(k.c, 60_000);
    expect((await stored(reviveTopic, Number(answer.header['reviveQid']))).map((one) => one.properties.get('TAGS'))).toEqual(['ck']);
  });

  test('whose check point the disk does not take gives nothing, and nothing is lost', async () => {
    await k.send('T', ['a']);
    k.c.disk.fail('write', 'EIO', 1, /commitlog/);
    expect((await k.pop('T', 'g')).code).not.toBe(0);
    await pass(k.c, 2000);
    const again = await k.pop('T', 'g');
    if (again.code === 0) expect(again.bodies).toEqual(['a']);
    expect(k.c.broker.offsets.query('g', 'T', 0)).toBe(again.code === 0 ? 1 : 0);
  });

  test('of a new group begins where initMode says', async () => {
    await k.send('T', ['a', 'b', 'c']);
    expect((await k.pop('T', 'min', { ext: { initMode: '0' } })).bodies).toEqual(['a', 'b', 'c']);
    expect((await k.pop('T', 'max', { ext: { initMode: '1' } })).bodies).toEqual(['a', 'b', 'c']);
    const other = await Popping.open({ initPopOffsetByCheckMsgInMem: 'false' });
    await other.topic('T');
    await other.send('T', ['a', 'b', 'c']);
    expect((await other.pop('T', 'max', { ext: { initMode: '1' } })).bodies).toEqual(['c']);
    await other.stop();
  });

  test.each([
    ['unknown topic', { topic: 'nobody' }, 17],
    ['unknown group', { consumerGroup: 'no&such' }, 26],
    ['queue past the last', { queueId: '1' }, 29],
    ['too many', { maxMsgNums: '33' }, 29],
    ['born too long ago', { bornTime: '1' }, 210],
    ['an expression that means nothing', { exp: '||', expType: 'TAG' }, 23],
  ])('is refused: %s', async (_what, ext, code) => {
    expect((await k.pop('T', 'g', { ext })).code).toBe(code);
  });

  test('gives what its tags pass, and moves on over the rest', async () => {
    for (const tag of ['no', 'yes', 'no']) await k.send('T', [tag], 0, `TAGS\u0001${tag}\u0002`);
    expect((await k.pop('T', 'g', { ext: { exp: 'yes', expType: 'TAG' } })).bodies).toEqual(['yes']);
    await k.send('T', ['late'], 0, 'TAGS\u0001no\u0002');
    expect((await k.pop('T', 'g', { ext: { exp: 'yes', expType: 'TAG' } })).code).toBe(210);
    await pass(k.c, 500);
    expect(k.c.broker.offsets.query('g', 'T', 0)).toBe(4);
  });

  test('begins at an offset that was reset', async () => {
    await k.send('T', ['a', 'b', 'c']);
    await k.pop('T', 'g');
    k.c.broker.offsets.assignReset('g', 'T', 0, 1);
    expect((await k.pop('T', 'g')).bodies).toEqual(['b', 'c']);
    expect((await k.pop('T', 'g')).code).toBe(210);
  });
});

describe('a pop of a PRIORITY topic', () => {
  const open = async (settings: Readonly<Record<string, string>> = {}, factor?: string): Promise<Popping> => {
    const other = await Popping.open(settings);
    await other.ask('UPDATE_AND_CREATE_TOPIC', {
      ext: { topic: 'P', defaultTopic: 'TBW102', readQueueNums: '4', writeQueueNums: '4', perm: '6', topicFilterType: 'SINGLE_TAG', order: 'false', attributes: '+message.type=PRIORITY' },
    });
    if (factor !== undefined) await other.ask('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP', { body: JSON.stringify({ groupName: 'g', consumeEnable: true, consumeBroadcastEnable: true, attributes: { '+priority.factor': factor } }) });
    for (const queueId of [1, 3, 0, 2]) await other.send('P', [`q${queueId}`], queueId);
    return other;
  };
  const order = async (other: Popping): Promise<readonly string[]> => {
    const { bodies } = await other.pop('P', 'g');
    await other.stop();
    return bodies;
  };

  test('gives the highest priority first', async () => {
    expect(await order(await open())).toEqual(['q3', 'q2', 'q1', 'q0']);
  });

  test('gives the lowest first with priorityOrderAsc=false', async () => {
    expect(await order(await open({ priorityOrderAsc: 'false' }))).toEqual(['q0', 'q1', 'q2', 'q3']);
  });

  test('begins where chance says, here at queue 1, for a group whose priority.factor is 0', async () => {
    expect(await order(await open({}, '0'))).toEqual(['q1', 'q0', 'q3', 'q2']);
  });
});

describe('coming back', () => {
  test('what is acknowledged never does; the rest does after its time, from the retry topic, one delivery older', async () => {
    await k.send('T', ['acked', 'left'], 0, 'TAGS\u0001x\u0002KEYS\u0001k\u0002');
    const answer = await k.pop('T', 'g', { invisibleMs: 5000 });
    expect((await k.ack('g', answer, first(answer.messages))).code).toBe(0);
    await pass(k.c, 4900);
    expect((await k.pop('T', 'g')).code).toBe(210);
    await pass(k.c, 5000);
    const again = await k.pop('T', 'g', { invisibleMs: 5000 });
    expect(again.bodies).toEqual(['left']);
    const message = first(again.messages);
    expect(message).toMatchObject({ topic: 'T', reconsumeTimes: 1 });
    expect(message.properties.get('1ST_POP_TIME')).toBe(String(answer.header['popTime']));
    expect(message.properties.get('ORIGIN_GROUP')).toBe('g');
    expect(message.properties.get('TAGS')).toBe('x');
    expect(message.properties.get('POP_CK')).toBe(`0 ${String(again.header['popTime'])} 5000 ${String(again.header['reviveQid'])} 1 broker-a 0 0`);
    expect(again.header['msgOffsetInfo']).toBe('1 0 0');
    expect((await stored('%RETRY%g_T')).map((one) => one.topic)).toEqual(['%RETRY%g_T']);
    await pass(k.c, 10_000);
    const third = await k.pop('T', 'g', { invisibleMs: 5000 });
    expect(first(third.messages).reconsumeTimes).toBe(2);
    expect((await k.ack('g', third, first(third.messages))).code).toBe(0);
    await pass(k.c, 30_000);
    expect((await k.pop('T', 'g')).code).toBe(210);
    expect(k.c.broker.pop.revive.pending).toBe(0);
    expect(k.c.broker.pop.revive.revived).toBe(2);
  });

  test('under the name V2 where that is switched on', async () => {
    const v2 = await Popping.open({ enableRetryTopicV2: 'true', retrieveMessageFromPopRetryTopicV1: 'false' });
    await v2.topic('T');
    await v2.send('T', ['a']);
    await v2.pop('T', 'g', { invisibleMs: 1000 });
    await pass(v2.c, 9000);
    const again = await v2.pop('T', 'g');
    expect(first(again.messages).properties.get('POP_CK')).toContain(' 2 broker-a ');
    expect(v2.c.broker.topics.get('%RETRY%g+T')).toBeDefined();
    expect((await v2.ack('g', again, first(again.messages))).code).toBe(0);
    await v2.stop();
  });

  test('a batch acknowledges its bits and no other', async () => {
    await k.send('T', ['a', 'b', 'c']);
    const answer = await k.pop('T', 'g', { invisibleMs: 3000 });
    const entry = { c: 'g', t: 'T', r: '0', so: 0, q: 0, rq: Number(answer.header['reviveQid']), pt: Number(answer.header['popTime']), it: 3000, b: Buffer.of(0b101).toString('base64') };
    expect((await k.ask('BATCH_ACK_MESSAGE', { body: JSON.stringify({ brokerName: 'broker-a', acks: [entry] }) })).code).toBe(0);
    await pass(k.c, 8000);
    expect((await k.pop('T', 'g')).bodies).toEqual(['b']);
    expect((await k.ask('BATCH_ACK_MESSAGE')).code).toBe(208);
    expect((await k.ask('BATCH_ACK_MESSAGE', { body: '{"acks":[]}' })).code).toBe(208);
    expect((await k.ask('BATCH_ACK_MESSAGE', { body: '{' })).code).toBe(1);
  });

  test('changing the invisible time makes a new receipt; the old one no longer brings it back', async () => {
    await k.send('T', ['a', 'b']);
    const answer = await k.pop('T', 'g', { invisibleMs: 3000 });
    const changed = await k.change('g', answer, first(answer.messages), 20_000);
    // The same millisecond: the new check point must not be the old one.
    expect(changed).toMatchObject({ code: 0, header: { popTime: Number(answer.header['popTime']) + 1, invisibleTime: 20_000n, reviveQid: answer.header['reviveQid'] } });
    await pass(k.c, 8000);
    expect((await k.pop('T', 'g', { invisibleMs: 600_000 })).bodies).toEqual(['b']);
    await pass(k.c, 20_000);
    expect((await k.pop('T', 'g')).bodies).toEqual(['a']);
  });

  test('receipts that are made up are taken and mean nothing; those that are none are refused', async () => {
    await k.send('T', ['a']);
    const answer = await k.pop('T', 'g', { invisibleMs: 3000 });
    const message = first(answer.messages);
    const [start, pop, invisible, qid] = k.receipt(answer, message).split(' ');
    for (const extraInfo of [
      `${start ?? ''} ${Number(pop) - 5} ${invisible ?? ''} ${qid ?? ''} 0 broker-a 0 0`, `${start ?? ''} ${pop ?? ''} ${invisible ?? ''} 77 0 broker-a 0 0`,
      `${start ?? ''} ${pop ?? ''} ${invisible ?? ''} ${qid ?? ''} 0 somebody 0 0`, `9007199254740991 9007199254740991 9007199254740991 ${qid ?? ''} 0 broker-a 0 0`,
    ]) expect((await k.ack('g', answer, message, { extraInfo })).code).toBe(0);
    for (const extraInfo of ['', 'nonsense', '0 0 0 0 0', 'a b c d e f']) expect((await k.ack('g', answer, message, { extraInfo })).code).toBe(1);
    expect((await k.ack('g', answer, message, { queueId: '1' })).code).toBe(13);
    expect((await k.ack('g', answer, message, { queueId: '-1' })).code).toBe(13);
    expect(await k.ack('g', answer, message, { offset: '9' })).toMatchObject({ code: 208, remark: 'offset is illegal, key:T@0, commit:9, store:0~1' });
    expect((await k.ack('g', answer, message, { topic: 'nobody' })).code).toBe(17);
    await pass(k.c, 8000);
    expect((await k.pop('T', 'g')).bodies).toEqual(['a']);
  });

  test('a receipt whose time is over, or of another queue, is taken and acknowledges nothing', async () => {
    await k.send('T', ['late', 'kept']);
    const old = await k.pop('T', 'g', { invisibleMs: 3000 });
    await pass(k.c, 8000);
    // Both came back; the receipt of before does not count for what is given now.
    const again = await k.pop('T', 'g', { invisibleMs: 3000 });
    expect([...again.bodies].sort()).toEqual(['kept', 'late']);
    for (const message of old.messages) expect((await k.ack('g', old, message)).code).toBe(0);
    await pass(k.c, 8000);
    expect([...(await k.pop('T', 'g')).bodies].sort()).toEqual(['kept', 'late']);

    await k.topic('Two', 2);
    await k.send('Two', ['gone'], 1);
    const gone = await k.pop('Two', 'g');
    expect((await k.ack('g', gone, first(gone.messages))).code).toBe(0);
    await k.send('Two', ['in queue 0'], 0);
    await k.send('Two', ['in queue 1'], 1);
    const both = await k.pop('Two', 'g', { invisibleMs: 3000 });
    for (const message of both.messages) expect((await k.ack('g', both, message, { queueId: String(1 - message.queueId), offset: '0' })).code).toBe(0);
    await pass(k.c, 8000);
    expect([...(await k.pop('Two', 'g')).bodies].sort()).toEqual(['in queue 0', 'in queue 1']);
  });

  test('a message that was sent with a delay level is not delayed once more', async () => {
    await k.send('T', ['a'], 0, 'DELAY\u00013\u0002');
    await pass(k.c, 12_000);
    expect((await k.pop('T', 'g', { invisibleMs: 2000 })).bodies).toEqual(['a']);
    await pass(k.c, 9000);
    expect((await k.pop('T', 'g')).bodies).toEqual(['a']);
  });

  test('an acknowledgement that the disk does not take is refused', async () => {
    await k.send('T', ['a']);
    const answer = await k.pop('T', 'g', { invisibleMs: 3000 });
    k.c.disk.fail('write', 'EIO', 1, /commitlog/);
    expect(await k.ack('g', answer, first(answer.messages))).toMatchObject({ code: 1, remark: expect.stringContaining('could not be stored') as unknown });
  });

  test('acknowledgements of one turn to one check point are one record, as a batch is; each is answered, and the rest comes back', async () => {
    await k.send('T', ['a', 'b', 'c', 'd', 'e']);
    const answer = await k.pop('T', 'g', { invisibleMs: 3000 });
    const acked = [0, 2, 4, 2].map((i) => answer.messages[i] ?? first([]));
    const answers = await Promise.all(acked.map((message) => k.c.ask('ACK_MESSAGE', { ext: k.ackExt('g', answer, message) })));
    expect(answers.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    const records = (await stored('rmq_sys_wheel_timer')).map((one) => [one.properties.get('TAGS'), one.body.toString()]);
    expect(records.map(([tags]) => tags)).toEqual(['ck', 'bAck']);
    expect(records[1]?.[1]).toBe(`{"ao":-1,"aol":[0,2,4],"bn":"broker-a","c":"g","pt":${String(answer.header['popTime'])},"q":0,"so":0,"t":"T"}`);
    await pass(k.c, 8000);
    expect([...(await k.pop('T', 'g')).bodies].sort()).toEqual(['b', 'd']);
  });

  test('what the disk does not take of one turn is refused to each', async () => {
    await k.send('T', ['a', 'b']);
    const answer = await k.pop('T', 'g', { invisibleMs: 3000 });
    k.c.disk.fail('write', 'EIO', 1, /commitlog/);
    const answers = await Promise.all(answer.messages.map((message) => k.c.ask('ACK_MESSAGE', { ext: k.ackExt('g', answer, message) })));
    expect(answers.map(({ code }) => code)).toEqual([1, 1]);
  });

  test('its retry topic goes with a topic', async () => {
    await k.send('T', ['a']);
    await k.pop('T', 'g', { invisibleMs: 2000 });
    await pass(k.c, 9000);
    expect(k.c.broker.topics.get('%RETRY%g_T')).toBeDefined();
    expect((await k.ask('DELETE_TOPIC_IN_BROKER', { ext: { topic: 'T' } })).code).toBe(0);
    expect(k.c.broker.topics.get('%RETRY%g_T')).toBeUndefined();
  });

  test('nothing of a topic or group that is gone', async () => {
    await k.send('T', ['a']);
    await k.pop('T', 'g', { invisibleMs: 2000 });
    await k.ask('DELETE_SUBSCRIPTIONGROUP', { ext: { groupName: 'g', cleanOffset: 'true' } });
    await pass(k.c, 8000);
    expect(k.c.broker.pop.revive.pending).toBe(0);
    expect(k.c.broker.topics.get('%RETRY%g_T')).toBeUndefined();
  });
});

describe('waiting', () => {
  test('a pop is woken by a message, of its queue and its tags only', async () => {
    await k.topic('Q', 2);
    const any = k.popping('Q', 'g', { pollMs: 10_000 });
    const one = k.popping('Q', 'g', { queueId: 0, pollMs: 10_000, ext: { exp: 'yes', expType: 'TAG' } });
    await settle(k.c);
    const info = async (queueId: string): Promise<unknown> => (await k.ask('POLLING_INFO', { ext: { consumerGroup: 'g', topic: 'Q', queueId } })).header['pollingNum'];
    expect([await info('-1'), await info('0'), await info('1')]).toEqual([1, 1, 0]);
    await k.send('Q', ['elsewhere'], 1);
    expect((await any).bodies).toEqual(['elsewhere']);
    await k.send('Q', ['no'], 0, 'TAGS\u0001no\u0002');
    await settle(k.c);
    expect(await info('0')).toBe(1);
    await k.send('Q', ['yes'], 0, 'TAGS\u0001yes\u0002');
    expect((await one).bodies).toEqual(['yes']);
    expect(await info('0')).toBe(0);
  });

  test('a pop whose time is over is POLLING_TIMEOUT, one too many POLLING_FULL', async () => {
    const small = await Popping.open({ maxPopPollingSize: '1' });
    await small.topic('T');
    const waits = small.popping('T', 'g', { pollMs: 3000 });
    await settle(small.c);
    expect((await small.pop('T', 'g', { pollMs: 3000 })).code).toBe(209);
    await pass(small.c, 3250);
    expect((await waits).code).toBe(210);
    await small.stop();
  });

  test('a message that comes back wakes its group', async () => {
    await k.send('T', ['a']);
    await k.pop('T', 'g', { invisibleMs: 2000 });
    const waits = k.popping('T', 'g', { pollMs: 20_000 });
    await pass(k.c, 8000);
    expect((await waits).bodies).toEqual(['a']);
  });

  test('a pop whose connection is gone takes nothing', async () => {
    const peer = new Peer(8);
    void k.c.ask('POP_MESSAGE', { ext: k.popExt('T', 'g', { pollMs: 10_000 }), peer });
    await settle(k.c);
    peer.close();
    await k.send('T', ['a']);
    expect((await k.pop('T', 'g')).bodies).toEqual(['a']);
  });

  test('a notification tells, and takes nothing', async () => {
    const ext = (pollTime: string, more: Record<string, string> = {}): Record<string, string> =>
      ({ consumerGroup: 'g', topic: 'T', queueId: '-1', pollTime, bornTime: String(k.c.clock.nowMs()), ...more });
    expect((await k.ask('NOTIFICATION', { ext: ext('0') })).header).toEqual({ hasMsg: false, pollingFull: false });
    const waits = k.c.ask('NOTIFICATION', { ext: ext('5000') });
    await settle(k.c);
    await k.send('T', ['a'], 0, 'TAGS\u0001x\u0002');
    expect((await waits).header).toEqual({ hasMsg: true, pollingFull: false });
    expect((await k.ask('NOTIFICATION', { ext: ext('0', { exp: 'y', expType: 'TAG' }) })).header['hasMsg']).toBe(false);
    const peeked = await k.ask('PEEK_MESSAGE', { ext: { topic: 'T', queueId: '-1', maxMsgNums: '32', consumerGroup: 'g' } });
    expect(peeked.code).toBe(0);
    expect((await k.pop('T', 'g')).bodies).toEqual(['a']);
    expect((await k.ask('PEEK_MESSAGE', { ext: { topic: 'T', queueId: '0', maxMsgNums: '32', consumerGroup: 'g' } })).code).toBe(19);
  });

  test('answers of processors that make them first carry what they were made with, refusals too', async () => {
    const where = { consumerGroup: 'g', queueId: '0' };
    const later = { pollTime: '0', bornTime: String(k.c.clock.nowMs()), maxMsgNums: '1', invisibleTime: '1000', initMode: '0' };
    const remark = 'not set any response code';
    expect(await k.ask('NOTIFICATION', { ext: { ...where, ...later, topic: 'T' } })).toMatchObject({ code: 0, remark });
    expect(await k.ask('POLLING_INFO', { ext: { ...where, topic: 'T' } })).toMatchObject({ code: 0, remark, header: { pollingNum: 0 } });
    for (const [name, header] of [
      ['POP_MESSAGE', { popTime: 0n, invisibleTime: 0n, reviveQid: 0, restNum: 0n }], ['PEEK_MESSAGE', { popTime: 0n, invisibleTime: 0n, reviveQid: 0, restNum: 0n }],
      ['NOTIFICATION', { hasMsg: false, pollingFull: false }], ['POLLING_INFO', { pollingNum: 0 }],
    ] as const) {
      const refused = await k.ask(name, { ext: { ...where, ...later, topic: 'None' } });
      expect([name, refused.code, Object.entries(refused.header).map(([field, value]) => [field, String(value)])]).toEqual([name, 17, Object.entries(header).map(([field, value]) => [field, String(value)])]);
    }
  });
});

describe('in order', () => {
  const order = { order: 'true' };

  test('a queue is blocked until all in flight is acknowledged', async () => {
    await k.send('T', ['a', 'b', 'c']);
    const answer = await k.pop('T', 'g', { max: 2, ext: order });
    expect(answer).toMatchObject({ bodies: ['a', 'b'], header: { reviveQid: 999, orderCountInfo: '0 0 0' } });
    expect((await k.pop('T', 'g', { ext: order })).code).toBe(210);
    const waits = k.popping('T', 'g', { ext: order, pollMs: 20_000 });
    for (const message of answer.messages) expect((await k.ack('g', answer, message)).code).toBe(0);
    expect((await waits).bodies).toEqual(['c']);
    expect(k.c.broker.offsets.query('g', 'T', 0)).toBe(2);
    expect(await stored('rmq_sys_wheel_timer')).toEqual([]);
  });

  test('after its time the same comes again, counted; the same attempt is given it at once', async () => {
    await k.send('T', ['a', 'b']);
    await k.pop('T', 'g', { max: 1, invisibleMs: 3000, ext: { ...order, attemptId: 'one' } });
    expect((await k.pop('T', 'g', { max: 1, invisibleMs: 3000, ext: { ...order, attemptId: 'one' } })).bodies).toEqual(['a']);
    const waits = k.popping('T', 'g', { max: 2, ext: { ...order, attemptId: 'two' }, pollMs: 20_000 });
    await pass(k.c, 3500);
    expect(await waits).toMatchObject({ bodies: ['a', 'b'], header: { orderCountInfo: '0 qo0%0 1;0 0 0' } });
  });

  test('changing the invisible time keeps the receipt; an acknowledgement of another pop is ignored, of another offset illegal', async () => {
    await k.send('T', ['a', 'b']);
    const answer = await k.pop('T', 'g', { max: 1, invisibleMs: 3000, ext: order });
    const message = first(answer.messages);
    await pass(k.c, 1000);
    expect(await k.change('g', answer, message, 10_000)).toMatchObject({ code: 0, header: { popTime: answer.header['popTime'], invisibleTime: 11_000, reviveQid: 999 } });
    await pass(k.c, 5000);
    expect((await k.pop('T', 'g', { ext: order })).code).toBe(210);
    const extraInfo = `0 ${Number(answer.header['popTime']) - 1} 3000 999 0 broker-a 0 0`;
    expect((await k.ack('g', answer, message, { extraInfo })).code).toBe(0);
    expect((await k.pop('T', 'g', { ext: order })).code).toBe(210);
    expect((await k.ack('g', answer, message, { offset: '1' })).code).toBe(13);
    expect((await k.ack('g', answer, message)).code).toBe(0);
    expect((await k.pop('T', 'g', { ext: order })).bodies).toEqual(['b']);
  });
});

describe.each(['stop', 'kill'] as const)('after a %s', (how) => {
  test('what was not acknowledged comes back after its time; what was acknowledged stays so', async () => {
    await k.send('T', ['acked', 'left']);
    const answer = await k.pop('T', 'g', { invisibleMs: 8000 });
    expect((await k.ack('g', answer, first(answer.messages))).code).toBe(0);
    await pass(k.c, 6000);
    k = await k.restart(how);
    expect((await k.pop('T', 'g')).code).toBe(210);
    await pass(k.c, 8000);
    const again = await k.pop('T', 'g', { invisibleMs: 600_000 });
    expect(again.bodies).toEqual(['left']);
    k = await k.restart(how);
    await pass(k.c, 10_000);
    expect(k.c.broker.pop.revive.revived).toBe(0);
    expect((await stored('%RETRY%g_T')).length).toBe(1);
  });

  test('an orderly batch still blocks its queue, and modes are as they were set', async () => {
    await k.send('T', ['a', 'b', 'c']);
    const answer = await k.pop('T', 'g', { max: 2, invisibleMs: 20_000, ext: { order: 'true' } });
    await k.ack('g', answer, first(answer.messages));
    await k.ask('SET_MESSAGE_REQUEST_MODE', { body: JSON.stringify({ topic: 'T', consumerGroup: 'g', mode: 'POP', popShareQueueNum: 2 }) });
    await pass(k.c, 6000);
    k = await k.restart(how);
    expect((await k.pop('T', 'g', { ext: { order: 'true' } })).code).toBe(210);
    await pass(k.c, 16_000);
    expect((await k.pop('T', 'g', { ext: { order: 'true' } }))).toMatchObject({ bodies: ['b', 'c'], header: { orderCountInfo: '0 qo0%1 1;0 0 0' } });
    const modes = await k.ask('GET_ALL_MESSAGE_REQUEST_MODE');
    expect(modes.body).toBe('{"messageRequestModeMap":{"T":{"g":{"consumerGroup":"g","mode":"POP","popShareQueueNum":2,"topic":"T"}}}}');
  });
});

describe('after a kill before offsets were saved', () => {
  test('nobody is given again what was popped since', async () => {
    await k.send('T', ['a', 'b', 'c', 'd']);
    for (let i = 0; i < 2; i++) {
      const answer = await k.pop('T', 'g', { max: 1 });
      expect((await k.ack('g', answer, first(answer.messages))).code).toBe(0);
    }
    expect((await k.pop('T', 'g', { max: 1, invisibleMs: 3000 })).bodies).toEqual(['c']);
    k = await k.restart('kill');
    expect((await k.pop('T', 'g')).bodies).toEqual(['d']);
    await pass(k.c, 10_000);
    expect((await k.pop('T', 'g')).bodies).toEqual(['c']);
    await pass(k.c, 20_000);
    expect((await k.pop('T', 'g')).code).toBe(210);
  });

  test('spans join up to a gap', () => {
    expect(joined(5, [{ start: 8, end: 10 }, { start: 5, end: 8 }, { start: 11, end: 12 }])).toBe(10);
    expect(joined(5, [{ start: 2, end: 4 }, { start: 3, end: 7 }])).toBe(7);
    expect(joined(-1, [{ start: 4, end: 5 }, { start: 2, end: 4 }])).toBe(5);
    expect(joined(5, [])).toBe(5);
  });
});
