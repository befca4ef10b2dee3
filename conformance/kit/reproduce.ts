#!/usr/bin/env node
/**
 * One command for every measured table of the documentation: `npm run matrix`. Runs the endpoints and the client libraries one after another, records their
 * verdicts, has the self-check's table made, and writes both matrices. What differs is printed and is in the files: to be looked at before it is committed.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingForJava } from '../adapters/apache/install.js';
import { projectRoot } from '../process.js';
import { missingFor, remotingSdks } from '../sdk-driver.js';
import { writeClientMatrix } from './client/matrix.js';
import { conformMain, exitPassed } from './main.js';
import { matrixEndpoints, writeMatrix } from './matrix.js';

/** One table, or a column of one. */
export interface Part {
  readonly name: string;
  /** Of the file that is written, from the project's root. */
  readonly file: string;
  /** The command line of `conform` that makes it. */
  readonly args: readonly string[];
  /** What the machine lacks for it. */
  readonly missing: () => readonly string[];
}

const seed = '1';

/** Compares with what was recorded (what differs is judged a second time), and records. */
function verdicts(file: string, recorded: (file: string) => boolean): string[] {
  return [...(recorded(file) ? ['--verdicts', file] : []), '--update-verdicts', file];
}

/** All parts, in the order in which they are run. */
export function allParts(recorded: (file: string) => boolean = (file) => existsSync(join(projectRoot, file))): readonly Part[] {
  return [
    ...matrixEndpoints.map((name): Part => {
      const file = `conformance/verdicts/${name}.json`;
      return { name, file, args: ['--start', name, '--destructive', '--seed', seed, ...verdicts(file, recorded)], missing: name === 'skylark' ? () => [] : missingForJava };
    }),
    ...remotingSdks.map((sdk): Part => {
      const file = `conformance/verdicts/clients/${sdk}.json`;
      return { name: `client-${sdk}`, file, args: ['--client', `sdk:${sdk}`, ...verdicts(file, recorded)], missing: () => missingFor(sdk) };
    }),
    {
      name: 'self-check', file: 'conformance/kit/saboteur/caught.md', args: ['--self-check', '--start', 'apache-5.5.0', '--markdown', 'conformance/kit/saboteur/caught.md'],
      missing: missingForJava,
    },
  ];
}

/** How a part went. */
export interface Outcome {
  readonly part: string;
  /** Exit code of its run; undefined: not run. */
  readonly exit: number | undefined;
  readonly missing: readonly string[];
  /** Its file has another text than before. */
  readonly changed: boolean;
}

/** The parts of these names, or all. @throws Error for a name there is not. */
export function partsOf(names: readonly string[], parts: readonly Part[] = allParts()): readonly Part[] {
  const unknown = names.find((name) => !parts.some((one) => one.name === name));
  if (unknown !== undefined) throw new Error(`no part '${unknown}'; there are ${parts.map((one) => one.name).join(', ')}`);
  return names.length === 0 ? parts : parts.filter((one) => names.includes(one.name));
}

/** What `reproduce` does to the world. */
export interface Deeds {
  readonly run: (args: readonly string[]) => Promise<number>;
  /** Writes both matrices. */
  readonly write: () => Promise<void>;
  readonly say: (text: string) => void;
  /** The text of a file; undefined when there is none. */
  readonly read: (file: string) => string | undefined;
}

/** Runs the parts, then writes the matrices. A part that cannot run here keeps what was recorded. */
export async function reproduce(parts: readonly Part[], { run, write, say, read }: Deeds): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const part of parts) {
    const missing = part.missing();
    if (missing.length > 0) {
      say(`${part.name}: not run, needs ${missing.join(' and ')}\n`);
      outcomes.push({ part: part.name, exit: undefined, missing, changed: false });
      continue;
    }
    say(`${part.name}: conform ${part.args.join(' ')}\n`);
    const before = read(part.file);
    const exit = await run(part.args);
    outcomes.push({ part: part.name, exit, missing, changed: read(part.file) !== before });
  }
  await write();
  return outcomes;
}

/** It ran, and found what was found before, reasons included. */
const asRecorded = ({ exit, changed }: Outcome): boolean => exit === exitPassed && !changed;

/** One line for each part. */
export function renderOutcomes(outcomes: readonly Outcome[]): string {
  const word = (one: Outcome): string => (one.exit === undefined ? `not run, needs ${one.missing.join(' and ')}` : one.exit > 1 ? `did not run: exit code ${one.exit}` : asRecorded(one) ? 'as recorded' : 'differs from what was recorded');
  return outcomes.map((one) => `${one.part.padEnd(18)} ${word(one)}\n`).join('');
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.chdir(projectRoot);
  try {
    const outcomes = await reproduce(partsOf(process.argv.slice(2)), {
      run: conformMain,
      write: async () => {
        await writeMatrix();
        writeClientMatrix();
      },
      say: (text) => void process.stderr.write(text),
      read: (file) => (existsSync(file) ? readFileSync(file, 'utf8') : undefined),
    });
    process.stdout.write(renderOutcomes(outcomes));
    process.exitCode = outcomes.every(asRecorded) ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  }
}
