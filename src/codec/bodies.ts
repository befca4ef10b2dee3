/**
 * The JSON bodies of served codes and the files under config/ that have the same shapes: members, types, defaults, as Apache's classes have
 * them. It owns shapes only: reading and writing is json-shape.ts, RegisterBrokerBody's compressed form is register-broker-body.ts.
 * A member without default must be there; fastjson2 itself never insists, and Apache then fails on null somewhere later.
 */
import { bean, bigLong, body, bool, double, int, intMap, list, long, oneOf, opt, or, pairs, text, textMap } from './json-shape.js';
import type { TypeOf } from './json-shape.js';
import { versions } from '../compat/versions.js';
import { writeJson } from '../compat/fastjson.js';

/** `DataVersion`: which of two tables is newer. */
export const dataVersion = body('DataVersion', bean({ counter: or(long, 0), stateVersion: or(long, 0), timestamp: or(long, 0) }));
export type DataVersion = TypeOf<typeof dataVersion>;

export const messageQueue = bean({ brokerName: text, queueId: int, topic: text });
export type MessageQueue = TypeOf<typeof messageQueue>;

/** Names in the order of their ordinals. */
export const consumeTypes = ['CONSUME_ACTIVELY', 'CONSUME_PASSIVELY', 'CONSUME_POP'] as const;
export const messageModels = ['BROADCASTING', 'CLUSTERING', 'LITE_SELECTIVE'] as const;
export const consumeFromWheres = [
  'CONSUME_FROM_LAST_OFFSET', 'CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST', 'CONSUME_FROM_MIN_OFFSET',
  'CONSUME_FROM_MAX_OFFSET', 'CONSUME_FROM_FIRST_OFFSET', 'CONSUME_FROM_TIMESTAMP',
] as const;

/** The Go client's subVersion is nanoseconds, beyond 2^53; it sends codeSet as texts. */
export const subscriptionData = bean({
  classFilterMode: or(bool, false), codeSet: list(int), expressionType: or(text, 'TAG'), subString: opt(text),
  subVersion: or(bigLong, 0n), tagsSet: list(text), topic: text,
});
export type SubscriptionData = TypeOf<typeof subscriptionData>;

const consumerData = bean({
  consumeFromWhere: opt(oneOf(...consumeFromWheres)), consumeType: opt(oneOf(...consumeTypes)), groupName: text,
  messageModel: opt(oneOf(...messageModels)), subscriptionDataSet: list(subscriptionData), unitMode: or(bool, false),
});

export const heartbeatData = body('HeartbeatData', bean({
  clientID: text, consumerDataSet: list(consumerData), heartbeatFingerprint: or(int, 0),
  producerDataSet: list(bean({ groupName: text })), withoutSub: or(bool, false),
}));
export type HeartbeatData = TypeOf<typeof heartbeatData>;

export const checkClientRequestBody = body('CheckClientRequestBody', bean({
  clientId: opt(text), group: opt(text), namespace: opt(text), subscriptionData: opt(subscriptionData),
}));

/** Also the file line of topics.json. */
export const topicConfig = body('TopicConfig', bean({
  attributes: textMap(text), order: or(bool, false), perm: or(int, 6), readQueueNums: or(int, 16),
  topicFilterType: or(oneOf('SINGLE_TAG', 'MULTI_TAG'), 'SINGLE_TAG'), topicName: opt(text), topicSysFlag: or(int, 0), writeQueueNums: or(int, 16),
}));
export type TopicConfig = TypeOf<typeof topicConfig>;

