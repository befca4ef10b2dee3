/** Starts Skylark as a user does: `skylark start` in a process of its own, on free ports and an empty data directory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from '../../conformance/process.js';
import type { Broker, Flush } from './broker.js';

const MAIN = fileURLToPath(new URL('../../src/server/launch.js', import.meta.url));
const START_TIMEOUT_MS = 30_000;

/** Serves gRPC always. Resolves when the process printed its `ready` line. Fails with its last words when it ends before. */
export async function startSkylark(flush: Flush, parent: string): Promise<Broker> {
  const data = mkdtempSync(join(parent, 'bench-skylark-'));
  const startedMs = performance.now();
  const child = new Child('skylark', process.execPath, [MAIN, 'start', '--port', '0', '--namesrv-port', '0', '--data', data, '--flush', flush]);
  const dispose = async (): Promise<void> => {
    await child.stop();
    rmSync(data, { recursive: true, force: true });
  };
  try {
    const ready = await child.line((line) => line.startsWith('ready '), START_TIMEOUT_MS);
    const startS = (performance.now() - startedMs) / 1000;
    const address = /\bbroker=(\S+)/.exec(ready)?.[1];
    const grpcAddress = /\bgrpc=(\S+)/.exec(ready)?.[1] ?? null;
    if (address === undefined) throw new Error(`no broker= in the line: ${ready}`);
    return { name: 'skylark', address, grpcAddress, pid: child.pid, namesrvPid: null, startS, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
