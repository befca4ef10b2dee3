import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Command } from './command.js';
import { Refusal, WireError } from './errors.js';
import { decodeCommand, decodeHeader, decodeReplyHeader, encodeCommand, encodeHeader, encodeReplyHeader, encodeRequest, jsonHeader, readJsonHeader } from './header.js';
import { requestName, requests } from './requests.js';
import type { RequestName } from './requests.js';
import { bodies, frames, partsOf } from './testdata/wire.js';

function decode(frame: Buffer): Command {
  const headerEnd = 8 + (frame.readUInt32BE(4) & 0xffffff);
  return decodeCommand(frame, 8, headerEnd, frame.length, frame.readUInt8(4));
}

function decodeText(header: string): Command {
  const bytes = Buffer.from(header);
  return decodeCommand(bytes, 0, bytes.length, bytes.length, 0);
}

describe('recorded frames', () => {
  test('all are read; requests decode to their typed headers', () => {
    for (const recorded of frames) {
      const { frame, headerEnd } = partsOf(recorded.hex);
      const command = decode(frame);
      expect(command.code).toBe(recorded.code);
      expect(command.body.equals(frame.subarray(headerEnd))).toBe(true);
      if (recorded.reqCode !== undefined) continue;
      const name = requestName(command.code) as RequestName;
      expect(typeof decodeHeader(name, command.ext)).toBe('object');
    }
  });

  test('JSON ones are written back with equal members', () => {
    for (const { hex } of frames) {
      const { frame, headerStart, headerEnd, type } = partsOf(hex);
      if (type !== 0) continue;
      const command = decode(frame);
      const again = decode(encodeCommand(command));
      expect(again).toEqual({ ...command, body: again.body });
      const members = JSON.parse(frame.toString('utf8', headerStart, headerEnd)) as Record<string, unknown>;
      const written = encodeCommand(command);
      const ours = JSON.parse(written.toString('utf8', 8, 8 + (written.readUInt32BE(4) & 0xffffff))) as Record<string, unknown>;
      for (const key of ['code', 'flag', 'language', 'opaque', 'version']) expect(ours[key]).toEqual(members[key]);
    }
  });

  test('what Apache wrote is written back byte for byte', () => {
    let count = 0;
    for (const { hex, dir } of frames) {
      const { frame, type } = partsOf(hex);
      if (dir !== 's2c' || type !== 0 || frame.includes('"extFields":{}')) continue;
      expect(encodeCommand(decode(frame)).toString('hex')).toBe(hex);
      count++;
    }
    expect(count).toBeGreaterThan(50);
  });

  test('binary ones are written back byte for byte', () => {
    let count = 0;
    for (const { hex } of frames) {
      const { frame, type } = partsOf(hex);
      if (type !== 1) continue;
      expect(encodeCommand(decode(frame)).toString('hex')).toBe(hex);
      count++;
    }
    expect(count).toBeGreaterThan(5);
  });

  test('the same request in both serializations', () => {
    const json = decode(Buffer.from(bodies.golden['frame.SEND_MESSAGE_V2.JSON'] as string, 'hex'));
    const binary = decode(Buffer.from(bodies.golden['frame.SEND_MESSAGE_V2.ROCKETMQ'] as string, 'hex'));
    expect(binary.serialize).toBe('ROCKETMQ');
    expect(new Map([...binary.ext].sort())).toEqual(new Map([...json.ext].sort()));
    expect([binary.code, binary.language]).toEqual([json.code, json.language]);
  });

  test('every truncation of a header is a WireError', () => {
    for (const type of [0, 1]) {
      const { frame, headerStart, headerEnd } = partsOf(frames.find((each) => partsOf(each.hex).type === type && each.code === 310)?.hex as string);
      for (let end = headerStart; end < headerEnd; end++) expect(() => decodeCommand(frame, headerStart, end, end, type)).toThrow(WireError);
    }
  });
});

