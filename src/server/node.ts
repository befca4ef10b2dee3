/**
 * One running process: name server, broker, or both, with their ports, store and order of starting and stopping.
 * It owns the sockets and the store; what they serve is namesrv/ and broker/. The command line is main.ts.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault } from '../codec/errors.js';
import type { Role } from '../codec/requests.js';
import { CallTimeouts, clientTls, defaultLanes, Dispatcher, EventTurn, LaneSet, RemotingClient, RemotingServer, ServerTls } from '../remoting/index.js';
import type { Clock, FastHandler, Handlers, Log } from '../remoting/types.js';
import type { RequestName } from '../codec/requests.js';
import { openStore, type OpenStore } from '../store/message-store.js';
import { createBroker, isUnspecific, type Broker } from './broker/broker.js';
import { isBatchQueue, storedBatchTopics } from './broker/topics.js';
import type { NodeRole } from './cli.js';
import { ConfigError, fixedSettings, withTlsFile } from './config.js';
import { startBesideBroker } from './filter-server/beside-broker.js';
import type { Resolved } from './config.js';
import type { LogLevel } from './log.js';
import { realEnv, type Env } from './env.js';
import { createNameServer, type NameServer } from './namesrv/name-server.js';
import type { Proxy } from './proxy/service.js';
import { shownAddress, textOf } from './words.js';

/** The process cannot start; the message says in one line what is in the way and what to do. */
export class StartError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StartError';
  }
}

/** How long a stop waits for requests at work (`NettyServerConfig#shutdownWaitTimeSeconds` is 30 s; SDKs retry elsewhere sooner). */
const graceMs = 5000;
/** Attempts to find a free pair of ports (broker, fast port two below) when port 0 was asked for. */
const portPairsMax = 50;

export interface NodeOptions {
  readonly role: NodeRole;
  /** Port of the gRPC endpoint, 0 = a free one; undefined = none. */
  readonly grpcPort?: number | undefined;
  readonly config: Resolved;
  readonly log: Log;
  /** What filter servers beside the broker log. */
  readonly logLevel?: LogLevel | undefined;
  /** The world of the process; the real one when absent. */
  readonly env?: Env | undefined;
}

export interface RunningNode {
  /** `HOST:PORT` to dial; undefined when this process runs none. */
  readonly namesrvAddress: string | undefined;
  readonly brokerAddress: string | undefined;
  readonly grpcAddress: string | undefined;
  /** Absolute. */
  readonly dataDir: string;
  /** Takes no more requests, finishes what is at work, writes and syncs everything. */
  stop(): Promise<void>;
}

/** What the parts of one process share. */
interface Shared {
  readonly config: Resolved;
  readonly log: Log;
  readonly env: Env;
  readonly turn: EventTurn;
  readonly calls: CallTimeouts;
  readonly client: RemotingClient;
  readonly tls: ServerTls;
  /** The same certificate, for HTTP/2. */
  readonly grpcTls: ServerTls;
}

