/** At its offset: a message acknowledged at a queue and offset is read there, once, and queues have no gaps. */
import { linesOf, placeOf, type History, type Operation } from '../history.js';
import { groupBy, resultOf, type Anomaly, type Checker, type CheckerResult } from './checker.js';

export function places(): Checker {
  return { name: 'places', requirement: 'A message acknowledged at a queue and offset is found there, once, and a queue has no gaps.', check };
}

const place = ({ value }: Operation): string | undefined => (value.queueId === undefined || value.queueOffset === undefined ? undefined : `${value.topic ?? ''} ${placeOf(value)}`);

function check(history: History): CheckerResult {
  const reads = history.of('read');
  const read = new Set(reads.map((one) => one.value.topic));
  const sends = history.of('send').filter((one) => one.outcome === 'ok' && one.value.delayMs === undefined && one.value.transactional !== true);
  const anomalies: Anomaly[] = [];
  for (const [, list] of groupBy(sends, place)) {
    const [one, other] = list;
    if (one !== undefined && other !== undefined) anomalies.push({ name: 'two-at-one-offset', sentence: `${one.value.key ?? '?'} and ${other.value.key ?? '?'} were both acknowledged at ${placeOf(one.value)}.`, excerpt: linesOf(one, other) });
  }
  const byPlace = new Map(reads.map((one) => [place(one), one]));
  const byKey = groupBy(reads, ({ value }) => `${value.topic ?? ''} ${value.key ?? ''}`);
  for (const send of sends) {
    if (!read.has(send.value.topic)) continue;
    const key = send.value.key ?? '?';
    const there = byPlace.get(place(send));
    if (send.value.queueId === undefined || send.value.queueOffset === undefined || send.value.queueOffset < 0) {
      anomalies.push({ name: 'without-place', sentence: `${key} was acknowledged without a queue and offset.`, excerpt: linesOf(send) });
      continue;
    }
    if (there?.value.key === send.value.key) continue;
    const elsewhere = byKey.get(`${send.value.topic ?? ''} ${key}`)?.[0];
    anomalies.push({
      name: elsewhere === undefined ? 'gone' : 'not-at-its-offset',
      sentence: `${key} was acknowledged at ${placeOf(send.value)} and ${elsewhere === undefined ? 'is in no queue' : `is at ${placeOf(elsewhere.value)}`}.`,
      excerpt: linesOf(send, ...(elsewhere !== undefined ? [elsewhere] : there === undefined ? [] : [there])),
    });
  }
  for (const list of byKey.values()) {
    const [one, other] = list;
    if (one !== undefined && other !== undefined) anomalies.push({ name: 'stored-twice', sentence: `${one.value.key ?? '?'} is at ${list.map((each) => placeOf(each.value)).join(' and ')}.`, excerpt: linesOf(one, other) });
  }
  for (const list of groupBy(reads, ({ value }) => `${value.topic ?? ''} ${value.queueId ?? ''}`).values()) {
    for (const [i, one] of list.entries()) {
      const before = list[i - 1];
      if (before === undefined || one.value.queueOffset === (before.value.queueOffset ?? 0) + 1) continue;
      anomalies.push({ name: 'gap', sentence: `Queue ${one.value.queueId ?? '?'} goes from offset ${before.value.queueOffset ?? '?'} to ${one.value.queueOffset ?? '?'}.`, excerpt: linesOf(before, one) });
    }
  }
  return resultOf('places', read.size === 0 ? 0 : sends.length, anomalies, { read: reads.length });
}
