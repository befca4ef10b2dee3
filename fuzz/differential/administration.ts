/** Moves about everything that is no message: offsets, clients, locks, topics and groups, statistics, and the name server. */
import type { RequestName } from '../../src/codec/requests.js';
import type { Draft } from './draft.js';
import type { Move } from './generate.js';
import type { Template, Value } from './steps.js';

/** Requests that the table and the model make by themselves. */
const plain = (area: Move['area'], weight: number, ...names: readonly RequestName[]): Move[] => names.map((name) => ({ area, weight, make: (draft: Draft) => void draft.fill(name) }));

function commit(draft: Draft): void {
  const topic = draft.topic();
  const queueId = draft.queue(topic);
  const where = { consumerGroup: draft.group(), topic: topic.name, queueId };
  draft.fill('UPDATE_CONSUMER_OFFSET', { ...where, commitOffset: draft.random.below((topic.counts[queueId] ?? 0) + 2) });
  if (draft.random.once(2)) draft.fill('QUERY_CONSUMER_OFFSET', where);
}

/** Between two messages that lie apart in time. */
function search(draft: Draft): void {
  const { random } = draft;
  const sent = random.pick(draft.sent);
  draft.send('SEARCH_OFFSET_BY_TIMESTAMP', { topic: sent.topic, queueId: sent.queueId, timestamp: random.once(3) ? 0 : { ref: 'clock', of: '', plus: 1_000_000 }, boundaryType: random.pick(['lower', 'upper']) });
}

/** Messages with a time between them, and a search for each. */
function searchApart(draft: Draft): void {
  const { random } = draft;
  const name = '~TTime';
  if (draft.steps.some((step) => 'send' in step && step.ext['topic'] === name)) return;
  draft.send('UPDATE_AND_CREATE_TOPIC', topicFields(name, 1));
  const ids: number[] = [];
  for (let i = 0; i < 4; i++) {
    ids.push(draft.send('SEND_MESSAGE_V2', { a: '~P', b: name, c: 'TBW102', d: 4, e: 0, f: 0, g: { ref: 'clock', of: '' }, h: 0, j: 0, k: false, m: false }, { properties: { UNIQ_KEY: `^${draft.number()}^` }, body: { text: `at ${i}` } }));
    draft.pause(8);
  }
  for (let i = 0; i < 3; i++) {
    const timestamp: Value = { ref: random.pick(ids), of: 'storeTime', plus: random.pick([0, 0, 2, -2]) };
    draft.send('SEARCH_OFFSET_BY_TIMESTAMP', { topic: name, queueId: 0, timestamp, boundaryType: random.pick(['lower', 'upper']) });
  }
}

function reset(draft: Draft): void {
  const { random } = draft;
  const topic = draft.topic();
  const queueId = draft.queue(topic);
  const where: Record<string, Value> = { topic: topic.name, group: draft.group(), isForce: random.once(2), timestamp: random.pick<Value>([-1, 0, { ref: 'clock', of: '', plus: 1_000_000 }]) };
  draft.send('INVOKE_BROKER_TO_RESET_OFFSET', random.once(2) ? { ...where, queueId: -1 } : { ...where, queueId, offset: random.below((topic.counts[queueId] ?? 0) + 1) });
}

/** Subscriptions that pulls told of decide over a group that is online (`consumers.told-by-heartbeats`): once anybody sent a heartbeat, it is asked for as offline. */
function clone(draft: Draft): void {
  const heard = draft.steps.some((step) => 'send' in step && step.send === 'HEART_BEAT');
  draft.fill('CLONE_GROUP_OFFSET', heard ? { offline: true } : {});
}

const tagCode: Readonly<Record<string, number>> = { TagA: 2598917, TagB: 2598918 };

