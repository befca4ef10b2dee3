/**
 * The kit judged: the honest proxy must be acquitted by every case, and each sabotage convicted by at least one of the cases that
 * should notice it. Only cases that pass on the honest proxy are witnesses, so a fault of the endpoint convicts nobody.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RegisteredCase } from '../case.js';
import { discover, type Endpoint } from '../endpoint.js';
import type { KnownFailure } from '../known-failures.js';
import type { CaseReport, FailureReport, RunReport } from '../report/types.js';
import { newRunId, runCases } from '../runner.js';
import { matchesGlob } from '../select.js';
import type { Setup } from '../setups.js';
import type { StageEndpoint } from '../stages.js';
import { ofRun, sweep } from '../sweep.js';
import type { RegisteredSabotage } from './sabotage.js';
import { openWorld, worldOfCase, worldOfSabotage, type World, type WorldName } from './worlds.js';

export interface SelfCheckOptions {
  /** A correct endpoint, found without a proxy. */
  readonly endpoint: Endpoint;
  readonly cases: readonly RegisteredCase[];
  readonly sabotages: readonly RegisteredSabotage[];
  /** Every case judges every sabotage, and all that notice are listed; default: likely cases, until one notices. */
  readonly thorough?: boolean;
  /** Sabotages side by side; default 10. */
  readonly parallel?: number;
  /** Of a case without its own; default 10000. */
  readonly timeoutMs?: number;
  readonly prefix?: string;
  readonly seed?: number;
  /** Whether sabotages that need destructive cases are tried. */
  readonly destructive?: boolean;
  readonly knownFailures?: readonly KnownFailure[];
  /** Starts an endpoint with the configuration of a setup; only where the kit may start some. */
  readonly open?: (setup: Setup) => Promise<StageEndpoint>;
  readonly signal?: AbortSignal;
  readonly onHonest?: (honest: HonestResult) => void;
  readonly onSabotage?: (result: SabotageResult, done: number, total: number) => void;
}

/** A case that did not pass, and what it saw. */
export interface Witness {
  readonly case: string;
  readonly failure: FailureReport | undefined;
}

export interface HonestResult {
  readonly verdict: 'acquitted' | 'convicted';
  /** Cases that passed. */
  readonly passed: number;
  /** Cases that this endpoint cannot be judged by. */
  readonly notApplicable: number;
  readonly durationMs: number;
  readonly convictedBy: readonly (Witness & { /** It fails without the proxy too: a fault of the endpoint. */ readonly alsoWithoutProxy: boolean })[];
}

export interface SabotageResult {
  readonly name: string;
  readonly area: string;
  readonly does: string;
  readonly breaks: string;
  /** not-applicable: the endpoint lacks a feature, or the cases that would notice do not pass on it even when it is honest. */
  readonly verdict: 'convicted' | 'escaped' | 'not-applicable';
  /** Why it is not applicable. */
  readonly reason?: string;
  /** The cases that noticed, in the order in which they began: the first is the same in every run, whichever of those under way is done first. */
  readonly caughtBy: readonly Witness[];
  /** Cases that ran. */
  readonly ran: number;
  /** Errors the sabotage itself threw: faults of the catalogue. */
  readonly faults: readonly string[];
  readonly durationMs: number;
}

export interface SelfCheckReport {
  readonly format: 1;
  readonly endpoint: { readonly name: string; readonly kind: string; readonly version?: string };
  /** ISO 8601. */
  readonly started: string;
  readonly durationMs: number;
  readonly thorough: boolean;
  readonly honest: HonestResult;
  readonly sabotages: readonly SabotageResult[];
  /** What is to be said of the run as a whole. */
  readonly notes: readonly string[];
}

/** Cases of the honest run side by side. */
const honestAtATime = 8;

/** Most of the time is spent on waiting for answers that never come. */
const sabotagesAtATime = 10;

/** Cases of one sabotage side by side. */
const casesAtATime = 3;

/** How long files may be behind when a copy of them is taken. */
const filesSettleMs = 15_000;

/** A world that is open, and what its honest run found. */
interface Judged {
  readonly world: World;
  readonly honest: HonestResult;
  readonly passed: readonly RegisteredCase[];
}

