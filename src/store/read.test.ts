/** The reader over a bare log and bare queues: what it answers, held against plain rules, wherever the bytes lie and whatever is damaged. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { StoreQueue } from './consume-queue.js';
import { StoreReader } from './read.js';
import { BareStore, intBytes, plainRecord, recordsOf, settle } from './store-fixture.js';
import type { BareMessage, PlainRecord } from './store-fixture.js';
import type { StoreConfig } from './options.js';
import type { EntryExtension, GetResult, GetStatus, MessageFilter, QueueUnit, RecordPlace } from './types.js';

class Bench extends BareStore {
  readonly damage: { topic: string; queueOffset: number; phyOffset: number }[] = [];
  readonly reader: StoreReader;
  readonly queue: StoreQueue;

  constructor(change: Partial<StoreConfig> = {}, options: { batch?: boolean; topic?: string } = {}) {
    super({ totalMemoryBytes: 1 << 30, ...change }, options);
    this.reader = new StoreReader(this.parts, ({ topic }, queueOffset, phyOffset) => this.damage.push({ topic, queueOffset, phyOffset }));
    this.queue = this.queues.ref(options.topic ?? 'T', 0);
  }

  /** A get with room for everything unless told otherwise. */
  async get(queueOffset: number, maxMsgs = 1000, maxBytes = 1 << 24, filter?: MessageFilter, queue = this.queue): Promise<GetResult> {
    return this.reader.get(queue, queueOffset, maxMsgs, maxBytes, filter);
  }

  /** Status, next offset and texts. */
  async texts(queueOffset: number, maxMsgs?: number, filter?: MessageFilter, queue = this.queue): Promise<[GetStatus, number, string[]]> {
    const result = await this.get(queueOffset, maxMsgs, undefined, filter, queue);
    return [result.status, result.nextBeginOffset, recordsOf(result.slices).map((record) => record.text)];
  }

  putTexts(texts: readonly string[], fields: Partial<PlainRecord> = {}, queue = this.queue): BareMessage[] {
    return texts.map((body) => this.put(queue, { ...fields, body }));
  }

  /** What a read does, and how many bytes each of its reads of the disk asked for. */
  async reading<T>(work: () => Promise<T>): Promise<[T, number[]]> {
    const before = this.reads.length;
    const result = await work();
    return [result, this.reads.slice(before)];
  }
}

/** Files so large that nothing rolls, and limits that nothing meets. */
const roomy: Partial<StoreConfig> = {
  mappedFileSizeCommitLog: 1 << 20, mappedFileSizeConsumeQueue: 20 * 10_000, tailCacheBytesMax: 1 << 22,
  maxTransferBytesOnMessageInMemory: 1 << 24, maxTransferCountOnMessageInMemory: 5000, maxTransferBytesOnMessageInDisk: 1 << 24, maxTransferCountOnMessageInDisk: 5000,
};

const names = (count: number, prefix = 'm'): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

const none = { slices: [], messageCount: 0, bytes: 0, fallenBehind: false };

describe('offsets beyond what a queue has', () => {
  test('each is answered with its status, where to go on, and nothing else', async () => {
    const bare = new Bench(roomy);
    expect(await bare.get(0)).toEqual({ status: 'NO_MESSAGE_IN_QUEUE', nextBeginOffset: 0, minOffset: 0, maxOffset: 0, ...none });
    expect(await bare.get(5)).toEqual({ status: 'NO_MESSAGE_IN_QUEUE', nextBeginOffset: 0, minOffset: 0, maxOffset: 0, ...none });
    bare.putTexts(names(6));
    bare.queue.minOffset = 2;
    const edges = { minOffset: 2, maxOffset: 6, ...none };
    expect(await bare.get(-1)).toEqual({ status: 'OFFSET_TOO_SMALL', nextBeginOffset: 2, ...edges });
    expect(await bare.get(1)).toEqual({ status: 'OFFSET_TOO_SMALL', nextBeginOffset: 2, ...edges });
    expect(await bare.get(6)).toEqual({ status: 'OFFSET_OVERFLOW_ONE', nextBeginOffset: 6, ...edges });
    expect(await bare.get(7)).toEqual({ status: 'OFFSET_OVERFLOW_BADLY', nextBeginOffset: 6, ...edges });
    expect(bare.reader.counts).toEqual({ found: 0, miss: 6, messages: 0 });
    const found = await bare.get(2);
    expect({ ...found, slices: [] }).toEqual({ status: 'FOUND', nextBeginOffset: 6, minOffset: 2, maxOffset: 6, slices: [], messageCount: 4, bytes: found.bytes, fallenBehind: false, lender: undefined });
    expect((await bare.get(5, 1)).messageCount).toBe(1);
    expect(bare.reader.counts).toEqual({ found: 2, miss: 6, messages: 5 });
  });

  test('entries that were put but not shown are not read', async () => {
    const bare = new Bench(roomy);
    bare.putTexts(names(3));
    bare.queue.append(0, 100, 0);
    expect(await bare.texts(2)).toEqual(['FOUND', 3, ['m2']]);
    expect((await bare.get(3)).status).toBe('OFFSET_OVERFLOW_ONE');
  });
});

/** What a get should answer, message by message, by `DefaultMessageStore#getMessage`. */
interface Asked {
  queueOffset: number;
  maxMsgs: number;
  maxBytes: number;
  tag: number | undefined;
  /** The record matches when its body has an even number of bytes. */
  even: boolean;
}

interface Truth {
  entries: { phyOffset: number; bytes: Buffer; tag: number; even: boolean }[];
  minOffset: number;
  logMin: number;
  logEnd: number;
  window: number;
  fileUnits: number;
  config: StoreConfig;
}

function shouldGet(truth: Truth, asked: Asked): { status: GetStatus; next: number; bytes: string; count: number; fallenBehind: boolean } {
  const { entries, config } = truth;
  const nothing = { bytes: '', count: 0, fallenBehind: false };
  if (asked.queueOffset < truth.minOffset) return { status: 'OFFSET_TOO_SMALL', next: truth.minOffset, ...nothing };
  if (asked.queueOffset === entries.length) return { status: 'OFFSET_OVERFLOW_ONE', next: entries.length, ...nothing };
  if (asked.queueOffset > entries.length) return { status: 'OFFSET_OVERFLOW_BADLY', next: entries.length, ...nothing };
  const most = Math.max(asked.maxBytes, 100);
  const taken: Buffer[] = [];
  const sum = (): number => taken.reduce((total, one) => total + one.length, 0);
  let status: GetStatus = 'NO_MATCHED_MESSAGE';
  let metGone = false;
  let at = asked.queueOffset;
  let last = 0;
  do {
    const { phyOffset, bytes, tag, even } = entries[at] as Truth['entries'][number];
    const near = truth.logEnd - phyOffset <= truth.window;
    if (taken.length > 0) {
      if (taken.length + 1 > asked.maxMsgs || sum() + bytes.length > most) break;
      if (sum() + bytes.length > (near ? config.maxTransferBytesOnMessageInMemory : config.maxTransferBytesOnMessageInDisk)) break;
      if (taken.length + 1 > (near ? config.maxTransferCountOnMessageInMemory : config.maxTransferCountOnMessageInDisk)) break;
    }
    at++;
    last = phyOffset;
    const gone = phyOffset < truth.logMin;
    // Once the log is known to begin behind one, the others before it are not looked at.
    if (gone && metGone) continue;
    let told: GetStatus = 'NO_MATCHED_MESSAGE';
    if (asked.tag === undefined || asked.tag === tag) {
      if (gone) {
        metGone = true;
        told = 'MESSAGE_WAS_REMOVING';
      } else if (!asked.even || even) {
        taken.push(bytes);
      }
    }
    if (taken.length === 0) status = told;
  } while (at < entries.length && at % truth.fileUnits !== 0);
  return { status: taken.length > 0 ? 'FOUND' : status, next: at, bytes: Buffer.concat(taken).toString('latin1'), count: taken.length, fallenBehind: truth.logEnd - last > truth.window };
}

