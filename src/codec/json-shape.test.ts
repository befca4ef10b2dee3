/** What each shape takes from JSON, what it refuses with path and value, and what it writes. */
import { describe, expect, test } from '@jest/globals';
import { readJson } from '../compat/fastjson.js';
import { Refusal } from './errors.js';
import { bean, bigLong, body, bool, double, int, intMap, list, long, oneOf, opt, or, pairs, text, textMap } from './json-shape.js';
import type { Shape } from './json-shape.js';
import { responseCodes } from './responses.js';

/** What a shape makes of a JSON text, or why not. */
function read<T>(shape: Shape<T>, json: string): unknown {
  try {
    return shape.read(readJson(json), 'P');
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    expect(error.code).toBe(responseCodes.SYSTEM_ERROR);
    return `! ${error.message}`;
  }
}

const written = <T>(shape: Shape<T>, value: T): string => body('B', shape).encode(value).toString();

const asInt = '! P must be an integer -2147483648..2147483647, not';
const asLong = '! P must be an integer -9223372036854775808..9223372036854775807, not';
const asSafe = '! P must be an integer -9007199254740991..9007199254740991, not';

describe('single values', () => {
  test.each<[string, Shape<unknown>, [string, unknown][]]>([
    ['text', text as Shape<unknown>, [
      ['"a"', 'a'], ['""', ''], ['5', '5'], ['-1.5', '-1.5'], ['true', 'true'], ['false', 'false'], ['9223372036854775807', '9223372036854775807'],
      ['null', '! P must be text, not null'], ['[]', '! P must be text, not a list'], ['{}', '! P must be text, not an object'],
    ]],
    ['int', int as Shape<unknown>, [
      ['0', 0], ['-7', -7], ['"12"', 12], ['2147483647', 2147483647], ['-2147483648', -2147483648], ['"-2147483648"', -2147483648],
      ['2147483648', `${asInt} 2147483648`], ['-2147483649', `${asInt} -2147483649`], ['"2147483648"', `${asInt} "2147483648"`], ['1.5', `${asInt} 1.5`], ['""', `${asInt} ""`], ['"x"', `${asInt} "x"`],
      ['true', `${asInt} true`], ['null', `${asInt} null`], ['9223372036854775807', `${asInt} 9223372036854775807`], ['[1]', `${asInt} a list`], ['{}', `${asInt} an object`],
      [`"${'9'.repeat(40)}"`, `${asInt} "${'9'.repeat(40)}"`], [`"${'9'.repeat(41)}"`, `${asInt} "${'9'.repeat(40)}..."`],
    ]],
    ['bigLong', bigLong as Shape<unknown>, [
      ['0', 0n], ['"-5"', -5n], ['9007199254740991', 9007199254740991n], ['9223372036854775807', 2n ** 63n - 1n], ['-9223372036854775808', -(2n ** 63n)], ['"9223372036854775807"', 2n ** 63n - 1n],
      ['9223372036854775808', `${asLong} 9223372036854775808`], ['-9223372036854775809', `${asLong} -9223372036854775809`], ['"9223372036854775808"', `${asLong} "9223372036854775808"`],
      ['1.5', `${asLong} 1.5`], ['true', `${asLong} true`], ['null', `${asLong} null`],
    ]],
    ['long', long as Shape<unknown>, [
      ['0', 0], ['"-5"', -5], ['9007199254740991', Number.MAX_SAFE_INTEGER], ['-9007199254740991', Number.MIN_SAFE_INTEGER], ['"9007199254740991"', Number.MAX_SAFE_INTEGER],
      ['9007199254740992', `${asSafe} 9007199254740992`], ['"-9007199254740992"', `${asSafe} "-9007199254740992"`], ['9223372036854775808', '! P must be an integer, not 9223372036854775808'],
      ['"x"', '! P must be an integer, not "x"'], ['0.5', '! P must be an integer, not 0.5'], ['false', '! P must be an integer, not false'],
    ]],
    ['double', double as Shape<unknown>, [
      ['0', 0], ['1.5', 1.5], ['"2.5"', 2.5], ['" 2.5"', 2.5], ['-3', -3], ['9223372036854775807', 2 ** 63],
      ['""', '! P must be a number, not ""'], ['" "', '! P must be a number, not " "'], ['"x"', '! P must be a number, not "x"'], ['"NaN"', '! P must be a number, not "NaN"'],
      ['true', '! P must be a number, not true'], ['null', '! P must be a number, not null'], ['[]', '! P must be a number, not a list'],
    ]],
    ['bool', bool as Shape<unknown>, [
      ['true', true], ['false', false], ['1', true], ['0', false], ['"1"', true], ['"0"', false], ['"TRUE"', true], ['"False"', false],
      ['2', '! P must be true or false, not 2'], ['"yes"', '! P must be true or false, not "yes"'], ['""', '! P must be true or false, not ""'], ['null', '! P must be true or false, not null'], ['{}', '! P must be true or false, not an object'],
    ]],
    ['oneOf', oneOf('A', 'B') as Shape<unknown>, [
      ['"A"', 'A'], ['"B"', 'B'], ['0', 'A'], ['1', 'B'], ['2', '! P must be one of A, B, not 2'], ['-1', '! P must be one of A, B, not -1'], ['"a"', '! P must be one of A, B, not "a"'], ['"0"', '! P must be one of A, B, not "0"'], ['null', '! P must be one of A, B, not null'],
    ]],
    ['opt', opt(int) as Shape<unknown>, [['null', undefined], ['5', 5], ['"x"', `${asInt} "x"`]]],
    ['or', or(int, 7) as Shape<unknown>, [['5', 5], ['"x"', `${asInt} "x"`]]],
    ['list', list(int) as Shape<unknown>, [
      ['[]', []], ['[1,"2"]', [1, 2]], ['[1,null]', '! P[1] must be an integer -2147483648..2147483647, not null'], ['{}', '! P must be a list, not an object'], ['"x"', '! P must be a list, not "x"'], ['null', '! P must be a list, not null'],
    ]],
    ['textMap', textMap(int) as Shape<unknown>, [
      ['{}', new Map()], ['{"a":1,"b":"2"}', new Map([['a', 1], ['b', 2]])], ['{"a":null,"b":2}', new Map([['b', 2]])],
      ['{"a":true}', '! P["a"] must be an integer -2147483648..2147483647, not true'], [`{"${'k'.repeat(41)}":true}`, `! P["${'k'.repeat(40)}"] must be an integer -2147483648..2147483647, not true`],
      ['[]', '! P must be an object, not a list'], ['{{"x":1}:1}', '! P must be keyed by text, not an object'], ['null', '! P must be an object, not null'],
    ]],
    ['intMap', intMap(text) as Shape<unknown>, [
      ['{0:"a","-5":"b"}', new Map([[0, 'a'], [-5, 'b']])], ['{"9007199254740991":"a"}', new Map([[Number.MAX_SAFE_INTEGER, 'a']])],
      ['{"9007199254740992":"a"}', '! P must be keyed by integers, not "9007199254740992"'], ['{"x":"a"}', '! P must be keyed by integers, not "x"'], ['{"":"a"}', '! P must be keyed by integers, not ""'],
      ['{{"x":1}:"a"}', '! P must be keyed by integers, not an object'], ['{1:[]}', '! P["1"] must be text, not a list'],
    ]],
    ['pairs', pairs(bean({ q: int }), text) as Shape<unknown>, [
      ['{}', []], ['{{"q":1}:"a",{"q":2}:"b"}', [[{ q: 1 }, 'a'], [{ q: 2 }, 'b']]], ['{"{\\"q\\":1}":"a"}', [[{ q: 1 }, 'a']]],
      ['{{"q":"x"}:"a"}', '! P key.q must be an integer -2147483648..2147483647, not "x"'], ['{{"q":1}:[]}', '! P value must be text, not a list'], ['{"x":"a"}', '! P key must be an object, not "x"'],
      ['{"{":"a"}', expect.stringMatching(/^! P is not readable JSON: ./)], ['[]', '! P must be an object, not a list'], ['null', '! P must be an object, not null'],
    ]],
  ])('%s', (_name, shape, table) => {
    expect(table.map(([json]) => [json, read(shape, json)])).toEqual(table);
  });

  test('what is absent', () => {
    expect([text, int, bigLong, long, double, bool, oneOf('A')].map((shape) => (shape as Shape<unknown>).absent)).toEqual(Array(7).fill(undefined));
    expect([opt(int).absent?.(), or(int, 7).absent?.(), list(int).absent?.(), textMap(int).absent?.(), intMap(int).absent?.(), pairs(text, int).absent?.()]).toEqual([undefined, 7, [], new Map(), new Map(), []]);
    expect([opt(int).absent, or(int, 7).absent, list(int).absent, textMap(int).absent, intMap(int).absent, pairs(text, int).absent].every((one) => typeof one === 'function')).toBe(true);
  });
});

