/** Pseudo-random numbers of a campaign: small, fast, the same on every machine for the same seed. */

/** sfc32 (Chris Doty-Humphrey), seeded by a text. */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  constructor(seed: string) {
    // FNV-1a, from three starts.
    const hash = (start: number): number => {
      let h = start;
      for (let i = 0; i < seed.length; i++) h = Math.imul(h ^ seed.charCodeAt(i), 0x01000193);
      return h | 0;
    };
    this.a = hash(0x811c9dc5 | 0);
    this.b = hash(0x9e3779b9 | 0);
    this.c = hash(0x7f4a7c15 | 0);
    for (let i = 0; i < 16; i++) this.word();
  }

  /** Any 32 bits, unsigned. */
  word(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** 0..limit-1; 0 when the limit is below 1. */
  below(limit: number): number {
    return limit < 1 ? 0 : Math.floor((this.word() / 0x1_0000_0000) * limit);
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  /** An element; the list is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** 1..max, small numbers far more often than large ones. */
  small(max: number): number {
    let n = 1;
    while (n < max && this.below(3) !== 0) n = n < 8 ? n + 1 : n * 2;
    return Math.min(n, max);
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.allocUnsafe(count);
    for (let i = 0; i < count; i++) bytes[i] = this.word() & 0xff;
    return bytes;
  }
}
