/** The command line of `conform`: flags become options, a text to print, or a UsageError of one line. */
import { parseArgs } from 'node:util';
import { levels, type Level } from './case.js';
import { splitAddress } from './connection.js';
import { profiles } from './endpoint.js';
import { featureNames, type Feature } from './features.js';
import { sdkNames, type SdkName } from '../sdk-driver.js';
import type { Credentials } from './wire/sign.js';
import { workloads } from './workload/workloads.js';

export const help = `Usage: skylark conform --namesrv HOST:PORT [options]

Runs named conformance cases against a RocketMQ endpoint and judges it.

Endpoint
  -n, --namesrv HOST:PORT   name server (its cluster information names the broker)
  -b, --broker HOST:PORT    broker, where the name server's answer is not the one to use
      --grpc HOST:PORT      gRPC endpoint; without it gRPC cases are not applicable
      --store DIR           the broker's store directory; without it store cases are not applicable
      --access-key KEY          sign every request as this user, with
      --secret-key KEY          this key; better in CONFORM_ACCESS_KEY and CONFORM_SECRET_KEY, where other users do not see it
      --profile NAME        what may be asked of it: ${Object.keys(profiles).join(', ')}   (full)
      --kind NAME           apache, skylark, ...: which list of known failures holds     (found out)
      --with FEATURE,...    features that are there, whatever probing says
      --without FEATURE,... features that are not
      --start WHAT          start the endpoint, and stop it afterwards: skylark or apache-VERSION

Cases
      --list                print the cases and end
      --only GLOB,...       only cases whose name matches; may be given several times
      --skip GLOB,...       not these
      --area NAME,...       only these areas
      --level LEVEL         only cases of this level and above, all of them required: MUST, SHOULD, MAY, INFORMATIONAL
      --destructive         also cases that change the endpoint beyond the kit's own topics and groups

Run
      --parallel N          cases at a time, 1..64                    (4)
      --timeout MS          for one case, 100..600000                 (10000)
      --seed N              0..4294967295                             (random, printed)
      --prefix TEXT         begins every topic and group name         (conform_)
      --clean               runs nothing: deletes all topics and groups of the endpoint that begin with the prefix, whatever run left them

Self-check: the kit judged by a saboteur in front of a correct endpoint
      --self-check          acquit an honest proxy, convict every sabotage of the catalogue
      --only-sabotage GLOB,...  only these
      --thorough            all cases judge each sabotage, not only the likely ones until one notices

Faults: traffic while the network or the process fails, then recovery and a judgement of the history
      --faults [NAME,...|all]   delay, cut, kill, ... instead of the cases (--list names them); those of the process need --start
      --duration S          of each fault's schedule, 0.5..3600           (5)

Workloads: producers and consumers play for a while, checkers judge the history of what they did
      --workload NAME,...   these instead of cases, or all: ${workloads.map((one) => one.name).join(', ')}
      --duration S          producers send this long, 0.5..3600       (2.5)
      --history DIR         each history as NAME.jsonl
      --driver NAME         a real client library plays the workloads, or is the traffic of --faults:
                            ${sdkNames.join(', ')}

Client libraries: the kit plays name server and brokers, and judges the client
      --client WHAT         sdk:NAME (a remoting library of --driver), or a command with {namesrv} {topic} {group} {scenario}

Reports
      --json FILE           everything, as data (- is stdout)
      --junit FILE          JUnit XML
      --markdown FILE       a page for people
      --html FILE           one self-contained page with wire logs
      --badge FILE          an SVG badge
      --merge FILE FILE...  runs nothing: reads reports of --json, writes them side by side with --html or --markdown
      --verdicts FILE       compare with recorded verdicts; the exit code is 1 when any changed, else 0
      --update-verdicts FILE  record the verdicts
      --verbose             the wire log of each failed case on the terminal
  -h, --help

Exit codes: 0 every required case passed (or is not applicable, skipped or a known failure); 1 a required case failed; 2 usage;
3 the endpoint is not reachable or not RocketMQ. Required are the MUST cases; with --level also those down to that level.
`;

