/** The bounded reader of LZ4 frames against a plain writer of frames and a plain xxHash32, at each of its bounds. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decompressLz4Frames, xxHash32 } from './lz4-frame.js';

/** xxHash32, seed 0, on whole numbers without sign, as its specification describes it. */
function plainHash(bytes: Uint8Array): number {
  const [p1, p2, p3, p4, p5]: readonly [bigint, bigint, bigint, bigint, bigint] = [2654435761n, 2246822519n, 3266489917n, 668265263n, 374761393n];
  const word = (n: bigint): bigint => n & 0xffffffffn;
  const turned = (n: bigint, bits: bigint): bigint => word(n << bits) | (word(n) >> (32n - bits));
  const at = (i: number, count: number): bigint => Array.from(bytes.subarray(i, i + count)).reduce((sum, byte, n) => sum + (BigInt(byte) << BigInt(8 * n)), 0n);
  let i = 0;
  let hash = p5;
  if (bytes.length >= 16) {
    const lanes = [word(p1 + p2), p2, 0n, word(-p1)] as [bigint, bigint, bigint, bigint];
    for (; i + 16 <= bytes.length; i += 16) lanes.forEach((lane, n) => (lanes[n] = word(turned(word(lane + at(i + 4 * n, 4) * p2), 13n) * p1)));
    hash = word(turned(lanes[0], 1n) + turned(lanes[1], 7n) + turned(lanes[2], 12n) + turned(lanes[3], 18n));
  }
  hash = word(hash + BigInt(bytes.length));
  for (; i + 4 <= bytes.length; i += 4) hash = word(turned(word(hash + at(i, 4) * p3), 17n) * p4);
  for (; i < bytes.length; i++) hash = word(turned(word(hash + at(i, 1) * p5), 11n) * p1);
  hash = word((hash ^ (hash >> 15n)) * p2);
  hash = word((hash ^ (hash >> 13n)) * p3);
  return Number(hash ^ (hash >> 16n));
}

const uint32 = (n: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(n);
  return bytes;
};

/** A length of a token: 15 and more go on in bytes of 255 and a last one. */
const lengthTail = (length: number): Buffer => (length < 15 ? Buffer.alloc(0) : Buffer.concat([Buffer.alloc(Math.floor((length - 15) / 255), 255), Buffer.of((length - 15) % 255)]));

interface Match {
  readonly literals: Buffer;
  readonly offset: number;
  readonly length: number;
}

/** A compressed block of these matches and the last literals. */
function packed(matches: readonly Match[], last: Buffer): Buffer {
  return Buffer.concat([
    ...matches.flatMap(({ literals, offset, length }) => [
      Buffer.of((Math.min(literals.length, 15) << 4) | Math.min(length - 4, 15)), lengthTail(literals.length), literals, Buffer.of(offset & 255, offset >> 8), lengthTail(length - 4),
    ]),
    Buffer.of(Math.min(last.length, 15) << 4), lengthTail(last.length), last,
  ]);
}

/** What matches and last literals say, a byte after the other. */
function unpacked(before: readonly number[], matches: readonly Match[], last: Buffer): number[] {
  const out = [...before];
  for (const { literals, offset, length } of matches) {
    out.push(...literals);
    for (let i = 0; i < length; i++) out.push(out[out.length - offset] as number);
  }
  out.push(...last);
  return out;
}

interface Block {
  readonly stored?: boolean;
  readonly data: Buffer;
}

/** A frame of these blocks that stand for `content`; what `flg` asks for is written. */
function frame(flg: number, blocks: readonly Block[], content: Uint8Array, bd = 0x40, contentBytes = BigInt(content.length)): Buffer {
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(contentBytes);
  const descriptor = Buffer.concat([Buffer.of(flg, bd), (flg & 8) !== 0 ? size : Buffer.alloc(0)]);
  return Buffer.concat([
    Buffer.from('04224d18', 'hex'), descriptor, Buffer.of((plainHash(descriptor) >>> 8) & 255),
    ...blocks.flatMap(({ stored, data }) => [uint32(stored === true ? data.length + 0x80000000 : data.length), data, (flg & 0x10) !== 0 ? uint32(plainHash(data)) : Buffer.alloc(0)]),
    uint32(0), (flg & 4) !== 0 ? uint32(plainHash(content)) : Buffer.alloc(0),
  ]);
}

