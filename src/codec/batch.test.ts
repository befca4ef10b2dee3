import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BatchCursor, encodeBatch } from './batch.js';
import { parseProperties } from './properties.js';
import { golden, sentBatches } from './testdata/golden.js';

const goldenBatch = Buffer.from(golden('batch.encodeMessage(m1 props={u=v, KEYS=k1, WAIT=true, TAGS=ta})'), 'hex');
const cursor = new BatchCursor();

function elements(bytes: Buffer, start = 0, end = bytes.length): { flag: number; body: string; properties: [string, string][] }[] {
  const found = [];
  cursor.reset(bytes, start, end);
  while (cursor.next()) {
    found.push({
      flag: cursor.flag,
      body: bytes.toString('latin1', cursor.bodyStart, cursor.bodyEnd),
      properties: [...parseProperties(bytes.toString('utf8', cursor.propertiesStart, cursor.propertiesEnd))],
    });
  }
  return found;
}

describe('batch bodies', () => {
  test('are what Apache encodes', () => {
    const properties: [string, string][] = [['u', 'v'], ['KEYS', 'k1'], ['WAIT', 'true'], ['TAGS', 'ta']];
    expect(encodeBatch([{ body: Buffer.from('hello'), properties }]).toString('hex')).toBe(goldenBatch.toString('hex'));
    expect(elements(goldenBatch)).toEqual([{ flag: 0, body: 'hello', properties }]);
  });

  test('of every SDK are read to their end', () => {
    for (const batch of sentBatches) {
      const found = elements(Buffer.from(batch.hex, 'hex'));
      expect([batch.client, cursor.reason, cursor.position]).toEqual([batch.client, '', batch.bytes]);
      expect(found.length).toBeGreaterThan(1);
      for (const element of found) expect(element.body.length).toBeGreaterThan(0);
    }
  });

  test('round trip, anywhere in a buffer', () => {
    const element = fc.record({ flag: fc.integer(), body: fc.uint8Array({ maxLength: 50 }), properties: fc.constant([['a', 'b']] as [string, string][]) });
    fc.assert(
      fc.property(fc.array(element, { maxLength: 6 }), fc.nat(5), (list, pad) => {
        const bytes = Buffer.concat([Buffer.alloc(pad, 1), encodeBatch(list), Buffer.alloc(pad, 2)]);
        const found = elements(bytes, pad, bytes.length - pad);
        expect(cursor.reason).toBe('');
        expect(found).toEqual(list.map(({ flag, body, properties }) => ({ flag, body: Buffer.from(body).toString('latin1'), properties })));
      }),
    );
    expect(() => encodeBatch([{ body: Buffer.alloc(0), properties: [['k', 'v'.repeat(32767)]] }])).toThrow(RangeError);
  });

  test('cut anywhere but between elements they are at fault there', () => {
    const two = Buffer.concat([goldenBatch, goldenBatch]);
    for (let end = 0; end <= two.length; end++) {
      const count = elements(two, 0, end).length;
      expect(count).toBe(Math.floor(end / goldenBatch.length));
      expect([end, cursor.reason === '']).toEqual([end, end % goldenBatch.length === 0]);
      expect(cursor.position).toBe(count * goldenBatch.length);
    }
  });

  test.each<[string, (bytes: Buffer) => void, string]>([
    ['body negative', (bytes) => bytes.writeInt32BE(-5, 16), 'body length -5 is not in 0..35'],
    ['body too large', (bytes) => bytes.writeInt32BE(36, 16), 'body length 36 is not in 0..35'],
    ['body to the very end', (bytes) => bytes.writeInt32BE(35, 16), 'properties length 24834 is not in 0..0'],
    ['properties negative', (bytes) => bytes.writeInt16BE(-1, 25), 'properties length -1 is not in 0..30'],
    ['properties beyond the end', (bytes) => bytes.writeInt16BE(31, 25), 'properties length 31 is not in 0..30'],
    ['properties of which bytes are left over', (bytes) => bytes.writeInt16BE(29, 25), '1 bytes are left, an element has at least 22'],
  ])('say what is wrong: %s', (_name, damage, reason) => {
    const bytes = Buffer.concat([goldenBatch]);
    damage(bytes);
    const whole = elements(bytes);
    expect([cursor.reason, cursor.position]).toEqual([reason, whole.length === 0 ? 0 : 56]);
    expect(cursor.next()).toBe(false);
  });

  test('TOTALSIZE, magic and CRC say nothing: an element ends where its lengths end', () => {
    const plain = elements(Buffer.concat([goldenBatch, goldenBatch]));
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.integer(), (size, magic, crc) => {
        const bytes = Buffer.concat([goldenBatch, goldenBatch]);
        [size, magic, crc].forEach((value, i) => bytes.writeInt32BE(value, i * 4));
        expect(elements(bytes)).toEqual(plain);
        expect([cursor.reason, cursor.position]).toEqual(['', bytes.length]);
      }),
    );
  });

  test('no bytes throw, and no span leaves the range', () => {
    for (let bit = 0; bit < goldenBatch.length * 8; bit++) {
      const flipped = Buffer.concat([goldenBatch, goldenBatch]);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      cursor.reset(flipped, 0, flipped.length);
      while (cursor.next()) expect(cursor.propertiesEnd).toBeLessThanOrEqual(flipped.length);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer(), fc.integer(), (bytes, start, end) => {
        cursor.reset(bytes, start, end);
        while (cursor.next());
      }),
    );
  });
});
