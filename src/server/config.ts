/**
 * Configuration: the table of honoured keys with Apache's names and defaults, checked values, and clear errors.
 * A value comes from the table's default, then the `broker.conf` file, then flags. Reading files is the caller's business.
 */
import { apacheKeysWithoutEffect } from '../compat/apache-config-keys.js';
import { readProperties } from '../compat/properties-file.js';
import { tlsDefaults, type TlsConfig } from '../remoting/index.js';
import type { BrokerConfig, FilterServerConfig, NamesrvConfig, StoreConfig } from './config-types.js';

/** A configuration that cannot be started with. The message names the key, what was wrong and the allowed range. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

/** Listening and connection keys (`NettyServerConfig`). */
export interface ServerConfig {
  /** Apache binds every interface; we bind loopback unless told otherwise. */
  bindAddress: string;
  /** Seconds without a byte either way before a connection is closed. */
  serverChannelMaxIdleTimeSeconds: number;
  /** Ours: connections one port accepts. */
  maxConnections: number;
}

interface Key<T> {
  readonly default: T;
  /** Turns the text of a file or flag into a value; throws ConfigError naming `key`. */
  readonly read: (key: string, text: string) => T;
  readonly about: string;
}

type KeysOf<C> = { readonly [K in keyof C]: Key<C[K]> };

const int32Max = 2147483647;

function int(value: number, min: number, max: number, about: string): Key<number> {
  return {
    default: value,
    about: `${about} (${min}..${max})`,
    read: (key, text) => {
      const n = /^[+-]?\d{1,16}$/.test(text.trim()) ? Number(text.trim()) : Number.NaN;
      if (!Number.isSafeInteger(n) || n < min || n > max) {
        throw new ConfigError(`${key} must be a whole number from ${min} to ${max}, not '${text}'`);
      }
      return n;
    },
  };
}

function bool(value: boolean, about: string): Key<boolean> {
  return {
    default: value,
    about,
    read: (key, text) => {
      const t = text.trim().toLowerCase();
      if (t !== 'true' && t !== 'false') throw new ConfigError(`${key} must be true or false, not '${text}'`);
      return t === 'true';
    },
  };
}

function text(value: string, about: string, allowed?: RegExp, rule?: string): Key<string> {
  return {
    default: value,
    about,
    read: (key, t) => {
      const v = t.trim();
      if (v.includes('\0')) throw new ConfigError(`${key} must not contain a NUL character`);
      if (allowed !== undefined && !allowed.test(v)) throw new ConfigError(`${key} must be ${rule ?? allowed.source}, not '${t}'`);
      return v;
    },
  };
}

function oneOf<const T extends string>(value: T, allowed: readonly T[], about: string): Key<T> {
  return {
    default: value,
    about: `${about} (${allowed.join(', ')})`,
    read: (key, t) => {
      const found = allowed.find((a) => a === t.trim());
      if (found === undefined) throw new ConfigError(`${key} must be one of ${allowed.join(', ')}, not '${t}'`);
      return found;
    },
  };
}

const name = /^[%|a-zA-Z0-9_-]{1,127}$/;
const nameRule = '1 to 127 characters of a-z A-Z 0-9 _ - % |';

