/** Compiled trees of every shape against an evaluator with boxed Java values and exceptions, and the verdicts of written expressions. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MapProperties } from './property-source.js';
import { compileSql, verdict } from './sql-compile.js';
import { parseSql } from './sql-parser.js';
import type { CompareOperator, SqlNode, TextOperator } from './sql-parser.js';

/** An exception of Java. */
class Thrown extends Error {}

type Boxed = { readonly of: 'Integer' | 'Double'; readonly value: number } | { readonly of: 'Long'; readonly value: bigint } | { readonly of: 'String'; readonly value: string } | { readonly of: 'Boolean'; readonly value: boolean };
type Properties = ReadonlyMap<string, string>;

function whole(text: string, bits: number): bigint {
  if (!/^[+-]?\d+$/.test(text) || BigInt.asIntN(bits, BigInt(text.replace('+', ''))) !== BigInt(text.replace('+', ''))) throw new Thrown(`NumberFormatException ${text}`);
  return BigInt(text.replace('+', ''));
}

/** The texts of these tests hold no suffixes and no hexadecimal numbers. */
function double(text: string): number {
  if (text !== 'NaN' && Number.isNaN(Number(text))) throw new Thrown(`NumberFormatException ${text}`);
  return Number(text);
}

const sign = (a: number | bigint | string, b: number | bigint | string): number => (a < b ? -1 : a > b ? 1 : 0);
const doubles = (a: number, b: number): number => (Number.isNaN(a) || Number.isNaN(b) ? Number(Number.isNaN(a)) - Number(Number.isNaN(b)) : sign(a, b) || Number(Object.is(b, -0)) - Number(Object.is(a, -0)));

/** `ComparisonExpression#__compare`. */
function compare(l: Boxed, r: Boxed): number {
  if (l.of === 'Boolean') {
    if (r.of === 'Boolean') return Number(l.value) - Number(r.value);
    if (r.of === 'String') throw new Thrown('ClassCastException');
    return -1;
  }
  if (r.of === 'Boolean') return l.of === 'String' ? Number(l.value.toLowerCase() === 'true') - Number(r.value) : -1;
  if (l.of === 'String') {
    switch (r.of) {
      case 'String': return sign(l.value, r.value);
      case 'Integer': return sign(Number(whole(l.value, 32)), r.value);
      case 'Long': return sign(whole(l.value, 64), r.value);
      case 'Double': return doubles(double(l.value), r.value);
    }
  }
  if (r.of === 'String') return -compare(r, l);
  if (l.of === 'Double' || r.of === 'Double') return doubles(Number(l.value), Number(r.value));
  return sign(BigInt(l.value), BigInt(r.value));
}

function valueOf(node: SqlNode, p: Properties): Boxed | null {
  switch (node.kind) {
    case 'property': {
      const text = p.get(node.name);
      return text === undefined ? null : { of: 'String', value: text };
    }
    case 'text': return { of: 'String', value: node.value };
    case 'number': return node.number.type === 'long' ? { of: 'Long', value: node.number.value } : { of: node.number.type === 'int' ? 'Integer' : 'Double', value: node.number.value };
    case 'negate': {
      const value = valueOf(node.of, p);
      if (value?.of === 'Long') return { of: 'Long', value: -value.value };
      if (value?.of === 'Integer') return { of: 'Integer', value: 0 - value.value };
      return value?.of === 'Double' ? { of: 'Double', value: -value.value } : null;
    }
    default: {
      const value = truthOf(node, p);
      return value === null ? null : { of: 'Boolean', value };
    }
  }
}

function ordered(operator: CompareOperator, left: SqlNode, right: SqlNode, p: Properties): boolean | null {
  const l = valueOf(left, p);
  if (l === null) return null;
  const r = valueOf(right, p);
  if (r === null) return null;
  const order = l.of === 'String' && r.of === 'String' ? doubles(double(l.value), double(r.value)) : compare(l, r);
  return operator === '<' ? order < 0 : operator === '<=' ? order <= 0 : operator === '>' ? order > 0 : order >= 0;
}

