/** Going through logs of a few small files: where they end and why, what damage at each byte costs, what is cut, and what is written on the way. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeBlank } from '../codec/message-record.js';
import type { RecordView } from '../codec/message-record.js';
import { viewOf } from '../codec/int64.js';
import { CommitLog } from './commit-log.js';
import type { Dispatcher } from './dispatch.js';
import { LogScanner } from './log-scan.js';
import type { Scan } from './log-scan.js';
import { LogWindow } from './log-window.js';
import { offsetFileName } from './names.js';
import type { StoreConfig } from './options.js';
import type { StoreParts } from './parts.js';
import { SimulatedDisk } from './simulated-disk.js';
import { ListLog, ManualClock, smallConfig, storedRecord } from './store-fixture.js';

const fileBytes = 1000;
const fileName = (base: number): string => `/log/${offsetFileName(base)}`;

interface Written {
  readonly body?: string;
  readonly topic?: string;
  readonly props?: string;
}

/** A record that says it stands at `phyOffset`, stored at 5000 more than that. */
function record(phyOffset: number, { body = 'body', topic = 'T', props = 'a\u0001b\u0002' }: Written = {}): Buffer {
  const properties = Buffer.from(props);
  return storedRecord(3, body, undefined, { queueId: 1, flag: 2, phyOffset, bornTimestamp: 4, storeTimestamp: phyOffset + 5000, topic: Buffer.from(topic), properties, propertiesEnd: properties.length });
}

/** A body that makes the record so long. */
const ofLength = (phyOffset: number, length: number, more: Written = {}): Buffer => record(phyOffset, { ...more, body: 'x'.repeat(length - record(phyOffset, { ...more, body: '' }).length) });

function blank(length: number): Buffer {
  const bytes = Buffer.alloc(8);
  encodeBlank(viewOf(bytes), 0, length);
  return bytes;
}

interface Bench {
  readonly disk: SimulatedDisk;
  readonly commitLog: CommitLog;
  readonly scanner: LogScanner;
  readonly log: ListLog;
  readonly clock: ManualClock;
  /** Records dispatched, and what else was done, in order. */
  readonly dispatched: number[];
  /** How many records had been dispatched when the dispatcher was told that there are no more. */
  readonly finished: number[];
  readonly done: string[];
  readonly fields: object[];
}

/** A log of files with these bytes from their beginning on. */
function benchOf(files: readonly (readonly Buffer[])[], config: Partial<StoreConfig> = {}, { base = 0, index = true } = {}): Bench {
  const disk = new SimulatedDisk(1);
  const clock = new ManualClock();
  const log = new ListLog();
  const [dispatched, finished, done, fields]: [number[], number[], string[], object[]] = [[], [], [], []];
  for (const how of ['info', 'error'] as const) {
    const said = log[how].bind(log);
    log[how] = (more: object, message: string) => {
      fields.push(more);
      said(more, message);
    };
  }
  const commitLog = new CommitLog(disk, '/log', fileBytes, 4096, () => clock.now);
  files.forEach((parts, i) => {
    const bytes = Buffer.alloc(fileBytes);
    Buffer.concat(parts).copy(bytes);
    disk.place(fileName(base + i * fileBytes), bytes);
    commitLog.addFile(base + i * fileBytes, false);
  });
  const queue = (name: string): object => ({ release: (from: number) => void done.push(`release ${name} ${from}`) });
  const parts = {
    disk, clock, log, commitLog,
    config: smallConfig(config),
    queues: { flush: async () => void (await Promise.resolve(), done.push('flush queues')), all: () => [queue('a'), queue('b')] },
    index: index ? { keep: () => void done.push('keep'), flush: async () => void (await Promise.resolve(), done.push('flush index')) } : undefined,
  } as unknown as StoreParts;
  const dispatcher = { dispatch: (one: RecordView) => void dispatched.push(one.phyOffset), finish: () => void finished.push(dispatched.length) } as unknown as Dispatcher;
  return { disk, commitLog, scanner: new LogScanner(parts, new LogWindow(commitLog), dispatcher), log, clock, dispatched, finished, done, fields };
}

