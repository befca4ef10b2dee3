/**
 * Reading members out of JSON that others wrote (Apache's config files, bodies of requests) with the defaults Apache's classes have,
 * and writing config files in fastjson2's pretty form. The dialect itself is compat/fastjson.ts.
 */
import type { JsonKey, JsonMap, JsonValue } from '../../compat/fastjson.js';

/** What may be written: plain objects are beans (members sorted, undefined and null left out), Maps keep their order and their kinds of key. */
export type JsonOut = JsonValue | undefined | readonly JsonOut[] | ReadonlySet<JsonOut> | JsonOutMap | JsonOutBean | JavaDouble;
export type JsonOutMap = ReadonlyMap<string | number | JsonOutBean | JsonKey, JsonOut>;
export interface JsonOutBean {
  readonly [member: string]: JsonOut;
}

export function isMap(value: unknown): value is JsonMap {
  return value instanceof Map;
}

/** The member as a map, empty when it is missing or something else. */
export function mapOf(map: JsonMap, name: string): JsonMap {
  const value = map.get(name);
  return isMap(value) ? value : new Map();
}

export function listOf(map: JsonMap, name: string): readonly JsonValue[] {
  const value = map.get(name);
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}

/** fastjson2 reads numbers and booleans as text where text is asked for. */
export function textOf(map: JsonMap, name: string): string | undefined {
  const value = map.get(name);
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : undefined;
}

/** An int32; `absent` when missing, not a number or out of range. Digits in quotes count as a number. */
export function intOf(map: JsonMap, name: string, absent: number): number {
  const value = longValue(map.get(name));
  return value === undefined || value !== (value | 0) ? absent : value;
}

/** A safe integer; `absent` otherwise. */
export function longOf(map: JsonMap, name: string, absent: number): number {
  return longValue(map.get(name)) ?? absent;
}

/** A value as a safe integer, or undefined. */
export function longValue(value: JsonValue | undefined): number | undefined {
  if (typeof value === 'string' && /^-?\d{1,16}$/.test(value)) value = Number(value);
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}

/** Every integer of 64 bits, exactly; undefined when it is none. */
export function bigOf(map: JsonMap, name: string): bigint | undefined {
  const value = map.get(name);
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  return typeof value === 'string' && /^-?\d{1,19}$/.test(value) ? BigInt(value) : undefined;
}

export function boolOf(map: JsonMap, name: string, absent: boolean): boolean {
  const value = map.get(name);
  if (typeof value === 'boolean') return value;
  if (value === 'true' || value === 1) return true;
  if (value === 'false' || value === 0) return false;
  return absent;
}

/** A map of text to text; other values are read as text, null is left out. */
export function textMapOf(map: JsonMap, name: string): Record<string, string> {
  const texts: Record<string, string> = Object.create(null) as Record<string, string>;
  const values = mapOf(map, name);
  for (const key of values.keys()) {
    const text = typeof key === 'string' ? textOf(values, key) : undefined;
    if (text !== undefined && typeof key === 'string') texts[key] = text;
  }
  return { ...texts };
}

/** fastjson2's PrettyFormat: tabs, no blank after the colon, empty ones closed at once. Integer keys are bare. */
export function prettyJson(value: JsonOut): string {
  return write(value, '\n');
}

/** The same values on one line: bodies of answers. */
export function compactJson(value: JsonOut): string {
  return write(value, '');
}

function write(value: JsonOut, newline: string): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  if (value instanceof JavaDouble) return value.toString();
  const inner = newline === '' ? '' : `${newline}\t`;
  if (Array.isArray(value) || value instanceof Set) {
    const items = [...(value as Iterable<JsonOut>)];
    return items.length === 0 ? '[]' : `[${inner}${items.map((item) => write(item, inner)).join(`,${inner}`)}${newline}]`;
  }
  const members: string[] = [];
  if (value instanceof Map) {
    for (const [key, member] of value as JsonOutMap) {
      const name = typeof key === 'number' ? String(key) : typeof key === 'string' ? JSON.stringify(key) : write(key, '');
      members.push(`${name}:${write(member, inner)}`);
    }
  } else {
    const bean = value as JsonOutBean;
    for (const name of Object.keys(bean).sort()) {
      const member = bean[name];
      if (member !== undefined && member !== null) members.push(`${JSON.stringify(name)}:${write(member, inner)}`);
    }
  }
  return members.length === 0 ? '{}' : `{${inner}${members.join(`,${inner}`)}${newline}}`;
}

/** A double of Java's: written `0.0` where JavaScript says `0` (`Double#toString` in the ranges statistics have). */
export class JavaDouble {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  toString(): string {
    const size = Math.abs(this.value);
    if (!Number.isFinite(this.value)) return 'null';
    if (size !== 0 && (size >= 1e7 || size < 1e-3)) {
      const [digits = '0', exponent = '0'] = this.value.toExponential().split('e');
      return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`;
    }
    return Number.isInteger(this.value) ? `${this.value}.0` : String(this.value);
  }
}
