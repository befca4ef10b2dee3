import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeBatch } from '../../codec/batch.js';
import { javaStringHash } from '../../compat/java-string-hash.js';
import type { PutStatus } from '../../store/types.js';
import { parseDelayLevels } from './delay-levels.js';
import { createSend } from './send.js';
import type { Send } from './send.js';
import { unservedKinds } from './send-checks.js';
import { FakeConnection, Kit, sendFields } from './testdata/kit.js';
import type { Answered } from './testdata/kit.js';

const faq = '\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.';
const key = 'FD000000000000000000000000000002081230946E096F68D8780000';
const body = Buffer.from('hello');

let kit: Kit;
let send: Send;

function start(): void {
  kit = new Kit();
  const delays = parseDelayLevels(kit.config.messageDelayLevel);
  if (typeof delays === 'string') throw new Error(delays);
  send = createSend(kit.ctx, delays);
  kit.topic('T');
}

beforeEach(start);

/** Sends the ordinary way and ends the turn. */
async function slow(fields: Record<string, string>, bytes: Buffer | undefined = body, version = 513): Promise<Answered> {
  await kit.slow(send.handlers, 'SEND_MESSAGE_V2', kit.frame('SEND_MESSAGE_V2', fields, bytes, 0, version));
  await kit.settle();
  return kit.connection.take()[0] as Answered;
}

/** Sends the fast way and ends the turn; undefined when the fast path did not take it. */
function fast(fields: Record<string, string>, bytes: Buffer | undefined = body): Answered | undefined {
  if (!kit.fast(send.fast.SEND_MESSAGE_V2, kit.frame('SEND_MESSAGE_V2', fields, bytes))) return undefined;
  kit.endTurn();
  return kit.connection.take()[0];
}

describe('checks, in order', () => {
  test('a missing body', async () => {
    await kit.slow(send.handlers, 'SEND_MESSAGE_V2', kit.frame('SEND_MESSAGE_V2', sendFields()));
    expect(kit.connection.take()[0]).toMatchObject({ code: 1, remark: 'the message body is missing' });
  });

  test('before the broker accepts', async () => {
    kit.config.startAcceptSendRequestTimeStamp = kit.clock.nowMs() + 1000;
    const answer = await slow(sendFields());
    expect(answer.code).toBe(1);
    expect(answer.remark).toMatch(/^broker unable to service, until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}$/);
    expect(answer.ext).toEqual({ MSG_REGION: 'DefaultRegion', TRACE_ON: 'true' });
    expect(fast(sendFields())).toBeUndefined();
  });

  test('a broker without write permission refuses order topics only', async () => {
    kit.config.brokerPermission = 4;
    kit.topic('Ordered', { order: true });
    expect(await slow(sendFields({ b: 'Ordered' }))).toMatchObject({ code: 16, remark: 'the broker[127.0.0.1] sending message is forbidden' });
    expect((await slow(sendFields())).code).toBe(0);
  });

  test.each([
    ['', 'The specified topic is blank.'],
    ['a b', 'The specified topic: a b, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$'],
    ['x'.repeat(128), `The specified topic: ${'x'.repeat(128)}, is longer than topic max length: 127`],
  ])('topic name %j', async (b, remark) => {
    expect(await slow(sendFields({ b }))).toMatchObject({ code: 29, remark });
  });

  test('a system topic clients may not send to', async () => {
    kit.topic('SELF_TEST_TOPIC');
    expect(await slow(sendFields({ b: 'SELF_TEST_TOPIC' }))).toMatchObject({ code: 16, remark: 'Sending message to topic[SELF_TEST_TOPIC] is forbidden.' });
    expect(fast(sendFields({ b: 'SELF_TEST_TOPIC' }))).toBeUndefined();
  });

  test('an unknown topic is created, or refused', async () => {
    expect((await slow(sendFields({ b: 'New' }))).code).toBe(0);
    kit.autoCreate = false;
    expect(await slow(sendFields({ b: 'Other' }))).toMatchObject({ code: 17, remark: `topic[Other] not exist, apply first please!${faq}` });
    expect((await slow(sendFields({ b: '%RETRY%g', e: '0' }))).code).toBe(0);
    expect(kit.topics.get('%RETRY%g')?.config).toMatchObject({ writeQueueNums: 1, perm: 6 });
  });

  test('queue ids', async () => {
    expect(await slow(sendFields({ e: '4' }))).toMatchObject({
      code: 29,
      remark: 'request queueId[4] is illegal, TopicConfig [topicName=T, readQueueNums=4, writeQueueNums=4, perm=RW-, topicFilterType=SINGLE_TAG, ' +
        'topicSysFlag=0, order=false, attributes={}] Producer: 127.0.0.1:4321',
    });
    expect(fast(sendFields({ e: '4' }))).toBeUndefined();
    kit.randomValue = 0.99;
    expect((await slow(sendFields({ e: '-1' }))).ext['queueId']).toBe('3');
    expect(fast(sendFields({ e: '-1' }))?.ext['queueId']).toBe('3');
  });

  test('the topic\'s own write permission is not asked', async () => {
    kit.topic('ReadOnly', { perm: 4 });
    expect((await slow(sendFields({ b: 'ReadOnly' }))).code).toBe(0);
  });

  test('a compaction topic needs keys', async () => {
    kit.topic('C', { attributes: { 'cleanup.policy': 'COMPACTION' } });
    expect(await slow(sendFields({ b: 'C' }))).toMatchObject({ code: 13, remark: 'Required message key is missing' });
    expect(fast(sendFields({ b: 'C' }))).toBeUndefined();
    expect((await slow(sendFields({ b: 'C', i: 'KEYS\u0001k\u0002' }))).code).toBe(0);
  });
});

