/** The append path, against a plain writer of records, entries and index keys: what a put answers, and what of it stands in log, queues and index. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { scanHeader, stagedProperties, unescapeScanned, unstage } from '../codec/hot-path.js';
import { messageSysFlag } from '../codec/sys-flag.js';
import { javaStringHash } from '../compat/java-string-hash.js';
import { Appender } from './append.js';
import { CommitLog } from './commit-log.js';
import type { StoreQueue } from './consume-queue.js';
import { openStore } from './message-store.js';
import type { OpenStore } from './message-store.js';
import type { StoreConfig } from './options.js';
import { QueueTable } from './queue-table.js';
import { StoreCounts } from './runtime-info.js';
import { simulatedDisk } from './simulated-disk.js';
import type { SimulatedDisk } from './simulated-disk.js';
import { ListLog, ManualClock, smallConfig, storeRoot } from './store-fixture.js';
import type { PutInput, PutResult, QueueRef } from './types.js';

const storeHost4 = Buffer.from([127, 0, 0, 1, 0, 0, 42, 159]);
const storeHost6 = Buffer.from([...Array.from({ length: 16 }, (_, i) => 0xf0 + i), 0, 0, 42, 160]);
const bornHost4 = Buffer.from([10, 0, 0, 1, 0, 0, 31, 64]);
const bornHost6 = Buffer.from([...Array.from({ length: 16 }, (_, i) => 0x20 + i), 0, 0, 31, 65]);
const { TRANSACTION_PREPARED, TRANSACTION_COMMIT, TRANSACTION_ROLLBACK, INNER_BATCH, BORN_HOST_V6, STORE_HOST_V6 } = messageSysFlag;
const levelMs = [0, 1000, 5000, 10_000, 30_000];

// ---- the plain writer ----

function int(bytes: 1 | 2 | 4 | 8, value: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 8) buffer.writeBigInt64BE(BigInt(value));
  else buffer.writeUIntBE(value < 0 ? value + 2 ** (8 * bytes) : value, 0, bytes);
  return buffer;
}

/** CRC-32 as zlib has it, without its highest bit. */
function crc(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0xedb88320;
  }
  return ~value & 0x7fffffff;
}

interface Plain {
  readonly topic: string;
  readonly queueId: number;
  readonly flag: number;
  readonly sysFlag: number;
  readonly bornHost: Buffer;
  readonly storeHost: Buffer;
  readonly reconsumeTimes: number;
  readonly preparedTransactionOffset: number;
  readonly queueOffset: number;
  readonly phyOffset: number;
  readonly storeTimestamp: number;
  readonly body: Buffer;
  readonly properties: Buffer;
}

const bornTimestamp = 1_600_000_000_000;

function plainRecord(plain: Plain): Buffer {
  const { body, properties } = plain;
  const topic = Buffer.from(plain.topic);
  const long = topic.length > 127;
  const sysFlag = (plain.sysFlag & ~0x30) | (plain.bornHost.length === 20 ? 0x10 : 0) | (plain.storeHost.length === 20 ? 0x20 : 0);
  const rest = Buffer.concat([
    int(4, long ? -626843477 : -626843481), int(4, crc(body)), int(4, plain.queueId), int(4, plain.flag), int(8, plain.queueOffset), int(8, plain.phyOffset),
    int(4, sysFlag), int(8, bornTimestamp), plain.bornHost, int(8, plain.storeTimestamp), plain.storeHost, int(4, plain.reconsumeTimes),
    int(8, plain.preparedTransactionOffset), int(4, body.length), body, int(long ? 2 : 1, topic.length), topic, int(2, properties.length), properties,
  ]);
  return Buffer.concat([int(4, rest.length + 4), rest]);
}

/** A property string as its names and values, the first of each name. */
function valuesOf(properties: Buffer): Map<string, string> {
  const found = new Map<string, string>();
  for (const part of properties.toString('utf8').split('\u0002')) {
    const at = part.indexOf('\u0001');
    if (at >= 0 && !found.has(part.slice(0, at))) found.set(part.slice(0, at), part.slice(at + 1));
  }
  return found;
}

// ---- the store under test ----

interface Bench {
  readonly disk: SimulatedDisk;
  readonly clock: ManualClock;
  readonly store: OpenStore;
  readonly config: StoreConfig;
}

async function bench(change: Partial<StoreConfig> = {}, isBatchTopic?: (topic: string) => boolean, disk = simulatedDisk(1)): Promise<Bench> {
  const clock = new ManualClock();
  const config = smallConfig({ messageDelayLevel: '1s 5s 10s 30s', maxIndexNum: 1000, maxHashSlotNum: 100, ...change });
  const store = await openStore({ root: storeRoot, disk, clock, log: new ListLog(), config, isBatchTopic });
  store.setStoreHost(storeHost4);
  return { disk, clock, store, config };
}

/** One message as a client sends it; `suffix` is what the broker adds. */
interface Message {
  readonly body: Buffer;
  readonly properties: string;
  readonly suffix?: string | undefined;
  readonly flag?: number;
  readonly sysFlag?: number;
  readonly bornHost?: Buffer;
  readonly reconsumeTimes?: number;
  readonly preparedTransactionOffset?: number;
  readonly innerCount?: number;
  readonly multiDispatch?: string;
}

