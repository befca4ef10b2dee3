import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeCommand, readJsonHeader } from './header.js';
import { HeaderScan, resolvedProperties, scanMembersMax } from './header-scan.js';
import { frames, partsOf } from './testdata/wire.js';

const scan = new HeaderScan();

/** What the scan found, with every reader consulted; undefined when it gave up. */
function scanned(text: string | Buffer): { code: number; ext: Record<string, string> } | undefined {
  const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text);
  if (!scan.scan(bytes, 0, bytes.length)) return undefined;
  const ext: Record<string, string> = {};
  for (let i = 0; i < scan.count; i++) ext[scan.key(i)] = scan.text(i);
  return { code: scan.code, ext };
}

/** Asserts that scan and full reader agree on a header that the scan took. */
function expectAgreement(frame: Buffer, start: number, end: number): boolean {
  if (!scan.scan(frame, start, end)) return false;
  const command = readJsonHeader(frame.subarray(start, end));
  expect(decodeCommand(frame, start, end, end, 0)).toEqual(command);
  expect(scan.remark()).toBe(command.remark);
  expect({ code: scan.code, opaque: scan.opaque, flag: scan.flag, version: scan.version }).toEqual({
    code: command.code, opaque: command.opaque, flag: command.flag, version: command.version,
  });
  if (scan.languageEnd > scan.languageStart) expect(scan.language()).toBe(command.language);
  expect(scan.count).toBe(command.ext.size);
  for (let i = 0; i < scan.count; i++) {
    const key = scan.key(i);
    const value = command.ext.get(key) as string;
    expect(scan.text(i)).toBe(value);
     
    if (/^[\u0000-\u007f]*$/.test(key)) expect(scan.find(key)).toBe(i);
    expect(scan.find(Buffer.from(key))).toBe(i);
    if (key.length === 1 && key.charCodeAt(0) < 128) expect(scan.byLetter[key.charCodeAt(0)]).toBe(i);
    const length = scan.properties(i);
    // Java writes a lone surrogate as '?', Node as U+FFFD.
    expect(resolvedProperties.toString('utf8', 0, length)).toBe(Buffer.from(value).toString('utf8').replace(/\ufffd/g, value.includes('\ufffd') ? '\ufffd' : '?'));
    expect(scan.bool(i)).toBe(value.toLowerCase() === 'true');
  }
  return true;
}

describe('recorded headers', () => {
  test('every JSON header of every client is taken and agrees with the full reader', () => {
    let taken = 0;
    for (const { hex } of frames) {
      const { frame, headerStart, headerEnd, type } = partsOf(hex);
      if (type !== 0) continue;
      if (expectAgreement(frame, headerStart, headerEnd)) taken++;
      else if (!frame.toString('latin1', headerStart, headerEnd).includes('null')) throw new Error(`not taken: ${frame.toString('utf8', headerStart, headerEnd)}`);
    }
    expect(taken).toBeGreaterThan(300);
  });

  test('no truncation is taken, whatever follows it in the buffer', () => {
    const { frame, headerStart, headerEnd } = partsOf(frames.find((each) => each.code === 310)?.hex as string);
    for (let end = headerStart; end < headerEnd; end++) expect(scan.scan(frame, headerStart, end)).toBe(false);
    for (let start = headerStart + 1; start < headerEnd; start++) expect(scan.scan(frame, start, headerEnd)).toBe(false);
    expect(scan.scan(frame, headerStart, headerEnd)).toBe(true);
  });
});

describe('what is taken', () => {
  test.each([
    ['{"code":310}', {}],
    ['{ "code" : 310 , "extFields" : { "a" : "x" , "bc" : 12 , "d" : true } , "flag" : 0 } \n', { a: 'x', bc: '12', d: 'true' }],
    ['{"code":310,"extFields":null,"remark":null,"serializeTypeCurrentRPC":null}', {}],
    ['{"code":310,"extFields":"","remark":"","serializeTypeCurrentRPC":""}', {}],
    ['{"code":310,"extFields":{}}', {}],
    ['{"extFields":{"i":"a\\u0001b\\u0002\\ud83d\\ude00\\n\\"\\\\\\/"},"code":310}', { i: 'a\u0001b\u0002\u{1f600}\n"\\/' }],
    ['{"code":310,"extFields":{"é":"中","a#":"#]\\"]#"}}', { é: '中', 'a#': '#]"]#' }],
    ['{"code":310,"unknown":1,"other":"x","third":false}', {}],
    ['{"code":310,"extFields":{"n":-5,"z":0}}', { n: '-5', z: '0' }],
  ])('%s', (text, ext) => {
    expect(scanned(text)).toEqual({ code: 310, ext });
  });
});

