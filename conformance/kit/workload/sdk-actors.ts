/**
 * Workloads played by a real client library: its program (`conformance/sdk`) sends and subscribes, and what it reports goes into the history as
 * it comes. A call begins before the program is told and ends after it told, so that no order is claimed that nobody saw. What a
 * library does not tell (its commits, its locks) the checkers that need it do not judge.
 */
import type { Event, OutgoingMessage, SdkDriver, SdkName } from '../../sdk-driver.js';
import type { Context } from '../context.js';
import type { Checker } from './checkers/checker.js';
import { invisibility } from './checkers/invisibility.js';
import { rebalance } from './checkers/rebalance.js';
import type { ConsumerOptions } from './consumer.js';
import type { Value } from './history.js';
import { digest, intOf, levelsMs, MessageSource, textOf, type Outgoing, type ProducerOptions } from './producer.js';
import type { Call, Recorder } from './recorder.js';
import type { RunningConsumer } from './stage.js';
import { rebalanceQueues, settleMs, type Skill, type Workload } from './workloads.js';

/** What is needed of a program: `SdkDriver` has it. */
export type Program = Pick<SdkDriver, 'sdk' | 'send' | 'command' | 'onEvent' | 'assignment'>;

/** What a library's program can play, and tells. */
export interface Abilities {
  readonly skills: ReadonlySet<Skill>;
  /** A send may name its queue; with it, message groups keep to one. */
  readonly choosesQueue: boolean;
  /** Send results and deliveries have queueId and queueOffset. */
  readonly tellsPlaces: boolean;
  /** The endpoint it connects to. */
  readonly over: 'namesrv' | 'grpc';
  /** Without push consumers, simple ones play their part: they receive and acknowledge. */
  readonly push?: false;
  /** How long a group takes to share its queues anew, ms. */
  readonly settleMs: number;
  /** How long its consumers may take after the last send, ms: libraries look at groups, routes and locks every 20 or 30 s, and try again after 10. */
  readonly drainMs: number;
}

const remoting = { tellsPlaces: true, over: 'namesrv', settleMs: 8000, drainMs: 60_000 } as const;
const javaSkills: readonly Skill[] = ['orderly', 'delay', 'broadcasting', 'retry', 'transaction', 'assignment', 'rebalance'];

const grpc = { choosesQueue: false, tellsPlaces: false, over: 'grpc', settleMs: 8000, drainMs: 60_000, skills: new Set<Skill>(['orderly', 'delay', 'retry', 'transaction', 'pop']) } as const;

export const abilities: Readonly<Record<SdkName, Abilities>> = {
  'java-4.9.8': { ...remoting, choosesQueue: true, skills: new Set(javaSkills) },
  'java-5.5.0': { ...remoting, choosesQueue: true, skills: new Set(javaSkills) },
  // it does not unlock the queues that another member gets: they are free when the lock is 60 s old
  go: { ...remoting, drainMs: 100_000, choosesQueue: true, skills: new Set<Skill>(['orderly', 'delay', 'broadcasting', 'retry', 'transaction', 'assignment', 'rebalance']) },
  'ali-ons': { ...remoting, choosesQueue: false, skills: new Set<Skill>(['delay', 'broadcasting', 'retry', 'assignment']) },
  'grpc-java': grpc,
  'grpc-go': grpc,
  'grpc-python': grpc,
  'grpc-node': grpc,
  // its library has simple consumers only
  'grpc-rust': { ...grpc, push: false },
};

/** What a library does otherwise than a workload needs. */
const otherwise: Partial<Record<SdkName, Readonly<Record<string, string>>>> = {
  'grpc-go': { ordered: 'grpc-go goes on behind a FIFO message while that waits to be tried again' },
  'grpc-node': { ordered: 'grpc-node sends a FIFO message that was not taken to the dead letter queue at once' },
};

/** Checkers that need what no library tells. */
const untold: Readonly<Record<string, string>> = { offsets: 'commits', locks: 'locks' };
const ofPlaces: readonly string[] = ['places', 'queue-order'];

