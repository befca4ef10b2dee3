/**
 * SEND_MESSAGE, SEND_MESSAGE_V2 and SEND_BATCH_MESSAGE, the ordinary way: from the decoded header through every check to the store.
 * It owns retry and dead letter routing of client fallbacks and the change of a delayed message's place. The hot path for plain messages is
 * send-fast.ts; both fill the same form and leave their answers at the same gate.
 */
import { liteQueueName } from '../../compat/light-queues.js';
import { BatchCursor } from '../../codec/batch.js';
import { propertyNames, parseProperties } from '../../codec/properties.js';
import { requests } from '../../codec/requests.js';
import { responseCodes } from '../../codec/responses.js';
import { isUndispatched, messageSysFlag, transactionType, withTransactionType } from '../../codec/sys-flag.js';
import type { Ctx, FastHandler, Handler, Reply } from '../../remoting/types.js';
import { batchCountMax } from '../../store/batch-units.js';
import type { PutResult } from '../../store/types.js';
import { makeHalf } from '../transaction/half-message.js';
import { createAcks, notAvailableText } from './acks.js';
import type { DelayLevels } from './delay-levels.js';
import { PutForm, topicTraits, uniqKeyBytesMax } from './put-form.js';
import type { TopicTraits } from './put-form.js';
import { dlqQueueNums, placeMessage, randomQueueId, readWritePerm, versionWithMaxReconsumeTimes } from './put-place.js';
import type { Place, PutParts } from './put-place.js';
import { createSendBack } from './send-back.js';
import { checkCompaction, checkSend, checkServed, checkTransaction, delayLevelOf, faqText, illegalText, isHalf, losesPriority, priorityOf, putAnswer } from './send-checks.js';
import type { Answer, Draft, SendHeader } from './send-checks.js';
import { createSendFast } from './send-fast.js';
import { handleOfPut } from '../timer/recall.js';
import { dlqTopicOf, retryPrefix, transHalfTopic } from './topic-names.js';
import type { BrokerContext } from './types.js';

const onewayFlag = 2;

export interface Send {
  readonly handlers: {
    readonly SEND_MESSAGE: Handler<'SEND_MESSAGE'>;
    readonly SEND_MESSAGE_V2: Handler<'SEND_MESSAGE_V2'>;
    readonly SEND_BATCH_MESSAGE: Handler<'SEND_BATCH_MESSAGE'>;
    readonly CONSUMER_SEND_MSG_BACK: Handler<'CONSUMER_SEND_MSG_BACK'>;
  };
  readonly fast: {
    readonly SEND_MESSAGE_V2: FastHandler;
    readonly SEND_BATCH_MESSAGE: FastHandler;
  };
  /** The gate, for schedule.ts and whoever else puts. */
  readonly parts: PutParts;
}

/**
 * The send handlers. Registers the turn hook that writes the store's turn and releases acknowledgements (acks.ts): create it once.
 * @param delays the parsed `messageDelayLevel`
 * @param halfStored is told of each half message that was stored, with the topic it is meant for
 */
export function createSend(ctx: BrokerContext, delays: DelayLevels, halfStored?: (topic: string) => void): Send {
  const form = new PutForm(ctx);
  const parts: PutParts = { ctx, form, delays, acks: createAcks(ctx, () => form.ext()), timerNum: () => 0, halfStored };
  const send = (call: Ctx, header: SendHeader, body: Buffer): Reply | undefined => sendMessage(parts, call, header, body);
  const fast = createSendFast(parts);
  return {
    handlers: { SEND_MESSAGE: send, SEND_MESSAGE_V2: send, SEND_BATCH_MESSAGE: send, CONSUMER_SEND_MSG_BACK: createSendBack(parts) },
    fast: { SEND_MESSAGE_V2: fast, SEND_BATCH_MESSAGE: fast },
    parts,
  };
}

function refuse(parts: PutParts, answer: Answer): Reply {
  const { bare, ...reply } = answer;
  return bare === true ? reply : { ...reply, ext: parts.form.ext() };
}

