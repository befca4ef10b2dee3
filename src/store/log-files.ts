/** Finds and opens the files that make one commit log: sizes, names and gaps. What stands in them is log-window.ts and recover.ts. */
import * as path from 'node:path';
import { Fault } from '../codec/errors.js';
import { offsetFileName, offsetOfFileName } from './names.js';
import type { StoreParts } from './parts.js';

/**
 * Opens the files of the log; a Fault names what cannot be a log of this configuration. After an unclean stop a file may be short: the disk lost its length.
 */
export function openLogFiles(parts: StoreParts, cleanStop: boolean, trusted: number): void {
  const { commitLog, disk, log } = parts;
  const bases: number[] = [];
  for (const name of disk.list(commitLog.dir)) {
    const base = offsetOfFileName(name);
    if (base === undefined) log.warn({ file: path.join(commitLog.dir, name) }, 'is no commit log file and is left alone');
    else bases.push(base);
  }
  bases.forEach((base, i) => {
    const bytes = disk.stat(path.join(commitLog.dir, offsetFileName(base)))?.bytes ?? 0;
    const next = bases[i + 1];
    const short = bytes < commitLog.fileBytes && (cleanStop || (next !== undefined && next - base < commitLog.fileBytes));
    if (short || bytes > commitLog.fileBytes) {
      throw new Fault(
        `${path.join(commitLog.dir, offsetFileName(base))} has ${bytes} bytes, mappedFileSizeCommitLog says ${commitLog.fileBytes}: set it to the size of the files`,
      );
    }
  });
  const chosen = contiguousRun(bases, commitLog.fileBytes, cleanStop, trusted);
  const first = chosen[0] as number;
  if (chosen.length < bases.length) log.warn({ from: first, files: chosen.length, of: bases.length }, 'commit log files are missing: only one side of the gap is used');
  for (const base of chosen) commitLog.addFile(base, false);
  // What lies behind a gap was never promised, and the log will come there again.
  for (const base of bases) if (!cleanStop && chosen.length > 0 && base > (chosen.at(-1) as number)) disk.unlink(path.join(commitLog.dir, offsetFileName(base)));
  commitLog.dirDirty = false;
}

/**
 * The files that make one log. Where one is missing in between: the side that the checkpoint knows, else what came first after an unclean stop (creations
 * behind may have been lost out of order; removals are synced one by one) and what came last after a clean one.
 */
function contiguousRun(bases: readonly number[], fileBytes: number, cleanStop: boolean, trusted: number): number[] {
  const runs: number[][] = [];
  for (const base of bases) {
    const run = runs.at(-1);
    if (run !== undefined && base - (run.at(-1) as number) === fileBytes) run.push(base);
    else runs.push([base]);
  }
  const known = trusted > 0 ? runs.find((run) => trusted >= (run[0] as number) && trusted < (run.at(-1) as number) + fileBytes) : undefined;
  return known ?? (cleanStop ? runs.at(-1) : runs[0]) ?? [];
}
