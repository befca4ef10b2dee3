/**
 * One listening port for remoting and HTTP/2 (`MultiProtocolRemotingServer`, `ProtocolNegotiationHandler`): told apart by the first bytes, or in TLS by
 * what the client chooses from the protocols offered.
 *
 *   PRI           HTTP/2 in clear text (its preface begins with `PRI * HTTP/2.0`)
 *   0x16          TLS: with ALPN h2 HTTP/2, otherwise remoting
 *   else          remoting, a PROXY header before it included
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { readProxyHeader, tlsHandshakeByte } from '../../../remoting/opening.js';
import type { ServerTls } from '../../../remoting/tls.js';
import type { Clock, Log } from '../../../remoting/types.js';
import { StartError } from '../../node.js';

/** The first bytes of a connection have so long to come. */
const openingMsMax = 30_000;

const preface = Buffer.from('PRI');

export interface MultiPortOptions {
  readonly remoting: (socket: Socket) => void;
  readonly grpc: (socket: Socket) => void;
  /** Offers h2. */
  readonly tls: Pick<ServerTls, 'mode' | 'secure'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Connections that have not said what they are. */
  readonly connectionsMax: number;
}

export class MultiProtocolPort {
  readonly #options: MultiPortOptions;
  readonly #server: Server;
  readonly #opening = new Set<Socket>();

  constructor(options: MultiPortOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  listen(host: string, port: number): Promise<{ host: string; port: number }> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, backlog: 1024 }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error: Error) => this.#options.log.error({ error: error.message }, 'listening socket failed'));
        const bound = this.#server.address() as AddressInfo;
        resolve({ host: bound.address, port: bound.port });
      });
    });
  }

  stopListening(): void {
    if (this.#server.listening) this.#server.close();
  }

  close(): void {
    this.stopListening();
    for (const socket of this.#opening) socket.destroy();
  }

  #accept(socket: Socket): void {
    const { clock, connectionsMax, log } = this.#options;
    if (this.#opening.size >= connectionsMax) {
      socket.destroy();
      return;
    }
    this.#opening.add(socket);
    const timer = clock.setTimeout(() => socket.destroy(), openingMsMax);
    const onError = (error: Error): void => log.debug({ error: error.message }, 'connection error');
    const opened = (): void => {
      timer.clear();
      this.#opening.delete(socket);
    };
    const onEnd = (): void => void socket.destroy();
    socket.on('error', onError);
    socket.once('close', opened);
    socket.once('end', onEnd);
    let bytes: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      const kind = kindOf(bytes);
      if (kind === undefined) return;
      socket.off('data', onData);
      socket.off('end', onEnd);
      socket.pause();
      opened();
      if (kind === 'tls' && this.#options.tls.mode !== 'disabled') this.#secure(socket, bytes);
      else {
        socket.unshift(bytes);
        this.#hand(socket, kind === 'http2' ? 'grpc' : 'remoting', onError);
      }
    };
    socket.on('data', onData);
  }

  #secure(socket: Socket, bytes: Buffer): void {
    this.#options.tls.secure(socket, bytes, (secured) => this.#hand(secured, secured.alpnProtocol === 'h2' ? 'grpc' : 'remoting'));
  }

  #hand(socket: Socket, to: 'grpc' | 'remoting', onError?: (error: Error) => void): void {
    if (socket.destroyed) return;
    this.#options[to](socket);
    // They hear errors themselves from now on.
    if (onError !== undefined) socket.off('error', onError);
    socket.resume();
  }
}

/** Undefined while the bytes do not say. */
function kindOf(bytes: Buffer): 'http2' | 'tls' | 'remoting' | undefined {
  if (bytes[0] === tlsHandshakeByte) return 'tls';
  let at = 0;
  try {
    const header = readProxyHeader(bytes);
    if (header === 'more') return undefined;
    at = header?.bytes ?? 0;
  } catch {
    return 'remoting'; // which refuses it
  }
  const rest = bytes.subarray(at, at + preface.length);
  if (at > 0 && rest.length === 0) return undefined;
  if (rest.equals(preface.subarray(0, rest.length))) return rest.length < preface.length ? undefined : 'http2';
  return 'remoting';
}

interface Listens {
  listen(host: string, port: number): Promise<{ readonly host: string; readonly port: number }>;
}

/** Opens both ports of a proxy. Throws StartError that says which could not be, and why. */
export async function listenBoth(
  grpc: Listens, remoting: Listens, config: { readonly bindAddress: string; readonly grpcServerPort: number; readonly remotingListenPort: number },
): Promise<{ readonly grpcBound: { readonly host: string; readonly port: number }; readonly remotingBound: { readonly host: string; readonly port: number } }> {
  const open = async (server: Listens, what: string, flag: string, port: number): Promise<{ readonly host: string; readonly port: number }> => {
    try {
      return await server.listen(config.bindAddress, port);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      const why = code === 'EADDRINUSE' ? 'the port is in use' : code === 'EACCES' ? 'not permitted' : code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' ? 'this machine has no such address' : String(error);
      throw new StartError(`${what} cannot listen on ${config.bindAddress}:${port}: ${why} (${flag} takes another, 0 = a free one)`);
    }
  };
  const grpcBound = await open(grpc, 'the gRPC endpoint', '--grpc-port', config.grpcServerPort);
  const remotingBound = await open(remoting, 'the remoting endpoint', '--remoting-port', config.remotingListenPort);
  return { grpcBound, remotingBound };
}
