#!/usr/bin/env node
/**
 * `conform`: reads the command line, finds (or starts) the endpoint, runs the cases, writes the reports and answers the exit code.
 * `skylark conform` hands its arguments over to `conformMain`.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Missing, type Endpoint as StartedEndpoint } from '../endpoint.js';
import type { RegisteredCase } from './case.js';
import { missingFor, prepare } from '../sdk-driver.js';
import { allCases } from './cases/index.js';
import { readConformOptions, UsageError, type ConformOptions } from './cli.js';
import { EndpointError } from './connection.js';
import { discover, filesOnly, type Endpoint } from './endpoint.js';
import { knownFailures } from './known-failures.js';
import { renderBadge } from './report/badge.js';
import { renderHtml } from './report/html.js';
import { renderJson } from './report/json.js';
import { renderJunit } from './report/junit.js';
import { renderMarkdown } from './report/markdown.js';
import { checkWritable, writeNamed } from './report/files.js';
import { mergeReports } from './report/merge.js';
import { createProgress, renderSummary } from './report/terminal.js';
import { failsRun, type RunReport } from './report/types.js';
import { selectCases } from './select.js';
import { setups, type Setup, type SetupSpec } from './setups.js';
import type { StartOptions } from './start.js';
import { joinReports, runStages, stagesOf, type StageEndpoint } from './stages.js';
import { durationMsDefault, workloadRun, writeHistories } from './workload/run.js';
import { workloads } from './workload/workloads.js';
import { ofPrefix, sweep } from './sweep.js';
import { changedVerdicts, recordedVerdicts, renderChanges, VerdictFileError, writeVerdicts, type VerdictChange } from './verdicts.js';

export const exitPassed = 0;
export const exitFailed = 1;
export const exitUsage = 2;
export const exitNoEndpoint = 3;

/** More changes than these are no accident. */
const againMax = 100;

/** Who reads stdout may have seen enough (`conform --list | head`). */
function readerGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

