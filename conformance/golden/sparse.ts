/**
 * Store directories kept as small JSON: every file with its size and only the runs of bytes that are not zero. Reading a
 * directory into that form, and writing it back as (sparse) files. Knows nothing of what the files mean.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

export interface SparseFile {
  /** Relative to the store directory, with `/`. */
  readonly path: string;
  /** Length of the file in bytes; everything outside `runs` is zero. */
  readonly size: number;
  /** Runs of bytes in ascending order: `hex`, or `text` where a whole file is UTF-8 text. */
  readonly runs: readonly { readonly at: number; readonly hex?: string; readonly text?: string }[];
}

export interface SparseDirectory {
  readonly provenance: string;
  readonly files: readonly SparseFile[];
}

/** A zero gap shorter than this stays inside a run. */
const gapBytes = 64;
const chunkBytes = 4 * 1024 * 1024;

function runsOf(path: string, size: number): { at: number; hex: string }[] {
  const file = openSync(path, 'r');
  const chunk = Buffer.alloc(chunkBytes);
  const zeros = Buffer.alloc(chunkBytes);
  const bytes: { at: number; data: Buffer }[] = [];
  try {
    for (let base = 0; base < size; base += chunkBytes) {
      const n = readSync(file, chunk, 0, Math.min(chunkBytes, size - base), base);
      if (chunk.compare(zeros, 0, n, 0, n) === 0) continue;
      for (let i = 0; i < n; i++) {
        if (chunk[i] === 0) continue;
        let end = i + 1;
        for (let j = end; j < n && j < end + gapBytes; j++) if (chunk[j] !== 0) end = j + 1;
        bytes.push({ at: base + i, data: Buffer.from(chunk.subarray(i, end)) });
        i = end;
      }
    }
  } finally {
    closeSync(file);
  }
  return bytes.map(({ at, data }) => ({ at, hex: data.toString('hex') }));
}

/** Reads every file below `dir`. JSON and other text files come as `text`. */
export function readSparse(dir: string, provenance: string): SparseDirectory {
  const files: SparseFile[] = [];
  const walk = (at: string): void => {
    for (const entry of readdirSync(at, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(at, entry.name);
      if (entry.isDirectory()) {
        walk(path);
        continue;
      }
      const size = statSync(path).size;
      let runs: SparseFile['runs'] = runsOf(path, size);
      const [only] = runs;
      const bytes = Buffer.from(only?.hex ?? '', 'hex');
      const text = bytes.toString('utf8');
      if (only !== undefined && runs.length === 1 && bytes.length === size && !/[^\t\n\r\x20-\x7e]/.test(text)) runs = [{ at: 0, text }];
      files.push({ path: relative(dir, path).split(sep).join('/'), size, runs });
    }
  };
  walk(dir);
  return { provenance, files };
}

/** Writes the directory out below `dir`. Large files become sparse files, so a gigabyte of log costs some kilobytes. */
export function writeSparse(directory: SparseDirectory, dir: string): void {
  for (const { path, size, runs } of directory.files) {
    const target = join(dir, ...path.split('/'));
    mkdirSync(dirname(target), { recursive: true });
    const file = openSync(target, 'w');
    try {
      ftruncateSync(file, size);
      for (const run of runs) {
        const bytes = run.text === undefined ? Buffer.from(run.hex ?? '', 'hex') : Buffer.from(run.text, 'utf8');
        writeSync(file, bytes, 0, bytes.length, run.at);
      }
    } finally {
      closeSync(file);
    }
  }
}