/** Where body and properties of a message lie: in buffers of their own with other bytes around, or where the compiled loops see them. */
function inputOf(queue: QueueRef, message: Message, staged: boolean): PutInput {
  const properties = Buffer.from(message.properties);
  let body = Buffer.concat([Buffer.from('>>'), message.body, Buffer.from('<<')]);
  let bodyStart = 2;
  let props = Buffer.concat([Buffer.from('>>>'), properties, Buffer.from('<')]);
  let propsStart = 3;
  if (staged) {
    const text = JSON.stringify(message.properties);
    const header = Buffer.from(`{"code":310,"extFields":{"i":${text}}}`);
    body = Buffer.concat([header, message.body]);
    bodyStart = header.length;
    expect(scanHeader(body, 0, header.length)).toBe(true);
    const from = header.indexOf('"i":') + 5;
    expect(unescapeScanned(body, from, from + Buffer.byteLength(text) - 2)).toBe(properties.length);
    props = stagedProperties;
    propsStart = 0;
  }
  const span = (name: string): [number, number] => {
    let at = 0;
    for (const part of message.properties.split('\u0002')) {
      if (part.startsWith(`${name}\u0001`)) return [propsStart + at + name.length + 1, propsStart + at + Buffer.byteLength(part)];
      at += Buffer.byteLength(part) + 1;
    }
    return [-1, -1];
  };
  const [uniqKeyStart, uniqKeyEnd] = span('UNIQ_KEY');
  const [keysStart, keysEnd] = span('KEYS');
  const [tagsStart, tagsEnd] = span('TAGS');
  const tag = valuesOf(properties).get('TAGS');
  return {
    queue, flag: message.flag ?? 0, sysFlag: message.sysFlag ?? 0, bornTimestamp, bornHost: message.bornHost ?? bornHost4, reconsumeTimes: message.reconsumeTimes ?? 0,
    preparedTransactionOffset: message.preparedTransactionOffset ?? 0, body, bodyStart, bodyEnd: bodyStart + message.body.length, props, propsStart,
    propsEnd: propsStart + properties.length, propsSuffix: message.suffix === undefined ? undefined : Buffer.from(message.suffix), tagsCode: tag === undefined ? 0 : javaStringHash(tag),
    uniqKeyStart, uniqKeyEnd, keysStart, keysEnd, tagsStart, tagsEnd, innerCount: message.innerCount, multiDispatch: message.multiDispatch,
  };
}

function batchBody(elements: readonly Message[]): Buffer {
  return Buffer.concat(elements.map(({ body, properties, flag }) => {
    const props = Buffer.from(properties);
    return Buffer.concat([int(4, 22 + body.length + props.length), int(4, 0), int(4, 0), int(4, flag ?? 0), int(4, body.length), body, int(2, props.length), props]);
  }));
}

function batchOf(queue: QueueRef, elements: readonly Message[], staged: boolean, more: Partial<Message> = {}): PutInput {
  // A batch's own properties are not stored.
  return inputOf(queue, { ...more, body: batchBody(elements), properties: 'TAGS\u0001not stored\u0002' }, staged);
}

/** What a store is to hold after some puts, written plainly. */
class Expected {
  readonly files: Buffer[] = [];
  readonly entries = new Map<string, Buffer[]>();
  /** phyOffsets by topic and key, oldest first. */
  readonly keys = new Map<string, number[]>();
  readonly fileBytes: number;
  #room = 0;

  constructor(fileBytes: number) {
    this.fileBytes = fileBytes;
  }

