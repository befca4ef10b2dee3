/**
 * JUnit XML: one suite for each area, with what was judged as its properties. Failures and errors are those that fail the run; one at a
 * level that is not required, a known failure, a not applicable and a skipped case are `skipped` and say why. So a CI that reads the
 * file and one that reads the exit code agree.
 */
import { escapeMarkup } from './markup.js';
import { failsRun, type CaseReport, type RunReport } from './types.js';

/** Text of an attribute or element; white space that a parser would fold is kept. */
const xml = (text: string): string => escapeMarkup(text).replaceAll('\n', '&#10;').replaceAll('\r', '&#13;').replaceAll('\t', '&#9;');

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

type Outcome = 'passed' | 'failure' | 'error' | 'skipped';

function outcomeOf(one: CaseReport, report: RunReport): Outcome {
  if (one.verdict === 'pass') return 'passed';
  if (!failsRun(one, report.options.level)) return 'skipped';
  return one.verdict === 'fail' ? 'failure' : 'error';
}

/** What went wrong, and what went over the wire, for those who have only this file. */
function story(one: CaseReport): string {
  const { failure } = one;
  if (failure === undefined) return '';
  return [`${one.requirement} [${one.source}]`, failure.message, ...(failure.expected === undefined ? [] : [`expected: ${failure.expected}`]), ...(failure.actual === undefined ? [] : [`actual: ${failure.actual}`]), ...(failure.stack === undefined ? [] : [failure.stack])].join('\n');
}

function systemOut(one: CaseReport): string {
  const lines = [...one.notes, ...(one.failure === undefined ? [] : one.wire.map((entry) => `${entry.atMs} ms ${entry.connection} ${entry.direction} ${entry.summary}`))];
  return lines.length === 0 ? '' : `<system-out>${xml(lines.join('\n'))}</system-out>`;
}

function testcase(one: CaseReport, report: RunReport): string {
  const outcome = outcomeOf(one, report);
  const failed = `type="${xml(one.failure?.kind ?? one.verdict)}" message="${xml(one.failure?.message ?? '')}"`;
  const why = one.verdict === 'fail' || one.verdict === 'error' ? `${one.verdict}, and ${one.level} is not required: ${one.failure?.message ?? ''}` : `${one.verdict}: ${one.issue ?? one.reason ?? ''}`;
  const result = { passed: '', failure: `<failure ${failed}>${xml(story(one))}</failure>`, error: `<error ${failed}>${xml(story(one))}</error>`, skipped: `<skipped message="${xml(why)}"/>` }[outcome];
  return `    <testcase classname="${xml(`conform.${one.area}`)}" name="${xml(one.name)}" time="${seconds(one.durationMs)}">${result}${systemOut(one)}</testcase>\n`;
}

export function renderJunit(report: RunReport): string {
  const { endpoint } = report;
  const areas = new Map<string, CaseReport[]>();
  for (const one of report.cases) areas.set(one.area, [...(areas.get(one.area) ?? []), one]);
  const totals = (list: readonly CaseReport[]): string => {
    const count = (outcome: Outcome): number => list.filter((one) => outcomeOf(one, report) === outcome).length;
    return `tests="${list.length}" failures="${count('failure')}" errors="${count('error')}" skipped="${count('skipped')}" time="${seconds(list.reduce((sum, one) => sum + one.durationMs, 0))}"`;
  };
  const properties = Object.entries({ endpoint: endpoint.name, namesrv: endpoint.namesrv, broker: endpoint.broker, profile: endpoint.profile, seed: String(report.seed), kit: report.kit })
    .map(([name, value]) => `<property name="${name}" value="${xml(value)}"/>`).join('');
  const suites = [...areas].map(([area, list]) => `  <testsuite name="${xml(area)}" ${totals(list)} timestamp="${xml(report.started.replace(/Z$/, ''))}">\n    <properties>${properties}</properties>\n${list.map((one) => testcase(one, report)).join('')}  </testsuite>\n`);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="${xml(`conform ${endpoint.name}`)}" ${totals(report.cases)}>\n${suites.join('')}</testsuites>\n`;
}
