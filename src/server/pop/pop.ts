/**
 * POP_MESSAGE (`PopMessageProcessor`): a group is given messages of one queue or of all, which stay invisible to it until their time is over or they
 * are acknowledged. What makes that true is a check point in the log before the answer leaves (revive-log.ts); bringing messages back is revive.ts.
 */
import { Refusal } from '../../codec/errors.js';
import type { HeaderOf } from '../../codec/requests.js';
import { responseCodes } from '../../codec/responses.js';
import type { Ctx, Handler, Reply } from '../../remoting/types.js';
import type { GetResult, MessageFilter, QueueRef } from '../../store/types.js';
import { clampInt64, pullBytesMax } from '../broker/pull.js';
import { ownIp } from '../broker/send-checks.js';
import type { GroupConfig, Topic } from '../broker/types.js';
import { formatExtraInfo, InfoList, orderReviveQueue, popRetryTopic, topicKind } from './extra-info.js';
import { queueOffsetOf, recordsOf, underFirstTopic } from './found-records.js';
import { demandBrokerReadable, demandReadable, errorAnswer, orRefusedWith, refusal, settled } from './parts.js';
import type { OrderWake } from './order-wake.js';
import type { PopParts } from './parts.js';
import type { PopFilters } from './pop-filter.js';
import { checkPointMessagesMax } from './revive-records.js';

type Header = HeaderOf<'POP_MESSAGE'>;

const nothingPopped = { popTime: 0, invisibleTime: 0, reviveQid: 0, restNum: 0 };

/** A request that came this much later than its poll would have ended is not worth serving (`PopMessageRequestHeader#isTimeoutTooMuch`, ms). */
const lateMs = 500;

/** In how many of 100 pops of a PRIORITY topic its order holds for a group (`SubscriptionGroupConfig#getPriorityFactor`). */
function priorityFactor(group: GroupConfig | undefined): number {
  return Number(group?.attributes['priority.factor'] ?? 100);
}

/** One request at work; made anew when it is woken. */
interface Run {
  readonly call: Ctx;
  readonly header: Header;
  readonly order: boolean;
  readonly invisibleTime: number;
  readonly filter: MessageFilter | undefined;
  readonly popTime: number;
  readonly reviveQid: number;
  /** What was read of each queue, in order. */
  readonly taken: Taken[];
  readonly orderCounts: InfoList;
  count: number;
  /** Messages left in the queues that were looked at; what keeps a queue that is being popped right now is not among `restToWake`. */
  rest: number;
  restToWake: number;
}

/** Messages of one queue. */
interface Taken {
  readonly queue: QueueRef;
  readonly startOffset: number;
  readonly offsets: readonly number[];
  readonly records: readonly Buffer[];
  /** The text of the fault that kept its check point from the log, once that is known. */
  readonly stored: Promise<string | undefined>;
}

export interface Pop {
  readonly handler: Handler<'POP_MESSAGE'>;
}

