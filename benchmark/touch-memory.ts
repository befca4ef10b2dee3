/**
 * Touches memory and gives it back. A virtual machine pays its host several microseconds for the first use of each page, and brokers write some hundred
 * megabytes a second into fresh pages of the file cache: whoever comes first would pay for all. Run as a process of its own: `touch-memory.js BYTES`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { freemem } from 'node:os';
import { fileURLToPath } from 'node:url';

const pieceBytes = 64 * 2 ** 20;
const pageBytes = 4096;

function touch(bytes: number): void {
  const pieces: Buffer[] = [];
  for (let left = bytes; left > 0; left -= pieceBytes) {
    const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, left));
    for (let at = 0; at < piece.length; at += pageBytes) piece[at] = 1;
    pieces.push(piece);
  }
}

/** Touches up to `bytes`, at most a third of what is free, and waits until they are free again. */
export async function touchMemory(bytes: number): Promise<void> {
  const most = Math.floor(Math.min(bytes, freemem() / 3));
  if (most < pieceBytes) return;
  const child = fork(fileURLToPath(import.meta.url), [String(most)], { stdio: 'ignore' });
  const killer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  await once(child, 'exit');
  clearTimeout(killer);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) touch(Number(process.argv[2]));
