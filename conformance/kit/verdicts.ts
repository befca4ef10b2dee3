/**
 * Verdicts as data: what each endpoint's verdict of each case was when it was last accepted (`conformance/verdicts/*.json`). A run is
 * compared with such a file; any change of a verdict, for better or worse, is to be looked at. Which cases count is decided here too.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Level } from './case.js';
import { verdicts as verdictNames, type CaseReport, type RunReport, type Verdict } from './report/types.js';

/** The verdict of one case: `pass`, or with why `not-applicable: needs lite, ...`, `known-failure: ISSUE`. */
export type VerdictText = string;

export interface VerdictFile {
  /** Version of this form. */
  readonly format: 1;
  /** `apache 5.5.0`. */
  readonly endpoint: string;
  /** By the name of the case, sorted. */
  readonly cases: Readonly<Record<string, VerdictText>>;
}

export interface VerdictChange {
  readonly case: string;
  /** undefined: the file does not have the case. */
  readonly was: VerdictText | undefined;
  /** undefined: the case is no more. */
  readonly is: VerdictText | undefined;
}

/** A verdict file that cannot be read; one line for stderr. */
export class VerdictFileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'VerdictFileError';
  }
}

/** The verdict in a text of a file. */
export function verdictOf(text: VerdictText): Verdict {
  const name = text.split(':', 1)[0];
  const verdict = verdictNames.find((one) => one === name);
  if (verdict === undefined) throw new VerdictFileError(`'${text}' is no verdict; there are ${verdictNames.join(', ')}`);
  return verdict;
}

/** What a file says of a case. */
export function verdictText(one: Pick<CaseReport, 'verdict' | 'reason' | 'issue'>): VerdictText {
  const why = one.verdict === 'known-failure' ? one.issue : one.reason;
  return why === undefined ? one.verdict : `${one.verdict}: ${why}`;
}

/** Reads the text of a verdict file. @throws VerdictFileError that names what is wrong. */
export function parseVerdicts(text: string, file: string): VerdictFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new VerdictFileError(`${file} is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { format, endpoint, cases } = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  if (format !== 1 || typeof endpoint !== 'string' || typeof cases !== 'object' || cases === null) throw new VerdictFileError(`${file} is no verdict file of format 1`);
  for (const [name, one] of Object.entries(cases)) {
    if (typeof one !== 'string') throw new VerdictFileError(`${file}: the verdict of ${name} is no text`);
    try {
      verdictOf(one);
    } catch (error) {
      throw new VerdictFileError(`${file}: ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { format, endpoint, cases: cases as Readonly<Record<string, string>> };
}

/** Reads a verdict file; undefined when there is none. @throws VerdictFileError when it is none. */
export function readVerdicts(file: string): VerdictFile | undefined {
  if (!existsSync(file)) return undefined;
  return parseVerdicts(readFileSync(file, 'utf8'), file);
}

/** What the run says, by case; a case that was skipped says nothing. */
function judged(report: Pick<RunReport, 'cases'>): Map<string, VerdictText> {
  return new Map(report.cases.filter((one) => one.verdict !== 'skipped').map((one) => [one.name, verdictText(one)]));
}

/**
 * What differs between the file and the run, sorted by case. Only verdicts are compared, not the reasons beside them. With `whole`, the
 * run had every case of the kit, so that a case it does not have is gone.
 */
export function compareVerdicts(file: VerdictFile, report: Pick<RunReport, 'cases'>, whole: boolean): VerdictChange[] {
  const now = judged(report);
  const known = new Set(report.cases.map((one) => one.name));
  const out: VerdictChange[] = [];
  for (const [name, is] of now) {
    const was = file.cases[name];
    if (was === undefined || verdictOf(was) !== verdictOf(is)) out.push({ case: name, was, is });
  }
  if (whole) for (const [name, was] of Object.entries(file.cases)) if (!known.has(name)) out.push({ case: name, was, is: undefined });
  return out.sort((a, b) => (a.case < b.case ? -1 : 1));
}

/** The file after the run: its verdicts replaced by the run's; with `whole`, without cases that are no more. */
export function updateVerdicts(file: VerdictFile | undefined, report: Pick<RunReport, 'cases' | 'endpoint'>, whole: boolean): VerdictFile {
  const known = new Set(report.cases.map((one) => one.name));
  const kept = Object.entries(file?.cases ?? {}).filter(([name]) => !whole || known.has(name));
  const cases = new Map([...kept, ...judged(report)]);
  return { format: 1, endpoint: report.endpoint.name, cases: Object.fromEntries([...cases].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

/** The text of a verdict file: one line for each case, in the same order each time. */
export function renderVerdicts(file: VerdictFile): string {
  return `${JSON.stringify(file, null, 1)}\n`;
}

/** One line for each change. */
export function renderChanges(changes: readonly VerdictChange[]): string {
  return changes.map((one) => `  ${one.case}: was ${one.was ?? '(no such case)'}, is ${one.is ?? '(no such case)'}\n`).join('');
}

/** `--update-verdicts`: writes the file. Answers how many cases it has now. */
export function writeVerdicts(path: string, report: RunReport, whole: boolean): number {
  const file = updateVerdicts(readVerdicts(path), report, whole);
  writeFileSync(path, renderVerdicts(file));
  return Object.keys(file.cases).length;
}

/** The file of `--verdicts`. @throws VerdictFileError when there is no such file, or it is none. */
export function recordedVerdicts(path: string): VerdictFile {
  const file = readVerdicts(path);
  if (file === undefined) throw new VerdictFileError(`${path}: no such verdict file (--update-verdicts writes it)`);
  return file;
}

/** `--verdicts`: the changes since the file was written. @throws VerdictFileError. */
export function changedVerdicts(path: string, report: RunReport, whole: boolean): VerdictChange[] {
  return compareVerdicts(recordedVerdicts(path), report, whole);
}

/**
 * Why a case does not count, or undefined when it does: Apache passes it, or it requires nothing, or Apache's failure is listed with the
 * issue that tracks it. `newest` and `older` are what the newest Apache and an older one say of it.
 */
export function whyNotCounted(one: { readonly name: string; readonly level: Level }, newest: VerdictText | undefined, older: VerdictText | undefined): string | undefined {
  if (one.level === 'INFORMATIONAL') return undefined;
  if (newest === undefined) return 'no verdict of Apache is recorded';
  const verdict = verdictOf(newest);
  if (verdict === 'pass') return undefined;
  if (verdict === 'known-failure') return /#\d+|https:\/\/\S+/.test(newest) ? undefined : 'the known failure names no issue';
  if (verdict === 'not-applicable') return older !== undefined && verdictOf(older) === 'pass' ? undefined : `no Apache that was run offers what it needs (${newest})`;
  return `Apache's verdict is ${newest}`;
}
