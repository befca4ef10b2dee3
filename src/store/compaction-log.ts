/**
 * The compaction log of one queue (`CompactionLog`): it follows the queue's ConsumeQueue, answers reads in its place, and from time to time keeps only
 * the newest message of each key. Files are compaction-segment.ts; when what runs, and where compaction got to, compaction-store.ts.
 *
 * A compaction writes its result below `compacting/`, syncs it, writes down what takes the place of what (`compaction/replacing/TOPIC_QUEUEID`) and only
 * then moves files. A stop before the note changes nothing; after it, the next start moves the rest.
 */
import * as path from 'node:path';
import { readRecord, recordCheck, RecordView } from '../codec/message-record.js';
import { PropertyScan, scanProperties } from '../codec/properties.js';
import { isUndispatched } from '../codec/sys-flag.js';
import { SegmentDirs, SegmentWriter, openSegments, unitsPerMark } from './compaction-segment.js';
import type { Segment, SegmentRecord, SegmentSizes } from './compaction-segment.js';
import { diskErrorCode } from './disk.js';
import type { Disk } from './disk.js';
import { offsetFileName } from './names.js';
import { OffsetMap } from './offset-map.js';
import type { StoreLog } from './options.js';
import { readSmallFile, replaceFileInDir } from './small-file.js';
import type { GetResult, GetStatus, QueueRef, QueueUnit, RecordPlace } from './types.js';

/** Messages that are copied from the CommitLog at once, and their bytes. */
const feedCount = 256;
const feedBytesMax = 1024 * 1024;
/** Bytes of kept records that are written at once. */
const compactBytes = 256 * 1024;
/** Reads that found their files replaced are tried again so often. */
const readTries = 5;

export interface CompactionLogParts {
  readonly disk: Disk;
  readonly log: StoreLog;
  /** `<store>/compaction`. */
  readonly root: string;
  readonly sizes: SegmentSizes;
  /** Bytes of memory for the keys of one compaction. */
  readonly offsetMapBytes: number;
  /** Most messages and bytes of one get. */
  readonly limits: { readonly count: number; readonly bytes: number };
  /** The last stop was not clean: the end of the newest file is checked. */
  readonly unclean: boolean;
  readonly units: (queue: QueueRef, queueOffset: number, count: number) => Promise<readonly QueueUnit[]>;
  readonly records: (places: readonly RecordPlace[]) => Promise<(Buffer | undefined)[]>;
  readonly position: (topic: string, queueId: number) => number;
  readonly setPosition: (topic: string, queueId: number, offset: number) => Promise<void>;
}

/** What stands in a note of what replaces what. */
interface Replacement {
  readonly remove: readonly string[];
  readonly add: readonly string[];
}

export class CompactionLog {
  readonly queue: QueueRef;
  readonly #parts: CompactionLogParts;
  readonly #dirs: SegmentDirs;
  readonly #compactingDirs: SegmentDirs;
  readonly #note: string;
  #writer: SegmentWriter;
  /** Counts how often files were replaced. */
  #replaced = 0;
  /** Messages below were looked at. */
  #fed = 0;
  #feeding: Promise<void> | undefined;
  readonly #ready: Promise<void>;
  #opened = false;
  #closed = false;
  #fault: string | undefined;
  #compacting: Promise<unknown> | undefined;

  /** Nothing is touched before `after`. */
  constructor(parts: CompactionLogParts, queue: QueueRef, after: Promise<void>) {
    const { root, disk, sizes } = parts;
    this.queue = queue;
    this.#parts = parts;
    this.#dirs = new SegmentDirs(root, queue.topic, queue.queueId);
    this.#compactingDirs = new SegmentDirs(root, queue.topic, queue.queueId, 'compacting');
    this.#note = path.join(root, 'replacing', `${queue.topic}_${queue.queueId}`);
    this.#writer = new SegmentWriter(disk, this.#dirs, sizes);
    this.#ready = after.then(() => this.#open()).catch((error: unknown) => this.#failed(error));
  }

  // ---- opening ----

