/**
 * Sliding counts of what passed, in windows that are used again in turn (Sentinel's `LeapArray`): two of half a second tell the rate of the last second,
 * sixty of a second the count of the second before.
 */
export class PassWindows {
  readonly #windowMs: number;
  readonly #starts: number[];
  readonly #counts: number[];

  constructor(windowMs: number, windows: number) {
    this.#windowMs = windowMs;
    this.#starts = new Array<number>(windows).fill(-1);
    this.#counts = new Array<number>(windows).fill(0);
  }

  /** Index of the window of a time, begun anew when its time is over. A clock that went back finds the newer one and counts there. */
  #at(nowMs: number): number {
    const index = Math.floor(nowMs / this.#windowMs) % this.#starts.length;
    const start = nowMs - (nowMs % this.#windowMs);
    if ((this.#starts[index] as number) < start) {
      this.#starts[index] = start;
      this.#counts[index] = 0;
    }
    return index;
  }

  add(nowMs: number, count: number): void {
    const index = this.#at(nowMs);
    this.#counts[index] = (this.#counts[index] as number) + count;
  }

  #isOld(nowMs: number, index: number): boolean {
    const start = this.#starts[index] as number;
    return start < 0 || nowMs - start > this.#windowMs * this.#starts.length;
  }

  /** What passed within the windows that are not over (`LeapArray#values`). */
  sum(nowMs: number): number {
    this.#at(nowMs);
    let sum = 0;
    for (let i = 0; i < this.#starts.length; i++) if (!this.#isOld(nowMs, i)) sum += this.#counts[i] as number;
    return sum;
  }

  /** What passed in the window before the current one; 0 when there is none (`LeapArray#getPreviousWindow`). */
  previous(nowMs: number): number {
    this.#at(nowMs);
    const before = nowMs - this.#windowMs;
    if (before < 0) return 0;
    const index = Math.floor(before / this.#windowMs) % this.#starts.length;
    if (this.#isOld(nowMs, index) || (this.#starts[index] as number) + this.#windowMs < before) return 0;
    return this.#counts[index] as number;
  }
}
