/** Merging corpora: of all inputs, the few that reach what others do not, the shorter ones first. */
import { addInput, inputsOf, seedCorpus } from './corpus.js';
import { Coverage } from './coverage.js';
import { Judge } from './judge.js';
import { targetNamed } from '../targets/table.js';

/** Larger inputs are left out: the project's corpus has to stay small. */
const inputBytesMax = 8192;

/** Adds to the project's corpus; the exit code. An input with an objection is no part of a corpus until it is fixed. */
export async function mergeCorpus(directory: string, names: readonly string[], out: (text: string) => void): Promise<number> {
  const coverage = new Coverage();
  let objections = 0;
  for (const name of names) {
    const target = targetNamed(name);
    const judge = new Judge(target);
    for (const known of [...(target.seeds?.() ?? []), ...inputsOf(seedCorpus, name)]) {
      await judge.run(known);
      coverage.take(true);
    }
    const candidates = [...inputsOf(directory, name)].filter((one) => one.length <= inputBytesMax).sort((a, b) => a.length - b.length || Buffer.compare(a, b));
    let added = 0;
    for (const input of candidates) {
      const objection = await judge.run(input);
      if (objection !== undefined) {
        objections++;
        out(`${name}: ${objection.kind}: ${objection.message}`);
        coverage.skip();
      } else if (coverage.take(true, false) && addInput(seedCorpus, name, input)) added++;
    }
    await judge.close();
    coverage.skip();
    out(`${name}: ${added} of ${candidates.length} inputs added`);
  }
  coverage.close();
  return objections === 0 ? 0 : 1;
}
