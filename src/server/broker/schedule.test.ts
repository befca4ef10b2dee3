import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { javaStringHash } from '../../compat/java-string-hash.js';
import { realDisk } from '../../store/disk.js';
import { createMessageQuery } from './message-query.js';
import { createSchedule } from './schedule.js';
import type { Schedule } from './schedule.js';
import { createSend } from './send.js';
import type { Send } from './send.js';
import { Kit, sendFields } from './testdata/kit.js';
import type { Answered } from './testdata/kit.js';

const delays = [1000, 5000, 10_000, 30_000];

let kit: Kit;
let send: Send;
let schedule: Schedule;
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'schedule-'));
  kit = new Kit();
  kit.config.storePathConfigDir = join(dir, 'config');
  send = createSend(kit.ctx, delays);
  schedule = createSchedule(send.parts, realDisk());
  kit.topic('T');
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

async function put(fields: Record<string, string>, body = 'x'): Promise<Answered> {
  await kit.slow(send.handlers, 'SEND_MESSAGE_V2', kit.frame('SEND_MESSAGE_V2', sendFields(fields), Buffer.from(body)));
  await kit.settle();
  return kit.connection.take()[0] as Answered;
}

/** Lets time pass in steps, and what it causes happen. */
async function pass(ms: number, stepMs = 250): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    kit.clock.advance(Math.min(stepMs, ms - passed));
    await kit.settle();
  }
}

const inQueue = (topic: string, queueId: number): number => kit.store.queue(topic, queueId).maxOffset;

describe('delivery', () => {
  test('not before its time, then with the properties as stored', async () => {
    schedule.load();
    schedule.start();
    await put({ i: 'DELAY\u00012\u0002TAGS\u0001t\u0002k\u0001v\u0002', e: '3', j: '2' }, 'late');
    await pass(4900, 100);
    expect(inQueue('T', 3)).toBe(0);
    await pass(200, 100);
    expect(inQueue('T', 3)).toBe(1);
    const [waiting, delivered] = kit.store.messages();
    expect(waiting?.topic).toBe('SCHEDULE_TOPIC_XXXX');
    expect(delivered).toMatchObject({ topic: 'T', queueId: 3, queueOffset: 0, reconsumeTimes: 2, bornTimestamp: waiting?.bornTimestamp });
    expect(delivered?.body.toString()).toBe('late');
    expect(delivered?.properties).toEqual(waiting?.properties);
    expect(Object.fromEntries(delivered?.properties ?? [])).toMatchObject({ DELAY: '2', REAL_TOPIC: 'T', REAL_QID: '3', k: 'v' });
    expect(kit.store.queue('T', 3).units[0]?.tagsCode).toBe(javaStringHash('t'));
    expect([...schedule.offsets]).toEqual([[2, 1]]);
  });

  test('one that starts shortly before the time waits for it', async () => {
    await put({ i: 'DELAY\u00012\u0002', e: '0' });
    await pass(4980, 20);
    schedule.start();
    await kit.settle();
    await pass(19, 1);
    expect(inQueue('T', 0)).toBe(0);
    await pass(1);
    expect(inQueue('T', 0)).toBe(1);
  });

  test('hundreds at once, in order', async () => {
    schedule.start();
    for (let i = 0; i < 700; i++) await kit.slow(send.handlers, 'SEND_MESSAGE_V2', kit.frame('SEND_MESSAGE_V2', sendFields({ i: 'DELAY\u00011\u0002', e: '0' }), Buffer.from(String(i))));
    await kit.settle();
    await pass(1000);
    await pass(1000);
    const bodies = kit.store.messages().filter((message) => message.topic === 'T').map((message) => Number(message.body));
    expect(bodies).toEqual(Array.from({ length: 700 }, (_, i) => i));
  });

  test('a failed write is tried again and repeats nothing', async () => {
    schedule.start();
    await put({ i: 'DELAY\u00011\u0002', e: '0' });
    kit.store.failWrite = 'EIO';
    await pass(1000);
    expect(inQueue('T', 0)).toBe(0);
    await pass(1000);
    expect(inQueue('T', 0)).toBe(1);
    kit.store.failPut = 'UNKNOWN_ERROR';
    await put({ i: 'DELAY\u00011\u0002', e: '0' });
    expect(inQueue('T', 0)).toBe(1);
  });

  test('a message that names no place is left out', async () => {
    schedule.start();
    const queue = kit.store.queue('SCHEDULE_TOPIC_XXXX', 0);
    send.parts.form.exactly(new Map([['DELAY', '1'], ['REAL_TOPIC', 'T'], ['REAL_QID', 'x']]));
    Object.assign(send.parts.form.input, { queue, body: Buffer.from('b'), bodyStart: 0, bodyEnd: 1, bornHost: kit.connection.remoteHost, tagsCode: kit.clock.nowMs() + 1000 });
    kit.store.put(send.parts.form.input);
    send.parts.acks.settle(0, false, () => undefined);
    await put({ i: 'DELAY\u00011\u0002', e: '0' });
    await pass(2000);
    expect(inQueue('T', 0)).toBe(1);
    expect(schedule.offsets.get(1)).toBe(2);
  });

  test('a time further off than the level allows is due at once', async () => {
    await put({ i: 'DELAY\u00011\u0002', e: '0' });
    const unit = kit.store.queue('SCHEDULE_TOPIC_XXXX', 0).units[0];
    Object.assign(unit ?? {}, { tagsCode: kit.clock.nowMs() + 1_000_000 });
    schedule.start();
    await kit.settle();
    expect(inQueue('T', 0)).toBe(1);
  });
});

