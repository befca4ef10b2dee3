/**
 * The consumer groups of this broker (`SubscriptionGroupManager`): their configuration, forbidden topics, config/subscriptionGroup.json,
 * and creation on demand. Who consumes in a group is consumers.ts, how far is offsets.ts.
 */
import { isLightQueue } from '../../compat/light-queues.js';
import { boolOf, intOf, isMap, longOf, mapOf, textMapOf, textOf } from '../../codec/json-members.js';
import { jsonTextAt, readJson, writeJson } from '../../compat/fastjson.js';
import type { JsonMap, JsonOut, JsonOutBean, JsonText } from '../../compat/fastjson.js';
import { fileCharsMax, TurnSavedFile } from './config-file.js';
import type { TurnSavedTableOptions } from './config-file.js';
import { brokerLimits, demandRoom } from './limits.js';
import type { BrokerLimits } from './limits.js';
import { newDataVersion, nextDataVersion, readDataVersion } from './data-version.js';
import { groupNameFault, isSystemGroup, predefinedGroups } from './topic-names.js';
import type { DataVersion, GroupConfig, GroupTable } from './types.js';

export interface GroupTableOptions extends TurnSavedTableOptions {
  /** `brokerLimits` when absent. */
  readonly limits?: Pick<BrokerLimits, 'groupsMax'> | undefined;
}

/** A configuration with Apache's defaults (`SubscriptionGroupConfig`) for what is not given. */
export function groupConfig(groupName: string, given: Partial<GroupConfig> = {}): GroupConfig {
  return {
    groupName,
    consumeEnable: true,
    consumeFromMinEnable: true,
    consumeBroadcastEnable: true,
    consumeMessageOrderly: false,
    retryQueueNums: 1,
    retryMaxTimes: 16,
    groupRetryPolicy: new Map([['type', 'CUSTOMIZED']]),
    brokerId: 0,
    whichBrokerWhenConsumeSlowly: 1,
    notifyConsumerIdsChangedEnable: true,
    groupSysFlag: 0,
    consumeTimeoutMinute: 15,
    subscriptionDataSet: undefined,
    attributes: {},
    ...given,
  };
}

/** Reads a `SubscriptionGroupConfig` bean; undefined when it names no group. */
export function readGroupConfig(bean: JsonMap): GroupConfig | undefined {
  const groupName = textOf(bean, 'groupName');
  if (groupName === undefined) return undefined;
  const fresh = groupConfig(groupName);
  const policy = bean.get('groupRetryPolicy');
  const subscriptions = bean.get('subscriptionDataSet');
  return {
    groupName,
    consumeEnable: boolOf(bean, 'consumeEnable', fresh.consumeEnable),
    consumeFromMinEnable: boolOf(bean, 'consumeFromMinEnable', fresh.consumeFromMinEnable),
    consumeBroadcastEnable: boolOf(bean, 'consumeBroadcastEnable', fresh.consumeBroadcastEnable),
    consumeMessageOrderly: boolOf(bean, 'consumeMessageOrderly', fresh.consumeMessageOrderly),
    retryQueueNums: intOf(bean, 'retryQueueNums', fresh.retryQueueNums),
    retryMaxTimes: intOf(bean, 'retryMaxTimes', fresh.retryMaxTimes),
    groupRetryPolicy: isMap(policy) ? policy : fresh.groupRetryPolicy,
    brokerId: longOf(bean, 'brokerId', fresh.brokerId),
    whichBrokerWhenConsumeSlowly: longOf(bean, 'whichBrokerWhenConsumeSlowly', fresh.whichBrokerWhenConsumeSlowly),
    notifyConsumerIdsChangedEnable: boolOf(bean, 'notifyConsumerIdsChangedEnable', fresh.notifyConsumerIdsChangedEnable),
    groupSysFlag: intOf(bean, 'groupSysFlag', fresh.groupSysFlag),
    consumeTimeoutMinute: intOf(bean, 'consumeTimeoutMinute', fresh.consumeTimeoutMinute),
    subscriptionDataSet: Array.isArray(subscriptions) ? subscriptions : undefined,
    attributes: textMapOf(bean, 'attributes'),
  };
}

