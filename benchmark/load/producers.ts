/**
 * The sending half of a load: connections that keep a window of sends in flight (closed loop) or follow a timetable (open
 * loop). It owns frames, slots and latencies of sends; when the window of measurement opens and closes is told to it.
 */
import type { Socket } from 'node:net';
import { openConnection } from './connection.js';
import type { ErrorTally } from './error-tally.js';
import { commitFrame, FrameRun, FrameTemplate } from './frames.js';
import { Histogram } from './histogram.js';
import { OpenLoopSchedule } from './schedule.js';
import { Slots } from './slots.js';
import type { SendSpec, SideOutcome } from './spec.js';

/** A run of frames is as long as a window, but not beyond this many bytes. */
const RUN_BYTES_MAX = 1 << 20;

const GROUP = 'bench_producer';

/** Where a half message lies, from the header of the answer to its send; undefined when it does not say. The msgId is host and physical offset in hex. */
function halfOf(header: string): Parameters<typeof commitFrame>[3] | undefined {
  const field = (name: string): string | undefined => new RegExp(`"${name}":"([^"]*)"`).exec(header)?.[1];
  const [queueOffset, msgId, transactionId] = [field('queueOffset'), field('msgId'), field('transactionId')];
  if (queueOffset === undefined || msgId?.length !== 32) return undefined;
  return { queueOffset, phyOffset: BigInt(`0x${msgId.slice(16)}`), msgId: transactionId ?? msgId, transactionId: transactionId ?? '' };
}

interface Producer {
  readonly slots: Slots;
  /** Commits in flight, when the load is of transactions: with `slots` no more than the window. */
  readonly commits: Slots;
  readonly socket: Socket;
  readonly idleRuns: FrameRun[];
  nextQueue: number;
  closed: boolean;
}

export class Producers {
  readonly #spec: SendSpec;
  readonly #topic: string;
  readonly #queues: number;
  readonly #template: FrameTemplate;
  readonly #errors: ErrorTally;
  readonly #runFrames: number;
  readonly #stamped: boolean;
  readonly #producers: Producer[] = [];
  readonly #perQueue: number[];
  readonly #latency = new Histogram();
  readonly #sendLag = new Histogram();
  #schedule: OpenLoopSchedule | null = null;
  #ticker: NodeJS.Timeout | null = null;
  #nextProducer = 0;
  #nextKey = 1;
  #nowMs = 0;
  #fromMs = Infinity;
  #toMs = Infinity;
  #stopped = false;
  #messages = 0;
  #requests = 0;
  #framesLeft: number;
  #onIdle: (() => void) | null = null;

