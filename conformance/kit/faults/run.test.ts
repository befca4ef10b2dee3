import { describe, expect, it } from '@jest/globals';
import { describeRecovery, faultCases, spreadOf, type Recovery } from './run.js';

const recovery = (ackMs: number | undefined): Recovery => ({ fault: { atMs: 0, fault: 'cut', lastsMs: 0, parameters: {} }, begunMs: 1, healedMs: 2, ackMs, deliveryMs: 7, note: undefined });

describe('the cases of --faults', () => {
  it('are required; those of a process are destructive and need an endpoint that the kit started', () => {
    const cases = faultCases({ seed: 1, durationMs: 1000 });
    expect(cases.find((one) => one.name === 'faults.kill')).toMatchObject({ level: 'MUST', area: 'faults', destructive: true, needs: ['local'], exclusive: true });
    expect(cases.find((one) => one.name === 'faults.delay')?.destructive).toBeUndefined();
    expect(cases).toHaveLength(14);
  });

  it('tell a recovery in one line, and many as half and all', () => {
    expect(describeRecovery(recovery(undefined))).toBe('cut at 1 ms, healed at 2 ms: first send acknowledged not before the next fault, first delivery after 7 ms');
    expect(spreadOf([recovery(30), recovery(undefined), recovery(10), recovery(20)]))
      .toEqual(['cut 4 times: first send acknowledged after 20 ms, at most 30 ms, 1 not before the next fault; first delivery after 7 ms, at most 7 ms (half of them, all)']);
  });
});
