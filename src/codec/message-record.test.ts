import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hostBytes } from './host-address.js';
import { viewOf } from './int64.js';
import {
  encodeBlank, encodeRecord, locateProperties, patchPhyOffset, patchQueueOffset, patchStoreTimestamp, readRecord, recordCheck, recordCrcBytes, RecordFields,
  recordLength, recordLengthOf, recordMagic, RecordView, sealRecordCrc, storedPropertiesBytes,
} from './message-record.js';
import { crc31 } from './crc32.js';
import { encodeMessage } from './stored-message.js';
import { golden, pulledRecords } from './testdata/golden.js';

const goldenRecord = Buffer.from(golden('stored.V1.ipv4'), 'hex');
const host = (text: string, port: number): Uint8Array => hostBytes(text, port) as Uint8Array;

function goldenFields(): RecordFields {
  const fields = new RecordFields();
  fields.queueId = 3;
  fields.flag = 5;
  fields.queueOffset = 42;
  fields.phyOffset = 1000;
  fields.bornTimestamp = 1700000000000;
  fields.bornHost = host('10.1.2.3', 5000);
  fields.storeTimestamp = 1700000000123;
  fields.storeHost = host('10.9.8.7', 10911);
  fields.reconsumeTimes = 2;
  fields.body = Buffer.from('<<hello>>');
  fields.bodyStart = 2;
  fields.bodyEnd = 7;
  fields.topic = Buffer.from('T');
  fields.properties = Buffer.from('..a\x01b\x02..');
  fields.propertiesStart = 2;
  fields.propertiesEnd = 6;
  return fields;
}

function encode(fields: RecordFields, pos = 0): Buffer {
  const length = recordLengthOf(fields);
  const target = Buffer.alloc(pos + length + 3, 0xee);
  expect(encodeRecord(target, viewOf(target), pos, fields)).toBe(length);
  expect(target.subarray(pos + length).toString('hex')).toBe('eeeeee');
  return target.subarray(pos, pos + length);
}

describe('encodeRecord', () => {
  test('writes the bytes Apache writes', () => {
    expect(encode(goldenFields()).toString('hex')).toBe(goldenRecord.toString('hex'));
    expect(encode(goldenFields(), 17).toString('hex')).toBe(goldenRecord.toString('hex'));
  });

  test('joins the properties of client and broker with a separator only where one is missing', () => {
    const cases: [string, string, string][] = [
      ['a\x01b\x02', 'C\x01d\x02', 'a\x01b\x02C\x01d\x02'],
      ['a\x01b', 'C\x01d\x02', 'a\x01b\x02C\x01d\x02'],
      ['', 'C\x01d\x02', 'C\x01d\x02'],
      ['a\x01b', '', 'a\x01b'],
    ];
    for (const [client, appended, stored] of cases) {
      const fields = goldenFields();
      fields.properties = Buffer.from(client);
      fields.propertiesStart = 0;
      fields.propertiesEnd = client.length;
      fields.appended = Buffer.from(appended);
      expect(storedPropertiesBytes(fields)).toBe(stored.length);
      expect(encode(fields).toString('latin1').endsWith(stored)).toBe(true);
    }
  });

  test('chooses V2 for a topic above 127 bytes and sets the host bits from the hosts', () => {
    const fields = goldenFields();
    fields.sysFlag = 0x20 | 0x1;
    fields.bornHost = host('2001:db8::1', 5000);
    const view = new RecordView();
    for (const [bytes, magic] of [[127, recordMagic.V1], [128, recordMagic.V2], [300, recordMagic.V2]] as const) {
      fields.topic = Buffer.alloc(bytes, 116);
      const record = encode(fields);
      expect([readRecord(view, record, 0, record.length, recordCheck.BODY_CRC), view.magic, view.sysFlag]).toEqual(['record', magic, 0x11]);
      expect(view.topicEnd - view.topicStart).toBe(bytes);
      expect(record.length).toBe(recordLength(20, 8, 5, bytes, 4));
    }
  });

  test('refuses what does not fit, before writing', () => {
    const fields = goldenFields();
    const target = Buffer.alloc(100);
    expect(() => encodeRecord(target, viewOf(target), 0, fields)).toThrow(/101 bytes does not fit 100/);
    fields.appended = Buffer.alloc(32767);
    expect(() => encodeRecord(target, viewOf(target), 0, fields)).toThrow(/32767 bytes, not 32771/);
    fields.appended = Buffer.alloc(0);
    fields.topic = Buffer.alloc(32768);
    expect(() => encodeRecord(target, viewOf(target), 0, fields)).toThrow(/topic has at most 32767/);
    expect(target.every((byte) => byte === 0)).toBe(true);
  });
});

