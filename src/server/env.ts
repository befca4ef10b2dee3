/**
 * What a process reads of the world: time, disk, network, chance. The real one is here; a simulated one runs whole clusters in one process from one seed.
 * Nothing of the name server, the broker and the store reads any of it otherwise.
 */
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import { systemClock, systemNet, type Net } from '../remoting/index.js';
import type { Clock } from '../remoting/types.js';
import { collectGarbage } from '../store/collect.js';
import { realDisk, type Disk } from '../store/disk.js';
import type { BrokerLimits } from './broker/limits.js';

export interface Env {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly net: Net;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Runs its argument when the sockets at hand were read (`EventTurn`). */
  readonly defer: (run: () => void) => void;
  /** Makes a data directory; throws when it cannot be written. */
  readonly makeWritable: (dir: string) => void;
  /** The first address of this machine that others can reach (`RemotingUtil#getLocalAddress`), or loopback. */
  readonly machineHost: () => string;
  /** Gives memory back after a busy time. */
  readonly collect: (() => void) | undefined;
  /** Bounds other than `brokerLimits`. */
  readonly limits?: Partial<BrokerLimits> | undefined;
}

export function realEnv(): Env {
  return {
    clock: systemClock(true), disk: realDisk(), net: systemNet, random: Math.random, defer: setImmediate, collect: collectGarbage, makeWritable, machineHost,
  };
}

function makeWritable(dir: string): void {
  makeDirectory(dir);
  accessSync(dir, constants.W_OK | constants.R_OK | constants.X_OK);
}

/** One level at a time: Node's recursive form never returns where the kernel refuses new directories (below /proc). */
function makeDirectory(dir: string): void {
  if (existsSync(dir)) return;
  const parent = dirname(dir);
  if (parent !== dir) makeDirectory(parent);
  mkdirSync(dir);
}

/** The first address of this machine that others can reach (`RemotingUtil#getLocalAddress`), or loopback. */
export function machineHost(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const address of addresses ?? []) if (!address.internal && address.family === 'IPv4') return address.address;
  }
  return '127.0.0.1';
}
