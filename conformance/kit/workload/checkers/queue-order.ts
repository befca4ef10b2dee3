/** Order per queue: offsets follow the sends, and each consumer gets a queue's messages in the order of their offsets. */
import { linesOf, placeOf, type History, type Operation } from '../history.js';
import { groupBy, resultOf, type Anomaly, type Checker, type CheckerResult } from './checker.js';

export function queueOrder(): Checker {
  return { name: 'queue-order', requirement: 'A queue keeps the order of sends that followed one another, and is delivered in the order of its offsets.', check };
}

const queueOf = ({ value }: Operation): string | undefined => (value.queueId === undefined || value.queueOffset === undefined ? undefined : `${value.topic ?? ''} ${value.queueId}`);
const offsetOf = ({ value }: Operation): number => value.queueOffset ?? -1;

function check(history: History): CheckerResult {
  // a delayed or half message gets its place when it is delivered: its send answers that of another topic
  const sends = history.of('send').filter((one) => one.outcome === 'ok' && one.value.delayMs === undefined && one.value.transactional !== true);
  const members = history.members();
  const received = history.of('receive').filter((one) => members.get(one.process)?.mode !== 'concurrent');
  const anomalies = [
    ...[...groupBy(sends, queueOf).values()].flatMap(sentBackwards),
    ...[...groupBy(received, (one) => queueOf(one) && `${one.process} ${queueOf(one) ?? ''}`).values()].flatMap(deliveredBackwards),
  ];
  return resultOf('queue-order', sends.length + received.length, anomalies);
}

/** Sends of one queue of which one was over before the other began, and got the larger offset. */
function sentBackwards(sends: readonly Operation[]): Anomaly[] {
  const byEnd = [...sends].sort((a, b) => (a.done?.time ?? 0) - (b.done?.time ?? 0));
  const out: Anomaly[] = [];
  let highest: Operation | undefined;
  let next = 0;
  for (const send of sends) {
    for (let over = byEnd[next]; over !== undefined && (over.done?.time ?? 0) < send.invoke.time; over = byEnd[++next]) if (highest === undefined || offsetOf(over) > offsetOf(highest)) highest = over;
    if (highest === undefined || offsetOf(send) > offsetOf(highest)) continue;
    out.push({ name: 'sent-out-of-order', sentence: `${send.value.key ?? '?'} got ${placeOf(send.value)} after ${highest.value.key ?? '?'} had got offset ${offsetOf(highest)}.`, excerpt: linesOf(highest, send) });
  }
  return out;
}

/** A new offset below one this consumer saw already; the same offset again is a duplicate, and begins a queue anew after it was lost and won. */
function deliveredBackwards(received: readonly Operation[]): Anomaly[] {
  const seen = new Set<number>();
  const out: Anomaly[] = [];
  let highest: Operation | undefined;
  for (const one of received) {
    if (highest !== undefined && offsetOf(one) < offsetOf(highest) && !seen.has(offsetOf(one))) {
      out.push({ name: 'delivered-out-of-order', sentence: `${one.process} received ${one.value.key ?? '?'} of ${placeOf(one.value)} after offset ${offsetOf(highest)}.`, excerpt: linesOf(highest, one) });
    }
    seen.add(offsetOf(one));
    if (highest === undefined || offsetOf(one) > offsetOf(highest)) highest = one;
  }
  return out;
}
