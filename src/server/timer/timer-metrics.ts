/** How many messages wait for their time, by topic (`TimerMetrics`), and config/timermetrics that keeps the numbers. For people: nothing is decided by them. */
import { isMap, longOf, mapOf } from '../../codec/json-members.js';
import { JsonMembers, jsonPieces, readJson, writeJson } from '../../compat/fastjson.js';
import type { JsonOut } from '../../compat/fastjson.js';
import type { Clock, Log } from '../../remoting/types.js';
import type { Disk } from '../../store/disk.js';
import { ConfigFile, fileCharsMax } from '../broker/config-file.js';
import { newDataVersion, nextDataVersion, readDataVersion } from '../broker/data-version.js';
import type { DataVersion } from '../broker/types.js';

/** Topics that are counted; those of further ones are not. */
const topicsMax = 100_000;

interface Metric {
  count: number;
  timeStamp: number;
}

export class TimerMetrics {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #path: string;
  readonly #file: ConfigFile;
  readonly #topics = new Map<string, Metric>();
  #dataVersion: DataVersion;
  #changed = false;

  constructor(clock: Clock, disk: Disk, log: Log, path: string) {
    this.#clock = clock;
    this.#log = log;
    this.#path = path;
    this.#dataVersion = newDataVersion(clock.nowMs());
    this.#file = new ConfigFile({ disk, log, path, encode: () => jsonPieces(this.#value()) });
  }

  load(): void {
    try {
      this.#file.load((text) => this.#decode(text));
    } catch (error) {
      this.#log.warn({ path: this.#path, error: String(error) }, 'the counts of timers are lost, they begin at 0');
    }
  }

  #decode(text: string): void {
    const value = readJson(text, fileCharsMax);
    if (!isMap(value)) throw new Error('timermetrics: expected an object');
    for (const [topic, metric] of mapOf(value, 'timingCount')) {
      if (typeof topic !== 'string' || !isMap(metric) || this.#topics.size >= topicsMax) continue;
      this.#topics.set(topic, { count: longOf(metric, 'count', 0), timeStamp: longOf(metric, 'timeStamp', 0) });
    }
    if (isMap(value.get('dataVersion'))) this.#dataVersion = readDataVersion(mapOf(value, 'dataVersion'));
  }

  add(topic: string, value: number): void {
    const nowMs = this.#clock.nowMs();
    let metric = this.#topics.get(topic);
    if (metric === undefined) {
      if (this.#topics.size >= topicsMax) return;
      metric = { count: 0, timeStamp: nowMs };
      this.#topics.set(topic, metric);
    }
    metric.count += value;
    metric.timeStamp = nowMs;
    this.#dataVersion = nextDataVersion(this.#dataVersion, nowMs);
    this.#changed = true;
  }

  count(topic: string): number {
    return this.#topics.get(topic)?.count ?? 0;
  }

  remove(topic: string): void {
    if (this.#topics.delete(topic)) this.#changed = true;
  }

  /** `TimerMetricsSerializeWrapper`: the file's text, and the body of GET_TIMER_METRICS. */
  text(pretty: boolean): string {
    return writeJson(this.#value(), pretty);
  }

  #value(): JsonOut {
    const topics = this.#topics;
    return {
      dataVersion: { ...this.#dataVersion },
      timingCount: new JsonMembers(function* byTopic() {
        for (const [topic, { count, timeStamp }] of topics) yield [topic, { count, timeStamp }];
      }),
    };
  }

  /** Saves what changed, in the background. */
  save(): void {
    if (!this.#changed) return;
    this.#changed = false;
    this.#file.save();
  }

  async close(): Promise<void> {
    this.save();
    await this.#file.flush();
  }
}
