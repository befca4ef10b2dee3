/** The command `skylark filter-server`: reads flags, files or, started by a broker, its settings from stdin; runs until a signal or the end of stdin. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { readProperties } from '../../compat/properties-file.js';
import { ConfigError, resolveConfig } from '../config.js';
import { readConfigFile, readLogLevel, readSetFlags } from '../flags.js';
import { createLog, type LogLevel } from '../log.js';
import { StartError } from '../node.js';
import { startFilterServer } from './start.js';

const help = `Usage: skylark filter-server [options]

Runs filters that consumers upload (a Java class, or a script whose name ends in .js) between a broker and its consumers. The broker takes it with
filterServerEnable=true; with filterServerNums=N it starts N of them by itself.

Options
  -b, --broker HOST:PORT  the broker whose messages are filtered         (127.0.0.1:10911)
      --host ADDRESS      address to listen on                           (127.0.0.1)
      --port N            port, 0 = a free one                           (0)
  -c, --config FILE       keys in properties form (docs/filter-server.md); flags win over it
      --set KEY=VALUE     any configuration key; may be given several times
      --log-level LEVEL   debug, info, warn, error or silent             (warn)
  -h, --help

When it serves, one line goes to stdout:
  ready filterServer=HOST:PORT broker=HOST:PORT dir=DIR pid=N
`;

const options = {
  broker: { type: 'string', short: 'b' },
  host: { type: 'string' },
  port: { type: 'string' },
  config: { type: 'string', short: 'c' },
  set: { type: 'string', multiple: true },
  'log-level': { type: 'string' },
  'settings-on-stdin': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

interface Invocation {
  readonly settings: Map<string, string>;
  readonly logLevel: LogLevel;
  readonly fromStdin: boolean;
  readonly origin: string;
}

/** The flags as settings; a string is text to print. Throws ConfigError. */
export function readFilterServerInvocation(argv: readonly string[], readFile: (path: string) => string): Invocation | string {
  let values;
  try {
    ({ values } = parseArgs({ args: [...argv], options }));
  } catch (error) {
    throw new ConfigError(`${error instanceof Error ? error.message : String(error)} (skylark filter-server --help lists the options)`);
  }
  if (values.help === true) return help;
  const settings = new Map<string, string>();
  if (values.config !== undefined) for (const [key, value] of readProperties(readConfigFile(values.config, readFile))) settings.set(key, value);
  for (const [key, value] of readSetFlags(values.set)) settings.set(key, value);
  if (values.broker !== undefined) settings.set('connectWhichBroker', values.broker);
  if (values.host !== undefined) settings.set('bindAddress', values.host);
  if (values.port !== undefined) settings.set('listenPort', values.port);
  const logLevel = readLogLevel(values['log-level']);
  return { settings, logLevel, fromStdin: values['settings-on-stdin'] === true, origin: values.config ?? '' };
}

/** The first line of stdin, an object of texts; `ended` is called when stdin ends. */
async function settingsFromStdin(ended: () => void): Promise<Map<string, string>> {
  const lines = createInterface({ input: process.stdin });
  const first = new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    lines.once('close', () => {
      reject(new ConfigError('stdin ended before the settings'));
      ended();
    });
  });
  const value = JSON.parse(await first) as Record<string, unknown>;
  return new Map(Object.entries(value).map(([key, text]) => [key, String(text)]));
}

/** Runs until it is told to stop. Ends the process with 2 when it cannot start. */
export async function filterServerMain(argv: readonly string[]): Promise<void> {
  try {
    await run(argv);
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof StartError)) throw error;
    process.stderr.write(`skylark: ${error.message}\n`);
    process.exit(2);
  }
}

async function run(argv: readonly string[]): Promise<void> {
  const invocation = readFilterServerInvocation(argv, (path) => readFileSync(path, 'utf8'));
  if (typeof invocation === 'string') {
    process.stdout.write(invocation);
    return;
  }
  let stop: () => void = () => process.exit(0);
  const settings = invocation.fromStdin ? await settingsFromStdin(() => stop()) : invocation.settings;
  const config = resolveConfig(settings, invocation.origin, 'filterServer');
  const log = createLog(invocation.logLevel);
  const running = await startFilterServer(config, log);
  let stopping = false;
  stop = () => {
    if (stopping) process.exit(1);
    stopping = true;
    running.stop().then(() => log.flush()).then(() => process.exit(0), () => process.exit(1));
  };
  process.on('SIGTERM', () => stop());
  process.on('SIGINT', () => {
    // Ctrl-C reaches the whole group: the broker ends this one by stdin.
    if (!invocation.fromStdin) stop();
  });
  process.stdout.write(`ready filterServer=${running.address} broker=${config.filterServer.connectWhichBroker} dir=${running.dir} pid=${process.pid}\n`);
}
