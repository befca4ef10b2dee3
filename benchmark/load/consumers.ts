/**
 * The pulling half of a load: one PULL_MESSAGE at a time per queue, each answered pull followed by the next. Every record
 * is walked over and its queueOffset checked, so that a fast wrong answer cannot look like a fast right one.
 */
import type { Socket } from 'node:net';
import { openConnection } from './connection.js';
import type { ErrorTally } from './error-tally.js';
import { pullFrame, type PullShape } from './frames.js';
import { Histogram } from './histogram.js';
import { QueueReaders } from './queue-readers.js';
import { Slots } from './slots.js';
import type { PullSpec } from './spec.js';

/** Response codes of a pull. `ResponseCode` */
const FOUND = 0;
const NOT_FOUND = 19;
const RETRY_IMMEDIATELY = 20;
const OFFSET_MOVED = 21;

/** How long the broker may hold a pull of a consumer at the tail, as the Java client asks. */
const SUSPEND_MS = 15_000;

/** Positions in a stored record with IPv4 hosts: queueOffset (low half), body length, body. */
const QUEUE_OFFSET_LOW_AT = 24;
const BODY_LENGTH_AT = 84;
const BODY_AT = 88;

function nextOf(header: string): number {
  return Number(/"nextBeginOffset":"(\d+)"/.exec(header)?.[1] ?? NaN);
}

interface QueueCursor {
  readonly queueId: number;
  queueOffset: number;
}

interface Consumer {
  readonly socket: Socket;
  readonly slots: Slots;
}

export class Consumers extends QueueReaders<Consumer, QueueCursor> {
  readonly #spec: PullSpec;
  readonly #shape: PullShape;
  readonly #errors: ErrorTally;
  readonly #stamped: boolean;
  readonly #endToEnd = new Histogram();

  constructor(spec: PullSpec, topic: string, startOffsets: readonly number[], errors: ErrorTally, stamped: boolean) {
    super(startOffsets.map((queueOffset, queueId) => ({ queueId, queueOffset })));
    this.#spec = spec;
    this.#errors = errors;
    this.#stamped = stamped;
    this.#shape = { topic, consumerGroup: 'bench_consumer', maxMsgNums: spec.maxMsgNums, suspendTimeoutMs: spec.from === 'tail' ? SUSPEND_MS : 0, ...(spec.sql === undefined ? {} : { sql: spec.sql }) };
  }

  async connect(address: string): Promise<void> {
    for (let i = 0; i < this.#spec.connections; i++) {
      const slots = new Slots(this.cursors.length);
      let consumer: Consumer | null = null;
      const socket = await openConnection(address, {
        onRead: (nowMs) => {
          this.nowMs = nowMs;
        },
        onResponse: (opaque, code, buffer, headerStart, bodyStart, end) => {
          const slot = slots.slotOf(opaque);
          if (slot === -1) {
            this.#errors.add('a response to a pull that nothing awaits');
            return;
          }
          const sentAt = slots.sentAt(slot);
          const cursor = this.cursors[slots.queueId(slot)];
          slots.release(slot);
          if (cursor === undefined) return;
          this.#answer(cursor, code, sentAt, buffer, headerStart, bodyStart, end);
          if (!this.stopped && consumer !== null) this.ask(consumer, cursor);
        },
        onReadEnd: () => undefined,
        onClosed: (why) => {
          if (!this.stopped) this.#errors.add(`consumer connection: ${why}`);
        },
      });
      consumer = { socket, slots };
      this.links.push(consumer);
    }
  }

  override outcome(): ReturnType<QueueReaders<Consumer, QueueCursor>['outcome']> {
    return this.#stamped ? { ...super.outcome(), endToEnd: this.#endToEnd.snapshot() } : super.outcome();
  }

  protected override ask({ socket, slots }: Consumer, cursor: QueueCursor): void {
    socket.write(pullFrame(this.#shape, slots.take(this.nowMs, cursor.queueId), cursor.queueId, cursor.queueOffset));
  }

  #answer(cursor: QueueCursor, code: number, sentAt: number, buffer: Buffer, headerStart: number, bodyStart: number, end: number): void {
    const { measured } = this;
    if (code === FOUND || (code === RETRY_IMMEDIATELY && this.#spec.sql !== undefined)) {
      const before = cursor.queueOffset;
      if (code === FOUND) this.#walk(cursor, buffer, bodyStart, end, measured);
      if (this.#spec.sql !== undefined) cursor.queueOffset = nextOf(buffer.toString('utf8', headerStart, bodyStart));
      const count = cursor.queueOffset - before;
      this.countIn(cursor, count);
      if (measured) {
        this.messages += count;
        this.requests++;
        this.latency.recordMs(this.nowMs - sentAt);
      }
      return;
    }
    const header = buffer.toString('utf8', headerStart, bodyStart);
    const next = nextOf(header);
    if (code === NOT_FOUND || code === RETRY_IMMEDIATELY || code === OFFSET_MOVED) {
      if (this.#spec.from === 'backlog' && code !== RETRY_IMMEDIATELY) {
        if (cursor.queueOffset === 0) this.#errors.add(`queue ${cursor.queueId} of the backlog is empty (code ${code})`);
        if (cursor.queueId === 0) this.passes++;
        cursor.queueOffset = 0;
      } else if (code === OFFSET_MOVED) {
        this.#errors.response(code, header);
        if (Number.isSafeInteger(next)) cursor.queueOffset = next;
      }
      return;
    }
    this.#errors.response(code, header);
  }

  /** Walks the records of a body and moves the cursor behind them. */
  #walk(cursor: QueueCursor, buffer: Buffer, bodyStart: number, end: number, measured: boolean): void {
    let at = bodyStart;
    let expected = cursor.queueOffset;
    while (at < end) {
      const bytes = end - at >= BODY_AT ? buffer.readInt32BE(at) : 0;
      if (bytes < BODY_AT || at + bytes > end) {
        this.#errors.add('a pulled body that does not split into records');
        break;
      }
      const queueOffset = buffer.readUInt32BE(at + QUEUE_OFFSET_LOW_AT);
      if (this.#spec.sql !== undefined && queueOffset > expected) expected = queueOffset;
      if (queueOffset !== expected) this.#errors.add('a pulled record with another queueOffset than expected');
      if (this.#stamped && measured && buffer.readInt32BE(at + BODY_LENGTH_AT) >= 8) this.#endToEnd.recordMs(this.nowMs - buffer.readDoubleBE(at + BODY_AT));
      expected++;
      at += bytes;
    }
    if (at === bodyStart) this.#errors.add('a pull answered FOUND without a record');
    cursor.queueOffset = expected;
  }
}
