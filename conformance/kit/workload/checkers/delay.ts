/** Delays: a message is never early; how late the messages were is told, and bounded where a bound is given. */
import { linesOf, type History } from '../history.js';
import { resultOf, spread, type Anomaly, type Checker } from './checker.js';

/** `slackMs` covers clocks that count whole milliseconds; `lateMaxMs` makes a message that is later than that an anomaly. */
export function delay({ slackMs = 2, lateMaxMs = Infinity }: { readonly slackMs?: number; readonly lateMaxMs?: number } = {}): Checker {
  return {
    name: 'delay',
    requirement: `A delayed message is never delivered early${lateMaxMs === Infinity ? '' : `, nor more than ${lateMaxMs} ms late`}.`,
    check(history: History) {
      const sends = new Map(history.of('send').filter((one) => one.value.delayMs !== undefined).map((one) => [one.value.key, one]));
      const first = new Set<string>();
      const lateness: number[] = [];
      const anomalies = history.of('receive').flatMap((one): Anomaly[] => {
        const send = sends.get(one.value.key);
        const key = one.value.key ?? '?';
        const member = `${one.process} ${key}`;
        if (send === undefined || first.has(member)) return [];
        first.add(member);
        const asked = send.value.delayMs ?? 0;
        const waited = one.invoke.time - send.invoke.time;
        // counted from the answer: the delay cannot have begun later
        const late = one.invoke.time - (send.done?.time ?? send.invoke.time) - asked;
        lateness.push(Math.max(0, late));
        if (waited + slackMs < asked) return [{ name: 'early', sentence: `${key} asked for ${asked} ms and was delivered after ${Math.round(waited)} ms.`, excerpt: linesOf(send, one) }];
        return late > lateMaxMs ? [{ name: 'late', sentence: `${key} asked for ${asked} ms and was delivered ${Math.round(late)} ms after that.`, excerpt: linesOf(send, one) }] : [];
      });
      return resultOf('delay', lateness.length, anomalies, { delayed: sends.size, ...spread('lateness', lateness) });
    },
  };
}
