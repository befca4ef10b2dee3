/**
 * The endpoint that the kit plays for a client under test: a name server and brokers on loopback ports. Frames are read strictly
 * and kept; what is answered is `answers.ts`, unless the script of the scenario takes the request.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { summarize, WireLog } from '../wire-log.js';
import { decodeFrame, encodeFrame, FrameSplitter, type Command, type FrameInput } from '../wire/frame.js';
import { answerByDefault } from './answers.js';
import { decodeClientFrame } from './frames.js';
import { Queues } from './topic.js';

export type ServerName = 'namesrv' | 'broker-a' | 'broker-b';

/** One connection of the client. */
export interface Link {
  readonly id: number;
  readonly server: ServerName;
  readonly openedAt: number;
  closedAt: number | undefined;
  /** What a heartbeat on it said. */
  clientId: string | undefined;
  send(frame: FrameInput): void;
  /** Closes from this side. */
  cut(): void;
}

/** A request, or an answer to what the kit asked, as it arrived. */
export interface Arrival {
  /** Milliseconds since the scenario began. */
  readonly at: number;
  readonly link: Link;
  readonly command: Command;
  /** What was answered first; undefined while nothing was. */
  answered: FrameInput | undefined;
}

/** An answer: without opaque and flag, which are those of the request. `silent` never answers. */
export type Reaction = FrameInput | 'silent' | undefined;

/** Takes a request before the defaults do; undefined leaves it to them. */
export type Script = (arrival: Arrival, cluster: Cluster) => Reaction | Promise<Reaction>;

export interface ClusterOptions {
  readonly topic: string;
  readonly group: string;
  /** Brokers the route names; default only broker-a. */
  readonly brokers?: readonly ('broker-a' | 'broker-b')[];
  readonly queues?: number;
  readonly firstOffset?: number;
  readonly script?: Script;
}

/** Arrivals kept; a client that sends more than this is cut off. */
export const arrivalsMax = 100_000;

export class Cluster {
  readonly options: ClusterOptions;
  readonly began = Date.now();
  readonly log = new WireLog();
  readonly arrivals: Arrival[] = [];
  readonly links: Link[] = [];
  /** Bytes that were no frame, and what was wrong with them. */
  readonly violations: string[] = [];
  /** Header fields that were no JSON strings: request code and name. */
  readonly loose = new Set<string>();
  /** Offsets of the group: `broker topic queue` to offset. */
  readonly offsets = new Map<string, number>();
  readonly locks = new Map<string, string>();
  /** What the name server says now; a script may change both. */
  route: readonly ('broker-a' | 'broker-b')[];
  queues: number;
  /** The topic is in the route. */
  known = true;
  /** The port named for broker-a when the route is to lead nowhere. */
  deadPort: number | undefined;
  readonly stores = new Map<ServerName, Queues>();
  readonly ports = new Map<ServerName, number>();
  private readonly servers: Server[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly waiting = new Set<() => void>();
  private opaque = 1_000_000;

  private constructor(options: ClusterOptions) {
    this.options = options;
    this.route = options.brokers ?? ['broker-a'];
    this.queues = options.queues ?? 4;
  }

  static async open(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options);
    for (const name of ['namesrv', 'broker-a', 'broker-b'] as const) await cluster.listen(name);
    return cluster;
  }

  get namesrv(): string {
    return `127.0.0.1:${this.ports.get('namesrv') ?? 0}`;
  }

  get now(): number {
    return Date.now() - this.began;
  }

  store(name: ServerName): Queues {
    const found = this.stores.get(name);
    if (found === undefined) throw new Error(`no store of ${name}`);
    return found;
  }

  /** Requests with one of these codes, in the order they came. */
  requests(...codes: readonly number[]): readonly Arrival[] {
    return this.arrivals.filter((one) => (one.command.flag & 1) === 0 && codes.includes(one.command.code));
  }

  /** Asks the client; its answer is an arrival with the flag of answers. */
  ask(link: Link, code: number, ext: Readonly<Record<string, string>>, oneway = false): number {
    const opaque = this.opaque++;
    link.send({ code, ext, opaque, flag: oneway ? 2 : 0 });
    return opaque;
  }

  /** Client ids with a live connection to a broker whose heartbeat named the group, ascending. */
  members(): readonly string[] {
    return [...new Set(this.links.filter((link) => link.closedAt === undefined && link.clientId !== undefined).map((link) => link.clientId ?? ''))].sort();
  }

  /** Wakes pulls that are held. */
  arrived(): void {
    for (const wake of [...this.waiting]) wake();
  }

  /** Until a message was stored, or time is up. */
  held(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.waiting.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.waiting.add(end);
    });
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.arrived();
    await Promise.all(this.servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  }

  private async listen(name: ServerName): Promise<void> {
    const server = createServer((socket) => this.accept(name, socket));
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    this.servers.push(server);
    this.ports.set(name, port);
    if (name !== 'namesrv') this.stores.set(name, new Queues(port, this.options.firstOffset ?? 0));
  }

  private accept(server: ServerName, socket: Socket): void {
    const splitter = new FrameSplitter(16 * 1024 * 1024);
    const id = this.links.length + 1;
    const label = `${server}#${id}`;
    const link: Link = {
      id, server, openedAt: this.now, closedAt: undefined, clientId: undefined,
      send: (frame) => {
        if (socket.destroyed) return;
        const bytes = encodeFrame({ language: 'JAVA', ...frame });
        this.log.add(label, 'sent', summarize(decodeFrame(bytes)), bytes);
        socket.write(bytes);
      },
      cut: () => socket.destroy(),
    };
    this.links.push(link);
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      link.closedAt = this.now;
      this.sockets.delete(socket);
      this.log.add(label, 'event', 'closed');
      if (splitter.pendingBytes > 0) this.log.add(label, 'event', `${splitter.pendingBytes} bytes of an unfinished frame`);
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const bytes of splitter.push(chunk)) this.take(link, label, bytes);
      } catch (error) {
        this.violations.push(`${label}: ${error instanceof Error ? error.message : String(error)}`);
        this.log.add(label, 'received', 'no frame', chunk);
        socket.destroy();
      }
    });
  }

  private take(link: Link, label: string, bytes: Buffer): void {
    const { command, loose } = decodeClientFrame(bytes);
    for (const name of loose) if (this.loose.size < 100) this.loose.add(`${command.code} ${name}`);
    this.log.add(label, 'received', summarize(command), bytes);
    if (this.arrivals.length >= arrivalsMax) {
      link.cut();
      return;
    }
    const arrival: Arrival = { at: this.now, link, command, answered: undefined };
    this.arrivals.push(arrival);
    if ((command.flag & 1) !== 0) return;
    void this.react(arrival).catch((error: unknown) => {
      this.log.add(label, 'event', `the script failed: ${error instanceof Error ? error.message : String(error)}`);
      this.violations.push(`${label}: ${error instanceof Error ? error.message : String(error)}`);
    });
  }

  private async react(arrival: Arrival): Promise<void> {
    const { command, link } = arrival;
    const reaction = (await this.options.script?.(arrival, this)) ?? await answerByDefault(arrival, this);
    if (reaction === 'silent') return;
    arrival.answered = reaction;
    if ((command.flag & 2) === 0) link.send({ ...reaction, opaque: reaction.opaque ?? command.opaque, flag: 1 });
  }
}
