import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readConformOptions, UsageError } from '../cli.js';
import { sampleReport } from '../testdata/sample-report.js';
import { renderJson } from './json.js';
import { mergeReports } from './merge.js';

const dir = mkdtempSync(join(tmpdir(), 'merge-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const file = (name: string): string => join(dir, name);
writeFileSync(file('a.json'), renderJson(sampleReport('skylark')));
writeFileSync(file('b.json'), renderJson(sampleReport('apache', true)));

describe('merging', () => {
  it('writes the page and the Markdown of several runs', () => {
    mergeReports([file('a.json'), file('b.json')], { html: file('out.html'), markdown: file('out.md') });
    expect(readFileSync(file('out.html'), 'utf8')).toContain('>skylark</th><th scope="col" class="verdict">apache</th>');
    expect(readFileSync(file('out.md'), 'utf8')).toContain('| area | skylark | apache |');
  });

  it('writes every report of one run', () => {
    mergeReports([file('a.json')], { html: file('1.html'), junit: file('1.xml'), badge: file('1.svg') });
    expect(readFileSync(file('1.xml'), 'utf8')).toMatch(/^<\?xml/);
    expect(readFileSync(file('1.svg'), 'utf8')).toContain('2/3 MUST');
  });

  it.each([
    [['a.json'], {}, /--merge needs --html FILE or --markdown FILE/],
    [['a.json'], { json: 'x' }, /--json is not written by --merge/],
    [['a.json', 'b.json'], { badge: 'x' }, /--badge is of one run/],
    [['a.json', 'b.json'], { junit: 'x' }, /--junit is of one run/],
    [['none.json'], { html: 'x' }, /--merge: .*ENOENT/],
    [['out.md'], { html: 'x' }, /out\.md is no JSON/],
  ])('of %j into %j is a usage error', (names, files, text) => {
    const merge = (): void => mergeReports(names.map(file), files);
    expect(merge).toThrow(UsageError);
    expect(merge).toThrow(text);
  });

  it('is asked for with one flag and any number of files, and needs no endpoint', () => {
    expect(readConformOptions(['--merge', 'a.json', 'b.json', '--html', 'o.html', 'c.json'])).toMatchObject({ merge: ['a.json', 'b.json', 'c.json'], files: { html: 'o.html' } });
    expect(readConformOptions(['--namesrv', 'h:1'])).not.toHaveProperty('merge');
    expect(() => readConformOptions(['--namesrv', 'h:1', 'a.json'])).toThrow("Unexpected argument 'a.json' (--help lists the options)");
  });
});
