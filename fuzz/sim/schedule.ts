/**
 * One schedule: a cluster, clients of the conformance kit, faults, all from one seed; then everything is mended, the clients finish, and the kit's checkers
 * judge the history. Its verdict is the same each time it is run.
 */
import type { Context } from '../../conformance/kit/context.js';
import { judge as judgeTraffic, type Evidence } from '../../conformance/kit/faults/judge.js';
import { RawTraffic } from '../../conformance/kit/faults/raw-traffic.js';
import { runCheckers, type Anomaly } from '../../conformance/kit/workload/checkers/checker.js';
import { lost } from '../../conformance/kit/workload/checkers/lost.js';
import { nowhere } from '../../conformance/kit/workload/checkers/nowhere.js';
import { History, type HistoryLine } from '../../conformance/kit/workload/history.js';
import { Recorder } from '../../conformance/kit/workload/recorder.js';
import { Stage } from '../../conformance/kit/workload/stage.js';
import { workloads, type Workload } from '../../conformance/kit/workload/workloads.js';
import { SimulatedCrash } from '../../src/store/simulated-disk.js';
import type { Canary } from './canaries.js';
import { Cluster } from './cluster.js';
import { happen, planFaults, type Fault, type FaultKind } from './faults.js';
import { contextFor, enter } from './globals.js';
import type { Machine } from './machine.js';
import { World } from './world.js';

export interface Verdict {
  readonly seed: string;
  /** What was played, with which faults. */
  readonly play: string;
  readonly flush: 'ASYNC_FLUSH' | 'SYNC_FLUSH';
  readonly faults: readonly FaultKind[];
  /** What is wrong, in sentences; empty: nothing. */
  readonly violations: readonly string[];
  /** Of everything that happened: equal for equal seeds. */
  readonly digest: string;
  readonly events: number;
  /** Milliseconds of the world's time. */
  readonly worldMs: number;
  readonly acknowledged: number;
  readonly trace: readonly string[];
}

/** A schedule that takes longer, in its own time, hangs. */
const limitMs = 600_000;
/** How long consumers may take for what is left once everything is mended; and where some of it may be lost, which is then waited for in vain. */
const drainMsMax = 90_000;
const drainMsLossy = 15_000;
const drainMsOf = (plan: Plan): number => (wasLossy(plan) ? drainMsLossy : drainMsMax);
/** With ASYNC_FLUSH, what was acknowledged so shortly before a power loss may be lost: `flushIntervalCommitLog`, and what a sync takes. */
const windowMs = 500 + 400;

/** Kinds after which machines had to start again. */
const ending: readonly FaultKind[] = ['kill', 'kill-at-write', 'power', 'restart', 'skew', 'flip', 'namesrv-kill'];

/** What the kit plays here beside its traffic; `rebalance` and `retry` count what faults legally change. */
const plays: readonly Workload[] = workloads.filter((one) => !['rebalance'].includes(one.name));

let current: World | undefined;

/** Errors that nobody caught, of the schedule at hand. A process that was killed in the middle of its work leaves some. */
export function escape(error: unknown): void {
  if (!ignorable(error)) current?.escaped.push(error);
}

/** What is left of a process that met its end. */
export function ignorable(error: unknown): boolean {
  return error instanceof Error && error.message.includes(new SimulatedCrash().message);
}

interface Plan {
  readonly world: World;
  readonly cluster: Cluster;
  readonly flush: Verdict['flush'];
  readonly durationMs: number;
  readonly faults: readonly Fault[];
}

