/** Questions about filters: written ones, one for each rule of the grammar and of comparison, and generated ones from a seed. */
import fc from 'fast-check';

export type Properties = Readonly<Record<string, string>>;

/** UTF-16 in hexadecimal, as both programs read texts. */
export function hex(text: string): string {
  return Buffer.from(text, 'utf16le').swap16().toString('hex');
}

export function evaluateQuestion(sql: string, properties: Properties): string {
  const pairs = Object.entries(properties).map(([name, value]) => `${hex(name)}=${hex(value)}`);
  return `evaluate ${hex(sql)} ${pairs.join(',')}`;
}

/** A question as a person reads it. */
export function shownQuestion(question: string): string {
  return question.replace(/\b(?:[0-9a-f]{4})+\b/g, (digits) => JSON.stringify(Buffer.from(digits, 'hex').swap16().toString('utf16le')));
}

/** Values that properties have: numbers as Java reads them and does not, truths, texts. */
export const values = [
  '0', '1', '5', '-5', '+5', '05', '5L', '5d', '5f', '5.0', '5.', '.5', '5e0', ' 5', '5 ', '2147483647', '2147483648', '-2147483648', '-2147483649', '-0', '0.0', '-0.0',
  '9007199254740993', '9223372036854775807', '9223372036854775808', '-9223372036854775808', '1e400', '-1e400', '4.9e-324', '1e-400', 'NaN', '-NaN', 'Infinity', '-Infinity',
  'infinity', '0x1p3', '0x1.8p1', '0X.8P-1D', '0x1', '0x1.fffffffffffff8p1023', '0x1.00000000000008p0', '0x0.8p-1074', 'true', 'TRUE', 'True', 'false', 'yes', '', 'x', "it's", 'abc',
  'abcabc', 'ABC', '\u0665', '\uff15', '\u00a05', '5\u0000', '杭州', '\u{1F680}', '1_000', '1,5', '--5', '+-5', '+', '-', '.', 'e5', '5e', '5e+', '00000000000000000005',
];

/** Expressions written by hand; `a` has each of `values` in turn. */
export const writtenExpressions: readonly string[] = [
  'a', 'NOT a', 'a = 5', '5 = a', 'a <> 5', '5 <> a', 'a > 5', 'a >= 5', 'a < 5', 'a <= 5', '5 < a', 'a = -5', 'a = - - 5', 'a > 2147483648', 'a = 5L', 'a = 2147483648L', 'a > 9007199254740992',
  'a = 9223372036854775807', 'a > 1.5', 'a = 5.0', 'a = 5e0', 'a < .5', 'a >= 4.9e-324', '1.5 > a', "a = 'abc'", "'abc' = a", "a <> 'abc'", "a = '5'", 'a = TRUE', 'a = FALSE', 'a <> TRUE', 'TRUE = a', 'FALSE <> a',
  "'x' = TRUE", 'TRUE = TRUE', 'TRUE', 'FALSE', 'NULL', 'NOT NULL', 'NOT TRUE', 'a IS NULL', 'a IS NOT NULL', 'b IS NULL', 'NULL IS NULL', '5 IS NULL', "'x' IS NOT NULL", '(a = 5) IS NULL', 'a IS NULL IS NOT NULL',
  'a BETWEEN 1 AND 5', 'a NOT BETWEEN 1 AND 5', 'a BETWEEN 1 AND 5.5', 'a BETWEEN -5 AND 5', 'a BETWEEN b AND 5', 'a NOT BETWEEN 5 AND 1', '3 BETWEEN 1 AND a', 'a BETWEEN 2147483647 AND 2147483648',
  "a IN ('5', 'abc')", "a NOT IN ('5', 'abc')", "a IN ('a','b','c','d','e','f','5')", "a IN ('it''s')", "(a) IN ('5')", "+a IN ('5')",
  "a CONTAINS 'bc'", "a NOT CONTAINS 'bc'", "a STARTSWITH 'ab'", "a NOT STARTSWITH 'ab'", "a ENDSWITH 'c'", "a NOT ENDSWITH 'c'", "a CONTAINS ''", "a NOT CONTAINS ''", "b CONTAINS 'x'", "NOT (b CONTAINS 'x')",
  "'abc' CONTAINS 'b'", "5 CONTAINS '5'", "(a = 5) CONTAINS 'true'", "a > 1 CONTAINS 'x'", 'a = b', 'b = a', 'b = c', 'b <> c', 'a > b', 'a = a', 'a > a', 'a >= a', '-a = 5', '-a > 5', "-'x' > 5", '-TRUE > 5', '-(a = 5) > 5', '-NULL = b', '-b = c',
  'a = 5 = TRUE', 'a = 5 = a', '(a = 5) = (a > 1)', '(a = 5) = 1', '1 = (a = 5)', 'NOT a = TRUE', 'a = 5 OR b = 1', 'b = 1 OR a = 5', 'a = 5 AND b = 1', 'b = 1 AND a = 5', 'NOT (a = 5 AND b = 1)', 'a > 5 OR TRUE', 'TRUE OR a > 5',
  'FALSE AND a > 5', 'a > 5 AND FALSE', 'a OR b', 'a AND b', 'a = 5 OR b IS NULL AND c IS NOT NULL', '(a = 5 OR b IS NULL) AND c IS NOT NULL', '1 = 1.0', '1 = 1L', '1 < 2', '2.5 > 2', '5 > -5', '1 = 2', "'a' = 'a'", "'a' = 5", "5 = 'x'", "'5' = 5",
];

