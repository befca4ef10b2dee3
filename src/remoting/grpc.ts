/**
 * gRPC over HTTP/2 (http2.ts), in clear text and in TLS on the same port, a PROXY header before either: connections, calls, the framing of messages, statuses and limits.
 * Which methods there are and what their messages mean is server/proxy's; protobuf is codec/protobuf.ts's. Handlers, and with them the service, are made for the first connection.
 *
 *   message on a stream:  compressed (1) | length (4, big endian) | content
 */
import { createServer as createNetServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { gunzip } from 'node:zlib';
import { WireError } from '../codec/errors.js';
import { encodeHeaderBlock } from '../codec/hpack.js';
import { http2Error, Http2Session, type Http2Headers, type Http2Stream, type StreamUser } from './http2.js';
import { readProxyHeader, tlsHandshakeByte } from './opening.js';
import type { ServerTls } from './tls.js';
import type { Clock, Log, TimerHandle } from './types.js';

/** Codes of `grpc-status` that a server of ours answers. */
export const grpcStatus = { OK: 0, INVALID_ARGUMENT: 3, RESOURCE_EXHAUSTED: 8, UNIMPLEMENTED: 12, INTERNAL: 13, UNAVAILABLE: 14 } as const;

/** Bytes before each message. */
export const grpcPrefixBytes = 5;

export interface GrpcLimits {
  /** Content of one message (`ProxyConfig#grpcMaxInboundMessageSize`). */
  readonly messageBytesMax: number;
  /** Messages that are not complete, of all calls together. */
  readonly unfinishedBytesMax: number;
  /** What peers have not taken, of all calls together; beyond it `crowded` says so. */
  readonly outBytesMax: number;
  readonly connectionsMax: number;
  /** Calls at once on one connection. */
  readonly streamsMax: number;
  /** A connection on which nothing moves for so long is closed (`ProxyConfig#grpcClientIdleTimeMills`). */
  readonly idleMsMax: number;
  /** Of the headers of a call. */
  readonly headerBytesMax: number;
}

export const defaultGrpcLimits: GrpcLimits = {
  messageBytesMax: 130 * 1024 * 1024, unfinishedBytesMax: 256 * 1024 * 1024, outBytesMax: 256 * 1024 * 1024,
  connectionsMax: 20_000, streamsMax: 10_000, idleMsMax: 120_000, headerBytesMax: 64 * 1024,
};

/** What happened, for the metrics. */
export interface GrpcCounters {
  opened: number;
  open: number;
  calls: number;
  callsAtWork: number;
  /** Calls refused before a handler saw them, or whose handler failed. */
  refused: number;
  exceptions: number;
  unfinishedBytes: number;
  outBytes: number;
}

/** Who calls, as the connection says. */
export interface GrpcPeer {
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
}

/** One call as its handler sees it. */
export interface GrpcCall {
  readonly headers: Http2Headers;
  readonly peer: GrpcPeer;
  /** Clock's time when the caller stops waiting; undefined when it said none. */
  readonly deadlineMs: number | undefined;
  readonly open: boolean;
  /** Sends a message; its first grpcPrefixBytes are the transport's to fill. */
  send(message: Buffer): void;
  /** Ends the call. */
  end(status?: number, text?: string): void;
  onClose(listener: () => void): void;
}

/** A unary method (or one whose answer is a stream) gets its only message; a streaming one is opened and answers its listener. */
export type GrpcHandler =
  | { readonly kind: 'unary'; call(call: GrpcCall, message: Buffer): void }
  | { readonly kind: 'streaming'; open(call: GrpcCall): { message(message: Buffer): void; halfClosed(): void } };

export interface GrpcServerOptions {
  /** By path; or where they come from, asked for the first connection. */
  readonly handlers: ReadonlyMap<string, GrpcHandler> | (() => Promise<ReadonlyMap<string, GrpcHandler>>);
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<GrpcLimits>;
  /** Serves connections that begin with a handshake; without it there is clear text only. */
  readonly tls?: Pick<ServerTls, 'mode' | 'secure'>;
}

/** The first bytes of a connection have so long to come. */
const openingMsMax = 30_000;

const timeoutCharsMax = 9;
/** Calls whose deadline has passed are looked for so often. */
const overdueMs = 250;

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000_001 };

