import { afterEach, describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../remoting/clocks.js';
import { Composed } from './testdata/composed.js';
import { isUnspecific } from './broker.js';
import { byteCount } from './admin-runtime.js';
import { StatsItem } from './statistics.js';

let c: Composed | undefined;
afterEach(async () => { await c?.stop(); c = undefined; });

describe('a broker', () => {
  test('keeps topics, groups and offsets over a restart', async () => {
    const first = await Composed.open();
    await first.send('Kept', 1);
    await first.ask('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP', { body: '{"groupName":"kept","retryMaxTimes":3}' });
    await first.ask('UPDATE_CONSUMER_OFFSET', { ext: { consumerGroup: 'kept', topic: 'Kept', queueId: '1', commitOffset: '1' } });
    await first.stop();
    c = await Composed.open({}, first.disk);
    expect(c.broker.topics.get('Kept')?.config.readQueueNums).toBe(4);
    expect(c.broker.groups.get('kept')?.retryMaxTimes).toBe(3);
    expect(c.broker.offsets.query('kept', 'Kept', 1)).toBe(1);
    expect((await c.ask('GET_MAX_OFFSET', { ext: { topic: 'Kept', queueId: '1' } })).header).toEqual({ offset: 1 });
  });

  test('a killed process keeps the topics and groups it told of', async () => {
    const first = await Composed.open();
    await first.send('Told');
    await first.ask('HEART_BEAT', { body: '{"clientID":"a","consumerDataSet":[{"groupName":"told","subscriptionDataSet":[]}]}' });
    first.disk.crash();
    first.disk.restart('kill');
    c = await Composed.open({}, first.disk);
    expect([c.broker.topics.get('Told')?.name, c.broker.topics.get('%RETRY%told')?.name, c.broker.groups.get('told')?.groupName]).toEqual(['Told', '%RETRY%told', 'told']);
  });

  test('a table that cannot be read stops it with a clear text', async () => {
    const first = await Composed.open();
    await first.stop();
    for (const name of ['topics.json', 'topics.json.bak']) first.disk.place(`/data/config/${name}`, Buffer.from('{"topicConfigTable":'));
    await expect(Composed.open({}, first.disk)).rejects.toThrow(/topics\.json.*topics\.json\.bak/);
  });

  test('its address is what is configured, and routes follow the client only without', async () => {
    c = await Composed.open({ brokerIP1: '192.0.2.7' });
    expect([c.broker.context.brokerAddress(), c.broker.context.storeHost().toString('hex'), c.broker.routeHost('10.0.0.1')])
      .toEqual(['192.0.2.7:10911', 'c000020700002a9f', undefined]);
    expect(['0.0.0.0', '::', '', '127.0.0.1'].map(isUnspecific)).toEqual([true, true, true, false]);
  });
});

/** Header fields of a pull of queue 0 from its start that brings its subscription. */
function pullFields(topic: string, maxMsgNums: number): Record<string, string> {
  return {
    consumerGroup: 'g', topic, queueId: '0', queueOffset: '0', maxMsgNums: String(maxMsgNums), sysFlag: '4', commitOffset: '0', suspendTimeoutMillis: '0',
    subscription: '*', subVersion: '0', expressionType: 'TAG',
  };
}

describe('figures', () => {
  test('rates are of the last 10, 60 and 600 seconds', () => {
    const clock = new ManualClock(1_000_000);
    const item = new StatsItem();
    expect(item.rates('value')).toBe('0.0 0.0 0.0');
    for (let second = 0; second < 700; second += 10) {
      // 10 a second in pieces of 50 for a while, then 2 a second.
      const [times, value] = second < 660 ? [2, 50] : [1, 20];
      for (let i = 0; i < times; i++) item.add(value);
      clock.advance(10_000);
      item.sample('minute', clock.nowMs());
      if ((second + 10) % 600 === 0) item.sample('hour', clock.nowMs());
    }
    expect(item.rates('value')).toBe(`2.0 ${(20 * 4 + 100 * 2) / 60} 10.0`);
    expect(item.rates('times')).toBe(`0.1 ${(4 + 4) / 60} 0.2`);
  });

  test('a counter is the difference between the ends of its window', () => {
    const clock = new ManualClock(1_000_000);
    const item = new StatsItem();
    expect(item.snapshot('minute')).toEqual({ sum: 0, tps: 0, avgpt: 0 });
    for (let i = 0; i < 9; i++) {
      item.add(20);
      item.add(10);
      item.sample('minute', clock.nowMs());
      clock.advance(10_000);
    }
    // Seven samples are kept: six gaps of ten seconds.
    expect(item.snapshot('minute')).toEqual({ sum: 180, tps: 3, avgpt: 15 });
  });

  test('byte counts are Java texts', () => expect([0, 1023, 1024, 1536, 5 * 1024 ** 3].map(byteCount)).toEqual(['0 B', '1023 B', '1.0 KiB', '1.5 KiB', '5.0 GiB']));

  test('a changed limit of the store counts from the next pull on', async () => {
    c = await Composed.open();
    for (let i = 0; i < 5; i++) await c.send('Limited');
    const ext = pullFields('Limited', 32);
    expect((await c.ask('PULL_MESSAGE', { ext })).header).toMatchObject({ nextBeginOffset: 5 });
    expect((await c.ask('UPDATE_BROKER_CONFIG', { body: 'maxTransferCountOnMessageInMemory=3' })).code).toBe(0);
    expect((await c.ask('PULL_MESSAGE', { ext })).header).toMatchObject({ nextBeginOffset: 3 });
  });

  test('puts and gets are counted where they happen', async () => {
    c = await Composed.open();
    for (let i = 0; i < 3; i++) await c.send('Counted');
    const ext = pullFields('Counted', 2);
    expect((await c.ask('PULL_MESSAGE', { ext })).code).toBe(0);
    expect((await c.ask('PULL_MESSAGE', { ext: { ...ext, queueOffset: '9' } })).code).not.toBe(0); // counts nothing
    await c.send('BenchmarkTest'); // a system topic: not in the totals of a day
    expect((await c.ask('PULL_MESSAGE', { ext: pullFields('BenchmarkTest', 2) })).code).toBe(0);
    c.broker.statistics.sample('minute');
    expect([c.broker.statistics.item('TOPIC_PUT_NUMS', 'BenchmarkTest')?.value, c.broker.statistics.item('BROKER_PUT_NUMS', 'DefaultCluster')?.value]).toEqual([1, 4]);
    expect(c.broker.statistics.item('TOPIC_PUT_NUMS', 'Counted')?.snapshot('minute').sum).toBe(3);
    expect(c.broker.statistics.getTps('g', 'Counted')).toBeCloseTo(0.2);
    expect(c.broker.statistics.totals()).toMatchObject({ msgPutTotalTodayNow: '3', msgGetTotalTodayNow: '2' });
    await c.ask('DELETE_TOPIC_IN_BROKER', { ext: { topic: 'Counted' } });
    expect(c.broker.statistics.item('TOPIC_PUT_NUMS', 'Counted')).toBeUndefined();
  });
});
