/**
 * The brokers that the name servers know as those of the gRPC service (`ClusterServiceManager`): routes and addresses from the name servers, types of topics
 * and settings of groups from a broker, both kept for a while; requests over shared connections. Clients are registered here, not at the brokers, but for
 * producers of transactions: this process introduces itself for them, so that brokers ask it about half messages (`ClusterTransactionService`).
 */
import { readJson, writeJson, type JsonMap } from '../../../compat/fastjson.js';
import { isMap, textMapOf } from '../../../codec/json-members.js';
import type { Handlers, Clock, Log, Reply, TimerHandle, Turn } from '../../../remoting/types.js';
import { responseCodes } from '../../../codec/responses.js';
import { requests } from '../../../codec/requests.js';
import { decodeMessages } from '../../../codec/stored-message.js';
import { propertyNames } from '../../../codec/properties.js';
import { ConsumerTable } from '../../broker/consumers.js';
import { readGroupConfig } from '../../broker/groups.js';
import { readHeartbeat } from '../../broker/heartbeat.js';
import { ProducerTable } from '../../broker/producers.js';
import { SystemTopics } from '../../broker/topic-names.js';
import type { ClientChannel } from '../../broker/types.js';
import type { BrokerConfig } from '../../config-types.js';
import { currentVersion } from '../../../codec/command.js';
import { BrokerAway, topicTypeOf, type AskBroker, type Brokers, type ClientData, type GroupView, type Maybe, type TopicQueues, type TopicType } from '../brokers.js';
import { LocalPeer } from '../peer.js';
import { Directory } from './directory.js';
import { FreshCache } from './fresh-cache.js';
import { BrokerEnd, BrokerLinks } from './links.js';

/** "There is no such topic or group" holds so long. */
const absentMs = 1000;

/** Clients that sent no heartbeat are looked for so often (`BrokerController`, `ClientHousekeepingService`). */
const scanPeriodMs = 10_000;

/** A producer that is new is introduced to the brokers after so long, together with others that come meanwhile. */
const introduceMs = 50;

export interface ClusterBrokersOptions {
  readonly directory: Directory;
  readonly links: BrokerLinks;
  /** Connections to each broker. */
  readonly connections: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly turn: Turn;
  /** What the registries of clients read of a broker's configuration. */
  readonly config: BrokerConfig;
  /** The cluster whose brokers are asked about groups (`rocketMQClusterName`). */
  readonly clusterName: string;
  readonly topicRefreshMs: number;
  readonly groupRefreshMs: number;
  readonly expireMs: number;
  readonly entriesMax: number;
  readonly producerPeriodMs: number;
  /** Groups of one heartbeat (`transactionHeartbeatBatchNum`). */
  readonly producerBatch: number;
  /** As which client this process is a producer. */
  readonly clientId: string;
}

export class ClusterBrokers implements Brokers {
  readonly ask: AskBroker;
  readonly consumers: ConsumerTable;
  readonly producers: ProducerTable;
  readonly #options: ClusterBrokersOptions;
  readonly #system = new SystemTopics();
  readonly #types: FreshCache<TopicType>;
  readonly #groups: FreshCache<GroupView>;
  readonly #watched = new WeakSet<LocalPeer>();
  /** As whom this process asks for itself. */
  readonly #self = new LocalPeer({ address: '127.0.0.1', port: 0, localAddress: '127.0.0.1' });
  readonly #timers: TimerHandle[] = [];
  #introducing: TimerHandle | undefined;
  #turn = 0;

  constructor(options: ClusterBrokersOptions) {
    this.#options = options;
    const { clock, log, turn, config, expireMs, entriesMax, links } = options;
    this.ask = links.ask;
    this.consumers = new ConsumerTable({ clock, log, turn, config });
    this.producers = new ProducerTable({ clock, log, config });
    this.#types = new FreshCache({ clock, log, refreshMs: () => options.topicRefreshMs, absentMs, expireMs, entriesMax, load: (topic) => this.#loadType(topic) });
    this.#groups = new FreshCache({ clock, log, refreshMs: () => options.groupRefreshMs, absentMs, expireMs, entriesMax, load: (group) => this.#loadGroup(group) });
  }

