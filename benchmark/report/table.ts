/** The table on the terminal: a block of rows per shape, targets beside, and every remark that a reader must not miss. */
import type { Figures } from '../figures.js';
import { processVerdicts, verdictOf, type RunResult, type Verdict } from '../results.js';
import { megabytes, microseconds, ratio, wholeNumber } from './words.js';

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  return rows.map((row) => row.map((cell, i) => (i < 2 || i === row.length - 1 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ').trimEnd());
}

/** `met`, `MISSED by 12 %` or, when the run cannot say, `not judged`, with the value. */
export function verdictWords({ target, value, met, missedByPercent }: Verdict): string {
  if (value === null || met === null) return `${target}: not judged`;
  const shown = target.includes('/s') && !target.includes('x') ? `${wholeNumber(value)}/s` : target.includes('x ') ? ratio(value) : value.toFixed(2);
  return `${target}: ${shown} ${met ? 'met' : `MISSED by ${(missedByPercent ?? 0).toFixed(0)} %`}`;
}

/** What must be said about figures: errors, a generator at its limit, others on the machine. */
export function remarksOf(figures: Figures): string[] {
  const remarks = figures.errors.map(({ what, count }) => `ERRORS ${wholeNumber(count)} x ${what}`);
  if (figures.generatorBound) remarks.push(`generator-bound (${figures.generatorCores.toFixed(2)} cores)`);
  if (figures.othersCores > 0.15) remarks.push(`disturbed: others used ${figures.othersCores.toFixed(2)} cores`);
  return remarks;
}

function figureRow(name: string, broker: string, figures: Figures): string[] {
  const { latency, brokerCpuSPerMillion } = figures;
  return [
    name,
    broker,
    wholeNumber(figures.messagesPerS),
    microseconds(latency.p50Us),
    microseconds(latency.p99Us),
    microseconds(latency.p999Us),
    brokerCpuSPerMillion === null ? '-' : brokerCpuSPerMillion.toFixed(2),
    figures.generatorCpuSPerMillion.toFixed(2),
    '',
  ];
}

/** The whole table as lines. */
export function tableLines(result: RunResult): string[] {
  const [ours = '', theirs] = result.brokers;
  const rows: string[][] = [['shape', 'broker', 'messages/s', 'p50', 'p99', 'p99.9', 'broker CPU s/M', 'generator CPU s/M', 'targets']];
  const remarks: string[] = [];
  for (const { shape, figures } of result.shapes) {
    const our = figures[ours];
    const their = theirs === undefined ? undefined : figures[theirs];
    if (our === undefined) continue;
    const words = shape.targets.map((target) => verdictWords(verdictOf(target, our, their)));
    const ourRow = figureRow(shape.name, ours, our);
    ourRow[8] = words[0] ?? '';
    rows.push(ourRow);
    if (their !== undefined && theirs !== undefined) {
      const theirRow = figureRow('', theirs, their);
      theirRow[8] = words[1] ?? '';
      const cpu = our.brokerCpuSPerMillion !== null && their.brokerCpuSPerMillion !== null ? ratio(our.brokerCpuSPerMillion / their.brokerCpuSPerMillion) : '-';
      rows.push(theirRow, [
        '',
        'ours / theirs',
        ratio(our.messagesPerS / their.messagesPerS),
        ratio(our.latency.p50Us / their.latency.p50Us),
        ratio(our.latency.p99Us / their.latency.p99Us),
        ratio(our.latency.p999Us / their.latency.p999Us),
        cpu,
        '',
        words.slice(2).join('; '),
      ]);
    } else {
      for (const word of words.slice(1)) rows.push(['', '', '', '', '', '', '', '', word]);
    }
    for (const [broker, each] of Object.entries(figures)) {
      if (each.consumedPerS !== undefined && each.endToEnd !== undefined) {
        const { p50Us, p99Us, p999Us } = each.endToEnd;
        remarks.push(`${shape.name}, ${broker}: consumed ${wholeNumber(each.consumedPerS)}/s, send to receipt p50 ${microseconds(p50Us)}, p99 ${microseconds(p99Us)}, p99.9 ${microseconds(p999Us)}`);
      }
      if (each.sendLag !== undefined) remarks.push(`${shape.name}, ${broker}: the generator itself was late by p50 ${microseconds(each.sendLag.p50Us)}, p99 ${microseconds(each.sendLag.p99Us)}`);
      for (const remark of remarksOf(each)) remarks.push(`${shape.name}, ${broker}: ${remark}`);
    }
  }
  const lines = result.shapes.length === 0 ? [] : columns(rows);
  const processRows: string[][] = [['process', '', 'start', 'idle CPU', 'idle resident', 'of it anonymous', 'anonymous after load', 'name server', 'targets']];
  for (const broker of result.brokers) {
    const each = result.processes[broker];
    if (each === undefined) continue;
    const words = broker === ours ? processVerdicts(each).map(verdictWords).join('; ') : '';
    processRows.push([
      broker,
      '',
      `${each.startS.toFixed(2)} s`,
      `${each.idleCpuPercent.toFixed(1)} %`,
      megabytes(each.idleRssBytes),
      megabytes(each.idleAnonBytes),
      each.loadedAnonBytes === null ? '-' : megabytes(each.loadedAnonBytes),
      each.namesrvRssBytes === null ? 'inside' : megabytes(each.namesrvRssBytes),
      words,
    ]);
  }
  if (processRows.length > 1) lines.push('', ...columns(processRows));
  if (remarks.length > 0) lines.push('', ...remarks);
  return lines;
}
