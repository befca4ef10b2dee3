import { describe, expect, it } from '@jest/globals';
import { caseProblems, inVersions, type Case } from '../case.js';
import { featureNames } from '../features.js';
import { knownFailures } from '../known-failures.js';
import { faultCases } from '../faults/run.js';
import { allCases } from './index.js';

const good: Case = { name: 'pull.offset-past-max', requirement: 'It answers.', level: 'MUST', source: 'A#b', run: () => Promise.resolve() };

describe('the registry', () => {
  it('has cases with unique names, each well described', async () => {
    const cases = await allCases();
    expect(cases.length).toBeGreaterThan(0);
    expect(cases.flatMap((one) => caseProblems(one.area, one))).toEqual([]);
    expect(new Set(cases.map((one) => one.name)).size).toBe(cases.length);
    expect(cases.flatMap((one) => (one.needs ?? []).filter((feature) => !featureNames.includes(feature)))).toEqual([]);
  });

  it('has a case for each known failure', async () => {
    const names = new Set([...(await allCases()), ...faultCases({ seed: 0, durationMs: 1 })].map((one) => one.name));
    expect(knownFailures.filter((known) => !names.has(known.case))).toEqual([]);
  });
});

describe('a description', () => {
  it('that is right has no problem', () => {
    expect(caseProblems('pull', good)).toEqual([]);
  });

  it.each<[Partial<Case>, RegExp]>([
    [{ name: 'Pull.x' }, /lower-case/], [{ name: 'pull' }, /at least one dot/], [{ name: 'pull.a_b' }, /lower-case/], [{ name: 'pull..a' }, /lower-case/],
    [{ name: 'send.x' }, /begin with its area/], [{ name: `pull.${'x'.repeat(100)}` }, /longer than 100/], [{ requirement: 'It answers' }, /full stop/],
    [{ requirement: 'it answers.' }, /full stop/], [{ source: ' ' }, /no source/], [{ versions: { from: '5' } }, /no version/],
  ])('with %o has one', (part, text) => {
    expect(caseProblems('pull', { ...good, ...part }).join()).toMatch(text);
  });
});

describe('a version range', () => {
  it.each([
    [{ from: '5.0.0' }, '4.9.8', false], [{ from: '5.0.0' }, '5.0.0', true], [{ from: '5.4.0' }, '5.10.0', true], [{ to: '4.9.8' }, '4.9.8', true],
    [{ to: '4.9.8' }, '5.0.0', false], [{ from: '5.0.0' }, undefined, true], [{ to: '4.9.8' }, undefined, false], [{ from: '4.9.0', to: '5.1.0' }, '5.1.1', false],
  ])('%o holds for %s: %s', (range, version, holds) => {
    expect(inVersions(range, version)).toBe(holds);
  });
});
