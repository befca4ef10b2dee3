/**
 * Bytes of the log by phyOffset: from the tail cache at once, else from pages read off the thread. A read that lacks pages notes them and is tried
 * again when they are there, so that the rules of a read are written once, synchronously (read.ts).
 */
import { viewOf } from '../codec/int64.js';
import { recordMagic } from '../codec/message-record.js';
import type { CommitLog } from './commit-log.js';
import { PageCache } from './page-cache.js';
import type { Page } from './page-cache.js';

/** Pages of the log. */
export const logPageBytes = 256 * 1024;
/** Pages read ahead for a consumer that goes through the log in order. */
const aheadPages = 6;
/** A larger record is looked at before it is read whole. */
const doubtBytes = 4 * logPageBytes;
const NO_BYTES = Buffer.alloc(0);

/** A stretch of memory that holds a record. */
export class Located {
  bytes: Buffer = NO_BYTES;
  start = 0;
  #view: DataView | undefined;

  /** `view` over `bytes` where there is one already. */
  set(bytes: Buffer, start: number, view?: DataView): void {
    this.bytes = bytes;
    this.start = start;
    this.#view = view;
  }

  get view(): DataView {
    return (this.#view ??= viewOf(this.bytes));
  }
}

export type Found = 'found' | 'missing' | 'gone';

/** Pages one read has collected: they stay while it is tried again, whatever the cache drops meanwhile. */
export class ReadSession {
  readonly pages = new Map<string | number, Page>();
  /** Pages of the log that this read has. */
  readonly pinned: Page[] = [];
  /** Loads the last try found missing. */
  wanted: (() => Promise<void>)[] = [];
  /** The page of the log used last: most records of a read lie in one. */
  #key = -1;
  #last: Page | undefined;

  /** A try asks for nothing but what it lacks first. */
  reset(): void {
    this.wanted = [];
    // Files may have been deleted since.
    this.#last = undefined;
  }

  /** The page of the log used last if the bytes [phyOffset, +size) are all in it. */
  within(phyOffset: number, size: number): Page | undefined {
    const at = phyOffset - this.#key;
    return this.#last !== undefined && at >= 0 && at + size <= this.#last.length ? this.#last : undefined;
  }

  /** Where the page used last starts: keys of pages of the log are phyOffsets. */
  get lastStart(): number {
    return this.#key;
  }

  /** Keeps a page of the log for this read. */
  keep(key: number, page: Page): Page {
    this.pages.set(key, page);
    return this.use(key, page);
  }

  use(key: number, page: Page): Page {
    this.#key = key;
    return (this.#last = page);
  }
}

export class LogReader {
  /** By the phyOffset they start at. */
  readonly pages: PageCache<number>;
  readonly #log: CommitLog;

  constructor(log: CommitLog, bytesMax: number) {
    this.#log = log;
    this.pages = new PageCache(logPageBytes, bytesMax);
  }