test('an escape has its digits in either case, in text as in the compiled scan', () => {
  for (const digit of '0123456789abcdefABCDEF') {
    for (const place of [0, 1, 2, 3]) {
      // Away from surrogates.
      const code = '1234'.slice(0, place) + digit + '1234'.slice(place + 1);
      if (/^d[89a-f]/i.test(code)) continue;
      expect(scanned(`{"code":310,"extFields":{"i":"\\u${code}"}}`)).toEqual({ code: 310, ext: { i: String.fromCharCode(Number.parseInt(code, 16)) } });
    }
  }
});

test('a language beyond ASCII reads as the full reader reads it', () => {
  const header = Buffer.from('{"code":1,"language":"J\u00c4VA","opaque":7}');
  expect(expectAgreement(header, 0, header.length)).toBe(true);
  expect(scan.language()).toBe('J\u00c4VA');
});

describe('what is left to the full reader', () => {
  test.each([
    '', '{', '{}', '[]', 'null', '{"flag":1}', '{"code":310', '{"code":310}}', '{"code":310} x', '{"code":"310"}', '{"code":null}', '{"code":1e2}', '{"code":01}', '{"code":-}',
    '{"code":2147483648}', '{"code":-2147483649}', '{"code":99999999999}', '{"code":1,"code":2}', '{"code":1,"extFields":{"a":"1","a":"2"}}',
    '{"code":1,"extFields":{"topic":"1","topic":"2"}}', '{"code":1,"extFields":{"a":null}}', '{"code":1,"extFields":{"a":{}}}', '{"code":1,"extFields":{"a":[]}}',
    '{"code":1,"extFields":{"\\u0061":"1"}}', '{"code":1,"extFields":{"":"1"}}', '{"code":1,"extFields":{"a":1.5}}', '{"code":1,"extFields":{"a":"\\x41"}}',
    '{"code":1,"extFields":{"a":"\\u12"}}', '{"code":1,"extFields":{"a":"\\u12g4"}}', '{"code":1,"extFields":{"a":tru}}', "{'code':1}", '{"code":1,}', '{"code":1,"x":{}}',
    '{"code":1,"language":5}', '{"code":1 "flag":2}', '{"code":1,"extFields":"x"}', '{"code":1/**/}',
  ])('%s', (text) => {
    expect(scanned(text)).toBeUndefined();
  });

  test('more members than the scan notes', () => {
    const header = (count: number): string => `{"code":1,"extFields":{${Array.from({ length: count }, (_, i) => `"k${i}":"${i}"`).join(',')}}}`;
    expect(scanned(header(scanMembersMax))).toBeDefined();
    expect(scanned(header(scanMembersMax + 1))).toBeUndefined();
  });

  test('malformed UTF-8 in a value', () => {
    for (const bad of [[0x80], [0xc0, 0x80], [0xe4, 0xb8], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xff]]) {
      expect(scanned(Buffer.concat([Buffer.from('{"code":1,"extFields":{"a":"'), Buffer.from(bad), Buffer.from('"}}')]))).toBeUndefined();
    }
  });

  test('a failed scan leaves nothing behind', () => {
    expect(scanned('{"code":1,"extFields":{"a":"1","b":"2","b":"3"}}')).toBeUndefined();
    expect(scanned('{"code":2,"extFields":{"c":"1"}}')).toEqual({ code: 2, ext: { c: '1' } });
    expect(scan.byLetter[0x61]).toBe(-1);
    expect(scan.byLetter[0x62]).toBe(-1);
  });
});

