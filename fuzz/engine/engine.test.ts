/** The engine itself: the same seed gives the same inputs, finds are judged, minimized and told apart, planted bugs are found. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { canaries } from '../canaries/table.js';
import { parseOptions, UsageError } from '../options.js';
import { targets } from '../targets/table.js';
import { hashOf, projectRoot } from './corpus.js';
import { dictionary } from './dictionary.js';
import { Judge } from './judge.js';
import { minimize, minimizeSequence } from './minimize.js';
import { mutateBytes } from './mutate.js';
import { Random } from './random.js';
import { Violation } from './target.js';
import type { Running, Target } from './target.js';

function target(run: Running['run'], more: Partial<Target> = {}): Target {
  return { name: 'test', proves: '', declared: [RangeError], inputBytesMax: 1000, allocationBytesMax: (bytes) => 1000 + bytes, open: () => ({ run }), ...more };
}

describe('random and mutations', () => {
  test('follow from the seed', () => {
    const stream = (seed: string): string => {
      const random = new Random(seed);
      let input: Buffer = Buffer.from('{"code":310}');
      const all: Buffer[] = [];
      for (let i = 0; i < 500; i++) all.push(input = mutateBytes(random, i % 50 === 0 ? Buffer.from('{"code":310}') : input, random.bytes(9), 300));
      return hashOf(Buffer.concat(all));
    };
    expect(stream('a')).toBe(stream('a'));
    expect(stream('a')).not.toBe(stream('b'));
  });

  test('never exceed the limit, and reach every kind of change', () => {
    const random = new Random('limit');
    const lengths = new Set<number>();
    for (let i = 0; i < 3000; i++) lengths.add(mutateBytes(random, Buffer.alloc(50, 7), Buffer.alloc(50, 8), 64).length);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(64);
    expect(lengths.size).toBeGreaterThan(30);
  });

  test('the dictionary comes from the tables', () => {
    const words = new Set(dictionary.map(String));
    for (const word of ['consumerGroup', 'bname', '310', 'UNIQ_KEY', '9223372036854775807']) expect(words.has(word)).toBe(true);
  });
});

describe('judge', () => {
  test('a declared error is a refusal, any other a find', async () => {
    expect(await new Judge(target(() => { throw new RangeError('x'); })).run(Buffer.from('a'))).toBeUndefined();
    expect(await new Judge(target(() => { throw new TypeError('x'); })).run(Buffer.from('a'))).toMatchObject({ kind: 'error', message: 'x' });
    expect(await new Judge(target(() => Promise.reject(new Violation('wrong 7')))).run(Buffer.from('a'))).toMatchObject({ kind: 'violation', key: 'Violation wrong ' });
  });

  test('allocations beyond the cap are a find', async () => {
    expect(await new Judge(target((input) => { Buffer.allocUnsafe(input.length * 100); return 'taken'; })).run(Buffer.alloc(50))).toMatchObject({ kind: 'allocation' });
    expect(await new Judge(target(() => { Buffer.alloc(900); return 'taken'; })).run(Buffer.alloc(50))).toBeUndefined();
  });

  test('an input that is slow every time is a find', async () => {
    const busy = (): 'taken' => { for (const from = process.cpuUsage(); process.cpuUsage(from).user < 20_000;); return 'taken'; };
    expect(await new Judge(target(busy, { millisMax: 2 })).run(Buffer.alloc(1))).toMatchObject({ kind: 'slow' });
    let first = true;
    const once = (): 'taken' => (first ? ((first = false), busy()) : 'taken');
    expect(await new Judge(target(once, { millisMax: 2 })).run(Buffer.alloc(1))).toBeUndefined();
  });

  test('a refused input that changes what a valid one gives is a find, with the inputs since the opening', async () => {
    const counting: Target = target(() => 'taken', {
      reopenAfter: 10,
      open: () => {
        let state = 0;
        return { run: (input) => { if (input[0] === 9) { state++; return 'refused'; } return 'taken'; }, probe: () => String(state) };
      },
    });
    const judge = new Judge(counting);
    expect(await judge.run(Buffer.from([1]))).toBeUndefined();
    expect(await judge.run(Buffer.from([9]))).toMatchObject({ kind: 'changed' });
    expect(judge.lost.map((one) => one[0])).toEqual([1, 9]);
  });
});

describe('minimizing', () => {
  test('an input becomes the bytes that matter', async () => {
    const input = Buffer.concat([new Random('m').bytes(300), Buffer.from('needle'), new Random('n').bytes(200)]);
    const small = await minimize(input, (candidate) => Promise.resolve(candidate.includes('needle')), 5000);
    expect(small.toString()).toBe('needle');
  });

  test('a sequence becomes the inputs that matter', async () => {
    const inputs = Array.from({ length: 40 }, (_, i) => Buffer.from([i]));
    const small = await minimizeSequence(inputs, (all) => Promise.resolve(all.some((one) => one[0] === 5) && all.some((one) => one[0] === 31)), 500);
    expect(small.map((one) => one[0])).toEqual([5, 31]);
  });
});

describe('tables and options', () => {
  test('targets and canaries have names of their own, and every canary a target', () => {
    const names = targets.map((one) => one.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThanOrEqual(14);
    expect(new Set(canaries.map((one) => one.name)).size).toBe(canaries.length);
    expect(canaries.length).toBeGreaterThanOrEqual(10);
    for (const canary of canaries) expect(canary.make().name).toBe(canary.target);
    for (const canary of canaries) expect(names).toContain(canary.target);
  });

  test('the documentation names every target and every canary', () => {
    const text = readFileSync(join(projectRoot, 'docs', 'fuzzing.md'), 'utf8');
    for (const { name } of [...targets, ...canaries]) expect(text).toContain(`\`${name}\``);
  });

  test('options', () => {
    expect(parseOptions(['--seconds', '60', '--minutes', '1', '--target', 'frame', '--workers', '3'], 'today', 8)).toMatchObject({ millis: 120_000, targets: ['frame'], workers: 3, seed: 'today', mode: 'campaign' });
    expect(parseOptions([], 'today', 8)).toMatchObject({ millis: 60_000, workers: 4 });
    for (const args of [['--seconds', '0'], ['--minutes', 'x'], ['--nothing'], ['stray'], ['--merge']]) expect(() => parseOptions(args, 'today', 8)).toThrow(UsageError);
  });
});
