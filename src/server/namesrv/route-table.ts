/**
 * The name server's tables (`RouteInfoManager`): brokers by name, clusters, live addresses, and the queues each topic has on each
 * broker. It knows rules, not the wire: handlers.ts reads requests, route-json.ts writes answers, name-server.ts owns timers.
 */
import type { Log, Connection } from '../../remoting/types.js';
import { sameDataVersion } from '../broker/data-version.js';
import type { DataVersion } from '../broker/types.js';
import type { NamesrvConfig } from '../config-types.js';
import type { QueueMapping, RegisteredTopic, Registration } from './registration-body.js';

/** Topic permission bit (`PermName#PERM_WRITE`). */
const permWrite = 2;
const permReadWrite = 6;
const masterId = 0;

/** A broker without a time-out of its own is forgotten after this long (`RouteInfoManager#DEFAULT_BROKER_CHANNEL_EXPIRED_TIME`). */
export const brokerExpiryMsDefault = 120_000;

/** Routes of these topics never show an acting master (`TopicValidator#SYNC_BROKER_MEMBER_GROUP_PREFIX`). */
const memberGroupTopicPrefix = 'rmq_sys_SYNC_BROKER_MEMBER_';

/** `TopicSysFlag`. */
const unitFlag = 1;
const unitSubFlag = 2;

export interface QueueData {
  readonly brokerName: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  readonly perm: number;
  readonly topicSysFlag: number;
}

/** The addresses of one broker name by broker id; ids ascend when iterated through `sortedAddrs`. */
export interface BrokerData {
  readonly cluster: string;
  readonly brokerName: string;
  readonly addrs: Map<number, string>;
  enableActingMaster: boolean;
  zoneName: string | undefined;
}

/** One registered address (`BrokerLiveInfo`). */
export interface LiveBroker {
  readonly cluster: string;
  readonly addr: string;
  lastUpdateMs: number;
  readonly timeoutMs: number;
  readonly dataVersion: DataVersion;
  readonly connection: Connection | undefined;
  readonly haServerAddr: string;
}

/** A broker that registers. */
export interface Registrant {
  readonly cluster: string;
  readonly brokerName: string;
  readonly brokerId: number;
  readonly addr: string;
  readonly haServerAddr: string;
  readonly zoneName: string | undefined;
  readonly timeoutMs: number | undefined;
  /** undefined: an old broker that does not know of acting masters. */
  readonly enableActingMaster: boolean | undefined;
  readonly connection: Connection | undefined;
}

export interface Unregistration {
  readonly cluster: string;
  readonly brokerName: string;
  readonly brokerId: number;
  readonly addr: string;
}

export interface RegisterResult {
  readonly haServerAddr: string | undefined;
  readonly masterAddr: string | undefined;
}

/** What a topic's route is made of; copies, free to be filtered. */
export interface Route {
  brokers: RouteBroker[];
  queues: QueueData[];
  readonly filterServers: Map<string, readonly string[] | undefined>;
  readonly mappings: ReadonlyMap<string, QueueMapping> | undefined;
  orderTopicConf: string | undefined;
}

export interface RouteBroker {
  readonly cluster: string;
  readonly brokerName: string;
  addrs: ReadonlyMap<number, string>;
  readonly enableActingMaster: boolean;
  readonly zoneName: string | undefined;
}

/** The smallest broker id of a name changed: whom to tell what (`NotifyMinBrokerIdChangeRequestHeader`). */
export interface MinBrokerIdChange {
  readonly brokerName: string;
  readonly minBrokerId: number;
  readonly minBrokerAddr: string;
  readonly offlineBrokerAddr: string | undefined;
  readonly haBrokerAddr: string | undefined;
  readonly tell: readonly string[];
}

export interface RouteTableOptions {
  /** Read at each use: some keys change at run time. */
  readonly config: NamesrvConfig;
  readonly log: Log;
  readonly nowMs: () => number;
  readonly brokersMax: number;
  readonly topicsMax: number;
  /** Told when notifyMinBrokerIdChanged is on. */
  readonly onMinBrokerIdChange?: (change: MinBrokerIdChange) => void;
}

function liveKey(cluster: string, addr: string): string {
  return `${cluster}\n${addr}`;
}

