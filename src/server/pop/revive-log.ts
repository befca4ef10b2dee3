/**
 * Putting check points and acknowledgements on the revive topic (`PopMessageProcessor#buildCkMsg`, `AckMessageProcessor#appendAck`). Each asks to be
 * delivered at its time; where there are timers, placeMessage has it wait there. What they mean later is revive.ts.
 */
import { propertyNames } from '../../codec/properties.js';
import { topicTraits } from '../broker/put-form.js';
import type { TopicTraits } from '../broker/put-form.js';
import { placeMessage } from '../broker/put-place.js';
import type { PutParts } from '../broker/put-place.js';
import type { Topic } from '../broker/types.js';
import { ackKey, checkPointKey, checkPointLeadMs, encodeAck, encodeCheckPoint, reviveTags, reviveTimeOf, reviveTopicOf } from './revive-records.js';
import type { AckRecord, CheckPoint } from './revive-records.js';

/**
 * What asks for a later time is delivered so long from now, in milliseconds: timers take no more than three days (`timerMaxDelaySec`), and who reads the
 * revive topic knows the time of a check point anyway.
 */
const deliverAheadMaxMs = 2 * 24 * 3600 * 1000;

/** Where a record lies that is not written yet, or why it could not be put. */
export type Put = { readonly phyOffset: number } | { readonly fault: string };

export interface ReviveLog {
  readonly topic: string;
  /** Queues check points are spread over. */
  readonly queues: () => number;
  putCheckPoint(ck: CheckPoint, reviveQid: number): Put;
  /** @param deliverMs end of the invisible time; undefined = at once */
  putAck(ack: AckRecord, reviveQid: number, deliverMs: number | undefined): Put;
}

export function createReviveLog(parts: PutParts): ReviveLog {
  const { ctx, form } = parts;
  const name = reviveTopicOf(ctx.config.brokerClusterName);
  let known: { readonly topic: Topic; readonly traits: TopicTraits } | undefined;

  function traits(): TopicTraits | undefined {
    const topic = ctx.topics.get(name);
    if (topic === undefined) return undefined;
    if (known?.topic !== topic) known = { topic, traits: topicTraits(topic) };
    return known.traits;
  }

  function put(body: Buffer, tags: string, uniqKey: string, reviveQid: number, deliverMs: number | undefined): Put {
    const place = traits();
    if (place === undefined) return { fault: `topic[${name}] not exist` };
    const properties = new Map<string, string>([[propertyNames.TAGS, tags], [propertyNames.UNIQ_KEY, uniqKey]]);
    if (deliverMs !== undefined) properties.set(propertyNames.TIMER_DELIVER_MS, String(Math.min(deliverMs, ctx.clock.nowMs() + deliverAheadMaxMs)));
    const input = form.input;
    const host = ctx.storeHost();
    input.flag = 0;
    input.bornTimestamp = ctx.clock.nowMs();
    input.bornHost = host;
    input.reconsumeTimes = 0;
    input.preparedTransactionOffset = 0;
    input.body = body;
    input.bodyStart = 0;
    input.bodyEnd = body.length;
    const answer = placeMessage(parts, { traits: place, queueId: reviveQid }, properties);
    if (answer !== undefined) return { fault: answer.remark ?? `code ${answer.code}` };
    input.sysFlag = form.sysFlag(0, host);
    const result = ctx.store.put(input);
    return result.status === 'PUT_OK' ? { phyOffset: result.phyOffset } : { fault: `${result.status} ${result.remark}` };
  }

  return {
    topic: name,
    queues: () => ctx.config.reviveQueueNum,
    putCheckPoint: (ck, reviveQid) => put(encodeCheckPoint(ck), reviveTags.CK, checkPointKey(ck), reviveQid, reviveTimeOf(ck) - checkPointLeadMs),
    putAck: (ack, reviveQid, deliverMs) => put(encodeAck(ack), ack.batch ? reviveTags.BATCH_ACK : reviveTags.ACK, ackKey(ack), reviveQid, deliverMs),
  };
}
