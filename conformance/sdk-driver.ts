/**
 * Builds and drives the programs of `conformance/sdk`: commands out, events in, collected as histories. What the commands
 * and events are stands in conformance/sdk/README.md; what must hold of the events is `interop/scenarios.ts`.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jvmOpens, mavenLibrary, missingForJava } from './adapters/apache/install.js';
import type { Received, Sent } from './history.js';
import { cacheDir, Child, missingTools, projectRoot, run } from './process.js';

export type SdkName = 'java-4.9.8' | 'java-5.5.0' | 'go' | 'ali-ons';

/** What a library can do at all; scenarios that need more are skipped by name. */
export type Feature = 'batch' | 'oneway' | 'pull' | 'litePull' | 'orderly' | 'admin' | 'query' | 'autoCreate' | 'queueChoice' | 'pop';

export const features: Readonly<Record<SdkName, ReadonlySet<Feature>>> = {
  'java-4.9.8': new Set<Feature>(['batch', 'oneway', 'pull', 'litePull', 'orderly', 'admin', 'query', 'autoCreate', 'queueChoice']),
  'java-5.5.0': new Set<Feature>(['batch', 'oneway', 'pull', 'litePull', 'orderly', 'admin', 'query', 'autoCreate', 'queueChoice', 'pop']),
  go: new Set<Feature>(['batch', 'oneway', 'pull', 'litePull', 'orderly', 'admin', 'autoCreate', 'queueChoice']),
  'ali-ons': new Set<Feature>([]),
};

/** Tools that this machine lacks for the library. */
export function missingFor(sdk: SdkName): string[] {
  if (sdk === 'go') return missingTools('go');
  return sdk === 'ali-ons' ? [] : missingForJava();
}

/** Builds what must be built, once (kept in `.cache`), and answers with the command line that runs the program. */
async function prepare(sdk: SdkName, home: string): Promise<{ command: string; args: string[] }> {
  if (sdk === 'ali-ons') return { command: process.execPath, args: [join(projectRoot, 'conformance/sdk/ali-ons/main.js')] };
  if (sdk === 'go') {
    const source = join(projectRoot, 'conformance/sdk/go');
    const binary = join(cacheDir, 'go-sdk', 'main');
    await once(join(cacheDir, 'go-sdk'), ['main.go', 'go.mod', 'go.sum'].map((file) => join(source, file)), () =>
      run('go build', 'go', ['build', '-mod=mod', '-p', '1', '-o', binary, '.'], { cwd: source }));
    return { command: binary, args: [] };
  }
  const version = sdk.slice('java-'.length);
  const classpath = await mavenLibrary('java-sdk', 'conformance/sdk/java/pom.xml', version);
  const source = join(projectRoot, 'conformance/sdk/java/src/SdkProgram.java');
  const classes = join(cacheDir, 'java-sdk', version, 'classes');
  await once(classes, [source], () => run(`javac for ${sdk}`, 'javac', ['-nowarn', '-d', classes, '-cp', classpath, source]));
  return {
    command: 'java',
    args: [
      '-Xms64m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', ...jvmOpens, `-Duser.home=${home}`,
      '-Drocketmq.client.logLevel=WARN', '-cp', `${classes}:${classpath}`, 'SdkProgram',
    ],
  };
}

/** Runs `build` unless `dir` was built from exactly these sources before. */
async function once(dir: string, sources: readonly string[], build: () => Promise<void>): Promise<void> {
  const hash = createHash('sha256');
  for (const source of sources) hash.update(readFileSync(source));
  const want = hash.digest('hex');
  const marker = join(dir, 'built');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === want) return;
  mkdirSync(dir, { recursive: true });
  await build();
  writeFileSync(marker, want);
}

interface Event {
  readonly event: string;
  readonly re?: number;
  readonly as?: string;
  readonly message?: string;
  readonly queues?: readonly number[];
  readonly topics?: readonly string[];
  readonly key?: string;
  readonly body?: string;
  readonly tag?: string;
  readonly acknowledged?: boolean;
  readonly queueId?: number;
  readonly offset?: number;
  readonly msgId?: string;
  readonly reconsume?: number;
  readonly taken?: boolean;
  readonly t?: number;
}

export interface OutgoingMessage {
  readonly key: string;
  readonly body: string;
  readonly tag?: string;
  readonly queueId?: number;
  readonly delayLevel?: number;
  readonly properties?: Readonly<Record<string, string>>;
}

export type SendMode = 'sync' | 'async' | 'oneway' | 'batch';

/** Milliseconds of the delay levels the suites use. */
export const delayLevelMs: Readonly<Record<number, number>> = { 1: 1000, 2: 5000, 3: 10_000 };

export class SdkDriver {
  readonly sdk: SdkName;
  private readonly child: Child;
  private readonly home: string;
  private readonly events: Event[] = [];
  private readonly watchers = new Set<(event: Event) => void>();
  private commands = 0;

