/** The timetable of an open loop: when the n-th request is due, whatever the broker does meanwhile. */

/** Requests at a constant rate from a start time on. Times are milliseconds of one monotonic clock. */
export class OpenLoopSchedule {
  readonly #startMs: number;
  readonly #perMs: number;
  #taken = 0;

  /** Throws RangeError when the rate is not above 0. */
  constructor(startMs: number, perSecond: number) {
    if (!(perSecond > 0)) throw new RangeError(`rate: expected more than 0 per second, got ${perSecond}`);
    this.#startMs = startMs;
    this.#perMs = perSecond / 1000;
  }

  /** Time at which request `n` (from 0) is meant to be sent. */
  intendedAt(n: number): number {
    return this.#startMs + n / this.#perMs;
  }

  /** Requests that are due at `nowMs` and were not taken yet. */
  due(nowMs: number): number {
    if (nowMs < this.#startMs) return 0;
    return Math.floor((nowMs - this.#startMs) * this.#perMs) + 1 - this.#taken;
  }

  /** Takes the oldest request and returns its intended time. */
  take(): number {
    return this.intendedAt(this.#taken++);
  }

  /** Intended time of the oldest request that was not taken. */
  get nextAt(): number {
    return this.intendedAt(this.#taken);
  }
}