describe('a get', () => {
  const arbitraryAsked = fc.record({
    queueOffset: fc.integer({ min: -1, max: 32 }), maxMsgs: fc.integer({ min: 0, max: 12 }), maxBytes: fc.integer({ min: 0, max: 1500 }),
    tag: fc.oneof(fc.constant(undefined), fc.nat(1)), even: fc.boolean(),
  });

  test('keeps the limits and the filter, and answers the same from memory, from files, and from some of each', async () => {
    await fc.assert(fc.asyncProperty(
      fc.array(fc.record({ body: fc.nat(250), tag: fc.nat(1), between: fc.boolean() }), { minLength: 1, maxLength: 30 }),
      fc.record({
        maxTransferBytesOnMessageInMemory: fc.integer({ min: 91, max: 2500 }), maxTransferCountOnMessageInMemory: fc.integer({ min: 1, max: 9 }),
        maxTransferBytesOnMessageInDisk: fc.integer({ min: 91, max: 2500 }), maxTransferCountOnMessageInDisk: fc.integer({ min: 1, max: 9 }),
        totalMemoryBytes: fc.integer({ min: 0, max: 6000 }), tailCacheBytesMax: fc.constantFrom(0, 4104, 8208, 1 << 20),
      }),
      fc.record({ min: fc.nat(2), queueCold: fc.boolean(), logCold: fc.boolean(), removed: fc.nat(2) }),
      fc.array(arbitraryAsked, { minLength: 1, maxLength: 12 }),
      async (messages, limits, { min, queueCold, logCold, removed }, gets) => {
        const bare = new Bench({ ...limits, accessMessageInMemoryMaxRatio: 100 });
        const other = bare.queues.ref('T', 1);
        const entries = messages.map(({ body, tag, between }) => {
          if (between) bare.put(other, { body: 'of another queue' });
          const fields = { body: 'x'.repeat(body), tagsCode: tag };
          const { phyOffset, queueOffset } = bare.put(bare.queue, fields);
          return { phyOffset, bytes: plainRecord({ ...fields, queueOffset, phyOffset }).bytes, tag, even: body % 2 === 0 };
        });
        if (queueCold) await bare.coolQueues();
        if (logCold) {
          bare.commitLog.dropCache();
          for (let i = 0; i < removed && bare.commitLog.files.length > 1; i++) bare.commitLog.removeFirst();
        }
        bare.queue.minOffset = Math.min(min, messages.length - 1);
        const truth: Truth = { entries, minOffset: bare.queue.minOffset, logMin: bare.commitLog.min, logEnd: bare.commitLog.written, window: limits.totalMemoryBytes, fileUnits: 8, config: bare.config };
        const answers: unknown[] = [];
        for (const asked of gets) {
          const filter: MessageFilter | undefined = asked.tag === undefined && !asked.even ? undefined : {
            matchesEntry: (tagsCode) => asked.tag === undefined || tagsCode === asked.tag,
            matchesRecord: asked.even ? (bytes, start) => Buffer.from(bytes).readInt32BE(start + 84) % 2 === 0 : undefined,
          };
          const result = await bare.get(asked.queueOffset, asked.maxMsgs, asked.maxBytes, filter);
          const bytes = Buffer.concat(result.slices).toString('latin1');
          answers.push({ status: result.status, next: result.nextBeginOffset, bytes, count: result.messageCount, fallenBehind: result.fallenBehind });
          if (result.bytes !== bytes.length || result.minOffset !== truth.minOffset || result.maxOffset !== entries.length) throw new Error('numbers of a get');
        }
        expect(answers).toEqual(gets.map((asked) => shouldGet(truth, asked)));
        expect(bare.damage).toEqual([]);
      },
    ), { numRuns: 40 });
  });

  test('joins records that stand side by side in one piece of memory, and no others', async () => {
    const bare = new Bench(roomy);
    const other = bare.queues.ref('T', 1);
    const sizes = [bare.put(bare.queue), bare.put(bare.queue), bare.put(other), bare.put(bare.queue), bare.put(bare.queue, { body: 'longer' })].map(({ size }) => size);
    const bytesOf = (result: GetResult): number[] => result.slices.map((slice) => slice.length);
    const expected = [(sizes[0] as number) * 2, (sizes[3] as number) + (sizes[4] as number)];
    expect(bytesOf(await bare.get(0))).toEqual(expected);
    bare.commitLog.dropCache();
    expect(bytesOf(await bare.get(0))).toEqual(expected);
    expect(bytesOf(await bare.get(2))).toEqual(expected.slice(1));
  });

  test('asks for at least 100 bytes', async () => {
    const bare = new Bench(roomy);
    // 92 and 4 bytes more make 100 with none to spare, the first always goes
    bare.put(bare.queue, { body: '' });
    bare.put(bare.queue, { body: '' });
    expect((await bare.get(0, 10, 0)).messageCount).toBe(1);
    const one = (await bare.get(0, 1)).bytes;
    expect((await bare.get(0, 10, 2 * one - 1)).messageCount).toBe(1);
    expect((await bare.get(0, 10, 2 * one)).messageCount).toBe(2);
  });

  test.each([
    ['16000 bytes of entries', undefined, 1, 800],
    ['as many entries as messages are asked for, if those are more', undefined, 850, 850],
    ['maxFilterMessageSize', 400, 1, 20],
    ['a part of an entry as a whole one', 401, 1, 21],
  ])('goes through at most %s', async (_, maxFilterMessageSize, maxMsgs, scanned) => {
    const bare = new Bench({ ...roomy, ...(maxFilterMessageSize === undefined ? {} : { maxFilterMessageSize }) });
    for (let i = 0; i < 1000; i++) bare.queue.append(i * 100, 100, 7);
    bare.show(bare.queue);
    const asked: number[] = [];
    const result = await bare.get(3, maxMsgs, 1 << 20, { matchesEntry: (tagsCode) => (asked.push(tagsCode), false) });
    expect(result).toMatchObject({ status: 'NO_MATCHED_MESSAGE', nextBeginOffset: 3 + scanned, messageCount: 0, slices: [] });
    expect(asked).toEqual(new Array(scanned).fill(7));
  });

  test('ends where a file of entries ends', async () => {
    const bare = new Bench({ ...roomy, mappedFileSizeConsumeQueue: 20 * 8 });
    bare.putTexts(names(20));
    expect(await bare.texts(0)).toEqual(['FOUND', 8, names(8)]);
    expect(await bare.texts(7)).toEqual(['FOUND', 8, ['m7']]);
    expect(await bare.texts(8)).toEqual(['FOUND', 16, names(20).slice(8, 16)]);
    expect(await bare.texts(17)).toEqual(['FOUND', 20, names(20).slice(17)]);
  });

  test('goes on behind a file of entries that is gone', async () => {
    const bare = new Bench({ ...roomy, mappedFileSizeConsumeQueue: 20 * 8 });
    bare.putTexts(names(20));
    await bare.coolQueues();
    bare.queue.files.splice(1, 1);
    expect(await bare.texts(3)).toEqual(['FOUND', 8, names(20).slice(3, 8)]);
    expect(await bare.get(9)).toEqual({ status: 'OFFSET_FOUND_NULL', nextBeginOffset: 16, minOffset: 0, maxOffset: 20, ...none });
    expect(await bare.texts(16)).toEqual(['FOUND', 20, names(20).slice(16)]);
    // What is neither in memory nor in the files yet is not there.
    bare.reader.forgetQueue(bare.queue);
    bare.queue.flushedOffset = 18;
    expect(await bare.texts(17)).toEqual(['FOUND', 18, ['m17']]);
    expect(await bare.get(18)).toMatchObject({ status: 'OFFSET_FOUND_NULL', nextBeginOffset: 24 });
  });

  test('says of the last thing met why there is nothing, as long as nothing was taken', async () => {
    const bare = new Bench({ ...roomy, mappedFileSizeCommitLog: 4096 });
    const first = bare.put(bare.queue, { body: 'x'.repeat(3990), tagsCode: 1 });
    bare.put(bare.queue, { body: 'two', tagsCode: 2 });
    bare.put(bare.queue, { body: 'three', tagsCode: 1 });
    expect(first.phyOffset).toBe(0);
    await bare.coolQueues();
    bare.commitLog.dropCache();
    bare.commitLog.removeFirst();
    const tag = (wanted: number): MessageFilter => ({ matchesEntry: (tagsCode) => tagsCode === wanted });
    expect(await bare.texts(0, 1)).toEqual(['FOUND', 2, ['two']]);
    expect(await bare.texts(0, 9, tag(3))).toEqual(['NO_MATCHED_MESSAGE', 3, []]);
    expect(await bare.texts(0, 9, { ...tag(1), matchesRecord: () => false })).toEqual(['NO_MATCHED_MESSAGE', 3, []]);
    expect(await bare.texts(0, 9, tag(1))).toEqual(['FOUND', 3, ['three']]);
    bare.queue.maxOffset = 1;
    expect(await bare.texts(0)).toEqual(['MESSAGE_WAS_REMOVING', 1, []]);
    expect(bare.damage).toEqual([]);
  });
});

