/** Small files and names of the store: what is read, replaced, set aside and refused, on a disk that fails and forgets. */
import { describe, expect, test } from '@jest/globals';
import type { Checkpoint } from '../codec/checkpoint-record.js';
import { encodeCheckpoint } from '../codec/checkpoint-record.js';
import { AbortMark } from './abort-mark.js';
import { CheckpointFile } from './checkpoint.js';
import type { Disk, DiskFile, OpenMode } from './disk.js';
import { HandleCache } from './handle-cache.js';
import { checkQueueName, isTopicName, offsetFileName, offsetOfFileName, scheduleTopic, timeFileName } from './names.js';
import { asideName, setAside, setAsideOddFiles } from './set-aside.js';
import { SimulatedDisk } from './simulated-disk.js';
import { readSmallFile, replaceFile, replaceFileInDir } from './small-file.js';
import { ListLog } from './store-fixture.js';

/** Counts handles that are open. */
function counted(disk: SimulatedDisk): { counting: Disk; open: () => number; opened: () => string[] } {
  const opened: string[] = [];
  const handles = new Set<DiskFile>();
  const plain = disk.open.bind(disk);
  const counting: Disk = Object.assign(disk, {
    open: (file: string, mode: OpenMode) => {
      const handle = plain(file, mode);
      opened.push(`${mode} ${file}`);
      handles.add(handle);
      const close = handle.close.bind(handle);
      return Object.assign(handle, {
        close: () => {
          handles.delete(handle);
          close();
        },
      });
    },
  });
  return { counting, open: () => handles.size, opened: () => opened };
}

function diskWith(...names: string[]): SimulatedDisk {
  const disk = new SimulatedDisk(1);
  for (const name of names) disk.place(name, Buffer.from(`of ${name}`));
  return disk;
}

describe('a small file', () => {
  test('is read as UTF-8; a missing one and a directory are none', () => {
    const disk = diskWith('/d/dir/x');
    disk.place('/d/file', Buffer.from('tëxt'));
    disk.place('/d/empty', Buffer.alloc(0));
    const { counting, open, opened } = counted(disk);
    expect(['/d/file', '/d/empty', '/d/dir', '/d/none'].map((name) => readSmallFile(counting, name))).toEqual(['tëxt', '', undefined, undefined]);
    expect([open(), opened()]).toEqual([0, ['read /d/file', 'read /d/empty']]);
  });

  test('gives its first 16 MiB, however long it is', () => {
    const disk = diskWith();
    disk.place('/d/file', Buffer.alloc(16 * 1024 * 1024 + 1, 'x'));
    expect(readSmallFile(disk, '/d/file')?.length).toBe(16 * 1024 * 1024);
  });

  test('that is replaced is the new one after a loss of power, at once and shorter too', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const disk = new SimulatedDisk(seed);
      disk.place('/d/other', Buffer.alloc(1));
      disk.place('/d/file.tmp', Buffer.from('what an earlier one left behind'));
      const { counting, open } = counted(disk);
      for (const text of ['first, longer', 'sécond']) {
        await replaceFile(counting, '/d/file', text);
        disk.restart('power');
        expect([readSmallFile(disk, '/d/file'), disk.files(), open()]).toEqual([text, ['/d/file', '/d/other'], 0]);
      }
    }
  });

  test('in a directory that has to be made is there after a loss of power', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const disk = new SimulatedDisk(seed);
      disk.place('/d/other', Buffer.alloc(1));
      await replaceFileInDir(disk, '/d/deep/file', 'text');
      disk.restart('power');
      expect(readSmallFile(disk, '/d/deep/file')).toBe('text');
      await replaceFileInDir(disk, '/d/deep/file', 'again');
      expect(readSmallFile(disk, '/d/deep/file')).toBe('again');
    }
  });

  test.each(['length', 'write', 'datasync', 'rename', 'syncDir'] as const)('stays the old one, closed, when a %s fails', async (op) => {
    const disk = diskWith('/d/file');
    const { counting, open } = counted(disk);
    disk.fail(op, 'EIO');
    await expect(replaceFile(counting, '/d/file', 'new')).rejects.toThrow('EIO');
    expect([readSmallFile(disk, '/d/file'), open()]).toEqual([op === 'syncDir' ? 'new' : 'of /d/file', 0]);
  });
});

