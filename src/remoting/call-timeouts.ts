/**
 * Deadlines of calls that wait for an answer, checked together at a coarse period instead of with one timer per call. The timer runs
 * only while some connection has calls. Shared by all servers and clients of a process.
 */
import type { Clock, TimerHandle } from './types.js';

/** How late a timeout may be noticed, in milliseconds. `NettyRemotingAbstract#scanResponseTable` looks each second. */
export const callSweepPeriodMs = 50;

/** Something with calls that may expire. */
export interface Caller {
  /** Fails every call whose deadline is at or before `nowMs`; returns how many still wait. */
  expireCalls(nowMs: number): number;
}

export class CallTimeouts {
  private readonly clock: Clock;
  private readonly callers = new Set<Caller>();
  private timer: TimerHandle | undefined;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Looks at this caller until it has no calls left. */
  watch(caller: Caller): void {
    this.callers.add(caller);
    this.timer ??= this.clock.setInterval(() => this.sweep(), callSweepPeriodMs);
  }

  private sweep(): void {
    const nowMs = this.clock.nowMs();
    for (const caller of this.callers) {
      if (caller.expireCalls(nowMs) === 0) this.callers.delete(caller);
    }
    if (this.callers.size > 0) return;
    this.timer?.clear();
    this.timer = undefined;
  }
}