/** @param ready resolves once the groups' offsets are what they were before a kill */
export function createPop(parts: PopParts, filters: PopFilters, orderWake: OrderWake, ready: Promise<void>): Pop {
  const { ctx } = parts;
  /** Queues that are being popped by somebody now, and whether somebody else passed them by. */
  const locks = new Map<string, { skipped: boolean }>();
  let checkPoints = 0;

  function begin(call: Ctx, header: Header, bornMs: number): Run & { readonly topic: Topic } {
    const nowMs = ctx.clock.nowMs();
    if (nowMs - bornMs - clampInt64(header.pollTime) > lateMs) {
      throw refusal(responseCodes.POLLING_TIMEOUT, `the broker[${ownIp(ctx)}] pop message is timeout too much`);
    }
    demandBrokerReadable(ctx, 'pop');
    if (header.maxMsgNums > checkPointMessagesMax) {
      throw refusal(responseCodes.INVALID_PARAMETER, `the broker[${ownIp(ctx)}] pop message's num is greater than 32`);
    }
    // Check points wait for their time among the timers.
    if (!ctx.config.timerWheelEnable) {
      throw refusal(responseCodes.SYSTEM_ERROR, `the broker[${ownIp(ctx)}] pop message is forbidden because timerWheelEnable is false`);
    }
    const topic = demandReadable(ctx, header, call.connection);
    const order = header.order === true;
    return {
      topic, call, header, order,
      invisibleTime: clampInt64(header.invisibleTime),
      filter: filters(header.topic, header.consumerGroup, header.exp, header.expType),
      popTime: nowMs,
      reviveQid: order ? orderReviveQueue : checkPoints++ % Math.max(1, parts.revive.queues()),
      taken: [],
      orderCounts: new InfoList(),
      count: 0, rest: 0, restToWake: 0,
    };
  }

  /** Reads, and reads once more where the offset was outside the queue. */
  async function read(run: Run, queue: QueueRef, group: string, offset: number): Promise<{ readonly start: number; readonly result: GetResult }> {
    const max = Math.max(1, run.header.maxMsgNums - run.count);
    const got = ctx.store.get(queue, offset, max, pullBytesMax, run.filter);
    const result = got instanceof Promise ? await got : got;
    if (result.status !== 'OFFSET_TOO_SMALL' && result.status !== 'OFFSET_OVERFLOW_BADLY' && result.status !== 'OFFSET_FOUND_NULL') return { start: offset, result };
    ctx.log.warn({ group, topic: queue.topic, queueId: queue.queueId, offset, next: result.nextBeginOffset, status: result.status }, 'a pop offset was corrected');
    ctx.offsets.commit(group, queue.topic, queue.queueId, result.nextBeginOffset, run.call.connection.remoteAddress);
    const start = result.nextBeginOffset;
    const again = ctx.store.get(queue, start, max, pullBytesMax, run.filter);
    return { start, result: again instanceof Promise ? await again : again };
  }

  /** Has the messages wait: a check point, or for an orderly pop the queue's batch. False when the log did not take it. */
  function hide(run: Run, queue: QueueRef, start: number, result: GetResult): boolean {
    const { header, popTime, invisibleTime } = run;
    const group = header.consumerGroup;
    const records = recordsOf(result);
    const offsets = records.map(queueOffsetOf);
    const host = run.call.connection.remoteAddress;
    let stored = Promise.resolve<string | undefined>(undefined);
    if (run.order) {
      parts.orders.update({ attemptId: header.attemptId, topic: queue.topic, group, queueId: queue.queueId, popTime, invisibleTime, offsets }, run.orderCounts);
      ctx.offsets.commit(group, queue.topic, queue.queueId, start, host);
    } else {
      const put = parts.revive.putCheckPoint({
        topic: queue.topic, group, queueId: queue.queueId, startOffset: start, popTime, invisibleTime, brokerName: ctx.config.brokerName, bitMap: 0,
        diffs: offsets.map((offset) => offset - start), rePutTimes: 0, suspend: false,
      }, run.reviveQid);
      if ('fault' in put) {
        ctx.log.warn({ group, topic: queue.topic, queueId: queue.queueId, fault: put.fault }, 'a check point could not be stored: nothing is popped');
        return false;
      }
      const next = result.nextBeginOffset;
      const ahead = parts.offsets.advance(queue, group, next);
      stored = settled(parts, put.phyOffset).then((fault) => {
        if (fault === undefined) parts.offsets.stored(queue, group, ahead, next, host);
        else parts.offsets.failed(queue, group, ahead);
        return fault;
      });
    }
    ctx.pulled?.(group, queue.topic, records.length);
    run.count += records.length;
    run.taken.push({ queue, startOffset: start, offsets, records, stored });
    return true;
  }

  async function popLocked(run: Run, queue: QueueRef): Promise<void> {
    const { header } = run;
    const group = header.consumerGroup;
    const from = parts.offsets.begin(queue, group, header.initMode, true);
    let offset = typeof from === 'number' ? from : await from;
    const reset = parts.offsets.takeReset(queue, group);
    if (reset !== undefined) {
      parts.orders.clear(queue.topic, group, queue.queueId);
      offset = reset;
    }
    // What a blocked queue holds does not count: it would wake others for nothing.
    if (run.order && parts.orders.blocked(header.attemptId, queue.topic, group, queue.queueId, run.invisibleTime)) {
      orderWake.whenFree(queue, group);
      return;
    }
    if (run.count >= header.maxMsgNums && run.count > 0) {
      leave(run, queue.maxOffset - offset);
      return;
    }
    const { start, result } = await read(run, queue, group, offset);
    if (result.messageCount > 0) {
      if (!hide(run, queue, start, result)) {
        // Waking somebody would only try the same again.
        run.rest += result.messageCount;
        return;
      }
    } else if (passesBy.has(result.status) && result.nextBeginOffset > -1) {
      if (run.order) ctx.offsets.commit(group, queue.topic, queue.queueId, result.nextBeginOffset, run.call.connection.remoteAddress);
      else parts.offsets.skip(queue, group, result.nextBeginOffset, run.call.connection.remoteAddress);
    }
    leave(run, result.maxOffset - result.nextBeginOffset);
  }

  function leave(run: Run, messages: number): void {
    run.rest += messages;
    run.restToWake += messages;
  }

  async function popQueue(run: Run, queue: QueueRef): Promise<void> {
    const group = run.header.consumerGroup;
    const key = `${queue.topic}@${group}@${queue.queueId}`;
    const held = locks.get(key);
    if (held !== undefined) {
      held.skipped = true;
      if (!run.order) run.rest += queue.maxOffset - parts.offsets.look(queue, group);
      return;
    }
    const lock = { skipped: false };
    locks.set(key, lock);
    try {
      await popLocked(run, queue);
    } catch (error) {
      ctx.log.error({ group, topic: queue.topic, queueId: queue.queueId, error: String(error) }, 'a queue could not be popped');
    } finally {
      locks.delete(key);
      if (lock.skipped) parts.pops.wakeAny(run.header.topic, group, queue.queueId);
    }
  }

  /** All queues of a topic, from a random one on; of a PRIORITY topic, whose `random` is 0, from the highest priority down (`PopMessageProcessor#popMsgFromTopic`). */
  async function popTopic(run: Run, name: string, random: number): Promise<void> {
    const topic = ctx.topics.get(name);
    const queues = topic?.config.readQueueNums ?? 0;
    for (let i = 0; i < queues; i++) {
      const queue = topic?.queues[((ctx.config.priorityOrderAsc ? queues - 1 - i : i) + random) % queues];
      if (queue !== undefined) await popQueue(run, queue);
    }
  }

  /** Which queues are looked at, in Apache's order. */
  async function popAll(run: Run, topic: Topic): Promise<void> {
    const { config } = ctx;
    const { header } = run;
    const drawn = Math.floor(ctx.random() * 100);
    const byPriority = topic.config.attributes['message.type'] === 'PRIORITY' && !run.order && drawn < priorityFactor(ctx.groups.get(header.consumerGroup));
    const retryFirst = drawn < (byPriority ? config.popFromRetryProbabilityForPriority : config.popFromRetryProbability);
    const random = byPriority ? 0 : drawn;
    const v1Too = config.enableRetryTopicV2 && config.retrieveMessageFromPopRetryTopicV1 && drawn % 2 === 0;
    const retry = popRetryTopic(header.topic, header.consumerGroup, config.enableRetryTopicV2 && !v1Too);
    if (retryFirst && !run.order) await popTopic(run, retry, random);
    if (header.queueId < 0) await popTopic(run, topic.name, random);
    else {
      const queue = topic.queues[header.queueId];
      if (queue !== undefined) await popQueue(run, queue);
    }
    if (!retryFirst && run.count < header.maxMsgNums && !run.order) await popTopic(run, retry, random);
  }

  async function answer(run: Run): Promise<Reply<'POP_MESSAGE'> | undefined> {
    const { header, call } = run;
    const startOffsets = new InfoList();
    const msgOffsets = new InfoList();
    const body: Buffer[] = [];
    let faultText: string | undefined;
    for (const taken of run.taken) {
      const fault = await taken.stored;
      if (fault !== undefined) {
        faultText = fault;
        continue;
      }
      const { queue } = taken;
      const kind = topicKind(queue.topic);
      startOffsets.add(kind, queue.queueId, taken.startOffset);
      msgOffsets.add(kind, queue.queueId, taken.offsets.join(','));
      for (const record of taken.records) body.push(kind === '0' || ctx.config.popResponseReturnActualRetryTopic ? record : retried(run, taken, record));
    }
    if (body.length === 0 && faultText !== undefined) return { code: responseCodes.SYSTEM_ERROR, remark: `the check point could not be stored: ${faultText}` };
    return {
      code: responseCodes.SUCCESS,
      remark: body.length > 0 ? 'FOUND' : 'NO_MESSAGE_IN_QUEUE',
      header: {
        popTime: run.popTime, invisibleTime: header.invisibleTime, reviveQid: run.reviveQid, restNum: run.rest,
        startOffsetInfo: startOffsets.text, msgOffsetInfo: msgOffsets.text, ...(run.order ? { orderCountInfo: run.orderCounts.text } : {}),
      },
      body: call.connection.open ? body : undefined,
    };
  }

  function retried(run: Run, taken: Taken, record: Buffer): Buffer {
    const receipt = {
      startOffset: taken.startOffset, popTime: run.popTime, invisibleTime: run.invisibleTime, reviveQid: run.reviveQid, brokerName: ctx.config.brokerName,
    };
    return underFirstTopic(record, run.header.topic, (queueId, queueOffset) => formatExtraInfo(receipt, topicKind(taken.queue.topic), queueId, queueOffset)) ?? record;
  }

  async function runOnce(call: Ctx, header: Header, bornMs: number): Promise<Reply<'POP_MESSAGE'> | undefined> {
    const { topic, ...run } = begin(call, header, bornMs);
    await ready;
    await popAll(run, topic);
    const reply = await answer(run);
    const found = run.taken.length > 0;
    const wakeNext = (): void => {
      if (run.restToWake > 0) parts.pops.wake(header.topic, header.consumerGroup, header.queueId);
    };
    if (found || reply === undefined) {
      wakeNext();
      return reply;
    }
    const pollTimeMs = clampInt64(header.pollTime);
    const outcome = parts.pops.poll({
      connection: call.connection, topic: header.topic, group: header.consumerGroup, queueId: header.queueId < 0 ? -1 : header.queueId,
      expiredMs: bornMs + pollTimeMs,
      filter: run.filter,
      run: () => runAgain(call, header, bornMs),
    }, pollTimeMs);
    if (outcome === 'POLLING_SUC') {
      // It may be itself that is woken, to read on behind what its filter passed by: not before others had their turn.
      if (run.restToWake > 0) ctx.clock.setTimeout(wakeNext, 0);
      return undefined;
    }
    return { ...reply, code: outcome === 'POLLING_FULL' ? responseCodes.POLLING_FULL : responseCodes.POLLING_TIMEOUT, body: undefined };
  }

  function runAgain(call: Ctx, header: Header, bornMs: number): void {
    runOnce(call, header, bornMs).then(
      (reply) => {
        if (reply !== undefined) call.reply(reply);
      },
      (error: unknown) => {
        if (!(error instanceof Refusal)) ctx.log.error({ topic: header.topic, group: header.consumerGroup, error: String(error) }, 'a waiting pop failed');
        call.reply(errorAnswer(error, nothingPopped));
      },
    );
  }

  return {
    handler: orRefusedWith(nothingPopped, (call, header) => runOnce(call, header, header.bornTime === 0n ? ctx.clock.nowMs() : clampInt64(header.bornTime))),
  };
}

/** Outcomes that move a group on although it was given nothing. */
const passesBy: ReadonlySet<string> = new Set(['NO_MATCHED_MESSAGE', 'OFFSET_FOUND_NULL', 'MESSAGE_WAS_REMOVING', 'NO_MATCHED_LOGIC_QUEUE']);
