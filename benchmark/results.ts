/** The result of a whole run as data: what the table, the JSON file and the page are made of, and the judgement of targets. */
import type { Figures } from './figures.js';
import type { Shape, Target } from './shapes.js';

export interface ProcessFigures {
  /** Start to `ready`, seconds: median and all of them. */
  readonly startS: number;
  readonly startsS: readonly number[];
  readonly idleCpuPercent: number;
  readonly idleRssBytes: number;
  readonly idleAnonBytes: number;
  /** The separate name server's resident memory, where there is one. */
  readonly namesrvRssBytes: number | null;
  /** After the last shape. */
  readonly loadedAnonBytes: number | null;
  readonly loadedFileBytes: number | null;
}

export interface ShapeResult {
  readonly shape: Shape;
  /** Figures by broker name. */
  readonly figures: Readonly<Record<string, Figures>>;
}

export interface RunResult {
  readonly startedAt: string;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly memoryBytes: number; readonly system: string; readonly node: string };
  readonly options: { readonly seconds: number; readonly warmupSeconds: number; readonly quick: boolean };
  /** Broker names: ours first. */
  readonly brokers: readonly string[];
  readonly processes: Readonly<Record<string, ProcessFigures>>;
  readonly shapes: readonly ShapeResult[];
}

/** Whether a target was met; `met` is null where the run cannot say (no peer, or no CPU observed). */
export interface Verdict {
  readonly target: string;
  readonly value: number | null;
  readonly met: boolean | null;
  /** How far off, in percent of the limit, when missed. */
  readonly missedByPercent: number | null;
}

function judge(target: string, value: number | null, limit: number, atLeast: boolean): Verdict {
  if (value === null || !Number.isFinite(value)) return { target, value: null, met: null, missedByPercent: null };
  const met = atLeast ? value >= limit : value <= limit;
  return { target, value, met, missedByPercent: met ? null : (Math.abs(limit - value) / limit) * 100 };
}

function short(value: number): string {
  return Number(value.toFixed(3)).toString();
}

/** Judges one target of a shape for `ours`, compared with `peer` where the run had one that carried messages. */
export function verdictOf(target: Target, ours: Figures, peer: Figures | undefined): Verdict {
  const theirs = peer === undefined || peer.messagesPerS === 0 ? undefined : peer;
  switch (target.on) {
    case 'messages-per-second':
      return judge(`>= ${target.atLeast.toString().replace(/\B(?=(\d{3})+$)/g, ',')}/s`, ours.messagesPerS, target.atLeast, true);
    case 'messages-ratio':
      return judge(`>= ${short(target.atLeast)}x messages/s`, theirs === undefined ? null : ours.messagesPerS / theirs.messagesPerS, target.atLeast, true);
    case 'cpu-ratio': {
      const our = ours.brokerCpuSPerMillion;
      const their = theirs?.brokerCpuSPerMillion ?? null;
      return judge(`<= ${short(target.atMost)}x CPU`, our === null || their === null ? null : our / their, target.atMost, false);
    }
    case 'p50-ratio':
      return judge(`<= ${short(target.atMost)}x p50`, theirs === undefined ? null : ours.latency.p50Us / theirs.latency.p50Us, target.atMost, false);
  }
}

/** Promises about the process: serving within 300 ms, idle below 90 MB and below 0.5 % of a core. */
export function processVerdicts(ours: ProcessFigures): readonly Verdict[] {
  return [
    judge('start < 0.3 s', ours.startS, 0.3, false),
    judge('idle resident < 90 MB', ours.idleRssBytes / 1048576, 90, false),
    judge('idle CPU < 0.5 %', ours.idleCpuPercent, 0.5, false),
  ];
}

/** Median of a list; NaN of an empty one. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? NaN) : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}
