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
