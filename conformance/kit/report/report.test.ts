import { describe, expect, it } from '@jest/globals';
import { hostileReport, sampleReport } from '../testdata/sample-report.js';
import { renderBadge } from './badge.js';
import { renderJson } from './json.js';
import { renderJunit } from './junit.js';
import { renderMarkdown } from './markdown.js';
import { createProgress, renderSummary } from './terminal.js';
import { countByArea, failsRun, type CaseReport, type RunReport } from './types.js';

const base: CaseReport = { name: 'send.a', area: 'send', requirement: 'It is stored.', level: 'MUST', source: 'A#b', origin: 'hand', verdict: 'pass', notes: [], durationMs: 12, wire: [] };
const report: RunReport = {
  format: 1, kit: '1.0.0', seed: 7, started: '2030-01-02T03:04:05.000Z', durationMs: 1234, notes: [],
  endpoint: { name: 'apache 5.5.0', kind: 'apache', version: '5.5.0', namesrv: 'h:1', broker: 'h:2', brokerName: 'b', cluster: 'c', features: ['pop'], profile: 'full' },
  options: { parallel: 4, timeoutMs: 10_000, destructive: false, prefix: 'conform_' },
  cases: [
    base,
    { ...base, name: 'send.b', verdict: 'fail', failure: { kind: 'assertion', message: 'the <body> & "more"', expected: 'a\nb', actual: '\u0001```' }, wire: [{ atMs: 1, connection: 'c', direction: 'sent', bytes: 1, summary: 'X(1)', hex: '00' }] },
    { ...base, name: 'pull.a', area: 'pull', verdict: 'not-applicable', reason: 'needs pop | which is not there' },
    { ...base, name: 'pull.b', area: 'pull', verdict: 'known-failure', level: 'SHOULD', issue: 'https://example.org/1', failure: { kind: 'timeout', message: 'late' } },
  ],
};

