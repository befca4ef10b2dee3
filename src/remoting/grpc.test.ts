import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { connect as netConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { WireError } from '../codec/errors.js';
import { systemClock } from './clocks.js';
import { ServerTls, tlsDefaults } from './tls.js';
import { GrpcServer, grpcPrefixBytes, readTimeout, statusText, type GrpcCall, type GrpcHandler, type GrpcLimits } from './grpc.js';

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const open: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
});

/** A message of the transport: five bytes to fill, then the content. */
const part = (text: string): Buffer => Buffer.concat([Buffer.alloc(grpcPrefixBytes), Buffer.from(text)]);
const framed = (content: Buffer, flag = 0, length = content.length): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt8(flag, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, content]);
};

const echo: GrpcHandler = { kind: 'unary', call: (call, message) => {
  call.send(part(`got ${message.toString()}`));
  call.end();
} };

async function serve(handlers: Readonly<Record<string, GrpcHandler>>, limits: Partial<GrpcLimits> = {}): Promise<{ server: GrpcServer; session: ClientHttp2Session }> {
  const server = new GrpcServer({ handlers: new Map(Object.entries(handlers)), clock: systemClock(false), log, limits });
  const { port } = await server.listen('127.0.0.1', 0);
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  open.push({ stop: () => server.close() }, { stop: () => session.destroy() });
  return { server, session };
}

interface Outcome { readonly status: string | undefined; readonly message: string | undefined; readonly http: unknown; readonly bodies: string[] }

/** One call: bytes there, all that comes back. */
function call(session: ClientHttp2Session, path: string, chunks: readonly Buffer[], headers: Readonly<Record<string, string>> = {}, halfClose = true): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', 'te': 'trailers', ...headers });
    let first: IncomingHttpHeaders = {};
    let last: IncomingHttpHeaders = {};
    let data = Buffer.alloc(0);
    stream.on('response', (got) => (first = got));
    stream.on('trailers', (got: IncomingHttpHeaders) => (last = got));
    stream.on('data', (chunk: Buffer) => (data = Buffer.concat([data, chunk])));
    stream.on('error', reject);
    stream.on('end', () => {
      const bodies: string[] = [];
      for (let at = 0; at < data.length;) {
        const length = data.readUInt32BE(at + 1);
        bodies.push(data.toString('utf8', at + 5, at + 5 + length));
        at += 5 + length;
      }
      const text = (name: string): string | undefined => (last[name] ?? first[name]) as string | undefined;
      resolve({ status: text('grpc-status'), message: text('grpc-message'), http: first[':status'], bodies });
      stream.end();
    });
    for (const chunk of chunks) stream.write(chunk);
    if (halfClose) stream.end();
  });
}

describe('a unary call', () => {
  it('is answered with a message and status 0, however its bytes are cut', async () => {
    const { session } = await serve({ '/s/Echo': echo });
    const whole = framed(Buffer.from('hello'));
    expect(await call(session, '/s/Echo', [whole])).toEqual({ status: '0', message: undefined, http: 200, bodies: ['got hello'] });
    expect((await call(session, '/s/Echo', [...whole].map((byte) => Buffer.from([byte])))).bodies).toEqual(['got hello']);
  });

  it('is read when it is compressed with gzip', async () => {
    const { session } = await serve({ '/s/Echo': echo });
    expect((await call(session, '/s/Echo', [framed(gzipSync('squeezed'), 1)], { 'grpc-encoding': 'gzip' })).bodies).toEqual(['got squeezed']);
  });

  it.each<[string, Buffer[], Readonly<Record<string, string>>, string]>([
    ['without a message', [], {}, '13'], ['with two messages', [framed(Buffer.from('a')), framed(Buffer.from('b'))], {}, '13'],
    ['that ends in the middle of one', [framed(Buffer.from('abc')).subarray(0, 6)], {}, '13'], ['compressed without saying so', [framed(gzipSync('x'), 1)], {}, '13'],
    ['compressed and broken', [framed(Buffer.from('no gzip'), 1)], { 'grpc-encoding': 'gzip' }, '13'], ['in an unknown encoding', [framed(Buffer.from('a'))], { 'grpc-encoding': 'br' }, '12'],
    ['with a message over the limit', [framed(Buffer.alloc(0), 0, 1001)], {}, '8'],
  ])('%s ends with an error', async (_name, chunks, headers, status) => {
    const { server, session } = await serve({ '/s/Echo': echo }, { messageBytesMax: 1000 });
    expect(await call(session, '/s/Echo', chunks, headers)).toMatchObject({ status, bodies: [] });
    expect((await call(session, '/s/Echo', [framed(Buffer.from('x'))])).status).toBe('0');
    expect(server.counters).toMatchObject({ refused: 1, unfinishedBytes: 0, exceptions: 0 });
  });

  it('is UNIMPLEMENTED, 405 or 415 when it is not a call of ours', async () => {
    const { session } = await serve({ '/s/Echo': echo });
    expect(await call(session, '/s/Other', [])).toMatchObject({ http: 200, status: '12', message: 'Method not found: s/Other' });
    expect(await call(session, '/s/Echo', [], { ':method': 'PUT' })).toMatchObject({ http: 405 });
    expect(await call(session, '/s/Echo', [], { 'content-type': 'text/plain' })).toMatchObject({ http: 415 });
  });

  it('ends with INTERNAL when its handler throws, and only a defect is counted as one', async () => {
    const { server, session } = await serve({
      '/s/Wire': { kind: 'unary', call: () => { throw new WireError('no protobuf'); } }, '/s/Defect': { kind: 'unary', call: () => { throw new TypeError('oops: ü'); } },
    });
    expect(await call(session, '/s/Wire', [framed(Buffer.alloc(1))])).toMatchObject({ status: '13', message: 'no protobuf' });
    expect(server.counters.exceptions).toBe(0);
    expect(await call(session, '/s/Defect', [framed(Buffer.alloc(1))])).toMatchObject({ status: '13', message: 'TypeError: oops: %C3%BC' });
    expect(server.counters.exceptions).toBe(1);
  });

  it('holds no more of unfinished messages than the limit for all calls', async () => {
    const { server, session } = await serve({ '/s/Echo': echo }, { unfinishedBytesMax: 2000, messageBytesMax: 10_000 });
    expect(await call(session, '/s/Echo', [framed(Buffer.alloc(3000), 0, 9000)], {}, false)).toMatchObject({ status: '8' });
    expect(server.counters.unfinishedBytes).toBe(0);
  });
});

