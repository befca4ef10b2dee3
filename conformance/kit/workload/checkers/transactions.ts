/** Transactions: nothing rolled back or undecided is seen, everything committed is. */
import { linesOf, type History, type Operation } from '../history.js';
import { resultOf, type Anomaly, type Checker, type CheckerResult } from './checker.js';

export function transactions(): Checker {
  return { name: 'transactions', requirement: 'A transactional message is delivered when it is committed, not before, and never when it is rolled back.', check };
}

function check(history: History): CheckerResult {
  const halves = history.of('send').filter((one) => one.value.transactional === true);
  const ends = new Map<string | undefined, Operation[]>();
  for (const one of history.of('end')) ends.set(one.value.key, [...(ends.get(one.value.key) ?? []), one]);
  const seen = new Map<string | undefined, Operation>();
  for (const one of [...history.of('receive'), ...history.of('read')]) {
    const first = seen.get(one.value.key);
    if (first === undefined || one.invoke.time < first.invoke.time) seen.set(one.value.key, one);
  }
  const counts = { committed: 0, rolledBack: 0, open: 0 };
  const anomalies = halves.flatMap((half): Anomaly[] => {
    const key = half.value.key ?? '?';
    const mine = ends.get(half.value.key) ?? [];
    const commit = mine.find((one) => one.value.end === 'commit' && one.outcome !== 'fail');
    const rollback = mine.find((one) => one.value.end === 'rollback' && one.outcome !== 'fail');
    const arrival = seen.get(half.value.key);
    counts[commit !== undefined ? 'committed' : rollback !== undefined ? 'rolledBack' : 'open']++;
    if (arrival === undefined) {
      const lost = commit?.outcome === 'ok' && half.outcome === 'ok' && rollback === undefined;
      return lost ? [{ name: 'committed-lost', sentence: `${key} was committed and never delivered.`, excerpt: linesOf(half, commit) }] : [];
    }
    if (commit !== undefined) {
      return arrival.invoke.time >= commit.invoke.time ? []
        : [{ name: 'before-commit', sentence: `${key} was delivered before its commit.`, excerpt: linesOf(half, arrival, commit) }];
    }
    if (rollback !== undefined) return [{ name: 'rolled-back-seen', sentence: `${key} was rolled back and delivered.`, excerpt: linesOf(half, rollback, arrival) }];
    return [{ name: 'undecided-seen', sentence: `${key} was delivered and never committed.`, excerpt: linesOf(half, arrival) }];
  });
  return resultOf('transactions', counts.committed + counts.rolledBack, anomalies, counts);
}
