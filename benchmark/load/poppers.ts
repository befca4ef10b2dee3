/**
 * The popping half of a load: one POP_MESSAGE at a time per queue; each message of its answer is acknowledged by itself, and the next POP follows when all
 * acknowledgements are answered. A queue that is empty is begun again with another group.
 */
import type { Socket } from 'node:net';
import { openConnection } from './connection.js';
import type { ErrorTally } from './error-tally.js';
import { ackFrame, popFrame } from './frames.js';
import { QueueReaders } from './queue-readers.js';
import { Slots } from './slots.js';
import type { PullSpec } from './spec.js';

/** Response codes of a POP. `ResponseCode` */
const FOUND = 0;
const NOTHING: ReadonlySet<number> = new Set([19, 209, 210]);

/** Longer than any run, so that nothing comes a second time. */
const INVISIBLE_MS = 300_000;
const MESSAGES_MAX = 32;

interface Handles {
  readonly offsets: readonly number[];
  /** Handle of the message at that queueOffset. */
  handle(queueOffset: number): string;
}

/** What an answer gives to acknowledge with. `ExtraInfoUtil`: start "0 queueId offset", messages "0 queueId offset,offset", both from the header. */
function handlesOf(header: string, queueId: number, brokerName: string): Handles | undefined {
  const field = (name: string): string | undefined => new RegExp(`"${name}":"?([^",}]*(?:,\\d+)*)`).exec(header)?.[1];
  const [start, messages] = [field('startOffsetInfo'), field('msgOffsetInfo')].map((info) => info?.split(';')[0]?.split(' '));
  const [popTime, reviveQid] = [field('popTime'), field('reviveQid')];
  if (start?.[2] === undefined || messages?.[2] === undefined || popTime === undefined || reviveQid === undefined) return undefined;
  return {
    offsets: messages[2].split(',').map(Number),
    handle: (queueOffset) => [start[2], popTime, INVISIBLE_MS, reviveQid, start[0], brokerName, queueId, queueOffset].join(' '),
  };
}

interface Cursor {
  readonly queueId: number;
  pass: number;
  /** Acknowledgements that are awaited. */
  open: number;
  /** Whether something was popped in this pass. */
  any: boolean;
}

interface Popper {
  readonly socket: Socket;
  readonly pops: Slots;
  readonly acks: Slots;
}

export class Poppers extends QueueReaders<Popper, Cursor> {
  readonly #spec: PullSpec;
  readonly #topic: string;
  readonly #brokerName: string;
  readonly #errors: ErrorTally;

  constructor(spec: PullSpec, topic: string, queues: number, brokerName: string, errors: ErrorTally) {
    super(Array.from({ length: queues }, (_, queueId) => ({ queueId, pass: 0, open: 0, any: false })));
    this.#spec = spec;
    this.#topic = topic;
    this.#brokerName = brokerName;
    this.#errors = errors;
  }

  async connect(address: string): Promise<void> {
    for (let i = 0; i < this.#spec.connections; i++) {
      const pops = new Slots(this.cursors.length);
      const acks = new Slots(this.cursors.length * MESSAGES_MAX, this.cursors.length);
      let popper: Popper | null = null;
      const socket = await openConnection(address, {
        onRead: (nowMs) => {
          this.nowMs = nowMs;
        },
        onResponse: (opaque, code, buffer, headerStart, bodyStart) => {
          if (popper === null) return;
          const header = (): string => buffer.toString('utf8', headerStart, bodyStart);
          const pop = pops.slotOf(opaque);
          const ack = pop === -1 ? acks.slotOf(opaque) : -1;
          if (pop === -1 && ack === -1) return this.#errors.add('a response that nothing awaits');
          const [slots, slot] = pop === -1 ? [acks, ack] : [pops, pop];
          const cursor = this.cursors[slots.queueId(slot)];
          const sentAt = slots.sentAt(slot);
          slots.release(slot);
          if (cursor === undefined) return;
          if (pop === -1) this.#acknowledged(popper, cursor, code, code === FOUND ? '' : header());
          else this.#popped(popper, cursor, code, header(), sentAt);
        },
        onReadEnd: () => undefined,
        onClosed: (why) => {
          if (!this.stopped) this.#errors.add(`consumer connection: ${why}`);
        },
      });
      popper = { socket, pops, acks };
      this.links.push(popper);
    }
  }

  #group(cursor: Cursor): string {
    return `bench_pop_${cursor.pass}`;
  }

  protected override ask({ socket, pops }: Popper, cursor: Cursor): void {
    const { queueId } = cursor;
    socket.write(popFrame(this.#topic, this.#group(cursor), pops.take(this.nowMs, queueId), queueId, Math.min(MESSAGES_MAX, this.#spec.maxMsgNums), INVISIBLE_MS, Date.now()));
  }

  #popped(popper: Popper, cursor: Cursor, code: number, header: string, sentAt: number): void {
    if (this.stopped) return;
    if (this.measured) {
      this.requests++;
      this.latency.recordMs(this.nowMs - sentAt);
    }
    const handles = code === FOUND ? handlesOf(header, cursor.queueId, this.#brokerName) : undefined;
    if (handles === undefined) {
      if (!NOTHING.has(code)) this.#errors.response(code, header);
      else if (!cursor.any) this.#errors.add(`queue ${cursor.queueId} of the backlog is empty (code ${code})`);
      cursor.pass++;
      cursor.any = false;
      if (cursor.queueId === 0) this.passes++;
      // A broker that refuses everything is not asked without end.
      if (code !== FOUND && NOTHING.has(code)) this.ask(popper, cursor);
      return;
    }
    cursor.any = true;
    cursor.open = handles.offsets.length;
    const frames = handles.offsets.map((queueOffset) =>
      ackFrame(this.#topic, this.#group(cursor), popper.acks.take(this.nowMs, cursor.queueId), cursor.queueId, queueOffset, handles.handle(queueOffset)));
    popper.socket.write(Buffer.concat(frames));
  }

  #acknowledged(popper: Popper, cursor: Cursor, code: number, header: string): void {
    if (code !== FOUND) this.#errors.response(code, header);
    else {
      this.countIn(cursor, 1);
      if (this.measured) this.messages++;
    }
    if (--cursor.open === 0 && !this.stopped) this.ask(popper, cursor);
  }
}
