/**
 * Runs cases against an endpoint and judges each: several at a time, each under its own time limit, exclusive ones alone at the end.
 * A case can neither crash nor hang the run; what it leaves behind is undone within a few seconds.
 */
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { types } from 'node:util';
import { inVersions, type Level, type RegisteredCase } from './case.js';
import { EndpointError } from './connection.js';
import { createContext, type Context } from './context.js';
import type { Endpoint } from './endpoint.js';
import { Failure, NotApplicable } from './expect.js';
import { findKnownFailure, type KnownFailure } from './known-failures.js';
import type { CaseReport, EndpointReport, FailureReport, RunReport } from './report/types.js';
import { SetupError } from './session.js';
import { ofRun, sweep } from './sweep.js';
import { WireViolation } from './wire/violation.js';

export interface RunOptions {
  readonly endpoint: Endpoint;
  readonly cases: readonly RegisteredCase[];
  /** Cases at a time; default 4. */
  readonly parallel?: number;
  /** For cases without their own; default 10000. */
  readonly timeoutMs?: number;
  /** For each thing a case has undone at its end; default 3000. */
  readonly cleanupMs?: number;
  readonly seed?: number;
  readonly level?: Level | undefined;
  readonly destructive?: boolean;
  /** Begins all names; default `conform_`. */
  readonly prefix?: string;
  readonly knownFailures?: readonly KnownFailure[];
  readonly kitVersion?: string;
  readonly onEvent?: (event: RunEvent) => void;
  /** Ends the run: what has not begun is skipped. */
  readonly signal?: AbortSignal;
  /** Ends the run at once: what is under way is cut, and cleans up; skipped as well. */
  readonly cut?: AbortSignal;
  /** At the end, topics and groups are looked for that the cases' own deletions did not reach; default false. */
  readonly sweep?: boolean;
  /** How long a broker that is away is waited for by that; default 10000. */
  readonly sweepPatienceMs?: number;
  /** Stands in all names, for who sweeps after several runs; default random. */
  readonly runId?: string;
}

export type RunEvent =
  | { readonly type: 'run-start'; readonly total: number }
  | { readonly type: 'case-start'; readonly name: string }
  | { readonly type: 'case-end'; readonly report: CaseReport; readonly done: number; readonly total: number };

/** Cases that may take longer wait most of the time: they run from the beginning, beside those that run so many at a time. */
const longMs = 60_000;

type Outcome = Pick<CaseReport, 'verdict'> & Partial<Pick<CaseReport, 'reason' | 'failure' | 'issue'>>;

/** Tells the names of one run from those of all others. */
export function newRunId(): string {
  return randomBytes(4).toString('hex');
}

