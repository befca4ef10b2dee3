/** gRPC cases against endpoints that speak something else, or want to hurt: each gets a verdict in its time, and none is a fault of the kit. */
import { spawn } from 'node:child_process';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { allCases } from '../cases/index.js';
import type { Endpoint } from '../endpoint.js';
import { featureNames } from '../features.js';
import { createRng } from '../rng.js';
import { runCases } from '../runner.js';
import { ScriptedServer } from '../testdata/scripted-server.js';
import { WireLog } from '../wire-log.js';
import { framed, GrpcChannel } from './client.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Listens, and ends with all its connections. */
async function listen(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Bytes instead of HTTP/2. */
const tcp = (onSocket: (socket: Socket) => void) => (): Promise<string> => listen(createServer(onSocket));

/** HTTP/2, and then what the script does to each stream. */
const http2 = (onStream: (stream: ServerHttp2Stream) => void) => (): Promise<string> => {
  const server = createHttp2Server();
  server.on('session', (session) => session.on('error', () => undefined));
  server.on('stream', (stream) => onStream(stream.on('error', () => undefined)));
  return listen(server);
};

/**
 * Answers each stream with one header block that is also its end. It is a process of its own: in one process, Node's http2 corrupts its memory between a server
 * that ends streams like this and a client that resets many.
 */
const trailersOnly = `
const { createServer } = require('node:http2');
const server = createServer();
const quiet = () => undefined;
server.on('session', (session) => session.on('error', quiet));
server.on('stream', (stream) => {
  stream.on('error', quiet);
  if (!stream.destroyed && !stream.closed) stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '0' }, { endStream: true });
});
process.stdin.resume().on('end', () => process.exit(0));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;

/** This script in a process of its own, which says its port and ends when its input does; that it did not die before is asserted. */
const ofItsOwn = (script: string) => async (): Promise<string> => {
  const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = new Promise<number | string | null>((resolve, reject) => {
    child.once('exit', (exitCode, signal) => resolve(signal ?? exitCode));
    child.once('error', reject);
  });
  const said = new Promise<string>((resolve) => child.stdout.once('data', (bytes: Buffer) => resolve(bytes.toString().trim())));
  const port = await Promise.race([said, exited.then((how) => { throw new Error(`the server ended before it listened: ${String(how)}`); })]);
  ends.push(async () => {
    child.stdin.end();
    expect(await exited).toBe(0);
  });
  return `127.0.0.1:${port}`;
};

/** Answers with these bytes and grpc-status 0. */
function answer(stream: ServerHttp2Stream, ...bodies: readonly Buffer[]): void {
  if (stream.destroyed || stream.closed) return;
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  for (const body of bodies) stream.write(body);
  stream.end();
}

/** A head that says this length, and a few bytes. */
function lie(length: number): Buffer {
  const bytes = framed(Buffer.from('abc'));
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

/** Answers all it was asked in reverse order and late. */
function reversed(): (stream: ServerHttp2Stream) => void {
  const held: ServerHttp2Stream[] = [];
  return (stream) => {
    held.push(stream);
    setTimeout(() => { for (const one of held.splice(0).reverse()) answer(one, framed(Buffer.alloc(0))); }, 5);
  };
}

/** Messages nobody asked for, as fast as the kit reads. */
function flood(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
  const page = Buffer.concat(Array.from({ length: 50 }, () => framed(Buffer.alloc(200, 1))));
  const more = (): void => {
    while (!stream.destroyed && stream.writable && stream.write(page));
  };
  stream.on('drain', more);
  more();
}

const endpoints: readonly { readonly what: string; readonly start: () => Promise<string> }[] = [
  { what: 'speaks HTTP/1', start: tcp((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')) },
  { what: 'speaks RocketMQ\'s other protocol', start: tcp((socket) => void socket.write(Buffer.from([0, 0, 0, 6, 0, 0, 0, 2, 0x7b, 0x7d]))) },
  { what: 'hangs', start: tcp(() => undefined) },
  { what: 'hangs after the handshake', start: http2(() => undefined) },
  { what: 'closes at once', start: tcp((socket) => void socket.destroy()) },
  { what: 'closes in the middle of a message', start: http2((stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.write(lie(500), () => stream.session?.destroy());
  }) },
  { what: 'resets each stream', start: http2((stream) => void stream.close(2)) },
  { what: 'says a message is larger than it is', start: http2((stream) => answer(stream, lie(0xffffffff))) },
  { what: 'says a message is smaller than it is', start: http2((stream) => answer(stream, lie(1))) },
  { what: 'answers late and out of order', start: http2(reversed()) },
  { what: 'answers empty messages', start: http2((stream) => answer(stream, framed(Buffer.alloc(0)))) },
  { what: 'answers nothing but its success (trailers only)', start: ofItsOwn(trailersOnly) },
  { what: 'answers random bytes', start: http2((stream) => answer(stream, framed(createRng(1, 'random bytes').bytes(300)))) },
  { what: 'answers a page of HTML', start: http2((stream) => {
    stream.respond({ ':status': 502, 'content-type': 'text/html' });
    stream.end('<h1>Bad Gateway</h1>');
  }) },
  { what: 'floods', start: http2(flood) },
];

/** One case in so many runs against each endpoint: other ones each time. */
const every = 10;

describe.each(endpoints.map((one, number) => ({ ...one, number })))('a gRPC endpoint that $what', ({ start, number }) => {
  it('gets a verdict for every case, none of them a fault of the kit', async () => {
    const broker = await ScriptedServer.start(() => ({ code: 0, body: '{}' }));
    ends.push(() => broker.stop());
    const endpoint: Endpoint = {
      name: 'hostile', kind: 'hostile', version: '5.5.0', namesrv: broker.address, broker: broker.address, brokerName: 'b', cluster: 'c', grpc: await start(), storeDir: undefined,
      features: new Set(featureNames.filter((name) => !['store-dir', 'local', 'fast-port', 'acl'].includes(name))), keepsTopics: true, signer: undefined, profile: 'full',
    };
    const cases = (await allCases()).filter((one) => one.area === 'grpc').filter((_, i) => i % every === (number * 3) % every).map((one) => ({ ...one, timeoutMs: 400, exclusive: false, destructive: false }));
    const report = await runCases({ endpoint, cases, parallel: 24, timeoutMs: 400, cleanupMs: 250, seed: 1 });
    expect(report.cases.map((one) => one.name)).toEqual(cases.map((one) => one.name));
    expect(report.cases.filter((one) => one.failure?.kind === 'kit').map((one) => `${one.name}: ${one.failure?.stack ?? ''}`)).toEqual([]);
    expect(report.cases.some((one) => one.verdict === 'fail' || one.verdict === 'error')).toBe(true);
    expect(report.notes).toEqual([]);
  }, 240_000);
});

describe('a message', () => {
  it('whose length is a lie ends the call at once', async () => {
    const channel = await GrpcChannel.open(await http2((stream) => {
      stream.respond({ ':status': 200 });
      stream.write(lie(0xffffffff));
    })(), new WireLog());
    ends.push(() => channel.close());
    expect(await channel.call('M', Buffer.alloc(0), { timeoutMs: 30_000 })).toMatchObject({ status: undefined, reset: 8, messages: [] });
  });

  it('of megabytes is put together of its chunks, and those behind it are read', async () => {
    const large = createRng(1, 'large').bytes(5_000_000);
    const channel = await GrpcChannel.open(await http2((stream) => answer(stream, framed(large), framed(Buffer.from('next'))))(), new WireLog());
    ends.push(() => channel.close());
    const { messages } = await channel.call('M', Buffer.alloc(0), { timeoutMs: 30_000 });
    expect(messages.map((one) => one.length)).toEqual([large.length, 4]);
    expect(messages[0]?.equals(large)).toBe(true);
  });
});
