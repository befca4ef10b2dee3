// A bounded reader of the LZ4 frame format: it never makes more bytes than it is allowed, whatever the frame claims.
// (The native package has no such limit, and 4 MiB of LZ4 can stand for 1 GB.) Writing frames is left to that package.
//
//   magic 04 22 4D 18 | FLG | BD | [content size int64] | [dictionary id int32] | header checksum, then blocks: size int32 with
//   the top bit set for a stored block | data | [block checksum]; size 0 ends, then [content checksum]. Little-endian.

const MAGIC = 0x184d2204;

/** `ok`, or why not: `too-large` beyond the limit, `corrupt` bytes that are no frame. */
export type Lz4Result =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly reason: 'too-large' | 'corrupt'; readonly detail: string };

class Broken extends Error {
  readonly reason: 'too-large' | 'corrupt';
  constructor(reason: 'too-large' | 'corrupt', detail: string) {
    super(detail);
    this.reason = reason;
  }
}

function corrupt(detail: string): never {
  throw new Broken('corrupt', `LZ4: ${detail}`);
}

/** Output that grows by doubling and refuses to pass its limit. */
class Output {
  bytes: Buffer;
  length = 0;
  private readonly bytesMax: number;

  constructor(bytesMax: number, guess: number) {
    this.bytesMax = bytesMax;
    this.bytes = Buffer.allocUnsafe(Math.min(bytesMax, guess));
  }