/** Broker keys. Defaults are `BrokerConfig`'s and `MessageStoreConfig`'s of 5.5.0 unless the text says otherwise. */
export const brokerKeys: KeysOf<BrokerConfig> = {
  brokerClusterName: text('DefaultCluster', 'cluster this broker belongs to', name, nameRule),
  brokerName: text('broker-a', 'name of this broker; Apache takes the host name', name, nameRule),
  brokerId: int(0, 0, 0, 'id within the broker name; 0 = master, replicas are not served yet'),
  brokerIP1: text('', 'address given to clients; empty = the one they reached us on'),
  listenPort: int(10911, 0, 65535, 'port of the broker; 0 picks a free one. The fast port is two below'),
  namesrvAddr: text('', 'name servers to register with, separated by ;'),
  brokerPermission: int(6, 0, 7, 'bits: 4 read, 2 write, 1 inherit'),
  defaultTopicQueueNums: int(8, 1, 65536, 'queues of the default topic TBW102'),
  autoCreateTopicEnable: bool(true, 'create unknown topics on the first send'),
  clusterTopicEnable: bool(true, 'give the topic named like the cluster read and write permission'),
  brokerTopicEnable: bool(true, 'give the topic named like the broker read and write permission'),
  autoCreateSubscriptionGroup: bool(true, 'create unknown consumer groups on first use'),
  traceTopicEnable: bool(false, 'create the trace topic at start'),
  msgTraceTopicName: text('RMQ_SYS_TRACE_TOPIC', 'name of the trace topic', name, nameRule),
  regionId: text('DefaultRegion', 'MSG_REGION given to each message', /^[^\u0000-\u001f]{0,127}$/, 'up to 127 printable characters'),
  traceOn: bool(true, 'TRACE_ON given to each message'),
  rejectTransactionMessage: bool(false, 'refuse transactional messages'),
  transactionTimeOut: int(6000, 0, int32Max, 'ms after which a producer is asked about a half message'),
  transactionCheckMax: int(15, 1, int32Max, 'times a producer is asked; then the half message is given up'),
  transactionCheckInterval: int(30000, 10, int32Max, 'ms between checks of half messages'),
  transactionMetricFlushInterval: int(10000, 100, int32Max, 'ms between writes of transactionMetrics'),
  transactionOpMsgMaxSize: int(4096, 1, 1048576, 'characters of decided offsets that one op message holds'),
  transactionOpBatchInterval: int(3000, 10, 3600000, 'ms a decided offset waits for its op message'),
  storeReplyMessageEnable: bool(true, 'store replies beside pushing them to who asked'),
  longPollingEnable: bool(true, 'hold pulls that found nothing'),
  shortPollingTimeMills: int(1000, 1, 3600000, 'ms a pull is held with longPollingEnable=false'),
  notifyConsumerIdsChangedEnable: bool(true, 'tell consumers of a group when its members change'),
  realTimeNotifyConsumerChange: bool(true, 'at once rather than each 15 s'),
  coldDataFlowControlEnable: bool(false, 'slow down groups that read much from the disk'),
  cgColdReadThreshold: int(3145728, 0, Number.MAX_SAFE_INTEGER, 'bytes of cold data a group may read in 5 s'),
  globalColdReadThreshold: int(104857600, 0, Number.MAX_SAFE_INTEGER, 'bytes of cold data all groups may read in 5 s'),
  flowRuleFile: text('', 'ours: file of flow rules for consumers in the JSON of Sentinel; read again when it changes'),
  priorityOrderAsc: bool(true, 'pop the queues of PRIORITY topics from the highest id down'),
  enableBroadcastOffsetStore: bool(true, 'keep where broadcasting clients pull'),
  broadcastOffsetExpireSecond: int(120, 1, int32Max, 'seconds until a silent broadcasting client is forgotten'),
  broadcastOffsetExpireMaxSecond: int(300, 1, int32Max, 'the same for one that is still connected'),
  slaveReadEnable: bool(false, 'suggest reading from a replica when far behind'),
  disableConsumeIfConsumerReadSlowly: bool(false, 'forbid consuming to groups that are too far behind'),
  consumerFallbehindThreshold: int(17179869184, 0, Number.MAX_SAFE_INTEGER, 'bytes of the log that is too far'),
  litePullMessageEnable: bool(true, 'serve LITE_PULL_MESSAGE'),
  useServerSideResetOffset: bool(true, 'a reset offset takes effect at the next pull'),
  consumerOffsetUpdateVersionStep: int(500, 1, int32Max, 'commits per step of the offset table version'),
  flushConsumerOffsetInterval: int(5000, 100, 3600000, 'ms between writes of consumerOffset.json'),
  registerNameServerPeriod: int(30000, 10000, 60000, 'ms between registrations with name servers'),
  forceRegister: bool(true, 'register even when nothing changed'),
  brokerFastFailureEnable: bool(true, 'answer requests that waited too long with SYSTEM_BUSY'),
  waitTimeMillsInSendQueue: int(200, 1, int32Max, 'ms a send may wait'),
  waitTimeMillsInPullQueue: int(5000, 1, int32Max, 'ms a pull may wait'),
  waitTimeMillsInLitePullQueue: int(5000, 1, int32Max, 'ms a lite pull may wait'),
  waitTimeMillsInHeartbeatQueue: int(31000, 1, int32Max, 'ms a heartbeat may wait'),
  waitTimeMillsInTransactionQueue: int(3000, 1, int32Max, 'ms an END_TRANSACTION may wait'),
  waitTimeMillsInAckQueue: int(3000, 1, int32Max, 'ms an acknowledgement may wait'),
  waitTimeMillsInAdminBrokerQueue: int(5000, 1, int32Max, 'ms an admin request may wait'),
  sendThreadPoolQueueCapacity: int(10000, 1, int32Max, 'sends that may wait'),
  pullThreadPoolQueueCapacity: int(100000, 1, int32Max, 'pulls that may wait'),
  litePullThreadPoolQueueCapacity: int(100000, 1, int32Max, 'lite pulls that may wait'),
  queryThreadPoolQueueCapacity: int(20000, 1, int32Max, 'queries that may wait'),
  clientManagerThreadPoolQueueCapacity: int(1000000, 1, int32Max, 'client requests that may wait'),
  consumerManagerThreadPoolQueueCapacity: int(1000000, 1, int32Max, 'consumer requests that may wait'),
  heartbeatThreadPoolQueueCapacity: int(50000, 1, int32Max, 'heartbeats that may wait'),
  adminBrokerThreadPoolQueueCapacity: int(10000, 1, int32Max, 'admin requests that may wait'),
  channelExpiredTimeout: int(120000, 1000, int32Max, 'ms without heartbeat before a client is forgotten'),
  subscriptionExpiredTimeout: int(600000, 1000, int32Max, 'ms before a subscription without clients is forgotten'),
  startAcceptSendRequestTimeStamp: int(0, 0, Number.MAX_SAFE_INTEGER, 'ms since the epoch before which sends are refused'),
  enableSingleTopicRegister: bool(false, 'register one topic at a time'),
  enableMixedMessageType: bool(false, 'allow topics of message.type MIXED'),
  enableSplitMetadata: bool(true, 'answer topic and group tables in pages'),
  splitMetadataSize: int(2000, 1, int32Max, 'entries of such a page'),
  validateSystemTopicWhenUpdateTopic: bool(true, 'refuse changes of system topics'),
  enablePropertyFilter: bool(false, 'serve SQL92 filters; on where skylark start is given no configuration file'),
  filterSupportRetry: bool(false, 'judge pulls of retry topics that bring an expression by that of the original topic'),
  enableCalcFilterBitMap: bool(false, 'compute for each message the groups that may want it; kept with enableConsumeQueueExt'),
  maxErrorRateOfBloomFilter: int(20, 1, 99, 'percent of messages that pass those bits although they should not'),
  expectConsumerNumUseFilter: int(32, 1, 10000, 'groups with expressions that those bits are sized for'),
  filterDataCleanTimeSpan: int(86400000, 1000, int32Max, 'ms the expression of a group without clients is kept'),
  filterServerEnable: bool(false, 'ours: take registrations of filter servers'),
  filterServerNums: int(0, 0, 8, 'filter servers started beside the broker; they are taken without filterServerEnable'),
  maxMessageSize: int(4194304, 1, 134217728, 'bytes of a message body'),
  messageDelayLevel: text('1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h', 'the delay levels', /^\d+[smhd]( \d+[smhd]){0,63}$/, 'numbers with s, m, h or d, separated by a blank'),
  enableScheduleMessageStats: bool(true, 'count delayed messages'),
  syncFlushTimeout: int(5000, 1, 600000, 'ms a SYNC_FLUSH acknowledgement waits for the disk'),
  maxMsgsNumBatch: int(64, 1, 1024, 'messages of one QUERY_MESSAGE answer'),
  defaultQueryMaxNum: int(32, 1, 1024, 'messages of a query by unique key'),
  recallMessageEnable: bool(false, 'serve RECALL_MESSAGE'),
  allowRecallWhenBrokerNotWriteable: bool(true, 'also while brokerPermission lacks write'),
  timerWheelEnable: bool(true, 'serve messages that wait for a time'),
  timerPrecisionMs: int(1000, 100, 60000, 'ms of a slot of the timer wheel'),
  timerMaxDelaySec: int(259200, 1, int32Max, 'seconds a message may wait'),
  timerRollWindowSlot: int(172800, 2, int32Max, 'slots ahead from which a message is entered in steps'),
  timerFlushIntervalMs: int(1000, 10, 600000, 'ms between syncs of the timer files'),
  timerCongestNumEachSlot: int(int32Max, 1, int32Max, 'messages of one slot from which flow control begins'),
  timerStopEnqueue: bool(false, 'enter no timer messages'),
  timerStopDequeue: bool(false, 'deliver no timer messages'),
  appendTopicForTimerDeleteKey: bool(false, 'recall by topic and key, not by key alone'),
  mappedFileSizeTimerLog: int(104857600, 1024, 2147483647, 'bytes of a timer log file'),
  reviveQueueNum: int(8, 1, 64, 'queues of the revive topic that check points of POP are spread over'),
  reviveInterval: int(1000, 10, 600000, 'ms between looks at the revive topic'),
  popPollingSize: int(1024, 1, int32Max, 'pops of one topic, group and queue that may wait'),
  popPollingMapSize: int(100000, 1, int32Max, 'topics, groups and queues with pops that wait'),
  maxPopPollingSize: int(100000, 1, int32Max, 'pops that may wait at once'),
  popFromRetryProbability: int(20, 0, 100, 'percent of pops that look at the retry topic first'),
  popFromRetryProbabilityForPriority: int(0, 0, 100, 'the same for PRIORITY topics'),
  enableRetryTopicV2: bool(false, 'name retry topics of POP %RETRY%group+topic'),
  retrieveMessageFromPopRetryTopicV1: bool(true, 'with V2, look at retry topics V1 too'),
  initPopOffsetByCheckMsgInMem: bool(true, 'a new group pops from the start when the first message is in memory'),
  popResponseReturnActualRetryTopic: bool(false, 'give retried messages under the name of their retry topic'),
  serverLoadBalancerEnable: bool(true, 'QUERY_ASSIGNMENT shares queues out'),
  defaultMessageRequestMode: oneOf('PULL', ['PULL', 'POP'], 'how groups consume that nothing was set for'),
  defaultPopShareQueueNum: int(-1, -1, int32Max, 'clients that share a queue in that mode; -1 = all'),
  enableLmq: bool(false, 'enter messages in the light queues they name; with enableMultiDispatch. On where skylark start is given no configuration file'),
  enableMultiDispatch: bool(false, 'the same; both are needed'),
  maxLmqConsumeQueueNum: int(20000, 0, int32Max, 'light queues with enableLmqQuota'),
  enableLiteEventMode: bool(true, 'lite clients are told which of their topics have messages; else each pop looks at all of them'),
  liteEventCheckInterval: int(10000, 10, int32Max, 'ms between looks for clients that do not fetch their events'),
  maxClientEventCount: int(100, 1, int32Max, 'events that wait for a lite client whose group has no lite.sub.client.max.event.cnt'),
  liteEventFullDispatchDelayTime: int(10000, 50, int32Max, 'ms until a client whose events had no room is given all again'),
  liteEventFullDispatchDelayTimeForWildcardGroup: int(10000, 50, int32Max, 'the same for a wildcard group'),
  liteTtlCheckInterval: int(120000, 10, int32Max, 'ms between looks for expired lite topics'),
  minLiteTTl: int(900000, 0, int32Max, 'ms without a message that a lite topic is kept at least, also after a start'),
  liteSubscriptionCheckInterval: int(120000, 10, int32Max, 'ms between looks for silent lite subscriptions'),
  liteSubscriptionCheckTimeoutMills: int(180000, 10, int32Max, 'ms after which a silent lite subscription is forgotten'),
  maxLiteSubscriptionCount: int(100000, 0, int32Max, 'lite topics that clients may subscribe to together'),
  storePathConfigDir: text('', 'directory of the tables; default: config under the store root'),
};

