/**
 * Numbers and booleans the way Java reads them from text: what `Integer.parseInt` takes, what it refuses, and how it says so.
 */

/** `Integer#parseInt`: optional sign, ASCII digits, nothing else; undefined where Java throws NumberFormatException. */
export function parseJavaInt(text: string): number | undefined {
  if (!isDecimal(text)) return undefined;
  // Long runs of digits become an inexact number or Infinity, which are out of range as well.
  const value = Number(text);
  return value >= -2147483648 && value <= 2147483647 ? value + 0 : undefined;
}

const longMin = -(2n ** 63n);
const longMax = 2n ** 63n - 1n;

/** `Long#parseLong`; undefined where Java throws. Zeros may lead, so the count of digits is bounded after them. */
export function parseJavaLong(text: string): bigint | undefined {
  if (!isDecimal(text)) return undefined;
  const sign = text.charCodeAt(0);
  let digits = sign === 0x2d || sign === 0x2b ? 1 : 0;
  while (digits < text.length - 1 && text.charCodeAt(digits) === 0x30) digits++;
  if (text.length - digits > 19) return undefined;
  const size = BigInt(text.slice(digits));
  const value = sign === 0x2d ? -size : size;
  return value >= longMin && value <= longMax ? value : undefined;
}

/** `Boolean#parseBoolean`: `true` in any case of letters is true, everything else false. */
export function parseJavaBoolean(text: string): boolean {
  return text.length === 4 && text.toLowerCase() === 'true';
}

/** `Double#parseDouble` for decimal text, blanks around it allowed; undefined where Java throws. */
export function parseJavaDouble(text: string): number | undefined {
  const bare = text.trim();
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?$/.test(bare)) return Number(bare.replace(/[fFdD]$/, ''));
  const named = /^([+-]?)(NaN|Infinity)$/.exec(bare);
  if (named === null) return undefined;
  if (named[2] === 'NaN') return NaN;
  return named[1] === '-' ? -Infinity : Infinity;
}

/** `Double#toString`: always a fraction, and an exponent outside 0.001..10^7. */
export function javaDoubleText(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e7 || size < 1e-3)) {
    const [digits, exponent] = value.toExponential().split('e') as [string, string];
    return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`;
  }
  if (Object.is(value, -0)) return '-0.0';
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** What `NumberFormatException#toString` says of a text (`NumberFormatException#forInputString`, radix 10). */
export function numberFormatText(text: string): string {
  return `java.lang.NumberFormatException: For input string: "${text}"`;
}

function isDecimal(text: string): boolean {
  const first = text.charCodeAt(0);
  let i = first === 0x2d || first === 0x2b ? 1 : 0;
  if (i >= text.length) return false;
  for (; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return false;
  }
  return true;
}
