/** What a sabotage is, and the few ways to write one. */
import { req } from '../codes.js';
import type { Feature } from '../features.js';
import type { Command } from '../wire/frame.js';
import type { GrpcHooks } from './grpc-proxy.js';
import { recordsIn } from './records.js';

/** A sabotage's view of one client connection. */
export interface Link {
  readonly role: 'broker' | 'namesrv';
  toClient(frame: Command): void;
  toServer(frame: Command): void;
  /** A request of the saboteur's own over this connection; undefined when the connection ends first. */
  ask(request: Pick<Command, 'code' | 'ext'> & Partial<Command>): Promise<Command | undefined>;
  /** Runs something later, unless the connection has ended. */
  later(ms: number, run: () => void): void;
  /** Cuts both sides. */
  close(): void;
}

/** undefined: as it is; a frame or frames: these instead; drop: nothing (what is to follow is sent through the link). */
export type Outcome = Command | readonly Command[] | 'drop' | undefined;

/** What a sabotage does; everything it leaves out is honest. Frames are never altered in place. */
export interface Hooks {
  request?(request: Command, link: Link): Outcome;
  answer?(answer: Command, request: Command, link: Link): Outcome;
  /** A request that the server sends by itself. */
  push?(request: Command, link: Link): Outcome;
  /** Bytes of a client that are no frames. */
  garbage?(bytes: Buffer, link: Link): 'drop' | undefined;
}

export interface Sabotage {
  /** Permanent, lower-case, dotted, beginning with its area. */
  readonly name: string;
  /** What the endpoint does wrong, one sentence. */
  readonly does: string;
  /** The promise that breaks, one sentence. */
  readonly breaks: string;
  /** Features the endpoint needs for it to be possible. */
  readonly needs?: readonly Feature[];
  /** Globs of the cases that should notice, the likeliest first; they run in this order. */
  readonly witnesses: readonly string[];
  /** Its cases change the endpoint for everybody: they run by themselves at the end, destructive ones too. */
  readonly alone?: boolean;
  /** What it does to the frames of remoting; fresh state for each proxy. */
  hooks?(): Hooks;
  /** What it does to the messages of gRPC, likewise. */
  grpc?(): GrpcHooks;
  /** What it does to a copy of the endpoint's files. */
  files?(dir: string): void;
}

/** A sabotage with the area its name begins with. */
export interface RegisteredSabotage extends Sabotage {
  readonly area: string;
}

/** The sabotages of an area. @throws Error for a name outside of it. */
export function defineSabotages(area: string, list: readonly Sabotage[]): readonly RegisteredSabotage[] {
  for (const { name } of list) if (!name.startsWith(`${area}.`)) throw new Error(`sabotage ${name} does not begin with '${area}.'`);
  return list.map((one) => ({ ...one, area }));
}

/** Requests that store one message. */
export const sends: readonly number[] = [req.SEND_MESSAGE, req.SEND_MESSAGE_V2];

type Codes = number | readonly number[];

const has = (codes: Codes, code: number): boolean => (typeof codes === 'number' ? codes === code : codes.includes(code));

/** Hooks that see requests of these codes. */
export function onRequest(codes: Codes, run: (request: Command, link: Link) => Outcome): Hooks {
  return { request: (request, link) => (has(codes, request.code) ? run(request, link) : undefined) };
}

/** Hooks that see answers, of any response code, to requests of these codes. */
export function onAnswer(codes: Codes, run: (answer: Command, request: Command, link: Link) => Outcome): Hooks {
  return { answer: (answer, request, link) => (has(codes, request.code) ? run(answer, request, link) : undefined) };
}

/** Hooks that see successful answers to requests of these codes. */
export function onSuccess(codes: Codes, run: (answer: Command, request: Command, link: Link) => Outcome): Hooks {
  return onAnswer(codes, (answer, request, link) => (answer.code === 0 ? run(answer, request, link) : undefined));
}

/** Hooks that alter the stored messages in successful answers; the list they return may be shorter or longer, and the same list changes nothing. */
export function onRecords(codes: Codes, run: (records: readonly Buffer[], answer: Command, request: Command) => readonly Buffer[]): Hooks {
  return onSuccess(codes, (answer, request) => {
    const records = recordsIn(answer.body);
    const out = records === undefined ? undefined : run(records, answer, request);
    return out === undefined || out === records ? undefined : withRecords(answer, out);
  });
}

/** Success that nothing stands behind: the request is not passed on. */
export function pretend(codes: Codes, ext: (request: Command) => Record<string, string> = () => ({})): Hooks {
  return onRequest(codes, (request, link) => {
    if ((request.flag & 2) === 0) link.toClient(answerTo(request, 0, { ext: ext(request) }));
    return 'drop';
  });
}

/** An answer of the saboteur's own. */
export function answerTo(request: Command, code: number, parts: Partial<Pick<Command, 'ext' | 'body' | 'remark'>> = {}): Command {
  return { code, language: 'JAVA', version: request.version, opaque: request.opaque, flag: 1, remark: undefined, ext: {}, serialize: request.serialize, body: Buffer.alloc(0), ...parts };
}

/** The frame with some header fields set, or (undefined) left out. */
export function withExt(frame: Command, fields: Readonly<Record<string, string | number | undefined>>): Command {
  const ext: Record<string, string> = { ...frame.ext };
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) delete ext[name];
    else ext[name] = String(value);
  }
  return { ...frame, ext };
}

/** The frame with a number in a header field moved by `by`; unchanged without such a field. */
export function moved(frame: Command, field: string, by: number): Command | undefined {
  const value = Number(frame.ext[field] ?? NaN);
  return Number.isSafeInteger(value) ? withExt(frame, { [field]: value + by }) : undefined;
}

/** The frame with these stored messages as its body. */
export function withRecords(answer: Command, records: readonly Buffer[]): Command {
  return records.length === 0 ? { ...answer, code: 19, remark: 'NO_MATCHED_MESSAGE', body: Buffer.alloc(0) } : { ...answer, body: Buffer.concat(records) };
}

/** The frame with its body's text replaced; unchanged where the pattern does not occur. */
export function withText(frame: Command, pattern: RegExp, to: string | ((...match: string[]) => string)): Command | undefined {
  const text = frame.body.toString('utf8');
  const out = typeof to === 'string' ? text.replace(pattern, to) : text.replace(pattern, (...match: unknown[]) => to(...match.map(String)));
  return out === text ? undefined : { ...frame, body: Buffer.from(out, 'utf8') };
}

/** The topic a send names, in either form. */
export function topicOf(request: Command): string {
  return request.ext['b'] ?? request.ext['topic'] ?? '';
}

/** Several hooks as one; the first that alters a frame has it. */
export function together(...all: readonly Hooks[]): Hooks {
  const first = (outcomes: (() => Outcome)[]): Outcome => {
    for (const run of outcomes) {
      const outcome = run();
      if (outcome !== undefined) return outcome;
    }
    return undefined;
  };
  return {
    request: (request, link) => first(all.map((one) => () => one.request?.(request, link))),
    answer: (answer, request, link) => first(all.map((one) => () => one.answer?.(answer, request, link))),
    push: (request, link) => first(all.map((one) => () => one.push?.(request, link))),
  };
}
