import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compress, decompress } from './compression.js';
import { xxHash32 } from './lz4-frame.js';
import type { CompressionType } from './sys-flag.js';
import { aliOnsCompressedBody, golden } from './testdata/golden.js';

const aaaa = Buffer.alloc(400, 'a');
const types: readonly CompressionType[] = ['zlib', 'lz4', 'zstd'];
// A zstd frame of one raw block "hello" that states no content size, made by hand after RFC 8878.
const unsizedZstd = Buffer.from('28b52ffd' + '00' + '58' + '290000' + '68656c6c6f', 'hex');

describe('decompress', () => {
  test('reads what Java clients wrote', async () => {
    expect(await decompress('zlib', Buffer.from(golden('zlib5(aaaa x 100)'), 'hex'), 400)).toEqual({ ok: true, bytes: aaaa });
    expect(await decompress('lz4', Buffer.from(golden('lz4(aaaa x 100)'), 'hex'), 400)).toEqual({ ok: true, bytes: aaaa });
    expect(await decompress('zlib', aliOnsCompressedBody, 1 << 20)).toEqual({ ok: true, bytes: Buffer.alloc(9000) });
  });

  test('zlib at level 5 writes Java\'s bytes', async () => {
    expect((await compress('zlib', aaaa)).toString('hex')).toBe(golden('zlib5(aaaa x 100)'));
  });

  test.each(types)('%s: round trip, and the limit is exact', async (type) => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), fc.nat(40), async (seed, repeat) => {
        const plain = Buffer.concat(Array.from({ length: repeat + 1 }, () => seed));
        const packed = await compress(type, plain);
        expect(await decompress(type, packed, plain.length)).toEqual({ ok: true, bytes: plain });
        if (plain.length > 0) expect(await decompress(type, packed, plain.length - 1)).toMatchObject({ ok: false, reason: 'too-large' });
      }),
      { numRuns: 40 },
    );
  });

  test.each(types)('%s: a bomb is refused', async (type) => {
    const bomb = await compress(type, Buffer.alloc(64 << 20));
    expect(bomb.length).toBeLessThan(1 << 20);
    expect(await decompress(type, bomb, 1 << 20)).toMatchObject({ ok: false, reason: 'too-large' });
  });

  test.each(types)('%s: no truncation or flipped bit throws or passes the limit', async (type) => {
    const packed = await compress(type, Buffer.from('the quick brown fox, the quick brown fox and the lazy dog '.repeat(3)));
    for (let end = 0; end < packed.length; end++) {
      expect([end, await decompress(type, packed.subarray(0, end), 1000)]).toMatchObject([end, { ok: false, reason: 'corrupt' }]);
    }
    for (let bit = 0; bit < packed.length * 8; bit++) {
      const flipped = Buffer.from(packed);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      const result = await decompress(type, flipped, 1000);
      if (result.ok) expect(result.bytes.length).toBeLessThanOrEqual(1000);
      else expect(result.detail).toMatch(new RegExp(`^${type}: `, 'i'));
    }
  });

  test('random bytes never throw', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...types), fc.uint8Array({ maxLength: 40 }), async (type, bytes) => {
        expect((await decompress(type, bytes, 100)).ok).toBe(false);
      }),
    );
  });

  test('zstd: frames without a stated size, skippable frames, and a size that lies', async () => {
    expect(await decompress('zstd', unsizedZstd, 5)).toEqual({ ok: true, bytes: Buffer.from('hello') });
    expect(await decompress('zstd', unsizedZstd, 4)).toMatchObject({ ok: false, reason: 'too-large' });
    const skippable = Buffer.from('502a4d1803000000aabbcc', 'hex');
    expect(await decompress('zstd', Buffer.concat([skippable, unsizedZstd]), 5)).toEqual({ ok: true, bytes: Buffer.from('hello') });
    expect(await decompress('zstd', skippable, 5)).toMatchObject({ ok: false, reason: 'corrupt' });
    // Content size field of 8 bytes: 2^40.
    const huge = Buffer.from('28b52ffd' + 'e0' + '0000000000010000' + '290000' + '68656c6c6f', 'hex');
    expect(await decompress('zstd', huge, 1 << 20)).toMatchObject({ ok: false, reason: 'too-large' });
    // A window, a dictionary of one byte, a content size of 4 bytes: 0xff000000.
    const ofDictionary = Buffer.from('28b52ffd' + '81' + '58' + '07' + '000000ff' + '290000' + '68656c6c6f', 'hex');
    expect(await decompress('zstd', ofDictionary, 1 << 20)).toMatchObject({ ok: false, reason: 'too-large' });
  });

  test('lz4: stored blocks, checksums, content size and several frames', async () => {
    const header = (flg: number, extra = ''): string => {
      const descriptor = Buffer.from(flg.toString(16) + '40' + extra, 'hex');
      return '04224d18' + descriptor.toString('hex') + ((xxHash32(descriptor, 0, descriptor.length) >> 8) & 255).toString(16).padStart(2, '0');
    };
    const block = '05000080' + '68656c6c6f';
    const hello = Buffer.from('hello');
    const sum = Buffer.alloc(4);
    sum.writeUInt32LE(xxHash32(hello, 0, 5));
    const frames = {
      stored: header(0x60) + block + '00000000',
      sized: header(0x68, '0500000000000000') + block + '00000000',
      checked: header(0x74) + block + sum.toString('hex') + '00000000' + sum.toString('hex'),
    };
    for (const frame of Object.values(frames)) expect(await decompress('lz4', Buffer.from(frame, 'hex'), 5)).toEqual({ ok: true, bytes: hello });
    const two = Buffer.from(frames.stored + '5f2a4d1801000000ff' + frames.checked, 'hex');
    expect(await decompress('lz4', two, 10)).toEqual({ ok: true, bytes: Buffer.from('hellohello') });
    expect(await decompress('lz4', two, 9)).toMatchObject({ ok: false, reason: 'too-large' });
    expect(await decompress('lz4', Buffer.from(header(0x68, 'ffffffffffff0000') + block + '00000000', 'hex'), 5)).toMatchObject({ ok: false, reason: 'too-large' });
    expect(await decompress('lz4', Buffer.from(header(0x68, '0400000000000000') + block + '00000000', 'hex'), 5)).toMatchObject({ ok: false, reason: 'corrupt' });
    const wrong = Buffer.from(frames.checked, 'hex');
    wrong[wrong.length - 1] = (wrong[wrong.length - 1] as number) ^ 1;
    expect(await decompress('lz4', wrong, 5)).toMatchObject({ ok: false, detail: 'LZ4: the content checksum differs' });
  });

  test('lz4: block size codes 4 to 7, and no block beyond its own', async () => {
    const frame = (code: number, bytes: number): Buffer => {
      const descriptor = Buffer.of(0x60, code << 4);
      const size = Buffer.alloc(4);
      size.writeUInt32LE((bytes | 0x80000000) >>> 0);
      return Buffer.concat([Buffer.from('04224d18', 'hex'), descriptor, Buffer.of(xxHash32(descriptor, 0, 2) >> 8), size, Buffer.alloc(bytes, 'b'), Buffer.alloc(4)]);
    };
    for (const code of [0, 3]) expect(await decompress('lz4', frame(code, 5), 10)).toMatchObject({ ok: false, detail: `LZ4: unknown block size code ${code}` });
    for (const [code, most] of [[4, 65_536], [5, 262_144], [6, 1_048_576], [7, 4_194_304]] as const) {
      expect(await decompress('lz4', frame(code, most), 1 << 23)).toMatchObject({ ok: true });
      expect(await decompress('lz4', frame(code, most + 1), 1 << 23)).toMatchObject({ ok: false, detail: `LZ4: a block of ${most + 1} bytes does not fit` });
    }
  });

  test('lz4: a match reaches into an earlier block only where the frame says that blocks depend', async () => {
    const header = (flg: number): string => {
      const descriptor = Buffer.of(flg, 0x40);
      return '04224d18' + descriptor.toString('hex') + Buffer.of(xxHash32(descriptor, 0, 2) >> 8).toString('hex');
    };
    // "hello" stored; then: no literals, a match of 5 bytes 5 back, and one last literal.
    const blocks = '05000080' + '68656c6c6f' + '05000000' + '01' + '0500' + '10' + '21' + '00000000';
    expect(await decompress('lz4', Buffer.from(header(0x40) + blocks, 'hex'), 20)).toEqual({ ok: true, bytes: Buffer.from('hellohello!') });
    expect(await decompress('lz4', Buffer.from(header(0x60) + blocks, 'hex'), 20)).toMatchObject({ detail: 'LZ4: a match reaches before the block' });
    const first = header(0x40) + '06000000' + '11' + '68' + '0200' + '10' + '21' + '00000000';
    expect(await decompress('lz4', Buffer.from(first, 'hex'), 20)).toMatchObject({ detail: 'LZ4: a match reaches before the block' });
  });

  test('xxHash32 is the published one', () => {
    // Values of the reference implementation, seed 0.
    expect(xxHash32(Buffer.alloc(0), 0, 0)).toBe(0x02cc5d05);
    expect(xxHash32(Buffer.from('abc'), 0, 3)).toBe(0x32d153ff);
    expect(xxHash32(Buffer.from('Nobody inspects the spammish repetition'), 0, 39)).toBe(0xe2293b2f);
  });
});
