import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { WireError } from './errors.js';
import { encoding, grpcCode, grpcMethods, messageType, permission, QueryRouteResponse, SendMessageRequest, Settings } from './grpc-messages.js';
import { bool, bytes, float, int32, int64, many, message, of, optional, string, stringMap } from './protobuf.js';

/** A SendMessageRequest of rocketmq-client-nodejs 1.0.8, and a QueryRouteResponse of Apache's proxy 5.5.0. */
const sent = Buffer.from('0a520a081206546f706963541a420a065461674e67541a2230313032464330303030303030313737453330423134413539323030303030303031280130043a0c0892978cd80610c0fda7e6014202766d22027478', 'hex');
const route = Buffer.from('0a0808a09c0112024f4b12300a081206546f7069634e1804221f0a0862726f6b65722d611a130801120f0a093132372e302e302e3110b1db012a010112320a081206546f7069634e10011804221f0a0862726f6b65722d611a130801120f0a093132372e302e302e3110b1db012a0101', 'hex');

const Inner = message({ name: string(1), count: optional(int64(2)) });
const Everything = message({
  text: string(1), data: bytes(2), small: int32(3), large: int64(4), flag: bool(5), real: float(6), inner: of(7, Inner), maybe: optional(string(8)),
  texts: many(string(9)), numbers: many(int32(10)), inners: many(of(11, Inner)), map: stringMap(12), blobs: many(bytes(13)),
});

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const blob = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const inner = fc.record({ name: text, count: fc.option(fc.maxSafeInteger(), { nil: undefined }) });
const everything = fc.record({
  text, data: blob, small: fc.integer(), large: fc.maxSafeInteger(), flag: fc.boolean(), real: fc.float({ noNaN: true }).map((x) => x + 0), inner: fc.option(inner, { nil: undefined }),
  maybe: fc.option(text, { nil: undefined }), texts: fc.array(text, { maxLength: 4 }), numbers: fc.array(fc.integer(), { maxLength: 5 }), inners: fc.array(inner, { maxLength: 3 }),
  map: fc.uniqueArray(fc.tuple(text, text), { maxLength: 4, selector: ([key]) => key }).map((entries) => new Map(entries)), blobs: fc.array(blob, { maxLength: 3 }),
});

describe('protobuf', () => {
  it('reads and writes what a client sent and a proxy answered, byte for byte', () => {
    const request = SendMessageRequest.decode(sent);
    expect(request.messages[0]).toMatchObject({ topic: { name: 'TopicT', resourceNamespace: '' }, body: Buffer.from('tx') });
    expect(request.messages[0]?.systemProperties).toMatchObject({
      tag: 'TagNgT', messageId: '0102FC0000000177E30B14A59200000001', bodyEncoding: encoding.IDENTITY, messageType: messageType.TRANSACTION, bornHost: 'vm', queueOffset: undefined, keys: [],
    });
    expect(SendMessageRequest.encode(request)).toEqual(sent);
    const answer = QueryRouteResponse.decode(route);
    expect(answer.status).toEqual({ code: grpcCode.OK, message: 'OK' });
    expect(answer.messageQueues.map((queue) => [queue.id, queue.permission, queue.acceptMessageTypes])).toEqual([[0, permission.READ_WRITE, [messageType.NORMAL]], [1, permission.READ_WRITE, [messageType.NORMAL]]]);
    expect(QueryRouteResponse.encode(answer)).toEqual(route);
  });

  it('keeps any value through a round trip, with room for a prefix', () => {
    fc.assert(fc.property(everything, (value) => {
      const data = Everything.encode(value, 5);
      expect(Everything.decode(data.subarray(5))).toEqual(value);
    }));
  });

  it('gives absent fields their defaults, and knows absence where it is declared', () => {
    expect(Everything.decode(Buffer.alloc(0))).toEqual({
      text: '', data: Buffer.alloc(0), small: 0, large: 0, flag: false, real: 0, inner: undefined, maybe: undefined, texts: [], numbers: [], inners: [], map: new Map(), blobs: [],
    });
    expect(Everything.encode({ text: '', small: 0, maybe: '' })).toEqual(Buffer.from('4200', 'hex'));
  });

  it('passes over unknown fields, takes the last of a field, and joins messages that came twice', () => {
    expect(Everything.decode(Buffer.from('a03807' + '9a380178' + '1801' + '1805', 'hex')).small).toBe(5);
    expect(Everything.decode(Buffer.from('3a030a0161' + '3a021007', 'hex')).inner).toEqual({ name: 'a', count: 7 });
    expect(Everything.decode(Buffer.from('0801', 'hex')).text).toBe('');
  });

  it('reads lists of numbers packed and one by one', () => {
    expect(Everything.decode(Buffer.from('5203010203' + '5004', 'hex')).numbers).toEqual([1, 2, 3, 4]);
  });

  it('holds 64-bit numbers to the safe integers', () => {
    expect(Everything.decode(Buffer.from('20ffffffffffffffff7f', 'hex')).large).toBe(Number.MAX_SAFE_INTEGER);
    expect(Everything.decode(Buffer.from('20808080808080808080' + '01', 'hex')).large).toBe(Number.MIN_SAFE_INTEGER);
    expect(Everything.decode(Buffer.from('20ffffffffffffffffff01', 'hex')).large).toBe(-1);
  });

  it.each([
    ['a string that is no UTF-8', '0a03c328a0'], ['a field longer than the message', '0aff01'], ['a length of more than 4 GiB', '0affffffffff7f'], ['a length of more than 2 GiB, which as an int32 leads back to its own tag', '0afaffffff0f'],
    ['a varint of eleven bytes', '18ffffffffffffffffffff01'], ['an end in a tag', '9a'], ['a group', '0b'], ['field number 0', '0001'], ['a cut fixed32', '350000'],
  ])('refuses %s with a WireError', (_name, hex) => {
    expect(() => Everything.decode(Buffer.from(hex, 'hex'))).toThrow(WireError);
  });

  it('gives a value or a WireError for any bytes, in every message of the schema', () => {
    const types = Object.values(grpcMethods).flatMap((method) => [method.request, method.answer]);
    fc.assert(fc.property(blob, fc.constantFrom(...types), (data, type) => {
      try {
        type.decode(data);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }), { numRuns: 2000 });
  });

  it('gives a value or a WireError for every cut and every changed byte of a message', () => {
    const whole = Settings.encode({ clientType: 1, publishing: { topics: [{ name: 'a' }, { name: 'b' }] }, requestTimeout: { seconds: 3 }, userAgent: { language: 8, version: '1' } });
    for (let at = 0; at < whole.length; at++) {
      for (const data of [whole.subarray(0, at), Buffer.from(whole.map((byte, i) => (i === at ? byte ^ 0xff : byte)))]) {
        try {
          Settings.decode(data);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }
    }
  });
});
