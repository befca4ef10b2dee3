/**
 * `skylark proxy`: reads flags and the file, starts the proxy, prints the ready line, stops on signals. Exit codes as `skylark start`: 0 stopped; 1 failed while
 * running; 2 could not start.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ConfigError } from '../../config.js';
import { readConfigFile, readLogLevel, readSetFlags } from '../../flags.js';
import { createLog, type LogLevel } from '../../log.js';
import { StartError } from '../../node.js';
import { readProxyFile, resolveProxyConfig } from './config.js';
import { startProxyNode } from './node.js';

export const proxyHelp = `Usage: skylark proxy [options]

One endpoint in front of the brokers of a cluster, Skylark's and Apache's: gRPC clients (rocketmq-client-java, rocketmq-client-nodejs, ...) take the grpc=
address as their endpoints, remoting clients the remoting= address as their name server (namesrvAddr). Brokers are found by the name servers.

  skylark proxy --namesrv 10.0.0.1:9876
  skylark proxy --namesrv '10.0.0.1:9876;10.0.0.2:9876' --host 0.0.0.0 --set remotingAccessAddr=proxy.example.org

Options
  -n, --namesrv LIST        name servers, HOST:PORT separated by ;               (127.0.0.1:9876)
      --grpc-port N         port of the gRPC endpoint, 0 = a free one            (8081)
      --remoting-port N     port of the remoting endpoint, 0 = a free one        (8080)
      --host ADDRESS        address to listen on                                 (127.0.0.1)
  -c, --config FILE         rmq-proxy.json of Apache's proxy; flags win over it
      --set KEY=VALUE       any key of that file; may be given several times
      --log-level LEVEL     debug, info, warn, error or silent                   (warn)
  -h, --help

When it serves, one line goes to stdout:
  ready grpc=HOST:PORT remoting=HOST:PORT pid=N
It serves before name servers or brokers are there: clients are told until they come. Logs go to stderr as JSON lines. SIGTERM and SIGINT stop it: calls at
work are finished, exit code 0.
Exit codes: 0 stopped; 1 failed while running; 2 could not start (usage, configuration, port).
`;

const options = {
  namesrv: { type: 'string', short: 'n' },
  'grpc-port': { type: 'string' },
  'remoting-port': { type: 'string' },
  host: { type: 'string' },
  config: { type: 'string', short: 'c' },
  set: { type: 'string', multiple: true },
  'log-level': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

const flagKeys = [['namesrv', 'namesrvAddr'], ['grpc-port', 'grpcServerPort'], ['remoting-port', 'remotingListenPort'], ['host', 'bindAddress']] as const;

interface Invocation {
  readonly settings: ReadonlyMap<string, unknown>;
  readonly origin: string;
  readonly logLevel: LogLevel;
}

/** The flags of a command line as settings; a string is text to print before exit 0. Throws ConfigError. */
export function readProxyInvocation(argv: readonly string[], readFile: (path: string) => string): Invocation | string {
  let parsed;
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    throw new ConfigError(`${error instanceof Error ? error.message : String(error)} (skylark proxy --help lists the options)`);
  }
  const { values, positionals } = parsed;
  if (values.help === true) return proxyHelp;
  if (positionals.length > 0) throw new ConfigError(`'${positionals.join(' ')}' is too much (skylark proxy --help lists the options)`);
  const settings = new Map<string, unknown>();
  if (values.config !== undefined) {
    for (const [key, value] of readProxyFile(values.config, readConfigFile(values.config, readFile))) settings.set(key, value);
  }
  for (const [key, value] of readSetFlags(values.set)) settings.set(key, value);
  for (const [flag, key] of flagKeys) if (values[flag] !== undefined) settings.set(key, values[flag]);
  const logLevel = readLogLevel(values['log-level']);
  return { settings, origin: values.config ?? '', logLevel };
}

/** Runs until a signal; resolves when it serves, or with what could not start (an exit code). */
export async function proxyMain(argv: readonly string[]): Promise<void> {
  try {
    const invocation = readProxyInvocation(argv, (path) => readFileSync(path, 'utf8'));
    if (typeof invocation === 'string') {
      process.stdout.write(invocation);
      return;
    }
    const resolved = resolveProxyConfig(invocation.settings, invocation.origin);
    const log = createLog(invocation.logLevel);
    if (resolved.ignored.length > 0) log.warn({ keys: resolved.ignored }, 'these configuration keys of Apache have no effect here');
    const node = await startProxyNode(resolved, log);
    process.stdout.write(`ready grpc=${node.grpcAddress} remoting=${node.remotingAddress} pid=${process.pid}\n`);
    let stopping = false;
    const stop = (signal: string): void => {
      if (stopping) {
        process.stderr.write(`skylark: ${signal} again: leaving without waiting\n`);
        process.exit(1);
      }
      stopping = true;
      node.stop().then(() => log.flush()).then(() => process.exit(0), (error: unknown) => {
        process.stderr.write(`skylark: stop failed: ${error instanceof Error ? error.message : String(error)}\n`);
        process.exit(1);
      });
    };
    process.on('SIGTERM', () => stop('SIGTERM'));
    process.on('SIGINT', () => stop('SIGINT'));
  } catch (error) {
    if (!(error instanceof ConfigError) && !(error instanceof StartError)) throw error;
    process.stderr.write(`skylark: ${error.message}\n`);
    process.exitCode = 2;
  }
}
