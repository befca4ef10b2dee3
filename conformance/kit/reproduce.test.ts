import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { projectRoot } from '../process.js';
import { readConformOptions } from './cli.js';
import { allParts, partsOf, renderOutcomes, reproduce, type Part } from './reproduce.js';

const part = (name: string, missing: readonly string[] = []): Part => ({ name, file: `${name}.json`, args: ['--only', name], missing: () => missing });

describe('one command for all tables', () => {
  it('has a part for each column of both matrices and for the self-check, each a command line that conform takes', () => {
    const parts = allParts(() => true);
    expect(parts.map((one) => one.name)).toEqual(['skylark', 'apache-5.5.0', 'apache-4.9.7', 'client-java-4.9.8', 'client-java-5.5.0', 'client-go', 'client-ali-ons', 'self-check']);
    for (const one of parts) expect(readConformOptions(one.args)).toEqual(expect.any(Object));
    expect(parts[1]?.args.join(' ')).toBe('--start apache-5.5.0 --destructive --seed 1 --verdicts conformance/verdicts/apache-5.5.0.json --update-verdicts conformance/verdicts/apache-5.5.0.json');
    expect(allParts(() => false)[3]?.args.join(' ')).toBe('--client sdk:java-4.9.8 --update-verdicts conformance/verdicts/clients/java-4.9.8.json');
  });

  it('compares with what there is, for every part of the documentation', () => {
    expect(allParts().filter((one) => one.name !== 'self-check' && !one.args.includes('--verdicts'))).toEqual([]);
    const { scripts } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    expect(scripts['matrix']).toBe('node dist/conformance/kit/reproduce.js');
    expect(readFileSync(join(projectRoot, 'docs/conformance.md'), 'utf8')).toContain('npm run matrix');
  });

  it('runs the parts that are asked for, in order, and names the others', async () => {
    expect(partsOf(['self-check', 'skylark']).map((one) => one.name)).toEqual(['skylark', 'self-check']);
    expect(() => partsOf(['apache'])).toThrow(/^no part 'apache'; there are skylark, /);
    const said: string[] = [];
    const done: string[] = [];
    const outcomes = await reproduce(
      [part('a'), part('b', ['java', 'maven']), part('c'), part('d'), part('e')], {
        run: (args) => Promise.resolve(done.push(args.join(' ')) === 1 || args.includes('e') ? 0 : args.includes('c') ? 1 : 3), write: () => Promise.resolve(void done.push('write')),
        say: (text) => void said.push(text), read: (file) => (file === 'e.json' ? `made when ${done.length} were run` : undefined),
      },
    );
    expect(done).toEqual(['--only a', '--only c', '--only d', '--only e', 'write']);
    expect(said[1]).toBe('b: not run, needs java and maven\n');
    expect(renderOutcomes(outcomes).split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['a', 'as recorded'], ['b', 'not run, needs java and maven'], ['c', 'differs from what was recorded'], ['d', 'did not run: exit code 3'], ['e', 'differs from what was recorded'], [''],
    ]);
  });
});
