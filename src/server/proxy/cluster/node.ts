/** One running proxy: its two ports, its connections to name servers and brokers, and the order of starting and stopping. */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { CallTimeouts, clientTls, Dispatcher, EventTurn, LaneSet, parseAddressList, RemotingClient, RemotingServer, ServerTls, splitAddress, systemClock } from '../../../remoting/index.js';
import { GrpcServer } from '../../../remoting/grpc.js';
import type { Log } from '../../../remoting/types.js';
import { ConfigError, resolveConfig } from '../../config.js';
import { shownAddress, textOf } from '../../words.js';
import { createProxy, type Proxy } from '../service.js';
import { ClusterBrokers } from './cluster-brokers.js';
import type { ResolvedProxy } from './config.js';
import { Directory } from './directory.js';
import { BrokerLinks } from './links.js';
import { listenBoth, MultiProtocolPort } from './multi-port.js';
import { proxyLanes, RemotingPort } from './remoting-port.js';
import { createClientDispatcher } from './sessions.js';

/** How long a stop waits for requests at work. */
const graceMsMax = 5000;

export interface RunningProxy {
  /** `HOST:PORT` to dial. */
  readonly grpcAddress: string;
  readonly remotingAddress: string;
  /** Takes no more requests, finishes what is at work. */
  stop(): Promise<void>;
}

/** Starts a proxy; resolves when it serves. Name servers and brokers may come later. Throws ConfigError, or the system's error of a port. */
export async function startProxyNode({ config, tls: tlsConfig }: ResolvedProxy, log: Log): Promise<RunningProxy> {
  const nameServers = parseAddressList(config.namesrvAddr);
  if (nameServers.length === 0) throw new ConfigError('there is no name server: --namesrv HOST:PORT');
  for (const address of nameServers) if (splitAddress(address) === undefined) throw new ConfigError(`namesrvAddr: '${address}' is not HOST:PORT`);

  const clock = systemClock(true);
  const turn = new EventTurn((error) => log.error({ error: textOf(error) }, 'the end of a turn failed'));
  const calls = new CallTimeouts(clock);
  const tls = new ServerTls(tlsConfig, readFileSync, clock, log);
  const grpcTls = new ServerTls(tlsConfig, readFileSync, clock, log, ['h2']);
  const dial = { turn, clock, log, calls, tls: clientTls(tlsConfig, readFileSync) };
  tls.start();
  grpcTls.start();

  const nameServerClient = new RemotingClient(dial);
  const directory = new Directory({
    nameServers, client: nameServerClient, clock, log, refreshMs: config.topicRouteServiceCacheRefreshSeconds * 1000,
    expireMs: config.topicRouteServiceCacheExpiredSeconds * 1000, routesMax: config.topicRouteServiceCacheMaxNum,
  });
  // Brokers ask over connections that those who answer are made of.
  const fromBrokers = new Dispatcher({ handlers: {
    CHECK_TRANSACTION_STATE: (ctx, header, body) => brokers.handlers.CHECK_TRANSACTION_STATE(ctx, header, body),
    NOTIFY_UNSUBSCRIBE_LITE: (ctx, header, body) => brokers.handlers.NOTIFY_UNSUBSCRIBE_LITE(ctx, header, body),
  }, role: 'client', lanes: new LaneSet(clock, {}), log });
  const shared = Array.from({ length: config.rocketmqMQClientNum }, () => new RemotingClient({ ...dial, dispatcher: fromBrokers }));
  const links = new BrokerLinks({ clients: shared, directory, clock, log });
  const brokerConfig = { ...resolveConfig(new Map(), '', 'broker').broker, channelExpiredTimeout: config.channelExpiredTimeout };
  const brokers: ClusterBrokers = new ClusterBrokers({
    directory, links, connections: shared.length, clock, log, turn, config: brokerConfig, clusterName: config.rocketMQClusterName,
    topicRefreshMs: config.topicConfigCacheRefreshSeconds * 1000, groupRefreshMs: config.subscriptionGroupConfigCacheRefreshSeconds * 1000,
    expireMs: config.topicRouteServiceCacheExpiredSeconds * 1000, entriesMax: config.topicRouteServiceCacheMaxNum,
    producerPeriodMs: config.transactionHeartbeatPeriodSecond * 1000, producerBatch: config.transactionHeartbeatBatchNum, clientId: 'rmq-proxy-producer-client',
  });

  const grpc: GrpcServer = new GrpcServer({
    handlers: () => Promise.resolve(proxy.handlers), clock, log, tls: grpcTls,
    limits: { connectionsMax: config.maxConnections, messageBytesMax: config.grpcMaxInboundMessageSize, streamsMax: config.grpcMaxConcurrentCallsPerConnection, idleMsMax: config.grpcClientIdleTimeMills },
  });
  const proxy: Proxy = createProxy({ brokers, clock, log, crowded: () => grpc.crowded });

  let port = config.remotingListenPort;
  const accessHost = config.remotingAccessAddr === '' ? config.localServeAddr : config.remotingAccessAddr;
  const relays = new RemotingPort({
    links, directory, brokers, clock, client: { ...dial, dispatcher: createClientDispatcher({ clock, log }) },
    accessAddress: (localHost) => shownAddress(accessHost === '' ? localHost : accessHost, port),
    checkTypes: config.enableTopicMessageTypeCheck, regionId: config.regionId, traceOn: config.traceOn,
  });
  const remoting = new RemotingServer({
    turn, clock, log, calls, tls, limits: { connectionsMax: config.maxConnections },
    dispatcher: new Dispatcher({ handlers: relays.handlers, role: 'proxy', lanes: new LaneSet(clock, proxyLanes), log }),
  });
  const front = config.enableRemotingLocalProxyGrpc
    ? new MultiProtocolPort({ remoting: (socket: Socket) => remoting.accept(socket), grpc: (socket: Socket) => grpc.accept(socket), tls: grpcTls, clock, log, connectionsMax: config.maxConnections })
    : undefined;

  const stop = async (): Promise<void> => {
    const graceMs = Math.min(graceMsMax, config.grpcShutdownTimeSeconds * 1000);
    front?.stopListening();
    await Promise.all([grpc.drain(graceMs), remoting.drain(graceMs)]);
    proxy.stop();
    brokers.stop();
    front?.close();
    await Promise.all([grpc.close(), remoting.close()]);
    await Promise.all([nameServerClient, ...shared].map((client) => client.close()));
    tls.stop();
    grpcTls.stop();
  };
  try {
    const { grpcBound, remotingBound } = await listenBoth(grpc, front ?? remoting, config);
    port = remotingBound.port;
    brokers.start();
    return { grpcAddress: shownAddress(grpcBound.host, grpcBound.port), remotingAddress: shownAddress(remotingBound.host, remotingBound.port), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
