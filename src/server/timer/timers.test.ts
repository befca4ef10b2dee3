import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { timerSlotBytes } from '../../codec/timer-records.js';
import { Rig, rigTopic } from './testdata/rig.js';

let rig: Rig;

beforeEach(async () => {
  rig = await new Rig().open();
});

afterEach(async () => {
  if (!rig.disk.isDown) await rig.stop();
});

const bodies = async (topic?: string): Promise<string[]> => (await rig.arrived(topic)).map(({ body }) => body);
const counts = () => rig.broker.broker.timers?.counts;
const handleOf = (answer: { header: Readonly<Record<string, unknown>> }): string => String(answer.header['recallHandle']);

describe('delivery', () => {
  test('not before its time, then with the bookkeeping', async () => {
    const at = rig.now + 5400;
    expect((await rig.send('late', { TIMER_DELIVER_MS: String(at), TAGS: 't', own: 'v' })).code).toBe(0);
    await rig.pass(5399, 1);
    expect(await bodies()).toEqual([]);
    await rig.pass(1000, 100);
    const [message] = await rig.arrived();
    expect(message?.body).toBe('late');
    expect(message?.storeTimestamp).toBeGreaterThanOrEqual(at);
    const out = at - (at % 1000);
    expect(Object.fromEntries(message?.properties ?? [])).toMatchObject({
      TAGS: 't', own: 'v', TIMER_DELIVER_MS: String(at), TIMER_OUT_MS: String(out), REAL_TOPIC: rigTopic, REAL_QID: '0', TIMER_ENQUEUE_MS: '1700000000000',
    });
    expect(Number(message?.properties.get('TIMER_DEQUEUE_MS'))).toBe(message?.storeTimestamp);
    await rig.pass(5000);
    expect(await bodies()).toEqual(['late']);
  });

  test('by time, and in the order of sending within a second', async () => {
    const at = rig.now + 20_000;
    for (let i = 0; i < 300; i++) await rig.send(`b${i}`, { TIMER_DELIVER_MS: String(at + 1500) });
    await rig.send('a', { TIMER_DELIVER_MS: String(at) });
    await rig.pass(30_000);
    expect(await bodies()).toEqual(['a', ...Array.from({ length: 300 }, (_, i) => `b${i}`)]);
  });

  test('one beyond the window is entered in steps', async () => {
    // A wheel of 2048 slots has a window of 964 s: 3000 s need three steps more.
    await rig.send('far', { TIMER_DELAY_SEC: '3000' });
    await rig.pass(2999_000, 10_000);
    expect(await bodies()).toEqual([]);
    await rig.pass(2000, 500);
    const [message] = await rig.arrived();
    expect(message?.body).toBe('far');
    expect(message?.storeTimestamp).toBeGreaterThanOrEqual(1_700_003_000_000);
    expect(message?.properties.get('TIMER_ROLL_TIMES')).toBe('3');
    expect(counts()).toMatchObject({ rolled: 3, delivered: 1 });
  });

  test('a plain message in the timer topic does not stop the timers', async () => {
    await rig.send('plain', {}, 'rmq_sys_wheel_timer');
    await rig.send('no place', { TIMER_OUT_MS: String(rig.now + 1000) }, 'rmq_sys_wheel_timer');
    await rig.send('a loop', { TIMER_OUT_MS: String(rig.now - 1000), REAL_TOPIC: 'rmq_sys_wheel_timer', REAL_QID: '0' }, 'rmq_sys_wheel_timer');
    await rig.send('out', { TIMER_OUT_MS: String(rig.now - 1000), REAL_TOPIC: '../../etc', REAL_QID: '0' }, 'rmq_sys_wheel_timer');
    await rig.send('good', { TIMER_DELAY_SEC: '3' });
    await rig.pass(6000);
    expect(await bodies()).toEqual(['good']);
    expect(await bodies('rmq_sys_wheel_timer')).toHaveLength(5);
    expect(counts()?.skipped).toBe(4);
  });

  test('a failing disk delays, and loses and repeats nothing', async () => {
    for (let i = 0; i < 10; i++) await rig.send(`m${i}`, { TIMER_DELAY_SEC: '3' });
    await rig.pass(2000);
    rig.disk.fail('write', 'ENOSPC', 3, /commitlog/);
    rig.disk.fail('write', 'EIO', 2, /timer/);
    rig.disk.fail('datasync', 'EIO', 1, /timer/);
    await rig.pass(20_000, 500);
    expect(await bodies()).toEqual(Array.from({ length: 10 }, (_, i) => `m${i}`));
    expect(counts()?.retries).toBeGreaterThan(0);
  });

  test('a clock that is set back loses nothing', async () => {
    await rig.send('first', { TIMER_DELAY_SEC: '3' });
    await rig.pass(10_000);
    rig.broker.clock.advance(-8000);
    await rig.send('second', { TIMER_DELAY_SEC: '1' });
    await rig.pass(15_000);
    expect(await bodies()).toEqual(['first', 'second']);
  });
});