  /** Where so many bytes in one piece will go: behind a blank in the next file when they and another blank do not fit. */
  place(length: number): number {
    if (this.#room < length + 8) {
      const last = this.files.at(-1);
      if (last !== undefined && this.#room > 0) Buffer.concat([int(4, this.#room), int(4, -875286124)]).copy(last, this.fileBytes - this.#room);
      this.files.push(Buffer.alloc(this.fileBytes));
      this.#room = this.fileBytes;
    }
    return this.files.length * this.fileBytes - this.#room;
  }

  write(record: Buffer): void {
    record.copy(this.files.at(-1) ?? Buffer.alloc(0), this.fileBytes - this.#room);
    this.#room -= record.length;
  }

  next(topic: string, queueId: number): number {
    return this.entries.get(`${topic}/${queueId}`)?.length ?? 0;
  }

  enter(topic: string, queueId: number, phyOffset: number, length: number, tagsCode: number): void {
    const name = `${topic}/${queueId}`;
    this.entries.set(name, [...(this.entries.get(name) ?? []), Buffer.concat([int(8, phyOffset), int(4, length), int(8, tagsCode)])]);
  }

  /** Takes one message as stored: its record, its entry unless it has none, its keys. Returns its length. */
  take(plain: Omit<Plain, 'phyOffset' | 'queueOffset'>, at = -1): { phyOffset: number; queueOffset: number; length: number } {
    const { topic, queueId, sysFlag, properties, storeTimestamp } = plain;
    const queued = (sysFlag & 4) === 0;
    const queueOffset = queued ? this.next(topic, queueId) : 0;
    const { length } = plainRecord({ ...plain, queueOffset, phyOffset: 0 });
    const phyOffset = at < 0 ? this.place(length) : at;
    this.write(plainRecord({ ...plain, queueOffset, phyOffset }));
    const values = valuesOf(properties);
    const tag = values.get('TAGS');
    const level = Number(values.get('DELAY'));
    const tagsCode = topic === 'SCHEDULE_TOPIC_XXXX' && level > 0 ? storeTimestamp + (levelMs[Math.min(level, 4)] ?? 0) : tag === undefined ? 0 : javaStringHash(tag);
    if (queued) this.enter(topic, queueId, phyOffset, length, tagsCode);
    if ((sysFlag & 12) !== TRANSACTION_ROLLBACK) {
      const note = (kind: string, key: string | undefined): void => {
        if (key === undefined || key === '') return;
        const name = `${topic}#${kind}#${key}`;
        this.keys.set(name, [...(this.keys.get(name) ?? []), phyOffset]);
      };
      note('', values.get('UNIQ_KEY'));
      for (const key of (values.get('KEYS') ?? '').split(' ')) note('', key);
      note('T', tag);
    }
    return { phyOffset, queueOffset, length };
  }
}

/** Log, queues and index are what was expected, and nothing beside. */
async function holds({ disk, store, config }: Bench, expected: Expected): Promise<void> {
  await store.checkpoint();
  const inDir = (dir: string): string[] => disk.files().filter((file) => file.startsWith(`${storeRoot}/${dir}/`));
  const logFiles = inDir('commitlog').map((file) => disk.content(file));
  expect(logFiles.slice(0, expected.files.length).map((file, i) => [i, file.equals(expected.files[i] ?? file)])).toEqual(expected.files.map((_, i) => [i, true]));
  // One may be made ahead.
  expect(logFiles.slice(expected.files.length).every((file) => file.every((byte) => byte === 0))).toBe(true);
  const unitBytes = config.mappedFileSizeConsumeQueue;
  const files = new Map<string, Buffer>();
  for (const [name, entries] of expected.entries) {
    const all = Buffer.concat(entries);
    for (let at = 0; at < all.length; at += unitBytes) {
      const file = Buffer.alloc(unitBytes);
      all.copy(file, 0, at, Math.min(all.length, at + unitBytes));
      files.set(`${storeRoot}/consumequeue/${name}/${String(at).padStart(20, '0')}`, file);
    }
  }
  expect(inDir('consumequeue')).toEqual([...files.keys()].sort());
  for (const [name, bytes] of files) expect([name, disk.content(name).toString('hex')]).toEqual([name, bytes.toString('hex')]);
  for (const [name, phyOffsets] of expected.keys) {
    const [topic = '', kind = '', key = ''] = name.split('#');
    const found = await store.queryIndex(topic, key, 64, 0, Number.MAX_SAFE_INTEGER, kind === '' ? undefined : kind);
    expect([name, found.phyOffsets]).toEqual([name, [...phyOffsets].reverse()]);
  }
}

const record = (b: Bench, queue: QueueRef, message: Message, storeHost: Buffer, properties: Buffer): Omit<Plain, 'phyOffset' | 'queueOffset'> => ({
  topic: queue.topic, queueId: queue.queueId, flag: message.flag ?? 0, sysFlag: message.sysFlag ?? 0, bornHost: message.bornHost ?? bornHost4, storeHost,
  reconsumeTimes: message.reconsumeTimes ?? 0, preparedTransactionOffset: message.preparedTransactionOffset ?? 0, storeTimestamp: b.clock.now, body: message.body, properties,
});

/** A client's properties with what the broker adds: one separator between them, where both are there. */
function stored(properties: string, suffix: string): Buffer {
  const own = suffix.startsWith('\u0002') ? suffix.slice(1) : suffix;
  return Buffer.from(properties + (properties !== '' && own !== '' && !properties.endsWith('\u0002') ? '\u0002' : '') + own);
}

// ---- what is put ----

const key = fc.constantFrom('a', 'kkk', 'a b', ' a  c ', 'ключ', 'ab é', '', 'x'.repeat(40));
const property = fc.oneof(
  key.map((value) => `KEYS\u0001${value}`), key.map((value) => `TAGS\u0001${value}`), fc.stringMatching(/^[0-9A-F]{1,8}$/).map((value) => `UNIQ_KEY\u0001${value}`),
  fc.constantFrom('DELAY\u00011', 'DELAY\u00013', 'DELAY\u00019', 'DELAY\u0001x', 'p\u0001v', 'WAIT\u0001true', 'INNER\u0001', 'PGROUP\u0001g'),
);
const propertyString = fc.tuple(fc.uniqueArray(property, { maxLength: 5, selector: (text) => text.slice(0, text.indexOf('\u0001')) }), fc.boolean())
  .map(([all, ended]) => all.join('\u0002') + (ended && all.length > 0 ? '\u0002' : ''));
const element = fc.record({
  body: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 100, maxLength: 700 })).map((bytes) => Buffer.from(bytes)),
  properties: propertyString, flag: fc.constantFrom(0, 7, -1, 0x7fffffff),
});
const single = fc.record({
  suffix: fc.constantFrom(undefined, '', '\u0002', 'x', 'CLUSTER\u0001c', '\u0002CLUSTER\u0001c\u0002', '\u0002UNIQ_KEY\u0001B1', 'UNIQ_KEY\u0001B2\u0002X\u0001y\u0002'),
  sysFlag: fc.constantFrom(0, 0, 0, 1, TRANSACTION_PREPARED, TRANSACTION_COMMIT, TRANSACTION_ROLLBACK, BORN_HOST_V6 | STORE_HOST_V6, 0x40000301),
  bornHost: fc.constantFrom(bornHost4, bornHost6), reconsumeTimes: fc.constantFrom(0, 3, -1), preparedTransactionOffset: fc.constantFrom(0, 12345678901),
});
const step = fc.record({
  topic: fc.constantFrom('T', 'U', 'SCHEDULE_TOPIC_XXXX', 'l'.repeat(127), 'l'.repeat(128)), queueId: fc.constantFrom(0, 1, 7), staged: fc.boolean(), batch: fc.boolean(),
  elements: fc.array(element, { minLength: 1, maxLength: 5 }), single, storeHost: fc.constantFrom(storeHost4, storeHost6), write: fc.boolean(),
});

