/**
 * The protobuf wire format, as far as the tables need it: values by field name <-> bytes. Unknown fields are skipped; what cannot be read
 * is a WireViolation. `Raw` builds bytes no table would build.
 *
 *   field:  tag varint (number << 3 | type)   0 varint | 1 eight bytes | 2 varint length, bytes | 5 four bytes
 */
import { messages, type Field, type MessageName, type Scalar } from './tables.js';
import { WireViolation } from '../wire/violation.js';

interface Scalars { string: string; bytes: Buffer; int32: number; int64: number; bool: boolean; float: number; enum: number }

type ValueOfType<T> = T extends 'map' ? Readonly<Record<string, string>> : T extends keyof Scalars ? Scalars[T] : T extends MessageName ? MessageOf<T> : never;
type ValueOf<F> = F extends readonly [number, infer T, 'many'] ? readonly ValueOfType<T>[] : F extends readonly [number, infer T] ? ValueOfType<T> : never;

/** A message's value: every field may be absent. */
export type MessageOf<N extends MessageName> = { readonly [K in keyof (typeof messages)[N]]?: ValueOf<(typeof messages)[N][K]> | undefined };

const scalars: ReadonlySet<string> = new Set<Scalar>(['string', 'bytes', 'int32', 'int64', 'bool', 'float', 'enum']);

function isScalar(type: string): type is Scalar {
  return scalars.has(type);
}

function varint(value: number | bigint): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value));
  const out: number[] = [];
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
  return Buffer.from(out);
}

/** Fields made by hand, in any order and with any type. */
export class Raw {
  private readonly parts: Buffer[] = [];

  varint(number: number, value: number | bigint): this {
    this.parts.push(varint(number << 3), varint(value));
    return this;
  }

  bytes(number: number, value: Buffer | string): this {
    const data = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
    this.parts.push(varint((number << 3) | 2), varint(data.length), data);
    return this;
  }

  fixed32(number: number, value: Buffer): this {
    this.parts.push(varint((number << 3) | 5), value);
    return this;
  }

  append(data: Buffer): this {
    this.parts.push(data);
    return this;
  }

  done(): Buffer {
    return Buffer.concat(this.parts);
  }
}

function putScalar(raw: Raw, number: number, type: Scalar, value: unknown): void {
  if (type === 'string' || type === 'bytes') raw.bytes(number, value as string | Buffer);
  else if (type === 'bool') raw.varint(number, value === true ? 1 : 0);
  else if (type === 'float') {
    const data = Buffer.alloc(4);
    data.writeFloatLE(value as number);
    raw.fixed32(number, data);
  } else raw.varint(number, value as number);
}

/** The bytes of a message. Fields given are written even when they hold the default. */
export function encode<N extends MessageName>(name: N, value: MessageOf<N>): Buffer {
  return encodeAny(name, value);
}

function encodeAny(name: MessageName, value: Readonly<Record<string, unknown>>): Buffer {
  const raw = new Raw();
  const table: Readonly<Record<string, Field>> = messages[name];
  for (const [field, [number, type, many]] of Object.entries(table)) {
    const given = value[field];
    if (given === undefined) continue;
    if (type === 'map') {
      for (const [key, text] of Object.entries(given as Readonly<Record<string, string>>)) raw.bytes(number, new Raw().bytes(1, key).bytes(2, text).done());
      continue;
    }
    for (const one of many === undefined ? [given] : (given as readonly unknown[])) {
      if (isScalar(type)) putScalar(raw, number, type, one);
      else raw.bytes(number, encodeAny(type, one as Readonly<Record<string, unknown>>));
    }
  }
  return raw.done();
}

class Reader {
  at = 0;
  readonly data: Buffer;

  constructor(data: Buffer) {
    this.data = data;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.data[this.at++];
      if (byte === undefined) throw new WireViolation('protobuf: the message ends in a varint');
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new WireViolation('protobuf: a varint of more than ten bytes');
  }

  take(length: number): Buffer {
    if (length > this.data.length - this.at) throw new WireViolation(`protobuf: a field of ${length} bytes, and ${this.data.length - this.at} are left`);
    this.at += length;
    return this.data.subarray(this.at - length, this.at);
  }
}

function scalarOf(type: Scalar, wire: number, value: bigint | Buffer): unknown {
  if (typeof value === 'bigint') {
    if (type === 'bool') return value !== 0n;
    if (type === 'int32' || type === 'enum') return Number(BigInt.asIntN(32, value));
    if (type === 'int64') return Number(BigInt.asIntN(64, value));
  } else if (wire === 5 && type === 'float') return value.readFloatLE();
  else if (wire === 2 && type === 'string') return value.toString('utf8');
  else if (wire === 2 && type === 'bytes') return value;
  throw new WireViolation(`protobuf: wire type ${wire} for a field of type ${type}`);
}

/** A message read. Fields that did not come are absent, repeated ones and maps empty. @throws WireViolation. */
export function decode<N extends MessageName>(name: N, data: Buffer): MessageOf<N> {
  return decodeAny(name, data) as MessageOf<N>;
}

function decodeAny(name: MessageName, data: Buffer): Readonly<Record<string, unknown>> {
  const fields = Object.entries(messages[name] as Readonly<Record<string, Field>>);
  const out: Record<string, unknown> = Object.fromEntries(fields.flatMap(([field, [, type, many]]) => (type === 'map' ? [[field, {}]] : many === undefined ? [] : [[field, []]])));
  const reader = new Reader(data);
  while (reader.at < data.length) {
    const tag = Number(reader.varint());
    const wire = tag & 7;
    const value = wire === 0 ? reader.varint() : wire === 1 ? reader.take(8) : wire === 2 ? reader.take(Number(reader.varint())) : wire === 5 ? reader.take(4) : undefined;
    if (value === undefined) throw new WireViolation(`protobuf: wire type ${wire}`);
    const [field, [, type, many]] = fields.find(([, [number]]) => number === tag >>> 3) ?? ([undefined, [0, 'bytes']] as const);
    if (field === undefined) continue;
    if (type === 'map') putEntry(out[field] as Record<string, string>, value as Buffer);
    else if (many !== undefined && wire === 2 && (type === 'enum' || type === 'int32')) {
      const packed = new Reader(value as Buffer);
      while (packed.at < packed.data.length) (out[field] as unknown[]).push(scalarOf(type, 0, packed.varint()));
    } else {
      const one = isScalar(type) ? scalarOf(type, wire, value) : decodeAny(type, value as Buffer);
      if (many === undefined) out[field] = one;
      else (out[field] as unknown[]).push(one);
    }
  }
  return out;
}

function putEntry(map: Record<string, string>, entry: Buffer): void {
  const reader = new Reader(entry);
  const pair = ['', ''];
  while (reader.at < entry.length) {
    const number = Number(reader.varint()) >>> 3;
    pair[number - 1] = reader.take(Number(reader.varint())).toString('utf8');
  }
  map[pair[0] ?? ''] = pair[1] ?? '';
}