/** Places in a record and what damage makes of them. */
type Field = keyof ReturnType<typeof plainRecord>['at'];

const damages: [Field, string, number, Buffer][] = [
  ['size', 'one more', 0, intBytes(1, 0)],
  ['magic', 'a blank', 0, intBytes(4, -875286124)],
  ['magic', 'nothing', 0, intBytes(4, 0)],
  ['queueId', 'another queue', 0, intBytes(4, 1)],
  ['queueOffset', 'the next', 0, intBytes(8, 2)],
  ['queueOffset', 'the one before', 0, intBytes(8, 0)],
  ['queueOffset', 'one far away', 0, intBytes(1, 1)],
  ['phyOffset', 'one byte more', 7, intBytes(1, 1)],
  ['phyOffset', 'one far away', 0, intBytes(1, 1)],
  ['sysFlag', 'a long born host', 0, intBytes(4, 16)],
  ['sysFlag', 'a long store host', 0, intBytes(4, 32)],
  ['sysFlag', 'two long hosts', 0, intBytes(4, 48)],
  ['storeTimestamp', '2^53', 0, intBytes(8, 2n ** 53n)],
  ['storeTimestamp', '2^61', 0, intBytes(8, 2n ** 61n)],
  ['storeTimestamp', '-1', 0, intBytes(8, -1n)],
  ['body', 'a byte more', 0, intBytes(4, 4)],
  ['body', 'a byte less', 0, intBytes(4, 2)],
  ['body', 'so many bytes that the topic stands in the next record', 0, intBytes(4, 130)],
  ['body', 'the largest length', 0, intBytes(4, 0x7fffffff)],
  ['body', '-1', 0, intBytes(4, -1)],
  ['body', 'a length that leads before the record', 0, intBytes(4, -100)],
  ['body', 'the smallest length', 0, intBytes(4, -0x80000000)],
  ['topic', 'a byte more', 0, intBytes(1, 3)],
  ['topic', 'a byte less', 0, intBytes(1, 1)],
  ['topic', 'none', 0, intBytes(1, 0)],
  ['topic', 'a negative length', 0, intBytes(1, -1)],
  ['topic', 'another first letter', 1, Buffer.from('V')],
  ['topic', 'another last letter', 2, Buffer.from('t')],
  ['properties', 'a byte more', 0, intBytes(2, 4)],
  ['properties', 'a byte less', 0, intBytes(2, 2)],
  ['properties', 'a negative length', 0, intBytes(2, -1)],
];

describe('a record that an entry of a file leads to', () => {
  test.each([
    ['plain', {}],
    ['with long hosts', { bornV6: true, storeV6: true }],
    ['with a long born host', { bornV6: true }],
    ['with a long store host', { storeV6: true }],
    ['of the second version', { v2: true }],
    ['with nothing but a topic', { body: '', properties: '' }],
    ['with properties', { properties: 'a\u00011\u0002' }],
    ['of the last time there is', { storeTimestamp: Number.MAX_SAFE_INTEGER }],
    ['of a long topic', { v2: true, topic: 't'.repeat(200) }],
  ])('is served: %s', async (_, fields: Partial<PlainRecord>) => {
    const bare = new Bench(roomy, { topic: fields.topic ?? 'TU' });
    bare.putTexts(['a', 'b'], { ...fields });
    const count = (await bare.get(0)).messageCount;
    const before = Buffer.concat((await bare.get(0)).slices);
    await bare.coolQueues();
    bare.commitLog.dropCache();
    expect(count).toBe(2);
    expect(Buffer.concat((await bare.get(0)).slices)).toEqual(before);
    expect(bare.damage).toEqual([]);
  });

  test.each(damages.flatMap(([field, what, at, bytes]) => ['first', 'middle', 'last'].map((where) => [field, what, where, at, bytes] as const)))(
    'is passed over, and said, when its %s is damaged: %s, the %s of three',
    async (field, _, where, at, bytes) => {
      const bare = new Bench(roomy, { topic: 'TU' });
      // What stands around it is another queue's: the queue has this one at offset 1.
      const around = { body: 'ttt', properties: 'abc' };
      bare.put(bare.queues.ref('TU', 3), around);
      bare.entry(bare.queue, 0, 0);
      if (where !== 'first') bare.put(bare.queues.ref('TU', 3), around);
      const { phyOffset } = bare.put(bare.queue, { body: 'bbb', properties: 'ppp', storeTimestamp: 1 });
      if (where !== 'last') bare.put(bare.queues.ref('TU', 3), around);
      const good = where === 'last' ? undefined : bare.put(bare.queue, { body: 'good', properties: 'ppp', storeTimestamp: 1 });
      await bare.coolQueues();
      bare.commitLog.dropCache();
      expect((await bare.texts(1))[2]).toEqual(good === undefined ? ['bbb'] : ['bbb', 'good']);
      bare.reader.logReader.pages.clear();
      bare.damageLog(phyOffset + plainRecord({ topic: 'TU', body: 'bbb', properties: 'ppp' }).at[field] + at, field === 'size' ? intBytes(4, 200) : bytes);
      const result = await bare.texts(1);
      expect(result).toEqual(good === undefined ? ['MESSAGE_WAS_REMOVING', 2, []] : ['FOUND', 3, ['good']]);
      expect(bare.damage).toEqual([{ topic: 'TU', queueOffset: 1, phyOffset }]);
    },
  );

  test.each([
    ['a longer topic that begins like it', 'T', 'TU'],
    ['a shorter topic that it begins with', 'TU', 'T'],
    ['a topic of the same length', 'TU', 'TV'],
    ['no topic', 'T', ''],
  ])('is passed over when it is of %s', async (_, topic, found) => {
    const bare = new Bench(roomy, { topic });
    bare.put(bare.queue, { topic: found, body: 'not its own' });
    bare.put(bare.queue, { body: 'its own' });
    await bare.coolQueues();
    for (const cold of [false, true]) {
      if (cold) bare.commitLog.dropCache();
      bare.damage.length = 0;
      expect(await bare.texts(0)).toEqual(['FOUND', 2, ['its own']]);
      expect(bare.damage).toEqual([{ topic, queueOffset: 0, phyOffset: 0 }]);
    }
  });

  test('is passed over when its parts add up only with bytes behind its end', async () => {
    const bare = new Bench(roomy);
    // With a body of 8 bytes more the topic `T` stands at the very end, and what follows says that the properties are 2 bytes less than nothing.
    const { phyOffset, size } = bare.put(bare.queue, { body: '', topic: 'T', properties: 'abc\u0001T' });
    bare.put(bare.queue, { body: 'next' });
    await bare.coolQueues();
    bare.commitLog.dropCache();
    const { at } = plainRecord({ body: '', topic: 'T', properties: 'abc\u0001T' });
    bare.damageLog(phyOffset + at.body, intBytes(4, size - 2 - at.topic));
    bare.damageLog(phyOffset + size, intBytes(2, -2));
    expect(await bare.texts(0)).toEqual(['MESSAGE_WAS_REMOVING', 2, []]);
  });

  test('of a light queue belongs to whatever topic it says', async () => {
    const bare = new Bench(roomy, { topic: '%LMQ%light' });
    const { phyOffset, size } = bare.put(bare.queues.ref('T', 4), { body: 'of T' });
    bare.entry(bare.queue, phyOffset, size);
    await bare.coolQueues();
    expect(await bare.texts(0)).toEqual(['FOUND', 1, ['of T']]);
    bare.commitLog.dropCache();
    expect(await bare.texts(0)).toEqual(['FOUND', 1, ['of T']]);
    expect(bare.damage).toEqual([]);
  });
});

