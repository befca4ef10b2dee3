/** Sabotage of files: a store that a broker wrote is copied and made wrong in one place. */
import { readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { edit, i32, i64, patch } from '../../store/damage.js';
import { readIndexFile } from '../../store/index-file.js';
import { entriesOf } from '../../store/segments.js';
import { StoreFiles } from '../../store/store-files.js';
import type { LogRecord } from '../../store/commit-log.js';
import { defineSabotages } from '../sabotage.js';

/** @throws Error: the saboteur has nothing to make wrong. */
function there<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the store has no ${what}`);
  return value;
}

/** Writes into a record of the first CommitLog file: the first that `is` says. Layout of a record: total (4), magic (4), crc (4), queueId (4), flag (4), queueOffset (8), phyOffset (8), ... */
function patchRecord(dir: string, at: number, bytes: (record: LogRecord) => Buffer, is: (record: LogRecord) => boolean = () => true): void {
  const [file] = new StoreFiles(dir, { topics: undefined }).log;
  const record = there(file?.records.find(is), 'such record');
  patch(there(file, 'CommitLog').segment.path, record.at - (file?.segment.base ?? 0) + at, bytes(record));
}

const bodyAt = 88;

/** A consume queue with at least two units in its first file. */
function queueFile(dir: string): string {
  const queue = new StoreFiles(dir, { topics: undefined }).queues().find((one) => one.topic.startsWith('conform') && readFileSync(one.segments[0]?.path ?? '').readInt32BE(28) > 0);
  return there(queue?.segments[0]?.path, 'consume queue of two messages');
}

const indexFile = (dir: string): string => join(dir, 'index', there(entriesOf(join(dir, 'index'))[0], 'index file'));

/** Where the entries of an index file begin: behind 40 bytes of head and four for each slot. */
const entriesBegin = (dir: string): number => 40 + 4 * there(readIndexFile(indexFile(dir)), 'index file that can be read').slots;

export const storeSabotages = defineSabotages('store', [
  {
    name: 'store.body-changed', does: 'Changes a byte of a stored body.', breaks: 'A record has the checksum of its body.',
    witnesses: ['store.log.body-crc'],
    files: (dir) => patchRecord(dir, bodyAt, () => Buffer.from([0xff]), (record) => record.topic.startsWith('conform')),
  },
  {
    name: 'store.magic-wrong', does: 'Writes a record with another magic.', breaks: 'Every record begins with its length and the magic of messages.',
    witnesses: ['store.log.records-without-gap'],
    files: (dir) => patchRecord(dir, 4, () => i32(0x12345678)),
  },
  {
    name: 'store.physical-offset-wrong', does: 'Writes into a record that it lies one byte further on.', breaks: 'A record says where it lies.',
    witnesses: ['store.log.own-position'],
    files: (dir) => patchRecord(dir, 28, (record) => i64(record.at + 1)),
  },
  {
    name: 'store.queue-offset-skipped', does: 'Leaves out a queue offset.', breaks: 'Offsets of a queue count up by one.',
    witnesses: ['store.log.queue-offsets-count-up'],
    files: (dir) => patchRecord(dir, 20, (record) => i64(record.queueOffset + 7), (record) => record.topic.startsWith('conform') && record.queueOffset === 1),
  },
  {
    name: 'store.time-goes-back', does: 'Stores a message with a time long ago.', breaks: 'Store times ascend.',
    witnesses: ['store.log.store-times-ascend'],
    files: (dir) => {
      const second = new StoreFiles(dir, { topics: undefined }).records[1]?.at;
      patchRecord(dir, 56, () => i64(1_500_000_000_000n), (record) => record.at === second);
    },
  },
  {
    name: 'store.unit-points-beside', does: 'Has a unit of a consume queue point one byte beside its record.', breaks: 'A unit points at the record of its offset.',
    witnesses: ['store.queue.units-point-at-records'],
    files: (dir) => {
      const path = queueFile(dir);
      patch(path, 0, i64(readFileSync(path).readBigInt64BE(0) + 1n));
    },
  },
  {
    name: 'store.units-swapped', does: 'Swaps the first two units of a consume queue.', breaks: 'Units lie in the order of their offsets.',
    witnesses: ['store.queue.unit-at-its-offset', 'store.queue.physical-offsets-ascend'],
    files: (dir) => {
      const path = queueFile(dir);
      const units = readFileSync(path).subarray(0, 40);
      patch(path, 0, Buffer.concat([units.subarray(20), units.subarray(0, 20)]));
    },
  },
  {
    name: 'store.tags-code-wrong', does: 'Adds one to the hash of a tag.', breaks: 'The tags code of a unit is the hash of the message\'s tag.',
    witnesses: ['store.queue.tags-code'],
    files: (dir) => {
      const path = queueFile(dir);
      patch(path, 12, i64(readFileSync(path).readBigInt64BE(12) + 1n));
    },
  },
  {
    name: 'store.queue-cut', does: 'Cuts a file of a consume queue short.', breaks: 'Files of a consume queue have their full length.',
    witnesses: ['store.queue.file-length'],
    files: (dir) => {
      const path = queueFile(dir);
      truncateSync(path, statSync(path).size - 20);
    },
  },
  {
    name: 'store.index-count-off', does: 'Counts one index entry too few.', breaks: 'An index file counts its entries.',
    witnesses: ['store.index.count', 'store.index.chains'],
    files: (dir) => patch(indexFile(dir), 36, i32(readFileSync(indexFile(dir)).readInt32BE(36) - 1)),
  },
  {
    name: 'store.index-hash-wrong', does: 'Adds one to the hash of an index entry.', breaks: 'The hash of an entry is that of TOPIC#KEY.',
    witnesses: ['store.index.entries-are-keys'],
    files: (dir) => {
      const at = entriesBegin(dir) + 20;
      patch(indexFile(dir), at, i32(readFileSync(indexFile(dir)).readInt32BE(at) ^ 1));
    },
  },
  {
    name: 'store.index-off-by-one', does: 'Has the chain of an index entry go on at the entry behind it.', breaks: 'A chain of entries leads to older ones of the same slot.',
    witnesses: ['store.index.chains'],
    files: (dir) => patch(indexFile(dir), entriesBegin(dir) + 20 + 16, i32(2)),
  },
  {
    name: 'store.checkpoint-ahead', does: 'Writes a checkpoint of the far future.', breaks: 'A checkpoint is not ahead of the log.',
    witnesses: ['store.checkpoint.not-ahead-of-log'],
    files: (dir) => patch(join(dir, 'checkpoint'), 0, i64(4_000_000_000_000n)),
  },
  {
    name: 'store.topics-perm-as-text', does: 'Writes the perm of topics as text.', breaks: 'Numbers of a topic are numbers in topics.json.',
    witnesses: ['store.config.topics'],
    files: (dir) => edit(join(dir, 'config/topics.json'), (text) => text.replace(/"perm":(\d+)/, '"perm":"$1"')),
  },
]);