const scanned = (end: number, records: number, lastPhyOffset: number, reason?: string): Scan => ({ end, records, reason, lastPhyOffset, lastStoreTimestamp: lastPhyOffset < 0 ? 0 : lastPhyOffset + 5000 });

/** Two records and a blank, two records to the last byte that leaves room for one, a record and nothing. */
function threeFiles(): { files: Buffer[][]; offsets: number[] } {
  return {
    files: [
      [ofLength(0, 300), ofLength(300, 200), blank(500)],
      [ofLength(1000, 500), ofLength(1500, 492), blank(8)],
      [ofLength(2000, 150)],
    ],
    offsets: [0, 300, 1000, 1500, 2000],
  };
}

describe('a whole log', () => {
  test('is gone through over its files, each record once', async () => {
    const { files, offsets } = threeFiles();
    const { scanner, dispatched, finished, log, done } = benchOf(files);
    expect(await scanner.scan(0, 0)).toEqual(scanned(2150, 5, 2000));
    expect([dispatched, finished, log.lines, done]).toEqual([offsets, [5], [], offsets.map(() => 'keep')]);
  });

  test('is gone through in the same way where it is known to be good', async () => {
    const { files, offsets } = threeFiles();
    const { scanner, dispatched, log } = benchOf(files);
    expect([await scanner.scan(0, 2150), dispatched, log.lines]).toEqual([scanned(2150, 5, 2000), offsets, []]);
  });

  test('is gone through from any record on, with or without an index', async () => {
    const { files, offsets } = threeFiles();
    for (const from of offsets) {
      const { scanner, dispatched, done } = benchOf(files, {}, { index: false });
      const rest = offsets.filter((at) => at >= from);
      expect(await scanner.scan(from, 0)).toEqual(scanned(2150, rest.length, 2000));
      expect([dispatched, done]).toEqual([rest, []]);
    }
  });

  test('may begin further on', async () => {
    const { scanner, dispatched } = benchOf([[ofLength(5000, 100)]], {}, { base: 5000 });
    expect([await scanner.scan(5000, 0), dispatched]).toEqual([scanned(5100, 1, 5000), [5000]]);
  });

  test.each<[string, Buffer[][], Scan]>([
    ['nothing', [[]], scanned(0, 0, -1)],
    ['a blank alone', [[blank(1000)]], scanned(0, 0, -1)],
    ['a blank before an empty file', [[ofLength(0, 100), blank(900)], []], scanned(1000, 1, 0)],
    ['a blank at the end of the last file', [[ofLength(0, 100), blank(900)]], scanned(100, 1, 0)],
    ['an empty file in its middle', [[ofLength(0, 100), blank(900)], [], [ofLength(2000, 100)]], scanned(1000, 1, 0)],
  ])('that holds %s', async (_, files, expected) => {
    expect(await benchOf(files).scanner.scan(0, 0)).toEqual(expected);
  });

  test.each<[string, Buffer[][], Scan]>([
    ['a record that leaves no room for a blank', [[ofLength(0, 993)], [ofLength(1000, 100)]], scanned(993, 1, 0, 'the file is full')],
    ['a record that leaves just none', [[ofLength(0, 1000)], [ofLength(1000, 100)]], scanned(1000, 2, 0, 'the file is full')],
    ['a blank that is too short', [[ofLength(0, 100), blank(899)], [ofLength(1000, 100)]], scanned(100, 1, 0, 'a blank of 899 bytes does not end with the file')],
    ['a blank that is too long', [[ofLength(0, 100), blank(901)], [ofLength(1000, 100)]], scanned(100, 1, 0, 'a blank of 901 bytes has only 900')],
    ['a record of another place', [[ofLength(0, 100), ofLength(99, 100)]], scanned(100, 1, 0, 'the record says it stands at 99')],
    ['no record', [[ofLength(0, 100), Buffer.from('something else')]], scanned(100, 1, 0, 'unknown magic 1953064037')],
  ])('ends at %s', async (what, files, expected) => {
    const { scanner } = benchOf(files);
    const found = await scanner.scan(0, 0);
    if (what === 'a record that leaves just none') expect(found).toEqual({ ...expected, records: 1 });
    else if (what === 'no record') expect(found).toEqual({ ...expected, reason: expect.stringMatching(/^unknown magic /) });
    else expect(found).toEqual(expected);
  });
});

