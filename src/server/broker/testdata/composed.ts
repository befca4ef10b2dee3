/** A whole broker for tests: real store on a disk in memory, a clock that moves when told, connections that keep what was sent. */
import { decodeHeader } from '../../../codec/header.js';
import { Refusal } from '../../../codec/errors.js';
import type { Command } from '../../../codec/command.js';
import { requests } from '../../../codec/requests.js';
import type { RequestName } from '../../../codec/requests.js';
import { ManualClock, silentLog } from '../../../remoting/clocks.js';
import { EventTurn } from '../../../remoting/turn.js';
import type { Connection, Ctx, OutgoingRequest, Reply } from '../../../remoting/types.js';
import { openStore } from '../../../store/message-store.js';
import type { OpenStore } from '../../../store/message-store.js';
import { defaultStoreConfig } from '../../../store/options.js';
import type { StoreConfig } from '../../../store/options.js';
import { simulatedDisk } from '../../../store/simulated-disk.js';
import type { SimulatedDisk } from '../../../store/simulated-disk.js';
import { resolveConfig } from '../../config.js';
import { createBroker } from '../broker.js';
import type { BrokerLimits } from '../limits.js';
import type { Broker, BrokerOptions } from '../broker.js';

export function answer(code: number, more: Partial<Command> = {}): Command {
  return { code, language: 'JAVA', version: 513, opaque: 1, flag: 1, remark: undefined, ext: new Map(), serialize: 'JSON', body: Buffer.alloc(0), ...more };
}

/** A connection whose peer answers calls with `answers`, and which remembers one-way requests. */
export class Peer implements Connection {
  readonly id: number;
  readonly remoteAddress: string;
  readonly remoteHost = Buffer.from('7f000001000010e1', 'hex');
  readonly localHost = '127.0.0.1';
  readonly localPort = 10911;
  open = true;
  state: unknown = undefined;
  readonly notified: OutgoingRequest[] = [];
  readonly called: { request: OutgoingRequest; timeoutMs: number }[] = [];
  readonly replies: Reply[] = [];
  answers: (Command | Error)[] = [];
  readonly #listeners: (() => void)[] = [];

  constructor(id = 1) {
    this.id = id;
    this.remoteAddress = `127.0.0.1:${50000 + id}`;
  }

  write(): void {}
  writeOwned(): void {}

  reply(_opaque: number, reply: Reply): void {
    this.replies.push(reply);
  }

  notify(request: OutgoingRequest): boolean {
    this.notified.push(request);
    return this.open;
  }

  call(request: OutgoingRequest, timeoutMs: number): Promise<Command> {
    this.called.push({ request, timeoutMs });
    const next = this.answers.shift() ?? new Error('no answer from the peer within 1 ms');
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
  }

  close(): void {
    this.open = false;
    for (const listener of this.#listeners.splice(0)) listener();
  }

  onClose(listener: () => void): void {
    this.#listeners.push(listener);
  }
}

export interface Answer {
  readonly code: number;
  readonly remark: string | undefined;
  readonly header: Readonly<Record<string, unknown>>;
  readonly ext: Readonly<Record<string, string>>;
  readonly body: string;
  /** The same, exact; undefined when no handler answered. */
  readonly bytes?: Buffer;
}

export interface Ask {
  readonly ext?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly peer?: Peer;
  readonly version?: number;
  readonly language?: string;
}

/** Other than usual. */
export interface ComposedOptions {
  readonly clock?: ManualClock;
  readonly limits?: Partial<BrokerLimits>;
  readonly store?: Partial<StoreConfig>;
}

export class Composed {
  readonly clock: ManualClock;
  readonly disk: SimulatedDisk;
  readonly turn: EventTurn;
  readonly peer = new Peer();
  readonly toNamesrv: { address: string; request: OutgoingRequest }[] = [];
  namesrvAnswer: () => Command | Error = () => answer(0);
  readonly store: OpenStore;
  readonly broker: Broker;

