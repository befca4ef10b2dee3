/**
 * A stopped store that was damaged, and starts that cannot be: it serves every record before the damage and invents none, or it refuses in one
 * line with exit code 2.
 */
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pullAll, type Pulled } from './testdata/mixed-load.js';
import { RawClient, sendExt, spawnServer, startServer } from './testdata/process.js';

const fileBytes = 65_536;
const args = [
  '--log-level', 'warn', '--set', `mappedFileSizeCommitLog=${fileBytes}`, '--set', 'mappedFileSizeConsumeQueue=2000', '--set', 'maxHashSlotNum=100', '--set', 'maxIndexNum=200',
];

let parent: string;
let store: string;
let truth: Pulled[];

beforeAll(async () => {
  parent = fs.mkdtempSync(join(tmpdir(), 'skylark-damage-'));
  store = join(parent, 'store');
  const server = await startServer(store, args);
  const client = await RawClient.open(server.broker);
  for (let i = 0; i < 300; i++) {
    const properties = `KEYS\u0001key${i}\u0002`;
    expect((await client.request(310, sendExt('Load', { i: properties }), Buffer.from(`m${i} ${'x'.repeat(500)}`)))?.code).toBe(0);
  }
  expect((await client.request(15, { consumerGroup: 'TOOLS_CONSUMER', topic: 'Load', queueId: '0', commitOffset: '7' }))?.code).toBe(0);
  truth = (await pullAll(client, 'Load', 0, 0)).records;
  expect(truth).toHaveLength(300);
  expect(await server.kill('SIGTERM')).toBe(0);
});

afterAll(() => {
  fs.rmSync(parent, { recursive: true, force: true });
});

function copy(): string {
  const dir = join(parent, 'case');
  fs.rmSync(dir, { recursive: true, force: true });
  fs.cpSync(store, dir, { recursive: true });
  return dir;
}

function logs(dir: string): string[] {
  return fs.readdirSync(join(dir, 'commitlog')).filter((name) => /^\d{20}$/.test(name)).sort().map((name) => join(dir, 'commitlog', name));
}

function overwrite(path: string, at: number, bytes: Buffer): void {
  const file = fs.openSync(path, 'r+');
  fs.writeSync(file, bytes, 0, bytes.length, at);
  fs.closeSync(file);
}

function replaceWithDir(path: string): void {
  fs.rmSync(path, { recursive: true, force: true });
  fs.mkdirSync(path);
}

const garbage = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 167 + (i >> 3)) & 0xff));
const last = (dir: string): string => logs(dir).at(-1) ?? '';

