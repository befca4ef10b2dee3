/**
 * How far each group has consumed each queue (`ConsumerOffsetManager`), and config/consumerOffset.json, saved every few seconds: after a crash
 * consumers see some messages again, never fewer. Keys in the file are `topic@group`.
 *
 * With enableLmq Apache keeps the table in lmqConsumerOffset.json instead, and offsets of groups named like light queues in a member of their own,
 * `lmqOffsetTable` (`LmqConsumerOffsetManager`). Here both files are written then, and the newer one is read, so that the key can be changed.
 */
import { isLightQueue, lightQueueId } from '../../compat/light-queues.js';
import { isMap, longValue, mapOf } from '../../codec/json-members.js';
import { JsonMembers, jsonPieces, readJson, writeJson } from '../../compat/fastjson.js';
import type { JsonMap, JsonOut } from '../../compat/fastjson.js';
import type { Clock, Log, TimerHandle } from '../../remoting/types.js';
import type { Disk } from '../../store/disk.js';
import type { BrokerConfig } from '../config-types.js';
import { ConfigFile, fileCharsMax } from './config-file.js';
import { newDataVersion, nextDataVersion, readDataVersion } from './data-version.js';
import type { DataVersion, OffsetTable } from './types.js';

/** Ends the key of the smallest offsets of broadcasting clients (`BroadcastOffsetManager#broadcastGroupId`). */
const broadcastSuffix = '@broadcast';

export interface OffsetTableOptions {
  readonly config: BrokerConfig;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
}

/** group -> topic -> queueId -> offset. */
class Offsets {
  readonly groups = new Map<string, Map<string, Map<number, number>>>();

  queues(group: string, topic: string): Map<number, number> | undefined {
    return this.groups.get(group)?.get(topic);
  }

  set(group: string, topic: string, queueId: number, offset: number): void {
    let topics = this.groups.get(group);
    if (topics === undefined) this.groups.set(group, (topics = new Map<string, Map<number, number>>()));
    let queues = topics.get(topic);
    if (queues === undefined) topics.set(topic, (queues = new Map<number, number>()));
    queues.set(queueId, offset);
  }

  replace(group: string, topic: string, queues: Map<number, number>): void {
    let topics = this.groups.get(group);
    if (topics === undefined) this.groups.set(group, (topics = new Map<string, Map<number, number>>()));
    topics.set(topic, queues);
  }

  removeTopic(topic: string): void {
    for (const [group, topics] of this.groups) {
      if (topics.delete(topic) && topics.size === 0) this.groups.delete(group);
    }
  }

  remove(group: string, topic: string): void {
    const topics = this.groups.get(group);
    if (topics?.delete(topic) === true && topics.size === 0) this.groups.delete(group);
  }

  /** By `topic@group`, with a suffix; those of `left` are left out. */
  *byKey(suffix = '', left?: ReadonlyMap<string, JsonOut>): Generator<readonly [string, JsonOut], void, undefined> {
    for (const [group, topics] of this.groups) {
      for (const [topic, queues] of topics) {
        const key = `${topic}@${group}${suffix}`;
        if (left?.has(key) !== true) yield [key, queues];
      }
    }
  }

  *topicsByGroup(): Generator<readonly [string, JsonOut], void, undefined> {
    for (const [group, topics] of this.groups) yield [group, [...topics.keys()]];
  }
}

/** The files of the table, the newest first: consumerOffset.json, and with enableLmq lmqConsumerOffset.json. */
function offsetFiles({ config, disk }: Pick<OffsetTableOptions, 'config' | 'disk'>): readonly string[] {
  const [plain, light] = ['consumerOffset.json', 'lmqConsumerOffset.json'].map((name) => `${config.storePathConfigDir}/${name}`) as [string, string];
  if (!config.enableLmq) return [plain];
  const modifiedMs = (path: string): number => disk.stat(path)?.modifiedMs ?? -1;
  return modifiedMs(light) > modifiedMs(plain) ? [light, plain] : [plain, light];
}

/** When the table was saved last, in milliseconds since the epoch; 0 when it never was. */
export function offsetsSavedAt(options: Pick<OffsetTableOptions, 'config' | 'disk'>): number {
  return options.disk.stat(offsetFiles(options)[0] ?? '')?.modifiedMs ?? 0;
}

export class ConsumerOffsetTable implements OffsetTable {
  readonly #options: OffsetTableOptions;
  readonly #files: readonly ConfigFile[];
  readonly #committed = new Offsets();
  readonly #pulled = new Offsets();
  readonly #reset = new Offsets();
  readonly #broadcast = new Offsets();
  /** Entries of the file whose key is not `topic@group`, written back as they were. */
  #strays: ReadonlyMap<string, JsonOut> = new Map();
  #dataVersion: DataVersion;
  #commits = 0;
  #dirty = false;
  #timer: TimerHandle | undefined;

