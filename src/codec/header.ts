/**
 * Headers as values: both serializations <-> Command, and extFields <-> the typed headers of requests.ts.
 * It owns tolerance and Apache's rules for missing and malformed fields; frame boundaries are frame.ts, the hot path is header-scan.ts
 * and reply-writer.ts.
 */
import { parseJavaBoolean, parseJavaDouble, parseJavaInt, parseJavaLong, numberFormatText } from '../compat/java-number.js';
import { JsonError, JsonReader, writeJson } from '../compat/fastjson.js';
import { languageCode, languageName } from '../compat/versions.js';
import { commandFlag, currentVersion } from './command.js';
import type { Command, SerializeType } from './command.js';
import { Refusal, WireError } from './errors.js';
import { encodeFrame, serializeTypeOf } from './frame.js';
import { HeaderScan } from './header-scan.js';
import { requests } from './requests.js';
import type { Field, HeaderOf, ReplyHeaderOf, RequestName, Spec } from './requests.js';
import { responseCodes } from './responses.js';

const noExt: ReadonlyMap<string, string> = new Map();
const noBody = Buffer.alloc(0);

/**
 * The command in a frame whose parts FrameReader found. The body is a view of `buffer`.
 * Throws WireError, and nothing else, when the header cannot be read.
 */
export function decodeCommand(buffer: Buffer, headerStart: number, headerEnd: number, bodyEnd: number, serializeTypeByte: number): Command {
  const serialize = serializeTypeOf(serializeTypeByte);
  if (serialize === undefined) throw new WireError(`serialization type ${serializeTypeByte} is outside 0..1 (0 JSON, 1 ROCKETMQ)`);
  const body = bodyEnd > headerEnd ? buffer.subarray(headerEnd, bodyEnd) : noBody;
  if (serialize === 'ROCKETMQ') return decodeBinary(buffer.subarray(headerStart, headerEnd), body);
  return scan.scan(buffer, headerStart, headerEnd) ? scannedCommand(body) : readJsonHeader(buffer.subarray(headerStart, headerEnd), body);
}

/** Reused: what it finds is copied out before anything else runs. */
const scan = new HeaderScan();

/** The command of the header that `scan` took: several times faster than the full reader. */
function scannedCommand(body: Buffer): Command {
  let ext = noExt;
  if (scan.count > 0) {
    const fields = new Map<string, string>();
    for (let i = 0; i < scan.count; i++) fields.set(scan.key(i), scan.text(i));
    ext = fields;
  }
  const { code, version, opaque, flag, languageStart } = scan;
  return { code, language: languageStart === 0 ? 'JAVA' : scan.language(), version, opaque, flag, remark: scan.remark(), ext, serialize: 'JSON', body };
}

interface Draft {
  code: number;
  language: string;
  version: number;
  opaque: number;
  flag: number;
  remark: string | undefined;
  ext: ReadonlyMap<string, string>;
}

/** The full reader of JSON headers, tolerant as fastjson2 is. Throws WireError. */
export function readJsonHeader(header: Buffer, body: Buffer = noBody): Command {
  const draft: Draft = { code: 0, language: 'JAVA', version: 0, opaque: 0, flag: 0, remark: undefined, ext: noExt };
  try {
    const reader = new JsonReader(header);
    if (reader.peek() !== 0x7b) reader.fail('header is not a JSON object');
    reader.members((key) => readMember(reader, typeof key === 'string' ? key : '', draft), 0);
    reader.end();
  } catch (error) {
    if (error instanceof JsonError) throw new WireError(`header is not readable JSON: ${error.message}`);
    throw error;
  }
  return { ...draft, serialize: 'JSON', body };
}

/** Later members of the same name win, as with fastjson's setters. Members we do not know are read over. */
function readMember(reader: JsonReader, key: string, draft: Draft): void {
  switch (key) {
    case 'code':
    case 'version':
    case 'opaque':
    case 'flag':
      draft[key] = readInt32(reader, key) ?? draft[key];
      return;
    case 'language':
      draft.language = readText(reader, key) ?? draft.language;
      return;
    case 'remark':
      draft.remark = readText(reader, key);
      return;
    case 'extFields':
      draft.ext = readExtFields(reader);
      return;
    default:
      reader.value(1);
  }
}

/** A number or its text (fastjson converts both); null leaves the member at its default. */
function readInt32(reader: JsonReader, name: string): number | undefined {
  const text = readText(reader, name);
  if (text === undefined || text === '') return undefined;
  const value = parseJavaInt(text);
  if (value === undefined) reader.fail(`${name} is outside -2147483648..2147483647`);
  return value;
}

