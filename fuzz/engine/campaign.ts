/**
 * The loop of one target in one thread: takes an input of the corpus, changes it, runs it, keeps what reached new code. All choices follow from the seed;
 * time only decides when it ends.
 */
import { Coverage } from './coverage.js';
import { dictionary } from './dictionary.js';
import { Judge } from './judge.js';
import type { Objection } from './judge.js';
import { minimize, minimizeSequence } from './minimize.js';
import { mutateBytes } from './mutate.js';
import { Random } from './random.js';
import type { Target } from './target.js';

/** A find as it is kept: the inputs, in order, on a fresh instance of the target. */
export interface Find extends Objection {
  readonly target: string;
  readonly seed: string;
  readonly execution: number;
  readonly inputs: readonly Buffer[];
  /** False = it did not happen again on a fresh instance: the inputs are all since the target was opened. */
  readonly repeatable: boolean;
}

export interface CampaignOptions {
  readonly target: Target;
  readonly seed: string;
  /** Ends at the first of both. */
  readonly millis: number;
  readonly executions: number;
  readonly corpus: readonly Buffer[];
  /** Ends with the first find. */
  readonly untilFind?: boolean;
  /** Called before every run: whoever watches knows the input that hangs. */
  readonly watch?: (input: Buffer, executions: number) => void;
  /** An input that reached new code; those of the corpus are not told. */
  readonly onNews?: (input: Buffer) => void;
  readonly onFind?: (find: Find) => void;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly executions: number;
  readonly refused: number;
  /** Blocks of the product that ran. */
  readonly coverage: number;
  readonly corpus: number;
  readonly finds: number;
}

/** Runs between two looks at the coverage: more of them while nothing new turns up. */
const lookEveryMin = 32;
const lookEveryMax = 512;
const minimizeRunsMax = 1500;
/** Same finds after this many are not even compared: the target is broken, and says so. */
const findsMax = 20;
const corpusMax = 20_000;

export async function campaign(options: CampaignOptions): Promise<Progress> {
  return new Campaign(options).run();
}

class Campaign {
  private readonly options: CampaignOptions;
  private readonly random: Random;
  private readonly judge: Judge;
  private readonly coverage = new Coverage();
  private readonly words: readonly Buffer[];
  private readonly corpus: Buffer[] = [];
  private readonly finds = new Map<string, Find>();
  private batch: Buffer[] = [];
  private lookEvery = lookEveryMin;
  private executions = 0;
  private refused = 0;
  private readonly endMillis: number;

  constructor(options: CampaignOptions) {
    this.options = options;
    this.random = new Random(options.seed);
    this.judge = new Judge(options.target);
    const own = (options.target.words ?? []).map((word) => Buffer.from(word));
    // A target's own words are as likely as all others together.
    this.words = own.length === 0 ? dictionary : [...dictionary, ...Array.from({ length: dictionary.length }, (_, i) => own[i % own.length] as Buffer)];
    this.endMillis = performance.now() + options.millis;
  }

  async run(): Promise<Progress> {
    const { corpus, target, onProgress } = this.options;
    for (const input of [...corpus, ...(target.seeds?.() ?? [])]) {
      if (this.over()) break;
      await this.execute(input);
      this.coverage.take(true);
      this.corpus.push(input);
    }
    this.batch = [];
    let told = 0;
    while (!this.over()) {
      await this.execute(this.next());
      if (this.batch.length >= this.lookEvery) await this.look();
      if (performance.now() - told > 500) {
        told = performance.now();
        onProgress?.(this.progress());
      }
    }
    await this.look();
    await this.judge.close();
    this.coverage.close();
    return this.progress();
  }

  private progress(): Progress {
    return { executions: this.executions, refused: this.refused, coverage: this.coverage.size, corpus: this.corpus.length, finds: this.finds.size };
  }

  private over(): boolean {
    if (this.executions >= this.options.executions || this.finds.size >= findsMax || (this.options.untilFind === true && this.finds.size > 0)) return true;
    return performance.now() > this.endMillis;
  }