describe('progress', () => {
  const file = (): string => readFileSync(join(dir, 'config', 'delayOffset.json'), 'utf8');

  test('a clean stop repeats nothing', async () => {
    schedule.load();
    schedule.start();
    await put({ i: 'DELAY\u00011\u0002', e: '0' });
    await pass(1500);
    await Promise.all([schedule.stop(), kit.settle()]);
    expect(file()).toMatch(/"offsetTable":\{\s*1:1\s*\}/);
    const next = createSchedule(send.parts, realDisk());
    next.load();
    expect([...next.offsets]).toEqual([[1, 1]]);
    next.start();
    await pass(2000);
    expect(inQueue('T', 0)).toBe(1);
    await Promise.all([next.stop(), kit.settle()]);
  });

  test('without a save the delivery is repeated, not lost', async () => {
    schedule.start();
    await put({ i: 'DELAY\u00011\u0002', e: '0' });
    await pass(1500);
    const next = createSchedule(send.parts, realDisk());
    next.load();
    next.start();
    await pass(500);
    expect(inQueue('T', 0)).toBe(2);
  });

  test('progress beyond the platter is not saved', async () => {
    schedule.start();
    await put({ i: 'DELAY\u00011\u0002', e: '0' });
    await pass(1500);
    kit.store.flushes.push('FLUSH_DISK_TIMEOUT');
    await schedule.save();
    expect(() => file()).toThrow();
    await schedule.save();
    expect(file()).toContain('1:1');
  });

  test('a file of Apache\'s is read, and progress outside the queue is corrected', async () => {
    mkdirSync(join(dir, 'config'));
    writeFileSync(join(dir, 'config', 'delayOffset.json'), '{\n\t"dataVersion":{\n\t\t"counter":3,\n\t\t"stateVersion":0,\n\t\t"timestamp":1795360000000\n\t},\n\t"offsetTable":{1:9,3:1}\n}');
    await put({ i: 'DELAY\u00011\u0002', e: '0' });
    schedule.load();
    expect([...schedule.offsets]).toEqual([[1, 9], [3, 1]]);
    schedule.start();
    expect(schedule.offsets.get(1)).toBe(1);
    await put({ i: 'DELAY\u00011\u0002', e: '0' }, 'second');
    await pass(1500);
    expect(kit.store.messages().filter((message) => message.topic === 'T').map((message) => message.body.toString())).toEqual(['second']);
    await Promise.all([schedule.stop(), kit.settle()]);
  });
});

