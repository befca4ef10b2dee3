/** Broadcast is complete: every consumer of a broadcasting group takes every acknowledged message. */
import { accepts, linesOf, type History } from '../history.js';
import { owed, resultOf, type Anomaly, type Checker, type CheckerResult } from './checker.js';

export function broadcast(): Checker {
  return { name: 'broadcast', requirement: 'Each consumer of a broadcasting group takes every acknowledged message it subscribes to.', check };
}

function check(history: History): CheckerResult {
  const sends = owed(history);
  const anomalies: Anomaly[] = [];
  let judged = 0;
  for (const member of [...history.groups(true).values()].flat()) {
    const taken = new Map(history.of('ack').filter((one) => one.process === member.process && one.outcome !== 'fail').map((one) => [one.value.key, one]));
    for (const send of sends) {
      if (send.value.topic !== member.topic || !accepts(member.expression, send.value.tag)) continue;
      judged++;
      if (taken.has(send.value.key)) continue;
      const other = history.of('ack').find((one) => one.value.key === send.value.key);
      anomalies.push({ name: 'missed', sentence: `${member.process} never took ${send.value.key ?? '?'}${other === undefined ? '' : `, which ${other.process} took`}.`, excerpt: linesOf(send, ...(other === undefined ? [] : [other])) });
    }
  }
  return resultOf('broadcast', judged, anomalies, { consumers: [...history.groups(true).values()].flat().length });
}