  /** `stamped`: note the send time in each frame's first body, for consumers of the same process. */
  constructor(spec: SendSpec, topic: string, queues: number, keyPrefix: string, errors: ErrorTally, stamped: boolean) {
    this.#spec = spec;
    this.#topic = topic;
    this.#queues = queues;
    this.#errors = errors;
    this.#stamped = stamped;
    this.#template = new FrameTemplate({
      topic, producerGroup: GROUP, bodyBytes: spec.bodyBytes, batch: spec.batch, keys: spec.keys ?? false, keyPrefix, transaction: spec.transaction ?? false,
      ...(spec.properties === undefined ? {} : { properties: spec.properties }), ...(spec.numbered === undefined ? {} : { numbered: spec.numbered }),
    });
    this.#runFrames = Math.max(1, Math.min(spec.window, Math.floor(RUN_BYTES_MAX / this.#template.frame.length)));
    this.#perQueue = new Array<number>(queues).fill(0);
    this.#framesLeft = spec.messagesMax === undefined ? Infinity : Math.ceil(spec.messagesMax / spec.batch);
  }

  async connect(address: string): Promise<void> {
    for (let i = 0; i < this.#spec.connections; i++) {
      const slots = new Slots(this.#spec.window);
      const commits = new Slots(this.#spec.window, this.#spec.window);
      let producer: Producer | null = null;
      const socket = await openConnection(address, {
        onRead: (nowMs) => {
          this.#nowMs = nowMs;
        },
        onResponse: (opaque, code, buffer, headerStart, bodyStart) => {
          const slot = slots.slotOf(opaque);
          const commit = slot === -1 ? commits.slotOf(opaque) : -1;
          if (commit !== -1) {
            this.#answered(commits, commit);
            if (code !== 0) this.#errors.response(code, buffer.toString('utf8', headerStart, bodyStart));
            else this.#acknowledged(commits.queueId(commit), commits.sentAt(commit));
            return;
          }
          if (slot === -1) {
            this.#errors.add(`a response to opaque ${opaque > 0 ? 'that nothing awaits' : opaque}`);
            return;
          }
          if (code === 0 && this.#spec.transaction === true && producer !== null) this.#commit(producer, slot, buffer.toString('utf8', headerStart, bodyStart));
          this.#answered(slots, slot);
          if (code !== 0) this.#errors.response(code, buffer.toString('utf8', headerStart, bodyStart));
          else if (this.#spec.transaction !== true) this.#acknowledged(slots.queueId(slot), slots.sentAt(slot));
        },
        onReadEnd: () => {
          if (this.#schedule !== null) this.#sendDue();
          else if (producer !== null) this.#fill(producer);
        },
        onClosed: (why) => {
          if (this.#stopped && slots.inFlight + commits.inFlight === 0) return;
          if (producer !== null) producer.closed = true;
          this.#errors.add(`producer connection: ${why}`);
        },
      });
      producer = { slots, commits, socket, idleRuns: [], nextQueue: i % this.#queues, closed: false };
      this.#producers.push(producer);
    }
  }

  start(): void {
    this.#nowMs = performance.now();
    const { ratePerSecond } = this.#spec;
    if (ratePerSecond === undefined) {
      for (const producer of this.#producers) this.#fill(producer);
      return;
    }
    this.#schedule = new OpenLoopSchedule(this.#nowMs, ratePerSecond / this.#spec.batch);
    this.#ticker = setInterval(() => {
      this.#nowMs = performance.now();
      this.#sendDue();
    }, 1);
  }

  /** Opens the window of measurement. */
  measureFrom(nowMs: number): void {
    this.#fromMs = nowMs;
  }

  /** Closes the window of measurement and stops sending, but for what an open loop had due before. */
  measureTo(nowMs: number): void {
    this.#toMs = nowMs;
    this.#stopped = true;
  }

  /** Resolves when nothing is in flight, or after `timeoutMs` when what is left counts as an error. Closes the sockets. */
  async drain(timeoutMs: number): Promise<void> {
    this.#nowMs = performance.now();
    if (this.#schedule !== null) this.#sendDue();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onIdle = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#checkIdle();
    });
    this.#stopped = true;
    if (this.#ticker !== null) clearInterval(this.#ticker);
    const now = performance.now();
    for (const { slots, commits, socket } of this.#producers) {
      for (const sentAt of [...slots.unanswered(), ...commits.unanswered()]) {
        this.#errors.add('send without an answer');
        if (sentAt >= this.#fromMs && sentAt < this.#toMs) this.#latency.recordMs(now - sentAt);
      }
      socket.removeAllListeners('close');
      socket.destroy();
    }
    if (this.#schedule !== null) {
      for (; this.#schedule.nextAt < this.#toMs && this.#toMs !== Infinity; ) {
        this.#latency.recordMs(now - this.#schedule.take());
        this.#errors.add('send due but never possible');
      }
    }
  }

  outcome(): SideOutcome & { sendLag?: ReturnType<Histogram['snapshot']> } {
    const side = { messages: this.#messages, requests: this.#requests, latency: this.#latency.snapshot(), perQueue: this.#perQueue };
    return this.#schedule === null ? side : { ...side, sendLag: this.#sendLag.snapshot() };
  }

  #answered(slots: Slots, slot: number): void {
    slots.release(slot);
    if (this.#onIdle !== null) this.#checkIdle();
  }

  #acknowledged(queueId: number, sentAtMs: number): void {
    const { batch } = this.#spec;
    const now = this.#nowMs;
    this.#perQueue[queueId] = (this.#perQueue[queueId] ?? 0) + batch;
    if (now >= this.#fromMs && now < this.#toMs) {
      this.#messages += batch;
      this.#requests++;
      if (this.#schedule === null) this.#latency.recordMs(now - sentAtMs);
    }
    if (this.#schedule !== null && sentAtMs >= this.#fromMs && sentAtMs < this.#toMs) this.#latency.recordMs(now - sentAtMs);
  }

  #checkIdle(): void {
    if (this.#schedule !== null && this.#schedule.nextAt < this.#toMs && this.#toMs !== Infinity) return;
    if (this.#framesLeft > 0 && !this.#stopped) return;
    if (this.#producers.every(({ slots, commits, closed }) => closed || slots.inFlight + commits.inFlight === 0)) this.#onIdle?.();
  }

  #fill(producer: Producer): void {
    if (this.#stopped || this.#framesLeft <= 0 || producer.closed) return;
    this.#write(producer, Math.min(producer.slots.free - producer.commits.inFlight, this.#framesLeft), null);
  }

  /** The second half of a transaction; its latency counts from the send of the first. */
  #commit({ slots, commits, socket }: Producer, slot: number, header: string): void {
    const half = halfOf(header);
    if (half === undefined) return this.#errors.add('an answer to a half message without its place');
    const opaque = commits.take(slots.sentAt(slot), slots.queueId(slot));
    socket.write(commitFrame(this.#topic, GROUP, opaque, half));
  }

  /** Open loop: sends what is due, spread over the connections; what finds no free slot stays due. */
  #sendDue(): void {
    const schedule = this.#schedule;
    if (schedule === null) return;
    const due = schedule.due(Math.min(this.#nowMs, this.#toMs - 1e-6));
    if (due <= 0) return;
    const share = Math.ceil(due / this.#producers.length);
    let left = due;
    for (let i = 0; i < this.#producers.length && left > 0; i++) {
      const producer = this.#producers[this.#nextProducer++ % this.#producers.length];
      if (producer === undefined || producer.closed) continue;
      const count = Math.min(share, left, producer.slots.free);
      if (count > 0) this.#write(producer, count, schedule);
      left -= count;
    }
  }

  #write(producer: Producer, count: number, schedule: OpenLoopSchedule | null): void {
    const { slots, socket, idleRuns } = producer;
    const now = this.#nowMs;
    this.#template.bornAt(Date.now());
    this.#framesLeft -= count;
    for (let left = count; left > 0; ) {
      const run = idleRuns.pop() ?? new FrameRun(this.#template, this.#runFrames);
      const frames = Math.min(left, run.frames);
      for (let i = 0; i < frames; i++) {
        const queueId = producer.nextQueue;
        producer.nextQueue = queueId + 1 === this.#queues ? 0 : queueId + 1;
        let sentAt = now;
        if (schedule !== null) {
          sentAt = schedule.take();
          if (sentAt >= this.#fromMs) this.#sendLag.recordMs(now - sentAt);
        }
        run.patch(i, slots.take(sentAt, queueId), queueId, this.#nextKey);
        this.#nextKey = (this.#nextKey + this.#spec.batch) >>> 0;
        if (this.#stamped) run.stamp(i, sentAt);
      }
      socket.write(frames === run.frames ? run.bytes : run.bytes.subarray(0, frames * run.frameBytes), () => {
        idleRuns.push(run);
      });
      left -= frames;
    }
  }
}
