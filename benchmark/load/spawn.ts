/** Runs a load in a process of its own, so that its work and its garbage are not the broker's or the report's. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LoadOutcome, LoadReport, LoadSpec } from './spec.js';

const CHILD = fileURLToPath(new URL('./child.js', import.meta.url));

/** Resolves with the outcome; fails with the child's reason, or when it ends without one. */
export function spawnLoad(spec: LoadSpec): Promise<LoadOutcome> {
  return new Promise((resolve, reject) => {
    const child = fork(CHILD, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: ['--max-semi-space-size=64'] });
    let report: LoadReport | null = null;
    child.once('message', (message) => {
      report = message as LoadReport;
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (report?.kind === 'done') resolve(report.outcome);
      else reject(new Error(report === null ? `the load process ended with ${signal ?? code} and no report` : report.why));
    });
    child.send(spec);
  });
}