describe('readers', () => {
  const index = (value: string): number => {
    expect(scanned(`{"code":1,"extFields":{"a":${value}}}`)).toBeDefined();
    return 0;
  };
  test.each([
    ['"7"', 7], ['"+7"', 7], ['"-7"', -7], ['"2147483647"', 2147483647], ['"-2147483648"', -2147483648], ['"007"', 7], ['5', 5], ['"-0"', 0],
    ['"2147483648"', NaN], ['""', NaN], ['"-"', NaN], ['" 7"', NaN], ['"7x"', NaN], ['"0x7"', NaN], ['"\\u0037"', NaN], ['true', NaN],
  ])('int32 of %s is %d', (value, expected) => expect(scan.int32(index(value))).toBe(expected));
  test.each([
    ['"9007199254740991"', 9007199254740991], ['"-9007199254740991"', -9007199254740991], ['"1795360342136"', 1795360342136],
    ['"9007199254740992"', NaN], ['"9223372036854775807"', NaN],
  ])('safeInt of %s is %d', (value, expected) => expect(scan.safeInt(index(value))).toBe(expected));
  test.each([['"TRUE"', true], ['"true"', true], ['true', true], ['"tru\\u0065"', true], ['"yes"', false], ['1', false], ['"UQVE"', false]])('bool of %s', (value, expected) => {
    expect(scan.bool(index(value))).toBe(expected);
  });
  test('sameBytes compares the text as it stands', () => {
    index('"topic"');
    expect(scan.sameBytes(0, Buffer.from('topic'))).toBe(true);
    expect(scan.sameBytes(0, Buffer.from('topiC'))).toBe(false);
    index('"t\\u006fpic"');
    expect(scan.sameBytes(0, Buffer.from('topic'))).toBe(false);
  });
});

const int32 = fc.integer({ min: -2147483648, max: 2147483647 });

test('agrees with the full reader on generated headers', () => {
  const value = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.integer().map(String), fc.boolean().map(String));
  const header = fc.record({
    code: int32, flag: int32, opaque: int32, version: int32, language: fc.string(), remark: fc.option(fc.string({ unit: 'binary' })),
    extFields: fc.option(fc.dictionary(fc.string({ minLength: 1, unit: 'grapheme' }), fc.oneof(value, fc.integer(), fc.boolean()))),
  }, { requiredKeys: ['code'] });
  let taken = 0;
  fc.assert(fc.property(header, fc.nat(20), fc.boolean(), (members, padding, indent) => {
    const bytes = Buffer.concat([Buffer.alloc(padding, '"'), Buffer.from(JSON.stringify(members, null, indent ? 2 : undefined)), Buffer.alloc(5, '}')]);
    if (expectAgreement(bytes, padding, bytes.length - 5)) taken++;
  }), { numRuns: 500 });
  expect(taken).toBeGreaterThan(100);
});

test('random and damaged bytes never throw', () => {
  const recorded = frames.map(({ hex }) => partsOf(hex)).filter(({ type }) => type === 0);
  fc.assert(fc.property(fc.nat(recorded.length - 1), fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }), (which, edits) => {
    const { frame, headerStart, headerEnd } = recorded[which] as (typeof recorded)[number];
    const damaged = Buffer.from(frame);
    for (const [at, byte] of edits) damaged[headerStart + (at % (headerEnd - headerStart))] = byte;
    expectAgreement(damaged, headerStart, headerEnd);
  }), { numRuns: 2000 });
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    scan.scan(Buffer.from(bytes), 0, bytes.length);
  }));
});

