/** Every so many of the crash points, in all four modes; `npm run fuzz -- --crash-points` visits them all. And that the check can fail. */
import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** What a broken campaign exceeds, not a machine that does other things beside, ms. */
const limitMs = 600_000;

async function crashPoints(...args: readonly string[]): Promise<string> {
  const main = fileURLToPath(new URL('../main.js', import.meta.url));
  return (await promisify(execFile)(process.execPath, [main, '--crash-points', '--workers', '1', ...args], { maxBuffer: 64 * 1024 * 1024 }).catch((error: unknown) => error as { stdout: string })).stdout;
}

test('a broker stopped at any operation of its disk keeps what it promised', async () => {
  const said = JSON.parse(await crashPoints('--stride', '83', '--seed', 'test', '--json')) as { points: number; modes: object; finds: unknown[]; broken: unknown[] };
  expect({ finds: said.finds, broken: said.broken }).toEqual({ finds: [], broken: [] });
  expect(Object.keys(said.modes)).toHaveLength(4);
  expect(said.points).toBeGreaterThan(20);
}, limitMs);

test('planted bugs are convicted', async () => {
  expect(await crashPoints('--canaries', '--seed', 'test')).toContain('5 of 5 canaries convicted');
}, limitMs);
