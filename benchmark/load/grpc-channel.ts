/**
 * One HTTP/2 connection in clear text that carries gRPC calls, made by hand so that the generator stays cheap beside the broker: a header block without Huffman
 * codes and dynamic table, sent as it is for every call, and no look at the header blocks that come, but for the error of a call that ends with them. What a call's answer says is its
 * messages' matter.
 *
 *   frame:    length (3) | type (1) | flags (1) | stream (4) | payload        RFC 9113
 *   message:  compressed? (1) | length (4) | protobuf                        in DATA frames
 */
import type { Socket } from 'node:net';
import { openSocket } from './connection.js';

const FRAME_HEAD = 9;
const MESSAGE_HEAD = 5;

const type = { DATA: 0, HEADERS: 1, RST_STREAM: 3, SETTINGS: 4, PING: 6, GOAWAY: 7, WINDOW_UPDATE: 8 } as const;
const flag = { ACK: 1, END_STREAM: 1, END_HEADERS: 4, PADDED: 8 } as const;

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const WINDOW_MAX = 0x7fff_ffff;
/** The window of a connection before any update (RFC 9113, 6.9.2). */
const WINDOW_FIRST = 65_535;
/** Bytes taken in before the peer is told that there is room again. */
const UPDATE_BYTES = 8 << 20;
/**
 * Bytes that a connection may have under way: peers give room back when half of the first window is taken, so that so many never wait for it, and none is
 * reckoned here.
 */
export const IN_FLIGHT_BYTES_MAX = 30_000;

function frame(kind: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEAD + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = kind;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, FRAME_HEAD);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** The header block of a call (RFC 7541): fields of the static table where it has them, the rest as literals that nobody indexes. */
export function headerBlock(path: string, authority: string, metadata: Readonly<Record<string, string>>): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value, 'latin1');
    if (bytes.length > 126) throw new RangeError(`header value: at most 126 bytes, got ${bytes.length}`);
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  };
  const named = (index: number[], value: string): Buffer => Buffer.concat([Buffer.from(index), text(value)]);
  return Buffer.concat([
    Buffer.from([0x83, 0x86]), // :method POST, :scheme http
    named([0x04], path),
    named([0x01], authority),
    named([0x0f, 0x10], 'application/grpc'), // content-type
    ...Object.entries({ te: 'trailers', ...metadata }).map(([name, value]) => Buffer.concat([Buffer.from([0]), text(name), text(value)])),
  ]);
}

/** What trailers say of an error, when they say it in plain: the peers measured write no Huffman codes. */
function errorOf(trailers: Buffer): string | undefined {
  const at = trailers.indexOf('grpc-message');
  return at < 0 ? undefined : trailers.toString('latin1', at + 'grpc-message'.length + 1).replace(/[^ -~]+/g, ' ');
}

/** One call as its caller sees it. */
export interface Call {
  onMessage(message: Buffer): void;
  /** `failure`: it ended otherwise than by the peer's trailers, or these tell of an error. */
  onEnd(failure: string | undefined): void;
}

interface Open {
  readonly call: Call;
  /** A message of which a part has come. */
  partial: Buffer | null;
}

export interface ChannelEvents {
  onRead(nowMs: number): void;
  onReadEnd(): void;
  onClosed(why: string): void;
}