/** Milliseconds of a `grpc-timeout`; undefined when there is none, NaN when it cannot be read (`TimeoutMarshaller#parseAsciiString`: signs are read, nine characters at most). */
export function readTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const match = text.length > timeoutCharsMax ? null : /^([+-]?\d+)([HMSmun])$/.exec(text);
  return match === null ? NaN : Number(match[1]) * (unitMs[match[2] ?? ''] ?? NaN);
}

/** Text of `grpc-message`: printable ASCII as it is, other bytes and % in percent. */
export function statusText(text: string): string {
  let out = '';
  for (const byte of Buffer.from(text.slice(0, 1024), 'utf8')) out += byte >= 0x20 && byte <= 0x7e && byte !== 0x25 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return out;
}

export class GrpcServer {
  readonly counters: GrpcCounters = { opened: 0, open: 0, calls: 0, callsAtWork: 0, refused: 0, exceptions: 0, unfinishedBytes: 0, outBytes: 0 };
  readonly limits: GrpcLimits;
  readonly clock: Clock;
  readonly log: Log;
  private readonly wanted: GrpcServerOptions['handlers'];
  private handlers: ReadonlyMap<string, GrpcHandler> = new Map();
  /** Resolves when the handlers are there, once somebody asked. */
  private ready: Promise<void> | undefined;
  private readonly sessions = new Set<Http2Session>();
  /** Connections whose first bytes, or whose handshake, are still to come. */
  private readonly opening = new Set<Socket>();
  private readonly tls: GrpcServerOptions['tls'];
  private server: Server | undefined;
  private draining = false;
  private idle: (() => void) | undefined;
  /** Calls at work that have a deadline, and who looks at them while there are any. */
  private readonly timed = new Set<Call>();
  private overdue: TimerHandle | undefined;

  constructor(options: GrpcServerOptions) {
    this.wanted = options.handlers;
    this.clock = options.clock;
    this.log = options.log;
    this.limits = { ...defaultGrpcLimits, ...options.limits };
    this.tls = options.tls;
  }

  /** More waits to be taken by peers than there should: what can be refused, is. */
  get crowded(): boolean {
    return this.counters.outBytes > this.limits.outBytesMax;
  }

  async listen(host: string, port: number): Promise<{ host: string; port: number }> {
    const server = createNetServer((socket) => this.accept(socket));
    this.server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
    const bound = server.address() as AddressInfo;
    return { host: bound.address, port: bound.port };
  }

  private async open(): Promise<void> {
    const { wanted } = this;
    this.handlers = typeof wanted === 'function' ? await wanted() : wanted;
  }

  /** A connection of this port; also one that another listener accepted. */
  accept(socket: Socket): void {
    if (this.draining || this.sessions.size + this.opening.size >= this.limits.connectionsMax) {
      socket.destroy();
      return;
    }
    this.opening.add(socket);
    const timer = this.clock.setTimeout(() => socket.destroy(), openingMsMax);
    const opened = (): void => {
      timer.clear();
      this.opening.delete(socket);
    };
    socket.setNoDelay(true);
    socket.on('error', (error) => this.log.debug({ error: error.message }, 'gRPC connection error'));
    socket.once('close', opened);
    let held: Buffer | undefined;
    let source: string | undefined;
    let proxied = false;
    const onData = (chunk: Buffer): void => {
      let bytes = held === undefined ? chunk : Buffer.concat([held, chunk]);
      held = undefined;
      try {
        const header = proxied ? undefined : readProxyHeader(bytes);
        if (header === 'more') {
          held = bytes;
          return;
        }
        if (header !== undefined) {
          proxied = true;
          source = header.source;
          bytes = bytes.subarray(header.bytes);
        }
      } catch (error) {
        this.log.warn({ peer: socket.remoteAddress, error: error instanceof Error ? error.message : String(error) }, 'unreadable PROXY header, connection closed');
        socket.destroy();
        return;
      }
      // Nothing but the header so far: what follows is looked at when it comes.
      if (bytes.length === 0) return;
      socket.off('data', onData);
      socket.pause();
      this.ready ??= this.open();
      this.ready.then(() => this.begin(socket, bytes, source, opened), (error: unknown) => {
        this.log.error({ error: error instanceof Error ? error.message : String(error) }, 'gRPC cannot be served');
        socket.destroy();
      });
    };
    socket.on('data', onData);
  }