const not = (value: boolean | null): boolean | null => (value === null ? null : !value);

/** The sides from the left until one has decided. */
function joined(decides: boolean, sides: readonly (() => boolean | null)[]): boolean | null {
  let unknown = false;
  for (const side of sides) {
    const value = side();
    if (value === decides) return decides;
    unknown ||= value === null;
  }
  return unknown ? null : !decides;
}

function truthOf(node: SqlNode, p: Properties): boolean | null {
  switch (node.kind) {
    case 'truth': return node.value;
    case 'cast': return valueOf(node.of, p) === null ? null : false;
    case 'not': return not(truthOf(node.of, p));
    case 'and': return joined(false, node.sides.map((side) => () => truthOf(side, p)));
    case 'or': return joined(true, node.sides.map((side) => () => truthOf(side, p)));
    case 'compare': {
      if (node.operator !== '=') return ordered(node.operator, node.left, node.right, p);
      const l = valueOf(node.left, p);
      const r = valueOf(node.right, p);
      if (l === null) return r === null ? true : null;
      return r !== null && (l.of === 'String' && r.of === 'String' ? l.value === r.value : compare(l, r) === 0);
    }
    case 'between':
      return node.not
        ? joined(true, [() => ordered('<', node.value, node.low, p), () => ordered('>', node.value, node.high, p)])
        : joined(false, [() => ordered('>=', node.value, node.low, p), () => ordered('<=', node.value, node.high, p)]);
    case 'isNull': return valueOf(node.of, p) === null;
    case 'match': {
      if (node.text === '') return false;
      const value = valueOf(node.of, p);
      if (value?.of !== 'String') return false;
      const found = node.operator === 'CONTAINS' ? value.value.includes(node.text) : node.operator === 'STARTSWITH' ? value.value.startsWith(node.text) : value.value.endsWith(node.text);
      return found !== node.not;
    }
    case 'in': {
      const text = p.get(node.name);
      return text === undefined ? null : node.texts.includes(text) !== node.not;
    }
    default: throw new TypeError(node.kind);
  }
}

const words = { [verdict.YES]: true, [verdict.NO]: false, [verdict.UNKNOWN]: null, [verdict.SPOILED]: 'thrown' } as const;

function slow(node: SqlNode, p: Properties): boolean | null | 'thrown' {
  try {
    return truthOf(node, p);
  } catch (error) {
    if (!(error instanceof Thrown)) throw error;
    return 'thrown';
  }
}

