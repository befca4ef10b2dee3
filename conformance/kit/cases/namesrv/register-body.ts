/** REGISTER_BROKER: its checksum, its two bodies, and what else it brings. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import { code, equal, isTrue, notCode, remarkMatches } from '../../expect.js';
import { json } from '../../session.js';
import { askRoute, bodyCrc, clusterInfo, compressedBody, FakeBroker, queuesOf, routeOf } from './support.js';

export const cases = defineCases('namesrv', [
  {
    name: 'namesrv.register.crc-mismatch-refused',
    requirement: 'A registration whose bodyCrc32 is not that of its body is SYSTEM_ERROR `crc32 not match` and changes nothing.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#checksum',
    async run(t) {
      const broker = await FakeBroker.create(t);
      const answer = await broker.register({ ext: { bodyCrc32: 12345 } });
      code(answer, res.SYSTEM_ERROR, 'registration with a wrong CRC');
      remarkMatches(answer, 'crc32 not match', 'registration with a wrong CRC');
      equal((await clusterInfo(t)).brokerAddrTable[broker.name], undefined, 'the broker in the cluster information');
    },
  },
  {
    name: 'namesrv.register.crc-zero-unchecked',
    requirement: 'A registration with bodyCrc32=0 is accepted without a check of its body.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#checksum',
    async run(t) {
      const broker = await FakeBroker.registered(t, { ext: { bodyCrc32: 0 } });
      await routeOf(t, broker.topic);
    },
  },
  {
    name: 'namesrv.register.crc-missing-unchecked',
    requirement: 'A registration without bodyCrc32 is accepted.',
    level: 'SHOULD',
    source: 'RegisterBrokerRequestHeader#getBodyCrc32',
    async run(t) {
      const broker = await FakeBroker.registered(t, { ext: { bodyCrc32: undefined, compressed: undefined } });
      await routeOf(t, broker.topic);
    },
  },
  {
    name: 'namesrv.register.compressed-body',
    requirement: 'A registration with compressed=true has its DataVersion, topics and filter servers in a zlib stream.',
    level: 'MUST',
    source: 'RegisterBrokerBody#decode',
    async run(t) {
      const broker = await FakeBroker.create(t);
      code(await broker.register({ compressed: true, topics: [{ topic: broker.topic, readQueues: 3, writeQueues: 2, perm: 4 }, { topic: broker.filler }], filterServers: ['one:1'] }), res.SUCCESS, 'compressed registration');
      const { readQueueNums, writeQueueNums, perm } = await queuesOf(t, broker.topic, broker.name);
      equal([readQueueNums, writeQueueNums, perm], [3, 2, 4], 'read queues, write queues, permission');
      equal((await routeOf(t, broker.topic)).filterServerTable[broker.address], ['one:1'], 'filter servers');
    },
  },
  {
    name: 'namesrv.register.compressed-body-truncated',
    requirement: 'A registration whose compressed body ends in the middle is SYSTEM_ERROR and changes nothing.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#extractRegisterBrokerBodyFromRequest',
    async run(t) {
      const broker = await FakeBroker.create(t);
      const whole = compressedBody([{ topic: broker.topic }, { topic: broker.filler }], { stateVersion: 0, timestamp: 1, counter: 1 });
      const body = whole.subarray(0, 20);
      code(await broker.register({ compressed: true, body, ext: { bodyCrc32: bodyCrc(body) } }), res.SYSTEM_ERROR, 'registration with half a body');
      code(await askRoute(t, broker.topic), res.TOPIC_NOT_EXIST, 'route of its topic');
    },
  },
  {
    name: 'namesrv.register.body-not-json',
    requirement: 'A registration whose body is no JSON is refused.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#extractRegisterBrokerBodyFromRequest',
    async run(t) {
      const broker = await FakeBroker.create(t);
      notCode(await broker.register({ body: '{"topicConfigSerializeWrapper":' }), res.SUCCESS, 'registration with half a JSON object');
    },
  },
  {
    name: 'namesrv.register.without-body',
    requirement: 'A registration without a body puts the broker into the cluster without topics.',
    level: 'SHOULD',
    source: 'DefaultRequestProcessor#extractRegisterBrokerBodyFromRequest',
    async run(t) {
      const broker = await FakeBroker.create(t);
      code(await broker.register({ body: '', ext: { bodyCrc32: 0 } }), res.SUCCESS, 'registration without a body');
      equal((await clusterInfo(t)).brokerAddrTable[broker.name]?.brokerAddrs, { 0: broker.address }, 'addresses');
      equal((await t.namesrv()).isOpen, true, 'the connection is open');
    },
  },
  {
    name: 'namesrv.register.filter-servers-in-route',
    requirement: 'Filter servers that a broker registers are in the route under its address, and a registration without any removes them.',
    level: 'MAY',
    source: 'RouteInfoManager#pickupTopicRouteData',
    async run(t) {
      const broker = await FakeBroker.registered(t, { filterServers: ['f:1', 'f:2'] });
      equal((await routeOf(t, broker.topic)).filterServerTable[broker.address], ['f:1', 'f:2'], 'filter servers');
      code(await broker.register({ filterServers: [] }), res.SUCCESS, 'registration without filter servers');
      equal((await routeOf(t, broker.topic)).filterServerTable[broker.address], undefined, 'filter servers after the second registration');
    },
  },
  {
    name: 'namesrv.register.zone-in-route',
    requirement: 'The __ZONE_NAME that a broker registers with is the zoneName of its route.',
    level: 'SHOULD',
    source: 'RouteInfoManager#registerBroker',
    versions: { from: '5.0.0' },
    async run(t) {
      const broker = await FakeBroker.registered(t, { ext: { __ZONE_NAME: 'zone-1' } });
      equal((await routeOf(t, broker.topic)).brokerDatas[0]?.zoneName, 'zone-1', 'zoneName');
    },
  },
  {
    name: 'namesrv.register.answers-order-topics',
    requirement: 'The answer to a registration carries the table of the namespace ORDER_TOPIC_CONFIG.',
    level: 'SHOULD',
    source: 'DefaultRequestProcessor#registerBroker, NamesrvConfig#returnOrderTopicConfigToBroker',
    needs: ['namesrv-admin'],
    async run(t) {
      const broker = await FakeBroker.create(t);
      const namesrv = await t.namesrv();
      const where = { namespace: 'ORDER_TOPIC_CONFIG', key: broker.topic };
      t.cleanup(() => namesrv.request(req.DELETE_KV_CONFIG, where));
      code(await namesrv.request(req.PUT_KV_CONFIG, { ...where, value: `${broker.name}:4` }), res.SUCCESS, 'put');
      const answer = await broker.register();
      code(answer, res.SUCCESS, 'registration');
      equal((json(answer) as { readonly table: Readonly<Record<string, string>> }).table[broker.topic], `${broker.name}:4`, 'value in the table');
    },
  },
  {
    name: 'namesrv.register.acting-master-flag-in-route',
    requirement: 'The route tells of each broker whether it sends enableActingMaster.',
    level: 'SHOULD',
    source: 'BrokerData#isEnableActingMaster',
    versions: { from: '5.0.0' },
    async run(t) {
      const broker = await FakeBroker.registered(t, { ext: { enableActingMaster: true } });
      const other = await FakeBroker.registered(t);
      equal((await routeOf(t, broker.topic)).brokerDatas[0]?.enableActingMaster, true, 'of the broker that sends it');
      equal((await routeOf(t, other.topic)).brokerDatas[0]?.enableActingMaster, false, 'of the broker that does not');
      isTrue((await routeOf(t, broker.topic)).brokerDatas.length === 1, 'one broker');
    },
  },
]);
