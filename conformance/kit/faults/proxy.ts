/**
 * A network that fails on demand: TCP listeners on loopback in front of a name server, a broker and a gRPC endpoint, wherever those run. Without a
 * fault everything passes; a fault holds from `begin` until its healing. Which fault when is `schedule.ts`. Behind the listener of gRPC stands an
 * honest HTTP/2 proxy, which can tell the answer of a send from other bytes.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { splitAddress, type HostPort } from '../connection.js';
import { createRng } from '../rng.js';
import { GrpcProxy } from '../saboteur/grpc-proxy.js';
import { FaultLink, type Ending } from './link.js';
import type { Conditions } from './pipe.js';
import { numberOf, type Fault } from './schedule.js';

export interface FaultProxyOptions {
  readonly namesrv: HostPort;
  readonly broker: HostPort;
  readonly grpc?: HostPort | undefined;
}

/** What the proxy did since it began; nothing is reset. */
export interface FaultCounts {
  readonly accepted: number;
  readonly cut: number;
  readonly halfClosed: number;
  readonly answersLost: number;
  /** How often a connection's bytes were held while others went on. */
  readonly held: number;
}

/** Ends a fault; may be called once. */
export type Heal = () => Promise<void>;

const free: Conditions = { delayMs: 0, bytesPerSecond: 0, held: false, lost: false };

/** A port that was given up for a moment may be taken by a client's own connection for as long. */
const listenAttempts = 50;

interface Front {
  readonly target: HostPort;
  readonly port: number;
  readonly frames: boolean;
  server: Server;
}

export class FaultProxy {
  private readonly fronts: Front[] = [];
  private http2: GrpcProxy | undefined;
  private readonly links = new Set<FaultLink>();
  private readonly count = { accepted: 0, cut: 0, halfClosed: 0, answersLost: 0, held: 0 };
  private conditions: (direction: 'toServer' | 'toClient', link: FaultLink) => Conditions = () => free;
  private doom: () => Ending | undefined = () => undefined;
  private stopped = false;

