/** Peers that speak HTTP/2 to do harm: what each may cost, and that others go on. Frames are made by hand; no library of ours would send them. */
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { connect as netConnect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { silentLog, systemClock } from './clocks.js';
import { GrpcServer, grpcPrefixBytes, type GrpcCall, type GrpcHandler, type GrpcLimits } from './grpc.js';

const open: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
});

const message = Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), Buffer.from('x')]);
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const frameType = { HEADERS: 1, RST_STREAM: 3, SETTINGS: 4, PING: 6, CONTINUATION: 9 } as const;
const flags = { END_STREAM: 1, END_HEADERS: 4 } as const;

function frame(type: number, flag: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flag, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Header fields as literals without index or Huffman code. */
function fields(...pairs: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(pairs.flatMap(([name, value]) => [Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]));
}

const callHeaders = fields([':method', 'POST'], [':scheme', 'http'], [':path', '/s/Hold'], [':authority', 'a'], ['content-type', 'application/grpc']);

interface Rig {
  readonly server: GrpcServer;
  readonly port: number;
  readonly held: GrpcCall[];
  /** A well-behaved client's call is answered. */
  readonly works: () => Promise<boolean>;
}

async function serve(limits: Partial<GrpcLimits> = {}): Promise<Rig> {
  const held: GrpcCall[] = [];
  const answer: GrpcHandler = { kind: 'unary', call: (call) => {
    call.send(Buffer.concat([Buffer.alloc(grpcPrefixBytes), Buffer.from('y')]));
    call.end();
  } };
  const hold: GrpcHandler = { kind: 'streaming', open: (call) => {
    held.push(call);
    return { message: () => undefined, halfClosed: () => undefined };
  } };
  const server = new GrpcServer({ handlers: new Map<string, GrpcHandler>([['/s/Echo', answer], ['/s/Hold', hold]]), clock: systemClock(false), log: silentLog, limits });
  const { port } = await server.listen('127.0.0.1', 0);
  open.push({ stop: () => server.close() });
  let session: ClientHttp2Session | undefined;
  const works = (): Promise<boolean> => new Promise((resolve) => {
    if (session === undefined) {
      const made = connect(`http://127.0.0.1:${port}`);
      made.on('error', () => resolve(false));
      open.push({ stop: () => made.destroy() });
      session = made;
    }
    const stream = session.request({ ':method': 'POST', ':path': '/s/Echo', 'content-type': 'application/grpc' });
    stream.on('error', () => resolve(false));
    stream.on('trailers', (trailers: IncomingHttpHeaders) => resolve(trailers['grpc-status'] === '0'));
    stream.resume();
    stream.end(message);
  });
  return { server, port, held, works };
}

/** A raw peer that has said the preface and its settings. */
async function peer(port: number, { reads = true } = {}): Promise<{ readonly socket: Socket; readonly closed: Promise<true> }> {
  const socket = netConnect(port, '127.0.0.1');
  open.push({ stop: () => socket.destroy() });
  const closed = new Promise<true>((resolve) => socket.once('close', () => resolve(true)));
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  if (reads) socket.resume();
  else socket.pause();
  socket.write(Buffer.concat([preface, frame(frameType.SETTINGS, 0, 0)]));
  return { socket, closed };
}

/** Resolves once `so` holds; a defect, not a busy machine, is what exceeds the time. */
async function until(so: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !so();) {
    if (Date.now() > end) throw new Error(`not within a minute: ${so.toString()}`);
    await new Promise<void>((resolve) => setTimeout(resolve, 5));
  }
}

function writeAll(socket: Socket, chunks: readonly Buffer[]): void {
  for (const chunk of chunks) if (!socket.destroyed) socket.write(chunk);
}

