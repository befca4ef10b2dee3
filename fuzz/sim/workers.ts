/** Processes that tell what they did in lines of JSON: one for each job, so many at a time. Each is ended when nobody wants to hear more. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Job {
  /** A compiled script beside this file or above. */
  readonly script: string;
  readonly args: readonly string[];
}

/**
 * Runs all jobs; `onLine` answers false when this job has told enough. Jobs under way at `deadline` (milliseconds of `process.hrtime`) are ended, those not
 * begun are left out. Answers why jobs ended that were not ended from here.
 */
export async function runJobs<T>(jobs: readonly Job[], workers: number, deadlineMs: number, onLine: (line: T, job: number) => boolean): Promise<string[]> {
  const broken: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < jobs.length && nowMs() < deadlineMs; at = next++) {
      const why = await runJob(jobs[at] as Job, deadlineMs, (line: T) => onLine(line, at));
      if (why !== undefined) broken.push(why);
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  return broken;
}

/** Worlds are made and dropped all the time: with little room for young objects collecting them takes a tenth of it. */
const youngSpace = '--max-semi-space-size=64';
/** Much code runs a few times each: it is compiled at once, not interpreted first. */
const compiled = '--always-sparkplug';

export const nowMs = (): number => Number(process.hrtime.bigint() / 1_000_000n);

async function runJob<T>({ script, args }: Job, deadlineMs: number, onLine: (line: T) => boolean): Promise<string | undefined> {
  const child = spawn(process.execPath, [youngSpace, compiled, fileURLToPath(new URL(script, import.meta.url)), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let ended = false;
  let said = '';
  const end = (): void => {
    ended = true;
    child.kill('SIGKILL');
  };
  const timer = setTimeout(end, Math.min(deadlineMs - nowMs(), 2_000_000_000));
  child.stderr.on('data', (chunk: Buffer) => { if (said.length < 4000) said += chunk.toString('utf8'); });
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    if (ended) break;
    let value: T;
    try {
      value = JSON.parse(line) as T;
    } catch {
      continue; // cut off by its end
    }
    if (!onLine(value)) end();
  }
  const code = await exit;
  clearTimeout(timer);
  return ended || code === 0 ? undefined : `${script} ${args.join(' ')} ended with ${code ?? 'a signal'}: ${said.trim().slice(0, 2000)}`;
}