/** Why the library cannot play the workload, or its history has nothing for the checker; undefined: it can. */
export function whyNot(sdk: SdkName, workload: Workload, checker?: string): string | undefined {
  const has = abilities[sdk];
  const lacks = (workload.uses ?? []).filter((one) => !has.skills.has(one));
  if (lacks.length > 0) return `${sdk}'s program has no ${lacks.join(', ')}`;
  const other = otherwise[sdk]?.[workload.name];
  if (other !== undefined || checker === undefined) return other;
  if (checker === 'queue-order' && workload.uses?.[0] === 'broadcasting') return `${sdk}'s broadcasting consumers call their listener from several threads`;
  const silent = untold[checker] ?? (!has.tellsPlaces && ofPlaces.includes(checker) ? 'queues and offsets' : undefined);
  return silent === undefined ? undefined : `${sdk} does not tell its ${silent}`;
}

/** The checkers of a workload with the library's own time to settle. */
export function checkersFor(sdk: SdkName, workload: Workload): readonly Checker[] {
  return workload.checkers.map((one) => {
    if (one.name === 'rebalance') return rebalance({ settleMs: Math.max(settleMs, abilities[sdk].settleMs), queues: rebalanceQueues });
    // libraries do not tell when they asked: an invisible time begins at the broker, a trip through the library and its program before it is heard of
    return one.name === 'invisibility' ? invisibility(tripMs) : one;
  });
}

/** How long a delivery may be under way from the broker to the history on a busy machine, ms. */
const tripMs = 1000;

/** Sends through the program. */
export class SdkProducer extends MessageSource {
  private readonly program: Program;
  private readonly has: Abilities;

  constructor(program: Program, recorder: Recorder, options: ProducerOptions) {
    super(recorder, options);
    this.program = program;
    this.has = abilities[program.sdk];
  }

  protected finish(): Promise<void> {
    return Promise.resolve();
  }

  protected async send({ value, body, transactional }: Outgoing): Promise<void> {
    const { name, topic } = this.options;
    const key = value.key ?? '';
    const decision = transactional ? this.decision() : undefined;
    const typed = this.has.over === 'grpc';
    // gRPC's topics take one type of messages: plain ones among transactional ones are committed at once, among delayed ones due at once
    const asked = decision ?? (typed && this.options.transactionalPercent !== undefined ? 'commit' : undefined);
    const delay = value.delayMs === undefined && typed && this.options.delaysMs !== undefined ? { delayMs: 0 } : delayOf(value);
    const { queueId, ...rest } = value;
    const chosen = this.has.choosesQueue && value.shard !== undefined; // other messages the library places as it likes
    const call = this.recorder.call(name, 'send', chosen && queueId !== undefined ? { ...rest, queueId } : rest);
    // the library ends the transaction before it tells of the send
    const end = decision === undefined || decision === 'open' ? undefined : this.recorder.call(name, 'end', { key, end: decision });
    try {
      const [sent] = await this.program.send(topic, asked === undefined ? 'sync' : 'transaction', [{
        key, body: body.toString('utf8'), ...(value.tag === undefined ? {} : { tag: value.tag }), ...(chosen && queueId !== undefined ? { queueId } : {}),
        ...(value.shard === undefined ? {} : { shard: value.shard }), ...delay, ...(asked === undefined ? {} : { decision: asked }),
      }]);
      if (sent?.acknowledged !== true) {
        call.info({ error: 'not acknowledged' });
        end?.info();
        return;
      }
      call.ok({ ...intOf('queueId', sent.queueId ?? NaN), ...intOf('queueOffset', sent.queueOffset ?? NaN), ...(sent.msgId === undefined ? {} : { msgId: sent.msgId }) });
      end?.ok();
    } catch (error) {
      // a library that gave up may have sent it all the same
      call.info({ error: textOf(error).split('\n')[0] ?? '' });
      end?.info();
    }
  }
}

function delayOf({ delayMs }: Value): Partial<OutgoingMessage> {
  if (delayMs === undefined) return {};
  const level = levelsMs.indexOf(delayMs) + 1;
  return { delayMs, ...(level > 0 ? { delayLevel: level } : {}) };
}

/** Shorter invisible times gRPC endpoints refuse, ms (`ProxyConfig#minInvisibleTimeMillsForRecv`). */
const invisibleMsMin = 10_000;

/** How often a program is asked for its queues, ms. */
const assignmentMs = 250;