describe('tolerance', () => {
  test.each([
    ['absent members have Java defaults', '{"code":5}', { code: 5, language: 'JAVA', flag: 0, version: 0, opaque: 0, remark: undefined }],
    ['numbers in quotes', '{"code":"5","opaque":"-7"}', { code: 5, opaque: -7 }],
    ['null members', '{"code":5,"remark":null,"extFields":null,"flag":null}', { code: 5, remark: undefined, flag: 0 }],
    ['single quotes and comments', "/*x*/{'code':5,'remark':'a\"b'}", { code: 5, remark: 'a"b' }],
    ['unknown members', '{"code":5,"x":{"y":[1,2,{"z":null}]},"body":"q"}', { code: 5 }],
    ['the last of two', '{"code":5,"code":6}', { code: 6 }],
  ])('%s', (_name, header, expected) => expect(decodeText(header)).toMatchObject(expected));

  test('values of extFields that are no strings are kept as their text', () => {
    expect([...decodeText('{"code":5,"extFields":{"d":4,"k":false,"e":1.50,"n":null,"":"x"}}').ext]).toEqual([['d', '4'], ['k', 'false'], ['e', '1.50'], ['', 'x']]);
    expect(decodeText('{"code":5,"extFields":{"__proto__":"x"}}').ext.get('__proto__')).toBe('x');
  });

  test.each([
    '', 'null', '[]', '5', '{', '{"code":5}x', '{"code":1.5}', '{"code":99999999999}', '{"code":{}}', '{"extFields":5}', '{"extFields":{"a":[}}',
    '{"a":'.repeat(70) + '1' + '}'.repeat(70), '{"code":5 "flag":1}', '{code:5}',
  ])('refused: %s', (header) => expect(() => decodeText(header)).toThrow(WireError));

  test('an error names the member', () => {
    expect(() => decodeText('{"code":99999999999}')).toThrow(/code is outside -2147483648\.\.2147483647/);
    expect(() => decodeText('{"language":[]}')).toThrow(/language is not text/);
  });

  test('an object or array in extFields is its text, as fastjson keeps it', () => {
    const { ext } = decodeText('{"extFields":{"a":{"b": [1, 2.5, null, true, "x"]},"c":[],"d":"y"}}');
    expect([...ext]).toEqual([['a', '{"b":[1,2.5,null,true,"x"]}'], ['c', '[]'], ['d', 'y']]);
  });
});

describe('binary form', () => {
  test('code and version have 16 bits', () => {
    expect(() => encodeCommand({ code: 200050, opaque: 1, serialize: 'ROCKETMQ' })).toThrow(/code 200050 is outside -32768\.\.32767/);
    const truncated = Buffer.from(encodeCommand({ code: 3442, opaque: 1, serialize: 'ROCKETMQ' }));
    expect(decode(truncated).code).toBe(200050 & 0xffff);
  });
  test.each([
    [13, -1, /remark length -1/], [13, 100, /remark length 100 is outside 0\.\.\d+/], [17, 1000, /extFields length 1000/],
  ])('length at %d set to %d', (at, value, message) => {
    const frame = encodeCommand({ code: 1, opaque: 1, serialize: 'ROCKETMQ', ext: { a: 'b' } });
    frame.writeInt32BE(value, 8 + at);
    expect(() => decode(frame)).toThrow(message);
  });
});

test('both serializations round trip', () => {
  const int32 = fc.integer({ min: -2147483648, max: 2147483647 });
  const int16 = fc.integer({ min: -32768, max: 32767 });
  const word = fc.string({ unit: 'grapheme', minLength: 1 });
  fc.assert(fc.property(
    int16, int32, int32, int16, fc.constantFrom('JAVA', 'GO', 'RUST'), fc.option(word, { nil: undefined }), fc.array(fc.tuple(word, word), { maxLength: 8 }), fc.uint8Array(),
    fc.constantFrom('JSON' as const, 'ROCKETMQ' as const),
    (code, opaque, flag, version, language, remark, entries, body, serialize) => {
      const ext = new Map(entries);
      const command = decode(encodeCommand({ code, opaque, flag, version, language, remark, ext, serialize, body }));
      expect({ ...command, body: undefined }).toEqual({ code, opaque, flag, version, language, remark, ext, serialize, body: undefined });
      expect(command.body.equals(Buffer.from(body))).toBe(true);
    },
  ), { numRuns: 300 });
});

