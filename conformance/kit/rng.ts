/** Seeded choice for cases: the same seed and case name give the same values. */

export interface Rng {
  /** An integer, both ends included. */
  int(min: number, max: number): number;
  bytes(length: number): Buffer;
  /** Lower-case letters and digits. */
  text(length: number): string;
  pick<T>(list: readonly T[]): T;
  shuffle<T>(list: readonly T[]): T[];
}

/** mulberry32 over a hash of the words. */
export function createRng(...words: readonly (string | number)[]): Rng {
  let state = 0x811c9dc5;
  for (const char of words.join('\u0000')) state = Math.imul(state ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const int = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
  return {
    int,
    bytes: (length) => Buffer.from(Array.from({ length }, () => int(0, 255))),
    text: (length) => Array.from({ length }, () => alphabet[int(0, alphabet.length - 1)] ?? '').join(''),
    pick<T>(list: readonly T[]): T {
      if (list.length === 0) throw new Error('nothing to pick from');
      return list[int(0, list.length - 1)] as T;
    },
    shuffle<T>(list: readonly T[]): T[] {
      const out = [...list];
      for (let i = out.length - 1; i > 0; i--) {
        const j = int(0, i);
        [out[i], out[j]] = [out[j] as T, out[i] as T];
      }
      return out;
    },
  };
}
