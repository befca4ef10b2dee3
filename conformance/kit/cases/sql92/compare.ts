/** SQL92: comparisons. Every property is a text; the literal decides how it is read. */
import { defineCases } from '../../case.js';
import { equal } from '../../expect.js';
import { accepted, refused, stored, through, valuesThrough } from './support.js';

const needs = ['sql92'] as const;
const source = 'ComparisonExpression#__compare';

export const cases = defineCases('sql92', [
  {
    name: 'sql92.compare-as-numbers', level: 'MUST', source, needs,
    requirement: 'A property is compared with a number literal as a number, not as a text.',
    async run(t) {
      equal(await valuesThrough(t, 'a > 9', ['10', '9', '100', '-10', '2']), ['10', '100'], 'values greater than 9');
    },
  },
  {
    name: 'sql92.compare-literal-left', level: 'MUST', source, needs,
    requirement: 'The literal may stand on the left.',
    async run(t) {
      equal(await valuesThrough(t, '9 < a', ['10', '9', '2']), ['10'], 'values for 9 < a');
    },
  },
  {
    name: 'sql92.compare-all-operators', level: 'MUST', source, needs,
    requirement: 'The operators =, <>, <, <=, > and >= mean what they say.',
    async run(t) {
      const topic = await stored(t, { one: { a: '1' }, two: { a: '2' }, three: { a: '3' } });
      const seen: Record<string, string[]> = {};
      for (const operator of ['=', '<>', '<', '<=', '>', '>=']) seen[operator] = await through(t, topic, `a ${operator} 2`);
      equal(seen, { '=': ['two'], '<>': ['one', 'three'], '<': ['one'], '<=': ['one', 'two'], '>': ['three'], '>=': ['two', 'three'] }, 'messages by operator');
    },
  },
  {
    name: 'sql92.compare-not-a-number', level: 'MUST', source, needs,
    requirement: 'A property that cannot be read as the number it is compared with does not match, neither with > nor with <>.',
    async run(t) {
      equal(await valuesThrough(t, 'a > 5', ['six', '6', '1.5x']), ['6'], 'values for a > 5');
      equal(await valuesThrough(t, 'a <> 5', ['six', '6']), ['6'], 'values for a <> 5');
    },
  },
  {
    name: 'sql92.compare-missing', level: 'MUST', source, needs,
    requirement: 'A message without the property matches no comparison with it, not even <>.',
    async run(t) {
      const topic = await stored(t, { without: { b: '1' } });
      for (const expression of ['a = 1', 'a <> 1', 'a > 1', 'a < 1', "a <> 'x'", 'a BETWEEN 0 AND 9', 'a NOT BETWEEN 0 AND 9']) equal(await through(t, topic, expression), [], `messages for ${expression}`);
    },
  },
  {
    name: 'sql92.compare-integer-reading', level: 'MUST', source: 'Integer#valueOf', needs,
    requirement: 'Against an integer literal a property is read as Integer#valueOf reads it: sign and leading zeros yes, blanks, fractions and suffixes no.',
    async run(t) {
      equal(await valuesThrough(t, 'a = 6', ['6', '06', '+6', '6.0', ' 6', '6L', '0x6', '6e0']), ['6', '06', '+6'], 'values equal to 6');
    },
  },
  {
    name: 'sql92.compare-integer-range', level: 'MUST', source: 'Integer#valueOf', needs,
    requirement: 'A property beyond 32 bits does not match a comparison with a literal within 32 bits, even where it is greater.',
    async run(t) {
      equal(await valuesThrough(t, 'a > 5', ['2147483647', '2147483648', '3000000000']), ['2147483647'], 'values greater than 5');
      equal(await valuesThrough(t, 'a > 5L', ['2147483647', '2147483648']), ['2147483647'], 'values greater than 5L');
    },
  },
  {
    name: 'sql92.compare-long-literal', level: 'MUST', source: 'ConstantExpression#createFromDecimal', needs,
    requirement: 'A literal beyond 32 bits makes the comparison one of 64 bits, exact to the last digit.',
    async run(t) {
      equal(await valuesThrough(t, 'a > 9007199254740992', ['9007199254740992', '9007199254740993', '5', '9223372036854775807']), ['9007199254740993', '9223372036854775807'], 'values');
    },
  },
  {
    name: 'sql92.compare-double-reading', level: 'MUST', source: 'Double#valueOf', needs,
    requirement: 'Against a literal with a point or exponent a property is read as Double#valueOf reads it: blanks, exponents and suffix d are allowed.',
    async run(t) {
      equal(await valuesThrough(t, 'a > 1.5', ['2', ' 2 ', '2e0', '2d', '1.5', '.5', 'x', 'Infinity']), ['2', ' 2 ', '2e0', '2d', 'Infinity'], 'values greater than 1.5');
    },
  },
  {
    name: 'sql92.compare-nan', level: 'SHOULD', source: 'Double#compareTo', needs,
    requirement: 'The text NaN is a number greater than every other.',
    async run(t) {
      equal(await valuesThrough(t, 'a > 1.5', ['NaN']), ['NaN'], 'values greater than 1.5');
      equal(await valuesThrough(t, 'a < 1.5', ['NaN']), [], 'values less than 1.5');
    },
  },
  {
    name: 'sql92.compare-two-properties', level: 'MUST', source: 'ComparisonExpression#evaluate', needs,
    requirement: 'Two properties are compared with < and > as floating point numbers; where one is no number the message does not match.',
    async run(t) {
      const topic = await stored(t, { ten: { a: '10', b: '9' }, half: { a: '0.5', b: '.25' }, less: { a: '1', b: '2' }, text: { a: 'z', b: 'a' }, missing: { a: '1' } });
      equal(await through(t, topic, 'a > b'), ['ten', 'half'], 'messages');
    },
  },
  {
    name: 'sql92.equal-two-properties', level: 'MUST', source: 'ComparisonExpression#doCreateEqual', needs,
    requirement: 'Two properties are equal when their texts are: 1 and 1.0 are not.',
    async run(t) {
      const topic = await stored(t, { same: { a: 'x', b: 'x' }, numbers: { a: '1', b: '1.0' }, different: { a: 'x', b: 'y' } });
      equal(await through(t, topic, 'a = b'), ['same'], 'messages for a = b');
      equal(await through(t, topic, 'a <> b'), ['numbers', 'different'], 'messages for a <> b');
    },
  },
  {
    name: 'sql92.equal-text', level: 'MUST', source: 'ComparisonExpression#doCreateEqual', needs,
    requirement: 'A property equals a text literal only when it is the same text, with its case and blanks.',
    async run(t) {
      equal(await valuesThrough(t, "a = 'Ab'", ['Ab', 'ab', ' Ab', 'Abc']), ['Ab'], 'values');
      equal(await valuesThrough(t, "a = '6'", ['6', '06']), ['6'], 'values of digits');
    },
  },
  {
    name: 'sql92.equal-boolean', level: 'MUST', source, needs,
    requirement: 'Compared with TRUE or FALSE a property is true when its text is true in any case, and false otherwise.',
    async run(t) {
      equal(await valuesThrough(t, 'a = TRUE', ['true', 'TRUE', 'yes', '1']), ['true', 'TRUE'], 'values for a = TRUE');
      equal(await valuesThrough(t, 'a = FALSE', ['true', 'false', 'yes']), ['false', 'yes'], 'values for a = FALSE');
    },
  },
  {
    name: 'sql92.between', level: 'MUST', source: 'ComparisonExpression#createBetween', needs,
    requirement: 'BETWEEN includes both ends, NOT BETWEEN neither.',
    async run(t) {
      equal(await valuesThrough(t, 'a BETWEEN 1 AND 3', ['0', '1', '2', '3', '4']), ['1', '2', '3'], 'values between');
      equal(await valuesThrough(t, 'a NOT BETWEEN 1 AND 3', ['0', '1', '2', '3', '4']), ['0', '4'], 'values not between');
    },
  },
  {
    name: 'sql92.between-order', level: 'MUST', source: 'ComparisonExpression#createBetween', needs,
    requirement: 'BETWEEN with literals in the wrong order is refused, NOT BETWEEN is not.',
    async run(t) {
      await refused(t, 'a BETWEEN 3 AND 1');
      await accepted(t, 'a BETWEEN 3 AND 3', 'a NOT BETWEEN 3 AND 1');
    },
  },
  {
    name: 'sql92.between-properties', level: 'SHOULD', source: 'ComparisonExpression#createBetween', needs,
    requirement: 'The ends of BETWEEN may be properties.',
    async run(t) {
      const topic = await stored(t, { inside: { a: '2', low: '1', high: '3' }, outside: { a: '5', low: '1', high: '3' }, half: { a: '2', low: '1' } });
      equal(await through(t, topic, 'a BETWEEN low AND high'), ['inside'], 'messages');
    },
  },
  {
    name: 'sql92.negative-literal', level: 'MUST', source: 'UnaryExpression#createNegate', needs,
    requirement: 'Literals may have signs, also several.',
    async run(t) {
      equal(await valuesThrough(t, 'a > -5', ['-4', '-5', '0']), ['-4', '0'], 'values for a > -5');
      equal(await valuesThrough(t, 'a = + - - 5', ['-5', '5']), ['5'], 'values for a = + - - 5');
    },
  },
  {
    name: 'sql92.negated-property', level: 'SHOULD', source: 'UnaryExpression#createNegate', needs,
    requirement: 'The negative of a property is unknown: such a comparison never matches.',
    async run(t) {
      equal(await valuesThrough(t, '-a < 0', ['5', '-5']), [], 'values for -a < 0');
    },
  },
  {
    name: 'sql92.order-of-texts-refused', level: 'MUST', source: 'ComparisonExpression#checkLessThanOperand', needs,
    requirement: 'Text and boolean literals with <, <=, > or >= are refused.',
    async run(t) {
      await refused(t, "a > 'x'", "a <= 'x'", "'x' < a", 'a >= TRUE', 'FALSE < a', '(a = 1) > 1');
    },
  },
  {
    name: 'sql92.null-literal-refused', level: 'MUST', source: 'ComparisonExpression#checkEqualOperand', needs,
    requirement: 'A comparison with the literal NULL is refused.',
    async run(t) {
      await refused(t, 'a = NULL', 'a <> null', 'NULL = a');
    },
  },
  {
    name: 'sql92.integer-out-of-range-refused', level: 'MUST', source: 'ConstantExpression#createFromDecimal', needs,
    requirement: 'An integer literal beyond 64 bits is refused, even the magnitude of the smallest with a minus before it.',
    async run(t) {
      await refused(t, 'a = 9223372036854775808', 'a > -9223372036854775808');
      await accepted(t, 'a = 9223372036854775807', 'a > -9223372036854775807');
    },
  },
  {
    name: 'sql92.float-literal-range', level: 'SHOULD', source: 'ConstantExpression#createFloat', needs,
    requirement: 'A floating point literal of zero, or too large to be finite, is refused.',
    async run(t) {
      await refused(t, 'a > 0.0', 'a = 0e0', 'a < 1e400');
      await accepted(t, 'a > 0.1', 'a > 5.', 'a > .5', 'a > 1E-3', 'a > 1e+3');
    },
  },
]);
