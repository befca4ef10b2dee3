/**
 * The topics of this broker (`TopicConfigManager`): their configuration, config/topics.json, creation on demand, and the store's queues of each.
 * Telling the name servers is registration.ts (it listens to changes); which names are allowed is topic-names.ts.
 */
import { isLightQueue } from '../../compat/light-queues.js';
import { boolOf, intOf, isMap, mapOf, textMapOf, textOf } from '../../codec/json-members.js';
import { jsonTextAt, readJson, writeJson } from '../../compat/fastjson.js';
import type { JsonMap, JsonOut, JsonText } from '../../compat/fastjson.js';
import { silentLog } from '../../remoting/index.js';
import type { Disk } from '../../store/disk.js';
import { isTopicName } from '../../store/names.js';
import type { MessageStore, QueueRef } from '../../store/types.js';
import { newDataVersion, nextDataVersion, readDataVersion } from './data-version.js';
import { ConfigFile, fileCharsMax, TurnSavedFile } from './config-file.js';
import type { TurnSavedTableOptions } from './config-file.js';
import { brokerLimits, demandRoom } from './limits.js';
import type { BrokerLimits } from './limits.js';
import {
  autoCreateKeyTopic, benchmarkTopic, isSendForbidden, offsetMovedEventTopic, rocksTransHalfTopic, rocksTransOpHalfTopic, scheduleTopic,
  selfTestTopic, SystemTopics, timerTopic, topicNameFault, transHalfTopic, transOpHalfTopic,
} from './topic-names.js';
import type { DataVersion, Topic, TopicConfig, TopicTable } from './types.js';

/** `PermName`. */
export const perm = { inherit: 1, write: 2, read: 4, priority: 8 } as const;
export const permReadWrite = perm.read | perm.write;

/** Queues a topic may have; Apache sets no limit, but every queue costs memory here and there. */
export const queueNumsMax = 65_536;

/** Names of lost topics that one line of the log tells. */
const lostNamesMax = 20;

/** Queues of SCHEDULE_TOPIC_XXXX: one per delay level (`TopicConfigManager#SCHEDULE_TOPIC_QUEUE_NUM`). */
const scheduleQueueNums = 18;

export interface TopicTableOptions extends TurnSavedTableOptions {
  /** `brokerLimits` when absent. */
  readonly limits?: Pick<BrokerLimits, 'topicsMax'> | undefined;
  readonly store: Pick<MessageStore, 'queue' | 'topicsOnDisk'>;
  /** Whether the topic is a static one. */
  readonly isMapped?: ((topic: string) => boolean) | undefined;
}

/** A configuration with Apache's defaults (`TopicConfig`) for what is not given. */
export function topicConfig(topicName: string, given: Partial<TopicConfig> = {}): TopicConfig {
  return {
    topicName,
    readQueueNums: 16,
    writeQueueNums: 16,
    perm: permReadWrite,
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: 0,
    order: false,
    attributes: {},
    ...given,
  };
}

export function sameTopicConfig(a: TopicConfig, b: TopicConfig): boolean {
  const attributes = Object.entries(a.attributes);
  return a.topicName === b.topicName && a.readQueueNums === b.readQueueNums && a.writeQueueNums === b.writeQueueNums && a.perm === b.perm
    && a.topicFilterType === b.topicFilterType && a.topicSysFlag === b.topicSysFlag && a.order === b.order
    && attributes.length === Object.keys(b.attributes).length && attributes.every(([key, value]) => b.attributes[key] === value);
}

/** queue.type=BatchCQ: batches are kept as one record (`QueueTypeUtils#isBatchCq`). */
export function isBatchQueue(config: TopicConfig | undefined): boolean {
  return config?.attributes['queue.type'] === 'BatchCQ';
}

/** cleanup.policy=COMPACTION: the newest message of each key is kept (`CleanupPolicyUtils#isCompaction`). */
export function isCompacted(config: TopicConfig): boolean {
  return config.attributes['cleanup.policy']?.toUpperCase() === 'COMPACTION';
}

