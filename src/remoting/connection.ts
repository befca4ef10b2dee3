/**
 * One TCP connection that speaks remoting frames, accepted or dialled: cutting the stream into frames, the bytes queued for the turn,
 * matching answers to calls, and the budgets that keep a peer from filling our memory. What a request means is dispatch.ts's.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Command, SerializeType } from '../codec/command.js';
import { Fault, WireError } from '../codec/errors.js';
import { FrameReader } from '../codec/frame.js';
import { hostBytes, hostText } from '../codec/host-address.js';
import { readBytes } from '../codec/hot-path.js';
import type { CallTimeouts, Caller } from './call-timeouts.js';
import type { CloseReason, Counters } from './counters.js';
import type { ConnectionLimits } from './limits.js';
import { isPlain, readProxyHeader, tlsHandshakeByte } from './opening.js';
import { replyHead, requestHead } from './outgoing.js';
import { readShared } from './shared-read.js';
import type { ServerTls } from './tls.js';
import { outPieceBytes, type EventTurn, type Sender } from './turn.js';
import type { Clock, Connection, Log, OutgoingRequest, Reply } from './types.js';

/** What a connection asks of the server or client it belongs to. */
export interface ConnectionHost {
  readonly turn: EventTurn;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: ConnectionLimits;
  readonly counters: Counters;
  readonly calls: CallTimeouts;
  /** How our answers are serialized (`serializeTypeConfigInThisServer`). */
  readonly serialize: SerializeType;
  /** Accepted connections may begin with a PROXY header and TLS (opening.ts); undefined: frames from the first byte on. */
  readonly tls?: ServerTls | undefined;
  /** Accepted sockets read into one buffer once frames begin (shared-read.ts). */
  readonly sharesReads?: boolean;
  /**
   * One whole frame: header in [headerStart, headerEnd), body in [headerEnd, bodyEnd). True = none of its bytes are kept. `readBytes` (codec/hot-path.ts)
   * changes with the next read: of that one nothing may be kept. May throw WireError.
   */
  frame(connection: RemotingConnection, buffer: Buffer, headerStart: number, headerEnd: number, bodyEnd: number, serializeTypeByte: number): boolean | void;
  /** The connection holds so many bytes more (or fewer) of a frame that is not complete. */
  unfinished?(bytes: number): void;
  /** Once, when the socket is gone. */
  gone(connection: RemotingConnection): void;
}

/** Addresses of both ends, as the socket says them. */
export interface Ends {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
}

interface PendingCall {
  readonly code: number;
  readonly timeoutMs: number;
  readonly deadlineMs: number;
  readonly resolve: (answer: Command) => void;
  readonly reject: (error: Fault) => void;
}

/** A frame kept back while the peer does not take its answers. */
type KeptFrame = readonly [buffer: Buffer, headerStart: number, headerEnd: number, bodyEnd: number, serializeTypeByte: number];

/** Owned bytes up to this size are copied: cheaper than a piece of their own in the write. */
const copyBytesMax = 2048;

/** What is queued when a connection closes has this long to leave. */
const closeMsMax = 5000;

let lastId = 0;

const noHost = Buffer.alloc(8);

export class RemotingConnection implements Connection, Sender, Caller {
  readonly id = ++lastId;
  /** Of the peer that a PROXY header names, once there was one (`RemotingHelper#parseChannelRemoteAddr`). */
  remoteAddress: string;
  readonly remoteHost: Buffer;
  readonly localHost: string;
  readonly localPort: number;
  state: unknown = undefined;
  /** Clock's time of the chunk at work. */
  receivedMs: number;

  /** The TLS socket, once there is one. */
  private socket: Duplex;
  /** First bytes of a PROXY header that is not whole. */
  private openingBytes: Buffer | undefined;
  private proxied = false;
  private readonly host: ConnectionHost;
  private readonly reader: FrameReader;
  private readonly closeListeners: (() => void)[] = [];
  private isOpen = true;
  private gone = false;
  private reason: CloseReason | undefined;
  private closingSinceMs = 0;