  /** Looks at the first byte: a TLS handshake or HTTP/2 in clear text. */
  private begin(socket: Socket, first: Buffer, source: string | undefined, opened: () => void): void {
    const { tls } = this;
    if (socket.destroyed) return;
    if (first[0] === tlsHandshakeByte && tls !== undefined && tls.mode !== 'disabled') {
      tls.secure(socket, first, (secured) => {
        opened();
        this.hand(secured, socket, source);
      });
      return;
    }
    if (tls?.mode === 'enforcing') {
      socket.destroy();
      return;
    }
    opened();
    this.hand(socket, socket, source, first);
  }

  /** Begins HTTP/2 on a connection; `source` is whom a PROXY header named, `first` what was read of it. */
  private hand(connection: Duplex, socket: Socket, source: string | undefined, first?: Buffer): void {
    if (this.draining || this.sessions.size >= this.limits.connectionsMax) {
      connection.destroy();
      return;
    }
    const peer = peerOf(socket, source);
    const { counters, limits } = this;
    const session: Http2Session = new Http2Session(connection, {
      clock: this.clock, streamsMax: limits.streamsMax, headerBytesMax: limits.headerBytesMax, idleMsMax: limits.idleMsMax,
      opened: (stream, headers, tooLarge) => this.onStream(stream, headers, peer, tooLarge),
      waiting: (bytes) => (counters.outBytes += bytes),
      gone: (fault) => {
        this.sessions.delete(session);
        counters.open--;
        if (fault !== undefined) this.log.debug({ peer: peer.address, fault }, 'gRPC connection ended');
      },
    });
    this.sessions.add(session);
    counters.opened++;
    counters.open++;
    if (first !== undefined) session.receive(first);
    connection.resume();
  }

  private onStream(stream: Http2Stream, headers: Http2Headers, peer: GrpcPeer, tooLarge: boolean): StreamUser | undefined {
    const refuse = (http: number, status: number, text: string): undefined => {
      this.counters.refused++;
      stream.respond(encodeHeaderBlock([[':status', String(http)], contentTypeField, ['grpc-status', String(status)], ['grpc-message', statusText(text)]]), true);
    };
    if (tooLarge) return refuse(431, grpcStatus.RESOURCE_EXHAUSTED, `more than ${this.limits.headerBytesMax} bytes of headers`);
    const path = headers[':path'] ?? '';
    const contentType = headers['content-type'] ?? '';
    if (headers[':method'] !== 'POST') return refuse(405, grpcStatus.INTERNAL, `Method '${headers[':method'] ?? ''}' is not supported`);
    if (contentType !== 'application/grpc' && !/^application\/grpc(?:$|[+;])/i.test(contentType)) return refuse(415, grpcStatus.INTERNAL, `Content-Type '${contentType}' is not supported`);
    const handler = this.handlers.get(path);
    if (handler === undefined) return refuse(200, grpcStatus.UNIMPLEMENTED, `Method not found: ${path.slice(1)}`);
    const encoding = headers['grpc-encoding'] ?? 'identity';
    if (encoding !== 'identity' && encoding !== 'gzip') return refuse(200, grpcStatus.UNIMPLEMENTED, `Can't find decompressor for ${encoding}`);
    if (this.draining) return refuse(200, grpcStatus.UNAVAILABLE, 'the server is stopping');
    const timeoutMs = readTimeout(headers['grpc-timeout']);
    if (timeoutMs !== undefined && !(timeoutMs > 0)) {
      // The codes of grpc-java: a deadline that cannot be read is an exception there, one that has passed cancels the call before its handler is asked.
      this.counters.refused++;
      stream.reset(Number.isNaN(timeoutMs) ? http2Error.INTERNAL_ERROR : http2Error.CANCEL);
      return undefined;
    }
    this.counters.calls++;
    this.counters.callsAtWork++;
    const call = new Call(this, stream, headers, peer, encoding === 'gzip', handler, timeoutMs);
    if (timeoutMs !== undefined) {
      this.timed.add(call);
      this.overdue ??= this.clock.setInterval(() => this.endOverdue(), overdueMs);
    }
    call.begin();
    return call;
  }

  /** A call whose deadline has passed is cancelled, whatever its caller still waits for. */
  private endOverdue(): void {
    const nowMs = this.clock.nowMs();
    for (const call of this.timed) if ((call.deadlineMs ?? nowMs) < nowMs) call.cancel();
    if (this.timed.size > 0) return;
    this.overdue?.clear();
    this.overdue = undefined;
  }