/** Store keys. */
export const storeKeys: KeysOf<StoreConfig> = {
  storePathRootDir: text('./data', 'root of the store; Apache: $HOME/store'),
  storePathCommitLog: text('', 'directory of the CommitLog; default: commitlog under the root'),
  mappedFileSizeCommitLog: int(1073741824, 65536, 2147483648, 'bytes of a CommitLog file'),
  mappedFileSizeConsumeQueue: int(6000000, 20, 600000000, 'bytes of a ConsumeQueue file (20 an entry)'),
  mapperFileSizeBatchConsumeQueue: int(13800000, 46, 460000000, 'bytes of a batch ConsumeQueue file (46 a unit)'),
  flushIntervalCommitLog: int(500, 10, 600000, 'ms between syncs with ASYNC_FLUSH'),
  flushIntervalConsumeQueue: int(1000, 10, 600000, 'ms between writes of queue files'),
  flushDiskType: oneOf('ASYNC_FLUSH', ['ASYNC_FLUSH', 'SYNC_FLUSH'], 'when an acknowledgement is given'),
  syncFlushTimeout: brokerKeys.syncFlushTimeout,
  fileReservedTime: int(72, 1, 876000, 'hours a log file is kept'),
  deleteWhen: text('04', 'hours of the day at which expired files go', /^\d{2}(;\d{2})*$/, 'two-digit hours separated by ;'),
  cleanResourceInterval: int(10000, 100, 3600000, 'ms between looks for expired files'),
  deleteCommitLogFilesInterval: int(100, 0, 60000, 'ms between deletions'),
  diskMaxUsedSpaceRatio: int(75, 10, 95, 'percent of the disk from which old files go early'),
  diskSpaceCleanForciblyRatio: int(85, 1, 100, 'percent of the disk from which files go before their time; counts as 30 to 85'),
  diskSpaceWarningLevelRatio: int(90, 1, 100, 'percent of the disk from which messages are refused; counts as 35 to 90'),
  cleanFileForciblyEnable: bool(true, 'delete even unexpired files on a nearly full disk'),
  checkCRCOnRecover: bool(true, 'check each body at recovery'),
  maxMessageSize: brokerKeys.maxMessageSize,
  messageIndexEnable: bool(true, 'build the IndexFile'),
  messageIndexSafe: bool(false, 'count the index into the recovery point'),
  enableCompaction: bool(true, 'compaction logs for topics with cleanup.policy=COMPACTION'),
  compactionMappedFileSize: int(104857600, 1024, 1073741824, 'bytes of a compaction log file'),
  compactionCqMappedFileSize: int(10485760, 92, 1073741824, 'bytes of its queue file (46 a unit)'),
  compactionScheduleInternal: int(900000, 1, int32Max, 'ms between compactions of a queue, at the least'),
  maxOffsetMapSize: int(104857600, 2400, int32Max, 'bytes of memory for the keys of compactions'),
  compactionThreadNum: int(6, 1, 1024, 'compactions at a time; not more than processors'),
  maxHashSlotNum: int(5000000, 16, 100000000, 'slots of an IndexFile'),
  maxIndexNum: int(20000000, 16, 100000000, 'entries of an IndexFile'),
  maxMsgsNumBatch: brokerKeys.maxMsgsNumBatch,
  maxTransferBytesOnMessageInMemory: int(262144, 1, int32Max, 'bytes of a pull answer from memory'),
  maxTransferCountOnMessageInMemory: int(32, 1, 65536, 'messages of a pull answer from memory'),
  maxTransferBytesOnMessageInDisk: int(65536, 1, int32Max, 'bytes of a pull answer from disk'),
  maxTransferCountOnMessageInDisk: int(8, 1, 65536, 'messages of a pull answer from disk'),
  enableConsumeQueueExt: bool(false, 'keep tags, store time and filter bits of each message beside its queue entry'),
  mappedFileSizeConsumeQueueExt: int(50331648, 1024, 1073741824, 'bytes of such a file'),
  maxFilterMessageSize: int(16000, 20, int32Max, 'bytes of queue entries one pull looks at'),
  accessMessageInMemoryMaxRatio: int(40, 1, 95, 'percent of RAM that counts as memory'),
  commitLogRecoverMaxNum: int(10, 1, int32Max, 'files looked at in recovery'),
  enableLmq: brokerKeys.enableLmq,
  enableMultiDispatch: brokerKeys.enableMultiDispatch,
  enableLmqQuota: bool(false, 'make no more than maxLmqConsumeQueueNum light queues'),
  maxLmqConsumeQueueNum: brokerKeys.maxLmqConsumeQueueNum,
  autoMessageVersionOnTopicLen: bool(true, 'records of version 2 for topics over 127 bytes'),
  tailCacheBytesMax: int(64 << 20, 1 << 20, 2147483648, 'ours: bytes of recent log kept in memory'),
  readCacheBytesMax: int(64 << 20, 1 << 20, 2147483648, 'ours: bytes of older log kept for readers'),
};

