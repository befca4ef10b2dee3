/** Plays a workload on an endpoint, judges its history, and makes cases of it: one for each checker, or one for all. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineCases, type Case, type RegisteredCase } from '../case.js';
import type { Context } from '../context.js';
import { SdkDriver, type SdkName } from '../../sdk-driver.js';
import { Failure, notApplicable } from '../expect.js';
import type { CaseReport, RunReport } from '../report/types.js';
import { runCheckers, type Anomaly, type CheckerResult } from './checkers/checker.js';
import { History, writeLine, type HistoryLine } from './history.js';
import { Recorder, timelineOf } from './recorder.js';
import { abilities, checkersFor, SdkConsumer, SdkProducer, whyNot } from './sdk-actors.js';
import { Stage } from './stage.js';
import type { Workload } from './workloads.js';

/** A workload that was played. */
export interface Played {
  readonly lines: readonly HistoryLine[];
  readonly results: readonly CheckerResult[];
}

export interface PlayOptions {
  readonly durationMs: number;
  readonly drainMs?: number;
  readonly seed: number;
  /** The client library that plays; undefined: the kit itself. */
  readonly driver?: SdkName | undefined;
}

/** Default time in which a workload sends, and that of the short ones among the cases. */
export const durationMsDefault = 2500;
export const durationMsShort = 800;
const drainMsDefault = 10_000;

/** Plays it and judges. Rejects as a case does: SetupError when the endpoint refuses the topic, EndpointError when it is gone. */
export async function play(workload: Workload, t: Context, options: PlayOptions): Promise<Played> {
  const { driver } = options;
  if (driver !== undefined) return await playByDriver(workload, t, driver, options);
  const recorder = new Recorder();
  await playOn(new Stage(t, recorder, { drainMs: drainMsDefault, ...options }), workload);
  return { lines: recorder.lines, results: runCheckers(workload.checkers, new History(recorder.lines)) };
}

async function playOn(stage: Stage, workload: Workload): Promise<void> {
  try {
    await workload.play(stage);
    await stage.finish();
  } finally {
    await stage.stopConsumers();
  }
}

/** One process of the library's program plays all producers and consumers. */
async function playByDriver(workload: Workload, t: Context, driver: SdkName, options: PlayOptions): Promise<Played> {
  const why = whyNot(driver, workload);
  if (why !== undefined) notApplicable(why);
  const has = abilities[driver];
  const address = has.over === 'grpc' ? t.endpoint.grpc : t.endpoint.namesrv;
  if (address === undefined) notApplicable(`${driver} needs a gRPC endpoint (--grpc)`);
  const recorder = new Recorder();
  const program = await SdkDriver.start(driver, address);
  try {
    await playOn(new Stage(t, recorder, { drainMs: has.drainMs, ...options }, {
      settleMs: has.settleMs, typedTopics: has.over === 'grpc',
      producer: (more) => new SdkProducer(program, recorder, more), consumer: (more) => new SdkConsumer(t, program, recorder, more),
    }), workload);
  } finally {
    await program.stop();
  }
  const checkers = checkersFor(driver, workload).filter((one) => whyNot(driver, workload, one.name) === undefined);
  return { lines: recorder.lines, results: runCheckers(checkers, new History(recorder.lines)) };
}

/** Ends the case as failed when the checker found something, or could judge nothing. */
export function judge(result: CheckerResult): void {
  if (result.verdict === 'pass') return;
  const [first] = result.anomalies;
  if (first === undefined) throw new Failure(`${result.checker}: ${result.reason ?? 'nothing was judged'}`, 'a history to judge', result.verdict);
  throw new Failure(`${result.checker} found ${result.figures['anomalies'] ?? 0} anomalies; ${first.name}: ${first.sentence}`, undefined, first.excerpt.map(writeLine).join('\n'));
}

/** Figures in one line: `duplicates 3, latenessMaxMs 12`. */
export function figuresOf(result: CheckerResult): string {
  return Object.entries(result.figures).map(([name, value]) => `${name} ${value}`).join(', ');
}

/** The source every workload names: its requirement is what its checker says. */
const source = 'docs: workloads with histories';