describe('the checkpoint', () => {
  const value = (change: Partial<Checkpoint> = {}): Checkpoint => ({ physicMsgTimestamp: 1, logicsMsgTimestamp: 2, indexMsgTimestamp: 3, masterFlushedOffset: 4, confirmPhyOffset: 5, logicsPhysicalOffset: 6, ...change });
  const none = { physicMsgTimestamp: 0, logicsMsgTimestamp: 0, indexMsgTimestamp: 0, masterFlushedOffset: 0, confirmPhyOffset: 0, logicsPhysicalOffset: 0 };

  test.each<[string, Buffer, Checkpoint]>([
    ['whole', encodeCheckpoint(value()), value()],
    ['no longer than its fields', encodeCheckpoint(value()).subarray(0, 48), value()],
    ['one byte shorter', encodeCheckpoint(value()).subarray(0, 47), none],
    ['empty', Buffer.alloc(0), none],
    ['zeros', Buffer.alloc(4096), none],
    ['a page and more', Buffer.concat([encodeCheckpoint(value()), Buffer.alloc(100, 7)]), value()],
    ...Object.keys(none).flatMap((name): [string, Buffer, Checkpoint][] => [
      [`negative in ${name}`, encodeCheckpoint(value({ [name]: -1 })), none],
      [`0 in ${name}`, encodeCheckpoint(value({ [name]: 0 })), value({ [name]: 0 })],
    ]),
    ['beyond what counts exactly', Buffer.alloc(4096, 0x7f), none],
  ])('that is %s', (_, bytes, expected) => {
    const disk = diskWith();
    disk.place('/d/checkpoint', bytes);
    const { counting, open } = counted(disk);
    const file = new CheckpointFile(counting, '/d');
    expect([file.load(new ListLog()), file.value, open()]).toEqual([true, expected, 0]);
  });

  test('that is missing is none, one that cannot be read is said and none', () => {
    const log = new ListLog();
    const missing = new CheckpointFile(diskWith('/d/other'), '/d');
    expect([missing.path, missing.load(log), missing.value, log.lines]).toEqual(['/d/checkpoint', false, none, []]);
    const unread = Object.assign(diskWith('/d/checkpoint'), {
      open: () => {
        throw Object.assign(new Error('it failed'), { code: 'EIO' });
      },
    });
    const file = new CheckpointFile(unread, '/d');
    expect([file.load(log), file.value, log.lines]).toEqual([true, none, ['warn the checkpoint cannot be read, it is not used']]);
  });

  test.each(['write', 'datasync', 'syncDir'] as const)('counts when it is on the platter: not when a %s fails', async (op) => {
    const disk = diskWith('/d/other');
    const { counting, open } = counted(disk);
    const file = new CheckpointFile(counting, '/d');
    disk.fail(op, 'EIO');
    await expect(file.write(value())).rejects.toThrow('EIO');
    expect([file.value, open()]).toEqual([none, 0]);
    await file.write(value());
    expect([file.value, open(), disk.content('/d/checkpoint')]).toEqual([value(), 0, encodeCheckpoint(value())]);
  });

  test('has its directory synced once', async () => {
    const disk = diskWith('/d/other');
    const file = new CheckpointFile(disk, '/d');
    await file.write(value());
    disk.fail('syncDir', 'EIO');
    await file.write(value({ confirmPhyOffset: 7 }));
    expect(file.value.confirmPhyOffset).toBe(7);
  });
});

describe('the file abort', () => {
  test('holds the number of this process while it stands', () => {
    const disk = diskWith('/d/other');
    const { counting, open } = counted(disk);
    const mark = new AbortMark(counting, '/d', new ListLog());
    expect(mark.stands).toBe(false);
    disk.place('/d/abort', Buffer.from('a longer text that stood there'));
    expect(mark.stands).toBe(true);
    mark.set();
    expect([mark.stands, disk.content('/d/abort').toString(), open()]).toEqual([true, String(process.pid), 0]);
    mark.clear();
    expect([mark.stands, disk.files()]).toEqual([false, ['/d/other']]);
    mark.set();
    expect(disk.content('/d/abort').toString()).toBe(String(process.pid));
  });

  test('is closed when it cannot be written', () => {
    const disk = diskWith('/d/other');
    const { counting, open } = counted(disk);
    disk.fail('write', 'ENOSPC');
    expect(() => new AbortMark(counting, '/d', new ListLog()).set()).toThrow('ENOSPC');
    expect(open()).toBe(0);
  });

  test('may be a directory: it stands, is said and goes with the stop', () => {
    const disk = diskWith('/d/other');
    disk.makeDir('/d/abort');
    const log = new ListLog();
    const mark = new AbortMark(disk, '/d', log);
    mark.set();
    expect([mark.stands, disk.list('/d'), log.lines]).toEqual([true, ['abort', 'other'], ['warn a directory stands where the file abort belongs: it counts as that until the store is closed']]);
    mark.clear();
    expect([mark.stands, disk.list('/d'), log.lines[1]]).toEqual([false, ['other'], 'warn an empty directory stood where the file abort belongs: it was removed']);
  });
});

