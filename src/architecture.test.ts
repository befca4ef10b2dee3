import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

/** The compiled tree has the layout of the sources; imports are the same in both. */
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Which rooms a room may import from (itself always). */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'src/compat': [],
  'src/codec': ['src/compat'],
  'src/remoting': ['src/codec', 'src/compat'],
  'src/store': ['src/codec', 'src/compat'],
  'src/server': ['src/remoting', 'src/store', 'src/codec', 'src/compat'],
};

function filesOf(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return filesOf(path);
    return entry.name.endsWith('.js') ? [path] : [];
  });
}

function importsOf(file: string): string[] {
  const source = readFileSync(file, 'utf8');
  return [...source.matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g)].map((m) => resolve(dirname(file), m[1] ?? ''));
}

describe('rooms', () => {
  it.each(Object.keys(allowed))('%s imports only what lies below it', (room) => {
    const files = filesOf(join(root, room));
    expect(files.length).toBeGreaterThan(0);
    const mayUse = [room, ...(allowed[room] ?? [])].map((r) => join(root, r) + sep);
    const bad = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => !mayUse.some((prefix) => target.startsWith(prefix)))
        .map((target) => `${relative(root, file)} -> ${relative(root, target)}`),
    );
    expect(bad).toEqual([]);
  });

  it('the conformance kit encodes its own bytes: of the codec it takes tables only', () => {
    const tables = ['requests.js', 'responses.js'].map((f) => join(root, 'src/codec', f));
    const bad = filesOf(join(root, 'conformance')).flatMap((file) =>
      importsOf(file)
        .filter((target) => target.startsWith(join(root, 'src') + sep) && !tables.includes(target))
        .map((target) => `${relative(root, file)} -> ${relative(root, target)}`),
    );
    expect(bad).toEqual([]);
  });
});