/** What all parts of one check share. */
type CheckOptions = SelfCheckOptions & { /** In all names: a sabotaged endpoint may keep what it was told to delete. */ readonly runId: string };

/** Runs the check. Never rejects for what an endpoint does. @throws EndpointError when the honest proxy cannot be reached. */
export async function selfCheck(given: SelfCheckOptions): Promise<SelfCheckReport> {
  const options: CheckOptions = { ...given, runId: newRunId() };
  const notes: string[] = [];
  try {
    const report = await judgeAll(options);
    return { ...report, notes };
  } finally {
    notes.push(...(await sweep(options.endpoint, ofRun(options.runId))).notes);
  }
}

async function judgeAll(options: CheckOptions): Promise<Omit<SelfCheckReport, 'notes'>> {
  const begun = Date.now();
  process.setMaxListeners(Math.max(process.getMaxListeners(), 30 + (options.parallel ?? sabotagesAtATime))); // each run listens for lost errors
  const names = [...new Set(options.sabotages.map(worldOfSabotage))];
  const judged = new Map<WorldName, Judged | string>();
  try {
    // The files are written while nothing else runs; everything else waits most of its time.
    await Promise.all(names.map(async (name) => void judged.set(name, await judgeHonest(name, options))));
    const honest = joinHonest([...judged.values()].flatMap((one) => (typeof one === 'string' ? [] : [one.honest])), Date.now() - begun);
    options.onHonest?.(honest);
    const results = new Map<string, SabotageResult>();
    let done = 0;
    const run = async (one: RegisteredSabotage): Promise<void> => {
      const result = await runSabotage(one, judged.get(worldOfSabotage(one)) ?? '', options);
      results.set(one.name, result);
      options.onSabotage?.(result, ++done, options.sabotages.length);
    };
    const queue = slowestFirst(options.sabotages.filter((one) => one.alone !== true));
    await Promise.all(Array.from({ length: options.parallel ?? sabotagesAtATime }, async () => {
      for (let one = queue.shift(); one !== undefined; one = queue.shift()) await run(one);
    }));
    for (const one of options.sabotages) if (one.alone === true) await run(one);
    const { name, kind, version } = options.endpoint;
    return {
      format: 1, endpoint: { name, kind, ...(version === undefined ? {} : { version }) }, started: new Date(begun).toISOString(), durationMs: Date.now() - begun,
      thorough: options.thorough === true, honest, sabotages: options.sabotages.flatMap((one) => results.get(one.name) ?? []),
    };
  } finally {
    await Promise.all([...judged.values()].map((one) => (typeof one === 'string' ? Promise.resolve() : one.world.dispose())));
  }
}

/** gRPC cases wait longest (messages that do not come back): they begin first, so that nobody waits for them at the end. */
function slowestFirst(list: readonly RegisteredSabotage[]): RegisteredSabotage[] {
  return [...list].sort((a, b) => Number(worldOfSabotage(b) === 'grpc') - Number(worldOfSabotage(a) === 'grpc'));
}

/** Opens a world and judges its honest endpoint; or says why there is none. */
async function judgeHonest(name: WorldName, options: CheckOptions): Promise<Judged | string> {
  const mine = options.sabotages.filter((one) => worldOfSabotage(one) === name);
  const all = options.cases.filter((one) => one.level !== 'INFORMATIONAL'
    && mine.some((sabotage) => mayTestify(one, sabotage) && (options.thorough === true || sabotage.witnesses.some((glob) => matchesGlob(one.name, glob)))));
  const world = await openWorld(name, { endpoint: options.endpoint, open: options.open, fill: async (endpoint) => void await runCases({ ...runOptions(options), endpoint, cases: all }) });
  if (typeof world === 'string') return world;
  try {
    const tried = mine.filter((one) => reasonNotToTry(one, world, options) === undefined);
    const cases = all.filter((one) => tried.some((sabotage) => mayTestify(one, sabotage)));
    return { world, ...(await runHonest(name, world, cases, options)) };
  } catch (error) {
    await world.dispose();
    throw error;
  }
}

