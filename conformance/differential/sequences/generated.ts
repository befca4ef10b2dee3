/**
 * For every served request code a good request, and from the table's header one with each field missing and, for numbers and
 * booleans, malformed. What the good request needs is made at the start of each sequence.
 */
import { requests, type Field, type Spec } from '../../../src/codec/requests.js';
import type { Ext } from '../../raw-client.js';
import { encodeBatch } from '../../kit/wire/batch.js';
import type { Sequence } from '../compare.js';
import { Peer } from '../peer.js';
import { fill, groupBody, heartbeat, makeGroup, makeTopic } from './steps.js';

interface Good {
  readonly ext: (topic: string, group: string, peer: Peer) => Ext;
  readonly body?: (topic: string, group: string) => Buffer | string;
  readonly mask?: readonly string[];
  /** Leave these fields as they are: what they do to the server is tried elsewhere. */
  readonly spare?: readonly string[];
  /** Variants left out, as `field=value`: a random choice, or a deliberate difference that would shift what follows. */
  readonly skip?: readonly string[];
}

const none: Good = { ext: () => ({}) };
const now = (): number => Date.now();
const lockBody = (topic: string, group: string): string => JSON.stringify({ consumerGroup: group, clientId: 'diff-client', mqSet: [{ topic, brokerName: 'broker-a', queueId: 0 }] });

const v1 = (topic: string): Ext => ({
  producerGroup: 'diff_writer', topic, defaultTopic: 'TBW102', defaultTopicQueueNums: 4, queueId: 0, sysFlag: 0, bornTimestamp: now(), flag: 0, properties: '',
  reconsumeTimes: 0, unitMode: false, batch: false,
});