describe('damage', () => {
  const length = 120;
  const files = (): Buffer[] => [ofLength(0, length), ofLength(length, length, { topic: 'Topic', props: 'name\u0001value\u0002' }), ofLength(2 * length, length)];
  /** What a record of these lengths has where: what nobody can tell is left alone. */
  const body = length - 91 - 'Topic'.length - 'name\u0001value\u0002'.length;
  const checked: [string, number, number][] = [['TOTALSIZE', 0, 4], ['MAGICCODE', 4, 8], ['BODYCRC', 8, 12], ['PHYSICALOFFSET', 28, 36], ['the length of the body', 84, 88], ['the body', 88, 88 + body], ['the length of the topic', 88 + body, 89 + body], ['the length of the properties', 94 + body, 96 + body]];
  const free: [string, number, number][] = [['QUEUEID', 12, 16], ['FLAG', 16, 20], ['BORNTIMESTAMP', 40, 48], ['BORNHOST', 48, 56], ['STOREHOST', 64, 72], ['RECONSUMETIMES', 72, 76], ['the prepared offset', 76, 84], ['the topic', 89 + body, 94 + body]];

  test.each(checked)('of %s is found at each byte: the log ends there, or goes on behind it where it is known to be good', async (_, from, to) => {
    for (let at = from; at < to; at++) {
      const bytes = Buffer.concat(files());
      bytes[length + at] = (bytes[length + at] ?? 0) ^ 0x81;
      const ends = benchOf([[bytes]]);
      const scan = await ends.scanner.scan(0, 0);
      expect([at, scan.end, scan.records, ends.dispatched, scan.lastPhyOffset, scan.reason !== undefined]).toEqual([at, length, 1, [0], 0, true]);
      const known = benchOf([[bytes]]);
      expect(await known.scanner.scan(0, 3 * length)).toEqual(scanned(3 * length, 2, 2 * length));
      expect([known.dispatched, known.log.lines]).toEqual([[0, 2 * length], ['error the commit log is damaged here: these bytes are lost, what follows stays']]);
      expect(known.fields).toEqual([{ phyOffset: length, bytes: length, reason: scan.reason }]);
    }
  });

  test.each(free)('of %s cannot be told', async (_, from, to) => {
    const bytes = Buffer.concat(files());
    for (let at = from; at < to; at++) bytes[length + at] = (bytes[length + at] ?? 0) ^ 0x21;
    const { scanner, dispatched } = benchOf([[bytes]]);
    expect([await scanner.scan(0, 0), dispatched]).toEqual([scanned(3 * length, 3, 2 * length), [0, length, 2 * length]]);
  });

  test('of a body is not looked for where the configuration says so', async () => {
    const bytes = Buffer.concat(files());
    bytes[length + 90] = 0;
    for (const [checkCRCOnRecover, records] of [[true, 1], [false, 3]] as const) expect([checkCRCOnRecover, (await benchOf([[bytes]], { checkCRCOnRecover }).scanner.scan(0, 0)).records]).toEqual([checkCRCOnRecover, records]);
  });

  test('is passed over as far as the log is known to be good, and no further', async () => {
    const bytes = Buffer.concat(files());
    bytes[length] = 0x7f;
    for (const [goodBelow, end] of [[0, length], [length, length], [length + 1, length], [2 * length, length], [2 * length + 1, 3 * length], [5 * length, 3 * length]] as const) {
      const { scanner, log } = benchOf([[bytes]]);
      const scan = await scanner.scan(0, goodBelow);
      expect([goodBelow, scan.end, log.lines.length]).toEqual([goodBelow, end, end === length ? 0 : 1]);
    }
  });

  test('of a single byte between two records costs that byte', async () => {
    const { scanner, fields } = benchOf([[ofLength(0, 100), Buffer.from([7]), ofLength(101, 100)]]);
    expect([await scanner.scan(0, 500), fields]).toEqual([scanned(201, 2, 101), [expect.objectContaining({ phyOffset: 100, bytes: 1 })]]);
  });

  test('is passed over into the next file, zeros and a full file too', async () => {
    for (const [what, middle] of [['zeros', []], ['nonsense', [Buffer.alloc(300, 'x')]], ['full', [ofLength(100, 895)]], ['a blank that does not fit', [blank(50)]]] as const) {
      const { scanner, dispatched, log } = benchOf([[ofLength(0, 100), ...middle], [ofLength(1000, 100)]]);
      const scan = await scanner.scan(0, 1100);
      const more = what === 'full' ? [100] : [];
      expect([what, scan, dispatched, log.lines.length]).toEqual([what, scanned(1100, 2 + more.length, 1000), [0, ...more, 1000], 1]);
    }
  });
});