/** Runs the command. Answers the exit code; prints what went wrong. */
export async function conformMain(argv: readonly string[]): Promise<number> {
  if (!process.stdout.listeners('error').includes(readerGone)) process.stdout.on('error', readerGone);
  try {
    const options = readConformOptions(argv);
    if (typeof options === 'string') {
      process.stdout.write(options);
      return exitPassed;
    }
    return await conform(options);
  } catch (error) {
    if (error instanceof UsageError || error instanceof VerdictFileError || error instanceof EndpointError || error instanceof Missing) {
      process.stderr.write(`conform: ${error.message}\n`);
      return error instanceof EndpointError ? exitNoEndpoint : exitUsage;
    }
    process.stderr.write(`conform: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return exitNoEndpoint;
  }
}

async function conform(options: ConformOptions): Promise<number> {
  checkFiles(options);
  if (options.merge !== undefined) {
    mergeReports(options.merge, options.files);
    return exitPassed;
  }
  if (options.client !== undefined) return await conformClient(options);
  if (options.clean) return await clean(options);
  const workload = options.workloads.length === 0 ? undefined : workloadRun(workloads.filter((one) => options.workloads.includes(one.name)), options.durationMs ?? durationMsDefault, options.driver);
  const offline = options.start === undefined && options.namesrv === undefined && options.storeDir !== undefined;
  const chosen = options.faults !== undefined ? (await import('./faults/command.js')).chosenFaultCases(options) : selectCases(workload === undefined ? await allCases() : workload.cases, options);
  const cases = offline && !options.list ? chosen.filter((one) => one.area === 'store') : chosen;
  if (options.list) return list(cases);
  if (cases.length === 0) throw new UsageError('no case matches --only, --skip, --area and --level');
  if (offline && (options.selfCheck || workload !== undefined || options.faults !== undefined)) throw new UsageError('--store alone is judged by cases: anything else needs --namesrv');
  await prepareDriver(options);
  const plain = !options.selfCheck && workload === undefined && options.faults === undefined;
  const stages = options.start !== undefined && plain ? stagesOf(cases) : [{ setup: undefined, cases }];
  let opened: Opened | undefined;
  const ended = new AbortController();
  const onSignal = (): void => ended.abort();
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    const main = async (): Promise<Opened> => {
      opened ??= offline ? { endpoint: filesOnly(options.storeDir ?? '', options), started: undefined } : await openEndpoint(options, undefined, cases.some((one) => one.needs?.includes('grpc')));
      return opened;
    };
    const runOptions = {
      parallel: options.parallel, timeoutMs: options.timeoutMs, level: options.level, destructive: options.destructive, prefix: options.prefix,
      knownFailures, kitVersion: packageVersion(), cut: ended.signal, sweep: true, ...(options.seed === undefined ? {} : { seed: options.seed }),
    };
    const open = async (setup: Setup | undefined): Promise<StageEndpoint> => {
      if (setup === undefined) return { endpoint: (await main()).endpoint, dispose: () => Promise.resolve() };
      const { endpoint, started } = await openEndpoint(options, setup, false);
      return { endpoint, dispose: async () => started?.dispose() };
    };
    if (options.selfCheck) {
      const { runSelfCheck } = await import('./saboteur/command.js');
      return (await runSelfCheck(options, (await main()).endpoint, cases, options.start === undefined ? undefined : open, ended.signal)) ? exitPassed : exitFailed;
    }
    const progress = (endpoint: Endpoint): ReturnType<typeof createProgress> => createProgress(process.stderr, endpoint);
    const judged = options.faults !== undefined ? await (await import('./faults/command.js')).runFaults({
      options, ...(await main()), kitVersion: packageVersion(), onEvent: progress((await main()).endpoint), signal: ended.signal,
      startOn: options.start === undefined ? undefined : (dataDir) => startOwn(options.start ?? '', { dataDir, small: true, grpc: cases.some((one) => one.needs?.includes('grpc')), behindProxy: true }),
    }) : joinedInOrder(await runStages({ ...runOptions, stages, open, progress }), cases);
    const played = workload?.withHistories(judged) ?? judged;
    const first = options.driver === undefined ? played : { ...played, endpoint: { ...played.endpoint, name: `${played.endpoint.name} by ${options.driver}` } };
    const whole = cases.length === (await allCases()).length;
    const report = options.verdicts === undefined || ended.signal.aborted || options.faults !== undefined ? first
      : await judgedAgain(first, changedVerdicts(options.verdicts, first, whole), (names) =>
        runStages({ ...runOptions, open, progress, parallel: 1, stages: stages.map((stage) => ({ ...stage, cases: stage.cases.filter((one) => names.has(one.name)) })).filter((stage) => stage.cases.length > 0) }));
    if (workload !== undefined && options.historyDir !== undefined) writeHistories(options.historyDir, workload.played);
    return conclude(options, report, whole, ended.signal);
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
    await opened?.started?.dispose();
  }
}

/** Builds the program of --driver before any case counts its time. @throws UsageError when its toolchain is missing here. */
async function prepareDriver({ driver }: ConformOptions): Promise<void> {
  if (driver === undefined) return;
  const missing = missingFor(driver);
  if (missing.length > 0) throw new UsageError(`--driver ${driver}: needs ${missing.join(', ')}`);
  await prepare(driver);
}

interface Opened {
  readonly endpoint: Endpoint;
  readonly started: StartedEndpoint | undefined;
}

/**
 * With any topic that is deleted Apache 4.9 destroys the consume queues of all topics that it has no configuration of any more, and its JVM dies when
 * a message is on its way into one of them (`DefaultMessageStore#cleanUnusedTopic`). Where the whole endpoint is thrown away, topics stay.
 */
const diesOfDeletions = /^apache-4\./;

/** Starts the endpoint, where the kit is to, and finds out about it. */
async function openEndpoint(options: ConformOptions, setup: Setup | undefined, grpc: boolean): Promise<Opened> {
  const started = options.start === undefined ? undefined : await startOwn(options.start, { setup, grpc: grpc && options.grpc === undefined, behindProxy: options.faults !== undefined || options.selfCheck });
  const spec: SetupSpec | undefined = setup === undefined ? undefined : setups[setup];
  try {
    const endpoint = await discover({
      namesrv: started?.namesrv ?? options.namesrv ?? '', broker: started?.broker ?? options.broker, grpc: options.grpc ?? started?.grpc,
      storeDir: options.storeDir ?? started?.dataDir, profile: options.profile, kind: options.kind ?? options.start?.split('-')[0],
      credentials: spec?.credentials ?? options.credentials, keepsTopics: spec?.keepsTopics === true || (started !== undefined && diesOfDeletions.test(options.start ?? '')),
      with: started === undefined ? options.with : [...options.with, 'local'], without: options.without,
    });
    return { endpoint, started };
  } catch (error) {
    await started?.dispose();
    throw error;
  }
}

/** @throws UsageError where the machine, or the package, lacks what it takes. */
async function startOwn(what: string, how: StartOptions): Promise<StartedEndpoint> {
  try {
    return await (await import('./start.js')).startEndpoint(what, how);
  } catch (error) {
    throw error instanceof Missing ? new UsageError(`--start ${what}: ${error.message}`) : error;
  }
}

/** The report with its cases in the order of the registry. */
function joinedInOrder(report: RunReport, cases: readonly Pick<RegisteredCase, 'name'>[]): RunReport {
  return joinReports([report], cases.map((one) => one.name));
}

/** A busy machine can fail a case: what differs from the record is judged once more, one case at a time, and the second verdict holds. */
async function judgedAgain(first: RunReport, changes: readonly VerdictChange[], run: (names: ReadonlySet<string>) => Promise<RunReport>): Promise<RunReport> {
  const names = new Set(changes.filter((one) => one.is !== undefined).map((one) => one.case));
  if (names.size === 0 || names.size > againMax) return first;
  const second = new Map((await run(names)).cases.map((one) => [one.name, one]));
  const cases = first.cases.map((one) => {
    const again = second.get(one.name);
    return again === undefined ? one : { ...again, notes: [...again.notes, `judged twice: the first verdict was ${one.verdict}`] };
  });
  return { ...first, cases, notes: [...first.notes, `${names.size} cases differed from the recorded verdicts and were judged again`] };
}

/** `--client`: no endpoint is looked for; the exit code is that of any run. */
async function conformClient(options: ConformOptions): Promise<number> {
  const { chosenClientCases, runClient } = await import('./client/command.js');
  const { clientCases } = await import('./client/run.js');
  const cases = chosenClientCases(options);
  if (options.list) return list(cases);
  if (cases.length === 0) throw new UsageError('no case matches --only, --skip, --area and --level');
  const ended = new AbortController();
  const onSignal = (): void => ended.abort();
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    const judge = (names?: ReadonlySet<string>): Promise<RunReport> => runClient(options, packageVersion(), ended.signal, names);
    const whole = cases.length === clientCases.length;
    const first = await judge();
    const report = options.verdicts === undefined || ended.signal.aborted ? first : await judgedAgain(first, changedVerdicts(options.verdicts, first, whole), judge);
    return conclude(options, report, whole, ended.signal);
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** `--clean`: what runs left that could not clean up behind themselves. */
async function clean(options: ConformOptions): Promise<number> {
  const { endpoint } = await openEndpoint(options, undefined, false);
  const { deleted, notes } = await sweep(endpoint, ofPrefix(options.prefix));
  process.stdout.write(`${endpoint.name}: ${deleted.topics.length} topics and ${deleted.groups.length} groups that begin with ${options.prefix} deleted\n`);
  for (const note of notes) process.stdout.write(`${note}\n`);
  return notes.length === 0 ? exitPassed : exitFailed;
}

/** `--list`. */
function list(cases: readonly Pick<RegisteredCase, 'name' | 'level' | 'requirement' | 'source'>[]): number {
  for (const one of cases) process.stdout.write(`${one.name}  ${one.level}  ${one.requirement}  [${one.source}]\n`);
  process.stderr.write(`${cases.length} cases\n`);
  return exitPassed;
}

/** Prints and writes what the run found; answers the exit code. `all`: the run had every case of the kit. */
function conclude(options: ConformOptions, report: RunReport, all: boolean, signal: AbortSignal): number {
  const whole = all && !signal.aborted;
  process[options.files.json === '-' ? 'stderr' : 'stdout'].write(renderSummary(report, { verbose: options.verbose }));
  writeReports(report, options.files);
  const changes = options.verdicts === undefined || signal.aborted ? undefined : changedVerdicts(options.verdicts, report, whole);
  if (options.updateVerdicts !== undefined) process.stderr.write(`${options.updateVerdicts}: ${writeVerdicts(options.updateVerdicts, report, whole)} verdicts\n`);
  if (options.verdicts !== undefined && changes !== undefined) {
    process.stdout.write(changes.length === 0 ? `no verdict differs from ${options.verdicts}\n` : `${changes.length} verdicts differ from ${options.verdicts}:\n${renderChanges(changes)}`);
    return changes.length === 0 ? exitPassed : exitFailed;
  }
  return report.cases.some((one) => failsRun(one, options.level)) || signal.aborted ? exitFailed : exitPassed;
}

/** How each report is made, by its flag. */
const renderers: Readonly<Record<keyof ConformOptions['files'], (report: RunReport) => string>> = { json: renderJson, junit: renderJunit, markdown: renderMarkdown, html: renderHtml, badge: renderBadge };

function writeReports(report: RunReport, files: ConformOptions['files']): void {
  writeNamed({ ...files }, (flag) => renderers[flag as keyof ConformOptions['files']](report));
}

/** What a run writes at its end, and reads: seen before it begins. @throws UsageError, VerdictFileError. */
function checkFiles(options: ConformOptions): void {
  checkWritable({ ...options.files, 'update-verdicts': options.updateVerdicts });
  if (options.verdicts !== undefined) recordedVerdicts(options.verdicts);
}

function packageVersion(): string {
  try {
    return (JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }).version;
  } catch {
    return 'unknown';
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await conformMain(process.argv.slice(2));
}