function minId(addrs: ReadonlyMap<number, string>): number {
  return Math.min(...addrs.keys());
}

/** By ascending id, as a Java HashMap of small Longs iterates. */
export function sortedAddrs(addrs: ReadonlyMap<number, string>): Map<number, string> {
  return new Map([...addrs].sort(([a], [b]) => a - b));
}

export class RouteTable {
  private readonly topics = new Map<string, Map<string, QueueData>>();
  private readonly brokers = new Map<string, BrokerData>();
  private readonly clusters = new Map<string, Set<string>>();
  private readonly live = new Map<string, LiveBroker>();
  private readonly filterServers = new Map<string, readonly string[]>();
  private readonly mappings = new Map<string, Map<string, QueueMapping>>();
  private readonly options: RouteTableOptions;

  constructor(options: RouteTableOptions) {
    this.options = options;
  }

  // ---- registration

  /**
   * Takes a broker's registration (`RouteInfoManager#registerBroker`). `refused`: a single topic of a broker id not known yet.
   * A full table is told with a text naming the bound. Nothing changes in either case, nor when another live address of the same id has a
   * larger stateVersion (the answer is then an empty success).
   */
  register(broker: Registrant, registration: Registration): RegisterResult | 'refused' | { readonly full: string } {
    const { config, log } = this.options;
    const { cluster, brokerName, brokerId, addr } = broker;
    const { dataVersion, topics } = registration;
    const nothing: RegisterResult = { haServerAddr: undefined, masterAddr: undefined };
    const known = this.brokers.get(brokerName);
    const holder = known?.addrs.get(brokerId);
    if (holder !== undefined && holder !== addr) {
      const holderVersion = this.live.get(liveKey(cluster, holder))?.dataVersion.stateVersion;
      if (holderVersion !== undefined && holderVersion > dataVersion.stateVersion) {
        log.warn({ cluster, brokerName, brokerId, addr, holder }, 'registration ignored: another address of this broker id has a larger state version');
        this.live.delete(liveKey(cluster, addr));
        return nothing;
      }
    }
    if (holder === undefined && topics.length === 1) {
      log.warn({ brokerName, brokerId, addr }, 'single topic refused: its broker has not registered yet');
      return 'refused';
    }
    const full = this.fullness(liveKey(cluster, addr), topics);
    if (full !== undefined) return { full };

    const data = known ?? { cluster, brokerName, addrs: new Map<number, string>(), enableActingMaster: false, zoneName: undefined };
    if (known === undefined) this.brokers.set(brokerName, data);
    let names = this.clusters.get(cluster);
    if (names === undefined) this.clusters.set(cluster, (names = new Set()));
    names.add(brokerName);
    data.enableActingMaster = broker.enableActingMaster ?? false;
    data.zoneName = broker.zoneName;
    const previousMinId = data.addrs.size === 0 ? 0 : minId(data.addrs);
    // A slave that became master: the same address has one id only.
    for (const [id, other] of data.addrs) if (other === addr && id !== brokerId) data.addrs.delete(id);
    data.addrs.set(brokerId, addr);
    const first = holder === undefined;

    const isMaster = brokerId === masterId;
    const isPrimeSlave = broker.enableActingMaster !== undefined && !isMaster && brokerId === minId(data.addrs);
    const key = liveKey(cluster, addr);
    const changed = first || this.versionChanged(cluster, addr, dataVersion);
    if (isMaster || isPrimeSlave) this.takeTopics(data, registration, changed, isPrimeSlave && data.enableActingMaster);

    this.live.set(key, {
      cluster, addr, dataVersion, connection: broker.connection, haServerAddr: broker.haServerAddr,
      lastUpdateMs: this.options.nowMs(), timeoutMs: broker.timeoutMs ?? brokerExpiryMsDefault,
    });
    if (registration.filterServers !== undefined) {
      if (registration.filterServers.length === 0) this.filterServers.delete(key);
      else this.filterServers.set(key, registration.filterServers);
    }
    if (first) log.info({ cluster, brokerName, brokerId, addr, topics: topics.length }, 'broker registered');
    if (brokerId < previousMinId && config.notifyMinBrokerIdChanged) this.tellMinId(data, undefined, broker.haServerAddr);
    if (isMaster) return nothing;
    const masterAddr = data.addrs.get(masterId);
    const master = masterAddr === undefined ? undefined : this.live.get(liveKey(cluster, masterAddr));
    return master === undefined ? nothing : { haServerAddr: master.haServerAddr, masterAddr };
  }