/** Texts whose only question is whether they compile. */
export const writtenTexts: readonly string[] = [
  '', ' ', 'a =', '= a', 'a == 1', 'a != 1', 'a = 1)', '(a = 1', '((a = 1)', '()', 'a = (1)', 'a b', 'a = 1 b', 'a = 1 #', 'a = 1 b #', 'a = 1 NOT', 'a = 1 NOT b', 'a NOT', 'a NOT b', 'a NOT NULL', 'a IS', 'a IS 1', 'a IS NOT', 'a IS NOT 1', 'a IS NULL #',
  "a = 'x", "a = 'x''", "a = 'x'' ", "a = 'x'''", "a = ''", "a = ''''", "'", "''", "a LIKE 'x'", 'a LIKE 1', 'a IN (1)', 'a IN ()', "a IN ('x'", "a IN ('x',)", "a IN 'x'", "'x' IN ('x')", "5 IN ('x')", "(a = 1) IN ('x')", "-a IN ('x')", "a NOT IN ('x' 'y')",
  'a BETWEEN 1', 'a BETWEEN 1 AND', 'a BETWEEN 3 AND 1', 'a BETWEEN 3.5 AND 3', 'a NOT BETWEEN 3 AND 1', "a BETWEEN 'x' AND 'y'", 'a BETWEEN TRUE AND FALSE', 'a BETWEEN NULL AND 1', 'a BETWEEN 1 AND 2 AND 3', 'a BETWEEN 1 OR 2', 'a BETWEEN -1 AND -5', "a BETWEEN 1 AND '2'",
  'a > TRUE', 'TRUE > a', "a > 'x'", "'x' < a", 'a > NULL', 'a > (b = 1)', '(b = 1) > a', 'a > b > c', 'a = NULL', 'NULL = a', 'a <> NULL', 'NULL = NULL', 'TRUE = 1', "TRUE = 'x'", "FALSE <> 'x'", '1 = TRUE', 'TRUE = NULL',
  '5', "'x'", '-5', '-a', '+a', '5 AND a', 'a AND 5', "a OR 'x'", 'NOT 5', "NOT 'x'", 'NOT -a', 'NOT NOT a', '- - a = 1', '+ + a = 1', '+', '-', 'NOT', 'AND', 'OR a', 'a OR', 'a AND AND b', 'a,b', '(a, b)', 'a = 1,', 'a.b = 1', 'a:b = 1', '[a] = 1', '"a" = 1', '`a` = 1', 'a;',
  '1a = 1', '06 = a', 'a = 06', '0L = a', 'a = 0', 'a = 0L', 'a = 1l', 'a = 1LL', 'a = 9223372036854775807', 'a = 9223372036854775808', 'a = 9223372036854775807L', 'a > -9223372036854775808', 'a = 99999999999999999999999', 'a = 0.0', 'a = 0.', 'a = .0', 'a = 0e5', 'a = 1e400', 'a = 1e308',
  'a = 1e-400', 'a = 4.9e-324', 'a = 2e-324', 'a = 5.', 'a = .5', 'a = .', 'a = 1.e5', 'a = 1..5', 'a = 1.5.5', 'a = 1e', 'a = 1e+', 'a = 1E+5', 'a = 0x10', 'a = 1_0', 'a = 1.5L', 'a = 1.5d',
  'a = 1 -- x', 'a = 1 -- x\n', 'a = -- x\n1', 'a = -- x\r\n1', 'a = --1', 'a = - -1', 'a = /* x */ 1', 'a = /* x * / 1', 'a = /**/1', 'a = /***/1', 'a = /*/1', 'a = /* x', 'a = 1 /* x', 'a = 1 b /* x', 'a /*', '/ a', 'a --', 'a -- x', '--\na', '-- a',
  '_a = 1', '$a = 1', 'a$_1 = 1', 'é = 1', 'aé = 1', 'a = é', '\u00a0a = 1', 'a\u2003= 1', '\u212a = 1', 'i\u017f null', 'a i\u017f null', 'ı = 1', '\ufeffa = 1', 'a = 1\u0000', '\u0000', 'a\u000b= 1', 'a\f= 1', "a = '\u0000'", "a = '杭州 \u{1F680}'", "a = '\ud800'", 'and', 'And And and', 'a is Not nUll',
  'a = 1 AND', 'a IS NULL IS NULL', 'a = b = c', 'a <> b <> c', 'a = 1 IS NULL', "a CONTAINS b", 'a CONTAINS 5', "a CONTAINS 'x' 'y'", "a NOT NOT CONTAINS 'x'", "NOT a CONTAINS 'x'", "a CONTAINS 'x' CONTAINS 'y'", 'a IN', 'a NOT IN', 'IN', 'contains = 1', 'startswith', 'a = contains', 'between between 1 and 2', 'null', 'true and', 'like = 1', 'now = 1',
];

