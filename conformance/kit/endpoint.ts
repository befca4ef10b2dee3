/**
 * The endpoint under test, as cases see it: addresses, version and features, found out by asking. Starting one is `start.ts`; the
 * kit runs as well against one it did not start.
 */
import { req } from './codes.js';
import { EndpointError, RawConnection, splitAddress, type Answer, type HostPort } from './connection.js';
import { featureNames, type Feature } from './features.js';
import { seeHttp2 } from './grpc/greeting.js';
import { json } from './session.js';
import { createSigner, type Credentials, type Signer } from './wire/sign.js';
import { inVersions } from './case.js';

export interface Endpoint {
  /** For reports: `apache 5.5.0`. */
  readonly name: string;
  /** `apache`, `skylark`, `rocketmq` for one that is neither for sure, or what --kind says; known failures are listed by it. */
  readonly kind: string;
  /** Release whose protocol it speaks, x.y.z; undefined when it says none. */
  readonly version: string | undefined;
  readonly namesrv: HostPort;
  readonly broker: HostPort;
  readonly brokerName: string;
  readonly cluster: string;
  readonly grpc: HostPort | undefined;
  readonly storeDir: string | undefined;
  readonly features: ReadonlySet<Feature>;
  readonly profile: string;
  /** It is thrown away as a whole: cases leave their topics and groups. */
  readonly keepsTopics: boolean;
  /** Signs the kit's requests, where credentials were given. */
  readonly signer: Signer | undefined;
}

export interface DiscoverOptions {
  readonly namesrv: HostPort;
  readonly broker?: HostPort | undefined;
  readonly grpc?: HostPort | undefined;
  readonly storeDir?: string | undefined;
  readonly profile?: string | undefined;
  readonly kind?: string | undefined;
  readonly credentials?: Credentials | undefined;
  readonly keepsTopics?: boolean;
  /** Features that are (`with`) or are not (`without`) there, whatever probing says. */
  readonly with?: readonly Feature[];
  readonly without?: readonly Feature[];
  readonly timeoutMs?: number;
}

/** Profiles: what is known before asking. `full` asks for everything. */
export const profiles: Readonly<Record<string, { readonly doc: string; readonly without: readonly Feature[] }>> = {
  full: { doc: 'a broker and name server of which everything may be asked', without: [] },
  shared: { doc: 'an endpoint shared with others: nothing at the name server, no configuration', without: ['namesrv-admin', 'config-write'] },
  data: { doc: 'only data: no topic or group may be created by request', without: ['admin', 'namesrv-admin', 'config-read', 'config-write'] },
};

/**
 * Asks the name server for its brokers and the broker for its version and features.
 * @throws EndpointError when nothing answers there, or not as RocketMQ does.
 */
export async function discover(options: DiscoverOptions): Promise<Endpoint> {
  const timeoutMs = options.timeoutMs ?? 5000;
  const signer = options.credentials === undefined ? undefined : createSigner(options.credentials);
  const found = await findBroker(options, timeoutMs, signer);
  if (options.grpc !== undefined) await seeHttp2(options.grpc, timeoutMs);
  const connection = await RawConnection.open(found.broker, { timeoutMs, signer });
  try {
    const ask = (code: number, ext = {}, body?: string): Promise<Answer> => connection.request(code, ext, { timeoutMs, ...(body === undefined ? {} : { body }) });
    const runtime = await ask(req.GET_BROKER_RUNTIME_INFO);
    if (runtime.code !== 0 && (runtime.code === 16 || /acl|signature|access ?key/i.test(runtime.remark ?? ''))) throw new EndpointError('garbage', `${found.broker} ${signer === undefined ? 'asks for signed requests: --access-key and --secret-key' : 'does not take the credentials'} (${runtime.remark ?? 'no remark'})`);
    const version = versionIn(runtime) ?? versionOfOrdinal(runtime.version);
    const config = await ask(req.GET_BROKER_CONFIG);
    const kind = options.kind ?? kindIn(config);
    const without = new Set<Feature>([...(profiles[options.profile ?? 'full']?.without ?? []), ...(options.without ?? [])]);
    const probed = await probe(ask, version, config, options);
    if (await answersAt(fastPortOf(found.broker), signer)) probed.add('fast-port');
    if (signer !== undefined && await refusesUnsigned(found.broker, timeoutMs)) probed.add('acl');
    const features = new Set(featureNames.filter((name) => (probed.has(name) || options.with?.includes(name) === true) && !without.has(name)));
    return {
      name: `${kind}${version === undefined ? '' : ` ${version}`}`, kind, version, namesrv: options.namesrv, ...found,
      grpc: options.grpc, storeDir: options.storeDir, features, profile: options.profile ?? 'full', keepsTopics: options.keepsTopics === true, signer,
    };
  } finally {
    connection.close();
  }
}

