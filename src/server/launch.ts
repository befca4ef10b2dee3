#!/usr/bin/env node
/**
 * The file behind the command `skylark`: runs main.ts as one script with the bytecode that the build kept of it. Two hundred modules took half of the
 * time to the ready line (docs/architecture.md); without a bundle, or
 * with an older one, the modules themselves are loaded. Made by scripts/bundle.mjs.
 */
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import * as vm from 'node:vm';

/** Bytes of a file, undefined where there is none to read. */
function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** When a file was written, ms; 0 where there is none. */
function writtenAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

const url = new URL('./skylark.bundle.js', import.meta.url).href;
const path = fileURLToPath(url);
// The compiler alone does not make the bundle: modules that it wrote since are newer.
const compiled = fileURLToPath(new URL('../../.tsbuildinfo', import.meta.url));
const source = writtenAt(compiled) > writtenAt(path) ? undefined : read(path);
if (source === undefined) {
  await import('./main.js');
} else {
  // Bytecode of another V8, or for other flags, is refused by V8 and costs its reading.
  const script = new vm.Script(source.toString(), { filename: path, cachedData: read(`${path}.cache`) });
  const run = script.runInThisContext() as (require: NodeJS.Require, bundleImport: (specifier: string) => Promise<unknown>, bundleUrl: string) => void;
  run(createRequire(url), (specifier) => import(specifier), url);
}