describe('an entry of a file that leads nowhere', () => {
  const long = 1000;
  test.each([
    ['behind the log', 0, intBytes(8, 1_000_000)],
    ['before all', 0, intBytes(8, -1)],
    ['beyond any offset', 0, intBytes(8, 2n ** 62n)],
    ['into the middle of a record', 0, intBytes(8, long + 3)],
    ['to the bytes before the end', 0, intBytes(8, 3 * 1091 - 40)],
    ['to no bytes', 8, intBytes(4, 0)],
    ['to fewer bytes than a record has', 8, intBytes(4, 40)],
    ['to one byte less than its record has', 8, intBytes(4, long + 90)],
    ['to one byte more', 8, intBytes(4, long + 93)],
    ['to all that the log has', 8, intBytes(4, 1091 * 2)],
    ['to a negative number of bytes', 8, intBytes(4, -1)],
    ['to more than the log has', 8, intBytes(4, 0x7ffffff0)],
  ])('is passed over and said: %s', async (_, at, bytes) => {
    for (const coldLog of [false, true]) {
      const bare = new Bench(roomy);
      const body = (letter: string): string => letter.repeat(long);
      for (const letter of ['a', 'b', 'c']) bare.put(bare.queue, { body: body(letter) });
      await bare.coolQueues();
      if (coldLog) bare.commitLog.dropCache();
      bare.damageEntry(bare.queue, 1, at, bytes);
      const texts: string[] = [];
      // One that asks for more than a get may bring is looked at by the next.
      for (let at = 0; at < 3; ) {
        const [, next, found] = await bare.texts(at);
        texts.push(...found);
        expect(next).toBeGreaterThan(at);
        at = next;
      }
      expect(texts).toEqual([body('a'), body('c')]);
      expect(bare.damage.map(({ queueOffset }) => queueOffset)).toEqual([1]);
    }
  });

  test('is looked at where it comes from a file; what was put is taken at its word', async () => {
    const bare = new Bench(roomy);
    const { phyOffset, size } = bare.put(bare.queues.ref('U', 0), { body: 'of U' });
    bare.entry(bare.queue, phyOffset, size);
    await bare.coolQueues();
    expect(await bare.texts(0)).toEqual(['MESSAGE_WAS_REMOVING', 1, []]);
    bare.entry(bare.queue, phyOffset, size);
    expect(await bare.texts(1)).toEqual(['FOUND', 2, ['of U']]);
    expect(bare.damage.length).toBe(1);
  });

  test('is not said of a blank at the start of a queue, and of one that leads to what left the log', async () => {
    const bare = new Bench({ ...roomy, mappedFileSizeCommitLog: 4096 });
    bare.entry(bare.queue, 0, 0x7fffffff);
    bare.put(bare.queue, { body: 'x'.repeat(3990) });
    bare.put(bare.queue, { body: 'kept' });
    await bare.coolQueues();
    bare.commitLog.dropCache();
    bare.commitLog.removeFirst();
    expect(await bare.texts(0)).toEqual(['FOUND', 3, ['kept']]);
    expect(await bare.texts(0, 1, { matchesEntry: () => true, matchesRecord: () => false })).toEqual(['NO_MATCHED_MESSAGE', 3, []]);
    expect(bare.damage).toEqual([]);
    // A blank is one by its offset and its size.
    bare.damageEntry(bare.queue, 0, 0, intBytes(8, 5000));
    bare.reader.forgetQueue(bare.queue);
    expect(await bare.texts(0)).toEqual(['FOUND', 3, ['kept']]);
    expect(bare.damage).toEqual([{ topic: 'T', queueOffset: 0, phyOffset: 5000 }]);
  });

  test('a blank before a removed message does not hide what follows', async () => {
    const bare = new Bench({ ...roomy, mappedFileSizeCommitLog: 4096 });
    bare.entry(bare.queue, 0, 0x7fffffff);
    bare.entry(bare.queue, 0, 0x7fffffff);
    bare.put(bare.queues.ref('T', 1), { body: 'x'.repeat(3990) });
    bare.put(bare.queue, { body: 'kept', tagsCode: 5 });
    await bare.coolQueues();
    bare.commitLog.dropCache();
    bare.commitLog.removeFirst();
    // Filters are asked of each blank: none says where the log begins.
    const asked: number[] = [];
    expect(await bare.texts(0, 9, { matchesEntry: (tagsCode) => asked.push(tagsCode) > 0 })).toEqual(['FOUND', 3, ['kept']]);
    expect(asked.filter((tagsCode) => tagsCode === 0).length).toBeGreaterThanOrEqual(2);
  });

  test('damage of any bytes of entries never brings a record that is not the queue\'s own at that offset', async () => {
    await fc.assert(fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(7), fc.nat(19), fc.nat(255)), { minLength: 1, maxLength: 6 }), fc.boolean(),
      async (changes, logCold) => {
        const bare = new Bench();
        for (let i = 0; i < 8; i++) {
          bare.put(bare.queues.ref('T', 1), { body: 'x'.repeat(i * 30) });
          bare.put(bare.queue, { body: `m${i}` });
        }
        await bare.coolQueues();
        if (logCold) bare.commitLog.dropCache();
        for (const [queueOffset, at, value] of changes) bare.damageEntry(bare.queue, queueOffset, at, Buffer.of(value));
        const touched = new Set(changes.filter(([, at]) => at < 12).map(([queueOffset]) => queueOffset));
        const found = new Map<number, string>();
        for (let at = 0; at < 8; ) {
          const result = await bare.get(at);
          for (const { queueOffset, text, topic } of recordsOf(result.slices)) found.set(queueOffset, `${topic}-${text}`);
          expect(result.nextBeginOffset).toBeGreaterThan(at);
          at = result.nextBeginOffset;
        }
        // A changed byte may be the one that was there.
        for (const i of touched) if (found.get(i) === undefined) found.set(i, `T-m${i}`);
        expect([...found].sort()).toEqual(names(8).map((text, i) => [i, `T-${text}`]));
      },
    ), { numRuns: 30 });
  });
});

describe('entries in files', () => {
  test('are read a page of 3276 at a time, as far as they are in the file, and kept', async () => {
    const bare = new Bench(roomy);
    const { phyOffset, size } = bare.put(bare.queue, { body: 'the only record' });
    for (let i = 1; i < 4000; i++) bare.queue.append(phyOffset, size, i);
    bare.show(bare.queue);
    await bare.coolQueues();
    const codes = async (queueOffset: number, count: number): Promise<number[]> => (await bare.reader.units(bare.queue, queueOffset, count)).map((unit) => unit.tagsCode);
    expect(await bare.reading(() => codes(0, 2))).toEqual([[0, 1], [3276 * 20]]);
    expect(await bare.reading(() => codes(3274, 2))).toEqual([[3274, 3275], []]);
    expect(await bare.reading(() => codes(3274, 4))).toEqual([[3274, 3275, 3276, 3277], [724 * 20]]);
    expect(await bare.reading(() => codes(3999, 9))).toEqual([[3999], []]);
    expect(bare.reader.unitPages.bytes).toBe(4000 * 20);
    // More of the second page is there later: what was read of it is read again where it does not reach.
    for (let i = 4000; i < 4010; i++) bare.queue.append(phyOffset, size, i);
    bare.show(bare.queue);
    await bare.coolQueues();
    expect(await bare.reading(() => codes(3990, 10))).toEqual([Array.from({ length: 10 }, (_, i) => 3990 + i), []]);
    expect(await bare.reading(() => codes(3990, 12))).toEqual([Array.from({ length: 12 }, (_, i) => 3990 + i), [734 * 20]]);
    expect(await bare.reading(() => codes(4009, 1))).toEqual([[4009], []]);
    expect(bare.reader.unitPages.bytes).toBe(4010 * 20);
  });

  test('of several files are each found in its own', async () => {
    const bare = new Bench({ ...roomy, mappedFileSizeConsumeQueue: 20 * 8 });
    for (let i = 0; i < 24; i++) bare.queue.append(i * 100, 100, i);
    bare.show(bare.queue);
    await bare.coolQueues();
    const codes = async (queueOffset: number, count: number): Promise<number[]> => (await bare.reader.units(bare.queue, queueOffset, count)).map((unit) => unit.tagsCode);
    expect(await bare.reading(() => codes(6, 12))).toEqual([Array.from({ length: 12 }, (_, i) => i + 6), [160, 160, 160]]);
    for (const at of [3, 11, 19, 4, 12, 20]) expect(await bare.reading(() => codes(at, 1))).toEqual([[at], []]);
  });

  test('of a queue that is forgotten are read again; those of others, whatever they are called, are not', async () => {
    const bare = new Bench(roomy);
    const queues = [bare.queue, bare.queues.ref('T', 1), bare.queues.ref('T', 10), bare.queues.ref('TT', 0)];
    for (const queue of queues) bare.put(queue);
    await bare.coolQueues();
    const readsOf = async (queue: StoreQueue): Promise<number> => (await bare.reading(() => bare.reader.units(queue, 0, 1)))[1].length;
    for (const queue of queues) expect([await readsOf(queue), await readsOf(queue)]).toEqual([1, 0]);
    bare.reader.forgetQueue(queues[1] as StoreQueue);
    for (const forgotten of [1, 0]) {
      bare.reader.forgetQueue(queues[forgotten] as StoreQueue);
      for (const [i, queue] of queues.entries()) expect([i, await readsOf(queue)]).toEqual([i, i === forgotten ? 1 : 0]);
    }
  });

  test('a read that fails is the caller\'s to hear of, and the next one starts anew', async () => {
    const bare = new Bench(roomy);
    bare.putTexts(['one']);
    await bare.coolQueues();
    bare.commitLog.dropCache();
    bare.readFault = new Error('EIO');
    await expect(bare.get(0)).rejects.toThrow('EIO');
    await expect(bare.reader.units(bare.queue, 0, 1)).rejects.toThrow('EIO');
    await expect(bare.reader.record(0, 1000)).rejects.toThrow('EIO');
    bare.readFault = undefined;
    expect(await bare.texts(0)).toEqual(['FOUND', 1, ['one']]);
    expect(bare.damage).toEqual([]);
  });
});

