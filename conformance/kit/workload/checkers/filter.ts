/** Filters are exact: each consumer's group gets all that matches its subscription, and nothing else. */
import { accepts, linesOf, type History } from '../history.js';
import { owed, resultOf, type Anomaly, type Checker, type CheckerResult } from './checker.js';

export function filter(): Checker {
  return { name: 'filter', requirement: 'A subscription is delivered every message that matches its expression, and no other.', check };
}

function check(history: History): CheckerResult {
  const members = history.members();
  const joins = new Map(history.of('join').map((one) => [one.process, one]));
  const anomalies: Anomaly[] = [];
  let judged = 0;
  let passed = 0;
  const got = new Set<string>();
  for (const one of history.of('receive')) {
    const member = members.get(one.process);
    if (member === undefined) continue;
    judged++;
    got.add(`${member.mode === 'broadcasting' ? one.process : member.group} ${one.value.key ?? ''}`);
    if (accepts(member.expression, one.value.tag)) {
      passed++;
      continue;
    }
    const join = joins.get(one.process);
    anomalies.push({ name: 'excluded-delivered', sentence: `${one.process} subscribes to '${member.expression}' and received ${one.value.key ?? '?'} with tag ${one.value.tag ?? 'none'}.`, excerpt: linesOf(...(join === undefined ? [] : [join]), one) });
  }
  const subscribers = new Map([...members.values()].map((one) => [one.mode === 'broadcasting' ? one.process : one.group, one]));
  for (const send of owed(history)) {
    for (const [name, member] of subscribers) {
      if (member.topic !== send.value.topic || !accepts(member.expression, send.value.tag)) continue;
      judged++;
      if (got.has(`${name} ${send.value.key ?? ''}`)) continue;
      const join = joins.get(member.process);
      anomalies.push({ name: 'matching-missed', sentence: `${name} subscribes to '${member.expression}' and never received ${send.value.key ?? '?'} with tag ${send.value.tag ?? 'none'}.`, excerpt: linesOf(...(join === undefined ? [] : [join]), send) });
    }
  }
  return resultOf('filter', judged, anomalies, { subscriptions: subscribers.size, matched: passed });
}
