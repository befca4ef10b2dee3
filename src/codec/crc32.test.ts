import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { crc32 } from 'node:zlib';
import { crc31, crc31Copy, crcCopyNativeBytesMin, crcNativeBytesMin } from './crc32.js';
import { viewOf } from './int64.js';
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

test('copying and counting in one pass equals doing one after the other', () => {
  const size = crcCopyNativeBytesMin + 40;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: crcCopyNativeBytesMin }), fc.nat(9), fc.nat(9), (bytes, before, at) => {
      const source = Buffer.concat([Buffer.alloc(before, 7), bytes, Buffer.alloc(3, 9)]);
      const target = new Uint8Array(size).fill(0x5a);
      const expected = target.slice();
      expected.set(bytes, at);
      const crc = crc31Copy(target, viewOf(target), at, source, viewOf(source), before, before + bytes.length);
      expect(crc).toBe(crc32(bytes) & 0x7fffffff);
      expect(Buffer.from(target).toString('hex')).toBe(Buffer.from(expected).toString('hex'));
    }),
  );
});
