/** What a find leaves behind: a folder with its input, its stack, and the line that repeats it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { hashOf, projectRoot } from './corpus.js';
import type { TaskFind } from './task.js';

export const findsFolder = join(projectRoot, '.cache', 'fuzz', 'finds');

/** The folder and the line that runs the find again. */
export interface Artefact {
  readonly folder: string;
  readonly reproduce: string;
}

export function keepFind(find: TaskFind, folder: string = findsFolder): Artefact {
  const name = `${find.canary ?? find.target}-${hashOf(Buffer.from(find.key)).slice(0, 8)}`;
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  const file = join(place, 'find.json');
  const reproduce = `npm run fuzz -- --replay ${relative(process.cwd(), file)}`;
  writeFileSync(file, `${JSON.stringify(find, null, 2)}\n`);
  writeFileSync(join(place, 'input'), Buffer.from(find.inputs[find.inputs.length - 1] ?? '', 'base64'));
  writeFileSync(join(place, 'stack'), `${find.key}\n${find.message}\n\n${find.stack}\n`);
  writeFileSync(join(place, 'reproduce'), `${reproduce}\n`);
  return { folder: place, reproduce };
}
