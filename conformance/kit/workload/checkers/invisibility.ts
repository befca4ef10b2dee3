/** POP: a message that one consumer got stays away from all others for its invisible time, and for good once it is acknowledged. */
import { linesOf, type History, type Operation } from '../history.js';
import { groupBy, resultOf, type Anomaly, type Checker } from './checker.js';

/** `slackMs`: how much sooner than its time a message may come again; the time runs on the broker's clock of whole milliseconds. */
export function invisibility(slackMs = 2): Checker {
  return {
    name: 'invisibility',
    requirement: 'A popped message is delivered to nobody else during its invisible time, and never again once it is acknowledged.',
    check(history: History) {
      const members = history.members();
      const groupOf = (one: Operation): string | undefined => {
        const member = members.get(one.process);
        return member?.mode === 'pop' ? `${member.group} ${one.value.key ?? ''}` : undefined;
      };
      const received = groupBy(history.of('receive'), groupOf);
      const acks = groupBy(history.of('ack').filter((one) => one.outcome === 'ok'), groupOf);
      let judged = 0;
      /** When the invisible time of what was received began: on the broker, after the pop was asked. */
      const hiddenFrom = (one: Operation): number =>
        history.of('pop').filter((each) => each.process === one.process && (each.done?.time ?? Infinity) <= one.invoke.time).at(-1)?.invoke.time ?? one.invoke.time;
      const anomalies = [...received].flatMap(([message, list]) => {
        // an acknowledgement that comes after the time is too late: the message may be on its way again
        const inTime = (ack: Operation): boolean => {
          const got = list.filter((each) => each.process === ack.process && each.invoke.time <= ack.invoke.time).at(-1);
          return got !== undefined && (ack.done?.time ?? Infinity) < hiddenFrom(got) + (got.value.invisibleMs ?? 0);
        };
        judged += list.length;
        return list.flatMap((one, i): Anomaly[] => {
          const before = list[i - 1];
          if (before === undefined) return [];
          const ack = acks.get(message)?.find((each) => (each.done?.time ?? Infinity) < one.invoke.time && inTime(each));
          const key = one.value.key ?? '?';
          if (ack !== undefined) return [{ name: 'delivered-after-ack', sentence: `${one.process} received ${key} after ${ack.process} had acknowledged it.`, excerpt: linesOf(before, ack, one) }];
          const hiddenMs = before.value.invisibleMs ?? 0;
          const waited = one.invoke.time - before.invoke.time;
          const since = one.invoke.time - hiddenFrom(before);
          return since + slackMs < hiddenMs
            ? [{ name: 'delivered-while-invisible', sentence: `${one.process} received ${key} ${Math.round(waited)} ms after ${before.process} did, and it was to be invisible for ${hiddenMs} ms.`, excerpt: linesOf(before, one) }] : [];
        });
      });
      return resultOf('invisibility', judged, anomalies, { redelivered: judged - received.size });
    },
  };
}
