/**
 * Reads the log's files at a start, in order and through one window of memory: what stands at a position, where records begin again behind damage, and
 * how far a file holds data. What to make of it is recover.ts.
 */
import { readRecord, recordCheck, recordMagic, RecordView } from '../codec/message-record.js';
import type { CommitLog, LogFile } from './commit-log.js';

/** Bytes of the log read at once. */
const windowBytes = 4 * 1024 * 1024;

const noBytes = Buffer.alloc(0);

const magics = [recordMagic.V1, recordMagic.V2].map((magic) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(magic);
  return bytes;
});

export class LogWindow {
  /** What `read` found last; valid until the next call. */
  readonly record = new RecordView();
  readonly #log: CommitLog;
  /** As large as the file at hand asks for, `windowBytes` at most: an empty log needs none. */
  #buffer: Buffer = noBytes;
  #window: Buffer = noBytes;
  #from = 0;
  #length = 0;
  #file: LogFile | undefined;

  constructor(log: CommitLog) {
    this.#log = log;
  }

  /** Reads what stands at a position of a file. */
  read(file: LogFile, phyOffset: number, checks: number = recordCheck.NONE): ReturnType<typeof readRecord> {
    let at = this.#hold(file, phyOffset, 8);
    let outcome = readRecord(this.record, this.#window, at, this.#length, checks);
    // A record, or a blank, that does not fit the window is read again whole.
    const size = this.#length - at >= 4 ? this.#window.readInt32BE(at) : 0;
    if (size > this.#length - at && phyOffset + size <= file.end) {
      at = this.#hold(file, phyOffset, size);
      outcome = readRecord(this.record, this.#window, at, this.#length, checks);
    }
    return outcome;
  }

  /** True when a record that says so stands at the position; `record` then holds it. */
  isRecord(phyOffset: number): boolean {
    const file = this.#log.fileAt(phyOffset);
    return file !== undefined && this.read(file, phyOffset) === 'record' && this.record.phyOffset === phyOffset;
  }

  /** Makes the window hold [phyOffset, +length) as far as the file goes; returns the position in it. */
  #hold(file: LogFile, phyOffset: number, length: number): number {
    const from = phyOffset - file.base;
    if (this.#file === file && from >= this.#from && from + length <= this.#from + this.#length) return from - this.#from;
    const want = Math.min(Math.max(length, windowBytes), file.end - phyOffset);
    this.#window = want > windowBytes ? Buffer.allocUnsafeSlow(want) : this.#room(file);
    this.#file = file;
    this.#from = from;
    this.#length = file.file.readSync(this.#window.subarray(0, want), from);
    return 0;
  }

  #room(file: LogFile): Buffer {
    const bytes = Math.min(windowBytes, file.end - file.base);
    if (this.#buffer.length < bytes) this.#buffer = Buffer.allocUnsafeSlow(bytes);
    return this.#buffer;
  }

  /**
   * The first position at or behind `phyOffset` and below `limit` where a whole record stands that says so, body checked; undefined when there is none.
   * For damage in the middle of a log whose end is known to be good.
   */
  nextRecord(phyOffset: number, limit: number): number | undefined {
    const { files } = this.#log;
    for (const file of files) {
      if (file.end <= phyOffset || file.base >= limit) continue;
      let at = Math.max(phyOffset, file.base);
      while (at < Math.min(limit, file.end - 8)) {
        const pos = this.#hold(file, at, Math.min(windowBytes, file.end - at));
        const bytes = this.#window.subarray(0, this.#length);
        const hits = magics.map((magic) => bytes.indexOf(magic, pos + 4)).filter((hit) => hit >= 0);
        if (hits.length === 0) {
          at = file.base + this.#from + this.#length - 7;
          if (this.#length < 8) break;
          continue;
        }
        const start = file.base + this.#from + Math.min(...hits) - 4;
        if (start >= limit) return undefined;
        if (this.read(file, start, recordCheck.BODY_CRC) === 'record' && this.record.phyOffset === start) return start;
        at = start + 1;
      }
    }
    return undefined;
  }

  /** Bytes from a position up to the last one that is not zero. A sparse rest is read quickly; it happens once, at a start. */
  dataBytes(file: LogFile, from: number): number {
    let last = from;
    this.#file = undefined;
    // Zeros behind the first empty stretch are taken for granted: files are written from front to back.
    for (let at = from, empty = 0; at < file.end && empty < 16; at += windowBytes) {
      const bytes = this.#room(file).subarray(0, Math.min(windowBytes, file.end - at));
      const length = file.file.readSync(bytes, at - file.base);
      let end = length;
      while (end > 0 && bytes[end - 1] === 0) end--;
      if (end > 0) {
        last = at + end;
        empty = 0;
      } else empty++;
    }
    return last - from;
  }
}
