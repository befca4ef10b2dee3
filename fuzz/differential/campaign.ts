/** `npm run fuzz -- --differential`: random sequences to Skylark and to Apache 5.5.0, side by side; what differs is cut down and kept. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Difference } from '../../conformance/differential/compare.js';
import { RawClient } from '../../conformance/raw-client.js';
import { findsFolder } from '../engine/artefacts.js';
import { hashOf } from '../engine/corpus.js';
import { canaries, type DifferentialCanary } from './canaries.js';
import { generate } from './generate.js';
import { Judge, keyOf, kindOf, type Judged, type Sides } from './judge.js';
import { minimizeSteps } from './minimize.js';
import { markerTopic } from './run.js';
import { describeStep, labelOf, requestCount, type Step } from './steps.js';

export interface DifferentialFind {
  readonly key: string;
  /** Where it was seen first: seed and number. */
  readonly seed: string;
  readonly difference: Difference;
  readonly steps: readonly Step[];
  /** The answers to the step that differs. */
  readonly apache: unknown;
  readonly skylark: unknown;
  /** How many sequences met it. */
  times: number;
}

export interface Summary {
  readonly seed: string;
  sequences: number;
  requests: number;
  seconds: number;
  readonly byRequest: Record<string, number>;
  readonly finds: DifferentialFind[];
  /** Seen once and not again when the sequence was repeated. */
  readonly unrepeated: string[];
  /** Sequences that a server was not done with in time: which server, and what it was asked last. */
  readonly late: string[];
  readonly explained: Record<string, number>;
  /** Names of the runs whose answers were alike: what they left is compared. */
  readonly alike: string[];
  /** What was compared of stores, when both had been stopped and started again. */
  stores?: { readonly queues: number; readonly messages: number; readonly differences: number };
  readonly canaries: { readonly name: string; readonly found: boolean; readonly sequences: number; readonly steps: number }[];
}

export interface Bounds {
  readonly requests: number;
  readonly millis: number;
  /** Sequences at a time. */
  readonly inFlight: number;
  /** Runs that cutting one find down may take, within `cutMsMax`. */
  readonly minimizeRuns: number;
  /** More kinds of differences than this are not cut down. */
  readonly findsMax: number;
  /** Number of the first run, where the servers have had others before. */
  readonly firstRun?: number;
}

type Tell = (text: string) => void;

/** How long one find is cut down, in ms: a sequence that has lost what its waits wait for takes seconds. */
const cutMsMax = 180_000;
/** More sequences than this that are not over in time end a campaign: a server stands still. */
const lateMax = 3;

/** Both servers get the topic of the markers, on which runs settle. */
export async function prepare(sides: Sides): Promise<void> {
  for (const server of [sides.left, sides.right]) {
    const client = await RawClient.connect(server.broker);
    try {
      await client.createTopic(markerTopic, 1);
    } finally {
      client.close();
    }
  }
}

/** Whether a sequence shows a difference of this key. */
async function shows(judge: Judge, steps: readonly Step[], key: string): Promise<boolean> {
  return (await judge.judge(steps)).differences.some((one) => keyOf(one) === key);
}

/** Requests that a broker relays to a client, which answers none here: they take as long as the broker waits. */
const relayed: ReadonlySet<string> = new Set(['GET_CONSUMER_RUNNING_INFO', 'INVOKE_BROKER_TO_GET_CONSUMER_STATUS']);

/** What is left when everything behind the step that differs is gone, and nothing waits any more: much, quickly. */
async function shortcut(steps: readonly Step[], difference: Difference, show: (steps: readonly Step[]) => Promise<boolean>): Promise<readonly Step[]> {
  let best = steps;
  const waits = (step: Step): boolean => !('send' in step) || step.silent === true || relayed.has(step.send);
  const differs = (step: Step): boolean => 'send' in step && labelOf(step) === difference.label;
  for (const cut of [(all: readonly Step[]) => all.filter((step) => !waits(step) || differs(step)), (all: readonly Step[]) => all.slice(0, all.findIndex(differs) + 1)]) {
    const candidate = cut(best);
    if (candidate.length > 1 && candidate.length < best.length && (await show(candidate))) best = candidate;
  }
  return best;
}

