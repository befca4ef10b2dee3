/** Rebalance is exclusive: once members of a group have settled, each queue has exactly one of them, and their shares are even. */
import type { History, HistoryLine } from '../history.js';
import { resultOf, type Anomaly, type Checker } from './checker.js';

interface Settings {
  /** Time after a join or leave in which anything may be. */
  readonly settleMs?: number;
  /** Queues of the topic; without it nobody asks for queues that no one holds. */
  readonly queues?: number;
}

/** `settleMs` counts from the last join or leave of the group. */
export function rebalance({ settleMs = 1500, queues = 0 }: Settings = {}): Checker {
  return {
    name: 'rebalance', requirement: `From ${settleMs} ms after the last consumer came or went, each queue is held by exactly one member of the group.`,
    check(history: History) {
      const anomalies: Anomaly[] = [];
      let judged = 0;
      const end = history.lines.at(-1)?.time ?? 0;
      for (const [group, members] of history.groups(false)) {
        const ours = new Set(members.filter((one) => one.mode !== 'pop').map((one) => one.process));
        const lines = history.lines.filter((line) => ours.has(line.process) && (line.op === 'join' || line.op === 'leave' || line.op === 'assign'));
        const held = new Map<string, HistoryLine | undefined>();
        let changed = -Infinity;
        for (const [i, line] of lines.entries()) {
          if (line.op === 'leave') held.delete(line.process);
          else if (line.op === 'join') held.set(line.process, undefined);
          else if (held.has(line.process)) held.set(line.process, line); // one that leaves gives up its queues afterwards
          if (line.op !== 'assign') changed = line.time;
          // the state until the next line counts when some of it lies in settled time
          const until = lines[i + 1]?.time ?? end;
          if (held.size === 0 || until <= changed + settleMs) continue;
          judged++;
          anomalies.push(...wrongWith(group, held, queues, Math.round(Math.max(line.time, changed + settleMs) - changed)));
        }
      }
      return resultOf('rebalance', judged, unique(anomalies), { settledStates: judged });
    },
  };
}

function wrongWith(group: string, held: ReadonlyMap<string, HistoryLine | undefined>, queues: number, settledMs: number): Anomaly[] {
  const out: Anomaly[] = [];
  const owners = new Map<number, HistoryLine[]>();
  for (const line of held.values()) for (const queue of line?.queues ?? []) owners.set(queue, [...(owners.get(queue) ?? []), ...(line === undefined ? [] : [line])]);
  const assigns = [...held.values()].filter((line) => line !== undefined);
  for (const [queue, list] of owners) if (list.length > 1) out.push({ name: 'held-twice', sentence: `Queue ${queue} is held by ${list.map((line) => line.process).join(' and ')} of group ${group} ${settledMs} ms after its members last changed.`, excerpt: list });
  for (let queue = 0; queue < queues; queue++) if (!owners.has(queue)) out.push({ name: 'held-by-nobody', sentence: `Queue ${queue} is held by nobody of group ${group} ${settledMs} ms after its members last changed.`, excerpt: assigns });
  const shares = [...held.values()].map((line) => line?.queues?.length ?? 0);
  if (queues > 0 && Math.max(...shares) - Math.min(...shares) > 1) out.push({ name: 'uneven', sentence: `Members of group ${group} hold ${shares.join(', ')} queues.`, excerpt: assigns });
  return out;
}

/** The same state may last over several lines. */
function unique(anomalies: readonly Anomaly[]): Anomaly[] {
  const known = new Set<string>();
  return anomalies.filter((one) => {
    const id = `${one.name} ${one.excerpt.map((line) => `${line.process} ${line.id}`).join(' ')} ${one.name === 'held-by-nobody' ? one.sentence : ''}`;
    return known.has(id) ? false : known.add(id);
  });
}
