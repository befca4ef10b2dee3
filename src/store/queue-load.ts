/**
 * ConsumeQueues as a start finds them on disk: which files there are, what is none, and how far each queue's entries go. What to do about damage is
 * recover-plan.ts; from there on queue-table.ts has them.
 */
import * as path from 'node:path';
import { consumeQueueUnitBytes, preBlankSize, unitPhyOffset, unitSize } from '../codec/consume-queue-unit.js';
import { viewOf } from '../codec/int64.js';
import type { StoreQueue } from './consume-queue.js';
import { diskErrorCode } from './disk.js';
import type { Disk } from './disk.js';
import { isTopicName, offsetOfFileName } from './names.js';
import type { StoreLog } from './options.js';
import type { QueueTable } from './queue-table.js';
import { setAside } from './set-aside.js';

const scanBytes = 64 * 1024;
const firstScanBytes = 100 * consumeQueueUnitBytes;
/** What opening or reading a file says that is there and cannot be read. Others, such as too many open files, say nothing about it. */
const unreadable = new Set(['EACCES', 'EIO', 'EISDIR', 'ELOOP', 'ENOTDIR', 'EPERM']);

export interface QueueFindings {
  /** Queues in whose place, or in the place of one of whose files, something else stood. */
  readonly displaced: Set<StoreQueue>;
  /** Queues with a file that has not its full length: even below the checkpoint entries may be missing. */
  readonly misfit: Set<StoreQueue>;
  /** Something else stood in the place of a topic: its queues, whichever they were, are missing. */
  readonly topicsMissing: boolean;
}

/**
 * Finds the queues on disk; their entries are read by `QueueScan`. Names that are no topics or numbers are reported and left alone. Throws what the disk
 * throws.
 */
export function findQueues(table: QueueTable, disk: Disk, log: StoreLog): QueueFindings {
  const found = { displaced: new Set<StoreQueue>(), misfit: new Set<StoreQueue>(), topicsMissing: false };
  const leave = (name: string): void => log.warn({ name }, 'is no queue and is left alone');
  const topics = table.roots.flatMap(({ root, batch }) => disk.list(root).map((topic) => ({ topic, batch, topicDir: path.join(root, topic) })));
  for (const { topic, batch, topicDir } of topics) {
    if (!isTopicName(topic) || table.isBatch(topic) !== batch) {
      leave(topicDir);
      continue;
    }
    const ids = listDirectory(disk, topicDir);
    if (ids === undefined) {
      setAside(disk, topicDir, log, 'the directory of a topic');
      found.topicsMissing = true;
    }
    for (const id of ids ?? []) {
      if (!/^\d{1,10}$/.test(id) || Number(id) > 0x7fffffff) {
        leave(path.join(topicDir, id));
        continue;
      }
      const queue = table.ref(topic, Number(id));
      const names = listDirectory(disk, queue.dir);
      if (names === undefined) {
        setAside(disk, queue.dir, log, 'the directory of a ConsumeQueue');
        found.displaced.add(queue);
      } else findFiles(table, disk, log, queue, names, found);
    }
  }
  return found;
}

