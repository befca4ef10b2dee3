/** How brokers leave (UNREGISTER_BROKER, a closed connection, silence), and how they keep themselves alive. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, hasField } from '../../expect.js';
import { json } from '../../session.js';
import { askRoute, clusterInfo, FakeBroker, queuesOf, routeGone, routeOf } from './support.js';

export const cases = defineCases('namesrv', [
  {
    name: 'namesrv.unregister.broker-and-topics-gone',
    requirement: 'A broker that unregisters is gone from the cluster information, and topics only it had lose their route.',
    level: 'MUST',
    source: 'RouteInfoManager#unRegisterBroker',
    async run(t) {
      const broker = await FakeBroker.registered(t);
      code(await broker.unregister(), res.SUCCESS, 'unregister');
      await routeGone(t, broker.topic);
      const { brokerAddrTable, clusterAddrTable } = await clusterInfo(t);
      equal([brokerAddrTable[broker.name], clusterAddrTable[broker.cluster]], [undefined, undefined], 'broker and cluster');
    },
  },
  {
    name: 'namesrv.unregister.other-broker-keeps-topic',
    requirement: 'When one of two brokers of a topic unregisters, the route has the other one.',
    level: 'MUST',
    source: 'RouteInfoManager#cleanTopicByUnRegisterRequests',
    async run(t) {
      const one = await FakeBroker.registered(t);
      const two = await FakeBroker.registered(t, { topics: [{ topic: one.topic }, { topic: t.topicName('x') }] });
      code(await one.unregister(), res.SUCCESS, 'unregister');
      await t.until('the first broker is gone', async () => (await routeOf(t, one.topic)).brokerDatas.length === 1);
      equal((await routeOf(t, one.topic)).queueDatas.map((queue) => queue.brokerName), [two.name], 'brokers of the topic');
    },
  },
  {
    name: 'namesrv.unregister.slave-leaves-master',
    requirement: 'When a slave unregisters, the master and its topics stay as they are.',
    level: 'MUST',
    source: 'RouteInfoManager#unRegisterBroker',
    async run(t) {
      const broker = await FakeBroker.registered(t);
      code(await broker.register({ brokerId: 1, address: broker.at('1') }), res.SUCCESS, 'registration of a slave');
      code(await broker.unregister(1, broker.at('1')), res.SUCCESS, 'unregister the slave');
      await t.until('the slave is gone', async () => Object.keys((await routeOf(t, broker.topic)).brokerDatas[0]?.brokerAddrs ?? {}).length === 1);
      equal((await routeOf(t, broker.topic)).brokerDatas[0]?.brokerAddrs, { 0: broker.address }, 'addresses');
      equal((await queuesOf(t, broker.topic, broker.name)).perm, 6, 'permission');
    },
  },
  {
    name: 'namesrv.unregister.master-leaves-slave-readable',
    requirement: 'When the master of a broker with enableActingMaster unregisters, its topics stay in the route without the write permission.',
    level: 'SHOULD',
    source: 'RouteInfoManager#cleanTopicByUnRegisterRequests',
    versions: { from: '5.0.0' },
    async run(t) {
      const broker = await FakeBroker.registered(t, { ext: { enableActingMaster: true } });
      code(await broker.register({ brokerId: 1, address: broker.at('1'), ext: { enableActingMaster: true } }), res.SUCCESS, 'registration of a slave');
      code(await broker.unregister(), res.SUCCESS, 'unregister the master');
      await t.until('the write permission is gone', async () => (await queuesOf(t, broker.topic, broker.name)).perm === 4);
      equal((await routeOf(t, broker.topic)).brokerDatas[0]?.brokerAddrs, { 1: broker.at('1') }, 'addresses');
    },
  },
  {
    name: 'namesrv.unregister.unknown-broker-succeeds',
    requirement: 'The unregistration of a broker that is not known is answered SUCCESS.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#unregisterBroker',
    async run(t) {
      const broker = await FakeBroker.create(t);
      code(await broker.unregister(), res.SUCCESS, 'unregister');
    },
  },
  {
    name: 'namesrv.route.gone-with-broker-name',
    requirement: 'A topic whose only broker left and came back under another name is routed to the new name only.',
    level: 'SHOULD',
    source: 'RouteInfoManager#cleanTopicByUnRegisterRequests',
    async run(t) {
      const one = await FakeBroker.registered(t);
      code(await one.unregister(), res.SUCCESS, 'unregister');
      await routeGone(t, one.topic);
      const two = await FakeBroker.registered(t, { topics: [{ topic: one.topic }, { topic: t.topicName('x') }] });
      equal((await routeOf(t, one.topic)).brokerDatas.map((broker) => broker.brokerName), [two.name], 'brokers');
    },
  },
  {
    name: 'namesrv.connection-closed.broker-gone',
    requirement: 'When the connection a broker registered on closes, the broker and its topics are gone.',
    level: 'MUST',
    source: 'RouteInfoManager#onChannelDestroy',
    async run(t) {
      const broker = await FakeBroker.registered(t);
      broker.connection.close();
      await routeGone(t, broker.topic);
      equal((await clusterInfo(t)).brokerAddrTable[broker.name], undefined, 'broker');
    },
  },
  {
    name: 'namesrv.heartbeat-timeout.broker-gone',
    requirement: 'A broker that is silent for longer than its heartbeatTimeoutMillis is removed.',
    level: 'MUST',
    source: 'RouteInfoManager#scanNotActiveBroker',
    versions: { from: '5.0.0' },
    timeoutMs: 25_000,
    async run(t) {
      const broker = await FakeBroker.registered(t, { ext: { heartbeatTimeoutMillis: 500 } });
      await routeGone(t, broker.topic, 20_000);
    },
  },
  {
    name: 'namesrv.heartbeat.keeps-broker',
    requirement: 'BROKER_HEARTBEAT keeps a broker registered beyond its heartbeatTimeoutMillis.',
    level: 'MUST',
    source: 'RouteInfoManager#updateBrokerInfoUpdateTimestamp',
    versions: { from: '5.0.0' },
    timeoutMs: 25_000,
    async run(t) {
      const silent = await FakeBroker.registered(t, { ext: { heartbeatTimeoutMillis: 2000 } });
      const alive = await FakeBroker.registered(t, { ext: { heartbeatTimeoutMillis: 2000 } });
      await t.until('the silent broker is gone', async () => {
        code(await alive.connection.request(req.BROKER_HEARTBEAT, { clusterName: alive.cluster, brokerAddr: alive.address, brokerName: alive.name, brokerId: 0 }), res.SUCCESS, 'heartbeat');
        return (await askRoute(t, silent.topic)).code === res.TOPIC_NOT_EXIST;
      }, 20_000, 200);
      await routeOf(t, alive.topic);
    },
  },
  {
    name: 'namesrv.heartbeat.unknown-broker-succeeds',
    requirement: 'BROKER_HEARTBEAT of a broker that is not known is answered SUCCESS and registers nothing.',
    level: 'SHOULD',
    source: 'DefaultRequestProcessor#brokerHeartbeat',
    versions: { from: '5.0.0' },
    async run(t) {
      const broker = await FakeBroker.create(t);
      code(await broker.connection.request(req.BROKER_HEARTBEAT, { clusterName: broker.cluster, brokerAddr: broker.address, brokerName: broker.name, brokerId: 0 }), res.SUCCESS, 'heartbeat');
      equal((await clusterInfo(t)).brokerAddrTable[broker.name], undefined, 'broker');
    },
  },
  {
    name: 'namesrv.data-version.unknown-broker-changed',
    requirement: 'QUERY_DATA_VERSION of a broker that is not known answers changed=true without a body.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#queryBrokerTopicConfig',
    async run(t) {
      const broker = await FakeBroker.create(t);
      const answer = await ask(broker, { stateVersion: 0, timestamp: 1, counter: 1 });
      code(answer, res.SUCCESS, 'query');
      hasField(answer, 'changed', true);
      equal(answer.body.length, 0, 'bytes of the body');
    },
  },
  {
    name: 'namesrv.data-version.same-unchanged',
    requirement: 'QUERY_DATA_VERSION with the DataVersion the broker registered answers changed=false and that version.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#queryBrokerTopicConfig',
    async run(t) {
      const broker = await FakeBroker.registered(t, { version: { timestamp: 77, counter: 5 } });
      const answer = await ask(broker, { stateVersion: 0, timestamp: 77, counter: 5 });
      hasField(answer, 'changed', false);
      const { timestamp, counter } = json(answer) as { readonly timestamp: number; readonly counter: number };
      equal([timestamp, counter], [77, 5], 'timestamp and counter of the body');
    },
  },
  {
    name: 'namesrv.data-version.other-changed',
    requirement: 'QUERY_DATA_VERSION with another DataVersion answers changed=true and the version the broker registered.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#queryBrokerTopicConfig',
    async run(t) {
      const broker = await FakeBroker.registered(t, { version: { timestamp: 77, counter: 5 } });
      const answer = await ask(broker, { stateVersion: 0, timestamp: 77, counter: 6 });
      hasField(answer, 'changed', true);
      equal((json(answer) as { readonly counter: number }).counter, 5, 'counter of the body');
    },
  },
  {
    name: 'namesrv.data-version.state-version-counts',
    requirement: 'QUERY_DATA_VERSION with another stateVersion answers changed=true.',
    level: 'SHOULD',
    source: 'DataVersion#equals',
    versions: { from: '5.0.0' },
    async run(t) {
      const broker = await FakeBroker.registered(t, { version: { stateVersion: 2, timestamp: 77, counter: 5 } });
      hasField(await ask(broker, { stateVersion: 3, timestamp: 77, counter: 5 }), 'changed', true);
    },
  },
  {
    name: 'namesrv.member-group.addresses',
    requirement: 'GET_BROKER_MEMBER_GROUP answers the addresses of a broker by id.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#getBrokerMemberGroup',
    versions: { from: '5.0.0' },
    async run(t) {
      const broker = await FakeBroker.registered(t);
      code(await broker.register({ brokerId: 2, address: broker.at('2') }), res.SUCCESS, 'registration of a slave');
      const answer = await (await t.namesrv()).request(req.GET_BROKER_MEMBER_GROUP, { clusterName: broker.cluster, brokerName: broker.name });
      code(answer, res.SUCCESS, 'member group');
      equal((json(answer) as MemberGroup).brokerMemberGroup, { cluster: broker.cluster, brokerName: broker.name, brokerAddrs: { 0: broker.address, 2: broker.at('2') } }, 'member group');
    },
  },
  {
    name: 'namesrv.member-group.unknown-empty',
    requirement: 'GET_BROKER_MEMBER_GROUP of a broker that is not known answers SUCCESS without addresses.',
    level: 'SHOULD',
    source: 'RouteInfoManager#getBrokerMemberGroup',
    versions: { from: '5.0.0' },
    async run(t) {
      const brokerName = t.topicName('b');
      const answer = await (await t.namesrv()).request(req.GET_BROKER_MEMBER_GROUP, { clusterName: 'c', brokerName });
      code(answer, res.SUCCESS, 'member group');
      equal((json(answer) as MemberGroup).brokerMemberGroup, { cluster: 'c', brokerName, brokerAddrs: {} }, 'member group');
    },
  },
]);

interface MemberGroup {
  readonly brokerMemberGroup: { readonly cluster: string; readonly brokerName: string; readonly brokerAddrs: Readonly<Record<string, string>> };
}

function ask(broker: FakeBroker, version: { readonly stateVersion: number; readonly timestamp: number; readonly counter: number }): ReturnType<FakeBroker['register']> {
  return broker.connection.request(req.QUERY_DATA_VERSION, { brokerName: broker.name, brokerAddr: broker.address, clusterName: broker.cluster, brokerId: 0 }, { body: JSON.stringify(version) });
}