test('random and damaged headers raise WireError or Refusal only', () => {
  const check = (bytes: Buffer, type: number): void => {
    try {
      const command = decodeCommand(bytes, 0, bytes.length, bytes.length, type);
      const name = requestName(command.code);
      if (name !== undefined) decodeHeader(name, command.ext);
    } catch (error) {
      if (!(error instanceof WireError) && !(error instanceof Refusal)) throw error;
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), fc.integer({ min: 0, max: 3 }), (bytes, type) => check(Buffer.from(bytes), type)), { numRuns: 500 });
  fc.assert(fc.property(fc.nat(frames.length - 1), fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }), (which, edits) => {
    const { frame, headerStart, headerEnd, type } = partsOf(frames[which]?.hex as string);
    const header = Buffer.from(frame.subarray(headerStart, headerEnd));
    for (const [at, byte] of edits) header[at % header.length] = byte;
    check(header, type);
  }), { numRuns: 1000 });
});

describe('typed headers', () => {
  const query = new Map([['consumerGroup', 'g'], ['topic', 'T'], ['queueId', '3']]);

  test('required, optional and inherited fields', () => {
    expect(decodeHeader('QUERY_CONSUMER_OFFSET', new Map([...query, ['nsd', 'TRUE'], ['bname', 'b']]))).toEqual({
      consumerGroup: 'g', topic: 'T', queueId: 3, setZeroIfNotFound: undefined, logical: undefined, namespace: undefined, namespaced: true, bname: 'b', oneway: undefined,
    });
  });
  test('a missing required field is refused by class, field and type', () => {
    expect(() => decodeHeader('QUERY_CONSUMER_OFFSET', new Map([['consumerGroup', 'g'], ['topic', 'T']]))).toThrow(
      /QueryConsumerOffsetRequestHeader\.queueId \(Integer, -2147483648\.\.2147483647\) is missing/);
    expect(() => decodeHeader('SEND_MESSAGE_V2', new Map())).toThrow(/SendMessageRequestHeaderV2\.b \(topic, String\) is missing/);
  });
  test('a malformed number counts as missing, or throws as Apache does where it decodes by hand', () => {
    expect(() => decodeHeader('QUERY_CONSUMER_OFFSET', new Map([...query, ['queueId', '3x']]))).toThrow(/queueId \(Integer.*cannot be read from "3x"/);
    const pull = new Map([['consumerGroup', 'g'], ['topic', 'T'], ['queueId', 'x'], ['queueOffset', '0'], ['maxMsgNums', '1'], ['sysFlag', '0'], ['commitOffset', '0'], ['suspendTimeoutMillis', '0'], ['subVersion', '0']]);
    expect(() => decodeHeader('PULL_MESSAGE', pull)).toThrow(/^java\.lang\.NumberFormatException: For input string: "x"/);
    expect(decodeHeader('GET_MAX_OFFSET', new Map([['topic', 'T'], ['queueId', '1'], ['committed', 'nonsense']])).committed).toBe(false);
  });
  test('fields whose absence Apache tolerates', () => {
    expect(decodeHeader('GET_ROUTEINFO_BY_TOPIC', new Map()).topic).toBeUndefined();
    expect(decodeHeader('GET_ALL_TOPIC_CONFIG', new Map()).topicSeq).toBeUndefined();
    const send = new Map([['b', 'T'], ['e', '0'], ['f', '0'], ['g', '1'], ['h', '0']]);
    expect(decodeHeader('SEND_MESSAGE_V2', send)).toMatchObject({ topic: 'T', producerGroup: '', defaultTopic: '', defaultTopicQueueNums: 4 });
  });
  test('an int64 is exact', () => {
    const ext = new Map([['group', 'g'], ['offset', '9223372036854775807'], ['delayLevel', '0']]);
    expect(decodeHeader('CONSUMER_SEND_MSG_BACK', ext).offset).toBe(9223372036854775807n);
    expect(() => decodeHeader('CONSUMER_SEND_MSG_BACK', new Map([...ext, ['offset', '9223372036854775808']]))).toThrow(Refusal);
  });
  test('a boundary reads as LOWER unless it says upper', () => {
    const header = (boundaryType: string): unknown => decodeHeader('SEARCH_OFFSET_BY_TIMESTAMP', new Map([['topic', 'T'], ['queueId', '0'], ['timestamp', '1'], ['boundaryType', boundaryType]])).boundaryType;
    expect([header('UPPER'), header('upper'), header('LOWER'), header('x')]).toEqual(['UPPER', 'UPPER', 'LOWER', 'LOWER']);
  });
  test('every header of the table round trips through its extFields', () => {
    for (const name of Object.keys(requests) as RequestName[]) {
      const fields: Readonly<Record<string, { as: string }>> = requests[name].header;
      const sample: Record<string, unknown> = { str: 'text', i32: -5, i64: 9223372036854775807n, bool: true, f64: 1.5, boundary: 'UPPER' };
      const header = Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, sample[field.as]]));
      expect(decodeHeader(name, new Map(Object.entries(encodeHeader(name, header as never))))).toEqual(header);
    }
  });
  test('reply fields, absent ones left out, extra ones after them', () => {
    expect(encodeReplyHeader({ offset: 5n, changed: true, remark: undefined }, { MSG_REGION: 'r' })).toEqual({ offset: '5', changed: 'true', MSG_REGION: 'r' });
  });
  test('a one-way request of ours', () => {
    expect(decode(encodeRequest(40, 7, { consumerGroup: 'g' }, undefined, true))).toMatchObject({ code: 40, opaque: 7, flag: 2, language: 'JAVA', version: 513 });
  });
});