/** A command line that cannot be run; one line for stderr. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

export interface ConformOptions {
  readonly namesrv: string | undefined;
  readonly broker: string | undefined;
  readonly grpc: string | undefined;
  readonly storeDir: string | undefined;
  readonly credentials: Credentials | undefined;
  readonly profile: string;
  readonly kind: string | undefined;
  readonly with: readonly Feature[];
  readonly without: readonly Feature[];
  readonly start: string | undefined;
  readonly list: boolean;
  readonly only: readonly string[];
  readonly skip: readonly string[];
  readonly areas: readonly string[];
  readonly level: Level | undefined;
  readonly destructive: boolean;
  readonly parallel: number;
  readonly timeoutMs: number;
  readonly seed: number | undefined;
  readonly prefix: string;
  readonly verbose: boolean;
  /** Deletes what begins with the prefix, instead of a run. */
  readonly clean: boolean;
  readonly selfCheck: boolean;
  readonly onlySabotage: readonly string[];
  readonly thorough: boolean;
  /** Names of faults, or `all`; undefined: none. */
  readonly faults: readonly string[] | undefined;
  /** Names of workloads to play instead of cases; empty for cases. */
  readonly workloads: readonly string[];
  /** How long a workload sends, or the schedule of each fault is. */
  readonly durationMs: number | undefined;
  readonly historyDir: string | undefined;
  /** The client library that plays workloads and faults; undefined: the kit itself. */
  readonly driver?: SdkName;
  /** --parallel as it was given, for what has another default. */
  readonly parallelGiven: number | undefined;
  /** The client library to judge instead of an endpoint: `sdk:NAME` or a command. */
  readonly client?: string;
  /** Reports to read instead of a run. */
  readonly merge?: readonly string[];
  readonly files: { readonly json?: string; readonly junit?: string; readonly markdown?: string; readonly html?: string; readonly badge?: string };
  readonly verdicts?: string;
  readonly updateVerdicts?: string;
}

const flags = {
  'namesrv': { type: 'string', short: 'n' }, 'broker': { type: 'string', short: 'b' }, 'grpc': { type: 'string' }, 'store': { type: 'string' }, 'access-key': { type: 'string' }, 'secret-key': { type: 'string' },
  'profile': { type: 'string' }, 'kind': { type: 'string' }, 'with': { type: 'string', multiple: true }, 'without': { type: 'string', multiple: true },
  'start': { type: 'string' }, 'list': { type: 'boolean' }, 'only': { type: 'string', multiple: true }, 'skip': { type: 'string', multiple: true },
  'area': { type: 'string', multiple: true }, 'level': { type: 'string' }, 'destructive': { type: 'boolean' }, 'parallel': { type: 'string' },
  'timeout': { type: 'string' }, 'seed': { type: 'string' }, 'prefix': { type: 'string' }, 'json': { type: 'string' }, 'junit': { type: 'string' },
  'markdown': { type: 'string' }, 'html': { type: 'string' }, 'badge': { type: 'string' }, 'verdicts': { type: 'string' }, 'update-verdicts': { type: 'string' }, 'merge': { type: 'string', multiple: true }, 'verbose': { type: 'boolean' }, 'clean': { type: 'boolean' }, 'help': { type: 'boolean', short: 'h' },
  'self-check': { type: 'boolean' }, 'only-sabotage': { type: 'string', multiple: true }, 'thorough': { type: 'boolean' },
  'faults': { type: 'string', multiple: true },
  'client': { type: 'string' },
  'workload': { type: 'string', multiple: true }, 'duration': { type: 'string' }, 'history': { type: 'string' }, 'driver': { type: 'string' },
} as const;