function joinHonest(all: readonly HonestResult[], durationMs: number): HonestResult {
  const sum = (of: (one: HonestResult) => number): number => all.reduce((total, one) => total + of(one), 0);
  return {
    verdict: all.some((one) => one.verdict === 'convicted') ? 'convicted' : 'acquitted', durationMs,
    passed: sum((one) => one.passed), notApplicable: sum((one) => one.notApplicable), convictedBy: all.flatMap((one) => one.convictedBy),
  };
}

/** Whether the check failed: the honest proxy convicted, a sabotage escaped or faulty. */
export function selfCheckFailed(report: SelfCheckReport): boolean {
  return report.honest.verdict === 'convicted' || report.sabotages.some((one) => one.verdict === 'escaped' || one.faults.length > 0);
}

/** The cases that judge a sabotage, the likeliest first. */
export function witnessesOf(one: RegisteredSabotage, cases: readonly RegisteredCase[], thorough = false): RegisteredCase[] {
  const out = new Set<RegisteredCase>();
  for (const glob of one.witnesses) for (const each of cases) if (mayTestify(each, one) && matchesGlob(each.name, glob)) out.add(each);
  if (thorough) for (const each of cases) if (mayTestify(each, one)) out.add(each);
  return [...out];
}

/** Cases that others disturb, or that disturb others, speak only where nothing else runs. */
function mayTestify(one: RegisteredCase, sabotage: RegisteredSabotage): boolean {
  return worldOfCase(one) === worldOfSabotage(sabotage) && one.level !== 'INFORMATIONAL' && (sabotage.alone === true || (one.exclusive !== true && one.destructive !== true));
}

function reasonNotToTry(one: RegisteredSabotage, world: World, options: CheckOptions): string | undefined {
  const missing = (one.needs ?? []).filter((feature) => !world.direct.features.has(feature));
  if (missing.length > 0) return `needs ${missing.join(', ')}, which the endpoint does not offer`;
  return one.alone === true && options.destructive !== true ? 'needs destructive cases: --destructive' : undefined;
}

function runOptions(options: CheckOptions): Pick<Parameters<typeof runCases>[0], 'timeoutMs' | 'seed' | 'prefix' | 'knownFailures' | 'destructive' | 'runId' | 'cut'> {
  return {
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }), ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(options.prefix === undefined ? {} : { prefix: options.prefix }), ...(options.knownFailures === undefined ? {} : { knownFailures: options.knownFailures }),
    destructive: options.destructive === true, runId: `${options.runId}${newRunId()}`, ...(options.signal === undefined ? {} : { cut: options.signal }),
  };
}

async function runHonest(name: WorldName, world: World, cases: readonly RegisteredCase[], options: CheckOptions): Promise<Pick<Judged, 'honest' | 'passed'>> {
  const begun = Date.now();
  for (;;) {
    const stand = await world.start();
    try {
      const astray = name === 'wire' || name === 'acl' ? await wrongWay(stand.behind, options) : [];
      const judge = (endpoint: Endpoint, some: readonly RegisteredCase[], parallel?: number): Promise<RunReport> => runCases({ ...runOptions(options), endpoint, cases: some, ...(parallel === undefined ? {} : { parallel }) });
      const report = await judge(stand.behind, cases, honestAtATime);
      const first = report.cases.filter(convicts);
      if (name === 'store' && first.length > 0 && Date.now() - begun < filesSettleMs) {
        await sleep(500);
        continue; // derived files follow the log in a moment: a new copy
      }
      // A busy machine can fail a case: the honest proxy is convicted by what fails twice.
      const again = first.length === 0 ? [] : (await judge(stand.behind, cases.filter((one) => first.some((each) => each.name === one.name)), 1)).cases;
      const bad = again.filter(convicts);
      const alone = bad.length === 0 ? [] : (await judge(world.direct, cases.filter((one) => bad.some((each) => each.name === one.name)))).cases;
      const convictedBy = [...astray, ...bad.map(witness)].map((one) => ({ ...one, alsoWithoutProxy: alone.some((each) => each.name === one.case && convicts(each)) }));
      const passedNames = new Set([...report.cases, ...again].filter((one) => one.verdict === 'pass').map((one) => one.name));
      return {
        honest: { verdict: convictedBy.length === 0 ? 'acquitted' : 'convicted', passed: passedNames.size, notApplicable: report.cases.length - passedNames.size - bad.length, durationMs: Date.now() - begun, convictedBy },
        passed: cases.filter((one) => passedNames.has(one.name)),
      };
    } finally {
      await stand.stop();
    }
  }
}

