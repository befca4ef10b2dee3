/** Open handles of files that are many and used now and then (ConsumeQueues, index files): the least recently used is closed beyond a limit. */
import type { Disk, DiskFile, OpenMode } from './disk.js';

export class HandleCache {
  readonly #disk: Disk;
  readonly #max: number;
  readonly #open = new Map<string, DiskFile>();

  constructor(disk: Disk, max: number) {
    this.#disk = disk;
    this.#max = max;
  }

  /** The handle of a file, opened when need be. Throws what the disk throws. */
  get(file: string, mode: OpenMode = 'write'): DiskFile {
    let handle = this.#open.get(file);
    if (handle === undefined) handle = this.#disk.open(file, mode);
    else this.#open.delete(file);
    this.#open.set(file, handle);
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= this.#max) break;
      this.drop(oldest);
    }
    return handle;
  }

  drop(file: string): void {
    const handle = this.#open.get(file);
    if (handle === undefined) return;
    this.#open.delete(file);
    handle.close();
  }

  closeAll(): void {
    for (const file of [...this.#open.keys()]) this.drop(file);
  }
}
