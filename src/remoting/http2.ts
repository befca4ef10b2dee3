/**
 * The server's side of an HTTP/2 connection (RFC 9113), as far as gRPC needs it: frames, header blocks, streams, flow control, and what a peer may cost. Node's own
 * module made a call three to seven times as dear (`grpc-*` of the benchmark). What streams mean is grpc.ts's; there are no pushes and no priorities.
 *
 *   frame:  length (3) | type (1) | flags (1) | stream (4) | payload
 */
import type { Duplex } from 'node:stream';
import { HpackDecoder } from '../codec/hpack.js';
import { WireError } from '../codec/errors.js';
import { Http2Fault, frameFlag, frameHeadBytes, frameType, http2Error, setting, unpadded } from './http2-frames.js';
import { FrameOutput } from './http2-output.js';
import type { Clock } from './types.js';

export { frameFlag, frameType, http2Error } from './http2-frames.js';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
/** SETTINGS_MAX_FRAME_SIZE of a side that has not said another. */
const frameBytesFirst = 16_384;
/** Payload of a frame to us. */
const frameBytesMax = frameBytesFirst;
/** Larger frames from us would hold up what others on the connection wait for. */
const ownFrameBytesMax = 65_536;
const windowFirst = 65_535;
const windowMax = 0x7fff_ffff;
/** What a peer may send before we say that it was taken: on one stream, on a connection. */
export const streamWindowBytes = 1024 * 1024;
export const connectionWindowBytes = 4 * 1024 * 1024;
/** Counted for a header beside its text (section 6.5.2). */
const headerBytes = 32;
const tableBytesMax = 4096;

/** Frames of one header list. */
const fragmentsMax = 64;
/** DATA frames with nothing in them, one after the other. */
const emptyFramesMax = 100;
/** Answers to settings and pings that the peer has not taken. */
const answersMax = 10_000;
/** Streams that a peer resets, or has us reset: at once, and each second. */
export const resetsAtOnceMax = 1000;
const resetsPerSecond = 33;
/** What was queued when a connection ends has so long to leave. */
const lingerMs = 1000;

export type Http2Headers = Readonly<Record<string, string | undefined>>;

/** Who reads a stream. */
export interface StreamUser {
  data(chunk: Buffer): void;
  /** Nothing more comes. */
  ended(): void;
  /** Once: the stream is over, whoever ended it. */
  closed(): void;
}

export interface Http2Host {
  readonly clock: Clock;
  /** Streams at once. */
  readonly streamsMax: number;
  /** Of the headers of a stream. */
  readonly headerBytesMax: number;
  /** A connection on which nothing moves for so long is ended. */
  readonly idleMsMax: number;
  /** A stream begins. `tooLarge`: its headers are not there, they were more than may be. */
  opened(stream: Http2Stream, headers: Http2Headers, tooLarge: boolean): StreamUser | undefined;
  /** So many bytes of messages more (or fewer) wait to be taken by the peer. */
  waiting(bytes: number): void;
  /** Once, when the connection is over; `fault`: why we ended it. */
  gone(fault: string | undefined): void;
}

/** Headers that have no meaning in HTTP/2 (section 8.2.2). */
const connectionHeaders: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);
const pseudoHeaders: ReadonlySet<string> = new Set([':method', ':scheme', ':path', ':authority']);

/** Headers being read: of one stream, until the frame that ends them. */
interface OpenBlock {
  readonly stream: number;
  readonly endStream: boolean;
  parts: Buffer[];
  bytes: number;
}

export class Http2Stream {
  readonly id: number;
  readonly session: Http2Session;
  user: StreamUser | undefined;
  /** Bytes received that the peer was not told of. */
  taken = 0;
  /** Bytes that the peer lets this stream send, beside its first window. */
  granted = 0;
  sent = 0;
  remoteEnded = false;
  localEnded = false;
  closed = false;
  /** Messages for which there was no window. */
  queue: Buffer[] = [];
  /** Bytes of the first of them that have left. */
  queueStart = 0;
  /** Header block that follows them. */
  trailers: Buffer | undefined;

  constructor(id: number, session: Http2Session) {
    this.id = id;
    this.session = session;
  }

  /** Sends a header block; `end`: it is all that is said. */
  respond(block: Buffer, end: boolean): void {
    if (this.closed || this.localEnded) return;
    this.session.headers(this, block, end);
  }

  /** Sends content. The bytes are the transport's from now on. */
  write(content: Buffer): void {
    if (this.closed || this.localEnded || content.length === 0) return;
    this.session.send(this, content);
  }