/** A string, or a number or boolean as its text; null is undefined. */
function readText(reader: JsonReader, name: string): string | undefined {
  const unit = reader.peek();
  if (unit === 0x22 || unit === 0x27) return reader.string();
  if (unit === 0x2d || unit === 0x2b || unit === 0x2e || (unit >= 0x30 && unit <= 0x39)) return reader.numberText();
  const value = reader.value(1);
  if (value === null) return undefined;
  if (typeof value === 'boolean') return String(value);
  return reader.fail(`${name} is not text`);
}

function readExtFields(reader: JsonReader): ReadonlyMap<string, string> {
  if (reader.peek() !== 0x7b) {
    // Some clients send "" or null for "none".
    const text = readText(reader, 'extFields');
    if (text !== undefined && text !== '') reader.fail('extFields is not an object');
    return noExt;
  }
  const ext = new Map<string, string>();
  reader.members((key) => {
    if (typeof key !== 'string') reader.fail('a key of extFields is not text');
    const unit = reader.peek();
    // fastjson keeps an object or array as its text.
    const value = unit === 0x7b || unit === 0x5b ? writeJson(reader.value(2)) : readText(reader, 'extFields');
    if (value === undefined) ext.delete(key);
    else ext.set(key, value);
  }, 1);
  return ext;
}

/*
 * The binary header:
 *   code int16 | language int8 | version int16 | opaque int32 | flag int32 | remark len32 + UTF-8 | extFields length int32 | entries
 *   entry: key len16 + UTF-8 | value len32 + UTF-8
 * A length of 0 is null. (`RocketMQSerializable#rocketMQProtocolDecode`)
 */
const binaryFixedBytes = 21;

function decodeBinary(header: Buffer, body: Buffer): Command {
  if (header.length < binaryFixedBytes) throw new WireError(`binary header length ${header.length} is outside ${binaryFixedBytes}..16777215`);
  const languageByte = header.readInt8(2);
  let at = 13;
  const remarkBytes = header.readInt32BE(at);
  at += 4;
  if (remarkBytes < 0 || remarkBytes > header.length - binaryFixedBytes) {
    throw new WireError(`binary header: remark length ${remarkBytes} is outside 0..${header.length - binaryFixedBytes}`);
  }
  const remark = remarkBytes === 0 ? undefined : header.toString('utf8', at, at + remarkBytes);
  at += remarkBytes;
  const extBytes = header.readInt32BE(at);
  at += 4;
  if (extBytes > header.length - at) throw new WireError(`binary header: extFields length ${extBytes} is outside 0..${header.length - at}`);
  return {
    code: header.readInt16BE(0),
    language: languageName(languageByte) ?? `LANGUAGE_${languageByte}`,
    version: header.readInt16BE(3),
    opaque: header.readInt32BE(5),
    flag: header.readInt32BE(9),
    remark,
    ext: extBytes > 0 ? decodeEntries(header, at, at + extBytes) : noExt,
    serialize: 'ROCKETMQ',
    body,
  };
}

/** Entries in `header[at..end)`. An entry without key or value is dropped: nothing can ask for it. */
function decodeEntries(header: Buffer, start: number, end: number): ReadonlyMap<string, string> {
  const ext = new Map<string, string>();
  let at = start;
  while (at < end) {
    if (end - at < 2) throw new WireError(`binary header: ${end - at} bytes left of extFields, an entry has at least 6`);
    const keyBytes = header.readInt16BE(at);
    at += 2;
    if (keyBytes < 0 || keyBytes > end - at) throw new WireError(`binary header: extFields key length ${keyBytes} is outside 0..${end - at}`);
    const key = header.toString('utf8', at, at + keyBytes);
    at += keyBytes;
    if (end - at < 4) throw new WireError(`binary header: extFields value length of ${JSON.stringify(key.slice(0, 40))} is cut off`);
    const valueBytes = header.readInt32BE(at);
    at += 4;
    if (valueBytes < 0 || valueBytes > end - at) {
      throw new WireError(`binary header: extFields value length ${valueBytes} of ${JSON.stringify(key.slice(0, 40))} is outside 0..${end - at}`);
    }
    if (keyBytes > 0 && valueBytes > 0) ext.set(key, header.toString('utf8', at, at + valueBytes));
    at += valueBytes;
  }
  return ext;
}