/** CRC-32 bit by bit, and-ed to 31 bits. */
function plainCrc(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) {
    c ^= byte;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  }
  return ~c & 0x7fffffff;
}

/** A record by concatenation, one part after the other. */
function plainRecord(fields: RecordFields): Buffer {
  const int = (bytes: number, value: number | bigint): Buffer => Buffer.from(BigInt.asUintN(8 * bytes, BigInt(value)).toString(16).padStart(2 * bytes, '0'), 'hex');
  const body = fields.body.subarray(fields.bodyStart, fields.bodyEnd);
  const client = Buffer.from(fields.properties.subarray(fields.propertiesStart, fields.propertiesEnd));
  const followed = fields.appended.length > 0 || fields.reserveCrc;
  const properties = Buffer.concat([client, Buffer.alloc(followed && client.length > 0 && client.at(-1) !== 2 ? 1 : 0, 2), fields.appended, Buffer.alloc(fields.reserveCrc ? 20 : 0, 0xee)]);
  const v2 = fields.topic.length > 127;
  const sysFlag = (fields.sysFlag & ~0x30) | (fields.bornHost.length === 20 ? 0x10 : 0) | (fields.storeHost.length === 20 ? 0x20 : 0);
  const rest = Buffer.concat([
    int(4, v2 ? -626843477 : -626843481), int(4, plainCrc(body)), int(4, fields.queueId), int(4, fields.flag), int(8, fields.queueOffset), int(8, fields.phyOffset), int(4, sysFlag), int(8, fields.bornTimestamp), fields.bornHost,
    int(8, fields.storeTimestamp), fields.storeHost, int(4, fields.reconsumeTimes), int(8, fields.preparedTransactionOffset), int(4, body.length), body, int(v2 ? 2 : 1, fields.topic.length), fields.topic, int(2, properties.length), properties,
  ]);
  return Buffer.concat([int(4, rest.length + 4), rest]);
}