  // What leaves at the end of the turn: sealed pieces, and the tail [pieceStart, pieceEnd) of a pooled piece still filling.
  private pieces: Buffer[] = [];
  private piece: Buffer | undefined;
  private pieceStart = 0;
  private pieceEnd = 0;
  private queuedBytes = 0;
  private willFlush = false;
  /** Pooled pieces in order of use; returned when the write that holds their last byte is done. */
  private lent: Buffer[] = [];
  private readonly writing: number[] = [];
  private readonly written = (): void => this.onWritten();

  private readonly calls = new Map<number, PendingCall>();
  private lastOpaque = 0;

  private pausedForAnswers = false;
  private pausedForRequests = false;
  private requestBytes = 0;
  private requestCount = 0;
  private readonly kept: KeptFrame[] = [];
  private peerEnded = false;

  private lastReadMs: number;
  private lastWriteMs: number;
  /** When the first byte of the unfinished frame came, 0 when there is none. */
  private frameSinceMs = 0;
  private framesRead = 0;

  constructor(socket: Duplex, ends: Ends, host: ConnectionHost) {
    this.socket = socket;
    this.host = host;
    const remote = hostBytes(ends.remoteAddress ?? '', ends.remotePort ?? 0);
    this.remoteHost = remote === undefined ? noHost : Buffer.from(remote.buffer, remote.byteOffset, remote.length);
    this.remoteAddress = hostText(this.remoteHost);
    const local = hostBytes(ends.localAddress ?? '', 0);
    this.localHost = hostText(local ?? noHost).replace(/:0$/, '');
    this.localPort = ends.localPort ?? 0;
    this.receivedMs = this.lastReadMs = this.lastWriteMs = host.clock.nowMs();
    this.reader = new FrameReader((buffer, headerStart, headerEnd, bodyEnd, type) => this.onFrame(buffer, headerStart, headerEnd, bodyEnd, type), host.limits.frameBytesMax);
    host.counters.opened++;
    host.counters.open++;
    this.listen(socket, socket instanceof Socket ? host.tls : undefined, host.sharesReads === true);
  }

  /** Hears what comes of the socket: an opening when `tls` is given, then frames. `shares`: it may be replaced by one that reads into the shared buffer. */
  private listen(socket: Duplex, tls: ServerTls | undefined, shares: boolean): void {
    const onEnd = this.hear(socket);
    if (tls === undefined) {
      this.readFrames(socket, shares);
      return;
    }
    const onOpening = (chunk: Buffer): void => {
      const opened = this.onOpening(chunk, tls);
      if (opened === undefined) return;
      socket.off('data', onOpening);
      if (opened.tls) {
        socket.off('end', onEnd);
        this.frameSinceMs = this.host.clock.nowMs();
        tls.secure(socket as Socket, opened.rest, (secured) => this.onSecured(secured));
      } else {
        this.readFrames(socket, shares);
        this.received(opened.rest, opened.rest.length);
      }
    };
    socket.on('data', onOpening);
  }

  private readFrames(socket: Duplex, shares: boolean): void {
    const shared = shares && socket instanceof Socket ? readShared(socket, (bytes) => this.received(readBytes, bytes)) : undefined;
    if (shared === undefined) {
      socket.on('data', (chunk: Buffer) => this.received(chunk, chunk.length));
      return;
    }
    socket.removeAllListeners();
    this.socket = shared;
    this.hear(shared);
    shared.resume();
  }

  /** Everything of the socket but what it reads; the listener of its end. */
  private hear(socket: Duplex): () => void {
    const onEnd = (): void => this.onEnd();
    socket.on('end', onEnd);
    socket.on('error', (error: Error) => {
      this.host.log.debug({ peer: this.remoteAddress, error: error.message }, 'connection error');
      this.reason ??= 'error';
    });
    socket.on('close', () => this.onGone());
    return onEnd;
  }

  /** Counters of the server or client this connection belongs to. */
  get counters(): Counters {
    return this.host.counters;
  }

  get open(): boolean {
    return this.isOpen;
  }

