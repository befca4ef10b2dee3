/**
 * Going through the log at a start: every record is checked and dispatched, up to the first place where none stands. Damage below what is known to be
 * good is passed over. Where to begin, and why, is recover-plan.ts; what stands at one position log-window.ts.
 */
import { recordCheck } from '../codec/message-record.js';
import type { LogFile } from './commit-log.js';
import type { Dispatcher } from './dispatch.js';
import type { LogWindow } from './log-window.js';
import type { StoreParts } from './parts.js';

/** After so many bytes of the log what was dispatched goes to the files and out of memory. */
const stepBytesDefault = 64 * 1024 * 1024;
/** Milliseconds between two words about how far it has come. */
const progressMs = 5000;

/** Zeros at a record's end that nobody sends. */
const tornZeros = 8;

/** How far the log goes, and why no further. */
export interface Scan {
  readonly end: number;
  readonly records: number;
  /** Undefined = it ends with zeros, as it should. */
  readonly reason: string | undefined;
  /** phyOffset of the last record found, -1 = none, and its store time. */
  readonly lastPhyOffset: number;
  readonly lastStoreTimestamp: number;
}

export class LogScanner {
  readonly #parts: StoreParts;
  readonly #window: LogWindow;
  readonly #dispatcher: Dispatcher;

  constructor(parts: StoreParts, window: LogWindow, dispatcher: Dispatcher) {
    this.#parts = parts;
    this.#window = window;
    this.#dispatcher = dispatcher;
  }

  get #stepBytes(): number {
    return this.#parts.config.recoverStepBytes ?? stepBytesDefault;
  }

  /** Goes through the log from a record on and dispatches what is not there yet. Damage below `goodBelow` does not end it. */
  async scan(from: number, goodBelow: number): Promise<Scan> {
    const { commitLog, config, clock, log } = this.#parts;
    const checks = config.checkCRCOnRecover ? recordCheck.BODY_CRC : recordCheck.NONE;
    const window = this.#window;
    const { record } = window;
    let at = from;
    let file = commitLog.fileAt(at) as LogFile;
    let records = 0;
    let lastPhyOffset = -1;
    let lastStoreTimestamp = 0;
    let stepAt = from + this.#stepBytes;
    let saidMs = clock.nowMs();
    for (;;) {
      if (at >= stepAt) {
        await this.#writeStep();
        stepAt = at + this.#stepBytes;
        if (clock.nowMs() - saidMs >= progressMs) {
          saidMs = clock.nowMs();
          log.info({ phyOffset: at, from, filesEnd: commitLog.files.at(-1)?.end }, 'is going through the log');
        }
      }
      let found = this.#readAt(file, at, checks);
      if (found === 'record' && at >= goodBelow && this.#isTorn(file, at, checks)) found = 'the end of the record was not written';
      if (found === 'record') {
        this.#dispatcher.dispatch(record);
        this.#parts.index?.keep();
        lastPhyOffset = at;
        lastStoreTimestamp = record.storeTimestamp;
        records++;
        at += record.size;
        continue;
      }
      let next = found === 'blank' ? commitLog.fileAt(file.end)?.base : undefined;
      if (found !== 'blank' && at < goodBelow) {
        next = window.nextRecord(at + 1, goodBelow);
        if (next !== undefined) log.error({ phyOffset: at, bytes: next - at, reason: found }, 'the commit log is damaged here: these bytes are lost, what follows stays');
      }
      // An empty next file was only prepared: the log may go on here or there.
      if (next === undefined) {
        this.#dispatcher.finish();
        return { end: at, records, reason: found === 'zero' || found === 'blank' ? undefined : found, lastPhyOffset, lastStoreTimestamp };
      }
      at = next;
      file = commitLog.fileAt(at) as LogFile;
    }
  }

  /**
   * True when the end of a record is missing: a write that a crash cut short leaves zeros, and the CRC covers the body alone, not the topic and the properties
   * behind it. Properties may end with a zero; so many of them, or such a record at the log's very end, were not meant. `record` holds the record again.
   */
  #isTorn(file: LogFile, at: number, checks: number): boolean {
    const { record } = this.#window;
    const end = record.propertiesEnd > record.propertiesStart ? record.propertiesEnd : record.topicEnd;
    let zeros = 0;
    while (zeros < tornZeros && end - zeros > record.topicStart && record.bytes[end - zeros - 1] === 0) zeros++;
    if (zeros === 0) return false;
    if (zeros === tornZeros) return true;
    const follows = this.#readAt(file, at + record.size, checks);
    this.#readAt(file, at, checks);
    return follows !== 'record' && follows !== 'blank';
  }

  /** What stands at a position: a good record, the blank that ends a file, zeros, or why it is none of these. */
  #readAt(file: LogFile, at: number, checks: number): string {
    if (file.end - at < 8) return 'the file is full';
    const outcome = this.#window.read(file, at, checks);
    const { record } = this.#window;
    if (outcome === 'bad') return record.reason;
    if (outcome === 'blank' && at + record.size !== file.end) return `a blank of ${record.size} bytes does not end with the file`;
    if (outcome === 'record' && record.phyOffset !== at) return `the record says it stands at ${record.phyOffset}`;
    return outcome;
  }

  /** What was dispatched goes to the files, so that memory does not grow with the log. */
  async #writeStep(): Promise<void> {
    const { queues, index } = this.#parts;
    await queues.flush();
    await index?.flush();
    for (const queue of queues.all()) queue.release(0);
  }

  /** Ends the log at the scan's end: the rest of that file becomes zeros, later files go. Returns the bytes that were not zero or may have been. */
  cutLog(scan: Scan): number {
    const { commitLog } = this.#parts;
    let cut = 0;
    while ((commitLog.files.at(-1) as LogFile).base > scan.end) {
      const file = commitLog.files.pop() as LogFile;
      if (this.#window.dataBytes(file, file.base) > 0) cut += commitLog.fileBytes;
      file.file.close();
      this.#parts.disk.unlink(file.file.path);
      commitLog.dirDirty = true;
    }
    const last = commitLog.files.at(-1) as LogFile;
    const data = this.#window.dataBytes(last, scan.end);
    if (data > 0) {
      cut += data;
      last.file.setLength(scan.end - last.base);
      last.file.setLength(commitLog.fileBytes);
      last.dirty = true;
    }
    commitLog.startAt(scan.end);
    return cut;
  }
}
