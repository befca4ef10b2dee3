/** A finished run as data: everything any report shows. It is what --json writes, so its members are only added to. */
import type { Level } from '../case.js';
import type { WireEntry } from '../wire-log.js';

/**
 * pass, fail: the endpoint was judged. error: the case could not judge (endpoint gone, set-up refused, a fault of the kit).
 * known-failure: it failed and the list of known failures says so. not-applicable: wrong version, missing feature, or the case said so.
 * skipped: not run on purpose (destructive without --destructive, or the run was ended).
 */
export type Verdict = 'pass' | 'fail' | 'error' | 'known-failure' | 'not-applicable' | 'skipped';

export const verdicts: readonly Verdict[] = ['pass', 'fail', 'error', 'known-failure', 'not-applicable', 'skipped'];

/** Why a case did not pass. */
export interface FailureReport {
  /** assertion: a requirement does not hold; endpoint: it closed, hung or sent garbage; timeout: the case's time was up; set-up; kit: a fault of the kit. */
  readonly kind: 'assertion' | 'endpoint' | 'timeout' | 'set-up' | 'kit';
  readonly message: string;
  readonly expected?: string;
  readonly actual?: string;
  /** For kind kit, and for answers that a case could not read. */
  readonly stack?: string;
}

/** One operation of a history, as `invoke` and then `ok`, `fail` or `info` (nobody knows whether it happened) tell it. */
export interface HistoryOperation {
  /** Who did it: a producer, a consumer, a fault injector. One lane of the timeline. */
  readonly process: string;
  /** `send`, `poll`, `ack`, `kill`. */
  readonly op: string;
  /** Since the history began. */
  readonly invokedMs: number;
  /** Absent when it never came back. */
  readonly completedMs?: number;
  readonly outcome: 'ok' | 'fail' | 'info';
  /** What was sent, got or said, in a few words. */
  readonly value: string;
  /** Name of what a checker found wrong here, such as `lost: m7`. */
  readonly anomaly?: string;
}

export interface CaseReport {
  readonly name: string;
  readonly area: string;
  readonly requirement: string;
  readonly level: Level;
  readonly source: string;
  readonly origin: 'hand' | 'generated';
  readonly verdict: Verdict;
  /** Why it is not applicable or skipped. */
  readonly reason?: string;
  readonly failure?: FailureReport;
  /** The issue that tracks a known failure. */
  readonly issue?: string;
  readonly notes: readonly string[];
  readonly durationMs: number;
  readonly wire: readonly WireEntry[];
  /** What clients did at what time, where the case is a workload. */
  readonly history?: readonly HistoryOperation[];
}

export interface EndpointReport {
  readonly name: string;
  readonly kind: string;
  readonly version?: string;
  readonly namesrv: string;
  readonly broker: string;
  readonly brokerName: string;
  readonly cluster: string;
  readonly grpc?: string;
  readonly features: readonly string[];
  readonly profile: string;
}

export interface RunReport {
  /** Version of this form. */
  readonly format: 1;
  /** Version of the package that holds the kit. */
  readonly kit: string;
  readonly endpoint: EndpointReport;
  readonly seed: number;
  /** ISO 8601. */
  readonly started: string;
  readonly durationMs: number;
  readonly options: { readonly parallel: number; readonly timeoutMs: number; readonly level?: Level; readonly destructive: boolean; readonly prefix: string };
  /** Remarks about the run itself, such as errors that no case awaited. */
  readonly notes: readonly string[];
  /** In the registry's order. */
  readonly cases: readonly CaseReport[];
}

/** How many cases have each verdict. */
export type Counts = Readonly<Record<Verdict, number>>;

export function countVerdicts(cases: readonly Pick<CaseReport, 'verdict'>[]): Counts {
  const out: Record<Verdict, number> = { 'pass': 0, 'fail': 0, 'error': 0, 'known-failure': 0, 'not-applicable': 0, 'skipped': 0 };
  for (const one of cases) out[one.verdict]++;
  return out;
}

/** The counts of each area, in the order in which the areas appear. */
export function countByArea(cases: readonly Pick<CaseReport, 'verdict' | 'area'>[]): ReadonlyMap<string, Counts> {
  const areas = new Map<string, (typeof cases)[number][]>();
  for (const one of cases) areas.set(one.area, [...(areas.get(one.area) ?? []), one]);
  return new Map([...areas].map(([area, list]) => [area, countVerdicts(list)]));
}

/**
 * Whether a case fails the run: verdict fail or error at a required level. Without a level only MUST is required; with one, that level
 * and all above it. INFORMATIONAL never is.
 */
export function failsRun(one: Pick<CaseReport, 'verdict' | 'level'>, level?: Level): boolean {
  if (one.verdict !== 'fail' && one.verdict !== 'error') return false;
  const rank = { MUST: 0, SHOULD: 1, MAY: 2, INFORMATIONAL: 3 } as const;
  return one.level !== 'INFORMATIONAL' && rank[one.level] <= rank[level ?? 'MUST'];
}

/** A run in a few words; one in which nothing could be judged shows no conformity. */
export function outcomeOf({ cases, options }: Pick<RunReport, 'cases' | 'options'>): string {
  const failing = cases.filter((one) => failsRun(one, options.level)).length;
  if (failing > 0) return `${failing} required ${failing === 1 ? 'case' : 'cases'} not passed`;
  return cases.some((one) => one.verdict === 'pass') ? 'conforms' : 'nothing was judged';
}