function heartbeat(draft: Draft): void {
  const { random } = draft;
  const client = random.pick(['a', 'b', 'c']);
  const topic = draft.topic();
  const tag = random.pick(['*', 'TagA', 'TagB']);
  const subscription: Template = {
    classFilterMode: false, topic: topic.name, subString: tag, tagsSet: tag === '*' ? [] : [tag], codeSet: tag === '*' ? [] : [tagCode[tag] ?? 0], subVersion: 1000 + random.below(5), expressionType: 'TAG',
  };
  const consumer: Template = {
    groupName: draft.group(), consumeType: random.pick(['CONSUME_PASSIVELY', 'CONSUME_ACTIVELY']), messageModel: random.once(8) ? 'BROADCASTING' : 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET', unitMode: false, subscriptionDataSet: [subscription],
  };
  draft.send('HEART_BEAT', {}, {
    client, body: { json: { clientID: `~C${client}`, consumerDataSet: random.once(5) ? [] : [consumer], producerDataSet: random.once(2) ? [{ groupName: '~P' }] : [], heartbeatFingerprint: 0, withoutSub: false } },
    ...(random.once(4) ? { identity: [random.pick([100, 355, 400, 513]), random.pick(['JAVA', 'CPP', 'GO'])] as const } : {}),
  });
}

function unregister(draft: Draft): void {
  const { random } = draft;
  const client = random.pick(['a', 'b', 'c']);
  draft.send('UNREGISTER_CLIENT', { clientID: `~C${client}`, ...(random.once(2) ? { producerGroup: '~P' } : {}), ...(random.once(4) ? {} : { consumerGroup: draft.group() }) }, { client });
}

/** By the subscription of a heartbeat, not one of its own. */
function pullSubscribed(draft: Draft): void {
  const topic = draft.topic();
  draft.send('PULL_MESSAGE', { consumerGroup: draft.group(), topic: topic.name, queueId: draft.queue(topic), queueOffset: 0, maxMsgNums: 32, sysFlag: 0, commitOffset: 0, suspendTimeoutMillis: 0, subVersion: 1000 + draft.random.below(5), expressionType: 'TAG' });
}

function lock(draft: Draft): void {
  const { random } = draft;
  const topic = draft.topic();
  const queues = Array.from({ length: topic.queues }, (_, queueId) => queueId).filter(() => !random.once(3));
  draft.send(random.once(3) ? 'UNLOCK_BATCH_MQ' : 'LOCK_BATCH_MQ', {}, {
    body: { json: { consumerGroup: draft.group(), clientId: `~C${random.pick(['a', 'b'])}`, mqSet: queues.map((queueId) => ({ topic: topic.name, brokerName: 'broker-a', queueId })), onlyThisBroker: random.once(4) } },
  });
}

function topicFields(topic: string, queues: number, more: Readonly<Record<string, Value>> = {}): Record<string, Value> {
  return { topic, defaultTopic: 'TBW102', readQueueNums: queues, writeQueueNums: queues, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false, ...more };
}

function changeTopic(draft: Draft): void {
  const { random } = draft;
  const topic = draft.topic();
  const queues = random.pick([1, 2, 4, 8]);
  topic.queues = queues;
  draft.send('UPDATE_AND_CREATE_TOPIC', topicFields(topic.name, queues, {
    perm: random.pick([6, 6, 6, 4, 2]), order: random.once(4), topicSysFlag: random.pick([0, 0, 1, 2]), ...(random.once(4) ? { attributes: random.pick(['+message.type=NORMAL', '+message.type=MIXED', '-message.type', '+nope=1']) } : {}),
  }));
}

/** Once: Apache's second list would end at what is unchanged (`topics.list-goes-on`). */
function makeTopics(draft: Draft): void {
  const { random } = draft;
  if (draft.steps.some((step) => 'send' in step && step.send === 'UPDATE_AND_CREATE_TOPIC_LIST')) return;
  draft.send('UPDATE_AND_CREATE_TOPIC_LIST', {}, { body: { json: { topicConfigList: [
    { topicName: '~TList', readQueueNums: random.pick([1, 2]), writeQueueNums: 2, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: random.once(2) }, { topicName: '~TList2', readQueueNums: 4, writeQueueNums: 4, perm: 6 },
  ] } } });
}

