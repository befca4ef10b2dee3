/** `conform --client`: plays the scenarios that the chosen cases need, each once, and reports like any other run. */
import { randomBytes } from 'node:crypto';
import type { Level } from '../case.js';
import type { KnownFailure } from '../known-failures.js';
import type { CaseReport, RunReport } from '../report/types.js';
import { outcomeOf } from '../runner.js';
import type { ClientCase } from './case.js';
import { cases as consumeCases } from './cases/consume.js';
import { cases as produceCases } from './cases/produce.js';
import { clientKnownFailures } from './known-failures.js';
import { ClientError, type ClientUnderTest } from './program.js';
import { play, scenarios, type Play, type Scenario } from './scenarios.js';

/** All cases about clients, in the order of reports. */
export const clientCases: readonly (ClientCase & { readonly area: string; readonly origin: 'hand' })[] = [...produceCases, ...consumeCases]
  .map((one) => ({ ...one, area: one.name.split('.').slice(0, 2).join('.'), origin: 'hand' as const }));

export interface ClientRunOptions {
  readonly client: ClientUnderTest;
  readonly cases?: typeof clientCases;
  /** Scenarios at a time; default 4. */
  readonly parallel?: number;
  readonly level?: Level | undefined;
  readonly kitVersion?: string;
  readonly knownFailures?: readonly KnownFailure[];
  readonly onScenario?: (name: string, ms: number) => void;
  readonly signal?: AbortSignal;
}

/** Runs the cases. Never rejects for what a client does. */
export async function runClientCases(options: ClientRunOptions): Promise<RunReport> {
  const { client } = options;
  const began = Date.now();
  const cases = options.cases ?? clientCases;
  const parallel = Math.max(1, options.parallel ?? 4);
  const wanted = scenarios.filter((scenario) => cases.some((one) => one.scenario === scenario.name));
  const plays = new Map<string, Play | Error>();
  const todo = wanted.filter((scenario) => why(scenario, client) === undefined);
  const worker = async (): Promise<void> => {
    for (let next = todo.shift(); next !== undefined && options.signal?.aborted !== true; next = todo.shift()) {
      const at = Date.now();
      plays.set(next.name, await play(client, next, options.signal).catch((error: unknown) => (error instanceof Error ? error : new Error(String(error)))));
      options.onScenario?.(next.name, Date.now() - at);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  const reports = cases.map((one): CaseReport => {
    const about = { name: one.name, area: one.area, requirement: one.requirement, level: one.level, source: one.source, origin: one.origin, durationMs: 0, notes: [] };
    const scenario = wanted.find((other) => other.name === one.scenario);
    const reason = scenario === undefined ? `no scenario ${one.scenario}` : why(scenario, client);
    if (reason !== undefined) return { ...about, verdict: 'not-applicable', reason, wire: [] };
    const played = plays.get(one.scenario);
    if (played === undefined) return { ...about, verdict: 'skipped', reason: 'the run was ended', wire: [] };
    if (played instanceof Error) return { ...about, verdict: 'error', failure: { kind: played instanceof ClientError ? 'endpoint' : 'set-up', message: played.message }, wire: [] };
    return { ...about, ...judge(one, played, options), durationMs: Math.round(played.closingAt), wire: played.cluster.log.entries() };
  });
  return {
    format: 1, kit: options.kitVersion ?? '', seed: randomBytes(4).readUInt32BE(0), started: new Date(began).toISOString(), durationMs: Date.now() - began, notes: [], cases: reports,
    endpoint: { name: client.name, kind: 'client', namesrv: '127.0.0.1', broker: '127.0.0.1', brokerName: 'broker-a', cluster: 'conform', features: [...client.features], profile: 'full' },
    options: { parallel, timeoutMs: Math.max(0, ...wanted.map((one) => one.maxMs)), destructive: false, prefix: 'conform_', ...(options.level === undefined ? {} : { level: options.level }) },
  };
}

function why(scenario: Scenario, client: ClientUnderTest): string | undefined {
  return scenario.needs === undefined || client.features.has(scenario.needs) ? undefined : `needs ${scenario.needs}, which the client does not offer`;
}

function judge(one: ClientCase, played: Play, { client, knownFailures = clientKnownFailures }: ClientRunOptions): ReturnType<typeof outcomeOf> & Partial<Pick<CaseReport, 'notes'>> {
  const known = knownFailures.find((entry) => entry.endpoint === client.name && entry.case === one.name);
  try {
    const note = one.judge(played);
    return { verdict: 'pass', ...(typeof note === 'string' ? { notes: [note] } : {}) };
  } catch (error) {
    const outcome = outcomeOf(error);
    return known !== undefined && outcome.verdict === 'fail' ? { ...outcome, verdict: 'known-failure', issue: known.issue } : outcome;
  }
}
