/**
 * Where sabotages are judged. Each world has an endpoint of its own kind, the cases that may speak there, and a way to stand a saboteur in front of it:
 * a TCP proxy (`wire`, and `acl` on an endpoint that asks for signatures), a gRPC proxy, or a copy of the files that the endpoint wrote.
 */
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import type { RegisteredCase } from '../case.js';
import { filesOnly, type Endpoint } from '../endpoint.js';
import type { Feature } from '../features.js';
import type { Setup } from '../setups.js';
import type { StageEndpoint } from '../stages.js';
import { GrpcProxy } from './grpc-proxy.js';
import { SaboteurProxy } from './proxy.js';
import type { RegisteredSabotage } from './sabotage.js';

export type WorldName = 'wire' | 'grpc' | 'acl' | 'store';

/** One saboteur at work. */
export interface Stand {
  /** What cases talk to. */
  readonly behind: Endpoint;
  /** Errors the sabotage threw. */
  readonly faults: readonly unknown[];
  stop(): Promise<void>;
}

export interface World {
  /** The endpoint itself. */
  readonly direct: Endpoint;
  /** With no sabotage: an honest saboteur. */
  start(one?: RegisteredSabotage): Promise<Stand>;
  dispose(): Promise<void>;
}

/** What a proxy on this machine cannot stand in for. */
const unproxied: readonly Feature[] = ['grpc', 'store-dir', 'local'];

/** Where a sabotage is judged. */
export function worldOfSabotage(one: Pick<RegisteredSabotage, 'area' | 'grpc' | 'files'>): WorldName {
  return one.grpc !== undefined ? 'grpc' : one.files !== undefined ? 'store' : one.area === 'acl' ? 'acl' : 'wire';
}

/** Where a case may speak; undefined: nowhere, for it looks at HTTP/2 itself, which ends at the proxy. */
export function worldOfCase(one: Pick<RegisteredCase, 'name' | 'area' | 'setup'>): WorldName | undefined {
  if (one.area === 'grpc') return one.name.startsWith('grpc.transport.') ? undefined : 'grpc';
  return one.setup === 'acl' ? 'acl' : one.area === 'store' ? 'store' : 'wire';
}

export interface WorldOptions {
  readonly endpoint: Endpoint;
  /** Starts an endpoint with the configuration of a setup; only where the kit may start some. */
  readonly open?: ((setup: Setup) => Promise<StageEndpoint>) | undefined;
  /** Has the endpoint write the files that are judged. */
  readonly fill: (endpoint: Endpoint) => Promise<void>;
}

/** The world, or why there is none. */
export async function openWorld(name: WorldName, { endpoint, open, fill }: WorldOptions): Promise<World | string> {
  if (name === 'wire') return wire(endpoint, () => Promise.resolve());
  if (name === 'grpc') return endpoint.grpc === undefined || !endpoint.features.has('grpc') ? 'needs grpc, which the endpoint does not offer' : grpc(endpoint, endpoint.grpc);
  if (name === 'acl' && endpoint.features.has('acl') && endpoint.signer !== undefined) return wire(endpoint, () => Promise.resolve());
  if (open === undefined) return `needs an endpoint of its own (setup ${name}): --start`;
  const stage = await open(name);
  if (name === 'acl') {
    if (stage.endpoint.features.has('acl')) return wire(stage.endpoint, stage.dispose);
    await stage.dispose();
    return 'needs acl, which the endpoint does not offer';
  }
  try {
    await fill(stage.endpoint);
    return files(stage);
  } catch (error) {
    await stage.dispose();
    throw error;
  }
}

function wire(direct: Endpoint, dispose: () => Promise<void>): World {
  return {
    direct, dispose,
    async start(one) {
      const proxy = await SaboteurProxy.start({ namesrv: direct.namesrv, broker: direct.broker, fastPort: direct.features.has('fast-port'), hooks: one?.hooks?.() ?? {} });
      return {
        behind: { ...direct, namesrv: proxy.namesrv, broker: proxy.broker, grpc: undefined, storeDir: undefined, features: new Set([...direct.features].filter((feature) => !unproxied.includes(feature))) },
        faults: proxy.faults, stop: () => proxy.stop(),
      };
    },
  };
}

/** Topics and groups are made at the endpoint itself: only gRPC is sabotaged. */
function grpc(direct: Endpoint, address: string): World {
  return {
    direct, dispose: () => Promise.resolve(),
    async start(one) {
      const proxy = await GrpcProxy.start({ grpc: address, ...(one?.grpc === undefined ? {} : { hooks: one.grpc() }) });
      return { behind: { ...direct, grpc: proxy.grpc }, faults: proxy.faults, stop: () => proxy.stop() };
    },
  };
}

/** Files that no case looks at, and large ones. */
const unjudged = /\/timer(?:wheel|log)/;

const checkpointPatienceMs = 30_000;

/** A broker that runs replaces files of its configuration: one may be gone while the copy is made. */
const copyAttempts = 20;

async function copied(from: string, to: string, filter: (path: string) => boolean): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await cp(from, to, { recursive: true, filter });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt >= copyAttempts) throw error;
      await sleep(50);
    }
  }
}

/** Each sabotage has a copy of the files to itself. */
function files({ endpoint, dispose }: StageEndpoint): World {
  return {
    direct: endpoint, dispose,
    async start(one) {
      const dir = await mkdtemp(join(tmpdir(), 'kit-sabotage-'));
      const from = endpoint.storeDir ?? '';
      const checkpoint = join(from, 'checkpoint');
      // A broker writes it some seconds after its first messages.
      for (let waited = 0; waited < checkpointPatienceMs && !existsSync(checkpoint); waited += 100) await sleep(100);
      // First: written on meanwhile, it would say more than the copied log has.
      await cp(checkpoint, join(dir, 'checkpoint'));
      await copied(from, dir, (path) => path !== checkpoint && !unjudged.test(path));
      const faults: unknown[] = [];
      try {
        one?.files?.(dir);
      } catch (error) {
        faults.push(error);
      }
      return { behind: filesOnly(dir, { kind: endpoint.kind }), faults, stop: () => rm(dir, { recursive: true, force: true }) };
    },
  };
}
