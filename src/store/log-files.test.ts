/** Which files make one log: odd names, sizes, gaps, files that were put back, and what is done about each, durably. The same on whole stores: log-gap.test.ts. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { setConsumeQueueUnit } from '../codec/consume-queue-unit.js';
import { viewOf } from '../codec/int64.js';
import { CommitLog } from './commit-log.js';
import type { DiskFile } from './disk.js';
import { openLogFiles } from './log-files.js';
import type { ClosedGap, KnownLog } from './log-files.js';
import { offsetFileName } from './names.js';
import type { StoreParts } from './parts.js';
import { SimulatedDisk } from './simulated-disk.js';
import { ListLog, ManualClock } from './store-fixture.js';

const fileBytes = 1000;
const nameOf = (base: number, dir = '/s/log'): string => `${dir}/${offsetFileName(base)}`;

let disk: SimulatedDisk;
let commitLog: CommitLog;
let log: ListLog;
/** What is said beside the words. */
let fields: Record<string, unknown>[];

beforeEach(() => {
  disk = new SimulatedDisk(1);
  disk.place('/s/log/x', Buffer.alloc(0));
  disk.unlink('/s/log/x');
  log = new ListLog();
  fields = [];
  for (const how of ['warn', 'error'] as const) {
    const said = log[how].bind(log);
    log[how] = (more: object, message: string) => {
      fields.push(more as Record<string, unknown>);
      said(more, message);
    };
  }
});

/** Puts files there that hold their number, or so many bytes of something. */
function place(...bases: readonly (number | [base: number, bytes: number | Buffer])[]): void {
  for (const one of bases) {
    const [base, bytes] = typeof one === 'number' ? [one, fileBytes] : one;
    disk.place(nameOf(base), typeof bytes === 'number' ? Buffer.alloc(bytes, `of ${base}.`) : bytes);
  }
}

async function open(known: Partial<KnownLog> = {}): Promise<{ gaps: ClosedGap[]; bases: number[] }> {
  const clock = new ManualClock();
  commitLog = new CommitLog(disk, '/s/log', fileBytes, 4096, () => clock.now);
  const parts = { disk, log, commitLog, queues: { root: '/s/consumequeue', fileBytes: 200 } } as unknown as StoreParts;
  const gaps = await openLogFiles(parts, { cleanStop: true, checkpointed: 0, min: 0, ...known });
  return { gaps, bases: commitLog.files.map(({ base }) => base) };
}

const names = (dir = '/s/log'): string[] => disk.files().filter((name) => name.startsWith(`${dir}/`)).map((name) => name.slice(dir.length + 1));

describe('the directory', () => {
  test('without files is an empty log', async () => {
    expect([await open(), log.lines]).toEqual([{ gaps: [], bases: [] }, []]);
    expect(commitLog.dirDirty).toBe(false);
  });

  test('is opened as it is, from whichever offset on', async () => {
    place(5000, 6000, 7000);
    const { ops } = disk;
    expect([await open(), log.lines, commitLog.dirDirty]).toEqual([{ gaps: [], bases: [5000, 6000, 7000] }, [], false]);
    // Nothing is written or synced.
    expect(disk.ops).toBe(ops);
    expect(commitLog.files.map(({ base, end, dirty, file }) => [end - base, dirty, file.path])).toEqual([5000, 6000, 7000].map((base) => [fileBytes, false, nameOf(base)]));
    for (const base of [5000, 6000, 7000]) expect(disk.content(nameOf(base)).equals(Buffer.alloc(fileBytes, `of ${base}.`))).toBe(true);
  });

  test('may hold other names: they are said and left alone', async () => {
    place(0, 1000);
    const odd = ['0', '0000000000000000000', '000000000000000000000', '00000000000000001000.tmp', 'x', '99999999999999999999', 'behind-gap-1'];
    for (const name of odd) disk.place(`/s/log/${name}`, Buffer.from('odd'));
    expect((await open()).bases).toEqual([0, 1000]);
    expect(log.lines).toEqual(odd.map(() => 'warn is no commit log file and is left alone'));
    expect(fields.map(({ file }) => file).sort()).toEqual(odd.map((name) => `/s/log/${name}`).sort());
    expect(names()).toEqual([...odd, offsetFileName(0), offsetFileName(1000)].sort());
  });
});

