/** A self-check for people: lines on a terminal, a table in Markdown. */
import type { FailureReport } from '../report/types.js';
import type { HonestResult, SabotageResult, SelfCheckReport } from './self-check.js';

/** Cases named in one cell of the table, where all cases judged all sabotages. Else who noticed beside the first is a matter of time. */
const namedMax = 3;

function said(failure: FailureReport | undefined): string {
  if (failure === undefined) return '';
  return `${failure.message}${failure.expected === undefined ? '' : `: expected ${failure.expected}`}${failure.actual === undefined ? '' : `, got ${failure.actual}`}`.slice(0, 160);
}

/** What is said about the honest proxy; several lines when it was convicted. */
export function renderHonest(honest: HonestResult): string {
  const lines = honest.convictedBy.map((one) => `  ${one.case}: ${said(one.failure)}${one.alsoWithoutProxy ? ' (without the proxy too: a fault of the endpoint)' : ''}\n`);
  return `honest  ${honest.verdict} by ${honest.passed} cases (${honest.notApplicable} not applicable) in ${(honest.durationMs / 1000).toFixed(1)} s\n${lines.join('')}`;
}

/** One line for one sabotage. */
export function renderSabotage(one: SabotageResult): string {
  const first = one.caughtBy[0];
  const how = one.verdict === 'convicted' && first !== undefined ? `by ${first.case}: ${said(first.failure)}` : one.verdict === 'escaped' ? `${one.does} Unnoticed by ${one.ran} cases.` : (one.reason ?? '');
  return `${one.verdict.toUpperCase().padEnd(14)}  ${one.name.padEnd(38)}  ${how}\n${one.faults.map((fault) => `  fault of the sabotage: ${fault}\n`).join('')}`;
}

/** The last line on a terminal. */
export function renderTotals(report: SelfCheckReport): string {
  return `${totals(report)}; ${(report.durationMs / 1000).toFixed(1)} s\n`;
}

function totals(report: SelfCheckReport): string {
  const count = (verdict: SabotageResult['verdict']): number => report.sabotages.filter((one) => one.verdict === verdict).length;
  return `${report.endpoint.name}: honest proxy ${report.honest.verdict}; of ${report.sabotages.length} sabotages ${count('convicted')} convicted, ${count('escaped')} escaped, ${count('not-applicable')} not applicable`;
}

export const tableHead = '| sabotage | what it does | what it breaks | caught by |\n|---|---|---|---|\n';

/** A text as a cell of a Markdown table. */
export function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** The table of the documentation: the same text whenever the same was found. */
export function renderSelfCheckMarkdown(report: SelfCheckReport): string {
  const rows = report.sabotages.map((one) => {
    const names = one.caughtBy.slice(0, report.thorough ? undefined : 1).map((each) => `\`${each.case}\``);
    const more = names.length > namedMax ? `, and ${names.length - namedMax} more` : '';
    const verdict = one.verdict === 'convicted' ? `${names.slice(0, namedMax).join(', ')}${more}` : one.verdict === 'escaped' ? '**escaped**' : `not applicable: ${one.reason ?? ''}`;
    return `| \`${one.name}\` | ${cell(one.does)} | ${cell(one.breaks)} | ${cell(verdict)} |`;
  });
  return `# Self-check of the conformance kit\n\n${totals(report)}.\n\n${tableHead}${rows.join('\n')}\n`;
}
