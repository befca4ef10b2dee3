/** Corpora on disk: a folder for each target, a file for each input. Names say what an input is for, or are the hash of its bytes. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder: the compiled file is dist/fuzz/engine/corpus.js. */
export const projectRoot = fileURLToPath(new URL('../../../', import.meta.url));
/** Inputs that belong to the project. */
export const seedCorpus = join(projectRoot, 'fuzz', 'corpus');

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

/** The files of a target in a corpus, by name. */
export function filesOf(directory: string, target: string): readonly string[] {
  const folder = join(directory, target);
  return existsSync(folder) ? readdirSync(folder).sort().map((name) => join(folder, name)) : [];
}

/** The inputs in one file. A `.json` file holds several, to be run in order on one instance; any other is one input. */
export function inputsIn(file: string): readonly Buffer[] {
  const bytes = readFileSync(file);
  if (!file.endsWith('.json')) return [bytes];
  const { inputs } = JSON.parse(bytes.toString('utf8')) as { readonly inputs: readonly string[] };
  return inputs.map((one) => Buffer.from(one, 'base64'));
}

/** All inputs of a target in a corpus. */
export function inputsOf(directory: string, target: string): readonly Buffer[] {
  return filesOf(directory, target).flatMap(inputsIn);
}

/** Adds an input; false when it was there. */
export function addInput(directory: string, target: string, input: Uint8Array): boolean {
  const folder = join(directory, target);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, hashOf(input));
  if (existsSync(file)) return false;
  writeFileSync(file, input);
  return true;
}
