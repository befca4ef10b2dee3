/** What the store's tests share: a clock moved by hand, small files, messages that know where they belong, and a check of everything a store holds. */
import { viewOf } from '../codec/int64.js';
import { encodeRecord, readRecord, recordCheck, RecordFields, recordLengthOf, RecordView } from '../codec/message-record.js';
import { parseProperties } from '../codec/properties.js';
import { javaStringHash } from '../compat/java-string-hash.js';
import { openStore } from './message-store.js';
import type { OpenStore } from './message-store.js';
import { defaultStoreConfig } from './options.js';
import type { StoreClock, StoreConfig, StoreLog, StoreTimer } from './options.js';
import type { Disk } from './disk.js';
import { CommitLog } from './commit-log.js';
import type { StoreQueue } from './consume-queue.js';
import type { ReadSession } from './log-reader.js';
import type { StoreParts } from './parts.js';
import { QueueTable } from './queue-table.js';
import { simulatedDisk } from './simulated-disk.js';
import type { SimulatedDisk } from './simulated-disk.js';
import type { PutInput, QueueRef } from './types.js';

export class ManualClock implements StoreClock {
  now = 1_700_000_000_000;
  #timers: { at: number; callback: () => void }[] = [];

  nowMs(): number {
    return this.now;
  }

