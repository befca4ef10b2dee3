import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { req } from '../codes.js';
import { RawConnection } from '../connection.js';
import { ScriptedServer, type Script } from '../testdata/scripted-server.js';
import { encodeFrame, rawFrame } from '../wire/frame.js';
import { Addresses } from './addresses.js';
import { Cutter } from './link.js';
import { SaboteurProxy } from './proxy.js';
import type { Hooks } from './sabotage.js';
import { decodeRecord } from '../wire/record.js';
import { sampleRecord } from './testdata/sample.js';

const open: { stop(): Promise<void> }[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const one of open.splice(0).reverse()) await one.stop();
});

async function serve(script: Script, greet?: (socket: Socket) => void): Promise<ScriptedServer> {
  const server = await ScriptedServer.start(script, greet);
  open.push(server);
  return server;
}

async function proxyTo(server: string, hooks: Hooks = {}): Promise<SaboteurProxy> {
  const proxy = await SaboteurProxy.start({ namesrv: server, broker: server, hooks });
  open.push(proxy);
  return proxy;
}

/** A server that keeps what comes and says nothing by itself. */
async function recorder(): Promise<{ address: string; received: () => Buffer; last: () => Socket; ended: () => boolean }> {
  const chunks: Buffer[] = [];
  let last: Socket | undefined;
  let ended = false;
  const { createServer } = await import('node:net');
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    last = socket;
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => (ended = true));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({ stop: () => new Promise((resolve) => server.close(() => resolve())) });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { address: `127.0.0.1:${address.port}`, received: () => Buffer.concat(chunks), last: () => last as Socket, ended: () => ended };
}

async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !done(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(done()).toBe(true);
}

async function client(address: string): Promise<{ socket: Socket; received: () => Buffer; closed: () => boolean; ended: () => boolean }> {
  const [host, port] = address.split(':');
  const socket = connect({ host: host ?? '', port: Number(port), allowHalfOpen: true });
  sockets.push(socket);
  const chunks: Buffer[] = [];
  let closed = false;
  let ended = false;
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  socket.on('end', () => (ended = true));
  socket.on('close', () => (closed = true));
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return { socket, received: () => Buffer.concat(chunks), closed: () => closed, ended: () => ended };
}

describe('an honest proxy', () => {
  const odd = [
    encodeFrame({ code: 30, opaque: -3, ext: { topic: 'grün' }, body: 'b' }),
    encodeFrame({ code: 30, opaque: 4, serialize: 'binary', ext: { a: '1' } }),
    rawFrame({ header: '{"zzz":[1],"code":30 ,"opaque":9,"flag":0,"extFields":null}', body: Buffer.from([0, 255, 1]) }),
    rawFrame({ header: 'no header at all', body: '{"x":1}' }),
    rawFrame({ header: '{}', serializeByte: 7 }),
  ];

  it('passes frames on as they came, both ways, whatever they contain and however they are cut', async () => {
    const server = await recorder();
    const proxy = await proxyTo(server.address);
    const { socket, received } = await client(proxy.broker);
    const all = Buffer.concat(odd);
    for (let at = 0; at < all.length; at += 7) socket.write(all.subarray(at, at + 7));
    await until(() => server.received().length >= all.length);
    expect(server.received().equals(all)).toBe(true);
    server.last().write(all);
    await until(() => received().length >= all.length);
    expect(received().equals(all)).toBe(true);
  });

  it('passes bytes that are no frames, and the unfinished frame of a client that ends', async () => {
    const server = await recorder();
    const proxy = await proxyTo(server.address);
    const garbage = Buffer.concat([odd[0] ?? Buffer.alloc(0), Buffer.from('7fffffff00', 'hex'), Buffer.from('GET / HTTP/1.1\r\n\r\n')]);
    const first = await client(proxy.broker);
    first.socket.write(garbage);
    await until(() => server.received().length >= garbage.length);
    expect(server.received().equals(garbage)).toBe(true);
    const second = await client(proxy.broker);
    second.socket.end(Buffer.from('0000006400', 'hex'));
    await until(() => server.ended());
    expect(server.received().subarray(garbage.length).toString('hex')).toBe('0000006400');
  });

  it('half-closes and closes as the server does', async () => {
    const server = await recorder();
    const proxy = await proxyTo(server.address);
    const { socket, ended, closed } = await client(proxy.broker);
    const frame = encodeFrame({ code: 30 });
    socket.write(frame);
    await until(() => server.received().length === frame.length);
    server.last().end();
    await until(ended);
    expect(closed()).toBe(false);
    socket.write(frame);
    await until(() => server.received().length === 2 * frame.length);
    socket.end();
    await until(closed);
    expect(server.ended()).toBe(true);
    const reset = await client(proxy.broker);
    reset.socket.write(frame);
    await until(() => server.received().length === 3 * frame.length);
    server.last().resetAndDestroy();
    await until(reset.closed);
  });

  it('closes the client when nobody listens behind it', async () => {
    const server = await serve(() => undefined);
    const proxy = await proxyTo(server.address);
    await server.stop();
    open.splice(0, 1);
    const { ended, closed } = await client(proxy.broker);
    await until(() => ended() || closed());
  });

  it('names itself where the server names its address', async () => {
    let own = '';
    const server = await serve(() => ({ ext: { msgId: `7F000001${Number(own.split(':')[1]).toString(16).padStart(8, '0').toUpperCase()}0000000000000005` }, body: `{"brokerAddrs":{0:"${own}"},"other":"127.0.0.1:1"}` }));
    own = server.address;
    const proxy = await proxyTo(server.address);
    const connection = await RawConnection.open(proxy.namesrv);
    const answer = await connection.request(req.GET_ROUTEINFO_BY_TOPIC, { topic: 'T' });
    connection.close();
    // The last address given for a port wins: here name server and broker are one.
    expect(answer.body.toString()).toBe(`{"brokerAddrs":{0:"${proxy.namesrv}"},"other":"127.0.0.1:1"}`);
    expect(parseInt(answer.ext['msgId']?.slice(8, 16) ?? '', 16)).toBe(Number(proxy.namesrv.split(':')[1]));
  });

  it('answers at the second port where the broker does', async () => {
    const base = await serve(() => ({ remark: 'first' }));
    const port = Number(base.address.split(':')[1]);
    const proxy = await SaboteurProxy.start({ namesrv: base.address, broker: `127.0.0.1:${port + 2}`, fastPort: true });
    open.push(proxy);
    const connection = await RawConnection.open(`127.0.0.1:${Number(proxy.broker.split(':')[1]) - 2}`);
    expect((await connection.request(30)).remark).toBe('first');
    connection.close();
  });
});

