/**
 * A disk in memory for tests and simulations, deterministic by its seed: it forgets what was not synced (power loss) or keeps it (process kill), tears the
 * operation at which it dies, runs out of space, flips bits and fails on demand. Operations that change something are counted, so that every crash point
 * can be visited. Contents are whole arrays: use small files.
 */
import * as path from 'node:path';
import { Fault } from '../codec/errors.js';
import type { Disk, DiskEntry, DiskFile, DiskSpace, OpenMode } from './disk.js';

export type CrashKind = 'kill' | 'power';
/** Operations that are counted and can be made to fail. */
export type DiskOp = 'create' | 'write' | 'length' | 'datasync' | 'rename' | 'unlink' | 'mkdir' | 'syncDir';

const blockBytes = 512;

/** Thrown by every operation from the crash on. */
export class SimulatedCrash extends Error {
  constructor() {
    super('the simulated machine is down');
    this.name = 'SimulatedCrash';
  }
}

class SystemError extends Error {
  readonly code: string;
  constructor(code: string, what: string) {
    super(`${code}: ${what}`);
    this.code = code;
  }
}

interface Change {
  readonly position: number;
  /** Undefined = a new length, `position`. */
  readonly bytes: Uint8Array | undefined;
}

class Inode {
  now = new Uint8Array(0);
  durable = new Uint8Array(0);
  /** Since the last sync, in order. */
  changes: Change[] = [];
  readonly blocks = new Set<number>();
  modifiedMs = 0;
}

/** The content with the change made, in place where it has room: every write of a long history copying its whole file would be most of the time. */
function applied(content: Uint8Array<ArrayBuffer>, change: Change): Uint8Array<ArrayBuffer> {
  const end = change.bytes === undefined ? change.position : change.position + change.bytes.length;
  let result = content;
  if (change.bytes === undefined ? content.length !== end : content.length < end) {
    result = new Uint8Array(end);
    result.set(content.subarray(0, Math.min(end, content.length)));
  }
  if (change.bytes !== undefined) result.set(change.bytes, change.position);
  return result;
}

export class SimulatedDisk implements Disk {
  /** Counted operations so far. */
  ops = 0;
  /** The operation that tears and stops the machine; 0 = none. */
  crashAtOp = 0;
  /** Bytes that can still be allocated, in blocks. */
  spaceLeft = Number.MAX_SAFE_INTEGER;
  /** What `usedRatio` says. */
  used = 0.1;
  /** What `space` says, by directory. */
  readonly spaces = new Map<string, DiskSpace>();
  /** Milliseconds since the epoch, for modification times. */
  nowMs = 0;
  /** Work off the thread takes this many microtasks, */
  latency = 1;
  /** or until this settles. */
  wait: ((op: 'read' | 'write' | 'datasync' | 'syncDir', bytes: number) => Promise<void>) | undefined = undefined;
  readonly #failures: { op: DiskOp; code: string; match: RegExp | undefined; left: number }[] = [];
  #random: number;
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #dirs = new Set<string>(['/']);
  #durableDirs = new Set<string>(['/']);
  #locks = new Set<string>();
  #down = false;
  /** Handles of an earlier life do nothing. */
  life = 0;

  constructor(seed: number) {
    this.#random = seed >>> 0 || 1;
  }

  get isDown(): boolean {
    return this.#down;
  }

  /** Uniform in [0, 1). */
  random(): number {
    this.#random = (this.#random + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#random ^ (this.#random >>> 15), this.#random | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x100000000;
  }

  /** The next `times` operations of this kind, on paths that match, fail with the code. */
  fail(op: DiskOp, code: string, times = 1, match?: RegExp): void {
    this.#failures.push({ op, code, match, left: times });
  }

  /** Flips a bit of a file, as decay would. */
  flip(file: string, byte: number, bit: number): void {
    const inode = this.#inode(file);
    const flipIn = (content: Uint8Array): void => {
      if (byte < content.length) content[byte] = (content[byte] as number) ^ (1 << bit);
    };
    inode.changes = [];
    inode.now = inode.now.slice();
    flipIn(inode.now);
    inode.durable = inode.now.slice();
  }

