/**
 * One ConsumeQueue: entries are appended in memory when a message is put, become visible when it was written, and reach the files lazily.
 * Layout of an entry: codec/consume-queue-unit.ts. When to flush and what to delete is decided by queue-table.ts, recover.ts and clean.ts.
 *
 *   consumequeue/TOPIC/QUEUEID/N(20)   N = byte offset of its first entry; entry n of the queue stands at byte n * 20; full length from the start
 *
 *   queueOffset:   minOffset .. flushedOffset .. maxOffset .. writtenOffset .. nextOffset
 *                  still served  in the files    visible      in the log        put this turn
 */
import * as path from 'node:path';
import { javaStringHash } from '../compat/java-string-hash.js';
import { isLightQueue } from '../compat/light-queues.js';
import { consumeQueueUnitBytes, preBlankSize, setConsumeQueueUnit, setExtAddress } from '../codec/consume-queue-unit.js';
import { viewOf } from '../codec/int64.js';
import type { CompactionLog } from './compaction-log.js';
import type { QueueExtension } from './consume-queue-ext.js';
import type { BatchUnits } from './batch-units.js';
import { scheduleTopic, offsetFileName } from './names.js';
import type { QueueRef } from './types.js';

const firstBlockUnits = 32;
/** Entries of a full block: 64 KiB. */
const blockUnitsMax = 3276;

/** Consecutive entries in memory. Entries below `count` never change while they are above the last undo. */
export interface UnitBlock {
  readonly first: number;
  count: number;
  bytes: Uint8Array;
  view: DataView;
}

/** A run of entries to write: `bytes` at byte `position` of the file that starts at byte `fileBase`. */
export interface UnitRun {
  readonly fileBase: number;
  readonly position: number;
  readonly bytes: Uint8Array;
  /** queueOffset behind the run. */
  readonly end: number;
}

export class StoreQueue implements QueueRef {
  readonly topic: string;
  readonly topicBytes: Buffer;
  readonly queueId: number;
  readonly dir: string;
  /** Hash of `topic#` and `topic#T#`, which every index key of the topic starts with. */
  readonly keySeed: number;
  readonly tagSeed: number;
  /** SCHEDULE_TOPIC_XXXX: entries carry the delivery time. */
  readonly delayed: boolean;
  /** Its entries point to records of other topics (`MixAll#isLmq`). */
  readonly light: boolean;
  /** The queue of a topic with queue.type=BatchCQ has units besides its entries. */
  readonly batch: BatchUnits | undefined;
  attachment: unknown = undefined;
  /** With enableConsumeQueueExt: each entry gets a unit there, and its address as tags code. */
  extension: QueueExtension | undefined = undefined;
  /** The queue of a topic with cleanup.policy=COMPACTION is read from there. */
  compaction: CompactionLog | undefined = undefined;
  minOffset = 0;
  maxOffset = 0;
  writtenOffset = 0;
  nextOffset = 0;
  /** Entries below are in the files (not necessarily synced). */
  flushedOffset = 0;
  /** phyOffset of the newest entry, -1 = none. */
  lastPhyOffset = -1;
  /** In the store's tables: it has, or had, entries. */
  registered = false;
  deleted = false;
  /** `lastPhyOffset` before this turn. */
  turnLastPhyOffset = -1;
  /** Put into since the last turn ended. */
  touched = false;
  lastPutMs = 0;
  /** Byte offsets of the files on disk, ascending. */
  readonly files: number[] = [];
  /** The page of entries that was read last, and what the cache calls it. */
  unitPage: { readonly fileBase: number; readonly number: number; readonly key: string } | undefined = undefined;
  /** Page of the log that a cold read of this queue took last: the next one in line asks for read-ahead. */
  coldPage = -1;
  /** The last read of it took pages of the log. */
  readsCold = false;

  readonly #fileBytes: number;
  #blocks: UnitBlock[] = [];
  #tail: UnitBlock | undefined;
  #capacity = 0;
  #count = 0;

