import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { NotApplicable } from '../expect.js';
import { beginProcessFault, isRunning, SmallDisk, type Victim } from './process.js';
import type { Fault } from './schedule.js';

const fault = (name: Fault['fault'], parameters: Fault['parameters'] = {}): Fault => ({ atMs: 0, fault: name, lastsMs: 0, parameters });
let child: ChildProcess | undefined;
let calls: string[] = [];

afterEach(() => {
  child?.kill('SIGKILL');
  child = undefined;
  calls = [];
});

/** A process that runs this script, with adapters that only tell that they were called. */
async function victim(script: string): Promise<Victim> {
  const started = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  child = started;
  await new Promise<void>((resolve) => started.stdout.once('data', () => resolve()));
  const called = (name: string) => (): Promise<void> => {
    calls.push(name);
    return Promise.resolve();
  };
  return { pid: started.pid ?? -1, stop: called('stop'), kill: called('kill'), restart: called('restart') };
}

const idle = 'console.log(1); setInterval(() => 0, 1000)';
const onLinux = process.platform === 'linux';

describe('faults of a process', () => {
  it('kill and restart end it and start it again when healed', async () => {
    const one = await victim(idle);
    const heal = await beginProcessFault(fault('kill'), one, undefined);
    expect(calls).toEqual(['kill']);
    await heal();
    await (await beginProcessFault(fault('restart'), one, undefined))();
    expect(calls).toEqual(['kill', 'restart', 'stop', 'restart']);
  });

  (onLinux ? it : it.skip)('pause makes it stand still, not end', async () => {
    const one = await victim(idle);
    const state = (): string => /^State:\s+(\S)/m.exec(readFileSync(`/proc/${one.pid}/status`, 'utf8'))?.[1] ?? '';
    const becomes = async (stopped: boolean): Promise<boolean> => {
      for (let i = 0; i < 100 && (state() === 'T') !== stopped; i++) await sleep(10);
      return (state() === 'T') === stopped;
    };
    const heal = await beginProcessFault(fault('pause'), one, undefined);
    expect([await becomes(true), isRunning(one.pid)]).toEqual([true, true]);
    await heal();
    expect(await becomes(false)).toBe(true);
  });

  it('a small disk is filled to the last byte and freed, or says what it needs', () => {
    let disk: SmallDisk;
    try {
      disk = SmallDisk.mount(2);
    } catch (error) {
      expect(error).toBeInstanceOf(NotApplicable);
      expect((error as Error).message).toMatch(/^needs the right to mount a small tmpfs/);
      return;
    }
    try {
      const file = join(disk.dir, 'file');
      disk.fill();
      expect(statfsSync(disk.dir).bavail).toBe(0);
      expect(() => writeFileSync(file, 'x')).toThrow(/ENOSPC/);
      disk.free();
      writeFileSync(file, 'x');
    } finally {
      disk.unmount();
    }
    expect(existsSync(disk.dir)).toBe(false);
  });

  it('a slow disk delays writes and flushes and counts them, or says what it needs', async () => {
    const one = await victim(`const fs = require('fs'); const fd = fs.openSync(require('path').join(require('os').tmpdir(), 'slow-disk-' + process.pid), 'w');
      fs.unlinkSync(require('path').join(require('os').tmpdir(), 'slow-disk-' + process.pid)); console.log(1); setInterval(() => fs.writeSync(fd, 'x', 0), 5)`);
    let heal: () => Promise<string | undefined>;
    try {
      heal = await beginProcessFault(fault('slow-disk', { callMs: 30 }), one, undefined);
    } catch (error) {
      expect(error).toBeInstanceOf(NotApplicable);
      return;
    }
    await sleep(500);
    const said = await heal();
    const count = Number(/^(\d+) writes and flushes took 30 ms longer$/.exec(said ?? '')?.[1]);
    expect([count >= 1, count <= 20]).toEqual([true, true]); // one each 30 ms at most, not one each 5
    expect(isRunning(one.pid)).toBe(true);
  });

  it('knows only its own faults', async () => {
    await expect(beginProcessFault(fault('cut'), await victim(idle), undefined)).rejects.toThrow(/cut is no fault of a process/);
  });
});
