/**
 * Counters of what the broker takes and gives, with Apache's windows (`StatsItem`, `BrokerStatsManager`): per topic, per group and in all. They cost
 * the hot path nothing: puts are counted when the store tells of arrivals, gets when a group's pull offset moves on.
 */
import { isLightQueue, lightQueuePrefix } from '../../compat/light-queues.js';
import type { Clock, TimerHandle } from '../../remoting/types.js';
import { JsonDouble } from '../../compat/fastjson.js';
import { javaDoubleText } from '../../compat/java-number.js';
import type { JsonOut } from '../../compat/fastjson.js';

/** Windows of `StatsItem#init`: how often a sample is taken and how many are kept, in milliseconds and samples. */
const windows = {
  minute: { periodMs: 10_000, samples: 7 },
  hour: { periodMs: 600_000, samples: 7 },
  day: { periodMs: 3_600_000, samples: 25 },
} as const;
type Window = keyof typeof windows;

/** Counters kept at most; the oldest idle ones go first. */
const itemsMax = 200_000;

interface Sample {
  readonly atMs: number;
  readonly value: number;
  readonly times: number;
}

export interface Snapshot {
  readonly sum: number;
  readonly tps: number;
  readonly avgpt: number;
}

/** One counter: a sum, how often it was added to, and samples of both. */
export class StatsItem {
  value = 0;
  times = 0;
  readonly #samples: Record<Window, Sample[]> = { minute: [], hour: [], day: [] };

  add(value: number): void {
    this.value += value;
    this.times++;
  }

  sample(window: Window, nowMs: number): void {
    const samples = this.#samples[window];
    if (samples.length === 0) samples.push({ atMs: nowMs - windows[window].periodMs, value: 0, times: 0 });
    samples.push({ atMs: nowMs, value: this.value, times: this.times });
    if (samples.length > windows[window].samples) samples.shift();
  }

  /** Between the window's first and last sample (`StatsItem#computeStatsData`). */
  snapshot(window: Window): Snapshot {
    const samples = this.#samples[window];
    const first = samples[0];
    const last = samples.at(-1);
    if (first === undefined || last === undefined || first === last) return { sum: 0, tps: 0, avgpt: 0 };
    const sum = last.value - first.value;
    const times = last.times - first.times;
    return { sum, tps: perSecond(first, last, 'value'), avgpt: times > 0 ? sum / times : 0 };
  }

  /** Per second over the last 10, 60 and 600 seconds, blank separated; 0.0 before there is a sample (`StoreStatsService#getPutTps`). */
  rates(what: 'value' | 'times'): string {
    const { minute, hour } = this.#samples;
    const seconds10 = perSecond(minute.at(-2), minute.at(-1), what);
    const seconds60 = perSecond(minute[0], minute.at(-1), what);
    const seconds600 = perSecond(hour.at(-2), hour.at(-1), what);
    return [seconds10, seconds60, seconds600].map(javaDoubleText).join(' ');
  }
}

/** What changed between two samples, per second. */
function perSecond(from: Sample | undefined, to: Sample | undefined, what: 'value' | 'times'): number {
  return from === undefined || to === undefined || from === to ? 0 : ((to[what] - from[what]) * 1000) / (to.atMs - from.atMs);
}

/** `Stats#TOPIC_PUT_NUMS` and its kind that are counted here. */
export type StatsName = 'TOPIC_PUT_NUMS' | 'BROKER_PUT_NUMS' | 'GROUP_GET_NUMS' | 'BROKER_GET_NUMS';

