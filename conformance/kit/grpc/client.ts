/**
 * gRPC over HTTP/2 in clear text (prior knowledge), as a client that may misbehave: calls with any metadata, any bytes, any framing. One
 * GrpcChannel is one TCP connection. What the endpoint does ends in an Outcome or an EndpointError within its time.
 *
 *   message on a stream:  compressed? (1) | length (4, big endian) | bytes
 */
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { EndpointError, type HostPort } from '../connection.js';
import type { WireLog } from '../wire-log.js';
import { servicePath } from './tables.js';

/** Codes of grpc-status. */
export const GrpcStatus = {
  OK: 0, CANCELLED: 1, UNKNOWN: 2, INVALID_ARGUMENT: 3, DEADLINE_EXCEEDED: 4, NOT_FOUND: 5, ALREADY_EXISTS: 6, PERMISSION_DENIED: 7, RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9, ABORTED: 10, OUT_OF_RANGE: 11, UNIMPLEMENTED: 12, INTERNAL: 13, UNAVAILABLE: 14, DATA_LOSS: 15, UNAUTHENTICATED: 16,
} as const;

/** How a call ended. */
export interface Outcome {
  readonly http: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  /** grpc-status of the trailers (or of a headers-only answer); undefined when none came. */
  readonly status: number | undefined;
  readonly statusText: string | undefined;
  /** Bodies of the messages that came, unframed. */
  readonly messages: readonly Buffer[];
  /** HTTP/2 error code of a reset stream, 0 when there was none. */
  readonly reset: number;
}

export interface CallOptions {
  /** Over the usual ones; undefined leaves a header out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** How long the kit waits; default 8 s. */
  readonly timeoutMs?: number;
  /** Value of grpc-timeout in ms; default: timeoutMs; null: none is sent. */
  readonly deadlineMs?: number | null;
  /** Instead of the method's path. */
  readonly path?: string;
}

/** Before each message. */
const headBytes = 5;

