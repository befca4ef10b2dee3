/** Headers of both serializations, and the typed headers of the table: readers that agree with each other and read what our writers write. */
import { JsonError, readJson, writeJson } from '../../src/compat/fastjson.js';
import { parseJavaBoolean, parseJavaInt, parseJavaLong } from '../../src/compat/java-number.js';
import { Refusal, WireError } from '../../src/codec/errors.js';
import { decodeCommand, decodeHeader, encodeCommand, encodeHeader, readJsonHeader } from '../../src/codec/header.js';
import { HeaderScan } from '../../src/codec/header-scan.js';
import { formatProperties, parseProperties } from '../../src/codec/properties.js';
import { requests } from '../../src/codec/requests.js';
import type { Field, RequestName } from '../../src/codec/requests.js';
import type { Command } from '../../src/codec/command.js';
import { boundaryNumbers, dictionary } from '../engine/dictionary.js';
import { mutateText } from '../engine/mutate.js';
import type { Random } from '../engine/random.js';
import { holds, same } from '../engine/target.js';
import type { Outcome, Target } from '../engine/target.js';
import { goldenHeaders } from './golden.js';

const shownCommand = (command: Command): unknown => [command.code, command.language, command.version, command.opaque, command.flag, command.remark, [...command.ext]];
/** The same as it can be written. */
const writtenCommand = (command: Command): unknown => wellFormed([command.code, command.language, command.version, command.opaque, command.flag, command.remark, new Map(command.ext)]);

// ---- JSON

/** Reads a header as HeaderScan does: undefined = it is left to the full reader. */
export type ScanSubject = (header: Buffer) => { readonly command: Command; int32(key: string): number } | undefined;

function scanOf(header: Buffer): ReturnType<ScanSubject> {
  const scan = new HeaderScan();
  if (!scan.scan(header, 0, header.length)) return undefined;
  const ext = new Map<string, string>();
  const numbers = new Map<string, number>();
  for (let i = 0; i < scan.count; i++) {
    const [key, text] = [scan.key(i), scan.text(i)];
    ext.set(key, text);
    numbers.set(key, scan.int32(i));
    same(`bool of ${key}`, scan.bool(i), parseJavaBoolean(text));
    const safe = scan.safeInt(i);
    const long = parseJavaLong(text);
    if (!Number.isNaN(safe)) same(`safe integer of ${key}`, BigInt(safe), long);
    else if (scan.escaped[i] === 0 && /^[+-]?\d{1,15}$/.test(text)) holds(false, () => `safe integer of ${key} is not read from ${text}`);
  }
  const command: Command = {
    code: scan.code, language: scan.languageStart === 0 ? 'JAVA' : scan.language(), version: scan.version, opaque: scan.opaque, flag: scan.flag,
    remark: scan.remark(), ext, serialize: 'JSON', body: Buffer.alloc(0),
  };
  return { command, int32: (key) => numbers.get(key) ?? NaN };
}

