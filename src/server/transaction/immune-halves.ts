/**
 * Halves with an immunity of their own that were stored again before they were due: their decision may still name the first place they had, which the
 * check has long passed. Memory only: after a restart such a half is asked about once it is due, as everywhere in Apache.
 */

/** Halves remembered; later ones are asked about once they are due. */
export const immuneMax = 100_000;

export class ImmuneHalves {
  /** First queue offset -> an op message named it. */
  readonly #decided = new Map<number, boolean>();

  /** The half whose first place is at this queue offset was stored again. */
  note(queueOffset: number): void {
    if (!this.#decided.has(queueOffset) && this.#decided.size < immuneMax) this.#decided.set(queueOffset, false);
  }

  /** An op message names this queue offset. */
  decide(queueOffset: number): void {
    if (this.#decided.has(queueOffset)) this.#decided.set(queueOffset, true);
  }

  /** True when the half is decided. It is forgotten then. */
  takeDecision(queueOffset: number): boolean {
    if (this.#decided.get(queueOffset) !== true) return false;
    this.#decided.delete(queueOffset);
    return true;
  }

  forget(queueOffset: number): void {
    this.#decided.delete(queueOffset);
  }
}
