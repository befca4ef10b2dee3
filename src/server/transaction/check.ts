/**
 * The check of halves that nobody decided (`TransactionalMessageCheckService`, `TransactionalMessageServiceImpl#check`). A run goes through the half queue from where the last
 * one ended: decided halves are passed; one that is older than its immunity is stored again at the queue's end, counted once more, and its
 * producer is asked; one that was asked too often moves to TRANS_CHECK_MAX_TIME_TOPIC; a young one ends the run.
 *
 * Progress is two offsets of CID_RMQ_SYS_TRANS, committed together and only over what is on the platter: a killed process asks again, and loses no half.
 */
import { propertyNames } from '../../codec/properties.js';
import { parseJavaInt, parseJavaLong } from '../../compat/java-number.js';
import type { TimerHandle } from '../../remoting/types.js';
import type { QueueRef, QueueUnit } from '../../store/types.js';
import { PutForm } from '../broker/put-form.js';
import { readWritePerm } from '../broker/put-place.js';
import type { PutParts } from '../broker/put-place.js';
import { transCheckMaxTimeTopic, transHalfTopic, transOpHalfTopic } from '../broker/topic-names.js';
import type { CheckSender } from './check-sender.js';
import type { TransactionCounts } from './counts.js';
import { fillAgain, readHalf, transactionGroup } from './half-message.js';
import type { Half } from './half-message.js';
import { ImmuneHalves } from './immune-halves.js';
import type { OpMessages } from './op-messages.js';
import { OpQueue } from './op-queue.js';
import type { OpPull } from './op-queue.js';
import { putAndWait } from './put.js';

/** Longest run over one queue (`TransactionalMessageServiceImpl#MAX_PROCESS_TIME_LIMIT`), and its pause over a half that can be neither asked nor passed (`#SLEEP_WHILE_NO_OP`). */
const runMsMax = 60_000;
const pauseMs = 1000;
/** Entries of the half queue read ahead. */
const unitsAhead = 256;
const hourMs = 3_600_000;
/** Patience with the platter before progress is committed; a run that loses it is repeated. */
const flushPatienceMs = 5000;

export interface CheckParts {
  readonly put: PutParts;
  readonly ops: OpMessages;
  readonly sender: CheckSender;
  readonly counts: TransactionCounts;
  /** `MessageStoreConfig#fileReservedTime` in hours: older halves are given up. */
  readonly fileReservedHours: () => number;
}

/** What one step over a half did: passed it, has to look at it again, or ends the run. */
type Step = 'next' | 'again' | 'end';

export class TransactionCheck {
  readonly #parts: CheckParts;
  readonly #form: PutForm;
  #timer: TimerHandle | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;
  readonly #immune = new Map<number, ImmuneHalves>();
  /** Wakes a pause. */
  #wake: (() => void) | undefined;

  constructor(parts: CheckParts) {
    this.#parts = parts;
    this.#form = new PutForm(parts.put.ctx);
  }

  start(): void {
    this.#stopped = false;
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.clear();
    this.#wake?.();
    await this.#running;
  }

  /** Each run waits for the one before; the interval may change in between. */
  #arm(): void {
    if (this.#stopped) return;
    const { clock, config } = this.#parts.put.ctx;
    this.#timer = clock.setTimeout(() => {
      this.#running = this.run().finally(() => {
        this.#running = undefined;
        this.#arm();
      });
    }, config.transactionCheckInterval);
  }

  /** One run over all queues of the half topic. Never rejects. */
  async run(): Promise<void> {
    const { ctx } = this.#parts.put;
    try {
      await this.#parts.ops.flush();
      const queues = ctx.topics.get(transHalfTopic)?.config.readQueueNums ?? 1;
      for (let queueId = 0; queueId < queues && !this.#stopped; queueId++) {
        const half = ctx.store.existingQueue(transHalfTopic, queueId);
        if (half === undefined) continue;
        let immune = this.#immune.get(queueId);
        if (immune === undefined) this.#immune.set(queueId, (immune = new ImmuneHalves()));
        await new QueueRun(this.#parts, this.#form, half, immune, (ms) => this.#pause(ms), () => this.#stopped).run();
      }
    } catch (error) {
      ctx.log.error({ error: String(error) }, 'half messages could not be checked');
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#parts.put.ctx.clock.setTimeout(resolve, ms);
      this.#wake = () => {
        timer.clear();
        resolve();
      };
    });
  }
}

