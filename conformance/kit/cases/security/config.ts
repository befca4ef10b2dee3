/** Configuration, system topics and KV entries: what no request may change, and that values stay values. */
import { defineCases } from '../../case.js';
import { req, res } from '../../codes.js';
import type { Answer } from '../../connection.js';
import type { Context } from '../../context.js';
import { code, equal, hasField, remarkMatches } from '../../expect.js';
import { createTopic, refused } from './support.js';

const configBytes = async (t: Context): Promise<string> => (await t.request(req.GET_BROKER_CONFIG)).body.toString('utf8');

/** A refusal of a configuration update, in Apache's words. */
function forbidden(answer: Answer, what: string): void {
  code(answer, res.NO_PERMISSION, what);
  remarkMatches(answer, 'Can not update config', what);
}

/** The value of a line `key=value`; undefined when there is none. */
function valueOf(config: string, key: string): string | undefined {
  return config.split('\n').find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1);
}

/** `key=value` with the value that the broker has, so that an endpoint that takes it is left as it was. */
async function sameAtBroker(t: Context, key: string): Promise<string> {
  return `${key}=${valueOf(t.has('config-read') ? await configBytes(t) : '', key) ?? '/nowhere'}`;
}

/** The same at the name server. */
async function sameAtNamesrv(t: Context, key: string): Promise<string> {
  const config = await (await t.namesrv()).request(req.GET_NAMESRV_CONFIG);
  return `${key}=${valueOf(config.body.toString('utf8'), key) ?? '/nowhere'}`;
}

async function updateBroker(t: Context, body: string): Promise<Answer> {
  return t.request(req.UPDATE_BROKER_CONFIG, {}, { body });
}

async function updateNamesrv(t: Context, body: string): Promise<Answer> {
  return (await t.namesrv()).request(req.UPDATE_NAMESRV_CONFIG, {}, { body });
}

