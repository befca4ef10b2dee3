/** Readers and writers of bytes and texts, each with one bug. */
import { inflateSync } from 'node:zlib';
import { writeJson } from '../../src/compat/fastjson.js';
import { readProperties } from '../../src/compat/properties-file.js';
import type { BatchCursor } from '../../src/codec/batch.js';
import type { Command } from '../../src/codec/command.js';
import { WireError } from '../../src/codec/errors.js';
import { decodeCommand, readJsonHeader } from '../../src/codec/header.js';
import { scanProperties } from '../../src/codec/properties.js';
import type { PropertyScan } from '../../src/codec/properties.js';
import { ExpressionCache } from '../../src/server/filter/expression.js';
import { verdict } from '../../src/server/filter/sql-compile.js';
import { readRegistration } from '../../src/server/namesrv/registration-body.js';
import { resolveConfig } from '../../src/server/config.js';
import { readReceipt } from '../../src/server/pop/extra-info.js';
import { grpcCode } from '../../src/codec/grpc-messages.js';
import { GrpcRefusal } from '../../src/server/proxy/status.js';
import type { BatchSubject, PropertySubject } from '../targets/messages.js';
import type { ScanSubject } from '../targets/headers.js';
import type { ConfSubject, HandleSubject } from '../targets/texts.js';
import type { RegistrationSubject } from '../targets/bodies.js';
import type { SqlSubject } from '../targets/sql92.js';

/** Integers wrap around where they should be refused. */
export const wrappingScan: ScanSubject = (header) => {
  let command: Command;
  try {
    command = readJsonHeader(header);
  } catch {
    return undefined;
  }
  return { command, int32: (key) => { const text = command.ext.get(key) ?? ''; return /^-?\d{1,15}$/.test(text) ? Number(text) | 0 : NaN; } };
};

/** A backslash is written as it is. */
export const unescapedJson = (value: unknown): string => writeJson(value as never).replaceAll('\\\\', '\\');

/** The last length of an entry is read without a look at what is left. */
export function unboundedBinary(header: Buffer): Command {
  const command = decodeCommandLax(header);
  if (command !== undefined) return command;
  return decodeCommand(header, 0, header.length, header.length, 1);
}

function decodeCommandLax(header: Buffer): Command | undefined {
  if (header.length < 21) return undefined;
  const remarkBytes = header.readInt32BE(13);
  if (remarkBytes < 0 || remarkBytes > header.length - 21) throw new WireError('remark');
  let at = 21 + remarkBytes;
  const end = Math.min(header.length, at + header.readInt32BE(at - 4));
  while (at < end) {
    const keyBytes = header.readInt16BE(at);
    if (keyBytes < 0 || keyBytes > end - at - 2) throw new WireError('key');
    at += 2 + keyBytes;
    at += 4 + Math.max(0, header.readInt32BE(at));
  }
  return undefined;
}

type Cursor = Pick<BatchCursor, 'reset' | 'next' | 'reason' | 'count' | 'flag' | 'bodyStart' | 'bodyEnd' | 'propertiesStart' | 'propertiesEnd'>;

class LaxCursor implements Cursor {
  private readonly bug: 'length' | 'negative';
  private bytes: Buffer = Buffer.alloc(0);
  private at = 0;
  reason = '';
  count = 0;
  flag = 0;
  bodyStart = 0;
  bodyEnd = 0;
  propertiesStart = 0;
  propertiesEnd = 0;

  constructor(bug: 'length' | 'negative') {
    this.bug = bug;
  }

  reset(bytes: Uint8Array): void {
    this.bytes = bytes as Buffer;
    this.at = 0;
    this.count = 0;
    this.reason = '';
  }