/** Names in a directory; undefined when it is none. Asking `stat` of each would cost a start with many queues. */
function listDirectory(disk: Disk, dir: string): string[] | undefined {
  try {
    return disk.list(dir);
  } catch (error) {
    if (diskErrorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

function findFiles(table: QueueTable, disk: Disk, log: StoreLog, queue: StoreQueue, names: readonly string[], found: QueueFindings): void {
  for (const name of names) {
    const full = path.join(queue.dir, name);
    const base = offsetOfFileName(name);
    if (base === undefined || base % table.fileBytes !== 0) {
      log.warn({ name: full }, 'is no queue and is left alone');
      continue;
    }
    const entry = disk.stat(full);
    if (entry === undefined || entry.directory) {
      setAside(disk, full, log, 'a ConsumeQueue file');
      found.displaced.add(queue);
      continue;
    }
    queue.files.push(base);
    if (entry.bytes !== table.fileBytes) found.misfit.add(queue);
  }
  if (queue.files.length > 0) table.register(queue);
}

/** Finds where the entries of a queue end. */
export class QueueScan {
  readonly #table: QueueTable;
  readonly #buffer: Uint8Array;

  constructor(table: QueueTable) {
    this.#table = table;
    this.#buffer = new Uint8Array(Math.min(table.fileBytes, Math.floor(scanBytes / consumeQueueUnitBytes) * consumeQueueUnitBytes));
  }

  /** See `QueueTable.loadTail`. The queue has files. */
  loadTail(queue: StoreQueue, phyLimit: number, logEnd: number): boolean {
    const files = queue.files;
    // Files must follow each other; older ones before a gap are of no use.
    for (let i = files.length - 1; i > 0; i--) {
      if ((files[i] as number) - (files[i - 1] as number) !== this.#table.fileBytes) return true;
    }
    try {
      // Where it begins is asked for later, and cannot be mended then.
      if (files.length > 1) this.#startsBelow(queue, files[0] as number, 0);
      return this.#findEnd(queue, phyLimit, logEnd);
    } catch (error) {
      if (unreadable.has(diskErrorCode(error))) return true;
      throw error;
    }
  }

  #findEnd(queue: StoreQueue, phyLimit: number, logEnd: number): boolean {
    const files = queue.files;
    let index = files.length - 1;
    while (index > 0 && !this.#startsBelow(queue, files[index] as number, Math.min(phyLimit, logEnd))) index--;
    let end = (files[index] as number) / consumeQueueUnitBytes;
    queue.lastPhyOffset = -1;
    let damaged = false;
    for (; index < files.length; index++) {
      const found = this.#scanFile(queue, files[index] as number, phyLimit, logEnd);
      end += found.count;
      if (found.damaged) damaged = true;
      if (found.count < queue.fileUnits) break;
    }
    queue.startAt(end);
    return damaged;
  }

  /** Whether a file's first entry leads below the limit. A blank one leads nowhere: which record comes last is said by a file before. */
  #startsBelow(queue: StoreQueue, fileBase: number, phyLimit: number): boolean {
    const bytes = new Uint8Array(consumeQueueUnitBytes);
    if (this.#table.open(queue, fileBase).readSync(bytes, 0) < bytes.length) return false;
    const view = viewOf(bytes);
    return unitSize(view, 0) > 0 && unitSize(view, 0) !== preBlankSize && unitPhyOffset(view, 0) >= 0 && unitPhyOffset(view, 0) < phyLimit;
  }

  #scanFile(queue: StoreQueue, fileBase: number, phyLimit: number, logEnd: number): { count: number; damaged: boolean } {
    const file = this.#table.open(queue, fileBase);
    let count = 0;
    // Most queues are short: little is read first.
    let bytes = this.#buffer.subarray(0, firstScanBytes);
    for (let at = 0; at < this.#table.fileBytes; at += bytes.length, bytes = this.#buffer) {
      const view = viewOf(bytes);
      const length = file.readSync(bytes, at);
      for (let p = 0; p + consumeQueueUnitBytes <= length; p += consumeQueueUnitBytes) {
        const phyOffset = unitPhyOffset(view, p);
        const size = unitSize(view, p);
        const blank = size === preBlankSize && phyOffset === 0;
        const valid = size > 0 && phyOffset >= 0 && phyOffset < logEnd && (blank || phyOffset > queue.lastPhyOffset || (queue.batch !== undefined && phyOffset === queue.lastPhyOffset));
        if (valid && phyOffset < phyLimit) {
          if (!blank) queue.lastPhyOffset = phyOffset;
          count++;
          continue;
        }
        if (valid) return { count, damaged: false };
        const behind = file.readSync(this.#buffer, at + p);
        return { count, damaged: entriesBehind(viewOf(this.#buffer), behind, queue.lastPhyOffset, phyLimit) };
      }
      if (length < bytes.length) break;
    }
    return { count, damaged: false };
  }
}

/** True when an entry further on in the same stretch belongs below the limit: what stands before it is damage, not the end. */
function entriesBehind(view: DataView, length: number, after: number, phyLimit: number): boolean {
  for (let p = consumeQueueUnitBytes; p + consumeQueueUnitBytes <= length; p += consumeQueueUnitBytes) {
    const phyOffset = unitPhyOffset(view, p);
    if (unitSize(view, p) > 0 && phyOffset > after && phyOffset < phyLimit) return true;
  }
  return false;
}
