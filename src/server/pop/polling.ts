/**
 * POP and NOTIFICATION requests that found nothing and wait (`PopLongPollingService`): by topic, group and queue, -1 for any queue. An arrival wakes
 * requests whose filter it passes; a woken one runs again and may wait again until its own time is up. What running means is the handlers' business.
 */
import type { Connection, TimerHandle } from '../../remoting/types.js';
import type { GetResult, MessageFilter, QueueRef } from '../../store/types.js';
import type { BrokerContext } from '../broker/types.js';
import { partsOfRetryTopicV2 } from './extra-info.js';

/** A request is answered this long before its time is up (`PopRequest#isTimeout`, ms). */
const answerEarlyMs = 50;

/** How often times are looked at, in milliseconds; Apache does so every 20. */
export const sweepPeriodMs = 50;

export interface PollRequest {
  readonly connection: Connection;
  readonly topic: string;
  readonly group: string;
  /** -1: any queue. */
  readonly queueId: number;
  /** Milliseconds of the broker's clock; bornTime + pollTime. */
  readonly expiredMs: number;
  readonly filter: MessageFilter | undefined;
  /** Runs the request once more. */
  readonly run: () => void;
}

export type PollOutcome = 'POLLING_SUC' | 'POLLING_FULL' | 'POLLING_TIMEOUT' | 'NOT_POLLING';

/** Requests of one topic, group and queue, the one that expires first first. */
interface Waiting {
  readonly topic: string;
  readonly group: string;
  requests: PollRequest[];
}

export interface PopPolling {
  poll(request: PollRequest, pollTimeMs: number): PollOutcome;
  /** Requests that wait for this topic, group and queue id (-1 is one of its own). */
  waiting(topic: string, group: string, queueId: number): number;
  /** Wakes one request of the group that waits for this queue id, whatever its filter. False when none waits. */
  wake(topic: string, group: string, queueId: number): boolean;
  /** Wakes what waits for any queue, or else for this one. */
  wakeAny(topic: string, group: string, queueId: number): void;
  readonly count: number;
  stop(): void;
}

