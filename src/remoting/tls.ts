/**
 * TLS of this process: what a listening port does with a handshake (`TlsMode`), its certificate, made when none is configured, and the
 * options with which we dial. Files are looked at again while the process runs, so that a new certificate needs no restart
 * (`TlsHelper`, `FileWatchService`). Telling TLS from plain frames is opening.ts's.
 */
import type { Socket } from 'node:net';
import { createServer, type ConnectionOptions, type Server, type TlsOptions, type TLSSocket } from 'node:tls';
import { selfSigned } from './self-signed.js';
import type { Clock, Log, TimerHandle } from './types.js';

/** `TlsSystemConfig`; names and defaults are Apache's system properties. */
export interface TlsConfig {
  /** disabled: a handshake closes the connection. permissive: both. enforcing: only TLS. */
  readonly 'tls.server.mode': 'disabled' | 'permissive' | 'enforcing';
  /** A certificate of our own making, and none of anybody's is checked. */
  readonly 'tls.test.mode.enable': boolean;
  /** none, optional or require: whether clients are asked for a certificate. */
  readonly 'tls.server.need.client.auth': string;
  /** PEM files. */
  readonly 'tls.server.keyPath': string;
  readonly 'tls.server.keyPassword': string;
  readonly 'tls.server.certPath': string;
  /** Clients' certificates are checked against the trusted ones. */
  readonly 'tls.server.authClient': boolean;
  readonly 'tls.server.trustCertPath': string;
  /** We dial name servers with TLS. */
  readonly 'tls.enable': boolean;
  readonly 'tls.client.keyPath': string;
  readonly 'tls.client.keyPassword': string;
  readonly 'tls.client.certPath': string;
  readonly 'tls.client.authServer': boolean;
  readonly 'tls.client.trustCertPath': string;
  /** Properties file whose values win over these, except mode and enable. */
  readonly 'tls.config.file': string;
}

export const tlsDefaults: TlsConfig = {
  'tls.server.mode': 'permissive',
  'tls.test.mode.enable': true,
  'tls.server.need.client.auth': 'none',
  'tls.server.keyPath': '',
  'tls.server.keyPassword': '',
  'tls.server.certPath': '',
  'tls.server.authClient': false,
  'tls.server.trustCertPath': '',
  'tls.enable': false,
  'tls.client.keyPath': '',
  'tls.client.keyPassword': '',
  'tls.client.certPath': '',
  'tls.client.authServer': false,
  'tls.client.trustCertPath': '',
  'tls.config.file': '/etc/rocketmq/tls.properties',
};

/** Reads one file whole; throws when it cannot. */
export type ReadFile = (path: string) => Buffer;

/** How often configured files are looked at (`FileWatchService#WATCH_INTERVAL` is 500 ms). */
const watchPeriodMs = 1000;
/** A handshake takes no longer. */
const handshakeMsMax = 30_000;

/** The server's side: one for all ports of a process. */
export class ServerTls {
  readonly mode: TlsConfig['tls.server.mode'];
  private readonly config: TlsConfig;
  private readonly readFile: ReadFile;
  private readonly clock: Clock;
  private readonly log: Log;
  /** Made at the first handshake: a process that nobody greets with TLS pays nothing. */
  private server: Server | undefined;
  /** By both ends' addresses: who waits for a handshake to end. */
  private readonly waiting = new Map<string, (socket: TLSSocket) => void>();
  private seen = '';
  private watcher: TimerHandle | undefined;

  constructor(config: TlsConfig, readFile: ReadFile, clock: Clock, log: Log) {
    this.config = config;
    this.mode = config['tls.server.mode'];
    this.readFile = readFile;
    this.clock = clock;
    this.log = log;
  }

  /** Reads the configured files. Throws when they are not readable or do not fit one another. Begins to watch them. */
  start(): void {
    if (this.mode === 'disabled' || this.config['tls.test.mode.enable']) return;
    this.server = this.create(this.options());
    this.seen = this.contents();
    this.watcher = this.clock.setInterval(() => this.look(), watchPeriodMs);
  }

  stop(): void {
    this.watcher?.clear();
  }