interface Part {
  /** Takes no more requests and waits for those at work. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** Starts the servers of a role; resolves when they serve. Throws StartError, with everything it had opened closed again. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { role, config, log } = options;
  const dataDir = resolve(config.store.storePathRootDir);
  config.store.storePathRootDir = dataDir;
  if (config.broker.storePathConfigDir === '') config.broker.storePathConfigDir = join(dataDir, 'config');
  if (config.namesrv.kvConfigPath === '') config.namesrv.kvConfigPath = join(dataDir, 'config', 'kvConfig.json');
  const env = options.env ?? realEnv();
  ensureWritable(env, dataDir);

  const { clock, net } = env;
  const turn = new EventTurn((error) => log.error({ error: textOf(error) }, 'the end of a turn failed'), env.defer);
  const calls = new CallTimeouts(clock);
  const { tls, grpcTls, dialTls } = openTls(config, clock, log);
  const shared: Shared = { config, log, env, turn, calls, tls, grpcTls, client: new RemotingClient({ turn, clock, log, calls, net, tls: dialTls }) };

  // In the order of stopping: a broker leaves before the name server that it registered with.
  const parts: Part[] = [];
  const stop = async (): Promise<void> => {
    for (const part of parts) await part.drain();
    for (const part of parts) await part.close();
    await shared.client.close();
    tls.stop();
    grpcTls.stop();
  };
  try {
    let namesrvAddress: string | undefined;
    let brokerAddress: string | undefined;
    let broker: BrokerPart | undefined;
    if (role !== 'namesrv') {
      broker = await openBroker(shared);
      parts.push(broker);
    }
    if (role !== 'broker') {
      const namesrv = await startNamesrv(shared, () => broker?.broker);
      parts.push(namesrv);
      namesrvAddress = namesrv.address;
      if (role === 'start') config.broker.namesrvAddr = [namesrv.dialAddress, config.broker.namesrvAddr].filter((a) => a !== '').join(';');
    }
    let grpcAddress: string | undefined;
    if (broker !== undefined) {
      await broker.start();
      brokerAddress = broker.address;
      if (config.broker.filterServerNums > 0) {
        parts.unshift(startBesideBroker({
          main: fileURLToPath(new URL('./main.js', import.meta.url)),
          count: config.broker.filterServerNums, clock, log, logLevel: options.logLevel ?? 'warn', workDir: join(dataDir, 'filter-server'), config,
          brokerAddress: shownAddress(dialHost(config.server.bindAddress), config.broker.listenPort),
        }));
      }
      if (options.grpcPort !== undefined) {
        const grpc = await startGrpc(shared, broker.broker, options.grpcPort);
        parts.unshift(grpc);
        grpcAddress = grpc.address;
      }
    }
    return { namesrvAddress, brokerAddress, grpcAddress, dataDir, stop };
  } catch (error) {
    await stop().catch((failed: unknown) => log.warn({ error: textOf(failed) }, 'closing after a failed start failed'));
    if (error instanceof Fault) throw new StartError(error.message);
    // A file where a directory should be, or the reverse, a disk that is full or refuses: the system's own words name the path.
    if (isSystemError(error)) throw new StartError(`${dataDir} cannot be served: ${error.message}`);
    throw error;
  }
}

/** Reads what the TLS keys name. Throws StartError. */
export function openTls(config: Resolved, clock: Clock, log: Log): { tls: ServerTls; grpcTls: ServerTls; dialTls: ReturnType<typeof clientTls> } {
  try {
    const file = config.tls['tls.config.file'];
    const settings = file !== '' && existsSync(file) ? withTlsFile(config.tls, readFileSync(file, 'utf8')) : config.tls;
    const tls = new ServerTls(settings, readFileSync, clock, log);
    const grpcTls = new ServerTls(settings, readFileSync, clock, log, ['h2']);
    const dialTls = clientTls(settings, readFileSync);
    tls.start();
    return { tls, grpcTls, dialTls };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new StartError(`TLS cannot be served: ${textOf(error)}`);
  }
}

function ensureWritable(env: Env, dir: string): void {
  try {
    env.makeWritable(dir);
  } catch (error) {
    throw new StartError(`data directory ${dir} cannot be written: ${textOf(error)} (choose another with --data)`);
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

/** An address this process itself can dial when it listens on `host`. */
function dialHost(host: string): string {
  if (host === '::') return '::1';
  return isUnspecific(host) ? '127.0.0.1' : host;
}

export async function listen(server: Pick<RemotingServer, 'listen'>, what: string, host: string, port: number): Promise<{ host: string; port: number }> {
  try {
    return await server.listen(host, port);
  } catch (error) {
    throw listenError(what, host, port, error);
  }
}

function listenError(what: string, host: string, port: number, error: unknown): StartError {
  const code = (error as NodeJS.ErrnoException).code;
  const address = shownAddress(host, port);
  if (code === 'EADDRINUSE') return new StartError(`${what} cannot listen on ${address}: the port is in use`);
  if (code === 'EACCES') return new StartError(`${what} cannot listen on ${address}: not permitted`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return new StartError(`${what} cannot listen on ${address}: this machine has no such address`);
  return new StartError(`${what} cannot listen on ${address}: ${textOf(error)}`);
}

interface PortOptions {
  readonly role: Role;
  readonly handlers: Partial<Handlers>;
  readonly fast?: { readonly [N in RequestName]?: FastHandler };
  readonly lanes: LaneSet;
  readonly onConnectionClosed?: NonNullable<ConstructorParameters<typeof RemotingServer>[0]['onConnectionClosed']>;
}

function createPort(shared: Shared, port: PortOptions): RemotingServer {
  const { log, env: { clock, net }, turn, calls, config, tls } = shared;
  return new RemotingServer({
    turn, clock, log, calls, tls, net,
    dispatcher: new Dispatcher({ handlers: port.handlers, ...(port.fast === undefined ? {} : { fast: port.fast }), role: port.role, lanes: port.lanes, log }),
    limits: { connectionsMax: config.server.maxConnections, idleMsMax: config.server.serverChannelMaxIdleTimeSeconds * 1000 },
    ...(port.onConnectionClosed === undefined ? {} : { onConnectionClosed: port.onConnectionClosed }),
  });
}

interface NamesrvPart extends Part {
  readonly address: string;
  /** What the broker of the same process dials. */
  readonly dialAddress: string;
}

async function startNamesrv(shared: Shared, broker: () => Broker | undefined): Promise<NamesrvPart> {
  const { config, log, env: { clock, disk }, client } = shared;
  const namesrv: NameServer = createNameServer({
    config: config.namesrv, clock, disk, log,
    oneway: (address, request) => client.oneway(address, request),
    clientAddress: (address, connection) => {
      const own = broker();
      if (own === undefined || address !== own.context.brokerAddress()) return address;
      const host = own.routeHost(connection.localHost);
      return host === undefined ? address : shownAddress(host, own.context.config.listenPort);
    },
  });
  const lanes = new LaneSet(clock, defaultLanes(2));
  const server = createPort(shared, { role: 'namesrv', handlers: namesrv.handlers, lanes, onConnectionClosed: (c) => namesrv.onConnectionClosed(c) });
  namesrv.start();
  const bound = await listen(server, 'the name server', config.server.bindAddress, config.namesrv.listenPort);
  return {
    address: shownAddress(bound.host, bound.port),
    dialAddress: shownAddress(dialHost(bound.host), bound.port),
    drain: () => server.drain(graceMs),
    async close() {
      await server.close();
      await namesrv.stop();
    },
  };
}

/** The gRPC endpoint before the broker of this process. The service is loaded for its first connection. */
async function startGrpc(shared: Shared, broker: Broker, port: number): Promise<Part & { readonly address: string }> {
  const { config, log, env: { clock } } = shared;
  const { GrpcServer } = await import('../remoting/grpc.js');
  let proxy: Proxy | undefined;
  const { grpcTls: tls } = shared;
  tls.start();
  const server: InstanceType<typeof GrpcServer> = new GrpcServer({
    handlers: async () => {
      const [{ createProxy }, { LocalBrokers }] = await Promise.all([import('./proxy/service.js'), import('./proxy/local-brokers.js')]);
      proxy = createProxy({ brokers: new LocalBrokers({ broker, clock, log }), clock, log, crowded: () => server.crowded });
      return proxy.handlers;
    },
    clock, log, tls, limits: { connectionsMax: config.server.maxConnections },
  });
  const bound = await listen(server, 'the gRPC endpoint', config.server.bindAddress, port);
  return {
    address: shownAddress(bound.host, bound.port),
    drain: () => server.drain(graceMs),
    async close() {
      proxy?.stop();
      await server.close();
    },
  };
}

interface BrokerPart extends Part {
  readonly broker: Broker;
  readonly address: string;
  /** Listens, then registers with the name servers. */
  start(): Promise<void>;
}

/** Opens and recovers the store and composes the broker; no port listens yet. */
async function openBroker(shared: Shared): Promise<BrokerPart> {
  const { config, log, env, turn, client } = shared;
  const { clock, disk } = env;
  // The store is recovered before the broker's table is there.
  const batchTopics = storedBatchTopics(disk, config.broker.storePathConfigDir);
  let isBatchTopic = (topic: string): boolean => batchTopics.has(topic);
  const storeConfig = { ...config.store, messageDelayLevel: config.broker.messageDelayLevel };
  const store: OpenStore = await openStore({
    root: config.store.storePathRootDir,
    commitLogDir: config.store.storePathCommitLog,
    disk, clock, log,
    config: storeConfig,
    collect: env.collect,
    isBatchTopic: (topic) => isBatchTopic(topic),
  });
  let broker: Broker;
  try {
    broker = createBroker({
      config: config.broker, store, disk, clock, log, turn, client,
      random: env.random,
      listenHost: config.server.bindAddress,
      machineHost: env.machineHost(),
      limits: env.limits,
      storeConfig,
      shownConfig: fixedSettings,
    });
  } catch (error) {
    await store.close();
    throw error;
  }
  isBatchTopic = (topic) => isBatchQueue(broker.topics.get(topic)?.config);
  const createPorts = (): readonly [main: RemotingServer, fast: RemotingServer] => {
    const port = { handlers: broker.handlers, fast: broker.fast, lanes: broker.laneSet };
    return [createPort(shared, { ...port, role: 'broker' }), createPort(shared, { ...port, role: 'brokerFast' })];
  };
  let [main, fast] = createPorts();
  let address = '';
  return {
    broker,
    get address() {
      return address;
    },
    async start() {
      const host = config.server.bindAddress;
      const wanted = config.broker.listenPort;
      for (let attempt = 1; ; attempt++) {
        const bound = await listen(main, 'the broker', host, wanted);
        try {
          await fast.listen(host, bound.port - 2);
          config.broker.listenPort = bound.port;
          break;
        } catch (error) {
          await main.close();
          await fast.close();
          if (wanted !== 0 || attempt >= portPairsMax) throw listenError('the broker (fast port, two below its port)', host, bound.port - 2, error);
          [main, fast] = createPorts();
        }
      }
      const port = config.broker.listenPort;
      address = shownAddress(host, port);
      broker.listening(port);
      store.setStoreHost(broker.context.storeHost());
      await broker.start();
    },
    async drain() {
      await Promise.all([main.drain(graceMs), fast.drain(graceMs)]);
    },
    async close() {
      await broker.stop();
      await Promise.all([main.close(), fast.close()]);
      await store.close();
    },
  };
}
