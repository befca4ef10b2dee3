/**
 * The producers that send heartbeats to this broker (`ProducerManager`): per group, which connections. Nothing here is saved.
 */
import type { Clock, Connection, Log } from '../../remoting/types.js';
import type { BrokerConfig } from '../config-types.js';
import { brokerLimits, demandRoom } from './limits.js';
import type { ClientChannel, ProducerRegistry } from './types.js';

export interface ProducerTableOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly config: Pick<BrokerConfig, 'channelExpiredTimeout'>;
}

export class ProducerTable implements ProducerRegistry {
  readonly #options: ProducerTableOptions;
  readonly #groups = new Map<string, Map<Connection, ClientChannel>>();
  /** Groups of each connection, so that a close does not visit all. */
  readonly #groupsOf = new Map<Connection, Set<string>>();
  #memberships = 0;
  readonly #byClientId = new Map<string, ClientChannel>();

  constructor(options: ProducerTableOptions) {
    this.#options = options;
  }

  get(group: string): ReadonlyMap<Connection, ClientChannel> | undefined {
    return this.#groups.get(group);
  }

  all(): Iterable<readonly [string, ReadonlyMap<Connection, ClientChannel>]> {
    return this.#groups;
  }

  findByClientId(clientId: string): ClientChannel | undefined {
    return this.#byClientId.get(clientId);
  }

  register(group: string, client: ClientChannel): void {
    let channels = this.#groups.get(group);
    channels ??= new Map<Connection, ClientChannel>();
    const known = channels.get(client.connection);
    if (known !== undefined) {
      known.lastUpdateMs = client.lastUpdateMs;
      return;
    }
    demandRoom('producer groups of this connection', (this.#groupsOf.get(client.connection)?.size ?? 0) + 1, brokerLimits.groupsOfConnectionMax);
    demandRoom('producers of this broker', this.#memberships + 1, brokerLimits.membershipsMax);
    this.#groups.set(group, channels);
    this.#memberships++;
    channels.set(client.connection, client);
    this.#byClientId.set(client.clientId, client);
    let groups = this.#groupsOf.get(client.connection);
    if (groups === undefined) this.#groupsOf.set(client.connection, (groups = new Set<string>()));
    groups.add(group);
    this.#options.log.info({ group, clientId: client.clientId, remoteAddress: client.connection.remoteAddress }, 'producer connected');
  }

  unregister(group: string, connection: Connection): void {
    const channels = this.#groups.get(group);
    const client = channels?.get(connection);
    if (channels === undefined || client === undefined) return;
    channels.delete(connection);
    this.#memberships--;
    if (channels.size === 0) this.#groups.delete(group);
    if (this.#byClientId.get(client.clientId) === client) this.#byClientId.delete(client.clientId);
    const groups = this.#groupsOf.get(connection);
    if (groups?.delete(group) === true && groups.size === 0) this.#groupsOf.delete(connection);
    this.#options.log.info({ group, clientId: client.clientId }, 'producer gone');
  }

  connectionClosed(connection: Connection): void {
    for (const group of [...(this.#groupsOf.get(connection) ?? [])]) this.unregister(group, connection);
  }

  /** Forgets and disconnects producers that sent no heartbeat for long. */
  scan(): void {
    const now = this.#options.clock.nowMs();
    for (const [group, channels] of [...this.#groups]) {
      for (const client of [...channels.values()]) {
        if (now - client.lastUpdateMs <= this.#options.config.channelExpiredTimeout) continue;
        this.unregister(group, client.connection);
        client.connection.close('producer sent no heartbeat');
      }
    }
  }
}