/** Listening keys. */
export const serverKeys: KeysOf<ServerConfig> = {
  bindAddress: text('127.0.0.1', 'address to listen on; Apache: every interface'),
  serverChannelMaxIdleTimeSeconds: int(120, 1, 86400, 'seconds of silence before a connection is closed'),
  maxConnections: int(20000, 1, 1000000, 'ours: connections one port accepts'),
};

/** TLS keys: Apache's system properties (`TlsSystemConfig`), here keys of the configuration file. */
export const tlsKeys: KeysOf<TlsConfig> = {
  'tls.server.mode': oneOf(tlsDefaults['tls.server.mode'], ['disabled', 'permissive', 'enforcing'], 'TLS on the ports: never, beside plain connections, or only'),
  'tls.test.mode.enable': bool(tlsDefaults['tls.test.mode.enable'], 'TLS with a certificate made at start; no certificate is checked'),
  'tls.server.need.client.auth': text(tlsDefaults['tls.server.need.client.auth'], 'ask clients for a certificate (none, optional, require)'),
  'tls.server.keyPath': text(tlsDefaults['tls.server.keyPath'], 'PEM file of the private key'),
  'tls.server.keyPassword': text(tlsDefaults['tls.server.keyPassword'], 'password of the private key'),
  'tls.server.certPath': text(tlsDefaults['tls.server.certPath'], 'PEM file of the certificate chain'),
  'tls.server.authClient': bool(tlsDefaults['tls.server.authClient'], 'check the certificates of clients'),
  'tls.server.trustCertPath': text(tlsDefaults['tls.server.trustCertPath'], 'PEM file of the authorities for clients'),
  'tls.enable': bool(tlsDefaults['tls.enable'], 'dial name servers with TLS'),
  'tls.client.keyPath': text(tlsDefaults['tls.client.keyPath'], 'PEM file of the private key for dialling'),
  'tls.client.keyPassword': text(tlsDefaults['tls.client.keyPassword'], 'password of that key'),
  'tls.client.certPath': text(tlsDefaults['tls.client.certPath'], 'PEM file of the certificate chain for dialling'),
  'tls.client.authServer': bool(tlsDefaults['tls.client.authServer'], 'check the certificates of those we dial'),
  'tls.client.trustCertPath': text(tlsDefaults['tls.client.trustCertPath'], 'PEM file of the authorities for those we dial'),
  'tls.config.file': text(tlsDefaults['tls.config.file'], 'properties file whose values win over the keys above, except mode and enable'),
};

