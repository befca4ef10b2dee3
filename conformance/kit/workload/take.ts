/** Which deliveries a consumer gives back: as a rule that a program in another process can follow too. */
import type { Value } from './history.js';

/** Of the messages whose number (the end of their key) is below `before`, every `every`-th is given back once, by whichever consumer has it first. */
export interface FailOnce {
  readonly every: number;
  readonly before: number;
  /** Keys that were given back. */
  readonly failed: Set<string>;
}

export function failOnce(every: number, before = Infinity): FailOnce {
  return { every, before, failed: new Set() };
}

/** Whether a message is taken. */
export function takes(rule: FailOnce | undefined, { key }: Value): boolean {
  const number = Number(/\d+$/.exec(key ?? '')?.[0]);
  if (rule === undefined || key === undefined || number % rule.every !== rule.every - 1 || number >= rule.before || rule.failed.has(key)) return true;
  rule.failed.add(key);
  return false;
}