  private fullness(key: string, topics: readonly RegisteredTopic[]): string | undefined {
    const { brokersMax, topicsMax } = this.options;
    if (!this.live.has(key) && this.live.size >= brokersMax) return `the name server already knows ${this.live.size} broker addresses (limit ${brokersMax})`;
    if (this.topics.size + topics.length <= topicsMax) return undefined;
    let fresh = 0;
    for (const topic of topics) if (!this.topics.has(topic.topicName)) fresh++;
    return this.topics.size + fresh <= topicsMax ? undefined : `the name server already knows ${this.topics.size} topics (limit ${topicsMax})`;
  }

  private takeTopics(data: BrokerData, registration: Registration, changed: boolean, wipeWrite: boolean): void {
    const { brokerName } = data;
    if (this.options.config.deleteTopicWithBrokerRegistration && registration.mappings.length === 0) {
      const named = new Set(registration.topics.map((topic) => topic.topicName));
      for (const [topic, queues] of this.topics) if (!named.has(topic)) this.dropQueues(topic, queues, brokerName);
    }
    for (const topic of registration.topics) {
      let queues = this.topics.get(topic.topicName);
      if (!changed && queues?.has(brokerName) === true) continue;
      if (queues === undefined) this.topics.set(topic.topicName, (queues = new Map<string, QueueData>()));
      queues.set(brokerName, {
        brokerName,
        readQueueNums: topic.readQueueNums,
        writeQueueNums: topic.writeQueueNums,
        // While a slave acts for its master nobody writes.
        perm: wipeWrite ? topic.perm & ~permWrite : topic.perm,
        topicSysFlag: topic.topicSysFlag,
      });
    }
    if (!changed) return;
    for (const mapping of registration.mappings) {
      let byBroker = this.mappings.get(mapping.topic);
      if (byBroker === undefined) this.mappings.set(mapping.topic, (byBroker = new Map<string, QueueMapping>()));
      byBroker.set(mapping.bname, mapping);
    }
  }

  /** Whether this version differs from the one the address registered; unknown addresses differ (`#isBrokerTopicConfigChanged`). */
  versionChanged(cluster: string, addr: string, version: DataVersion | undefined): boolean {
    const known = this.dataVersion(cluster, addr);
    return known === undefined || version === undefined || !sameDataVersion(known, version);
  }

  dataVersion(cluster: string, addr: string): DataVersion | undefined {
    return this.live.get(liveKey(cluster, addr))?.dataVersion;
  }

  /** A sign of life. */
  touch(cluster: string, addr: string): void {
    const known = this.live.get(liveKey(cluster, addr));
    if (known !== undefined) known.lastUpdateMs = this.options.nowMs();
  }

  /** Addresses whose last sign of life is older than they promised (`#scanNotActiveBroker`). */
  expired(): readonly LiveBroker[] {
    const nowMs = this.options.nowMs();
    return [...this.live.values()].filter((broker) => broker.lastUpdateMs + broker.timeoutMs < nowMs);
  }

  /** Addresses that registered over this connection. */
  registeredOver(connection: Connection): readonly LiveBroker[] {
    return [...this.live.values()].filter((broker) => broker.connection === connection);
  }

  /** The unregistration of a live address, or undefined when its broker is unknown (`#setupUnRegisterRequest`). */
  unregistrationOf(live: LiveBroker): Unregistration | undefined {
    for (const data of this.brokers.values()) {
      if (data.cluster !== live.cluster) continue;
      for (const [brokerId, addr] of data.addrs) {
        if (addr === live.addr) return { cluster: live.cluster, brokerName: data.brokerName, brokerId, addr };
      }
    }
    return undefined;
  }

  forget(live: LiveBroker): void {
    this.live.delete(liveKey(live.cluster, live.addr));
  }