  async #open(): Promise<void> {
    const { disk, sizes, unclean, log } = this.#parts;
    await this.#finishReplacing();
    const { topic, queueId } = this.queue;
    const segments = await openSegments(disk, this.#dirs, sizes, unclean, (fields, message) => log.warn({ topic, queueId, ...fields }, message));
    this.#writer = new SegmentWriter(disk, this.#dirs, sizes, segments);
    this.#fed = this.maxOffset;
    this.#opened = true;
  }

  /** Moves what a note says is not moved yet; without a note, what lies below `compacting/` is an unfinished compaction and goes. */
  async #finishReplacing(): Promise<void> {
    const { disk } = this.#parts;
    const text = readSmallFile(disk, this.#note);
    if (text !== undefined) await this.#replace(readReplacement(text));
    for (const dir of [this.#compactingDirs.log, this.#compactingDirs.cq]) {
      for (const name of disk.list(dir)) disk.unlink(path.join(dir, name));
      disk.removeDir(dir);
    }
  }

  /** Every step may have been done before. */
  async #replace(replacement: Replacement): Promise<void> {
    const { disk } = this.#parts;
    const dirs: readonly (readonly [string, string])[] = [[this.#compactingDirs.log, this.#dirs.log], [this.#compactingDirs.cq, this.#dirs.cq]];
    for (const [from, to] of dirs) {
      for (const name of replacement.add) if (disk.stat(path.join(from, name)) !== undefined) disk.rename(path.join(from, name), path.join(to, name));
      for (const name of replacement.remove) if (!replacement.add.includes(name)) disk.unlink(path.join(to, name));
      await disk.syncDir(to);
    }
    disk.unlink(this.#note);
    await disk.syncDir(path.dirname(this.#note));
    for (const [from] of dirs) disk.removeDir(from);
  }

  // ---- following the ConsumeQueue ----

  get #segments(): Segment[] {
    return this.#writer.segments;
  }

  /** Offset behind the newest message, 0 without any (`SparseConsumeQueue#getMaxOffsetInQueue`). */
  get maxOffset(): number {
    for (let i = this.#segments.length - 1; i >= 0; i--) {
      const { units, lastOffset } = this.#segments[i] as Segment;
      if (units > 0) return lastOffset + 1;
    }
    return 0;
  }

  /** Offset of the oldest message, -1 without any. */
  get minOffset(): number {
    return this.#segments.find((segment) => segment.units > 0)?.firstOffset ?? -1;
  }

  /** New messages may be in the queue. */
  arrived(): void {
    if (this.#closed) return;
    this.#feeding ??= this.#feed()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#feeding = undefined;
        if (this.#fault === undefined && this.#fed < this.queue.maxOffset) this.arrived();
      });
  }

  #failed(error: unknown): void {
    if (this.#closed) return;
    const code = diskErrorCode(error);
    if (this.#fault !== code) this.#parts.log.error({ topic: this.queue.topic, queueId: this.queue.queueId, code }, 'a compaction log cannot be written, it is tried again');
    this.#fault = code;
  }

  async #feed(): Promise<void> {
    await this.#ready;
    if (!this.#opened) await this.#open();
    while (!this.#closed && this.#fed < this.queue.maxOffset) {
      const units = await this.#parts.units(this.queue, Math.max(this.#fed, this.queue.minOffset), feedCount);
      const taken = within(units, feedBytesMax);
      if (taken.length === 0) {
        // Nothing there although the queue says so: its files went.
        this.#fed = this.queue.maxOffset;
        break;
      }
      const records = await this.#parts.records(taken);
      if (this.#closed) return;
      await this.#writer.append(this.#withKeys(taken, records));
      this.#fed = (taken.at(-1) as QueueUnit).queueOffset + 1;
    }
    this.#fault = undefined;
  }

  /** What goes into the log: whole records with KEYS, no offset twice (`CompactionLog#asyncPutMessage`). */
  #withKeys(units: readonly QueueUnit[], records: readonly (Buffer | undefined)[]): SegmentRecord[] {
    const view = new RecordView();
    const scan = new PropertyScan();
    const kept: SegmentRecord[] = [];
    let next = this.maxOffset;
    units.forEach((unit, i) => {
      const bytes = records[i];
      if (bytes === undefined || readRecord(view, bytes, 0, bytes.length) !== 'record' || isUndispatched(view.sysFlag) || view.queueOffset < next) return;
      if (keyOf(scan, view, bytes) === undefined) return;
      if (bytes.length > this.#writer.recordBytesMax) {
        this.#parts.log.error({ topic: this.queue.topic, queueId: this.queue.queueId, queueOffset: view.queueOffset, bytes: bytes.length }, 'a message is larger than a file of the compaction log: it is not in it');
        return;
      }
      kept.push({ bytes, queueOffset: view.queueOffset, tagsCode: Number.isNaN(unit.tagsCode) ? 0 : unit.tagsCode, storeTimestamp: view.storeTimestamp });
      next = view.queueOffset + 1;
    });
    return kept;
  }

  // ---- reading ----

  /** `CompactionLog#getMessage`: nothing is filtered here. */
  async get(queueOffset: number, maxMsgs: number, maxBytes: number): Promise<GetResult> {
    await this.#ready;
    // What the queue shows is in here before it is read.
    while (this.#feeding !== undefined && this.#fed < this.queue.maxOffset) await this.#feeding;
    for (let tries = 1; ; tries++) {
      const replaced = this.#replaced;
      try {
        return await this.#tryGet(queueOffset, maxMsgs, maxBytes);
      } catch (error) {
        // The files were replaced meanwhile.
        if (replaced === this.#replaced || tries === readTries || this.#closed) throw error;
      }
    }
  }

  #result(status: GetStatus, nextBeginOffset: number, slices: readonly Buffer[] = [], messageCount = 0): GetResult {
    const bytes = slices.reduce((sum, slice) => sum + slice.length, 0);
    return { status, nextBeginOffset, minOffset: this.minOffset, maxOffset: this.maxOffset, slices, messageCount, bytes, fallenBehind: false };
  }

  async #tryGet(queueOffset: number, maxMsgs: number, maxBytes: number): Promise<GetResult> {
    const { maxOffset: max, minOffset: min } = this;
    if (max === 0) return this.#result('NO_MESSAGE_IN_QUEUE', 0);
    if (queueOffset === max) return this.#result('OFFSET_OVERFLOW_ONE', queueOffset);
    if (queueOffset > max) return this.#result('OFFSET_OVERFLOW_BADLY', min === 0 ? min : max);
    const segment = this.#segments.find((one) => one.units > 0 && one.lastOffset >= queueOffset);
    if (segment === undefined) return this.#result('OFFSET_FOUND_NULL', max);
    const bytesMax = Math.min(maxBytes, this.#parts.limits.bytes);
    const countMax = Math.min(maxMsgs, this.#parts.limits.count);
    const from = await segment.indexOf(queueOffset);
    const units = within(await segment.unitsFrom(from, Math.max(1, Math.min(countMax, unitsPerMark * 4))), bytesMax, (unit) => unit.size);
    const [first, last] = [units[0], units.at(-1)];
    if (first === undefined || last === undefined) return this.#result('OFFSET_FOUND_NULL', max);
    const bytes = Buffer.allocUnsafe(last.phyOffset + last.size - first.phyOffset);
    const length = await segment.log.read(bytes, first.phyOffset - segment.base);
    const next = last.msgBaseOffset + 1;
    const whole: Buffer[] = [];
    const view = new RecordView();
    for (const unit of units) {
      const at = unit.phyOffset - first.phyOffset;
      if (readRecord(view, bytes, at, Math.min(length, at + unit.size), recordCheck.NONE) === 'record' && view.queueOffset === unit.msgBaseOffset) whole.push(bytes.subarray(at, at + unit.size));
    }
    if (whole.length === 0) return this.#result('MESSAGE_WAS_REMOVING', next);
    return this.#result('FOUND', next, whole.length === units.length ? [bytes] : whole, whole.length);
  }

  // ---- compacting ----

  /** Files that may be compacted: all but the one written to, when there is something new in them (`CompactionLog#getCompactionFile`). */
  #due(): Segment[] {
    const { topic, queueId } = this.queue;
    const position = this.#parts.position(topic, queueId);
    const candidates = this.#segments.slice(0, -1);
    return candidates.some((segment) => segment.lastOffset > position) ? candidates : [];
  }

  /** Keeps the newest message of each key (`CompactionLog#doCompaction`). Returns whether there was something to do. */
  compact(): Promise<boolean> {
    if (this.#compacting !== undefined || this.#closed || !this.#opened) return Promise.resolve(false);
    const run = this.#compact()
      .catch((error: unknown) => {
        if (!this.#closed) this.#parts.log.error({ topic: this.queue.topic, queueId: this.queue.queueId, code: diskErrorCode(error) }, 'a compaction failed, nothing was changed by it');
        return false;
      })
      .finally(() => {
        this.#compacting = undefined;
      });
    this.#compacting = run;
    return run;
  }

  async #compact(): Promise<boolean> {
    const { topic, queueId } = this.queue;
    const due = this.#due();
    if (due.length === 0) return false;
    // What an earlier one could not move may still lie where this one writes.
    await this.#finishReplacing();
    const map = await this.#offsetMap(due);
    if (map.lastOffset < 0 || this.#closed) return false;
    await this.#swap(due, await this.#writeKept(due, map));
    await this.#parts.setPosition(topic, queueId, map.lastOffset);
    return true;
  }

  /** The keys of what is new, with their last offsets; a full map ends early, and the rest is the next compaction's. */
  async #offsetMap(due: readonly Segment[]): Promise<OffsetMap> {
    const position = this.#parts.position(this.queue.topic, this.queue.queueId);
    const fresh = due.filter((segment) => segment.lastOffset > position);
    const map = new OffsetMap(this.#parts.offsetMapBytes, fresh.reduce((sum, segment) => sum + segment.units, 0));
    const scan = new PropertyScan();
    let full = false;
    for (const segment of fresh) {
      await segment.scan((record, bytes) => {
        const key = keyOf(scan, record, bytes);
        if (record.queueOffset > position && key !== undefined) full = !map.put(key, record.queueOffset);
        return !full && !this.#closed;
      });
      if (full) break;
    }
    return map;
  }

  /** Writes what stays to new files (`CompactionLog#shouldRetainMsg`). Throws what the disk throws, and when the store is being closed. */
  async #writeKept(due: readonly Segment[], map: OffsetMap): Promise<Segment[]> {
    const { disk, sizes } = this.#parts;
    const writer = new SegmentWriter(disk, this.#compactingDirs, sizes);
    const scan = new PropertyScan();
    try {
      for (const segment of due) {
        let unit = 0;
        while (unit < segment.units && !this.#closed) {
          const units = await segment.unitsFrom(unit, unitsPerMark);
          const taken = within(units, compactBytes, (one) => one.size);
          const [first, last] = [taken[0], taken.at(-1)];
          if (first === undefined || last === undefined) throw new Error('a unit of the compaction log cannot be read');
          const bytes = new Uint8Array(last.phyOffset + last.size - first.phyOffset);
          const length = await segment.log.read(bytes, first.phyOffset - segment.base);
          const records: SegmentRecord[] = [];
          const view = new RecordView();
          for (const one of taken) {
            const at = one.phyOffset - first.phyOffset;
            if (readRecord(view, bytes, at, length) !== 'record') throw new Error(`no record where the compaction log has one: ${view.reason}`);
            if (isKept(view, keyOf(scan, view, bytes), map)) records.push({ bytes: bytes.subarray(at, at + one.size), queueOffset: one.msgBaseOffset, tagsCode: Number(one.tagsCode), storeTimestamp: one.storeTime });
          }
          await writer.append(records);
          unit += taken.length;
        }
      }
      if (this.#closed) throw new Error('the store is closed');
      for (const segment of writer.segments) {
        segment.dirty = true;
        await segment.sync();
      }
    } catch (error) {
      for (const segment of writer.segments) segment.close();
      throw error;
    }
    return writer.segments;
  }

  async #swap(due: readonly Segment[], kept: readonly Segment[]): Promise<void> {
    const { disk } = this.#parts;
    for (const dir of [this.#compactingDirs.log, this.#compactingDirs.cq]) if (disk.stat(dir) !== undefined) await disk.syncDir(dir);
    const replacement = { remove: due.map((segment) => offsetFileName(segment.base)), add: kept.map((segment) => offsetFileName(segment.base)) };
    await replaceFileInDir(disk, this.#note, JSON.stringify(replacement));
    // From here on the new files are the truth, moved or not: they are read under either name.
    this.#replaced++;
    this.#segments.splice(0, due.length, ...kept);
    for (const segment of due) segment.close();
    await this.#replace(replacement);
  }

  // ---- ending ----

  async sync(): Promise<void> {
    for (const segment of [...this.#segments]) await segment.sync();
  }

  get isDirty(): boolean {
    return this.#segments.some((segment) => segment.dirty) || this.#fault !== undefined;
  }

  /** Waits for what is under way, then syncs. */
  async close(): Promise<void> {
    if (this.#closed) return;
    if (this.#fault === undefined) await this.#feeding;
    this.#closed = true;
    await this.#ready.catch(() => undefined);
    await this.#feeding;
    await this.#compacting;
    await this.sync().catch((error: unknown) => this.#parts.log.warn({ code: diskErrorCode(error) }, 'a compaction log cannot be synced'));
    for (const segment of this.#segments) segment.close();
  }

  /** Its topic was deleted. */
  async remove(): Promise<void> {
    const { disk } = this.#parts;
    this.#closed = true;
    await this.close();
    await this.#ready.catch(() => undefined);
    await this.#feeding;
    await this.#compacting;
    for (const segment of this.#segments) segment.close();
    disk.unlink(this.#note);
    for (const dir of [this.#compactingDirs.log, this.#compactingDirs.cq, this.#dirs.log, this.#dirs.cq]) {
      for (const name of disk.list(dir)) if (name !== 'compacting') disk.unlink(path.join(dir, name));
      disk.removeDir(dir);
      disk.removeDir(path.dirname(dir));
    }
  }
}

/** The KEYS of a record, as they are: several words are one key. Undefined when blank. */
function keyOf(scan: PropertyScan, record: RecordView, bytes: Uint8Array): Uint8Array | undefined {
  scanProperties(scan, bytes, record.propertiesStart, record.propertiesEnd);
  for (let i = scan.keysStart; i >= 0 && i < scan.keysEnd; i++) if ((bytes[i] as number) > 32) return bytes.subarray(scan.keysStart, scan.keysEnd);
  return undefined;
}

/** `CompactionLog#shouldRetainMsg`. */
function isKept(record: RecordView, key: Uint8Array | undefined, map: OffsetMap): boolean {
  if (record.queueOffset > map.lastOffset) return true;
  return key !== undefined && record.bodyEnd > record.bodyStart && record.queueOffset >= map.get(key);
}

/** The first of these as far as their bytes allow, one at least. */
function within<T extends QueueUnit | { readonly size: number }>(units: readonly T[], bytesMax: number, size: (unit: T) => number = (unit) => ('recordBytes' in unit ? unit.recordBytes : unit.size)): T[] {
  let bytes = 0;
  let count = 0;
  for (const unit of units) {
    bytes += size(unit);
    if (count > 0 && bytes > bytesMax) break;
    count++;
  }
  return units.slice(0, count);
}

function readReplacement(text: string): Replacement {
  const value: unknown = JSON.parse(text);
  const names = (list: unknown): string[] => (Array.isArray(list) ? list.filter((name): name is string => typeof name === 'string' && /^\d{20}$/.test(name)) : []);
  const { remove, add } = value as { remove?: unknown; add?: unknown };
  return { remove: names(remove), add: names(add) };
}
