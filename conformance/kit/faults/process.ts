/**
 * Faults of a process that the kit started: its end, its standing still, its disk. What a machine or a user may not do ends in
 * NotApplicable with the reason; nothing is pretended.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint as StartedEndpoint } from '../../endpoint.js';
import { missingTools } from '../../process.js';
import { notApplicable } from '../expect.js';
import type { Heal } from './proxy.js';
import { numberOf, type Fault } from './schedule.js';

/** What a process fault works on. */
export type Victim = Pick<StartedEndpoint, 'pid' | 'stop' | 'kill' | 'restart'>;

/** Begins a fault of the process; the answer heals it and says how, if there is something to say. @throws NotApplicable, TypeError. */
export async function beginProcessFault(fault: Fault, victim: Victim, disk: SmallDisk | undefined): Promise<() => Promise<string | undefined>> {
  switch (fault.fault) {
    case 'kill':
      await victim.kill();
      return quietly(() => victim.restart());
    case 'restart':
      await victim.stop();
      return quietly(() => victim.restart());
    case 'pause': {
      const { pid } = victim;
      process.kill(pid, 'SIGSTOP');
      return quietly(() => {
        process.kill(pid, 'SIGCONT');
        return Promise.resolve();
      });
    }
    case 'full-disk': {
      if (disk === undefined) throw new TypeError('full-disk needs a small disk');
      disk.fill();
      return async () => {
        disk.free();
        if (isRunning(victim.pid)) return undefined;
        await victim.restart();
        return 'the process had ended on the full disk; it was started again';
      };
    }
    case 'slow-disk': {
      const slow = await SlowDisk.under(victim.pid, numberOf(fault, 'callMs'));
      return async () => `${await slow.end()} writes and flushes took ${numberOf(fault, 'callMs')} ms longer`;
    }
    default:
      throw new TypeError(`${fault.fault} is no fault of a process`);
  }
}

function quietly(heal: Heal): () => Promise<undefined> {
  return async () => {
    await heal();
    return undefined;
  };
}

/** Whether a process has this id now. */
export function isRunning(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}

const chunkBytes = 1024 * 1024;

/** A file system of its own and of a known size, so that filling it harms nobody else: a tmpfs, which takes the right to mount. */
export class SmallDisk {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** @throws NotApplicable where mounting is not possible. */
  static mount(megabytes: number): SmallDisk {
    const dir = mkdtempSync(join(tmpdir(), 'conform-disk-'));
    const mounted = process.platform !== 'linux' ? undefined : spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tmpfs', dir], { encoding: 'utf8', timeout: 10_000 });
    if (mounted?.status === 0) return new SmallDisk(dir);
    rmdirSync(dir);
    const said = mounted?.error?.message ?? mounted?.stderr.trim() ?? '';
    return notApplicable(`needs the right to mount a small tmpfs (Linux, root)${said === '' ? '' : `: ${said}`}`);
  }

  /** Writes until nothing more fits. */
  fill(): void {
    const file = openSync(join(this.dir, 'ballast'), 'a');
    try {
      for (let size = chunkBytes; size >= 1; ) {
        try {
          if (writeSync(file, Buffer.alloc(size, 1)) < size) size = Math.floor(size / 2);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
          size = Math.floor(size / 2);
        }
      }
    } finally {
      closeSync(file);
    }
  }

  /** Gives the room back. */
  free(): void {
    rmSync(join(this.dir, 'ballast'), { force: true });
  }

  /** Ends it with all that is on it; whoever used it must have ended. */
  unmount(): void {
    const done = spawnSync('umount', [this.dir], { encoding: 'utf8', timeout: 10_000 });
    if (done.status !== 0) throw new Error(`umount ${this.dir}: ${done.error?.message ?? done.stderr.trim()}`);
    rmdirSync(this.dir);
  }
}

/** Calls that reach a disk. Plain write is left alone: it serves sockets as well. Stores through a memory map are not slowed, their flushes are. */
const diskCalls = 'fsync,fdatasync,msync,sync_file_range,pwrite64,pwritev,pwritev2,ftruncate,fallocate';

const attachMs = 10_000;

/** strace between a process and its disk: each call of `diskCalls` waits before it is made. */
class SlowDisk {
  private readonly tracer: ChildProcess;
  private readonly exited: Promise<void>;
  private readonly dir: string;

  private constructor(tracer: ChildProcess, exited: Promise<void>, dir: string) {
    this.tracer = tracer;
    this.exited = exited;
    this.dir = dir;
  }

  static async under(pid: number, callMs: number): Promise<SlowDisk> {
    if (missingTools('strace').length > 0) notApplicable('needs strace');
    const dir = mkdtempSync(join(tmpdir(), 'conform-strace-'));
    const tracer = spawn('strace', ['-f', '-p', String(pid), '-o', join(dir, 'calls'), '-e', `trace=${diskCalls}`, '-e', 'signal=none', '-e', `inject=${diskCalls}:delay_enter=${callMs * 1000}`], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    tracer.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)));
    let gone = false;
    const exited = new Promise<void>((resolve) => {
      tracer.on('error', () => resolve());
      tracer.on('close', () => resolve());
    }).then(() => void (gone = true));
    const slow = new SlowDisk(tracer, exited, dir);
    for (const end = Date.now() + attachMs; !/attached/.test(said); await sleep(10)) {
      if (!gone && Date.now() < end) continue;
      await slow.end();
      notApplicable(`needs the right to trace the process with strace: ${said.trim().split('\n').at(-1) ?? ''}`);
    }
    return slow;
  }

  /** Detaches. Answers how many calls were delayed. */
  async end(): Promise<number> {
    this.tracer.kill('SIGINT');
    await this.exited;
    try {
      return readFileSync(join(this.dir, 'calls'), 'utf8').split('\n').filter((line) => line.includes('(DELAYED)')).length;
    } catch {
      return 0;
    } finally {
      rmSync(this.dir, { recursive: true, force: true });
    }
  }
}
