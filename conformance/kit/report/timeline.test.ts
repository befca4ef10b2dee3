import { describe, expect, it } from '@jest/globals';
import { hostile, sampleHistory } from '../testdata/sample-report.js';
import { drawnMax, renderTimeline } from './timeline.js';
import type { HistoryOperation } from './types.js';

const bars = (svg: string): { kind: string; x: number; y: number; width: number; title: string; text: string }[] =>
  [...svg.matchAll(/<g class="tl-op ([^"]*)"><title>([^<]*)<\/title><rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"[^>]*\/>(?:<text[^>]*>([^<]*)<)?/g)]
    .map((match) => ({ kind: match[1] ?? '', title: match[2] ?? '', x: Number(match[3]), y: Number(match[4]), width: Number(match[5]), text: match[6] ?? '' }));

const send = (part: Partial<HistoryOperation>): HistoryOperation => ({ process: 'p', op: 'send', invokedMs: 0, completedMs: 10, outcome: 'ok', value: '', ...part });

describe('a timeline', () => {
  it('has a lane for each process and a bar for each operation', () => {
    const svg = renderTimeline(sampleHistory);
    expect([...svg.matchAll(/class="tl-process"[^>]*>([^<]*)</g)].map((match) => match[1])).toEqual(['producer-1', 'producer-2', 'nemesis', 'consumer-1']);
    const drawn = bars(svg);
    expect(drawn).toHaveLength(sampleHistory.length);
    expect(drawn.map((bar) => bar.kind).sort()).toEqual(['tl-fail', 'tl-info', 'tl-ok', 'tl-ok', 'tl-ok', 'tl-ok', 'tl-ok tl-anomaly']);
    expect(svg).toContain('aria-label="Timeline of 7 operations of 4 processes, 1 anomaly"');
  });

  it('places bars by time, and one without an answer reaches to the end', () => {
    const drawn = bars(renderTimeline([send({ value: 'a' }), send({ invokedMs: 50, completedMs: 100, value: 'b' }), send({ process: 'q', invokedMs: 20, outcome: 'info', value: 'c' })].map(({ completedMs, ...one }) => (one.value === 'c' ? one : { ...one, completedMs: completedMs ?? 0 }))));
    const [a, b, c] = ['a', 'b', 'c'].map((value) => drawn.find((bar) => bar.title.includes(`send ${value}`)));
    expect(b?.x ?? 0).toBeCloseTo((a?.x ?? 0) + (a?.width ?? 0) * 5, 0);
    expect(b?.width ?? 0).toBeCloseTo((a?.width ?? 0) * 5, 0);
    expect((c?.x ?? 0) + (c?.width ?? 0)).toBeCloseTo((b?.x ?? 0) + (b?.width ?? 0), 0);
    expect(c?.title).toContain('never answered');
    expect(c?.text).toBe('? send c');
  });

  it('gives operations of a process that overlap rows of their own', () => {
    const drawn = bars(renderTimeline([send({ value: 'a' }), send({ invokedMs: 5, completedMs: 15, value: 'b' }), send({ invokedMs: 20, completedMs: 30, value: 'c' })]));
    const [a, b, c] = ['a', 'b', 'c'].map((value) => drawn.find((bar) => bar.title.includes(`send ${value}`))?.y);
    expect(b).not.toBe(a);
    expect(c).toBe(a);
  });

  it('numbers anomalies and says them', () => {
    const [bar] = bars(renderTimeline([send({ anomaly: 'lost: m1', value: 'm1' })]));
    expect([bar?.kind, bar?.text]).toEqual(['tl-ok tl-anomaly', '\u26a01 send m1']);
    expect(bar?.title).toContain('\u26a01 lost: m1');
  });

  it('draws no more than it can, those near an anomaly first', () => {
    const many = Array.from({ length: drawnMax * 3 }, (_, i) => send({ invokedMs: i * 10, completedMs: i * 10 + 5, value: `m${i}`, ...(i === drawnMax * 2 ? { anomaly: 'order' } : {}) }));
    const svg = renderTimeline(many);
    expect(bars(svg)).toHaveLength(drawnMax);
    expect(svg).toContain(`send m${drawnMax * 2}\n`);
    expect(svg).not.toContain('send m0\n');
    expect(svg).toContain(`${drawnMax} of ${drawnMax * 3} operations drawn`);
  });

  it.each([
    ['empty', [], ''],
    ['one instant', [send({ completedMs: 0 })], '<svg'],
    ['backwards', [send({ invokedMs: 10, completedMs: 2 })], '<svg'],
    ['no numbers', [send({ invokedMs: NaN, completedMs: Infinity }), send({ invokedMs: -5 })], '<svg'],
    ['far away', [send({ invokedMs: 1e15, completedMs: 2e15 })], '<svg'],
    ['hostile', [send({ process: hostile, op: hostile, value: hostile, anomaly: hostile })], '<svg'],
  ])('of a history that is %s is well formed', (_name, history, begin) => {
    const svg = renderTimeline(history);
    expect(svg.slice(0, 4)).toBe(begin);
    expect(svg).not.toMatch(/NaN|Infinity|undefined|<img|onload='|="-\d/);
  });
});