describe('recall', () => {
  test('the message is not delivered, its neighbours are', async () => {
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push(await rig.send(`m${i}`, { TIMER_DELAY_SEC: '5' }));
    for (const i of [1, 3]) expect(await rig.recall(handleOf(answers[i] ?? { header: {} }))).toMatchObject({ code: 0, remark: 'not set any response code', ext: { MSG_REGION: 'DefaultRegion' } });
    await rig.pass(8000);
    expect(await bodies()).toEqual(['m0', 'm2', 'm4']);
    expect(counts()).toMatchObject({ delivered: 3, recalled: 2 });
    const metrics = JSON.parse((await rig.broker.ask('GET_TIMER_METRICS')).body) as { timingCount: Record<string, { count: number }> };
    expect(metrics.timingCount[rigTopic]?.count).toBe(0);
  });

  test('also when both are rolled', async () => {
    const answer = await rig.send('far', { TIMER_DELAY_SEC: '2500' });
    await rig.send('kept', { TIMER_DELAY_SEC: '2500' });
    await rig.pass(400_000, 10_000);
    expect((await rig.recall(handleOf(answer))).code).toBe(0);
    await rig.pass(2200_000, 10_000);
    expect(await bodies()).toEqual(['kept']);
  });

  test('also when both were not entered before the process died, and are due at the start', async () => {
    await rig.send('first', { TIMER_DELAY_SEC: '30' });
    await rig.pass(2000);
    const answer = await rig.send('gone', { TIMER_DELAY_MS: '1' });
    await rig.send('kept', { TIMER_DELAY_MS: '1' });
    expect((await rig.recall(handleOf(answer))).code).toBe(0);
    rig.crash('kill');
    rig.skip(9000);
    await rig.open();
    await rig.pass(3000, 100);
    const arrived = await rig.arrived();
    expect(arrived.map(({ body }) => body)).toEqual(['kept']);
    // As of any that was due when it was entered.
    expect(arrived[0]?.properties.get('TIMER_ENQUEUE_MS')).toBe('9223372036854775807');
    await rig.pass(30_000);
    expect(await bodies()).toEqual(['kept', 'first']);
  });

  test('also when more than a batch lies between both', async () => {
    const answer = await rig.send('gone', { TIMER_DELAY_MS: '1' });
    for (let i = 0; i < 300; i++) await rig.send(`m${i}`, { TIMER_DELAY_MS: '1' });
    expect((await rig.recall(handleOf(answer))).code).toBe(0);
    rig.crash('kill');
    rig.skip(3_000_000);
    await rig.open();
    await rig.pass(3000, 100);
    expect(await bodies()).toEqual(Array.from({ length: 300 }, (_, i) => `m${i}`));
  });

  test('a mark without its message takes nothing off the counts', async () => {
    const answer = await rig.send('m', { TIMER_DELAY_SEC: '5' });
    const handle = handleOf(answer);
    expect((await rig.recall(handle)).code).toBe(0);
    expect((await rig.recall(handle)).code).toBe(0);
    await rig.send('other', { TIMER_DELAY_SEC: '50' });
    await rig.pass(8000);
    expect(await bodies()).toEqual([]);
    expect(rig.broker.broker.timers?.figures().congestNum).toBe(1);
  });
});

