import { describe, expect, it } from '@jest/globals';
import { createSchedule, describeFault, faultKinds, faultNames, type Fault } from './schedule.js';

describe('a schedule', () => {
  it('is a pure function of seed, duration and faults', () => {
    const options = { seed: 7, durationMs: 20_000, faults: faultNames };
    expect(createSchedule(options)).toEqual(createSchedule({ ...options, faults: [...faultNames] }));
    expect(createSchedule({ ...options, seed: 8 })).not.toEqual(createSchedule(options));
  });

  it('stays as it was for a seed, or runs could not be told again', () => {
    expect(createSchedule({ seed: 1, durationMs: 4000, faults: ['delay', 'cut'] }).map(describeFault)).toEqual([
      'at 275 ms cut (by reset)',
      'at 1106 ms delay for 1234 ms (toServerMs 8, toClientMs 17, jitterMs 0)',
      'at 2967 ms cut (by fin)',
      'at 3968 ms delay for 664 ms (toServerMs 42, toClientMs 84, jitterMs 46)',
    ]);
  });

  it('has one fault at a time, within the duration, each parameter within its bounds', () => {
    for (const seed of [0, 1, 0xffffffff]) {
      const schedule = createSchedule({ seed, durationMs: 60_000, faults: faultNames });
      let free = 1;
      for (const one of schedule) {
        expect(one.atMs).toBeGreaterThanOrEqual(free);
        expect(one.atMs).toBeLessThan(60_000);
        free = one.atMs + one.lastsMs + 400;
        for (const [name, bounds] of Object.entries(faultKinds[one.fault].parameters) as [string, readonly (number | string)[]][]) {
          const value = one.parameters[name];
          if (typeof value === 'string') expect(bounds).toContain(value);
          else expect([Number(bounds[0]) <= Number(value), Number(value) <= Number(bounds[1])]).toEqual([true, true]);
        }
      }
    }
  });

  it('has each fault once before any comes twice, and at least one however short it is', () => {
    const first = createSchedule({ seed: 3, durationMs: 60_000, faults: faultNames }).slice(0, faultNames.length).map((one: Fault) => one.fault);
    expect([...first].sort()).toEqual([...faultNames].sort());
    expect(createSchedule({ seed: 3, durationMs: 1, faults: ['cut'] })).toHaveLength(1);
  });

  it('needs faults and time', () => {
    expect(() => createSchedule({ seed: 1, durationMs: 10, faults: [] })).toThrow(/at least one fault/);
    expect(() => createSchedule({ seed: 1, durationMs: 0, faults: ['cut'] })).toThrow(/durationMs must be a whole number from 1, not 0/);
  });
});
