#!/usr/bin/env node
/**
 * Compiles the AssemblyScript of the hot path to dist/src/codec/wasm/hot-path.wasm. Does nothing when that file was made from the same source by the
 * same compiler: the compiler takes seconds to load.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const source = join(root, 'src/codec/wasm/hot-path.as.ts');
const target = join(root, 'dist/src/codec/wasm/hot-path.wasm');
const flags = [
  '-O3', '--runtime', 'stub', '--noAssert', '--enable', 'simd', '--enable', 'bulk-memory',
  // 4 MiB, fixed: views of it stay valid. Pages that are never used cost nothing.
  '--initialMemory', '64', '--maximumMemory', '64', '--memoryBase', '1024',
];

const { version } = createRequire(import.meta.url)('assemblyscript/package.json');
const made = createHash('sha256').update(version).update(JSON.stringify(flags)).update(readFileSync(source)).digest('hex');
const stamp = `${target}.made`;
const read = (file) => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
};
if (read(stamp) === made && read(target) !== undefined) process.exit(0);

const { default: asc } = await import('assemblyscript/asc');
mkdirSync(dirname(target), { recursive: true });
const { error, stderr } = await asc.main([source, '--outFile', target, ...flags]);
if (error) {
  console.error(stderr.toString());
  process.exit(1);
}
writeFileSync(stamp, made);
