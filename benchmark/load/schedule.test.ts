import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Histogram } from './histogram.js';
import { OpenLoopSchedule } from './schedule.js';

describe('open-loop schedule', () => {
  test('however late and unevenly it is asked, each request is handed out once, at its intended time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), fc.array(fc.double({ min: 0, max: 50, noNaN: true }), { minLength: 1, maxLength: 12 }), (rate, gaps) => {
        const schedule = new OpenLoopSchedule(1000, rate);
        let now = 1000;
        let taken = 0;
        for (const gap of gaps) {
          now += gap;
          for (let due = schedule.due(now); due > 0; due--) {
            const intended = schedule.take();
            expect(intended).toBeLessThanOrEqual(now + 1e-6);
            expect(intended).toBeCloseTo(1000 + (taken * 1000) / rate, 6);
            taken++;
          }
          expect(schedule.nextAt).toBeGreaterThan(now - 1e-6);
        }
        expect(taken).toBe(Math.floor(((now - 1000) * rate) / 1000) + 1);
      }),
    );
  });

  test('nothing is due before the start', () => {
    expect(new OpenLoopSchedule(1000, 10).due(999)).toBe(0);
    expect(() => new OpenLoopSchedule(0, 0)).toThrow(/rate/);
  });

  test('a broker that stands still for 100 ms shows in the latencies of all requests that were due meanwhile', () => {
    // 1,000 requests a second for a second; the broker answers at once, but for 100 ms in which nothing is sent or answered.
    const schedule = new OpenLoopSchedule(0, 1000);
    const latency = new Histogram();
    for (let now = 0; now < 1000; now++) {
      if (now >= 400 && now < 500) continue;
      for (let due = schedule.due(now); due > 0; due--) latency.recordMs(now - schedule.take());
    }
    expect(latency.count).toBe(1000);
    expect(latency.max / 10_000).toBe(100);
    // 100 of the 1,000 waited 1..100 ms: the 95th percentile lies in the middle of them.
    expect(latency.percentileUs(95) / 1000).toBeGreaterThan(45);
    expect(latency.percentileUs(89)).toBe(0);
  });
});