describe('a damaged store', () => {
  it.each<[string, (dir: string) => number]>([
    ['nothing damaged', () => Infinity],
    ['an abort file', (dir) => (fs.writeFileSync(join(dir, 'abort'), ''), Infinity)],
    ['the last log file gone', (dir) => (fs.unlinkSync(last(dir)), logs(dir).length * fileBytes)],
    ['a bit flipped in the last log file', (dir) => (overwrite(last(dir), 1000, garbage.subarray(1, 2)), (logs(dir).length - 1) * fileBytes + 1000)],
    ['zeros in the last log file', (dir) => (overwrite(last(dir), 700, Buffer.alloc(3000)), (logs(dir).length - 1) * fileBytes + 700)],
    ['zeros in a middle log file, unclean', (dir) => (fs.writeFileSync(join(dir, 'abort'), ''), overwrite(logs(dir)[1] ?? '', 5000, Buffer.alloc(9000)), fileBytes + 5000)],
    ['a log file of garbage', (dir) => (fs.writeFileSync(last(dir), Buffer.concat(Array.from({ length: fileBytes / 4096 }, () => garbage))), (logs(dir).length - 1) * fileBytes)],
    ['the last two log files swapped', (dir) => {
      const [a = '', b = ''] = logs(dir).slice(-2);
      fs.renameSync(a, `${a}x`);
      fs.renameSync(b, a);
      fs.renameSync(`${a}x`, b);
      return (logs(dir).length - 2) * fileBytes;
    }],
    ['a stranger among the log files', (dir) => (fs.writeFileSync(join(dir, 'commitlog', 'notes.txt'), 'x'), Infinity)],
    ['no ConsumeQueues', (dir) => (fs.rmSync(join(dir, 'consumequeue'), { recursive: true }), Infinity)],
    ['no index', (dir) => (fs.rmSync(join(dir, 'index'), { recursive: true }), Infinity)],
    ['an index of garbage', (dir) => {
      for (const name of fs.readdirSync(join(dir, 'index'))) fs.writeFileSync(join(dir, 'index', name), garbage);
      return Infinity;
    }],
    ['a checkpoint of garbage', (dir) => (fs.writeFileSync(join(dir, 'checkpoint'), garbage), Infinity)],
    ['a checkpoint from the future', (dir) => (fs.writeFileSync(join(dir, 'checkpoint'), Buffer.alloc(4096, 0x3f)), Infinity)],
    ['no checkpoint', (dir) => (fs.rmSync(join(dir, 'checkpoint')), Infinity)],
    ['a directory for abort', (dir) => (replaceWithDir(join(dir, 'abort')), Infinity)],
    ['a middle log file gone', (dir) => (fs.unlinkSync(logs(dir)[1] ?? ''), fileBytes)],
    ['the last log file cut', (dir) => (fs.truncateSync(last(dir), 1000), (logs(dir).length - 1) * fileBytes + 1000)],
    ['topics of garbage, and a backup', (dir) => (fs.writeFileSync(join(dir, 'config', 'topics.json'), garbage), Infinity)],
    ['topics cut, and a backup', (dir) => (fs.truncateSync(join(dir, 'config', 'topics.json'), 100), Infinity)],
    ['offsets of odd kinds', (dir) => (fs.writeFileSync(join(dir, 'config', 'consumerOffset.json'), '{"offsetTable":{"Load@TOOLS_CONSUMER":{0:"x",1:-5,"q":3}}}'), Infinity)],
  ])('serves what is left: %s', async (_name, damage) => {
    const dir = copy();
    const intactBelow = damage(dir);
    const server = await startServer(dir, args);
    const client = await RawClient.open(server.broker);
    const { records } = await pullAll(client, 'Load', 0, 0);
    const wrong: string[] = [];
    const found = new Map(records.map((record) => [record.queueOffset, record]));
    for (const record of records) if (truth[record.queueOffset]?.id !== record.id) wrong.push(`${record.queueOffset} is ${record.id}: invented`);
    for (const [i, record] of truth.entries()) {
      // A record is intact when the next one begins before the damage.
      const end = truth[i + 1]?.phyOffset ?? Infinity;
      if ((intactBelow === Infinity || end <= intactBelow) && found.get(i)?.id !== record.id) wrong.push(`${i} is lost`);
    }
    expect(wrong).toEqual([]);
    const put = await client.request(310, sendExt('Load'), Buffer.from('after'));
    expect(put?.code).toBe(0);
    const after = (await pullAll(client, 'Load', 0, Number(put?.ext['queueOffset']))).records;
    expect(after.map(({ id }) => id)).toEqual(['after']);
    expect(await server.kill('SIGTERM')).toBe(0);
    if (intactBelow !== Infinity) expect(server.errors()).toMatch(/damaged|cut after its last valid record|leads to no record|their messages are lost/);
  });

  it.each<[string, (dir: string) => void, RegExp]>([
    ['topics and backup of garbage', (dir) => ['topics.json', 'topics.json.bak'].forEach((name) => fs.writeFileSync(join(dir, 'config', name), garbage)), /topics\.json.*topics\.json\.bak/],
    ['a directory for topics', (dir) => replaceWithDir(join(dir, 'config', 'topics.json')), /topics\.json is a directory/],
    ['offsets of garbage', (dir) => ['consumerOffset.json', 'consumerOffset.json.bak'].forEach((name) => fs.writeFileSync(join(dir, 'config', name), garbage)), /consumerOffset\.json/],
    ['a file for config', (dir) => (fs.rmSync(join(dir, 'config'), { recursive: true }), fs.writeFileSync(join(dir, 'config'), 'x')), /ENOTDIR.*config/],
    ['a file for commitlog', (dir) => (fs.rmSync(join(dir, 'commitlog'), { recursive: true }), fs.writeFileSync(join(dir, 'commitlog'), 'x')), /commitlog/],
    ['a directory for lock', (dir) => replaceWithDir(join(dir, 'lock')), /EISDIR.*lock/],
    ['a directory for a log file', (dir) => replaceWithDir(last(dir)), /commitlog/],
  ])('refuses in one line: %s', async (_name, damage, line) => {
    const dir = copy();
    damage(dir);
    const { server, stderr, exit } = await spawnServer(dir, args);
    await server?.kill('SIGKILL');
    const said = stderr.split('\n').filter((text) => text !== '' && !text.startsWith('{'));
    expect({ exit, said }).toEqual({ exit: 2, said: [expect.stringMatching(line)] });
  });
});

describe('starts that cannot be', () => {
  it('a second process, a port in use, an unknown key, a foreign or impossible directory: one line, exit code 2, and the first goes on', async () => {
    const first = await startServer(join(parent, 'first'), ['--log-level', 'silent']);
    const foreign = join(parent, 'photos');
    fs.mkdirSync(foreign);
    fs.writeFileSync(join(foreign, 'holiday.jpg'), 'x');
    const conf = join(parent, 'bad.conf');
    fs.writeFileSync(conf, 'brokrName=x\n');
    const second = join(parent, 'second');
    const cases: [string, string[], RegExp][] = [
      [join(parent, 'first'), [], /in use by process/],
      [second, ['--port', String(first.broker.port)], /port is in use/],
      [second, ['--set', 'nonsense=1'], /unknown configuration key 'nonsense'/],
      [second, ['-c', conf], /bad\.conf: unknown configuration key 'brokrName'/],
      [second, ['-c', join(parent, 'none.conf')], /cannot read the configuration file/],
      [foreign, [], /photos holds files that are no message store/],
      [conf, [], /cannot be written/],
      [join(conf, 'below'), [], /cannot be written: ENOTDIR/],
    ];
    for (const [dir, more, line] of cases) {
      const { server, stderr, exit } = await spawnServer(dir, more);
      await server?.kill('SIGKILL');
      expect({ exit, said: stderr.trimEnd().split('\n') }).toEqual({ exit: 2, said: [expect.stringMatching(line)] });
    }
    expect((await (await RawClient.open(first.broker)).request(28))?.code).toBe(0);
    expect(await first.kill('SIGTERM')).toBe(0);
  });
});
