/**
 * A network in memory: connections that carry bytes in order with a latency of their own, so that connections overtake one another; bytes come in other
 * pieces than they were sent in. It delays, holds back, cuts, resets and leaves connections half-open. Addresses are `host:port`; a host is a machine.
 */
import { Duplex } from 'node:stream';
import type { Net, NetServer, NetSocket } from '../../src/remoting/index.js';
import type { World } from './world.js';

/** What a network does to all that goes between two hosts, until told otherwise. */
export interface Weather {
  /** Of each piece, in milliseconds. */
  latencyMs: readonly [min: number, max: number];
  /** Nothing arrives, either way; what was sent comes when that is over, as TCP sends again. */
  held: boolean;
  /** New connections are refused. */
  refused: boolean;
}

const calm: Weather = { latencyMs: [0.05, 0.6], held: false, refused: false };

/** A socket takes so many bytes that the other side has not got before writes wait. */
const windowBytes = 64 * 1024;

class SystemError extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export class SimSocket extends Duplex implements NetSocket {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  peer: SimSocket | undefined;
  /** The machine at this end went away without a word: nothing leaves and nothing arrives. */
  mute = false;
  private readonly network: Network;
  private lastArrival = 0;
  private inFlight = 0;
  private waiting: (() => void) | undefined;
  private connected = true;
  private unsent: (() => void)[] = [];

  constructor(network: Network, local: readonly [string, number], remote: readonly [string, number], halfOpen: boolean, connected: boolean) {
    super({ allowHalfOpen: halfOpen });
    this.network = network;
    [this.localAddress, this.localPort] = local;
    [this.remoteAddress, this.remotePort] = remote;
    this.connected = connected;
  }

  get connecting(): boolean {
    return !this.connected;
  }

  /** For those who know sockets. */
  setNoDelay(): this {
    return this;
  }

  resetAndDestroy(): this {
    this.peer?.arrive('reset', 0);
    this.peer = undefined;
    return this.destroy();
  }

  /** The connection stands. */
  open(peer: SimSocket): void {
    this.peer = peer;
    this.connected = true;
    this.emit('connect');
    for (const send of this.unsent.splice(0)) send();
  }

  override _read(): void {
    // What arrives is pushed.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.network.isDead(this)) {
      done();
      return;
    }
    const bytes = Buffer.from(chunk);
    const send = (): void => {
      this.network.world.tell(this.localAddress, `-> ${this.remoteAddress}:${this.remotePort} ${bytes.length} B ${crc(bytes)}`);
      const { world } = this.network;
      const cut = bytes.length > 1 && world.random.once(6) ? 1 + world.random.below(bytes.length - 1) : bytes.length;
      this.inFlight += bytes.length;
      this.post(bytes.subarray(0, cut));
      if (cut < bytes.length) this.post(bytes.subarray(cut));
      if (this.inFlight <= windowBytes) done();
      else this.waiting = done;
    };
    if (this.connected) send();
    else this.unsent.push(send);
  }

  override _final(done: (error?: Error | null) => void): void {
    const send = (): void => {
      this.peer?.arrive('end', this.delay());
      done();
    };
    if (this.connected) send();
    else this.unsent.push(send);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const { peer } = this;
    this.peer = undefined;
    this.network.sockets.delete(this);
    if (peer !== undefined && !this.mute) peer.arrive(this.writableFinished || error === null ? 'end' : 'reset', this.delay());
    done(error);
  }

  /** Milliseconds until what is sent now arrives: behind what was sent before. */
  private delay(): number {
    const { world } = this.network;
    const at = Math.max(this.lastArrival, world.now + world.between(...this.network.weather(this.localAddress, this.remoteAddress).latencyMs));
    this.lastArrival = at;
    return at - world.now;
  }

  private post(bytes: Buffer): void {
    const { peer } = this;
    const taken = (): void => {
      this.inFlight -= bytes.length;
      if (this.inFlight > windowBytes || this.waiting === undefined) return;
      const { waiting } = this;
      this.waiting = undefined;
      waiting();
    };
    if (peer === undefined) {
      // The other side is gone: the kernel says so when it is told.
      this.network.world.after(this.delay(), '', () => { if (!this.mute) this.destroy(new SystemError('ECONNRESET')); });
      return;
    }
    peer.arrive(bytes, this.delay(), taken);
  }

  /** Something comes from the other side in so many milliseconds. */
  arrive(what: Buffer | 'end' | 'reset', ms: number, taken: () => void = () => undefined): void {
    const { network } = this;
    const from = this.remoteAddress;
    const take = (): void => {
      if (this.mute || this.destroyed) return;
      if (network.weather(from, this.localAddress).held) {
        network.whenReleased(from, this.localAddress, take);
        return;
      }
      network.process(this, () => {
        if (this.destroyed) return;
        taken();
        if (what === 'reset') this.destroy(new SystemError('ECONNRESET'));
        else if (what === 'end') this.push(null);
        else {
          network.world.tell(this.localAddress, `<- ${from}:${this.remotePort} ${what.length} B`);
          this.push(what);
        }
      });
    };
    network.world.after(ms, '', take);
  }
}

function crc(bytes: Buffer): string {
  let h = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) h = Math.imul(h ^ (bytes[i] as number), 0x01000193);
  return (h >>> 0).toString(16);
}