  /** Bytes held of a frame that is not complete, and when its first byte came (0: none). */
  get unfinishedBytes(): number {
    return this.reader.heldBytes;
  }

  get unfinishedSinceMs(): number {
    return this.frameSinceMs;
  }

  get writtenMs(): number {
    return this.lastWriteMs;
  }

  /** Bytes queued or handed to the socket that the peer has not taken. */
  get outBytes(): number {
    return this.queuedBytes + this.socket.writableLength;
  }

  // ---- opening: only until the first frame begins

  /** What the first bytes ask for, and those that are left; undefined while that cannot be told, and when the connection was closed for them. */
  private onOpening(chunk: Buffer, tls: ServerTls): { readonly tls: boolean; readonly rest: Buffer } | undefined {
    if (!this.isOpen) return undefined;
    let bytes = this.openingBytes === undefined ? chunk : Buffer.concat([this.openingBytes, chunk]);
    this.openingBytes = undefined;
    if (bytes.length === 0) return undefined;
    if (isPlain(bytes[0] as number) && tls.mode !== 'enforcing') return { tls: false, rest: bytes };
    try {
      const header = this.proxied ? undefined : readProxyHeader(bytes);
      if (header === 'more') {
        this.openingBytes = bytes;
        if (this.frameSinceMs === 0) this.frameSinceMs = this.host.clock.nowMs();
        return undefined;
      }
      if (header !== undefined) {
        this.proxied = true;
        this.remoteAddress = header.source ?? this.remoteAddress;
        bytes = bytes.subarray(header.bytes);
      }
      // Nothing but the header so far: what follows is looked at when it comes.
      if (bytes.length === 0) return undefined;
      const wantsTls = bytes[0] === tlsHandshakeByte;
      if (wantsTls && tls.mode === 'disabled') throw new WireError('TLS handshake, and tls.server.mode is disabled');
      if (!wantsTls && tls.mode === 'enforcing') throw new WireError('plain bytes, and tls.server.mode is enforcing');
      return { tls: wantsTls, rest: bytes };
    } catch (error) {
      this.broken(error);
      return undefined;
    }
  }

  private onSecured(socket: Duplex): void {
    this.frameSinceMs = 0;
    if (!this.isOpen) {
      socket.destroy();
      return;
    }
    this.socket = socket;
    this.listen(socket, undefined, false);
  }

  // ---- reading

  /** `chunk[0..bytes)` came from the peer. */
  private received(chunk: Buffer, bytes: number): void {
    if (!this.isOpen) return;
    const nowMs = this.host.clock.nowMs();
    this.receivedMs = this.lastReadMs = nowMs;
    this.host.counters.bytesIn += bytes;
    const framesBefore = this.framesRead;
    const heldBefore = this.reader.heldBytes;
    try {
      this.reader.feed(chunk, bytes);
    } catch (error) {
      // The reader let go of what it held.
      if (heldBefore > 0) this.host.unfinished?.(-heldBefore);
      this.broken(error);
      return;
    }
    if (this.reader.heldBytes === 0) this.frameSinceMs = 0;
    else if (this.frameSinceMs === 0 || this.framesRead !== framesBefore) this.frameSinceMs = nowMs;
    const grown = this.reader.heldBytes - heldBefore;
    if (grown !== 0) this.host.unfinished?.(grown);
    this.weigh();
  }

  private onFrame(buffer: Buffer, headerStart: number, headerEnd: number, bodyEnd: number, type: number): boolean {
    this.framesRead++;
    this.host.counters.framesIn++;
    // One chunk can ask for far more than its own size: what follows waits until the peer has taken its answers.
    if (this.kept.length > 0 || this.heavy()) {
      if (buffer === readBytes) this.kept.push([Buffer.from(buffer.subarray(headerStart, bodyEnd)), 0, headerEnd - headerStart, bodyEnd - headerStart, type]);
      else this.kept.push([buffer, headerStart, headerEnd, bodyEnd, type]);
      return false;
    }
    return this.host.frame(this, buffer, headerStart, headerEnd, bodyEnd, type) === true;
  }