  /** For calls: one ended. */
  callEnded(call: Call): void {
    this.timed.delete(call);
    this.counters.callsAtWork--;
    if (this.counters.callsAtWork === 0) this.idle?.();
  }

  /** Takes no more calls and waits for those at work, at most so long. */
  async drain(graceMs: number): Promise<void> {
    this.draining = true;
    this.server?.close();
    if (this.counters.callsAtWork === 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.clock.setTimeout(resolve, graceMs);
      this.idle = () => {
        timer.clear();
        resolve();
      };
    });
  }

  async close(): Promise<void> {
    this.draining = true;
    const { server } = this;
    this.server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => (server.listening ? server.close(() => resolve()) : resolve()));
    for (const session of [...this.sessions]) session.destroy();
    this.overdue?.clear();
    for (const socket of [...this.opening]) socket.destroy();
    await closed;
  }
}

const contentTypeField = ['content-type', 'application/grpc'] as const;
const answerBlock = encodeHeaderBlock([[':status', '200'], contentTypeField, ['grpc-encoding', 'identity'], ['grpc-accept-encoding', 'gzip']]);
const okBlock = encodeHeaderBlock([['grpc-status', '0']]);

function statusFields(status: number, text: string | undefined): (readonly [string, string])[] {
  return [['grpc-status', String(status)], ...(text === undefined ? [] : [['grpc-message', statusText(text)] as const])];
}

/** Who calls: whom a PROXY header named, or the other end of the socket. */
function peerOf(socket: Socket, source: string | undefined): GrpcPeer {
  const localAddress = socket.localAddress ?? '';
  const colon = source?.lastIndexOf(':') ?? -1;
  if (source === undefined || colon < 0) return { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0, localAddress };
  return { address: source.slice(0, colon), port: Number(source.slice(colon + 1)), localAddress };
}

class Call implements GrpcCall, StreamUser {
  readonly headers: Http2Headers;
  readonly peer: GrpcPeer;
  readonly deadlineMs: number | undefined;
  private readonly server: GrpcServer;
  private readonly stream: Http2Stream;
  private readonly handler: GrpcHandler;
  private readonly gzip: boolean;
  private closeListeners: (() => void)[] | undefined;
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private only: Buffer | undefined;
  private listener: { message(message: Buffer): void; halfClosed(): void } | undefined;
  /** Messages being decompressed: what follows waits for them. */
  private inflating: Promise<void> | undefined;
  private responded = false;
  private over = false;
  private gone = false;

  constructor(server: GrpcServer, stream: Http2Stream, headers: Http2Headers, peer: GrpcPeer, gzip: boolean, handler: GrpcHandler, timeoutMs: number | undefined) {
    this.server = server;
    this.stream = stream;
    this.headers = headers;
    this.gzip = gzip;
    this.handler = handler;
    this.peer = peer;
    this.deadlineMs = timeoutMs === undefined ? undefined : server.clock.nowMs() + timeoutMs;
  }

  begin(): void {
    if (this.handler.kind !== 'streaming') return;
    const { handler } = this;
    this.guard(() => (this.listener = handler.open(this)));
  }

  get open(): boolean {
    return !this.over && !this.gone;
  }

  send(message: Buffer): void {
    if (!this.open) return;
    message[0] = 0;
    message.writeUInt32BE(message.length - grpcPrefixBytes, 1);
    if (!this.responded) {
      this.responded = true;
      this.stream.respond(answerBlock, false);
    }
    this.stream.write(message);
  }

  end(status: number = grpcStatus.OK, text?: string): void {
    if (!this.open) return;
    this.over = true;
    this.drop();
    if (!this.responded) this.stream.respond(encodeHeaderBlock([[':status', '200'], contentTypeField, ...statusFields(status, text)]), true);
    else this.stream.finish(status === grpcStatus.OK && text === undefined ? okBlock : encodeHeaderBlock(statusFields(status, text)));
  }

  /** Its time is over. */
  cancel(): void {
    this.stream.reset(http2Error.CANCEL);
  }

  onClose(listener: () => void): void {
    if (this.gone) listener();
    else (this.closeListeners ??= []).push(listener);
  }

