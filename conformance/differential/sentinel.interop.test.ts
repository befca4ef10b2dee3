/** Flow rules against Sentinel itself: the same rules and the same arrivals are let pass, made to wait, and blocked alike. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mavenLibrary, missingForJava } from '../adapters/apache/install.js';
import { projectRoot, run } from '../process.js';

const missing = missingForJava();
const sources = join(projectRoot, 'conformance/adapters/sentinel/java');

type Step = { readonly at: number; readonly count: number } | 'exit';

let classpath = '';
let dir = '';

interface FlowRule {
  readonly grade: number;
  readonly count: number;
  readonly controlBehavior: number;
  readonly warmUpPeriodSec: number;
  readonly maxQueueingTimeMs: number;
}

/** The answers among the lines of a program: Sentinel prints lines of its log to the standard output as well. */
function answersIn(out: string): number[] {
  return out.split(/\r?\n/).filter((line) => /^-?\d+$/.test(line)).map(Number);
}

/** What a program says to each arrival: -1 = blocked, else the milliseconds it waits. */
function ask(command: string, args: readonly string[], rules: readonly { readonly rule: FlowRule; readonly steps: readonly Step[] }[]): Promise<number[]> {
  const lines = rules.flatMap(({ rule, steps }) => [
    `rule ${rule.grade} ${rule.count} ${rule.controlBehavior} ${rule.warmUpPeriodSec} ${rule.maxQueueingTimeMs}`,
    ...steps.map((step) => (step === 'exit' ? 'exit' : `at ${step.at} ${step.count}`)),
  ]);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args);
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(answersIn(out)) : reject(new Error(err))));
    child.stdin.end(`${lines.join('\n')}\n`);
  });
}

/** A small generator with a seed: xorshift. */
function random(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x100000000;
  };
}

const startMs = 1_700_000_000_250;

function arrivals(seed: number, count: number, gapMsMax: number, countMax: number): Step[] {
  const next = random(seed);
  let at = startMs;
  return Array.from({ length: count }, () => {
    at += Math.floor(next() * gapMsMax);
    return { at, count: 1 + Math.floor(next() * countMax) };
  });
}

/** One arrival a millisecond, or the end of one that was let pass: a little more often the former, so that the rule of 3 lets pass and blocks. */
function threadSteps(seed: number, count: number): Step[] {
  const next = random(seed);
  return Array.from({ length: count }, (_, i) => (next() < 0.45 ? 'exit' : { at: startMs + i, count: 1 }));
}

const base = { grade: 1, controlBehavior: 0, warmUpPeriodSec: 10, maxQueueingTimeMs: 500 };
const cases: readonly { readonly name: string; readonly rule: FlowRule; readonly steps: readonly Step[] }[] = [
  ...[0, 1, 7.5, 20, 100].map((count) => ({ name: `reject ${count}`, rule: { ...base, count }, steps: arrivals(count + 3, 400, 60, 4) })),
  ...[20, 50, 90.5, 300].map((count) => ({ name: `warm-up ${count}`, rule: { ...base, count, controlBehavior: 1, warmUpPeriodSec: 4 }, steps: arrivals(count + 5, 2500, 30, 3) })),
  ...[50, 100, 250, 1000].map((count) => ({ name: `rate limiter ${count}`, rule: { ...base, count, controlBehavior: 2, maxQueueingTimeMs: 20 }, steps: arrivals(count + 7, 300, count === 1000 ? 3 : 25, 3) })),
  ...[60, 200].map((count) => ({ name: `warm-up with rate limiter ${count}`, rule: { ...base, count, controlBehavior: 3, warmUpPeriodSec: 3, maxQueueingTimeMs: 15 }, steps: arrivals(count + 9, 500, 40, 2) })),
  { name: 'threads 3', rule: { ...base, grade: 0, count: 3 }, steps: threadSteps(12_345, 300) },
];

const suite = missing.length > 0 ? describe.skip : describe;
suite(missing.length > 0 ? `Sentinel (skipped: ${missing.join(', ')} missing)` : 'Sentinel', () => {
  let theirs: number[] = [];
  let ours: number[] = [];
  beforeAll(async () => {
    const jars = await mavenLibrary('sentinel', 'conformance/adapters/sentinel/pom.xml', '1.8.8');
    dir = mkdtempSync(join(tmpdir(), 'skylark-sentinel-'));
    await run('javac', 'javac', ['-d', dir, '-cp', jars, join(sources, 'com/alibaba/csp/sentinel/util/TimeUtil.java'), join(sources, 'FlowRunner.java')]);
    classpath = [dir, jars].join(delimiter);
    theirs = await ask('java', ['-Xmx128m', '-XX:+UseSerialGC', `-Duser.home=${dir}`, `-Dcsp.sentinel.log.dir=${dir}`, '-cp', classpath, 'FlowRunner'], cases);
    ours = await ask(process.execPath, [join(projectRoot, 'dist/src/server/testdata/flow-decide.js')], cases);
  }, 300_000);
  afterAll(() => {
    if (dir !== '') rmSync(dir, { recursive: true, force: true });
  });

  test('answers every arrival', () => {
    const asked = cases.map((one) => one.steps.filter((step) => step !== 'exit').length);
    expect(Math.min(...asked)).toBeGreaterThan(100);
    const all = asked.reduce((sum, count) => sum + count, 0);
    expect([theirs.length, ours.length]).toEqual([all, all]);
  });

  test.each(cases.map((one, index) => [one.name, index] as const))('%s', (_name, index) => {
    const asked = (i: number): number => (cases[i]?.steps ?? []).filter((step) => step !== 'exit').length;
    let from = 0;
    for (let i = 0; i < index; i++) from += asked(i);
    const { rule } = cases[index] as (typeof cases)[number];
    const said = theirs.slice(from, from + asked(index));
    expect(ours.slice(from, from + asked(index))).toEqual(said);
    // The arrivals are such that both happen, but for rules that let nothing pass.
    expect(said).toContain(-1);
    if (rule.count >= 1) expect(said.some((wait) => wait >= 0)).toBe(true);
    // And that what limits a rate makes some wait.
    expect(said.some((wait) => wait > 0)).toBe(rule.controlBehavior >= 2);
  });
});
