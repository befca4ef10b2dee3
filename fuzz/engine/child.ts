/**
 * A worker process: one thread runs the task, this one watches it. An input over the time, or one that ends the thread, is told as a find: the bytes
 * stand in shared memory, so they are known whatever became of the thread.
 */
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Said, Task, TaskFind } from './task.js';

const inputRoom = 4 * 1024 * 1024;
const shared = new SharedArrayBuffer(8 + inputRoom);
const head = new Int32Array(shared, 0, 2);

process.once('message', (task: Task) => { start(task); });
// Without its parent nobody hears what is found.
process.once('disconnect', () => { process.exit(0); });

/** A busy machine makes everything take long: the time of the processor decides, unless nothing happens at all. */
function hangs(millis: number, { user, system }: NodeJS.CpuUsage, hangMillis: number): boolean {
  return millis > 6 * hangMillis || (millis > hangMillis && (user + system) / 1000 > hangMillis / 2);
}

function start(task: Task): void {
  const thread = new Worker(fileURLToPath(new URL('./thread.js', import.meta.url)), { workerData: { task, shared }, resourceLimits: { maxOldGenerationSizeMb: 1024 } });
  let last = -1;
  let lastMillis = performance.now();
  let lastCpu = process.cpuUsage();
  let over = false;

  const end = (said?: Said): void => {
    if (over) return;
    over = true;
    clearInterval(watchman);
    const exit = (): void => { process.exit(0); };
    if (said === undefined) exit();
    else process.send?.(said, exit);
  };
  const objectTo = (kind: 'hang' | 'crash', message: string, stack: string): void => {
    const input = Buffer.from(new Uint8Array(shared, 8, head[1])).toString('base64');
    const find: TaskFind = { target: task.target, canary: task.canary, kind, key: `${kind} ${task.target}`, message, stack, seed: task.seed, execution: Atomics.load(head, 0), inputs: [input], repeatable: false };
    end({ say: 'find', find });
  };
  const watchman = setInterval(() => {
    const now = Atomics.load(head, 0);
    if (now !== last) {
      last = now;
      lastMillis = performance.now();
      lastCpu = process.cpuUsage();
    } else if (now > 0 && hangs(performance.now() - lastMillis, process.cpuUsage(lastCpu), task.hangMillis)) objectTo('hang', `an input takes more than ${task.hangMillis} ms`, '');
  }, 100);

  thread.on('message', (said: Said) => {
    if (said.say === 'done') end(said);
    else process.send?.(said);
  });
  thread.on('error', (error: Error) => { objectTo('crash', `the worker ended: ${error.message}`, error.stack ?? ''); });
  thread.on('exit', (code) => { if (code !== 0) objectTo('crash', `the worker ended with exit code ${code}`, ''); });
}
