/**
 * Reading members out of JSON that others wrote (Apache's config files, bodies of requests), with the defaults Apache's classes have: a member
 * that is missing or of another type is absent, nothing is refused. Bodies that must be whole are bodies.ts; the dialect is compat/fastjson.ts.
 */
import type { JsonMap, JsonValue } from '../compat/fastjson.js';

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

/** A value as a safe integer, or undefined; -0 is 0, as to Java. */
export function longValue(value: JsonValue | undefined): number | undefined {
  if (typeof value === 'string' && /^-?\d{1,16}$/.test(value)) value = Number(value);
  return typeof value === 'number' && Number.isSafeInteger(value) ? value + 0 : undefined;
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
