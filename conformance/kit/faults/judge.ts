/**
 * What a history under faults must hold: the checkers of workloads, and the bounds that retries leave for duplicates. Pure.
 */
import { duplicates } from '../workload/checkers/duplicates.js';
import { groupBy, runCheckers, type Anomaly } from '../workload/checkers/checker.js';
import { lost } from '../workload/checkers/lost.js';
import { nowhere } from '../workload/checkers/nowhere.js';
import { offsets } from '../workload/checkers/offsets.js';
import { places } from '../workload/checkers/places.js';
import { queueOrder } from '../workload/checkers/queue-order.js';
import { History, linesOf, placeOf, type HistoryLine } from '../workload/history.js';
import { pullMax } from './pulling.js';

export interface Evidence {
  readonly lines: readonly HistoryLine[];
  /** How often each message was sent. */
  readonly attempts: ReadonlyMap<string, number>;
  /** How often a consumer began anew from its committed offset; undefined: it does not tell, nor what it commits. */
  readonly resumes: number | undefined;
  /** Whether clients tell queues and offsets; without, neither is judged. */
  readonly tellsPlaces: boolean;
  /** Whether the process ended without warning: offsets committed in its last seconds need not be on the disk. */
  readonly crashed: boolean;
}

export interface Judgement {
  readonly anomalies: readonly Anomaly[];
  /** Checkers that could not judge, each with its reason; a run that has one has proven nothing. */
  readonly unknown: readonly string[];
  readonly figures: { readonly acknowledged: number; readonly received: number; readonly copies: number; readonly duplicates: number; readonly duplicatesMax: number };
}

/** Judges a finished run. */
export function judge(evidence: Evidence): Judgement {
  const history = new History(evidence.lines);
  const stored = copies(history, evidence.attempts);
  const duplicatesMax = evidence.crashed || evidence.resumes === undefined ? Infinity : evidence.resumes * pullMax + stored.count;
  const results = runCheckers([lost(), nowhere(), ...(evidence.tellsPlaces ? [queueOrder(), places()] : []), duplicates(duplicatesMax), ...(duplicatesMax === Infinity ? [] : [offsets()])], history);
  // a message sent again because its answer was lost may be stored once for each time: `copies` counts those
  const anomalies = results.flatMap((one) => one.anomalies).filter((one) => one.name !== 'stored-twice' && !(one.name === 'forgotten' && isLateCommit(history, one)));
  return {
    anomalies: [...anomalies, ...stored.anomalies],
    unknown: results.flatMap((one) => (one.verdict === 'unknown' ? [`${one.checker}: ${one.reason ?? 'no reason'}`] : [])),
    figures: {
      acknowledged: history.of('send').filter((one) => one.outcome === 'ok').length, received: history.of('receive').length,
      copies: stored.count, duplicates: results.find((one) => one.checker === 'duplicates')?.figures['duplicates'] ?? 0, duplicatesMax,
    },
  };
}

/** Further copies of messages in their queues, and those that are more than the producer made. */
function copies(history: History, attempts: ReadonlyMap<string, number>): { readonly count: number; readonly anomalies: Anomaly[] } {
  let count = 0;
  const anomalies: Anomaly[] = [];
  for (const [key, list] of groupBy(history.of('read'), (one) => one.value.key)) {
    count += list.length - 1;
    const sent = attempts.get(key) ?? 0;
    if (list.length > Math.max(1, sent)) {
      anomalies.push({ name: 'more-copies-than-sends', sentence: `${key} was sent ${sent} times and is at ${list.map((one) => placeOf(one.value)).join(' and ')}.`, excerpt: linesOf(...list) });
    }
  }
  return { count, anomalies };
}

/** A commit whose answer was lost may have arrived after later ones; the endpoint is not to blame for the offset it then has. */
function isLateCommit(history: History, anomaly: Anomaly): boolean {
  const asked = anomaly.excerpt.find((line) => line.op === 'offset' && line.type === 'ok');
  return history.of('commit').some((one) => one.outcome === 'info' && asked !== undefined && one.value.queueId === queueIdOf(history, asked) && one.value.queueOffset === asked.queueOffset);
}

function queueIdOf(history: History, line: HistoryLine): number | undefined {
  return history.of('offset').find((one) => one.done === line)?.value.queueId;
}