/** One run over one queue. */
class QueueRun {
  readonly #parts: CheckParts;
  readonly #form: PutForm;
  readonly #halves: QueueRef;
  readonly #immune: ImmuneHalves;
  readonly #pause: (ms: number) => Promise<void>;
  readonly #stopped: () => boolean;
  readonly #startMs: number;
  #ahead: readonly QueueUnit[] = [];
  #op: OpPull = { status: 'NO_NEW_MSG' };
  /** Something was stored again or moved: its loss would be the half's loss. */
  #stored = false;

  constructor(parts: CheckParts, form: PutForm, halves: QueueRef, immune: ImmuneHalves, pause: (ms: number) => Promise<void>, stopped: () => boolean) {
    this.#parts = parts;
    this.#form = form;
    this.#halves = halves;
    this.#immune = immune;
    this.#pause = pause;
    this.#stopped = stopped;
    this.#startMs = parts.put.ctx.clock.nowMs();
  }

  #nowMs(): number {
    return this.#parts.put.ctx.clock.nowMs();
  }

  async run(): Promise<void> {
    const { ctx } = this.#parts.put;
    const { queueId } = this.#halves;
    const opQueue = ctx.store.queue(transOpHalfTopic, queueId);
    const known = (queue: QueueRef): number => {
      const offset = ctx.offsets.query(transactionGroup, queue.topic, queueId);
      return offset === -1 ? queue.minOffset : offset;
    };
    const halfFrom = known(this.#halves);
    const opFrom = known(opQueue);
    const ops = new OpQueue(ctx, opQueue, opFrom, halfFrom, this.#immune);
    this.#op = await ops.pull();
    let at = halfFrom;
    while (!this.#stopped() && this.#nowMs() - this.#startMs <= runMsMax) {
      if (at < this.#halves.minOffset) {
        ctx.log.warn({ queueOffset: at, minOffset: this.#halves.minOffset }, 'half messages are gone from the log');
        at = this.#halves.minOffset;
      }
      if (at >= this.#halves.maxOffset) {
        // Progress beyond the queue is that of another log.
        at = this.#halves.maxOffset;
        break;
      }
      const step = ops.takeDecision(at) ? 'next' : await this.#undecided(ops, at);
      if (step === 'end') break;
      if (step === 'next') at++;
    }
    await this.#commit(halfFrom, at, opFrom, ops.progress());
  }

  /** Offsets move together, so that a restart has the op messages that the halves it looks at need. */
  async #commit(halfFrom: number, half: number, opFrom: number, op: number): Promise<void> {
    const { ctx } = this.#parts.put;
    if (half === halfFrom && op === opFrom) return;
    if (this.#stored && (await ctx.store.flushed(ctx.store.positions.written, flushPatienceMs)) !== 'FLUSHED') return;
    const { queueId } = this.#halves;
    ctx.offsets.commit(transactionGroup, transHalfTopic, queueId, half, ctx.brokerAddress());
    ctx.offsets.commit(transactionGroup, transOpHalfTopic, queueId, op, ctx.brokerAddress());
  }

  async #read(queueOffset: number): Promise<Half | undefined> {
    const { store } = this.#parts.put.ctx;
    let unit = this.#ahead.find((one) => one.queueOffset === queueOffset);
    if (unit === undefined) {
      this.#ahead = await store.units(this.#halves, queueOffset, unitsAhead);
      unit = this.#ahead[0];
    }
    const record = unit === undefined ? undefined : await store.record(unit.phyOffset);
    return record === undefined ? undefined : readHalf(record);
  }

  async #undecided(ops: OpQueue, at: number): Promise<Step> {
    const { ctx } = this.#parts.put;
    const half = await this.#read(at);
    if (half === undefined) {
      ctx.log.error({ queueOffset: at }, 'a half message cannot be read and is passed');
      return 'next';
    }
    const properties = new Map(half.properties);
    if (this.#givenUp(half, properties)) return (await this.#discard(half, properties)) ? 'next' : 'end';
    if (half.storeTimestamp >= this.#startMs) return 'end';
    const ageMs = this.#nowMs() - half.bornTimestamp;
    const immunity = half.properties.get(propertyNames.CHECK_IMMUNITY_TIME_IN_SECONDS);
    let immunityMs = ctx.config.transactionTimeOut;
    if (immunity !== undefined) {
      immunityMs = immunityOf(immunity, immunityMs);
      if (ageMs <= immunityMs && (await this.#passImmune(ops, half))) return 'next';
    } else if (ageMs >= 0 && ageMs <= immunityMs) return 'end';
    if (!this.#due(ageMs, immunityMs)) return this.#readOn(ops);
    if (this.#decidedAtFirst(ops, half)) return 'next';
    if (this.#parts.ops.holds(half.queueId, at)) {
      // Decided a moment ago: the op message that says so is written now and read next.
      if (!(await this.#parts.ops.flush())) return 'end';
      this.#op = await ops.pull();
      return 'again';
    }
    return (await this.#ask(half, properties)) ? 'next' : 'end';
  }

  /** Whether the op messages read so far leave no doubt that the half is undecided. */
  #due(ageMs: number, immunityMs: number): boolean {
    if (ageMs <= -1) return true;
    if (this.#op.status !== 'FOUND') return ageMs > immunityMs;
    return this.#op.lastBornMs - this.#startMs > this.#parts.put.ctx.config.transactionTimeOut;
  }

  async #readOn(ops: OpQueue): Promise<Step> {
    const before = this.#op.status;
    this.#op = await ops.pull();
    if (this.#op.status !== 'FOUND' && before !== 'FOUND') await this.#pause(pauseMs);
    return 'again';
  }

  /** Asked too often or too old (`#needDiscard`, `#needSkip`); else counts the question that comes. */
  #givenUp(half: Half, properties: Map<string, string>): boolean {
    const { config } = this.#parts.put.ctx;
    const text = properties.get(propertyNames.TRANSACTION_CHECK_TIMES);
    let times = 1;
    if (text !== undefined) {
      times = parseJavaInt(text) ?? -1;
      if (times >= config.transactionCheckMax) return true;
      times++;
    }
    properties.set(propertyNames.TRANSACTION_CHECK_TIMES, String(times));
    return this.#nowMs() - half.bornTimestamp > this.#parts.fileReservedHours() * hourMs;
  }

  async #discard(half: Half, properties: ReadonlyMap<string, string>): Promise<boolean> {
    const { put, counts } = this.#parts;
    put.ctx.topics.createOnSendBack(transCheckMaxTimeTopic, 1, readWritePerm, 0);
    if (!(await this.#store(half, transCheckMaxTimeTopic, properties))) return false;
    if (half.real !== undefined) counts.add(half.real.topic, -1);
    put.ctx.log.warn({ topic: half.real?.topic, queueOffset: half.queueOffset }, 'a half message was given up and moved to TRANS_CHECK_MAX_TIME_TOPIC');
    return true;
  }

  /**
   * A half with an immunity of its own does not hold up those behind it: it is stored again, and remembers its first offset, which a decision may still name
   * (`#checkPrepareQueueOffset`).
   */
  async #passImmune(ops: OpQueue, half: Half): Promise<boolean> {
    const properties = new Map(half.properties);
    const text = properties.get(propertyNames.TRANSACTION_PREPARED_QUEUE_OFFSET);
    const first = text === undefined ? half.queueOffset : Number(parseJavaLong(text) ?? -1n);
    if (first === -1) return false;
    if (text === undefined) properties.set(propertyNames.TRANSACTION_PREPARED_QUEUE_OFFSET, String(first));
    else if (this.#decidedAtFirst(ops, half)) return true;
    if (!(await this.#store(half, transHalfTopic, properties))) return false;
    this.#immune.note(first);
    return true;
  }

  /** A half that was stored again may be decided by its first offset, in the log or in an op message to come. */
  #decidedAtFirst(ops: OpQueue, half: Half): boolean {
    const text = half.properties.get(propertyNames.TRANSACTION_PREPARED_QUEUE_OFFSET);
    const first = text === undefined ? undefined : parseJavaLong(text);
    if (first === undefined) return false;
    const offset = Number(first);
    return ops.takeDecision(offset) || this.#immune.takeDecision(offset) || this.#parts.ops.holds(half.queueId, offset);
  }

  async #ask(half: Half, properties: Map<string, string>): Promise<boolean> {
    fillAgain(this.#parts.put.ctx, this.#form, half, transHalfTopic, properties);
    const at = await putAndWait(this.#parts.put, this.#form);
    if (at === undefined) return false;
    this.#stored = true;
    this.#parts.sender.send(half, properties, at);
    return true;
  }

  async #store(half: Half, topic: string, properties: ReadonlyMap<string, string>): Promise<boolean> {
    fillAgain(this.#parts.put.ctx, this.#form, half, topic, properties);
    if ((await putAndWait(this.#parts.put, this.#form)) === undefined) return false;
    this.#stored = true;
    return true;
  }
}

/** `TransactionalMessageServiceImpl#getImmunityTime`: seconds; what cannot be read counts as -1, which means the default. */
function immunityOf(text: string, transactionTimeOutMs: number): number {
  const seconds = Number(parseJavaLong(text) ?? -1n);
  return seconds === -1 ? transactionTimeOutMs : seconds * 1000;
}
