/**
 * Protobuf's wire format, driven by declared messages: values <-> bytes. Decoding is total: any bytes give a value or a WireError. Unknown
 * fields are passed over, the last value of a field counts, strings must be UTF-8 (as Java's reader wants it).
 *
 *   field:   tag varint (number << 3 | wire type) | content
 *   content: 0 varint | 1 eight bytes | 2 varint length, bytes | 5 four bytes
 */
import { isUtf8 } from 'node:buffer';
import { WireError } from './errors.js';

type Kind = 'string' | 'bytes' | 'i32' | 'i64' | 'bool' | 'float' | 'message' | 'map';

/** A declared field whose value is a T. */
export interface Field<T> {
  readonly number: number;
  readonly kind: Kind;
  readonly many: boolean;
  /** Knows absence: undefined when it did not come, written whenever it is there. Others are 0, '' or false, and not written then. */
  readonly optional: boolean;
  readonly message: MessageType<unknown> | undefined;
  /** Never there: carries the type. */
  readonly type?: T;
}

const field = <T>(number: number, kind: Kind, message?: MessageType<unknown>): Field<T> => ({ number, kind, many: false, optional: kind === 'message', message });

export const string = (number: number): Field<string> => field(number, 'string');
export const bytes = (number: number): Field<Buffer> => field(number, 'bytes');
/** Also for enums, which are open. */
export const int32 = (number: number): Field<number> => field(number, 'i32');
/** As a number; what is beyond the safe integers comes as the nearest of them. */
export const int64 = (number: number): Field<number> => field(number, 'i64');
export const bool = (number: number): Field<boolean> => field(number, 'bool');
export const float = (number: number): Field<number> => field(number, 'float');
/** map<string, string>. */
export const stringMap = (number: number): Field<ReadonlyMap<string, string>> => field(number, 'map');
export const of = <V>(number: number, type: MessageType<V>): Field<V | undefined> => field(number, 'message', type);
export const optional = <T>(one: Field<T>): Field<T | undefined> => ({ ...one, optional: true });
export const many = <T>(one: Field<T>): Field<readonly NonNullable<T>[]> => ({ ...one, many: true, optional: false }) as unknown as Field<readonly NonNullable<T>[]>;

type Fields = Readonly<Record<string, Field<unknown>>>;
type ValueOf<F> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** The value of a declared message. */
export type Value<M> = M extends MessageType<infer V> ? V : never;

/** A value to be written: every field may be left out, down to the innermost. */
export type Partly<T> = T extends Buffer | ReadonlyMap<string, string> ? T : T extends readonly (infer E)[] ? readonly Partly<E>[] : T extends object ? { readonly [K in keyof T]?: Partly<T[K]> | undefined } : T;

export interface MessageType<V> {
  /** @throws WireError */
  decode(data: Buffer): V;
  /** The bytes, behind `prefixBytes` that are left for the caller to fill. */
  encode(value: Partly<V>, prefixBytes?: number): Buffer;
  /** For messages that hold this one. */
  readonly plan: Plan;
}

interface PlannedField {
  readonly name: string;
  readonly field: Field<unknown>;
  /** Tag bytes: field number and wire type. */
  readonly tag: number;
  readonly tagBytes: number;
  readonly packed: boolean;
}

interface Plan {
  readonly fields: readonly PlannedField[];
  readonly byNumber: ReadonlyMap<number, PlannedField>;
}

type Loose = Record<string, unknown>;

const wireTypeOf: Readonly<Record<Kind, number>> = { string: 2, bytes: 2, i32: 0, i64: 0, bool: 0, float: 5, message: 2, map: 2 };

const noBytes = Buffer.alloc(0);
/** Up to here a loop over the bytes costs less than a native call. */
const shortTextBytes = 64;
const noMap: ReadonlyMap<string, string> = new Map();

/** Declares a message. */
export function message<F extends Fields>(declared: F): MessageType<ValueOf<F>> {
  const fields = Object.entries(declared).map(([name, one]): PlannedField => {
    const packed = one.many && (one.kind === 'i32' || one.kind === 'i64' || one.kind === 'bool');
    const tag = one.number * 8 + (packed ? 2 : wireTypeOf[one.kind]);
    return { name, field: one, tag, tagBytes: varintBytes(tag), packed };
  });
  const plan: Plan = { fields, byNumber: new Map(fields.map((one) => [one.field.number, one])) };
  return {
    plan,
    decode: (data) => new Reader(data).message(plan, data.length) as ValueOf<F>,
    encode: (value, prefixBytes = 0) => {
      const sizes: number[] = [];
      const size = sizeOf(plan, value as Loose, sizes);
      const writer = new Writer(Buffer.allocUnsafe(prefixBytes + size), prefixBytes, sizes);
      writer.message(plan, value as Loose);
      return writer.out;
    },
  };
}

// ---- reading