  private next(): Buffer {
    const { random, corpus, options: { target } } = this;
    if (target.make !== undefined && (corpus.length === 0 || random.once(6))) return target.make(random).subarray(0, target.inputBytesMax);
    if (corpus.length === 0) return random.bytes(random.small(256));
    // What was found last leads furthest.
    const input = random.once(3) ? corpus[corpus.length - 1 - random.below(Math.min(16, corpus.length))] as Buffer : random.pick(corpus);
    const structured = target.mutate !== undefined && !random.once(3) ? target.mutate(random, input) : undefined;
    if (structured !== undefined) return structured.subarray(0, target.inputBytesMax);
    return mutateBytes(random, input, random.pick(corpus), target.inputBytesMax, this.words);
  }

  private async execute(input: Buffer): Promise<void> {
    this.options.watch?.(input, this.executions);
    this.executions++;
    const objection = await this.judge.run(input);
    if (objection !== undefined) await this.found(objection, input);
    else this.batch.push(input);
    if (this.judge.outcome === 'refused') this.refused++;
  }

  /** Whether the runs since the last look reached new code, and which of them. */
  private async look(): Promise<void> {
    const { batch } = this;
    this.batch = [];
    if (batch.length === 0) return;
    if (this.coverage.take(false, false)) {
      this.lookEvery = Math.max(lookEveryMin, this.lookEvery >> 1);
      await this.attribute(batch);
    } else {
      this.lookEvery = Math.min(lookEveryMax, this.lookEvery * 2);
      // How often a loop ran says nothing of a batch as a whole: one input of it is looked at by itself.
      await this.attribute([this.random.pick(batch)]);
    }
  }

  /** Finds by halves the inputs that reached new code: a look costs as much as many runs. */
  private async attribute(batch: readonly Buffer[]): Promise<void> {
    if (this.corpus.length >= corpusMax) return;
    for (const input of batch) {
      this.options.watch?.(input, this.executions);
      await this.judge.run(input);
    }
    const [one] = batch;
    if (batch.length > 1) {
      if (!this.coverage.take(false, false)) return;
      const half = batch.length >> 1;
      await this.attribute(batch.slice(0, half));
      await this.attribute(batch.slice(half));
    } else if (one !== undefined && this.coverage.take(true)) {
      this.corpus.push(one);
      this.options.onNews?.(one);
    }
  }

  private async found(objection: Objection, input: Buffer): Promise<void> {
    if (this.finds.has(objection.key)) return;
    const { target, seed, onFind } = this.options;
    const inputs = this.judge.lost;
    const judge = new Judge(target);
    const again = async (candidate: readonly Buffer[]): Promise<boolean> => {
      this.options.watch?.(candidate[candidate.length - 1] ?? input, this.executions);
      return (await judge.replay(candidate))?.key === objection.key;
    };
    let smallest: readonly Buffer[] = [input];
    let repeatable = await again(smallest);
    if (!repeatable && inputs.length > 1 && (await again(inputs))) {
      repeatable = true;
      smallest = await minimizeSequence(inputs, again, 200);
    }
    // Time and memory are the machine's too: what does not happen again was not the input's doing.
    if (!repeatable && (objection.kind === 'slow' || objection.kind === 'allocation')) {
      await judge.close();
      return;
    }
    if (!repeatable) smallest = inputs;
    // Time does not shrink by steps: a slow input stays as it is.
    else if (objection.kind !== 'slow') {
      const head = smallest.slice(0, -1);
      const last = await minimize(smallest[smallest.length - 1] as Buffer, (candidate) => again([...head, candidate]), minimizeRunsMax);
      smallest = [...head, last];
    }
    await judge.close();
    this.coverage.take(true);
    const find: Find = { ...objection, target: target.name, seed, execution: this.executions, inputs: smallest, repeatable };
    this.finds.set(objection.key, find);
    onFind?.(find);
  }
}