export const cases = defineCases('security', [
  {
    name: 'security.broker-config-path-fixed',
    requirement: 'No request may change where a broker writes its configuration (brokerConfigPath).',
    level: 'MUST',
    source: 'AdminBrokerProcessor#validateBlackListConfigExist',
    needs: ['config-write'],
    versions: { from: '5.2.0' },
    async run(t) {
      forbidden(await updateBroker(t, await sameAtBroker(t, 'brokerConfigPath')), 'brokerConfigPath');
    },
  },
  {
    name: 'security.broker-home-fixed',
    requirement: 'No request may change a broker\'s home directory (rocketmqHome).',
    level: 'MUST',
    source: 'AdminBrokerProcessor#initConfigBlackList',
    needs: ['config-write'],
    versions: { from: '5.5.0' },
    async run(t) {
      forbidden(await updateBroker(t, await sameAtBroker(t, 'rocketmqHome')), 'rocketmqHome');
    },
  },
  {
    name: 'security.broker-black-list-fixed',
    requirement: 'No request may change the list of what no request may change (configBlackList).',
    level: 'MUST',
    source: 'AdminBrokerProcessor#initConfigBlackList',
    needs: ['config-write'],
    versions: { from: '5.2.0' },
    async run(t) {
      forbidden(await updateBroker(t, await sameAtBroker(t, 'configBlackList')), 'configBlackList');
    },
  },
  {
    name: 'security.forbidden-key-spoils-update',
    requirement: 'An update that holds one forbidden key changes nothing at all.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#updateBrokerConfig',
    needs: ['config-write', 'config-read'],
    versions: { from: '5.2.0' },
    async run(t) {
      const before = valueOf(await configBytes(t), 'defaultQueryMaxNum');
      t.cleanup(async () => (valueOf(await configBytes(t), 'defaultQueryMaxNum') === before ? undefined : updateBroker(t, `defaultQueryMaxNum=${before ?? 32}`)), 'take defaultQueryMaxNum back');
      forbidden(await updateBroker(t, 'defaultQueryMaxNum=7\nbrokerConfigPath=/nowhere/a\n'), 'an update of two keys');
      equal(valueOf(await configBytes(t), 'defaultQueryMaxNum'), before, 'defaultQueryMaxNum');
    },
  },
  {
    name: 'security.forbidden-key-escaped',
    requirement: 'A forbidden key is recognised with unicode escapes, a colon for the equals sign and blanks around it, as properties files allow.',
    level: 'MUST',
    source: 'MixAll#string2Properties (Properties#load)',
    needs: ['config-write'],
    versions: { from: '5.2.0' },
    async run(t) {
      forbidden(await updateBroker(t, '  broker\\u0043onfig\\\n  Path : /nowhere/a'), 'brokerConfigPath, disguised');
    },
  },
  {
    name: 'security.malformed-escape-refused',
    requirement: 'An update with a malformed unicode escape is refused as a whole.',
    level: 'SHOULD',
    source: 'MixAll#string2Properties (Properties#load)',
    needs: ['config-write'],
    async run(t) {
      code(await updateBroker(t, 'brokerName=\\u12'), [res.SYSTEM_ERROR, res.NO_PERMISSION, res.INVALID_PARAMETER], 'an update with \\u12');
    },
  },
  {
    name: 'security.namesrv-kv-path-fixed',
    requirement: 'No request may change where a name server keeps its KV entries (kvConfigPath).',
    level: 'MUST',
    source: 'DefaultRequestProcessor#validateBlackListConfigExist',
    needs: ['namesrv-admin'],
    async run(t) {
      forbidden(await updateNamesrv(t, await sameAtNamesrv(t, 'kvConfigPath')), 'kvConfigPath');
    },
  },
  {
    name: 'security.namesrv-config-path-fixed',
    requirement: 'No request may change where a name server writes its configuration (configStorePath).',
    level: 'MUST',
    source: 'DefaultRequestProcessor#validateBlackListConfigExist',
    needs: ['namesrv-admin'],
    async run(t) {
      forbidden(await updateNamesrv(t, await sameAtNamesrv(t, 'configStorePath')), 'configStorePath');
    },
  },
  {
    name: 'security.namesrv-black-list-fixed',
    requirement: 'No request may change a name server\'s list of what no request may change.',
    level: 'MUST',
    source: 'DefaultRequestProcessor#initConfigBlackList',
    needs: ['namesrv-admin'],
    versions: { from: '5.2.0' },
    async run(t) {
      forbidden(await updateNamesrv(t, await sameAtNamesrv(t, 'configBlackList')), 'configBlackList');
    },
  },
  {
    name: 'security.namesrv-home-fixed',
    requirement: 'No request may change a name server\'s home directory (rocketmqHome).',
    level: 'MUST',
    source: 'DefaultRequestProcessor#initConfigBlackList',
    needs: ['namesrv-admin'],
    versions: { from: '5.5.0' },
    async run(t) {
      forbidden(await updateNamesrv(t, await sameAtNamesrv(t, 'rocketmqHome')), 'rocketmqHome');
    },
  },
  {
    name: 'security.no-secret-in-config',
    requirement: 'What GET_BROKER_CONFIG answers of keys that name secrets, passwords or credentials.',
    level: 'INFORMATIONAL',
    source: 'AdminBrokerProcessor#getBrokerConfig',
    needs: ['config-read'],
    async run(t) {
      const lines = (await configBytes(t)).split('\n').filter((line) => /secret|password|credential|accesskey|token/i.test(line));
      t.note(lines.length === 0 ? 'none' : lines.map((line) => `${line.split('=')[0] ?? ''}: ${line.endsWith('=') ? 'empty' : 'a value'}`).join(', '));
    },
  },
  {
    name: 'security.system-topic-not-updated',
    requirement: 'The configuration of a system topic, such as that of half messages, cannot be changed by request.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#updateAndCreateTopic',
    needs: ['admin'],
    async run(t) {
      const answer = await t.request(req.UPDATE_AND_CREATE_TOPIC, { topic: 'RMQ_SYS_TRANS_HALF_TOPIC', defaultTopic: 'TBW102', readQueueNums: 1, writeQueueNums: 1, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false });
      refused(t, answer, 'RMQ_SYS_TRANS_HALF_TOPIC');
      remarkMatches(answer, 'is conflict with system topic', 'RMQ_SYS_TRANS_HALF_TOPIC');
    },
  },
  {
    name: 'security.system-topic-not-deleted',
    requirement: 'A topic of the system\'s prefix cannot be deleted by request, there or not.',
    level: 'MUST',
    source: 'AdminBrokerProcessor#deleteTopic',
    needs: ['admin'],
    async run(t) {
      refused(t, await t.request(req.DELETE_TOPIC_IN_BROKER, { topic: `rmq_sys_${t.topicName()}` }), 'a topic of the system\'s prefix');
    },
  },
  {
    name: 'security.half-topic-takes-no-sends',
    requirement: 'A client cannot send into the topic of half messages: NO_PERMISSION.',
    level: 'MUST',
    source: 'TopicValidator#isNotAllowedSendTopic',
    async run(t) {
      const answer = await t.send('RMQ_SYS_TRANS_HALF_TOPIC');
      code(answer, res.NO_PERMISSION, 'the send');
      remarkMatches(answer, 'Sending message to topic[RMQ_SYS_TRANS_HALF_TOPIC] is forbidden.', 'the send');
    },
  },
  {
    name: 'security.schedule-topic-takes-no-sends',
    requirement: 'A client cannot send into the topic of delayed messages: NO_PERMISSION.',
    level: 'MUST',
    source: 'TopicValidator#isNotAllowedSendTopic',
    async run(t) {
      code(await t.send('SCHEDULE_TOPIC_XXXX'), res.NO_PERMISSION, 'the send');
    },
  },
  {
    name: 'security.system-prefix-not-created',
    requirement: 'A topic of the system\'s prefix rmq_sys_ cannot be created by request.',
    level: 'MUST',
    source: 'TopicValidator#isSystemTopic',
    needs: ['admin'],
    async run(t) {
      refused(t, await createTopic(t, `rmq_sys_${t.topicName()}`), 'a topic of the system\'s prefix');
    },
  },
  {
    name: 'security.kv-value-stays-a-value',
    requirement: 'A KV value that would end its JSON text and begin another entry comes back character for character and makes no other entry.',
    level: 'MUST',
    source: 'KVConfigManager#putKVConfig',
    needs: ['namesrv-admin'],
    async run(t) {
      const [namespace, key, namesrv] = [t.topicName(), 'key', await t.namesrv()];
      const value = '"},"forged":{"key":"v\\u0022\n\u2028é😀';
      t.cleanup(async () => (await t.namesrv()).request(req.DELETE_KV_CONFIG, { namespace, key }), 'delete the KV entry');
      code(await namesrv.request(req.PUT_KV_CONFIG, { namespace, key, value }), res.SUCCESS, 'the entry');
      hasField(await namesrv.request(req.GET_KV_CONFIG, { namespace, key }), 'value', value, 'the entry');
      code(await namesrv.request(req.GET_KV_CONFIG, { namespace: 'forged', key: 'key' }), res.QUERY_NOT_FOUND, 'an entry that the value would forge');
    },
  },
  {
    name: 'security.kv-prototype-names-plain',
    requirement: 'KV names such as __proto__ and constructor are names like others: nothing is found under them before they are put.',
    level: 'MUST',
    source: 'KVConfigManager#getKVConfig',
    async run(t) {
      const namesrv = await t.namesrv();
      for (const name of ['__proto__', 'constructor', 'toString']) {
        code(await namesrv.request(req.GET_KV_CONFIG, { namespace: name, key: name }), res.QUERY_NOT_FOUND, `namespace and key ${name}`);
        code(await namesrv.request(req.GET_KVLIST_BY_NAMESPACE, { namespace: name }), res.QUERY_NOT_FOUND, `namespace ${name}`);
      }
    },
  },
]);