function deleteTopic(draft: Draft): void {
  const topic = draft.random.once(2) ? '~TList' : draft.topic().name;
  draft.send('DELETE_TOPIC_IN_BROKER', { topic });
  if (draft.random.once(2)) draft.send('DELETE_TOPIC_IN_NAMESRV', { topic, ...(draft.random.once(2) ? { clusterName: 'DefaultCluster' } : {}) });
  draft.topics.find((one) => one.name === topic)?.counts.splice(0);
}

function groupOf(draft: Draft, groupName: string): Template {
  const { random } = draft;
  return {
    groupName, consumeEnable: !random.once(8), consumeFromMinEnable: true, consumeBroadcastEnable: !random.once(4), consumeMessageOrderly: random.once(4), retryQueueNums: random.pick([1, 1, 2]), retryMaxTimes: random.pick([16, 1, 0]), brokerId: 0,
    whichBrokerWhenConsumeSlowly: random.pick([0, 1]), notifyConsumerIdsChangedEnable: !random.once(4), consumeTimeoutMinute: random.pick([15, 30]),
  };
}

function changeGroup(draft: Draft): void {
  const group = draft.random.once(3) ? '~GMade' : draft.group();
  if (draft.random.once(4)) draft.send('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST', {}, { body: { json: { groupConfigList: [groupOf(draft, group), groupOf(draft, '~GList')] } } });
  else draft.send('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP', {}, { body: { json: groupOf(draft, group) } });
}

/** A group that is used goes with its offsets only: else Apache makes it again at once (`groups.deleted-comes-back`), and everything behind it differs. */
function deleteGroup(draft: Draft): void {
  const groupName = draft.random.pick(['~GMade', '~GList', draft.group()]);
  draft.send('DELETE_SUBSCRIPTIONGROUP', { groupName, cleanOffset: draft.groups.includes(groupName) || draft.random.once(2) });
}

/** A topic is allowed again only where no other one is forbidden: Apache would allow that too (`groups.forbidden-by-topic`). */
function forbid(draft: Draft): void {
  const group = draft.group();
  const topic = draft.topic().name;
  const others = draft.steps.some((step) => 'send' in step && step.send === 'UPDATE_AND_GET_GROUP_FORBIDDEN' && step.ext['group'] === group && step.ext['topic'] !== topic && step.ext['readable'] === false);
  draft.send('UPDATE_AND_GET_GROUP_FORBIDDEN', { group, topic, ...(draft.random.once(3) ? {} : { readable: !others && draft.random.once(2) }) });
}

function checkClient(draft: Draft): void {
  const { random } = draft;
  const [expressionType, subString] = random.pick([['TAG', 'TagA'], ['SQL92', 'a > 1'], ['SQL92', 'a >'], ['XYZ', 'a']] as const);
  draft.send('CHECK_CLIENT_CONFIG', {}, { body: { json: { clientId: '~Ca', group: draft.group(), subscriptionData: { topic: draft.topic().name, subString, expressionType, subVersion: 1, tagsSet: [], codeSet: [] } } } });
}

function assignment(draft: Draft): void {
  const { random } = draft;
  const topic = draft.topic().name;
  const consumerGroup = draft.group();
  if (random.once(3)) draft.send('SET_MESSAGE_REQUEST_MODE', {}, { body: { json: { topic, consumerGroup, mode: random.pick(['PULL', 'POP']), popShareQueueNum: random.pick([0, 1, 8]) } } });
  else draft.send('QUERY_ASSIGNMENT', {}, { body: { json: { topic, consumerGroup, clientId: `~C${random.pick(['a', 'b'])}`, strategyName: random.pick(['AVG', 'AVG_BY_CIRCLE']), messageModel: random.once(6) ? 'BROADCASTING' : 'CLUSTERING' } } });
}

