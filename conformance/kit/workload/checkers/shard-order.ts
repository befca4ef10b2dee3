/** Order per message group (sharding key): a group of orderly consumers takes the messages of each in the order they were sent in. */
import { linesOf, type History, type Operation } from '../history.js';
import { groupBy, resultOf, type Anomaly, type Checker, type CheckerResult } from './checker.js';

export function shardOrder(): Checker {
  return { name: 'shard-order', requirement: 'Orderly consumers take the messages of each message group in the order they were sent in, and none while one before it is not taken.', check };
}

function check(history: History): CheckerResult {
  const sends = new Map(history.of('send').map((one, at) => [one.value.key, { send: one, at }]));
  const shardOf = (one: Operation): string | undefined => sends.get(one.value.key)?.send.value.shard;
  const anomalies: Anomaly[] = [];
  let judged = 0;
  for (const members of history.groups(false).values()) {
    const orderly = new Set(members.filter((one) => one.mode === 'orderly').map((one) => one.process));
    const steps = history.operations.filter((one) => orderly.has(one.process) && (one.op === 'receive' || one.op === 'ack'));
    for (const [shard, list] of groupBy(steps, shardOf)) {
      judged++;
      const taken = new Set<string>();
      let last: { step: Operation; at: number } | undefined;
      let open: Operation | undefined;
      for (const step of list) {
        const key = step.value.key ?? '';
        if (step.op === 'ack') {
          taken.add(key);
          if (open?.value.key === key) open = undefined;
          continue;
        }
        const at = sends.get(key)?.at ?? -1;
        if (open !== undefined && open.value.key !== key && !taken.has(key)) {
          anomalies.push({ name: 'overtook', sentence: `${key} of message group ${shard} was delivered while ${open.value.key ?? '?'} was not taken.`, excerpt: linesOf(open, step) });
        } else if (last !== undefined && at < last.at && !taken.has(key)) {
          anomalies.push({ name: 'shard-out-of-order', sentence: `${key} of message group ${shard} was delivered after ${last.step.value.key ?? '?'}, which was sent later.`, excerpt: linesOf(...sendsOf(sends, key, last.step), last.step, step) });
        }
        if (!taken.has(key)) open = step;
        if (last === undefined || at > last.at) last = { step, at };
      }
    }
  }
  return resultOf('shard-order', judged, anomalies, { shards: judged });
}

function sendsOf(sends: ReadonlyMap<string | undefined, { readonly send: Operation }>, key: string, other: Operation): Operation[] {
  return [sends.get(key)?.send, sends.get(other.value.key)?.send].filter((one) => one !== undefined);
}
