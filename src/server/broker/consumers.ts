/**
 * The consumers that send heartbeats to this broker (`ConsumerManager`, `ConsumerGroupInfo`): per group, which connections and which subscriptions,
 * and telling a group's members when their number or subscriptions changed. Nothing here is saved.
 */
import { requests } from '../../codec/requests.js';
import type { Clock, Connection, Log, TimerHandle, Turn } from '../../remoting/types.js';
import type { BrokerConfig } from '../config-types.js';
import { brokerLimits, demandRoom } from './limits.js';
import type { ClientChannel, ConsumerGroup, ConsumerRegistry, ConsumeType, MessageModel, Subscription } from './types.js';

/** When members are not told at once: first look and period in milliseconds (`DefaultConsumerIdsChangeListener`). */
const lazyNotifyPeriodMs = 15_000;

export interface ConsumerTableOptions {
  readonly config: BrokerConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly turn: Turn;
  /** Hears of each heartbeat that brings subscriptions, and of groups that lost their last client (`ConsumerIdsChangeListener`, REGISTER and UNREGISTER). */
  readonly listener?: ConsumerListener | undefined;
}

export interface ConsumerListener {
  register(group: string, subscriptions: readonly Subscription[]): void;
  unregister(group: string): void;
}

/** What one heartbeat says of one group. */
export interface ConsumerData {
  readonly group: string;
  readonly consumeType: ConsumeType;
  readonly messageModel: MessageModel;
  readonly consumeFromWhere: string;
  /** Undefined = as before (`withoutSub`). */
  readonly subscriptions: readonly Subscription[] | undefined;
}

class LiveGroup implements ConsumerGroup {
  readonly group: string;
  consumeType: ConsumeType;
  messageModel: MessageModel;
  consumeFromWhere: string;
  readonly clients = new Map<Connection, ClientChannel>();
  readonly subscriptions = new Map<string, Subscription>();
  lastUpdateMs = 0;
  /** What its subscriptions count in the bound on all of them. */
  weight = 0;

  constructor(data: ConsumerData) {
    this.group = data.group;
    this.consumeType = data.consumeType;
    this.messageModel = data.messageModel;
    this.consumeFromWhere = data.consumeFromWhere;
  }

  /** True when topics came or went; a newer version of a known one is taken over silently (`ConsumerGroupInfo#updateSubscription`). */
  subscribe(subscriptions: readonly Subscription[]): boolean {
    let changed = false;
    const topics = new Set<string>();
    for (const subscription of subscriptions) {
      const old = this.subscriptions.get(subscription.topic);
      if (old === undefined) changed = true;
      if (old === undefined || subscription.subVersion > old.subVersion) this.subscriptions.set(subscription.topic, subscription);
      topics.add(subscription.topic);
    }
    for (const topic of [...this.subscriptions.keys()]) {
      if (topics.has(topic)) continue;
      this.subscriptions.delete(topic);
      changed = true;
    }
    return changed;
  }
}

/** Bytes the subscriptions of a group take, roughly. */
function weightOf(subscriptions: readonly Subscription[]): number {
  let weight = 0;
  for (const { topic, subString, expressionType, tagsSet, codeSet } of subscriptions) {
    weight += 400 + 2 * (topic.length + subString.length + expressionType.length) + 40 * codeSet.size;
    for (const tag of tagsSet) weight += 60 + 2 * tag.length;
  }
  return weight;
}

export class ConsumerTable implements ConsumerRegistry {
  readonly #options: ConsumerTableOptions;
  readonly #groups = new Map<string, LiveGroup>();
  readonly #groupsOf = new Map<Connection, Set<string>>();
  /** Groups whose members are told at the end of the turn, or at the next look. */
  readonly #toNotify = new Set<LiveGroup>();
  #memberships = 0;
  #weight = 0;
  #timer: TimerHandle | undefined;

