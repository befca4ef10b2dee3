import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Command } from './command.js';
import { Refusal, WireError } from './errors.js';
import { decodeCommand, decodeHeader, encodeCommand, encodeHeader, encodeReplyHeader, encodeRequest } from './header.js';
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
