/**
 * `skylark proxy` before a name server and brokers of its own: two of Skylark's, or one of Apache's. Each is a process; the proxy and each of Skylark's brokers
 * can be ended and started again alone.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child, freePort } from '../process.js';
import { RawClient } from '../raw-client.js';
import { ApacheEndpoint } from './apache/apache.js';
import { skylarkMain } from './skylark.js';

const startTimeoutMs = 300_000;

/** For judges that create topics and ask at once, as those that start Apache's proxy have it. */
const impatient = {
  topicRouteServiceCacheRefreshSeconds: 1, topicConfigCacheRefreshSeconds: 1, subscriptionGroupConfigCacheRefreshSeconds: 1, transactionHeartbeatPeriodSecond: 1,
} as const;

/** One process of Skylark's with the command line it is started with again. */
export class SkylarkProcess {
  readonly name: string;
  private readonly args: readonly string[];
  private child: Child | undefined;
  private ready = '';

  constructor(name: string, args: readonly string[]) {
    this.name = name;
    this.args = args;
  }

  async start(): Promise<void> {
    this.child = new Child(this.name, process.execPath, [skylarkMain(), ...this.args]);
    this.ready = await this.child.line((line) => line.startsWith('ready '), startTimeoutMs);
  }

  /** A field of the ready line. */
  field(name: string): string {
    const value = new RegExp(`(?:^| )${name}=(\\S+)`).exec(this.ready)?.[1];
    if (value === undefined) throw new Error(`no ${name}= in: ${this.ready}`);
    return value;
  }

  get pid(): number {
    return this.child?.pid ?? -1;
  }

  async kill(): Promise<void> {
    await this.child?.kill();
  }

  async stop(): Promise<number | string | undefined> {
    return (await this.child?.stop()) ?? undefined;
  }

  get tail(): readonly string[] {
    return this.child?.tail ?? [];
  }
}

export interface ProxiedOptions {
  readonly brokers: 'skylark' | 'apache';
  /** Of the brokers, in Apache's names. */
  readonly config?: Readonly<Record<string, string | number | boolean>>;
  /** Further keys of rmq-proxy.json. */
  readonly proxy?: Readonly<Record<string, string | number | boolean>>;
}

export class Proxied {
  readonly name: string;
  readonly brokers: readonly SkylarkProcess[];
  proxy: SkylarkProcess;
  private readonly parent: string;
  private readonly namesrvProcess: SkylarkProcess | undefined;
  private readonly apache: ApacheEndpoint | undefined;

  private constructor(parts: { name: string; parent: string; brokers: readonly SkylarkProcess[]; proxy: SkylarkProcess; namesrv?: SkylarkProcess; apache?: ApacheEndpoint }) {
    this.name = parts.name;
    this.parent = parts.parent;
    this.brokers = parts.brokers;
    this.proxy = parts.proxy;
    this.namesrvProcess = parts.namesrv;
    this.apache = parts.apache;
  }

