/**
 * Light queues at work (`LmqDispatch`, `ConsumeQueue#multiDispatchLmqQueue`): which queues a message is to be entered in besides its own, and what its
 * record says of them. Their names are compat/light-queues.ts, their files those of any ConsumeQueue.
 *
 *   INNER_MULTI_DISPATCH      %LMQ%a,%LMQ%b     from the sender
 *   INNER_MULTI_QUEUE_OFFSET  17,4              added by the store: the offset in each, in the same order
 */
import { isLightQueue, lightQueueId, lightQueueSeparator } from '../compat/light-queues.js';
import { parseProperties, propertyNames } from '../codec/properties.js';
import type { StoreQueue } from './consume-queue.js';
import { isTopicName } from './names.js';
import type { QueueTable } from './queue-table.js';

/** Ours: light queues a store keeps whatever enableLmqQuota says. */
export const lightQueuesLimit = 200_000;

/** Names as `String#split` gives them: empty ones at the end are dropped. */
function split(text: string): string[] {
  const parts = text.split(lightQueueSeparator);
  while (parts.length > 0 && parts.at(-1) === '') parts.pop();
  return parts;
}

/** The queues a property names, in its order, doubles included; a text says which of them is no light queue. */
export function lightQueuesOf(queues: QueueTable, text: string): readonly StoreQueue[] | string {
  const found: StoreQueue[] = [];
  for (const name of split(text)) {
    // With any other name Apache writes a record that stops the building of all its queues.
    if (!isLightQueue(name) || !isTopicName(name)) {
      return `${propertyNames.INNER_MULTI_DISPATCH} names ${JSON.stringify(name.slice(0, 64))}: names begin with %LMQ%, have at most 255 bytes and none of / \\ , and control characters`;
    }
    found.push(queues.ref(name, lightQueueId));
  }
  return found;
}

/** INNER_MULTI_QUEUE_OFFSET with what is next in each queue. */
export function lightOffsetsProperty(queues: readonly StoreQueue[]): string {
  return `${propertyNames.INNER_MULTI_QUEUE_OFFSET}\u0001${queues.map((queue) => queue.nextOffset).join(lightQueueSeparator)}\u0002`;
}

/** An entry that a record has in a light queue. */
export interface LightEntry {
  readonly name: string;
  readonly queueOffset: number;
}

/** The entries that a stored record's properties tell of; none when the two lists do not agree. */
export function lightEntriesOf(bytes: Uint8Array, start: number, end: number): readonly LightEntry[] {
  const properties = parseProperties(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8', start, end));
  const names = split(properties.get(propertyNames.INNER_MULTI_DISPATCH) ?? '');
  const offsets = split(properties.get(propertyNames.INNER_MULTI_QUEUE_OFFSET) ?? '');
  if (names.length !== offsets.length) return [];
  const entries: LightEntry[] = [];
  names.forEach((name, i) => {
    const text = offsets[i] ?? '';
    const queueOffset = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    if (isLightQueue(name) && isTopicName(name) && Number.isSafeInteger(queueOffset)) entries.push({ name, queueOffset });
  });
  return entries;
}