const texts = ['5', '-5', '0', '4', '6', '+5', '5.0', '-1.5', 'x', 'true', 'FALSE', '2147483647', '2147483648', '9223372036854775807', '9223372036854775808', 'NaN', '1e3', 'xx5'];
const name = fc.constantFrom('a', 'b', 'c');
const word = fc.constantFrom(...texts);
const property: fc.Arbitrary<SqlNode> = name.map((of) => ({ kind: 'property', name: of }));
const number: fc.Arbitrary<SqlNode> = fc.oneof(
  fc.constantFrom(0, 4, 5, 6, 2147483647).map((value): SqlNode => ({ kind: 'number', number: { type: 'int', value } })),
  fc.constantFrom(2147483648n, 9223372036854775807n).map((value): SqlNode => ({ kind: 'number', number: { type: 'long', value } })),
  fc.constantFrom(0.5, 1.5, 5, 1000).map((value): SqlNode => ({ kind: 'number', number: { type: 'double', value } })),
);
const flag = fc.boolean();
const trees = fc.letrec<{ condition: SqlNode; operand: SqlNode }>((tie) => ({
  operand: fc.oneof(
    { maxDepth: 3, withCrossShrink: true }, { weight: 4, arbitrary: property }, { weight: 3, arbitrary: number }, { weight: 1, arbitrary: word.map((value): SqlNode => ({ kind: 'text', value })) },
    { weight: 2, arbitrary: tie('operand').map((of): SqlNode => ({ kind: 'negate', of })) }, { weight: 2, arbitrary: tie('condition') },
  ),
  condition: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.record({ kind: fc.constant('compare' as const), operator: fc.constantFrom<CompareOperator>('=', '<', '<=', '>', '>='), left: tie('operand'), right: tie('operand') }),
    fc.constantFrom(true, false, null).map((value): SqlNode => ({ kind: 'truth', value })),
    property.map((of): SqlNode => ({ kind: 'cast', of })),
    tie('condition').map((of): SqlNode => ({ kind: 'not', of })),
    fc.record({ kind: fc.constantFrom('and' as const, 'or' as const), sides: fc.array(tie('condition'), { minLength: 2, maxLength: 3 }) }),
    fc.record({ kind: fc.constant('between' as const), not: flag, value: tie('operand'), low: tie('operand'), high: tie('operand') }),
    tie('operand').map((of): SqlNode => ({ kind: 'isNull', of })),
    fc.record({ kind: fc.constant('match' as const), operator: fc.constantFrom<TextOperator>('CONTAINS', 'STARTSWITH', 'ENDSWITH'), not: flag, of: tie('operand'), text: fc.constantFrom('', '5', 'x', '-', 'xx5') }),
    fc.record({ kind: fc.constant('in' as const), not: flag, name, texts: fc.array(word, { minLength: 1, maxLength: 3 }) }),
  ),
}));
const properties = fc.dictionary(name, word, { maxKeys: 3 }).map((given) => new Map(Object.entries(given)));

test('trees of every shape judge as the slow evaluator does', () => {
  fc.assert(fc.property(trees.condition, fc.array(properties, { minLength: 3, maxLength: 3 }), (node, sets) => {
    const judge = compileSql(node);
    for (const p of sets) expect(words[judge(new MapProperties(p))]).toBe(slow(node, p));
  }), { numRuns: 400 });
});

test('each comparison of two operands, for each value', () => {
  const operands: SqlNode[] = [
    { kind: 'property', name: 'a' }, { kind: 'property', name: 'b' }, { kind: 'text', value: '5' }, { kind: 'number', number: { type: 'int', value: 5 } }, { kind: 'number', number: { type: 'long', value: 2147483648n } },
    { kind: 'number', number: { type: 'double', value: 5 } }, { kind: 'truth', value: true }, { kind: 'truth', value: null }, { kind: 'negate', of: { kind: 'number', number: { type: 'int', value: 5 } } },
    { kind: 'negate', of: { kind: 'number', number: { type: 'long', value: 2147483648n } } }, { kind: 'negate', of: { kind: 'number', number: { type: 'double', value: 1.5 } } }, { kind: 'negate', of: { kind: 'property', name: 'a' } },
    { kind: 'negate', of: { kind: 'negate', of: { kind: 'number', number: { type: 'int', value: 5 } } } }, { kind: 'compare', operator: '>', left: { kind: 'property', name: 'a' }, right: { kind: 'number', number: { type: 'int', value: 5 } } },
    { kind: 'negate', of: { kind: 'compare', operator: '>', left: { kind: 'property', name: 'a' }, right: { kind: 'number', number: { type: 'int', value: 5 } } } },
  ];
  const sets = [new Map<string, string>(), ...texts.map((a) => new Map([['a', a]])), new Map([['b', '5']]), new Map([['a', '5'], ['b', '5']]), new Map([['a', '4'], ['b', 'x']]), new Map([['a', 'x'], ['b', '4']])];
  const wrong: unknown[] = [];
  for (const left of operands) {
    for (const right of operands) {
      for (const operator of ['=', '<', '<=', '>', '>='] as const) {
        const node: SqlNode = { kind: 'compare', operator, left, right };
        const judge = compileSql(node);
        for (const p of sets) if (words[judge(new MapProperties(p))] !== slow(node, p)) wrong.push([JSON.stringify(node, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value)), [...p]]);
      }
    }
  }
  expect(wrong).toEqual([]);
});

