/**
 * The one clock and the one queue of a simulation: everything that happens is an event at a virtual time, taken from the queue in an order that
 * depends on the seed alone. Between two events all promises that can settle do. The trace and its digest are made here.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Clock, TimerHandle } from '../../src/remoting/types.js';
import { Random } from '../engine/random.js';

/** Real ones: a simulation may put its own in their place (globals.ts). */
const { setImmediate: realImmediate, queueMicrotask: soon } = globalThis;

/**
 * Has everything settle that promises and `process.nextTick` still hold, before it returns. Node has no public name for what it does itself when a callback of
 * its loop returns; going through the loop for it, once for each event, took a tenth of a schedule.
 */
const settleAll = (process as unknown as { readonly _tickCallback?: () => void })._tickCallback;

/** After so many events the process's own loop has its turn. */
const eventsAtOnce = 256;

interface Event {
  readonly at: number;
  readonly order: number;
  /** For the digest and the trace; empty: neither. */
  readonly what: string;
  run: (() => void) | undefined;
}

/** The trace keeps so many lines, the last ones. */
const linesMax = 4000;

export class World {
  readonly random: Random;
  /** Milliseconds, with fractions, since the world began. */
  now = 0;
  /** Milliseconds since 1970 when it began. */
  readonly startMs = 1_700_000_000_000;
  events = 0;
  readonly lines: string[] = [];
  /** Lines that fell out of the trace. */
  dropped = 0;
  /** Looked at when an event begins, and once all that it started has settled. */
  notice: () => void = () => undefined;
  /** Errors that escaped from what is simulated. */
  readonly escaped: unknown[] = [];
  private readonly hash: Hash = createHash('sha256');
  /** Told, and not in the hash yet. */
  private unhashed = '';
  private readonly heap: Event[] = [];
  private made = 0;

  constructor(seed: string) {
    this.random = new Random(seed);
  }

  /** Milliseconds since 1970, whole. */
  nowMs(): number {
    return this.startMs + Math.floor(this.now);
  }

  /** Uniform in [0, 1). */
  chance(): number {
    return this.random.word() / 0x1_0000_0000;
  }

  between(min: number, max: number): number {
    return min + this.chance() * (max - min);
  }

  /** `run` happens in `ms`; returns how to prevent it. */
  after(ms: number, what: string, run: () => void): () => void {
    const event: Event = { at: this.now + Math.max(0, ms), order: this.made++, what, run };
    push(this.heap, event);
    return () => { event.run = undefined; };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, '', resolve));
  }

  /** A line of the trace: what happened, and to whom. */
  tell(who: string, what: string): void {
    const line = `${this.now.toFixed(3).padStart(10)}  ${who.padEnd(12)} ${what}`;
    this.unhashed += line;
    if (this.unhashed.length > 16_384) this.hashAll();
    if (this.lines.length >= linesMax) {
      this.lines.shift();
      this.dropped++;
    }
    this.lines.push(line);
  }

  /** Of all that was told so far. */
  digest(): string {
    this.hashAll();
    return this.hash.copy().digest('hex').slice(0, 16);
  }

  private hashAll(): void {
    this.hash.update(this.unhashed);
    this.unhashed = '';
  }

  /** Lets time pass until `work` settles. Rejects when nothing is left to happen, or the world is older than `limitMs`. */
  run<T>(work: Promise<T>, limitMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      let settled = false;
      work.then(() => { settled = true; }, () => { settled = true; });
      const end = (error: Error | undefined): void => {
        if (error === undefined) resolve(work);
        else reject(error);
      };
      const some = (): void => {
        for (let i = 0; i < eventsAtOnce; i++) {
          if (settled) return end(undefined);
          const next = this.next();
          if (next === undefined) return end(new Error('the simulation stands still: nothing is left to happen'));
          if (next.at > limitMs) return end(new Error(`the simulation did not end within ${limitMs} ms of its time`));
          this.happens(next);
          if (settleAll === undefined) {
            realImmediate(() => {
              this.notice();
              some();
            });
            return;
          }
          this.settle(settleAll);
          this.notice();
        }
        realImmediate(some);
      };
      realImmediate(some);
    });
  }

  /** As a promise that settles: what it starts comes behind it. */
  private happens({ at, run }: Event): void {
    this.now = Math.max(this.now, at);
    this.events++;
    this.notice();
    soon(() => {
      try {
        run?.();
      } catch (error) {
        this.escaped.push(error);
      }
    });
  }

  private settle(all: () => void): void {
    for (;;) {
      try {
        all();
        return;
      } catch (error) {
        this.escaped.push(error);
      }
    }
  }

  private next(): Event | undefined {
    for (let event = pop(this.heap); event !== undefined; event = pop(this.heap)) if (event.run !== undefined) return event;
    return undefined;
  }
}

const before = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

function push(heap: Event[], event: Event): void {
  let at = heap.length;
  heap.push(event);
  while (at > 0) {
    const up = (at - 1) >> 1;
    const parent = heap[up] as Event;
    if (!before(event, parent)) break;
    heap[at] = parent;
    at = up;
  }
  heap[at] = event;
}

function pop(heap: Event[]): Event | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1] as Event, heap[child] as Event)) child++;
    if (!before(heap[child] as Event, last)) break;
    heap[at] = heap[child] as Event;
    at = child;
  }
  heap[at] = last;
  return first;
}

/** The clock of one life of a process: it may be wrong, it may stand still, and it ends with the process. */
export class SimClock implements Clock {
  /** Milliseconds by which it is ahead. */
  skewMs: number;
  private readonly world: World;
  private readonly timers = new Set<() => void>();
  private stopped = false;
  /** Set while the process stands still (SIGSTOP): what came due waits. */
  private paused: (() => void)[] | undefined;

  constructor(world: World, skewMs = 0) {
    this.world = world;
    this.skewMs = skewMs;
  }

  nowMs(): number {
    return Math.floor(this.world.startMs + this.world.now + this.skewMs);
  }

  /** Its timers never fire again. */
  stop(): void {
    this.stopped = true;
    for (const cancel of this.timers) cancel();
    this.timers.clear();
    this.paused = undefined;
  }

  pause(): void {
    this.paused ??= [];
  }

  resume(): void {
    const due = this.paused ?? [];
    this.paused = undefined;
    for (const run of due) this.world.after(0, '', run);
  }

  /** Runs it now, or once the process goes on; never after its end. */
  gate(run: () => void): void {
    if (this.stopped) return;
    if (this.paused !== undefined) this.paused.push(() => { this.gate(run); });
    else run();
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    return this.start(callback, delayMs, false);
  }

  setInterval(callback: () => void, periodMs: number): TimerHandle {
    return this.start(callback, Math.max(1, periodMs), true);
  }

  private start(callback: () => void, ms: number, again: boolean): TimerHandle {
    let over = this.stopped;
    let cancel = (): void => undefined;
    const fire = (): void => {
      this.timers.delete(cancel);
      this.gate(() => {
        if (over) return;
        if (again) plan();
        callback();
      });
    };
    const plan = (): void => {
      cancel = this.world.after(ms, '', fire);
      this.timers.add(cancel);
    };
    if (!over) plan();
    return {
      clear: () => {
        over = true;
        this.timers.delete(cancel);
        cancel();
      },
    };
  }
}