  start(): void {
    const { clock, producerPeriodMs } = this.#options;
    this.#timers.push(
      clock.setInterval(() => this.#introduce(), producerPeriodMs),
      clock.setInterval(() => {
        this.producers.scan();
        this.consumers.scan();
      }, scanPeriodMs),
    );
  }

  stop(): void {
    for (const timer of this.#timers.splice(0)) timer.clear();
    this.#introducing?.clear();
  }

  isSystemTopic(name: string): boolean {
    return this.#system.has(name);
  }

  async queuesOf(topic: string): Promise<TopicQueues | undefined> {
    const route = await this.#away(() => this.#options.directory.route(topic));
    if (route === undefined) return undefined;
    const ids = new Map(route.brokerDatas.map(({ brokerName, brokerAddrs }) => [brokerName, [...brokerAddrs.keys()].sort((a, b) => a - b)]));
    const queues = route.queueDatas.flatMap(({ brokerName, perm, readQueueNums, writeQueueNums }) => {
      const brokerIds = ids.get(brokerName);
      return brokerIds === undefined ? [] : [{ brokerName, brokerIds, perm, readQueueNums, writeQueueNums }];
    });
    queues.sort((a, b) => (a.brokerName < b.brokerName ? -1 : a.brokerName > b.brokerName ? 1 : 0));
    return queues.length === 0 ? undefined : queues;
  }

  async topicType(topic: string): Promise<TopicType> {
    return (await this.#types.get(topic)) ?? 'UNSPECIFIED';
  }

  group(name: string): Maybe<GroupView | undefined> {
    return this.#groups.get(name);
  }

  async has(broker: string): Promise<boolean> {
    return (await this.#away(() => this.#options.directory.addressOf(broker))) !== undefined;
  }

  usable(broker: string): boolean {
    return this.#options.links.usable(broker);
  }

  async register(peer: LocalPeer, client: ClientData, language: string): Promise<Reply<'HEART_BEAT'>> {
    if (!this.#watched.has(peer)) {
      this.#watched.add(peer);
      peer.onClose(() => {
        this.producers.connectionClosed(peer);
        this.consumers.connectionClosed(peer);
      });
    }
    const channel = (): ClientChannel => ({ clientId: client.clientID, connection: peer, language, version: currentVersion, lastUpdateMs: this.#options.clock.nowMs() });
    const { consumers } = readHeartbeat(Buffer.from(writeJson({ clientID: client.clientID, producerDataSet: [], consumerDataSet: client.consumerDataSet })));
    for (const data of consumers) this.consumers.register(data, channel(), true);
    let introduce = false;
    for (const topic of client.producers) {
      const known = this.producers.get(topic) !== undefined;
      this.producers.register(topic, channel());
      introduce ||= !known;
    }
    if (introduce) this.#introducing ??= this.#options.clock.setTimeout(() => this.#introduce(), introduceMs);
    return Promise.resolve({ code: responseCodes.SUCCESS });
  }

  /**
   * What brokers ask this process by themselves (`ProxyClientRemotingProcessor`): about half messages, which a producer of the topic is asked in its turn, and that
   * a client has lost a lite topic to another.
   */
  readonly handlers: Pick<Handlers, 'CHECK_TRANSACTION_STATE' | 'NOTIFY_UNSUBSCRIBE_LITE'> = {
    NOTIFY_UNSUBSCRIBE_LITE: (ctx, { clientId, consumerGroup, liteTopic }) => {
      const channel = this.consumers.findClient(consumerGroup, clientId);
      if (channel?.connection.notify({ code: requests.NOTIFY_UNSUBSCRIBE_LITE.code, ext: { clientId, consumerGroup, liteTopic } }) !== true) {
        this.#options.log.warn({ clientId, consumerGroup, liteTopic, broker: ctx.connection.remoteAddress }, 'a client lost a lite topic and cannot be told');
      }
      return undefined;
    },
    CHECK_TRANSACTION_STATE: (ctx) => {
      const { command, connection } = ctx;
      const [message] = decodeMessages(command.body).messages;
      const group = message?.properties.get(propertyNames.PRODUCER_GROUP);
      const channels = group === undefined ? undefined : this.producers.get(group);
      const peers = [...(channels?.keys() ?? [])];
      this.#turn = (this.#turn + 1) & 0x7fff_ffff;
      const broker = connection.state instanceof BrokerEnd ? connection.state.broker : '';
      const request = { code: requests.CHECK_TRANSACTION_STATE.code, ext: { ...Object.fromEntries(command.ext), bname: broker }, body: Buffer.from(command.body) };
      // The next when one has no open stream.
      for (let i = 0; i < peers.length; i++) if (peers[(this.#turn + i) % peers.length]?.notify(request) === true) return undefined;
      this.#options.log.warn({ group, broker }, 'a half message is to be checked, and no producer of its topic is here');
      return undefined;
    },
  };

  /** Tells every broker which topics have producers of transactions here. */
  #introduce(): void {
    this.#introducing?.clear();
    this.#introducing = undefined;
    this.#introduceAll().catch((error: unknown) => this.#options.log.warn({ error: error instanceof Error ? error.message : String(error) }, 'producers could not be introduced to the brokers'));
  }

  async #introduceAll(): Promise<void> {
    const { directory, links, connections, producerBatch, clientId } = this.#options;
    const groups: string[] = [];
    for (const [group] of this.producers.all()) {
      const type = await this.topicType(group);
      if (type === 'TRANSACTION' || type === 'MIXED') groups.push(group);
    }
    if (groups.length === 0) return;
    for (const { brokerName } of await directory.brokers()) {
      for (let at = 0, which = 0; at < groups.length; at += producerBatch, which++) {
        const producerDataSet = groups.slice(at, at + producerBatch).map((groupName) => ({ groupName }));
        const body = Buffer.from(writeJson({ clientID: clientId, producerDataSet, consumerDataSet: [] }));
        try {
          (await links.connection(brokerName, which % connections)).notify({ code: requests.HEART_BEAT.code, body });
        } catch (error) {
          if (!(error instanceof BrokerAway)) throw error;
          break;
        }
      }
    }
  }

  async #loadType(topic: string): Promise<TopicType | undefined> {
    const bean = await this.#firstBean((await this.queuesOf(topic) ?? []).map(({ brokerName }) => brokerName), (broker) => this.ask('GET_TOPIC_CONFIG', this.#self, { topic }, { broker }));
    return bean === undefined ? undefined : topicTypeOf(textMapOf(bean, 'attributes'));
  }

  async #loadGroup(group: string): Promise<GroupView | undefined> {
    const { directory, clusterName } = this.#options;
    const brokers = await this.#away(() => directory.brokers());
    const own = brokers.filter(({ cluster }) => cluster === clusterName);
    const bean = await this.#firstBean((own.length > 0 ? own : brokers).map(({ brokerName }) => brokerName), (broker) => this.ask('GET_SUBSCRIPTIONGROUP_CONFIG', this.#self, { group }, { broker }));
    return bean === undefined ? undefined : readGroupConfig(bean);
  }

  /** What the first of these brokers says that knows; undefined when all that answer do not. Rejects with BrokerAway when none answers. */
  async #firstBean(brokers: readonly string[], ask: (broker: string) => Promise<Reply>): Promise<JsonMap | undefined> {
    const inOrder = [...brokers].sort((a, b) => Number(this.usable(b)) - Number(this.usable(a)));
    let away: BrokerAway | undefined;
    let answered = false;
    for (const broker of inOrder) {
      try {
        const reply = await ask(broker);
        answered = true;
        const bean = reply.code === responseCodes.SUCCESS ? readJson(bytesOf(reply)) : undefined;
        if (isMap(bean)) return bean;
      } catch (error) {
        if (!(error instanceof BrokerAway)) throw error;
        away = error;
      }
    }
    if (away !== undefined && !answered) throw away;
    return undefined;
  }

  /** What a name server does not say is a broker that cannot be found. */
  async #away<T>(read: () => Maybe<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      throw new BrokerAway(error instanceof Error ? error.message : String(error), { unsent: true });
    }
  }
}

function bytesOf(reply: Reply): Buffer {
  const { body } = reply;
  return body === undefined ? Buffer.alloc(0) : Buffer.isBuffer(body) ? body : Buffer.concat(body);
}