/** Which handler takes it is decided by the batch field alone, whatever the code (`SendMessageProcessor#processRequest`). */
function sendMessage(parts: PutParts, call: Ctx, header: SendHeader, body: Buffer): Reply | undefined {
  const draft: Draft = { header, connection: call.connection, body, traits: undefined };
  const answer = checkSend(parts.ctx, draft) ?? (header.batch === true ? putBatch(parts, call, draft) : putSingle(parts, call, draft));
  return answer === undefined ? undefined : refuse(parts, answer);
}

/** Where a message to a %RETRY% topic goes: there, or to the group's dead letters (`SendMessageProcessor#handleRetryAndDLQ`). */
function retryPlace(parts: PutParts, call: Ctx, header: SendHeader, place: Place, properties: Map<string, string>): Place | Answer {
  const { ctx } = parts;
  const group = header.topic.slice(retryPrefix.length);
  const config = ctx.groups.find(group);
  if (config === undefined) {
    return { code: responseCodes.SUBSCRIPTION_GROUP_NOT_EXIST, remark: `subscription group not exist, ${group} ${faqText}` };
  }
  const asked = call.command.version >= versionWithMaxReconsumeTimes ? header.maxReconsumeTimes : undefined;
  if ((header.reconsumeTimes ?? 0) <= (asked ?? config.retryMaxTimes) && !ctx.locks.anyLocked(group)) return place;
  properties.set(propertyNames.DELAY_TIME_LEVEL, '-1');
  const name = dlqTopicOf(group);
  const topic = ctx.topics.createOnSendBack(name, dlqQueueNums, readWritePerm, 0);
  if (topic === undefined) return { code: responseCodes.SYSTEM_ERROR, remark: `topic[${name}] not exist` };
  return { traits: topicTraits(topic), queueId: randomQueueId(ctx, dlqQueueNums) };
}

/** Bytes of the request's property string, with room for a minted key behind them. */
function propertyBytes(text: string): { props: Buffer; end: number } {
  const end = Buffer.byteLength(text, 'utf8');
  const props = Buffer.allocUnsafe(end + uniqKeyBytesMax);
  props.write(text, 0, 'utf8');
  return { props, end };
}

/** What a message or batch is put with wherever it goes; queue and sysFlag follow from its place. */
function fill(form: PutForm, { header, body, connection }: Draft): PutForm['input'] {
  const input = form.input;
  input.flag = header.flag;
  input.bornTimestamp = Number(header.bornTimestamp);
  input.bornHost = connection.remoteHost;
  input.reconsumeTimes = header.reconsumeTimes ?? 0;
  input.preparedTransactionOffset = 0;
  input.body = body;
  input.bodyStart = 0;
  input.bodyEnd = body.length;
  return input;
}

/** Where a half message waits; its real place goes into its properties. */
function halfPlace(ctx: BrokerContext, place: Place, properties: Map<string, string>): Place {
  makeHalf(properties, place.traits.topic.name, place.queueId);
  const topic = ctx.topics.get(transHalfTopic) ?? ctx.topics.createOnSendBack(transHalfTopic, 1, readWritePerm, 0);
  return topic === undefined ? place : { traits: topicTraits(topic), queueId: 0 };
}

