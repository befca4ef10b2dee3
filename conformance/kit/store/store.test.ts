/** The store cases judged: a store that Apache 5.5.0 wrote is right, and each of its files, made wrong in one place, is noticed by the case about it. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSparse, type SparseDirectory } from '../../golden/sparse.js';
import { projectRoot } from '../../process.js';
import { allCases } from '../cases/index.js';
import { fillable } from '../cases/store/support.js';
import { filesOnly } from '../endpoint.js';
import { NotApplicable } from '../expect.js';
import type { CaseReport } from '../report/types.js';
import { runCases } from '../runner.js';
import { edit, i32, i64, patch } from './damage.js';
import { keyHash, lookUp, readIndexFile } from './index-file.js';
import { readExt, readUnits } from './queue-units.js';
import { chainProblem, entriesOf, segmentsOf } from './segments.js';
import { StoreFiles } from './store-files.js';

const golden = JSON.parse(readFileSync(join(projectRoot, 'conformance/golden/apache-5.5.0-store/store.json'), 'utf8')) as SparseDirectory;
const dirs: string[] = [];
afterAll(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

function freshStore(): string {
  const dir = mkdtempSync(join(tmpdir(), 'kit-store-'));
  dirs.push(dir);
  writeSparse(golden, dir);
  return dir;
}

async function judge(dir: string, only?: readonly string[]): Promise<readonly CaseReport[]> {
  const cases = (await allCases()).filter((one) => one.area === 'store' && (only === undefined || only.includes(one.name)));
  return (await runCases({ endpoint: filesOnly(dir, {}), cases })).cases;
}

const failing = (cases: readonly CaseReport[]): string[] => cases.filter((one) => one.verdict === 'fail' || one.verdict === 'error').map((one) => `${one.name}: ${one.failure?.message ?? ''} ${one.failure?.actual ?? ''}`);

const logFile = (dir: string): string => join(dir, 'commitlog/00000000000000000000');
const queueFile = (dir: string, queue = 'GoldenTopic/3'): string => join(dir, 'consumequeue', queue, '00000000000000000000');
const indexFile = (dir: string): string => join(dir, 'index', entriesOf(join(dir, 'index'))[0] ?? '');
const recordAt = (dir: string, number: number): number => new StoreFiles(dir, { topics: undefined }).records[number]?.at ?? -1;
const units = (dir: string): number => readUnits(segmentsOf(join(dir, 'consumequeue/GoldenTopic/3')).segments).units.length;

describe('what only a full file shows', () => {
  it('is not applicable where a case cannot fill one, and judged everywhere else', () => {
    const live = new StoreFiles(freshStore(), { topics: new Set(['T']) });
    expect(() => fillable(live, 'index', 420_000_040, 40_000)).toThrow(NotApplicable);
    expect(() => fillable(live, 'index', 21_040, 40_000)).not.toThrow();
    expect(() => fillable(live, 'index', undefined, 40_000)).not.toThrow();
    expect(() => fillable(new StoreFiles(live.dir, { topics: undefined }), 'index', 420_000_040, 40_000)).not.toThrow(); // files alone: whatever is there
  });
});

describe('the store cases', () => {
  it('are at least forty, and let a store that Apache wrote pass', async () => {
    const cases = await judge(freshStore());
    expect(failing(cases)).toEqual([]);
    expect(cases.length).toBeGreaterThanOrEqual(40);
    expect(cases.filter((one) => one.verdict === 'pass').length).toBeGreaterThanOrEqual(35);
  }, 240_000);

  it.each<[string, string, (dir: string) => void]>([
    ['a byte of a body changed', 'store.log.body-crc', (dir) => patch(logFile(dir), 88, Buffer.from('T'))],
    ['a magic changed', 'store.log.records-without-gap', (dir) => patch(logFile(dir), recordAt(dir, 3) + 4, i32(0x12345678))],
    ['a record that says another position', 'store.log.own-position', (dir) => patch(logFile(dir), recordAt(dir, 2) + 28, i64(99))],
    ['a queue offset left out', 'store.log.queue-offsets-count-up', (dir) => patch(logFile(dir), (new StoreFiles(dir, { topics: undefined }).records.filter((one) => one.topic === 'GoldenTopic' && one.queueId === 3)[2]?.at ?? 0) + 20, i64(7))],
    ['a store timestamp that goes back', 'store.log.store-times-ascend', (dir) => patch(logFile(dir), recordAt(dir, 5) + 56, i64(1_700_000_000_000n))],
    ['a blank in the last file', 'store.log.last-file-ends-unwritten', (dir) => {
      const last = new StoreFiles(dir, { topics: undefined }).log.at(-1)?.end.at ?? 0;
      patch(logFile(dir), last, Buffer.concat([i32(100), Buffer.from('cbd43194', 'hex')]));
    }],
    ['bytes behind the last record', 'store.log.last-file-ends-unwritten', (dir) => patch(logFile(dir), (new StoreFiles(dir, { topics: undefined }).log.at(-1)?.end.at ?? 0) + 100, Buffer.from('x'))],
    ['a file under a wrong name', 'store.log.own-position', (dir) => renameSync(logFile(dir), join(dir, 'commitlog/00000000000000004096'))],
    ['a stray file beside the log', 'store.log.nothing-else-in-folder', (dir) => writeFileSync(join(dir, 'commitlog/readme'), '')],
    ['a unit that points beside its record', 'store.queue.units-point-at-records', (dir) => patch(queueFile(dir), 20, i64(1))],
    ['a unit of another size', 'store.queue.units-point-at-records', (dir) => patch(queueFile(dir), 28, i32(91))],
    ['another tags code', 'store.queue.tags-code', (dir) => patch(queueFile(dir), 32, i64(5))],
    ['a unit in the place of another', 'store.queue.unit-at-its-offset', (dir) => {
      const whole = readFileSync(queueFile(dir)).subarray(0, 40);
      patch(queueFile(dir), 0, Buffer.concat([whole.subarray(20, 40), whole.subarray(0, 20)]));
    }],
    ['units in the wrong order', 'store.queue.physical-offsets-ascend', (dir) => {
      const whole = readFileSync(queueFile(dir)).subarray(0, 40);
      patch(queueFile(dir), 0, Buffer.concat([whole.subarray(20, 40), whole.subarray(0, 20)]));
    }],
    ['the last unit lost', 'store.queue.every-record-has-unit', (dir) => patch(queueFile(dir), (units(dir) - 1) * 20, Buffer.alloc(20))],
    ['a unit in the middle lost', 'store.queue.no-hole', (dir) => patch(queueFile(dir), 20, Buffer.alloc(20))],
    ['a queue file cut', 'store.queue.file-length', (dir) => truncateSync(queueFile(dir), 5_000_000)],
    ['a folder that is no queue', 'store.queue.folders', (dir) => renameSync(join(dir, 'consumequeue/GoldenTopic/1'), join(dir, 'consumequeue/GoldenTopic/one'))],
    ['the time of a delayed message as its tag', 'store.queue.delayed-holds-time', (dir) => patch(queueFile(dir, 'SCHEDULE_TOPIC_XXXX/0'), 12, i64(0))],
    ['an index count too large', 'store.index.count', (dir) => patch(indexFile(dir), 36, i32(20_000_001))],
    ['slots in use miscounted', 'store.index.slots-in-use', (dir) => patch(indexFile(dir), 32, i32(1))],
    ['the beginning of an index moved', 'store.index.header-begin', (dir) => patch(indexFile(dir), 16, i64(1))],
    ['the end of an index moved', 'store.index.header-end', (dir) => patch(indexFile(dir), 24, i64(1))],
    ['an entry of another hash', 'store.index.entries-are-keys', (dir) => patch(indexFile(dir), 40 + 20_000_000 + 20, i32(1))],
    ['a chain that leads nowhere', 'store.index.chains', (dir) => patch(indexFile(dir), 40 + 20_000_000 + 36, i32(1))],
    ['a slot emptied', 'store.index.every-key-found', (dir) => patch(indexFile(dir), 40 + (keyHash('GoldenTopic#key-1') % 5_000_000) * 4, i32(0))],
    ['seconds of an entry changed', 'store.index.seconds', (dir) => patch(indexFile(dir), 40 + 20_000_000 + 20 + 12, i32(9))],
    ['an entry that points beside a record', 'store.index.entries-point-at-records', (dir) => patch(indexFile(dir), 40 + 20_000_000 + 20 + 4, i64(3))],
    ['an index file of another length', 'store.index.file-name', (dir) => renameSync(indexFile(dir), join(dir, 'index/20269999999999999'))],
    ['a short checkpoint', 'store.checkpoint.length', (dir) => truncateSync(join(dir, 'checkpoint'), 100)],
    ['a checkpoint ahead of the log', 'store.checkpoint.not-ahead-of-log', (dir) => patch(join(dir, 'checkpoint'), 0, i64(4_000_000_000_000n))],
    ['a checkpoint beyond the log', 'store.checkpoint.offsets-in-log', (dir) => patch(join(dir, 'checkpoint'), 32, i64(1e12))],
    ['bytes behind the checkpoint', 'store.checkpoint.rest-is-zero', (dir) => patch(join(dir, 'checkpoint'), 4000, Buffer.from('x'))],
    ['a perm that is text', 'store.config.topics', (dir) => edit(join(dir, 'config/topics.json'), (text) => text.replace(/"perm":(\d+)/, '"perm":"$1"'))],
    ['no queues for delayed messages', 'store.config.system-topics', (dir) => edit(join(dir, 'config/topics.json'), (text) => text.replace(/("topicName":"SCHEDULE_TOPIC_XXXX",[^}]*"writeQueueNums":)18/, '$11').replace(/"writeQueueNums":18/, '"writeQueueNums":1'))],
    ['topics without a version', 'store.config.topics-version', (dir) => edit(join(dir, 'config/topics.json'), (text) => text.replace('"counter"', '"counted"'))],
    ['a group under another name', 'store.config.groups', (dir) => edit(join(dir, 'config/subscriptionGroup.json'), (text) => text.replace('"groupName":"golden_group"', '"groupName":"other"'))],
    ['a delay level that is none', 'store.config.delay-offsets', (dir) => edit(join(dir, 'config/delayOffset.json'), (text) => text.replace(/(\s|\{)1:/, '$199:'))],
    ['a torn backup', 'store.config.backup', (dir) => writeFileSync(join(dir, 'config/topics.json.bak'), '{"topicConfigTable":{"a":')],
  ])('notice %s: %s', async (_what, name, damage) => {
    const dir = freshStore();
    damage(dir);
    expect((await judge(dir, [name])).map((one) => [one.name, one.verdict])).toEqual([[name, 'fail']]);
    rmSync(dir, { recursive: true, force: true });
  }, 240_000);

  it('judge an empty folder, or none, as not applicable, and never crash over files that are garbage', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'kit-store-'));
    dirs.push(empty);
    expect(failing(await judge(empty))).toEqual([]);
    expect(failing(await judge(join(empty, 'nowhere')))).toEqual([]);
    const dir = freshStore();
    for (const path of [logFile(dir), queueFile(dir), indexFile(dir), join(dir, 'checkpoint'), join(dir, 'config/topics.json')]) patch(path, 0, Buffer.alloc(4096, 0xff));
    expect((await judge(dir)).filter((one) => one.verdict === 'error').map((one) => `${one.name}: ${one.failure?.stack ?? ''}`)).toEqual([]);
  }, 240_000);
});

describe('the readers', () => {
  it('find the key of a message through its chain', () => {
    const dir = freshStore();
    const file = readIndexFile(indexFile(dir));
    expect(file?.slots).toBe(5_000_000);
    expect(file === undefined ? [] : lookUp(file, 'GoldenTopic#key-1')).toEqual([0]);
  });

  it('read an extension to its mark', () => {
    const dir = mkdtempSync(join(tmpdir(), 'kit-ext-'));
    dirs.push(dir);
    const unit = Buffer.concat([Buffer.from([0, 22]), i64(-7), i64(1000), Buffer.from([0, 2]), Buffer.from([0x80, 0x01])]);
    writeFileSync(join(dir, '00000000000000000000'), Buffer.concat([unit, unit, Buffer.from([0xff, 0xff]), Buffer.alloc(18)]));
    const { units: read, ends } = readExt(segmentsOf(dir).segments);
    expect([read.map((one) => [one.at, one.size, one.tagsCode, one.storeTime, one.bitmapBytes]), ends]).toEqual([[[0, 22, -7n, 1000, 2], [22, 22, -7n, 1000, 2]], ['mark']]);
  });

  it('name what is wrong with a chain of files', () => {
    const file = (name: string, base: number, size: number): Parameters<typeof chainProblem>[0][number] => ({ path: name, name, base, size });
    expect(chainProblem([file('a', 0, 10), file('b', 10, 10)])).toBeUndefined();
    expect(chainProblem([file('a', 0, 10), file('b', 20, 10)])).toBe('b follows a of 10 bytes');
    expect(chainProblem([file('a', 0, 10), file('b', 10, 5)])).toBe('b has 5 bytes, a 10');
  });
});
