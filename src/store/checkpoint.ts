/**
 * The checkpoint file: up to where ConsumeQueues and index are durable (logicsPhysicalOffset), so that recovery after an unclean stop trusts them below and
 * dispatches the log again from there. Bytes: codec/checkpoint-record.ts. It is only written after what it says was synced.
 */
import * as path from 'node:path';
import { checkpointBytes, encodeCheckpoint, readCheckpoint } from '../codec/checkpoint-record.js';
import type { Checkpoint } from '../codec/checkpoint-record.js';
import { diskErrorCode } from './disk.js';
import type { Disk } from './disk.js';
import type { StoreLog } from './options.js';

const none: Checkpoint = {
  physicMsgTimestamp: 0,
  logicsMsgTimestamp: 0,
  indexMsgTimestamp: 0,
  masterFlushedOffset: 0,
  confirmPhyOffset: 0,
  logicsPhysicalOffset: 0,
};

export class CheckpointFile {
  readonly path: string;
  readonly #disk: Disk;
  value: Checkpoint = none;

  constructor(disk: Disk, root: string) {
    this.#disk = disk;
    this.path = path.join(root, 'checkpoint');
  }

  /** Reads it; what is missing, cannot be or cannot be read is as good as none. Returns false when there was no file. */
  load(log: StoreLog): boolean {
    if (this.#disk.stat(this.path) === undefined) return false;
    const bytes = new Uint8Array(checkpointBytes);
    let length = 0;
    try {
      const file = this.#disk.open(this.path, 'read');
      try {
        length = file.readSync(bytes, 0);
      } finally {
        file.close();
      }
    } catch (error) {
      log.warn({ name: this.path, code: diskErrorCode(error) }, 'the checkpoint cannot be read, it is not used');
    }
    const found = readCheckpoint(bytes.subarray(0, length));
    const sane = found !== undefined && Object.values(found).every((value: number) => Number.isSafeInteger(value) && value >= 0);
    if (sane) this.value = found;
    return true;
  }

  /** Writes and syncs it. Throws what the disk throws. */
  async write(value: Checkpoint): Promise<void> {
    const fresh = this.#disk.stat(this.path) === undefined;
    const file = this.#disk.open(this.path, 'create');
    try {
      await file.write(encodeCheckpoint(value), 0);
      await file.datasync();
      if (fresh) await this.#disk.syncDir(path.dirname(this.path));
      this.value = value;
    } finally {
      file.close();
    }
  }
}
