// Compressed bodies: zlib streams (RFC 1950), LZ4 frames and zstd frames, with a limit on what comes out. A broker stores bodies
// as they came and seldom looks inside, so the LZ4 and zstd packages are loaded when first used.
import { deflateSync, inflateSync } from 'node:zlib';
import type { CompressionType } from './sys-flag.js';
import { decompressLz4Frames } from './lz4-frame.js';

export type Decompressed =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly reason: 'too-large' | 'corrupt'; readonly detail: string };

function tooLarge(name: string, bytesMax: number): Decompressed {
  return { ok: false, reason: 'too-large', detail: `${name}: more than ${bytesMax} bytes` };
}

function corrupt(name: string, error: unknown): Decompressed {
  return { ok: false, reason: 'corrupt', detail: `${name}: ${error instanceof Error ? error.message : String(error)}` };
}

/**
 * Decompresses a body. Never yields more than `bytesMax` bytes: a size that the format states is checked before anything is allocated, and
 * output is cut off at the limit where it states none. Bytes after a zlib stream are ignored, as Java ignores them.
 */
export function decompress(type: CompressionType, bytes: Uint8Array, bytesMax: number): Promise<Decompressed> {
  switch (type) {
    case 'zlib':
      return Promise.resolve(inflate(bytes, bytesMax));
    case 'lz4':
      return Promise.resolve(decompressLz4Frames(bytes, bytesMax));
    case 'zstd':
      return decompressZstd(bytes, bytesMax);
  }
}

/**
 * Compresses a body so that every RocketMQ client can read it.
 * @param level zlib 0..9 (clients use 5), zstd 1..22; LZ4 has none
 */
export async function compress(type: CompressionType, bytes: Uint8Array, level?: number): Promise<Buffer> {
  switch (type) {
    case 'zlib':
      return deflateSync(bytes, { level: level ?? 5 });
    case 'lz4': {
      const { compressFrameSync } = (await import('lz4-napi')).default;
      return compressFrameSync(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    }
    case 'zstd': {
      const zstd = await loadZstd();
      return Buffer.from(zstd.compress(bytes, level ?? 3));
    }
  }
}

function inflate(bytes: Uint8Array, bytesMax: number): Decompressed {
  try {
    // zlib wants a limit of at least 1; one byte more than allowed tells "exactly the limit" from "beyond it".
    const chunkSize = Math.max(64, Math.min(bytesMax + 1, Math.max(1024, bytes.length * 4)));
    const inflated = inflateSync(bytes, { maxOutputLength: bytesMax + 1, chunkSize });
    return inflated.length > bytesMax ? tooLarge('zlib', bytesMax) : { ok: true, bytes: inflated };
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') return tooLarge('zlib', bytesMax);
    return corrupt('zlib', error);
  }
}

interface Zstd {
  readonly compress: (bytes: Uint8Array, level?: number) => Uint8Array;
  readonly decompress: (bytes: Uint8Array, options?: { defaultHeapSize?: number }) => Uint8Array;
}

let zstdLoading: Promise<Zstd> | undefined;

function loadZstd(): Promise<Zstd> {
  zstdLoading ??= import('@bokuweb/zstd-wasm').then(async (zstd) => {
    await zstd.init();
    return zstd;
  });
  return zstdLoading;
}

async function decompressZstd(bytes: Uint8Array, bytesMax: number): Promise<Decompressed> {
  const start = skipSkippable(bytes);
  if (start === undefined) return corrupt('zstd', 'no zstd frame');
  const contentBytes = zstdContentBytes(bytes, start);
  if (contentBytes === undefined) return corrupt('zstd', 'the frame header is not one of zstd');
  if (contentBytes > bytesMax) return tooLarge('zstd', bytesMax);
  const zstd = await loadZstd();
  try {
    // The package allocates the stated size, or `defaultHeapSize` when none is stated, and decompresses into that.
    const output = zstd.decompress(bytes.subarray(start), { defaultHeapSize: Math.max(1, bytesMax) });
    const plain = Buffer.from(output.buffer, output.byteOffset, output.length);
    return plain.length > bytesMax ? tooLarge('zstd', bytesMax) : { ok: true, bytes: plain };
  } catch (error) {
    // 70: ZSTD_error_dstSize_tooSmall. A frame that states its size and then exceeds it is corrupt, not large.
    return contentBytes < 0 && / -70$/.test(String(error)) ? tooLarge('zstd', bytesMax) : corrupt('zstd', error);
  }
}

/** Position of the first frame that is not skippable; undefined when there is none. */
function skipSkippable(bytes: Uint8Array): number | undefined {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let pos = 0;
  while (pos + 8 <= input.length && input.readUInt32LE(pos) >>> 4 === 0x184d2a5) pos += 8 + input.readUInt32LE(pos + 4);
  return pos + 5 <= input.length && input.readUInt32LE(pos) === 0xfd2fb528 ? pos : undefined;
}

/** The content size that a zstd frame header states (RFC 8878, 3.1.1.1); -1 when it states none, undefined when it is cut short. */
function zstdContentBytes(bytes: Uint8Array, start: number): number | undefined {
  const descriptor = bytes[start + 4] as number;
  const single = (descriptor & 0x20) !== 0;
  const pos = start + 5 + (single ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] as number);
  const width = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
  if (pos + width > bytes.length) return undefined;
  if (width === 0) return -1;
  let size = 0;
  for (let i = width - 1; i >= 0; i--) size = size * 256 + (bytes[pos + i] as number);
  return width === 2 ? size + 256 : size;
}