/** Cuts a difference down and runs what is left once more for its answers. Undefined when it does not come again. */
export async function cutDown(judge: Judge, steps: readonly Step[], difference: Difference, runsMax: number): Promise<Omit<DifferentialFind, 'seed' | 'times'> | undefined> {
  const key = keyOf(difference);
  let again = 0;
  for (let i = 0; i < 3; i++) if (await shows(judge, steps, key)) again++;
  if (again < 2) return undefined;
  const end = performance.now() + cutMsMax;
  const show = async (candidate: readonly Step[]): Promise<boolean> => performance.now() < end && shows(judge, candidate, key);
  const least = await minimizeSteps(await shortcut(steps, difference, show), show, runsMax);
  const judged = await judge.judge(least);
  const seen = judged.differences.find((one) => keyOf(one) === key) ?? difference;
  const at = judged.left.findIndex((one) => one.label === seen.label);
  return { key, difference: seen, steps: least, apache: judged.left[at], skylark: judged.right[at] };
}

/** Sequences until a bound is reached. */
export async function runCampaign(sides: Sides, seed: string, bounds: Bounds, tell: Tell = () => undefined): Promise<{ readonly summary: Summary; readonly judge: Judge }> {
  const judge = new Judge(sides, undefined, bounds.firstRun);
  const summary: Summary = { seed, sequences: 0, requests: 0, seconds: 0, byRequest: {}, finds: [], unrepeated: [], late: [], explained: {}, alike: [], canaries: [] };
  const begun = performance.now();
  const over = (): boolean => performance.now() - begun > bounds.millis || summary.late.length > lateMax;
  const phase = (text: string): void => {
    if (sides.watch !== undefined) sides.watch.phase = text;
  };
  const suspects: Suspect[] = [];
  const known = new Map<string, number>();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (summary.requests < bounds.requests && !over()) {
      const number = next++;
      const steps = generate(seed, number);
      summary.requests += requestCount(steps);
      const judged = await judge.judge(steps);
      summary.sequences++;
      phase(`${summary.sequences} sequences, ${summary.requests} requests to each side`);
      for (const text of judged.late) {
        summary.late.push(`${seed}/${number}: ${text}`);
        tell(`late: ${seed}/${number}: ${text}`);
      }
      note(summary, steps, judged);
      for (const key of new Set(judged.differences.map(keyOf))) {
        const difference = judged.differences.find((one) => keyOf(one) === key);
        const times = known.get(key) ?? 0;
        known.set(key, times + 1);
        if (difference !== undefined && times < 1) suspects.push({ steps, number, difference });
      }
    }
  };
  await Promise.all(Array.from({ length: bounds.inFlight }, worker));
  const repeat = async ({ steps, number, difference }: Suspect): Promise<void> => {
    const key = keyOf(difference);
    phase(`cutting down ${seed}/${number}: ${key}`);
    if (summary.finds.some((one) => one.key === key)) return;
    const found = await cutDown(judge, steps, difference, bounds.minimizeRuns);
    if (summary.finds.some((one) => one.key === key)) return;
    const times = known.get(key) ?? 1;
    if (found === undefined) {
      summary.unrepeated.push(`${seed}/${number}: ${difference.label}: ${difference.what}\n    apache:  ${difference.apache.slice(0, 400)}\n    skylark: ${difference.skylark.slice(0, 400)}`);
      return;
    }
    const find = { ...found, seed: `${seed}/${number}`, times };
    summary.finds.push(find);
    tell(describeFind(find, keep(find)));
  };
  const queue = chosen(suspects, bounds.findsMax);
  for (const { steps, number, difference } of queue.told) summary.finds.push({ key: keyOf(difference), seed: `${seed}/${number}`, difference, steps, apache: undefined, skylark: undefined, times: known.get(keyOf(difference)) ?? 1 });
  await Promise.all(Array.from({ length: bounds.inFlight }, async () => {
    for (let one = queue.cut.shift(); one !== undefined && !(summary.late.length > lateMax); one = queue.cut.shift()) await repeat(one);
  }));
  summary.seconds = (performance.now() - begun) / 1000;
  return { summary, judge };
}

interface Suspect {
  readonly steps: readonly Step[];
  readonly number: number;
  readonly difference: Difference;
}

