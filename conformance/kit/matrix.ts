/**
 * The matrix of areas and endpoints in the documentation, made from the recorded verdicts:
 * `node dist/conformance/kit/matrix.js` writes it between its markers in docs/conformance.md, and its last row in README.md. A test holds both fresh.
 * `reproduce.ts` records the verdicts before.
 */
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectRoot } from '../process.js';
import type { RegisteredCase } from './case.js';
import { allCases } from './cases/index.js';
import { countVerdicts } from './report/types.js';
import { readVerdicts, verdictOf, whyNotCounted, type VerdictFile } from './verdicts.js';

const begin = '<!-- matrix: written by conformance/kit/matrix.ts, do not edit -->';
const end = '<!-- end of matrix -->';

/** The endpoints that are shown, with their files' names. */
export const matrixEndpoints = ['skylark', 'apache-5.5.0', 'apache-4.9.7'] as const;

export type MatrixEndpoints = ReadonlyMap<(typeof matrixEndpoints)[number], VerdictFile>;

/** The recorded verdicts of a folder; an endpoint without a file has none. */
export function readMatrixEndpoints(folder: string): MatrixEndpoints {
  return new Map(matrixEndpoints.map((name) => [name, readVerdicts(join(folder, `${name}.json`)) ?? { format: 1, endpoint: name, cases: {} }]));
}

/** `31 of 33`: passed of those that could be judged; `-` where none could. */
function cell(cases: readonly RegisteredCase[], file: VerdictFile): string {
  const known = cases.flatMap((one) => (file.cases[one.name] === undefined ? [] : [{ verdict: verdictOf(file.cases[one.name] ?? '') }]));
  const counts = countVerdicts(known);
  const applicable = counts.pass + counts.fail + counts.error + counts['known-failure'];
  if (applicable === 0) return '-';
  return counts.pass === applicable ? String(applicable) : `**${counts.pass} of ${applicable}**`;
}

/** The documents that hold the matrix, with what each shows of it. */
export const matrixDocuments = { 'docs/conformance.md': 'areas', 'README.md': 'sum' } as const;

/** The matrix as a table, with a sentence about its numbers; or only the row of all cases. */
export function renderMatrix(cases: readonly RegisteredCase[], endpoints: MatrixEndpoints, show: 'areas' | 'sum' = 'areas'): string {
  const areas = new Map<string, RegisteredCase[]>();
  for (const one of cases) areas.set(one.area, [...(areas.get(one.area) ?? []), one]);
  const files = matrixEndpoints.map((name) => endpoints.get(name) ?? { format: 1 as const, endpoint: name, cases: {} });
  const row = (name: string, list: readonly RegisteredCase[]): string => `| ${name} | ${list.length} | ${files.map((file) => cell(list, file)).join(' | ')} |`;
  const generated = cases.filter((one) => one.origin === 'generated').length;
  const newest = endpoints.get('apache-5.5.0')?.cases ?? {};
  const older = endpoints.get('apache-4.9.7')?.cases ?? {};
  const counted = cases.filter((one) => whyNotCounted(one, newest[one.name], older[one.name]) === undefined).length;
  const head = [`| area | cases | ${files.map((file) => file.endpoint).join(' | ')} |`, `|---|---:|${files.map(() => '---:').join('|')}|`];
  if (show === 'sum') return [...head, row('all', cases)].join('\n');
  return [
    `${cases.length} cases, ${cases.length - generated} of them written by hand and ${generated} generated from tables; ${counted} count.`,
    'A number alone is how many cases of the area are applicable and passed, `n of m` how many of the applicable ones passed, `-` that none is applicable.', '',
    ...head,
    ...[...areas].map(([area, list]) => row(area, list)), row('**all**', cases),
  ].join('\n');
}

/** The document with the matrix between its markers. @throws Error when it does not have both markers once, in order. */
export function withMatrix(document: string, cases: readonly RegisteredCase[], endpoints: MatrixEndpoints, show: 'areas' | 'sum' = 'areas'): string {
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from || document.lastIndexOf(begin) !== from) throw new Error(`the document does not have '${begin}' and '${end}' once each, in that order`);
  return `${document.slice(0, from + begin.length)}\n${renderMatrix(cases, endpoints, show)}\n${document.slice(to)}`;
}

/** Writes the matrix of the recorded verdicts into the documents. */
export async function writeMatrix(): Promise<void> {
  const endpoints = readMatrixEndpoints(join(projectRoot, 'conformance/verdicts'));
  for (const [name, show] of Object.entries(matrixDocuments)) {
    const path = join(projectRoot, name);
    writeFileSync(path, withMatrix(readFileSync(path, 'utf8'), await allCases(), endpoints, show));
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await writeMatrix();
