/** Light queues: offsets in records, entries in queues, reads, quota, faults, stops of every kind, deletion. */
import { describe, expect, test } from '@jest/globals';
import { simulatedDisk, SimulatedCrash } from './simulated-disk.js';
import type { CrashKind, SimulatedDisk } from './simulated-disk.js';
import { ListLog, ManualClock, message, openOn, recordsOf, smallConfig, storeRoot } from './store-fixture.js';
import type { StoreConfig } from './options.js';
import type { OpenStore, PutInput, PutResult } from './types.js';

const config = (more: Partial<StoreConfig> = {}): StoreConfig => smallConfig({ enableLmq: true, enableMultiDispatch: true, ...more });
const open = (disk: SimulatedDisk, more: Partial<StoreConfig> = {}, log = new ListLog()): Promise<OpenStore> => openOn(disk, new ManualClock(), config(more), log);

/** A message that names these light queues. */
function input(store: OpenStore, names: string, text: string, topic = 'T'): PutInput {
  const plain = message(store.queue(topic, 0), text, { uniq: `u-${text}`, tag: 't' });
  const property = Buffer.from(`INNER_MULTI_DISPATCH\u0001${names}\u0002`);
  const props = Buffer.concat([plain.props, property]);
  return { ...plain, props, propsEnd: props.length, multiDispatch: names };
}

/** Puts one, a turn of its own; what the store said. */
function put(store: OpenStore, names: string, text: string, topic = 'T'): PutResult['status'] {
  const { status } = store.put(input(store, names, text, topic));
  expect(store.writeTurn()).toBeUndefined();
  return status;
}

/**
 * Texts of a light queue, each with the offset that its record says it has there. With `gaps` offsets may be passed over: properties have no checksum, and a
 * loss of power may tear those of a record that was not synced, its place in light queues with them.
 */
async function read(store: OpenStore, name: string, gaps = false): Promise<string[]> {
  const queue = store.existingQueue(name, 0);
  if (queue === undefined) return [];
  const texts: string[] = [];
  for (let at = queue.minOffset; at < queue.maxOffset; ) {
    const result = await store.get(queue, at, 32, 1 << 20, undefined);
    if (gaps && result.status !== 'FOUND') {
      expect(result.nextBeginOffset).toBeGreaterThan(at);
      at = result.nextBeginOffset;
      continue;
    }
    expect(result.status).toBe('FOUND');
    for (const record of recordsOf(result.slices)) {
      const names = (record.props.get('INNER_MULTI_DISPATCH') ?? '').split(',');
      const said = (record.props.get('INNER_MULTI_QUEUE_OFFSET') ?? '').split(',')[names.indexOf(name)];
      if (gaps) expect(Number(said)).toBeGreaterThanOrEqual(at);
      else expect(said).toBe(String(at));
      at = Number(said) + 1;
      texts.push(record.text);
    }
    expect(result.nextBeginOffset).toBe(at);
  }
  return texts;
}