describe('sizes', () => {
  const setIt = (base: number, bytes: number): string => `${nameOf(base)} has ${bytes} bytes, mappedFileSizeCommitLog says 1000: set it to the size of the files`;
  const cutIt = (base: number, bytes: number): string => `${nameOf(base)} has ${bytes} bytes, ${bytes - fileBytes} more than the other files and mappedFileSizeCommitLog say: nothing of a commit log stands there, cut it to 1000 bytes`;
  test.each<[string, readonly (number | [number, number])[], string]>([
    ['alone and longer', [[0, 1001]], setIt(0, 1001)],
    ['alone, somewhere, and longer', [[5000, 2000]], setIt(5000, 2000)],
    ['first and longer, as the next one is where it should be', [[0, 1001], 1000], cutIt(0, 1001)],
    ['first and longer, before a gap', [[0, 1001], 2000], setIt(0, 1001)],
    ['first and longer, somewhere, as the next one is where it should be', [[5000, 1001], 6000], cutIt(5000, 1001)],
    ['longer, and overlaps the one before', [1000, [1500, 1001]], setIt(1500, 1001)],
    ['last and longer', [0, [1000, 1004]], cutIt(1000, 1004)],
    ['last and longer, behind a gap', [0, [2000, 1004]], cutIt(2000, 1004)],
    ['in the middle and longer', [0, [1000, 3000], 2000], cutIt(1000, 3000)],
    ['of a log of smaller files', [[0, 500], [500, 500]], setIt(0, 500)],
    ['of a log of smaller files, the second one', [0, [1000, 500], [1500, 500]], setIt(1000, 500)],
    ['of a log of smaller files and too long', [[0, 500], [500, 1001]], setIt(0, 500)],
  ])('a file that is %s is refused', async (_, files, message) => {
    place(...files);
    const before = names();
    await expect(open()).rejects.toThrow(message);
    expect(names()).toEqual(before);
  });

  test('a file that overlaps the one before and is longer than all is of another configuration', async () => {
    // The first has its full length: nothing is wrong with it alone.
    place(0, [500, 1001]);
    await expect(open()).rejects.toThrow(setIt(500, 1001));
  });

  test.each<[string, readonly (number | [number, number])[], number[], number]>([
    ['last', [0, [1000, 999]], [0, 1000], 1],
    ['alone and empty', [[0, 0]], [0], 1000],
    ['in the middle', [0, [1000, 1], 2000], [0, 1000, 2000], 999],
    ['first, the next one where it should be', [[0, 500], 1000], [0, 1000], 500],
  ])('a file that is short, %s, is filled up with zeros', async (_, files, bases, missing) => {
    place(...files);
    const short = files.find((one): one is [number, number] => typeof one !== 'number');
    if (short === undefined) throw new Error('one is short');
    const before = disk.content(nameOf(short[0]));
    expect((await open()).bases).toEqual(bases);
    expect([log.lines, fields]).toEqual([['warn a commit log file is too short: it is filled up with zeros, the records left in it stay'], [{ file: nameOf(short[0]), bytes: fileBytes - missing, missing }]]);
    expect(disk.content(nameOf(short[0]))).toEqual(Buffer.concat([before, Buffer.alloc(missing)]));
  });

  test('a directory in its place is refused', async () => {
    place(0);
    disk.makeDir(nameOf(1000));
    await expect(open()).rejects.toThrow(`${nameOf(1000)} is a directory where a commit log file belongs: put the file back, or move the directory away`);
  });
});

/** A blank of a whole file. */
function blankFile(): Buffer {
  const bytes = Buffer.alloc(fileBytes);
  bytes.writeInt32BE(fileBytes, 0);
  bytes.writeInt32BE(-875286124, 4);
  return bytes;
}

