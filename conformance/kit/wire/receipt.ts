/** Receipts of popped messages as clients build them (`ExtraInfoUtil`). */
import type { StoredMessage } from './record.js';

/** `kind queueId startOffset;...` by `kind queueId`. */
export function startOffsets(info: string): Map<string, string> {
  return new Map(info.split(';').map((part) => part.split(' ')).map(([kind, queueId, offset]) => [`${kind ?? ''} ${queueId ?? ''}`, offset ?? '']));
}

/**
 * The receipt of a popped message: its POP_CK, which the broker puts on retried messages, or else what clients build from the header of the answer
 * (`ExtraInfoUtil#buildExtraInfo`); undefined when the answer lacks a part of it.
 */
export function receiptOf(ext: Readonly<Record<string, string>>, message: StoredMessage, brokerName: string): string | undefined {
  const given = message.properties['POP_CK'];
  if (given !== undefined) return given;
  const start = startOffsets(ext['startOffsetInfo'] ?? '').get(`0 ${message.queueId}`);
  const parts = [start, ext['popTime'], ext['invisibleTime'], ext['reviveQid'], '0', brokerName, message.queueId, message.queueOffset];
  return parts.includes(undefined) ? undefined : parts.join(' ');
}

/** The topic a popped message is really in: a retried one carries its first topic's name (`ExtraInfoUtil#getRealTopic`). */
export function realTopic(group: string, message: StoredMessage): string {
  const kind = message.properties['POP_CK']?.split(' ')[4];
  return kind === '1' ? `%RETRY%${group}_${message.topic}` : kind === '2' ? `%RETRY%${group}+${message.topic}` : message.topic;
}