/** Runs all cases and answers their reports in the order given. Never rejects for what a case or an endpoint does. */
export async function runCases(options: RunOptions): Promise<RunReport> {
  const { cases, endpoint } = options;
  const begun = Date.now();
  const seed = options.seed ?? randomBytes(4).readUInt32BE(0);
  const settings = { parallel: Math.max(1, options.parallel ?? 4), timeoutMs: options.timeoutMs ?? 10_000, destructive: options.destructive ?? false, prefix: options.prefix ?? 'conform_' };
  const runId = options.runId ?? newRunId();
  const reports: (CaseReport | undefined)[] = cases.map(() => undefined);
  const notes: string[] = [];
  if (options.cut !== undefined) setMaxListeners(0, options.cut); // each case under way listens
  const onLoose = (reason: unknown): void => {
    if (notes.length < 50) notes.push(`an error nobody awaited: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`);
  };
  process.on('unhandledRejection', onLoose);
  process.on('uncaughtException', onLoose);
  let done = 0;
  const emit = (event: RunEvent): void => {
    try {
      options.onEvent?.(event);
    } catch {
      // a listener's fault is not the run's
    }
  };
  const runAt = async (index: number): Promise<void> => {
    const one = cases[index];
    if (one === undefined) return;
    emit({ type: 'case-start', name: one.name });
    const report = await runCase(one, { ...options, ...settings, seed, runId });
    reports[index] = report;
    emit({ type: 'case-end', report, done: ++done, total: cases.length });
  };
  const alone = (one: RegisteredCase): boolean => one.exclusive === true || one.destructive === true;
  const long = (i: number): boolean => (cases[i]?.timeoutMs ?? 0) > longMs;
  const beside = settings.parallel === 1 ? [] : [...cases.keys()].filter((i) => !alone(cases[i] as RegisteredCase) && long(i));
  const together = [...cases.keys()].filter((i) => !alone(cases[i] as RegisteredCase) && !beside.includes(i));
  const solo = [...cases.keys()].filter((i) => alone(cases[i] as RegisteredCase));
  emit({ type: 'run-start', total: cases.length });
  try {
    const worker = async (): Promise<void> => {
      for (let index = together.shift(); index !== undefined; index = together.shift()) await runAt(index);
    };
    await Promise.all([...beside.map(runAt), ...Array.from({ length: settings.parallel }, worker)]);
    for (const index of solo) await runAt(index);
    if (options.sweep === true) notes.push(...(await sweep(endpoint, ofRun(runId), { cleanupMs: options.cleanupMs, ...(options.sweepPatienceMs === undefined ? {} : { patienceMs: options.sweepPatienceMs }) })).notes);
    await new Promise<void>((resolve) => setImmediate(resolve));
  } finally {
    process.off('unhandledRejection', onLoose);
    process.off('uncaughtException', onLoose);
  }
  return {
    format: 1, kit: options.kitVersion ?? '', endpoint: endpointReport(endpoint), seed, started: new Date(begun).toISOString(), durationMs: Date.now() - begun,
    options: { ...settings, ...(options.level === undefined ? {} : { level: options.level }) }, notes,
    cases: reports.filter((report) => report !== undefined),
  };
}

/** Why a case is not run on this endpoint, or undefined. */
export function reasonNotToRun(one: RegisteredCase, endpoint: Endpoint, destructive: boolean): Outcome | undefined {
  if (!inVersions(one.versions, endpoint.version)) {
    const range = [one.versions?.from === undefined ? '' : `from ${one.versions.from}`, one.versions?.to === undefined ? '' : `up to ${one.versions.to}`].filter((part) => part !== '').join(' ');
    return { verdict: 'not-applicable', reason: `for versions ${range}, and the endpoint is ${endpoint.version ?? 'of unknown version'}` };
  }
  const missing = (one.needs ?? []).filter((feature) => !endpoint.features.has(feature));
  if (missing.length > 0) return { verdict: 'not-applicable', reason: `needs ${missing.join(', ')}, which the endpoint does not offer` };
  if (one.destructive === true && !destructive) return { verdict: 'skipped', reason: 'changes the endpoint beyond its own prefix: needs --destructive' };
  return undefined;
}

async function runCase(one: RegisteredCase, options: RunOptions & { readonly timeoutMs: number; readonly seed: number; readonly prefix: string; readonly runId: string }): Promise<CaseReport> {
  const begun = Date.now();
  const about = { name: one.name, area: one.area, requirement: one.requirement, level: one.level, source: one.source, origin: one.origin };
  const ended = { verdict: 'skipped' as const, reason: 'the run was ended' };
  const without = options.signal?.aborted === true || options.cut?.aborted === true ? ended : reasonNotToRun(one, options.endpoint, options.destructive ?? false);
  if (without !== undefined) return { ...about, ...without, notes: [], durationMs: 0, wire: [] };
  const t = createContext({ endpoint: options.endpoint, caseName: one.name, seed: options.seed, prefix: options.prefix, runId: options.runId, cleanupMs: options.cleanupMs });
  let outcome: Outcome = await judge(one, t, one.timeoutMs ?? options.timeoutMs, options.cut);
  const durationMs = Date.now() - begun;
  await t.end();
  const known = findKnownFailure(options.knownFailures ?? [], options.endpoint, one.name);
  if (known !== undefined && outcome.verdict === 'fail') outcome = { ...outcome, verdict: 'known-failure', issue: known.issue };
  else if (known !== undefined && outcome.verdict === 'pass') t.note(`listed as a known failure, and passes now: ${known.issue}`);
  return { ...about, ...outcome, notes: t.notes, durationMs, wire: t.log.entries(), ...(t.history === undefined ? {} : { history: t.history }) };
}

