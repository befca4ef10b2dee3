/**
 * Half messages: how a transactional send becomes one, how a stored one is read, and how it is stored again, as itself or as the message it was prepared
 * for (`TransactionalMessageBridge`, `EndTransactionProcessor#endMessageTransaction`). When that happens is end-transaction.ts and check.ts.
 *
 *   send T/3, TRAN_MSG=true ──► RMQ_SYS_TRANS_HALF_TOPIC/0   + __transactionId__ = UNIQ_KEY, REAL_TOPIC = T, REAL_QID = 3; no transaction bits
 *   commit                  ──► T/3                          - REAL_TOPIC, REAL_QID; sysFlag commit; preparedTransactionOffset = place of the half
 *   commit and rollback     ──► RMQ_SYS_TRANS_OP_HALF_TOPIC/0  TAGS = d, body "12,15,": queue offsets of halves that are decided
 */
import { readRecord, RecordView } from '../../codec/message-record.js';
import { propertyNames } from '../../codec/properties.js';
import { decodeMessage } from '../../codec/stored-message.js';
import type { DecodedMessage } from '../../codec/stored-message.js';
import { messageSysFlag, withTransactionType } from '../../codec/sys-flag.js';
import { parseJavaInt } from '../../compat/java-number.js';
import type { PutForm } from '../broker/put-form.js';
import { transHalfTopic } from '../broker/topic-names.js';
import type { BrokerContext } from '../broker/types.js';

/** `TransactionalMessageUtil#REMOVE_TAG`. */
export const removeTag = 'd';
/** `MixAll#CID_SYS_RMQ_TRANS`: its offsets say how far halves and op messages are worked off. */
export const transactionGroup = 'CID_RMQ_SYS_TRANS';

/** A record of the half topic, or of where halves that were given up lie. */
export interface Half extends DecodedMessage {
  /** 8 or 20 bytes. */
  readonly bornHostBytes: Buffer;
  /** Where it goes once it is committed; undefined when its properties name no such place. */
  readonly real: { readonly topic: string; readonly queueId: number } | undefined;
}

/** The properties that make a message to `topic` and `queueId` a half message (`TransactionalMessageBridge#parseHalfMessageInner`). */
export function makeHalf(properties: Map<string, string>, topic: string, queueId: number): void {
  const uniqKey = properties.get(propertyNames.UNIQ_KEY);
  if (uniqKey !== undefined && uniqKey !== '') properties.set(propertyNames.TRANSACTION_ID, uniqKey);
  properties.set(propertyNames.REAL_TOPIC, topic);
  properties.set(propertyNames.REAL_QUEUE_ID, String(queueId));
}

/** Reads a record that `MessageStore.record` gave; undefined when it is no half message. */
export function readHalf(record: Buffer): Half | undefined {
  const half = readStored(record);
  return half?.topic === transHalfTopic ? half : undefined;
}

/** The same for a half message wherever it was moved to. */
export function readStored(record: Buffer): Half | undefined {
  const view = new RecordView();
  if (readRecord(view, record, 0, record.length) !== 'record') return undefined;
  const message = decodeMessage(view);
  const topic = message.properties.get(propertyNames.REAL_TOPIC);
  const queueId = parseJavaInt(message.properties.get(propertyNames.REAL_QUEUE_ID) ?? '');
  return {
    ...message,
    bornHostBytes: record.subarray(view.bornHostStart, view.bornHostEnd),
    real: topic === undefined || topic === '' || queueId === undefined || queueId < 0 ? undefined : { topic, queueId },
  };
}

/** Fills the form with the half as it is stored; queue, properties and sysFlag may be changed before the put. */
function fillForm(form: PutForm, half: Half, properties: ReadonlyMap<string, string>): void {
  const input = form.input;
  input.flag = half.flag;
  input.bornTimestamp = half.bornTimestamp;
  input.bornHost = half.bornHostBytes;
  input.reconsumeTimes = half.reconsumeTimes;
  input.preparedTransactionOffset = 0;
  input.body = half.body;
  input.bodyStart = 0;
  input.bodyEnd = half.body.length;
  form.exactly(properties);
  input.sysFlag = form.sysFlag(half.sysFlag, input.bornHost);
}

/** The half once more in a queue of a topic of the broker's own, with these properties. */
export function fillAgain(ctx: BrokerContext, form: PutForm, half: Half, topic: string, properties: ReadonlyMap<string, string>): void {
  fillForm(form, half, properties);
  form.input.queue = ctx.store.queue(topic, topic === transHalfTopic ? half.queueId : 0);
}

/** The message that the half was prepared for. False when the half names no place. */
export function fillCommitted(ctx: BrokerContext, form: PutForm, half: Half): boolean {
  if (half.real === undefined) return false;
  const properties = new Map(half.properties);
  properties.delete(propertyNames.REAL_TOPIC);
  properties.delete(propertyNames.REAL_QUEUE_ID);
  fillForm(form, half, properties);
  form.input.sysFlag = withTransactionType(form.input.sysFlag, messageSysFlag.TRANSACTION_COMMIT);
  form.input.preparedTransactionOffset = half.phyOffset;
  form.input.queue = ctx.store.queue(half.real.topic, half.real.queueId);
  return true;
}