describe('any puts', () => {
  test.each([true, false])('leave the bytes of the plain writer in log and queues, and their keys in the index, the index being there: %s', async (messageIndexEnable) => {
    await fc.assert(fc.asyncProperty(fc.array(fc.noShrink(step), { minLength: 1, maxLength: 12 }), async (steps) => {
      const b = await bench({ messageIndexEnable });
      const expected = new Expected(4096);
      let times = 0;
      let bytes = 0;
      for (const { topic, queueId, staged, batch, elements, single: more, storeHost, write } of steps) {
        b.clock.now += 7;
        b.store.setStoreHost(storeHost);
        const queue = b.store.queue(topic, queueId);
        let result: PutResult;
        let taken: { phyOffset: number; queueOffset: number; length: number }[];
        if (batch) {
          const common = { sysFlag: more.sysFlag, bornHost: more.bornHost, reconsumeTimes: more.reconsumeTimes };
          result = b.store.putBatch(batchOf(queue, elements, staged, { ...common, preparedTransactionOffset: 5, flag: 99, suffix: 'S\u0001s\u0002' }));
          const plain = elements.map((one) => record(b, queue, { ...one, ...common }, storeHost, Buffer.from(one.properties)));
          let at = expected.place(plain.map((one) => plainRecord({ ...one, phyOffset: 0, queueOffset: 0 }).length).reduce((sum, length) => sum + length, 0));
          taken = plain.map((one) => {
            const done = expected.take(one, at);
            at += done.length;
            return done;
          });
        } else {
          const head = elements[0] as Message;
          // The broker gives a unique key where the client gave none.
          const one: Message = { ...head, ...more, suffix: head.properties.includes('UNIQ_KEY') ? more.suffix?.replace('UNIQ_KEY', 'OTHER') : more.suffix };
          result = b.store.put(inputOf(queue, one, staged));
          const properties = stored(one.properties, one.suffix ?? '');
          taken = [expected.take(record(b, queue, one, storeHost, properties))];
        }
        const first = taken[0] as (typeof taken)[0];
        const total = taken.reduce((sum, { length }) => sum + length, 0);
        expect({ ...result, phyOffsets: [...result.phyOffsets.subarray(0, taken.length)] }).toEqual({
          status: 'PUT_OK', remark: '', phyOffset: first.phyOffset, queueOffset: first.queueOffset, recordBytes: total, storeTimestamp: b.clock.now, count: taken.length,
          phyOffsets: taken.map(({ phyOffset }) => phyOffset),
        });
        times += taken.length;
        bytes += total;
        if (write) expect(b.store.writeTurn()).toBeUndefined();
      }
      expect(b.store.writeTurn()).toBeUndefined();
      if (!messageIndexEnable) expected.keys.clear();
      await holds(b, expected);
      expect(b.store.runtimeInfo()).toMatchObject({ putMessageTimesTotal: String(times), putMessageSizeTotal: String(bytes), putMessageFailedTimes: '0' });
      b.disk.crash();
      b.clock.dropTimers();
    }), { numRuns: 20 });
  });

  test.each([1, 64, 65, 128, 129, 300])('a batch of %i has that many entries and says where each record is', async (count) => {
    for (const staged of [true, false]) {
      const b = await bench({ mappedFileSizeCommitLog: 1 << 17 });
      const queue = b.store.queue('T', 0);
      const expected = new Expected(1 << 17);
      for (const size of [2, count, 1]) {
        const elements = Array.from({ length: size }, (_, i) => ({ body: Buffer.from(`m${i}`), properties: '' }));
        const result = b.store.putBatch(batchOf(queue, elements, staged));
        const taken = elements.map((one) => expected.take(record(b, queue, one, storeHost4, Buffer.alloc(0))));
        expect([result.status, result.count, [...result.phyOffsets.subarray(0, size)]]).toEqual(['PUT_OK', size, taken.map(({ phyOffset }) => phyOffset)]);
      }
      expect(b.store.writeTurn()).toBeUndefined();
      await holds(b, expected);
      await b.store.close();
    }
  });
});

/** Staged and not, each as one message and as a batch of one. */
const ways = [[false, false], [false, true], [true, false], [true, true]] as const;

function putOne(store: OpenStore, queue: QueueRef, message: Message, staged: boolean, batch: boolean): PutResult {
  return batch ? store.putBatch(batchOf(queue, [message], staged)) : store.put(inputOf(queue, message, staged));
}

