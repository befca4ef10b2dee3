/** Retries: a message that was given back comes again, with its retries counted. */
import { linesOf, type History, type Operation } from '../history.js';
import { groupBy, resultOf, type Anomaly, type Checker, type CheckerResult } from './checker.js';

export function retries(): Checker {
  return { name: 'retries', requirement: 'A message that a consumer gave back is delivered to its group again, with reconsumeTimes one higher.', check };
}

function check(history: History): CheckerResult {
  const members = history.members();
  const message = (one: Operation): string => `${members.get(one.process)?.group ?? one.process} ${one.value.key ?? ''}`;
  const received = groupBy(history.of('receive'), message);
  const backs = history.of('back').filter((one) => one.outcome === 'ok');
  const anomalies = backs.flatMap((back): Anomaly[] => {
    const list = received.get(message(back)) ?? [];
    const before = list.filter((one) => one.invoke.time <= back.invoke.time).at(-1);
    // while a queue changes hands its new owner may get the same copy too: that is not the one that comes again
    const sameCopy = (one: Operation): boolean => before?.value.queueOffset !== undefined && one.process !== before.process
      && (['topic', 'queueId', 'queueOffset', 'reconsumeTimes'] as const).every((name) => one.value[name] === before.value[name]);
    const next = list.find((one) => one.invoke.time > back.invoke.time && !sameCopy(one));
    const key = back.value.key ?? '?';
    if (next === undefined) return [{ name: 'retry-lost', sentence: `${key} was given back and never delivered again.`, excerpt: linesOf(back) }];
    const times = next.value.reconsumeTimes ?? 0;
    const want = (before?.value.reconsumeTimes ?? 0) + 1;
    return times === want ? [] : [{ name: 'retry-miscounted', sentence: `${key} was given back and came again with reconsumeTimes ${times}, not ${want}.`, excerpt: linesOf(...(before === undefined ? [] : [before]), back, next) }];
  });
  return resultOf('retries', backs.length, anomalies, { givenBack: backs.length });
}
