import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as vm from 'node:vm';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

const beside = (name: string): string => fileURLToPath(new URL(`./${name}`, import.meta.url));

/** A bundle as scripts/bundle.mjs forms it. */
const bundled = (body: string): string => `(function (require, bundleImport, bundleUrl) {\n${body}\n})`;

describe('the file behind the command', () => {
  let root: string;
  let dir: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'skylark-launch-'));
    dir = join(root, 'src', 'server');
    mkdirSync(dir, { recursive: true });
    copyFileSync(beside('launch.js'), join(dir, 'launch.js'));
    writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
    writeFileSync(join(dir, 'main.js'), 'process.stdout.write("modules")');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const launch = (): string => execFileSync(process.execPath, [join(dir, 'launch.js')], { encoding: 'utf8' });

  test('loads the modules where there is no bundle', () => {
    expect(launch()).toBe('modules');
  });

  test('gives a bundle its URL, require and import', () => {
    const body = `bundleImport('node:os').then(({ EOL }) => process.stdout.write(JSON.stringify([bundleUrl, require('node:path').sep, EOL])));`;
    writeFileSync(join(dir, 'skylark.bundle.js'), bundled(body));
    expect(JSON.parse(launch())).toEqual([new URL(`file://${join(dir, 'skylark.bundle.js')}`).href, '/', '\n']);
  });

  test('loads the modules when the compiler wrote after the bundle was made', () => {
    writeFileSync(join(dir, 'skylark.bundle.js'), bundled('process.stdout.write("bundle");'));
    const compiled = join(root, '.tsbuildinfo');
    writeFileSync(compiled, '{}');
    utimesSync(compiled, 1000, 1000);
    expect(launch()).toBe('bundle');
    utimesSync(join(dir, 'skylark.bundle.js'), 500, 500);
    expect(launch()).toBe('modules');
  });

  test.each([
    ['nonsense', Buffer.from('not what V8 wrote')],
    ['nothing', Buffer.alloc(0)],
    ['that of another source', new vm.Script('(function () { return 12345 })').createCachedData()],
  ])('runs the source when the bytecode is %s', (_, bytecode) => {
    writeFileSync(join(dir, 'skylark.bundle.js'), bundled('process.stdout.write("source");'));
    writeFileSync(join(dir, 'skylark.bundle.js.cache'), bytecode);
    expect(launch()).toBe('source');
  });

  test("V8 takes the build's bytecode", () => {
    const file = beside('skylark.bundle.js');
    const script = new vm.Script(readFileSync(file, 'utf8'), { filename: file, cachedData: readFileSync(`${file}.cache`) });
    expect(script.cachedDataRejected).toBe(false);
  });
});
