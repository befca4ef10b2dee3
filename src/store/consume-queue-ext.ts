/**
 * The extension of one ConsumeQueue (`ConsumeQueueExt`): a unit for each message with its tags code, store time and filter bits, appended when its entry
 * is, whose tags code then is the unit's address. Layout of a unit: codec/consume-queue-ext-unit.ts. It is weakly reliable: an entry whose unit is
 * not there lets its message through, and reading its properties decides.
 *
 *   consumequeue_ext/TOPIC/QUEUEID/N(20)   N = position of its first byte; full length from the start; a unit never spans files: int16 -1 ends one
 */
import * as path from 'node:path';
import { extFileEnd, extUnitBytesMax, extUnitBytesMin } from '../codec/consume-queue-ext-unit.js';
import { setInt64, viewOf } from '../codec/int64.js';
import { offsetFileName } from './names.js';

/** Bytes kept free at the end of a file (`ConsumeQueueExt#END_BLANK_DATA_LENGTH`). */
const endBlankBytes = 4;
const firstBlockBytes = 1024;
const blockBytesMax = 64 * 1024;

/** Consecutive units in memory, all of one file. Bytes below `length` never change. */
interface ExtBlock {
  readonly first: number;
  length: number;
  bytes: Uint8Array;
  view: DataView;
}

/** Bytes to write at `position` of the file that starts at `fileBase`. */
export interface ExtRun {
  readonly fileBase: number;
  readonly position: number;
  readonly bytes: Uint8Array;
  /** Position in the extension behind the run. */
  readonly end: number;
}

export class QueueExtension {
  readonly dir: string;
  readonly fileBytes: number;
  /** Positions of the files on disk, ascending; undefined before they were looked for. */
  files: number[] | undefined = undefined;
  /** Where the next unit goes; -1 = not known before the queue's newest entry was looked at (queue-extensions.ts). */
  end = -1;
  /** Units below belong to entries that were written. */
  writtenEnd = 0;
  /** Bytes below are in the files. */
  flushedEnd = 0;
  #blocks: ExtBlock[] = [];

  constructor(root: string, topic: string, queueId: number, fileBytes: number) {
    this.dir = path.join(root, topic, String(queueId));
    this.fileBytes = fileBytes;
  }

  fileName(fileBase: number): string {
    return path.join(this.dir, offsetFileName(fileBase));
  }

  fileBaseOf(position: number): number {
    return position - (position % this.fileBytes);
  }

  /** Bytes that units in memory occupy. */
  get memoryBytes(): number {
    let bytes = 0;
    for (const block of this.#blocks) bytes += block.bytes.length;
    return bytes;
  }

  /** Begins at this position, with nothing in memory. */
  startAt(position: number): void {
    this.end = this.writtenEnd = this.flushedEnd = position;
    this.#blocks = [];
  }

  /** The queue ends elsewhere now: where the next unit goes must be looked up. */
  forget(): void {
    this.startAt(0);
    this.end = -1;
  }

  /**
   * Appends a unit (`ConsumeQueueExt#put`) and returns its position; -1 when its bits are too many for one. `end` must be known.
   */
  append(tagsCode: number, storeTimestamp: number, bitMap: Uint8Array | undefined): number {
    const bitMapBytes = bitMap?.length ?? 0;
    const size = extUnitBytesMin + bitMapBytes;
    if (size > extUnitBytesMax) return -1;
    const inFile = this.end % this.fileBytes;
    if (size > this.fileBytes - inFile - endBlankBytes) {
      const block = this.#room(2);
      block.view.setInt16(block.length, extFileEnd);
      block.length += 2;
      this.end += this.fileBytes - inFile;
    }
    const block = this.#room(size);
    const at = block.length;
    const { view } = block;
    view.setInt16(at, size);
    setInt64(view, at + 2, tagsCode);
    setInt64(view, at + 10, storeTimestamp);
    view.setInt16(at + 18, bitMapBytes);
    if (bitMap !== undefined) block.bytes.set(bitMap, at + extUnitBytesMin);
    block.length += size;
    const position = this.end;
    this.end += size;
    return position;
  }

  /** The block that ends at `end`, with room for so many bytes. */
  #room(bytes: number): ExtBlock {
    const tail = this.#blocks.at(-1);
    if (tail !== undefined && tail.first + tail.length === this.end && this.end % this.fileBytes !== 0) {
      if (tail.length + bytes <= tail.bytes.length) return tail;
      if (tail.length + bytes <= blockBytesMax) {
        // The old buffer stays as it is for whoever is writing it to a file.
        const grown = new Uint8Array(Math.min(blockBytesMax, Math.max(tail.bytes.length * 4, tail.length + bytes)));
        grown.set(tail.bytes);
        tail.bytes = grown;
        tail.view = viewOf(grown);
        return tail;
      }
    }
    const fresh = new Uint8Array(Math.max(bytes, this.#blocks.length === 0 ? firstBlockBytes : blockBytesMax));
    const block: ExtBlock = { first: this.end, length: 0, bytes: fresh, view: viewOf(fresh) };
    this.#blocks.push(block);
    return block;
  }

  /** The entries put so far were written to the log. */
  written(): void {
    if (this.end >= 0) this.writtenEnd = this.end;
  }

  /** The block with the unit at this position, undefined when it is not in memory. */
  block(position: number): { readonly first: number; readonly length: number; readonly bytes: Uint8Array } | undefined {
    const blocks = this.#blocks;
    let low = 0;
    let high = blocks.length - 1;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if ((blocks[mid] as ExtBlock).first <= position) low = mid;
      else high = mid - 1;
    }
    const block = blocks[low];
    return block !== undefined && position >= block.first && position < block.first + block.length ? block : undefined;
  }

  /** Bytes of written units that are not in the files yet. */
  unflushed(): ExtRun[] {
    const runs: ExtRun[] = [];
    for (const block of this.#blocks) {
      const from = Math.max(block.first, this.flushedEnd);
      const end = Math.min(block.first + block.length, this.writtenEnd);
      if (from >= end) continue;
      const fileBase = this.fileBaseOf(block.first);
      runs.push({ fileBase, position: from - fileBase, bytes: block.bytes.subarray(from - block.first, end - block.first), end });
    }
    return runs;
  }

  /** Gives back the memory of flushed blocks until `keep` bytes are left. */
  release(keep: number): void {
    let bytes = this.memoryBytes;
    while (bytes > keep) {
      const first = this.#blocks[0];
      if (first === undefined || first.first + first.length > this.flushedEnd || (keep > 0 && this.#blocks.length === 1)) break;
      bytes -= first.bytes.length;
      this.#blocks.shift();
    }
  }
}