describe('kinds that are not served', () => {
  const rows: [string, Record<string, string>, number, RegExp][] = [
    ['inner batch', { f: '192' }, 13, /^the message is illegal, maybe msg body or properties length not matched/],
    ['timer batch', { i: 'TIMER_DELAY_SEC\u00015\u0002', m: 'true' }, 13, /^a batch cannot wait for a time/],
  ];

  test.each(rows)('%s is refused by name and not stored', async (_kind, fields, code, remark) => {
    expect(fast(sendFields(fields))).toBeUndefined();
    const answer = await slow(sendFields(fields));
    expect(answer.code).toBe(code);
    expect(answer.remark).toMatch(remark);
    expect(kit.store.messages()).toEqual([]);
  });

  test('a lite topic becomes the light queue that its message names; offsets there are not the sender\'s to say', async () => {
    expect(fast(sendFields({ i: '__LITE_TOPIC\u0001l\u0002' }))).toBeUndefined();
    expect((await slow(sendFields({ i: '__LITE_TOPIC\u0001l\u0002INNER_MULTI_DISPATCH\u0001%LMQ%x\u0002INNER_MULTI_QUEUE_OFFSET\u00017\u0002' }))).code).toBe(0);
    expect((await slow(sendFields({ i: 'INNER_MULTI_DISPATCH\u0001%LMQ%x,%LMQ%y\u0002' }))).code).toBe(0);
    const [lite, light] = kit.store.messages().map((stored) => stored.properties);
    expect([lite?.get('INNER_MULTI_DISPATCH'), lite?.get('INNER_MULTI_QUEUE_OFFSET')]).toEqual(['%LMQ%$T$l', undefined]);
    expect(light?.get('INNER_MULTI_DISPATCH')).toBe('%LMQ%x,%LMQ%y');
  });

  test('a timer message when timers are off', async () => {
    const answer = await slow(sendFields({ i: 'TIMER_DELAY_SEC\u00015\u0002' }));
    expect(answer).toMatchObject({ code: 1, remark: 'accurate timer message is not enabled, timerWheelEnable is false' });
    expect(kit.store.messages()).toEqual([]);
  });

  test('every kind has a case here', () => {
    expect(rows.map(([kind]) => kind)).toEqual(unservedKinds);
  });

  test('prepared and rollback bits without TRAN_MSG take no place in the queue, nor a delay', async () => {
    expect(fast(sendFields({ f: '4' }))).toBeUndefined();
    expect((await slow(sendFields({ f: '4' }))).code).toBe(0);
    expect((await slow(sendFields({ f: '12', i: 'DELAY\u00011\u0002' }))).code).toBe(0);
    expect(kit.store.messages().map(({ topic, sysFlag }) => [topic, sysFlag & 12])).toEqual([['T', 4], ['T', 12]]);
  });

  test('a delayed retry of an old client with TRAN_MSG is no half message', async () => {
    expect((await slow(sendFields({ b: '%RETRY%g', j: '1', i: 'TRAN_MSG\u0001true\u0002DELAY\u00013\u0002' }))).code).toBe(0);
    expect(kit.store.messages().map(({ topic }) => topic)).toEqual(['SCHEDULE_TOPIC_XXXX']);
  });

  test('TRAN_MSG makes a half message whatever the bits say', async () => {
    expect((await slow(sendFields({ i: 'TRAN_MSG\u0001true\u0002PGROUP\u0001pg\u0002' }))).code).toBe(0);
    expect(kit.store.messages().map(({ topic, sysFlag }) => [topic, sysFlag & 12])).toEqual([['RMQ_SYS_TRANS_HALF_TOPIC', 0]]);
  });

  test('a priority selects the queue, at most the last one', async () => {
    for (const [priority, queueId] of [['0', 0], ['2', 2], ['99', 3], ['-1', 1]] as const) {
      expect(await slow(sendFields({ i: `_SYS_MSG_PRIORITY_\u0001${priority}\u0002`, e: '1' }))).toMatchObject({ code: 0, ext: { queueId: String(queueId) } });
    }
    expect(kit.store.messages().map((message) => [message.queueId, message.properties.get('_SYS_MSG_PRIORITY_')])).toEqual([[0, '0'], [2, '2'], [3, '99'], [1, '-1']]);
  });

  test('a priority beside another type is dropped', async () => {
    expect((await slow(sendFields({ i: '_SYS_MSG_PRIORITY_\u00013\u0002__SHARDINGKEY\u0001s\u0002' }))).code).toBe(0);
    const properties = kit.store.messages()[0]?.properties;
    expect(properties?.has('_SYS_MSG_PRIORITY_')).toBe(false);
    expect(properties?.get('__SHARDINGKEY')).toBe('s');
  });
});

