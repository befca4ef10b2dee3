/** Small files that are read and replaced as a whole. */
import * as path from 'node:path';
import type { Disk } from './disk.js';

const bytesMax = 16 * 1024 * 1024;

/** Its text; undefined when there is no such file. */
export function readSmallFile(disk: Disk, name: string): string | undefined {
  const entry = disk.stat(name);
  if (entry === undefined || entry.directory) return undefined;
  const file = disk.open(name, 'read');
  try {
    const bytes = Buffer.alloc(Math.min(entry.bytes, bytesMax));
    return bytes.toString('utf8', 0, file.readSync(bytes, 0));
  } finally {
    file.close();
  }
}

/** Writes and syncs it under another name first: a stop at any moment leaves the old or the new text. Its directory is there. Throws what the disk throws. */
export async function replaceFile(disk: Disk, name: string, text: string): Promise<void> {
  const draft = `${name}.tmp`;
  const file = disk.open(draft, 'create');
  try {
    file.setLength(0);
    await file.write(Buffer.from(text, 'utf8'), 0);
    await file.datasync();
  } finally {
    file.close();
  }
  disk.rename(draft, name);
  await disk.syncDir(path.dirname(name));
}

/** The same in a directory that may have to be made. */
export async function replaceFileInDir(disk: Disk, name: string, text: string): Promise<void> {
  const dir = path.dirname(name);
  disk.makeDir(dir);
  await replaceFile(disk, name, text);
  await disk.syncDir(path.dirname(dir));
}
