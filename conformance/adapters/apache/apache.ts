/**
 * Apache RocketMQ as an endpoint: name server and broker as separate JVMs on free loopback ports, each with its own home,
 * logs and a configuration file of ours. Fetching the jars is `install.ts`. The HA port has no bind option and listens on
 * every interface; it is given a free port and nothing connects to it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint, EndpointOptions } from '../../endpoint.js';
import { Child, freePort } from '../../process.js';
import { RawClient } from '../../raw-client.js';
import { javaArgs, makeHome } from './home.js';
import { apacheVersion, installApache, jvmSmall } from './install.js';
import { ApacheProxy, proxyStarted, startLocalProxy, type ApacheProxyOptions } from './proxy.js';

export interface ApacheOptions extends EndpointOptions {
  readonly version?: string;
  /** Start only a broker, against this name server (host:port). */
  readonly namesrv?: string;
  /** Further files of the broker's `conf` folder: text by name. */
  readonly confFiles?: Readonly<Record<string, string>>;
  /** Serve TLS on the same ports too, as Apache does by default. Its self-made RSA keys cost each JVM one to four seconds of a core; false with the small JVM flags. */
  readonly tls?: boolean;
  /** JVM flags instead of the small ones. */
  readonly jvm?: { readonly namesrv?: readonly string[]; readonly broker?: readonly string[] };
  /** Environment of both JVMs. */
  readonly env?: Readonly<Record<string, string>>;
  /** Start Apache's proxy as well, for its gRPC endpoint; LOCAL: the broker inside it. */
  readonly proxy?: boolean | 'LOCAL';
  /** Further keys of its rmq-proxy.json. */
  readonly proxyConfig?: ApacheProxyOptions['config'];
}

const bootSuccess = (line: string): boolean => line.includes('boot success');

/** An orderly stop of a loaded broker flushes and joins its threads; it takes a few seconds on a busy machine. */
const stopGraceMs = 45_000;
const startTimeoutMs = 300_000;

/**
 * Until this much time has passed after the start TransactionMetricsFlushService#run spins: ten seconds of a core by default. A benchmark, which says how the JVM
 * runs, gets what a user gets.
 */
const spinsLess = { transactionMetricFlushInterval: 1000 } as const;

/** Without a TLS mode no key is made at the start (TlsHelper#buildSslContext). */
function tlsFlags(options: Pick<ApacheOptions, 'tls' | 'jvm'>): readonly string[] {
  return options.jvm === undefined && options.tls !== true ? ['-Dtls.server.mode=disabled'] : [];
}

function writeProperties(path: string, properties: Readonly<Record<string, string | number | boolean>>): void {
  writeFileSync(path, Object.entries(properties).map(([key, value]) => `${key}=${value}\n`).join(''));
}

/** Apache's name server alone. */
export class ApacheNamesrv {
  readonly address: string;
  private readonly child: Child;
  private readonly parent: string;

  private constructor(address: string, child: Child, parent: string) {
    this.address = address;
    this.child = child;
    this.parent = parent;
  }

  static async start(options: Pick<ApacheOptions, 'version' | 'jvm' | 'tls' | 'env' | 'config'> & { readonly port?: number } = {}): Promise<ApacheNamesrv> {
    const classpath = await installApache(options.version);
    const parent = mkdtempSync(join(tmpdir(), 'apache-namesrv-'));
    const home = makeHome(parent, 'namesrv');
    const port = options.port ?? (await freePort());
    const conf = join(home, 'namesrv.conf');
    writeProperties(conf, { rocketmqHome: home, listenPort: port, bindAddress: '127.0.0.1', ...options.config });
    const child = new Child('Apache name server', 'java',
      javaArgs(home, classpath, [...(options.jvm?.namesrv ?? jvmSmall.namesrv), ...tlsFlags(options)], 'org.apache.rocketmq.namesrv.NamesrvStartup', ['-c', conf]),
      { cwd: home, env: { ROCKETMQ_HOME: home, ...options.env } });
    try {
      await child.line(bootSuccess, startTimeoutMs);
    } catch (error) {
      await child.kill();
      rmSync(parent, { recursive: true, force: true });
      throw error;
    }
    return new ApacheNamesrv(`127.0.0.1:${port}`, child, parent);
  }

  get pid(): number {
    return this.child.pid;
  }

  /** Ends it at once: a name server's memory is not worth an orderly stop. */
  async dispose(): Promise<void> {
    await this.child.kill();
    rmSync(this.parent, { recursive: true, force: true });
  }
}

export class ApacheEndpoint implements Endpoint {
  readonly name: string;
  readonly namesrv: string;
  readonly broker: string;
  readonly dataDir: string;
  readonly brokerName = 'broker-a';
  private readonly ownNamesrv: ApacheNamesrv | undefined;
  private readonly options: ApacheOptions;
  private readonly classpath: string;
  private readonly parent: string;
  private readonly home: string;
  private readonly port: number;
  private readonly haPort: number;
  private child: Child | undefined;
  private proxy: ApacheProxy | undefined;
  /** host:port of the gRPC endpoint that has the broker inside. */
  private localGrpc: string | undefined;