/** The elements of a text in order, each with its parent. Throws when the text is not well formed. */
function readXml(text: string): { readonly name: string; readonly parent: string; readonly attributes: string }[] {
  if (/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(text)) throw new Error('a character XML does not have');
  const out: { name: string; parent: string; attributes: string }[] = [];
  const open: string[] = [];
  const rest = text.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '').replace(/<(\/?)([a-zA-Z-]+)((?: [a-zA-Z:-]+="[^"<]*")*)(\/?)>/g, (_all, close: string, name: string, attributes: string, empty: string) => {
    if (close !== '') {
      if (open.pop() !== name) throw new Error(`</${name}> ends nothing`);
    } else {
      out.push({ name, parent: open.at(-1) ?? '', attributes });
      if (empty === '') open.push(name);
    }
    return '';
  });
  if (open.length > 0 || /[<>]|&(?!(?:amp|lt|gt|quot|#\d+);)/.test(rest + out.map((one) => one.attributes).join(''))) throw new Error('not well formed');
  return out;
}

describe('reports', () => {
  it('json is the report', () => {
    expect(JSON.parse(renderJson(report))).toEqual(report);
  });

  it('junit counts, escapes and holds only characters XML has', () => {
    const xml = renderJunit(report);
    expect(xml).toContain('<testsuites name="conform apache 5.5.0" tests="4" failures="1" errors="0" skipped="2" time="0.048">');
    expect(xml).toContain('<failure type="assertion" message="the &lt;body&gt; &amp; &quot;more&quot;">It is stored. [A#b]&#10;the &lt;body&gt; &amp; &quot;more&quot;&#10;expected: a&#10;b&#10;actual: \ufffd```</failure><system-out>1 ms c sent X(1)</system-out>');
    expect(xml).toContain('<skipped message="known-failure: https://example.org/1"/>');
    expect(xml).toContain('<property name="seed" value="7"/>');
  });

  it('junit is well formed and of the known shape, whatever the texts are', () => {
    for (const one of [report, sampleReport('a'), hostileReport(), hostileReport('not-applicable')]) {
      const xml = renderJunit(one);
      const elements = readXml(xml);
      const within = (name: string): readonly string[] => [...new Set(elements.filter((element) => element.name === name).map((element) => element.parent))];
      expect([within('testsuites'), within('testsuite'), within('testcase'), within('property')]).toEqual([[''], ['testsuites'], ['testsuite'], ['properties']]);
      for (const name of ['failure', 'error', 'skipped', 'system-out']) for (const parent of within(name)) expect(parent).toBe('testcase');
      expect(new Set(elements.map((element) => element.name))).toEqual(new Set([...elements.map((element) => element.name)].filter((name) => ['testsuites', 'testsuite', 'properties', 'property', 'testcase', 'failure', 'error', 'skipped', 'system-out'].includes(name))));
      for (const testcase of elements.filter((element) => element.name === 'testcase')) expect(testcase.attributes).toMatch(/^ classname="conform\.[^"]*" name="[^"]+" time="\d+\.\d{3}"$/);
      for (const suite of elements.filter((element) => element.name === 'testsuite')) expect(suite.attributes).toMatch(/^ name="[^"]*" tests="\d+" failures="\d+" errors="\d+" skipped="\d+" time="\d+\.\d{3}" timestamp="[^"]*"$/);
    }
  });

  it('junit fails what fails the run: a level that is not required is skipped with its story', () => {
    const should: RunReport = { ...report, cases: [{ ...base, level: 'SHOULD', verdict: 'fail', failure: { kind: 'assertion', message: 'not so' } }] };
    expect(renderJunit(should)).toContain('<skipped message="fail, and SHOULD is not required: not so"/>');
    expect(renderJunit({ ...should, options: { ...should.options, level: 'SHOULD' } })).toContain('<failure type="assertion" message="not so">');
  });

  it('markdown has a table by area and fences that content cannot end', () => {
    const page = renderMarkdown(report);
    expect(page).toContain('| send | 1 | 1 | 0 | 0 | 0 | 0 |');
    expect(page).toContain('| **all** | 1 | 1 | 0 | 1 | 1 | 0 |');
    expect(page).toContain('````text\nthe <body> & "more"\nexpected: a\nb');
    expect(page).toContain('- needs pop \\| which is not there: pull.a');
  });

  it('the terminal shows failures with their story, and the wire only when asked', () => {
    const text = renderSummary(report);
    expect(text).toContain('FAIL send.b (MUST, 12 ms)');
    expect(text).toContain('expected a\n      b');
    expect(text).toContain('1 of 4 passed in 1.2 s, seed 7; 1 required case not passed');
    expect(text).not.toContain('X(1)');
    expect(renderSummary(report, { verbose: true })).toContain('1 ms c > X(1)');
  });

  it('progress moves only on a terminal', () => {
    const lines = (isTTY: boolean): string[] => {
      const out: string[] = [];
      const progress = createProgress({ isTTY, columns: 20, write: (text: string) => out.push(text) }, report.endpoint);
      progress({ type: 'run-start', total: 2 });
      progress({ type: 'case-end', report: base, done: 1, total: 2 });
      return out;
    };
    expect(lines(false)).toEqual(['apache 5.5.0, broker h:2, name server h:1: 2 cases\n']);
    expect(lines(true)[1]).toBe('\r\u001b[2K1/2  send.a');
  });

  it('the terminal is not obeyed by control characters of an endpoint', () => {
    expect(renderSummary({ ...report, cases: [{ ...base, verdict: 'not-applicable' }] })).toMatch(/; nothing was judged\n$/);
    const text = renderSummary({ ...report, cases: [{ ...base, verdict: 'fail', failure: { kind: 'assertion', message: 'x', actual: '\u001b]0;title\u0007\u009b2J\r' } }] });
    expect(text).toContain('actual   \\x1b]0;title\\x07\\x9b2J\\x0d');
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });

  it.each<[string, RunReport['options']['level'], CaseReport['verdict'][], string, string]>([
    ['all passed', undefined, ['pass', 'pass', 'not-applicable', 'skipped'], '2/2 MUST', '#1f7a3d'],
    ['a failure', undefined, ['pass', 'fail', 'known-failure'], '1/3 MUST', '#b3261e'],
    ['only known failures', undefined, ['pass', 'known-failure'], '1/2 MUST', '#9a6700'],
    ['SHOULD required too', 'SHOULD', ['pass'], '1/2 MUST+SHOULD', '#b3261e'],
    ['everything asked for', 'INFORMATIONAL', ['pass'], '1/2 MUST+SHOULD+MAY', '#b3261e'],
    ['nothing', undefined, ['skipped'], 'nothing judged', '#5f6b7a'],
  ])('the badge of %s', (_name, level, verdictsOf, text, color) => {
    const options = level === undefined ? report.options : { ...report.options, level };
    const svg = renderBadge({ ...report, options, cases: [...verdictsOf.map((verdict) => ({ ...base, verdict })), { ...base, level: 'SHOULD', verdict: 'fail' }] });
    expect(svg).toContain(`<title>RocketMQ conformance of apache 5.5.0: ${text}</title>`);
    expect(svg).toContain(`fill="${color}"`);
    expect(readXml(svg)[0]?.name).toBe('svg');
  });
});

describe('counting', () => {
  it('is by area in order', () => {
    expect([...countByArea(report.cases)].map(([area, counts]) => [area, counts.pass, counts.fail])).toEqual([['send', 1, 1], ['pull', 0, 0]]);
  });

  it.each([
    ['fail', 'MUST', undefined, true], ['error', 'MUST', undefined, true], ['known-failure', 'MUST', undefined, false], ['fail', 'SHOULD', undefined, false],
    ['fail', 'SHOULD', 'SHOULD', true], ['fail', 'MAY', 'SHOULD', false], ['fail', 'INFORMATIONAL', 'INFORMATIONAL', false], ['not-applicable', 'MUST', 'MUST', false],
  ] as const)('%s of a %s case with --level %s fails the run: %s', (verdict, level, required, fails) => {
    expect(failsRun({ verdict, level }, required)).toBe(fails);
  });
});
