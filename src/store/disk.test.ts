/** The disk of the machine in a directory of its own, reads and writes that come through in parts, and what the system's errors become. */
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { diskErrorCode, realDisk } from './disk.js';
import type { Disk } from './disk.js';

test.each([
  [Object.assign(new Error('no space left'), { code: 'ENOSPC' }), 'ENOSPC'],
  [{ code: 'EIO' }, 'EIO'],
  [new Error('a message'), 'a message'],
  [{ code: 5, message: 'a message' }, 'a message'],
  [{ code: 5, message: 6 }, 'unknown error'],
  [{}, 'unknown error'],
  [null, 'null'],
  [undefined, 'undefined'],
  ['a text', 'a text'],
])('%p is %s', (error, code) => {
  expect(diskErrorCode(error)).toBe(code);
});

const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'store-disk-'));
afterAll(() => fs.rmSync(parent, { recursive: true, force: true }));

let disk: Disk;
/** Some of the system's functions answer otherwise from here on. */
const replace = (some: { readonly [name in keyof typeof fs]?: unknown }): void => void (disk = realDisk({ ...fs, ...some } as typeof fs));
let serial = 0;
let dir: string;
let name: string;
beforeEach(() => {
  disk = realDisk();
  dir = path.join(parent, String(++serial));
  fs.mkdirSync(dir);
  name = path.join(dir, 'file');
});

const systemError = (code: string): Error => Object.assign(new Error(`${code}: it failed`), { code });
const thrown = (act: () => unknown): string => {
  try {
    act();
    return 'nothing';
  } catch (error) {
    return diskErrorCode(error);
  }
};
const rejected = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'nothing', diskErrorCode);
const text = (): string => fs.readFileSync(name, 'latin1');

describe('a file', () => {
  test('is made by `create` alone, and stays as it is when it is there', () => {
    expect([thrown(() => disk.open(name, 'read')), thrown(() => disk.open(name, 'write'))]).toEqual(['ENOENT', 'ENOENT']);
    disk.open(name, 'create').close();
    expect([text(), fs.statSync(name).mode & 0o777]).toEqual(['', 0o644 & ~process.umask()]);
    fs.writeFileSync(name, 'text');
    for (const mode of ['read', 'write', 'create'] as const) {
      const file = disk.open(name, mode);
      expect([mode, file.path, file.length(), text()]).toEqual([mode, name, 4, 'text']);
      file.close();
    }
  });

  test('opened to be read cannot be written', async () => {
    fs.writeFileSync(name, 'text');
    const file = disk.open(name, 'read');
    expect([thrown(() => file.writeSync(Buffer.from('x'), 0, 1, 0)), await rejected(file.write(Buffer.from('x'), 0)), thrown(() => file.writevSync([Buffer.from('x')], 0))]).toEqual(['EBADF', 'EBADF', 'EBADF']);
    file.close();
    expect(text()).toBe('text');
  });

  test.each(['write', 'create'] as const)('opened by `%s` is read and written at any place', async (mode) => {
    fs.writeFileSync(name, '0123456789');
    const file = disk.open(name, mode);
    file.writeSync(Buffer.from('..abc..'), 2, 5, 1);
    expect(text()).toBe('0abc456789');
    await file.write(Buffer.from('XY'), 8);
    expect(text()).toBe('0abc4567XY');
    file.writevSync([Buffer.from('d'), Buffer.alloc(0), Buffer.from('ef')], 4);
    expect(text()).toBe('0abcdef7XY');
    file.writevSync([Buffer.from('gh'), Buffer.from('i')], 9);
    expect([text(), file.length()]).toEqual(['0abcdef7Xghi', 12]);
    await file.datasync();
    file.datasyncSync();
    file.setLength(3);
    expect([text(), file.length()]).toEqual(['0ab', 3]);
    file.setLength(5);
    expect([text(), file.length()]).toEqual(['0ab\0\0', 5]);
    file.close();
  });

  test.each([[0, 4, 'abcd'], [2, 4, 'cdef'], [3, 4, 'def'], [5, 4, 'f'], [6, 4, ''], [9, 4, ''], [0, 6, 'abcdef'], [0, 7, 'abcdef'], [1, 0, '']])('from %d on it has, for %d bytes, %j', async (position, length, expected) => {
    fs.writeFileSync(name, 'abcdef');
    const file = disk.open(name, 'read');
    const [now, later] = [Buffer.alloc(length, '-'), Buffer.alloc(length, '-')];
    expect([file.readSync(now, position), await file.read(later, position)]).toEqual([expected.length, expected.length]);
    const filled = expected.padEnd(length, '-');
    expect([now.toString(), later.toString()]).toEqual([filled, filled]);
    file.close();
  });
});

