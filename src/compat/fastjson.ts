/**
 * JSON in fastjson2's dialect, which RocketMQ's bodies and config files use: keys may be bare numbers or whole objects, 64-bit integers
 * are exact, strings may be quoted singly. It owns the dialect; which members a body has is codec/bodies.ts.
 * Reading is total: JsonError or a value, within bounds on depth and size. Writing puts out fastjson2's bytes.
 */
import { javaDoubleText } from './java-number.js';

/** A JSON value. An integer beyond the safe range is a bigint; a number with a fraction or exponent is a number. */
export type JsonValue = null | boolean | number | bigint | string | readonly JsonValue[] | JsonMap;

/** An object. A key is text (numeric keys as their digits) or, in maps keyed by MessageQueue, an object. Safe for `__proto__`. */
// An alias could not refer to itself here.
// eslint-disable-next-line @typescript-eslint/no-empty-object-type
export interface JsonMap extends ReadonlyMap<JsonKey, JsonValue> {}
export type JsonKey = string | JsonMap;

/** The text is not JSON in this dialect, or exceeds a bound. */
export class JsonError extends Error {
  /** Position in the text, in UTF-16 units. */
  readonly at: number;
  constructor(message: string, at: number) {
    super(`${message} at position ${at}`);
    this.name = 'JsonError';
    this.at = at;
  }
}

/** Deepest nesting read. */
export const jsonDepthMax = 64;

/** Largest text read by default, in UTF-16 units: a frame's worth. */
export const jsonCharsMax = 16_777_216;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Reads one value and demands that nothing but blanks and comments follow it (`JSONReader`: "input not end"). */
export function readJson(text: string | Uint8Array, charsMax: number = jsonCharsMax): JsonValue {
  const reader = new JsonReader(text, charsMax);
  const value = reader.value(0);
  reader.end();
  return value;
}

/** A pull reader over one text; header.ts uses its pieces, everybody else `readJson`. */
export class JsonReader {
  private readonly text: string;
  private at = 0;

  constructor(text: string | Uint8Array, charsMax: number = jsonCharsMax) {
    if (text.length > charsMax) throw new JsonError(`text of ${text.length} exceeds ${charsMax}`, 0);
    if (typeof text === 'string') this.text = text;
    else {
      try {
        this.text = utf8.decode(text);
      } catch {
        throw new JsonError('text is not UTF-8', 0);
      }
    }
  }

  fail(message: string): never {
    throw new JsonError(message, this.at);
  }

  /** The next unit that is neither blank nor comment, NaN at the end; does not take it. */
  peek(): number {
    for (;;) {
      const unit = this.text.charCodeAt(this.at);
      if (unit === 0x20 || (unit <= 0x0d && unit >= 0x08 && unit !== 0x0b) || unit === 0) this.at++;
      else if (unit === 0x2f) this.comment();
      else return unit;
    }
  }

  /** Takes `unit` when it comes next. */
  take(unit: number): boolean {
    if (this.peek() !== unit) return false;
    this.at++;
    return true;
  }

  /** Demands the end of the text. */
  end(): void {
    if (!Number.isNaN(this.peek())) this.fail('input not end');
  }

  /** One value at the given depth of nesting. */
  value(depth: number): JsonValue {
    const unit = this.peek();
    if (unit === 0x22 || unit === 0x27) return this.string();
    if (unit === 0x7b) return this.object(depth);
    if (unit === 0x5b) return this.array(depth);
    if (unit === 0x2d || unit === 0x2b || unit === 0x2e || (unit >= 0x30 && unit <= 0x39)) return numberValue(this.numberText());
    return this.word();
  }

  /** The members of an object one by one: calls `member` with the key once its colon is taken; `member` reads the value. */
  members(member: (key: JsonKey) => void, depth: number): void {
    if (depth >= jsonDepthMax) this.fail(`nesting exceeds ${jsonDepthMax}`);
    if (!this.take(0x7b)) this.fail('expected {');
    if (this.take(0x7d)) return;
    for (;;) {
      const key = this.key(depth);
      if (!this.take(0x3a)) this.fail(`expected : after ${keyName(key)}`);
      member(key);
      if (this.take(0x7d)) return;
      if (!this.take(0x2c)) this.fail('expected , or }');
      // One comma may stand before the brace.
      if (this.take(0x7d)) return;
    }
  }

  private object(depth: number): JsonMap {
    const map = new Map<JsonKey, JsonValue>();
    this.members((key) => map.set(key, this.value(depth + 1)), depth);
    return map;
  }

