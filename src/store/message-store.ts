/**
 * Opening a store: checks the configuration and the directory, takes its lock, has it recovered (recover.ts) and hands out the open store
 * (disk-message-store.ts).
 */
import * as path from 'node:path';
import { batchConsumeQueueUnitBytes } from '../codec/batch-consume-queue-unit.js';
import { Fault } from '../codec/errors.js';
import { AbortMark } from './abort-mark.js';
import { CheckpointFile } from './checkpoint.js';
import { CommitLog } from './commit-log.js';
import { readDerivedState } from './derived-state.js';
import type { Disk } from './disk.js';
import { DiskMessageStore } from './disk-message-store.js';
import { KeyIndex } from './key-index.js';
import { openLogFiles } from './log-files.js';
import { defaultDelayLevels, delayLevelTable, extensionFileBytesDefault } from './options.js';
import type { StoreOptions } from './options.js';
import type { StoreParts } from './parts.js';
import { QueueTable } from './queue-table.js';
import { Recovery } from './recover.js';
import { setAsideOddFiles } from './set-aside.js';
import type { OpenStore } from './types.js';

export type { OpenStore } from './types.js';

/** `MessageStoreConfig#mapperFileSizeBatchConsumeQueue`. */
const unitFileBytesDefault = 300000 * batchConsumeQueueUnitBytes;

/** What the directory of a store may hold; anything else in a directory without these is somebody else's. */
const storeNames = new Set([
  'commitlog',
  'consumequeue',
  'consumequeue_ext',
  'batchconsumequeue',
  'batchentries',
  'compaction',
  'index',
  'config',
  'checkpoint',
  'abort',
  'lock',
  'timerwheel',
  'timerlog',
  'epochFileCheckpoint',
  'brokerIdentity',
]);

/**
 * Opens (and recovers) the store in a directory, making it when missing. Throws a Fault that names what is wrong: in use by another process, a foreign
 * directory, files of another size, a disk error.
 */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  const { disk, root, clock, config, log } = options;
  const startedMs = clock.nowMs();
  checkConfig(options);
  const commitLogDir = options.commitLogDir === undefined || options.commitLogDir === '' ? path.join(root, 'commitlog') : options.commitLogDir;
  await makeDurableDir(disk, root);
  checkOwn(options);
  const unlock = await disk.lock(root);
  try {
    const displaced = setAsideOddFiles(disk, root, log);
    await makeDurableDir(disk, commitLogDir);
    disk.makeDir(path.join(root, 'consumequeue'));
    const nowMs = (): number => clock.nowMs();
    const parts: StoreParts = {
      root,
      config,
      disk,
      clock,
      log,
      commitLog: new CommitLog(disk, commitLogDir, config.mappedFileSizeCommitLog, config.tailCacheBytesMax, nowMs),
      queues: new QueueTable(disk, path.join(root, 'consumequeue'), config.mappedFileSizeConsumeQueue, {
        extensions: config.enableConsumeQueueExt === true
          ? { root: path.join(root, 'consumequeue_ext'), fileBytes: config.mappedFileSizeConsumeQueueExt ?? extensionFileBytesDefault }
          : undefined,
        batch: options.isBatchTopic === undefined ? undefined : {
          isBatchTopic: options.isBatchTopic,
          entriesRoot: path.join(root, 'batchentries'),
          unitsRoot: path.join(root, 'batchconsumequeue'),
          unitFileBytes: config.mapperFileSizeBatchConsumeQueue ?? unitFileBytesDefault,
        },
      }),
      index: config.messageIndexEnable
        ? new KeyIndex(disk, path.join(root, 'index'), config.maxHashSlotNum, config.maxIndexNum, nowMs)
        : undefined,
      collect: options.collect,
      delayLevels: delayLevelTable(config.messageDelayLevel ?? defaultDelayLevels),
    };
    const checkpoint = new CheckpointFile(disk, root);
    checkpoint.load(log);
    const abort = new AbortMark(disk, root, log);
    const cleanStop = !abort.stands;
    const state = readDerivedState(disk, root, log);
    const gaps = await openLogFiles(parts, { cleanStop, checkpointed: checkpoint.value.logicsPhysicalOffset, min: state !== undefined && state.logEnd > 0 ? state.logMin : 0 });
    const recovery = new Recovery(parts);
    const recovered = await recovery.run({ cleanStop, checkpoint: checkpoint.value, state, displaced, gaps }, startedMs);
    abort.set();
    await disk.syncDir(root);
    await disk.syncDir(commitLogDir);
    parts.commitLog.dirDirty = false;
    const store = new DiskMessageStore(parts, recovery, recovered, checkpoint, () => abort.clear(), unlock);
    await store.settle();
    return store;
  } catch (error) {
    unlock();
    if (error instanceof Fault) throw error;
    throw new Fault(`the store in ${root} cannot be opened: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

/** Makes a directory so that it, and what will be synced in it, survives a power loss. */
async function makeDurableDir(disk: Disk, dir: string): Promise<void> {
  const missing: string[] = [];
  for (let at = path.resolve(dir); disk.stat(at) === undefined && path.dirname(at) !== at; at = path.dirname(at)) missing.push(at);
  disk.makeDir(dir);
  for (const made of missing.reverse()) await disk.syncDir(path.dirname(made));
}

function checkConfig(options: StoreOptions): void {
  const { config, commitLogDir } = options;
  // `MixAll#MULTI_PATH_SPLITTER`.
  if (commitLogDir?.includes(',') === true) throw new Fault(`storePathCommitLog is "${commitLogDir}": a commit log lies in one directory, not in several`);
  const positive = (name: string, value: number, least: number): void => {
    if (!Number.isSafeInteger(value) || value < least) throw new Fault(`${name} is ${value}, it must be a whole number of at least ${least}`);
  };
  positive('mappedFileSizeCommitLog', config.mappedFileSizeCommitLog, 256);
  positive('mappedFileSizeConsumeQueue', config.mappedFileSizeConsumeQueue, 20);
  positive('maxHashSlotNum', config.maxHashSlotNum, 1);
  positive('maxIndexNum', config.maxIndexNum, 2);
  positive('maxMessageSize', config.maxMessageSize, 1);
  const unitFileBytes = config.mapperFileSizeBatchConsumeQueue ?? unitFileBytesDefault;
  if (unitFileBytes < batchConsumeQueueUnitBytes || unitFileBytes % batchConsumeQueueUnitBytes !== 0) {
    throw new Fault(`mapperFileSizeBatchConsumeQueue is ${unitFileBytes}, it must be a multiple of ${batchConsumeQueueUnitBytes}`);
  }
  if (config.mappedFileSizeConsumeQueue % 20 !== 0) {
    throw new Fault(`mappedFileSizeConsumeQueue is ${config.mappedFileSizeConsumeQueue}, it must be a multiple of 20`);
  }
}

/** Refuses a directory that holds only files of somebody else. */
function checkOwn(options: StoreOptions): void {
  const names = options.disk.list(options.root);
  if (names.length === 0 || names.some((name) => storeNames.has(name))) return;
  const shown = names.slice(0, 3).join(', ');
  throw new Fault(`data directory ${options.root} holds files that are no message store (${shown}${names.length > 3 ? ', ...' : ''}): choose an empty one`);
}
