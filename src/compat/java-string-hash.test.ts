import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { indexKeyHash, javaHashOfBytes, javaStringHash } from './java-string-hash.js';

/** Any string that UTF-8 can hold: a lone surrogate becomes U+FFFD. */
const unicode = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => Buffer.from(text).toString());

function hashBytes(bytes: Uint8Array, seed = 0): number {
  return javaHashOfBytes(seed, bytes, 0, bytes.length);
}

describe('javaStringHash', () => {
  // Apache's tags code of "ta" and "TagLong_中文", its index hash of "T#k1", and constants of the Java language.
  test.each([
    ['', 0],
    ['a', 97],
    ['ta', 3693],
    ['TagLong_中文', -1716785981],
    ['T#k1', 2539445],
    ['order-1', -1207111310],
    ['group_x', 293428920],
    ['polygenelubricants', -2147483648],
    ['\u{1f600}', 1772899],
  ])('of %j is %d', (text, hash) => {
    expect(javaStringHash(text)).toBe(hash);
    expect(hashBytes(Buffer.from(text, 'utf8'))).toBe(hash);
  });

  test('bytes hash like the string they decode to, well-formed or not', () => {
    fc.assert(fc.property(unicode, (text) => expect(hashBytes(Buffer.from(text, 'utf8'))).toBe(javaStringHash(text))));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
        expect(hashBytes(bytes)).toBe(javaStringHash(Buffer.from(bytes).toString('utf8')));
      }),
    );
  });

  test('by words as by characters: any length, any place, wherever the first byte beyond ASCII stands', () => {
    const piece = fc.oneof({ weight: 4, arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 12 }) }, fc.constantFrom('中', 'é', '\u{1f600}'));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.nat(5), fc.integer(), (pieces, before, seed) => {
        const text = pieces.join('');
        const bytes = Buffer.from(text);
        const padded = Buffer.concat([Buffer.alloc(before, 65), bytes, Buffer.alloc(4, 66)]);
        expect(javaHashOfBytes(seed, padded, before, before + bytes.length)).toBe(javaStringHash(text, seed));
      }),
    );
  });

  test('malformed sequences each count as decoding counts them', () => {
    for (const hex of ['80', 'c080', 'c3', 'e08080', 'eda080', 'e4b8', 'f0808080', 'f4908080', 'f5808080', 'f09f98', '61ff62', 'c328', 'efbbbf61']) {
      const bytes = Buffer.from(hex, 'hex');
      expect([hex, hashBytes(bytes)]).toEqual([hex, javaStringHash(bytes.toString('utf8'))]);
    }
  });

  test('a hash continues from what stands before', () => {
    fc.assert(
      fc.property(unicode, unicode, (before, after) => {
        const seed = javaStringHash(before);
        expect(javaStringHash(after, seed)).toBe(javaStringHash(before + after));
        expect(hashBytes(Buffer.from(after), seed)).toBe(javaStringHash(before + after));
      }),
    );
  });

  test('only the range counts', () => {
    expect(javaHashOfBytes(javaStringHash('T#'), Buffer.from('xxk1yy'), 2, 4)).toBe(2539445);
  });
});

test('indexKeyHash is never negative', () => {
  expect(indexKeyHash(javaStringHash('T#k1'))).toBe(2539445);
  expect(indexKeyHash(-5)).toBe(5);
  expect(indexKeyHash(0x7fffffff)).toBe(0x7fffffff);
  expect(indexKeyHash(javaStringHash('polygenelubricants'))).toBe(0);
});
