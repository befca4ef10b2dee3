/** Reads a run back from what --json wrote. Every member is checked, for the file may come from anywhere. */
import { levels } from '../case.js';
import { verdicts, type CaseReport, type EndpointReport, type FailureReport, type HistoryOperation, type RunReport } from './types.js';
import type { WireEntry } from '../wire-log.js';

/** A file that is no report; one line that names the member. */
export class ReportError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ReportError';
  }
}

const kinds = ['assertion', 'endpoint', 'timeout', 'set-up', 'kit'] as const;
const directions = ['sent', 'received', 'event'] as const;
const outcomes = ['ok', 'fail', 'info'] as const;
const origins = ['hand', 'generated'] as const;

/** The report in a text. `name` (of the file) begins the message. Members that are not known are left out. @throws ReportError. */
export function readReport(text: string, name: string): RunReport {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ReportError(`${name} is no JSON`);
  }
  const run = new Reader(value, name);
  if (run.number('format') !== 1) throw new ReportError(`${name}: format is ${run.number('format')}, and this kit reads format 1`);
  const options = run.object('options');
  const level = options.optional('level', (o, key) => o.oneOf(key, levels));
  return {
    format: 1, kit: run.string('kit'), endpoint: readEndpoint(run.object('endpoint')), seed: run.number('seed'), started: run.string('started'), durationMs: run.number('durationMs'),
    options: { parallel: options.number('parallel'), timeoutMs: options.number('timeoutMs'), destructive: options.boolean('destructive'), prefix: options.string('prefix'), ...(level === undefined ? {} : { level }) },
    notes: run.strings('notes'), cases: run.objects('cases').map(readCase),
  };
}

function readEndpoint(from: Reader): EndpointReport {
  const version = from.optional('version', (o, key) => o.string(key));
  const grpc = from.optional('grpc', (o, key) => o.string(key));
  return {
    name: from.string('name'), kind: from.string('kind'), namesrv: from.string('namesrv'), broker: from.string('broker'), brokerName: from.string('brokerName'),
    cluster: from.string('cluster'), features: from.strings('features'), profile: from.string('profile'),
    ...(version === undefined ? {} : { version }), ...(grpc === undefined ? {} : { grpc }),
  };
}

function readCase(from: Reader): CaseReport {
  const reason = from.optional('reason', (o, key) => o.string(key));
  const failure = from.optional('failure', (o, key) => readFailure(o.object(key)));
  const issue = from.optional('issue', (o, key) => o.string(key));
  const history = from.optional('history', (o, key) => o.objects(key).map(readOperation));
  return {
    name: from.string('name'), area: from.string('area'), requirement: from.string('requirement'), level: from.oneOf('level', levels), source: from.string('source'),
    origin: from.oneOf('origin', origins), verdict: from.oneOf('verdict', verdicts), notes: from.strings('notes'), durationMs: from.number('durationMs'), wire: from.objects('wire').map(readWire),
    ...(reason === undefined ? {} : { reason }), ...(failure === undefined ? {} : { failure }), ...(issue === undefined ? {} : { issue }), ...(history === undefined ? {} : { history }),
  };
}

function readFailure(from: Reader): FailureReport {
  const expected = from.optional('expected', (o, key) => o.string(key));
  const actual = from.optional('actual', (o, key) => o.string(key));
  const stack = from.optional('stack', (o, key) => o.string(key));
  return { kind: from.oneOf('kind', kinds), message: from.string('message'), ...(expected === undefined ? {} : { expected }), ...(actual === undefined ? {} : { actual }), ...(stack === undefined ? {} : { stack }) };
}

const readWire = (from: Reader): WireEntry => ({
  atMs: from.number('atMs'), connection: from.string('connection'), direction: from.oneOf('direction', directions), bytes: from.number('bytes'), summary: from.string('summary'), hex: from.string('hex', /^(?:[0-9a-f]{2})*$/),
});

function readOperation(from: Reader): HistoryOperation {
  const completedMs = from.optional('completedMs', (o, key) => o.number(key));
  const anomaly = from.optional('anomaly', (o, key) => o.string(key));
  return { process: from.string('process'), op: from.string('op'), invokedMs: from.number('invokedMs'), outcome: from.oneOf('outcome', outcomes), value: from.string('value'), ...(completedMs === undefined ? {} : { completedMs }), ...(anomaly === undefined ? {} : { anomaly }) };
}

/** An object of the file and where it lies. */
class Reader {
  private readonly value: Readonly<Record<string, unknown>>;
  private readonly path: string;

  constructor(value: unknown, path: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ReportError(`${path} is no object`);
    this.value = value as Readonly<Record<string, unknown>>;
    this.path = path;
  }

  string(key: string, pattern?: RegExp): string {
    const value = this.value[key];
    if (typeof value !== 'string') return this.refuse(key, 'a string');
    return pattern === undefined || pattern.test(value) ? value : this.refuse(key, `text like ${pattern.source}`);
  }

  number(key: string): number {
    const value = this.value[key];
    return typeof value === 'number' ? value : this.refuse(key, 'a number');
  }

  boolean(key: string): boolean {
    const value = this.value[key];
    return typeof value === 'boolean' ? value : this.refuse(key, 'true or false');
  }

  oneOf<T extends string>(key: string, allowed: readonly T[]): T {
    return allowed.find((one) => one === this.value[key]) ?? this.refuse(key, `one of ${allowed.join(', ')}`);
  }

  strings(key: string): readonly string[] {
    const value = this.value[key];
    return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : this.refuse(key, 'a list of strings');
  }

  object(key: string): Reader {
    return new Reader(this.value[key], `${this.path}: ${key}`);
  }

  objects(key: string): readonly Reader[] {
    const value: unknown = this.value[key];
    return Array.isArray(value) ? value.map((one: unknown, i) => new Reader(one, `${this.path}: ${key}[${i}]`)) : this.refuse(key, 'a list');
  }

  optional<T>(key: string, read: (from: Reader, key: string) => T): T | undefined {
    return this.value[key] === undefined ? undefined : read(this, key);
  }

  private refuse(key: string, what: string): never {
    throw new ReportError(`${this.path}: ${key} is not ${what}`);
  }
}
