/** Which cases a command line asks for. */
import { levels, type RegisteredCase } from './case.js';
import type { ConformOptions } from './cli.js';

/** Whether a name matches a glob: `*` stands for any characters, `?` for one. */
export function matchesGlob(name: string, glob: string): boolean {
  return new RegExp(`^${glob.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`).test(name);
}

/** The cases that the filters leave, in their order. */
export function selectCases(cases: readonly RegisteredCase[], options: Pick<ConformOptions, 'only' | 'skip' | 'areas' | 'level'>): RegisteredCase[] {
  const lowest = options.level === undefined ? levels.length : levels.indexOf(options.level);
  return cases.filter((one) =>
    (options.only.length === 0 || options.only.some((glob) => matchesGlob(one.name, glob)))
    && !options.skip.some((glob) => matchesGlob(one.name, glob))
    && (options.areas.length === 0 || options.areas.includes(one.area))
    && levels.indexOf(one.level) <= lowest);
}