/** The configuration with what the file named by `tls.config.file` says (`TlsHelper#extractTlsConfigFromFile`). Throws ConfigError. */
export function withTlsFile(config: TlsConfig, content: string): TlsConfig {
  const settings = new Map<string, string>();
  for (const [key, value] of readProperties(content)) {
    if (Object.hasOwn(tlsKeys, key) && !['tls.server.mode', 'tls.enable', 'tls.config.file'].includes(key)) settings.set(key, value);
  }
  const given = Object.fromEntries([...settings.keys()].map((key) => [key, resolve(tlsKeys, settings)[key as keyof TlsConfig]]));
  return { ...config, ...given };
}

/** Name server keys. */
export const namesrvKeys: KeysOf<NamesrvConfig> = {
  kvConfigPath: text('', 'file of the KV configs; default: namesrv/kvConfig.json under the data directory'),
  configStorePath: text('', 'accepted for Apache; run-time changes are not written back'),
  listenPort: int(9876, 0, 65535, 'port of the name server; 0 picks a free one'),
  orderMessageEnable: bool(false, 'answer routes with orderTopicConf'),
  returnOrderTopicConfigToBroker: bool(true, 'answer registrations with the order topics'),
  clusterTest: bool(false, 'a test environment (answers as usual)'),
  scanNotActiveBrokerInterval: int(5000, 10, 3600000, 'ms between scans for silent brokers'),
  supportActingMaster: bool(false, 'show the smallest replica as master'),
  enableAllTopicList: bool(true, 'serve GET_ALL_TOPIC_LIST_FROM_NAMESERVER'),
  enableTopicList: bool(true, 'serve the other topic lists'),
  notifyMinBrokerIdChanged: bool(false, 'tell brokers when the smallest id of their group changed'),
  enableControllerInNamesrv: bool(false, 'run a controller inside (not built yet)'),
  needWaitForService: bool(false, 'refuse routes for waitSecondsForService after start'),
  waitSecondsForService: int(45, 0, 86400, 'seconds'),
  deleteTopicWithBrokerRegistration: bool(false, 'a full registration removes topics it does not name'),
  configBlackList: text('configBlackList;configStorePath;kvConfigPath', 'keys that no request may change'),
};

