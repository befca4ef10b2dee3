import { describe, expect, it } from '@jest/globals';
import { ManualClock, silentLog } from '../../../remoting/clocks.js';
import { FreshCache } from './fresh-cache.js';

function rig(load: (key: string) => Promise<string | undefined>): { cache: FreshCache<string>; clock: ManualClock; loads: string[] } {
  const clock = new ManualClock();
  const loads: string[] = [];
  const cache = new FreshCache<string>({
    clock, log: silentLog, refreshMs: () => 1000, absentMs: 100, expireMs: 10_000, entriesMax: 2,
    load: (key) => {
      loads.push(key);
      return load(key);
    },
  });
  return { cache, clock, loads };
}

describe('a value that others own', () => {
  it('is loaded once for all who ask at once, and kept', async () => {
    const { cache, loads } = rig((key) => Promise.resolve(`${key}!`));
    expect(await Promise.all([cache.get('a'), cache.get('a')])).toEqual(['a!', 'a!']);
    expect(cache.get('a')).toBe('a!');
    expect(loads).toEqual(['a']);
  });

  it('is given out as it was while it is loaded anew, and stays when it cannot be', async () => {
    let next: () => Promise<string> = () => Promise.resolve('one');
    const { cache, clock, loads } = rig(() => next());
    await cache.get('a');
    clock.advance(1000);
    next = () => Promise.reject(new Error('nobody answers'));
    expect(cache.get('a')).toBe('one');
    await new Promise<void>((resolve) => setImmediate(resolve));
    next = () => Promise.resolve('two');
    expect(cache.get('a')).toBe('one');
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(cache.get('a')).toBe('two');
    expect(loads).toHaveLength(3);
  });

  it('is asked for again soon when there was none', async () => {
    const answers = [undefined, 'there'];
    const { cache, clock } = rig(() => Promise.resolve(answers.shift()));
    expect(await cache.get('a')).toBeUndefined();
    expect(cache.get('a')).toBeUndefined();
    clock.advance(100);
    expect(await cache.get('a')).toBe('there');
  });

  it('is not given out when nobody asked for it for long', async () => {
    const answers = ['one', 'two'];
    const { cache, clock } = rig(() => Promise.resolve(answers.shift()));
    await cache.get('a');
    clock.advance(10_001);
    expect(await cache.get('a')).toBe('two');
  });

  it('rejects when it was never there and nobody can say', async () => {
    const { cache } = rig(() => Promise.reject(new Error('nobody answers')));
    await expect(cache.get('a')).rejects.toThrow('nobody answers');
  });

  it('makes room for others', async () => {
    const { cache } = rig((key) => Promise.resolve(key));
    for (const key of ['a', 'b', 'c']) await cache.get(key);
    expect(cache.size).toBe(2);
  });
});