/** Of cold data a consumer may read so much; `UPDATE` takes properties, `REMOVE` a name. */
function coldData(draft: Draft): void {
  const group = draft.group();
  switch (draft.random.below(3)) {
    case 0: draft.send('UPDATE_COLD_DATA_FLOW_CTR_CONFIG', {}, { body: draft.text(`${group}=${draft.random.pick(['1000', '1', '0'])}`) }); break;
    case 1: draft.send('REMOVE_COLD_DATA_FLOW_CTR_CONFIG', {}, { body: draft.text(group) }); break;
    default: draft.send('GET_COLD_DATA_FLOW_CTR_INFO');
  }
}

function keyValues(draft: Draft): void {
  const { random } = draft;
  const namespace = random.once(4) ? '~N2' : '~N';
  const key = random.pick(['k', 'l', 'm']);
  switch (random.below(4)) {
    case 0: draft.send('DELETE_KV_CONFIG', { namespace, key }); break;
    case 1: draft.send('GET_KV_CONFIG', { namespace, key }); break;
    case 2: draft.send('GET_KVLIST_BY_NAMESPACE', { namespace }); break;
    default: draft.send('PUT_KV_CONFIG', { namespace, key, value: random.pick(['v', 'w', 'a;b:4', 'ü']) });
  }
}

/** A broker of the sequence's own, that is not there. A first registration with a single topic would be refused (`RouteInfoManager#registerBroker`), so it has two. */
function registered(draft: Draft): void {
  const { random } = draft;
  const id = random.below(2);
  const header = { brokerName: '~B', brokerAddr: `~B-host:${1000 + id}`, clusterName: '~Cluster', haServerAddr: `~B-host:${2000 + id}`, brokerId: id };
  const dataVersion = { counter: random.below(4), stateVersion: 0, timestamp: 1 };
  const topic = random.pick(['~TOfB', '~TOfB2']);
  const config = { topicName: topic, readQueueNums: random.pick([1, 4]), writeQueueNums: 4, perm: random.pick([6, 4]), topicFilterType: 'SINGLE_TAG', topicSysFlag: random.pick([0, 1, 2]), order: false };
  switch (random.below(9)) {
    case 4: draft.send('UNREGISTER_BROKER', { brokerName: '~B', brokerAddr: header.brokerAddr, clusterName: '~Cluster', brokerId: id }); break;
    case 5: draft.send('REGISTER_TOPIC_IN_NAMESRV', { topic: random.pick(['~TReg', topic]) }, { body: { json: { brokerDatas: [], filterServerTable: {}, queueDatas: [{ brokerName: '~B', readQueueNums: random.pick([1, 3]), writeQueueNums: 2, perm: 6, topicSysFlag: 0 }] } } }); break;
    case 0: draft.send('BROKER_HEARTBEAT', { clusterName: '~Cluster', brokerAddr: header.brokerAddr, brokerName: '~B', brokerId: id }); break;
    case 1: draft.send('QUERY_DATA_VERSION', { brokerName: '~B', brokerAddr: header.brokerAddr, clusterName: '~Cluster', brokerId: id }, { body: { json: dataVersion }, mask: ['stateVersion'] }); break;
    case 2: draft.send(random.once(2) ? 'WIPE_WRITE_PERM_OF_BROKER' : 'ADD_WRITE_PERM_OF_BROKER', { brokerName: '~B' }); break;
    case 3: draft.send('GET_BROKER_MEMBER_GROUP', { clusterName: '~Cluster', brokerName: '~B' }); break;
    default: draft.send('REGISTER_BROKER', { ...header, compressed: false, bodyCrc32: 0, heartbeatTimeoutMillis: 600_000 }, {
      client: 'broker', body: { json: { filterServerList: [], topicConfigSerializeWrapper: { dataVersion, topicConfigTable: { [topic]: config, '~TOfB3': { ...config, topicName: '~TOfB3' } }, topicQueueMappingInfoMap: {} } } },
    });
  }
}

function route(draft: Draft): void {
  const { random } = draft;
  draft.send('GET_ROUTEINFO_BY_TOPIC', { topic: random.pick([draft.topic().name, draft.topic().name, '~TOfB', '~TOfB2', '~TReg', '~TAuto', '~TNone']), ...(random.once(2) ? { acceptStandardJsonOnly: true } : {}) }, random.once(3) ? { identity: [random.pick([100, 400, 513]), 'JAVA'] } : {});
}

