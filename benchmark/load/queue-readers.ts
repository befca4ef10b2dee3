/**
 * What all readers of queues share, whether they pull or pop: connections that take turns of the queues, the window of measurement, and the figures of it.
 * What is asked and what an answer means is theirs.
 */
import type { Socket } from 'node:net';
import { Histogram } from './histogram.js';
import type { SideOutcome } from './spec.js';

export abstract class QueueReaders<Link extends { readonly socket: Socket }, Cursor extends { readonly queueId: number }> {
  protected readonly links: Link[] = [];
  protected readonly cursors: readonly Cursor[];
  protected readonly perQueue: number[];
  protected readonly latency = new Histogram();
  protected nowMs = 0;
  protected stopped = false;
  protected messages = 0;
  protected requests = 0;
  protected passes = 0;
  #fromMs = Infinity;
  #toMs = Infinity;

  protected constructor(cursors: readonly Cursor[]) {
    this.cursors = cursors;
    this.perQueue = cursors.map(() => 0);
  }

  /** Asks for what follows in a queue. */
  protected abstract ask(link: Link, cursor: Cursor): void;

  start(): void {
    this.nowMs = performance.now();
    for (const cursor of this.cursors) {
      const link = this.links[cursor.queueId % this.links.length];
      if (link !== undefined) this.ask(link, cursor);
    }
  }

  measureFrom(nowMs: number): void {
    this.#fromMs = nowMs;
  }

  measureTo(nowMs: number): void {
    this.#toMs = nowMs;
  }

  /** Stops asking; requests that the broker holds are given up with the connection. */
  stop(): void {
    this.stopped = true;
    for (const { socket } of this.links) socket.destroy();
  }

  outcome(): SideOutcome & { endToEnd?: ReturnType<Histogram['snapshot']>; passes: number } {
    return { messages: this.messages, requests: this.requests, latency: this.latency.snapshot(), perQueue: this.perQueue, passes: this.passes };
  }

  /** What was read last came inside the window of measurement. */
  protected get measured(): boolean {
    return this.nowMs >= this.#fromMs && this.nowMs < this.#toMs;
  }

  protected countIn({ queueId }: Cursor, messages: number): void {
    this.perQueue[queueId] = (this.perQueue[queueId] ?? 0) + messages;
  }
}