export class GrpcChannel {
  readonly #socket: Socket;
  readonly #calls = new Map<number, Open>();
  #pending: Buffer | null = null;
  #nextStream = 1;
  #taken = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Connects; the promise fails when the endpoint cannot be reached. */
  static async connect(address: string, events: ChannelEvents): Promise<GrpcChannel> {
    const made: { channel?: GrpcChannel } = {};
    const socket = await openSocket(address, (from, buffer, length) => {
      from.cork();
      try {
        events.onRead(performance.now());
        if (made.channel !== undefined) made.channel.#feed(buffer.subarray(0, length));
        events.onReadEnd();
      } finally {
        from.uncork();
      }
    }, (why) => events.onClosed(why));
    // This goes on before the socket is read for the first time.
    made.channel = new GrpcChannel(socket);
    // SETTINGS_INITIAL_WINDOW_SIZE (4): streams need no updates.
    socket.write(Buffer.concat([
      PREFACE,
      frame(type.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(WINDOW_MAX)])),
      frame(type.WINDOW_UPDATE, 0, 0, uint32(WINDOW_MAX - WINDOW_FIRST)),
    ]));
    return made.channel;
  }

  /** Begins a call with one message; `open`: more may be sent. Its stream. */
  start(block: Buffer, message: Buffer, call: Call, open = false): number {
    const stream = this.#nextStream;
    this.#nextStream += 2;
    this.#calls.set(stream, { call, partial: null });
    this.#socket.write(frame(type.HEADERS, flag.END_HEADERS, stream, block));
    this.send(stream, message, open);
    return stream;
  }

  send(stream: number, message: Buffer, open = false): void {
    const payload = Buffer.allocUnsafe(MESSAGE_HEAD + message.length);
    payload[0] = 0;
    payload.writeUInt32BE(message.length, 1);
    payload.set(message, MESSAGE_HEAD);
    this.#socket.write(frame(type.DATA, open ? 0 : flag.END_STREAM, stream, payload));
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }

  #feed(chunk: Buffer): void {
    const bytes = this.#pending === null ? chunk : Buffer.concat([this.#pending, chunk]);
    let at = 0;
    while (bytes.length - at >= FRAME_HEAD) {
      const end = at + FRAME_HEAD + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      this.#frame(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, bytes.readUInt32BE(at + 5) & WINDOW_MAX, bytes.subarray(at + FRAME_HEAD, end));
      at = end;
    }
    // The chunk lies in the buffer of the next read.
    this.#pending = at === bytes.length ? null : Buffer.from(bytes.subarray(at));
  }

  #frame(kind: number, flags: number, stream: number, payload: Buffer): void {
    switch (kind) {
      case type.DATA:
        this.#data(stream, (flags & flag.PADDED) === 0 ? payload : payload.subarray(1, payload.length - (payload[0] ?? 0)));
        this.#taken += payload.length;
        if (this.#taken >= UPDATE_BYTES) {
          this.#socket.write(frame(type.WINDOW_UPDATE, 0, 0, uint32(this.#taken)));
          this.#taken = 0;
        }
        if ((flags & flag.END_STREAM) !== 0) this.#end(stream, 'ended without trailers');
        return;
      case type.HEADERS:
        if ((flags & flag.END_STREAM) !== 0) this.#end(stream, errorOf(payload));
        return;
      case type.RST_STREAM:
        this.#end(stream, `reset with ${payload.readUInt32BE(0)}`);
        return;
      case type.SETTINGS:
        if ((flags & flag.ACK) === 0) this.#socket.write(frame(type.SETTINGS, flag.ACK, 0, Buffer.alloc(0)));
        return;
      case type.PING:
        if ((flags & flag.ACK) === 0) this.#socket.write(frame(type.PING, flag.ACK, 0, payload));
        return;
      case type.GOAWAY:
        throw new Error(`the endpoint goes away with ${payload.readUInt32BE(4)}`);
    }
  }

  #data(stream: number, payload: Buffer): void {
    const open = this.#calls.get(stream);
    if (open === undefined) return;
    const bytes = open.partial === null ? payload : Buffer.concat([open.partial, payload]);
    let at = 0;
    while (bytes.length - at >= MESSAGE_HEAD) {
      const end = at + MESSAGE_HEAD + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) break;
      open.call.onMessage(bytes.subarray(at + MESSAGE_HEAD, end));
      at = end;
    }
    open.partial = at === bytes.length ? null : Buffer.from(bytes.subarray(at));
  }

  #end(stream: number, failure: string | undefined): void {
    const open = this.#calls.get(stream);
    if (open === undefined) return;
    this.#calls.delete(stream);
    open.call.onEnd(failure);
  }
}
