/**
 * Retention: which files of the log go, by age at the hour of `deleteWhen`, earlier when the disk fills, and what goes with them
 * (`DefaultMessageStore.CleanCommitLogService`, `CleanConsumeQueueService`). One file at a time; the newest always stays.
 */
import { diskErrorCode } from './disk.js';
import type { StoreTimer } from './options.js';
import type { StoreParts } from './parts.js';

/** Runs that a request to delete now lasts (`CleanCommitLogService#MAX_MANUAL_DELETE_FILE_TIMES`). */
const manualRuns = 20;
const hourMs = 3600000;

export interface CleanHooks {
  /** A file of the log was removed: first offsets move. */
  removed(base: number): void;
  /** Removes what lies wholly below the log's first offset from queues and index. */
  derived(): void;
  /** The disk is fuller than the warning level, with a text for producers; undefined = there is room. */
  diskFull(remark: string | undefined): void;
}

/** Parts of a disk that is fuller than this are cleaned or refused; percentages clamped as `CleanCommitLogService` does. */
export function diskLevels(parts: StoreParts): { warning: number; forcibly: number; cleaning: number } {
  const { config } = parts;
  return {
    warning: Math.min(0.9, Math.max(0.35, (config.diskSpaceWarningLevelRatio ?? 90) / 100)),
    forcibly: Math.min(0.85, Math.max(0.3, (config.diskSpaceCleanForciblyRatio ?? 85) / 100)),
    cleaning: config.diskMaxUsedSpaceRatio / 100,
  };
}

export class Cleaner {
  readonly #parts: StoreParts;
  readonly #hooks: CleanHooks;
  #timer: StoreTimer | undefined;
  #closed = false;
  #manualRuns = 0;
  #deleting: Promise<number> | undefined;

  constructor(parts: StoreParts, hooks: CleanHooks) {
    this.#parts = parts;
    this.#hooks = hooks;
  }

  /** First run after a minute (`DefaultMessageStore#addScheduleTask`), then each cleanResourceInterval. */
  start(firstDelayMs = 60000): void {
    this.#timer = this.#parts.clock.setTimeout(() => {
      void this.run()
        .catch((error: unknown) => this.#parts.log.warn({ code: diskErrorCode(error) }, 'expired commit log files cannot be removed'))
        .finally(() => {
          if (!this.#closed) this.start(this.#parts.config.cleanResourceInterval);
        });
    }, firstDelayMs);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.clear();
  }

  /** One look at age and space. Returns the files of the log that were removed. */
  async run(): Promise<number> {
    const space = this.checkSpace();
    const manual = this.#manualRuns-- > 0;
    if (!this.#isTime() && !space.delete && !manual) return 0;
    return this.#deleteExpired(space.atOnce && this.#parts.config.cleanFileForciblyEnable);
  }

  /** `CleanCommitLogService#executeDeleteFilesManually`: expired files go now and during the next runs. */
  async deleteNow(): Promise<number> {
    this.#manualRuns = manualRuns;
    return this.run();
  }

  /** Looks at the disk, sets or clears the full mark (`CleanCommitLogService#isSpaceToDelete`). */
  checkSpace(): { delete: boolean; atOnce: boolean } {
    const { disk, commitLog, root } = this.#parts;
    const levels = diskLevels(this.#parts);
    const ratio = Math.max(disk.usedRatio(commitLog.dir), disk.usedRatio(root));
    const percent = Math.round(ratio * 1000) / 10;
    this.#hooks.diskFull(
      ratio > levels.warning ? `disk full: ${percent} % used, messages are refused above ${Math.round(levels.warning * 100)} %` : undefined,
    );
    const atOnce = ratio > levels.forcibly;
    return { delete: atOnce || ratio < 0 || ratio > levels.cleaning, atOnce };
  }

  /** True within an hour of `deleteWhen`, hours of local time separated by `;` (`UtilAll#isItTimeToDo`). */
  #isTime(): boolean {
    const hour = new Date(this.#parts.clock.nowMs()).getHours();
    return this.#parts.config.deleteWhen.split(';').some((part) => Number(part) === hour);
  }

  /** Removes expired files, oldest first, with a pause after each (`MappedFileQueue#deleteExpiredFileByTime`). */
  #deleteExpired(atOnce: boolean): Promise<number> {
    this.#deleting ??= this.#deleteEach(atOnce).finally(() => (this.#deleting = undefined));
    return this.#deleting;
  }

  async #deleteEach(atOnce: boolean): Promise<number> {
    const { commitLog, config, clock, disk, log } = this.#parts;
    const reservedMs = config.fileReservedTime * hourMs;
    let count = 0;
    for (;;) {
      const first = commitLog.files[0];
      // The file with the tail stays, and so does what was not synced.
      if (first === undefined || first.end > commitLog.written || first.end > commitLog.flushed || this.#closed) break;
      if (clock.nowMs() < first.modifiedMs + reservedMs && !atOnce) break;
      commitLog.removeFirst();
      count++;
      log.info({ base: first.base, atOnce }, 'removed an expired commit log file');
      this.#hooks.removed(first.base);
      await disk.syncDir(commitLog.dir);
      if (atOnce && !this.checkSpace().atOnce) break;
      if (config.deleteCommitLogFilesInterval > 0 && commitLog.files.length > 1) {
        await new Promise<void>((resolve) => clock.setTimeout(resolve, config.deleteCommitLogFilesInterval));
      }
    }
    if (count > 0) this.#hooks.derived();
    return count;
  }
}
