import { describe, expect, it } from '@jest/globals';
import { crc32 } from 'node:zlib';
import { encodeBatch } from './batch.js';
import { decodeFrame, encodeFrame, FrameSplitter, rawFrame, type FrameInput } from './frame.js';
import { decodeBinaryHeader } from './header-binary.js';
import { decodeProperties, encodeProperties } from './properties.js';
import { decodeRecord, decodeRecords, phyOffsetOf } from './record.js';
import { WireViolation } from './violation.js';

/** What Apache 5.5.0's classes write for one and the same SEND_MESSAGE_V2. */
const sent: FrameInput = {
  code: 310, opaque: 7, language: 'JAVA', version: 513, body: 'hi',
  ext: { a: 'pg', b: 'T', c: 'TBW102', d: 4, e: 1, f: 0, g: 1_700_000_000_000n, h: 0, i: 'KEYS\u0001k1\u0002TAGS\u0001ta\u0002', j: 0, k: false, m: false, n: 'broker-a', l: undefined },
};
const goldenJson = '000001210000011b7b22636f6465223a3331302c226578744669656c6473223a7b2261223a227067222c2262223a2254222c2263223a22544257313032222c2264223a2234222c2265223a2231222c2266223a2230222c2267223a2231373030303030303030303030222c2268223a2230222c2269223a224b4559535c75303030316b315c7530303032544147535c753030303174615c7530303032222c226a223a2230222c226b223a2266616c7365222c226d223a2266616c7365222c226e223a2262726f6b65722d61227d2c22666c6167223a302c226c616e6775616765223a224a415641222c226f7061717565223a372c2273657269616c697a655479706543757272656e74525043223a224a534f4e222c2276657273696f6e223a3531337d6869';
const goldenBinary = '000000b3010000ad0136000201000000070000000000000000000000980001610000000270670001620000000154000163000000065442573130320001640000000134000165000000013100016600000001300001670000000d313730303030303030303030300001680000000130000169000000104b455953016b3102544147530174610200016a000000013000016b0000000566616c736500016d0000000566616c736500016e0000000862726f6b65722d616869';

describe('frames', () => {
  it('are what Apache writes, in both serializations', () => {
    expect(encodeFrame(sent).toString('hex')).toBe(goldenJson);
    expect(encodeFrame({ ...sent, serialize: 'binary' }).toString('hex')).toBe(goldenBinary);
  });

  it.each([['json', goldenJson], ['binary', goldenBinary]] as const)('read back from %s', (serialize, golden) => {
    const command = decodeFrame(Buffer.from(golden, 'hex'));
    expect(command).toMatchObject({ code: 310, opaque: 7, language: 'JAVA', version: 513, flag: 0, remark: undefined, serialize });
    expect(command.ext['g']).toBe('1700000000000');
    expect(command.ext['i']).toBe('KEYS\u0001k1\u0002TAGS\u0001ta\u0002');
    expect(command.body.toString()).toBe('hi');
  });

  it('are found in a stream of single bytes', () => {
    const bytes = Buffer.from(goldenJson + goldenBinary, 'hex');
    const splitter = new FrameSplitter();
    const frames = [...bytes].flatMap((byte) => splitter.push(Buffer.from([byte])));
    expect(frames.map((frame) => frame.toString('hex'))).toEqual([goldenJson, goldenBinary]);
    expect(splitter.pendingBytes).toBe(0);
  });

  it.each([3, 0, -1, 0x7fffffff])('of length %d are a violation before anything is collected', (length) => {
    expect(() => new FrameSplitter().push(rawFrame({ header: '{}', lengthWord: length }))).toThrow(WireViolation);
  });

  it.each(['', 'x', '[]', '1', '{}', '{"code":"1","opaque":1}', '{"code":1}', '{"code":1.5,"opaque":1}', '{"code":1,"opaque":1,"extFields":{"a":1}}', '{"code":1,"opaque":1,"extFields":[]}', '{"code":1,"opaque":1,"remark":{}}'])('with the header %s are a violation', (header) => {
    expect(() => decodeFrame(rawFrame({ header }))).toThrow(WireViolation);
  });

  it('that are cut anywhere are a violation, never another error', () => {
    for (const golden of [goldenJson, goldenBinary]) {
      const header = Buffer.from(golden, 'hex').subarray(8, -2);
      for (let cut = 0; cut < header.length; cut++) {
        expect(() => decodeFrame(rawFrame({ header: header.subarray(0, cut), serializeByte: golden === goldenBinary ? 1 : 0 }))).toThrow(WireViolation);
      }
    }
    expect(() => decodeFrame(rawFrame({ header: '{}', serializeByte: 9 }))).toThrow(/serialize type 9/);
    expect(() => decodeFrame(rawFrame({ header: '{}', headerWord: 0xffffff }))).toThrow(/header of 16777215 bytes/);
    expect(() => decodeBinaryHeader(Buffer.alloc(4))).toThrow(WireViolation);
  });

  it('have 16-bit codes in the binary form, cut as Java cuts them', () => {
    expect(decodeFrame(encodeFrame({ code: 200_050, version: 65_535, serialize: 'binary' }))).toMatchObject({ code: 3442, version: -1 });
  });

  it('may lie', () => {
    expect(rawFrame({ header: 'ab', lengthWord: -1, headerWord: 0x01000063 }).toString('hex')).toBe('ffffffff010000636162');
  });
});

