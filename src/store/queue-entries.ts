/**
 * Entries of ConsumeQueues by their offset, wherever they are, and what recovery and retention do by them: cutting queues to where the log ends and
 * moving their first offsets to where it begins.
 */
import { consumeQueueUnitBytes, preBlankSize, unitPhyOffset, unitSize } from '../codec/consume-queue-unit.js';
import { viewOf } from '../codec/int64.js';
import type { StoreQueue } from './consume-queue.js';
import type { StoreParts } from './parts.js';

/** Entries read at once behind a blank one. */
const stretchUnits = 3276;

export class QueueEntries {
  readonly #parts: StoreParts;

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  /** phyOffset of an entry in memory or in the files; -1 for a blank one or none. */
  at(queue: StoreQueue, queueOffset: number): number {
    const block = queue.block(queueOffset);
    if (block !== undefined) return entryPhy(block.view, (queueOffset - block.first) * consumeQueueUnitBytes);
    const fileBase = Math.floor(queueOffset / queue.fileUnits) * queue.fileUnits * consumeQueueUnitBytes;
    if (!queue.files.includes(fileBase)) return -1;
    const bytes = new Uint8Array(consumeQueueUnitBytes);
    const length = this.#parts.queues.open(queue, fileBase).readSync(bytes, queueOffset * consumeQueueUnitBytes - fileBase);
    return length === consumeQueueUnitBytes ? entryPhy(viewOf(bytes), 0) : -1;
  }

  /** The first offset whose entry lies at or above `phyOffset`, the last one when none does. */
  firstFrom(queue: StoreQueue, phyOffset: number): number {
    let low = Math.max(queue.minOffset, (queue.files[0] ?? 0) / consumeQueueUnitBytes);
    let high = queue.nextOffset - 1;
    while (low < high) {
      const mid = Math.floor((low + high) / 2);
      if (this.at(queue, mid) >= phyOffset) high = mid;
      else low = mid + 1;
    }
    return low;
  }

  /** Removes entries of records at and above `phyLimit` from all queues; with `wipe` also whatever the files hold behind. */
  cut(phyLimit: number, wipe: boolean): void {
    const { queues } = this.#parts;
    for (const queue of [...queues.all()]) {
      if (queue.lastPhyOffset < phyLimit) {
        // What follows the trusted entries in the files is old or torn.
        if (wipe) this.#wipeBehind(queue);
        continue;
      }
      let end = queue.nextOffset;
      while (end > 0 && this.at(queue, end - 1) >= phyLimit) end--;
      this.#takeBackTo(queue, end);
    }
  }

  #takeBackTo(queue: StoreQueue, end: number): void {
    const { queues } = this.#parts;
    if (end >= queue.flushedOffset) {
      queue.takeBack(end);
      queue.maxOffset = queue.writtenOffset = end;
    } else queues.cut(queue, end);
    // Blank entries have no record.
    let last = end - 1;
    while (last > 0 && this.at(queue, last) < 0) last--;
    queue.lastPhyOffset = last >= 0 ? this.at(queue, last) : -1;
  }

  #wipeBehind(queue: StoreQueue): void {
    const { queues } = this.#parts;
    const lastPhyOffset = queue.lastPhyOffset;
    const end = queue.nextOffset;
    const registered = queue.registered && end > 0;
    queues.cut(queue, end);
    queue.lastPhyOffset = lastPhyOffset;
    if (registered) queues.register(queue);
    else queues.unregister(queue);
  }

  /** Brings every queue's first offset to where the log begins. */
  correctMinOffsets(): void {
    for (const queue of this.#parts.queues.all()) this.#correctMinOffset(queue);
  }

  /** The first entry whose record is still in the log (`ConsumeQueue#correctMinOffset`). */
  #correctMinOffset(queue: StoreQueue): void {
    const min = this.#parts.commitLog.min;
    const onDisk = queue.files[0] === undefined ? queue.memoryFrom : Math.min(queue.files[0] / consumeQueueUnitBytes, queue.memoryFrom);
    let low = Math.max(queue.minOffset, onDisk);
    let high = queue.maxOffset;
    // Mostly nothing of it has left the log.
    if (low < high && this.at(queue, low) >= min) high = low;
    while (low < high) {
      const mid = Math.floor((low + high) / 2);
      // A blank or damaged entry says nothing: the next good one does.
      const next = this.#nextEntry(queue, mid, high);
      if (next < high && this.at(queue, next) < min) low = next + 1;
      else high = mid;
    }
    queue.minOffset = this.#nextEntry(queue, low, queue.maxOffset);
  }

  /** The first entry from `from` on that is not blank, `limit` when there is none below. */
  #nextEntry(queue: StoreQueue, from: number, limit: number): number {
    if (from >= limit || this.at(queue, from) >= 0) return Math.min(from, limit);
    const bytes = new Uint8Array(stretchUnits * consumeQueueUnitBytes);
    const view = viewOf(bytes);
    for (let at = from; at < limit; ) {
      const fileBase = Math.floor(at / queue.fileUnits) * queue.fileUnits * consumeQueueUnitBytes;
      const inMemory = queue.block(at) !== undefined || !queue.files.includes(fileBase);
      const length = inMemory ? 0 : this.#parts.queues.open(queue, fileBase).readSync(bytes, at * consumeQueueUnitBytes - fileBase);
      // Behind what the file has of the queue it is not blank but empty: the rest is in memory.
      const units = Math.max(1, Math.min(Math.floor(length / consumeQueueUnitBytes), Math.min(limit, queue.memoryFrom) - at));
      for (let i = 0; i < units; i++, at++) {
        if ((inMemory ? this.at(queue, at) : entryPhy(view, i * consumeQueueUnitBytes)) >= 0) return at;
      }
    }
    return limit;
  }
}

function entryPhy(view: DataView, pos: number): number {
  const size = unitSize(view, pos);
  return size <= 0 || size === preBlankSize ? -1 : unitPhyOffset(view, pos);
}