export const administrationMoves: readonly Move[] = [
  { area: 'offsets', weight: 3, make: commit },
  { area: 'offsets', weight: 1, make: reset },
  { area: 'offsets', weight: 1, ready: (draft) => draft.sent.length > 0, make: search },
  { area: 'offsets', weight: 1, make: searchApart },
  ...plain('offsets', 2, 'QUERY_CONSUMER_OFFSET', 'GET_MAX_OFFSET', 'GET_MIN_OFFSET'),
  ...plain('offsets', 1, 'GET_EARLIEST_MSG_STORETIME', 'GET_CONSUME_STATS', 'QUERY_CONSUME_TIME_SPAN', 'QUERY_TOPICS_BY_CONSUMER', 'QUERY_CONSUME_QUEUE', 'GET_ALL_CONSUMER_OFFSET', 'QUERY_CORRECTION_OFFSET'),
  { area: 'offsets', weight: 1, make: clone },
  { area: 'clients', weight: 4, make: heartbeat },
  { area: 'clients', weight: 1, make: unregister },
  { area: 'clients', weight: 2, make: pullSubscribed },
  { area: 'clients', weight: 3, make: lock },
  { area: 'clients', weight: 1, make: checkClient },
  { area: 'clients', weight: 1, make: assignment },
  ...plain('clients', 1, 'GET_CONSUMER_LIST_BY_GROUP', 'GET_CONSUMER_CONNECTION_LIST', 'GET_PRODUCER_CONNECTION_LIST', 'QUERY_SUBSCRIPTION_BY_CONSUMER', 'QUERY_TOPIC_CONSUME_BY_WHO', 'GET_CONSUMER_RUNNING_INFO', 'INVOKE_BROKER_TO_GET_CONSUMER_STATUS'),
  { area: 'administration', weight: 2, make: changeTopic },
  { area: 'administration', weight: 1, make: makeTopics },
  { area: 'administration', weight: 0.5, make: deleteTopic },
  { area: 'administration', weight: 2, make: changeGroup },
  { area: 'administration', weight: 0.5, make: deleteGroup },
  { area: 'administration', weight: 1, make: forbid },
  { area: 'administration', weight: 0.5, make: coldData },
  // Of topics and groups that are no lite ones.
  ...plain('administration', 0.3, 'GET_PARENT_TOPIC_INFO', 'GET_LITE_TOPIC_INFO', 'GET_LITE_CLIENT_INFO', 'GET_LITE_GROUP_INFO', 'TRIGGER_LITE_DISPATCH', 'GET_BROKER_EPOCH_CACHE'),
  ...plain('clients', 0.3, 'GET_ALL_PRODUCER_INFO', 'GET_ALL_MESSAGE_REQUEST_MODE'),
  ...plain('administration', 1, 'GET_TOPIC_CONFIG', 'GET_SUBSCRIPTIONGROUP_CONFIG', 'GET_TOPIC_STATS_INFO', 'VIEW_BROKER_STATS_DATA'),
  ...plain('administration', 0.3, 'GET_ALL_TOPIC_CONFIG', 'GET_ALL_SUBSCRIPTIONGROUP_CONFIG', 'GET_SYSTEM_TOPIC_LIST_FROM_BROKER', 'GET_BROKER_CONSUME_STATS'),
  { area: 'namesrv', weight: 3, make: keyValues },
  { area: 'namesrv', weight: 3, make: registered },
  { area: 'namesrv', weight: 3, make: route },
  ...plain('namesrv', 0.5, 'GET_TOPICS_BY_CLUSTER', 'GET_BROKER_CLUSTER_INFO', 'GET_ALL_TOPIC_LIST_FROM_NAMESERVER', 'GET_UNIT_TOPIC_LIST', 'GET_HAS_UNIT_SUB_TOPIC_LIST', 'GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST', 'GET_SYSTEM_TOPIC_LIST_FROM_NS'),
];
