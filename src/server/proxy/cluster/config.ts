/**
 * The configuration of `skylark proxy`: the keys of Apache's rmq-proxy.json (`ProxyConfig` of 5.5.0) that have an effect here, with their defaults; those whose
 * value is not ours to choose, and those without effect. A value comes from the default, then the file, then flags.
 */
import { tlsDefaults, type TlsConfig } from '../../../remoting/index.js';
import { ConfigError, resolveConfig, tlsKeys } from '../../config.js';
import { proxyLimits } from '../validate.js';

export interface ProxyConfig {
  /** The cluster whose brokers are asked about groups. */
  readonly rocketMQClusterName: string;
  /** `HOST:PORT;...` */
  readonly namesrvAddr: string;
  readonly grpcServerPort: number;
  readonly remotingListenPort: number;
  /** Host that routes given to remoting clients name; empty = the one they reached us on. */
  readonly remotingAccessAddr: string;
  readonly localServeAddr: string;
  /** The remoting port takes gRPC as well. */
  readonly enableRemotingLocalProxyGrpc: boolean;
  readonly grpcMaxInboundMessageSize: number;
  readonly grpcMaxConcurrentCallsPerConnection: number;
  readonly grpcClientIdleTimeMills: number;
  readonly grpcShutdownTimeSeconds: number;
  /** Connections to each broker that gRPC clients share. */
  readonly rocketmqMQClientNum: number;
  readonly topicRouteServiceCacheRefreshSeconds: number;
  readonly topicRouteServiceCacheExpiredSeconds: number;
  readonly topicRouteServiceCacheMaxNum: number;
  readonly topicConfigCacheRefreshSeconds: number;
  readonly subscriptionGroupConfigCacheRefreshSeconds: number;
  readonly transactionHeartbeatPeriodSecond: number;
  readonly transactionHeartbeatBatchNum: number;
  /** Milliseconds after which a client without heartbeat is forgotten. */
  readonly channelExpiredTimeout: number;
  readonly enableTopicMessageTypeCheck: boolean;
  /** MSG_REGION and TRACE_ON of answers on the remoting port; undefined = the broker's. */
  readonly regionId: string | undefined;
  readonly traceOn: boolean | undefined;
  readonly tlsTestModeEnable: boolean;
  readonly tlsKeyPath: string;
  readonly tlsKeyPassword: string;
  readonly tlsCertPath: string;
  /** Ours: address to listen on. */
  readonly bindAddress: string;
  /** Ours: connections of one port. */
  readonly maxConnections: number;
}

type Read<T> = (key: string, value: unknown) => T;
interface Key<T> { readonly default: T; readonly read: Read<T>; readonly about: string }
type Keys = { readonly [K in keyof ProxyConfig]: Key<ProxyConfig[K]> };

const int32Max = 2_147_483_647;

function int(value: number, min: number, max: number, about: string): Key<number> {
  return {
    default: value, about,
    read: (key, given) => {
      const n = typeof given === 'number' ? given : typeof given === 'string' && /^\d{1,10}$/.test(given.trim()) ? Number(given.trim()) : NaN;
      if (!Number.isInteger(n) || n < min || n > max) throw new ConfigError(`${key} must be a whole number from ${min} to ${max}, not ${JSON.stringify(given)}`);
      return n;
    },
  };
}

const readBool: Read<boolean> = (key, given) => {
  if (given === true || given === 'true') return true;
  if (given === false || given === 'false') return false;
  throw new ConfigError(`${key} must be true or false, not ${JSON.stringify(given)}`);
};

const readText: Read<string> = (key, given) => {
  if (typeof given !== 'string' || /[\u0000-\u001f]/.test(given)) throw new ConfigError(`${key} must be text, not ${JSON.stringify(given)}`);
  return given.trim();
};

const bool = (value: boolean, about: string): Key<boolean> => ({ default: value, about, read: readBool });
const text = (value: string, about: string): Key<string> => ({ default: value, about, read: readText });

