/**
 * Reading for consumers: get by the rules of `DefaultMessageStore#getMessage`, entries, store times and search by time. Synchronous as long as everything
 * lies in memory, else tried again after the missing pages were read. Where bytes come from is log-reader.ts.
 */
import { consumeQueueUnitBytes, preBlankSize, unitExtPosition, unitPhyOffset, unitSize, unitTagsCode } from '../codec/consume-queue-unit.js';
import { bornHostBytes, storeHostBytes } from '../codec/sys-flag.js';
import { getInt64, viewOf } from '../codec/int64.js';
import { readRecord, recordBytesMin, recordMagic, RecordView } from '../codec/message-record.js';
import { batchCountMax } from './batch-units.js';
import type { StoreQueue } from './consume-queue.js';
import { ExtensionReader } from './extension-reader.js';
import { Located, LogReader, ReadSession } from './log-reader.js';
import type { Found } from './log-reader.js';
import { memoryWindowBytes } from './options.js';
import { PageCache } from './page-cache.js';
import type { StoreParts } from './parts.js';
import type { GetResult, GetStatus, MessageFilter, QueueUnit, RecordPlace } from './types.js';

/** Entries of a page of a ConsumeQueue file: just under 64 KiB. */
const pageUnits = 3276;
/** `DefaultMessageStore#MAX_PULL_MSG_SIZE`. */
const getBytesMax = 128 * 1024 * 1024;
/** `MessageStoreConfig#maxFilterMessageSize`. */
const filterBytesDefault = 16000;
/** Tries of one read: each brings at least one page, so that this many mean a defect. */
const triesMax = 10000;
const pullBytesMin = 100;
/** Records that belong together are read in stretches of up to so many bytes, with gaps between two of them up to so many. */
const stretchBytesMax = 1024 * 1024;
const stretchGapMax = 4096;

/** Walks entries of one queue, in memory or in pages. */
class UnitCursor {
  view: DataView = new DataView(new ArrayBuffer(0));
  pos = 0;
  /** The entry comes from a file: whether it leads to its own record is looked at. */
  cold = false;
}

/** True when the record is the one this queue has at this offset, and whole: it has the bytes that its entry says, and its parts add up to them. */
function isRecordOf(queue: StoreQueue, queueOffset: number, phyOffset: number, size: number, { view, start }: Located): boolean {
  if (size < recordBytesMin || view.getInt32(start) !== size) return false;
  if (queue.light) return true;
  if (view.getInt32(start + 12) !== queue.queueId || (queue.batch === undefined ? getInt64(view, start + 20) !== queueOffset : getInt64(view, start + 20) > queueOffset) || getInt64(view, start + 28) !== phyOffset) return false;
  const end = start + size;
  const sysFlag = view.getInt32(start + 36);
  const storeTimestampAt = start + 48 + bornHostBytes(sysFlag);
  const bodyAt = storeTimestampAt + 24 + storeHostBytes(sysFlag);
  // A store timestamp beyond 2^53 is none that a reader takes (`readRecord`).
  if (bodyAt > end || (view.getUint16(storeTimestampAt) & 0xffe0) !== 0) return false;
  const topicAt = bodyAt + view.getInt32(bodyAt - 4);
  const lengthBytes = view.getInt32(start + 4) === recordMagic.V2 ? 2 : 1;
  const at = topicAt + lengthBytes;
  if (topicAt < bodyAt || at > end) return false;
  const length = lengthBytes === 2 ? view.getInt16(topicAt) : view.getInt8(topicAt);
  const { topicBytes } = queue;
  const propertiesAt = at + length + 2;
  if (length !== topicBytes.length || propertiesAt > end || propertiesAt + view.getInt16(propertiesAt - 2) !== end) return false;
  for (let i = 0; i < length; i++) if (view.getUint8(at + i) !== topicBytes[i]) return false;
  return true;
}

/** How many of the entries from here on lead to the same record. */
function sameRecord(view: DataView, pos: number, left: number): number {
  const phyOffset = unitPhyOffset(view, pos);
  let count = 1;
  while (count < left && unitPhyOffset(view, pos + count * consumeQueueUnitBytes) === phyOffset) count++;
  return count;
}

