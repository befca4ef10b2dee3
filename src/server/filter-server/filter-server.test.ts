import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { deflateSync } from 'node:zlib';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeMessages } from '../../codec/stored-message.js';
import { RawClient, sendExt, startServer, until, type Answer, type Port, type ServerProcess } from '../testdata/process.js';
import { fill, FilterServerProcess, filterServersOf, isAlive, pull, upload } from './testdata/filter-server-process.js';

const text = ({ host, port }: Port): string => `${host}:${port}`;
const even = 'function match(msg, context) { return Number(msg.getProperty("n")) % 2 === 0; }';
const bodiesOf = (answer: Answer): string[] => decodeMessages(answer.body).messages.map((message) => message.body.toString());
const offsetsOf = ({ ext }: Answer): (string | undefined)[] => [ext['nextBeginOffset'], ext['minOffset'], ext['maxOffset']];

let dir = '';
const opened: RawClient[] = [];
const processes: { kill(signal: NodeJS.Signals): Promise<number | string> }[] = [];

async function connect(port: Port): Promise<RawClient> {
  const client = await RawClient.open(port);
  opened.push(client);
  return client;
}

async function node(name: string, args: readonly string[]): Promise<ServerProcess> {
  const server = await startServer(join(dir, name), ['--grpc-port', '0', ...args]);
  processes.push(server);
  return server;
}

async function filterServer(broker: Port, ...more: readonly string[]): Promise<FilterServerProcess> {
  const server = await FilterServerProcess.start(['--broker', text(broker), ...more]);
  processes.push(server);
  return server;
}

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'filter-server-'));
});
afterEach(() => {
  for (const client of opened.splice(0)) client.close();
});
afterAll(async () => {
  await Promise.all(processes.splice(0).map((one) => one.kill('SIGKILL')));
  rmSync(dir, { recursive: true, force: true });
});