describe('what a read leaves behind', () => {
  test('a queue knows that its last get took pages of the log, and the one after goes to them at once', async () => {
    const bare = new Bench(roomy);
    bare.putTexts(names(3));
    expect(bare.reader.get(bare.queue, 0, 9, 1000, undefined)).toMatchObject({ status: 'FOUND', lender: undefined });
    expect(bare.queue.readsCold).toBe(false);
    bare.commitLog.dropCache();
    const [first, reads] = await bare.reading(() => bare.get(0));
    expect([bare.queue.readsCold, first.lender === undefined, reads]).toEqual([true, false, [bare.commitLog.written]]);
    const again = bare.reader.get(bare.queue, 0, 9, 1000, undefined);
    expect(again).not.toBeInstanceOf(Promise);
    expect((again as GetResult).lender).not.toBe(undefined);
    bare.putTexts(['m3']);
    expect(await bare.texts(3)).toEqual(['FOUND', 4, ['m3']]);
    expect(bare.queue.readsCold).toBe(false);
    const [last] = await bare.reading(() => bare.get(3));
    expect(last.lender).toBe(undefined);
  });

  test('pages are given back by who has the slices, or at once where nothing was found', async () => {
    const bare = new Bench(roomy);
    bare.putTexts(names(3));
    bare.commitLog.dropCache();
    const pins = (): number | undefined => bare.reader.logReader.pages.peek(0)?.pins;
    const first = await bare.get(0);
    const second = await bare.get(1);
    expect(pins()).toBe(2);
    bare.reader.release(first);
    expect(pins()).toBe(1);
    bare.reader.release(second);
    expect(pins()).toBe(0);
    const nothing = await bare.get(0, 9, 1000, { matchesEntry: () => true, matchesRecord: () => false });
    expect([nothing.status, pins()]).toEqual(['NO_MATCHED_MESSAGE', 0]);
    bare.reader.release(nothing);
    expect(pins()).toBe(0);
  });

  test('slices of memory stay as they are when the log goes on', async () => {
    const megabyte = 1 << 20;
    const bare = new Bench({ ...roomy, mappedFileSizeCommitLog: 16 * megabyte, tailCacheBytesMax: 2 * megabyte });
    const fill = (): void => {
      for (let i = 0; i < 6; i++) bare.append(megabyte - 1000, (phyOffset) => Buffer.alloc(megabyte - 1000, phyOffset % 251));
    };
    for (const take of [
      async (_: number, queueOffset: number) => (await bare.get(queueOffset, 1)).slices[0],
      async (phyOffset: number) => bare.reader.record(phyOffset, bare.commitLog.written),
      async (phyOffset: number) => (await bare.reader.records([{ phyOffset, recordBytes: 95 }], bare.commitLog.written))[0],
    ]) {
      const { phyOffset, queueOffset } = bare.put(bare.queue, { body: 'abc' });
      const slice = await take(phyOffset, queueOffset);
      const before = slice?.toString('hex');
      expect(before?.length).toBe(95 * 2);
      fill();
      expect(bare.commitLog.find(phyOffset, 95)).toBe(undefined);
      expect(slice?.toString('hex')).toBe(before);
    }
  });

  test('memory of pages goes when nothing was read for longer than asked', async () => {
    const bare = new Bench({ ...roomy, enableConsumeQueueExt: true });
    bare.put(bare.queue, { tagsCode: 3, storeTimestamp: 4 });
    await bare.coolQueues();
    bare.commitLog.dropCache();
    const { reader } = bare;
    expect(reader.trim(100, 1000)).toBe(false);
    expect((await bare.get(0, 9, 1000, { matchesEntry: () => true })).status).toBe('FOUND');
    expect(bare.reads.length).toBe(3);
    expect(reader.trim(100, 2000)).toBe(true);
    expect(reader.trim(100, 2100)).toBe(true);
    reader.unitPages.clear();
    expect(reader.trim(100, 2100)).toBe(true);
    await bare.reader.units(bare.queue, 0, 1);
    expect(reader.trim(100, 2101)).toBe(true);
    expect(reader.trim(100, 2201)).toBe(true);
    expect(reader.trim(100, 2202)).toBe(false);
    expect(reader.trim(100, 9999)).toBe(false);
    expect([reader.unitPages.bytes, reader.logReader.pages.bytes]).toEqual([0, 0]);
    expect((await bare.reading(() => bare.get(0, 9, 1000, { matchesEntry: () => true })))[1].length).toBe(3);
  });

  test('memory of the first page that was read goes as late as that of others', async () => {
    const bare = new Bench(roomy);
    bare.put(bare.queue);
    await bare.coolQueues();
    expect((await bare.reader.units(bare.queue, 0, 1)).length).toBe(1);
    expect(bare.reader.unitPages.reads).toBe(1);
    expect(bare.reader.trim(100, 5000)).toBe(true);
    expect(bare.reader.trim(100, 5101)).toBe(false);
  });

  test('a message is cached when its entry and its record are in memory', async () => {
    const bare = new Bench(roomy);
    bare.putTexts(names(40));
    expect([0, 1, 31, 32, 39, 40, -1].map((at) => bare.reader.isCached(bare.queue, at))).toEqual([true, true, true, true, true, false, false]);
    bare.entry(bare.queue, bare.commitLog.written - 50, 51);
    expect(bare.reader.isCached(bare.queue, 40)).toBe(false);
    await bare.coolQueues();
    expect(bare.reader.isCached(bare.queue, 0)).toBe(false);
    bare.putTexts(['more']);
    expect([40, 41].map((at) => bare.reader.isCached(bare.queue, at))).toEqual([false, true]);
    bare.commitLog.dropCache();
    expect(bare.reader.isCached(bare.queue, 41)).toBe(false);
  });

  const upTo = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
  test.each<[string, number[], number[]]>([
    ['the first get of a queue', [4], []],
    ['the same page again', [4, 4], []],
    ['the next page', [0, 1], upTo(2, 7)],
    ['four pages further', [0, 4], upTo(5, 10)],
    ['five pages further', [0, 5], []],
    ['the page before', [4, 3], []],
    ['the next page behind one that was further on', [4, 1, 2], upTo(3, 8)],
    ['in order twice', [0, 1, 2], upTo(3, 8)],
    ['near the end of the log', [10, 11], [12]],
  ])('pages are read ahead for who reads in order: %s', async (_, pages, ahead) => {
    for (const on of [true, false]) {
      const page = 256 * 1024;
      const bare = new Bench({ ...roomy, mappedFileSizeCommitLog: 14 * page, readCacheBytesMax: 16 << 20 });
      for (let i = 0; i < 13; i++) {
        bare.put(bare.queue, { body: `m${i}` });
        const rest = (i + 1) * page - bare.commitLog.tail;
        bare.append(rest, () => Buffer.alloc(rest));
      }
      bare.commitLog.dropCache();
      bare.reader.readAhead = on;
      for (const at of pages) {
        expect(await bare.texts(at, 1)).toEqual(['FOUND', at + 1, [`m${at}`]]);
        await settle();
      }
      const held = upTo(0, 13).filter((i) => bare.reader.logReader.pages.peek(i * page) !== undefined);
      const expected = new Set([...pages, ...(on ? ahead : [])]);
      expect(held).toEqual([...expected].sort((a, b) => a - b));
      expect(bare.reads).toEqual(held.map(() => page));
    }
  });
});