  /** Forgets the unfinished frame. */
  private dropReader(): void {
    const { heldBytes } = this.reader;
    this.reader.stop();
    if (heldBytes > 0) this.host.unfinished?.(-heldBytes);
  }

  private broken(error: unknown): void {
    if (!(error instanceof WireError)) {
      this.host.counters.exceptions++;
      this.host.log.error({ peer: this.remoteAddress, error }, 'frame handling failed');
    }
    this.host.log.warn({ peer: this.remoteAddress, error: error instanceof Error ? error.message : String(error) }, 'unreadable frame, connection closed');
    this.shut('wire');
  }

  private onEnd(): void {
    this.peerEnded = true;
    if (this.kept.length > 0) return;
    // Requests read in this turn are still answered: the close follows the turn's write.
    if (this.willFlush) return;
    this.shut('peer');
  }

  private heavy(): boolean {
    const { limits } = this.host;
    return this.outBytes > limits.outPauseBytes || this.requestBytes > limits.requestPauseBytes || this.requestCount > limits.requestsPauseCount;
  }

  /** Pauses or resumes reading by what the peer has not taken and what of its own is still waiting. Resumes at half of a bound. */
  private weigh(): void {
    if (!this.isOpen) return;
    const { limits, counters } = this.host;
    const was = this.pausedForAnswers || this.pausedForRequests;
    const out = this.outBytes;
    if (this.pausedForAnswers) {
      if (out <= limits.outPauseBytes / 2) this.pausedForAnswers = false;
    } else if (out > limits.outPauseBytes) {
      this.pausedForAnswers = true;
      counters.pausedForAnswers++;
    }
    if (this.pausedForRequests) {
      if (this.requestBytes <= limits.requestPauseBytes / 2 && this.requestCount <= limits.requestsPauseCount / 2) this.pausedForRequests = false;
    } else if (this.requestBytes > limits.requestPauseBytes || this.requestCount > limits.requestsPauseCount) {
      this.pausedForRequests = true;
      counters.pausedForRequests++;
    }
    const paused = this.pausedForAnswers || this.pausedForRequests;
    if (paused && !was) this.socket.pause();
    else if (!paused && (was || this.kept.length > 0)) this.resume();
  }

  private resume(): void {
    let at = 0;
    this.receivedMs = this.host.clock.nowMs();
    try {
      while (at < this.kept.length && this.isOpen && !this.heavy()) {
        const [buffer, headerStart, headerEnd, bodyEnd, type] = this.kept[at++] as KeptFrame;
        this.host.frame(this, buffer, headerStart, headerEnd, bodyEnd, type);
      }
    } catch (error) {
      this.broken(error);
      return;
    }
    this.kept.splice(0, at);
    if (this.kept.length > 0) {
      this.pausedForAnswers ||= this.outBytes > this.host.limits.outPauseBytes;
      this.pausedForRequests ||= !this.pausedForAnswers;
      this.socket.pause();
      // Answers of this turn are written at its end, which weighs again.
      return;
    }
    if (this.peerEnded) this.onEnd();
    else this.socket.resume();
  }

  /** A request of this peer starts to wait or to be at work asynchronously. */
  holdRequest(bytes: number): void {
    this.requestBytes += bytes;
    this.requestCount++;
  }

  /** The request is done with. */
  releaseRequest(bytes: number): void {
    this.requestBytes -= bytes;
    this.requestCount--;
    if (this.pausedForRequests) this.weigh();
  }

  // ---- writing

  write(bytes: Uint8Array): void {
    if (!this.isOpen) return;
    this.take(bytes.length);
    if (bytes.length > outPieceBytes) {
      this.sealPiece();
      this.pieces.push(Buffer.from(bytes));
      return;
    }
    this.copy(bytes);
  }

  writeOwned(bytes: Buffer): void {
    if (!this.isOpen || bytes.length === 0) return;
    this.take(bytes.length);
    if (bytes.length <= copyBytesMax) {
      this.copy(bytes);
      return;
    }
    this.sealPiece();
    this.pieces.push(bytes);
  }

