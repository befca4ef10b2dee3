import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { crc32 } from 'node:zlib';
import { crc31, crcNativeBytesMin } from './crc32.js';
import { golden } from './testdata/golden.js';

test('of "hello" is what Apache computes', () => {
  expect(crc31(Buffer.from('xhellox'), 1, 6)).toBe(Number(golden('crc32(hello)&7fffffff')));
  expect(crc31(Buffer.alloc(0), 0, 0)).toBe(0);
});

test('tables and native code agree on every length around the change', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2 * crcNativeBytesMin }), (bytes) => {
      expect(crc31(bytes, 0, bytes.length)).toBe(crc32(bytes) & 0x7fffffff);
    }),
  );
});
