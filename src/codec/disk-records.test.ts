import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { batchConsumeQueueUnitBytes, readBatchConsumeQueueUnit, setBatchConsumeQueueUnit } from './batch-consume-queue-unit.js';
import { checkpointBytes, encodeCheckpoint, readCheckpoint } from './checkpoint-record.js';
import { encodeExtUnit, readExtUnit } from './consume-queue-ext-unit.js';
import {
  consumeQueueUnitBytes, extAddress, extPosition, isExtAddress, isUnitWritten, readConsumeQueueUnit, setConsumeQueueUnit, setUnitTagsCodeBig,
  unitPhyOffset, unitSize, unitTagsCode, unitTagsCodeBig,
} from './consume-queue-unit.js';
import { indexEntryPosition, indexFileBytes, indexSeconds, indexSlotPosition, readIndexEntry, readIndexHeader, setIndexEntry, setIndexHeader } from './index-header.js';
import { getInt64, isOffset, setInt64, viewOf } from './int64.js';

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

describe('int64', () => {
  test('safe integers have the bytes of a bigint, and come back', () => {
    const view = new DataView(new ArrayBuffer(16));
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        setInt64(view, 3, value);
        expect(view.getBigInt64(3)).toBe(BigInt(value));
        expect(getInt64(view, 3)).toBe(value);
      }),
    );
  });

  test('no other int64 passes for an offset', () => {
    const view = new DataView(new ArrayBuffer(8));
    fc.assert(
      fc.property(int64, (value) => {
        view.setBigInt64(0, value);
        expect(isOffset(getInt64(view, 0))).toBe(value >= 0n && value < 2n ** 53n);
      }),
    );
    view.setBigInt64(0, 2n ** 53n);
    expect(isOffset(getInt64(view, 0))).toBe(false);
    view.setBigInt64(0, 2n ** 53n - 1n);
    expect(isOffset(getInt64(view, 0))).toBe(true);
  });
});

describe('consume queue unit', () => {
  test('golden bytes: offset, size, tags code of "ta", and of a negative hash', () => {
    const bytes = Buffer.alloc(40);
    setConsumeQueueUnit(viewOf(bytes), 0, 0x123456789a, 101, 3693);
    setConsumeQueueUnit(viewOf(bytes), 20, 0, 0x7fffffff, -1716785981);
    expect(bytes.toString('hex')).toBe('000000123456789a' + '00000065' + '0000000000000e6d' + '0000000000000000' + '7fffffff' + 'ffffffff99abecc3');
  });

  test('round trip of numbers, and of any tags code as bigint', () => {
    const bytes = Buffer.alloc(consumeQueueUnitBytes + 2);
    const view = viewOf(bytes);
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer(), fc.maxSafeInteger(), int64, (phyOffset, size, tagsCode, big) => {
        setConsumeQueueUnit(view, 1, phyOffset, size, tagsCode);
        expect([unitPhyOffset(view, 1), unitSize(view, 1), unitTagsCode(view, 1)]).toEqual([phyOffset, size, tagsCode]);
        setUnitTagsCodeBig(view, 1, big);
        expect(unitTagsCodeBig(view, 1)).toBe(big);
        expect(readConsumeQueueUnit(view, 1)).toEqual({ phyOffset, size, tagsCode: big });
      }),
    );
    for (let end = 0; end < 20; end++) expect(readConsumeQueueUnit(viewOf(bytes.subarray(0, end)), 0)).toBeUndefined();
  });

  test('extension addresses are told from hashes', () => {
    expect([-(2n ** 31n), 0n, 2n ** 31n, -2147483649n, -(2n ** 63n)].map(isExtAddress)).toEqual([false, false, false, true, true]);
    expect(extAddress(0)).toBe(-(2n ** 63n));
    fc.assert(fc.property(fc.maxSafeNat(), (position) => expect([isExtAddress(extAddress(position)), extPosition(extAddress(position))]).toEqual([true, position])));
  });

  test('written means an offset and a size', () => {
    const view = new DataView(new ArrayBuffer(20));
    expect(isUnitWritten(view, 0)).toBe(false);
    setConsumeQueueUnit(view, 0, 0, 91, 0);
    expect(isUnitWritten(view, 0)).toBe(true);
    setConsumeQueueUnit(view, 0, -1, 91, 0);
    expect(isUnitWritten(view, 0)).toBe(false);
  });
});

