/** The name server over loopback: several brokers, masters and slaves, expiry, conflicts, lists, configuration, bad input. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import { encodeCommand } from '../../codec/header.js';
import { requests } from '../../codec/requests.js';
import { register, startRig, type NamesrvPeer, type Rig, type RigOptions } from './testdata/rig.js';

const rigs: Rig[] = [];

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
});

async function setUp(options: RigOptions = {}): Promise<{ rig: Rig; peer: NamesrvPeer }> {
  const rig = await startRig(options);
  rigs.push(rig);
  return { rig, peer: await rig.peer() };
}

async function routeOf(peer: NamesrvPeer, topic: string, ext: Record<string, string> = {}): Promise<{
  brokerDatas: { brokerName: string; brokerAddrs: Record<string, string>; zoneName?: string }[];
  queueDatas: { brokerName: string; perm: number }[];
  orderTopicConf?: string;
  filterServerTable: Record<string, string[]>;
} | undefined> {
  const answer = await peer.ask('GET_ROUTEINFO_BY_TOPIC', { topic }, { ext });
  return answer.code === 0 ? JSON.parse(answer.body.toString()) as never : undefined;
}

async function soon(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !condition(); i++) await new Promise<void>((resolve) => setTimeout(resolve, 1));
  expect(condition()).toBe(true);
}

describe('masters and slaves', () => {
  test('two brokers and a slave: routes, members, the slave learns its master', async () => {
    const { peer } = await setUp();
    const { rig } = { rig: rigs[0] as Rig };
    const slavePeer = await rig.peer();
    expect((await register(peer)).ext.size).toBe(0);
    await register(await rig.peer(), { name: 'broker-b', addr: '10.0.0.2:10911', topics: ['T1', 'T3'] });
    const slave = await register(slavePeer, { id: 1, addr: '10.0.0.3:10911', topics: ['T1', 'T2', 'OnlySlave'] });
    expect(Object.fromEntries(slave.ext)).toEqual({ masterAddr: '10.0.0.1:10911', haServerAddr: '10.0.0.1:10912' });
    const route = await routeOf(peer, 'T1');
    expect(route?.brokerDatas.map((data) => [data.brokerName, data.brokerAddrs])).toEqual([
      ['broker-a', { 0: '10.0.0.1:10911', 1: '10.0.0.3:10911' }], ['broker-b', { 0: '10.0.0.2:10911' }],
    ]);
    expect(route?.queueDatas.map((queue) => queue.brokerName)).toEqual(['broker-a', 'broker-b']);
    // Topics come from the master, not from a slave beside it.
    expect(await routeOf(peer, 'OnlySlave')).toBeUndefined();
    const members = await peer.ask('GET_BROKER_MEMBER_GROUP', { clusterName: 'c', brokerName: 'broker-a' });
    expect(members.body.toString()).toBe('{"brokerMemberGroup":{"brokerAddrs":{0:"10.0.0.1:10911",1:"10.0.0.3:10911"},"brokerName":"broker-a","cluster":"c"}}');
    const system = await peer.ask('GET_SYSTEM_TOPIC_LIST_FROM_NS', {});
    expect(JSON.parse(system.body.toString())).toEqual({ topicList: ['c', 'broker-a', 'broker-b'], brokerAddr: '10.0.0.1:10911' });
    const cluster = await peer.ask('GET_TOPICS_BY_CLUSTER', { cluster: 'c' });
    expect((JSON.parse(cluster.body.toString()) as { topicList: string[] }).topicList.sort()).toEqual(['T1', 'T2', 'T3']);
    expect((await peer.ask('GET_TOPICS_BY_CLUSTER', { cluster: 'nope' })).body.toString()).toBe('{"topicList":[]}');
  });

  test('a lost connection takes its broker with it, and the master\'s queues only with the last address', async () => {
    const { rig, peer } = await setUp();
    const master = await rig.peer();
    const slave = await rig.peer();
    await register(master);
    await register(slave, { id: 1, addr: '10.0.0.3:10911' });
    await master.close();
    await soon(() => rig.server.table.dataVersion('c', '10.0.0.1:10911') === undefined || rig.remoting.connectionCount === 2);
    expect((await routeOf(peer, 'T1'))?.brokerDatas[0]?.brokerAddrs).toEqual({ 1: '10.0.0.3:10911' });
    await slave.close();
    await soon(() => rig.remoting.connectionCount === 1);
    expect(await routeOf(peer, 'T1')).toBeUndefined();
    expect((await peer.ask('GET_BROKER_CLUSTER_INFO', {})).body.toString()).toBe('{"brokerAddrTable":{},"clusterAddrTable":{}}');
    expect((await peer.ask('GET_ALL_TOPIC_LIST_FROM_NAMESERVER', {})).body.toString()).toBe('{"topicList":[]}');
  });

  test('a slave that becomes master keeps one id for its address', async () => {
    const { peer } = await setUp();
    await register(peer, { id: 1, addr: '10.0.0.3:10911' });
    await register(peer, { id: 0, addr: '10.0.0.3:10911', topics: ['T1', 'T2'] });
    expect((await routeOf(peer, 'T1'))?.brokerDatas[0]?.brokerAddrs).toEqual({ 0: '10.0.0.3:10911' });
  });

  test('the prime slave of a masterless group brings topics without write permission and is shown as master on request', async () => {
    const { rig, peer } = await setUp({ config: { supportActingMaster: true } });
    await register(peer, { id: 2, addr: '10.0.0.4:10911', actingMaster: true });
    await register(peer, { id: 3, addr: '10.0.0.5:10911', actingMaster: true, topics: ['T1', 'T2', 'T9'] });
    const route = await routeOf(peer, 'T1');
    expect(route?.queueDatas[0]?.perm).toBe(4);
    expect(route?.brokerDatas[0]?.brokerAddrs).toEqual({ 0: '10.0.0.4:10911', 3: '10.0.0.5:10911' });
    expect(await routeOf(peer, 'T9')).toBeUndefined();
    rig.config.supportActingMaster = false;
    expect((await routeOf(peer, 'T1'))?.brokerDatas[0]?.brokerAddrs).toEqual({ 2: '10.0.0.4:10911', 3: '10.0.0.5:10911' });
  });

  test('when an acting-master group loses its master its queues become read only, and the others are told', async () => {
    const { rig, peer } = await setUp({ config: { notifyMinBrokerIdChanged: true } });
    await register(peer, { actingMaster: true });
    await register(peer, { id: 1, addr: '10.0.0.3:10911', actingMaster: true });
    await peer.ask('UNREGISTER_BROKER', { clusterName: 'c', brokerName: 'broker-a', brokerId: 0n, brokerAddr: '10.0.0.1:10911' });
    expect((await routeOf(peer, 'T1'))?.queueDatas[0]?.perm).toBe(4);
    expect(rig.told).toEqual([['10.0.0.3:10911', { code: 905, ext: { minBrokerId: '1', minBrokerAddr: '10.0.0.3:10911', offlineBrokerAddr: '10.0.0.1:10911' } }]]);
    await register(peer, { actingMaster: true, counter: 2 });
    expect((await routeOf(peer, 'T1'))?.queueDatas[0]?.perm).toBe(6);
    expect(rig.told[1]).toEqual(['10.0.0.3:10911', { code: 905, ext: { minBrokerId: '0', minBrokerAddr: '10.0.0.1:10911', haBrokerAddr: '10.0.0.1:10912' } }]);
  });
});

describe('registration rules', () => {
  test('an unchanged version leaves the queues as they are; a new one replaces them', async () => {
    const { peer } = await setUp();
    await register(peer);
    await peer.ask('WIPE_WRITE_PERM_OF_BROKER', { brokerName: 'broker-a' });
    await register(peer);
    expect((await routeOf(peer, 'T1'))?.queueDatas[0]?.perm).toBe(4);
    await register(peer, { counter: 2 });
    expect((await routeOf(peer, 'T1'))?.queueDatas[0]?.perm).toBe(6);
  });

  test('an incremental registration adds its one topic and leaves the others, unless registrations delete', async () => {
    const { rig, peer } = await setUp();
    expect(await register(peer, { topics: ['New'] })).toMatchObject({ code: 1, remark: 'register broker failed' });
    expect((await peer.ask('GET_BROKER_CLUSTER_INFO', {})).body.toString()).toBe('{"brokerAddrTable":{},"clusterAddrTable":{}}');
    await register(peer);
    expect((await register(peer, { topics: ['New'], counter: 2 })).code).toBe(0);
    expect([...rig.server.table.allTopics()].sort()).toEqual(['New', 'T1', 'T2']);
    rig.config.deleteTopicWithBrokerRegistration = true;
    await register(peer, { topics: ['New', 'T2'], counter: 3 });
    expect([...rig.server.table.allTopics()].sort()).toEqual(['New', 'T2']);
  });

  test('of two addresses with one broker id the larger state version wins, else the later', async () => {
    const { peer } = await setUp();
    await register(peer, { stateVersion: 5 });
    const ignored = await register(peer, { addr: '10.0.0.9:10911', stateVersion: 4, topics: ['T1', 'Other'] });
    expect(ignored.code).toBe(0);
    expect((await routeOf(peer, 'T1'))?.brokerDatas[0]?.brokerAddrs).toEqual({ 0: '10.0.0.1:10911' });
    expect(await routeOf(peer, 'Other')).toBeUndefined();
    await register(peer, { addr: '10.0.0.9:10911', stateVersion: 5 });
    expect((await routeOf(peer, 'T1'))?.brokerDatas[0]?.brokerAddrs).toEqual({ 0: '10.0.0.9:10911' });
  });

  test('QUERY_DATA_VERSION tells whether the version is another, gives the known one, and counts as a sign of life', async () => {
    const { rig, peer } = await setUp();
    const header = { clusterName: 'c', brokerName: 'broker-a', brokerId: 0n, brokerAddr: '10.0.0.1:10911' };
    const ask = (body: string): ReturnType<NamesrvPeer['ask']> => peer.ask('QUERY_DATA_VERSION', header, { body });
    const unknown = await ask('{"counter":1,"stateVersion":0,"timestamp":1000}');
    expect([unknown.ext.get('changed'), unknown.body.length]).toEqual(['true', 0]);
    await register(peer);
    const same = await ask('{"counter":1,"stateVersion":0,"timestamp":1000}');
    expect([same.ext.get('changed'), same.body.toString()]).toEqual(['false', '{"counter":1,"stateVersion":0,"timestamp":1000}']);
    expect((await ask('{"counter":2,"stateVersion":0,"timestamp":1000}')).ext.get('changed')).toBe('true');
    for (let i = 0; i < 5; i++) {
      rig.clock.advance(60_000);
      await ask('{}');
    }
    expect(await routeOf(peer, 'T1')).toBeDefined();
  });

  test('a checksum that does not match is refused', async () => {
    const { peer } = await setUp();
    const answer = await peer.ask('REGISTER_BROKER', {
      clusterName: 'c', brokerName: 'b', brokerAddr: '1.1.1.1:1', haServerAddr: '', brokerId: 0n, compressed: false, bodyCrc32: 12345,
    }, { body: '{}' });
    expect(answer).toMatchObject({ code: 1, remark: 'crc32 not match' });
  });

  test('the order topics come with the answer to a registration, and with routes when switched on', async () => {
    const { rig, peer } = await setUp();
    await peer.ask('PUT_KV_CONFIG', { namespace: 'ORDER_TOPIC_CONFIG', key: 'T1', value: 'broker-a:4;broker-b:4' });
    expect((await register(peer)).body.toString()).toBe('{"table":{"T1":"broker-a:4;broker-b:4"}}');
    expect((await routeOf(peer, 'T1'))?.orderTopicConf).toBeUndefined();
    rig.config.orderMessageEnable = true;
    rig.config.returnOrderTopicConfigToBroker = false;
    expect((await routeOf(peer, 'T1'))?.orderTopicConf).toBe('broker-a:4;broker-b:4');
    expect((await register(peer)).body.length).toBe(0);
  });

  test('filter servers are part of the route and go with their broker', async () => {
    const { peer } = await setUp();
    await register(peer, { filterServers: ['10.0.0.1:30000'] });
    expect((await routeOf(peer, 'T1'))?.filterServerTable).toEqual({ '10.0.0.1:10911': ['10.0.0.1:30000'] });
    await register(peer, { counter: 2 });
    expect((await routeOf(peer, 'T1'))?.filterServerTable).toEqual({});
  });

  test('unit lists follow the flags of topics', async () => {
    const { peer } = await setUp();
    await register(peer, { topics: [{ name: 'plain' }, { name: 'unit', sysFlag: 1 }, { name: 'sub', sysFlag: 2 }, { name: 'both', sysFlag: 3 }] });
    const listOf = async (name: 'GET_UNIT_TOPIC_LIST' | 'GET_HAS_UNIT_SUB_TOPIC_LIST' | 'GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST'): Promise<string[]> =>
      (JSON.parse((await peer.ask(name, {})).body.toString()) as { topicList: string[] }).topicList;
    expect(await listOf('GET_UNIT_TOPIC_LIST')).toEqual(['unit', 'both']);
    expect(await listOf('GET_HAS_UNIT_SUB_TOPIC_LIST')).toEqual(['sub', 'both']);
    expect(await listOf('GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST')).toEqual(['sub']);
  });
});

describe('time', () => {
  test('a silent broker expires after its own time-out or 120 s, and its connection closes', async () => {
    const { rig, peer } = await setUp();
    const quick = await rig.peer();
    const slow = await rig.peer();
    await register(quick, { timeoutMs: 10_000 });
    await register(slow, { name: 'broker-b', addr: '10.0.0.2:10911', topics: ['T1', 'T3'] });
    rig.clock.advance(10_000);
    expect((await routeOf(peer, 'T1'))?.queueDatas).toHaveLength(2);
    rig.clock.advance(5000);
    expect((await routeOf(peer, 'T1'))?.queueDatas.map((queue) => queue.brokerName)).toEqual(['broker-b']);
    await soon(() => rig.remoting.connectionCount === 2);
    rig.clock.advance(60_000);
    await slow.ask('BROKER_HEARTBEAT', { clusterName: 'c', brokerName: 'broker-b', brokerAddr: '10.0.0.2:10911' });
    await peer.ask('GET_SYSTEM_TOPIC_LIST_FROM_NS', {});
    rig.clock.advance(115_000);
    expect(await routeOf(peer, 'T1')).toBeDefined();
    rig.clock.advance(10_000);
    expect(await routeOf(peer, 'T1')).toBeUndefined();
  });

  test('routes wait for the start to settle when asked to', async () => {
    const { rig, peer } = await setUp({ config: { needWaitForService: true, waitSecondsForService: 45 } });
    await register(peer);
    rig.clock.advance(44_999);
    expect(await peer.ask('GET_ROUTEINFO_BY_TOPIC', { topic: 'T1' })).toMatchObject({ code: 1, remark: 'name server not ready' });
    rig.clock.advance(1);
    expect((await peer.ask('GET_ROUTEINFO_BY_TOPIC', { topic: 'T1' })).code).toBe(0);
  });
});

describe('zones', () => {
  test('a client in zone mode sees its zone and what has no master', async () => {
    const { peer } = await setUp();
    await register(peer, { zone: 'East' });
    await register(peer, { name: 'broker-b', addr: '10.0.0.2:10911', zone: 'west' });
    await register(peer, { name: 'broker-c', addr: '10.0.0.3:10911', id: 1, actingMaster: true, zone: 'west' });
    const names = async (ext: Record<string, string>): Promise<(string | undefined)[]> => (await routeOf(peer, 'T1', ext))?.queueDatas.map((queue) => queue.brokerName) ?? [];
    expect(await names({})).toEqual(['broker-a', 'broker-b', 'broker-c']);
    expect(await names({ __ZONE_MODE: 'true', __ZONE_NAME: 'EAST' })).toEqual(['broker-a', 'broker-c']);
    expect(await names({ __ZONE_MODE: 'false', __ZONE_NAME: 'east' })).toHaveLength(3);
    expect((await routeOf(peer, 'T1'))?.brokerDatas[0]?.zoneName).toBe('East');
  });
});

describe('KV configs and configuration', () => {
  test('KV configs survive a restart, in Apache\'s file', async () => {
    const { rig, peer } = await setUp();
    await peer.ask('PUT_KV_CONFIG', { namespace: 'NS', key: 'k', value: 'v "quoted" ü' });
    expect(fs.readFileSync(path.join(rig.dir, 'kvConfig.json'), 'utf8')).toBe('{"configTable":{"NS":{"k":"v \\"quoted\\" ü"}}}');
    const again = await startRig({ dir: rig.dir });
    rigs.unshift(again);
    const reader = await again.peer();
    expect((await reader.ask('GET_KV_CONFIG', { namespace: 'NS', key: 'k' })).ext.get('value')).toBe('v "quoted" ü');
    expect((await reader.ask('GET_KVLIST_BY_NAMESPACE', { namespace: 'NS' })).body.toString()).toBe('{"table":{"k":"v \\"quoted\\" ü"}}');
    expect(await reader.ask('GET_KV_CONFIG', { namespace: 'NS', key: 'x' })).toMatchObject({ code: 22, remark: 'No config item, Namespace: NS Key: x' });
    expect(await reader.ask('GET_KVLIST_BY_NAMESPACE', { namespace: 'none' })).toMatchObject({ code: 22, remark: 'No config item, Namespace: none' });
  });

  test('a disk that refuses the KV file refuses the change, and the old value stays', async () => {
    const { rig, peer } = await setUp();
    for (const missing of [{}, { namespace: 'NS' }, { key: 'k', value: 'v' }]) {
      expect(await peer.ask('PUT_KV_CONFIG', missing)).toMatchObject({ code: 1, remark: 'namespace or key is null' });
    }
    await peer.ask('PUT_KV_CONFIG', { namespace: 'NS', key: 'gone', value: 'v' });
    expect(await peer.ask('PUT_KV_CONFIG', { namespace: 'NS', key: 'gone' })).toMatchObject({ code: 0 });
    expect(await peer.ask('GET_KV_CONFIG', { namespace: 'NS', key: 'gone' })).toMatchObject({ code: 22 });
    await peer.ask('PUT_KV_CONFIG', { namespace: 'NS', key: 'k', value: 'old' });
    await rig.server.kv.flush();
    fs.mkdirSync(path.join(rig.dir, 'kvConfig.json.tmp'));
    const answer = await peer.ask('PUT_KV_CONFIG', { namespace: 'NS', key: 'k', value: 'new' });
    expect(answer.code).toBe(1);
    expect(answer.remark).toMatch(/^KV config cannot be saved: /);
    expect((await peer.ask('DELETE_KV_CONFIG', { namespace: 'NS', key: 'k' })).code).toBe(1);
    expect((await peer.ask('GET_KV_CONFIG', { namespace: 'NS', key: 'k' })).ext.get('value')).toBe('old');
    fs.rmdirSync(path.join(rig.dir, 'kvConfig.json.tmp'));
  });

  test('configuration: an allow-list, a black list, checked values, all or nothing', async () => {
    const { rig, peer } = await setUp();
    const update = (body: string): ReturnType<NamesrvPeer['ask']> => peer.ask('UPDATE_NAMESRV_CONFIG', {}, { body });
    expect((await update('enableTopicList=false\nenableAllTopicList=false\n')).code).toBe(0);
    for (const name of ['GET_ALL_TOPIC_LIST_FROM_NAMESERVER', 'GET_UNIT_TOPIC_LIST', 'GET_HAS_UNIT_SUB_TOPIC_LIST', 'GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST'] as const) {
      expect(await peer.ask(name, {})).toMatchObject({ code: 1, remark: 'disable' });
    }
    expect(await peer.ask('GET_TOPICS_BY_CLUSTER', { cluster: 'c' })).toMatchObject({ code: 1, remark: 'disable' });
    for (const key of ['kvConfigPath', 'configStorePath', 'configBlackList', 'rocketmqHome']) {
      expect(await update(`${key}=/etc/passwd`)).toMatchObject({ code: 16, remark: 'Can not update config in black list.' });
    }
    const refused = await update('enableTopicList=true\nlistenPort=1');
    expect(refused.code).toBe(29);
    expect(refused.remark).toMatch(/^config "listenPort" cannot change at run time; these can: /);
    expect(await update('enableTopicList=perhaps')).toMatchObject({ code: 29, remark: 'config enableTopicList is true or false, not "perhaps"' });
    expect(await update('waitSecondsForService=-1')).toMatchObject({ code: 29 });
    expect(rig.config.enableTopicList).toBe(false);
    expect((await peer.ask('GET_NAMESRV_CONFIG', {})).body.toString()).toContain('enableTopicList=false\n');
  });
});

describe('bad input', () => {
  const bad: readonly (readonly [string, string])[] = [
    ['a path', '../../etc/passwd'], ['NUL', 'a\0b'], ['ten thousand characters', 'x'.repeat(10_240)], ['unicode', 'тема'], ['a blank', 'a b'], ['dots', '..'],
  ];

  test.each(bad)('%s is refused as a name wherever names are kept', async (_what, name) => {
    const { rig, peer } = await setUp();
    await register(peer);
    const before = (await peer.ask('GET_BROKER_CLUSTER_INFO', {})).body.toString();
    const answers = [
      await register(peer, { topics: ['ok', name], counter: 9 }),
      await register(peer, { name, addr: '10.9.9.9:1' }),
      await register(peer, { cluster: name, addr: '10.9.9.9:1' }),
      await register(peer, { zone: name }),
      await register(peer, { addr: `${name}:1` }),
      await peer.ask('PUT_KV_CONFIG', { namespace: name, key: 'k', value: 'v' }),
      await peer.ask('PUT_KV_CONFIG', { namespace: 'n', key: name, value: 'v' }),
      await peer.ask('REGISTER_TOPIC_IN_NAMESRV', { topic: name }, { body: '{"queueDatas":[{"brokerName":"broker-a","perm":6}]}' }),
    ];
    for (const [i, answer] of answers.entries()) {
      // `..:1` and `a b:1` have their own reasons; all are refused with a remark of bounded length.
      expect([i, answer.code === 29 || (name === '..' && i === 4 && answer.code === 0)]).toEqual([i, true]);
      expect((answer.remark ?? '').length).toBeLessThan(1000);
    }
    if (name !== '..') expect((await peer.ask('GET_BROKER_CLUSTER_INFO', {})).body.toString()).toBe(before);
    expect([...rig.server.table.allTopics()].sort()).toEqual(['T1', 'T2']);
    const route = await peer.ask('GET_ROUTEINFO_BY_TOPIC', { topic: name });
    expect(route.code).toBe(17);
    expect((route.remark ?? '').length).toBeLessThan(1000);
  });

  test('bodies that are none, lying counts and bombs are refused, and the broker stays as it was', async () => {
    const { rig, peer } = await setUp();
    await register(peer);
    const send = (body: Buffer, compressed: boolean): ReturnType<NamesrvPeer['ask']> => peer.ask('REGISTER_BROKER', {
      clusterName: 'c', brokerName: 'broker-a', brokerAddr: '10.0.0.1:10911', haServerAddr: '', brokerId: 0n, compressed,
    }, { body });
    const lying = Buffer.concat([int(2), Buffer.from('{}'), int(0x7fffffff)]);
    const bodies: readonly (readonly [Buffer, boolean])[] = [
      [Buffer.from('{"topicConfigSerializeWrapper":'), false], [Buffer.from('[]'), false], [Buffer.from('not json'), false],
      [Buffer.from('not deflated'), true], [deflateSync(Buffer.alloc(2)), true], [deflateSync(lying), true],
      [deflateSync(Buffer.concat([int(-5)])), true], [deflateSync(Buffer.alloc(80 * 1024 * 1024)), true],
    ];
    for (const [body, compressed] of bodies) {
      const answer = await send(body, compressed);
      expect(answer.code).toBe(1);
      expect(answer.remark).toMatch(/^Failed to decode RegisterBrokerBody, /);
    }
    expect([...rig.server.table.allTopics()].sort()).toEqual(['T1', 'T2']);
    expect(rig.remoting.counters.exceptions).toBe(0);
  });

  test('full tables refuse what is new, renewals go on', async () => {
    const { peer } = await setUp({ limits: { brokersMax: 1, topicsMax: 3 } });
    await register(peer);
    expect(await register(peer, { name: 'broker-b', addr: '10.0.0.2:10911' })).toMatchObject({ code: 1, remark: 'register broker failed: the name server already knows 1 broker addresses (limit 1)' });
    expect(await register(peer, { topics: ['T1', 'T2', 'T3', 'T4'], counter: 2 })).toMatchObject({ code: 1, remark: 'register broker failed: the name server already knows 2 topics (limit 3)' });
    expect((await register(peer, { topics: ['T1', 'T2', 'T3'], counter: 3 })).code).toBe(0);
  });

  test('a header without its required fields names one', async () => {
    const { peer } = await setUp();
    const answer = await peer.frame(encodeCommand({ code: requests.REGISTER_BROKER.code, opaque: 5, ext: { brokerName: 'b' } }));
    expect(answer.code).toBe(1);
    expect(answer.remark).toContain('brokerAddr');
  });

  test('a code of the broker is not supported here', async () => {
    const { peer } = await setUp();
    expect(await peer.frame(encodeCommand({ code: 10, opaque: 6 }))).toMatchObject({ code: 3, remark: ' request type 10 not supported' });
  });
});

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