describe('a filter server', () => {
  let server: ServerProcess;
  let filters: FilterServerProcess;
  beforeAll(async () => {
    server = await node('one', ['--set', 'filterServerEnable=true']);
    filters = await filterServer(server.broker, '--set', 'filterMatchTimeoutMs=500', '--set', 'filterSourceBytesMax=2000', '--set', 'filterClassesMax=6', '--set', 'filterJavaEnable=false');
    await fill(await RawClient.open(server.broker), 'T', ['m0', 'm1', 'm2', 'm3', 'm4']);
  });

  test('is in routes under its broker, and pulls there bring what the filter takes', async () => {
    const [namesrv, client] = [await connect(server.namesrv), await connect(filters.port)];
    await until('the route has it', async () => JSON.stringify(await filterServersOf(namesrv, 'T')) === JSON.stringify({ [text(server.broker)]: [filters.address] }));
    expect(await pull(client, 0)).toMatchObject({ code: 1, remark: 'Find Filter class failed, not registered' });
    expect(await upload(client, 'even.js', even)).toMatchObject({ code: 0 });
    const found = await pull(client, 0);
    expect([found.code, bodiesOf(found), offsetsOf(found), found.ext['suggestWhichBrokerId']]).toEqual([0, ['m0', 'm2', 'm4'], ['5', '0', '5'], '0']);
    const broker = await connect(server.broker);
    const all = await broker.request(11, { consumerGroup: 'G', topic: 'T', queueId: 0, queueOffset: 0, maxMsgNums: 32, sysFlag: 4, commitOffset: 0, suspendTimeoutMillis: 0, subscription: '*', subVersion: 0 });
    const records = decodeMessages(all?.body ?? Buffer.alloc(0)).messages.filter((_message, index) => index % 2 === 0);
    expect(decodeMessages(found.body).messages).toEqual(records);
  });

  test('answers as the broker where there is nothing to choose', async () => {
    const client = await connect(filters.port);
    await upload(client, 'even.js', even);
    const none = await pull(client, 1, { maxMsgNums: 1 });
    expect([none.code, none.body.length, offsetsOf(none)]).toEqual([20, 0, ['2', '0', '5']]);
    const end = await pull(client, 5);
    expect([end.code, offsetsOf(end)]).toEqual([19, ['5', '0', '5']]);
    const beyond = await pull(client, 77);
    expect([beyond.code, offsetsOf(beyond)]).toEqual([21, ['5', '0', '5']]);
    await upload(client, 'even.js', even, { topic: 'NoSuchTopic' });
    expect(await pull(client, 0, { topic: 'NoSuchTopic' })).toMatchObject({ code: 17, remark: expect.stringContaining('topic[NoSuchTopic] not exist') });
    expect(await client.request(10, {})).toMatchObject({ code: 3 });
  });

  test('a pull that waits is answered by the message that arrives, when it matches', async () => {
    const [client, broker] = [await connect(filters.port), await connect(server.broker)];
    await fill(broker, 'Waits', []);
    await upload(client, 'even.js', even, { topic: 'Waits' });
    const waiting = pull(client, 0, { topic: 'Waits', suspendMs: 30_000 });
    await fill(broker, 'Waits', ['m8'], 8);
    expect(bodiesOf(await waiting)).toEqual(['m8']);
    const passed = pull(client, 1, { topic: 'Waits', suspendMs: 30_000 });
    await fill(broker, 'Waits', ['m9'], 9);
    const answer = await passed;
    expect([answer.code, answer.ext['nextBeginOffset']]).toEqual([20, '2']);
  });

  test('a filter sees compressed bodies as consumers do, and consumers get them as they are', async () => {
    const [client, broker] = [await connect(filters.port), await connect(server.broker)];
    await fill(broker, 'Packed', []);
    await upload(client, 'packed.js', "function match(msg) { return msg.getBodyText() === 'x'.repeat(5000); }", { topic: 'Packed' });
    const packed = deflateSync(Buffer.from('x'.repeat(5000)));
    await broker.request(310, sendExt('Packed', { f: '1' }), packed);
    const answer = await pull(client, 0, { topic: 'Packed' });
    expect([answer.code, decodeMessages(answer.body).messages[0]?.body]).toEqual([0, packed]);
  });

  test.each([
    ['a name with a path', { className: '../../x.js' }, 'the class name is neither a Java name nor one that ends in .js'],
    ['no name', { className: '' }, 'the class name is neither'],
    ['a name too long', { className: `${'a'.repeat(300)}.js` }, 'the class name is neither'],
    ['Java, which is switched off', { className: 'com.shop.Cheap' }, 'filters in Java are not served: filterJavaEnable=false'],
    ['a checksum of something else', { classCRC: 12345 }, 'crc32 not match'],
    ['a group with a path', { consumerGroup: '../G' }, 'group'],
    ['a topic with a path', { topic: '/etc/passwd' }, 'topic'],
  ])('refuses %s', async (_what, more, remark) => {
    const answer = await upload(await connect(filters.port), 'even.js', even, more);
    expect([answer.code, answer.remark]).toEqual([1, expect.stringContaining('registerFilterClass error, ')]);
    expect(answer.remark.toLowerCase()).toContain(remark.toLowerCase());
  });

  test('refuses what is too large, empty, broken, or one too many', async () => {
    const client = await connect(filters.port);
    const remarkOf = async (source: string, more = {}): Promise<string> => (await upload(client, 'f.js', source, { topic: 'Refused', ...more })).remark;
    expect(await remarkOf(`//${'x'.repeat(2000)}`)).toBe('registerFilterClass error, the source has 2002 bytes, more than 2000');
    expect(await remarkOf('')).toBe('registerFilterClass error, there is no source');
    expect(await remarkOf('function match( {')).toContain('registerFilterClass error, SyntaxError');
    expect((await client.request(302, { topic: 'T', className: 'f.js', classCRC: 0 }, Buffer.from(even)))?.code).toBe(1);
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push(await upload(client, 'even.js', even, { topic: `Many${i}` }));
    expect(answers.at(-1)).toMatchObject({ code: 1, remark: 'registerFilterClass error, this filter server has 6 filters, the most it takes' });
  });

  test('a class that cannot serve leaves the one before in its place; one that can takes it', async () => {
    const client = await connect(filters.port);
    expect((await upload(client, 'even.js', 'function match() { return tru', {})).code).toBe(1);
    expect(bodiesOf(await pull(client, 0))).toEqual(['m0', 'm2', 'm4']);
    expect((await upload(client, 'all.js', 'function match() { return true; }')).code).toBe(0);
    expect(bodiesOf(await pull(client, 0))).toHaveLength(5);
  });

  test('a filter that hangs fails its own pulls and nobody else\'s', async () => {
    const [client, other] = [await connect(filters.port), await connect(filters.port)];
    await upload(client, 'bad.js', 'function match(msg) { for (;;); }');
    const hung = pull(client, 0);
    expect(await pull(other, 5, { topic: 'Waits' })).toMatchObject({ code: expect.any(Number) });
    expect(await hung).toMatchObject({ code: 1, remark: 'do Message Filter Exception, ConsumerGroup: G Topic: T bad.js did not judge a message within 500 ms and was ended' });
    expect((await pull(client, 0)).remark).toMatch(/it is started again in \d+ ms$/);
    expect((await upload(client, 'even.js', even)).code).toBe(0);
    expect(bodiesOf(await pull(client, 0))).toEqual(['m0', 'm2', 'm4']);
  });

  test('a broker that is away is told, and found again', async () => {
    const own = await node('two', ['--set', 'filterServerEnable=true']);
    const mine = await filterServer(own.broker, '--set', 'filterJavaEnable=false');
    const client = await connect(mine.port);
    await fill(await connect(own.broker), 'T', ['m0', 'm1']);
    await upload(client, 'even.js', even);
    const waiting = pull(client, 2, { suspendMs: 30_000 });
    await own.kill('SIGKILL');
    expect(await waiting).toMatchObject({ code: 1, remark: expect.stringContaining('Pull Callback Exception, ') });
    expect(await pull(client, 0)).toMatchObject({ code: 1, remark: expect.stringContaining('Pull Callback Exception, ') });
    const again = await node('two', ['--set', 'filterServerEnable=true', '--port', String(own.broker.port)]);
    const namesrv = await connect(again.namesrv);
    await until('it registered anew', async () => Object.values(await filterServersOf(namesrv, 'T')).flat().includes(mine.address));
    expect(bodiesOf(await pull(client, 0))).toEqual(['m0']);
    expect([await mine.kill('SIGTERM'), existsSync(mine.dir)]).toEqual([0, false]);
    await until('the route lost it', async () => Object.keys(await filterServersOf(namesrv, 'T')).length === 0);
  });
});

