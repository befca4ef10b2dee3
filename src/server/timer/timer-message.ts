/**
 * A message of the timer topic: what it says of its time and place, and how it is put again, to its real place or once more to the timer topic
 * (`TimerMessageStore#convert`, `#convertMessage`).
 */
import { readRecord, RecordView } from '../../codec/message-record.js';
import { formatProperties, parseProperties, propertyNames, propertySeparator } from '../../codec/properties.js';
import { parseJavaInt, parseJavaLong } from '../../compat/java-number.js';
import type { PutResult } from '../../store/types.js';
import type { PutForm } from '../broker/put-form.js';
import { isSendForbidden, timerTopic, topicNameFault } from '../broker/topic-names.js';
import type { BrokerContext } from '../broker/types.js';

/** TIMER_ENQUEUE_MS of a message that was due before it could be entered. */
export const neverEntered = '9223372036854775807';

export interface TimerMessage {
  readonly record: Buffer;
  readonly phyOffset: number;
  readonly outMs: number;
  readonly realTopic: string;
  readonly realQueueId: number;
  readonly uniqKey: string | undefined;
  /** Key of the message that this one calls back. */
  readonly deletes: string | undefined;
  readonly properties: Map<string, string>;
}

const view = new RecordView();

/**
 * What a record of the timer topic asks for; a text that says why it is none, when anybody may have sent it: in Apache one such message stops all
 * timers (`TimerMessageStore#enqueue`).
 */
export function readTimerMessage(record: Buffer): TimerMessage | string {
  if (readRecord(view, record, 0, record.length) !== 'record') return view.reason;
  if (record.toString('utf8', view.topicStart, view.topicEnd) !== timerTopic) return 'it is of another topic';
  const properties = parseProperties(record.toString('utf8', view.propertiesStart, view.propertiesEnd));
  const out = parseJavaLong(properties.get(propertyNames.TIMER_OUT_MS) ?? '');
  if (out === undefined || out < 0n || out > BigInt(Number.MAX_SAFE_INTEGER)) return 'TIMER_OUT_MS is missing or no time';
  const realTopic = properties.get(propertyNames.REAL_TOPIC);
  const realQueueId = parseJavaInt(properties.get(propertyNames.REAL_QUEUE_ID) ?? '');
  if (realTopic === undefined || topicNameFault(realTopic) !== undefined || realTopic === timerTopic || isSendForbidden(realTopic)) {
    return 'REAL_TOPIC is missing or names no topic that a message may be sent to';
  }
  if (realQueueId === undefined || realQueueId < 0) return 'REAL_QID is missing or no queue';
  return {
    record, phyOffset: view.phyOffset, outMs: Number(out), realTopic, realQueueId,
    uniqKey: properties.get(propertyNames.UNIQ_KEY), deletes: properties.get(propertyNames.TIMER_DEL_UNIQKEY), properties,
  };
}

/** The key by which a mark to delete finds its message (`TimerMessageStore#buildDeleteKey`). */
export function deleteKey(realTopic: string, uniqKey: string, withTopic: boolean): string {
  return withTopic ? `${realTopic}+${uniqKey}` : uniqKey;
}

/** Puts a message again: to its real place, or with `roll` to the timer topic. */
export function putAgain(ctx: BrokerContext, form: PutForm, message: TimerMessage, enteredMs: string, roll: boolean): PutResult {
  const { record, properties } = message;
  readRecord(view, record, 0, record.length);
  const more = new Map<string, string>([[propertyNames.TIMER_ENQUEUE_MS, enteredMs]]);
  if (roll) more.set(propertyNames.TIMER_ROLL_TIMES, String((parseJavaInt(properties.get(propertyNames.TIMER_ROLL_TIMES) ?? '0') ?? 0) + 1));
  more.set(propertyNames.TIMER_DEQUEUE_MS, String(ctx.clock.nowMs()));

  const input = form.input;
  input.queue = roll ? ctx.store.queue(timerTopic, 0) : ctx.store.queue(message.realTopic, message.realQueueId);
  input.flag = view.flag;
  input.bornTimestamp = view.bornTimestamp;
  input.bornHost = record.subarray(view.bornHostStart, view.bornHostEnd);
  input.reconsumeTimes = view.reconsumeTimes;
  input.preparedTransactionOffset = 0;
  input.body = record;
  input.bodyStart = view.bodyStart;
  input.bodyEnd = view.bodyEnd;
  if ([...more.keys()].some((name) => properties.has(name))) form.exactly(new Map([...properties, ...more]));
  else {
    form.exactBytes(record, view.propertiesStart, view.propertiesEnd);
    const suffix = formatProperties(more);
    const closed = view.propertiesEnd === view.propertiesStart || record[view.propertiesEnd - 1] === propertySeparator;
    input.propsSuffix = Buffer.from(closed ? suffix : `\u0002${suffix}`, 'utf8');
  }
  input.sysFlag = form.sysFlag(view.sysFlag, input.bornHost);
  const result = ctx.store.put(input);
  if (result.status !== 'PROPERTIES_SIZE_EXCEEDED') return result;
  // No room for the bookkeeping: rather without it than not at all.
  form.exactBytes(record, view.propertiesStart, view.propertiesEnd);
  return ctx.store.put(input);
}
