/** Locks of queues are exclusive: while a consumer has one, no other of its group is granted it. */
import { linesOf, type History, type Operation } from '../history.js';
import { groupBy, resultOf, type Anomaly, type Checker } from './checker.js';

/** `expiryMs`: a lock that is not renewed this long ends by itself (`RebalanceLockManager`: 60 s). */
export function locks(expiryMs = 60_000): Checker {
  return {
    name: 'locks', requirement: 'The lock of a queue is granted to one consumer of a group at a time.',
    check(history: History) {
      const steps = history.operations.filter((one) => one.op === 'lock' || one.op === 'unlock');
      const anomalies: Anomaly[] = [];
      for (const list of groupBy(steps, ({ value }) => `${value.group ?? ''} ${value.topic ?? ''} ${value.queueId ?? ''}`).values()) {
        let owner: Operation | undefined;
        for (const one of list) {
          if (one.op === 'unlock' || one.outcome !== 'ok') continue;
          // an unlock that had begun before this grant was answered may have freed it
          const from = owner?.done?.time ?? 0;
          const free = owner === undefined || owner.process === one.process || one.invoke.time - from > expiryMs
            || list.some((each) => each.op === 'unlock' && each.process === owner?.process && each.invoke.time >= from && each.invoke.time <= (one.done?.time ?? 0));
          if (!free && owner !== undefined) {
            anomalies.push({ name: 'locked-twice', sentence: `${one.process} was granted the lock of queue ${one.value.queueId ?? '?'} while ${owner.process} had it.`, excerpt: linesOf(owner, one) });
          }
          owner = one;
        }
      }
      return resultOf('locks', steps.length, anomalies, { granted: steps.filter((one) => one.op === 'lock' && one.outcome === 'ok').length });
    },
  };
}
