/** The name server: registrations by hand, routes in both dialects, permissions, lists, key-value configuration. */
import { crc32, deflateSync } from 'node:zlib';
import type { Sequence } from '../compare.js';
import type { Peer } from '../peer.js';
import { code, makeTopic } from './steps.js';

type Fields = Record<string, string | number | boolean>;

const version = (counter: number, stateVersion = 0): { counter: number; stateVersion: number; timestamp: number } => ({ counter, stateVersion, timestamp: 1_700_000_000_000 + counter });

interface Topic extends Record<string, unknown> {
  readonly topicName: string;
}

function topicConfig(topicName: string, more: Fields = {}): Topic {
  return { topicName, readQueueNums: 4, writeQueueNums: 4, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false, ...more };
}

function registration(topics: readonly Topic[], dataVersion: unknown): string {
  return JSON.stringify({
    filterServerList: [],
    topicConfigSerializeWrapper: { dataVersion, topicConfigTable: Object.fromEntries(topics.map((topic) => [topic.topicName, topic])), topicQueueMappingInfoMap: {} },
  });
}

function compressed(topics: readonly Topic[], dataVersion: unknown): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value, 'utf8');
    const head = Buffer.alloc(4);
    head.writeInt32BE(bytes.length);
    return Buffer.concat([head, bytes]);
  };
  const count = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  };
  return deflateSync(Buffer.concat([
    text(JSON.stringify(dataVersion)), count(topics.length),
    ...topics.map((t) => text([t.topicName, t['readQueueNums'], t['writeQueueNums'], t['perm'], t['topicFilterType']].join(' '))), text('[]'), count(0),
  ]));
}

const ask = (peer: Peer, label: string, requestCode: number, ext: Fields = {}, more: { body?: Buffer | string; version?: number; client?: string } = {}): ReturnType<Peer['ask']> =>
  peer.ask(label, requestCode, ext, { to: 'namesrv', ...more });

/** Apache carries unregistrations out in the background. */
const clusterInfoLacks = (peer: Peer, name: string): Promise<void> => peer.until(`${name} is gone`, 8000, async () => {
  const info = await peer.ask('', code.GET_BROKER_CLUSTER_INFO, {}, { to: 'namesrv', quiet: true });
  return info !== undefined && !info.body.toString('utf8').includes(`"${name}"`);
});

const header = (brokerName: string, brokerId: number, port: number, more: Fields = {}): Fields => ({
  brokerName, brokerAddr: `10.1.1.1:${port}`, clusterName: 'DiffCluster', haServerAddr: `10.1.1.1:${port + 1}`, brokerId, compressed: false, bodyCrc32: 0, ...more,
});

