/**
 * The broker's side of filter servers (`FilterServerManager` of Apache up to 4.9.5): who registered, and who is silent. Routes get the list with
 * the broker's registration; nothing is started here, and no message passes through.
 */
import { responseCodes } from '../../codec/responses.js';
import { splitAddress } from '../../remoting/client.js';
import type { Clock, Connection, Handlers, Log } from '../../remoting/types.js';
import type { BrokerConfig } from '../config-types.js';

/** `FilterServerManager#FILTER_SERVER_MAX_IDLE_TIME_MILLS`. */
export const filterServerIdleMsMax = 30_000;
/** More than any broker has; Apache has no bound. */
const filterServersMax = 64;
const addressCharsMax = 300;

export interface FilterServersOptions {
  readonly config: Pick<BrokerConfig, 'brokerName' | 'brokerId'>;
  readonly clock: Clock;
  readonly log: Log;
  /** The list is another one now. */
  readonly changed: () => void;
}

interface FilterServer {
  readonly address: string;
  lastMs: number;
}

export class FilterServers {
  readonly #options: FilterServersOptions;
  readonly #byConnection = new Map<Connection, FilterServer>();

  constructor(options: FilterServersOptions) {
    this.#options = options;
  }

  readonly handlers: Pick<Handlers, 'REGISTER_FILTER_SERVER'> = {
    REGISTER_FILTER_SERVER: (ctx, header) => {
      const refused = this.register(ctx.connection, header.filterServerAddr);
      if (refused !== undefined) return { code: responseCodes.SYSTEM_ERROR, remark: refused };
      const { brokerName, brokerId } = this.#options.config;
      return { code: responseCodes.SUCCESS, header: { brokerName, brokerId: BigInt(brokerId) } };
    },
  };

  /** Addresses, each once, in the order of their first registration. */
  list(): readonly string[] {
    return [...new Set(Array.from(this.#byConnection.values(), (server) => server.address))];
  }

  /** Takes a registration or a further sign of life; a text says why not. As in Apache the first address of a connection stays. */
  register(connection: Connection, address: string): string | undefined {
    const { clock, log, changed } = this.#options;
    const known = this.#byConnection.get(connection);
    if (known !== undefined) {
      known.lastMs = clock.nowMs();
      return undefined;
    }
    if (address.length > addressCharsMax || splitAddress(address) === undefined || /[^\w.:[\]%-]/.test(address)) {
      return `the address of a filter server is host:port, not '${address.slice(0, 100)}'`;
    }
    if (this.#byConnection.size >= filterServersMax) return `this broker has ${filterServersMax} filter servers, the most it takes`;
    this.#byConnection.set(connection, { address, lastMs: clock.nowMs() });
    log.info({ filterServer: address, peer: connection.remoteAddress }, 'filter server registered');
    connection.onClose(() => this.#drop(connection, 'its connection is closed'));
    changed();
    return undefined;
  }

  /** Drops those that said nothing for `filterServerIdleMsMax` and closes their connections. */
  scan(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const [connection, server] of [...this.#byConnection]) {
      if (nowMs - server.lastMs <= filterServerIdleMsMax) continue;
      this.#drop(connection, 'it is silent');
      connection.close('filter server is silent');
    }
  }

  #drop(connection: Connection, why: string): void {
    const server = this.#byConnection.get(connection);
    if (server === undefined) return;
    this.#byConnection.delete(connection);
    this.#options.log.warn({ filterServer: server.address, why }, 'filter server dropped');
    this.#options.changed();
  }
}
