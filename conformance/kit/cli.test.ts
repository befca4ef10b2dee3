import { describe, expect, it } from '@jest/globals';
import { defineCases } from './case.js';
import { help, readConformOptions, UsageError } from './cli.js';
import { matchesGlob, selectCases } from './select.js';

const read = (...argv: string[]): unknown => readConformOptions(argv);

describe('the command line', () => {
  it('has defaults', () => {
    expect(read('--namesrv', 'h:1')).toMatchObject({ namesrv: 'h:1', parallel: 4, timeoutMs: 10_000, prefix: 'conform_', profile: 'full', only: [], level: undefined, destructive: false, files: {} });
  });

  it('reads lists, levels and files', () => {
    expect(read('-n', 'h:1', '--only', 'a.*, b.*', '--only', 'c', '--level', 'should', '--json', '-', '--html', 'x.html', '--without', 'pop,timer', '--seed', '4294967295'))
      .toMatchObject({ only: ['a.*', 'b.*', 'c'], level: 'SHOULD', files: { json: '-', html: 'x.html' }, without: ['pop', 'timer'], seed: 0xffffffff });
  });

  it('prints its help, and lists without an endpoint', () => {
    expect(read('--help')).toBe(help);
    expect(read('--list')).toMatchObject({ list: true });
  });

  it.each([
    [[], /--namesrv HOST:PORT is missing/], [['--namesrv', 'h'], /takes HOST:PORT, not 'h'/], [['--bogus'], /Unknown option '--bogus'/], [['extra'], /extra/],
    [['-n', 'h:1', '--parallel', '0'], /1 to 64/], [['-n', 'h:1', '--timeout', '1e9'], /100 to 600000/], [['-n', 'h:1', '--level', 'x'], /one of MUST/],
    [['-n', 'h:1', '--prefix', 'a b'], /--prefix/], [['-n', 'h:1', '--with', 'x'], /no feature 'x'/], [['-n', 'h:1', '--profile', 'x'], /full, shared, data/],
    [['--start', 'kafka'], /skylark or apache-VERSION/], [['--start', 'skylark', '-n', 'h:1'], /brings its own/], [['-n', 'h:1', '--seed', '4294967296'], /--seed/],
  ])('%j is a usage error of one line', (argv, text) => {
    let message = '';
    try {
      readConformOptions(argv);
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError);
      message = (error as Error).message;
    }
    expect(message).toMatch(text);
    expect(message).not.toContain('\n');
  });
});

describe('selection', () => {
  const make = (name: string, level: 'MUST' | 'SHOULD' | 'INFORMATIONAL'): Parameters<typeof defineCases>[1][number] => ({ name, level, requirement: 'It works.', source: 'x', run: () => Promise.resolve() });
  const cases = [...defineCases('pull', [make('pull.a', 'MUST'), make('pull.b.c', 'SHOULD')]), ...defineCases('send', [make('send.a', 'INFORMATIONAL')])];
  const names = (part: object): string[] => selectCases(cases, { only: [], skip: [], areas: [], level: undefined, ...part }).map((one) => one.name);

  it('by name, area and level', () => {
    expect(names({})).toEqual(['pull.a', 'pull.b.c', 'send.a']);
    expect(names({ only: ['pull.*'] })).toEqual(['pull.a', 'pull.b.c']);
    expect(names({ only: ['*.a'], skip: ['send*'] })).toEqual(['pull.a']);
    expect(names({ areas: ['send'] })).toEqual(['send.a']);
    expect(names({ level: 'SHOULD' })).toEqual(['pull.a', 'pull.b.c']);
  });

  it('refuses to judge what there is not: a misspelt name is no run that passes', () => {
    expect(() => names({ only: ['pull.*', 'pull.z'] })).toThrow(new UsageError("--only: no case matches 'pull.z' (--list names them)"));
    expect(() => names({ only: ['b.c'] })).toThrow(new UsageError("--only: no case matches 'b.c'; is it pull.b.c? (--list names them)"));
    expect(() => names({ areas: ['send', 'pul'] })).toThrow(new UsageError("--area: no area 'pul'; there are pull, send"));
    expect(names({ only: ['send.a'], skip: ['nothing.*'], level: 'MUST' })).toEqual([]);
  });

  it('takes other characters of a glob as they are', () => {
    expect([matchesGlob('a.b', 'a.b'), matchesGlob('axb', 'a.b'), matchesGlob('a.b', 'a.?'), matchesGlob('a.b', 'a'), matchesGlob('a(', 'a(')]).toEqual([true, false, true, false, true]);
  });
});
