/** Schedules of the simulated cluster: equal seeds give equal histories, the first ones find nothing, planted bugs are found. */
import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { pastFinds } from './past-finds.js';
import type { Verdict } from './schedule.js';

const run = async (script: string, ...args: readonly string[]): Promise<string> =>
  (await promisify(execFile)(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...args], { maxBuffer: 64 * 1024 * 1024 }).catch((error: unknown) => error as { stdout: string })).stdout;

/** In a process of its own: time and sockets of the whole process are simulated. */
async function schedules(seed: string, first: number, stride: number, count: number): Promise<readonly Verdict[]> {
  const out = await run('./child.js', seed, String(first), String(stride), String(count));
  return out.trim().split('\n').map((line) => JSON.parse(line) as Verdict);
}

test('equal seeds give the same events, whatever ran before in the process', async () => {
  const seeds = 24;
  const forwards = await schedules('test', 0, 1, seeds);
  const backwards = await schedules('test', seeds - 1, -1, seeds);
  const digests = (list: readonly Verdict[]): ReadonlyMap<string, string> => new Map(list.map((one) => [one.seed, `${one.digest} ${one.events}`]));
  expect(forwards).toHaveLength(seeds);
  expect([...digests(forwards)].sort()).toEqual([...digests(backwards)].sort());
  expect(new Set(digests(forwards).values()).size).toBe(seeds);
  expect(forwards.filter((one) => one.violations.length > 0).map((one) => [one.seed, one.violations])).toEqual([]);
  expect(forwards.filter((one) => one.faults.length > 0).length).toBeGreaterThan(seeds / 4);
});

test('what was found once is not found again', async () => {
  const out = await run('./child.js', pastFinds.map((one) => one.seed).join(','));
  const verdicts = out.trim().split('\n').map((line) => JSON.parse(line) as Verdict);
  expect(verdicts.map((one) => [one.seed, one.violations])).toEqual(pastFinds.map((one) => [one.seed, []]));
});

test.each(['sync-skipped', 'short-write'])('%s is found', async (name) => {
  expect(await run('../main.js', '--sim', '--canary', name, '--seed', 'test', '--workers', '1')).toContain('1 of 1 canaries found');
});

test('a campaign that ends by time has run schedules', async () => {
  const { schedules, finds, broken } = JSON.parse(await run('../main.js', '--sim', '--seconds', '6', '--seed', 'test', '--workers', '1', '--json')) as { schedules: number; finds: unknown[]; broken: unknown[] };
  expect({ finds, broken }).toEqual({ finds: [], broken: [] });
  expect(schedules).toBeGreaterThan(0);
});
