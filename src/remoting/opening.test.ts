/** PROXY headers at every cut and in every damage; TLS and plain frames on one port, by mode; a certificate that changes while it serves. */
import { connect as netConnect } from 'node:net';
import { connect as tlsConnect, type ConnectionOptions } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { commandFlag } from '../codec/command.js';
import { WireError } from '../codec/errors.js';
import { encodeCommand } from '../codec/header.js';
import { requests } from '../codec/requests.js';
import { ManualClock, silentLog, systemClock } from './clocks.js';
import { RemotingClient } from './client.js';
import { Dispatcher } from './dispatch.js';
import { LaneSet } from './lanes.js';
import { proxyHeaderBytesMax, readProxyHeader } from './opening.js';
import { selfSigned } from './self-signed.js';
import { RemotingServer } from './server.js';
import { clientTls, ServerTls, tlsDefaults as defaults, type TlsConfig } from './tls.js';
import { EventTurn } from './turn.js';
import type { Clock } from './types.js';

const v1 = Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 5555 9876\r\n');
const v2 = Buffer.from('0d0a0d0a000d0a515549540a' + '2111000c' + 'c0000201' + 'c0000202' + '15b3' + '2694', 'hex');
const v2of6 = Buffer.from('0d0a0d0a000d0a515549540a' + '21210024' + '20010db8000000000000000000000001' + '20010db8000000000000000000000002' + '15b3' + '2694', 'hex');

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Rig {
  readonly port: number;
  readonly peers: string[];
  readonly server: RemotingServer;
}

async function rig(config: Partial<TlsConfig> = {}, files = new Map<string, string>(), clock: Clock = systemClock()): Promise<Rig> {
  const turn = new EventTurn((error) => {
    throw error;
  });
  const peers: string[] = [];
  const dispatcher = new Dispatcher({
    handlers: {
      GET_KV_CONFIG: (ctx, header) => {
        peers.push(ctx.connection.remoteAddress);
        return { code: 0, header: { value: header.key } };
      },
    },
    role: 'namesrv', lanes: new LaneSet(clock, {}), log: silentLog,
  });
  const tls = new ServerTls({ ...defaults, ...config }, (path) => Buffer.from(files.get(path) ?? fail(path)), clock, silentLog);
  tls.start();
  const server = new RemotingServer({ turn, clock, log: silentLog, dispatcher, tls });
  const { port } = await server.listen('127.0.0.1', 0);
  cleanups.push(async () => {
    tls.stop();
    for (const connection of server.connections) connection.destroy('shutdown');
    await server.close();
  });
  return { port, peers, server };
}

function fail(path: string): never {
  throw new Error(`no file ${path}`);
}

function frame(opaque: number): Buffer {
  return encodeCommand({ code: requests.GET_KV_CONFIG.code, opaque, flag: 0, ext: { namespace: 'n', key: 'k' } });
}

/** Sends chunks and resolves with whether an answer came before the connection closed. */
function ask(port: number, chunks: readonly Buffer[], tls?: ConnectionOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = tls === undefined ? netConnect({ host: '127.0.0.1', port }) : tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...tls });
    cleanups.push(() => void socket.destroy());
    socket.on('error', () => undefined);
    socket.on(tls === undefined ? 'connect' : 'secureConnect', () => {
      socket.setNoDelay(true);
      void (async () => {
        for (const chunk of chunks) {
          await new Promise<void>((written) => void socket.write(chunk, () => setImmediate(written)));
        }
      })();
    });
    socket.on('data', () => resolve(true));
    socket.on('close', () => resolve(false));
  });
}

