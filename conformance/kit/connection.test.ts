import { afterEach, describe, expect, it } from '@jest/globals';
import { EndpointError, RawConnection, splitAddress } from './connection.js';
import { ScriptedServer, type Script } from './testdata/scripted-server.js';
import { encodeFrame, rawFrame } from './wire/frame.js';
import { WireLog } from './wire-log.js';

const open: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
});

async function connected(script: Script, log?: WireLog): Promise<RawConnection> {
  const server = await ScriptedServer.start(script);
  open.push(server);
  const connection = await RawConnection.open(server.address, log === undefined ? {} : { log, label: 'c' });
  open.push({ stop: () => connection.close() });
  return connection;
}

const kindOf = (run: Promise<unknown>): Promise<string> => run.then(() => 'success', (error: unknown) => (error instanceof EndpointError ? error.kind : `other: ${String(error)}`));

describe('a connection', () => {
  it('matches answers that come in another order', async () => {
    const held: Buffer[] = [];
    const connection = await connected((request, socket) => {
      held.unshift(encodeFrame({ code: request.code + 1, opaque: request.opaque, flag: 1 }));
      if (held.length === 3) socket.write(Buffer.concat(held));
      return undefined;
    });
    const answers = await Promise.all([connection.request(10), connection.request(20), connection.request(30)]);
    expect(answers.map((answer) => answer.code)).toEqual([11, 21, 31]);
  });

  it('gives what nobody asked for to nextFrame, before and after it is awaited', async () => {
    const connection = await connected((request, socket) => {
      socket.write(encodeFrame({ code: 40, opaque: 1, flag: 2 }));
      socket.write(encodeFrame({ code: 0, opaque: 999_999, flag: 1 }));
      return { opaque: request.opaque };
    });
    await connection.request(1);
    expect((await connection.nextRequest(40)).flag).toBe(2);
    expect((await connection.nextFrame((frame) => frame.opaque === 999_999)).code).toBe(0);
    expect(await kindOf(connection.nextFrame(undefined, 30))).toBe('timeout');
  });

  it.each<[string, Script, string, RegExp]>([
    ['hangs', () => undefined, 'timeout', /no answer from .* to GET_MAX_OFFSET\(30\) in 100 ms/],
    ['closes', (_request, socket) => void socket.end(), 'closed', /closed the connection$/],
    ['closes midway', (_request, socket) => void socket.end(rawFrame({ header: '{}', lengthWord: 500 })), 'closed', /in the middle of a frame/],
    ['resets', (_request, socket) => void socket.resetAndDestroy(), 'closed', /broke the connection|closed the connection/],
    ['lies about a length', () => rawFrame({ header: '{}', lengthWord: 0x7fffffff }), 'garbage', /frame length of 2147483647/],
    ['says a negative length', () => rawFrame({ header: '{}', lengthWord: -5 }), 'garbage', /frame length of -5/],
    ['lies about the header', () => rawFrame({ header: '{}', headerWord: 0xffff }), 'garbage', /header of 65535 bytes/],
    ['speaks HTTP', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'garbage', /frame length/],
    ['sends no JSON', () => rawFrame({ header: 'hello' }), 'garbage', /not JSON/],
    ['answers another opaque', () => ({ opaque: 77_777 }), 'timeout', /no answer/],
  ])('to an endpoint that %s ends in an EndpointError', async (_what, script, kind, text) => {
    const connection = await connected(script);
    const error: unknown = await connection.request(30, {}, { timeoutMs: 100 }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(EndpointError);
    expect([(error as EndpointError).kind, (error as EndpointError).message]).toEqual([kind, expect.stringMatching(text)]);
    if (kind !== 'timeout') {
      expect(connection.isOpen).toBe(false);
      expect((await connection.closed).reason).toMatch(text);
      expect(await kindOf(connection.request(30))).toBe(kind);
    }
  });

  it('that cannot be made is unreachable', async () => {
    const server = await ScriptedServer.start(() => undefined);
    await server.stop();
    expect(await kindOf(RawConnection.open(server.address))).toBe('unreachable');
    expect(await kindOf(RawConnection.open('nonsense'))).toBe('unreachable');
  });

  it('logs both directions with summary and hex', async () => {
    const log = new WireLog();
    const connection = await connected(() => ({ remark: 'fine', ext: { offset: 5 }, body: 'xyz' }), log);
    await connection.request(30, { topic: 'T' });
    const [, sent, received] = log.entries();
    expect(sent).toMatchObject({ direction: 'sent', connection: 'c', summary: 'GET_MAX_OFFSET(30) opaque 1 {topic: "T"}' });
    expect(received).toMatchObject({ direction: 'received', summary: 'answer SUCCESS(0) opaque 1 remark "fine" {offset: "5"} body 3 B' });
    expect(received?.hex.length).toBe((received?.bytes ?? 0) * 2);
  });
});

describe('a wire log', () => {
  it('keeps its first and last entries and a bounded number of bytes', () => {
    const log = new WireLog();
    for (let i = 0; i < 1000; i++) log.add('c', 'sent', `entry ${i}`, Buffer.alloc(3000));
    const entries = log.entries();
    expect(entries.length).toBe(201);
    expect([entries[0]?.summary, entries[100]?.summary, entries[200]?.summary]).toEqual(['entry 0', '800 entries left out', 'entry 999']);
    expect(entries[0]).toMatchObject({ bytes: 3000, hex: '00'.repeat(1024) });
    expect(entries.reduce((sum, entry) => sum + entry.hex.length / 2, 0)).toBeLessThanOrEqual(24 * 1024);
  });
});

describe('an address', () => {
  it.each([['127.0.0.1:9876', '127.0.0.1', 9876], ['[::1]:1', '::1', 1], ['broker.example:65535', 'broker.example', 65535]])('%s is read', (text, host, port) => {
    expect(splitAddress(text)).toEqual({ host, port });
  });

  it.each(['', 'x', 'x:', ':1', 'x:0', 'x:65536', 'a b:1', '::1:5'])("'%s' is none", (text) => {
    expect(splitAddress(text)).toBeUndefined();
  });
});
