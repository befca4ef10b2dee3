/**
 * Calling a timer message back (`RecallMessageProcessor`, `RecallMessageHandle`): the handle that the answer to its send carries, and RECALL_MESSAGE, which
 * puts a mark to delete at the same time. Both meet when the time comes (timers.ts).
 */
import { propertyNames } from '../../codec/properties.js';
import { responseCodes } from '../../codec/responses.js';
import type { ResponseCode } from '../../codec/responses.js';
import { parseJavaLong } from '../../compat/java-number.js';
import type { Handlers, Reply } from '../../remoting/types.js';
import { noRemark } from '../broker/admin.js';
import { topicTraits } from '../broker/put-form.js';
import { placeMessage } from '../broker/put-place.js';
import type { PutParts } from '../broker/put-place.js';
import { isWriteable } from '../broker/send-checks.js';
import { retryPrefix } from '../broker/topic-names.js';
import { deleteKey } from './timer-message.js';

const version = 'v1';
/** `RecallMessageProcessor#RECALL_MESSAGE_TAG`. */
const recallTag = '_RECALL_TAG_';
const body = Buffer.from('0');

export interface RecallHandle {
  readonly topic: string;
  readonly brokerName: string;
  readonly timestamp: string;
  /** UNIQ_KEY of the message. */
  readonly messageId: string;
}

/** URL-safe base64, padded, of version and parts with blanks between them (`HandleV1#buildHandle`). */
export function recallHandle(handle: RecallHandle): string {
  const text = [version, handle.topic, handle.brokerName, handle.timestamp, handle.messageId].join(' ');
  const bare = Buffer.from(text, 'utf8').toString('base64url');
  return bare + '='.repeat((4 - (bare.length % 4)) % 4);
}

/** `RecallMessageHandle#decodeHandle`; undefined for what is no handle. */
export function readRecallHandle(text: string): RecallHandle | undefined {
  // As Java's decoder: no other characters, and padding, where there is any, complete.
  const match = /^([A-Za-z0-9_-]+)(={0,2})$/.exec(text);
  const [, bare, padding] = match ?? [];
  if (bare === undefined || bare.length % 4 === 1 || (padding !== '' && (bare.length + (padding ?? '').length) % 4 !== 0)) return undefined;
  const items = Buffer.from(bare, 'base64url').toString('utf8').replace(/ +$/, '').split(' ');
  const [first, topic, brokerName, timestamp, messageId] = items;
  if (first !== version || topic === undefined || brokerName === undefined || timestamp === undefined || messageId === undefined) return undefined;
  return { topic, brokerName, timestamp, messageId };
}

/** The handle for a message that waits for its time; undefined for others (`SendMessageProcessor#attachRecallHandle`). */
export function handleOfPut(brokerName: string, properties: ReadonlyMap<string, string>): string | undefined {
  const out = parseJavaLong(properties.get(propertyNames.TIMER_OUT_MS) ?? '');
  const topic = properties.get(propertyNames.REAL_TOPIC);
  if (out === undefined || topic === undefined || topic.startsWith(retryPrefix)) return undefined;
  return recallHandle({ topic, brokerName, timestamp: String(out + 1n), messageId: properties.get(propertyNames.UNIQ_KEY) ?? '' });
}

export function createRecall(parts: PutParts): Pick<Handlers, 'RECALL_MESSAGE'> {
  const { ctx, form, acks } = parts;
  const { config, clock } = ctx;
  const ext = (): Readonly<Record<string, string>> => ({ [propertyNames.MSG_REGION]: config.regionId });
  const refuse = (code: ResponseCode, remark: string): Reply<'RECALL_MESSAGE'> => ({ code, remark, ext: ext() });

  return {
    RECALL_MESSAGE(call, header) {
      if (!config.recallMessageEnable) return refuse(responseCodes.NO_PERMISSION, 'recall failed, operation is forbidden');
      const nowMs = clock.nowMs();
      if (nowMs < config.startAcceptSendRequestTimeStamp || (!isWriteable(config.brokerPermission) && !config.allowRecallWhenBrokerNotWriteable)) {
        return refuse(responseCodes.SERVICE_NOT_AVAILABLE, 'recall failed, broker service not available');
      }
      const topic = ctx.topics.get(header.topic);
      if (topic === undefined) return refuse(responseCodes.TOPIC_NOT_EXIST, `recall failed, the topic[${header.topic}] not exist`);
      const handle = readRecallHandle(header.recallHandle);
      if (handle === undefined) return refuse(responseCodes.ILLEGAL_OPERATION, 'recall handle is invalid');
      if (handle.topic !== header.topic) return refuse(responseCodes.ILLEGAL_OPERATION, 'recall failed, topic not match');
      if (handle.brokerName !== config.brokerName) return refuse(responseCodes.ILLEGAL_OPERATION, 'recall failed, broker service not available');
      const timeLeft = (parseJavaLong(handle.timestamp) ?? -1n) - BigInt(nowMs);
      if (timeLeft <= 0n || timeLeft >= BigInt(config.timerMaxDelaySec) * 1000n) return refuse(responseCodes.ILLEGAL_OPERATION, 'recall failed, timestamp invalid');

      const properties = new Map<string, string>([
        [propertyNames.TAGS, recallTag],
        [propertyNames.TIMER_DEL_UNIQKEY, deleteKey(handle.topic, handle.messageId, config.appendTopicForTimerDeleteKey)],
        [propertyNames.UNIQ_KEY, handle.messageId],
        [propertyNames.TIMER_DELIVER_MS, handle.timestamp],
        [propertyNames.BORN_TIMESTAMP, String(nowMs)],
      ]);
      if (header.producerGroup !== undefined) properties.set(propertyNames.PRODUCER_GROUP, header.producerGroup);
      const input = form.input;
      input.flag = 0;
      input.bornTimestamp = nowMs;
      input.bornHost = call.connection.remoteHost;
      input.reconsumeTimes = 0;
      input.preparedTransactionOffset = 0;
      input.body = body;
      input.bodyStart = 0;
      input.bodyEnd = body.length;
      const failed = (): Reply<'RECALL_MESSAGE'> => refuse(responseCodes.SYSTEM_ERROR, 'recall failed, execute error');
      if (placeMessage(parts, { traits: topicTraits(topic), queueId: 0 }, properties) !== undefined) return failed();
      input.sysFlag = form.sysFlag(0, input.bornHost);
      const result = ctx.store.put(input);
      if (result.status !== 'PUT_OK') return failed();
      acks.settle(result.phyOffset, true, (outcome) => {
        call.reply(outcome === 'FAULT' ? failed() : { code: responseCodes.SUCCESS, remark: noRemark, header: { msgId: handle.messageId }, ext: ext() });
      });
      return undefined;
    },
  };
}
