/**
 * Pages of files read off the thread, kept within a budget: the oldest goes first, one used since it was last looked at later (second chance). Shared by cold reads of the log, the queues and the index.
 * A page is never changed while somebody may hold slices of it: who gets one from `load` or `pin`s it has it for good, unless he gives it back by
 * `unpin`. The buffer of a page that was dropped and that nobody has is read into again: at 250 MB/s new ones would keep the garbage collector busy.
 * Which bytes of a file may be read is the caller's knowledge.
 */
import { viewOf } from '../codec/int64.js';
import type { DiskFile } from './disk.js';

export interface Page {
  readonly bytes: Buffer;
  /** Over the same bytes: a page is looked into once a message. */
  readonly view: DataView;
  /** Bytes that could be read when it was loaded; less than the page when the file was still being written. */
  readonly length: number;
  /** How many may hold slices of it. */
  pins: number;
  /** Used since the cache last looked for one to drop. */
  used: boolean;
}

interface Loading {
  readonly promise: Promise<Page>;
  waiters: number;
}

/** Buffers kept to be read into again. */
const spareMax = 16;

/** `K`: what names a page. */
export class PageCache<K extends string | number = string> {
  readonly pageBytes: number;
  readonly #bytesMax: number;
  readonly #pages = new Map<K, Page>();
  readonly #loading = new Map<K, Loading>();
  #spare: Buffer[] = [];
  #bytes = 0;
  /** Reads that went to the disk. */
  reads = 0;

  constructor(pageBytes: number, bytesMax: number) {
    this.pageBytes = pageBytes;
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The page if it is in memory. */
  peek(key: K): Page | undefined {
    const page = this.#pages.get(key);
    if (page !== undefined) page.used = true;
    return page;
  }

  /**
   * Reads bytes [position, position + length) of a file as the page `key`, once for all who ask at the same time. `length` may end before the page does
   * when the file is still growing; ask again after `forget` for more.
   */
  load(key: K, open: () => DiskFile, position: number, length: number): Promise<Page> {
    const present = this.#pages.get(key);
    if (present !== undefined && present.length >= length) return Promise.resolve(this.pin(present));
    const under = this.#loading.get(key);
    if (under !== undefined) {
      under.waiters++;
      return under.promise;
    }
    const promise = this.#read(key, open, position, length).finally(() => this.#loading.delete(key));
    this.#loading.set(key, { promise, waiters: 1 });
    return promise;
  }

  /** Keeps the page's bytes as they are until `unpin`. */
  pin(page: Page): Page {
    page.pins++;
    return page;
  }

  /** One who had the page holds no slice of it any more. */
  unpin(page: Page): void {
    page.pins--;
  }

  async #read(key: K, open: () => DiskFile, position: number, length: number): Promise<Page> {
    const bytes = (length === this.pageBytes ? this.#spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(length);
    this.reads++;
    const count = await open().read(bytes, position);
    const page: Page = { bytes, view: viewOf(bytes), length: count, pins: this.#loading.get(key)?.waiters ?? 1, used: false };
    this.forget(key);
    this.#pages.set(key, page);
    this.#bytes += length;
    this.#shrink(key);
    return page;
  }

  /** Drops pages until the budget is kept; `newest` stays. */
  #shrink(newest: K): void {
    for (const [key, page] of this.#pages) {
      if (this.#bytes <= this.#bytesMax) return;
      if (!page.used && key !== newest) {
        this.forget(key);
        continue;
      }
      if (this.#pages.size === 1) return;
      // To the end, where this loop comes to it again.
      page.used = false;
      this.#pages.delete(key);
      this.#pages.set(key, page);
    }
  }

  forget(key: K): void {
    const page = this.#pages.get(key);
    if (page === undefined) return;
    this.#pages.delete(key);
    this.#bytes -= page.bytes.length;
    if (page.pins === 0 && page.bytes.length === this.pageBytes && this.#spare.length < spareMax) this.#spare.push(page.bytes);
  }

  /** Forgets every page whose key is one of these. */
  forgetAll(isOne: (key: K) => boolean): void {
    for (const key of [...this.#pages.keys()]) if (isOne(key)) this.forget(key);
  }

  clear(): void {
    this.#pages.clear();
    this.#spare = [];
    this.#bytes = 0;
  }
}