describe('a streaming call', () => {
  it('is opened at once, gets each message, and ends when its handler ends it', async () => {
    const seen: string[] = [];
    const { session } = await serve({ '/s/Talk': { kind: 'streaming', open: (one) => ({
      message: (message) => {
        seen.push(message.toString());
        one.send(part(`re ${message.toString()}`));
        if (seen.length === 2) one.end(3, 'enough');
      },
      halfClosed: () => one.end(),
    }) } });
    expect(await call(session, '/s/Talk', [framed(Buffer.from('a')), framed(Buffer.from('b'))], {}, false)).toEqual({ status: '3', message: 'enough', http: 200, bodies: ['re a', 're b'] });
  });

  it('tells its handler when the caller goes', async () => {
    let gone: (() => void) | undefined;
    const closed = new Promise<void>((resolve) => (gone = resolve));
    let held: GrpcCall | undefined;
    const { server, session } = await serve({ '/s/Talk': { kind: 'streaming', open: (one) => {
      held = one;
      one.onClose(() => gone?.());
      return { message: () => undefined, halfClosed: () => undefined };
    } } });
    const stream = session.request({ ':method': 'POST', ':path': '/s/Talk', 'content-type': 'application/grpc' });
    stream.on('error', () => undefined);
    stream.write(framed(Buffer.from('a')).subarray(0, 3));
    await new Promise<void>((resolve) => {
      const poll = (): void => (held === undefined || server.counters.unfinishedBytes === 0 ? void setTimeout(poll, 5) : resolve());
      poll();
    });
    session.destroy();
    await closed;
    expect(held?.open).toBe(false);
    held?.send(part('into the void'));
    expect(server.counters).toMatchObject({ callsAtWork: 0, unfinishedBytes: 0, outBytes: 0 });
  });
});

describe('a server', () => {
  it('takes no more connections than its limit', async () => {
    const { server, session } = await serve({ '/s/Echo': echo }, { connectionsMax: 1 });
    await call(session, '/s/Echo', [framed(Buffer.from('a'))]);
    const second = connect(session.originSet?.[0] ?? `http://127.0.0.1:${(session.socket.remotePort ?? 0)}`);
    const ended = new Promise<void>((resolve) => {
      second.on('error', () => undefined);
      second.on('close', () => resolve());
    });
    await ended;
    expect(server.counters.open).toBe(1);
  });

  it('waits for calls at work when it drains, and refuses new ones', async () => {
    let release: (() => void) | undefined;
    const { server, session } = await serve({ '/s/Slow': { kind: 'unary', call: (one) => {
      release = () => {
        one.send(part('late'));
        one.end();
      };
    } }, '/s/Echo': echo });
    const slow = call(session, '/s/Slow', [framed(Buffer.from('a'))]);
    await new Promise<void>((resolve) => {
      const poll = (): void => (release === undefined ? void setTimeout(poll, 5) : resolve());
      poll();
    });
    const drained = server.drain(5000);
    expect(await call(session, '/s/Echo', [framed(Buffer.from('b'))])).toMatchObject({ status: '14' });
    release?.();
    expect((await slow).bodies).toEqual(['late']);
    await drained;
  });
});

