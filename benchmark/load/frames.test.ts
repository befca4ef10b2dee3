import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createGroupFrame, createTopicFrame, FrameRun, FrameTemplate, pullFrame, type SendShape } from './frames.js';

interface Parsed {
  readonly header: { readonly code: number; readonly opaque: number; readonly extFields: Record<string, string> };
  readonly body: Buffer;
}

function parse(frame: Buffer): Parsed {
  expect(frame.readInt32BE(0)).toBe(frame.length - 4);
  const word = frame.readUInt32BE(4);
  expect(word >>> 24).toBe(0);
  const headerBytes = word & 0xffffff;
  return { header: JSON.parse(frame.toString('utf8', 8, 8 + headerBytes)) as Parsed['header'], body: frame.subarray(8 + headerBytes) };
}

function propertiesOf(text: string): Record<string, string> {
  return Object.fromEntries(text.split('\u0002').filter((part) => part !== '').map((part) => part.split('\u0001') as [string, string]));
}

function elementsOf(body: Buffer): { body: Buffer; properties: Record<string, string> }[] {
  const elements = [];
  for (let at = 0; at < body.length; ) {
    const size = body.readInt32BE(at);
    const bodyBytes = body.readInt32BE(at + 16);
    const propertiesBytes = body.readInt16BE(at + 20 + bodyBytes);
    expect(size).toBe(22 + bodyBytes + propertiesBytes);
    const propertiesAt = at + 22 + bodyBytes;
    elements.push({ body: body.subarray(at + 20, at + 20 + bodyBytes), properties: propertiesOf(body.toString('utf8', propertiesAt, propertiesAt + propertiesBytes)) });
    at += size;
  }
  return elements;
}

const KEY_PREFIX = '0123456789ABCDEF01234567';
const shape = (over: Partial<SendShape>): SendShape => ({ topic: 'TopicA', producerGroup: 'group', bodyBytes: 128, batch: 1, keys: false, keyPrefix: KEY_PREFIX, ...over });
const hex8 = (value: number): string => (value >>> 0).toString(16).toUpperCase().padStart(8, '0');

describe('send frames', () => {
  test('a patched frame is a SEND_MESSAGE_V2 with what was patched and nothing else changed', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 3 }),
        fc.integer({ min: 10_000_000, max: 99_999_999 }),
        fc.nat({ max: 9 }),
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.integer({ min: 1_000_000_000_000, max: 9_999_999_999_999 }),
        fc.boolean(),
        (index, opaque, queueId, key, bornMs, keys) => {
          const template = new FrameTemplate(shape({ keys }));
          const run = new FrameRun(template, 4);
          template.bornAt(bornMs);
          run.patch(index, 12_345_678, 9, 77);
          run.patch(index, opaque, queueId, key);
          const { header, body } = parse(run.bytes.subarray(index * run.frameBytes, (index + 1) * run.frameBytes));
          expect(header).toMatchObject({ code: 310, opaque, flag: 0, language: 'JAVA', serializeTypeCurrentRPC: 'JSON' });
          const { i: properties, ...fields } = header.extFields;
          expect(fields).toEqual({ a: 'group', b: 'TopicA', c: 'TBW102', d: '4', e: String(queueId), f: '0', g: String(bornMs), h: '0', j: '0', k: 'false', m: 'false', n: 'broker-a' });
          const uniqueKey = KEY_PREFIX + hex8(key);
          expect(propertiesOf(properties ?? '')).toEqual({ UNIQ_KEY: uniqueKey, WAIT: 'true', TAGS: 'TagA', ...(keys ? { KEYS: uniqueKey } : {}) });
          expect(body.length).toBe(128);
          const others = [0, 1, 2, 3].filter((other) => other !== index);
          for (const other of others) expect(run.bytes.subarray(other * run.frameBytes, (other + 1) * run.frameBytes).equals(template.frame)).toBe(true);
        },
      ),
    );
  });

  test.each([2, 32, 256])('a batch of %i has a key of its own in each element', (batch) => {
    const run = new FrameRun(new FrameTemplate(shape({ batch })), 1);
    run.patch(0, 20_000_000, 3, 0xfffffffe);
    const { header, body } = parse(run.bytes);
    expect(header).toMatchObject({ code: 320, opaque: 20_000_000 });
    expect(header.extFields).toMatchObject({ e: '3', m: 'true' });
    const elements = elementsOf(body);
    expect(elements.map(({ properties }) => properties['UNIQ_KEY'])).toEqual(Array.from({ length: batch }, (_, i) => KEY_PREFIX + hex8(0xfffffffe + i)));
    for (const element of elements) expect(element.body.length).toBe(128);
  });

  test('a stamp is the first eight bytes of the first body', () => {
    for (const batch of [1, 4]) {
      const run = new FrameRun(new FrameTemplate(shape({ batch })), 2);
      run.stamp(1, 1234.5);
      const { body } = parse(run.bytes.subarray(run.frameBytes));
      const first = batch === 1 ? body : elementsOf(body)[0]?.body;
      expect(first?.readDoubleBE(0)).toBe(1234.5);
    }
  });

  test('a shape that no frame can carry is refused by name', () => {
    expect(() => new FrameTemplate(shape({ keyPrefix: 'abc' }))).toThrow(/keyPrefix/);
    expect(() => new FrameTemplate(shape({ batch: 0 }))).toThrow(/batch/);
    expect(() => new FrameTemplate(shape({ bodyBytes: 7 }))).toThrow(/bodyBytes/);
  });
});

test('frames for pulls, topics and groups say what they ask for', () => {
  const pull = parse(pullFrame({ topic: 'T', consumerGroup: 'G', maxMsgNums: 32, suspendTimeoutMs: 0 }, 7, 2, 123)).header;
  expect(pull).toMatchObject({ code: 11, opaque: 7 });
  expect(pull.extFields).toMatchObject({ topic: 'T', consumerGroup: 'G', queueId: '2', queueOffset: '123', maxMsgNums: '32', sysFlag: '4', subscription: '*' });
  expect(parse(pullFrame({ topic: 'T', consumerGroup: 'G', maxMsgNums: 1, suspendTimeoutMs: 15_000 }, 7, 2, 0)).header.extFields['sysFlag']).toBe('6');
  expect(parse(createTopicFrame('T', 4, 1)).header).toMatchObject({ code: 17, extFields: { topic: 'T', readQueueNums: '4', writeQueueNums: '4', perm: '6' } });
  const group = parse(createGroupFrame('G', 3));
  expect(group.header).toMatchObject({ code: 200, opaque: 3 });
  expect(JSON.parse(group.body.toString())).toEqual({ groupName: 'G' });
});