/** Good input by name of the code, on the broker. Codes that change the whole server are tried by hand in other files. */
export const goodBroker: Readonly<Partial<Record<keyof typeof requests, Good>>> = {
  SEND_MESSAGE: { ext: v1, body: () => 'v1', skip: ['queueId=-1', 'bornTimestamp=9223372036854775807'] },
  SEND_MESSAGE_V2: { ext: (topic) => Peer.v2(topic, 0), body: () => 'v2', skip: ['e=-1', 'g=9223372036854775807'] },
  SEND_BATCH_MESSAGE: { ext: (topic) => Peer.v2(topic, 0, {}, { m: true }), body: () => encodeBatch([{ body: Buffer.from('one') }, { body: Buffer.from('two') }]), skip: ['e=-1', 'g=9223372036854775807'] },
  PULL_MESSAGE: {
    ext: (topic, group) => ({ consumerGroup: group, topic, queueId: 0, queueOffset: 0, maxMsgNums: 2, sysFlag: 4, commitOffset: 0, suspendTimeoutMillis: 0, subscription: '*', subVersion: 0, expressionType: 'TAG' }),
    skip: ['requestSource=+1'],
  },
  LITE_PULL_MESSAGE: {
    ext: (topic, group) => ({ consumerGroup: group, topic, queueId: 0, queueOffset: 0, maxMsgNums: 2, sysFlag: 12, commitOffset: 0, suspendTimeoutMillis: 0, subscription: '*', subVersion: 0, expressionType: 'TAG' }),
    skip: ['requestSource=+1'],
  },
  QUERY_MESSAGE: { ext: (topic) => ({ topic, key: 'k1', maxNum: 32, beginTimestamp: 0, endTimestamp: now() + 3_600_000 }), mask: ['indexLastUpdatePhyoffset'] },
  QUERY_CONSUMER_OFFSET: { ext: (topic, group) => ({ consumerGroup: group, topic, queueId: 0 }) },
  UPDATE_CONSUMER_OFFSET: { ext: (topic, group) => ({ consumerGroup: group, topic, queueId: 0, commitOffset: 1 }) },
  UPDATE_AND_CREATE_TOPIC: {
    ext: (topic) => ({ topic: `${topic}_new`, defaultTopic: 'TBW102', readQueueNums: 2, writeQueueNums: 2, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false }),
  },
  UPDATE_AND_CREATE_TOPIC_LIST: { ext: () => ({}), body: (topic) => JSON.stringify({ topicConfigList: [{ topicName: `${topic}_l1`, readQueueNums: 2, writeQueueNums: 2, perm: 6 }, { topicName: `${topic}_l2` }] }) },
  SEARCH_OFFSET_BY_TIMESTAMP: { ext: (topic) => ({ topic, queueId: 0, timestamp: 0, boundaryType: 'lower' }) },
  GET_MAX_OFFSET: { ext: (topic) => ({ topic, queueId: 0, committed: true }) },
  GET_MIN_OFFSET: { ext: (topic) => ({ topic, queueId: 0 }) },
  GET_EARLIEST_MSG_STORETIME: { ext: (topic) => ({ topic, queueId: 0 }) },
  HEART_BEAT: { ext: () => ({}), body: (topic, group) => heartbeat('diff-client', [{ group, subs: [{ topic }] }], ['diff_writer']) },
  UNREGISTER_CLIENT: { ext: (_topic, group) => ({ clientID: 'diff-client', producerGroup: 'diff_writer', consumerGroup: group }) },
  CONSUMER_SEND_MSG_BACK: {
    ext: (topic, group) => ({ offset: 999_999_999, group, delayLevel: 0, originMsgId: 'x', originTopic: topic, unitMode: false, maxReconsumeTimes: 16 }),
  },
  GET_CONSUMER_LIST_BY_GROUP: { ext: (_topic, group) => ({ consumerGroup: group }) },
  LOCK_BATCH_MQ: { ext: () => ({}), body: lockBody },
  UNLOCK_BATCH_MQ: { ext: () => ({}), body: lockBody },
  CHECK_CLIENT_CONFIG: {
    ext: () => ({}),
    body: (topic, group) => JSON.stringify({ clientId: 'diff-client', group, namespace: null, subscriptionData: { topic, subString: "a = 'b'", expressionType: 'SQL92', subVersion: 1, tagsSet: [], codeSet: [] } }),
  },
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: { ext: () => ({}), body: (_topic, group) => groupBody(`${group}_new`) },
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST: { ext: () => ({}), body: (_topic, group) => JSON.stringify({ groupConfigList: [JSON.parse(groupBody(`${group}_l1`)), { groupName: `${group}_l2` }] }) },
  GET_TOPIC_STATS_INFO: { ext: (topic) => ({ topic }) },
  GET_CONSUMER_CONNECTION_LIST: { ext: (_topic, group) => ({ consumerGroup: group }) },
  GET_PRODUCER_CONNECTION_LIST: { ext: () => ({ producerGroup: 'diff_nobody' }) },
  DELETE_SUBSCRIPTIONGROUP: { ext: (_topic, group) => ({ groupName: `${group}_gone`, cleanOffset: false }) },
  GET_CONSUME_STATS: { ext: (topic, group) => ({ consumerGroup: group, topic }) },
  DELETE_TOPIC_IN_BROKER: { ext: (topic) => ({ topic: `${topic}_gone` }) },
  INVOKE_BROKER_TO_RESET_OFFSET: { ext: (topic, group) => ({ topic, group, timestamp: -1, isForce: true, queueId: -1 }) },
  INVOKE_BROKER_TO_GET_CONSUMER_STATUS: { ext: (topic, group) => ({ topic, group, clientAddr: '' }) },
  QUERY_TOPIC_CONSUME_BY_WHO: { ext: (topic) => ({ topic }) },
  QUERY_CONSUME_TIME_SPAN: { ext: (topic, group) => ({ topic, group }) },
  GET_SYSTEM_TOPIC_LIST_FROM_BROKER: none,
  GET_CONSUMER_RUNNING_INFO: { ext: (_topic, group) => ({ consumerGroup: group, clientId: 'nobody', jstackEnable: false }) },
  QUERY_CORRECTION_OFFSET: { ext: (topic, group) => ({ filterGroups: '', compareGroup: group, topic }) },
  CONSUME_MESSAGE_DIRECTLY: { ext: (topic, group) => ({ consumerGroup: group, clientId: 'nobody', msgId: '7F00000100002A9F0000000000000000', brokerName: 'broker-a', topic }) },
  CLONE_GROUP_OFFSET: { ext: (topic, group) => ({ srcGroup: group, destGroup: `${group}_dest`, topic, offline: true }) },
  VIEW_BROKER_STATS_DATA: { ext: (topic) => ({ statsName: 'TOPIC_PUT_NUMS', statsKey: topic }) },
  GET_BROKER_CONSUME_STATS: { ext: () => ({ isOrder: true }), mask: ['consumeStatsList', 'totalDiff', 'totalInflightDiff'] },
  QUERY_CONSUME_QUEUE: { skip: ['topic='], ext: (topic, group) => ({ topic, queueId: 0, index: 0, count: 2, consumerGroup: group }), mask: ['physicOffset', 'extendDataJson', 'bitMap', 'msg', 'filterData'] },
  QUERY_TOPICS_BY_CONSUMER: { ext: (_topic, group) => ({ group }) },
  QUERY_SUBSCRIPTION_BY_CONSUMER: { ext: (topic, group) => ({ topic, group }) },
  GET_TOPIC_CONFIG: { ext: (topic) => ({ topic, lo: false }) },
  GET_SUBSCRIPTIONGROUP_CONFIG: { ext: (_topic, group) => ({ group }) },
  UPDATE_AND_GET_GROUP_FORBIDDEN: { ext: (topic, group) => ({ group, topic, readable: true }) },
  VIEW_MESSAGE_BY_ID: { ext: (topic) => ({ topic, offset: 0 }), spare: ['offset'] },
  GET_ALL_DELAY_OFFSET: { ext: () => ({}), mask: ['offsetTable', 'dataVersion'] },
};

