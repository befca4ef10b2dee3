/** Trees of expressions in a bracketed form, refusals with place and reason, and the order of literals. */
import { describe, expect, test } from '@jest/globals';
import { SqlError } from './sql-lexer.js';
import { compareDoubles, compareLiterals, compareLongs, parseSql, sqlCharsMax, sqlDepthMax } from './sql-parser.js';
import type { NumberLiteral, SqlNode } from './sql-parser.js';

function shown(node: SqlNode): string {
  switch (node.kind) {
    case 'property': return node.name;
    case 'text': return JSON.stringify(node.value);
    case 'number': return `${node.number.type}:${node.number.value}`;
    case 'truth': return String(node.value);
    case 'negate':
    case 'not':
    case 'cast':
    case 'isNull': return `${node.kind}(${shown(node.of)})`;
    case 'and':
    case 'or': return `${node.kind}(${node.sides.map(shown).join(' ')})`;
    case 'between': return `${node.not ? '!' : ''}between(${shown(node.value)} ${shown(node.low)} ${shown(node.high)})`;
    case 'compare': return `(${shown(node.left)} ${node.operator} ${shown(node.right)})`;
    case 'match': return `${node.not ? '!' : ''}${node.operator}(${shown(node.of)} ${JSON.stringify(node.text)})`;
    case 'in': return `${node.not ? '!' : ''}in(${node.name} ${JSON.stringify(node.texts)})`;
  }
}

function treeOf(sql: string): string {
  try {
    return shown(parseSql(sql));
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return `${error.at}: ${error.what}`;
  }
}

describe('trees', () => {
  test.each([
    ['a', 'cast(a)'], ['TRUE', 'true'], ['false', 'false'], ['NULL', 'null'], ['NOT a', 'not(cast(a))'], ['NOT NOT TRUE', 'not(not(true))'], ['+a', 'cast(a)'], ['((a))', 'cast(a)'],
    ['a = 1', '(a = int:1)'], ["a = 'x'", '(a = "x")'], ["a <> 'it''s'", 'not((a = "it\'s"))'], ['a > 1', '(a > int:1)'], ['a >= 1', '(a >= int:1)'], ['a < 1', '(a < int:1)'], ['a <= b', '(a <= b)'],
    ['1 = a', '(int:1 = a)'], ['a = -1', '(a = negate(int:1))'], ['a = - + -1', '(a = negate(negate(int:1)))'], ['a = -(1)', '(a = negate(int:1))'], ['-a > 1', '(negate(a) > int:1)'],
    ['a = 1 AND b = 2', 'and((a = int:1) (b = int:2))'], ['a AND b AND c', 'and(cast(a) cast(b) cast(c))'], ['a OR b OR c', 'or(cast(a) cast(b) cast(c))'],
    ['a AND b OR c AND d', 'or(and(cast(a) cast(b)) and(cast(c) cast(d)))'], ['a AND (b OR c)', 'and(cast(a) or(cast(b) cast(c)))'], ['(a AND b) AND c', 'and(and(cast(a) cast(b)) cast(c))'],
    ['a IS NULL', 'isNull(a)'], ['a IS NOT NULL', 'not(isNull(a))'], ['a = 1 IS NULL', 'isNull((a = int:1))'], ['1 IS NULL', 'isNull(int:1)'],
    ['a BETWEEN 1 AND 2', 'between(a int:1 int:2)'], ['a NOT BETWEEN 1 AND 2', '!between(a int:1 int:2)'], ['a BETWEEN 2 AND 2', 'between(a int:2 int:2)'], ['a NOT BETWEEN 2 AND 1', '!between(a int:2 int:1)'],
    ['a BETWEEN b AND -c', 'between(a b negate(c))'], ['a BETWEEN 1 AND 2 AND b', 'and(between(a int:1 int:2) cast(b))'], ['a BETWEEN -1 AND -2', 'between(a negate(int:1) negate(int:2))'],
    ["a IN ('x')", 'in(a ["x"])'], ["a NOT IN ('x', 'y''', '')", '!in(a ["x","y\'",""])'],
    ["a CONTAINS 'x'", 'CONTAINS(a "x")'], ["a NOT STARTSWITH 'x'", '!STARTSWITH(a "x")'], ["a ENDSWITH ''", 'ENDSWITH(a "")'], ["1 CONTAINS 'x'", 'CONTAINS(int:1 "x")'],
    ['a = b = c', '((a = b) = c)'], ['a > 1 = TRUE', '((a > int:1) = true)'], ['TRUE = a', '(true = a)'], ['a = TRUE', '(a = true)'], ['TRUE = FALSE', '(true = false)'], ['(a > 1) = 1', '((a > int:1) = int:1)'],
    ['a = 2147483647', '(a = int:2147483647)'], ['a = 2147483648', '(a = long:2147483648)'], ['a = 5L', '(a = int:5)'], ['a = 5l', '(a = int:5)'], ['a = 2147483648L', '(a = long:2147483648)'],
    ['a = 9223372036854775807', '(a = long:9223372036854775807)'], ['a = 9223372036854775807L', '(a = long:9223372036854775807)'], ['a = 0', '(a = int:0)'], ['a = 1.5', '(a = double:1.5)'], ['a = .5e1', '(a = double:5)'],
    ['a = 1.7976931348623157e308', '(a = double:1.7976931348623157e+308)'], ['a = 5e-324', '(a = double:5e-324)'],
    // What follows a whole expression is not read, but its first word.
    ['a b @', 'cast(a)'], ['a = 1 b', '(a = int:1)'], ['a ) @', 'cast(a)'],
  ])('%s', (sql, tree) => {
    expect(treeOf(sql)).toBe(tree);
  });
});

