/** Requests in flight on one connection: which opaque is awaited and since when. */
import { OPAQUE_BASE } from './frames.js';

/** Slots that an opaque can name; the rest of its digits is a generation, so that a late or double answer is noticed. */
const SLOTS_MAX = 4096;
const GENERATIONS = 16_384;

export class Slots {
  readonly capacity: number;
  readonly #first: number;
  readonly #opaques = new Int32Array(SLOTS_MAX);
  readonly #sentAt = new Float64Array(SLOTS_MAX);
  readonly #queueIds = new Int32Array(SLOTS_MAX);
  readonly #free = new Int32Array(SLOTS_MAX);
  #freeCount: number;
  #generation = 0;

  /** Slots from `first` on: two sets on one connection that do not overlap never share an opaque. Throws RangeError unless all are below 4096. */
  constructor(capacity: number, first = 0) {
    if (!Number.isInteger(capacity) || capacity < 1 || first + capacity > SLOTS_MAX) throw new RangeError(`window: expected 1..${SLOTS_MAX - first}, got ${capacity}`);
    this.capacity = capacity;
    this.#first = first;
    this.#freeCount = capacity;
    for (let i = 0; i < capacity; i++) this.#free[i] = first + capacity - 1 - i;
  }

  get free(): number {
    return this.#freeCount;
  }
  get inFlight(): number {
    return this.capacity - this.#freeCount;
  }

  /** Takes a free slot and returns the opaque to send (eight digits). The caller made sure that one is free. */
  take(sentAtMs: number, queueId: number): number {
    const slot = this.#free[--this.#freeCount] ?? 0;
    this.#generation = (this.#generation + 1) % GENERATIONS;
    const opaque = OPAQUE_BASE + this.#generation * SLOTS_MAX + slot;
    this.#opaques[slot] = opaque;
    this.#sentAt[slot] = sentAtMs;
    this.#queueIds[slot] = queueId;
    return opaque;
  }

  /** The slot of an answer's opaque, or -1 when nothing (more) awaits it. */
  slotOf(opaque: number): number {
    const slot = (opaque - OPAQUE_BASE) % SLOTS_MAX;
    return slot >= 0 && opaque > 0 && this.#opaques[slot] === opaque ? slot : -1;
  }
  sentAt(slot: number): number {
    return this.#sentAt[slot] ?? 0;
  }
  queueId(slot: number): number {
    return this.#queueIds[slot] ?? 0;
  }

  release(slot: number): void {
    this.#opaques[slot] = 0;
    this.#free[this.#freeCount++] = slot;
  }

  /** Send times of what is still unanswered. */
  unanswered(): number[] {
    const times: number[] = [];
    for (let slot = this.#first; slot < this.#first + this.capacity; slot++) if (this.#opaques[slot] !== 0) times.push(this.sentAt(slot));
    return times;
  }
}
