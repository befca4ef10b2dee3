/**
 * ConsumeQueue entries of a stretch of the log that is lost: they become blank, as those before a queue's first message are (`ConsumeQueue#fillPreBlank`).
 * Readers pass over blank ones; Apache hands out whatever else an entry leads to.
 */
import * as path from 'node:path';
import { consumeQueueUnitBytes, preBlankSize, setConsumeQueueUnit, unitPhyOffset, unitSize } from '../codec/consume-queue-unit.js';
import { viewOf } from '../codec/int64.js';
import type { DiskFile } from './disk.js';
import { diskErrorCode } from './disk.js';
import { offsetOfFileName } from './names.js';
import type { StoreParts } from './parts.js';

/** Entries read at once: just under 64 KiB. */
const pieceUnits = 3276;

/**
 * Blanks every entry of records in [phyFrom, phyTo) in all files, durably; to be called before the queues are loaded. A file that cannot be read is
 * left to recovery, which builds its queue again. Returns how many entries there were.
 */
export function blankEntries(parts: StoreParts, phyFrom: number, phyTo: number): number {
  const { disk, queues } = parts;
  let count = 0;
  for (const file of queueFiles(parts)) {
    let open: DiskFile | undefined;
    try {
      open = disk.open(file, 'write');
      const blanked = blankFile(open, queues.fileBytes, phyFrom, phyTo);
      if (blanked > 0) open.datasyncSync();
      count += blanked;
    } catch (error) {
      parts.log.warn({ file, code: diskErrorCode(error) }, 'entries of lost messages cannot be made blank');
    } finally {
      open?.close();
    }
  }
  return count;
}

function* queueFiles(parts: StoreParts): Generator<string> {
  const { disk, queues } = parts;
  const isDirectory = (dir: string): boolean => disk.stat(dir)?.directory === true;
  if (!isDirectory(queues.root)) return;
  for (const topic of disk.list(queues.root)) {
    const topicDir = path.join(queues.root, topic);
    if (!isDirectory(topicDir)) continue;
    for (const id of disk.list(topicDir)) {
      const dir = path.join(topicDir, id);
      if (!isDirectory(dir)) continue;
      for (const name of disk.list(dir)) {
        const file = path.join(dir, name);
        if (offsetOfFileName(name) !== undefined && !isDirectory(file)) yield file;
      }
    }
  }
}

function blankFile(file: DiskFile, fileBytes: number, phyFrom: number, phyTo: number): number {
  const bytes = new Uint8Array(pieceUnits * consumeQueueUnitBytes);
  const view = viewOf(bytes);
  let count = 0;
  for (let at = 0; at < fileBytes; at += bytes.length) {
    const length = file.readSync(bytes, at);
    let changed = false;
    for (let p = 0; p + consumeQueueUnitBytes <= length; p += consumeQueueUnitBytes) {
      const size = unitSize(view, p);
      const phyOffset = unitPhyOffset(view, p);
      // What was never written is zeros; a blank one stays.
      if (size <= 0 || size === preBlankSize || phyOffset < phyFrom || phyOffset >= phyTo) continue;
      setConsumeQueueUnit(view, p, 0, preBlankSize, 0);
      changed = true;
      count++;
    }
    if (changed) file.writeSync(bytes, 0, length, at);
    if (length < bytes.length) break;
  }
  return count;
}