describe('send back', () => {
  const faq = '\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.';

  async function back(fields: Record<string, string> = {}, version = 513): Promise<Answered> {
    const all = { offset: '0', group: 'g', delayLevel: '0', originMsgId: 'x', originTopic: 'T', unitMode: 'false', maxReconsumeTimes: '16', ...fields };
    await kit.slow(send.handlers, 'CONSUMER_SEND_MSG_BACK', kit.frame('CONSUMER_SEND_MSG_BACK', all, undefined, 0, version));
    await kit.settle();
    return kit.connection.take()[0] as Answered;
  }

  test('refusals', async () => {
    expect(await back({ offset: '999' })).toMatchObject({ code: 1, remark: 'look message by offset failed, 999' });
    expect(await back({ offset: '-1' })).toMatchObject({ code: 1, remark: 'look message by offset failed, -1' });
    kit.config.brokerPermission = 4;
    expect(await back()).toMatchObject({ code: 16, remark: 'the broker[127.0.0.1] sending message is forbidden' });
    kit.config.brokerPermission = 6;
    kit.topic('%RETRY%g', { perm: 4 });
    expect(await back()).toMatchObject({ code: 16, remark: 'the topic[%RETRY%g] sending message is forbidden' });
    kit.group('g', { retryQueueNums: 0 });
    expect(await back()).toMatchObject({ code: 0, remark: undefined });
    kit.groups.clear();
    kit.autoCreateGroup = false;
    expect(await back()).toMatchObject({ code: 26, remark: `subscription group not exist, g ${faq}` });
  });

  test('the chain: level 3 + reconsumeTimes, then the dead letters', async () => {
    schedule.start();
    await put({ e: '0', i: 'TAGS\u0001t\u0002UNIQ_KEY\u0001u\u0002' }, 'again');
    const first = kit.store.messages()[0];
    expect((await back({ maxReconsumeTimes: '1' })).code).toBe(0);
    let stored = kit.store.messages();
    expect(stored[1]).toMatchObject({ topic: 'SCHEDULE_TOPIC_XXXX', queueId: 2, reconsumeTimes: 1, bornTimestamp: first?.bornTimestamp });
    expect(Object.fromEntries(stored[1]?.properties ?? [])).toMatchObject({
      RETRY_TOPIC: 'T', ORIGIN_MESSAGE_ID: first?.msgId, DELAY: '3', REAL_TOPIC: '%RETRY%g', REAL_QID: '0', WAIT: 'false', UNIQ_KEY: 'u', TAGS: 't',
    });
    await pass(10_500);
    stored = kit.store.messages();
    const retried = stored[2];
    expect(retried).toMatchObject({ topic: '%RETRY%g', queueId: 0, reconsumeTimes: 1 });
    expect((await back({ offset: String(retried?.phyOffset), maxReconsumeTimes: '1' })).code).toBe(0);
    const dead = kit.store.messages()[3];
    expect(dead).toMatchObject({ topic: '%DLQ%g', queueId: 0, reconsumeTimes: 2 });
    expect(Object.fromEntries(dead?.properties ?? [])).toMatchObject({ RETRY_TOPIC: 'T', ORIGIN_MESSAGE_ID: first?.msgId, DELAY: '0' });
    expect(dead?.body.toString()).toBe('again');
  });

  test('levels the consumer names', async () => {
    await put({ e: '0' });
    await back({ delayLevel: '1' });
    await back({ delayLevel: '99' });
    await back({ delayLevel: '-1' });
    expect(kit.store.messages().slice(1).map((message) => [message.topic, message.queueId])).toEqual([
      ['SCHEDULE_TOPIC_XXXX', 0], ['SCHEDULE_TOPIC_XXXX', 3], ['%DLQ%g', 0],
    ]);
  });

  test('the group\'s limit counts for old clients', async () => {
    kit.group('g', { retryMaxTimes: 0 });
    await put({ e: '0' });
    await back({ maxReconsumeTimes: '16' }, 100);
    await back({ maxReconsumeTimes: '16' });
    expect(kit.store.messages().slice(1).map((message) => message.topic)).toEqual(['%DLQ%g', 'SCHEDULE_TOPIC_XXXX']);
  });

  test('a write fault is not success', async () => {
    await put({ e: '0' });
    kit.store.failWrite = 'EIO';
    expect(await back()).toMatchObject({ code: 1, remark: 'SERVICE_NOT_AVAILABLE: EIO' });
    kit.store.failPut = 'OS_PAGE_CACHE_BUSY';
    expect(await back()).toMatchObject({ code: 1, remark: 'OS_PAGE_CACHE_BUSY' });
  });
});

describe('queries', () => {
  async function ask(name: 'QUERY_MESSAGE' | 'VIEW_MESSAGE_BY_ID', fields: Record<string, string>): Promise<Answered> {
    const query = createMessageQuery(kit.ctx);
    await kit.slow(query.handlers, name, kit.frame(name, fields));
    return kit.connection.take()[0] as Answered;
  }
  const asked = { topic: 'T', key: 'k', maxNum: '10', beginTimestamp: '0', endTimestamp: '9223372036854775807' };

  test('by position', async () => {
    await put({});
    const answer = await ask('VIEW_MESSAGE_BY_ID', { offset: '0' });
    expect(answer.code).toBe(0);
    expect(answer.body).toEqual(kit.store.log.subarray(0, kit.store.written));
    for (const offset of ['5', '-1', '9223372036854775807']) {
      expect(await ask('VIEW_MESSAGE_BY_ID', { offset })).toMatchObject({ code: 1, remark: `can not find message by the offset, ${offset}` });
    }
  });

  test('by key, oldest first', async () => {
    await put({});
    await put({});
    const second = kit.store.messages()[1]?.phyOffset ?? 0;
    kit.store.indexAnswer = { phyOffsets: [second, 0], indexLastUpdateTimestamp: 77, indexLastUpdatePhyOffset: second };
    const answer = await ask('QUERY_MESSAGE', asked);
    expect(answer).toMatchObject({ code: 0, ext: { indexLastUpdateTimestamp: '77', indexLastUpdatePhyoffset: String(second) } });
    expect(answer.body).toEqual(kit.store.log.subarray(0, kit.store.written));
    expect(kit.store.indexAsked).toEqual([['T', 'k', 10, 0, Number.MAX_SAFE_INTEGER, 'K']]);
  });

  test('by unique key and by tag', async () => {
    await ask('QUERY_MESSAGE', { ...asked, _UNIQUE_KEY_QUERY: 'true', indexType: 'T' });
    await ask('QUERY_MESSAGE', { ...asked, indexType: 'T' });
    expect(kit.store.indexAsked).toEqual([['T', 'k', 32, 0, Number.MAX_SAFE_INTEGER, 'U'], ['T', 'k', 10, 0, Number.MAX_SAFE_INTEGER, 'T']]);
  });

  test('nothing found', async () => {
    expect(await ask('QUERY_MESSAGE', asked)).toMatchObject({
      code: 22, remark: 'can not find message, maybe time range not correct', ext: { indexLastUpdateTimestamp: '0', indexLastUpdatePhyoffset: '0' },
    });
  });
});
