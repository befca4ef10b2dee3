/** What recovery builds again, on logs of a few files: the index after a cut, and how much of the log went; and the plans of starts as tables. The long forms are rebuild.test.ts and odd-files.test.ts. */
import { describe, expect, test } from '@jest/globals';
import type { Checkpoint } from '../codec/checkpoint-record.js';
import { indexHeaderBytes } from '../codec/index-header.js';
import type { StoreQueue } from './consume-queue.js';
import { noRepair } from './derived-state.js';
import type { DerivedState, QueueState } from './derived-state.js';
import type { LogWindow } from './log-window.js';
import type { StoreConfig } from './options.js';
import type { StoreParts } from './parts.js';
import type { QueueEntries } from './queue-entries.js';
import { EVERYTHING, Planner } from './recover-plan.js';
import type { Plan, StartState } from './recover-plan.js';
import { simulatedDisk } from './simulated-disk.js';
import type { SimulatedDisk } from './simulated-disk.js';
import { checkStore, ListLog, ManualClock, message, openOn, settle, smallConfig, storeRoot } from './store-fixture.js';
import type { OpenStore } from './message-store.js';

const config = smallConfig();
const open = (disk: SimulatedDisk, change = config): Promise<OpenStore> => openOn(disk, new ManualClock(), change);
const indexFiles = (disk: SimulatedDisk): string[] => disk.files().filter((name) => name.includes('/index/'));

function put(store: OpenStore, first: number, count: number): void {
  for (let i = first; i < first + count; i++) {
    expect(store.put(message(store.queue('T', i % 2), `m${i}`, { uniq: `U${i}`, keys: `k${i}`, tag: 'a', padding: 100 })).status).toBe('PUT_OK');
    expect(store.writeTurn()).toBeUndefined();
  }
}

/** All messages are there, and the index has each of them once. */
async function expectWhole(store: OpenStore, count: number): Promise<void> {
  const all = await checkStore(store);
  expect([...all.values()].flat().length).toBe(count);
  for (let i = 0; i < count; i++) expect((await store.queryIndex('T', `k${i}`, 64, 0, Number.MAX_SAFE_INTEGER, undefined)).phyOffsets.length).toBe(1);
}

test.each(['all', 'the oldest', 'the newest'])('the index is built again when %s of its files are gone', async (which) => {
  const disk = simulatedDisk(1);
  let store = await open(disk);
  put(store, 0, 40);
  await store.close();
  const files = indexFiles(disk);
  expect(files.length).toBeGreaterThan(2);
  for (const name of which === 'all' ? files : which === 'the oldest' ? files.slice(0, 1) : files.slice(-1)) disk.unlink(name);
  store = await open(disk);
  await expectWhole(store, 40);
  await store.close();
});

test('after a kill the index has what came behind the checkpoint, once', async () => {
  const disk = simulatedDisk(2);
  let store = await open(disk);
  put(store, 0, 15);
  await store.checkpoint();
  put(store, 15, 15);
  await settle();
  disk.crash();
  disk.restart('kill');
  store = await open(disk);
  await expectWhole(store, 30);
  put(store, 30, 10);
  await store.close();
  store = await open(disk);
  await expectWhole(store, 40);
  await store.close();
});

test('entries behind what the header of an index file counts are taken up', async () => {
  const disk = simulatedDisk(3);
  const large = smallConfig({ maxIndexNum: 200 });
  let store = await open(disk, large);
  put(store, 0, 4);
  await store.checkpoint();
  const [name] = indexFiles(disk);
  const header = disk.content(name ?? '').subarray(0, indexHeaderBytes);
  put(store, 4, 4);
  await store.checkpoint();
  disk.crash();
  disk.restart('kill');
  expect(indexFiles(disk)).toEqual([name]);
  const bytes = disk.content(name ?? '');
  header.copy(bytes);
  disk.place(name ?? '', bytes);
  store = await open(disk, large);
  await expectWhole(store, 8);
  put(store, 8, 4);
  await expectWhole(store, 12);
  await store.close();
});