  private constructor(from: { options: ApacheOptions; classpath: string; namesrv: string; own: ApacheNamesrv | undefined; port: number; haPort: number }) {
    this.options = from.options;
    this.classpath = from.classpath;
    this.namesrv = from.namesrv;
    this.ownNamesrv = from.own;
    this.port = from.port;
    this.haPort = from.haPort;
    this.name = `apache-${from.options.version ?? apacheVersion}`;
    this.broker = `127.0.0.1:${from.port}`;
    this.parent = mkdtempSync(join(tmpdir(), 'apache-broker-'));
    this.home = makeHome(this.parent, 'broker');
    for (const [name, text] of Object.entries(from.options.confFiles ?? {})) writeFileSync(join(this.home, 'conf', name), text);
    this.dataDir = from.options.dataDir ?? join(this.parent, 'store');
  }

  /** Starts name server (unless one is given) and broker, and waits until the broker is registered. */
  static async start(options: ApacheOptions = {}): Promise<ApacheEndpoint> {
    const classpath = await installApache(options.version);
    const own = options.namesrv === undefined ? await ApacheNamesrv.start({
      ...(options.version === undefined ? {} : { version: options.version }),
      ...(options.jvm === undefined ? {} : { jvm: options.jvm }),
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      ...(options.env === undefined ? {} : { env: options.env }),
    }) : undefined;
    const namesrv = options.namesrv ?? own?.address ?? '';
    const port = await freePort([0, -2, 1]);
    const endpoint = new ApacheEndpoint({ options, classpath, namesrv, own, port, haPort: port + 1 });
    try {
      await endpoint.restart();
      if (options.proxy === true) endpoint.proxy = await ApacheProxy.start({ namesrv, ...(options.version === undefined ? {} : { version: options.version }), ...(options.proxyConfig === undefined ? {} : { config: options.proxyConfig }) });
    } catch (error) {
      await endpoint.dispose();
      throw error;
    }
    return endpoint;
  }

  /** host:port of the proxy's gRPC endpoint, when it was asked for. */
  get grpc(): string | undefined {
    return this.proxy?.grpc ?? this.localGrpc;
  }

  get pid(): number {
    return this.child?.pid ?? -1;
  }

  /** The folder with the broker's log and configuration. */
  get homeDir(): string {
    return this.home;
  }

  async restart(): Promise<void> {
    if (this.child?.running === true) throw new Error('the broker is running');
    const conf = join(this.home, 'broker.conf');
    writeProperties(conf, {
      rocketmqHome: this.home, namesrvAddr: this.namesrv, brokerClusterName: 'DefaultCluster', brokerName: this.brokerName, brokerId: 0,
      brokerIP1: '127.0.0.1', brokerIP2: '127.0.0.1', bindAddress: '127.0.0.1', listenPort: this.port, haListenPort: this.haPort,
      storePathRootDir: this.dataDir, storePathCommitLog: join(this.dataDir, 'commitlog'),
      autoCreateTopicEnable: true, enablePropertyFilter: true, recallMessageEnable: true,
      ...(this.options.jvm === undefined ? spinsLess : {}),
      ...this.options.config,
    });
    const jvm = [...(this.options.jvm?.broker ?? jvmSmall.broker), ...tlsFlags(this.options)];
    const env = { ROCKETMQ_HOME: this.home, ...this.options.env };
    if (this.options.proxy === 'LOCAL') {
      const { child, grpc } = await startLocalProxy({ home: this.home, namesrv: this.namesrv, brokerConf: conf, version: this.options.version, jvm, env });
      this.child = child;
      this.localGrpc = grpc;
      await child.line(proxyStarted, startTimeoutMs);
    } else {
      this.child = new Child('Apache broker', 'java', javaArgs(this.home, this.classpath, jvm, 'org.apache.rocketmq.broker.BrokerStartup', ['-c', conf]), { cwd: this.home, env });
      await this.child.line(bootSuccess, startTimeoutMs);
    }
    await this.registered();
  }

  private async registered(): Promise<void> {
    const client = await RawClient.connect(this.namesrv);
    try {
      for (let attempt = 0; attempt < 100; attempt++) {
        const info = await client.clusterInfo();
        if (JSON.stringify(info).includes(`"${this.broker}"`)) return;
        await sleep(100);
      }
      throw new Error(`${this.broker} did not register with ${this.namesrv}`);
    } finally {
      client.close();
    }
  }

  async stop(): Promise<void> {
    await this.child?.stop(stopGraceMs);
  }

  async kill(): Promise<void> {
    await this.child?.kill();
  }

  /** An orderly stop takes Apache ten seconds and more: done only where the store is kept. */
  async dispose(): Promise<void> {
    await this.proxy?.dispose();
    if (this.options.dataDir === undefined) await this.kill();
    else await this.stop();
    await this.ownNamesrv?.dispose();
    rmSync(this.parent, { recursive: true, force: true });
  }
}
