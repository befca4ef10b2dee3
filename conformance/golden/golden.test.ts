/** The golden data is what it says: sparse directories survive a round trip, and the captured records decode. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../process.js';
import { decodeRecord, decodeRecords } from '../kit/wire/record.js';
import { readSparse, writeSparse, type SparseDirectory } from './sparse.js';

const golden = join(projectRoot, 'conformance/golden');
const store = JSON.parse(readFileSync(join(golden, 'apache-5.5.0-store/store.json'), 'utf8')) as SparseDirectory;
let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'golden-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('a sparse directory is written as files of full size and read back the same', () => {
  const small: SparseDirectory = { provenance: 'x', files: store.files.filter((file) => file.size < 64 * 1024 * 1024) };
  writeSparse(small, dir);
  const queue = small.files.find((file) => file.path.startsWith('consumequeue/'));
  expect(statSync(join(dir, queue?.path ?? '')).size).toBe(6_000_000);
  expect(readSparse(dir, 'x')).toEqual(small);
});

test("Apache's log decodes record by record up to the first zero", () => {
  const log = store.files.find((file) => file.path === 'commitlog/00000000000000000000');
  const bytes = Buffer.alloc(64 * 1024);
  for (const run of log?.runs ?? []) Buffer.from(run.hex ?? '', 'hex').copy(bytes, run.at);
  const topics: string[] = [];
  let at = 0;
  for (let size = bytes.readInt32BE(0); size > 0; size = bytes.readInt32BE(at)) {
    const record = decodeRecord(bytes.subarray(at, at + size));
    expect(record.phyOffset).toBe(at);
    expect(record.crcOk).toBe(true);
    topics.push(record.topic);
    at += size;
  }
  expect(topics.length).toBe(20);
  expect(new Set(topics)).toEqual(new Set(['GoldenTopic', 'GoldenAutoTopic', 'SCHEDULE_TOPIC_XXXX', '%RETRY%golden_group', '%RETRY%no_such_group', '%DLQ%golden_group']));
});

test('the answers hold what a pull found', () => {
  const answers = JSON.parse(readFileSync(join(golden, 'apache-5.5.0-answers.json'), 'utf8')) as { broker: { name: string; response: { bodyHex: string } }[] };
  const pull = answers.broker.find((answer) => answer.name === 'pull: found');
  expect(decodeRecords(Buffer.from(pull?.response.bodyHex ?? '', 'hex')).map((record) => record.queueOffset)).toEqual([0, 1, 2, 3]);
});
