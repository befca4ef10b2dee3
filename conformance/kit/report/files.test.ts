import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { UsageError } from '../cli.js';
import { checkWritable, writeNamed } from './files.js';

const dir = mkdtempSync(join(tmpdir(), 'conform-files-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('files of reports', () => {
  it('are looked at before: a folder that is not there, a folder instead of a file', () => {
    mkdirSync(join(dir, 'page.html'));
    expect(() => checkWritable({ json: join(dir, 'a.json'), markdown: '-', badge: undefined })).not.toThrow();
    expect(() => checkWritable({ json: join(dir, 'a.json'), html: join(dir, 'none/a.html') })).toThrow(new UsageError(`--html ${dir}/none/a.html: there is no folder ${dir}/none`));
    expect(() => checkWritable({ html: join(dir, 'page.html') })).toThrow(new UsageError(`--html ${dir}/page.html: that is a folder`));
  });

  it('are all written, though one cannot be, and that one is named', () => {
    expect(() => writeNamed({ json: join(dir, 'none/a.json'), html: join(dir, 'b.html'), badge: undefined }, (flag) => `text of ${flag}`)).toThrow(/^--json .*none\/a\.json: .*ENOENT/);
    expect(readFileSync(join(dir, 'b.html'), 'utf8')).toBe('text of html');
  });
});
