/**
 * The saboteur between a gRPC client and an endpoint: HTTP/2 in clear text on both sides, one connection behind for each in front, headers, trailers and
 * resets as they come. Messages are cut out of the streams, and a sabotage may see, alter, drop or add each one; what it leaves alone goes
 * on as the bytes that came.
 */
import { connect, constants, createServer, type ClientHttp2Session, type ClientHttp2Stream, type Http2Server, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { splitAddress, type HostPort } from '../connection.js';
import { framed } from '../grpc/client.js';
import { methods, servicePath, type MessageName, type MethodName } from '../grpc/tables.js';
import { decode, encode } from '../grpc/wire.js';

/** A message by its field names; of which message is told by the method. */
export type Fields = Readonly<Record<string, unknown>>;

/** One call as a sabotage sees it. */
export interface GrpcCall {
  readonly method: MethodName;
  /** The port at the other end of the client's connection. */
  readonly clientPort: number | undefined;
  /** The last request message that came. */
  readonly request: Fields;
  /** What a sabotage wants to remember of the call. */
  readonly notes: Map<string, unknown>;
}

/** What a gRPC sabotage does; everything it leaves out is honest. Messages are never altered in place. */
export interface GrpcHooks {
  /** The request to be passed on instead. */
  request?(request: Fields, call: GrpcCall): Fields | undefined;
  /** Answers instead of the endpoint, which is not asked. */
  pretend?(request: Fields, call: GrpcCall): Fields | undefined;
  /** These answers instead; drop: none. */
  answer?(answer: Fields, call: GrpcCall): Fields | readonly Fields[] | 'drop' | undefined;
}

export interface GrpcProxyOptions {
  readonly grpc: HostPort;
  readonly hooks?: GrpcHooks;
}

/** Announced longer than this, or compressed, a message passes in pieces, unseen. */
const messageBytesMax = 16 * 1024 * 1024;

const headBytes = 5;

/** Cuts length-prefixed messages out of bytes; bytes from the first that cannot be cut on are `loose`. */
class MessageCutter {
  private held: Buffer = Buffer.alloc(0);
  private broken = false;

  push(chunk: Buffer): { readonly messages: readonly Buffer[]; readonly loose: Buffer } {
    this.held = this.held.length === 0 ? chunk : Buffer.concat([this.held, chunk]);
    const messages: Buffer[] = [];
    while (!this.broken && this.held.length >= headBytes) {
      const length = this.held.readUInt32BE(1);
      if (this.held[0] !== 0 || length > messageBytesMax) this.broken = true;
      else if (this.held.length < headBytes + length) break;
      else {
        messages.push(this.held.subarray(headBytes, headBytes + length));
        this.held = this.held.subarray(headBytes + length);
      }
    }
    return { messages, loose: this.broken ? this.rest() : Buffer.alloc(0) };
  }

  /** What is left over. */
  rest(): Buffer {
    const rest = this.held;
    this.held = Buffer.alloc(0);
    return rest;
  }
}

/** One call through the proxy. */
class ProxyCall {
  private readonly stream: ServerHttp2Stream;
  private readonly headers: IncomingHttpHeaders;
  private readonly session: ClientHttp2Session;
  private readonly options: GrpcProxyOptions;
  private readonly onFault: (error: unknown) => void;
  private readonly method: MethodName | undefined;
  private readonly notes = new Map<string, unknown>();
  private behind: ClientHttp2Stream | undefined;
  private request: Fields = {};
  private trailers: OutgoingHttpHeaders = {};
  private pretended = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, session: ClientHttp2Session, options: GrpcProxyOptions, onFault: (error: unknown) => void) {
    this.stream = stream;
    this.headers = headers;
    this.session = session;
    this.options = options;
    this.onFault = onFault;
    const path = headers[':path'] ?? '';
    const name = path.startsWith(servicePath) ? path.slice(servicePath.length) : '';
    this.method = name in methods ? name as MethodName : undefined;
    const cutter = new MessageCutter();
    stream.on('data', (chunk: Buffer) => {
      const { messages, loose } = cutter.push(chunk);
      for (const message of messages) this.onRequest(message);
      if (loose.length > 0) this.toServer(loose);
    });
    stream.on('end', () => {
      const rest = cutter.rest();
      if (rest.length > 0) this.toServer(rest);
      if (!this.pretended) this.open().end();
    });
    stream.on('error', () => undefined);
    stream.on('wantTrailers', () => {
      if (!stream.destroyed) stream.sendTrailers(this.trailers);
    });
    stream.on('close', () => {
      if (this.behind !== undefined && !this.behind.closed) this.behind.close(stream.rstCode === 0 ? constants.NGHTTP2_CANCEL : stream.rstCode);
    });
  }

  private get call(): GrpcCall | undefined {
    return this.method === undefined ? undefined : { method: this.method, clientPort: this.stream.session?.socket.remotePort, request: this.request, notes: this.notes };
  }

  private onRequest(bytes: Buffer): void {
    const { method, options: { hooks } } = this;
    const request = method === undefined || hooks === undefined ? undefined : read(methods[method].request, bytes);
    if (method === undefined || request === undefined || hooks === undefined) {
      this.toServer(framed(bytes));
      return;
    }
    this.request = request;
    const call = { method, clientPort: this.stream.session?.socket.remotePort, request, notes: this.notes };
    const answer = this.tried(() => hooks.pretend?.(request, call));
    if (answer !== undefined) {
      this.pretend(encode(methods[method].answer, answer));
      return;
    }
    const altered = this.tried(() => hooks.request?.(request, call));
    this.toServer(framed(altered === undefined ? bytes : encode(methods[method].request, altered)));
  }

  private pretend(answer: Buffer): void {
    if (this.pretended || this.stream.destroyed) return;
    this.pretended = true;
    this.trailers = { 'grpc-status': '0' };
    this.stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    this.stream.end(framed(answer));
  }

  private onAnswer(bytes: Buffer): void {
    const { call, options: { hooks } } = this;
    const answer = call === undefined || hooks?.answer === undefined ? undefined : read(methods[call.method].answer, bytes);
    const outcome = call === undefined || answer === undefined ? undefined : this.tried(() => hooks?.answer?.(answer, call));
    if (outcome === 'drop') return;
    if (outcome === undefined || call === undefined) this.toClient(framed(bytes));
    else for (const one of (Array.isArray(outcome) ? outcome : [outcome]) as readonly Fields[]) this.toClient(framed(encode(methods[call.method].answer, one)));
  }

  private open(): ClientHttp2Stream {
    if (this.behind !== undefined) return this.behind;
    const behind = this.session.request({ ...this.headers }, { endStream: false });
    this.behind = behind;
    const cutter = new MessageCutter();
    behind.on('response', (headers, flags) => {
      if (this.stream.destroyed || this.stream.headersSent) return;
      const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      this.stream.respond({ ...headers }, endStream ? { endStream } : { waitForTrailers: true });
    });
    behind.on('data', (chunk: Buffer) => {
      const { messages, loose } = cutter.push(chunk);
      for (const message of messages) this.onAnswer(message);
      if (loose.length > 0) this.toClient(loose);
    });
    behind.on('trailers', (trailers: IncomingHttpHeaders) => (this.trailers = { ...trailers }));
    behind.on('end', () => {
      const rest = cutter.rest();
      if (rest.length > 0) this.toClient(rest);
      setImmediate(() => {
        if (!this.stream.destroyed && this.stream.headersSent) this.stream.end();
      });
    });
    behind.on('error', () => undefined);
    behind.on('close', () => {
      if (behind.rstCode !== 0 && !this.stream.closed) this.stream.close(behind.rstCode);
    });
    return behind;
  }

  private toServer(bytes: Buffer): void {
    const behind = this.open();
    if (!behind.destroyed && !behind.closed && behind.writable) behind.write(bytes);
  }

  private toClient(bytes: Buffer): void {
    if (!this.stream.destroyed && !this.stream.closed && this.stream.writable) this.stream.write(bytes);
  }

  private tried<T>(run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      this.onFault(error);
      return undefined;
    }
  }
}

