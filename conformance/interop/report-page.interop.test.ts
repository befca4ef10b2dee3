/**
 * The report's page in a real browser: rows, filters, keys, details, no complaint from the console, no request, nothing hostile run.
 * Pictures of it (wide, phone, dark, a case, a timeline) stay in .cache/report-page.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { renderHtml } from '../kit/report/html.js';
import type { RunReport } from '../kit/report/types.js';
import { hostileReport, sampleCase, sampleReport } from '../kit/testdata/sample-report.js';
import { cacheDir } from '../process.js';
import { Chromium, findChromium } from './chromium.js';

const path = findChromium();

/** A sample run and enough further cases that the page begins folded. */
function longReport(name: string, swap: boolean): RunReport {
  const report = sampleReport(name, swap);
  const more = Array.from({ length: 300 }, (_, i) => sampleCase(`${['topics', 'groups', 'offsets', 'query'][i % 4] ?? ''}.case-${i}`, i % 50 === 7 && swap ? { verdict: 'error', failure: { kind: 'set-up', message: 'the topic could not be created' } } : {}));
  return { ...report, cases: [...report.cases, ...more] };
}

describe('the report page in Chromium', () => {
  if (path === undefined) {
    test.skip('skipped: needs chromium', () => undefined);
    return;
  }

  const dir = mkdtempSync(join(tmpdir(), 'report-page-'));
  const pictures = join(cacheDir, 'report-page');
  let browser: Chromium;

  const write = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return pathToFileURL(join(dir, name)).href;
  };
  const picture = async (name: string): Promise<void> => {
    await browser.screenshot(join(pictures, `${name}.png`));
    expect(statSync(join(pictures, `${name}.png`)).size).toBeGreaterThan(10_000);
  };
  /** Opens a page anew, also when only its hash is another. */
  const open = async (url: string): Promise<void> => {
    await browser.open('about:blank');
    browser.complaints.length = 0;
    await browser.open(url);
  };
  const shownRows = (): Promise<unknown> => browser.evaluate(`[...document.querySelectorAll('tr.case')].filter((tr) => tr.offsetParent !== null).map((tr) => tr.querySelector('.open').textContent)`);
  const until = async (expression: string): Promise<void> => {
    await browser.evaluate(`new Promise((resolve, reject) => { const end = Date.now() + 5000; const look = () => (${expression}) ? resolve(1) : Date.now() > end ? reject(new Error('never')) : setTimeout(look, 20); look(); })`);
  };

  beforeAll(async () => {
    mkdirSync(pictures, { recursive: true });
    browser = await Chromium.start(path);
  }, 60_000);

  afterAll(async () => {
    await browser?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  test('a matrix of 306 cases and two endpoints, folded by area, unfolded by a filter', async () => {
    await browser.view({ width: 1280, height: 900 });
    const url = write('long.html', renderHtml([longReport('skylark 5.5.0', true), longReport('apache 5.5.0', false)]));
    await open(url);
    expect(await browser.evaluate(`[document.querySelectorAll('tr.case').length, document.querySelectorAll('tr.area').length, document.getElementById('shown').textContent]`)).toEqual([306, 7, '306 cases']);
    expect(await shownRows()).toEqual([]);
    await picture('wide');
    await browser.evaluate(`document.querySelector('input[name=diff]').click()`);
    expect(await shownRows()).toEqual(['send.oneway', 'pull.offset-past-max', 'workload.crash', 'groups.case-57', 'groups.case-157', 'groups.case-257', 'query.case-7', 'query.case-107', 'query.case-207']);
    await picture('differences');
    await browser.evaluate(`document.querySelector('input[value=fail]').click()`);
    expect(await shownRows()).toEqual(['send.oneway', 'pull.offset-past-max']);
    const hash = String(await browser.evaluate('location.hash'));
    expect(hash).toBe('#verdict=fail&diff=1');
    await open(url + hash);
    expect(await shownRows()).toEqual(['send.oneway', 'pull.offset-past-max']);
    expect(browser.complaints).toEqual([]);
  });

  test('filters by area, level, origin and words, which also search failures', async () => {
    const url = write('short.html', renderHtml(sampleReport('skylark 5.5.0')));
    const expectations: readonly (readonly [string, readonly string[]])[] = [
      ['area=pull', ['pull.offset-past-max', 'pull.lite']], ['level=MAY', ['send.generated']], ['origin=generated', ['send.generated']],
      ['verdict=not-applicable,known-failure', ['pull.lite', 'workload.crash']], ['q=queue+41', ['pull.offset-past-max']], ['q=ASKS+send', ['send.stored', 'send.oneway', 'send.generated']], ['q=nothing+like+it', []],
    ];
    for (const [hash, rows] of expectations) {
      await open(`${url}#${hash}`);
      expect([hash, await shownRows()]).toEqual([hash, rows]);
    }
    expect(await browser.evaluate(`document.getElementById('none').offsetParent !== null`)).toBe(true);
    await browser.evaluate(`document.getElementById('clear-none').click()`);
    expect(await shownRows()).toHaveLength(6);
  });

  test('keys reach everything: search, move, open', async () => {
    await open(write('short.html', renderHtml(sampleReport('skylark 5.5.0'))));
    await browser.press('/');
    expect(await browser.evaluate('document.activeElement.id')).toBe('text');
    await browser.press('Escape');
    await browser.evaluate(`document.querySelector('.fold').focus()`);
    await browser.press('ArrowDown');
    expect(await browser.evaluate('document.activeElement.textContent')).toBe('send.stored');
    await browser.press('Enter');
    expect(await browser.evaluate(`[document.activeElement.getAttribute('aria-expanded'), document.querySelectorAll('.detail').length, location.hash]`)).toEqual(['true', 1, '#case=send.stored']);
    await browser.press('Tab');
    expect(await browser.evaluate('document.activeElement.textContent')).toBe('Wire log, 3 entries');
    await browser.press('Enter');
    await until(`document.querySelectorAll('.entry').length === 3`);
    await browser.press('Enter');
    expect(await browser.evaluate(`document.querySelector('.judged details').open`)).toBe(false);
  });

  test('a case tells expected and actual, and its wire log decoded and as hex', async () => {
    await open(`${write('two.html', renderHtml([sampleReport('skylark 5.5.0'), sampleReport('apache 5.5.0', true)]))}#case=pull.offset-past-max`);
    expect(await browser.evaluate(`[...document.querySelectorAll('.judged')].map((one) => one.querySelector('header').innerText.replace(/\\s+/g, ' '))`)).toEqual(['skylark 5.5.0 \u2717 fail 12 ms', 'apache 5.5.0 \u2713 pass 12 ms']);
    expect(await browser.evaluate(`[...document.querySelectorAll('.sides pre')].map((one) => one.innerHTML)`)).toEqual(['offset <mark>41</mark> of queue 3', 'offset <mark>14</mark> of queue 3']);
    await browser.evaluate(`document.querySelector('.judged details').open = true`);
    await until(`document.querySelectorAll('.entry').length === 3`);
    await browser.evaluate(`document.querySelectorAll('.entry button')[1].click()`);
    expect(await browser.evaluate(`document.querySelector('.entry pre').textContent.split('\\n').filter((_, i, all) => i === 0 || i > all.length - 3)`)).toEqual([
      '0000  ff 00 ff 00 ff 00 ff 00  ff 00 ff 00 ff 00 ff 00   ................',
      '03f0  ff 00 ff 00 ff 00 ff 00  ff 00 ff 00 ff 00 ff 00   ................', '(976 more bytes were not kept)',
    ]);
    await picture('case');
    await browser.view({ width: 1280, height: 900, dark: true });
    expect(await browser.evaluate(`getComputedStyle(document.body).backgroundColor`)).toBe('rgb(17, 20, 24)');
    await picture('dark');
    await browser.view({ width: 1280, height: 900 });
    expect(browser.complaints).toEqual([]);
  });

  test('a history is drawn as a timeline, with its anomalies and a table', async () => {
    await open(`${write('history.html', renderHtml(sampleReport('skylark 5.5.0')))}#case=workload.crash`);
    await until(`document.querySelectorAll('svg.timeline .tl-op > title').length === 7`);
    expect(await browser.evaluate(`[...document.querySelectorAll('.anomalies li')].map((one) => one.textContent)`)).toEqual(['lost: m2 was acknowledged and never delivered']);
    await browser.evaluate(`document.querySelector('.judged details').open = true`);
    await until(`document.querySelectorAll('.ops tr').length === 8`);
    await browser.evaluate(`document.querySelector('.scroll').scrollIntoView({ block: 'center' })`);
    await picture('timeline');
    expect(browser.complaints).toEqual([]);
  });

  test('a phone shows it without scrolling sideways', async () => {
    await browser.view({ width: 390, height: 844, mobile: true });
    await open(`${write('two.html', renderHtml([sampleReport('skylark 5.5.0'), sampleReport('apache 5.5.0', true)]))}#case=workload.crash`);
    await until(`document.querySelector('svg.timeline') !== null`);
    await browser.evaluate(`document.querySelectorAll('.judged details').forEach((one) => (one.open = true))`);
    await until(`document.querySelectorAll('.entry').length === 6`);
    expect(await browser.evaluate(`document.documentElement.scrollWidth`)).toBeLessThanOrEqual(390);
    expect(await browser.evaluate(`document.querySelector('.more').open`)).toBe(false);
    await picture('phone-case');
    await browser.evaluate('scrollTo(0, 0)');
    await picture('phone');
    await browser.view({ width: 1280, height: 900 });
  });

  test('runs nothing that is in a report', async () => {
    await open(write('hostile.html', renderHtml([hostileReport(), hostileReport('error')])));
    await browser.evaluate(`document.querySelector('.open').click()`);
    await browser.evaluate(`document.querySelectorAll('details').forEach((one) => (one.open = true))`);
    await until(`document.querySelectorAll('svg.timeline').length === 2 && document.querySelectorAll('.entry').length === 2`);
    await browser.evaluate(`document.querySelectorAll('.judged details').forEach((one) => (one.open = true))`);
    await browser.evaluate(`document.querySelectorAll('.entry button').forEach((one) => one.click())`);
    await until(`document.querySelectorAll('.ops td').length > 0 && document.querySelectorAll('.entry pre').length === 2`);
    expect(await browser.evaluate(`[typeof window.pwned, document.images.length, document.querySelectorAll('[onload],[onerror]').length]`)).toEqual(['undefined', 0, 0]);
    expect(browser.complaints).toEqual([]);
  });

  test('its policy stops what a fault of escaping would let through', async () => {
    const page = renderHtml(sampleReport('a')).replace('<footer>', '<img src="x" onerror="window.pwned=1"><script>window.pwned=2</script><footer>');
    await open(write('broken.html', page));
    expect(await browser.evaluate('typeof window.pwned')).toBe('undefined');
    expect(browser.complaints.join()).toMatch(/Content Security Policy/);
  });
});
