/**
 * The result as one HTML page that needs nothing else: tables, and bar charts drawn here as inline SVG. Each row of a chart
 * has its own scale, because shapes differ by two orders of magnitude and what counts is ours beside theirs.
 */
import type { Figures } from '../figures.js';
import { processVerdicts, verdictOf, type RunResult } from '../results.js';
import { remarksOf, verdictWords } from './table.js';
import { megabytes, microseconds, ratio, wholeNumber } from './words.js';

/** Text as it may stand in HTML and in attribute values. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

export interface ChartRow {
  readonly label: string;
  /** One value per broker; null draws no bar. */
  readonly values: readonly (number | null)[];
}

const LABEL_WIDTH = 150;
const BAR_WIDTH = 420;
const BAR_HEIGHT = 14;
const ROW_GAP = 12;

/** Grouped horizontal bars. `words` writes a value, `better` says which direction is good. */
export function barChart(title: string, rows: readonly ChartRow[], brokers: readonly string[], words: (value: number) => string, better: 'more' | 'less'): string {
  const rowHeight = brokers.length * (BAR_HEIGHT + 2) + ROW_GAP;
  const height = rows.length * rowHeight;
  const width = LABEL_WIDTH + BAR_WIDTH + 220;
  const parts: string[] = [];
  rows.forEach(({ label, values }, r) => {
    const top = r * rowHeight;
    const max = Math.max(...values.map((value) => (value !== null && Number.isFinite(value) ? value : 0)));
    parts.push(`<text class="label" x="${LABEL_WIDTH - 8}" y="${top + (rowHeight - ROW_GAP) / 2 + 4}" text-anchor="end">${escapeHtml(label)}</text>`);
    values.forEach((value, i) => {
      if (value === null || !Number.isFinite(value)) return;
      const y = top + i * (BAR_HEIGHT + 2);
      const w = max > 0 ? Math.max(1, (value / max) * BAR_WIDTH) : 1;
      parts.push(
        `<rect class="b${i}" x="${LABEL_WIDTH}" y="${y}" width="${w.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"><title>${escapeHtml(`${brokers[i] ?? ''}, ${label}: ${words(value)}`)}</title></rect>`,
        `<text class="value" x="${(LABEL_WIDTH + w + 6).toFixed(1)}" y="${y + BAR_HEIGHT - 3}">${escapeHtml(words(value))}</text>`,
      );
    });
    const [ours, theirs] = values;
    if (ours !== null && ours !== undefined && theirs !== null && theirs !== undefined && theirs > 0) {
      parts.push(`<text class="ratio" x="${width - 4}" y="${top + (rowHeight - ROW_GAP) / 2 + 4}" text-anchor="end">${ratio(ours / theirs)}</text>`);
    }
  });
  const legend = brokers.map((broker, i) => `<span class="key k${i}">${escapeHtml(broker)}</span>`).join(' ');
  return `<section><h2>${escapeHtml(title)}</h2><p class="legend">${legend} <span>(${better} is better)</span></p><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">${parts.join('')}</svg></section>`;
}

const STYLE = `
:root{--ink:#1c2430;--soft:#5c6675;--paper:#fff;--line:#dfe3e8;--b0:#1769aa;--b1:#c2611f;--good:#1a7f37;--bad:#b42318}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa5b4;--paper:#14181e;--line:#2c333d;--b0:#5aa9e6;--b1:#e8965a;--good:#56c271;--bad:#ff7b72}}
:root{color-scheme:light dark}
body{margin:2rem auto;max-width:60rem;padding:0 1rem;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .3rem}
.soft,.legend{color:var(--soft);font-size:.85rem}
svg{width:100%;height:auto;font:12px system-ui,sans-serif}
.label{fill:var(--ink)}.value{fill:var(--soft)}.ratio{fill:var(--ink);font-weight:600}
.b0{fill:var(--b0)}.b1{fill:var(--b1)}
.key::before{content:"";display:inline-block;width:.8em;height:.8em;margin-right:.35em;border-radius:2px;background:var(--b0)}.k1::before{background:var(--b1)}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th:first-child,td:first-child,td.left,th.left{text-align:left}td.left{white-space:normal;min-width:14rem}
.met{color:var(--good)}.missed{color:var(--bad);font-weight:600}
`;

