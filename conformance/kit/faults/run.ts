/**
 * The cases of `--faults`: for each fault, traffic runs while the fault happens by a schedule, then everything is healed, the endpoint
 * must recover, and the history is judged. They are ordinary cases for the runner; only their making needs what the command line says.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { defineCases, type RegisteredCase } from '../case.js';
import { req } from '../codes.js';
import { RawConnection } from '../connection.js';
import type { Context } from '../context.js';
import type { Endpoint as StartedEndpoint } from '../../endpoint.js';
import type { SdkName } from '../../sdk-driver.js';
import { Failure, notApplicable } from '../expect.js';
import { leadsTo } from '../grpc/route.js';
import type { HistoryOperation } from '../report/types.js';
import { SetupError } from '../session.js';
import { groupBy } from '../workload/checkers/checker.js';
import { timelineOf } from '../workload/recorder.js';
import { abilities } from '../workload/sdk-actors.js';
import { judge, type Judgement } from './judge.js';
import { beginProcessFault, SmallDisk } from './process.js';
import { FaultProxy } from './proxy.js';
import { createSchedule, describeFault, faultKinds, faultNames, type Fault, type FaultName } from './schedule.js';
import { RawTraffic } from './raw-traffic.js';
import { SdkTraffic } from './sdk-traffic.js';
import type { Traffic, TrafficOptions } from './traffic.js';

/** A further case in which the faults follow one another; disks are left out, which take an endpoint or a tracer of their own. */
export const mixed = 'mixed';

export interface FaultCaseOptions {
  readonly seed: number;
  /** Of each case's schedule. */
  readonly durationMs: number;
  /** The endpoint the kit started, if it did. */
  readonly started?: StartedEndpoint | undefined;
  /** Starts a second one of the same kind with its store there, small enough for a disk of `smallDiskMegabytes`. */
  readonly startOn?: ((dataDir: string) => Promise<StartedEndpoint>) | undefined;
  /** From the last healing to the first acknowledgement and delivery; default 60000. */
  readonly recoveryMs?: number;
  readonly onResult?: (result: FaultResult) => void;
  /** The client library that is the traffic; undefined: the kit's own clients. */
  readonly driver?: SdkName | undefined;
}

/** How one fault went. */
export interface Recovery {
  readonly fault: Fault;
  /** Since the traffic began, ms; healing begins when the cause is taken away, so that a process's start is part of recovery. */
  readonly begunMs: number;
  readonly healedMs: number;
  /** From healing to the first acknowledged send and the first delivery; undefined: not before the next fault. */
  readonly ackMs: number | undefined;
  readonly deliveryMs: number | undefined;
  /** What is to be said of it. */
  readonly note: string | undefined;
}

export interface FaultResult {
  readonly name: string;
  readonly recoveries: readonly Recovery[];
  readonly figures: Judgement['figures'];
  readonly timeline: readonly HistoryOperation[];
  readonly notes: readonly string[];
}

const queues = 4;
/** A long run tells that many faults one by one; its recovery times it sums up. */
const linesMax = 15;
const drainMs = 30_000;
/** Two commit log files of a started endpoint fit, the second one not for long. */
export const smallDiskMegabytes = 160;

/** One case for each fault, and `faults.mixed`. */
export function faultCases(options: FaultCaseOptions): readonly RegisteredCase[] {
  const together = faultNames.filter((name) => !name.endsWith('-disk') && (options.started !== undefined || faultKinds[name].kind === 'network'));
  const limit = { timeoutMs: options.durationMs + (options.recoveryMs ?? 60_000) + drainMs + 120_000 };
  const needs = speaksGrpc(options.driver) ? ['grpc' as const] : [];
  return defineCases('faults', [
    ...faultNames.map((name) => ({
      name: `faults.${name}`, level: 'MUST' as const, source: 'conformance/kit/faults', ...limit, exclusive: true,
      needs: [...(faultKinds[name].kind === 'process' ? ['local' as const] : []), ...needs], ...(faultKinds[name].kind === 'process' ? { destructive: true } : {}),
      requirement: `Although ${faultKinds[name].doc}, nothing acknowledged is lost, nothing comes from nowhere, queues keep their order, and the endpoint recovers.`,
      run: (t: Context) => run(t, name, [name], options),
    })),
    {
      name: `faults.${mixed}`, level: 'MUST', source: 'conformance/kit/faults', ...limit, exclusive: true, needs, destructive: options.started !== undefined,
      requirement: 'Although faults of all kinds follow one another, nothing acknowledged is lost, nothing comes from nowhere, queues keep their order, and the endpoint recovers.',
      run: (t: Context) => run(t, mixed, together, options),
    },
  ]);
}

interface Stage {
  readonly namesrv: string;
  readonly broker: string;
  readonly grpc: string | undefined;
  readonly started: StartedEndpoint | undefined;
  readonly disk: SmallDisk | undefined;
  readonly topic: string;
  readonly group: string;
}

