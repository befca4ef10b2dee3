/**
 * Pull requests that found nothing and wait for a message (`PullRequestHoldService`): held per queue, woken by arrivals that match, looked
 * at again now and then, and answered when their time is up. What a woken request does is pull.ts; this file only decides when.
 */
import { isLightQueue } from '../../compat/light-queues.js';
import type { Connection, TimerHandle } from '../../remoting/types.js';
import type { GetResult, MessageFilter, QueueRef } from '../../store/types.js';
import type { BrokerContext } from './types.js';

/** A request that waits. */
export interface HeldPull {
  readonly connection: Connection;
  readonly queue: QueueRef;
  /** The offset it asked for: an arrival below it is none of its business. */
  readonly queueOffset: number;
  readonly filter: MessageFilter | undefined;
  /** Milliseconds of the broker's clock at which it is answered whatever happened. */
  readonly deadlineMs: number;
  /** Characters of the texts its request brought, which stay in memory with it. */
  readonly textChars: number;
  /** Runs the request once more; it is not held again. */
  readonly run: () => void;
}

/** How often a held request is run although no arrival woke it (`PullRequestHoldService#run`, 5 s). */
export const recheckPeriodMs = 5000;

/** How often deadlines are looked at. Apache does so in the 5 s round only, so its clients allow for more. */
export const sweepPeriodMs = 250;

/** How often at most the log tells that no more requests can be held. */
const fullWarnPeriodMs = 60_000;

/** The requests held on one queue. */
class QueueHolds {
  readonly queue: QueueRef;
  pulls: HeldPull[] = [];

  constructor(queue: QueueRef) {
    this.queue = queue;
  }
}

export interface Hold {
  /** Keeps the request; runs it at once when the queue has moved past its offset meanwhile, or when as many are held as may be. */
  suspend(pull: HeldPull): void;
  /** Requests held now. */
  readonly count: number;
  /** Requests since the start that were run at once because there was no room for them. */
  readonly turnedAway: number;
  stop(): void;
}

/**
 * Creates the place where pulls wait, listening to the store's arrivals. It keeps no timer while nothing is held. At most
 * `limits.heldPullsMax` with `limits.heldTextCharsMax` of texts wait at once: one more is run at once, as if its time were over, so that memory stays bounded and its client gets an answer it knows.
 */
export function createHold(ctx: BrokerContext): Hold {
  const { heldPullsMax, heldTextCharsMax } = ctx.limits;
  const active = new Set<QueueHolds>();
  let count = 0;
  let textChars = 0;
  let turnedAway = 0;
  let warnAtMs = 0;
  let sweeper: TimerHandle | undefined;
  let recheckAtMs = 0;
  let stopped = false;

  function holdsOf(queue: QueueRef): QueueHolds {
    if (queue.attachment instanceof QueueHolds) return queue.attachment;
    const holds = new QueueHolds(queue);
    queue.attachment = holds;
    return holds;
  }

  function run(pull: HeldPull): void {
    if (!pull.connection.open) return;
    try {
      pull.run();
    } catch (error) {
      ctx.log.error({ topic: pull.queue.topic, queueId: pull.queue.queueId, error: String(error) }, 'a held pull could not be run');
    }
  }

  /** Takes out what `due` picks, then runs it: running may hold others on the same queue. */
  function wake(holds: QueueHolds, due: (pull: HeldPull) => boolean): void {
    const woken: HeldPull[] = [];
    const kept: HeldPull[] = [];
    for (const pull of holds.pulls) {
      if (pull.connection.open && !due(pull)) {
        kept.push(pull);
        continue;
      }
      count--;
      textChars -= pull.textChars;
      if (pull.connection.open) woken.push(pull);
    }
    if (kept.length === holds.pulls.length) return;
    holds.pulls = kept;
    if (kept.length === 0) {
      active.delete(holds);
      // A light queue that nobody waits at may be forgotten.
      if (isLightQueue(holds.queue.topic)) holds.queue.attachment = undefined;
    }
    for (const pull of woken) run(pull);
  }

  function recheckPeriod(): number {
    return ctx.config.longPollingEnable ? recheckPeriodMs : ctx.config.shortPollingTimeMills;
  }

  function sweep(): void {
    const nowMs = ctx.clock.nowMs();
    const recheck = nowMs >= recheckAtMs;
    if (recheck) recheckAtMs = nowMs + recheckPeriod();
    for (const holds of active) {
      const maxOffset = holds.queue.maxOffset;
      // In the round the filter is not asked: what did not match is passed over by the answer's nextBeginOffset.
      wake(holds, (pull) => nowMs >= pull.deadlineMs || (recheck && maxOffset > pull.queueOffset));
    }
    if (active.size === 0) {
      sweeper?.clear();
      sweeper = undefined;
    }
  }

  /** Whether any message of [from, to) passes the filter. What memory cannot answer at once counts as a match. */
  function matches(queue: QueueRef, fromOffset: number, toOffset: number, filter: MessageFilter): boolean {
    let next = fromOffset;
    while (next < toOffset) {
      const result: GetResult | Promise<GetResult> = ctx.store.get(queue, next, 1, 1, filter);
      if (result instanceof Promise) {
        result.catch(() => undefined);
        return true;
      }
      // One look reads a bounded number of entries.
      if (result.status !== 'NO_MATCHED_MESSAGE' || result.nextBeginOffset <= next) return result.status === 'FOUND';
      next = result.nextBeginOffset;
    }
    return false;
  }

  function arrived(queue: QueueRef, fromOffset: number, toOffset: number): void {
    const holds = queue.attachment;
    if (!(holds instanceof QueueHolds) || holds.pulls.length === 0) return;
    const known = new Map<MessageFilter, boolean>();
    wake(holds, (pull) => {
      if (toOffset <= pull.queueOffset) return false;
      const filter = pull.filter;
      if (filter === undefined) return true;
      let match = known.get(filter);
      if (match === undefined) {
        match = matches(queue, fromOffset, toOffset, filter);
        known.set(filter, match);
      }
      return match;
    });
  }

  function turnAway(pull: HeldPull): void {
    turnedAway++;
    const nowMs = ctx.clock.nowMs();
    if (nowMs >= warnAtMs) {
      warnAtMs = nowMs + fullWarnPeriodMs;
      ctx.log.warn({ held: count, limit: heldPullsMax, textChars, textLimit: heldTextCharsMax, turnedAway }, 'too many pulls wait for messages, further ones are answered at once');
    }
    run(pull);
  }

  ctx.store.onArrival(arrived);

  return {
    suspend(pull) {
      if (stopped) return;
      if (pull.queue.maxOffset > pull.queueOffset) {
        run(pull);
        return;
      }
      if (count >= heldPullsMax || textChars + pull.textChars > heldTextCharsMax) {
        turnAway(pull);
        return;
      }
      const holds = holdsOf(pull.queue);
      holds.pulls.push(pull);
      active.add(holds);
      count++;
      textChars += pull.textChars;
      if (sweeper === undefined) {
        recheckAtMs = ctx.clock.nowMs() + recheckPeriod();
        sweeper = ctx.clock.setInterval(sweep, sweepPeriodMs);
      }
    },
    get count() {
      return count;
    },
    get turnedAway() {
      return turnedAway;
    },
    stop() {
      stopped = true;
      sweeper?.clear();
      sweeper = undefined;
      for (const holds of active) holds.pulls = [];
      active.clear();
      count = 0;
      textChars = 0;
    },
  };
}
