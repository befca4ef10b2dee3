/** Entry of the load process: takes one LoadSpec over IPC, runs it, answers with a LoadReport and ends. */
import { runLoad } from './load.js';
import type { LoadReport, LoadSpec } from './spec.js';

process.once('message', (spec: LoadSpec) => {
  runLoad(spec)
    .then((outcome): LoadReport => ({ kind: 'done', outcome }))
    .catch((error: unknown): LoadReport => ({ kind: 'failed', why: error instanceof Error ? error.message : String(error) }))
    .then((report) => {
      process.send?.(report, () => {
        process.exit(0);
      });
    })
    .catch(() => {
      process.exit(1);
    });
});
process.once('disconnect', () => {
  process.exit(1);
});