function shapeTable(result: RunResult): string {
  const [ours = '', theirs] = result.brokers;
  const rows: string[] = [];
  for (const { shape, figures } of result.shapes) {
    const our = figures[ours];
    if (our === undefined) continue;
    const their = theirs === undefined ? undefined : figures[theirs];
    const verdicts = shape.targets
      .map((target) => verdictOf(target, our, their))
      .map((verdict) => `<span class="${verdict.met === null ? '' : verdict.met ? 'met' : 'missed'}">${escapeHtml(verdictWords(verdict))}</span>`)
      .join('<br>');
    const cells = (name: string, figures: Figures, last: string): string =>
      `<tr><td>${escapeHtml(name)}</td><td>${wholeNumber(figures.messagesPerS)}</td><td>${microseconds(figures.latency.p50Us)}</td><td>${microseconds(figures.latency.p99Us)}</td><td>${microseconds(figures.latency.p999Us)}</td><td>${figures.brokerCpuSPerMillion === null ? '-' : figures.brokerCpuSPerMillion.toFixed(2)}</td><td>${figures.generatorCores.toFixed(2)}</td><td class="left">${last}</td></tr>`;
    rows.push(`<tr><th colspan="8" class="left">${escapeHtml(`${shape.name}: ${shape.says}`)}</th></tr>`, cells(ours, our, [verdicts, ...remarksOf(our).map((r) => `<span class="missed">${escapeHtml(r)}</span>`)].filter((x) => x !== '').join('<br>')));
    if (their !== undefined && theirs !== undefined) {
      rows.push(cells(theirs, their, remarksOf(their).map((r) => `<span class="missed">${escapeHtml(r)}</span>`).join('<br>')));
      const cpu = our.brokerCpuSPerMillion !== null && their.brokerCpuSPerMillion !== null ? ratio(our.brokerCpuSPerMillion / their.brokerCpuSPerMillion) : '-';
      rows.push(
        `<tr class="soft"><td>ours / theirs</td><td>${ratio(our.messagesPerS / their.messagesPerS)}</td><td>${ratio(our.latency.p50Us / their.latency.p50Us)}</td><td>${ratio(our.latency.p99Us / their.latency.p99Us)}</td><td>${ratio(our.latency.p999Us / their.latency.p999Us)}</td><td>${cpu}</td><td></td><td></td></tr>`,
      );
    }
  }
  return `<section><h2>Every figure</h2><div class="wide"><table><tr><th></th><th>messages/s</th><th>p50</th><th>p99</th><th>p99.9</th><th>broker CPU s per million</th><th>generator cores</th><th class="left">targets and remarks</th></tr>${rows.join('')}</table></div></section>`;
}

function processTable(result: RunResult): string {
  const [ours = ''] = result.brokers;
  const rows = result.brokers.flatMap((broker) => {
    const each = result.processes[broker];
    if (each === undefined) return [];
    const verdicts = broker === ours ? processVerdicts(each).map((v) => `<span class="${v.met === true ? 'met' : 'missed'}">${escapeHtml(verdictWords(v))}</span>`).join('<br>') : '';
    return [
      `<tr><td>${escapeHtml(broker)}</td><td>${each.startS.toFixed(2)} s</td><td>${each.idleCpuPercent.toFixed(1)} %</td><td>${megabytes(each.idleRssBytes)}</td><td>${each.loadedAnonBytes === null ? '-' : megabytes(each.loadedAnonBytes)}</td><td>${each.loadedFileBytes === null ? '-' : megabytes(each.loadedFileBytes)}</td><td>${each.namesrvRssBytes === null ? 'inside' : megabytes(each.namesrvRssBytes)}</td><td class="left">${verdicts}</td></tr>`,
    ];
  });
  if (rows.length === 0) return '';
  return `<section><h2>The process</h2><div class="wide"><table><tr><th></th><th>start</th><th>idle CPU of a core</th><th>idle resident</th><th>anonymous after load</th><th>mapped files after load</th><th>name server</th><th class="left">targets</th></tr>${rows.join('')}</table></div></section>`;
}

/** The page. */
export function htmlPage(result: RunResult): string {
  const { brokers, shapes, machine, options } = result;
  const rowsOf = (value: (figures: Figures) => number | null): ChartRow[] =>
    shapes.map(({ shape, figures }) => ({
      label: shape.name,
      values: brokers.map((broker) => {
        const each = figures[broker];
        return each === undefined ? null : value(each);
      }),
    }));
  const charts =
    shapes.length === 0
      ? ''
      : [
          barChart('Messages per second', rowsOf((f) => f.messagesPerS), brokers, wholeNumber, 'more'),
          barChart('Broker CPU per message', rowsOf((f) => f.brokerCpuSPerMillion), brokers, (v) => `${v.toFixed(2)} us`, 'less'),
          barChart('Latency of a request, median', rowsOf((f) => f.latency.p50Us), brokers, microseconds, 'less'),
          barChart('Latency of a request, p99', rowsOf((f) => f.latency.p99Us), brokers, microseconds, 'less'),
        ].join('');
  const about = `${result.startedAt}; ${machine.cpu}, ${machine.cores} cores, ${megabytes(machine.memoryBytes)}; ${machine.system}; Node ${machine.node}; ${options.seconds} s per shape after ${options.warmupSeconds} s of warm-up of each broker${options.quick ? ' (quick run: figures are rough)' : ''}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Skylark benchmark</title><style>${STYLE}</style></head>
<body><h1>Skylark benchmark</h1><p class="soft">${escapeHtml(about)}</p>${charts}${shapeTable(result)}${processTable(result)}</body></html>
`;
}
