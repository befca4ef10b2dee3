import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { copyNativeBytesMin, copyRange, ViewMemo } from './byte-copy.js';
import { viewOf } from './int64.js';

const range = fc.record({
  source: fc.uint8Array({ maxLength: 2 * copyNativeBytesMin }),
  cut: fc.tuple(fc.nat(7), fc.nat(7)),
  at: fc.nat(9),
});

describe('copyRange', () => {
  test('equals set, and touches nothing beside the range', () => {
    fc.assert(
      fc.property(range, ({ source, cut, at }) => {
        const start = Math.min(cut[0], source.length);
        const end = Math.max(start, source.length - cut[1]);
        const target = new Uint8Array(2 * copyNativeBytesMin + 20).fill(0xa5);
        const expected = target.slice();
        expected.set(source.subarray(start, end), at);
        copyRange(target, viewOf(target), at, source, viewOf(source), start, end);
        expect(Buffer.from(target).toString('hex')).toBe(Buffer.from(expected).toString('hex'));
      }),
    );
  });

  test('every length up to past the change to native code', () => {
    const source = Buffer.from(Array.from({ length: copyNativeBytesMin + 10 }, (_, i) => (i * 37 + 1) & 255));
    for (let length = 0; length <= copyNativeBytesMin + 4; length++) {
      const target = Buffer.alloc(length + 8);
      copyRange(target, viewOf(target), 3, source, viewOf(source), 5, 5 + length);
      expect(target.toString('hex')).toBe(`000000${source.toString('hex', 5, 5 + length)}0000000000`);
    }
  });

  test('a range outside throws RangeError', () => {
    const bytes = Buffer.alloc(64);
    expect(() => copyRange(bytes, viewOf(bytes), 60, Buffer.alloc(8), viewOf(Buffer.alloc(8)), 0, 8)).toThrow(RangeError);
    expect(() => copyRange(bytes, viewOf(bytes), 0, Buffer.alloc(8), viewOf(Buffer.alloc(8)), 4, 12)).toThrow(RangeError);
  });
});

test('ViewMemo gives the view of exactly the bytes asked for', () => {
  const memo = new ViewMemo();
  const one = Buffer.from([1, 2, 3, 4, 5]).subarray(1);
  const two = Buffer.from([9, 8, 7, 6]);
  expect(memo.of(one).getInt32(0)).toBe(0x02030405);
  expect(memo.of(one)).toBe(memo.of(one));
  expect(memo.of(two).byteLength).toBe(4);
  expect(memo.of(two).getInt32(0)).toBe(0x09080706);
  expect(memo.of(one).byteLength).toBe(4);
});