  /** Ends the stream with a header block behind what was written. */
  finish(trailers: Buffer): void {
    if (this.closed || this.localEnded) return;
    if (this.queue.length > 0) this.trailers = trailers;
    else this.session.headers(this, trailers, true);
  }

  reset(code: number): void {
    if (!this.closed) this.session.reset(this, code);
  }
}

export class Http2Session {
  readonly socket: Duplex;
  readonly #host: Http2Host;
  readonly #decoder = new HpackDecoder(tableBytesMax);
  readonly #streams = new Map<number, Http2Stream>();
  /** Those with something to send and a window of their own; and those without. */
  readonly #ready = new Set<Http2Stream>();
  readonly #stalled = new Set<Http2Stream>();
  #lastStream = 0;
  #block: OpenBlock | undefined;

  #prefaced = false;
  #settled = false;
  #held: Buffer[] | undefined;
  #heldBytes = 0;
  #wantedBytes = 0;

  #taken = 0;
  #window = windowFirst;
  #streamWindow = windowFirst;
  #frameMax = frameBytesFirst;

  readonly #out: FrameOutput;
  /** Bytes of messages in streams, in the output and on their way. */
  #waitingBytes = 0;

  #emptyFrames = 0;
  #resets = resetsAtOnceMax;
  #resetsMs: number;
  #movedMs: number;
  #idle: { clear(): void };
  #goingAway = false;
  #over = false;
  #gone = false;
  #fault: string | undefined;

