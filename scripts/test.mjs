#!/usr/bin/env node
/**
 * `npm test`: the unit suites, then the suites that drive real SDKs and Apache's broker where their toolchains are found.
 * Prints every skipped test with its reason and ends with `N passed, N failed, N skipped`.
 * Arguments: --unit or --interop for one half; anything else goes to jest.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const reports = join(root, '.cache', 'test');
mkdirSync(reports, { recursive: true });

const args = process.argv.slice(2);
const only = args.find((a) => a === '--unit' || a === '--interop');
const rest = args.filter((a) => a !== only);
const halves = [
  { name: 'unit', flags: [] },
  { name: 'interop', flags: ['--config', 'jest.interop.config.js', '--runInBand', '--passWithNoTests'] },
].filter((h) => only === undefined || only === `--${h.name}`);

const total = { passed: 0, failed: 0, skipped: 0 };
const skipped = [];
let broken = false;

for (const half of halves) {
  const report = join(reports, `${half.name}.json`);
  rmSync(report, { force: true });
  const code = await new Promise((done) => {
    const child = spawn(
      process.execPath,
      ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', ...half.flags, '--json', `--outputFile=${report}`, ...rest],
      { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
    );
    child.on('exit', (c, signal) => done(c ?? (signal ? 1 : 0)));
  });
  try {
    const result = JSON.parse(readFileSync(report, 'utf8'));
    total.passed += result.numPassedTests;
    total.failed += result.numFailedTests;
    total.skipped += result.numPendingTests + result.numTodoTests;
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
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(broken || total.failed > 0 || total.passed === 0 ? 1 : 0);