describe('where the system reads and writes a few bytes at a time', () => {
  const most = 3;
  type Settle = (error: Error | null, count: number) => void;

  test('everything is read, and read once', async () => {
    const counts: number[] = [];
    replace({
      readSync: (fd: number, target: Uint8Array, offset: number, length: number, position: number) => {
        const count = fs.readSync(fd, target, offset, Math.min(length, most), position);
        counts.push(count);
        return count;
      },
      read: (fd: number, target: Uint8Array, offset: number, length: number, position: number, settle: Settle) => fs.read(fd, target, offset, Math.min(length, most), position, (error, count) => {
        counts.push(count);
        settle(error, count);
      }),
    });
    fs.writeFileSync(name, 'abcdefgh');
    const file = disk.open(name, 'read');
    for (const [length, position, expected, parts] of [[7, 0, 'abcdefg', [3, 3, 1]], [6, 1, 'bcdefg', [3, 3]], [9, 1, 'bcdefgh', [3, 3, 1, 0]]] as const) {
      for (const off of [false, true]) {
        counts.length = 0;
        const target = Buffer.alloc(length);
        expect(off ? await file.read(target, position) : file.readSync(target, position)).toBe(expected.length);
        expect([target.toString('latin1', 0, expected.length), counts]).toEqual([expected, parts]);
      }
    }
    file.close();
  });

  test('everything is written where it belongs', async () => {
    replace({
      writeSync: (fd: number, bytes: Uint8Array, offset: number, length: number, position: number) => fs.writeSync(fd, bytes, offset, Math.min(length, most), position),
      write: (fd: number, bytes: Uint8Array, offset: number, length: number, position: number, settle: Settle) => fs.write(fd, bytes, offset, Math.min(length, most), position, settle),
    });
    fs.writeFileSync(name, '----------');
    const file = disk.open(name, 'write');
    file.writeSync(Buffer.from('.abcdefgh.'), 1, 9, 1);
    expect(text()).toBe('-abcdefgh-');
    await file.write(Buffer.from('ABCDEFG'), 2);
    expect(text()).toBe('-aABCDEFG-');
    file.close();
  });

  test('the parts of a write are continued wherever it stopped', () => {
    const parts = ['abc', '', 'd', 'efgh'].map((part) => Buffer.from(part));
    for (let stop = 0; stop <= 8; stop++) {
      replace({
        writevSync: (fd: number, _parts: readonly Uint8Array[], position: number) => fs.writeSync(fd, Buffer.concat(parts), 0, stop, position),
        writeSync: (fd: number, bytes: Uint8Array, offset: number, length: number, position: number) => {
          expect([length > 0, position >= 2 + stop]).toEqual([true, true]);
          return fs.writeSync(fd, bytes, offset, Math.min(length, most), position);
        },
      });
      fs.writeFileSync(name, '------------');
      const file = disk.open(name, 'write');
      file.writevSync(parts, 2);
      expect([stop, text()]).toEqual([stop, '--abcdefgh--']);
      file.close();
    }
  });

  test('a fault amid it comes out', async () => {
    let calls = 0;
    const fault = (): void => {
      if (++calls === 2) throw systemError('EIO');
    };
    replace({
      writeSync: (fd: number, bytes: Uint8Array, offset: number, length: number, position: number) => {
        fault();
        return fs.writeSync(fd, bytes, offset, Math.min(length, most), position);
      },
      write: (fd: number, bytes: Uint8Array, offset: number, length: number, position: number, settle: Settle) => {
        if (++calls === 2) settle(systemError('ENOSPC'), 0);
        else fs.write(fd, bytes, offset, Math.min(length, most), position, settle);
      },
      fdatasync: (_fd: number, settle: (error: Error | null) => void) => settle(systemError('EIO')),
      fdatasyncSync: () => {
        throw systemError('EIO');
      },
    });
    fs.writeFileSync(name, '');
    const file = disk.open(name, 'write');
    expect(thrown(() => file.writeSync(Buffer.from('abcdefg'), 0, 7, 0))).toBe('EIO');
    expect(text()).toBe('abc');
    calls = 0;
    expect(await rejected(file.write(Buffer.from('ABCDEFG'), 0))).toBe('ENOSPC');
    expect(text()).toBe('ABC');
    expect([await rejected(file.datasync()), thrown(() => file.datasyncSync())]).toEqual(['EIO', 'EIO']);
    file.close();
  });
});

