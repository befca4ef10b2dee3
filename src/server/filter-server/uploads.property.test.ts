/**
 * Whatever a consumer uploads: the answer is that the class serves, or one refusal of Apache's; no name leads out of a folder; nothing a script does
 * outlasts its time, its memory or its sandbox. SKYLARK_UPLOADS_SEED repeats a run, SKYLARK_UPLOADS_RUNS makes it longer.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Refusal } from '../../codec/errors.js';
import { ManualClock, silentLog, systemClock } from '../../remoting/clocks.js';
import { resolveConfig } from '../config.js';
import { FilterClasses, languageOf, type Upload } from './filter-classes.js';
import { javaScriptSandboxes } from './javascript-sandbox.js';
import { RunningFilter } from './running-filter.js';
import type { OpenSandbox } from './sandbox.js';
import { message } from './testdata/message.js';

const seed = Number(process.env['SKYLARK_UPLOADS_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const runs = Number(process.env['SKYLARK_UPLOADS_RUNS'] ?? 1);
const maxBytes = 4096;

/** A sandbox that loads everything it is given, and notes its name. */
function loadsAll(loaded: string[]): OpenSandbox {
  return (events) => Promise.resolve({
    load(className) {
      loaded.push(className);
      events.reply({ kind: 'loaded' });
    },
    match: () => events.reply({ kind: 'verdict', matched: true }),
    kill: () => Promise.resolve(),
  });
}

const pieces = fc.constantFrom('..', '/', '\\', '.', 'com', 'shop', 'Cheap', '$', '-', ' ', '\0', '\n', 'ä', '%2e', '~', ':', 'C', 'file', '.js', '.java', 'x'.repeat(120), '');
const names = fc.oneof(fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join('')), fc.string({ maxLength: 400 }), fc.constantFrom('com.shop.Cheap', 'cheap.js', '../../cheap.js', '/etc/passwd', 'a..b', '.js', '..js'));
const sources = fc.oneof(fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)), fc.nat({ max: 4 }).map((n) => Buffer.alloc(maxBytes - 2 + n, 'x')), fc.constant(Buffer.alloc(1024 * 1024, 'x')), fc.constant(Buffer.alloc(0)));
const upload = fc.record({
  group: fc.oneof(fc.constantFrom('g1', 'g2', 'g3', '../g', '', 'a b'), names), topic: fc.oneof(fc.constantFrom('T1', 'T2', '../T', ''), names),
  className: names, classCrc: fc.oneof(fc.constant(0), fc.integer()), source: sources,
});

describe('an upload', () => {
  test(`is taken or refused in one way, by names that lead nowhere, seed ${seed}`, async () => {
    const { filterServer } = resolveConfig(new Map([['filterSourceBytesMax', String(maxBytes)], ['filterClassesMax', '3'], ['filterJavaClassesMax', '2']]), '', 'filterServer');
    await fc.assert(fc.asyncProperty(fc.array(upload, { maxLength: 12 }), async (uploads: Upload[]) => {
      const loaded: string[] = [];
      const classes = new FilterClasses({ config: filterServer, clock: new ManualClock(), log: silentLog, sandboxes: { Java: loadsAll(loaded), JavaScript: loadsAll(loaded) } });
      for (const one of uploads) {
        try {
          await classes.register(one);
          expect(one.source.length).toBeLessThanOrEqual(maxBytes);
          expect(classes.find(one.group, one.topic)?.className).toBe(one.className);
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          expect([error.code, error.message.startsWith('registerFilterClass error, '), error.message.length < 2000]).toEqual([1, true, true]);
        }
        expect(classes.size).toBeLessThanOrEqual(3);
      }
      for (const name of loaded) expect(join('/base', name).startsWith('/base/') && !name.includes('/') && !name.includes('\\') && !name.includes('..') && !name.includes('\0')).toBe(true);
      await classes.stop();
    }), { seed, numRuns: 300 * runs });
  });

  test(`a name has a language only when it leads nowhere, seed ${seed}`, () => {
    fc.assert(fc.property(names, (name) => {
      if (languageOf(name) === undefined) return;
      expect(name).toMatch(/^[\w$.-]+$/);
      expect(name).not.toContain('..');
      expect(name.startsWith('.')).toBe(false);
    }), { seed, numRuns: 2000 * runs });
  });
});