describe('a deadline', () => {
  const resetOf = (session: ClientHttp2Session, path: string, timeout: string, halfClose = true): Promise<{ code: number; headers: boolean }> => new Promise((resolve) => {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', 'te': 'trailers', 'grpc-timeout': timeout });
    let headers = false;
    stream.on('response', () => (headers = true));
    stream.on('error', () => undefined);
    stream.on('close', () => resolve({ code: stream.rstCode ?? 0, headers }));
    stream.resume();
    stream.write(framed(Buffer.from('a')));
    if (halfClose) stream.end();
  });

  it.each([['0n', 8], ['0S', 8], ['-1S', 8], ['garbage', 2], ['', 2], ['999999999S', 2]])('of %j resets the call with %i before its handler is asked; others go on', async (timeout, code) => {
    let asked = 0;
    const { server, session } = await serve({ '/s/Echo': { kind: 'unary', call: (one, message) => {
      asked++;
      one.send(part(`got ${message.toString()}`));
      one.end();
    } } });
    expect(await resetOf(session, '/s/Echo', timeout)).toEqual({ code, headers: false });
    expect(asked).toBe(0);
    expect(server.counters).toMatchObject({ callsAtWork: 0, unfinishedBytes: 0, refused: 1 });
    expect((await call(session, '/s/Echo', [framed(Buffer.from('b'))], { 'grpc-timeout': '99999999H' })).bodies).toEqual(['got b']);
  });

  it.each([['unary', true], ['streaming', false]] as const)('that passes cancels a %s call, and its handler is told', async (kind, halfClose) => {
    let gone = 0;
    const held = (one: GrpcCall): void => one.onClose(() => gone++);
    const handler: GrpcHandler = kind === 'unary' ? { kind, call: held } : { kind, open: (one) => {
      held(one);
      one.send(part('open'));
      return { message: () => undefined, halfClosed: () => undefined };
    } };
    const { server, session } = await serve({ '/s/Hold': handler, '/s/Echo': echo });
    expect(await resetOf(session, '/s/Hold', '1m', halfClose)).toEqual({ code: 8, headers: kind === 'streaming' });
    expect(gone).toBe(1);
    expect(server.counters.callsAtWork).toBe(0);
    expect((await call(session, '/s/Echo', [framed(Buffer.from('b'))], { 'grpc-timeout': '60S' })).bodies).toEqual(['got b']);
  });
});

describe('TLS', () => {
  const readNothing = (): Buffer => {
    throw new Error('no file is read');
  };

  it.each(['permissive', 'enforcing', 'disabled'] as const)('is taken on the same port by ALPN h2, or not: %s', async (mode) => {
    const tls = new ServerTls({ ...tlsDefaults, 'tls.server.mode': mode, 'tls.test.mode.enable': true }, readNothing, systemClock(false), log, ['h2']);
    const server = new GrpcServer({ handlers: new Map([['/s/Echo', echo]]), clock: systemClock(false), log, tls });
    const { port } = await server.listen('127.0.0.1', 0);
    open.push({ stop: () => server.close() });
    const answered = async (scheme: string): Promise<boolean> => {
      const session = connect(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false });
      open.push({ stop: () => session.destroy() });
      const closed = new Promise<false>((resolve) => {
        session.on('error', () => resolve(false));
        session.on('close', () => resolve(false));
      });
      const works = call(session, '/s/Echo', [framed(Buffer.from('hello'))]).then((outcome) => outcome.bodies[0] === 'got hello', () => false);
      return Promise.race([works, closed]);
    };
    expect([await answered('https'), await answered('http')]).toEqual([mode !== 'disabled', mode !== 'enforcing']);
    expect(server.counters.exceptions).toBe(0);
  });
});

