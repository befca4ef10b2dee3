/** The run as data: `RunReport` of `types.ts`, indented. */
import type { RunReport } from './types.js';

export function renderJson(report: RunReport): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}
