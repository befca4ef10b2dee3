/**
 * How many halves of each topic are undecided (`TransactionMetrics`), and config/transactionMetrics, which keeps the figures over a restart. They are
 * figures, not state: nothing is decided by them. A killed process loses what it counted since the last save.
 */
import { isMap, longOf, mapOf } from '../../codec/json-members.js';
import { JsonMembers, jsonPieces, readJson } from '../../compat/fastjson.js';
import type { JsonOut } from '../../compat/fastjson.js';
import type { Clock, Log, TimerHandle } from '../../remoting/types.js';
import type { Disk } from '../../store/disk.js';
import { ConfigFile, fileCharsMax } from '../broker/config-file.js';
import { newDataVersion, nextDataVersion, readDataVersion } from '../broker/data-version.js';
import type { DataVersion } from '../broker/types.js';
import type { BrokerConfig } from '../config-types.js';

export interface TransactionCountsOptions {
  readonly config: Pick<BrokerConfig, 'storePathConfigDir' | 'transactionMetricFlushInterval'>;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
}

/** `TransactionMetrics.Metric`; the time is when it changed last, in milliseconds. */
interface Count {
  count: number;
  timeStamp: number;
}

/** Topics counted; topics are bounded elsewhere, but a commit may name one that is gone. */
const topicsMax = 100_000;

export class TransactionCounts {
  readonly #options: TransactionCountsOptions;
  readonly #counts = new Map<string, Count>();
  readonly #file: ConfigFile;
  #dataVersion: DataVersion;
  #dirty = false;
  #timer: TimerHandle | undefined;

  constructor(options: TransactionCountsOptions) {
    const { config, disk, clock, log } = options;
    this.#options = options;
    this.#dataVersion = newDataVersion(clock.nowMs());
    this.#file = new ConfigFile({ disk, log, path: `${config.storePathConfigDir}/transactionMetrics`, encode: () => jsonPieces(this.#value()) });
  }

  /** Undecided halves of the topic; may be below zero after commits that came twice, as in Apache. */
  get(topic: string): number {
    return this.#counts.get(topic)?.count ?? 0;
  }

  add(topic: string, change: number): void {
    const now = this.#options.clock.nowMs();
    const known = this.#counts.get(topic);
    if (known !== undefined) {
      known.count += change;
      known.timeStamp = now;
    } else if (this.#counts.size < topicsMax) this.#counts.set(topic, { count: change, timeStamp: now });
    this.#dataVersion = nextDataVersion(this.#dataVersion, now);
    this.#dirty = true;
  }

  /** Figures are not worth a start that fails: a file that cannot be read is set aside by the next save. */
  load(): void {
    try {
      this.#file.load((text) => this.#decode(text));
    } catch (error) {
      this.#options.log.warn({ error: String(error) }, 'counts of transactions begin anew');
    }
  }

  start(): void {
    this.#timer = this.#options.clock.setInterval(() => this.#save(), this.#options.config.transactionMetricFlushInterval);
  }

  async stop(): Promise<void> {
    this.#timer?.clear();
    this.#save();
    await this.#file.flush();
  }

  /** `TransactionMetricsSerializeWrapper`. */
  #value(): JsonOut {
    const counts = this.#counts;
    return {
      dataVersion: { ...this.#dataVersion },
      transactionCount: new JsonMembers(function* byTopic() {
        for (const topic of [...counts.keys()].sort()) {
          const { count = 0, timeStamp = 0 } = counts.get(topic) ?? {};
          yield [topic, { count, timeStamp }];
        }
      }),
    };
  }

  #save(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#file.save();
  }

  #decode(text: string): void {
    const value = readJson(text, fileCharsMax);
    if (!isMap(value)) throw new Error('transactionMetrics: expected an object');
    for (const [topic, one] of mapOf(value, 'transactionCount')) {
      if (isMap(one) && typeof topic === 'string' && this.#counts.size < topicsMax) this.#counts.set(topic, { count: longOf(one, 'count', 0), timeStamp: longOf(one, 'timeStamp', 0) });
    }
    if (isMap(value.get('dataVersion'))) this.#dataVersion = readDataVersion(mapOf(value, 'dataVersion'));
  }
}
