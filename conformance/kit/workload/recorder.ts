/** Writes a history while it happens: into memory, and to whoever listens. */
import { performance } from 'node:perf_hooks';
import type { HistoryOperation } from '../report/types.js';
import { pair, type HistoryLine, type LineType, type Op, type Value } from './history.js';

/** A call that has begun and ends once; what ends a second time is ignored. */
export interface Call {
  ok(value?: Value): void;
  fail(value?: Value): void;
  info(value?: Value): void;
}

/** Milliseconds since 1970 that never go back, with fractions. */
export function preciseNow(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000) / 1000;
}

export class Recorder {
  readonly lines: HistoryLine[] = [];
  private readonly listener: ((line: HistoryLine) => void) | undefined;
  private readonly ids = new Map<string, number>();

  constructor(listener?: (line: HistoryLine) => void) {
    this.listener = listener;
  }

  /** A call begins now, or began at `time`. */
  call(process: string, op: Op, value: Value = {}, time = preciseNow()): Call {
    const id = this.nextId(process);
    let over = false;
    const end = (type: LineType) => (more: Value = {}): void => {
      if (!over) this.write({ process, type, op, id, time: preciseNow(), ...more });
      over = true;
    };
    this.write({ process, type: 'invoke', op, id, time, ...value });
    return { ok: end('ok'), fail: end('fail'), info: end('info') };
  }

  /** Something happened. */
  event(process: string, op: Op, value: Value = {}): void {
    this.write({ process, type: 'ok', op, id: this.nextId(process), time: preciseNow(), ...value });
  }

  private write(line: HistoryLine): void {
    this.lines.push(line);
    this.listener?.(line);
  }

  private nextId(process: string): number {
    const id = (this.ids.get(process) ?? 0) + 1;
    this.ids.set(process, id);
    return id;
  }
}

const shown = ['key', 'end', 'mode', 'expression', 'queueId', 'queueOffset', 'count', 'queues', 'error'] as const satisfies readonly (keyof Value)[];

/** A value in a few words. */
export function wordsOf(value: Value): string {
  return shown.flatMap((name) => {
    const one = value[name];
    if (one === undefined) return [];
    const text = typeof one === 'object' ? one.join(',') : String(one);
    return [name === 'queueId' ? `q${text}` : name === 'queueOffset' ? `@${text}` : text];
  }).join(' ').slice(0, 200);
}

/** Most operations that go into a report. */
const operationsMax = 5000;

/** A history as the report's timeline shows it; lines in `marked` carry the name of their anomaly. Those are kept when there are too many. */
export function timelineOf(lines: readonly HistoryLine[], marked: ReadonlyMap<HistoryLine, string> = new Map()): HistoryOperation[] {
  const sorted = [...lines].sort((a, b) => a.time - b.time);
  const start = sorted[0]?.time ?? 0;
  const all = pair(sorted);
  const isMarked = (one: (typeof all)[number]): boolean => marked.has(one.invoke) || (one.done !== undefined && marked.has(one.done));
  const kept = all.length <= operationsMax ? all : all.filter((one, i) => i < operationsMax - 200 || isMarked(one)).slice(0, operationsMax);
  return kept.map((one) => {
    const anomaly = marked.get(one.invoke) ?? (one.done === undefined ? undefined : marked.get(one.done));
    return {
      process: one.process, op: one.op, invokedMs: Math.round((one.invoke.time - start) * 10) / 10, outcome: one.outcome, value: wordsOf(one.value),
      ...(one.done === undefined ? {} : { completedMs: Math.round((one.done.time - start) * 10) / 10 }), ...(anomaly === undefined ? {} : { anomaly }),
    };
  });
}