describe('entries by their offset', () => {
  test('are those asked for that the queue has and shows', async () => {
    const bare = new Bench({ ...roomy, mappedFileSizeConsumeQueue: 20 * 8 });
    const all: QueueUnit[] = [];
    for (let i = 0; i < 30; i++) {
      bare.queue.append(i * 100, 50 + i, i - 3);
      all.push({ queueOffset: i, phyOffset: i * 100, recordBytes: 50 + i, tagsCode: i - 3 });
    }
    bare.show(bare.queue);
    const check = async (): Promise<void> => {
      const { minOffset, maxOffset } = bare.queue;
      for (const [from, count] of [[0, 30], [0, 0], [-5, 8], [2, 1], [7, 2], [8, 8], [15, 3], [29, 1], [29, 5], [30, 1], [40, 2], [5, -1]] as const) {
        const expected = all.filter(({ queueOffset }) => queueOffset >= Math.max(from, minOffset) && queueOffset < Math.min(from + count, maxOffset));
        expect(await bare.reader.units(bare.queue, from, count)).toEqual(expected);
      }
    };
    await check();
    bare.queue.minOffset = 3;
    await check();
    bare.queue.maxOffset = 28;
    await check();
    bare.queue.maxOffset = 30;
    await bare.coolQueues();
    await check();
    for (let i = 30; i < 33; i++) {
      bare.queue.append(i * 100, 50 + i, i - 3);
      all.push({ queueOffset: i, phyOffset: i * 100, recordBytes: 50 + i, tagsCode: i - 3 });
    }
    bare.show(bare.queue);
    await check();
    bare.reader.forgetQueue(bare.queue);
    bare.queue.files.splice(2, 1);
    expect((await bare.reader.units(bare.queue, 14, 10)).map(({ queueOffset }) => queueOffset)).toEqual([14, 15]);
    expect(await bare.reader.units(bare.queue, 16, 10)).toEqual([]);
    expect((await bare.reader.units(bare.queue, 24, 10)).map(({ queueOffset }) => queueOffset)).toEqual([24, 25, 26, 27, 28, 29, 30, 31, 32]);
  });
});

describe('records by their place', () => {
  /** Records over several files, and what stands where. */
  function filled(change: Partial<StoreConfig> = {}): { bare: Bench; truth: Map<number, Buffer> } {
    const bare = new Bench(change);
    const truth = new Map<number, Buffer>();
    for (let i = 0; i < 60; i++) {
      const fields = { body: 'x'.repeat((i * 37) % 200), storeTimestamp: 1000 + i, bornV6: i % 3 === 0, storeV6: i % 5 === 0 };
      const { phyOffset, queueOffset } = bare.put(bare.queue, fields);
      truth.set(phyOffset, plainRecord({ ...fields, queueOffset, phyOffset }).bytes);
    }
    return { bare, truth };
  }

  test('are found where they start, below what is confirmed, and nowhere else', async () => {
    const { bare, truth } = filled({ tailCacheBytesMax: 4104 });
    bare.commitLog.removeFirst();
    const { min, written } = bare.commitLog;
    for (const [phyOffset, bytes] of truth) {
      const there = phyOffset >= min ? bytes : undefined;
      expect(await bare.reader.record(phyOffset, written)).toEqual(there);
      expect(await bare.reader.record(phyOffset, phyOffset + bytes.length)).toEqual(there);
      expect(await bare.reader.record(phyOffset, phyOffset + bytes.length - 1)).toBe(undefined);
      expect(await bare.reader.record(phyOffset + 1, written)).toBe(undefined);
      expect(await bare.reader.record(phyOffset - 1, written)).toBe(undefined);
    }
    for (const phyOffset of [-1, 0, written, written - 1, written - 90, written + 100, 2 ** 53, NaN, 0.5, Infinity]) expect(await bare.reader.record(phyOffset, written)).toBe(undefined);
    expect(min).toBe(4096);
  });

  test('of the least size are found at the very end', async () => {
    const bare = new Bench(roomy);
    const bytes = plainRecord({ topic: '' }).bytes;
    expect(bytes.length).toBe(91);
    bare.append(91, () => bytes);
    expect(await bare.reader.record(0, 91)).toEqual(bytes);
    bare.commitLog.dropCache();
    expect(await bare.reading(() => bare.reader.record(0, 91))).toEqual([bytes, [8, 91]]);
    expect(await bare.reading(() => bare.reader.record(0, 90))).toEqual([undefined, []]);
  });

  test.each([
    ['a size below the least', 0, intBytes(4, 90)],
    ['no size', 0, intBytes(4, 0)],
    ['a size beyond the log', 0, intBytes(4, 100_000)],
    ['a size one less', 0, intBytes(4, 94)],
    ['a size one more', 0, intBytes(4, 96)],
    ['another magic', 4, intBytes(4, 5)],
    ['another place', 28, intBytes(8, 1)],
    ['a body that does not add up', 84, intBytes(4, 4)],
  ])('are not there when damaged: %s', async (_, at, bytes) => {
    const bare = new Bench(roomy);
    bare.putTexts(['abc', 'def', 'ghi']);
    bare.commitLog.dropCache();
    bare.damageLog(at, bytes);
    const places = [0, 95, 190].map((phyOffset) => ({ phyOffset, recordBytes: 95 }));
    expect(await bare.reader.record(0, bare.commitLog.written)).toBe(undefined);
    expect((await bare.reader.records(places, bare.commitLog.written)).map((record) => record?.toString('latin1', 88, 91))).toEqual([undefined, 'def', 'ghi']);
  });

  test('a file that ends early holds none', async () => {
    const bare = new Bench(roomy);
    bare.putTexts(['abc', 'def']);
    bare.commitLog.dropCache();
    bare.commitLog.files[0]?.file.setLength(100);
    expect((await bare.reader.record(0, 190))?.length).toBe(95);
    expect(await bare.reader.record(95, 190)).toBe(undefined);
    expect((await bare.reader.records([{ phyOffset: 0, recordBytes: 95 }, { phyOffset: 95, recordBytes: 95 }], 190)).map((record) => record?.length)).toEqual([95, undefined]);
  });

  /** A log of one file with records of these bodies, each behind so many other bytes. */
  function spread(pieces: readonly [gap: number, body: number][]): { bare: Bench; places: RecordPlace[]; bytes: Buffer[] } {
    const bare = new Bench({ ...roomy, mappedFileSizeCommitLog: 5 << 18 });
    const places: RecordPlace[] = [];
    const bytes: Buffer[] = [];
    for (const [gap, body] of pieces) {
      if (gap > 0) bare.append(gap, () => Buffer.alloc(gap, 9));
      const fields = { body: 'y'.repeat(body), topic: '' };
      const { phyOffset, size } = bare.put(bare.queue, fields);
      places.push({ phyOffset, recordBytes: size });
      bytes.push(plainRecord({ ...fields, phyOffset, queueOffset: bytes.length }).bytes);
    }
    bare.commitLog.dropCache();
    return { bare, places, bytes };
  }

  const megabyte = 1 << 20;
  test.each<[string, [number, number][], number[]]>([
    ['neighbours in one read', [[10, 0], [0, 5], [0, 9]], [91 + 96 + 100]],
    ['over a gap of 4096 bytes', [[10, 0], [4096, 0]], [91 + 4096 + 91]],
    ['not over one of a byte more', [[10, 0], [4097, 0]], [91, 91]],
    ['up to a megabyte', [[0, megabyte - 91 - 91 - 91], [0, 0]], [megabyte - 91]],
    ['up to a megabyte and no byte less', [[0, megabyte - 91 - 91], [0, 0]], [megabyte]],
    ['not beyond a megabyte', [[0, megabyte - 91 - 91 + 1], [0, 0]], [megabyte - 90, 91]],
    ['a megabyte that begins further on', [[100, 50], [0, megabyte - 91 - 141], [0, 0]], [megabyte, 91]],
    ['what is larger than that by itself', [[0, megabyte], [0, 0]], [8, 91, megabyte + 91]],
  ])('are read together: %s', async (_, pieces, reads) => {
    const { bare, places, bytes } = spread(pieces);
    const [found, made] = await bare.reading(() => bare.reader.records(places, bare.commitLog.written));
    expect(found.map((record, i) => record?.equals(bytes[i] as Buffer))).toEqual(bytes.map(() => true));
    expect(made).toEqual(reads);
  });

  test('are read together within a file only, and below what is confirmed', async () => {
    const { bare, truth } = filled();
    bare.commitLog.dropCache();
    const places = [...truth].map(([phyOffset, bytes]) => ({ phyOffset, recordBytes: bytes.length }));
    const [found, reads] = await bare.reading(() => bare.reader.records(places, bare.commitLog.written));
    expect(found).toEqual([...truth.values()]);
    const files = new Map<number, number>();
    for (const { phyOffset, recordBytes } of places) files.set(Math.floor(phyOffset / 4096), phyOffset + recordBytes);
    let from = 0;
    const expected = [...files].map(([file, end]) => end - (from = file * 4096));
    expect(reads).toEqual(expected);
    expect(from).toBeGreaterThan(0);
    // One byte short of the last record: its neighbours are looked for one by one, and it is not there.
    const last = places.slice(-3);
    const [short] = await bare.reading(() => bare.reader.records(last, bare.commitLog.written - 1));
    expect(short).toEqual([...[...truth.values()].slice(-3, -1), undefined]);
  });

  test.each<[string, (place: RecordPlace, i: number) => RecordPlace]>([
    ['one byte less', (place) => ({ ...place, recordBytes: place.recordBytes - 1 })],
    ['one byte more', (place) => ({ ...place, recordBytes: place.recordBytes + 1 })],
    ['no bytes', (place) => ({ ...place, recordBytes: 0 })],
    ['a negative number of bytes', (place) => ({ ...place, recordBytes: -place.recordBytes })],
  ])('are found by their place although the length asked for is wrong: %s', async (_, wrong) => {
    const { bare, places, bytes } = spread([[0, 1], [0, 2], [0, 3]]);
    for (const i of [0, 1, 2]) {
      const asked = places.map((place, at) => (at === i ? wrong(place, i) : place));
      expect(await bare.reader.records(asked, bare.commitLog.written)).toEqual(bytes);
    }
    expect(bare.reads).not.toContain(0);
    expect(await bare.reader.records([], bare.commitLog.written)).toEqual([]);
  });

  test('have their store time, those that are there', async () => {
    const { bare, truth } = filled({ tailCacheBytesMax: 4104 });
    bare.commitLog.removeFirst();
    const { min, written } = bare.commitLog;
    let i = 0;
    for (const [phyOffset, bytes] of truth) {
      expect(await bare.reader.storeTime(phyOffset, bytes.length)).toBe(phyOffset < min ? -1 : 1000 + i);
      expect(await bare.reader.storeTime(phyOffset, 90)).toBe(-1);
      expect(await bare.reader.storeTimeAt(bare.queue, i)).toBe(phyOffset < min ? -1 : 1000 + i);
      i++;
    }
    const [last, bytes] = [...truth].at(-1) as [number, Buffer];
    expect(await bare.reader.storeTime(last, bytes.length + 1)).toBe(-1);
    expect(await bare.reader.storeTime(written, 91)).toBe(-1);
    expect(await bare.reader.storeTime(last, 91)).toBe(1059);
    for (const at of [-1, 60, 61]) expect(await bare.reader.storeTimeAt(bare.queue, at)).toBe(-1);
    bare.queue.minOffset = 59;
    expect(await bare.reader.storeTimeAt(bare.queue, 58)).toBe(-1);
    expect(await bare.reader.storeTimeAt(bare.queue, 59)).toBe(1059);
  });

  test('of the least size have a store time in the last file', async () => {
    const bare = new Bench(roomy);
    const bytes = plainRecord({ topic: '', storeTimestamp: 77 }).bytes;
    bare.append(91, () => bytes);
    expect(await bare.reader.storeTime(0, 91)).toBe(77);
    bare.commitLog.dropCache();
    expect(await bare.reading(() => bare.reader.storeTime(0, 91))).toEqual([77, [76]]);
  });
});