  private constructor(sdk: SdkName, child: Child, home: string) {
    this.sdk = sdk;
    this.child = child;
    this.home = home;
    child.onLine((line) => {
      if (!line.startsWith('{')) return;
      const event = JSON.parse(line) as Event;
      this.events.push(event);
      for (const watcher of [...this.watchers]) watcher(event);
    });
  }

  /** Builds (the first time) and starts the program against a name server (host:port). */
  static async start(sdk: SdkName, namesrv: string): Promise<SdkDriver> {
    const home = mkdtempSync(join(tmpdir(), `sdk-${sdk}-`)); // logs and broadcast offsets go there
    const { command, args } = await prepare(sdk, home);
    const child = new Child(sdk, command, [...args, namesrv], { cwd: home, env: { HOME: home } });
    const driver = new SdkDriver(sdk, child, home);
    try {
      await child.line((line) => line.includes('"ready"'), 30_000);
    } catch (error) {
      await driver.stop();
      throw error;
    }
    return driver;
  }

  async stop(): Promise<void> {
    this.child.writeLine('{"do":"exit","re":0}');
    await Promise.race([this.child.exited, sleep(3000, undefined, { ref: false })]);
    await this.child.kill();
    rmSync(this.home, { recursive: true, force: true });
  }

  /** Gives a command and waits for its `done`; answers with its events. Fails on its `error` or after `timeoutMs`. */
  async command(what: string, members: Readonly<Record<string, unknown>>, timeoutMs = 60_000): Promise<readonly Event[]> {
    const re = ++this.commands;
    const found: Event[] = [];
    let watcher: (event: Event) => void = () => undefined;
    const giveUp = new AbortController();
    try {
      await Promise.race([
        new Promise<void>((resolve, reject) => {
          watcher = (event) => {
            if (event.re !== re) return;
            if (event.event === 'done') resolve();
            else if (event.event === 'error') reject(new Error(`${this.sdk} ${what} failed: ${event.message ?? ''}`));
            else found.push(event);
          };
          this.watchers.add(watcher);
          this.child.writeLine(JSON.stringify({ re, do: what, ...members }));
        }),
        this.child.exited.then((exit) => {
          throw new Error(`${this.sdk} ended (${exit}):\n${this.child.tail.join('\n')}`);
        }),
        sleep(timeoutMs, undefined, { signal: giveUp.signal }).then(() => {
          throw new Error(`${this.sdk} did not finish ${what} ${JSON.stringify(members).slice(0, 200)} in ${timeoutMs} ms; its last words:\n${this.child.tail.slice(-15).join('\n')}`);
        }),
      ]);
    } finally {
      this.watchers.delete(watcher);
      giveUp.abort();
    }
    return found;
  }

  /** Sends messages and answers with their part of the history, in the order sent. */
  async send(topic: string, mode: SendMode, messages: readonly OutgoingMessage[]): Promise<Sent[]> {
    const events = await this.command('send', { topic, mode, messages });
    const byKey = new Map(events.map((event) => [event.key, event]));
    return messages.map((message) => {
      const event = byKey.get(message.key);
      const delayMs = message.delayLevel === undefined ? undefined : delayLevelMs[message.delayLevel];
      return {
        key: message.key, body: message.body, acknowledged: event?.acknowledged ?? false, sentAt: event?.t ?? 0,
        ...(message.tag === undefined ? {} : { tag: message.tag }),
        ...(event?.queueId === undefined ? {} : { queueId: event.queueId }),
        ...(event?.offset === undefined ? {} : { queueOffset: event.offset }),
        ...(event?.msgId === undefined ? {} : { msgId: event.msgId }),
        ...(delayMs === undefined ? {} : { delayMs }),
      };
    });
  }

  /** Queue ids that a push consumer holds now, ascending. */
  async assignment(as: string): Promise<number[]> {
    const [event] = await this.command('assignment', { as });
    return [...(event?.queues ?? [])].sort((a, b) => a - b);
  }

  /** What the consumers of these names received so far, in the order it came. */
  received(...names: readonly string[]): Received[] {
    return this.events.filter((event) => event.event === 'received' && event.as !== undefined && names.includes(event.as)).map((event) => ({
      consumer: event.as ?? '', key: event.key ?? '', body: event.body ?? '', queueId: event.queueId ?? -1, queueOffset: event.offset ?? -1,
      reconsumeTimes: event.reconsume ?? 0, at: event.t ?? 0, taken: event.taken ?? true,
      ...(event.tag === undefined || event.tag === '' ? {} : { tag: event.tag }),
    }));
  }
}

/** Asks again and again until the answer has no complaint left; fails with the last complaints after `timeoutMs`. */
export async function eventually(what: string, timeoutMs: number, complaints: () => readonly string[] | Promise<readonly string[]>): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const left = await complaints();
    if (left.length === 0) return;
    if (Date.now() > end) throw new Error(`${what}, not after ${timeoutMs} ms: ${left.slice(0, 8).join('; ')}${left.length > 8 ? ` and ${left.length - 8} more` : ''}`);
    await sleep(100);
  }
}