  private constructor(
    disk: SimulatedDisk, store: OpenStore, storeConfig: BrokerOptions['storeConfig'], settings: Readonly<Record<string, string>>, clock: ManualClock, turn: EventTurn,
    limits: Partial<BrokerLimits> = {},
  ) {
    this.disk = disk;
    disk.spaces.set('/data', { totalBytes: 200 * 1024 ** 3, freeBytes: 1.5 * 1024 ** 3, availableBytes: 1024 ** 3 });
    this.clock = clock;
    this.turn = turn;
    this.store = store;
    const { broker } = resolveConfig(new Map(Object.entries({ storePathConfigDir: '/data/config', ...settings })), '', 'broker');
    this.broker = createBroker({
      config: broker, store, disk, clock, turn, log: silentLog,
      random: () => 0.5,
      listenHost: '127.0.0.1',
      storeConfig,
      limits,
      client: {
        call: (address, request) => {
          this.toNamesrv.push({ address, request });
          const next = this.namesrvAnswer();
          return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
        },
      },
    });
    this.broker.listening(10911);
  }

  static async open(settings: Readonly<Record<string, string>> = {}, disk: SimulatedDisk = simulatedDisk(7), more: ComposedOptions = {}): Promise<Composed> {
    const clock = more.clock ?? new ManualClock();
    const turn = new EventTurn((error) => { throw error; });
    const config = { ...defaultStoreConfig(), storePathRootDir: '/data', mappedFileSizeCommitLog: 1 << 18, mappedFileSizeConsumeQueue: 20 * 64, maxHashSlotNum: 64, maxIndexNum: 256, maxMessageSize: 1 << 16, ...more.store };
    const store = await openStore({ root: '/data', disk, clock, log: silentLog, config });
    return new Composed(disk, store, config, settings, clock, turn, more.limits);
  }

  /** What a client asked and would be answered; answers that come later included, once the turn ended. */
  async ask(name: RequestName, { ext = {}, body = Buffer.alloc(0), peer = this.peer, version = 513, language = 'JAVA' }: Ask = {}): Promise<Answer> {
    const command = answer(requests[name].code, { flag: 0, version, language, ext: new Map(Object.entries(ext)), body: Buffer.from(body) });
    let later: ((reply: Reply) => void) | undefined;
    const deferred = new Promise<Reply>((resolve) => { later = resolve; });
    const ctx: Ctx = { connection: peer, command, receivedMs: this.clock.nowMs(), reply: (reply) => later?.(reply) };
    let reply: Reply | undefined;
    try {
      const handler = this.broker.handlers[name] as ((ctx: Ctx, header: unknown, body: Buffer) => Reply | undefined | Promise<Reply | undefined>) | undefined;
      if (handler === undefined) return { code: 3, remark: undefined, header: {}, ext: {}, body: '' };
      reply = await handler(ctx, decodeHeader(name, command.ext), command.body);
      this.turn.run();
      reply ??= await deferred;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      reply = { code: error.code, remark: error.message };
    }
    this.turn.run();
    const bytes = reply.body === undefined ? Buffer.alloc(0) : Buffer.isBuffer(reply.body) ? reply.body : Buffer.concat([...reply.body]);
    return { code: reply.code, remark: reply.remark, header: { ...reply.header }, ext: { ...reply.ext }, body: bytes.toString('utf8'), bytes };
  }

  async send(topic: string, queueId = 0, body = 'body'): Promise<void> {
    const ext = { a: 'p', b: topic, c: 'TBW102', d: '4', e: String(queueId), f: '0', g: '1700000000000', h: '0', i: '', j: '0' };
    const sent = this.peer.replies.length;
    const pending = this.ask('SEND_MESSAGE_V2', { ext, body });
    for (let i = 0; i < 50 && this.peer.replies.length === sent; i++) {
      this.turn.run();
      await new Promise<void>((resolve) => { setImmediate(resolve); });
      if (await Promise.race([pending.then(() => true), Promise.resolve(false)])) break;
    }
    await Promise.race([pending, Promise.resolve()]);
  }

  async stop(): Promise<void> {
    const stopped = this.broker.stop().then(() => this.store.close());
    let done = false;
    void stopped.finally(() => { done = true; });
    while (!done) {
      this.turn.run();
      this.clock.advance(10);
      await new Promise<void>((resolve) => { setImmediate(resolve); });
    }
    await stopped;
  }
}

/** Lets everything that is ready happen, without time passing. */
export async function settle(c: Composed, turns = 30): Promise<void> {
  for (let i = 0; i < turns; i++) {
    c.turn.run();
    await new Promise<void>((resolve) => { setImmediate(resolve); });
  }
}

/** Runs turns until `work` is done. */
export async function pump<T>(c: Composed, work: Promise<T>): Promise<T> {
  let done = false;
  void work.then(() => { done = true; }, () => { done = true; });
  for (let i = 0; !done && i < 20_000; i++) await settle(c, 1);
  return work;
}