describe('light queues', () => {
  test('a message is in its own queue and in each that it names, with an offset of its own', async () => {
    const store = await open(simulatedDisk(1));
    put(store, '%LMQ%a,%LMQ%b', 'one');
    put(store, '%LMQ%b', 'two');
    put(store, '%LMQ%b,%LMQ%a,%LMQ%b', 'three', 'U');
    expect(store.queue('T', 0).maxOffset).toBe(2);
    expect(await read(store, '%LMQ%a')).toEqual(['one', 'three']);
    expect(await read(store, '%LMQ%b')).toEqual(['one', 'two', 'three']);
    expect(store.lightQueues).toBe(2);
    const [unit] = await store.units(store.queue('%LMQ%a', 0), 0, 1);
    expect(unit).toMatchObject({ queueOffset: 0, tagsCode: 't'.charCodeAt(0) });
    await store.close();
  });

  test.each(['%RETRY%g', '%DLQ%g', 'rmq_sys_x', 'SCHEDULE_TOPIC_XXXX', 'RMQ_SYS_TRANS_HALF_TOPIC'])('what is stored under %s is in none', async (topic) => {
    const store = await open(simulatedDisk(1));
    expect(put(store, '%LMQ%a', 'one', topic)).toBe('PUT_OK');
    expect(store.lightQueues).toBe(0);
    await store.close();
  });

  test.each([{ enableLmq: false }, { enableMultiDispatch: false }])('without both keys there are none: %j', async (more) => {
    const store = await open(simulatedDisk(1), more);
    expect(put(store, '%LMQ%a', 'one')).toBe('PUT_OK');
    expect(store.existingQueue('%LMQ%a', 0)).toBeUndefined();
    await store.close();
  });

  test.each(['foo', '%LMQ%a,foo', '%LMQ%a/../b', '%LMQ%a\u0001', `%LMQ%${'x'.repeat(251)}`, '%LMQ%a,,%LMQ%b', '%LMQ%\ud800'])('a name that cannot be a queue is refused: %j', async (names) => {
    const store = await open(simulatedDisk(1));
    expect(put(store, names, 'one')).toBe('MESSAGE_ILLEGAL');
    expect(store.queue('T', 0).maxOffset).toBe(0);
    await store.close();
  });

  test('names may hold what file names may', async () => {
    const disk = simulatedDisk(1);
    const name = '%LMQ%$parent$räume:3.1 @home';
    let store = await open(disk);
    put(store, name, 'one');
    await store.close();
    store = await open(disk);
    expect(await read(store, name)).toEqual(['one']);
    await store.close();
  });

  test('with enableLmqQuota no queue beyond the limit is made, and those there are go on', async () => {
    const store = await open(simulatedDisk(1), { enableLmqQuota: true, maxLmqConsumeQueueNum: 2 });
    store.put(input(store, '%LMQ%a', 'one'));
    store.put(input(store, '%LMQ%b', 'two'));
    expect(store.put(input(store, '%LMQ%c', 'three')).status).toBe('LMQ_CONSUME_QUEUE_NUM_EXCEEDED');
    expect(store.writeTurn()).toBeUndefined();
    expect(put(store, '%LMQ%a,%LMQ%b', 'four')).toBe('PUT_OK');
    expect(put(store, '%LMQ%a,%LMQ%c', 'five')).toBe('LMQ_CONSUME_QUEUE_NUM_EXCEEDED');
    expect(await store.deleteTopics(new Set(['%LMQ%b']))).toBe(1);
    expect(put(store, '%LMQ%c', 'six')).toBe('PUT_OK');
    expect(await read(store, '%LMQ%a')).toEqual(['one', 'four']);
    await store.close();
  });

  test('elements of a batch are in none', async () => {
    const store = await open(simulatedDisk(1));
    const body = (props: string): Buffer => {
      const properties = Buffer.from(props);
      const bytes = Buffer.alloc(4 * 5 + 1 + 2 + properties.length);
      bytes.writeInt32BE(bytes.length, 0);
      bytes.writeInt32BE(1, 16);
      bytes.writeInt16BE(properties.length, 21);
      properties.copy(bytes, 23);
      return bytes;
    };
    const batch = (props: string): PutInput => {
      const bytes = body(props);
      return { ...message(store.queue('T', 0), ''), body: bytes, bodyEnd: bytes.length };
    };
    expect(store.putBatch(batch('INNER_MULTI_DISPATCH\u0001%LMQ%a\u0002')).status).toBe('PUT_OK');
    expect(store.writeTurn()).toBeUndefined();
    expect([store.queue('T', 0).maxOffset, store.lightQueues]).toEqual([1, 0]);
    await store.close();
  });

  test('a turn that cannot be written takes nothing, and the next one goes on where it was', async () => {
    const disk = simulatedDisk(1);
    const store = await open(disk);
    put(store, '%LMQ%a', 'one');
    disk.fail('write', 'EIO', 1, /commitlog/);
    store.put(input(store, '%LMQ%a,%LMQ%new', 'lost'));
    expect(store.writeTurn()).toContain('EIO');
    await store.close();
    const again = await open(disk);
    put(again, '%LMQ%a', 'two');
    expect(await read(again, '%LMQ%a')).toEqual(['one', 'two']);
    expect(again.lightQueues).toBe(1);
    await again.close();
  });

  test('after a clean stop, and when their files are gone, they are as before', async () => {
    const disk = simulatedDisk(1);
    let store = await open(disk);
    for (let i = 0; i < 40; i++) put(store, `%LMQ%q${i % 3},%LMQ%all`, `m${i}`);
    const before = await Promise.all(['%LMQ%q0', '%LMQ%q1', '%LMQ%q2', '%LMQ%all'].map((name) => read(store, name)));
    await store.close();
    const log = new ListLog();
    store = await open(disk, {}, log);
    expect(log.lines.filter((line) => line.startsWith('warn'))).toEqual([]);
    expect(await Promise.all(['%LMQ%q0', '%LMQ%q1', '%LMQ%q2', '%LMQ%all'].map((name) => read(store, name)))).toEqual(before);
    expect(store.lightQueues).toBe(4);
    await store.close();
    for (const name of disk.list(`${storeRoot}/consumequeue/%LMQ%q1/0`)) disk.unlink(`${storeRoot}/consumequeue/%LMQ%q1/0/${name}`);
    store = await open(disk);
    expect(await Promise.all(['%LMQ%q0', '%LMQ%q1', '%LMQ%q2', '%LMQ%all'].map((name) => read(store, name)))).toEqual(before);
    await store.close();
  });

  test('a deleted one does not come back, and begins at 0 again when it is named again', async () => {
    const disk = simulatedDisk(1);
    let store = await open(disk);
    for (let i = 0; i < 4; i++) put(store, '%LMQ%a,%LMQ%b', `m${i}`);
    await store.deleteTopics(new Set(['%LMQ%a']));
    expect(store.lightQueues).toBe(1);
    put(store, '%LMQ%b', 'more');
    disk.crashAtOp = disk.ops;
    await store.checkpoint().catch(() => undefined);
    disk.restart('kill');
    store = await open(disk);
    expect([await read(store, '%LMQ%a'), (await read(store, '%LMQ%b')).length]).toEqual([[], 5]);
    put(store, '%LMQ%a', 'again');
    expect(await read(store, '%LMQ%a')).toEqual(['again']);
    await store.close();
    store = await open(disk);
    expect(await read(store, '%LMQ%a')).toEqual(['again']);
    await store.close();
  });

  test('retention moves their first offsets with the log', async () => {
    const disk = simulatedDisk(1);
    const clock = new ManualClock();
    const store = await openOn(disk, clock, config({ fileReservedTime: 1, deleteCommitLogFilesInterval: 0, deleteWhen: Array.from({ length: 24 }, (_, i) => String(i).padStart(2, '0')).join(';') }));
    for (let i = 0; i < 60; i++) put(store, '%LMQ%a', `m${i}`);
    await store.checkpoint();
    clock.now += 2 * 3_600_000;
    expect(await store.clean()).toBeGreaterThan(0);
    const queue = store.queue('%LMQ%a', 0);
    expect(queue.minOffset).toBe(store.queue('T', 0).minOffset);
    expect(queue.minOffset).toBeGreaterThan(0);
    expect((await read(store, '%LMQ%a')).at(-1)).toBe('m59');
    await store.close();
  });

  test('names that are only asked for are forgotten again', async () => {
    const store = await open(simulatedDisk(1));
    const first = store.queue('%LMQ%asked0', 0);
    for (let i = 1; i <= 12_000; i++) store.queue(`%LMQ%asked${i}`, 0);
    expect(store.queue('%LMQ%asked0', 0)).not.toBe(first);
    expect(store.lightQueues).toBe(0);
    // One that was forgotten while somebody held it leads to the queue all the same.
    put(store, '%LMQ%asked0', 'one');
    expect((await store.get(first, 0, 1, 1 << 20, undefined)).status).toBe('FOUND');
    await store.close();
  });

  test.each<CrashKind>(['kill', 'power'])('after a %s at any operation nothing that stayed in the log is missing in them', async (kind) => {
    let crashes = 0;
    for (let at = 5; ; at += 3) {
      const disk = simulatedDisk(at);
      const written: string[] = [];
      let synced = 0;
      try {
        const first = await open(disk);
        disk.crashAtOp = disk.ops + at;
        for (let round = 0; round < 4; round++) {
          for (let i = 0; i < 4; i++) {
            const text = `r${round}i${i}`;
            first.put(input(first, `%LMQ%all,%LMQ%r${round}`, text));
            if (first.writeTurn() !== undefined || disk.isDown) throw new SimulatedCrash();
            written.push(text);
          }
          await first.checkpoint().catch(() => undefined);
          if (disk.isDown) throw new SimulatedCrash();
          synced = written.length;
        }
        await first.close();
      } catch (error) {
        if (!(error instanceof SimulatedCrash) && !disk.isDown) throw error;
      }
      if (!disk.isDown) break;
      crashes++;
      disk.restart(kind);
      const again = await open(disk);
      const sure = kind === 'kill' ? written : written.slice(0, synced);
      const texts = await read(again, '%LMQ%all', kind === 'power');
      expect(texts.slice(0, sure.length)).toEqual(sure);
      for (let round = 0; round < 4; round++) {
        const own = sure.filter((text) => text.startsWith(`r${round}`));
        expect((await read(again, `%LMQ%r${round}`, kind === 'power')).slice(0, own.length)).toEqual(own);
      }
      await again.close();
    }
    expect(crashes).toBeGreaterThan(10);
  });
});
