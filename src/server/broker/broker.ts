/**
 * One broker, composed: tables, registries, handlers, timers, registration with name servers. It owns no socket, no disk and no store: those are
 * given, opened, by node.ts, which also decides when to listen.
 */
import * as path from 'node:path';
import { hostBytes } from '../../codec/host-address.js';
import { Fault } from '../../codec/errors.js';
import { LaneSet } from '../../remoting/lanes.js';
import type { Clock, FastHandler, Handlers, Lanes, Log, TimerHandle, Turn } from '../../remoting/types.js';
import type { RequestName } from '../../codec/requests.js';
import type { Disk } from '../../store/disk.js';
import type { MessageStore } from '../../store/types.js';
import type { BrokerConfig, StoreConfig } from '../config-types.js';
import { TransactionCounts } from '../transaction/counts.js';
import { createTransactions } from '../transaction/transactions.js';
import type { Transactions } from '../transaction/transactions.js';
import { createConnectionHandlers } from './admin-clients.js';
import { createGroupHandlers } from './admin-groups.js';
import { createOffsetHandlers } from './admin-offsets.js';
import { createRuntimeHandlers } from './admin-runtime.js';
import { createTopicHandlers } from './admin-topics.js';
import { ConsumerTable } from './consumers.js';
import { parseDelayLevels } from './delay-levels.js';
import { SubscriptionGroupTable } from './groups.js';
import { createCalcBitMap } from '../filter/calc-bit-map.js';
import { ExpressionCache } from '../filter/expression.js';
import { ConsumerFilterTable } from '../filter/filter-data.js';
import { createFilterRegistry } from '../filter/message-filter.js';
import { FilterServers } from '../filter-server/filter-servers.js';
import { createClientHandlers } from './heartbeat.js';
import type { Hold } from './hold.js';
import { brokerLanes } from './lanes.js';
import { brokerLimits } from './limits.js';
import type { BrokerLimits } from './limits.js';
import { createLockHandlers } from './lock-handlers.js';
import { QueueLockTable } from './locks.js';
import { ConsumerOffsetTable } from './offsets.js';
import { createMessageQuery } from './message-query.js';
import { ProducerTable } from './producers.js';
import { createColdHandlers } from './admin-cold.js';
import { ColdDataControl } from '../flow/cold-data.js';
import { FlowControl } from '../flow/flow-control.js';
import type { RuleFile } from '../flow/flow-control.js';
import { ruleFileBytesMax } from '../flow/rules.js';
import { createLiteService } from '../lite/create.js';
import type { LiteService } from '../lite/create.js';
import { createPopService } from '../pop/create.js';
import type { PopService } from '../pop/create.js';
import { createPull } from './pull.js';
import { createReplyHandlers } from './reply.js';
import { Registration } from './registration.js';
import type { NamesrvCaller } from './registration.js';
import { mappingInfo } from '../static/mapping.js';
import { MappingClean, mappingCleanMs } from '../static/mapping-clean.js';
import { MappingTable } from '../static/mapping-table.js';
import { BrokerPeers } from '../static/peers.js';
import { createStaticTopics } from '../static/static-topics.js';
import { createSchedule } from './schedule.js';
import { createSend } from './send.js';
import { createRecall } from '../timer/recall.js';
import { createTimers } from '../timer/timers.js';
import type { Timers } from '../timer/timers.js';
import { SlowConsumers } from './slow-consumers.js';
import { Statistics } from './statistics.js';
import { createTopicRoutes } from './topic-routes.js';
import { isCompacted, TopicConfigTable } from './topics.js';
import type { BrokerContext, TopicConfig } from './types.js';

/** How often clients without heartbeats are looked for, in milliseconds (`ClientHousekeepingService`). */
const clientScanPeriodMs = 10_000;

/** `MessageStoreConfig#fileReservedTime` where the store's configuration is not shown. */
const fileReservedHoursDefault = 72;