  private array(depth: number): readonly JsonValue[] {
    if (depth >= jsonDepthMax) this.fail(`nesting exceeds ${jsonDepthMax}`);
    this.at++;
    const values: JsonValue[] = [];
    for (;;) {
      if (this.take(0x5d)) return values;
      values.push(this.value(depth + 1));
      if (this.take(0x2c)) continue;
      if (this.peek() !== 0x5d) this.fail('expected , or ]');
    }
  }

  private key(depth: number): JsonKey {
    const unit = this.peek();
    if (unit === 0x22 || unit === 0x27) return this.string();
    if (unit === 0x7b) return this.object(depth + 1);
    if (unit === 0x2d || (unit >= 0x30 && unit <= 0x39)) return this.numberText();
    return this.fail('expected a key');
  }

  /** The text of a JSON number, as written. */
  numberText(): string {
    const from = this.at;
    let unit = this.text.charCodeAt(this.at);
    while ((unit >= 0x30 && unit <= 0x39) || unit === 0x2d || unit === 0x2b || unit === 0x2e || unit === 0x65 || unit === 0x45) {
      unit = this.text.charCodeAt(++this.at);
    }
    const text = this.text.slice(from, this.at);
    if (text.length > 400 || !/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) {
      this.at = from;
      this.fail('malformed number');
    }
    return text;
  }

  private word(): JsonValue {
    for (const [word, value] of words) {
      if (this.text.startsWith(word, this.at) && !isNameUnit(this.text.charCodeAt(this.at + word.length))) {
        this.at += word.length;
        return value;
      }
    }
    return this.fail(Number.isNaN(this.peek()) ? 'input ends too early' : 'expected a value');
  }

  /** A quoted string; takes both quotes. */
  string(): string {
    const quote = this.text.charCodeAt(this.at++);
    let text = '';
    let plain = this.at;
    for (;;) {
      const unit = this.text.charCodeAt(this.at);
      if (unit === quote) {
        text += this.text.slice(plain, this.at++);
        return text;
      }
      if (Number.isNaN(unit)) this.fail('string does not end');
      if (unit === 0x5c) {
        text += this.text.slice(plain, this.at);
        text += this.escape();
        plain = this.at;
      } else this.at++;
    }
  }

