/**
 * The binary (ROCKETMQ) form of a remoting header (`RocketMQSerializable`):
 * `code i16, language i8, version i16, opaque i32, flag i32, remark len32, ext len32 of { key len16, value len32 }`.
 */
import { plainExt, type Ext, type Header } from './header-json.js';
import { WireViolation } from './violation.js';

/** LanguageCode by position (`LanguageCode`). */
export const languages = ['JAVA', 'CPP', 'DOTNET', 'PYTHON', 'DELPHI', 'ERLANG', 'RUBY', 'OTHER', 'HTTP', 'GO', 'PHP', 'OMS', 'RUST', 'NODE_JS'] as const;

/** The header's bytes. Codes beyond 16 bits are cut, as Java cuts them. */
export function encodeBinaryHeader(header: Omit<Header, 'ext'> & { readonly ext: Ext | null }): Buffer {
  const entries: Buffer[] = [];
  for (const [name, value] of Object.entries(plainExt(header.ext ?? {}))) {
    const key = Buffer.from(name, 'utf8');
    const text = Buffer.from(value, 'utf8');
    const lengths = Buffer.alloc(6);
    lengths.writeUInt16BE(key.length, 0);
    lengths.writeInt32BE(text.length, 2);
    entries.push(lengths.subarray(0, 2), key, lengths.subarray(2), text);
  }
  const ext = Buffer.concat(entries);
  const remark = Buffer.from(header.remark ?? '', 'utf8');
  const head = Buffer.alloc(17);
  head.writeInt16BE((header.code << 16) >> 16, 0);
  head.writeInt8(Math.max(0, languages.indexOf(header.language as (typeof languages)[number])), 2);
  head.writeInt16BE((header.version << 16) >> 16, 3);
  head.writeInt32BE(header.opaque, 5);
  head.writeInt32BE(header.flag, 9);
  head.writeInt32BE(remark.length, 13);
  const extLength = Buffer.alloc(4);
  extLength.writeInt32BE(ext.length);
  return Buffer.concat([head, remark, extLength, ext]);
}

/** Reads a binary header. Throws WireViolation where a length points past the end. */
export function decodeBinaryHeader(bytes: Buffer): Header {
  let at = 0;
  const take = (length: number, what: string): Buffer => {
    if (length < 0 || at + length > bytes.length) throw new WireViolation(`binary header: ${what} of ${length} bytes at ${at} of ${bytes.length}`);
    at += length;
    return bytes.subarray(at - length, at);
  };
  const head = take(17, 'fixed part');
  const remarkLength = head.readInt32BE(13);
  const remark = take(remarkLength, 'remark').toString('utf8');
  const extLength = take(4, 'ext length').readInt32BE(0);
  if (extLength < 0 || at + extLength !== bytes.length) throw new WireViolation(`binary header: ext of ${extLength} bytes at ${at} of ${bytes.length}`);
  const ext: Record<string, string> = {};
  while (at < bytes.length) {
    const key = take(take(2, 'key length').readUInt16BE(0), 'key').toString('utf8');
    ext[key] = take(take(4, 'value length').readInt32BE(0), `value of ${key}`).toString('utf8');
  }
  return {
    code: head.readInt16BE(0),
    language: languages[head.readInt8(2)] ?? '',
    version: head.readInt16BE(3),
    opaque: head.readInt32BE(5),
    flag: head.readInt32BE(9),
    remark: remarkLength === 0 ? undefined : remark,
    ext,
  };
}
