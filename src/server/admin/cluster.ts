/** A cluster as the commands of `skylark admin` see it: the brokers of a topic, by the name server, and requests to them. */
import type { Command } from '../../codec/command.js';
import { Fault } from '../../codec/errors.js';
import { isMap, listOf, mapOf, textOf } from '../../codec/json-members.js';
import { requests, type RequestName } from '../../codec/requests.js';
import { responseCodes, responseName } from '../../codec/responses.js';
import { readJson } from '../../compat/fastjson.js';
import { CallTimeouts, EventTurn, parseAddressList, RemotingClient, silentLog, systemClock } from '../../remoting/index.js';

const timeoutMs = 10_000;

/** What a command cannot do, in words for its user. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
}

/** A broker of a topic: its master's address, and its queues that can be read. */
export interface TopicBroker {
  readonly name: string;
  readonly address: string;
  readonly readQueues: number;
}

export class Cluster {
  readonly #nameServers: readonly string[];
  readonly #client: RemotingClient;

  /** `nameServers`: HOST:PORT, several separated by `;`. Throws AdminError when there is none. */
  constructor(nameServers: string) {
    this.#nameServers = parseAddressList(nameServers);
    if (this.#nameServers.length === 0) throw new AdminError(`--namesrv takes HOST:PORT, several separated by ;, not '${nameServers}'`);
    const clock = systemClock();
    const turn = new EventTurn((error) => {
      throw error;
    });
    this.#client = new RemotingClient({ turn, clock, log: silentLog, calls: new CallTimeouts(clock) });
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** The answer, whatever its code. Throws AdminError when there is none. */
  async ask(address: string, name: RequestName, ext: Readonly<Record<string, string | number>>): Promise<Command> {
    const fields = Object.fromEntries(Object.entries(ext).map(([key, value]) => [key, String(value)]));
    try {
      return await this.#client.call(address, { code: requests[name].code, ext: fields }, timeoutMs);
    } catch (error) {
      if (error instanceof Fault) throw new AdminError(`${address}: ${error.message}`);
      throw error;
    }
  }

  /** The answer when it is SUCCESS. Throws AdminError with what the peer said otherwise. */
  async get(address: string, name: RequestName, ext: Readonly<Record<string, string | number>>): Promise<Command> {
    const answer = await this.ask(address, name, ext);
    if (answer.code !== responseCodes.SUCCESS) throw refused(address, name, answer);
    return answer;
  }

  /** The first name server's answer that is SUCCESS. Throws AdminError with what the last one said; `refuse` may know better words for it. */
  async askNameServer(name: RequestName, ext: Readonly<Record<string, string | number>>, refuse?: (answer: Command) => AdminError | undefined): Promise<Command> {
    let last: AdminError | undefined;
    for (const server of this.#nameServers) {
      try {
        const answer = await this.ask(server, name, ext);
        if (answer.code === responseCodes.SUCCESS) return answer;
        last = refuse?.(answer) ?? refused(server, name, answer);
      } catch (error) {
        if (!(error instanceof AdminError)) throw error;
        last = error;
      }
    }
    throw last ?? new AdminError('no name server');
  }

  /** The brokers of a topic. Throws AdminError when the topic has none. */
  async brokersOf(topic: string): Promise<TopicBroker[]> {
    const answer = await this.askNameServer('GET_ROUTEINFO_BY_TOPIC', { topic, acceptStandardJsonOnly: 'true' },
      ({ code }) => (code === responseCodes.TOPIC_NOT_EXIST ? new AdminError(`the topic ${topic} does not exist`) : undefined));
    return readRoute(answer.body);
  }

  /** The masters of all brokers. */
  async masters(): Promise<{ readonly name: string; readonly address: string }[]> {
    return readMasters((await this.askNameServer('GET_BROKER_CLUSTER_INFO', {})).body);
  }
}

function refused(address: string, name: RequestName, answer: Command): AdminError {
  return new AdminError(`${address} answers ${name} with ${responseName(answer.code) ?? answer.code}: ${answer.remark ?? 'no remark'}`);
}

/** `TopicRouteData`: of each broker the address of its master, or of whichever has the least id. */
function readRoute(body: Uint8Array): TopicBroker[] {
  const root = readJson(body);
  if (!isMap(root)) throw new AdminError('the route is no object');
  const queues = new Map<string, number>();
  for (const one of listOf(root, 'queueDatas')) if (isMap(one)) queues.set(textOf(one, 'brokerName') ?? '', Number(one.get('readQueueNums') ?? 0));
  const brokers: TopicBroker[] = [];
  for (const one of listOf(root, 'brokerDatas')) {
    if (!isMap(one)) continue;
    const name = textOf(one, 'brokerName') ?? '';
    const [first] = [...mapOf(one, 'brokerAddrs')].sort(([a], [b]) => Number(a) - Number(b));
    if (typeof first?.[1] === 'string') brokers.push({ name, address: first[1], readQueues: queues.get(name) ?? 0 });
  }
  return brokers;
}

/** `ClusterInfo`: the brokers that have a master, and where it is. */
function readMasters(body: Uint8Array): { readonly name: string; readonly address: string }[] {
  const root = readJson(body);
  if (!isMap(root)) throw new AdminError('the list of brokers is no object');
  const masters: { name: string; address: string }[] = [];
  for (const [name, broker] of mapOf(root, 'brokerAddrTable')) {
    const address = isMap(broker) ? mapOf(broker, 'brokerAddrs').get('0') : undefined;
    if (typeof name === 'string' && typeof address === 'string') masters.push({ name, address });
  }
  return masters.sort((a, b) => (a.name < b.name ? -1 : 1));
}
