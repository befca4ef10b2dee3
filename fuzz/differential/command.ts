/** The command around a campaign: starts both servers, runs, compares the stores they leave, tells. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApacheEndpoint } from '../../conformance/adapters/apache/apache.js';
import { missingForJava } from '../../conformance/adapters/apache/install.js';
import { SkylarkEndpoint } from '../../conformance/adapters/skylark.js';
import type { Endpoint } from '../../conformance/endpoint.js';
import type { Options } from '../options.js';
import { describeFind, prepare, runCampaign, runCanaries, stepsOf, type Bounds, type Summary } from './campaign.js';
import { Judge, type Sides } from './judge.js';
import { describeStep } from './steps.js';
import { compareStores, readStores, type StoreDifferences } from './stores.js';
import { Watch } from './watch.js';

type Out = (text: string) => void;

/**
 * Both start with the same: patience on a busy machine, small queue files, no chance in POP, and no transaction that is asked about or written down in the meantime: three
 * seconds after the first one Apache's `TransactionalOpBatchService` would take a core for good.
 */
const config = {
  brokerName: 'broker-a', brokerClusterName: 'DefaultCluster', waitTimeMillsInSendQueue: 20_000, enablePropertyFilter: true, popFromRetryProbability: 0, recallMessageEnable: true,
  mappedFileSizeConsumeQueue: 20_000, transactionCheckInterval: 3_600_000, transactionOpBatchInterval: 3_600_000,
} as const;

export interface Pair {
  readonly sides: Sides & { readonly watch: Watch };
  readonly left: Endpoint;
  readonly right: Endpoint;
  readonly dispose: () => Promise<void>;
}

/** Two servers with stores that outlive them. @param peer what Skylark is compared with; itself is a check of the campaign */
export async function startPair(peer: 'apache' | 'skylark'): Promise<Pair> {
  const folder = mkdtempSync(join(tmpdir(), 'differential-'));
  const options = (name: string): { dataDir: string; config: typeof config } => ({ dataDir: join(folder, name), config });
  const starts = await Promise.allSettled([
    peer === 'apache' ? ApacheEndpoint.start(options('left')) : SkylarkEndpoint.start(options('left')), SkylarkEndpoint.start(options('right')),
  ]);
  const started: Endpoint[] = starts.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const dispose = async (): Promise<void> => {
    await Promise.allSettled(started.map((one) => one.dispose()));
    rmSync(folder, { recursive: true, force: true });
  };
  const [left, right] = started;
  const failed = starts.find((one) => one.status === 'rejected');
  if (failed !== undefined || left === undefined || right === undefined) {
    await dispose();
    throw failed === undefined ? new Error('not started') : failed.reason;
  }
  const side = ({ name, broker, namesrv }: Endpoint): Sides['left'] => ({ name, broker, namesrv });
  const sides = { left: side(left), right: side(right), watch: new Watch() };
  await prepare(sides);
  return { sides, left, right, dispose };
}

export async function runDifferential(options: Options, out: Out): Promise<number> {
  const missing = missingForJava();
  if (missing.length > 0) {
    out(`--differential needs ${missing.join(' and ')}`);
    return 2;
  }
  const pair = await startPair('apache');
  const quiet = options.json ? () => undefined : pair.sides.watch.every(out);
  try {
    if (options.replay !== undefined) return await replay(pair.sides, options.replay, out);
    return options.canaries ? await canariesAlone(pair.sides, options.seed, out) : await campaign(pair, options, out);
  } finally {
    quiet();
    await pair.dispose();
  }
}

/** A message sent back comes again within five seconds (delay levels 1 and 2). */
const lateMs = 6000;