  private copy(bytes: Uint8Array): void {
    let piece = this.piece;
    if (piece === undefined || this.pieceEnd + bytes.length > outPieceBytes) {
      this.sealPiece();
      piece = this.host.turn.takePiece();
      this.lent.push(piece);
      this.piece = piece;
      this.pieceStart = this.pieceEnd = 0;
    }
    piece.set(bytes, this.pieceEnd);
    this.pieceEnd += bytes.length;
  }

  private sealPiece(): void {
    if (this.piece === undefined || this.pieceEnd === this.pieceStart) return;
    this.pieces.push(this.piece.subarray(this.pieceStart, this.pieceEnd));
    this.pieceStart = this.pieceEnd;
  }

  /** Counts bytes to be queued and makes sure they leave at the end of the turn. */
  private take(bytes: number): void {
    this.queuedBytes += bytes;
    if (this.willFlush) return;
    this.willFlush = true;
    this.host.turn.willSend(this);
  }

  flush(): void {
    this.willFlush = false;
    if (this.gone || this.socket.destroyed) {
      this.pieces.length = 0;
      this.queuedBytes = 0;
      return;
    }
    this.sealPiece();
    this.piece = undefined;
    const pieces = this.pieces;
    if (pieces.length > 0) {
      const { host, socket } = this;
      host.counters.bytesOut += this.queuedBytes;
      this.queuedBytes = 0;
      this.lastWriteMs = host.clock.nowMs();
      this.writing.push(this.lent.length);
      if (pieces.length === 1) {
        const only = pieces[0] as Buffer;
        pieces.length = 0;
        socket.write(only, this.written);
      } else {
        this.pieces = [];
        const last = pieces.length - 1;
        socket.cork();
        for (let i = 0; i < last; i++) socket.write(pieces[i]);
        socket.write(pieces[last], this.written);
        socket.uncork();
      }
      if (socket.writableLength > host.limits.outBytesMax) {
        host.log.warn({ peer: this.remoteAddress, outBytes: socket.writableLength, limit: host.limits.outBytesMax }, 'peer does not read its answers, connection closed');
        this.destroy('slowReader');
        return;
      }
    }
    if (this.peerEnded && this.kept.length === 0 && this.isOpen) this.shut('peer');
    else this.weigh();
  }

  /** The oldest write under way is done: its pooled pieces are free again. */
  private onWritten(): void {
    const count = this.writing.shift() ?? 0;
    if (count > 0 && !this.gone && !this.socket.destroyed) {
      // `writing` holds how many pieces were lent up to that write; later entries shrink with it.
      const free = this.lent.splice(0, count);
      for (let i = 0; i < this.writing.length; i++) (this.writing[i] as number) -= count;
      for (const piece of free) this.host.turn.returnPiece(piece);
    }
    if (this.pausedForAnswers || this.kept.length > 0) this.weigh();
  }

  reply(opaque: number, reply: Reply): void {
    if (!this.isOpen) return;
    this.queueFrame(replyHead(opaque, reply, this.host.serialize), reply.body);
  }

  notify(request: OutgoingRequest): boolean {
    if (!this.isOpen || this.outBytes > this.host.limits.outPauseBytes) {
      this.host.counters.droppedNotices++;
      return false;
    }
    this.queueFrame(requestHead(request, this.nextOpaque(), true), request.body);
    return true;
  }

  call(request: OutgoingRequest, timeoutMs: number): Promise<Command> {
    if (!this.isOpen) return Promise.reject(new Fault(`connection to ${this.remoteAddress} is closed`));
    if (this.calls.size >= this.host.limits.callsMax) {
      return Promise.reject(new Fault(`${this.calls.size} calls already wait for ${this.remoteAddress} (limit ${this.host.limits.callsMax})`));
    }
    const opaque = this.nextOpaque();
    const answer = new Promise<Command>((resolve, reject) => {
      const deadlineMs = this.host.clock.nowMs() + timeoutMs;
      this.calls.set(opaque, { code: request.code, timeoutMs, deadlineMs, resolve, reject });
    });
    this.host.calls.watch(this);
    this.queueFrame(requestHead(request, opaque, false), request.body);
    return answer;
  }