/** What scripts do that must not matter: each alone or several in a row. */
const deeds = [
  'for (;;);', 'while (true) { try { throw 1; } catch {} finally { continue; } }', 'const all = []; for (;;) all.push(new Uint8Array(1 << 20));', "let s = 'x'; for (;;) s += s;",
  'const f = () => f(); f();', 'return new Proxy({}, { get() { for (;;); } });', 'globalThis.match = undefined;', 'Object.prototype.getTags = () => { throw 1; };',
  "Object.defineProperty(Object.prototype, 'matched', { get() { return true; } });", 'Array.prototype.map = () => { for (;;); };', 'JSON.stringify = null; JSON.parse = null;',
  "new Function('for (;;);')();", "eval('for (;;);');", "import('node:fs').then((fs) => fs.writeFileSync(MARK, ''));", "try { require('node:fs').writeFileSync(MARK, ''); } catch {}",
  "try { this.constructor.constructor('return process')().exit(1); } catch {}", "try { msg.constructor.constructor('return process')().exit(1); } catch {}", 'Promise.reject(new Error());',
  '(async () => { for (;;) await 0; })();', 'msg.body.fill(0); msg.properties = null;', 'context.getConsumerGroup = null;', 'throw { toString() { for (;;); } };', 'throw new Error("x".repeat(1e6));',
  "/(a+)+$/.test('a'.repeat(40) + 'b');", 'return { valueOf() { return true; } };', 'return Symbol();', 'return 1n;', "Symbol.prototype.toString.call(1);", 'new SharedArrayBuffer(1 << 30);', 'new ArrayBuffer(2 ** 40);',
];

test(`scripts do nothing beyond their sandbox and their time, seed ${seed}`, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'uploads-'));
  const mark = join(dir, 'escaped');
  const limits = { filterMemoryMb: 16, filterMatchTimeoutMs: 300, filterCompileTimeoutMs: 20_000, filterPullTimeMs: 60_000 };
  const open = javaScriptSandboxes(limits);
  const innocent = new RunningFilter({ open, className: 'innocent.js', source: 'function match() { return true; }', clock: systemClock(), log: silentLog, limits: { ...limits, filterMatchTimeoutMs: 20_000 } });
  expect(await innocent.start()).toBeUndefined();
  try {
    await fc.assert(fc.asyncProperty(fc.array(fc.constantFrom(...deeds), { minLength: 1, maxLength: 3 }), fc.boolean(), async (does, atLoad) => {
      const body = does.join('\n').replaceAll('MARK', JSON.stringify(mark));
      const source = atLoad ? `(function (msg, context) { ${body} })({}, {}); function match() { return true; }` : `function match(msg, context) { ${body}\nreturn false; }`;
      const filter = new RunningFilter({ open, className: 'f.js', source, clock: systemClock(), log: silentLog, limits: { ...limits, filterCompileTimeoutMs: atLoad ? 1000 : 20_000 } });
      const why = await filter.start();
      if (why === undefined) {
        const judged = await filter.judge('G', [message('one'), message('two')]);
        if ('verdicts' in judged) expect(judged.verdicts.every((verdict) => typeof verdict === 'boolean')).toBe(true);
        else expect(judged.fault.length).toBeLessThan(2000);
      } else expect(why.length).toBeLessThan(2000);
      await filter.stop();
      expect(await innocent.judge('G', [message('one')])).toEqual({ verdicts: [true] });
      expect([existsSync(mark), readdirSync(dir)]).toEqual([false, []]);
    }), { seed, numRuns: 12 * runs, endOnFailure: true, examples: deeds.slice(0, 2).map((deed) => [[deed], true]) });
  } finally {
    await innocent.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}, 240_000 + 60_000 * runs);