test('what recovery takes away of a damaged log is said in bytes, the files behind included', async () => {
  const disk = simulatedDisk(4);
  let store = await open(disk);
  put(store, 0, 60);
  await settle();
  const files = disk.list(`${storeRoot}/commitlog`);
  expect(files.length).toBeGreaterThan(3);
  const hit = (await store.units(store.queue('T', 1), 2, 1))[0];
  disk.crash();
  disk.restart('kill');
  for (const file of disk.files()) if (/consumequeue|index|checkpoint/.test(file)) disk.unlink(file);
  const first = disk.content(`${storeRoot}/commitlog/${'0'.repeat(20)}`);
  let data = first.length;
  while (first[data - 1] === 0) data--;
  disk.flip(`${storeRoot}/commitlog/${'0'.repeat(20)}`, (hit?.phyOffset ?? 0) + 100, 3);
  store = await open(disk);
  const full = Math.floor((files.length - 1) * config.mappedFileSizeCommitLog);
  const { bytesCut } = store.recovery;
  expect(bytesCut).toBeGreaterThan(data - (hit?.phyOffset ?? 0));
  expect(bytesCut).toBeLessThanOrEqual(full + data - (hit?.phyOffset ?? 0));
  await expectWhole(store, 5);
  await store.close();
});

/** A planner with everything around it given by the test: what each part says, and what is done to it. */
interface Around {
  /** Offsets at which records stand, and when they were stored. */
  readonly records?: Readonly<Record<number, number>>;
  readonly files?: readonly number[];
  readonly queues?: readonly Partial<StoreQueue>[];
  /** Queues whose tail `loadTail` finds damaged. */
  readonly damaged?: readonly string[];
  /** Where the index ends, what loading it says, what is known to be missing; undefined = there is no index. */
  readonly index?: { readonly end: number; readonly resume?: number; readonly behind?: boolean };
  readonly config?: Partial<StoreConfig>;
  readonly start?: Partial<StartState>;
  readonly findings?: { readonly displaced?: readonly string[]; readonly misfit?: readonly string[]; readonly topicsMissing?: boolean };
}

const nothing: Checkpoint = { physicMsgTimestamp: 0, logicsMsgTimestamp: 0, indexMsgTimestamp: 0, masterFlushedOffset: 0, confirmPhyOffset: 0, logicsPhysicalOffset: 0 };
const fileBytes = 1000;

