/** Peers that speak HTTP/2 to do harm: what each may cost, and that others go on. Frames are made by hand; no library of ours would send them. */
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { connect as netConnect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { silentLog, systemClock } from './clocks.js';
import { GrpcServer, grpcPrefixBytes, type GrpcCall, type GrpcHandler, type GrpcLimits } from './grpc.js';
import { connectionWindowBytes, frameFlag as flags, frameType, http2Error, resetsAtOnceMax, streamWindowBytes } from './http2.js';

const open: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
});

const message = Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), Buffer.from('x')]);
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

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

interface Frame { readonly type: number; readonly flags: number; readonly stream: number; readonly payload: Buffer }

interface Peer {
  readonly socket: Socket;
  readonly closed: Promise<true>;
  /** What came, in order. */
  readonly frames: Frame[];
  /** Error code of the GOAWAY that came. */
  readonly goAway: () => number | undefined;
  /** Streams that were reset, with their codes. */
  readonly resets: () => [stream: number, code: number][];
}

/** A raw peer that has said the preface and its settings. */
async function peer(port: number, { reads = true, settings = Buffer.alloc(0) }: { readonly reads?: boolean; readonly settings?: Buffer } = {}): Promise<Peer> {
  const socket = netConnect(port, '127.0.0.1');
  open.push({ stop: () => socket.destroy() });
  const closed = new Promise<true>((resolve) => socket.once('close', () => resolve(true)));
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  const frames: Frame[] = [];
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      if (rest.length < 9 || rest.length < 9 + rest.readUIntBE(0, 3)) return;
      const end = 9 + rest.readUIntBE(0, 3);
      frames.push({ type: rest.readUInt8(3), flags: rest.readUInt8(4), stream: rest.readUInt32BE(5), payload: rest.subarray(9, end) });
      rest = rest.subarray(end);
    }
  });
  if (!reads) socket.pause();
  socket.write(Buffer.concat([preface, frame(frameType.SETTINGS, 0, 0, settings)]));
  return {
    socket, closed, frames,
    goAway: () => frames.find(({ type }) => type === frameType.GOAWAY)?.payload.readUInt32BE(4),
    resets: () => frames.filter(({ type }) => type === frameType.RST_STREAM).map(({ stream, payload }) => [stream, payload.readUInt32BE(0)]),
  };
}

const setting = (id: number, value: number): Buffer => {
  const out = Buffer.alloc(6);
  out.writeUInt16BE(id, 0);
  out.writeUInt32BE(value, 2);
  return out;
};

