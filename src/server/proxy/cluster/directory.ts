/**
 * What the name servers know (`ClusterTopicRouteService`): the routes of topics, and where brokers are. A broker that a name server no longer lists keeps
 * its address for a while: receipt handles name it, and it may be restarting.
 */
import { clusterInfo, topicRouteData, type BrokerData, type TopicRouteData } from '../../../codec/bodies.js';
import type { Command } from '../../../codec/command.js';
import { Fault } from '../../../codec/errors.js';
import { requests, type RequestName } from '../../../codec/requests.js';
import { responseCodes } from '../../../codec/responses.js';
import { AddressList, type RemotingClient } from '../../../remoting/index.js';
import type { Clock, Log } from '../../../remoting/types.js';
import type { Maybe } from '../brokers.js';
import { FreshCache } from './fresh-cache.js';

/** `ClusterTopicRouteService` waits so long. */
const timeoutMs = 3000;

/** "There is no such topic" holds so long; Apache's proxy believes it for 20 s. */
const absentMs = 1000;

/** While a broker is away, and until so long after, the name servers are asked more often. */
const troubleMs = 60_000;
const refreshMsInTrouble = 1000;

/** A broker that nobody lists any more is forgotten. */
const forgetMs = 600_000;

export interface DirectoryOptions {
  readonly nameServers: readonly string[];
  readonly client: RemotingClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly refreshMs: number;
  readonly expireMs: number;
  readonly routesMax: number;
}

interface Known {
  readonly data: BrokerData;
  readonly seenMs: number;
}

const all = '';

export class Directory {
  readonly #options: DirectoryOptions;
  readonly #servers: AddressList;
  readonly #routes: FreshCache<TopicRouteData>;
  readonly #cluster: FreshCache<readonly BrokerData[]>;
  readonly #brokers = new Map<string, Known>();
  #troubleMs = 0;
  #clusterMs = 0;

  constructor(options: DirectoryOptions) {
    this.#options = options;
    this.#servers = new AddressList(options.nameServers);
    const { clock, log, expireMs, routesMax } = options;
    const refreshMs = (): number => (clock.nowMs() < this.#troubleMs ? Math.min(refreshMsInTrouble, options.refreshMs) : options.refreshMs);
    this.#routes = new FreshCache({ clock, log, refreshMs, absentMs, expireMs, entriesMax: routesMax, load: (topic) => this.#loadRoute(topic) });
    this.#cluster = new FreshCache({ clock, log, refreshMs, absentMs, expireMs, entriesMax: 1, load: () => this.#loadCluster() });
  }

  /** The route of a topic; undefined when no broker has it. Rejects with Fault when no name server answers. */
  route(topic: string): Maybe<TopicRouteData | undefined> {
    return this.#routes.get(topic);
  }

  /** Where the broker takes requests: its master, or whoever has its least id. */
  async addressOf(broker: string): Promise<string | undefined> {
    const known = this.#brokers.get(broker);
    if (known !== undefined) {
      // Looked at again when its time has come; until then, and when nobody answers, what is known holds.
      Promise.resolve(this.#cluster.get(all)).catch(() => undefined);
      return addressIn(known.data);
    }
    const { clock } = this.#options;
    if (clock.nowMs() - this.#clusterMs < absentMs) return undefined;
    await this.#cluster.again(all);
    const now = this.#brokers.get(broker);
    return now === undefined ? undefined : addressIn(now.data);
  }

  /** Every broker that is listed now. */
  async brokers(): Promise<readonly BrokerData[]> {
    return (await this.#cluster.get(all)) ?? [];
  }

  /** A broker does not answer: what the name servers say is asked anew soon, and often. */
  trouble(): void {
    this.#troubleMs = this.#options.clock.nowMs() + troubleMs;
  }

  async #loadRoute(topic: string): Promise<TopicRouteData | undefined> {
    const answer = await this.ask('GET_ROUTEINFO_BY_TOPIC', { topic, acceptStandardJsonOnly: 'true' });
    if (answer.code === responseCodes.TOPIC_NOT_EXIST) return undefined;
    if (answer.code !== responseCodes.SUCCESS) throw new Fault(`the name server answers ${answer.code}: ${answer.remark ?? ''}`);
    const route = topicRouteData.decode(answer.body);
    for (const data of route.brokerDatas) this.#saw(data);
    return route.queueDatas.length === 0 || route.brokerDatas.length === 0 ? undefined : route;
  }

  async #loadCluster(): Promise<readonly BrokerData[]> {
    const answer = await this.ask('GET_BROKER_CLUSTER_INFO', {});
    if (answer.code !== responseCodes.SUCCESS) throw new Fault(`the name server answers ${answer.code}: ${answer.remark ?? ''}`);
    const brokers = [...clusterInfo.decode(answer.body).brokerAddrTable.values()];
    for (const data of brokers) this.#saw(data);
    this.#clusterMs = this.#options.clock.nowMs();
    for (const [name, known] of this.#brokers) if (this.#clusterMs - known.seenMs > forgetMs) this.#brokers.delete(name);
    return brokers;
  }

  #saw(data: BrokerData): void {
    this.#brokers.set(data.brokerName, { data, seenMs: this.#options.clock.nowMs() });
  }

  /** Asks a name server; the next one when it does not answer. Rejects with Fault when none does. */
  async ask(name: RequestName, ext: Readonly<Record<string, string>>): Promise<Command> {
    let last: unknown;
    for (let i = 0; i < this.#servers.all().length; i++) {
      const address = this.#servers.current();
      if (address === undefined) break;
      try {
        return await this.#options.client.call(address, { code: requests[name].code, ext }, timeoutMs);
      } catch (error) {
        last = error;
        this.#servers.failed(address);
      }
    }
    throw new Fault(`no name server answers: ${last instanceof Error ? last.message : 'there is none'}`);
  }
}

/** The address of id 0, or of the least id. */
export function addressIn({ brokerAddrs }: Pick<BrokerData, 'brokerAddrs'>): string | undefined {
  let least: number | undefined;
  for (const id of brokerAddrs.keys()) if (least === undefined || id < least) least = id;
  return least === undefined ? undefined : brokerAddrs.get(least);
}