describe.each(ways)('at each limit (staged: %s, batch: %s)', (staged, batch) => {
  const plain = (bodyBytes: number, propertiesBytes = 0): Message => ({ body: Buffer.alloc(bodyBytes, 'b'), properties: propertiesBytes === 0 ? '' : `p\u0001${'v'.repeat(propertiesBytes - 2)}` });
  /** Bytes of a batch of one around the body. */
  const around = batch ? 22 : 0;

  /** Puts what just fits, what is one byte beyond, and again; the middle one is refused and leaves no trace. */
  async function limit(b: Bench, topic: string, fits: Message, beyond: Message, refusal: { status: PutResult['status']; remark: string }): Promise<void> {
    const queue = b.store.queue(topic, 0);
    const expected = new Expected(b.config.mappedFileSizeCommitLog);
    const take = (one: Message): { phyOffset: number; queueOffset: number; length: number } => expected.take(record(b, queue, one, storeHost4, Buffer.from(one.properties)));
    const first = take(fits);
    expect({ ...putOne(b.store, queue, fits, staged, batch) }).toMatchObject({ status: 'PUT_OK', remark: '', phyOffset: first.phyOffset, queueOffset: 0, recordBytes: first.length, count: 1 });
    expect({ ...putOne(b.store, queue, beyond, staged, batch) }).toMatchObject({ ...refusal, phyOffset: -1, queueOffset: -1, recordBytes: 0, count: 0 });
    const second = take(fits);
    expect({ ...putOne(b.store, queue, fits, staged, batch) }).toMatchObject({ status: 'PUT_OK', remark: '', phyOffset: second.phyOffset, queueOffset: 1, count: 1 });
    expect(b.store.writeTurn()).toBeUndefined();
    expect(b.store.runtimeInfo()).toMatchObject({ putMessageTimesTotal: '2', putMessageFailedTimes: '1', putMessageSizeTotal: String(2 * first.length) });
    await holds(b, expected);
    await b.store.close();
  }

  test('a body has maxMessageSize bytes at most', async () => {
    const what = batch ? 'the batch body' : 'the message body';
    await limit(await bench({ maxMessageSize: 500 }), 'T', plain(500 - around), plain(501 - around), { status: 'MESSAGE_ILLEGAL', remark: `${what} has 501 bytes, the limit is 500` });
  });

  test.each([['T', 91 + 1], ['v'.repeat(128), 91 + 1 + 128]])('a record leaves 8 bytes of its file, topic %.4s', async (topic, overhead) => {
    const fits = 4096 - 8 - overhead;
    const what = batch ? 'the batch needs' : 'the stored message has';
    await limit(await bench(), topic, plain(fits), plain(fits + 1), { status: 'MESSAGE_ILLEGAL', remark: `${what} 4089 bytes, a commit log file holds 4088` });
  });

  if (!batch) {
    test('properties have 32767 bytes at most', async () => {
      await limit(await bench({ mappedFileSizeCommitLog: 1 << 16 }), 'T', plain(1, 32767), plain(1, 32768), {
        status: 'PROPERTIES_SIZE_EXCEEDED', remark: 'message properties have 32768 bytes, the limit is 32767',
      });
    });

    test('and so they have with what the broker adds and the separator between', async () => {
      const b = await bench({ mappedFileSizeCommitLog: 1 << 16 });
      const queue = b.store.queue('T', 0);
      const put = (propertiesBytes: number, suffix: string, end = ''): string => {
        const { properties } = plain(1, propertiesBytes - end.length);
        const result = b.store.put(inputOf(queue, { body: Buffer.from('b'), properties: properties + end, suffix }, staged));
        return result.remark === '' ? result.status : result.remark;
      };
      expect([put(32757, '123456789'), put(32758, '123456789'), put(32757, '\u0002123456789'), put(32758, '\u0002123456789'), put(32758, '123456789', '\u0002')]).toEqual([
        'PUT_OK', 'message properties have 32768 bytes, the limit is 32767', 'PUT_OK', 'message properties have 32768 bytes, the limit is 32767', 'PUT_OK',
      ]);
      await b.store.close();
    });
  }

  test('a file that cannot be made refuses, and the next message goes where this one would have', async () => {
    const b = await bench();
    const queue = b.store.queue('T', 0);
    const expected = new Expected(4096);
    const one = plain(2500);
    const put = (): PutResult => putOne(b.store, queue, one, staged, batch);
    const take = (): object => ({ status: 'PUT_OK', ...expected.take(record(b, queue, one, storeHost4, Buffer.alloc(0))), length: undefined });
    for (const round of [0, 1]) {
      b.disk.fail('create', 'ENOSPC', staged && batch ? 2 : 1, /commitlog/);
      expect(put()).toMatchObject({ status: 'CREATE_MAPPED_FILE_FAILED', remark: 'a commit log file cannot be created: ENOSPC', phyOffset: -1, count: 0 });
      const { status, phyOffset, queueOffset } = put();
      expect({ status, phyOffset, queueOffset, length: undefined }).toEqual(take());
      expect(queueOffset).toBe(round);
    }
    expect(b.store.writeTurn()).toBeUndefined();
    expect(b.store.runtimeInfo()).toMatchObject({ putMessageTimesTotal: '2', putMessageFailedTimes: '2' });
    await holds(b, expected);
    await b.store.close();
  });

  test('a closed store refuses', async () => {
    const b = await bench();
    const queue = b.store.queue('T', 0);
    await b.store.close();
    expect(putOne(b.store, queue, plain(3), staged, batch)).toMatchObject({ status: 'SERVICE_NOT_AVAILABLE', remark: 'the store is closed', phyOffset: -1, queueOffset: -1, recordBytes: 0, count: 0 });
  });

  test('a queue that was deleted since it was looked up leads to the new one, at 0', async () => {
    const b = await bench();
    const queue = b.store.queue('T', 3);
    for (let i = 0; i < 3; i++) putOne(b.store, queue, plain(3), staged, batch);
    b.store.writeTurn();
    await b.store.deleteTopics(new Set(['T']));
    expect(putOne(b.store, queue, plain(3), staged, batch)).toMatchObject({ status: 'PUT_OK', queueOffset: 0 });
    b.store.writeTurn();
    expect(b.store.queue('T', 3)).not.toBe(queue);
    expect(b.store.queue('T', 3).maxOffset).toBe(1);
    await b.store.close();
  });

  test.each([['looked up and', false], ['put into in the turn under way, still', true]])('a queue without entries that was %s there when its topic was deleted takes and shows messages', async (_, before) => {
    const b = await bench();
    const [other, queue] = [b.store.queue('T', 0), b.store.queue('T', 3)];
    putOne(b.store, other, plain(3), staged, batch);
    b.store.writeTurn();
    if (before) putOne(b.store, queue, plain(3), staged, batch);
    await b.store.deleteTopics(new Set(['T']));
    expect(putOne(b.store, queue, plain(3), staged, batch)).toMatchObject({ status: 'PUT_OK', queueOffset: before ? 1 : 0 });
    expect(putOne(b.store, b.store.queue('T', 3), plain(3), staged, batch)).toMatchObject({ status: 'PUT_OK', queueOffset: before ? 2 : 1 });
    b.store.writeTurn();
    expect([b.store.queueIdsOf('T'), b.store.existingQueue('T', 3)?.maxOffset]).toEqual([[3], before ? 3 : 2]);
    await b.store.close();
  });

  test('the checkpoint, the queue and a write that failed say the newest message', async () => {
    const b = await bench({ messageIndexEnable: staged });
    const queue = b.store.queue('T', 0) as StoreQueue;
    const checkpoint = async (): Promise<bigint[]> => {
      await b.store.checkpoint();
      const page = b.disk.content(`${storeRoot}/checkpoint`);
      return [0, 8, 32, 40].map((at) => page.readBigInt64BE(at));
    };
    const opened = b.clock.now;
    let last = -1;
    for (let i = 0; i < 3; i++) {
      b.clock.now += 1000;
      last = putOne(b.store, queue, plain(i), staged, batch).phyOffset;
      expect([queue.touched, queue.lastPutMs, queue.lastPhyOffset]).toEqual([true, b.clock.now, last]);
    }
    b.store.writeTurn();
    expect([queue.touched, last > 0]).toEqual([false, true]);
    const state = [BigInt(opened + 3000), BigInt(opened + 3000), BigInt(last), BigInt(last)];
    expect(await checkpoint()).toEqual(state);
    b.clock.now += 1000;
    b.disk.fail('write', 'ENOSPC', 1, /commitlog/);
    putOne(b.store, queue, plain(1), staged, batch);
    putOne(b.store, queue, plain(1), staged, batch);
    expect(b.store.writeTurn()).toContain('ENOSPC');
    expect([queue.touched, queue.lastPhyOffset, queue.nextOffset]).toEqual([false, last, 3]);
    await b.clock.advance(3000);
    expect(b.store.fault).toBeUndefined();
    const next = putOne(b.store, queue, plain(1), staged, batch);
    expect(next).toMatchObject({ status: 'PUT_OK', queueOffset: 3, phyOffset: b.store.positions.written });
    await b.store.close();
  });

  test('filter bits are asked for with the whole record, and stand in the units of its entries', async () => {
    const b = await bench({ enableConsumeQueueExt: true, mappedFileSizeConsumeQueueExt: 4096 });
    const seen: [string, string][] = [];
    b.store.setBitMapOf((topic, bytes, start, end) => {
      seen.push([topic, Buffer.from(bytes.subarray(start, end)).toString('hex')]);
      return Uint8Array.of(seen.length, 9);
    });
    const queue = b.store.queue('T', 0);
    const expected = new Expected(4096);
    const records: string[] = [];
    for (let i = 0; i < 3; i++) {
      const one = plain(10 + i);
      putOne(b.store, queue, one, staged, batch);
      const { phyOffset, queueOffset } = expected.take(record(b, queue, one, storeHost4, Buffer.alloc(0)));
      records.push(plainRecord({ ...record(b, queue, one, storeHost4, Buffer.alloc(0)), phyOffset, queueOffset }).toString('hex'));
    }
    b.store.writeTurn();
    expect(seen).toEqual(records.map((hex) => ['T', hex]));
    const units = await b.store.units(queue, 0, 3);
    expect(units.map(({ extension }) => (typeof extension === 'object' ? [...extension.bitMap] : extension))).toEqual([[1, 9], [2, 9], [3, 9]]);
    await b.store.close();
  });
});

