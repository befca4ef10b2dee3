/**
 * A copy of the built project in which one file at a time is exchanged, and jest on some suites of it. Everything that is not built is linked.
 */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Ends the tests that run now. */
let endRunning = () => undefined;
// They are a process group of their own, and with a mutant may run for ever.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    endRunning();
    process.exit(128 + constants.signals[signal]);
  });
}

/** Makes the copy anew. */
export function makeSandbox(directory) {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const name of readdirSync(root)) {
    if (name === 'dist' || name === '.git') continue;
    symlinkSync(join(root, name), join(directory, name));
  }
  cpSync(join(root, 'dist'), join(directory, 'dist'), { recursive: true, preserveTimestamps: true });
}

/**
 * Runs tests in their order and ends at the first that fails. `runs` are `{ suite, tests }`, the suite's path below `directory` and the full names of those of its tests that run,
 * all of them without names. Answers `passed`; `failed`, the suite and the test that failed or amid which the process ended, undefined when neither is known; `late` when it took longer than allowed;
 * and with `reach`, a pattern of paths, `reached`: what ran of those files, by test (`environment.mjs`).
 */
export async function runTests(directory, runs, limitMs, testLimitMs, reach) {
  const temporary = mkdtempSync(join(realpathSync(tmpdir()), 'skylark-mutation-'));
  const paths = runs.map(({ suite }) => join(directory, suite));
  writeFileSync(join(temporary, 'plan.json'), JSON.stringify({ reach, tests: Object.fromEntries(runs.filter(({ tests }) => tests !== undefined).map(({ suite, tests }) => [join(directory, suite), tests])) }));
  const config = {
    rootDir: directory, roots: ['<rootDir>/dist/src'], testMatch: ['**/*.test.js'], transform: {}, testEnvironment: join(root, 'scripts/mutation/environment.mjs'), cacheDirectory: join(directory, 'jest-cache'),
    testSequencer: join(root, 'scripts/mutation/fastest-first.mjs'), testTimeout: testLimitMs, haste: { enableSymlinks: false }, reporters: [],
  };
  const child = spawn(process.execPath, [
    '--experimental-vm-modules', '--no-warnings', join(root, 'node_modules/jest/bin/jest.js'), '--config', JSON.stringify(config), '--runInBand', '--bail=1', '--forceExit', '--runTestsByPath', ...paths,
  ], { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'], detached: true, env: { ...process.env, TMPDIR: temporary, MUTATION_RUN: temporary, MUTATION_ORDER: JSON.stringify(paths), FORCE_COLOR: '0' } });
  let text = '';
  child.stderr.on('data', (chunk) => { text = (text + String(chunk)).slice(-4000); });
  let late = false;
  const end = () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // all of the group are gone
    }
  };
  endRunning = end;
  const timer = setTimeout(() => {
    late = true;
    end();
  }, limitMs);
  const code = await new Promise((done) => child.on('exit', (status) => done(status ?? 1)));
  clearTimeout(timer);
  end();
  endRunning = () => undefined;
  const passed = code === 0;
  const noted = (name) => (existsSync(join(temporary, name)) ? JSON.parse(readFileSync(join(temporary, name), 'utf8')) : undefined);
  const failure = passed ? undefined : noted('failed') ?? noted('at');
  const reached = noted('reached.json');
  rmSync(temporary, { recursive: true, force: true, maxRetries: 3 });
  return { passed, late, failed: failure === undefined ? undefined : { suite: relative(realpathSync(directory), realpathSync(failure.suite)), test: failure.test }, text, reached };
}

export function suitesOf(directory) {
  const found = [];
  const walk = (at) => {
    for (const one of readdirSync(join(directory, at), { withFileTypes: true })) {
      if (one.isDirectory()) walk(join(at, one.name));
      else if (one.name.endsWith('.test.js')) found.push(join(at, one.name));
    }
  };
  walk('dist/src');
  return found.sort();
}

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const placesOf = new Map();

/** Places of a compiled file that its source map knows, in order: `[offset in it, line of the source]`. */
function places(path) {
  const known = placesOf.get(path);
  if (known !== undefined) return known;
  const found = [];
  let [start, line] = [0, 0];
  const text = readFileSync(path, 'utf8').split('\n');
  for (const [n, segments] of JSON.parse(readFileSync(`${path}.map`, 'utf8')).mappings.split(';').entries()) {
    let column = 0;
    for (const segment of segments === '' ? [] : segments.split(',')) {
      const numbers = [];
      let [value, shift] = [0, 0];
      for (const digit of segment) {
        const bits = digits.indexOf(digit);
        value += (bits & 31) << shift;
        shift += 5;
        if ((bits & 32) !== 0) continue;
        numbers.push((value & 1) === 0 ? value >> 1 : -(value >> 1));
        [value, shift] = [0, 0];
      }
      column += numbers[0];
      line += numbers[2] ?? 0;
      found.push([start + column, line + 1]);
    }
    start += (text[n]?.length ?? 0) + 1;
  }
  placesOf.set(path, found);
  return found;
}

/** Lines of the source that ran, by V8's ranges of the compiled file: the innermost decides. */
export function linesOf(path, ranges) {
  const outerFirst = [...ranges].sort((a, b) => a[0] - b[0] || b[1] - a[1]);
  const open = [];
  const lines = new Set();
  let next = 0;
  for (const [offset, line] of places(path)) {
    while (next < outerFirst.length && outerFirst[next][0] <= offset) open.push(outerFirst[next++]);
    while (open.length > 0 && open.at(-1)[1] <= offset) open.pop();
    if (open.length > 0 && open.at(-1)[2] === 1) lines.add(line);
  }
  return lines;
}