export async function runSchedule(seed: string, canary?: Canary): Promise<Verdict> {
  const world = new World(seed);
  const { random } = world;
  current = world;
  const flush = random.once(2) ? 'SYNC_FLUSH' : 'ASYNC_FLUSH';
  const workload = random.once(3) ? undefined : random.pick(plays);
  const durationMs = Math.round(world.between(80, workload === undefined ? 700 : 250));
  const cluster = new Cluster(world, {
    brokers: random.once(3) ? 2 : 1, namesrvs: random.once(4) ? 2 : 1, wrapDisk: canary?.wrapDisk,
    settings: { flushDiskType: flush, transactionTimeOut: '400', transactionCheckInterval: '200', flushConsumerOffsetInterval: '700', ...canary?.settings },
  });
  world.notice = () => { cluster.notice(); };
  enter({ world, network: cluster.network });
  const plan: Plan = { world, cluster, flush, durationMs, faults: planFaults(world, durationMs, canary?.without) };
  const violations: string[] = [];
  let acknowledged = 0;
  try {
    const done = await world.run(workload === undefined ? playTraffic(plan) : playWorkload(plan, workload), limitMs);
    violations.push(...done.violations);
    acknowledged = done.acknowledged;
  } catch (error) {
    violations.push(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }
  violations.push(...cluster.failedStarts, ...world.escaped.map((error) => `escaped: ${error instanceof Error ? error.stack ?? error.message : String(error)}`));
  for (const machine of [...cluster.brokers, ...cluster.namesrvs]) machine.kill('kill');
  enter(undefined);
  for (const one of violations) world.tell('verdict', one);
  return {
    seed, play: workload?.name ?? 'traffic', flush, faults: [...cluster.happened], violations, digest: world.digest(), events: world.events,
    worldMs: Math.round(world.now), acknowledged, trace: world.lines,
  };
}

interface Done {
  readonly violations: readonly string[];
  readonly acknowledged: number;
}

/** Producers that send until each message is acknowledged, consumers that resume from what they committed: one pair for each broker. */
async function playTraffic(plan: Plan): Promise<Done> {
  const { world, cluster } = plan;
  await cluster.start();
  const all: { readonly traffic: RawTraffic; readonly broker: Machine }[] = [];
  for (const broker of cluster.brokers) {
    const t = contextOf(plan, broker, 'traffic');
    const queues = 1 + world.random.below(3);
    const topic = await t.topic({ queues, route: true });
    const group = await t.group();
    const traffic = new RawTraffic({ namesrv: `${world.random.pick(cluster.namesrvs).host}:9876`, brokerName: broker.name, topic, group, queues, producers: 1 + world.random.below(2), paceMs: 10 + world.random.below(40), requestMs: 1500 });
    all.push({ traffic, broker });
  }
  for (const { traffic } of all) traffic.start();
  await Promise.all([world.sleep(plan.durationMs), ...faultsOf(plan)]);
  await mend(cluster);
  for (const { traffic } of all) await traffic.finish(drainMsOf(plan));
  for (const { traffic, broker } of all) await traffic.read(`${broker.host}:10911`);
  const violations: string[] = [];
  let acknowledged = 0;
  for (const { traffic } of all) {
    const evidence: Evidence = { lines: traffic.recorder.lines, attempts: traffic.attempts, resumes: traffic.resumes, tellsPlaces: traffic.tellsPlaces, crashed: hadEnded(cluster) };
    acknowledged += traffic.acknowledged;
    violations.push(...sentences(cluster, wasLossy(plan) ? lenient(plan, evidence.lines) : judgeTraffic(evidence).anomalies));
  }
  return { violations, acknowledged };
}

/** A workload of the kit on the first broker. Faults begin with its first message. */
async function playWorkload(plan: Plan, workload: Workload): Promise<Done> {
  const { world, cluster } = plan;
  await cluster.start();
  const [broker] = cluster.brokers;
  if (broker === undefined) throw new Error('a cluster without a broker');
  const t = contextOf(plan, broker, workload.name);
  const recorder = new Recorder((line) => { world.tell(line.process, `${line.type} ${line.op} ${line.key ?? ''} ${line.queueId ?? ''}@${line.queueOffset ?? ''} ${line.error ?? ''}`); });
  const stage = new Stage(t, recorder, { durationMs: plan.durationMs, seed: world.random.word(), get drainMs() { return drainMsOf(plan); } });
  const play = workload.play(stage);
  const faulty = (async () => {
    while (!recorder.lines.some((line) => line.op === 'send')) await world.sleep(5);
    await Promise.all(faultsOf(plan));
    await mend(cluster);
  })();
  try {
    await Promise.race([play, faulty.then(() => play)]);
    await faulty;
    await stage.finish();
  } finally {
    await stage.stopConsumers();
  }
  await t.end();
  const acknowledged = recorder.lines.filter((line) => line.op === 'send' && line.type === 'ok').length;
  if (wasLossy(plan)) return { acknowledged, violations: sentences(cluster, lenient(plan, recorder.lines)) };
  const results = runCheckers(checkersOf(plan, workload), new History(recorder.lines));
  return { acknowledged, violations: sentences(cluster, results.flatMap((one) => one.anomalies).filter((one) => !isUnsyncedBack(plan, recorder.lines, one))) };
}

/** What faults legally change is not judged where they happened. */
function checkersOf({ cluster, faults }: Plan, workload: Workload): Workload['checkers'] {
  if (faults.length === 0) return workload.checkers;
  const hard = hadEnded(cluster) ? ['lost', 'nowhere', 'transactions', 'delay', 'filter', 'broadcast'] : ['lost', 'nowhere', 'transactions', 'delay', 'filter', 'broadcast', 'places'];
  return workload.checkers.filter((one) => hard.includes(one.name) && !(one.name === 'delay' && cluster.happened.has('skew')));
}

const hadEnded = (cluster: Cluster): boolean => ending.some((kind) => cluster.happened.has(kind));

/**
 * What a consumer sent back is acknowledged without a sync, as Apache does (`AbstractSendMessageProcessor#consumerSendMsgBack`: `setWaitStoreMsgOK(false)`), and with ASYNC_FLUSH nothing
 * that says who popped a message is synced either: a power loss may take it, and the message with it.
 */
function isUnsyncedBack({ cluster: { powerLosses }, flush }: Plan, lines: readonly HistoryLine[], { name, excerpt }: Anomaly): boolean {
  if (name !== 'never-taken') return false;
  const keys = new Set(excerpt.map((line) => line.key));
  const unsynced = flush === 'SYNC_FLUSH' ? ['back'] : ['back', 'receive'];
  return lines.some((line) => unsynced.includes(line.op) && line.type === 'ok' && keys.has(line.key) && inWindow(line, powerLosses));
}

/** Whether it happened so shortly before a power loss that nothing of it may have been synced. */
function inWindow(line: HistoryLine, powerLosses: readonly number[]): boolean {
  return powerLosses.some((at) => line.time >= at - windowMs && line.time <= at + 5);
}

/** More was lost than the mode forbids: unsynced messages with ASYNC_FLUSH, or by decay. */
function wasLossy({ cluster, flush }: Plan): boolean {
  return cluster.happened.has('flip') || (flush === 'ASYNC_FLUSH' && cluster.powerLosses.length > 0);
}

/**
 * The promise that is left: nothing invented, and with ASYNC_FLUSH only what was acknowledged within the window before a power loss may be gone. A consumer
 * that was ahead of what is left does not see the messages that take those offsets again.
 */
function lenient(plan: Plan, lines: readonly HistoryLine[]): Anomaly[] {
  const { cluster } = plan;
  const anomalies = runCheckers([lost(), nowhere()], new History(lines)).flatMap((one) => one.anomalies);
  if (cluster.happened.has('flip')) return anomalies.filter((one) => !['lost', 'never-taken'].includes(one.name));
  const lastLoss = Math.max(...cluster.powerLosses);
  const reached = new Map<string, number>();
  for (const { time, topic, queueId, queueOffset } of lines) {
    // What was on its way to a client when the power went is noted a moment later.
    if (time > lastLoss + 5 || queueId === undefined || queueOffset === undefined) continue;
    for (const queue of topic === undefined ? [`${queueId}`] : [`${queueId}`, `${topic} ${queueId}`]) reached.set(queue, Math.max(reached.get(queue) ?? -1, queueOffset));
  }
  const excused = (line: HistoryLine, half: boolean): boolean => line.op === 'send' && line.type === 'ok' && (
    inWindow(line, cluster.powerLosses)
    // Of a transactional message the answer tells the place of the half, and none of the message.
    || (line.time > Math.min(...cluster.powerLosses) && (half ? 0 : line.queueOffset ?? 0) <= (reached.get(`${line.queueId ?? ''}`) ?? -1)));
  const isHalf = (excerpt: readonly HistoryLine[]): boolean => excerpt.some((line) => line.op === 'send' && line.transactional === true);
  return anomalies.filter((one) => !isUnsyncedBack(plan, lines, one) && (one.name !== 'lost' || !one.excerpt.some((line) => excused(line, isHalf(one.excerpt)))));
}

function sentences(cluster: Cluster, anomalies: readonly Anomaly[]): string[] {
  for (const one of anomalies.slice(0, 3)) {
    for (const line of one.excerpt) cluster.world.tell('excerpt', `${(line.time - cluster.world.startMs).toFixed(1)} ${JSON.stringify(line)}`);
  }
  return anomalies.slice(0, 10).map((one) => `${one.name}: ${one.sentence}`);
}

function faultsOf({ world, cluster, faults }: Plan): Promise<void>[] {
  return faults.map(async (fault) => {
    await world.sleep(fault.atMs);
    await happen(cluster, fault);
  });
}

/** Whatever was broken works again. */
async function mend(cluster: Cluster): Promise<void> {
  cluster.world.tell('fault', 'all is mended');
  // A clock that stays wrong refuses pops as too late for good, as Apache's does (`PopMessageRequestHeader#isTimeoutTooMuch`).
  for (const machine of cluster.brokers) machine.setClock();
  for (const machine of [...cluster.namesrvs, ...cluster.brokers]) await cluster.alone(machine, () => cluster.revive(machine));
  cluster.network.sweep();
}

function contextOf({ world, cluster }: Plan, broker: Machine, name: string): Context {
  return contextFor(world, { host: broker.host, name, brokerName: broker.name, namesrv: `${cluster.namesrvs[0]?.host ?? ''}:9876` });
}