export const proxyKeys: Keys = {
  rocketMQClusterName: text('DefaultCluster', 'cluster whose brokers are asked about groups'),
  namesrvAddr: text('127.0.0.1:9876', 'name servers, separated by ;'),
  grpcServerPort: int(8081, 0, 65535, 'port of the gRPC endpoint; 0 picks a free one'),
  remotingListenPort: int(8080, 0, 65535, 'port of the remoting endpoint; 0 picks a free one'),
  remotingAccessAddr: text('', 'host that routes for remoting clients name; empty = the one they reached us on'),
  localServeAddr: text('', 'the same, when remotingAccessAddr is empty'),
  enableRemotingLocalProxyGrpc: bool(true, 'the remoting port takes gRPC as well'),
  grpcMaxInboundMessageSize: int(130 * 1024 * 1024, 1024, 512 * 1024 * 1024, 'bytes of a gRPC message'),
  grpcMaxConcurrentCallsPerConnection: int(10_000, 1, int32Max, 'calls at once on one gRPC connection'),
  grpcClientIdleTimeMills: int(120_000, 1000, int32Max, 'ms without a byte after which a gRPC connection is closed'),
  grpcShutdownTimeSeconds: int(30, 0, 3600, 'seconds that a stop waits for calls at work, at most 5'),
  rocketmqMQClientNum: int(6, 1, 64, 'connections to each broker that gRPC clients share'),
  topicRouteServiceCacheRefreshSeconds: int(20, 1, 86_400, 'seconds after which a route is asked for anew'),
  topicRouteServiceCacheExpiredSeconds: int(300, 1, 86_400, 'seconds after which what nobody asked for is forgotten'),
  topicRouteServiceCacheMaxNum: int(20_000, 1, 1_000_000, 'routes, topics and groups remembered, of each'),
  topicConfigCacheRefreshSeconds: int(20, 1, 86_400, 'seconds after which the type of a topic is asked for anew'),
  subscriptionGroupConfigCacheRefreshSeconds: int(20, 1, 86_400, 'seconds after which the settings of a group are asked for anew'),
  transactionHeartbeatPeriodSecond: int(20, 1, 3600, 'seconds between heartbeats to the brokers for producers of transactions'),
  transactionHeartbeatBatchNum: int(100, 1, 1000, 'producer groups of one such heartbeat'),
  channelExpiredTimeout: int(120_000, 1000, int32Max, 'ms after which a gRPC client without heartbeat is forgotten'),
  enableTopicMessageTypeCheck: bool(true, 'messages must be of the type of their topic, on the remoting port too'),
  regionId: { default: undefined, read: readText, about: 'MSG_REGION of answers on the remoting port; the broker\'s when not given' },
  traceOn: { default: undefined, read: readBool, about: 'TRACE_ON of answers on the remoting port; the broker\'s when not given' },
  tlsTestModeEnable: bool(true, 'TLS with a certificate made at the first handshake'),
  tlsKeyPath: text('', 'PEM file of the private key'),
  tlsKeyPassword: text('', 'its password'),
  tlsCertPath: text('', 'PEM file of the certificate chain'),
  bindAddress: text('127.0.0.1', 'ours: address to listen on'),
  maxConnections: int(20_000, 1, 1_000_000, 'ours: connections one port accepts'),
};

/** Keys whose other values promise something that is not done here. */
const onlyValue: Readonly<Record<string, { readonly value: string | number | boolean; readonly why: string }>> = {
  proxyMode: { value: 'CLUSTER', why: 'for the LOCAL mode start a broker: skylark start' },
  useDelayLevel: { value: false, why: 'messages are delivered at their time, not at levels' },
  enableMessageBodyEmptyCheck: { value: true, why: 'empty bodies are refused' },
  enableProxyAutoRenew: { value: true, why: 'received messages are renewed when their client wants it' },
  enableAclRpcHookForClusterMode: { value: false, why: 'access control is not built yet' },
  metricsExporterType: { value: 'DISABLE', why: 'metrics are not exported yet' },
  metricCollectorMode: { value: 'off', why: 'metrics are not collected yet' },
  namesrvDomain: { value: '', why: 'name servers are given by address' },
  maxMessageSize: { value: proxyLimits.bodyBytesMax, why: 'the limit is fixed' },
  maxUserPropertySize: { value: proxyLimits.userPropertyBytesMax, why: 'the limit is fixed' },
  userPropertyMaxNum: { value: proxyLimits.userPropertiesMax, why: 'the limit is fixed' },
  maxMessageGroupSize: { value: proxyLimits.messageGroupBytesMax, why: 'the limit is fixed' },
  maxLiteTopicSize: { value: proxyLimits.liteTopicBytesMax, why: 'the limit is fixed' },
  defaultInvisibleTimeMills: { value: 60_000, why: 'the time is fixed' },
  minInvisibleTimeMillsForRecv: { value: proxyLimits.receiveInvisibleMsMin, why: 'the limit is fixed' },
  maxInvisibleTimeMills: { value: proxyLimits.invisibleMsMax, why: 'the limit is fixed' },
  maxDelayTimeMills: { value: proxyLimits.delayMsMax, why: 'the limit is fixed' },
  maxTransactionRecoverySecond: { value: proxyLimits.transactionRecoverySecondsMax, why: 'the limit is fixed' },
  grpcClientConsumerLongPollingBatchSize: { value: proxyLimits.receiveMax, why: 'the limit is fixed' },
  grpcClientConsumerMinLongPollingTimeoutMillis: { value: proxyLimits.pollMsMin, why: 'the limit is fixed' },
  grpcClientConsumerMaxLongPollingTimeoutMillis: { value: proxyLimits.pollMsMax, why: 'the limit is fixed' },
};

