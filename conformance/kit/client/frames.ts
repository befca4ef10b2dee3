/** Frames of clients: as strict as `wire/frame.ts`, but header fields that are JSON numbers or booleans are read, as Apache reads them, and named. */
import { decodeFrame, rawFrame, type Command } from '../wire/frame.js';

/** The command, and the names of its header fields that were no strings. Throws WireViolation. */
export function decodeClientFrame(bytes: Buffer): { readonly command: Command; readonly loose: readonly string[] } {
  const headerBytes = bytes.length < 8 ? 0 : bytes.readUInt32BE(4) & 0xffffff;
  if (bytes.length < 8 || bytes[4] !== 0 || 8 + headerBytes > bytes.length) return { command: decodeFrame(bytes), loose: [] };
  let header: unknown;
  try {
    header = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes));
  } catch {
    return { command: decodeFrame(bytes), loose: [] };
  }
  const ext = typeof header === 'object' && header !== null && 'extFields' in header ? header.extFields : undefined;
  if (typeof ext !== 'object' || ext === null || Array.isArray(ext)) return { command: decodeFrame(bytes), loose: [] };
  const loose = Object.entries(ext).filter(([, value]) => value === null || typeof value === 'number' || typeof value === 'boolean').map(([name]) => name);
  if (loose.length === 0) return { command: decodeFrame(bytes), loose };
  const texts = Object.fromEntries(Object.entries(ext).filter(([, value]) => value !== null).map(([name, value]) => [name, typeof value === 'number' || typeof value === 'boolean' ? String(value) : value as unknown]));
  return { command: decodeFrame(rawFrame({ header: JSON.stringify(Object.assign({}, header, { extFields: texts })), body: bytes.subarray(8 + headerBytes) })), loose };
}