  /** A copy of a file's bytes. */
  content(file: string): Buffer {
    return Buffer.from(this.#inode(file).now);
  }

  /** Puts a file there, durable, with its directories. */
  place(file: string, bytes: Uint8Array): void {
    const inode = new Inode();
    inode.now = Uint8Array.from(bytes);
    inode.durable = inode.now.slice();
    const full = path.resolve(file);
    for (let dir = path.dirname(full); !this.#dirs.has(dir); dir = path.dirname(dir)) {
      this.#dirs.add(dir);
      this.#durableDirs.add(dir);
    }
    this.#names.set(full, inode);
    this.#durableNames.set(full, inode);
  }

  /** All paths of files. */
  files(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** Stops the machine now. */
  crash(): void {
    this.#down = true;
  }

  /**
   * Starts the machine again. After a kill everything written is there; after a power loss what was synced is, and of the rest any part: each change
   * whole, torn or not at all, in any combination.
   */
  restart(kind: CrashKind): void {
    this.#down = false;
    this.crashAtOp = 0;
    this.ops = 0;
    this.life++;
    this.#locks.clear();
    this.#failures.length = 0;
    if (kind === 'kill') return;
    const names = new Map<string, Inode>();
    const dirs = new Set(this.#durableDirs);
    for (const dir of this.#dirs) if (!dirs.has(dir) && this.random() < 0.5) dirs.add(dir);
    // A directory whose entry, or whose parent's, was lost is gone with all it holds.
    const reachable = (dir: string): boolean => dirs.has(dir) && (path.dirname(dir) === dir || reachable(path.dirname(dir)));
    for (const dir of [...dirs]) if (!reachable(dir)) dirs.delete(dir);
    for (const [name, inode] of this.#durableNames) {
      const now = this.#names.get(name);
      if (now === inode || this.random() < 0.5) names.set(name, inode);
      // What was renamed over it is there instead, its bytes synced or not.
      else if (now !== undefined) names.set(name, now);
    }
    for (const [name, inode] of this.#names) if (!this.#durableNames.has(name) && this.random() < 0.5) names.set(name, inode);
    for (const name of [...names.keys()]) if (!reachable(path.dirname(name))) names.delete(name);
    const keep = this.random();
    for (const inode of new Set(names.values())) {
      let content = inode.durable.slice();
      for (const change of inode.changes) {
        const fate = this.random();
        if (fate >= keep) continue;
        const tear = change.bytes !== undefined && this.random() < 0.3;
        const part = tear ? { position: change.position, bytes: change.bytes.subarray(0, Math.floor(this.random() * change.bytes.length)) } : change;
        content = applied(content, part);
      }
      inode.now = content;
      inode.durable = content.slice();
      inode.changes = [];
    }
    this.#names = names;
    this.#durableNames = new Map(names);
    this.#dirs = dirs;
    this.#durableDirs = new Set(dirs);
  }

  #inode(file: string): Inode {
    const inode = this.#names.get(path.resolve(file));
    if (inode === undefined) throw new SystemError('ENOENT', file);
    return inode;
  }

  /** Counts an operation; true = it is the one that tears. Throws when it is to fail. */
  count(op: DiskOp, file: string): boolean {
    if (this.#down) throw new SimulatedCrash();
    this.ops++;
    for (const failure of this.#failures) {
      if (failure.left > 0 && failure.op === op && (failure.match === undefined || failure.match.test(file))) {
        failure.left--;
        throw new SystemError(failure.code, `${op} ${file}`);
      }
    }
    if (this.ops !== this.crashAtOp) return false;
    this.#down = true;
    return true;
  }

  /** What an operation off the thread waits for before it does its work. */
  async late(op: 'read' | 'write' | 'datasync' | 'syncDir', bytes: number): Promise<void> {
    if (this.wait !== undefined) await this.wait(op, bytes);
    else for (let i = 0; i < this.latency; i++) await Promise.resolve();
  }

  assertUp(life: number): void {
    if (this.#down || life !== this.life) throw new SimulatedCrash();
  }

  /** Writes as much as there is room for; `part` cuts the operation that tears. */
  change(inode: Inode, change: Change, torn: boolean): void {
    let { bytes } = change;
    let full = false;
    if (bytes !== undefined) {
      let end = change.position;
      const stop = change.position + bytes.length;
      while (end < stop) {
        const block = Math.floor(end / blockBytes);
        if (!inode.blocks.has(block)) {
          if (this.spaceLeft < blockBytes) {
            full = true;
            break;
          }
          this.spaceLeft -= blockBytes;
          inode.blocks.add(block);
        }
        end = Math.min(stop, (block + 1) * blockBytes);
      }
      bytes = bytes.slice(0, end - change.position);
      if (torn) bytes = bytes.subarray(0, Math.floor(this.random() * bytes.length));
    }
    if (!(torn && change.bytes === undefined)) {
      const done = { position: change.position, bytes };
      inode.changes.push(done);
      inode.now = applied(inode.now, done);
      inode.modifiedMs = this.nowMs;
    }
    if (torn) throw new SimulatedCrash();
    if (full) throw new SystemError('ENOSPC', 'no space left on device');
  }

  open(file: string, mode: OpenMode): DiskFile {
    if (this.#down) throw new SimulatedCrash();
    const full = path.resolve(file);
    let inode = this.#names.get(full);
    if (inode === undefined) {
      if (mode !== 'create') throw new SystemError('ENOENT', file);
      if (!this.#dirs.has(path.dirname(full))) throw new SystemError('ENOENT', file);
      if (this.count('create', full)) throw new SimulatedCrash();
      inode = new Inode();
      inode.modifiedMs = this.nowMs;
      this.#names.set(full, inode);
    }
    return new SimulatedFile(this, full, inode);
  }

  makeDir(dir: string): void {
    const full = path.resolve(dir);
    if (this.#dirs.has(full)) return;
    this.makeDir(path.dirname(full));
    if (this.count('mkdir', full)) throw new SimulatedCrash();
    this.#dirs.add(full);
  }

  list(dir: string): string[] {
    if (this.#down) throw new SimulatedCrash();
    const full = path.resolve(dir);
    const names: string[] = [];
    for (const name of this.#names.keys()) if (path.dirname(name) === full) names.push(path.basename(name));
    for (const name of this.#dirs) if (name !== full && path.dirname(name) === full) names.push(path.basename(name));
    return names.sort();
  }

  stat(file: string): DiskEntry | undefined {
    if (this.#down) throw new SimulatedCrash();
    const full = path.resolve(file);
    const inode = this.#names.get(full);
    if (inode !== undefined) return { bytes: inode.now.length, modifiedMs: inode.modifiedMs, directory: false };
    return this.#dirs.has(full) ? { bytes: 0, modifiedMs: 0, directory: true } : undefined;
  }

  rename(from: string, to: string): void {
    const inode = this.#inode(from);
    const torn = this.count('rename', from);
    // A rename happens or not.
    if (!torn || this.random() < 0.5) {
      this.#names.delete(path.resolve(from));
      this.#names.set(path.resolve(to), inode);
    }
    if (torn) throw new SimulatedCrash();
  }

  unlink(file: string): void {
    const full = path.resolve(file);
    const inode = this.#names.get(full);
    if (inode === undefined) {
      if (this.#down) throw new SimulatedCrash();
      return;
    }
    const torn = this.count('unlink', full);
    if (!torn || this.random() < 0.5) {
      this.#names.delete(full);
      this.spaceLeft += inode.blocks.size * blockBytes;
    }
    if (torn) throw new SimulatedCrash();
  }

  removeDir(dir: string): void {
    const full = path.resolve(dir);
    if (!this.#dirs.has(full) || this.list(full).length > 0) return;
    if (this.count('unlink', full)) throw new SimulatedCrash();
    this.#dirs.delete(full);
  }

  async syncDir(dir: string): Promise<void> {
    const life = this.life;
    const full = path.resolve(dir);
    await this.late('syncDir', 0);
    this.assertUp(life);
    const torn = this.count('syncDir', full);
    if (torn) throw new SimulatedCrash();
    for (const name of this.#durableNames.keys()) if (path.dirname(name) === full && !this.#names.has(name)) this.#durableNames.delete(name);
    for (const [name, inode] of this.#names) if (path.dirname(name) === full) this.#durableNames.set(name, inode);
    for (const name of this.#durableDirs) if (path.dirname(name) === full && !this.#dirs.has(name)) this.#durableDirs.delete(name);
    for (const name of this.#dirs) if (path.dirname(name) === full) this.#durableDirs.add(name);
  }

  space(dir: string): DiskSpace | undefined {
    return this.spaces.get(dir);
  }

  usedRatio(): number {
    return this.used;
  }

  async lock(dir: string): Promise<() => void> {
    const life = this.life;
    const full = path.resolve(dir);
    await Promise.resolve();
    this.assertUp(life);
    if (this.#locks.has(full)) throw new Fault(`data directory ${dir} is in use by another process`);
    this.#locks.add(full);
    return () => {
      if (life === this.life) this.#locks.delete(full);
    };
  }
}

class SimulatedFile implements DiskFile {
  readonly path: string;
  readonly #disk: SimulatedDisk;
  readonly #inode: Inode;
  readonly #life: number;
  #closed = false;

  constructor(disk: SimulatedDisk, file: string, inode: Inode) {
    this.#disk = disk;
    this.path = file;
    this.#inode = inode;
    this.#life = disk.life;
  }

  #check(): void {
    this.#disk.assertUp(this.#life);
    if (this.#closed) throw new SystemError('EBADF', this.path);
  }

  readSync(target: Uint8Array, position: number): number {
    this.#check();
    const part = this.#inode.now.subarray(position, position + target.length);
    target.set(part);
    return part.length;
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    await this.#disk.late('read', target.length);
    return this.readSync(target, position);
  }

  writeSync(bytes: Uint8Array, start: number, end: number, position: number): void {
    this.#check();
    const torn = this.#disk.count('write', this.path);
    this.#disk.change(this.#inode, { position, bytes: bytes.slice(start, end) }, torn);
  }

  writevSync(parts: readonly Uint8Array[], position: number): void {
    const all = Buffer.concat(parts);
    this.writeSync(all, 0, all.length, position);
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    this.#check();
    const copy = bytes.slice();
    await this.#disk.late('write', copy.length);
    this.writeSync(copy, 0, copy.length, position);
  }

  async datasync(): Promise<void> {
    this.#check();
    const inode = this.#inode;
    const count = inode.changes.length;
    await this.#disk.late('datasync', 0);
    this.#sync(inode, count);
  }

  datasyncSync(): void {
    this.#check();
    this.#sync(this.#inode, this.#inode.changes.length);
  }

  #sync(inode: Inode, count: number): void {
    this.#check();
    const torn = this.#disk.count('datasync', this.path);
    const changes = inode.changes.slice(0, torn ? Math.floor(this.#disk.random() * count) : count);
    let content = inode.durable;
    for (const change of changes) content = applied(content, change);
    inode.durable = content;
    inode.changes.splice(0, changes.length);
    if (torn) throw new SimulatedCrash();
  }

  setLength(bytes: number): void {
    this.#check();
    const torn = this.#disk.count('length', this.path);
    this.#disk.change(this.#inode, { position: bytes, bytes: undefined }, torn);
  }

  length(): number {
    this.#check();
    return this.#inode.now.length;
  }

  close(): void {
    this.#closed = true;
  }
}

/** A fresh disk whose random choices follow the seed. */
export function simulatedDisk(seed: number): SimulatedDisk {
  return new SimulatedDisk(seed);
}

/** Notes what is done to it, in order, and fails reads on demand. */
export class NotedDisk extends SimulatedDisk {
  readonly done: string[] = [];
  /** Reads of paths that match fail with EIO. */
  failReads: RegExp | undefined = undefined;

  override count(op: DiskOp, file: string): boolean {
    this.done.push(`${op} ${file}`);
    return super.count(op, file);
  }

  override open(file: string, mode: OpenMode): DiskFile {
    const opened = super.open(file, mode);
    if (mode !== 'create') this.done.push(`open ${mode} ${file}`);
    const [readSync, close] = [opened.readSync.bind(opened), opened.close.bind(opened)];
    opened.readSync = (target, position) => {
      this.done.push(`read ${file} ${position}+${target.length}`);
      if (this.failReads?.test(file) === true) throw new SystemError('EIO', `read ${file}`);
      return readSync(target, position);
    };
    opened.close = () => {
      this.done.push(`close ${file}`);
      close();
    };
    return opened;
  }

  /** What was done since it was asked last. */
  since(): string[] {
    return this.done.splice(0);
  }
}
