/** The compiled loops against the plain ones of this folder: the same bytes, keys and entries, or a refusal to lay anything out. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { javaHashOfBytes } from '../compat/java-string-hash.js';
import { encodeBatch as batchBody, BatchCursor } from './batch.js';
import { readConsumeQueueUnit } from './consume-queue-unit.js';
import { HeaderScan, resolvedProperties } from './header-scan.js';
import {
  canEncode, claimRecords, encodeBatch, encodeStaged, laidOut, measureBatch, readBytes, recordBytes, recordView, scanHeader, stagedBytesMax, unstage,
} from './hot-path.js';
import { encodeRecord, recordLengthOf, RecordFields } from './message-record.js';
import { PropertyScan, scanProperties } from './properties.js';
import { withHostBits } from './sys-flag.js';

const owner = { settle: () => undefined };
const keySeed = -77;
const tagSeed = 1234;

/** Property strings as clients send them, and as they should not. */
const name = fc.oneof(fc.constantFrom('KEYS', 'TAGS', 'UNIQ_KEY', 'WAIT', 'KEY', 'TAGSX', 'UNIQ_KEYS', ''), fc.string({ maxLength: 20 }));
const value = fc.oneof(fc.constantFrom('a b', ' a  b ', 'true', ''), fc.stringMatching(/^[0-9A-F]{32}$/), fc.string({ maxLength: 60 }), fc.string({ unit: 'grapheme', maxLength: 6 }));
const propertyString = fc.oneof(
  fc.array(fc.tuple(name, value), { maxLength: 6 }).map((all) => all.map(([k, v]) => `${k}\u0001${v}\u0002`).join('')),
  fc.array(fc.constantFrom('\u0001', '\u0002', 'KEYS', 'TAGS', 'a', ' ', 'UNIQ_KEY'), { maxLength: 14 }).map((all) => all.join('')),
);
const int32 = fc.integer({ min: -2147483648, max: 2147483647 });
const host = fc.oneof(fc.uint8Array({ minLength: 8, maxLength: 8 }), fc.uint8Array({ minLength: 20, maxLength: 20 }));
const common = {
  topic: fc.oneof(fc.string({ minLength: 1, maxLength: 127 }), fc.stringMatching(/^[a-z]{128,255}$/)).map((text) => Buffer.from(text).subarray(0, 255)),
  queueId: int32, sysFlag: int32, bornTimestamp: fc.maxSafeInteger(), storeTimestamp: fc.maxSafeNat(), reconsumeTimes: int32,
  phyOffset: fc.maxSafeNat().map((n) => Math.min(n, Number.MAX_SAFE_INTEGER - 2 ** 32)), queueOffset: fc.maxSafeNat().map((n) => Math.min(n, 2 ** 50)),
  bornHost: host, storeHost: host,
};

/** What an index takes of one property string, in its order (`KeyIndex#add`); undefined when some of it is not ASCII. */
function keysOf(bytes: Uint8Array, start: number, end: number): { hashes: number[]; tagsCode: number } | undefined {
  const scan = new PropertyScan();
  scanProperties(scan, bytes, start, end);
  const hashes: number[] = [];
  const spans: [number, number, number][] = [];
  if (scan.uniqKeyEnd > scan.uniqKeyStart) spans.push([keySeed, scan.uniqKeyStart, scan.uniqKeyEnd]);
  for (let from = scan.keysStart; from >= 0 && from < scan.keysEnd;) {
    let to = from;
    while (to < scan.keysEnd && bytes[to] !== 0x20) to++;
    if (to > from) spans.push([keySeed, from, to]);
    from = to + 1;
  }
  if (scan.tagsEnd > scan.tagsStart) spans.push([tagSeed, scan.tagsStart, scan.tagsEnd]);
  for (const [seed, from, to] of spans) {
    if (bytes.subarray(from, to).some((byte) => byte >= 0x80)) return undefined;
    hashes.push(javaHashOfBytes(seed, bytes, from, to));
  }
  return { hashes, tagsCode: scan.tagsStart < 0 ? 0 : javaHashOfBytes(0, bytes, scan.tagsStart, scan.tagsEnd) };
}

/** Puts bytes where the compiled loops see them: as a socket's read does, or staged by a scan of a buffer of their own. */
function place(bytes: Buffer, at: number, shared: boolean): { body: Buffer; start: number } {
  if (shared) {
    bytes.copy(readBytes, at);
    return { body: readBytes, start: at };
  }
  const body = Buffer.concat([Buffer.from('{"code":1}'.padEnd(at + 10)), bytes]);
  scanHeader(body, 0, 10);
  return { body, start: at + 10 };
}

function fieldsOf(input: { [K in keyof typeof common]: (typeof common)[K] extends fc.Arbitrary<infer T> ? T : never }): RecordFields {
  return Object.assign(new RecordFields(), input, { sysFlag: withHostBits(input.sysFlag, input.bornHost.length, input.storeHost.length) });
}