  setTimeout(callback: () => void, delayMs: number): StoreTimer {
    const timer = { at: this.now + delayMs, callback };
    this.#timers.push(timer);
    return {
      clear: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  /** The process died: its timers with it. */
  dropTimers(): void {
    this.#timers = [];
  }

  /** Moves time, running timers in order and letting what they start settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await settle();
      this.#timers.sort((a, b) => a.at - b.at);
      const next = this.#timers[0];
      if (next === undefined || next.at > end) break;
      this.#timers.shift();
      this.now = Math.max(this.now, next.at);
      next.callback();
    }
    this.now = end;
    await settle();
  }
}

/** Lets everything that is only waiting for microtasks get done. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

export class ListLog implements StoreLog {
  readonly lines: string[] = [];
  info(_fields: object, message: string): void {
    this.lines.push(`info ${message}`);
  }
  warn(_fields: object, message: string): void {
    this.lines.push(`warn ${message}`);
  }
  error(_fields: object, message: string): void {
    this.lines.push(`error ${message}`);
  }
}

/** Small files so that everything rolls; derived files of odd sizes. */
export function smallConfig(change: Partial<StoreConfig> = {}): StoreConfig {
  return {
    ...defaultStoreConfig(),
    mappedFileSizeCommitLog: 4096,
    mappedFileSizeConsumeQueue: 20 * 8,
    maxHashSlotNum: 7,
    maxIndexNum: 24,
    tailCacheBytesMax: 16384,
    readCacheBytesMax: 1024 * 1024,
    totalMemoryBytes: 64 * 1024 * 1024,
    ...change,
  };
}

export const storeRoot = '/store';

export function openOn(disk: Disk, clock: StoreClock, config: StoreConfig, log: StoreLog = new ListLog(), commitLogDir = ''): Promise<OpenStore> {
  return openStore({ root: storeRoot, commitLogDir, disk, clock, log, config }).then((store) => {
    store.setStoreHost(Buffer.from([127, 0, 0, 1, 0, 0, 42, 159]));
    return store;
  });
}

const bornHost = Buffer.from([10, 0, 0, 1, 0, 0, 31, 64]);

/** A message of this text for a queue, with a unique key, a key and a tag. */
export function message(queue: QueueRef, text: string, extra: { tag?: string; uniq?: string; keys?: string; suffix?: string; padding?: number } = {}): PutInput {
  const body = Buffer.from(text + ' '.repeat(extra.padding ?? 0), 'utf8');
  const spans = { uniqKeyStart: -1, uniqKeyEnd: -1, keysStart: -1, keysEnd: -1, tagsStart: -1, tagsEnd: -1 };
  let props = '';
  const add = (name: string, value: string | undefined, span: 'uniqKey' | 'keys' | 'tags'): void => {
    if (value === undefined) return;
    spans[`${span}Start`] = Buffer.byteLength(props) + name.length + 1;
    props += `${name}\u0001${value}`;
    spans[`${span}End`] = Buffer.byteLength(props);
    props += '\u0002';
  };
  add('UNIQ_KEY', extra.uniq, 'uniqKey');
  add('KEYS', extra.keys, 'keys');
  add('TAGS', extra.tag, 'tags');
  const bytes = Buffer.from(props, 'utf8');
  return {
    queue,
    flag: 7,
    sysFlag: 0,
    bornTimestamp: 1_600_000_000_000,
    bornHost,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body,
    bodyStart: 0,
    bodyEnd: body.length,
    props: bytes,
    propsStart: 0,
    propsEnd: bytes.length,
    propsSuffix: extra.suffix === undefined ? undefined : Buffer.from(extra.suffix, 'utf8'),
    tagsCode: extra.tag === undefined ? 0 : javaStringHash(extra.tag),
    ...spans,
  };
}

/** A record as the CommitLog has it, with KEYS when they are given. */
export function storedRecord(queueOffset: number, text: string, keys?: string, change: Partial<RecordFields> = {}): Buffer {
  const [body, properties] = [Buffer.from(text), Buffer.from(keys === undefined ? '' : `KEYS\u0001${keys}\u0002`)];
  const parts = { topic: Buffer.from('C'), body, bodyEnd: body.length, properties, propertiesEnd: properties.length };
  const fields = Object.assign(new RecordFields(), { queueOffset, phyOffset: 1_000_000 + queueOffset, bornHost, storeHost: bornHost, storeTimestamp: 1_700_000_000_000 + queueOffset, ...parts, ...change });
  const bytes = Buffer.alloc(recordLengthOf(fields));
  encodeRecord(bytes, viewOf(bytes), 0, fields);
  return bytes;
}

/** The records in the slices of a get. */
export function recordsOf(slices: readonly Buffer[]): { text: string; queueOffset: number; phyOffset: number; topic: string; props: Map<string, string> }[] {
  const found = [];
  const view = new RecordView();
  for (const slice of slices) {
    for (let at = 0; at < slice.length; at += view.size) {
      const outcome = readRecord(view, slice, at, slice.length, recordCheck.BODY_CRC);
      if (outcome !== 'record') throw new Error(`no record at ${at} of a slice: ${outcome} ${view.reason}`);
      found.push({
        text: slice.toString('utf8', view.bodyStart, view.bodyEnd).trimEnd(),
        queueOffset: view.queueOffset,
        phyOffset: view.phyOffset,
        topic: slice.toString('utf8', view.topicStart, view.topicEnd),
        props: parseProperties(slice.toString('utf8', view.propertiesStart, view.propertiesEnd)),
      });
    }
  }
  return found;
}

/** Everything a queue serves from its first offset on, each at the offset it says. */
export async function readAll(store: OpenStore, queue: QueueRef): Promise<string[]> {
  const texts: string[] = [];
  let at = queue.minOffset;
  while (at < queue.maxOffset) {
    const result = await store.get(queue, at, 32, 1 << 20, undefined);
    if (result.status !== 'FOUND') throw new Error(`${queue.topic}/${queue.queueId} at ${at}: ${result.status}`);
    for (const record of recordsOf(result.slices)) {
      if (record.queueOffset !== at || record.topic !== queue.topic) throw new Error(`offset ${at} of ${queue.topic} holds ${record.topic} ${record.queueOffset}`);
      texts.push(record.text);
      at++;
    }
    if (result.nextBeginOffset !== at) throw new Error(`next offset ${result.nextBeginOffset} after ${at}`);
  }
  return texts;
}

/** Entries, records and index agree with each other for all queues. Returns texts by `topic/queueId`. */
export async function checkStore(store: OpenStore): Promise<Map<string, string[]>> {
  const all = new Map<string, string[]>();
  for (const topic of store.topicsOnDisk()) {
    for (const queueId of store.queueIdsOf(topic)) {
      const queue = store.queue(topic, queueId);
      all.set(`${topic}/${queueId}`, await readAll(store, queue));
      let last = -1;
      for (const unit of await store.units(queue, queue.minOffset, queue.maxOffset)) {
        if (unit.phyOffset <= last) throw new Error(`entries of ${topic}/${queueId} go back at ${unit.queueOffset}`);
        last = unit.phyOffset;
        const record = await store.record(unit.phyOffset);
        if (record === undefined || record.length !== unit.recordBytes) throw new Error(`no record for entry ${unit.queueOffset} of ${topic}/${queueId}`);
        const view = new RecordView();
        readRecord(view, record, 0, record.length);
        const props = parseProperties(record.toString('utf8', view.propertiesStart, view.propertiesEnd));
        const tag = props.get('TAGS');
        if (unit.tagsCode !== (tag === undefined ? 0 : javaStringHash(tag))) throw new Error(`tags code of entry ${unit.queueOffset} of ${topic}/${queueId}`);
        const uniq = props.get('UNIQ_KEY');
        if (uniq === undefined) continue;
        const hits = await store.queryIndex(topic, uniq, 64, 0, Number.MAX_SAFE_INTEGER, undefined);
        const same = hits.phyOffsets.filter((phyOffset) => phyOffset === unit.phyOffset).length;
        if (same !== 1) throw new Error(`the index has ${same} entries for ${uniq} at ${unit.phyOffset}, hits ${hits.phyOffsets.join()}`);
      }
    }
  }
  return all;
}

/** What a record says, for `plainRecord`. */
export interface PlainRecord {
  queueId: number;
  queueOffset: number;
  phyOffset: number;
  topic: string;
  body: string;
  properties: string;
  storeTimestamp: number;
  bornV6: boolean;
  storeV6: boolean;
  v2: boolean;
}

/** A record's bytes, written field by field without the encoder of the product; `at` says where each field stands. */
export function plainRecord(fields: Partial<PlainRecord> = {}): { bytes: Buffer; at: Record<'size' | 'magic' | 'bodyCrc' | 'queueId' | 'queueOffset' | 'phyOffset' | 'sysFlag' | 'storeTimestamp' | 'body' | 'topic' | 'properties', number> } {
  const { queueId = 0, queueOffset = 0, phyOffset = 0, topic = 'T', body = '', properties = '', storeTimestamp = 0, bornV6 = false, storeV6 = false, v2 = false } = fields;
  const parts: Buffer[] = [];
  let length = 0;
  const add = (bytes: Buffer): number => {
    parts.push(bytes);
    length += bytes.length;
    return length - bytes.length;
  };
  const int = (bytes: number, value: number): number => {
    const field = Buffer.alloc(bytes);
    if (bytes === 8) field.writeBigInt64BE(BigInt(value));
    else field.writeIntBE(value, 0, bytes);
    return add(field);
  };
  const bodyBytes = Buffer.from(body);
  const at = { size: int(4, 0), magic: int(4, v2 ? -626843477 : -626843481), bodyCrc: int(4, crc32Of(bodyBytes)), queueId: int(4, queueId), queueOffset: (int(4, 5), int(8, queueOffset)), phyOffset: int(8, phyOffset), sysFlag: int(4, (bornV6 ? 16 : 0) + (storeV6 ? 32 : 0)), storeTimestamp: 0, body: 0, topic: 0, properties: 0 };
  int(8, 1_600_000_000_000);
  add(Buffer.alloc(bornV6 ? 20 : 8, 1));
  at.storeTimestamp = int(8, storeTimestamp);
  add(Buffer.alloc(storeV6 ? 20 : 8, 2));
  int(4, 0);
  int(8, 0);
  at.body = int(4, bodyBytes.length);
  add(bodyBytes);
  at.topic = int(v2 ? 2 : 1, Buffer.byteLength(topic));
  add(Buffer.from(topic));
  at.properties = int(2, Buffer.byteLength(properties));
  add(Buffer.from(properties));
  const bytes = Buffer.concat(parts);
  bytes.writeInt32BE(length, 0);
  return { bytes, at };
}

const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  return crc;
});

/** The CRC of a body; records keep 31 bits of it. */
function crc32Of(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] as number);
  return ~crc & 0x7fffffff;
}

