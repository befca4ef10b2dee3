/**
 * A whole run: starts each broker, measures start and idling, warms them up, then goes through the shapes, each shape on
 * one broker right after the other (in alternating order), so that a drift of the machine hits both. The broker that is
 * not measured is paused. It leaves printing to its caller.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { arch, cpus, platform, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { end, pause, resume, type Broker, type Flush, type StartBroker } from './brokers/broker.js';
import { figuresOf, type Figures } from './figures.js';
import { createTopic, untilVisible } from './load/load.js';
import { spawnLoad } from './load/spawn.js';
import { cpuSecondsOf, dirtyBytes, residentOf } from './proc.js';
import { median, type ProcessFigures, type RunResult, type ShapeResult } from './results.js';
import { backlogOf, QUEUES, shapeOf, type Shape } from './shapes.js';
import { touchMemory } from './touch-memory.js';

export interface RunOptions {
  readonly shapes: readonly Shape[];
  /** Measured seconds per shape and broker. */
  readonly seconds: number;
  /** Seconds of load before the first shape, for each broker. */
  readonly warmupSeconds: number;
  readonly quick: boolean;
  /** Bytes of memory touched before each load, 0 = none. See touch-memory.ts. */
  readonly touchBytes: number;
  /** Folder for the stores; each run makes one of its own inside. */
  readonly dataParent?: string;
  /** Measure start time, idle CPU and idle memory; of brokers with their gRPC endpoint when all shapes are over gRPC. */
  readonly processFigures: boolean;
  readonly progress: (line: string) => void;
}

/** Starts measured of the first broker (ours) and of others. */
const OUR_STARTS = 5;
const THEIR_STARTS = 3;
/** Between the start of the load and the measured window of each shape. */
const SHAPE_WARMUP_MS = 1500;
/** A run stops rather than filling the disk beyond this. */
const FREE_BYTES_MIN = 6 * 2 ** 30;
/** Dirty pages that may be left over when a shape begins. */
const DIRTY_BYTES_MAX = 64 * 2 ** 20;
const FILL_TIMEOUT_MS = 180_000;

/** A starter with the name under which its broker is reported. */
export interface Contender {
  readonly name: string;
  readonly start: StartBroker;
}

/** One run. Owns the brokers it started: `dispose` ends those that are left, also in the middle of a run. */
export class BenchmarkRun {
  readonly #options: RunOptions;
  readonly #contenders: readonly Contender[];
  readonly #parent: string;
  readonly #alive = new Set<Broker>();
  #starting: Promise<Broker> | null = null;
  #topics = 0;

  constructor(contenders: readonly Contender[], options: RunOptions) {
    this.#contenders = contenders;
    this.#options = options;
    this.#parent = mkdtempSync(join(options.dataParent ?? tmpdir(), 'skylark-bench-'));
  }