describe('a file that is closed', () => {
  test('takes no more work, and is closed once', async () => {
    let closed = 0;
    replace({
      closeSync: (fd: number) => {
        closed++;
        fs.closeSync(fd);
      },
    });
    const file = disk.open(name, 'create');
    file.close();
    file.close();
    expect(closed).toBe(1);
    const why = `${name} is closed`;
    expect([await rejected(file.read(Buffer.alloc(1), 0)), await rejected(file.write(Buffer.alloc(1), 0)), await rejected(file.datasync())]).toEqual([why, why, why]);
  });

  test('stays open for work under way', async () => {
    let closed = 0;
    const waiting: (() => void)[] = [];
    const fds: number[] = [];
    replace({
      closeSync: (fd: number) => {
        closed++;
        fs.closeSync(fd);
      },
      fdatasync: (fd: number, settle: (error: Error | null) => void) => {
        fds.push(fd);
        waiting.push(() => settle(null));
      },
    });
    const file = disk.open(name, 'create');
    const [first, second] = [file.datasync(), file.datasync()];
    file.close();
    expect(closed).toBe(0);
    expect(await rejected(file.datasync())).toBe(`${name} is closed`);
    waiting[0]?.();
    await first;
    expect(closed).toBe(0);
    waiting[1]?.();
    await second;
    expect([closed, fds.length, fds[0] === fds[1]]).toEqual([1, 2, true]);
    file.close();
    expect(closed).toBe(1);
    // One whose work has ended is closed at once.
    const other = disk.open(name, 'create');
    const only = other.datasync();
    waiting[2]?.();
    await only;
    other.close();
    expect(closed).toBe(2);
  });
});

describe('a directory', () => {
  test('is made with its parents, and once', () => {
    const deep = path.join(dir, 'a', 'b');
    disk.makeDir(deep);
    disk.makeDir(deep);
    expect(fs.statSync(deep).isDirectory()).toBe(true);
  });

  test('is listed in the order of UTF-16 units; a missing one is empty, another fault comes out', () => {
    const names = ['b', 'B', 'a', '10', '9', '\ue000', '\u{1f600}'];
    for (const one of names) fs.writeFileSync(path.join(dir, one), '');
    expect(disk.list(dir)).toEqual(['10', '9', 'B', 'a', 'b', '\u{1f600}', '\ue000']);
    expect(disk.list(path.join(dir, 'none'))).toEqual([]);
    expect(thrown(() => disk.list(path.join(dir, 'a')))).toBe('ENOTDIR');
    replace({
      readdirSync: () => {
        throw systemError('EACCES');
      },
    });
    expect(thrown(() => disk.list(dir))).toBe('EACCES');
  });

  test('is removed when it is empty; a missing or filled one is no error', () => {
    const inner = path.join(dir, 'inner');
    fs.mkdirSync(inner);
    disk.removeDir(dir);
    expect(fs.existsSync(inner)).toBe(true);
    disk.removeDir(inner);
    disk.removeDir(inner);
    expect(fs.existsSync(inner)).toBe(false);
    fs.writeFileSync(name, '');
    expect(thrown(() => disk.removeDir(name))).toBe('ENOTDIR');
  });

  test('is synced and closed again; a file system that refuses is asked no further, another fault comes out', async () => {
    let [opened, synced, closed] = [0, 0, 0];
    let fault: string | undefined;
    replace({
      promises: {
        open: async (one: string, flags: string) => {
          const handle = await fs.promises.open(one, flags);
          expect([one, flags]).toEqual([dir, 'r']);
          opened++;
          return {
            sync: async () => {
              synced++;
              if (fault !== undefined) throw systemError(fault);
              await handle.sync();
            },
            close: async () => {
              closed++;
              await handle.close();
            },
          };
        },
      },
    });
    const said: [string | undefined, string][] = [];
    for (fault of [undefined, 'EINVAL', 'EPERM', 'ENOTSUP', 'EIO', 'ENOSPC']) said.push([fault, await rejected(disk.syncDir(dir))]);
    expect(said).toEqual([[undefined, 'nothing'], ['EINVAL', 'nothing'], ['EPERM', 'nothing'], ['ENOTSUP', 'nothing'], ['EIO', 'EIO'], ['ENOSPC', 'ENOSPC']]);
    expect([opened, synced, closed]).toEqual([6, 6, 6]);
    disk = realDisk();
    expect(await rejected(disk.syncDir(path.join(dir, 'none')))).toBe('ENOENT');
  });
});

