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

/** What dispatching a record found: `gap` = its queue lacks entries before it; `skipped` = it was there already, belongs to no queue, or cannot be where it says; `doubted` = what comes next decides. */
export type DispatchOutcome = 'appended' | 'skipped' | 'gap' | 'doubted';

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
  const count = Number(parseProperties(text).get(propertyNames.INNER_NUM));
  return Number.isInteger(count) && count >= 1 && count <= batchCountMax ? count : 1;
}

/** Bytes of a record with nothing in it. */
const recordBytesMin = recordLength(8, 8, 0, 1, 0);

/** A record's entry, and where in its queue the record says it belongs. No CRC covers that offset. */
interface Entry {
  readonly queueOffset: number;
  readonly phyOffset: number;
  readonly size: number;
  readonly tagsCode: number;
  readonly storeTimestamp: number;
  readonly count: number;
}

export class Dispatcher {
  /** Queues that are built anew from the log's first record on: gaps in them are bridged with blank entries. */
  bridged: ReadonlySet<StoreQueue> = new Set();
  /** Other queues that lack entries before a record. */
  readonly gaps = new Set<StoreQueue>();
  /** Entries that do not follow their predecessor: what comes next says whether the offset is true or damaged. */
  readonly #doubted = new Map<StoreQueue, Entry>();
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

  /** Dispatches one checked record. Its queue's entries become visible at once. After the last one: `finish`. */
  dispatch(record: RecordView): DispatchOutcome {
    const { queues, index, delayLevels } = this.#parts;
    const bytes = record.bytes;
    const topic = this.#topicOf(bytes, record.topicStart, record.topicEnd);
    if (topic === undefined || record.queueId < 0) return 'skipped';
    const type = transactionType(record.sysFlag);
    const toQueue = !isUndispatched(record.sysFlag);
    const toIndex = index !== undefined && type !== messageSysFlag.TRANSACTION_ROLLBACK && record.phyOffset >= this.indexFrom;
    if (!toQueue && !toIndex) return 'skipped';
    let outcome: DispatchOutcome = 'skipped';
    scanProperties(this.#scan, bytes, record.propertiesStart, record.propertiesEnd);
    const scan = this.#scan;
    const queue = queues.ref(topic, record.queueId);
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

  /** The log has no more records: a doubted one leads on, begins a new life of its queue, or has as much for it as the only other one. */
  finish(): void {
    for (const [queue, doubted] of this.#doubted) {
      const { queueOffset, phyOffset } = doubted;
      const leadsOn = queueOffset > queue.nextOffset && !this.#isBeyond(queue, queueOffset, phyOffset);
      if (leadsOn || queueOffset === 0 || (queueOffset < queue.nextOffset && this.#hasOnlyItsFirst(queue))) this.#believe(queue, doubted);
    }
    this.#doubted.clear();
  }

  /**
   * The record's entry in a queue, unless it is there already. An offset that does not follow is believed once a later record goes on from it, or `finish` says
   * so: a queue that was deleted and made again begins anew, one that lost records goes on behind them, and one damaged record takes no others with it.
   */
  #enter(queue: StoreQueue, record: RecordView, queueOffset: number, tagsCode: number): DispatchOutcome {
    const bridged = this.bridged.has(queue);
    const deleted = !queue.registered && record.phyOffset < this.vouched && !bridged;
    if (record.phyOffset <= queue.lastPhyOffset || deleted) return 'skipped';
    if (this.gaps.has(queue)) return 'gap';
    const count = queue.batch === undefined ? 1 : innerCountOf(record);
    const { phyOffset, size, storeTimestamp } = record;
    const one: Entry = { queueOffset, phyOffset, size, tagsCode, storeTimestamp, count };
    const before = this.#doubted.get(queue);
    if (before !== undefined && goesOnFrom(queue, before, one)) this.#believe(queue, before);
    if (queueOffset === queue.nextOffset) return this.#append(queue, one);
    if (queueOffset > queue.nextOffset && !bridged) {
      this.gaps.add(queue);
      return 'gap';
    }
    if (queue.nextOffset === 0 && !queue.registered) return this.#believe(queue, one);
    if (this.#isBeyond(queue, queueOffset, phyOffset) && !this.#hasOnlyItsFirst(queue)) {
      this.#doubted.delete(queue);
      return 'skipped';
    }
    this.#doubted.set(queue, one);
    return 'doubted';
  }

  /** A queue that is built anew and whose first record nothing has confirmed. */
  #hasOnlyItsFirst(queue: StoreQueue): boolean {
    return queue.nextOffset - queue.minOffset === 1 && this.bridged.has(queue);
  }

  /** Whether an offset is further on than there can have been records. It is damaged, and so many blank entries would fill the memory. */
  #isBeyond(queue: StoreQueue, queueOffset: number, phyOffset: number): boolean {
    return queueOffset - queue.nextOffset > lostMax(queue, queue.lastPhyOffset, phyOffset);
  }

  #append(queue: StoreQueue, { phyOffset, size, tagsCode, storeTimestamp, count }: Entry): DispatchOutcome {
    const { queues, clock } = this.#parts;
    this.#doubted.delete(queue);
    queues.register(queue);
    if (queue.batch === undefined) queues.append(queue, phyOffset, size, tagsCode, storeTimestamp, undefined);
    else queue.appendBatch(phyOffset, size, tagsCode, storeTimestamp, count);
    queue.extension?.written();
    queue.writtenOffset = queue.maxOffset = queue.nextOffset;
    queue.lastPutMs = clock.nowMs();
    queues.dirty.add(queue);
    return 'appended';
  }

  /** Brings a queue to where a doubted record says its entry is, and enters it. */
  #believe(queue: StoreQueue, one: Entry): DispatchOutcome {
    const { queueOffset, phyOffset } = one;
    if (queueOffset < queue.flushedOffset) this.#parts.queues.cut(queue, queueOffset);
    else if (queueOffset < queue.nextOffset) queue.takeBack(queueOffset);
    else if (!queue.registered || this.#isBeyond(queue, queueOffset, phyOffset)) {
      this.#parts.queues.cut(queue, 0);
      queue.startAt(queueOffset);
      queue.minOffset = queueOffset;
    }
    queue.minOffset = Math.min(queue.minOffset, queueOffset);
    while (queue.nextOffset < queueOffset) {
      const last = queue.lastPhyOffset;
      queue.append(0, preBlankSize, 0);
      queue.lastPhyOffset = last;
    }
    return this.#append(queue, one);
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
}

/** How many entries may be missing between two records: those in between were records too. */
const lostMax = (queue: StoreQueue, from: number, to: number): number => ((to - Math.max(0, from)) / recordBytesMin) * (queue.batch === undefined ? 1 : batchCountMax);

/** Whether a record makes another one before it true: it follows at once, or, where that one led on, with as many lost in between as can be. */
function goesOnFrom(queue: StoreQueue, before: Entry, next: Entry): boolean {
  const lost = next.queueOffset - (before.queueOffset + before.count);
  if (before.queueOffset < queue.nextOffset) return lost === 0;
  return lost >= 0 && lost <= lostMax(queue, before.phyOffset, next.phyOffset);
}
