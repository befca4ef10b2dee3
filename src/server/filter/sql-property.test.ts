/** Compiled expressions against a slow evaluator that walks its own tree with exceptions and boxed Java values, and bounds on whatever is not an expression. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ExpressionCache } from './expression.js';
import { MapProperties } from './property-source.js';
import { verdict } from './sql-compile.js';
import { sqlCharsMax, sqlDepthMax } from './sql-parser.js';

type Ordering = '<' | '<=' | '>' | '>=';
type Cond =
  | { readonly is: 'constant'; readonly value: boolean | null }
  | { readonly is: 'not'; readonly of: Cond }
  | { readonly is: 'and' | 'or'; readonly left: Cond; readonly right: Cond }
  | { readonly is: 'int'; readonly name: string; readonly op: Ordering | '=' | '<>'; readonly value: number }
  | { readonly is: 'two'; readonly left: string; readonly op: Ordering | '='; readonly right: string }
  | { readonly is: 'text'; readonly name: string; readonly op: '=' | '<>'; readonly value: string }
  | { readonly is: 'between'; readonly not: boolean; readonly name: string; readonly low: number; readonly high: number }
  | { readonly is: 'in'; readonly not: boolean; readonly name: string; readonly values: readonly string[] }
  | { readonly is: 'missing'; readonly not: boolean; readonly name: string }
  | { readonly is: 'has'; readonly not: boolean; readonly name: string; readonly value: string };

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;

function sqlOf(c: Cond): string {
  switch (c.is) {
    case 'constant': return c.value === null ? 'NULL' : c.value ? 'TRUE' : 'FALSE';
    case 'not': return `NOT (${sqlOf(c.of)})`;
    case 'and':
    case 'or': return `(${sqlOf(c.left)}) ${c.is.toUpperCase()} (${sqlOf(c.right)})`;
    case 'int': return `${c.name} ${c.op} ${c.value}`;
    case 'two': return `${c.left} ${c.op} ${c.right}`;
    case 'text': return `${c.name} ${c.op} ${quote(c.value)}`;
    case 'between': return `${c.name} ${c.not ? 'NOT ' : ''}BETWEEN ${c.low} AND ${c.high}`;
    case 'in': return `${c.name} ${c.not ? 'NOT ' : ''}IN (${c.values.map(quote).join(', ')})`;
    case 'missing': return `${c.name} IS ${c.not ? 'NOT ' : ''}NULL`;
    case 'has': return `${c.name} ${c.not ? 'NOT ' : ''}CONTAINS ${quote(c.value)}`;
  }
}

/** A Java exception. */
class Thrown extends Error {}

function number(text: string, pattern: RegExp): number {
  if (!pattern.test(text)) throw new Thrown(text);
  return Number(text);
}

function orders(op: Ordering | '=', a: number, b: number): boolean {
  return op === '<' ? a < b : op === '<=' ? a <= b : op === '>' ? a > b : op === '>=' ? a >= b : a === b;
}

const not = (value: boolean | null): boolean | null => (value === null ? null : !value);

/** Small integers and words only: what numbers Java reads is compared with Apache elsewhere. */
function slow(c: Cond, p: ReadonlyMap<string, string>): boolean | null {
  switch (c.is) {
    case 'constant': return c.value;
    case 'not': return not(slow(c.of, p));
    case 'and': {
      const left = slow(c.left, p);
      if (left === false) return false;
      const right = slow(c.right, p);
      return right === false ? false : left === null || right === null ? null : true;
    }
    case 'or': return not(slow({ is: 'and', left: { is: 'not', of: c.left }, right: { is: 'not', of: c.right } }, p));
    case 'int': {
      const text = p.get(c.name);
      if (text === undefined) return null;
      const value = number(text, /^-?\d+$/);
      return c.op === '<>' ? value !== c.value : orders(c.op, value, c.value);
    }
    case 'two': {
      const [left, right] = [p.get(c.left), p.get(c.right)];
      if (c.op === '=') return left === undefined ? (right === undefined ? true : null) : left === right;
      if (left === undefined || right === undefined) return null;
      return orders(c.op, number(left, /^-?\d+(\.\d+)?$/), number(right, /^-?\d+(\.\d+)?$/));
    }
    case 'text': {
      const text = p.get(c.name);
      return text === undefined ? null : (text === c.value) === (c.op === '=');
    }
    case 'between': {
      const [below, above]: [Cond, Cond] = [{ is: 'int', name: c.name, op: '<', value: c.low }, { is: 'int', name: c.name, op: '>', value: c.high }];
      const outside: Cond = { is: 'or', left: below, right: above };
      return slow(c.not ? outside : { is: 'not', of: outside }, p);
    }
    case 'in': {
      const text = p.get(c.name);
      return text === undefined ? null : c.values.includes(text) !== c.not;
    }
    case 'missing': return p.has(c.name) === c.not;
    case 'has': {
      const text = p.get(c.name);
      return text !== undefined && c.value !== '' && text.includes(c.value) !== c.not;
    }
  }
}

