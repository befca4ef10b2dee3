/**
 * A child process of the conformance kit: started with piped stdio, its stdout read line by line, ended only by its own
 * pid. Owns no knowledge of brokers or SDKs; `adapters` and `sdk-driver` build on it.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/**
 * The folder that holds package.json and conformance/sdk, found upward from this file (which may be compiled into dist);
 * the working directory where there is none, as in an installed package, which carries no SDK programs.
 */
export const projectRoot: string = findProjectRoot(dirname(fileURLToPath(import.meta.url)));

/** Downloads and builds of the suites; ignored by git, kept between runs. */
export const cacheDir: string = join(projectRoot, '.cache');

function findProjectRoot(from: string): string {
  for (let dir = from; ; dir = dirname(dir)) {
    if (existsSync(join(dir, 'conformance/sdk/java/pom.xml'))) return dir;
    if (dirname(dir) === dir) return process.cwd();
  }
}

/** Where an executable lies on PATH, or undefined. */
export function onPath(command: string): string | undefined {
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(dir, command);
    if (dir !== '' && existsSync(path)) return path;
  }
  return undefined;
}

/** The names of `tools` that are not on PATH. */
export function missingTools(...tools: string[]): string[] {
  return tools.filter((tool) => onPath(tool) === undefined);
}

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export class Child {
  readonly title: string;
  readonly exited: Promise<number | string>;
  /** The last lines of stdout and stderr, for error messages. */
  readonly tail: string[] = [];
  private readonly process: ChildProcessByStdio<Writable, Readable, Readable>;
  private readonly lineListeners = new Set<(line: string) => void>();
  private readonly seen: string[] = [];
  private exit: number | string | undefined;

  constructor(title: string, command: string, args: readonly string[], options: ChildOptions = {}) {
    this.title = title;
    this.process = spawn(command, [...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.exited = new Promise((resolve) => {
      this.process.on('error', (error) => resolve((this.exit = error.message)));
      this.process.on('exit', (code, signal) => resolve((this.exit = code ?? signal ?? 'unknown')));
    });
    this.process.stdin.on('error', () => undefined);
    createInterface({ input: this.process.stdout }).on('line', (line) => {
      this.note(line);
      this.seen.push(line);
      if (this.seen.length > 200) this.seen.shift();
      for (const listener of this.lineListeners) listener(line);
    });
    createInterface({ input: this.process.stderr }).on('line', (line) => this.note(line));
  }

  get pid(): number {
    return this.process.pid ?? -1;
  }

  get running(): boolean {
    return this.exit === undefined;
  }

  /** Calls `listener` for each further line of stdout; the answer removes it. */
  onLine(listener: (line: string) => void): () => void {
    this.lineListeners.add(listener);
    return () => this.lineListeners.delete(listener);
  }

  writeLine(line: string): void {
    this.process.stdin.write(`${line}\n`);
  }

  /** The first line of stdout (already seen or still to come) that `accept` takes. Fails when the process ends or time is up. */
  async line(accept: (line: string) => boolean, timeoutMs: number): Promise<string> {
    const known = this.seen.find(accept);
    if (known !== undefined) return known;
    let stop: () => void = () => undefined;
    const found = new Promise<string>((resolve) => {
      stop = this.onLine((line) => {
        if (accept(line)) resolve(line);
      });
    });
    const giveUp = new AbortController();
    try {
      return await Promise.race([
        found,
        this.exited.then((exit) => {
          throw new Error(`${this.title} ended (${exit}) early; its last words:\n${this.tail.join('\n')}`);
        }),
        sleep(timeoutMs, undefined, { signal: giveUp.signal, ref: false }).then(() => {
          throw new Error(`${this.title} said nothing expected in ${timeoutMs} ms; its last words:\n${this.tail.join('\n')}`);
        }),
      ]);
    } finally {
      stop();
      giveUp.abort();
    }
  }

  /** SIGTERM, then SIGKILL after `graceMs`. Answers how the process ended. */
  async stop(graceMs = 20_000): Promise<number | string> {
    if (this.exit !== undefined) return this.exit;
    this.process.kill('SIGTERM');
    const giveUp = new AbortController();
    const ended = await Promise.race([
      this.exited.then(() => true),
      sleep(graceMs, false, { signal: giveUp.signal }).catch(() => false),
    ]);
    giveUp.abort();
    if (!ended) this.process.kill('SIGKILL');
    return this.exited;
  }

  /** SIGKILL: no chance to say goodbye. */
  async kill(): Promise<void> {
    if (this.exit === undefined) this.process.kill('SIGKILL');
    await this.exited;
  }

  private note(line: string): void {
    this.tail.push(line);
    if (this.tail.length > 60) this.tail.shift();
  }
}

/** Runs a command to its end; fails with its last output when it exits other than 0. */
export async function run(title: string, command: string, args: readonly string[], options: ChildOptions & { timeoutMs?: number } = {}): Promise<void> {
  const child = new Child(title, command, args, options);
  const giveUp = new AbortController();
  const late = sleep(options.timeoutMs ?? 600_000, 'late' as const, { signal: giveUp.signal }).catch(() => 'late' as const);
  const exit = await Promise.race([child.exited, late]);
  giveUp.abort();
  if (exit === 'late') await child.kill();
  if (exit !== 0) throw new Error(`${title} failed (${exit}): ${command} ${args.join(' ')}\n${child.tail.join('\n')}`);
}

/** Whether nobody listens on this loopback port now. */
export function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Ports below the ephemeral range; each of so many workers of jest has a part of its own. */
const [portsFrom, portsCount, portsParts] = [15_000, 16_000, 4] as const;
/** Ports that this process gave out: who asked first may not listen yet. */
const given = new Set<number>();

/**
 * A port p such that each of p + offsets is free now. Until who asked for it listens, which takes a JVM seconds, nobody else may take it: a process gives none
 * out twice, and suites that run side by side (`worker`, from 1; 0 = no suite) choose from different ones.
 */
export async function freePort(offsets: readonly number[] = [0], worker = Number(process.env['JEST_WORKER_ID'] ?? 0)): Promise<number> {
  const count = portsCount / portsParts;
  const from = portsFrom + (worker % portsParts) * count;
  const reach = Math.max(...offsets.map(Math.abs));
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = from + reach + Math.floor(Math.random() * (count - 2 * reach));
    const wanted = offsets.map((offset) => port + offset);
    let free = wanted.every((one) => !given.has(one));
    for (const one of wanted) free &&= await portIsFree(one);
    // Somebody else in this process may have been faster.
    if (!free || wanted.some((one) => given.has(one))) continue;
    for (const one of wanted) given.add(one);
    return port;
  }
  throw new Error(`found no free port between ${from} and ${from + count}`);
}
