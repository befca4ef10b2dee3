/**
 * The configuration values the broker's and the name server's parts read. Names and defaults are Apache's (`BrokerConfig`,
 * `MessageStoreConfig`, `NamesrvConfig`, `NettyServerConfig` of 5.5.0) unless said otherwise. Parsing and checking is config.ts.
 */
import type { StoreConfig as StoreTable } from '../store/options.js';

/** Honoured broker keys. Times in the unit Apache's key has (mostly ms). */
export interface BrokerConfig {
  brokerClusterName: string;
  brokerName: string;
  brokerId: number;
  /** Empty = follow the address clients reached us on. */
  brokerIP1: string;
  listenPort: number;
  namesrvAddr: string;
  brokerPermission: number;
  defaultTopicQueueNums: number;
  autoCreateTopicEnable: boolean;
  clusterTopicEnable: boolean;
  brokerTopicEnable: boolean;
  autoCreateSubscriptionGroup: boolean;
  traceTopicEnable: boolean;
  msgTraceTopicName: string;
  regionId: string;
  traceOn: boolean;
  rejectTransactionMessage: boolean;
  /** Milliseconds after which an undecided half message is asked about. */
  transactionTimeOut: number;
  transactionCheckMax: number;
  transactionCheckInterval: number;
  transactionMetricFlushInterval: number;
  /** Characters of an op message's body. */
  transactionOpMsgMaxSize: number;
  transactionOpBatchInterval: number;
  storeReplyMessageEnable: boolean;
  longPollingEnable: boolean;
  shortPollingTimeMills: number;
  notifyConsumerIdsChangedEnable: boolean;
  realTimeNotifyConsumerChange: boolean;
  /** `MessageStoreConfig`'s. */
  coldDataFlowControlEnable: boolean;
  /** Bytes in five seconds. */
  cgColdReadThreshold: number;
  globalColdReadThreshold: number;
  /** Ours: file of flow rules for consumers in Sentinel's JSON; empty = none. */
  flowRuleFile: string;
  /** POP takes the queues of PRIORITY topics from the highest id down. */
  priorityOrderAsc: boolean;
  enableBroadcastOffsetStore: boolean;
  broadcastOffsetExpireSecond: number;
  broadcastOffsetExpireMaxSecond: number;
  slaveReadEnable: boolean;
  disableConsumeIfConsumerReadSlowly: boolean;
  /** Bytes of the log. */
  consumerFallbehindThreshold: number;
  litePullMessageEnable: boolean;
  useServerSideResetOffset: boolean;
  consumerOffsetUpdateVersionStep: number;
  flushConsumerOffsetInterval: number;
  registerNameServerPeriod: number;
  forceRegister: boolean;
  brokerFastFailureEnable: boolean;
  waitTimeMillsInSendQueue: number;
  waitTimeMillsInPullQueue: number;
  waitTimeMillsInLitePullQueue: number;
  waitTimeMillsInHeartbeatQueue: number;
  waitTimeMillsInTransactionQueue: number;
  waitTimeMillsInAckQueue: number;
  waitTimeMillsInAdminBrokerQueue: number;
  sendThreadPoolQueueCapacity: number;
  pullThreadPoolQueueCapacity: number;
  litePullThreadPoolQueueCapacity: number;
  queryThreadPoolQueueCapacity: number;
  clientManagerThreadPoolQueueCapacity: number;
  consumerManagerThreadPoolQueueCapacity: number;
  heartbeatThreadPoolQueueCapacity: number;
  adminBrokerThreadPoolQueueCapacity: number;
  channelExpiredTimeout: number;
  subscriptionExpiredTimeout: number;
  startAcceptSendRequestTimeStamp: number;
  enableSingleTopicRegister: boolean;
  enableMixedMessageType: boolean;
  enableSplitMetadata: boolean;
  splitMetadataSize: number;
  validateSystemTopicWhenUpdateTopic: boolean;
  enablePropertyFilter: boolean;
  filterSupportRetry: boolean;
  enableCalcFilterBitMap: boolean;
  /** Percent. */
  maxErrorRateOfBloomFilter: number;
  expectConsumerNumUseFilter: number;
  /** Milliseconds. */
  filterDataCleanTimeSpan: number;
  /** Ours: take registrations of filter servers. */
  filterServerEnable: boolean;
  /** Filter servers started beside the broker (`BrokerConfig#filterServerNums` up to 4.9.5). */
  filterServerNums: number;
  /** Bytes a message body may have: MESSAGE_ILLEGAL above (`MessageStoreConfig#maxMessageSize`). */
  maxMessageSize: number;
  messageDelayLevel: string;
  enableScheduleMessageStats: boolean;
  /** Milliseconds a SYNC_FLUSH acknowledgement waits (`MessageStoreConfig#syncFlushTimeout`). */
  syncFlushTimeout: number;
  maxMsgsNumBatch: number;
  defaultQueryMaxNum: number;
  recallMessageEnable: boolean;
  allowRecallWhenBrokerNotWriteable: boolean;
  /** Serve timer messages (`MessageStoreConfig`, as the following). */
  timerWheelEnable: boolean;
  /** Milliseconds of a slot. */
  timerPrecisionMs: number;
  timerMaxDelaySec: number;
  /** Slots ahead from which a message is rolled. */
  timerRollWindowSlot: number;
  timerFlushIntervalMs: number;
  timerCongestNumEachSlot: number;
  timerStopEnqueue: boolean;
  timerStopDequeue: boolean;
  appendTopicForTimerDeleteKey: boolean;
  mappedFileSizeTimerLog: number;
  reviveQueueNum: number;
  /** Milliseconds. */
  reviveInterval: number;
  popPollingSize: number;
  popPollingMapSize: number;
  maxPopPollingSize: number;
  /** Percent. */
  popFromRetryProbability: number;
  popFromRetryProbabilityForPriority: number;
  enableRetryTopicV2: boolean;
  retrieveMessageFromPopRetryTopicV1: boolean;
  initPopOffsetByCheckMsgInMem: boolean;
  popResponseReturnActualRetryTopic: boolean;
  serverLoadBalancerEnable: boolean;
  defaultMessageRequestMode: 'PULL' | 'POP';
  defaultPopShareQueueNum: number;
  /** `MessageStoreConfig`'s, as the next two. */
  enableLmq: boolean;
  enableMultiDispatch: boolean;
  maxLmqConsumeQueueNum: number;
  enableLiteEventMode: boolean;
  liteEventCheckInterval: number;
  maxClientEventCount: number;
  liteEventFullDispatchDelayTime: number;
  liteEventFullDispatchDelayTimeForWildcardGroup: number;
  liteTtlCheckInterval: number;
  /** Milliseconds, Apache's spelling. */
  minLiteTTl: number;
  liteSubscriptionCheckInterval: number;
  liteSubscriptionCheckTimeoutMills: number;
  maxLiteSubscriptionCount: number;
  /** Directory of config/*.json. */
  storePathConfigDir: string;
}

