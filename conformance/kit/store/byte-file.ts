/** A file read by position, a window at a time, so that a log of gigabytes costs a megabyte. Reads past the end come back short. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const windowBytes = 1024 * 1024;

export class ByteFile {
  readonly size: number;
  private readonly fd: number;
  private window: Buffer = Buffer.alloc(0);
  private windowAt = 0;

  constructor(path: string) {
    this.fd = openSync(path, 'r');
    this.size = fstatSync(this.fd).size;
  }

  /** Bytes from `at`; fewer than asked for at the end of the file. They hold until the next read. */
  read(at: number, length: number): Buffer {
    const wanted = Math.max(0, Math.min(length, this.size - at));
    if (at < this.windowAt || at + wanted > this.windowAt + this.window.length) {
      const fresh = Buffer.allocUnsafeSlow(Math.min(Math.max(windowBytes, wanted), this.size - at));
      this.window = fresh.subarray(0, readSync(this.fd, fresh, 0, fresh.length, at));
      this.windowAt = at;
    }
    return this.window.subarray(at - this.windowAt, at - this.windowAt + wanted);
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** Opens, reads and closes. */
export function withFile<T>(path: string, read: (file: ByteFile) => T): T {
  const file = new ByteFile(path);
  try {
    return read(file);
  } finally {
    file.close();
  }
}

const noBytes = Buffer.alloc(windowBytes);

/** Whether all bytes are zero. */
export function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += noBytes.length) {
    const part = bytes.subarray(at, at + noBytes.length);
    if (part.compare(noBytes, 0, part.length) !== 0) return false;
  }
  return true;
}
