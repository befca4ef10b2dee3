/**
 * What goes wrong in a simulated cluster, and when: a pure function of the seed. Faults are swizzled: a schedule draws some kinds and leaves the others out
 * altogether, so that schedules differ in more than their times. Making a fault happen is here too; whether the cluster kept its promises is schedule.ts's.
 */
import type { Cluster } from './cluster.js';
import { clientHost } from './globals.js';
import type { Machine } from './machine.js';
import type { SimSocket, Weather } from './network.js';
import type { World } from './world.js';

/** Every kind by its permanent name. */
export const faultKinds = {
  'delay': 'the network delays what goes between two machines',
  'reorder': 'connections overtake one another by far',
  'cut': 'connections are reset, or end in order',
  'hold': 'nothing gets through for a while, and then all of it comes',
  'half-open': 'one end of a connection is gone and the other does not know',
  'refuse': 'connections are reset and new ones refused',
  'kill': 'the process ends without warning, between any two steps of its',
  'kill-at-write': 'the process ends in the middle of an operation of its disk',
  'power': 'the machine loses its power: what was not synced is lost or torn',
  'restart': 'the process is stopped in order and started again',
  'pause': 'the process stands still for a while',
  'slow-disk': 'the disk takes long',
  'full-disk': 'the disk is full for a while',
  'skew': 'the process ends and starts again with a clock that is wrong',
  'flip': 'the machine ends, and a bit of a derived file flips',
  'namesrv-kill': 'the name server ends without warning and starts again',
} as const;

export type FaultKind = keyof typeof faultKinds;

export interface Fault {
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly lastsMs: number;
}

/** Milliseconds a fault lasts, and how much oftener than others it is drawn. */
const shapes: Readonly<Record<FaultKind, readonly [min: number, max: number, weight: number]>> = {
  'delay': [200, 1500, 2], 'reorder': [200, 1500, 2], 'cut': [0, 0, 3], 'hold': [200, 2000, 2], 'half-open': [0, 0, 2], 'refuse': [100, 800, 1],
  'kill': [0, 300, 4], 'kill-at-write': [0, 300, 5], 'power': [0, 300, 5], 'restart': [0, 200, 2], 'pause': [100, 1500, 1], 'slow-disk': [200, 1500, 2],
  'full-disk': [200, 1000, 1], 'skew': [0, 100, 1], 'flip': [0, 200, 1], 'namesrv-kill': [0, 200, 1],
};

const kinds = Object.keys(faultKinds) as FaultKind[];

/** The faults of one schedule, in order of time. */
export function planFaults(world: World, durationMs: number, without: ReadonlySet<FaultKind> = new Set()): Fault[] {
  const { random } = world;
  const bag = kinds.filter((kind) => !without.has(kind)).flatMap((kind) => Array.from({ length: shapes[kind][2] }, () => kind));
  const drawn = new Set(Array.from({ length: 1 + random.below(4) }, () => random.pick(bag)));
  const chosen = [...drawn];
  const count = random.below(5);
  const faults = Array.from({ length: count }, (): Fault => {
    const kind = random.pick(chosen);
    const [min, max] = shapes[kind];
    return { kind, atMs: Math.round(world.between(20, durationMs)), lastsMs: Math.round(world.between(min, max)) };
  });
  return faults.sort((a, b) => a.atMs - b.atMs);
}

/** Has it happen; resolves when it is over and what it broke is mended. */
export async function happen(cluster: Cluster, fault: Fault): Promise<void> {
  const { world } = cluster;
  const broker = world.random.pick(cluster.brokers);
  world.tell('fault', `${fault.kind} of ${broker.name} for ${fault.lastsMs} ms`);
  cluster.happened.add(fault.kind);
  await makers[fault.kind](cluster, broker, fault.lastsMs);
}

type Maker = (cluster: Cluster, broker: Machine, lastsMs: number) => Promise<void>;