describe('what is stored and answered', () => {
  test('a plain message, the same from both paths', async () => {
    const viaFast = fast(sendFields({ i: `a\u00015\u0002KEYS\u0001k1 k2\u0002UNIQ_KEY\u0001${key}\u0002TAGS\u0001TagA\u0002` }));
    const viaSlow = await slow(sendFields({ i: `a\u00015\u0002KEYS\u0001k1 k2\u0002UNIQ_KEY\u0001${key}\u0002TAGS\u0001TagA\u0002` }));
    expect(viaFast).toMatchObject({
      code: 0, remark: undefined,
      ext: { queueId: '1', queueOffset: '0', transactionId: key, msgId: '7F00000100002A9F0000000000000000', MSG_REGION: 'DefaultRegion', TRACE_ON: 'true' },
    });
    expect(viaSlow.ext).toEqual({ ...viaFast?.ext, queueOffset: '1', msgId: viaSlow.ext['msgId'] });
    const [one, two] = kit.store.messages();
    expect(one).toMatchObject({ topic: 'T', queueId: 1, bornHost: '127.0.0.1:4321', storeHost: '127.0.0.1:10911', bornTimestamp: 1700000000000, body });
    expect(Object.fromEntries(one?.properties ?? [])).toEqual({
      a: '5', KEYS: 'k1 k2', UNIQ_KEY: key, TAGS: 'TagA', MSG_REGION: 'DefaultRegion', TRACE_ON: 'true', CLUSTER: 'DefaultCluster',
    });
    expect(two).toEqual({ ...one, queueOffset: 1, phyOffset: two?.phyOffset, msgId: two?.msgId });
    expect(kit.store.queue('T', 1).units.map((unit) => unit.tagsCode)).toEqual([javaStringHash('TagA'), javaStringHash('TagA')]);
  });

  test('a missing unique key is minted and answered', async () => {
    for (const answer of [fast(sendFields({ i: 'a\u00011' })), await slow(sendFields({ i: 'a\u00011' })), fast(sendFields({ i: '' }))]) {
      expect(answer?.ext['transactionId']).toMatch(/^7F000001[0-9A-F]{24}$/);
    }
    const stored = kit.store.messages();
    expect(new Set(stored.map((message) => message.properties.get('UNIQ_KEY'))).size).toBe(3);
    expect(stored[0]?.properties.get('a')).toBe('1');
  });

  test('marks of the client give way to the broker\'s, POP_CK goes, unknown properties stay', async () => {
    expect(fast(sendFields({ i: 'MSG_REGION\u0001elsewhere\u0002' }))).toBeUndefined();
    await slow(sendFields({ i: 'MSG_REGION\u0001elsewhere\u0002POP_CK\u0001x\u0002mine\u0001yes\u0002CLUSTER\u0001c\u0002TRACE_ON\u0001false\u0002' }));
    const properties = Object.fromEntries(kit.store.messages()[0]?.properties ?? []);
    expect(properties).toMatchObject({ MSG_REGION: 'DefaultRegion', CLUSTER: 'DefaultCluster', TRACE_ON: 'true', mine: 'yes' });
    expect(properties).not.toHaveProperty('POP_CK');
  });

  test('compressed bodies pass as they are; a multi-tag topic marks its messages', () => {
    kit.topic('M', { topicFilterType: 'MULTI_TAG' });
    expect(fast(sendFields({ b: 'M', f: String(0x301) }))?.code).toBe(0);
    expect(kit.store.messages()[0]).toMatchObject({ sysFlag: 0x303, body });
  });

  test('the address bits follow the address, whatever the client says', async () => {
    expect((await slow(sendFields({ f: '48' }))).code).toBe(0);
    expect(kit.store.messages()[0]).toMatchObject({ sysFlag: 0, body });
  });

  test('region and trace switch follow the configuration', () => {
    expect(fast(sendFields())?.ext['TRACE_ON']).toBe('true');
    kit.config.traceOn = false;
    kit.config.regionId = 'R2';
    expect(fast(sendFields())?.ext).toMatchObject({ TRACE_ON: 'false', MSG_REGION: 'R2' });
    expect(kit.store.messages()[1]?.properties.get('MSG_REGION')).toBe('R2');
  });

  test('SEND_MESSAGE with long names', async () => {
    const fields = {
      producerGroup: 'pg', topic: 'T', defaultTopic: 'TBW102', defaultTopicQueueNums: '4', queueId: '0', sysFlag: '0', bornTimestamp: '1', flag: '7',
      properties: 'TAGS\u0001x\u0002', batch: 'false',
    };
    await kit.slow(send.handlers, 'SEND_MESSAGE', kit.frame('SEND_MESSAGE', fields, body));
    await kit.settle();
    expect(kit.connection.take()[0]?.code).toBe(0);
    expect(kit.store.messages()[0]).toMatchObject({ flag: 7, bornTimestamp: 1 });
  });

  test.each<[PutStatus, number, string]>([
    ['MESSAGE_ILLEGAL', 13, 'the message is illegal, maybe msg body or properties length not matched. msg body length limit 4194304B, msg properties length limit 32KB.'],
    ['PROPERTIES_SIZE_EXCEEDED', 13, 'the message is illegal, maybe msg body or properties length not matched. msg body length limit 4194304B, msg properties length limit 32KB.'],
    ['SERVICE_NOT_AVAILABLE', 14, 'service not available now. as the test wants it'],
    ['OS_PAGE_CACHE_BUSY', 2, '[PC_SYNCHRONIZED]broker busy, start flow control for a while'],
    ['CREATE_MAPPED_FILE_FAILED', 1, 'create mapped file failed, server is busy or broken.'],
    ['UNKNOWN_ERROR', 1, 'UNKNOWN_ERROR'],
  ])('put status %s', async (status, code, remark) => {
    kit.store.failPut = status;
    expect(await slow(sendFields())).toMatchObject({ code, remark, ext: { MSG_REGION: 'DefaultRegion', TRACE_ON: 'true' } });
    kit.store.failPut = status;
    expect(fast(sendFields())).toMatchObject({ code, remark, ext: { MSG_REGION: 'DefaultRegion', TRACE_ON: 'true' } });
  });

  test('limits of body and properties', async () => {
    expect((await slow(sendFields(), Buffer.alloc(4 * 1024 * 1024 + 1, 1))).code).toBe(13);
    expect((await slow(sendFields({ i: `a\u0001${'x'.repeat(32700)}\u0002` }))).code).toBe(13);
    expect(fast(sendFields({ i: `a\u0001${'x'.repeat(32700)}\u0002` }))?.code).toBe(13);
    expect(fast(sendFields({ i: `a\u0001${'x'.repeat(70000)}\u0002` }))).toBeUndefined();
    expect(kit.store.messages()).toEqual([]);
  });

  test('one-way requests are stored and not answered', async () => {
    expect(kit.fast(send.fast.SEND_MESSAGE_V2, kit.frame('SEND_MESSAGE_V2', sendFields(), body, 2))).toBe(true);
    await kit.slow(send.handlers, 'SEND_MESSAGE_V2', kit.frame('SEND_MESSAGE_V2', sendFields(), body, 2));
    await kit.settle();
    expect(kit.store.messages()).toHaveLength(2);
    expect(kit.connection.take()).toEqual([]);
  });
});

