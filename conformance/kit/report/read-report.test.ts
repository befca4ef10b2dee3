import { describe, expect, it } from '@jest/globals';
import { hostileReport, sampleReport } from '../testdata/sample-report.js';
import { renderJson } from './json.js';
import { readReport, ReportError } from './read-report.js';

const message = (text: string): string => {
  try {
    readReport(text, 'a.json');
    return 'no error';
  } catch (error) {
    expect(error).toBeInstanceOf(ReportError);
    return (error as Error).message;
  }
};

describe('reading a report', () => {
  it('answers what was written', () => {
    for (const report of [sampleReport('a'), { ...sampleReport('a', true), options: { ...sampleReport('a').options, level: 'SHOULD' as const } }, hostileReport()]) {
      expect(readReport(renderJson(report), 'a.json')).toEqual(JSON.parse(renderJson(report)));
    }
  });

  it('leaves out members it does not know', () => {
    expect(readReport(JSON.stringify({ ...sampleReport('a'), more: 1 }), 'a.json')).not.toHaveProperty('more');
  });

  const broken = (path: string, value: unknown): string => {
    const report = JSON.parse(renderJson(sampleReport('a'))) as Record<string, unknown>;
    const names = path.split('.');
    let at = report;
    for (const name of names.slice(0, -1)) at = at[name] as Record<string, unknown>;
    at[names.at(-1) ?? ''] = value;
    return JSON.stringify(report);
  };

  it.each([
    ['{', 'a.json is no JSON'],
    ['[]', 'a.json is no object'],
    ['{}', 'a.json: format is not a number'],
    [broken('format', 2), 'a.json: format is 2, and this kit reads format 1'],
    [broken('endpoint', null), 'a.json: endpoint is no object'],
    [broken('endpoint.features', [1]), 'a.json: endpoint: features is not a list of strings'],
    [broken('options.level', 'must'), 'a.json: options: level is not one of MUST, SHOULD, MAY, INFORMATIONAL'],
    [broken('options.destructive', 'yes'), 'a.json: options: destructive is not true or false'],
    [broken('cases', {}), 'a.json: cases is not a list'],
    [broken('cases.1.verdict', 'perfect'), 'a.json: cases[1]: verdict is not one of pass, fail, error, known-failure, not-applicable, skipped'],
    [broken('cases.1.wire.2.hex', 'xy'), 'a.json: cases[1]: wire[2]: hex is not text like ^(?:[0-9a-f]{2})*$'],
    [broken('cases.3.failure.message', 5), 'a.json: cases[3]: failure: message is not a string'],
    [broken('cases.5.history.0.outcome', 'maybe'), 'a.json: cases[5]: history[0]: outcome is not one of ok, fail, info'],
  ])('%.20s...: %s', (text, expected) => {
    expect(message(text)).toBe(expected);
  });
});
