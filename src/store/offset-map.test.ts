/** The map of keys to offsets, against a plain one. */
import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { OffsetMap } from './offset-map.js';

const key = (i: number): Buffer => Buffer.from(`key-${i}`);

test('the last offset of each key is kept, and of others there is none', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(60), fc.nat(1 << 20)), { maxLength: 150 }), (puts) => {
      const map = new OffsetMap(1, 1);
      const plain = new Map<number, number>();
      expect([map.count, map.lastOffset]).toEqual([0, -1]);
      for (const [i, offset] of puts) {
        expect(map.put(key(i), offset)).toBe(true);
        plain.set(i, offset);
        expect([map.count, map.lastOffset]).toEqual([plain.size, offset]);
      }
      for (let i = 0; i <= 70; i++) expect([i, map.get(key(i))]).toEqual([i, plain.get(i) ?? -1]);
    }),
    { numRuns: 30 },
  );
});

test.each<[number, number, number]>([
  // A hundred at least, by memory 24 bytes each, and no more than there are keys.
  [0, 0, 100], [2400, 1000, 100], [2424, 1000, 101], [2447, 1000, 101], [2448, 1000, 102], [1 << 20, 101, 101], [1 << 20, 100, 100], [1 << 20, 7, 100], [1 << 20, 3000, 3000],
])('of %d bytes for %d keys it holds %d', (bytesMax, keys, capacity) => {
  const map = new OffsetMap(bytesMax, keys);
  for (let i = 0; i < capacity; i++) expect([i, map.put(key(i), i)]).toEqual([i, true]);
  expect([map.count, map.lastOffset]).toEqual([capacity, capacity - 1]);
  // Full: a new key is not taken, and nothing changes by it.
  expect([map.put(key(capacity), 5000), map.count, map.lastOffset, map.get(key(capacity))]).toEqual([false, capacity, capacity - 1, -1]);
  // One that is there goes on.
  expect([map.put(key(0), 6000), map.count, map.lastOffset, map.get(key(0))]).toEqual([true, capacity, 6000, 6000]);
  for (let i = 1; i < capacity; i++) if (map.get(key(i)) !== i) throw new Error(`${i} has ${map.get(key(i))}`);
});

test('offset 0 is one, and the key of no bytes too', () => {
  const map = new OffsetMap(1, 1);
  expect([map.put(Buffer.alloc(0), 0), map.get(Buffer.alloc(0)), map.count, map.lastOffset]).toEqual([true, 0, 1, 0]);
});

test('keys whose hashes begin at the same slot are kept apart, at the end of the table too', () => {
  // 100 keys, and so 151 slots.
  const slotOf = (i: number): number => createHash('md5').update(key(i)).digest().readUInt32LE(0) % 151;
  for (const slot of [0, 75, 149, 150]) {
    const map = new OffsetMap(1, 1);
    const same: number[] = [];
    for (let i = 0; same.length < 6; i++) if (slotOf(i) === slot) same.push(i);
    same.forEach((i, n) => {
      expect(map.get(key(i))).toBe(-1);
      expect(map.put(key(i), n * 10)).toBe(true);
    });
    expect([slot, same.map((i) => map.get(key(i))), map.count]).toEqual([slot, [0, 10, 20, 30, 40, 50], 6]);
  }
});
