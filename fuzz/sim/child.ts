/** A process that runs schedules: `child.js SEED FIRST COUNT [CANARY]` tells each verdict as one line of JSON. The trace goes along where something is wrong. */
import { canaries } from './canaries.js';
import { install } from './globals.js';
import { escape, runSchedule } from './schedule.js';

install();
Error.stackTraceLimit = 5;
process.on('unhandledRejection', escape);
process.on('uncaughtException', escape);

const [seed = '1', first = '0', count = '1', canaryName = '', full = ''] = process.argv.slice(2);
const canary = canaries.find((one) => one.name === canaryName);
for (let i = Number(first); i < Number(first) + Number(count); i++) {
  const begun = process.hrtime.bigint();
  const verdict = await runSchedule(`${seed}/${i}`, canary);
  const millis = Number(process.hrtime.bigint() - begun) / 1e6;
  const { trace, ...rest } = verdict;
  process.stdout.write(`${JSON.stringify({ ...rest, millis, ...(verdict.violations.length > 0 || full !== '' ? { trace } : {}) })}\n`);
}