const makers: Readonly<Record<FaultKind, Maker>> = {
  'delay': weatherFor(() => ({ latencyMs: [30, 250] })),
  'reorder': weatherFor(() => ({ latencyMs: [0, 80] })),
  'hold': weatherFor(() => ({ held: true })),
  'refuse': async (cluster, broker, lastsMs) => {
    cluster.network.set(clientHost, broker.host, { refused: true });
    for (const socket of connectionsOf(cluster, broker)) socket.resetAndDestroy();
    await cluster.world.sleep(lastsMs);
    cluster.network.set(clientHost, broker.host, undefined);
  },
  'cut': (cluster, broker) => {
    for (const socket of connectionsOf(cluster, broker)) {
      if (cluster.world.random.once(3)) continue;
      if (cluster.world.random.once(2)) socket.resetAndDestroy();
      else socket.destroy();
    }
    return Promise.resolve();
  },
  'half-open': (cluster, broker) => {
    for (const socket of connectionsOf(cluster, broker)) {
      if (!cluster.world.random.once(2)) continue;
      // The client is gone without a word; its socket hears of it as a reset of its own machine.
      const { peer } = socket;
      if (peer !== undefined) peer.peer = undefined;
      socket.peer = undefined;
      socket.resetAndDestroy();
    }
    return Promise.resolve();
  },
  'kill': async (cluster, broker, lastsMs) => {
    await steps(cluster.world.random.below(40));
    await again(cluster, broker, lastsMs, () => { broker.kill('kill'); });
  },
  'kill-at-write': async (cluster, broker, lastsMs) => {
    const { starts, disk } = broker;
    disk.crashAtOp = disk.ops + 1 + cluster.world.random.below(12);
    for (let waited = 0; waited < 3000 && broker.up && broker.starts === starts; waited += 5) await cluster.world.sleep(5);
    disk.crashAtOp = 0;
    await again(cluster, broker, lastsMs, () => { if (broker.starts === starts) broker.kill('kill'); });
  },
  'power': async (cluster, broker, lastsMs) => {
    await again(cluster, broker, lastsMs, () => {
      // Another fault of the broker may have had to end first.
      cluster.powerLosses.push(cluster.world.nowMs());
      broker.kill('power');
    });
  },
  'restart': async (cluster, broker, lastsMs) => {
    await cluster.alone(broker, async () => {
      await broker.stop();
      await cluster.world.sleep(lastsMs);
      await cluster.revive(broker);
    });
  },
  'pause': async (cluster, broker, lastsMs) => {
    broker.pause();
    await cluster.world.sleep(lastsMs);
    broker.resume();
  },
  'slow-disk': async (cluster, broker, lastsMs) => {
    const { diskMs } = broker;
    broker.diskMs = [5, 120];
    await cluster.world.sleep(lastsMs);
    broker.diskMs = diskMs;
  },
  'full-disk': async (cluster, broker, lastsMs) => {
    broker.disk.spaceLeft = cluster.world.random.below(8) * 512;
    await cluster.world.sleep(lastsMs);
    broker.disk.spaceLeft = Number.MAX_SAFE_INTEGER;
  },
  'skew': async (cluster, broker, lastsMs) => {
    broker.skewMs = Math.round(cluster.world.between(-5000, 5000));
    await again(cluster, broker, lastsMs, () => { broker.kill('kill'); });
  },
  'flip': async (cluster, broker, lastsMs) => {
    await again(cluster, broker, lastsMs, () => {
      broker.kill('kill');
      const { disk } = broker;
      const files = disk.files().filter((file) => /\/(consumequeue|index|timerlog|timerwheel|checkpoint)/.test(file) && disk.content(file).length > 0);
      if (files.length === 0) return;
      const file = cluster.world.random.pick(files);
      disk.flip(file, cluster.world.random.below(disk.content(file).length), cluster.world.random.below(8));
      cluster.world.tell(broker.name, `a bit of ${file} flipped`);
    });
  },
  'namesrv-kill': async (cluster, _broker, lastsMs) => {
    await again(cluster, cluster.world.random.pick(cluster.namesrvs), lastsMs, (namesrv) => { namesrv.kill('kill'); });
  },
};

/** A fault of the network between a broker and its clients, or its name server. */
function weatherFor(change: (world: World) => Partial<Weather>): Maker {
  return async (cluster, broker, lastsMs) => {
    const other = cluster.world.random.once(4) ? cluster.world.random.pick(cluster.namesrvs).host : clientHost;
    cluster.network.set(other, broker.host, change(cluster.world));
    await cluster.world.sleep(lastsMs);
    cluster.network.set(other, broker.host, undefined);
  };
}

function connectionsOf(cluster: Cluster, broker: Machine): SimSocket[] {
  return cluster.network.between(clientHost, broker.host);
}

/** Ends a machine's process and starts it again after a while. */
async function again(cluster: Cluster, machine: Machine, lastsMs: number, end: (machine: Machine) => void): Promise<void> {
  await cluster.alone(machine, async () => {
    end(machine);
    await cluster.world.sleep(lastsMs);
    await cluster.revive(machine);
  });
}

/** So many promises settle one after another: the end comes between two steps of whatever is at work. */
async function steps(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}
