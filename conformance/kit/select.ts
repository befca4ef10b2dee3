/** Which cases a command line asks for. */
import { levels, type RegisteredCase } from './case.js';
import { UsageError, type ConformOptions } from './cli.js';

/** Whether a name matches a glob: `*` stands for any characters, `?` for one. */
export function matchesGlob(name: string, glob: string): boolean {
  return new RegExp(`^${glob.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`).test(name);
}

/**
 * The cases that the filters leave, in their order.
 * @throws UsageError when --only or --area asks for what there is not: a misspelt name in a pipeline would judge nothing, and pass.
 */
export function selectCases(cases: readonly RegisteredCase[], options: Pick<ConformOptions, 'only' | 'skip' | 'areas' | 'level'>): RegisteredCase[] {
  const nothing = options.only.find((glob) => !cases.some((one) => matchesGlob(one.name, glob)));
  if (nothing !== undefined) throw new UsageError(`--only: no case matches '${nothing}'${near(cases, nothing)} (--list names them)`);
  const unknown = options.areas.find((area) => !cases.some((one) => one.area === area));
  if (unknown !== undefined) throw new UsageError(`--area: no area '${unknown}'; there are ${[...new Set(cases.map((one) => one.area))].join(', ')}`);
  const lowest = options.level === undefined ? levels.length : levels.indexOf(options.level);
  return cases.filter((one) =>
    (options.only.length === 0 || options.only.some((glob) => matchesGlob(one.name, glob)))
    && !options.skip.some((glob) => matchesGlob(one.name, glob))
    && (options.areas.length === 0 || options.areas.includes(one.area))
    && levels.indexOf(one.level) <= lowest);
}

/** What may have been meant: names are those of reports, which begin with their area. */
function near(cases: readonly RegisteredCase[], glob: string): string {
  const meant = cases.find((one) => matchesGlob(one.name, `*${glob}*`));
  return meant === undefined ? '' : `; is it ${meant.name}?`;
}