const logicQueueMappingItem = bean({
  bname: opt(text), endOffset: or(long, -1), gen: or(int, 0), logicOffset: or(long, 0), queueId: or(int, 0), startOffset: or(long, 0),
  timeOfEnd: or(long, -1), timeOfStart: or(long, -1),
});
const queueMappingInfo = {
  bname: opt(text), currIdMap: intMap(int), dirty: or(bool, false), epoch: or(long, 0), scope: or(text, '__global__'), topic: opt(text),
  totalQueues: or(int, 0),
};
export const topicQueueMappingInfo = body('TopicQueueMappingInfo', bean(queueMappingInfo));
export type TopicQueueMappingInfo = TypeOf<typeof topicQueueMappingInfo>;
export const topicQueueMappingDetail = body('TopicQueueMappingDetail', bean({ ...queueMappingInfo, hostedQueues: intMap(list(logicQueueMappingItem)) }));
export const topicConfigAndQueueMapping = body('TopicConfigAndQueueMapping', bean({
  attributes: textMap(text), mappingDetail: opt(topicQueueMappingDetail), order: or(bool, false), perm: or(int, 6), readQueueNums: or(int, 16),
  topicFilterType: or(oneOf('SINGLE_TAG', 'MULTI_TAG'), 'SINGLE_TAG'), topicName: opt(text), topicSysFlag: or(int, 0), writeQueueNums: or(int, 16),
}));

const noVersion: DataVersion = { counter: 0, stateVersion: 0, timestamp: 0 };

/** config/topics.json. */
export const topicConfigSerializeWrapper = body('TopicConfigSerializeWrapper', bean({
  dataVersion: or(dataVersion, noVersion), topicConfigTable: textMap(topicConfig),
}));

/** The answer to GET_ALL_TOPIC_CONFIG and part of a registration. */
export const topicConfigAndMappingSerializeWrapper = body('TopicConfigAndMappingSerializeWrapper', bean({
  dataVersion: or(dataVersion, noVersion), mappingDataVersion: opt(dataVersion), topicConfigTable: textMap(topicConfig),
  topicQueueMappingDetailMap: textMap(topicQueueMappingDetail), topicQueueMappingInfoMap: textMap(topicQueueMappingInfo),
}));
export type TopicConfigAndMappingSerializeWrapper = TypeOf<typeof topicConfigAndMappingSerializeWrapper>;

/** REGISTER_BROKER's body in JSON. */
export const registerBrokerBody = body('RegisterBrokerBody', bean({
  filterServerList: list(text),
  topicConfigSerializeWrapper: or(topicConfigAndMappingSerializeWrapper, {
    dataVersion: noVersion, topicConfigTable: new Map(), topicQueueMappingDetailMap: new Map(), topicQueueMappingInfoMap: new Map(),
  }),
}));
export type RegisterBrokerBody = TypeOf<typeof registerBrokerBody>;

export const createTopicListRequestBody = body('CreateTopicListRequestBody', bean({ topicConfigList: list(topicConfig) }));

const groupRetryPolicy = bean({
  customizedRetryPolicy: opt(bean({ next: list(long) })),
  exponentialRetryPolicy: opt(bean({ initial: or(long, 5000), max: or(long, 7_200_000), multiplier: or(long, 2) })),
  type: or(oneOf('EXPONENTIAL', 'CUSTOMIZED'), 'CUSTOMIZED'),
});
const simpleSubscriptionData = bean({ expression: opt(text), expressionType: opt(text), topic: opt(text), version: or(bigLong, 0n) });

/** Also the file line of subscriptionGroup.json. */
export const subscriptionGroupConfig = body('SubscriptionGroupConfig', bean({
  attributes: textMap(text), brokerId: or(long, 0), consumeBroadcastEnable: or(bool, true), consumeEnable: or(bool, true),
  consumeFromMinEnable: or(bool, true), consumeMessageOrderly: or(bool, false), consumeTimeoutMinute: or(int, 15), groupName: opt(text),
  groupRetryPolicy: or(groupRetryPolicy, { type: 'CUSTOMIZED' }), groupSysFlag: or(int, 0), notifyConsumerIdsChangedEnable: or(bool, true),
  retryMaxTimes: or(int, 16), retryQueueNums: or(int, 1), subscriptionDataSet: opt(list(simpleSubscriptionData)),
  whichBrokerWhenConsumeSlowly: or(long, 1),
}));
export type SubscriptionGroupConfig = TypeOf<typeof subscriptionGroupConfig>;

/** config/subscriptionGroup.json and the answer to GET_ALL_SUBSCRIPTIONGROUP_CONFIG. */
export const subscriptionGroupWrapper = body('SubscriptionGroupWrapper', bean({
  dataVersion: or(dataVersion, noVersion), forbiddenTable: textMap(textMap(int)), subscriptionGroupTable: textMap(subscriptionGroupConfig),
}));
export const subscriptionGroupList = body('SubscriptionGroupList', bean({ groupConfigList: list(subscriptionGroupConfig) }));
export const groupForbidden = body('GroupForbidden', bean({ group: opt(text), readable: opt(bool), topic: opt(text) }));

