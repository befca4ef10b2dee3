/**
 * Frames of the remoting protocol: where one ends and the next begins, within a bound on length.
 * It owns the two length words; what a header says is header-scan.ts and header.ts, sockets are src/remoting.
 *
 *   0        4                        8            8+h         4+t
 *   | t      | type:8 | h:24          | header: h  | body      |
 *   t = bytes after the first word; type 0 = JSON, 1 = ROCKETMQ; a body of length 0 is no body.
 */
import { WireError } from './errors.js';
import { unstage } from './hot-path.js';
import type { SerializeType } from './command.js';

/** Largest frame with its length word: `com.rocketmq.remoting.frameMaxLength` (`NettyDecoder`). */
export const frameBytesMaxDefault = 16_777_216;

/** Bytes before the header. */
export const framePrefixBytes = 8;

/** A frame that spans chunks is collected in a buffer of at most this size until more really arrived. */
const firstBufferBytesMax = 65_536;

const serializeTypes: readonly SerializeType[] = ['JSON', 'ROCKETMQ'];

/** The serialization a type byte names, or undefined (`SerializeType#valueOf`). */
export function serializeTypeOf(typeByte: number): SerializeType | undefined {
  return serializeTypes[typeByte];
}

/** The type byte of a serialization. */
export function typeByteOf(serialize: SerializeType): number {
  return serialize === 'JSON' ? 0 : 1;
}

/**
 * Receives one whole frame: header in `buffer[headerStart..headerEnd)`, body in `buffer[headerEnd..bodyEnd)`.
 * The bytes are the chunk's own, or a buffer nobody else holds when the frame came in pieces. True = the listener keeps none of them, and the reader may
 * use that buffer again.
 */
export type FrameListener = (buffer: Buffer, headerStart: number, headerEnd: number, bodyEnd: number, serializeTypeByte: number) => boolean | void;

/** Buffers of `firstBufferBytesMax` for frames in pieces, shared by all readers: a new one for each frame keeps the garbage collector busy. */
const spareBuffers: Buffer[] = [];
const spareBuffersMax = 16;
/** Smaller frames get a buffer of their own size. */
const spareUseBytesMin = 8192;

/**
 * Cuts a stream of chunks into frames. Lengths are checked before anything is allocated, and a declared length is never allocated
 * ahead of the bytes that back it. After a WireError the reader stays broken: the connection has to close.
 */
export class FrameReader {
  private readonly onFrame: FrameListener;
  private readonly bytesMax: number;
  private readonly limitName: string;
  /** Bytes of an unfinished frame; `pending[0..pendingBytes)` are real. Not allocated while frames come whole. */
  private pending: Buffer | undefined;
  private pendingBytes = 0;
  private stopped = false;

  /** `bytesMax`: largest frame including its length word; `limitName` is what the error calls that bound. */
  constructor(onFrame: FrameListener, bytesMax: number = frameBytesMaxDefault, limitName = 'frameMaxLength') {
    this.onFrame = onFrame;
    this.bytesMax = bytesMax;
    this.limitName = limitName;
  }

  /** Bytes held of a frame that is not complete yet. */
  get heldBytes(): number {
    return this.pendingBytes;
  }

  /** Takes no more: the rest of the chunk at work and later chunks are dropped (a listener closed the connection). */
  stop(): void {
    this.stopped = true;
    this.pending = undefined;
    this.pendingBytes = 0;
  }

  /** Hands over every frame that `chunk[0..end)` completes. Throws WireError at the first frame that cannot be one. */
  feed(chunk: Buffer, end: number = chunk.length): void {
    let at = 0;
    if (this.pendingBytes > 0) {
      at = this.continueFrame(chunk, end);
      if (at < 0) return;
    }
    while (!this.stopped) {
      const left = end - at;
      if (left < framePrefixBytes) break;
      const total = readInt(chunk, at);
      const word = readInt(chunk, at + 4);
      this.check(total, word);
      if (left - 4 < total) break;
      const headerStart = at + framePrefixBytes;
      const bodyEnd = at + 4 + total;
      at = bodyEnd;
      this.onFrame(chunk, headerStart, headerStart + (word & 0xffffff), bodyEnd, word >>> 24);
    }
    if (!this.stopped && at < end) this.keep(chunk, at, end);
  }

