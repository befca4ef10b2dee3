/** Runs inputs of one target and judges them: the oracle that all targets have in common. */
import { arrayBufferBytes, countAllocations, startCounting, stopCounting } from './allocations.js';
import type { Outcome, Running, Target } from './target.js';

export type FindKind = 'error' | 'violation' | 'allocation' | 'slow' | 'changed' | 'hang' | 'crash';

/** What is wrong with an input. Finds of one key are one find. */
export interface Objection {
  readonly kind: FindKind;
  readonly key: string;
  readonly message: string;
  readonly stack: string;
}

const millisMaxDefault = 50;
/** Runs of an input that was slow; it is a find when all of them were. */
const slowRuns = 3;
/** Every so many runs the process's own figure is asked. */
const sampleAllocationsEvery = 64;

/** One target's running instance, opened anew when it has to be. */
export class Judge {
  readonly target: Target;
  private running: Running | undefined;
  private golden: string | undefined;
  /** Inputs since the target was opened: what a find needs to happen again. */
  private readonly history: Buffer[] = [];
  private runs = 0;
  /** How the last input ended. */
  outcome: Outcome = 'taken';

  constructor(target: Target) {
    this.target = target;
    countAllocations();
  }

  /** The inputs that led to the last objection, from the target's opening on. */
  lost: readonly Buffer[] = [];

  /** Undefined = nothing to object. After an objection the target is opened anew. */
  async run(input: Buffer): Promise<Objection | undefined> {
    const running = await this.ready();
    if (this.target.reopenAfter === undefined) this.history.length = 0;
    this.history.push(input);
    const objection = await this.once(running, input);
    if (objection !== undefined) {
      this.lost = [...this.history];
      await this.close();
    }
    return objection;
  }

  /** Runs inputs in order on a fresh instance; the objection to one of them, the earliest. */
  async replay(inputs: readonly Buffer[]): Promise<Objection | undefined> {
    await this.close();
    for (const input of inputs) {
      const objection = await this.run(input);
      if (objection !== undefined) return objection;
    }
    return undefined;
  }

  async close(): Promise<void> {
    const { running } = this;
    this.running = undefined;
    this.history.length = 0;
    await running?.close?.();
  }

  private async ready(): Promise<Running> {
    const { reopenAfter } = this.target;
    if (reopenAfter !== undefined && this.history.length >= reopenAfter) await this.close();
    if (this.running === undefined) {
      this.running = await this.target.open();
      this.golden = await this.running.probe?.();
    }
    return this.running;
  }

  private async once(running: Running, input: Buffer): Promise<Objection | undefined> {
    const sampled = this.runs++ % sampleAllocationsEvery === 0;
    const before = sampled ? arrayBufferBytes() : 0;
    // The input is the caller's: a target that wrote into it would spoil the corpus.
    const own = Buffer.from(input);
    startCounting();
    const start = performance.now();
    let failure: unknown;
    try {
      const result = running.run(own);
      this.outcome = typeof result === 'string' ? result : await result;
    } catch (error) {
      this.outcome = 'refused';
      failure = error;
    }
    const millis = performance.now() - start;
    // A new slab of Node's own pool may fall to any run.
    const allocated = Math.max(stopCounting(), sampled ? arrayBufferBytes() - before - Buffer.poolSize : 0);
    if (failure !== undefined && !this.target.declared.some((one) => failure instanceof one)) return errorObjection(failure);
    const allowed = this.target.allocationBytesMax(input.length);
    if (allocated > allowed) return objection('allocation', `allocation ${this.target.name}`, `${allocated} bytes of buffers for an input of ${input.length}, allowed are ${allowed}`);
    if (millis > (this.target.millisMax ?? millisMaxDefault)) {
      const slow = await this.confirmSlow(running, input, millis);
      if (slow !== undefined) return slow;
    }
    if (this.outcome === 'refused') return this.confirmUnchanged(running);
    // What was taken may change what others see, where anything is kept at all.
    if (this.target.reopenAfter !== undefined) this.golden = await running.probe?.();
    return undefined;
  }

  /** A busy machine makes any input slow once: the fastest of some runs counts, in time of the clock and of the processor. */
  private async confirmSlow(running: Running, input: Buffer, first: number): Promise<Objection | undefined> {
    const max = this.target.millisMax ?? millisMaxDefault;
    let fastest = first;
    for (let i = 1; i < slowRuns; i++) {
      const start = performance.now();
      const cpu = process.cpuUsage();
      try {
        await running.run(Buffer.from(input));
      } catch {
        // Judged already.
      }
      const { user, system } = process.cpuUsage(cpu);
      fastest = Math.min(fastest, performance.now() - start, (user + system) / 1000);
      if (fastest <= max) return undefined;
    }
    return objection('slow', `slow ${this.target.name}`, `an input of ${input.length} bytes takes ${fastest.toFixed(0)} ms, allowed are ${max}`);
  }

  private async confirmUnchanged(running: Running): Promise<Objection | undefined> {
    if (running.probe === undefined) return undefined;
    let after: string;
    try {
      after = await running.probe();
    } catch (error) {
      after = `${String(error)}`;
    }
    if (after === this.golden) return undefined;
    return objection('changed', `changed ${this.target.name}`, `after a refused input a valid one gives ${after.slice(0, 500)}, not ${(this.golden ?? '').slice(0, 500)}`);
  }
}

function objection(kind: FindKind, key: string, message: string, stack = ''): Objection {
  return { kind, key, message, stack };
}

function errorObjection(error: unknown): Objection {
  if (!(error instanceof Error)) return objection('error', `error ${typeof error}`, `threw ${String(error)}`);
  const stack = error.stack ?? '';
  const frames = stack.split('\n').filter((line) => line.includes('/dist/')).map((line) => /\/dist\/([^)]*)/.exec(line)?.[1] ?? '');
  // Where our own checks stand says little: the message's words without its numbers do.
  const where = error.name === 'Violation' ? error.message.replace(/[^A-Za-z ].*$/, '').slice(0, 60) : (frames[0] ?? '');
  return objection(error.name === 'Violation' ? 'violation' : 'error', `${error.name} ${where}`, error.message, stack);
}
