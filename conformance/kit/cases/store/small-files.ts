/** checkpoint, abort and lock. */
import { Failure } from '../../expect.js';
import type { StoreFiles } from '../../store/store-files.js';
import { none, storeCases } from './support.js';

const checkpointBytes = 4096;
const names = ['physicMsgTimestamp', 'logicsMsgTimestamp', 'indexMsgTimestamp', 'masterFlushedOffset', 'confirmPhyOffset', 'logicsPhysicalOffset'] as const;

/** The numbers of the checkpoint, in the order in which they lie (`StoreCheckpoint#flush`). */
function checkpoint(store: StoreFiles): { readonly bytes: Buffer; readonly numbers: readonly number[] } {
  const bytes = store.bytes('checkpoint') ?? store.absent('checkpoint');
  if (bytes.length < names.length * 8) throw new Failure('length of the checkpoint', String(checkpointBytes), String(bytes.length));
  return { bytes, numbers: names.map((_, i) => Number(bytes.readBigInt64BE(i * 8))) };
}

export const cases = storeCases([
  {
    name: 'store.checkpoint.length', level: 'MUST', source: 'StoreCheckpoint#StoreCheckpoint',
    requirement: 'The file checkpoint is one page of 4096 bytes.',
    judge(store) {
      const { bytes } = checkpoint(store);
      if (bytes.length !== checkpointBytes) throw new Failure('length of the checkpoint', String(checkpointBytes), String(bytes.length));
    },
  },
  {
    name: 'store.checkpoint.rest-is-zero', level: 'SHOULD', source: 'StoreCheckpoint#flush',
    requirement: 'Behind its six numbers the checkpoint is zero.',
    judge(store) {
      const { bytes } = checkpoint(store);
      none([bytes.subarray(names.length * 8).every((byte) => byte === 0) ? undefined : 'bytes behind the numbers'], 'rest of the checkpoint');
    },
  },
  {
    name: 'store.checkpoint.not-ahead-of-log', level: 'MUST', source: 'StoreCheckpoint#getMinTimestamp',
    requirement: 'No timestamp of the checkpoint is later than the newest message: recovery begins before it.',
    judge(store) {
      const { numbers } = checkpoint(store);
      const newest = store.some(store.records, 'record').reduce((latest, record) => Math.max(latest, record.storeTimestamp), 0);
      none(names.slice(0, 3).map((name, i) => ((numbers[i] ?? 0) > newest ? `${name} ${numbers[i] ?? 0}, the newest message is of ${newest}` : undefined)), 'timestamps of the checkpoint');
    },
  },
  {
    name: 'store.checkpoint.offsets-in-log', level: 'MUST', source: 'StoreCheckpoint#flush',
    requirement: 'The offsets of the checkpoint are not beyond the end of the log.',
    judge(store) {
      const { numbers } = checkpoint(store);
      const last = store.some(store.records, 'record').at(-1);
      const end = (last?.at ?? 0) + (last?.recordBytes ?? 0);
      none([3, 4, 5].map((i) => ((numbers[i] ?? 0) > end ? `${names[i] ?? ''} ${numbers[i] ?? 0}, the log ends at ${end}` : undefined)), 'offsets of the checkpoint');
    },
  },
  {
    name: 'store.abort.while-running', level: 'MUST', source: 'DefaultMessageStore#createTempFile', needs: ['wire'],
    requirement: 'The file abort is there while the broker runs: one that finds it at its start was not stopped in order.',
    judge(store) {
      if (store.bytes('abort') === undefined) store.absent('file abort');
    },
  },
  {
    name: 'store.abort.holds-process', level: 'MUST', source: 'DefaultMessageStore#createTempFile', versions: { from: '5.0.0' }, needs: ['wire', 'local'],
    requirement: 'The file abort holds the number of the process.',
    judge(store) {
      const text = store.bytes('abort')?.toString('utf8') ?? store.absent('file abort');
      none([/^\d{1,10}\s*$/.test(text) ? undefined : JSON.stringify(text.slice(0, 40))], 'text of the file abort');
    },
  },
  {
    name: 'store.abort.after-stop', level: 'INFORMATIONAL', source: 'DefaultMessageStore#shutdown',
    requirement: 'The file abort says whether the broker was stopped in order.',
    judge(store, t) {
      t.note(store.bytes('abort') === undefined ? 'no file abort: stopped in order' : store.live ? 'abort is there: it runs' : 'abort is there: it runs, or was not stopped in order');
    },
  },
  {
    name: 'store.lock.text', level: 'MUST', source: 'DefaultMessageStore#start', needs: ['wire'],
    requirement: 'The file lock holds the text `lock`.',
    judge(store) {
      const text = store.bytes('lock')?.toString('utf8') ?? store.absent('file lock');
      none([text === 'lock' ? undefined : JSON.stringify(text.slice(0, 40))], 'text of the file lock');
    },
  },
]);