class Reader {
  private readonly data: Buffer;
  private at = 0;
  /** Upper half of the last varint, as an unsigned 32-bit number; the lower one is what `varint` answered. */
  private high = 0;

  constructor(data: Buffer) {
    this.data = data;
  }

  /** Fields up to `end`, put into `out`: where a message field comes twice, both are one message. */
  message(plan: Plan, end: number, out = blank(plan)): Loose {
    while (this.at < end) {
      const tag = this.varint(end);
      const number = tag >>> 3;
      if (number === 0) throw new WireError('protobuf: field number 0');
      const planned = plan.byNumber.get(number);
      if (planned === undefined) this.skip(tag & 7, end);
      else this.field(planned, tag & 7, end, out);
    }
    return out;
  }

  private field({ name, field: one }: PlannedField, wireType: number, end: number, out: Loose): void {
    const { kind } = one;
    if (wireType === 2 && one.many && wireTypeOf[kind] === 0) {
      const packedEnd = this.length(end);
      while (this.at < packedEnd) (out[name] as unknown[]).push(this.scalar(kind, packedEnd));
      return;
    }
    // A field that comes with another wire type than declared is unknown to its reader.
    if (wireType !== wireTypeOf[kind]) {
      this.skip(wireType, end);
      return;
    }
    if (kind === 'map') {
      let entries = out[name] as Map<string, string>;
      if (entries === noMap) out[name] = entries = new Map();
      this.entry(entries, end);
      return;
    }
    if (one.message !== undefined) {
      const innerEnd = this.length(end);
      if (one.many) (out[name] as unknown[]).push(this.message(one.message.plan, innerEnd));
      else out[name] = this.message(one.message.plan, innerEnd, out[name] as Loose | undefined);
      return;
    }
    const value = this.scalar(kind, end);
    if (one.many) (out[name] as unknown[]).push(value);
    else out[name] = value;
  }

  private scalar(kind: Kind, end: number): unknown {
    switch (kind) {
      case 'string': return this.text(end);
      case 'bytes': {
        const bytesEnd = this.length(end);
        const start = this.at;
        this.at = bytesEnd;
        return this.data.subarray(start, bytesEnd);
      }
      case 'i32': return this.varint(end) | 0;
      case 'bool': return this.varint(end) !== 0 || this.high !== 0;
      case 'i64': {
        const low = this.varint(end) >>> 0;
        const value = (this.high | 0) * 0x1_0000_0000 + low;
        return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value));
      }
      default: {
        if (end - this.at < 4) throw new WireError('protobuf: the message ends in a number of four bytes');
        this.at += 4;
        return this.data.readFloatLE(this.at - 4);
      }
    }
  }

  private text(end: number): string {
    const textEnd = this.length(end);
    const start = this.at;
    this.at = textEnd;
    // Most texts are short and ASCII: these need no slice and no other look.
    if (textEnd - start <= shortTextBytes) {
      let at = start;
      while (at < textEnd && (this.data[at] as number) < 0x80) at++;
      if (at === textEnd) return this.data.toString('latin1', start, textEnd);
    }
    const slice = this.data.subarray(start, textEnd);
    if (!isUtf8(slice)) throw new WireError('protobuf: a string that is no UTF-8');
    return slice.toString('utf8');
  }

  private entry(entries: Map<string, string>, end: number): void {
    const entryEnd = this.length(end);
    let key = '';
    let value = '';
    while (this.at < entryEnd) {
      const tag = this.varint(entryEnd);
      if (tag === 10) key = this.text(entryEnd);
      else if (tag === 18) value = this.text(entryEnd);
      else this.skip(tag & 7, entryEnd);
    }
    entries.set(key, value);
  }

  /** Reads a length; answers where its content ends. */
  private length(end: number): number {
    const length = this.varint(end) >>> 0;
    if (this.high !== 0 || length > end - this.at) throw new WireError(`protobuf: a field of ${length} bytes where ${end - this.at} are left`);
    return this.at + length;
  }

  private varint(end: number): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= end) throw new WireError('protobuf: the message ends in a varint');
      const byte = this.data[this.at++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.high = high >>> 0;
        return low >>> 0;
      }
    }
    throw new WireError('protobuf: a varint of more than ten bytes');
  }

  private skip(wireType: number, end: number): void {
    if (wireType === 0) this.varint(end);
    else if (wireType === 2) this.at = this.length(end);
    else if (wireType === 1 || wireType === 5) {
      this.at += wireType === 1 ? 8 : 4;
      if (this.at > end) throw new WireError('protobuf: the message ends in a number of fixed size');
    } else throw new WireError(`protobuf: wire type ${wireType}`);
  }
}

function zeroOf(kind: Kind): unknown {
  switch (kind) {
    case 'string': return '';
    case 'bytes': return noBytes;
    case 'bool': return false;
    case 'map': return noMap;
    default: return 0;
  }
}