describe('batches', () => {
  const elements = fc.array(fc.record({ flag: int32, body: fc.uint8Array({ maxLength: 300 }), properties: propertyString }), { minLength: 1, maxLength: 30 });

  test('records, units and keys are those of the plain loops', () => {
    let plain = 0;
    fc.assert(fc.property(fc.record(common), elements, fc.nat(100), fc.nat(5000), fc.boolean(), (input, list, at, pos, shared) => {
      const parts = list.map(({ flag, body, properties }) => {
        const head = batchBody([{ flag, body }]);
        const text = Buffer.from(properties);
        head.writeInt16BE(text.length, head.length - 2);
        return Buffer.concat([head, text]);
      });
      const placed = place(Buffer.concat(parts), at, shared);
      const fields = fieldsOf(input);
      fields.body = fields.properties = placed.body;
      fields.bodyStart = placed.start;
      fields.bodyEnd = placed.start + Buffer.concat(parts).length;

      const expected: Buffer[] = [];
      const keys: number[] = [];
      const elementsOfKeys: number[] = [];
      const units: unknown[] = [];
      const cursor = new BatchCursor();
      const single = fieldsOf(input);
      single.body = single.properties = placed.body;
      let ascii = true;
      cursor.reset(placed.body, fields.bodyStart, fields.bodyEnd);
      for (let i = 0; cursor.next(); i++) {
        Object.assign(single, {
          flag: cursor.flag, bodyStart: cursor.bodyStart, bodyEnd: cursor.bodyEnd, propertiesStart: cursor.propertiesStart, propertiesEnd: cursor.propertiesEnd,
        });
        const bytes = Buffer.alloc(recordLengthOf(single));
        encodeRecord(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, single);
        const found = keysOf(placed.body, cursor.propertiesStart, cursor.propertiesEnd);
        if (found === undefined) ascii = false;
        else {
          keys.push(...found.hashes);
          elementsOfKeys.push(...found.hashes.map(() => i));
          units.push({ phyOffset: single.phyOffset, size: bytes.length, tagsCode: BigInt(found.tagsCode) });
        }
        expected.push(bytes);
        single.phyOffset += bytes.length;
        single.queueOffset++;
      }
      const whole = Buffer.concat(expected);
      claimRecords(owner);
      expect(measureBatch(fields, 1000)).toBe(whole.length);
      expect(laidOut.batch[0]).toBe(list.length);
      recordBytes.fill(0xee, 0, pos + whole.length + 64);
      const laid = encodeBatch(pos, fields, true, keySeed, tagSeed);
      expect(laid).toBe(ascii);
      if (!laid) return;
      plain++;
      expect(recordBytes.subarray(pos, pos + whole.length).equals(whole)).toBe(true);
      expect(recordBytes.subarray(0, pos).every((byte) => byte === 0xee)).toBe(true);
      expect([...laidOut.lengths.subarray(0, list.length)]).toEqual(expected.map((each) => each.length));
      expect([...laidOut.keyHashes.subarray(0, laidOut.batch[1])]).toEqual(keys);
      expect([...laidOut.keyElements.subarray(0, laidOut.batch[1])]).toEqual(elementsOfKeys);
      const view = new DataView(laidOut.units.buffer, laidOut.units.byteOffset, list.length * 20);
      expect(list.map((_, i) => readConsumeQueueUnit(view, i * 20))).toEqual(units);
    }), { numRuns: 300 });
    expect(plain).toBeGreaterThan(20);
  });

  test('what is malformed, too large or not staged is left to the plain loops', () => {
    const good = batchBody([{ body: Buffer.from('one') }, { body: Buffer.from('two'), properties: [['TAGS', 'a']] }]);
    const measure = (bytes: Buffer, bodyBytesMax = 1000): number => {
      const { body, start } = place(bytes, 0, true);
      return measureBatch({ ...fieldsOf({ ...zeros }), body, bodyStart: start, bodyEnd: start + bytes.length }, bodyBytesMax);
    };
    const zeros = {
      topic: Buffer.from('t'), queueId: 0, sysFlag: 0, bornTimestamp: 0, storeTimestamp: 0, reconsumeTimes: 0, phyOffset: 0, queueOffset: 0,
      bornHost: new Uint8Array(8), storeHost: new Uint8Array(8),
    };
    expect(measure(good)).toBe(2 * 92 + 6 + 7);
    for (let end = 1; end < good.length; end++) {
      const cut = measure(good.subarray(0, end));
      // A cut between two elements is a smaller batch.
      if (end === 25) expect(cut).toBe(95);
      else expect(cut).toBe(0);
    }
    expect(measure(good, 2)).toBe(0);
    for (const [at, bytes] of [[16, [0xff, 0xff, 0xff, 0xff]], [16, [0x7f, 0xff, 0xff, 0xff]], [23, [0xff, 0xff]], [23, [0x7f, 0xff]]] as const) {
      const bad = Buffer.from(good);
      bad.set(bytes, at);
      expect(measure(bad)).toBe(0);
    }
    expect(measure(Buffer.concat(Array.from({ length: 4097 }, () => batchBody([{ body: Buffer.alloc(0) }]))))).toBe(0);
    expect(measure(Buffer.concat(Array.from({ length: 4096 }, () => batchBody([{ body: Buffer.alloc(0) }]))))).toBe(4096 * 92);
    const alone = Buffer.from(good);
    expect(measureBatch({ ...fieldsOf(zeros), body: alone, bodyStart: 0, bodyEnd: alone.length }, 1000)).toBe(0);
  });
});

