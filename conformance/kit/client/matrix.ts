/**
 * The matrix of cases and client libraries in the documentation, made from their recorded verdicts (`conformance/verdicts/clients`):
 * `node dist/conformance/kit/client/matrix.js` writes it between its markers in docs/conformance.md. A test holds it fresh.
 */
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectRoot } from '../../process.js';
import { remotingSdks, type RemotingSdk } from '../../sdk-driver.js';
import { countVerdicts } from '../report/types.js';
import { readVerdicts, verdictOf, VerdictFileError, type VerdictFile, type VerdictText } from '../verdicts.js';
import { clientCases } from './run.js';

const begin = '<!-- client matrix: written by conformance/kit/client/matrix.ts, do not edit -->';
const end = '<!-- end of client matrix -->';

export const clientMatrixDocument = 'docs/conformance.md';

type Cases = readonly Pick<(typeof clientCases)[number], 'name' | 'area' | 'level'>[];
export type ClientVerdicts = ReadonlyMap<RemotingSdk, VerdictFile>;

/** The recorded verdicts of a folder. @throws VerdictFileError when a library has none. */
export function readClientVerdicts(folder: string): ClientVerdicts {
  return new Map(remotingSdks.map((sdk) => {
    const file = readVerdicts(join(folder, `${sdk}.json`));
    if (file === undefined) throw new VerdictFileError(`${sdk} has no verdicts in ${folder}`);
    return [sdk, file];
  }));
}

/** `31`, or `29 of 31`: passed of those that could be judged; `-` where none could. */
function count(cases: Cases, { cases: verdicts }: VerdictFile): string {
  const counts = countVerdicts(cases.flatMap((one) => (verdicts[one.name] === undefined ? [] : [{ verdict: verdictOf(verdicts[one.name] ?? '') }])));
  const applicable = counts.pass + counts.fail + counts.error + counts['known-failure'];
  if (applicable === 0) return '-';
  return counts.pass === applicable ? String(applicable) : `**${counts.pass} of ${applicable}**`;
}

/** `pass`, or what the file says in a few words. */
function words(text: VerdictText | undefined): string {
  if (text === undefined) return '';
  const [verdict, ...why] = text.split(': ');
  if (verdict === 'pass') return 'pass';
  return `${verdict === 'known-failure' ? '**no**' : verdict === 'not-applicable' ? '-' : `**${verdict ?? ''}**`}${why.length === 0 ? '' : `: ${why.join(': ')}`}`;
}

/** Areas with counts, then the cases that not every library passes, with the reasons. */
export function renderClientMatrix(cases: Cases, verdicts: ClientVerdicts): string {
  const files = [...verdicts.values()];
  const head = (first: string): string[] => [`| ${first} | ${files.map((one) => one.endpoint).join(' | ')} |`, `|---|${first.includes('|') ? '---:|' : ''}${files.map(() => (first.includes('|') ? '---:' : '---')).join('|')}|`];
  const areas = new Map<string, Cases[number][]>();
  for (const one of cases) areas.set(one.area, [...(areas.get(one.area) ?? []), one]);
  const row = (name: string, list: Cases): string => `| ${name} | ${list.length} | ${files.map((file) => count(list, file)).join(' | ')} |`;
  const others = cases.filter((one) => files.some((file) => file.cases[one.name] !== 'pass'));
  return [
    ...head('area | cases'), ...[...areas].map(([area, list]) => row(area.replace(/^client\./, ''), list)), row('**all**', cases), '',
    `${cases.length - others.length} of the ${cases.length} cases pass with every library. The others:`, '',
    ...head('case'), ...others.map((one) => `| ${one.name} (${one.level}) | ${files.map((file) => words(file.cases[one.name])).join(' | ')} |`),
  ].join('\n');
}

/** The document with the matrix between its markers. @throws Error when it does not have both markers once, in order. */
export function withClientMatrix(document: string, cases: Cases, verdicts: ClientVerdicts): string {
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from || document.lastIndexOf(begin) !== from) throw new Error(`the document does not have '${begin}' and '${end}' once each, in that order`);
  return `${document.slice(0, from + begin.length)}\n${renderClientMatrix(cases, verdicts)}\n${document.slice(to)}`;
}

/** Writes the matrix of the recorded verdicts into its document. */
export function writeClientMatrix(): void {
  const path = join(projectRoot, clientMatrixDocument);
  writeFileSync(path, withClientMatrix(readFileSync(path, 'utf8'), clientCases, readClientVerdicts(join(projectRoot, 'conformance/verdicts/clients'))));
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) writeClientMatrix();
