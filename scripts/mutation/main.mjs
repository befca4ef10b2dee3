#!/usr/bin/env node
/**
 * `npm run mutation`: mutation testing of src/codec, src/store and src/server/filter. See README.md beside this file.
 *
 *   --sample N --seed S   N mutants of the three rooms, the same for the same seed
 *   --file F              all mutants of a file
 *   --minutes M           ends after so long; the same command goes on where it stopped
 *   --part I/N            every N-th of them, in a sandbox of its own, so that several may run
 *   --wide                survivors run again, against the suites of all of src instead of those of the three rooms
 *   --report              says what is known so far; runs nothing
 */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { compiled, mutantsOf } from './mutants.mjs';
import { makeSandbox, root, runSuites, suitesOf, write } from './sandbox.mjs';

const rooms = ['src/codec', 'src/store', 'src/server/filter'];
/** Suites elsewhere that are those of files of a room: the store's timer files. */
const suitesOfRooms = [...rooms, 'src/server/timer'];
/** A generator of documentation; doubles of the disk and of a store for tests: what they do wrong is no defect of the product. */
const leftOut = ['src/codec/generate-docs.ts', 'src/store/store-fixture.ts', 'src/store/simulated-disk.ts'];
/** Suites of half a minute and more, which start processes or stop a store at hundreds of points. */
const slowSuites = ['dist/src/store/crash.test.js', 'dist/src/store/kill.test.js', 'dist/src/store/odd-files.test.js'];
/** A mutant may take so long beside what its suites take without it. */
const limitMs = (suitesMs) => 20_000 + 1.5 * suitesMs;
/** Suites of one mutant, together: those that reach it and are longer stay out, which can only make survivors. */
const suitesMsMax = 60_000;

const { values } = parseArgs({ options: { sample: { type: 'string' }, seed: { type: 'string', default: '1' }, file: { type: 'string', multiple: true }, minutes: { type: 'string' }, part: { type: 'string', default: '0/1' }, wide: { type: 'boolean' }, report: { type: 'boolean' }, json: { type: 'boolean' } } });
const [part, parts] = values.part.split('/').map(Number);
const home = join(root, '.cache', 'mutation');
mkdirSync(home, { recursive: true });
// jest takes real paths only, and .cache may be a link
const sandbox = join(realpathSync(home), `sandbox-${part}`);
const deadline = performance.now() + (values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes) * 60_000);

const sha = (text) => createHash('sha256').update(text).digest('hex');
const lines = (file) => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line)) : []);
const all = (prefix) => (existsSync(home) ? readdirSync(home).filter((name) => name.startsWith(prefix)).sort().flatMap((name) => lines(join(home, name))) : []);

const files = rooms.flatMap((room) => readdirSync(join(root, room)).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts')).map((name) => `${room}/${name}`)).filter((file) => !leftOut.includes(file));
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));

/** What `equivalent.json` says about a mutant; its place is given by the line's text, which stays when others come and go. */
const reasons = JSON.parse(readFileSync(join(root, 'scripts/mutation/equivalent.json'), 'utf8'));
const reasonOf = ({ file, code, was, put }) => reasons.find((one) => one.file === file && one.code === code && one.was === was && one.put === put)?.reason;

function chosen() {
  const every = (values.file ?? files).flatMap((file) => mutantsOf(file, texts.get(file) ?? readFileSync(join(root, file), 'utf8')));
  if (values.sample === undefined) return every;
  return every.map((mutant) => ({ mutant, order: sha(`${values.seed} ${mutant.id}`) })).sort((a, b) => (a.order < b.order ? -1 : 1)).slice(0, Number(values.sample)).map(({ mutant }) => mutant);
}

/** Which lines of which file each suite reaches, and how long it takes: once, and again for a suite that changed. */
async function coverage() {
  const own = suitesOfRooms.map((room) => `dist/${room}/`);
  const file = join(home, `coverage-${part}.jsonl`);
  const known = new Map(all('coverage-').map((one) => [`${one.suite} ${one.hash}`, one]));
  const covered = [];
  const suites = suitesOf(sandbox).filter((suite) => values.wide || !slowSuites.includes(suite)).filter((suite) => values.wide || own.some((room) => suite.startsWith(room)));
  let others = 0;
  for (const [n, suite] of suites.entries()) {
    const hash = sha(readFileSync(join(sandbox, suite))).slice(0, 16);
    let one = known.get(`${suite} ${hash}`);
    if (one === undefined) {
      if (n % parts !== part) {
        others++;
        continue;
      }
      if (performance.now() > deadline) return undefined;
      const directory = join(sandbox, 'coverage-of-a-suite');
      const start = performance.now();
      const { passed, text } = await runSuites(sandbox, [suite], 240_000, directory);
      const ms = Math.round(performance.now() - start);
      if (!passed) process.stderr.write(`${suite} does not pass here and is left out: ${text.slice(-300)}\n`);
      one = { suite, hash, ms, passed, reached: passed ? reachedIn(join(directory, 'coverage-final.json')) : {} };
      mkdirSync(home, { recursive: true });
      appendFileSync(file, `${JSON.stringify(one)}\n`);
    }
    covered.push(one);
  }
  // Another part is still at its share.
  return others > 0 ? undefined : covered;
}

/** Lines by file of jest's report. It speaks of the compiled file or of the source, as its source map was found. */
function reachedIn(file) {
  const reached = {};
  for (const [path, { statementMap, s }] of Object.entries(JSON.parse(readFileSync(file, 'utf8')))) {
    const name = path.slice(path.lastIndexOf('/src/') + 1).replace(/\.js$/, '.ts');
    const hit = Object.entries(statementMap).filter(([id]) => s[id] > 0).map(([, { start }]) => start.line);
    if (hit.length > 0) reached[name] = hit;
  }
  return reached;
}

