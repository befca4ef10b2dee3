/**
 * Latency histogram of the load generator: log-linear buckets in the manner of HdrHistogram, so that recording is a few
 * integer operations and a run of millions of samples needs a few dozen kilobytes. It leaves the taking of times to others.
 */

/** Sub-buckets per power of two: the width of a bucket is at most 1/128 (0.8 %) of the values in it. */
const SUB_BITS = 7;
const SUB_COUNT = 1 << SUB_BITS;
/** Values from here on are counted in the last bucket (about 214 s in units of 100 ns); `max` stays exact up to it. */
const VALUE_MAX = 0x7fffffff;
const BUCKETS = (31 - SUB_BITS) * SUB_COUNT + SUB_COUNT;

/** Units of a recorded value per millisecond: a unit is 100 ns. */
export const UNITS_PER_MS = 10_000;

/** A histogram in the form in which it travels between processes: only the buckets that hold something. */
export interface HistogramSnapshot {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly buckets: readonly (readonly [index: number, count: number])[];
}

/** Index of the bucket of `value` (an integer of 0..2^31-1): the first 256 values have a bucket each. */
export function bucketOf(value: number): number {
  if (value < SUB_COUNT * 2) return value;
  const shift = 31 - Math.clz32(value) - SUB_BITS;
  return shift * SUB_COUNT + (value >>> shift);
}

/** The largest value that falls into the bucket `index`. */
export function bucketHighest(index: number): number {
  if (index < SUB_COUNT * 2) return index;
  const shift = (index >>> SUB_BITS) - 1;
  const sub = index - shift * SUB_COUNT;
  return (sub + 1) * 2 ** shift - 1;
}

/** Counts values (integers, units of 100 ns by convention) and answers percentiles of them. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS + 1);
  #count = 0;
  #min = VALUE_MAX;
  #max = 0;
  #sum = 0;

  get count(): number {
    return this.#count;
  }
  /** Largest value recorded, exact; 0 when nothing was recorded. */
  get max(): number {
    return this.#max;
  }
  /** Smallest value recorded, exact; 0 when nothing was recorded. */
  get min(): number {
    return this.#count === 0 ? 0 : this.#min;
  }
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** Records one value. Fractions are cut, negative values count as 0, values above 2^31-1 as 2^31-1. */
  record(value: number): void {
    const v = value >= VALUE_MAX ? VALUE_MAX : value > 0 ? value | 0 : 0;
    const index = bucketOf(v);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#count++;
    this.#sum += v;
    if (v > this.#max) this.#max = v;
    if (v < this.#min) this.#min = v;
  }

  /** Records a duration in milliseconds (fractions welcome). */
  recordMs(durationMs: number): void {
    this.record(durationMs * UNITS_PER_MS);
  }

  /**
   * The value at or below which `percent` (0..100) of the samples lie, by the nearest-rank rule: the highest value of the
   * bucket of the sample of rank ceil(percent/100 * count), never above `max`. 0 when nothing was recorded.
   */
  percentile(percent: number): number {
    if (this.#count === 0) return 0;
    const rank = Math.min(this.#count, Math.max(1, Math.ceil((percent / 100) * this.#count)));
    let seen = 0;
    for (let i = 0; i < this.#counts.length; i++) {
      seen += this.#counts[i] ?? 0;
      if (seen >= rank) return Math.min(bucketHighest(i), this.#max);
    }
    return this.#max;
  }

  /** `percentile` in microseconds, for values recorded in units of 100 ns. */
  percentileUs(percent: number): number {
    return this.percentile(percent) / 10;
  }

  snapshot(): HistogramSnapshot {
    const buckets: [number, number][] = [];
    this.#counts.forEach((count, index) => {
      if (count > 0) buckets.push([index, count]);
    });
    return { count: this.#count, min: this.min, max: this.#max, sum: this.#sum, buckets };
  }

  /** Adds what another histogram counted, as if each of its samples had been recorded here. */
  merge(other: HistogramSnapshot): void {
    if (other.count === 0) return;
    for (const [index, count] of other.buckets) this.#counts[index] = (this.#counts[index] ?? 0) + count;
    this.#count += other.count;
    this.#sum += other.sum;
    if (other.max > this.#max) this.#max = other.max;
    if (other.min < this.#min) this.#min = other.min;
  }
}