describe('what stands in the way', () => {
  test('gets the first name that nothing has', () => {
    const disk = diskWith('/d/x');
    expect(asideName(disk, '/d/x')).toBe('/d/x.aside');
    disk.place('/d/x.aside', Buffer.alloc(0));
    expect(asideName(disk, '/d/x')).toBe('/d/x.aside-2');
    disk.makeDir('/d/x.aside-2');
    expect(asideName(disk, '/d/x')).toBe('/d/x.aside-3');
    for (let i = 3; i < 999; i++) disk.place(`/d/x.aside-${i}`, Buffer.alloc(0));
    expect(asideName(disk, '/d/x')).toBe('/d/x.aside-999');
    disk.place('/d/x.aside-999', Buffer.alloc(0));
    expect(() => asideName(disk, '/d/x')).toThrow('/d/x.aside to /d/x.aside-999 exist: remove those that nobody needs');
  });

  test('is moved, whatever it is, but for an empty directory', () => {
    const disk = diskWith('/d/x', '/d/x.aside');
    const log = new ListLog();
    setAside(disk, '/d/x', log, 'the thing');
    expect([disk.list('/d'), disk.content('/d/x.aside-2').toString()]).toEqual([['x.aside', 'x.aside-2'], 'of /d/x']);
    disk.makeDir('/d/y');
    setAside(disk, '/d/y', log, 'the other');
    expect([disk.list('/d'), log.lines]).toEqual([
      ['x.aside', 'x.aside-2'],
      ['warn something else stood where the thing belongs: it was moved aside', 'warn an empty directory stood where the other belongs: it was removed'],
    ]);
  });

  /** Every name that a store may find, each as a file or as a directory. */
  const files = ['checkpoint', 'derived.json', 'derived.json.tmp'];
  const directories = ['consumequeue', 'batchconsumequeue', 'batchentries', 'index'];
  test.each([...files, ...directories, 'commitlog', 'abort', 'other'])('%s goes when it is of the other kind', (name) => {
    for (const kind of ['file', 'directory']) {
      const disk = diskWith('/d/keep');
      if (kind === 'file') disk.place(`/d/${name}`, Buffer.alloc(1));
      else disk.makeDir(`/d/${name}`);
      const log = new ListLog();
      expect(setAsideOddFiles(disk, '/d', log)).toEqual({ index: false });
      const odd = kind === 'file' ? directories.includes(name) : files.includes(name);
      const what = kind === 'file' ? `something else stood where the directory ${name} belongs: it was moved aside` : `an empty directory stood where the file ${name} belongs: it was removed`;
      expect([kind, log.lines]).toEqual([kind, odd ? [`warn ${what}`] : []]);
      expect([kind, disk.list('/d')]).toEqual([kind, ['keep', ...(odd ? (kind === 'file' ? [`${name}.aside`] : []) : [name])].sort()]);
    }
  });

  test('an index file that is a directory goes, and that is told', () => {
    const disk = diskWith('/d/index/20240102030405006', '/d/index/2024010203040500/x', '/d/index/202401020304050067/x', '/d/index/x20240102030405006/x');
    expect(setAsideOddFiles(disk, '/d', new ListLog())).toEqual({ index: false });
    disk.makeDir('/d/index/20240102030405007');
    const log = new ListLog();
    expect([setAsideOddFiles(disk, '/d', log), log.lines]).toEqual([{ index: true }, ['warn an empty directory stood where an index file belongs: it was removed']]);
    expect(disk.list('/d/index')).toEqual(['20240102030405006', '2024010203040500', '202401020304050067', 'x20240102030405006'].sort());
  });
});

