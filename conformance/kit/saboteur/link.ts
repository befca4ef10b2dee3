/**
 * One client connection through the proxy, both directions. Frames are cut out of the bytes, requests are remembered by opaque, and a
 * sabotage may see, alter, drop or add each one; what it leaves alone goes on as the bytes that came. Bytes that are no frames pass as
 * they are: a case that sends garbage judges the endpoint, not the proxy.
 */
import { connect, type Socket } from 'node:net';
import { splitAddress, type HostPort } from '../connection.js';
import { decodeFrame, encodeFrame, rawFrame, type Command } from '../wire/frame.js';
import { resetSocket } from '../wire/reset.js';
import type { Addresses } from './addresses.js';
import type { Hooks, Link, Outcome } from './sabotage.js';

/** What is announced to be longer is passed on without waiting for its end: the frame limit of a broker. */
const frameBytesMax = 16 * 1024 * 1024;

/** Requests remembered for one connection; the oldest are forgotten. */
const pendingMax = 10_000;

/** Opaques of the saboteur's own requests begin here, out of the way of those of clients. */
const ownOpaques = 0x5ab00000;

/** Cuts bytes into frames; after the first impossible length all that follows is `loose`. */
export class Cutter {
  private chunks: Buffer[] = [];
  private held = 0;
  private broken = false;

  /** Whole frames that `chunk` completes, and bytes that belong to none. */
  push(chunk: Buffer): { readonly frames: readonly Buffer[]; readonly loose: Buffer | undefined } {
    this.chunks.push(chunk);
    this.held += chunk.length;
    const frames: Buffer[] = [];
    for (let length = this.nextLength(); length !== undefined && this.held >= 4 + length; length = this.nextLength()) {
      const all = this.take();
      frames.push(all.subarray(0, 4 + length));
      if (all.length > 4 + length) this.keep(all.subarray(4 + length));
    }
    return { frames, loose: this.broken && this.held > 0 ? this.take() : undefined };
  }

  /** The unfinished frame, when no more will come. */
  rest(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** What the next frame announces, once its first word is there; undefined as well after an impossible one. */
  private nextLength(): number | undefined {
    if (this.broken || this.held < 4) return undefined;
    if ((this.chunks[0]?.length ?? 0) < 4) this.keep(this.take());
    const length = this.chunks[0]?.readInt32BE(0) ?? -1;
    if (length >= 4 && length <= frameBytesMax) return length;
    this.broken = true;
    return undefined;
  }

  private take(): Buffer {
    const [first = Buffer.alloc(0)] = this.chunks;
    const all = this.chunks.length === 1 ? first : Buffer.concat(this.chunks);
    this.chunks = [];
    this.held = 0;
    return all;
  }

  private keep(bytes: Buffer): void {
    this.chunks = [bytes];
    this.held = bytes.length;
  }
}

/** The bytes of a frame that may have been altered: the header's own bytes where only the body changed. */
export function encodeAltered(original: Command, originalBytes: Buffer, altered: Command): Buffer {
  if (altered === original) return originalBytes;
  const sameHeader = (['code', 'language', 'version', 'opaque', 'flag', 'remark', 'ext', 'serialize'] as const).every((name) => altered[name] === original[name]);
  if (!sameHeader) return encode(altered);
  const word = originalBytes.readInt32BE(4);
  return rawFrame({ header: originalBytes.subarray(8, 8 + (word & 0xffffff)), headerWord: word, body: altered.body });
}

/** A frame's bytes; no extFields member where there are no fields, as brokers write it. */
export function encode(command: Command): Buffer {
  const { remark, ext, ...rest } = command;
  return encodeFrame({ ...rest, ext: Object.keys(ext).length === 0 ? null : ext, ...(remark === undefined ? {} : { remark }) });
}

export interface LinkOptions {
  readonly client: Socket;
  readonly role: 'broker' | 'namesrv';
  readonly server: HostPort;
  readonly hooks: Hooks;
  readonly addresses: Addresses;
  /** A sabotage threw: a fault of its own, which must not stay unseen. */
  readonly onFault: (error: unknown) => void;
}

export class ProxyLink implements Link {
  readonly role: 'broker' | 'namesrv';
  private readonly client: Socket;
  private readonly server: Socket;
  private readonly options: LinkOptions;
  private readonly pending = new Map<number, Command>();
  private readonly asked = new Map<number, (answer: Command | undefined) => void>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly fromClient = new Cutter();
  private readonly fromServer = new Cutter();
  private lastOwn = ownOpaques;