describe('gaps that are known to have been log', () => {
  test.each<[string, number[], number[], ClosedGap[]]>([
    ['one file', [0, 2000], [1000], [{ from: 1000, to: 2000 }]],
    ['three files', [0, 1000, 5000], [2000, 3000, 4000], [{ from: 2000, to: 5000 }]],
    ['two apart', [0, 2000, 3000, 6000], [1000, 4000, 5000], [{ from: 1000, to: 2000 }, { from: 4000, to: 6000 }]],
    ['in a log that begins further on', [7000, 9000], [8000], [{ from: 8000, to: 9000 }]],
  ])('%s missing become blanks, and stay after a loss of power', async (_, files, missing, gaps) => {
    for (let seed = 1; seed <= 5; seed++) {
      disk = new SimulatedDisk(seed);
      place(...files);
      const all = [...files, ...missing].sort((a, b) => a - b);
      expect(await open()).toEqual({ gaps, bases: all });
      disk.crash();
      disk.restart('power');
      expect(names()).toEqual(all.map(offsetFileName));
      for (const base of missing) expect(disk.content(nameOf(base))).toEqual(blankFile());
    }
    expect(log.lines.slice(0, gaps.length)).toEqual(gaps.map(() => 'error commit log files are missing: their messages are lost, what stands before and behind stays'));
    expect(fields.slice(0, gaps.length)).toEqual(gaps.map(({ from, to }) => ({ phyOffset: from, bytes: to - from, files: (to - from) / fileBytes, entries: 0 })));
  });

  test('entries of the lost messages become blank first, and are counted', async () => {
    place(0, 2000);
    const queue = Buffer.alloc(200);
    [0, 999, 1000, 1500, 1999, 2000].forEach((phyOffset, i) => setConsumeQueueUnit(viewOf(queue), i * 20, phyOffset, 100, 7));
    disk.place(nameOf(0, '/s/consumequeue/T/0'), queue);
    await open();
    expect(fields[0]?.['entries']).toBe(3);
    const units = disk.content(nameOf(0, '/s/consumequeue/T/0'));
    expect([0, 1, 2, 3, 4, 5].map((i) => [Number(units.readBigInt64BE(i * 20)), units.readInt32BE(i * 20 + 8)])).toEqual([[0, 100], [999, 100], [0, 0x7fffffff], [0, 0x7fffffff], [0, 0x7fffffff], [2000, 100]]);
  });

  test.each<[number, boolean]>([[64, true], [65, false]])('of %d files are closed: %p', async (missing, closed) => {
    const behind = (missing + 1) * fileBytes;
    place(0, behind);
    const { bases, gaps } = await open();
    expect([bases.length, gaps.length, names(`/s/log/behind-gap-${offsetFileName(fileBytes)}`)]).toEqual(closed ? [66, 1, []] : [1, 0, [offsetFileName(behind)]]);
  });

  test('of 64 files together are closed, one more is not', async () => {
    place(0, 41_000, 65_000, 67_000);
    const { bases, gaps } = await open();
    // 40, then 23, then one: 64.
    expect([bases.length, gaps.length]).toEqual([68, 3]);
    disk = new SimulatedDisk(2);
    place(0, 41_000, 65_000, 67_000, 69_000);
    const more = await open();
    expect([more.bases.length, more.gaps.length, names('/s/log/behind-gap-00000000000000068000')]).toEqual([68, 3, [offsetFileName(69_000)]]);
  });

  // Sizes of blanks are 32 bits.
  test.each([[0x7fffffff, 1], [0x80000000, 0]])('of files of %d bytes are closed %d times', async (bytes, closed) => {
    place([0, 10], [2 * bytes, 10]);
    const [added, lengths]: [number[], number[]] = [[], []];
    const plain = disk.open.bind(disk);
    disk.open = (file, mode): DiskFile => (file.endsWith('.tmp') ? ({ setLength: (length: number) => void lengths.push(length), writeSync: () => undefined, datasyncSync: () => undefined, close: () => undefined } as unknown as DiskFile) : plain(file, mode));
    const rename = disk.rename.bind(disk);
    disk.rename = (from, to) => void (from.endsWith('.tmp') ? undefined : rename(from, to));
    const parts = { disk, log, commitLog: { dir: '/s/log', fileBytes: bytes, addFile: (base: number) => void added.push(base) }, queues: { root: '/s/consumequeue', fileBytes: 200 } } as unknown as StoreParts;
    const gaps = await openLogFiles(parts, { cleanStop: true, checkpointed: 0, min: 0 });
    expect([gaps.length, added, lengths]).toEqual(closed === 1 ? [1, [0, bytes, 2 * bytes], [0, bytes]] : [0, [0], []]);
  });

  test('that are no multiple of the size are none of this log', async () => {
    place(0, 1000, 2500);
    expect(await open()).toEqual({ gaps: [], bases: [0, 1000] });
    expect(names('/s/log/behind-gap-00000000000000002000')).toEqual([offsetFileName(2500)]);
  });

  test('a blank file that cannot be made is closed, and the start fails', async () => {
    for (const op of ['length', 'write', 'datasync', 'rename'] as const) {
      disk = new SimulatedDisk(1);
      place(0, 2000);
      let left = 0;
      const plain = disk.open.bind(disk);
      disk.open = (file, mode): DiskFile => {
        const handle = plain(file, mode);
        if (!file.endsWith('.tmp')) return handle;
        left++;
        const close = handle.close.bind(handle);
        return Object.assign(handle, { close: () => void (left--, close()) });
      };
      disk.fail(op, 'EIO', 1, /log/);
      await expect(open()).rejects.toThrow('EIO');
      expect([op, left, names().filter((name) => name === offsetFileName(1000))]).toEqual([op, 0, []]);
      // The next start closes it, whatever the draft holds.
      disk.place(`${nameOf(1000)}.tmp`, Buffer.alloc(3000, 'x'));
      disk.open = plain;
      expect((await open()).bases).toEqual([0, 1000, 2000]);
      expect(disk.content(nameOf(1000))).toEqual(blankFile());
    }
  });
});

