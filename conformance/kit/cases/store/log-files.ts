/** CommitLog files: names, sizes, where records lie, how a file ends. */
import { blankBytes, type LogFile } from '../../store/commit-log.js';
import { fillable, large, largeBytes, none, storeCases } from './support.js';
import { chainProblem } from '../../store/segments.js';
import type { StoreFiles } from '../../store/store-files.js';

/** The files before the last one, where there are several. */
function severalFiles(store: StoreFiles): readonly LogFile[] {
  const full = store.log.slice(0, -1);
  if (full.length === 0) fillable(store, 'CommitLog', store.logSegments.segments[0]?.size, largeBytes);
  return store.some(full, 'CommitLog of more than one file');
}

/** How many bytes the first records of a file take that had to be in one file: one message, or a batch. */
function firstBytes(file: LogFile): number {
  const [first] = file.records;
  if (first === undefined) return 0;
  const together = file.records.findIndex((record) => record.topic !== first.topic || record.queueId !== first.queueId || record.storeTimestamp !== first.storeTimestamp);
  return file.records.slice(0, together < 0 ? undefined : together).reduce((sum, record) => sum + record.recordBytes, 0);
}

export const cases = storeCases([
  {
    name: 'store.log.file-names', level: 'MUST', source: 'MappedFileQueue#tryCreateMappedFile',
    requirement: 'CommitLog files are named by the position of their first byte, 20 digits, and each begins where the one before ends.',
    write: large,
    judge(store) {
      none([chainProblem(store.some(store.logSegments.segments, 'CommitLog'))], 'names of the CommitLog files');
    },
  },
  {
    name: 'store.log.nothing-else-in-folder', level: 'SHOULD', source: 'MappedFileQueue#load',
    requirement: 'The folder commitlog holds numbered files only.',
    judge(store) {
      store.some(store.logSegments.segments, 'CommitLog');
      none(store.logSegments.others.filter((name) => !/^behind-gap-\d+$/.test(name)), 'names in the folder commitlog');
    },
  },
  {
    name: 'store.log.file-length', level: 'MUST', source: 'DefaultMappedFile#init',
    requirement: 'Every CommitLog file has its full length from the beginning, however little of it is written.',
    write: large,
    judge(store) {
      const files = store.some(store.logSegments.segments, 'CommitLog');
      none(files.map((file) => (file.size === files[0]?.size && file.size >= 65_536 ? undefined : `${file.name} has ${file.size} bytes`)), 'length of the CommitLog files');
    },
  },
  {
    name: 'store.log.records-without-gap', level: 'MUST', source: 'CommitLog#recoverNormally',
    requirement: 'From the start of a file records follow one another without a gap, up to the blank or the unwritten rest.',
    judge(store) {
      none(store.some(store.log, 'CommitLog').map(({ segment, end }) => (end.kind === 'damage' ? `${segment.name} at ${end.at}: ${end.why}` : undefined)), 'records of the CommitLog');
      store.some(store.mine, 'record of the topic');
    },
  },
  {
    name: 'store.log.last-file-ends-unwritten', level: 'MUST', source: 'CommitLog#recoverNormally',
    requirement: 'Only the file that is written last ends without a blank, in zeros.',
    judge(store) {
      const last = store.some(store.log, 'CommitLog').at(-1);
      none([last?.end.kind === 'unwritten' ? (last.end.zeros ? undefined : `bytes behind the last record at ${last.end.at} of ${last.segment.name}`) : `${last?.segment.name ?? ''} ends with ${last?.end.kind ?? ''}`], 'end of the CommitLog');
    },
  },
  {
    name: 'store.log.blank-ends-full-file', level: 'MUST', source: 'CommitLog.DefaultAppendMessageCallback#doAppend',
    requirement: 'A file in which the next record did not fit ends in a blank: the bytes that are left, and the magic 0xcbd43194.',
    write: large,
    judge(store) {
      const full = severalFiles(store);
      none(full.map(({ segment, end }) => (end.kind !== 'blank' ? `${segment.name} ends with ${end.kind}` : end.says !== segment.size - end.at ? `${segment.name}: the blank at ${end.at} says ${end.says} bytes` : undefined)), 'blank at the end of a full file');
    },
  },
  {
    name: 'store.log.blank-only-when-full', level: 'MUST', source: 'CommitLog.DefaultAppendMessageCallback#doAppend',
    requirement: 'A file is left when the next record, or the whole batch, and eight bytes for the blank do not fit any more.',
    write: large,
    judge(store) {
      severalFiles(store);
      none(store.log.slice(1).map((file, i) => {
        const before = store.log[i];
        const left = before?.end.kind === 'blank' ? before.segment.size - before.end.at : 0;
        return file.records.length > 0 && firstBytes(file) + blankBytes <= left ? `${firstBytes(file)} bytes begin ${file.segment.name}, and ${left} were left in the file before` : undefined;
      }), 'room in the file before');
    },
  },
  {
    name: 'store.log.room-for-blank', level: 'MUST', source: 'CommitLog.DefaultAppendMessageCallback#END_FILE_MIN_BLANK_LENGTH',
    requirement: 'No record spans files: behind the last record of a file there is room for the eight bytes of a blank.',
    write: large,
    judge(store) {
      none(store.some(store.log, 'CommitLog').map(({ segment, records }) => {
        const last = records.at(-1);
        return last !== undefined && last.at + last.recordBytes + blankBytes > segment.base + segment.size ? `the record at ${last.at} of ${segment.name}` : undefined;
      }), 'last record of a file');
    },
  },
]);
