/** Directories of numbered files: CommitLog, consume queues and their kin name each file by the position of its first byte. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface Segment {
  readonly path: string;
  readonly name: string;
  /** Position of its first byte in the whole. */
  readonly base: number;
  readonly size: number;
}

/** Entries of a directory; none where there is no such directory. Sorted. */
export function entriesOf(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch {
    return [];
  }
}

function sizeOf(path: string): number | undefined {
  try {
    const found = statSync(path);
    return found.isFile() ? found.size : undefined;
  } catch {
    return undefined;
  }
}

/** The numbered files of a directory in their order, and what else lies there. */
export function segmentsOf(dir: string): { readonly segments: readonly Segment[]; readonly others: readonly string[] } {
  const segments: Segment[] = [];
  const others: string[] = [];
  for (const name of entriesOf(dir)) {
    const path = join(dir, name);
    const size = sizeOf(path);
    if (/^\d{20}$/.test(name) && size !== undefined) segments.push({ path, name, base: Number(name), size });
    else others.push(name);
  }
  return { segments, others };
}

/** What is wrong with names and sizes: files of one length, each beginning where the one before ends. Undefined when nothing is. */
export function chainProblem(segments: readonly Segment[]): string | undefined {
  for (const [i, one] of segments.entries()) {
    const before = segments[i - 1];
    if (before !== undefined && one.base !== before.base + before.size) return `${one.name} follows ${before.name} of ${before.size} bytes`;
    if (before !== undefined && i < segments.length && one.size !== before.size) return `${one.name} has ${one.size} bytes, ${before.name} ${before.size}`;
  }
  return undefined;
}

/** One queue's directory: `<root>/<topic>/<queueId>/`. */
export interface QueueFiles {
  readonly topic: string;
  readonly queueId: number;
  readonly dir: string;
  readonly segments: readonly Segment[];
  readonly others: readonly string[];
}

/** All queues below a directory, and the names of directories that are no queue number. */
export function queuesOf(root: string): { readonly queues: readonly QueueFiles[]; readonly odd: readonly string[] } {
  const queues: QueueFiles[] = [];
  const odd: string[] = [];
  for (const topic of entriesOf(root)) {
    for (const name of entriesOf(join(root, topic))) {
      if (!/^(?:0|[1-9]\d{0,9})$/.test(name)) odd.push(`${topic}/${name}`);
      else queues.push({ topic, queueId: Number(name), dir: join(root, topic, name), ...segmentsOf(join(root, topic, name)) });
    }
  }
  return { queues, odd };
}
