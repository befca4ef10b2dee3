#!/usr/bin/env node
/**
 * `npm test`: the unit suites, then the suites that drive real SDKs and Apache's broker where their toolchains are found.
 * Prints every skipped test with its reason, how long the halves and their longest suites took, and ends with `N passed, N failed, N skipped`.
 * Whatever becomes of a half (passed, failed, interrupted), no process and no file of it stays behind.
 * Arguments: --unit or --interop for one half; anything else goes to jest.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const reports = join(root, '.cache', 'test');
mkdirSync(reports, { recursive: true });

const args = process.argv.slice(2);
const only = args.find((a) => a === '--unit' || a === '--interop');
const rest = args.filter((a) => a !== only);
const halves = [
  { name: 'unit', flags: [] },
  { name: 'interop', flags: ['--config', 'jest.interop.config.js', '--passWithNoTests'] },
].filter((h) => only === undefined || only === `--${h.name}`);

/** How long what a half started may take to end by itself when it is asked to, ms. */
const graceMs = 5000;

const total = { passed: 0, failed: 0, skipped: 0 };
const skipped = [];
const times = [];
let broken = false;
let interrupted;
/** Asks the half that runs to end; set while one does. */
let ask = () => undefined;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interrupted ??= signal;
    ask();
  });
}

/** Sends a signal to every process of a group; false when there is none left. Signal 0 only asks. */
function signalGroup(leader, signal) {
  try {
    process.kill(-leader, signal);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Ends what is left of a group, politely at first. Answers whether something was left. */
async function endGroup(leader) {
  if (!signalGroup(leader, 'SIGTERM')) return false;
  for (const end = Date.now() + graceMs; Date.now() < end; ) {
    if (!signalGroup(leader, 0)) return true;
    await sleep(50);
  }
  signalGroup(leader, 'SIGKILL');
  for (const end = Date.now() + graceMs; Date.now() < end && signalGroup(leader, 0); ) await sleep(20);
  return true;
}

/** Runs a half in a process group and a directory for temporary files of its own, and clears both away. Answers jest's exit code. */
async function runHalf(half, report) {
  const temporary = mkdtempSync(join(realpathSync(tmpdir()), `skylark-${half.name}-`));
  const child = spawn(
    process.execPath,
    ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', ...half.flags, '--json', `--outputFile=${report}`, ...rest],
    { cwd: root, stdio: ['ignore', 'ignore', 'inherit'], detached: true, env: { ...process.env, TMPDIR: temporary } },
  );
  const exited = new Promise((done) => {
    child.on('error', () => done(1));
    child.on('exit', (code, signal) => done(code ?? (signal ? 1 : 0)));
  });
  let ending;
  ask = () => {
    ending ??= endGroup(child.pid);
  };
  if (interrupted !== undefined) ask();
  const code = await exited;
  const processesLeft = ending === undefined ? await endGroup(child.pid) : await ending;
  ask = () => undefined;
  const filesLeft = readdirSync(temporary);
  rmSync(temporary, { recursive: true, force: true, maxRetries: 3 });
  if (interrupted === undefined && processesLeft) console.error(`${half.name}: ended processes that the suites had left`);
  if (interrupted === undefined && filesLeft.length > 0) console.error(`${half.name}: removed temporary files that the suites had left: ${filesLeft.join(', ')}`);
  return code;
}

for (const half of halves) {
  const report = join(reports, `${half.name}.json`);
  rmSync(report, { force: true });
  const begun = Date.now();
  const code = await runHalf(half, report);
  if (interrupted !== undefined) process.exit(128 + (constants.signals[interrupted] ?? 0));
  const seconds = (ms) => `${Math.round(ms / 1000)} s`;
  try {
    const result = JSON.parse(readFileSync(report, 'utf8'));
    total.passed += result.numPassedTests;
    total.failed += result.numFailedTests;
    total.skipped += result.numPendingTests + result.numTodoTests;
    const took = (suite) => suite.endTime - suite.startTime;
    const longest = [...result.testResults].sort((a, b) => took(b) - took(a)).slice(0, 5);
    times.push(`${half.name}: ${seconds(Date.now() - begun)}; longest ${longest.map((suite) => `${suite.name.replace(/^.*\/dist\/|\.test\.js$/g, '')} ${seconds(took(suite))}`).join(', ')}`);
    for (const suite of result.testResults) {
      if (suite.assertionResults.length === 0 && suite.status === 'failed') total.failed += 1;
      for (const test of suite.assertionResults) if (test.status === 'pending' || test.status === 'todo') skipped.push(test.fullName);
    }
  } catch {
    broken = true;
    total.failed += 1;
    console.error(`${half.name}: the runner ended without a report (exit code ${code})`);
  }
  if (code !== 0) broken = true;
}

if (skipped.length > 0) console.log(`\nskipped:\n${[...new Set(skipped)].map((s) => `  ${s}`).join('\n')}`);
console.log(`\n${times.join('\n')}`);
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(broken || total.failed > 0 || total.passed === 0 ? 1 : 0);
