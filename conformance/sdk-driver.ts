/**
 * Drives the programs of `conformance/sdk`: commands out, events in, collected as histories. What the commands and events are stands in
 * conformance/sdk/README.md; building the programs is `sdk-builds.ts`; what must hold of the events is `interop/scenarios.ts`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Received, Sent } from './history.js';
import { Child } from './process.js';
import { prepare, type SdkName } from './sdk-builds.js';

export { features, grpcSdks, missingFor, prepare, remotingSdks, sdkNames, type Feature, type RemotingSdk, type SdkName } from './sdk-builds.js';

/** What a program says (`conformance/sdk/README.md`). */
export interface Event {
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
  /** Of gRPC libraries: the message group. */
  readonly shard?: string;
  readonly priority?: number;
  readonly properties?: Readonly<Record<string, string>>;
  readonly bornHost?: string;
  readonly recallHandle?: string;
  /** The lite topic (gRPC), and those that a consumer has. */
  readonly lite?: string;
  readonly lites?: readonly string[];
  /** How many messages a listener got at once. */
  readonly count?: number;
}

export interface OutgoingMessage {
  readonly key: string;
  readonly body: string;
  readonly tag?: string;
  readonly queueId?: number;
  readonly delayLevel?: number;
  /** Of libraries that ask for times instead of levels, ms. */
  readonly delayMs?: number;
  /** The message group (gRPC). */
  readonly shard?: string;
  /** Of a LITE topic (gRPC). */
  readonly lite?: string;
  /** Of a PRIORITY topic (gRPC). */
  readonly priority?: number;
  /** What becomes of it in a transaction; `open`: nothing, until the broker asks, then it is rolled back. */
  readonly decision?: 'commit' | 'rollback' | 'open';
  readonly properties?: Readonly<Record<string, string>>;
}

/** A half message: what its local transaction says, and what a check is told. */
export interface HalfMessage extends OutgoingMessage {
  readonly decide: 'commit' | 'rollback' | 'unknown';
  readonly answer: 'commit' | 'rollback';
}

export type SendMode = 'sync' | 'async' | 'oneway' | 'batch' | 'transaction';

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

  /** Builds (the first time) and starts the program against a name server or a gRPC endpoint (host:port). */
  static async start(sdk: SdkName, address: string): Promise<SdkDriver> {
    const { command, args, env } = await prepare(sdk);
    const home = mkdtempSync(join(tmpdir(), `sdk-${sdk}-`)); // logs and broadcast offsets go there
    const child = new Child(sdk, command, [...args(home), address], { cwd: home, env: { HOME: home, ...env } });
    const driver = new SdkDriver(sdk, child, home);
    try {
      await child.line((line) => line.includes('"ready"'), 300_000);
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

  /** Calls `listener` for each further event; the answer removes it. */
  onEvent(listener: (event: Event) => void): () => void {
    this.watchers.add(listener);
    return () => this.watchers.delete(listener);
  }

  /** Sends half messages in order with a producer of their own, which stays for checks. Keys that were acknowledged. */
  async transact(as: string, group: string, topic: string, messages: readonly HalfMessage[]): Promise<string[]> {
    const events = await this.command('transact', { as, group, topic, messages });
    return events.filter((event) => event.acknowledged === true).map((event) => event.key ?? '');
  }

  /** Keys of half messages that the producer of this name was asked about, in order. */
  checked(as: string): string[] {
    return this.events.filter((event) => event.event === 'checked' && event.as === as).map((event) => event.key ?? '');
  }

  /** Sends requests one after the other; the body of each reply by key. */
  async request(topic: string, messages: readonly OutgoingMessage[]): Promise<Map<string, string>> {
    const events = await this.command('request', { topic, messages });
    return new Map(events.filter((event) => event.event === 'replied').map((event) => [event.key ?? '', event.body ?? '']));
  }

  /** Queue ids that a push consumer holds now, ascending. */
  async assignment(as: string): Promise<number[]> {
    const [event] = await this.command('assignment', { as });
    return [...(event?.queues ?? [])].sort((a, b) => a - b);
  }

  /** All events of one kind under this name so far, as the program told them. */
  heard(kind: string, as: string): Event[] {
    return this.events.filter((event) => event.event === kind && event.as === as);
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