  /** The stream is over. */
  closed(): void {
    if (this.gone) return;
    this.gone = true;
    this.drop();
    this.server.callEnded(this);
    const listeners = this.closeListeners;
    this.closeListeners = undefined;
    if (listeners !== undefined) for (const one of listeners) one();
  }

  data(chunk: Buffer): void {
    if (!this.open) return;
    this.pending.push(chunk);
    this.pendingBytes += chunk.length;
    this.server.counters.unfinishedBytes += chunk.length;
    if (this.server.counters.unfinishedBytes > this.server.limits.unfinishedBytesMax) return this.fail(grpcStatus.RESOURCE_EXHAUSTED, 'too many bytes of unfinished messages');
    if (this.inflating === undefined) this.cut();
  }

  /** Takes whole messages off what came. */
  private cut(): void {
    while (this.open && this.inflating === undefined && this.pendingBytes >= grpcPrefixBytes) {
      const head = this.peek();
      const length = head.readUInt32BE(1);
      if (length > this.server.limits.messageBytesMax) {
        return this.fail(grpcStatus.RESOURCE_EXHAUSTED, `gRPC message exceeds maximum size ${this.server.limits.messageBytesMax}: ${length}`);
      }
      if (this.pendingBytes < grpcPrefixBytes + length) return;
      const whole = this.pending.length === 1 ? (this.pending[0] as Buffer) : Buffer.concat(this.pending);
      const content = whole.subarray(grpcPrefixBytes, grpcPrefixBytes + length);
      const rest = whole.subarray(grpcPrefixBytes + length);
      this.pending = rest.length === 0 ? [] : [rest];
      this.pendingBytes = rest.length;
      this.server.counters.unfinishedBytes -= grpcPrefixBytes + length;
      if (head[0] === 0) this.take(content);
      else if (head[0] === 1 && this.gzip) this.inflate(content);
      else return this.fail(grpcStatus.INTERNAL, 'a compressed message in a call without grpc-encoding');
    }
  }

  private peek(): Buffer {
    const first = this.pending[0] as Buffer;
    return first.length >= grpcPrefixBytes ? first : Buffer.concat(this.pending, Math.min(this.pendingBytes, grpcPrefixBytes));
  }

  private inflate(content: Buffer): void {
    this.inflating = new Promise((resolve) => {
      gunzip(content, { maxOutputLength: this.server.limits.messageBytesMax }, (error, plain) => {
        this.inflating = undefined;
        if (error !== null) this.fail(grpcStatus.INTERNAL, `a message that cannot be decompressed: ${error.message}`);
        else {
          this.take(plain);
          this.cut();
        }
        resolve();
      });
    });
  }

  private take(message: Buffer): void {
    if (!this.open) return;
    if (this.handler.kind === 'streaming') {
      this.guard(() => this.listener?.message(message));
      return;
    }
    if (this.only !== undefined) return this.fail(grpcStatus.INTERNAL, 'Too many requests');
    this.only = message;
  }

  ended(): void {
    if (!this.open) return;
    if (this.inflating !== undefined) {
      void this.inflating.then(() => this.ended());
      return;
    }
    if (this.pendingBytes > 0) return this.fail(grpcStatus.INTERNAL, 'Encountered end-of-stream mid-frame');
    const { handler, only } = this;
    if (handler.kind === 'streaming') this.guard(() => this.listener?.halfClosed());
    else if (only === undefined) this.fail(grpcStatus.INTERNAL, 'Half-closed without a request');
    else {
      this.only = undefined;
      this.guard(() => handler.call(this, only));
    }
  }

  private fail(status: number, text: string): void {
    this.server.counters.refused++;
    this.end(status, text);
  }

  /** Whatever a handler throws ends the call, never the process. */
  private guard(work: () => unknown): void {
    try {
      work();
    } catch (error) {
      if (error instanceof WireError) {
        this.fail(grpcStatus.INTERNAL, error.message);
        return;
      }
      this.server.counters.exceptions++;
      this.server.log.error({ path: this.headers[':path'], error: error instanceof Error ? error.stack : String(error) }, 'gRPC handler failed');
      this.fail(grpcStatus.INTERNAL, error instanceof Error ? `${error.name}: ${error.message}` : 'Error');
    }
  }

  /** Forgets what came and is not complete. */
  private drop(): void {
    this.server.counters.unfinishedBytes -= this.pendingBytes;
    this.pending = [];
    this.pendingBytes = 0;
    this.only = undefined;
  }
}
