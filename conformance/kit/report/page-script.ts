/**
 * The script of the page, as text: filters, folding, the address, and the details of a case, which it builds from data with
 * `textContent` only. Plain JavaScript of browsers since 2023 (it inflates with DecompressionStream).
 */
export const pageScript = String.raw`
'use strict';
(() => {
const $ = (id) => document.getElementById(id);
const data = JSON.parse($('data').textContent);
const table = $('matrix'), columns = data.labels.length + 2;
const rows = [...table.querySelectorAll('tr.case')].map((tr) => ({ tr, at: Number(tr.dataset.row), body: tr.parentNode, button: tr.querySelector('.open') }));
const bodies = [...table.tBodies].map((body) => ({ body, area: body.dataset.area, fold: body.querySelector('.fold'), rows: rows.filter((row) => row.body === body), open: true }));
const checks = [...document.querySelectorAll('#filters input[type=checkbox]')];
const el = (tag, name, text) => {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
};

// Filters
const state = () => ({
  q: $('text').value.trim().toLowerCase(), area: $('area').value, origin: $('origin').value,
  verdict: checks.filter((box) => box.name === 'verdict' && box.checked).map((box) => box.value),
  level: checks.filter((box) => box.name === 'level' && box.checked).map((box) => box.value),
  diff: checks.some((box) => box.name === 'diff' && box.checked),
});
const active = (s) => s.q !== '' || s.area !== '' || s.origin !== '' || s.verdict.length > 0 || s.level.length > 0 || s.diff;
const textOf = (row) => {
  if (row.text === undefined) {
    const said = data.rows[row.at].cells.flatMap((cell) => (cell ? [cell.reason, cell.issue, cell.failure && cell.failure.message, cell.failure && cell.failure.expected, cell.failure && cell.failure.actual, ...(cell.notes || [])] : []));
    row.text = (data.rows[row.at].name + '\n' + row.tr.cells[0].textContent + '\n' + said.filter(Boolean).join('\n')).toLowerCase();
  }
  return row.text;
};
const matches = (row, s) => {
  const cells = data.rows[row.at].cells.filter(Boolean);
  if (s.area !== '' && row.body.dataset.area !== s.area) return false;
  if (s.origin !== '' && row.tr.dataset.origin !== s.origin) return false;
  if (s.level.length > 0 && !s.level.includes(row.tr.dataset.level)) return false;
  if (s.verdict.length > 0 && !cells.some((cell) => s.verdict.includes(cell.v))) return false;
  if (s.diff && new Set(cells.map((cell) => cell.v)).size < 2) return false;
  return s.q === '' || s.q.split(/\s+/).every((word) => textOf(row).includes(word));
};
const show = () => {
  const s = state();
  let shown = 0;
  for (const group of bodies) {
    let here = 0;
    for (const row of group.rows) {
      row.match = matches(row, s);
      if (row.match) here++;
      row.tr.hidden = !row.match || !group.open;
      if (row.detail) row.detail.hidden = row.tr.hidden || row.button.getAttribute('aria-expanded') !== 'true';
    }
    group.body.hidden = here === 0;
    group.fold.setAttribute('aria-expanded', String(group.open));
    group.fold.querySelector('small').textContent = here === group.rows.length ? here + (here === 1 ? ' case' : ' cases') : here + ' of ' + group.rows.length + ' cases';
    shown += here;
  }
  $('shown').textContent = (shown === rows.length ? '' : shown + ' of ') + rows.length + (rows.length === 1 ? ' case' : ' cases');
  $('none').hidden = shown > 0;
};
const foldAll = (open) => { for (const group of bodies) group.open = open; };
const startOpen = rows.length <= 80;
const filtered = () => { foldAll(active(state()) || startOpen); show(); remember(); };
const clear = () => {
  for (const box of checks) box.checked = false;
  $('text').value = $('area').value = $('origin').value = '';
  filtered();
};

// The address keeps what is shown
let opened = '';
const remember = () => {
  const s = state(), out = new URLSearchParams();
  for (const name of ['q', 'area', 'origin']) if (s[name] !== '') out.set(name, s[name]);
  for (const name of ['verdict', 'level']) if (s[name].length > 0) out.set(name, s[name].join(','));
  if (s.diff) out.set('diff', '1');
  if (opened !== '') out.set('case', opened);
  try { history.replaceState(null, '', '#' + out); } catch { /* some viewers forbid it; nothing depends on it */ }
};
const recall = () => {
  const from = new URLSearchParams(location.hash.slice(1));
  $('text').value = from.get('q') || '';
  $('area').value = from.get('area') || '';
  $('origin').value = from.get('origin') || '';
  for (const box of checks) box.checked = (from.get(box.name) || '').split(',').includes(box.value);
  foldAll(active(state()) || startOpen);
  const row = rows.find((one) => data.rows[one.at].name === from.get('case'));
  if (row !== undefined) {
    bodies.find((group) => group.body === row.body).open = true;
    toggle(row, true);
  }
  show();
  if (row !== undefined) row.tr.scrollIntoView({ block: 'start' });
};

// Details
const blocks = new Map();
const block = (index) => {
  if (!blocks.has(index)) blocks.set(index, (async () => {
    const bytes = unbase64($('block-' + index).textContent);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
    return JSON.parse(await new Response(stream).text());
  })());
  return blocks.get(index);
};
const unbase64 = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
const stored = async (cell) => (cell.at === undefined ? { w: [] } : (await block(cell.at[0]))[cell.at[1]]);
const mark = (verdict) => {
  const out = el('span', 'mark ' + verdict), sign = el('b', '', data.signs[verdict]);
  sign.setAttribute('aria-hidden', 'true');
  out.append(sign, el('i', '', data.words[verdict]));
  return out;
};
const toggle = (row, open) => {
  row.button.setAttribute('aria-expanded', String(open));
  if (open && row.detail === undefined) {
    row.detail = el('tr', 'detail');
    row.detail.id = 'detail-' + row.at;
    row.button.setAttribute('aria-controls', row.detail.id);
    const cell = el('td');
    cell.colSpan = columns;
    data.rows[row.at].cells.forEach((one, i) => { if (one) cell.append(judged(one, data.labels[i])); });
    row.detail.append(cell);
    row.tr.after(row.detail);
  }
  if (row.detail) row.detail.hidden = !open;
};
const judged = (cell, label) => {
  const out = el('section', 'judged'), head = el('header');
  head.append(el('h3', '', label), mark(cell.v), el('span', 'ms', cell.ms + ' ms'));
  out.append(head);
  if (cell.reason) out.append(el('p', 'story', cell.reason));
  if (cell.failure) out.append(failure(cell.failure));
  if (cell.issue) out.append(el('p', 'story', 'Known failure: ' + cell.issue));
  if (cell.notes) {
    const list = el('ul', 'notes');
    for (const note of cell.notes) list.append(el('li', '', note));
    out.append(list);
  }
  if (cell.ops) out.append(timeline(cell));
  if (cell.wire) out.append(lazy('Wire log, ' + cell.wire + (cell.wire === 1 ? ' entry' : ' entries'), async () => wire((await stored(cell)).w)));
  return out;
};
const failure = (one) => {
  const out = document.createDocumentFragment(), line = el('p', 'story');
  line.append(el('span', 'kind', one.kind + ': '), one.message);
  out.append(line);
  if (one.expected !== undefined || one.actual !== undefined) {
    const sides = el('div', 'sides'), [expected, actual] = [one.expected || '', one.actual || ''];
    let head = 0, tail = 0;
    const short = Math.min(expected.length, actual.length);
    while (head < short && expected[head] === actual[head]) head++;
    while (tail < short - head && expected[expected.length - 1 - tail] === actual[actual.length - 1 - tail]) tail++;
    for (const [name, text] of [['Expected', one.expected], ['Actual', one.actual]]) {
      if (text === undefined) continue;
      const side = el('div'), pre = el('pre');
      if (head + tail > 0 && one.expected !== undefined && one.actual !== undefined && expected !== actual) pre.append(text.slice(0, head), el('mark', '', text.slice(head, text.length - tail)), text.slice(text.length - tail));
      else pre.textContent = text;
      side.append(el('h4', '', name), pre);
      sides.append(side);
    }
    out.append(sides);
  }
  if (one.stack) out.append(el('pre', '', one.stack));
  return out;
};
const lazy = (title, build) => {
  const out = el('details');
  out.append(el('summary', '', title));
  out.addEventListener('toggle', () => {
    if (!out.open || out.dataset.built) return;
    out.dataset.built = '1';
    build().then((content) => out.append(content), (error) => out.append(el('p', 'story', 'This could not be unpacked here: ' + error)));
  });
  return out;
};
const wire = (entries) => {
  const out = el('div'), list = el('div', 'wire'), tools = el('div', 'wire-tools'), buttons = [];
  for (const [atMs, connection, direction, bytes, summary, base64] of entries) {
    const entry = el('div', 'entry ' + (direction === 'sent' || direction === 'received' ? direction : 'event')), code = el('code'), end = /^(?:answer )?[A-Z][A-Z0-9_]*\(\d+\)/.exec(summary);
    const arrow = el('span', 'dir', direction === 'sent' ? '\u2192' : direction === 'received' ? '\u2190' : '\u2022');
    arrow.title = direction;
    if (end) code.append(el('strong', '', end[0]), summary.slice(end[0].length));
    else code.textContent = summary;
    entry.append(el('span', 't', atMs + ' ms'), arrow, el('span', 'con', connection), code);
    if (base64 !== '') {
      const button = el('button', '', bytes + ' B hex');
      button.type = 'button';
      button.setAttribute('aria-expanded', 'false');
      let pre;
      button.addEventListener('click', () => {
        if (pre) { pre.remove(); pre = undefined; }
        else { pre = el('pre', '', dump(unbase64(base64), bytes)); pre.tabIndex = 0; entry.append(pre); }
        button.setAttribute('aria-expanded', String(pre !== undefined));
      });
      buttons.push(button);
      entry.append(button);
    } else if (bytes > 0) entry.append(el('span', 't', bytes + ' B'));
    list.append(entry);
  }
  if (buttons.length > 0) {
    const all = el('button', '', 'Hex of all');
    all.type = 'button';
    all.addEventListener('click', () => {
      const open = buttons.some((button) => button.getAttribute('aria-expanded') === 'false');
      for (const button of buttons) if ((button.getAttribute('aria-expanded') === 'false') === open) button.click();
      all.textContent = open ? 'No hex' : 'Hex of all';
    });
    tools.append(all);
  }
  out.append(tools, list);
  return out;
};
const dump = (bytes, all) => {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = [...bytes.subarray(at, at + 16)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0'));
    lines.push(at.toString(16).padStart(4, '0') + '  ' + (hex.slice(0, 8).join(' ') + '  ' + hex.slice(8).join(' ')).padEnd(49) + '  ' + part.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join(''));
  }
  if (all > bytes.length) lines.push('(' + (all - bytes.length) + ' more bytes were not kept)');
  return lines.join('\n');
};
const timeline = (cell) => {
  const out = el('div'), box = el('div', 'scroll');
  box.tabIndex = 0;
  out.append(box);
  stored(cell).then((one) => {
    const svg = new DOMParser().parseFromString(one.svg, 'image/svg+xml').documentElement;
    box.append(document.importNode(svg, true));
    const odd = one.h.filter((operation) => operation.anomaly !== undefined);
    if (odd.length > 0) {
      const list = el('ol', 'anomalies');
      for (const operation of odd.slice(0, 200)) list.append(el('li', '', operation.anomaly));
      box.after(list);
    }
    out.append(lazy('The ' + one.h.length + ' operations as a table', async () => operations(one.h)));
  }, (error) => box.append(el('p', 'story', 'This could not be unpacked here: ' + error)));
  return out;
};
const operations = (history) => {
  const box = el('div', 'scroll'), list = el('table', 'ops'), head = el('tr');
  for (const name of ['invoked ms', 'took ms', 'process', 'operation', 'value', 'outcome', 'anomaly']) { const th = el('th', '', name); th.scope = 'col'; head.append(th); }
  list.append(head);
  for (const one of history.slice(0, 2000)) {
    const tr = el('tr', one.anomaly === undefined ? '' : 'odd');
    tr.append(el('td', 'n', one.invokedMs), el('td', 'n', one.completedMs === undefined ? '' : Math.round((one.completedMs - one.invokedMs) * 10) / 10), el('td', '', one.process), el('td', '', one.op), el('td', '', one.value), el('td', '', one.outcome), el('td', '', one.anomaly || ''));
    list.append(tr);
  }
  box.tabIndex = 0;
  box.append(list);
  if (history.length > 2000) box.append(el('p', '', 'The first 2000 of ' + history.length + '.'));
  return box;
};

// Events
table.addEventListener('click', (event) => {
  const fold = event.target.closest('.fold');
  if (fold) {
    const group = bodies.find((one) => one.fold === fold);
    group.open = !group.open;
    show();
    return;
  }
  const tr = event.target.closest('tr.case');
  if (!tr || String(getSelection()) !== '') return;
  const row = rows.find((one) => one.tr === tr), open = row.button.getAttribute('aria-expanded') !== 'true';
  toggle(row, open);
  opened = open ? data.rows[row.at].name : '';
  remember();
});
$('filters').addEventListener('input', filtered);
$('filters').addEventListener('submit', (event) => event.preventDefault());
$('clear').addEventListener('click', clear);
$('clear-none').addEventListener('click', clear);
$('expand').addEventListener('click', () => { foldAll(true); show(); });
$('collapse').addEventListener('click', () => { foldAll(false); show(); });
document.addEventListener('keydown', (event) => {
  const typing = /^(?:INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === '/' && !typing) { event.preventDefault(); $('text').focus(); $('text').select(); }
  else if (event.key === 'Escape' && event.target === $('text')) { $('text').value = ''; filtered(); }
  else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && event.target.matches('.open, .fold')) {
    const stops = [...table.querySelectorAll('.open, .fold')].filter((one) => one.offsetParent !== null);
    const next = stops[stops.indexOf(event.target) + (event.key === 'ArrowDown' ? 1 : -1)];
    if (next) { event.preventDefault(); next.focus(); }
  }
});
addEventListener('hashchange', recall);
const narrow = matchMedia('(max-width:720px)'), fit = () => { document.querySelector('.more').open = !narrow.matches; };
narrow.addEventListener('change', fit);
fit();
$('filters').hidden = false;
document.querySelector('.tools').hidden = false;
recall();
})();
`;
