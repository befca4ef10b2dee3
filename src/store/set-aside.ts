/**
 * What stands where a store file belongs and is none: it is moved beside its place, so that the file can be made again and nothing is lost. For derived
 * files, which the log brings back; a CommitLog file of another kind refuses the start (log-files.ts).
 */
import * as path from 'node:path';
import type { Disk } from './disk.js';
import type { StoreLog } from './options.js';

/** Names tried before giving up. */
const namesMax = 1000;

/** A name in the same directory that nothing has yet: `NAME.aside`, `NAME.aside-2`... */
export function asideName(disk: Disk, name: string): string {
  for (let i = 1; i < namesMax; i++) {
    const aside = i === 1 ? `${name}.aside` : `${name}.aside-${i}`;
    if (disk.stat(aside) === undefined) return aside;
  }
  throw new Error(`${name}.aside to ${name}.aside-${namesMax - 1} exist: remove those that nobody needs`);
}

/** Moves a file or directory out of the way; an empty directory is removed. The caller syncs the directory. Throws what the disk throws. */
export function setAside(disk: Disk, name: string, log: StoreLog, what: string): void {
  if (disk.stat(name)?.directory === true) {
    disk.removeDir(name);
    if (disk.stat(name) === undefined) {
      log.warn({ name }, `an empty directory stood where ${what} belongs: it was removed`);
      return;
    }
  }
  const aside = asideName(disk, name);
  disk.rename(name, aside);
  log.warn({ name, aside }, `something else stood where ${what} belongs: it was moved aside`);
}

/** What was moved aside and may have taken the place of derived data. */
export interface Displaced {
  /** Index files. */
  readonly index: boolean;
}

/** Makes room for the derived files with fixed names, and for index files. ConsumeQueues see queue-load.ts, `abort` message-store.ts. */
export function setAsideOddFiles(disk: Disk, root: string, log: StoreLog): Displaced {
  for (const name of ['checkpoint', 'derived.json', 'derived.json.tmp']) {
    const full = path.join(root, name);
    if (disk.stat(full)?.directory === true) setAside(disk, full, log, `the file ${name}`);
  }
  for (const name of ['consumequeue', 'batchconsumequeue', 'batchentries', 'index']) {
    const full = path.join(root, name);
    if (disk.stat(full)?.directory === false) setAside(disk, full, log, `the directory ${name}`);
  }
  const indexDir = path.join(root, 'index');
  let index = false;
  for (const name of disk.list(indexDir)) {
    const full = path.join(indexDir, name);
    if (!/^\d{17}$/.test(name) || disk.stat(full)?.directory !== true) continue;
    setAside(disk, full, log, 'an index file');
    index = true;
  }
  return { index };
}
