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

// ---- a plain writer of the wire format

const varint = (value: number | bigint): Buffer => {
  const bytesOf: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytesOf.push(Number(rest & 127n) + 128);
  return Buffer.from([...bytesOf, Number(rest)]);
};
const tag = (number: number, wireType: number): Buffer => varint(number * 8 + wireType);
const sized = (number: number, data: Buffer | string): Buffer => Buffer.concat([tag(number, 2), varint(Buffer.byteLength(data)), Buffer.from(data as string)]);
const number = (field: number, value: number | bigint): Buffer => Buffer.concat([tag(field, 0), varint(value)]);
const fixed32 = (field: number, value: number): Buffer => {
  const data = Buffer.alloc(4);
  data.writeFloatLE(value);
  return Buffer.concat([tag(field, 5), data]);
};

const Far = message({ far: string(16), farther: int32(2047), farthest: bool(2048), flags: many(bool(3)), longs: many(int64(4)), reals: many(float(5)), limit: bytes(536_870_911) });
const Holder = message({ inner: of(1, message({ a: string(1), n: int32(2), maybe: optional(int32(3)), list: many(string(4)), map: stringMap(5), deep: of(6, Inner), flag: bool(7), data: bytes(8), real: float(9) })) });

const refusalOf = (data: Buffer): string => {
  try {
    Everything.decode(data);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return error.message;
  }
  return 'read';
};

