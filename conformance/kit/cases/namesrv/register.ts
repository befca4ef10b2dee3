/** REGISTER_BROKER: whose topics count, which registration wins, and what is refused. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { code, equal, hasField, remarkMatches } from '../../expect.js';
import { askRoute, clusterInfo, FakeBroker, queuesOf, routeOf } from './support.js';

export const cases = defineCases('namesrv', [
  {
    name: 'namesrv.register.master-in-cluster-and-route',
    requirement: 'A broker that registered is in the cluster information, and its topics have routes.',
    level: 'MUST',
    source: 'RouteInfoManager#registerBroker',
    async run(t) {
      const broker = await FakeBroker.registered(t);
      const { brokerAddrTable, clusterAddrTable } = await clusterInfo(t);
      equal([brokerAddrTable[broker.name]?.cluster, brokerAddrTable[broker.name]?.brokerAddrs], [broker.cluster, { 0: broker.address }], 'broker');
      equal(clusterAddrTable[broker.cluster], [broker.name], 'brokers of the cluster');
      await routeOf(t, broker.topic);
    },
  },
  {
    name: 'namesrv.register.address-unchecked',
    requirement: 'A registration whose brokerAddr is no host and port is accepted.',
    level: 'INFORMATIONAL',
    source: 'DefaultRequestProcessor#registerBroker',
    async run(t) {
      const broker = await FakeBroker.create(t);
      code(await broker.register({ address: `nowhere-${broker.name}` }), res.SUCCESS, 'registration of an address without a port');
    },
  },
  {
    name: 'namesrv.register.master-gets-no-master',
    requirement: 'The answer to the registration of a master names neither a master nor its HA address.',
    level: 'SHOULD',
    source: 'RouteInfoManager#registerBroker',
    async run(t) {
      const broker = await FakeBroker.create(t);
      const answer = await broker.register();
      code(answer, res.SUCCESS, 'registration');
      equal([answer.ext['masterAddr'], answer.ext['haServerAddr']], [undefined, undefined], 'masterAddr and haServerAddr');
    },
  },
  {
    name: 'namesrv.register.slave-gets-master',
    requirement: 'The answer to the registration of a slave names the master and the HA address the master registered.',
    level: 'MUST',
    source: 'RouteInfoManager#registerBroker',
    async run(t) {
      const broker = await FakeBroker.registered(t);
      const answer = await broker.register({ brokerId: 1, address: broker.at('1') });
      code(answer, res.SUCCESS, 'registration of the slave');
      hasField(answer, 'masterAddr', broker.address);
      hasField(answer, 'haServerAddr', FakeBroker.ha(broker.address));
    },
  },
  {
    name: 'namesrv.register.slave-in-route',
    requirement: 'A slave that registered is in the addresses of the route beside its master.',
    level: 'MUST',
    source: 'RouteInfoManager#registerBroker',
    async run(t) {
      const broker = await FakeBroker.registered(t);
      code(await broker.register({ brokerId: 3, address: broker.at('3') }), res.SUCCESS, 'registration of the slave');
      equal((await routeOf(t, broker.topic)).brokerDatas[0]?.brokerAddrs, { 0: broker.address, 3: broker.at('3') }, 'addresses');
    },
  },
  {
    name: 'namesrv.register.topics-of-slave-ignored',
    requirement: 'Topics that only a slave registers get no route while its master is there.',
    level: 'MUST',
    source: 'RouteInfoManager#registerBroker',
    async run(t) {
      const broker = await FakeBroker.registered(t);
      const only = t.topicName('slave');
      code(await broker.register({ brokerId: 1, address: broker.at('1'), topics: [{ topic: only }, { topic: broker.topic }], ext: { enableActingMaster: true } }), res.SUCCESS, 'registration of the slave');
      code(await askRoute(t, only), res.TOPIC_NOT_EXIST, 'route of the topic of the slave');
    },
  },
  {
    name: 'namesrv.register.lone-old-slave-ignored',
    requirement: 'Topics of a lone slave that does not send enableActingMaster get no route.',
    level: 'MUST',
    source: 'RouteInfoManager#registerBroker, isOldVersionBroker',
    async run(t) {
      const broker = await FakeBroker.registered(t, { brokerId: 1 });
      code(await askRoute(t, broker.topic), res.TOPIC_NOT_EXIST, 'route of the topic of the slave');
    },
  },
  {
    name: 'namesrv.register.prime-slave-loses-write',
    requirement: 'Topics of the smallest slave that sends enableActingMaster=true get a route without the write permission.',
    level: 'MUST',
    source: 'RouteInfoManager#registerBroker, isPrimeSlave',
    versions: { from: '5.0.0' },
    async run(t) {
      const broker = await FakeBroker.registered(t, { brokerId: 1, ext: { enableActingMaster: true } });
      equal((await queuesOf(t, broker.topic, broker.name)).perm, 4, 'permission');
    },
  },
  {
    name: 'namesrv.register.prime-slave-not-acting-keeps-perm',
    requirement: 'Topics of the smallest slave that sends enableActingMaster=false get a route with their own permission.',
    level: 'SHOULD',
    source: 'RouteInfoManager#registerBroker, isPrimeSlave',
    versions: { from: '5.0.0' },
    async run(t) {
      const broker = await FakeBroker.registered(t, { brokerId: 1, ext: { enableActingMaster: false } });
      equal((await queuesOf(t, broker.topic, broker.name)).perm, 6, 'permission');
    },
  },
  {
    name: 'namesrv.register.second-slave-not-prime',
    requirement: 'Topics of a slave are not taken while a slave with a smaller id is there.',
    level: 'SHOULD',
    source: 'RouteInfoManager#registerBroker, isPrimeSlave',
    versions: { from: '5.0.0' },
    async run(t) {
      const broker = await FakeBroker.registered(t, { brokerId: 1, ext: { enableActingMaster: true } });
      const only = t.topicName('second');
      code(await broker.register({ brokerId: 2, address: broker.at('2'), topics: [{ topic: only }, { topic: broker.topic }], ext: { enableActingMaster: true } }), res.SUCCESS, 'registration of the second slave');
      code(await askRoute(t, only), res.TOPIC_NOT_EXIST, 'route of a topic of the second slave');
    },
  },
  {
    name: 'namesrv.register.address-has-one-id',
    requirement: 'An address that registers under another broker id is no longer known under the former one.',
    level: 'MUST',
    source: 'RouteInfoManager#registerBroker',
    async run(t) {
      const broker = await FakeBroker.registered(t, { brokerId: 1 });
      code(await broker.register({ brokerId: 0 }), res.SUCCESS, 'registration as master');
      equal((await clusterInfo(t)).brokerAddrTable[broker.name]?.brokerAddrs, { 0: broker.address }, 'addresses');
    },
  },
  {
    name: 'namesrv.register.new-address-replaces',
    requirement: 'Another address that registers the same broker name and id with the same state version takes the place of the former one.',
    level: 'MUST',
    source: 'RouteInfoManager#registerBroker',
    async run(t) {
      const broker = await FakeBroker.registered(t);
      code(await broker.register({ address: broker.at('new') }), res.SUCCESS, 'registration of the other address');
      equal((await clusterInfo(t)).brokerAddrTable[broker.name]?.brokerAddrs, { 0: broker.at('new') }, 'addresses');
    },
  },
  {
    name: 'namesrv.register.smaller-state-version-ignored',
    requirement: 'Another address that registers the same broker name and id with a smaller state version is answered SUCCESS and ignored.',
    level: 'MUST',
    source: 'RouteInfoManager#registerBroker, DataVersion#getStateVersion',
    versions: { from: '5.0.0' },
    async run(t) {
      const broker = await FakeBroker.registered(t, { version: { stateVersion: 5 } });
      code(await broker.register({ address: broker.at('old'), version: { stateVersion: 4 } }), res.SUCCESS, 'registration with a smaller state version');
      equal((await clusterInfo(t)).brokerAddrTable[broker.name]?.brokerAddrs, { 0: broker.address }, 'addresses');
    },
  },
  {
    name: 'namesrv.register.lone-topic-needs-known-broker',
    requirement: 'The registration of a single topic by a broker that is not known is SYSTEM_ERROR.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#registerBroker',
    versions: { from: '5.0.0' },
    async run(t) {
      const broker = await FakeBroker.create(t);
      const answer = await broker.register({ topics: [{ topic: broker.topic }] });
      code(answer, res.SYSTEM_ERROR, 'registration of one topic');
      remarkMatches(answer, 'register broker failed', 'registration of one topic');
      code(await askRoute(t, broker.topic), res.TOPIC_NOT_EXIST, 'route of the topic');
    },
  },
  {
    name: 'namesrv.register.lone-topic-leaves-others',
    requirement: 'The registration of a single topic by a known broker adds it and leaves its other topics as they are.',
    level: 'MUST',
    source: 'RouteInfoManager#registerBroker',
    async run(t) {
      const broker = await FakeBroker.registered(t);
      const third = t.topicName('third');
      code(await broker.register({ topics: [{ topic: third, readQueues: 9 }], version: { counter: 2 } }), res.SUCCESS, 'registration of a third topic');
      equal((await queuesOf(t, third, broker.name)).readQueueNums, 9, 'read queues of the third topic');
      equal((await queuesOf(t, broker.topic, broker.name)).readQueueNums, 4, 'read queues of the first topic');
    },
  },
  {
    name: 'namesrv.register.missing-topics-kept',
    requirement: 'A topic that a later registration does not name any more keeps its route.',
    level: 'SHOULD',
    source: 'NamesrvConfig#deleteTopicWithBrokerRegistration',
    async run(t) {
      const broker = await FakeBroker.registered(t);
      code(await broker.register({ topics: [{ topic: broker.filler }, { topic: t.topicName('x') }], version: { counter: 2 } }), res.SUCCESS, 'registration without the topic');
      code(await askRoute(t, broker.topic), res.SUCCESS, 'route of the topic left out');
    },
  },
  {
    name: 'namesrv.register.same-data-version-untouched',
    requirement: 'A registration with the DataVersion that is known leaves the queues of known topics as they are.',
    level: 'MUST',
    source: 'RouteInfoManager#isTopicConfigChanged',
    async run(t) {
      const broker = await FakeBroker.registered(t);
      code(await broker.register({ topics: [{ topic: broker.topic, perm: 4 }, { topic: broker.filler }] }), res.SUCCESS, 'registration with the same version');
      equal((await queuesOf(t, broker.topic, broker.name)).perm, 6, 'permission');
    },
  },
  {
    name: 'namesrv.register.same-data-version-new-topic',
    requirement: 'A registration with the DataVersion that is known adds topics that the broker did not have.',
    level: 'SHOULD',
    source: 'RouteInfoManager#isTopicConfigChanged',
    versions: { from: '5.0.0' },
    async run(t) {
      const broker = await FakeBroker.registered(t);
      const third = t.topicName('third');
      code(await broker.register({ topics: [{ topic: broker.topic }, { topic: broker.filler }, { topic: third }] }), res.SUCCESS, 'registration with the same version');
      code(await askRoute(t, third), res.SUCCESS, 'route of the added topic');
    },
  },
  {
    name: 'namesrv.register.new-counter-updates',
    requirement: 'A registration whose DataVersion has another counter replaces the queue data of its topics.',
    level: 'MUST',
    source: 'RouteInfoManager#isBrokerTopicConfigChanged',
    async run(t) {
      const broker = await FakeBroker.registered(t);
      code(await broker.register({ topics: [{ topic: broker.topic, perm: 4, readQueues: 2, writeQueues: 1 }, { topic: broker.filler }], version: { counter: 2 } }), res.SUCCESS, 'registration with a new version');
      const { perm, readQueueNums, writeQueueNums } = await queuesOf(t, broker.topic, broker.name);
      equal([perm, readQueueNums, writeQueueNums], [4, 2, 1], 'permission, read queues, write queues');
    },
  },
  {
    name: 'namesrv.register.older-counter-updates',
    requirement: 'A registration whose DataVersion is merely different, even with a smaller counter, replaces the queue data.',
    level: 'SHOULD',
    source: 'RouteInfoManager#isBrokerTopicConfigChanged',
    async run(t) {
      const broker = await FakeBroker.registered(t, { version: { counter: 9, timestamp: 9 } });
      code(await broker.register({ topics: [{ topic: broker.topic, perm: 2 }, { topic: broker.filler }], version: { counter: 3, timestamp: 3 } }), res.SUCCESS, 'registration with a smaller counter');
      equal((await queuesOf(t, broker.topic, broker.name)).perm, 2, 'permission');
    },
  },
]);
