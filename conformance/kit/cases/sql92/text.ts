/** SQL92: IN, CONTAINS, STARTSWITH, ENDSWITH and the writing of expressions. */
import { defineCases } from '../../case.js';
import { res } from '../../codes.js';
import { code, equal } from '../../expect.js';
import { accepted, check, refused, stored, through, valuesThrough } from './support.js';

const needs = ['sql92'] as const;
const operators = { needs: ['sql92'], versions: { from: '5.0.0' }, source: 'ComparisonExpression.ContainsExpression#evaluate' } as const;

export const cases = defineCases('sql92', [
  {
    name: 'sql92.in', level: 'MUST', source: 'UnaryExpression#createInExpression', needs,
    requirement: 'IN matches the texts of its list, NOT IN the others, and neither a message without the property.',
    async run(t) {
      const topic = await stored(t, { x: { a: 'x' }, X: { a: 'X' }, z: { a: 'z' }, none: { b: 'x' } });
      equal(await through(t, topic, "a IN ('x', 'y')"), ['x'], 'messages for IN');
      equal(await through(t, topic, "a NOT IN ('x', 'y')"), ['X', 'z'], 'messages for NOT IN');
    },
  },
  {
    name: 'sql92.in-long-list', level: 'MUST', source: 'UnaryExpression#createInExpression, HashSet', needs,
    requirement: 'A list of many texts works like a short one.',
    async run(t) {
      const list = Array.from({ length: 200 }, (_, i) => `'v${i}'`).join(',');
      equal(await valuesThrough(t, `a IN (${list})`, ['v0', 'v199', 'v200']), ['v0', 'v199'], 'values');
    },
  },
  {
    name: 'sql92.in-refused', level: 'MUST', source: 'ComparisonExpression#createInFilter', needs,
    requirement: 'IN with numbers, with an empty list, or of a literal is refused.',
    async run(t) {
      await refused(t, 'a IN (1, 2)', 'a IN ()', "'x' IN ('x')", "a NOT IN ('x', 1)");
    },
  },
  {
    name: 'sql92.contains', level: 'MUST', ...operators,
    requirement: 'CONTAINS, STARTSWITH and ENDSWITH look for a text in the property, with its case.',
    async run(t) {
      const topic = await stored(t, { abc: { a: 'abc' }, ABC: { a: 'ABC' }, cab: { a: 'cab' }, bca: { a: 'bca' } });
      equal(await through(t, topic, "a CONTAINS 'bc'"), ['abc', 'bca'], 'messages for CONTAINS');
      equal(await through(t, topic, "a STARTSWITH 'ab'"), ['abc'], 'messages for STARTSWITH');
      equal(await through(t, topic, "a ENDSWITH 'ab'"), ['cab'], 'messages for ENDSWITH');
    },
  },
  {
    name: 'sql92.not-contains', level: 'MUST', ...operators,
    requirement: 'NOT CONTAINS, NOT STARTSWITH and NOT ENDSWITH match the other texts, but no message without the property.',
    async run(t) {
      const topic = await stored(t, { abc: { a: 'abc' }, xyz: { a: 'xyz' }, none: { b: 'abc' } });
      for (const operator of ["CONTAINS 'b'", "STARTSWITH 'a'", "ENDSWITH 'c'"]) equal(await through(t, topic, `a NOT ${operator}`), ['xyz'], `messages for NOT ${operator}`);
    },
  },
  {
    name: 'sql92.contains-missing-is-false', level: 'MUST', ...operators,
    requirement: 'Of a missing property CONTAINS is false, not unknown: its negation in parentheses matches.',
    async run(t) {
      const topic = await stored(t, { none: { b: 'abc' } });
      equal(await through(t, topic, "NOT (a CONTAINS 'x')"), ['none'], 'messages for the negation');
      equal(await through(t, topic, "NOT (a NOT CONTAINS 'x')"), ['none'], 'messages for the negation of NOT CONTAINS');
    },
  },
  {
    name: 'sql92.contains-empty-text', level: 'SHOULD', ...operators,
    requirement: 'An empty text is contained nowhere, and NOT CONTAINS of it does not match either.',
    async run(t) {
      equal(await valuesThrough(t, "a CONTAINS ''", ['x']), [], 'values for CONTAINS');
      equal(await valuesThrough(t, "a NOT CONTAINS ''", ['x']), [], 'values for NOT CONTAINS');
    },
  },
  {
    name: 'sql92.quote-in-text', level: 'MUST', source: 'SelectorParser.jj, stringLitteral', needs,
    requirement: 'Two single quotes in a text literal stand for one.',
    async run(t) {
      equal(await valuesThrough(t, "a = 'it''s'", ["it's", "it''s", 'its']), ["it's"], 'values');
    },
  },
  {
    name: 'sql92.text-beyond-ascii', level: 'MUST', source: 'SelectorParser.jj, STRING_LITERAL', needs,
    requirement: 'Text literals may hold any character.',
    async run(t) {
      equal(await valuesThrough(t, "a = '杭州 🚀'", ['杭州 🚀', '杭州']), ['杭州 🚀'], 'values');
    },
  },
  {
    name: 'sql92.keywords-in-any-case', level: 'MUST', source: 'SelectorParser.jj, IGNORE_CASE', needs,
    requirement: 'Keywords may be written in any case.',
    async run(t) {
      equal(await valuesThrough(t, "a Is nOt nUlL aNd a bEtWeEn 1 And 3 oR a iN ('x')", ['2', '4']), ['2'], 'values');
    },
  },
  {
    name: 'sql92.names-with-case', level: 'MUST', source: 'MessageEvaluationContext#get', needs,
    requirement: 'Property names are compared with their case.',
    async run(t) {
      const topic = await stored(t, { small: { region: 'x' }, large: { REGION: 'x' } });
      equal(await through(t, topic, "region = 'x'"), ['small'], 'messages');
    },
  },
  {
    name: 'sql92.names-allowed', level: 'MUST', source: 'SelectorParser.jj, ID', needs,
    requirement: 'A property name begins with a letter, _ or $ and goes on with these and digits; others are refused.',
    async run(t) {
      const topic = await stored(t, { m: { _a$1: 'x', $b: 'x' } });
      equal(await through(t, topic, "_a$1 = 'x' AND $b = 'x'"), ['m'], 'messages');
      await refused(t, '1a = 1 AND', "[a] = 'x'", '= 1');
    },
  },
  {
    name: 'sql92.spaces-and-lines', level: 'MUST', source: 'SelectorParser.jj, SKIP', needs,
    requirement: 'Blanks, tabs and line ends separate words, and may be left out around operators.',
    async run(t) {
      equal(await valuesThrough(t, '\n a>1\tAND\r\n a<3 ', ['1', '2', '3']), ['2'], 'values');
    },
  },
  {
    name: 'sql92.comments', level: 'SHOULD', source: 'SelectorParser.jj, comments', needs,
    requirement: 'Text between /* and */ is left out.',
    async run(t) {
      equal(await valuesThrough(t, 'a = /* not 2 */ 1', ['1', '2']), ['1'], 'values');
    },
  },
  {
    name: 'sql92.trailing-words-ignored', level: 'SHOULD', source: 'SelectorParser#JmsSelector, no end of input', needs,
    requirement: 'What stands behind a complete expression is not read: it is neither refused nor does it count.',
    async run(t) {
      equal(await valuesThrough(t, 'a = 1 whatever = 2', ['1', '2']), ['1'], 'values');
      await accepted(t, 'a = 1)', 'a = 1 b = 2');
    },
  },
  {
    name: 'sql92.no-like', level: 'SHOULD', source: 'SelectorParser#JmsSelector', needs,
    requirement: 'LIKE is no operator: such an expression compiles as the property alone and lets nothing through.',
    async run(t) {
      equal(await valuesThrough(t, "a LIKE 'x%'", ['x', 'xy']), [], 'values');
    },
  },
  {
    name: 'sql92.malformed-refused', level: 'MUST', source: 'ClientManageProcessor#checkClientConfig', needs,
    requirement: 'CHECK_CLIENT_CONFIG answers an expression that does not compile with SUBSCRIPTION_PARSE_FAILED.',
    async run(t) {
      await refused(t, 'a >', 'AND a = 1', '(a = 1', "a = 'x", 'a == 1', 'a BETWEEN 1', 'NOT', 'a IS 1');
    },
  },
  {
    name: 'sql92.megabyte-unterminated', level: 'INFORMATIONAL', source: 'SelectorParser#parse', needs,
    requirement: 'What becomes of an expression of one megabyte whose text does not end.',
    async run(t) {
      const started = t.now();
      const answer = await check(t, `a = '${'x'.repeat(1024 * 1024)}`).catch(() => undefined);
      t.note(answer === undefined ? 'no answer in the time of a request' : `code ${answer.code} after ${t.now() - started} ms`);
    },
  },
  {
    name: 'sql92.nested-ten-thousand-refused', level: 'MUST', source: 'SelectorParser#parse', needs,
    requirement: 'An expression that opens ten thousand parentheses and closes none is refused in the time of a request, and the connection serves on.',
    async run(t) {
      await refused(t, `${'('.repeat(10_000)}a = 1`);
      await accepted(t, '(a = 1)');
    },
  },
  {
    name: 'sql92.check-tag', level: 'MUST', source: 'ClientManageProcessor#checkClientConfig', needs,
    requirement: 'CHECK_CLIENT_CONFIG accepts every expression of type TAG.',
    async run(t) {
      for (const expression of ['*', 'A||B', '||', 'a >']) code(await check(t, expression, 'TAG'), res.SUCCESS, `check of tag expression ${expression}`);
    },
  },
  {
    name: 'sql92.message-fields', level: 'MUST', source: 'MessageEvaluationContext#get', needs,
    requirement: 'TAGS, KEYS and other properties that clients and broker set can be asked for.',
    async run(t) {
      const topic = await t.topic({ queues: 1 });
      await t.sendOk(topic, { body: 'yes', tags: 'A', keys: 'k1 k2' });
      await t.sendOk(topic, { body: 'no', tags: 'B', keys: 'k1' });
      await t.pullAll(topic, 2);
      equal(await through(t, topic, "TAGS = 'A' AND KEYS CONTAINS 'k2' AND UNIQ_KEY IS NOT NULL"), ['yes'], 'messages');
    },
    versions: { from: '5.0.0' },
  },
]);