/** Keys of `ProxyConfig` 5.5.0 that have no effect here, by reflection from the published jar. */
const withoutEffect: ReadonlySet<string> = new Set((
  'aclCacheExpiredSeconds aclCacheMaxNum aclCacheRefreshSeconds brokerConfigPath channelExpiredInSeconds consumerProcessorThreadPoolNums '
  + 'consumerProcessorThreadPoolQueueCapacity contextExpiredInSeconds detectInterval detectTimeout enableBatchAck enableGrpcEpoll enablePrintJstack grpcBossLoopNum '
  + 'grpcClientManagerThreadPoolNums grpcClientManagerThreadQueueCapacity grpcClientProducerBackoffInitialMillis grpcClientProducerBackoffMaxMillis '
  + 'grpcClientProducerBackoffMultiplier grpcClientProducerMaxAttempts grpcConsumerThreadPoolNums grpcConsumerThreadQueueCapacity grpcProducerThreadPoolNums '
  + 'grpcProducerThreadQueueCapacity grpcProxyRelayRequestTimeoutInSeconds grpcRouteThreadPoolNums grpcRouteThreadQueueCapacity grpcThreadPoolNums '
  + 'grpcThreadPoolQueueCapacity grpcTransactionThreadPoolNums grpcTransactionThreadQueueCapacity grpcWorkerLoopNum heartbeatSyncerThreadPoolNums '
  + 'heartbeatSyncerThreadPoolQueueCapacity heartbeatSyncerTopicClusterName heartbeatSyncerTopicName invisibleTimeMillisWhenClear localProxyConnectTimeoutMs '
  + 'lockTimeoutMsInHandleGroup longPollingReserveTimeInMillis maxLiteRenewNumPerChannel maxRenewRetryTimes maxSyncLiteSubscriptionRate messageDelayLevel '
  + 'metadataThreadPoolNums metadataThreadPoolQueueCapacity metricCollectorAddress metricGrpcExporterIntervalInMills metricGrpcExporterTimeOutInMills '
  + 'metricLoggingExporterIntervalInMills metricsGrpcExporterHeader metricsGrpcExporterTarget metricsInDelta metricsLabel metricsPromExporterHost '
  + 'metricsPromExporterPort namesrvDomainSubgroup printJstackInMillis printThreadPoolStatusInMillis producerProcessorThreadPoolNums '
  + 'producerProcessorThreadPoolQueueCapacity proxyClusterName proxyName remotingDefaultThreadPoolNums remotingDefaultThreadPoolQueueCapacity '
  + 'remotingHeartbeatThreadPoolNums remotingHeartbeatThreadPoolQueueCapacity remotingPullMessageThreadPoolNums remotingPullThreadPoolQueueCapacity '
  + 'remotingSendMessageThreadPoolNums remotingSendThreadPoolQueueCapacity remotingTopicRouteThreadPoolNums remotingTopicRouteThreadPoolQueueCapacity '
  + 'remotingUpdateOffsetThreadPoolNums remotingUpdateOffsetThreadPoolQueueCapacity remotingWaitTimeMillsInDefaultQueue remotingWaitTimeMillsInHeartbeatQueue '
  + 'remotingWaitTimeMillsInPullQueue remotingWaitTimeMillsInSendQueue remotingWaitTimeMillsInTopicRouteQueue remotingWaitTimeMillsInUpdateOffsetQueue '
  + 'renewAheadTimeMillis renewMaxThreadPoolNums renewMaxTimeMillis renewSchedulePeriodMillis renewThreadPoolNums renewThreadPoolQueueCapacity '
  + 'returnHandleGroupThreadPoolNums sendLatencyEnable startDetectorEnable subscriptionGroupConfigCacheExpiredSeconds subscriptionGroupConfigCacheMaxNum '
  + 'tlsCertWatchIntervalMs topicConfigCacheExpiredSeconds topicConfigCacheMaxNum topicRouteServiceThreadPoolNums topicRouteServiceThreadPoolQueueCapacity '
  + 'transactionDataExpireMillis transactionDataExpireScanPeriodMillis transactionDataMaxNum transactionDataMaxWaitClearMillis '
  + 'transactionHeartbeatThreadPoolNums transactionHeartbeatThreadPoolQueueCapacity useEndpointPortFromRequest userCacheExpiredSeconds userCacheMaxNum '
  + 'userCacheRefreshSeconds').split(' '));

