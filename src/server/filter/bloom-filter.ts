/**
 * The Bloom filter that tells which groups a message may be for (`BloomFilter`, `BitsArray`): k of m bits for each group and topic. Bit b lies in
 * byte b / 8 at mask 1 << (b % 8). Positions come from MurmurHash3 x64 128 with seed 0, as Guava's `Hashing#murmur3_128` gives it.
 */

/** `BloomFilterData`: the bits of one group. */
export interface BloomFilterData {
  readonly bitPos: readonly number[];
  readonly bitNum: number;
}

export class BloomFilter {
  /** Percent of messages that pass although they should not. */
  readonly f: number;
  /** Groups expected. */
  readonly n: number;
  /** Bits of one group, and of all. */
  readonly k: number;
  readonly m: number;

  /** Throws RangeError for an error rate outside 1..99 percent or no groups (`BloomFilter#createByFn`). */
  constructor(f: number, n: number) {
    if (!(f >= 1 && f < 100)) throw new RangeError('f must be greater or equal than 1 and less than 100');
    if (!(n >= 1)) throw new RangeError('n must be greater than 0');
    this.f = f;
    this.n = n;
    const rate = f / 100;
    this.k = Math.ceil(logOf(0.5, rate));
    const bits = Math.ceil(n * logOf(2, 1 / rate) * logOf(2, Math.E));
    this.m = 8 * Math.ceil(bits / 8);
  }

  /** `calcBitPositions`: of h = 64 bits of the hash, (low + i * high) for i = 1..k, complemented when negative, modulo m. */
  positions(text: string): number[] {
    const hash = murmur128Low(Buffer.from(text));
    const low = Number(BigInt.asIntN(32, hash));
    const high = Number(BigInt.asIntN(32, hash >> 32n));
    const positions: number[] = [];
    for (let i = 1; i <= this.k; i++) {
      const combined = (low + Math.imul(i, high)) | 0;
      positions.push((combined < 0 ? ~combined : combined) % this.m);
    }
    return positions;
  }

  /** `generate`. */
  dataOf(text: string): BloomFilterData {
    return { bitPos: this.positions(text), bitNum: this.m };
  }

  /** `isValid`: made by a filter of this size. */
  isValid(data: BloomFilterData | undefined): data is BloomFilterData {
    return data !== undefined && data.bitNum === this.m && data.bitPos.length === this.k;
  }
}

/** `BloomFilter#logMN`, with Java's order of operations: the sizes depend on its rounding. */
function logOf(base: number, value: number): number {
  return Math.log(value) / Math.log(base);
}

/** Sets the bits of a group. */
export function setBits(bits: Uint8Array, positions: readonly number[]): void {
  for (const at of positions) bits[at >> 3] = (bits[at >> 3] as number) | (1 << (at & 7));
}

/** True when all bits of a group are set in `bits[start..]`. */
export function hasBits(bits: Uint8Array, start: number, positions: readonly number[]): boolean {
  for (const at of positions) if (((bits[start + (at >> 3)] as number) & (1 << (at & 7))) === 0) return false;
  return true;
}

/** `BitsArray#toString` of whole bytes: the last bit first, a line end behind each byte whose number divides by 8. */
export function bitsText(bits: Uint8Array): string {
  let text = '';
  for (let i = bits.length - 1; i >= 0; i--) {
    text += (bits[i] as number).toString(2).padStart(8, '0');
    if (i % 8 === 0) text += '\n';
  }
  return text;
}

const mask64 = 0xffffffffffffffffn;
const c1 = 0x87c37b91114253d5n;
const c2 = 0x4cf5ad432745937fn;

const rotate = (x: bigint, by: bigint): bigint => ((x << by) | (x >> (64n - by))) & mask64;
const times = (x: bigint, y: bigint): bigint => (x * y) & mask64;
const mixed1 = (k: bigint): bigint => times(rotate(times(k, c1), 31n), c2);
const mixed2 = (k: bigint): bigint => times(rotate(times(k, c2), 33n), c1);

function finalMix(x: bigint): bigint {
  const a = times(x ^ (x >> 33n), 0xff51afd7ed558ccdn);
  const b = times(a ^ (a >> 33n), 0xc4ceb9fe1a85ec53n);
  return b ^ (b >> 33n);
}

/** The first 64 bits of MurmurHash3 x64 128, seed 0, unsigned (`HashCode#asLong`). */
export function murmur128Low(bytes: Buffer): bigint {
  let h1 = 0n;
  let h2 = 0n;
  let at = 0;
  for (; at + 16 <= bytes.length; at += 16) {
    h1 = (times((rotate(h1 ^ mixed1(bytes.readBigUInt64LE(at)), 27n) + h2) & mask64, 5n) + 0x52dce729n) & mask64;
    h2 = (times((rotate(h2 ^ mixed2(bytes.readBigUInt64LE(at + 8)), 31n) + h1) & mask64, 5n) + 0x38495ab5n) & mask64;
  }
  // Zeros change nothing, where there is no rest.
  const rest = Buffer.alloc(16);
  bytes.copy(rest, 0, at);
  h1 ^= mixed1(rest.readBigUInt64LE(0));
  h2 ^= mixed2(rest.readBigUInt64LE(8));
  h1 ^= BigInt(bytes.length);
  h2 ^= BigInt(bytes.length);
  h1 = (h1 + h2) & mask64;
  h2 = (h2 + h1) & mask64;
  return (finalMix(h1) + finalMix(h2)) & mask64;
}
