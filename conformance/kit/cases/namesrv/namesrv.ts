/** The name server: routes and cluster information. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, hasField, isTrue, remarkMatches } from '../../expect.js';
import { json } from '../../session.js';

interface Route {
  readonly queueDatas: readonly { readonly brokerName: string; readonly readQueueNums: number; readonly writeQueueNums: number; readonly perm: number }[];
  readonly brokerDatas: readonly { readonly brokerName: string; readonly brokerAddrs: Readonly<Record<string, string>> }[];
}

export const cases = defineCases('namesrv', [
  {
    name: 'namesrv.route.unknown-topic',
    requirement: 'The route of a topic that no broker registered is TOPIC_NOT_EXIST, with a remark that names the topic.',
    level: 'MUST',
    source: 'ClientRequestProcessor#getRouteInfoByTopic',
    async run(t) {
      const topic = t.topicName();
      const answer = await (await t.namesrv()).request(req.GET_ROUTEINFO_BY_TOPIC, { topic });
      code(answer, res.TOPIC_NOT_EXIST, 'route of a topic that is not there');
      remarkMatches(answer, topic, 'route of a topic that is not there');
    },
  },
  {
    name: 'namesrv.route.created-topic',
    requirement: 'A topic created on a broker gets a route with its queues, permission and the address of the master.',
    level: 'MUST',
    source: 'RouteInfoManager#pickupTopicRouteData',
    async run(t) {
      const topic = await t.topic({ readQueues: 3, writeQueues: 2, perm: 6, route: true });
      const answer = await (await t.namesrv()).request(req.GET_ROUTEINFO_BY_TOPIC, { topic, acceptStandardJsonOnly: true });
      code(answer, res.SUCCESS, 'route');
      const route = json(answer) as Route;
      const queues = route.queueDatas.find((one) => one.brokerName === t.endpoint.brokerName);
      equal([queues?.readQueueNums, queues?.writeQueueNums, queues?.perm], [3, 2, 6], 'read queues, write queues and permission');
      isTrue(route.brokerDatas.some((one) => one.brokerAddrs['0'] === t.endpoint.broker), 'the route has the address of the master');
    },
  },
  {
    name: 'namesrv.kv.get-what-was-put',
    requirement: 'GET_KV_CONFIG answers the value that PUT_KV_CONFIG stored under a namespace and key.',
    level: 'SHOULD',
    source: 'KVConfigManager#putKVConfig',
    needs: ['namesrv-admin'],
    async run(t) {
      const namesrv = await t.namesrv();
      const where = { namespace: t.topicName('ns'), key: 'k' };
      t.cleanup(() => namesrv.request(req.DELETE_KV_CONFIG, where));
      code(await namesrv.request(req.PUT_KV_CONFIG, { ...where, value: 'some value' }), res.SUCCESS, 'put');
      const answer = await namesrv.request(req.GET_KV_CONFIG, where);
      code(answer, res.SUCCESS, 'get');
      hasField(answer, 'value', 'some value');
    },
  },
]);