describe('a restart', () => {
  test('after a stop: nothing is lost, nothing comes twice, what fell due meanwhile comes at once', async () => {
    for (let i = 0; i < 20; i++) await rig.send(`m${i}`, { TIMER_DELAY_SEC: String(i + 1) });
    await rig.pass(6500, 500);
    const before = await bodies();
    expect(before.length).toBeGreaterThan(3);
    await rig.stop();
    rig = await rig.open();
    expect(await bodies()).toEqual(before);
    await rig.pass(2000, 100);
    await rig.stop();
    rig = await rig.open();
    await rig.pass(30_000);
    expect(await bodies()).toEqual(Array.from({ length: 20 }, (_, i) => `m${i}`));
  });

  test('after a kill in the midst of a second with many', async () => {
    for (let i = 0; i < 600; i++) await rig.send(`m${i}`, { TIMER_DELIVER_MS: '1700000100000' });
    await rig.pass(1700000100000 - rig.now - 1, 1000);
    rig.broker.clock.advance(1);
    for (let i = 0; i < 30 && (await bodies()).length < 300; i++) await rig.settle(1);
    const before = (await bodies()).length;
    rig.crash('kill');
    await rig.open();
    await rig.pass(5000);
    const found = await bodies();
    expect(new Set(found).size).toBe(600);
    expect(found.length).toBeLessThanOrEqual(600 + before);
  });

  test.each([
    ['the wheel is gone', (rig: Rig) => rig.disk.unlink('/data/timerwheel')],
    ['the wheel has another length', (rig: Rig) => rig.disk.place('/data/timerwheel', Buffer.alloc(100))],
    ['the timer log is gone', (rig: Rig) => { for (const file of rig.disk.files()) if (file.includes('timerlog')) rig.disk.unlink(file); }],
    ['a slot leads behind the log', (rig: Rig) => {
      const wheel = rig.disk.content('/data/timerwheel');
      for (let pos = 0; pos < wheel.length; pos += timerSlotBytes) if (wheel.readBigInt64BE(pos) > 1_700_000_010n) wheel.writeBigInt64BE(99_999_944n, pos + 16);
      rig.disk.place('/data/timerwheel', wheel);
    }],
  ])('%s: everything that waits is entered again, what was delivered is not', async (_name, damage) => {
    for (let i = 0; i < 100; i++) await rig.send(`m${i}`, { TIMER_DELAY_SEC: String(1 + i) });
    await rig.pass(10_500, 500);
    await rig.stop();
    damage(rig);
    rig = await rig.open();
    await rig.pass(120_000);
    expect(await bodies()).toEqual(Array.from({ length: 100 }, (_, i) => `m${i}`));
    await rig.stop();
    rig = await rig.open();
    await rig.pass(3000);
    expect((await bodies()).length).toBe(100);
  });

  test('after longer than the wheel goes round', async () => {
    for (let i = 0; i < 50; i++) await rig.send(`m${i}`, { TIMER_DELAY_SEC: String(100 + i * 10) });
    await rig.pass(2000);
    await rig.stop();
    // 2048 slots: the places of times to come hold times that passed.
    rig.skip(2_048_000 - 300_000);
    await rig.open();
    for (let i = 0; i < 50; i++) await rig.send(`n${i}`, { TIMER_DELAY_SEC: String(100 + i * 10) });
    await rig.pass(700_000, 5000);
    const found = await bodies();
    expect(found.slice().sort()).toEqual([...Array.from({ length: 50 }, (_, i) => `m${i}`), ...Array.from({ length: 50 }, (_, i) => `n${i}`)].sort());
  });
});

test('figures and checkpoint', async () => {
  await rig.send('m', { TIMER_DELAY_SEC: '100' });
  await rig.pass(3000);
  const info = JSON.parse((await rig.broker.ask('GET_BROKER_RUNTIME_INFO')).body) as { table: Record<string, string> };
  expect(info.table).toMatchObject({ timerReadBehind: '0', timerOffsetBehind: '0', timerCongestNum: '1' });
  expect(info.table['timerEnqueueTps']).toMatch(/^\d+\.\d+$/);
  const checkpoint = rig.broker.broker.timers?.checkpoint();
  expect(checkpoint).toMatchObject({ lastTimerQueueOffset: 1, masterTimerQueueOffset: 1, lastTimerLogFlushPos: 52 });
  expect(rig.disk.files()).toEqual(expect.arrayContaining(['/data/config/timercheck', '/data/timerlog/00000000000000000000', '/data/timerwheel']));
});