/** A message without any field. */
function blank(plan: Plan): Loose {
  const out: Loose = {};
  for (const { name, field: { kind, many: list, optional: absent } } of plan.fields) out[name] = list ? [] : absent ? undefined : zeroOf(kind);
  return out;
}

// ---- writing: sizes first, in the order in which they are then needed, so that nothing is copied twice

function varintBytes(value: number): number {
  if (value < 0) return 10;
  let count = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) count++;
  return count;
}

function written(one: Field<unknown>, value: unknown): boolean {
  if (value === undefined) return false;
  if (one.optional || one.many) return true;
  return one.kind === 'bytes' ? (value as Buffer).length > 0 : value !== zeroOf(one.kind);
}

/** Size of a message's content; sizes of what has a length are appended to `sizes`. */
function sizeOf(plan: Plan, value: Loose, sizes: number[]): number {
  let total = 0;
  for (const planned of plan.fields) {
    const { name, field: one, tagBytes } = planned;
    const given = value[name];
    if (!written(one, given)) continue;
    if (planned.packed) {
      const list = given as readonly number[];
      if (list.length === 0) continue;
      let size = 0;
      for (const element of list) size += varintBytes(Number(element));
      sizes.push(size);
      total += tagBytes + varintBytes(size) + size;
    } else if (one.kind === 'map') {
      for (const [key, text] of given as ReadonlyMap<string, string>) {
        const [keySize, textSize] = [Buffer.byteLength(key), Buffer.byteLength(text)];
        const size = 2 + varintBytes(keySize) + keySize + varintBytes(textSize) + textSize;
        sizes.push(size, keySize, textSize);
        total += tagBytes + varintBytes(size) + size;
      }
    } else if (one.many) for (const element of given as readonly unknown[]) total += tagBytes + contentSize(one, element, sizes);
    else total += tagBytes + contentSize(one, given, sizes);
  }
  return total;
}

function contentSize(one: Field<unknown>, value: unknown, sizes: number[]): number {
  switch (one.kind) {
    case 'i32':
    case 'i64': return varintBytes(value as number);
    case 'bool': return 1;
    case 'float': return 4;
    case 'bytes': {
      const size = (value as Buffer).length;
      return varintBytes(size) + size;
    }
    default: {
      const slot = sizes.push(0) - 1;
      const size = one.message === undefined ? Buffer.byteLength(value as string) : sizeOf(one.message.plan, value as Loose, sizes);
      sizes[slot] = size;
      return varintBytes(size) + size;
    }
  }
}

class Writer {
  readonly out: Buffer;
  private at: number;
  private readonly sizes: readonly number[];
  private nextSize = 0;

  constructor(out: Buffer, at: number, sizes: readonly number[]) {
    this.out = out;
    this.at = at;
    this.sizes = sizes;
  }

  message(plan: Plan, value: Loose): void {
    for (const planned of plan.fields) {
      const { name, field: one, tag } = planned;
      const given = value[name];
      if (!written(one, given)) continue;
      if (planned.packed) {
        const list = given as readonly number[];
        if (list.length === 0) continue;
        this.varint(tag);
        this.varint(this.size());
        for (const element of list) this.varint(Number(element));
      } else if (one.kind === 'map') {
        for (const [key, text] of given as ReadonlyMap<string, string>) {
          this.varint(tag);
          this.varint(this.size());
          this.varint(10);
          this.text(key);
          this.varint(18);
          this.text(text);
        }
      } else if (one.many) for (const element of given as readonly unknown[]) this.content(one, tag, element);
      else this.content(one, tag, given);
    }
  }

  private content(one: Field<unknown>, tag: number, value: unknown): void {
    this.varint(tag);
    switch (one.kind) {
      case 'i32':
      case 'i64': this.varint(value as number); break;
      case 'bool': this.out[this.at++] = value === true ? 1 : 0; break;
      case 'float': this.at = this.out.writeFloatLE(value as number, this.at); break;
      case 'bytes': {
        const data = value as Buffer;
        this.varint(data.length);
        this.out.set(data, this.at);
        this.at += data.length;
        break;
      }
      case 'string': this.text(value as string); break;
      default: {
        this.varint(this.size());
        if (one.message !== undefined) this.message(one.message.plan, value as Loose);
      }
    }
  }

  private size(): number {
    return this.sizes[this.nextSize++] as number;
  }

  private text(text: string): void {
    const size = this.size();
    this.varint(size);
    this.at += this.out.write(text, this.at, size, 'utf8');
  }

  private varint(value: number): void {
    if (value < 0) {
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest > 0x7fn; rest >>= 7n) this.out[this.at++] = Number(rest & 0x7fn) | 0x80;
      this.out[this.at++] = Number(rest);
      return;
    }
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.out[this.at++] = (rest % 0x80) | 0x80;
    this.out[this.at++] = rest;
  }
}
