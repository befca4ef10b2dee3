/**
 * The command line: flags and files become configuration settings, or a text to print, or a ConfigError that names what was wrong.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readProperties } from '../compat/properties-file.js';
import { ConfigError } from './config.js';
import { readConfigFile, readLogLevel, readSetFlags } from './flags.js';
import type { LogLevel } from './log.js';

/** What the process runs: both servers, or one of them. */
export type NodeRole = 'start' | 'namesrv' | 'broker';

const help = `Usage: skylark <command> [options]

Commands
  start      name server and broker in one process (the default)
  namesrv    a name server
  broker     a broker that registers with the name servers of --namesrv or its configuration file
  filter-server  runs consumers' own filters beside a broker: skylark filter-server --broker HOST:PORT (filter-server --help tells more)
  proxy      the gRPC and remoting endpoints before the brokers of a cluster: skylark proxy --namesrv HOST:PORT (proxy --help tells more)
  certificate  a key and a certificate signed by it, for tests of TLS: skylark certificate --out DIR (certificate --help tells more)
  conform    judges a RocketMQ endpoint by named cases: skylark conform --namesrv HOST:PORT (conform --help tells more)
  admin      asks a running cluster: skylark admin topic create Orders, skylark admin message trace MSGID (admin --help tells more)

Options
  -c, --config FILE       broker.conf in Apache's properties form; flags win over it
      --data DIR          where the store lives                      (./data)
      --host ADDRESS      address to listen on                       (127.0.0.1)
      --port N            port of the broker, 0 = a free one         (10911; namesrv: 9876)
      --namesrv-port N    port of the name server (start)            (9876)
      --grpc-port N       port of the gRPC endpoint, 0 = a free one  (start: 8081, or a free one when --port is not the default)
  -n, --namesrv LIST      name servers to register with (broker), HOST:PORT separated by ;
      --flush MODE        sync: acknowledge after the disk has it; async: after the system has it   (async)
      --set KEY=VALUE     any configuration key; may be given several times
      --log-level LEVEL   debug, info, warn, error or silent          (warn)
  -h, --help
  -v, --version

When it serves, one line goes to stdout:
  ready namesrv=HOST:PORT broker=HOST:PORT grpc=HOST:PORT data=DIR pid=N
Logs go to stderr as JSON lines. SIGTERM and SIGINT stop it: what was accepted is written, exit code 0.
Exit codes: 0 stopped; 1 failed while running; 2 could not start (usage, configuration, port, data directory).

Clients: point an SDK's name server address (namesrvAddr, NAMESRV_ADDR) at the namesrv= address of the ready line; an SDK of the gRPC kind
(rocketmq-client-java, rocketmq-client-nodejs, ...) takes the grpc= address as its endpoints.
`;

const options = {
  config: { type: 'string', short: 'c' },
  data: { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  'namesrv-port': { type: 'string' },
  'grpc-port': { type: 'string' },
  namesrv: { type: 'string', short: 'n' },
  flush: { type: 'string' },
  set: { type: 'string', multiple: true },
  'log-level': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

/** A command line that was understood. */
export interface Invocation {
  readonly role: NodeRole;
  readonly settings: ReadonlyMap<string, string>;
  readonly namesrvPort: string | undefined;
  readonly grpcPort: string | undefined;
  readonly logLevel: LogLevel;
  readonly origin: string;
}

/** The flags of a command line as configuration settings. Throws ConfigError for what it cannot read; a string is text to print before exit 0. */
export function readInvocation(argv: readonly string[], readFile: (path: string) => string): Invocation | string {
  let parsed;
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    throw new ConfigError(`${error instanceof Error ? error.message : String(error)} (skylark --help lists the options)`);
  }
  const { values, positionals } = parsed;
  if (values.help === true) return help;
  if (values.version === true) return `${packageVersion()}\n`;
  const command = positionals[0] ?? 'start';
  if (positionals.length > 1) throw new ConfigError(`one command at a time: '${positionals.slice(1).join(' ')}' is too much`);
  if (command !== 'start' && command !== 'namesrv' && command !== 'broker') {
    throw new ConfigError(`unknown command '${command}': start, namesrv or broker`);
  }
  const settings = new Map<string, string>();
  let origin = '';
  if (values.config !== undefined) {
    origin = values.config;
    for (const [key, value] of readProperties(readConfigFile(values.config, readFile))) settings.set(key, value);
  }
  // Whoever brings Apache's configuration gets Apache's defaults; whoever just starts one for his programs gets what they may ask for.
  if (command === 'start' && values.config === undefined) for (const key of ['enablePropertyFilter', 'enableLmq', 'enableMultiDispatch']) settings.set(key, 'true');
  for (const [key, value] of readSetFlags(values.set)) settings.set(key, value);
  if (values.data !== undefined) settings.set('storePathRootDir', values.data);
  if (values.host !== undefined) settings.set('bindAddress', values.host);
  if (values.port !== undefined) settings.set('listenPort', values.port);
  if (values.flush !== undefined) settings.set('flushDiskType', flushType(values.flush));
  if (values.namesrv !== undefined) {
    if (command !== 'broker') throw new ConfigError(`--namesrv goes with the command broker; ${command} brings its own`);
    settings.set('namesrvAddr', values.namesrv);
  }
  if (values['namesrv-port'] !== undefined && command !== 'start') throw new ConfigError(`--namesrv-port goes with the command start; use --port`);
  if (values['grpc-port'] !== undefined && command === 'namesrv') throw new ConfigError('--grpc-port goes with the commands start and broker');
  const logLevel = readLogLevel(values['log-level']);
  return { role: command, settings, namesrvPort: values['namesrv-port'], grpcPort: values['grpc-port'], logLevel, origin };
}

function flushType(mode: string): string {
  if (mode === 'sync') return 'SYNC_FLUSH';
  if (mode === 'async') return 'ASYNC_FLUSH';
  throw new ConfigError(`--flush must be sync or async, not '${mode}'`);
}

function packageVersion(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