describe('values of one scan, exactly', () => {
  const scanOf = (header: string, pad = 0): HeaderScan => {
    const one = new HeaderScan();
    const bytes = Buffer.from(`${'#'.repeat(pad)}{"code":1,${header.slice(1)}##`);
    expect(one.scan(bytes, pad, bytes.length - 2)).toBe(true);
    return one;
  };

  test('a fresh scan has found nothing; a range outside the bytes is left to the full reader', () => {
    const fresh = new HeaderScan();
    expect([fresh.code, fresh.opaque, fresh.flag, fresh.version, fresh.bytes.length, fresh.languageStart, fresh.languageEnd, fresh.remarkStart, fresh.remarkEnd, fresh.count, fresh.language(), fresh.remark()]).toEqual([0, 0, 0, 0, 0, 0, 0, -1, -1, 0, '', undefined]);
    const bytes = Buffer.from('{}{"code":5}');
    for (const [start, end, plain] of [[0, 2, false], [2, 12, true], [-1, 2, false], [2, 13, false], [1, 2, false], [2, 2, false], [3, 2, false], [12, 13, false], [13, 15, false]] as const) expect([start, end, fresh.scan(bytes, start, end)]).toEqual([start, end, plain]);
  });

  test('a value is compared from its first byte to its last, and not when it has escapes', () => {
    const scanned = scanOf('{"extFields":{"a":"abc","b":"","c":"a\\u0062c","d":7}}', 3);
    const same = (index: number, text: string): boolean => scanned.sameBytes(index, Buffer.from(text));
    expect([same(0, 'abc'), same(0, 'xbc'), same(0, 'axc'), same(0, 'abx'), same(0, 'ab'), same(0, 'abcd'), same(1, ''), same(1, 'a'), same(2, 'abc'), same(2, 'a\\u0062c'), same(3, '7')]).toEqual([true, false, false, false, false, false, true, false, false, false, true]);
    expect([scanned.find('a'), scanned.find('d'), scanned.find('e'), scanned.find(''), scanned.find('ab'), scanned.find(Buffer.from('c')), scanned.find(Buffer.from('x'))]).toEqual([0, 3, -1, -1, -1, 2, -1]);
    expect([0, 1, 2, 3].map((index) => [scanned.key(index), scanned.text(index), scanned.escaped[index], scanned.quoted[index]])).toEqual([['a', 'abc', 0, 1], ['b', '', 0, 1], ['c', 'abc', 1, 1], ['d', '7', 0, 0]]);
  });

  test('names that share a beginning, an end or a length are told apart', () => {
    const scanned = scanOf('{"extFields":{"topic":"1","topid":"2","ropic":"3","topics":"4"}}');
    expect(['topic', 'topid', 'ropic', 'topics', '', 'topi', 'topix'].map((name) => [scanned.find(name), scanned.find(Buffer.from(name))])).toEqual([[0, 0], [1, 1], [2, 2], [3, 3], [-1, -1], [-1, -1], [-1, -1]]);
  });

  test('numbers as Java reads them, NaN for what it does not', () => {
    const table: [string, number, number][] = [
      ['0', 0, 0], ['-0', 0, 0], ['+5', 5, 5], ['-5', -5, -5], ['007', 7, 7], ['2147483647', 2147483647, 2147483647], ['2147483648', NaN, 2147483648], ['-2147483648', -2147483648, -2147483648], ['-2147483649', NaN, -2147483649],
      ['9007199254740991', NaN, 9007199254740991], ['-9007199254740991', NaN, -9007199254740991], ['9007199254740992', NaN, NaN], ['99999999999999999999', NaN, NaN], ['', NaN, NaN], ['-', NaN, NaN], ['+', NaN, NaN], ['5-', NaN, NaN], ['--5', NaN, NaN],
      ['/', NaN, NaN], [':', NaN, NaN], ['5/', NaN, NaN], ['5:', NaN, NaN], [' 5', NaN, NaN], ['5 ', NaN, NaN], ['1.5', NaN, NaN], ['0x5', NaN, NaN], [',5', NaN, NaN],
    ];
    const scanned = scanOf(`{"extFields":{${table.map(([text], i) => `"k${i}":${JSON.stringify(text)}`).join(',')}}}`);
    expect(table.map(([text], i) => [text, scanned.int32(i), scanned.safeInt(i)])).toEqual(table);
    for (const [i, [text, int32, safeInt]] of table.entries()) expect([text, Object.is(scanned.int32(i), int32), Object.is(scanned.safeInt(i), safeInt)]).toEqual([text, true, true]);
    expect(scanOf('{"extFields":{"a":"\\u0035"}}').safeInt(0)).toBe(NaN);
  });

  test('true in any case of letters, with escapes too', () => {
    const texts = ['true', 'TRUE', 'tRuE', 'false', '', 'tru', 'truee', 'xrue', 'txue', 'trxe', 'trux', 'T', '\\u0074rue', 'tru\\u0045', 'tru\\u0046'];
    const scanned = scanOf(`{"extFields":{${texts.map((text, i) => `"k${i}":"${text}"`).join(',')},"z":true,"y":false}}`);
    expect([...texts, 'z', 'y'].map((_text, i) => scanned.bool(i))).toEqual([true, true, true, false, false, false, false, false, false, false, false, false, true, true, false, true, false]);
  });

  test('texts with every escape, between plain ones', () => {
    const scanned = scanOf(`{"language":"GO","remark":"a\\"\\\\\\/\\b\\f\\n\\r\\tz","extFields":{"a":"\\u00e9\\u4E2d\\uD83D\\ude00","b":"x\\u0041","c":"\\u0041x","d":"\\uabcd\\uABCD\\u0190","e":"é\\né"}}`, 5);
    expect([scanned.language(), scanned.remark()]).toEqual(['GO', 'a"\\/\b\f\n\r\tz']);
    expect([0, 1, 2, 3, 4].map((index) => scanned.text(index))).toEqual(['é中😀', 'xA', 'Ax', '\uabcd\uabcd\u0190', 'é\né']);
  });
});