/** `ConsumeQueueStore#getOffsetInQueueByTime` for times in order, by looking at each. */
function shouldFind(times: readonly number[], min: number, per: number, wanted: number, boundary: 'LOWER' | 'UPPER'): number {
  const max = times.length;
  const clamp = (at: number): number => Math.min(Math.max(at, min), max);
  if (max === 0 || min >= max) return clamp(0);
  const files: number[] = [];
  for (let first = min - (min % per); first < max; first += per) files.push(first);
  const timeOf = (at: number): number => (at < min ? -1 : (times[at] as number));
  const first = boundary === 'LOWER'
    ? (files.find((base) => base + per < max && timeOf(base + per - 1) >= wanted) ?? files.at(-1))
    : files.reverse().find((base) => timeOf(base) <= wanted);
  if (first === undefined) return min;
  const offsets = times.map((_, at) => at).filter((at) => at >= Math.max(min, first) && at < first + per);
  const found = boundary === 'LOWER' ? (offsets.find((at) => timeOf(at) >= wanted) ?? (offsets.at(-1) as number) + 1) : offsets.reverse().find((at) => timeOf(at) <= wanted);
  return clamp(found ?? 0);
}

describe('the offset of a time', () => {
  test('is what looking at each message finds, over files, from each first offset, warm and cold', async () => {
    await fc.assert(fc.asyncProperty(
      fc.array(fc.nat(3), { maxLength: 24 }), fc.constantFrom(0, 100), fc.nat(25), fc.boolean(), fc.boolean(),
      async (steps, start, min, queueCold, logCold) => {
        const bare = new Bench({ mappedFileSizeConsumeQueue: 20 * 5 });
        let time = start;
        const times = steps.map((step) => (time += step));
        for (const storeTimestamp of times) bare.put(bare.queue, { storeTimestamp });
        if (queueCold) await bare.coolQueues();
        if (logCold) bare.commitLog.dropCache();
        bare.queue.minOffset = Math.min(min, times.length);
        const found: unknown[] = [];
        const expected: unknown[] = [];
        for (let wanted = start - 2; wanted <= time + 2; wanted++) {
          for (const boundary of ['LOWER', 'UPPER'] as const) {
            found.push([wanted, boundary, await bare.reader.offsetByTime(bare.queue, wanted, boundary)]);
            expected.push([wanted, boundary, shouldFind(times, bare.queue.minOffset, 5, wanted, boundary)]);
          }
        }
        expect(found).toEqual(expected);
      },
    ), { numRuns: 25, examples: [[[0, 0, 0, 3, 0], 0, 0, false, false]] });
  });

  test('is the first offset where messages in the middle are gone', async () => {
    const bare = new Bench({ ...roomy, mappedFileSizeCommitLog: 4096 });
    bare.queue.minOffset = 1;
    for (let i = 0; i < 9; i++) bare.put(bare.queue, { storeTimestamp: 100 + i * 10 });
    // The middle entry leads nowhere.
    bare.queue.block(4)?.view.setInt32(4 * 20 + 8, 0);
    for (const boundary of ['LOWER', 'UPPER'] as const) {
      expect(await bare.reader.offsetByTime(bare.queue, 155, boundary)).toBe(1);
      expect(await bare.reader.offsetByTime(bare.queue, 185, boundary)).toBe(boundary === 'LOWER' ? 9 : 8);
    }
  });

  test('in a batch queue is the start of the last batch for times from its last on', async () => {
    const bare = new Bench({ ...roomy }, { batch: true, topic: 'B' });
    bare.put(bare.queue, { storeTimestamp: 100, count: 3 });
    bare.put(bare.queue, { storeTimestamp: 200, count: 4 });
    for (const boundary of ['LOWER', 'UPPER'] as const) {
      expect(await Promise.all([199, 200, 201, 1000].map((wanted) => bare.reader.offsetByTime(bare.queue, wanted, boundary)))).toEqual([boundary === 'LOWER' ? 3 : 2, 3, 3, 3]);
    }
    bare.queue.minOffset = 5;
    expect(await bare.reader.offsetByTime(bare.queue, 200, 'LOWER')).toBe(5);
  });
});