/** Topics with batch queues as topics.json has them; a file that cannot be read names none here, and is reported when the table is loaded. */
export function storedBatchTopics(disk: Disk, configDir: string): ReadonlySet<string> {
  const names = new Set<string>();
  const file = new ConfigFile({ disk, path: `${configDir}/topics.json`, log: silentLog, encode: () => '' });
  try {
    file.load((text) => {
      const root = readJson(text, fileCharsMax);
      for (const [name, bean] of isMap(root) ? mapOf(root, 'topicConfigTable') : []) {
        if (typeof name === 'string' && isMap(bean) && isBatchQueue(readTopicConfig(bean))) names.add(name);
      }
    });
  } catch {
    return names;
  }
  return names;
}

/** What is wrong with the numbers of a configuration; undefined = nothing. Names the field and the allowed range. */
export function topicConfigFault(config: TopicConfig): string | undefined {
  for (const field of ['readQueueNums', 'writeQueueNums'] as const) {
    const value = config[field];
    if (!Number.isInteger(value) || value < 0 || value > queueNumsMax) return `${field} is ${value}, allowed range [0, ${queueNumsMax}]`;
  }
  if (!Number.isInteger(config.perm) || config.perm < 0 || config.perm > 15) return `perm is ${config.perm}, allowed range [0, 15]`;
  return topicNameFault(config.topicName);
}

/** One topic; its queues are asked of the store when they are first needed. */
class TopicEntry implements Topic {
  readonly config: TopicConfig;
  readonly name: string;
  readonly nameBytes: Buffer;
  readonly mapped: boolean;
  readonly #store: Pick<MessageStore, 'queue'>;
  #queues: readonly QueueRef[] | undefined;
  #text: JsonText | undefined;

  constructor(config: TopicConfig, store: Pick<MessageStore, 'queue'>, mapped: boolean) {
    this.mapped = mapped;
    this.config = config;
    this.name = config.topicName;
    this.nameBytes = Buffer.from(config.topicName, 'latin1');
    this.#store = store;
  }

  get queues(): readonly QueueRef[] {
    return (this.#queues ??= Array.from({ length: Math.max(this.config.readQueueNums, this.config.writeQueueNums) }, (_, queueId) =>
      this.#store.queue(this.name, queueId),
    ));
  }

  /** The topic in topics.json: made once, since every change of a topic writes all of them. */
  get text(): JsonText {
    return (this.#text ??= jsonTextAt(2, { ...this.config }));
  }
}

/** Reads a `TopicConfig` bean. Undefined when it names no topic; numbers that are missing have the class's defaults. */
export function readTopicConfig(bean: JsonMap): TopicConfig | undefined {
  const topicName = textOf(bean, 'topicName');
  if (topicName === undefined) return undefined;
  return topicConfig(topicName, {
    readQueueNums: intOf(bean, 'readQueueNums', 16),
    writeQueueNums: intOf(bean, 'writeQueueNums', 16),
    perm: intOf(bean, 'perm', permReadWrite),
    topicFilterType: textOf(bean, 'topicFilterType') === 'MULTI_TAG' ? 'MULTI_TAG' : 'SINGLE_TAG',
    topicSysFlag: intOf(bean, 'topicSysFlag', 0),
    order: boolOf(bean, 'order', false),
    attributes: textMapOf(bean, 'attributes'),
  });
}

/** The table. Everything is in memory; a change is in topics.json before the turn that made it ends. */
export class TopicConfigTable implements TopicTable {
  readonly systemTopics = new SystemTopics();
  readonly #options: TopicTableOptions;
  readonly #limits: Pick<BrokerLimits, 'topicsMax'>;
  readonly #file: TurnSavedFile;
  readonly #topics = new Map<string, TopicEntry>();
  readonly #listeners: ((changed: readonly TopicConfig[]) => void)[] = [];
  /** Members of topics.json that are no topics of ours, written back as they were. */
  #strays: ReadonlyMap<string, JsonOut> = new Map();
  #last: TopicEntry | undefined;
  #dataVersion: DataVersion;
  /** Topics that messages called for and that are not on the platter yet, each with the number of its making. */
  readonly #making = new Map<string, number>();
  #madeCount = 0;
  /** One of `#making` was asked for since `takeAwaited`. */
  #awaited = false;

