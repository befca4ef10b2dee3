import { createHash } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { Script } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { hostileReport, sampleCase, sampleHistory, sampleReport } from '../testdata/sample-report.js';
import { renderHtml } from './html.js';
import { pageScript } from './page-script.js';
import { pageStyle } from './page-style.js';

interface Data {
  readonly labels: readonly string[];
  readonly rows: readonly { readonly name: string; readonly cells: readonly ({ readonly v: string; readonly at?: readonly [number, number] } | null)[] }[];
}

const data = (page: string): Data => JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? '') as Data;
const blocks = (page: string): unknown[][] => [...page.matchAll(/<script type="text\/plain" id="block-\d+">([^<]*)<\/script>/g)]
  .map((match) => JSON.parse(inflateRawSync(Buffer.from(match[1] ?? '', 'base64')).toString('utf8')) as unknown[]);
const count = (page: string, part: string | RegExp): number => page.split(part).length - 1;

describe('the page', () => {
  it('has a row for each case, a column for each run, and a sign and a word for each verdict', () => {
    const page = renderHtml([sampleReport('skylark 5.5.0'), sampleReport('apache 5.5.0', true)]);
    expect(count(page, '<tr class="case"')).toBe(6);
    expect([...page.matchAll(/<th scope="col" class="verdict">([^<]*)</g)].map((match) => match[1])).toEqual(['skylark 5.5.0', 'apache 5.5.0']);
    expect([...page.matchAll(/<tbody data-area="([^"]*)"/g)].map((match) => match[1])).toEqual(['send', 'pull', 'workload']);
    expect(page).toContain('<span class="mark known-failure"><b aria-hidden="true">\u2248</b><i>known failure</i></span>');
    expect(page).toMatch(/Only differences between endpoints <small>3</);
    expect(renderHtml(sampleReport('alone'))).not.toContain('Only differences');
  });

  it('shows a case that only one run has', () => {
    const page = renderHtml([sampleReport('a'), { ...sampleReport('b'), cases: [sampleCase('topics.new')] }]);
    expect(data(page).rows.map((row) => row.cells.map((cell) => cell?.v))).toEqual([...Array(2).fill(['pass', undefined]), ['pass', undefined], ['fail', undefined], ['not-applicable', undefined], ['known-failure', undefined], [undefined, 'pass']]);
    expect(page).toContain('<i>not run</i>');
  });

  it('keeps wire logs and histories in blocks that unpack to what they were', () => {
    const page = renderHtml(sampleReport('a'));
    const cell = data(page).rows[5]?.cells[0];
    const entry = blocks(page)[cell?.at?.[0] ?? -1]?.[cell?.at?.[1] ?? -1] as { w: unknown[][]; svg: string; h: unknown };
    expect(entry.w.map((one) => one.slice(0, 5))).toEqual(sampleCase('x').wire.map((one) => [one.atMs, one.connection, one.direction, one.bytes, one.summary]));
    expect(Buffer.from(String(entry.w[2]?.[5]), 'base64').toString('hex')).toBe('ff00'.repeat(512));
    expect(entry.h).toEqual(sampleHistory);
    expect(entry.svg).toMatch(/^<svg /);
    expect(data(page).rows[4]?.cells[0]).not.toHaveProperty('at');
  });

  it('lets nothing that an endpoint or a file says become markup', () => {
    const page = renderHtml([hostileReport(), hostileReport('error')]);
    expect(/<img|<svg onload|<!--/.exec(page)).toBeNull();
    expect(count(page, '</script')).toBe(count(page, '<script'));
    expect(count(page, '<script')).toBe(2 + blocks(page).length);
    expect(/[\u0000\ud800]/u.test(page)).toBe(false);
    expect(/id="data">[^<\u2028]*<\/script>/.test(page)).toBe(true);
    expect(data(page).rows[0]?.name).toContain('</script><img');
    for (const block of blocks(page)) expect((block[0] as { svg: string }).svg).not.toMatch(/<img|onload='|<!--|\]\]>|\u0000/);
  });

  it('allows by its policy only its own style and script, which need nothing else', () => {
    const page = renderHtml(sampleReport('a'));
    const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    expect(page).toContain(`content="default-src 'none'; style-src ${hash(pageStyle)}; script-src ${hash(pageScript)}; base-uri 'none'; form-action 'none'"`);
    expect(page).toContain(`<style>${pageStyle}</style>`);
    expect(page).toContain(`<script>${pageScript}</script>`);
    expect(/ style="| on[a-z]+="|href="(?!#)|src="|url\(|@import/.exec(page.replace(pageScript, ''))).toBeNull();
    expect(() => new Script(pageScript)).not.toThrow();
    expect(pageScript).not.toMatch(/innerHTML|insertAdjacentHTML|document\.write|eval\(|<\/script/);
  });

  it('stays small with a thousand cases', () => {
    const one = sampleReport('a');
    const wire = Array.from({ length: 30 }, (_, i) => ({ atMs: i, connection: 'broker', direction: 'sent' as const, bytes: 300, summary: `SEND_MESSAGE_V2(310) opaque ${i} {a: "conform_group", b: "conform_topic", e: "0"} body 5 B`, hex: Buffer.from(`{"code":310,"opaque":${i},"extFields":{"a":"conform_group","b":"conform_topic"}}`).toString('hex') }));
    const page = renderHtml({ ...one, cases: Array.from({ length: 1000 }, (_, i) => sampleCase(`send.case-${i}`, { wire })) });
    expect(page.length).toBeLessThan(1_500_000);
    expect(blocks(page).length).toBeLessThan(60);
    expect(count(page, '<tr class="case"')).toBe(1000);
  });

  it('is a page for no case too', () => {
    expect(renderHtml({ ...sampleReport('a'), cases: [] })).toContain('MUST 0 of 0');
  });
});
