/** Where reports go. Looked at before a run, so that minutes of it are not lost to a folder that is not there; one that fails all the same does not keep the others from being written. */
import { accessSync, constants, existsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UsageError } from '../cli.js';

/** Files by the flag that names them; `-` is stdout. */
export type NamedFiles = Readonly<Record<string, string | undefined>>;

/** @throws UsageError that names the first flag whose file cannot be written. */
export function checkWritable(files: NamedFiles): void {
  for (const [flag, file] of Object.entries(files)) {
    if (file === undefined || file === '-') continue;
    const folder = dirname(resolve(file));
    if (!existsSync(folder)) throw new UsageError(`--${flag} ${file}: there is no folder ${folder}`);
    if (existsSync(file) && statSync(file).isDirectory()) throw new UsageError(`--${flag} ${file}: that is a folder`);
    try {
      accessSync(existsSync(file) ? file : folder, constants.W_OK);
    } catch {
      throw new UsageError(`--${flag} ${file}: it may not be written`);
    }
  }
}

/** Writes each text to its file. @throws UsageError after all were tried, with those that could not be written. */
export function writeNamed(files: NamedFiles, render: (flag: string) => string): void {
  const failed: string[] = [];
  for (const [flag, file] of Object.entries(files)) {
    if (file === undefined) continue;
    const text = render(flag);
    if (file === '-') {
      process.stdout.write(text);
      continue;
    }
    try {
      writeFileSync(file, text);
    } catch (error) {
      failed.push(`--${flag} ${file}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (failed.length > 0) throw new UsageError(failed.join('; '));
}