const registering: Sequence = {
  name: 'brokers registered by hand',
  async run(peer) {
    const register = (label: string, ext: Fields, body?: Buffer | string, clientVersion = 513): Promise<unknown> =>
      ask(peer, `register ${label}`, code.REGISTER_BROKER, ext, { ...(body === undefined ? {} : { body }), version: clientVersion, client: 'broker' });
    const look = async (topic: string): Promise<void> => {
      await ask(peer, `route ${topic}`, code.GET_ROUTEINFO_BY_TOPIC, { topic });
      await ask(peer, `route ${topic} for an old client`, code.GET_ROUTEINFO_BY_TOPIC, { topic }, { version: 300 });
      await ask(peer, `route ${topic} for an old client that asks for standard JSON`, code.GET_ROUTEINFO_BY_TOPIC, { topic, acceptStandardJsonOnly: true }, { version: 300 });
    };
    const body = registration([topicConfig('DiffNsA'), topicConfig('DiffNsB', { perm: 4 })], version(1));
    await register('master', header('diff-m', 0, 1000), body);
    await look('DiffNsA');
    await look('DiffNsB');
    await register('again, same version', header('diff-m', 0, 1000), body);
    await register('changed topics, same version', header('diff-m', 0, 1000), registration([topicConfig('DiffNsC')], version(1)));
    await look('DiffNsC');
    await register('changed topics, new version', header('diff-m', 0, 1000), registration([topicConfig('DiffNsC'), topicConfig('DiffNsA', { readQueueNums: 8 })], version(2)));
    await look('DiffNsC');
    await look('DiffNsB');
    await register('slave', header('diff-m', 1, 2000), registration([topicConfig('DiffNsSlave')], version(9)));
    await look('DiffNsSlave');
    await look('DiffNsA');
    await ask(peer, 'member group', code.GET_BROKER_MEMBER_GROUP, { clusterName: 'DiffCluster', brokerName: 'diff-m' });
    await register('crc right', header('diff-crc', 0, 3000, { bodyCrc32: crc32(Buffer.from(body)) & 0x7fffffff }), body);
    await register('crc wrong', header('diff-crc', 0, 3000, { bodyCrc32: 5 }), body);
    await register('compressed', header('diff-z', 0, 4000, { compressed: true }), compressed([topicConfig('DiffNsZ'), topicConfig('DiffNsZ2')], version(1)));
    await look('DiffNsZ');
    await register('compressed, broken', header('diff-z', 0, 4000, { compressed: true }), Buffer.from('nonsense'));
    await register('without body', header('diff-e', 0, 5000));
    await register('empty object', header('diff-e', 0, 5000), '{}');
    await register('old broker', header('diff-old', 0, 6000), body, 60);
    await register('other address for the same id', header('diff-m', 0, 1100), registration([topicConfig('DiffNsA')], version(3)));
    await look('DiffNsA');
    await register('same address with another id', header('diff-m', 2, 1100), registration([topicConfig('DiffNsA'), topicConfig('DiffNsC')], version(4)));
    await look('DiffNsA');
    await register('acting master', header('diff-act', 1, 7000, { enableActingMaster: true }), registration([topicConfig('DiffNsAct'), topicConfig('DiffNsAct2')], version(1)));
    await look('DiffNsAct');
    await register('one topic of an unknown broker', header('diff-x1', 5, 7700), registration([topicConfig('DiffNsOne')], version(1)));
    await ask(peer, 'unregister the refused', code.UNREGISTER_BROKER, header('diff-x1', 5, 7700));
    await clusterInfoLacks(peer, 'diff-x1');
    await ask(peer, 'cluster info members', code.GET_BROKER_CLUSTER_INFO);
    await ask(peer, 'topics of the cluster', code.GET_TOPICS_BY_CLUSTER, { cluster: 'DiffCluster' });
    await ask(peer, 'data version, same', code.QUERY_DATA_VERSION, header('diff-act', 1, 7000), { body: JSON.stringify(version(1)) });
    await ask(peer, 'data version, other', code.QUERY_DATA_VERSION, header('diff-act', 1, 7000), { body: JSON.stringify(version(2)) });
    await ask(peer, 'data version, unknown broker', code.QUERY_DATA_VERSION, header('diff-nobody', 1, 7001), { body: JSON.stringify(version(2)) });
    await ask(peer, 'heartbeat', code.BROKER_HEARTBEAT, header('diff-act', 1, 7000));
    await ask(peer, 'heartbeat of an unknown broker', code.BROKER_HEARTBEAT, header('diff-nobody', 1, 7001));
    await ask(peer, 'wipe', code.WIPE_WRITE_PERM_OF_BROKER, { brokerName: 'diff-m' });
    await look('DiffNsA');
    await ask(peer, 'wipe again', code.WIPE_WRITE_PERM_OF_BROKER, { brokerName: 'diff-m' });
    await ask(peer, 'add', code.ADD_WRITE_PERM_OF_BROKER, { brokerName: 'diff-m' });
    await look('DiffNsA');
    await ask(peer, 'delete a topic in one cluster', code.DELETE_TOPIC_IN_NAMESRV, { topic: 'DiffNsZ', clusterName: 'DiffCluster' });
    await look('DiffNsZ');
    await ask(peer, 'delete a topic everywhere', code.DELETE_TOPIC_IN_NAMESRV, { topic: 'DiffNsC' });
    await look('DiffNsC');
    await ask(peer, 'delete a topic in an unknown cluster', code.DELETE_TOPIC_IN_NAMESRV, { topic: 'DiffNsA', clusterName: 'Nope' });
    await look('DiffNsA');
    await ask(peer, 'register a topic', code.REGISTER_TOPIC_IN_NAMESRV, { topic: 'DiffNsReg' }, { body: JSON.stringify({ queueDatas: [{ brokerName: 'diff-m', readQueueNums: 1, writeQueueNums: 1, perm: 6, topicSysFlag: 0 }] }) });
    await look('DiffNsReg');
    await ask(peer, 'register a topic of an unknown broker', code.REGISTER_TOPIC_IN_NAMESRV, { topic: 'DiffNsReg2' }, { body: JSON.stringify({ queueDatas: [{ brokerName: 'diff-nope', readQueueNums: 1, writeQueueNums: 1, perm: 6, topicSysFlag: 0 }] }) });
    await look('DiffNsReg2');
    await ask(peer, 'zone', code.GET_ROUTEINFO_BY_TOPIC, { topic: 'DiffNsA', __ZONE_NAME: 'z', __ZONE_MODE: true });
    for (const [name, brokerId, port] of [['diff-m', 2, 1100], ['diff-m', 1, 2000], ['diff-crc', 0, 3000], ['diff-z', 0, 4000], ['diff-e', 0, 5000], ['diff-old', 0, 6000], ['diff-act', 1, 7000], ['diff-x1', 5, 7700], ['diff-nobody', 0, 1]] as const) {
      await ask(peer, `unregister ${name} ${brokerId}`, code.UNREGISTER_BROKER, header(name, brokerId, port));
    }
    await clusterInfoLacks(peer, 'DiffCluster');
    await look('DiffNsA');
    await ask(peer, 'cluster info after', code.GET_BROKER_CLUSTER_INFO);
    await ask(peer, 'topics of the cluster after', code.GET_TOPICS_BY_CLUSTER, { cluster: 'DiffCluster' });
  },
};

