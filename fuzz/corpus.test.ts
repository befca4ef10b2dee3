/** The project's corpus and every target's own seeds, run once: nothing that was found and fixed comes back. */
import { describe, expect, test } from '@jest/globals';
import { filesOf, inputsIn, seedCorpus } from './engine/corpus.js';
import { Judge } from './engine/judge.js';
import type { Target } from './engine/target.js';
import { targets } from './targets/table.js';

/** Inputs whose run takes a whole broker or store are replayed from the corpus alone. */
const seedsMax = 40;

/** What time an input takes is not for a test to say on a busy machine. */
const timeless = (target: Target): Target => ({ ...target, millisMax: Number.MAX_SAFE_INTEGER });

describe('corpus', () => {
  test.each(targets.map((target) => [target.name, target] as const))('%s', async (_name, target) => {
    const judge = new Judge(timeless(target));
    const objections: string[] = [];
    const see = async (what: string, inputs: readonly Buffer[]): Promise<void> => {
      const objection = await judge.replay(inputs);
      if (objection !== undefined) objections.push(`${what}: ${objection.kind}: ${objection.message}\n${objection.stack}`);
    };
    for (const file of filesOf(seedCorpus, target.name)) await see(file, file.endsWith('.json') ? inputsIn(file) : inputsIn(file).slice(0, 1));
    const own = (target.seeds?.() ?? []).slice(0, seedsMax);
    for (const [i, input] of own.entries()) {
      const objection = await judge.run(input);
      if (objection !== undefined) objections.push(`seed ${i}: ${objection.kind}: ${objection.message}\n${objection.stack}`);
    }
    await judge.close();
    expect(objections).toEqual([]);
  });
});