const why = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return error instanceof Refusal ? `Refusal: ${error.message}` : error instanceof WireError || error instanceof RangeError ? error.message : `another error: ${String(error)}`;
  }
  return 'none';
};

describe('a JSON header', () => {
  const version = '"serializeTypeCurrentRPC":"JSON","version":513}';
  test.each<[Parameters<typeof jsonHeader>[0], string]>([
    [{ code: 1, opaque: 2 }, `{"code":1,"flag":0,"language":"JAVA","opaque":2,${version}`],
    [{ code: -1, opaque: -2, flag: 3, language: 'GO', version: 0, remark: '' }, '{"code":-1,"flag":3,"language":"GO","opaque":-2,"remark":"","serializeTypeCurrentRPC":"JSON","version":0}'],
    [{ code: 1, opaque: 2, remark: 'a"b\\c', ext: {} }, `{"code":1,"flag":0,"language":"JAVA","opaque":2,"remark":"a\\"b\\\\c",${version}`],
    [{ code: 1, opaque: 2, ext: { b: '1', a: undefined, c: '' } }, `{"code":1,"extFields":{"b":"1","c":""},"flag":0,"language":"JAVA","opaque":2,${version}`],
    [{ code: 1, opaque: 2, ext: new Map([['z', 'é'], ['\n', '\u0000']]) }, `{"code":1,"extFields":{"z":"é","\\n":"\\u0000"},"flag":0,"language":"JAVA","opaque":2,${version}`],
  ])('%j', (command, text) => {
    expect(jsonHeader(command)).toBe(text);
    expect(encodeCommand(command).toString('utf8', 8)).toBe(text);
  });

  test('text with characters that JSON escapes, and those beside them', () => {
    for (const [text, written] of [['\u001f', '\\u001f'], ['\u0020', ' '], ['!', '!'], ['"', '\\"'], ['#', '#'], ['[', '['], ['\\', '\\\\'], [']', ']'], ['\ud7ff', '\ud7ff'], ['\ue000', '\ue000'], ['\ud83d\ude00', '\ud83d\ude00']] as const) {
      expect(jsonHeader({ code: 1, opaque: 2, remark: text })).toContain(`"remark":"${written}",`);
    }
  });

  test('is read by the full reader as by the fast one', () => {
    const body = Buffer.from('body');
    const whole = { code: 5, language: 'GO', version: 7, opaque: -9, flag: 3, remark: 'r', ext: new Map([['a', '1']]), serialize: 'JSON', body };
    const text = '{"code":5,"language":"GO","version":7,"opaque":-9,"flag":3,"remark":"r","extFields":{"a":"1"}}';
    expect(readJsonHeader(Buffer.from(text), body)).toEqual(whole);
    const frame = Buffer.concat([Buffer.from(`##${text}`), body]);
    expect(decodeCommand(frame, 2, 2 + text.length, frame.length, 0)).toEqual(whole);
    for (const header of ['{}', '{"extFields":{}}', '{"extFields":""}', '{"remark":null}', '{"language":null}', '{"code":""}', '{"code":null}']) {
      const bare = { code: 0, language: 'JAVA', version: 0, opaque: 0, flag: 0, remark: undefined, ext: new Map(), serialize: 'JSON', body: Buffer.alloc(0) };
      expect([header, readJsonHeader(Buffer.from(header))]).toEqual([header, bare]);
      expect([header, decodeText(header)]).toEqual([header, bare]);
    }
  });

  test.each([
    ['[]', 'header is not a JSON object'], ['"x"', 'header is not a JSON object'], ['{"code":2147483648}', 'code is outside -2147483648..2147483647'], ['{"flag":"x"}', 'flag is outside -2147483648..2147483647'],
    ['{"version":1.5}', 'version is outside -2147483648..2147483647'], ['{"opaque":[]}', 'opaque is not text'], ['{"remark":{}}', 'remark is not text'], ['{"language":[1]}', 'language is not text'],
    ['{"extFields":5}', 'extFields is not an object'], ['{"extFields":[]}', 'extFields is not text'], ['{"extFields":true}', 'extFields is not an object'], ['{"extFields":"x"}', 'extFields is not an object'], ['{"extFields":{{"a":1}:2}}', 'a key of extFields is not text'],
  ])('%s is refused: %s', (header, reason) => {
    expect(why(() => readJsonHeader(Buffer.from(header)))).toMatch(new RegExp(`^header is not readable JSON: ${reason.replaceAll('.', '\\.')}`));
    expect(why(() => decodeText(header))).toMatch(/^header is not readable JSON: /);
  });

  test('depth counts from the header, whatever the member', () => {
    for (const member of ['x', 'extFields', 'extFields2']) {
      // Objects within each other: the deepest that are read, and one more.
      const depth = (levels: number): string => why(() => readJsonHeader(Buffer.from(`{"${member}":{"a":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}}`)));
      const deepest = Array.from({ length: 80 }, (_, levels) => depth(levels)).findIndex((reason) => reason !== 'none');
      expect([member, deepest]).toEqual([member, 63]);
    }
  });

  test('members in every tolerated form', () => {
    const read = (text: string): Command => readJsonHeader(Buffer.from(text));
    expect(read('{"code":"-2147483648","version":"2147483647","opaque":+5,"flag":-0}')).toMatchObject({ code: -2147483648, version: 2147483647, opaque: 5 });
    expect(read("{'language':'GO','remark':true}")).toMatchObject({ language: 'GO', remark: 'true' });
    expect(read('{"remark":5,"language":0.5}')).toMatchObject({ remark: '5', language: '0.5' });
    expect(read('{"remark":"a","remark":null,"extFields":{"a":"1"},"extFields":null}')).toMatchObject({ remark: undefined, ext: new Map() });
    expect(read('{"code":5,"code":null,"language":"GO","language":null}')).toMatchObject({ code: 5, language: 'GO' });
    expect([...read('{"extFields":{"a":"1","b":"2","a":null,"c":true,"d":-5,"e":.5}}').ext]).toEqual([['b', '2'], ['c', 'true'], ['d', '-5'], ['e', '.5']]);
  });
});

