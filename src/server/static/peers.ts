/** Requests to other brokers by name (`BrokerOuterAPI#getRpcClient`): static topics have queues on several. */
import { clusterInfo, topicRouteData } from '../../codec/bodies.js';
import type { TopicQueueMappingInfo } from '../../codec/bodies.js';
import type { Command } from '../../codec/command.js';
import { Refusal } from '../../codec/errors.js';
import { requests } from '../../codec/requests.js';
import type { RequestName } from '../../codec/requests.js';
import { responseCodes } from '../../codec/responses.js';
import { parseAddressList } from '../../remoting/address-list.js';
import type { NamesrvCaller } from '../broker/registration.js';
import type { BrokerContext } from '../broker/types.js';

/** `BrokerConfig#forwardTimeout`, in milliseconds. */
const forwardTimeoutMs = 3000;
/** How long addresses are believed, in milliseconds (`BrokerController#refreshMetadata` asks as often). */
const addressesMs = 10_000;

export class BrokerPeers {
  readonly #ctx: BrokerContext;
  readonly #client: NamesrvCaller;
  #addresses: ReadonlyMap<string, string> = new Map();
  #untilMs = 0;
  #asking: Promise<void> | undefined;

  constructor(ctx: BrokerContext, client: NamesrvCaller) {
    this.#ctx = ctx;
    this.#client = client;
  }

  /** Sends a request to the master of a broker name; the fields are the caller's; `lo` false says that the queue is the broker's own. */
  async call(name: RequestName, brokerName: string, ext: Readonly<Record<string, string>>, lo = false): Promise<Command> {
    const address = await this.#addressOf(brokerName);
    return this.#client.call(address, { code: requests[name].code, ext: { ...ext, bname: brokerName, lo: String(lo) } }, forwardTimeoutMs);
  }

  /** The broker that the name servers say leads a logic queue; undefined when they know none. */
  async leaderOf(topic: string, globalId: number): Promise<string | undefined> {
    for (const server of parseAddressList(this.#ctx.config.namesrvAddr)) {
      const answer = await this.#client.call(server, { code: requests.GET_ROUTEINFO_BY_TOPIC.code, ext: { topic } }, forwardTimeoutMs);
      if (answer.code !== responseCodes.SUCCESS) continue;
      const infos = [...(topicRouteData.decode(answer.body).topicQueueMappingByBroker ?? new Map<string, TopicQueueMappingInfo>())];
      const leading = infos.filter(([, info]) => info.currIdMap.has(globalId)).sort(([, a], [, b]) => b.epoch - a.epoch);
      return leading[0]?.[0];
    }
    return undefined;
  }

  async #addressOf(brokerName: string): Promise<string> {
    if (!this.#addresses.has(brokerName) || this.#ctx.clock.nowMs() >= this.#untilMs) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined;
      });
      await this.#asking;
    }
    const address = this.#addresses.get(brokerName);
    if (address === undefined) throw new Refusal(responseCodes.SYSTEM_ERROR, `Can't find addr for broker ${brokerName}`);
    return address;
  }

  async #ask(): Promise<void> {
    const { config, log, clock } = this.#ctx;
    for (const server of parseAddressList(config.namesrvAddr)) {
      try {
        const answer = await this.#client.call(server, { code: requests.GET_BROKER_CLUSTER_INFO.code }, forwardTimeoutMs);
        if (answer.code !== responseCodes.SUCCESS) continue;
        const addresses = new Map<string, string>();
        for (const [name, { brokerAddrs }] of clusterInfo.decode(answer.body).brokerAddrTable) {
          const master = brokerAddrs.get(0);
          if (master !== undefined) addresses.set(name, master);
        }
        this.#addresses = addresses;
        this.#untilMs = clock.nowMs() + addressesMs;
        return;
      } catch (error) {
        log.warn({ server, error: String(error) }, 'a name server could not be asked for the brokers of the cluster');
      }
    }
  }
}
