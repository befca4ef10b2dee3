/** What the store's tests share: a clock moved by hand, small files, messages that know where they belong, and a check of everything a store holds. */
import { readRecord, recordCheck, RecordView } from '../codec/message-record.js';
import { parseProperties } from '../codec/properties.js';
import { javaStringHash } from '../compat/java-string-hash.js';
import { openStore } from './message-store.js';
import type { OpenStore } from './message-store.js';
import { defaultStoreConfig } from './options.js';
import type { StoreClock, StoreConfig, StoreLog, StoreTimer } from './options.js';
import type { Disk } from './disk.js';
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