/** Filter server keys. */
export const filterServerKeys: KeysOf<FilterServerConfig> = {
  connectWhichBroker: text('127.0.0.1:10911', 'host:port of the broker', /^[^\s]+:\d{1,5}$/, 'host:port'),
  filterServerIP: text('', 'host that consumers are told; empty = the one listened on', /^[A-Za-z0-9.:[\]_-]{0,253}$/, 'a host'),
  listenPort: int(0, 0, 65535, 'port of the filter server; 0 picks a free one'),
  clientUploadFilterClassEnable: bool(true, 'take filter classes from consumers'),
  fsServerAsyncSemaphoreValue: int(512, 1, 65535, 'pulls at work at once; Apache: 2048'),
  filterJavaEnable: bool(true, 'ours: serve filters in Java, where there is a JDK'),
  filterJavaScriptEnable: bool(true, 'ours: serve filters in JavaScript'),
  filterJavaHome: text('', 'ours: directory of the JDK; empty = JAVA_HOME, else the one on PATH'),
  filterJavaWrapper: text('', 'ours: words of a command, separated by blanks, that each filter JVM is started under'),
  filterClassesMax: int(64, 1, 10000, 'ours: pairs of group and topic with a filter'),
  filterJavaClassesMax: int(8, 1, 1000, 'ours: of these in Java; each is a JVM'),
  filterSourceBytesMax: int(262144, 1, 4194304, 'ours: bytes of a source'),
  filterMemoryMb: int(64, 16, 4096, 'ours: MiB of heap of one filter'),
  filterMatchTimeoutMs: int(1000, 10, 60000, 'ours: ms one message may take'),
  filterCompileTimeoutMs: int(30000, 100, 600000, 'ours: ms a class may take to compile and start'),
  filterPullTimeMs: int(5000, 10, 25000, 'ours: ms one pull is judged; what is left is judged at the next'),
  filterServerDir: text('', 'ours: where it makes the folder of its files, anew at start; empty = in the temporary folder of the system'),
  filterClassIdleMs: int(600000, 1000, int32Max, 'ours: ms after which a filter that nobody uploads or uses is dropped'),
};

