/**
 * A copy of the built project in which one file at a time is exchanged, and jest on some suites of it. Everything that is not built is linked.
 */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

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
 * Runs suites (paths below `directory`) in their order and ends at the first that fails. Answers `failed`, the suite or undefined when jest reports none, and
 * `late` when it took longer than allowed; `coverage` names a directory that gets jest's coverage.
 */
export async function runSuites(directory, suites, limitMs, coverage) {
  const temporary = mkdtempSync(join(realpathSync(tmpdir()), 'skylark-mutation-'));
  const report = join(temporary, 'report.json');
  const config = {
    rootDir: directory, roots: ['<rootDir>/dist/src'], testMatch: ['**/*.test.js'], transform: {}, testEnvironment: 'node', cacheDirectory: join(directory, 'jest-cache'),
    testSequencer: join(root, 'scripts/mutation/fastest-first.mjs'), testTimeout: limitMs, haste: { enableSymlinks: false },
    ...(coverage === undefined ? {} : { collectCoverage: true, coverageProvider: 'v8', coverageReporters: ['json'], coverageDirectory: coverage, coveragePathIgnorePatterns: ['^(?!.*/dist/src/(?:codec|store|server/filter)/[^/]+\\.js$)', '\\.test\\.js$'] }),
  };
  const paths = suites.map((one) => join(directory, one));
  const child = spawn(process.execPath, [
    '--experimental-vm-modules', '--no-warnings', join(root, 'node_modules/jest/bin/jest.js'), '--config', JSON.stringify(config), '--runInBand', '--bail=1', '--forceExit', '--json', `--outputFile=${report}`, '--runTestsByPath', ...paths,
  ], { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'], detached: true, env: { ...process.env, TMPDIR: temporary, MUTATION_ORDER: JSON.stringify(paths), FORCE_COLOR: '0' } });
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
  const timer = setTimeout(() => {
    late = true;
    end();
  }, limitMs);
  const code = await new Promise((done) => child.on('exit', (status) => done(status ?? 1)));
  clearTimeout(timer);
  end();
  const failed = existsSync(report) ? failedIn(report, directory) : undefined;
  rmSync(temporary, { recursive: true, force: true, maxRetries: 3 });
  return { passed: code === 0, late, failed, text };
}

/** The suite that failed by jest's report. The end of what it prints does not always name it, and a jest that did not start prints something too. */
function failedIn(report, directory) {
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const name = testResults.find(({ status }) => status === 'failed')?.name;
  return name === undefined ? undefined : relative(realpathSync(directory), realpathSync(name));
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

export function write(file, text) {
  if (!existsSync(dirname(file))) mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
