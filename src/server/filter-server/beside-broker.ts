/**
 * Filter servers that a broker's process starts beside itself, as many as its configuration said at start (`filterServerNums`). Apache runs a shell
 * script whenever one is missing, with words that a request could change (CVE-2023-33246); here it is this program again, without a shell, and no
 * request has a word in it. Their settings go over stdin, and stdin's end tells them that the broker is gone.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Clock, Log, TimerHandle } from '../../remoting/types.js';
import type { Resolved } from '../config.js';
import type { LogLevel } from '../log.js';

/** First wait before one that ended is started again; doubles up to Apache's period (`FilterServerManager#start`). */
const againMsMin = 1_000;
const againMsMax = 30_000;
/** One that ran for so long did not fail at start. */
const provenMs = 60_000;
/** How long one may take to end by itself. */
const graceMs = 5_000;

export interface BesideOptions {
  /** The file of the command, which is run again. */
  readonly main: string;
  readonly count: number;
  readonly config: Resolved;
  /** What they dial. */
  readonly brokerAddress: string;
  readonly workDir: string;
  readonly logLevel: LogLevel;
  readonly clock: Clock;
  readonly log: Log;
}

export interface BesideBroker {
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** What a filter server is told: its own keys, the address to listen on, TLS. */
function settingsOf(options: BesideOptions, index: number): Record<string, string> {
  const { config } = options;
  const texts = (table: object): [string, string][] => Object.entries(table).map(([key, value]) => [key, String(value)]);
  return {
    ...Object.fromEntries([...texts(config.server), ...texts(config.tls), ...texts(config.filterServer)]),
    listenPort: '0',
    connectWhichBroker: options.brokerAddress,
    filterServerDir: join(options.workDir, String(index)),
    ...(config.filterServer.filterServerIP === '' ? { filterServerIP: config.broker.brokerIP1 } : {}),
  };
}

/** Starts them and keeps them up until `drain`. */
export function startBesideBroker(options: BesideOptions): BesideBroker {
  const { clock, log, logLevel } = options;
  const children = new Set<ChildProcess>();
  const timers = new Set<TimerHandle>();
  let running = true;

  const start = (index: number, againMs: number): void => {
    const startedMs = clock.nowMs();
    const child = spawn(process.execPath, [options.main, 'filter-server', '--settings-on-stdin', '--log-level', logLevel], { stdio: ['pipe', 'ignore', 'inherit'] });
    children.add(child);
    child.stdin.on('error', () => undefined);
    child.stdin.write(`${JSON.stringify(settingsOf(options, index))}\n`);
    let told = false;
    const ended = (how: string): void => {
      if (told) return;
      told = true;
      children.delete(child);
      if (!running) return;
      const waitMs = clock.nowMs() - startedMs > provenMs ? againMsMin : againMs;
      log.warn({ filterServer: index, how, againMs: waitMs }, 'a filter server ended and is started again');
      const timer = clock.setTimeout(() => {
        timers.delete(timer);
        start(index, Math.min(waitMs * 2, againMsMax));
      }, waitMs);
      timers.add(timer);
    };
    child.once('error', (error) => ended(error.message));
    child.once('exit', (code, signal) => ended(String(signal ?? code)));
  };
  for (let index = 0; index < options.count; index++) start(index, againMsMin);

  return {
    // First of all: the broker still tells the name servers that they are gone.
    async drain() {
      running = false;
      for (const timer of timers) timer.clear();
      await Promise.all([...children].map((child) => new Promise<void>((resolve) => {
        const late = clock.setTimeout(() => child.kill('SIGKILL'), graceMs);
        child.once('exit', () => {
          late.clear();
          resolve();
        });
        if (child.exitCode !== null || child.signalCode !== null) resolve();
        child.stdin?.end();
      })));
    },
    close: () => Promise.resolve(),
  };
}
