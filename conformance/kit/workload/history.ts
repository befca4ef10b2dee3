/**
 * Histories: what clients did, one JSON line for each thing, as written by `main.ts` and judged by `checkers`. A call has two lines, an
 * `invoke` and then `ok`, `fail` (it certainly did not happen) or `info` (nobody knows: no answer, connection lost); an event has
 * one, an `ok`. Times are milliseconds since 1970 on the clock of one machine, with fractions.
 */

/** What is done: calls ask the endpoint something, events only happen to a client. */
export const ops = {
  /** A message to a queue; `transactional` for a half message. */
  send: 'call',
  /** The end of a transaction: `end` is commit or rollback. */
  end: 'call',
  /** Messages asked for; `count` came. Pulls that found nothing are left out. */
  pull: 'call',
  pop: 'call',
  /** The consumer took a message: at once where offsets are committed later, by request where it was popped. */
  ack: 'call',
  /** The consumer gave a message back for a redelivery. */
  back: 'call',
  /** A consumer offset stored (`queueOffset`), and asked for. */
  commit: 'call',
  offset: 'call',
  /** The lock of a queue for orderly consumption; ok: it was granted. */
  lock: 'call',
  unlock: 'call',
  start: 'event',
  stop: 'event',
  /** A consumer became a member of `group` with `mode`, `topic` and `expression`; and left it. */
  join: 'event',
  leave: 'event',
  /** The queues a consumer holds from now on, all of them. */
  assign: 'event',
  /** A message was given to a consumer. */
  receive: 'event',
  /** A message that a reader, who takes nothing away, found in its queue after everything was over. */
  read: 'event',
} as const satisfies Record<string, 'call' | 'event'>;

export type Op = keyof typeof ops;
export type LineType = 'invoke' | 'ok' | 'fail' | 'info';

const members = {
  key: 'text', body: 'text', tag: 'text', shard: 'text', topic: 'text', group: 'text', expression: 'text', mode: 'text', end: 'text', msgId: 'text', error: 'text',
  queueId: 'int', queueOffset: 'int', delayMs: 'int', invisibleMs: 'int', reconsumeTimes: 'int', count: 'int', queues: 'ints', transactional: 'flag',
} as const;

interface Kinds {
  readonly text: string;
  readonly int: number;
  readonly ints: readonly number[];
  readonly flag: boolean;
}

/** What a line may say beyond who, what and when. `body` is size and CRC-32: `100:1c291ca3`. `shard` is the message group that order is kept in. */
export type Value = { readonly [M in keyof typeof members]?: Kinds[(typeof members)[M]] };

export interface HistoryLine extends Value {
  readonly process: string;
  readonly type: LineType;
  readonly op: Op;
  /** Joins the two lines of a call; each process counts for itself. */
  readonly id: number;
  readonly time: number;
}

/** A text that is no history; the message has the line's number and the member. */
export class HistoryError extends Error {
  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.name = 'HistoryError';
  }
}

const textMax = 1024;
const linesMax = 1_000_000;
const types: readonly string[] = ['invoke', 'ok', 'fail', 'info'] satisfies readonly LineType[];

/** One line, without the line feed. */
export function writeLine(line: HistoryLine): string {
  return JSON.stringify(line);
}

/** Every line of a text, in order of time. Strict: unknown members, wrong kinds and calls that do not match are errors. @throws HistoryError. */
export function readHistory(text: string): HistoryLine[] {
  const out: HistoryLine[] = [];
  for (const [i, one] of text.split('\n').entries()) {
    if (one.trim() === '') continue;
    if (out.length >= linesMax) throw new HistoryError(i + 1, `more than ${linesMax} lines`);
    out.push(readLine(one, i + 1));
  }
  const sorted = out.map((line, i) => ({ line, i })).sort((a, b) => a.line.time - b.line.time || a.i - b.i).map(({ line }) => line);
  pair(sorted);
  return sorted;
}