describe('single messages', () => {
  test('the record and its keys are those of the plain loops', () => {
    fc.assert(fc.property(
      fc.record(common), fc.uint8Array({ maxLength: 600 }), propertyString, fc.constantFrom('', 'MSG_REGION\u0001DefaultRegion\u0002', 'x'), int32, fc.maxSafeInteger(), fc.nat(70), fc.nat(900), fc.boolean(),
      (input, body, text, appended, flag, prepared, at, pos, shared) => {
        const placed = place(Buffer.from(body), at, shared);
        const fields = fieldsOf(input);
        Object.assign(fields, { body: placed.body, bodyStart: placed.start, bodyEnd: placed.start + body.length, flag, preparedTransactionOffset: prepared });
        fields.properties = resolvedProperties;
        fields.propertiesEnd = resolvedProperties.write(text, 0);
        fields.appended = Buffer.from(appended);
        const expected = Buffer.alloc(recordLengthOf(fields));
        encodeRecord(expected, new DataView(expected.buffer, expected.byteOffset, expected.length), 0, fields);
        claimRecords(owner);
        expect(canEncode(fields)).toBe(true);
        const found = keysOf(resolvedProperties, 0, fields.propertiesEnd);
        expect(encodeStaged(pos, fields, true, keySeed, tagSeed)).toBe(found === undefined ? -1 : found.hashes.length);
        if (found !== undefined) expect([...laidOut.keyHashes.subarray(0, found.hashes.length)]).toEqual(found.hashes);
        expect(recordBytes.subarray(pos, pos + expected.length).toString('hex')).toBe(expected.toString('hex'));
        expect(encodeStaged(pos, fields, false, keySeed, tagSeed)).toBe(0);
      },
    ), { numRuns: 300 });
  });

  test('the view is of the same bytes', () => {
    claimRecords(owner);
    recordView.setInt32(4, 0x01020304);
    expect([...recordBytes.subarray(4, 8)]).toEqual([1, 2, 3, 4]);
  });
});

describe('the memory', () => {
  test('records of one log are settled before another gets the room', () => {
    const order: string[] = [];
    const first = { settle: () => void order.push('first') };
    const second = { settle: () => void order.push('second') };
    claimRecords(first);
    claimRecords(first);
    claimRecords(second);
    claimRecords(first);
    claimRecords(owner);
    expect(order).toEqual(['first', 'second', 'first']);
  });

  test('a buffer that changes is scanned anew when it says so, the shared one always', () => {
    const scan = new HeaderScan();
    const header = (code: number): string => `{"code":${code}}`;
    const own = Buffer.from(header(10));
    expect(scan.scan(own, 0, own.length) && scan.code).toBe(10);
    own.write(header(20));
    unstage(own);
    expect(scan.scan(own, 0, own.length) && scan.code).toBe(20);
    for (const code of [30, 40]) {
      readBytes.write(header(code), 7);
      expect(scan.scan(readBytes, 7, 7 + own.length) && scan.code).toBe(code);
    }
  });

  test('a header in a buffer too large to be staged', () => {
    const scan = new HeaderScan();
    const text = '{"code":10,"extFields":{"a":"\\u0041bc","bc":"2"}}';
    const large = Buffer.concat([Buffer.alloc(stagedBytesMax), Buffer.from(text), Buffer.alloc(99)]);
    expect(scan.scan(large, stagedBytesMax, stagedBytesMax + text.length)).toBe(true);
    expect([scan.key(0), scan.text(0), scan.key(1), scan.text(1)]).toEqual(['a', 'Abc', 'bc', '2']);
    expect(resolvedProperties.toString('latin1', 0, scan.properties(0))).toBe('Abc');
    const body = { ...new RecordFields(), body: large, properties: resolvedProperties };
    expect(canEncode(body)).toBe(false);
    expect(scan.scan(Buffer.from(`{"code":10,"x":"${'y'.repeat(stagedBytesMax)}"}`), 0, stagedBytesMax + 18)).toBe(false);
  });
});