describe('batches', () => {
  const elements = [{ body: Buffer.from('one'), properties: new Map([['TAGS', 'a']]) }, { body: Buffer.from('two'), properties: new Map([['KEYS', 'k']]) }];
  const batchBody = Buffer.from(encodeBatch(elements.map((one) => ({ flag: 5, body: one.body, properties: one.properties }))));

  async function batch(fields: Record<string, string>, bytes = batchBody): Promise<Answered> {
    await kit.slow(send.handlers, 'SEND_BATCH_MESSAGE', kit.frame('SEND_BATCH_MESSAGE', sendFields({ m: 'true', ...fields }), bytes));
    await kit.settle();
    return kit.connection.take()[0] as Answered;
  }

  test('the same from both paths: elements keep their own properties', async () => {
    const viaSlow = await batch({});
    expect(kit.fast(send.fast.SEND_BATCH_MESSAGE, kit.frame('SEND_BATCH_MESSAGE', sendFields({ m: 'true' }), batchBody))).toBe(true);
    kit.endTurn();
    const viaFast = kit.connection.take()[0];
    expect(viaSlow.ext['msgId']?.split(',')).toHaveLength(2);
    expect(viaFast?.ext).toEqual({ ...viaSlow.ext, queueOffset: '2', msgId: viaFast?.ext['msgId'] });
    expect(viaSlow.ext).toMatchObject({ queueOffset: '0', transactionId: key });
    const stored = kit.store.messages();
    expect(viaFast?.ext['msgId']).toBe(`${stored[2]?.msgId},${stored[3]?.msgId}`);
    expect(stored.map((message) => Object.fromEntries(message.properties))).toEqual([{ TAGS: 'a' }, { KEYS: 'k' }, { TAGS: 'a' }, { KEYS: 'k' }]);
  });

  test('the batch field decides, whatever the code', async () => {
    expect(kit.fast(send.fast.SEND_MESSAGE_V2, kit.frame('SEND_MESSAGE_V2', sendFields({ m: 'true' }), batchBody))).toBe(true);
    kit.endTurn();
    expect(kit.store.messages()).toHaveLength(2);
    kit.connection.take();
    await batch({ m: 'false' });
    expect(kit.store.messages()).toHaveLength(3);
  });

  test('refusals', async () => {
    expect(await batch({ b: '%RETRY%g' })).toMatchObject({ code: 13, remark: 'batch request does not support retry group %RETRY%g' });
    expect(await batch({ b: `%RETRY%${'x'.repeat(130)}` })).toMatchObject({ code: 13, remark: 'message topic length too long 137' });
    expect(kit.fast(send.fast.SEND_BATCH_MESSAGE, kit.frame('SEND_BATCH_MESSAGE', sendFields({ m: 'true', i: 'DELAY\u00013\u0002' }), batchBody))).toBe(false);
    expect((await batch({ i: 'DELAY\u00013\u0002' })).code).toBe(13);
    expect((await batch({ f: '8' })).code).toBe(13);
    expect((await batch({}, batchBody.subarray(0, 30))).code).toBe(13);
    expect((await batch({ f: '192' })).code).toBe(13);
    expect(kit.store.messages()).toEqual([]);
  });

  test('a batch with a key to a batch queue is one record with its elements as body, and the answer names the key', async () => {
    kit.topic('B', { attributes: { 'queue.type': 'BatchCQ' } });
    expect(await batch({ b: 'B', i: 'UNIQ_KEY\u0001K\u0002' })).toMatchObject({ code: 0, ext: { batchUniqId: 'K', transactionId: 'K' } });
    const [message] = kit.store.messages();
    expect(message?.body).toEqual(batchBody);
    expect([(message?.sysFlag ?? 0) & 0xc0, message?.properties.get('INNER_NUM'), message?.properties.get('CLUSTER')]).toEqual([0xc0, '2', 'DefaultCluster']);
    expect(kit.store.messages()).toHaveLength(1);
  });
});

