/**
 * Apache's proxy (CLUSTER mode) before a name server and broker that run already: the gRPC endpoint of the oracle. Its gRPC and
 * remoting ports have no bind option and listen on every interface; they are free ports above the broker's.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child, freePort } from '../../process.js';
import { javaArgs, makeHome } from './home.js';
import { apacheVersion, jvmQuick, mavenLibrary } from './install.js';

const startTimeoutMs = 300_000;

/** Quick start and a small footprint. */
const jvm = ['-Xms64m', '-Xmx512m', '-XX:MaxDirectMemorySize=512m', ...jvmQuick] as const;

/**
 * Proxy settings for a judge that creates topics and asks at once: what the name server and the broker say is asked anew each second, and
 * the proxy introduces its producers to the broker each second, so that transaction checks find them.
 */
const impatient = {
  topicRouteServiceCacheRefreshSeconds: 1, topicConfigCacheRefreshSeconds: 1, subscriptionGroupConfigCacheRefreshSeconds: 1, transactionHeartbeatPeriodSecond: 1,
} as const;

/** The line with which the proxy says that it serves. */
export const proxyStarted = (line: string): boolean => line.includes('startup successfully');

export interface LocalProxyOptions {
  /** ROCKETMQ_HOME of the process. */
  readonly home: string;
  readonly namesrv: string;
  /** The broker's properties file. */
  readonly brokerConf: string;
  readonly version: string | undefined;
  readonly jvm: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Starts a proxy with the broker inside (LOCAL mode), Apache's defaults otherwise. @throws Missing when there is no Java or Maven. */
export async function startLocalProxy(options: LocalProxyOptions): Promise<{ readonly child: Child; readonly grpc: string }> {
  const { home, namesrv, brokerConf, jvm, env } = options;
  const classpath = await mavenLibrary('apache-proxy', 'conformance/adapters/apache/proxy-pom.xml', options.version ?? apacheVersion);
  const port = await freePort([0, 1]);
  const config = join(home, 'conf', 'rmq-proxy.json');
  writeFileSync(config, JSON.stringify({
    rocketMQClusterName: 'DefaultCluster', proxyClusterName: 'DefaultCluster', proxyMode: 'LOCAL', namesrvAddr: namesrv,
    grpcServerPort: port, remotingListenPort: port + 1, localServeAddr: '127.0.0.1',
  }));
  const args = ['-pm', 'LOCAL', '-pc', config, '-bc', brokerConf, '-n', namesrv];
  const child = new Child('Apache proxy with its broker', 'java', javaArgs(home, classpath, jvm, 'org.apache.rocketmq.proxy.ProxyStartup', args),
    { cwd: home, env: { ...env, RMQ_PROXY_HOME: home } });
  return { child, grpc: `127.0.0.1:${port}` };
}

export interface ApacheProxyOptions {
  readonly version?: string;
  /** host:port of the name server. */
  readonly namesrv: string;
  /** Further keys of rmq-proxy.json. */
  readonly config?: Readonly<Record<string, string | number | boolean>>;
}

export class ApacheProxy {
  /** host:port of the gRPC endpoint. */
  readonly grpc: string;
  /** host:port for remoting clients, in place of a name server. */
  readonly remoting: string;
  private readonly child: Child;
  private readonly parent: string;

  private constructor(port: number, child: Child, parent: string) {
    this.grpc = `127.0.0.1:${port}`;
    this.remoting = `127.0.0.1:${port + 1}`;
    this.child = child;
    this.parent = parent;
  }

  /** Starts it and waits until it serves. @throws Missing when there is no Java or Maven. */
  static async start(options: ApacheProxyOptions): Promise<ApacheProxy> {
    const classpath = await mavenLibrary('apache-proxy', 'conformance/adapters/apache/proxy-pom.xml', options.version ?? apacheVersion);
    const parent = mkdtempSync(join(tmpdir(), 'apache-proxy-'));
    const home = makeHome(parent, 'proxy');
    const port = await freePort([0, 1]);
    const config = join(home, 'conf', 'rmq-proxy.json');
    writeFileSync(config, JSON.stringify({
      rocketMQClusterName: 'DefaultCluster', proxyClusterName: 'DefaultCluster', proxyMode: 'CLUSTER', namesrvAddr: options.namesrv,
      grpcServerPort: port, remotingListenPort: port + 1, localServeAddr: '127.0.0.1', ...impatient, ...options.config,
    }));
    const child = new Child('Apache proxy', 'java',
      javaArgs(home, classpath, jvm, 'org.apache.rocketmq.proxy.ProxyStartup', ['-pc', config, '-n', options.namesrv]),
      { cwd: home, env: { ROCKETMQ_HOME: home, RMQ_PROXY_HOME: home } });
    const proxy = new ApacheProxy(port, child, parent);
    try {
      await child.line(proxyStarted, startTimeoutMs);
    } catch (error) {
      await proxy.dispose();
      throw error;
    }
    return proxy;
  }

  get pid(): number {
    return this.child.pid;
  }

  async dispose(): Promise<void> {
    await this.child.kill();
    rmSync(this.parent, { recursive: true, force: true });
  }
}
