import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { alone, madeOnce } from './made-once.js';

const module = new URL('./made-once.js', import.meta.url).href;

describe('what is made once', () => {
  let parent = '';
  let dir = '';
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'made-once-'));
    dir = join(parent, 'deep', 'library');
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  const make = (want: string, made: string[]): Promise<void> => madeOnce(dir, { marker: 'complete', want }, () => {
    made.push(want);
    return Promise.resolve();
  });

  test('is not made again until it is wanted otherwise', async () => {
    const made: string[] = [];
    for (const want of ['one', 'one', 'two', 'two']) await make(want, made);
    expect(made).toEqual(['one', 'two']);
    expect(readdirSync(join(parent, 'deep'))).toEqual(['library']);
    expect(readdirSync(dir)).toEqual(['complete']);
  });

  test('is made anew after a failure, and nobody is locked out', async () => {
    const failing = madeOnce(dir, { marker: 'complete', want: 'one' }, () => Promise.reject(new Error('no network')));
    await expect(failing).rejects.toThrow('no network');
    expect(existsSync(join(dir, 'complete'))).toBe(false);
    const made: string[] = [];
    await make('one', made);
    expect(made).toEqual(['one']);
  });

  test('is made by one of several processes, and the others find it whole', async () => {
    const log = join(parent, 'log');
    const script = `
      import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
      const { madeOnce } = await import(${JSON.stringify(module)});
      await madeOnce(${JSON.stringify(dir)}, { marker: 'complete', want: 'one' }, async () => {
        appendFileSync(${JSON.stringify(log)}, 'made\\n');
        await new Promise((resolve) => setTimeout(resolve, 300));
        writeFileSync(${JSON.stringify(join(dir, 'content'))}, 'whole');
      });
      appendFileSync(${JSON.stringify(log)}, existsSync(${JSON.stringify(join(dir, 'content'))}) ? 'found\\n' : 'missing\\n');`;
    await Promise.all(Array.from({ length: 4 }, () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])));
    expect(readFileSync(log, 'utf8').split('\n').sort()).toEqual(['', 'found', 'found', 'found', 'found', 'made']);
  });

  test('a lock is taken over from a process that died, and not from one that works for long', async () => {
    const lock = join(parent, 'lock');
    writeFileSync(lock, 'of a process that died\n');
    utimesSync(lock, new Date(0), new Date(0));
    const times = { beatMs: 10, silenceMs: 2000, lookMs: 5 };
    const order: string[] = [];
    const first = alone(lock, async () => {
      order.push('first begins');
      await new Promise((resolve) => setTimeout(resolve, 2500));
      order.push('first ends');
    }, times);
    const second = alone(lock, () => Promise.resolve(order.push('second')), times);
    await Promise.all([first, second]);
    expect(order).toEqual(['first begins', 'first ends', 'second']);
    expect(existsSync(lock)).toBe(false);
  });
});