  async run(): Promise<RunResult> {
    const { shapes, seconds, warmupSeconds, quick } = this.#options;
    const startedAt = new Date().toISOString();
    const processes: Record<string, ProcessFigures> = {};
    const results: ShapeResult[] = [];
    const processKind = shapes.length > 0 && shapes.every((shape) => shape.grpc) ? 'grpc' : 'async';
    for (const [kind, flush] of [['async', 'async'], ['sync', 'sync'], ['grpc', 'async']] as const) {
      const chosen = shapes.filter((shape) => (shape.grpc === true ? 'grpc' : shape.flush) === kind);
      const measured = kind === processKind && this.#options.processFigures;
      if (chosen.length === 0 && !measured) continue;
      const brokers = await this.#startAll(flush, kind === 'grpc', measured ? processes : null);
      if (chosen.length > 0) await this.#warmUp(brokers, kind);
      for (const [i, shape] of chosen.entries()) results.push(await this.#shape(shape, brokers, i % 2 === 1));
      for (const broker of brokers) {
        const resident = residentOf(broker.pid);
        const known = processes[broker.name];
        if (resident !== null && known !== undefined && kind === processKind && chosen.length > 0) {
          processes[broker.name] = { ...known, loadedAnonBytes: resident.anonBytes, loadedFileBytes: resident.fileBytes };
        }
        await this.#end(broker);
      }
    }
    const cpu = cpus();
    return {
      startedAt,
      machine: { cpu: cpu[0]?.model ?? arch(), cores: cpu.length, memoryBytes: totalmem(), system: `${platform()} ${release()}`, node: process.version },
      options: { seconds, warmupSeconds, quick },
      brokers: this.#contenders.map(({ name }) => name),
      processes,
      shapes: results,
    };
  }

  /** Ends every broker that is left and deletes the run's data. */
  async dispose(): Promise<void> {
    // An interrupted run may be starting one: it has to come up before it can be ended.
    if (this.#starting !== null) await this.#starting.then((broker) => this.#alive.add(broker), () => undefined);
    await Promise.allSettled([...this.#alive].map((broker) => this.#end(broker)));
    rmSync(this.#parent, { recursive: true, force: true });
  }

  async #start(contender: Contender, flush: Flush, grpc: boolean): Promise<Broker> {
    this.#starting = contender.start(flush, this.#parent, grpc);
    const broker = await this.#starting;
    this.#starting = null;
    this.#alive.add(broker);
    return broker;
  }

  async #end(broker: Broker): Promise<void> {
    this.#alive.delete(broker);
    await end(broker);
  }

  /** Starts one broker per contender and leaves them paused; measures starts and idling when `processes` is given. */
  async #startAll(flush: Flush, grpc: boolean, processes: Record<string, ProcessFigures> | null): Promise<Broker[]> {
    const brokers: Broker[] = [];
    for (const [i, contender] of this.#contenders.entries()) {
      this.#options.progress(`starting ${contender.name} (${flush} flush${grpc ? ', gRPC' : ''})`);
      let broker = await this.#start(contender, flush, grpc);
      if (processes !== null) {
        const starts = [broker.startS];
        const wanted = i === 0 ? OUR_STARTS : this.#options.quick ? 1 : THEIR_STARTS;
        while (starts.length < wanted) {
          await this.#end(broker);
          broker = await this.#start(contender, flush, grpc);
          starts.push(broker.startS);
        }
        processes[contender.name] = await this.#idle(broker, starts);
      }
      pause(broker);
      brokers.push(broker);
    }
    return brokers;
  }

  async #idle(broker: Broker, startsS: readonly number[]): Promise<ProcessFigures> {
    this.#options.progress(`${broker.name}: idling`);
    await sleep(this.#options.quick ? 2000 : 10_000);
    const before = cpuSecondsOf(broker.pid) ?? NaN;
    const beforeMs = performance.now();
    await sleep(this.#options.quick ? 3000 : 10_000);
    const idleCpuPercent = (((cpuSecondsOf(broker.pid) ?? NaN) - before) / ((performance.now() - beforeMs) / 1000)) * 100;
    const resident = residentOf(broker.pid);
    const namesrv = broker.namesrvPid === null ? null : residentOf(broker.namesrvPid);
    return {
      startS: median(startsS),
      startsS,
      idleCpuPercent,
      idleRssBytes: resident?.rssBytes ?? NaN,
      idleAnonBytes: resident?.anonBytes ?? NaN,
      namesrvRssBytes: namesrv?.rssBytes ?? null,
      loadedAnonBytes: null,
      loadedFileBytes: null,
    };
  }

  async #warmUp(brokers: readonly Broker[], kind: 'async' | 'sync' | 'grpc'): Promise<void> {
    const { warmupSeconds, progress } = this.#options;
    if (warmupSeconds <= 0) return;
    const names = { async: ['single-8x32', 'batch-32', 'produce-consume'], sync: ['single-8x32'], grpc: ['grpc-4x16', 'grpc-receive'] }[kind];
    for (const broker of brokers) {
      progress(`${broker.name}: warming up for ${warmupSeconds} s`);
      await resume(broker);
      for (const name of names) await this.#load(broker, shapeOf(name), warmupSeconds / names.length);
      pause(broker);
    }
  }

  async #shape(shape: Shape, brokers: readonly Broker[], reversed: boolean): Promise<ShapeResult> {
    const figures: Record<string, Figures> = {};
    for (const broker of reversed ? [...brokers].reverse() : brokers) {
      this.#options.progress(`${shape.name} on ${broker.name}`);
      if (this.#options.touchBytes > 0) await touchMemory(this.#options.touchBytes);
      await resume(broker);
      await this.#settleDisk();
      figures[broker.name] = await this.#load(broker, shape, this.#options.seconds);
      pause(broker);
    }
    return { shape, figures };
  }

  /** One load on a topic of its own; the figures carry its errors. */
  async #load(broker: Broker, shape: Shape, seconds: number): Promise<Figures> {
    const topic = `bench_${shape.name}_${++this.#topics}`;
    const { address, grpcAddress } = broker;
    if (shape.grpc === true && grpcAddress === null) throw new Error(`${broker.name} was started without gRPC`);
    await createTopic(address, topic, QUEUES);
    const send = backlogOf(shape);
    if (send?.messagesMax !== undefined) {
      const filled = figuresOf(await spawnLoad({ address, topic, queues: QUEUES, send, warmupMs: 0, measureMs: FILL_TIMEOUT_MS, pids: [] }));
      if (filled.errors.length > 0) throw new Error(`${shape.name}: laying down the backlog on ${broker.name} failed: ${JSON.stringify(filled.errors)}`);
      await untilVisible(address, topic, QUEUES, send.messagesMax, FILL_TIMEOUT_MS);
      await this.#settleDisk();
    }
    const outcome = await spawnLoad({
      address,
      topic,
      queues: QUEUES,
      ...(shape.grpc === true && grpcAddress !== null ? { grpcAddress } : {}),
      ...(shape.send === undefined ? {} : { send: shape.send }),
      ...(shape.pull === undefined ? {} : { pull: shape.pull }),
      warmupMs: SHAPE_WARMUP_MS,
      measureMs: seconds * 1000,
      pids: [broker.pid],
    });
    return figuresOf(outcome);
  }

  /** Brings dirty pages to the disk, so that no shape pays for the writes of the one before. */
  async #settleDisk(): Promise<void> {
    const { bavail, bsize } = statfsSync(this.#parent);
    if (bavail * bsize < FREE_BYTES_MIN) throw new Error(`less than ${FREE_BYTES_MIN / 2 ** 30} GB free in ${this.#parent}: name another folder with --data-parent`);
    if (dirtyBytes() <= DIRTY_BYTES_MAX) return;
    await promisify(execFile)('sync', { timeout: 120_000 }).catch(() => undefined);
  }
}
