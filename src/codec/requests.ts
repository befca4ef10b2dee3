/**
 * THE table: every request code of the remoting protocol (Apache RocketMQ 5.5.0), declared once.
 * Types, header codecs, handlers, documentation (REQUESTS.md), fuzz input and conformance cases derive from it.
 * It holds data only; reading and writing headers is header.ts, serving them is src/server.
 */

/** TypeScript value of each header field kind. An i64 is exact: clients really send Long.MAX_VALUE. */
export interface Wire {
  readonly str: string;
  readonly i32: number;
  readonly i64: bigint;
  readonly bool: boolean;
  readonly f64: number;
  /** BoundaryType: the text `lower` or `upper`; anything else reads as LOWER (`BoundaryType#getType`). */
  readonly boundary: 'LOWER' | 'UPPER';
}

/**
 * One header field. `wire` is its name on the wire when it differs; `opt` may be absent (undefined); `or` is what absence means: a Java
 * primitive's default, or a value with which the handler does what Apache's does on null. All others must be there.
 */
export interface Field {
  readonly as: keyof Wire;
  readonly wire?: string;
  readonly opt?: true;
  readonly or?: number | bigint | boolean | string;
}

/** Who serves a code. `brokerFast`: also on the broker's fast port (listen port - 2). */
export type Role = 'broker' | 'brokerFast' | 'namesrv' | 'proxy' | 'controller' | 'container' | 'client' | 'filterServer';

/** The bounded queue a request waits in (`BrokerController#initialResources` names the executors). */
export type LaneName =
  | 'send' | 'pull' | 'litePull' | 'ack' | 'reply' | 'query' | 'client' | 'heartbeat'
  | 'consumer' | 'admin' | 'endTransaction' | 'loadBalance' | 'namesrv' | 'route';

/** served: works here; planned: known, answered REQUEST_CODE_NOT_SUPPORTED until it is built; refused: no server of Apache's serves it either, or never here. */
export type State = 'served' | 'planned' | 'refused';

/** One request code. */
export interface Spec {
  readonly code: number;
  readonly on: readonly Role[];
  readonly lane: LaneName;
  readonly state: State;
  /** First Apache release that has the code, when newer than 5.3. */
  readonly since?: string;
  /** Apache's header class; `fast` when it decodes by hand (`FastCodesHeader`), where a malformed number throws instead of being dropped. */
  readonly javaHeader?: string;
  readonly fast?: true;
  readonly header: { readonly [name: string]: Field };
  readonly reply: { readonly [name: string]: Field };
  readonly body: string;
  readonly replyBody: string;
  readonly note?: string;
}

/** Fields every `RpcRequestHeader` inherits. */
const rpc = {
  namespace: { as: 'str', wire: 'ns', opt: true },
  namespaced: { as: 'bool', wire: 'nsd', opt: true },
  bname: { as: 'str', opt: true },
  oneway: { as: 'bool', wire: 'oway', opt: true },
} as const satisfies Record<string, Field>;

/** Fields every `TopicRequestHeader` inherits; `logical` marks a static topic's global queue id. */
const topicRpc = { logical: { as: 'bool', wire: 'lo', opt: true }, ...rpc } as const satisfies Record<string, Field>;