  constructor(options: LinkOptions) {
    const { client, addresses } = options;
    this.options = options;
    this.role = options.role;
    this.client = client;
    const target = splitAddress(options.server);
    if (target === undefined) throw new Error(`'${options.server}' is no HOST:PORT`);
    this.server = connect({ ...target, allowHalfOpen: true });
    client.setNoDelay(true);
    this.server.setNoDelay(true);
    this.server.once('connect', () => addresses.add(this.server.localPort, client.remotePort));
    this.join(client, this.server, this.fromClient, (frame) => this.onClientFrame(frame));
    this.join(this.server, client, this.fromServer, (frame) => this.onServerFrame(frame));
  }

  toClient(frame: Command): void {
    this.write(this.client, encode(frame));
  }

  toServer(frame: Command): void {
    this.write(this.server, encode(frame));
  }

  ask(request: Pick<Command, 'code' | 'ext'> & Partial<Command>): Promise<Command | undefined> {
    const opaque = ++this.lastOwn;
    return new Promise((resolve) => {
      if (this.server.destroyed) {
        resolve(undefined);
        return;
      }
      this.asked.set(opaque, resolve);
      this.toServer({ language: 'JAVA', version: 0, remark: undefined, serialize: 'json', body: Buffer.alloc(0), ...request, opaque, flag: 0 });
    });
  }

  later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      run();
    }, ms);
    this.timers.add(timer);
  }

  close(): void {
    this.client.destroy();
    this.server.destroy();
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    for (const resolve of this.asked.values()) resolve(undefined);
    this.asked.clear();
  }

  private join(from: Socket, to: Socket, cutter: Cutter, onFrame: (frame: Buffer) => void): void {
    from.on('data', (chunk: Buffer) => {
      const { frames, loose } = cutter.push(chunk);
      for (const frame of frames) onFrame(frame);
      if (loose !== undefined && !(from === this.client && this.options.hooks.garbage?.(loose, this) === 'drop')) this.write(to, loose);
      if (to.writableNeedDrain) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
    from.on('end', () => {
      const rest = cutter.rest();
      if (rest.length > 0) this.write(to, rest);
      to.end();
    });
    from.on('error', () => {
      if (!to.connecting && !to.destroyed) resetSocket(to); // a reset on one side is one on the other
      this.close();
    });
    from.on('close', () => this.close());
  }

  private onClientFrame(bytes: Buffer): void {
    const command = decodeOrUndefined(bytes);
    if (command === undefined || (command.flag & 1) !== 0) {
      this.write(this.server, bytes);
      return;
    }
    if ((command.flag & 2) === 0) {
      this.pending.delete(command.opaque);
      this.pending.set(command.opaque, command);
      if (this.pending.size > pendingMax) for (const oldest of this.pending.keys()) {
        this.pending.delete(oldest);
        break;
      }
    }
    this.pass(this.server, command, bytes, command, () => this.options.hooks.request?.(command, this));
  }

  private onServerFrame(bytes: Buffer): void {
    const came = decodeOrUndefined(bytes);
    if (came === undefined) {
      this.write(this.client, bytes);
      return;
    }
    const isAnswer = (came.flag & 1) !== 0;
    const own = isAnswer ? this.asked.get(came.opaque) : undefined;
    if (own !== undefined) {
      this.asked.delete(came.opaque);
      own(came);
      return;
    }
    const command = this.options.addresses.translate(came);
    const request = isAnswer ? this.pending.get(command.opaque) : undefined;
    if (request !== undefined) this.pending.delete(command.opaque);
    this.pass(this.client, came, bytes, command, () => (request !== undefined ? this.options.hooks.answer?.(command, request, this) : isAnswer ? undefined : this.options.hooks.push?.(command, this)));
  }

  private pass(to: Socket, came: Command, bytes: Buffer, command: Command, hook: () => Outcome): void {
    let outcome: Outcome;
    try {
      outcome = hook();
    } catch (error) {
      this.options.onFault(error);
    }
    if (outcome === 'drop') return;
    const frames = outcome === undefined ? [command] : Array.isArray(outcome) ? outcome as readonly Command[] : [outcome as Command];
    for (const frame of frames) this.write(to, encodeAltered(came, bytes, frame));
  }

  private write(to: Socket, bytes: Buffer): void {
    if (!to.destroyed && to.writable) to.write(bytes);
  }
}

function decodeOrUndefined(bytes: Buffer): Command | undefined {
  try {
    return decodeFrame(bytes);
  } catch {
    return undefined; // wrong on purpose: it passes as it is
  }
}
