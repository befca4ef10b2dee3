/**
 * What the suites download and build is kept in `.cache` and made once, by one process at a time: several suites start at once and want the same jars.
 * A process that died while it made something is noticed by its silence.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Times {
  /** How often the holder of a lock shows that it lives, ms. */
  readonly beatMs: number;
  /** A lock that nobody touched for so long was left by a process that died, ms. */
  readonly silenceMs: number;
  /** How often those who wait look again, ms. */
  readonly lookMs: number;
}

const usual: Times = { beatMs: 2000, silenceMs: 30_000, lookMs: 200 };

/**
 * Runs `make`, which fills `dir`, unless the file `marker` in it says that it was made from exactly `want`. Among processes that want the same one
 * makes it and the others wait; what an earlier one left unfinished is made anew.
 */
export async function madeOnce(dir: string, { marker, want }: { readonly marker: string; readonly want: string }, make: () => Promise<void>): Promise<void> {
  const path = join(dir, marker);
  const made = (): boolean => existsSync(path) && readFileSync(path, 'utf8') === want;
  if (made()) return;
  await alone(`${dir}.lock`, async () => {
    if (made()) return;
    rmSync(path, { force: true });
    mkdirSync(dir, { recursive: true });
    await make();
    writeFileSync(`${path}.new`, want);
    renameSync(`${path}.new`, path);
  });
}

/**
 * Runs `work` while no other process runs something under the same lock file. Two that find an abandoned lock in the same instant may both take it over: what
 * is made then is made twice.
 */
export async function alone<T>(lock: string, work: () => Promise<T>, { beatMs, silenceMs, lookMs }: Times = usual): Promise<T> {
  mkdirSync(dirname(lock), { recursive: true });
  while (!taken(lock)) {
    if (silentMs(lock) > silenceMs) rmSync(lock, { force: true });
    else await sleep(lookMs);
  }
  const beat = setInterval(() => touch(lock), beatMs);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    rmSync(lock, { force: true });
  }
}

function taken(lock: string): boolean {
  try {
    writeFileSync(lock, `${process.pid}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** How long the lock's holder has said nothing, ms; 0 when there is none any more. */
function silentMs(lock: string): number {
  try {
    return Date.now() - statSync(lock).mtimeMs;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 0;
    throw error;
  }
}

function touch(lock: string): void {
  try {
    utimesSync(lock, new Date(), new Date());
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function codeOf(error: unknown): unknown {
  return (error as NodeJS.ErrnoException).code;
}
