/** Cluster information, lists of topics, deletion and registration of topics at the name server. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Answer } from '../../connection.js';
import type { Context } from '../../context.js';
import { code, equal, isTrue, sameSet } from '../../expect.js';
import type { Ext } from '../../wire/header-json.js';
import { askRoute, clusterInfo, FakeBroker, queuesOf, routeOf, topicsIn } from './support.js';

async function ask(t: Context, request: number, ext: Ext = {}, body?: string): Promise<Answer> {
  return (await t.namesrv()).request(request, ext, body === undefined ? {} : { body });
}

/** A broker with a topic of each kind of topicSysFlag: 1 is a unit topic, 2 has unit subscriptions. */
async function unitTopics(t: Context): Promise<Record<'none' | 'unit' | 'sub' | 'both', string>> {
  const names = { none: t.topicName('n'), unit: t.topicName('u'), sub: t.topicName('s'), both: t.topicName('us') };
  await FakeBroker.registered(t, { topics: [{ topic: names.none }, { topic: names.unit, sysFlag: 1 }, { topic: names.sub, sysFlag: 2 }, { topic: names.both, sysFlag: 3 }] });
  return names;
}

export const cases = defineCases('namesrv', [
  {
    name: 'namesrv.cluster-info.has-broker',
    requirement: 'The cluster information has the broker with its address as master, and its name in its cluster.',
    level: 'MUST',
    source: 'RouteInfoManager#getAllClusterInfo',
    async run(t) {
      const { brokerAddrTable, clusterAddrTable } = await clusterInfo(t);
      const { broker, brokerName, cluster } = t.endpoint;
      equal(brokerAddrTable[brokerName]?.brokerAddrs['0'], broker, 'address of the master');
      isTrue(clusterAddrTable[cluster]?.includes(brokerName) === true, 'its cluster has the broker');
    },
  },
  {
    name: 'namesrv.topic-list.all',
    requirement: 'GET_ALL_TOPIC_LIST_FROM_NAMESERVER lists the topics of all brokers.',
    level: 'MUST',
    source: 'RouteInfoManager#getAllTopicList',
    async run(t) {
      const topic = await t.topic({ route: true });
      const broker = await FakeBroker.registered(t);
      const answer = await ask(t, req.GET_ALL_TOPIC_LIST_FROM_NAMESERVER);
      code(answer, res.SUCCESS, 'list');
      equal([topic, broker.topic, broker.filler].map((one) => topicsIn(answer).includes(one)), [true, true, true], 'the topics are in the list');
    },
  },
  {
    name: 'namesrv.topic-list.of-cluster',
    requirement: 'GET_TOPICS_BY_CLUSTER lists the topics of the brokers of that cluster and no others.',
    level: 'MUST',
    source: 'RouteInfoManager#getTopicsByCluster',
    async run(t) {
      const one = await FakeBroker.registered(t);
      const two = await FakeBroker.registered(t, {}, one.cluster);
      const answer = await ask(t, req.GET_TOPICS_BY_CLUSTER, { cluster: one.cluster });
      code(answer, res.SUCCESS, 'list');
      sameSet(topicsIn(answer), [one.topic, one.filler, two.topic, two.filler], 'topics of the cluster');
    },
  },
  {
    name: 'namesrv.topic-list.of-unknown-cluster',
    requirement: 'GET_TOPICS_BY_CLUSTER of a cluster that is not there answers SUCCESS with an empty list.',
    level: 'SHOULD',
    source: 'RouteInfoManager#getTopicsByCluster',
    async run(t) {
      const answer = await ask(t, req.GET_TOPICS_BY_CLUSTER, { cluster: t.topicName('c') });
      code(answer, res.SUCCESS, 'list');
      equal(topicsIn(answer), [], 'topics');
    },
  },
  {
    name: 'namesrv.topic-list.system',
    requirement: 'GET_SYSTEM_TOPIC_LIST_FROM_NS lists the names of clusters and of brokers.',
    level: 'MUST',
    source: 'RouteInfoManager#getSystemTopicList',
    async run(t) {
      const broker = await FakeBroker.registered(t);
      const answer = await ask(t, req.GET_SYSTEM_TOPIC_LIST_FROM_NS);
      code(answer, res.SUCCESS, 'list');
      const topics = topicsIn(answer);
      equal([t.endpoint.cluster, t.endpoint.brokerName, broker.cluster, broker.name].map((one) => topics.includes(one)), [true, true, true, true], 'clusters and brokers are in the list');
      isTrue(!topics.includes(broker.topic), 'an ordinary topic is not');
    },
  },
  {
    name: 'namesrv.unit-list.unit-topics',
    requirement: 'GET_UNIT_TOPIC_LIST lists the topics whose topicSysFlag has bit 1.',
    level: 'MUST',
    source: 'RouteInfoManager#getUnitTopics',
    async run(t) {
      const names = await unitTopics(t);
      const topics = topicsIn(await ask(t, req.GET_UNIT_TOPIC_LIST));
      sameSet(Object.values(names).filter((one) => topics.includes(one)), [names.unit, names.both], 'those of the four topics that are listed');
    },
  },
  {
    name: 'namesrv.unit-list.unit-subscriptions',
    requirement: 'GET_HAS_UNIT_SUB_TOPIC_LIST lists the topics whose topicSysFlag has bit 2.',
    level: 'MUST',
    source: 'RouteInfoManager#getHasUnitSubTopicList',
    async run(t) {
      const names = await unitTopics(t);
      const topics = topicsIn(await ask(t, req.GET_HAS_UNIT_SUB_TOPIC_LIST));
      sameSet(Object.values(names).filter((one) => topics.includes(one)), [names.sub, names.both], 'those of the four topics that are listed');
    },
  },
  {
    name: 'namesrv.unit-list.unit-subscriptions-of-others',
    requirement: 'GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST lists the topics with unit subscriptions that are no unit topics.',
    level: 'MUST',
    source: 'RouteInfoManager#getHasUnitSubUnUnitTopicList',
    async run(t) {
      const names = await unitTopics(t);
      const topics = topicsIn(await ask(t, req.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST));
      sameSet(Object.values(names).filter((one) => topics.includes(one)), [names.sub], 'those of the four topics that are listed');
    },
  },
  {
    name: 'namesrv.delete-topic.all-brokers',
    requirement: 'DELETE_TOPIC_IN_NAMESRV without a cluster removes the route of the topic on all brokers.',
    level: 'MUST',
    source: 'RouteInfoManager#deleteTopic',
    needs: ['namesrv-admin'],
    async run(t) {
      const one = await FakeBroker.registered(t);
      await FakeBroker.registered(t, { topics: [{ topic: one.topic }, { topic: t.topicName('x') }] });
      code(await ask(t, req.DELETE_TOPIC_IN_NAMESRV, { topic: one.topic }), res.SUCCESS, 'delete');
      code(await askRoute(t, one.topic), res.TOPIC_NOT_EXIST, 'route');
      code(await askRoute(t, one.filler), res.SUCCESS, 'route of another topic');
    },
  },
  {
    name: 'namesrv.delete-topic.of-one-cluster',
    requirement: 'DELETE_TOPIC_IN_NAMESRV with a clusterName removes the topic from the brokers of that cluster only.',
    level: 'MUST',
    source: 'RouteInfoManager#deleteTopic',
    needs: ['namesrv-admin'],
    versions: { from: '5.0.0' },
    async run(t) {
      const one = await FakeBroker.registered(t);
      const two = await FakeBroker.registered(t, { topics: [{ topic: one.topic }, { topic: t.topicName('x') }] });
      code(await ask(t, req.DELETE_TOPIC_IN_NAMESRV, { topic: one.topic, clusterName: one.cluster }), res.SUCCESS, 'delete');
      equal((await routeOf(t, one.topic)).queueDatas.map((queue) => queue.brokerName), [two.name], 'brokers of the topic');
    },
  },
  {
    name: 'namesrv.delete-topic.last-broker-of-cluster',
    requirement: 'DELETE_TOPIC_IN_NAMESRV with the clusterName of its only broker removes the route.',
    level: 'SHOULD',
    source: 'RouteInfoManager#deleteTopic',
    needs: ['namesrv-admin'],
    async run(t) {
      const broker = await FakeBroker.registered(t);
      code(await ask(t, req.DELETE_TOPIC_IN_NAMESRV, { topic: broker.topic, clusterName: broker.cluster }), res.SUCCESS, 'delete');
      code(await askRoute(t, broker.topic), res.TOPIC_NOT_EXIST, 'route');
    },
  },
  {
    name: 'namesrv.delete-topic.unknown-cluster-keeps',
    requirement: 'DELETE_TOPIC_IN_NAMESRV with a clusterName that is not there is answered SUCCESS and removes nothing.',
    level: 'SHOULD',
    source: 'RouteInfoManager#deleteTopic',
    needs: ['namesrv-admin'],
    versions: { from: '5.0.0' },
    async run(t) {
      const broker = await FakeBroker.registered(t);
      code(await ask(t, req.DELETE_TOPIC_IN_NAMESRV, { topic: broker.topic, clusterName: t.topicName('no') }), res.SUCCESS, 'delete');
      code(await askRoute(t, broker.topic), res.SUCCESS, 'route');
    },
  },
  {
    name: 'namesrv.delete-topic.unknown-succeeds',
    requirement: 'DELETE_TOPIC_IN_NAMESRV of a topic without route is answered SUCCESS.',
    level: 'SHOULD',
    source: 'RouteInfoManager#deleteTopic',
    needs: ['namesrv-admin'],
    async run(t) {
      code(await ask(t, req.DELETE_TOPIC_IN_NAMESRV, { topic: t.topicName() }), res.SUCCESS, 'delete');
    },
  },
  {
    name: 'namesrv.register-topic.known-broker',
    requirement: 'REGISTER_TOPIC_IN_NAMESRV gives a topic a route on brokers that are known.',
    level: 'SHOULD',
    source: 'RouteInfoManager#registerTopic',
    needs: ['namesrv-admin'],
    versions: { from: '5.0.0' },
    async run(t) {
      const broker = await FakeBroker.registered(t);
      const topic = t.topicName('new');
      code(await ask(t, req.REGISTER_TOPIC_IN_NAMESRV, { topic }, JSON.stringify({ queueDatas: [{ brokerName: broker.name, readQueueNums: 3, writeQueueNums: 2, perm: 4, topicSysFlag: 0 }] })), res.SUCCESS, 'register');
      const { readQueueNums, writeQueueNums, perm } = await queuesOf(t, topic, broker.name);
      equal([readQueueNums, writeQueueNums, perm], [3, 2, 4], 'read queues, write queues, permission');
    },
  },
  {
    name: 'namesrv.register-topic.unknown-broker-ignored',
    requirement: 'REGISTER_TOPIC_IN_NAMESRV on a broker that is not known is answered SUCCESS and gives no route.',
    level: 'SHOULD',
    source: 'RouteInfoManager#registerTopic',
    needs: ['namesrv-admin'],
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = t.topicName('new');
      code(await ask(t, req.REGISTER_TOPIC_IN_NAMESRV, { topic }, JSON.stringify({ queueDatas: [{ brokerName: t.topicName('b'), readQueueNums: 3, writeQueueNums: 2, perm: 4, topicSysFlag: 0 }] })), res.SUCCESS, 'register');
      code(await askRoute(t, topic), res.TOPIC_NOT_EXIST, 'route');
    },
  },
  {
    name: 'namesrv.register-topic.no-queues-ignored',
    requirement: 'REGISTER_TOPIC_IN_NAMESRV without queue data is answered SUCCESS and gives no route.',
    level: 'SHOULD',
    source: 'DefaultRequestProcessor#registerTopicToNamesrv',
    needs: ['namesrv-admin'],
    versions: { from: '5.0.0' },
    async run(t) {
      const topic = t.topicName('new');
      code(await ask(t, req.REGISTER_TOPIC_IN_NAMESRV, { topic }, '{"queueDatas":[]}'), res.SUCCESS, 'register');
      code(await askRoute(t, topic), res.TOPIC_NOT_EXIST, 'route');
    },
  },
]);
