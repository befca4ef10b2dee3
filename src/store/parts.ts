/** The parts of one open store, as its files hand them to each other. */
import type { CommitLog } from './commit-log.js';
import type { Disk } from './disk.js';
import type { KeyIndex } from './key-index.js';
import type { StoreClock, StoreConfig, StoreLog } from './options.js';
import type { QueueTable } from './queue-table.js';

export interface StoreParts {
  readonly root: string;
  readonly config: StoreConfig;
  readonly disk: Disk;
  readonly clock: StoreClock;
  readonly log: StoreLog;
  readonly commitLog: CommitLog;
  readonly queues: QueueTable;
  /** Undefined when messageIndexEnable is off. */
  readonly index: KeyIndex | undefined;
  readonly collect: (() => void) | undefined;
  /** Milliseconds of the delay levels (options.ts). */
  readonly delayLevels: readonly number[];
}