function planned(around: Around): { plan: Omit<Plan, 'broken'> & { broken: string[] }; done: string[]; said: string[] } {
  const done: string[] = [];
  const log = new ListLog();
  const files = (around.files ?? [0, 1000, 2000]).map((base) => ({ base, end: base + fileBytes }));
  const name = ({ topic, queueId }: { topic: string; queueId: number }): string => `${topic}/${queueId}`;
  const made = new Map<string, StoreQueue>();
  const ref = (topic: string, queueId: number, change: Partial<StoreQueue> = {}): StoreQueue => {
    let queue = made.get(`${topic}/${queueId}`);
    if (queue === undefined) made.set(`${topic}/${queueId}`, (queue = { topic, queueId, nextOffset: 0, lastPhyOffset: -1, files: [], ...change } as StoreQueue));
    return queue;
  };
  for (const queue of around.queues ?? []) ref(queue.topic ?? 'T', queue.queueId ?? 0, queue);
  const named = (names: readonly string[] = []): Set<StoreQueue> => new Set(names.map((one) => made.get(one) ?? ref(one.split('/')[0] ?? '', Number(one.split('/')[1]))));
  const { index } = around;
  let end = index?.end ?? -1;
  const record = { storeTimestamp: 0 };
  const parts = {
    commitLog: { files, min: files[0]?.base ?? 0 },
    config: smallConfig(around.config),
    log,
    queues: {
      all: () => made.values(),
      ref,
      loadTail: (queue: StoreQueue, covered: number, logEnd: number) => {
        done.push(`load ${name(queue)} below ${covered === EVERYTHING ? 'all' : covered} of ${logEnd}`);
        return around.damaged?.includes(name(queue)) ?? false;
      },
      cut: (queue: StoreQueue, at: number) => void done.push(`cut ${name(queue)} to ${at}`),
      unregister: (queue: StoreQueue) => void done.push(`unregister ${name(queue)}`),
    },
    index: index === undefined ? undefined : {
      get endPhyOffset() {
        return end;
      },
      load: (limit: number | undefined, report: (name: string, why: string) => void) => {
        done.push(`index load ${limit ?? 'all'}`);
        report('x', 'what loading it says');
        return index.resume;
      },
      clear: () => {
        end = -1;
        done.push('index clear');
      },
      dropBehind: (_known: unknown, min: number) => {
        done.push(`index drop ${min}`);
        return index.behind ?? false;
      },
      cut: (at: number) => void done.push(`index cut ${at}`),
    },
  } as unknown as StoreParts;
  const window = {
    record,
    isRecord: (at: number) => {
      const time = around.records?.[at];
      record.storeTimestamp = time ?? 0;
      return time !== undefined;
    },
  } as unknown as LogWindow;
  const entries = {
    cut: (limit: number, wipe: boolean) => void done.push(`entries cut ${limit === EVERYTHING ? 'all' : limit} ${String(wipe)}`),
    firstFrom: (queue: StoreQueue, phyOffset: number) => {
      done.push(`first of ${name(queue)} from ${phyOffset}`);
      return 7;
    },
    at: (queue: StoreQueue, offset: number) => (name(queue) === 'T/0' && offset === 7 ? 1234 : -5),
  } as unknown as QueueEntries;
  const { displaced, misfit, topicsMissing = false } = around.findings ?? {};
  const planner = new Planner(parts, window, entries);
  const plan = planner.plan(
    { cleanStop: true, checkpoint: nothing, state: undefined, displaced: { index: false }, gaps: [], ...around.start },
    { displaced: named(displaced), misfit: named(misfit), topicsMissing },
  );
  for (const queue of plan.broken) expect(queue.lastPhyOffset).toBe(-1);
  return { plan: { ...plan, broken: [...plan.broken].map(name) }, done, said: log.lines };
}

const stateOf = (change: Partial<DerivedState> = {}): DerivedState => ({ logMin: 0, logEnd: 2500, queues: [], index: [], repair: noRepair, ...change });
const queueState = (change: Partial<QueueState> = {}): QueueState => ({ topic: 'T', queueId: 0, firstFile: 0, nextOffset: 10, lastPhyOffset: 2400, ...change });
/** A queue as the stop left it. */
const whole = { topic: 'T', queueId: 0, nextOffset: 10, lastPhyOffset: 2400, files: [0, 20] };
const other = { topic: 'T', queueId: 1, nextOffset: 5, lastPhyOffset: 2300, files: [0] };

