/** The broker about itself: runtime figures, configuration, replication, cleaning on request. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Context } from '../../context.js';
import { code, equal, hasField, isTrue, notCode, remarkMatches } from '../../expect.js';
import { json } from '../../session.js';

async function config(t: Context): Promise<ReadonlyMap<string, string>> {
  const answer = await t.request(req.GET_BROKER_CONFIG);
  code(answer, res.SUCCESS, 'GET_BROKER_CONFIG');
  return new Map(answer.body.toString('utf8').split('\n').filter((line) => line.includes('=')).map((line) => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1).trimEnd()];
  }));
}

async function runtime(t: Context): Promise<Readonly<Record<string, string>>> {
  const answer = await t.request(req.GET_BROKER_RUNTIME_INFO);
  code(answer, res.SUCCESS, 'GET_BROKER_RUNTIME_INFO');
  return (json(answer) as { readonly table: Readonly<Record<string, string>> }).table;
}

/** A key that only tells brokers how long to wait when long polling is off: no case depends on it. */
const harmless = 'shortPollingTimeMills';

export const cases = defineCases('admin', [
  {
    name: 'admin.runtime.keys',
    requirement: 'GET_BROKER_RUNTIME_INFO has the figures that tools show: version, times, totals, throughput, positions of the commit log.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#prepareRuntimeInfo',
    async run(t) {
      const table = await runtime(t);
      const keys = ['brokerVersionDesc', 'bootTimestamp', 'runtime', 'putTps', 'getTotalTps', 'getFoundTps', 'msgPutTotalTodayNow', 'msgGetTotalTodayNow', 'commitLogMinOffset', 'commitLogMaxOffset', 'commitLogDiskRatio', 'earliestMessageTimeStamp', 'dispatchBehindBytes', 'sendThreadPoolQueueSize', 'pullThreadPoolQueueSize'];
      equal(keys.filter((key) => typeof table[key] !== 'string'), [], 'keys that are not there as text');
    },
  },
  {
    name: 'admin.runtime.version-named',
    requirement: 'The brokerVersionDesc of the runtime figures names a release, such as V5_5_0.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#prepareRuntimeInfo, MQVersion#getVersionDesc',
    async run(t) {
      isTrue(/^V\d+_\d+_\d+/.test((await runtime(t))['brokerVersionDesc'] ?? ''), 'brokerVersionDesc is like V5_5_0');
    },
  },
  {
    name: 'admin.runtime.log-grows',
    requirement: 'The commitLogMaxOffset of the runtime figures grows with what is sent.',
    level: 'MUST',
    source: 'DefaultMessageStore#getRuntimeInfo',
    async run(t) {
      const before = Number((await runtime(t))['commitLogMaxOffset']);
      await t.sendOk(await t.topic(), { body: Buffer.alloc(2000) });
      await t.until('the log has grown', async () => Number((await runtime(t))['commitLogMaxOffset']) >= before + 2000);
    },
  },
  {
    name: 'admin.config.read',
    requirement: 'GET_BROKER_CONFIG answers the configuration of the broker as lines key=value.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getBrokerConfig',
    needs: ['config-read'],
    async run(t) {
      const now = await config(t);
      equal([now.get('brokerName'), now.get('brokerClusterName'), now.get('brokerId')], [t.endpoint.brokerName, t.endpoint.cluster, '0'], 'brokerName, brokerClusterName, brokerId');
      equal(['listenPort', 'autoCreateTopicEnable', 'maxMessageSize', 'flushDiskType', 'brokerRole'].filter((key) => !now.has(key)), [], 'keys that are not there');
    },
  },
  {
    name: 'admin.config.data-version',
    requirement: 'GET_BROKER_CONFIG answers the DataVersion of the configuration in the field version.',
    level: 'SHOULD',
    source: 'GetBrokerConfigResponseHeader#getVersion',
    needs: ['config-read'],
    async run(t) {
      const version = JSON.parse(hasField(await t.request(req.GET_BROKER_CONFIG), 'version')) as { readonly counter: unknown };
      equal(typeof version.counter, 'number', 'type of the counter');
    },
  },
  {
    name: 'admin.config.update',
    requirement: 'UPDATE_BROKER_CONFIG changes the keys it names, and GET_BROKER_CONFIG answers the new values.',
    level: 'MUST',
    source: 'Configuration#update',
    needs: ['config-read', 'config-write'],
    destructive: true,
    async run(t) {
      const before = (await config(t)).get(harmless) ?? '1000';
      t.cleanup(() => t.request(req.UPDATE_BROKER_CONFIG, {}, { body: `${harmless}=${before}` }));
      const value = before === '1001' ? '1002' : '1001';
      code(await t.request(req.UPDATE_BROKER_CONFIG, {}, { body: `${harmless}=${value}` }), res.SUCCESS, 'update');
      equal((await config(t)).get(harmless), value, harmless);
    },
  },
  {
    name: 'admin.config.update-raises-version',
    requirement: 'UPDATE_BROKER_CONFIG raises the counter of the DataVersion of the configuration.',
    level: 'SHOULD',
    source: 'Configuration#update',
    needs: ['config-read', 'config-write'],
    destructive: true,
    async run(t) {
      const counter = async (): Promise<number> => (JSON.parse(hasField(await t.request(req.GET_BROKER_CONFIG), 'version')) as { readonly counter: number }).counter;
      const before = await counter();
      code(await t.request(req.UPDATE_BROKER_CONFIG, {}, { body: `${harmless}=${(await config(t)).get(harmless) ?? '1000'}` }), res.SUCCESS, 'update');
      isTrue((await counter()) > before, 'the counter is larger');
    },
  },
  {
    name: 'admin.config.unknown-key-ignored',
    requirement: 'UPDATE_BROKER_CONFIG of a key that is not known is answered SUCCESS and adds nothing.',
    level: 'SHOULD',
    source: 'Configuration#mergeIfExist',
    needs: ['config-read', 'config-write'],
    destructive: true,
    async run(t) {
      code(await t.request(req.UPDATE_BROKER_CONFIG, {}, { body: 'conformNoSuchKey=1' }), res.SUCCESS, 'update');
      equal((await config(t)).get('conformNoSuchKey'), undefined, 'conformNoSuchKey');
    },
  },
  {
    name: 'admin.config.path-not-writable',
    requirement: 'UPDATE_BROKER_CONFIG of brokerConfigPath is NO_PERMISSION.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#validateBlackListConfigExist (CVE-2023-33246)',
    needs: ['config-read'],
    versions: { from: '5.1.1' },
    async run(t) {
      const answer = await t.request(req.UPDATE_BROKER_CONFIG, {}, { body: `brokerConfigPath=${(await config(t)).get('brokerConfigPath') ?? ''}` });
      code(answer, res.NO_PERMISSION, 'update of brokerConfigPath to what it is');
      remarkMatches(answer, 'Can not update config in black list.', 'update of brokerConfigPath');
    },
  },
  {
    name: 'admin.config.home-not-writable',
    requirement: 'UPDATE_BROKER_CONFIG of rocketmqHome is NO_PERMISSION.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#validateBlackListConfigExist (CVE-2023-33246)',
    needs: ['config-read'],
    versions: { from: '5.2.0' },
    async run(t) {
      code(await t.request(req.UPDATE_BROKER_CONFIG, {}, { body: `rocketmqHome=${(await config(t)).get('rocketmqHome') ?? ''}` }), res.NO_PERMISSION, 'update of rocketmqHome to what it is');
    },
  },
  {
    name: 'admin.config.forbidden-key-refuses-all',
    requirement: 'UPDATE_BROKER_CONFIG with one forbidden key among others is NO_PERMISSION and changes none of them.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#updateBrokerConfig',
    needs: ['config-read', 'config-write'],
    versions: { from: '5.2.0' },
    destructive: true,
    async run(t) {
      const now = await config(t);
      const before = now.get(harmless) ?? '1000';
      t.cleanup(() => t.request(req.UPDATE_BROKER_CONFIG, {}, { body: `${harmless}=${before}` }));
      code(await t.request(req.UPDATE_BROKER_CONFIG, {}, { body: `${harmless}=1007\nrocketmqHome=${now.get('rocketmqHome') ?? ''}` }), res.NO_PERMISSION, 'update with rocketmqHome');
      equal((await config(t)).get(harmless), before, harmless);
    },
  },
  {
    name: 'admin.config.without-body-succeeds',
    requirement: 'UPDATE_BROKER_CONFIG without a body is answered SUCCESS.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#updateBrokerConfig',
    needs: ['config-write'],
    async run(t) {
      code(await t.request(req.UPDATE_BROKER_CONFIG), res.SUCCESS, 'update without a body');
    },
  },
  {
    name: 'admin.ha-status.of-master',
    requirement: 'GET_BROKER_HA_STATUS of a master says that it is one, how long its log is, and which slaves are connected.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#getBrokerHaStatus',
    versions: { from: '5.0.0' },
    async run(t) {
      const answer = await t.request(req.GET_BROKER_HA_STATUS);
      code(answer, res.SUCCESS, 'status');
      const { master, masterCommitLogMaxOffset, haConnectionInfo } = json(answer) as { readonly master: boolean; readonly masterCommitLogMaxOffset: number; readonly haConnectionInfo: readonly unknown[] };
      equal([master, typeof masterCommitLogMaxOffset, Array.isArray(haConnectionInfo)], [true, 'number', true], 'master, type of masterCommitLogMaxOffset, haConnectionInfo is a list');
    },
  },
  {
    name: 'admin.request.code-not-supported',
    requirement: 'A request the broker does not know is REQUEST_CODE_NOT_SUPPORTED with a remark that names its code.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#getUnknownCmdResponse',
    async run(t) {
      const answer = await t.request(req.PUT_KV_CONFIG, { namespace: 'n', key: 'k', value: 'v' });
      code(answer, res.REQUEST_CODE_NOT_SUPPORTED, 'PUT_KV_CONFIG at the broker');
      equal(answer.remark, ' request type 100 not supported', 'remark');
    },
  },
  {
    name: 'admin.clean.expired-queues',
    requirement: 'CLEAN_EXPIRED_CONSUMEQUEUE is answered SUCCESS and leaves messages that are there.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#cleanExpiredConsumeQueue',
    destructive: true,
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 2);
      code(await t.request(req.CLEAN_EXPIRED_CONSUMEQUEUE), res.SUCCESS, 'clean');
      equal((await t.pullAll(topic, 2)).length, 2, 'messages');
    },
  },
  {
    name: 'admin.clean.unused-topics',
    requirement: 'CLEAN_UNUSED_TOPIC is answered SUCCESS and leaves messages of topics that are there.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#cleanUnusedTopic',
    destructive: true,
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 2);
      code(await t.request(req.CLEAN_UNUSED_TOPIC), res.SUCCESS, 'clean');
      equal((await t.pullAll(topic, 2)).length, 2, 'messages');
    },
  },
  {
    name: 'admin.clean.expired-log',
    requirement: 'DELETE_EXPIRED_COMMITLOG is answered SUCCESS and leaves messages that are not expired.',
    level: 'SHOULD',
    source: 'AdminBrokerProcessor#deleteExpiredCommitLog',
    versions: { from: '4.9.4' },
    destructive: true,
    async run(t) {
      const topic = await t.topic();
      await t.fill(topic, 2);
      code(await t.request(req.DELETE_EXPIRED_COMMITLOG), res.SUCCESS, 'delete');
      equal((await t.pullAll(topic, 2)).length, 2, 'messages');
    },
  },
  {
    name: 'admin.heartbeat.body-missing-refused',
    requirement: 'A heartbeat without a body is refused, and the connection stays open.',
    level: 'MUST',
    source: 'ClientManageProcessor#heartBeat',
    async run(t) {
      notCode(await t.request(req.HEART_BEAT, {}), res.SUCCESS, 'heartbeat without a body');
      code(await t.request(req.GET_BROKER_RUNTIME_INFO), res.SUCCESS, 'the next request on the connection');
    },
  },
]);