export class StoreReader {
  readonly logReader: LogReader;
  /** See `MessageStore.setReadAhead`. */
  readAhead = true;
  /** Messages and calls since the store was opened. */
  readonly counts = { found: 0, miss: 0, messages: 0 };
  readonly #parts: StoreParts;
  readonly #unitPages: PageCache;
  readonly #windowBytes: number;
  readonly #filterBytes: number;
  readonly #located = new Located();
  readonly #cursor = new UnitCursor();
  readonly #extensions: ExtensionReader;
  readonly #onDamage: (queue: StoreQueue, queueOffset: number, phyOffset: number) => void;
  #readsSeen = 0;
  #readMs = 0;

  /** `onDamage` hears of each entry that leads to no record of its queue though the log is there. */
  constructor(parts: StoreParts, onDamage: (queue: StoreQueue, queueOffset: number, phyOffset: number) => void) {
    this.#parts = parts;
    this.#onDamage = onDamage;
    this.logReader = new LogReader(parts.commitLog, parts.config.readCacheBytesMax);
    this.#unitPages = new PageCache(pageUnits * consumeQueueUnitBytes, parts.config.queueCacheBytesMax ?? 16 * 1024 * 1024);
    this.#extensions = new ExtensionReader(parts);
    this.#windowBytes = memoryWindowBytes(parts.config);
    this.#filterBytes = parts.config.maxFilterMessageSize ?? filterBytesDefault;
  }

  get unitPages(): PageCache {
    return this.#unitPages;
  }

  get(queue: StoreQueue, queueOffset: number, maxMsgs: number, maxBytes: number, filter: MessageFilter | undefined): GetResult | Promise<GetResult> {
    // Where the last read of the queue needed the disk the next one will.
    const warm = queue.readsCold ? undefined : this.#tryGet(queue, queueOffset, maxMsgs, maxBytes, filter, undefined);
    return warm ?? this.#getCold(queue, queueOffset, maxMsgs, maxBytes, filter);
  }

