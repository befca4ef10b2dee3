import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { projectRoot } from '../process.js';
import { allCases } from './cases/index.js';
import { req } from './codes.js';
import { matrixDocuments, readMatrixEndpoints, withMatrix } from './matrix.js';
import type { CaseReport, RunReport } from './report/types.js';
import { ScriptedServer } from './testdata/scripted-server.js';
import {
  changedVerdicts, compareVerdicts, parseVerdicts, readVerdicts, renderChanges, renderVerdicts, updateVerdicts, verdictOf, whyNotCounted, writeVerdicts, type VerdictFile,
} from './verdicts.js';

const dir = mkdtempSync(join(tmpdir(), 'verdicts-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const ran = (name: string, verdict: CaseReport['verdict'], more: Partial<CaseReport> = {}): CaseReport => ({
  name, verdict, area: name.split('.')[0] ?? '', requirement: 'It answers.', level: 'MUST', source: 'A#b', origin: 'hand', notes: [], durationMs: 1, wire: [], ...more,
});
const report = (...cases: CaseReport[]): RunReport => ({
  format: 1, kit: '0', endpoint: { name: 'apache 5.5.0', kind: 'apache', namesrv: 'n:1', broker: 'b:1', brokerName: 'b', cluster: 'c', features: [], profile: 'full' },
  seed: 1, started: '2026-01-01T00:00:00.000Z', durationMs: 1, options: { parallel: 4, timeoutMs: 1, destructive: false, prefix: 'p' }, notes: [], cases,
});
const file = (cases: Record<string, string>): VerdictFile => ({ format: 1, endpoint: 'apache 5.5.0', cases });

describe('a run compared with its verdict file', () => {
  it('has no changes when verdicts are the same, whatever the reasons', () => {
    const old = file({ 'a.na': 'not-applicable: old words', 'a.ok': 'pass', 'a.known': 'known-failure: #7' });
    expect(compareVerdicts(old, report(ran('a.ok', 'pass'), ran('a.na', 'not-applicable', { reason: 'new words' }), ran('a.known', 'known-failure', { issue: '#8' })), true)).toEqual([]);
  });

  it('names each case that got worse, better, is new or gone', () => {
    const old = file({ 'a.worse': 'pass', 'a.better': 'fail', 'a.gone': 'pass', 'a.skipped': 'pass' });
    const now = report(ran('a.new', 'pass'), ran('a.worse', 'fail'), ran('a.better', 'pass'), ran('a.skipped', 'skipped', { reason: 'needs --destructive' }));
    const changes = compareVerdicts(old, now, true);
    expect(changes.map((one) => [one.case, one.was, one.is])).toEqual([['a.better', 'fail', 'pass'], ['a.gone', 'pass', undefined], ['a.new', undefined, 'pass'], ['a.worse', 'pass', 'fail']]);
    expect(renderChanges(changes)).toContain('  a.gone: was pass, is (no such case)\n');
    expect(compareVerdicts(old, now, false).map((one) => one.case)).toEqual(['a.better', 'a.new', 'a.worse']);
  });

  it('replaces what ran, keeps what was skipped or left out, and drops what is gone', () => {
    const old = file({ 'b.left-out': 'pass', 'a.skipped': 'pass', 'a.one': 'fail' });
    const now = report(ran('a.one', 'pass'), ran('a.skipped', 'skipped'), ran('a.na', 'not-applicable', { reason: 'needs pop' }));
    expect(Object.entries(updateVerdicts(old, now, false).cases)).toEqual([['a.na', 'not-applicable: needs pop'], ['a.one', 'pass'], ['a.skipped', 'pass'], ['b.left-out', 'pass']]);
    expect(Object.keys(updateVerdicts(old, now, true).cases)).toEqual(['a.na', 'a.one', 'a.skipped']);
    expect(updateVerdicts(undefined, now, true).endpoint).toBe('apache 5.5.0');
  });

  it('is written and read again the same', () => {
    const path = join(dir, 'one.json');
    expect(() => changedVerdicts(path, report(), true)).toThrow('one.json: no such verdict file (--update-verdicts writes it)');
    expect(writeVerdicts(path, report(ran('b.two', 'pass'), ran('a.one', 'fail')), true)).toBe(2);
    const text = readFileSync(path, 'utf8');
    expect(text).toBe('{\n "format": 1,\n "endpoint": "apache 5.5.0",\n "cases": {\n  "a.one": "fail",\n  "b.two": "pass"\n }\n}\n');
    expect(renderVerdicts(parseVerdicts(text, path))).toBe(text);
    expect(changedVerdicts(path, report(ran('b.two', 'pass'), ran('a.one', 'pass')), true)).toEqual([{ case: 'a.one', was: 'fail', is: 'pass' }]);
  });

  it.each([
    ['{', 'x.json is no JSON'], ['null', 'x.json is no verdict file of format 1'], ['{"format":2,"endpoint":"e","cases":{}}', 'no verdict file of format 1'],
    ['{"format":1,"endpoint":"e","cases":{"a.b":1}}', 'x.json: the verdict of a.b is no text'], ['{"format":1,"endpoint":"e","cases":{"a.b":"fine"}}', "x.json: a.b: 'fine' is no verdict; there are pass, fail"],
  ])('refuses the file %s', (text, message) => {
    const path = join(dir, 'x.json');
    writeFileSync(path, text);
    expect(() => readVerdicts(path)).toThrow(message);
  });
});

