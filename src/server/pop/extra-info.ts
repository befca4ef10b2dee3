/**
 * The texts of POP: receipts (extraInfo, POP_CK), the three lists of a pop's answer, and the names of POP's retry topics
 * (`ExtraInfoUtil`, `KeyBuilder`). Pure: text to values and back.
 *
 *   extraInfo        startOffset popTime invisibleTime reviveQid kind brokerName queueId [queueOffset]     parted by one blank
 *   startOffsetInfo  kind queueId startOffset;...
 *   msgOffsetInfo    kind queueId offset,offset,...;...
 *   orderCountInfo   kind queueId count;...  and  kind qo<queueId>%<offset> count;...
 *
 * kind: 0 the topic itself, 1 retry topic V1, 2 retry topic V2.
 */
import { Refusal } from '../../codec/errors.js';
import { responseCodes } from '../../codec/responses.js';
import { numberFormatText, parseJavaInt, parseJavaLong } from '../../compat/java-number.js';
import { retryPrefix } from '../broker/topic-names.js';

/** `KeyBuilder#POP_ORDER_REVIVE_QUEUE`: the revive queue that receipts of orderly pops name; nothing is stored for them. */
export const orderReviveQueue = 999;

export type TopicKind = '0' | '1' | '2';

/** `KeyBuilder#buildPopRetryTopic`. */
export function popRetryTopic(topic: string, group: string, v2: boolean): string {
  return `${retryPrefix}${group}${v2 ? '+' : '_'}${topic}`;
}

/** `KeyBuilder#isPopRetryTopicV2`. */
export function isRetryTopicV2(topic: string): boolean {
  return topic.startsWith(retryPrefix) && topic.includes('+');
}

/** `ExtraInfoUtil#getRetry`. */
export function topicKind(topic: string): TopicKind {
  return isRetryTopicV2(topic) ? '2' : topic.startsWith(retryPrefix) ? '1' : '0';
}

/** The topic that a retry topic of this group is for; any other topic is itself (`KeyBuilder#parseNormalTopic`). */
export function normalTopic(topic: string, group: string): string {
  if (!topic.startsWith(retryPrefix)) return topic;
  // V1 and V2 differ in one character.
  return topic.slice(retryPrefix.length + group.length + 1);
}

/** Topic and group of a retry topic V2; undefined for every other topic (`KeyBuilder#parseNormalTopic`, `#parseGroup`). */
export function partsOfRetryTopicV2(topic: string): { readonly topic: string; readonly group: string } | undefined {
  if (!isRetryTopicV2(topic)) return undefined;
  const parts = topic.slice(retryPrefix.length).split('+');
  const [group, normal] = parts;
  return parts.length === 2 && group !== undefined && normal !== undefined ? { topic: normal, group } : undefined;
}

/** `ExtraInfoUtil#getRealTopic`; throws SYSTEM_ERROR for an unknown kind. */
export function realTopic(topic: string, group: string, kind: string): string {
  if (kind === '0') return topic;
  if (kind === '1' || kind === '2') return popRetryTopic(topic, group, kind === '2');
  throw illegalArgument('getRetry fail, format is wrong');
}

/** What an exception in Apache's processor is answered with. */
function illegalArgument(text: string): Refusal {
  return new Refusal(responseCodes.SYSTEM_ERROR, `java.lang.IllegalArgumentException: ${text}`);
}

/** A receipt as the handlers need it. Numbers that a receipt of ours could have; anything else was refused. */
export interface Receipt {
  readonly startOffset: number;
  readonly popTime: number;
  readonly invisibleTime: number;
  readonly reviveQid: number;
  readonly brokerName: string;
}

export function formatExtraInfo(receipt: Receipt, kind: TopicKind, queueId: number, queueOffset: number): string {
  return `${receipt.startOffset} ${receipt.popTime} ${receipt.invisibleTime} ${receipt.reviveQid} ${kind} ${receipt.brokerName} ${queueId} ${queueOffset}`;
}

/** A long of a receipt; one beyond 2^53 is no number we ever wrote, and is cut to the largest we could. */
function longOf(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const value = parseJavaLong(text);
  if (value === undefined) throw new Refusal(responseCodes.SYSTEM_ERROR, numberFormatText(text.slice(0, 64)));
  const max = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(value > max ? max : value < -max ? -max : value);
}

/**
 * Reads a receipt. Throws SYSTEM_ERROR with the words of Apache's exception when it is cut short or holds no numbers
 * (`ExtraInfoUtil#split` and its getters, in the order `AckMessageProcessor#appendAck` calls them).
 */
export function readReceipt(text: string): Receipt {
  const parts = text.split(' ');
  // Java's split leaves out empty parts at the end.
  while (parts.length > 1 && parts[parts.length - 1] === '') parts.pop();
  const [start, pop, invisible, revive, , brokerName] = parts;
  if (start === undefined || pop === undefined || invisible === undefined || revive === undefined || brokerName === undefined) {
    throw illegalArgument(`getBrokerName fail, extraInfoStrs length ${parts.length}`);
  }
  const reviveQid = parseJavaInt(revive);
  if (reviveQid === undefined) throw new Refusal(responseCodes.SYSTEM_ERROR, numberFormatText(revive.slice(0, 64)));
  return { startOffset: longOf(start), popTime: longOf(pop), invisibleTime: longOf(invisible), reviveQid, brokerName };
}

/** Gathers one of the lists of a pop's answer. */
export class InfoList {
  #text = '';

  get text(): string {
    return this.#text;
  }

  add(kind: TopicKind, key: string | number, value: string | number): void {
    this.#text += `${this.#text === '' ? '' : ';'}${kind} ${key} ${value}`;
  }
}
