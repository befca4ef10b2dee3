/**
 * The faults there are, and when they happen: a pure function of seed, duration and names, so that a run can be told again by its seed.
 * Making a network fault happen is `proxy.ts`, one of a process `process.ts`.
 */
import { createRng, type Rng } from '../rng.js';

type Range = readonly [min: number, max: number];
type Parameter = Range | readonly string[];

interface FaultKind {
  /** Stands in the report: what the endpoint does although ... */
  readonly doc: string;
  readonly kind: 'network' | 'process';
  /** How long one lasts, ms; one that is over at once has none. */
  readonly lastsMs?: Range;
  /** What is chosen for each: integers between both ends, or one of the words. */
  readonly parameters: Readonly<Record<string, Parameter>>;
}

/** Every fault by its permanent name. */
export const faultKinds = {
  'delay': { doc: 'the network delays each direction, with jitter', kind: 'network', lastsMs: [500, 1500], parameters: { toServerMs: [0, 120], toClientMs: [0, 120], jitterMs: [0, 60] } },
  'cut': { doc: 'connections are cut, by reset or in order', kind: 'network', parameters: { by: ['reset', 'fin'] } },
  'half-close': { doc: 'one direction of each connection ends', kind: 'network', lastsMs: [200, 800], parameters: { side: ['client', 'server'] } },
  'black-hole': { doc: 'connections are accepted and nothing gets through', kind: 'network', lastsMs: [400, 1500], parameters: {} },
  'throttle': { doc: 'the network is slow', kind: 'network', lastsMs: [500, 1500], parameters: { bytesPerSecond: [4_000, 40_000] } },
  'reorder': { doc: 'the bytes of one connection are held while others go on', kind: 'network', lastsMs: [600, 1500], parameters: { holdMs: [40, 200] } },
  'refuse': { doc: 'connections are cut and new ones refused', kind: 'network', lastsMs: [200, 1200], parameters: { by: ['reset', 'fin'] } },
  'duplicate-retry': { doc: 'connections are cut between a send and its answer, so that producers send again', kind: 'network', lastsMs: [500, 1500], parameters: { every: [2, 6], by: ['reset', 'fin'] } },
  'kill': { doc: 'the process is ended with kill -9 and started again', kind: 'process', lastsMs: [0, 500], parameters: {} },
  'pause': { doc: 'the process stands still (SIGSTOP) for a while', kind: 'process', lastsMs: [300, 1500], parameters: {} },
  'restart': { doc: 'the process is stopped in order and started again', kind: 'process', lastsMs: [0, 500], parameters: {} },
  'full-disk': { doc: 'the disk is full for a while', kind: 'process', lastsMs: [800, 1500], parameters: {} },
  'slow-disk': { doc: 'each write and flush of the process takes longer', kind: 'process', lastsMs: [800, 1500], parameters: { callMs: [5, 60] } },
} as const satisfies Readonly<Record<string, FaultKind>>;

export type FaultName = keyof typeof faultKinds;

export const faultNames = Object.keys(faultKinds) as readonly FaultName[];

/** One fault of a schedule. */
export interface Fault {
  /** Begins not before this, ms since the schedule's begin; one that is slow to heal moves those after it. */
  readonly atMs: number;
  readonly fault: FaultName;
  /** From begin to healing. */
  readonly lastsMs: number;
  readonly parameters: Readonly<Record<string, number | string>>;
}

export interface ScheduleOptions {
  /** 0..4294967295. */
  readonly seed: number;
  /** No fault begins later; at least one happens whatever it is. */
  readonly durationMs: number;
  readonly faults: readonly FaultName[];
}

/** Time for traffic before the first fault, and between two: long enough to recover from most. */
const leadMs: Range = [200, 600];
const gapMs: Range = [400, 1200];

/** The schedule: faults one after another, never two at a time. Equal options give equal schedules. @throws RangeError without faults or time. */
export function createSchedule(options: ScheduleOptions): readonly Fault[] {
  const { seed, durationMs, faults } = options;
  if (faults.length === 0) throw new RangeError('a schedule needs at least one fault');
  if (!Number.isInteger(durationMs) || durationMs < 1) throw new RangeError(`durationMs must be a whole number from 1, not ${durationMs}`);
  const rng = createRng(seed, 'faults', durationMs, ...faults);
  const out: Fault[] = [];
  let left = rng.shuffle(faults);
  for (let atMs = rng.int(...leadMs); out.length === 0 || atMs < durationMs; ) {
    const fault = left.pop() ?? rng.pick(faults);
    if (left.length === 0) left = rng.shuffle(faults);
    const one = choose(fault, rng, atMs);
    out.push(one);
    atMs += one.lastsMs + rng.int(...gapMs);
  }
  return out;
}

function choose(fault: FaultName, rng: Rng, atMs: number): Fault {
  const { lastsMs, parameters }: FaultKind = faultKinds[fault];
  const pick = (parameter: Parameter): number | string => (isRange(parameter) ? rng.int(...parameter) : rng.pick(parameter));
  return { atMs, fault, lastsMs: lastsMs === undefined ? 0 : rng.int(...lastsMs), parameters: Object.fromEntries(Object.entries(parameters).map(([name, parameter]) => [name, pick(parameter)])) };
}

function isRange(parameter: Parameter): parameter is Range {
  return typeof parameter[0] === 'number';
}

/** One line, as the run prints it: `at 413 ms delay for 812 ms (toServerMs 4, jitterMs 30)`. */
export function describeFault(one: Fault): string {
  const parameters = Object.entries(one.parameters).map(([name, value]) => `${name} ${value}`).join(', ');
  return `at ${one.atMs} ms ${one.fault}${one.lastsMs === 0 ? '' : ` for ${one.lastsMs} ms`}${parameters === '' ? '' : ` (${parameters})`}`;
}

/** A whole-number parameter. @throws TypeError: a schedule that this module did not make. */
export function numberOf(one: Fault, name: string): number {
  const value = one.parameters[name];
  if (typeof value !== 'number') throw new TypeError(`fault ${one.fault} has no number ${name}`);
  return value;
}
