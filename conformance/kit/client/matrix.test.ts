import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../process.js';
import type { VerdictFile } from '../verdicts.js';
import { clientMatrixDocument, readClientVerdicts, renderClientMatrix, withClientMatrix } from './matrix.js';
import { clientCases } from './run.js';

const recorded = readClientVerdicts(join(projectRoot, 'conformance/verdicts/clients'));
const file = (endpoint: string, cases: Record<string, string>): VerdictFile => ({ format: 1, endpoint, cases });

describe('the recorded verdicts of client libraries', () => {
  it('have every case, and no other, for each library', () => {
    const names = clientCases.map((one) => one.name).sort();
    for (const { cases } of recorded.values()) expect(Object.keys(cases)).toEqual(names);
  });

  it('have no case that both official Java clients fail: what they do is right', () => {
    const [older, newest] = [recorded.get('java-4.9.8')?.cases ?? {}, recorded.get('java-5.5.0')?.cases ?? {}];
    expect(clientCases.filter((one) => older[one.name] !== 'pass' && newest[one.name] !== 'pass').map((one) => one.name)).toEqual([]);
  });

  it('have no failure without a reason', () => {
    expect([...recorded.values()].flatMap(({ endpoint, cases }) => Object.entries(cases).filter(([, text]) => !/^(?:pass$|known-failure: |not-applicable: )/.test(text)).map(([name, text]) => `${endpoint} ${name}: ${text}`))).toEqual([]);
  });

  it('are what the documentation shows', () => {
    const text = readFileSync(join(projectRoot, clientMatrixDocument), 'utf8');
    expect(withClientMatrix(text, clientCases, recorded)).toBe(text);
  });
});

describe('the matrix', () => {
  const cases = [{ name: 'client.send.a', area: 'client.send', level: 'MUST' }, { name: 'client.send.b', area: 'client.send', level: 'SHOULD' }, { name: 'client.pull.c', area: 'client.pull', level: 'MUST' }] as const;
  const two = new Map([
    ['go', file('go', { 'client.send.a': 'pass', 'client.send.b': 'known-failure: it: does not', 'client.pull.c': 'not-applicable: needs batch' })],
    ['ali-ons', file('ali-ons', { 'client.send.a': 'pass', 'client.send.b': 'pass', 'client.pull.c': 'fail' })],
  ] as const);

  it('counts by area, and names what not every library passes', () => {
    expect(renderClientMatrix(cases, two).split('\n')).toEqual([
      '| area | cases | go | ali-ons |', '|---|---:|---:|---:|', '| send | 2 | **1 of 2** | 2 |', '| pull | 1 | - | **0 of 1** |', '| **all** | 3 | **1 of 2** | **2 of 3** |', '',
      '1 of the 3 cases pass with every library. The others:', '',
      '| case | go | ali-ons |', '|---|---|---|', '| client.send.b (SHOULD) | **no**: it: does not | pass |', '| client.pull.c (MUST) | -: needs batch | **fail** |',
    ]);
  });

  it('needs its markers', () => expect(() => withClientMatrix('no markers', cases, two)).toThrow(/does not have/));
});
