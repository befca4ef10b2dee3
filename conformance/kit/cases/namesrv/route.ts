/** GET_ROUTEINFO_BY_TOPIC: what a route holds, its dialects of JSON, and what there is when there is none. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, isTrue, present } from '../../expect.js';
import { askRoute, FakeBroker, queuesOf, routeOf } from './support.js';

/** MQVersion: the release from which a route has quoted keys, and the one before. */
const V4_9_4 = 401;
const V4_9_3 = 399;

export const cases = defineCases('namesrv', [
  {
    name: 'namesrv.route.not-exist-wording',
    requirement: 'The remark for a topic without route says that there is no topic route info in the name server for it, and where to read further.',
    level: 'SHOULD',
    source: 'ClientRequestProcessor#getRouteInfoByTopic, FAQUrl#suggestTodo',
    async run(t) {
      const topic = t.topicName();
      const remark = present((await askRoute(t, topic)).remark, 'remark');
      const [first, second] = remark.split('\n');
      equal(first, `No topic route info in name server for the topic: ${topic}`, 'first line of the remark');
      isTrue(/^See https?:\/\/\S+ for further details\.$/.test(second ?? ''), 'the second line names a page');
    },
  },
  {
    name: 'namesrv.route.field-topic-missing',
    requirement: 'A route question without a topic is answered TOPIC_NOT_EXIST.',
    level: 'SHOULD',
    source: 'ClientRequestProcessor#getRouteInfoByTopic',
    async run(t) {
      code(await (await t.namesrv()).request(req.GET_ROUTEINFO_BY_TOPIC, {}), res.TOPIC_NOT_EXIST, 'route of no topic');
    },
  },
  {
    name: 'namesrv.route.old-client-bare-keys',
    requirement: 'A client older than V4_9_4 gets a route whose broker ids are bare numbers, not strings.',
    level: 'SHOULD',
    source: 'ClientRequestProcessor#getRouteInfoByTopic, MQVersion.V4_9_4',
    async run(t) {
      const broker = await FakeBroker.registered(t);
      const answer = await askRoute(t, broker.topic, {}, { version: V4_9_3 });
      code(answer, res.SUCCESS, 'route');
      isTrue(answer.body.toString('utf8').includes(`{0:"${broker.address}"}`), `brokerAddrs has the key 0 without quotes: ${answer.body.toString('utf8')}`);
    },
  },
  {
    name: 'namesrv.route.new-client-standard-json',
    requirement: 'A client of V4_9_4 or newer gets a route in standard JSON.',
    level: 'MUST',
    source: 'ClientRequestProcessor#getRouteInfoByTopic, MQVersion.V4_9_4',
    versions: { from: '4.9.4' },
    async run(t) {
      const broker = await FakeBroker.registered(t);
      const answer = await askRoute(t, broker.topic, {}, { version: V4_9_4 });
      code(answer, res.SUCCESS, 'route');
      const route = JSON.parse(answer.body.toString('utf8')) as { readonly brokerDatas: readonly { readonly brokerAddrs: unknown }[] };
      equal(route.brokerDatas[0]?.brokerAddrs, { 0: broker.address }, 'addresses');
    },
  },
  {
    name: 'namesrv.route.standard-json-on-request',
    requirement: 'An old client that sends acceptStandardJsonOnly=true gets a route in standard JSON.',
    level: 'MUST',
    source: 'GetRouteInfoRequestHeader#getAcceptStandardJsonOnly',
    versions: { from: '4.9.4' },
    async run(t) {
      const broker = await FakeBroker.registered(t);
      const answer = await askRoute(t, broker.topic, { acceptStandardJsonOnly: true }, { version: V4_9_3 });
      code(answer, res.SUCCESS, 'route');
      JSON.parse(answer.body.toString('utf8'));
      isTrue(answer.body.toString('utf8').includes(`{"0":"${broker.address}"}`), 'brokerAddrs has the key "0" in quotes');
    },
  },
  {
    name: 'namesrv.route.standard-json-declined',
    requirement: 'A new client gets standard JSON although it sends acceptStandardJsonOnly=false.',
    level: 'SHOULD',
    source: 'ClientRequestProcessor#getRouteInfoByTopic',
    versions: { from: '4.9.4' },
    async run(t) {
      const broker = await FakeBroker.registered(t);
      const answer = await askRoute(t, broker.topic, { acceptStandardJsonOnly: false }, { version: V4_9_4 });
      isTrue(answer.body.toString('utf8').includes(`{"0":"${broker.address}"}`), 'brokerAddrs has the key "0" in quotes');
    },
  },
  {
    name: 'namesrv.route.without-null-members',
    requirement: 'A route has no members whose value is null.',
    level: 'SHOULD',
    source: 'RemotingSerializable#encode',
    async run(t) {
      const broker = await FakeBroker.registered(t);
      const answer = await askRoute(t, broker.topic);
      isTrue(!/: *null/.test(answer.body.toString('utf8')), `no null in ${answer.body.toString('utf8')}`);
    },
  },
  {
    name: 'namesrv.route.filter-server-table-empty',
    requirement: 'A route of brokers without filter servers has an empty filterServerTable.',
    level: 'SHOULD',
    source: 'RouteInfoManager#pickupTopicRouteData',
    async run(t) {
      const broker = await FakeBroker.registered(t);
      equal((await routeOf(t, broker.topic)).filterServerTable, {}, 'filterServerTable');
    },
  },
  {
    name: 'namesrv.route.cluster-of-broker',
    requirement: 'A route names the cluster and the name of each broker that has the topic.',
    level: 'MUST',
    source: 'RouteInfoManager#pickupTopicRouteData',
    async run(t) {
      const topic = await t.topic({ route: true });
      const { brokerDatas } = await routeOf(t, topic);
      const { brokerName, cluster } = t.endpoint;
      equal(brokerDatas.map((one) => [one.brokerName, one.cluster]), [[brokerName, cluster]], 'brokers of the topic');
    },
  },
  {
    name: 'namesrv.route.two-brokers',
    requirement: 'The route of a topic that two brokers have holds the queues and addresses of both.',
    level: 'MUST',
    source: 'RouteInfoManager#pickupTopicRouteData',
    async run(t) {
      const one = await FakeBroker.registered(t);
      const two = await FakeBroker.registered(t, { topics: [{ topic: one.topic, readQueues: 7, writeQueues: 7 }, { topic: t.topicName('x') }] });
      const route = await routeOf(t, one.topic);
      equal(Object.fromEntries(route.queueDatas.map((queue) => [queue.brokerName, queue.readQueueNums])), { [one.name]: 4, [two.name]: 7 }, 'read queues by broker');
      equal(Object.fromEntries(route.brokerDatas.map((data) => [data.brokerName, data.brokerAddrs])), { [one.name]: { 0: one.address }, [two.name]: { 0: two.address } }, 'addresses by broker');
    },
  },
  {
    name: 'namesrv.route.topic-sys-flag',
    requirement: 'The queue data of a route carry the topicSysFlag of the topic.',
    level: 'MUST',
    source: 'RouteInfoManager#createAndUpdateQueueData',
    async run(t) {
      const topic = await t.topic({ topicSysFlag: 3, route: true });
      equal((await queuesOf(t, topic, t.endpoint.brokerName)).topicSysFlag, 3, 'topicSysFlag');
    },
  },
  {
    name: 'namesrv.route.follows-update-of-topic',
    requirement: 'A change of a topic on its broker reaches the route.',
    level: 'MUST',
    source: 'BrokerController#registerIncrementBrokerData',
    needs: ['admin'],
    async run(t) {
      const topic = await t.topic({ queues: 2, route: true });
      code(await t.request(req.UPDATE_AND_CREATE_TOPIC, { topic, defaultTopic: 'TBW102', readQueueNums: 5, writeQueueNums: 3, perm: 4, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false }), res.SUCCESS, 'update');
      await t.until('the route has the new numbers', async () => {
        const { readQueueNums, writeQueueNums, perm } = await queuesOf(t, topic, t.endpoint.brokerName);
        return readQueueNums === 5 && writeQueueNums === 3 && perm === 4;
      });
    },
  },
  {
    name: 'namesrv.route.kept-after-deletion-on-broker',
    requirement: 'The route of a topic stays when only the broker deleted the topic.',
    level: 'INFORMATIONAL',
    source: 'NamesrvConfig#deleteTopicWithBrokerRegistration',
    needs: ['admin'],
    async run(t) {
      const topic = await t.topic({ route: true });
      code(await t.request(req.DELETE_TOPIC_IN_BROKER, { topic }), res.SUCCESS, 'delete on the broker');
      code(await askRoute(t, topic), res.SUCCESS, 'route of the topic deleted on the broker');
    },
  },
  {
    name: 'namesrv.route.order-conf-off-by-default',
    requirement: 'A route leaves out orderTopicConf, although ORDER_TOPIC_CONFIG has the topic, unless orderMessageEnable is on.',
    level: 'SHOULD',
    source: 'ClientRequestProcessor#getRouteInfoByTopic, NamesrvConfig#orderMessageEnable',
    needs: ['namesrv-admin'],
    async run(t) {
      const broker = await FakeBroker.registered(t);
      const namesrv = await t.namesrv();
      const where = { namespace: 'ORDER_TOPIC_CONFIG', key: broker.topic };
      t.cleanup(() => namesrv.request(req.DELETE_KV_CONFIG, where));
      code(await namesrv.request(req.PUT_KV_CONFIG, { ...where, value: `${broker.name}:4` }), res.SUCCESS, 'put');
      equal((await routeOf(t, broker.topic)).orderTopicConf, undefined, 'orderTopicConf');
    },
  },
  {
    name: 'namesrv.route.zone-filter',
    requirement: 'With __ZONE_MODE=true the route leaves out brokers whose master is in another zone than __ZONE_NAME.',
    level: 'SHOULD',
    source: 'ZoneRouteRPCHook#filterByZoneName',
    versions: { from: '5.0.0' },
    async run(t) {
      const near = await FakeBroker.registered(t, { ext: { __ZONE_NAME: 'near' } });
      const far = await FakeBroker.registered(t, { topics: [{ topic: near.topic }, { topic: t.topicName('x') }], ext: { __ZONE_NAME: 'far' } });
      const route = await routeOf(t, near.topic, { __ZONE_MODE: true, __ZONE_NAME: 'NEAR' });
      equal([route.brokerDatas.map((one) => one.brokerName), route.queueDatas.map((one) => one.brokerName)], [[near.name], [near.name]], 'brokers in the zone, whatever the case of its letters');
      equal((await routeOf(t, near.topic, { __ZONE_NAME: 'near' })).brokerDatas.length, 2, `brokers without zone mode (${far.name} too)`);
    },
  },
  {
    name: 'namesrv.route.zone-filter-keeps-masterless',
    requirement: 'The zone filter keeps a broker of another zone whose master is gone.',
    level: 'SHOULD',
    source: 'ZoneRouteRPCHook#filterByZoneName',
    versions: { from: '5.0.0' },
    async run(t) {
      const broker = await FakeBroker.registered(t, { ext: { __ZONE_NAME: 'far' } });
      code(await broker.register({ brokerId: 1, address: broker.at('1'), ext: { __ZONE_NAME: 'far' } }), res.SUCCESS, 'registration of a slave');
      code(await broker.unregister(), res.SUCCESS, 'the master leaves');
      await t.until('the master is gone', async () => (await routeOf(t, broker.topic)).brokerDatas[0]?.brokerAddrs['0'] === undefined);
      equal((await routeOf(t, broker.topic, { __ZONE_MODE: true, __ZONE_NAME: 'near' })).brokerDatas.map((one) => one.brokerName), [broker.name], 'brokers');
    },
  },
]);