describe('beans', () => {
  const inner = bean({ n: int });
  const Outer = bean({ name: text, count: or(int, 3), maybe: opt(inner), some: list(inner), flag: bool });

  test('are read member by member; missing ones and null have their default or are refused by path', () => {
    expect(read(Outer, '{"name":"a","flag":1,"unknown":[]}')).toEqual({ name: 'a', count: 3, maybe: undefined, some: [], flag: true });
    expect(read(Outer, '{"name":"a","flag":false,"count":"4","maybe":{"n":1},"some":[{"n":2},{"n":3}]}')).toEqual({ name: 'a', count: 4, maybe: { n: 1 }, some: [{ n: 2 }, { n: 3 }], flag: false });
    expect(read(Outer, '{"name":"a","flag":false,"count":null,"maybe":null,"some":null}')).toEqual({ name: 'a', count: 3, maybe: undefined, some: [], flag: false });
    expect(read(Outer, '{"name":"a"}')).toBe('! P.flag is missing');
    expect(read(Outer, '{"name":null,"flag":true}')).toBe('! P.name is missing');
    expect(read(Outer, '{"name":"a","flag":true,"some":[{"n":1},{}]}')).toBe('! P.some[1].n is missing');
    expect(read(Outer, '{"name":"a","flag":true,"maybe":{"n":"x"}}')).toBe('! P.maybe.n must be an integer -2147483648..2147483647, not "x"');
    expect(read(Outer, '[]')).toBe('! P must be an object, not a list');
    expect(read(Outer, 'null')).toBe('! P must be an object, not null');
  });

  test('are written in alphabetical order, absent members left out', () => {
    expect(written(Outer, { name: 'a', count: 1, some: [{ n: 2 }], flag: true, maybe: undefined })).toBe('{"count":1,"flag":true,"name":"a","some":[{"n":2}]}');
    expect(written(Outer, { name: '', count: 0, some: [], flag: false, maybe: { n: 0 } })).toBe('{"count":0,"flag":false,"maybe":{"n":0},"name":"","some":[]}');
  });
});

