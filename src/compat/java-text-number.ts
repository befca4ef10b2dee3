/**
 * Numbers as Java reads them from any text: `Integer#valueOf`, `Long#valueOf` and `Double#valueOf` with digits of every script, hexadecimal floats and
 * Java's own idea of blanks. For what producers write into properties; header fields take ASCII digits only (java-number.ts).
 */
import { parseJavaInt, parseJavaLong } from './java-number.js';

/** Code points of the zeros of decimal digits within one UTF-16 unit (`Character#digit`; general category Nd). */
const zeros = [
  0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090,
  0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
];

/** The text with other scripts' digits as ASCII ones; the same text when it has none. */
function asciiDigits(text: string): string {
  let out: string[] | undefined;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x660) continue;
    const zero = zeros.find((first) => c >= first && c < first + 10);
    // Anything else cannot be part of a number.
    if (zero === undefined) return text;
    out ??= text.split('');
    out[i] = String(c - zero);
  }
  return out === undefined ? text : out.join('');
}

/** `Integer#valueOf`; undefined where Java throws NumberFormatException. */
export function javaInt(text: string): number | undefined {
  // The usual: up to nine digits, without anything else.
  const length = text.length;
  if (length > 0 && length < 10) {
    let value = 0;
    let i = 0;
    for (; i < length; i++) {
      const digit = text.charCodeAt(i) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (i === length) return value;
  }
  return parseJavaInt(asciiDigits(text));
}

/** `Long#valueOf`; undefined where Java throws. */
export function javaLong(text: string): bigint | undefined {
  return parseJavaLong(asciiDigits(text));
}

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?$/;
const hexadecimal = /^([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?[pP]([+-]?\d+)[fFdD]?$/;

/** `Double#valueOf`: ASCII digits, blanks and control characters around them, suffixes, NaN, Infinity, hexadecimal floats; undefined where Java throws. */
export function javaDouble(text: string): number | undefined {
  const bare = javaTrim(text);
  if (decimal.test(bare)) {
    const last = bare.charCodeAt(bare.length - 1);
    return Number(last > 0x39 ? bare.slice(0, -1) : bare);
  }
  switch (bare) {
    case 'NaN':
    case '+NaN':
    case '-NaN':
      return NaN;
    case 'Infinity':
    case '+Infinity':
      return Infinity;
    case '-Infinity':
      return -Infinity;
  }
  return hexDouble(bare);
}

/** `String#trim`: everything up to U+0020 at both ends. */
function javaTrim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text.charCodeAt(start) <= 0x20) start++;
  while (end > start && text.charCodeAt(end - 1) <= 0x20) end--;
  return text.slice(start, end);
}

/** Bits of a double's fraction, its leading one included, and the exponent of its last bit when it is as small as may be. */
const fractionBits = 53;
const lastBitMin = -1074;
/** Larger exponents than any text of properties could balance with its digits. */
const exponentMax = 1_000_000;

function hexDouble(text: string): number | undefined {
  const match = hexadecimal.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', power = '0'] = match;
  // A point must have digits on one side, and digits there must be.
  if (whole === '' && fraction === '') return undefined;
  const digits = (whole + fraction).replace(/^0+/, '');
  const size = digits === '' ? 0 : hexValue(digits, Math.max(-exponentMax, Math.min(exponentMax, Number(power))) - 4 * fraction.length);
  return sign === '-' ? -size : size;
}

/** Hexadecimal digits times a power of two, rounded once, half to even. */
function hexValue(digits: string, exponent: number): number {
  // 20 digits are more bits than count; of the others it matters only whether they are zero.
  const kept = digits.slice(0, 20);
  const sticky = /[^0]/.test(digits.slice(20));
  let mantissa = BigInt(`0x${kept}`);
  let last = exponent + 4 * (digits.length - kept.length);
  const bits = mantissa.toString(2).length;
  const drop = Math.max(bits - fractionBits, lastBitMin - last);
  if (drop > 0) {
    if (drop > bits + 1) return 0;
    const cut = BigInt(drop);
    const rest = mantissa & ((1n << cut) - 1n);
    const half = 1n << (cut - 1n);
    mantissa >>= cut;
    last += drop;
    if (rest > half || (rest === half && (sticky || (mantissa & 1n) === 1n))) mantissa++;
  }
  if (last > 1023) return Infinity;
  // Two steps, so that neither factor leaves the range; the product of the first is exact.
  return last < -1022 ? Number(mantissa) * 2 ** -1022 * 2 ** (last + 1022) : Number(mantissa) * 2 ** last;
}
