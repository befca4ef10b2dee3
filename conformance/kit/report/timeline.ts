/** A history drawn as SVG: processes are lanes, operations bars from invoke to answer, anomalies numbered. The page styles it by class. */
import { escapeMarkup } from './markup.js';
import type { HistoryOperation } from './types.js';

/** More operations than these are not drawn; those nearest to anomalies are kept. */
export const drawnMax = 1500;

const rowHeight = 22;
const barHeight = 16;
const topGap = 26;
const charWidth = 6.6;

interface Placed {
  readonly operation: HistoryOperation;
  /** Number of its anomaly, from 1; 0 where there is none. */
  readonly anomaly: number;
  readonly endMs: number;
  readonly row: number;
  /** Its process does nothing but this: what was sent or got tells more than the name of the operation. */
  readonly sameOps: boolean;
}

/**
 * The drawing, an `svg` element of classes and numbers, text escaped; empty for an empty history. Times that are no finite numbers
 * are taken as 0. A bar is solid for ok, hollow for fail, dashed and (without an answer) open to the right for info.
 */
export function renderTimeline(history: readonly HistoryOperation[]): string {
  const drawn = choose(history.map((operation) => ({ ...operation, invokedMs: finite(operation.invokedMs), ...(operation.completedMs === undefined ? {} : { completedMs: finite(operation.completedMs) }) })));
  if (drawn.length === 0) return '';
  const from = drawn.reduce((min, one) => Math.min(min, one.invokedMs), Infinity);
  const to = drawn.reduce((max, one) => Math.max(max, one.invokedMs, one.completedMs ?? 0), from + 1);
  const { lanes, rows } = place(drawn, to);
  const left = Math.ceil(Math.min(24, Math.max(...lanes.map((lane) => lane.process.length))) * charWidth) + 16;
  const busiest = Math.max(...lanes.map((lane) => lane.placed.length / lane.rows));
  const plot = Math.round(Math.min(6000, Math.max(1040, busiest * 44)));
  const x = (ms: number): number => round(left + ((ms - from) / (to - from)) * plot);
  const bottom = topGap + rows * rowHeight;
  const height = bottom + 30;
  const out: string[] = [];
  for (const [i, lane] of lanes.entries()) {
    const y = topGap + lane.firstRow * rowHeight;
    out.push(`<rect class="tl-lane${i % 2 === 0 ? '' : ' tl-odd'}" x="0" y="${y}" width="${left + plot + 16}" height="${lane.rows * rowHeight}"/>`);
    out.push(`<text class="tl-process" x="8" y="${y + 15}">${escapeMarkup(clip(lane.process, 24))}<title>${escapeMarkup(lane.process)}</title></text>`);
  }
  for (const tick of ticks(from, to, plot / 110)) out.push(`<line class="tl-grid" x1="${x(tick)}" y1="${topGap - 4}" x2="${x(tick)}" y2="${bottom}"/><text class="tl-tick" x="${x(tick)}" y="14" text-anchor="middle">${duration(tick)}</text>`);
  const bars = lanes.flatMap((lane) => lane.placed);
  for (const placed of bars) if (placed.anomaly === 0) out.push(bar(placed, x));
  for (const placed of bars) if (placed.anomaly > 0) out.push(bar(placed, x)); // above the others
  out.push(legend(left, bottom + 20, history.length, drawn.length));
  return `<svg xmlns="http://www.w3.org/2000/svg" class="timeline" role="img" aria-label="${escapeMarkup(describe(history, lanes.length))}" viewBox="0 0 ${left + plot + 16} ${height}" width="${left + plot + 16}" height="${height}">${out.join('')}</svg>`;
}

const finite = (ms: number): number => (Number.isFinite(ms) ? ms : 0);
const round = (value: number): number => Math.round(value * 10) / 10;
const clip = (text: string, max: number): string => (text.length > max ? `${text.slice(0, max - 1)}\u2026` : text);
const duration = (ms: number): string => (Math.abs(ms) >= 10_000 ? `${round(ms / 1000)} s` : `${round(ms)} ms`);

function choose(history: readonly HistoryOperation[]): readonly HistoryOperation[] {
  if (history.length <= drawnMax) return history;
  const marked = history.filter((one) => one.anomaly !== undefined).map((one) => one.invokedMs).slice(0, 50);
  const distance = (one: HistoryOperation): number => (one.anomaly !== undefined ? -1 : marked.reduce((min, ms) => Math.min(min, Math.abs(ms - one.invokedMs)), marked.length === 0 ? one.invokedMs : Infinity));
  const near = [...history.entries()].map(([i, one]) => [i, distance(one)] as const).sort((a, b) => a[1] - b[1] || a[0] - b[0]).slice(0, drawnMax);
  const kept = new Set(near.map(([i]) => i));
  return history.filter((_, i) => kept.has(i));
}