/** Keys of the store's own table (store/options.ts) that the command line takes; the others are for tests or come from elsewhere. */
type StoreKey = Exclude<keyof StoreTable, 'totalMemoryBytes' | 'messageDelayLevel' | 'queueCacheBytesMax' | 'checkpointIntervalMs' | 'flushBytes' | 'recoverStepBytes' | 'recoverRecentBytes'>;

/** Honoured store keys (`MessageStoreConfig`): those of the store, and what its opener and the broker read. */
export interface StoreConfig extends Required<Pick<StoreTable, StoreKey>> {
  storePathRootDir: string;
  storePathCommitLog: string;
  syncFlushTimeout: number;
  autoMessageVersionOnTopicLen: boolean;
}

/** Honoured name server keys. */
export interface NamesrvConfig {
  kvConfigPath: string;
  configStorePath: string;
  listenPort: number;
  orderMessageEnable: boolean;
  returnOrderTopicConfigToBroker: boolean;
  clusterTest: boolean;
  scanNotActiveBrokerInterval: number;
  supportActingMaster: boolean;
  enableAllTopicList: boolean;
  enableTopicList: boolean;
  notifyMinBrokerIdChanged: boolean;
  enableControllerInNamesrv: boolean;
  needWaitForService: boolean;
  waitSecondsForService: number;
  deleteTopicWithBrokerRegistration: boolean;
  configBlackList: string;
}

/** Keys of a filter server (`FiltersrvConfig` of Apache 4.2.0, and ours). */
export interface FilterServerConfig {
  /** `host:port` of the broker whose messages are filtered. */
  connectWhichBroker: string;
  /** The host that consumers are told; empty = the one listened on. */
  filterServerIP: string;
  listenPort: number;
  clientUploadFilterClassEnable: boolean;
  /** Pulls that may be at the broker or being judged at once. */
  fsServerAsyncSemaphoreValue: number;
  /** Ours: serve filters in Java, in JavaScript. */
  filterJavaEnable: boolean;
  filterJavaScriptEnable: boolean;
  /** Ours: directory of the JDK; empty = JAVA_HOME, else PATH. */
  filterJavaHome: string;
  /** Ours: words of a command that each filter JVM is started under, separated by blanks. */
  filterJavaWrapper: string;
  /** Ours: pairs of group and topic with a filter; of these in Java. */
  filterClassesMax: number;
  filterJavaClassesMax: number;
  /** Ours: bytes of a source. */
  filterSourceBytesMax: number;
  /** Ours: MiB of heap of one filter. */
  filterMemoryMb: number;
  /** Ours: milliseconds one message may take, a class may take to compile and start, one pull may be judged. */
  filterMatchTimeoutMs: number;
  filterCompileTimeoutMs: number;
  filterPullTimeMs: number;
  /** Ours: where it makes the folder `filters` for its files, anew at start; empty = one of its own in the system's temporary folder. */
  filterServerDir: string;
  /** Ours: milliseconds after which a filter that nobody uploads or uses is dropped. */
  filterClassIdleMs: number;
}