const linked = 0x40;
const independent = 0x60;
const hello = Buffer.from('hello');
const detailOf = (bytes: Uint8Array, bytesMax = 1000): string => {
  const result = decompressLz4Frames(bytes, bytesMax);
  return result.ok ? `read ${result.bytes.toString('latin1')}` : `${result.reason}: ${result.detail}`;
};

describe('xxHash32', () => {
  test('is the plain one for every length and any place in a buffer', () => {
    const bytes = Buffer.from(Array.from({ length: 100 }, (_, i) => (i * 167 + 211) & 255));
    for (let start = 0; start < 4; start++) for (let end = start; end <= 80; end++) expect([start, end, xxHash32(bytes, start, end)]).toEqual([start, end, plainHash(bytes.subarray(start, end))]);
  });
});

describe('frames of a plain writer', () => {
  const block = fc.record({
    stored: fc.boolean(),
    matches: fc.array(fc.record({ literals: fc.oneof(fc.constantFrom(0, 1, 14, 15, 16, 269, 270, 271, 525), fc.nat(40)), back: fc.nat(), length: fc.oneof(fc.constantFrom(4, 5, 18, 19, 20, 273, 274, 275, 529), fc.integer({ min: 4, max: 60 })) }), { maxLength: 4 }),
    last: fc.oneof(fc.constantFrom(0, 1, 14, 15, 16, 269, 270, 271), fc.nat(30)),
  });

  test('are read, whatever their blocks and flags, and no byte beyond the limit', () => {
    fc.assert(fc.property(fc.array(block, { maxLength: 4 }), fc.integer({ min: 0, max: 15 }), fc.nat(), fc.nat(3), (shapes, flags, seed, skipped) => {
      let next = seed;
      const some = (count: number): Buffer => Buffer.from(Array.from({ length: count }, () => (next = (next * 1103515245 + 12345) & 0x7fffffff) >> 16 & 255));
      const flg = 0x40 | (flags & 1) << 2 | (flags & 2) << 2 | (flags & 4) << 2 | (flags & 8) << 2;
      let content: number[] = [];
      const blocks: Block[] = [];
      for (const { stored, matches, last } of shapes) {
        const blockStart = (flg & 0x20) !== 0 ? content.length : 0;
        if (stored) {
          const data = some(last + 1);
          blocks.push({ stored, data });
          content.push(...data);
          continue;
        }
        const made: Match[] = [];
        let at = content.length;
        for (const one of matches) {
          const literals = some(one.literals);
          at += literals.length;
          if (at === blockStart) continue;
          made.push({ literals, offset: 1 + one.back % (at - blockStart), length: one.length });
          at += one.length;
        }
        const ends = some(last);
        blocks.push({ data: packed(made, ends) });
        content = unpacked(content, made, ends);
      }
      const expected = Buffer.from(content);
      const skippable = Buffer.concat([uint32(0x184d2a50 + skipped * 5), uint32(skipped), Buffer.alloc(skipped, 4)]);
      const one = frame(flg, blocks, expected);
      const read = (bytes: Buffer, max: number): string => detailOf(bytes, max);
      expect(read(one, expected.length)).toBe(`read ${expected.toString('latin1')}`);
      // Behind another frame its matches and its sums count from its own beginning.
      expect(read(Buffer.concat([frame(linked, [{ stored: true, data: hello }], hello), skippable, one, skippable]), expected.length + 5)).toBe(`read hello${expected.toString('latin1')}`);
      if (expected.length > 0) expect(read(one, expected.length - 1)).toMatch(/^too-large: LZ4: /);
    }), { numRuns: 60 });
  });

  test('cut short at any byte they are corrupt', () => {
    const content = Buffer.from(unpacked([], [{ literals: hello, offset: 5, length: 300 }], Buffer.alloc(20, 'x')));
    const whole = frame(0x5c, [{ data: packed([{ literals: hello, offset: 5, length: 300 }], Buffer.alloc(20, 'x')) }], content);
    expect(detailOf(whole)).toBe(`read ${content.toString('latin1')}`);
    for (let end = 0; end < whole.length; end++) expect([end, detailOf(whole.subarray(0, end))]).toEqual([end, expect.stringMatching(/^corrupt: LZ4: (the frame is cut short|a block of \d+ bytes does not fit)$/)]);
    for (let end = 1; end < 11; end++) expect(detailOf(Buffer.concat([whole, Buffer.from('502a4d1803000000aabbcc', 'hex').subarray(0, end)]))).toMatch(end < 8 ? /^corrupt: LZ4: the frame is cut short$/ : /^corrupt: LZ4: a skippable frame is cut short$/);
  });

  test('a view into a larger buffer is read from its own bytes', () => {
    const whole = frame(linked, [{ stored: true, data: hello }], hello);
    const around = Buffer.concat([Buffer.alloc(3, 9), whole, Buffer.alloc(3, 9)]);
    expect(detailOf(around.subarray(3, 3 + whole.length))).toBe('read hello');
  });
});

