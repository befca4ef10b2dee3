/** The broker itself: its runtime figures, its configuration, and the few keys of it that may change while it runs. */
import { readProperties, writeProperties } from '../../compat/properties-file.js';
import { Refusal } from '../../codec/errors.js';
import { currentVersion } from '../../codec/command.js';
import type { LaneName } from '../../codec/requests.js';
import { responseCodes } from '../../codec/responses.js';
import { versionName } from '../../compat/versions.js';
import type { LaneSet } from '../../remoting/lanes.js';
import type { Handlers } from '../../remoting/types.js';
import { brokerKeys, ConfigError, storeKeys } from '../config.js';
import type { BrokerConfig, StoreConfig } from '../config-types.js';
import { jsonReply, success } from './admin.js';
import type { AdminParts } from './admin.js';
import { newDataVersion, nextDataVersion } from './data-version.js';
import { writeJson } from '../../compat/fastjson.js';
import type { DiskSpace } from '../../store/disk.js';
import { encodeTimerCheckpoint } from '../../codec/timer-records.js';
import { javaDoubleText } from '../../compat/java-number.js';
import type { Timers } from '../timer/timers.js';
import type { DelayOffsets } from './schedule.js';
import { statsData } from './statistics.js';
import { shown } from './topic-names.js';
import type { DataVersion } from './types.js';

type RuntimeHandlers = Pick<Handlers,
  'GET_BROKER_RUNTIME_INFO' | 'GET_BROKER_CONFIG' | 'UPDATE_BROKER_CONFIG' | 'VIEW_BROKER_STATS_DATA' | 'GET_ALL_DELAY_OFFSET' | 'GET_BROKER_HA_STATUS' |
  'GET_TIMER_CHECK_POINT' | 'GET_TIMER_METRICS' | 'RESET_MASTER_FLUSH_OFFSET' | 'GET_BROKER_EPOCH_CACHE' | 'POP_ROLLBACK'>;

/** Keys that parts of the broker read anew at each use, so that a change takes effect at once. No path, no program, no address, no limit of memory. */
const runtimeBrokerKeys = [
  'allowRecallWhenBrokerNotWriteable', 'autoCreateSubscriptionGroup', 'autoCreateTopicEnable', 'brokerPermission', 'cgColdReadThreshold',
  'channelExpiredTimeout', 'consumerFallbehindThreshold', 'consumerOffsetUpdateVersionStep', 'defaultQueryMaxNum',
  'disableConsumeIfConsumerReadSlowly', 'enableBroadcastOffsetStore', 'enableMixedMessageType',
  'enableRetryTopicV2', 'enableSplitMetadata', 'globalColdReadThreshold', 'initPopOffsetByCheckMsgInMem', 'litePullMessageEnable',
  'longPollingEnable', 'notifyConsumerIdsChangedEnable', 'popFromRetryProbability', 'popResponseReturnActualRetryTopic', 'recallMessageEnable',
  'regionId', 'rejectTransactionMessage', 'retrieveMessageFromPopRetryTopicV1', 'serverLoadBalancerEnable', 'shortPollingTimeMills',
  'slaveReadEnable', 'splitMetadataSize', 'startAcceptSendRequestTimeStamp', 'storeReplyMessageEnable', 'timerStopDequeue', 'timerStopEnqueue',
  'traceOn', 'transactionCheckInterval', 'transactionCheckMax', 'transactionOpBatchInterval', 'transactionOpMsgMaxSize', 'transactionTimeOut',
  'useServerSideResetOffset', 'validateSystemTopicWhenUpdateTopic',
] as const satisfies readonly (keyof BrokerConfig)[];

/** The same of the store. */
const runtimeStoreKeys = [
  'cleanFileForciblyEnable', 'cleanResourceInterval', 'deleteCommitLogFilesInterval', 'deleteWhen', 'diskMaxUsedSpaceRatio', 'fileReservedTime',
  'maxTransferBytesOnMessageInDisk', 'maxTransferBytesOnMessageInMemory', 'maxTransferCountOnMessageInDisk', 'maxTransferCountOnMessageInMemory',
] as const satisfies readonly (keyof StoreConfig)[];

type RuntimeBrokerKey = (typeof runtimeBrokerKeys)[number];
type RuntimeStoreKey = (typeof runtimeStoreKeys)[number];

export interface RuntimeParts extends AdminParts {
  readonly lanes: LaneSet;
  /** The store's configuration: the very object it reads. */
  readonly storeConfig: Partial<StoreConfig>;
  /** Further configuration to show. Shown only. */
  readonly shownConfig: object;
  /** Next offset to deliver of each delay level. */
  readonly delayOffsets: () => DelayOffsets;
  /** Undefined when there are none. */
  readonly timers: Timers | undefined;
  /** Of the file system that holds the store; undefined when it cannot be asked. */
  readonly storeSpace: () => DiskSpace | undefined;
  /** Registers everything anew after a change that routes show. */
  readonly reregister: () => Promise<void>;
}