describe('a batch queue', () => {
  const filled = async (counts: readonly number[], change: Partial<StoreConfig> = {}): Promise<{ bare: Bench; starts: number[] }> => {
    const bare = new Bench({ ...roomy, ...change }, { batch: true, topic: 'B' });
    const starts = counts.map((count, i) => bare.put(bare.queue, { body: `b${i}`, count, tagsCode: i }).queueOffset);
    return { bare, starts };
  };

  test('counts the messages from the offset on, takes whole batches, and goes on behind the last', async () => {
    for (const cold of ['none', 'queue', 'log', 'both']) {
      const { bare } = await filled([2, 3, 1, 4]);
      if (cold === 'queue' || cold === 'both') await bare.coolQueues();
      if (cold === 'log' || cold === 'both') bare.commitLog.dropCache();
      const look = async (queueOffset: number, maxMsgs: number): Promise<unknown[]> => {
        const result = await bare.get(queueOffset, maxMsgs);
        return [result.messageCount, result.nextBeginOffset, recordsOf(result.slices).map((record) => record.text).join()];
      };
      expect(await look(0, 1)).toEqual([2, 2, 'b0']);
      expect(await look(0, 4)).toEqual([2, 2, 'b0']);
      expect(await look(0, 5)).toEqual([5, 5, 'b0,b1']);
      expect(await look(0, 6)).toEqual([6, 6, 'b0,b1,b2']);
      expect(await look(0, 9)).toEqual([6, 6, 'b0,b1,b2']);
      expect(await look(0, 10)).toEqual([10, 10, 'b0,b1,b2,b3']);
      expect(await look(1, 4)).toEqual([4, 5, 'b0,b1']);
      expect(await look(4, 1)).toEqual([1, 5, 'b1']);
      expect(await look(9, 1)).toEqual([1, 10, 'b3']);
      expect(bare.damage).toEqual([]);
    }
  });

  test('is looked at to the end of a batch, beyond the entries of one file and of one get', async () => {
    const { bare } = await filled([6, 5, 5], { mappedFileSizeConsumeQueue: 20 * 8, maxFilterMessageSize: 20 });
    const look = async (queueOffset: number, maxMsgs: number): Promise<unknown[]> => {
      const result = await bare.get(queueOffset, maxMsgs);
      return [result.messageCount, result.nextBeginOffset, recordsOf(result.slices).map((record) => record.text).join()];
    };
    expect(await look(0, 1)).toEqual([6, 6, 'b0']);
    expect(await look(0, 100)).toEqual([11, 11, 'b0,b1']);
    expect(await look(7, 1)).toEqual([4, 11, 'b1']);
    expect(await look(7, 100)).toEqual([4, 11, 'b1']);
    // A batch that begins where the file does is another get's.
    const even = await filled([8, 3], { mappedFileSizeConsumeQueue: 20 * 8 });
    expect((await even.bare.get(0, 100)).nextBeginOffset).toBe(8);
    expect((await bare.get(12, 3, 1 << 20, { matchesEntry: () => false })).nextBeginOffset).toBe(16);
  });

  test('that a filter does not want is passed over whole', async () => {
    const { bare } = await filled([2, 3, 1]);
    const asked: number[] = [];
    const result = await bare.get(0, 100, 1 << 20, { matchesEntry: (tagsCode) => (asked.push(tagsCode), tagsCode !== 1) });
    expect([result.messageCount, result.nextBeginOffset, recordsOf(result.slices).map((record) => record.text).join()]).toEqual([3, 6, 'b0,b2']);
    expect(asked).toEqual([0, 1, 2]);
    expect(await bare.get(0, 100, 1 << 20, { matchesEntry: () => false })).toMatchObject({ status: 'NO_MATCHED_MESSAGE', nextBeginOffset: 6, messageCount: 0 });
  });

  test('ends before a file of entries that is gone', async () => {
    const { bare } = await filled([6, 5, 5], { mappedFileSizeConsumeQueue: 20 * 8 });
    await bare.coolQueues();
    bare.queue.files.splice(1, 1);
    expect(await bare.texts(0)).toEqual(['FOUND', 8, ['b0', 'b1']]);
    expect(await bare.texts(8)).toEqual(['OFFSET_FOUND_NULL', 16, []]);
  });

  test('has records that begin at or before the offset of each of their entries', async () => {
    for (const [queueOffset, found] of [[1, ['b']], [0, ['b']], [2, []], [3, []]] as const) {
      const bare = new Bench(roomy, { batch: true, topic: 'B' });
      bare.put(bare.queue, { body: 'a', count: 1 });
      bare.put(bare.queue, { body: 'b', count: 2, queueOffset });
      await bare.coolQueues();
      expect((await bare.texts(1))[2]).toEqual(found);
    }
  });
});

describe('entries that hold the address of a unit', () => {
  const config = { ...roomy, enableConsumeQueueExt: true, mappedFileSizeConsumeQueueExt: 4096 };

  test('are filtered by the unit, and read with it, from memory and from its file', async () => {
    const bare = new Bench(config);
    for (let i = 0; i < 3; i++) bare.put(bare.queue, { body: `m${i}`, tagsCode: 100 + i, storeTimestamp: 5000 + i, bitMap: Uint8Array.of(i, 9) });
    for (const cold of [false, true]) {
      if (cold) {
        await bare.coolQueues();
        bare.reader.forgetQueue(bare.queue);
      }
      const seen: unknown[] = [];
      const filter: MessageFilter = {
        matchesEntry: (tagsCode: number, extension?: EntryExtension) => {
          if (extension === undefined) throw new Error('no extension');
          const { msgStoreTime, bytes, bitMapStart, bitMapBytes } = extension;
          seen.push([tagsCode, msgStoreTime, ...bytes.subarray(bitMapStart, bitMapStart + bitMapBytes)]);
          return tagsCode !== 101;
        },
      };
      expect(await bare.texts(0, 9, filter)).toEqual(['FOUND', 3, ['m0', 'm2']]);
      expect(seen.slice(-3)).toEqual([[100, 5000, 0, 9], [101, 5001, 1, 9], [102, 5002, 2, 9]]);
      const units = await bare.reader.units(bare.queue, 0, 3);
      expect(units.map(({ tagsCode, extension }) => [tagsCode, extension])).toEqual([0, 1, 2].map((i) => [100 + i, { tagsCode: BigInt(100 + i), msgStoreTime: 5000 + i, bitMap: Uint8Array.of(i, 9) }]));
    }
  });

  test('match every filter when their unit is not there, and say so', async () => {
    const bare = new Bench(config);
    const { phyOffset, size } = bare.put(bare.queue, { body: 'm0', tagsCode: 100 });
    bare.queue.appendExtended(phyOffset, size, 3000);
    bare.show(bare.queue);
    expect((await bare.reader.units(bare.queue, 0, 2)).map(({ tagsCode, extension }) => [tagsCode, extension === 'missing'])).toEqual([[100, false], [NaN, true]]);
    expect((await bare.get(1, 9, 1000, { matchesEntry: () => false })).messageCount).toBe(1);
    expect((await bare.get(0, 9, 1000, { matchesEntry: () => false })).messageCount).toBe(1);
    // Cold, each unit that is missing is read before the filter is asked.
    await bare.coolQueues();
    expect((await bare.reader.units(bare.queue, 0, 2)).map(({ tagsCode }) => tagsCode)).toEqual([100, NaN]);
    bare.reader.forgetQueue(bare.queue);
    expect((await bare.get(0, 9, 1000, { matchesEntry: (tagsCode) => tagsCode === 100 })).messageCount).toBe(1);
  });
});