/** One entry and the record that it leads to, as `BareStore.put` made them. */
export interface BareMessage {
  readonly queueOffset: number;
  readonly phyOffset: number;
  readonly size: number;
}

/** The parts of a store without what opens, recovers and fills it: what its log, queues and files hold is the test's to say. */
export class BareStore {
  readonly disk: SimulatedDisk;
  readonly clock = new ManualClock();
  readonly log = new ListLog();
  readonly config: StoreConfig;
  readonly commitLog: CommitLog;
  readonly queues: QueueTable;
  readonly parts: StoreParts;
  /** Bytes asked for by each read off the thread. */
  readonly reads: number[] = [];
  /** Reads off the thread fail with it. */
  readFault: Error | undefined = undefined;

  constructor(change: Partial<StoreConfig> = {}, options: { batch?: boolean } = {}) {
    this.disk = simulatedDisk(1);
    this.disk.wait = async (op, bytes) => {
      if (op !== 'read') return;
      this.reads.push(bytes);
      await Promise.resolve();
      if (this.readFault !== undefined) throw this.readFault;
    };
    const config = (this.config = smallConfig(change));
    this.disk.makeDir(`${storeRoot}/commitlog`);
    this.commitLog = new CommitLog(this.disk, `${storeRoot}/commitlog`, config.mappedFileSizeCommitLog, config.tailCacheBytesMax, () => this.clock.now);
    this.commitLog.startAt(0);
    this.queues = new QueueTable(this.disk, `${storeRoot}/consumequeue`, config.mappedFileSizeConsumeQueue, {
      extensions: config.enableConsumeQueueExt === true ? { root: `${storeRoot}/consumequeue_ext`, fileBytes: config.mappedFileSizeConsumeQueueExt ?? 4096 } : undefined,
      batch: options.batch === true ? { isBatchTopic: (topic) => topic.startsWith('B'), entriesRoot: `${storeRoot}/batchentries`, unitsRoot: `${storeRoot}/batchconsumequeue`, unitFileBytes: 46 * 8 } : undefined,
    });
    this.parts = { root: storeRoot, config, disk: this.disk, clock: this.clock, log: this.log, commitLog: this.commitLog, queues: this.queues, index: undefined, collect: undefined, delayLevels: [0] };
  }

