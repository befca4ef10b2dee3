/**
 * Finds and opens the files that make one commit log: sizes, names and gaps. Apache uses whatever files there are and says that they do not match
 * (`MappedFileQueue#load`, `#checkSelf`); here the log is made contiguous and no file of it is deleted. What stands in them is log-window.ts.
 *
 *   known to have been whole:  | file | file | (missing) | file |   ->  | file | file | blank | file |
 *   else:                      | file | file | (missing) | file |   ->  | file | file |      and commitlog/behind-gap-N(20)/ | file |
 */
import * as path from 'node:path';
import { blankEntries } from './blank-entries.js';
import { Fault } from '../codec/errors.js';
import { blankBytesMin, encodeBlank } from '../codec/message-record.js';
import { LogWindow } from './log-window.js';
import { offsetFileName, offsetOfFileName } from './names.js';
import type { StoreParts } from './parts.js';

/** Missing files that are replaced by blank ones. More are no accident: a name among them is not of this log. */
const blankFilesMax = 64;
/** Sizes of records, and so of blanks, are 32 bits. */
const blankBytesMax = 0x7fffffff;

/** What is known about the log before it is read. */
export interface KnownLog {
  readonly cleanStop: boolean;
  /** phyOffset below which the checkpoint vouches, 0 = it does not say. */
  readonly checkpointed: number;
  /** Where the log began when it was closed, 0 = unknown. */
  readonly min: number;
}

/** A stretch of the log that is lost: [from, to) is blank now. */
export interface ClosedGap {
  readonly from: number;
  readonly to: number;
}

/** Files without a gap between them: offset of the first, and behind the last. */
interface Run {
  readonly bases: number[];
  readonly from: number;
  end: number;
}

/**
 * Opens the files of the log; returns the gaps that were closed. Throws a Fault that names a file which cannot be one of this configuration, and what the
 * disk throws.
 */
export async function openLogFiles(parts: StoreParts, known: KnownLog): Promise<ClosedGap[]> {
  const { commitLog, disk, log } = parts;
  const bases: number[] = [];
  for (const name of disk.list(commitLog.dir)) {
    const base = offsetOfFileName(name);
    if (base === undefined) log.warn({ file: path.join(commitLog.dir, name) }, 'is no commit log file and is left alone');
    else bases.push(base);
  }
  checkSizes(parts, bases);
  let runs = runsOf(bases, commitLog.fileBytes);
  if (known.cleanStop) {
    // Removed by retention once: somebody put them back.
    for (const run of runs) if (run.end <= known.min) await moveAside(parts, run.bases, 'before-log', run.from, 'these commit log files lie before the first one of the last stop');
    runs = runs.filter((run) => run.end > known.min);
  }
  const { kept, gaps } = await closeGaps(parts, runs, known);
  for (const base of kept) commitLog.addFile(base, false);
  commitLog.dirDirty = false;
  return gaps;
}

/** A file may be short, the disk lost its length; not so short that the next one shows the size for which all were made. */
function checkSizes(parts: StoreParts, bases: readonly number[]): void {
  const { commitLog, disk, log } = parts;
  const { fileBytes } = commitLog;
  bases.forEach((base, i) => {
    const file = path.join(commitLog.dir, offsetFileName(base));
    const entry = disk.stat(file);
    if (entry?.directory === true) throw new Fault(`${file} is a directory where a commit log file belongs: put the file back, or move the directory away`);
    const bytes = entry?.bytes ?? 0;
    const next = bases[i + 1];
    const before = bases[i - 1];
    const others = before !== undefined ? base - before >= fileBytes : next !== undefined && next - base === fileBytes;
    if (bytes > fileBytes && others) {
      throw new Fault(`${file} has ${bytes} bytes, ${bytes - fileBytes} more than the other files and mappedFileSizeCommitLog say: nothing of a commit log stands there, cut it to ${fileBytes} bytes`);
    }
    if (bytes > fileBytes || (bytes < fileBytes && next !== undefined && next - base < fileBytes)) {
      throw new Fault(`${file} has ${bytes} bytes, mappedFileSizeCommitLog says ${fileBytes}: set it to the size of the files`);
    }
    if (bytes < fileBytes) log.warn({ file, bytes, missing: fileBytes - bytes }, 'a commit log file is too short: it is filled up with zeros, the records left in it stay');
  });
}

function runsOf(bases: readonly number[], fileBytes: number): Run[] {
  const runs: Run[] = [];
  for (const base of bases) {
    const run = runs.at(-1);
    if (run?.end === base) {
      run.bases.push(base);
      run.end += fileBytes;
    } else runs.push({ bases: [base], from: base, end: base + fileBytes });
  }
  return runs;
}