/** @param notifyLast the request that expires last is woken first, as NOTIFICATION does */
export function createPolling(ctx: BrokerContext, notifyLast: boolean): PopPolling {
  const table = new Map<string, Waiting>();
  /** topic -> group -> how many of its keys are in the table. */
  const groups = new Map<string, Map<string, number>>();
  let count = 0;
  let sweeper: TimerHandle | undefined;
  let stopped = false;

  const keyOf = (topic: string, group: string, queueId: number): string => `${topic}@${group}@${queueId}`;

  function run(request: PollRequest): void {
    if (!request.connection.open) return;
    try {
      request.run();
    } catch (error) {
      ctx.log.error({ topic: request.topic, group: request.group, error: String(error) }, 'a waiting pop could not be run');
    }
  }

  /** Takes out at most `max` requests that `fits` picks, in the order of waking, and those whose connection is gone. */
  function take(waiting: Waiting, max: number, fits: (request: PollRequest) => boolean): PollRequest[] {
    const taken: PollRequest[] = [];
    const order = notifyLast ? [...waiting.requests].reverse() : waiting.requests;
    const gone = new Set<PollRequest>();
    for (const request of order) {
      if (taken.length >= max) break;
      if (!request.connection.open) gone.add(request);
      else if (fits(request)) taken.push(request);
    }
    for (const request of taken) gone.add(request);
    if (gone.size > 0) {
      waiting.requests = waiting.requests.filter((request) => !gone.has(request));
      count -= gone.size;
    }
    return taken;
  }

  function tidy(key: string, waiting: Waiting): void {
    if (waiting.requests.length > 0 || table.get(key) !== waiting) return;
    table.delete(key);
    const keys = groups.get(waiting.topic);
    if (keys === undefined) return;
    const left = (keys.get(waiting.group) ?? 1) - 1;
    if (left > 0) keys.set(waiting.group, left);
    else keys.delete(waiting.group);
    if (keys.size === 0) groups.delete(waiting.topic);
  }

  function sweep(): void {
    const nowMs = ctx.clock.nowMs();
    for (const [key, waiting] of table) {
      const first = waiting.requests[0];
      if (first !== undefined && nowMs <= first.expiredMs - answerEarlyMs) continue;
      const due = take(waiting, Number.MAX_SAFE_INTEGER, (request) => nowMs > request.expiredMs - answerEarlyMs);
      tidy(key, waiting);
      for (const request of due) run(request);
    }
    if (count === 0) {
      sweeper?.clear();
      sweeper = undefined;
    }
  }

  /** Whether any message of [from, to) passes the filter. What memory cannot answer at once counts as a match. */
  function matches(queue: QueueRef, fromOffset: number, toOffset: number, filter: MessageFilter): boolean {
    for (let next = fromOffset; next < toOffset;) {
      const result: GetResult | Promise<GetResult> = ctx.store.get(queue, next, 1, 1, filter);
      if (result instanceof Promise) {
        result.catch(() => undefined);
        return true;
      }
      if (result.status !== 'NO_MATCHED_MESSAGE' || result.nextBeginOffset <= next) return result.status === 'FOUND';
      next = result.nextBeginOffset;
    }
    return false;
  }

  ctx.store.onArrival((queue, fromOffset, toOffset) => {
    if (count === 0) return;
    const retry = partsOfRetryTopicV2(queue.topic);
    const topic = retry?.topic ?? queue.topic;
    const waitingGroups = groups.get(topic);
    if (waitingGroups === undefined) return;
    const known = new Map<MessageFilter, boolean>();
    const fits = (request: PollRequest): boolean => {
      if (request.filter === undefined || retry !== undefined) return true;
      let match = known.get(request.filter);
      if (match === undefined) known.set(request.filter, (match = matches(queue, fromOffset, toOffset, request.filter)));
      return match;
    };
    const woken: PollRequest[] = [];
    for (const group of [...waitingGroups.keys()]) {
      if (retry !== undefined && retry.group !== group) continue;
      for (const queueId of [-1, queue.queueId]) {
        const key = keyOf(topic, group, queueId);
        const waiting = table.get(key);
        if (waiting === undefined) continue;
        woken.push(...take(waiting, toOffset - fromOffset, fits));
        tidy(key, waiting);
      }
    }
    for (const request of woken) run(request);
  });

  function wake(topic: string, group: string, queueId: number): boolean {
    const key = keyOf(topic, group, queueId);
    const waiting = table.get(key);
    if (waiting === undefined) return false;
    const [request] = take(waiting, 1, () => true);
    tidy(key, waiting);
    if (request === undefined) return false;
    run(request);
    return true;
  }

  return {
    poll(request, pollTimeMs) {
      if (pollTimeMs <= 0 || stopped) return 'NOT_POLLING';
      if (count >= ctx.config.maxPopPollingSize) return 'POLLING_FULL';
      if (ctx.clock.nowMs() > request.expiredMs - answerEarlyMs) return 'POLLING_TIMEOUT';
      const key = keyOf(request.topic, request.group, request.queueId);
      let waiting = table.get(key);
      if (waiting !== undefined && waiting.requests.length > ctx.config.popPollingSize) return 'POLLING_FULL';
      if (waiting === undefined) {
        if (table.size >= ctx.config.popPollingMapSize) return 'POLLING_FULL';
        table.set(key, (waiting = { topic: request.topic, group: request.group, requests: [] }));
        let keys = groups.get(request.topic);
        if (keys === undefined) groups.set(request.topic, (keys = new Map<string, number>()));
        keys.set(request.group, (keys.get(request.group) ?? 0) + 1);
      }
      let at = waiting.requests.length;
      while (at > 0 && (waiting.requests[at - 1]?.expiredMs ?? 0) > request.expiredMs) at--;
      waiting.requests.splice(at, 0, request);
      count++;
      sweeper ??= ctx.clock.setInterval(sweep, sweepPeriodMs);
      return 'POLLING_SUC';
    },
    waiting: (topic, group, queueId) => table.get(keyOf(topic, group, queueId))?.requests.length ?? 0,
    wake,
    wakeAny(topic, group, queueId) {
      if (!wake(topic, group, -1)) wake(topic, group, queueId);
    },
    get count() {
      return count;
    },
    stop() {
      stopped = true;
      sweeper?.clear();
      sweeper = undefined;
      const left = [...table.values()].flatMap((waiting) => waiting.requests);
      table.clear();
      groups.clear();
      count = 0;
      // Each finds that nobody waits any more and is answered (`PopLongPollingService#run` at its end).
      for (const request of left) run(request);
    },
  };
}