  /** Completes the pending frame from `chunk`; the position after what it took, or -1 when the frame needs more. */
  private continueFrame(chunk: Buffer, end: number): number {
    let at = 0;
    if (this.pendingBytes < framePrefixBytes) {
      at = Math.min(framePrefixBytes - this.pendingBytes, end);
      this.append(chunk, 0, at, framePrefixBytes);
      if (this.pendingBytes >= 4) this.checkTotal(readInt(this.held(), 0));
      if (this.pendingBytes < framePrefixBytes) return -1;
    }
    const total = readInt(this.held(), 0);
    const word = readInt(this.held(), 4);
    this.check(total, word);
    const take = Math.min(4 + total - this.pendingBytes, end - at);
    this.append(chunk, at, at + take, 4 + total);
    if (this.pendingBytes < 4 + total) return -1;
    const frame = this.held();
    this.pending = undefined;
    this.pendingBytes = 0;
    if (this.onFrame(frame, framePrefixBytes, framePrefixBytes + (word & 0xffffff), 4 + total, word >>> 24) === true) putBack(frame);
    return at + take;
  }

  /** Starts collecting the frame whose first bytes are `chunk[at..]`. */
  private keep(chunk: Buffer, at: number, end: number): void {
    const left = end - at;
    if (left >= 4) this.checkTotal(readInt(chunk, at));
    const frameBytes = left >= framePrefixBytes ? 4 + readInt(chunk, at) : framePrefixBytes;
    this.append(chunk, at, end, frameBytes);
  }

  private held(): Buffer {
    return this.pending ?? emptyBytes;
  }

  /** Appends to the pending bytes; room at least doubles, from 64 KiB, and never exceeds what the frame declares. */
  private append(chunk: Buffer, from: number, to: number, frameBytes: number): void {
    const needed = this.pendingBytes + to - from;
    let pending = this.pending;
    if (pending === undefined || pending.length < needed) {
      const room = Math.min(frameBytes, Math.max(needed, firstBufferBytesMax, pending === undefined ? 0 : pending.length * 2));
      const larger = takeBuffer(room);
      if (pending !== undefined) {
        pending.copy(larger, 0, 0, this.pendingBytes);
        putBack(pending);
      }
      this.pending = pending = larger;
    }
    chunk.copy(pending, this.pendingBytes, from, to);
    this.pendingBytes = needed;
  }

  private checkTotal(total: number): void {
    if (total < 4 || total > this.bytesMax - 4) {
      this.stop();
      throw new WireError(`frame length ${total} is outside 4..${this.bytesMax - 4} (${this.limitName} ${this.bytesMax})`);
    }
  }

  private check(total: number, word: number): void {
    this.checkTotal(total);
    const headerBytes = word & 0xffffff;
    if (headerBytes > total - 4) {
      this.stop();
      throw new WireError(`header length ${headerBytes} is outside 0..${total - 4} of a frame of length ${total}`);
    }
    if (word >>> 24 > 1) {
      this.stop();
      throw new WireError(`serialization type ${word >>> 24} is outside 0..1 (0 JSON, 1 ROCKETMQ)`);
    }
  }
}

const emptyBytes = Buffer.alloc(0);

function takeBuffer(bytes: number): Buffer {
  if (bytes < spareUseBytesMin || bytes > firstBufferBytesMax) return Buffer.allocUnsafe(bytes);
  return spareBuffers.pop() ?? Buffer.allocUnsafeSlow(firstBufferBytesMax);
}

/** Nobody holds it any more. */
function putBack(buffer: Buffer): void {
  if (buffer.length !== firstBufferBytesMax || buffer.byteLength !== buffer.buffer.byteLength || spareBuffers.length >= spareBuffersMax) return;
  unstage(buffer);
  spareBuffers.push(buffer);
}

function readInt(bytes: Buffer, at: number): number {
  return ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
}

/** Largest header: its length has 24 bits. */
export const headerBytesMax = 0xffffff;

/** One frame of a header and an optional body, as one buffer. Throws RangeError when the header does not fit its 24-bit length. */
export function encodeFrame(header: Buffer | string, body?: Uint8Array, serialize: SerializeType = 'JSON'): Buffer {
  const headerBytes = typeof header === 'string' ? Buffer.byteLength(header) : header.length;
  const bodyBytes = body === undefined ? 0 : body.length;
  const frame = Buffer.allocUnsafe(framePrefixBytes + headerBytes + bodyBytes);
  writeFramePrefix(frame, 0, headerBytes, bodyBytes, serialize);
  if (typeof header === 'string') frame.write(header, framePrefixBytes);
  else header.copy(frame, framePrefixBytes);
  if (body !== undefined) frame.set(body, framePrefixBytes + headerBytes);
  return frame;
}

/** Writes the two length words of a frame at `at`. */
export function writeFramePrefix(target: Buffer, at: number, headerBytes: number, bodyBytes: number, serialize: SerializeType = 'JSON'): void {
  if (headerBytes > headerBytesMax) throw new RangeError(`header length ${headerBytes} is outside 0..${headerBytesMax}`);
  target.writeInt32BE(4 + headerBytes + bodyBytes, at);
  target.writeInt32BE(((typeByteOf(serialize) << 24) | headerBytes) >> 0, at + 4);
}