export class GrpcProxy {
  readonly grpc: HostPort;
  /** Errors that a sabotage threw: faults of the catalogue. */
  readonly faults: unknown[];
  private readonly server: Http2Server;
  private readonly sessions: Set<ServerHttp2Session | ClientHttp2Session>;

  private constructor(grpc: HostPort, server: Http2Server, sessions: Set<ServerHttp2Session | ClientHttp2Session>, faults: unknown[]) {
    this.grpc = grpc;
    this.server = server;
    this.sessions = sessions;
    this.faults = faults;
  }

  /** Listens on a free loopback port. @throws Error when the address is none. */
  static async start(options: GrpcProxyOptions): Promise<GrpcProxy> {
    if (splitAddress(options.grpc) === undefined) throw new Error(`'${options.grpc}' must be HOST:PORT`);
    const sessions = new Set<ServerHttp2Session | ClientHttp2Session>();
    const faults: unknown[] = [];
    const behindOf = new Map<ServerHttp2Session, ClientHttp2Session>();
    const server = createServer();
    server.on('session', (front) => {
      const behind = connect(`http://${options.grpc}`);
      behindOf.set(front, behind);
      const both = [front, behind];
      for (const one of both) {
        sessions.add(one);
        one.on('error', () => undefined);
        one.on('close', () => {
          sessions.delete(one);
          behindOf.delete(front);
          for (const other of both) if (!other.destroyed) other.destroy();
        });
      }
    });
    server.on('stream', (stream, headers) => {
      const behind = stream.session === undefined ? undefined : behindOf.get(stream.session as ServerHttp2Session);
      if (behind === undefined) stream.close(constants.NGHTTP2_REFUSED_STREAM);
      else new ProxyCall(stream, headers, behind, options, (error) => faults.push(error));
    });
    server.on('error', () => undefined);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    return new GrpcProxy(`127.0.0.1:${address === null || typeof address === 'string' ? 0 : address.port}`, server, sessions, faults);
  }

  /** Closes every connection and the port. */
  async stop(): Promise<void> {
    for (const session of this.sessions) session.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

/** undefined: wrong on purpose; it passes as it is. */
function read(name: MessageName, bytes: Buffer): Fields | undefined {
  try {
    return decode(name, bytes);
  } catch {
    return undefined;
  }
}