const lists: Sequence = {
  name: 'name server lists and the real broker',
  async run(peer) {
    await makeTopic(peer, 'DiffNsReal', 3);
    for (const clientVersion of [0, 275, 355, 356, 395, 400, 513, 9999]) {
      await ask(peer, `route at version ${clientVersion}`, code.GET_ROUTEINFO_BY_TOPIC, { topic: 'DiffNsReal' }, { version: clientVersion });
      await ask(peer, `unknown route at version ${clientVersion}`, code.GET_ROUTEINFO_BY_TOPIC, { topic: 'NoSuchTopic' }, { version: clientVersion });
    }
    await ask(peer, 'cluster info', code.GET_BROKER_CLUSTER_INFO);
    await ask(peer, 'wipe the broker', code.WIPE_WRITE_PERM_OF_BROKER, { brokerName: 'broker-a' }).then(() => undefined);
    await ask(peer, 'route without write', code.GET_ROUTEINFO_BY_TOPIC, { topic: 'DiffNsReal' });
    await ask(peer, 'add to the broker', code.ADD_WRITE_PERM_OF_BROKER, { brokerName: 'broker-a' });
    await ask(peer, 'route with write', code.GET_ROUTEINFO_BY_TOPIC, { topic: 'DiffNsReal' });
    await ask(peer, 'system topics', code.GET_SYSTEM_TOPIC_LIST_FROM_NS);
    await ask(peer, 'member group', code.GET_BROKER_MEMBER_GROUP, { clusterName: 'DefaultCluster', brokerName: 'broker-a' });
    await ask(peer, 'topics of an unknown cluster', code.GET_TOPICS_BY_CLUSTER, { cluster: 'Nope' });
    const config = await peer.ask('config', code.GET_NAMESRV_CONFIG, {}, { to: 'namesrv', quiet: true });
    const lines = (config?.body.toString('utf8') ?? '').split('\n');
    for (const key of ['orderMessageEnable', 'returnOrderTopicConfigToBroker', 'scanNotActiveBrokerInterval', 'supportActingMaster', 'enableTopicList', 'enableAllTopicList', 'notifyMinBrokerIdChanged', 'deleteTopicWithBrokerRegistration', 'needWaitForService', 'waitSecondsForService', 'clusterTest']) {
      peer.note(`config ${key}`, lines.find((line) => line.startsWith(`${key}=`)) ?? '(absent)');
    }
    for (const body of ['kvConfigPath=/x\n', 'configStorePath=/x\n', 'configBlackList=x\n', 'rocketmqHome=/x\n', '']) {
      await ask(peer, `update config ${JSON.stringify(body)}`, code.UPDATE_NAMESRV_CONFIG, {}, { body });
    }
    await ask(peer, 'switch order messages on', code.UPDATE_NAMESRV_CONFIG, {}, { body: 'orderMessageEnable=true\n' });
    await ask(peer, 'order conf', code.PUT_KV_CONFIG, { namespace: 'ORDER_TOPIC_CONFIG', key: 'DiffNsReal', value: 'broker-a:3' });
    await ask(peer, 'route with order conf', code.GET_ROUTEINFO_BY_TOPIC, { topic: 'DiffNsReal' });
    await ask(peer, 'route with order conf for an old client', code.GET_ROUTEINFO_BY_TOPIC, { topic: 'DiffNsReal' }, { version: 100 });
    await ask(peer, 'forget order conf', code.DELETE_KV_CONFIG, { namespace: 'ORDER_TOPIC_CONFIG', key: 'DiffNsReal' });
    await ask(peer, 'switch topic lists off', code.UPDATE_NAMESRV_CONFIG, {}, { body: 'orderMessageEnable=false\nenableTopicList=false\nenableAllTopicList=false\n' });
    for (const name of ['GET_UNIT_TOPIC_LIST', 'GET_HAS_UNIT_SUB_TOPIC_LIST', 'GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST', 'GET_ALL_TOPIC_LIST_FROM_NAMESERVER'] as const) await ask(peer, `${name} off`, code[name]);
    await ask(peer, 'topics of the cluster off', code.GET_TOPICS_BY_CLUSTER, { cluster: 'DefaultCluster' });
    await ask(peer, 'switch topic lists on', code.UPDATE_NAMESRV_CONFIG, {}, { body: 'enableTopicList=true\nenableAllTopicList=true\n' });
    const all = await peer.ask('all topics', code.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, {}, { to: 'namesrv', quiet: true });
    const list = JSON.parse(all?.body.toString('utf8') ?? '{}') as { topicList?: string[] };
    peer.note('all topics but ours', { members: Object.keys(list), topics: (list.topicList ?? []).filter((topic) => !/^(Diff|%|T{9}|DefaultHeartBeatSyncerTopic)/.test(topic)).sort() });
  },
};

