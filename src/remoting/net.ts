/**
 * Where connections come from: the system's sockets, or a network that exists only in a simulation. What is said over them is the other files'.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Ends } from './connection.js';

/** A connection with the addresses of its ends; emits `connect` when it was dialled. */
export type NetSocket = Duplex & Ends;

/** A port that accepts. Half-open connections stay so, answers are not delayed (`TCP_NODELAY`). */
export interface NetServer {
  /** Port 0 picks a free one. Rejects with the system's error (EADDRINUSE, EACCES, ...). `onError` hears what befalls the port later. */
  listen(host: string, port: number, onError: (error: Error) => void): Promise<{ readonly host: string; readonly port: number }>;
  close(): void;
}

export interface Net {
  createServer(accept: (socket: NetSocket) => void): NetServer;
  connect(host: string, port: number): NetSocket;
}

/** Connections that wait to be accepted (`SO_BACKLOG` of NettyServerConfig#serverSocketBacklog). */
const backlog = 1024;

class SystemServer implements NetServer {
  private readonly server: Server;

  constructor(accept: (socket: Socket) => void) {
    this.server = createServer({ noDelay: true, allowHalfOpen: true }, accept);
  }

  listen(host: string, port: number, onError: (error: Error) => void): Promise<{ readonly host: string; readonly port: number }> {
    const { server } = this;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, backlog }, () => {
        server.off('error', reject);
        server.on('error', onError);
        const address = server.address();
        if (address === null || typeof address === 'string') reject(new Error(`${host}:${port} is no port of the internet`));
        else resolve({ host: address.address, port: address.port });
      });
    });
  }

  close(): void {
    this.server.close();
  }
}

/** The sockets of this machine. */
export const systemNet: Net = {
  createServer: (accept) => new SystemServer(accept),
  connect: (host, port) => connect({ host, port, noDelay: true, allowHalfOpen: true }),
};
