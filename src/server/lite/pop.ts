/**
 * POP_LITE_MESSAGE (`PopLiteMessageProcessor`): a client is given messages of the lite topics it has events for, each in order. A lite topic is blocked for
 * the group until what was given is acknowledged or visible again; which messages those are is kept in memory only, so that a restart gives them again.
 */
import { Refusal } from '../../codec/errors.js';
import type { HeaderOf } from '../../codec/requests.js';
import { responseCodes } from '../../codec/responses.js';
import { lightQueueId } from '../../compat/light-queues.js';
import type { Ctx, Handler, Reply } from '../../remoting/types.js';
import type { GetResult, QueueRef } from '../../store/types.js';
import { clampInt64, pullBytesMax } from '../broker/pull.js';
import { faqText, isReadable, ownIp } from '../broker/send-checks.js';
import { shown } from '../broker/topic-names.js';
import { orderReviveQueue } from '../pop/extra-info.js';
import { InfoList } from '../pop/extra-info.js';
import { recordsOf } from '../pop/found-records.js';
import { demandBrokerReadable, errorAnswer, refusal } from '../pop/parts.js';
import type { LiteParts } from './create.js';
import { bindTopicOf, isParentTopic } from './metadata.js';

type Header = HeaderOf<'POP_LITE_MESSAGE'>;

/** A request that came this much later than its poll would have ended is not worth serving, ms. */
const lateMs = 500;
const messagesMax = 32;
/** `ConsumeInitMode#MAX`: a group without offset begins at the end, or at the start while that is in memory. */
const initModeMax = 1;

/** Outcomes of a read whose offset is put right before it is tried once more. */
const corrected: ReadonlySet<string> = new Set(['OFFSET_TOO_SMALL', 'OFFSET_OVERFLOW_BADLY', 'OFFSET_FOUND_NULL', 'NO_MATCHED_MESSAGE', 'MESSAGE_WAS_REMOVING', 'NO_MATCHED_LOGIC_QUEUE']);

/** Messages of one lite topic. */
interface Taken {
  readonly records: readonly Buffer[];
  readonly counts: string;
}

/**
 * How often each message was given before, as the answer says it (`#transformOrderCountInfo`): a number for each where all are alike, else the entries of those
 * that were given before.
 */
export function orderCountText(text: string, messages: number): string {
  const infos = text.split(';');
  if (infos.length > 1) return text.slice(0, text.lastIndexOf(';'));
  const parts = text.split(' ');
  return Array.from({ length: messages }, () => (parts.length === 3 ? parts[2] : '0')).join(';');
}

