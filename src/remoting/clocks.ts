/** The two clocks: the system's, and one that moves only when told, for tests and simulation. */
import type { Clock, TimerHandle } from './types.js';

/** Longest delay Node's timers take; a longer one would fire at once. */
const timerMsMax = 2_147_483_647;

/** The system's clock and timers. `unref`: pending timers do not keep the process alive. */
export function systemClock(unref = false): Clock {
  return {
    nowMs: () => Date.now(),
    setTimeout: (callback, delayMs) => {
      const timer = setTimeout(callback, Math.min(delayMs, timerMsMax));
      if (unref) timer.unref();
      return { clear: () => clearTimeout(timer) };
    },
    setInterval: (callback, periodMs) => {
      const timer = setInterval(callback, Math.min(periodMs, timerMsMax));
      if (unref) timer.unref();
      return { clear: () => clearInterval(timer) };
    },
  };
}

interface ManualTimer {
  dueMs: number;
  readonly order: number;
  readonly periodMs: number | undefined;
  readonly callback: () => void;
}

/** Time that stands still until `advance`. Timers run in order of their due time, then of their making. */
export class ManualClock implements Clock {
  private time: number;
  private made = 0;
  private readonly timers = new Set<ManualTimer>();

  constructor(startMs = 1_700_000_000_000) {
    this.time = startMs;
  }

  nowMs(): number {
    return this.time;
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    return this.add(callback, delayMs, undefined);
  }

  setInterval(callback: () => void, periodMs: number): TimerHandle {
    return this.add(callback, periodMs, Math.max(1, periodMs));
  }

  private add(callback: () => void, delayMs: number, periodMs: number | undefined): TimerHandle {
    const timer: ManualTimer = { dueMs: this.time + Math.max(0, delayMs), order: this.made++, periodMs, callback };
    this.timers.add(timer);
    return { clear: () => void this.timers.delete(timer) };
  }

  /** Timers waiting. */
  get pending(): number {
    return this.timers.size;
  }

  /** Moves time on by `ms`, running every timer that comes due on the way at its own time. */
  advance(ms: number): void {
    const endMs = this.time + ms;
    for (let next = this.next(endMs); next !== undefined; next = this.next(endMs)) {
      this.time = Math.max(this.time, next.dueMs);
      if (next.periodMs === undefined) this.timers.delete(next);
      else next.dueMs += next.periodMs;
      next.callback();
    }
    this.time = endMs;
  }

  private next(endMs: number): ManualTimer | undefined {
    let first: ManualTimer | undefined;
    for (const timer of this.timers) {
      if (timer.dueMs > endMs) continue;
      if (first === undefined || timer.dueMs < first.dueMs || (timer.dueMs === first.dueMs && timer.order < first.order)) first = timer;
    }
    return first;
  }
}

/** A log that says nothing. */
export const silentLog = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