describe('refusals', () => {
  const operand = (found: string): string => `a property, literal or ( expected, not ${found}`;
  const condition = 'a condition expected, not a value';
  const onlyOrdered = 'only properties and numbers can be compared by <, <=, > and >=';
  test.each([
    ['', `0: ${operand('the end')}`], [' a = ', `5: ${operand('the end')}`], ['a AND', `5: ${operand('the end')}`], ['a = )', `4: ${operand(')')}`], ['= 1', `0: ${operand('=')}`],
    ['a = , b', `4: ${operand(',')}`], ['(a', '2: ) expected, not the end'], ['(a b', '3: ) expected, not b'], ['a @', "2: '@' begins no word"], ['a = 1 @', "6: '@' begins no word"],
    [`(a ${'b'.repeat(40)}`, `3: ) expected, not ${'b'.repeat(32)}`],
    ['1', `0: ${condition}`], ["'x'", `0: ${condition}`], ['-a', `0: ${condition}`], ['NOT 1', `4: ${condition}`], ['NOT - 1', `6: ${condition}`], ['a AND 1', `6: ${condition}`], ['1 AND a', `0: ${condition}`],
    ['a OR b AND 1', `11: ${condition}`], ['a OR 1 OR b', `5: ${condition}`], ['a AND 1 AND 2', `6: ${condition}`], ['(1) AND a', `0: ${condition}`], ['1 AND )', `6: ${operand(')')}`], ['a AND b OR 1', `11: ${condition}`],
    ['a IS', '4: NULL or NOT NULL expected, not the end'], ['a IS 1', '5: NULL or NOT NULL expected, not 1'], ['a IS NOT', '8: NULL expected, not the end'], ['a IS NOT 1', '9: NULL expected, not 1'],
    ['a = NULL', '2: NULL cannot be compared: IS NULL asks for a missing property'], ['NULL <> a', '5: NULL cannot be compared: IS NULL asks for a missing property'],
    ["TRUE = 'x'", '5: TRUE or FALSE cannot be compared with a text or number'], ['FALSE <> 1', '6: TRUE or FALSE cannot be compared with a text or number'],
    ['a > TRUE', `2: ${onlyOrdered}`], ["a < 'x'", `2: ${onlyOrdered}`], ["'x' >= a", `4: ${onlyOrdered}`], ['a <= (b = 1)', `2: ${onlyOrdered}`], ['TRUE < 1', `5: ${onlyOrdered}`],
    ["a BETWEEN 'x' AND 2", `2: ${onlyOrdered}`], ["a BETWEEN 1 AND 'x'", `2: ${onlyOrdered}`], ["'x' BETWEEN 1 AND 2", `4: ${onlyOrdered}`], ['TRUE NOT BETWEEN 1 AND 2', `5: ${onlyOrdered}`],
    ['a BETWEEN 1', '11: AND expected, not the end'], ['a BETWEEN 1 OR 2', '12: AND expected, not OR'], ['a BETWEEN 2 AND 1', '2: the first value of BETWEEN is greater than the second'],
    ['a BETWEEN 2.5 AND 2', '2: the first value of BETWEEN is greater than the second'],
    ['a IN', '4: ( expected, not the end'], ['a IN (', '6: a text in single quotes expected, not the end'], ['a IN ()', '6: a text in single quotes expected, not )'], ["a IN ('x'", '9: , or ) expected, not the end'],
    ["a IN ('x',)", '10: a text in single quotes expected, not )'], ['a IN (1)', '6: a text in single quotes expected, not 1'], ["1 IN ('x')", '2: IN is asked of a property'], ["TRUE NOT IN ('x')", '5: IN is asked of a property'],
    ['a CONTAINS b', '11: a text in single quotes expected, not b'], ['a STARTSWITH', '12: a text in single quotes expected, not the end'],
    ['a NOT', '2: BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH expected behind NOT, not the end'], ['a NOT b', '2: BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH expected behind NOT, not b'],
    ['a = 9223372036854775808', '4: an integer beyond 9223372036854775807'], ['a = 9223372036854775808L', '4: an integer beyond 9223372036854775807'], ['a = 12345678901234567890', '4: an integer beyond 9223372036854775807'],
    [`a = ${'9'.repeat(60_000)}`, '4: an integer beyond 9223372036854775807'], ['a = 1e400', '4: a number beyond 1.7976931348623157e+308'], ['a = 0.0', '4: a floating point number below 5e-324'], ['a = 1e-400', '4: a floating point number below 5e-324'],
  ])('%s', (sql, refusal) => {
    expect(treeOf(sql)).toBe(refusal);
  });

  test('of what is too long, too deep or too linked, exactly beyond the bound', () => {
    expect(treeOf('a'.padEnd(sqlCharsMax))).toBe('cast(a)');
    expect(treeOf('a'.padEnd(sqlCharsMax + 1))).toBe(`${sqlCharsMax}: the expression has ${sqlCharsMax + 1} characters, the limit is ${sqlCharsMax}`);
    const nested = (open: string, close: string, times: number): string => treeOf(`${open.repeat(times)}a${close.repeat(times)}`).slice(0, 40);
    for (const [open, close, inner] of [['(', ')', 'cast(a)'], ['+', '', 'cast(a)'], ['NOT ', '', 'not(not('], ['- ', '', '0: a condition']] as const) {
      expect(nested(open, close, sqlDepthMax)).toContain(inner);
      expect(nested(open, close, sqlDepthMax + 1)).toBe(`${sqlDepthMax * open.length}: nested deeper than ${sqlDepthMax}`);
    }
    // Depth that was left counts no longer.
    expect(treeOf(`${'('.repeat(200)}a${')'.repeat(200)} AND ${'+'.repeat(200)}b AND ${'('.repeat(200)}c${')'.repeat(200)}`)).toBe('and(cast(a) cast(b) cast(c))');
    for (const link of [' = b', ' > 1', " CONTAINS 'x'"]) {
      // The first comparison makes no deeper tree.
      expect(treeOf(`a${link.repeat(link === ' > 1' ? 1 : sqlDepthMax + 1)}`)).not.toMatch(/^\d+:/);
      if (link !== ' > 1') expect(treeOf(`a${link.repeat(sqlDepthMax + 2)}`)).toContain(`more than ${sqlDepthMax} comparisons of comparisons`);
    }
  });
});