const name = fc.constantFrom('a', 'b', 'c', 'D_1');
const word = fc.constantFrom('x', 'y', '5', '-3', '0', '12', "it's", '1.5', '');
const small = fc.integer({ min: 0, max: 12 });
const negated = fc.boolean();
const cond: fc.Arbitrary<Cond> = fc.letrec<{ cond: Cond }>((tie) => ({
  cond: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    fc.record({ is: fc.constant('int' as const), name, op: fc.constantFrom<Ordering | '=' | '<>'>('<', '<=', '>', '>=', '=', '<>'), value: small }),
    fc.record({ is: fc.constant('constant' as const), value: fc.constantFrom(true, false, null) }),
    fc.record({ is: fc.constant('two' as const), left: name, op: fc.constantFrom<Ordering | '='>('<', '<=', '>', '>=', '='), right: name }),
    fc.record({ is: fc.constant('text' as const), name, op: fc.constantFrom<'=' | '<>'>('=', '<>'), value: word }),
    fc.tuple(name, negated, small, small).map(([n, no, low, more]) => ({ is: 'between' as const, not: no, name: n, low, high: low + more })),
    fc.record({ is: fc.constant('in' as const), not: negated, name, values: fc.array(word, { minLength: 1, maxLength: 7 }) }),
    fc.record({ is: fc.constant('missing' as const), not: negated, name }),
    fc.record({ is: fc.constant('has' as const), not: negated, name, value: word }),
    fc.record({ is: fc.constant('not' as const), of: tie('cond') }),
    fc.record({ is: fc.constantFrom<'and' | 'or'>('and', 'or'), left: tie('cond'), right: tie('cond') }),
  ),
})).cond;
const properties = fc.dictionary(name, word.filter((text) => text !== ''), { maxKeys: 4 }).map((given) => new Map(Object.entries(given)));

const words = { [verdict.YES]: true, [verdict.NO]: false, [verdict.UNKNOWN]: null, [verdict.SPOILED]: 'thrown' } as const;

test('compiled expressions judge as the slow evaluator does', () => {
  const cache = new ExpressionCache();
  fc.assert(fc.property(cond, properties, (c, p) => {
    const sql = sqlOf(c);
    const compiled = cache.compile('SQL92', sql);
    if ('error' in compiled) throw new Error(`${sql}: ${compiled.error}`);
    let expected: boolean | null | 'thrown';
    try {
      expected = slow(c, p);
    } catch (error) {
      if (!(error instanceof Thrown)) throw error;
      expected = 'thrown';
    }
    expect([sql, words[compiled.judge(new MapProperties(p))]]).toEqual([sql, expected]);
  }), { numRuns: 3000 });
});

test('no text whatever throws, and a refusal says where', () => {
  const cache = new ExpressionCache();
  const parts = fc.array(fc.constantFrom('a', ' ', '(', ')', "'", '=', '<', '>', '--', '/*', '*/', '\n', 'NOT ', ' AND ', ' OR ', ' IN ', ' BETWEEN ', '5', '.', 'e', 'L', ',', ' IS ', 'NULL', '\u0000', 'é', '\ud800'), { maxLength: 40 });
  fc.assert(fc.property(fc.oneof(parts.map((list) => list.join('')), fc.string({ unit: 'binary', maxLength: 60 })), (text) => {
    const compiled = cache.compile('SQL92', text);
    if ('error' in compiled) expect(compiled.error).toMatch(/^Invalid expression at line \d+, column \d+: ./s);
    else expect([0, 1, 2, 3]).toContain(compiled.judge(new MapProperties(new Map([['a', '5']]))));
  }), { numRuns: 3000 });
});

