/**
 * Index files (`IndexFile`, `IndexHeader`):
 * ```
 *  0 begin time i64 | 8 end time i64 | 16 begin physical offset i64 | 24 end physical offset i64 | 32 slots in use i32 | 36 entries + 1 i32
 * 40 slots: number of the newest entry of each chain, i32; 0 none
 *    entries, 20 bytes each, the first one unused: key hash i32 | physical offset i64 | seconds since begin i32 | entry before it in the chain i32
 * ```
 * The file does not say how many slots it has; entries are four times as many, unless configured otherwise.
 */
import { basename } from 'node:path';
import { stringHash } from '../messaging.js';
import { isZero, withFile, type ByteFile } from './byte-file.js';

export const headerBytes = 40;
export const slotBytes = 4;
export const entryBytes = 20;

export interface IndexEntry {
  readonly hash: number;
  readonly phyOffset: number;
  readonly seconds: number;
  readonly before: number;
}

export interface IndexFile {
  readonly name: string;
  readonly size: number;
  readonly slots: number;
  readonly entriesMax: number;
  readonly beginTime: number;
  readonly endTime: number;
  readonly beginPhyOffset: number;
  readonly endPhyOffset: number;
  readonly slotsInUse: number;
  /** Entries + 1. */
  readonly count: number;
  /** As many as the header counts, without those at the end that nobody wrote; entry 0 is the unused one. */
  readonly entries: readonly IndexEntry[];
  /** By slot; only those that are not 0. */
  readonly heads: ReadonlyMap<number, number>;
}

/** How many slots a file of this size has when entries are four times as many; undefined when it cannot be. */
export function slotsOf(size: number): number | undefined {
  const slots = (size - headerBytes) / (slotBytes + 4 * entryBytes);
  return Number.isInteger(slots) && slots > 0 ? slots : undefined;
}

/** `IndexFile#indexKeyHashMethod`: Java's abs leaves the smallest integer negative. */
export function keyHash(key: string): number {
  const hash = Math.abs(stringHash(key));
  return hash === 2 ** 31 ? 0 : hash;
}

/** Reads a whole file: at most 420 MB by default, of which only slots and written entries are looked at. Undefined when its size does not tell its slots. */
export function readIndexFile(path: string): IndexFile | undefined {
  return withFile(path, (file) => {
    const slots = slotsOf(file.size);
    if (slots === undefined) return undefined;
    const header = Buffer.from(file.read(0, headerBytes));
    const count = header.readInt32BE(36);
    const entriesMax = slots * 4;
    const heads = new Map<number, number>();
    for (let first = 0; first < slots; ) {
      const part = file.read(headerBytes + first * slotBytes, Math.min(slots - first, 16_384) * slotBytes);
      const words = Math.floor(part.length / slotBytes);
      if (words === 0) break;
      for (let i = 0; i < words && !(i === 0 && isZero(part)); i++) {
        const head = part.readInt32BE(i * slotBytes);
        if (head !== 0) heads.set(first + i, head);
      }
      first += words;
    }
    const entriesAt = headerBytes + slots * slotBytes;
    const entries: IndexEntry[] = [];
    const end = writtenEntries(file, entriesAt, Math.min(Math.max(count, 1), entriesMax));
    for (let i = 0; i < end; i++) {
      const entry = file.read(entriesAt + i * entryBytes, entryBytes);
      if (entry.length < entryBytes) break;
      entries.push({ hash: entry.readInt32BE(0), phyOffset: Number(entry.readBigInt64BE(4)), seconds: entry.readInt32BE(12), before: entry.readInt32BE(16) });
    }
    const long = (at: number): number => Number(header.readBigInt64BE(at));
    return { name: basename(path), size: file.size, slots, entriesMax, beginTime: long(0), endTime: long(8), beginPhyOffset: long(16), endPhyOffset: long(24), slotsInUse: header.readInt32BE(32), count, entries, heads };
  });
}

/**
 * How many of the first `most` entries there are up to the last one with a byte that is not zero; at least the unused one. A count that
 * is too large costs a look at the file, not an entry for each number.
 */
function writtenEntries(file: ByteFile, entriesAt: number, most: number): number {
  const atOnce = 50_000;
  for (let end = most; end > 0; end = Math.max(0, end - atOnce)) {
    const first = Math.max(0, end - atOnce);
    const part = file.read(entriesAt + first * entryBytes, (end - first) * entryBytes);
    if (isZero(part)) continue;
    const last = part.findLastIndex((byte) => byte !== 0);
    return first + Math.floor(last / entryBytes) + 1;
  }
  return 1;
}

/** The physical offsets a key leads to, the newest first: its chain, as a query walks it. */
export function lookUp(file: IndexFile, key: string): number[] {
  const hash = keyHash(key);
  const out: number[] = [];
  let at = file.heads.get(hash % file.slots) ?? 0;
  for (let steps = 0; at > 0 && at < file.count && steps < file.count; steps++) {
    const entry = file.entries[at];
    if (entry === undefined) break;
    if (entry.hash === hash) out.push(entry.phyOffset);
    if (entry.before >= at) break;
    at = entry.before;
  }
  return out;
}
