/** The cache of pages by itself: what is read, what stays, what goes first, and whose buffers are used again. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { DiskFile } from './disk.js';
import { PageCache } from './page-cache.js';
import type { Page } from './page-cache.js';
import { simulatedDisk } from './simulated-disk.js';

const pageBytes = 64;

/** A file whose byte n is n modulo 251. */
function bench(pages: number): { cache: PageCache; load: (key: string, position?: number, length?: number) => Promise<Page>; keys: () => string[]; file: DiskFile; reads: number[]; fault: { now: Error | undefined } } {
  const disk = simulatedDisk(1);
  disk.place('/file', Uint8Array.from({ length: 1000 }, (_, i) => i % 251));
  const file = disk.open('/file', 'read');
  const reads: number[] = [];
  const fault: { now: Error | undefined } = { now: undefined };
  disk.wait = async (_, bytes) => {
    reads.push(bytes);
    await Promise.resolve();
    if (fault.now !== undefined) throw fault.now;
  };
  const cache = new PageCache(pageBytes, pages * pageBytes);
  const keys = (): string[] => {
    const all: string[] = [];
    cache.forgetAll((key) => (all.push(key), false));
    return all;
  };
  return { cache, load: (key, position = 0, length = pageBytes) => cache.load(key, () => file, position, length), keys, file, reads, fault };
}

const bytesAt = (position: number, length: number): number[] => Array.from({ length }, (_, i) => (position + i) % 251);