describe('written expressions', () => {
  const letters = ['f', 't', 'n', 'x'];
  const sets: (readonly (readonly [string, string])[])[] = [[], [['a', '5']], [['a', '-5']], [['a', 'x']], [['a', 'true']], [['b', '1']]];
  // Of no property, a = 5, -5, x, true, and b = 1: true, false, unknown (null) or spoiled.
  test.each([
    ['a', 'nffffn'], ['NOT a', 'nttttn'], ['a = 5', 'ntfxxn'], ['5 = a', 'ftfxxf'], ['a <> 5', 'nftxxn'], ['a = -5', 'nftxxn'], ['-5 = a', 'fftxxf'], ['a = - -5', 'ntfxxn'], ['a > 4', 'ntfxxn'], ['4 < a', 'ntfxxn'], ['4 > a', 'nftxxn'], ['a >= -5', 'nttxxn'],
    ["a = '5'", 'ntfffn'], ["'5' = a", 'ftffff'], ['a = b', 'tffffn'], ['a > b', 'nnnnnn'], ['a IS NULL', 'tfffft'], ['-a IS NULL', 'tttttt'], ['a = TRUE', 'nffftn'], ['TRUE = a', 'fxxxxf'], ['TRUE = TRUE', 'tttttt'], ['TRUE = FALSE', 'ffffff'], ['NULL', 'nnnnnn'],
    ['a > 4 AND b = 1', 'nnfxxn'], ['a > 4 OR b = 1', 'ntnxxt'], ['b = 1 OR a > 4', 'ntnxxt'], ['b = 1 AND a > 4', 'nnfxxn'], ['TRUE OR a > 4', 'tttttt'], ['FALSE AND a > 4', 'ffffff'], ['a > 4 OR TRUE', 'tttxxt'], ['a > 4 AND FALSE', 'fffxxf'],
    ['a BETWEEN 1 AND 5', 'ntfxxn'], ['a NOT BETWEEN 1 AND 5', 'nftxxn'], ['a BETWEEN b AND 5', 'nnnxxn'], ['a BETWEEN 1 AND b', 'nnfxxn'], ['a NOT BETWEEN b AND 4', 'ntnxxn'], ['a NOT BETWEEN 1 AND b', 'nntxxn'], ['5 BETWEEN a AND 9', 'nttxxn'],
    ["a CONTAINS '5'", 'fttfff'], ["a NOT CONTAINS '5'", 'fffttf'], ["a CONTAINS ''", 'ffffff'], ["a NOT CONTAINS ''", 'ffffff'], ["a STARTSWITH '5'", 'ftffff'], ["a ENDSWITH '5'", 'fttfff'], ["a IN ('5', 'x')", 'ntftfn'], ["a NOT IN ('5', 'x')", 'nftftn'],
    ['(a > 4) = TRUE', 'ntfxxn'], ['(a > 4) IS NULL', 'tffxxt'], ["(a > 4) CONTAINS 'x'", 'fffxxf'], ['-(a > 4) IS NULL', 'tttxxt'], ['(a > 4) = 1', 'nffxxn'],
  ])('%s: %s', (sql, expected) => {
    const judge = compileSql(parseSql(sql));
    expect(sets.map((set) => letters[judge(new MapProperties(new Map(set)))]).join('')).toBe(expected);
  });

  test('verdicts have the numbers that other parts keep', () => {
    expect(verdict).toEqual({ NO: 0, YES: 1, UNKNOWN: 2, SPOILED: 3 });
  });

  test('a value is no condition', () => {
    for (const node of [{ kind: 'property', name: 'a' }, { kind: 'text', value: 'a' }] as const) expect(() => compileSql(node)).toThrow(`a ${node.kind} is no condition`);
  });

  test('a source that throws spoils', () => {
    const judge = compileSql(parseSql("a = 'x'"));
    expect(judge({ get: () => { throw new RangeError('stack'); }, int: () => undefined })).toBe(verdict.SPOILED);
  });
});