/** What to write of a group: its members, absent ones left out. */
export function groupBean(config: GroupConfig): JsonOutBean {
  return {
    ...config,
    groupRetryPolicy: config.groupRetryPolicy as JsonOut,
    subscriptionDataSet: config.subscriptionDataSet as JsonOut,
  };
}

/** What is wrong with a configuration; undefined = nothing. */
export function groupConfigFault(config: GroupConfig): string | undefined {
  if (config.retryQueueNums > 1024) return `retryQueueNums is ${config.retryQueueNums}, allowed range [0, 1024]`;
  return groupNameFault(config.groupName);
}

/** The table. A change is in subscriptionGroup.json before the turn that made it ends. */
export class SubscriptionGroupTable implements GroupTable {
  readonly #options: GroupTableOptions;
  readonly #limits: Pick<BrokerLimits, 'groupsMax'>;
  readonly #file: TurnSavedFile;
  readonly #groups = new Map<string, GroupConfig>();
  readonly #forbidden = new Map<string, Map<string, number>>();
  /** Groups as subscriptionGroup.json has them: made once, since every change of a group writes all of them. */
  readonly #texts = new WeakMap<GroupConfig, JsonText>();
  #strays: ReadonlyMap<string, JsonOut> = new Map();
  #dataVersion: DataVersion;

  constructor(options: GroupTableOptions) {
    this.#options = options;
    this.#limits = options.limits ?? brokerLimits;
    this.#dataVersion = newDataVersion(options.clock.nowMs());
    this.#file = new TurnSavedFile({ ...options, path: `${options.config.storePathConfigDir}/subscriptionGroup.json`, encode: () => this.encode() });
    for (const group of predefinedGroups) this.#groups.set(group, groupConfig(group));
  }

  get dataVersion(): DataVersion {
    return this.#dataVersion;
  }

  get size(): number {
    return this.#groups.size;
  }

  /** Reads subscriptionGroup.json over the predefined groups. Throws a Fault, see ConfigFile#load. */
  load(): void {
    this.#file.load((text) => this.#decode(text));
  }