describe('a page', () => {
  test('holds what stands in the file, is there until it is forgotten, and is read once', async () => {
    const { cache, load, reads, keys } = bench(10);
    expect(cache.peek('a')).toBe(undefined);
    const page = await load('a', 100);
    expect([...page.bytes]).toEqual(bytesAt(100, pageBytes));
    expect([page.length, page.pins, page.used, page.view.byteLength, page.view.getUint8(3)]).toEqual([pageBytes, 1, false, pageBytes, 103]);
    expect([cache.bytes, cache.reads, keys()]).toEqual([pageBytes, 1, ['a']]);
    expect(cache.peek('a')).toBe(page);
    expect(page.used).toBe(true);
    expect(await load('a', 100)).toBe(page);
    expect(await load('a', 100, pageBytes - 1)).toBe(page);
    expect([page.pins, cache.reads, reads]).toEqual([3, 1, [pageBytes]]);
    cache.forget('b');
    cache.forget('a');
    expect([cache.peek('a'), cache.bytes, keys()]).toEqual([undefined, 0, []]);
    expect(await load('a', 100)).not.toBe(page);
    expect(cache.reads).toBe(2);
  });

  test('that ends early is read again for more, and counts with the bytes that it has', async () => {
    const { cache, load } = bench(10);
    const short = await load('a', 960, 40);
    expect([short.length, short.bytes.length, cache.bytes]).toEqual([40, 40, 40]);
    // The file ends before the page does.
    const whole = await load('a', 960, 50);
    expect([whole.length, whole.bytes.length, cache.bytes, cache.reads]).toEqual([40, 50, 50, 2]);
    expect(await load('a', 960, 40)).toBe(whole);
    expect(await load('a', 960, 41)).not.toBe(whole);
    expect(cache.reads).toBe(3);
  });

  test('that several ask for at a time is read once, and each has it', async () => {
    const { cache, load, reads } = bench(10);
    const [a, b, other, c] = await Promise.all([load('a'), load('a'), load('b', 64), load('a')]);
    expect([a === b, b === c, a === other]).toEqual([true, true, false]);
    expect([a.pins, other.pins, cache.reads, reads.length]).toEqual([3, 1, 2, 2]);
    expect(await load('a')).toBe(a);
    expect(a.pins).toBe(4);
  });

  test('that cannot be read is nobody\'s, and is read again', async () => {
    const { cache, load, fault, keys } = bench(10);
    fault.now = new Error('EIO');
    const both = await Promise.allSettled([load('a'), load('a')]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(cache.load('a', () => { throw new Error('ENOENT'); }, 0, 8)).rejects.toThrow('ENOENT');
    expect([cache.bytes, keys()]).toEqual([0, []]);
    fault.now = undefined;
    expect((await load('a')).pins).toBe(1);
  });
});

describe('the budget', () => {
  test('drops the oldest first, one that was used a round later', async () => {
    const { cache, load, keys } = bench(3);
    for (const key of ['a', 'b', 'c']) await load(key);
    expect([keys(), cache.bytes]).toEqual([['a', 'b', 'c'], 3 * pageBytes]);
    await load('d');
    expect([keys(), cache.bytes]).toEqual([['b', 'c', 'd'], 3 * pageBytes]);
    cache.peek('b');
    await load('e');
    expect(keys()).toEqual(['d', 'e', 'b']);
    // Its use counts once.
    await load('f');
    await load('g');
    expect(keys()).toEqual(['b', 'f', 'g']);
    await load('h');
    expect(keys()).toEqual(['f', 'g', 'h']);
  });

  test('drops the oldest of pages that were all used, and never the newest', async () => {
    const { cache, load, keys } = bench(3);
    for (const key of ['a', 'b', 'c']) {
      await load(key);
      cache.peek(key);
    }
    await load('d');
    expect(keys()).toEqual(['b', 'c', 'd']);
    expect(cache.bytes).toBe(3 * pageBytes);
  });

  test('of less than a page keeps the newest', async () => {
    const { cache, load, keys } = bench(0);
    await load('a');
    expect(keys()).toEqual(['a']);
    cache.peek('a');
    await load('b');
    expect([keys(), cache.bytes]).toEqual([['b'], pageBytes]);
  });

  test('is kept for pages of any length, and no page that somebody has ever changes', async () => {
    await fc.assert(fc.asyncProperty(
      fc.array(fc.record({ page: fc.nat(12), length: fc.constantFrom(pageBytes, pageBytes, 10, 33), keep: fc.boolean(), what: fc.constantFrom('load', 'load', 'load', 'peek', 'forget') }), { maxLength: 60 }),
      async (steps) => {
        const { cache, load, keys } = bench(4);
        const held: { page: Page; position: number }[] = [];
        for (const { page: number, length, keep, what } of steps) {
          const key = `p${number}`;
          if (what === 'peek') cache.peek(key);
          else if (what === 'forget') cache.forget(key);
          else {
            const page = await load(key, number * 64, length);
            expect([...page.bytes]).toEqual(bytesAt(number * 64, page.length));
            expect(keys()).toContain(key);
            if (keep) held.push({ page, position: number * 64 });
            else cache.unpin(page);
          }
          if (cache.bytes > 4 * pageBytes) throw new Error('the budget');
        }
        for (const { page, position } of held) expect([...page.bytes]).toEqual(bytesAt(position, page.length));
        const sizes = keys().map((key) => cache.peek(key)?.bytes.length ?? 0);
        expect(cache.bytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
        cache.clear();
        expect([cache.bytes, keys()]).toEqual([0, []]);
      },
    ), { numRuns: 40 });
  });
});

describe('a buffer', () => {
  test('is read into again when its page was dropped and nobody has it', async () => {
    const { cache, load } = bench(10);
    const a = await load('a', 0);
    cache.unpin(a);
    cache.forget('a');
    const b = await load('b', 100);
    expect(b.bytes).toBe(a.bytes);
    expect([...b.bytes]).toEqual(bytesAt(100, pageBytes));
    // Somebody has this one, and it has no spare any more.
    cache.forget('b');
    const c = await load('c', 200);
    expect(c.bytes).not.toBe(b.bytes);
    expect([...b.bytes]).toEqual(bytesAt(100, pageBytes));
    cache.pin(c);
    cache.unpin(c);
    cache.forget('c');
    expect((await load('d')).bytes).not.toBe(c.bytes);
  });

  test('serves pages of the full length only', async () => {
    const { cache, load } = bench(10);
    const short = await load('a', 0, 20);
    cache.unpin(short);
    cache.forget('a');
    const b = await load('b', 0);
    expect(b.bytes.length).toBe(pageBytes);
    cache.unpin(b);
    cache.forget('b');
    expect((await load('c', 0, 20)).bytes.length).toBe(20);
    expect((await load('d', 0)).bytes).toBe(b.bytes);
  });

  test('is one of 16 that are kept at most, and of none after all was cleared', async () => {
    const { cache, load } = bench(100);
    const pages = await Promise.all(Array.from({ length: 18 }, (_, i) => load(`p${i}`)));
    for (const page of pages) cache.unpin(page);
    cache.forgetAll((key) => key !== 'p17');
    const before = new Set(pages.map(({ bytes }) => bytes));
    let again = 0;
    for (let i = 0; i < 18; i++) if (before.has((await load(`q${i}`)).bytes)) again++;
    expect(again).toBe(16);
    const rest = cache.peek('p17') as Page;
    cache.forget('p17');
    cache.clear();
    expect((await load('z')).bytes).not.toBe(rest.bytes);
  });
});
