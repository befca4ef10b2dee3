#!/usr/bin/env node
/**
 * Joins the modules of the command `skylark` to dist/src/server/skylark.bundle.js, starts it once on a temporary directory and keeps the bytecode that V8
 * made until the ready line beside it (skylark.bundle.js.cache). src/server/launch.ts runs both. V8 knows its source by length alone, so the
 * bytecode goes before a new bundle comes. Where the broker cannot be started, there is none, and starting takes longer.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import vm from 'node:vm';

const self = fileURLToPath(import.meta.url);
const root = resolve(dirname(self), '..');
const target = join(root, 'dist/src/server/skylark.bundle.js');
const cache = `${target}.cache`;
const stamp = `${cache}.made`;
/** How long the start may take on a slow machine, ms. */
const startMsMax = 30_000;

const read = (file) => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
};

/** In a process of its own: runs the bundle as launch.ts does and writes its bytecode when the ready line comes. */
function keepBytecode() {
  const script = new vm.Script(readFileSync(target, 'utf8'), { filename: target });
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = (text, ...rest) => {
    if (!String(text).startsWith('ready ')) return write(text, ...rest);
    writeFileSync(`${cache}.new`, script.createCachedData());
    // main.ts listens for signals just after this line.
    setImmediate(() => process.kill(process.pid, 'SIGTERM'));
    return true;
  };
  const url = pathToFileURL(target).href;
  script.runInThisContext()(createRequire(url), (specifier) => import(specifier), url);
}

async function make() {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [join(root, 'src/server/main.ts')],
    outfile: target,
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'cjs',
    packages: 'external',
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: '(function (require, bundleImport, bundleUrl) {' },
    footer: { js: '})' },
    logLevel: 'warning',
  });
  // A script run by node:vm has no import() of its own.
  const source = outputFiles[0].text.replaceAll(/\bimport\(/g, 'bundleImport(');
  const made = createHash('sha256').update(source).update(process.version).digest('hex');
  if (read(stamp) === made && read(target) === source && read(cache) !== undefined) {
    // launch.ts asks whether the compiler ran after this.
    utimesSync(target, new Date(), new Date());
    return;
  }

  for (const file of [stamp, cache, target]) rmSync(file, { force: true });
  writeFileSync(target, source);
  const dir = mkdtempSync(join(tmpdir(), 'skylark-build-'));
  try {
    const ports = ['--namesrv-port', '0', '--port', '0', '--grpc-port', '0'];
    const { status, stderr } = spawnSync(process.execPath, [self, 'start', ...ports, '--data', join(dir, 'data')], {
      env: { ...process.env, SKYLARK_KEEP_BYTECODE: '1' }, encoding: 'utf8', timeout: startMsMax, killSignal: 'SIGKILL',
    });
    if (status !== 0 || read(`${cache}.new`) === undefined) {
      console.error(`skylark: built without bytecode of the start: ${stderr.trim() || 'the broker did not come up'}`);
      return;
    }
    renameSync(`${cache}.new`, cache);
    writeFileSync(stamp, made);
  } finally {
    rmSync(dir, { recursive: true, force: true });
    rmSync(`${cache}.new`, { force: true });
  }
}

if (process.env.SKYLARK_KEEP_BYTECODE === '1') keepBytecode();
else await make();
