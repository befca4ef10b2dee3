/** `conform --self-check`: which sabotages, the progress on the terminal, the reports. */
import { writeFileSync } from 'node:fs';
import type { RegisteredCase } from '../case.js';
import { UsageError, type ConformOptions } from '../cli.js';
import type { Endpoint } from '../endpoint.js';
import { knownFailures } from '../known-failures.js';
import { matchesGlob } from '../select.js';
import { sabotages } from './catalogue/index.js';
import { selfCheck, selfCheckFailed, type SelfCheckOptions } from './self-check.js';
import { renderHonest, renderSabotage, renderSelfCheckMarkdown, renderTotals } from './table.js';

/** Runs the check against an endpoint that is known to be correct. Answers whether it passed. @throws UsageError when no sabotage matches. */
export async function runSelfCheck(options: ConformOptions, endpoint: Endpoint, cases: readonly RegisteredCase[], open: SelfCheckOptions['open'], signal: AbortSignal): Promise<boolean> {
  const chosen = sabotages.filter((one) => options.onlySabotage.length === 0 || options.onlySabotage.some((glob) => matchesGlob(one.name, glob)));
  if (chosen.length === 0) throw new UsageError('no sabotage matches --only-sabotage');
  const out = options.files.json === '-' ? process.stderr : process.stdout;
  const report = await selfCheck({
    endpoint, cases, sabotages: chosen, thorough: options.thorough, timeoutMs: options.timeoutMs, prefix: options.prefix,
    destructive: options.destructive || options.start !== undefined, knownFailures, signal, ...(open === undefined ? {} : { open }), ...(options.parallelGiven === undefined ? {} : { parallel: options.parallelGiven }), ...(options.seed === undefined ? {} : { seed: options.seed }),
    onHonest: (honest) => void out.write(renderHonest(honest)),
    onSabotage: (result) => void out.write(renderSabotage(result)),
  });
  for (const note of report.notes) out.write(`${note}\n`);
  out.write(renderTotals(report));
  const { json, markdown } = options.files;
  if (json === '-') process.stdout.write(`${JSON.stringify(report, undefined, 1)}\n`);
  else if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, undefined, 1)}\n`);
  if (markdown !== undefined) writeFileSync(markdown, renderSelfCheckMarkdown(report));
  return !selfCheckFailed(report) && !signal.aborted;
}
