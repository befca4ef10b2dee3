/**
 * One simulated machine: a disk that outlives its process, an address, and the process that runs there: a whole name server or broker, as the command
 * line starts it. It can be stopped in order, killed at any moment, stand still, and lose its power.
 */
import type { Log } from '../../src/remoting/types.js';
import { resolveConfig, type Resolved } from '../../src/server/config.js';
import type { Env } from '../../src/server/env.js';
import { startNode, type RunningNode } from '../../src/server/node.js';
import type { Disk } from '../../src/store/disk.js';
import { SimulatedCrash, simulatedDisk, type CrashKind, type SimulatedDisk } from '../../src/store/simulated-disk.js';
import type { Life, Network } from './network.js';
import { SimClock, type World } from './world.js';

export interface MachineOptions {
  readonly name: string;
  /** An IPv4 address. */
  readonly host: string;
  readonly role: 'namesrv' | 'broker';
  readonly settings: Readonly<Record<string, string>>;
  /** Bytes of a CommitLog file, smaller than a configuration may say. */
  readonly commitLogBytes?: number | undefined;
  /** Of the disk's choices; the world's otherwise. */
  readonly diskSeed?: number | undefined;
  /** A disk with a bug, for canaries. */
  readonly wrapDisk?: ((disk: Disk) => Disk) | undefined;
}

/** Small files, so that all of them roll. */
const smallSettings: Readonly<Record<string, string>> = {
  mappedFileSizeCommitLog: String(64 * 1024), mappedFileSizeConsumeQueue: String(20 * 64), maxHashSlotNum: '61', maxIndexNum: '400', maxMessageSize: '16384',
  mappedFileSizeTimerLog: String(52 * 64), tailCacheBytesMax: String(1 << 20), readCacheBytesMax: String(1 << 20), 'tls.server.mode': 'disabled',
};

export const dataDir = '/data';

interface Running extends Life {
  readonly clock: SimClock;
  readonly node: Promise<RunningNode>;
  /** Rejects when the process is killed. */
  readonly death: Promise<never>;
}

export class Machine {
  readonly name: string;
  readonly host: string;
  readonly disk: SimulatedDisk;
  readonly options: MachineOptions;
  /** Its clock is ahead by so much from the next start on. */
  skewMs = 0;
  /** Milliseconds of an operation of the disk off the thread. */
  diskMs: readonly [number, number] = [0.02, 0.4];
  /** Its files are older by so much than the world's time says. */
  diskAgeMs = 0;
  starts = 0;
  private readonly world: World;
  private readonly network: Network;
  private running: Running | undefined;

  constructor(world: World, network: Network, options: MachineOptions) {
    this.world = world;
    this.network = network;
    this.options = options;
    this.name = options.name;
    this.host = options.host;
    this.disk = simulatedDisk(options.diskSeed ?? world.random.word());
    this.disk.wait = () => world.sleep(world.between(...this.diskMs));
    this.disk.spaces.set(dataDir, { totalBytes: 200 * 1024 ** 3, freeBytes: 150 * 1024 ** 3, availableBytes: 140 * 1024 ** 3 });
  }

  nowMs(): number {
    return this.world.nowMs();
  }

  /** After each event: files that change now have this time. */
  tick(): void {
    this.disk.nowMs = this.world.nowMs() - this.diskAgeMs;
  }

  get up(): boolean {
    return this.running !== undefined;
  }

  /** The time of its process. */
  get clock(): SimClock | undefined {
    return this.running?.clock;
  }

  /** Starts the process; resolves when it serves, rejects when it cannot or is killed before. */
  async start(): Promise<void> {
    if (this.running !== undefined) throw new Error(`${this.name} runs already`);
    this.starts++;
    this.world.tell(this.name, `start ${this.starts}`);
    const clock = new SimClock(this.world, this.skewMs);
    let died: (error: Error) => void = () => undefined;
    const death = new Promise<never>((_resolve, reject) => { died = reject; });
    death.catch(() => undefined);
    const life: Life & { died: (error: Error) => void } = { host: this.host, gate: (run) => { clock.gate(run); }, isDead: () => this.disk.isDown, died: (error) => { died(error); } };
    const node = startNode({ role: this.options.role, config: this.config(), log: this.log(), env: this.env(clock, life) });
    this.running = Object.assign(life, { clock, node, death });
    this.ended = died;
    const served = await Promise.race([node, death]);
    void served;
    this.world.tell(this.name, 'serves');
  }

