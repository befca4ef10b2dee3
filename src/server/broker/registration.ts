/**
 * Making the broker and its topics known to every configured name server (`BrokerController#registerBrokerAll`, `BrokerOuterAPI`): at start,
 * periodically, at once for changed topics, and taking itself off at the end. Sockets are remoting/client.ts.
 */
import { topicQueueMappingInfo } from '../../codec/bodies.js';
import type { TopicQueueMappingInfo } from '../../codec/bodies.js';
import { isMap, mapOf } from '../../codec/json-members.js';
import { readJson, writeJson } from '../../compat/fastjson.js';
import type { JsonOut } from '../../compat/fastjson.js';
import { crc31 } from '../../codec/crc32.js';
import type { Command } from '../../codec/command.js';
import { requests } from '../../codec/requests.js';
import { responseCodes, responseName } from '../../codec/responses.js';
import { parseAddressList } from '../../remoting/address-list.js';
import type { Clock, Log, OutgoingRequest, TimerHandle } from '../../remoting/types.js';
import type { BrokerConfig } from '../config-types.js';
import { newDataVersion } from './data-version.js';
import { permReadWrite, topicConfig } from './topics.js';
import type { TopicConfigTable } from './topics.js';
import type { TopicConfig } from './types.js';

/** `BrokerConfig#registerBrokerTimeoutMills`. */
const registerTimeoutMs = 24_000;
const unregisterTimeoutMs = 3_000;
/** First wait before a failed registration is tried again; doubles up to the period. */
const retryMsMin = 500;

/** What registration needs of the remoting client. */
export interface NamesrvCaller {
  call(address: string, request: OutgoingRequest, timeoutMs: number): Promise<Command>;
}

export interface RegistrationOptions {
  /** What is told of a static topic; undefined = it is none. */
  readonly mappingOf?: ((topic: string) => TopicQueueMappingInfo | undefined) | undefined;
  readonly config: BrokerConfig;
  readonly topics: TopicConfigTable;
  readonly client: NamesrvCaller;
  readonly clock: Clock;
  readonly log: Log;
  /** `ip:port` clients are told; asked at each registration. */
  readonly brokerAddress: () => string;
  /** `ip:port` of high availability, which a registration must name. */
  readonly haServerAddress: () => string;
  /** Addresses of filter servers of this broker, told with each registration. */
  readonly filterServers?: (() => readonly string[]) | undefined;
}

interface NameServer {
  readonly address: string;
  failures: number;
  retry: TimerHandle | undefined;
  registered: boolean;
}

/** Milliseconds between full registrations: `registerNameServerPeriod` within 10 to 60 seconds, as `BrokerController#start` clamps it. */
export function registerPeriodMs(config: BrokerConfig): number {
  return Math.max(10_000, Math.min(config.registerNameServerPeriod, 60_000));
}

export class Registration {
  readonly #options: RegistrationOptions;
  #servers: readonly NameServer[] = [];
  readonly #changed = new Map<string, TopicConfig>();
  readonly #underWay = new Set<Promise<void>>();
  #soon: TimerHandle | undefined;
  #timer: TimerHandle | undefined;
  #running = false;

