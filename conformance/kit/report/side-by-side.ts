/** Several runs side by side: cases by endpoint, grouped by area. What the page and the Markdown of merged runs are drawn from. */
import type { CaseReport, RunReport, Verdict } from './types.js';

/** One case and what each run says of it, in the order of the runs; undefined where a run did not have it. */
export interface MatrixRow {
  readonly about: Pick<CaseReport, 'name' | 'area' | 'requirement' | 'level' | 'source' | 'origin'>;
  readonly cells: readonly (CaseReport | undefined)[];
}

export interface Matrix {
  /** A name for each run that no other run has. */
  readonly labels: readonly string[];
  /** Areas in the order in which they first appear, each with its rows. */
  readonly areas: ReadonlyMap<string, readonly MatrixRow[]>;
}

/** Joins runs by case name. A case described differently by two runs is shown as the first describes it. */
export function joinReports(reports: readonly RunReport[]): Matrix {
  const rows = new Map<string, { about: MatrixRow['about']; cells: (CaseReport | undefined)[] }>();
  reports.forEach((report, at) => {
    for (const one of report.cases) {
      const row = rows.get(one.name) ?? { about: one, cells: reports.map(() => undefined) };
      row.cells[at] ??= one;
      rows.set(one.name, row);
    }
  });
  const areas = new Map<string, MatrixRow[]>();
  for (const row of rows.values()) {
    const list = areas.get(row.about.area);
    if (list === undefined) areas.set(row.about.area, [row]);
    else list.push(row);
  }
  return { labels: runLabels(reports), areas };
}

/** Whether the runs do not agree about a case; a run without it says nothing. */
export function differs(row: MatrixRow): boolean {
  return new Set(row.cells.flatMap((cell) => (cell === undefined ? [] : [cell.verdict]))).size > 1;
}

/** Passed and judged, of those given: not applicable and skipped cases are not judged. */
export function passedOf(cases: readonly Pick<CaseReport, 'verdict'>[]): { readonly passed: number; readonly judged: number } {
  const unjudged: readonly Verdict[] = ['not-applicable', 'skipped'];
  return { passed: cases.filter((one) => one.verdict === 'pass').length, judged: cases.filter((one) => !unjudged.includes(one.verdict)).length };
}

function runLabels(reports: readonly RunReport[]): string[] {
  const names = reports.map((report) => report.endpoint.name);
  const withAddress = names.map((name, i) => (names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} (${reports[i]?.endpoint.namesrv ?? ''})`));
  return withAddress.map((name, i) => {
    const earlier = withAddress.slice(0, i).filter((other) => other === name).length;
    return earlier === 0 ? name : `${name} #${earlier + 1}`;
  });
}