describe('numbers compared', () => {
  const int = (value: number): NumberLiteral => ({ type: 'int', value });
  const long = (value: bigint): NumberLiteral => ({ type: 'long', value });
  const double = (value: number): NumberLiteral => ({ type: 'double', value });

  test('doubles as `Double#compare` does: NaN above everything, -0.0 below 0.0', () => {
    const ordered = [-Infinity, -1.5, -0, 0, 5e-324, 1, Infinity, NaN];
    ordered.forEach((left, i) => ordered.forEach((right, j) => expect([left, right, compareDoubles(left, right)]).toEqual([left, right, Math.sign(i - j)])));
  });

  test('longs exactly, with an int as a long, with a double as doubles', () => {
    expect([compareLongs(1n, 2n), compareLongs(2n, 1n), compareLongs(2n, 2n)]).toEqual([-1, 1, 0]);
    const table: [NumberLiteral, NumberLiteral, number][] = [
      [int(1), int(2), -1], [int(2), int(2), 0], [int(3), long(2n ** 62n), -1], [int(3), long(3n), 0], [int(3), long(-4n), 1], [int(0), long(0n), 0], [int(2147483647), long(2147483648n), -1], [int(-1), long(-(2n ** 63n)), 1], [int(1), double(1.5), -1], [int(0), double(-0), 1], [double(1), int(1), 0],
      [long(2n ** 53n + 1n), long(2n ** 53n), 1], [long(2n ** 53n + 1n), double(2 ** 53), 0], [double(1.5), long(1n), 1], [long(7n), int(7), 0], [double(0.5), double(0.25), 1],
    ];
    for (const [left, right, sign] of table) {
      expect([left, right, compareLiterals(left, right)]).toEqual([left, right, sign]);
      expect([right, left, compareLiterals(right, left)]).toEqual([right, left, sign === 0 ? 0 : -sign]);
    }
  });
});
