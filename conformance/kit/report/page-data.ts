/**
 * What the page's script needs and the static table does not show, small enough for a thousand cases: outcomes as one JSON value,
 * wire logs and histories in blocks of several cases, deflated, base64, unpacked in the browser only when a case is opened.
 */
import { deflateRawSync } from 'node:zlib';
import type { MatrixRow } from './side-by-side.js';
import { renderTimeline } from './timeline.js';
import type { CaseReport } from './types.js';

/** Outcome of a case at an endpoint; members that are absent are empty. */
export interface PageCell {
  readonly v: CaseReport['verdict'];
  readonly ms: number;
  readonly failure?: CaseReport['failure'];
  readonly reason?: string;
  readonly issue?: string;
  readonly notes?: readonly string[];
  /** How many wire entries and operations there are, and the block and the place in it where they lie. */
  readonly wire?: number;
  readonly ops?: number;
  readonly at?: readonly [block: number, place: number];
}

/** One case of a block: entries as `[atMs, connection, direction, bytes, summary, base64]`. */
interface BlockEntry {
  readonly w: readonly (readonly [number, string, string, number, string, string])[];
  readonly svg?: string;
  readonly h?: CaseReport['history'];
}

/** Characters of JSON per block: enough to compress well, little enough to unpack at once. */
const blockChars = 256 * 1024;

/** The cells of the rows in order, and the blocks they point into. */
export function packCells(rows: readonly MatrixRow[], endpoints: number): { readonly cells: readonly (readonly (PageCell | null)[])[]; readonly blocks: readonly string[] } {
  const blocks: string[] = [];
  const cells: (PageCell | null)[][] = rows.map(() => []);
  for (let at = 0; at < endpoints; at++) {
    // Blocks hold one endpoint's neighbours: their frames are alike.
    let pending: string[] = [];
    let chars = 0;
    const flush = (): void => {
      if (pending.length > 0) blocks.push(deflateRawSync(`[${pending.join(',')}]`, { level: 9 }).toString('base64'));
      pending = [];
      chars = 0;
    };
    rows.forEach((row, i) => {
      const one = row.cells[at];
      let place: readonly [number, number] | undefined;
      if (one !== undefined && (one.wire.length > 0 || (one.history ?? []).length > 0)) {
        const text = JSON.stringify(blockEntry(one));
        place = [blocks.length, pending.length];
        pending.push(text);
        chars += text.length;
        if (chars >= blockChars) flush();
      }
      cells[i]?.push(one === undefined ? null : pageCell(one, place));
    });
    flush();
  }
  return { cells, blocks };
}

function blockEntry(one: CaseReport): BlockEntry {
  const history = one.history ?? [];
  return {
    w: one.wire.map((entry) => [entry.atMs, entry.connection, entry.direction, entry.bytes, entry.summary, Buffer.from(entry.hex, 'hex').toString('base64')]),
    ...(history.length === 0 ? {} : { svg: renderTimeline(history), h: history }),
  };
}

function pageCell(one: CaseReport, at: readonly [number, number] | undefined): PageCell {
  return {
    v: one.verdict, ms: one.durationMs,
    ...(one.failure === undefined ? {} : { failure: one.failure }), ...(one.reason === undefined ? {} : { reason: one.reason }),
    ...(one.issue === undefined ? {} : { issue: one.issue }), ...(one.notes.length === 0 ? {} : { notes: one.notes }),
    ...(one.wire.length === 0 ? {} : { wire: one.wire.length }), ...(one.history === undefined || one.history.length === 0 ? {} : { ops: one.history.length }),
    ...(at === undefined ? {} : { at }),
  };
}
