/**
 * What a case asserts with. Each function throws a Failure that carries what was expected and what came; `notApplicable` ends a
 * case that cannot judge this endpoint. `what` names the thing in the report: 'queueOffset of the second message'.
 */
import { isDeepStrictEqual } from 'node:util';
import { responseName } from './codes.js';

/** A requirement that does not hold. */
export class Failure extends Error {
  readonly expected: string | undefined;
  readonly actual: string | undefined;

  constructor(message: string, expected?: string, actual?: string) {
    super(message);
    this.name = 'Failure';
    this.expected = expected;
    this.actual = actual;
  }
}

/** The case cannot judge this endpoint; the reason stands in the report. */
export class NotApplicable extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'NotApplicable';
  }
}

const textMax = 2000;

/** A value as a report shows it, at most 2000 characters. */
export function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value)
    : Buffer.isBuffer(value) ? `<${value.length} bytes ${value.subarray(0, 64).toString('hex')}${value.length > 64 ? '...' : ''}>`
    : typeof value === 'bigint' ? `${value}n`
    : value === undefined ? 'undefined'
    : (JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner)) ?? Object.prototype.toString.call(value));
  return text.length > textMax ? `${text.slice(0, textMax)}... (${text.length} characters)` : text;
}

/** Ends the case as failed. */
export function fail(what: string, expected?: unknown, actual?: unknown): never {
  throw new Failure(what, expected === undefined ? undefined : show(expected), actual === undefined ? undefined : show(actual));
}

/** Ends the case as not applicable to this endpoint, with the reason that the report shows. */
export function notApplicable(reason: string): never {
  throw new NotApplicable(reason);
}

/** Deep equality; Buffers by content. */
export function equal<T>(actual: unknown, expected: T, what: string): asserts actual is T {
  if (!isDeepStrictEqual(actual, expected)) throw new Failure(what, show(expected), show(actual));
}

export function notEqual(actual: unknown, unexpected: unknown, what: string): void {
  if (isDeepStrictEqual(actual, unexpected)) throw new Failure(what, `anything but ${show(unexpected)}`, show(actual));
}

export function isTrue(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Failure(what, 'true', 'false');
}

/** The value is there (neither undefined nor null). */
export function present<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new Failure(what, 'present', 'absent');
  return value;
}

export function oneOf(actual: unknown, allowed: readonly unknown[], what: string): void {
  if (!allowed.some((value) => isDeepStrictEqual(actual, value))) throw new Failure(what, `one of ${allowed.map(show).join(', ')}`, show(actual));
}

/** min <= actual <= max, both ends included. NaN is outside. */
export function inRange(actual: number, min: number, max: number, what: string): void {
  if (!(actual >= min && actual <= max)) throw new Failure(what, `${min}..${max}`, String(actual));
}

/** The same members, whatever their order. */
export function sameSet(actual: Iterable<string>, expected: Iterable<string>, what: string): void {
  equal([...actual].sort(), [...expected].sort(), what);
}

export function bytesEqual(actual: Buffer, expected: Buffer | string, what: string): void {
  const want = typeof expected === 'string' ? Buffer.from(expected, 'utf8') : expected;
  if (actual.equals(want)) return;
  let at = 0;
  while (at < actual.length && actual[at] === want[at]) at++;
  throw new Failure(`${what} (first difference at byte ${at})`, show(want), show(actual));
}

interface Answered {
  readonly code: number;
  readonly remark: string | undefined;
  readonly ext: Readonly<Record<string, string>>;
}

/** The answer's code is `expected` (or one of them). */
export function code(answer: Answered, expected: number | readonly number[], what: string): void {
  const wanted = typeof expected === 'number' ? [expected] : expected;
  if (!wanted.includes(answer.code)) {
    throw new Failure(`${what}: response code`, wanted.map(responseName).join(' or '), `${responseName(answer.code)}${answer.remark === undefined ? '' : `, remark ${show(answer.remark)}`}`);
  }
}

/** The answer's code is none of these: for refusals whose exact code is free. */
export function notCode(answer: Answered, unexpected: number | readonly number[], what: string): void {
  const not = typeof unexpected === 'number' ? [unexpected] : unexpected;
  if (not.includes(answer.code)) throw new Failure(`${what}: response code`, `none of ${not.map(responseName).join(', ')}`, responseName(answer.code));
}

export function remarkMatches(answer: Answered, pattern: RegExp | string, what: string): void {
  const ok = typeof pattern === 'string' ? answer.remark?.includes(pattern) === true : answer.remark !== undefined && pattern.test(answer.remark);
  if (!ok) throw new Failure(`${what}: remark`, typeof pattern === 'string' ? `text with ${show(pattern)}` : String(pattern), show(answer.remark));
}

/** The answer has the header field, with this value where one is given; returns its text. */
export function hasField(answer: Answered, name: string, value?: string | number | bigint | boolean, what = 'answer'): string {
  const actual = answer.ext[name];
  if (actual === undefined) throw new Failure(`${what}: header field ${name}`, value === undefined ? 'present' : show(String(value)), `absent; there are ${Object.keys(answer.ext).join(', ') || 'none'}`);
  if (value !== undefined && actual !== String(value)) throw new Failure(`${what}: header field ${name}`, show(String(value)), show(actual));
  return actual;
}

/** The answer has the header field and it is a decimal integer, which is returned. */
export function intField(answer: Answered, name: string, what = 'answer'): number {
  const text = hasField(answer, name, undefined, what);
  if (!/^-?\d+$/.test(text)) throw new Failure(`${what}: header field ${name}`, 'a decimal integer', show(text));
  return Number(text);
}

/** `run` must end in an error (such as an EndpointError), which is returned; a Failure passes through. For refusals by closing or silence. */
export async function rejects(run: Promise<unknown>, what: string): Promise<Error> {
  try {
    const value = await run;
    throw new Failure(what, 'an error', `success: ${show(value)}`);
  } catch (error) {
    if (error instanceof Failure) throw error;
    return error instanceof Error ? error : new Error(String(error));
  }
}
