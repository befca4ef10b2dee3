/**
 * Bringing log, ConsumeQueues and index in line at a start: finds the log's end, cuts what is no record, and dispatches again what queues or index lack.
 * After a clean stop they are trusted as far as they cover the log, checked over its last stretch and against what the stop wrote down (derived-state.ts);
 * after an unclean one they count only below the checkpoint (`CommitLog#recoverNormally`, `#recoverAbnormally`). A queue that lacks entries is built again
 * alone, the others keep theirs. Records are never invented: each must stand where it says it stands.
 * What is lacking is recover-plan.ts, going through the log log-scan.ts, single entries queue-entries.ts.
 */
import type { LogFile } from './commit-log.js';
import { writeRepair } from './derived-state.js';
import { Dispatcher } from './dispatch.js';
import { LogScanner } from './log-scan.js';
import type { Scan } from './log-scan.js';
import { LogWindow } from './log-window.js';
import type { StoreParts } from './parts.js';
import { QueueEntries } from './queue-entries.js';
import { EVERYTHING, Planner } from './recover-plan.js';
import type { Plan, StartState } from './recover-plan.js';
import type { RecoveryReport } from './types.js';

export interface Recovered {
  readonly report: RecoveryReport;
  /** phyOffset of the last record found, -1 = none, and its store time. */
  readonly lastPhyOffset: number;
  readonly lastStoreTimestamp: number;
}

export class Recovery {
  readonly #parts: StoreParts;
  readonly #dispatcher: Dispatcher;
  readonly #window: LogWindow;
  readonly #entries: QueueEntries;
  readonly #planner: Planner;
  readonly #scanner: LogScanner;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#dispatcher = new Dispatcher(parts);
    this.#window = new LogWindow(parts.commitLog);
    this.#entries = new QueueEntries(parts);
    this.#planner = new Planner(parts, this.#window, this.#entries);
    this.#scanner = new LogScanner(parts, this.#window, this.#dispatcher);
  }

  /** The log's files are open. Throws what the disk throws. */
  async run(start: StartState, startedMs: number): Promise<Recovered> {
    const { commitLog, queues, index, log, clock } = this.#parts;
    const { cleanStop } = start;
    const findings = queues.load(log);
    if (commitLog.files.length === 0) {
      this.#clearDerived();
      commitLog.startAt(0);
      return { report: report(cleanStop, 0, 0, undefined, clock.nowMs() - startedMs), lastPhyOffset: -1, lastStoreTimestamp: 0 };
    }
    const plan = this.#planner.plan(start, findings);
    this.#dispatcher.indexFrom = plan.indexEntriesFrom;
    let scan = await this.#goThrough(plan);
    let records = scan.records;
    // A queue that turned out to lack entries below where it was thought complete.
    while (this.#dispatcher.gaps.size > 0) {
      for (const queue of this.#dispatcher.gaps) this.#planner.breakQueue(plan, queue, 'lacks entries');
      this.#dispatcher.gaps.clear();
      this.#dispatcher.indexFrom = Math.max(this.#dispatcher.indexFrom, (index?.endPhyOffset ?? -1) + 1);
      plan.indexFrom = EVERYTHING;
      const again = await this.#goThrough(plan);
      records += again.records;
      scan = again;
    }
    const cut = this.#scanner.cutLog(scan);
    // Entries of what was cut, or of files that were gone already, point beyond the log.
    this.#entries.cut(scan.end, false);
    index?.cut(scan.end);
    index?.keep();
    this.correctMinOffsets();
    const result = report(cleanStop, records, cut, cut > 0 ? (scan.reason ?? 'the log ended there') : undefined, clock.nowMs() - startedMs);
    if (cut > 0) log.warn({ phyOffset: scan.end, bytesCut: cut, reason: result.cutReason }, 'the commit log was cut after its last valid record');
    return { report: result, lastPhyOffset: scan.lastPhyOffset, lastStoreTimestamp: scan.lastStoreTimestamp };
  }

  /** Without a log there is nothing to derive from. */
  #clearDerived(): void {
    const { queues, index, log } = this.#parts;
    let count = 0;
    for (const queue of [...queues.all()]) {
      queues.remove(queue);
      count++;
    }
    index?.load(undefined, (name, why) => log.warn({ name }, why));
    if (count > 0 || (index?.files.length ?? 0) > 0) log.warn({ queues: count }, 'there are no commit log files: ConsumeQueues and index are removed');
    index?.clear();
  }

  /** Goes through the log from where the plan asks for it. What it has to leave for the next start, should it not come to its end, is written first. */
  async #goThrough(plan: Plan): Promise<Scan> {
    const { commitLog, disk, root, log } = this.#parts;
    const from = plan.broken.size > 0 ? commitLog.min : this.#start(Math.min(plan.queuesFrom, plan.indexFrom));
    const dispatcher = this.#dispatcher;
    dispatcher.bridged = plan.broken;
    dispatcher.vouched = plan.vouched;
    const index = plan.indexFrom !== EVERYTHING;
    if (plan.broken.size > 0 || index || plan.all) {
      await writeRepair(disk, root, { all: plan.all, index, queues: [...plan.broken] });
      log.info({ from, queues: plan.all ? 'all' : plan.broken.size, index }, 'goes through the log to build what is missing');
    }
    return this.#scanner.scan(from, plan.goodBelow);
  }

  /** Where to begin: at `phyOffset` when a record stands there, else at the newest file whose first record stands at or below it. */
  #start(phyOffset: number): number {
    const { files, min } = this.#parts.commitLog;
    if (this.#window.isRecord(phyOffset)) return phyOffset;
    for (let i = files.length - 1; i > 0; i--) {
      const file = files[i] as LogFile;
      if (file.base <= phyOffset && this.#window.isRecord(file.base)) return file.base;
    }
    return min;
  }

  /** Brings every queue's first offset to where the log begins. */
  correctMinOffsets(): void {
    this.#entries.correctMinOffsets();
  }
}

function report(cleanStop: boolean, recordsScanned: number, bytesCut: number, cutReason: string | undefined, elapsedMs: number): RecoveryReport {
  return { cleanStop, recordsScanned, bytesCut, cutReason, elapsedMs };
}
