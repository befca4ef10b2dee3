/** Runs a sequence against both servers, side by side, and says where their answers differ. */
import { covers, differencesOf, type Accepted, type Difference } from '../../conformance/differential/compare.js';
import type { Answer } from '../../conformance/differential/peer.js';
import { accepted } from './accepted.js';
import { runName } from './normal.js';
import { runOn, type Server } from './run.js';
import type { Step } from './steps.js';
import type { Watch } from './watch.js';

export interface Sides {
  readonly left: Server;
  readonly right: Server;
  readonly watch?: Watch;
}

export interface Judged {
  readonly run: string;
  readonly differences: readonly Difference[];
  /** Differences that a row of `accepted` explains, by its divergence. */
  readonly explained: readonly string[];
  readonly answers: number;
  /** Servers that were not done in time, and with what: the answers are not compared then. */
  readonly late: readonly string[];
  readonly left: readonly Answer[];
  readonly right: readonly Answer[];
}

/** What makes two differences the same one: the request, the part of the answer, and roughly the values. */
export function keyOf(difference: Difference): string {
  const rough = (text: string): string => text.replace(/<(message|stored) [^>]*>/g, '<m>').replace(/\^\d+\^/g, '^').replace(/\d+/g, '#').slice(0, 120);
  return `${difference.label.split(' ')[0] ?? ''} | ${rough(difference.what)} | ${rough(difference.apache)} | ${rough(difference.skylark)}`;
}

/** The coarser name under which differences are gathered: the request and the part of the answer. */
export function kindOf(difference: Difference): string {
  return `${difference.label.split(' ')[0] ?? ''} ${difference.what.replace(/\d+/g, '#').replace(/\^#\^/g, '^')}`;
}

export class Judge {
  private readonly sides: Sides;
  private readonly rows: readonly Accepted[];
  private runs: number;
  requests = 0;

  /** @param runs number of the first run; each has a name of its own. */
  constructor(sides: Sides, rows: readonly Accepted[] = accepted, runs = 0) {
    this.sides = sides;
    this.rows = rows;
    this.runs = runs;
  }

  get count(): number {
    return this.runs;
  }

  async judge(steps: readonly Step[]): Promise<Judged> {
    const run = runName(this.runs++);
    const { watch } = this.sides;
    const ran = await Promise.all([runOn(this.sides.left, run, steps, watch), runOn(this.sides.right, run, steps, watch)]);
    const [{ answers: left }, { answers: right }] = ran;
    const late = ran.flatMap((one) => one.late ?? []);
    // What a late server has not answered differs from everything.
    const { found, explained } = late.length > 0 ? { found: [], explained: [] } : this.compare(left, right);
    this.requests += left.filter((one) => one.code !== 'left out').length;
    return { run, differences: found, explained, answers: left.length, late, left, right };
  }

  private compare(left: readonly Answer[], right: readonly Answer[]): { readonly found: readonly Difference[]; readonly explained: readonly string[] } {
    const found: Difference[] = [];
    const explained: string[] = [];
    for (let i = 0; i < Math.max(left.length, right.length); i++) {
      const [a, s] = [left[i], right[i]];
      if (a === undefined || s === undefined) {
        found.push({ sequence: '', label: (a ?? s)?.label ?? '', what: 'number of answers', apache: `${left.length}: ${a?.label ?? ''} ${JSON.stringify(a?.body ?? '')}`, skylark: `${right.length}: ${s?.label ?? ''} ${JSON.stringify(s?.body ?? '')}` });
        break;
      }
      const all = differencesOf('', a, s);
      // Another code makes all the rest differ.
      const code = all.filter((one) => one.what === 'code');
      for (const difference of code.length > 0 ? code : all) {
        const row = this.rows.find((one) => covers(one, { ...difference, sequence: 'random' }));
        if (row === undefined) found.push(difference);
        else explained.push(row.divergence);
      }
    }
    return { found, explained };
  }
}