  /** From pages: at once when they were read before or ahead. */
  #getCold(queue: StoreQueue, queueOffset: number, maxMsgs: number, maxBytes: number, filter: MessageFilter | undefined): GetResult | Promise<GetResult> {
    const session = new ReadSession();
    const attempt = (): GetResult | undefined => this.#tryGet(queue, queueOffset, maxMsgs, maxBytes, filter, session);
    return attempt() ?? this.#repeat(attempt, session);
  }

  /** Tries until nothing is missing, starting with what a session lacks already. A read error leaves as it is. */
  async #repeat<T>(attempt: (session: ReadSession) => T | undefined, session = new ReadSession()): Promise<T> {
    for (let tries = 0; tries < triesMax; tries++) {
      if (session.wanted.length > 0) await Promise.all(session.wanted.map((load) => load()));
      session.reset();
      const result = attempt(session);
      if (result !== undefined) return result;
    }
    throw new Error('a read did not get further although its pages were loaded');
  }

  #result(queue: StoreQueue, status: GetStatus, nextBeginOffset: number, fallenBehind = false): GetResult {
    this.counts.miss++;
    return {
      status,
      nextBeginOffset,
      minOffset: queue.minOffset,
      maxOffset: queue.maxOffset,
      slices: [],
      messageCount: 0,
      bytes: 0,
      fallenBehind,
    };
  }

  #tryGet(
    queue: StoreQueue,
    queueOffset: number,
    maxMsgs: number,
    maxBytes: number,
    filter: MessageFilter | undefined,
    session: ReadSession | undefined,
  ): GetResult | undefined {
    const max = queue.maxOffset;
    if (max === 0) return this.#result(queue, 'NO_MESSAGE_IN_QUEUE', 0);
    if (queueOffset < queue.minOffset) return this.#result(queue, 'OFFSET_TOO_SMALL', queue.minOffset);
    if (queueOffset === max) return this.#result(queue, 'OFFSET_OVERFLOW_ONE', queueOffset);
    if (queueOffset > max) return this.#result(queue, 'OFFSET_OVERFLOW_BADLY', max);

    const { config, commitLog } = this.#parts;
    const { maxTransferBytesOnMessageInMemory, maxTransferBytesOnMessageInDisk, maxTransferCountOnMessageInMemory, maxTransferCountOnMessageInDisk } = config;
    const logEnd = commitLog.written;
    const bytesMax = Math.min(Math.max(maxBytes, pullBytesMin), getBytesMax);
    const scanMax = Math.max(this.#filterBytes, maxMsgs * consumeQueueUnitBytes) / consumeQueueUnitBytes;
    // One file of entries at most (`MessageStoreConfig#travelCqFileNumWhenGetMessage` is 1).
    const fileEnd = (Math.floor(queueOffset / queue.fileUnits) + 1) * queue.fileUnits;
    const scanEnd = Math.min(max, fileEnd, queueOffset + Math.ceil(scanMax));
    // A batch is looked at to its end.
    const { batch } = queue;
    const end = batch === undefined ? scanEnd : max;

    /** Why there is nothing, if so. */
    let status: GetStatus = 'NO_MATCHED_MESSAGE';
    let next = queueOffset;
    let lastPhy = 0;
    let skipBelow = -1;
    let count = 0;
    let bytes = 0;
    const slices: Buffer[] = [];
    let run: Buffer | undefined;
    let runStart = 0;
    let runEnd = 0;
    /** The record that was taken last. */
    let runPhy = -1;
    const cursor = this.#cursor;
    const located = this.#located;
    let blockEnd = 0;

    for (let at = queueOffset; at < end; at++) {
      if (at >= blockEnd) {
        const found = this.#unitsAt(queue, at, session);
        if (found === -1) return undefined;
        if (found === 0) {
          if (count > 0) break;
          return this.#result(queue, 'OFFSET_FOUND_NULL', fileEnd);
        }
        blockEnd = at + found;
      } else cursor.pos += consumeQueueUnitBytes;
      const phyOffset = unitPhyOffset(cursor.view, cursor.pos);
      const size = unitSize(cursor.view, cursor.pos);
      if (batch !== undefined && at > queueOffset) {
        // The further messages of a record that was looked at.
        if (phyOffset === lastPhy) {
          next = at + 1;
          if (runPhy === phyOffset) count++;
          continue;
        }
        if (at >= scanEnd) break;
      }
      const inMemory = logEnd - phyOffset <= this.#windowBytes;
      if (count > 0) {
        const unitCount = batch === undefined ? 1 : sameRecord(cursor.view, cursor.pos, blockEnd - at);
        if (count + unitCount > maxMsgs || bytes + size > bytesMax) break;
        const byteLimit = inMemory ? maxTransferBytesOnMessageInMemory : maxTransferBytesOnMessageInDisk;
        const countLimit = inMemory ? maxTransferCountOnMessageInMemory : maxTransferCountOnMessageInDisk;
        if (bytes + size > byteLimit || count > countLimit - 1 || bytes >= bytesMax) break;
      }
      lastPhy = phyOffset;
      next = at + 1;
      if (phyOffset < skipBelow) continue;
      if (filter !== undefined) {
        const matches = this.#matchesEntry(filter, queue, session);
        if (matches === undefined) return undefined;
        if (!matches) {
          status = 'NO_MATCHED_MESSAGE';
          continue;
        }
      }
      const found: Found = this.logReader.locate(located, phyOffset, size, session);
      if (found === 'missing') return undefined;
      const start = located.start;
      // Apache hands out whatever stands there; nobody gets a wrong message here.
      const foreign = found === 'found' && cursor.cold && !isRecordOf(queue, at, phyOffset, size, located);
      if (found === 'gone' || foreign) {
        status = 'MESSAGE_WAS_REMOVING';
        if (phyOffset >= 0 && phyOffset < commitLog.min && size !== preBlankSize) skipBelow = commitLog.min;
        else if (cursor.cold && !(size === preBlankSize && phyOffset === 0)) this.#onDamage(queue, at, phyOffset);
        continue;
      }
      if (filter?.matchesRecord !== undefined && !filter.matchesRecord(located.bytes, start, start + size)) {
        status = 'NO_MATCHED_MESSAGE';
        continue;
      }
      if (run === located.bytes && runEnd === start) {
        runEnd = start + size;
      } else {
        if (run !== undefined) slices.push(run.subarray(runStart, runEnd));
        run = located.bytes;
        runStart = start;
        runEnd = start + size;
      }
      count++;
      runPhy = phyOffset;
      bytes += size;
    }
    if (run !== undefined) slices.push(run.subarray(runStart, runEnd));
    queue.readsCold = session !== undefined && session.pinned.length > 0;
    if (queue.readsCold && runPhy >= 0) this.#followCold(queue, runPhy);
    const fallenBehind = logEnd - lastPhy > this.#windowBytes;
    if (count === 0) {
      if (session !== undefined) this.logReader.release(session);
      return this.#result(queue, status, next, fallenBehind);
    }
    this.counts.found++;
    this.counts.messages += count;
    return { status: 'FOUND', nextBeginOffset: next, minOffset: queue.minOffset, maxOffset: max, slices, messageCount: count, bytes, fallenBehind, lender: queue.readsCold ? session : undefined };
  }

  /**
   * What the filter says of the entry under the cursor; undefined when its unit must be read first. An entry whose unit is not there matches: its tags
   * code is unknown, and clients compare tags too (`CqUnit#getValidTagsCodeAsLong`).
   */
  #matchesEntry(filter: MessageFilter, queue: StoreQueue, session: ReadSession | undefined): boolean | undefined {
    const { view, pos } = this.#cursor;
    const position = unitExtPosition(view, pos);
    if (position < 0) return filter.matchesEntry(unitTagsCode(view, pos));
    const extensions = this.#extensions;
    const outcome = extensions.find(queue, position, session);
    if (outcome === 'missing') return undefined;
    return outcome === 'none' || filter.matchesEntry(extensions.found.tagsCode, extensions.found);
  }

  /** The entry under the cursor; undefined when its unit must be read first. */
  #unit(queue: StoreQueue, queueOffset: number, session: ReadSession): QueueUnit | undefined {
    const { view, pos } = this.#cursor;
    const entry = { queueOffset, phyOffset: unitPhyOffset(view, pos), recordBytes: unitSize(view, pos) };
    const position = unitExtPosition(view, pos);
    if (position < 0) return { ...entry, tagsCode: unitTagsCode(view, pos) };
    const outcome = this.#extensions.find(queue, position, session);
    if (outcome === 'missing') return undefined;
    if (outcome === 'none') return { ...entry, tagsCode: NaN, extension: 'missing' };
    const { tagsCode, msgStoreTime, bytes, bitMapStart, bitMapBytes } = this.#extensions.found;
    const bitMap = Uint8Array.prototype.slice.call(bytes, bitMapStart, bitMapStart + bitMapBytes);
    return { ...entry, tagsCode, extension: { tagsCode: BigInt(tagsCode), msgStoreTime, bitMap } };
  }

  /** See `MessageStore.isCached`. */
  isCached(queue: StoreQueue, queueOffset: number): boolean {
    const block = queue.block(queueOffset);
    if (block === undefined) return false;
    const pos = (queueOffset - block.first) * consumeQueueUnitBytes;
    return this.#parts.commitLog.find(unitPhyOffset(block.view, pos), unitSize(block.view, pos)) !== undefined;
  }

  /** See `MessageStore.release`. */
  release(result: GetResult): void {
    if (result.lender instanceof ReadSession) this.logReader.release(result.lender);
  }

  /** A queue read in order from the disk gets the pages before it asks for them. */
  #followCold(queue: StoreQueue, phyOffset: number): void {
    const page = Math.floor(phyOffset / this.logReader.pages.pageBytes);
    if (page === queue.coldPage) return;
    const inOrder = page > queue.coldPage && page - queue.coldPage <= 4 && queue.coldPage >= 0;
    queue.coldPage = page;
    if (inOrder && this.readAhead) this.logReader.readAhead(phyOffset);
  }

  /**
   * Points the cursor at an entry. Returns how many follow from there on in the same piece of memory, 0 when its file is gone, -1 when it must be read
   * first.
   */
  #unitsAt(queue: StoreQueue, queueOffset: number, session: ReadSession | undefined): number {
    const cursor = this.#cursor;
    const block = queue.block(queueOffset);
    if (block !== undefined) {
      cursor.view = block.view;
      cursor.cold = false;
      cursor.pos = (queueOffset - block.first) * consumeQueueUnitBytes;
      return block.first + block.count - queueOffset;
    }
    const fileBase = Math.floor(queueOffset / queue.fileUnits) * queue.fileUnits * consumeQueueUnitBytes;
    if (queueOffset >= queue.flushedOffset || !queue.files.includes(fileBase)) return 0;
    if (session === undefined) return -1;
    const inFile = queueOffset - fileBase / consumeQueueUnitBytes;
    const number = Math.floor(inFile / pageUnits);
    let { unitPage } = queue;
    if (unitPage?.number !== number || unitPage.fileBase !== fileBase) {
      unitPage = queue.unitPage = { fileBase, number, key: `${queue.topic}/${queue.queueId}/${fileBase}:${number}` };
    }
    const { key } = unitPage;
    const need = inFile - number * pageUnits + 1;
    let page = session.pages.get(key);
    if (page === undefined || page.length < need * consumeQueueUnitBytes) page = this.#unitPages.peek(key);
    if (page !== undefined && page.length >= need * consumeQueueUnitBytes) {
      session.pages.set(key, page);
      cursor.view = viewOf(page.bytes);
      cursor.cold = true;
      cursor.pos = (need - 1) * consumeQueueUnitBytes;
      return Math.floor(page.length / consumeQueueUnitBytes) - need + 1;
    }
    session.wanted.push(async () => {
      const first = number * pageUnits;
      const flushedInFile = queue.flushedOffset - fileBase / consumeQueueUnitBytes;
      const units = Math.min(pageUnits, queue.fileUnits - first, flushedInFile - first);
      const open = (): import('./disk.js').DiskFile => this.#parts.queues.open(queue, fileBase);
      session.pages.set(key, await this.#unitPages.load(key, open, first * consumeQueueUnitBytes, units * consumeQueueUnitBytes));
    });
    return -1;
  }

  /** Forgets all pages when none was read for `idleMs`. Returns true while some are held. */
  trim(idleMs: number, nowMs: number): boolean {
    const caches = [this.#unitPages, this.logReader.pages, this.#extensions.pages];
    const reads = caches.reduce((sum, cache) => sum + cache.reads, 0);
    if (reads !== this.#readsSeen) {
      this.#readsSeen = reads;
      this.#readMs = nowMs;
    } else if (nowMs - this.#readMs > idleMs) for (const cache of caches) cache.clear();
    return caches.some((cache) => cache.bytes > 0);
  }

  /** Forgets cached pages of a queue: it was deleted, and its name may come again. */
  forgetQueue(queue: StoreQueue): void {
    const prefix = `${queue.topic}/${queue.queueId}/`;
    this.#unitPages.forgetAll((key) => key.startsWith(prefix));
    this.#extensions.forgetQueue(queue);
  }

  /** Entries [queueOffset, +count) that are visible. */
  units(queue: StoreQueue, queueOffset: number, count: number): Promise<QueueUnit[]> {
    return this.#repeat((session) => {
      const units: QueueUnit[] = [];
      const from = Math.max(queueOffset, queue.minOffset);
      const end = Math.min(queueOffset + count, queue.maxOffset);
      let left = 0;
      for (let at = from; at < end; at++) {
        if (left === 0) {
          left = this.#unitsAt(queue, at, session);
          if (left === -1) return undefined;
          if (left === 0) break;
        } else this.#cursor.pos += consumeQueueUnitBytes;
        left--;
        const unit = this.#unit(queue, at, session);
        if (unit === undefined) return undefined;
        units.push(unit);
      }
      return units;
    });
  }

  /** The record at a position of the log, checked but for its body; undefined when none starts there. */
  async record(phyOffset: number, confirmed: number): Promise<Buffer | undefined> {
    const { commitLog } = this.#parts;
    if (!Number.isSafeInteger(phyOffset) || phyOffset < commitLog.min || phyOffset + recordBytesMin > confirmed) return undefined;
    const head = await this.#bytes(phyOffset, 8);
    const size = head?.readInt32BE(0) ?? 0;
    if (size < recordBytesMin || phyOffset + size > confirmed) return undefined;
    const bytes = await this.#bytes(phyOffset, size);
    if (bytes === undefined) return undefined;
    const view = new RecordView();
    return readRecord(view, bytes, 0, size) === 'record' && view.phyOffset === phyOffset ? bytes : undefined;
  }

  /** As `record`, one answer for each place. Ascending places that lie near each other are read at once. */
  async records(places: readonly RecordPlace[], confirmed: number): Promise<(Buffer | undefined)[]> {
    const found = new Array<Buffer | undefined>(places.length);
    const reads: Promise<void>[] = [];
    for (let from = 0; from < places.length; ) {
      const { phyOffset, recordBytes } = places[from] as RecordPlace;
      let end = phyOffset + recordBytes;
      const endMax = Math.min(phyOffset + stretchBytesMax, this.#parts.commitLog.fileAt(phyOffset)?.end ?? end);
      let to = from + 1;
      for (; to < places.length; to++) {
        const next = places[to] as RecordPlace;
        const nextEnd = next.phyOffset + next.recordBytes;
        if (next.recordBytes <= 0 || next.phyOffset < end || next.phyOffset - end > stretchGapMax || nextEnd > endMax) break;
        end = nextEnd;
      }
      reads.push(this.#stretch(places, from, to, end, confirmed, found));
      from = to;
    }
    await Promise.all(reads);
    return found;
  }

  /** Reads places [from, to), of which the last ends at `end`, in one piece; each that is not found there, by itself. */
  async #stretch(places: readonly RecordPlace[], from: number, to: number, end: number, confirmed: number, found: (Buffer | undefined)[]): Promise<void> {
    const { phyOffset: start } = places[from] as RecordPlace;
    const whole = Number.isSafeInteger(start) && end > start && end - start <= stretchBytesMax && start >= this.#parts.commitLog.min && end <= confirmed;
    const bytes = whole ? await this.#bytes(start, end - start) : undefined;
    const view = new RecordView();
    const doubtful: number[] = [];
    for (let i = from; i < to; i++) {
      const { phyOffset, recordBytes } = places[i] as RecordPlace;
      const at = phyOffset - start;
      const known = bytes !== undefined && readRecord(view, bytes, at, at + recordBytes) === 'record' && view.size === recordBytes && view.phyOffset === phyOffset;
      if (known) found[i] = bytes.subarray(at, at + recordBytes);
      else doubtful.push(i);
    }
    for (const i of doubtful) found[i] = await this.record((places[i] as RecordPlace).phyOffset, confirmed);
  }

  async #bytes(phyOffset: number, size: number): Promise<Buffer | undefined> {
    const log = this.#parts.commitLog;
    const chunk = log.find(phyOffset, size);
    if (chunk !== undefined) {
      chunk.shared = true;
      return chunk.bytes.subarray(phyOffset - chunk.phyStart, phyOffset - chunk.phyStart + size);
    }
    const file = log.fileAt(phyOffset);
    if (file === undefined || phyOffset + size > Math.min(file.end, log.written)) return undefined;
    const bytes = Buffer.allocUnsafeSlow(size);
    return (await file.file.read(bytes, phyOffset - file.base)) === size ? bytes : undefined;
  }

  /** Store time of the record at a position (`CommitLog#pickupStoreTimestamp`), -1 when it is not there. */
  async storeTime(phyOffset: number, size: number): Promise<number> {
    const log = this.#parts.commitLog;
    if (size < recordBytesMin || phyOffset < log.min || phyOffset + size > log.written) return -1;
    const head = await this.#bytes(phyOffset, 76);
    if (head === undefined) return -1;
    return getInt64(viewOf(head), 48 + bornHostBytes(head.readInt32BE(36)));
  }

  async storeTimeAt(queue: StoreQueue, queueOffset: number): Promise<number> {
    const unit = (await this.units(queue, queueOffset, 1))[0];
    return unit === undefined || unit.queueOffset !== queueOffset ? -1 : this.storeTime(unit.phyOffset, unit.recordBytes);
  }

  /** `ConsumeQueueStore#getOffsetInQueueByTime`: the file by its times, then binary search in it, then its quirks, then clamped to the queue. */
  async offsetByTime(queue: StoreQueue, timestampMs: number, boundary: 'LOWER' | 'UPPER'): Promise<number> {
    const max = queue.maxOffset;
    const min = queue.minOffset;
    if (max === 0 || min >= max) return Math.min(Math.max(0, min), max);
    if (queue.batch !== undefined && (await this.storeTimeAt(queue, max - 1)) <= timestampMs) return this.#lastBatch(queue);
    const file = await this.#fileByTime(queue, timestampMs, boundary);
    const found = file === undefined ? 0 : await this.#searchFile(queue, file, timestampMs, boundary);
    return Math.min(Math.max(found, min), max);
  }

  /** Where the last batch begins, which a batch queue answers for times after it (`BatchConsumeQueue#getOffsetInQueueByTime`). */
  async #lastBatch(queue: StoreQueue): Promise<number> {
    const units = await this.units(queue, Math.max(queue.minOffset, queue.maxOffset - batchCountMax), batchCountMax);
    const last = units.at(-1);
    return units.find((unit) => unit.phyOffset === last?.phyOffset)?.queueOffset ?? queue.maxOffset;
  }

  /** First queueOffset of the file to search (`MappedFileQueue#getConsumeQueueMappedFileByTime`). */
  async #fileByTime(queue: StoreQueue, timestampMs: number, boundary: 'LOWER' | 'UPPER'): Promise<number | undefined> {
    const per = queue.fileUnits;
    const firstFile = Math.floor(queue.minOffset / per);
    const lastFile = Math.floor((queue.maxOffset - 1) / per);
    if (boundary === 'LOWER') {
      for (let file = firstFile; file < lastFile; file++) {
        if ((await this.storeTimeAt(queue, (file + 1) * per - 1)) >= timestampMs) return file * per;
      }
      return lastFile * per;
    }
    for (let file = lastFile; file >= firstFile; file--) {
      // A file whose first message is gone has no start time and counts as early enough.
      if ((await this.storeTimeAt(queue, file * per)) <= timestampMs) return file * per;
    }
    return undefined;
  }

  /** `ConsumeQueue#binarySearchInQueueByTime` in the file that starts at queueOffset `first`. */
  async #searchFile(queue: StoreQueue, first: number, timestampMs: number, boundary: 'LOWER' | 'UPPER'): Promise<number> {
    const lower = boundary === 'LOWER';
    const floor = Math.max(queue.minOffset, first);
    const ceiling = Math.min(first + queue.fileUnits, queue.maxOffset) - 1;
    if ((await this.storeTimeAt(queue, ceiling)) < timestampMs) return lower ? ceiling + 1 : ceiling;
    if ((await this.storeTimeAt(queue, floor)) > timestampMs) return lower ? first : 0;
    let low = floor;
    let high = ceiling;
    let left = first - 1;
    let right = first - 1;
    while (high >= low) {
      const mid = Math.floor((low + high) / 2);
      const time = await this.storeTimeAt(queue, mid);
      if (time < 0) return 0;
      if (time === timestampMs) return this.#runEnd(queue, mid, floor, ceiling, timestampMs, lower ? -1 : 1);
      if (time > timestampMs) {
        high = mid - 1;
        right = mid;
      } else {
        low = mid + 1;
        left = mid;
      }
    }
    return lower ? right : left;
  }

  /** The end of the run of entries that share a store time. */
  async #runEnd(queue: StoreQueue, from: number, floor: number, ceiling: number, timestampMs: number, step: -1 | 1): Promise<number> {
    let at = from;
    while (at + step >= floor && at + step <= ceiling && (await this.storeTimeAt(queue, at + step)) === timestampMs) at += step;
    return at;
  }
}
