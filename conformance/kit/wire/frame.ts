/**
 * Whole remoting frames: `length i32 | serialize type i8, header length u24 | header | body`, and frames that are wrong on
 * purpose. Splitting a byte stream into frames is `FrameSplitter`; sockets are `../connection.ts`.
 */
import { decodeBinaryHeader, encodeBinaryHeader } from './header-binary.js';
import { decodeJsonHeader, encodeJsonHeader, type Ext, type Header } from './header-json.js';
import { WireViolation } from './violation.js';

export type Serialize = 'json' | 'binary';

/** One frame, read. */
export interface Command extends Header {
  readonly serialize: Serialize;
  readonly body: Buffer;
}

/** What `encodeFrame` needs; all but `code` have defaults. */
export interface FrameInput {
  readonly code: number;
  /** null writes no extFields member at all; default an empty one. */
  readonly ext?: Ext | null;
  readonly opaque?: number;
  readonly flag?: number;
  readonly language?: string;
  readonly version?: number;
  readonly remark?: string;
  readonly serialize?: Serialize;
  readonly body?: Buffer | string;
}

/** The MQVersion ordinal the kit speaks as unless a case says otherwise: V5_5_0. */
export const kitVersion = 513;

/** The LanguageCode the kit speaks as unless a case says otherwise. */
export const kitLanguage = 'OTHER';

/** Frames of an endpoint may be this long; what is longer is a violation, and nothing is allocated for it. */
export const frameBytesMax = 64 * 1024 * 1024;

/** Bytes of text or bytes. */
export function bytesOf(value: Buffer | string | undefined): Buffer {
  return value === undefined ? Buffer.alloc(0) : typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
}

/** A well-formed frame. */
export function encodeFrame(input: FrameInput): Buffer {
  const header = {
    code: input.code, language: input.language ?? kitLanguage, version: input.version ?? kitVersion, opaque: input.opaque ?? 0, flag: input.flag ?? 0,
    remark: input.remark, ext: input.ext === undefined ? {} : input.ext,
  };
  return input.serialize === 'binary'
    ? rawFrame({ header: encodeBinaryHeader(header), serializeByte: 1, body: input.body })
    : rawFrame({ header: encodeJsonHeader(header), body: input.body });
}

/** Parts of a frame, each as wrong as a case wants it. */
export interface RawFrame {
  /** The header as text or bytes; taken as it is. */
  readonly header: string | Buffer;
  readonly body?: Buffer | string | undefined;
  /** The first word, instead of the true length of what follows. */
  readonly lengthWord?: number;
  /** The whole second word, instead of serialize byte and true header length. */
  readonly headerWord?: number;
  /** The high byte of the second word: 0 JSON (default), 1 binary. */
  readonly serializeByte?: number;
}

/** A frame from its parts; `lengthWord` and `headerWord` may lie. */
export function rawFrame(parts: RawFrame): Buffer {
  const header = bytesOf(parts.header);
  const body = bytesOf(parts.body);
  const words = Buffer.alloc(8);
  words.writeInt32BE((parts.lengthWord ?? 4 + header.length + body.length) | 0, 0);
  words.writeInt32BE((parts.headerWord ?? ((parts.serializeByte ?? 0) << 24) | (header.length & 0xffffff)) | 0, 4);
  return Buffer.concat([words, header, body]);
}

/** Reads one whole frame, length word included. Throws WireViolation. */
export function decodeFrame(whole: Buffer): Command {
  if (whole.length < 4 || whole.readInt32BE(0) !== whole.length - 4) throw new WireViolation(`${whole.length} bytes that are not one frame`);
  const frame = whole.subarray(4);
  if (frame.length < 4) throw new WireViolation(`a frame of ${frame.length} bytes has no room for a header length`);
  const word = frame.readInt32BE(0);
  const headerBytes = word & 0xffffff;
  if (4 + headerBytes > frame.length) throw new WireViolation(`a header of ${headerBytes} bytes in a frame of ${frame.length}`);
  const header = frame.subarray(4, 4 + headerBytes);
  const body = Buffer.from(frame.subarray(4 + headerBytes));
  const serialize = word >>> 24;
  if (serialize === 0) return { ...decodeJsonHeader(header), serialize: 'json', body };
  if (serialize === 1) return { ...decodeBinaryHeader(header), serialize: 'binary', body };
  throw new WireViolation(`serialize type ${serialize}, not 0 (JSON) or 1 (ROCKETMQ)`);
}

/** Bytes that are text, as of a server of another protocol: its first words say more than a length made of them. */
function asText(bytes: Buffer): string {
  const text = /^[\x20-\x7e]{4,24}/.exec(bytes.toString('latin1', 0, 24))?.[0];
  return text === undefined ? '' : `: it begins ${JSON.stringify(text)}`;
}

/** Cuts a byte stream into whole frames. */
export class FrameSplitter {
  private chunks: Buffer[] = [];
  private held = 0;
  private readonly bytesMax: number;

  constructor(bytesMax: number = frameBytesMax) {
    this.bytesMax = bytesMax;
  }

  /** Bytes of an unfinished frame. */
  get pendingBytes(): number {
    return this.held;
  }

  /** The frames that `chunk` completes. Throws WireViolation for a length outside 4..bytesMax. */
  push(chunk: Buffer): Buffer[] {
    this.chunks.push(chunk);
    this.held += chunk.length;
    const out: Buffer[] = [];
    for (;;) {
      const length = this.peekLength();
      if (length === undefined || this.held < 4 + length) return out;
      const all = this.chunks.length === 1 ? (this.chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(this.chunks);
      out.push(all.subarray(0, 4 + length));
      const rest = all.subarray(4 + length);
      this.chunks = rest.length === 0 ? [] : [rest];
      this.held = rest.length;
    }
  }

  private peekLength(): number | undefined {
    if (this.held < 4) return undefined;
    const first = this.chunks[0];
    if (first === undefined || first.length < 4) this.chunks = [Buffer.concat(this.chunks)];
    const length = (this.chunks[0] ?? Buffer.alloc(4)).readInt32BE(0);
    if (length < 4 || length > this.bytesMax) throw new WireViolation(`a frame length of ${length}, outside 4..${this.bytesMax}${asText(this.chunks[0] ?? Buffer.alloc(0))}`);
    return length;
  }
}
