/**
 * From a stored record to its ConsumeQueue entry and its index entries (`CommitLogDispatcherBuildConsumeQueue`, `..BuildIndex`). Recovery and replicas
 * come through here; a put does the same with what it already knows (message-store.ts), and a test holds the two to the same result.
 */
import { allowsLightQueues, lightQueueId } from '../compat/light-queues.js';
import { javaHashOfBytes } from '../compat/java-string-hash.js';
import { preBlankSize } from '../codec/consume-queue-unit.js';
import { recordLength } from '../codec/message-record.js';
import type { RecordView } from '../codec/message-record.js';
import { parseProperties, propertyNames, PropertyScan, scanProperties } from '../codec/properties.js';
import { isUndispatched, messageSysFlag, transactionType } from '../codec/sys-flag.js';
import { batchCountMax } from './batch-units.js';
import type { StoreQueue } from './consume-queue.js';
import { lightEntriesOf } from './light-queues.js';
import { isTopicName } from './names.js';
import { servesLightQueues } from './options.js';
import type { StoreParts } from './parts.js';

/** What dispatching a record found: `gap` = its queue lacks entries before it; `skipped` = it was there already, or belongs to no queue. */
export type DispatchOutcome = 'appended' | 'skipped' | 'gap';

/** Delivery time of a delayed message: unknown levels count a second (`DefaultMessageStore#computeDeliverTimestamp`). */
export function deliveryTime(levels: readonly number[], level: number, storeTimestamp: number): number {
  const capped = Math.min(level, levels.length - 1);
  return storeTimestamp + (levels[capped] ?? 1000);
}

/** The level a DELAY property asks for; 0 when it is no number from 1 on. */
function delayLevelOf(bytes: Uint8Array, start: number, end: number): number {
  if (start < 0 || end - start > 10) return 0;
  let level = 0;
  for (let i = start; i < end; i++) {
    const digit = (bytes[i] as number) - 48;
    if (digit < 0 || digit > 9) return 0;
    level = level * 10 + digit;
  }
  return level;
}

/** The tags code of a stored message: hash of TAGS, or its delivery time in the delay topic (`CommitLog#checkMessageAndReturnSize`). */
export function tagsCodeOf(scan: PropertyScan, bytes: Uint8Array, queue: StoreQueue, storeTimestamp: number, delayLevels: readonly number[]): number {
  if (queue.delayed) {
    const level = delayLevelOf(bytes, scan.delayStart, scan.delayEnd);
    if (level > 0) return deliveryTime(delayLevels, level, storeTimestamp);
  }
  return scan.tagsStart < 0 ? 0 : javaHashOfBytes(0, bytes, scan.tagsStart, scan.tagsEnd);
}

/** Messages of a record: INNER_NUM of an inner batch, else one. */
export function innerCountOf(record: RecordView): number {
  if ((record.sysFlag & messageSysFlag.INNER_BATCH) === 0) return 1;
  const text = Buffer.from(record.bytes.buffer, record.bytes.byteOffset, record.bytes.length).toString('utf8', record.propertiesStart, record.propertiesEnd);
  const count = Number(parseProperties(text).get(propertyNames.INNER_NUM) ?? '1');
  return Number.isInteger(count) && count >= 1 && count <= batchCountMax ? count : 1;
}

/** Bytes of a record with nothing in it. */
const recordBytesMin = recordLength(8, 8, 0, 1, 0);

