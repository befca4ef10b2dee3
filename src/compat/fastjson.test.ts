import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { JsonDouble, JsonError, jsonDepthMax, JsonMembers, jsonPieces, jsonTextAt, readJson, writeJson } from './fastjson.js';
import type { JsonOut, JsonValue } from './fastjson.js';

describe('reading', () => {
  // Verdicts of fastjson2 2.0.59, the version in Apache RocketMQ 5.5.0, on the same texts.
  test.each<[string, JsonValue]>([
    ['{"a":1,}', new Map([['a', 1]])],
    ["{'a':'b'}", new Map([['a', 'b']])],
    ['{"a":1 /*c*/}', new Map([['a', 1]])],
    ['// c\n{"a":1}', new Map([['a', 1]])],
    ['{"a":01}', new Map([['a', 1]])],
    ['{"a":+1}', new Map([['a', 1]])],
    ['{"a":.5}', new Map([['a', 0.5]])],
    ['{"a":"\\x41\\v\\0"}', new Map([['a', 'A\v\0']])],
    ['{"a":"x\ny"}', new Map([['a', 'x\ny']])],
    ['{1:2,-1:3}', new Map([['1', 2], ['-1', 3]])],
    ['{"a":1}  ', new Map([['a', 1]])],
    ['{"a":12345678901234567890}', new Map([['a', 12345678901234567890n]])],
    ['null', null],
  ])('%s', (text, value) => expect(readJson(text)).toEqual(value));
  test.each([
    '{"a":1}x', '{,"a":1}', '{a:1}', '{"a":NaN}', '{"a":"\\q"}', '  ', '{"a":1', '{"a":1}}', '{"a" 1}', '{"a":tru}', '{"a":1 "b":2}', '{null:1}', '{"a":{}}{}', '{"a":undefined}',
    '{"a":"x', '{"a":"\\u12"}', '/* x', '[1', '{"a":-}', '{"a":1.2.3}', '{"a":1e}',
  ])('refused: %s', (text) => expect(() => readJson(text)).toThrow(JsonError));

  // fastjson2 reads all of these, and passes over some runs of commas but not others (json.missing-commas).
  test.each(['[1 2]', '["a" "b"]', '[{} {}]', '[[1][2]]', '[1,,2]', '["a",,"b"]', '{"m":{"a":"b" "c":"d"}}'])('refused although fastjson2 takes it: %s', (text) => {
    expect(() => readJson(text)).toThrow(JsonError);
  });

  test('integers are exact', () => {
    expect(readJson('[9007199254740991,9007199254740992,-9223372036854775808,1795360765665615054]')).toEqual([9007199254740991, 9007199254740992n, -9223372036854775808n, 1795360765665615054n]);
  });
  test('objects as keys', () => {
    const table = readJson('{"t":{{"brokerName":"b","queueId":1}:5,{"brokerName":"b","queueId":2}:6}}') as ReadonlyMap<string, ReadonlyMap<JsonValue, number>>;
    expect([...(table.get('t') as ReadonlyMap<JsonValue, number>)]).toEqual([
      [new Map<string, JsonValue>([['brokerName', 'b'], ['queueId', 1]]), 5], [new Map<string, JsonValue>([['brokerName', 'b'], ['queueId', 2]]), 6],
    ]);
  });
  test('__proto__ is a key like any other', () => {
    expect((readJson('{"__proto__":{"x":1}}') as ReadonlyMap<string, JsonValue>).has('__proto__')).toBe(true);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
  test('bounds on depth and size', () => {
    expect(() => readJson('['.repeat(jsonDepthMax) + ']'.repeat(jsonDepthMax))).not.toThrow();
    expect(() => readJson('['.repeat(jsonDepthMax + 1) + ']'.repeat(jsonDepthMax + 1))).toThrow(/nesting exceeds 64/);
    expect(() => readJson('{'.repeat(100_000))).toThrow(JsonError);
    expect(() => readJson('"abc"', 4)).toThrow(/exceeds 4/);
  });
  test('bytes that are not UTF-8', () => expect(() => readJson(Buffer.from([0x22, 0xff, 0x22]))).toThrow(/not UTF-8/));
  test('an error has its position', () => expect(() => readJson('{"a":?}')).toThrow('expected a value at position 5'));
  test('random text raises JsonError or reads', () => {
    const token = fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', "'b'", '1', '-2.5e3', 'true', 'null', ' ', '/*', '*/', '//', '\n', '\\', '"');
    fc.assert(fc.property(fc.oneof(fc.string(), fc.array(token).map((tokens) => tokens.join(''))), (text) => {
      try {
        readJson(text);
      } catch (error) {
        expect(error).toBeInstanceOf(JsonError);
      }
    }), { numRuns: 1000 });
  });
  test('agrees with JSON.parse on JSON', () => {
    const plain = (value: JsonValue): unknown => {
      if (typeof value === 'bigint') return Number(value);
      if (value instanceof Map) return Object.fromEntries([...value].map(([key, member]) => [key as string, plain(member as JsonValue)]));
      return Array.isArray(value) ? (value as JsonValue[]).map(plain) : value;
    };
    fc.assert(fc.property(fc.json(), (text) => {
      expect(plain(readJson(text))).toEqual(JSON.parse(text));
    }));
  });
});

describe('writing', () => {
  test('the escapes of fastjson2', () => {
    // What JSON#toJSONBytes 2.0.59 wrote for these characters.
    expect(writeJson('\0\x07\b\t\n\x0b\f\r\x1f"\\/\x7f\x80\u2028<中\u{1f600}')).toBe('"\\u0000\\u0007\\b\\t\\n\\u000b\\f\\r\\u001f\\"\\\\/\x7f\x80\u2028<中\u{1f600}"');
    expect(writeJson('a\ud800b\udc00')).toBe('"a?b?"');
  });
  test('doubles', () => {
    expect([0, 1.5, 0.1, 1e21, 1e-7, 12345678.9, 0.001, 1e7].map((value) => writeJson(new JsonDouble(value)))).toEqual(
      ['0.0', '1.5', '0.1', '1.0E21', '1.0E-7', '1.23456789E7', '0.001', '1.0E7']);
    expect(writeJson(new JsonDouble(NaN))).toBe('null');
  });
  test('keys by kind', () => {
    expect(writeJson(new Map<string | number, JsonOut>([[0, 'x'], [-5, 1], ['t', null]]))).toBe('{0:"x",-5:1,"t":null}');
    expect(writeJson(new Map([[{ brokerName: 'b', queueId: 1 }, 5]]))).toBe('{{"brokerName":"b","queueId":1}:5}');
  });
  test('members of beans are in alphabetical order', () => expect(writeJson({ b: 1, a: { d: 1, c: 2 }, B: 3 })).toBe('{"B":3,"a":{"c":2,"d":1},"b":1}'));
  test('beans leave null out', () => expect(writeJson({ a: null, b: undefined, c: [], d: new Map(), e: new Set([1]) })).toBe('{"c":[],"d":{},"e":[1]}'));
  test('pretty', () => {
    expect(writeJson({ a: 1.5, b: [], c: new Map(), g: [1, 2], o: { 5: true } }, true)).toBe('{\n\t"a":1.5,\n\t"b":[],\n\t"c":{},\n\t"g":[\n\t\t1,\n\t\t2\n\t],\n\t"o":{\n\t\t"5":true\n\t}\n}');
  });
  test('what is written is read back', () => {
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.maxSafeInteger(), fc.bigInt(), fc.boolean())), fc.boolean(), (members, pretty) => {
      const map = new Map<string, JsonOut>(Object.entries(members));
      const normal = new Map([...map].map(([key, value]) => [key, typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value]));
      expect(readJson(writeJson(map, pretty))).toEqual(normal);
    }));
  });
});

