/** Committed offsets: consumers never move theirs back, and what the endpoint answers is the last one it acknowledged or a later one. */
import { linesOf, type History, type Operation } from '../history.js';
import { groupBy, resultOf, type Anomaly, type Checker, type CheckerResult } from './checker.js';

export function offsets(): Checker {
  return { name: 'offsets', requirement: 'A committed consumer offset is kept: it never goes back, and no later question is answered with an earlier one.', check };
}

const queueOf = ({ value }: Operation): string => `${value.group ?? ''} ${value.topic ?? ''} ${value.queueId ?? ''}`;
const offsetOf = ({ value }: Operation): number => value.queueOffset ?? 0;

function check(history: History): CheckerResult {
  const commits = groupBy(history.of('commit'), queueOf);
  const asked = history.of('offset').filter((one) => one.outcome !== 'info');
  const anomalies: Anomaly[] = [];
  for (const list of commits.values()) {
    // while a queue changes hands its old and new owner may overlap: each is held to its own commits
    for (const own of groupBy(list, (one) => one.process).values()) {
      for (const [i, one] of own.entries()) {
        const before = own[i - 1];
        if (before === undefined || offsetOf(one) >= offsetOf(before)) continue;
        anomalies.push({ name: 'went-back', sentence: `${one.process} committed offset ${offsetOf(one)} of queue ${one.value.queueId ?? '?'} after ${offsetOf(before)}.`, excerpt: linesOf(before, one) });
      }
    }
  }
  for (const one of asked) {
    const list = (commits.get(queueOf(one)) ?? []).filter((each) => each.outcome !== 'fail' && each.invoke.time <= (one.done?.time ?? Infinity));
    const over = list.filter((each) => each.outcome === 'ok' && (each.done?.time ?? Infinity) < one.invoke.time);
    // a commit may be what is answered unless another one began after it and was over before the question
    const possible = list.filter((each) => !over.some((other) => other.invoke.time > (each.done?.time ?? Infinity)));
    if (over.length === 0 || (one.outcome === 'ok' && possible.some((each) => offsetOf(each) === offsetOf(one)))) continue;
    const last = over.reduce((best, each) => (each.invoke.time > best.invoke.time ? each : best));
    const where = `Queue ${one.value.queueId ?? '?'} of group ${one.value.group ?? '?'} is ${one.outcome === 'ok' ? `at offset ${offsetOf(one)}` : `without an offset (${one.value.error ?? 'refused'})`}`;
    anomalies.push(one.outcome === 'ok' && offsetOf(one) > Math.max(...possible.map(offsetOf))
      ? { name: 'from-nowhere', sentence: `${where}, which nobody committed.`, excerpt: linesOf(last, one) }
      : { name: 'forgotten', sentence: `${where}, and ${last.process} committed ${offsetOf(last)} before.`, excerpt: linesOf(last, one) });
  }
  return resultOf('offsets', history.of('commit').length, anomalies, { commits: history.of('commit').length, asked: asked.length });
}