  private nextOpaque(): number {
    this.lastOpaque = (this.lastOpaque + 1) & 0x7fffffff;
    return this.lastOpaque;
  }

  /** An answer arrived: it goes to the call with its opaque. */
  answered(command: Command): void {
    const call = this.calls.get(command.opaque);
    if (call === undefined) {
      this.host.counters.strayAnswers++;
      return;
    }
    this.calls.delete(command.opaque);
    call.resolve(command);
  }

  expireCalls(nowMs: number): number {
    for (const [opaque, call] of this.calls) {
      if (call.deadlineMs > nowMs) continue;
      this.calls.delete(opaque);
      call.reject(new Fault(`no answer from ${this.remoteAddress} to request ${call.code} within ${call.timeoutMs} ms`));
    }
    return this.calls.size;
  }

  // ---- closing

  close(reason: string): void {
    this.host.log.debug({ peer: this.remoteAddress, reason }, 'closing connection');
    this.shut('server');
  }

  /** Stops reading, hands over what is queued, then ends the socket; counted under `reason`. */
  shut(reason: CloseReason): void {
    if (!this.isOpen) return;
    this.reason ??= reason;
    this.dropReader();
    this.kept.length = 0;
    this.flushForClose();
    this.isOpen = false;
    this.closingSinceMs = this.host.clock.nowMs();
    if (!this.socket.destroyed) this.socket.end(() => this.socket.destroy());
  }

  private flushForClose(): void {
    const ended = this.peerEnded;
    this.peerEnded = false;
    this.flush();
    this.peerEnded = ended;
  }

  /** Ends the socket at once; what is queued is lost. */
  destroy(reason: CloseReason): void {
    this.reason ??= reason;
    this.isOpen = false;
    this.dropReader();
    this.kept.length = 0;
    this.socket.destroy();
  }

  /** Looked at about once a second: slow frames, idleness, and sockets that do not finish closing. */
  check(nowMs: number): void {
    const { limits } = this.host;
    if (this.gone) return;
    if (!this.isOpen) {
      if (nowMs - this.closingSinceMs >= closeMsMax) this.socket.destroy();
    } else if (this.frameSinceMs !== 0 && nowMs - this.frameSinceMs >= limits.frameTimeMsMax && !this.pausedForAnswers && !this.pausedForRequests) {
      this.host.log.warn({ peer: this.remoteAddress, limitMs: limits.frameTimeMsMax }, 'frame not completed in time, connection closed');
      this.shut('slowSender');
    } else if (nowMs - Math.max(this.lastReadMs, this.lastWriteMs) >= limits.idleMsMax) {
      this.shut('idle');
    }
  }

  onClose(listener: () => void): void {
    if (this.gone) listener();
    else this.closeListeners.push(listener);
  }

  private onGone(): void {
    if (this.gone) return;
    this.gone = true;
    this.isOpen = false;
    this.dropReader();
    this.pieces = [];
    this.piece = undefined;
    this.queuedBytes = 0;
    this.lent = [];
    this.kept.length = 0;
    this.host.counters.open--;
    this.host.counters.closed[this.reason ?? 'peer']++;
    const calls = [...this.calls.values()];
    this.calls.clear();
    for (const call of calls) call.reject(new Fault(`connection to ${this.remoteAddress} closed before it answered request ${call.code}`));
    this.host.gone(this);
    for (const listener of this.closeListeners) {
      try {
        listener();
      } catch (error) {
        this.host.counters.exceptions++;
        this.host.log.error({ peer: this.remoteAddress, error }, 'close listener failed');
      }
    }
  }

  private queueFrame(frame: Buffer, body: Buffer | readonly Buffer[] | undefined): void {
    this.writeOwned(frame);
    if (body === undefined) return;
    if (Buffer.isBuffer(body)) this.writeOwned(body);
    else for (const part of body) this.writeOwned(part);
  }
}