describe('against a plain writer', () => {
  it('every kind of field is written in the order of its declaration, and read in any', () => {
    const numbers = [0, 1, -1, 127, 128, 16_383, 16_384, 2 ** 21, 2 ** 28 - 1, 2 ** 28, 2 ** 31 - 1, -(2 ** 31), -128];
    for (const [i, small] of numbers.entries()) {
      for (const length of [0, 64, 65, 128]) {
        const large = [0, 2 ** 32 - 1, 2 ** 32, 2 ** 35 - 1, 2 ** 35, 2 ** 42, 2 ** 49 + 5, -(2 ** 33), Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER][i % 10] as number;
        const value = {
          text: 'é'.repeat(length), data: Buffer.alloc(length, 0xff), small, large, flag: i % 2 === 0, real: small / 4, inner: { name: 'n'.repeat(length), count: large }, maybe: i % 3 === 0 ? undefined : 'm'.repeat(length),
          texts: ['', 'x'.repeat(length)], numbers: numbers.slice(0, i), inners: [{ name: '', count: undefined }, { name: 'y', count: 0 }], map: new Map([['', ''], ['k'.repeat(length), 'é'.repeat(length)]]), blobs: [Buffer.alloc(0), Buffer.alloc(length, 1)],
        };
        const inner = (one: { name: string; count: number | undefined }): Buffer => Buffer.concat([one.name === '' ? noBytes : sized(1, one.name), one.count === undefined ? noBytes : number(2, one.count)]);
        const noBytes = Buffer.alloc(0);
        const parts = [
          length === 0 ? noBytes : sized(1, value.text), length === 0 ? noBytes : sized(2, value.data), small === 0 ? noBytes : number(3, small), large === 0 ? noBytes : number(4, large), value.flag ? number(5, 1) : noBytes,
          small === 0 ? noBytes : fixed32(6, small / 4), sized(7, inner(value.inner)), value.maybe === undefined ? noBytes : sized(8, value.maybe), ...value.texts.map((one) => sized(9, one)),
          i === 0 ? noBytes : sized(10, Buffer.concat(value.numbers.map(varint))), ...value.inners.map((one) => sized(11, inner(one))),
          ...[...value.map].map(([key, text]) => sized(12, Buffer.concat([sized(1, key), sized(2, text)]))), ...value.blobs.map((one) => sized(13, one)),
        ];
        expect(Everything.encode(value).toString('hex')).toBe(Buffer.concat(parts).toString('hex'));
        expect(Everything.encode(value, 3).subarray(3).toString('hex')).toBe(Buffer.concat(parts).toString('hex'));
        const read = { ...value, real: Math.fround(value.real) };
        expect(Everything.decode(Buffer.concat(parts))).toEqual(read);
        expect(Everything.decode(Buffer.concat([...parts.slice(7), ...parts.slice(0, 7)]))).toEqual(read);
      }
    }
  });

  it('numbers of fields up to the largest, and lists of flags, longs and floats', () => {
    const value = { far: 'a', farther: 5, farthest: true, flags: [true, false, true], longs: [1, -1, 2 ** 40], reals: [0.5, 0, -2], limit: Buffer.from('z') };
    const parts = [sized(16, 'a'), number(2047, 5), number(2048, 1), sized(3, Buffer.from([1, 0, 1])), sized(4, Buffer.concat([1, -1, 2 ** 40].map(varint))), fixed32(5, 0.5), fixed32(5, 0), fixed32(5, -2), sized(536_870_911, 'z')];
    expect(Far.encode(value).toString('hex')).toBe(Buffer.concat(parts).toString('hex'));
    expect(Far.decode(Buffer.concat(parts))).toEqual(value);
    expect(Far.decode(Buffer.concat([number(3, 1), number(3, 0), number(4, 7), ...parts]))).toEqual({ ...value, flags: [true, false, ...value.flags], longs: [7, ...value.longs] });
    expect(Far.encode({ flags: [], longs: [], reals: [], limit: Buffer.alloc(0) })).toHaveLength(0);
  });

  it('numbers of more bits than their kind: an int32 takes the lower ones, a flag any, a length none', () => {
    const varints = [[0n, 0, false], [1n, 1, true], [2n ** 31n, -(2 ** 31), true], [2n ** 32n, 0, true], [2n ** 35n + 5n, 5, true], [2n ** 63n, 0, true], [2n ** 64n - 1n, -1, true]] as const;
    for (const [value, small, flag] of varints) {
      const read = Everything.decode(Buffer.concat([number(3, value), number(5, value)]));
      expect([value, read.small, read.flag]).toEqual([value, small, flag]);
      const long = BigInt.asIntN(64, value);
      expect(Everything.decode(number(4, value)).large).toBe(long < BigInt(Number.MIN_SAFE_INTEGER) ? Number.MIN_SAFE_INTEGER : Number(long));
    }
    // Written longer than need be.
    expect(Everything.decode(Buffer.from('18858080808000' + '2081808080808080808000', 'hex'))).toMatchObject({ small: 5, large: 1 });
    for (const [value, read] of [[2n ** 53n - 1n, 2 ** 53 - 1], [2n ** 53n, 2 ** 53 - 1], [-(2n ** 53n) + 1n, -(2 ** 53) + 1], [-(2n ** 53n), -(2 ** 53) + 1], [2n ** 63n - 1n, 2 ** 53 - 1]] as const) expect(Everything.decode(number(4, value)).large).toBe(read);
  });

  it('unknown fields of every wire type are passed over, and known ones that come with another', () => {
    const others = [Buffer.concat([tag(99, 1), Buffer.alloc(8, 0xff)]), Buffer.concat([tag(99, 5), Buffer.alloc(4, 0xff)]), sized(99, 'unknown'), number(99, 2n ** 64n - 1n), sized(3, 'a'), sized(6, 'abcd'), number(1, 300), Buffer.concat([tag(7, 5), Buffer.alloc(4)]), number(12, 1), number(9, 1), fixed32(10, 1), number(2, 7)];
    for (const one of others) expect(Everything.decode(Buffer.concat([one, number(3, 5), one]))).toEqual(Everything.decode(number(3, 5)));
    const entry = Buffer.concat([number(1, 5), sized(2, 'v'), sized(3, 'x'), Buffer.concat([tag(4, 1), Buffer.alloc(8)]), sized(1, 'k'), sized(2, 'w')]);
    expect(Everything.decode(sized(12, entry)).map).toEqual(new Map([['k', 'w']]));
    expect(Everything.decode(Buffer.concat([sized(12, ''), sized(12, sized(2, 'v')), sized(12, sized(1, 'k'))])).map).toEqual(new Map([['', 'v'], ['k', '']]));
  });

  it('a message field that came twice: what came of the second wins, zeros too, lists and maps follow each other, messages are joined', () => {
    const first = Buffer.concat([sized(1, 'a'), number(2, 5), number(3, 0), sized(4, 'x'), sized(5, Buffer.concat([sized(1, 'k'), sized(2, '1')])), sized(6, sized(1, 'n')), number(7, 1), sized(8, 'data'), fixed32(9, 1.5)]);
    const second = Buffer.concat([number(2, 6), sized(4, 'y'), sized(5, Buffer.concat([sized(1, 'j'), sized(2, '2')])), sized(5, Buffer.concat([sized(1, 'k'), sized(2, '3')])), sized(6, number(2, 9))]);
    const twice = (...ones: Buffer[]): unknown => Holder.decode(Buffer.concat(ones.map((one) => sized(1, one)))).inner;
    const joined = { a: 'a', n: 6, maybe: 0, list: ['x', 'y'], map: new Map([['k', '3'], ['j', '2']]), deep: { name: 'n', count: 9 }, flag: true, data: Buffer.from('data'), real: 1.5 };
    expect(twice(first, second)).toEqual(joined);
    expect(twice(second, first)).toEqual({ ...joined, n: 5, list: ['y', 'x'], map: new Map([['j', '2'], ['k', '1']]) });
    expect(twice(first, Buffer.concat([sized(1, ''), number(2, 0), number(3, 0), number(7, 0), sized(8, ''), fixed32(9, 0)]))).toEqual({ ...(twice(first) as object), a: '', n: 0, flag: false, data: Buffer.alloc(0), real: 0 });
    expect(twice(first, Buffer.alloc(0))).toEqual(twice(first));
    expect(twice(Buffer.alloc(0), first)).toEqual(twice(first));
    expect(twice(first, Buffer.concat([sized(1, 'b'), number(3, 8), sized(8, 'more'), fixed32(9, -1)]))).toEqual({ ...(twice(first) as object), a: 'b', maybe: 8, data: Buffer.from('more'), real: -1 });
  });

  it('a text is UTF-8 whatever its length', () => {
    for (const length of [0, 1, 60, 62, 63, 64, 65, 66, 200]) {
      const text = 'a'.repeat(length);
      for (const [read, end] of [['', ''], ['é', 'é'], ['\u007f', '\u007f']] as const) expect(Everything.decode(sized(1, text + read)).text).toBe(text + end);
      for (const damaged of [[0x80], [0xff], [0xc3], [0xed, 0xa0, 0x80]]) expect(refusalOf(sized(1, Buffer.concat([Buffer.from(text), Buffer.from(damaged)])))).toBe('protobuf: a string that is no UTF-8');
    }
  });
});