  /** Makes room for `more` bytes. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    if (needed > this.bytesMax) throw new Broken('too-large', `LZ4: more than ${this.bytesMax} bytes`);
    const grown = Buffer.allocUnsafe(Math.min(this.bytesMax, Math.max(needed, this.bytes.length * 2)));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}

/** Reads all frames in `source`; skippable frames are skipped. */
export function decompressLz4Frames(source: Uint8Array, bytesMax: number): Lz4Result {
  const input = Buffer.from(source.buffer, source.byteOffset, source.length);
  const output = new Output(bytesMax, Math.max(256, input.length * 4));
  try {
    let pos = 0;
    do pos = readFrame(input, pos, output, bytesMax);
    while (pos < input.length);
    return { ok: true, bytes: output.bytes.subarray(0, output.length) };
  } catch (error) {
    if (error instanceof Broken) return { ok: false, reason: error.reason, detail: error.message };
    throw error;
  }
}

function uint32(input: Buffer, pos: number): number {
  if (pos + 4 > input.length) corrupt('the frame is cut short');
  return input.readUInt32LE(pos);
}

function readFrame(input: Buffer, start: number, output: Output, bytesMax: number): number {
  const magic = uint32(input, start);
  if (magic >>> 4 === 0x184d2a5) {
    const end = start + 8 + uint32(input, start + 4);
    if (end > input.length) corrupt('a skippable frame is cut short');
    return end;
  }
  if (magic !== MAGIC) corrupt(`unknown magic 0x${magic.toString(16)}`);
  const flg = input[start + 4];
  const bd = input[start + 5];
  if (flg === undefined || bd === undefined) corrupt('the frame is cut short');
  if (flg >> 6 !== 1) corrupt(`unknown version ${flg >> 6}`);
  if ((flg & 0x01) !== 0) corrupt('a dictionary is needed');
  const blockCode = (bd >> 4) & 7;
  if (blockCode < 4) corrupt(`unknown block size code ${blockCode}`);
  const blockBytesMax = 1 << (8 + 2 * blockCode);
  const independent = (flg & 0x20) !== 0;
  const frameStart = output.length;
  let contentBytes = -1;
  let pos = start + 6;
  if ((flg & 0x08) !== 0) {
    contentBytes = uint32(input, pos) + uint32(input, pos + 4) * 0x100000000;
    if (frameStart + contentBytes > bytesMax) throw new Broken('too-large', `LZ4: ${contentBytes} bytes, the limit is ${bytesMax}`);
    pos += 8;
  }
  const checksum = input[pos];
  if (checksum === undefined) corrupt('the frame is cut short');
  if (((xxHash32(input, start + 4, pos) >>> 8) & 0xff) !== checksum) corrupt('the header checksum differs');
  pos++;
  for (;;) {
    const word = uint32(input, pos);
    pos += 4;
    if (word === 0) break;
    const size = word & 0x7fffffff;
    if (size > blockBytesMax || pos + size > input.length) corrupt(`a block of ${size} bytes does not fit`);
    if (word >>> 31 === 1) {
      output.reserve(size);
      input.copy(output.bytes, output.length, pos, pos + size);
      output.length += size;
    } else {
      readBlock(input, pos, pos + size, output, blockBytesMax, independent ? output.length : frameStart);
    }
    if ((flg & 0x10) !== 0) {
      if (uint32(input, pos + size) !== xxHash32(input, pos, pos + size)) corrupt('a block checksum differs');
      pos += 4;
    }
    pos += size;
  }
  if (contentBytes >= 0 && output.length - frameStart !== contentBytes) corrupt('the content size differs');
  if ((flg & 0x04) !== 0) {
    if (uint32(input, pos) !== xxHash32(output.bytes, frameStart, output.length)) corrupt('the content checksum differs');
    pos += 4;
  }
  return pos;
}

/** A block is sequences of: token | literal length | literals | match offset int16 | match length; the last has literals only. */
function readBlock(input: Buffer, start: number, end: number, output: Output, blockBytesMax: number, windowStart: number): void {
  const limit = output.length + blockBytesMax;
  let pos = start;
  while (pos < end) {
    const token = input[pos++] as number;
    let literals = token >> 4;
    if (literals === 15) {
      let byte = 255;
      while (byte === 255) {
        if (pos >= end) corrupt('a block is cut short');
        byte = input[pos++] as number;
        literals += byte;
      }
    }
    if (pos + literals > end || output.length + literals > limit) corrupt('literals do not fit the block');
    output.reserve(literals);
    input.copy(output.bytes, output.length, pos, pos + literals);
    output.length += literals;
    pos += literals;
    if (pos === end) return;
    if (pos + 2 > end) corrupt('a block is cut short');
    const offset = (input[pos] as number) | ((input[pos + 1] as number) << 8);
    pos += 2;
    let length = (token & 15) + 4;
    if (length === 19) {
      let byte = 255;
      while (byte === 255) {
        if (pos >= end) corrupt('a block is cut short');
        byte = input[pos++] as number;
        length += byte;
      }
    }
    if (offset === 0 || output.length - offset < windowStart) corrupt('a match reaches before the block');
    if (output.length + length > limit) corrupt('a match does not fit the block');
    output.reserve(length);
    copyMatch(output, offset, length);
  }
  corrupt('a block has no last literals');
}

/** Copies `length` bytes from `offset` bytes back; the ranges may overlap, which repeats the bytes between them. */
function copyMatch(output: Output, offset: number, length: number): void {
  const bytes = output.bytes;
  const from = output.length - offset;
  const to = output.length;
  if (offset >= length) bytes.copyWithin(to, from, from + length);
  else if (offset === 1) bytes.fill(bytes[from] as number, to, to + length);
  else for (let i = 0; i < length; i++) bytes[to + i] = bytes[from + i] as number;
  output.length = to + length;
}

const PRIME1 = 0x9e3779b1;
const PRIME2 = 0x85ebca77;
const PRIME3 = 0xc2b2ae3d;
const PRIME4 = 0x27d4eb2f;
const PRIME5 = 0x165667b1;

function rotate(n: number, bits: number): number {
  return (n << bits) | (n >>> (32 - bits));
}

/** xxHash32 with seed 0, as the frame format uses it. */
export function xxHash32(bytes: Buffer, start: number, end: number): number {
  let i = start;
  let hash: number;
  if (end - start >= 16) {
    const lanes = [(PRIME1 + PRIME2) | 0, PRIME2 | 0, 0, -PRIME1 | 0];
    for (; i + 16 <= end; i += 16) {
      for (let lane = 0; lane < 4; lane++) {
        const mixed = ((lanes[lane] as number) + Math.imul(bytes.readInt32LE(i + lane * 4), PRIME2)) | 0;
        lanes[lane] = Math.imul(rotate(mixed, 13), PRIME1);
      }
    }
    const [a, b, c, d] = lanes as [number, number, number, number];
    hash = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0;
  } else {
    hash = PRIME5;
  }
  hash = (hash + (end - start)) | 0;
  for (; i + 4 <= end; i += 4) hash = Math.imul(rotate((hash + Math.imul(bytes.readInt32LE(i), PRIME3)) | 0, 17), PRIME4);
  for (; i < end; i++) hash = Math.imul(rotate((hash + Math.imul(bytes[i] as number, PRIME5)) | 0, 11), PRIME1);
  hash = Math.imul(hash ^ (hash >>> 15), PRIME2);
  hash = Math.imul(hash ^ (hash >>> 13), PRIME3);
  return (hash ^ (hash >>> 16)) >>> 0;
}
