/** What the server uses of this room. */
export { AddressList, parseAddressList } from './address-list.js';
export { CallTimeouts } from './call-timeouts.js';
export { RemotingClient, splitAddress, type ClientOptions } from './client.js';
export { ManualClock, silentLog, systemClock } from './clocks.js';
export { RemotingConnection } from './connection.js';
export type { Counters } from './counters.js';
export { Dispatcher, exceptionText, type DispatcherOptions } from './dispatch.js';
export { defaultLanes, Lane, LaneSet, rejectRequestRemark, timeoutCleanRemark } from './lanes.js';
export { defaultServerLimits, type ConnectionLimits, type ServerLimits } from './limits.js';
export { systemNet, type Net, type NetServer, type NetSocket } from './net.js';
export { RemotingServer, type ServerOptions } from './server.js';
export { clientTls, ServerTls, tlsDefaults, type TlsConfig } from './tls.js';
export { EventTurn } from './turn.js';
