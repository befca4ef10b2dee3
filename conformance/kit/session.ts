/**
 * The life of one case: its connections, names, wire log, random numbers and what is to be undone at its end. What a case may ask
 * of an endpoint is in `messaging.ts`; both together are the Context of `context.ts`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readLooseJson } from '../differential/loose-json.js';
import { inVersions } from './case.js';
import { req, responseName } from './codes.js';
import { EndpointError, RawConnection, type Answer, type HostPort, type OpenOptions } from './connection.js';
import type { Endpoint } from './endpoint.js';
import { Failure, NotApplicable } from './expect.js';
import type { Feature } from './features.js';
import type { HistoryOperation } from './report/types.js';
import { createRng, type Rng } from './rng.js';
import { WireLog } from './wire-log.js';

/** The case could not be set up: the endpoint refused a topic or group it needs. Verdict `error`, not `fail`. */
export class SetupError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SetupError';
  }
}

export interface TopicOptions {
  /** Read and write queues; default 4. */
  readonly queues?: number;
  readonly readQueues?: number;
  readonly writeQueues?: number;
  /** 2 write, 4 read; default 6. */
  readonly perm?: number;
  readonly order?: boolean;
  readonly topicSysFlag?: number;
  /** Since 5.0.0: `{ 'message.type': 'FIFO' }`; the `+` is put before each name. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** Put into the name, to tell several topics of a case apart. */
  readonly suffix?: string;
  /** Wait until the name server answers its route as well; default false. */
  readonly route?: boolean;
}

/** Fields of SubscriptionGroupConfig that a case may set. */
export interface GroupOptions {
  readonly suffix?: string;
  readonly consumeEnable?: boolean;
  readonly consumeFromMinEnable?: boolean;
  readonly consumeBroadcastEnable?: boolean;
  readonly consumeMessageOrderly?: boolean;
  readonly retryQueueNums?: number;
  readonly retryMaxTimes?: number;
  readonly brokerId?: number;
  readonly whichBrokerWhenConsumeSlowly?: number;
  readonly notifyConsumerIdsChangedEnable?: boolean;
  readonly [field: string]: unknown;
}

export interface SessionOptions {
  readonly endpoint: Endpoint;
  readonly caseName: string;
  readonly seed: number;
  /** Begins every topic and group name. */
  readonly prefix: string;
  /** Tells this run's names from those of other runs. */
  readonly runId: string;
  /** For each thing that is undone at the end; default 3000. */
  readonly cleanupMs?: number | undefined;
  /** False: nobody reads the wire log, and none is kept. */
  readonly wireLog?: boolean | undefined;
}

const usualCleanupMs = 3000;

/** A broker writes its configuration down with each deletion: several that come together are one writing. */
const deletionsAtATime = 16;

/** JSON of a body, as Apache writes it: bare numeric keys read as text. Failure when it is none. */
export function json(answer: Pick<Answer, 'body'>): unknown {
  const text = answer.body.toString('utf8');
  try {
    return withoutMarks(readLooseJson(text));
  } catch {
    throw new Failure('the body is JSON', 'JSON', text.slice(0, 300));
  }
}

function withoutMarks(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutMarks);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [/^#-?\d/.test(key) ? key.slice(1) : key, withoutMarks(inner)]));
}

export class Session {
  readonly endpoint: Endpoint;
  readonly caseName: string;
  readonly rng: Rng;
  readonly log: WireLog = new WireLog();
  /** Remarks for the report, such as what an INFORMATIONAL case saw. */
  readonly notes: string[] = [];
  /** What the report draws as a timeline. */
  history: readonly HistoryOperation[] | undefined = undefined;
  private readonly options: SessionOptions;
  private readonly cleanupMs: number;
  private readonly abort = new AbortController();
  private readonly connections = new Set<RawConnection>();
  private readonly defaults = new Map<string, Promise<RawConnection>>();
  private readonly cleanups: { what: string; undo: () => Promise<unknown>; aside: boolean }[] = [];
  private names = 0;
  private dispatched: Promise<void> | undefined;
  private over = false;
  private cleaning = false;

  constructor(options: SessionOptions) {
    this.options = options;
    this.cleanupMs = options.cleanupMs ?? usualCleanupMs;
    this.endpoint = options.endpoint;
    this.caseName = options.caseName;
    this.rng = createRng(options.seed, options.caseName);
  }

  /** Aborted when the case's time is up or it has ended. */
  get signal(): AbortSignal {
    return this.abort.signal;
  }

  /** Milliseconds since 1970 of this machine. */
  now(): number {
    return Date.now();
  }