  /** Removes addresses, and with the last address of a name its queues, in one pass over the topics (`#unRegisterBroker`). */
  unregister(requests: Iterable<Unregistration>): void {
    const removed = new Set<string>();
    const reduced = new Set<string>();
    const lostMin: (readonly [BrokerData, string])[] = [];
    for (const { cluster, brokerName, brokerId, addr } of requests) {
      const key = liveKey(cluster, addr);
      this.live.delete(key);
      this.filterServers.delete(key);
      const data = this.brokers.get(brokerName);
      if (data === undefined) continue;
      const wasMin = data.addrs.size > 0 && minId(data.addrs) === brokerId;
      for (const [id, other] of data.addrs) if (other === addr) data.addrs.delete(id);
      if (data.addrs.size > 0) {
        reduced.add(brokerName);
        if (wasMin) lostMin.push([data, addr]);
        continue;
      }
      this.brokers.delete(brokerName);
      // A name that registered under several clusters is in all of them.
      for (const [clusterName, names] of this.clusters) {
        if (names.delete(brokerName) && names.size === 0) this.clusters.delete(clusterName);
      }
      removed.add(brokerName);
      reduced.delete(brokerName);
      this.options.log.info({ cluster, brokerName, addr }, 'broker unregistered');
    }
    if (removed.size > 0 || reduced.size > 0) this.cleanTopics(removed, reduced);
    if (!this.options.config.notifyMinBrokerIdChanged) return;
    for (const [data, addr] of lostMin) {
      if (data.enableActingMaster && data.addrs.size > 0) this.tellMinId(data, addr, undefined);
    }
  }

  private cleanTopics(removed: ReadonlySet<string>, reduced: ReadonlySet<string>): void {
    const masterless = [...reduced].filter((name) => {
      const data = this.brokers.get(name);
      return data !== undefined && data.enableActingMaster && minId(data.addrs) > masterId;
    });
    for (const [topic, queues] of this.topics) {
      for (const name of removed) this.dropQueues(topic, queues, name);
      for (const name of masterless) {
        const queue = queues.get(name);
        if (queue !== undefined) queues.set(name, { ...queue, perm: queue.perm & ~permWrite });
      }
    }
  }

  private dropQueues(topic: string, queues: Map<string, QueueData>, brokerName: string): void {
    queues.delete(brokerName);
    const mappings = this.mappings.get(topic);
    mappings?.delete(brokerName);
    if (mappings?.size === 0) this.mappings.delete(topic);
    if (queues.size === 0) this.topics.delete(topic);
  }

  /** When the smallest id left, everybody of the name is told; when a smaller one came, the others (`#chooseBrokerAddrsToNotify`). */
  private tellMinId(data: BrokerData, offlineBrokerAddr: string | undefined, haBrokerAddr: string | undefined): void {
    const minBrokerId = minId(data.addrs);
    const tell = [...data.addrs].filter(([id]) => offlineBrokerAddr !== undefined || data.addrs.size === 1 || id !== minBrokerId).map(([, addr]) => addr);
    this.options.onMinBrokerIdChange?.({
      brokerName: data.brokerName, minBrokerId, minBrokerAddr: data.addrs.get(minBrokerId) ?? '', offlineBrokerAddr, haBrokerAddr, tell,
    });
  }

  // ---- topics

  /** Adds a topic's queues without a registration; nothing when one of the brokers is unknown (`#registerTopic`). A text names a full table. */
  registerTopic(topic: string, queues: readonly QueueData[]): string | undefined {
    if (queues.length === 0 || queues.some((queue) => !this.brokers.has(queue.brokerName))) return undefined;
    let known = this.topics.get(topic);
    if (known === undefined) {
      if (this.topics.size >= this.options.topicsMax) return `the name server already knows ${this.topics.size} topics (limit ${this.options.topicsMax})`;
      this.topics.set(topic, (known = new Map<string, QueueData>()));
    }
    for (const queue of queues) known.set(queue.brokerName, queue);
    return undefined;
  }

  /** Forgets a topic, of one cluster's brokers only when a cluster is given; an unknown cluster changes nothing (`#deleteTopic`). */
  deleteTopic(topic: string, cluster?: string): void {
    if (cluster === undefined || cluster === '') {
      this.topics.delete(topic);
      this.mappings.delete(topic);
      return;
    }
    const queues = this.topics.get(topic);
    if (queues === undefined) return;
    for (const name of this.clusters.get(cluster) ?? []) this.dropQueues(topic, queues, name);
  }