describe('batches', () => {
  const elements = ['one', 'two', 'three'].map((body) => ({ body: Buffer.from(body), properties: 'TAGS\u0001a\u0002' }));

  test.each([false, true])('that are empty, cut short or damaged are refused, saying where, staged: %s', async (staged) => {
    const b = await bench();
    const queue = b.store.queue('T', 0);
    const whole = batchBody(elements);
    const put = (body: Buffer): PutResult => b.store.putBatch(inputOf(queue, { body, properties: '' }, staged));
    expect(put(Buffer.alloc(0))).toMatchObject({ status: 'MESSAGE_ILLEGAL', remark: 'the batch is empty', count: 0 });
    const lengths = elements.map((one) => batchBody([one]).length);
    for (let end = 1; end < whole.length; end++) {
      const fit = lengths.filter((_, i) => lengths.slice(0, i + 1).reduce((sum, length) => sum + length, 0) <= end).length;
      const cut = lengths.slice(0, fit).reduce((sum, length) => sum + length, 0) !== end;
      const result = put(whole.subarray(0, end));
      expect([end, result.status, result.count]).toEqual([end, cut ? 'MESSAGE_ILLEGAL' : 'PUT_OK', cut ? 0 : fit]);
      if (cut) expect(result.remark).toMatch(new RegExp(`^element ${fit} of the batch cannot be read: .`));
    }
    expect(put(whole)).toMatchObject({ status: 'PUT_OK', count: 3, queueOffset: 3 });
    await b.store.close();
  });

  test('a batch may fill a file but for 8 bytes, all of it or nothing', async () => {
    for (const staged of [false, true]) {
      const b = await bench();
      const queue = b.store.queue('T', 0);
      const expected = new Expected(4096);
      const of = (bytes: number): Message[] => [1000, 1000, bytes - 2000 - 3 * 92].map((size) => ({ body: Buffer.alloc(size, 'x'), properties: '' }));
      expect(b.store.putBatch(batchOf(queue, of(4089), staged))).toMatchObject({ status: 'MESSAGE_ILLEGAL', remark: 'the batch needs 4089 bytes, a commit log file holds 4088' });
      expect(b.store.putBatch(batchOf(queue, of(4088), staged))).toMatchObject({ status: 'PUT_OK', queueOffset: 0, recordBytes: 4088 });
      for (const one of of(4088)) expected.take(record(b, queue, one, storeHost4, Buffer.alloc(0)));
      expect(b.store.writeTurn()).toBeUndefined();
      await holds(b, expected);
      await b.store.close();
    }
  });

  test('to a topic with queue.type=BatchCQ are a unit of one message each', async () => {
    for (const staged of [false, true]) {
      const b = await bench({}, (topic) => topic === 'B');
      const queue = b.store.queue('B', 0) as StoreQueue;
      expect(b.store.putBatch(batchOf(queue, elements, staged))).toMatchObject({ status: 'PUT_OK', queueOffset: 0, count: 3 });
      b.clock.now += 5;
      const { phyOffsets } = b.store.put(inputOf(queue, { body: Buffer.from('four'), properties: 'TAGS\u0001b\u0002INNER_NUM\u00012', sysFlag: INNER_BATCH, innerCount: 2, suffix: '\u0002X\u0001y\u0002' }, staged));
      const last = phyOffsets[0] ?? -1;
      expect([queue.touched, queue.lastPutMs]).toEqual([true, b.clock.now]);
      expect(b.store.writeTurn()).toBeUndefined();
      await b.store.checkpoint();
      const props = Buffer.from('TAGS\u0001b\u0002INNER_NUM\u00012\u0002X\u0001y\u0002INNER_BASE\u00013\u0002');
      const plain = plainRecord({ ...record(b, queue, { body: Buffer.from('four'), properties: '', sysFlag: INNER_BATCH }, storeHost4, props), phyOffset: last, queueOffset: 3 });
      expect((await b.store.record(last))?.equals(plain)).toBe(true);
      const file = b.disk.content(`${storeRoot}/batchconsumequeue/B/0/${'0'.repeat(20)}`);
      const unit = (phyOffset: number, size: number, tag: string, ms: number, base: number, count: number): Buffer => Buffer.concat([
        int(8, phyOffset), int(4, size), int(8, javaStringHash(tag)), int(8, ms), int(8, base), int(2, count), int(4, -1), int(4, 0),
      ]);
      let at = 0;
      const units = elements.map(({ body }, i) => {
        const size = 92 + body.length + 7;
        at += size;
        return unit(at - size, size, 'a', b.clock.now - 5, i, 1);
      });
      expect(file.subarray(0, 4 * 46).toString('hex')).toBe(Buffer.concat([...units, unit(last, plain.length, 'b', b.clock.now, 3, 2)]).toString('hex'));
      expect(queue.maxOffset).toBe(5);
      await b.store.close();
    }
  });
});