describe('a broker', () => {
  test('that was not told to does not know filter servers', async () => {
    const server = await node('plain', []);
    const broker = await connect(server.broker);
    expect(await broker.request(301, { filterServerAddr: '127.0.0.1:1' })).toMatchObject({ code: 3, remark: ' request type 301 not supported' });
    expect((await broker.request(25, {}, Buffer.from('filterServerNums=1')))?.code).not.toBe(0);
    expect((await broker.request(25, {}, Buffer.from('filterServerEnable=true')))?.code).not.toBe(0);
  });

  test('takes addresses only, each connection\'s first', async () => {
    const server = await node('addresses', ['--set', 'filterServerEnable=true']);
    const [broker, namesrv] = [await connect(server.broker), await connect(server.namesrv)];
    for (const address of ['', 'x', '127.0.0.1', '127.0.0.1:0', '127.0.0.1:99999', 'a b:1', `${'x'.repeat(400)}:1`, '$(touch /tmp/x):1']) {
      expect(await broker.request(301, { filterServerAddr: address })).toMatchObject({ code: 1, remark: expect.stringContaining('the address of a filter server is host:port') });
    }
    expect((await broker.request(301, {}))?.code).toBe(1);
    expect(await broker.request(301, { filterServerAddr: '127.0.0.1:30001' })).toMatchObject({ code: 0, ext: { brokerName: 'broker-a', brokerId: '0' } });
    await broker.request(301, { filterServerAddr: '127.0.0.1:30002' });
    await until('the route has the first', async () => JSON.stringify(Object.values(await filterServersOf(namesrv, 'TBW102'))) === '[["127.0.0.1:30001"]]');
    broker.close();
    await until('the route has none', async () => Object.keys(await filterServersOf(namesrv, 'TBW102')).length === 0);
  });

  test('starts filter servers beside itself, starts them again, and takes them along', async () => {
    const server = await node('beside', ['--set', 'filterServerNums=1']);
    const namesrv = await connect(server.namesrv);
    const registered = async (): Promise<string | undefined> => Object.values(await filterServersOf(namesrv, 'TBW102')).flat()[0];
    const besides = (): number[] => childrenOf(server.child.pid ?? 0);
    await until('it registered', async () => (await registered()) !== undefined);
    const [first] = besides();
    const address = await registered();
    process.kill(first ?? 0, 'SIGKILL');
    await until('another one registered', async () => ![address, undefined].includes(await registered()));
    expect(besides()).toHaveLength(1);
    const [second] = besides();
    const client = await connect({ host: '127.0.0.1', port: Number((await registered())?.split(':')[1]) });
    await fill(await connect(server.broker), 'T', ['m0', 'm1', 'm2']);
    expect((await upload(client, 'even.js', even)).code).toBe(0);
    expect(bodiesOf(await pull(client, 0))).toEqual(['m0', 'm2']);
    await server.kill('SIGKILL');
    await until('it ended with its broker', () => !isAlive(second ?? 0));
    const again = await node('beside', ['--set', 'filterServerNums=2']);
    const routes = await connect(again.namesrv);
    await until('both registered', async () => Object.values(await filterServersOf(routes, 'TBW102')).flat().length === 2);
    const both = childrenOf(again.child.pid ?? 0);
    expect(await again.kill('SIGTERM')).toBe(0);
    expect(both.filter(isAlive)).toEqual([]);
    expect(['0', '1'].flatMap((index) => readdirSync(join(dir, 'beside', 'filter-server', index)))).toEqual([]);
  });
});

/** Processes whose parent this is. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((one) => {
    try {
      readlinkSync(`/proc/${one}/exe`);
      return Number(/^\d+ \(.*\) \w (\d+)/.exec(readFileSync(`/proc/${one}/stat`, 'utf8'))?.[1]) === pid;
    } catch {
      return false;
    }
  });
}