  constructor(options: RegistrationOptions) {
    this.#options = options;
    options.topics.onChange((changed) => this.#topicsChanged(changed));
  }

  /** Name servers that took the last registration. */
  registeredWith(): readonly string[] {
    return this.#servers.filter((server) => server.registered).map((server) => server.address);
  }

  /** Registers everything with each name server of `namesrvAddr`, which is read now; resolves when each name server answered or failed once. Failures are tried again later, never thrown. */
  async start(): Promise<void> {
    this.#running = true;
    this.#servers = parseAddressList(this.#options.config.namesrvAddr)
      .map((address) => ({ address, failures: 0, retry: undefined, registered: false }));
    const period = registerPeriodMs(this.#options.config);
    this.#timer = this.#options.clock.setInterval(() => this.#registerAll(), period);
    this.#registerAll();
    await this.settled();
  }

  /** Registers everything anew at once, with a new data version: what routes show changed without a topic changing. */
  async again(): Promise<void> {
    this.#options.topics.touch();
    this.refresh();
    await this.settled();
  }

  /** Registers everything once more at once: what is beside the topics changed. */
  refresh(): void {
    if (this.#running) this.#registerAll();
  }

  /** Resolves when registrations under way, changed topics included, were answered or failed. */
  async settled(): Promise<void> {
    if (this.#soon !== undefined) this.#registerChanged();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** Takes the broker off every name server; failures are logged only. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    this.#timer?.clear();
    this.#soon?.clear();
    this.#soon = undefined;
    for (const server of this.#servers) server.retry?.clear();
    await Promise.all(this.#underWay);
    const { config } = this.#options;
    const ext = {
      brokerAddr: this.#options.brokerAddress(),
      brokerId: String(config.brokerId),
      brokerName: config.brokerName,
      clusterName: config.brokerClusterName,
    };
    await Promise.all(this.#servers.map(async (server) => {
      server.registered = false;
      try {
        await this.#options.client.call(server.address, { code: requests.UNREGISTER_BROKER.code, ext }, unregisterTimeoutMs);
      } catch (error) {
        this.#options.log.warn({ nameServer: server.address, why: text(error) }, 'broker not unregistered');
      }
    }));
  }

  #topicsChanged(changed: readonly TopicConfig[]): void {
    for (const config of changed) this.#changed.set(config.topicName, config);
    if (!this.#running) return;
    this.#soon ??= this.#options.clock.setTimeout(() => this.#registerChanged(), 0);
  }

  #registerChanged(): void {
    this.#soon?.clear();
    this.#soon = undefined;
    const configs = [...this.#changed.values()];
    this.#changed.clear();
    if (configs.length === 0 || !this.#running) return;
    const body = this.#body(configs);
    for (const server of this.#servers) this.#track(this.#register(server, body));
  }

  #registerAll(): void {
    this.#changed.clear();
    const body = this.#fullBody();
    for (const server of this.#servers) this.#track(this.#register(server, body));
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }

  #fullBody(): Buffer {
    return this.#body(Array.from(this.#options.topics.all(), (topic) => topic.config));
  }

  /** `RegisterBrokerBody`; with a broker that may not be read or written, topics carry the permission that is left. */
  #body(configs: readonly TopicConfig[]): Buffer {
    const { config, topics, clock } = this.#options;
    const restricted = (config.brokerPermission & permReadWrite) !== permReadWrite;
    const table = new Map<string, JsonOut>();
    const mappings = new Map<string, JsonOut>();
    for (const topic of configs) {
      const told = restricted
        ? topicConfig(topic.topicName, {
            readQueueNums: topic.readQueueNums,
            writeQueueNums: topic.writeQueueNums,
            perm: topic.perm & config.brokerPermission,
            topicSysFlag: topic.topicSysFlag,
          })
        : topic;
      table.set(topic.topicName, { ...told });
      const mapping = this.#options.mappingOf?.(topic.topicName);
      if (mapping !== undefined) mappings.set(topic.topicName, topicQueueMappingInfo.write(mapping));
    }
    return Buffer.from(writeJson({
      filterServerList: [...(this.#options.filterServers?.() ?? [])],
      topicConfigSerializeWrapper: {
        dataVersion: { ...topics.dataVersion },
        mappingDataVersion: { ...newDataVersion(clock.nowMs()) },
        topicConfigTable: table,
        topicQueueMappingDetailMap: {},
        topicQueueMappingInfoMap: mappings,
      },
    }));
  }

  async #register(server: NameServer, body: Buffer): Promise<void> {
    const { config, client, log } = this.#options;
    server.retry?.clear();
    server.retry = undefined;
    const ext = {
      bodyCrc32: String(crc31(body, 0, body.length)),
      brokerAddr: this.#options.brokerAddress(),
      brokerId: String(config.brokerId),
      brokerName: config.brokerName,
      clusterName: config.brokerClusterName,
      compressed: 'false',
      enableActingMaster: 'false',
      haServerAddr: this.#options.haServerAddress(),
    };
    try {
      const answer = await client.call(server.address, { code: requests.REGISTER_BROKER.code, ext, body }, registerTimeoutMs);
      if (answer.code !== responseCodes.SUCCESS) {
        throw new Error(`${responseName(answer.code) ?? answer.code} ${answer.remark ?? ''}`.trim());
      }
      if (!server.registered || server.failures > 0) log.info({ nameServer: server.address, brokerAddr: ext.brokerAddr }, 'broker registered');
      server.failures = 0;
      server.registered = true;
      this.#takeOrderTopics(answer.body);
    } catch (error) {
      server.registered = false;
      const waitMs = Math.min(retryMsMin * 2 ** Math.min(server.failures, 10), registerPeriodMs(config));
      if (server.failures++ === 0) log.warn({ nameServer: server.address, why: text(error) }, 'broker not registered, trying again');
      this.#retryLater(server, waitMs);
    }
  }

  #retryLater(server: NameServer, waitMs: number): void {
    if (!this.#running) return;
    server.retry?.clear();
    server.retry = this.#options.clock.setTimeout(() => this.#track(this.#register(server, this.#fullBody())), waitMs);
  }

  /** The answer's body is the name server's ORDER_TOPIC_CONFIG: its keys are topics to be consumed in order. */
  #takeOrderTopics(body: Buffer): void {
    if (body.length === 0) return;
    try {
      const table = readJson(body);
      if (!isMap(table)) return;
      const names: string[] = [];
      for (const name of mapOf(table, 'table').keys()) if (typeof name === 'string') names.push(name);
      this.#options.topics.markOrdered(names);
    } catch (error) {
      this.#options.log.warn({ why: text(error) }, 'answer to the registration cannot be read');
    }
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