test('values are written as fastjson writes them', () => {
  expect([
    written(text, 'é"'), written(int, -5), written(bigLong, 2n ** 63n - 1n), written(long, 2 ** 53 - 1), written(double, 3), written(double, 0.5), written(bool, false), written(oneOf('A', 'B'), 'B'), written(opt(int), 5), written(or(int, 1), 2),
    written(list(double), [1, 2.5]), written(textMap(int), new Map([['b', 1], ['a', 2]])), written(intMap(text), new Map([[7, 'x'], [-1, 'y']])), written(pairs(bean({ q: int }), text), [[{ q: 2 }, 'b'], [{ q: 1 }, 'a']]),
  ]).toEqual(['"é\\""', '-5', '9223372036854775807', '9007199254740991', '3.0', '0.5', 'false', '"B"', '5', '2', '[1.0,2.5]', '{"b":1,"a":2}', '{7:"x",-1:"y"}', '{{"q":2}:"b",{"q":1}:"a"}']);
});

describe('bodies', () => {
  const Named = body('Named', bean({ a: int, b: opt(list(text)) }));

  test('are read from bytes or text and written, plain or for a file', () => {
    expect(Named.name).toBe('Named');
    expect(Named.decode('{"a":1}')).toEqual({ a: 1, b: undefined });
    expect(Named.decode(Buffer.from('{"a":1,"b":["x"]}'))).toEqual({ a: 1, b: ['x'] });
    expect(Named.encode({ a: 1, b: ['x'] }).toString()).toBe('{"a":1,"b":["x"]}');
    expect(Named.encodePretty({ a: 1, b: ['x'] })).toBe('{\n\t"a":1,\n\t"b":[\n\t\t"x"\n\t]\n}');
    expect(Named.read(readJson('{"a":2}'), 'elsewhere')).toEqual({ a: 2, b: undefined });
  });

  test('refuse under their name', () => {
    const refusal = (bytes: Uint8Array | string): string => {
      try {
        Named.decode(bytes);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        expect(error.code).toBe(responseCodes.SYSTEM_ERROR);
        return error.message;
      }
      return 'read';
    };
    expect([refusal(''), refusal(Buffer.alloc(0)), refusal('{}'), refusal('[]'), refusal('{"a":1}')]).toEqual(['Named: the body is empty', 'Named: the body is empty', 'Named.a is missing', 'Named must be an object, not a list', 'read']);
    expect(refusal('{')).toMatch(/^Named is not readable JSON: .* at position 1/);
  });
});