describe('batches and properties', () => {
  it('are what Apache writes', () => {
    expect(encodeBatch([{ body: 'hello', flag: 0, properties: { u: 'v', KEYS: 'k1', WAIT: 'true', TAGS: 'ta' } }]).toString('hex'))
      .toBe('000000390000000000000000000000000000000568656c6c6f001e750176024b455953016b3102574149540174727565025441475301746102');
  });

  it('read back', () => {
    const properties = { KEYS: 'a b', own: 'x=y', empty: '' };
    expect(decodeProperties(encodeProperties(properties))).toEqual(properties);
    expect(decodeProperties('a\u0001b')).toEqual({ a: 'b' });
    expect(decodeProperties('nothing\u0002\u0001x\u0002')).toEqual({});
  });
});

/** A V1 record by hand, from the layout above `record.ts`. */
function record(): Buffer {
  const body = Buffer.from('hallo'); // its CRC-32 has the high bit, which records leave out
  const properties = Buffer.from('TAGS\u0001ta\u0002');
  const out = Buffer.alloc(91 + body.length + 1 + properties.length);
  out.writeInt32BE(out.length, 0);
  out.writeUInt32BE(0xdaa320a7, 4);
  out.writeInt32BE(crc32(body) & 0x7fffffff, 8);
  out.writeInt32BE(3, 12);
  out.writeInt32BE(9, 16);
  out.writeBigInt64BE(12n, 20);
  out.writeBigInt64BE(0x1234n, 28);
  out.writeBigInt64BE(1_700_000_000_000n, 40);
  Buffer.from([10, 0, 0, 1]).copy(out, 48);
  out.writeInt32BE(5555, 52);
  out.writeBigInt64BE(1_700_000_000_001n, 56);
  Buffer.from([127, 0, 0, 1]).copy(out, 64);
  out.writeInt32BE(10911, 68);
  out.writeInt32BE(2, 72);
  out.writeBigInt64BE(-1n, 76);
  out.writeInt32BE(body.length, 84);
  body.copy(out, 88);
  out.writeUInt8(1, 93);
  out.write('T', 94);
  out.writeUInt16BE(properties.length, 95);
  properties.copy(out, 97);
  return out;
}

describe('records', () => {
  it('are read field by field', () => {
    const [message, second] = decodeRecords(Buffer.concat([record(), record()]));
    expect(second).toEqual(message);
    expect(message).toMatchObject({
      topic: 'T', queueId: 3, flag: 9, queueOffset: 12, phyOffset: 0x1234, crcOk: true, bornTimestamp: 1_700_000_000_000, bornHost: '10.0.0.1:5555',
      storeTimestamp: 1_700_000_000_001, storeHost: '127.0.0.1:10911', reconsumeTimes: 2, preparedTransactionOffset: -1,
      msgId: '7F00000100002A9F0000000000001234', properties: { TAGS: 'ta' },
    });
    expect(phyOffsetOf(message?.msgId ?? '')).toBe(0x1234);
    expect(phyOffsetOf('no id')).toBeUndefined();
  });

  it('that are cut or damaged at any byte are a violation or a value, never another error', () => {
    const whole = record();
    for (let cut = 0; cut < whole.length; cut++) expect(() => decodeRecords(whole.subarray(0, cut === 0 ? 3 : cut))).toThrow(WireViolation);
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0xff;
      try {
        decodeRecord(damaged);
      } catch (error) {
        expect(error).toBeInstanceOf(WireViolation);
      }
    }
    const body = Buffer.from(whole);
    body[90] = 0;
    expect(decodeRecord(body).crcOk).toBe(false);
  });
});