  /** Takes the write bit from all queues of a broker, or gives read and write; returns how many topics (`#operateWritePermOfBroker`). */
  setWritePerm(brokerName: string, writable: boolean): number {
    let count = 0;
    for (const queues of this.topics.values()) {
      const queue = queues.get(brokerName);
      if (queue === undefined) continue;
      queues.set(brokerName, { ...queue, perm: writable ? permReadWrite : queue.perm & ~permWrite });
      count++;
    }
    return count;
  }

  allTopics(): readonly string[] {
    return [...this.topics.keys()];
  }

  topicsOfCluster(cluster: string): readonly string[] {
    const names = this.clusters.get(cluster);
    if (names === undefined) return [];
    const found: string[] = [];
    for (const [topic, queues] of this.topics) {
      for (const name of queues.keys()) {
        if (!names.has(name)) continue;
        found.push(topic);
        break;
      }
    }
    return found;
  }

  /** Unit topics, topics with unit subscriptions, or those of the latter that are no unit topics; judged by one broker's flags, as Apache does. */
  unitTopics(kind: 'unit' | 'unitSub' | 'unitSubUnUnit'): readonly string[] {
    const found: string[] = [];
    for (const [topic, queues] of this.topics) {
      const [first] = queues.values();
      const flags = first?.topicSysFlag ?? 0;
      const unit = (flags & unitFlag) !== 0;
      const unitSub = (flags & unitSubFlag) !== 0;
      if (kind === 'unit' ? unit : kind === 'unitSub' ? unitSub : unitSub && !unit) found.push(topic);
    }
    return found;
  }

  /** Names of clusters and brokers, which are topics of every broker's own, and some broker's address (`#getSystemTopicList`). */
  systemTopics(): { readonly topics: readonly string[]; readonly brokerAddr: string | undefined } {
    const topics = new Set<string>();
    for (const [cluster, names] of this.clusters) {
      topics.add(cluster);
      for (const name of names) topics.add(name);
    }
    for (const data of this.brokers.values()) {
      const [addr] = sortedAddrs(data.addrs).values();
      if (addr !== undefined) return { topics: [...topics], brokerAddr: addr };
    }
    return { topics: [...topics], brokerAddr: undefined };
  }

  allBrokers(): Iterable<BrokerData> {
    return this.brokers.values();
  }

  allClusters(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.clusters;
  }

  addrsOf(brokerName: string): ReadonlyMap<number, string> | undefined {
    return this.brokers.get(brokerName)?.addrs;
  }

  // ---- routes

  /** The route of a topic, or undefined when no broker has it (`#pickupTopicRouteData`). */
  route(topic: string): Route | undefined {
    const queues = this.topics.get(topic);
    if (queues === undefined) return undefined;
    const brokers: RouteBroker[] = [];
    const filterServers = new Map<string, readonly string[] | undefined>();
    for (const name of queues.keys()) {
      const data = this.brokers.get(name);
      if (data === undefined) continue;
      const { cluster, brokerName, enableActingMaster, zoneName } = data;
      brokers.push({ cluster, brokerName, enableActingMaster, zoneName, addrs: sortedAddrs(data.addrs) });
      if (this.filterServers.size === 0) continue;
      for (const addr of data.addrs.values()) filterServers.set(addr, this.filterServers.get(liveKey(cluster, addr)));
    }
    if (brokers.length === 0) return undefined;
    const route: Route = { brokers, queues: [...queues.values()], filterServers, mappings: this.mappings.get(topic), orderTopicConf: undefined };
    if (this.options.config.supportActingMaster && !topic.startsWith(memberGroupTopicPrefix)) showActingMasters(route);
    return route;
  }
}

/** Where the master is gone and its queues are read only, the slave with the smallest id is shown as master. */
function showActingMasters(route: Route): void {
  for (const broker of route.brokers) {
    if (broker.addrs.size === 0 || broker.addrs.has(masterId) || !broker.enableActingMaster) continue;
    const queue = route.queues.find((candidate) => candidate.brokerName === broker.brokerName);
    if (queue === undefined || (queue.perm & permWrite) !== 0) continue;
    const acting = minId(broker.addrs);
    broker.addrs = sortedAddrs(new Map([...broker.addrs].map(([id, addr]) => [id === acting ? masterId : id, addr])));
  }
}
