/** A filter server with its sockets, its temporary folder and its sandboxes: what `skylark filter-server` runs. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CallTimeouts, defaultLanes, Dispatcher, EventTurn, LaneSet, RemotingClient, RemotingServer, systemClock } from '../../remoting/index.js';
import type { Log } from '../../remoting/types.js';
import { isUnspecific } from '../broker/broker.js';
import type { Resolved } from '../config.js';
import { machineHost } from '../env.js';
import { listen, openTls, StartError } from '../node.js';
import { shownAddress, textOf } from '../words.js';
import { createFilterServer, type FilterServer } from './filter-server.js';
import { JavaSandboxes } from './java-sandbox.js';
import { javaScriptSandboxes } from './javascript-sandbox.js';

const graceMs = 3000;

export interface RunningFilterServer {
  /** `HOST:PORT` that consumers are told. */
  readonly address: string;
  readonly server: FilterServer;
  /** Everything it wrote lies below; gone after `stop`. */
  readonly dir: string;
  stop(): Promise<void>;
}

/** Starts one; resolves when it listens and the broker was asked once. Throws StartError. */
export async function startFilterServer(config: Resolved, log: Log): Promise<RunningFilterServer> {
  const clock = systemClock(true);
  const turn = new EventTurn((error) => log.error({ error: textOf(error) }, 'the end of a turn failed'));
  const calls = new CallTimeouts(clock);
  const { tls, grpcTls, dialTls } = openTls(config, clock, log);
  grpcTls.stop();
  const dir = openDir(config.filterServer.filterServerDir);
  const client = new RemotingClient({ turn, clock, log, calls, tls: dialTls });
  const java = new JavaSandboxes(config.filterServer, dir, process.env, Date.now);
  const filters = createFilterServer({
    config: config.filterServer, clock, log,
    sandboxes: { Java: java.open, JavaScript: javaScriptSandboxes(config.filterServer) },
    call: (address, request, timeoutMs) => client.call(address, request, timeoutMs),
    onGone: (address, gone) => void client.connection(address).then((connection) => connection.onClose(gone), gone),
  });
  const server = new RemotingServer({
    turn, clock, log, calls, tls,
    dispatcher: new Dispatcher({ handlers: filters.handlers, role: 'filterServer', lanes: new LaneSet(clock, defaultLanes(2)), log }),
    limits: { connectionsMax: config.server.maxConnections, idleMsMax: config.server.serverChannelMaxIdleTimeSeconds * 1000 },
  });
  const stop = async (): Promise<void> => {
    await server.drain(graceMs);
    await filters.stop();
    await client.close();
    await server.close();
    tls.stop();
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    const bound = await listen(server, 'the filter server', config.server.bindAddress, config.filterServer.listenPort);
    const host = config.filterServer.filterServerIP !== '' ? config.filterServer.filterServerIP : isUnspecific(bound.host) ? machineHost() : bound.host;
    const address = shownAddress(host, bound.port);
    const missing = config.filterServer.filterJavaEnable ? java.missing() : undefined;
    if (missing !== undefined) log.warn({ why: missing }, 'filters in Java are not served');
    await filters.start(address);
    return { address, server: filters, dir, stop };
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
}

function openDir(wanted: string): string {
  try {
    if (wanted === '') return mkdtempSync(join(tmpdir(), 'skylark-filter-server-'));
    // A folder of ours in the one that was named: what else lies there stays.
    const dir = join(resolve(wanted), 'filters');
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    return dir;
  } catch (error) {
    throw new StartError(`filterServerDir ${wanted} cannot be made: ${textOf(error)}`);
  }
}