async function findBroker(options: DiscoverOptions, timeoutMs: number, signer: Signer | undefined): Promise<Pick<Endpoint, 'broker' | 'brokerName' | 'cluster'>> {
  const connection = await RawConnection.open(options.namesrv, { timeoutMs, signer });
  try {
    const answer = await connection.request(req.GET_BROKER_CLUSTER_INFO, {}, { timeoutMs });
    if (answer.code !== 0) throw new EndpointError('garbage', `${options.namesrv} answered GET_BROKER_CLUSTER_INFO with code ${answer.code}, ${answer.remark ?? 'no remark'}: is it a name server?`);
    const brokers = brokersOf(answer);
    const chosen = options.broker === undefined ? brokers.find((one) => one.id === '0') ?? brokers[0] : brokers.find((one) => one.address === options.broker);
    if (chosen !== undefined) return { broker: chosen.address, brokerName: chosen.name, cluster: chosen.cluster };
    if (options.broker === undefined) throw new EndpointError('garbage', `no broker is registered with ${options.namesrv}: give one with --broker`);
    return { broker: options.broker, brokerName: brokers[0]?.name ?? 'broker-a', cluster: brokers[0]?.cluster ?? 'DefaultCluster' };
  } finally {
    connection.close();
  }
}

function brokersOf(answer: Answer): { name: string; cluster: string; id: string; address: HostPort }[] {
  let body: unknown;
  try {
    body = json(answer);
  } catch {
    throw new EndpointError('garbage', `the name server's cluster information is no JSON: ${answer.body.toString('utf8', 0, 200)}`);
  }
  const record = (value: unknown): Readonly<Record<string, unknown>> => (typeof value === 'object' && value !== null ? value as Readonly<Record<string, unknown>> : {});
  return Object.entries(record(record(body)['brokerAddrTable'])).flatMap(([name, data]) => {
    const { cluster, brokerAddrs } = record(data);
    return Object.entries(record(brokerAddrs)).flatMap(([id, address]) =>
      typeof address === 'string' && splitAddress(address) !== undefined ? [{ name, cluster: typeof cluster === 'string' ? cluster : '', id, address }] : []);
  });
}

/** Whose broker it is, told by configuration keys that only one of them has; all of them call themselves JAVA on the wire. */
function kindIn(config: Answer): string {
  const has = (key: string): boolean => config.code === 0 && new RegExp(`^${key}=`, 'm').test(config.body.toString('utf8'));
  return has('tailCacheBytesMax') ? 'skylark' : has('rocketmqHome') ? 'apache' : 'rocketmq';
}

/** A broker's second port is its listen port - 2. */
function fastPortOf(broker: HostPort): HostPort {
  const at = broker.lastIndexOf(':');
  return `${broker.slice(0, at)}:${Number(broker.slice(at + 1)) - 2}`;
}

/** Whether the broker asks for signed requests (ACL 1.0 and 2.0 alike refuse with a code of their own). */
async function refusesUnsigned(address: HostPort, timeoutMs: number): Promise<boolean> {
  const connection = await RawConnection.open(address, { timeoutMs });
  try {
    return (await connection.request(req.GET_BROKER_RUNTIME_INFO, {}, { timeoutMs })).code !== 0;
  } finally {
    connection.close();
  }
}

/** Whether a second port is served. A port that nobody listens on refuses at once; only one that says nothing is waited for. */
async function answersAt(address: HostPort, signer: Signer | undefined): Promise<boolean> {
  const timeoutMs = 3000;
  try {
    const connection = await RawConnection.open(address, { timeoutMs, signer });
    try {
      return (await connection.request(req.GET_MAX_OFFSET, { topic: 'conform_no_such_topic', queueId: 0 }, { timeoutMs })).code !== 3;
    } finally {
      connection.close();
    }
  } catch {
    return false;
  }
}

function versionIn(runtime: Answer): string | undefined {
  const match = /"brokerVersionDesc"\s*:\s*"V(\d+)_(\d+)_(\d+)/.exec(runtime.body.toString('utf8'));
  return match === null ? undefined : match.slice(1).join('.');
}

