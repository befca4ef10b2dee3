/**
 * Syncing the log: a timer for ASYNC_FLUSH, group commit for SYNC_FLUSH (`GroupCommitService`). One fdatasync is under way at most and covers everything
 * written before it started; none ever runs on the thread. A failed one is a fault for good: the kernel may have dropped the pages it could not write.
 */
import { diskErrorCode } from './disk.js';
import type { StoreTimer } from './options.js';
import type { StoreParts } from './parts.js';
import type { FlushOutcome } from './types.js';

/** Write-back starts after so many bytes without waiting for the timer: a kernel that throttles writers would stall the thread. */
const flushBytesDefault = 16 * 1024 * 1024;

interface Waiter {
  readonly phyOffset: number;
  readonly resolve: (outcome: FlushOutcome) => void;
  timer: StoreTimer | undefined;
}

export class Flusher {
  readonly #parts: StoreParts;
  readonly #onFlushed: () => void;
  readonly #onFault: (remark: string) => void;
  readonly #flushBytes: number;
  #waiters: Waiter[] = [];
  #running: Promise<void> | undefined;
  #timer: StoreTimer | undefined;
  #failed = false;
  #closed = false;
  /** Calls of fdatasync on log files. */
  syncs = 0;

  constructor(parts: StoreParts, onFlushed: () => void, onFault: (remark: string) => void) {
    this.#parts = parts;
    this.#onFlushed = onFlushed;
    this.#onFault = onFault;
    this.#flushBytes = parts.config.flushBytes ?? flushBytesDefault;
  }

  /** Told after each write of the log. */
  written(sync: boolean): void {
    const { commitLog } = this.#parts;
    if (this.#closed || this.#failed) return;
    if (sync || commitLog.written - commitLog.flushed >= this.#flushBytes) void this.#start();
    else this.#arm();
  }

  #arm(): void {
    const { clock, config } = this.#parts;
    this.#timer ??= clock.setTimeout(() => {
      this.#timer = undefined;
      void this.#start();
    }, config.flushIntervalCommitLog);
  }

  #start(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      // Somebody may have come, or something been written, while it ran.
      const { commitLog, config } = this.#parts;
      if (this.#failed || this.#closed) return;
      if (commitLog.written <= commitLog.flushed) return;
      if (this.#waiters.length > 0 || config.flushDiskType === 'SYNC_FLUSH') void this.#start();
      else this.#arm();
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    const { commitLog } = this.#parts;
    if (!(await this.#syncOnce())) return;
    this.#onFlushed();
    this.#resolveBelow(commitLog.flushed);
  }

  async #syncOnce(): Promise<boolean> {
    const { commitLog, disk } = this.#parts;
    const target = commitLog.written;
    try {
      for (const file of [...commitLog.files]) {
        if (!file.dirty) continue;
        file.dirty = false;
        this.syncs++;
        try {
          await file.file.datasync();
        } catch (error) {
          // A file that was deleted meanwhile needs no sync.
          if (commitLog.files.includes(file)) throw error;
        }
      }
      if (commitLog.dirDirty) {
        commitLog.dirDirty = false;
        await disk.syncDir(commitLog.dir);
      }
    } catch (error) {
      this.#fail(`disk sync failed: ${diskErrorCode(error)}, the commit log takes no messages until the broker was restarted`);
      return false;
    }
    commitLog.flushed = Math.max(commitLog.flushed, Math.min(target, commitLog.written));
    return true;
  }

  #fail(remark: string): void {
    this.#failed = true;
    // Another sync would find nothing to do and count as a good one.
    this.#timer?.clear();
    this.#onFault(remark);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) this.#settle(waiter, 'FAULT');
  }

  #settle(waiter: Waiter, outcome: FlushOutcome): void {
    waiter.timer?.clear();
    waiter.resolve(outcome);
  }

  #resolveBelow(flushed: number): void {
    let count = 0;
    for (const waiter of this.#waiters) {
      if (waiter.phyOffset > flushed) break;
      this.#settle(waiter, 'FLUSHED');
      count++;
    }
    this.#waiters.splice(0, count);
  }

  /** See `MessageStore.flushed`. Waiters are answered in order of their offsets. */
  flushed(phyOffset: number, timeoutMs: number): Promise<FlushOutcome> {
    const { commitLog, clock } = this.#parts;
    if (phyOffset <= commitLog.flushed) return Promise.resolve('FLUSHED');
    if (this.#failed || this.#closed) return Promise.resolve('FAULT');
    return new Promise((resolve) => {
      const waiter: Waiter = { phyOffset, resolve, timer: undefined };
      waiter.timer = clock.setTimeout(() => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        resolve('FLUSH_DISK_TIMEOUT');
      }, timeoutMs);
      let at = this.#waiters.length;
      while (at > 0 && (this.#waiters[at - 1] as Waiter).phyOffset > phyOffset) at--;
      this.#waiters.splice(at, 0, waiter);
      void this.#start();
    });
  }

  /** Fails those whose bytes were taken back. */
  takenBack(written: number): void {
    const lost = this.#waiters.filter((waiter) => waiter.phyOffset > written);
    this.#waiters = this.#waiters.filter((waiter) => waiter.phyOffset <= written);
    for (const waiter of lost) this.#settle(waiter, 'FAULT');
  }

  /** Syncs what is written now; false when the disk failed. */
  async flush(): Promise<boolean> {
    while (this.#running !== undefined) await this.#running;
    if (this.#failed) return false;
    await this.#start();
    return !this.#failed;
  }

  async close(): Promise<void> {
    await this.flush();
    this.#closed = true;
    this.#timer?.clear();
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) this.#settle(waiter, 'FAULT');
  }
}
