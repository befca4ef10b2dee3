/** Index files: header, slots, chains, and that every key is found. */
import { res } from '../../codes.js';
import { code, Failure } from '../../expect.js';
import type { LogRecord } from '../../store/commit-log.js';
import { entryBytes, keyHash, lookUp, slotsOf, type IndexFile } from '../../store/index-file.js';
import { entriesOf } from '../../store/segments.js';
import type { StoreFiles } from '../../store/store-files.js';
import { fillable, mixed, none, storeCases, uniqKey } from './support.js';

/** The keys of a record: its UNIQ_KEY, then each word of KEYS (`IndexService#buildIndex`). */
function keysOf(record: LogRecord): string[] {
  if ((record.sysFlag & 12) === 12) return [];
  const { UNIQ_KEY: unique, KEYS: words } = record.properties;
  return [...(unique === undefined || unique === '' ? [] : [unique]), ...(words ?? '').split(' ').filter((word) => word !== '')].map((key) => `${record.topic}#${key}`);
}

const tagKey = (record: LogRecord): string | undefined => ((record.properties['TAGS'] ?? '') === '' ? undefined : `${record.topic}#T#${record.properties['TAGS'] ?? ''}`);

const indexes = (store: StoreFiles): readonly IndexFile[] => store.some(store.indexes.filter((file) => file.count > 1), 'index file with entries');

/** Where a key leads to, in all files. */
const found = (store: StoreFiles, key: string): readonly number[] => indexes(store).flatMap((file) => lookUp(file, key));

/** Records that the index must know: not older than what its oldest file begins with. */
const indexed = (store: StoreFiles): readonly LogRecord[] => store.mine.filter((record) => store.live || record.at >= (indexes(store)[0]?.beginPhyOffset ?? 0));

/** Says of each file what is wrong with it. */
function each(store: StoreFiles, what: string, wrong: (file: IndexFile, last: boolean) => string | undefined): void {
  const files = indexes(store);
  none(files.map((file, i) => {
    const problem = wrong(file, i === files.length - 1);
    return problem === undefined ? undefined : `${file.name}: ${problem}`;
  }), what);
}

/** Says of each entry whose record is in the log what is wrong with it. */
function eachEntry(store: StoreFiles, what: string, wrong: (file: IndexFile, number: number, record: LogRecord) => string | undefined): void {
  each(store, what, (file) => {
    for (let i = 1; i < file.entries.length; i++) {
      const record = store.recordAt(file.entries[i]?.phyOffset ?? -1);
      const problem = record === undefined ? undefined : wrong(file, i, record);
      if (problem !== undefined) return `entry ${i}: ${problem}`;
    }
    return undefined;
  });
}

/** Entries enough to fill an index file of 1000: each message has three. */
const manyEntries = 6 * 60 * 3;

/** So many, in batches. */
async function many(t: Parameters<typeof mixed>[0]): Promise<readonly string[]> {
  const topic = await t.topic({ queues: 1 });
  for (let i = 0; i < 6; i++) code(await t.sendBatch(topic, Array.from({ length: 60 }, (_, j) => ({ body: 'x', properties: { KEYS: `n${i}-${j} same`, UNIQ_KEY: uniqKey(t) } }))), res.SUCCESS, 'batch of 60');
  return [topic];
}