describe('a PROXY header', () => {
  /** A session whose socket says `before` first, in these pieces. */
  async function behind(before: readonly Buffer[], scheme: 'http' | 'https' = 'http'): Promise<{ peers: string[]; works: () => Promise<string | undefined>; closed: Promise<true> }> {
    const peers: string[] = [];
    const who: GrpcHandler = { kind: 'unary', call: (one) => {
      peers.push(`${one.peer.address} ${one.peer.port} ${one.peer.localAddress}`);
      one.end();
    } };
    const tls = new ServerTls({ ...tlsDefaults, 'tls.test.mode.enable': true }, () => Buffer.alloc(0), systemClock(false), log, ['h2']);
    const server = new GrpcServer({ handlers: new Map([['/s/Who', who]]), clock: systemClock(false), log, tls });
    const { port } = await server.listen('127.0.0.1', 0);
    const socket = netConnect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.setNoDelay(true);
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    const closed = new Promise<true>((resolve) => socket.once('close', () => resolve(true)));
    for (const piece of before) {
      socket.write(piece);
      await new Promise<void>((resolve) => setTimeout(resolve, 5));
    }
    const session = connect(`${scheme}://127.0.0.1:${port}`, {
      createConnection: () => (scheme === 'http' ? socket : tlsConnect({ socket, rejectUnauthorized: false, ALPNProtocols: ['h2'] })),
    });
    session.on('error', () => undefined);
    open.push({ stop: () => server.close() }, { stop: () => session.destroy() });
    return { peers, closed, works: async () => (await call(session, '/s/Who', [framed(Buffer.from('a'))])).status };
  }

  const v1 = Buffer.from('PROXY TCP4 192.0.2.7 127.0.0.1 5555 8081\r\n');
  const v2 = Buffer.concat([Buffer.from('0d0a0d0a000d0a515549540a2111000c', 'hex'), Buffer.from([192, 0, 2, 8, 127, 0, 0, 1, 0x15, 0xb3, 0x1f, 0x91])]);
  const v2six = Buffer.concat([Buffer.from('0d0a0d0a000d0a515549540a21210024', 'hex'), Buffer.from('20010db8000000000000000000000001', 'hex'), Buffer.alloc(16), Buffer.from([0x15, 0xb3, 0x1f, 0x91])]);

  it.each<[string, readonly Buffer[], string]>([
    ['of version 1', [v1], '192.0.2.7 5555 127.0.0.1'],
    ['of version 1 in pieces', [v1.subarray(0, 3), v1.subarray(3, 20), v1.subarray(20)], '192.0.2.7 5555 127.0.0.1'],
    ['of version 2', [v2], '192.0.2.8 5555 127.0.0.1'],
    ['of version 2 in pieces', [v2.subarray(0, 7), v2.subarray(7)], '192.0.2.8 5555 127.0.0.1'],
    ['of version 2 with IPv6', [v2six], '2001:db8:0:0:0:0:0:1 5555 127.0.0.1'],
  ])('%s names who calls, in clear text and in TLS', async (_name, pieces, expected) => {
    for (const scheme of ['http', 'https'] as const) {
      const { peers, works } = await behind(pieces, scheme);
      expect(await works()).toBe('0');
      expect(peers).toEqual([expected]);
    }
  });

  it('that names nobody leaves the socket\'s own end', async () => {
    const { peers, works } = await behind([Buffer.from('PROXY UNKNOWN\r\n')]);
    expect(await works()).toBe('0');
    expect(peers[0]).toMatch(/^127\.0\.0\.1 \d+ 127\.0\.0\.1$/);
  });

  it.each([['PROXY TCP4 1.2.3.4 5 6 7\r\n'], [`PROXY ${'x'.repeat(200)}`], ['PROXY TCP4 300.1.1.1 1.1.1.1 1 1\r\n']])('%s closes the connection', async (text) => {
    expect(await (await behind([Buffer.from(text)])).closed).toBe(true);
  });

  it('comes once: a second one is no HTTP/2', async () => {
    expect(await (await behind([v1, v1])).closed).toBe(true);
  });
});

describe('headers', () => {
  it.each([
    ['3S', 3000], ['250m', 250], ['2M', 120_000], ['1H', 3_600_000], ['5u', 0.005], ['99999999n', 99.999999], ['99999999H', 359_999_996_400_000], ['+5S', 5000], ['00000005S', 5000], ['0n', 0], ['-1S', -1000],
  ])('grpc-timeout %s', (text, expected) => {
    expect(readTimeout(text)).toBeCloseTo(expected, 6);
  });

  // What Apache's proxy takes for none: asked, each.
  it.each(['', '5', 'S', '5s', '5D', '5SS', ' 5S', '5S ', '5.5S', '1e3m', '0x10S', 'garbage', '999999999S', '-99999999H'])('grpc-timeout %j cannot be read', (text) => {
    expect(readTimeout(text)).toBeNaN();
  });

  it('grpc-message is ASCII with the rest in percent', () => {
    expect(statusText('plain text, 100%')).toBe('plain text, 100%25');
    expect(statusText('ü\n')).toBe('%C3%BC%0A');
  });
});