describe('what a WireError says', () => {
  it.each([
    ['00', 'field number 0'], ['07', 'field number 0'], ['0b', 'wire type 3'], ['0c', 'wire type 4'], ['0e', 'wire type 6'], ['9f06', 'wire type 7'], ['1b', 'wire type 3'],
    ['0a', 'the message ends in a varint'], ['18', 'the message ends in a varint'], ['1880', 'the message ends in a varint'], ['80', 'the message ends in a varint'], ['980680', 'the message ends in a varint'],
    ['18ffffffffffffffffff8001', 'a varint of more than ten bytes'], ['1880808080808080808080', 'a varint of more than ten bytes'],
    ['0a01', 'a field of 1 bytes where 0 are left'], ['0a0361', 'a field of 3 bytes where 1 are left'], ['120261', 'a field of 2 bytes where 1 are left'], ['9a060261', 'a field of 2 bytes where 1 are left'], ['3a0261', 'a field of 2 bytes where 1 are left'],
    ['0a8080808010', 'a field of 0 bytes where 0 are left'], ['52028080', 'the message ends in a varint'], ['5203800180', 'the message ends in a varint'], ['6203 0a0261', 'a field of 2 bytes where 1 are left'], ['6201 0a', 'the message ends in a varint'],
    ['6202 0b00', 'wire type 3'], ['3a03 0a0261', 'a field of 2 bytes where 1 are left'], ['3a01 18', 'the message ends in a varint'], ['3a0135000000 00', 'the message ends in a number of fixed size'],
    ['35000000', 'the message ends in a number of four bytes'], ['35', 'the message ends in a number of four bytes'], ['9d06000000', 'the message ends in a number of fixed size'], ['990600000000000000', 'the message ends in a number of fixed size'],
    ['3500000000', 'read'], ['9d0600000000', 'read'], ['99060000000000000000', 'read'], ['0a00', 'read'], ['1880808080808080808001', 'read'], ['3a00', 'read'], ['6200', 'read'],
  ])('%s: %s', (hex, why) => {
    expect(refusalOf(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toBe(why === 'read' ? why : `protobuf: ${why}`);
  });
});