describe('gaps after an unclean stop', () => {
  // Runs [0, 2000), [3000, 4000), [6000, 8000).
  const files = [0, 1000, 3000, 6000, 7000];
  test.each<[string, number, number[], ClosedGap[]]>([
    ['nothing', 0, [0, 1000], []],
    ['the last byte of the first stretch', 1999, [0, 1000], []],
    ['what is missing', 2500, [0, 1000], []],
    ['the first byte behind the gap', 3000, [0, 1000, 2000, 3000], [{ from: 2000, to: 3000 }]],
    ['the last byte of the second stretch', 3999, [0, 1000, 2000, 3000], [{ from: 2000, to: 3000 }]],
    ['what is missing behind it', 4000, [0, 1000], []],
    ['a byte before the last stretch', 5999, [0, 1000], []],
    ['the first byte of the last stretch', 6000, [0, 1000, 2000, 3000, 4000, 5000, 6000, 7000], [{ from: 2000, to: 3000 }, { from: 4000, to: 6000 }]],
    ['the last byte of the last stretch', 7999, [0, 1000, 2000, 3000, 4000, 5000, 6000, 7000], [{ from: 2000, to: 3000 }, { from: 4000, to: 6000 }]],
    ['the end', 8000, [0, 1000], []],
  ])('are closed as far as the checkpoint vouches: it names %s', async (_, checkpointed, bases, gaps) => {
    place(...files);
    expect(await open({ cleanStop: false, checkpointed })).toEqual({ gaps, bases });
    const behind = files.filter((base) => !bases.includes(base));
    const end = (bases.at(-1) ?? 0) + fileBytes;
    expect(names(`/s/log/behind-gap-${offsetFileName(end)}`)).toEqual(behind.map(offsetFileName));
    if (behind.length > 0) {
      expect(log.lines.at(-1)).toBe('error commit log files are missing: the log ends before them, these files lie behind the gap: they were moved to that directory and are not served');
      expect(fields.at(-1)).toEqual({ directory: `/s/log/behind-gap-${offsetFileName(end)}`, files: behind.length, first: offsetFileName(behind[0] ?? -1), last: offsetFileName(behind.at(-1) ?? -1) });
    }
  });
});