/** config/consumerOffset.json, keyed `topic@group`, and (without its two other tables) the answer to GET_ALL_CONSUMER_OFFSET. */
export const consumerOffsetFile = body('consumerOffset.json', bean({
  dataVersion: or(dataVersion, noVersion), groupTopicMap: textMap(list(text)), offsetTable: textMap(intMap(long)), pullOffsetTable: textMap(intMap(long)),
}));
export const consumerOffsetSerializeWrapper = body('ConsumerOffsetSerializeWrapper', bean({
  dataVersion: or(dataVersion, noVersion), offsetTable: textMap(intMap(long)),
}));

/** config/delayOffset.json, keyed by delay level. */
export const delayOffsetFile = body('delayOffset.json', bean({ dataVersion: or(dataVersion, noVersion), offsetTable: intMap(long) }));

const brokerAddrs = intMap(text);
const brokerData = bean({
  brokerAddrs, brokerName: text, cluster: text, enableActingMaster: or(bool, false), zoneName: opt(text),
});
export type BrokerData = TypeOf<typeof brokerData>;
const queueData = bean({ brokerName: text, perm: or(int, 0), readQueueNums: or(int, 0), topicSysFlag: or(int, 0), writeQueueNums: or(int, 0) });
export type QueueData = TypeOf<typeof queueData>;

export const topicRouteData = body('TopicRouteData', bean({
  brokerDatas: list(brokerData), filterServerTable: textMap(list(text)), orderTopicConf: opt(text), queueDatas: list(queueData),
  topicQueueMappingByBroker: opt(textMap(topicQueueMappingInfo)),
}));
export type TopicRouteData = TypeOf<typeof topicRouteData>;

/**
 * The route in the dialect a client understands: standard JSON (keys in quotes, maps sorted) for versions from V4_9_4 on or when it asks for
 * it, else fastjson's bare keys (`ClientRequestProcessor#getRouteInfoByTopic`).
 */
export function encodeTopicRouteData(route: TopicRouteData, clientVersion: number, acceptStandardJsonOnly = false): Buffer {
  if (clientVersion < versions.V4_9_4 && !acceptStandardJsonOnly) return topicRouteData.encode(route);
  return Buffer.from(writeJson(standardKeys(topicRouteData.write(route))));
}

type Out = Parameters<typeof writeJson>[0];

/** The same value with every map's keys as text, sorted as what they are: numbers by size. */
function standardKeys(value: Out): Out {
  if (Array.isArray(value)) return (value as readonly Out[]).map(standardKeys);
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<string | number, Out>)].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return new Map(entries.map(([key, member]) => [String(key), standardKeys(member)]));
  }
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const out: Record<string, Out> = {};
  for (const [name, member] of Object.entries(value as Readonly<Record<string, Out>>)) out[name] = standardKeys(member);
  return out;
}

export const clusterInfo = body('ClusterInfo', bean({ brokerAddrTable: textMap(brokerData), clusterAddrTable: textMap(list(text)) }));
export type ClusterInfo = TypeOf<typeof clusterInfo>;
export const topicList = body('TopicList', bean({ brokerAddr: opt(text), topicList: list(text) }));
export const kvTable = body('KVTable', bean({ table: textMap(text) }));
/** kvConfig.json of the name server. */
export const kvConfigFile = body('kvConfig.json', bean({ configTable: textMap(textMap(text)) }));
export const brokerMemberGroup = bean({ brokerAddrs, brokerName: opt(text), cluster: opt(text) });
export const getBrokerMemberGroupResponseBody = body('GetBrokerMemberGroupResponseBody', bean({ brokerMemberGroup: opt(brokerMemberGroup) }));

const lockRequest = { clientId: text, consumerGroup: text, mqSet: list(messageQueue), onlyThisBroker: or(bool, false) };
export const lockBatchRequestBody = body('LockBatchRequestBody', bean(lockRequest));
export const unlockBatchRequestBody = body('UnlockBatchRequestBody', bean(lockRequest));
export const lockBatchResponseBody = body('LockBatchResponseBody', bean({ lockOKMQSet: list(messageQueue) }));

