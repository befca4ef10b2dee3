/** A store directory as cases see it: its parts, read when they are asked for and then kept. A new look at the files is a new StoreFiles. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, notApplicable } from '../expect.js';
import { json } from '../session.js';
import { readLog, type LogFile, type LogRecord } from './commit-log.js';
import { readIndexFile, type IndexFile } from './index-file.js';
import { entriesOf, queuesOf, segmentsOf, type QueueFiles } from './segments.js';

export type Fields = Readonly<Record<string, unknown>>;

/** The members of a JSON object; none of anything else. */
export const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Fields : {});

export interface StoreOptions {
  /** Topics the case wrote; undefined: nobody wrote anything, all of them. */
  readonly topics: ReadonlySet<string> | undefined;
}

export class StoreFiles {
  readonly dir: string;
  /** Whether a case wrote something just before: then what it looks for must be there. */
  readonly live: boolean;
  /** What the case wrote: topics, or other names it looks for. */
  readonly topics: ReadonlySet<string> | undefined;
  private readLogFiles: readonly LogFile[] | undefined;
  private readIndexes: readonly IndexFile[] | undefined;
  private positions: ReadonlyMap<number, LogRecord> | undefined;

  constructor(dir: string, options: StoreOptions) {
    this.dir = dir;
    this.topics = options.topics;
    this.live = options.topics !== undefined;
  }

  path(...names: readonly string[]): string {
    return join(this.dir, ...names);
  }

  /** The CommitLog's files, those behind the last written one included. */
  get logSegments(): ReturnType<typeof segmentsOf> {
    return segmentsOf(this.path('commitlog'));
  }

  get log(): readonly LogFile[] {
    this.readLogFiles ??= readLog(this.logSegments.segments);
    return this.readLogFiles;
  }

  get records(): readonly LogRecord[] {
    return this.log.flatMap((file) => file.records);
  }

  /** Where the oldest record that was read lies. */
  get logBegins(): number {
    return this.log[0]?.segment.base ?? 0;
  }

  recordAt(phyOffset: number): LogRecord | undefined {
    this.positions ??= new Map(this.records.map((record) => [record.at, record]));
    return this.positions.get(phyOffset);
  }

  /** Records of the case's topics, or all. */
  get mine(): readonly LogRecord[] {
    return this.records.filter((record) => this.isMine(record.topic));
  }

  queues(kind: 'consumequeue' | 'batchconsumequeue' | 'consumequeue_ext' = 'consumequeue'): readonly QueueFiles[] {
    return queuesOf(this.path(kind)).queues.filter((queue) => this.isMine(queue.topic) && queue.segments.length > 0);
  }

  /** Index files, oldest first; those whose size does not tell their slots are left out. */
  get indexes(): readonly IndexFile[] {
    this.readIndexes ??= entriesOf(this.path('index')).filter((name) => /^\d{17}$/.test(name)).flatMap((name) => readIndexFile(this.path('index', name)) ?? []);
    return this.readIndexes;
  }

  /** A file's bytes (of at most 64 MiB), or undefined when there is no such file. */
  bytes(...names: readonly string[]): Buffer | undefined {
    try {
      const path = this.path(...names);
      return statSync(path).size > 64 * 1024 * 1024 ? undefined : readFileSync(path);
    } catch {
      return undefined;
    }
  }

  /** A JSON file of the folder config. */
  config(name: string): Fields {
    const body = this.bytes('config', name);
    if (body === undefined) return this.absent(`config/${name}`);
    return fieldsOf(json({ body }));
  }

  /** The list, unless it is empty: then there is nothing to judge, or, where a case wrote, what it wrote is missing. */
  some<T>(list: readonly T[], what: string): readonly T[] {
    return list.length > 0 ? list : this.absent(what);
  }

  absent(what: string): never {
    if (this.live) throw new Failure(`${what} in the store`, 'there', 'not there');
    return notApplicable(`the store has no ${what}`);
  }

  private isMine(topic: string): boolean {
    return this.topics === undefined || this.topics.has(topic);
  }
}
