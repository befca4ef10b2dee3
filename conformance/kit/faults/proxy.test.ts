import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { req } from '../codes.js';
import { EndpointError, RawConnection } from '../connection.js';
import { ScriptedServer } from '../testdata/scripted-server.js';
import { FaultProxy } from './proxy.js';
import { faultKinds, type Fault, type FaultName } from './schedule.js';
import { masterIn } from './raw-traffic.js';

const fault = (name: FaultName, parameters: Fault['parameters'] = {}): Fault => ({ atMs: 0, fault: name, lastsMs: 0, parameters });

/** Answers every request with its own code in the remark, and routes with its own address. */
let server: ScriptedServer;
let proxy: FaultProxy;
let seen: number[];
let ended: Socket[];
const open: RawConnection[] = [];

beforeEach(async () => {
  seen = [];
  ended = [];
  let own = '';
  server = await ScriptedServer.start((request) => {
    seen.push(request.code);
    return request.code === req.GET_ROUTEINFO_BY_TOPIC ? { body: `{"brokerDatas":[{"brokerAddrs":{0:"${own}",1:"${own}7"},"brokerName":"b"}]}` } : { remark: `did ${request.code}` };
  }, (socket) => socket.on('end', () => ended.push(socket)));
  own = server.address;
  proxy = await FaultProxy.start({ namesrv: '127.0.0.1:1', broker: own });
});

afterEach(async () => {
  for (const one of open.splice(0)) one.close();
  await proxy.stop();
  await server.stop();
});

async function dial(): Promise<RawConnection> {
  const connection = await RawConnection.open(proxy.broker, { timeoutMs: 1000 });
  open.push(connection);
  return connection;
}

/** How long a request took, ms. */
async function timed(connection: RawConnection, body = ''): Promise<number> {
  const begun = performance.now();
  await connection.request(req.HEART_BEAT, {}, { body });
  return performance.now() - begun;
}

const kindOf = async (answer: Promise<unknown>): Promise<string> => {
  try {
    await answer;
    return 'answered';
  } catch (error) {
    return error instanceof EndpointError ? error.kind : String(error);
  }
};