export interface ResolvedProxy {
  readonly config: ProxyConfig;
  readonly tls: TlsConfig;
  /** Apache's keys that were given and have no effect here. */
  readonly ignored: readonly string[];
}

/** The settings of a file's text (rmq-proxy.json). Throws ConfigError. */
export function readProxyFile(path: string, content: string): ReadonlyMap<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    throw new ConfigError(`${path} is no JSON: ${error instanceof Error ? error.message : String(error)} (Apache's form of it: {"namesrvAddr": "127.0.0.1:9876"})`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ConfigError(`${path} must hold one JSON object, such as {"namesrvAddr": "127.0.0.1:9876"}`);
  return new Map(Object.entries(value));
}

/** Checks every given key and fills in defaults. Throws ConfigError for an unknown key, a value out of range, or a value that promises what is not built. */
export function resolveProxyConfig(settings: ReadonlyMap<string, unknown>, origin = ''): ResolvedProxy {
  const at = origin === '' ? '' : `${origin}: `;
  const ignored: string[] = [];
  const given: Record<string, unknown> = {};
  const tls = new Map<string, string>();
  for (const [key, value] of settings) {
    const only = Object.hasOwn(onlyValue, key) ? onlyValue[key] : undefined;
    if (only !== undefined) {
      const same = typeof only.value === 'string' ? String(value).toLowerCase() === only.value.toLowerCase() : value === only.value || String(value) === String(only.value);
      if (!same) throw new ConfigError(`${at}${key} can only be ${JSON.stringify(only.value)}: ${only.why}`);
    } else if (Object.hasOwn(proxyKeys, key)) {
      try {
        given[key] = proxyKeys[key as keyof ProxyConfig].read(key, value);
      } catch (error) {
        throw error instanceof ConfigError ? new ConfigError(`${at}${error.message}`) : error;
      }
    } else if (Object.hasOwn(tlsKeys, key)) tls.set(key, String(value));
    else if (withoutEffect.has(key)) ignored.push(key);
    else throw new ConfigError(`${at}unknown configuration key '${key}'`);
  }
  const defaults = Object.fromEntries(Object.entries(proxyKeys).map(([key, { default: value }]) => [key, value]));
  const config = { ...defaults, ...given } as unknown as ProxyConfig;
  if (!config.tlsTestModeEnable && (config.tlsKeyPath === '' || config.tlsCertPath === '')) {
    throw new ConfigError(`${at}tlsTestModeEnable is false: tlsKeyPath and tlsCertPath must name the key and the certificate`);
  }
  const own = {
    'tls.test.mode.enable': config.tlsTestModeEnable, 'tls.server.keyPath': config.tlsKeyPath, 'tls.server.keyPassword': config.tlsKeyPassword,
    'tls.server.certPath': config.tlsCertPath, 'tls.config.file': '',
  };
  const tlsGiven = Object.fromEntries([...tls.keys()].map((key) => [key, resolveConfig(tls, origin, 'broker').tls[key as keyof TlsConfig]]));
  return { config, tls: { ...tlsDefaults, ...own, ...tlsGiven }, ignored };
}