describe('after a clean stop', () => {
  test('queues that are whole are left alone: only the end of the log is checked', () => {
    const { plan, done } = planned({ queues: [whole, other], start: { state: stateOf({ queues: [queueState()] }) }, config: { recoverRecentBytes: 100 } });
    expect(plan).toEqual({ broken: [], queuesFrom: 1234, indexFrom: EVERYTHING, indexEntriesFrom: 0, goodBelow: 2500, vouched: 2500, all: false });
    expect(done).toEqual(['load T/0 below all of 3000', 'load T/1 below all of 3000', 'first of T/0 from 2300']);
  });

  test.each<[string, number | undefined, number, string[]]>([
    ['the whole log is recent by default', undefined, 0, []],
    ['more than there is', 2401, 0, []],
    ['just all of it', 2400, 0, []],
    ['all but a byte', 2399, 1234, ['first of T/0 from 1']],
  ])('%s', (_, recoverRecentBytes, queuesFrom, looked) => {
    const { plan, done } = planned({ queues: [other, whole], config: recoverRecentBytes === undefined ? {} : { recoverRecentBytes } });
    expect([plan.queuesFrom, plan.goodBelow, plan.vouched, done.filter((what) => what.startsWith('first'))]).toEqual([queuesFrom, 2400, Math.max(queuesFrom, 0), looked]);
  });

  test('sixteen mebibytes are recent', () => {
    const far = 100 * 1024 * 1024;
    const { done } = planned({ queues: [{ ...whole, lastPhyOffset: far }] });
    expect(done.at(-1)).toBe(`first of T/0 from ${far - 16 * 1024 * 1024}`);
  });

  test('a log that begins further on is checked from there', () => {
    const files = [1000, 2000];
    expect(planned({ files, queues: [whole], config: { recoverRecentBytes: 1400 } }).plan.queuesFrom).toBe(1000);
    expect(planned({ files, queues: [whole], config: { recoverRecentBytes: 1399 } }).plan.queuesFrom).toBe(1234);
  });

  test.each<[string, Around, string[], boolean]>([
    ['something else stood in its place', { findings: { displaced: ['T/0'] } }, ['T/0'], false],
    ['a file has not its length', { findings: { misfit: ['T/0'] } }, ['T/0'], false],
    ['its tail is damaged', { damaged: ['T/0'] }, ['T/0'], false],
    ['a start or a reader found it damaged', { start: { state: stateOf({ repair: { ...noRepair, queues: [{ topic: 'T', queueId: 0 }] } }) } }, ['T/0'], false],
    ['one that is not there was found damaged', { start: { state: stateOf({ repair: { ...noRepair, queues: [{ topic: 'U', queueId: 3 }] } }) } }, ['U/3'], false],
    ['all are to be built again', { start: { state: stateOf({ repair: { ...noRepair, all: true } }) } }, ['T/0', 'T/1'], true],
    ['a topic is missing, and no note says which queues there were', { findings: { topicsMissing: true } }, ['T/0', 'T/1'], true],
    ['a topic is missing, and the note is of a start that did not end', { findings: { topicsMissing: true }, start: { state: stateOf({ logEnd: 0 }) } }, ['T/0', 'T/1'], true],
    ['a topic is missing that the note knows of', { findings: { topicsMissing: true }, start: { state: stateOf() } }, [], false],
    ['nothing', {}, [], false],
  ])('a queue is built again when %s', (_, around, broken, all) => {
    const { plan, done, said } = planned({ queues: [whole, other], ...around });
    expect([[...plan.broken].sort(), plan.all]).toEqual([broken, all]);
    const { displaced } = around.findings ?? {};
    const why = displaced !== undefined ? 'lacks a file' : all || around.damaged !== undefined || around.findings?.misfit !== undefined ? 'is damaged' : 'was found damaged';
    // One that lacks a file is looked at as well.
    expect([...new Set(said)]).toEqual(broken.length === 0 ? [] : [`warn a ConsumeQueue ${why}: it is built again from the log`]);
    for (const one of broken) expect(done.filter((what) => what.endsWith(` ${one}`) || what === `cut ${one} to 0`)).toEqual([`cut ${one} to 0`, `unregister ${one}`]);
  });

  test.each<[string, Partial<QueueState>, Partial<Around>, boolean]>([
    ['as it was', {}, {}, false],
    ['an entry short', { nextOffset: 11 }, {}, true],
    ['an entry more', { nextOffset: 9 }, {}, false],
    ['of an older message', { lastPhyOffset: 2401 }, {}, true],
    ['of a newer message', { lastPhyOffset: 2399 }, {}, false],
    ['of an older message, where the newer one was lost', { lastPhyOffset: 2401 }, { start: { gaps: [{ from: 2000, to: 2500 }] } }, false],
    ['of an older message, the first that was lost', { lastPhyOffset: 2401 }, { start: { gaps: [{ from: 2401, to: 2500 }] } }, false],
    ['of an older message, behind what was lost', { lastPhyOffset: 2401 }, { start: { gaps: [{ from: 2000, to: 2401 }] } }, true],
    ['of an older message, before what was lost', { lastPhyOffset: 2401 }, { start: { gaps: [{ from: 2402, to: 2500 }] } }, true],
    ['an entry short, where its message was lost', { nextOffset: 11, lastPhyOffset: 2401 }, { start: { gaps: [{ from: 2000, to: 2500 }] } }, true],
    ['without its first file', {}, { queues: [{ ...whole, files: [20] }] }, true],
    ['with an older file than it had', { firstFile: 20 }, {}, false],
    ['without its first file, where the log has moved on', {}, { queues: [{ ...whole, files: [20] }], files: [1000, 2000] }, false],
    ['without files, as it was', { firstFile: -1 }, { queues: [{ ...whole, files: [] }] }, false],
    ['without files, and it had some', {}, { queues: [{ ...whole, files: [] }] }, false],
    ['all of it older than the log', { nextOffset: 11, lastPhyOffset: 999 }, { files: [1000, 2000] }, false],
    ['its last one the first of the log', { nextOffset: 11, lastPhyOffset: 1000 }, { files: [1000, 2000] }, true],
    ['gone', { topic: 'U' }, {}, true],
  ])('a queue that the note knows, %s: %p', (_, change, around, broken) => {
    const state = stateOf({ queues: [queueState(change)] });
    const { plan, done, said } = planned({ queues: [whole, other], ...around, start: { state, ...around.start } });
    const queue = `${change.topic ?? 'T'}/0`;
    expect([plan.broken, said]).toEqual(broken ? [[queue], ['warn a ConsumeQueue lacks entries or files: it is built again from the log']] : [[], []]);
    // However short the log was.
    expect(planned({ queues: [whole, other], ...around, start: { ...around.start, state: { ...state, logEnd: 1 } } }).plan.broken).toEqual(plan.broken);
    expect(done.filter((what) => what.startsWith('cut'))).toEqual(broken ? [`cut ${queue} to 0`] : []);
    // A note that does not know where the log ended knows nothing of queues either.
    expect(planned({ queues: [whole, other], ...around, start: { ...around.start, state: { ...state, logEnd: 0 } } }).plan.broken).toEqual([]);
  });

  test('a queue that lacks something for two reasons is emptied once', () => {
    const { done } = planned({ queues: [whole, other], damaged: ['T/0'], start: { state: stateOf({ queues: [queueState({ nextOffset: 11 })] }) } });
    expect(done.filter((what) => what.startsWith('cut'))).toEqual(['cut T/0 to 0']);
  });

  test.each<[string, Around, { queuesFrom: number; goodBelow: number; vouched: number; all: boolean }]>([
    ['and no note', {}, { queuesFrom: 0, goodBelow: 0, vouched: 0, all: true }],
    ['and a note', { start: { state: stateOf() } }, { queuesFrom: 0, goodBelow: 2500, vouched: 2500, all: true }],
    ['but broken ones', { queues: [whole], damaged: ['T/0'] }, { queuesFrom: 0, goodBelow: 0, vouched: 0, all: true }],
    ['in a log that begins further on', { files: [1000] }, { queuesFrom: 1000, goodBelow: 0, vouched: 1000, all: true }],
    ['with an entry', { queues: [{ ...whole, lastPhyOffset: 0 }] }, { queuesFrom: 0, goodBelow: 0, vouched: 0, all: false }],
  ])('without queues %s', (_, around, expected) => {
    expect(planned(around).plan).toMatchObject(expected);
  });

  test('a queue that had the newest entry and was found damaged leaves its place to begin at', () => {
    const state = stateOf({ repair: { ...noRepair, queues: [{ topic: 'T', queueId: 0 }] } });
    expect(planned({ queues: [whole, other], start: { state }, config: { recoverRecentBytes: 100 } }).plan).toMatchObject({ broken: ['T/0'], queuesFrom: 2400, goodBelow: 2500 });
  });

  test('damage below the newest entry does not end the log, where the note says less', () => {
    expect(planned({ queues: [whole], start: { state: stateOf({ logEnd: 100 }) } }).plan.goodBelow).toBe(2400);
  });
});

