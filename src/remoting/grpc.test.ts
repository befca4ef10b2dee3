import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { afterEach, describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { WireError } from '../codec/errors.js';
import { systemClock } from './clocks.js';
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

describe('headers', () => {
  it.each([['3S', 3000], ['250m', 250], ['2M', 120_000], ['1H', 3_600_000], ['5u', 0.005], ['99999999n', 99.999999], ['', undefined], ['5', undefined], ['-1S', undefined], ['123456789S', undefined], ['1s', undefined]])('grpc-timeout %s', (text, expected) => {
    const got = readTimeout(text);
    if (expected === undefined) expect(got).toBeUndefined();
    else expect(got).toBeCloseTo(expected, 6);
  });

  it('grpc-message is ASCII with the rest in percent', () => {
    expect(statusText('plain text, 100%')).toBe('plain text, 100%25');
    expect(statusText('ü\n')).toBe('%C3%BC%0A');
  });
});