  /**
   * Takes a connection whose first bytes (`rest`, the socket no longer has them) begin a handshake; `secured` is called when it succeeded.
   * One that fails is closed.
   */
  secure(socket: Socket, rest: Buffer, secured: (socket: TLSSocket) => void): void {
    this.server ??= this.create(this.options());
    const key = endsOf(socket);
    this.waiting.set(key, secured);
    socket.once('close', () => this.waiting.delete(key));
    socket.pause();
    socket.unshift(rest);
    this.server.emit('connection', socket);
  }

  private create(options: TlsOptions): Server {
    const server = createServer({ ...options, handshakeTimeout: handshakeMsMax });
    server.on('secureConnection', (socket) => {
      const key = endsOf(socket);
      const secured = this.waiting.get(key);
      this.waiting.delete(key);
      if (secured === undefined) socket.destroy();
      else secured(socket);
    });
    server.on('tlsClientError', (error, socket) => {
      this.log.debug({ peer: socket.remoteAddress, error: error.message }, 'TLS handshake failed');
      socket.destroy();
    });
    return server;
  }

  private options(): TlsOptions {
    const { config } = this;
    if (config['tls.test.mode.enable']) return { ...selfSigned(this.clock.nowMs()), requestCert: true, rejectUnauthorized: false };
    const need = config['tls.server.need.client.auth'].trim().toLowerCase();
    const ask = need === 'require' || need === 'optional';
    return {
      key: this.file('tls.server.keyPath'),
      cert: this.file('tls.server.certPath'),
      ...(config['tls.server.keyPassword'] === '' ? {} : { passphrase: config['tls.server.keyPassword'] }),
      ...(config['tls.server.authClient'] && config['tls.server.trustCertPath'] !== '' ? { ca: this.file('tls.server.trustCertPath') } : {}),
      requestCert: ask,
      rejectUnauthorized: ask && config['tls.server.authClient'],
    };
  }

  private file(key: 'tls.server.keyPath' | 'tls.server.certPath' | 'tls.server.trustCertPath'): Buffer {
    const path = this.config[key];
    if (path === '') throw new Error(`${key} is not set, and tls.test.mode.enable is false`);
    try {
      return this.readFile(path);
    } catch (error) {
      throw new Error(`${key}: ${textOf(error)}`);
    }
  }

  /** What the files hold, as one text to compare. */
  private contents(): string {
    const { config } = this;
    const paths = [config['tls.server.keyPath'], config['tls.server.certPath'], ...(config['tls.server.authClient'] ? [config['tls.server.trustCertPath']] : [])];
    return paths.map((path) => (path === '' ? '' : this.readFile(path).toString('latin1'))).join('\0');
  }

  /** Takes files that changed; while they do not fit one another (one of two is written) what was there stays. */
  private look(): void {
    try {
      const now = this.contents();
      if (now === this.seen) return;
      this.seen = now;
      this.server?.setSecureContext(this.options());
      this.log.info({}, 'TLS certificate changed, new connections use it');
    } catch (error) {
      this.log.warn({ error: textOf(error) }, 'TLS files changed and cannot be used, the certificate stays');
    }
  }
}

/** Options for dialling with TLS, undefined without `tls.enable`. Throws when a configured file cannot be read. */
export function clientTls(config: TlsConfig, readFile: ReadFile): ConnectionOptions | undefined {
  if (!config['tls.enable']) return undefined;
  if (config['tls.test.mode.enable']) return { rejectUnauthorized: false };
  const file = (path: string): Buffer | undefined => (path === '' ? undefined : readFile(path));
  const key = file(config['tls.client.keyPath']);
  const cert = file(config['tls.client.certPath']);
  const ca = config['tls.client.authServer'] ? file(config['tls.client.trustCertPath']) : undefined;
  return {
    // Apache checks the chain, never the host name: brokers are addressed by number.
    rejectUnauthorized: config['tls.client.authServer'],
    checkServerIdentity: () => undefined,
    ...(key === undefined ? {} : { key }),
    ...(cert === undefined ? {} : { cert }),
    ...(ca === undefined ? {} : { ca }),
    ...(config['tls.client.keyPassword'] === '' ? {} : { passphrase: config['tls.client.keyPassword'] }),
  };
}

function endsOf(socket: Socket): string {
  return `${socket.remoteAddress ?? ''}|${socket.remotePort ?? 0}|${socket.localAddress ?? ''}|${socket.localPort ?? 0}`;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