/** The release of an MQVersion ordinal, for endpoints that do not name theirs: each release from 4.0.0 on has a snapshot and a final entry. */
export function versionOfOrdinal(ordinal: number): string | undefined {
  const first = 413; // V5_0_0
  if (ordinal <= 0 || ordinal >= first + 200) return undefined;
  const release = Math.floor((ordinal - first) / 2) + 500;
  return release < 400 ? undefined : `${Math.floor(release / 100)}.${Math.floor(release / 10) % 10}.${release % 10}`;
}

/** undefined: no answer in time. */
async function askedOnce(ask: (code: number, ext?: object, body?: string) => Promise<Answer>, code: number, ext: object, body?: string): Promise<Answer | undefined> {
  try {
    return await ask(code, ext, body);
  } catch (error) {
    if (error instanceof EndpointError && error.kind === 'timeout') return undefined;
    throw error;
  }
}

/** Features by asking where a harmless request tells (unsupported codes are answered with 3), else by version. */
async function probe(ask: (code: number, ext?: object, body?: string) => Promise<Answer>, version: string | undefined, config: Answer, options: DiscoverOptions): Promise<Set<Feature>> {
  const out = new Set<Feature>(['wire', 'admin', 'batch', 'delay-level', 'binary-header', 'trace-topic', 'namesrv-admin']);
  const since = (from: string, ...names: Feature[]): void => {
    if (inVersions({ from }, version)) for (const name of names) out.add(name);
  };
  since('5.0.0', 'static-topic');
  since('5.1.0', 'heartbeat-v2');
  if (options.grpc !== undefined) out.add('grpc');
  if (options.storeDir !== undefined) out.add('store-dir');
  const nowhere = { topic: 'conform_no_such_topic', consumerGroup: 'conform_no_such_group' };
  const supported = async (names: readonly Feature[], code: number, ext: object, body?: string, alsoNot: readonly number[] = []): Promise<void> => {
    const answer = (await askedOnce(ask, code, ext, body)) ?? (await askedOnce(ask, code, ext, body)); // a busy endpoint is not one without the feature
    if (answer !== undefined && answer.code !== 3 && !alsoNot.includes(answer.code)) for (const name of names) out.add(name);
  };
  await supported(['pop', 'pop-order'], req.POP_MESSAGE, { ...nowhere, queueId: 0, maxMsgNums: 1, invisibleTime: 1000, pollTime: 0, bornTime: Date.now(), initMode: 0 });
  await supported(['assignment'], req.QUERY_ASSIGNMENT, {}, JSON.stringify({ ...nowhere, clientId: 'conform', strategyName: 'AVG', messageModel: 'CLUSTERING' }));
  await supported(['recall'], req.RECALL_MESSAGE, { topic: nowhere.topic, recallHandle: 'none', producerGroup: 'conform' }, undefined, [16]);
  // A half message nobody knows is answered SYSTEM_ERROR or ILLEGAL_OPERATION where transactions are served.
  await supported(['transaction'], req.END_TRANSACTION, { producerGroup: 'conform', tranStateTableOffset: 0, commitLogOffset: 2 ** 40, commitOrRollback: 12, fromTransactionCheck: false });
  await supported(['request-reply'], req.SEND_REPLY_MESSAGE_V2, {});
  await supported(['lite'], req.GET_BROKER_LITE_INFO, {}, undefined, [1]);
  if (config.code === 0) {
    out.add('config-read').add('config-write');
    const on = (key: string): boolean => new RegExp(`^${key}=true\\r?$`, 'm').test(config.body.toString('utf8'));
    if (on('enablePropertyFilter')) out.add('sql92');
    if (on('timerWheelEnable')) out.add('timer');
    if (/^priorityOrderAsc=/m.test(config.body.toString('utf8'))) out.add('priority');
    if (on('enableCalcFilterBitMap')) out.add('bloom');
    if (on('autoCreateTopicEnable')) out.add('auto-create-topic');
    if (on('autoCreateSubscriptionGroup')) out.add('auto-create-group');
  }
  return out;
}

/** An endpoint of which there is nothing but its files (`--store` alone). */
export function filesOnly(storeDir: string, options: Pick<DiscoverOptions, 'kind' | 'with' | 'without'>): Endpoint {
  const features = new Set<Feature>(['store-dir' as const, ...(options.with ?? [])].filter((name) => options.without?.includes(name) !== true));
  const kind = options.kind ?? 'store';
  return { name: kind, kind, version: undefined, namesrv: '', broker: '', brokerName: '', cluster: '', grpc: undefined, storeDir, features, profile: 'full', keepsTopics: true, signer: undefined };
}