describe('retry topics', () => {
  test('a group that does not exist', async () => {
    kit.autoCreateGroup = false;
    expect(await slow(sendFields({ b: '%RETRY%nobody' }))).toMatchObject({ code: 26, remark: `subscription group not exist, nobody ${faq}` });
  });

  test.each([
    ['16 of 16 stays', { j: '16' }, 513, false, false],
    ['17 of 16 is dead', { j: '17' }, 513, false, true],
    ['the request\'s own limit counts', { j: '3', l: '2' }, 513, false, true],
    ['but not of clients before V3_4_9', { j: '3', l: '2' }, 120, false, false],
    ['an ordered group is dead at once', { j: '0' }, 513, true, true],
  ])('%s', async (_what, fields, version, locked, dead) => {
    if (locked) kit.lockedGroups.add('g');
    kit.topic('%RETRY%g', { readQueueNums: 1, writeQueueNums: 1 });
    const answer = await slow(sendFields({ b: '%RETRY%g', e: '0', i: 'DELAY\u00015\u0002RETRY_TOPIC\u0001T\u0002', ...fields }), body, version);
    expect(answer.code).toBe(0);
    const message = kit.store.messages()[0];
    if (dead) {
      expect(message).toMatchObject({ topic: '%DLQ%g', queueId: 0 });
      expect(message?.properties.get('DELAY')).toBe('-1');
    } else {
      expect(message).toMatchObject({ topic: 'SCHEDULE_TOPIC_XXXX', queueId: 4 });
      expect(message?.properties.get('REAL_TOPIC')).toBe('%RETRY%g');
    }
  });
});

