/** A sequence while it is made, and the small model of what it has done so far: enough to ask for things that are there, mostly. */
import { requests, type RequestName, type Spec } from '../../src/codec/requests.js';
import type { Random } from '../engine/random.js';
import { fieldValue, isNeeded } from './fields.js';
import { requestCount, type Body, type Request, type Step, type Value } from './steps.js';

export interface Topic {
  readonly name: string;
  queues: number;
  /** Entries of each queue, as far as the model knows. */
  readonly counts: number[];
}

export interface Sent {
  readonly id: number;
  readonly topic: string;
  readonly queueId: number;
  readonly number: number;
  readonly key: string | undefined;
}

export interface Half {
  readonly id: number;
  readonly topic: Topic;
  readonly queueId: number;
  readonly number: number;
}

export interface Popped {
  readonly id: number;
  readonly group: string;
  readonly topic: Topic;
  readonly queueId: number;
  readonly count: number;
  readonly order: boolean;
}

type More = Partial<Pick<Request, 'client' | 'properties' | 'body' | 'mask' | 'identity' | 'silent'>>;

export class Draft {
  readonly random: Random;
  readonly steps: Step[] = [];
  readonly topics: Topic[] = [];
  readonly groups: string[] = [];
  readonly sent: Sent[] = [];
  readonly halves: Half[] = [];
  readonly pops: Popped[] = [];
  readonly recalls: { readonly id: number; readonly topic: string }[] = [];
  /** What is delivered later: looked at when everything else is done. */
  readonly late: { readonly topic: string; readonly queueId: number; count: number }[] = [];
  private ids = 0;
  private numbers = 0;

  constructor(random: Random) {
    this.random = random;
  }

  get requests(): number {
    return requestCount(this.steps);
  }

  /** A number for a message's id: `^number^`. */
  number(): number {
    return ++this.numbers;
  }

  /** Adds a request; what `ext` does not say is filled in from the table. */
  send(name: RequestName, ext: Readonly<Record<string, Value>> = {}, more: More = {}): number {
    const spec: Spec = requests[name];
    const { client = 'a', ...rest } = more;
    const step: Request = { id: ++this.ids, send: name, to: spec.on.includes('broker') ? 'broker' : 'namesrv', client, ext, ...rest };
    this.steps.push(step);
    return step.id;
  }

  /** The same with each required field, and some of the others, made from the model by its name. */
  fill(name: RequestName, given: Readonly<Record<string, Value>> = {}, more: More = {}): number {
    const spec: Spec = requests[name];
    const ext: Record<string, Value> = {};
    for (const [field, of] of Object.entries(spec.header)) {
      const wire = of.wire ?? field;
      if (wire in given) continue;
      // Fields of Java's primitives are always sent.
      if (of.opt === true && !isNeeded(name, wire) && !this.random.once(2)) continue;
      const value = fieldValue(name, field, of, this);
      if (value !== undefined) ext[wire] = value;
    }
    return this.send(name, { ...ext, ...given }, more);
  }

  pause(pauseMs: number): void {
    this.steps.push({ id: ++this.ids, pauseMs });
  }

  close(client: string): void {
    this.steps.push({ id: ++this.ids, close: client });
  }

  wait(topic: string, queueId: number, atLeast: number): void {
    this.steps.push({ id: ++this.ids, wait: { topic, queueId, atLeast } });
  }

  /** Something will arrive there some time. */
  expectLate(topic: string, queueId: number): void {
    const known = this.late.find((one) => one.topic === topic && one.queueId === queueId);
    if (known === undefined) this.late.push({ topic, queueId, count: 1 });
    else known.count++;
  }

  topic(): Topic {
    return this.random.pick(this.topics);
  }

  group(): string {
    return this.random.pick(this.groups);
  }

  /** A queue of the topic: mostly one that has something. */
  queue(topic: Topic): number {
    const filled = topic.counts.flatMap((count, queueId) => (count > 0 ? [queueId] : []));
    return filled.length > 0 && !this.random.once(6) ? this.random.pick(filled) : this.random.below(topic.queues);
  }

  text(body: string): Body {
    return { text: body };
  }
}
