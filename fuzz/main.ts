/** `npm run fuzz`: plans a campaign, runs it, tells what it found. */
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { keepFind } from './engine/artefacts.js';
import { addInput, inputsIn, seedCorpus } from './engine/corpus.js';
import { mergeCorpus } from './engine/merge.js';
import { progressOn } from './engine/progress.js';
import { runTasks } from './engine/run.js';
import type { Result } from './engine/run.js';
import type { Task, TaskFind } from './engine/task.js';
import { canaries } from './canaries/table.js';
import type { Canary } from './canaries/table.js';
import { runCrashPoints } from './crash/campaign.js';
import { runDifferential } from './differential/command.js';
import { runSim } from './sim/campaign.js';
import { parseOptions, usage, UsageError } from './options.js';
import type { Options } from './options.js';
import { targets } from './targets/table.js';

const hangMillis = 5000;
/** A campaign over all targets of this length or more looks for the canaries as well, after its time. */
const provenFromMillis = 5 * 60_000;

/** A canary's budget is its executions; this only ends a machine that stands still. */
const canaryMillisMax = 120_000;

function out(text: string): void {
  process.stdout.write(`${text}\n`);
}

function task(options: Options, more: Partial<Task> & { readonly target: string }): Task {
  const corpora = options.corpus === undefined ? [seedCorpus] : [seedCorpus, resolve(options.corpus)];
  return { seed: options.seed, millis: options.millis, executions: options.executions, untilFind: false, corpora, hangMillis, ...more };
}

function chosen(options: Options): readonly string[] {
  for (const name of options.targets) if (!targets.some((one) => one.name === name)) throw new UsageError(`no target ${name}: there are ${targets.map((one) => one.name).join(', ')}`);
  return options.targets.length === 0 ? targets.map((one) => one.name) : options.targets;
}

/** All targets share the time; workers beyond one a target get a seed of their own. */
function campaignTasks(options: Options): readonly Task[] {
  const names = chosen(options);
  const copies = Math.max(1, Math.floor(options.workers / names.length));
  const rounds = Math.ceil((names.length * copies) / options.workers);
  const millis = options.millis / rounds;
  return names.flatMap((target) => Array.from({ length: copies }, (_, i) => task(options, { target, millis, seed: `${options.seed}/${target}${i === 0 ? '' : `/${i}`}` })));
}

/** Finds of one target and key, once. */
function distinct(results: readonly Result[]): readonly TaskFind[] {
  const kept = new Map<string, TaskFind>();
  for (const find of results.flatMap((one) => one.finds)) if (!kept.has(`${find.target} ${find.key}`)) kept.set(`${find.target} ${find.key}`, find);
  return [...kept.values()];
}

function tell(find: TaskFind): { readonly target: string; readonly kind: string; readonly message: string; readonly reproduce: string } {
  const { reproduce } = keepFind(find);
  return { target: find.target, kind: find.kind, message: find.message, reproduce };
}

async function runCampaign(options: Options): Promise<number> {
  const tasks = campaignTasks(options);
  const start = performance.now();
  const progress = progressOn(process.stderr, options, tasks.length);
  const told = new Set<string>();
  const results = await runTasks(tasks, options.workers, {
    onProgress: (of, now) => { progress.update(of, now); },
    onNews: (of, input) => { if (options.corpus !== undefined) addInput(options.corpus, of.target, input); },
    onFind: (find) => {
      if (told.has(`${find.target} ${find.key}`) || options.json) return;
      told.add(`${find.target} ${find.key}`);
      const { kind, message, reproduce } = tell(find);
      progress.clear();
      out(`find in ${find.target}: ${kind}: ${message}\n  ${reproduce}`);
    },
  });
  progress.clear();
  const finds = distinct(results);
  const seconds = (performance.now() - start) / 1000;
  const rows = results.map(({ task: of, progress: at, millis }) => ({ target: of.target, seed: of.seed, executions: at.executions, perSecond: Math.round((at.executions * 1000) / millis), refused: at.refused, coverage: at.coverage, corpus: at.corpus, finds: at.finds }));
  const executions = rows.reduce((sum, row) => sum + row.executions, 0);
  if (!options.json) {
    out(table(rows));
    out(`seed ${options.seed}: ${executions} executions of ${new Set(rows.map((row) => row.target)).size} targets in ${seconds.toFixed(0)} s, ${finds.length} finds`);
  }
  // An engine that finds nothing has to show that it finds something.
  const proof = options.targets.length === 0 && options.millis >= provenFromMillis ? await lookForCanaries(options, canaries) : [];
  if (options.json) out(JSON.stringify({ seed: options.seed, seconds, executions, targets: rows, finds: finds.map(tell), canaries: proof }, null, 2));
  else if (proof.length > 0) out(canariesTold(options, proof));
  return finds.length === 0 && proof.every((row) => row.found) ? 0 : 1;
}

