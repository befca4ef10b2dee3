/**
 * Looking without taking: PEEK_MESSAGE, NOTIFICATION (is there something to pop, or tell me when) and POLLING_INFO (`PeekMessageProcessor`,
 * `NotificationProcessor`, `PollingInfoProcessor`).
 */
import type { HeaderOf } from '../../codec/requests.js';
import { responseCodes } from '../../codec/responses.js';
import type { Ctx, Handler, Reply } from '../../remoting/types.js';
import type { MessageFilter, QueueRef } from '../../store/types.js';
import { noRemark } from '../broker/admin.js';
import { clampInt64, pullBytesMax } from '../broker/pull.js';
import { popRetryTopic } from './extra-info.js';
import type { OrderWake } from './order-wake.js';
import { demandBrokerReadable, demandReadable, errorAnswer, orRefusedWith } from './parts.js';
import type { PopParts } from './parts.js';
import type { PopFilters } from './pop-filter.js';

/** Messages a NOTIFICATION looks at one by one (`maxMessageFilterNumForNotification`): of more it says that there is something. */
const filteredMax = 64;

type Notification = HeaderOf<'NOTIFICATION'>;

const notified = { hasMsg: false, pollingFull: false };

export interface Looking {
  readonly handlers: {
    readonly PEEK_MESSAGE: Handler<'PEEK_MESSAGE'>;
    readonly NOTIFICATION: Handler<'NOTIFICATION'>;
    readonly POLLING_INFO: Handler<'POLLING_INFO'>;
  };
}

export function createLooking(parts: PopParts, filters: PopFilters, wake: OrderWake): Looking {
  const { ctx } = parts;

  /** The queues of a topic, beginning with one by chance. */
  function queuesOf(name: string, random: number): readonly QueueRef[] {
    const topic = ctx.topics.get(name);
    const count = topic?.config.readQueueNums ?? 0;
    return Array.from({ length: count }, (_, i) => topic?.queues[(random + i) % count]).filter((queue) => queue !== undefined);
  }

  async function peekQueue(header: HeaderOf<'PEEK_MESSAGE'>, queue: QueueRef, seen: { count: number; rest: number; slices: Buffer[] }): Promise<void> {
    const offset = parts.offsets.look(queue, header.consumerGroup);
    seen.rest += queue.maxOffset - offset;
    if (seen.count >= header.maxMsgNums && seen.count > 0) return;
    const max = Math.max(1, header.maxMsgNums - seen.count);
    let result = await ctx.store.get(queue, offset, max, pullBytesMax, undefined);
    if (result.status === 'OFFSET_TOO_SMALL' || result.status === 'OFFSET_OVERFLOW_BADLY') {
      result = await ctx.store.get(queue, result.nextBeginOffset, max, pullBytesMax, undefined);
    }
    seen.count += result.messageCount;
    seen.slices.push(...result.slices);
  }

  async function hasMessage(header: Notification, filter: MessageFilter | undefined, queue: QueueRef): Promise<boolean> {
    const group = header.consumerGroup;
    if (header.order === true && parts.orders.blocked(header.attemptId, header.topic, group, queue.queueId, 0)) {
      wake.whenFree(queue, group);
      return false;
    }
    const offset = parts.offsets.look(queue, group);
    const rest = queue.maxOffset - offset;
    if (rest <= 0) return false;
    if (filter === undefined || rest > filteredMax) return true;
    return (await ctx.store.get(queue, offset, 1, 1, filter)).status === 'FOUND';
  }

  async function hasAny(header: Notification, filter: MessageFilter | undefined, queues: readonly QueueRef[]): Promise<boolean> {
    for (const queue of queues) if (await hasMessage(header, filter, queue)) return true;
    return false;
  }

  async function notify(call: Ctx, header: Notification, bornMs: number): Promise<Reply<'NOTIFICATION'> | undefined> {
    demandBrokerReadable(ctx, 'peeking');
    const topic = demandReadable(ctx, header, call.connection);
    const { config } = ctx;
    const filter = filters(header.topic, header.consumerGroup, header.exp, header.expType);
    const random = Math.floor(ctx.random() * 100);
    const retries = [popRetryTopic(header.topic, header.consumerGroup, config.enableRetryTopicV2)];
    if (config.enableRetryTopicV2 && config.retrieveMessageFromPopRetryTopicV1) retries.push(popRetryTopic(header.topic, header.consumerGroup, false));
    const own = header.queueId < 0 ? queuesOf(topic.name, random) : queuesOf(topic.name, 0).filter((queue) => queue.queueId === header.queueId);
    const all = [...retries.flatMap((name) => queuesOf(name, random)), ...own];
    const hasMsg = await hasAny(header, filter, all);
    if (hasMsg) return { code: responseCodes.SUCCESS, remark: noRemark, header: { hasMsg, pollingFull: false } };
    const pollTimeMs = clampInt64(header.pollTime);
    const outcome = parts.notifications.poll({
      connection: call.connection, topic: header.topic, group: header.consumerGroup, queueId: header.queueId < 0 ? -1 : header.queueId,
      expiredMs: bornMs + pollTimeMs, filter,
      run: () => {
        notify(call, header, bornMs).then(
          (reply) => {
            if (reply !== undefined) call.reply(reply);
          },
          (error: unknown) => call.reply(errorAnswer(error, notified)),
        );
      },
    }, pollTimeMs);
    if (outcome === 'POLLING_SUC') return undefined;
    return { code: responseCodes.SUCCESS, remark: noRemark, header: { hasMsg: false, pollingFull: outcome === 'POLLING_FULL' } };
  }

  return {
    handlers: {
      PEEK_MESSAGE: orRefusedWith({ popTime: 0, invisibleTime: 0, reviveQid: 0, restNum: 0 }, async (call, header) => {
        demandBrokerReadable(ctx, 'peeking');
        const topic = demandReadable(ctx, header, call.connection);
        const random = Math.floor(ctx.random() * 100);
        const retries = queuesOf(popRetryTopic(header.topic, header.consumerGroup, ctx.config.enableRetryTopicV2), random);
        const own = header.queueId < 0 ? queuesOf(topic.name, random) : queuesOf(topic.name, 0).filter((queue) => queue.queueId === header.queueId);
        const seen = { count: 0, rest: 0, slices: [] as Buffer[] };
        const retryFirst = random % 5 === 0;
        for (const queue of retryFirst ? [...retries, ...own] : own) await peekQueue(header, queue, seen);
        if (!retryFirst && seen.count < header.maxMsgNums) for (const queue of retries) await peekQueue(header, queue, seen);
        const found = seen.count > 0;
        if (found) ctx.pulled?.(header.consumerGroup, header.topic, seen.count);
        return {
          code: found ? responseCodes.SUCCESS : responseCodes.PULL_NOT_FOUND,
          remark: found ? 'FOUND' : 'NO_MESSAGE_IN_QUEUE',
          header: { popTime: 0, invisibleTime: 0, reviveQid: 0, restNum: seen.rest },
          body: seen.slices,
        };
      }),

      NOTIFICATION: orRefusedWith(notified, (call, header) => notify(call, header, header.bornTime === 0n ? ctx.clock.nowMs() : clampInt64(header.bornTime))),

      POLLING_INFO: orRefusedWith({ pollingNum: 0 }, (call, header) => {
        demandBrokerReadable(ctx, 'peeking');
        demandReadable(ctx, header, call.connection);
        return { code: responseCodes.SUCCESS, remark: noRemark, header: { pollingNum: parts.pops.waiting(header.topic, header.consumerGroup, header.queueId) } };
      }),
    },
  };
}
