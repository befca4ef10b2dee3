/**
 * Op messages: the memory of which halves are decided (`TransactionalMessageServiceImpl#deletePrepareMessage`, `TransactionalOpBatchService`). A decided half's queue
 * offset waits here for at most `transactionOpBatchInterval`, or until `transactionOpMsgMaxSize` characters came together; then one message
 * with all of them is stored in the op topic. What a killed process had not stored yet is asked of the producer again: nothing is lost by it.
 *
 *   body: decimal queue offsets, each followed by a comma: "12,15,"
 */
import { propertyNames } from '../../codec/properties.js';
import type { TimerHandle } from '../../remoting/types.js';
import { PutForm } from '../broker/put-form.js';
import type { PutParts } from '../broker/put-place.js';
import { transOpHalfTopic } from '../broker/topic-names.js';
import { removeTag } from './half-message.js';
import { putAndWait } from './put.js';

/** Offsets of one queue that may wait while the log takes nothing (`MessageQueueOpContext`, 20000); later ones are dropped and their halves checked again. */
export const waitingMax = 20_000;

/** Decided halves of one queue of the half topic. */
interface Waiting {
  /** Texts "12," in order of arrival. */
  texts: string[];
  chars: number;
  /** Offsets that wait or are being written. */
  readonly held: Set<number>;
}

export class OpMessages {
  readonly #parts: PutParts;
  readonly #form: PutForm;
  readonly #queues = new Map<number, Waiting>();
  #timer: TimerHandle | undefined;
  #flushing: Promise<boolean> | undefined;
  #stopped = false;
  /** Decisions that found no room. */
  dropped = 0;

  constructor(parts: PutParts) {
    this.#parts = parts;
    this.#form = new PutForm(parts.ctx);
  }

  /** The half at this queue offset is decided. */
  add(queueId: number, queueOffset: number): void {
    const { config, clock } = this.#parts.ctx;
    let waiting = this.#queues.get(queueId);
    if (waiting === undefined) this.#queues.set(queueId, (waiting = { texts: [], chars: 0, held: new Set() }));
    if (waiting.held.size >= waitingMax) {
      this.dropped++;
      return;
    }
    const text = `${queueOffset},`;
    waiting.texts.push(text);
    waiting.chars += text.length;
    waiting.held.add(queueOffset);
    if (this.#stopped) return;
    if (waiting.chars > config.transactionOpMsgMaxSize) void this.flush();
    else this.#timer ??= clock.setTimeout(() => void this.flush(), config.transactionOpBatchInterval);
  }

  /** The half is decided, and no op message of the log says so yet. */
  holds(queueId: number, queueOffset: number): boolean {
    return this.#queues.get(queueId)?.held.has(queueOffset) === true;
  }

  /** Decisions that wait. */
  get count(): number {
    let count = 0;
    for (const { held } of this.#queues.values()) count += held.size;
    return count;
  }

  /** Stores everything that waits; false when the log took not all of it, which then waits on. */
  flush(): Promise<boolean> {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#flushing ??= this.#write().finally(() => {
      this.#flushing = undefined;
      if (this.count > 0 && !this.#stopped) this.#timer ??= this.#parts.ctx.clock.setTimeout(() => void this.flush(), this.#parts.ctx.config.transactionOpBatchInterval);
    });
    return this.#flushing;
  }

  /** Stores what waits; later decisions stay in memory. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#flushing;
    await this.flush();
    this.#timer?.clear();
  }

  async #write(): Promise<boolean> {
    for (const [queueId, waiting] of this.#queues) {
      while (waiting.texts.length > 0) {
        const texts = this.#take(waiting);
        if (!(await this.#store(queueId, texts.join('')))) {
          waiting.texts.unshift(...texts);
          for (const text of texts) waiting.chars += text.length;
          return false;
        }
        for (const text of texts) waiting.held.delete(Number.parseInt(text, 10));
      }
    }
    return true;
  }

  /** As much as one message holds: texts until `transactionOpMsgMaxSize` is reached. */
  #take(waiting: Waiting): string[] {
    const max = this.#parts.ctx.config.transactionOpMsgMaxSize;
    let count = 0;
    let chars = 0;
    while (count < waiting.texts.length && (count === 0 || chars < max)) chars += waiting.texts[count++]?.length ?? 0;
    waiting.chars -= chars;
    return waiting.texts.splice(0, count);
  }

  async #store(queueId: number, text: string): Promise<boolean> {
    const { ctx } = this.#parts;
    const form = this.#form;
    const body = Buffer.from(text, 'latin1');
    form.exactly(new Map([[propertyNames.TAGS, removeTag]]));
    const input = form.input;
    input.queue = ctx.store.queue(transOpHalfTopic, queueId);
    input.flag = 0;
    input.bornTimestamp = ctx.clock.nowMs();
    input.bornHost = ctx.storeHost();
    input.sysFlag = form.sysFlag(0, input.bornHost);
    input.reconsumeTimes = 0;
    input.preparedTransactionOffset = 0;
    input.body = body;
    input.bodyStart = 0;
    input.bodyEnd = body.length;
    return (await putAndWait(this.#parts, form)) !== undefined;
  }
}
