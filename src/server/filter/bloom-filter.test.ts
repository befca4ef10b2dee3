/** Sizes, positions and bits of the Bloom filter: some of Apache's answers by hand, the rest against plain arithmetic. All of Apache's are apache-answers.test.ts. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bitsText, BloomFilter, hasBits, murmur128Low, setBits } from './bloom-filter.js';

// Answers of `BloomFilter` of 5.5.0.
test.each<[f: number, n: number, text: string, k: number, m: number, positions: number[]]>([
  [20, 32, 'group#topic', 3, 112, [79, 21, 21]],
  [20, 32, 'GID_orders#OrderTopic', 3, 112, [57, 37, 14]],
  [20, 32, 'exactly-16-bytes', 3, 112, [106, 16, 38]],
  [20, 32, 'exactly-16-bytes!', 3, 112, [104, 88, 39]],
  [20, 32, '', 3, 112, [0, 0, 0]],
  [20, 64, 'x'.repeat(31), 3, 216, [26, 167, 38]],
  [20, 64, 'x'.repeat(32), 3, 216, [169, 149, 147]],
  [10, 128, 'x'.repeat(33), 4, 616, [384, 449, 260, 354]],
  [1, 1, 'group#topic', 7, 16, [15, 5, 5, 0, 4, 6, 14]],
  [99, 1, 'group#topic', 1, 8, [7]],
  [50, 1000, 'GID_orders#OrderTopic', 1, 1448, [1033]],
  [5, 33, 'exactly-16-bytes!', 5, 208, [152, 56, 39, 120, 24]],
])('%d percent of %d groups: %s', (f, n, text, k, m, positions) => {
  const filter = new BloomFilter(f, n);
  expect({ f: filter.f, n: filter.n, k: filter.k, m: filter.m }).toEqual({ f, n, k, m });
  expect(filter.positions(text)).toEqual(positions);
  expect(filter.dataOf(text)).toEqual({ bitPos: positions, bitNum: m });
});

test.each([0, -1, 0.99, 100, 100.5, 1000, NaN])('an error rate of %d percent is refused', (f) => {
  expect(() => new BloomFilter(f, 32)).toThrow(new RangeError('f must be greater or equal than 1 and less than 100'));
});

test.each([0, -1, 0.99, NaN])('%d groups are refused', (n) => {
  expect(() => new BloomFilter(20, n)).toThrow(new RangeError('n must be greater than 0'));
});

test('the smallest and the largest error rate, and one group, are taken', () => {
  for (const f of [1, 99, 99.5]) for (const n of [1, 2]) expect(new BloomFilter(f, n).m % 8).toBe(0);
});

test('data is valid when it is of this size, and no other', () => {
  const filter = new BloomFilter(20, 32);
  const of = (bitPos: number[], bitNum: number): boolean => filter.isValid({ bitPos, bitNum });
  expect([of([1, 2, 3], 112), of([1, 2], 112), of([1, 2, 3, 4], 112), of([1, 2, 3], 111), of([1, 2, 3], 120), of([], 0), filter.isValid(undefined)]).toEqual([true, false, false, false, false, false, false]);
  expect(filter.isValid(filter.dataOf('g#T'))).toBe(true);
});

test('each bit lies in its byte at its place, counted from the lowest', () => {
  for (let at = 0; at < 24; at++) {
    const bits = new Uint8Array(3);
    setBits(bits, [at]);
    expect([...bits]).toEqual([0, 1, 2].map((byte) => (Math.floor(at / 8) === byte ? 2 ** (at % 8) : 0)));
  }
});

test('bits are there when all are, behind whatever stands before them', () => {
  const positions = fc.uniqueArray(fc.nat(39), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(positions, positions, fc.nat(3), fc.constantFrom(0, 0xff), (set, asked, start, around) => {
      const bits = new Uint8Array(start + 5 + 2).fill(around);
      const own = bits.subarray(start, start + 5).fill(0);
      setBits(own, set);
      // What was set before stays.
      setBits(own, set.slice(0, 1));
      expect(hasBits(bits, start, asked)).toBe(asked.every((at) => set.includes(at)));
      expect(hasBits(bits, start, set)).toBe(true);
      for (let at = 0; at < 40; at++) expect([at, hasBits(bits, start, [at])]).toEqual([at, set.includes(at)]);
    }),
    { numRuns: 50 },
  );
  expect(hasBits(new Uint8Array(1), 0, [])).toBe(true);
});

test('the text of bits has the last one first, and a line end behind each eighth byte', () => {
  expect(bitsText(Uint8Array.of(0x01))).toBe('00000001\n');
  expect(bitsText(Uint8Array.of(0x80, 0x05))).toBe('0000010110000000\n');
  expect(bitsText(new Uint8Array(0))).toBe('');
  const bytes = Uint8Array.from({ length: 17 }, (_, i) => i);
  const byte = (i: number): string => i.toString(2).padStart(8, '0');
  expect(bitsText(bytes).split('\n')).toEqual([byte(16), [15, 14, 13, 12, 11, 10, 9, 8].map(byte).join(''), [7, 6, 5, 4, 3, 2, 1, 0].map(byte).join(''), '']);
});

// Guava's `Hashing.murmur3_128()`.
test('hashes are those of Guava', () => {
  expect(murmur128Low(Buffer.alloc(0))).toBe(0n);
  expect(murmur128Low(Buffer.from('exactly-16-bytes'))).toBe(1128659795473733291n);
  // Bytes beyond the end do not count.
  const around = Buffer.from('..exactly-16-bytes..');
  expect(murmur128Low(around.subarray(2, 18))).toBe(1128659795473733291n);
});