describe('what is refused, and why', () => {
  const stored: readonly Block[] = [{ stored: true, data: hello }];
  const one = (data: Buffer | string): Buffer => frame(linked, [{ data: typeof data === 'string' ? Buffer.from(data, 'hex') : data }], hello);
  const changed = (bytes: Buffer, at: number, by = 1): Buffer => {
    const copy = Buffer.from(bytes);
    copy[at < 0 ? copy.length + at : at] = (copy[at < 0 ? copy.length + at : at] as number) ^ by;
    return copy;
  };

  test.each<[string, Buffer, string]>([
    ['another magic', changed(frame(linked, stored, hello), 0), 'unknown magic 0x184d2205'],
    ['a magic beside the skippable ones', Buffer.from('602a4d1800000000', 'hex'), 'unknown magic 0x184d2a60'],
    ['version 0', frame(0x20, stored, hello), 'unknown version 0'],
    ['version 2', frame(0x80, stored, hello), 'unknown version 2'],
    ['version 3', frame(0xc0, stored, hello), 'unknown version 3'],
    ['a dictionary', frame(0x41, stored, hello), 'a dictionary is needed'],
    ['block size code 3', frame(linked, stored, hello, 0x30), 'unknown block size code 3'],
    ['a header checksum', changed(frame(linked, stored, hello), 6), 'the header checksum differs'],
    ['flags that the header checksum does not know', changed(frame(linked, stored, hello), 4, 0x20), 'the header checksum differs'],
    ['a block checksum', changed(frame(0x50, stored, hello), -5), 'a block checksum differs'],
    ['a content checksum', changed(frame(0x44, stored, hello), -1, 0x80), 'the content checksum differs'],
    ['a content size that is one less', frame(0x48, stored, hello, 0x40, 4n), 'the content size differs'],
    ['a content size that is one more', frame(0x48, stored, hello, 0x40, 6n), 'the content size differs'],
    ['a block without its token', one('10'), 'literals do not fit the block'],
    ['a literal length that does not go on', one('f0'), 'a block is cut short'],
    ['a literal length of 255 that does not go on', one('f0ff'), 'a block is cut short'],
    ['literals that end one byte early', one('30' + '6161'), 'literals do not fit the block'],
    ['an offset of one byte', one('10' + '61' + '01'), 'a block is cut short'],
    ['a match length that does not go on', one('1f' + '61' + '0100'), 'a block is cut short'],
    ['a match length of 255 that does not go on', one('1f' + '61' + '0100' + 'ff'), 'a block is cut short'],
    ['an offset of 0', one('10' + '61' + '0000' + '00'), 'a match reaches before the block'],
    ['an offset one byte before the frame', one('10' + '61' + '0200' + '00'), 'a match reaches before the block'],
    ['no last literals', one('10' + '61' + '0100'), 'a block has no last literals'],
  ])('%s', (_name, bytes, detail) => {
    expect(detailOf(bytes)).toBe(`corrupt: LZ4: ${detail}`);
  });

  test('a skippable frame may have any of its sixteen magics', () => {
    for (let n = 0; n < 16; n++) expect(detailOf(Buffer.concat([uint32(0x184d2a50 + n), uint32(2), Buffer.alloc(2), frame(linked, stored, hello)]))).toBe('read hello');
    expect(detailOf(Buffer.from('502a4d1800000000', 'hex'))).toBe('read ');
  });

  test('the reserved bits beside the block size code are passed over', () => {
    expect(detailOf(frame(linked, stored, hello, 0xcf))).toBe('read hello');
  });

  test('the limit counts what all frames make, and names itself', () => {
    expect(detailOf(frame(0x48, stored, hello), 5)).toBe('read hello');
    expect(detailOf(frame(0x48, stored, hello), 4)).toBe('too-large: LZ4: 5 bytes, the limit is 4');
    expect(detailOf(frame(0x48, stored, hello, 0x40, 2n ** 32n + 5n), 1000)).toBe('too-large: LZ4: 4294967301 bytes, the limit is 1000');
    const twice = Buffer.concat([frame(0x48, stored, hello), frame(0x48, stored, hello)]);
    expect(detailOf(twice, 10)).toBe('read hellohello');
    expect(detailOf(twice, 9)).toBe('too-large: LZ4: 5 bytes, the limit is 9');
    expect(detailOf(frame(linked, stored, hello), 4)).toBe('too-large: LZ4: more than 4 bytes');
    expect(detailOf(one(packed([{ literals: hello, offset: 1, length: 40 }], Buffer.alloc(0))), 44)).toBe('too-large: LZ4: more than 44 bytes');
    expect(detailOf(one(packed([], hello)), 4)).toBe('too-large: LZ4: more than 4 bytes');
  });

  test('the limit may be reached by output that grew, and a block may end where the bytes do', () => {
    const grown = one(packed([{ literals: hello, offset: 5, length: 4995 }], Buffer.alloc(0)));
    expect(detailOf(grown, 5000)).toBe(`read ${'hello'.repeat(1000)}`);
    expect(detailOf(grown, 4999)).toBe('too-large: LZ4: more than 4999 bytes');
    const whole = frame(linked, stored, hello);
    expect([detailOf(whole.subarray(0, -4)), detailOf(whole.subarray(0, -5))]).toEqual(['corrupt: LZ4: the frame is cut short', 'corrupt: LZ4: a block of 5 bytes does not fit']);
  });

  test('a block makes no more than the block size of its frame, by literals or by a match', () => {
    const most = 65_536;
    const a = Buffer.from('a');
    const match = (length: number): string => detailOf(one(packed([{ literals: a, offset: 1, length }], Buffer.alloc(0))), 1 << 20);
    expect(match(most - 1)).toBe(`read ${'a'.repeat(most)}`);
    expect(match(most)).toBe('corrupt: LZ4: a match does not fit the block');
    const literals = (last: number): string => detailOf(one(packed([{ literals: a, offset: 1, length: most - 5 }], Buffer.alloc(last, 'b'))), 1 << 20);
    expect(literals(4)).toBe(`read ${'a'.repeat(most - 4)}bbbb`);
    expect(literals(5)).toBe('corrupt: LZ4: literals do not fit the block');
    // What a block before it made does not count.
    const two = packed([{ literals: a, offset: 1, length: most - 1 }], Buffer.alloc(0));
    expect(detailOf(frame(linked, [{ data: two }, { data: two }], hello), 1 << 20)).toBe(`read ${'a'.repeat(2 * most)}`);
  });

  test('a match reaches 65535 bytes back', () => {
    const far = Buffer.from(Array.from({ length: 65_535 }, (_, i) => (i * 7 + (i >> 8)) & 255));
    const data = packed([{ literals: Buffer.alloc(0), offset: 65_535, length: 8 }], Buffer.alloc(0));
    const result = decompressLz4Frames(frame(linked, [{ stored: true, data: far }, { data }], hello), 1 << 20);
    expect(result.ok && result.bytes.subarray(65_535).equals(far.subarray(0, 8))).toBe(true);
    expect(detailOf(frame(independent, [{ stored: true, data: far }, { data }], hello), 1 << 20)).toBe('corrupt: LZ4: a match reaches before the block');
  });
});