/** Of each kind a few are cut down; the others are told as they are. */
function chosen(suspects: readonly Suspect[], findsMax: number): { readonly cut: Suspect[]; readonly told: readonly Suspect[] } {
  const kinds = new Map<string, number>();
  const cut: Suspect[] = [];
  const told: Suspect[] = [];
  for (const one of suspects) {
    const kind = kindOf(one.difference);
    const times = (kinds.get(kind) ?? 0) + 1;
    kinds.set(kind, times);
    (times <= 3 && cut.length < findsMax ? cut : told).push(one);
  }
  return { cut, told };
}

function note(summary: Summary, steps: readonly Step[], judged: Judged): void {
  for (const step of steps) if ('send' in step) summary.byRequest[step.send] = (summary.byRequest[step.send] ?? 0) + 1;
  if (judged.differences.length === 0 && judged.late.length === 0) summary.alike.push(judged.run);
  for (const id of judged.explained) summary.explained[id] = (summary.explained[id] ?? 0) + 1;
}

/** How long one canary is looked for, in ms; cutting it down comes on top. */
const canaryMsMax = 90_000;
/** Sequences of one canary at a time. */
const canaryInFlight = 4;
/** Numbers that the runs of one canary may take. */
const canaryRuns = 100_000;

/** Plants each difference into the right side's answers, all at a time; each must be found within its sequences and cut down to its steps. */
export function runCanaries(sides: Sides, seed: string, from: Judge, list: readonly DifferentialCanary[] = canaries): Promise<Summary['canaries']> {
  if (sides.watch !== undefined) sides.watch.phase = 'looking for planted differences';
  return Promise.all(list.map((canary, i) => {
    const runs = from.count + i * 2 * canaryRuns;
    const judge = new Judge({ ...sides, right: { ...sides.right, alter: canary.alter } }, undefined, runs);
    return seek(canary, judge, new Judge(sides, undefined, runs + canaryRuns), seed);
  }));
}

async function seek(canary: DifferentialCanary, judge: Judge, clean: Judge, seed: string): Promise<Summary['canaries'][number]> {
  const end = performance.now() + canaryMsMax;
  for (let first = 0; first < canary.sequencesMax && performance.now() < end; first += canaryInFlight) {
    const numbers = Array.from({ length: Math.min(canaryInFlight, canary.sequencesMax - first) }, (_, i) => first + i);
    const judged = await Promise.all(numbers.map(async (number) => {
      const steps = generate(`${seed}/${canary.name}`, number);
      return { number, steps, difference: (await judge.judge(steps)).differences[0] };
    }));
    for (const { number, steps, difference } of judged) {
      // A difference that is there without the plant is not it.
      if (difference === undefined || (await shows(clean, steps, keyOf(difference)))) continue;
      const found = await cutDown(judge, steps, difference, 80);
      if (found !== undefined) return { name: canary.name, found: found.steps.length <= canary.stepsMax, sequences: number + 1, steps: found.steps.length };
    }
  }
  return { name: canary.name, found: false, sequences: canary.sequencesMax, steps: 0 };
}

/** Leaves the sequence, both answers and the line that runs it again. */
export function keep(find: DifferentialFind, folder = findsFolder): string {
  const place = join(folder, `differential-${hashOf(Buffer.from(find.key)).slice(0, 8)}`);
  mkdirSync(place, { recursive: true });
  const file = join(place, 'find.json');
  const reproduce = `npm run fuzz -- --differential --replay ${relative(process.cwd(), file)}`;
  writeFileSync(file, `${JSON.stringify(find, null, 2)}\n`);
  writeFileSync(join(place, 'reproduce'), `${reproduce}\n`);
  return reproduce;
}

export function describeFind(find: DifferentialFind, reproduce: string): string {
  const { difference: d } = find;
  return [
    `difference (${find.times} times, first in ${find.seed}): ${d.label.slice(0, 300)}: ${d.what}`, `    apache:  ${d.apache.slice(0, 400)}`, `    skylark: ${d.skylark.slice(0, 400)}`,
    ...find.steps.map((step) => `      ${describeStep(step)}`), `  ${reproduce}`,
  ].join('\n');
}

/** The steps of `FILE` (a find) or `SEED/N`. */
export function stepsOf(replay: string): readonly Step[] {
  if (existsSync(replay)) return (JSON.parse(readFileSync(replay, 'utf8')) as { readonly steps: readonly Step[] }).steps;
  const slash = replay.lastIndexOf('/');
  return generate(replay.slice(0, slash), Number(replay.slice(slash + 1)));
}