/** Reads a command line. A string is text to print before exit 0. @throws UsageError. */
export function readConformOptions(argv: readonly string[]): ConformOptions | string {
  let values;
  let merge: readonly string[] | undefined;
  try {
    const parsed = parseArgs({ args: withFaultNames(argv), options: flags, allowPositionals: true });
    values = parsed.values;
    merge = values.merge === undefined ? undefined : [...values.merge, ...parsed.positionals];
    if (merge === undefined && parsed.positionals.length > 0) throw new Error(`Unexpected argument '${parsed.positionals[0] ?? ''}'`);
  } catch (error) {
    throw new UsageError(`${(error instanceof Error ? error.message : String(error)).split('\n')[0]?.replace(/\. To specify.*/, '') ?? ''} (--help lists the options)`);
  }
  if (values.help === true) return help;
  const address = (flag: 'namesrv' | 'broker' | 'grpc'): string | undefined => {
    const value = values[flag];
    if (value !== undefined && splitAddress(value) === undefined) throw new UsageError(`--${flag} takes HOST:PORT, not '${value}'`);
    return value;
  };
  const int = (flag: 'parallel' | 'timeout' | 'seed', min: number, max: number): number | undefined => {
    const value = values[flag];
    if (value === undefined) return undefined;
    const number = /^\d{1,10}$/.test(value) ? Number(value) : NaN;
    if (!(number >= min && number <= max)) throw new UsageError(`--${flag} takes a number from ${min} to ${max}, not '${value}'`);
    return number;
  };
  const list = (value: readonly string[] | undefined): string[] => (value ?? []).flatMap((one) => one.split(',')).map((one) => one.trim()).filter((one) => one !== '');
  const featureList = (flag: 'with' | 'without'): Feature[] => list(values[flag]).map((name) => {
    const feature = featureNames.find((known) => known === name);
    if (feature === undefined) throw new UsageError(`--${flag}: no feature '${name}'; there are ${featureNames.join(', ')}`);
    return feature;
  });
  const level = values.level === undefined ? undefined : levels.find((one) => one === values.level?.toUpperCase());
  if (values.level !== undefined && level === undefined) throw new UsageError(`--level must be one of ${levels.join(', ')}, not '${values.level}'`);
  const profile = values.profile ?? 'full';
  if (!Object.hasOwn(profiles, profile)) throw new UsageError(`--profile must be one of ${Object.keys(profiles).join(', ')}, not '${profile}'`);
  if (values.start !== undefined && !/^(?:skylark|apache-\d+\.\d+\.\d+)$/.test(values.start)) throw new UsageError(`--start takes skylark or apache-VERSION, not '${values.start}'`);
  if (values.start !== undefined && (values.namesrv !== undefined || values.broker !== undefined)) throw new UsageError('--start brings its own name server and broker');
  const prefix = values.prefix ?? 'conform_';
  if (!/^[A-Za-z0-9_-]{1,24}$/.test(prefix)) throw new UsageError(`--prefix takes 1 to 24 letters, digits, _ or -, not '${prefix}'`);
  const namesrv = address('namesrv');
  if (namesrv === undefined && values.start === undefined && values.store === undefined && values.list !== true && merge === undefined && values.client === undefined) throw new UsageError('--namesrv HOST:PORT is missing, or --store DIR (--help lists the options)');
  if (values.clean === true && namesrv === undefined) throw new UsageError('--clean needs --namesrv');
  const accessKey = values['access-key'] ?? process.env['CONFORM_ACCESS_KEY'];
  const secretKey = values['secret-key'] ?? process.env['CONFORM_SECRET_KEY'];
  if ((accessKey === undefined) !== (secretKey === undefined)) throw new UsageError('--access-key and --secret-key belong together');
  const credentials = accessKey === undefined || secretKey === undefined ? undefined : { accessKey, secretKey };
  const { json, junit, markdown, html, badge } = values;
  const selfCheck = values['self-check'] === true;
  if (!selfCheck && (values['only-sabotage'] !== undefined || values.thorough === true)) throw new UsageError('--only-sabotage and --thorough belong to --self-check');
  const played = list(values.workload);
  const unknown = played.find((name) => name !== 'all' && !workloads.some((one) => one.name === name));
  if (unknown !== undefined) throw new UsageError(`--workload: no workload '${unknown}'; there are all, ${workloads.map((one) => one.name).join(', ')}`);
  if (played.length === 0 && ((values.faults === undefined ? values.duration : undefined) ?? values.history) !== undefined) throw new UsageError('--duration and --history belong to --workload');
  if (played.length > 0 && selfCheck) throw new UsageError('--self-check judges with cases, not with --workload');
  const driver = values.driver === undefined ? undefined : sdkNames.find((one) => one === values.driver);
  if (values.driver !== undefined && driver === undefined) throw new UsageError(`--driver: no client library '${values.driver}'; there are ${sdkNames.join(', ')}`);
  if (driver !== undefined && played.length === 0 && values.faults === undefined) throw new UsageError('--driver belongs to --workload and --faults');
  const seconds = values.duration === undefined ? undefined : /^\d{1,4}(?:\.\d{1,3})?$/.test(values.duration) ? Number(values.duration) : NaN;
  if (seconds !== undefined && !(seconds >= 0.5 && seconds <= 3600)) throw new UsageError(`--duration takes seconds from 0.5 to 3600, not '${values.duration ?? ''}'`);
  if (selfCheck && (junit ?? html ?? badge) !== undefined) throw new UsageError('--self-check writes --json and --markdown only');
  if (values.faults !== undefined && (selfCheck || played.length > 0)) throw new UsageError('--faults is a run of its own, without --self-check and --workload');
  if (values.client !== undefined && (namesrv !== undefined || values.start !== undefined || selfCheck || values.faults !== undefined || played.length > 0)) throw new UsageError('--client is a run of its own: the kit plays the endpoint');
  return {
    namesrv, broker: address('broker'), grpc: address('grpc'), storeDir: values.store, credentials, profile, kind: values.kind, with: featureList('with'), without: featureList('without'),
    start: values.start, list: values.list === true, only: list(values.only), skip: list(values.skip), areas: list(values.area), level,
    destructive: values.destructive === true, parallel: int('parallel', 1, 64) ?? 4, timeoutMs: int('timeout', 100, 600_000) ?? 10_000,
    seed: int('seed', 0, 0xffffffff), prefix, verbose: values.verbose === true, clean: values.clean === true,
    selfCheck, onlySabotage: list(values['only-sabotage']), thorough: values.thorough === true, faults: values.faults === undefined ? undefined : list(values.faults),
    workloads: played.includes('all') ? workloads.map((one) => one.name) : played, durationMs: seconds === undefined ? undefined : seconds * 1000, historyDir: values.history, parallelGiven: int('parallel', 1, 64),
    ...(values.verdicts === undefined ? {} : { verdicts: values.verdicts }), ...(values['update-verdicts'] === undefined ? {} : { updateVerdicts: values['update-verdicts'] }),
    ...(merge === undefined ? {} : { merge }), ...(values.client === undefined ? {} : { client: values.client }), ...(driver === undefined ? {} : { driver }),
    files: {
      ...(json === undefined ? {} : { json }), ...(junit === undefined ? {} : { junit }), ...(markdown === undefined ? {} : { markdown }),
      ...(html === undefined ? {} : { html }), ...(badge === undefined ? {} : { badge }),
    },
  };
}

/** `--faults` without names means all of them. */
function withFaultNames(argv: readonly string[]): string[] {
  return argv.flatMap((word, i) => (word === '--faults' && (argv[i + 1] === undefined || argv[i + 1]?.startsWith('-') === true) ? ['--faults=all'] : [word]));
}