/** Lanes whose figures GET_BROKER_RUNTIME_INFO has, under these names. */
const shownLanes = { send: 'sendThreadPoolQueue', pull: 'pullThreadPoolQueue', litePull: 'litePullThreadPoolQueue', query: 'queryThreadPoolQueue', ack: 'ackThreadPoolQueue' } as const;

/** `MixAll#humanReadableByteCount` with binary units. */
export function byteCount(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.floor(Math.log(bytes) / Math.log(1024));
  return `${(bytes / 1024 ** power).toFixed(1)} ${'KMGTPE'.charAt(power - 1)}iB`;
}

function isOneOf<const K extends string>(keys: readonly K[], key: string): key is K {
  return (keys as readonly string[]).includes(key);
}

/** Reads a new value; the change is made by what is returned. Throws ConfigError. Undefined: the key cannot change while the broker runs. */
function changeOf(broker: BrokerConfig, store: Partial<StoreConfig>, key: string, text: string): (() => void) | undefined {
  if (isOneOf(runtimeBrokerKeys, key)) return assign<RuntimeBrokerKey, BrokerConfig>(broker, key, brokerKeys[key].read(key, text));
  if (isOneOf(runtimeStoreKeys, key)) return assign<RuntimeStoreKey, Partial<StoreConfig>>(store, key, storeKeys[key].read(key, text));
  return undefined;
}

function assign<K extends string, C extends { [P in K]?: unknown }>(config: C, key: K, value: C[K]): () => void {
  return () => {
    config[key] = value;
  };
}

/** What Apache shows of times and sizes before anything happened. Here none of them is measured (`StoreStatsService#getRuntimeInfo`). */
const unmeasured: Readonly<Record<string, string>> = {
  putMessageEntireTimeMax: '0',
  getMessageEntireTimeMax: '0',
  putMessageDistributeTime: [
    '<=0ms', '0~10ms', '10~50ms', '50~100ms', '100~200ms', '200~500ms', '500ms~1s', '1~2s', '2~3s', '3~4s', '4~5s', '5~10s', '10s~',
  ].map((range) => `[${range}]:0 `).join(''),
  putLatency99: '0.00',
  putLatency999: '0.00',
  // Nobody sets it in Apache either.
  dispatchMaxBuffer: '0',
};