describe('PROXY headers', () => {
  test('of both versions name the peer', () => {
    expect(readProxyHeader(Buffer.concat([v1, frame(1)]))).toEqual({ bytes: v1.length, source: '192.0.2.1:5555' });
    expect(readProxyHeader(Buffer.concat([v2, frame(1)]))).toEqual({ bytes: v2.length, source: '192.0.2.1:5555' });
    expect(readProxyHeader(v2of6)).toEqual({ bytes: v2of6.length, source: '2001:db8:0:0:0:0:0:1:5555' });
    expect(readProxyHeader(Buffer.from('PROXY UNKNOWN\r\n'))).toEqual({ bytes: 15, source: undefined });
    const local = Buffer.from(v2);
    local[12] = 0x20;
    expect(readProxyHeader(local)).toEqual({ bytes: v2.length, source: undefined });
  });

  test('are waited for at every cut', () => {
    for (const header of [v1, v2, v2of6]) {
      for (let n = 1; n < header.length; n++) expect(readProxyHeader(header.subarray(0, n))).toBe('more');
    }
    expect(readProxyHeader(frame(1))).toBeUndefined();
  });

  test('that cannot be read are refused', () => {
    const long = Buffer.from(v2);
    long.writeUInt16BE(proxyHeaderBytesMax - 15, 14);
    const bad = [
      'PROXY TCP4 192.0.2.1 192.0.2.2 5555\r\n', 'PROXY TCP4 192.0.2.1 192.0.2.2 5555 70000\r\n', 'PROXY TCP4 x 192.0.2.2 5555 1\r\n',
      'PROXY TCP4 300.0.2.1 192.0.2.2 5555 1\r\n', 'PROXY UDP4 192.0.2.1 192.0.2.2 5555 1\r\n', `PROXY ${'x'.repeat(200)}`, `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`,
    ].map((line) => Buffer.from(line));
    const version = Buffer.from(v2);
    version[12] = 0x31;
    const short = Buffer.from(v2);
    short.writeUInt16BE(4, 14);
    for (const bytes of [...bad, long, version, short]) expect(() => readProxyHeader(bytes)).toThrow(WireError);
  });

  test('of any bytes: a value or a WireError, and never beyond the bytes', () => {
    fc.assert(fc.property(fc.constantFrom(v1, v2, v2of6), fc.uint8Array({ maxLength: 64 }), fc.nat(60), (header, noise, at) => {
      const bytes = Buffer.concat([header, noise]);
      if (noise.length > 0) bytes[at % bytes.length] = noise[0] as number;
      try {
        const read = readProxyHeader(bytes);
        if (typeof read === 'object') expect(read.bytes).toBeLessThanOrEqual(bytes.length);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }));
  });
});

describe('one port', () => {
  test('serves plain frames, PROXY headers in pieces, and TLS, also behind a PROXY header', async () => {
    const { port, peers } = await rig();
    expect(await ask(port, [frame(1)])).toBe(true);
    expect(await ask(port, [v1, frame(2)])).toBe(true);
    expect(await ask(port, [v2.subarray(0, 5), v2.subarray(5, 17), Buffer.concat([v2.subarray(17), frame(3)])])).toBe(true);
    expect(await ask(port, [frame(4)], {})).toBe(true);
    const raw = netConnect({ host: '127.0.0.1', port });
    cleanups.push(() => void raw.destroy());
    await new Promise<void>((resolve) => void raw.write(v2, () => resolve()));
    const secured = tlsConnect({ socket: raw, rejectUnauthorized: false });
    secured.write(frame(5));
    await new Promise<void>((resolve) => secured.once('data', () => resolve()));
    expect(peers.map((peer) => peer.replace(/^127.*/, 'own'))).toEqual(['own', '192.0.2.1:5555', '192.0.2.1:5555', 'own', '192.0.2.1:5555']);
  });

  test('frames longer than one TLS record and many of them come through', async () => {
    const { port, server } = await rig();
    const many = Buffer.concat(Array.from({ length: 2000 }, (_, i) => frame(i)));
    expect(await ask(port, [many], {})).toBe(true);
    while (server.counters.framesIn < 2000) await new Promise((resolve) => setImmediate(resolve));
    expect(server.counters.framesIn).toBe(2000);
  });

  test('disabled: a handshake closes; enforcing: plain bytes close', async () => {
    const disabled = await rig({ 'tls.server.mode': 'disabled' });
    expect(await ask(disabled.port, [frame(1)], {})).toBe(false);
    expect(await ask(disabled.port, [frame(1)])).toBe(true);
    const enforcing = await rig({ 'tls.server.mode': 'enforcing' });
    expect(await ask(enforcing.port, [frame(1)], {})).toBe(true);
    expect(await ask(enforcing.port, [frame(1)])).toBe(false);
    expect(await ask(enforcing.port, [v1, frame(1)])).toBe(false);
  });

  test('a handshake that is none closes the connection and nothing else', async () => {
    const { port, server } = await rig();
    expect(await ask(port, [Buffer.concat([Buffer.from([0x16]), frame(1)])])).toBe(false);
    expect(await ask(port, [frame(1)])).toBe(true);
    expect(server.counters.exceptions).toBe(0);
  });

  test('an opening that does not go on is closed like a frame that does not', async () => {
    const clock = new ManualClock(1_000_000);
    const { port, server } = await rig({}, new Map(), clock);
    const gone = ask(port, [v2.subarray(0, 5)]);
    while (![...server.connections].some((connection) => connection.unfinishedSinceMs > 0)) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(31_000);
    expect(await gone).toBe(false);
    while (server.connectionCount > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(server.counters.closed.slowSender).toBe(1);
  });
});

describe('certificates', () => {
  test('ours is for localhost and signed by itself', () => {
    const { cert, key } = selfSigned(Date.UTC(2026, 0, 2));
    const x509 = new X509Certificate(cert);
    expect(x509.verify(x509.publicKey)).toBe(true);
    expect(x509.subject).toBe('CN=localhost');
    expect(x509.checkHost('localhost')).toBe('localhost');
    expect(x509.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(new Date(x509.validFrom).getTime()).toBe(Date.UTC(2026, 0, 1));
    expect(key).toContain('BEGIN PRIVATE KEY');
  });

  test('configured ones are served, checked, and taken anew when the files change together', async () => {
    const [first, second] = [selfSigned(Date.now()), selfSigned(Date.now())];
    const files = new Map([['/key', first.key], ['/cert', first.cert], ['/trust', first.cert]]);
    const clock = new ManualClock(Date.now());
    const { port } = await rig({
      'tls.test.mode.enable': false, 'tls.server.keyPath': '/key', 'tls.server.certPath': '/cert',
      'tls.server.need.client.auth': 'require', 'tls.server.authClient': true, 'tls.server.trustCertPath': '/trust',
    }, files, clock);
    const strict = (pair: { key: string; cert: string }, ca: string): ConnectionOptions => ({ ...pair, ca, rejectUnauthorized: true, servername: 'localhost' });
    expect(await ask(port, [frame(1)], strict(first, first.cert))).toBe(true);
    expect(await ask(port, [frame(1)], strict(second, first.cert))).toBe(false);
    expect(await ask(port, [frame(1)], { ca: first.cert, rejectUnauthorized: true, servername: 'localhost' })).toBe(false);
    files.set('/cert', second.cert);
    clock.advance(1000);
    expect(await ask(port, [frame(1)], strict(first, first.cert))).toBe(true);
    files.set('/key', second.key);
    clock.advance(1000);
    expect(await ask(port, [frame(1)], strict(first, first.cert))).toBe(false);
    expect(await ask(port, [frame(1)], strict(first, second.cert))).toBe(true);
  });

  test('a missing one refuses to start', () => {
    const start = (config: Partial<TlsConfig>): void => new ServerTls({ ...defaults, 'tls.test.mode.enable': false, ...config }, fail, systemClock(), silentLog).start();
    expect(() => start({})).toThrow(/tls\.server\.keyPath is not set/);
    expect(() => start({ 'tls.server.keyPath': '/k' })).toThrow(/tls\.server\.keyPath: no file \/k/);
    expect(() => start({ 'tls.server.mode': 'disabled' })).not.toThrow();
  });

  test('our own client dials with TLS', async () => {
    const { port } = await rig({ 'tls.server.mode': 'enforcing' });
    const clock = systemClock();
    const dial = async (tls: ConnectionOptions | undefined): Promise<number> => {
      const client = new RemotingClient({ turn: new EventTurn(() => undefined), clock, log: silentLog, tls });
      cleanups.push(() => client.close());
      return (await client.call(`127.0.0.1:${port}`, { code: requests.GET_KV_CONFIG.code, ext: { namespace: 'n', key: 'k' } }, 5000)).flag & commandFlag.response;
    };
    expect(await dial(clientTls({ ...defaults, 'tls.enable': true }, fail))).toBe(1);
    await expect(dial(clientTls(defaults, fail))).rejects.toThrow();
    await expect(dial(clientTls({ ...defaults, 'tls.enable': true, 'tls.test.mode.enable': false, 'tls.client.authServer': true }, fail))).rejects.toThrow(/self.signed/);
  });
});