interface Lane {
  readonly process: string;
  readonly firstRow: number;
  readonly rows: number;
  readonly placed: readonly Placed[];
}

/** Operations of a process that overlap get rows of their own. Anomalies are numbered in the history's order. */
function place(drawn: readonly HistoryOperation[], to: number): { lanes: Lane[]; rows: number } {
  const processes = new Map<string, { operation: HistoryOperation; anomaly: number }[]>();
  let anomalies = 0;
  for (const operation of drawn) {
    const entry = { operation, anomaly: operation.anomaly === undefined ? 0 : ++anomalies };
    const list = processes.get(operation.process);
    if (list === undefined) processes.set(operation.process, [entry]);
    else list.push(entry);
  }
  const lanes: Lane[] = [];
  let rows = 0;
  for (const [process, list] of processes) {
    const ends: number[] = [];
    const sameOps = new Set(list.map((one) => one.operation.op)).size === 1;
    const placed = [...list].sort((a, b) => a.operation.invokedMs - b.operation.invokedMs).map(({ operation, anomaly }): Placed => {
      const endMs = Math.max(operation.invokedMs, operation.completedMs ?? (operation.outcome === 'info' ? to : operation.invokedMs));
      const free = ends.findIndex((end) => end <= operation.invokedMs);
      const row = free === -1 ? ends.length : free;
      ends[row] = Math.max(endMs, operation.invokedMs + (to - operation.invokedMs) * 0.002);
      return { operation, anomaly, endMs, row: rows + row, sameOps };
    });
    lanes.push({ process, firstRow: rows, rows: ends.length, placed });
    rows += ends.length;
  }
  return { lanes, rows };
}

function bar({ operation, anomaly, endMs, row, sameOps }: Placed, x: (ms: number) => number): string {
  const { op, value, invokedMs, completedMs, outcome } = operation;
  const y = topGap + row * rowHeight + (rowHeight - barHeight) / 2;
  const width = round(Math.max(4, x(endMs) - x(invokedMs)));
  const mark = { ok: '', fail: '\u2717 ', info: '? ' }[outcome];
  const label = `${mark}${anomaly === 0 ? '' : `\u26a0${anomaly} `}`;
  const room = Math.floor((width - 6) / charWidth);
  const text = [`${label}${op} ${value}`, ...(sameOps && value !== '' ? [`${label}${value}`] : []), `${label}${op}`, label].map((one) => one.trim()).find((one) => one.length <= room) ?? '';
  const title = `${operation.process}: ${op} ${value}\n${outcome}, invoked at ${round(invokedMs)} ms, ${completedMs === undefined ? 'never answered' : `answered after ${round(completedMs - invokedMs)} ms`}${operation.anomaly === undefined ? '' : `\n\u26a0${anomaly} ${operation.anomaly}`}`;
  return `<g class="tl-op tl-${outcome}${anomaly === 0 ? '' : ' tl-anomaly'}"><title>${escapeMarkup(title)}</title><rect x="${x(invokedMs)}" y="${y}" width="${width}" height="${barHeight}" rx="3"/>`
    + (text === '' ? '' : `<text x="${round(x(invokedMs) + 4)}" y="${y + 12}">${escapeMarkup(text)}</text>`)
    + (text === '' && anomaly !== 0 ? `<text class="tl-flag" x="${round(x(invokedMs) + width / 2)}" y="${y - 1}" text-anchor="middle">\u26a0${anomaly}</text>` : '') + '</g>';
}

/** Round numbers between both ends, about `count` of them. */
function ticks(from: number, to: number, count: number): number[] {
  const rough = (to - from) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? 10 * power;
  const out: number[] = [];
  for (let i = Math.ceil(from / step); i * step <= to && out.length < 200; i++) out.push(i * step);
  return out;
}

function legend(x: number, y: number, all: number, drawn: number): string {
  const item = (at: number, kind: string, text: string): string => `<g class="tl-op tl-${kind}"><rect x="${x + at}" y="${y - 10}" width="22" height="12" rx="3"/></g><text class="tl-legend" x="${x + at + 28}" y="${y}">${text}</text>`;
  return item(0, 'ok', 'ok') + item(70, 'fail', '\u2717 fail') + item(150, 'info', '? info: nobody knows') + item(320, 'ok tl-anomaly', '\u26a0 anomaly')
    + (all === drawn ? '' : `<text class="tl-legend" x="${x + 430}" y="${y}">${drawn} of ${all} operations drawn</text>`);
}

function describe(history: readonly HistoryOperation[], processes: number): string {
  const anomalies = history.filter((one) => one.anomaly !== undefined).length;
  return `Timeline of ${history.length} operations of ${processes} ${processes === 1 ? 'process' : 'processes'}, ${anomalies} ${anomalies === 1 ? 'anomaly' : 'anomalies'}`;
}
