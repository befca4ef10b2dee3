/**
 * CONSUMER_SEND_MSG_BACK: a consumer gives a message back, to be delivered again later or to become a dead letter
 * (`AbstractSendMessageProcessor#consumerSendMsgBack`). Where the new record waits is placeMessage's business (put-place.ts).
 */
import { Refusal } from '../../codec/errors.js';
import { readRecord, RecordView } from '../../codec/message-record.js';
import { responseCodes } from '../../codec/responses.js';
import { decodeMessage } from '../../codec/stored-message.js';
import type { DecodedMessage } from '../../codec/stored-message.js';
import { propertyNames } from '../../codec/properties.js';
import type { HeaderOf } from '../../codec/requests.js';
import type { Ctx, Handler, Reply } from '../../remoting/types.js';
import { topicTraits } from './put-form.js';
import { faqText, isWriteable, ownIp } from './send-checks.js';
import { dlqQueueNums, placeMessage, randomQueueId, readWritePerm, versionWithMaxReconsumeTimes } from './put-place.js';
import type { PutParts } from './put-place.js';
import { dlqTopicOf, isBlank, retryTopicOf, shown } from './topic-names.js';
import type { GroupConfig, Topic } from './types.js';

/** Delay level of the first redelivery when the consumer names none: 3 is 10 s by default. */
const firstRetryLevel = 3;

/** `TopicSysFlag#buildSysFlag(false, true)`: a retry topic of a unit group. */
const unitSubFlag = 2;

type Header = HeaderOf<'CONSUMER_SEND_MSG_BACK'>;

export function createSendBack(parts: PutParts): Handler<'CONSUMER_SEND_MSG_BACK'> {
  return async (call, header) => {
    const { ctx } = parts;
    const group = ctx.groups.find(header.group);
    if (group === undefined) {
      throw new Refusal(responseCodes.SUBSCRIPTION_GROUP_NOT_EXIST, `subscription group not exist, ${shown(header.group)} ${faqText}`);
    }
    if (!isWriteable(ctx.config.brokerPermission)) {
      throw new Refusal(responseCodes.NO_PERMISSION, `the broker[${ownIp(ctx)}] sending message is forbidden`);
    }
    if (group.retryQueueNums <= 0) return { code: responseCodes.SUCCESS };
    const retryTopic = topicFor(parts, retryTopicOf(header.group), group.retryQueueNums, header.unitMode ? unitSubFlag : 0);
    if (!isWriteable(retryTopic.config.perm)) {
      throw new Refusal(responseCodes.NO_PERMISSION, `the topic[${retryTopic.name}] sending message is forbidden`);
    }
    const message = await look(parts, header.offset);
    // asked for again: its answer waits where the topic is new (TopicTable#takeAwaited), and looking may have taken other turns
    return putBack(parts, call, header, group, ctx.topics.get(retryTopic.name) ?? retryTopic, message);
  };
}

function topicFor(parts: PutParts, name: string, queueNums: number, sysFlag: number): Topic {
  const topic = parts.ctx.topics.createOnSendBack(name, queueNums, readWritePerm, sysFlag);
  if (topic === undefined) throw new Refusal(responseCodes.SYSTEM_ERROR, `topic[${name}] not exist`);
  return topic;
}

/** A message as it lies in the log, and its producer's host as bytes. */
interface Found extends DecodedMessage {
  readonly bornHostBytes: Uint8Array;
}

async function look(parts: PutParts, offset: bigint): Promise<Found> {
  const failed = new Refusal(responseCodes.SYSTEM_ERROR, `look message by offset failed, ${offset}`);
  if (offset < 0n || offset > BigInt(Number.MAX_SAFE_INTEGER)) throw failed;
  const record = await parts.ctx.store.record(Number(offset));
  const view = new RecordView();
  if (record === undefined || readRecord(view, record, 0, record.length) !== 'record') throw failed;
  return { ...decodeMessage(view), bornHostBytes: record.subarray(view.bornHostStart, view.bornHostEnd) };
}

function putBack(parts: PutParts, call: Ctx, header: Header, group: GroupConfig, retryTopic: Topic, message: Found): Promise<Reply> {
  const { ctx, form, acks } = parts;
  const properties = message.properties;
  if (!properties.has(propertyNames.RETRY_TOPIC)) properties.set(propertyNames.RETRY_TOPIC, message.topic);
  properties.set(propertyNames.WAIT_STORE_MSG_OK, 'false');

  const asked = call.command.version >= versionWithMaxReconsumeTimes ? header.maxReconsumeTimes : undefined;
  const dead = message.reconsumeTimes >= (asked ?? group.retryMaxTimes) || header.delayLevel < 0;
  const level = dead ? 0 : header.delayLevel === 0 ? firstRetryLevel + message.reconsumeTimes : header.delayLevel;
  properties.set(propertyNames.DELAY_TIME_LEVEL, String(level));
  const topic = dead ? topicFor(parts, dlqTopicOf(header.group), dlqQueueNums, 0) : retryTopic;
  const queueId = randomQueueId(ctx, dead ? dlqQueueNums : group.retryQueueNums);
  if (isBlank(properties.get(propertyNames.ORIGIN_MESSAGE_ID))) properties.set(propertyNames.ORIGIN_MESSAGE_ID, message.msgId);

  const input = form.input;
  input.flag = message.flag;
  input.bornTimestamp = message.bornTimestamp;
  input.bornHost = message.bornHostBytes;
  input.reconsumeTimes = message.reconsumeTimes + 1;
  input.preparedTransactionOffset = 0;
  input.body = message.body;
  input.bodyStart = 0;
  input.bodyEnd = message.body.length;
  const answer = placeMessage(parts, { traits: topicTraits(topic), queueId }, properties);
  if (answer !== undefined) throw new Refusal(responseCodes.SYSTEM_ERROR, 'MESSAGE_ILLEGAL');
  input.sysFlag = form.sysFlag(message.sysFlag, input.bornHost);
  const result = ctx.store.put(input);
  if (result.status !== 'PUT_OK') throw new Refusal(responseCodes.SYSTEM_ERROR, result.status);
  return new Promise((resolve, reject) => {
    acks.settle(result.phyOffset, false, (outcome, fault) => {
      if (outcome === 'FAULT') reject(new Refusal(responseCodes.SYSTEM_ERROR, `SERVICE_NOT_AVAILABLE: ${fault}`));
      else resolve({ code: responseCodes.SUCCESS });
    });
  });
}
