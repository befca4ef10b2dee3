import { describe, expect, it } from '@jest/globals';
import { sampleCase, sampleReport } from '../testdata/sample-report.js';
import { renderMarkdown } from './markdown.js';
import { differs, joinReports, passedOf } from './side-by-side.js';

describe('runs side by side', () => {
  it('are joined by name, in the order in which areas and cases first appear', () => {
    const { areas } = joinReports([sampleReport('a'), { ...sampleReport('b'), cases: [sampleCase('topics.new'), sampleCase('pull.new'), sampleCase('send.stored')] }]);
    expect([...areas].map(([area, rows]) => [area, rows.map((row) => [row.about.name, row.cells.map((cell) => cell !== undefined)])])).toEqual([
      ['send', [['send.stored', [true, true]], ['send.oneway', [true, false]], ['send.generated', [true, false]]]],
      ['pull', [['pull.offset-past-max', [true, false]], ['pull.lite', [true, false]], ['pull.new', [false, true]]]],
      ['workload', [['workload.crash', [true, false]]]],
      ['topics', [['topics.new', [false, true]]]],
    ]);
  });

  it('have names of their own', () => {
    const other = { ...sampleReport('a'), endpoint: { ...sampleReport('a').endpoint, namesrv: 'h:2' } };
    expect(joinReports([sampleReport('a'), other, sampleReport('b'), sampleReport('a')]).labels).toEqual(['a (127.0.0.1:9876)', 'a (h:2)', 'b', 'a (127.0.0.1:9876) #2']);
  });

  it('differ where verdicts do; a run without the case says nothing', () => {
    const row = (...verdicts: ('pass' | 'fail' | undefined)[]): boolean => differs({ about: sampleCase('a.b'), cells: verdicts.map((verdict) => (verdict === undefined ? undefined : sampleCase('a.b', { verdict }))) });
    expect([row('pass', 'pass'), row('pass', 'fail'), row('pass', undefined), row('pass', undefined, 'fail')]).toEqual([false, true, false, true]);
  });

  it('count as judged what passed or did not', () => {
    expect(passedOf((['pass', 'fail', 'error', 'known-failure', 'not-applicable', 'skipped'] as const).map((verdict) => ({ verdict })))).toEqual({ passed: 1, judged: 4 });
  });

  it('become a table of areas and one of differences in Markdown', () => {
    const page = renderMarkdown([sampleReport('skylark'), sampleReport('apache', true)]);
    expect(page).toContain('| area | skylark | apache |\n|---|---:|---:|\n| send | 3 | **2 of 3** |\n| pull | **0 of 1** | 1 |\n| workload | **0 of 1** | 1 |\n| **all** | **3 of 5** | **4 of 5** |\n');
    expect(page).toContain('| send.oneway | MUST | pass | fail |\n| pull.offset-past-max | SHOULD | fail | pass |\n');
    expect(page).not.toContain('| send.stored |');
    expect(renderMarkdown([sampleReport('one')])).toBe(renderMarkdown(sampleReport('one')));
  });
});