async function run(t: Context, name: string, faults: readonly FaultName[], options: FaultCaseOptions): Promise<void> {
  if (name !== mixed && faultKinds[name as FaultName].kind === 'process' && options.started === undefined) notApplicable('needs an endpoint that the kit starts itself (--start)');
  const schedule = createSchedule({ seed: options.seed, durationMs: options.durationMs, faults });
  for (const one of schedule.slice(0, linesMax)) t.note(describeFault(one));
  if (schedule.length > linesMax) t.note(`and ${schedule.length - linesMax} more`);
  const stage = name === 'full-disk' ? await smallStage(t, options) : await usualStage(t, options);
  const proxy = await FaultProxy.start({ namesrv: stage.namesrv, broker: stage.broker, grpc: speaksGrpc(options.driver) ? stage.grpc : undefined });
  t.cleanup(() => proxy.stop(), 'stop the fault proxy');
  if (proxy.grpc !== undefined && !(await leadsTo(proxy.grpc, stage.topic))) notApplicable('the routes of this gRPC endpoint lead past the fault proxy: they do not name the address it was asked at');
  const traffic = await trafficFor(options.driver, { namesrv: proxy.namesrv, grpc: proxy.grpc, brokerName: t.endpoint.brokerName, topic: stage.topic, group: stage.group, queues });
  t.cleanup(() => traffic.abandon(), 'end the traffic');
  traffic.start();
  await t.until('traffic flows before the first fault', () => Promise.resolve(traffic.acknowledged > 0 && traffic.delivered > 0), 15_000);
  const begun = Date.now();
  const recoveries: Recovery[] = [];
  let lateMs = 0; // a process that is slow to start moves the faults after it
  for (const [i, fault] of schedule.entries()) {
    await t.sleep(Math.max(0, begun + fault.atMs + lateMs - Date.now()));
    const before = { acknowledged: traffic.acknowledged, delivered: traffic.delivered };
    const happened = await happen(t, fault, proxy, stage);
    lateMs = Math.max(0, Date.now() - begun - fault.atMs - fault.lastsMs);
    const next = schedule[i + 1];
    const untilNext = next === undefined ? options.recoveryMs ?? 60_000 : next.atMs - fault.atMs - fault.lastsMs;
    const first = await recovered(t, traffic, happened.healedAt, untilNext);
    if (next === undefined && (first.ack === undefined || first.delivery === undefined)) {
      throw new Failure(`the endpoint recovers from ${fault.fault} within ${untilNext} ms`, 'an acknowledged send and a delivery', `${traffic.acknowledged - before.acknowledged} sends and ${traffic.delivered - before.delivered} deliveries since it began; clients met ${refusalsOf(traffic)}`);
    }
    recoveries.push({
      fault, begunMs: happened.begunAt - begun, healedMs: happened.healedAt - begun, note: happened.note,
      ackMs: first.ack === undefined ? undefined : first.ack - happened.healedAt, deliveryMs: first.delivery === undefined ? undefined : first.delivery - happened.healedAt,
    });
  }
  await traffic.finish(drainMs);
  await traffic.read(stage.broker);
  const crashed = schedule.some((one) => one.fault === 'kill') || recoveries.some((one) => one.note?.includes('had ended') === true);
  const lines = traffic.recorder.lines;
  const judgement = judge({ lines, attempts: traffic.attempts, resumes: traffic.resumes, tellsPlaces: traffic.tellsPlaces, crashed });
  const notes = [...(recoveries.length > linesMax ? spreadOf(recoveries) : recoveries.map(describeRecovery)), describeFigures(judgement.figures), `the proxy: ${Object.entries(proxy.counts).map(([what, count]) => `${what} ${count}`).join(', ')}`, `clients met ${refusalsOf(traffic)}`];
  for (const note of notes) t.note(note);
  const marked = new Map(judgement.anomalies.flatMap((one) => one.excerpt.map((line) => [line, one.name] as const)));
  const offset = begun - Math.min(...lines.map((line) => line.time));
  options.onResult?.({ name, recoveries, figures: judgement.figures, notes, timeline: [...recoveries.map((one) => operationOf(one, offset)), ...timelineOf(lines, marked)] });
  if (judgement.unknown.length > 0) throw new Error(`nothing was proven: ${judgement.unknown.join('; ')}`);
  if (judgement.anomalies.length > 0) throw new Failure('the history has no anomaly', 'none', judgement.anomalies.slice(0, 10).map((one) => `${one.name}: ${one.sentence}`).join('\n'));
}

async function trafficFor(driver: SdkName | undefined, options: TrafficOptions): Promise<Traffic> {
  return driver === undefined ? new RawTraffic(options) : await SdkTraffic.open(driver, options);
}

function speaksGrpc(driver: SdkName | undefined): boolean {
  return driver !== undefined && abilities[driver].over === 'grpc';
}

