/**
 * One self-contained page of one or several runs: who was judged, a matrix of cases by endpoint grouped by area, filters, and for each
 * case its story, timeline and wire log. No network; a content security policy lets only its own style and script run. The table is
 * there without script too.
 */
import { createHash } from 'node:crypto';
import { levels } from '../case.js';
import { escapeMarkup as html, jsonForScript } from './markup.js';
import { differs, joinReports, passedOf, type MatrixRow } from './side-by-side.js';
import { packCells } from './page-data.js';
import { pageScript } from './page-script.js';
import { pageStyle } from './page-style.js';
import { countVerdicts, failsRun, outcomeOf, verdicts, type RunReport, type Verdict } from './types.js';

/** A sign for each verdict, so that none is told by colour alone. */
const signs: Readonly<Record<Verdict, string>> = { 'pass': '\u2713', 'fail': '\u2717', 'error': '!', 'known-failure': '\u2248', 'not-applicable': '\u2013', 'skipped': '\u25cb' };

const words: Readonly<Record<Verdict, string>> = { 'pass': 'pass', 'fail': 'fail', 'error': 'error', 'known-failure': 'known failure', 'not-applicable': 'not applicable', 'skipped': 'skipped' };

const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** The page. Several runs become columns of one matrix, joined by case name. */
export function renderHtml(reports: RunReport | readonly RunReport[]): string {
  const runs: readonly RunReport[] = 'cases' in reports ? [reports] : reports;
  const { labels, areas } = joinReports(runs);
  const rows = [...areas.values()].flat();
  const { cells, blocks } = packCells(rows, runs.length);
  const data = jsonForScript({ labels, signs, words, rows: rows.map((row, i) => ({ name: row.about.name, cells: cells[i] })) });
  const title = html(`RocketMQ conformance: ${labels.join(', ')}`);
  let index = 0;
  const bodies = [...areas].map(([area, list], i) => {
    const first = index;
    index += list.length;
    return tbody(area, i, list, first, labels);
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${hash(pageStyle)}; script-src ${hash(pageScript)}; base-uri 'none'; form-action 'none'">
<meta name="color-scheme" content="light dark"><title>${title}</title><style>${pageStyle}</style></head>
<body><a class="skip" href="#matrix">Skip to the cases</a>
<header><h1>RocketMQ conformance</h1><div class="runs">${runs.map((run, i) => card(run, labels[i] ?? '')).join('')}</div></header>
<main>${filters(rows, [...areas.keys()], runs.length)}
<p class="shown"><span id="shown" role="status">${rows.length} ${rows.length === 1 ? 'case' : 'cases'}</span><span class="tools" hidden><button type="button" id="expand">Expand all areas</button><button type="button" id="collapse">Collapse all areas</button></span></p>
<noscript><p class="shown">Filters, wire logs and timelines need JavaScript.</p></noscript>
<table id="matrix" tabindex="-1"><caption class="quiet">Cases by endpoint, grouped by area</caption><thead><tr><th scope="col">Case</th><th scope="col" class="level">Level</th>${labels.map((label) => `<th scope="col" class="verdict">${html(label)}</th>`).join('')}</tr></thead>
${bodies.join('')}</table><p id="none" hidden>No case matches these filters. <button type="button" id="clear-none">Clear filters</button></p></main>
<footer><p>${verdicts.map((verdict) => `<span class="key">${mark(verdict)}</span>`).join(' ')}</p><p class="keys">Keys: <kbd>/</kbd> search, <kbd>\u2191</kbd> <kbd>\u2193</kbd> move between cases, <kbd>Enter</kbd> open, <kbd>Esc</kbd> clear the search. The address keeps filters and the opened case.</p></footer>
<script type="application/json" id="data">${data}</script>
${blocks.map((block, i) => `<script type="text/plain" id="block-${i}">${block}</script>\n`).join('')}<script>${pageScript}</script></body></html>
`;
}

const mark = (verdict: Verdict): string => `<span class="mark ${verdict}"><b aria-hidden="true">${signs[verdict]}</b><i>${words[verdict]}</i></span>`;

/** Dots are good places to break a long name. */
const breakable = (name: string): string => html(name).replaceAll('.', '.<wbr>');

function card(run: RunReport, label: string): string {
  const counts = countVerdicts(run.cases);
  const must = passedOf(run.cases.filter((one) => one.level === 'MUST'));
  const failing = run.cases.filter((one) => failsRun(one, run.options.level)).length;
  const { endpoint, options } = run;
  const facts: readonly (readonly [string, string])[] = [
    ['Version', endpoint.version ?? 'unknown'], ['Name server', endpoint.namesrv], ['Broker', `${endpoint.broker} (${endpoint.brokerName} of ${endpoint.cluster})`],
    ...(endpoint.grpc === undefined ? [] : [['gRPC', endpoint.grpc] as const]), ['Profile', endpoint.profile], ['Features', endpoint.features.join(', ') || 'none'],
    ['Options', `${options.parallel} at a time, ${options.timeoutMs} ms each${options.level === undefined ? '' : `, level ${options.level}`}${options.destructive ? ', destructive' : ''}, prefix ${options.prefix}`],
    ['Kit', run.kit], ...run.notes.map((note): readonly [string, string] => ['Remark', note]),
  ];
  return `<section class="run"><h2>${html(label)}</h2><p class="outcome ${failing === 0 ? 'good' : 'bad'}"><b aria-hidden="true">${failing === 0 ? signs.pass : signs.fail}</b> ${outcomeOf(run)} <span class="must">MUST ${must.passed} of ${must.judged}</span></p>
${bar(counts, run.cases.length)}<ul class="totals">${verdicts.filter((verdict) => counts[verdict] > 0).map((verdict) => `<li class="${verdict}"><b aria-hidden="true">${signs[verdict]}</b> ${counts[verdict]} ${words[verdict]}</li>`).join('')}</ul>
<p class="when"><time datetime="${html(run.started)}">${html(run.started.replace('T', ' ').replace(/(?:\.\d+)?Z$/, ' UTC'))}</time>, ${(run.durationMs / 1000).toFixed(1)} s, <span>seed ${run.seed}</span>, <span>version ${html(endpoint.version ?? 'unknown')}</span></p>
<details><summary>Endpoint and options</summary><dl>${facts.map(([name, value]) => `<dt>${name}</dt><dd>${html(value)}</dd>`).join('')}</dl></details></section>`;
}

/** Shares of the verdicts, as a stacked bar of 100 units. */
function bar(counts: Readonly<Record<Verdict, number>>, total: number): string {
  let x = 0;
  const parts = verdicts.map((verdict) => {
    const width = total === 0 ? 0 : (counts[verdict] / total) * 100;
    const part = width === 0 ? '' : `<rect class="${verdict}" x="${x.toFixed(2)}" y="0" width="${width.toFixed(2)}" height="6"/>`;
    x += width;
    return part;
  });
  return `<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">${parts.join('')}</svg>`;
}

function filters(rows: readonly MatrixRow[], areas: readonly string[], runs: number): string {
  const chip = (group: string, value: string, content: string, count: number): string => `<label class="chip"><input type="checkbox" name="${group}" value="${value}"> ${content} <small>${count}</small></label>`;
  const withVerdict = (verdict: Verdict): number => rows.filter((row) => row.cells.some((cell) => cell?.verdict === verdict)).length;
  const origins = (origin: string): number => rows.filter((row) => row.about.origin === origin).length;
  return `<form id="filters" role="search" aria-label="Filter the cases" hidden>
<div class="line"><label class="search"><span class="quiet">Search</span><input type="search" id="text" placeholder="Search name, requirement, source, failure" autocomplete="off" spellcheck="false"></label>
<label>Area <select id="area"><option value="">all ${areas.length}</option>${areas.map((area) => `<option>${html(area)}</option>`).join('')}</select></label>
<label>Origin <select id="origin"><option value="">all</option><option value="hand">by hand (${origins('hand')})</option><option value="generated">generated (${origins('generated')})</option></select></label>
<button type="button" id="clear">Clear</button></div>
<details class="more" open><summary>Verdict, level and more</summary><div class="line"><fieldset><legend>Verdict</legend>${verdicts.filter((verdict) => withVerdict(verdict) > 0).map((verdict) => chip('verdict', verdict, mark(verdict), withVerdict(verdict))).join('')}</fieldset>
<fieldset><legend>Level</legend>${levels.filter((level) => rows.some((row) => row.about.level === level)).map((level) => chip('level', level, level, rows.filter((row) => row.about.level === level).length)).join('')}</fieldset>
${runs < 2 ? '' : `<fieldset><legend>Compare</legend>${chip('diff', '1', 'Only differences between endpoints', rows.filter(differs).length)}</fieldset>`}</div></details></form>`;
}

function tbody(area: string, at: number, rows: readonly MatrixRow[], first: number, labels: readonly string[]): string {
  const sums = labels.map((_, i) => {
    const list = rows.flatMap((row) => row.cells[i] ?? []);
    const { passed, judged } = passedOf(list);
    const bad = list.filter((one) => one.verdict === 'fail' || one.verdict === 'error').length;
    return `<td class="verdict">${judged === 0 ? `<span class="sum none">\u2013</span>` : `<span class="sum ${bad > 0 ? 'bad' : passed === judged ? 'good' : 'mixed'}"><b aria-hidden="true">${bad > 0 ? signs.fail : passed === judged ? signs.pass : signs['known-failure']}</b> ${passed}/${judged}</span>`}</td>`;
  });
  return `<tbody data-area="${html(area)}"><tr class="area"><th scope="rowgroup"><button type="button" class="fold" aria-expanded="true" id="area-${at}"><span class="arrow" aria-hidden="true"></span>${html(area)} <small>${rows.length} ${rows.length === 1 ? 'case' : 'cases'}</small></button></th><td class="level"></td>${sums.join('')}</tr>
${rows.map((row, i) => caseRow(row, first + i)).join('')}</tbody>
`;
}

function caseRow({ about, cells }: MatrixRow, index: number): string {
  const verdictCells = cells.map((cell) => `<td class="verdict">${cell === undefined ? '<span class="mark absent"><b aria-hidden="true">\u00b7</b><i>not run</i></span>' : mark(cell.verdict)}</td>`);
  return `<tr class="case" data-row="${index}" data-level="${html(about.level)}" data-origin="${html(about.origin)}"><th scope="row"><button type="button" class="open" aria-expanded="false">${breakable(about.name)}</button><p>${html(about.requirement)}</p><p class="source"><span class="lv">${html(about.level)}</span><span>${html(about.source)}</span>${about.origin === 'generated' ? '<span>generated</span>' : ''}</p></th><td class="level">${html(about.level)}</td>${verdictCells.join('')}</tr>
`;
}
