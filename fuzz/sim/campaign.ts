/** `npm run fuzz -- --sim`: schedules of the simulated cluster until time is up, canaries, and one schedule again with its trace. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findsFolder } from '../engine/artefacts.js';
import type { Options } from '../options.js';
import { canaries, type Canary } from './canaries.js';
import type { Verdict } from './schedule.js';
import { nowMs, runJobs } from './workers.js';

type Out = (text: string) => void;
type Told = Omit<Verdict, 'trace'> & { readonly trace?: readonly string[] };

const script = './child.js';
const forever = '1000000000';

export async function runSim(options: Options, out: Out): Promise<number> {
  if (options.replay !== undefined) return replaySchedule(options.replay, options.canary, out);
  if (options.mode === 'sim' && options.canaries) return simCanaries(options, out);
  const { seed, workers } = options;
  const begun = nowMs();
  const finds: Told[] = [];
  const plays = new Map<string, number>();
  const kinds = new Map<string, number>();
  let [schedules, events, acknowledged, worldMs] = [0, 0, 0, 0];
  const limit = options.executions;
  const jobs = Array.from({ length: workers }, (_, i) => ({ script, args: [seed, String(i), String(workers), limit >= 1e9 ? forever : String(Math.ceil(limit / workers))] }));
  const broken = await runJobs<Told>(jobs, workers, limit >= 1e9 ? begun + options.millis : Infinity, (verdict) => {
    schedules++;
    events += verdict.events;
    acknowledged += verdict.acknowledged;
    worldMs += verdict.worldMs;
    count(plays, verdict.play);
    for (const kind of verdict.faults) count(kinds, kind);
    if (verdict.violations.length > 0) {
      finds.push(verdict);
      if (!options.json) out(tell(verdict));
    }
    return true;
  });
  const seconds = (nowMs() - begun) / 1000;
  if (options.json) out(JSON.stringify({ seed, seconds, schedules, events, acknowledged, worldMs, plays: Object.fromEntries(plays), faults: Object.fromEntries(kinds), finds, broken }, null, 2));
  else {
    for (const one of broken) out(one);
    out(`plays: ${words(plays)}`);
    out(`faults: ${words(kinds)}`);
    out(`seed ${seed}: ${schedules} schedules in ${seconds.toFixed(0)} s (${Math.round((schedules * 60) / seconds)} a minute), ${events} events, ${Math.round(worldMs / 60_000)} minutes of simulated time, ${acknowledged} messages acknowledged, ${finds.length} finds`);
  }
  return finds.length + broken.length === 0 && schedules > 0 ? 0 : 1;
}

/** Its violations, and where its trace lies. */
function tell(verdict: Told): string {
  const folder = join(findsFolder, `sim-${verdict.seed.replaceAll(/[^\w.-]/g, '_')}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'trace'), `${(verdict.trace ?? []).join('\n')}\n`);
  return [
    `find with seed ${verdict.seed}: ${verdict.play}, ${verdict.flush}, faults ${verdict.faults.join(', ') || 'none'}, digest ${verdict.digest}`,
    ...verdict.violations.map((one) => `  ${one}`), `  trace: ${join(folder, 'trace')}`, `  npm run fuzz -- --sim --replay ${verdict.seed}`,
  ].join('\n');
}

/** Runs one schedule twice and shows what happened. */
async function replaySchedule(seed: string, canary: string | undefined, out: Out): Promise<number> {
  const slash = seed.lastIndexOf('/');
  const args = [seed.slice(0, slash), seed.slice(slash + 1), '1', '1', canary ?? '', 'all'];
  const verdicts: Told[] = [];
  const broken = await runJobs<Told>([{ script, args }, { script, args }], 1, Infinity, (verdict) => { verdicts.push(verdict); return true; });
  const [first, second] = verdicts;
  for (const one of broken) out(one);
  if (first === undefined || second === undefined) return 1;
  for (const line of first.trace ?? []) out(line);
  out(first.digest === second.digest ? `digest ${first.digest}, twice` : `the schedule did not repeat itself: ${first.digest} and ${second.digest}`);
  out(first.violations.length === 0 ? `${seed}: nothing to object` : `${seed}: ${first.violations.join('\n')}`);
  return first.violations.length === 0 && first.digest === second.digest ? 0 : 1;
}

async function simCanaries(options: Options, out: Out): Promise<number> {
  const found = new Map<string, { readonly after: number; readonly verdict: Told }>();
  const list = canaries.filter((one) => options.canary === undefined || one.name === options.canary);
  const seen = new Map<string, number>();
  const jobs = list.map((canary) => ({ script, args: [`${options.seed}/${canary.name}`, '0', '1', String(canary.schedulesMax), canary.name] }));
  const broken = await runJobs<Told>(jobs, options.workers, Infinity, (verdict, job) => {
    const { name } = list[job] as Canary;
    const after = count(seen, name);
    if (verdict.violations.length > 0) found.set(name, { after, verdict });
    return verdict.violations.length === 0;
  });
  for (const one of broken) out(one);
  for (const { name, schedulesMax } of list) {
    const one = found.get(name);
    out(one === undefined ? `LOST   ${name.padEnd(24)} not within ${schedulesMax} schedules` : `found  ${name.padEnd(24)} after ${one.after} of ${schedulesMax} schedules: ${one.verdict.violations[0] ?? ''}`);
  }
  out(`seed ${options.seed}: ${found.size} of ${list.length} canaries found`);
  return found.size === list.length ? 0 : 1;
}

function count(map: Map<string, number>, name: string): number {
  const now = (map.get(name) ?? 0) + 1;
  map.set(name, now);
  return now;
}

const words = (map: ReadonlyMap<string, number>): string => [...map].sort((a, b) => b[1] - a[1]).map(([name, times]) => `${name} ${times}`).join(', ');
