/**
 * The contract between the parts of the broker: tables of topics, groups and offsets, the registries of clients, and the context that carries them.
 * Each part is a file of its own beside this one; none reaches around the context.
 */
import type { DataVersion } from '../../codec/bodies.js';
import type { Clock, Connection, Log, Turn } from '../../remoting/types.js';
import type { MessageStore, QueueRef } from '../../store/types.js';
import type { BrokerConfig } from '../config-types.js';
import type { FilterRegistry } from '../filter/message-filter.js';
import type { BrokerLimits } from './limits.js';

/** `TopicConfig`. perm bits: 4 read, 2 write, 1 inherit. */
export interface TopicConfig {
  readonly topicName: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  readonly perm: number;
  readonly topicFilterType: 'SINGLE_TAG' | 'MULTI_TAG';
  readonly topicSysFlag: number;
  readonly order: boolean;
  readonly attributes: Readonly<Record<string, string>>;
}

export type { DataVersion };

/** A topic as the hot path sees it: its configuration and the store's queues, looked up once. Replaced, never mutated, when the configuration changes. */
export interface Topic {
  readonly config: TopicConfig;
  readonly name: string;
  readonly nameBytes: Buffer;
  /** A static topic: its queue ids on the wire are those of logic queues (static/). */
  readonly mapped: boolean;
  /** Index = queueId; max(readQueueNums, writeQueueNums) entries. */
  readonly queues: readonly QueueRef[];
}

export interface TopicTable {
  readonly dataVersion: DataVersion;
  get(name: string): Topic | undefined;
  /** By the bytes on the wire (latin1-safe ASCII names only); avoids making a string on the hot path where the last topic repeats. */
  getByBytes(bytes: Buffer, start: number, end: number): Topic | undefined;
  all(): Iterable<Topic>;
  /** `TopicConfigManager#createTopicInSendMessageMethod`: undefined when auto-creation is off or the default topic does not allow it. */
  createOnSend(name: string, defaultTopic: string, remoteAddress: string, clientDefaultQueueNums: number, topicSysFlag: number): Topic | undefined;
  /** `createTopicInSendMessageBackMethod`: for retry and dead letter topics. */
  createOnSendBack(name: string, queueNums: number, perm: number, topicSysFlag: number, order?: boolean): Topic | undefined;
  /**
   * What the answers of this turn wait for when a topic that was created so was asked for since the last call and is not on the platter yet: settles when all are that
   * were created up to now, as well as may be. Undefined: nothing. What goes to topics that are there does not wait for others that are made.
   */
  takeAwaited(): Promise<void> | undefined;
  /** Creates or changes; persists and registers with the name servers. False when nothing changed. */
  update(config: TopicConfig): boolean;
  delete(name: string): boolean;
  isSystem(name: string): boolean;
  /** Topics clients may not send to (`TopicValidator#isNotAllowedSendTopic`). */
  isSendForbidden(name: string): boolean;
}