  constructor(socket: Duplex, host: Http2Host) {
    this.socket = socket;
    this.#host = host;
    this.#resetsMs = this.#movedMs = host.clock.nowMs();
    this.#idle = host.clock.setTimeout(() => this.#checkIdle(), host.idleMsMax);
    this.#out = new FrameOutput(socket, (bytes) => {
      this.#movedMs = host.clock.nowMs();
      this.#waits(-bytes);
    });
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('error', () => undefined);
    // A peer that says nothing more on its connection has no use for answers.
    socket.on('end', () => this.destroy());
    socket.once('close', () => this.#close());
    const settings = [[setting.MAX_CONCURRENT_STREAMS, host.streamsMax], [setting.INITIAL_WINDOW_SIZE, streamWindowBytes], [setting.MAX_HEADER_LIST_SIZE, host.headerBytesMax]] as const;
    let at = this.#frame(frameType.SETTINGS, 0, 0, settings.length * 6);
    for (const [id, value] of settings) {
      at = this.#out.piece.writeUInt16BE(id, at);
      at = this.#out.piece.writeUInt32BE(value, at);
    }
    this.#windowUpdate(0, connectionWindowBytes - windowFirst);
  }

  get open(): boolean {
    return !this.#over;
  }

  /** Streams that are not over. */
  get streams(): number {
    return this.#streams.size;
  }

  destroy(): void {
    this.#over = true;
    this.socket.destroy();
    this.#close();
  }

  // ---- reading

  /** Bytes of the peer, as they come. */
  receive(chunk: Buffer): void {
    if (this.#over) return;
    let bytes = chunk;
    if (this.#held !== undefined) {
      this.#held.push(chunk);
      this.#heldBytes += chunk.length;
      if (this.#heldBytes < this.#wantedBytes) return;
      bytes = Buffer.concat(this.#held);
      this.#held = undefined;
    }
    this.#movedMs = this.#host.clock.nowMs();
    let at = 0;
    try {
      at = this.#cut(bytes);
    } catch (error) {
      if (error instanceof Http2Fault) this.#fail(error.code, error.message);
      else if (error instanceof WireError) this.#fail(http2Error.COMPRESSION_ERROR, error.message);
      else throw error;
      return;
    }
    if (at === bytes.length || this.#over) return;
    this.#held = [Buffer.from(bytes.subarray(at))];
    this.#heldBytes = bytes.length - at;
  }

  /** Takes whole frames; answers where the rest begins. */
  #cut(bytes: Buffer): number {
    let at = 0;
    if (!this.#prefaced) {
      const length = Math.min(bytes.length, preface.length);
      if (preface.compare(bytes, 0, length, 0, length) !== 0) throw new Http2Fault(http2Error.PROTOCOL_ERROR, 'no HTTP/2');
      this.#wantedBytes = preface.length;
      if (length < preface.length) return 0;
      this.#prefaced = true;
      at = length;
    }
    while (!this.#over) {
      this.#wantedBytes = frameHeadBytes;
      if (bytes.length - at < frameHeadBytes) return at;
      const length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
      if (length > frameBytesMax) throw new Http2Fault(http2Error.FRAME_SIZE_ERROR, `a frame of ${length} bytes`);
      this.#wantedBytes = frameHeadBytes + length;
      if (bytes.length - at < this.#wantedBytes) return at;
      const stream = bytes.readUInt32BE(at + 5) & windowMax;
      this.#take(bytes[at + 3] as number, bytes[at + 4] as number, stream, bytes.subarray(at + frameHeadBytes, at + frameHeadBytes + length));
      at += frameHeadBytes + length;
    }
    return bytes.length;
  }

  #take(type: number, flags: number, stream: number, payload: Buffer): void {
    if (!this.#settled && type !== frameType.SETTINGS) throw new Http2Fault(http2Error.PROTOCOL_ERROR, 'settings come first');
    if (this.#block !== undefined && (type !== frameType.CONTINUATION || stream !== this.#block.stream)) throw new Http2Fault(http2Error.PROTOCOL_ERROR, 'a frame within headers');
    switch (type) {
      case frameType.DATA: return this.#takeData(flags, stream, payload);
      case frameType.HEADERS: return this.#takeHeaders(flags, stream, payload);
      case frameType.CONTINUATION: return this.#takeContinuation(flags, payload);
      case frameType.RST_STREAM: return this.#takeReset(stream, payload);
      case frameType.SETTINGS: return this.#takeSettings(flags, stream, payload);
      case frameType.PING: return this.#takePing(flags, stream, payload);
      case frameType.WINDOW_UPDATE: return this.#takeWindow(stream, payload);
      case frameType.PUSH_PROMISE: throw new Http2Fault(http2Error.PROTOCOL_ERROR, 'a client promises nothing');
      case frameType.PRIORITY:
        if (stream === 0) throw new Http2Fault(http2Error.PROTOCOL_ERROR, 'PRIORITY without a stream');
        if (payload.length !== 5) throw new Http2Fault(http2Error.FRAME_SIZE_ERROR, 'PRIORITY has five bytes');
        return;
      // GOAWAY: it opens no more streams; those that are open go on. Others are for others.
      default:
    }
  }

  #takeData(flags: number, id: number, payload: Buffer): void {
    if (id === 0) throw new Http2Fault(http2Error.PROTOCOL_ERROR, 'DATA without a stream');
    const { length } = payload;
    this.#taken += length;
    if (this.#taken > connectionWindowBytes) throw new Http2Fault(http2Error.FLOW_CONTROL_ERROR, 'more than the window of the connection');
    if (this.#taken >= connectionWindowBytes / 2) {
      this.#windowUpdate(0, this.#taken);
      this.#taken = 0;
    }
    const content = unpadded(flags, payload);
    const stream = this.#known(id);
    if (stream === undefined) return;
    if (stream.remoteEnded) return this.#refuse(stream, http2Error.STREAM_CLOSED);
    stream.taken += length;
    if (stream.taken > streamWindowBytes) return this.#refuse(stream, http2Error.FLOW_CONTROL_ERROR);
    const ends = (flags & frameFlag.END_STREAM) !== 0;
    if (content.length > 0) {
      this.#emptyFrames = 0;
      stream.user?.data(content);
    } else if (!ends && ++this.#emptyFrames > emptyFramesMax) throw new Http2Fault(http2Error.ENHANCE_YOUR_CALM, 'frames without data');
    if (ends) this.#remoteEnded(stream);
    else if (!stream.closed && stream.taken >= streamWindowBytes / 2) {
      this.#windowUpdate(id, stream.taken);
      stream.taken = 0;
    }
  }

  /** The stream of this number, undefined when it is over. @throws Http2Fault when there never was one. */
  #known(id: number): Http2Stream | undefined {
    if (id > this.#lastStream || (id & 1) === 0) throw new Http2Fault(http2Error.PROTOCOL_ERROR, 'a stream that was not opened');
    return this.#streams.get(id);
  }

  #takeHeaders(flags: number, id: number, payload: Buffer): void {
    if ((id & 1) === 0) throw new Http2Fault(http2Error.PROTOCOL_ERROR, 'streams of clients have odd numbers');
    let fragment = unpadded(flags, payload);
    if ((flags & frameFlag.PRIORITY) !== 0) {
      if (fragment.length < 5) throw new Http2Fault(http2Error.FRAME_SIZE_ERROR, 'HEADERS end within their priority');
      fragment = fragment.subarray(5);
    }
    const endStream = (flags & frameFlag.END_STREAM) !== 0;
    if ((flags & frameFlag.END_HEADERS) !== 0) this.#takeBlock(id, endStream, fragment);
    else this.#block = { stream: id, endStream, parts: [Buffer.from(fragment)], bytes: fragment.length };
  }

  #takeContinuation(flags: number, fragment: Buffer): void {
    const block = this.#block;
    if (block === undefined) throw new Http2Fault(http2Error.PROTOCOL_ERROR, 'CONTINUATION of nothing');
    block.bytes += fragment.length;
    // What was not read is missing in the table of headers: the connection cannot go on.
    if (block.bytes > this.#host.headerBytesMax || block.parts.length >= fragmentsMax) throw new Http2Fault(http2Error.ENHANCE_YOUR_CALM, 'headers without end');
    block.parts.push(Buffer.from(fragment));
    if ((flags & frameFlag.END_HEADERS) === 0) return;
    this.#block = undefined;
    this.#takeBlock(block.stream, block.endStream, Buffer.concat(block.parts));
  }

  #takeBlock(id: number, endStream: boolean, block: Buffer): void {
    const known = id <= this.#lastStream;
    const headers: Record<string, string> = Object.create(null) as Record<string, string>;
    let size = 0;
    let malformed = false;
    let regular = false;
    const max = this.#host.headerBytesMax;
    this.#decoder.decode(block, (name, value) => {
      size += name.length + value.length + headerBytes;
      if (size > max || malformed || known) return;
      if (name.charCodeAt(0) === 0x3a) malformed = regular || !pseudoHeaders.has(name) || headers[name] !== undefined;
      else {
        regular = true;
        malformed = name === '' || connectionHeaders.has(name) || /[A-Z]/.test(name) || (name === 'te' && value !== 'trailers');
      }
      const before = headers[name];
      headers[name] = before === undefined ? value : `${before}, ${value}`;
    });
    if (known) return this.#takeTrailers(id, endStream);
    this.#lastStream = id;
    const stream = new Http2Stream(id, this);
    stream.remoteEnded = endStream;
    this.#streams.set(id, stream);
    if (this.#goingAway || this.#streams.size > this.#host.streamsMax) return this.#refuse(stream, http2Error.REFUSED_STREAM);
    const tooLarge = size > max;
    if (!tooLarge && (malformed || headers[':method'] === undefined || headers[':path'] === undefined)) return this.#refuse(stream, http2Error.PROTOCOL_ERROR);
    stream.user = this.#host.opened(stream, headers, tooLarge);
    if (endStream && !stream.closed) stream.user?.ended();
  }

  /** A second header block ends what the peer says; its fields mean nothing to gRPC. */
  #takeTrailers(id: number, endStream: boolean): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (stream.remoteEnded) return this.#refuse(stream, http2Error.STREAM_CLOSED);
    if (!endStream) return this.#refuse(stream, http2Error.PROTOCOL_ERROR);
    this.#remoteEnded(stream);
  }

  #takeReset(id: number, payload: Buffer): void {
    if (id === 0) throw new Http2Fault(http2Error.PROTOCOL_ERROR, 'RST_STREAM without a stream');
    if (payload.length !== 4) throw new Http2Fault(http2Error.FRAME_SIZE_ERROR, 'RST_STREAM has four bytes');
    const stream = this.#known(id);
    if (stream === undefined) return;
    this.#countReset();
    this.#end(stream);
  }

  /** Streams that come to nothing cost us all the same (rapid reset). */
  #countReset(): void {
    const nowMs = this.#host.clock.nowMs();
    this.#resets = Math.min(resetsAtOnceMax, this.#resets + ((nowMs - this.#resetsMs) * resetsPerSecond) / 1000) - 1;
    this.#resetsMs = nowMs;
    if (this.#resets < 0) throw new Http2Fault(http2Error.ENHANCE_YOUR_CALM, 'too many streams are reset');
  }

  #takeSettings(flags: number, stream: number, payload: Buffer): void {
    if (stream !== 0) throw new Http2Fault(http2Error.PROTOCOL_ERROR, 'SETTINGS of a stream');
    this.#settled = true;
    if ((flags & frameFlag.ACK) !== 0) {
      if (payload.length > 0) throw new Http2Fault(http2Error.FRAME_SIZE_ERROR, 'an acknowledgement of settings is empty');
      return;
    }
    if (payload.length % 6 !== 0) throw new Http2Fault(http2Error.FRAME_SIZE_ERROR, 'SETTINGS end within one');
    for (let at = 0; at < payload.length; at += 6) this.#takeSetting(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    this.#answer();
    this.#frame(frameType.SETTINGS, frameFlag.ACK, 0, 0);
  }

  #takeSetting(id: number, value: number): void {
    if (id === setting.ENABLE_PUSH && value > 1) throw new Http2Fault(http2Error.PROTOCOL_ERROR, 'ENABLE_PUSH is 0 or 1');
    if (id === setting.MAX_FRAME_SIZE) {
      if (value < frameBytesFirst || value > 0xff_ffff) throw new Http2Fault(http2Error.PROTOCOL_ERROR, 'MAX_FRAME_SIZE out of range');
      this.#frameMax = Math.min(value, ownFrameBytesMax);
    }
    if (id !== setting.INITIAL_WINDOW_SIZE) return;
    if (value > windowMax) throw new Http2Fault(http2Error.FLOW_CONTROL_ERROR, 'INITIAL_WINDOW_SIZE out of range');
    this.#streamWindow = value;
    for (const stream of this.#stalled) this.#ready.add(stream);
    this.#stalled.clear();
    this.#pump();
  }

  #takePing(flags: number, stream: number, payload: Buffer): void {
    if (stream !== 0) throw new Http2Fault(http2Error.PROTOCOL_ERROR, 'PING of a stream');
    if (payload.length !== 8) throw new Http2Fault(http2Error.FRAME_SIZE_ERROR, 'PING has eight bytes');
    if ((flags & frameFlag.ACK) !== 0) return;
    this.#answer();
    const at = this.#frame(frameType.PING, frameFlag.ACK, 0, 8);
    payload.copy(this.#out.piece, at);
  }

  /** One more answer that the peer did not read yet. */
  #answer(): void {
    this.#out.answers++;
    if (this.#out.answersWaiting > answersMax) throw new Http2Fault(http2Error.ENHANCE_YOUR_CALM, 'answers are not read');
  }

  #takeWindow(id: number, payload: Buffer): void {
    if (payload.length !== 4) throw new Http2Fault(http2Error.FRAME_SIZE_ERROR, 'WINDOW_UPDATE has four bytes');
    const more = payload.readUInt32BE(0) & windowMax;
    if (id === 0) {
      if (more === 0) throw new Http2Fault(http2Error.PROTOCOL_ERROR, 'a window grows by something');
      this.#window += more;
      if (this.#window > windowMax) throw new Http2Fault(http2Error.FLOW_CONTROL_ERROR, 'the window of the connection is too large');
      this.#pump();
      return;
    }
    const stream = this.#known(id);
    if (stream === undefined) return;
    if (more === 0) return this.#refuse(stream, http2Error.PROTOCOL_ERROR);
    stream.granted += more;
    if (this.#windowOf(stream) > windowMax) return this.#refuse(stream, http2Error.FLOW_CONTROL_ERROR);
    if (!this.#stalled.delete(stream)) return;
    this.#ready.add(stream);
    this.#pump();
  }

  // ---- streams

  #windowOf(stream: Http2Stream): number {
    return this.#streamWindow + stream.granted - stream.sent;
  }

  #remoteEnded(stream: Http2Stream): void {
    if (stream.closed) return;
    stream.remoteEnded = true;
    stream.user?.ended();
    if (stream.localEnded) this.#end(stream);
  }

  /** The peer did what it may not. */
  #refuse(stream: Http2Stream, code: number): void {
    this.reset(stream, code);
    this.#countReset();
  }

  reset(stream: Http2Stream, code: number): void {
    const at = this.#frame(frameType.RST_STREAM, 0, stream.id, 4);
    this.#out.piece.writeUInt32BE(code, at);
    this.#end(stream);
  }

  /** The stream is over. */
  #end(stream: Http2Stream): void {
    if (stream.closed) return;
    stream.closed = true;
    this.#streams.delete(stream.id);
    this.#ready.delete(stream);
    this.#stalled.delete(stream);
    let dropped = -stream.queueStart;
    for (const content of stream.queue) dropped += content.length;
    if (stream.queue.length > 0) this.#waits(-dropped);
    stream.queue = [];
    stream.user?.closed();
    if (this.#goingAway && this.#streams.size === 0) this.#finish();
  }

  headers(stream: Http2Stream, block: Buffer, end: boolean): void {
    const at = this.#frame(frameType.HEADERS, frameFlag.END_HEADERS | (end ? frameFlag.END_STREAM : 0), stream.id, block.length);
    block.copy(this.#out.piece, at);
    if (end) this.#localEnded(stream);
  }

  #localEnded(stream: Http2Stream): void {
    stream.localEnded = true;
    // What it still sends is for nobody.
    if (stream.remoteEnded) this.#end(stream);
    else this.reset(stream, http2Error.NO_ERROR);
  }

  /** Content of a stream: now, or when there is a window for it. */
  send(stream: Http2Stream, content: Buffer): void {
    this.#waits(content.length);
    const { length } = content;
    if (stream.queue.length === 0 && length <= this.#window && length <= this.#frameMax && length <= this.#windowOf(stream)) {
      this.#data(stream, content, 0, length);
      return;
    }
    stream.queue.push(content);
    if (this.#stalled.has(stream)) return;
    this.#ready.add(stream);
    this.#pump();
  }

  /** Sends what windows allow, a frame of each stream in turn. */
  #pump(): void {
    while (this.#window > 0) {
      const [stream] = this.#ready;
      if (stream === undefined) return;
      this.#ready.delete(stream);
      const [content] = stream.queue;
      if (content === undefined) continue;
      const length = Math.min(content.length - stream.queueStart, this.#window, this.#windowOf(stream), this.#frameMax);
      if (length <= 0) {
        this.#stalled.add(stream);
        continue;
      }
      this.#data(stream, content, stream.queueStart, length);
      stream.queueStart += length;
      if (stream.queueStart === content.length) {
        stream.queue.shift();
        stream.queueStart = 0;
      }
      if (stream.queue.length > 0) this.#ready.add(stream);
      else if (stream.trailers !== undefined) this.headers(stream, stream.trailers, true);
    }
  }

  #data(stream: Http2Stream, content: Buffer, start: number, length: number): void {
    this.#window -= length;
    stream.sent += length;
    this.#out.content(frameType.DATA, stream.id, content, start, length);
  }

  #waits(bytes: number): void {
    this.#waitingBytes += bytes;
    this.#host.waiting(bytes);
  }

  #frame(type: number, flags: number, stream: number, length: number): number {
    return this.#out.frame(type, flags, stream, length);
  }

  #windowUpdate(stream: number, bytes: number): void {
    const at = this.#frame(frameType.WINDOW_UPDATE, 0, stream, 4);
    this.#out.piece.writeUInt32BE(bytes, at);
  }

  // ---- the end

  /** No new streams; the connection ends with those that are open. */
  goAway(): void {
    if (this.#over || this.#goingAway) return;
    this.#goingAway = true;
    this.#sayGoAway(http2Error.NO_ERROR, '');
    if (this.#streams.size === 0) this.#finish();
  }

  #sayGoAway(code: number, text: string): void {
    const at = this.#frame(frameType.GOAWAY, 0, 0, 8 + text.length);
    this.#out.piece.writeUInt32BE(this.#lastStream, at);
    this.#out.piece.writeUInt32BE(code, at + 4);
    this.#out.piece.write(text, at + 8, 'latin1');
  }

  /** The peer broke the protocol, or a limit. */
  #fail(code: number, text: string): void {
    if (this.#over) return;
    this.#fault = text;
    this.#sayGoAway(code, text);
    this.#finish();
  }

  /** Ends the connection once what is queued has left. */
  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    for (const stream of [...this.#streams.values()]) this.#end(stream);
    this.#out.flush();
    this.socket.end();
    this.#idle.clear();
    this.#idle = this.#host.clock.setTimeout(() => this.socket.destroy(), lingerMs);
  }

  #checkIdle(): void {
    const leftMs = this.#movedMs + this.#host.idleMsMax - this.#host.clock.nowMs();
    if (leftMs <= 0 && this.#goingAway) {
      this.destroy();
      return;
    }
    if (leftMs <= 0) this.goAway();
    if (!this.#over) this.#idle = this.#host.clock.setTimeout(() => this.#checkIdle(), leftMs > 0 ? leftMs : this.#host.idleMsMax);
  }

  #close(): void {
    if (this.#gone) return;
    this.#over = this.#gone = true;
    this.#idle.clear();
    for (const stream of [...this.#streams.values()]) this.#end(stream);
    this.#host.waiting(-this.#waitingBytes);
    this.#waitingBytes = 0;
    this.#out.close();
    this.#held = undefined;
    this.#host.gone(this.#fault);
  }
}
