/**
 * Shapes of JSON bodies: what reads and what writes one kind of value, put together from small ones.
 * It owns conversion as fastjson2 does it (numbers in quotes, booleans as 0 and 1, null as absent) and the errors, which name the member;
 * the bodies themselves are bodies.ts, the dialect is compat/fastjson.ts.
 */
import { JsonDouble, JsonError, readJson, writeJson } from '../compat/fastjson.js';
import type { JsonMap, JsonOut, JsonValue } from '../compat/fastjson.js';
import { parseJavaInt, parseJavaLong } from '../compat/java-number.js';
import { Refusal } from './errors.js';
import { responseCodes } from './responses.js';

/** Reads and writes one kind of value. `read` throws Refusal naming `path`; `absent` is what a missing or null member means. */
export interface Shape<T> {
  readonly read: (value: JsonValue, path: string) => T;
  readonly write: (value: T) => JsonOut;
  /** Present = the member may be missing, and reads as what this returns. */
  readonly absent?: () => T;
}

export type TypeOf<S> = S extends Shape<infer T> ? T : never;

function refuse(path: string, expected: string, value: JsonValue): never {
  throw new Refusal(responseCodes.SYSTEM_ERROR, `${path} must be ${expected}, not ${shown(value)}`);
}

function shown(value: JsonValue): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'an object';
  return String(value);
}

/** Text; numbers and booleans read as their text. */
export const text: Shape<string> = {
  read: (value, path) => {
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
    return refuse(path, 'text', value);
  },
  write: (value) => value,
};

/** An int32, as a number or its digits in quotes. */
export const int: Shape<number> = {
  read: (value, path) => {
    const number = typeof value === 'string' ? parseJavaInt(value) : value;
    if (typeof number === 'number' && number === (number | 0)) return number;
    return refuse(path, 'an integer -2147483648..2147483647', value);
  },
  write: (value) => value,
};

function readLong(value: JsonValue): bigint | undefined {
  if (typeof value === 'string') return parseJavaLong(value);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === 'bigint' && BigInt.asIntN(64, value) === value ? value : undefined;
}

/** An int64, exact. */
export const bigLong: Shape<bigint> = {
  read: (value, path) => readLong(value) ?? refuse(path, 'an integer -9223372036854775808..9223372036854775807', value),
  write: (value) => value,
};

/** An int64 that we work on as a number: offsets, times, counters. Beyond the safe range it is refused. */
export const long: Shape<number> = {
  read: (value, path) => {
    const number = Number(readLong(value) ?? refuse(path, 'an integer', value));
    return Number.isSafeInteger(number) ? number : refuse(path, 'an integer -9007199254740991..9007199254740991', value);
  },
  write: (value) => value,
};

/** A double, written with a fraction as Java does. */
export const double: Shape<number> = {
  read: (value, path) => {
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : typeof value === 'bigint' ? Number(value) : value;
    return typeof number === 'number' && !Number.isNaN(number) ? number : refuse(path, 'a number', value);
  },
  write: (value) => new JsonDouble(value),
};

/** A boolean; `true`/`false` in quotes and 1/0 too. */
export const bool: Shape<boolean> = {
  read: (value, path) => {
    if (value === true || value === 1 || value === '1') return true;
    if (value === false || value === 0 || value === '0') return false;
    const word = typeof value === 'string' ? value.toLowerCase() : '';
    return word === 'true' ? true : word === 'false' ? false : refuse(path, 'true or false', value);
  },
  write: (value) => value,
};

/** One of a Java enum's names; its ordinal is read too. */
export function oneOf<const N extends string>(...names: readonly N[]): Shape<N> {
  return {
    read: (value, path) => {
      const name = typeof value === 'number' ? names[value] : names.find((known) => known === value);
      return name ?? refuse(path, `one of ${names.join(', ')}`, value);
    },
    write: (value) => value,
  };
}

/** A member that may be missing or null; written only when present. */
export function opt<T>(shape: Shape<T>): Shape<T | undefined> {
  return {
    read: (value, path) => (value === null ? undefined : shape.read(value, path)),
    write: (value) => (value === undefined ? undefined : shape.write(value)),
    absent: () => undefined,
  };
}

/** A member that may be missing or null and then has this value; always written. */
export function or<T>(shape: Shape<T>, value: T): Shape<T> {
  return { ...shape, absent: () => value };
}

/** A list or set; missing = empty. */
export function list<T>(item: Shape<T>): Shape<readonly T[]> {
  return {
    read: (value, path) => (Array.isArray(value) ? (value as readonly JsonValue[]) : refuse(path, 'a list', value)).map((each, i) => item.read(each, `${path}[${i}]`)),
    write: (values) => values.map((value) => item.write(value)),
    absent: () => [],
  };
}

/** How a map's keys are written: `bare` numbers (fastjson's own) or in quotes; `object` keys are beans. */
interface KeyShape<K> {
  readonly read: (key: string | JsonMap, path: string) => K;
  readonly write: (key: K) => string | number | JsonOut;
}

const textKey: KeyShape<string> = {
  read: (key, path) => (typeof key === 'string' ? key : refuse(path, 'keyed by text', key)),
  write: (key) => key,
};

const intKey: KeyShape<number> = {
  read: (key, path) => {
    const number = typeof key === 'string' ? Number(parseJavaLong(key) ?? NaN) : NaN;
    return Number.isSafeInteger(number) ? number : refuse(path, 'keyed by integers', key);
  },
  write: (key) => key,
};

