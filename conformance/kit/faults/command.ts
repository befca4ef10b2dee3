/** `conform --faults`: which faults, what is printed, and the run as a report like any other. */
import { randomBytes } from 'node:crypto';
import type { Endpoint as StartedEndpoint } from '../../endpoint.js';
import type { RegisteredCase } from '../case.js';
import { UsageError, type ConformOptions } from '../cli.js';
import type { Endpoint } from '../endpoint.js';
import { knownFailures } from '../known-failures.js';
import type { CaseReport, RunReport } from '../report/types.js';
import { runCases, type RunEvent } from '../runner.js';
import { selectCases } from '../select.js';
import { faultCases, mixed, type FaultResult } from './run.js';
import { faultNames } from './schedule.js';

export const defaultDurationMs = 5000;

export interface FaultCommand {
  readonly options: ConformOptions;
  readonly endpoint: Endpoint;
  readonly started: StartedEndpoint | undefined;
  readonly startOn: ((dataDir: string) => Promise<StartedEndpoint>) | undefined;
  readonly kitVersion: string;
  readonly onEvent: (event: RunEvent) => void;
  readonly signal: AbortSignal;
}

/** The cases that --faults names, for --list and for the run. @throws UsageError for a name there is not. */
export function chosenFaultCases(options: ConformOptions, more: Pick<Parameters<typeof faultCases>[0], 'started' | 'startOn' | 'onResult'> = {}, seed = options.seed ?? 0): readonly RegisteredCase[] {
  const known: readonly string[] = [...faultNames, mixed];
  const unknown = (options.faults ?? []).find((name) => name !== 'all' && !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`--faults: no fault '${unknown}'; there are ${known.join(', ')}, and all`);
  const all = options.faults?.includes('all') === true;
  const cases = faultCases({ seed, durationMs: options.durationMs ?? defaultDurationMs, driver: options.driver, ...more });
  return selectCases(cases.filter((one) => all || options.faults?.some((name) => one.name === `faults.${name}`)), options);
}

/** Runs the faults one after another. Process faults need no --destructive where the kit started the endpoint for this run. */
export async function runFaults(command: FaultCommand): Promise<RunReport> {
  const { options, endpoint, started, startOn } = command;
  const seed = options.seed ?? randomBytes(4).readUInt32BE(0);
  const results = new Map<string, FaultResult>();
  const cases = chosenFaultCases(options, { started, startOn, onResult: (result) => void results.set(`faults.${result.name}`, result) }, seed);
  const out = options.files.json === '-' ? process.stderr : process.stdout;
  out.write(`faults with seed ${seed}, ${(options.durationMs ?? defaultDurationMs) / 1000} s each\n`); // before anything can end the run
  const report = await runCases({
    endpoint, cases, seed, parallel: 1, timeoutMs: options.timeoutMs, level: options.level, destructive: options.destructive || started !== undefined, prefix: options.prefix,
    knownFailures, kitVersion: command.kitVersion, cut: command.signal, sweep: true,
    onEvent: (event) => {
      command.onEvent(event);
      if (event.type === 'case-end') out.write(renderFaultCase(event.report));
    },
  });
  return { ...report, cases: report.cases.map((one) => ({ ...one, ...(results.has(one.name) ? { history: results.get(one.name)?.timeline ?? [] } : {}) })) };
}

/** Verdict, schedule, recovery times and counts, one line each. */
export function renderFaultCase(one: CaseReport): string {
  return `${one.verdict.padEnd(15)} ${one.name}${one.reason === undefined ? '' : `: ${one.reason}`}\n${one.notes.map((note) => `    ${note}\n`).join('')}`;
}
