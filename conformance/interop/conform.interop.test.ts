/**
 * The whole kit against Skylark and, where Java is found and CONFORM_APACHE=1 asks for these minutes, against Apache: every verdict must be the
 * recorded one (`conformance/verdicts`). A change is accepted by `--update-verdicts`, after someone has looked at it.
 */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingForJava } from '../adapters/apache/install.js';
import type { RunReport } from '../kit/report/types.js';
import { projectRoot } from '../process.js';

const missing = missingForJava();

/** On Skylark a whole run takes about two minutes; a busy machine and JVMs take longer. */
const runMaxMs = 1_500_000;

const versions = ['5.5.0', '4.9.7'];

interface Finished {
  readonly exit: number;
  readonly out: string;
  readonly cases: number;
}

/** Runs the command as a user would. What changed is on its stdout. */
async function conform(what: string): Promise<Finished> {
  const dir = mkdtempSync(join(tmpdir(), 'conform-'));
  const json = join(dir, 'report.json');
  const main = fileURLToPath(new URL('../kit/main.js', import.meta.url));
  const args = [main, '--start', what, '--destructive', '--seed', '1', '--json', json, '--verdicts', join(projectRoot, 'conformance/verdicts', `${what}.json`)];
  try {
    const { exit, out } = await new Promise<Pick<Finished, 'exit' | 'out'>>((resolve) => {
      const child = execFile(process.execPath, args, { timeout: runMaxMs - 10_000, maxBuffer: 64 * 1024 * 1024 }, (_error, stdout, stderr) =>
        resolve({ exit: child.exitCode ?? -1, out: `${stdout}${child.exitCode === 0 ? '' : stderr.slice(-4000)}` }));
    });
    let report: RunReport;
    try {
      report = JSON.parse(readFileSync(json, 'utf8')) as RunReport;
    } catch {
      throw new Error(`no report of the run against ${what}, exit ${exit}:\n${out}`);
    }
    return { exit, out, cases: report.cases.length };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The lines from the one that counts the changes on. */
const changesIn = (out: string): string => out.slice(Math.max(0, out.lastIndexOf('\n', out.search(/\d+ verdicts differ from/)) + 1));

describe('the conformance kit against Skylark', () => {
  test('has the recorded verdicts', async () => {
    const run = await conform('skylark');
    if (run.exit !== 0) throw new Error(changesIn(run.out));
    expect(run.cases).toBeGreaterThan(500);
  }, runMaxMs);
});

/** Both releases side by side: a run waits most of its time. */
describe('the conformance kit against Apache', () => {
  const lacks = missing.length > 0 ? missing.join(' and ') : process.env['CONFORM_APACHE'] === '1' ? undefined : 'CONFORM_APACHE=1 (.ci/run sets it)';
  const runs = new Map<string, Promise<Finished>>();
  if (lacks === undefined) beforeAll(() => {
    for (const version of versions) {
      const run = conform(`apache-${version}`);
      run.catch(() => undefined); // the test of that version says it
      runs.set(version, run);
    }
  });
  for (const version of versions) {
    if (lacks !== undefined) {
      test.skip(`skipped: ${version} needs ${lacks}`, () => undefined);
      continue;
    }
    test(`${version} has the recorded verdicts`, async () => {
      const run = await runs.get(version);
      if (run === undefined) throw new Error('it was not started');
      if (run.exit !== 0) throw new Error(changesIn(run.out));
      expect(run.cases).toBeGreaterThan(500);
    }, runMaxMs);
  }
});
