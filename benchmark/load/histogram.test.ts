import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bucketHighest, bucketOf, Histogram } from './histogram.js';

const VALUE_MAX = 0x7fffffff;

/** Nearest rank on the sorted values: what the histogram approximates. */
function exactPercentile(sorted: readonly number[], percent: number): number {
  const rank = Math.min(sorted.length, Math.max(1, Math.ceil((percent / 100) * sorted.length)));
  return sorted[rank - 1] ?? NaN;
}

const values = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 100_000 }), fc.integer({ min: 0, max: VALUE_MAX }));

describe('histogram', () => {
  test('a value lies in its bucket and the buckets join without gaps', () => {
    fc.assert(
      fc.property(values, (value) => {
        const index = bucketOf(value);
        expect(bucketHighest(index)).toBeGreaterThanOrEqual(value);
        if (index > 0) expect(bucketHighest(index - 1)).toBeLessThan(value);
      }),
    );
    for (let index = 0; index < 2000; index++) expect(bucketOf(bucketHighest(index) + 1)).toBe(index + 1);
  });

  test('percentiles are those of the sorted values, high by less than 1/128', () => {
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 400 }), fc.double({ min: 0, max: 100, noNaN: true }), (samples, percent) => {
        const histogram = new Histogram();
        for (const sample of samples) histogram.record(sample);
        const sorted = [...samples].sort((a, b) => a - b);
        const exact = exactPercentile(sorted, percent);
        const found = histogram.percentile(percent);
        expect(found).toBeGreaterThanOrEqual(exact);
        expect(found).toBeLessThanOrEqual(exact + exact / 128);
        expect(histogram.max).toBe(sorted.at(-1));
        expect(histogram.min).toBe(sorted[0]);
        expect(histogram.count).toBe(samples.length);
      }),
    );
  });

  test('merging snapshots equals recording everything in one', () => {
    fc.assert(
      fc.property(fc.array(values), fc.array(values), (left, right) => {
        const [a, b, both] = [new Histogram(), new Histogram(), new Histogram()];
        for (const value of left) a.record(value);
        for (const value of right) b.record(value);
        for (const value of [...left, ...right]) both.record(value);
        const merged = new Histogram();
        merged.merge(a.snapshot());
        merged.merge(b.snapshot());
        expect(merged.snapshot()).toEqual(both.snapshot());
      }),
    );
  });

  test('an empty one answers 0, and what is out of range is held at its ends', () => {
    const histogram = new Histogram();
    expect(histogram.percentile(99)).toBe(0);
    expect(histogram.min).toBe(0);
    histogram.record(-5);
    histogram.record(1e12);
    expect([histogram.min, histogram.max]).toEqual([0, VALUE_MAX]);
    expect(histogram.percentile(100)).toBe(VALUE_MAX);
  });

  test('durations are kept in units of 100 ns', () => {
    const histogram = new Histogram();
    histogram.recordMs(0.0025);
    expect(histogram.percentileUs(50)).toBe(2.5);
  });
});