export class Statistics {
  readonly #clock: Clock;
  readonly #clusterName: string;
  readonly #isSystem: (topic: string) => boolean;
  /** Of topics that are no system topics (`BrokerStatsManager#incBrokerPutNumsWithoutSystemTopic`). */
  #putByUsers = 0;
  #getByUsers = 0;
  readonly #sets: Record<StatsName, Map<string, StatsItem>> = {
    TOPIC_PUT_NUMS: new Map(), BROKER_PUT_NUMS: new Map(), GROUP_GET_NUMS: new Map(), BROKER_GET_NUMS: new Map(),
  };
  readonly #timers: TimerHandle[] = [];
  readonly #morning = { yesterdayPut: 0, todayPut: 0, yesterdayGet: 0, todayGet: 0, day: 0 };
  readonly bootMs: number;

  /** What was counted last: pulls of one group and topic follow each other, and a key of two names costs a text and its hash. */
  #lastGet: { readonly group: string; readonly topic: string; readonly system: boolean; readonly item: StatsItem } | undefined;

  /** @param isSystem whether a topic is a system topic (`TopicValidator#isSystemTopic`): those are not in the totals of a day */
  constructor(clock: Clock, clusterName: string, isSystem: (topic: string) => boolean) {
    this.#clock = clock;
    this.#clusterName = clusterName;
    this.#isSystem = isSystem;
    this.bootMs = clock.nowMs();
    this.#morning.day = dayOf(this.bootMs);
    this.#item('BROKER_PUT_NUMS', clusterName);
    this.#item('BROKER_GET_NUMS', clusterName);
  }

  start(): void {
    for (const window of Object.keys(windows) as Window[]) {
      this.#timers.push(this.#clock.setInterval(() => this.sample(window), windows[window].periodMs));
    }
  }

  stop(): void {
    for (const timer of this.#timers.splice(0)) timer.clear();
  }

  /** Takes a sample of every counter. */
  sample(window: Window): void {
    const now = this.#clock.nowMs();
    for (const set of Object.values(this.#sets)) for (const item of set.values()) item.sample(window, now);
    const day = dayOf(now);
    if (day === this.#morning.day) return;
    this.#morning.day = day;
    this.#morning.yesterdayPut = this.#morning.todayPut;
    this.#morning.yesterdayGet = this.#morning.todayGet;
    this.#morning.todayPut = this.#putByUsers;
    this.#morning.todayGet = this.#getByUsers;
  }

  /** Messages of a topic became visible. */
  put(topic: string, count: number): void {
    // A message counts once, however many light queues it is in.
    if (isLightQueue(topic)) return;
    this.#item('TOPIC_PUT_NUMS', topic).add(count);
    this.#item('BROKER_PUT_NUMS', this.#clusterName).add(count);
    if (!this.#isSystem(topic)) this.#putByUsers += count;
  }

  /** A group was given messages of a topic. */
  get(group: string, topic: string, count: number): void {
    // As `LmqBrokerStatsManager`: one item for all light queues.
    let last = this.#lastGet;
    if (last === undefined || last.topic !== topic || last.group !== group) {
      const key = `${isLightQueue(topic) ? lightQueuePrefix : topic}@${isLightQueue(group) ? lightQueuePrefix : group}`;
      last = this.#lastGet = { group, topic, system: this.#isSystem(topic), item: this.#item('GROUP_GET_NUMS', key) };
    }
    last.item.add(count);
    if (!last.system) this.#getByUsers += count;
    this.#item('BROKER_GET_NUMS', this.#clusterName).add(count);
  }

  putTps(topic: string): number {
    return this.item('TOPIC_PUT_NUMS', topic)?.snapshot('minute').tps ?? 0;
  }

  getTps(group: string, topic: string): number {
    return this.item('GROUP_GET_NUMS', `${topic}@${group}`)?.snapshot('minute').tps ?? 0;
  }

  /** Undefined when nothing was counted under that name and key. */
  item(name: string, key: string): StatsItem | undefined {
    return Object.hasOwn(this.#sets, name) ? this.#sets[name as StatsName].get(key) : undefined;
  }

  topicRemoved(topic: string): void {
    this.#lastGet = undefined;
    this.#sets.TOPIC_PUT_NUMS.delete(topic);
    for (const key of [...this.#sets.GROUP_GET_NUMS.keys()]) if (key.startsWith(`${topic}@`)) this.#sets.GROUP_GET_NUMS.delete(key);
  }

  groupRemoved(group: string): void {
    this.#lastGet = undefined;
    for (const key of [...this.#sets.GROUP_GET_NUMS.keys()]) if (key.endsWith(`@${group}`)) this.#sets.GROUP_GET_NUMS.delete(key);
  }

  /** The broker's totals as GET_BROKER_RUNTIME_INFO names them (`BrokerStats`). */
  totals(): Record<string, string> {
    return {
      msgPutTotalYesterdayMorning: String(this.#morning.yesterdayPut),
      msgPutTotalTodayMorning: String(this.#morning.todayPut),
      msgPutTotalTodayNow: String(this.#putByUsers),
      msgGetTotalYesterdayMorning: String(this.#morning.yesterdayGet),
      msgGetTotalTodayMorning: String(this.#morning.todayGet),
      msgGetTotalTodayNow: String(this.#getByUsers),
    };
  }

  /** `putTps` and its kind. Reads that found nothing are not counted here: `getMissTps` is as before the first one. */
  rates(): Record<string, string> {
    const gets = this.#item('BROKER_GET_NUMS', this.#clusterName);
    const found = gets.rates('times');
    return {
      putTps: this.#item('BROKER_PUT_NUMS', this.#clusterName).rates('value'),
      getTransferredTps: gets.rates('value'),
      getFoundTps: found,
      getTotalTps: found,
      getMissTps: '0.0 0.0 0.0',
    };
  }

  #item(name: StatsName, key: string): StatsItem {
    const set = this.#sets[name];
    let item = set.get(key);
    if (item === undefined) {
      if (set.size >= itemsMax) {
        set.delete(set.keys().next().value ?? '');
        this.#lastGet = undefined;
      }
      set.set(key, (item = new StatsItem()));
    }
    return item;
  }
}

/** `BrokerStatsData`. */
export function statsData(item: StatsItem): JsonOut {
  const of = (window: Window): JsonOut => {
    const { sum, tps, avgpt } = item.snapshot(window);
    return { avgpt: new JsonDouble(avgpt), sum, tps: new JsonDouble(tps) };
  };
  return { statsDay: of('day'), statsHour: of('hour'), statsMinute: of('minute') };
}

/** The day a time lies in, UTC: what Apache's midnight task decides by local time. */
function dayOf(ms: number): number {
  return Math.floor(ms / 86_400_000);
}