/** One length-prefixed message. */
export function framed(message: Buffer, compressed = 0): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt8(compressed, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const inboxMax = 10_000;
/** A length beyond is a lie, or not worth waiting for: no case asks for as much. */
const messageBytesMax = 64 * 1024 * 1024;
/** What is kept of the messages of one call. */
const inboxBytesMax = 64 * 1024 * 1024;

/** One call: messages go out and come in until the endpoint ends it. */
export class GrpcStream {
  readonly method: string;
  /** Resolves when the stream has ended; never rejects. */
  readonly ended: Promise<Outcome>;
  private readonly stream: ClientHttp2Stream;
  private readonly log: WireLog;
  private readonly label: string;
  private headers: IncomingHttpHeaders = {};
  private trailers: IncomingHttpHeaders = {};
  /** What came of the next message, put together once it is whole: chunk by chunk a large one would be copied over and over. */
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private wantedBytes = headBytes;
  private readonly got: Buffer[] = [];
  private gotBytes = 0;
  private taken = 0;
  private over = false;
  private wake: (() => void)[] = [];

  constructor(method: string, stream: ClientHttp2Stream, log: WireLog, label: string) {
    this.method = method;
    this.stream = stream;
    this.log = log;
    this.label = label;
    stream.on('response', (headers) => (this.headers = headers));
    stream.on('trailers', (trailers: IncomingHttpHeaders) => (this.trailers = trailers));
    stream.on('data', (chunk: Buffer) => this.onData(chunk));
    stream.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      const ended = (): void => {
        if (this.over) return;
        this.over = true;
        const outcome = this.outcome();
        log.add(label, 'received', `${method} ended: HTTP ${outcome.http ?? 'no answer'}, grpc-status ${outcome.status ?? 'none'} ${outcome.statusText ?? ''}${outcome.reset === 0 ? '' : `, reset ${outcome.reset}`}`);
        for (const wake of this.wake.splice(0)) wake();
        resolve(outcome);
        this.halfClose();
      };
      stream.on('end', ended);
      stream.on('close', ended);
    });
  }

  /** Sends a message. */
  send(message: Buffer): void {
    this.log.add(this.label, 'sent', `${this.method} message of ${message.length} B`, message);
    this.sendBytes(framed(message));
  }

  /** Sends bytes as they are. */
  sendBytes(bytes: Buffer): void {
    if (!this.stream.closed && !this.stream.destroyed && this.stream.writable) this.stream.write(bytes);
  }

  /** Ends the sending side. */
  halfClose(): void {
    if (!this.stream.closed && !this.stream.destroyed) this.stream.end();
  }

  cancel(): void {
    this.stream.close(constants.NGHTTP2_CANCEL);
  }

  /** The next message that comes. @throws EndpointError when none comes in time or the stream has ended. */
  async next(timeoutMs = 5000): Promise<Buffer> {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const message = this.got[this.taken];
      if (message !== undefined) {
        this.taken++;
        return message;
      }
      if (this.over) throw new EndpointError('closed', `${this.method}: the stream ended, ${this.describe()}`);
      const left = end - Date.now();
      if (left <= 0) throw new EndpointError('timeout', `${this.method}: no message within ${timeoutMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Waits for the end. @throws EndpointError when it does not come in time; the stream is cancelled then. */
  async end(timeoutMs = 5000): Promise<Outcome> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), timeoutMs)));
    const outcome = await Promise.race([this.ended, late]);
    clearTimeout(timer);
    if (outcome !== undefined) return outcome;
    this.cancel();
    throw new EndpointError('timeout', `${this.method}: not ended within ${timeoutMs} ms, ${this.got.length} messages came`);
  }

  private describe(): string {
    const { http, status, statusText } = this.outcome();
    return `HTTP ${http ?? 'none'}, grpc-status ${status ?? 'none'} ${statusText ?? ''}`;
  }

  private outcome(): Outcome {
    const text = (name: string): string | undefined => {
      const value = this.trailers[name] ?? this.headers[name];
      return typeof value === 'string' ? value : undefined;
    };
    const http: unknown = this.headers[':status'];
    const status = text('grpc-status');
    const message = text('grpc-message');
    return {
      http: http === undefined ? undefined : Number(http), headers: this.headers, trailers: this.trailers, status: status === undefined ? undefined : Number(status),
      statusText: message === undefined ? undefined : decoded(message), messages: this.got, reset: this.stream.rstCode ?? 0,
    };
  }

  private onData(chunk: Buffer): void {
    if (this.wantedBytes === Infinity) return;
    this.pending.push(chunk);
    this.pendingBytes += chunk.length;
    while (this.pendingBytes >= this.wantedBytes) {
      const bytes = Buffer.concat(this.pending);
      const length = bytes.readUInt32BE(1);
      if (length > messageBytesMax) return this.giveUp(length);
      this.wantedBytes = headBytes + length;
      const whole = bytes.length >= this.wantedBytes;
      const rest = whole ? bytes.subarray(this.wantedBytes) : bytes;
      this.pending = rest.length === 0 ? [] : [rest];
      this.pendingBytes = rest.length;
      if (!whole) return;
      this.wantedBytes = headBytes;
      this.onMessage(bytes.subarray(headBytes, headBytes + length));
    }
  }

  private onMessage(message: Buffer): void {
    this.log.add(this.label, 'received', `${this.method} message of ${message.length} B`, message);
    if (this.got.length < inboxMax && this.gotBytes + message.length <= inboxBytesMax) {
      this.got.push(message);
      this.gotBytes += message.length;
    }
    for (const wake of this.wake.splice(0)) wake();
  }

  /** Nothing that follows can be read. */
  private giveUp(length: number): void {
    this.log.add(this.label, 'received', `${this.method} begins a message of ${length} B`);
    this.pending = [];
    this.pendingBytes = 0;
    this.wantedBytes = Infinity;
    this.cancel();
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** One HTTP/2 connection. */
export class GrpcChannel {
  readonly address: HostPort;
  private readonly session: ClientHttp2Session;
  private readonly log: WireLog;
  private readonly label: string;

  private constructor(address: HostPort, session: ClientHttp2Session, log: WireLog, label: string) {
    this.address = address;
    this.session = session;
    this.log = log;
    this.label = label;
    session.on('error', () => undefined);
  }

  /** Connects. @throws EndpointError unreachable. */
  static open(address: HostPort, log: WireLog, label = 'grpc', timeoutMs = 3000): Promise<GrpcChannel> {
    return new Promise((resolve, reject) => {
      const session = connect(`http://${address}`, { maxDeflateDynamicTableSize: 4096 });
      const refuse = (reason: string): void => {
        clearTimeout(timer);
        session.destroy();
        reject(new EndpointError('unreachable', `no HTTP/2 connection to ${address}: ${reason}`));
      };
      const timer = setTimeout(() => refuse(`silent for ${timeoutMs} ms`), timeoutMs);
      session.once('error', (error: Error) => refuse(error.message));
      session.once('remoteSettings', () => {
        clearTimeout(timer);
        session.removeAllListeners('error');
        resolve(new GrpcChannel(address, session, log, label));
      });
    });
  }

  /** Begins a call. */
  start(method: string, options: CallOptions = {}): GrpcStream {
    const deadline = options.deadlineMs === undefined ? (options.timeoutMs ?? 8000) : options.deadlineMs;
    const headers: OutgoingHttpHeaders = {
      ':method': 'POST', ':path': options.path ?? servicePath + method, 'te': 'trailers', 'content-type': 'application/grpc', 'user-agent': 'conform',
      ...(deadline === null ? {} : { 'grpc-timeout': `${deadline}m` }), ...options.headers,
    };
    const sent = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
    if (this.session.closed || this.session.destroyed) throw new EndpointError('closed', `${this.address} closed the HTTP/2 connection`);
    this.log.add(this.label, 'sent', `${method} headers ${JSON.stringify(sent)}`);
    return new GrpcStream(method, this.session.request(sent), this.log, this.label);
  }

  /** A whole call: one message there (or the bytes given), all that comes back. */
  async call(method: string, message: Buffer, options: CallOptions = {}): Promise<Outcome> {
    const stream = this.start(method, options);
    stream.send(message);
    stream.halfClose();
    return await stream.end(options.timeoutMs ?? 8000);
  }

  close(): void {
    this.session.destroy();
  }
}
