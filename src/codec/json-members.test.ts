/** Members of JSON that others wrote: each reader against each kind of value. */
import { expect, test } from '@jest/globals';
import { readJson } from '../compat/fastjson.js';
import type { JsonMap } from '../compat/fastjson.js';
import { bigOf, boolOf, intOf, isMap, listOf, longOf, mapOf, textMapOf, textOf } from './json-members.js';

const mapFrom = (text: string): JsonMap => {
  const value = readJson(text, 10_000);
  if (!isMap(value)) throw new Error('no object');
  return value;
};

/** What the readers make of a member: text, int, long, 64 bits, boolean with `true` and with `false` for absence. */
test.each([
  ['"a"', 'a', -7, -7, undefined, true, false],
  ['""', '', -7, -7, undefined, true, false],
  ['5', '5', 5, 5, 5n, true, false],
  ['0', '0', 0, 0, 0n, false, false],
  ['1', '1', 1, 1, 1n, true, true],
  ['-1', '-1', -1, -1, -1n, true, false],
  ['"1"', '1', 1, 1, 1n, true, false],
  ['"-12"', '-12', -12, -12, -12n, true, false],
  ['2147483647', '2147483647', 2_147_483_647, 2_147_483_647, 2_147_483_647n, true, false],
  ['2147483648', '2147483648', -7, 2_147_483_648, 2_147_483_648n, true, false],
  ['-2147483648', '-2147483648', -2_147_483_648, -2_147_483_648, -2_147_483_648n, true, false],
  ['-2147483649', '-2147483649', -7, -2_147_483_649, -2_147_483_649n, true, false],
  ['9007199254740991', '9007199254740991', -7, 9_007_199_254_740_991, 9_007_199_254_740_991n, true, false],
  ['"9007199254740991"', '9007199254740991', -7, 9_007_199_254_740_991, 9_007_199_254_740_991n, true, false],
  ['"9007199254740993"', '9007199254740993', -7, -7, 9_007_199_254_740_993n, true, false],
  ['9223372036854775807', '9223372036854775807', -7, -7, 9_223_372_036_854_775_807n, true, false],
  ['"9223372036854775807"', '9223372036854775807', -7, -7, 9_223_372_036_854_775_807n, true, false],
  ['"12345678901234567890"', '12345678901234567890', -7, -7, undefined, true, false],
  ['"00000000000000012"', '00000000000000012', -7, -7, 12n, true, false],
  ['1.5', '1.5', -7, -7, undefined, true, false],
  ['"x1"', 'x1', -7, -7, undefined, true, false],
  ['"1x"', '1x', -7, -7, undefined, true, false],
  ['true', 'true', -7, -7, undefined, true, true],
  ['false', 'false', -7, -7, undefined, false, false],
  ['"true"', 'true', -7, -7, undefined, true, true],
  ['"false"', 'false', -7, -7, undefined, false, false],
  ['null', undefined, -7, -7, undefined, true, false],
  ['{}', undefined, -7, -7, undefined, true, false],
  ['[]', undefined, -7, -7, undefined, true, false],
])('%s', (value, text, int, long, big, orTrue, orFalse) => {
  const map = mapFrom(`{"m":${value}}`);
  expect([textOf(map, 'm'), intOf(map, 'm', -7), longOf(map, 'm', -7), bigOf(map, 'm'), boolOf(map, 'm', true), boolOf(map, 'm', false)]).toEqual([text, int, long, big, orTrue, orFalse]);
});

test('what is missing is absent', () => {
  const map = mapFrom('{}');
  expect([textOf(map, 'm'), intOf(map, 'm', 3), longOf(map, 'm', 4), bigOf(map, 'm'), boolOf(map, 'm', true), boolOf(map, 'm', false)]).toEqual([undefined, 3, 4, undefined, true, false]);
  expect([mapOf(map, 'm').size, listOf(map, 'm')]).toEqual([0, []]);
});

test('maps and lists are themselves, anything else is an empty one', () => {
  const map = mapFrom('{"map":{"a":1},"list":[1,"b"],"text":"x"}');
  expect([...mapOf(map, 'map')]).toEqual([['a', 1]]);
  expect(listOf(map, 'list')).toEqual([1, 'b']);
  expect([mapOf(map, 'list').size, mapOf(map, 'text').size, listOf(map, 'map'), listOf(map, 'text')]).toEqual([0, 0, [], []]);
});

test('a map of text reads numbers and booleans as text, and leaves out what has none', () => {
  const map = mapFrom('{"m":{"a":"x","b":5,"c":true,"d":null,"e":{},"__proto__":"p",{"k":1}:"object"}}');
  expect(Object.entries(textMapOf(map, 'm'))).toEqual([['a', 'x'], ['b', '5'], ['c', 'true'], ['__proto__', 'p']]);
  expect(textMapOf(map, 'none')).toEqual({});
});