describe('names', () => {
  test.each<[string, boolean]>([
    ['T', true], ['%RETRY%g', true], ['a|b', true], ['A-Z_0+9$', true], ['', false], ['a b', false], ['a/b', false], ['..', false], ['a.b', false], ['é', false], ['a\n', false], ['#', false],
    ['x'.repeat(255), true], ['x'.repeat(256), false],
    ['%LMQ%', true], ['%LMQ%a b.c#é', true], ['%LMQ%a/b', false], ['%LMQ%a\\b', false], ['%LMQ%a,b', false], ['%LMQ%a\u0000', false], ['%LMQ%a\u001f', false], ['%LMQ%a\u007f', false], ['%LMQ%a\ud800', false], ['%LMQ%😀', true],
    [`%LMQ%${'x'.repeat(250)}`, true], [`%LMQ%${'x'.repeat(251)}`, false], [`%LMQ%${'é'.repeat(125)}`, true], [`%LMQ%${'é'.repeat(126)}`, false],
  ])('%j as a topic: %p', (topic, is) => {
    expect(isTopicName(topic)).toBe(is);
    const check = (): void => checkQueueName(topic, 0);
    if (is) expect(check).not.toThrow();
    else expect(check).toThrow(`the topic ${JSON.stringify(topic.slice(0, 64))} (${topic.length} characters) is not 1 to 255 characters of %|a-zA-Z0-9_+$-`);
  });

  test.each<[number, boolean]>([[0, true], [1, true], [2147483647, true], [2147483648, false], [-1, false], [0.5, false], [NaN, false]])('%p as a queue: %p', (queueId, is) => {
    const check = (): void => checkQueueName('T', queueId);
    if (is) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ code: 29, message: `the queue id ${queueId} of topic T is not in 0..2147483647` }));
  });

  // `TopicValidator#RMQ_SYS_SCHEDULE_TOPIC`
  test('delayed messages wait in the topic of that name', () => {
    expect(scheduleTopic).toBe('SCHEDULE_TOPIC_XXXX');
  });

  test('files are named by the offset of their first byte, in twenty digits', () => {
    expect([0, 7, 1073741824, Number.MAX_SAFE_INTEGER].map(offsetFileName)).toEqual(['00000000000000000000', '00000000000000000007', '00000000001073741824', '00009007199254740991']);
    expect(['00000000000000000000', '00000000001073741824', '00009007199254740991'].map(offsetOfFileName)).toEqual([0, 1073741824, Number.MAX_SAFE_INTEGER]);
    for (const name of ['00009007199254740992', '99999999999999999999', '0000000000000000000', '000000000000000000000', '0000000000000000000x', '-0000000000000000001', ' 0000000000000000001', '', '00000000000000000001\n']) expect([name, offsetOfFileName(name)]).toEqual([name, undefined]);
  });

  test('times have all their parts, in local time', () => {
    expect(timeFileName(new Date(2024, 0, 2, 3, 4, 5, 6).getTime())).toBe('20240102030405006');
    expect(timeFileName(new Date(2031, 11, 31, 23, 59, 58, 999).getTime())).toBe('20311231235958999');
    const early = new Date(2000, 10, 10, 10, 10, 10, 10);
    early.setFullYear(987);
    expect(timeFileName(early.getTime())).toMatch(/^0987/);
  });
});

describe('handles that are kept', () => {
  test('are as many as may be; the one that was used the longest ago goes', () => {
    const disk = diskWith('/d/a', '/d/b', '/d/c');
    const { counting, open, opened } = counted(disk);
    const cache = new HandleCache(counting, 2);
    const a = cache.get('/d/a');
    expect(cache.get('/d/a')).toBe(a);
    cache.get('/d/b', 'read');
    expect([open(), opened()]).toEqual([2, ['write /d/a', 'read /d/b']]);
    // Used again: `b` is the oldest now.
    expect(cache.get('/d/a')).toBe(a);
    cache.get('/d/c', 'create');
    expect([open(), cache.get('/d/a') === a]).toEqual([2, true]);
    cache.get('/d/b');
    expect([open(), opened()]).toEqual([2, ['write /d/a', 'read /d/b', 'create /d/c', 'write /d/b']]);
    cache.drop('/d/none');
    cache.drop('/d/a');
    expect(open()).toBe(1);
    expect(cache.get('/d/a')).not.toBe(a);
    cache.closeAll();
    expect(open()).toBe(0);
    cache.get('/d/a');
    expect(open()).toBe(1);
  });

  test('a file that cannot be opened leaves the others', () => {
    const { counting, open } = counted(diskWith('/d/a'));
    const cache = new HandleCache(counting, 1);
    cache.get('/d/a');
    expect(() => cache.get('/d/none')).toThrow('ENOENT');
    expect(open()).toBe(1);
  });
});
