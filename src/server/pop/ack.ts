/**
 * ACK_MESSAGE, BATCH_ACK_MESSAGE and CHANGE_MESSAGE_INVISIBLETIME (`AckMessageProcessor`, `ChangeInvisibleTimeProcessor`). A receipt says which check
 * point a message belongs to; whether there is one is found out when it is due (revive.ts), so a receipt that was made up, or is too late, is accepted and
 * means nothing. An orderly pop's receipt goes to the queue's batch instead.
 */
import { intOf, isMap, listOf, longOf, textOf } from '../../codec/json-members.js';
import { Refusal } from '../../codec/errors.js';
import { responseCodes } from '../../codec/responses.js';
import { readJson } from '../../compat/fastjson.js';
import type { JsonMap } from '../../compat/fastjson.js';
import type { Connection, Ctx, Handler, Reply } from '../../remoting/types.js';
import type { QueueRef } from '../../store/types.js';
import { noRemark } from '../broker/admin.js';
import { clampInt64 } from '../broker/pull.js';
import { orderReviveQueue, readReceipt, realTopic } from './extra-info.js';
import type { Receipt } from './extra-info.js';
import type { LiteAcking } from '../lite/ack.js';
import type { OrderWake } from './order-wake.js';
import { addressText, demandQueue, errorAnswer, orRefusedWith, refusal } from './parts.js';
import type { PopParts } from './parts.js';
import { checkPointMessagesMax, mergeKey } from './revive-records.js';
import type { AckRecord } from './revive-records.js';

/** Offsets taken from one entry of a batch: a check point names at most 32 messages. */
const offsetsOfAckMax = 64;

/** The answer to a CHANGE_MESSAGE_INVISIBLETIME that changed nothing. */
const unchanged = { popTime: 0, invisibleTime: 0, reviveQid: 0 };

/** Characters of a BATCH_ACK_MESSAGE body. */
const batchCharsMax = 4 * 1024 * 1024;

export interface Acking {
  readonly handlers: {
    readonly ACK_MESSAGE: Handler<'ACK_MESSAGE'>;
    readonly BATCH_ACK_MESSAGE: Handler<'BATCH_ACK_MESSAGE'>;
    readonly CHANGE_MESSAGE_INVISIBLETIME: Handler<'CHANGE_MESSAGE_INVISIBLETIME'>;
  };
}

/** Acknowledgements to one check point, and who waits for them. */
interface AcksOfTurn {
  readonly ack: AckRecord;
  readonly reviveQid: number;
  readonly deliverMs: number;
  readonly offsets: number[];
  readonly calls: Ctx[];
}

