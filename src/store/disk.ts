/**
 * What the store asks of a file system, and the real one. A simulated one (simulated-disk.ts) loses, tears and fails on demand.
 * Failures keep the `code` of the system error (ENOSPC, EIO...). Who may open a directory is store-lock.ts; what files mean is the other files'.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { lockDirectory } from './store-lock.js';

/** One open file. Positions and lengths are bytes. */
export interface DiskFile {
  readonly path: string;
  /** Fills `target` from `position` on; returns the bytes read, fewer at the file's end. For recovery and small files only. */
  readSync(target: Uint8Array, position: number): number;
  /** The same off the thread. */
  read(target: Uint8Array, position: number): Promise<number>;
  /** Writes `bytes[start..end)` wholly, or throws; after a throw any part may have been written. */
  writeSync(bytes: Uint8Array, start: number, end: number, position: number): void;
  /** Writes the parts one after the other, as `writeSync`. */
  writevSync(parts: readonly Uint8Array[], position: number): void;
  /** `writeSync` off the thread; the bytes must not change until it settled. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** fdatasync off the thread: everything written before the call is durable when it resolves. */
  datasync(): Promise<void>;
  /** The same on the thread: for the first version of a small file only. */
  datasyncSync(): void;
  /** Cuts, or extends with zeros without occupying space. */
  setLength(bytes: number): void;
  length(): number;
  /** Closes when work under way has ended. Idempotent. */
  close(): void;
}

export interface DiskEntry {
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly directory: boolean;
}

export interface DiskSpace {
  readonly totalBytes: number;
  /** Not allocated, reserved blocks included (`File#getFreeSpace`). */
  readonly freeBytes: number;
  /** What may still be allocated without being root. */
  readonly availableBytes: number;
}

/** `create` makes a missing file; `write` demands it. */
export type OpenMode = 'read' | 'write' | 'create';

export interface Disk {
  open(file: string, mode: OpenMode): DiskFile;
  /** Makes a directory with its parents. */
  makeDir(dir: string): void;
  /** Names in a directory, sorted by UTF-16 units; empty when there is none. */
  list(dir: string): string[];
  stat(file: string): DiskEntry | undefined;
  rename(from: string, to: string): void;
  /** Removes a file; a missing one is no error. */
  unlink(file: string): void;
  /** Removes an empty directory; a missing or filled one is no error. */
  removeDir(dir: string): void;
  /** Makes creations, renames and removals in a directory durable. */
  syncDir(dir: string): Promise<void>;
  /** How large the file system is that holds `dir`; undefined when it cannot be asked. */
  space(dir: string): DiskSpace | undefined;
  /** Used part of the file system that holds `dir`, 0..1, as `df` shows it (`UtilAll#getDiskPartitionSpaceUsedPercent`); -1 when unknown. */
  usedRatio(dir: string): number;
  /** Keeps any other process from opening the same directory; throws a Fault naming the holder. Returns the release. */
  lock(dir: string): Promise<() => void>;
}

/** What is asked of the system: Node's functions, or in tests some that answer otherwise. */
export type FileSystem = typeof fs;

/** The system's code of a disk error (`ENOSPC`), else its message. */
export function diskErrorCode(error: unknown): string {
  // Not `instanceof Error`: errors of the system may come from another realm.
  if (typeof error !== 'object' || error === null) return String(error);
  const { code, message } = error as { code?: unknown; message?: unknown };
  return typeof code === 'string' ? code : typeof message === 'string' ? message : 'unknown error';
}

class RealFile implements DiskFile {
  readonly path: string;
  readonly #system: FileSystem;
  readonly #fd: number;
  #busy = 0;
  #closing = false;
  #closed = false;

  constructor(system: FileSystem, file: string, fd: number) {
    this.#system = system;
    this.path = file;
    this.#fd = fd;
  }