describe('after an unclean stop', () => {
  const start = (change: Partial<Checkpoint> = {}, more: Partial<StartState> = {}): Partial<StartState> => ({ cleanStop: false, checkpoint: { ...nothing, ...change }, ...more });
  const records = { 0: 1000, 1000: 2000, 2000: 3000, 1500: 2500 };

  test('queues count below the checkpoint, the record it names included', () => {
    const { plan, done } = planned({ records, queues: [whole], start: start({ logicsPhysicalOffset: 1500 }) });
    expect(plan).toEqual({ broken: [], queuesFrom: 1500, indexFrom: EVERYTHING, indexEntriesFrom: 0, goodBelow: 1500, vouched: 1501, all: false });
    expect(done).toEqual(['load T/0 below 1501 of 3000', 'entries cut 1501 true']);
  });

  test.each<[string, Partial<Checkpoint>, number, number | undefined]>([
    ['no record: it is not used', { logicsPhysicalOffset: 1501, physicMsgTimestamp: 9999, logicsMsgTimestamp: 9999 }, 0, undefined],
    ['nothing: the times are', { physicMsgTimestamp: 5000, logicsMsgTimestamp: 5500 }, 1000, undefined],
    ['nothing: the earlier time counts', { physicMsgTimestamp: 9000, logicsMsgTimestamp: 6000 }, 2000, undefined],
    ['nothing: the earlier time counts, whichever it is', { physicMsgTimestamp: 5500, logicsMsgTimestamp: 9000 }, 1000, undefined],
    ['nothing: the earlier time of the queues counts', { physicMsgTimestamp: 9000, logicsMsgTimestamp: 5500 }, 1000, undefined],
    ['no record at the second byte: it is not used', { logicsPhysicalOffset: 1, physicMsgTimestamp: 9999, logicsMsgTimestamp: 9999 }, 0, undefined],
    ['nothing: a file whose first record is just as old', { physicMsgTimestamp: 6000, logicsMsgTimestamp: 6000 }, 2000, undefined],
    ['nothing: a file whose first record is a millisecond too young', { physicMsgTimestamp: 5999, logicsMsgTimestamp: 5999 }, 1000, undefined],
    ['nothing, and no times', {}, 0, undefined],
    ['nothing, at most one file', {}, 2000, 1],
    ['nothing, at most two files', {}, 1000, 2],
    ['nothing, at most none', {}, 2000, 0],
    ['nothing, more than there are', {}, 0, 4],
  ])('a checkpoint names %s', (_, checkpoint, from, commitLogRecoverMaxNum) => {
    const { plan, done } = planned({ records, queues: [whole], start: start(checkpoint), config: commitLogRecoverMaxNum === undefined ? {} : { commitLogRecoverMaxNum } });
    expect([plan.queuesFrom, plan.goodBelow, plan.vouched, done]).toEqual([from, from, from, [`load T/0 below ${from} of 3000`, `entries cut ${from} true`]]);
  });

  test('a record at any byte but the first may be named, and an entry of the first record counts', () => {
    const early = planned({ records: { ...records, 1: 900 }, queues: [{ ...whole, lastPhyOffset: 0 }], index: { end: 0 }, start: start({ logicsPhysicalOffset: 1 }) });
    expect(early.plan).toEqual({ broken: [], queuesFrom: 1, indexFrom: EVERYTHING, indexEntriesFrom: 1, goodBelow: 1, vouched: 2, all: false });
    expect(early.done).toEqual(['load T/0 below 2 of 3000', 'index load 1', 'entries cut 2 true']);
  });

  test('files whose first record cannot be read are passed over', () => {
    expect(planned({ records: { 1000: 1 }, queues: [whole], start: start({ physicMsgTimestamp: 9000, logicsMsgTimestamp: 9000 }) }).plan.queuesFrom).toBe(1000);
    expect(planned({ files: [1000, 2000], records: {}, queues: [whole], start: start({ physicMsgTimestamp: 9000, logicsMsgTimestamp: 9000 }) }).plan.queuesFrom).toBe(1000);
  });

  test('a record at the very beginning of the log is named by nobody', () => {
    const { done } = planned({ records: { 0: 1 }, queues: [whole], start: start() });
    expect(done).toContain('load T/0 below 0 of 3000');
  });

  test.each<[string, Around, Partial<Plan>]>([
    ['counts below the checkpoint', {}, { all: true, queuesFrom: 0, goodBelow: 1500, vouched: 0 }],
    ['or what the note says of the queues is not asked for', { start: { state: stateOf({ queues: [queueState()] }) } }, { all: true, queuesFrom: 0, goodBelow: 1500, vouched: 0 }],
  ])('without queues the log %s', (_, around, expected) => {
    const { plan } = planned({ records, ...around, start: start({ logicsPhysicalOffset: 1500 }, around.start) });
    expect(plan).toMatchObject(expected);
    expect(plan.broken).toEqual([]);
  });

  test('what was found damaged before is built again all the same', () => {
    const state = stateOf({ logEnd: 0, repair: { ...noRepair, queues: [{ topic: 'T', queueId: 0 }] } });
    expect(planned({ records, queues: [whole, other], start: start({ logicsPhysicalOffset: 1500 }, { state }) }).plan.broken).toEqual(['T/0']);
  });
});