describe('records of any fields', () => {
  const int32 = fc.integer();
  const bytesOf = (sizes: readonly number[], max: number): fc.Arbitrary<Uint8Array> => fc.oneof(fc.constantFrom(...sizes), fc.nat(max)).chain((size) => fc.uint8Array({ minLength: size, maxLength: size }));
  const hosts = fc.constantFrom(8, 20).chain((size) => fc.uint8Array({ minLength: size, maxLength: size }));
  const around = fc.tuple(fc.nat(5), fc.nat(5));
  const any = fc.record({
    queueId: int32, flag: int32, queueOffset: fc.maxSafeNat(), phyOffset: fc.maxSafeNat(), sysFlag: int32, bornTimestamp: fc.maxSafeInteger(), bornHost: hosts, storeTimestamp: fc.maxSafeNat(), storeHost: hosts,
    reconsumeTimes: int32, preparedTransactionOffset: fc.maxSafeInteger(), body: bytesOf([0, 1, 96, 97, 191, 192, 193, 194, 300], 250), topic: bytesOf([0, 1, 31, 32, 33, 126, 127, 128, 129, 255, 256, 300], 60),
    properties: bytesOf([0, 1, 3, 4, 127, 128, 129], 150), ends: fc.boolean(), appended: bytesOf([0, 1, 31, 32, 33, 34], 60), reserveCrc: fc.boolean(), bodyAround: around, propertiesAround: around, shared: fc.boolean(), pos: fc.nat(9),
  });

  test('are those of a plain writer, byte for byte, and are read back', () => {
    const view = new RecordView();
    fc.assert(fc.property(any, ({ ends, bodyAround, propertiesAround, shared, pos, ...given }) => {
      const fields = Object.assign(new RecordFields(), given);
      // What the broker adds ends with a separator.
      if (given.appended.length > 0) given.appended[given.appended.length - 1] = 2;
      const client = ends && given.properties.length > 0 ? Buffer.concat([given.properties.subarray(1), Buffer.of(2)]) : given.properties;
      const padded = Buffer.concat([Buffer.alloc(bodyAround[0], 7), given.body, Buffer.alloc(bodyAround[1], 7), Buffer.alloc(propertiesAround[0], 2), client, Buffer.alloc(propertiesAround[1], 2)]);
      const [bodyStart, propertiesStart] = [bodyAround[0], bodyAround[0] + given.body.length + bodyAround[1] + propertiesAround[0]];
      // Body and properties in one buffer, as they come in a frame, or in two.
      Object.assign(fields, { body: padded, bodyStart, bodyEnd: bodyStart + given.body.length, properties: shared ? padded : Buffer.from(padded), propertiesStart, propertiesEnd: propertiesStart + client.length });
      const expected = plainRecord(fields);
      const record = encode(fields, pos);
      if (fields.reserveCrc) expected.fill(0xee, expected.length - 20);
      expect(record.toString('hex')).toBe(expected.toString('hex'));
      expect(storedPropertiesBytes(fields)).toBe(expected.readUInt16BE(expected.length - 2 - storedPropertiesBytes(fields)));
      if (fields.reserveCrc) sealRecordCrc(record, 0, record.length);
      const file = Buffer.concat([Buffer.alloc(pos), record, Buffer.alloc(3, 0xee)]);
      expect([readRecord(view, file, pos, file.length, recordCheck.BODY_CRC | (fields.reserveCrc ? recordCheck.WHOLE_CRC : 0)), view.reason]).toEqual(['record', '']);
      const part = (start: number, end: number): string => file.toString('hex', start, end);
      const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
      expect([part(view.bornHostStart, view.bornHostEnd), part(view.storeHostStart, view.storeHostEnd), part(view.bodyStart, view.bodyEnd), part(view.topicStart, view.topicEnd)]).toEqual([given.bornHost, given.storeHost, given.body, given.topic].map(hex));
      expect([view.pos, view.size, view.propertiesEnd, view.propertiesEnd - view.propertiesStart]).toEqual([pos, record.length, pos + record.length, storedPropertiesBytes(fields)]);
      for (const name of ['queueId', 'flag', 'queueOffset', 'phyOffset', 'bornTimestamp', 'storeTimestamp', 'reconsumeTimes', 'preparedTransactionOffset'] as const) expect([name, view[name]]).toEqual([name, given[name]]);
    }), { numRuns: 60 });
  });

  test('nothing set is a record of zeros', () => {
    expect(encode(new RecordFields()).toString('hex')).toBe(plainRecord(new RecordFields()).toString('hex'));
    expect(recordLengthOf(new RecordFields())).toBe(91);
    expect(encode(new RecordFields()).subarray(12).every((byte) => byte === 0)).toBe(true);
  });

  test('the largest topic and the largest properties are written, and one byte more is refused', () => {
    const fields = goldenFields();
    fields.topic = Buffer.alloc(32767, 't');
    fields.appended = Buffer.alloc(32763, 'p');
    expect(encode(fields).equals(plainRecord(fields))).toBe(true);
    const target = Buffer.alloc(70_000);
    fields.appended = Buffer.alloc(32764, 'p');
    expect(() => encodeRecord(target, viewOf(target), 0, fields)).toThrow('the properties have at most 32767 bytes, not 32768');
    const small = goldenFields();
    expect(encodeRecord(target.subarray(0, 111), viewOf(target), 10, small)).toBe(101);
    expect(() => encodeRecord(target.subarray(0, 110), viewOf(target), 10, small)).toThrow('a record of 101 bytes does not fit 100 bytes');
  });
});

