/**
 * One TCP connection to an endpoint that is not trusted: requests matched to answers by opaque, raw bytes, frames the endpoint
 * sends by itself. Whatever the peer does ends in an answer, a frame or an EndpointError within its time; nothing else escapes.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { requestName } from './codes.js';
import { decodeFrame, encodeFrame, FrameSplitter, type Command, type FrameInput, type Serialize } from './wire/frame.js';
import type { Ext } from './wire/header-json.js';
import { resetSocket } from './wire/reset.js';
import type { Signer } from './wire/sign.js';
import { summarize, type WireLog } from './wire-log.js';

/** host:port; an IPv6 host in brackets. */
export type HostPort = string;

/** unreachable: no connection; closed: the connection ended; timeout: nothing came in time; garbage: what came is not the protocol. */
export type EndpointErrorKind = 'unreachable' | 'closed' | 'timeout' | 'garbage';

/** What an endpoint did instead of answering. */
export class EndpointError extends Error {
  readonly kind: EndpointErrorKind;

  constructor(kind: EndpointErrorKind, message: string) {
    super(message);
    this.name = 'EndpointError';
    this.kind = kind;
  }
}

/** An answer, fully decoded: code, remark, ext, body, opaque, flag, language, version, serialize. */
export type Answer = Command;

export interface RequestOptions {
  readonly body?: Buffer | string;
  readonly remark?: string;
  readonly language?: string;
  /** MQVersion ordinal; default V5_5_0. */
  readonly version?: number;
  /** Default 0. */
  readonly flag?: number;
  /** Default: the connection's next. */
  readonly opaque?: number;
  readonly serialize?: Serialize;
  /** Default 5000. */
  readonly timeoutMs?: number;
}

/** A request on its way: for pipelining. */
export interface Pending {
  readonly opaque: number;
  readonly answer: Promise<Answer>;
}

export interface OpenOptions {
  readonly timeoutMs?: number;
  /** Names the connection in the wire log. */
  readonly label?: string;
  readonly log?: WireLog;
  readonly frameBytesMax?: number;
  /** Signs requests (not raw bytes). The wire log has them as they were before. */
  readonly signer?: Signer | undefined;
}

interface Wait<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

const inboxMax = 1000;
const inboxBytesMax = 64 * 1024 * 1024;

/** Host and port of an address; undefined when it is none. */
export function splitAddress(address: HostPort): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65535) return undefined;
  return { host: match[1] ?? match[2] ?? '', port };
}

export class RawConnection {
  readonly address: HostPort;
  readonly label: string;
  /** Resolves when the connection has ended, with who ended it and how; never rejects. */
  readonly closed: Promise<{ readonly by: 'us' | 'peer' | 'error'; readonly reason: string }>;
  private readonly socket: Socket;
  private readonly log: WireLog | undefined;
  private readonly signer: Signer | undefined;
  private readonly splitter: FrameSplitter;
  private readonly waiting = new Map<number, Wait<Answer>>();
  private readonly inbox: Command[] = [];
  private inboxBytes = 0;
  private readonly watchers = new Set<Wait<Command> & { readonly accept: (command: Command) => boolean }>();
  private lastOpaque = 0;
  private gone: EndpointError | undefined;
  private settleClosed: (end: { by: 'us' | 'peer' | 'error'; reason: string }) => void = () => undefined;