/** Each written expression with each value, and without the property. */
export function writtenQuestions(): string[] {
  const out: string[] = [];
  for (const sql of writtenExpressions) {
    out.push(evaluateQuestion(sql, {}), evaluateQuestion(sql, { b: '1' }));
    for (const value of values) out.push(evaluateQuestion(sql, { a: value }));
  }
  for (const text of writtenTexts) out.push(`compile ${hex(text)}`);
  return out;
}

const name = fc.constantFrom('a', 'b', 'c', 'A', '_x', '$');
const text = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...values) }, { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) });
const quoted = text.map((value) => `'${value.replaceAll("'", "''")}'`);
const number = fc.oneof(
  fc.constantFrom('0', '1', '5', '5L', '2147483647', '2147483648', '9007199254740993', '9223372036854775807', '1.5', '5.0', '.5', '5.', '5e0', '1E+2', '4.9e-324', '0.0', '9223372036854775808'),
  fc.integer({ min: 0, max: 12 }).map(String),
);
const literal = fc.oneof({ weight: 4, arbitrary: number }, { weight: 2, arbitrary: quoted }, { weight: 1, arbitrary: fc.constantFrom('TRUE', 'FALSE', 'NULL', 'true') });

/** Expressions by the grammar, types not minded: many are refused, as many should be. */
export const expression: fc.Arbitrary<string> = fc.letrec<{ or: string; and: string; equality: string; comparison: string; unary: string }>((tie) => ({
  or: fc.oneof({ withCrossShrink: true }, { weight: 3, arbitrary: tie('and') }, { weight: 1, arbitrary: fc.tuple(tie('and'), tie('or')).map(([a, b]) => `${a} OR ${b}`) }),
  and: fc.oneof({ withCrossShrink: true }, { weight: 3, arbitrary: tie('equality') }, { weight: 1, arbitrary: fc.tuple(tie('equality'), tie('and')).map(([a, b]) => `${a} AND ${b}`) }),
  equality: fc.oneof(
    { withCrossShrink: true },
    { weight: 3, arbitrary: tie('comparison') },
    { weight: 3, arbitrary: fc.tuple(tie('comparison'), fc.constantFrom('=', '<>'), tie('comparison')).map((parts) => parts.join(' ')) },
    { weight: 1, arbitrary: fc.tuple(tie('comparison'), fc.constantFrom('IS NULL', 'IS NOT NULL')).map((parts) => parts.join(' ')) },
  ),
  comparison: fc.oneof(
    { withCrossShrink: true },
    { weight: 3, arbitrary: tie('unary') },
    { weight: 4, arbitrary: fc.tuple(fc.oneof({ weight: 3, arbitrary: name }, { weight: 1, arbitrary: tie('unary') }), fc.constantFrom('>', '>=', '<', '<='), tie('unary')).map((parts) => parts.join(' ')) },
    { weight: 1, arbitrary: fc.tuple(tie('unary'), fc.constantFrom('', 'NOT '), fc.constantFrom('CONTAINS', 'STARTSWITH', 'ENDSWITH'), quoted).map(([a, not, op, b]) => `${a} ${not}${op} ${b}`) },
    { weight: 1, arbitrary: fc.tuple(tie('unary'), fc.constantFrom('', 'NOT '), tie('unary'), tie('unary')).map(([a, not, low, high]) => `${a} ${not}BETWEEN ${low} AND ${high}`) },
    { weight: 1, arbitrary: fc.tuple(name, fc.constantFrom('', 'NOT '), fc.array(quoted, { minLength: 1, maxLength: 6 })).map(([a, not, list]) => `${a} ${not}IN (${list.join(',')})`) },
  ),
  unary: fc.oneof(
    { withCrossShrink: true, maxDepth: 4 },
    { weight: 4, arbitrary: name },
    { weight: 4, arbitrary: literal },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom('+', '-', '- ', 'NOT '), tie('unary')).map((parts) => parts.join('')) },
    { weight: 2, arbitrary: tie('or').map((inner) => `(${inner})`) },
  ),
})).or;