describe('a flood', () => {
  it('of streams opened and reset at once is read no further', async () => {
    const { server, port, held, works } = await serve();
    expect(await works()).toBe(true);
    const { socket } = await peer(port);
    const reset = Buffer.from([0, 0, 0, 8]);
    for (let i = 0; i < 100; i++) {
      writeAll(socket, [Buffer.concat(Array.from({ length: 200 }, (_, k) => {
        const stream = 1 + 2 * (i * 200 + k);
        return Buffer.concat([frame(frameType.HEADERS, flags.END_HEADERS, stream, callHeaders), frame(frameType.RST_STREAM, 0, stream, reset)]);
      }))]);
    }
    // nghttp2 takes a thousand resets at once, then says GOAWAY and reads no further; the connection ends as an idle one.
    await until(() => held.length >= 900 && server.counters.callsAtWork === 0);
    expect(held.length).toBeLessThan(2000);
    expect(server.counters).toMatchObject({ callsAtWork: 0, unfinishedBytes: 0, outBytes: 0 });
    expect(await works()).toBe(true);
  });

  it.each([['settings', frame(frameType.SETTINGS, 0, 0)], ['pings', frame(frameType.PING, 0, 0, Buffer.alloc(8))]])('of %s whose answers are not read is read no further, or ends its connection', async (_name, one) => {
    const { server, port, works } = await serve();
    const { socket } = await peer(port, { reads: false });
    const many = Buffer.concat(Array.from({ length: 10_000 }, () => one));
    // More than the sockets of both sides hold: the rest waits here, on the side of whoever floods.
    const bytesMax = 64 * 1024 * 1024;
    const before = process.memoryUsage.rss();
    for (let sent = 0; sent < bytesMax && !socket.destroyed && socket.writableLength < 16 * 1024 * 1024; sent += many.length) {
      socket.write(many);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(await works()).toBe(true);
    expect(process.memoryUsage.rss() - before).toBeLessThan(256 * 1024 * 1024);
    socket.destroy();
    await until(() => server.counters.open <= 1);
    expect(server.counters).toMatchObject({ callsAtWork: 0, unfinishedBytes: 0, outBytes: 0, exceptions: 0 });
  });

  it('of settings and pings from one who reads them is answered, and others go on', async () => {
    const { server, port, works } = await serve();
    const { socket } = await peer(port);
    for (let i = 0; i < 20; i++) writeAll(socket, [Buffer.concat(Array.from({ length: 100 }, () => Buffer.concat([frame(frameType.SETTINGS, 0, 0), frame(frameType.PING, 0, 0, Buffer.alloc(8))])))]);
    expect(await works()).toBe(true);
    expect(server.counters.exceptions).toBe(0);
  });

  it('of continuations of a header that never ends ends its connection', async () => {
    const { server, port, held, works } = await serve();
    const { socket, closed } = await peer(port);
    socket.write(frame(frameType.HEADERS, 0, 1, callHeaders));
    const more = frame(frameType.CONTINUATION, 0, 1, fields(['x-more', 'v'.repeat(100)]));
    for (let i = 0; i < 2000 && !socket.destroyed; i++) {
      socket.write(more);
      if (i % 50 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(await closed).toBe(true);
    expect([held.length, server.counters.callsAtWork]).toEqual([0, 0]);
    expect(await works()).toBe(true);
  });
});

describe('ten thousand streams', () => {
  it('are held at once on one connection, one more is refused, and all end with it', async () => {
    const streams = 10_000;
    const { server, port, held, works } = await serve();
    const session = connect(`http://127.0.0.1:${port}`, { peerMaxConcurrentStreams: 2 * streams, maxSessionMemory: 256 });
    open.push({ stop: () => session.destroy() });
    session.on('error', () => undefined);
    await new Promise<void>((resolve) => session.once('remoteSettings', () => resolve()));
    let ended = 0;
    for (let i = 0; i < streams; i++) {
      const stream = session.request({ ':method': 'POST', ':path': '/s/Hold', 'content-type': 'application/grpc' });
      stream.on('error', () => undefined);
      stream.on('close', () => ended++);
    }
    await until(() => held.length === streams);
    expect(server.counters).toMatchObject({ callsAtWork: streams, calls: streams });
    expect(session.remoteSettings.maxConcurrentStreams).toBe(streams);
    expect(await works()).toBe(true);
    session.destroy();
    await until(() => server.counters.callsAtWork === 0 && ended === streams);
    expect(server.counters).toMatchObject({ unfinishedBytes: 0, outBytes: 0 });
  });

  it('are no more when the limit says so', async () => {
    const { port, held, works } = await serve({ streamsMax: 10 });
    const { socket } = await peer(port);
    writeAll(socket, Array.from({ length: 30 }, (_, i) => frame(frameType.HEADERS, flags.END_HEADERS, 1 + 2 * i, callHeaders)));
    await until(() => held.length >= 10);
    expect(await works()).toBe(true);
    expect(held).toHaveLength(10);
  });
});

describe('a client that never reads', () => {
  it('is counted with what waits for it, until it goes; others go on', async () => {
    const { server, port, held, works } = await serve({ outBytesMax: 1024 * 1024 });
    const { socket } = await peer(port, { reads: false });
    writeAll(socket, [frame(frameType.HEADERS, flags.END_HEADERS, 1, callHeaders)]);
    await until(() => held.length === 1);
    expect(server.crowded).toBe(false);
    for (let i = 0; i < 20; i++) held[0]?.send(Buffer.alloc(256 * 1024));
    await until(() => server.crowded);
    expect(await works()).toBe(true);
    socket.destroy();
    await until(() => server.counters.outBytes === 0);
    expect(server.crowded).toBe(false);
    expect(server.counters.callsAtWork).toBe(0);
  });
});
