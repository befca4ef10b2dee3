/**
 * The kit's clients read time and open sockets as any program does. Here the runtime's own timers, clock and sockets give way to those of the world at hand,
 * so that the clients run unchanged. Only for a process of its own: never within a test.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { createContext, type Context } from '../../conformance/kit/context.js';
import type { Endpoint } from '../../conformance/kit/endpoint.js';
import { featureNames } from '../../conformance/kit/features.js';
import type { Network } from './network.js';
import type { World } from './world.js';

export interface Scene {
  readonly world: World;
  readonly network: Network;
}

/** Where clients are. */
export const clientHost = '10.0.0.9';

let scene: Scene | undefined;

function at(): Scene {
  if (scene === undefined) throw new Error('no simulation runs');
  return scene;
}

/** The world that timers and sockets belong to from here on; undefined: none, and whoever asks for one is wrong. */
export function enter(next: Scene | undefined): void {
  scene = next;
}

/** What a simulated timer is to those who clear it. */
interface Timer {
  readonly cancel: () => void;
}

type Callback = (...args: unknown[]) => void;

let installed = false;

/** Once for a process. */
export function install(): void {
  if (installed) return;
  installed = true;
  const require = createRequire(import.meta.url);
  const start = (callback: Callback, ms = 0, ...args: unknown[]): Timer => ({ cancel: at().world.after(ms, '', () => { callback(...args); }) });
  const every = (callback: Callback, ms = 0, ...args: unknown[]): Timer => {
    let cancel = (): void => undefined;
    const { world } = at();
    const plan = (): void => {
      cancel = world.after(Math.max(1, ms), '', () => {
        plan();
        callback(...args);
      });
    };
    plan();
    return { cancel: () => { cancel(); } };
  };
  const clear = (timer: Timer | undefined): void => timer?.cancel();
  const now = (): number => (scene === undefined ? 0 : scene.world.startMs + scene.world.now);
  Object.assign(globalThis, {
    setTimeout: start, setInterval: every, clearTimeout: clear, clearInterval: clear,
    setImmediate: (callback: Callback, ...args: unknown[]) => start(callback, 0, ...args), clearImmediate: clear,
  });
  Object.assign(Date, { now: () => Math.floor(now()) });
  Object.assign(Math, { random: () => at().world.chance() });
  const timers = require('node:timers/promises') as Record<string, unknown>;
  timers['setTimeout'] = sleep;
  const net = require('node:net') as Record<string, unknown>;
  net['connect'] = ({ host, port, allowHalfOpen }: { readonly host: string; readonly port: number; readonly allowHalfOpen?: boolean }) =>
    at().network.connect(undefined, clientHost, host, port, allowHalfOpen === true);
  const hooks = require('node:perf_hooks') as Record<string, unknown>;
  hooks['performance'] = { timeOrigin: 0, now };
  syncBuiltinESMExports();
}

function sleep<T>(ms: number, value?: T, options: { readonly signal?: AbortSignal } = {}): Promise<T | undefined> {
  const { world } = at();
  return new Promise((resolve, reject) => {
    const { signal } = options;
    const stop = (): void => {
      cancel();
      reject(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    const cancel = world.after(ms, '', () => {
      signal?.removeEventListener('abort', stop);
      resolve(value);
    });
    if (signal?.aborted === true) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}

export interface Target {
  readonly host: string;
  readonly brokerName: string;
  /** Begins the names of topics. */
  readonly name: string;
  readonly namesrv?: string;
}

/** What the kit's clients need to know of a simulated broker. */
export function contextFor(world: World, { host, brokerName, name, namesrv = '10.0.0.1:9876' }: Target): Context {
  const endpoint: Endpoint = {
    name: 'simulated', kind: 'skylark', version: '5.5.0', namesrv, broker: `${host}:10911`, brokerName, cluster: 'DefaultCluster', grpc: undefined, storeDir: undefined,
    features: new Set(featureNames.filter((one) => one !== 'namesrv-admin')), profile: 'full', keepsTopics: true, signer: undefined,
  };
  return createContext({ endpoint, caseName: name, seed: world.random.word(), prefix: 's_', runId: 'r', wireLog: false });
}
