import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compress } from './compression.js';
import { readRecord, RecordView } from './message-record.js';
import { decodeMessage, decodeMessages, encodeMessage, inflateMessage, splitRecords, type StoredMessage } from './stored-message.js';
import { golden, pulledRecords } from './testdata/golden.js';

const goldenMessage: StoredMessage = {
  topic: 'T', queueId: 3, flag: 5, queueOffset: 42, phyOffset: 1000, sysFlag: 0, bornTimestamp: 1700000000000, bornHost: '10.1.2.3:5000',
  storeTimestamp: 1700000000123, storeHost: '10.9.8.7:10911', reconsumeTimes: 2, preparedTransactionOffset: 0,
  body: Buffer.from('hello'), properties: new Map([['a', 'b']]),
};

describe('stored messages', () => {
  test('encode and decode as Apache does', () => {
    const bytes = encodeMessage(goldenMessage);
    expect(bytes.toString('hex')).toBe(golden('stored.V1.ipv4'));
    const view = new RecordView();
    readRecord(view, bytes, 0, bytes.length);
    expect(decodeMessage(view)).toEqual({ ...goldenMessage, storeSize: 101, bodyCrc: 907060870, msgId: golden('offsetMsgId.v4') });
  });

  test('round trip any message', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 60 }).map((s) => Buffer.from(s).toString());
    const value = text.filter((s) => s.length > 0 && !s.includes('\x01') && !s.includes('\x02'));
    const int32 = fc.integer();
    const message = fc.record({
      topic: text, queueId: int32, flag: int32, queueOffset: fc.maxSafeNat(), phyOffset: fc.maxSafeNat(), sysFlag: fc.constantFrom(0, 1, 2, 0x301),
      bornTimestamp: fc.maxSafeInteger(), bornHost: fc.ipV4().map((ip) => `${ip}:80`), storeTimestamp: fc.maxSafeNat(),
      storeHost: fc.constantFrom('1.2.3.4:10911', '2001:db8:0:0:0:0:0:1:10911'), reconsumeTimes: int32, preparedTransactionOffset: fc.maxSafeInteger(),
      body: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      properties: fc.array(fc.tuple(value, value), { maxLength: 5 }).map((pairs) => new Map(pairs)),
    });
    const view = new RecordView();
    fc.assert(
      fc.property(message, fc.boolean(), (original, sealed) => {
        const bytes = encodeMessage(original, sealed);
        expect(readRecord(view, bytes, 0, bytes.length, sealed ? 3 : 1)).toBe('record');
        const decoded = decodeMessage(view);
        if (sealed) decoded.properties.delete('__CRC32#');
        const sysFlag = original.sysFlag | (original.storeHost.startsWith('2001') ? 0x20 : 0);
        expect(decoded).toMatchObject({ ...original, sysFlag });
      }),
    );
  });

  test('say which field cannot be encoded', () => {
    expect(() => encodeMessage({ topic: 'T', bornHost: 'nowhere' })).toThrow('bornHost: expected "ip:port", got "nowhere"');
    expect(() => encodeMessage({ topic: 'T', storeHost: '1.2.3.4:70000' })).toThrow(/storeHost/);
    expect(() => encodeMessage({ topic: 'T'.repeat(40000) })).toThrow(/topic: at most 32767 bytes, not 40000/);
    expect(() => encodeMessage({ topic: 'T', properties: new Map([['k', 'v'.repeat(32767)]]) })).toThrow(/properties: at most 32767/);
  });

  test('an answer of a real broker splits into its messages', () => {
    for (const body of pulledRecords) {
      const bytes = Buffer.from(body.hex, 'hex');
      const { messages, fault } = decodeMessages(bytes);
      expect(fault).toBeUndefined();
      expect(messages.reduce((sum, message) => sum + message.storeSize, 0)).toBe(body.bytes);
      for (const message of messages) {
        expect(message.topic).toMatch(/^[%\w-]+$/);
        expect(message.properties.size).toBeGreaterThan(0);
      }
    }
  });

  test('a cut or foreign tail is a fault with its place, and what stood before is kept', () => {
    const one = encodeMessage(goldenMessage);
    const two = Buffer.concat([one, one]);
    for (let end = 0; end < two.length; end++) {
      const { spans, fault } = splitRecords(two.subarray(0, end));
      expect(spans.length).toBe(Math.floor(end / one.length));
      expect(fault?.position).toBe(end % one.length === 0 ? undefined : spans.length * one.length);
    }
    expect(decodeMessages(Buffer.concat([one, Buffer.alloc(20)])).fault).toEqual({ reason: 'expected a record, found zero bytes', position: one.length });
  });

  test('bodies are inflated on request, within the limit', async () => {
    const body = Buffer.alloc(1000, 'x');
    const message = { ...goldenMessage, sysFlag: 0x301, body: await compress('zlib', body) };
    const inflated = await inflateMessage(message, 1000);
    expect(inflated.ok && [inflated.message.body.equals(body), inflated.message.sysFlag]).toEqual([true, 0x300]);
    expect(await inflateMessage(message, 999)).toEqual({ ok: false, reason: 'zlib: more than 999 bytes' });
    expect(await inflateMessage({ ...message, sysFlag: 0x401 }, 999)).toEqual({ ok: false, reason: 'sysFlag 1025 names an unknown compression' });
    expect(await inflateMessage(goldenMessage, 1)).toEqual({ ok: true, message: goldenMessage });
  });
});