describe('hooks', () => {
  it('see requests and their answers, and may drop, alter, add and ask', async () => {
    const server = await serve((request) => ({ ext: { got: request.ext['n'] ?? 'none' } }));
    const seen: string[] = [];
    const proxy = await proxyTo(server.address, {
      request: (request, link) => {
        if (request.ext['n'] === 'drop') return 'drop';
        if (request.ext['n'] === 'ask') {
          void link.ask({ code: 30, ext: { n: 'own' } }).then((own) => link.toClient({ ...request, flag: 1, ext: { got: own?.ext['got'] ?? '' } }));
          return 'drop';
        }
        return request.ext['n'] === 'alter' ? { ...request, ext: { n: 'altered' } } : undefined;
      },
      answer: (answer, request) => {
        seen.push(`${request.ext['n'] ?? ''} ${answer.ext['got'] ?? ''}`);
        return answer.ext['got'] === 'two' ? [answer, { ...answer, opaque: 999 }] : undefined;
      },
    });
    const connection = await RawConnection.open(proxy.broker);
    const got = async (n: string): Promise<string | undefined> => (await connection.request(30, { n }, { timeoutMs: 300 })).ext['got'];
    expect([await got('plain'), await got('alter'), await got('ask'), await got('two')]).toEqual(['plain', 'altered', 'own', 'two']);
    expect((await connection.nextFrame((frame) => frame.opaque === 999, 500)).ext['got']).toBe('two');
    await expect(got('drop')).rejects.toThrow(/no answer/);
    connection.close();
    expect(seen).toEqual(['plain plain', 'alter altered', 'two two']);
  });

  it('that throw are noted, and the frame passes', async () => {
    const server = await serve(() => ({}));
    const proxy = await proxyTo(server.address, { answer: () => { throw new Error('slip'); } });
    const connection = await RawConnection.open(proxy.broker);
    expect((await connection.request(30)).code).toBe(0);
    connection.close();
    expect(proxy.faults.map(String)).toEqual(['Error: slip']);
  });
});

describe('Cutter', () => {
  it('gives frames from any pieces, and all bytes after an impossible length', () => {
    const frame = encodeFrame({ code: 1 });
    const cutter = new Cutter();
    const out = [...frame, ...frame].flatMap((byte) => cutter.push(Buffer.from([byte])).frames);
    expect(out.map((each) => each.equals(frame))).toEqual([true, true]);
    const broken = new Cutter();
    const all = broken.push(Buffer.concat([frame, Buffer.from('00000003ff', 'hex')]));
    expect([all.frames.length, all.loose?.toString('hex')]).toEqual([1, '00000003ff']);
    expect(broken.push(frame)).toEqual({ frames: [], loose: frame });
  });
});

describe('Addresses', () => {
  const addresses = new Addresses('127.0.0.1');
  addresses.add(10911, 5);
  addresses.add(4444, 60000);

  it('translates known ports in text and leaves other text alone', () => {
    expect(addresses.text('127.0.0.1:10911,127.0.0.1:109110 127.0.0.1:4444/127.0.0.1:1')).toBe('127.0.0.1:5,127.0.0.1:109110 127.0.0.1:60000/127.0.0.1:1');
    expect(addresses.text('7F00000100002A9F0000000000000001')).toBe('7F000001000000050000000000000001');
    expect(addresses.text('7F00000100002A9F00000000000000011')).toBe('7F00000100002A9F00000000000000011');
  });

  it('translates the hosts and message ids of stored messages in place', () => {
    const record = sampleRecord({ bornPort: 4444, storePort: 10911, properties: { ORIGIN_MESSAGE_ID: '7F00000100002A9F0000000000000001' }, body: '127.0.0.1:10911' });
    const frame = { code: 0, language: 'JAVA', version: 0, opaque: 1, flag: 1, remark: undefined, ext: {}, serialize: 'json' as const, body: record };
    const out = decodeRecord(addresses.translate(frame).body);
    expect([out.bornHost, out.storeHost, out.properties['ORIGIN_MESSAGE_ID'], out.body.toString()]).toEqual(['127.0.0.1:60000', '127.0.0.1:5', '7F000001000000050000000000000001', '127.0.0.1:10911']);
    const foreign = { ...frame, body: sampleRecord({ bornPort: 1, storePort: 2 }) };
    expect(addresses.translate(foreign)).toBe(foreign);
  });
});