describe('patches', () => {
  test('set one field each', () => {
    for (const born of ['10.1.2.3', '2001:db8::1']) {
      const fields = goldenFields();
      fields.bornHost = host(born, 5000);
      const record = encode(fields);
      const view = viewOf(record);
      patchQueueOffset(view, 0, 2 ** 40 + 1);
      patchPhyOffset(view, 0, 2 ** 50 + 2);
      patchStoreTimestamp(view, 0, 1800000000001);
      fields.queueOffset = 2 ** 40 + 1;
      fields.phyOffset = 2 ** 50 + 2;
      fields.storeTimestamp = 1800000000001;
      expect(record.toString('hex')).toBe(encode(fields).toString('hex'));
    }
  });
});

describe('the CRC property', () => {
  test('has the bytes Apache writes', () => {
    // The digits of 123456, least significant first: the ending that Apache makes for that CRC.
    const digits = Buffer.from(golden('prop.crc32(123456)'), 'hex').toString('latin1');
    expect(digits).toBe('__CRC32#\x016543210000\x02');
    const fields = goldenFields();
    fields.reserveCrc = true;
    const record = encode(fields);
    sealRecordCrc(record, 0, record.length);
    const ending = record.toString('latin1', record.length - recordCrcBytes);
    const value = Number([...ending.slice(9, 19)].reverse().join(''));
    expect(ending).toMatch(/^__CRC32#\x01\d{10}\x02$/);
    expect(value).toBe(crc31(record, 0, record.length - recordCrcBytes));
  });

  test('is checked over the whole record, and missing is as bad as wrong', () => {
    const sealed = encodeMessage({ topic: 'T', body: Buffer.from('hello'), properties: new Map([['a', 'b']]) }, true);
    const view = new RecordView();
    expect(readRecord(view, sealed, 0, sealed.length, recordCheck.WHOLE_CRC)).toBe('record');
    expect(readRecord(view, goldenRecord, 0, goldenRecord.length, recordCheck.WHOLE_CRC)).toBe('bad');
    for (let i = 0; i < sealed.length; i++) {
      const flipped = Buffer.from(sealed);
      flipped[i] = (flipped[i] as number) ^ 0x10;
      expect([i, readRecord(view, flipped, 0, flipped.length, recordCheck.WHOLE_CRC)]).toEqual([i, 'bad']);
    }
  });
});

describe('the CRC property among others', () => {
  const view = new RecordView();
  const judged = (start: string, end: string): string => {
    const fields = goldenFields();
    const text = `${start}__CRC32#\x010000000000${end}`;
    Object.assign(fields, { properties: Buffer.from(text, 'latin1'), propertiesStart: 0, propertiesEnd: text.length });
    // The CRC is that of all but the last 20 bytes, wherever the property stands: its first digit may be one of them and stays 0.
    for (; ; fields.queueId++) {
      const record = encode(fields);
      const digits = [...String(crc31(record, 0, record.length - recordCrcBytes)).padStart(10, '0')].reverse().join('');
      if (!digits.startsWith('0')) continue;
      record.write(digits, record.length - text.length + start.length + 9, 'latin1');
      return readRecord(view, record, 0, record.length, recordCheck.WHOLE_CRC) === 'record' ? 'good' : view.reason;
    }
  };
  const wrong = 'the CRC of the whole record is missing or differs';

  test('is found behind others, and without its separator; the last one counts', () => {
    expect([judged('', ''), judged('a\x01b\x02', '\x02'), judged('a\x01b\x02ccccccccc\x02__CRC32#\x01123\x02', '\x02'), judged('\x02\x02', '\x02'), judged('__CRC32#1234\x02', '')]).toEqual(Array(5).fill('good'));
    expect([judged('a\x01b\x02xx', '\x02'), judged('a', ''), judged('', '1'), judged('', '\x02__CRC32#\x015')]).toEqual(Array(4).fill(wrong));
    // Others behind it that are none: without a value, without 0x01 in its place, with another name.
    expect([judged('', '\x02__CRC32#\x01'), judged('', '\x02__CRC32##1'), judged('', '\x02_xCRC32#\x011'), judged('', '\x02__CRC32!\x011'), judged('', '\x02x_CRC32#\x011')]).toEqual(Array(5).fill('good'));
  });

  test('is checked only when asked for', () => {
    expect(readRecord(view, goldenRecord, 0, goldenRecord.length)).toBe('record');
    expect(readRecord(view, goldenRecord, 0, goldenRecord.length, recordCheck.WHOLE_CRC)).toBe('bad');
    expect(view.reason).toBe(wrong);
    const damaged = Buffer.from(goldenRecord);
    damaged[89] = 0x48;
    expect(readRecord(view, damaged, 0, damaged.length)).toBe('record');
    expect(readRecord(view, damaged, 0, damaged.length, recordCheck.NONE)).toBe('record');
    expect([readRecord(view, damaged, 0, damaged.length, recordCheck.BODY_CRC), view.reason]).toEqual(['bad', 'the body CRC differs']);
  });
});

/** Bytes that nearly are a record. */
const near = fc.uint8Array({ minLength: 91, maxLength: 140 }).map((tail) => {
  const bytes = Buffer.from(tail);
  bytes.writeInt32BE(bytes.length, 0);
  bytes.writeInt32BE((bytes[90] as number) % 2 === 0 ? recordMagic.V1 : recordMagic.V2, 4);
  bytes.fill(0, 20, 24).fill(0, 28, 32).fill(0, 84, 87);
  return bytes;
});

describe('readRecord', () => {
  const view = new RecordView();

  test('reads what Apache wrote', () => {
    expect(readRecord(view, goldenRecord, 0, goldenRecord.length, recordCheck.BODY_CRC)).toBe('record');
    const { size, magic, bodyCrc, queueId, flag, queueOffset, phyOffset, sysFlag, bornTimestamp, storeTimestamp, reconsumeTimes } = view;
    expect({ size, magic, bodyCrc, queueId, flag, queueOffset, phyOffset, sysFlag, bornTimestamp, storeTimestamp, reconsumeTimes }).toEqual({
      size: 101, magic: recordMagic.V1, bodyCrc: 907060870, queueId: 3, flag: 5, queueOffset: 42, phyOffset: 1000, sysFlag: 0,
      bornTimestamp: 1700000000000, storeTimestamp: 1700000000123, reconsumeTimes: 2,
    });
    expect(goldenRecord.toString('latin1', view.bodyStart, view.bodyEnd)).toBe('hello');
    expect(goldenRecord.toString('latin1', view.topicStart, view.topicEnd)).toBe('T');
    expect(goldenRecord.toString('latin1', view.propertiesStart, view.propertiesEnd)).toBe('a\x01b\x02');
    expect(goldenRecord.toString('hex', view.bornHostStart, view.bornHostEnd)).toBe('0a01020300001388');
    expect(goldenRecord.toString('hex', view.storeHostStart, view.storeHostEnd)).toBe('0a09080700002a9f');
  });

  test('the records in real answers encode back to the same bytes', () => {
    let records = 0;
    for (const body of pulledRecords) {
      const bytes = Buffer.from(body.hex, 'hex');
      for (let pos = 0; pos < bytes.length; pos += view.size) {
        expect([body.client, view.reason, readRecord(view, bytes, pos, bytes.length, recordCheck.BODY_CRC)]).toEqual([body.client, '', 'record']);
        const fields = new RecordFields();
        for (const name of ['queueId', 'flag', 'queueOffset', 'phyOffset', 'sysFlag', 'bornTimestamp', 'storeTimestamp', 'reconsumeTimes', 'preparedTransactionOffset'] as const) {
          fields[name] = view[name];
        }
        fields.bornHost = bytes.subarray(view.bornHostStart, view.bornHostEnd);
        fields.storeHost = bytes.subarray(view.storeHostStart, view.storeHostEnd);
        fields.topic = bytes.subarray(view.topicStart, view.topicEnd);
        fields.body = fields.properties = bytes;
        fields.bodyStart = view.bodyStart;
        fields.bodyEnd = view.bodyEnd;
        fields.propertiesStart = view.propertiesStart;
        fields.propertiesEnd = view.propertiesEnd;
        expect(encode(fields).toString('hex')).toBe(bytes.toString('hex', pos, pos + view.size));
        records++;
      }
    }
    expect(records).toBeGreaterThan(50);
  });

  test('every truncation is bad, wherever the bytes end', () => {
    const records = [goldenRecord, encodeMessage({ topic: 't'.repeat(200), bornHost: '[::1]:1', storeHost: '[::1]:2', body: Buffer.alloc(150) })];
    for (const record of records) {
      for (let end = 0; end < record.length; end++) {
        expect([end, readRecord(view, record, 0, end)]).toEqual([end, 'bad']);
        expect(readRecord(view, Buffer.from(record.subarray(0, end)), 0, record.length)).toBe('bad');
      }
      expect(readRecord(view, record, 0, record.length)).toBe('record');
    }
  });

  test('flipped bits never throw, never read past the end, and are found by the body CRC in the body', () => {
    const record = encodeMessage({ topic: 'Topic', bornHost: '[::1]:1', body: Buffer.from('0123456789'), properties: new Map([['k', 'v']]) });
    readRecord(view, record, 0, record.length);
    const { bodyStart, bodyEnd } = view;
    for (let bit = 0; bit < record.length * 8; bit++) {
      const flipped = Buffer.concat([record, record]);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      const outcome = readRecord(view, flipped, 0, record.length, recordCheck.BODY_CRC);
      if (outcome === 'record') expect(view.propertiesEnd).toBeLessThanOrEqual(record.length);
      else expect(view.reason).not.toBe('');
      if (bit >> 3 >= bodyStart && bit >> 3 < bodyEnd) expect(outcome).toBe('bad');
    }
  });

  test('random bytes never throw', () => {
    fc.assert(fc.property(near, fc.nat(3), (bytes, checks) => void readRecord(view, bytes, 0, bytes.length, checks)), { numRuns: 2000 });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), fc.integer(), fc.integer(), (bytes, pos, end) => {
      readRecord(view, bytes, pos, end, 3);
    }));
  });

  test('blanks and bytes never written', () => {
    const file = Buffer.alloc(64);
    expect(readRecord(view, file, 0, 64)).toBe('zero');
    expect(readRecord(view, file, 57, 64)).toBe('bad');
    encodeBlank(viewOf(file), 10, 54);
    expect([readRecord(view, file, 10, 64), view.size]).toEqual(['blank', 54]);
    // The writer of a file's tail: CommitLog's remaining length and BLANK_MAGIC_CODE.
    expect(file.toString('hex', 10, 18)).toBe('00000036cbd43194');
    expect(readRecord(view, file, 10, 63)).toBe('bad');
    encodeBlank(viewOf(file), 10, 7);
    expect([readRecord(view, file, 10, 64), view.reason]).toEqual(['bad', 'a blank has at least 8 bytes, not 7']);
  });

  test.each<[string, (bytes: Buffer) => void, RegExp]>([
    ['magic', (bytes) => bytes.writeInt32BE(7, 4), /unknown magic 7/],
    ['size below the least', (bytes) => bytes.writeInt32BE(90, 0), /at least 91 bytes, not 90/],
    ['negative size', (bytes) => bytes.writeInt32BE(-1, 0), /at least 91 bytes, not -1/],
    ['size one too small', (bytes) => bytes.writeInt32BE(100, 0), /does not add up/],
    ['size one too large', (bytes) => bytes.writeInt32BE(102, 0), /has only 101/],
    ['body length', (bytes) => bytes.writeInt32BE(-1, 84), /body length -1/],
    ['body length huge', (bytes) => bytes.writeInt32BE(0x7fffffff, 84), /body length 2147483647/],
    ['topic length', (bytes) => bytes.writeInt8(-1, 93), /topic length -1/],
    ['properties longer', (bytes) => bytes.writeInt16BE(5, 95), /properties length 5/],
    ['properties shorter', (bytes) => bytes.writeInt16BE(3, 95), /properties length 3 does not add up/],
    ['properties negative', (bytes) => bytes.writeInt16BE(-1, 95), /properties length -1/],
    ['queue offset', (bytes) => bytes.writeInt32BE(-1, 20), /queue offset/],
    ['phy offset', (bytes) => bytes.writeInt32BE(0x200000, 28), /physical offset/],
    ['store time', (bytes) => bytes.writeInt32BE(0x200000, 56), /store timestamp/],
    ['crc', (bytes) => bytes.writeInt32BE(1, 8), /body CRC/],
  ])('says what is wrong: %s', (_name, damage, reason) => {
    const bytes = Buffer.from(goldenRecord);
    damage(bytes);
    expect(readRecord(view, bytes, 0, bytes.length, recordCheck.BODY_CRC)).toBe('bad');
    expect(view.reason).toMatch(reason);
  });

  test('a fresh view stands on nothing; one that found something bad says where, and no size unless that was one', () => {
    const { bytes, view: none, reason, ...numbers } = new RecordView();
    expect([bytes.length, none.byteLength, reason, ...new Set(Object.values(numbers))]).toEqual([0, 0, '', 0]);
    const padded = Buffer.concat([Buffer.alloc(17), goldenRecord]);
    expect([readRecord(view, padded, 17, padded.length), view.pos, view.size]).toEqual(['record', 17, 101]);
    expect([readRecord(view, padded, 18, padded.length), view.pos, view.size]).toEqual(['bad', 18, 0]);
    expect([readRecord(view, padded, 17, padded.length - 1), view.reason]).toEqual(['bad', 'a record of 101 bytes has only 100']);
    expect([readRecord(view, padded, 0, padded.length), view.size, view.reason]).toEqual(['zero', 0, '']);
    for (const [pos, end] of [[-1, 101], [0, 102], [94, 101], [101, 101], [5, 2]] as const) expect([pos, readRecord(view, goldenRecord, pos, end), view.reason]).toEqual([pos, 'bad', 'fewer than 8 bytes are left']);
    expect([readRecord(view, goldenRecord, 93, 101), view.reason]).toEqual(['bad', 'unknown magic 1627480578']);
    encodeBlank(viewOf(padded), 3, 8);
    expect([readRecord(view, padded, 3, 11), view.size, view.pos]).toEqual(['blank', 8, 3]);
    encodeBlank(viewOf(padded), 3, 9);
    expect([readRecord(view, padded, 3, 11), view.size, view.reason]).toEqual(['bad', 0, 'a blank of 9 bytes has only 8']);
  });

  test('a record begins with its size and magic both zero only where nothing was written', () => {
    const half = Buffer.alloc(100);
    half.writeInt32BE(recordMagic.V1, 4);
    expect([readRecord(view, half, 0, 100), view.reason]).toEqual(['bad', 'a record has at least 91 bytes, not 0']);
    half.writeInt32BE(0, 4);
    half.writeInt32BE(91, 0);
    expect([readRecord(view, half, 0, 100), view.reason]).toEqual(['bad', 'unknown magic 0']);
  });

  test('lengths of body and topic are bounded by what the parts behind them need, to the byte', () => {
    for (const [topic, magic, width] of [['T', recordMagic.V1, 1], ['t'.repeat(130), recordMagic.V2, 2]] as const) {
      const fields = goldenFields();
      fields.topic = Buffer.from(topic);
      const record = encode(fields);
      expect(record.readInt32BE(4)).toBe(magic);
      const behindBody = record.length - 88;
      for (let length = -2; length <= record.length; length++) {
        const bytes = Buffer.from(record);
        bytes.writeInt32BE(length, 84);
        const outcome = readRecord(view, bytes, 0, bytes.length);
        const fits = length >= 0 && length <= behindBody - width - 2;
        expect([length, !view.reason.startsWith('body length')]).toEqual([length, fits]);
        if (!fits) expect([outcome, view.reason]).toEqual(['bad', `body length ${length} does not fit the record`]);
        expect(locateProperties(new RecordView(), bytes, 0, bytes.length)).toBe(outcome === 'record');
      }
      const topicAt = 93;
      for (let length = -2; length <= 127; length++) {
        const bytes = Buffer.from(record);
        if (width === 1) bytes.writeInt8(length, topicAt);
        else bytes.writeInt16BE(length + 8, topicAt);
        const given = width === 1 ? length : length + 8;
        const outcome = readRecord(view, bytes, 0, bytes.length);
        const fits = given >= 0 && given <= bytes.length - topicAt - width - 2;
        expect([given, !view.reason.startsWith('topic length')]).toEqual([given, fits]);
        if (!fits) expect([outcome, view.reason]).toEqual(['bad', `topic length ${given} does not fit the record`]);
      }
    }
  });

  test('with the largest hosts fixed fields alone have 112 bytes', () => {
    for (const [size, reason] of [[91, 'the record ends within its fixed fields'], [111, 'the record ends within its fixed fields'], [112, 'body length 0 does not fit the record'], [114, 'body length 0 does not fit the record'], [115, '']] as const) {
      const bytes = Buffer.alloc(size);
      bytes.writeInt32BE(size, 0);
      bytes.writeInt32BE(recordMagic.V1, 4);
      bytes.writeInt32BE(0x30, 36);
      expect([size, readRecord(view, bytes, 0, size), view.reason]).toEqual([size, reason === '' ? 'record' : 'bad', reason]);
      expect(locateProperties(new RecordView(), bytes, 0, size)).toBe(reason === '');
    }
  });

  test.each([['the queue offset', 20], ['the physical offset', 28], ['the store timestamp', 56]])('%s is any safe integer, none beyond', (name, at) => {
    for (const [value, good] of [[0n, true], [2n ** 53n - 1n, true], [2n ** 53n, false], [-1n, false], [2n ** 62n, false]] as const) {
      const bytes = Buffer.from(goldenRecord);
      bytes.writeBigInt64BE(value, at);
      expect([value, readRecord(view, bytes, 0, bytes.length), view.reason]).toEqual([value, good ? 'record' : 'bad', good ? '' : `${name} is not in 0..2^53-1`]);
    }
  });

  test('any born timestamp is read, since Apache stores what producers claim', () => {
    const bytes = Buffer.from(goldenRecord);
    bytes.writeBigInt64BE(-(2n ** 63n), 40);
    expect([readRecord(view, bytes, 0, bytes.length), view.bornTimestamp]).toEqual(['record', -(2 ** 63)]);
  });
});