function table(rows: readonly Readonly<Record<string, string | number>>[]): string {
  const columns = ['target', 'executions', 'perSecond', 'refused', 'coverage', 'corpus', 'finds'];
  const lines = [columns, ...rows.map((row) => columns.map((column) => String(row[column])))];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => (line[i] ?? '').length)));
  return lines.map((line) => line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')).join('\n');
}

/** What became of a planted bug. */
interface CanaryRow {
  readonly canary: string;
  readonly target: string;
  readonly found: boolean;
  readonly by: string;
  readonly executions: number;
  readonly executionsMax: number;
  readonly millis: number;
  readonly inputBytes: number;
}

async function lookForCanaries(options: Options, list: readonly Canary[]): Promise<readonly CanaryRow[]> {
  // A budget of executions, so that a slow machine finds the same; the corpus of the project is not used, its inputs may have found the bug before.
  const tasks = list.map((canary) => task(options, { target: canary.target, canary: canary.name, seed: `${options.seed}/${canary.name}`, millis: canaryMillisMax, executions: canary.executionsMax, untilFind: true, corpora: [] }));
  const results = await runTasks(tasks, options.workers, {});
  return results.map(({ finds, progress, millis }, i) => {
    const canary = list[i] as Canary;
    const find = finds[0];
    return { canary: canary.name, target: canary.target, found: find !== undefined, by: find?.kind ?? '', executions: find?.execution ?? progress.executions, executionsMax: canary.executionsMax, millis: Math.round(millis), inputBytes: find === undefined ? 0 : Buffer.from(find.inputs[find.inputs.length - 1] ?? '', 'base64').length };
  });
}

function canariesTold(options: Options, rows: readonly CanaryRow[]): string {
  const lines = rows.map((row) => `${row.found ? 'found' : 'LOST '}  ${row.canary.padEnd(28)} ${row.found ? `${row.by} after ${row.executions} of ${row.executionsMax} executions, minimized to ${row.inputBytes} bytes` : `not within ${row.executions} executions, ${row.executionsMax} are allowed`}`);
  return [...lines, `seed ${options.seed}: ${rows.filter((row) => row.found).length} of ${rows.length} canaries found`].join('\n');
}

async function runCanaries(options: Options, list: readonly Canary[]): Promise<number> {
  const rows = await lookForCanaries(options, list);
  out(options.json ? JSON.stringify({ seed: options.seed, canaries: rows }, null, 2) : canariesTold(options, rows));
  return rows.every((row) => row.found) ? 0 : 1;
}

async function runReplay(options: Options, file: string): Promise<number> {
  if (!existsSync(file)) throw new UsageError(`no file ${file}`);
  const said = file.endsWith('.json') ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<TaskFind>) : {};
  const target = options.targets[0] ?? said.target ?? basename(dirname(resolve(file)));
  if (!targets.some((one) => one.name === target)) throw new UsageError(`which target is ${file} of? --target says it`);
  const inputs = inputsIn(file).map((one) => one.toString('base64'));
  const canary = options.canary ?? said.canary;
  const [result] = await runTasks([task(options, { target, canary, replay: inputs, millis: 60_000 })], 1, {});
  const find = result?.finds[0];
  out(find === undefined ? `${target}: nothing to object` : `${target}: ${find.kind}: ${find.message}\n${find.stack}`);
  return find === undefined ? 0 : 1;
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2), new Date().toISOString().slice(0, 10), availableParallelism());
  switch (options.mode) {
    case 'help':
      out(usage);
      return 0;
    case 'list':
      for (const one of targets) out(`${one.name.padEnd(24)} ${one.proves}`);
      for (const one of canaries) out(`  canary ${one.name.padEnd(26)} in ${one.target}: ${one.plants}`);
      return 0;
    case 'differential': return runDifferential(options, out);
    case 'sim': return runSim(options, out);
    case 'crash-points': return runCrashPoints(options, out);
    case 'replay': return runReplay(options, options.replay ?? '');
    case 'merge': return mergeCorpus(options.corpus ?? '', chosen(options), out);
    case 'canaries': return runCanaries(options, canaries);
    default: {
      if (options.canary === undefined) return runCampaign(options);
      const canary = canaries.find((one) => one.name === options.canary);
      if (canary === undefined) throw new UsageError(`no canary ${options.canary}: there are ${canaries.map((one) => one.name).join(', ')}`);
      return runCanaries(options, [canary]);
    }
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${usage}\n`);
  process.exitCode = 2;
}
