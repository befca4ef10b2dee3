/** The line that shows on a terminal how a campaign is getting on; nothing in a pipe. */
import type { Progress } from './campaign.js';
import type { Task } from './task.js';

export interface ProgressLine {
  update(task: Task, progress: Progress): void;
  clear(): void;
}

export function progressOn(stream: NodeJS.WriteStream, { json }: { readonly json: boolean }, taskCount: number): ProgressLine {
  if (!stream.isTTY || json) return { update: () => undefined, clear: () => undefined };
  const all = new Map<string, Progress>();
  const start = performance.now();
  let shownMillis = 0;
  return {
    update(task, progress) {
      all.set(task.seed, progress);
      const now = performance.now();
      if (now - shownMillis < 250) return;
      shownMillis = now;
      let [executions, corpus, finds] = [0, 0, 0];
      for (const one of all.values()) {
        executions += one.executions;
        corpus += one.corpus;
        finds += one.finds;
      }
      const seconds = (now - start) / 1000;
      stream.write(`\r\u001b[2K${seconds.toFixed(0)} s, ${all.size} of ${taskCount} tasks: ${executions} executions, ${Math.round(executions / seconds)}/s, corpus ${corpus}, finds ${finds} | ${task.target}: ${progress.coverage} blocks`);
    },
    clear() {
      stream.write('\r\u001b[2K');
    },
  };
}