  constructor(root: string, topic: string, queueId: number, fileBytes: number, batch?: BatchUnits) {
    this.topic = topic;
    this.topicBytes = Buffer.from(topic, 'utf8');
    this.queueId = queueId;
    this.dir = path.join(root, topic, String(queueId));
    this.keySeed = javaStringHash(`${topic}#`);
    this.tagSeed = javaStringHash(`${topic}#T#`);
    this.delayed = topic === scheduleTopic;
    this.light = isLightQueue(topic);
    this.#fileBytes = fileBytes;
    this.batch = batch;
  }

  get fileUnits(): number {
    return this.#fileBytes / consumeQueueUnitBytes;
  }

  /** First entry in memory; `nextOffset` when there is none. */
  get memoryFrom(): number {
    return this.#blocks[0]?.first ?? this.nextOffset;
  }

  /** Bytes that entries in memory occupy. */
  get memoryBytes(): number {
    let bytes = 0;
    for (const block of this.#blocks) bytes += block.bytes.length;
    return bytes + (this.extension?.memoryBytes ?? 0);
  }

  fileName(fileBase: number): string {
    return path.join(this.dir, offsetFileName(fileBase));
  }

  /** Starts an empty queue, or one whose memory was given back, at this offset: everything before is wherever it is. */
  startAt(queueOffset: number): void {
    this.nextOffset = this.writtenOffset = this.maxOffset = this.flushedOffset = queueOffset;
    this.#blocks = [];
    this.#tail = undefined;
    this.#count = this.#capacity = 0;
    this.extension?.forget();
  }

  /** Appends the entry of queueOffset `nextOffset`, with the address of its unit in the extension as tags code. */
  appendExtended(phyOffset: number, size: number, position: number): void {
    this.append(phyOffset, size, 0);
    setExtAddress((this.#tail as UnitBlock).view, (this.#count - 1) * consumeQueueUnitBytes, position);
  }

  /** Appends the entry of queueOffset `nextOffset`. */
  append(phyOffset: number, size: number, tagsCode: number): void {
    if (this.#count === this.#capacity) this.#grow();
    const tail = this.#tail as UnitBlock;
    setConsumeQueueUnit(tail.view, this.#count * consumeQueueUnitBytes, phyOffset, size, tagsCode);
    tail.count = ++this.#count;
    this.nextOffset++;
    this.lastPhyOffset = phyOffset;
  }

  /** Appends entries laid out in `units`, the newest of which leads to `lastPhyOffset`. */
  appendUnits(units: Uint8Array, count: number, lastPhyOffset: number): void {
    for (let at = 0; at < count; ) {
      if (this.#count === this.#capacity) this.#grow();
      const tail = this.#tail as UnitBlock;
      const fit = Math.min(count - at, this.#capacity - this.#count);
      tail.bytes.set(units.subarray(at * consumeQueueUnitBytes, (at + fit) * consumeQueueUnitBytes), this.#count * consumeQueueUnitBytes);
      tail.count = this.#count += fit;
      this.nextOffset += fit;
      at += fit;
    }
    this.lastPhyOffset = lastPhyOffset;
  }

  /** Appends the entries of a record that has `count` messages: all lead to it. */
  appendBatch(phyOffset: number, size: number, tagsCode: number, storeTime: number, count: number): void {
    this.batch?.add(phyOffset, size, tagsCode, storeTime, this.nextOffset, count);
    for (let i = 0; i < count; i++) this.append(phyOffset, size, tagsCode);
  }

  #grow(): void {
    const tail = this.#tail;
    if (tail !== undefined && this.#capacity < blockUnitsMax) {
      // The old buffer stays as it is for whoever is writing it to a file.
      const units = Math.min(this.#capacity * 4, blockUnitsMax);
      const bytes = new Uint8Array(units * consumeQueueUnitBytes);
      bytes.set(tail.bytes);
      tail.bytes = bytes;
      tail.view = viewOf(bytes);
      this.#capacity = units;
      return;
    }
    const units = tail === undefined ? firstBlockUnits : blockUnitsMax;
    const bytes = new Uint8Array(units * consumeQueueUnitBytes);
    this.#tail = { first: this.nextOffset, count: 0, bytes, view: viewOf(bytes) };
    this.#blocks.push(this.#tail);
    this.#capacity = units;
    this.#count = 0;
  }

  /** Takes back entries from `queueOffset` on; only ones in memory that were never flushed. `lastPhyOffset` is the caller's to restore. */
  takeBack(queueOffset: number): void {
    this.batch?.takeBack(queueOffset);
    while (this.#blocks.length > 0) {
      const last = this.#blocks[this.#blocks.length - 1] as UnitBlock;
      if (last.first < queueOffset) {
        last.count = Math.min(last.count, queueOffset - last.first);
        break;
      }
      this.#blocks.pop();
    }
    this.nextOffset = queueOffset;
    this.#tail = this.#blocks.at(-1);
    this.#count = this.#tail?.count ?? 0;
    this.#capacity = this.#tail === undefined ? 0 : this.#tail.bytes.length / consumeQueueUnitBytes;
  }

  /** The block that holds an entry, undefined when it is not in memory. */
  block(queueOffset: number): UnitBlock | undefined {
    const tail = this.#tail;
    if (tail === undefined || queueOffset >= this.nextOffset) return undefined;
    if (queueOffset >= tail.first) return tail;
    const blocks = this.#blocks;
    if (queueOffset < (blocks[0] as UnitBlock).first) return undefined;
    let low = 0;
    let high = blocks.length - 1;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if ((blocks[mid] as UnitBlock).first <= queueOffset) low = mid;
      else high = mid - 1;
    }
    return blocks[low];
  }

  /** Runs of visible entries that are not in the files yet, at most up to `limit`. */
  unflushed(limit: number = this.writtenOffset): UnitRun[] {
    const runs: UnitRun[] = [];
    let at = this.flushedOffset;
    while (at < limit) {
      const block = this.block(at);
      if (block === undefined) break;
      const fileBase = Math.floor((at * consumeQueueUnitBytes) / this.#fileBytes) * this.#fileBytes;
      const fileEnd = (fileBase + this.#fileBytes) / consumeQueueUnitBytes;
      const end = Math.min(limit, block.first + block.count, fileEnd);
      runs.push({
        fileBase,
        position: at * consumeQueueUnitBytes - fileBase,
        bytes: block.bytes.subarray((at - block.first) * consumeQueueUnitBytes, (end - block.first) * consumeQueueUnitBytes),
        end,
      });
      at = end;
    }
    return runs;
  }

  /** Gives back the memory of full, flushed blocks until `keep` bytes are left; all of them, the tail too, with 0. */
  release(keep: number): void {
    this.extension?.release(keep);
    let bytes = this.memoryBytes;
    while (this.#blocks.length > 0 && bytes > keep) {
      const first = this.#blocks[0] as UnitBlock;
      if (first.first + first.count > Math.min(this.flushedOffset, this.maxOffset)) break;
      if (first === this.#tail && keep > 0) break;
      bytes -= first.bytes.length;
      this.#blocks.shift();
    }
    if (this.#blocks.length === 0) {
      this.#tail = undefined;
      this.#count = this.#capacity = 0;
    }
  }
}

/** Entries that fill the part of a queue's first file before its first message (`ConsumeQueue#fillPreBlank`). */
export function preBlankUnits(count: number): Uint8Array {
  const bytes = new Uint8Array(count * consumeQueueUnitBytes);
  const view = viewOf(bytes);
  for (let i = 0; i < count; i++) setConsumeQueueUnit(view, i * consumeQueueUnitBytes, 0, preBlankSize, 0);
  return bytes;
}
