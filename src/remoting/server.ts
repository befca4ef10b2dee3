/**
 * A listening port: accepts connections within a limit, looks after slow and idle ones, and stops gracefully. Several servers (the
 * broker's port, its fast port, the name server) share one turn, one set of call timeouts and, where they are one broker, one LaneSet.
 */
import type { SerializeType } from '../codec/command.js';
import { CallTimeouts } from './call-timeouts.js';
import { RemotingConnection, type ConnectionHost } from './connection.js';
import { newCounters, type Counters } from './counters.js';
import type { Dispatcher } from './dispatch.js';
import { defaultServerLimits, type ServerLimits } from './limits.js';
import { systemNet, type Net, type NetServer, type NetSocket } from './net.js';
import type { ServerTls } from './tls.js';
import type { EventTurn } from './turn.js';
import type { Clock, Log, TimerHandle } from './types.js';

/** How often connections are looked at for slow frames and idleness; runs only while there are any. */
const checkPeriodMs = 1000;

/** Sockets still open this long after `close` asked them to end are destroyed. */
const closeMsMax = 2000;

export interface ServerOptions {
  readonly turn: EventTurn;
  readonly clock: Clock;
  readonly log: Log;
  readonly dispatcher: Dispatcher;
  readonly limits?: Partial<ServerLimits>;
  /** Shared call timeouts; one of its own when absent. */
  readonly calls?: CallTimeouts;
  /** `serializeTypeConfigInThisServer`; JSON unless configured. */
  readonly serialize?: SerializeType;
  /** TLS and PROXY headers before the first frame; without it frames are expected from the first byte on. */
  readonly tls?: ServerTls;
  /** Where connections come from; the system's sockets when absent. */
  readonly net?: Net | undefined;
  /** Once for each connection, before its first frame. */
  readonly onConnection?: (connection: RemotingConnection) => void;
  /** Once for each connection that is gone. */
  readonly onConnectionClosed?: (connection: RemotingConnection) => void;
}

export class RemotingServer implements ConnectionHost {
  readonly turn: EventTurn;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: ServerLimits;
  readonly counters: Counters = newCounters();
  readonly calls: CallTimeouts;
  readonly serialize: SerializeType;
  readonly tls: ServerTls | undefined;
  readonly sharesReads = true;
  private readonly dispatcher: Dispatcher;
  private readonly options: ServerOptions;
  private readonly net: NetServer;
  private readonly all = new Set<RemotingConnection>();
  private checker: TimerHandle | undefined;
  private goneListener: (() => void) | undefined;
  private listening = false;
  /** Of all connections. */
  private unfinishedBytes = 0;

  constructor(options: ServerOptions) {
    this.options = options;
    this.turn = options.turn;
    this.clock = options.clock;
    this.log = options.log;
    this.dispatcher = options.dispatcher;
    this.limits = { ...defaultServerLimits, ...options.limits };
    this.calls = options.calls ?? new CallTimeouts(options.clock);
    this.serialize = options.serialize ?? 'JSON';
    this.tls = options.tls;
    this.net = (options.net ?? systemNet).createServer((socket) => this.accept(socket));
  }

  /** Starts listening; port 0 picks a free one. Rejects with the system's error (EADDRINUSE, EACCES, ...). */
  async listen(host: string, port: number): Promise<{ readonly host: string; readonly port: number }> {
    const bound = await this.net.listen(host, port, (error) => this.log.error({ error: error.message }, 'listening socket failed'));
    this.listening = true;
    return bound;
  }

  get connections(): Iterable<RemotingConnection> {
    return this.all;
  }

  get connectionCount(): number {
    return this.all.size;
  }

  /** A connection of this port; also one that another listener accepted. */
  accept(socket: NetSocket): void {
    if (this.all.size >= this.limits.connectionsMax) {
      this.counters.closed.tooMany++;
      this.log.warn({ peer: socket.remoteAddress, limit: this.limits.connectionsMax }, 'too many connections, a new one is closed');
      socket.on('error', () => undefined);
      socket.destroy();
      return;
    }
    const connection = new RemotingConnection(socket, socket, this);
    this.all.add(connection);
    this.checker ??= this.clock.setInterval(() => this.check(), checkPeriodMs);
    this.options.onConnection?.(connection);
  }

