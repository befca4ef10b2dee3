/** Compressed registrations against a plain writer of their parts, and a topic's text form. */
import { describe, expect, test } from '@jest/globals';
import { deflateSync, inflateSync } from 'node:zlib';
import { versions } from '../compat/versions.js';
import { registerBrokerBody } from './bodies.js';
import type { TopicConfig } from './bodies.js';
import { Refusal } from './errors.js';
import { decodeRegisterBrokerBody, encodeCompressedRegisterBrokerBody, parseTopicText, registrationBytesMax, topicText } from './register-broker-body.js';
import { responseCodes } from './responses.js';

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    expect(error.code).toBe(responseCodes.SYSTEM_ERROR);
    return error.message;
  }
  return 'none';
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const part = (text: string): Buffer => Buffer.concat([int32(Buffer.byteLength(text)), Buffer.from(text)]);
const version = '{"counter":3,"stateVersion":1,"timestamp":1700000000000}';
const mapping = (topic: string | null): string => `{"bname":"b","currIdMap":{0:1},"dirty":false,"epoch":2,"scope":"__global__","topic":${JSON.stringify(topic)},"totalQueues":8}`;
/** The inflated form; `mappings` of undefined leaves them out. */
function inflatedForm(topics: readonly string[], filters: string, mappings: readonly string[] | undefined): Buffer {
  return Buffer.concat([part(version), int32(topics.length), ...topics.map(part), part(filters), ...(mappings === undefined ? [] : [int32(mappings.length), ...mappings.map(part)])]);
}
const topics = ['T 4 8 6 SINGLE_TAG {"+message.type":"FIFO"}', 'Ünï 1 2 4 MULTI_TAG {}'];
const whole = inflatedForm(topics, '["f1:1","f2:2"]', [mapping('T'), mapping(null)]);
const decoded = (bytes: Buffer, brokerVersion: number = versions.V5_0_0, bytesMax?: number): ReturnType<typeof decodeRegisterBrokerBody> => decodeRegisterBrokerBody(deflateSync(bytes), true, brokerVersion, bytesMax);

describe('a compressed registration', () => {
  test('is read part by part; a mapping without a topic is dropped', () => {
    const { filterServerList, topicConfigSerializeWrapper: wrapper } = decoded(whole);
    expect(filterServerList).toEqual(['f1:1', 'f2:2']);
    expect(wrapper.dataVersion).toEqual({ counter: 3, stateVersion: 1, timestamp: 1700000000000 });
    expect([...wrapper.topicConfigTable]).toEqual([
      ['T', { topicName: 'T', readQueueNums: 4, writeQueueNums: 8, perm: 6, topicFilterType: 'SINGLE_TAG', attributes: new Map([['+message.type', 'FIFO']]), order: false, topicSysFlag: 0 }],
      ['Ünï', { topicName: 'Ünï', readQueueNums: 1, writeQueueNums: 2, perm: 4, topicFilterType: 'MULTI_TAG', attributes: new Map(), order: false, topicSysFlag: 0 }],
    ]);
    expect([...wrapper.topicQueueMappingInfoMap.keys()]).toEqual(['T']);
    expect(wrapper.topicQueueMappingInfoMap.get('T')).toMatchObject({ topic: 'T', bname: 'b', epoch: 2, totalQueues: 8 });
    expect(wrapper.topicQueueMappingDetailMap).toEqual(new Map());
  });

  test('is written as it was read, at the best compression', () => {
    const written = encodeCompressedRegisterBrokerBody(decoded(inflatedForm(topics, '["f1:1","f2:2"]', [mapping('T')])));
    expect(written[1]).toBe(0xda);
    const again = inflateSync(written);
    expect(again.toString('utf8', 0, 150)).toBe(inflatedForm(topics, '["f1:1","f2:2"]', []).toString('utf8', 0, 150));
    expect(decodeRegisterBrokerBody(written, true, versions.V5_0_0)).toEqual(decoded(inflatedForm(topics, '["f1:1","f2:2"]', [mapping('T')])));
  });

  test('has mappings from 5.0.0 on', () => {
    const without = inflatedForm(topics, '[]', undefined);
    expect(decoded(without, versions.V5_0_0 - 1).topicConfigSerializeWrapper.topicQueueMappingInfoMap.size).toBe(0);
    expect(decoded(whole, versions.V5_0_0 - 1).topicConfigSerializeWrapper.topicQueueMappingInfoMap.size).toBe(0);
    expect(decoded(whole, versions.V5_0_0).topicConfigSerializeWrapper.topicQueueMappingInfoMap.size).toBe(1);
    expect(refusal(() => decoded(without))).toBe('RegisterBrokerBody: ends before the count of topicQueueMappingInfoMap');
  });

  test('with filter servers that cannot be read has none', () => {
    for (const filters of ['', 'null', '{}', '[', '"x"']) expect(decoded(inflatedForm([], filters, [])).filterServerList).toEqual([]);
    expect(decoded(inflatedForm([], '["a",5,null,"b"]', [])).filterServerList).toEqual(['a', 'b']);
  });

  test('cut at any byte names the part it ends in', () => {
    const ends = new Set<string>();
    for (let end = 0; end < whole.length; end++) {
      const why = refusal(() => decoded(whole.subarray(0, end)));
      expect(why).toMatch(/^RegisterBrokerBody: (ends before the (count|length) of \w+|(count|length) of \w+ \d+ is outside 0\.\.\d+)$/);
      ends.add(why.replace(/ \d+ is outside.*/, ''));
    }
    expect([...ends].map((why) => why.slice('RegisterBrokerBody: '.length))).toEqual([
      'ends before the length of dataVersion', 'length of dataVersion', 'ends before the count of topics', 'count of topics', 'length of topic', 'ends before the length of topic', 'ends before the length of filterServerList',
      'length of filterServerList', 'ends before the count of topicQueueMappingInfoMap', 'count of topicQueueMappingInfoMap', 'length of topicQueueMappingInfo', 'ends before the length of topicQueueMappingInfo',
    ]);
  });

  test('holds no more parts, and no longer ones, than its bytes', () => {
    const head = part(version);
    const counted = (count: number, left: number): string => refusal(() => decoded(Buffer.concat([head, int32(count), Buffer.alloc(left)])));
    expect(counted(-1, 8)).toBe('RegisterBrokerBody: count of topics -1 is outside 0..2');
    expect(counted(3, 8)).toBe('RegisterBrokerBody: count of topics 3 is outside 0..2');
    expect(counted(3, 11)).toBe('RegisterBrokerBody: count of topics 3 is outside 0..2');
    expect(counted(2, 8)).toBe('RegisterBrokerBody: a topic has at least 5 parts, this one has 1');
    const long = (length: number): string => refusal(() => decoded(Buffer.concat([int32(length), Buffer.alloc(5, 'x')])));
    expect(long(-1)).toBe('RegisterBrokerBody: length of dataVersion -1 is outside 0..5');
    expect(long(6)).toBe('RegisterBrokerBody: length of dataVersion 6 is outside 0..5');
    expect(long(5)).toMatch(/^DataVersion is not readable JSON/);
  });

  test('inflates to the limit and not beyond, and must be a zlib stream', () => {
    expect(registrationBytesMax).toBe(4 * 16 * 1024 * 1024);
    expect(refusal(() => decoded(whole, versions.V5_0_0, whole.length))).toBe('none');
    expect(refusal(() => decoded(whole, versions.V5_0_0, whole.length - 1))).toBe(`RegisterBrokerBody: inflates to more than ${whole.length - 1} bytes`);
    expect(refusal(() => decodeRegisterBrokerBody(Buffer.from('nothing'), true, 513))).toMatch(/^RegisterBrokerBody: is not a zlib stream: .*incorrect header check$/);
  });

  test('that is not compressed is the JSON form', () => {
    const value = decoded(whole);
    expect(decodeRegisterBrokerBody(registerBrokerBody.encode(value), false, 513)).toEqual(registerBrokerBody.decode(registerBrokerBody.encode(value)));
    expect(refusal(() => decodeRegisterBrokerBody(Buffer.from('[]'), false, 513))).toBe('RegisterBrokerBody must be an object, not a list');
  });
});