  private escape(): string {
    const letter = this.text[this.at + 1];
    if (letter === 'u' || letter === 'x') {
      const length = letter === 'u' ? 4 : 2;
      const digits = this.text.slice(this.at + 2, this.at + 2 + length);
      if (digits.length !== length || !/^[0-9a-fA-F]+$/.test(digits)) this.fail(`malformed \\${letter} escape`);
      this.at += 2 + length;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const resolved = letter === undefined ? undefined : escapes.get(letter);
    if (resolved === undefined) this.fail('unknown escape');
    this.at += 2;
    return resolved;
  }

  private comment(): void {
    const next = this.text[this.at + 1];
    if (next !== '/' && next !== '*') this.fail('expected a value');
    const end = this.text.indexOf(next === '/' ? '\n' : '*/', this.at + 2);
    if (end < 0 && next === '*') this.fail('comment does not end');
    this.at = end < 0 ? this.text.length : end + (next === '/' ? 1 : 2);
  }
}

const words: readonly (readonly [string, JsonValue])[] = [['true', true], ['false', false], ['null', null]];

const escapes = new Map<string, string>([
  ['"', '"'], ["'", "'"], ['\\', '\\'], ['/', '/'], ['b', '\b'], ['f', '\f'], ['n', '\n'], ['r', '\r'], ['t', '\t'], ['v', '\v'],
  ['0', '\0'], ['1', '\x01'], ['2', '\x02'], ['3', '\x03'], ['4', '\x04'], ['5', '\x05'], ['6', '\x06'], ['7', '\x07'],
]);

function isNameUnit(unit: number): boolean {
  return (unit >= 0x30 && unit <= 0x39) || (unit >= 0x41 && unit <= 0x5a) || (unit >= 0x61 && unit <= 0x7a) || unit === 0x5f || unit === 0x24;
}

function numberValue(text: string): number | bigint {
  const value = Number(text);
  if (Number.isSafeInteger(value) || !/^[+-]?\d+$/.test(text)) return value;
  return BigInt(text.charCodeAt(0) === 0x2b ? text.slice(1) : text);
}

function keyName(key: JsonKey): string {
  return typeof key === 'string' ? JSON.stringify(key.length > 40 ? `${key.slice(0, 40)}...` : key) : 'the key object';
}

/** What may be written. Maps keep their order and their kinds of key; plain objects are beans: members in alphabetical order, null and undefined ones left out. */
export type JsonOut =
  | null | undefined | boolean | number | bigint | string | JsonDouble | JsonText | JsonMembers | readonly JsonOut[] | ReadonlySet<JsonOut> | JsonOutMap | JsonOutBean;
// eslint-disable-next-line @typescript-eslint/no-empty-object-type
export interface JsonOutMap extends ReadonlyMap<JsonOutKey, JsonOut> {}
export type JsonOutKey = string | number | bigint | JsonKey | JsonOutBean;
export interface JsonOutBean {
  readonly [member: string]: JsonOut;
}

/** A Java double: written with a fraction (`0.0`). */
export class JsonDouble {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A value whose text is made already, for the place where it will stand (`jsonTextAt`). */
export class JsonText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A map whose members are made one by one while it is written. */
export class JsonMembers {
  readonly #members: () => Iterator<readonly [string, JsonOut]>;
  constructor(members: () => Iterator<readonly [string, JsonOut]>) {
    this.#members = members;
  }
  [Symbol.iterator](): Iterator<readonly [string, JsonOut]> {
    return this.#members();
  }
}

/**
 * The text fastjson2 writes: no blanks, numeric keys bare, object keys as objects. `pretty` = `PrettyFormat`: a line and a tab per level,
 * no blank after colons, empty ones closed at once.
 */
export function writeJson(value: JsonOut, pretty = false): string {
  return textOf(value, pretty ? '\n' : '');
}

/** The text of a value `depth` levels deep in a `pretty` one. */
export function jsonTextAt(depth: number, value: JsonOut): JsonText {
  return new JsonText(textOf(value, `\n${'\t'.repeat(depth)}`));
}

/** What a piece of a long text has at least, the last one excepted, in UTF-16 units. */
const pieceCharsMin = 32 * 1024;

/** Levels written member by member: a configuration file is a bean with tables, and an entry of a table is small. */
const piecedLevels = 2;

/**
 * What `writeJson` makes, piece by piece, for texts that take long. The value may change between two pieces when its iterators bear it: each entry of a
 * table is as it was when its turn came.
 */
export function* jsonPieces(value: JsonOut, pretty = false): Generator<string, void, undefined> {
  let piece = '';
  for (const part of partsOf(value, pretty ? '\n' : '', piecedLevels)) {
    piece += part;
    if (piece.length < pieceCharsMin) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

function* partsOf(value: JsonOut, newline: string, levels: number): Generator<string, void, undefined> {
  const members = levels === 0 ? undefined : membersOf(value);
  if (members === undefined) {
    yield textOf(value, newline);
    return;
  }
  const inner = innerOf(newline);
  let before = '{';
  for (const [key, member] of members) {
    yield `${before}${inner}${keyText(key)}:`;
    yield* partsOf(member, inner, levels - 1);
    before = ',';
  }
  yield before === '{' ? '{}' : `${newline}}`;
}

function innerOf(newline: string): string {
  return newline === '' ? '' : `${newline}\t`;
}

/** Undefined when the value is no object. */
function membersOf(value: JsonOut): Iterable<readonly [JsonOutKey, JsonOut]> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Set || value instanceof JsonText || value instanceof JsonDouble) return undefined;
  if (value instanceof Map || value instanceof JsonMembers) return value as JsonOutMap | JsonMembers;
  const bean = value as JsonOutBean;
  const members: [string, JsonOut][] = [];
  for (const name of Object.keys(bean).sort()) {
    const member = bean[name];
    if (member !== undefined && member !== null) members.push([name, member]);
  }
  return members;
}

function textOf(value: JsonOut, newline: string): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'string') return stringText(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (value instanceof JsonText) return value.text;
  if (value instanceof JsonDouble) return Number.isFinite(value.value) ? javaDoubleText(value.value) : 'null';
  const inner = innerOf(newline);
  // Joined, not added one to the other: a text of many levels of additions costs four times as much, most of it for the collector.
  const parts: string[] = [];
  const members = membersOf(value);
  if (members === undefined) {
    for (const item of value as Iterable<JsonOut>) parts.push(`${inner}${textOf(item, inner)}`);
    return parts.length === 0 ? '[]' : `[${parts.join(',')}${newline}]`;
  }
  for (const [key, member] of members) parts.push(`${inner}${keyText(key)}:${textOf(member, inner)}`);
  return parts.length === 0 ? '{}' : `{${parts.join(',')}${newline}}`;
}

function keyText(key: JsonOutKey): string {
  if (typeof key === 'string') return stringText(key);
  return typeof key === 'number' || typeof key === 'bigint' ? String(key) : textOf(key, '');
}

// A surrogate without its partner is written as `?` (`JSONWriterUTF8`); all other escapes are those of JSON.stringify.
function stringText(text: string): string {
  if (unescaped.test(text)) return `"${text}"`;
  return JSON.stringify(/[\ud800-\udfff]/.test(text) ? text.replace(loneSurrogate, '?') : text);
}

const unescaped = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
