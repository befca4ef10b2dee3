#!/usr/bin/env node
/**
 * The command `skylark`: reads flags and files, starts what was asked for, prints the ready line, stops on signals.
 * What a broker or name server is made of lies in node.ts.
 */
import { readFileSync } from 'node:fs';
import { readInvocation, type NodeRole } from './cli.js';
import { ConfigError, resolveConfig } from './config.js';
import { createLog } from './log.js';
import { StartError, startNode, type RunningNode } from './node.js';

const exitOk = 0;
const exitFailed = 1;
const exitUsage = 2;

/** `BrokerConfig#listenPort`, `ProxyConfig#grpcServerPort`. */
const brokerPortDefault = 10911;
const grpcPortDefault = 8081;

function readyLine(node: RunningNode): string {
  const parts = ['ready'];
  if (node.namesrvAddress !== undefined) parts.push(`namesrv=${node.namesrvAddress}`);
  if (node.brokerAddress !== undefined) parts.push(`broker=${node.brokerAddress}`);
  if (node.grpcAddress !== undefined) parts.push(`grpc=${node.grpcAddress}`);
  parts.push(`data=${node.dataDir}`, `pid=${process.pid}`);
  return parts.join(' ');
}

/** The gRPC port: what was asked for; beside a broker on the default port Apache's, else a free one; a broker alone serves gRPC only when asked. */
function grpcPortOf(role: NodeRole, asked: string | undefined, brokerPort: number): number | undefined {
  if (asked !== undefined) return resolveConfig(new Map([['listenPort', asked]]), '--grpc-port', 'namesrv').namesrv.listenPort;
  if (role !== 'start') return undefined;
  return brokerPort === brokerPortDefault ? grpcPortDefault : 0;
}

/** The conformance kit is no part of the broker: it is loaded only for this command, from where the package has it. */
async function conform(argv: readonly string[]): Promise<void> {
  const kit = (await import(new URL('../../conformance/kit/main.js', import.meta.url).href)) as { conformMain(argv: readonly string[]): Promise<number> };
  process.exitCode = await kit.conformMain(argv);
}

/** Commands that ask a running cluster: loaded only for them. */
async function admin(argv: readonly string[]): Promise<void> {
  const { adminMain } = await import('./admin/main.js');
  process.exitCode = await adminMain(argv, { out: (text) => void process.stdout.write(text), err: (text) => void process.stderr.write(text) });
}

/** No part of the broker either: a process of its own, beside it. */
async function filterServer(argv: readonly string[]): Promise<void> {
  const server = (await import(new URL('./filter-server/main.js', import.meta.url).href)) as { filterServerMain(argv: readonly string[]): Promise<void> };
  await server.filterServerMain(argv);
}

/** The endpoint before a cluster: loaded only for this command. */
async function proxy(argv: readonly string[]): Promise<void> {
  const { proxyMain } = await import('./proxy/cluster/main.js');
  await proxyMain(argv);
}

/** Makes files and ends. */
async function certificateFiles(argv: readonly string[]): Promise<void> {
  const { certificate } = await import('./certificate.js');
  process.stdout.write(certificate(argv, Date.now()));
}

async function run(argv: readonly string[]): Promise<void> {
  if (argv[0] === 'filter-server') return filterServer(argv.slice(1));
  if (argv[0] === 'conform') return conform(argv.slice(1));
  if (argv[0] === 'admin') return admin(argv.slice(1));
  if (argv[0] === 'proxy') return proxy(argv.slice(1));
  if (argv[0] === 'certificate') return certificateFiles(argv.slice(1));
  const invocation = readInvocation(argv, (path) => readFileSync(path, 'utf8'));
  if (typeof invocation === 'string') {
    process.stdout.write(invocation);
    return;
  }
  const { role, settings, namesrvPort, grpcPort, logLevel, origin } = invocation;
  const config = resolveConfig(settings, origin, role === 'namesrv' ? 'namesrv' : 'broker');
  if (namesrvPort !== undefined) {
    config.namesrv.listenPort = resolveConfig(new Map([['listenPort', namesrvPort]]), '--namesrv-port', 'namesrv').namesrv.listenPort;
  }
  const log = createLog(logLevel);
  if (config.ignored.length > 0) log.warn({ keys: config.ignored }, 'these configuration keys of Apache have no effect here');
  const node = await startNode({ role, config, log, logLevel, grpcPort: grpcPortOf(role, grpcPort, config.broker.listenPort) });
  process.stdout.write(`${readyLine(node)}\n`);

  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) {
      process.stderr.write(`skylark: ${signal} again: leaving without waiting\n`);
      process.exit(exitFailed);
    }
    stopping = true;
    log.info({ signal }, 'stopping');
    node
      .stop()
      .then(() => log.flush())
      .then(
        () => process.exit(exitOk),
        (error: unknown) => {
          process.stderr.write(`skylark: stop failed: ${error instanceof Error ? error.message : String(error)}\n`);
          process.exit(exitFailed);
        },
      );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
}

run(process.argv.slice(2)).catch((error: unknown) => {
  const known = error instanceof ConfigError || error instanceof StartError;
  process.stderr.write(`skylark: ${known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(known ? exitUsage : exitFailed);
});
