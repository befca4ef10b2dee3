/** Frames of one connection on their way out: those of one turn are gathered and written together. */
import type { Duplex } from 'node:stream';
import { frameHeadBytes } from './http2-frames.js';

/** Frames are gathered in pieces of this size; longer payloads are written as they are. */
const pieceBytes = 16_384;
const copyBytesMax = 2048;

export class FrameOutput {
  /** What frames are written into; another one after each `frame`. */
  piece: Buffer = Buffer.alloc(0);
  /** Answers to the peer's settings and pings since the last write: counted by the caller. */
  answers = 0;
  readonly #socket: Duplex;
  readonly #taken: (bytes: number) => void;
  #start = 0;
  #end = 0;
  #pieces: Buffer[] = [];
  #willFlush = false;
  /** Content since the last write. */
  #contentBytes = 0;
  #answersUnderWay = 0;
  #closed = false;

  /** @param taken told how many bytes of content a write took, once it is done */
  constructor(socket: Duplex, taken: (bytes: number) => void) {
    this.#socket = socket;
    this.#taken = taken;
  }

  /** Answers that the peer has not taken. */
  get answersWaiting(): number {
    return this.answers + this.#answersUnderWay;
  }

  /** Begins a frame; answers where in `piece` its payload, for which there is room, goes. */
  frame(type: number, flags: number, stream: number, length: number): number {
    return this.#head(type, flags, stream, length, frameHeadBytes + length) + frameHeadBytes;
  }

  /** A frame whose payload is a part of `content`, which is nobody else's any more. */
  content(type: number, stream: number, content: Buffer, start: number, length: number): void {
    this.#contentBytes += length;
    if (length <= copyBytesMax) {
      const at = this.frame(type, 0, stream, length);
      content.copy(this.piece, at, start, start + length);
      return;
    }
    this.#head(type, 0, stream, length, frameHeadBytes);
    this.#seal();
    this.#pieces.push(content.subarray(start, start + length));
  }

  #head(type: number, flags: number, stream: number, length: number, room: number): number {
    if (this.piece.length - this.#end < room) {
      this.#seal();
      this.piece = Buffer.allocUnsafeSlow(Math.max(pieceBytes, room));
      this.#start = this.#end = 0;
    }
    const { piece } = this;
    const at = this.#end;
    piece[at] = length >> 16;
    piece[at + 1] = length >> 8;
    piece[at + 2] = length;
    piece[at + 3] = type;
    piece[at + 4] = flags;
    piece[at + 5] = stream >> 24;
    piece[at + 6] = stream >> 16;
    piece[at + 7] = stream >> 8;
    piece[at + 8] = stream;
    this.#end += room;
    if (!this.#willFlush) {
      this.#willFlush = true;
      // Behind the promises that this turn settled: what they answer leaves together.
      process.nextTick(() => this.flush());
    }
    return at;
  }

  #seal(): void {
    if (this.#end > this.#start) this.#pieces.push(this.piece.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }

  /** Hands what was gathered to the socket. */
  flush(): void {
    this.#willFlush = false;
    this.#seal();
    const pieces = this.#pieces;
    if (pieces.length === 0 || this.#closed || this.#socket.destroyed) return;
    this.#pieces = [];
    const bytes = this.#contentBytes;
    const { answers } = this;
    this.#contentBytes = this.answers = 0;
    this.#answersUnderWay += answers;
    const taken = (): void => {
      if (this.#closed) return;
      this.#answersUnderWay -= answers;
      if (bytes > 0) this.#taken(bytes);
    };
    if (pieces.length > 1) this.#socket.cork();
    pieces.forEach((piece, i) => this.#socket.write(piece, i === pieces.length - 1 ? taken : undefined));
    if (pieces.length > 1) this.#socket.uncork();
  }

  close(): void {
    this.#closed = true;
    this.#pieces = [];
  }
}