function readLine(text: string, at: number): HistoryLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new HistoryError(at, `no JSON: ${text.slice(0, 80)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new HistoryError(at, 'a line is a JSON object');
  const line = value as Readonly<Record<string, unknown>>;
  const { process, type, op, id, time } = line;
  if (typeof process !== 'string' || process === '' || process.length > 200) throw new HistoryError(at, 'process must be a text of 1 to 200 characters');
  if (typeof op !== 'string' || !Object.hasOwn(ops, op)) throw new HistoryError(at, `op must be one of ${Object.keys(ops).join(', ')}, not ${JSON.stringify(op)}`);
  if (typeof type !== 'string' || !types.includes(type)) throw new HistoryError(at, `type must be one of ${types.join(', ')}, not ${JSON.stringify(type)}`);
  if (ops[op as Op] === 'event' && type !== 'ok') throw new HistoryError(at, `${op} is an event: its type is ok, not ${type}`);
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0) throw new HistoryError(at, 'id must be an integer of at least 0');
  if (typeof time !== 'number' || !Number.isFinite(time) || time < 0) throw new HistoryError(at, 'time must be a number of milliseconds of at least 0');
  for (const [name, member] of Object.entries(line)) {
    if (['process', 'type', 'op', 'id', 'time'].includes(name)) continue;
    if (!Object.hasOwn(members, name)) throw new HistoryError(at, `unknown member ${name.slice(0, 80)}`);
    const kind = members[name as keyof typeof members];
    if (!isKind(member, kind)) throw new HistoryError(at, `${name} must be ${{ text: `a text of at most ${textMax} characters`, int: 'an integer', ints: 'a list of integers', flag: 'true or false' }[kind]}`);
  }
  return line as unknown as HistoryLine;
}

function isKind(value: unknown, kind: keyof Kinds): boolean {
  if (kind === 'text') return typeof value === 'string' && value.length <= textMax;
  if (kind === 'int') return Number.isSafeInteger(value);
  return kind === 'ints' ? Array.isArray(value) && value.every((one) => Number.isSafeInteger(one)) : typeof value === 'boolean';
}

/** A call with its end, or an event. */
export interface Operation {
  readonly process: string;
  readonly op: Op;
  readonly invoke: HistoryLine;
  /** The same line for an event; undefined for a call that never came back. */
  readonly done: HistoryLine | undefined;
  readonly outcome: 'ok' | 'fail' | 'info';
  /** What both lines say; the end prevails. */
  readonly value: Value;
}

/** The lines of an operation, for an excerpt. */
export function linesOf(...operations: readonly Operation[]): HistoryLine[] {
  const lines = new Set(operations.flatMap((one) => (one.done === undefined ? [one.invoke] : [one.invoke, one.done])));
  return [...lines].sort((a, b) => a.time - b.time);
}

/** Operations of lines in order of time. @throws HistoryError when an end has no beginning, or a call two. */
export function pair(lines: readonly HistoryLine[]): Operation[] {
  const open = new Map<string, { at: number; invoke: HistoryLine }>();
  const out: Operation[] = [];
  for (const [i, line] of lines.entries()) {
    if (ops[line.op] === 'event') {
      out.push({ process: line.process, op: line.op, invoke: line, done: line, outcome: 'ok', value: line });
      continue;
    }
    const call = `${line.process} ${line.id}`;
    const begun = open.get(call);
    if (line.type === 'invoke') {
      if (begun !== undefined) throw new HistoryError(i + 1, `${line.process} invokes ${line.op} ${line.id}, which is not over`);
      open.set(call, { at: out.length, invoke: line });
      out.push({ process: line.process, op: line.op, invoke: line, done: undefined, outcome: 'info', value: line });
      continue;
    }
    if (begun === undefined || begun.invoke.op !== line.op) throw new HistoryError(i + 1, `${line.process} ends ${line.op} ${line.id}, which it did not invoke`);
    open.delete(call);
    out[begun.at] = { process: line.process, op: line.op, invoke: begun.invoke, done: line, outcome: line.type, value: { ...begun.invoke, ...line } };
  }
  return out;
}

/** What a consumer is, by its `join`. */
export interface Member {
  readonly process: string;
  readonly group: string;
  readonly topic: string;
  /** `clustering`, `orderly`, `broadcasting`, `pop`; `concurrent` is clustering with several threads, which keep no order. */
  readonly mode: string;
  readonly expression: string;
}

/** A history as checkers read it. */
export class History {
  /** In order of time. */
  readonly lines: readonly HistoryLine[];
  /** In the order of their beginnings. */
  readonly operations: readonly Operation[];
  private readonly byOp = new Map<Op, Operation[]>();

  /** @throws HistoryError when calls do not match. */
  constructor(lines: readonly HistoryLine[]) {
    this.lines = lines.map((line, i) => ({ line, i })).sort((a, b) => a.line.time - b.line.time || a.i - b.i).map(({ line }) => line);
    this.operations = pair(this.lines);
    for (const one of this.operations) {
      const list = this.byOp.get(one.op);
      if (list === undefined) this.byOp.set(one.op, [one]);
      else list.push(one);
    }
  }

  of(op: Op): readonly Operation[] {
    return this.byOp.get(op) ?? [];
  }

  /** Consumers by process; a process that joins again is one member still. */
  members(): ReadonlyMap<string, Member> {
    return new Map(this.of('join').map(({ process, value }) => [process, {
      process, group: value.group ?? '', topic: value.topic ?? '', mode: value.mode ?? 'clustering', expression: value.expression ?? '*',
    }]));
  }

  /** Groups whose members share their messages, and those of mode broadcasting, by name. */
  groups(broadcasting: boolean): ReadonlyMap<string, readonly Member[]> {
    const out = new Map<string, Member[]>();
    for (const member of this.members().values()) {
      if ((member.mode === 'broadcasting') === broadcasting) out.set(member.group, [...(out.get(member.group) ?? []), member]);
    }
    return out;
  }
}

/** Whether a subscription expression takes a tag (`TAG` type: `*`, or tags joined by `||`). */
export function accepts(expression: string, tag: string | undefined): boolean {
  if (expression.trim() === '' || expression.trim() === '*') return true;
  return tag !== undefined && expression.split('||').some((one) => one.trim() === tag);
}

/** The queue and offset a message has, for sentences and as a key. */
export function placeOf(value: Value): string {
  return `queue ${value.queueId ?? '?'} offset ${value.queueOffset ?? '?'}`;
}