  constructor(options: OffsetTableOptions) {
    this.#options = options;
    this.#dataVersion = newDataVersion(options.clock.nowMs());
    this.#files = offsetFiles(options).map((path) => new ConfigFile({ disk: options.disk, path, log: options.log, encode: () => jsonPieces(this.#value(), true) }));
  }

  get dataVersion(): DataVersion {
    return this.#dataVersion;
  }

  /** Reads consumerOffset.json; pull offsets in it are left, as `ConsumerOffsetManager#decode` does. Throws a Fault, see ConfigFile#load. */
  load(): void {
    for (const file of this.#files) if (file.load((text) => this.#decode(text)) !== 'absent') break;
  }

  /** Begins to save every `flushConsumerOffsetInterval` milliseconds what changed since. */
  start(): void {
    this.#timer = this.#options.clock.setInterval(() => this.save(), Math.max(1, this.#options.config.flushConsumerOffsetInterval));
  }

  /** Saves soon when something changed, or what changed could not be saved. */
  save(): void {
    if (!this.#dirty && this.#files.every(({ fault }) => fault === undefined)) return;
    this.#dirty = false;
    for (const file of this.#files) file.save();
  }

  async close(): Promise<void> {
    this.#timer?.clear();
    this.#dirty = true;
    this.save();
    await Promise.all(this.#files.map((file) => file.flush()));
  }

  query(group: string, topic: string, queueId: number): number {
    return this.pendingReset(group, topic, queueId) ?? this.#committed.queues(group, topic)?.get(queueId) ?? -1;
  }

  commit(group: string, topic: string, queueId: number, offset: number, clientHost: string): void {
    const stored = this.#committed.queues(group, topic)?.get(queueId);
    if (stored !== undefined && offset < stored) {
      this.#options.log.warn({ group, topic, queueId, offset, stored, clientHost }, 'consumer offset goes back');
    }
    this.#committed.set(group, topic, queueId, offset);
    this.#changed();
    if (++this.#commits % Math.max(1, this.#options.config.consumerOffsetUpdateVersionStep) === 0) {
      this.#dataVersion = nextDataVersion(this.#dataVersion, this.#options.clock.nowMs());
    }
  }

  commitPull(group: string, topic: string, queueId: number, offset: number): void {
    const before = this.#pulled.queues(group, topic)?.get(queueId);
    if (before === offset) return;
    this.#pulled.set(group, topic, queueId, offset);
    this.#changed();
  }

  queryPull(group: string, topic: string, queueId: number): number {
    return this.#pulled.queues(group, topic)?.get(queueId) ?? this.query(group, topic, queueId);
  }

  pendingReset(group: string, topic: string, queueId: number): number | undefined {
    if (this.#reset.groups.size === 0 || !this.#options.config.useServerSideResetOffset) return undefined;
    return this.#reset.queues(group, topic)?.get(queueId);
  }

  takeReset(group: string, topic: string, queueId: number): number | undefined {
    const queues = this.#reset.queues(group, topic);
    const offset = queues?.get(queueId);
    if (queues !== undefined && offset !== undefined) {
      queues.delete(queueId);
      if (queues.size === 0) this.#reset.remove(group, topic);
    }
    return offset;
  }

  assignReset(group: string, topic: string, queueId: number, offset: number): void {
    if (topic === '' || group === '' || queueId < 0 || offset < 0) return;
    this.#reset.set(group, topic, queueId, offset);
    this.#committed.set(group, topic, queueId, offset);
    this.#changed();
  }

  queryBroadcast(group: string, topic: string, queueId: number): number {
    return this.#broadcast.queues(group, topic)?.get(queueId) ?? -1;
  }

  commitBroadcast(group: string, topic: string, queueId: number, offset: number): void {
    if (this.queryBroadcast(group, topic, queueId) === offset) return;
    this.#broadcast.set(group, topic, queueId, offset);
    this.#changed();
  }

  groupsOf(topic: string): readonly string[] {
    const groups: string[] = [];
    for (const [group, topics] of this.#committed.groups) if (topics.has(topic)) groups.push(group);
    return groups;
  }

  topicsOf(group: string): readonly string[] {
    return [...(this.#committed.groups.get(group)?.keys() ?? [])];
  }

  queuesOf(group: string, topic: string): ReadonlyMap<number, number> | undefined {
    return this.#committed.queues(group, topic);
  }

  /** Pairs of topic and group with offsets. */
  get entries(): number {
    let count = 0;
    for (const topics of this.#committed.groups.values()) count += topics.size;
    return count;
  }

  /** Groups that committed anything. */
  groupNames(): readonly string[] {
    return [...this.#committed.groups.keys()];
  }

  clone(srcGroup: string, destGroup: string, topic: string): void {
    const queues = this.#committed.queues(srcGroup, topic);
    if (queues === undefined) return;
    this.#committed.replace(destGroup, topic, new Map(queues));
    this.#changed();
  }

  removeGroup(group: string): void {
    for (const table of [this.#committed, this.#pulled, this.#reset, this.#broadcast]) table.groups.delete(group);
    this.#changed();
  }

  removeTopic(topic: string): void {
    for (const table of [this.#committed, this.#pulled, this.#reset, this.#broadcast]) table.removeTopic(topic);
    this.#changed();
  }

  /** Forgets the pull offsets of a group and topic (after a reset, `clearPullOffset`). */
  clearPull(group: string, topic: string): void {
    this.#pulled.remove(group, topic);
    this.#changed();
  }

  /** What GET_ALL_CONSUMER_OFFSET answers: the file's text on one line. */
  encode(): string {
    return writeJson(this.#value());
  }

  #changed(): void {
    this.#dirty = true;
  }

  /** Offsets of light groups as Apache's file has them: `topic@group` and one number. */
  #light(): Map<string, JsonOut> {
    const table = new Map<string, JsonOut>();
    for (const [group, topics] of this.#committed.groups) {
      if (!isLightQueue(group)) continue;
      for (const [topic, queues] of topics) {
        const offset = queues.get(lightQueueId);
        if (offset !== undefined) table.set(`${topic}@${group}`, offset);
      }
    }
    return table;
  }

  /**
   * The table as it is while it is read. The file is written beside commits, as Apache writes it from its concurrent map: each queue has the offset it had at some moment
   * of the writing, never a later one than was committed, and a commit meanwhile is saved next time.
   */
  #value(): JsonOut {
    const light = this.#options.config.enableLmq ? this.#light() : undefined;
    const [committed, broadcast, strays] = [this.#committed, this.#broadcast, this.#strays];
    return {
      dataVersion: { ...this.#dataVersion },
      groupTopicMap: new JsonMembers(() => committed.topicsByGroup()),
      ...(light === undefined ? {} : { lmqOffsetTable: light }),
      offsetTable: new JsonMembers(function* offsets() {
        yield* strays;
        yield* committed.byKey('', light);
        yield* broadcast.byKey(broadcastSuffix);
      }),
      pullOffsetTable: new JsonMembers(() => this.#pulled.byKey()),
    };
  }

  #decode(text: string): void {
    const root = readJson(text, fileCharsMax);
    if (!isMap(root)) throw new TypeError('consumerOffset.json is no object');
    const strays = new Map<string, JsonOut>();
    for (const [key, queues] of mapOf(root, 'offsetTable')) {
      if (typeof key !== 'string' || !isMap(queues)) continue;
      const parts = key.split('@');
      const [topic, group] = parts;
      if (parts.length === 3 && key.endsWith(broadcastSuffix) && topic !== undefined && topic !== '' && group !== undefined && group !== '') {
        this.#broadcast.replace(group, topic, readQueues(queues));
        continue;
      }
      // Lite topics are named by applications, groups are not: the last @ parts them.
      if (isLightQueue(key) && parts.length > 2) {
        const at = key.lastIndexOf('@');
        this.#committed.replace(key.slice(at + 1), key.slice(0, at), readQueues(queues));
        continue;
      }
      if (parts.length !== 2 || topic === undefined || group === undefined || topic === '' || group === '') {
        strays.set(key, readQueues(queues));
        continue;
      }
      this.#committed.replace(group, topic, readQueues(queues));
    }
    for (const [key, value] of mapOf(root, 'lmqOffsetTable')) {
      const [topic, group, more] = typeof key === 'string' ? key.split('@') : [];
      const offset = longValue(value);
      if (topic !== undefined && topic !== '' && group !== undefined && group !== '' && more === undefined && offset !== undefined) this.#committed.set(group, topic, lightQueueId, offset);
    }
    this.#strays = strays;
    this.#dataVersion = readDataVersion(mapOf(root, 'dataVersion'));
  }
}

function readQueues(map: JsonMap): Map<number, number> {
  const queues = new Map<number, number>();
  for (const [queueId, offset] of map) {
    const id = typeof queueId === 'string' ? longValue(queueId) : undefined;
    const value = longValue(offset);
    if (id !== undefined && value !== undefined) queues.set(id, value);
  }
  return queues;
}
