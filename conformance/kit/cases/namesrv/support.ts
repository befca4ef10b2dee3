/**
 * A broker that exists only in its registrations: made-up name, cluster and addresses (with port 0, so that nobody looking for
 * brokers at the same time connects to it). It lives on a connection of its own and is unregistered at the end of the case.
 */
import { crc32, deflateSync } from 'node:zlib';
import { req, res } from '../../codes.js';
import type { Answer, RawConnection, RequestOptions } from '../../connection.js';
import type { Context } from '../../context.js';
import { code, present } from '../../expect.js';
import { json } from '../../session.js';
import type { Ext } from '../../wire/header-json.js';

export interface QueueData {
  readonly brokerName: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  readonly perm: number;
  readonly topicSysFlag?: number;
}

export interface BrokerData {
  readonly cluster: string;
  readonly brokerName: string;
  readonly brokerAddrs: Readonly<Record<string, string>>;
  readonly zoneName?: string;
  readonly enableActingMaster?: boolean;
}

/** TopicRouteData. */
export interface Route {
  readonly queueDatas: readonly QueueData[];
  readonly brokerDatas: readonly BrokerData[];
  readonly filterServerTable: Readonly<Record<string, readonly string[]>>;
  readonly orderTopicConf?: string;
}

export interface DataVersion {
  readonly stateVersion: number;
  readonly timestamp: number;
  readonly counter: number;
}

/** A topic as a broker registers it. */
export interface TopicRow {
  readonly topic: string;
  /** Default 4. */
  readonly readQueues?: number;
  readonly writeQueues?: number;
  /** Default 6. */
  readonly perm?: number;
  readonly sysFlag?: number;
}

export interface Registration {
  /** Default: one topic of the case and a filler, since a lone topic is an update of a broker that is known already. */
  readonly topics?: readonly TopicRow[];
  readonly brokerId?: number;
  readonly address?: string;
  readonly haAddress?: string;
  readonly version?: Partial<DataVersion>;
  readonly filterServers?: readonly string[];
  readonly compressed?: boolean;
  /** Fields that replace or (undefined) leave out those of the header. */
  readonly ext?: Ext;
  readonly body?: Buffer | string;
  readonly options?: Omit<RequestOptions, 'body'>;
}

/** The topics by name, as RegisterBrokerBody has them. */
function topicTable(topics: readonly TopicRow[]): Record<string, unknown> {
  return Object.fromEntries(topics.map((row) => [row.topic, {
    topicName: row.topic, readQueueNums: row.readQueues ?? 4, writeQueueNums: row.writeQueues ?? 4, perm: row.perm ?? 6, order: false,
    topicFilterType: 'SINGLE_TAG', topicSysFlag: row.sysFlag ?? 0, attributes: {},
  }]));
}

/** RegisterBrokerBody#encode with compression: zlib over length-prefixed DataVersion, topics as text, filter servers and mappings. */
export function compressedBody(topics: readonly TopicRow[], version: DataVersion, filterServers: readonly string[] = []): Buffer {
  const number = (value: number): Buffer => {
    const out = Buffer.alloc(4);
    out.writeInt32BE(value);
    return out;
  };
  const text = (value: string): Buffer[] => [number(Buffer.byteLength(value)), Buffer.from(value)];
  const rows = topics.flatMap((row) => text(`${row.topic} ${row.readQueues ?? 4} ${row.writeQueues ?? 4} ${row.perm ?? 6} SINGLE_TAG`));
  return deflateSync(Buffer.concat([...text(JSON.stringify(version)), number(topics.length), ...rows, ...text(JSON.stringify(filterServers)), number(0)]));
}

/** CRC32 without its top bit, as `UtilAll#crc32`. */
export function bodyCrc(body: Buffer | string): number {
  return crc32(body) & 0x7fffffff;
}

export class FakeBroker {
  readonly name: string;
  readonly cluster: string;
  readonly address: string;
  readonly connection: RawConnection;
  /** A topic of this broker alone. */
  readonly topic: string;
  readonly filler: string;
  private readonly addresses = new Map<string, number>();

  private constructor(t: Context, connection: RawConnection, cluster: string | undefined) {
    this.connection = connection;
    this.name = t.topicName('b');
    this.cluster = cluster ?? t.topicName('c');
    this.address = this.at('m');
    this.topic = t.topicName('t');
    this.filler = t.topicName('f');
  }