describe('a binary header', () => {
  const int = (bytes: number, value: number): Buffer => {
    const out = Buffer.alloc(bytes);
    out.writeIntBE(value, 0, bytes);
    return out;
  };
  const plain = (code: number, language: number, version: number, opaque: number, flag: number, remark: string, entries: readonly (readonly [string, string])[]): Buffer => {
    const ext = Buffer.concat(entries.flatMap(([key, value]) => [int(2, Buffer.byteLength(key)), Buffer.from(key), int(4, Buffer.byteLength(value)), Buffer.from(value)]));
    return Buffer.concat([int(2, code), int(1, language), int(2, version), int(4, opaque), int(4, flag), int(4, Buffer.byteLength(remark)), Buffer.from(remark), int(4, ext.length), ext]);
  };
  const read = (header: Buffer): Command => decodeCommand(Buffer.concat([Buffer.alloc(3), header, Buffer.from('body')]), 3, 3 + header.length, 7 + header.length, 1);

  test('is written and read as by a plain writer', () => {
    const table: [Parameters<typeof plain>, string][] = [
      [[0, 0, 0, 0, 0, '', []], 'JAVA'], [[-32768, 9, 32767, -1, 2147483647, 'é', [['a', 'é'], ['中', 'b']]], 'GO'], [[32767, 12, -32768, 2147483647, -2147483648, 'remark', [['k'.repeat(300), 'v'.repeat(70_000)]]], 'RUST'],
    ];
    for (const [parts, language] of table) {
      const [code, , version, opaque, flag, remark, entries] = parts;
      const command = { code, language, version, opaque, flag, remark: remark === '' ? undefined : remark, ext: new Map<string, string>(entries), serialize: 'ROCKETMQ' as const, body: Buffer.from('body') };
      const frame = encodeCommand(command);
      expect(frame.subarray(8, -4).toString('hex')).toBe(plain(...parts).toString('hex'));
      expect(frame[4]).toBe(1);
      expect(read(plain(...parts))).toEqual(command);
    }
    expect(encodeCommand({ code: 1, opaque: 2, serialize: 'ROCKETMQ' }).subarray(8).toString('hex')).toBe(plain(1, 0, 513, 2, 0, '', []).toString('hex'));
    expect(encodeCommand({ code: 1, opaque: 2, language: 'nobody knows it', serialize: 'ROCKETMQ' })[10]).toBe(7);
    expect(read(plain(1, 100, 0, 0, 0, '', [])).language).toBe('LANGUAGE_100');
    expect(read(plain(1, -1, 0, 0, 0, '', [])).language).toBe('LANGUAGE_-1');
  });

  test('entries without key or value are dropped; a length of extFields below 0 is none', () => {
    expect([...read(plain(1, 0, 0, 0, 0, '', [['', 'a'], ['b', ''], ['c', 'd'], ['', '']])).ext]).toEqual([['c', 'd']]);
    const none = plain(1, 0, 0, 0, 0, '', []);
    none.writeInt32BE(-5, 17);
    expect(read(none).ext.size).toBe(0);
  });

  test('what does not fit its widths is refused by name', () => {
    for (const [code, fits] of [[-32769, false], [-32768, true], [32767, true], [32768, false]] as const) {
      expect(why(() => encodeCommand({ code, opaque: 1, serialize: 'ROCKETMQ' }))).toBe(fits ? 'none' : `code ${code} is outside -32768..32767 of the binary header`);
      expect(why(() => encodeCommand({ code: 1, version: code, opaque: 1, serialize: 'ROCKETMQ' }))).toBe(fits ? 'none' : `version ${code} is outside -32768..32767 of the binary header`);
    }
    const key = (bytes: number): string => why(() => encodeCommand({ code: 1, opaque: 1, serialize: 'ROCKETMQ', ext: { ['k'.repeat(bytes)]: 'v' } }));
    expect([key(32767), key(32768)]).toEqual(['none', 'extFields key of 32768 bytes is outside 0..32767']);
  });

  test('cut at any byte, or with a wrong length, says which part does not fit', () => {
    const header = plain(1, 0, 0, 0, 0, 'rem', [['key', 'value'], ['k2', 'v2']]);
    const told = new Set<string>();
    for (let end = 0; end < header.length; end++) {
      const reason = why(() => read(header.subarray(0, end)));
      if (end < 21) expect(reason).toBe(`binary header length ${end} is outside 21..16777215`);
      else if (end < 24) expect(reason).toBe(`binary header: remark length 3 is outside 0..${end - 21}`);
      else expect(reason).toBe(`binary header: extFields length 24 is outside 0..${end - 24}`);
      told.add(reason);
    }
    // The same with a length of extFields that ends where the bytes do.
    const cut = (bytes: number): string => {
      const copy = Buffer.from(header.subarray(0, 24 + bytes));
      copy.writeInt32BE(bytes, 20);
      return why(() => read(copy));
    };
    expect(Array.from({ length: 25 }, (_, bytes) => cut(bytes))).toEqual([
      'none', 'binary header: 1 bytes left of extFields, an entry has at least 6', 'binary header: extFields key length 3 is outside 0..0', 'binary header: extFields key length 3 is outside 0..1', 'binary header: extFields key length 3 is outside 0..2',
      ...Array<string>(4).fill('binary header: extFields value length of "key" is cut off'), ...[0, 1, 2, 3, 4].map((left) => `binary header: extFields value length 5 of "key" is outside 0..${left}`), 'none',
      'binary header: 1 bytes left of extFields, an entry has at least 6', 'binary header: extFields key length 2 is outside 0..0', 'binary header: extFields key length 2 is outside 0..1',
      ...Array<string>(4).fill('binary header: extFields value length of "k2" is cut off'), ...[0, 1].map((left) => `binary header: extFields value length 2 of "k2" is outside 0..${left}`), 'none',
    ]);
    const changed = (at: number, width: number, value: number): string => {
      const copy = Buffer.from(header);
      copy.writeIntBE(value, at, width);
      return why(() => read(copy));
    };
    expect([changed(13, 4, -1), changed(13, 4, 28), changed(24, 2, -1), changed(29, 4, -1)]).toEqual([
      'binary header: remark length -1 is outside 0..27', 'binary header: remark length 28 is outside 0..27', 'binary header: extFields key length -1 is outside 0..22', 'binary header: extFields value length -1 of "key" is outside 0..15',
    ]);
    const long = plain(1, 0, 0, 0, 0, '', [['k'.repeat(50), 'value']]);
    expect(why(() => read(Buffer.from(long.map((byte, i) => (i === 20 ? byte - 1 : byte)))))).toBe(`binary header: extFields value length 5 of "${'k'.repeat(40)}" is outside 0..4`);
    expect(why(() => decodeCommand(long, 0, long.length, long.length, 2))).toBe('serialization type 2 is outside 0..1 (0 JSON, 1 ROCKETMQ)');
  });
});

