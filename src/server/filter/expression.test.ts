/** What the cache of expressions keeps, in which order it forgets, and what it says of those that are none. */
import { expect, test } from '@jest/globals';
import { ExpressionCache } from './expression.js';

/** Texts that mean the same and differ. */
const numbered = (i: number, chars = 0): string => `a = ${i}`.padEnd(chars, ' ');

/** How often the texts are parsed when they are asked for one after the other. */
function parsed(cache: ExpressionCache, texts: readonly string[]): number[] {
  return texts.map((text) => {
    const before = cache.compiled;
    cache.compile('SQL92', text);
    return cache.compiled - before;
  });
}

test('an expression is parsed once, good or bad, and answers the same each time', () => {
  const cache = new ExpressionCache();
  const good = cache.compile('SQL92', 'a > 5');
  const bad = cache.compile('SQL92', 'a >');
  expect([cache.compile('SQL92', 'a > 5'), cache.compile('SQL92', 'a >')].map((one, i) => one === [good, bad][i])).toEqual([true, true]);
  expect([cache.compiled, cache.size, 'judge' in good, 'error' in bad]).toEqual([2, 2, true, true]);
});

test('a thousand are kept; the one that was not asked for the longest goes first', () => {
  const cache = new ExpressionCache();
  parsed(cache, Array.from({ length: 1000 }, (_, i) => numbered(i)));
  expect([cache.compiled, cache.size]).toEqual([1000, 1000]);
  // Asked for again, the first becomes the newest.
  expect(parsed(cache, [numbered(0), numbered(1000)])).toEqual([0, 1]);
  expect(cache.size).toBe(1000);
  expect(parsed(cache, [numbered(0), numbered(2), numbered(1)])).toEqual([0, 0, 1]);
  expect(cache.size).toBe(1000);
});

test('a mebibyte of text is kept, and one expression does not take more than an eighth of it', () => {
  const cache = new ExpressionCache();
  const eighth = 128 * 1024;
  expect(parsed(cache, [numbered(0, eighth + 1), numbered(0, eighth + 1)])).toEqual([1, 1]);
  expect(cache.size).toBe(0);
  parsed(cache, Array.from({ length: 8 }, (_, i) => numbered(i, eighth)));
  expect(cache.size).toBe(8);
  expect(parsed(cache, [numbered(0, eighth)])).toEqual([0]);
  // One character more: the oldest goes, and there is room for another one.
  expect(parsed(cache, ['a'])).toEqual([1]);
  expect(cache.size).toBe(8);
  expect(parsed(cache, [numbered(0, eighth), numbered(2, eighth), numbered(8, eighth - 1)])).toEqual([0, 0, 1]);
  expect([cache.size, parsed(cache, ['a', numbered(1, eighth)])]).toEqual([9, [0, 1]]);
});

test('types other than SQL92 are refused by name, cut when they are long', () => {
  const cache = new ExpressionCache();
  const shown = (type: string): unknown => cache.compile(type, 'a > 5');
  expect(shown('sql92')).toEqual({ error: 'unknown expression type sql92: TAG or SQL92' });
  expect(shown('')).toEqual({ error: 'unknown expression type : TAG or SQL92' });
  expect(shown('x'.repeat(128))).toEqual({ error: `unknown expression type ${'x'.repeat(128)}: TAG or SQL92` });
  expect(shown('x'.repeat(129))).toEqual({ error: `unknown expression type ${'x'.repeat(128)}...: TAG or SQL92` });
  expect([cache.compiled, cache.size]).toEqual([0, 0]);
});

test.each([
  ['#', '1:1'],
  ['a > #', '1:5'],
  ['a > 5\n#', '2:1'],
  ['a > 5\n\n  #', '3:3'],
  ['\n#\n', '2:1'],
  ['a > #\n', '1:5'],
  // Longer than may be: the first character too many, here the end of a line.
  [`a > 5${' '.repeat(65531)}\n`, '1:65537'],
])('the mistake in %j stands at %s', (text, at) => {
  const [line, column] = at.split(':');
  const refused = new ExpressionCache().compile('SQL92', text);
  if (!('error' in refused)) throw new Error('it compiled');
  expect(refused.at).toBe(at);
  expect(refused.error).toMatch(new RegExp(`^Invalid expression at line ${line ?? ''}, column ${column ?? ''}: .`));
});

test('with hardly any stack left an expression is refused without a place, and the next one compiles', () => {
  const cache = new ExpressionCache();
  let texts = 0;
  /** What is answered so many calls further down; undefined when the stack ends before. */
  const answerAt = (depth: number): unknown => {
    if (depth > 0) return answerAt(depth - 1);
    return cache.compile('SQL92', `a > 5 AND (b < 6 OR (c = 7 AND d = ${texts++}))`);
  };
  const refused = new Set<unknown>();
  for (let depth = 1000, step = 1000; step >= 1; depth += step) {
    try {
      const answer = answerAt(depth) as object;
      if ('error' in answer) refused.add(JSON.stringify(answer));
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
      depth -= step;
      step = Math.floor(step / 2);
    }
  }
  expect([...refused]).toEqual(['{"error":"Invalid expression: nested too deep"}']);
  expect('judge' in cache.compile('SQL92', 'a > 6')).toBe(true);
});
