import { describe, expect, test } from '@jest/globals';
import type { Figures } from './figures.js';
import { htmlPage, escapeHtml } from './report/html.js';
import { tableLines } from './report/table.js';
import { median, verdictOf, type RunResult } from './results.js';
import { shapeOf, shapes } from './shapes.js';

const figures = (over: Partial<Figures>): Figures => ({
  messagesPerS: 100_000,
  requestsPerS: 100_000,
  latency: { p50Us: 100, p99Us: 200, p999Us: 300, maxUs: 400 },
  brokerCpuSPerMillion: 3,
  brokerCores: 0.9,
  generatorCpuSPerMillion: 1,
  generatorCores: 0.3,
  othersCores: 0,
  generatorBound: false,
  perQueue: [1, 1, 1, 1],
  errors: [],
  windowS: 5,
  ...over,
});

const run = (over: Partial<RunResult> = {}): RunResult => ({
  startedAt: '2020-01-01T00:00:00.000Z',
  machine: { cpu: 'a <cpu>', cores: 2, memoryBytes: 2 ** 34, system: 'linux', node: 'v20' },
  options: { seconds: 5, warmupSeconds: 20, quick: false },
  brokers: ['skylark', 'apache'],
  processes: {},
  shapes: [{ shape: shapeOf('single-8x32'), figures: { skylark: figures({ messagesPerS: 300_000 }), apache: figures({ messagesPerS: 100_000, brokerCpuSPerMillion: 30 }) } }],
  ...over,
});

describe('verdicts', () => {
  const peer = figures({ messagesPerS: 50_000, brokerCpuSPerMillion: 30, latency: { p50Us: 90, p99Us: 1, p999Us: 1, maxUs: 1 } });

  test('ratios are of one run, and a missed target says by how much', () => {
    expect(verdictOf({ on: 'messages-ratio', atLeast: 2 }, figures({}), peer)).toMatchObject({ value: 2, met: true, missedByPercent: null });
    expect(verdictOf({ on: 'messages-ratio', atLeast: 4 }, figures({}), peer)).toMatchObject({ value: 2, met: false, missedByPercent: 50 });
    expect(verdictOf({ on: 'cpu-ratio', atMost: 0.1 }, figures({}), peer)).toMatchObject({ value: 0.1, met: true });
    expect(verdictOf({ on: 'p50-ratio', atMost: 1 }, figures({}), peer).met).toBe(false);
    expect(verdictOf({ on: 'messages-per-second', atLeast: 900_000 }, figures({ messagesPerS: 450_000 }), undefined)).toMatchObject({ met: false, missedByPercent: 50 });
  });

  test('without a peer or without its CPU a ratio is not judged', () => {
    expect(verdictOf({ on: 'messages-ratio', atLeast: 2 }, figures({}), undefined).met).toBeNull();
    expect(verdictOf({ on: 'cpu-ratio', atMost: 1 }, figures({ brokerCpuSPerMillion: null }), peer).met).toBeNull();
  });

  test('a peer that carried nothing is none', () => {
    const idle = figures({ messagesPerS: 0, brokerCpuSPerMillion: Infinity });
    expect(verdictOf({ on: 'cpu-ratio', atMost: 1 }, figures({}), idle).met).toBeNull();
    expect(verdictOf({ on: 'messages-ratio', atLeast: 1 }, figures({}), idle).met).toBeNull();
    expect(tableLines(run({ shapes: [{ shape: shapeOf('single-8x32'), figures: { skylark: figures({}), apache: idle } }] })).join('\n')).not.toMatch(/0\.000x/);
  });
});

test('the table shows both brokers, the ratio, the targets, and errors', () => {
  const result = run();
  const text = tableLines(result).join('\n');
  expect(text).toContain('300,000');
  expect(text).toContain('3.00x');
  expect(text).toContain('MISSED by 25 %');
  expect(text).toContain('0.100x met');
  const broken = run({ shapes: [{ shape: shapeOf('single-1x1'), figures: { skylark: figures({ errors: [{ what: 'code 2: busy', count: 5 }], generatorBound: true }) } }] });
  expect(tableLines(broken).join('\n')).toMatch(/ERRORS 5 x code 2: busy\n.*generator-bound/);
});

test('the page is self-contained, escaped, and has a bar per broker and shape', () => {
  const page = htmlPage(run());
  expect(page).not.toMatch(/<script|<link|@import|url\(|src=|https?:/);
  expect(page).toContain('a &#60;cpu&#62;');
  expect(page.match(/<rect class="b0"/g)).toHaveLength(4);
  expect(page.match(/<rect class="b1"/g)).toHaveLength(4);
  expect(page).toContain('prefers-color-scheme:dark');
  expect(page).not.toMatch(/NaN|Infinity|undefined/);
  expect(escapeHtml(`<a href="x">&'`)).toBe('&#60;a href=&#34;x&#34;&#62;&#38;&#39;');
});

test('an empty run still makes a table and a page', () => {
  const empty = run({ shapes: [] });
  expect(tableLines(empty)).toEqual([]);
  expect(htmlPage(empty)).toContain('</html>');
});

test('shapes have names of their own and stay within what a load can do', () => {
  expect(new Set(shapes.map(({ name }) => name)).size).toBe(shapes.length);
  for (const { send, pull } of shapes) {
    expect(send !== undefined || pull !== undefined).toBe(true);
    if (send !== undefined) expect(send.window).toBeLessThanOrEqual(4096);
  }
  expect(() => shapeOf('nope')).toThrow(/single-8x32/);
});

test('median', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
});