describe('the index', () => {
  const records = { 0: 1000, 1000: 2000, 2000: 3000, 1500: 2500 };
  const known = (change: Partial<DerivedState> = {}): DerivedState => stateOf({ index: [{ name: 'x', indexCount: 2, endPhyOffset: 2400 }], ...change });
  const unclean = (at: number, state?: DerivedState): Partial<StartState> => ({ cleanStop: false, checkpoint: { ...nothing, logicsPhysicalOffset: at }, state });
  const everything = EVERYTHING;
  const entriesFrom = (at: number): Pick<Plan, 'indexFrom' | 'indexEntriesFrom'> => ({ indexFrom: at, indexEntriesFrom: at });

  test.each<[string, Around, Pick<Plan, 'indexFrom' | 'indexEntriesFrom'>, string[]]>([
    ['is whole', { index: { end: 2400 }, start: { state: known() } }, { indexFrom: everything, indexEntriesFrom: 2401 }, ['index load all', 'index drop 0']],
    ['is whole, and nobody noted anything', { index: { end: 2400 } }, { indexFrom: everything, indexEntriesFrom: 2401 }, ['index load all']],
    ['ends before the newest entry, and nobody noted anything', { index: { end: 2399 } }, entriesFrom(2399), ['index load all', 'index cut 2399']],
    ['ends before the newest entry, as noted', { index: { end: 2399 }, start: { state: known() } }, { indexFrom: everything, indexEntriesFrom: 2400 }, ['index load all', 'index drop 0']],
    ['lacks files', { index: { end: 1700, behind: true }, start: { state: known() } }, entriesFrom(1700), ['index load all', 'index drop 0', 'index cut 1700']],
    ['lacks files, and the log begins behind what is left', { index: { end: 700, behind: true }, files: [1000, 2000], start: { state: known() } }, entriesFrom(1000), ['index load all', 'index drop 1000', 'index cut 700']],
    ['lacks all files', { index: { end: -1, behind: true }, start: { state: known() } }, entriesFrom(0), ['index load all', 'index drop 0', 'index cut 0']],
    ['was empty, as noted', { index: { end: -1 }, start: { state: known({ index: [] }) } }, { indexFrom: everything, indexEntriesFrom: 0 }, ['index load all', 'index drop 0']],
    ['is empty, and nobody noted anything', { index: { end: -1 } }, entriesFrom(0), ['index load all', 'index cut 0']],
    ['was not whole when it was loaded', { index: { end: 2400, resume: 1800 }, start: { state: known() } }, entriesFrom(1800), ['index load all', 'index drop 0', 'index cut 1800']],
    ['is to be repaired', { index: { end: 2400 }, start: { state: known({ repair: { ...noRepair, index: true } }) } }, entriesFrom(0), ['index load all', 'index clear', 'index drop 0', 'index cut 0']],
    ['is to be repaired, having been empty', { index: { end: -1 }, start: { state: known({ index: [], repair: { ...noRepair, index: true } }) } }, entriesFrom(0), ['index load all', 'index clear', 'index drop 0', 'index cut 0']],
    ['had something else in a place of its own, and nobody noted anything', { index: { end: 2400 }, start: { displaced: { index: true } } }, entriesFrom(0), ['index load all', 'index clear', 'index cut 0']],
    ['had something else in a place of its own, and the note says what it had', { index: { end: 2400 }, start: { displaced: { index: true }, state: known() } }, { indexFrom: everything, indexEntriesFrom: 2401 }, ['index load all', 'index drop 0']],
    ['of an unclean stop counts below the checkpoint', { index: { end: 1400 }, start: unclean(1500) }, { indexFrom: everything, indexEntriesFrom: 1500 }, ['index load 1500']],
    ['of an unclean stop without a checkpoint counts to its end', { index: { end: 1400 }, start: unclean(0) }, entriesFrom(1400), ['index load 0', 'index cut 1400']],
    ['of an unclean stop counts to its end where the configuration says so', { index: { end: 1400 }, start: unclean(1500), config: { messageIndexSafe: true } }, entriesFrom(1400), ['index load 1500', 'index cut 1400']],
    ['of an unclean stop is not noted', { index: { end: 1400 }, start: unclean(1500, known()) }, { indexFrom: everything, indexEntriesFrom: 1500 }, ['index load 1500']],
    ['of an unclean stop is to be repaired', { index: { end: 1400 }, start: unclean(1500, known({ repair: { ...noRepair, index: true } })) }, entriesFrom(0), ['index load 1500', 'index clear', 'index cut 0']],
    ['of an unclean stop was not whole when it was loaded', { index: { end: 1400, resume: 1100 }, start: unclean(1500) }, entriesFrom(1100), ['index load 1500', 'index cut 1100']],
    ['of an unclean stop is empty', { index: { end: -1 }, start: unclean(1500) }, entriesFrom(0), ['index load 1500', 'index cut 0']],
    ['ends with the first record of the log', { index: { end: 0 }, start: { state: known() } }, { indexFrom: everything, indexEntriesFrom: 1 }, ['index load all', 'index drop 0']],
    ['is none', {}, { indexFrom: everything, indexEntriesFrom: 0 }, []],
  ])('%s', (_, around, from, did) => {
    const { plan, done, said } = planned({ records, queues: [whole], ...around });
    expect(said.filter((line) => line === 'warn what loading it says')).toHaveLength(around.index === undefined ? 0 : 1);
    expect({ indexFrom: plan.indexFrom, indexEntriesFrom: plan.indexEntriesFrom }).toEqual(from);
    expect(done.filter((what) => what.startsWith('index'))).toEqual(did);
  });
});
