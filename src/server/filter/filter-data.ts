/**
 * Which groups filter which topics by what expression (`ConsumerFilterManager`, `ConsumerFilterData`), and config/consumerFilter.json. Heartbeats register
 * expressions; a group without clients is dead, and its data goes `filterDataCleanTimeSpan` later, so that bits of messages that came meanwhile count.
 */
import { bigOf, intOf, isMap, listOf, longOf, longValue, mapOf, textOf } from '../../codec/json-members.js';
import { JsonMembers, jsonPieces, readJson } from '../../compat/fastjson.js';
import type { JsonMap, JsonOut, JsonValue } from '../../compat/fastjson.js';
import type { Clock, Log, TimerHandle } from '../../remoting/types.js';
import type { Disk } from '../../store/disk.js';
import type { BrokerConfig } from '../config-types.js';
import { ConfigFile, fileCharsMax } from '../broker/config-file.js';
import { isTagType } from '../broker/subscription.js';
import type { Subscription } from '../broker/types.js';
import { BloomFilter } from './bloom-filter.js';
import type { BloomFilterData } from './bloom-filter.js';
import type { ExpressionCache } from './expression.js';
import type { Judge } from './sql-compile.js';

/** How often what changed is saved (`BrokerController`, 10 s). */
export const savePeriodMs = 10_000;

/** Expressions of all groups, dead ones too, and their characters; Apache has no bound. Beyond it the longest dead go, then new ones are not taken. */
export const filterDataMax = 20_000;
export const filterCharsMax = 32 * 1024 * 1024;

/** `ConsumerFilterData`. */
export interface FilterData {
  readonly topic: string;
  readonly group: string;
  readonly expression: string;
  readonly expressionType: string;
  /** Undefined when a file held an expression that does not compile: such data lets everything through, as in Apache. */
  readonly judge: Judge | undefined;
  /** Undefined for the expression of one pull, which nobody computed bits by. */
  readonly bloom: BloomFilterData | undefined;
  /** Messages stored later than this have bits by this expression. */
  readonly bornTime: number;
  /** 0 = alive. */
  deadTime: number;
  clientVersion: bigint;
}

/** `ConsumerFilterData#isDead`. */
export function isDead(data: FilterData): boolean {
  return data.deadTime >= data.bornTime;
}

export interface FilterTableOptions {
  readonly config: Pick<BrokerConfig, 'storePathConfigDir' | 'maxErrorRateOfBloomFilter' | 'expectConsumerNumUseFilter' | 'filterDataCleanTimeSpan'>;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  readonly expressions: ExpressionCache;
}

export class ConsumerFilterTable {
  readonly bloom: BloomFilter;
  readonly #options: FilterTableOptions;
  readonly #file: ConfigFile;
  /** topic -> group -> data. */
  readonly #topics = new Map<string, Map<string, FilterData>>();
  #count = 0;
  #chars = 0;
  #dirty = false;
  #timer: TimerHandle | undefined;
  /** Expressions that found no room. */
  turnedAway = 0;