  static async start({ brokers: kind, config = {}, proxy: more = {} }: ProxiedOptions): Promise<Proxied> {
    const parent = mkdtempSync(join(tmpdir(), 'skylark-proxied-'));
    const started: SkylarkProcess[] = [];
    let apache: ApacheEndpoint | undefined;
    const run = async (name: string, args: readonly string[]): Promise<SkylarkProcess> => {
      const one = new SkylarkProcess(name, args);
      started.push(one);
      await one.start();
      return one;
    };
    try {
      const brokers: SkylarkProcess[] = [];
      let namesrv: SkylarkProcess | undefined;
      let address: string;
      if (kind === 'apache') {
        apache = await ApacheEndpoint.start({ config });
        address = apache.namesrv;
      } else {
        namesrv = await run('name server', ['namesrv', '--port', '0', '--data', join(parent, 'namesrv')]);
        address = namesrv.field('namesrv');
        for (const brokerName of ['broker-a', 'broker-b']) {
          const conf = join(parent, `${brokerName}.conf`);
          writeFileSync(conf, Object.entries({ brokerName, ...config }).map(([key, value]) => `${key}=${value}\n`).join(''));
          brokers.push(await run(brokerName, ['broker', '--port', String(await freePort([0, -2])), '--namesrv', address, '--data', join(parent, brokerName), '--config', conf]));
        }
      }
      const file = join(parent, 'rmq-proxy.json');
      writeFileSync(file, JSON.stringify({ namesrvAddr: address, grpcServerPort: await freePort(), remotingListenPort: await freePort(), ...impatient, ...more }));
      const proxy = await run('proxy', ['proxy', '--config', file]);
      const name = kind === 'apache' ? `skylark proxy, ${apache?.name ?? ''}` : 'skylark proxy, two brokers';
      return new Proxied({ name, parent, brokers, proxy, ...(namesrv === undefined ? {} : { namesrv }), ...(apache === undefined ? {} : { apache }) });
    } catch (error) {
      for (const one of started.reverse()) await one.kill();
      await apache?.dispose();
      rmSync(parent, { recursive: true, force: true });
      throw error;
    }
  }

  get namesrv(): string {
    return this.namesrvProcess?.field('namesrv') ?? this.apache?.namesrv ?? '';
  }

  get grpc(): string {
    return this.proxy.field('grpc');
  }

  get remoting(): string {
    return this.proxy.field('remoting');
  }

  get brokerAddresses(): readonly string[] {
    return this.apache === undefined ? this.brokers.map((one) => one.field('broker')) : [this.apache.broker];
  }

  async dispose(): Promise<void> {
    try {
      const exit = await this.proxy.stop();
      if (exit !== undefined && exit !== 0 && exit !== 'SIGKILL') throw new Error(`the proxy answered SIGTERM with exit ${exit}:\n${this.proxy.tail.join('\n')}`);
    } finally {
      for (const one of [...this.brokers, ...(this.namesrvProcess === undefined ? [] : [this.namesrvProcess])]) await one.kill();
      await this.apache?.dispose();
      rmSync(this.parent, { recursive: true, force: true });
    }
  }
}

/** Several brokers to whoever makes topics and groups, and reads queues. */
export class AllBrokers implements Pick<RawClient, 'ask' | 'createTopic' | 'readQueue' | 'close'> {
  private readonly clients: readonly RawClient[];

  private constructor(clients: readonly RawClient[]) {
    this.clients = clients;
  }

  static async connect(addresses: readonly string[]): Promise<AllBrokers> {
    return new AllBrokers(await Promise.all(addresses.map((address) => RawClient.connect(address))));
  }

  get first(): RawClient {
    const [first] = this.clients;
    if (first === undefined) throw new Error('there is no broker');
    return first;
  }

  async ask(...args: Parameters<RawClient['ask']>): ReturnType<RawClient['ask']> {
    const answers = await Promise.all(this.clients.map((client) => client.ask(...args)));
    return answers[0] ?? this.first.ask(...args);
  }

  async createTopic(...args: Parameters<RawClient['createTopic']>): Promise<void> {
    await Promise.all(this.clients.map((client) => client.createTopic(...args)));
  }

  /** Of all brokers, one after the other; one that does not have the queue has nothing. */
  async readQueue(...args: Parameters<RawClient['readQueue']>): ReturnType<RawClient['readQueue']> {
    const all = await Promise.all(this.clients.map((client) => client.readQueue(...args).then((messages) => ({ messages }), (error: unknown) => ({ error }))));
    const read = all.flatMap((one) => ('messages' in one ? [one.messages] : []));
    if (read.length > 0) return read.flat();
    const [failed] = all;
    throw failed !== undefined && 'error' in failed && failed.error instanceof Error ? failed.error : new Error('there is no broker');
  }

  close(): void {
    for (const client of this.clients) client.close();
  }
}
