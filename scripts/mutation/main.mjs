#!/usr/bin/env node
/**
 * `npm run mutation`: mutation testing of src/codec, src/store and src/server/filter. See README.md beside this file.
 *
 *   --sample N --seed S   N mutants of the three rooms, the same for the same seed
 *   --file F              all mutants of a file
 *   --minutes M           ends after so long; the same command goes on where it stopped
 *   --part I/N            every N-th of them, in a sandbox of its own, so that several may run
 *   --sandbox NAME        in a sandbox of that name, so that several samples may run
 *   --wide                survivors run again, against the suites of all of src instead of those of the three rooms
 *   --report              says what is known so far; runs nothing
 */
import { createHash } from 'node:crypto';
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { compiled, mutantsOf } from './mutants.mjs';
import { linesOf, makeSandbox, root, runTests, suitesOf } from './sandbox.mjs';

const rooms = ['src/codec', 'src/store', 'src/server/filter'];
/** Suites elsewhere that are those of files of a room: the store's timer files. */
const suitesOfRooms = [...rooms, 'src/server/timer'];
/** A generator of documentation; doubles of the disk and of a store for tests: what they do wrong is no defect of the product. */
const leftOut = ['src/codec/generate-docs.ts', 'src/store/store-fixture.ts', 'src/store/simulated-disk.ts'];
/** What a mutant's tests may take in all without it; the longest of those that reach it stay out beyond, which can only make survivors. */
const testsMsMax = 90_000;
/** With a mutant they may take so long, the whole and a single test. */
const limitMs = (ms) => 30_000 + 2 * ms;
const testLimitMs = (ms) => 15_000 + 3 * ms;
/** Loading jest and a suite without any of its tests. */
const startMs = 1_500;
const compiledRooms = '/dist/src/(?:codec|store|server/filter)/[^/]+\\.js$';

const { values } = parseArgs({ options: { sample: { type: 'string' }, seed: { type: 'string', default: '1' }, file: { type: 'string', multiple: true }, minutes: { type: 'string' }, part: { type: 'string', default: '0/1' }, sandbox: { type: 'string' }, wide: { type: 'boolean' }, report: { type: 'boolean' }, json: { type: 'boolean' } } });
const [part, parts] = values.part.split('/').map(Number);
const home = join(root, '.cache', 'mutation');
mkdirSync(home, { recursive: true });
// jest takes real paths only, and .cache may be a link
const place = values.sandbox ?? String(part);
const sandbox = join(realpathSync(home), `sandbox-${place}`);
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

/** Which lines of which file each test reaches, and how long it takes: once, and again for a suite that changed. */
async function coverage() {
  const own = suitesOfRooms.map((room) => `dist/${room}/`);
  const known = new Map(all('coverage-').map((one) => [`${one.suite} ${one.hash}`, one]));
  const covered = [];
  const suites = suitesOf(sandbox).filter((suite) => values.wide || own.some((room) => suite.startsWith(room)));
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
      const { passed, text, reached } = await runTests(sandbox, [{ suite }], 300_000, 120_000, compiledRooms);
      if (!passed) process.stderr.write(`${suite} does not pass here and is left out: ${text.slice(-300)}\n`);
      one = { suite, hash, passed, ...(passed ? reachedBy(reached) : { tests: [], reached: {} }) };
      appendFileSync(join(home, `coverage-${place}.jsonl`), `${JSON.stringify(one)}\n`);
    }
    covered.push(one);
  }
  // Another part is still at its share.
  return others > 0 ? undefined : covered;
}

/** Of what ran in each test: the tests with their times, and by file and line the places in that list; `all` where modules or hooks of the suite reach the line. */
function reachedBy(noted) {
  const tests = noted.filter(({ test }) => test !== undefined).map(({ test, ms }) => [test, ms]);
  const reached = {};
  let n = 0;
  for (const { test, reached: files } of noted) {
    const place = test === undefined ? 'all' : n++;
    for (const [path, ranges] of Object.entries(files)) {
      const file = path.slice(path.lastIndexOf('/src/') + 1).replace(/\.js$/, '.ts');
      reached[file] ??= {};
      for (const line of linesOf(path, ranges)) {
        if (place === 'all') reached[file][line] = 'all';
        else if (reached[file][line] !== 'all') (reached[file][line] ??= []).push(place);
      }
    }
  }
  return { tests, reached };
}