/** `SubscriptionGroupConfig`. */
export interface GroupConfig {
  readonly groupName: string;
  readonly consumeEnable: boolean;
  readonly consumeFromMinEnable: boolean;
  readonly consumeBroadcastEnable: boolean;
  readonly consumeMessageOrderly: boolean;
  readonly retryQueueNums: number;
  readonly retryMaxTimes: number;
  readonly groupRetryPolicy: unknown;
  readonly brokerId: number;
  readonly whichBrokerWhenConsumeSlowly: number;
  readonly notifyConsumerIdsChangedEnable: boolean;
  readonly groupSysFlag: number;
  readonly consumeTimeoutMinute: number;
  readonly subscriptionDataSet: unknown;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface GroupTable {
  readonly dataVersion: DataVersion;
  /** Auto-creates when the configuration allows it and the name is valid (`findSubscriptionGroupConfig`). */
  find(group: string): GroupConfig | undefined;
  /** Never creates. */
  get(group: string): GroupConfig | undefined;
  all(): Iterable<GroupConfig>;
  update(config: GroupConfig): void;
  delete(group: string): boolean;
  /** Forbidden bits of (group, topic); bit 2 forbids reading (`PermName#INDEX_PERM_READ`). */
  forbidden(group: string, topic: string, bit: number): boolean;
  setForbidden(group: string, topic: string, bit: number, on: boolean): void;
}

/** Committed and pull offsets per group, topic and queue, persisted in consumerOffset.json. */
export interface OffsetTable {
  /** -1 when unknown. */
  query(group: string, topic: string, queueId: number): number;
  commit(group: string, topic: string, queueId: number, offset: number, clientHost: string): void;
  commitPull(group: string, topic: string, queueId: number, offset: number): void;
  queryPull(group: string, topic: string, queueId: number): number;
  /** A server-side reset waiting for the group's next pull; undefined when none. `take` forgets it. */
  pendingReset(group: string, topic: string, queueId: number): number | undefined;
  takeReset(group: string, topic: string, queueId: number): number | undefined;
  assignReset(group: string, topic: string, queueId: number, offset: number): void;
  /** The smallest offset of a group's broadcasting clients, -1 when unknown; kept beside the committed ones as `topic@group@broadcast`. */
  queryBroadcast(group: string, topic: string, queueId: number): number;
  commitBroadcast(group: string, topic: string, queueId: number, offset: number): void;
  groupsOf(topic: string): readonly string[];
  topicsOf(group: string): readonly string[];
  queuesOf(group: string, topic: string): ReadonlyMap<number, number> | undefined;
  clone(srcGroup: string, destGroup: string, topic: string): void;
  removeGroup(group: string): void;
  removeTopic(topic: string): void;
}

export type ConsumeType = 'CONSUME_ACTIVELY' | 'CONSUME_PASSIVELY' | 'CONSUME_POP';
export type MessageModel = 'BROADCASTING' | 'CLUSTERING' | 'LITE_SELECTIVE';

/** `SubscriptionData`, with the tag hashes ready to compare. */
export interface Subscription {
  readonly topic: string;
  readonly expressionType: string;
  readonly subString: string;
  readonly tagsSet: ReadonlySet<string>;
  readonly codeSet: ReadonlySet<number>;
  /** Exact: the Go client sends nanoseconds. */
  readonly subVersion: bigint;
  readonly classFilterMode: boolean;
}

export interface ClientChannel {
  readonly clientId: string;
  readonly connection: Connection;
  readonly language: string;
  readonly version: number;
  lastUpdateMs: number;
}

/** A consumer group with live clients (`ConsumerGroupInfo`). */
export interface ConsumerGroup {
  readonly group: string;
  readonly consumeType: ConsumeType;
  readonly messageModel: MessageModel;
  readonly consumeFromWhere: string;
  readonly clients: ReadonlyMap<Connection, ClientChannel>;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
}

export interface ConsumerRegistry {
  get(group: string): ConsumerGroup | undefined;
  subscription(group: string, topic: string): Subscription | undefined;
  all(): Iterable<ConsumerGroup>;
  findClient(group: string, clientId: string): ClientChannel | undefined;
  clientIds(group: string): readonly string[];
}

export interface ProducerRegistry {
  get(group: string): ReadonlyMap<Connection, ClientChannel> | undefined;
  all(): Iterable<readonly [string, ReadonlyMap<Connection, ClientChannel>]>;
  findByClientId(clientId: string): ClientChannel | undefined;
}

/** Orderly consumption (`RebalanceLockManager`). */
export interface QueueLocks {
  /** True when any queue of the group holds a live lock: the group consumes in order. */
  anyLocked(group: string): boolean;
}

/** Everything a part of the broker may use. */
export interface BrokerContext {
  readonly config: BrokerConfig;
  readonly limits: BrokerLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly turn: Turn;
  readonly store: MessageStore;
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly offsets: OffsetTable;
  readonly consumers: ConsumerRegistry;
  readonly producers: ProducerRegistry;
  readonly locks: QueueLocks;
  /** Expressions of consumers, and the filters of reads. */
  readonly filters: FilterRegistry;
  /** Uniform in [0, 1). */
  random(): number;
  /** `ip:port` as clients know this broker; fixed once listening. */
  readonly brokerAddress: () => string;
  /** 8 or 20 bytes of that address, as the log stores it. */
  readonly storeHost: () => Buffer;
  /** A group was given messages of a topic by a pull; counted where there are statistics. */
  readonly pulled?: ((group: string, topic: string, messages: number) => void) | undefined;
}
