import { afterEach, describe, expect, test } from '@jest/globals';
import { crc31 } from '../../codec/crc32.js';
import { answer, Composed } from './testdata/composed.js';

let c: Composed;
afterEach(async () => { await c.stop(); });

const tick = () => new Promise<void>((resolve) => { setImmediate(resolve); });
const topicsIn = (body: Buffer | undefined) => (JSON.parse(String(body)) as { topicConfigSerializeWrapper: { topicConfigTable: Record<string, { perm: number }> } }).topicConfigSerializeWrapper.topicConfigTable;
const take = () => c.toNamesrv.splice(0).map(({ address, request }) => ({ address, code: request.code, ext: request.ext, topics: request.body === undefined ? [] : Object.keys(topicsIn(request.body)), body: request.body }));

describe('registration', () => {
  test('goes to every name server at start, periodically, and for changed topics only these', async () => {
    c = await Composed.open({ namesrvAddr: 'ns1:9876;ns2:9876', brokerName: 'b1' });
    await c.broker.start();
    const first = take();
    expect(first.map((one) => [one.address, one.code, one.topics.length])).toEqual([['ns1:9876', 103, 15], ['ns2:9876', 103, 15]]);
    expect(first[0]?.ext).toEqual({
      bodyCrc32: String(crc31(first[0]?.body ?? Buffer.alloc(0), 0, first[0]?.body?.length ?? 0)), brokerAddr: '127.0.0.1:10911', brokerId: '0', brokerName: 'b1',
      clusterName: 'DefaultCluster', compressed: 'false', enableActingMaster: 'false', haServerAddr: '127.0.0.1:10912',
    });
    expect(Object.keys((JSON.parse(String(first[0]?.body)) as { topicConfigSerializeWrapper: object }).topicConfigSerializeWrapper))
      .toEqual(['dataVersion', 'mappingDataVersion', 'topicConfigTable', 'topicQueueMappingDetailMap', 'topicQueueMappingInfoMap']);
    await c.send('New');
    c.broker.topics.createOnSendBack('%RETRY%g', 1, 6, 0);
    c.clock.advance(0);
    await tick();
    expect(take().map((one) => [one.address, one.topics])).toEqual([['ns1:9876', ['New', '%RETRY%g']], ['ns2:9876', ['New', '%RETRY%g']]]);
    c.clock.advance(30_000);
    await tick();
    expect(take().map((one) => one.topics.length)).toEqual([17, 17]);
  });

  test('a topic made by an admin is registered before the answer', async () => {
    c = await Composed.open({ namesrvAddr: 'ns1:9876' });
    await c.broker.start();
    take();
    await c.ask('UPDATE_AND_CREATE_TOPIC', { ext: { topic: 'A', defaultTopic: 'TBW102', readQueueNums: '1', writeQueueNums: '1', perm: '6', topicFilterType: 'SINGLE_TAG', order: 'false' } });
    expect(take().map((one) => one.topics)).toEqual([['A']]);
  });

  test('of two topics changed at once both are told, each version once', async () => {
    c = await Composed.open({ namesrvAddr: 'ns1:9876' });
    await c.broker.start();
    take();
    const change = (topic: string, queues: string) => c.ask('UPDATE_AND_CREATE_TOPIC', { ext: { topic, defaultTopic: 'TBW102', readQueueNums: queues, writeQueueNums: queues, perm: '6', topicFilterType: 'SINGLE_TAG', order: 'false' } });
    await Promise.all([change('A', '1'), change('B', '1')]);
    await Promise.all([change('A', '2'), change('B', '3')]);
    const told = take().map(({ body }) => (JSON.parse(String(body)) as { topicConfigSerializeWrapper: { dataVersion: { counter: number }; topicConfigTable: Record<string, { readQueueNums: number }> } }).topicConfigSerializeWrapper);
    const versions = told.map(({ dataVersion }) => dataVersion.counter);
    expect(new Set(versions).size).toBe(versions.length);
    const last = Object.assign({}, ...told.map(({ topicConfigTable }) => topicConfigTable)) as Record<string, { readQueueNums: number }>;
    expect([last['A']?.readQueueNums, last['B']?.readQueueNums]).toEqual([2, 3]);
  });

  test('what fails is tried again soon, whole, and more slowly each time', async () => {
    c = await Composed.open({ namesrvAddr: 'ns1:9876' });
    c.namesrvAnswer = () => new Error('refused');
    await c.broker.start();
    expect([take().length, c.broker.registration.registeredWith()]).toEqual([1, []]);
    for (const [advance, tries] of [[499, 0], [1, 1], [999, 0], [1, 1]] as const) {
      c.clock.advance(advance);
      await tick();
      expect(take().length).toBe(tries);
    }
    c.namesrvAnswer = () => answer(0);
    c.clock.advance(2000);
    await tick();
    expect([take()[0]?.topics.length, c.broker.registration.registeredWith()]).toEqual([15, ['ns1:9876']]);
    c.namesrvAnswer = () => answer(1, { remark: 'crc32 not match' });
    c.clock.advance(26_500);
    await tick();
    expect([take().length, c.broker.registration.registeredWith()]).toEqual([1, []]);
  });

  test('a permission taken from the broker is taken from its topics, at once', async () => {
    c = await Composed.open({ namesrvAddr: 'ns1:9876' });
    await c.broker.start();
    const version = c.broker.topics.dataVersion.counter;
    take();
    await c.ask('UPDATE_BROKER_CONFIG', { body: 'brokerPermission=4' });
    const [again] = take();
    expect([topicsIn(again?.body)['TBW102']?.perm, c.broker.topics.dataVersion.counter]).toEqual([4, version + 1]);
  });

  test('the order topics of the answer become ordered', async () => {
    c = await Composed.open({ namesrvAddr: 'ns1:9876' });
    c.broker.topics.createOnSend('O', 'TBW102', 'x', 4, 0);
    c.namesrvAnswer = () => answer(0, { body: Buffer.from('{"table":{"O":"broker-a:4","Unknown":"x"}}') });
    await c.broker.start();
    expect(c.broker.topics.get('O')?.config.order).toBe(true);
  });

  test('a stop takes the broker off every name server', async () => {
    c = await Composed.open({ namesrvAddr: 'ns1:9876,ns2:9876', brokerIP1: '192.0.2.9' });
    await c.broker.start();
    take();
    await c.broker.registration.stop();
    expect(take().map((one) => [one.address, one.code, one.ext])).toEqual(['ns1:9876', 'ns2:9876'].map((address) =>
      [address, 104, { brokerAddr: '192.0.2.9:10911', brokerId: '0', brokerName: 'broker-a', clusterName: 'DefaultCluster' }]));
    c.clock.advance(120_000);
    await tick();
    expect(take()).toEqual([]);
  });
});