const keyValues: Sequence = {
  name: 'key-value configuration',
  async run(peer) {
    const namespace = 'DIFF_KV';
    await ask(peer, 'list before', code.GET_KVLIST_BY_NAMESPACE, { namespace });
    await ask(peer, 'get before', code.GET_KV_CONFIG, { namespace, key: 'k' });
    await ask(peer, 'put', code.PUT_KV_CONFIG, { namespace, key: 'k', value: 'v1' });
    await ask(peer, 'get', code.GET_KV_CONFIG, { namespace, key: 'k' });
    await ask(peer, 'put again', code.PUT_KV_CONFIG, { namespace, key: 'k', value: 'v 2 ü' });
    await ask(peer, 'get again', code.GET_KV_CONFIG, { namespace, key: 'k' });
    await ask(peer, 'put empty value', code.PUT_KV_CONFIG, { namespace, key: 'e', value: '' });
    await ask(peer, 'get empty value', code.GET_KV_CONFIG, { namespace, key: 'e' });
    await ask(peer, 'list', code.GET_KVLIST_BY_NAMESPACE, { namespace });
    await ask(peer, 'delete', code.DELETE_KV_CONFIG, { namespace, key: 'k' });
    await ask(peer, 'delete again', code.DELETE_KV_CONFIG, { namespace, key: 'k' });
    await ask(peer, 'delete empty', code.DELETE_KV_CONFIG, { namespace, key: 'e' });
    await ask(peer, 'get after', code.GET_KV_CONFIG, { namespace, key: 'k' });
    await ask(peer, 'list after', code.GET_KVLIST_BY_NAMESPACE, { namespace });
    await ask(peer, 'delete in an unknown namespace', code.DELETE_KV_CONFIG, { namespace: 'DIFF_NOPE', key: 'k' });
  },
};

export const nameServerSequences: readonly Sequence[] = [keyValues, lists, registering];
