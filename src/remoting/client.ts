/**
 * Connections of ours to name servers and brokers: one per address, dialled at the first call and again at the next call after it
 * broke. No retries and no choice among addresses here; address-list.ts picks.
 */
import { connect as tlsConnect, type ConnectionOptions } from 'node:tls';
import type { Command, SerializeType } from '../codec/command.js';
import { Fault } from '../codec/errors.js';
import { CallTimeouts } from './call-timeouts.js';
import { RemotingConnection, type ConnectionHost } from './connection.js';
import { newCounters, type Counters } from './counters.js';
import type { Dispatcher } from './dispatch.js';
import { decodeAnswerOnly } from './answers.js';
import { defaultServerLimits, type ConnectionLimits } from './limits.js';
import { systemNet, type Net, type NetSocket } from './net.js';
import { within } from './server.js';
import type { EventTurn } from './turn.js';
import type { Clock, Log, OutgoingRequest, TimerHandle } from './types.js';

/** `NettyClientConfig#connectTimeoutMillis` of 5.5.0. */
export const connectTimeoutMsDefault = 3000;

const checkPeriodMs = 1000;

export interface ClientOptions {
  readonly turn: EventTurn;
  readonly clock: Clock;
  readonly log: Log;
  /** Serves requests that peers send us on connections we dialled; without one they are answered REQUEST_CODE_NOT_SUPPORTED. */
  readonly dispatcher?: Dispatcher;
  readonly limits?: Partial<ConnectionLimits>;
  readonly calls?: CallTimeouts;
  readonly connectTimeoutMs?: number;
  /** Dial with TLS (`tls.enable`). */
  readonly tls?: ConnectionOptions | undefined;
  /** Where plain connections come from; the system's sockets when absent. */
  readonly net?: Net | undefined;
}

export class RemotingClient implements ConnectionHost {
  readonly turn: EventTurn;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: ConnectionLimits;
  readonly counters: Counters = newCounters();
  readonly calls: CallTimeouts;
  readonly serialize: SerializeType = 'JSON';
  private readonly dispatcher: Dispatcher | undefined;
  private readonly connectTimeoutMs: number;
  private readonly dialTls: ConnectionOptions | undefined;
  private readonly net: Net;
  private readonly byAddress = new Map<string, Promise<RemotingConnection>>();
  private readonly all = new Set<RemotingConnection>();
  private readonly dialling = new Set<NetSocket>();
  private checker: TimerHandle | undefined;
  private closed = false;

  constructor(options: ClientOptions) {
    this.turn = options.turn;
    this.clock = options.clock;
    this.log = options.log;
    this.dispatcher = options.dispatcher;
    this.limits = { ...defaultServerLimits, ...options.limits };
    this.calls = options.calls ?? new CallTimeouts(options.clock);
    this.connectTimeoutMs = options.connectTimeoutMs ?? connectTimeoutMsDefault;
    this.dialTls = options.tls;
    this.net = options.net ?? systemNet;
  }

  /** The open connection to `host:port`, dialled when there is none. Rejects with Fault. */
  async connection(address: string): Promise<RemotingConnection> {
    const known = this.byAddress.get(address);
    if (known !== undefined) {
      const connection = await known;
      if (connection.open) return connection;
      if (this.byAddress.get(address) !== known) return this.connection(address);
    }
    const dialled = this.dial(address);
    this.byAddress.set(address, dialled);
    dialled.catch(() => {
      if (this.byAddress.get(address) === dialled) this.byAddress.delete(address);
    });
    return dialled;
  }

  /** Sends a request and waits for the answer, dialling included in the time. Rejects with Fault on timeout, refusal to connect, or close. */
  async call(address: string, request: OutgoingRequest, timeoutMs: number): Promise<Command> {
    const startMs = this.clock.nowMs();
    const connection = await this.connection(address);
    const leftMs = timeoutMs - (this.clock.nowMs() - startMs);
    if (leftMs <= 0) throw new Fault(`no connection to ${address} for request ${request.code} within ${timeoutMs} ms`);
    return connection.call(request, leftMs);
  }

  /** Sends a one-way request; false when it was dropped. Rejects with Fault when there is no connection. */
  async oneway(address: string, request: OutgoingRequest): Promise<boolean> {
    return (await this.connection(address)).notify(request);
  }

  private dial(address: string): Promise<RemotingConnection> {
    if (this.closed) return Promise.reject(new Fault('client is closed'));
    const target = splitAddress(address);
    if (target === undefined) return Promise.reject(new Fault(`"${address.slice(0, 200)}" is not host:port`));
    return new Promise((resolve, reject) => {
      const to = { ...target, noDelay: true, allowHalfOpen: true };
      const socket = this.dialTls === undefined ? this.net.connect(target.host, target.port) : tlsConnect({ ...to, ...this.dialTls });
      this.dialling.add(socket);
      const timer = this.clock.setTimeout(() => fail(new Fault(`no connection to ${address} within ${this.connectTimeoutMs} ms`)), this.connectTimeoutMs);
      const fail = (error: Error): void => {
        timer.clear();
        this.dialling.delete(socket);
        socket.destroy();
        reject(error instanceof Fault ? error : new Fault(`cannot connect to ${address}: ${error.message}`, error));
      };
      const closedEarly = (): void => fail(new Fault(`client closed while connecting to ${address}`));
      socket.once('error', fail);
      socket.once('close', closedEarly);
      socket.once(this.dialTls === undefined ? 'connect' : 'secureConnect', () => {
        timer.clear();
        this.dialling.delete(socket);
        socket.off('error', fail);
        socket.off('close', closedEarly);
        const connection = new RemotingConnection(socket, socket, this);
        this.all.add(connection);
        this.checker ??= this.clock.setInterval(() => this.check(), checkPeriodMs);
        resolve(connection);
      });
    });
  }

  private check(): void {
    const nowMs = this.clock.nowMs();
    for (const connection of this.all) connection.check(nowMs);
  }

  frame(connection: RemotingConnection, buffer: Buffer, headerStart: number, headerEnd: number, bodyEnd: number, serializeTypeByte: number): void {
    if (this.dispatcher === undefined) decodeAnswerOnly(connection, buffer, headerStart, headerEnd, bodyEnd, serializeTypeByte);
    else this.dispatcher.frame(connection, buffer, headerStart, headerEnd, bodyEnd, serializeTypeByte);
  }

  gone(connection: RemotingConnection): void {
    this.all.delete(connection);
    if (this.all.size > 0) return;
    this.checker?.clear();
    this.checker = undefined;
  }

  /** Ends every connection; pending calls fail. Resolves when all sockets are gone, or after two seconds by force. */
  async close(): Promise<void> {
    this.closed = true;
    for (const socket of [...this.dialling]) socket.destroy();
    const gone = [...this.all].map((connection) => new Promise<void>((resolve) => connection.onClose(resolve)));
    for (const connection of [...this.all]) connection.shut('shutdown');
    const allGone = Promise.all(gone).then(() => undefined);
    await within(this.clock, 2000, allGone);
    for (const connection of [...this.all]) connection.destroy('shutdown');
    await allGone;
  }
}

/** `host:port` parted at the last colon; brackets around an IPv6 address are dropped. Undefined when there is no port 1..65535. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } | undefined {
  const colon = address.lastIndexOf(':');
  const port = Number(address.slice(colon + 1));
  if (colon <= 0 || !/^\d{1,5}$/.test(address.slice(colon + 1)) || port < 1 || port > 65535) return undefined;
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port };
}