describe('light queues', () => {
  const light = { enableLmq: true, enableMultiDispatch: true };
  const naming = (names: string, more: Partial<Message> = {}): Message => ({ body: Buffer.from('b'), properties: `UNIQ_KEY\u0001U\u0002TAGS\u0001t\u0002INNER_MULTI_DISPATCH\u0001${names}`, multiDispatch: names, ...more });

  test.each([false, true])('a record says its place in each, behind what the broker adds; the entries lead to it, staged: %s', async (staged) => {
    const b = await bench(light);
    const queue = b.store.queue('T', 0);
    const expected = new Expected(4096);
    for (const [names, suffix] of [['%LMQ%a,%LMQ%b', 'X\u0001y\u0002'], ['%LMQ%b', undefined], ['%LMQ%a,%LMQ%b,%LMQ%a', '\u0002X\u0001y\u0002']] as const) {
      const one = naming(names, { suffix });
      const all = names.split(',');
      const offsets = all.map((name) => expected.next(name, 0)).join();
      b.clock.now += 3;
      expect(b.store.put(inputOf(queue, one, staged))).toMatchObject({ status: 'PUT_OK' });
      const properties = stored(one.properties, `${(suffix ?? '').replace('\u0002X', 'X')}INNER_MULTI_QUEUE_OFFSET\u0001${offsets}\u0002`);
      const { phyOffset, length } = expected.take(record(b, queue, one, storeHost4, properties));
      for (const name of new Set(all)) {
        expected.enter(name, 0, phyOffset, length, javaStringHash('t'));
        const there = b.store.queue(name, 0) as StoreQueue;
        expect([name, there.lastPhyOffset, there.lastPutMs, there.touched]).toEqual([name, phyOffset, b.clock.now, true]);
      }
    }
    expect(b.store.writeTurn()).toBeUndefined();
    await holds(b, expected);
    await b.store.close();
  });

  test('a message that is not decided yet, or of a batch queue, is in none', async () => {
    const b = await bench(light, (topic) => topic === 'B');
    expect(b.store.put(inputOf(b.store.queue('T', 0), naming('%LMQ%a', { sysFlag: TRANSACTION_PREPARED }), false)).status).toBe('PUT_OK');
    expect(b.store.put(inputOf(b.store.queue('T', 0), naming('%LMQ%a', { sysFlag: TRANSACTION_ROLLBACK }), false)).status).toBe('PUT_OK');
    expect(b.store.put(inputOf(b.store.queue('B', 0), naming('%LMQ%a'), false)).status).toBe('PUT_OK');
    expect(b.store.writeTurn()).toBeUndefined();
    expect([b.store.lightQueues, b.store.existingQueue('%LMQ%a', 0)]).toEqual([0, undefined]);
    const rest = await b.store.record(0);
    expect(rest?.includes('INNER_MULTI_QUEUE_OFFSET')).toBe(false);
    expect(b.store.put(inputOf(b.store.queue('T', 0), naming('%LMQ%a', { sysFlag: TRANSACTION_COMMIT }), false)).status).toBe('PUT_OK');
    expect(b.store.writeTurn()).toBeUndefined();
    expect(b.store.lightQueues).toBe(1);
    await b.store.close();
  });

  test('a name that is none is refused with what names are, cut to 64 characters', async () => {
    const b = await bench(light);
    const rule = 'names begin with %LMQ%, have at most 255 bytes and none of / \\ , and control characters';
    for (const [names, shown] of [['foo', '"foo"'], ['%LMQ%a,x"y', '"x\\"y"'], [`%LMQ%/${'z'.repeat(100)}`, JSON.stringify(`%LMQ%/${'z'.repeat(58)}`)], ['%LMQ%a,,%LMQ%b', '""']] as const) {
      const result = b.store.put(inputOf(b.store.queue('T', 0), naming(names), false));
      expect([result.status, result.remark, result.count]).toEqual(['MESSAGE_ILLEGAL', `INNER_MULTI_DISPATCH names ${shown}: ${rule}`, 0]);
    }
    // Empty names at the end are none.
    expect(b.store.put(inputOf(b.store.queue('T', 0), naming('%LMQ%a,,'), false)).status).toBe('PUT_OK');
    expect(b.store.put(inputOf(b.store.queue('T', 0), naming(','), false)).status).toBe('PUT_OK');
    await b.store.close();
  });

  test('with enableLmqQuota no more than maxLmqConsumeQueueNum are made, those of the turn under way among them', async () => {
    const b = await bench({ ...light, enableLmqQuota: true, maxLmqConsumeQueueNum: 3 });
    const queue = b.store.queue('T', 0);
    const put = (names: string): string => b.store.put(inputOf(queue, naming(names), false)).status;
    const exceeded = 'LMQ_CONSUME_QUEUE_NUM_EXCEEDED';
    // Two are too many behind these, one named twice is one, and then there is room for none.
    expect([put('%LMQ%a,%LMQ%b'), put('%LMQ%x,%LMQ%y'), put('%LMQ%x,%LMQ%x'), put('%LMQ%z'), put('%LMQ%x,%LMQ%a')]).toEqual(['PUT_OK', exceeded, 'PUT_OK', exceeded, 'PUT_OK']);
    expect(b.store.runtimeInfo()['putMessageFailedTimes']).toBe('2');
    expect(b.store.put(inputOf(queue, naming('%LMQ%z'), false)).remark).toBe('too many light queues');
    expect(b.store.writeTurn()).toBeUndefined();
    expect([b.store.lightQueues, put('%LMQ%z'), put('%LMQ%x')]).toEqual([3, exceeded, 'PUT_OK']);
    expect(b.store.writeTurn()).toBeUndefined();
    // One that is there already makes none.
    await b.store.deleteTopics(new Set(['%LMQ%b']));
    expect([put('%LMQ%a'), put('%LMQ%x,%LMQ%a'), put('%LMQ%b'), put('%LMQ%z')]).toEqual(['PUT_OK', 'PUT_OK', 'PUT_OK', exceeded]);
    await b.store.close();
  });

  test.each<[string, Partial<StoreConfig>, number]>([
    ['maxLmqConsumeQueueNum', { enableLmqQuota: true, maxLmqConsumeQueueNum: 5 }, 5], ['20000 by default', { enableLmqQuota: true }, 20_000],
    ['ours, whatever the key says', { enableLmqQuota: true, maxLmqConsumeQueueNum: 1_000_000 }, 200_000], ['ours without a quota', { maxLmqConsumeQueueNum: 5 }, 200_000],
  ])('the limit is %s', (_, change, max) => {
    const disk = simulatedDisk(1);
    const clock = new ManualClock();
    const config = smallConfig({ ...light, ...change });
    const commitLog = new CommitLog(disk, `${storeRoot}/commitlog`, 4096, 16384, () => clock.now);
    disk.makeDir(commitLog.dir);
    commitLog.startAt(0);
    const queues = new QueueTable(disk, `${storeRoot}/consumequeue`, 160);
    const appender = new Appender({ root: storeRoot, config, disk, clock, log: new ListLog(), commitLog, queues, index: undefined, collect: undefined, delayLevels: levelMs }, new StoreCounts(0), -1, 0);
    const put = (names: string): string => appender.put(inputOf(queues.ref('T', 0), naming(names), false)).status;
    queues.lightCount = max - 1;
    expect([put('%LMQ%a,%LMQ%b'), put('%LMQ%a'), put('%LMQ%b'), put('%LMQ%a')]).toEqual(['LMQ_CONSUME_QUEUE_NUM_EXCEEDED', 'PUT_OK', 'LMQ_CONSUME_QUEUE_NUM_EXCEEDED', 'PUT_OK']);
    queues.lightCount = max + 7;
    expect([put('%LMQ%c'), put('%LMQ%a')]).toEqual(['LMQ_CONSUME_QUEUE_NUM_EXCEEDED', 'PUT_OK']);
  });

  test('those of a turn that was not written are not counted', async () => {
    const b = await bench({ ...light, enableLmqQuota: true, maxLmqConsumeQueueNum: 1 });
    const put = (names: string): string => b.store.put(inputOf(b.store.queue('T', 0), naming(names), false)).status;
    b.disk.fail('write', 'ENOSPC', 1, /commitlog/);
    expect(put('%LMQ%a')).toBe('PUT_OK');
    expect(b.store.writeTurn()).toContain('ENOSPC');
    await b.clock.advance(3000);
    expect([put('%LMQ%b'), put('%LMQ%c')]).toEqual(['PUT_OK', 'LMQ_CONSUME_QUEUE_NUM_EXCEEDED']);
    await b.store.close();
  });
});