/** What encodeCommand needs; everything else has Apache's default. */
export interface CommandParts {
  readonly code: number;
  readonly opaque: number;
  readonly language?: string | undefined;
  readonly version?: number | undefined;
  readonly flag?: number | undefined;
  readonly remark?: string | undefined;
  readonly ext?: ReadonlyMap<string, string> | Readonly<Record<string, string | undefined>> | undefined;
  readonly serialize?: SerializeType | undefined;
  readonly body?: Uint8Array | undefined;
}

/** A whole frame. RangeError when the parts do not fit the form (header above 16 MiB; a code beyond int16 in the binary form). */
export function encodeCommand(command: CommandParts): Buffer {
  const serialize = command.serialize ?? 'JSON';
  return encodeFrame(serialize === 'JSON' ? jsonHeader(command) : binaryHeader(command), command.body, serialize);
}

/** A request frame of ours: language JAVA and version of 5.5.0, as every Apache peer writes. */
export function encodeRequest(
  code: number, opaque: number, ext?: CommandParts['ext'], body?: Uint8Array, oneway = false,
): Buffer {
  return encodeCommand({ code, opaque, ext, body, flag: oneway ? commandFlag.oneway : 0 });
}

/** Entries of extFields in order, absent values left out. */
function* entriesOf(ext: CommandParts['ext']): Generator<readonly [string, string]> {
  if (ext === undefined) return;
  if (ext instanceof Map) {
    yield* ext as ReadonlyMap<string, string>;
    return;
  }
  const record = ext as Readonly<Record<string, string | undefined>>;
  for (const key of Object.keys(record)) {
    const value = record[key];
    if (value !== undefined) yield [key, value];
  }
}