  constructor(options: TopicTableOptions) {
    this.#options = options;
    this.#limits = options.limits ?? brokerLimits;
    this.#dataVersion = newDataVersion(options.clock.nowMs());
    this.#file = new TurnSavedFile({ ...options, path: `${options.config.storePathConfigDir}/topics.json`, encode: () => this.encode() });
    this.#createSystemTopics();
  }

  get dataVersion(): DataVersion {
    return this.#dataVersion;
  }

  get size(): number {
    return this.#topics.size;
  }

  /** Reads topics.json over the system topics; a stored system topic wins, as in `TopicConfigManager#decode`. Throws a Fault, see ConfigFile#load. */
  load(): void {
    const origin = this.#file.load((text) => this.#decode(text));
    if (origin === 'absent') this.#tellOfLost();
  }

  /** A new store has no topics.json. One with queues has lost it, and nothing else knows what its topics were. */
  #tellOfLost(): void {
    const lost = this.#options.store.topicsOnDisk().filter((name) => !this.#topics.has(name));
    if (lost.length === 0) {
      this.#options.log.info({}, 'no topics.json yet');
      return;
    }
    this.#options.log.warn(
      { topics: lost.length, names: lost.slice(0, lostNamesMax) },
      'topics.json and topics.json.bak are missing, but the store holds queues of topics they should name: their messages are served again once the topics are created with the queues they had',
    );
  }

  get(name: string): Topic | undefined {
    return this.#asked(this.#topics.get(name)) ?? this.#lightTopic(name);
  }

  /** With enableLmq every light queue is a topic of one queue that no table holds (`LmqTopicConfigManager`). */
  #lightTopic(name: string): Topic | undefined {
    if (!this.#options.config.enableLmq || !isLightQueue(name) || !isTopicName(name)) return undefined;
    return new TopicEntry(topicConfig(name, { readQueueNums: 1, writeQueueNums: 1 }), this.#options.store, false);
  }

  getByBytes(bytes: Buffer, start: number, end: number): Topic | undefined {
    const last = this.#last;
    if (last !== undefined && equalBytes(last.nameBytes, bytes, start, end)) return this.#asked(last);
    if (end - start > 255) return undefined;
    const topic = this.#topics.get(bytes.toString('latin1', start, end));
    if (topic !== undefined) this.#last = topic;
    return this.#asked(topic);
  }

  all(): Iterable<Topic> {
    return this.#topics.values();
  }

  createOnSend(name: string, defaultTopic: string, remoteAddress: string, clientDefaultQueueNums: number, topicSysFlag: number): Topic | undefined {
    const existing = this.#asked(this.#topics.get(name));
    if (existing !== undefined) return existing;
    if (topicNameFault(name) !== undefined) return undefined;
    this.#demandRoom(name);
    const pattern = this.#topics.get(defaultTopic)?.config;
    const log = this.#options.log;
    if (pattern === undefined) {
      log.warn({ topic: name, defaultTopic, remoteAddress }, 'topic not created: no default topic');
      return undefined;
    }
    const patternPerm = defaultTopic === autoCreateKeyTopic && !this.#options.config.autoCreateTopicEnable ? permReadWrite : pattern.perm;
    if ((patternPerm & perm.inherit) === 0) {
      log.warn({ topic: name, defaultTopic, remoteAddress }, 'topic not created: the default topic may not be inherited from');
      return undefined;
    }
    const queueNums = Math.max(0, Math.min(clientDefaultQueueNums, pattern.writeQueueNums));
    log.info({ topic: name, defaultTopic, remoteAddress, queueNums }, 'topic created on send');
    return this.#create(topicConfig(name, {
      readQueueNums: queueNums,
      writeQueueNums: queueNums,
      perm: patternPerm & ~perm.inherit,
      topicFilterType: pattern.topicFilterType,
      topicSysFlag,
    }));
  }

  createOnSendBack(name: string, queueNums: number, topicPerm: number, topicSysFlag: number, order = false): Topic | undefined {
    const existing = this.#asked(this.#topics.get(name));
    if (existing !== undefined) {
      if (existing.config.order === order) return existing;
      return this.#put([{ ...existing.config, order }]);
    }
    if (topicNameFault(name) !== undefined) return undefined;
    this.#demandRoom(name);
    const nums = Math.max(0, Math.min(queueNums, queueNumsMax));
    return this.#create(topicConfig(name, { readQueueNums: nums, writeQueueNums: nums, perm: topicPerm, topicSysFlag, order }));
  }

  /** Refuses a topic more than the broker keeps. */
  #demandRoom(name: string): void {
    if (!this.#topics.has(name)) demandRoom(`topics of this broker with ${name}`, this.#topics.size + 1, this.#limits.topicsMax);
  }

  update(config: TopicConfig): boolean {
    return this.updateAll([config]) > 0;
  }

  /** Creates or changes several at once, with one step of the data version each; those that are the same already are left out. Returns how many changed. */
  updateAll(configs: readonly TopicConfig[]): number {
    const changed = configs.filter((config) => {
      const current = this.#topics.get(config.topicName);
      if (this.#options.config.enableLmq && isLightQueue(config.topicName)) return false;
      return topicConfigFault(config) === undefined && (current === undefined || !sameTopicConfig(current.config, config));
    });
    const added = changed.reduce((count, config) => count + (this.#topics.has(config.topicName) ? 0 : 1), 0);
    if (added > 0) demandRoom('topics of this broker', this.#topics.size + added, this.#limits.topicsMax);
    if (changed.length > 0) this.#put(changed);
    return changed.length;
  }

  delete(name: string): boolean {
    const entry = this.#topics.get(name);
    if (entry === undefined) return false;
    this.#topics.delete(name);
    if (this.#last === entry) this.#last = undefined;
    this.#changed();
    return true;
  }

  /** Its mapping changed: those who keep the topic look again, and name servers are told. Nothing when there is no such topic. */
  refresh(name: string): void {
    const entry = this.#topics.get(name);
    if (entry !== undefined) this.#put([entry.config]);
  }

  /** Steps the data version without a change of a topic. */
  touch(): void {
    this.#changed();
  }

  /** Marks topics as ordered that the name server's ORDER_TOPIC_CONFIG names (`updateOrderTopicConfig`). */
  markOrdered(names: Iterable<string>): void {
    let changed = false;
    for (const name of names) {
      const entry = this.#topics.get(name);
      if (entry === undefined || entry.config.order) continue;
      this.#replace({ ...entry.config, order: true });
      changed = true;
    }
    if (changed) this.#changed();
  }

  isSystem(name: string): boolean {
    return this.systemTopics.has(name);
  }

  isSendForbidden(name: string): boolean {
    return isSendForbidden(name);
  }

  /** Told of every created or changed topic, after the table has it; deletions are not told (Apache does not re-register then). */
  onChange(listener: (changed: readonly TopicConfig[]) => void): void {
    this.#listeners.push(listener);
  }

  /** Settles when the topics that messages have made up to now are on the platter, as well as may be; undefined: they are. See TurnSavedFile#saving. */
  get creating(): Promise<void> | undefined {
    return this.#file.saving;
  }

  takeAwaited(): Promise<void> | undefined {
    if (!this.#awaited) return undefined;
    this.#awaited = false;
    const saving = this.creating;
    if (saving === undefined) {
      this.#making.clear();
      return undefined;
    }
    const upTo = this.#madeCount;
    return saving.then(() => {
      for (const [name, made] of this.#making) if (made <= upTo) this.#making.delete(name);
    });
  }

  #asked(topic: TopicEntry | undefined): TopicEntry | undefined {
    if (this.#making.size > 0 && topic !== undefined && this.#making.has(topic.name)) this.#awaited = true;
    return topic;
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
    for (const entry of this.#topics.values()) table.set(entry.name, entry.text);
    return writeJson({ dataVersion: { ...this.#dataVersion }, topicConfigTable: table }, true);
  }

  #decode(text: string): void {
    const root = readJson(text, fileCharsMax);
    if (!isMap(root)) throw new TypeError('topics.json is no object');
    const table = mapOf(root, 'topicConfigTable');
    const configs: TopicConfig[] = [];
    const strays = new Map<string, JsonOut>();
    for (const [name, bean] of table) {
      const config = isMap(bean) ? readTopicConfig(bean) : undefined;
      const fault = config === undefined ? 'no TopicConfig' : topicConfigFault(config);
      if (config !== undefined && fault === undefined) configs.push(config);
      else if (typeof name === 'string') {
        strays.set(name, bean);
        this.#options.log.warn({ topic: name.slice(0, 128), fault }, 'topic in topics.json is not served');
      }
    }
    for (const config of configs) this.#replace(config);
    this.#strays = strays;
    this.#dataVersion = readDataVersion(mapOf(root, 'dataVersion'));
  }

  /** A topic that a message called for: what is put into it is answered when it is on the platter, see `takeAwaited`. */
  #create(config: TopicConfig): Topic | undefined {
    const topic = this.#enter([config]);
    this.#making.set(config.topicName, ++this.#madeCount);
    this.#awaited = true;
    this.#file.changedAwaited();
    return topic;
  }

  #put(configs: readonly TopicConfig[]): Topic | undefined {
    const topic = this.#enter(configs);
    this.#file.changed();
    return topic;
  }

  #enter(configs: readonly TopicConfig[]): Topic | undefined {
    let entry: TopicEntry | undefined;
    for (const config of configs) {
      entry = this.#replace(config);
      this.#dataVersion = nextDataVersion(this.#dataVersion, this.#options.clock.nowMs());
    }
    for (const listener of this.#listeners) listener(configs);
    return entry;
  }

  #changed(): void {
    this.#dataVersion = nextDataVersion(this.#dataVersion, this.#options.clock.nowMs());
    this.#file.changed();
  }

  #replace(config: TopicConfig): TopicEntry {
    const entry = new TopicEntry(config, this.#options.store, this.#options.isMapped?.(config.topicName) ?? false);
    this.#topics.set(config.topicName, entry);
    if (this.#last?.name === config.topicName) this.#last = entry;
    return entry;
  }

  /** Queue numbers and permissions of `TopicConfigManager#init`. */
  #createSystemTopics(): void {
    const { config } = this.#options;
    const add = (name: string, queueNums: number, topicPerm: number = permReadWrite): void => {
      this.systemTopics.add(name);
      this.#replace(topicConfig(name, { readQueueNums: queueNums, writeQueueNums: queueNums, perm: topicPerm }));
    };
    add(selfTestTopic, 1);
    if (config.autoCreateTopicEnable) add(autoCreateKeyTopic, config.defaultTopicQueueNums, perm.inherit | permReadWrite);
    add(benchmarkTopic, 1024);
    add(config.brokerClusterName, 16, perm.inherit | (config.clusterTopicEnable ? permReadWrite : 0));
    add(config.brokerName, 1, perm.inherit | (config.brokerTopicEnable ? permReadWrite : 0));
    add(offsetMovedEventTopic, 1);
    add(scheduleTopic, scheduleQueueNums);
    if (config.traceTopicEnable) add(config.msgTraceTopicName, 1);
    add(`${config.brokerClusterName}_REPLY_TOPIC`, 1);
    add(`rmq_sys_REVIVE_LOG_${config.brokerClusterName}`, 8);
    add(`rmq_sys_SYNC_BROKER_MEMBER_${config.brokerName}`, 1, perm.inherit);
    add(transHalfTopic, 1);
    add(transOpHalfTopic, 1);
    add(rocksTransHalfTopic, 1);
    add(rocksTransOpHalfTopic, 1);
    add(timerTopic, 1);
  }
}

function equalBytes(name: Buffer, bytes: Buffer, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[start + i]) return false;
  return true;
}