describe('conform', () => {
  it('records verdicts, and compares the next run with them', async () => {
    let own = '';
    const server = await ScriptedServer.start((request) =>
      (request.code === req.GET_BROKER_CLUSTER_INFO ? { body: `{"brokerAddrTable":{"b":{"brokerAddrs":{"0":"${own}"},"cluster":"c"}}}` } : { code: 1, remark: 'never' }));
    own = server.address;
    const path = join(dir, 'recorded.json');
    const run = (...args: string[]): Promise<{ code: number | null; out: string; err: string }> => new Promise((resolve) => {
      const child = execFile(process.execPath, [fileURLToPath(new URL('./main.js', import.meta.url)), '--namesrv', own, '--only', 'offsets.commit-then-query', ...args], { timeout: 60_000 },
        (_error, out, err) => resolve({ code: child.exitCode, out, err }));
    });
    try {
      expect(await run('--verdicts', path)).toMatchObject({ code: 2, err: expect.stringContaining('no such verdict file') });
      expect((await run('--update-verdicts', path)).code).toBe(1);
      expect(readVerdicts(path)?.cases).toEqual({ 'offsets.commit-then-query': 'error' });
      expect(await run('--verdicts', path)).toMatchObject({ code: 0, out: expect.stringContaining('no verdict differs from') });
      writeFileSync(path, readFileSync(path, 'utf8').replace('"error"', '"pass"'));
      expect(await run('--verdicts', path)).toMatchObject({ code: 1, out: expect.stringContaining('1 verdicts differ from') });
      expect((await run('--verdicts', path)).out).toContain('  offsets.commit-then-query: was pass, is error\n');
    } finally {
      await server.stop();
    }
  });
});

describe('a case counts', () => {
  it.each<[string | undefined, string | undefined, 'MUST' | 'INFORMATIONAL', RegExp | undefined]>([
    ['pass', undefined, 'MUST', undefined], ['fail', undefined, 'INFORMATIONAL', undefined], ['known-failure: apache/rocketmq#77', undefined, 'MUST', undefined],
    ['not-applicable: for versions up to 4.9.9', 'pass', 'MUST', undefined], ['fail', 'pass', 'MUST', /verdict is fail/], ['error', 'pass', 'MUST', /verdict is error/],
    ['known-failure: everybody knows', 'pass', 'MUST', /names no issue/], ['not-applicable: needs bloom', 'fail', 'MUST', /needs bloom/], [undefined, 'pass', 'MUST', /no verdict/],
  ])('with %s on the newest Apache and %s on an older one, level %s: %s', (newest, older, level, why) => {
    const answer = whyNotCounted({ name: 'a.b', level }, newest, older);
    if (why === undefined) expect(answer).toBeUndefined();
    else expect(answer).toMatch(why);
  });
});

const folder = join(projectRoot, 'conformance/verdicts');
const recorded = (name: string): VerdictFile => readVerdicts(join(folder, `${name}.json`)) ?? file({});

describe('the recorded verdicts', () => {
  it('have every case of the kit, and no other, for each endpoint', async () => {
    const names = (await allCases()).map((one) => one.name).sort();
    for (const endpoint of ['apache-5.5.0', 'apache-4.9.7', 'skylark']) {
      const has = Object.keys(recorded(endpoint).cases);
      expect({ endpoint, without: names.filter((name) => !has.includes(name)), unknown: has.filter((name) => !names.includes(name)) }).toEqual({ endpoint, without: [], unknown: [] });
      expect(has).toEqual([...has].sort());
    }
  });

  it('have no failure of Apache 5.5.0 that no issue tracks, so that no case asks for what Apache does not do', async () => {
    const newest = recorded('apache-5.5.0').cases;
    const older = recorded('apache-4.9.7').cases;
    const wrong = (await allCases()).flatMap((one) => {
      const why = whyNotCounted(one, newest[one.name], older[one.name]);
      const text = newest[one.name];
      return why === undefined || (text !== undefined && verdictOf(text) === 'not-applicable') ? [] : [`${one.name}: ${why}`];
    });
    expect(wrong).toEqual([]);
  });

  it('are what the matrix in the documentation shows', async () => {
    for (const [name, show] of Object.entries(matrixDocuments)) {
      const path = join(projectRoot, name);
      expect(existsSync(path)).toBe(true);
      const text = readFileSync(path, 'utf8');
      expect(withMatrix(text, await allCases(), readMatrixEndpoints(folder), show)).toBe(text);
    }
  });
});
