/** The command line of `npm run fuzz`. */
import { parseArgs } from 'node:util';

export const usage = `npm run fuzz -- [options]

  --target T      only this target; may be given several times
  --minutes N     how long the whole campaign runs (1); from 5 on, over all targets, it then looks for the planted bugs as well
  --seconds N     the same in seconds; both add up
  --executions N  ends each target after N runs
  --seed S        any text; today's date unless given. The same seed gives the same inputs
  --workers N     worker processes (half of the processors)
  --corpus DIR    begins with the inputs found there too, and keeps new ones there
  --list          targets and canaries
  --json          the summary as JSON
  --canary NAME   runs the target with this planted bug, until it is found
  --canaries      all of them: each has to be found within its budget
  --replay FILE   runs the input of a find again; with --target, any file
  --sim           schedules of a simulated cluster instead: name servers, brokers, clients and faults from one seed. With --canaries: planted bugs;
                  with --replay SEED/N: one schedule, with its trace
  --crash-points  a broker stopped at every operation of its disk, in both flush modes, by kill and power loss; with --canaries: planted bugs
  --stride N      of the crash points only every N-th (1)
  --part K/N      of those only the K-th of N interleaved parts: all parts together are all points
  --differential  random sequences to Skylark and to Apache 5.5.0, and what differs (needs Java and Maven). With --replay FILE or SEED/N: one of them
  --requests N    of --differential: ends after so many (10000, unless --minutes says otherwise)
  --merge         adds those inputs of --corpus DIR to the project's corpus that reach code which its own do not

  exit code: 0 nothing found, 1 something found (or a canary not found), 2 usage`;

export class UsageError extends Error {}

export interface Options {
  readonly targets: readonly string[];
  readonly millis: number;
  readonly executions: number;
  readonly seed: string;
  readonly workers: number;
  readonly corpus: string | undefined;
  readonly json: boolean;
  readonly canary: string | undefined;
  readonly replay: string | undefined;
  /** Of crash points: every so many. */
  readonly stride: number;
  /** Of those: which part of how many, from 1. */
  readonly part: readonly [number, number];
  /** Planted bugs, whatever the mode. */
  readonly canaries: boolean;
  /** Of the differential campaign: its requests to each side. */
  readonly requests: number;
  /** Whether a time was given. */
  readonly timed: boolean;
  readonly mode: 'differential' | 'sim' | 'crash-points' | 'campaign' | 'list' | 'canaries' | 'replay' | 'merge' | 'help';
}

export function parseOptions(args: readonly string[], today: string, processors: number): Options {
  const values = parsed(args);
  const minutes = number('minutes', values.minutes);
  const seconds = number('seconds', values.seconds);
  const mode = values.help === true ? 'help' : values.differential === true ? 'differential' : values.sim === true ? 'sim' : values['crash-points'] === true ? 'crash-points' : values.list === true ? 'list' : values.replay !== undefined ? 'replay' : values.merge === true ? 'merge' : values.canaries === true ? 'canaries' : 'campaign';
  if (mode === 'merge' && values.corpus === undefined) throw new UsageError('--merge needs --corpus DIR');
  return {
    targets: values.target ?? [],
    millis: minutes === undefined && seconds === undefined ? 60_000 : ((minutes ?? 0) * 60 + (seconds ?? 0)) * 1000,
    executions: number('executions', values.executions) ?? Number.MAX_SAFE_INTEGER,
    seed: values.seed ?? today,
    workers: Math.max(1, Math.floor(number('workers', values.workers) ?? processors / 2)),
    corpus: values.corpus,
    json: values.json === true,
    canary: values.canary,
    replay: values.replay,
    stride: Math.max(1, Math.floor(number('stride', values.stride) ?? 1)),
    part: partOf(values.part),
    canaries: values.canaries === true || values.canary !== undefined,
    timed: minutes !== undefined || seconds !== undefined,
    requests: number('requests', values.requests) ?? (minutes === undefined && seconds === undefined ? 10_000 : Number.MAX_SAFE_INTEGER),
    mode,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args], strict: true, allowPositionals: false,
      options: {
        target: { type: 'string', multiple: true }, minutes: { type: 'string' }, seconds: { type: 'string' }, executions: { type: 'string' }, seed: { type: 'string' },
        workers: { type: 'string' }, corpus: { type: 'string' }, list: { type: 'boolean' }, json: { type: 'boolean' }, canary: { type: 'string' }, canaries: { type: 'boolean' },
        replay: { type: 'string' }, merge: { type: 'boolean' }, sim: { type: 'boolean' }, differential: { type: 'boolean' }, requests: { type: 'string' }, 'crash-points': { type: 'boolean' }, stride: { type: 'string' }, part: { type: 'string' }, help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function partOf(text: string | undefined): readonly [number, number] {
  if (text === undefined) return [1, 1];
  const [, part, parts] = (/^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? []).map(Number);
  if (part === undefined || parts === undefined || part < 1 || part > parts) throw new UsageError(`--part takes K/N with K from 1 to N, not ${JSON.stringify(text)}`);
  return [part, parts];
}

function number(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) throw new UsageError(`--${name} takes a number above 0, not ${JSON.stringify(text)}`);
  return value;
}