test('what stands at a name is told: its bytes, its time, whether it is a directory, or that there is nothing', () => {
  fs.writeFileSync(name, 'text');
  fs.utimesSync(name, 1_700_000_000, 1_700_000_001.5);
  expect(disk.stat(name)).toEqual({ bytes: 4, modifiedMs: 1_700_000_001_500, directory: false });
  expect(disk.stat(dir)).toMatchObject({ directory: true });
  expect(disk.stat(path.join(dir, 'none'))).toBeUndefined();
  expect(disk.stat(path.join(dir, 'none', 'none'))).toBeUndefined();
});

test('something on the way that is no directory is an error, whatever the system makes of it', () => {
  fs.writeFileSync(name, '');
  const below = path.join(name, 'below');
  expect(thrown(() => disk.stat(below))).toBe('ENOTDIR');
  replace({ statSync: (one: string, options: fs.StatSyncOptions) => (one === below ? undefined : fs.statSync(one, options)) });
  expect(() => disk.stat(below)).toThrow(expect.objectContaining({ message: `ENOTDIR: not a directory, stat '${below}'`, code: 'ENOTDIR', errno: -20, syscall: 'stat', path: below }));
});

test('a file is renamed over another, and removed; a missing one is no error to remove', () => {
  fs.writeFileSync(name, 'text');
  const other = path.join(dir, 'other');
  fs.writeFileSync(other, 'old');
  disk.rename(name, other);
  expect([fs.existsSync(name), fs.readFileSync(other, 'latin1')]).toEqual([false, 'text']);
  expect(thrown(() => disk.rename(name, other))).toBe('ENOENT');
  disk.unlink(other);
  disk.unlink(other);
  expect(fs.existsSync(other)).toBe(false);
});

describe('space', () => {
  const of = (blocks: number, bfree: number, bavail: number): void => replace({ statfsSync: () => ({ blocks, bfree, bavail, bsize: 4096 }) });

  test('is counted in bytes', () => {
    of(100, 40, 30);
    expect(disk.space(dir)).toEqual({ totalBytes: 409600, freeBytes: 163840, availableBytes: 122880 });
  });

  test.each([
    [100, 40, 40, 0.6],
    // What is reserved counts neither as used nor as free.
    [100, 40, 20, 0.75],
    [100, 100, 100, 0],
    [100, 0, 0, 1],
    [100, 10, 0, 1],
    [0, 0, 0, -1],
    [100, 100, 0, -1],
  ])('of %d blocks, %d free, %d of them for everybody, is used to %d', (blocks, bfree, bavail, ratio) => {
    of(blocks, bfree, bavail);
    expect(disk.usedRatio(dir)).toBe(ratio);
  });

  test('of a single byte is all of it', () => {
    replace({ statfsSync: () => ({ blocks: 1, bfree: 0, bavail: 0, bsize: 1 }) });
    expect(disk.usedRatio(dir)).toBe(1);
  });

  test('that cannot be asked for is unknown', () => {
    const none = path.join(dir, 'none');
    expect([disk.space(none), disk.usedRatio(none)]).toEqual([undefined, -1]);
    expect(disk.space(dir)?.totalBytes).toBeGreaterThan(0);
  });
});

test('a directory is locked under its whole name', async () => {
  const relative = path.relative(process.cwd(), dir);
  const release = await disk.lock(relative);
  await expect(disk.lock(dir)).rejects.toThrow(`data directory ${dir} is in use by this process`);
  release();
});
