/**
 * The file `abort`: it stands while a store is open, so that the next start knows how this one ended (`DefaultMessageStore#createTempFile`). Whatever has
 * that name is the mark, a directory too: taking it away before the stop could make an unclean stop look like a clean one.
 */
import * as path from 'node:path';
import type { Disk } from './disk.js';
import type { StoreLog } from './options.js';
import { setAside } from './set-aside.js';

export class AbortMark {
  readonly #disk: Disk;
  readonly #log: StoreLog;
  readonly #path: string;

  constructor(disk: Disk, root: string, log: StoreLog) {
    this.#disk = disk;
    this.#log = log;
    this.#path = path.join(root, 'abort');
  }

  /** The last stop was not a clean one. */
  get stands(): boolean {
    return this.#disk.stat(this.#path) !== undefined;
  }

  get #isDirectory(): boolean {
    return this.#disk.stat(this.#path)?.directory === true;
  }

  /** Writes it, with this process's id. The caller syncs the directory. Throws what the disk throws. */
  set(): void {
    if (this.#isDirectory) {
      this.#log.warn({ name: this.#path }, 'a directory stands where the file abort belongs: it counts as that until the store is closed');
      return;
    }
    const file = this.#disk.open(this.#path, 'create');
    try {
      const pid = Buffer.from(String(process.pid), 'latin1');
      file.setLength(0);
      file.writeSync(pid, 0, pid.length, 0);
    } finally {
      file.close();
    }
  }

  /** The store was closed cleanly. */
  clear(): void {
    if (this.#isDirectory) setAside(this.#disk, this.#path, this.#log, 'the file abort');
    else this.#disk.unlink(this.#path);
  }
}
