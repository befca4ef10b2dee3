/**
 * `--start`: the endpoints of one run. Most cases are judged on one endpoint; cases that name a setup on one of their own, started and
 * stopped for them. The reports become one, in the order of the cases.
 */
import type { RegisteredCase } from './case.js';
import type { Endpoint } from './endpoint.js';
import type { RunReport } from './report/types.js';
import { runCases, type RunOptions } from './runner.js';
import { setupNames, type Setup } from './setups.js';

/** One endpoint and the cases that are judged on it. */
export interface Stage {
  readonly setup: Setup | undefined;
  readonly cases: readonly RegisteredCase[];
}

/** The cases by endpoint: those without a setup first. Empty stages are left out. */
export function stagesOf(cases: readonly RegisteredCase[]): Stage[] {
  return [undefined, ...setupNames].map((setup) => ({ setup, cases: cases.filter((one) => one.setup === setup) })).filter((stage) => stage.cases.length > 0);
}

/** What a stage runs on. */
export interface StageEndpoint {
  readonly endpoint: Endpoint;
  /** Ends it; a lasting one does nothing. */
  readonly dispose: () => Promise<void>;
}

export interface StagesOptions extends Omit<RunOptions, 'endpoint' | 'cases' | 'onEvent'> {
  readonly stages: readonly Stage[];
  readonly open: (setup: Setup | undefined) => Promise<StageEndpoint>;
  readonly progress: (endpoint: Endpoint) => RunOptions['onEvent'];
}

/** Runs the stages one after another. @throws what `open` throws: an endpoint that does not start. */
export async function runStages({ stages, open, progress, ...options }: StagesOptions): Promise<RunReport> {
  const reports: RunReport[] = [];
  for (const stage of stages) {
    const { endpoint, dispose } = await open(stage.setup);
    try {
      const onEvent = progress(endpoint);
      reports.push(await runCases({ ...options, endpoint, cases: stage.cases, ...(onEvent === undefined ? {} : { onEvent }) }));
    } finally {
      await dispose();
    }
  }
  return joinReports(reports, stages.flatMap((stage) => stage.cases.map((one) => one.name)));
}

/** One report of several: that of the first, with the cases of all in the order of `names`. @throws Error when there is none. */
export function joinReports(reports: readonly RunReport[], names: readonly string[]): RunReport {
  const [first] = reports;
  if (first === undefined) throw new Error('a run without a stage');
  const byName = new Map(reports.flatMap((report) => report.cases).map((one) => [one.name, one]));
  return {
    ...first, durationMs: reports.reduce((sum, one) => sum + one.durationMs, 0), notes: reports.flatMap((one) => one.notes),
    cases: names.flatMap((name) => byName.get(name) ?? []),
  };
}
