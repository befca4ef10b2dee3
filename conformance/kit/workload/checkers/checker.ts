/** What a checker is: a pure function of a history that names what is wrong with it and shows the shortest excerpt that proves it. */
import type { History, HistoryLine, Operation } from '../history.js';

/** unknown: the history had nothing for this checker to judge, or the checker broke. */
export type CheckerVerdict = 'pass' | 'fail' | 'unknown';

export interface Anomaly {
  /** Permanent: `lost`, `delivered-while-invisible`. */
  readonly name: string;
  readonly sentence: string;
  readonly excerpt: readonly HistoryLine[];
}

export interface CheckerResult {
  readonly checker: string;
  readonly verdict: CheckerVerdict;
  /** At most 100; `figures.anomalies` counts all. */
  readonly anomalies: readonly Anomaly[];
  /** Counts, and times in milliseconds (names end in Ms). */
  readonly figures: Readonly<Record<string, number>>;
  /** Why it is unknown. */
  readonly reason?: string;
}

export interface Checker {
  /** Lower-case words with `-`; permanent. */
  readonly name: string;
  /** What must hold, one sentence with a full stop. */
  readonly requirement: string;
  check(history: History): CheckerResult;
}

const anomaliesMax = 100;

/** A result: fail with anomalies, unknown when `judged` is 0, else pass. */
export function resultOf(checker: string, judged: number, anomalies: readonly Anomaly[], figures: Readonly<Record<string, number>> = {}): CheckerResult {
  const verdict = anomalies.length > 0 ? 'fail' : judged === 0 ? 'unknown' : 'pass';
  return {
    checker, verdict, anomalies: anomalies.slice(0, anomaliesMax), figures: { judged, anomalies: anomalies.length, ...figures },
    ...(verdict === 'unknown' ? { reason: 'the history has nothing for it to judge' } : {}),
  };
}

/** Runs checkers; one that throws is unknown, and the others run all the same. */
export function runCheckers(checkers: readonly Checker[], history: History): CheckerResult[] {
  return checkers.map((checker) => {
    try {
      return checker.check(history);
    } catch (error) {
      return { checker: checker.name, verdict: 'unknown', anomalies: [], figures: {}, reason: error instanceof Error ? error.message : String(error) };
    }
  });
}

/** fail over unknown over pass. */
export function mergeVerdicts(results: readonly Pick<CheckerResult, 'verdict'>[]): CheckerVerdict {
  return results.some((one) => one.verdict === 'fail') ? 'fail' : results.some((one) => one.verdict === 'unknown') ? 'unknown' : 'pass';
}

/** Values by a key, in their order. */
export function groupBy<T>(list: readonly T[], keyOf: (one: T) => string | undefined): Map<string, T[]> {
  const out = new Map<string, T[]>();
  for (const one of list) {
    const key = keyOf(one);
    if (key === undefined) continue;
    const known = out.get(key);
    if (known === undefined) out.set(key, [one]);
    else known.push(one);
  }
  return out;
}

/** Half, 99 in 100, and all of the values are at most this; for figures. */
export function spread(name: string, values: readonly number[]): Record<string, number> {
  if (values.length === 0) return {};
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): number => Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0) * 10) / 10;
  return { [`${name}P50Ms`]: at(0.5), [`${name}P99Ms`]: at(0.99), [`${name}MaxMs`]: at(1) };
}

/** Keys of the messages an endpoint owes to consumers: acknowledged sends, of transactional ones those with an acknowledged commit. */
export function owed(history: History): Operation[] {
  const committed = new Set(history.of('end').filter((one) => one.outcome === 'ok' && one.value.end === 'commit').map((one) => one.value.key));
  return history.of('send').filter((one) => one.outcome === 'ok' && (one.value.transactional !== true || committed.has(one.value.key)));
}