  /** Waits; rejects when the case is over. */
  async sleep(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.signal });
  }

  /** Asks `probe` each `everyMs` until it answers something other than undefined or false; a Failure named `what` after `timeoutMs`. */
  async until<T>(what: string, probe: () => Promise<T | undefined | false>, timeoutMs = 5000, everyMs = 25): Promise<T> {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      if (Date.now() >= end) throw new Failure(`${what} within ${timeoutMs} ms`, 'comes true', 'did not');
      await this.sleep(everyMs);
    }
  }

  /** Notes something for the report. */
  /** Has the report draw a history, whatever the verdict will be. */
  draw(history: readonly HistoryOperation[]): void {
    this.history = history;
  }

  note(text: string): void {
    if (this.notes.length < 50) this.notes.push(text.slice(0, 1000));
  }

  /** Whether the endpoint offers a feature, for a case that has something to say either way. */
  has(feature: Feature): boolean {
    return this.endpoint.features.has(feature);
  }

  /** The case's own connection to the broker, opened once (and again after it ended). */
  broker(): Promise<RawConnection> {
    return this.shared('broker');
  }

  /** The case's own connection to the name server. */
  namesrv(): Promise<RawConnection> {
    return this.shared('namesrv');
  }

  /** A further connection, closed at the end of the case. Its requests are signed as the run's are, unless `signer` is given (undefined: not at all). */
  async connect(to: 'broker' | 'namesrv' | (HostPort & {}) = 'broker', options: Pick<OpenOptions, 'label' | 'timeoutMs' | 'signer'> = {}): Promise<RawConnection> {
    if (this.over && !this.cleaning) throw new Error('the case is over');
    const address = to === 'broker' ? this.endpoint.broker : to === 'namesrv' ? this.endpoint.namesrv : to;
    const signer = 'signer' in options ? options.signer : this.endpoint.signer;
    const connection = await RawConnection.open(address, { label: options.label ?? `${to} ${this.connections.size + 1}`, ...(this.options.wireLog === false ? {} : { log: this.log }), signer, ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }) });
    this.connections.add(connection);
    if (this.over && !this.cleaning) {
      connection.close();
      throw new Error('the case is over');
    }
    return connection;
  }

  /** To be done at the end of the case, last one first, whatever its verdict; a failure of it is only noted. */
  cleanup(undo: () => Promise<unknown>, what = 'clean-up'): void {
    this.cleanups.push({ what, undo, aside: false });
  }

  /** The same for what no other deletion waits for: those that follow one another are done at once. */
  private deletion(undo: () => Promise<unknown>, what: string): void {
    this.cleanups.push({ what, undo, aside: true });
  }

  /** A name no other case, run or user has: prefix, case and a random end. Nothing is created. */
  topicName(suffix = ''): string {
    return this.uniqueName(suffix);
  }

  /** A group name of the same kind. Nothing is created. */
  groupName(suffix = 'g'): string {
    return this.uniqueName(suffix);
  }

  /** Creates a topic (UPDATE_AND_CREATE_TOPIC), waits until the broker serves it, deletes it at the end. Returns its name. */
  async topic(options: TopicOptions = {}): Promise<string> {
    this.needAdmin('a topic of its own');
    const topic = this.uniqueName(options.suffix ?? '');
    const attributes = Object.entries(options.attributes ?? {}).map(([name, value]) => `+${name}=${value}`).join(',');
    this.deletion(() => this.deleteTopic(topic), `delete topic ${topic}`);
    const admin = await this.shared('admin');
    await this.setUp(`create topic ${topic}`, admin.request(req.UPDATE_AND_CREATE_TOPIC, {
      topic, defaultTopic: 'TBW102', readQueueNums: options.readQueues ?? options.queues ?? 4, writeQueueNums: options.writeQueues ?? options.queues ?? 4,
      perm: options.perm ?? 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: options.topicSysFlag ?? 0, order: options.order ?? false,
      ...(attributes === '' ? {} : { attributes }),
    }));
    await this.until(`the broker serves topic ${topic}`, async () => (await admin.request(req.GET_TOPIC_STATS_INFO, { topic })).code !== 17, 5000);
    if (options.route === true) await this.routed(topic);
    return topic;
  }

  /** Waits until the name server answers a route for the topic. */
  async routed(topic: string, timeoutMs = 5000): Promise<void> {
    const namesrv = await this.shared('namesrv');
    await this.until(`the name server knows topic ${topic}`, async () => (await namesrv.request(req.GET_ROUTEINFO_BY_TOPIC, { topic })).code === 0, timeoutMs);
  }

  /** Creates a subscription group, deletes it (and its retry and DLQ topics) at the end. Returns its name. */
  async group(options: GroupOptions = {}): Promise<string> {
    this.needAdmin('a subscription group of its own');
    const { suffix, ...fields } = options;
    const groupName = this.uniqueName(suffix ?? 'g');
    this.forgetGroup(groupName);
    const admin = await this.shared('admin');
    await this.setUp(`create group ${groupName}`, admin.request(req.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, {
      body: JSON.stringify({
        groupName, consumeEnable: true, consumeFromMinEnable: true, consumeBroadcastEnable: true, consumeMessageOrderly: false,
        retryQueueNums: 1, retryMaxTimes: 16, brokerId: 0, whichBrokerWhenConsumeSlowly: 1, notifyConsumerIdsChangedEnable: true, ...fields,
      }),
    }));
    return groupName;
  }

  /** Has a group (and its retry and DLQ topics) that the endpoint may create by itself deleted at the end. */
  forgetGroup(groupName: string): void {
    this.deletion(async () => {
      if (!this.has('admin') || this.endpoint.keepsTopics) return;
      const admin = await this.shared('admin');
      await Promise.all([
        admin.request(req.DELETE_SUBSCRIPTIONGROUP, { groupName, cleanOffset: true }, { timeoutMs: this.cleanupMs }),
        this.deleteTopic(`%RETRY%${groupName}`), this.deleteTopic(`%DLQ%${groupName}`),
      ]);
    }, `delete group ${groupName}`);
  }

  /** Has a topic that the case creates by other means deleted at the end. */
  forgetTopic(topic: string): void {
    this.deletion(() => (this.has('admin') ? this.deleteTopic(topic) : Promise.resolve()), `delete topic ${topic}`);
  }

  /** Ends the case: aborts its signal, closes what is open, undoes what was done. Never throws; for the runner. */
  async end(): Promise<void> {
    this.over = true;
    this.abort.abort();
    this.cleaning = true;
    const left = this.cleanups.splice(0);
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const together = [next];
      while (next.aside && together.length < deletionsAtATime && left.at(-1)?.aside === true) together.push(...left.splice(-1));
      await Promise.all(together.map((one) => this.undone(one)));
    }
    this.cleaning = false;
    for (const connection of this.connections) connection.close();
  }

  /** Closes the case's connections now, so that what waits on them ends; for the runner when time is up. */
  cut(): void {
    this.over = true;
    this.abort.abort();
    for (const connection of this.connections) connection.close();
  }

  private async undone({ what, undo }: { readonly what: string; readonly undo: () => Promise<unknown> }): Promise<void> {
    const giveUp = new AbortController();
    const late = sleep(this.cleanupMs, 'late' as const, { signal: giveUp.signal }).catch(() => 'late' as const);
    try {
      const run = (async () => undo())();
      run.catch(() => undefined);
      if ((await Promise.race([run.then(() => 'done' as const), late])) === 'late') this.note(`${what}: not done in ${this.cleanupMs} ms`);
    } catch (error) {
      this.note(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      giveUp.abort();
    }
  }

  private async deleteTopic(topic: string): Promise<void> {
    if (this.endpoint.keepsTopics) return;
    const admin = await this.shared('admin');
    if (inVersions({ to: '4.99.99' }, this.endpoint.version)) await (this.dispatched ??= this.untilDispatched(admin));
    await admin.request(req.DELETE_TOPIC_IN_BROKER, { topic }, { timeoutMs: this.cleanupMs });
    if (!this.has('namesrv-admin')) return;
    const namesrv = await this.shared('admin-namesrv');
    await namesrv.request(req.DELETE_TOPIC_IN_NAMESRV, { topic }, { timeoutMs: this.cleanupMs });
  }

  /**
   * The JVM of Apache 4.9 dies when a topic is deleted while a message to it is still on its way into the consume queue: the dispatcher
   * then writes to a file that is no longer mapped. At most one second; an endpoint that does not say how far it is, is not waited for.
   */
  private async untilDispatched(admin: RawConnection): Promise<void> {
    const end = Date.now() + 1000;
    for (;;) {
      const answer = await admin.request(req.GET_BROKER_RUNTIME_INFO, {}, { timeoutMs: this.cleanupMs });
      const behind = /"dispatchBehindBytes"\s*:\s*"(\d+)"/.exec(answer.body.toString('utf8'))?.[1];
      if (behind === undefined || behind === '0' || Date.now() >= end) return;
      await sleep(10);
    }
  }

  private needAdmin(what: string): void {
    if (!this.has('admin')) throw new NotApplicable(`needs ${what}, and the endpoint lets nobody create it (feature admin)`);
  }

  private async setUp(what: string, answer: Promise<Answer>): Promise<void> {
    let got: Answer;
    try {
      got = await answer;
    } catch (error) {
      throw error instanceof EndpointError ? new SetupError(`${what}: ${error.message}`) : error;
    }
    if (got.code !== 0) throw new SetupError(`${what}: ${responseName(got.code)}, ${got.remark ?? 'no remark'}`);
  }

  private async shared(role: 'broker' | 'namesrv' | 'admin' | 'admin-namesrv'): Promise<RawConnection> {
    const open = this.defaults.get(role);
    if (open !== undefined && (await open).isOpen) return open;
    const fresh = this.connect(role === 'namesrv' || role === 'admin-namesrv' ? 'namesrv' : 'broker', { label: role });
    fresh.catch(() => this.defaults.delete(role));
    this.defaults.set(role, fresh);
    return fresh;
  }

  private uniqueName(suffix: string): string {
    const { prefix, runId, caseName } = this.options;
    const end = `_${runId}${(++this.names).toString(36)}${suffix === '' ? '' : `_${suffix}`}`;
    return `${prefix}${caseName.replaceAll('.', '-').slice(0, 60)}${end}`;
  }
}