/** The JSON header as Apache writes it: members in alphabetical order, no blanks, absent members left out. */
export function jsonHeader(command: CommandParts): string {
  let fields = '';
  for (const [key, value] of entriesOf(command.ext)) fields += `${fields === '' ? '' : ','}${jsonText(key)}:${jsonText(value)}`;
  const ext = fields === '' ? '' : `"extFields":{${fields}},`;
  const remark = command.remark === undefined ? '' : `"remark":${jsonText(command.remark)},`;
  return `{"code":${command.code},${ext}"flag":${command.flag ?? 0},"language":${jsonText(command.language ?? 'JAVA')},` +
    `"opaque":${command.opaque},${remark}"serializeTypeCurrentRPC":"JSON","version":${command.version ?? currentVersion}}`;
}

 
const needsEscape = /[\u0000-\u001f"\\\ud800-\udfff]/;

/** A JSON string literal as fastjson2 writes it. */
function jsonText(text: string): string {
  return needsEscape.test(text) ? writeJson(text) : `"${text}"`;
}

function binaryHeader(command: CommandParts): Buffer {
  const version = command.version ?? currentVersion;
  if (command.code < -32768 || command.code > 32767) throw new RangeError(`code ${command.code} is outside -32768..32767 of the binary header`);
  if (version < -32768 || version > 32767) throw new RangeError(`version ${version} is outside -32768..32767 of the binary header`);
  const entries: Buffer[] = [];
  let extBytes = 0;
  for (const [key, value] of entriesOf(command.ext)) {
    const keyBytes = Buffer.from(key);
    if (keyBytes.length > 32767) throw new RangeError(`extFields key of ${keyBytes.length} bytes is outside 0..32767`);
    const valueBytes = Buffer.from(value);
    const lengths = Buffer.allocUnsafe(6);
    lengths.writeInt16BE(keyBytes.length, 0);
    lengths.writeInt32BE(valueBytes.length, 2);
    entries.push(lengths.subarray(0, 2), keyBytes, lengths.subarray(2), valueBytes);
    extBytes += 6 + keyBytes.length + valueBytes.length;
  }
  const remark = Buffer.from(command.remark ?? '');
  const fixed = Buffer.allocUnsafe(17);
  fixed.writeInt16BE(command.code, 0);
  fixed.writeInt8(languageCode(command.language ?? 'JAVA') ?? 7, 2);
  fixed.writeInt16BE(version, 3);
  fixed.writeInt32BE(command.opaque, 5);
  fixed.writeInt32BE(command.flag ?? 0, 9);
  fixed.writeInt32BE(remark.length, 13);
  const extLength = Buffer.allocUnsafe(4);
  extLength.writeInt32BE(extBytes);
  return Buffer.concat([fixed, remark, extLength, ...entries]);
}

/** A field of a header with what decoding needs at hand. */
interface Plan {
  readonly name: string;
  readonly wire: string;
  readonly as: Field['as'];
  readonly required: boolean;
  readonly absent: number | bigint | boolean | string | undefined;
}

const plans = new Map<RequestName, readonly Plan[]>();

function plansOf(name: RequestName): readonly Plan[] {
  let plan = plans.get(name);
  if (plan === undefined) {
    const fields: { readonly [name: string]: Field } = requests[name].header;
    plan = Object.keys(fields).map((key) => {
      const field = fields[key] as Field;
      return { name: key, wire: field.wire ?? key, as: field.as, required: field.opt !== true && field.or === undefined, absent: field.or };
    });
    plans.set(name, plan);
  }
  return plan;
}

/** How an error names a kind of field: Java's type and its range. */
const kindText = {
  str: 'String', i32: 'Integer, -2147483648..2147483647', i64: 'Long, -9223372036854775808..9223372036854775807',
  bool: 'Boolean, true or false', f64: 'Double', boundary: 'BoundaryType, lower or upper',
} as const satisfies Record<Field['as'], string>;

/**
 * The typed header of a request from its extFields.
 * A required field that is missing is refused by name. A malformed number counts as missing, except in headers that Apache decodes by hand
 * (`fast` in the table), where it is refused with NumberFormatException's text (`RemotingCommand#decodeCommandCustomHeaderDirectly`).
 */
export function decodeHeader<N extends RequestName>(name: N, ext: ReadonlyMap<string, string>): HeaderOf<N> {
  const spec: Spec = requests[name];
  const header: Record<string, unknown> = {};
  for (const plan of plansOf(name)) {
    const text = ext.get(plan.wire);
    let value: unknown;
    if (text !== undefined) {
      value = parseField(plan.as, text);
      if (value === undefined && spec.fast === true) {
        throw new Refusal(responseCodes.SYSTEM_ERROR, `${numberFormatText(clip(text))}, ${fieldText(name, spec, plan)}`);
      }
    }
    if (value === undefined) {
      if (plan.required) {
        const why = text === undefined ? 'is missing' : `cannot be read from "${clip(text)}"`;
        throw new Refusal(responseCodes.SYSTEM_ERROR, `the custom field ${fieldText(name, spec, plan)} ${why}`);
      }
      value = plan.absent;
    }
    header[plan.name] = value;
  }
  return header as HeaderOf<N>;
}

function fieldText(name: RequestName, spec: Spec, plan: Plan): string {
  const alias = plan.wire === plan.name ? '' : `${plan.name}, `;
  return `${spec.javaHeader ?? name}.${plan.wire} (${alias}${kindText[plan.as]})`;
}

function clip(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64)}...` : text;
}

function parseField(as: Field['as'], text: string): unknown {
  switch (as) {
    case 'str': return text;
    case 'i32': return parseJavaInt(text);
    case 'i64': return parseJavaLong(text);
    case 'bool': return parseJavaBoolean(text);
    case 'f64': return parseJavaDouble(text);
    case 'boundary': return text.toLowerCase() === 'upper' ? 'UPPER' : 'LOWER';
  }
}

/** The extFields of a typed request header, under wire names, absent values left out. */
export function encodeHeader<N extends RequestName>(name: N, header: HeaderOf<N>): Record<string, string> {
  const ext: Record<string, string> = {};
  const values = header as Readonly<Record<string, string | number | bigint | boolean | undefined>>;
  for (const plan of plansOf(name)) {
    const value = values[plan.name];
    if (value !== undefined) ext[plan.wire] = String(value);
  }
  return ext;
}

/** The typed header of an answer to a request of ours; members that are missing or cannot be read are absent. */
export function decodeReplyHeader<N extends RequestName>(name: N, ext: ReadonlyMap<string, string>): ReplyHeaderOf<N> {
  const fields: { readonly [name: string]: Field } = requests[name].reply;
  const header: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(fields)) {
    const text = ext.get(field.wire ?? key);
    if (text !== undefined) header[key] = parseField(field.as, text);
  }
  return header as ReplyHeaderOf<N>;
}

/** The extFields of a reply: the typed header's values, then what else was given. Reply fields go under their own names. */
export function encodeReplyHeader(
  header: Readonly<Record<string, string | number | bigint | boolean | undefined>> | undefined,
  ext?: Readonly<Record<string, string>>,
): Record<string, string> {
  const fields: Record<string, string> = {};
  if (header !== undefined) {
    for (const key of Object.keys(header)) {
      const value = header[key];
      if (value !== undefined) fields[key] = String(value);
    }
  }
  Object.assign(fields, ext);
  return fields;
}
