/** Units of extensions by their position: from memory at once, else from pages read off the thread. A unit that is not there is no error. */
import { extUnitBytesMax, extUnitBytesMin } from '../codec/consume-queue-ext-unit.js';
import { getInt64, viewOf } from '../codec/int64.js';
import type { StoreQueue } from './consume-queue.js';
import type { ReadSession } from './log-reader.js';
import { PageCache } from './page-cache.js';
import type { StoreParts } from './parts.js';
import type { EntryExtension } from './types.js';

/** Pages overlap by half, so that each unit lies wholly in the page its first byte is in the first half of. */
const pageStrideBytes = 32 * 1024;
const pageBytes = 64 * 1024;
const cacheBytesMax = 8 * 1024 * 1024;
const NO_BYTES = new Uint8Array(0);

/** The unit found last. */
export class FoundExtension implements EntryExtension {
  tagsCode = 0;
  msgStoreTime = 0;
  bytes: Uint8Array = NO_BYTES;
  bitMapStart = 0;
  bitMapBytes = 0;
}

export class ExtensionReader {
  readonly pages = new PageCache(pageBytes, cacheBytesMax);
  readonly found = new FoundExtension();
  readonly #parts: StoreParts;
  #viewed: Uint8Array = NO_BYTES;
  #view = viewOf(NO_BYTES);

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  /** Fills `found`. `missing` = it must be read first: the session knows how; `none` = no unit stands there. */
  find(queue: StoreQueue, position: number, session: ReadSession | undefined): 'found' | 'missing' | 'none' {
    const { extension } = queue;
    const { extensions } = this.#parts.queues;
    if (extension === undefined || extensions === undefined || !Number.isSafeInteger(position)) return 'none';
    const block = extension.block(position);
    if (block !== undefined) return this.#read(block.bytes, position - block.first, block.length) ? 'found' : 'none';
    const fileBase = extension.fileBaseOf(position);
    if (!extensions.filesOf(extension).includes(fileBase)) return 'none';
    if (session === undefined) return 'missing';
    const inFile = position - fileBase;
    const first = inFile - (inFile % pageStrideBytes);
    const key = keyOf(queue, fileBase, first);
    const need = inFile - first + extUnitBytesMin;
    let page = session.pages.get(key);
    // A page that was read while its file was being filled ends early.
    if (page === undefined) {
      page = this.pages.peek(key);
      if (page !== undefined && (page.length < need || !this.#read(page.bytes, inFile - first, page.length))) page = undefined;
    }
    if (page === undefined) {
      session.wanted.push(async () => {
        this.pages.forget(key);
        const length = Math.min(pageBytes, extension.fileBytes - first);
        session.pages.set(key, await this.pages.load(key, () => extensions.open(extension, fileBase), first, length));
      });
      return 'missing';
    }
    session.pages.set(key, page);
    return this.#read(page.bytes, inFile - first, page.length) ? 'found' : 'none';
  }

  #read(bytes: Uint8Array, at: number, end: number): boolean {
    if (end - at < extUnitBytesMin) return false;
    if (this.#viewed !== bytes) {
      this.#viewed = bytes;
      this.#view = viewOf(bytes);
    }
    const view = this.#view;
    const size = view.getInt16(at);
    const bitMapBytes = view.getInt16(at + 18);
    if (size < extUnitBytesMin || size > extUnitBytesMax || size > end - at || bitMapBytes !== size - extUnitBytesMin) return false;
    const { found } = this;
    found.tagsCode = getInt64(view, at + 2);
    found.msgStoreTime = getInt64(view, at + 10);
    found.bytes = bytes;
    found.bitMapStart = at + extUnitBytesMin;
    found.bitMapBytes = bitMapBytes;
    return true;
  }

  /** Forgets cached pages of a queue: it was deleted or cut, and its positions may come again. */
  forgetQueue(queue: StoreQueue): void {
    const prefix = `${queue.topic}/${queue.queueId}/`;
    this.pages.forgetAll((key) => key.startsWith(prefix));
  }
}

function keyOf(queue: StoreQueue, fileBase: number, first: number): string {
  return `${queue.topic}/${queue.queueId}/ext/${fileBase}:${first}`;
}
