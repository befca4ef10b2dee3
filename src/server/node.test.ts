import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { requests } from '../codec/requests.js';
import { CallTimeouts, EventTurn, RemotingClient, silentLog, systemClock } from '../remoting/index.js';
import { resolveConfig } from './config.js';
import { startNode, type RunningNode } from './node.js';
import type { NodeRole } from './cli.js';

let dir: string;
const running: RunningNode[] = [];
let client: RemotingClient;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'skylark-node-'));
  const clock = systemClock(true);
  const turn = new EventTurn((error) => {
    throw error;
  });
  client = new RemotingClient({ turn, clock, log: silentLog, calls: new CallTimeouts(clock) });
});

afterEach(async () => {
  await client.close();
  for (const node of running.splice(0).reverse()) await node.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function start(role: NodeRole, settings: Record<string, string> = {}): Promise<RunningNode> {
  const all = new Map(Object.entries({ storePathRootDir: join(dir, 'data'), listenPort: '0', ...settings }));
  const config = resolveConfig(all, '', role === 'namesrv' ? 'namesrv' : 'broker');
  if (role === 'start') config.namesrv.listenPort = 0;
  const node = await startNode({ role, config, log: silentLog });
  running.push(node);
  return node;
}

async function routeHosts(namesrv: string, topic: string): Promise<string[]> {
  const answer = await client.call(namesrv, { code: requests.GET_ROUTEINFO_BY_TOPIC.code, ext: { topic, acceptStandardJsonOnly: 'true' } }, 5000);
  expect(answer.code).toBe(0);
  const route = JSON.parse(answer.body.toString()) as { brokerDatas: { brokerAddrs: Record<string, string> }[] };
  return route.brokerDatas.flatMap((b) => Object.values(b.brokerAddrs));
}

describe('a node', () => {
  it('runs name server and broker in one process: the default topic has a route to the broker', async () => {
    const node = await start('start');
    expect(await routeHosts(node.namesrvAddress ?? '', 'TBW102')).toEqual([node.brokerAddress]);
  });

  it('gives clients the address they came by when it listens everywhere, and brokerIP1 when that is set', async () => {
    const node = await start('start', { bindAddress: '0.0.0.0' });
    const port = node.brokerAddress?.split(':')[1] ?? '';
    const namesrvPort = node.namesrvAddress?.split(':')[1] ?? '';
    expect(await routeHosts(`127.0.0.1:${namesrvPort}`, 'TBW102')).toEqual([`127.0.0.1:${port}`]);
    expect(await routeHosts(`127.0.0.2:${namesrvPort}`, 'TBW102')).toEqual([`127.0.0.2:${port}`]);

    const fixed = await start('start', { bindAddress: '0.0.0.0', brokerIP1: '127.0.0.9', storePathRootDir: join(dir, 'second') });
    const fixedPort = fixed.brokerAddress?.split(':')[1] ?? '';
    expect(await routeHosts(`127.0.0.1:${fixed.namesrvAddress?.split(':')[1] ?? ''}`, 'TBW102')).toEqual([`127.0.0.9:${fixedPort}`]);
  });

  it('runs several name servers side by side, and a broker that registers with both', async () => {
    const one = await start('namesrv', { storePathRootDir: join(dir, 'ns1') });
    const two = await start('namesrv', { storePathRootDir: join(dir, 'ns2') });
    const broker = await start('broker', { namesrvAddr: `${one.namesrvAddress ?? ''};${two.namesrvAddress ?? ''}` });
    expect(await routeHosts(one.namesrvAddress ?? '', 'TBW102')).toEqual([broker.brokerAddress]);
    expect(await routeHosts(two.namesrvAddress ?? '', 'TBW102')).toEqual([broker.brokerAddress]);
  });

  it('serves the fast port two below, without pulls', async () => {
    const node = await start('start');
    const [host, port] = (node.brokerAddress ?? '').split(':');
    const fast = `${host ?? ''}:${Number(port) - 2}`;
    const runtime = await client.call(fast, { code: requests.GET_BROKER_RUNTIME_INFO.code }, 5000);
    expect(runtime.code).toBe(0);
    const pull = await client.call(fast, { code: requests.PULL_MESSAGE.code, ext: {} }, 5000);
    expect([pull.code, pull.remark]).toEqual([3, ' request type 11 not supported']);
  });

  it('leaves a clean store: no abort file, and the tables it wrote are read again', async () => {
    const node = await start('start');
    const create = { topic: 'Kept', defaultTopic: 'TBW102', readQueueNums: '3', writeQueueNums: '3', perm: '6', topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false' };
    expect((await client.call(node.brokerAddress ?? '', { code: requests.UPDATE_AND_CREATE_TOPIC.code, ext: create }, 5000)).code).toBe(0);
    expect(readFileSync(join(dir, 'data', 'abort'), 'utf8')).toBe(String(process.pid));
    await running.pop()?.stop();
    expect(() => readFileSync(join(dir, 'data', 'abort'))).toThrow(/ENOENT/);
    const again = await start('start');
    expect(await routeHosts(again.namesrvAddress ?? '', 'Kept')).toEqual([again.brokerAddress]);
  });

  it('names the port that is in use, and leaves nothing open behind', async () => {
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
    const port = (taken.address() as AddressInfo).port;
    try {
      await expect(start('broker', { listenPort: String(port) })).rejects.toThrow(`the broker cannot listen on 127.0.0.1:${port}: the port is in use`);
      await expect(start('namesrv', { listenPort: String(port) })).rejects.toThrow(`the name server cannot listen on 127.0.0.1:${port}: the port is in use`);
      await start('broker');
    } finally {
      await new Promise((done) => taken.close(done));
    }
  });

  it('names a data directory that is in use, foreign or not writable', async () => {
    await start('start');
    await expect(start('start')).rejects.toThrow(/is in use by/);
    const foreign = join(dir, 'photos');
    mkdirSync(foreign);
    writeFileSync(join(foreign, 'holiday.jpg'), 'x');
    await expect(start('start', { storePathRootDir: foreign })).rejects.toThrow(/photos holds files that are no message store \(holiday.jpg\)/);
    const file = join(dir, 'file');
    writeFileSync(file, '');
    await expect(start('start', { storePathRootDir: join(file, 'data') })).rejects.toThrow(/cannot be written: .*(ENOTDIR|EEXIST)/);
    // Where the kernel makes no directories, the start must end all the same.
    if (process.platform === 'linux') await expect(start('start', { storePathRootDir: '/proc/skylark/data' })).rejects.toThrow(/cannot be written: .*ENOENT/);
  });
});
