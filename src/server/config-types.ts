/**
 * The configuration values the broker's and the name server's parts read. Names and defaults are Apache's (`BrokerConfig`,
 * `MessageStoreConfig`, `NamesrvConfig`, `NettyServerConfig` of 5.5.0) unless said otherwise. Parsing and checking is config.ts.
 */

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
  longPollingEnable: boolean;
  shortPollingTimeMills: number;
  notifyConsumerIdsChangedEnable: boolean;
  realTimeNotifyConsumerChange: boolean;
  slaveReadEnable: boolean;
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
  /** Bytes a message body may have: MESSAGE_ILLEGAL above (`MessageStoreConfig#maxMessageSize`). */
  maxMessageSize: number;
  messageDelayLevel: string;
  enableScheduleMessageStats: boolean;
  /** Milliseconds a SYNC_FLUSH acknowledgement waits (`MessageStoreConfig#syncFlushTimeout`). */
  syncFlushTimeout: number;
  maxMsgsNumBatch: number;
  defaultQueryMaxNum: number;
  /** Directory of config/*.json. */
  storePathConfigDir: string;
}

/** Honoured store keys (`MessageStoreConfig`). */
export interface StoreConfig {
  storePathRootDir: string;
  storePathCommitLog: string;
  mappedFileSizeCommitLog: number;
  /** Bytes: 300000 entries of 20 bytes by default. */
  mappedFileSizeConsumeQueue: number;
  flushIntervalCommitLog: number;
  flushIntervalConsumeQueue: number;
  flushDiskType: 'ASYNC_FLUSH' | 'SYNC_FLUSH';
  syncFlushTimeout: number;
  fileReservedTime: number;
  deleteWhen: string;
  cleanResourceInterval: number;
  deleteCommitLogFilesInterval: number;
  diskMaxUsedSpaceRatio: number;
  cleanFileForciblyEnable: boolean;
  checkCRCOnRecover: boolean;
  maxMessageSize: number;
  messageIndexEnable: boolean;
  messageIndexSafe: boolean;
  maxHashSlotNum: number;
  maxIndexNum: number;
  maxMsgsNumBatch: number;
  maxTransferBytesOnMessageInMemory: number;
  maxTransferCountOnMessageInMemory: number;
  maxTransferBytesOnMessageInDisk: number;
  maxTransferCountOnMessageInDisk: number;
  accessMessageInMemoryMaxRatio: number;
  commitLogRecoverMaxNum: number;
  autoMessageVersionOnTopicLen: boolean;
  /** Ours: bytes of recently written log kept in memory. */
  tailCacheBytesMax: number;
  /** Ours: bytes of log pages kept for consumers that read from disk. */
  readCacheBytesMax: number;
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