describe('delay levels', () => {
  test.each([['3', 3, 10_000], ['18', 18, 7_200_000], ['99', 18, 7_200_000]])('level %s', async (asked, level, delayMs) => {
    expect(fast(sendFields({ i: `DELAY\u0001${asked}\u0002TAGS\u0001t\u0002TIMER_DELAY_SEC\u00015\u0002` }))).toBeUndefined();
    const answer = await slow(sendFields({ e: '2', i: `DELAY\u0001${asked}\u0002TAGS\u0001t\u0002TIMER_DELAY_SEC\u00015\u0002` }));
    expect(answer.ext).toMatchObject({ queueId: '2', queueOffset: '0' });
    const message = kit.store.messages()[0];
    expect(message).toMatchObject({ topic: 'SCHEDULE_TOPIC_XXXX', queueId: level - 1 });
    expect(Object.fromEntries(message?.properties ?? [])).toMatchObject({ DELAY: String(level), REAL_TOPIC: 'T', REAL_QID: '2', TAGS: 't' });
    expect(message?.properties.has('TIMER_DELAY_SEC')).toBe(false);
    expect(kit.store.queue('SCHEDULE_TOPIC_XXXX', level - 1).units[0]?.tagsCode).toBe(kit.clock.nowMs() + delayMs);
  });

  test.each(['0', '-1'])('level %s is no delay', async (level) => {
    await slow(sendFields({ i: `DELAY\u0001${level}\u0002` }));
    expect(kit.store.messages()[0]?.topic).toBe('T');
  });

  test('a level that is no number', async () => {
    expect(await slow(sendFields({ i: 'DELAY\u0001soon\u0002' }))).toMatchObject({ code: 1, remark: 'property DELAY is "soon", must be a delay level 0..18' });
  });

  test('texts of levels', () => {
    expect(parseDelayLevels('1s 2m 3h 4d')).toEqual([1000, 120_000, 10_800_000, 345_600_000]);
    expect(parseDelayLevels('1s 2x')).toBe('level 2 is "2x", expected a number and a unit s, m, h or d, such as 30s');
  });
});