test.each([[0, 7], [9, 19], [21, 16]])('a store host of %i or %i bytes is none', async (...lengths) => {
  const b = await bench();
  for (const length of lengths) expect(() => b.store.setStoreHost(new Uint8Array(length))).toThrow(new RangeError(`a store host has 8 or 20 bytes, not ${length}`));
  await b.store.close();
});

test('the store keeps a copy of its host, and puts before it is known carry zeros', async () => {
  const disk = simulatedDisk(1);
  const store = await openStore({ root: storeRoot, disk, clock: new ManualClock(), log: new ListLog(), config: smallConfig() });
  const queue = store.queue('T', 0);
  const one = { body: Buffer.from('b'), properties: '' };
  store.put(inputOf(queue, one, false));
  const host = Buffer.from(storeHost4);
  store.setStoreHost(host);
  host.fill(1);
  store.put(inputOf(queue, one, false));
  store.writeTurn();
  const hostOf = async (phyOffset: number): Promise<string | undefined> => (await store.record(phyOffset))?.subarray(64, 72).toString('hex');
  expect([await hostOf(0), await hostOf(93)]).toEqual(['00'.repeat(8), storeHost4.toString('hex')]);
  await store.close();
});

test('what the broker adds may be one buffer for many messages', async () => {
  for (const suffix of ['\u0002A\u0001b\u0002', 'A\u0001b\u0002']) {
    const b = await bench();
    const queue = b.store.queue('T', 0);
    const shared = Buffer.from(suffix);
    for (const own of [shared, Buffer.from('\u0002OTHER\u0001x\u0002'), shared, shared]) b.store.put({ ...inputOf(queue, { body: Buffer.from('b'), properties: 'P\u0001q' }, false), propsSuffix: own });
    b.store.writeTurn();
    const units = await b.store.units(queue, 0, 4);
    const ends = await Promise.all(units.map(async ({ phyOffset, recordBytes }) => (await b.store.record(phyOffset))?.toString('latin1', 93, recordBytes)));
    expect(ends).toEqual(['P\u0001q\u0002A\u0001b\u0002', 'P\u0001q\u0002OTHER\u0001x\u0002', 'P\u0001q\u0002A\u0001b\u0002', 'P\u0001q\u0002A\u0001b\u0002']);
    await b.store.close();
  }
});

test('a message whose bytes changed after its header was staged is stored with the new ones', async () => {
  const b = await bench();
  const queue = b.store.queue('T', 0);
  const input = inputOf(queue, { body: Buffer.from('before'), properties: 'UNIQ_KEY\u0001U\u0002' }, true);
  unstage(input.body);
  input.body.write('after!', input.bodyStart);
  const { phyOffset } = b.store.put(input);
  b.store.writeTurn();
  expect((await b.store.record(phyOffset))?.toString('latin1', 88, 94)).toBe('after!');
  await b.store.close();
});
