/** What a person sees in a terminal: a line that moves while it runs (only on a terminal), then failures and a table by area. */
import type { Endpoint } from '../endpoint.js';
import type { RunEvent } from '../runner.js';
import { countByArea, countVerdicts, outcomeOf, verdicts, type CaseReport, type RunReport } from './types.js';

interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Draws progress; on anything but a terminal only the first line is written. */
export function createProgress(out: Output, endpoint: Pick<Endpoint, 'name' | 'broker' | 'namesrv'>): (event: RunEvent) => void {
  let bad = 0;
  return (event) => {
    if (event.type === 'run-start') out.write(`${tame(endpoint.name)}, broker ${endpoint.broker}, name server ${endpoint.namesrv}: ${event.total} cases\n`);
    if (event.type !== 'case-end' || out.isTTY !== true) return;
    if (event.report.verdict === 'fail' || event.report.verdict === 'error') bad++;
    const line = `${event.done}/${event.total}${bad > 0 ? `, ${bad} not passed` : ''}  ${event.report.name}`;
    out.write(event.done === event.total ? '\r\u001b[2K' : `\r\u001b[2K${line.slice(0, (out.columns ?? 80) - 1)}`);
  };
}

/** What an endpoint said may hold control characters, which a terminal would obey. */
const tame = (text: string): string => text.replace(/[^\P{Cc}\n\t]/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);

const indent = (text: string): string => tame(text).split('\n').join('\n      ');

function story(one: CaseReport, verbose: boolean): string {
  const { failure } = one;
  const lines = [`  ${one.verdict.toUpperCase()} ${one.name} (${one.level}, ${one.durationMs} ms)`, `      ${one.requirement} [${one.source}]`];
  if (failure !== undefined) lines.push(`      ${indent(failure.message)}`);
  if (failure?.expected !== undefined) lines.push(`      expected ${indent(failure.expected)}`);
  if (failure?.actual !== undefined) lines.push(`      actual   ${indent(failure.actual)}`);
  if (failure?.stack !== undefined) lines.push(`      ${indent(failure.stack)}`);
  if (one.issue !== undefined) lines.push(`      known: ${one.issue}`);
  if (verbose) for (const note of one.notes) lines.push(`      note: ${indent(note)}`);
  if (verbose) for (const entry of one.wire) lines.push(`      ${String(entry.atMs).padStart(6)} ms ${entry.connection} ${entry.direction === 'sent' ? '>' : entry.direction === 'received' ? '<' : '-'} ${tame(entry.summary)}`);
  return lines.join('\n');
}

export function renderSummary(report: RunReport, options: { readonly verbose?: boolean } = {}): string {
  const { cases } = report;
  const out: string[] = [];
  for (const one of cases) if (one.verdict === 'fail' || one.verdict === 'error' || (options.verbose === true && one.verdict === 'known-failure')) out.push(story(one, options.verbose === true), '');
  for (const note of report.notes) out.push(`  note: ${indent(note)}`, '');
  const areas = [...countByArea(cases)];
  const width = Math.max(4, ...areas.map(([area]) => area.length));
  const row = (name: string, cells: readonly string[]): string => `  ${name.padEnd(width)}  ${cells.map((text, i) => text.padStart(verdicts[i]?.length ?? 0)).join('  ')}`.trimEnd();
  out.push(row('area', verdicts));
  for (const [area, counts] of areas) out.push(row(area, verdicts.map((verdict) => (counts[verdict] === 0 ? '.' : String(counts[verdict])))));
  const all = countVerdicts(cases);
  if (areas.length > 1) out.push(row('all', verdicts.map((verdict) => String(all[verdict]))));
  out.push('', `${tame(report.endpoint.name)}: ${all.pass} of ${cases.length} passed in ${(report.durationMs / 1000).toFixed(1)} s, seed ${report.seed}; ${outcomeOf(report)}`, '');
  return out.join('\n');
}
