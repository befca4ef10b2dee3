/** Machines and the network between them, as one schedule has them. */
import type { FaultKind } from './faults.js';
import { Machine, type MachineOptions } from './machine.js';
import { Network } from './network.js';
import type { World } from './world.js';

export interface ClusterOptions {
  readonly brokers: number;
  readonly namesrvs: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly wrapDisk?: MachineOptions['wrapDisk'];
}

export class Cluster {
  readonly world: World;
  readonly network: Network;
  readonly brokers: readonly Machine[];
  readonly namesrvs: readonly Machine[];
  /** Kinds of faults that came to pass. */
  readonly happened = new Set<FaultKind>();
  /** When machines lost their power, milliseconds since 1970. */
  readonly powerLosses: number[] = [];
  /** Why a machine did not come up again: a defect. */
  readonly failedStarts: string[] = [];
  private readonly busy = new Map<Machine, Promise<void>>();

  constructor(world: World, { brokers, namesrvs, settings, wrapDisk }: ClusterOptions) {
    this.world = world;
    this.network = new Network(world);
    this.namesrvs = Array.from({ length: namesrvs }, (_, i) => new Machine(world, this.network, { name: `namesrv-${i}`, host: `10.0.0.${i + 1}`, role: 'namesrv', settings: {} }));
    this.brokers = Array.from({ length: brokers }, (_, i) => new Machine(world, this.network, {
      name: `broker-${i}`, host: `10.0.1.${i + 1}`, role: 'broker', wrapDisk,
      settings: { brokerName: `broker-${i}`, namesrvAddr: this.namesrvs.map((one) => `${one.host}:9876`).join(';'), registerNameServerPeriod: '10000', ...settings },
    }));
  }

  /** Everything serves. */
  async start(): Promise<void> {
    for (const machine of [...this.namesrvs, ...this.brokers]) await machine.start();
  }

  /** One after another for each machine: two faults do not stop and start it at once. */
  alone(machine: Machine, work: () => Promise<void>): Promise<void> {
    const before = this.busy.get(machine) ?? Promise.resolve();
    const done = before.then(work);
    this.busy.set(machine, done.catch(() => undefined));
    return done;
  }

  /** Starts it until it serves; a crash on the way is followed by another attempt. */
  async revive(machine: Machine): Promise<void> {
    for (let attempt = 1; !machine.up; attempt++) {
      try {
        await machine.start();
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        this.world.tell(machine.name, `did not start: ${text}`);
        machine.kill('kill');
        // A full disk is said, and left by itself; a crash on the way is one more crash.
        if (attempt > 60 || !(text.includes('ENOSPC') || text.includes('the simulated machine is down'))) {
          this.failedStarts.push(`${machine.name} does not start: ${text}`);
          return;
        }
        await this.world.sleep(50);
      }
    }
  }

  /** After each event: a machine whose disk went down in the middle of an operation is down. */
  notice(): void {
    for (const machine of this.brokers) {
      machine.tick();
      if (machine.up && machine.disk.isDown) machine.kill('kill');
    }
  }
}
