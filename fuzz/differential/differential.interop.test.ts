/** A short campaign with a fixed seed: random sequences to Skylark and to Apache 5.5.0 differ in nothing that has no row; a planted difference is found. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { missingForJava } from '../../conformance/adapters/apache/install.js';
import { describeFind, runCampaign, runCanaries } from './campaign.js';
import { canaries } from './canaries.js';
import { startPair, type Pair } from './command.js';
import { Judge } from './judge.js';

const missing = missingForJava();

describe('random sequences beside Apache 5.5.0', () => {
  if (missing.length > 0) {
    test.skip(`skipped: needs ${missing.join(' and ')}`, () => undefined);
    return;
  }
  let pair: Pair | undefined;
  const sides = (): Pair['sides'] => {
    if (pair === undefined) throw new Error('not started');
    return pair.sides;
  };
  beforeAll(async () => {
    pair = await startPair('apache');
  });
  afterAll(async () => {
    // The stores are thrown away: an orderly stop would take ten seconds.
    await Promise.allSettled([pair?.left.kill(), pair?.right.kill()]);
    await pair?.dispose();
  });

  test('six sequences of a fixed seed', async () => {
    const { summary } = await runCampaign(sides(), 'suite', { requests: 250, millis: 60_000, inFlight: 6, minimizeRuns: 20, findsMax: 5 });
    expect(summary.finds.map((find) => describeFind(find, `npm run fuzz -- --differential --replay ${find.seed}`))).toEqual([]);
    expect(summary.late).toEqual([]);
    expect(summary.requests).toBeGreaterThanOrEqual(250);
    expect(summary.alike.length).toBeGreaterThan(0);
  });

  test('a planted difference', async () => {
    const [seen] = await runCanaries(sides(), 'suite', new Judge(sides(), undefined, 10_000), canaries.slice(0, 1));
    expect(seen).toMatchObject({ found: true });
  });
});
