/**
 * The op queue as one check run reads it: which halves are decided, and which op messages have said all they have to say
 * (`TransactionalMessageServiceImpl#fillOpRemoveMap`). Progress over it moves past an op message only when every half it names was passed, so that a
 * restart finds the decisions again that it still needs.
 */
import { readRecord, RecordView } from '../../codec/message-record.js';
import { parseProperties, propertyNames } from '../../codec/properties.js';
import { parseJavaLong } from '../../compat/java-number.js';
import type { QueueRef } from '../../store/types.js';
import type { BrokerContext } from '../broker/types.js';
import { removeTag } from './half-message.js';
import type { ImmuneHalves } from './immune-halves.js';

/** Op messages read in one go (`TransactionalMessageServiceImpl#OP_MSG_PULL_NUMS`). */
export const opPullNums = 32;

/** What reading on found: op messages, with the born time of the last one; nothing more; or a position outside the queue, corrected now. */
export type OpPull = { readonly status: 'FOUND'; readonly lastBornMs: number } | { readonly status: 'NO_NEW_MSG' } | { readonly status: 'OFFSET_ILLEGAL' };

export class OpQueue {
  readonly #ctx: BrokerContext;
  readonly #queue: QueueRef;
  /** Halves below are behind the run: nobody asks for them. */
  readonly #firstHalf: number;
  /** Offset of the op message that decides each half. */
  readonly #decidedBy = new Map<number, number>();
  /** Halves that an op message names and that were not passed yet. */
  readonly #open = new Map<number, Set<number>>();
  readonly #done = new Set<number>();
  readonly #immune: ImmuneHalves;
  /** Where reading goes on. */
  #next: number;
  /** Progress: everything below is done. */
  #from: number;

  constructor(ctx: BrokerContext, queue: QueueRef, from: number, firstHalf: number, immune: ImmuneHalves) {
    this.#ctx = ctx;
    this.#queue = queue;
    this.#from = this.#next = from;
    this.#firstHalf = firstHalf;
    this.#immune = immune;
  }

  /** Reads the next op messages. */
  async pull(): Promise<OpPull> {
    const queue = this.#queue;
    if (this.#next === queue.maxOffset) return { status: 'NO_NEW_MSG' };
    if (this.#next < queue.minOffset || this.#next > queue.maxOffset) {
      this.#ctx.log.warn({ opOffset: this.#next, minOffset: queue.minOffset, maxOffset: queue.maxOffset }, 'progress of op messages was outside their queue');
      this.#next = this.#next < queue.minOffset ? queue.minOffset : queue.maxOffset;
      this.#from = this.#next;
      return { status: 'OFFSET_ILLEGAL' };
    }
    const units = await this.#ctx.store.units(queue, this.#next, opPullNums);
    if (units.length === 0) return { status: 'NO_NEW_MSG' };
    let lastBornMs = 0;
    const view = new RecordView();
    for (const unit of units) {
      const record = await this.#ctx.store.record(unit.phyOffset);
      this.#next = unit.queueOffset + 1;
      if (record === undefined || readRecord(view, record, 0, record.length) !== 'record') {
        this.#done.add(unit.queueOffset);
        continue;
      }
      lastBornMs = view.bornTimestamp;
      this.#take(unit.queueOffset, record, view);
    }
    return { status: 'FOUND', lastBornMs };
  }

  #take(opOffset: number, record: Buffer, view: RecordView): void {
    const tags = parseProperties(record.toString('utf8', view.propertiesStart, view.propertiesEnd)).get(propertyNames.TAGS);
    const halves = new Set<number>();
    if (tags !== removeTag) this.#ctx.log.error({ opOffset, tags }, 'an op message has another tag and is left out');
    else {
      for (const text of record.toString('latin1', view.bodyStart, view.bodyEnd).split(',')) {
        const half = parseJavaLong(text);
        if (half === undefined) continue;
        this.#immune.decide(Number(half));
        if (half < BigInt(this.#firstHalf)) continue;
        this.#decidedBy.set(Number(half), opOffset);
        halves.add(Number(half));
      }
    }
    if (halves.size > 0) this.#open.set(opOffset, halves);
    else this.#done.add(opOffset);
  }

  /** True when a half is decided; its op message has one less to say. */
  takeDecision(half: number): boolean {
    const opOffset = this.#decidedBy.get(half);
    if (opOffset === undefined) return false;
    this.#decidedBy.delete(half);
    const open = this.#open.get(opOffset);
    open?.delete(half);
    if (open === undefined || open.size === 0) {
      this.#open.delete(opOffset);
      this.#done.add(opOffset);
    }
    return true;
  }

  /** Offset from which the next run has to read (`#calculateOpOffset`). */
  progress(): number {
    let offset = this.#from;
    while (this.#done.has(offset)) offset++;
    return offset;
  }
}