describe('a topic as text', () => {
  const config: TopicConfig = { topicName: 'T', readQueueNums: 1, writeQueueNums: 2, perm: 6, topicFilterType: 'SINGLE_TAG', attributes: new Map([['a', 'b']]), order: false, topicSysFlag: 0 };

  test('is written and read', () => {
    expect(topicText(config)).toBe('T 1 2 6 SINGLE_TAG {"a":"b"}');
    expect(topicText({ ...config, topicName: undefined, attributes: new Map() })).toBe('null 1 2 6 SINGLE_TAG {}');
    expect(parseTopicText('T 1 2 6 SINGLE_TAG {"a":"b"}')).toEqual(config);
    expect(parseTopicText('T -1 2147483647 6 MULTI_TAG')).toEqual({ ...config, readQueueNums: -1, writeQueueNums: 2147483647, topicFilterType: 'MULTI_TAG', attributes: new Map() });
  });

  test('keeps of its attributes those that are texts, and none that cannot be read', () => {
    for (const [attributes, kept] of [['{"a":"b","c":5,"d":null,"e":"f"}', ['a', 'e']], ['{', []], ['[]', []], ['"x"', []], ['null', []], ['', []], ['{"a":"b c"}', []], ['{{"k":1}:"x","y":"z"}', ['y']]] as const) {
      expect([attributes, [...parseTopicText(`T 1 2 6 SINGLE_TAG ${attributes}`).attributes.keys()]]).toEqual([attributes, kept]);
    }
  });

  test.each([
    ['', 'a topic has at least 5 parts, this one has 1'], ['T 1 2 6', 'a topic has at least 5 parts, this one has 4'], [' 1 2 6 SINGLE_TAG', 'a topic has at least 5 parts, this one has 5'],
    ['T 1 2 6 single_tag', 'topicFilterType of a topic is neither SINGLE_TAG nor MULTI_TAG'], ['T x 2 6 SINGLE_TAG', 'readQueueNums of a topic is outside -2147483648..2147483647'],
    ['T 1 2147483648 6 SINGLE_TAG', 'writeQueueNums of a topic is outside -2147483648..2147483647'], ['T 1 2  SINGLE_TAG', 'perm of a topic is outside -2147483648..2147483647'],
  ])('%j is refused', (line, why) => {
    expect(refusal(() => parseTopicText(line))).toBe(`RegisterBrokerBody: ${why}`);
  });
});