describe('the gate', () => {
  const hold = (fields: Record<string, string> = {}, connection = kit.connection): boolean =>
    kit.fast(send.fast.SEND_MESSAGE_V2, kit.frame('SEND_MESSAGE_V2', sendFields(fields), body), connection);

  test('nothing is answered before the turn is written, then in order', async () => {
    hold();
    await kit.slow(send.handlers, 'SEND_MESSAGE_V2', kit.frame('SEND_MESSAGE_V2', sendFields(), body));
    hold();
    expect(kit.connection.take()).toEqual([]);
    kit.endTurn();
    expect(kit.connection.take().map((answer) => answer.opaque).sort()).toEqual([100, 101, 102]);
  });

  test('a write fault takes every answer of the turn back', async () => {
    const other = new FakeConnection(2);
    hold();
    hold({}, other);
    await kit.slow(send.handlers, 'SEND_MESSAGE_V2', kit.frame('SEND_MESSAGE_V2', sendFields(), body));
    kit.store.failWrite = 'ENOSPC: no space left';
    kit.endTurn();
    const refused = { code: 14, remark: 'service not available now. ENOSPC: no space left', ext: { MSG_REGION: 'DefaultRegion', TRACE_ON: 'true' } };
    expect(kit.connection.take()).toEqual([expect.objectContaining({ ...refused, opaque: 100 }), expect.objectContaining({ ...refused, opaque: 102 })]);
    expect(other.take()).toEqual([expect.objectContaining({ ...refused, opaque: 101 })]);
    hold();
    kit.endTurn();
    expect(kit.connection.take()[0]).toMatchObject({ code: 0, ext: { queueOffset: '0' } });
  });

  test('a log that somebody else wrote badly acknowledges nothing', () => {
    hold();
    kit.store.failWrite = 'EIO';
    kit.store.writeTurn();
    kit.endTurn();
    expect(kit.connection.take()[0]).toMatchObject({ code: 14, remark: 'service not available now. the log was not written' });
  });

  test('SYNC_FLUSH: one wait a turn, WAIT=false does not wait', async () => {
    kit.store.syncFlush = true;
    let release: (outcome: 'FLUSHED') => void = () => undefined;
    kit.store.flushes.push(new Promise((resolve) => { release = resolve; }));
    hold();
    hold({ i: 'WAIT\u0001false\u0002' });
    hold();
    await kit.slow(send.handlers, 'SEND_MESSAGE_V2', kit.frame('SEND_MESSAGE_V2', sendFields(), body));
    await kit.settle();
    expect(kit.connection.take().map((answer) => answer.opaque)).toEqual([101]);
    release('FLUSHED');
    await kit.settle();
    expect(kit.connection.take().map((answer) => [answer.opaque, answer.code])).toEqual([[100, 0], [102, 0], [103, 0]]);
    expect(kit.store.flushCalls).toBe(1);
  });

  test('SYNC_FLUSH: FLUSH_DISK_TIMEOUT keeps the ids, a fault refuses', async () => {
    kit.store.syncFlush = true;
    kit.store.flushes.push('FLUSH_DISK_TIMEOUT', 'FAULT');
    hold();
    await kit.slow(send.handlers, 'SEND_MESSAGE_V2', kit.frame('SEND_MESSAGE_V2', sendFields(), body));
    await kit.settle();
    const late = kit.connection.take();
    expect(late.map((answer) => answer.code)).toEqual([10, 10]);
    expect(late[0]?.ext).toMatchObject({ queueOffset: '0', transactionId: key, msgId: '7F00000100002A9F0000000000000000' });
    hold();
    await kit.slow(send.handlers, 'SEND_MESSAGE_V2', kit.frame('SEND_MESSAGE_V2', sendFields(), body));
    await kit.settle();
    expect(kit.connection.take().map((answer) => answer.code)).toEqual([14, 14]);
  });

  test('turns that ask for a topic which is being made are answered when the table has it, others at once', async () => {
    const other = new FakeConnection(2);
    let saved: () => void = () => undefined;
    kit.creates(new Promise((resolve) => { saved = resolve; }));
    hold();
    await kit.slow(send.handlers, 'SEND_MESSAGE_V2', kit.frame('SEND_MESSAGE_V2', sendFields(), body));
    kit.endTurn();
    hold({}, other);
    kit.endTurn();
    expect([kit.connection.take(), other.take()]).toEqual([[], []]);
    kit.creates(undefined);
    hold();
    kit.endTurn();
    expect(kit.connection.take().map((answer) => answer.opaque)).toEqual([103]);
    saved();
    await kit.settle();
    expect([kit.connection.take(), other.take()].map((answers) => answers.map((answer) => [answer.opaque, answer.code]))).toEqual([[[100, 0], [101, 0]], [[102, 0]]]);
  });

  test('a connection that closed is left alone', () => {
    hold();
    kit.connection.close();
    kit.endTurn();
    expect(kit.connection.take()).toEqual([]);
    expect(kit.store.messages()).toHaveLength(1);
  });

  test('hundreds of answers in one turn', () => {
    for (let i = 0; i < 500; i++) hold();
    kit.endTurn();
    const answers = kit.connection.take();
    expect(answers).toHaveLength(500);
    expect(new Set(answers.map((answer) => answer.opaque)).size).toBe(500);
  });
});

