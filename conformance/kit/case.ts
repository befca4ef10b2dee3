/** A conformance case: one behaviour, one permanent name, one sentence that says what is required. */
import type { Context } from './context.js';
import type { Feature } from './features.js';
import type { Setup } from './setups.js';

/** MUST fails the run; SHOULD and MAY are reported; INFORMATIONAL says what an endpoint does where nothing is required. */
export type Level = 'MUST' | 'SHOULD' | 'MAY' | 'INFORMATIONAL';

export const levels: readonly Level[] = ['MUST', 'SHOULD', 'MAY', 'INFORMATIONAL'];

/** Releases of RocketMQ, both ends included: `{ from: '5.0.0' }`. */
export interface VersionRange {
  readonly from?: string;
  readonly to?: string;
}

export interface Case {
  /** Permanent, lower-case, dotted, beginning with the area: `pull.offset-past-max`. Never renamed: verdicts are kept by it. */
  readonly name: string;
  /** One sentence with a full stop: what the endpoint does, not what the case does. */
  readonly requirement: string;
  readonly level: Level;
  /** `Class#method`, a document or a RIP. */
  readonly source: string;
  /** Default: every version. */
  readonly versions?: VersionRange;
  /** Features without which the case is not applicable. */
  readonly needs?: readonly Feature[];
  /** Changes configuration or state beyond the kit's own prefix: runs only with --destructive, and alone. */
  readonly destructive?: boolean;
  /** With --start: judged on an endpoint of its own, started with another configuration. */
  readonly setup?: Setup;
  /** Must not run beside other cases. */
  readonly exclusive?: boolean;
  /** Default 10 seconds; cleaning up has its own time. */
  readonly timeoutMs?: number;
  /** `hand` (default): written for this behaviour; `generated`: made from a table. */
  readonly origin?: 'hand' | 'generated';
  run(t: Context): Promise<void>;
}

/** A case with what the registry adds. */
export interface RegisteredCase extends Case {
  readonly area: string;
  readonly origin: 'hand' | 'generated';
}

const namePattern = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)+$/;

/** What is wrong with a case's description; empty when nothing is. */
export function caseProblems(area: string, one: Case): string[] {
  const out: string[] = [];
  if (!namePattern.test(one.name)) out.push(`${one.name}: a name is lower-case words with - and at least one dot`);
  if (!one.name.startsWith(`${area}.`)) out.push(`${one.name}: does not begin with its area '${area}.'`);
  if (one.name.length > 100) out.push(`${one.name}: longer than 100 characters`);
  if (!/^[A-Z0-9`'"%].*\.$/s.test(one.requirement) || one.requirement.includes('\n')) out.push(`${one.name}: the requirement is one sentence on one line that ends with a full stop`);
  if (one.source.trim() === '') out.push(`${one.name}: no source`);
  if (!levels.includes(one.level)) out.push(`${one.name}: unknown level`);
  for (const bound of [one.versions?.from, one.versions?.to]) if (bound !== undefined && parseVersion(bound) === undefined) out.push(`${one.name}: '${bound}' is no version x.y.z`);
  return out;
}

/** The cases of an area. @throws Error that lists what is wrong with their descriptions: a fault of the kit, found at load. */
export function defineCases(area: string, cases: readonly Case[]): readonly RegisteredCase[] {
  const problems = cases.flatMap((one) => caseProblems(area, one));
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return cases.map((one) => ({ ...one, area, origin: one.origin ?? 'hand' }));
}

function parseVersion(text: string): readonly number[] | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)/.exec(text);
  return match === null ? undefined : match.slice(1).map(Number);
}

/** Whether `version` lies in the range; an unknown version (undefined) is taken as the newest. */
export function inVersions(range: VersionRange | undefined, version: string | undefined): boolean {
  if (range === undefined) return true;
  const at = version === undefined ? undefined : parseVersion(version);
  if (at === undefined) return range.to === undefined;
  const compare = (bound: string): number => {
    const other = parseVersion(bound) ?? [];
    for (let i = 0; i < 3; i++) if ((at[i] ?? 0) !== (other[i] ?? 0)) return (at[i] ?? 0) - (other[i] ?? 0);
    return 0;
  };
  return (range.from === undefined || compare(range.from) >= 0) && (range.to === undefined || compare(range.to) <= 0);
}
