/**
 * What all readers of queues share, whether they pull or pop: connections that take turns of the queues.
 * What is asked and what an answer means is theirs.
 */
import type { Socket } from 'node:net';
import type { Histogram } from './histogram.js';
import { MeasuredSide } from './measured-side.js';
import type { SideOutcome } from './spec.js';

export abstract class QueueReaders<Link extends { readonly socket: Socket }, Cursor extends { readonly queueId: number }> extends MeasuredSide {
  protected readonly links: Link[] = [];
  protected readonly cursors: readonly Cursor[];
  protected readonly perQueue: number[];
  protected passes = 0;

  protected constructor(cursors: readonly Cursor[]) {
    super();
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

  /** Stops asking; requests that the broker holds are given up with the connection. */
  stop(): void {
    this.stopped = true;
    for (const { socket } of this.links) socket.destroy();
  }

  outcome(): SideOutcome & { endToEnd?: ReturnType<Histogram['snapshot']>; passes: number } {
    return { messages: this.messages, requests: this.requests, latency: this.latency.snapshot(), perQueue: this.perQueue, passes: this.passes };
  }

  protected countIn({ queueId }: Cursor, messages: number): void {
    this.perQueue[queueId] = (this.perQueue[queueId] ?? 0) + messages;
  }
}