/** Stops both in order, starts them again on their stores and reads these. */
async function compareLeft(pair: Pair, runs: readonly string[]): Promise<StoreDifferences> {
  const { watch } = pair.sides;
  watch.phase = 'both stop and start again';
  const again = async (endpoint: Endpoint): Promise<void> => {
    await endpoint.stop();
    if (existsSync(join(endpoint.dataDir, 'abort'))) throw new Error(`${endpoint.name} did not stop in order and was killed: its store says nothing`);
    await endpoint.restart();
  };
  await sleep(lateMs);
  await Promise.all([again(pair.left), again(pair.right)]);
  watch.phase = 'the stores are read';
  const [left, right] = await Promise.all([readStores(pair.sides.left, runs), readStores(pair.sides.right, runs)]);
  return compareStores(left, right);
}

/** Each planted difference has to be found. */
async function canariesAlone(sides: Sides, seed: string, out: Out): Promise<number> {
  const seen = await runCanaries(sides, seed, new Judge(sides));
  for (const one of seen) out(canaryLine(one));
  return seen.every((one) => one.found) ? 0 : 1;
}

const canaryLine = (one: Summary['canaries'][number]): string => `canary ${one.name}: ${one.found ? `found in sequence ${one.sequences}, cut down to ${one.steps} steps` : `LOST after ${one.sequences} sequences, ${one.steps} steps`}`;

async function campaign(pair: Pair, options: Options, out: Out): Promise<number> {
  const bounds: Bounds = { requests: options.requests, millis: options.timed ? options.millis : 3_600_000, inFlight: 12, minimizeRuns: 120, findsMax: 40 };
  const { summary, judge } = await runCampaign(pair.sides, options.seed, bounds, options.json ? () => undefined : out);
  summary.canaries.push(...(await runCanaries(pair.sides, options.seed, judge)));
  const stores = await compareLeft(pair, summary.alike);
  summary.stores = { queues: stores.queues, messages: stores.messages, differences: stores.differences.length };
  for (const id of stores.explained) summary.explained[id] = (summary.explained[id] ?? 0) + 1;
  const lost = summary.canaries.filter((one) => !one.found);
  if (options.json) out(JSON.stringify({ ...summary, alike: summary.alike.length }, null, 2));
  else {
    for (const find of summary.finds.filter((one) => one.apache === undefined)) out(describeFind({ ...find, steps: [] }, `npm run fuzz -- --differential --replay ${find.seed}`));
    for (const one of summary.unrepeated) out(`not repeated: ${one}`);
    for (const one of summary.canaries) out(canaryLine(one));
    for (const one of stores.differences.slice(0, 40)) out(`stores differ: ${one.run} ${one.label}: ${one.what}\n    apache:  ${one.apache.slice(0, 600)}\n    skylark: ${one.skylark.slice(0, 600)}`);
    out(`stores, after a stop and a start: ${summary.alike.length} sequences, ${stores.queues} queues, ${stores.messages} messages, ${stores.differences.length} differences`);
    out(`requests: ${words(summary.byRequest)}`);
    if (Object.keys(summary.explained).length > 0) out(`explained by rows of the divergences: ${words(summary.explained)}`);
    out(`seed ${summary.seed}: ${summary.sequences} sequences, ${summary.requests} requests to each side in ${summary.seconds.toFixed(0)} s, ${summary.finds.length} differences, ${summary.unrepeated.length} not repeated, ${summary.late.length} not over in time`);
  }
  return summary.finds.length + summary.late.length + lost.length + stores.differences.length === 0 ? 0 : 1;
}

async function replay(sides: Sides, what: string, out: Out): Promise<number> {
  const steps = stepsOf(what);
  const judge = new Judge(sides);
  const judged = await judge.judge(steps);
  for (const step of steps) out(describeStep(step));
  for (const text of judged.late) out(text);
  for (const one of judged.differences) out(`${one.label}: ${one.what}\n    apache:  ${one.apache}\n    skylark: ${one.skylark}`);
  const clean = judged.differences.length + judged.late.length === 0;
  out(`${what}: ${clean ? 'nothing to object' : `${judged.differences.length} differences`}`);
  return clean ? 0 : 1;
}

const words = (of: Readonly<Record<string, number>>): string => Object.entries(of).sort((a, b) => b[1] - a[1]).map(([name, times]) => `${name} ${times}`).join(', ');