describe('fields of typed headers, exactly', () => {
  test('are refused with class, alias, type and value', () => {
    const lock = (text?: string): string => why(() => decodeHeader('QUERY_CONSUMER_OFFSET', new Map([['consumerGroup', 'g'], ['topic', 'T'], ...(text === undefined ? [] : [['queueId', text] as const])])));
    expect(lock()).toBe('Refusal: the custom field QueryConsumerOffsetRequestHeader.queueId (Integer, -2147483648..2147483647) is missing');
    expect(lock('x')).toBe('Refusal: the custom field QueryConsumerOffsetRequestHeader.queueId (Integer, -2147483648..2147483647) cannot be read from "x"');
    expect(lock('9'.repeat(64))).toContain(`cannot be read from "${'9'.repeat(64)}"`);
    expect(lock('9'.repeat(65))).toContain(`cannot be read from "${'9'.repeat(64)}..."`);
    expect(why(() => decodeHeader('SEND_MESSAGE_V2', new Map([['b', 'T'], ['e', 'x']])))).toBe('Refusal: java.lang.NumberFormatException: For input string: "x", SendMessageRequestHeaderV2.e (queueId, Integer, -2147483648..2147483647)');
  });

  test('of an answer that are missing or cannot be read are absent', () => {
    expect(decodeReplyHeader('GET_MAX_OFFSET', new Map([['offset', '5'], ['other', 'x']]))).toEqual({ offset: 5n });
    expect(decodeReplyHeader('GET_MAX_OFFSET', new Map())).toEqual({});
    expect(decodeReplyHeader('GET_MAX_OFFSET', new Map([['offset', 'x']])).offset).toBeUndefined();
  });

  test('of a reply: own ones, then others; none of either', () => {
    expect(encodeReplyHeader(undefined)).toEqual({});
    expect(encodeReplyHeader({ a: undefined, b: false, c: 0 })).toEqual({ b: 'false', c: '0' });
    expect(encodeReplyHeader({ a: 1 }, { a: '2', b: '3' })).toEqual({ a: '2', b: '3' });
    expect(encodeReplyHeader(undefined, { b: '3' })).toEqual({ b: '3' });
  });

  test('of a request of ours, answered or one-way', () => {
    expect(decode(encodeRequest(40, 7))).toMatchObject({ code: 40, opaque: 7, flag: 0, ext: new Map(), body: Buffer.alloc(0) });
    expect(decode(encodeRequest(40, 7, { a: 'b' }, Buffer.from('x')))).toMatchObject({ flag: 0, ext: new Map([['a', 'b']]), body: Buffer.from('x') });
  });
});
