/**
 * Values that others own, kept for a while (`TopicRouteService#topicCache` and its kin): one load at a time for each key, a value that is a little old is
 * given out while it is loaded anew, and one that cannot be loaded again stays.
 */
import type { Clock, Log } from '../../../remoting/types.js';
import type { Maybe } from '../brokers.js';
import { textOf } from '../../words.js';

export interface FreshCacheOptions<T> {
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds after which a value is loaded anew in the background. */
  readonly refreshMs: () => number;
  /** Milliseconds for which "there is none" holds. */
  readonly absentMs: number;
  /** Milliseconds after which a value that nobody asked for is not given out any more. */
  readonly expireMs: number;
  readonly entriesMax: number;
  /** Undefined = there is none. Rejects when nobody can say. */
  readonly load: (key: string) => Promise<T | undefined>;
}

interface Entry<T> {
  value: T | undefined;
  loadedMs: number;
  usedMs: number;
}

export class FreshCache<T> {
  readonly #options: FreshCacheOptions<T>;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #loading = new Map<string, Promise<T | undefined>>();

  constructor(options: FreshCacheOptions<T>) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Maybe<T | undefined> {
    const { clock, refreshMs, absentMs, expireMs } = this.#options;
    const nowMs = clock.nowMs();
    const entry = this.#entries.get(key);
    if (entry === undefined || nowMs - entry.usedMs > expireMs) return this.#load(key);
    entry.usedMs = nowMs;
    const ageMs = nowMs - entry.loadedMs;
    if (entry.value === undefined) return ageMs < absentMs ? undefined : this.#load(key);
    if (ageMs >= refreshMs()) void this.#load(key).catch((error: unknown) => this.#options.log.warn({ key, error: textOf(error) }, 'a value that is known could not be read anew'));
    return entry.value;
  }

  /** The value as it is now, not as it was. */
  again(key: string): Promise<T | undefined> {
    return this.#load(key);
  }

  #load(key: string): Promise<T | undefined> {
    const running = this.#loading.get(key);
    if (running !== undefined) return running;
    const { clock, load, entriesMax } = this.#options;
    const loading = load(key).then((value) => {
      const nowMs = clock.nowMs();
      this.#entries.delete(key);
      this.#entries.set(key, { value, loadedMs: nowMs, usedMs: nowMs });
      if (this.#entries.size > entriesMax) {
        const [oldest] = this.#entries.keys();
        if (oldest !== undefined) this.#entries.delete(oldest);
      }
      return value;
    }).finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    return loading;
  }
}
