/** ACK_MESSAGE and CHANGE_MESSAGE_INVISIBLETIME with a liteTopic (`AckMessageProcessor#ackLite`, `ChangeInvisibleTimeProcessor#processChangeInvisibleTimeForLite`). */
import type { HeaderOf } from '../../codec/requests.js';
import { responseCodes } from '../../codec/responses.js';
import { lightQueueId, liteQueueName } from '../../compat/light-queues.js';
import type { Reply } from '../../remoting/types.js';
import { clampInt64 } from '../broker/pull.js';
import { isBlank } from '../broker/topic-names.js';
import { orderReviveQueue, readReceipt } from '../pop/extra-info.js';
import type { LiteParts } from './create.js';
import { bindTopicOf } from './metadata.js';

export interface LiteAcking {
  /** Undefined when the request names no lite topic. */
  ack(header: HeaderOf<'ACK_MESSAGE'>): Reply<'ACK_MESSAGE'> | undefined;
  change(header: HeaderOf<'CHANGE_MESSAGE_INVISIBLETIME'>): Reply<'CHANGE_MESSAGE_INVISIBLETIME'> | undefined;
}

export function createLiteAcking(parts: LiteParts): LiteAcking {
  const { ctx, orders, events, queues } = parts;

  return {
    ack(header) {
      const { topic, consumerGroup: group, liteTopic } = header;
      if (liteTopic === undefined || isBlank(liteTopic)) return undefined;
      if (bindTopicOf(ctx.groups.find(group)) !== topic) return { code: responseCodes.INVALID_PARAMETER, remark: 'group type or bind topic not match.' };
      const name = liteQueueName(topic, liteTopic) ?? '';
      const offset = clampInt64(header.offset);
      if (offset > queues.maxOffset(name)) return { code: responseCodes.NO_MESSAGE, remark: 'ack offset illegal.' };
      const receipt = readReceipt(header.extraInfo);
      if (header.queueId !== lightQueueId || receipt.reviveQid !== orderReviveQueue) return { code: responseCodes.INVALID_PARAMETER, remark: 'ack queue illegal.' };
      if (offset < ctx.offsets.query(group, name, lightQueueId)) return { code: responseCodes.SUCCESS };
      const result = orders.ack(name, group, lightQueueId, offset, receipt.popTime);
      if (result.outcome === 'illegal') return { code: responseCodes.MESSAGE_ILLEGAL, remark: 'ack offset illegal.' };
      if (result.outcome === 'commit') {
        if (ctx.offsets.pendingReset(group, name, lightQueueId) === undefined) ctx.offsets.commit(group, name, lightQueueId, result.next, 'AckLiteHost');
        if (orders.blocked(undefined, name, group, lightQueueId, receipt.invisibleTime)) parts.wakeWhenFree(name, group);
        else events.dispatch(name, group);
      }
      return { code: responseCodes.SUCCESS };
    },

    change(header) {
      const { topic, consumerGroup: group, liteTopic } = header;
      if (liteTopic === undefined || isBlank(liteTopic)) return undefined;
      const name = liteQueueName(topic, liteTopic) ?? '';
      const offset = clampInt64(header.offset);
      if (offset > queues.maxOffset(name)) return { code: responseCodes.NO_MESSAGE };
      const receipt = readReceipt(header.extraInfo);
      if (offset < ctx.offsets.query(group, name, lightQueueId)) return { code: responseCodes.SUCCESS, header: { popTime: 0, invisibleTime: 0, reviveQid: 0 } };
      const visibleMs = ctx.clock.nowMs() + clampInt64(header.invisibleTime);
      if (header.suspend) orders.suspend(name, group, lightQueueId, receipt.popTime, visibleMs);
      else orders.changeVisible(name, group, lightQueueId, offset, receipt.popTime, visibleMs);
      parts.wakeWhenFree(name, group);
      return { code: responseCodes.SUCCESS, header: { popTime: receipt.popTime, invisibleTime: visibleMs - receipt.popTime, reviveQid: receipt.reviveQid } };
    },
  };
}
