/**
 * A process that runs schedules: `child.js SEED FIRST STRIDE COUNT [CANARY] [all]` tells each verdict as one line of JSON, with the trace where something is
 * wrong, or always. Schedule `i` has the seed `SEED/i`. `child.js SEED/N,SEED/N,...` runs these.
 */
import { canaries } from './canaries.js';
import { install } from './globals.js';
import { escape, runSchedule } from './schedule.js';

install();
Error.stackTraceLimit = 5;
process.on('unhandledRejection', escape);
process.on('uncaughtException', escape);

const [seed = '1', first = '0', stride = '1', count = '1', canaryName = '', traces = ''] = process.argv.slice(2);
const canary = canaries.find((one) => one.name === canaryName);

/** A count of a campaign has no end that matters: one after another. */
function* seeds(): Generator<string> {
  if (seed.includes('/') && seed.includes(',')) yield* seed.split(',');
  else for (let i = 0; i < Number(count); i++) yield `${seed}/${Number(first) + i * Number(stride)}`;
}

for (const one of seeds()) {
  const { trace, ...verdict } = await runSchedule(one, canary);
  process.stdout.write(`${JSON.stringify({ ...verdict, ...(verdict.violations.length > 0 || traces === 'all' ? { trace } : {}) })}\n`);
}