  next(): boolean {
    const { bytes, at } = this;
    if (at >= bytes.length) return false;
    const fault = (): false => { this.reason = 'malformed'; return false; };
    if (bytes.length - at < 22) return fault();
    const bodyBytes = bytes.readInt32BE(at + 16);
    if (bodyBytes < 0 || bodyBytes > bytes.length - at - 22) return fault();
    const propertiesBytes = this.bug === 'negative' ? bytes.readUInt16BE(at + 20 + bodyBytes) & 0x7fff : bytes.readInt16BE(at + 20 + bodyBytes);
    const end = at + 22 + bodyBytes + propertiesBytes;
    if (propertiesBytes < 0 || end > bytes.length + (this.bug === 'length' ? 1 : 0)) return fault();
    Object.assign(this, { flag: bytes.readInt32BE(at + 12), bodyStart: at + 20, bodyEnd: at + 20 + bodyBytes, propertiesStart: at + 22 + bodyBytes, propertiesEnd: end, at: end });
    this.count++;
    return true;
  }
}

export const laxBatch = (bug: 'length' | 'negative'): BatchSubject => ({ cursor: () => new LaxCursor(bug) });

/** Of two properties of one name the first wins. */
export const firstWins: PropertySubject = (scan, bytes, start, end) => {
  scanProperties(scan, bytes, start, end);
  const text = bytes.toString('latin1', start, end);
  const first = /(?:^|\u0002)TAGS\u0001([^\u0002]+)/.exec(text);
  if (first === null || scan.tagsStart < 0) return;
  scan.tagsEnd = start + first.index + first[0].length;
  scan.tagsStart = scan.tagsEnd - (first[1] ?? '').length;
};

/** Remembers where things stood in the last string and takes any of the same length for alike: it needs two inputs. */
export function staleLayout(): PropertySubject {
  let last: { readonly length: number; readonly found: Partial<PropertyScan> } | undefined;
  return (scan, bytes, start, end) => {
    if (last !== undefined && last.length === end - start && start === 0 && end > 24) {
      Object.assign(scan, last.found);
      return;
    }
    scanProperties(scan, bytes, start, end);
    if (start === 0) {
      const { tagsStart, tagsEnd } = scan;
      last = { length: end, found: { tagsStart, tagsEnd } };
    }
  };
}

/** Numbers of any size. */
export const unsafeHandle: HandleSubject = {
  readReceipt,
  readHandle: (text) => {
    const parts = text.split(' ');
    if (parts.length < 8 || ![0, 1, 2, 3, 6, 7].every((at) => /^-?\d+$/.test(parts[at] ?? ''))) throw new GrpcRefusal(grpcCode.INTERNAL_SERVER_ERROR, 'Parse failed');
    const int = (at: number): number => Number(parts[at]);
    return { text, visibleMs: int(1) + int(2), topicType: parts[4] ?? '', brokerName: parts[5] ?? '', queueId: int(6), queueOffset: int(7), commitLogOffset: -1 };
  },
};

/** NOT of what is unknown is true. */
export function twoValued(): SqlSubject {
  const cache = new ExpressionCache();
  return (text) => {
    const compiled = cache.compile('SQL92', text);
    if ('error' in compiled || !/\bNOT \(/.test(text)) return compiled;
    return { judge: (properties) => { const value = compiled.judge(properties); return value === verdict.UNKNOWN ? verdict.YES : value; } };
  };
}

/** Room is made for as many topics as a registration says it has. */
export const trustingRegistration: RegistrationSubject = (body, compressed, version) => {
  if (compressed) {
    const bytes = inflateSync(body);
    const length = bytes.length < 4 ? -1 : bytes.readInt32BE(0);
    if (length >= 0 && length <= bytes.length - 8) Buffer.allocUnsafe(Math.max(0, Math.min(bytes.readInt32BE(4 + length), 1 << 24)) * 8);
  }
  return readRegistration(body, compressed, version);
};

/** A pattern that tries every way to cut a value. */
export const slowConf: ConfSubject = {
  read: readProperties,
  resolve: (settings, origin, role) => {
    for (const value of settings.values()) /^(?:[^=]+)+=$/.test(value.slice(0, 26));
    return resolveConfig(settings, origin, role);
  },
};
