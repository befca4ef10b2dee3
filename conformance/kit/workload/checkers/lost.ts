/** No acknowledged message lost: each group of consumers took every one that its subscription accepts. */
import { accepts, linesOf, placeOf, type History, type Operation } from '../history.js';
import { owed, resultOf, type Anomaly, type Checker, type CheckerResult } from './checker.js';

export function lost(): Checker {
  return { name: 'lost', requirement: 'No acknowledged message is lost: each group takes every message that it subscribes to.', check };
}

function check(history: History): CheckerResult {
  const sends = owed(history);
  const anomalies: Anomaly[] = [];
  let judged = 0;
  for (const [group, members] of history.groups(false)) {
    const processes = new Set(members.map((one) => one.process));
    const taken = new Set(history.of('ack').filter((one) => one.outcome !== 'fail' && processes.has(one.process)).map((one) => one.value.key));
    const received = history.of('receive').filter((one) => processes.has(one.process));
    for (const send of sends) {
      if (!members.some((one) => one.topic === send.value.topic && accepts(one.expression, send.value.tag))) continue;
      judged++;
      if (taken.has(send.value.key)) continue;
      const seen = received.filter((one) => one.value.key === send.value.key);
      anomalies.push(seen.length === 0 ? {
        name: 'lost', sentence: `${send.value.key ?? '?'}, acknowledged at ${placeOf(send.value)}, was never received by group ${group}.`, excerpt: linesOf(send, ...after(send, received)),
      } : { name: 'never-taken', sentence: `${send.value.key ?? '?'} was received ${seen.length} times by group ${group} and never taken.`, excerpt: linesOf(send, ...seen.slice(-1)) });
    }
  }
  return resultOf('lost', judged, anomalies, { acknowledged: sends.length });
}

/** The next message of the queue that was received: consumers went past the lost one. */
function after(send: Operation, received: readonly Operation[]): Operation[] {
  let next: Operation | undefined;
  for (const one of received) {
    const beyond = one.value.queueId === send.value.queueId && one.value.topic === send.value.topic && (one.value.queueOffset ?? -1) > (send.value.queueOffset ?? Infinity);
    if (beyond && (next === undefined || (one.value.queueOffset ?? 0) < (next.value.queueOffset ?? 0))) next = one;
  }
  return next === undefined ? [] : [next];
}
