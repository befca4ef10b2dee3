import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readRecord, RecordView } from '../../codec/message-record.js';
import { decodeMessage } from '../../codec/stored-message.js';
import type { DecodedMessage } from '../../codec/stored-message.js';
import { requests } from '../../codec/requests.js';
import { Composed, Peer, pump } from '../broker/testdata/composed.js';
import type { Answer } from '../broker/testdata/composed.js';
import { transactionGroup } from './half-message.js';

const halfTopic = 'RMQ_SYS_TRANS_HALF_TOPIC';
const opTopic = 'RMQ_SYS_TRANS_OP_HALF_TOPIC';
const givenUpTopic = 'TRANS_CHECK_MAX_TIME_TOPIC';
const commit = 8;
const rollback = 12;

let c: Composed;
let producer: Peer;

beforeEach(async () => {
  await open();
});

afterEach(async () => {
  await c.stop();
});

async function open(settings: Record<string, string> = {}): Promise<void> {
  c = await Composed.open(settings);
  await pump(c, c.ask('UPDATE_AND_CREATE_TOPIC', { ext: { topic: 'T', defaultTopic: 'TBW102', readQueueNums: '4', writeQueueNums: '4', perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false' } }));
  producer = new Peer(9);
  c.broker.producers.register('pg', { clientId: 'p@9', connection: producer, language: 'JAVA', version: 513, lastUpdateMs: c.clock.nowMs() });
}

async function messagesOf(topic: string, queueId = 0): Promise<DecodedMessage[]> {
  const queue = c.store.queue(topic, queueId);
  const found: DecodedMessage[] = [];
  for (const unit of await c.store.units(queue, queue.minOffset, 1000)) {
    const record = await c.store.record(unit.phyOffset);
    const view = new RecordView();
    if (record !== undefined && readRecord(view, record, 0, record.length) === 'record') found.push(decodeMessage(view));
  }
  return found;
}

const text = (properties: Record<string, string>): string => Object.entries(properties).map(([name, value]) => `${name}\u0001${value}\u0002`).join('');

interface Prepared {
  readonly queueOffset: string;
  readonly phyOffset: number;
  readonly answer: Answer;
}

async function prepare(body = 'in doubt', properties: Record<string, string> = {}): Promise<Prepared> {
  const ext = {
    a: 'pg', b: 'T', c: 'TBW102', d: '4', e: '2', f: '4', g: String(c.clock.nowMs()), h: '77', j: '0',
    i: text({ TRAN_MSG: 'true', PGROUP: 'pg', UNIQ_KEY: `U${body}`, TAGS: 'tag', ...properties }),
  };
  const answer = await pump(c, c.ask('SEND_MESSAGE_V2', { ext, body }));
  const msgId = typeof answer.header['msgId'] === 'string' ? answer.header['msgId'] : '0';
  return { answer, queueOffset: String(answer.header['queueOffset']), phyOffset: parseInt(msgId.slice(16), 16) };
}

const endExt = (one: Prepared, commitOrRollback: number, ext: Record<string, string> = {}): Record<string, string> => ({
  producerGroup: 'pg', tranStateTableOffset: one.queueOffset, commitLogOffset: String(one.phyOffset), commitOrRollback: String(commitOrRollback), msgId: 'm', ...ext,
});

const end = (one: Prepared, commitOrRollback: number, ext: Record<string, string> = {}): Promise<Answer> => pump(c, c.ask('END_TRANSACTION', { ext: endExt(one, commitOrRollback, ext) }));

const check = (): Promise<void> => pump(c, c.broker.transactions.check.run());
const asked = (): Record<string, string>[] => producer.notified.filter((one) => one.code === requests.CHECK_TRANSACTION_STATE.code).map((one) => ({ ...one.ext }));

describe('a half message', () => {
  test('waits in the half topic with its real place, and takes no place there', async () => {
    const one = await prepare();
    expect(one.answer).toMatchObject({ code: 0, header: { queueId: 2, queueOffset: 0, transactionId: 'Uin doubt' } });
    const [half] = await messagesOf(halfTopic);
    expect(half).toMatchObject({ queueId: 0, flag: 77, sysFlag: 0, preparedTransactionOffset: 0 });
    expect(Object.fromEntries(half?.properties ?? [])).toMatchObject({ REAL_TOPIC: 'T', REAL_QID: '2', __transactionId__: 'Uin doubt', TRAN_MSG: 'true', PGROUP: 'pg' });
    expect(c.store.queue('T', 2).maxOffset).toBe(0);
  });

  test('is refused where it would wait for a delay level or a time; a time that is past is none', async () => {
    for (const properties of [{ DELAY: '1' }, { TIMER_DELAY_SEC: '2' }, { TIMER_DELAY_MS: '1500' }, { TIMER_DELIVER_MS: String(c.clock.nowMs() + 5000) }]) {
      expect((await prepare('later', properties)).answer).toMatchObject({ code: 13, remark: 'a transactional message cannot wait for a delay level or a time' });
    }
    for (const topic of [halfTopic, 'SCHEDULE_TOPIC_XXXX', 'rmq_sys_wheel_timer']) expect(await messagesOf(topic)).toEqual([]);
    expect((await prepare('at once', { TIMER_DELIVER_MS: '1' })).answer.code).toBe(0);
    expect((await prepare('no level', { DELAY: '0' })).answer.code).toBe(0);
    expect((await messagesOf(halfTopic)).map((half) => half.body.toString())).toEqual(['at once', 'no level']);
  });

  test('is refused with rejectTransactionMessage', async () => {
    await c.stop();
    await open({ rejectTransactionMessage: 'true' });
    const { answer } = await prepare();
    expect(answer).toMatchObject({ code: 16, remark: 'the broker[127.0.0.1] sending transaction message is forbidden' });
    expect(await messagesOf(halfTopic)).toEqual([]);
  });
});

describe('END_TRANSACTION', () => {
  test('commit stores the message in its queue and says so in an op message', async () => {
    const one = await prepare();
    expect((await end(one, commit)).code).toBe(0);
    const [message] = await messagesOf('T', 2);
    expect(message).toMatchObject({ queueOffset: 0, flag: 77, sysFlag: commit, preparedTransactionOffset: one.phyOffset });
    expect(message?.body.toString()).toBe('in doubt');
    const properties = Object.fromEntries(message?.properties ?? []);
    expect(properties).toMatchObject({ TRAN_MSG: 'true', TAGS: 'tag', UNIQ_KEY: 'Uin doubt' });
    expect(Object.keys(properties)).not.toEqual(expect.arrayContaining(['REAL_TOPIC']));
    expect(properties).not.toHaveProperty('REAL_QID');
    expect(await messagesOf(opTopic)).toEqual([]);
    c.clock.advance(3000);
    await pump(c, c.broker.transactions.ops.flush());
    const [op] = await messagesOf(opTopic);
    expect(op?.body.toString()).toBe('0,');
    expect(Object.fromEntries(op?.properties ?? [])).toEqual({ TAGS: 'd' });
  });

  test('rollback stores nothing but the op message; decisions come together', async () => {
    const all = [await prepare('a'), await prepare('b'), await prepare('c')];
    for (const one of all) expect(await end(one, rollback)).toMatchObject({ code: 0, remark: 'not set any response code' });
    await pump(c, c.broker.transactions.ops.flush());
    expect((await messagesOf(opTopic)).map((op) => op.body.toString())).toEqual(['0,1,2,']);
    expect(await messagesOf('T', 2)).toEqual([]);
  });

  test('op messages end at transactionOpMsgMaxSize', async () => {
    await c.stop();
    await open({ transactionOpMsgMaxSize: '4' });
    for (const body of ['a', 'b', 'c', 'd', 'e']) c.broker.transactions.ops.add(0, body.charCodeAt(0) - 96);
    await pump(c, c.broker.transactions.ops.flush());
    expect((await messagesOf(opTopic)).map((op) => op.body.toString())).toEqual(['1,2,', '3,4,', '5,']);
  });

  test.each<[string, Record<string, string>, number, string | undefined]>([
    ['another group', { producerGroup: 'other' }, 1, 'The producer group wrong'],
    ['another table offset', { tranStateTableOffset: '1' }, 1, 'The transaction state table offset wrong'],
    ['a place past the log', { commitLogOffset: '1000000000000' }, 1, 'Find prepared transaction message failed'],
    ['a place beyond safe integers', { commitLogOffset: '9223372036854775807' }, 1, 'Find prepared transaction message failed'],
    ['a place before the log', { commitLogOffset: '-1' }, 1, 'Find prepared transaction message failed'],
    ['a place inside a record', { commitLogOffset: '3' }, 1, 'Find prepared transaction message failed'],
  ])('%s is refused and decides nothing', async (_what, ext, code, remark) => {
    const one = await prepare();
    expect(await end(one, commit, ext)).toMatchObject({ code, remark });
    expect(await messagesOf('T', 2)).toEqual([]);
    expect(c.broker.transactions.ops.count).toBe(0);
  });

  test('one that is sent again and again is answered as the first; a second commit delivers again, a rollback takes nothing back, and the half is decided', async () => {
    const [once, replayed, undone] = [await prepare('once'), await prepare('replayed'), await prepare('undone')];
    expect((await end(once, commit)).code).toBe(0);
    for (const type of [commit, commit, rollback, rollback]) expect((await end(replayed, type)).code).toBe(0);
    for (const type of [rollback, rollback]) expect((await end(undone, type)).code).toBe(0);
    expect((await messagesOf('T', 2)).map((message) => message.body.toString())).toEqual(['once', 'replayed', 'replayed']);
    await pump(c, c.broker.transactions.ops.flush());
    // All are decided however often it was said: the producer is asked about none of them.
    c.clock.advance(60_000);
    await check();
    expect((await messagesOf(halfTopic)).length).toBe(3);
    expect((await messagesOf('T', 2)).length).toBe(3);
  });

  test('a message that is no half cannot be ended', async () => {
    const ext = { a: 'pg', b: 'T', c: 'TBW102', d: '4', e: '0', f: '0', g: '1', h: '0', j: '0', i: text({ PGROUP: 'pg', UNIQ_KEY: 'u', X: 'y' }) };
    const plain = await pump(c, c.ask('SEND_MESSAGE_V2', { ext, body: 'plain' }));
    const one: Prepared = { answer: plain, queueOffset: '0', phyOffset: parseInt(String(plain.header['msgId']).slice(16), 16) };
    expect(await end(one, rollback)).toMatchObject({ code: 1, remark: 'Find prepared transaction message failed' });
  });

  test('0 and unknown types are not answered', async () => {
    const one = await prepare();
    for (const type of [0, 4, 7]) {
      const answer = c.ask('END_TRANSACTION', { ext: endExt(one, type) });
      const first = await Promise.race([answer, new Promise<string>((resolve) => { setTimeout(() => resolve('silence'), 50); })]);
      expect(first).toBe('silence');
    }
    expect(c.broker.transactions.ops.count).toBe(0);
  });

  test('a commit after the immunity that the message asked for is ILLEGAL_OPERATION, unless a check brought it', async () => {
    const one = await prepare('late', { CHECK_IMMUNITY_TIME_IN_SECONDS: '10' });
    c.clock.advance(10_001);
    expect((await end(one, commit)).code).toBe(604);
    expect((await end(one, commit, { fromTransactionCheck: 'true' })).code).toBe(0);
  });
});

describe('the check', () => {
  test('asks about an old half, stores it again, and its answer commits', async () => {
    const one = await prepare();
    await check();
    expect(asked()).toEqual([]);
    c.clock.advance(6001);
    await check();
    expect(asked()).toEqual([expect.objectContaining({ topic: halfTopic, tranStateTableOffset: '1', msgId: 'Uin doubt', transactionId: 'Uin doubt', bname: 'broker-a' })]);
    const view = new RecordView();
    const body = producer.notified[0]?.body ?? Buffer.alloc(0);
    expect(readRecord(view, body, 0, body.length, 1)).toBe('record');
    const message = decodeMessage(view);
    expect(message).toMatchObject({ topic: 'T', queueId: 2, queueOffset: 1, flag: 77 });
    expect(message.properties.get('TRANSACTION_CHECK_TIMES')).toBe('1');
    const [ask] = asked();
    const renewed = { ...one, queueOffset: ask?.['tranStateTableOffset'] ?? '', phyOffset: Number(ask?.['commitLogOffset']) };
    expect((await end(renewed, commit, { fromTransactionCheck: 'true' })).code).toBe(0);
    c.clock.advance(7000);
    await check();
    await check();
    expect(asked().length).toBe(1);
    expect((await messagesOf('T', 2)).map((m) => m.body.toString())).toEqual(['in doubt']);
    expect(c.broker.offsets.query(transactionGroup, halfTopic, 0)).toBe(2);
    expect(c.broker.offsets.query(transactionGroup, opTopic, 0)).toBe(1);
  });

  test('asks nobody about what was decided, in the log or a moment ago', async () => {
    const [a, b, open1] = [await prepare('a'), await prepare('b'), await prepare('open')];
    await end(a, commit);
    await pump(c, c.broker.transactions.ops.flush());
    await end(b, rollback);
    c.clock.advance(6001);
    await check();
    expect(asked().map((ext) => ext['msgId'])).toEqual(['Uopen']);
    expect(open1.queueOffset).toBe('2');
  });

  test('a young half ends the run; those behind it wait', async () => {
    await prepare('old');
    c.clock.advance(6001);
    await prepare('young');
    await check();
    expect(asked().map((ext) => ext['msgId'])).toEqual(['Uold']);
    expect(c.broker.offsets.query(transactionGroup, halfTopic, 0)).toBe(1);
  });

  test('after transactionCheckMax questions it is moved away, and resumed on request', async () => {
    await c.stop();
    await open({ transactionCheckMax: '2' });
    await prepare();
    for (let i = 0; i < 4; i++) {
      c.clock.advance(6001);
      await check();
    }
    expect(asked().length).toBe(2);
    const [gone] = await messagesOf(givenUpTopic);
    expect(gone?.properties.get('TRANSACTION_CHECK_TIMES')).toBe('2');
    expect(c.broker.topics.get(givenUpTopic)?.config).toMatchObject({ readQueueNums: 1, writeQueueNums: 1, perm: 6 });
    expect((await pump(c, c.ask('RESUME_CHECK_HALF_MESSAGE', { ext: { topic: givenUpTopic, msgId: gone?.msgId ?? '' } }))).code).toBe(0);
    expect((await messagesOf(halfTopic)).at(-1)?.properties.get('TRANSACTION_CHECK_TIMES')).toBe('0');
    c.clock.advance(6001);
    await check();
    expect(asked().length).toBe(3);
    expect(await pump(c, c.ask('RESUME_CHECK_HALF_MESSAGE', { ext: { msgId: 'x' } }))).toMatchObject({ code: 1, remark: 'Exception was thrown when putting message back to RMQ_SYS_TRANS_HALF_TOPIC.' });
  });

  test('an immunity of its own is kept, holds up nobody, and is not counted', async () => {
    const one = await prepare('slow', { CHECK_IMMUNITY_TIME_IN_SECONDS: '60' });
    await prepare('quick');
    c.clock.advance(6001);
    await check();
    expect(asked().map((ext) => ext['msgId'])).toEqual(['Uquick']);
    expect((await messagesOf(halfTopic))[2]?.properties.get('TRAN_PREPARED_QUEUE_OFFSET')).toBe(one.queueOffset);
    c.clock.advance(10_000);
    await end(one, commit);
    for (let i = 0; i < 6; i++) {
      c.clock.advance(20_000);
      await check();
    }
    expect(asked().map((ext) => ext['msgId'])).not.toContain('Uslow');
  });

  test('without a producer it counts as a question that nobody heard', async () => {
    await prepare();
    producer.close();
    c.broker.producers.connectionClosed(producer);
    c.clock.advance(6001);
    await check();
    expect(c.broker.transactions.sender).toMatchObject({ sent: 0, unheard: 1 });
    expect((await messagesOf(halfTopic)).length).toBe(2);
  });

  test('producers are asked in turn', async () => {
    const second = new Peer(10);
    c.broker.producers.register('pg', { clientId: 'p@10', connection: second, language: 'JAVA', version: 513, lastUpdateMs: c.clock.nowMs() });
    await prepare('a');
    await prepare('b');
    c.clock.advance(6001);
    await check();
    expect([producer.notified.length, second.notified.length]).toEqual([1, 1]);
  });

  test('counts of undecided halves are kept', async () => {
    const one = await prepare();
    await prepare('b');
    await end(one, commit);
    await c.stop();
    const file = c.disk.open('/data/config/transactionMetrics', 'read');
    const bytes = Buffer.alloc(4096);
    const length = file.readSync(bytes, 0);
    file.close();
    expect(JSON.parse(bytes.toString('utf8', 0, length))).toMatchObject({ transactionCount: { T: { count: 1 } }, dataVersion: expect.anything() });
    await open();
  });
});