  /** Listens on free loopback ports. @throws Error when an address is no HOST:PORT. */
  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy();
    for (const target of [options.namesrv, options.broker]) await proxy.stand(target, true);
    if (options.grpc === undefined) return proxy;
    proxy.http2 = await GrpcProxy.start({ grpc: options.grpc, hooks: { answer: (_answer, call) => (call.method === 'SendMessage' && proxy.losesAnswer(call.clientPort) ? 'drop' : undefined) } });
    await proxy.stand(proxy.http2.grpc, false);
    return proxy;
  }

  get namesrv(): HostPort {
    return `127.0.0.1:${this.fronts[0]?.port ?? 0}`;
  }

  get broker(): HostPort {
    return `127.0.0.1:${this.fronts[1]?.port ?? 0}`;
  }

  /** Of the gRPC endpoint, where there is one. */
  get grpc(): HostPort | undefined {
    return this.fronts[2] === undefined ? undefined : `127.0.0.1:${this.fronts[2].port}`;
  }

  get counts(): FaultCounts {
    return { ...this.count };
  }

  /** Connections open now. */
  get open(): number {
    return this.links.size;
  }

  /** Makes a network fault happen; the answer heals it. @throws TypeError for a fault of another kind. */
  begin(fault: Fault): Heal {
    switch (fault.fault) {
      case 'delay': {
        const rng = createRng(fault.atMs, 'jitter', ...Object.values(fault.parameters));
        const ms = { toServer: numberOf(fault, 'toServerMs'), toClient: numberOf(fault, 'toClientMs') };
        const jitter = numberOf(fault, 'jitterMs');
        return this.under((direction) => ({ ...free, delayMs: ms[direction] + rng.int(0, jitter) }));
      }
      case 'throttle': {
        const bytesPerSecond = numberOf(fault, 'bytesPerSecond');
        return this.under(() => ({ ...free, bytesPerSecond }));
      }
      case 'black-hole': {
        const heal = this.under(() => ({ ...free, lost: true }));
        return async () => {
          await heal();
          this.cutAll('reset'); // bytes are missing: these streams cannot go on
        };
      }
      case 'cut':
        this.cutAll(endingOf(fault));
        return () => Promise.resolve();
      case 'half-close':
        for (const link of this.links) {
          link.halfClose(fault.parameters['side'] === 'server' ? 'server' : 'client');
          this.count.halfClosed++;
        }
        return () => {
          for (const link of this.links) if (link.isHalfClosed) this.cut(link, 'fin');
          return Promise.resolve();
        };
      case 'refuse':
        return this.refuse(endingOf(fault));
      case 'reorder':
        return this.reorder(numberOf(fault, 'holdMs'));
      case 'duplicate-retry': {
        const every = numberOf(fault, 'every');
        let sends = 0;
        this.doom = () => (++sends % every === 0 ? endingOf(fault) : undefined);
        return () => {
          this.doom = () => undefined;
          for (const link of this.links) link.pardon();
          return Promise.resolve();
        };
      }
      default:
        throw new TypeError(`${fault.fault} is no fault of the network`);
    }
  }

  /** Closes every connection and the ports. */
  async stop(): Promise<void> {
    this.stopped = true;
    for (const link of this.links) link.cut('reset');
    await Promise.all(this.fronts.map(({ server }) => closed(server)));
    await this.http2?.stop();
  }

  private async stand(target: HostPort, frames: boolean): Promise<void> {
    if (splitAddress(target) === undefined) throw new Error(`'${target}' is no HOST:PORT`);
    const server = await this.listen(target, 0, frames);
    const address = server.address();
    this.fronts.push({ target, server, frames, port: address === null || typeof address === 'string' ? 0 : address.port });
  }

  /** Whether the answer of a send over gRPC is to be lost; if so, its connection has been cut. */
  private losesAnswer(port: number | undefined): boolean {
    const ending = this.doom();
    const link = [...this.links].find((one) => one.serverSidePort === port);
    if (ending === undefined || link === undefined) return false;
    this.count.answersLost++;
    link.cut(ending);
    return true;
  }

  /** Other conditions until healed. */
  private under(conditions: FaultProxy['conditions']): Heal {
    this.conditions = conditions;
    this.pumpAll();
    return () => {
      this.conditions = () => free;
      this.pumpAll();
      return Promise.resolve();
    };
  }

  private refuse(by: Ending): Heal {
    for (const { server } of this.fronts) server.close();
    this.cutAll(by);
    return async () => {
      for (const front of this.fronts) if (!this.stopped) front.server = await this.listen(front.target, front.port, front.frames);
    };
  }

  /** Each connection in turn waits for `holdMs` while the others go on. */
  private reorder(holdMs: number): Heal {
    let held: FaultLink | undefined;
    const done = new Set<FaultLink>();
    const next = (): void => {
      let chosen = [...this.links].find((link) => !done.has(link));
      if (chosen === undefined) {
        done.clear();
        chosen = [...this.links][0];
      }
      held = chosen;
      if (chosen !== undefined) {
        done.add(chosen);
        this.count.held++;
      }
      this.pumpAll();
    };
    const heal = this.under((_direction, link) => (link === held ? { ...free, held: true } : free));
    next();
    const timer = setInterval(next, holdMs);
    return () => {
      clearInterval(timer);
      return heal();
    };
  }

  private cutAll(by: Ending): void {
    for (const link of this.links) this.cut(link, by);
  }

  private cut(link: FaultLink, by: Ending): void {
    this.count.cut++;
    link.cut(by);
  }

  private pumpAll(): void {
    for (const link of this.links) link.pump();
  }

  /** The endpoint's addresses in a JSON text, replaced by the proxy's. */
  private rewrite(text: string): string {
    let out = text;
    for (const { target, port } of this.fronts) if (out.includes(target)) out = out.replaceAll(new RegExp(`(?<![\\w.-])${target.replaceAll(/[.[\]]/g, '\\$&')}(?!\\d)`, 'g'), `127.0.0.1:${port}`);
    return out;
  }

  private accept(client: Socket, target: HostPort, frames: boolean): void {
    this.count.accepted++;
    this.links.add(new FaultLink({
      client, server: target, frames, conditions: (direction, link) => this.conditions(direction, link), rewrite: (text) => this.rewrite(text), doom: () => this.doom(),
      onLostAnswer: () => this.count.answersLost++, onClose: (link) => void this.links.delete(link),
    }));
  }

  private async listen(target: HostPort, port: number, frames: boolean): Promise<Server> {
    for (let attempt = 1; ; attempt++) {
      const server = createServer({ allowHalfOpen: true }, (client) => this.accept(client, target, frames));
      try {
        await new Promise<void>((resolve, reject) => {
          server.once('error', reject);
          server.listen(port, '127.0.0.1', resolve);
        });
        return server;
      } catch (error) {
        if (attempt >= listenAttempts) throw error;
        await sleep(20);
      }
    }
  }
}

function endingOf(fault: Fault): Ending {
  return fault.parameters['by'] === 'fin' ? 'fin' : 'reset';
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
