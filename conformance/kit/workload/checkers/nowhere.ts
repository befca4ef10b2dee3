/** No message from nowhere: whatever is received or read was sent so, and not refused. */
import { linesOf, type History } from '../history.js';
import { resultOf, type Anomaly, type Checker, type CheckerResult } from './checker.js';

export function nowhere(): Checker {
  return { name: 'nowhere', requirement: 'Every message that is received was sent, with that body and tag, and was not refused.', check };
}

function check(history: History): CheckerResult {
  const sends = new Map(history.of('send').map((one) => [one.value.key, one]));
  const arrived = [...history.of('receive'), ...history.of('read')];
  const anomalies = arrived.flatMap((one): Anomaly[] => {
    const { key, body, tag } = one.value;
    const who = `${one.process} ${one.op === 'read' ? 'read' : 'received'} ${key ?? 'a message without key'}`;
    const send = sends.get(key);
    if (send === undefined) return [{ name: 'never-sent', sentence: `${who}, which nobody sent.`, excerpt: linesOf(one) }];
    const excerpt = linesOf(send, one);
    if (one.invoke.time < send.invoke.time) return [{ name: 'before-sent', sentence: `${who} before it was sent.`, excerpt }];
    if (send.outcome === 'fail') return [{ name: 'refused', sentence: `${who}, which was refused.`, excerpt }];
    if (send.value.body !== body) return [{ name: 'other-body', sentence: `${who} with body ${body ?? 'none'}; it was sent with ${send.value.body ?? 'none'}.`, excerpt }];
    if (send.value.tag !== tag) return [{ name: 'other-tag', sentence: `${who} with tag ${tag ?? 'none'}; it was sent with ${send.value.tag ?? 'none'}.`, excerpt }];
    return [];
  });
  return resultOf('nowhere', arrived.length, anomalies, { received: arrived.length });
}
