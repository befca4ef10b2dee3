/**
 * A name server: its tables, its timers and what it does when connections go. Brokers register over remoting, our own included; there
 * is no side door. Listening is the caller's: give `handlers` to a Dispatcher and `onConnectionClosed` to its server.
 */
import { requests } from '../../codec/requests.js';
import type { Clock, Connection, Handlers, Log, OutgoingRequest, TimerHandle } from '../../remoting/types.js';
import type { Disk } from '../../store/disk.js';
import type { NamesrvConfig } from '../config-types.js';
import { namesrvHandlers, type NamesrvRequest } from './handlers.js';
import { KvConfig } from './kv-config.js';
import { namesrvLimits } from './limits.js';
import { RouteTable, type MinBrokerIdChange, type Unregistration } from './route-table.js';

/** The first scan for silent brokers comes this long after the start (`NamesrvController#startScheduleService`). */
const firstScanMs = 5000;

export interface NameServerOptions {
  /** Kept and changed by UPDATE_NAMESRV_CONFIG. An empty kvConfigPath keeps KV configs in memory. */
  readonly config: NamesrvConfig;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly log: Log;
  readonly limits?: { readonly brokersMax?: number; readonly topicsMax?: number };
  /** Sends NOTIFY_MIN_BROKER_ID_CHANGE to a broker's address (a RemotingClient's `oneway`); without it nobody is told. */
  readonly oneway?: (address: string, request: OutgoingRequest) => Promise<unknown>;
  /** The address of a broker as the client on this connection should be told it; as registered when absent. */
  readonly clientAddress?: ((address: string, connection: Connection) => string) | undefined;
}

export interface NameServer {
  readonly handlers: Pick<Handlers, NamesrvRequest>;
  readonly table: RouteTable;
  readonly kv: KvConfig;
  /** A connection is gone: brokers that registered over it are unregistered. */
  onConnectionClosed(connection: Connection): void;
  /** Reads kvConfig.json and starts the scans. Throws Fault when the file cannot be read. */
  start(): void;
  /** Stops the timers and waits until the KV file is on the platter. */
  stop(): Promise<void>;
}

export function createNameServer(options: NameServerOptions): NameServer {
  const { config, clock, disk, log, oneway } = options;
  const kv = new KvConfig(disk, config.kvConfigPath, log);
  const tell = (change: MinBrokerIdChange): void => {
    log.info({ brokerName: change.brokerName, minBrokerId: change.minBrokerId, tell: change.tell }, 'smallest broker id changed');
    if (oneway === undefined) return;
    const ext: Record<string, string> = { minBrokerId: String(change.minBrokerId), minBrokerAddr: change.minBrokerAddr };
    if (change.offlineBrokerAddr !== undefined) ext['offlineBrokerAddr'] = change.offlineBrokerAddr;
    if (change.haBrokerAddr !== undefined) ext['haBrokerAddr'] = change.haBrokerAddr;
    for (const address of change.tell) {
      oneway(address, { code: requests.NOTIFY_MIN_BROKER_ID_CHANGE.code, ext }).catch((error: unknown) => {
        log.warn({ address, error: error instanceof Error ? error.message : String(error) }, 'broker not told of its smallest id');
      });
    }
  };
  const table = new RouteTable({
    config, log, nowMs: () => clock.nowMs(), onMinBrokerIdChange: tell,
    brokersMax: options.limits?.brokersMax ?? namesrvLimits.brokersMax,
    topicsMax: options.limits?.topicsMax ?? namesrvLimits.topicsMax,
  });

  // Unregistrations gather and are carried out in one pass over the topics: when a rack goes, hundreds come at once
  // (`BatchUnregistrationService`). Whoever reads the tables settles them first, so their order shows nowhere.
  let waiting: Unregistration[] = [];
  let settleTimer: TimerHandle | undefined;
  const settle = (): void => {
    if (waiting.length === 0) return;
    const batch = waiting;
    waiting = [];
    settleTimer?.clear();
    settleTimer = undefined;
    table.unregister(batch);
  };
  const unregister = (request: Unregistration): boolean => {
    if (waiting.length >= namesrvLimits.unregistrationsMax) return false;
    waiting.push(request);
    settleTimer ??= clock.setTimeout(settle, 0);
    return true;
  };

  const scan = (): void => {
    settle();
    for (const live of table.expired()) {
      log.warn({ cluster: live.cluster, addr: live.addr, timeoutMs: live.timeoutMs }, 'broker expired');
      const request = table.unregistrationOf(live);
      table.forget(live);
      if (request !== undefined && !unregister(request)) {
        settle();
        unregister(request);
      }
      live.connection?.close('broker expired');
    }
  };

  let firstScan: TimerHandle | undefined;
  let scans: TimerHandle | undefined;
  return {
    handlers: namesrvHandlers({ config, clock, startedMs: clock.nowMs(), table, kv, unregister, settle, clientAddress: options.clientAddress }),
    table,
    kv,
    onConnectionClosed(connection) {
      for (const live of table.registeredOver(connection)) {
        const request = table.unregistrationOf(live);
        if (request === undefined) table.forget(live);
        else if (!unregister(request)) {
          settle();
          unregister(request);
        }
      }
    },
    start() {
      kv.load();
      firstScan = clock.setTimeout(() => {
        scan();
        scans = clock.setInterval(scan, config.scanNotActiveBrokerInterval);
      }, firstScanMs);
    },
    async stop() {
      firstScan?.clear();
      scans?.clear();
      settle();
      await kv.flush();
    },
  };
}