describe('writing in pieces', () => {
  const { value } = fc.letrec<{ value: JsonOut }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom<JsonOut>(null, true, 0, -7, 2n ** 63n, 'a"b', '\ud800x', 'Ü\u0000', new JsonDouble(2)),
      fc.array(tie('value')),
      fc.dictionary(fc.string(), tie('value')),
      fc.array(fc.tuple(fc.oneof(fc.string(), fc.integer()), tie('value'))).map((entries) => new Map(entries)),
      fc.array(fc.tuple(fc.string(), tie('value'))).map((entries) => new JsonMembers(() => entries[Symbol.iterator]())),
    ),
  }));
  test('joined they are what is written in one go', () => {
    fc.assert(fc.property(value, fc.boolean(), (one, pretty) => {
      expect([...jsonPieces(one, pretty)].join('')).toBe(writeJson(one, pretty));
    }));
  });
  test('no piece is larger than one entry more than 32 Ki, and entries are made when their piece is', () => {
    let made = 0;
    const table = new JsonMembers(function* entries() {
      for (; made < 3000; made++) yield [`key-${made}`, { text: 'x'.repeat(100) }];
    });
    const madeAt: number[] = [];
    for (const piece of jsonPieces({ table }, true)) {
      expect(piece.length).toBeLessThan(32 * 1024 + 200);
      madeAt.push(made);
    }
    expect(madeAt.length).toBeGreaterThan(9);
    expect(madeAt[0]).toBeLessThan(300);
  });
  test('a text made before stands where it belongs', () => {
    const bean = { b: [1, { c: '"' }], a: new Map([[1, 2]]) };
    expect(writeJson({ t: new Map([['x', jsonTextAt(2, bean)]]) }, true)).toBe(writeJson({ t: new Map([['x', bean]]) }, true));
  });
});