describe('files that were moved aside', () => {
  test('are whole, durable, and do not take the place of those moved before', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      disk = new SimulatedDisk(seed);
      place(0, 2000, 3000);
      const dir = `/s/log/behind-gap-${offsetFileName(1000)}`;
      disk.place(`${dir}/${offsetFileName(2000)}`, Buffer.from('earlier'));
      disk.place(`${dir}/${offsetFileName(2000)}-2`, Buffer.from('later'));
      expect((await open({ cleanStop: false })).bases).toEqual([0]);
      disk.crash();
      disk.restart('power');
      expect(names(dir)).toEqual([offsetFileName(2000), `${offsetFileName(2000)}-2`, `${offsetFileName(2000)}-3`, offsetFileName(3000)]);
      expect(disk.content(`${dir}/${offsetFileName(2000)}`).toString()).toBe('earlier');
      expect(disk.content(`${dir}/${offsetFileName(2000)}-3`)).toEqual(Buffer.alloc(fileBytes, 'of 2000.'));
      expect(names().filter((name) => !name.includes('/'))).toEqual([offsetFileName(0)]);
    }
  });

  test('that hold nothing go, and no directory is made for them', async () => {
    place(0, [2000, Buffer.alloc(fileBytes)], [3000, Buffer.alloc(fileBytes)]);
    expect((await open({ cleanStop: false })).bases).toEqual([0]);
    expect([disk.list('/s/log'), log.lines]).toEqual([[offsetFileName(0)], []]);
    disk.crash();
    disk.restart('power');
    expect(disk.list('/s/log')).toEqual([offsetFileName(0)]);
    // A single byte at the very beginning, or at the very end, is something.
    const begin = Buffer.alloc(fileBytes);
    begin[0] = 1;
    place([2000, begin]);
    await open({ cleanStop: false });
    expect(fields.at(-1)).toMatchObject({ files: 1, first: offsetFileName(2000), last: offsetFileName(2000) });
    disk.unlink(`/s/log/behind-gap-${offsetFileName(1000)}/${offsetFileName(2000)}`);
    log.lines.length = 0;
    const last = Buffer.alloc(fileBytes);
    last[fileBytes - 1] = 1;
    place([2000, Buffer.alloc(fileBytes)], [3000, last]);
    await open({ cleanStop: false });
    expect(names()).toEqual([offsetFileName(0), `behind-gap-${offsetFileName(1000)}/${offsetFileName(3000)}`]);
    expect(fields.at(-1)).toMatchObject({ files: 1, first: offsetFileName(3000), last: offsetFileName(3000) });
  });

  test('are closed', async () => {
    place(0, 2000);
    const opened: DiskFile[] = [];
    const plain = disk.open.bind(disk);
    disk.open = (file, mode) => {
      const handle = plain(file, mode);
      opened.push(handle);
      return handle;
    };
    await open({ cleanStop: false });
    const still = opened.filter((file) => {
      try {
        return file.length() >= 0;
      } catch {
        return false;
      }
    });
    expect(still.map((file) => file.path)).toEqual([nameOf(0)]);
  });
});

describe('files from before the log began', () => {
  test.each<[string, Partial<KnownLog>, number[], string[]]>([
    ['a run that ends where it began', { min: 2000 }, [3000, 4000], ['0', '1000']],
    ['a run that reaches into it', { min: 1999 }, [0, 1000, 2000, 3000, 4000], []],
    ['nothing: it began with the first byte', { min: 0 }, [0, 1000, 2000, 3000, 4000], []],
    ['all of them', { min: 5000 }, [], ['0', '1000', '3000', '4000']],
    ['nothing is known after an unclean stop', { min: 2000, cleanStop: false, checkpointed: 3000 }, [0, 1000, 2000, 3000, 4000], []],
  ])('%s', async (_, known, bases, before) => {
    place(0, 1000, 3000, 4000);
    expect((await open(known)).bases).toEqual(bases);
    const moved = names().filter((name) => name.startsWith('before-log-')).map((name) => [Number(name.slice('before-log-'.length, 'before-log-'.length + 20)), Number(name.split('/')[1])]);
    const runs: Readonly<Record<string, number>> = { 0: 0, 1000: 0, 3000: 3000, 4000: 3000 };
    expect(moved).toEqual(before.map((base) => [runs[base], Number(base)]));
    expect(log.lines.filter((line) => line === 'error these commit log files lie before the first one of the last stop: they were moved to that directory and are not served')).toHaveLength(new Set(moved.map(([run]) => run)).size);
  });
});