function putSingle(parts: PutParts, call: Ctx, draft: Draft): Answer | undefined {
  const { ctx, form } = parts;
  const { header } = draft;
  const traits = draft.traits as TopicTraits;
  let queueId = header.queueId < 0 ? randomQueueId(ctx, traits.writeQueues) : header.queueId;
  const text = header.properties ?? '';
  let place: Place = { traits, queueId };
  const input = fill(form, draft);
  const retry = header.topic.startsWith(retryPrefix);
  const { props, end } = propertyBytes(text);
  const plainFlags = transactionType(header.sysFlag) === 0 && (header.sysFlag & (messageSysFlag.NEED_UNWRAP | messageSysFlag.INNER_BATCH)) === 0;
  let uniqKey: string;
  let recallHandle: string | undefined;
  let innerCount: number | undefined;
  let sysFlag = header.sysFlag;
  let halfOf: string | undefined;
  if (!retry && !traits.compaction && plainFlags && form.plain(props, end)) {
    uniqKey = props.toString('utf8', input.uniqKeyStart, input.uniqKeyEnd);
    input.queue = traits.topic.queues[queueId] ?? ctx.store.queue(header.topic, queueId);
  } else {
    const properties = parseProperties(text);
    properties.delete(propertyNames.POP_CK);
    if (retry) {
      const found = retryPlace(parts, call, header, place, properties);
      if ('code' in found) return found;
      place = found;
    }
    form.addMarks(properties);
    // The store's to say.
    properties.delete(propertyNames.INNER_MULTI_QUEUE_OFFSET);
    const liteQueue = liteQueueName(header.topic, properties.get(propertyNames.LITE_TOPIC) ?? '');
    if (liteQueue !== undefined) properties.set(propertyNames.INNER_MULTI_DISPATCH, liteQueue);
    const candidate = { ctx, properties, sysFlag: header.sysFlag, reconsumeTimes: input.reconsumeTimes, batch: false, traits: place.traits };
    if (losesPriority(candidate)) properties.delete(propertyNames.PRIORITY);
    const priority = priorityOf(properties);
    if (priority >= 0 && !retry) {
      // The higher the priority, the higher the queue.
      queueId = Math.max(0, Math.min(priority, traits.writeQueues - 1));
      place = { traits, queueId };
    }
    if ((header.sysFlag & messageSysFlag.INNER_BATCH) !== 0) innerCount = innerCountOf(properties);
    const refusal = checkCompaction(place.traits, properties) ?? checkServed(candidate);
    if (refusal !== undefined) return refusal;
    sysFlag |= place.traits.sysFlagBits;
    if (isHalf(candidate)) {
      const forbidden = checkTransaction(candidate);
      if (forbidden !== undefined) return forbidden;
      halfOf = place.traits.topic.name;
      place = halfPlace(ctx, place, properties);
      sysFlag = withTransactionType(sysFlag, 0);
    }
    const answer = placeMessage(parts, place, properties, isUndispatched(sysFlag));
    if (answer !== undefined) return answer;
    if (halfOf !== undefined && input.queue.topic !== transHalfTopic) return { code: responseCodes.MESSAGE_ILLEGAL, remark: 'a transactional message cannot wait for a delay level or a time' };
    uniqKey = properties.get(propertyNames.UNIQ_KEY) ?? '';
    if (call.command.code !== requests.SEND_BATCH_MESSAGE.code) recallHandle = handleOfPut(ctx.config.brokerName, properties);
  }
  input.sysFlag = form.sysFlag(sysFlag | place.traits.sysFlagBits, input.bornHost);
  input.innerCount = innerCount;
  const result = ctx.store.put(input);
  input.innerCount = undefined;
  return finish(parts, call, result, queueId, { uniqKey, recallHandle, halfOf });
}

function putBatch(parts: PutParts, call: Ctx, draft: Draft): Answer | undefined {
  const { ctx, form } = parts;
  const { header } = draft;
  const traits = draft.traits as TopicTraits;
  const queueId = header.queueId < 0 ? randomQueueId(ctx, traits.writeQueues) : header.queueId;
  if (header.topic.length > 127) return { code: responseCodes.MESSAGE_ILLEGAL, remark: `message topic length too long ${header.topic.length}` };
  if (header.topic.startsWith(retryPrefix)) {
    return { code: responseCodes.MESSAGE_ILLEGAL, remark: `batch request does not support retry group ${header.topic}` };
  }
  const properties = parseProperties(header.properties ?? '');
  const answer =
    // `CommitLog#asyncPutMessages` takes neither a transaction nor a delay.
    transactionType(header.sysFlag) !== 0 || (delayLevelOf(properties) ?? 1) > 0
      ? { code: responseCodes.MESSAGE_ILLEGAL, remark: illegalText(ctx.config.maxMessageSize) }
      : checkServed({ ctx, properties, sysFlag: header.sysFlag, reconsumeTimes: header.reconsumeTimes ?? 0, batch: true, traits });
  if (answer !== undefined) return answer;
  const uniqKey = properties.get(propertyNames.UNIQ_KEY);
  if (traits.batchQueue && uniqKey !== undefined) return putInnerBatch(parts, call, draft, queueId, properties, uniqKey);
  const { props, end } = propertyBytes(header.properties ?? '');
  form.batch(props, end);
  const input = fill(form, draft);
  input.queue = traits.topic.queues[queueId] ?? ctx.store.queue(header.topic, queueId);
  input.sysFlag = form.sysFlag(header.sysFlag | traits.sysFlagBits, input.bornHost);
  return finish(parts, call, ctx.store.putBatch(input), queueId, { uniqKey });
}