/** The same on the name server. */
export const goodNamesrv: Readonly<Partial<Record<keyof typeof requests, Good>>> = {
  PUT_KV_CONFIG: { ext: (topic) => ({ namespace: 'DIFF_NS', key: topic, value: 'v' }) },
  GET_KV_CONFIG: { ext: () => ({ namespace: 'DIFF_NS', key: 'nothing' }) },
  DELETE_KV_CONFIG: { ext: () => ({ namespace: 'DIFF_NS', key: 'nothing' }) },
  GET_KVLIST_BY_NAMESPACE: { ext: () => ({ namespace: 'DIFF_NS_NONE' }) },
  GET_ROUTEINFO_BY_TOPIC: { ext: (topic) => ({ topic, acceptStandardJsonOnly: true }) },
  GET_BROKER_CLUSTER_INFO: none,
  WIPE_WRITE_PERM_OF_BROKER: { ext: () => ({ brokerName: 'no_such_broker' }) },
  ADD_WRITE_PERM_OF_BROKER: { ext: () => ({ brokerName: 'no_such_broker' }) },
  DELETE_TOPIC_IN_NAMESRV: { ext: (topic) => ({ topic: `${topic}_none`, clusterName: 'DefaultCluster' }) },
  GET_TOPICS_BY_CLUSTER: { ext: () => ({ cluster: 'NoSuchCluster' }) },
  GET_UNIT_TOPIC_LIST: none,
  GET_HAS_UNIT_SUB_TOPIC_LIST: none,
  GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST: none,
  QUERY_DATA_VERSION: {
    ext: () => ({ brokerName: 'diff-x', brokerAddr: '10.9.9.9:1', clusterName: 'DiffCluster', brokerId: 0 }),
    body: () => JSON.stringify({ counter: 0, stateVersion: 0, timestamp: 1 }),
  },
  GET_BROKER_MEMBER_GROUP: { ext: () => ({ clusterName: 'NoSuchCluster', brokerName: 'no_such_broker' }) },
  BROKER_HEARTBEAT: { ext: () => ({ clusterName: 'DiffCluster', brokerAddr: '10.9.9.9:1', brokerName: 'diff-x', brokerId: 0 }) },
  UNREGISTER_BROKER: { ext: () => ({ brokerName: 'diff-x', brokerAddr: '10.9.9.9:1', clusterName: 'DiffCluster', brokerId: 0 }) },
};

const malformed: Readonly<Record<Field['as'], readonly string[]>> = {
  str: [''],
  i32: ['x', '', '-1', '2147483648', '1.5', ' 1', '+1', '99999'],
  i64: ['x', '', '-1', '9223372036854775807', '9223372036854775808', '1.5'],
  bool: ['maybe', '', 'TRUE'],
  boundary: ['', 'UPPER', 'upper', 'middle'],
  f64: ['x', ''],
};

function variants(spec: Spec, good: Ext, spare: readonly string[], skip: readonly string[]): { label: string; ext: Ext }[] {
  const out = [{ label: 'good', ext: good }, { label: 'nothing at all', ext: {} }, { label: 'a field nobody knows', ext: { ...good, zzz: 'z' } }];
  for (const [name, field] of Object.entries(spec.header)) {
    const wire = field.wire ?? name;
    if (spare.includes(wire)) continue;
    if (wire in good) out.push({ label: `${wire} missing`, ext: Object.fromEntries(Object.entries(good).filter(([key]) => key !== wire)) });
    if (['ns', 'nsd', 'oway', 'lo', 'proxyFrowardClientId', 'liteTopic'].includes(wire)) continue;
    for (const value of malformed[field.as]) if (!skip.includes(`${wire}=${value}`)) out.push({ label: `${wire}='${value}'`, ext: { ...good, [wire]: value } });
  }
  return out;
}

function sequencesFor(to: 'broker' | 'namesrv', goods: Readonly<Partial<Record<keyof typeof requests, Good>>>): Sequence[] {
  return Object.entries(goods).map(([name, good]) => {
    const spec: Spec = requests[name as keyof typeof requests];
    return {
      name: `${name} each field`,
      run: async (peer): Promise<void> => {
        const topic = `DiffGen_${name}`;
        const group = `diff_gen_${name}`;
        if (to === 'broker') {
          await makeTopic(peer, topic, 2);
          await makeGroup(peer, group);
          await fill(peer, topic, 0, 3, (index) => ({ KEYS: `k${index}`, TAGS: 'TagA' }));
        }
        const body = good.body?.(topic, group);
        const options = { to, mask: good.mask ?? [] };
        for (const { label, ext } of variants(spec, good.ext(topic, group, peer), good.spare ?? [], good.skip ?? [])) {
          await peer.ask(label, spec.code, ext, { ...options, ...(body === undefined ? {} : { body }) });
        }
        if (body !== undefined) {
          const ext = good.ext(topic, group, peer);
          await peer.ask('no body', spec.code, ext, options);
          if (typeof body === 'string') for (const bad of ['{}', '[]', 'null', '{', 'x', '{"a":1}', '""']) await peer.ask(`body ${bad}`, spec.code, ext, { ...options, body: bad });
        }
      },
    };
  });
}

export const generatedSequences: readonly Sequence[] = [...sequencesFor('broker', goodBroker), ...sequencesFor('namesrv', goodNamesrv)];
