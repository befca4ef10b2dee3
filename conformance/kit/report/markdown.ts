/** A page for people: what was judged, a table by area, each failure, and why cases were not applicable; or several runs side by side. */
import { differs, joinReports, passedOf } from './side-by-side.js';
import { countByArea, countVerdicts, verdicts, type CaseReport, type RunReport } from './types.js';

/** Text inside a table cell or a line. */
const cell = (text: string): string => text.replace(/\s+/g, ' ').replaceAll('|', '\\|').replaceAll('<', '&lt;').replace(/[*[]/g, '\\$&');

/** A fenced block that its content cannot end. */
function fenced(text: string): string {
  const fence = '`'.repeat(Math.max(3, ...(text.match(/`+/g) ?? []).map((run) => run.length + 1)));
  return `${fence}text\n${text}\n${fence}`;
}

function story(one: CaseReport): string {
  const lines = [one.failure?.message ?? '', ...(one.failure?.expected === undefined ? [] : [`expected: ${one.failure.expected}`]), ...(one.failure?.actual === undefined ? [] : [`actual:   ${one.failure.actual}`])];
  return `### ${one.name} (${one.level}, ${one.verdict})\n\n${cell(one.requirement)} *${cell(one.source)}*\n\n${fenced(lines.join('\n'))}\n${one.issue === undefined ? '' : `\nKnown: ${cell(one.issue)}\n`}`;
}

/** The page of one run, or of several: areas by endpoint, and the cases about which they differ. */
export function renderMarkdown(reports: RunReport | readonly RunReport[]): string {
  if ('cases' in reports) return renderRun(reports);
  const [only] = reports;
  return only !== undefined && reports.length === 1 ? renderRun(only) : renderSideBySide(reports);
}

function renderSideBySide(reports: readonly RunReport[]): string {
  const { labels, areas } = joinReports(reports);
  const sums = (name: string, lists: readonly (readonly CaseReport[])[]): string => `| ${name} | ${lists.map((list) => {
    const { passed, judged } = passedOf(list);
    return judged === 0 ? '-' : passed === judged ? `${passed}` : `**${passed} of ${judged}**`;
  }).join(' | ')} |`;
  const differing = [...areas.values()].flat().filter(differs);
  return [
    '# Conformance side by side', '',
    ...reports.map((report, i) => `- ${cell(labels[i] ?? '')}: started ${report.started}, ${(report.durationMs / 1000).toFixed(1)} s, seed ${report.seed}, kit ${report.kit}, broker ${report.endpoint.broker}, profile ${report.endpoint.profile}`), '',
    'Passed, of the cases that could be judged; not applicable and skipped cases are left out.', '',
    `| area | ${labels.map(cell).join(' | ')} |`, `|---|${labels.map(() => '---:').join('|')}|`,
    ...[...areas].map(([area, rows]) => sums(area, labels.map((_, i) => rows.flatMap((row) => row.cells[i] ?? [])))), sums('**all**', reports.map((report) => report.cases)), '',
    ...(differing.length === 0 ? [] : [
      '## Differences', '', `| case | level | ${labels.map(cell).join(' | ')} |`, `|---|---|${labels.map(() => '---').join('|')}|`,
      ...differing.map((row) => `| ${cell(row.about.name)} | ${row.about.level} | ${row.cells.map((one) => one?.verdict ?? '').join(' | ')} |`), '',
    ]),
  ].join('\n');
}

function renderRun(report: RunReport): string {
  const { endpoint, cases } = report;
  const row = (name: string, counts: Readonly<Record<string, number>>): string => `| ${name} | ${verdicts.map((verdict) => counts[verdict]).join(' | ')} |`;
  const bad = cases.filter((one) => one.verdict === 'fail' || one.verdict === 'error' || one.verdict === 'known-failure');
  const reasons = new Map<string, string[]>();
  for (const one of cases) if (one.reason !== undefined) reasons.set(one.reason, [...(reasons.get(one.reason) ?? []), one.name]);
  return [
    `# Conformance of ${cell(endpoint.name)}`, '',
    `Started ${report.started}, ${(report.durationMs / 1000).toFixed(1)} s, seed ${report.seed}, kit ${report.kit}. Broker ${endpoint.broker}, name server ${endpoint.namesrv}, profile ${endpoint.profile}.`, '',
    `| area | ${verdicts.join(' | ')} |`, `|---|${verdicts.map(() => '---:').join('|')}|`,
    ...[...countByArea(cases)].map(([area, counts]) => row(area, counts)), row('**all**', countVerdicts(cases)), '',
    ...(bad.length === 0 ? [] : ['## Failures', '', ...bad.map(story)]),
    ...(reasons.size === 0 ? [] : ['## Not run', '', ...[...reasons].map(([reason, names]) => `- ${cell(reason)}: ${names.join(', ')}`), '']),
    ...(report.notes.length === 0 ? [] : ['## Remarks', '', ...report.notes.map((note) => `- ${cell(note)}`), '']),
  ].join('\n');
}