export function createPopLite(parts: LiteParts): Handler<'POP_LITE_MESSAGE'> {
  const { ctx, orders, events, offsets, polls } = parts;
  /** Lite topics that are being popped by a group now, and clients that passed them by meanwhile. */
  const locks = new Map<string, Set<string>>();

  /** `#preCheck`. */
  function check(header: Header, bornMs: number): void {
    const { topic: name, consumerGroup } = header;
    if (ctx.clock.nowMs() - bornMs - clampInt64(header.pollTime) > lateMs) {
      throw refusal(responseCodes.POLLING_TIMEOUT, `the broker[${ownIp(ctx)}] pop message is timeout too much`);
    }
    demandBrokerReadable(ctx, 'pop');
    if (header.maxMsgNum > messagesMax) throw refusal(responseCodes.INVALID_PARAMETER, `the broker[${ownIp(ctx)}] pop message's num is greater than 32`);
    const topic = ctx.topics.get(name);
    if (topic === undefined) throw refusal(responseCodes.TOPIC_NOT_EXIST, `topic [${shown(name)}] not exist, apply first please! ${faqText}`);
    if (!isReadable(topic.config.perm)) throw refusal(responseCodes.NO_PERMISSION, `the topic [${name}] peeking message is forbidden`);
    if (!isParentTopic(ctx, name)) throw refusal(responseCodes.INVALID_PARAMETER, `the topic [${name}] message type not match`);
    const group = ctx.groups.find(consumerGroup);
    if (group === undefined) throw refusal(responseCodes.SUBSCRIPTION_GROUP_NOT_EXIST, `subscription group [${shown(consumerGroup)}] not exist, ${faqText}`);
    if (!group.consumeEnable) throw refusal(responseCodes.NO_PERMISSION, `subscription group no permission, ${consumerGroup}`);
    if (bindTopicOf(group) !== name) throw refusal(responseCodes.INVALID_PARAMETER, `subscription bind topic not match, ${consumerGroup}`);
  }

  /** `#getPopOffset`. */
  async function startOf(queue: QueueRef, group: string): Promise<number> {
    const offset = await offsets.begin(queue, group, initModeMax, true);
    const reset = offsets.takeReset(queue, group);
    if (reset === undefined) return offset;
    orders.clear(queue.topic, group, lightQueueId);
    return reset;
  }

  async function read(queue: QueueRef, group: string, max: number, host: string): Promise<GetResult> {
    const offset = await startOf(queue, group);
    const result = await ctx.store.get(queue, offset, max, pullBytesMax, undefined);
    if (!corrected.has(result.status)) return result;
    ctx.log.warn({ group, queue: queue.topic, offset, next: result.nextBeginOffset, status: result.status }, 'the offset of a lite topic was corrected');
    ctx.offsets.commit(group, queue.topic, lightQueueId, result.nextBeginOffset, host);
    return ctx.store.get(queue, result.nextBeginOffset, max, pullBytesMax, undefined);
  }

  /** `#popLiteTopic`; undefined when there is nothing to be had now. */
  async function popOne(header: Header, name: string, max: number, popTime: number, host: string): Promise<Taken | undefined> {
    const group = header.consumerGroup;
    const queue = parts.queues.get(name);
    if (queue === undefined) return undefined;
    const key = `${group}@${name}`;
    const held = locks.get(key);
    if (held !== undefined) {
      held.add(header.clientId);
      return undefined;
    }
    const passed = new Set<string>();
    locks.set(key, passed);
    try {
      const invisibleTime = clampInt64(header.invisibleTime);
      if (orders.blocked(header.attemptId, name, group, lightQueueId, invisibleTime)) return undefined;
      const result = await read(queue, group, max, host);
      if (result.status !== 'FOUND' || result.messageCount === 0) return undefined;
      const records = recordsOf(result);
      // A record says where it is in its own queue; here they follow each other.
      const first = result.nextBeginOffset - records.length;
      const counts = new InfoList();
      orders.update({ attemptId: header.attemptId, topic: name, group, queueId: lightQueueId, popTime, invisibleTime, offsets: records.map((_, i) => first + i) }, counts);
      parts.wakeWhenFree(name, group);
      passed.clear();
      return { records, counts: orderCountText(counts.text, records.length) };
    } catch (error) {
      ctx.log.error({ group, queue: name, error: String(error) }, 'a lite topic could not be popped');
      return undefined;
    } finally {
      locks.delete(key);
      // Nothing was given: who was kept out has another look.
      for (const clientId of passed) events.putBack(clientId, name);
    }
  }

  async function runOnce(call: Ctx, header: Header, bornMs: number): Promise<Reply<'POP_LITE_MESSAGE'> | undefined> {
    check(header, bornMs);
    const popTime = ctx.clock.nowMs();
    const host = call.connection.remoteAddress;
    const body: Buffer[] = [];
    const counts: string[] = [];
    const seen = new Set<string>();
    const again: string[] = [];
    if (header.maxMsgNum > 0) {
      for (const name of events.take(header.clientId)) {
        if (seen.has(name)) {
          again.push(name);
          continue;
        }
        seen.add(name);
        const taken = await popOne(header, name, header.maxMsgNum - body.length, popTime, host);
        if (taken === undefined) continue;
        body.push(...taken.records);
        counts.push(taken.counts);
        if (body.length >= header.maxMsgNum) break;
      }
    }
    for (const name of again) events.putBack(header.clientId, name);
    const answer = { popTime, invisibleTime: header.invisibleTime, reviveQid: orderReviveQueue, orderCountInfo: counts.join(';') };
    if (body.length > 0) {
      ctx.pulled?.(header.consumerGroup, header.topic, body.length);
      return { code: responseCodes.SUCCESS, remark: 'FOUND', header: answer, body };
    }
    const pollTimeMs = clampInt64(header.pollTime);
    const outcome = polls.poll({
      connection: call.connection, topic: header.clientId, group: '', queueId: -1, expiredMs: bornMs + pollTimeMs, filter: undefined,
      run: () => runAgain(call, header, bornMs),
    }, pollTimeMs);
    if (outcome === 'POLLING_SUC') return undefined;
    return { code: outcome === 'POLLING_FULL' ? responseCodes.POLLING_FULL : responseCodes.POLLING_TIMEOUT, remark: 'NO_MESSAGE_IN_QUEUE', header: answer };
  }

  function runAgain(call: Ctx, header: Header, bornMs: number): void {
    runOnce(call, header, bornMs).then(
      (reply) => {
        if (reply !== undefined) call.reply(reply);
      },
      (error: unknown) => {
        if (!(error instanceof Refusal)) ctx.log.error({ topic: header.topic, group: header.consumerGroup, error: String(error) }, 'a waiting lite pop failed');
        call.reply(errorAnswer(error));
      },
    );
  }

  return (call, header) => runOnce(call, header, header.bornTime === 0n ? ctx.clock.nowMs() : clampInt64(header.bornTime));
}
