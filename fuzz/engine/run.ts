/** Runs tasks in worker processes, some at a time, and gathers what they say. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Progress } from './campaign.js';
import type { Said, Task, TaskFind } from './task.js';

export interface Result {
  readonly task: Task;
  readonly progress: Progress;
  readonly finds: readonly TaskFind[];
  /** From the worker's start to its end. */
  readonly millis: number;
}

export interface Listener {
  onProgress?(task: Task, progress: Progress): void;
  onFind?(find: TaskFind): void;
  onNews?(task: Task, input: Buffer): void;
}

const childFile = fileURLToPath(new URL('./child.js', import.meta.url));
const nothing: Progress = { executions: 0, refused: 0, coverage: 0, corpus: 0, finds: 0 };
/** A worker that neither ends nor is ended by its watchman has this long beyond its time; on a busy machine the last batch takes long. */
const graceMillis = 120_000;

/** Results in the order of the tasks. */
export async function runTasks(tasks: readonly Task[], workers: number, listener: Listener): Promise<readonly Result[]> {
  const results = new Array<Result>(tasks.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < tasks.length; i = next++) results[i] = await runTask(tasks[i] as Task, listener);
  };
  await Promise.all(Array.from({ length: Math.min(workers, tasks.length) }, worker));
  return results;
}

/** A task to its end. After a hang or a crash another worker goes on with the time left and a seed of its own. */
async function runTask(task: Task, listener: Listener): Promise<Result> {
  const start = performance.now();
  const finds: TaskFind[] = [];
  let progress = nothing;
  for (let round = 0; ; round++) {
    const millis = task.millis - (performance.now() - start);
    const before = progress;
    const ended = await runChild({ ...task, millis, seed: round === 0 ? task.seed : `${task.seed}+${round}` }, listener, (find) => {
      if (!finds.some((one) => one.key === find.key)) finds.push(find);
    }, (now) => {
      progress = { executions: before.executions + now.executions, refused: before.refused + now.refused, coverage: Math.max(before.coverage, now.coverage), corpus: Math.max(before.corpus, now.corpus), finds: finds.length };
      listener.onProgress?.(task, progress);
    });
    const left = task.millis - (performance.now() - start);
    if (ended || task.untilFind || task.replay !== undefined || left < 1000 || finds.length >= 20) break;
  }
  return { task, progress: { ...progress, finds: finds.length }, finds, millis: performance.now() - start };
}

/** True when the child said that it was done. */
function runChild(task: Task, listener: Listener, onFind: (find: TaskFind) => void, onProgress: (progress: Progress) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const child = fork(childFile, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    let stderr = '';
    let done = false;
    let told = false;
    child.stderr?.on('data', (chunk: Buffer) => { stderr = (stderr + chunk.toString()).slice(-4000); });
    const late = setTimeout(() => child.kill('SIGKILL'), Math.max(0, task.millis) + task.hangMillis + graceMillis);
    child.on('message', (said: Said) => {
      if (said.say === 'news') listener.onNews?.(task, Buffer.from(said.input, 'base64'));
      else if (said.say === 'find') {
        told ||= said.find.kind === 'hang' || said.find.kind === 'crash';
        onFind(said.find);
        listener.onFind?.(said.find);
      } else {
        done ||= said.say === 'done';
        onProgress(said.progress);
      }
    });
    child.on('exit', (code, signal) => {
      clearTimeout(late);
      if (!done && !told) {
        const find: TaskFind = { target: task.target, canary: task.canary, kind: 'crash', key: `crash ${task.target}`, message: `the worker ended with ${signal ?? `exit code ${code ?? 0}`}`, stack: stderr, seed: task.seed, execution: 0, inputs: [], repeatable: false };
        onFind(find);
        listener.onFind?.(find);
      }
      resolve(done);
    });
    child.send(task);
  });
}