describe('both paths agree', () => {
  const name = fc.constantFrom('a', 'TAGS', 'KEYS', 'UNIQ_KEY', 'WAIT', 'DELAY', 'POP_CK', 'MSG_REGION', 'x\u00e9', '__SHARDINGKEY', 'KEY', 'TAGSX');
  const value = fc.oneof(fc.constantFrom('', 'true', 'false', '1', 'v w', '"quoted\\"', '\u4e2d\u6587'), fc.string({ maxLength: 12 }).filter((text) => !text.includes('\u0002')));
  const properties = fc.array(fc.tuple(name, value), { maxLength: 6 }).map((all) => all.map(([k, v]) => `${k}\u0001${v}`).join('\u0002'));
  const fields = fc.record({
    e: fc.constantFrom('-1', '0', '3', '4', 'x', ''), f: fc.constantFrom('0', '1', '769', '2', '16', '64', '4', '-1'),
    g: fc.constantFrom('0', '1700000000000', '9223372036854775807', '-5', '1.5'), h: fc.constantFrom('0', '-7', '2147483648'),
    i: fc.tuple(properties, fc.constantFrom('', '\u0002')).map(([text, end]) => text + end), j: fc.constantFrom('0', '3', 'z'), k: fc.constantFrom('true', 'false'),
    m: fc.constantFrom('false', 'true', 'TRUE'), b: fc.constantFrom('T', 'M', '%RETRY%g', 'Unknown', 'C', 'a b'),
  }, { requiredKeys: ['e', 'f', 'g', 'h', 'b'] });
  const bytes = fc.constantFrom(Buffer.from('x'), Buffer.from(encodeBatch([{ flag: 0, body: Buffer.from('el'), properties: new Map([['TAGS', 'q']]) }])));

  /** Everything but what the two runs cannot share. */
  function view(answers: readonly Answered[]): unknown {
    return answers.map(({ code, remark, ext }) => ({ code, remark, ext: { ...ext, transactionId: ext['transactionId']?.startsWith('7F000001') === true ? 'minted' : ext['transactionId'] } }));
  }

  function stored(): unknown {
    return kit.store.messages().map((message) => {
      const all = new Map(message.properties);
      if (all.get('UNIQ_KEY')?.startsWith('7F000001') === true) all.set('UNIQ_KEY', 'minted');
      return { ...message, properties: [...all].sort() };
    });
  }

  test('what the fast path takes, the ordinary one stores and answers alike', async () => {
    await fc.assert(fc.asyncProperty(fields, bytes, async (some, sent) => {
      const all = sendFields(some);
      const run = async (viaFast: boolean): Promise<{ taken: boolean; answers: unknown; stored: unknown }> => {
        start();
        kit.topic('M', { topicFilterType: 'MULTI_TAG' });
        kit.topic('C', { attributes: { 'cleanup.policy': 'COMPACTION' } });
        const frame = kit.frame('SEND_MESSAGE_V2', all, sent);
        const taken = viaFast && kit.fast(send.fast.SEND_MESSAGE_V2, frame);
        if (viaFast && !taken && kit.store.tail > 0) throw new Error('a side effect before falling back');
        if (!viaFast) await kit.slow(send.handlers, 'SEND_MESSAGE_V2', frame);
        await kit.settle();
        return { taken, answers: view(kit.connection.take()), stored: stored() };
      };
      const one = await run(true);
      if (!one.taken) return;
      const two = await run(false);
      expect(one.answers).toEqual(two.answers);
      expect(one.stored).toEqual(two.stored);
    }), { numRuns: 300 });
  });
});