  private constructor(address: HostPort, socket: Socket, options: OpenOptions) {
    this.address = address;
    this.label = options.label ?? address;
    this.socket = socket;
    this.log = options.log;
    this.signer = options.signer;
    this.splitter = new FrameSplitter(options.frameBytesMax);
    this.closed = new Promise((resolve) => (this.settleClosed = resolve));
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.onData(chunk));
    socket.on('error', (error) => this.end('error', new EndpointError('closed', `${address} broke the connection: ${error.message}`)));
    socket.on('end', () => this.end('peer', new EndpointError('closed', `${address} closed the connection${this.splitter.pendingBytes > 0 ? ` in the middle of a frame (${this.splitter.pendingBytes} bytes of it came)` : ''}`)));
    socket.on('close', () => this.end('peer', new EndpointError('closed', `${address} closed the connection`)));
  }

  /** Connects. @throws EndpointError unreachable. */
  static open(address: HostPort, options: OpenOptions = {}): Promise<RawConnection> {
    const timeoutMs = options.timeoutMs ?? 3000;
    return new Promise((resolve, reject) => {
      const target = splitAddress(address);
      if (target === undefined) {
        reject(new EndpointError('unreachable', `'${address}' is no HOST:PORT`));
        return;
      }
      const socket = connect({ ...target, allowHalfOpen: false });
      const refuse = (reason: string): void => {
        clearTimeout(timer);
        socket.destroy();
        options.log?.add(options.label ?? address, 'event', `no connection: ${reason}`);
        reject(new EndpointError('unreachable', `no connection to ${address}: ${reason}`));
      };
      const timer = setTimeout(() => refuse(`none in ${timeoutMs} ms`), timeoutMs);
      const onError = (error: Error): void => refuse(error.message);
      socket.on('error', onError);
      socket.once('connect', () => {
        clearTimeout(timer);
        const connection = new RawConnection(address, socket, options);
        socket.off('error', onError);
        options.log?.add(connection.label, 'event', `connected to ${address}`);
        resolve(connection);
      });
    });
  }

  get isOpen(): boolean {
    return this.gone === undefined;
  }

  /** Bytes of bodies of frames that nobody asked for and nobody took. */
  get keptBytes(): number {
    return this.inboxBytes;
  }

  /** This side's address as the server sees it without NAT: host:port. */
  get localAddress(): string {
    return `${this.socket.localAddress ?? ''}:${this.socket.localPort ?? 0}`;
  }

  /** An opaque no request of this connection has used. */
  nextOpaque(): number {
    return ++this.lastOpaque;
  }

  /** Sends a request and waits for its answer, whatever its code. @throws EndpointError closed, timeout or garbage. */
  request(code: number, ext: Ext | null = {}, options: RequestOptions = {}): Promise<Answer> {
    return this.start(code, ext, options).answer;
  }

  /** Sends a request without waiting; its answer comes as a promise, which may be dropped. */
  start(code: number, ext: Ext | null = {}, options: RequestOptions = {}): Pending {
    const opaque = options.opaque ?? this.nextOpaque();
    const answer = this.answerTo(opaque, options.timeoutMs ?? 5000, requestName(code));
    this.writeRequest({ ...options, code, ext, opaque });
    return { opaque, answer };
  }

  /** The answer with this opaque, for requests that went out as raw bytes: call it before sending them. */
  answerTo(opaque: number, timeoutMs = 5000, what = `the request with opaque ${opaque}`): Promise<Answer> {
    const answer = new Promise<Answer>((resolve, reject) => {
      if (this.gone !== undefined) {
        reject(this.gone);
        return;
      }
      this.waiting.get(opaque)?.reject(new EndpointError('timeout', `opaque ${opaque} was used again`));
      const timer = setTimeout(() => {
        this.waiting.delete(opaque);
        reject(new EndpointError('timeout', `no answer from ${this.address} to ${what} in ${timeoutMs} ms`));
      }, timeoutMs);
      this.waiting.set(opaque, { resolve, reject, timer });
    });
    answer.catch(() => undefined);
    return answer;
  }

  /** Sends a oneway request: nothing answers it. Returns its opaque. */
  oneway(code: number, ext: Ext | null = {}, options: RequestOptions = {}): number {
    const opaque = options.opaque ?? this.nextOpaque();
    this.writeRequest({ ...options, code, ext, opaque, flag: options.flag ?? 2 });
    return opaque;
  }

  /** Sends bytes as they are. */
  sendBytes(bytes: Buffer): void {
    this.write(bytes);
  }

  /** Sends bytes that are a secret: the wire log has only what `about` says of them. */
  sendUnlogged(bytes: Buffer, about: string): void {
    this.log?.add(this.label, 'sent', `${about}, ${bytes.length} B`);
    if (this.gone === undefined && !this.socket.destroyed) this.socket.write(bytes);
  }

  /** Sends bytes in pieces, each in its own write. */
  async sendChunks(bytes: Buffer, chunkBytes = 1, pauseMs = 0): Promise<void> {
    this.log?.add(this.label, 'sent', `${describe(bytes)}, in pieces of ${chunkBytes} B`, bytes);
    for (let at = 0; at < bytes.length && this.isOpen; at += chunkBytes) {
      this.socket.write(bytes.subarray(at, at + chunkBytes));
      await (pauseMs > 0 ? sleep(pauseMs) : new Promise<void>((resolve) => setImmediate(resolve)));
    }
  }

  /**
   * The next frame that no request of ours claimed: requests of the server and answers nobody asked for. Frames that came before the
   * call count. @throws EndpointError timeout, closed or garbage.
   */
  nextFrame(accept: (command: Command) => boolean = () => true, timeoutMs = 5000, what = 'a frame'): Promise<Command> {
    const at = this.inbox.findIndex(accept);
    const known = at < 0 ? undefined : this.inbox.splice(at, 1)[0];
    if (known !== undefined) {
      this.inboxBytes -= known.body.length;
      return Promise.resolve(known);
    }
    const frame = new Promise<Command>((resolve, reject) => {
      if (this.gone !== undefined) {
        reject(this.gone);
        return;
      }
      const watcher = {
        accept, resolve, reject,
        timer: setTimeout(() => {
          this.watchers.delete(watcher);
          reject(new EndpointError('timeout', `${this.address} did not send ${what} in ${timeoutMs} ms`));
        }, timeoutMs),
      };
      this.watchers.add(watcher);
    });
    frame.catch(() => undefined);
    return frame;
  }

  /** The next request the server sends by itself, of this code if one is given. */
  nextRequest(code?: number, timeoutMs = 5000): Promise<Command> {
    return this.nextFrame((frame) => (frame.flag & 1) === 0 && (code === undefined || frame.code === code), timeoutMs, code === undefined ? 'a request' : requestName(code));
  }

  /** Answers a request of the server. */
  answer(request: Command, code: number, ext: Ext = {}, options: Pick<RequestOptions, 'body' | 'remark' | 'serialize'> = {}): void {
    this.write(encodeFrame({ ...options, code, ext, opaque: request.opaque, flag: 1 }));
  }

  /** Ends our direction; the peer may still answer. */
  halfClose(): void {
    this.log?.add(this.label, 'event', 'we end our direction');
    this.socket.end();
  }

  /** Closes the connection at once; what waits rejects. */
  close(): void {
    this.end('us', new EndpointError('closed', `the kit closed its connection to ${this.address}`));
  }

  /** Cuts the connection with a TCP reset. */
  reset(): void {
    resetSocket(this.socket);
    this.end('us', new EndpointError('closed', `the kit reset its connection to ${this.address}`));
  }

  /** What is signed is logged without its signature: nobody can read it there and send it again. */
  private writeRequest(frame: FrameInput): void {
    const plain = encodeFrame(frame);
    if (this.signer === undefined) this.write(plain);
    else this.write(encodeFrame({ ...frame, ext: this.signer(frame.ext, frame.body) }), plain);
  }

  private write(bytes: Buffer, logged: Buffer = bytes): void {
    this.log?.add(this.label, 'sent', `${describe(logged)}${logged === bytes ? '' : ', signed'}`, logged);
    if (this.gone === undefined && !this.socket.destroyed) this.socket.write(bytes);
  }

  private onData(chunk: Buffer): void {
    if (this.gone !== undefined) return;
    try {
      for (const frame of this.splitter.push(chunk)) this.onFrame(frame);
    } catch (error) {
      this.log?.add(this.label, 'received', 'garbage', chunk);
      this.end('error', new EndpointError('garbage', `${this.address} sent ${error instanceof Error ? error.message : String(error)}`));
    }
  }

  private onFrame(frame: Buffer): void {
    const command = decodeFrame(frame);
    this.log?.add(this.label, 'received', summarize(command), frame);
    const waiting = (command.flag & 1) === 0 ? undefined : this.waiting.get(command.opaque);
    if (waiting !== undefined) {
      this.waiting.delete(command.opaque);
      clearTimeout(waiting.timer);
      waiting.resolve(command);
      return;
    }
    for (const watcher of this.watchers) {
      if (!watcher.accept(command)) continue;
      this.watchers.delete(watcher);
      clearTimeout(watcher.timer);
      watcher.resolve(command);
      return;
    }
    this.inbox.push(command);
    this.inboxBytes += command.body.length;
    while (this.inbox.length > inboxMax || this.inboxBytes > inboxBytesMax) this.inboxBytes -= this.inbox.shift()?.body.length ?? this.inboxBytes;
  }

  private end(by: 'us' | 'peer' | 'error', error: EndpointError): void {
    if (this.gone !== undefined) return;
    this.gone = error;
    this.log?.add(this.label, 'event', error.message);
    this.socket.destroy();
    for (const wait of [...this.waiting.values(), ...this.watchers]) {
      clearTimeout(wait.timer);
      wait.reject(error);
    }
    this.waiting.clear();
    this.watchers.clear();
    this.settleClosed({ by, reason: error.message });
  }
}

/** What the bytes say when they are one good frame; otherwise their size. */
function describe(bytes: Buffer): string {
  try {
    return summarize(decodeFrame(bytes));
  } catch {
    // a frame that is wrong on purpose
  }
  return `raw bytes, ${bytes.length} B`;
}
