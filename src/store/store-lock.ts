/**
 * One process per data directory. Node has no file locks, so three things stand together: on Linux a socket in the abstract name space,
 * which the kernel gives to one process and takes back when it dies; a `lock` file that names the holder (Apache's name for it, `DefaultMessageStore`),
 * checked against the live processes; and the kernel's lock table, where an Apache broker on the same directory shows.
 */
import * as net from 'node:net';
import * as path from 'node:path';
import { Fault } from '../codec/errors.js';
import type { FileSystem } from './disk.js';

const heldHere = new Set<string>();

/** When a process started, in clock ticks since boot (field 22 of /proc/PID/stat); undefined when there is no such process or no /proc. */
function startOf(system: FileSystem, pid: number): string | undefined {
  try {
    const text = system.readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The live process that the lock file names, undefined when it is gone, is this one or cannot be read. */
function liveHolder(system: FileSystem, lockFile: string): number | undefined {
  let text: string;
  try {
    text = system.readFileSync(lockFile, 'latin1').slice(0, 200);
  } catch {
    return undefined;
  }
  const match = /^skylark (\d{1,9}) (\d{1,20}|-)\n/.exec(text);
  if (match === null) return undefined;
  const pid = Number(match[1]);
  if (pid === process.pid || !isAlive(pid)) return undefined;
  const started = startOf(system, pid);
  return started === undefined || match[2] === '-' || started === match[2] ? pid : undefined;
}

/** A process that holds a POSIX lock on the file, as Java's FileChannel takes it. */
function kernelLockHolder(system: FileSystem, lockFile: string): number | undefined {
  try {
    const entry = system.statSync(lockFile);
    for (const line of system.readFileSync('/proc/locks', 'latin1').split('\n')) {
      const fields = line.trim().split(/\s+/);
      const at = fields[1] === '->' ? 2 : 1;
      if (fields[at + 4]?.split(':')[2] === String(entry.ino) && fields[at] === 'POSIX') return Number(fields[at + 3]);
    }
  } catch {
    // No such table on this system, or no lock file yet.
  }
  return undefined;
}

function holdSocket(name: string): Promise<net.Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = net.createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') reject(error);
      else resolve(undefined);
    });
    server.listen({ path: name, exclusive: true }, () => resolve(server.unref()));
  });
}

/** Takes the directory for this process or throws a Fault that names who has it. Returns the release. */
export async function lockDirectory(dir: string, system: FileSystem): Promise<() => void> {
  const real = system.realpathSync(dir);
  const lockFile = path.join(real, 'lock');
  const taken = (holder: string): Fault => new Fault(`data directory ${dir} is in use by ${holder}`);
  if (heldHere.has(real)) throw taken('this process');
  const other = liveHolder(system, lockFile) ?? kernelLockHolder(system, lockFile);
  if (other !== undefined) throw taken(`process ${other}`);
  heldHere.add(real);
  let socket: net.Server | undefined;
  try {
    if (process.platform === 'linux') {
      const entry = system.statSync(real, { bigint: true });
      socket = await holdSocket(`\0skylark-store-${entry.dev}-${entry.ino}`).catch(() => {
        throw taken('another process');
      });
    }
    system.writeFileSync(lockFile, `skylark ${process.pid} ${startOf(system, process.pid) ?? '-'}\n`);
  } catch (error) {
    heldHere.delete(real);
    socket?.close();
    throw error;
  }
  return () => {
    heldHere.delete(real);
    socket?.close();
    try {
      // The file stays, as Apache's does; without a live holder it blocks nobody.
      system.writeFileSync(lockFile, 'lock');
    } catch {
      // The directory may be gone.
    }
  };
}
