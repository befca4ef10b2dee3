/** A campaign in this process finds the quick canaries, and the same seed repeats it. */
import { expect, test } from '@jest/globals';
import { canaries } from '../canaries/table.js';
import { campaign } from './campaign.js';
import type { Find } from './campaign.js';
import { Judge } from './judge.js';

/** Canaries whose bug needs neither a hang nor a whole server. */
const quick = canaries.filter((one) => /^(?:frame|header|binary|batch|properties|handle)-/.test(one.name));

test.each(quick.map((one) => [one.name, one] as const))('%s is found, minimized, and repeats', async (name, canary) => {
  const finds: Find[] = [];
  await campaign({ target: canary.make(), seed: `test/${name}`, millis: 60_000, executions: canary.executionsMax, untilFind: true, corpus: [], onFind: (find) => { finds.push(find); } });
  const [find] = finds;
  expect(find).toMatchObject({ target: canary.target, repeatable: true });
  expect(await new Judge(canary.make()).replay(find?.inputs ?? [])).toMatchObject({ key: find?.key });
}, 60_000);

test('the same seed gives the same find after the same number of runs', async () => {
  const [canary] = quick;
  if (canary === undefined) throw new Error('no canary');
  const run = async (): Promise<unknown> => {
    const finds: Find[] = [];
    await campaign({ target: canary.make(), seed: 'same', millis: 60_000, executions: canary.executionsMax, untilFind: true, corpus: [], onFind: (find) => { finds.push(find); } });
    return finds.map(({ key, execution, inputs }) => [key, execution, inputs.map((one) => one.toString('hex'))]);
  };
  expect(await run()).toEqual(await run());
}, 60_000);