  /** Writes bytes to the end of the log; `make` is told where. */
  append(length: number, make: (phyOffset: number) => Buffer): number {
    const phyOffset = this.commitLog.reserve(length);
    this.commitLog.bytes.set(make(phyOffset), this.commitLog.pos);
    this.commitLog.commit(length);
    this.commitLog.write();
    return phyOffset;
  }

  /** A record at the end of the log and the entry, or with `count` the entries, that lead to it; all visible. */
  put(queue: StoreQueue, fields: Partial<PlainRecord> & { tagsCode?: number; count?: number; bitMap?: Uint8Array } = {}): BareMessage {
    const queueOffset = queue.nextOffset;
    const make = (phyOffset: number): Buffer => plainRecord({ topic: queue.topic, queueId: queue.queueId, queueOffset, ...fields, phyOffset }).bytes;
    const size = make(0).length;
    const phyOffset = this.append(size, make);
    if (fields.count !== undefined) queue.appendBatch(phyOffset, size, fields.tagsCode ?? 0, fields.storeTimestamp ?? 0, fields.count);
    else this.queues.append(queue, phyOffset, size, fields.tagsCode ?? 0, fields.storeTimestamp ?? 0, fields.bitMap);
    this.show(queue);
    return { queueOffset, phyOffset, size };
  }

  /** An entry that leads wherever it says; visible. */
  entry(queue: StoreQueue, phyOffset: number, size: number, tagsCode = 0): void {
    queue.append(phyOffset, size, tagsCode);
    this.show(queue);
  }

  /** What was appended to a queue becomes visible. */
  show(queue: StoreQueue): void {
    this.queues.register(queue);
    queue.writtenOffset = queue.maxOffset = queue.nextOffset;
    queue.extension?.written();
    this.queues.dirty.add(queue);
  }

  /** Entries go to their files and leave memory. */
  async coolQueues(): Promise<void> {
    await this.queues.flush();
    for (const queue of this.queues.all()) queue.release(0);
  }

  /** Writes over bytes of the log in its file, as damage would. */
  damageLog(phyOffset: number, bytes: Uint8Array): void {
    const file = this.commitLog.fileAt(phyOffset);
    if (file === undefined) throw new Error(`no file at ${phyOffset}`);
    file.file.writeSync(bytes, 0, bytes.length, phyOffset - file.base);
  }

  /** Writes over bytes of an entry in its file. */
  damageEntry(queue: StoreQueue, queueOffset: number, at: number, bytes: Uint8Array): void {
    const fileBase = Math.floor(queueOffset / queue.fileUnits) * queue.fileUnits * 20;
    this.queues.open(queue, fileBase).writeSync(bytes, 0, bytes.length, queueOffset * 20 - fileBase + at);
  }
}

/** Looks again with what the session wants loaded, until nothing is missing. */
export async function untilLoaded<T>(session: ReadSession, look: () => T | 'missing'): Promise<T | 'missing'> {
  let found = look();
  for (let tries = 0; found === 'missing' && tries < 5; tries++) {
    await Promise.all(session.wanted.map((load) => load()));
    session.reset();
    found = look();
  }
  return found;
}

/** Bytes of an integer, most significant first. */
export function intBytes(bytes: 1 | 2 | 4 | 8, value: number | bigint): Buffer {
  const field = Buffer.alloc(bytes);
  if (bytes === 8) field.writeBigInt64BE(BigInt(value));
  else field.writeIntBE(Number(value), 0, bytes);
  return field;
}