export interface BrokerOptions {
  readonly config: BrokerConfig;
  /** Open and recovered. The broker neither opens nor closes it. */
  readonly store: MessageStore;
  /** For config/*.json under `config.storePathConfigDir`. */
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  readonly turn: Turn;
  /** Calls name servers. */
  readonly client: NamesrvCaller;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** The address the ports are bound to; `0.0.0.0` and `::` are unspecific: see `Broker.routeHost`. */
  readonly listenHost: string;
  /** An address of this machine that peers can reach, for an unspecific `listenHost`; `127.0.0.1` when absent. */
  readonly machineHost?: string | undefined;
  /** Bounds other than `brokerLimits`. */
  readonly limits?: Partial<BrokerLimits> | undefined;
  /** The configuration the store was opened with, the very object: some of it may change while the broker runs. */
  readonly storeConfig?: Partial<StoreConfig> | undefined;
  /** Further configuration that GET_BROKER_CONFIG shows. */
  readonly shownConfig?: object | undefined;
}

export interface Broker {
  readonly handlers: Partial<Handlers>;
  readonly fast: { readonly [N in RequestName]?: FastHandler };
  /** Bounds of the lanes. */
  readonly lanes: Lanes;
  /** The lanes themselves, for the dispatchers of this broker's ports: runtime figures are read from them. */
  readonly laneSet: LaneSet;
  readonly context: BrokerContext;
  readonly topics: TopicConfigTable;
  readonly groups: SubscriptionGroupTable;
  readonly offsets: ConsumerOffsetTable;
  readonly consumers: ConsumerTable;
  readonly producers: ProducerTable;
  readonly locks: QueueLockTable;
  readonly registration: Registration;
  readonly statistics: Statistics;
  /** Undefined when timerWheelEnable is off. */
  readonly timers: Timers | undefined;
  /** Pulls that wait: how many, and how many found no room. */
  readonly hold: Pick<Hold, 'count' | 'turnedAway'>;
  readonly transactions: Transactions;
  /** POP: what waits to be brought back, for figures and tests. */
  readonly pop: Pick<PopService, 'revive'>;
  /** Lite topics: who has which, for figures and tests. */
  readonly lite: Pick<LiteService, 'subscriptions' | 'queues'>;
  /** Tells the port that was bound; the broker's address is fixed from here on. Call before any request is served. */
  listening(port: number): void;
  /** Begins timers and registers with the name servers; resolves when each of them answered or failed once. */
  start(): Promise<void>;
  /** Leaves the name servers, answers held pulls, ends deliveries, saves the tables. The ports should no longer accept requests; the store is still open. */
  stop(): Promise<void>;
  /**
   * The host that a route given to a client should name for this broker, when the client reached us on `localHost`; undefined = the registered one.
   * Without a configured `brokerIP1` the address given to clients follows the one they came by.
   */
  routeHost(localHost: string): string | undefined;
}

/** `0.0.0.0` or `::`: every address of the machine. */
export function isUnspecific(host: string): boolean {
  return host === '' || host === '0.0.0.0' || host === '::' || host === '[::]';
}

