/** Who has a data directory: this process, the one a lock file names, one that the kernel knows of, or nobody. */
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { lockDirectory } from './store-lock.js';

const parent = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'store-lock-')));
afterAll(() => fs.rmSync(parent, { recursive: true, force: true }));

let serial = 0;
let dir: string;
let lockFile: string;
beforeEach(() => {
  dir = path.join(parent, String(++serial));
  fs.mkdirSync(dir);
  lockFile = path.join(dir, 'lock');
});

/** The system, but that these files hold these texts; undefined = they cannot be read. */
function systemWith(files: Readonly<Record<string, string | undefined>>): typeof fs {
  const readFileSync = (name: string, encoding: BufferEncoding | ''): string | Buffer => {
    if (!(name in files)) return fs.readFileSync(name, encoding === '' ? undefined : encoding);
    const text = files[name];
    if (text === undefined) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
    return encoding === '' ? Buffer.from(text) : text;
  };
  return { ...fs, readFileSync } as unknown as typeof fs;
}

/** Field 22 is when it started; the name may hold anything. */
const stat = (started: string, name = '(node)'): string => `7 ${name} S ${Array.from({ length: 18 }, (_, i) => `f${i + 4}`).join(' ')} ${started} f23 f24\n`;
const other = process.ppid;
const otherStat = `/proc/${other}/stat`;

/** What a try answers: `taken` is the message, undefined = it was locked, and is released. */
const taken = (system: typeof fs = fs): Promise<string | undefined> => lockDirectory(dir, system).then((release) => void release(), (error: unknown) => (error as Error).message);

describe('the lock file', () => {
  test('names the process while it has the directory, and nobody afterwards', async () => {
    const release = await lockDirectory(dir, systemWith({ [`/proc/${process.pid}/stat`]: stat('12345', '(a) b ) c)') }));
    expect(fs.readFileSync(lockFile, 'latin1')).toBe(`skylark ${process.pid} 12345\n`);
    release();
    expect(fs.readFileSync(lockFile, 'latin1')).toBe('lock');
    expect(await taken()).toBeUndefined();
  });

  test('has a dash where the system does not say when the process started', async () => {
    const release = await lockDirectory(dir, systemWith({ [`/proc/${process.pid}/stat`]: undefined }));
    expect(fs.readFileSync(lockFile, 'latin1')).toBe(`skylark ${process.pid} -\n`);
    release();
  });

  const dead = spawnSync('true').pid;
  test.each<[string, string, string | undefined, boolean]>([
    ['a live process', `skylark ${other} 77\n`, '77', true],
    ['a live process, with more behind it', `skylark ${other} 77\nmore`, '77', true],
    ['a live process without its start', `skylark ${other} -\n`, '77', true],
    ['a live process whose start nobody knows', `skylark ${other} 77\n`, undefined, true],
    ['a process whose number another one has now', `skylark ${other} 77\n`, '78', false],
    ['a process that ended', `skylark ${dead} 77\n`, '77', false],
    ['this process', `skylark ${process.pid} -\n`, '77', false],
    ['nobody', 'lock', '77', false],
    ['nobody, being empty', '', '77', false],
    ['something else before it', ` skylark ${other} 77\n`, '77', false],
    ['no whole line', `skylark ${other} 77`, '77', false],
    ['too large a number', `skylark ${other}0000000000 77\n`, '77', false],
    ['a line behind the first 200 bytes', `${'x'.repeat(200)}skylark ${other} 77\n`, '77', false],
  ])('that names %s', async (_, text, started, refused) => {
    fs.writeFileSync(lockFile, text);
    expect(await taken(systemWith({ [otherStat]: started === undefined ? undefined : stat(started) }))).toBe(refused ? `data directory ${dir} is in use by process ${other}` : undefined);
    expect(fs.readFileSync(lockFile, 'latin1')).toBe(refused ? text : 'lock');
  });

  test('that is a directory refuses, and leaves nothing behind', async () => {
    fs.mkdirSync(lockFile);
    expect(await taken()).toContain('EISDIR');
    fs.rmdirSync(lockFile);
    expect(await taken()).toBeUndefined();
  });

  test('may be gone with its directory before the release', async () => {
    const release = await lockDirectory(dir, fs);
    fs.rmSync(dir, { recursive: true });
    release();
    fs.mkdirSync(dir);
    expect(await taken()).toBeUndefined();
  });
});