/** Words in any order: mostly not expressions. */
export const words: fc.Arbitrary<string> = fc.array(fc.oneof(
  name, literal, fc.constantFrom('AND', 'OR', 'NOT', 'IS', 'NULL', 'IN', 'BETWEEN', 'CONTAINS', 'STARTSWITH', 'ENDSWITH', '(', ')', ',', '=', '<>', '<', '<=', '>', '>=', '+', '-', '--', '/*', '*/', "'", '\n', '#', '.', '0', 'é'),
), { minLength: 1, maxLength: 10 }).chain((parts) => fc.constantFrom(' ', '').map((glue) => parts.join(glue)));

export const properties: fc.Arbitrary<Properties> = fc.dictionary(name, text, { maxKeys: 5 });

/** The same questions from the same seed. */
export function generatedQuestions(seed: number, count: number): string[] {
  const wellFormed = fc.sample(fc.tuple(expression, properties), { seed, numRuns: count });
  const anything = fc.sample(fc.tuple(words, properties), { seed, numRuns: Math.ceil(count / 4) });
  return [...wellFormed, ...anything].map(([sql, given]) => evaluateQuestion(sql, given));
}

/** Units of consume queue extensions: without bits, of several lengths, and ones that end files exactly, nearly and not. */
export function extensionQuestions(): string[] {
  const unit = (i: number, bits: number): string => `${[0, 65, -1, 2147483647, -2147483648, 1700000003000][i % 6]}:${1_700_000_000_000 + i}:${'5a'.repeat(bits)}`;
  const units = (count: number, bits: (i: number) => number): string => Array.from({ length: count }, (_, i) => unit(i, bits(i))).join(',');
  return [
    `extension 4096 ${units(1, () => 14)}`, `extension 4096 ${units(3, () => 0)}`, `extension 4096 ${units(130, () => 14)}`, `extension 1024 ${units(60, (i) => [14, 0, 1, 40, 3][i % 5] ?? 0)}`,
    // 1020 bytes of units leave exactly what must stay free; 1021 do not.
    `extension 1024 ${units(53, (i) => (i === 50 ? 0 : 0))}`, `extension 1024 ${units(52, (i) => (i === 0 ? 1 : 0))}`, `extension 1024 ${units(4, () => 300)}`,
  ];
}

/** Bloom filters of several sizes and names. */
export function bloomQuestions(): string[] {
  const names = ['', 'a', 'group#topic', 'GID_orders#OrderTopic', '%RETRY%g#g', 'exactly-16-bytes', 'exactly-16-bytes!', 'x'.repeat(31), 'x'.repeat(32), 'x'.repeat(33), '组#主题', '\u{1F680}', ...Array.from({ length: 50 }, (_, i) => `group-${i}#topic-${i % 7}`)];
  const sizes = [[20, 32], [20, 64], [10, 128], [1, 1], [99, 1], [50, 1000], [20, 8], [5, 33]] as const;
  return [
    ...sizes.flatMap(([f, n]) => names.slice(0, 14).map((one) => `bloom ${f} ${n} ${hex(one)}`)),
    ...names.map((one) => `bloom 20 32 ${hex(one)}`), ...names.map((one) => `murmur ${hex(one)}`),
    'bits 112 ', 'bits 112 0', 'bits 112 111', 'bits 112 0,1,7,8,63,64,111', 'bits 8 3', 'bits 64 5,63', 'bits 128 127', 'bits 1024 0,512,1023',
  ];
}