describe('a record whose end was not written', () => {
  /** `zeros` at the end of its properties, which are long enough. */
  const torn = (zeros: number): Written => ({ props: `name\u0001${'v'.repeat(20 - zeros)}${'\0'.repeat(zeros)}` });
  const last = 'the end of the record was not written';
  const follows: Readonly<Record<string, (at: number) => Buffer[]>> = {
    record: (at) => [record(at)],
    blank: (at) => [blank(fileBytes - at)],
    zeros: () => [],
    nonsense: () => [Buffer.alloc(50, 'x')],
  };
  test.each<[number, string, boolean]>([
    [0, 'record', false], [0, 'zeros', false], [0, 'nonsense', false],
    [1, 'record', false], [1, 'blank', false], [1, 'zeros', true], [1, 'nonsense', true],
    [7, 'record', false], [7, 'blank', false], [7, 'zeros', true], [7, 'nonsense', true],
    [8, 'record', true], [8, 'blank', true], [8, 'zeros', true], [9, 'record', true],
  ])('%d zeros before %s: %p', async (zeros, then, is) => {
    const first = record(0, torn(zeros));
    const bytes = [first, ...(follows[then]?.(first.length) ?? [])];
    const { scanner, dispatched } = benchOf([bytes]);
    const scan = await scanner.scan(0, 0);
    if (is) expect([scan, dispatched]).toEqual([scanned(0, 0, -1, last), []]);
    else expect([scan.records, dispatched]).toEqual(then === 'record' ? [2, [0, first.length]] : [1, [0]]);
    // Below what is known to be good it is one all the same.
    const known = benchOf([bytes]);
    await known.scanner.scan(0, 1);
    expect(known.dispatched[0]).toBe(0);
  });

  test('at the end of a file leaves no room for what follows', async () => {
    for (const [length, is] of [[993, true], [992, true]] as const) {
      const { scanner } = benchOf([[ofLength(0, length, { props: 'a\u0001\0' })], []]);
      expect([length, (await scanner.scan(0, 0)).reason === last]).toEqual([length, is]);
    }
    const { scanner } = benchOf([[ofLength(0, 992, { props: 'a\u0001\0' }), blank(8)], []]);
    expect((await scanner.scan(0, 0)).end).toBe(1000);
  });

  test('without properties ends with its topic', async () => {
    for (const [topic, is] of [['T', false], ['T\0', true], ['\0\0', true], ['\0'.repeat(8), true], ['\0'.repeat(9), true], ['', false]] as const) {
      const { scanner } = benchOf([[record(0, { topic, props: '' })]]);
      expect([topic, (await scanner.scan(0, 0)).reason === last]).toEqual([topic, is]);
    }
    // Eight zeros are more than anybody sends, fewer may be meant; those before the topic do not count.
    for (const [topic, records] of [['\0'.repeat(8), 0], ['\0'.repeat(7), 2], ['', 2]] as const) {
      const first = record(0, { topic, props: '', body: '\0'.repeat(20) });
      const { scanner } = benchOf([[first, record(first.length)]]);
      expect([topic, (await scanner.scan(0, 0)).records]).toEqual([topic, records]);
    }
  });

  test('is no longer where the record that was read is the one to dispatch', async () => {
    const first = record(0, { props: 'a\u0001b\0', body: 'longer than the next one' });
    const { scanner, dispatched } = benchOf([[first, record(first.length)]]);
    expect([await scanner.scan(0, 0), dispatched]).toEqual([scanned(first.length + record(0).length, 2, first.length), [0, first.length]]);
  });
});