export const getConsumerListByGroupResponseBody = body('GetConsumerListByGroupResponseBody', bean({ consumerIdList: list(text) }));
export const groupList = body('GroupList', bean({ groupList: list(text) }));

const connection = bean({ clientAddr: opt(text), clientId: opt(text), language: opt(text), version: or(int, 0) });
export const consumerConnection = body('ConsumerConnection', bean({
  connectionSet: list(connection), consumeFromWhere: opt(oneOf(...consumeFromWheres)), consumeType: opt(oneOf(...consumeTypes)),
  messageModel: opt(oneOf(...messageModels)), subscriptionTable: textMap(subscriptionData),
}));
export const producerConnection = body('ProducerConnection', bean({ connectionSet: list(connection) }));
export const producerTableInfo = body('ProducerTableInfo', bean({
  data: textMap(list(bean({ clientId: opt(text), language: opt(text), lastUpdateTimestamp: or(long, 0), remoteIP: opt(text), version: or(int, 0) }))),
}));

export const topicStatsTable = body('TopicStatsTable', bean({
  offsetTable: pairs(messageQueue, bean({ lastUpdateTimestamp: or(long, 0), maxOffset: or(long, 0), minOffset: or(long, 0) })),
  topicPutTps: or(double, 0),
}));
const consumeStatsShape = bean({
  consumeTps: or(double, 0),
  offsetTable: pairs(messageQueue, bean({ brokerOffset: or(long, 0), consumerOffset: or(long, 0), lastTimestamp: or(long, 0), pullOffset: or(long, 0) })),
});
export const consumeStats = body('ConsumeStats', consumeStatsShape);
export const consumeStatsList = body('ConsumeStatsList', bean({
  brokerAddr: opt(text), consumeStatsList: list(textMap(list(consumeStatsShape))), totalDiff: or(long, 0), totalInflightDiff: or(long, 0),
}));
const brokerStatsItem = bean({ avgpt: or(double, 0), sum: or(long, 0), tps: or(double, 0) });
export const brokerStatsData = body('BrokerStatsData', bean({ statsDay: opt(brokerStatsItem), statsHour: opt(brokerStatsItem), statsMinute: opt(brokerStatsItem) }));

export const resetOffsetBody = body('ResetOffsetBody', bean({ offsetTable: pairs(messageQueue, long) }));
/** For consumers written in C++. */
export const resetOffsetBodyForC = body('ResetOffsetBodyForC', bean({
  offsetTable: list(bean({ brokerName: text, offset: long, queueId: int, topic: text })),
}));
export const getConsumerStatusBody = body('GetConsumerStatusBody', bean({
  consumerTable: textMap(pairs(messageQueue, long)), messageQueueTable: pairs(messageQueue, long),
}));
export const queryConsumeTimeSpanBody = body('QueryConsumeTimeSpanBody', bean({
  consumeTimeSpanSet: list(bean({
    consumeTimeStamp: or(long, 0), consumeTimeStampStr: opt(text), delayTime: or(long, 0), maxTimeStamp: or(long, 0),
    maxTimeStampStr: opt(text), messageQueue: opt(messageQueue), minTimeStamp: or(long, 0), minTimeStampStr: opt(text),
  })),
}));
export const queryCorrectionOffsetBody = body('QueryCorrectionOffsetBody', bean({ correctionOffsets: intMap(long) }));
export const querySubscriptionResponseBody = body('QuerySubscriptionResponseBody', bean({
  group: opt(text), subscriptionData: opt(subscriptionData), topic: opt(text),
}));
export const queryConsumeQueueResponseBody = body('QueryConsumeQueueResponseBody', bean({
  filterData: opt(text), maxQueueIndex: or(long, 0), minQueueIndex: or(long, 0),
  queueData: opt(list(bean({
    bitMap: opt(text), eval: or(bool, false), extendDataJson: opt(text), msg: opt(text), physicOffset: or(long, 0), physicSize: or(int, 0),
    tagsCode: or(bigLong, 0n),
  }))),
  subscriptionData: opt(subscriptionData),
}));