  private check(): void {
    const nowMs = this.clock.nowMs();
    let outBytes = 0;
    for (const connection of this.all) {
      connection.check(nowMs);
      outBytes += connection.outBytes;
    }
    if (outBytes > this.limits.outTotalBytesMax) this.shedReaders(outBytes);
  }

  /** Closes those who take no answers, the ones not written to for the longest first, until the rest is within its bound. */
  private shedReaders(outBytes: number): void {
    const holders = [...this.all].filter((connection) => connection.outBytes > 0).sort((a, b) => a.writtenMs - b.writtenMs);
    for (const connection of holders) {
      if (outBytes <= this.limits.outTotalBytesMax) return;
      outBytes -= connection.outBytes;
      this.log.warn({ peer: connection.remoteAddress, limit: this.limits.outTotalBytesMax }, 'peers do not read their answers, the longest one is closed');
      connection.destroy('slowReader');
    }
  }

  unfinished(bytes: number): void {
    this.unfinishedBytes += bytes;
    while (this.unfinishedBytes > this.limits.unfinishedBytesMax) {
      let oldest: RemotingConnection | undefined;
      for (const connection of this.all) {
        if (connection.unfinishedBytes > 0 && (oldest === undefined || connection.unfinishedSinceMs < oldest.unfinishedSinceMs)) oldest = connection;
      }
      if (oldest === undefined) return;
      this.log.warn({ peer: oldest.remoteAddress, limit: this.limits.unfinishedBytesMax }, 'unfinished frames fill their budget, the oldest is closed');
      oldest.destroy('slowSender');
    }
  }

  frame(connection: RemotingConnection, buffer: Buffer, headerStart: number, headerEnd: number, bodyEnd: number, serializeTypeByte: number): boolean {
    return this.dispatcher.frame(connection, buffer, headerStart, headerEnd, bodyEnd, serializeTypeByte);
  }

  gone(connection: RemotingConnection): void {
    this.all.delete(connection);
    if (this.all.size === 0) {
      this.checker?.clear();
      this.checker = undefined;
      this.goneListener?.();
    }
    this.options.onConnectionClosed?.(connection);
  }

  /**
   * First half of a graceful stop: takes no more connections, answers GO_AWAY to those who know it, and waits until lanes are empty or
   * `graceMs` passed. Answers that wait for the disk are the caller's to finish before `close`.
   */
  async drain(graceMs: number): Promise<void> {
    this.dispatcher.drain();
    if (this.listening) this.net.close();
    this.listening = false;
    await within(this.clock, graceMs, this.dispatcher.lanes.idle());
    // Requests read in this very turn: let its end pass.
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.turn.run();
  }

  /** Second half: hands over what is queued, ends every connection, and resolves when all are gone. */
  async close(): Promise<void> {
    if (this.listening) this.net.close();
    this.listening = false;
    this.turn.run();
    if (this.all.size === 0) return;
    const gone = new Promise<void>((resolve) => {
      this.goneListener = resolve;
    });
    for (const connection of [...this.all]) connection.shut('shutdown');
    await within(this.clock, closeMsMax, gone);
    for (const connection of [...this.all]) connection.destroy('shutdown');
    if (this.all.size > 0) await gone;
  }

  /** Both halves (`NettyRemotingServer#shutdown`, `NettyServerConfig#shutdownWaitTimeSeconds`). */
  async stop(graceMs: number): Promise<void> {
    await this.drain(graceMs);
    await this.close();
  }
}

/** Waits for `work`, at most `ms`. */
export async function within(clock: Clock, ms: number, work: Promise<void>): Promise<void> {
  let timer: TimerHandle | undefined;
  const late = new Promise<void>((resolve) => {
    timer = clock.setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  timer?.clear();
}