describe('on the way', () => {
  test('what was dispatched goes to the files each so many bytes, and memory is given back', async () => {
    const { scanner, done } = benchOf([[ofLength(0, 100), ofLength(100, 100), ofLength(200, 100), ofLength(300, 100), ofLength(400, 100)]], { recoverStepBytes: 200 });
    await scanner.scan(0, 0);
    const step = ['flush queues', 'flush index', 'release a 0', 'release b 0'];
    expect(done).toEqual(['keep', 'keep', ...step, 'keep', 'keep', ...step, 'keep']);
    const from = benchOf([[ofLength(0, 100), ofLength(100, 100), ofLength(200, 100), ofLength(300, 100)]], { recoverStepBytes: 200 }, { index: false });
    await from.scanner.scan(100, 0);
    expect(from.done).toEqual(['flush queues', 'release a 0', 'release b 0']);
  });

  test('the step is 64 MiB long', async () => {
    const step = 64 * 1024 * 1024;
    const done: string[] = [];
    const view = { size: 0, phyOffset: 0, storeTimestamp: 7, topicStart: 0, topicEnd: 1, propertiesStart: 1, propertiesEnd: 1, bytes: Uint8Array.of(1) };
    // Two records of a byte more and less, and one behind them.
    const sizes: Readonly<Record<number, number>> = { 0: step - 1, [step - 1]: 1, [step]: 100 };
    const window = {
      record: view,
      read: (_file: unknown, at: number) => {
        Object.assign(view, { size: sizes[at] ?? 0, phyOffset: at });
        return sizes[at] === undefined ? 'zero' : 'record';
      },
    } as unknown as LogWindow;
    const commitLog = { fileAt: () => ({ base: 0, end: 10 * step }), files: [] };
    const queues = { flush: () => void done.push('flush'), all: () => [] };
    const parts = { commitLog, queues, config: smallConfig(), clock: new ManualClock(), log: new ListLog() } as unknown as StoreParts;
    const scanner = new LogScanner(parts, window, { dispatch: (one: RecordView) => void done.push(String(one.phyOffset)), finish: () => void done.push('finish') } as unknown as Dispatcher);
    expect(await scanner.scan(0, 0)).toEqual({ end: step + 100, records: 3, reason: undefined, lastPhyOffset: step, lastStoreTimestamp: 7 });
    expect(done).toEqual(['0', String(step - 1), 'flush', String(step), 'finish']);
  });

  test('a small log takes no step', async () => {
    const { scanner, done } = benchOf([[ofLength(0, 990)]]);
    await scanner.scan(0, 0);
    expect(done).toEqual(['keep']);
  });

  test('it is said each five seconds how far it has come', async () => {
    const bench = benchOf([[0, 100, 200, 300, 400, 500].map((at) => ofLength(at, 100))].concat([[]]), { recoverStepBytes: 100 });
    const { scanner, clock, log, fields } = bench;
    let at = 0;
    const took = [0, 4999, 1, 4999, 6000, 4999];
    const keep = bench.done.push.bind(bench.done);
    bench.done.push = (...what) => {
      if (what[0] === 'flush queues') clock.now += took[++at] ?? 0;
      return keep(...what);
    };
    await scanner.scan(0, 0);
    expect(fields).toEqual([{ phyOffset: 200, from: 0, filesEnd: 2000 }, { phyOffset: 400, from: 0, filesEnd: 2000 }]);
    expect(log.lines).toEqual(['info is going through the log', 'info is going through the log']);
  });
});

