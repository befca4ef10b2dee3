/** The records of a read, one by one: where each lies in its queue, and a retried message as its group is to see it. */
import { readRecord, RecordView } from '../../codec/message-record.js';
import { propertyNames } from '../../codec/properties.js';
import { decodeMessage, encodeMessage } from '../../codec/stored-message.js';
import { getInt64, viewOf } from '../../codec/int64.js';
import type { GetResult } from '../../store/types.js';

/** Position of QUEUEOFFSET in a record. */
const queueOffsetAt = 20;

/** The store checked these records when it read them: each begins with its length. */
export function recordsOf(result: GetResult): Buffer[] {
  const records: Buffer[] = [];
  for (const slice of result.slices) {
    for (let at = 0; at + 4 <= slice.length;) {
      const size = slice.readInt32BE(at);
      if (size <= 0) break;
      records.push(slice.subarray(at, at + size));
      at += size;
    }
  }
  return records;
}

export function queueOffsetOf(record: Buffer): number {
  return getInt64(viewOf(record), queueOffsetAt);
}

const view = new RecordView();

/**
 * A message of a retry topic under its first topic's name, with the receipt that names where it really is, unless it has one
 * (`PopMessageProcessor#popMsgFromQueue`). Undefined when the record cannot be read.
 */
export function underFirstTopic(record: Buffer, topic: string, receipt: (queueId: number, queueOffset: number) => string): Buffer | undefined {
  if (readRecord(view, record, 0, record.length) !== 'record') return undefined;
  const message = decodeMessage(view);
  if (!message.properties.has(propertyNames.POP_CK)) message.properties.set(propertyNames.POP_CK, receipt(message.queueId, message.queueOffset));
  try {
    return encodeMessage({ ...message, topic });
  } catch {
    // No room for the receipt: clients then build it from the answer, under the retry topic's name.
    return record;
  }
}
