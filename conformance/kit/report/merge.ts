/** `conform --merge`: reports of earlier runs, read back and written as one page. It judges nothing. */
import { readFileSync, statSync } from 'node:fs';
import { UsageError, type ConformOptions } from '../cli.js';
import { renderBadge } from './badge.js';
import { writeNamed } from './files.js';
import { renderHtml } from './html.js';
import { renderJunit } from './junit.js';
import { renderMarkdown } from './markdown.js';
import { readReport, ReportError } from './read-report.js';
import type { RunReport } from './types.js';

/** A larger file is not read: its text would not fit a string. */
const fileBytesMax = 400 * 1024 * 1024;

/** Reads the files and writes what is asked for: page and Markdown of any number of runs, JUnit and badge of one. @throws UsageError. */
export function mergeReports(names: readonly string[], files: ConformOptions['files']): void {
  if (files.json !== undefined) throw new UsageError('--json is not written by --merge, which reads it');
  if (names.length > 1 && (files.junit ?? files.badge) !== undefined) throw new UsageError(`--${files.junit === undefined ? 'badge' : 'junit'} is of one run: give --merge one file`);
  if ((files.html ?? files.markdown ?? files.junit ?? files.badge) === undefined) throw new UsageError('--merge needs --html FILE or --markdown FILE to write to');
  const reports = names.map(readFile);
  writeNamed({ html: files.html, markdown: files.markdown }, (flag) => (flag === 'html' ? renderHtml(reports) : renderMarkdown(reports)));
  for (const report of reports) writeNamed({ junit: files.junit, badge: files.badge }, (flag) => (flag === 'junit' ? renderJunit(report) : renderBadge(report)));
}

function readFile(name: string): RunReport {
  try {
    const { size } = statSync(name);
    if (size > fileBytesMax) throw new ReportError(`${name} has ${size} bytes, allowed are ${fileBytesMax}`);
    return readReport(readFileSync(name, 'utf8'), name);
  } catch (error) {
    throw new UsageError(`--merge: ${error instanceof Error ? error.message : String(error)}`);
  }
}