/** One case for each workload, played shortly, judged by all its checkers. */
export function shortCases(list: readonly Workload[]): readonly RegisteredCase[] {
  return defineCases('workload', list.map((workload): Case => ({
    name: `workload.${workload.name}`, requirement: `No checker finds an anomaly when this happens: ${workload.sentence}`, level: 'MUST', source,
    needs: [...new Set(['admin' as const, ...(workload.needs ?? [])])], timeoutMs: 20_000,
    async run(t) {
      const { lines, results } = await play(workload, t, { durationMs: durationMsShort, seed: t.rng.int(0, 0xffffffff) });
      t.draw(timelineOf(lines, marksOf(results)));
      for (const result of results) t.note(`${result.checker}: ${result.verdict}, ${figuresOf(result)}`);
      for (const result of results) judge(result);
    },
  })));
}

/** Cases `workload.<name>.<checker>` of one run; each workload is played once, by the first of its cases. */
export interface WorkloadRun {
  readonly cases: readonly RegisteredCase[];
  /** The report with the histories of what was played, anomalies marked. */
  withHistories(report: RunReport): RunReport;
  /** Histories by workload, for --history. */
  readonly played: ReadonlyMap<string, Played>;
}

/** `driver`: the client library that plays them; what it cannot play or tell is not applicable. */
export function workloadRun(list: readonly Workload[], durationMs: number, driver?: SdkName): WorkloadRun {
  const played = new Map<string, Played>();
  const cases = list.flatMap((workload) => {
    let once: Promise<Played> | undefined;
    const run = (t: Context): Promise<Played> => (once ??= play(workload, t, { durationMs, seed: t.rng.int(0, 0xffffffff), driver }).then((done) => {
      played.set(workload.name, done);
      return done;
    }));
    const checkers = driver === undefined ? workload.checkers : checkersFor(driver, workload);
    return checkers.map((checker): Case => ({
      name: `workload.${workload.name}.${checker.name}`, requirement: checker.requirement, level: 'MUST', source,
      needs: [...new Set(['admin' as const, ...(workload.needs ?? []), ...(driver !== undefined && abilities[driver].over === 'grpc' ? ['grpc' as const] : [])])], timeoutMs: durationMs * 2 + (driver === undefined ? 30_000 : abilities[driver].drainMs + 120_000),
      async run(t) {
        const why = driver === undefined ? undefined : whyNot(driver, workload, checker.name);
        if (why !== undefined) notApplicable(why);
        const result = (await run(t)).results.find((one) => one.checker === checker.name);
        if (result === undefined) throw new Error(`no result of ${checker.name}`);
        t.note(figuresOf(result));
        for (const anomaly of result.anomalies.slice(0, 10)) t.note(noteOf(anomaly));
        judge(result);
      },
    }));
  });
  return {
    cases: defineCases('workload', cases), played,
    withHistories(report) {
      return { ...report, cases: report.cases.map((one) => ({ ...one, ...historyOf(one, played) })) };
    },
  };
}

/** Each history as `<workload>.jsonl` in a directory, which is made. @throws what the file system says. */
export function writeHistories(dir: string, played: ReadonlyMap<string, Played>): void {
  mkdirSync(dir, { recursive: true });
  for (const [name, { lines }] of played) writeFileSync(join(dir, `${name}.jsonl`), lines.map((line) => `${writeLine(line)}\n`).join(''));
}

function historyOf(report: CaseReport, played: ReadonlyMap<string, Played>): Pick<CaseReport, 'history'> {
  const [, name, checker] = report.name.split('.');
  const done = played.get(name ?? '');
  const result = done?.results.find((one) => one.checker === checker);
  if (done === undefined || result === undefined) return {};
  // the whole history stands with the workload's first case, and with each that found something
  const first = done.results[0]?.checker === checker;
  return first || result.verdict === 'fail' ? { history: timelineOf(done.lines, marksOf([result])) } : {};
}

/** The lines that show an anomaly, with what is said of it. */
function marksOf(results: readonly CheckerResult[]): ReadonlyMap<HistoryLine, string> {
  return new Map(results.flatMap((result) => result.anomalies.flatMap((one) => one.excerpt.map((line) => [line, `${one.name}: ${one.sentence}`] as const))));
}

function noteOf(anomaly: Anomaly): string {
  return `${anomaly.name}: ${anomaly.sentence}\n${anomaly.excerpt.map((line) => `  ${writeLine(line)}`).join('\n')}`;
}