  find(group: string): GroupConfig | undefined {
    const existing = this.#groups.get(group) ?? this.#lightGroup(group);
    if (existing !== undefined) return existing;
    if (!this.#options.config.autoCreateSubscriptionGroup && !isSystemGroup(group)) return undefined;
    if (groupNameFault(group) !== undefined) return undefined;
    demandRoom(`groups of this broker with ${group}`, this.#groups.size + 1, this.#limits.groupsMax);
    const created = groupConfig(group);
    this.#groups.set(group, created);
    this.#changed();
    this.#options.log.info({ group }, 'consumer group created on demand');
    return created;
  }

  get(group: string): GroupConfig | undefined {
    return this.#groups.get(group) ?? this.#lightGroup(group);
  }

  /** With enableLmq a group named like a light queue needs no place in the table (`LmqSubscriptionGroupManager`). */
  #lightGroup(group: string): GroupConfig | undefined {
    return this.#options.config.enableLmq && isLightQueue(group) && groupNameFault(group) === undefined ? groupConfig(group) : undefined;
  }

  all(): Iterable<GroupConfig> {
    return this.#groups.values();
  }

  update(config: GroupConfig): void {
    this.updateAll([config]);
  }

  updateAll(configs: readonly GroupConfig[]): void {
    const added = configs.reduce((count, config) => count + (this.#groups.has(config.groupName) ? 0 : 1), 0);
    if (added > 0) demandRoom('groups of this broker', this.#groups.size + added, this.#limits.groupsMax);
    for (const config of configs) {
      if (groupConfigFault(config) !== undefined || (this.#options.config.enableLmq && isLightQueue(config.groupName))) continue;
      this.#groups.set(config.groupName, config);
      this.#changed();
    }
  }

  delete(group: string): boolean {
    this.#forbidden.delete(group);
    if (!this.#groups.delete(group)) return false;
    this.#changed();
    return true;
  }

  forbidden(group: string, topic: string, bit: number): boolean {
    return (this.forbiddenBits(group, topic) & (1 << bit)) !== 0;
  }

  forbiddenBits(group: string, topic: string): number {
    return Math.max(0, this.#forbidden.get(group)?.get(topic) ?? 0);
  }

  setForbidden(group: string, topic: string, bit: number, on: boolean): void {
    const bits = this.forbiddenBits(group, topic);
    const changed = on ? bits | (1 << bit) : bits & ~(1 << bit);
    if (changed <= 0) {
      // Only this topic: `groups.forbidden-by-topic`.
      const topics = this.#forbidden.get(group);
      if (topics?.delete(topic) !== true) return;
      if (topics.size === 0) this.#forbidden.delete(group);
    } else {
      let topics = this.#forbidden.get(group);
      if (topics === undefined) this.#forbidden.set(group, (topics = new Map<string, number>()));
      topics.set(topic, changed);
    }
    this.#changed();
  }

  /** (group, topic, bits) of everything forbidden, of these groups or all. */
  forbiddenTable(groups?: ReadonlySet<string>): ReadonlyMap<string, ReadonlyMap<string, number>> {
    if (groups === undefined) return this.#forbidden;
    return new Map([...this.#forbidden].filter(([group]) => groups.has(group)));
  }

  /** See TurnSavedFile#demandWritten. */
  demandWritten(): void {
    this.#file.demandWritten();
  }

  /** See TurnSavedFile#demandSaved. */
  demandSaved(): Promise<void> {
    return this.#file.demandSaved();
  }

  /** Saves and waits for the platter. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  encode(): string {
    const table = new Map<string, JsonOut>(this.#strays);
    for (const config of this.#groups.values()) table.set(config.groupName, this.#textOf(config));
    return writeJson({ dataVersion: { ...this.#dataVersion }, forbiddenTable: this.#forbidden, subscriptionGroupTable: table }, true);
  }

  #textOf(config: GroupConfig): JsonText {
    let text = this.#texts.get(config);
    if (text === undefined) this.#texts.set(config, (text = jsonTextAt(2, groupBean(config))));
    return text;
  }

  #decode(text: string): void {
    const root = readJson(text, fileCharsMax);
    if (!isMap(root)) throw new TypeError('subscriptionGroup.json is no object');
    const configs: GroupConfig[] = [];
    const strays = new Map<string, JsonOut>();
    for (const [name, bean] of mapOf(root, 'subscriptionGroupTable')) {
      const config = isMap(bean) ? readGroupConfig(bean) : undefined;
      // Apache up to 5.3 allowed 255 characters: such a group stays served, its name is safe.
      const fault = config === undefined ? 'no SubscriptionGroupConfig' : groupNameFault(config.groupName.slice(0, 120));
      if (config !== undefined && fault === undefined && config.groupName.length <= 255) configs.push(config);
      else if (typeof name === 'string') {
        strays.set(name, bean);
        this.#options.log.warn({ group: name.slice(0, 128), fault }, 'group in subscriptionGroup.json is not served');
      }
    }
    for (const config of configs) this.#groups.set(config.groupName, config);
    for (const [group, topics] of mapOf(root, 'forbiddenTable')) {
      if (typeof group !== 'string' || !isMap(topics)) continue;
      const bits = new Map<string, number>();
      for (const topic of topics.keys()) if (typeof topic === 'string') bits.set(topic, intOf(topics, topic, 0));
      this.#forbidden.set(group, bits);
    }
    this.#strays = strays;
    this.#dataVersion = readDataVersion(mapOf(root, 'dataVersion'));
  }

  #changed(): void {
    this.#dataVersion = nextDataVersion(this.#dataVersion, this.#options.clock.nowMs());
    this.#file.changed();
  }
}