/** Begins a fault, waits, heals it whatever happens meanwhile. */
async function happen(t: Context, fault: Fault, proxy: FaultProxy, stage: Stage): Promise<{ readonly begunAt: number; readonly healedAt: number; readonly note: string | undefined }> {
  const begunAt = Date.now();
  let heal: () => Promise<string | void>;
  if (faultKinds[fault.fault].kind === 'network') heal = proxy.begin(fault);
  else {
    if (stage.started === undefined) notApplicable('needs an endpoint that the kit starts itself (--start)');
    heal = await beginProcessFault(fault, stage.started, stage.disk);
  }
  let healedAt = begunAt;
  let note: string | void = undefined;
  try {
    if (fault.lastsMs > 0) await t.sleep(fault.lastsMs);
  } finally {
    healedAt = Date.now();
    note = await heal();
  }
  return { begunAt, healedAt, note: note ?? undefined };
}

/** Waits for the first acknowledgement and the first delivery since `time`, at most `timeoutMs`. */
async function recovered(t: Context, traffic: Traffic, time: number, timeoutMs: number): Promise<ReturnType<Traffic['firstSince']>> {
  for (const end = Date.now() + timeoutMs; ; await t.sleep(10)) {
    const first = traffic.firstSince(time);
    if ((first.ack !== undefined && first.delivery !== undefined) || Date.now() >= end) return first;
  }
}

async function usualStage(t: Context, options: FaultCaseOptions): Promise<Stage> {
  const { namesrv, broker, grpc } = t.endpoint;
  return { namesrv, broker, grpc, started: options.started, disk: undefined, topic: await t.topic({ queues, route: true }), group: await t.group() };
}

/** An endpoint of its own on a disk that may be filled without harm to others. */
async function smallStage(t: Context, options: FaultCaseOptions): Promise<Stage> {
  const { startOn } = options;
  if (startOn === undefined) notApplicable('needs an endpoint that the kit starts itself (--start)');
  const disk = SmallDisk.mount(smallDiskMegabytes);
  t.cleanup(() => Promise.resolve(disk.unmount()), 'unmount the small disk');
  const started = await startOn(`${disk.dir}/store`);
  t.cleanup(async () => {
    await started.kill();
    await started.dispose();
  }, 'end the endpoint on the small disk');
  const topic = t.topicName();
  const connection = await RawConnection.open(started.broker);
  try {
    const answer = await connection.request(req.UPDATE_AND_CREATE_TOPIC, {
      topic, defaultTopic: 'TBW102', readQueueNums: queues, writeQueueNums: queues, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false,
    });
    if (answer.code !== 0) throw new SetupError(`create topic ${topic}: code ${answer.code}, ${answer.remark ?? 'no remark'}`);
  } finally {
    connection.close();
  }
  await sleep(200);
  return { namesrv: started.namesrv, broker: started.broker, grpc: started.grpc, started, disk, topic, group: t.groupName() };
}

function refusalsOf(traffic: Traffic): string {
  return traffic.refusals.size === 0 ? 'no refusal' : [...traffic.refusals].map(([what, count]) => `${what} ${count} times`).join(', ');
}

const ms = (value: number | undefined): string => (value === undefined ? 'not before the next fault' : `after ${value} ms`);

/** `kill at 320 ms, healed at 700 ms: first send acknowledged after 410 ms, first delivery after 430 ms`. */
export function describeRecovery(one: Recovery): string {
  return `${one.fault.fault} at ${one.begunMs} ms, healed at ${one.healedMs} ms: first send acknowledged ${ms(one.ackMs)}, first delivery ${ms(one.deliveryMs)}${one.note === undefined ? '' : `; ${one.note}`}`;
}

/** One line for each fault: how often, and half and all of its recovery times. */
export function spreadOf(recoveries: readonly Recovery[]): string[] {
  return [...groupBy(recoveries, (one) => one.fault.fault)].map(([fault, list]) => {
    const half = (pick: (one: Recovery) => number | undefined): string => {
      const times = list.map(pick).filter((time) => time !== undefined).sort((a, b) => a - b);
      return `${times[Math.floor(times.length / 2)] ?? '?'} ms, at most ${times.at(-1) ?? '?'} ms${times.length < list.length ? `, ${list.length - times.length} not before the next fault` : ''}`;
    };
    return `${fault} ${list.length} times: first send acknowledged after ${half((one) => one.ackMs)}; first delivery after ${half((one) => one.deliveryMs)} (half of them, all)`;
  });
}

function describeFigures(figures: Judgement['figures']): string {
  const bound = figures.duplicatesMax === Infinity ? 'no bound' : `at most ${figures.duplicatesMax}`;
  return `${figures.acknowledged} sends acknowledged, ${figures.received} deliveries, ${figures.copies} further copies stored, ${figures.duplicates} duplicates (${bound})`;
}

function operationOf(one: Recovery, offsetMs: number): HistoryOperation {
  return { process: 'faults', op: one.fault.fault, invokedMs: one.begunMs + offsetMs, completedMs: one.healedMs + offsetMs, outcome: 'ok', value: describeFault(one.fault) };
}