export class Dispatcher {
  /** Queues that are built anew from the log's first record on: gaps in them are bridged with blank entries. */
  bridged: ReadonlySet<StoreQueue> = new Set();
  /** Other queues in which a record did not follow its predecessor. */
  readonly gaps = new Set<StoreQueue>();
  /** A record below, of a queue that has no files and is not built anew, belongs to a topic that was deleted. */
  vouched = 0;
  /** Index entries are made for records from here on. */
  indexFrom = 0;
  readonly #parts: StoreParts;
  readonly #scan = new PropertyScan();
  readonly #servesLight: boolean;
  #topicBytes: Uint8Array = new Uint8Array(0);
  #topic: string | undefined = undefined;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#servesLight = servesLightQueues(parts.config);
  }

  /** Dispatches one checked record. Its queue's entries become visible at once. */
  dispatch(record: RecordView): DispatchOutcome {
    const { queues, index, delayLevels } = this.#parts;
    const bytes = record.bytes;
    const topic = this.#topicOf(bytes, record.topicStart, record.topicEnd);
    if (topic === undefined || record.queueId < 0) return 'skipped';
    const type = transactionType(record.sysFlag);
    const toQueue = !isUndispatched(record.sysFlag);
    const toIndex = index !== undefined && type !== messageSysFlag.TRANSACTION_ROLLBACK && record.phyOffset >= this.indexFrom;
    if (!toQueue && !toIndex) return 'skipped';
    scanProperties(this.#scan, bytes, record.propertiesStart, record.propertiesEnd);
    const scan = this.#scan;
    const queue = queues.ref(topic, record.queueId);
    let outcome: DispatchOutcome = 'skipped';
    if (toQueue) {
      const tagsCode = tagsCodeOf(scan, bytes, queue, record.storeTimestamp, delayLevels);
      outcome = this.#enter(queue, record, record.queueOffset, tagsCode);
      if (scan.special && this.#servesLight && queue.batch === undefined && allowsLightQueues(topic)) {
        for (const entry of lightEntriesOf(bytes, record.propertiesStart, record.propertiesEnd)) {
          this.#enter(queues.ref(entry.name, lightQueueId), record, entry.queueOffset, tagsCode);
        }
      }
    }
    if (toIndex) {
      index.add(
        queue,
        record.phyOffset,
        record.storeTimestamp,
        bytes,
        scan.uniqKeyStart,
        scan.uniqKeyEnd,
        scan.keysStart,
        scan.keysEnd,
        scan.tagsStart,
        scan.tagsEnd,
      );
    }
    return outcome;
  }

  /** The record's entry in a queue, unless it is there already. */
  #enter(queue: StoreQueue, record: RecordView, queueOffset: number, tagsCode: number): DispatchOutcome {
    const { queues, clock } = this.#parts;
    const deleted = !queue.registered && record.phyOffset < this.vouched && !this.bridged.has(queue);
    if (record.phyOffset <= queue.lastPhyOffset || deleted) return 'skipped';
    const outcome = this.#fit(queue, queueOffset, record.phyOffset);
    if (outcome === 'gap') this.gaps.add(queue);
    if (outcome !== 'appended') return outcome;
    queues.register(queue);
    if (queue.batch === undefined) queues.append(queue, record.phyOffset, record.size, tagsCode, record.storeTimestamp, undefined);
    else queue.appendBatch(record.phyOffset, record.size, tagsCode, record.storeTimestamp, innerCountOf(record));
    queue.extension?.written();
    queue.writtenOffset = queue.maxOffset = queue.nextOffset;
    queue.lastPutMs = clock.nowMs();
    queues.dirty.add(queue);
    return outcome;
  }

  /** The topic, undefined when it may not name a directory. Runs of one topic make no strings. */
  #topicOf(bytes: Uint8Array, start: number, end: number): string | undefined {
    const last = this.#topicBytes;
    let same = last.length === end - start;
    for (let i = 0; same && i < last.length; i++) same = last[i] === bytes[start + i];
    if (!same) {
      this.#topicBytes = bytes.slice(start, end);
      const topic = Buffer.from(this.#topicBytes).toString('utf8');
      this.#topic = isTopicName(topic) ? topic : undefined;
    }
    return this.#topic;
  }

  /** Brings a queue to where its next entry has this offset. */
  #fit(queue: StoreQueue, queueOffset: number, phyOffset: number): DispatchOutcome {
    if (this.gaps.has(queue)) return 'gap';
    if (queueOffset === queue.nextOffset) return 'appended';
    if (queueOffset < queue.nextOffset) {
      // A later record with an earlier offset: the topic was deleted and made again in between. The later life counts.
      if (queueOffset < queue.flushedOffset) this.#parts.queues.cut(queue, queueOffset);
      else queue.takeBack(queueOffset);
      return 'appended';
    }
    if (queue.nextOffset === 0 && !queue.registered) {
      if (!this.bridged.has(queue)) return 'gap';
      queue.startAt(queueOffset);
      queue.minOffset = queueOffset;
      return 'appended';
    }
    if (!this.bridged.has(queue)) return 'gap';
    // What is missing in between were records. An offset beyond them is a damage of this one, and as many blank entries would fill the memory.
    const lostMax = ((phyOffset - Math.max(0, queue.lastPhyOffset)) / recordBytesMin) * (queue.batch === undefined ? 1 : batchCountMax);
    if (queueOffset - queue.nextOffset > lostMax) return 'skipped';
    while (queue.nextOffset < queueOffset) {
      const last = queue.lastPhyOffset;
      queue.append(0, preBlankSize, 0);
      queue.lastPhyOffset = last;
    }
    return 'appended';
  }
}