interface Listener {
  readonly owner: Life;
  readonly accept: (socket: NetSocket) => void;
}

/** Who uses the network: one life of a process. Its sockets end with it. */
export interface Life {
  readonly host: string;
  /** Runs it when the process can, never after its end. */
  gate(run: () => void): void;
  /** Its machine is down already, although nobody has noticed: it says nothing any more. */
  isDead(): boolean;
}

export class Network {
  readonly world: World;
  readonly sockets = new Set<SimSocket>();
  private readonly owners = new Map<SimSocket, Life>();
  private readonly listeners = new Map<string, Listener>();
  private readonly links = new Map<string, Weather>();
  private released: { from: string; to: string; run: () => void }[] = [];
  private lastPort = 30_000;

  constructor(world: World) {
    this.world = world;
  }

  weather(from: string, to: string): Weather {
    return this.links.get(linkOf(from, to)) ?? calm;
  }

  /** Changes what the network does between two hosts. */
  set(a: string, b: string, change: Partial<Weather> | undefined): void {
    const key = linkOf(a, b);
    if (change === undefined) this.links.delete(key);
    else this.links.set(key, { ...(this.links.get(key) ?? calm), ...change });
    const held = this.released;
    this.released = [];
    // In their order: what TCP held back comes as it was sent.
    for (const { from, to, run } of held) {
      if (this.weather(from, to).held) this.released.push({ from, to, run });
      else this.world.after(0, '', run);
    }
  }

  whenReleased(from: string, to: string, run: () => void): void {
    this.released.push({ from, to, run });
  }

  /** What happens at an end happens in its process. */
  process(socket: SimSocket, run: () => void): void {
    const owner = this.owners.get(socket);
    if (owner === undefined) run();
    else owner.gate(run);
  }

  isDead(socket: SimSocket): boolean {
    return this.owners.get(socket)?.isDead() === true;
  }

  /** Connections whose other end is gone without a word are reset at last. */
  sweep(): void {
    for (const socket of [...this.sockets]) if (socket.peer === undefined && !socket.connecting) socket.destroy(new SystemError('ECONNRESET'));
  }

  /** Connections between two hosts, told once each, from the end of `a`. */
  between(a: string, b: string): SimSocket[] {
    return [...this.sockets].filter((socket) => socket.localAddress === a && socket.remoteAddress === b);
  }

  /** All that a process had is gone. `quiet`: the machine lost its power, the other ends hear nothing until they say something. */
  end(life: Life, quiet: boolean): void {
    for (const [address, listener] of this.listeners) if (listener.owner === life) this.listeners.delete(address);
    for (const [socket, owner] of this.owners) {
      if (owner !== life) continue;
      this.owners.delete(socket);
      const { peer } = socket;
      if (quiet && peer !== undefined) peer.peer = undefined;
      else peer?.arrive('reset', 0.1);
      if (peer !== undefined) peer.peer = undefined;
      socket.mute = true;
      socket.peer = undefined;
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      socket.destroy();
    }
  }

  /** The network as one life of a process has it; `undefined`: clients, who never die. */
  of(owner: Life | undefined, host: string): Net {
    return {
      createServer: (accept) => this.createServer(owner, host, accept),
      connect: (to, port) => this.connect(owner, host, to, port, true),
    };
  }

  private createServer(owner: Life | undefined, host: string, accept: (socket: NetSocket) => void): NetServer {
    let address = '';
    return {
      listen: (_host, port) => {
        const bound = port === 0 ? ++this.lastPort : port;
        address = `${host}:${bound}`;
        if (this.listeners.has(address)) return Promise.reject(new SystemError('EADDRINUSE'));
        this.listeners.set(address, { owner: owner ?? { host, gate: (run) => { run(); }, isDead: () => false }, accept });
        return Promise.resolve({ host, port: bound });
      },
      close: () => void this.listeners.delete(address),
    };
  }

  connect(owner: Life | undefined, from: string, to: string, port: number, halfOpen: boolean): SimSocket {
    const socket = new SimSocket(this, [from, ++this.lastPort], [to, port], halfOpen, false);
    this.sockets.add(socket);
    if (owner !== undefined) this.owners.set(socket, owner);
    const knock = (): void => {
      if (socket.destroyed) return;
      const weather = this.weather(from, to);
      if (weather.held) {
        this.whenReleased(from, to, knock);
        return;
      }
      const listener = weather.refused ? undefined : this.listeners.get(`${to}:${port}`);
      if (listener === undefined) {
        this.world.tell(from, `refused by ${to}:${port}`);
        this.process(socket, () => { socket.destroy(new SystemError('ECONNREFUSED')); });
        return;
      }
      listener.owner.gate(() => {
        if (socket.destroyed) return;
        const accepted = new SimSocket(this, [to, port], [from, socket.localPort], true, true);
        this.sockets.add(accepted);
        this.owners.set(accepted, listener.owner);
        accepted.peer = socket;
        this.world.tell(from, `connected to ${to}:${port}`);
        listener.accept(accepted);
        this.process(socket, () => {
          if (!socket.destroyed && accepted.peer === socket) socket.open(accepted);
        });
      });
    };
    this.world.after(this.world.between(...this.weather(from, to).latencyMs), '', knock);
    return socket;
  }
}

function linkOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