/** The tests that reach a mutant, by suite: the nearest and shortest suite first, of a suite the shortest tests, as long as there is time. */
function testsFor(mutant, covered) {
  const near = ({ suite }) => {
    if (basename(suite, '.test.js') === basename(mutant.file, '.ts')) return 0.05;
    return dirname(suite) === `dist/${dirname(mutant.file)}` ? 0.4 : 1;
  };
  const reaching = covered.map((one) => {
    const places = one.passed ? one.reached[mutant.file]?.[mutant.line] ?? [] : [];
    const tests = whole.has(one.suite) && places.length > 0 || places === 'all' ? one.tests : places.map((place) => one.tests[place]);
    return { suite: one.suite, hash: one.hash, all: one.tests, tests, ms: tests.reduce((sum, [, ms]) => sum + ms, startMs) };
  }).filter(({ tests }) => tests.length > 0).sort((a, b) => a.ms * near(a) - b.ms * near(b));
  const chosenOnes = [];
  let left = testsMsMax;
  for (const one of reaching) {
    let ms = startMs;
    const fit = whole.has(one.suite) ? one.tests : [...one.tests].sort((a, b) => a[1] - b[1]).filter((test, i) => (ms += test[1]) <= left || (i === 0 && chosenOnes.length === 0));
    if (fit.length === 0 || (whole.has(one.suite) && one.ms > left && chosenOnes.length > 0)) continue;
    const took = fit.reduce((sum, test) => sum + test[1], startMs);
    left -= took;
    chosenOnes.push({ suite: one.suite, hash: one.hash, ms: took, longestMs: Math.max(...fit.map((test) => test[1])), tests: one.all.filter((test) => fit.includes(test)).map(([name]) => name) });
  }
  return chosenOnes;
}

/** Suites whose tests need those before them: found when some of them fail without a mutant. */
const whole = new Set();

const limits = (runs) => [limitMs(runs.reduce((sum, { ms }) => sum + ms, 0)), testLimitMs(Math.max(...runs.map(({ longestMs }) => longestMs)))];

/** Whether the tests up to the one that failed pass without the mutant: else they say nothing about it. */
async function passesWithout(runs, failed) {
  const only = failed === undefined ? runs : runs.filter(({ suite }) => suite === failed.suite).map((one) => ({ ...one, tests: one.tests.slice(0, one.tests.indexOf(failed.test) + 1 || undefined) }));
  const { passed } = await runTests(sandbox, only, ...limits(only));
  return passed;
}

async function run(mutants) {
  // Made anew after each run of the compiler.
  const built = (directory) => statSync(join(directory, 'dist/.tsbuildinfo'), { throwIfNoEntry: false })?.mtimeMs.toFixed(0);
  if (built(sandbox) === undefined || built(sandbox) !== built(root)) makeSandbox(sandbox);
  const compiledFile = (file) => join('dist', file.replace(/\.ts$/, '.js'));
  // A run that was ended may have left its mutant.
  for (const file of files) copyFileSync(join(root, compiledFile(file)), join(sandbox, compiledFile(file)));
  const covered = await coverage();
  if (covered === undefined) return;
  const done = new Map(all('results-').map((one) => [one.id, one]));
  const mine = mutants.filter((_, i) => i % parts === part);
  for (const mutant of mine) {
    const before = done.get(mutant.id);
    const runs = testsFor(mutant, covered);
    // A survivor runs again when there are other suites, or one of them is another.
    const against = sha(runs.map(({ suite, hash }) => `${suite} ${hash}`).join(' ')).slice(0, 12);
    if (before !== undefined && (before.verdict === 'killed' || (before.against === against && ['survived', 'unreached'].includes(before.verdict)) || reasonOf(mutant) !== undefined)) continue;
    if (performance.now() > deadline) return;
    const target = join(sandbox, compiledFile(mutant.file));
    const original = readFileSync(target);
    const start = performance.now();
    let verdict = 'unreached';
    let by;
    if (runs.length > 0) {
      writeFileSync(target, compiled(mutant.file, texts.get(mutant.file), mutant));
      const { passed, late, failed } = await runTests(sandbox, runs, ...limits(runs));
      writeFileSync(target, original);
      if (passed) verdict = 'survived';
      else if (!late && failed === undefined) verdict = 'unclear';
      else {
        const proven = await passesWithout(runs, late ? undefined : failed);
        verdict = proven ? 'killed' : 'unclear';
        if (proven) by = late ? 'time' : failed;
        else if (!late) whole.add(failed.suite);
      }
    }
    const ms = Math.round(performance.now() - start);
    appendFileSync(join(home, `results-${place}.jsonl`), `${JSON.stringify({ id: mutant.id, verdict, by, ms, tests: runs.reduce((sum, { tests }) => sum + tests.length, 0), against })}\n`);
    if (verdict !== 'killed') process.stdout.write(`${told(mutant, verdict)}\n`);
  }
}

const told = (mutant, verdict) => `${verdict.padEnd(9)} ${mutant.file}:${mutant.line}:${mutant.column} ${mutant.kind}: ${short(mutant.was)} -> ${short(mutant.put)}   | ${short(mutant.code, 140)}`;
const short = (text, most = 60) => {
  const flat = text.replaceAll(/\s+/g, ' ');
  return flat.length > most ? `${flat.slice(0, most)}…` : flat;
};

/** Killed of those that are not equivalent, by room; what is unclear is not killed. Answers whether the score is reached. */
function report(mutants) {
  const done = new Map(all('results-').map((one) => [one.id, one]));
  const rows = mutants.map((mutant) => ({ mutant, verdict: done.get(mutant.id)?.verdict, reason: reasonOf(mutant) })).filter(({ verdict }) => verdict !== undefined);
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