export const cases = storeCases([
  {
    name: 'store.index.file-name', level: 'MUST', source: 'IndexService#getAndCreateLastIndexFile',
    requirement: 'An index file is named by the time at which it was made, yyyyMMddHHmmssSSS.',
    judge(store) {
      const names = store.some(entriesOf(store.path('index')), 'index file');
      none(names.map((name) => (/^20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d[0-5]\d\d{3}$/.test(name) ? undefined : name)), 'names of the index files');
    },
  },
  {
    name: 'store.index.file-length', level: 'MUST', source: 'IndexFile#IndexFile',
    requirement: 'An index file has its full length from the beginning: 40 bytes, 4 for each slot and 20 for each entry, with four times as many entries as slots unless configured otherwise.',
    judge(store) {
      each(store, 'length of the index files', (file) => (slotsOf(file.size) === undefined || file.size !== indexes(store)[0]?.size ? `${file.size} bytes` : undefined));
    },
  },
  {
    name: 'store.index.header-begin', level: 'MUST', source: 'IndexFile#putKey',
    requirement: 'The header begins with store timestamp and physical offset of the first entry\'s message.',
    judge(store) {
      each(store, 'beginning in the header', (file) => {
        const record = store.recordAt(file.beginPhyOffset);
        return file.entries[1]?.phyOffset === file.beginPhyOffset && (record === undefined || record.storeTimestamp === file.beginTime) ? undefined : `it says ${file.beginPhyOffset} and ${file.beginTime}`;
      });
    },
  },
  {
    name: 'store.index.header-end', level: 'MUST', source: 'IndexFile#putKey',
    requirement: 'The header ends with store timestamp and physical offset of the last entry\'s message.',
    judge(store) {
      each(store, 'end in the header', (file) => {
        const record = store.recordAt(file.endPhyOffset);
        return file.entries.at(-1)?.phyOffset === file.endPhyOffset && (record === undefined || record.storeTimestamp === file.endTime) ? undefined : `it says ${file.endPhyOffset} and ${file.endTime}`;
      });
    },
  },
  {
    name: 'store.index.count', level: 'MUST', source: 'IndexHeader#getIndexCount',
    requirement: 'The count in the header is one more than there are entries; entry 0 is never used.',
    judge(store) {
      each(store, 'count of entries', (file) => {
        const [zero] = file.entries;
        if (zero === undefined || zero.hash !== 0 || zero.phyOffset !== 0 || zero.before !== 0) return 'entry 0 is used';
        return file.count <= file.entriesMax && file.entries.length === Math.max(1, file.count) ? undefined : `it says ${file.count} of ${file.entriesMax}`;
      });
    },
  },
  {
    name: 'store.index.slots-in-use', level: 'MUST', source: 'IndexHeader#incHashSlotCount',
    requirement: 'The header counts the slots that lead to an entry.',
    judge(store) {
      each(store, 'slots in use', (file) => (file.slotsInUse === file.heads.size ? undefined : `it says ${file.slotsInUse}, and ${file.heads.size} lead somewhere`));
    },
  },
  {
    name: 'store.index.chains', level: 'MUST', source: 'IndexFile#putKey',
    requirement: 'From its slot a chain leads through ever older entries of that slot to 0, and every entry is in the chain of its hash.',
    judge(store) {
      each(store, 'chains', (file) => {
        const reached = new Set<number>();
        for (const [slot, head] of file.heads) {
          for (let at = head; at !== 0; ) {
            const entry = file.entries[at];
            if (entry === undefined) return `slot ${slot} leads to entry ${at} of ${file.count}`;
            if (entry.hash % file.slots !== slot) return `entry ${at} of hash ${entry.hash} in the chain of slot ${slot}`;
            if (reached.has(at) || entry.before >= at) return `the chain of slot ${slot} goes from ${at} to ${entry.before}`;
            reached.add(at);
            at = entry.before;
          }
        }
        return reached.size === file.entries.length - 1 ? undefined : `${file.entries.length - 1 - reached.size} entries are in no chain`;
      });
    },
  },
  {
    name: 'store.index.every-key-found', level: 'MUST', source: 'IndexService#buildIndex',
    requirement: 'Every word of KEYS of every message leads to it, as TOPIC#key.',
    judge(store) {
      store.some(store.mine.filter((record) => (record.properties['KEYS'] ?? '') !== ''), 'message with keys');
      none(indexed(store).flatMap((record) => keysOf(record).map((key) => (found(store, key).includes(record.at) ? undefined : `${key} does not lead to ${record.at}`))), 'keys in the index');
    },
  },
  {
    name: 'store.index.unique-key-found', level: 'MUST', source: 'IndexService#buildIndex',
    requirement: 'The UNIQ_KEY of a message leads to it, as TOPIC#key.',
    judge(store) {
      const unique = store.some(indexed(store).filter((record) => (record.properties['UNIQ_KEY'] ?? '') !== '' && (record.sysFlag & 12) !== 12), 'message with UNIQ_KEY');
      none(unique.map((record) => (found(store, `${record.topic}#${record.properties['UNIQ_KEY'] ?? ''}`).includes(record.at) ? undefined : `${record.properties['UNIQ_KEY'] ?? ''} does not lead to ${record.at}`)), 'unique keys in the index');
    },
  },
  {
    name: 'store.index.tag-found', level: 'MUST', source: 'IndexService#buildIndex', versions: { from: '5.4.0' },
    requirement: 'The tag of a message leads to it, as TOPIC#T#tag.',
    judge(store) {
      const tagged = store.some(indexed(store).filter((record) => tagKey(record) !== undefined && (record.sysFlag & 12) !== 12), 'message with a tag');
      none(tagged.map((record) => (found(store, tagKey(record) ?? '').includes(record.at) ? undefined : `${tagKey(record) ?? ''} does not lead to ${record.at}`)), 'tags in the index');
    },
  },
  {
    name: 'store.index.entries-are-keys', level: 'MUST', source: 'IndexFile#putKey',
    requirement: 'Every entry holds the hash of a key of the message it points at.',
    judge(store) {
      eachEntry(store, 'entries and keys', (file, number, record) => {
        const hash = file.entries[number]?.hash;
        return [...keysOf(record), tagKey(record)].some((key) => key !== undefined && keyHash(key) === hash) ? undefined : `hash ${hash ?? 0} is none of ${record.topic} at ${record.at}`;
      });
    },
  },
  {
    name: 'store.index.entries-point-at-records', level: 'MUST', source: 'IndexFile#putKey',
    requirement: 'Every entry points at the beginning of a record, in the order of the log.',
    judge(store) {
      each(store, 'physical offsets of entries', (file) => {
        for (let i = 1; i < file.entries.length; i++) {
          const [offset, before] = [file.entries[i]?.phyOffset ?? -1, file.entries[i - 1]?.phyOffset ?? 0];
          if (offset < before) return `entry ${i} points at ${offset}, the one before at ${before}`;
          if (offset >= store.logBegins && store.recordAt(offset) === undefined) return `entry ${i} points at ${offset}, where no record begins`;
        }
        return undefined;
      });
    },
  },
  {
    name: 'store.index.seconds', level: 'MUST', source: 'IndexFile#putKey',
    requirement: 'An entry holds the whole seconds between the first message of the file and its own.',
    judge(store) {
      eachEntry(store, 'seconds of entries', (file, number, record) => {
        const expected = number === 1 ? 0 : Math.max(0, Math.trunc((record.storeTimestamp - file.beginTime) / 1000));
        const seconds = file.entries[number]?.seconds;
        return seconds === expected ? undefined : `${seconds ?? 0}, not ${expected}`;
      });
    },
  },
  {
    name: 'store.index.next-file-when-full', level: 'MUST', source: 'IndexService#retryGetAndCreateIndexFile', asks: ['batch'],
    requirement: 'The next index file is made only when one is full: its count is that of its entries.',
    write: many,
    judge(store) {
      if (indexes(store).length < 2) {
        fillable(store, 'index', indexes(store)[0]?.size, 2 * manyEntries * entryBytes);
        store.absent('second index file');
      }
      each(store, 'full index files', (file, last) => (last || file.count === file.entriesMax ? undefined : `${file.count} of ${file.entriesMax} entries, and another file follows`));
    },
  },
  {
    name: 'store.index.same-key-newest-first', level: 'MUST', source: 'IndexFile#selectPhyOffset',
    requirement: 'A key that several messages have leads to all of them, the newest first.',
    async write(t) {
      const topic = await t.topic({ queues: 1 });
      for (let i = 0; i < 3; i++) await t.sendOk(topic, { body: `m${i}`, keys: 'several' });
      return [topic];
    },
    judge(store) {
      const words = new Map<string, number[]>();
      for (const record of indexed(store)) for (const key of new Set(keysOf(record))) words.set(key, [...(words.get(key) ?? []), record.at]);
      const several = [...words].filter(([, places]) => places.length > 1);
      if (several.length === 0) store.absent('key of several messages');
      none(several.map(([key, places]) => {
        const chains = [...indexes(store)].reverse().map((file) => lookUp(file, key).filter((place) => places.includes(place)));
        const all = chains.flat();
        if (new Set(all).size !== places.length) return `${key} leads to ${new Set(all).size} of ${places.length} messages`;
        return all.every((place, i) => i === 0 || place <= (all[i - 1] ?? 0)) ? undefined : `${key} leads to ${all.join(', ')}`;
      }), 'keys of several messages');
    },
  },
  {
    name: 'store.index.nothing-else-indexed', level: 'MUST', source: 'IndexService#buildIndex', needs: ['wire'], asks: ['batch'],
    requirement: 'A message without keys, UNIQ_KEY and tag is not in the index.',
    async write(t) {
      const topic = await t.topic({ queues: 1 });
      // a single message is given a UNIQ_KEY by the broker, elements of a batch are not
      code(await t.sendBatch(topic, [{ body: 'no key' }, { body: 'key', properties: { KEYS: 'k' } }]), res.SUCCESS, 'batch');
      return [topic];
    },
    judge(store) {
      const bare = store.some(store.mine.filter((record) => keysOf(record).length === 0 && tagKey(record) === undefined), 'message without keys');
      const places = new Set(indexes(store).flatMap((file) => file.entries.slice(1).map((entry) => entry.phyOffset)));
      const withKey = store.mine.find((record) => keysOf(record).length > 0);
      if (withKey !== undefined && !places.has(withKey.at)) throw new Failure('the message with a key is in the index', 'there', 'not there');
      none(bare.map((record) => (places.has(record.at) ? `${record.topic} offset ${record.queueOffset}` : undefined)), 'messages without keys in the index');
    },
  },
]);