export function createAcking(parts: PopParts, wake: OrderWake, lite?: LiteAcking): Acking {
  const { ctx, orders } = parts;

  /** Answers once the log holds everything that was put up to `phyOffset`, -1 = nothing was. The request does not keep its lane waiting meanwhile. */
  function stored(call: Ctx, phyOffset: number, reply: Reply): Reply | undefined {
    if (phyOffset < 0) return reply;
    parts.put.acks.settle(phyOffset, true, (outcome, fault) => {
      call.reply(outcome !== 'FAULT' ? reply : { code: responseCodes.SYSTEM_ERROR, remark: `the acknowledgement could not be stored: ${fault}` });
    });
    return undefined;
  }

  /** Acknowledgements that came in this turn, by their check point: each becomes one record. */
  const ofTurn = new Map<string, AcksOfTurn>();

  /** Answers `call` once the log holds its acknowledgement. */
  function ackAtEndOfTurn(call: Ctx, ack: AckRecord, reviveQid: number, deliverMs: number): void {
    const key = `${mergeKey(ack)}@${reviveQid}@${deliverMs}`;
    const [offset = -1] = ack.offsets;
    const known = ofTurn.get(key);
    if (known !== undefined && (known.offsets.includes(offset) || known.offsets.length < checkPointMessagesMax)) {
      if (!known.offsets.includes(offset)) known.offsets.push(offset);
      known.calls.push(call);
      return;
    }
    if (known !== undefined) putOfTurn(known);
    ofTurn.set(key, { ack, reviveQid, deliverMs, offsets: [offset], calls: [call] });
    ctx.turn.schedule();
  }

  function putOfTurn({ ack, reviveQid, deliverMs, offsets, calls }: AcksOfTurn): void {
    let reply: Reply = { code: responseCodes.SUCCESS };
    let phyOffset = -1;
    try {
      phyOffset = putAck({ ...ack, offsets, batch: offsets.length > 1 }, reviveQid, deliverMs);
    } catch (error) {
      if (!(error instanceof Refusal)) ctx.log.error({ topic: ack.topic, group: ack.group, error: String(error) }, 'an acknowledgement failed');
      reply = errorAnswer(error);
    }
    for (const call of calls) {
      const answer = stored(call, phyOffset, reply);
      if (answer !== undefined) call.reply(answer);
    }
  }

  parts.put.acks.beforeWrite(() => {
    if (ofTurn.size === 0) return;
    for (const one of ofTurn.values()) putOfTurn(one);
    ofTurn.clear();
  });

  /** Puts an acknowledgement: where it lies, -1 when its receipt names no revive queue. Throws when the log does not take it. */
  function putAck(ack: AckRecord, reviveQid: number, deliverMs: number): number {
    if (reviveQid < 0 || reviveQid >= parts.revive.queues()) {
      ctx.log.warn({ topic: ack.topic, group: ack.group, reviveQid }, 'an acknowledgement names a revive queue that does not exist');
      return -1;
    }
    const put = parts.revive.putAck(ack, reviveQid, deliverMs);
    if ('phyOffset' in put) return put.phyOffset;
    throw refusal(responseCodes.SYSTEM_ERROR, `the acknowledgement could not be stored: ${put.fault}`);
  }

  /** `#ackOrderly`: undefined, or the answer to an acknowledgement that the queue's batch does not know. */
  function ackOrderly(queue: QueueRef, group: string, offset: number, receipt: { popTime: number; invisibleTime: number }, connection: Connection): Reply | undefined {
    const { topic, queueId } = queue;
    const old = ctx.offsets.query(group, topic, queueId);
    if (offset < old) return undefined;
    const result = orders.ack(topic, group, queueId, offset, receipt.popTime);
    if (result.outcome === 'ignored') return undefined;
    if (result.outcome === 'illegal') {
      return {
        code: responseCodes.MESSAGE_ILLEGAL,
        remark: `offset is illegal, key:${topic}@${group}@${queueId}, old:${old}, commit:${offset}, next:-1, ${addressText(connection)}`,
      };
    }
    if (ctx.offsets.pendingReset(group, topic, queueId) === undefined) ctx.offsets.commit(group, topic, queueId, result.next, connection.remoteAddress);
    if (orders.blocked(undefined, topic, group, queueId, receipt.invisibleTime)) wake.whenFree(queue, group);
    else parts.pops.wakeAny(topic, group, queueId);
    return undefined;
  }

  /** One entry of a batch (`BatchAck`): where its acknowledgement lies, -1 when it stored none, or an answer. */
  function ackEntry(entry: JsonMap, brokerName: string, connection: Connection): number | Reply {
    const group = textOf(entry, 'c') ?? '';
    const topic = realTopic(textOf(entry, 't') ?? '', group, textOf(entry, 'r') ?? '');
    const startOffset = longOf(entry, 'so', 0);
    const reviveQid = intOf(entry, 'rq', 0);
    const receipt = { popTime: longOf(entry, 'pt', 0), invisibleTime: longOf(entry, 'it', 0) };
    const queue = ctx.store.existingQueue(topic, intOf(entry, 'q', 0));
    if (queue === undefined) return -1;
    const offsets = bitsOf(textOf(entry, 'b') ?? '', startOffset, queue);
    if (reviveQid === orderReviveQueue) {
      let answer: Reply | undefined;
      for (const offset of offsets) answer = ackOrderly(queue, group, offset, receipt, connection) ?? answer;
      return answer ?? -1;
    }
    if (offsets.length === 0) return -1;
    const ack = { topic, group, queueId: queue.queueId, startOffset, popTime: receipt.popTime, brokerName, offsets, batch: true };
    return putAck(ack, reviveQid, receipt.popTime + receipt.invisibleTime);
  }

  return {
    handlers: {
      ACK_MESSAGE(call, header) {
        const { topic, consumerGroup: group, queueId } = header;
        const queue = demandQueue(ctx, topic, queueId, call.connection);
        const answer = lite?.ack(header);
        if (answer !== undefined) return answer;
        const offset = clampInt64(header.offset);
        if (offset < queue.minOffset || offset > queue.maxOffset) {
          throw refusal(responseCodes.NO_MESSAGE, `offset is illegal, key:${topic}@${queueId}, commit:${header.offset}, store:${queue.minOffset}~${queue.maxOffset}`);
        }
        const receipt = readReceipt(header.extraInfo);
        if (receipt.reviveQid === orderReviveQueue) return ackOrderly(queue, group, offset, receipt, call.connection) ?? { code: responseCodes.SUCCESS };
        ackAtEndOfTurn(call, ackOf(queue, group, offset, receipt), receipt.reviveQid, receipt.popTime + receipt.invisibleTime);
        return undefined;
      },

      BATCH_ACK_MESSAGE(call, _header, body) {
        const batch = bodyOf(body);
        if (batch === undefined || batch.acks.length === 0) return { code: responseCodes.NO_MESSAGE };
        let last = -1;
        let reply: Reply = { code: responseCodes.SUCCESS };
        for (const entry of batch.acks) {
          const outcome = ackEntry(entry, batch.brokerName, call.connection);
          if (typeof outcome === 'number') last = Math.max(last, outcome);
          else reply = outcome;
        }
        return stored(call, last, reply);
      },

      CHANGE_MESSAGE_INVISIBLETIME: orRefusedWith(unchanged, (call, header) => {
        const { topic, consumerGroup: group, queueId } = header;
        const queue = demandQueue(ctx, topic, queueId, call.connection);
        const answer = lite?.change(header);
        if (answer !== undefined) return answer;
        const offset = clampInt64(header.offset);
        if (offset < queue.minOffset || offset >= queue.maxOffset) return { code: responseCodes.NO_MESSAGE, remark: noRemark, header: unchanged };
        const receipt = readReceipt(header.extraInfo);
        const invisibleTime = clampInt64(header.invisibleTime);
        const nowMs = ctx.clock.nowMs();
        if (receipt.reviveQid === orderReviveQueue) {
          if (offset < ctx.offsets.query(group, topic, queueId)) return { code: responseCodes.SUCCESS, remark: noRemark, header: unchanged };
          orders.changeVisible(topic, group, queueId, offset, receipt.popTime, nowMs + invisibleTime);
          wake.whenFree(queue, group);
          return { code: responseCodes.SUCCESS, remark: noRemark, header: { popTime: receipt.popTime, invisibleTime: nowMs + invisibleTime - receipt.popTime, reviveQid: receipt.reviveQid } };
        }
        if (receipt.reviveQid < 0 || receipt.reviveQid >= parts.revive.queues()) {
          throw refusal(responseCodes.SYSTEM_ERROR, `the receipt names revive queue ${receipt.reviveQid}, there are ${parts.revive.queues()}`);
        }
        // A later time than the receipt's: with the same one the old check point and the new would be one, and the acknowledgement below the new one's.
        const popTime = Math.max(nowMs, receipt.popTime + 1);
        const put = parts.revive.putCheckPoint({
          topic, group, queueId, startOffset: offset, popTime, invisibleTime, brokerName: receipt.brokerName, bitMap: 0, diffs: [0], rePutTimes: 0,
          suspend: header.suspend,
        }, receipt.reviveQid);
        if ('fault' in put) throw refusal(responseCodes.SYSTEM_ERROR, `the check point could not be stored: ${put.fault}`);
        const acked = putAck(ackOf(queue, group, offset, receipt), receipt.reviveQid, receipt.popTime + receipt.invisibleTime);
        return stored(call, Math.max(put.phyOffset, acked), { code: responseCodes.SUCCESS, remark: noRemark, header: { popTime, invisibleTime: header.invisibleTime, reviveQid: receipt.reviveQid } });
      }),
    },
  };
}