/** Messages of an inner batch that comes whole, as from another broker; where it begins is this broker's to say. */
function innerCountOf(properties: Map<string, string>): number {
  properties.delete(propertyNames.INNER_BASE);
  const count = Number(properties.get(propertyNames.INNER_NUM) ?? '1');
  return Number.isInteger(count) && count >= 1 && count <= batchCountMax ? count : 1;
}

/** A batch to a batch queue is one record that takes as many offsets as it has messages. */
function putInnerBatch(parts: PutParts, call: Ctx, draft: Draft, queueId: number, properties: Map<string, string>, uniqKey: string): Answer | undefined {
  const { ctx, form } = parts;
  const { header, body } = draft;
  const traits = draft.traits as TopicTraits;
  const cursor = new BatchCursor();
  cursor.reset(body, 0, body.length);
  while (cursor.next());
  if (cursor.reason !== '' || cursor.count < 1 || cursor.count > batchCountMax) {
    return { code: responseCodes.MESSAGE_ILLEGAL, remark: illegalText(ctx.config.maxMessageSize) };
  }
  properties.set(propertyNames.CLUSTER, ctx.config.brokerClusterName);
  properties.set(propertyNames.INNER_NUM, String(cursor.count));
  properties.delete(propertyNames.INNER_BASE);
  form.exactly(properties);
  const input = fill(form, draft);
  input.queue = traits.topic.queues[queueId] ?? ctx.store.queue(header.topic, queueId);
  input.sysFlag = form.sysFlag(header.sysFlag | traits.sysFlagBits | messageSysFlag.NEED_UNWRAP | messageSysFlag.INNER_BATCH, input.bornHost);
  input.innerCount = cursor.count;
  const result = ctx.store.put(input);
  input.innerCount = undefined;
  return finish(parts, call, result, queueId, { uniqKey, batchUniqId: uniqKey });
}

/** The offset ids of what was put, joined with commas. */
function msgIds(form: PutForm, result: PutResult): string {
  if (result.count === 1) return form.msgId(result.phyOffset);
  const ids: string[] = [];
  for (let i = 0; i < result.count; i++) ids.push(form.msgId(result.phyOffsets[i] ?? 0));
  return ids.join(',');
}

/** What an answer tells beside the place; `halfOf`: the topic that a half message is meant for. */
interface Told {
  readonly uniqKey: string | undefined;
  readonly recallHandle?: string | undefined;
  readonly batchUniqId?: string | undefined;
  readonly halfOf?: string | undefined;
}

/** Answers a refused put at once, leaves the answer to a good one at the gate. */
function finish(parts: PutParts, call: Ctx, result: PutResult, queueId: number, told: Told): Answer | undefined {
  const { uniqKey, recallHandle, batchUniqId, halfOf } = told;
  const answer = putAnswer(parts.ctx, result);
  if (answer !== undefined) return answer;
  const oneway = (call.command.flag & onewayFlag) !== 0;
  const reply: Reply<'SEND_MESSAGE'> = {
    code: responseCodes.SUCCESS,
    header: { msgId: msgIds(parts.form, result), queueId, queueOffset: result.queueOffset, transactionId: uniqKey, recallHandle, batchUniqId },
    ext: parts.form.ext(),
  };
  // Also for one-way requests: the turn has to be written.
  parts.acks.settle(result.phyOffset, parts.form.scan.waitStoreOk, (outcome, fault) => {
    if (halfOf !== undefined && outcome !== 'FAULT') parts.halfStored?.(halfOf);
    if (oneway) return;
    if (outcome === 'STORED') call.reply(reply);
    else if (outcome === 'FLUSH_DISK_TIMEOUT') call.reply({ ...reply, code: responseCodes.FLUSH_DISK_TIMEOUT });
    else call.reply(refuse(parts, { code: responseCodes.SERVICE_NOT_AVAILABLE, remark: notAvailableText(fault) }));
  });
  return undefined;
}
