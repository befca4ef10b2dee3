/** SQL92: AND, OR, NOT, IS NULL and the third truth value. */
import { defineCases } from '../../case.js';
import { equal } from '../../expect.js';
import { stored, through, valuesThrough } from './support.js';

const needs = ['sql92'] as const;

export const cases = defineCases('sql92', [
  {
    name: 'sql92.and-binds-closer-than-or', level: 'MUST', source: 'SelectorParser.jj, orExpression', needs,
    requirement: 'AND binds closer than OR, and parentheses closest.',
    async run(t) {
      const topic = await stored(t, { first: { a: '1' }, lastTwo: { b: '1', c: '1' }, firstAndLast: { a: '1', c: '1' } });
      equal(await through(t, topic, 'a = 1 OR b = 1 AND c = 1'), ['first', 'lastTwo', 'firstAndLast'], 'messages without parentheses');
      equal(await through(t, topic, '(a = 1 OR b = 1) AND c = 1'), ['lastTwo', 'firstAndLast'], 'messages with parentheses');
    },
  },
  {
    name: 'sql92.not-binds-closer-than-comparison', level: 'MUST', source: 'SelectorParser.jj, unaryExpr', needs,
    requirement: 'NOT applies to what stands right behind it: a comparison is negated in parentheses.',
    async run(t) {
      equal(await valuesThrough(t, 'NOT (a = 1)', ['1', '2']), ['2'], 'values for NOT (a = 1)');
      equal(await valuesThrough(t, 'NOT a = TRUE', ['true', 'other']), ['true', 'other'], 'values for NOT a = TRUE, which is (NOT a) = TRUE');
    },
  },
  {
    name: 'sql92.or-with-unknown', level: 'MUST', source: 'LogicExpression#createOR', needs,
    requirement: 'OR matches when one side is true though the other is unknown.',
    async run(t) {
      const topic = await stored(t, { yes: { b: '1' }, no: { b: '2' } });
      equal(await through(t, topic, 'a = 1 OR b = 1'), ['yes'], 'messages with the unknown side first');
      equal(await through(t, topic, 'b = 1 OR a = 1'), ['yes'], 'messages with the unknown side last');
    },
  },
  {
    name: 'sql92.and-with-unknown', level: 'MUST', source: 'LogicExpression#createAND', needs,
    requirement: 'AND of unknown and false is false, of unknown and true unknown: its negation matches only the former.',
    async run(t) {
      const topic = await stored(t, { false: { b: '2' }, true: { b: '1' } });
      equal(await through(t, topic, 'a = 1 AND b = 1'), [], 'messages for the AND');
      equal(await through(t, topic, 'NOT (a = 1 AND b = 1)'), ['false'], 'messages for its negation');
    },
  },
  {
    name: 'sql92.not-unknown', level: 'MUST', source: 'UnaryExpression#createNOT', needs,
    requirement: 'The negation of unknown is unknown and does not match.',
    async run(t) {
      const topic = await stored(t, { without: { b: '1' } });
      equal(await through(t, topic, 'NOT (a > 5)'), [], 'messages for NOT (a > 5)');
    },
  },
  {
    name: 'sql92.is-null', level: 'MUST', source: 'ComparisonExpression#createIsNull', needs,
    requirement: 'IS NULL matches messages without the property, IS NOT NULL those with it.',
    async run(t) {
      const topic = await stored(t, { with: { a: 'null' }, without: { b: '1' } });
      equal(await through(t, topic, 'a IS NULL'), ['without'], 'messages for IS NULL');
      equal(await through(t, topic, 'a IS NOT NULL'), ['with'], 'messages for IS NOT NULL');
    },
  },
  {
    name: 'sql92.constants', level: 'MUST', source: 'BooleanConstantExpression', needs,
    requirement: 'The expression TRUE lets everything through and FALSE nothing.',
    async run(t) {
      const topic = await stored(t, { one: {}, two: { a: '1' } });
      equal([await through(t, topic, 'TRUE'), await through(t, topic, 'FALSE')], [['one', 'two'], []], 'messages for TRUE and for FALSE');
    },
  },
  {
    name: 'sql92.bare-property', level: 'MUST', source: 'UnaryExpression#createBooleanCast', needs,
    requirement: 'A property alone never matches, whatever its text.',
    async run(t) {
      equal(await valuesThrough(t, 'a', ['true', 'TRUE', '1']), [], 'values for a');
    },
  },
  {
    name: 'sql92.negated-bare-property', level: 'SHOULD', source: 'UnaryExpression#createBooleanCast, createNOT', needs,
    requirement: 'The negation of a property alone matches each message that has it.',
    async run(t) {
      const topic = await stored(t, { with: { a: 'true' }, without: { b: '1' } });
      equal(await through(t, topic, 'NOT a'), ['with'], 'messages for NOT a');
    },
  },
  {
    name: 'sql92.error-spoils-the-whole', level: 'MUST', source: 'ExpressionMessageFilter#isMatchedByCommitLog', needs,
    requirement: 'A property that is no number spoils the whole expression, unless a side before it already decided.',
    async run(t) {
      const topic = await stored(t, { m: { a: 'x', b: '1' } });
      equal(await through(t, topic, 'a > 5 OR b = 1'), [], 'messages with the bad comparison first');
      equal(await through(t, topic, 'b = 1 OR a > 5'), ['m'], 'messages with the good one first');
    },
  },
]);
