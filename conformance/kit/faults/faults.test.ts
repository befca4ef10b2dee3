/** Faults against the project's own broker, as the command runs them. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { RunReport } from '../report/types.js';

const dir = mkdtempSync(join(tmpdir(), 'conform-faults-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function conform(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [fileURLToPath(new URL('../main.js', import.meta.url)), ...args], { timeout: 180_000 }, (_error, out, err) => resolve({ code: child.exitCode ?? -1, out, err }));
  });
}

describe('conform --faults', () => {
  it('lists its cases and refuses names there are not', async () => {
    expect((await conform('--faults', '--list')).out).toMatch(/^faults\.delay {2}MUST[^]*faults\.kill[^]*faults\.mixed/);
    expect(await conform('--faults', 'earthquake', '--namesrv', 'h:1')).toMatchObject({ code: 2, err: expect.stringMatching(/^conform: --faults: no fault 'earthquake'; there are delay, cut/) });
    expect(await conform('--duration', '2', '--namesrv', 'h:1')).toMatchObject({ code: 2 });
  });

  it('judges a broker whose answers are lost and whose process is killed', async () => {
    const json = join(dir, 'report.json');
    const { code, out } = await conform('--start', 'skylark', '--faults', 'duplicate-retry,kill', '--duration', '1', '--seed', '11', '--json', json);
    expect(out).toMatch(/pass +faults\.duplicate-retry\n/);
    expect(out).toMatch(/pass +faults\.kill\n/);
    expect(out).toMatch(/kill at \d+ ms, healed at \d+ ms: first send acknowledged after \d+ ms, first delivery after \d+ ms/);
    expect(code).toBe(0);
    const report = JSON.parse(readFileSync(json, 'utf8')) as RunReport;
    expect(report.cases.map((one) => [one.name, one.verdict, one.history?.some((operation) => operation.process === 'faults')])).toEqual([['faults.duplicate-retry', 'pass', true], ['faults.kill', 'pass', true]]);
    const counted = (what: RegExp): number => Number(what.exec(report.cases[0]?.notes.join('\n') ?? '')?.[1]);
    const lost = counted(/answersLost (\d+)/);
    expect(lost).toBeGreaterThan(0);
    // each lost answer was one stored send, sent again unless its producer had ended: there are two
    expect(counted(/(\d+) further copies stored/)).toBeGreaterThanOrEqual(lost - 2);
    expect(counted(/(\d+) further copies stored/)).toBeLessThanOrEqual(lost);
  }, 240_000);
});
