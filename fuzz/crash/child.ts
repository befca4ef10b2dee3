/** A process that visits crash points: `child.js SEED FLUSH KIND FIRST STRIDE COUNT [CANARY]` tells each verdict as a line of JSON; point 0 is the run that nothing stops. */
import type { CrashKind } from '../../src/store/simulated-disk.js';
import { canaries } from '../sim/canaries.js';
import { install } from '../sim/globals.js';
import type { World } from '../sim/world.js';
import { ignorable } from '../sim/schedule.js';
import { runPoint, type Flush } from './points.js';

install();
Error.stackTraceLimit = 5;
let world: World | undefined;
const escape = (error: unknown): void => { if (!ignorable(error)) world?.escaped.push(error); };
process.on('unhandledRejection', escape);
process.on('uncaughtException', escape);

const [seed = '1', flush = 'SYNC_FLUSH', kind = 'power', first = '0', stride = '1', count = '1', canaryName = ''] = process.argv.slice(2);
const canary = canaries.find((one) => one.name === canaryName);
for (let i = 0, op = Number(first); i < Number(count); i++, op += Number(stride)) {
  const { trace, ...verdict } = await runPoint({ seed, flush: flush as Flush, kind: kind as CrashKind, op }, canary, (at) => { world = at; });
  process.stdout.write(`${JSON.stringify({ ...verdict, ...(verdict.violations.length > 0 ? { trace } : {}) })}\n`);
  if (verdict.beyond) break;
}
