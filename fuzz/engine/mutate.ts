/** Changes of an input's bytes. All choices come from the campaign's random numbers. */
import { dictionary } from './dictionary.js';
import type { Random } from './random.js';

/** Integers at which lengths and checks go wrong. */
const interesting: readonly number[] = [
  0, 1, -1, 2, 3, 4, 7, 8, 15, 16, 20, 21, 22, 31, 32, 63, 64, 127, 128, 255, 256, 32767, 32768, -32768, 65535, 65536, 0xffffff, 0x1000000, 0x7fffffff, -0x80000000, 0x7ffffff8, 16_777_212, 16_777_216,
];

type Change = (random: Random, input: Buffer, other: Buffer, words: readonly Buffer[]) => Buffer;

const cut = (input: Buffer, from: number, to: number, put: Uint8Array): Buffer => Buffer.concat([input.subarray(0, from), put, input.subarray(to)]);

/** A range of the input: mostly short. */
function range(random: Random, input: Buffer): [from: number, to: number] {
  const from = random.below(input.length);
  const most = random.once(4) ? input.length - from : Math.min(16, input.length - from);
  return [from, from + 1 + random.below(most)];
}

function copyWith(input: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(input);
  change(copy);
  return copy;
}

function writeInt(copy: Buffer, at: number, width: number, value: number, little: boolean): void {
  for (let i = 0; i < width; i++) copy[at + (little ? i : width - 1 - i)] = i < 4 ? (value >> (8 * i)) & 0xff : value < 0 ? 0xff : 0;
}

function intAt(random: Random, input: Buffer): [at: number, width: number] {
  const width = Math.min(random.pick([1, 2, 4, 4, 4, 8]), input.length);
  return [random.below(input.length - width + 1), width];
}

const changes: readonly Change[] = [
  // A bit.
  (random, input) => copyWith(input, (copy) => { const at = random.below(copy.length); copy[at] = (copy[at] as number) ^ (1 << random.below(8)); }),
  // A byte.
  (random, input) => copyWith(input, (copy) => { copy[random.below(copy.length)] = random.word() & 0xff; }),
  // An integer at a boundary.
  (random, input) => copyWith(input, (copy) => { const [at, width] = intAt(random, copy); writeInt(copy, at, width, random.pick(interesting), random.once(4)); }),
  // An integer a little more or less.
  (random, input) => copyWith(input, (copy) => {
    const [at, width] = intAt(random, copy);
    let value = 0;
    for (let i = 0; i < Math.min(width, 4); i++) value = (value << 8) | (copy[at + i] as number);
    if (width <= 4) writeInt(copy, at, width, value + random.below(17) - 8, false);
  }),
  // An integer that is a length: of what follows it, of the whole, or a step beside.
  (random, input) => copyWith(input, (copy) => {
    const [at, width] = intAt(random, copy);
    writeInt(copy, at, width, random.pick([copy.length - at - width, copy.length, copy.length - at, copy.length - 4]) + random.below(5) - 2, false);
  }),
  // Bytes gone, there twice, moved, new.
  (random, input) => { const [from, to] = range(random, input); return cut(input, from, to, Buffer.alloc(0)); },
  (random, input) => { const [from, to] = range(random, input); return cut(input, to, to, input.subarray(from, to)); },
  (random, input) => { const [from, to] = range(random, input); const at = random.below(input.length); return cut(input, at, Math.min(input.length, at + to - from), input.subarray(from, to)); },
  (random, input) => cut(input, random.below(input.length + 1), Number.MAX_SAFE_INTEGER, Buffer.alloc(0)),
  (random, input) => { const at = random.below(input.length + 1); return cut(input, at, at, random.bytes(random.small(32))); },
  (random, input) => { const at = random.below(input.length + 1); return cut(input, at, at, Buffer.alloc(random.small(2048), random.once(2) ? 0 : random.word() & 0xff)); },
  // Words.
  (random, input, _other, words) => { const at = random.below(input.length + 1); return cut(input, at, at, random.pick(words)); },
  (random, input, _other, words) => { const word = random.pick(words); const at = random.below(input.length + 1); return cut(input, at, Math.min(input.length, at + word.length), word); },
  (random, input, _other, words) => { const [from, to] = range(random, input); return cut(input, from, to, random.pick(words)); },
  // Digits of a number written as text.
  (random, input) => copyWith(input, (copy) => {
    const start = random.below(copy.length);
    for (let i = 0; i < copy.length; i++) {
      const at = (start + i) % copy.length;
      if ((copy[at] as number) >= 0x30 && (copy[at] as number) <= 0x39) { copy[at] = 0x30 + random.below(10); return; }
    }
  }),
  // Two inputs: the head of one and the tail of the other, or a piece of the other inside.
  (random, input, other) => cut(input, random.below(input.length + 1), Number.MAX_SAFE_INTEGER, other.subarray(random.below(other.length + 1))),
  (random, input, other) => { const at = random.below(input.length + 1); if (other.length === 0) return input; const [from, to] = range(random, other); return cut(input, at, at, other.subarray(from, to)); },
];

/** `input` with one or more changes, at most `bytesMax` long. `other` is another input of the corpus. */
export function mutateBytes(random: Random, input: Buffer, other: Buffer, bytesMax: number, words: readonly Buffer[] = dictionary): Buffer {
  let result = input;
  for (let left = random.small(8); left > 0; left--) {
    result = result.length === 0 ? random.bytes(random.small(64)) : random.pick(changes)(random, result, other, words);
    if (result.length > bytesMax) result = result.subarray(0, bytesMax);
  }
  return Buffer.from(result);
}

/** A text field's new value: a word, a boundary number, nothing, or the old one with its bytes changed. */
export function mutateText(random: Random, text: string, words: readonly Buffer[] = dictionary): string {
  switch (random.below(4)) {
    case 0: return random.pick(words).toString('utf8');
    case 1: return text + random.pick(words).toString('utf8');
    default: return mutateBytes(random, Buffer.from(text), random.pick(words), 4096, words).toString('utf8');
  }
}
