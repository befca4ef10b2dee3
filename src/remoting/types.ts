/**
 * What a handler sees of a connection, and what the remoting server asks of handlers: the contract between sockets and server.
 */
import type { Command } from '../codec/command.js';
import type { HeaderScan } from '../codec/header-scan.js';
import type { HeaderOf, LaneName, ReplyHeaderOf, RequestName } from '../codec/requests.js';
import type { ResponseCode } from '../codec/responses.js';

/** One answer. `ext` are extFields outside the declared reply header (MSG_REGION, IS_SUB_CHANGE, ...). */
export interface Reply<N extends RequestName = RequestName> {
  readonly code: ResponseCode;
  readonly remark?: string | undefined;
  readonly header?: ReplyHeaderOf<N> | undefined;
  readonly ext?: Readonly<Record<string, string>> | undefined;
  /** Slices are sent as they are, without joining; they must stay unchanged until the socket took them. */
  readonly body?: Buffer | readonly Buffer[] | undefined;
}

/** An outgoing request of ours: to a name server, another broker or a client. */
export interface OutgoingRequest {
  readonly code: number;
  readonly ext?: Readonly<Record<string, string>> | undefined;
  readonly body?: Buffer | undefined;
  /** Of the client for whom it is passed on; ours when absent. */
  readonly language?: string | undefined;
  readonly version?: number | undefined;
}

/** A TCP peer that speaks remoting frames, either way round. */
export interface Connection {
  /** Unique in this process. */
  readonly id: number;
  /** `ip:port`, IPv4-mapped addresses shown as IPv4. */
  readonly remoteAddress: string;
  /** The peer as the log stores it: 8 bytes (IPv4 + int32 port) or 20 (IPv6). */
  readonly remoteHost: Buffer;
  /** The address of ours that the peer reached, without port. */
  readonly localHost: string;
  readonly localPort: number;
  readonly open: boolean;
  /** Room for a per-connection value of the server (client registration, ack buffer); remoting never reads it. */
  state: unknown;
  /** Queues bytes of whole frames for this turn's single socket write (copied). */
  write(bytes: Uint8Array): void;
  /** Queues bytes that stay unchanged until sent: no copy. */
  writeOwned(bytes: Buffer): void;
  /** Encodes and queues the answer to the request with this opaque. No-op once closed. */
  reply(opaque: number, reply: Reply): void;
  /** Sends a one-way request to the peer; dropped when closed or when the peer's byte budget is exhausted (returns false). */
  notify(request: OutgoingRequest): boolean;
  /** Sends a request to the peer and waits for its answer. Rejects with Fault on timeout or close. */
  call(request: OutgoingRequest, timeoutMs: number): Promise<Command>;
  /** Destroys the socket after what is queued was handed to it. */
  close(reason: string): void;
  /** Runs once when the connection is gone. */
  onClose(listener: () => void): void;
}

/** What a handler may use beside its header and body. */
export interface Ctx {
  readonly connection: Connection;
  readonly command: Command;
  /** Milliseconds of the server's clock when the frame was read. */
  readonly receivedMs: number;
  /** For handlers that returned undefined and answer later (held pulls). Ignored for one-way requests and closed connections. */
  reply(reply: Reply): void;
}

/** Returns the answer, a promise of it, or undefined when it answers later through `ctx.reply` (or never). Refusal may be thrown. */
export type Handler<N extends RequestName> = (
  ctx: Ctx,
  header: HeaderOf<N>,
  body: Buffer,
) => Reply<N> | undefined | Promise<Reply<N> | undefined>;

export type Handlers = { readonly [N in RequestName]: Handler<N> };

/**
 * A hot-path handler on the scanned, undecoded header: returns true when it took the request, false to fall back to the full
 * reader and the ordinary handler (before any side effect).
 */
export type FastHandler = (connection: Connection, scan: HeaderScan, frame: Buffer, bodyStart: number, bodyEnd: number) => boolean;

/** Bounds of one lane. */
export interface LaneLimits {
  /** Requests that may wait (`sendThreadPoolQueueCapacity`, ...). Beyond: `[OVERLOAD]`. */
  readonly capacity: number;
  /** Asynchronous handlers that may be at work at once (`sendMessageThreadPoolNums`, ...). */
  readonly concurrency: number;
  /** A request that waited longer is answered `[TIMEOUT_CLEAN_QUEUE]`; 0 = never (`waitTimeMillsInSendQueue`, ...). */
  readonly waitMsMax: number;
  /** Asked before queueing; a text is the remark of a SYSTEM_BUSY answer (`NettyRequestProcessor#rejectRequest`). */
  readonly reject?: (() => string | undefined) | undefined;
}

export type Lanes = { readonly [L in LaneName]?: LaneLimits };

/** The end of an event-loop turn: what is queued during a turn leaves in one write per socket, after the hooks ran. */
export interface Turn {
  /** Makes sure the turn's end runs soon (setImmediate); cheap when already scheduled. */
  schedule(): void;
  /** Hooks run in order of registration at each turn's end, before sockets are written: the store's write, then acknowledgements. */
  beforeSend(hook: () => void): void;
}

/** Time and timers, real or simulated. */
export interface Clock {
  /** Milliseconds since the epoch. */
  nowMs(): number;
  setTimeout(callback: () => void, delayMs: number): TimerHandle;
  setInterval(callback: () => void, periodMs: number): TimerHandle;
}

export interface TimerHandle {
  clear(): void;
}

/** Structured, quiet by default; never given message bodies or secrets. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
