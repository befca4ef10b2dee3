/** What a record's properties mean for its entry, and what dispatching a record does to queues and index. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { readRecord, recordCheck, RecordView } from '../codec/message-record.js';
import { PropertyScan, scanProperties } from '../codec/properties.js';
import { javaStringHash } from '../compat/java-string-hash.js';
import { CommitLog } from './commit-log.js';
import { StoreQueue } from './consume-queue.js';
import { deliveryTime, Dispatcher, innerCountOf, tagsCodeOf } from './dispatch.js';
import { KeyIndex } from './key-index.js';
import type { StoreParts } from './parts.js';
import { QueueTable } from './queue-table.js';
import { simulatedDisk } from './simulated-disk.js';
import { ListLog, ManualClock, smallConfig, storedRecord } from './store-fixture.js';

const levels = [0, 1000, 5000, 10_000, ...Array.from({ length: 15 }, (_, i) => 20_000 + i)];

describe('tags code', () => {
  const code = (topic: string, properties: string): number => {
    const bytes = Buffer.from(properties);
    const scan = new PropertyScan();
    scanProperties(scan, bytes, 0, bytes.length);
    return tagsCodeOf(scan, bytes, new StoreQueue('/store/consumequeue', topic, 1, 6000), 70_000, levels);
  };
  const tag = javaStringHash('a');

  test.each([['1', 71_000], ['2', 75_000], ['3', 80_000], ['4', 90_000], ['10', 90_006], ['18', 90_014], ['19', 90_014], ['2147483647', 90_014], ['02', 75_000], ['0', tag], ['', tag], ['-1', tag], ['1x', tag], ['x', tag], ['/', tag], [':', tag], ['12345678901', tag]])(
    'of a delayed message of level %j is its delivery time, or without a level the hash of its tag', (level, expected) => {
      expect(code('SCHEDULE_TOPIC_XXXX', `TAGS\u0001a\u0002DELAY\u0001${level}\u0002`)).toBe(expected);
    });

  test('of any other topic is the hash of its tag, whatever level it asks for; 0 without one', () => {
    expect(code('T', 'TAGS\u0001a\u0002DELAY\u00012\u0002')).toBe(tag);
    expect(code('T', 'KEYS\u0001k\u0002')).toBe(0);
    expect(code('SCHEDULE_TOPIC_XXXX', 'KEYS\u0001k\u0002')).toBe(0);
  });
});

test('a level without a time counts a second', () => {
  expect(deliveryTime([], 1, 5)).toBe(1005);
});

/** A record as recovery reads it. */
function record(phyOffset: number, queueOffset: number, more: { topic?: string | Buffer; queueId?: number; sysFlag?: number; properties?: string } = {}): RecordView {
  const properties = Buffer.from(more.properties ?? '');
  const stored = storedRecord(queueOffset, 'b', undefined, { topic: Buffer.from(more.topic ?? 'T'), queueId: more.queueId ?? 0, sysFlag: more.sysFlag ?? 0, phyOffset, storeTimestamp: 5000, properties, propertiesEnd: properties.length });
  const bytes = Buffer.concat([Buffer.alloc(3, 0x11), stored]);
  const view = new RecordView();
  expect(readRecord(view, bytes, 3, bytes.length, recordCheck.NONE)).toBe('record');
  return view;
}

