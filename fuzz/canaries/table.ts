/**
 * Planted bugs: a target whose subject was replaced by one with a bug that has been made somewhere before. They prove that the engine finds such a bug
 * within its budget. The product holds none of them; a campaign runs them only when it is asked to.
 */
import type { Target } from '../engine/target.js';
import { frame } from '../targets/frame.js';
import { laxFrameReader } from './frame.js';

export interface Canary {
  readonly name: string;
  readonly target: string;
  /** The bug. */
  readonly plants: string;
  /** Executions within which it has to be found. */
  readonly executionsMax: number;
  readonly make: () => Target;
}

export const canaries: readonly Canary[] = [
  { name: 'frame-header-length', target: 'frame', plants: 'a header longer than its frame by one to four bytes is taken', executionsMax: 20_000, make: () => frame((onFrame, max) => laxFrameReader(onFrame, max, 'header')) },
  { name: 'frame-limit', target: 'frame', plants: 'a frame one byte above the limit is taken', executionsMax: 20_000, make: () => frame((onFrame, max) => laxFrameReader(onFrame, max, 'limit')) },
  { name: 'frame-allocation', target: 'frame', plants: 'the declared length is allocated before it is checked', executionsMax: 20_000, make: () => frame((onFrame, max) => laxFrameReader(onFrame, max, 'allocation')) },
];

/** The target of a canary, under the name of the target. */
export function wrapped(name: string): Target {
  const canary = canaries.find((one) => one.name === name);
  if (canary === undefined) throw new Error(`no canary ${name}: there are ${canaries.map((one) => one.name).join(', ')}`);
  return canary.make();
}
