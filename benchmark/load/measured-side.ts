/** What all readers and senders of a load over one protocol share: the window of measurement and the figures of it. */
import { Histogram } from './histogram.js';

export abstract class MeasuredSide {
  protected readonly latency = new Histogram();
  protected nowMs = 0;
  protected stopped = false;
  protected messages = 0;
  protected requests = 0;
  #fromMs = Infinity;
  #toMs = Infinity;

  measureFrom(nowMs: number): void {
    this.#fromMs = nowMs;
  }

  measureTo(nowMs: number): void {
    this.#toMs = nowMs;
  }

  /** What was read last came inside the window of measurement. */
  protected get measured(): boolean {
    return this.nowMs >= this.#fromMs && this.nowMs < this.#toMs;
  }
}