describe('dispatching', () => {
  let parts: StoreParts;
  let dispatcher: Dispatcher;
  let clock: ManualClock;

  function begin(light = false, isBatchTopic = (topic: string): boolean => topic === 'B'): void {
    const disk = simulatedDisk(1);
    clock = new ManualClock();
    disk.makeDir('/s/index');
    const nowMs = (): number => clock.now;
    const batch = { isBatchTopic, entriesRoot: '/s/batchentries', unitsRoot: '/s/batchconsumequeue', unitFileBytes: 460 };
    parts = {
      root: '/s', config: smallConfig({ enableLmq: light, enableMultiDispatch: light }), disk, clock, log: new ListLog(), commitLog: new CommitLog(disk, '/s/commitlog', 4096, 16384, nowMs),
      queues: new QueueTable(disk, '/s/consumequeue', 80, { batch }), index: new KeyIndex(disk, '/s/index', 10, 100, nowMs), collect: undefined, delayLevels: levels,
    };
    dispatcher = new Dispatcher(parts);
  }
  beforeEach(() => begin());

  const queue = (topic = 'T', id = 0): StoreQueue => parts.queues.ref(topic, id);
  /** Entries of a queue that are in memory: phyOffset, size, tags code. */
  const entries = (of = queue()): (number | bigint)[][] => Array.from({ length: of.nextOffset - of.memoryFrom }, (_, i) => {
    const at = of.memoryFrom + i;
    const block = of.block(at);
    const bytes = Buffer.from(block?.bytes.subarray((at - block.first) * 20, (at - block.first) * 20 + 20) ?? []);
    return [Number(bytes.readBigInt64BE()), bytes.readInt32BE(8), Number(bytes.readBigInt64BE(12))];
  });
  const phys = (of = queue()): (number | bigint | undefined)[] => entries(of).map(([phyOffset]) => phyOffset);
  const indexed = async (key: string, kind?: string, topic = 'T'): Promise<readonly number[]> => {
    parts.index?.keep();
    return (await parts.index?.query(topic, key, 64, 0, Number.MAX_SAFE_INTEGER, kind))?.phyOffsets ?? [];
  };

  test('a record gets its entry, visible at once and to be written, and its keys', async () => {
    clock.now = 777;
    const one = record(100, 0, { properties: 'UNIQ_KEY\u0001U\u0002KEYS\u0001a b\u0002TAGS\u0001t\u0002' });
    expect(dispatcher.dispatch(one)).toBe('appended');
    const q = queue();
    expect(entries()).toEqual([[100, one.size, javaStringHash('t')]]);
    expect([q.registered, q.maxOffset, q.writtenOffset, q.nextOffset, q.flushedOffset, q.lastPutMs, parts.queues.dirty.has(q)]).toEqual([true, 1, 1, 1, 0, 777, true]);
    expect(await Promise.all([indexed('U'), indexed('a'), indexed('b'), indexed('t', 'T'), indexed('t')])).toEqual([[100], [100], [100], [100], []]);
  });

  test.each([[0, true, true], [4, false, true], [8, true, true], [12, false, false]])('of transaction bits %i: in its queue %s, in the index %s', async (sysFlag, queued, inIndex) => {
    expect(dispatcher.dispatch(record(100, 0, { sysFlag, properties: 'UNIQ_KEY\u0001U\u0002' }))).toBe(queued ? 'appended' : 'skipped');
    expect([phys(), await indexed('U'), queue().registered]).toEqual([queued ? [100] : [], inIndex ? [100] : [], queued]);
  });

  test('without an index it has its entry all the same', () => {
    dispatcher = new Dispatcher({ ...parts, index: undefined });
    expect([dispatcher.dispatch(record(100, 0)), dispatcher.dispatch(record(300, 0, { sysFlag: 4 })), phys()]).toEqual(['appended', 'skipped', [100]]);
  });

  test('index entries are made from indexFrom on', async () => {
    dispatcher.indexFrom = 200;
    for (const [i, phyOffset] of [199, 200, 201].entries()) dispatcher.dispatch(record(phyOffset, i, { properties: 'KEYS\u0001k\u0002' }));
    expect([await indexed('k'), phys()]).toEqual([[201, 200], [199, 200, 201]]);
  });

  test('of a topic that may be no directory, or a queue below 0, it is left alone; the topics of records are told apart', () => {
    expect(['a/b', '', '..', Buffer.from([0xff, 0xfe])].map((topic) => dispatcher.dispatch(record(100, 0, { topic })))).toEqual(['skipped', 'skipped', 'skipped', 'skipped']);
    expect(dispatcher.dispatch(record(100, 0, { queueId: -1 }))).toBe('skipped');
    expect(parts.queues.topics()).toEqual([]);
    for (const [i, topic] of ['Ab', 'Ab', 'Ac', 'Abc', 'A', 'Ab'].entries()) expect(dispatcher.dispatch(record(100 + i, topic === 'Ab' ? Math.min(i, 2) : 0, { topic }))).toBe('appended');
    expect(['Ab', 'Ac', 'Abc', 'A'].map((topic) => phys(queue(topic)))).toEqual([[100, 101, 105], [102], [103], [104]]);
  });

  test('what is there already is skipped, by where the record is', () => {
    for (const [i, phyOffset] of [100, 200].entries()) dispatcher.dispatch(record(phyOffset, i));
    expect([dispatcher.dispatch(record(100, 0)), dispatcher.dispatch(record(200, 1)), dispatcher.dispatch(record(200, 2)), dispatcher.dispatch(record(201, 2))]).toEqual(['skipped', 'skipped', 'skipped', 'appended']);
    expect(phys()).toEqual([100, 200, 201]);
  });

  test('a queue without files of a record below vouched was deleted, unless it is built anew', () => {
    dispatcher.vouched = 200;
    expect([dispatcher.dispatch(record(199, 0)), queue().registered, dispatcher.dispatch(record(200, 0)), phys()]).toEqual(['skipped', false, 'appended', [200]]);
    dispatcher.bridged = new Set([queue('T', 1)]);
    expect([dispatcher.dispatch(record(100, 0, { queueId: 1 })), dispatcher.dispatch(record(150, 0, { queueId: 2 }))]).toEqual(['appended', 'skipped']);
    dispatcher.bridged = new Set();
    expect(dispatcher.dispatch(record(199, 1, { queueId: 1 }))).toBe('appended');
  });

  test('a record that does not follow leaves a gap, and nothing more comes into that queue', () => {
    expect([dispatcher.dispatch(record(100, 5)), dispatcher.gaps, queue().registered]).toEqual(['gap', new Set([queue()]), false]);
    dispatcher.dispatch(record(200, 0, { queueId: 1 }));
    expect(dispatcher.dispatch(record(300, 2, { queueId: 1 }))).toBe('gap');
    expect(dispatcher.dispatch(record(400, 1, { queueId: 1 }))).toBe('gap');
    expect([phys(queue('T', 1)), dispatcher.gaps.size]).toEqual([[200], 2]);
  });

  test('a queue that is built anew begins where its first record says, and gaps become blank entries', () => {
    dispatcher.bridged = new Set([queue()]);
    expect(dispatcher.dispatch(record(10_000, 7))).toBe('appended');
    expect([queue().minOffset, queue().memoryFrom, queue().nextOffset]).toEqual([7, 7, 8]);
    expect([dispatcher.dispatch(record(10_400, 10)), queue().maxOffset]).toEqual(['doubted', 8]);
    dispatcher.finish();
    expect(entries()).toEqual([[10_000, 93, 0], [0, 0x7fffffff, 0], [0, 0x7fffffff, 0], [10_400, 93, 0]]);
    expect([queue().lastPhyOffset, queue().minOffset, dispatcher.gaps.size, queue().maxOffset]).toEqual([10_400, 7, 0, 11]);
  });

  test('an offset further on than records fit in between is a damage, and is skipped', () => {
    dispatcher.bridged = new Set([queue(), queue('B')]);
    // The smallest record has 92 bytes with a topic of one letter.
    for (const [i, phyOffset] of [908, 1000].entries()) dispatcher.dispatch(record(phyOffset, i));
    expect([dispatcher.dispatch(record(1000 + 92 * 5 - 1, 7)), dispatcher.dispatch(record(1000 + 92 * 5, 8)), dispatcher.dispatch(record(1000 + 92 * 5, 7))]).toEqual(['skipped', 'skipped', 'doubted']);
    const inner = { topic: 'B', sysFlag: 0x80 };
    for (const [i, phyOffset] of [908, 1000].entries()) dispatcher.dispatch(record(phyOffset, i, inner));
    expect([dispatcher.dispatch(record(1092, 32_770, inner)), dispatcher.dispatch(record(1092, 32_769, inner))]).toEqual(['skipped', 'doubted']);
    dispatcher.finish();
    expect([phys().length, queue('B').nextOffset, dispatcher.gaps.size]).toEqual([8, 32_770, 0]);
  });

  test('an earlier offset begins a later life of its topic once a record follows: what it had from there on goes, in memory and in files', async () => {
    for (const [i, phyOffset] of [100, 200, 300, 400, 500].entries()) dispatcher.dispatch(record(phyOffset, i));
    expect([dispatcher.dispatch(record(600, 3)), phys()]).toEqual(['doubted', [100, 200, 300, 400, 500]]);
    expect([dispatcher.dispatch(record(650, 4)), phys()]).toEqual(['appended', [100, 200, 300, 600, 650]]);
    await parts.queues.flush();
    for (const [i, phyOffset] of [700, 800, 900].entries()) dispatcher.dispatch(record(phyOffset, [5, 6, 5][i] as number));
    expect([dispatcher.dispatch(record(950, 6)), phys(), queue().flushedOffset]).toEqual(['appended', [100, 200, 300, 600, 650, 900, 950], 5]);
    dispatcher.dispatch(record(1000, 3));
    expect([dispatcher.dispatch(record(1050, 4)), phys(), queue().memoryFrom, queue().flushedOffset, queue().files]).toEqual(['appended', [1000, 1050], 3, 3, [0]]);
    // At the log's end nothing can follow: only a new beginning is believed.
    expect([dispatcher.dispatch(record(1100, 2)), dispatcher.finish(), phys()]).toEqual(['doubted', undefined, [1000, 1050]]);
    expect([dispatcher.dispatch(record(1200, 0)), dispatcher.finish(), phys(), queue().memoryFrom, queue().minOffset, queue().files]).toEqual(['doubted', undefined, [1200], 0, 0, []]);
  });

  test('a damaged offset is passed over where the queue goes on as before', () => {
    dispatcher.bridged = new Set([queue()]);
    for (const [i, phyOffset] of [100, 200, 300, 400].entries()) dispatcher.dispatch(record(phyOffset, i));
    for (const damaged of [0, 2, 5]) {
      const next = queue().nextOffset;
      const at = queue().lastPhyOffset;
      expect([dispatcher.dispatch(record(at + 100, damaged === 5 ? next + 1 : damaged)), dispatcher.dispatch(record(at + 200, next))]).toEqual(['doubted', 'appended']);
    }
    dispatcher.finish();
    expect(phys()).toEqual([100, 200, 300, 400, 600, 800, 1000]);
    // The record before them was lost as well: one blank entry.
    expect([dispatcher.dispatch(record(1100, 3)), dispatcher.dispatch(record(1200, 8)), dispatcher.dispatch(record(1300, 9)), phys()]).toEqual(['doubted', 'doubted', 'appended', [100, 200, 300, 400, 600, 800, 1000, 0, 1200, 1300]]);
  });

  test.each<[string, [number, number][], number, number[]]>([
    ['too high', [[1000, 12_288], [1100, 1], [1200, 2], [1300, 3]], 1, [1100, 1200, 1300]],
    ['too high, and one more', [[1000, 12_288], [1100, 1]], 1, [1100]],
    ['too low', [[50_000, 3], [50_100, 501], [50_200, 502]], 501, [50_100, 50_200]],
    ['true, and another too high', [[1000, 7], [1100, 2 ** 40]], 7, [1000]],
    ['true, the next 0', [[1000, 0], [1100, 0], [1200, 2], [1300, 3]], 0, [1000, 0, 1200, 1300]],
  ])('the first offset of a queue that is built anew may be damaged: %s', (_what, records, minOffset, found) => {
    dispatcher.bridged = new Set([queue()]);
    for (const [phyOffset, queueOffset] of records) dispatcher.dispatch(record(phyOffset, queueOffset));
    dispatcher.finish();
    expect([queue().minOffset, queue().memoryFrom, phys()]).toEqual([minOffset, minOffset, found]);
  });

  test.each([['', 1], ['INNER_NUM\u00014\u0002', 4], ['INNER_NUM\u00011\u0002', 1], ['INNER_NUM\u00010\u0002', 1], ['INNER_NUM\u0001-3\u0002', 1], ['INNER_NUM\u00012.5\u0002', 1], ['INNER_NUM\u0001x\u0002', 1], ['INNER_NUM\u000132767\u0002', 32767], ['INNER_NUM\u000132768\u0002', 1]])('an inner batch with %j has %i messages', (properties, count) => {
    expect([innerCountOf(record(0, 0, { sysFlag: 0x80, properties })), innerCountOf(record(0, 0, { sysFlag: 0x40, properties }))]).toEqual([count, 1]);
    const one = record(100, 0, { topic: 'B', sysFlag: 0x80, properties: `${properties}TAGS\u0001t\u0002` });
    expect(dispatcher.dispatch(one)).toBe('appended');
    const q = queue('B');
    expect([q.nextOffset, q.maxOffset, q.batch?.pending]).toEqual([count, count, [{ phyOffset: 100, size: one.size, tagsCode: 116n, storeTime: 5000, msgBaseOffset: 0, batchSize: count, compactedOffset: -1 }]]);
  });

  describe('to light queues', () => {
    const names = (list: string, offsets: string): string => `TAGS\u0001t\u0002INNER_MULTI_DISPATCH\u0001${list}\u0002INNER_MULTI_QUEUE_OFFSET\u0001${offsets}\u0002`;
    const at = (name: string): (number | bigint)[][] => entries(queue(name));
    beforeEach(() => begin(true));

    test('a record has an entry in each that it names, at the offset that it says, once', () => {
      const one = record(100, 0, { properties: names('%LMQ%a,%LMQ%b,%LMQ%a,', '0,0,0,') });
      expect(dispatcher.dispatch(one)).toBe('appended');
      const entry = [100, one.size, javaStringHash('t')];
      expect([at('%LMQ%a'), at('%LMQ%b'), parts.queues.lightCount]).toEqual([[entry], [entry], 2]);
      dispatcher.dispatch(record(300, 1, { properties: names('%LMQ%a,%LMQ%b', '1,2') }));
      expect([phys(queue('%LMQ%a')), phys(queue('%LMQ%b')), dispatcher.gaps]).toEqual([[100, 300], [100], new Set([queue('%LMQ%b')])]);
      // Its own queue may have it already.
      dispatcher.dispatch(record(300, 1, { properties: names('%LMQ%c', '0') }));
      expect([phys(), phys(queue('%LMQ%c'))]).toEqual([[100, 300], [300]]);
    });

    test.each([['%LMQ%a,%LMQ%b', '0'], ['%LMQ%a', '0,0'], ['%LMQ%a', 'x'], ['%LMQ%a', '-1'], ['%LMQ%a', '1.0'], ['%LMQ%a', ' 0'], ['%LMQ%a', '99999999999999999'], ['%LMQ%a', '9999999999999999'], ['a', '0'], ['%LMQ%a/b', '0'], ['', '0'], ['%LMQ%a', '']])('lists that do not agree, or say no offset or no name, lead to none: %j, %j', (list, offsets) => {
      expect(dispatcher.dispatch(record(100, 0, { properties: names(list, offsets) }))).toBe('appended');
      expect([parts.queues.lightCount, dispatcher.gaps.size]).toEqual([0, 0]);
    });

    test('a bad name or offset among good ones is passed over', () => {
      dispatcher.dispatch(record(100, 0, { properties: names('%LMQ%a,b,%LMQ%c,%LMQ%d', '0,0,x,0') }));
      expect([at('%LMQ%a').length, at('%LMQ%c').length, at('%LMQ%d').length, parts.queues.lightCount]).toEqual([1, 0, 1, 2]);
    });

    test.each(['%RETRY%g', 'rmq_sys_x', 'B'])('what is stored under %s is in none', (topic) => {
      expect(dispatcher.dispatch(record(100, 0, { topic, properties: names('%LMQ%a', '0') }))).toBe('appended');
      expect(parts.queues.lightCount).toBe(0);
    });

    test('and so is what is not decided yet, and all where they are not served', () => {
      dispatcher.dispatch(record(100, 0, { sysFlag: 4, properties: names('%LMQ%a', '0') }));
      expect(parts.queues.lightCount).toBe(0);
      begin(false);
      dispatcher.dispatch(record(100, 0, { properties: names('%LMQ%a', '0') }));
      expect([parts.queues.lightCount, phys()]).toEqual([0, [100]]);
    });
  });
});