describe('bounds', () => {
  const refusal = (text: string): string => {
    const compiled = new ExpressionCache().compile('SQL92', text);
    return 'error' in compiled ? compiled.error : 'compiled';
  };

  test('a megabyte is refused, and what is just short enough is not', () => {
    expect(refusal(`a = 1 OR ${'a = 1 OR '.repeat(120_000)}a = 1`)).toContain(`the limit is ${sqlCharsMax}`);
    expect(refusal('a = 1 OR '.repeat(7000) + 'a = 1')).toBe('compiled');
    expect(refusal(`a IN (${Array.from({ length: 6000 }, (_, i) => `'${i}'`).join(',')})`)).toBe('compiled');
  });

  test.each([['(', ')'], ['NOT (', ')'], ['NOT ', ''], ['- ', ''], ['+', ''], ['(NOT -(', '))']])('nested by %p is refused at the depth that is too deep', (open, close) => {
    // Ten thousand deep, or as deep as the length allows.
    const times = Math.min(10_000, Math.floor(60_000 / (open.length + close.length)));
    expect(refusal(`${open.repeat(times)}a${close.repeat(times)}`)).toContain(`nested deeper than ${sqlDepthMax}`);
  });

  test('depth up to the bound compiles and is judged', () => {
    const sql = `${'NOT ('.repeat(sqlDepthMax / 2)}a = 1${')'.repeat(sqlDepthMax / 2)}`;
    const compiled = new ExpressionCache().compile('SQL92', sql);
    expect('judge' in compiled && compiled.judge(new MapProperties(new Map([['a', '1']])))).toBe(verdict.YES);
  });

  test('comparisons of comparisons are bounded in number', () => {
    expect(refusal(`a${' = b'.repeat(5000)}`)).toContain('comparisons of comparisons');
    expect(refusal(`a${" CONTAINS 'x'".repeat(4000)}`)).toContain('comparisons of comparisons');
  });

  // Each of these would take a scanner that starts over at every sign, or an evaluator that asks twice, longer than this suite may run.
  test('signs, quotes and comments that never end are one pass', () => {
    expect(refusal('-'.repeat(60_000))).toContain('nested deeper');
    expect(refusal("'".repeat(60_001))).toMatch(/column \d+/);
    expect(refusal(`a = 1 /${'* '.repeat(30_000)}`)).toContain('a comment that does not end');
    expect(refusal(`a = '${'x'.repeat(60_000)}`)).toContain('column 5: a text that does not end');
    let nested = 'a BETWEEN 1 AND 2';
    for (let i = 0; i < 100; i++) nested = `-(${nested}) BETWEEN 1 AND 2`;
    const compiled = new ExpressionCache().compile('SQL92', nested);
    expect('judge' in compiled && compiled.judge(new MapProperties(new Map([['a', '1']])))).toBe(verdict.UNKNOWN);
  });

  test('the cache keeps what is used and forgets the rest', () => {
    const cache = new ExpressionCache();
    for (let i = 0; i < 3000; i++) {
      cache.compile('SQL92', 'a = 1');
      cache.compile('SQL92', `a = ${i} AND`);
    }
    expect(cache.size).toBe(1000);
    expect(cache.compiled).toBe(3001);
    for (let i = 0; i < 100; i++) cache.compile('SQL92', `b = '${String(i).padEnd(60_000, 'x')}'`);
    expect(cache.size).toBeLessThan(30);
  });

  test('only SQL92 is an expression type', () => {
    expect(new ExpressionCache().compile('SQL2050', 'a = 1')).toEqual({ error: 'unknown expression type SQL2050: TAG or SQL92' });
  });
});
