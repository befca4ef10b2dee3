/**
 * The saboteur: a TCP proxy that speaks the protocol, in front of a name server and a broker. Without hooks it is honest: clients cannot
 * tell it from what stands behind it, down to the addresses in routes, message ids and stored messages.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { splitAddress, type HostPort } from '../connection.js';
import { Addresses } from './addresses.js';
import { ProxyLink } from './link.js';
import type { Hooks } from './sabotage.js';

export interface ProxyOptions {
  readonly namesrv: HostPort;
  readonly broker: HostPort;
  /** Whether the broker answers at its second port (listen port - 2) too; then the proxy does. */
  readonly fastPort?: boolean;
  readonly hooks?: Hooks;
}

/** Pairs of ports two apart are searched this often. */
const attempts = 50;

export class SaboteurProxy {
  readonly namesrv: HostPort;
  readonly broker: HostPort;
  /** Errors that a sabotage threw: faults of the catalogue. */
  readonly faults: unknown[] = [];
  private readonly servers: Server[];
  private readonly links: Set<ProxyLink>;

  private constructor(namesrv: HostPort, broker: HostPort, servers: Server[], links: Set<ProxyLink>) {
    this.namesrv = namesrv;
    this.broker = broker;
    this.servers = servers;
    this.links = links;
  }

  /** Listens on free loopback ports. @throws Error when an address is none or no ports are free. */
  static async start(options: ProxyOptions): Promise<SaboteurProxy> {
    const broker = splitAddress(options.broker);
    const namesrv = splitAddress(options.namesrv);
    if (broker === undefined || namesrv === undefined) throw new Error(`'${options.broker}' and '${options.namesrv}' must be HOST:PORT`);
    const addresses = new Addresses(broker.host);
    const links = new Set<ProxyLink>();
    let proxy: SaboteurProxy | undefined;
    const accept = (role: 'broker' | 'namesrv', server: HostPort) => (client: Socket): void => {
      const link = new ProxyLink({ client, role, server, hooks: options.hooks ?? {}, addresses, onFault: (error) => proxy?.faults.push(error) });
      links.add(link);
      client.on('close', () => links.delete(link));
    };
    const servers: Server[] = [];
    try {
      const front = await listen(accept('namesrv', options.namesrv), 0);
      servers.push(front);
      for (let i = 0; servers.length < (options.fastPort === true ? 3 : 2); i++) {
        const main = await listen(accept('broker', options.broker), 0);
        try {
          if (options.fastPort === true) servers.push(await listen(accept('broker', `${broker.host}:${broker.port - 2}`), portOf(main) - 2));
          servers.push(main);
          addresses.add(broker.port, portOf(main));
          addresses.add(broker.port - 2, portOf(main) - 2);
        } catch (error) {
          main.close();
          if (i >= attempts) throw error;
        }
      }
      addresses.add(namesrv.port, portOf(front));
      const last = servers.at(-1);
      proxy = new SaboteurProxy(`127.0.0.1:${portOf(front)}`, `127.0.0.1:${last === undefined ? 0 : portOf(last)}`, servers, links);
      return proxy;
    } catch (error) {
      for (const server of servers) server.close();
      throw error;
    }
  }

  /** Closes every connection and the ports. */
  async stop(): Promise<void> {
    for (const link of this.links) link.close();
    await Promise.all(this.servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  }
}

function listen(accept: (client: Socket) => void, port: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, accept);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return address === null || typeof address === 'string' ? 0 : address.port;
}
