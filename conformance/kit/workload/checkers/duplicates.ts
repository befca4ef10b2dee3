/** Duplicates: counted, and bounded where the workload knows how many there may be. */
import { linesOf, type History, type Operation } from '../history.js';
import { groupBy, resultOf, type Anomaly, type Checker } from './checker.js';

/** `most`: deliveries of messages that a group (or, broadcasting, a consumer) had taken already. Default 0. */
export function duplicates(most = 0): Checker {
  return {
    name: 'duplicates',
    requirement: `Messages that were taken are not delivered again${most === 0 ? '' : `, but for at most ${most} deliveries that are on their way when queues change hands`}.`,
    check(history: History) {
      const members = history.members();
      const takers = (one: Operation): string => {
        const member = members.get(one.process);
        return `${member === undefined || member.mode === 'broadcasting' ? one.process : member.group} ${one.value.key ?? ''}`;
      };
      const steps = history.operations.filter((one) => one.op === 'receive' || (one.op === 'ack' && one.outcome === 'ok'));
      const again: { ack: Operation; receive: Operation }[] = [];
      for (const list of groupBy(steps, takers).values()) {
        const ack = list.find((one) => one.op === 'ack');
        if (ack === undefined) continue;
        for (const receive of list) if (receive.op === 'receive' && receive.invoke.time > (ack.done?.time ?? Infinity)) again.push({ ack, receive });
      }
      const anomalies = again.length <= most ? [] : again.map(({ ack, receive }): Anomaly => ({
        name: 'duplicate', sentence: `${receive.value.key ?? '?'} was delivered to ${receive.process} after ${ack.process} had taken it${most === 0 ? '' : `; ${again.length} duplicates, at most ${most} may be`}.`,
        excerpt: linesOf(ack, receive),
      }));
      return resultOf('duplicates', steps.length, anomalies, { duplicates: again.length });
    },
  };
}