export const requests = {
  SEND_MESSAGE: {
    code: 10, on: ['broker', 'brokerFast', 'proxy'], lane: 'send', state: 'served',
    javaHeader: 'SendMessageRequestHeader',
    header: {
      producerGroup: { as: 'str', or: '' },
      topic: { as: 'str' },
      defaultTopic: { as: 'str', or: '' },
      defaultTopicQueueNums: { as: 'i32', or: 4 },
      queueId: { as: 'i32' },
      sysFlag: { as: 'i32' },
      bornTimestamp: { as: 'i64' },
      flag: { as: 'i32' },
      properties: { as: 'str', opt: true },
      reconsumeTimes: { as: 'i32', opt: true },
      unitMode: { as: 'bool', opt: true },
      batch: { as: 'bool', opt: true },
      maxReconsumeTimes: { as: 'i32', opt: true },
      ...topicRpc,
    },
    reply: {
      msgId: { as: 'str' },
      queueId: { as: 'i32' },
      queueOffset: { as: 'i64' },
      transactionId: { as: 'str', opt: true },
      batchUniqId: { as: 'str', opt: true },
      recallHandle: { as: 'str', opt: true },
    },
    body: 'binary:message body', replyBody: 'none',
  },
  PULL_MESSAGE: {
    code: 11, on: ['broker', 'proxy', 'filterServer'], lane: 'pull', state: 'served',
    javaHeader: 'PullMessageRequestHeader', fast: true,
    header: {
      consumerGroup: { as: 'str' },
      topic: { as: 'str' },
      liteTopic: { as: 'str', opt: true },
      queueId: { as: 'i32' },
      queueOffset: { as: 'i64' },
      maxMsgNums: { as: 'i32' },
      sysFlag: { as: 'i32' },
      commitOffset: { as: 'i64', or: 0n },
      suspendTimeoutMillis: { as: 'i64', or: 0n },
      subscription: { as: 'str', opt: true },
      subVersion: { as: 'i64', or: 0n },
      expressionType: { as: 'str', opt: true },
      maxMsgBytes: { as: 'i32', opt: true },
      requestSource: { as: 'i32', opt: true },
      proxyFrowardClientId: { as: 'str', opt: true },
      ...topicRpc,
    },
    reply: {
      suggestWhichBrokerId: { as: 'i64' },
      nextBeginOffset: { as: 'i64' },
      minOffset: { as: 'i64' },
      maxOffset: { as: 'i64' },
      offsetDelta: { as: 'i64', opt: true },
      topicSysFlag: { as: 'i32', opt: true },
      groupSysFlag: { as: 'i32', opt: true },
      forbiddenType: { as: 'i32', opt: true },
    },
    body: 'none', replyBody: 'messages:concatenated stored frames',
    note: 'not on the fast port (listenPort-2). Response may be deferred (long poll)',
  },
  QUERY_MESSAGE: {
    code: 12, on: ['broker', 'brokerFast'], lane: 'query', state: 'served',
    javaHeader: 'QueryMessageRequestHeader',
    header: {
      topic: { as: 'str', or: '' },
      key: { as: 'str', or: '' },
      maxNum: { as: 'i32' },
      beginTimestamp: { as: 'i64' },
      endTimestamp: { as: 'i64' },
      indexType: { as: 'str', opt: true },
      lastKey: { as: 'str', opt: true },
      ...topicRpc,
    },
    reply: {
      indexLastUpdateTimestamp: { as: 'i64' },
      indexLastUpdatePhyoffset: { as: 'i64' },
    },
    body: 'none', replyBody: 'messages:concatenated stored frames',
    note: 'extra extField _UNIQUE_KEY_QUERY="true" selects query by unique key (UNIQ_KEY)',
  },
  QUERY_BROKER_OFFSET: {
    code: 13, on: [], lane: 'admin', state: 'refused',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
  },
  QUERY_CONSUMER_OFFSET: {
    code: 14, on: ['broker', 'brokerFast', 'proxy'], lane: 'consumer', state: 'served',
    javaHeader: 'QueryConsumerOffsetRequestHeader',
    header: {
      consumerGroup: { as: 'str', or: '' },
      topic: { as: 'str' },
      queueId: { as: 'i32' },
      setZeroIfNotFound: { as: 'bool', opt: true },
      ...topicRpc,
    },
    reply: {
      offset: { as: 'i64' },
    },
    body: 'none', replyBody: 'none',
  },
  UPDATE_CONSUMER_OFFSET: {
    code: 15, on: ['broker', 'brokerFast', 'proxy'], lane: 'consumer', state: 'served',
    javaHeader: 'UpdateConsumerOffsetRequestHeader',
    header: {
      consumerGroup: { as: 'str', or: 'null' },
      topic: { as: 'str' },
      queueId: { as: 'i32', opt: true },
      commitOffset: { as: 'i64', opt: true },
      ...topicRpc,
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  UPDATE_AND_CREATE_TOPIC: {
    code: 17, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'CreateTopicRequestHeader',
    header: {
      topic: { as: 'str' },
      defaultTopic: { as: 'str', or: '' },
      readQueueNums: { as: 'i32' },
      writeQueueNums: { as: 'i32' },
      perm: { as: 'i32' },
      topicFilterType: { as: 'str' },
      topicSysFlag: { as: 'i32', opt: true },
      order: { as: 'bool', or: false },
      attributes: { as: 'str', opt: true },
      force: { as: 'bool', opt: true },
      ...topicRpc,
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  UPDATE_AND_CREATE_TOPIC_LIST: {
    code: 18, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'CreateTopicListRequestHeader',
    header: {
      ...rpc,
    },
    reply: {},
    body: 'json:CreateTopicListRequestBody', replyBody: 'none',
    note: 'header class has no own fields; broker reads only the body',
  },
  GET_ALL_TOPIC_CONFIG: {
    code: 21, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'GetAllTopicConfigRequestHeader',
    header: {
      topicSeq: { as: 'i32', opt: true },
      dataVersion: { as: 'str', opt: true },
      maxTopicNum: { as: 'i32', opt: true },
    },
    reply: {
      totalTopicNum: { as: 'i32', opt: true },
    },
    body: 'none', replyBody: 'json:TopicConfigAndMappingSerializeWrapper',
    note: 'all three request fields absent (or enableSplitMetadata=false) => full table; otherwise page of min(splitMetadataSize=2000, maxTopicNum) topics from topicSeq',
  },
  GET_TOPIC_CONFIG_LIST: {
    code: 22, on: [], lane: 'admin', state: 'refused',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
  },
  GET_TOPIC_NAME_LIST: {
    code: 23, on: [], lane: 'admin', state: 'refused',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
  },
  UPDATE_BROKER_CONFIG: {
    code: 25, on: ['broker', 'brokerFast', 'container'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'text:java properties (key=value lines)', replyBody: 'none',
  },
  GET_BROKER_CONFIG: {
    code: 26, on: ['broker', 'brokerFast', 'container'], lane: 'admin', state: 'served',
    header: {},
    reply: {
      version: { as: 'str' },
    },
    body: 'none', replyBody: 'text:java properties',
  },
  TRIGGER_DELETE_FILES: {
    code: 27, on: [], lane: 'admin', state: 'refused',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
  },
  GET_BROKER_RUNTIME_INFO: {
    code: 28, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'json:KVTable',
  },
  SEARCH_OFFSET_BY_TIMESTAMP: {
    code: 29, on: ['broker', 'brokerFast', 'proxy'], lane: 'admin', state: 'served',
    javaHeader: 'SearchOffsetRequestHeader',
    header: {
      topic: { as: 'str' },
      liteTopic: { as: 'str', opt: true },
      queueId: { as: 'i32' },
      timestamp: { as: 'i64' },
      boundaryType: { as: 'boundary', opt: true },
      ...topicRpc,
    },
    reply: {
      offset: { as: 'i64' },
    },
    body: 'none', replyBody: 'none',
  },
  GET_MAX_OFFSET: {
    code: 30, on: ['broker', 'brokerFast', 'proxy'], lane: 'admin', state: 'served',
    javaHeader: 'GetMaxOffsetRequestHeader',
    header: {
      topic: { as: 'str' },
      queueId: { as: 'i32' },
      committed: { as: 'bool', or: false },
      ...topicRpc,
    },
    reply: {
      offset: { as: 'i64' },
    },
    body: 'none', replyBody: 'none',
  },
  GET_MIN_OFFSET: {
    code: 31, on: ['broker', 'brokerFast', 'proxy'], lane: 'admin', state: 'served',
    javaHeader: 'GetMinOffsetRequestHeader',
    header: {
      topic: { as: 'str' },
      queueId: { as: 'i32' },
      ...topicRpc,
    },
    reply: {
      offset: { as: 'i64' },
    },
    body: 'none', replyBody: 'none',
  },
  GET_EARLIEST_MSG_STORETIME: {
    code: 32, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'GetEarliestMsgStoretimeRequestHeader',
    header: {
      topic: { as: 'str' },
      queueId: { as: 'i32' },
      ...topicRpc,
    },
    reply: {
      timestamp: { as: 'i64' },
    },
    body: 'none', replyBody: 'none',
    note: 'proxy activity has a branch for it but the proxy does not register it',
  },
  VIEW_MESSAGE_BY_ID: {
    code: 33, on: ['broker', 'brokerFast'], lane: 'query', state: 'served',
    javaHeader: 'ViewMessageRequestHeader',
    header: {
      topic: { as: 'str', opt: true },
      offset: { as: 'i64' },
    },
    reply: {},
    body: 'none', replyBody: 'message:one stored frame',
  },
  HEART_BEAT: {
    code: 34, on: ['broker', 'brokerFast', 'proxy'], lane: 'heartbeat', state: 'served',
    javaHeader: 'HeartbeatRequestHeader',
    header: {
      ...rpc,
    },
    reply: {},
    body: 'json:HeartbeatData', replyBody: 'none',
    note: 'response extFields IS_SUPPORT_HEART_BEAT_V2, IS_SUB_CHANGE (strings true/false); header class has no own fields and client leaves it out',
  },
  UNREGISTER_CLIENT: {
    code: 35, on: ['broker', 'brokerFast', 'proxy'], lane: 'client', state: 'served',
    javaHeader: 'UnregisterClientRequestHeader',
    header: {
      clientID: { as: 'str', or: '' },
      producerGroup: { as: 'str', opt: true },
      consumerGroup: { as: 'str', opt: true },
      ...rpc,
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  CONSUMER_SEND_MSG_BACK: {
    code: 36, on: ['broker', 'brokerFast', 'proxy'], lane: 'send', state: 'served',
    javaHeader: 'ConsumerSendMsgBackRequestHeader',
    header: {
      offset: { as: 'i64' },
      group: { as: 'str' },
      delayLevel: { as: 'i32' },
      originMsgId: { as: 'str', opt: true },
      originTopic: { as: 'str', opt: true },
      unitMode: { as: 'bool', or: false },
      maxReconsumeTimes: { as: 'i32', opt: true },
      ...rpc,
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  END_TRANSACTION: {
    code: 37, on: ['broker', 'brokerFast', 'proxy'], lane: 'endTransaction', state: 'served',
    javaHeader: 'EndTransactionRequestHeader',
    header: {
      topic: { as: 'str', opt: true },
      producerGroup: { as: 'str', or: '' },
      tranStateTableOffset: { as: 'i64', or: 0n },
      commitLogOffset: { as: 'i64' },
      commitOrRollback: { as: 'i32' },
      fromTransactionCheck: { as: 'bool', opt: true },
      msgId: { as: 'str', or: '' },
      transactionId: { as: 'str', opt: true },
      ...rpc,
    },
    reply: {},
    body: 'none', replyBody: 'none',
    note: 'normally sent oneway',
  },
  GET_CONSUMER_LIST_BY_GROUP: {
    code: 38, on: ['broker', 'brokerFast', 'proxy'], lane: 'consumer', state: 'served',
    javaHeader: 'GetConsumerListByGroupRequestHeader',
    header: {
      consumerGroup: { as: 'str' },
      ...rpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:GetConsumerListByGroupResponseBody',
  },
  CHECK_TRANSACTION_STATE: {
    code: 39, on: ['client'], lane: 'admin', state: 'served',
    javaHeader: 'CheckTransactionStateRequestHeader',
    header: {
      topic: { as: 'str', opt: true },
      tranStateTableOffset: { as: 'i64' },
      commitLogOffset: { as: 'i64' },
      msgId: { as: 'str', opt: true },
      transactionId: { as: 'str', opt: true },
      offsetMsgId: { as: 'str', opt: true },
      ...rpc,
    },
    reply: {},
    body: 'message:one stored frame (half message with real topic)', replyBody: 'none',
    note: 'broker -> producer, oneway; answer arrives as END_TRANSACTION with fromTransactionCheck=true',
  },
  NOTIFY_CONSUMER_IDS_CHANGED: {
    code: 40, on: ['client'], lane: 'admin', state: 'served',
    javaHeader: 'NotifyConsumerIdsChangedRequestHeader',
    header: {
      consumerGroup: { as: 'str' },
      ...rpc,
    },
    reply: {},
    body: 'none', replyBody: 'none',
    note: 'broker -> consumer, oneway',
  },
  LOCK_BATCH_MQ: {
    code: 41, on: ['broker', 'brokerFast', 'proxy'], lane: 'admin', state: 'served',
    javaHeader: 'LockBatchMqRequestHeader',
    header: {
      ...rpc,
    },
    reply: {},
    body: 'json:LockBatchRequestBody', replyBody: 'json:LockBatchResponseBody',
    note: 'header class has no own fields',
  },
  UNLOCK_BATCH_MQ: {
    code: 42, on: ['broker', 'brokerFast', 'proxy'], lane: 'admin', state: 'served',
    javaHeader: 'UnlockBatchMqRequestHeader',
    header: {
      ...rpc,
    },
    reply: {},
    body: 'json:UnlockBatchRequestBody', replyBody: 'none',
    note: 'header class has no own fields',
  },
  GET_ALL_CONSUMER_OFFSET: {
    code: 43, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'json:same as consumerOffset.json (ConsumerOffsetSerializeWrapper)',
  },
  GET_ALL_DELAY_OFFSET: {
    code: 45, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'json:same as delayOffset.json (DelayOffsetSerializeWrapper)',
  },
  CHECK_CLIENT_CONFIG: {
    code: 46, on: ['broker', 'brokerFast', 'proxy'], lane: 'client', state: 'served',
    header: {},
    reply: {},
    body: 'json:CheckClientRequestBody', replyBody: 'none',
  },
  GET_CLIENT_CONFIG: {
    code: 47, on: [], lane: 'admin', state: 'refused',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
  },
  GET_TIMER_CHECK_POINT: {
    code: 60, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'binary:timer checkpoint',
  },
  GET_TIMER_METRICS: {
    code: 61, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'json:TimerMetricsSerializeWrapper (timermetrics shape)',
  },
  PUT_KV_CONFIG: {
    code: 100, on: ['namesrv'], lane: 'namesrv', state: 'served',
    javaHeader: 'PutKVConfigRequestHeader',
    header: {
      namespace: { as: 'str', opt: true },
      key: { as: 'str', opt: true },
      value: { as: 'str', opt: true },
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  GET_KV_CONFIG: {
    code: 101, on: ['namesrv'], lane: 'namesrv', state: 'served',
    javaHeader: 'GetKVConfigRequestHeader',
    header: {
      namespace: { as: 'str', or: 'null' },
      key: { as: 'str', or: 'null' },
    },
    reply: {
      value: { as: 'str', opt: true },
    },
    body: 'none', replyBody: 'none',
  },
  DELETE_KV_CONFIG: {
    code: 102, on: ['namesrv'], lane: 'namesrv', state: 'served',
    javaHeader: 'DeleteKVConfigRequestHeader',
    header: {
      namespace: { as: 'str', or: 'null' },
      key: { as: 'str', or: 'null' },
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  REGISTER_BROKER: {
    code: 103, on: ['namesrv'], lane: 'namesrv', state: 'served',
    javaHeader: 'RegisterBrokerRequestHeader',
    header: {
      brokerName: { as: 'str' },
      brokerAddr: { as: 'str' },
      clusterName: { as: 'str' },
      haServerAddr: { as: 'str' },
      brokerId: { as: 'i64' },
      heartbeatTimeoutMillis: { as: 'i64', opt: true },
      enableActingMaster: { as: 'bool', opt: true },
      compressed: { as: 'bool', or: false },
      bodyCrc32: { as: 'i32', opt: true },
    },
    reply: {
      haServerAddr: { as: 'str', opt: true },
      masterAddr: { as: 'str', opt: true },
    },
    body: 'binary or json:RegisterBrokerBody (json when compressed=false; deflated custom framing when compressed=true)', replyBody: 'json:KVTable of ORDER_TOPIC_CONFIG namespace (when returnOrderTopicConfigToBroker)',
    note: 'extra extField zoneName',
  },
  UNREGISTER_BROKER: {
    code: 104, on: ['namesrv'], lane: 'namesrv', state: 'served',
    javaHeader: 'UnRegisterBrokerRequestHeader',
    header: {
      brokerName: { as: 'str', or: 'null' },
      brokerAddr: { as: 'str', or: 'null' },
      clusterName: { as: 'str', or: 'null' },
      brokerId: { as: 'i64', or: -1n },
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  GET_ROUTEINFO_BY_TOPIC: {
    code: 105, on: ['namesrv', 'proxy'], lane: 'route', state: 'served',
    javaHeader: 'GetRouteInfoRequestHeader',
    header: {
      topic: { as: 'str', opt: true },
      acceptStandardJsonOnly: { as: 'bool', opt: true },
      ...topicRpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:TopicRouteData',
  },
  GET_BROKER_CLUSTER_INFO: {
    code: 106, on: ['namesrv'], lane: 'namesrv', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'json:ClusterInfo',
  },
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: {
    code: 200, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'json:SubscriptionGroupConfig', replyBody: 'none',
  },
  GET_ALL_SUBSCRIPTIONGROUP_CONFIG: {
    code: 201, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'GetAllSubscriptionGroupRequestHeader',
    header: {
      groupSeq: { as: 'i32', opt: true },
      dataVersion: { as: 'str', opt: true },
      maxGroupNum: { as: 'i32', opt: true },
    },
    reply: {
      totalGroupNum: { as: 'i32' },
    },
    body: 'none', replyBody: 'json:SubscriptionGroupWrapper',
    note: 'paged like GET_ALL_TOPIC_CONFIG',
  },
  GET_TOPIC_STATS_INFO: {
    code: 202, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'GetTopicStatsInfoRequestHeader',
    header: {
      topic: { as: 'str' },
      ...topicRpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:TopicStatsTable',
  },
  GET_CONSUMER_CONNECTION_LIST: {
    code: 203, on: ['broker', 'brokerFast', 'proxy'], lane: 'admin', state: 'served',
    javaHeader: 'GetConsumerConnectionListRequestHeader',
    header: {
      consumerGroup: { as: 'str' },
      ...rpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:ConsumerConnection',
  },
  GET_PRODUCER_CONNECTION_LIST: {
    code: 204, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'GetProducerConnectionListRequestHeader',
    header: {
      producerGroup: { as: 'str' },
      ...rpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:ProducerConnection',
  },
  WIPE_WRITE_PERM_OF_BROKER: {
    code: 205, on: ['namesrv'], lane: 'namesrv', state: 'served',
    javaHeader: 'WipeWritePermOfBrokerRequestHeader',
    header: {
      brokerName: { as: 'str', or: 'null' },
    },
    reply: {
      wipeTopicCount: { as: 'i32' },
    },
    body: 'none', replyBody: 'none',
  },
  GET_ALL_TOPIC_LIST_FROM_NAMESERVER: {
    code: 206, on: ['namesrv'], lane: 'namesrv', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'json:TopicList',
  },
  DELETE_SUBSCRIPTIONGROUP: {
    code: 207, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'DeleteSubscriptionGroupRequestHeader',
    header: {
      groupName: { as: 'str' },
      cleanOffset: { as: 'bool', or: false },
      ...rpc,
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  GET_CONSUME_STATS: {
    code: 208, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'GetConsumeStatsRequestHeader',
    header: {
      consumerGroup: { as: 'str' },
      topic: { as: 'str', opt: true },
      topicList: { as: 'str', opt: true },
      ...topicRpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:ConsumeStats',
  },
  SUSPEND_CONSUMER: {
    code: 209, on: [], lane: 'admin', state: 'refused',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
  },
  RESUME_CONSUMER: {
    code: 210, on: [], lane: 'admin', state: 'refused',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
  },
  RESET_CONSUMER_OFFSET_IN_CONSUMER: {
    code: 211, on: [], lane: 'admin', state: 'refused',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
  },
  RESET_CONSUMER_OFFSET_IN_BROKER: {
    code: 212, on: [], lane: 'admin', state: 'refused',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
  },
  ADJUST_CONSUMER_THREAD_POOL: {
    code: 213, on: [], lane: 'admin', state: 'refused',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
  },
  WHO_CONSUME_THE_MESSAGE: {
    code: 214, on: [], lane: 'admin', state: 'refused',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
  },
  DELETE_TOPIC_IN_BROKER: {
    code: 215, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'DeleteTopicRequestHeader',
    header: {
      topic: { as: 'str', or: '' },
      ...topicRpc,
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  DELETE_TOPIC_IN_NAMESRV: {
    code: 216, on: ['namesrv'], lane: 'namesrv', state: 'served',
    javaHeader: 'DeleteTopicFromNamesrvRequestHeader',
    header: {
      topic: { as: 'str', or: 'null' },
      clusterName: { as: 'str', opt: true },
      ...topicRpc,
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  REGISTER_TOPIC_IN_NAMESRV: {
    code: 217, on: ['namesrv'], lane: 'namesrv', state: 'served',
    javaHeader: 'RegisterTopicRequestHeader',
    header: {
      topic: { as: 'str' },
      ...topicRpc,
    },
    reply: {},
    body: 'json:TopicRouteData (only queueDatas used)', replyBody: 'none',
  },
  GET_KVLIST_BY_NAMESPACE: {
    code: 219, on: ['namesrv'], lane: 'namesrv', state: 'served',
    javaHeader: 'GetKVListByNamespaceRequestHeader',
    header: {
      namespace: { as: 'str', or: 'null' },
    },
    reply: {},
    body: 'none', replyBody: 'json:KVTable',
  },
  RESET_CONSUMER_CLIENT_OFFSET: {
    code: 220, on: ['client'], lane: 'admin', state: 'served',
    javaHeader: 'ResetOffsetRequestHeader',
    header: {
      group: { as: 'str' },
      topic: { as: 'str' },
      queueId: { as: 'i32', or: 0 },
      offset: { as: 'i64', opt: true },
      timestamp: { as: 'i64', or: 0n },
      isForce: { as: 'bool', or: false },
      ...topicRpc,
    },
    reply: {},
    body: 'json:ResetOffsetBody (ResetOffsetBodyForC when the consumer language is CPP)', replyBody: 'none',
    note: 'broker -> consumer, oneway',
  },
  GET_CONSUMER_STATUS_FROM_CLIENT: {
    code: 221, on: ['client'], lane: 'admin', state: 'served',
    javaHeader: 'GetConsumerStatusRequestHeader',
    header: {
      topic: { as: 'str' },
      group: { as: 'str' },
      clientAddr: { as: 'str', opt: true },
      ...topicRpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:GetConsumerStatusBody',
    note: 'broker -> consumer',
  },
  INVOKE_BROKER_TO_RESET_OFFSET: {
    code: 222, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'ResetOffsetRequestHeader',
    header: {
      group: { as: 'str', or: 'null' },
      topic: { as: 'str' },
      queueId: { as: 'i32', or: -1 },
      offset: { as: 'i64', opt: true },
      timestamp: { as: 'i64', or: 0n },
      isForce: { as: 'bool', or: false },
      ...topicRpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:ResetOffsetBody',
  },
  INVOKE_BROKER_TO_GET_CONSUMER_STATUS: {
    code: 223, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'GetConsumerStatusRequestHeader',
    header: {
      topic: { as: 'str' },
      group: { as: 'str' },
      clientAddr: { as: 'str', opt: true },
      ...topicRpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:GetConsumerStatusBody',
  },
  GET_TOPICS_BY_CLUSTER: {
    code: 224, on: ['namesrv'], lane: 'namesrv', state: 'served',
    javaHeader: 'GetTopicsByClusterRequestHeader',
    header: {
      cluster: { as: 'str', or: 'null' },
    },
    reply: {},
    body: 'none', replyBody: 'json:TopicList',
  },
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST: {
    code: 225, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'json:SubscriptionGroupList', replyBody: 'none',
  },
  QUERY_TOPIC_CONSUME_BY_WHO: {
    code: 300, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'QueryTopicConsumeByWhoRequestHeader',
    header: {
      topic: { as: 'str' },
      ...topicRpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:GroupList',
  },
  REGISTER_FILTER_SERVER: {
    code: 301, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'RegisterFilterServerRequestHeader',
    header: {
      filterServerAddr: { as: 'str' },
    },
    reply: {
      brokerName: { as: 'str' },
      brokerId: { as: 'i64' },
    },
    body: 'none', replyBody: 'none',
    note: 'of Apache up to 4.9.5; here with filterServerEnable or filterServerNums, else not supported, as by 5.5.0',
  },
  REGISTER_MESSAGE_FILTER_CLASS: {
    code: 302, on: ['filterServer'], lane: 'admin', state: 'served',
    javaHeader: 'RegisterMessageFilterClassRequestHeader',
    header: {
      consumerGroup: { as: 'str' },
      topic: { as: 'str' },
      className: { as: 'str' },
      classCRC: { as: 'i32' },
    },
    reply: {},
    body: 'text:source of the filter class', replyBody: 'none',
    note: 'of Apache up to 4.2.0; sent by Java clients up to 4.9.8',
  },
  QUERY_CONSUME_TIME_SPAN: {
    code: 303, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'QueryConsumeTimeSpanRequestHeader',
    header: {
      topic: { as: 'str' },
      group: { as: 'str', or: '' },
      ...topicRpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:QueryConsumeTimeSpanBody',
  },
  GET_SYSTEM_TOPIC_LIST_FROM_NS: {
    code: 304, on: ['namesrv'], lane: 'namesrv', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'json:TopicList',
  },
  GET_SYSTEM_TOPIC_LIST_FROM_BROKER: {
    code: 305, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'json:TopicList',
  },
  CLEAN_EXPIRED_CONSUMEQUEUE: {
    code: 306, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
  },
  GET_CONSUMER_RUNNING_INFO: {
    code: 307, on: ['broker', 'brokerFast', 'client'], lane: 'admin', state: 'served',
    javaHeader: 'GetConsumerRunningInfoRequestHeader',
    header: {
      consumerGroup: { as: 'str' },
      clientId: { as: 'str', or: 'null' },
      jstackEnable: { as: 'bool', or: false },
      ...rpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:ConsumerRunningInfo',
    note: 'broker relays the call to the client',
  },
  QUERY_CORRECTION_OFFSET: {
    code: 308, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'QueryCorrectionOffsetHeader',
    header: {
      filterGroups: { as: 'str', opt: true },
      compareGroup: { as: 'str', or: '' },
      topic: { as: 'str' },
      ...topicRpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:QueryCorrectionOffsetBody',
  },
  CONSUME_MESSAGE_DIRECTLY: {
    code: 309, on: ['broker', 'brokerFast', 'client'], lane: 'admin', state: 'served',
    javaHeader: 'ConsumeMessageDirectlyResultRequestHeader',
    header: {
      consumerGroup: { as: 'str' },
      clientId: { as: 'str', or: 'null' },
      msgId: { as: 'str', opt: true },
      brokerName: { as: 'str', opt: true },
      topic: { as: 'str', opt: true },
      topicSysFlag: { as: 'i32', opt: true },
      groupSysFlag: { as: 'i32', opt: true },
      ...topicRpc,
    },
    reply: {},
    body: 'none (admin->broker); message:one stored frame (broker->client)', replyBody: 'json:ConsumeMessageDirectlyResult',
    note: 'broker looks the message up by msgId and relays to the client',
  },
  SEND_MESSAGE_V2: {
    code: 310, on: ['broker', 'brokerFast', 'proxy'], lane: 'send', state: 'served',
    javaHeader: 'SendMessageRequestHeaderV2', fast: true,
    header: {
      producerGroup: { as: 'str', wire: 'a', or: '' },
      topic: { as: 'str', wire: 'b' },
      defaultTopic: { as: 'str', wire: 'c', or: '' },
      defaultTopicQueueNums: { as: 'i32', wire: 'd', or: 4 },
      queueId: { as: 'i32', wire: 'e' },
      sysFlag: { as: 'i32', wire: 'f' },
      bornTimestamp: { as: 'i64', wire: 'g' },
      flag: { as: 'i32', wire: 'h' },
      properties: { as: 'str', wire: 'i', opt: true },
      reconsumeTimes: { as: 'i32', wire: 'j', opt: true },
      unitMode: { as: 'bool', wire: 'k', opt: true },
      maxReconsumeTimes: { as: 'i32', wire: 'l', opt: true },
      batch: { as: 'bool', wire: 'm', opt: true },
      brokerName: { as: 'str', wire: 'n', opt: true },
      ...topicRpc,
    },
    reply: {
      msgId: { as: 'str' },
      queueId: { as: 'i32' },
      queueOffset: { as: 'i64' },
      transactionId: { as: 'str', opt: true },
      batchUniqId: { as: 'str', opt: true },
      recallHandle: { as: 'str', opt: true },
    },
    body: 'binary:message body', replyBody: 'none',
  },
  GET_UNIT_TOPIC_LIST: {
    code: 311, on: ['namesrv'], lane: 'namesrv', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'json:TopicList',
  },
  GET_HAS_UNIT_SUB_TOPIC_LIST: {
    code: 312, on: ['namesrv'], lane: 'namesrv', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'json:TopicList',
  },
  GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST: {
    code: 313, on: ['namesrv'], lane: 'namesrv', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'json:TopicList',
  },
  CLONE_GROUP_OFFSET: {
    code: 314, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'CloneGroupOffsetRequestHeader',
    header: {
      srcGroup: { as: 'str', or: 'null' },
      destGroup: { as: 'str' },
      topic: { as: 'str', opt: true },
      offline: { as: 'bool', or: false },
      ...rpc,
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  VIEW_BROKER_STATS_DATA: {
    code: 315, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'ViewBrokerStatsDataRequestHeader',
    header: {
      statsName: { as: 'str', or: 'null' },
      statsKey: { as: 'str', or: 'null' },
    },
    reply: {},
    body: 'none', replyBody: 'json:BrokerStatsData',
  },
  CLEAN_UNUSED_TOPIC: {
    code: 316, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
  },
  GET_BROKER_CONSUME_STATS: {
    code: 317, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'GetConsumeStatsInBrokerHeader',
    header: {
      isOrder: { as: 'bool', or: false },
    },
    reply: {},
    body: 'none', replyBody: 'json:ConsumeStatsList',
  },
  UPDATE_NAMESRV_CONFIG: {
    code: 318, on: ['namesrv'], lane: 'namesrv', state: 'served',
    header: {},
    reply: {},
    body: 'text:java properties', replyBody: 'none',
  },
  GET_NAMESRV_CONFIG: {
    code: 319, on: ['namesrv'], lane: 'namesrv', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'text:java properties',
  },
  SEND_BATCH_MESSAGE: {
    code: 320, on: ['broker', 'brokerFast', 'proxy'], lane: 'send', state: 'served',
    javaHeader: 'SendMessageRequestHeaderV2', fast: true,
    header: {
      producerGroup: { as: 'str', wire: 'a', or: '' },
      topic: { as: 'str', wire: 'b' },
      defaultTopic: { as: 'str', wire: 'c', or: '' },
      defaultTopicQueueNums: { as: 'i32', wire: 'd', or: 4 },
      queueId: { as: 'i32', wire: 'e' },
      sysFlag: { as: 'i32', wire: 'f' },
      bornTimestamp: { as: 'i64', wire: 'g' },
      flag: { as: 'i32', wire: 'h' },
      properties: { as: 'str', wire: 'i', opt: true },
      reconsumeTimes: { as: 'i32', wire: 'j', opt: true },
      unitMode: { as: 'bool', wire: 'k', opt: true },
      maxReconsumeTimes: { as: 'i32', wire: 'l', opt: true },
      batch: { as: 'bool', wire: 'm', opt: true },
      brokerName: { as: 'str', wire: 'n', opt: true },
      ...topicRpc,
    },
    reply: {
      msgId: { as: 'str' },
      queueId: { as: 'i32' },
      queueOffset: { as: 'i64' },
      transactionId: { as: 'str', opt: true },
      batchUniqId: { as: 'str', opt: true },
      recallHandle: { as: 'str', opt: true },
    },
    body: 'binary:client batch encoding', replyBody: 'none',
    note: 'response msgId = comma separated offset ids; batchUniqId may be set',
  },
  QUERY_CONSUME_QUEUE: {
    code: 321, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'QueryConsumeQueueRequestHeader',
    header: {
      topic: { as: 'str', opt: true },
      queueId: { as: 'i32', or: 0 },
      index: { as: 'i64', or: 0n },
      count: { as: 'i32', or: 0 },
      consumerGroup: { as: 'str', opt: true },
      ...topicRpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:QueryConsumeQueueResponseBody',
  },
  QUERY_DATA_VERSION: {
    code: 322, on: ['namesrv'], lane: 'namesrv', state: 'served',
    javaHeader: 'QueryDataVersionRequestHeader',
    header: {
      brokerName: { as: 'str', or: 'null' },
      brokerAddr: { as: 'str' },
      clusterName: { as: 'str' },
      brokerId: { as: 'i64', or: 0n },
    },
    reply: {
      changed: { as: 'bool' },
    },
    body: 'json:DataVersion', replyBody: 'json:DataVersion',
  },
  RESUME_CHECK_HALF_MESSAGE: {
    code: 323, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'ResumeCheckHalfMessageRequestHeader',
    header: {
      topic: { as: 'str', opt: true },
      msgId: { as: 'str', opt: true },
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  SEND_REPLY_MESSAGE: {
    code: 324, on: ['broker', 'brokerFast'], lane: 'reply', state: 'served',
    javaHeader: 'SendMessageRequestHeader',
    header: {
      producerGroup: { as: 'str', or: '' },
      topic: { as: 'str' },
      defaultTopic: { as: 'str', or: '' },
      defaultTopicQueueNums: { as: 'i32', or: 4 },
      queueId: { as: 'i32' },
      sysFlag: { as: 'i32' },
      bornTimestamp: { as: 'i64' },
      flag: { as: 'i32' },
      properties: { as: 'str', opt: true },
      reconsumeTimes: { as: 'i32', opt: true },
      unitMode: { as: 'bool', opt: true },
      batch: { as: 'bool', opt: true },
      maxReconsumeTimes: { as: 'i32', opt: true },
      ...topicRpc,
    },
    reply: {
      msgId: { as: 'str' },
      queueId: { as: 'i32' },
      queueOffset: { as: 'i64' },
      transactionId: { as: 'str', opt: true },
      batchUniqId: { as: 'str', opt: true },
      recallHandle: { as: 'str', opt: true },
    },
    body: 'binary:message body', replyBody: 'none',
  },
  SEND_REPLY_MESSAGE_V2: {
    code: 325, on: ['broker', 'brokerFast'], lane: 'reply', state: 'served',
    javaHeader: 'SendMessageRequestHeaderV2', fast: true,
    header: {
      producerGroup: { as: 'str', wire: 'a', or: '' },
      topic: { as: 'str', wire: 'b' },
      defaultTopic: { as: 'str', wire: 'c', or: '' },
      defaultTopicQueueNums: { as: 'i32', wire: 'd', or: 4 },
      queueId: { as: 'i32', wire: 'e' },
      sysFlag: { as: 'i32', wire: 'f' },
      bornTimestamp: { as: 'i64', wire: 'g' },
      flag: { as: 'i32', wire: 'h' },
      properties: { as: 'str', wire: 'i', opt: true },
      reconsumeTimes: { as: 'i32', wire: 'j', opt: true },
      unitMode: { as: 'bool', wire: 'k', opt: true },
      maxReconsumeTimes: { as: 'i32', wire: 'l', opt: true },
      batch: { as: 'bool', wire: 'm', opt: true },
      brokerName: { as: 'str', wire: 'n', opt: true },
      ...topicRpc,
    },
    reply: {
      msgId: { as: 'str' },
      queueId: { as: 'i32' },
      queueOffset: { as: 'i64' },
      transactionId: { as: 'str', opt: true },
      batchUniqId: { as: 'str', opt: true },
      recallHandle: { as: 'str', opt: true },
    },
    body: 'binary:message body', replyBody: 'none',
  },
  PUSH_REPLY_MESSAGE_TO_CLIENT: {
    code: 326, on: ['client'], lane: 'admin', state: 'served',
    javaHeader: 'ReplyMessageRequestHeader',
    header: {
      producerGroup: { as: 'str' },
      topic: { as: 'str' },
      defaultTopic: { as: 'str' },
      defaultTopicQueueNums: { as: 'i32' },
      queueId: { as: 'i32' },
      sysFlag: { as: 'i32' },
      bornTimestamp: { as: 'i64' },
      flag: { as: 'i32' },
      properties: { as: 'str', opt: true },
      reconsumeTimes: { as: 'i32', opt: true },
      unitMode: { as: 'bool', or: false },
      bornHost: { as: 'str' },
      storeHost: { as: 'str' },
      storeTimestamp: { as: 'i64', or: 0n },
      ...topicRpc,
    },
    reply: {},
    body: 'binary:message body', replyBody: 'none',
    note: 'broker -> requesting producer (synchronous call)',
  },
  ADD_WRITE_PERM_OF_BROKER: {
    code: 327, on: ['namesrv'], lane: 'namesrv', state: 'served',
    javaHeader: 'AddWritePermOfBrokerRequestHeader',
    header: {
      brokerName: { as: 'str', or: 'null' },
    },
    reply: {
      addTopicCount: { as: 'i32' },
    },
    body: 'none', replyBody: 'none',
  },
  GET_ALL_PRODUCER_INFO: {
    code: 328, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'GetAllProducerInfoRequestHeader',
    header: {},
    reply: {},
    body: 'none', replyBody: 'json:ProducerTableInfo',
  },
  DELETE_EXPIRED_COMMITLOG: {
    code: 329, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
  },
  QUERY_TOPICS_BY_CONSUMER: {
    code: 343, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'QueryTopicsByConsumerRequestHeader',
    header: {
      group: { as: 'str' },
      ...rpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:TopicList',
  },
  QUERY_SUBSCRIPTION_BY_CONSUMER: {
    code: 345, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'QuerySubscriptionByConsumerRequestHeader',
    header: {
      group: { as: 'str' },
      topic: { as: 'str', opt: true },
      ...topicRpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:QuerySubscriptionResponseBody',
  },
  GET_TOPIC_CONFIG: {
    code: 351, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'GetTopicConfigRequestHeader',
    header: {
      topic: { as: 'str' },
      ...topicRpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:TopicConfigAndQueueMapping',
  },
  GET_SUBSCRIPTIONGROUP_CONFIG: {
    code: 352, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'GetSubscriptionGroupConfigRequestHeader',
    header: {
      group: { as: 'str' },
      ...rpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:SubscriptionGroupConfig',
  },
  UPDATE_AND_GET_GROUP_FORBIDDEN: {
    code: 353, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'UpdateGroupForbiddenRequestHeader',
    header: {
      group: { as: 'str' },
      topic: { as: 'str' },
      readable: { as: 'bool', opt: true },
      ...topicRpc,
    },
    reply: {},
    body: 'none', replyBody: 'json:GroupForbidden',
  },
  CHECK_ROCKSDB_CQ_WRITE_PROGRESS: {
    code: 354, on: ['broker', 'brokerFast'], lane: 'admin', state: 'planned',
    javaHeader: 'CheckRocksdbCqWriteProgressRequestHeader',
    header: {
      topic: { as: 'str' },
      checkStoreTime: { as: 'i64', or: 0n },
    },
    reply: {},
    body: 'none', replyBody: 'json:CheckRocksdbCqWriteResult',
  },
  EXPORT_ROCKSDB_CONFIG_TO_JSON: {
    code: 355, on: ['broker', 'brokerFast'], lane: 'admin', state: 'planned',
    javaHeader: 'ExportRocksDBConfigToJsonRequestHeader',
    header: {
      configType: { as: 'str' },
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  LITE_PULL_MESSAGE: {
    code: 361, on: ['broker', 'proxy'], lane: 'litePull', state: 'served',
    javaHeader: 'PullMessageRequestHeader', fast: true,
    header: {
      consumerGroup: { as: 'str' },
      topic: { as: 'str' },
      liteTopic: { as: 'str', opt: true },
      queueId: { as: 'i32' },
      queueOffset: { as: 'i64' },
      maxMsgNums: { as: 'i32' },
      sysFlag: { as: 'i32' },
      commitOffset: { as: 'i64', or: 0n },
      suspendTimeoutMillis: { as: 'i64', or: 0n },
      subscription: { as: 'str', opt: true },
      subVersion: { as: 'i64', or: 0n },
      expressionType: { as: 'str', opt: true },
      maxMsgBytes: { as: 'i32', opt: true },
      requestSource: { as: 'i32', opt: true },
      proxyFrowardClientId: { as: 'str', opt: true },
      ...topicRpc,
    },
    reply: {
      suggestWhichBrokerId: { as: 'i64' },
      nextBeginOffset: { as: 'i64' },
      minOffset: { as: 'i64' },
      maxOffset: { as: 'i64' },
      offsetDelta: { as: 'i64', opt: true },
      topicSysFlag: { as: 'i32', opt: true },
      groupSysFlag: { as: 'i32', opt: true },
      forbiddenType: { as: 'i32', opt: true },
    },
    body: 'none', replyBody: 'messages:concatenated stored frames',
    note: 'same as PULL_MESSAGE with sysFlag lite bit; own thread pool; not on the fast port',
  },
  RECALL_MESSAGE: {
    code: 370, on: ['broker', 'brokerFast', 'proxy'], lane: 'send', state: 'served',
    javaHeader: 'RecallMessageRequestHeader',
    header: {
      producerGroup: { as: 'str', opt: true },
      topic: { as: 'str' },
      recallHandle: { as: 'str', or: '' },
      ...topicRpc,
    },
    reply: {
      msgId: { as: 'str' },
    },
    body: 'none', replyBody: 'none',
  },
  QUERY_ASSIGNMENT: {
    code: 400, on: ['broker', 'brokerFast'], lane: 'loadBalance', state: 'served',
    header: {},
    reply: {},
    body: 'json:QueryAssignmentRequestBody', replyBody: 'json:QueryAssignmentResponseBody',
  },
  SET_MESSAGE_REQUEST_MODE: {
    code: 401, on: ['broker', 'brokerFast'], lane: 'loadBalance', state: 'served',
    header: {},
    reply: {},
    body: 'json:SetMessageRequestModeRequestBody', replyBody: 'none',
  },
  GET_ALL_MESSAGE_REQUEST_MODE: {
    code: 402, on: ['broker', 'brokerFast'], lane: 'loadBalance', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'json:same as messageRequestMode.json',
  },
  UPDATE_AND_CREATE_STATIC_TOPIC: {
    code: 513, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'CreateTopicRequestHeader',
    header: {
      topic: { as: 'str' },
      defaultTopic: { as: 'str', or: '' },
      readQueueNums: { as: 'i32' },
      writeQueueNums: { as: 'i32' },
      perm: { as: 'i32' },
      topicFilterType: { as: 'str' },
      topicSysFlag: { as: 'i32', opt: true },
      order: { as: 'bool' },
      attributes: { as: 'str', opt: true },
      force: { as: 'bool', opt: true },
      ...topicRpc,
    },
    reply: {},
    body: 'json:TopicQueueMappingDetail', replyBody: 'none',
  },
  GET_BROKER_MEMBER_GROUP: {
    code: 901, on: ['namesrv'], lane: 'namesrv', state: 'served',
    javaHeader: 'GetBrokerMemberGroupRequestHeader',
    header: {
      clusterName: { as: 'str', opt: true },
      brokerName: { as: 'str', opt: true },
    },
    reply: {},
    body: 'none', replyBody: 'json:GetBrokerMemberGroupResponseBody',
  },
  ADD_BROKER: {
    code: 902, on: ['container'], lane: 'admin', state: 'refused',
    javaHeader: 'AddBrokerRequestHeader',
    header: {
      configPath: { as: 'str', opt: true },
    },
    reply: {},
    body: 'text:broker properties', replyBody: 'none',
    note: 'broker container module (read from git HEAD, not in the 5.5.0 jar set)',
  },
  REMOVE_BROKER: {
    code: 903, on: ['container'], lane: 'admin', state: 'refused',
    javaHeader: 'RemoveBrokerRequestHeader',
    header: {
      brokerName: { as: 'str' },
      brokerClusterName: { as: 'str' },
      brokerId: { as: 'i64' },
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  BROKER_HEARTBEAT: {
    code: 904, on: ['namesrv', 'controller'], lane: 'namesrv', state: 'served',
    javaHeader: 'BrokerHeartbeatRequestHeader',
    header: {
      clusterName: { as: 'str' },
      brokerAddr: { as: 'str' },
      brokerName: { as: 'str', or: 'null' },
      brokerId: { as: 'i64', opt: true },
      epoch: { as: 'i32', opt: true },
      maxOffset: { as: 'i64', opt: true },
      confirmOffset: { as: 'i64', opt: true },
      heartbeatTimeoutMills: { as: 'i64', opt: true },
      electionPriority: { as: 'i32', opt: true },
    },
    reply: {},
    body: 'none', replyBody: 'none',
    note: 'broker -> namesrv/controller, usually oneway to namesrv',
  },
  NOTIFY_MIN_BROKER_ID_CHANGE: {
    code: 905, on: ['broker', 'brokerFast'], lane: 'admin', state: 'planned',
    javaHeader: 'NotifyMinBrokerIdChangeRequestHeader',
    header: {
      minBrokerId: { as: 'i64', opt: true },
      brokerName: { as: 'str', opt: true },
      minBrokerAddr: { as: 'str', opt: true },
      offlineBrokerAddr: { as: 'str', opt: true },
      haBrokerAddr: { as: 'str', opt: true },
    },
    reply: {},
    body: 'none', replyBody: 'none',
    note: 'namesrv -> broker, oneway',
  },
  EXCHANGE_BROKER_HA_INFO: {
    code: 906, on: ['broker', 'brokerFast'], lane: 'admin', state: 'planned',
    javaHeader: 'ExchangeHAInfoRequestHeader',
    header: {
      masterHaAddress: { as: 'str', opt: true },
      masterFlushOffset: { as: 'i64', opt: true },
      masterAddress: { as: 'str', opt: true },
    },
    reply: {
      masterHaAddress: { as: 'str', opt: true },
      masterFlushOffset: { as: 'i64', opt: true },
      masterAddress: { as: 'str', opt: true },
    },
    body: 'none', replyBody: 'none',
    note: 'broker <-> broker',
  },
  GET_BROKER_HA_STATUS: {
    code: 907, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'json:HARuntimeInfo',
  },
  RESET_MASTER_FLUSH_OFFSET: {
    code: 908, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    javaHeader: 'ResetMasterFlushOffsetHeader',
    header: {
      masterFlushOffset: { as: 'i64' },
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  CONTROLLER_ALTER_SYNC_STATE_SET: {
    code: 1001, on: ['controller'], lane: 'admin', state: 'planned',
    javaHeader: 'AlterSyncStateSetRequestHeader',
    header: {
      brokerName: { as: 'str', opt: true },
      masterBrokerId: { as: 'i64', opt: true },
      masterEpoch: { as: 'i32', opt: true },
      invokeTime: { as: 'i64', or: 0n },
    },
    reply: {
      newSyncStateSetEpoch: { as: 'i32', or: 0 },
    },
    body: 'json:SyncStateSet', replyBody: 'json:SyncStateSet',
  },
  CONTROLLER_ELECT_MASTER: {
    code: 1002, on: ['controller'], lane: 'admin', state: 'planned',
    javaHeader: 'ElectMasterRequestHeader',
    header: {
      clusterName: { as: 'str' },
      brokerName: { as: 'str' },
      brokerId: { as: 'i64' },
      designateElect: { as: 'bool' },
      invokeTime: { as: 'i64', opt: true },
    },
    reply: {
      masterBrokerId: { as: 'i64', opt: true },
      masterAddress: { as: 'str', opt: true },
      masterEpoch: { as: 'i32', opt: true },
      syncStateSetEpoch: { as: 'i32', opt: true },
    },
    body: 'none', replyBody: 'json:ElectMasterResponseBody',
  },
  CONTROLLER_REGISTER_BROKER: {
    code: 1003, on: ['controller'], lane: 'admin', state: 'planned',
    javaHeader: 'RegisterBrokerToControllerRequestHeader',
    header: {
      clusterName: { as: 'str', opt: true },
      brokerName: { as: 'str', opt: true },
      brokerId: { as: 'i64', opt: true },
      brokerAddress: { as: 'str', opt: true },
      invokeTime: { as: 'i64', or: 0n },
    },
    reply: {
      clusterName: { as: 'str', opt: true },
      brokerName: { as: 'str', opt: true },
      masterBrokerId: { as: 'i64', opt: true },
      masterAddress: { as: 'str', opt: true },
      masterEpoch: { as: 'i32', opt: true },
      syncStateSetEpoch: { as: 'i32', opt: true },
    },
    body: 'none', replyBody: 'json:SyncStateSet',
  },
  CONTROLLER_GET_REPLICA_INFO: {
    code: 1004, on: ['controller'], lane: 'admin', state: 'planned',
    javaHeader: 'GetReplicaInfoRequestHeader',
    header: {
      brokerName: { as: 'str', opt: true },
    },
    reply: {
      masterBrokerId: { as: 'i64', opt: true },
      masterAddress: { as: 'str', opt: true },
      masterEpoch: { as: 'i32', opt: true },
    },
    body: 'none', replyBody: 'json:SyncStateSet',
  },
  CONTROLLER_GET_METADATA_INFO: {
    code: 1005, on: ['controller'], lane: 'admin', state: 'planned',
    header: {},
    reply: {
      group: { as: 'str', opt: true },
      controllerLeaderId: { as: 'str', opt: true },
      controllerLeaderAddress: { as: 'str', opt: true },
      isLeader: { as: 'bool', or: false },
      peers: { as: 'str', opt: true },
    },
    body: 'none', replyBody: 'none',
  },
  CONTROLLER_GET_SYNC_STATE_DATA: {
    code: 1006, on: ['controller'], lane: 'admin', state: 'planned',
    header: {},
    reply: {},
    body: 'json:array of broker names', replyBody: 'json:BrokerReplicasInfo',
  },
  GET_BROKER_EPOCH_CACHE: {
    code: 1007, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'json:EpochEntryCache',
  },
  NOTIFY_BROKER_ROLE_CHANGED: {
    code: 1008, on: ['broker', 'brokerFast'], lane: 'admin', state: 'planned',
    javaHeader: 'NotifyBrokerRoleChangedRequestHeader',
    header: {
      masterAddress: { as: 'str', opt: true },
      masterEpoch: { as: 'i32', opt: true },
      syncStateSetEpoch: { as: 'i32', opt: true },
      masterBrokerId: { as: 'i64', opt: true },
    },
    reply: {},
    body: 'json:SyncStateSet', replyBody: 'none',
    note: 'controller -> broker, oneway',
  },
  UPDATE_CONTROLLER_CONFIG: {
    code: 1009, on: ['controller'], lane: 'admin', state: 'planned',
    header: {},
    reply: {},
    body: 'text:java properties', replyBody: 'none',
  },
  GET_CONTROLLER_CONFIG: {
    code: 1010, on: ['controller'], lane: 'admin', state: 'planned',
    header: {},
    reply: {},
    body: 'none', replyBody: 'text:java properties',
  },
  CLEAN_BROKER_DATA: {
    code: 1011, on: ['controller'], lane: 'admin', state: 'planned',
    javaHeader: 'CleanControllerBrokerDataRequestHeader',
    header: {
      clusterName: { as: 'str', opt: true },
      brokerName: { as: 'str' },
      brokerControllerIdsToClean: { as: 'str', opt: true },
      isCleanLivingBroker: { as: 'bool', or: false },
      invokeTime: { as: 'i64', or: 0n },
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  CONTROLLER_GET_NEXT_BROKER_ID: {
    code: 1012, on: ['controller'], lane: 'admin', state: 'planned',
    javaHeader: 'GetNextBrokerIdRequestHeader',
    header: {
      clusterName: { as: 'str', opt: true },
      brokerName: { as: 'str', opt: true },
    },
    reply: {
      clusterName: { as: 'str', opt: true },
      brokerName: { as: 'str', opt: true },
      nextBrokerId: { as: 'i64', opt: true },
    },
    body: 'none', replyBody: 'none',
  },
  CONTROLLER_APPLY_BROKER_ID: {
    code: 1013, on: ['controller'], lane: 'admin', state: 'planned',
    javaHeader: 'ApplyBrokerIdRequestHeader',
    header: {
      clusterName: { as: 'str', opt: true },
      brokerName: { as: 'str', opt: true },
      appliedBrokerId: { as: 'i64', opt: true },
      registerCheckCode: { as: 'str', opt: true },
    },
    reply: {
      clusterName: { as: 'str', opt: true },
      brokerName: { as: 'str', opt: true },
    },
    body: 'none', replyBody: 'none',
  },
  BROKER_CLOSE_CHANNEL_REQUEST: {
    code: 1014, on: [], lane: 'admin', state: 'refused',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
    note: 'internal to the JRaft controller: payload of a raft log entry, not registered on the wire',
  },
  CHECK_NOT_ACTIVE_BROKER_REQUEST: {
    code: 1015, on: [], lane: 'admin', state: 'refused',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
    note: 'internal to the JRaft controller: payload of a raft log entry, not registered on the wire',
  },
  GET_BROKER_LIVE_INFO_REQUEST: {
    code: 1016, on: [], lane: 'admin', state: 'refused',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
    note: 'internal to the JRaft controller: payload of a raft log entry, not registered on the wire',
  },
  GET_SYNC_STATE_DATA_REQUEST: {
    code: 1017, on: [], lane: 'admin', state: 'refused',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
    note: 'internal to the JRaft controller: payload of a raft log entry, not registered on the wire',
  },
  RAFT_BROKER_HEART_BEAT_EVENT_REQUEST: {
    code: 1018, on: [], lane: 'admin', state: 'refused',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
    note: 'internal to the JRaft controller: payload of a raft log entry, not registered on the wire',
  },
  UPDATE_COLD_DATA_FLOW_CTR_CONFIG: {
    code: 2001, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'text:java properties group=threshold', replyBody: 'none',
  },
  REMOVE_COLD_DATA_FLOW_CTR_CONFIG: {
    code: 2002, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'text:group name', replyBody: 'none',
  },
  GET_COLD_DATA_FLOW_CTR_INFO: {
    code: 2003, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'json:object',
  },
  SET_COMMITLOG_READ_MODE: {
    code: 2004, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
    note: 'extField READ_AHEAD_MODE = 0 (normal) or 1 (random)',
  },
  AUTH_CREATE_USER: {
    code: 3001, on: ['broker', 'brokerFast'], lane: 'admin', state: 'planned',
    javaHeader: 'CreateUserRequestHeader',
    header: {
      username: { as: 'str', opt: true },
    },
    reply: {},
    body: 'json:UserInfo', replyBody: 'none',
  },
  AUTH_UPDATE_USER: {
    code: 3002, on: ['broker', 'brokerFast'], lane: 'admin', state: 'planned',
    javaHeader: 'UpdateUserRequestHeader',
    header: {
      username: { as: 'str', opt: true },
    },
    reply: {},
    body: 'json:UserInfo', replyBody: 'none',
  },
  AUTH_DELETE_USER: {
    code: 3003, on: ['broker', 'brokerFast'], lane: 'admin', state: 'planned',
    javaHeader: 'DeleteUserRequestHeader',
    header: {
      username: { as: 'str', opt: true },
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  AUTH_GET_USER: {
    code: 3004, on: ['broker', 'brokerFast'], lane: 'admin', state: 'planned',
    javaHeader: 'GetUserRequestHeader',
    header: {
      username: { as: 'str', opt: true },
    },
    reply: {},
    body: 'none', replyBody: 'json:UserInfo',
  },
  AUTH_LIST_USER: {
    code: 3005, on: ['broker', 'brokerFast'], lane: 'admin', state: 'planned',
    javaHeader: 'ListUsersRequestHeader',
    header: {
      filter: { as: 'str', opt: true },
    },
    reply: {},
    body: 'none', replyBody: 'json:array of UserInfo',
  },
  AUTH_CREATE_ACL: {
    code: 3006, on: ['broker', 'brokerFast'], lane: 'admin', state: 'planned',
    javaHeader: 'CreateAclRequestHeader',
    header: {
      subject: { as: 'str', opt: true },
    },
    reply: {},
    body: 'json:AclInfo', replyBody: 'none',
  },
  AUTH_UPDATE_ACL: {
    code: 3007, on: ['broker', 'brokerFast'], lane: 'admin', state: 'planned',
    javaHeader: 'UpdateAclRequestHeader',
    header: {
      subject: { as: 'str', opt: true },
    },
    reply: {},
    body: 'json:AclInfo', replyBody: 'none',
  },
  AUTH_DELETE_ACL: {
    code: 3008, on: ['broker', 'brokerFast'], lane: 'admin', state: 'planned',
    javaHeader: 'DeleteAclRequestHeader',
    header: {
      subject: { as: 'str', opt: true },
      policyType: { as: 'str', opt: true },
      resource: { as: 'str', opt: true },
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  AUTH_GET_ACL: {
    code: 3009, on: ['broker', 'brokerFast'], lane: 'admin', state: 'planned',
    javaHeader: 'GetAclRequestHeader',
    header: {
      subject: { as: 'str', opt: true },
    },
    reply: {},
    body: 'none', replyBody: 'json:AclInfo',
  },
  AUTH_LIST_ACL: {
    code: 3010, on: ['broker', 'brokerFast'], lane: 'admin', state: 'planned',
    javaHeader: 'ListAclsRequestHeader',
    header: {
      subjectFilter: { as: 'str', opt: true },
      resourceFilter: { as: 'str', opt: true },
    },
    reply: {},
    body: 'none', replyBody: 'json:array of AclInfo',
  },
  SWITCH_TIMER_ENGINE: {
    code: 5001, on: ['broker', 'brokerFast'], lane: 'admin', state: 'planned', since: '5.4',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
    note: 'extField E_T = "R" (rocksdb timeline) or "F" (file time wheel)',
  },
  POP_MESSAGE: {
    code: 200050, on: ['broker', 'proxy'], lane: 'pull', state: 'served',
    javaHeader: 'PopMessageRequestHeader',
    header: {
      consumerGroup: { as: 'str' },
      topic: { as: 'str' },
      queueId: { as: 'i32', or: 0 },
      maxMsgNums: { as: 'i32', or: 0 },
      invisibleTime: { as: 'i64', or: 0n },
      pollTime: { as: 'i64', or: 0n },
      bornTime: { as: 'i64', or: 0n },
      initMode: { as: 'i32', or: 0 },
      expType: { as: 'str', opt: true },
      exp: { as: 'str', opt: true },
      order: { as: 'bool', opt: true },
      attemptId: { as: 'str', opt: true },
      ...topicRpc,
    },
    reply: {
      popTime: { as: 'i64', or: 0n },
      invisibleTime: { as: 'i64', or: 0n },
      reviveQid: { as: 'i32', or: 0 },
      restNum: { as: 'i64', or: 0n },
      startOffsetInfo: { as: 'str', opt: true },
      msgOffsetInfo: { as: 'str', opt: true },
      orderCountInfo: { as: 'str', opt: true },
    },
    body: 'none', replyBody: 'messages:concatenated stored frames',
    note: 'not on the fast port',
  },
  ACK_MESSAGE: {
    code: 200051, on: ['broker', 'brokerFast', 'proxy'], lane: 'ack', state: 'served',
    javaHeader: 'AckMessageRequestHeader',
    header: {
      consumerGroup: { as: 'str' },
      topic: { as: 'str' },
      queueId: { as: 'i32' },
      extraInfo: { as: 'str' },
      offset: { as: 'i64' },
      liteTopic: { as: 'str', opt: true },
      ...topicRpc,
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  PEEK_MESSAGE: {
    code: 200052, on: ['broker'], lane: 'pull', state: 'served',
    javaHeader: 'PeekMessageRequestHeader',
    header: {
      topic: { as: 'str' },
      queueId: { as: 'i32', or: 0 },
      maxMsgNums: { as: 'i32', or: 0 },
      consumerGroup: { as: 'str' },
      ...topicRpc,
    },
    reply: {
      popTime: { as: 'i64', or: 0n },
      invisibleTime: { as: 'i64', or: 0n },
      reviveQid: { as: 'i32', or: 0 },
      restNum: { as: 'i64', or: 0n },
      startOffsetInfo: { as: 'str', opt: true },
      msgOffsetInfo: { as: 'str', opt: true },
      orderCountInfo: { as: 'str', opt: true },
    },
    body: 'none', replyBody: 'messages:concatenated stored frames',
    note: 'not on the fast port',
  },
  CHANGE_MESSAGE_INVISIBLETIME: {
    code: 200053, on: ['broker', 'brokerFast', 'proxy'], lane: 'ack', state: 'served',
    javaHeader: 'ChangeInvisibleTimeRequestHeader',
    header: {
      consumerGroup: { as: 'str' },
      topic: { as: 'str' },
      queueId: { as: 'i32' },
      extraInfo: { as: 'str' },
      offset: { as: 'i64' },
      invisibleTime: { as: 'i64' },
      liteTopic: { as: 'str', opt: true },
      suspend: { as: 'bool', or: false },
      ...topicRpc,
    },
    reply: {
      popTime: { as: 'i64', or: 0n },
      invisibleTime: { as: 'i64', or: 0n },
      reviveQid: { as: 'i32', or: 0 },
    },
    body: 'none', replyBody: 'none',
  },
  NOTIFICATION: {
    code: 200054, on: ['broker'], lane: 'pull', state: 'served',
    javaHeader: 'NotificationRequestHeader',
    header: {
      consumerGroup: { as: 'str' },
      topic: { as: 'str' },
      queueId: { as: 'i32', or: 0 },
      pollTime: { as: 'i64', or: 0n },
      bornTime: { as: 'i64', or: 0n },
      order: { as: 'bool', opt: true },
      attemptId: { as: 'str', opt: true },
      expType: { as: 'str', opt: true },
      exp: { as: 'str', opt: true },
      ...topicRpc,
    },
    reply: {
      hasMsg: { as: 'bool', or: false },
      pollingFull: { as: 'bool', or: false },
    },
    body: 'none', replyBody: 'none',
    note: 'not on the fast port',
  },
  POLLING_INFO: {
    code: 200055, on: ['broker'], lane: 'pull', state: 'served',
    javaHeader: 'PollingInfoRequestHeader',
    header: {
      consumerGroup: { as: 'str' },
      topic: { as: 'str' },
      queueId: { as: 'i32', or: 0 },
      ...topicRpc,
    },
    reply: {
      pollingNum: { as: 'i32', or: 0 },
    },
    body: 'none', replyBody: 'none',
    note: 'not on the fast port',
  },
  POP_ROLLBACK: {
    code: 200056, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
    note: 'moves pop records from the kv store back to file store',
  },
  POP_LITE_MESSAGE: {
    code: 200070, on: ['broker'], lane: 'pull', state: 'served', since: '5.4',
    javaHeader: 'PopLiteMessageRequestHeader',
    header: {
      clientId: { as: 'str' },
      consumerGroup: { as: 'str' },
      topic: { as: 'str' },
      maxMsgNum: { as: 'i32', or: 0 },
      invisibleTime: { as: 'i64', or: 0n },
      pollTime: { as: 'i64', or: 0n },
      bornTime: { as: 'i64', or: 0n },
      attemptId: { as: 'str', opt: true },
      ...rpc,
    },
    reply: {
      popTime: { as: 'i64', or: 0n },
      invisibleTime: { as: 'i64', or: 0n },
      reviveQid: { as: 'i32', or: 0 },
      startOffsetInfo: { as: 'str', opt: true },
      msgOffsetInfo: { as: 'str', opt: true },
      orderCountInfo: { as: 'str', opt: true },
    },
    body: 'none', replyBody: 'messages:concatenated stored frames',
    note: 'not on the fast port',
  },
  LITE_SUBSCRIPTION_CTL: {
    code: 200071, on: ['broker', 'brokerFast'], lane: 'ack', state: 'served', since: '5.4',
    javaHeader: 'LiteSubscriptionCtlRequestHeader',
    header: {
      ...rpc,
    },
    reply: {},
    body: 'json:LiteSubscriptionCtlRequestBody', replyBody: 'none',
    note: 'header class has no own fields',
  },
  ACK_LITE_MESSAGE: {
    code: 200072, on: [], lane: 'admin', state: 'refused', since: '5.4',
    header: {},
    reply: {},
    body: 'none', replyBody: 'none',
    note: 'defined, no processor registered; lite acks use ACK_MESSAGE with liteTopic',
  },
  NOTIFY_UNSUBSCRIBE_LITE: {
    code: 200073, on: ['client'], lane: 'admin', state: 'served', since: '5.4',
    javaHeader: 'NotifyUnsubscribeLiteRequestHeader',
    header: {
      liteTopic: { as: 'str' },
      consumerGroup: { as: 'str' },
      clientId: { as: 'str' },
      ...rpc,
    },
    reply: {},
    body: 'none', replyBody: 'none',
    note: 'broker -> client (or -> proxy, which relays it to gRPC clients); the 5.5.0 remoting client registers the code but its processor switch has no branch for it',
  },
  GET_BROKER_LITE_INFO: {
    code: 200074, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served', since: '5.4',
    header: {},
    reply: {},
    body: 'none', replyBody: 'json:GetBrokerLiteInfoResponseBody',
  },
  GET_PARENT_TOPIC_INFO: {
    code: 200075, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served', since: '5.4',
    javaHeader: 'GetParentTopicInfoRequestHeader',
    header: {
      topic: { as: 'str' },
    },
    reply: {},
    body: 'none', replyBody: 'json:GetParentTopicInfoResponseBody',
  },
  GET_LITE_TOPIC_INFO: {
    code: 200076, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served', since: '5.4',
    javaHeader: 'GetLiteTopicInfoRequestHeader',
    header: {
      parentTopic: { as: 'str', opt: true },
      liteTopic: { as: 'str', opt: true },
    },
    reply: {},
    body: 'none', replyBody: 'json:GetLiteTopicInfoResponseBody',
  },
  GET_LITE_CLIENT_INFO: {
    code: 200077, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served', since: '5.4',
    javaHeader: 'GetLiteClientInfoRequestHeader',
    header: {
      parentTopic: { as: 'str', opt: true },
      group: { as: 'str', opt: true },
      clientId: { as: 'str', opt: true },
      maxCount: { as: 'i32', or: 0 },
    },
    reply: {},
    body: 'none', replyBody: 'json:GetLiteClientInfoResponseBody',
  },
  GET_LITE_GROUP_INFO: {
    code: 200078, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served', since: '5.4',
    javaHeader: 'GetLiteGroupInfoRequestHeader',
    header: {
      group: { as: 'str' },
      liteTopic: { as: 'str', opt: true },
      topK: { as: 'i32', or: 0 },
    },
    reply: {},
    body: 'none', replyBody: 'json:GetLiteGroupInfoResponseBody',
  },
  TRIGGER_LITE_DISPATCH: {
    code: 200079, on: ['broker', 'brokerFast'], lane: 'admin', state: 'served', since: '5.4',
    javaHeader: 'TriggerLiteDispatchRequestHeader',
    header: {
      group: { as: 'str' },
      clientId: { as: 'str', opt: true },
    },
    reply: {},
    body: 'none', replyBody: 'none',
  },
  BATCH_ACK_MESSAGE: {
    code: 200151, on: ['broker', 'brokerFast'], lane: 'ack', state: 'served',
    header: {},
    reply: {},
    body: 'json:BatchAckMessageRequestBody', replyBody: 'none',
  },
} as const satisfies Record<string, Spec>;

export type RequestName = keyof typeof requests;

type HeaderFields<N extends RequestName> = (typeof requests)[N]['header'];
type ReplyFields<N extends RequestName> = (typeof requests)[N]['reply'];
type Simplify<T> = { [K in keyof T]: T[K] };
type OptionalNames<F> = { [K in keyof F]: F[K] extends { opt: true } ? K : never }[keyof F];
type ValueOf<F> = F extends { as: infer A extends keyof Wire } ? Wire[A] : never;

/** The decoded request header of a code: required fields present, optional ones possibly undefined. */
export type HeaderOf<N extends RequestName> = Simplify<
  { readonly [K in Exclude<keyof HeaderFields<N>, OptionalNames<HeaderFields<N>>>]: ValueOf<HeaderFields<N>[K]> } &
  { readonly [K in OptionalNames<HeaderFields<N>>]?: ValueOf<HeaderFields<N>[K]> | undefined }
>;

/** The values of a reply header; an i64 may be given as a safe integer. */
export type ReplyHeaderOf<N extends RequestName> = Simplify<{
  readonly [K in keyof ReplyFields<N>]?: (ValueOf<ReplyFields<N>[K]> extends bigint ? number | bigint : ValueOf<ReplyFields<N>[K]>) | undefined;
}>;

const byCode = new Map<number, RequestName>(
  (Object.keys(requests) as RequestName[]).map((name) => [requests[name].code, name]),
);

/** The name of a request code, or undefined when no Apache release defines it. */
export function requestName(code: number): RequestName | undefined {
  return byCode.get(code);
}