describe('consume queue extension unit', () => {
  const unit = { tagsCode: 3693n, msgStoreTime: 1700000000123, bitMap: Buffer.from('0000001000000100000040000', 'hex') };
  const bytes = encodeExtUnit(unit);

  test('golden bytes', () => {
    expect(bytes.toString('hex')).toBe('0020' + '0000000000000e6d' + '0000018bcfe5687b' + '000c' + '000000100000010000004000');
    expect(encodeExtUnit({ tagsCode: -1n, msgStoreTime: 0, bitMap: Buffer.alloc(0) }).toString('hex')).toBe('0014' + 'f'.repeat(16) + '0'.repeat(16) + '0000');
  });

  test('reads back; cut anywhere it is bad; a size below 1 ends the file', () => {
    expect(readExtUnit(Buffer.concat([Buffer.alloc(3), bytes]), 3, 3 + bytes.length)).toEqual({ kind: 'unit', size: 32, unit: { ...unit, bitMap: Buffer.from(unit.bitMap) } });
    for (let end = 0; end < bytes.length; end++) expect(readExtUnit(bytes, 0, end).kind).toBe('bad');
    expect(readExtUnit(Buffer.from('ffff', 'hex'), 0, 2)).toEqual({ kind: 'end' });
    expect(readExtUnit(Buffer.from('0000', 'hex'), 0, 2)).toEqual({ kind: 'end' });
    expect(() => encodeExtUnit({ ...unit, bitMap: Buffer.alloc(32748) })).toThrow(/at most 32767 bytes, not 32768/);
  });

  test('no bytes throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 50 }), fc.integer({ min: -2, max: 52 }), (any, end) => void readExtUnit(Buffer.from(any), 0, end)));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      readExtUnit(flipped, 0, flipped.length);
    }
  });
});

describe('batch consume queue unit', () => {
  const unit = { phyOffset: 1000, size: 101, tagsCode: -(2n ** 63n), storeTime: 1700000000123, msgBaseOffset: 42, batchSize: 3, compactedOffset: -1 };

  test('golden bytes, back, and every truncation', () => {
    const bytes = Buffer.alloc(batchConsumeQueueUnitBytes, 0xee);
    setBatchConsumeQueueUnit(viewOf(bytes), 0, unit);
    expect(bytes.toString('hex')).toBe(
      '00000000000003e8' + '00000065' + '8000000000000000' + '0000018bcfe5687b' + '000000000000002a' + '0003' + 'ffffffff' + '00000000',
    );
    expect(readBatchConsumeQueueUnit(viewOf(bytes), 0)).toEqual(unit);
    for (let end = 0; end < bytes.length; end++) expect(readBatchConsumeQueueUnit(viewOf(bytes.subarray(0, end)), 0)).toBeUndefined();
  });
});

describe('index file', () => {
  test('sizes and positions', () => {
    // What Apache's defaults make: 5000000 slots, 20000000 entries.
    expect(indexFileBytes(5000000, 20000000)).toBe(420000040);
    expect([indexSlotPosition(0), indexSlotPosition(7), indexEntryPosition(10, 1)]).toEqual([40, 68, 100]);
  });

  test('header: golden bytes, back, and every truncation', () => {
    const header = { beginTimestamp: 1700000000000, endTimestamp: 1700000000123, beginPhyOffset: 0, endPhyOffset: 1000, hashSlotCount: 2, indexCount: 3 };
    const bytes = Buffer.alloc(40);
    setIndexHeader(viewOf(bytes), header);
    expect(bytes.toString('hex')).toBe('0000018bcfe56800' + '0000018bcfe5687b' + '0000000000000000' + '00000000000003e8' + '00000002' + '00000003');
    expect(readIndexHeader(viewOf(bytes))).toEqual(header);
    expect(readIndexHeader(viewOf(Buffer.alloc(40)))?.indexCount).toBe(1);
    for (let end = 0; end < 40; end++) expect(readIndexHeader(viewOf(bytes.subarray(0, end)))).toBeUndefined();
  });

  test('entry: golden bytes, back, and every truncation', () => {
    const bytes = Buffer.alloc(20);
    setIndexEntry(viewOf(bytes), 0, 2539445, 1000, 5, 1);
    expect(bytes.toString('hex')).toBe('0026bfb5' + '00000000000003e8' + '00000005' + '00000001');
    expect(readIndexEntry(viewOf(bytes), 0)).toEqual({ keyHash: 2539445, phyOffset: 1000, secondsSinceBegin: 5, previous: 1 });
    for (let end = 0; end < 20; end++) expect(readIndexEntry(viewOf(bytes.subarray(0, end)), 0)).toBeUndefined();
  });

  test('seconds are clamped', () => {
    expect([[0, 5000], [1000, 5999], [5000, 1000], [1, 2 ** 50]].map(([begin, at]) => indexSeconds(begin as number, at as number))).toEqual([0, 4, 0, 0x7fffffff]);
  });
});

describe('checkpoint', () => {
  const checkpoint = { physicMsgTimestamp: 1, logicsMsgTimestamp: 2, indexMsgTimestamp: 3, masterFlushedOffset: 4, confirmPhyOffset: 2 ** 40, logicsPhysicalOffset: 1700000000123 };

  test('golden bytes, back, and every truncation', () => {
    const page = encodeCheckpoint(checkpoint);
    expect(page.length).toBe(checkpointBytes);
    expect(page.toString('hex', 0, 48)).toBe('0000000000000001' + '0000000000000002' + '0000000000000003' + '0000000000000004' + '0000010000000000' + '0000018bcfe5687b');
    expect(page.subarray(48).every((byte) => byte === 0)).toBe(true);
    expect(readCheckpoint(page)).toEqual(checkpoint);
    for (let end = 0; end < 48; end++) expect(readCheckpoint(page.subarray(0, end))).toBeUndefined();
    expect(readCheckpoint(page.subarray(0, 48))).toEqual(checkpoint);
  });
});