  constructor(options: FilterTableOptions) {
    const { config, disk, log } = options;
    this.#options = options;
    this.bloom = new BloomFilter(config.maxErrorRateOfBloomFilter, config.expectConsumerNumUseFilter);
    this.#file = new ConfigFile({
      disk, log,
      path: `${config.storePathConfigDir}/consumerFilter.json`,
      encode: () => jsonPieces(this.#value(), true),
    });
  }

  load(): void {
    this.#file.load((text) => this.#decode(text));
  }

  start(): void {
    this.#timer = this.#options.clock.setInterval(() => this.save(), savePeriodMs);
  }

  /** Forgets what is dead for long and saves soon what changed. */
  save(): void {
    this.clean();
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#file.save();
  }

  async close(): Promise<void> {
    this.#timer?.clear();
    this.save();
    await this.#file.flush();
  }

  get size(): number {
    return this.#count;
  }

  get(topic: string, group: string): FilterData | undefined {
    return this.#topics.get(topic)?.get(group);
  }

  /** All groups that filter the topic, dead ones too; undefined when there are none. */
  ofTopic(topic: string): Iterable<FilterData> | undefined {
    return this.#topics.get(topic)?.values();
  }

  /** Data for one pull that brings its expression; the text of the exception where Apache's compiler has none for it (`ConsumerFilterManager#build`). */
  build(topic: string, group: string, expression: string, expressionType: string, clientVersion: bigint): FilterData | string {
    const compiled = this.#options.expressions.compile(expressionType, expression);
    if ('error' in compiled) return compiled.error;
    return {
      topic, group, expression, expressionType, clientVersion, judge: compiled.judge, bloom: undefined, bornTime: this.#options.clock.nowMs(), deadTime: 0,
    };
  }

  /** Takes over what a heartbeat says of a group; its other topics die (`ConsumerFilterManager#register`). */
  register(group: string, subscriptions: readonly Subscription[]): void {
    for (const subscription of subscriptions) this.#register(group, subscription);
    const topics = new Set(subscriptions.map((subscription) => subscription.topic));
    for (const [topic, groups] of this.#topics) {
      const data = groups.get(group);
      if (data !== undefined && !topics.has(topic) && !isDead(data)) this.#die(data);
    }
  }

  /** The group's last client left. */
  unregister(group: string): void {
    for (const groups of this.#topics.values()) {
      const data = groups.get(group);
      if (data !== undefined && !isDead(data)) this.#die(data);
    }
  }

  /** `ConsumerFilterManager#clean`. */
  clean(): void {
    const now = this.#options.clock.nowMs();
    for (const groups of this.#topics.values()) {
      for (const data of groups.values()) {
        if (isDead(data) && now - data.deadTime >= this.#options.config.filterDataCleanTimeSpan) this.#remove(data);
      }
    }
  }

  #die(data: FilterData): void {
    data.deadTime = this.#options.clock.nowMs();
    this.#dirty = true;
  }

  /** `FilterDataMapByTopic#register`: a version that is not newer changes nothing but revives, and a change that does not compile removes what was. */
  #register(group: string, subscription: Subscription): void {
    const { topic, subString: expression, expressionType, subVersion } = subscription;
    if (isTagType(expressionType) || expression === '') return;
    const old = this.get(topic, group);
    if (old !== undefined && subVersion <= old.clientVersion) {
      if (subVersion === old.clientVersion) this.#revive(old);
      return;
    }
    const bloom = this.bloom.dataOf(`${group}#${topic}`);
    if (old !== undefined && old.expression === expression && old.expressionType === expressionType && sameBits(old.bloom, bloom)) {
      old.clientVersion = subVersion;
      this.#revive(old);
      this.#dirty = true;
      return;
    }
    if (old !== undefined) this.#remove(old);
    const built = this.build(topic, group, expression, expressionType, subVersion);
    if (typeof built === 'string') {
      this.#options.log.warn({ group, topic, expression: expression.slice(0, 256), error: built }, 'a subscription has an expression that does not compile');
      return;
    }
    if (!this.#makeRoom(expression.length)) {
      this.turnedAway++;
      this.#options.log.warn({ group, topic, expressions: this.#count, characters: this.#chars }, 'no room for the expression of a subscription');
      return;
    }
    this.#add({ ...built, bloom });
  }

  #revive(data: FilterData): void {
    if (!isDead(data)) return;
    data.deadTime = 0;
    this.#dirty = true;
  }

  #add(data: FilterData): void {
    let groups = this.#topics.get(data.topic);
    if (groups === undefined) this.#topics.set(data.topic, (groups = new Map<string, FilterData>()));
    groups.set(data.group, data);
    this.#count++;
    this.#chars += data.expression.length;
    this.#dirty = true;
  }

  #remove(data: FilterData): void {
    const groups = this.#topics.get(data.topic);
    groups?.delete(data.group);
    if (groups?.size === 0) this.#topics.delete(data.topic);
    this.#count--;
    this.#chars -= data.expression.length;
    this.#dirty = true;
  }

  #makeRoom(chars: number): boolean {
    const full = (): boolean => this.#count >= filterDataMax || this.#chars + chars > filterCharsMax;
    if (!full()) return true;
    const dead: FilterData[] = [];
    for (const groups of this.#topics.values()) for (const data of groups.values()) if (isDead(data)) dead.push(data);
    dead.sort((a, b) => a.deadTime - b.deadTime);
    for (const data of dead) {
      this.#remove(data);
      if (!full()) return true;
    }
    return false;
  }

  #value(): JsonOut {
    const topics = this.#topics;
    return {
      filterDataByTopic: new JsonMembers(function* byTopic() {
        for (const [topic, groups] of topics) {
          const groupFilterData = new Map<string, JsonOut>();
          for (const [group, data] of groups) groupFilterData.set(group, filterDataBean(data));
          yield [topic, { groupFilterData, topic }];
        }
      }),
    };
  }

  /** All consumers are taken for dead; a filter of another size makes the whole file void (`ConsumerFilterManager#decode`). */
  #decode(text: string): void {
    const root = readJson(text, fileCharsMax);
    if (!isMap(root)) throw new TypeError('consumerFilter.json is no object');
    const found: FilterData[] = [];
    for (const groups of mapOf(root, 'filterDataByTopic').values()) {
      if (!isMap(groups)) continue;
      for (const bean of mapOf(groups, 'groupFilterData').values()) {
        const data = isMap(bean) ? this.#readData(bean) : undefined;
        if (data === undefined) continue;
        if (!this.bloom.isValid(data.bloom)) {
          this.#options.log.info({ bits: this.bloom.m }, 'the bloom filter has another size: saved filter data is void');
          return;
        }
        found.push(data);
      }
    }
    for (const data of found.slice(0, filterDataMax)) this.#add(data);
    this.#dirty = false;
  }

  #readData(bean: JsonMap): FilterData | undefined {
    const [topic, group] = [textOf(bean, 'topic'), textOf(bean, 'consumerGroup')];
    const [expression, expressionType] = [textOf(bean, 'expression'), textOf(bean, 'expressionType')];
    if (topic === undefined || group === undefined || expression === undefined || expressionType === undefined) return undefined;
    const compiled = this.#options.expressions.compile(expressionType, expression);
    const bornTime = longOf(bean, 'bornTime', 0);
    const saved = longOf(bean, 'deadTime', 0);
    return {
      topic, group, expression, expressionType, bornTime,
      judge: 'error' in compiled ? undefined : compiled.judge,
      bloom: readBits(bean.get('bloomFilterData')),
      deadTime: saved === 0 ? Math.max(bornTime, this.#options.clock.nowMs() - 30_000) : saved,
      clientVersion: bigOf(bean, 'clientVersion') ?? 0n,
    };
  }
}

/** `ConsumerFilterData` as fastjson writes it: the file's entries, and what QUERY_CONSUME_QUEUE shows. */
export function filterDataBean(data: FilterData): { readonly [name: string]: JsonOut } {
  return {
    ...(data.bloom === undefined ? {} : { bloomFilterData: { bitNum: data.bloom.bitNum, bitPos: [...data.bloom.bitPos] } }),
    bornTime: data.bornTime,
    clientVersion: data.clientVersion,
    consumerGroup: data.group,
    dead: isDead(data),
    deadTime: data.deadTime,
    expression: data.expression,
    expressionType: data.expressionType,
    topic: data.topic,
  };
}

function readBits(value: JsonValue | undefined): BloomFilterData | undefined {
  if (!isMap(value)) return undefined;
  const bitPos = listOf(value, 'bitPos').map((position) => longValue(position) ?? -1);
  const bitNum = intOf(value, 'bitNum', 0);
  return bitPos.every((position) => position >= 0 && position < bitNum) ? { bitNum, bitPos } : undefined;
}

/** Both are of this filter's size. */
function sameBits(a: BloomFilterData | undefined, b: BloomFilterData): boolean {
  return a?.bitPos.every((position, i) => position === b.bitPos[i]) === true;
}