  constructor(options: ConsumerTableOptions) {
    this.#options = options;
    if (options.config.realTimeNotifyConsumerChange) options.turn.beforeSend(() => this.#notifyAll());
  }

  start(): void {
    if (!this.#options.config.realTimeNotifyConsumerChange) {
      this.#timer = this.#options.clock.setInterval(() => this.#notifyAll(), lazyNotifyPeriodMs);
    }
  }

  stop(): void {
    this.#timer?.clear();
  }

  get(group: string): ConsumerGroup | undefined {
    return this.#groups.get(group);
  }

  subscription(group: string, topic: string): Subscription | undefined {
    return this.#groups.get(group)?.subscriptions.get(topic);
  }

  all(): Iterable<ConsumerGroup> {
    return this.#groups.values();
  }

  findClient(group: string, clientId: string): ClientChannel | undefined {
    for (const client of this.#groups.get(group)?.clients.values() ?? []) if (client.clientId === clientId) return client;
    return undefined;
  }

  clientIds(group: string): readonly string[] {
    return Array.from(this.#groups.get(group)?.clients.values() ?? [], (client) => client.clientId);
  }

  /** Groups with live consumers that subscribe the topic (`queryTopicConsumeByWho`). */
  groupsOfTopic(topic: string): readonly string[] {
    return [...this.#groups.values()].filter((group) => group.subscriptions.has(topic)).map((group) => group.group);
  }

  /** Takes over what a heartbeat says; true when members or subscribed topics changed. `notify`: the group wants its members told. */
  register(data: ConsumerData, client: ClientChannel, notify: boolean): boolean {
    let group = this.#groups.get(data.group);
    if (group?.clients.has(client.connection) !== true) {
      demandRoom('consumer groups of this connection', (this.#groupsOf.get(client.connection)?.size ?? 0) + 1, brokerLimits.groupsOfConnectionMax);
      demandRoom('consumers of this broker', this.#memberships + 1, brokerLimits.membershipsMax);
    }
    const weight = data.subscriptions === undefined ? (group?.weight ?? 0) : weightOf(data.subscriptions);
    demandRoom('bytes of subscriptions on this broker', this.#weight - (group?.weight ?? 0) + weight, brokerLimits.subscriptionBytesMax);
    if (group === undefined) this.#groups.set(data.group, (group = new LiveGroup(data)));
    this.#weight += weight - group.weight;
    group.weight = weight;
    group.consumeType = data.consumeType;
    group.messageModel = data.messageModel;
    group.consumeFromWhere = data.consumeFromWhere;
    group.lastUpdateMs = client.lastUpdateMs;
    const known = group.clients.get(client.connection);
    const joined = known === undefined;
    if (known?.clientId === client.clientId) known.lastUpdateMs = client.lastUpdateMs;
    else group.clients.set(client.connection, client);
    if (joined) {
      this.#memberships++;
      let groups = this.#groupsOf.get(client.connection);
      if (groups === undefined) this.#groupsOf.set(client.connection, (groups = new Set<string>()));
      groups.add(data.group);
      this.#options.log.info({ group: data.group, clientId: client.clientId, remoteAddress: client.connection.remoteAddress }, 'consumer connected');
    }
    const resubscribed = data.subscriptions !== undefined && group.subscribe(data.subscriptions);
    if ((joined || resubscribed) && notify) this.#changed(group);
    if (data.subscriptions !== undefined) this.#options.listener?.register(data.group, data.subscriptions);
    return joined || resubscribed;
  }

  unregister(groupName: string, connection: Connection, notify: boolean): void {
    const group = this.#groups.get(groupName);
    if (group === undefined) return;
    const client = group.clients.get(connection);
    if (client !== undefined) {
      group.clients.delete(connection);
      this.#memberships--;
      const groups = this.#groupsOf.get(connection);
      if (groups?.delete(groupName) === true && groups.size === 0) this.#groupsOf.delete(connection);
      this.#options.log.info({ group: groupName, clientId: client.clientId }, 'consumer gone');
    }
    if (group.clients.size === 0 && this.#groups.delete(groupName)) {
      this.#weight -= group.weight;
      this.#options.listener?.unregister(groupName);
    }
    if (notify) this.#changed(group);
  }

  connectionClosed(connection: Connection): void {
    for (const group of [...(this.#groupsOf.get(connection) ?? [])]) this.unregister(group, connection, true);
  }

  /** Forgets and disconnects consumers that sent no heartbeat for long, and tells the others. */
  scan(): void {
    const now = this.#options.clock.nowMs();
    for (const group of [...this.#groups.values()]) {
      for (const client of [...group.clients.values()]) {
        if (now - client.lastUpdateMs <= this.#options.config.channelExpiredTimeout) continue;
        this.unregister(group.group, client.connection, true);
        client.connection.close('consumer sent no heartbeat');
      }
    }
  }

  #changed(group: LiveGroup): void {
    if (group.messageModel === 'BROADCASTING' || !this.#options.config.notifyConsumerIdsChangedEnable) return;
    this.#toNotify.add(group);
    this.#options.turn.schedule();
  }

  #notifyAll(): void {
    if (this.#toNotify.size === 0) return;
    const groups = [...this.#toNotify];
    this.#toNotify.clear();
    for (const group of groups) {
      for (const connection of group.clients.keys()) {
        connection.notify({ code: requests.NOTIFY_CONSUMER_IDS_CHANGED.code, ext: { consumerGroup: group.group } });
      }
    }
  }
}