/** Keys of Apache's whose other values promise something we do not do: refused rather than ignored. */
const onlyValue: Readonly<Record<string, { readonly value: string; readonly why: string }>> = {
  brokerRole: { value: 'ASYNC_MASTER', why: 'replication is not built yet' },
  storeType: { value: 'default', why: 'only the file store is built' },
  enableDLegerCommitLog: { value: 'false', why: 'the DLedger log is not built' },
  enableControllerMode: { value: 'false', why: 'the controller is not built yet' },
  enableSlaveActingMaster: { value: 'false', why: 'replication is not built yet' },
  aclEnable: { value: 'false', why: 'access control is not built yet' },
  authenticationEnabled: { value: 'false', why: 'access control is not built yet' },
  authorizationEnabled: { value: 'false', why: 'access control is not built yet' },
  enableControllerInNamesrv: { value: 'false', why: 'the controller is not built yet' },
  enabledAppendPropCRC: { value: 'false', why: 'record checksums in properties are not written yet' },
  duplicationEnable: { value: 'false', why: 'replication is not built yet' },
};

/** Keys whose value is not ours to choose, as GET_BROKER_CONFIG shows them: tools read brokerRole there. */
export const fixedSettings: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(onlyValue).map(([key, { value }]) => [key, value])),
};

