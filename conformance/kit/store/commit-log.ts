/**
 * CommitLog files, record by record (`CommitLog#checkMessageAndReturnSize`). A file holds whole records one behind the other, then either
 * nothing (zeros), or, when the next record did not fit:
 * ```
 * 0 bytes left in the file i32 | 4 blank magic 0xcbd43194 | anything
 * ```
 */
import { decodeRecord, type StoredMessage } from '../wire/record.js';
import { WireViolation } from '../wire/violation.js';
import { withFile } from './byte-file.js';
import type { Segment } from './segments.js';

export const blankMagic = 0xcbd43194;

/** What is left of the room in a file that is not the last must hold this. */
export const blankBytes = 8;

/** More is not read: of a longer log only the newest files. */
export const logBytesMax = 1024 * 1024 * 1024;
export const recordsMax = 1_000_000;

/** A record as it lies in the log; bodies are not kept beyond these bytes. */
export interface LogRecord extends StoredMessage {
  /** Where it lies. `phyOffset` is what it says of itself. */
  readonly at: number;
  readonly bodyBytes: number;
}

const bodyKeptMax = 512;

/** How the records of a file end. */
export type LogEnd =
  | { readonly kind: 'unwritten'; readonly at: number; /** Whether the bytes behind it, up to 64 KiB, are zero. */ readonly zeros: boolean }
  | { readonly kind: 'blank'; readonly at: number; /** What the blank says is left. */ readonly says: number }
  | { readonly kind: 'damage'; readonly at: number; readonly why: string };

export interface LogFile {
  readonly segment: Segment;
  readonly records: readonly LogRecord[];
  /** Position in the file. */
  readonly end: LogEnd;
}

const zerosLooked = 64 * 1024;

/** Reads one file to the end of its records. Never throws for what is in it. */
export function readLogFile(segment: Segment, recordsLeft = recordsMax): LogFile {
  return withFile(segment.path, (file) => {
    const records: LogRecord[] = [];
    const done = (end: LogEnd): LogFile => ({ segment, records, end });
    for (let at = 0; ; ) {
      const head = file.read(at, blankBytes);
      if (head.length < blankBytes) return done({ kind: 'damage', at, why: `a record ends ${head.length} bytes before the end of the file: no room for a blank` });
      const [size, magic] = [head.readInt32BE(0), head.readUInt32BE(4)];
      if (size === 0 && magic === 0) return done({ kind: 'unwritten', at, zeros: file.read(at, zerosLooked).every((byte) => byte === 0) });
      if (magic === blankMagic) return done({ kind: 'blank', at, says: size });
      if (size < 91 || at + size > file.size) return done({ kind: 'damage', at, why: `a record of ${size} bytes with magic 0x${magic.toString(16)}, and ${file.size - at} bytes are left` });
      if (records.length >= recordsLeft) return done({ kind: 'damage', at, why: 'more records than are read' });
      try {
        const record = decodeRecord(Buffer.from(file.read(at, size)));
        records.push({ ...record, at: segment.base + at, bodyBytes: record.body.length, body: record.body.length > bodyKeptMax ? Buffer.alloc(0) : record.body });
      } catch (error) {
        if (!(error instanceof WireViolation)) throw error;
        return done({ kind: 'damage', at, why: error.message });
      }
      at += size;
    }
  });
}

/** Reads the newest files, as many as the limits allow, up to the first that is not full. */
export function readLog(segments: readonly Segment[]): LogFile[] {
  let first = segments.length;
  for (let bytes = 0; first > 0 && bytes < logBytesMax; first--) bytes += segments[first - 1]?.size ?? 0;
  const out: LogFile[] = [];
  let records = recordsMax;
  for (const segment of segments.slice(first)) {
    const file = readLogFile(segment, records);
    records -= file.records.length;
    out.push(file);
    if (file.end.kind !== 'blank') break;
  }
  return out;
}