/** Consumes through the program. */
export class SdkConsumer implements RunningConsumer {
  readonly options: ConsumerOptions;
  private readonly program: Program;
  private readonly recorder: Recorder;
  private readonly has: Abilities;
  /** Unique over all workloads of a process. */
  private readonly as: string;
  private readonly invisibleMs: number;
  /** Receives and acknowledges by itself, as all `pop` consumers do. */
  private readonly simple: boolean;
  private readonly acking = new Map<string, Call>();
  private forget: () => void = () => undefined;
  private over = false;
  private watching: Promise<void> = Promise.resolve();

  constructor(t: Context, program: Program, recorder: Recorder, options: ConsumerOptions) {
    this.program = program;
    this.recorder = recorder;
    this.options = options;
    this.has = abilities[program.sdk];
    this.as = t.groupName(options.name);
    this.simple = options.mode === 'pop' || this.has.push === false;
    this.invisibleMs = Math.max(invisibleMsMin, options.invisibleMs ?? (options.mode === 'pop' ? 30_000 : invisibleMsMin));
  }

  async start(): Promise<void> {
    const { name, group, topic, expression, mode, failOnce } = this.options;
    const { invisibleMs } = this;
    this.forget = this.program.onEvent((event) => {
      if (event.as === this.as) this.heard(event);
    });
    await this.program.command('subscribe', {
      as: this.as, group, topic, expression: expression ?? '*', model: mode === 'broadcasting' ? 'broadcasting' : 'clustering', orderly: mode === 'orderly', retryDelayLevel: 1,
      ...(this.simple ? { style: 'simple', invisibleMs } : {}),
      ...(failOnce === undefined ? {} : { fail: 'nth', failEvery: failOnce.every, failBefore: Math.min(failOnce.before, 1_000_000_000) }),
    });
    // a library takes seconds to start on a busy machine: it is a member when it says so
    this.recorder.event(name, 'join', { group, topic, mode: mode === undefined || mode === 'clustering' ? 'concurrent' : mode, expression: expression ?? '*' });
    if (this.has.skills.has('assignment') && mode !== 'broadcasting' && mode !== 'pop') this.watching = this.watch();
  }

  /** The group knows that it leaves from some moment between the two lines on. */
  async stop(): Promise<void> {
    const { name, group } = this.options;
    this.over = true;
    await this.watching;
    this.recorder.event(name, 'leave', { group });
    await this.program.command('unsubscribe', { as: this.as }).catch((error: unknown) => void textOf(error));
    this.recorder.event(name, 'leave', { group });
    this.forget();
  }

  private heard(event: Event): void {
    const { name, topic, mode } = this.options;
    const key = event.key ?? '';
    if (event.event === 'acked') {
      const call = this.acking.get(key);
      if (event.acknowledged === true) call?.ok();
      else call?.info({ error: event.message ?? 'not acknowledged' });
      this.acking.delete(key);
      return;
    }
    if (event.event !== 'received') return;
    const place = this.has.tellsPlaces ? { ...intOf('queueId', event.queueId ?? NaN), ...intOf('queueOffset', event.offset ?? NaN) } : {};
    this.recorder.event(name, 'receive', {
      key, topic, body: digest(Buffer.from(event.body ?? '')), ...place, reconsumeTimes: event.reconsume ?? 0,
      ...(event.tag === undefined || event.tag === '' ? {} : { tag: event.tag }), ...(mode === 'pop' ? { invisibleMs: this.invisibleMs } : {}),
    });
    if (event.taken !== false) {
      const call = this.recorder.call(name, 'ack', { key, topic });
      if (this.simple) this.acking.set(key, call);
      else call.ok();
    } else if (mode === undefined || mode === 'clustering') this.recorder.call(name, 'back', { key, topic }).ok();
  }

  private async watch(): Promise<void> {
    const { name, group, topic } = this.options;
    let before = '';
    while (!this.over) {
      const queues = await this.program.assignment(this.as).catch(() => undefined);
      if (queues !== undefined && queues.join() !== before) {
        before = queues.join();
        this.recorder.event(name, 'assign', { group, topic, queues });
      }
      await new Promise((resolve) => setTimeout(resolve, assignmentMs));
    }
  }
}
