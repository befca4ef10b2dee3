/** One timeline of a message out of the trace records that its producers and consumers wrote, each in its own time and in any order. */
import type { TraceRecord } from '../../codec/trace-records.js';

/** A trace record with where it came from: the born host of the message that brought it, for clients that do not name theirs. */
export interface TracedRecord {
  readonly record: TraceRecord;
  readonly bornHost: string;
}

export type EventKind = 'sent' | 'committed' | 'rolled back' | 'undecided' | 'consumed' | 'consuming' | 'recalled';

export interface TimelineEvent {
  /** When it began; undefined when no record says. */
  readonly atMs: number | undefined;
  readonly kind: EventKind;
  readonly group: string | undefined;
  readonly clientHost: string;
  readonly costMs: number | undefined;
  readonly ok: boolean | undefined;
  /** `SUCCESS`, `FAILED`, ... of a consumption, `COMMIT_MESSAGE`, ... of a transaction. */
  readonly outcome: string | undefined;
  /** 1 for the first delivery. */
  readonly attempt: number | undefined;
  readonly fromCheck: boolean | undefined;
}

export interface Timeline {
  readonly msgId: string;
  readonly topic: string | undefined;
  readonly tags: string | undefined;
  readonly keys: string | undefined;
  readonly storeHost: string | undefined;
  readonly offsetMsgId: string | undefined;
  readonly messageType: string | undefined;
  readonly bodyBytes: number | undefined;
  readonly transactionId: string | undefined;
  readonly events: readonly TimelineEvent[];
}

const transactionKinds: Readonly<Record<string, EventKind>> = { COMMIT_MESSAGE: 'committed', ROLLBACK_MESSAGE: 'rolled back' };

const hostOf = ({ record, bornHost }: TracedRecord): string => record.clientHost ?? bornHost.replace(/:\d+$/, '');

/** A consumption is begun in one record and ended in another; either may be missing. The request id belongs to both. */
function consumption(before: TracedRecord | undefined, after: TracedRecord | undefined): TimelineEvent {
  const [start, end] = [before?.record, after?.record];
  const either = before ?? after;
  const endedMs = end?.timeMs;
  return {
    atMs: start?.timeMs ?? (endedMs === undefined ? undefined : endedMs - (end?.costMs ?? 0)),
    kind: end === undefined ? 'consuming' : 'consumed',
    group: start?.group ?? end?.group,
    clientHost: either === undefined ? '' : hostOf(either),
    costMs: end?.costMs,
    ok: end?.success,
    outcome: end?.returned,
    attempt: start?.retryTimes === undefined ? undefined : start.retryTimes + 1,
    fromCheck: undefined,
  };
}

function single(traced: TracedRecord): TimelineEvent {
  const { record } = traced;
  const { timeMs: atMs, group, costMs, success, transactionState: outcome, fromCheck } = record;
  const kind = record.kind === 'Pub' ? 'sent' : record.kind === 'Recall' ? 'recalled' : (transactionKinds[outcome ?? ''] ?? 'undecided');
  return { atMs, kind, group, clientHost: hostOf(traced), costMs, ok: success, outcome, attempt: undefined, fromCheck };
}

/**
 * Where an event stands; what has no time stands at the end. Java notes when a send began, Go when it was answered (`newTraceInterceptor`), which may be after
 * the message was consumed: a send stands where it began if its time is that of the answer.
 */
function placeOf({ kind, atMs = Infinity, costMs = 0 }: TimelineEvent): number {
  return kind === 'sent' ? atMs - costMs : atMs;
}

/** The timeline of `msgId`; undefined when none of the records speaks of it. */
export function timelineOf(msgId: string, traced: readonly TracedRecord[]): Timeline | undefined {
  const mine = traced.filter(({ record }) => record.msgId === msgId || record.offsetMsgId === msgId);
  if (mine.length === 0) return undefined;
  const events: TimelineEvent[] = [];
  const starts = new Map<string, TracedRecord>();
  const ends = new Map<string, TracedRecord>();
  for (const one of mine) {
    const { kind, requestId } = one.record;
    if (kind === 'SubBefore' || kind === 'SubAfter') (kind === 'SubBefore' ? starts : ends).set(requestId ?? '', one);
    else events.push(single(one));
  }
  for (const requestId of new Set([...starts.keys(), ...ends.keys()])) events.push(consumption(starts.get(requestId), ends.get(requestId)));
  events.sort((a, b) => placeOf(a) - placeOf(b) || 0);
  const known = <K extends keyof TraceRecord>(name: K): TraceRecord[K] | undefined => mine.find(({ record }) => record[name] !== undefined)?.record[name];
  return {
    msgId: mine[0]?.record.msgId ?? msgId, topic: known('topic'), tags: known('tags'), keys: known('keys'), storeHost: known('storeHost'), offsetMsgId: known('offsetMsgId'),
    messageType: known('messageType'), bodyBytes: known('bodyBytes'), transactionId: known('transactionId'), events,
  };
}