/** What the name server behind a proxy tells must lead to the proxy. */
async function wrongWay(behind: Endpoint, options: CheckOptions): Promise<Witness[]> {
  if (behind.signer !== undefined) return [];
  const found = await discover({ namesrv: behind.namesrv, kind: options.endpoint.kind });
  return found.broker === behind.broker ? [] : [{ case: 'discovery', failure: { kind: 'assertion', message: 'the broker that the name server tells', expected: behind.broker, actual: found.broker } }];
}

async function runSabotage(one: RegisteredSabotage, judged: Judged | string, options: CheckOptions): Promise<SabotageResult> {
  const begun = Date.now();
  const about = { name: one.name, area: one.area, does: one.does, breaks: one.breaks };
  if (typeof judged === 'string') return { ...about, verdict: 'not-applicable', reason: judged, caughtBy: [], ran: 0, faults: [], durationMs: 0 };
  const { world, passed } = judged;
  const reason = reasonNotToTry(one, world, options) ?? (options.signal?.aborted === true ? 'the check was ended' : undefined);
  if (reason !== undefined) return { ...about, verdict: 'not-applicable', reason, caughtBy: [], ran: 0, faults: [], durationMs: 0 };
  const witnesses = witnessesOf(one, passed, options.thorough);
  const without = witnessesOf(one, options.cases).length;
  if (witnesses.length === 0 && without > 0) return { ...about, verdict: 'not-applicable', reason: `none of its ${without} cases passes on the honest endpoint`, caughtBy: [], ran: 0, faults: [], durationMs: 0 };
  const stand = await world.start(one);
  const enough = new AbortController();
  const end = (): void => enough.abort();
  const begunAt = new Map<string, number>();
  const noticed: Witness[] = [];
  let ran = 0;
  try {
    await runCases({
      ...runOptions(options), endpoint: stand.behind, cases: witnesses, parallel: casesAtATime, signal: enough.signal,
      onEvent: (event) => {
        if (event.type === 'case-start') begunAt.set(event.name, begunAt.size);
        if (event.type !== 'case-end') return;
        if (event.report.verdict !== 'skipped') ran++;
        if (!convicts(event.report)) return;
        noticed.push(witness(event.report));
        if (options.thorough !== true) end();
      },
    });
  } finally {
    await stand.stop();
  }
  const caughtBy = noticed.sort((a, b) => (begunAt.get(a.case) ?? 0) - (begunAt.get(b.case) ?? 0));
  const absent = caughtBy.length > 0 ? undefined : absentWitness(one, passed, options.cases);
  return {
    ...about, verdict: caughtBy.length > 0 ? 'convicted' : absent === undefined ? 'escaped' : 'not-applicable', caughtBy,
    ...(absent === undefined ? {} : { reason: `its witness ${absent} does not pass on the honest endpoint` }), ran, faults: stand.faults.slice(0, 5).map(String), durationMs: Date.now() - begun,
  };
}

/** The first witness that is named in full, when it is a case that may not speak. */
function absentWitness(one: RegisteredSabotage, passed: readonly RegisteredCase[], all: readonly RegisteredCase[]): string | undefined {
  const named = one.witnesses.find((name) => all.some((each) => each.name === name));
  return passed.some((each) => each.name === named) ? undefined : named;
}

/** A case that could not do its work because the endpoint refused or broke it speaks too; a fault of the kit does not. */
function convicts(report: CaseReport): boolean {
  return report.verdict === 'fail' || (report.verdict === 'error' && report.failure?.kind !== 'kit');
}

function witness(report: CaseReport): Witness {
  return { case: report.name, failure: report.failure };
}