describe('the fault proxy', () => {
  it('passes everything without a fault, and leads clients through itself', async () => {
    const client = await dial();
    expect((await client.request(req.HEART_BEAT)).remark).toBe('did 34');
    const route = (await client.request(req.GET_ROUTEINFO_BY_TOPIC)).body.toString();
    expect(masterIn(route, 'b')).toBe(proxy.broker);
    expect(route).toContain(`"${server.address}7"`); // another port that only begins alike
  });

  it('delays each direction, and no longer once healed', async () => {
    const client = await dial();
    const heal = proxy.begin(fault('delay', { toServerMs: 60, toClientMs: 80, jitterMs: 0 }));
    expect(await timed(client)).toBeGreaterThanOrEqual(138);
    await heal();
    expect((await client.request(req.HEART_BEAT)).code).toBe(0);
  });

  it('keeps the order of a direction whatever the jitter', async () => {
    const client = await dial();
    proxy.begin(fault('delay', { toServerMs: 0, toClientMs: 0, jitterMs: 40 }));
    const answers: number[] = [];
    await Promise.all(Array.from({ length: 20 }, async (_, i) => {
      await sleep(i * 2);
      await client.request(1000 + i);
      answers.push(i);
    }));
    expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => 1000 + i));
    expect(answers).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it('throttles', async () => {
    const client = await dial();
    proxy.begin(fault('throttle', { bytesPerSecond: 20_000 }));
    expect(await timed(client, 'x'.repeat(4000))).toBeGreaterThanOrEqual(180);
  });

  it.each(['reset', 'fin'])('cuts every connection by %s', async (by) => {
    const [one, two] = [await dial(), await dial()];
    await Promise.all([one.request(req.HEART_BEAT), two.request(req.HEART_BEAT)]);
    proxy.begin(fault('cut', { by }));
    const reasons = (await Promise.all([one.closed, two.closed])).map((end) => end.reason);
    expect(reasons.every((reason) => /reset/i.test(reason) === (by === 'reset'))).toBe(true);
    expect(proxy.counts.cut).toBe(2);
    expect((await (await dial()).request(req.HEART_BEAT)).code).toBe(0);
  });

  it('half-closes towards the server: it sees the end, and its answer still comes', async () => {
    const client = await dial();
    await client.request(req.HEART_BEAT);
    const heal = proxy.begin(fault('half-close', { side: 'server' }));
    const asked = client.start(req.HEART_BEAT, {}, { timeoutMs: 300 }).answer;
    await sleep(50);
    expect([ended.length, seen]).toEqual([1, [req.HEART_BEAT]]);
    expect(await kindOf(asked)).not.toBe('answered');
    await heal();
    await client.closed;
  });

  it('half-closes towards the client: it sees the end while what it sent still arrives', async () => {
    const [host, port] = [proxy.broker.split(':')[0], Number(proxy.broker.split(':')[1])];
    const socket = connect({ host: host ?? '', port, allowHalfOpen: true });
    let end = false;
    socket.on('end', () => (end = true)).resume();
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    while (proxy.open === 0) await sleep(5);
    const heal = proxy.begin(fault('half-close', { side: 'client' }));
    while (!end) await sleep(5);
    const frame = '{"code":77,"flag":2,"opaque":1,"extFields":{}}';
    const head = Buffer.alloc(8);
    head.writeInt32BE(4 + frame.length, 0);
    head.writeInt32BE(frame.length, 4);
    socket.write(Buffer.concat([head, Buffer.from(frame)]));
    for (const until = Date.now() + 2000; seen.length === 0 && Date.now() < until; ) await sleep(5);
    expect(seen).toEqual([77]);
    await heal();
    socket.destroy();
  });

  it('is a black hole: connections are accepted, nothing gets through, healing cuts them', async () => {
    const client = await dial();
    await client.request(req.HEART_BEAT);
    const heal = proxy.begin(fault('black-hole'));
    const late = await dial();
    expect(await kindOf(client.request(500, {}, { timeoutMs: 150 }))).toBe('timeout');
    expect(await kindOf(late.request(501, {}, { timeoutMs: 150 }))).toBe('timeout');
    await heal();
    await Promise.all([client.closed, late.closed]);
    expect(seen).toEqual([req.HEART_BEAT]);
    expect((await (await dial()).request(req.HEART_BEAT)).code).toBe(0);
  });

  it('holds one connection while others go on, and loses nothing of it', async () => {
    const [one, two] = [await dial(), await dial()];
    await Promise.all([one.request(req.HEART_BEAT), two.request(req.HEART_BEAT)]);
    const heal = proxy.begin(fault('reorder', { holdMs: 2000 })); // the first of them
    seen.length = 0;
    const held = one.request(1001);
    await two.request(1002);
    expect(seen).toEqual([1002]);
    await heal();
    expect((await held).remark).toBe('did 1001');
    expect(seen).toEqual([1002, 1001]);
  });

  it('refuses new connections, and takes them again at the same address', async () => {
    const client = await dial();
    const before = proxy.broker;
    const heal = proxy.begin(fault('refuse', { by: 'reset' }));
    await client.closed;
    expect(await kindOf(dial())).toBe('unreachable');
    await heal();
    expect(proxy.broker).toBe(before);
    expect((await (await dial()).request(req.HEART_BEAT)).code).toBe(0);
  });

  it('cuts between a send and its answer: the server has it, the client does not know', async () => {
    const client = await dial();
    const heal = proxy.begin(fault('duplicate-retry', { every: 2, by: 'fin' }));
    expect((await client.request(req.SEND_MESSAGE_V2)).code).toBe(0);
    expect((await client.request(req.PULL_MESSAGE)).code).toBe(0); // no send: it passes
    expect(await kindOf(client.request(req.SEND_MESSAGE_V2))).toBe('closed');
    expect(seen).toEqual([req.SEND_MESSAGE_V2, req.PULL_MESSAGE, req.SEND_MESSAGE_V2]);
    expect(proxy.counts.answersLost).toBe(1);
    await heal();
    const again = await dial();
    for (let i = 0; i < 4; i++) expect((await again.request(req.SEND_MESSAGE_V2)).code).toBe(0);
  });

  it('tells a server that is gone by ending the connection', async () => {
    const gone = await RawConnection.open(proxy.namesrv, { timeoutMs: 1000 });
    expect((await gone.closed).by).not.toBe('us');
  });

  it('passes bytes that are no frames', async () => {
    const echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    const other = await FaultProxy.start({ namesrv: `127.0.0.1:${(echo.address() as AddressInfo).port}`, broker: server.address });
    try {
      const socket = connect(Number(other.namesrv.split(':')[1]), '127.0.0.1');
      const back = new Promise<string>((resolve) => socket.once('data', (chunk: Buffer) => resolve(chunk.toString())));
      socket.write('GET / HTTP/1.1\r\n\r\n');
      expect(await back).toBe('GET / HTTP/1.1\r\n\r\n');
      socket.destroy();
    } finally {
      await other.stop();
      echo.close();
    }
  });

  it('knows how to begin each fault of the network, and no other', async () => {
    for (const name of Object.keys(faultKinds) as FaultName[]) {
      const one = fault(name, { toServerMs: 0, toClientMs: 0, jitterMs: 0, bytesPerSecond: 1000, holdMs: 50, every: 2 });
      if (faultKinds[name].kind === 'network') await proxy.begin(one)();
      else expect(() => proxy.begin(one)).toThrow(/is no fault of the network/);
    }
  });
});