  /**
   * Finds [phyOffset, +size) in memory. Without a session only the tail cache is looked at. `gone` = not (any more) in the log, or no record starts there.
   */
  locate(out: Located, phyOffset: number, size: number, session: ReadSession | undefined): Found {
    if (session !== undefined && size >= 8) {
      const page = session.within(phyOffset, size);
      if (page !== undefined) {
        out.set(page.bytes, phyOffset - session.lastStart, page.view);
        return this.#startsRecord(out, size);
      }
    }
    const log = this.#log;
    const chunk = log.find(phyOffset, size);
    if (chunk !== undefined) {
      chunk.shared = true;
      out.set(chunk.bytes, phyOffset - chunk.phyStart);
      return 'found';
    }
    if (phyOffset < log.min || size < 8 || phyOffset + size > log.written) return 'gone';
    if (session === undefined) return 'missing';
    const file = log.fileAt(phyOffset);
    if (file === undefined || phyOffset + size > file.end) return 'gone';
    const from = phyOffset - file.base;
    const firstPage = Math.floor(from / logPageBytes);
    const lastPage = Math.floor((from + size - 1) / logPageBytes);
    if (firstPage === lastPage) {
      const page = this.#page(session, file.base, firstPage, from + size);
      if (page === undefined) return 'missing';
      out.set(page.bytes, from - firstPage * logPageBytes, page.view);
      return this.#startsRecord(out, size);
    }
    // A damaged entry may ask for anything: what stands there must ask for as much before it is read.
    if (size > doubtBytes && firstPage * logPageBytes + logPageBytes - from >= 8) {
      const head = this.#page(session, file.base, firstPage, Math.min(firstPage * logPageBytes + logPageBytes, this.#log.written - file.base));
      if (head === undefined) return 'missing';
      out.set(head.bytes, from - firstPage * logPageBytes, head.view);
      if (this.#startsRecord(out, size) === 'gone') return 'gone';
    }
    let missing = false;
    const joined = Buffer.allocUnsafeSlow(size);
    for (let number = firstPage; number <= lastPage; number++) {
      const pageStart = number * logPageBytes;
      const start = Math.max(from, pageStart);
      const end = Math.min(from + size, pageStart + logPageBytes);
      const page = this.#page(session, file.base, number, end);
      if (page === undefined) missing = true;
      else page.bytes.copy(joined, start - from, start - pageStart, end - pageStart);
    }
    if (missing) return 'missing';
    out.set(joined, 0);
    return this.#startsRecord(out, size);
  }

  /** A damaged file must not reach a consumer as a record. */
  #startsRecord(out: Located, size: number): Found {
    const { view, start } = out;
    const magic = view.getInt32(start + 4);
    const whole = view.getInt32(start) === size && (magic === recordMagic.V1 || magic === recordMagic.V2);
    return whole ? 'found' : 'gone';
  }

  /** What a page of a file is called: no two share a phyOffset, for files are contiguous. */
  #key(base: number, page: number): number {
    return base + page * logPageBytes;
  }

  /** The page with the file's bytes up to `end` (within the page) in it, or undefined and noted in the session. */
  #page(session: ReadSession, base: number, number: number, end: number): Page | undefined {
    const need = end - number * logPageBytes;
    const key = this.#key(base, number);
    const held = session.pages.get(key);
    if (held !== undefined && held.length >= need) return session.use(key, held);
    const page = this.pages.peek(key);
    if (page !== undefined && page.length >= need) {
      session.pinned.push(this.pages.pin(page));
      return session.keep(key, page);
    }
    session.wanted.push(async () => {
      const loaded = await this.#load(base, number);
      session.pinned.push(loaded);
      session.pages.set(key, loaded);
    });
    return undefined;
  }

  /** Reads a page as far as the log is written. */
  #load(base: number, number: number): Promise<Page> {
    const start = number * logPageBytes;
    const length = Math.min(logPageBytes, this.#log.fileBytes - start, this.#log.written - base - start);
    const open = (): import('./disk.js').DiskFile => {
      const file = this.#log.fileAt(base);
      if (file === undefined || file.base !== base) throw new Error(`the log file ${base} was deleted`);
      return file.file;
    };
    return this.pages.load(this.#key(base, number), open, start, length);
  }

  /** Loads the pages behind one that a consumer just came to, so that it does not wait for each. Failures show when they are needed. */
  readAhead(phyOffset: number): void {
    const file = this.#log.fileAt(phyOffset);
    if (file === undefined) return;
    const number = Math.floor((phyOffset - file.base) / logPageBytes);
    for (let next = number + 1; next <= number + aheadPages; next++) {
      const start = file.base + next * logPageBytes;
      if (start + logPageBytes > Math.min(file.end, this.#log.cachedFrom)) return;
      if (this.pages.peek(this.#key(file.base, next)) !== undefined) continue;
      this.#load(file.base, next).then(
        (page) => this.pages.unpin(page),
        () => undefined,
      );
    }
  }

  /** The read is over and nobody holds slices of what it found. */
  release(session: ReadSession): void {
    for (const page of session.pinned.splice(0)) this.pages.unpin(page);
  }

  /** Forgets the pages of a file that was deleted. */
  forgetFile(base: number): void {
    const end = base + this.#log.fileBytes;
    this.pages.forgetAll((key) => key >= base && key < end);
  }
}