/**
 * Makes one log of the runs; returns the offsets of its files and what was closed. Up to the last run that is known to have been part of the log missing files become
 * blanks: only their own messages are lost. A run behind may be what an unclean stop left of bytes that were never promised: the log ends before it.
 */
async function closeGaps(parts: StoreParts, runs: readonly Run[], known: KnownLog): Promise<{ kept: number[]; gaps: ClosedGap[] }> {
  const { commitLog, disk, log } = parts;
  const { fileBytes } = commitLog;
  const vouched = (run: Run): boolean => known.cleanStop || (known.checkpointed >= run.from && known.checkpointed < run.end);
  let last = runs.length - 1;
  while (last > 0 && !vouched(runs[last] as Run)) last--;
  const kept = [...(runs[0]?.bases ?? [])];
  const gaps: ClosedGap[] = [];
  let room = fileBytes <= blankBytesMax ? blankFilesMax : 0;
  let i = 1;
  for (; i <= last; i++) {
    const from = (runs[i - 1] as Run).end;
    const run = runs[i] as Run;
    const files = (run.from - from) / fileBytes;
    if (!Number.isInteger(files) || files > room) break;
    room -= files;
    // Before the gap is closed: a start that dies here finds it again.
    const entries = blankEntries(parts, from, run.from);
    log.error({ phyOffset: from, bytes: run.from - from, files, entries }, 'commit log files are missing: their messages are lost, what stands before and behind stays');
    gaps.push({ from, to: run.from });
    for (let base = from; base < run.from; base += fileBytes) kept.push(writeBlankFile(parts, base));
    kept.push(...run.bases);
  }
  if (gaps.length > 0) await disk.syncDir(commitLog.dir);
  const behind = bases(runs.slice(i));
  if (behind.length > 0) {
    await moveAside(parts, behind, 'behind-gap', (runs[i - 1] as Run).end, 'commit log files are missing: the log ends before them, these files lie behind the gap');
  }
  return { kept, gaps };
}

function bases(runs: readonly Run[]): number[] {
  return runs.flatMap((run) => run.bases);
}

/** A file that is one blank: recovery, here and on Apache, goes on behind it. It takes its name when it is durable. */
function writeBlankFile(parts: StoreParts, base: number): number {
  const { commitLog, disk } = parts;
  const name = path.join(commitLog.dir, offsetFileName(base));
  const draft = `${name}.tmp`;
  const file = disk.open(draft, 'create');
  try {
    const bytes = new Uint8Array(blankBytesMin);
    encodeBlank(new DataView(bytes.buffer), 0, commitLog.fileBytes);
    file.setLength(0);
    file.setLength(commitLog.fileBytes);
    file.writeSync(bytes, 0, bytes.length, 0);
    file.datasyncSync();
  } finally {
    file.close();
  }
  disk.rename(draft, name);
  return base;
}

/** Moves files that hold anything into a directory of their own beside the log; prepared ones, which do not, are removed. */
async function moveAside(parts: StoreParts, list: readonly number[], what: string, phyOffset: number, why: string): Promise<void> {
  const { commitLog, disk, log } = parts;
  const directory = path.join(commitLog.dir, `${what}-${offsetFileName(phyOffset)}`);
  const moved: string[] = [];
  for (const base of list) {
    const name = offsetFileName(base);
    const from = path.join(commitLog.dir, name);
    if (!holdsData(parts, base)) {
      disk.unlink(from);
      continue;
    }
    disk.makeDir(directory);
    let to = path.join(directory, name);
    for (let i = 2; disk.stat(to) !== undefined; i++) to = path.join(directory, `${name}-${i}`);
    disk.rename(from, to);
    moved.push(name);
  }
  if (moved.length > 0) {
    log.error({ directory, files: moved.length, first: moved[0], last: moved.at(-1) }, `${why}: they were moved to that directory and are not served`);
    await disk.syncDir(directory);
  }
  await disk.syncDir(commitLog.dir);
}

function holdsData(parts: StoreParts, base: number): boolean {
  const { commitLog, disk } = parts;
  const file = disk.open(path.join(commitLog.dir, offsetFileName(base)), 'read');
  try {
    const entry = { base, end: base + commitLog.fileBytes, file, modifiedMs: 0, dirty: false };
    return new LogWindow(commitLog).dataBytes(entry, base) > 0;
  } finally {
    file.close();
  }
}
