/** All fuzz targets. */
import type { Target } from '../engine/target.js';
import { frame } from './frame.js';

export const targets: readonly Target[] = [
  frame(),
];

export function targetNamed(name: string): Target {
  const found = targets.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no target ${name}: there are ${targets.map((one) => one.name).join(', ')}`);
  return found;
}