function ackOf(queue: QueueRef, group: string, offset: number, receipt: Receipt): AckRecord {
  return {
    topic: queue.topic, group, queueId: queue.queueId, startOffset: receipt.startOffset, popTime: receipt.popTime, brokerName: receipt.brokerName,
    offsets: [offset], batch: false,
  };
}

/** Undefined when there is no body, or none that means anything: Apache answers both alike, or fails over the text. */
function bodyOf(body: Buffer): { readonly brokerName: string; readonly acks: readonly JsonMap[] } | undefined {
  if (body.length === 0) return undefined;
  let value: unknown;
  try {
    value = readJson(body.toString('utf8'), batchCharsMax);
  } catch (error) {
    throw refusal(responseCodes.SYSTEM_ERROR, `BatchAckMessageRequestBody: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isMap(value)) throw refusal(responseCodes.SYSTEM_ERROR, 'BatchAckMessageRequestBody: expected an object');
  return { brokerName: textOf(value, 'brokerName') ?? '', acks: listOf(value, 'acks').filter(isMap) };
}

/** The offsets that a bit map (base64 of `BitSet#toByteArray`) names, as far as the queue has them. */
function bitsOf(text: string, startOffset: number, queue: QueueRef): number[] {
  const bytes = Buffer.from(text, 'base64');
  const offsets: number[] = [];
  const from = Math.max(0, queue.minOffset - startOffset);
  const to = Math.min(bytes.length * 8 - 1, queue.maxOffset - startOffset);
  for (let bit = from; bit <= to && offsets.length < offsetsOfAckMax; bit++) {
    if (((bytes[bit >> 3] as number) >> (bit & 7)) & 1) offsets.push(startOffset + bit);
  }
  return offsets;
}