const u32 = (value: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value);
  return out;
};

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
  it('of streams opened and reset at once ends its connection', async () => {
    const { server, port, held, works } = await serve();
    expect(await works()).toBe(true);
    const { socket, closed, goAway } = await peer(port);
    const reset = Buffer.from([0, 0, 0, 8]);
    for (let i = 0; i < 100; i++) {
      writeAll(socket, [Buffer.concat(Array.from({ length: 200 }, (_, k) => {
        const stream = 1 + 2 * (i * 200 + k);
        return Buffer.concat([frame(frameType.HEADERS, flags.END_HEADERS, stream, callHeaders), frame(frameType.RST_STREAM, 0, stream, reset)]);
      }))]);
    }
    expect(await closed).toBe(true);
    expect([undefined, http2Error.ENHANCE_YOUR_CALM]).toContain(goAway());
    await until(() => server.counters.callsAtWork === 0 && server.counters.open === 1);
    expect(held.length).toBeGreaterThanOrEqual(resetsAtOnceMax);
    expect(held.length).toBeLessThan(2 * resetsAtOnceMax);
    expect(server.counters).toMatchObject({ unfinishedBytes: 0, outBytes: 0 });
    expect(await works()).toBe(true);
  });

  it('of streams that it has the server reset ends its connection too', async () => {
    const { server, port, works } = await serve();
    const { socket, closed, goAway } = await peer(port);
    for (let i = 0; i < 2 * resetsAtOnceMax && !socket.destroyed; i++) {
      const stream = 1 + 2 * i;
      // A window that grows by nothing: the server resets the stream.
      socket.write(Buffer.concat([frame(frameType.HEADERS, flags.END_HEADERS, stream, callHeaders), frame(frameType.WINDOW_UPDATE, 0, stream, u32(0))]));
      if (i % 100 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(await closed).toBe(true);
    expect([undefined, http2Error.ENHANCE_YOUR_CALM]).toContain(goAway());
    await until(() => server.counters.callsAtWork === 0);
    expect(await works()).toBe(true);
  });

  it('of resets of a stream that is over costs nothing: libraries may send them', async () => {
    const { port, works } = await serve();
    const { socket, frames, goAway } = await peer(port);
    const reset = frame(frameType.RST_STREAM, 0, 1, u32(8));
    socket.write(Buffer.concat([frame(frameType.HEADERS, flags.END_HEADERS, 1, callHeaders), ...Array.from({ length: 3 * resetsAtOnceMax }, () => reset), frame(frameType.PING, 0, 0, Buffer.alloc(8))]));
    await until(() => frames.some(({ type }) => type === frameType.PING));
    expect(goAway()).toBeUndefined();
    expect(await works()).toBe(true);
  });

  it('of frames without data ends its connection', async () => {
    const { server, port, works } = await serve();
    const { socket, closed, goAway } = await peer(port);
    socket.write(frame(frameType.HEADERS, flags.END_HEADERS, 1, callHeaders));
    socket.write(Buffer.concat(Array.from({ length: 200 }, () => frame(frameType.DATA, 0, 1))));
    expect(await closed).toBe(true);
    expect(goAway()).toBe(http2Error.ENHANCE_YOUR_CALM);
    expect(server.counters.callsAtWork).toBe(0);
    expect(await works()).toBe(true);
  });

  it.each([['settings', frame(frameType.SETTINGS, 0, 0)], ['pings', frame(frameType.PING, 0, 0, Buffer.alloc(8))]])('of %s whose answers are not read ends its connection', async (_name, one) => {
    const { server, port, works } = await serve();
    expect(await works()).toBe(true);
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
    await until(() => server.counters.open === 1);
    expect(server.counters).toMatchObject({ callsAtWork: 0, unfinishedBytes: 0, outBytes: 0, exceptions: 0 });
  });

  it('of settings and pings from one who reads them is answered, and others go on', async () => {
    const { server, port, works } = await serve();
    const { socket, frames } = await peer(port);
    for (let i = 0; i < 20; i++) writeAll(socket, [Buffer.concat(Array.from({ length: 100 }, () => Buffer.concat([frame(frameType.SETTINGS, 0, 0), frame(frameType.PING, 0, 0, Buffer.alloc(8))])))]);
    await until(() => frames.filter(({ type }) => type === frameType.PING).length === 2000);
    expect(await works()).toBe(true);
    expect(server.counters.exceptions).toBe(0);
  });

  it('of continuations of a header that never ends ends its connection', async () => {
    const { server, port, held, works } = await serve();
    const { socket, closed, goAway } = await peer(port);
    socket.write(frame(frameType.HEADERS, 0, 1, callHeaders));
    const more = frame(frameType.CONTINUATION, 0, 1, fields(['x-more', 'v'.repeat(100)]));
    for (let i = 0; i < 2000 && !socket.destroyed; i++) {
      socket.write(more);
      if (i % 50 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(await closed).toBe(true);
    expect([undefined, http2Error.ENHANCE_YOUR_CALM]).toContain(goAway());
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
    const { socket, resets } = await peer(port);
    writeAll(socket, Array.from({ length: 30 }, (_, i) => frame(frameType.HEADERS, flags.END_HEADERS, 1 + 2 * i, callHeaders)));
    await until(() => held.length >= 10);
    expect(await works()).toBe(true);
    expect(held).toHaveLength(10);
    await until(() => resets().length === 20);
    expect(new Set(resets().map(([, code]) => code))).toEqual(new Set([http2Error.REFUSED_STREAM]));
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

describe('a breach of the protocol', () => {
  const headers = frame(frameType.HEADERS, flags.END_HEADERS, 1, callHeaders);
  it.each<[string, Buffer, number]>([
    ['a frame longer than agreed', Buffer.from([0, 0x40, 1, 0, 0, 0, 0, 0, 1]), http2Error.FRAME_SIZE_ERROR],
    ['DATA without a stream', frame(frameType.DATA, 0, 0, Buffer.alloc(1)), http2Error.PROTOCOL_ERROR],
    ['DATA of a stream that was not opened', frame(frameType.DATA, 0, 1, Buffer.alloc(1)), http2Error.PROTOCOL_ERROR],
    ['a stream with an even number', frame(frameType.HEADERS, flags.END_HEADERS, 2, callHeaders), http2Error.PROTOCOL_ERROR],
    ['headers that are no HPACK', frame(frameType.HEADERS, flags.END_HEADERS, 1, Buffer.from([0xff, 0xff])), http2Error.COMPRESSION_ERROR],
    ['more padding than payload', frame(frameType.HEADERS, flags.END_HEADERS | flags.PADDED, 1, Buffer.from([9, 1])), http2Error.PROTOCOL_ERROR],
    ['another frame within headers', Buffer.concat([frame(frameType.HEADERS, 0, 1, callHeaders), frame(frameType.PING, 0, 0, Buffer.alloc(8))]), http2Error.PROTOCOL_ERROR],
    ['CONTINUATION of nothing', frame(frameType.CONTINUATION, 0, 1, callHeaders), http2Error.PROTOCOL_ERROR],
    ['a push', frame(frameType.PUSH_PROMISE, 0, 1, Buffer.alloc(4)), http2Error.PROTOCOL_ERROR],
    ['a PING of seven bytes', frame(frameType.PING, 0, 0, Buffer.alloc(7)), http2Error.FRAME_SIZE_ERROR],
    ['a PING of a stream', frame(frameType.PING, 0, 1, Buffer.alloc(8)), http2Error.PROTOCOL_ERROR],
    ['half a setting', frame(frameType.SETTINGS, 0, 0, Buffer.alloc(5)), http2Error.FRAME_SIZE_ERROR],
    ['an acknowledgement that says something', frame(frameType.SETTINGS, flags.ACK, 0, Buffer.alloc(6)), http2Error.FRAME_SIZE_ERROR],
    ['an initial window beyond 31 bits', frame(frameType.SETTINGS, 0, 0, setting(4, 0x8000_0000)), http2Error.FLOW_CONTROL_ERROR],
    ['a frame size that nobody may ask for', frame(frameType.SETTINGS, 0, 0, setting(5, 100)), http2Error.PROTOCOL_ERROR],
    ['a window of the connection beyond 31 bits', frame(frameType.WINDOW_UPDATE, 0, 0, u32(0x7fff_ffff)), http2Error.FLOW_CONTROL_ERROR],
    ['a window that grows by nothing', frame(frameType.WINDOW_UPDATE, 0, 0, u32(0)), http2Error.PROTOCOL_ERROR],
    ['a reset of a stream that was not opened', frame(frameType.RST_STREAM, 0, 5, u32(8)), http2Error.PROTOCOL_ERROR],
    ['a priority of four bytes', frame(frameType.PRIORITY, 0, 1, Buffer.alloc(4)), http2Error.FRAME_SIZE_ERROR],
  ])('%s: GOAWAY, and the connection ends', async (_name, bytes, code) => {
    const { server, port, works } = await serve();
    const { socket, closed, goAway } = await peer(port);
    socket.write(bytes);
    expect(await closed).toBe(true);
    expect(goAway()).toBe(code);
    expect(await works()).toBe(true);
    expect(server.counters).toMatchObject({ callsAtWork: 0, exceptions: 0 });
  });

  it.each<[string, Buffer, number]>([
    ['header names in capitals', frame(frameType.HEADERS, flags.END_HEADERS, 1, Buffer.concat([callHeaders, fields(['X-Name', 'a'])])), http2Error.PROTOCOL_ERROR],
    ['a pseudo-header behind others', frame(frameType.HEADERS, flags.END_HEADERS, 1, Buffer.concat([callHeaders, fields([':authority', 'b'])])), http2Error.PROTOCOL_ERROR],
    ['headers of HTTP/1', frame(frameType.HEADERS, flags.END_HEADERS, 1, Buffer.concat([callHeaders, fields(['connection', 'close'])])), http2Error.PROTOCOL_ERROR],
    ['no path', frame(frameType.HEADERS, flags.END_HEADERS, 1, fields([':method', 'POST'], [':scheme', 'http'])), http2Error.PROTOCOL_ERROR],
    ['a second header block that ends nothing', Buffer.concat([headers, frame(frameType.HEADERS, flags.END_HEADERS, 1, fields(['a', 'b']))]), http2Error.PROTOCOL_ERROR],
    ['data after the end', Buffer.concat([headers, frame(frameType.DATA, flags.END_STREAM, 1), frame(frameType.DATA, 0, 1, Buffer.alloc(1))]), http2Error.STREAM_CLOSED],
    ['a window of a stream beyond 31 bits', Buffer.concat([headers, frame(frameType.WINDOW_UPDATE, 0, 1, u32(0x7fff_ffff))]), http2Error.FLOW_CONTROL_ERROR],
  ])('%s: the stream is reset, others go on', async (_name, bytes, code) => {
    const { port, held } = await serve();
    const { socket, resets } = await peer(port);
    socket.write(Buffer.concat([bytes, frame(frameType.HEADERS, flags.END_HEADERS, 3, callHeaders)]));
    await until(() => resets().length > 0 && held.some((call) => call.open));
    expect(resets()).toEqual([[1, code]]);
  });

  it('more than the window of a stream: the stream is reset; what was taken is room again', async () => {
    const { server, port, held } = await serve();
    const { socket, frames, resets } = await peer(port);
    const streams = 12;
    // A message that is never whole; half a window of it on each stream, more than the connection's window together.
    const begun = Buffer.concat([Buffer.from([0, 0x7, 0, 0, 0]), Buffer.alloc(16_379)]);
    for (let i = 0; i < streams; i++) {
      socket.write(frame(frameType.HEADERS, flags.END_HEADERS, 1 + 2 * i, callHeaders));
      socket.write(frame(frameType.DATA, 0, 1 + 2 * i, begun));
      for (let k = 1; k < streamWindowBytes / 2 / 16_384; k++) socket.write(frame(frameType.DATA, 0, 1 + 2 * i, Buffer.alloc(16_384)));
    }
    await until(() => frames.filter(({ type, stream }) => type === frameType.WINDOW_UPDATE && stream > 0).length === streams);
    const given = frames.filter(({ type, stream }) => type === frameType.WINDOW_UPDATE && stream === 0).map(({ payload }) => payload.readUInt32BE(0));
    expect(given[0]).toBe(connectionWindowBytes - 65_535);
    expect(given.length).toBeGreaterThan(2);
    expect(held).toHaveLength(streams);
    socket.destroy();
    await until(() => server.counters.callsAtWork === 0);
    expect(server.counters.unfinishedBytes).toBe(0);
    expect(resets()).toEqual([]);
  });
});

describe('answers', () => {
  it('wait for the windows of their stream and connection, and come whole and in order', async () => {
    const { server, port, held } = await serve();
    // No stream may send anything yet.
    const { socket, frames } = await peer(port, { settings: setting(4, 0) });
    for (const id of [1, 3]) socket.write(frame(frameType.HEADERS, flags.END_HEADERS, id, callHeaders));
    await until(() => held.length === 2);
    const content = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i & 0xff));
    for (const call of held) {
      call.send(Buffer.concat([Buffer.alloc(grpcPrefixBytes), content]));
      call.send(Buffer.concat([Buffer.alloc(grpcPrefixBytes), Buffer.from('last')]));
      call.end();
    }
    await until(() => frames.some(({ type }) => type === frameType.HEADERS));
    const dataOf = (stream: number): Buffer => Buffer.concat(frames.filter((one) => one.type === frameType.DATA && one.stream === stream).map(({ payload }) => payload));
    expect([dataOf(1).length, dataOf(3).length]).toEqual([0, 0]);
    expect(server.counters.outBytes).toBe(2 * (100_000 + 4 + 2 * grpcPrefixBytes));
    socket.write(frame(frameType.WINDOW_UPDATE, 0, 3, u32(10)));
    await until(() => dataOf(3).length === 10);
    // Now streams have room, and together are held by the connection's.
    socket.write(frame(frameType.SETTINGS, 0, 0, setting(4, 1_000_000)));
    await until(() => dataOf(1).length + dataOf(3).length === 65_535);
    socket.write(frame(frameType.WINDOW_UPDATE, 0, 0, u32(1_000_000)));
    await until(() => frames.filter(({ type, flags: set }) => type === frameType.HEADERS && (set & flags.END_STREAM) !== 0).length === 2);
    for (const stream of [1, 3]) {
      const data = dataOf(stream);
      expect(data.subarray(0, 5)).toEqual(Buffer.from([0, 0, 1, 0x86, 0xa0]));
      expect(data.subarray(5, 100_005).equals(content)).toBe(true);
      expect(data.subarray(100_010).toString()).toBe('last');
    }
    await until(() => server.counters.outBytes === 0);
  });

  it('of a stream that is reset are dropped, and none is counted any more', async () => {
    const { server, port, held } = await serve();
    const { socket } = await peer(port, { settings: setting(4, 0) });
    socket.write(frame(frameType.HEADERS, flags.END_HEADERS, 1, callHeaders));
    await until(() => held.length === 1);
    held[0]?.send(Buffer.alloc(50_000));
    expect(server.counters.outBytes).toBe(50_000);
    socket.write(frame(frameType.RST_STREAM, 0, 1, u32(8)));
    await until(() => server.counters.callsAtWork === 0);
    expect(server.counters.outBytes).toBe(0);
  });
});

describe('a connection', () => {
  it('on which nothing moves says GOAWAY, and ends', async () => {
    const { server, port } = await serve({ idleMsMax: 50 });
    const { closed, goAway } = await peer(port);
    expect(await closed).toBe(true);
    expect(goAway()).toBe(http2Error.NO_ERROR);
    await until(() => server.counters.open === 0);
  });

  it('is read whatever pieces its bytes come in', async () => {
    const { port, held } = await serve();
    const { socket, frames } = await peer(port);
    socket.setNoDelay(true);
    const bytes = Buffer.concat([frame(frameType.HEADERS, 0, 1, callHeaders.subarray(0, 10)), frame(frameType.CONTINUATION, flags.END_HEADERS, 1, callHeaders.subarray(10)), frame(frameType.DATA, flags.END_STREAM, 1, message), frame(frameType.PING, 0, 0, Buffer.from('12345678'))]);
    for (const byte of bytes) {
      socket.write(Buffer.from([byte]));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await until(() => frames.some(({ type, payload }) => type === frameType.PING && payload.toString() === '12345678'));
    expect(held).toHaveLength(1);
  });

  it('that does not speak HTTP/2 ends', async () => {
    const { port } = await serve();
    const socket = netConnect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    const closed = new Promise<true>((resolve) => socket.once('close', () => resolve(true)));
    socket.resume();
    socket.write('GET / HTTP/1.1\r\n\r\n');
    expect(await closed).toBe(true);
  });
});