  readSync(target: Uint8Array, position: number): number {
    let done = 0;
    while (done < target.length) {
      const count = this.#system.readSync(this.#fd, target, done, target.length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < target.length) {
      const from = done;
      const count = await this.#off<number>((settle) => this.#system.read(this.#fd, target, from, target.length - from, position + from, settle));
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  writeSync(bytes: Uint8Array, start: number, end: number, position: number): void {
    let done = start;
    while (done < end) done += this.#system.writeSync(this.#fd, bytes, done, end - done, position + done - start);
  }

  writevSync(parts: readonly Uint8Array[], position: number): void {
    const done = this.#system.writevSync(this.#fd, parts, position);
    let at = 0;
    for (const part of parts) {
      const from = Math.max(0, done - at);
      this.writeSync(part, from, part.length, position + at + from);
      at += part.length;
    }
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const from = done;
      done += await this.#off<number>((settle) => this.#system.write(this.#fd, bytes, from, bytes.length - from, position + from, settle));
    }
  }

  async datasync(): Promise<void> {
    await this.#off<undefined>((settle) => this.#system.fdatasync(this.#fd, (error) => settle(error, undefined)));
  }

  datasyncSync(): void {
    this.#system.fdatasyncSync(this.#fd);
  }

  setLength(bytes: number): void {
    this.#system.ftruncateSync(this.#fd, bytes);
  }

  length(): number {
    return this.#system.fstatSync(this.#fd).size;
  }

  close(): void {
    this.#closing = true;
    if (this.#busy === 0 && !this.#closed) {
      this.#closed = true;
      this.#system.closeSync(this.#fd);
    }
  }

  #off<T>(start: (settle: (error: NodeJS.ErrnoException | null, value: T) => void) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closing) {
        reject(new Error(`${this.path} is closed`));
        return;
      }
      this.#busy++;
      start((error, value) => {
        this.#busy--;
        if (this.#closing) this.close();
        if (error) reject(error);
        else resolve(value);
      });
    });
  }
}

class RealDisk implements Disk {
  private readonly system: FileSystem;

  constructor(system: FileSystem) {
    this.system = system;
  }

  open(file: string, mode: OpenMode): DiskFile {
    const flags =
      mode === 'read' ? fs.constants.O_RDONLY : mode === 'write' ? fs.constants.O_RDWR : fs.constants.O_RDWR | fs.constants.O_CREAT;
    return new RealFile(this.system, file, this.system.openSync(file, flags, 0o644));
  }

  makeDir(dir: string): void {
    this.system.mkdirSync(dir, { recursive: true });
  }

  list(dir: string): string[] {
    try {
      return this.system.readdirSync(dir).sort();
    } catch (error) {
      if (diskErrorCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  stat(file: string): DiskEntry | undefined {
    const entry = this.system.statSync(file, { throwIfNoEntry: false });
    // Node 20 throws when something on the way is no directory, later ones say that there is nothing.
    if (entry === undefined && this.system.statSync(path.dirname(file), { throwIfNoEntry: false })?.isDirectory() === false) {
      throw Object.assign(new Error(`ENOTDIR: not a directory, stat '${file}'`), { code: 'ENOTDIR', errno: -20, syscall: 'stat', path: file });
    }
    return entry === undefined ? undefined : { bytes: entry.size, modifiedMs: entry.mtimeMs, directory: entry.isDirectory() };
  }

  rename(from: string, to: string): void {
    this.system.renameSync(from, to);
  }

  unlink(file: string): void {
    this.system.rmSync(file, { force: true });
  }

  removeDir(dir: string): void {
    try {
      this.system.rmdirSync(dir);
    } catch (error) {
      const code = diskErrorCode(error);
      if (code !== 'ENOENT' && code !== 'ENOTEMPTY') throw error;
    }
  }

  async syncDir(dir: string): Promise<void> {
    const handle = await this.system.promises.open(dir, 'r');
    try {
      await handle.sync();
    } catch (error) {
      // Some file systems refuse to sync a directory; there is nothing else to ask of them.
      const code = diskErrorCode(error);
      if (code !== 'EINVAL' && code !== 'EPERM' && code !== 'ENOTSUP') throw error;
    } finally {
      await handle.close();
    }
  }

  space(dir: string): DiskSpace | undefined {
    try {
      const { blocks, bfree, bavail, bsize } = this.system.statfsSync(dir);
      return { totalBytes: blocks * bsize, freeBytes: bfree * bsize, availableBytes: bavail * bsize };
    } catch {
      return undefined;
    }
  }

  usedRatio(dir: string): number {
    const space = this.space(dir);
    if (space === undefined) return -1;
    const used = space.totalBytes - space.freeBytes;
    const usable = used + space.availableBytes;
    return usable <= 0 ? -1 : used / usable;
  }

  lock(dir: string): Promise<() => void> {
    return lockDirectory(path.resolve(dir), this.system);
  }
}

/** The disk of the machine; `system` is what it asks of it. */
export function realDisk(system: FileSystem = fs): Disk {
  return new RealDisk(system);
}