export function createRuntimeHandlers(parts: RuntimeParts): RuntimeHandlers {
  const { ctx, statistics, lanes, topics } = parts;
  const { store, clock, config } = ctx;
  let configVersion: DataVersion = newDataVersion(clock.nowMs());

  const laneFigures = (): Record<string, string> => {
    const figures: Record<string, string> = {};
    const now = clock.nowMs();
    for (const [name, key] of Object.entries(shownLanes) as [LaneName, string][]) {
      const lane = lanes.get(name);
      figures[`${key}Size`] = String(lane.size);
      figures[`${key}Capacity`] = String(lane.limits.capacity);
      figures[`${key}HeadWaitTimeMills`] = String(lane.headWaitTimeMs(now));
    }
    const transactions = lanes.get('endTransaction');
    figures.EndTransactionQueueSize = String(transactions.size);
    figures.EndTransactionThreadPoolQueueCapacity = String(transactions.limits.capacity);
    return figures;
  };

  const timerFigures = (): Record<string, string> => {
    const figures = parts.timers?.figures();
    return {
      timerReadBehind: String(figures?.readBehindSec ?? 0),
      timerOffsetBehind: String(figures?.offsetBehind ?? 0),
      timerCongestNum: String(figures?.congestNum ?? 0),
      timerEnqueueTps: javaDoubleText(figures?.enqueueTps ?? 0),
      timerDequeueTps: javaDoubleText(figures?.dequeueTps ?? 0),
    };
  };

  return {
    GET_TIMER_CHECK_POINT() {
      if (parts.timers === undefined) throw new Refusal(responseCodes.SYSTEM_ERROR, 'The checkpoint is null');
      return { code: responseCodes.SUCCESS, body: encodeTimerCheckpoint(parts.timers.checkpoint()) };
    },

    GET_TIMER_METRICS() {
      if (parts.timers === undefined) throw new Refusal(responseCodes.SYSTEM_ERROR, 'The timer message store is null');
      return { code: responseCodes.SUCCESS, body: Buffer.from(parts.timers.metrics.text(false), 'utf8') };
    },

    async GET_BROKER_RUNTIME_INFO() {
      const { positions } = store;
      const table: Record<string, string> = {
        ...unmeasured,
        ...store.runtimeInfo(),
        ...statistics.rates(),
        ...statistics.totals(),
        ...laneFigures(),
        brokerActive: 'true',
        brokerVersionDesc: versionName(currentVersion) ?? String(currentVersion),
        dispatchBehindBytes: String(Math.max(0, positions.confirmed - positions.dispatched)),
        pageCacheLockTimeMills: '0',
        earliestMessageTimeStamp: String(await store.earliestStoreTime()),
        startAcceptSendRequestTimeStamp: String(config.startAcceptSendRequestTimeStamp),
        ...timerFigures(),
        remainTransientStoreBufferNumbs: '2147483647',
        remainHowManyDataToFlush: byteCount(Math.max(0, positions.written - positions.flushed)),
      };
      const space = parts.storeSpace();
      if (space !== undefined) table['commitLogDirCapacity'] = `Total : ${byteCount(space.totalBytes)}, Free : ${byteCount(space.freeBytes)}.`;
      for (const [level, offset] of parts.delayOffsets().offsetTable) {
        const max = topics.get('SCHEDULE_TOPIC_XXXX')?.queues[level - 1]?.maxOffset ?? 0;
        table[`scheduleMessageOffset_${level}`] = `${offset},${max}`;
      }
      return jsonReply({ table: new Map(Object.entries(table)) });
    },

    GET_BROKER_CONFIG() {
      const all = new Map<string, string>();
      for (const source of [parts.storeConfig, parts.shownConfig, config]) {
        for (const [key, value] of Object.entries(source) as [string, unknown][]) {
          if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') all.set(key, String(value));
        }
      }
      const sorted = [...all].sort(([a], [b]) => (a < b ? -1 : 1));
      return {
        code: responseCodes.SUCCESS,
        header: { version: writeJson({ ...configVersion }) },
        body: Buffer.from(writeProperties(sorted)),
      };
    },

    async UPDATE_BROKER_CONFIG(_request, _header, body) {
      const changes: (() => void)[] = [];
      const wanted = readProperties(body.toString('utf8'));
      for (const [key, text] of wanted) {
        let change: (() => void) | undefined;
        try {
          change = changeOf(config, parts.storeConfig, key, text);
        } catch (error) {
          if (error instanceof ConfigError) throw new Refusal(responseCodes.INVALID_PARAMETER, shown(error.message));
          throw error;
        }
        if (change === undefined) {
          throw new Refusal(responseCodes.NO_PERMISSION,
            `Can not update config in black list. ${shown(key)} cannot change while the broker runs; these can: ${[...runtimeBrokerKeys, ...runtimeStoreKeys].sort().join(', ')}`);
        }
        changes.push(change);
      }
      for (const change of changes) change();
      if (changes.length > 0) {
        configVersion = nextDataVersion(configVersion, clock.nowMs());
        ctx.log.info({ keys: [...wanted.keys()] }, 'configuration changed at run time');
      }
      if (wanted.has('brokerPermission')) await parts.reregister();
      return success;
    },

    /** A master without slaves (`DefaultHAService#getRuntimeInfo`). */
    GET_BROKER_HA_STATUS() {
      return jsonReply({
        haClientRuntimeInfo: { lastReadTimestamp: 0, lastWriteTimestamp: 0, masterFlushOffset: 0, maxOffset: 0, transferredByteInSecond: 0 },
        haConnectionInfo: [],
        inSyncSlaveNums: 0,
        master: true,
        masterCommitLogMaxOffset: store.positions.written,
      });
    },

    /** Only a slave has the flush offset of a master; a master answers and does nothing (`AdminBrokerProcessor#resetMasterFlushOffset`). */
    RESET_MASTER_FLUSH_OFFSET: () => success,

    GET_BROKER_EPOCH_CACHE() {
      throw new Refusal(responseCodes.SYSTEM_ERROR, 'this request only for controllerMode ');
    },

    /** Records of POP are in the files already (`AdminBrokerProcessor#transferPopToFsStore`). */
    POP_ROLLBACK: () => success,

    VIEW_BROKER_STATS_DATA(_request, header) {
      const item = statistics.item(header.statsName, header.statsKey);
      if (item === undefined) {
        throw new Refusal(responseCodes.SYSTEM_ERROR, `The stats <${shown(header.statsName)}> <${shown(header.statsKey)}> not exist`);
      }
      return jsonReply(statsData(item));
    },

    GET_ALL_DELAY_OFFSET() {
      return jsonReply({ ...parts.delayOffsets() });
    },
  };
}