describe('the cut', () => {
  const scan = (end: number): Scan => scanned(end, 0, -1);
  const cutAt = (files: Buffer[][], end: number, base = 0): Bench & { cut: number; left: string[] } => {
    const bench = benchOf(files, {}, { base });
    bench.commitLog.dirDirty = false;
    return { ...bench, cut: bench.scanner.cutLog(scan(end)), left: bench.disk.files() };
  };

  test.each<[string, number, number, number[]]>([
    ['at its end', 2150, 0, [0, 1000, 2000]],
    ['behind its end', 2400, 0, [0, 1000, 2000]],
    ['amid a record', 2100, 50, [0, 1000, 2000]],
    ['before the last byte', 2149, 1, [0, 1000, 2000]],
    ['at the beginning of a file', 2000, 150, [0, 1000, 2000]],
    ['a byte before a file', 1999, 1001, [0, 1000]],
    ['in an earlier file', 1500, 1000 + 500, [0, 1000]],
    ['at the beginning of all', 0, 2000 + 508, [0]],
  ])('%s', (_, end, bytes, files) => {
    const before = threeFiles().files;
    // The very last byte of the second file is data.
    const bench = cutAt([before[0] ?? [], [...(before[1] ?? []), Buffer.from([7])], before[2] ?? []].map((parts, i) => (i === 1 ? [Buffer.concat(parts).subarray(0, 999), Buffer.from([7])] : parts)), end);
    expect([bench.cut, bench.left]).toEqual([bytes, files.map(fileName)]);
    const { commitLog, disk } = bench;
    expect([commitLog.tail, commitLog.written, commitLog.flushed, commitLog.files.map(({ base }) => base)]).toEqual([end, end, end, files]);
    const last = disk.content(fileName(files.at(-1) ?? 0));
    const whole = benchOf(threeFiles().files).disk.content(fileName(files.at(-1) ?? 0));
    const at = end - (files.at(-1) ?? 0);
    expect([last.length, last.subarray(at).every((byte) => byte === 0), last.subarray(0, Math.min(at, 900)).equals(whole.subarray(0, Math.min(at, 900)))]).toEqual([fileBytes, true, true]);
    // What changed waits for the next sync.
    expect([commitLog.dirDirty, commitLog.files.at(-1)?.dirty]).toEqual([files.length < 3, files.length < 3 ? bytes % 1000 > 0 : bytes > 0]);
  });

  test('closes what it removes, and does not count files of zeros', () => {
    const bench = benchOf([[ofLength(0, 100)], [], [Buffer.from([1])], []]);
    const handles = bench.commitLog.files.map(({ file }) => file);
    expect(bench.scanner.cutLog(scan(100))).toBe(1000);
    expect(bench.disk.files()).toEqual([fileName(0)]);
    expect(handles.map((file) => {
      try {
        return file.length();
      } catch {
        return 'closed';
      }
    })).toEqual([1000, 'closed', 'closed', 'closed']);
  });

  test('leaves the last file, wherever the log is said to end', () => {
    const bench = cutAt([[ofLength(5000, 100)]], 5000, 5000);
    expect([bench.cut, bench.left, bench.disk.content(fileName(5000)).every((byte) => byte === 0)]).toEqual([100, [fileName(5000)], true]);
  });
});

test('whatever single byte of a log is another one, records before it are found, and none that was not there', async () => {
  const { files, offsets } = threeFiles();
  const plain = files.map((parts) => {
    const bytes = Buffer.alloc(fileBytes);
    Buffer.concat(parts).copy(bytes);
    return bytes;
  });
  await fc.assert(
    fc.asyncProperty(fc.nat(2149), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const damaged = plain.map((bytes) => Buffer.from(bytes));
      const file = damaged[Math.floor(at / fileBytes)];
      if (file !== undefined) file[at % fileBytes] = (file[at % fileBytes] ?? 0) ^ change;
      const { scanner, dispatched } = benchOf(damaged.map((bytes) => [bytes]));
      const { end, records, lastPhyOffset } = await scanner.scan(0, 0);
      const before = offsets.filter((one, i) => (offsets[i + 1] ?? 2150) <= at && one < at);
      expect(dispatched.slice(0, before.length)).toEqual(before);
      expect(dispatched).toEqual(offsets.slice(0, dispatched.length));
      expect([records, lastPhyOffset, end >= lastPhyOffset]).toEqual([dispatched.length, dispatched.at(-1) ?? -1, true]);
    }),
    { numRuns: 60 },
  );
});
