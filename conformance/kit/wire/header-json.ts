/** The JSON form of a remoting header. Members go out in alphabetical order, as Java writes them. */
import { WireViolation } from './violation.js';

/** Header fields as a case gives them; undefined and null leave the field out. */
export type Ext = Readonly<Record<string, string | number | bigint | boolean | null | undefined>>;

/** What a header says, in either form. */
export interface Header {
  readonly code: number;
  /** LanguageCode's name; empty when the header has none. */
  readonly language: string;
  /** MQVersion ordinal. */
  readonly version: number;
  readonly opaque: number;
  /** Bit 0: an answer; bit 1: oneway. */
  readonly flag: number;
  readonly remark: string | undefined;
  readonly ext: Readonly<Record<string, string>>;
}

/** The fields as text, without those that are left out. */
export function plainExt(ext: Ext): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [name, value] of Object.entries(ext)) if (value !== undefined && value !== null) out[name] = String(value);
  return out;
}

/** The header's bytes as JSON. `extFields` is left out when `ext` is null. */
export function encodeJsonHeader(header: Omit<Header, 'ext'> & { readonly ext: Ext | null }): Buffer {
  return Buffer.from(JSON.stringify({
    code: header.code,
    ...(header.ext === null ? {} : { extFields: plainExt(header.ext) }),
    flag: header.flag,
    language: header.language,
    opaque: header.opaque,
    ...(header.remark === undefined ? {} : { remark: header.remark }),
    serializeTypeCurrentRPC: 'JSON',
    version: header.version,
  }), 'utf8');
}

/** Reads a JSON header strictly. Throws WireViolation that names the member. */
export function decodeJsonHeader(bytes: Buffer): Header {
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new WireViolation(`a header that is not JSON: ${JSON.stringify(text.slice(0, 200))}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new WireViolation(`a JSON header that is no object: ${text.slice(0, 200)}`);
  const members = value as Readonly<Record<string, unknown>>;
  const int = (name: string, absent?: number): number => {
    const member = members[name] ?? absent;
    if (typeof member !== 'number' || !Number.isInteger(member) || member < -0x80000000 || member > 0x7fffffff) throw new WireViolation(`header member ${name} is no 32-bit integer: ${text.slice(0, 200)}`);
    return member;
  };
  const remark = members['remark'];
  if (remark !== undefined && remark !== null && typeof remark !== 'string') throw new WireViolation(`header member remark is no string: ${text.slice(0, 200)}`);
  const language = members['language'] ?? '';
  if (typeof language !== 'string') throw new WireViolation(`header member language is no string: ${text.slice(0, 200)}`);
  return { code: int('code'), language, version: int('version', 0), opaque: int('opaque'), flag: int('flag', 0), remark: remark ?? undefined, ext: readExt(members['extFields'], text) };
}

function readExt(value: unknown, text: string): Record<string, string> {
  const out: Record<string, string> = {};
  if (value === undefined || value === null) return out;
  if (typeof value !== 'object' || Array.isArray(value)) throw new WireViolation(`header member extFields is no object: ${text.slice(0, 200)}`);
  for (const [name, member] of Object.entries(value)) {
    if (typeof member !== 'string') throw new WireViolation(`extFields.${name} is no string: ${text.slice(0, 200)}`);
    out[name] = member;
  }
  return out;
}
