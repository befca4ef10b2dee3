/** The thread in a worker process that runs a task. What it is about to run stands in memory it shares with the process's main thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { campaign } from './campaign.js';
import type { Progress } from './campaign.js';
import { inputsOf } from './corpus.js';
import { Judge } from './judge.js';
import type { Said, Task } from './task.js';
import { wrapped } from '../canaries/table.js';
import { targetNamed } from '../targets/table.js';

const { task, shared } = workerData as { readonly task: Task; readonly shared: SharedArrayBuffer };
const head = new Int32Array(shared, 0, 2);
const room = new Uint8Array(shared, 8);

function say(what: Said): void {
  parentPort?.postMessage(what);
}

/** Notes an input for the watchman: how many so far, and its bytes. */
function watch(input: Buffer): void {
  const kept = input.subarray(0, room.length);
  room.set(kept);
  head[1] = kept.length;
  Atomics.add(head, 0, 1);
}

async function replay(inputs: readonly string[], judge: Judge): Promise<Progress> {
  const buffers = inputs.map((one) => Buffer.from(one, 'base64'));
  watch(buffers[buffers.length - 1] ?? Buffer.alloc(0));
  const objection = await judge.replay(buffers);
  if (objection !== undefined) {
    say({ say: 'find', find: { ...objection, target: task.target, canary: task.canary, seed: task.seed, execution: 0, inputs, repeatable: true } });
  }
  await judge.close();
  return { executions: buffers.length, refused: 0, coverage: 0, corpus: 0, finds: objection === undefined ? 0 : 1 };
}

const target = task.canary === undefined ? targetNamed(task.target) : wrapped(task.canary);
const progress = task.replay !== undefined ? await replay(task.replay, new Judge(target)) : await campaign({
  target,
  seed: task.seed,
  millis: task.millis,
  executions: task.executions,
  untilFind: task.untilFind,
  corpus: task.corpora.flatMap((directory) => inputsOf(directory, target.name)),
  watch,
  onNews: (input) => { say({ say: 'news', input: input.toString('base64') }); },
  onProgress: (now) => { say({ say: 'progress', progress: now }); },
  onFind: (find) => { say({ say: 'find', find: { ...find, canary: task.canary, inputs: find.inputs.map((one) => one.toString('base64')) } }); },
});
say({ say: 'done', progress });