function suitesFor(mutant, covered) {
  const near = ({ suite }) => {
    if (basename(suite, '.test.js') === basename(mutant.file, '.ts')) return 0.05;
    return dirname(suite) === `dist/${dirname(mutant.file)}` ? 0.4 : 1;
  };
  const reaching = covered.filter((one) => one.passed && one.reached[mutant.file]?.has(mutant.line)).sort((a, b) => a.ms * near(a) - b.ms * near(b));
  let ms = 0;
  return reaching.filter((one, i) => (ms += one.ms) <= suitesMsMax || i === 0);
}

async function run(mutants) {
  // Made anew after each run of the compiler.
  const built = (directory) => statSync(join(directory, 'dist/.tsbuildinfo'), { throwIfNoEntry: false })?.mtimeMs.toFixed(0);
  if (built(sandbox) === undefined || built(sandbox) !== built(root)) makeSandbox(sandbox);
  const found = await coverage();
  if (found === undefined) return;
  const covered = found.map((one) => ({ ...one, reached: Object.fromEntries(Object.entries(one.reached).map(([name, hit]) => [name, new Set(hit)])) }));
  const done = new Map(all('results-').map((one) => [one.id, one]));
  const mine = mutants.filter((_, i) => i % parts === part);
  for (const mutant of mine) {
    const before = done.get(mutant.id);
    const suites = suitesFor(mutant, covered);
    // A survivor runs again when there are other suites, or one of them is another.
    const against = sha(suites.map(({ suite, hash }) => `${suite} ${hash}`).join(' ')).slice(0, 12);
    if (before !== undefined && (isProven(before) || (before.against === against && ['survived', 'unreached'].includes(before.verdict)) || reasonOf(mutant) !== undefined)) continue;
    if (performance.now() > deadline) return;
    const target = join(sandbox, 'dist', mutant.file.replace(/\.ts$/, '.js'));
    const start = performance.now();
    let verdict = 'unreached';
    let by;
    if (suites.length > 0) {
      write(target, compiled(mutant.file, texts.get(mutant.file), mutant));
      const { passed, late, failed } = await runSuites(sandbox, suites.map(({ suite }) => suite), limitMs(suites.reduce((sum, { ms }) => sum + ms, 0)));
      write(target, compiled(mutant.file, texts.get(mutant.file)));
      by = late ? 'time' : failed;
      // jest ended without naming a suite that failed: something else did, and that proves nothing.
      verdict = passed ? 'survived' : by === undefined ? 'unclear' : 'killed';
    }
    const ms = Math.round(performance.now() - start);
    appendFileSync(join(home, `results-${part}.jsonl`), `${JSON.stringify({ id: mutant.id, verdict, by, ms, suites: suites.length, against })}\n`);
    if (verdict !== 'killed') process.stdout.write(`${told(mutant, verdict)}\n`);
  }
}

/** A kill counts when a suite is named, or the time was over. Runs of before noted `?` where the name was not found. */
const isProven = ({ verdict, by }) => verdict === 'killed' && by !== undefined && by !== '?';

const told = (mutant, verdict) => `${verdict.padEnd(9)} ${mutant.file}:${mutant.line}:${mutant.column} ${mutant.kind}: ${short(mutant.was)} -> ${short(mutant.put)}   | ${short(mutant.code, 140)}`;
const short = (text, most = 60) => {
  const flat = text.replaceAll(/\s+/g, ' ');
  return flat.length > most ? `${flat.slice(0, most)}…` : flat;
};

const verdictOf = (one) => (one?.verdict === 'killed' && !isProven(one) ? 'unclear' : one?.verdict);

/** Killed of those that are not equivalent, by room; what is unclear is not killed. Answers whether the score is reached. */
function report(mutants) {
  const done = new Map(all('results-').map((one) => [one.id, one]));
  const rows = mutants.map((mutant) => ({ mutant, verdict: verdictOf(done.get(mutant.id)), reason: reasonOf(mutant) })).filter(({ verdict }) => verdict !== undefined);
  const count = (list) => {
    const killed = list.filter(({ verdict }) => verdict === 'killed').length;
    const equivalent = list.filter(({ verdict, reason }) => verdict !== 'killed' && reason !== undefined).length;
    const judged = list.length - equivalent;
    return { mutants: list.length, killed, survived: judged - killed, equivalent, score: judged === 0 ? 100 : Math.round((killed * 1000) / judged) / 10 };
  };
  const table = Object.fromEntries([...rooms.map((room) => [room, rows.filter(({ mutant }) => dirname(mutant.file) === room)]), ['all', rows]].map(([name, list]) => [name, count(list)]));
  const left = rows.filter(({ verdict, reason }) => verdict !== 'killed' && reason === undefined);
  if (values.json) process.stdout.write(`${JSON.stringify({ table, survivors: left.map(({ mutant, verdict }) => ({ verdict, ...mutant })) }, null, 2)}\n`);
  else {
    for (const { mutant, verdict } of left) process.stdout.write(`${told(mutant, verdict)}\n`);
    console.table(table);
    process.stdout.write(`${rows.length} of ${mutants.length} mutants have run\n`);
  }
  return table.all.score >= 80;
}

const mutants = chosen();
if (!values.report) await run(mutants);
process.exitCode = report(mutants) ? 0 : 1;