describe('locateProperties', () => {
  const [whole, located] = [new RecordView(), new RecordView()];
  const records = [goldenRecord, encodeMessage({ topic: 't'.repeat(200), bornHost: '[::1]:1', storeHost: '[::1]:2', body: Buffer.alloc(50), properties: new Map([['k', 'v']]) })];

  /** It finds the span that the whole reader finds, and refuses what that one refuses but for numbers it does not look at. */
  function agrees(bytes: Uint8Array, pos: number, end: number): void {
    const found = locateProperties(located, bytes, pos, end);
    const isRecord = readRecord(whole, bytes, pos, end) === 'record';
    if (found && !isRecord) expect(whole.reason).toMatch(/is not in 0\.\.2\^53-1$/);
    else expect(found).toBe(isRecord);
    if (!isRecord) return;
    expect([located.propertiesStart, located.propertiesEnd]).toEqual([whole.propertiesStart, whole.propertiesEnd]);
  }

  test('agrees with readRecord on records, every truncation and every flipped bit of theirs', () => {
    for (const record of records) {
      for (let end = 0; end <= record.length; end++) agrees(record, 0, end);
      for (let bit = 0; bit < record.length * 8; bit++) {
        const flipped = Buffer.concat([record, record]);
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        agrees(flipped, 0, record.length);
        agrees(flipped, record.length, flipped.length);
      }
    }
    expect(locateProperties(located, goldenRecord, 0, goldenRecord.length)).toBe(true);
  });

  test('agrees with readRecord whatever length a body says it has', () => {
    for (const record of records) {
      expect(readRecord(whole, record, 0, record.length)).toBe('record');
      const lengthAt = whole.bodyStart - 4;
      for (let length = -1; length <= record.length; length++) {
        const bytes = Buffer.from(record);
        bytes.writeInt32BE(length, lengthAt);
        agrees(bytes, 0, bytes.length);
      }
    }
  });

  test('agrees with readRecord on random bytes', () => {
    fc.assert(fc.property(near, (bytes) => agrees(bytes, 0, bytes.length)), { numRuns: 2000 });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), fc.integer(), fc.integer(), (bytes, pos, end) => agrees(bytes, pos, end)));
  });
});