  /** As its process reads it at a start. */
  config(): Resolved {
    const config = resolveConfig(new Map(Object.entries({
      ...smallSettings, storePathRootDir: dataDir, bindAddress: this.host, listenPort: this.options.role === 'namesrv' ? '9876' : '10911', ...this.options.settings,
    })), '', this.options.role);
    config.store.mappedFileSizeCommitLog = this.options.commitLogBytes ?? config.store.mappedFileSizeCommitLog;
    return config;
  }

  private ended: (error: Error) => void = () => undefined;

  /** Stops it in order, as SIGTERM does. */
  async stop(): Promise<void> {
    const { running } = this;
    if (running === undefined) return;
    this.world.tell(this.name, 'stop');
    const node = await running.node;
    await Promise.race([node.stop(), running.death]);
    if (this.running !== running) return;
    this.network.end(running, false);
    running.clock.stop();
    this.running = undefined;
    this.world.tell(this.name, 'stopped');
  }

  /** The process ends now: `kill` keeps what was written, `power` loses and tears what was not synced. */
  kill(kind: CrashKind): void {
    const { running } = this;
    if (running === undefined) return;
    this.world.tell(this.name, `${kind} after ${this.disk.ops} operations of the disk`);
    this.running = undefined;
    running.clock.stop();
    this.network.end(running, kind === 'power');
    this.disk.crash();
    this.disk.restart(kind);
    running.node.catch(() => undefined);
    this.ended(new SimulatedCrash());
  }

  /** Its clock is right again. */
  setClock(): void {
    this.skewMs = 0;
    if (this.running !== undefined) this.running.clock.skewMs = 0;
  }

  /** It stands still (SIGSTOP). */
  pause(): void {
    this.world.tell(this.name, 'pause');
    this.running?.clock.pause();
  }

  resume(): void {
    this.world.tell(this.name, 'resume');
    this.running?.clock.resume();
  }

  private env(clock: SimClock, life: Life): Env {
    const { world } = this;
    const random = world.random.word();
    let state = random;
    return {
      clock,
      disk: ofLife(this.options.wrapDisk?.(this.disk) ?? this.disk, this.disk),
      net: this.network.of(life, this.host),
      random: () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 0x1_0000_0000;
      },
      defer: (run) => void world.after(0, '', () => { life.gate(run); }),
      makeWritable: () => undefined,
      machineHost: () => this.host,
      collect: undefined,
      limits: { timerWheelSlots: 512 },
    };
  }

  private log(): Log {
    const say = (level: string) => (fields: object, message: string): void => { this.world.tell(this.name, `${level}: ${message} ${textOf(fields)}`); };
    return { debug: () => undefined, info: say('info'), warn: say('warn'), error: say('error') };
  }
}

/** Fields of a log line but for what tells of the machine that simulates. */
function textOf(fields: object): string {
  return JSON.stringify(fields, (name, value: unknown) => (name === 'elapsedMs' ? undefined : value instanceof Error ? value.message : value));
}

/** A disk that a dead process cannot reach any more, whatever it still does. */
function ofLife(disk: Disk, simulated: SimulatedDisk): Disk {
  const { life } = simulated;
  const alive = <A extends unknown[], R>(work: (...args: A) => R) => (...args: A): R => {
    simulated.assertUp(life);
    return work(...args);
  };
  return {
    open: alive((file, mode) => disk.open(file, mode)),
    makeDir: alive((dir) => { disk.makeDir(dir); }),
    list: alive((dir) => disk.list(dir)),
    stat: alive((file) => disk.stat(file)),
    rename: alive((from, to) => { disk.rename(from, to); }),
    unlink: alive((file) => { disk.unlink(file); }),
    removeDir: alive((dir) => { disk.removeDir(dir); }),
    syncDir: async (dir) => {
      simulated.assertUp(life);
      await disk.syncDir(dir);
    },
    space: (dir) => disk.space(dir),
    usedRatio: (dir) => disk.usedRatio(dir),
    lock: async (dir) => {
      simulated.assertUp(life);
      return disk.lock(dir);
    },
  };
}