function resolve<C extends object>(keys: KeysOf<C>, settings: ReadonlyMap<string, string>): C {
  const result: Partial<C> = {};
  for (const key of Object.keys(keys) as (keyof C & string)[]) {
    const given = settings.get(key);
    result[key] = given === undefined ? keys[key].default : keys[key].read(key, given);
  }
  return result as C;
}

export interface Resolved {
  readonly broker: BrokerConfig;
  readonly store: StoreConfig;
  readonly server: ServerConfig;
  readonly namesrv: NamesrvConfig;
  readonly filterServer: FilterServerConfig;
  readonly tls: TlsConfig;
  /** Apache's keys that were given and have no effect here. */
  readonly ignored: readonly string[];
}

/**
 * Checks every given key and fills in defaults. `origin` names where the settings came from in error texts; `role` says whose listenPort
 * it is. Throws ConfigError for an unknown key, a value out of range, or a value that promises what is not built.
 */
export function resolveConfig(settings: ReadonlyMap<string, string>, origin: string, role: 'broker' | 'namesrv' | 'filterServer'): Resolved {
  const ignored: string[] = [];
  try {
    for (const [key, value] of settings) {
      const only = Object.hasOwn(onlyValue, key) ? onlyValue[key] : undefined;
      if (only !== undefined) {
        if (value.trim() !== only.value) throw new ConfigError(`${key} can only be ${only.value}: ${only.why}`);
        continue;
      }
      if (isKnown(key)) continue;
      if (apacheKeysWithoutEffect.has(key)) ignored.push(key);
      else throw new ConfigError(`unknown configuration key '${key}'`);
    }
    const withoutPort = new Map(settings);
    withoutPort.delete('listenPort');
    const forRole = (its: typeof role): ReadonlyMap<string, string> => (role === its ? settings : withoutPort);
    const broker = resolve(brokerKeys, forRole('broker'));
    const store = resolve(storeKeys, settings);
    if (store.mappedFileSizeConsumeQueue % 20 !== 0) {
      throw new ConfigError(`mappedFileSizeConsumeQueue must be a multiple of 20 (bytes of an entry), not ${store.mappedFileSizeConsumeQueue}`);
    }
    if ((store.mapperFileSizeBatchConsumeQueue ?? 0) % 46 !== 0) {
      throw new ConfigError(`mapperFileSizeBatchConsumeQueue must be a multiple of 46 (bytes of a unit), not ${store.mapperFileSizeBatchConsumeQueue ?? 0}`);
    }
    return {
      broker, store, ignored,
      server: resolve(serverKeys, settings),
      namesrv: resolve(namesrvKeys, forRole('namesrv')),
      filterServer: resolve(filterServerKeys, forRole('filterServer')),
      tls: resolve(tlsKeys, settings),
    };
  } catch (error) {
    if (error instanceof ConfigError && origin !== '') throw new ConfigError(`${origin}: ${error.message}`);
    throw error;
  }
}

/** True when the key has an effect here. */
export function isKnown(key: string): boolean {
  return Object.hasOwn(brokerKeys, key) || Object.hasOwn(storeKeys, key) || Object.hasOwn(serverKeys, key) || Object.hasOwn(namesrvKeys, key) || Object.hasOwn(tlsKeys, key)
    || Object.hasOwn(filterServerKeys, key);
}
