/** How large the file system is that holds a directory. Only shown to operators: what the store does when it is full is the store's own business. */
import { statfsSync } from 'node:fs';

export interface FileSystemSpace {
  readonly totalBytes: number;
  /** Not allocated, reserved blocks included (`File#getFreeSpace`). */
  readonly freeBytes: number;
}

/** Undefined when there is no such directory. */
export function fileSystemSpace(dir: string): FileSystemSpace | undefined {
  try {
    const { blocks, bfree, bsize } = statfsSync(dir);
    return { totalBytes: blocks * bsize, freeBytes: bfree * bsize };
  } catch {
    return undefined;
  }
}