  /** A broker that has not registered yet. */
  static async create(t: Context, cluster?: string): Promise<FakeBroker> {
    const broker = new FakeBroker(t, await t.connect('namesrv', { label: 'fake broker' }), cluster);
    t.cleanup(() => broker.leave(t.namesrv()), `unregister ${broker.name}`);
    return broker;
  }

  /** A broker that has registered as master with its topic and filler. */
  static async registered(t: Context, registration: Registration = {}, cluster?: string): Promise<FakeBroker> {
    const broker = await FakeBroker.create(t, cluster);
    code(await broker.register(registration), res.SUCCESS, 'registration of a broker');
    return broker;
  }

  /** An address of this broker, by a word that tells it from others; nothing can listen there. */
  at(word: string): string {
    return `nowhere-${this.name}-${word}:0`;
  }

  /** The HA address that goes with an address. */
  static ha(address: string): string {
    return `ha-${address}`;
  }

  async register(registration: Registration = {}): Promise<Answer> {
    const topics = registration.topics ?? [{ topic: this.topic }, { topic: this.filler }];
    const version: DataVersion = { stateVersion: 0, timestamp: 1, counter: 1, ...registration.version };
    const filterServerList = registration.filterServers ?? [];
    const body = registration.body ?? (registration.compressed === true ? compressedBody(topics, version, filterServerList)
      : JSON.stringify({ filterServerList, topicConfigSerializeWrapper: { dataVersion: version, topicConfigTable: topicTable(topics), topicQueueMappingInfoMap: {}, topicQueueMappingDetailMap: {}, mappingDataVersion: version } }));
    const address = registration.address ?? this.address;
    const brokerId = registration.brokerId ?? 0;
    this.addresses.set(address, brokerId);
    return this.connection.request(req.REGISTER_BROKER, {
      brokerName: this.name, brokerAddr: address, clusterName: this.cluster, haServerAddr: registration.haAddress ?? FakeBroker.ha(address), brokerId,
      compressed: registration.compressed ?? false, bodyCrc32: bodyCrc(body), ...registration.ext,
    }, { ...registration.options, body });
  }

  unregister(brokerId = 0, address = this.address, connection = this.connection): Promise<Answer> {
    return connection.request(req.UNREGISTER_BROKER, { brokerName: this.name, brokerAddr: address, clusterName: this.cluster, brokerId });
  }

  private async leave(open: Promise<RawConnection>): Promise<void> {
    const connection = await open;
    for (const [address, brokerId] of this.addresses) await this.unregister(brokerId, address, connection);
  }
}

/** The answer to a question for a route. */
export async function askRoute(t: Context, topic: string, ext: Ext = {}, options: RequestOptions = {}): Promise<Answer> {
  return (await t.namesrv()).request(req.GET_ROUTEINFO_BY_TOPIC, { topic, ...ext }, options);
}

/** The route of a topic, which must have one. */
export async function routeOf(t: Context, topic: string, ext: Ext = {}): Promise<Route> {
  const answer = await askRoute(t, topic, ext);
  code(answer, res.SUCCESS, `route of ${topic}`);
  return json(answer) as Route;
}

/** What a broker has of a topic in its route. */
export async function queuesOf(t: Context, topic: string, brokerName: string): Promise<QueueData> {
  return present((await routeOf(t, topic)).queueDatas.find((one) => one.brokerName === brokerName), `queue data of ${brokerName}`);
}

/** Waits until the topic has no route any more. */
export async function routeGone(t: Context, topic: string, timeoutMs = 5000): Promise<void> {
  await t.until(`the route of ${topic} is gone`, async () => (await askRoute(t, topic)).code === res.TOPIC_NOT_EXIST, timeoutMs);
}

/** `topicList` of a TopicList body. */
export function topicsIn(answer: Answer): readonly string[] {
  return (json(answer) as { readonly topicList: readonly string[] }).topicList;
}

/** ClusterInfo. */
export async function clusterInfo(t: Context): Promise<{ readonly brokerAddrTable: Readonly<Record<string, BrokerData>>; readonly clusterAddrTable: Readonly<Record<string, readonly string[]>> }> {
  // Apache encodes its live tables: brokers that register meanwhile can break that one answer.
  const answer = await t.until('cluster information without interference', async () => {
    const one = await (await t.namesrv()).request(req.GET_BROKER_CLUSTER_INFO);
    return one.remark?.includes('ConcurrentModificationException') === true ? undefined : one;
  });
  code(answer, res.SUCCESS, 'cluster information');
  return json(answer) as Awaited<ReturnType<typeof clusterInfo>>;
}
