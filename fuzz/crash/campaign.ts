/** `npm run fuzz -- --crash-points`: the script stopped at every operation of its disk, in both flush modes, by kill and by power loss. */
import type { Options } from '../options.js';
import { canaries, type Canary } from '../sim/canaries.js';
import { runJobs } from '../sim/workers.js';
import type { Flush, PointVerdict } from './points.js';

type Out = (text: string) => void;
type Told = Omit<PointVerdict, 'trace'>;

const script = '../crash/child.js';
const modes = (['SYNC_FLUSH', 'ASYNC_FLUSH'] as const).flatMap((flush) => (['kill', 'power'] as const).map((kind) => ({ flush, kind })));
/** Points are handed out in so many interleaved jobs for each mode. */
const jobsOfMode = 8;

export async function runCrashPoints(options: Options, out: Out): Promise<number> {
  if (options.canaries) return crashCanaries(options, out);
  const { seed, workers, part: [part, parts] } = options;
  const stride = options.stride * parts;
  const start = 1 + options.stride * (part - 1);
  const ops = new Map<Flush, number>();
  const own: string[] = [];
  const broken = await runJobs<Told>((['SYNC_FLUSH', 'ASYNC_FLUSH'] as const).map((flush) => ({ script, args: [seed, flush, 'kill', '0', '1', '1'] })), workers, Infinity, (verdict) => {
    ops.set(verdict.flush, verdict.ops);
    for (const one of verdict.violations) own.push(`the script itself, ${verdict.flush}: ${one}`);
    return true;
  });
  const finds: Told[] = [];
  const points = new Map<string, number>();
  const jobs = modes.flatMap(({ flush, kind }) => Array.from({ length: jobsOfMode }, (_, i) => ({
    script, args: [seed, flush, kind, String(start + stride * i), String(stride * jobsOfMode), String(Math.max(0, Math.ceil(((ops.get(flush) ?? 0) - start + 1 - stride * i) / (stride * jobsOfMode))))],
  })));
  broken.push(...await runJobs<Told>(jobs, workers, Infinity, (verdict) => {
    if (verdict.beyond) return false;
    const mode = `${verdict.flush} ${verdict.kind}`;
    points.set(mode, (points.get(mode) ?? 0) + 1);
    if (verdict.violations.length > 0) {
      finds.push(verdict);
      if (!options.json) out(`${mode} at operation ${verdict.op}, seed ${seed}: ${verdict.violations.join('\n  ')}`);
    }
    return true;
  }), ...own);
  const total = [...points.values()].reduce((sum, one) => sum + one, 0);
  if (options.json) out(JSON.stringify({ seed, stride, points: total, modes: Object.fromEntries(points), finds, broken }, null, 2));
  else {
    for (const one of broken) out(one);
    for (const [mode, number] of points) out(`${mode}: ${number} points`);
    out(`seed ${seed}: ${total} crash points, ${finds.length} violations`);
  }
  return finds.length + broken.length === 0 && total > 0 ? 0 : 1;
}

/** Each planted bug of the disk must be convicted at some point. */
async function crashCanaries(options: Options, out: Out): Promise<number> {
  const list = canaries.filter((one) => one.crashPoints !== undefined && (options.canary === undefined || one.name === options.canary));
  const found = new Map<string, Told>();
  const jobs = list.map((canary) => ({ script, args: [options.seed, canary.crashPoints?.flush ?? 'SYNC_FLUSH', canary.crashPoints?.kind ?? 'power', '5', '13', '60', canary.name] }));
  const broken = await runJobs<Told>(jobs, options.workers, Infinity, (verdict, job) => {
    if (verdict.violations.length > 0) found.set((list[job] as Canary).name, verdict);
    return verdict.violations.length === 0;
  });
  for (const one of broken) out(one);
  for (const { name } of list) {
    const one = found.get(name);
    out(one === undefined ? `LOST   ${name}` : `found  ${name.padEnd(24)} at operation ${one.op}: ${one.violations[0] ?? ''}`);
  }
  out(`seed ${options.seed}: ${found.size} of ${list.length} canaries convicted`);
  return found.size === list.length ? 0 : 1;
}