describe('the kernel knows who has locked the file', () => {
  const table = (kind: string, at: string, pid: number): string => `1: FLOCK  ADVISORY  WRITE 11 08:01:9 0 EOF\n2: ${kind}  ADVISORY  WRITE ${pid} ${at} 0 EOF\n2: -> ${kind}  ADVISORY  WRITE 4243 08:01:8 0 EOF\n`;
  const inode = (): string => String(fs.statSync(lockFile).ino);
  test.each<[string, (ino: string) => string, string | undefined]>([
    ['as Java locks', (ino) => table('POSIX', `08:01:${ino}`, 4242), 'process 4242'],
    ['while it waits', (ino) => `7: -> POSIX  ADVISORY  WRITE 4244 fd:00:${ino} 0 EOF\n`, 'process 4244'],
    ['in another way', (ino) => table('FLOCK', `08:01:${ino}`, 4242), undefined],
    ['another file', (ino) => table('POSIX', `08:01:1${ino}`, 4242), undefined],
    ['another file on a device with that number', (ino) => table('POSIX', `${ino}:${ino}:1`, 4242), undefined],
    ['nothing', () => '', undefined],
  ])('%s', async (_, text, holder) => {
    fs.writeFileSync(lockFile, 'lock');
    expect(await taken(systemWith({ '/proc/locks': text(inode()) }))).toBe(holder === undefined ? undefined : `data directory ${dir} is in use by ${holder}`);
  });

  test('and the process that the file names comes first', async () => {
    fs.writeFileSync(lockFile, `skylark ${other} -\n`);
    expect(await taken(systemWith({ '/proc/locks': table('POSIX', `08:01:${inode()}`, 4242) }))).toBe(`data directory ${dir} is in use by process ${other}`);
  });

  test('or has no such table', async () => {
    fs.writeFileSync(lockFile, 'lock');
    expect(await taken(systemWith({ '/proc/locks': undefined }))).toBeUndefined();
  });
});

test('this process has a directory once, under whichever name, until it gives it back', async () => {
  const link = path.join(parent, 'link');
  fs.symlinkSync(dir, link);
  const release = await lockDirectory(link, fs);
  expect(fs.existsSync(lockFile)).toBe(true);
  for (const name of [dir, link]) await expect(lockDirectory(name, fs)).rejects.toThrow(`data directory ${name} is in use by this process`);
  release();
  expect(await taken()).toBeUndefined();
});

test('a directory that is not there cannot be locked', async () => {
  await expect(lockDirectory(path.join(dir, 'none'), fs)).rejects.toThrow('ENOENT');
});

// The abstract name space is Linux's.
(process.platform === 'linux' ? describe : describe.skip)('the socket', () => {
  const nameOf = (): string => {
    const { dev, ino } = fs.statSync(dir, { bigint: true });
    return `\0skylark-store-${dev}-${ino}`;
  };
  const listens = (name: string): Promise<net.Server> => new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen({ path: name, exclusive: true }, () => resolve(server));
  });

  test('of another process refuses, whatever the lock file says; and does not stay in the way', async () => {
    const server = await listens(nameOf());
    expect(await taken()).toBe(`data directory ${dir} is in use by another process`);
    expect(fs.existsSync(lockFile)).toBe(false);
    await new Promise((resolve) => server.close(resolve));
    expect(await taken()).toBeUndefined();
  });

  test('is held until the release, and talks to nobody', async () => {
    const release = await lockDirectory(dir, fs);
    await expect(listens(nameOf())).rejects.toThrow('EADDRINUSE');
    const connection = net.connect({ path: nameOf() });
    await new Promise((resolve) => connection.on('error', () => undefined).on('close', resolve));
    release();
    await new Promise((resolve) => setImmediate(resolve));
    const server = await listens(nameOf());
    await new Promise((resolve) => server.close(resolve));
  });

  test('is given back when the lock file cannot be written', async () => {
    fs.mkdirSync(lockFile);
    expect(await taken()).toContain('EISDIR');
    await new Promise((resolve) => setImmediate(resolve));
    const server = await listens(nameOf());
    await new Promise((resolve) => server.close(resolve));
  });

  test('is not asked for on other systems', async () => {
    const server = await listens(nameOf());
    const platform = process.platform;
    Object.defineProperty(process, 'platform', { value: 'freebsd' });
    try {
      expect(await taken()).toBeUndefined();
    } finally {
      Object.defineProperty(process, 'platform', { value: platform });
    }
    await new Promise((resolve) => server.close(resolve));
  });
});
