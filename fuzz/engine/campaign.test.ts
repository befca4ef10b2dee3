/** A campaign finds the quick canaries, minimizes what it finds, and the same seed repeats it. */
import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { canaries, wrapped } from '../canaries/table.js';
import { campaign } from './campaign.js';
import type { Find } from './campaign.js';
import { Judge } from './judge.js';

/** Canaries whose bug needs neither a hang nor a whole server. */
const quick = canaries.filter((one) => /^(?:frame|header|binary|batch|properties|handle)-/.test(one.name)).map((one) => one.name);

interface Found {
  readonly canary: string;
  readonly found: boolean;
  readonly executions: number;
  readonly executionsMax: number;
}

/** In a process of its own: coverage looks at all code that is loaded, and a process that ran other suites has a lot. */
async function canary(name: string, seed: string): Promise<Found | undefined> {
  const args = [fileURLToPath(new URL('../main.js', import.meta.url)), '--canary', name, '--seed', seed, '--workers', '1', '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 100_000 });
  return (JSON.parse(stdout) as { readonly canaries: readonly Found[] }).canaries[0];
}

test.each(quick)('%s is found', async (name) => {
  const found = await canary(name, `test/${name}`);
  expect(found).toMatchObject({ canary: name, found: true });
  expect(found?.executions).toBeLessThanOrEqual(found?.executionsMax ?? 0);
});

test('the same seed gives the same find after the same number of runs', async () => {
  const [name = ''] = quick;
  expect(await canary(name, 'same')).toMatchObject({ executions: (await canary(name, 'same'))?.executions });
});

test('what is found is minimized and repeats', async () => {
  const finds: Find[] = [];
  await campaign({ target: wrapped('frame-limit'), seed: 'test', millis: 60_000, executions: 20_000, untilFind: true, corpus: [], onFind: (find) => { finds.push(find); } });
  const [find] = finds;
  expect(find).toMatchObject({ target: 'frame', repeatable: true });
  expect(find?.inputs.every((input) => input.length <= 64)).toBe(true);
  expect(await new Judge(wrapped('frame-limit')).replay(find?.inputs ?? [])).toMatchObject({ key: find?.key });
});