async function judge(one: RegisteredCase, t: Context, timeoutMs: number, cut: AbortSignal | undefined): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  let ended = (): void => undefined;
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), timeoutMs)));
  const over = new Promise<'cut'>((resolve) => (ended = () => resolve('cut')));
  cut?.addEventListener('abort', ended);
  const run = (async () => one.run(t))();
  run.catch(() => undefined);
  try {
    const how = await Promise.race([run.then(() => 'done' as const), late, over]);
    if (how === 'done') return { verdict: 'pass' };
    t.cut();
    await new Promise<void>((resolve) => setImmediate(resolve)); // what waited sees its end before cleaning up begins
    if (how === 'cut') return { verdict: 'skipped', reason: 'the run was ended' };
    return { verdict: 'fail', failure: { kind: 'timeout', message: `the case was not over in ${timeoutMs} ms` } };
  } catch (error) {
    return outcomeOf(error, t.log.entries().some((entry) => entry.direction === 'received'));
  } finally {
    clearTimeout(timer);
    cut?.removeEventListener('abort', ended);
  }
}

/** What reading a member, an element or a word that is not there throws; of any realm. */
const misread: ReadonlySet<string> = new Set(['TypeError', 'SyntaxError', 'RangeError']);

/**
 * What an error that ended a case says about the endpoint. Cases read answers as what they should be: once something was answered, an error
 * of reading (no such member, no JSON, too few bytes) is the answer's fault. Its stack stays in the report, should it be the case's after all.
 */
export function outcomeOf(error: unknown, answered = false): Outcome {
  if (error instanceof NotApplicable) return { verdict: 'not-applicable', reason: error.message };
  if (error instanceof Failure) {
    const failure: FailureReport = {
      kind: 'assertion', message: error.message,
      ...(error.expected === undefined ? {} : { expected: error.expected }), ...(error.actual === undefined ? {} : { actual: error.actual }),
    };
    return { verdict: 'fail', failure };
  }
  if (error instanceof EndpointError) return { verdict: error.kind === 'unreachable' ? 'error' : 'fail', failure: { kind: 'endpoint', message: error.message } };
  if (error instanceof WireViolation) return { verdict: 'fail', failure: { kind: 'endpoint', message: `the endpoint sent ${error.message}` } };
  if (error instanceof SetupError) return { verdict: 'error', failure: { kind: 'set-up', message: error.message } };
  const { name, message, stack } = error instanceof Error || types.isNativeError(error) ? error : { name: '', message: String(error), stack: undefined };
  const about = { ...(stack === undefined ? {} : { stack }) };
  if (answered && misread.has(name)) return { verdict: 'fail', failure: { kind: 'endpoint', message: `what the endpoint answered cannot be read: ${name}: ${message}`, ...about } };
  return { verdict: 'error', failure: { kind: 'kit', message, ...about } };
}

function endpointReport(endpoint: Endpoint): EndpointReport {
  const { name, kind, version, namesrv, broker, brokerName, cluster, grpc, profile } = endpoint;
  return {
    name, kind, namesrv, broker, brokerName, cluster, profile, features: [...endpoint.features],
    ...(version === undefined ? {} : { version }), ...(grpc === undefined ? {} : { grpc }),
  };
}