function readFully(header: Buffer): Command | undefined {
  try {
    return readJsonHeader(header);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function runJsonHeader(scan: ScanSubject, header: Buffer): Outcome {
  const full = readFully(header);
  const scanned = scan(header);
  if (scanned !== undefined) {
    holds(full !== undefined, () => 'the scan takes a header that the full reader refuses');
    same('header by the scan and by the full reader', shownCommand(scanned.command), shownCommand(full));
    for (const [key, text] of full.ext) {
      const [int, java] = [scanned.int32(key), parseJavaInt(text)];
      if (!Number.isNaN(int)) same(`integer of ${key}`, int, java);
    }
  }
  if (full === undefined) return 'refused';
  const frame = encodeCommand({ ...full, serialize: 'JSON' });
  same('header written and read again', writtenCommand(decodeCommand(frame, 8, frame.length, frame.length, 0)), writtenCommand(full));
  same('header written and read in full', writtenCommand(readJsonHeader(frame.subarray(8))), writtenCommand(full));
  return 'taken';
}

/** Takes a header apart as JSON, changes members, writes it anew, in one of several spellings. */
function mutateJson(random: Random, input: Buffer): Buffer | undefined {
  let value: unknown;
  try {
    value = JSON.parse(input.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const header = value as Record<string, unknown>;
  const ext = typeof header['extFields'] === 'object' && header['extFields'] !== null && !random.once(4) ? header['extFields'] as Record<string, unknown> : header;
  const keys = Object.keys(ext);
  const key = keys.length === 0 || random.once(4) ? random.pick(dictionary).toString('utf8') : random.pick(keys);
  // A key like toString must not bring what every object has.
  const old = Object.hasOwn(ext, key) ? ext[key] : undefined;
  switch (random.below(5)) {
    case 0: delete ext[key]; break;
    case 1: ext[key] = random.pick<unknown>([null, true, false, 0, -1, 1e300, '', {}, [], Number.MAX_SAFE_INTEGER, '\u0001\u0002', '\ud800', '"\\']); break;
    case 2: ext[key] = random.pick(boundaryNumbers); break;
    case 3: if (old !== undefined) ext[random.pick(dictionary).toString('utf8')] = old; break;
    default: ext[key] = mutateText(random, typeof old === 'string' ? old : JSON.stringify(old ?? ''));
  }
  let text = JSON.stringify(header);
  if (random.once(4)) text = JSON.stringify(header, null, random.pick([' ', '\t', '\r\n']));
  // Escapes where none are needed.
  if (random.once(4)) text = text.replace(/[a-zA-Z]/g, (letter) => (random.once(12) ? `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}` : letter));
  if (random.once(6)) text = text.replace(/"(-?\d{1,18})"/, '$1');
  return Buffer.from(text);
}

export function jsonHeader(scan: ScanSubject = scanOf): Target {
  return {
    name: 'json-header',
    proves: 'the compiled scan and the full reader give the same command; what is written is read again; only WireError',
    declared: [],
    inputBytesMax: 8192,
    allocationBytesMax: (inputBytes) => 64 * inputBytes + 65_536,
    seeds: () => goldenHeaders(0).slice(0, 60),
    mutate: mutateJson,
    open: () => ({ run: (input) => runJsonHeader(scan, input) }),
  };
}

// ---- ROCKETMQ

export type BinarySubject = (header: Buffer) => Command;

function runBinaryHeader(read: BinarySubject, header: Buffer): Outcome {
  let command: Command;
  try {
    command = read(header);
  } catch (error) {
    if (error instanceof WireError) return 'refused';
    throw error;
  }
  for (const text of [...command.ext.keys(), ...command.ext.values()]) holds(text !== '', () => 'an empty key or value was kept');
  // A byte that names no language has no name to be written under.
  const written = encodeCommand({ ...command, serialize: 'ROCKETMQ' });
  const again = decodeCommand(written, 8, written.length, written.length, 1);
  same('binary header written and read again', shownCommand({ ...again, language: '' }), shownCommand({ ...command, language: '' }));
  const json = encodeCommand({ ...command, serialize: 'JSON' });
  const asJson = decodeCommand(json, 8, json.length, json.length, 0);
  same('binary header written as JSON', shownCommand(asJson), shownCommand(command));
  return 'taken';
}

export function binaryHeader(read: BinarySubject = (header) => decodeCommand(header, 0, header.length, header.length, 1)): Target {
  return {
    name: 'binary-header',
    proves: 'every header that is read is written and read again, in both serializations; only WireError',
    declared: [],
    inputBytesMax: 8192,
    allocationBytesMax: (inputBytes) => 64 * inputBytes + 65_536,
    seeds: () => [...goldenHeaders(1), ...goldenHeaders(0).slice(0, 30).map((header) => {
      const frame = encodeCommand({ ...readJsonHeader(header), serialize: 'ROCKETMQ' });
      return frame.subarray(8);
    })],
    mutate: (random, input) => {
      let command: Command;
      try {
        command = decodeCommand(input, 0, input.length, input.length, 1);
      } catch {
        return undefined;
      }
      const ext = mutateFields(random, [...command.ext]);
      return encodeCommand({ ...command, ext: new Map(ext), serialize: 'ROCKETMQ' }).subarray(8);
    },
    open: () => ({ run: (input) => runBinaryHeader(read, input) }),
  };
}

function mutateFields(random: Random, fields: [string, string][]): [string, string][] {
  const at = random.below(fields.length);
  const field = fields[at];
  if (field === undefined || random.once(4)) return [...fields, [random.pick(dictionary).toString('utf8'), random.pick(dictionary).toString('utf8')]];
  if (random.once(4)) return fields.filter((_, i) => i !== at);
  return fields.map((one, i) => (i === at ? [one[0], mutateText(random, one[1])] : one));
}

// ---- typed headers

const names = Object.keys(requests) as RequestName[];
const fieldsOf = (name: RequestName): Readonly<Record<string, Field>> => requests[name].header;

/** A text for a field of this kind: mostly one it may have. */
export function fieldText(random: Random, as: Field['as'], words: readonly Buffer[] = dictionary): string {
  if (random.once(8)) return random.pick(words).toString('utf8');
  switch (as) {
    case 'str': return random.once(3) ? random.pick(words).toString('utf8') : random.pick(['T', 'G', 'DefaultCluster', 'broker-a', '*', 'a']);
    case 'i32':
    case 'i64': return random.once(2) ? random.pick(boundaryNumbers) : String(random.below(10));
    case 'f64': return random.pick([...boundaryNumbers, '0.5']);
    case 'bool': return random.pick(['true', 'false', 'TRUE', '1', '']);
    case 'boundary': return random.pick(['lower', 'upper', 'UPPER', 'x']);
  }
}

/** extFields for a request, from the table: required fields mostly, others sometimes. */
export function extFor(random: Random, name: RequestName, words: readonly Buffer[] = dictionary): Map<string, string> {
  const ext = new Map<string, string>();
  for (const [key, field] of Object.entries(fieldsOf(name))) {
    const optional = field.opt === true || field.or !== undefined;
    if (optional ? random.once(2) : !random.once(24)) ext.set(field.wire ?? key, fieldText(random, field.as, words));
  }
  return ext;
}

/** Index of the request (int16), then extFields in the form of properties. */
function runTypedHeader(input: Buffer): Outcome {
  if (input.length < 2) return 'refused';
  const name = names[input.readUInt16BE(0) % names.length] as RequestName;
  const ext = parseProperties(input.toString('utf8', 2));
  const header = decodeHeader(name, ext);
  const fields = fieldsOf(name);
  for (const [key, field] of Object.entries(fields)) {
    const value = (header as Readonly<Record<string, unknown>>)[key];
    const kinds: Readonly<Record<Field['as'], string>> = { str: 'string', i32: 'number', i64: 'bigint', bool: 'boolean', f64: 'number', boundary: 'string' };
    if (value === undefined) holds(field.opt === true, () => `${name}.${key} is undefined and not optional`);
    else holds(typeof value === kinds[field.as], () => `${name}.${key} is a ${typeof value}, not a ${field.as}`);
    if (field.as === 'i32' && typeof value === 'number') holds((value | 0) === value, () => `${name}.${key} is ${value}, no int`);
    if (field.as === 'i64' && typeof value === 'bigint') holds(BigInt.asIntN(64, value) === value, () => `${name}.${key} is ${value}, no long`);
  }
  same(`typed header of ${name} written and read again`, decodeHeader(name, new Map(Object.entries(encodeHeader(name, header)))), header);
  return 'taken';
}

export function typedHeader(): Target {
  const make = (random: Random): Buffer => {
    const at = random.below(names.length);
    const index = Buffer.from([at >> 8, at & 0xff]);
    return Buffer.concat([index, Buffer.from(formatProperties(extFor(random, names[at] as RequestName)))]);
  };
  return {
    name: 'typed-header',
    proves: 'extFields of every request of the table give a header of the declared types or a Refusal, and the header gives the fields again',
    declared: [Refusal],
    inputBytesMax: 4096,
    allocationBytesMax: (inputBytes) => 16 * inputBytes + 16_384,
    make,
    open: () => ({ run: runTypedHeader }),
  };
}

// ---- JSON as fastjson reads it

/** What JSON.parse takes and Java has no other idea of, as the same value. */
function plainJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export type JsonSubject = (text: string) => unknown;

function plainOf(value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries([...(value as Map<unknown, unknown>)].map(([key, one]) => [typeof key === 'string' ? key : writeJson(key as never), plainOf(one)]));
  if (Array.isArray(value)) return value.map(plainOf);
  return value;
}

/** Values as Java has them once written: a surrogate without its partner becomes `?`, and no integer has a sign without a value. */
export function wellFormed(value: unknown): unknown {
  if (value === 0) return 0;
  if (typeof value === 'string') return value.replace(/\p{Surrogate}/gu, '?');
  if (value instanceof Map) return new Map([...(value as Map<unknown, unknown>)].map(([key, one]) => [wellFormed(key), wellFormed(one)]));
  return Array.isArray(value) ? value.map(wellFormed) : value;
}

function runJson(read: JsonSubject, write: (value: unknown) => string, input: Buffer): Outcome {
  const text = input.toString('utf8');
  const value = read(text);
  const again = read(write(value));
  same('JSON written and read again', again, wellFormed(value));
  // Numbers have types of Java's and keys an order of their own: only texts are held against JSON.parse.
  const plain = plainJson(text);
  if (plain !== undefined && !/[-\d]/.test(text.replace(/"(?:[^"\\]|\\.)*"/g, '')) && !text.includes('__proto__') && !/"\d+"\s*:/.test(text)) {
    same('JSON by both readers', plainOf(value), plain);
  }
  return 'taken';
}

export function json(read: JsonSubject = readJson, write: (value: unknown) => string = (value) => writeJson(value as never)): Target {
  return {
    name: 'json',
    proves: 'any text gives a value or JsonError; values are written and read again; texts, lists and maps are those of JSON.parse',
    declared: [JsonError],
    inputBytesMax: 8192,
    allocationBytesMax: (inputBytes) => 64 * inputBytes + 65_536,
    words: ['{1:2}', '{{"a":1}:2}', "{'a':'b'}", '{a:1}', '[,]', '1e5', '0x1F', 'NaN', '"\\x41"', '/*', '*/', '//', '\\u0041', '\\b', '[[[[', ']]]]', '{"a":{"a":', '\ud800', 'undefined', 'new Date(1)', '1L', '1.0F', '\u2028'],
    seeds: () => [...goldenHeaders(0).slice(0, 12), Buffer.from('{"a":[1,2.5,-3,9223372036854775807,null,true,{"b":"\\u0041\\ud83d\\ude00"}],{"queueId":1}:2,3:"x"}')],
    mutate: mutateJson,
    open: () => ({ run: (input) => runJson(read, write, input) }),
  };
}