function mapOf<K, T>(keys: KeyShape<K>, item: Shape<T>): Shape<ReadonlyMap<K, T>> {
  return {
    read: (value, path) => {
      if (!(value instanceof Map)) return refuse(path, 'an object', value);
      const map = new Map<K, T>();
      for (const [key, each] of value as JsonMap) {
        if (each === null) continue;
        map.set(keys.read(key, path), item.read(each, `${path}[${typeof key === 'string' ? JSON.stringify(key.slice(0, 40)) : 'object'}]`));
      }
      return map;
    },
    write: (map) => {
      const out = new Map<string | number, JsonOut>();
      for (const [key, value] of map) out.set(keys.write(key) as string, item.write(value));
      return out;
    },
    absent: () => new Map<K, T>(),
  };
}

/** A map keyed by text; missing = empty. */
export function textMap<T>(item: Shape<T>): Shape<ReadonlyMap<string, T>> {
  return mapOf(textKey, item);
}

/** A map keyed by integers, written bare; read bare or in quotes. */
export function intMap<T>(item: Shape<T>): Shape<ReadonlyMap<number, T>> {
  return mapOf(intKey, item);
}

/** A map keyed by objects (MessageQueue). Objects have no identity here, so it is a list of pairs. */
export function pairs<K, T>(key: Shape<K>, item: Shape<T>): Shape<readonly (readonly [K, T])[]> {
  return {
    read: (value, path) => {
      if (!(value instanceof Map)) return refuse(path, 'an object', value);
      const read: (readonly [K, T])[] = [];
      for (const [each, member] of value as JsonMap) read.push([key.read(keyValue(each, path), `${path} key`), item.read(member, `${path} value`)]);
      return read;
    },
    write: (entries) => {
      const out = new Map<string, JsonOut>();
      for (const [each, value] of entries) out.set(key.write(each) as string, item.write(value));
      return out;
    },
    absent: () => [],
  };
}

/** A key that is an object, or the text of one: writers that know no object keys put the JSON into quotes. */
function keyValue(key: string | JsonMap, path: string): JsonValue {
  if (typeof key !== 'string') return key;
  return key.startsWith('{') ? readAs(key, path) : key;
}

interface AnyShape {
  readonly read: (value: JsonValue, path: string) => unknown;
  readonly write: (value: never) => JsonOut;
  readonly absent?: () => unknown;
}

type Members = { readonly [member: string]: AnyShape };
type ValueOf<S extends AnyShape> = ReturnType<S['read']>;
type OptionalOf<M extends Members> = { [K in keyof M]: undefined extends ValueOf<M[K]> ? K : never }[keyof M];
/** The object that these members describe; those that may be undefined may be left out. */
type BeanOf<M extends Members> = { readonly [K in Exclude<keyof M, OptionalOf<M>>]: ValueOf<M[K]> } & { readonly [K in OptionalOf<M>]?: ValueOf<M[K]> };

/** An object with these members. Unknown ones are skipped; they are written in alphabetical order, as fastjson2 writes a bean's. */
export function bean<const M extends Members>(members: M): Shape<{ [K in keyof BeanOf<M>]: BeanOf<M>[K] }> {
  type T = { [K in keyof BeanOf<M>]: BeanOf<M>[K] };
  const table: Members = members;
  const names = Object.keys(table).sort();
  return {
    read: (value, path) => {
      if (!(value instanceof Map)) return refuse(path, 'an object', value);
      const map = value as JsonMap;
      const out: Record<string, unknown> = {};
      for (const name of names) {
        const shape = table[name] as Shape<unknown>;
        const member = map.get(name) ?? null;
        if (member === null && shape.absent !== undefined) out[name] = shape.absent();
        else if (member === null) throw new Refusal(responseCodes.SYSTEM_ERROR, `${path}.${name} is missing`);
        else out[name] = shape.read(member, `${path}.${name}`);
      }
      return out as T;
    },
    write: (value) => {
      const out: Record<string, JsonOut> = {};
      for (const name of names) out[name] = (table[name] as Shape<unknown>).write((value as Readonly<Record<string, unknown>>)[name]);
      return out;
    },
  };
}

/** A named body: bytes of a frame or text of a file <-> value. */
export interface Body<T> extends Shape<T> {
  readonly name: string;
  /** Throws Refusal (SYSTEM_ERROR), naming the member that is missing or malformed. */
  readonly decode: (bytes: Uint8Array | string) => T;
  /** Apache's bytes of this body. */
  readonly encode: (value: T) => Buffer;
  /** As a file under config/ has it (`PrettyFormat`). */
  readonly encodePretty: (value: T) => string;
}

export function body<T>(name: string, shape: Shape<T>): Body<T> {
  return {
    ...shape,
    name,
    decode: (bytes) => shape.read(readAs(bytes, name), name),
    encode: (value) => Buffer.from(writeJson(shape.write(value))),
    encodePretty: (value) => writeJson(shape.write(value), true),
  };
}

/** The JSON value; text that is not JSON is refused under the body's name. */
function readAs(bytes: Uint8Array | string, name: string): JsonValue {
  if (bytes.length === 0) throw new Refusal(responseCodes.SYSTEM_ERROR, `${name}: the body is empty`);
  try {
    return readJson(bytes);
  } catch (error) {
    if (error instanceof JsonError) throw new Refusal(responseCodes.SYSTEM_ERROR, `${name} is not readable JSON: ${error.message}`);
    throw error;
  }
}
