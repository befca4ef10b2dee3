/**
 * Crash points: the script is stopped at one operation of its disk after the other, by a kill and by a power loss; the broker starts again, and what it
 * promised must hold. The same script runs each time, so that a point is named by its number.
 */
import { EndpointError } from '../../conformance/kit/connection.js';
import type { Context } from '../../conformance/kit/context.js';
import { SetupError } from '../../conformance/kit/session.js';
import { SimulatedCrash, type CrashKind } from '../../src/store/simulated-disk.js';
import type { Canary } from '../sim/canaries.js';
import { contextFor, enter } from '../sim/globals.js';
import { Machine } from '../sim/machine.js';
import { Network } from '../sim/network.js';
import { World } from '../sim/world.js';
import { judge } from './promises.js';
import { Script } from './script.js';
import { recoveries } from './state.js';

export type Flush = 'ASYNC_FLUSH' | 'SYNC_FLUSH';

export interface Point {
  readonly seed: string;
  readonly flush: Flush;
  readonly kind: CrashKind;
  /** The operation of the disk that the machine does not survive, from 1; 0: none. */
  readonly op: number;
}

export interface PointVerdict extends Point {
  /** Operations of a run that nothing stops; only of point 0. */
  readonly ops: number;
  /** The run ended before that operation. */
  readonly beyond: boolean;
  readonly violations: readonly string[];
  readonly promised: number;
  readonly trace: readonly string[];
}

const limitMs = 600_000;
/** Files retention may take are so old at first. */
const oldMs = 2 * 3600_000;

export async function runPoint(point: Point, canary?: Canary, onWorld: (world: World | undefined) => void = () => undefined): Promise<PointVerdict> {
  const { seed, flush, kind, op } = point;
  const world = new World(`${seed}/${flush}`);
  onWorld(world);
  const network = new Network(world);
  const machine = new Machine(world, network, {
    name: 'broker', host: '10.0.1.1', role: 'broker', commitLogBytes: 12 * 1024, diskSeed: (op * 2 + (kind === 'kill' ? 0 : 1)) * 7919 + seed.length, wrapDisk: canary?.wrapDisk,
    settings: { flushDiskType: flush, fileReservedTime: '1', transactionTimeOut: '60000', flushConsumerOffsetInterval: '500', transactionOpBatchInterval: '200', mappedFileSizeConsumeQueue: '200', maxHashSlotNum: '16', maxIndexNum: '30' },
  });
  machine.diskAgeMs = oldMs;
  machine.disk.crashAtOp = op;
  let crashedAt: number | undefined;
  world.notice = () => {
    machine.tick();
    if (!machine.disk.isDown || !machine.up) return;
    crashedAt ??= world.now;
    machine.kill(kind);
  };
  enter({ world, network });
  const t: Context = contextFor(world, { host: machine.host, name: 'crash', brokerName: 'broker-a' });
  const script = new Script(t, world, machine);
  const violations: string[] = [];
  let ops = 0;
  try {
    await world.run((async () => {
      try {
        await machine.start();
        await script.run();
        ops = machine.disk.ops;
      } catch (error) {
        world.notice();
        if (crashedAt === undefined || !isEnd(error)) throw error;
      }
      if (op !== 0 && crashedAt === undefined) return;
      network.sweep();
      violations.push(...await recoveries(machine));
      machine.disk.crashAtOp = 0;
      await machine.start();
      violations.push(...await judge(script, t, world, { flush, kind, crashedAt: crashedAt ?? world.now, clean: crashedAt === undefined }));
      await machine.stop();
    })(), limitMs);
  } catch (error) {
    violations.push(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }
  violations.push(...world.escaped.map((error) => `escaped: ${error instanceof Error ? error.stack ?? error.message : String(error)}`));
  machine.kill('kill');
  enter(undefined);
  onWorld(undefined);
  return { ...point, ops, beyond: op !== 0 && crashedAt === undefined, violations: violations.slice(0, 10), promised: script.promised.length, trace: world.lines };
}

/** What clients and starts meet when the machine goes down. */
function isEnd(error: unknown): boolean {
  if (error instanceof EndpointError || error instanceof SetupError || error instanceof SimulatedCrash) return true;
  return error instanceof Error && error.message.includes(new SimulatedCrash().message);
}
