/**
 * Receipt handles (`ReceiptHandle`): what a client says of a message it received. Opaque to clients, text to brokers:
 *
 *   startOffset popTime invisibleTime reviveQueueId topicType brokerName queueId queueOffset [commitLogOffset]
 *
 * topicType 0: the topic itself, 1: %RETRY%group_topic, 2: %RETRY%group+topic.
 */
import { grpcCode } from '../../codec/grpc-messages.js';
import { parseJavaInt, parseJavaLong } from '../../compat/java-number.js';
import { clampInt64 } from '../broker/pull.js';
import { retryPrefix } from '../broker/topic-names.js';
import { GrpcRefusal } from './status.js';

export interface ReceiptHandle {
  readonly text: string;
  /** When the message comes again: popTime + invisibleTime, as Java's longs reckon it. */
  readonly visibleMs: number;
  readonly topicType: string;
  readonly brokerName: string;
  readonly queueId: number;
  readonly queueOffset: number;
  /** -1 when the handle has none. */
  readonly commitLogOffset: number;
}

const handleCharsMax = 1024;

/** @throws GrpcRefusal */
export function readHandle(text: string): ReceiptHandle {
  const parts = text.length > handleCharsMax ? [] : text.split(' ');
  // Apache fails over it (INTERNAL_SERVER_ERROR), and so do clients expect it.
  const refuse = (why: string): never => {
    throw new GrpcRefusal(grpcCode.INTERNAL_SERVER_ERROR, `Parse failed, ${why}`);
  };
  if (parts.length < 8) refuse(`dataList size ${parts.length}`);
  const int = (at: number): number => {
    const part = parts[at] ?? '';
    const value = /^-?\d{1,16}$/.test(part) ? Number(part) + 0 : NaN; // -0 is 0 to Java
    return Number.isSafeInteger(value) ? value : refuse(`"${part}" is no number`);
  };
  const long = (at: number): bigint => parseJavaLong(parts[at] ?? '') ?? refuse(`"${parts[at] ?? ''}" is no number`);
  const shortSum = /^\d{1,15} \d{1,15}$/.test(`${parts[1] ?? ''} ${parts[2] ?? ''}`);
  const visibleMs = shortSum ? Number(parts[1]) + Number(parts[2]) : clampInt64(BigInt.asIntN(64, long(1) + long(2)));
  const int32 = (at: number): number => parseJavaInt(parts[at] ?? '') ?? refuse(`"${parts[at] ?? ''}" is no number`);
  int(0);
  int32(3);
  return {
    text, visibleMs, topicType: parts[4] ?? '', brokerName: parts[5] ?? '', queueId: int32(6), queueOffset: int(7),
    commitLogOffset: parts.length >= 9 ? int(8) : -1,
  };
}

export function isExpired(handle: ReceiptHandle, nowMs: number): boolean {
  return handle.visibleMs <= nowMs;
}

/** The topic the message is really in. */
export function realTopic(handle: ReceiptHandle, topic: string, group: string): string {
  if (handle.topicType === '1') return `${retryPrefix}${group}_${topic}`;
  return handle.topicType === '2' ? `${retryPrefix}${group}+${topic}` : topic;
}

/** The topicType of a topic's name. */
export function topicTypeOfName(topic: string): string {
  if (!topic.startsWith(retryPrefix)) return '0';
  return topic.includes('+') ? '2' : '1';
}
