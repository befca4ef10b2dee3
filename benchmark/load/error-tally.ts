/** Counts failures by kind, with the remark of the first of each, so that no error of a run stays unsaid. */
import type { ErrorCount } from './spec.js';

/** Kinds told apart; further ones are counted together. */
const KINDS_MAX = 50;

export class ErrorTally {
  readonly #counts = new Map<string, number>();

  add(what: string, count = 1): void {
    const known = this.#counts.has(what) || this.#counts.size < KINDS_MAX;
    const key = known ? what : 'further kinds';
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
  }

  /** A response whose code is not a success; digits in its remark are blurred so that like remarks count together. */
  response(code: number, header: string): void {
    const remark = /"remark":"((?:[^"\\]|\\.)*)"/.exec(header)?.[1] ?? '';
    this.add(`code ${code}${remark === '' ? '' : `: ${remark.replace(/\d+/g, 'N').slice(0, 160)}`}`);
  }

  list(): readonly ErrorCount[] {
    return [...this.#counts].map(([what, count]) => ({ what, count })).sort((a, b) => b.count - a.count);
  }
}
