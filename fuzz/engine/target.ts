/** What a fuzz target is: how its inputs are made, how one is run, and which errors it may end with. */
import { isDeepStrictEqual } from 'node:util';
import type { Random } from './random.js';

/** The oracle's objection: what the target did with the input is wrong. */
export class Violation extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Violation';
  }
}

/** What became of an input: taken, or refused by one of the declared errors or answers. */
export type Outcome = 'taken' | 'refused';

/** A target that was opened. */
export interface Running {
  /** Runs an input. Throws a declared error, which counts as refused, or a Violation; any other error is a find. */
  run(input: Buffer): Outcome | Promise<Outcome>;
  /** A valid input's answer as text: it has to be the same after every refused input as it was in the beginning. */
  probe?(): string | Promise<string>;
  close?(): void | Promise<void>;
}

type ErrorClass = abstract new (...args: never[]) => Error;

export interface Target {
  readonly name: string;
  /** What it proves, as a line of documentation. */
  readonly proves: string;
  /** Errors that an input may end with. Anything else that escapes is a find. */
  readonly declared: readonly ErrorClass[];
  readonly inputBytesMax: number;
  /** Bytes of buffers that a run may allocate for an input of this size. */
  readonly allocationBytesMax: (inputBytes: number) => number;
  /** Runs after which it is opened anew; absent = it keeps nothing between inputs. */
  readonly reopenAfter?: number;
  /** Milliseconds that an input may take; 50 unless said. */
  readonly millisMax?: number;
  /** Words that inputs of this target are made of, beside those of the tables. */
  readonly words?: readonly string[];
  /** First inputs beside the corpus. */
  seeds?(): readonly Buffer[];
  /** A new input by the structure that the target knows. */
  make?(random: Random): Buffer;
  /** A change of fields rather than bytes; undefined = the input has no such structure. */
  mutate?(random: Random, input: Buffer): Buffer | undefined;
  open(): Running | Promise<Running>;
}

/** Throws a Violation unless the condition holds. */
export function holds(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new Violation(message());
}

/** Throws a Violation when two values of one meaning differ. */
export function same(what: string, one: unknown, other: unknown): void {
  if (isDeepStrictEqual(one, other)) return;
  const [a, b] = [shown(one), shown(other)];
  if (a !== b) throw new Violation(`${what}: ${a.slice(0, 400)} is not ${b.slice(0, 400)}`);
}

/** A value as text, maps, buffers and big integers included. */
export function shown(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) => {
    if (one instanceof Map) return { map: [...(one as Map<unknown, unknown>)] };
    if (one instanceof Set) return { set: [...(one as Set<unknown>)] };
    if (typeof one === 'bigint') return `${one}n`;
    if (typeof one === 'number' && !Number.isFinite(one)) return String(one);
    if (Object.is(one, -0)) return '-0';
    if (isBufferText(one)) return `hex:${Buffer.from(one.data).toString('hex')}`;
    return one;
  }) ?? String(value);
}

function isBufferText(value: unknown): value is { readonly data: number[] } {
  return typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'Buffer' && Array.isArray((value as { data?: unknown }).data);
}
