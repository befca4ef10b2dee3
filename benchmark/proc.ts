/** Readings of Linux' /proc about processes: CPU time, resident memory, stop state. Elsewhere than on Linux they are absent. */
import { readFileSync } from 'node:fs';

/** Clock ticks per second of /proc/<pid>/stat: fixed at 100 for user space on Linux. */
const TICKS_PER_S = 100;

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** User and system CPU seconds that a process has used, all its threads; null when there is no such process. */
export function cpuSecondsOf(pid: number): number | null {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The second field is the command in parentheses and may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

/** CPU seconds of several processes together; null when one of them is gone or the list is empty. */
export function cpuSecondsOfAll(pids: readonly number[]): number | null {
  if (pids.length === 0) return null;
  let sum = 0;
  for (const pid of pids) {
    const seconds = cpuSecondsOf(pid);
    if (seconds === null) return null;
    sum += seconds;
  }
  return sum;
}

/** CPU seconds that the whole machine has spent working since boot (user, nice, system, irq, softirq, steal). */
export function machineCpuSeconds(): number {
  const [line = ''] = (read('/proc/stat') ?? '').split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.trim().split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_S;
}

/** Resident memory of a process in bytes: all of it, its anonymous part and its mapped files. */
export interface Resident {
  readonly rssBytes: number;
  readonly anonBytes: number;
  readonly fileBytes: number;
}

/** VmRSS, RssAnon and RssFile + RssShmem of a process; null when there is no such process. */
export function residentOf(pid: number): Resident | null {
  const status = read(`/proc/${pid}/status`);
  if (status === null) return null;
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
  return { rssBytes: bytes('VmRSS'), anonBytes: bytes('RssAnon'), fileBytes: bytes('RssFile') + bytes('RssShmem') };
}

/** Bytes of the page cache that still have to reach the disk. */
export function dirtyBytes(): number {
  const info = read('/proc/meminfo') ?? '';
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(info)?.[1] ?? 0) * 1024;
  return bytes('Dirty') + bytes('Writeback');
}