/** Composes a broker and loads its tables. Throws a Fault when a table on disk cannot be read or the configuration contradicts itself. */
export function createBroker(options: BrokerOptions): Broker {
  const { config, store, disk, clock, log, turn } = options;
  const limits: BrokerLimits = { ...brokerLimits, ...options.limits };
  const mappings = new MappingTable({ config, disk, clock, log, turn });
  mappings.load();
  const topics = new TopicConfigTable({ config, limits, store, disk, clock, log, turn, isMapped: (topic) => mappings.get(topic) !== undefined });
  mappings.onChange = (topic) => topics.refresh(topic);
  const groups = new SubscriptionGroupTable({ config, limits, disk, clock, log, turn });
  const statistics = new Statistics(clock, config.brokerClusterName, (topic) => topics.isSystem(topic));
  const offsets = new ConsumerOffsetTable({ config, disk, clock, log });
  topics.load();
  groups.load();
  offsets.load();
  const filterTable = new ConsumerFilterTable({ config, disk, clock, log, expressions: new ExpressionCache() });
  filterTable.load();
  if (config.enableCalcFilterBitMap) store.setBitMapOf(createCalcBitMap(filterTable));
  const consumers = new ConsumerTable({ config, clock, log, turn, listener: filterTable });
  const producers = new ProducerTable({ clock, log, config });
  const locks = new QueueLockTable(clock);

  const host = config.brokerIP1 !== '' ? config.brokerIP1 : isUnspecific(options.listenHost) ? (options.machineHost ?? '127.0.0.1') : options.listenHost;
  let port = config.listenPort;
  let storeHost = encodeStoreHost(host, port);
  const textHost = host.includes(':') ? `[${host}]` : host;

  const context: BrokerContext = {
    config, limits, clock, log, turn, store, topics, groups, offsets, consumers, producers, locks,
    filters: createFilterRegistry({ table: filterTable, filterSupportRetry: config.filterSupportRetry }),
    random: options.random,
    brokerAddress: () => `${textHost}:${port}`,
    storeHost: () => storeHost,
    pulled: (group, topic, messages) => statistics.get(group, topic, messages),
  };

  const delays = parseDelayLevels(config.messageDelayLevel);
  if (typeof delays === 'string') throw new Fault(`messageDelayLevel: ${delays}`);
  const compact = (config: TopicConfig): void => {
    if (!isCompacted(config)) return;
    for (let queueId = 0; queueId < config.writeQueueNums; queueId++) store.compact(store.queue(config.topicName, queueId));
  };
  for (const topic of topics.all()) compact(topic.config);
  topics.onChange((changed) => changed.forEach(compact));
  const halfCounts = new TransactionCounts({ config, disk, clock, log });
  halfCounts.load();
  const send = createSend(context, delays, (topic) => halfCounts.add(topic, 1));
  const schedule = createSchedule(send.parts, disk);
  schedule.load();
  const storeConfig = options.storeConfig ?? {};
  const storeDir = storeConfig.storePathRootDir;
  const timers = config.timerWheelEnable
    ? createTimers(send.parts, { disk, root: storeDir ?? path.dirname(config.storePathConfigDir), wheelSlots: limits.timerWheelSlots })
    : undefined;
  if (timers !== undefined) {
    send.parts.timerNum = (timeMs) => timers.num(timeMs);
    timers.load();
  }
  const cold = new ColdDataControl(config, clock);
  const flow = config.flowRuleFile === '' ? undefined : new FlowControl({ clock, log, file: diskRuleFile(disk, config.flowRuleFile) });
  const pull = createPull(context, { cold, flow });
  const routes = createTopicRoutes(context, options.client);
  const lite = createLiteService(context, routes, () => offsets.entries);
  const pop = createPopService({ put: send.parts, disk, routes, lite: lite.acking, timersBehindMs: () => (timers?.figures().readBehindSec ?? 0) * 1000 });
  pop.load();
  store.onArrival((queue, from, to) => statistics.put(queue.topic, to - from));
  const filterServers = config.filterServerEnable || config.filterServerNums > 0
    ? new FilterServers({ config, clock, log, changed: () => registration.refresh() })
    : undefined;
  const registration = new Registration({
    config, topics, clock, log,
    filterServers: () => filterServers?.list() ?? [],
    mappingOf: (topic) => {
      const detail = mappings.get(topic);
      return detail === undefined ? undefined : mappingInfo(detail);
    },
    client: options.client,
    brokerAddress: context.brokerAddress,
    haServerAddress: () => `${textHost}:${port + 1}`,
  });
  const transactions = createTransactions(send.parts, halfCounts, () => storeConfig.fileReservedTime ?? fileReservedHoursDefault);
  const lanes = brokerLanes(config);
  const laneSet = new LaneSet(clock, lanes);
  const parts = { ctx: context, topics, groups, offsets, consumers, producers, registration, statistics, mappings, topicDeleted: (topic: string) => lite.topicDeleted(topic) };
  const peers = new BrokerPeers(context, options.client);
  const offsetHandlers = createOffsetHandlers(parts);
  const clientHandlers = createClientHandlers({ ctx: context, consumers, producers });
  const handlers: Partial<Handlers> = {
    ...createTopicHandlers(parts),
    ...createGroupHandlers(parts),
    ...offsetHandlers,
    ...createConnectionHandlers(parts),
    ...createRuntimeHandlers({
      ...parts,
      lanes: laneSet,
      storeConfig,
      shownConfig: options.shownConfig ?? {},
      delayOffsets: () => schedule.state(),
      timers,
      storeSpace: () => (storeDir === undefined ? undefined : disk.space(storeDir)),
      reregister: () => registration.again(),
    }),
    ...createMessageQuery(context).handlers,
    ...send.handlers,
    ...createRecall(send.parts),
    ...createReplyHandlers(send.parts),
    ...transactions.handlers,
    ...pull.handlers,
    ...pop.handlers,
    ...lite.handlers,
    ...clientHandlers,
    ...createLockHandlers(locks),
    ...createColdHandlers(context, cold),
    ...filterServers?.handlers,
    ...createStaticTopics({ ctx: context, table: mappings, peers }, { ...send.handlers, ...pull.handlers, ...offsetHandlers, ...clientHandlers }),
  };
  const mappingClean = new MappingClean({ ctx: context, table: mappings, peers, deleteWhen: () => storeConfig.deleteWhen ?? '04' });
  const slowConsumers = new SlowConsumers({ config, store, consumers, offsets, groups, clock, log });
  const scans: TimerHandle[] = [];

  return {
    handlers,
    fast: { ...send.fast, ...pull.fast },
    lanes, laneSet, context, topics, groups, offsets, consumers, producers, locks, registration, statistics, timers,
    hold: pull.hold,
    transactions,
    pop,
    lite,

    listening(boundPort) {
      port = boundPort;
      storeHost = encodeStoreHost(host, port);
    },

    async start() {
      offsets.start();
      filterTable.start();
      statistics.start();
      schedule.start();
      pull.start();
      timers?.start();
      flow?.start();
      if (config.coldDataFlowControlEnable) cold.start();
      transactions.start();
      pop.start();
      lite.start();
      consumers.start();
      slowConsumers.start();
      scans.push(clock.setInterval(() => {
        producers.scan();
        consumers.scan();
        locks.scan();
        filterServers?.scan();
      }, clientScanPeriodMs));
      scans.push(clock.setInterval(() => void mappingClean.run(), mappingCleanMs));
      await registration.start();
    },

    async stop() {
      for (const timer of scans) timer.clear();
      await registration.stop();
      consumers.stop();
      await slowConsumers.stop();
      pull.stop();
      flow?.stop();
      cold.stop();
      await pop.stop();
      lite.stop();
      statistics.stop();
      await timers?.stop();
      await schedule.stop();
      await transactions.stop();
      await Promise.all([topics.close(), mappings.close(), groups.close(), offsets.close(), filterTable.close()]);
    },

    routeHost(localHost) {
      return config.brokerIP1 === '' && isUnspecific(options.listenHost) && localHost !== '' ? localHost : undefined;
    },
  };
}

/** A rule file on the disk. */
function diskRuleFile(disk: Disk, path: string): RuleFile {
  return {
    stamp() {
      const entry = disk.stat(path);
      return entry === undefined || entry.directory ? undefined : `${entry.bytes}:${entry.modifiedMs}`;
    },
    read() {
      const file = disk.open(path, 'read');
      try {
        const bytes = Buffer.alloc(Math.min(file.length(), ruleFileBytesMax + 1));
        return bytes.toString('utf8', 0, file.readSync(bytes, 0));
      } finally {
        file.close();
      }
    },
  };
}

/** 8 or 20 bytes; a host that is a name, not an address, is stored as 127.0.0.1. */
function encodeStoreHost(host: string, port: number): Buffer {
  return Buffer.from(hostBytes(host, port) ?? hostBytes('127.0.0.1', port) ?? new Uint8Array(8));
}
