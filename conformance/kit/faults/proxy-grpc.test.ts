/** The fault proxy before a gRPC endpoint: the same faults, and sends whose answer is lost. */
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { framed, GrpcChannel } from '../grpc/client.js';
import { leadsTo } from '../grpc/route.js';
import { Code, type MethodName } from '../grpc/tables.js';
import { decode, encode } from '../grpc/wire.js';
import { WireLog } from '../wire-log.js';
import { FaultProxy } from './proxy.js';
import type { Fault, FaultName } from './schedule.js';

const fault = (name: FaultName, parameters: Fault['parameters'] = {}): Fault => ({ atMs: 0, fault: name, lastsMs: 0, parameters });

let server: Http2Server;
let proxy: FaultProxy;
/** Calls the endpoint has had. */
let seen: string[];
/** What routes name; undefined: the address they were asked at. */
let names: { host: string; port: number } | undefined;
const sessions = new Set<ServerHttp2Session>();
const open: GrpcChannel[] = [];

beforeEach(async () => {
  seen = [];
  names = undefined;
  server = createServer();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const method = (headers[':path'] ?? '').split('/').at(-1) ?? '';
      seen.push(method);
      const status = { code: Code.OK, message: method };
      const asked = method === 'QueryRoute' ? decode('QueryRouteRequest', Buffer.concat(chunks).subarray(5)) : undefined;
      const endpoints = names === undefined ? asked?.endpoints : { scheme: 1, addresses: [names] };
      const answer = method === 'QueryRoute' ? encode('QueryRouteResponse', { status, message_queues: [{ id: 0, broker: { name: 'b', endpoints } }] })
        : method === 'SendMessage' ? encode('SendMessageResponse', { status }) : encode('HeartbeatResponse', { status });
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(framed(answer));
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  proxy = await FaultProxy.start({ namesrv: '127.0.0.1:1', broker: '127.0.0.1:1', grpc: `127.0.0.1:${(server.address() as AddressInfo).port}` });
});

afterEach(async () => {
  for (const one of open.splice(0)) one.close();
  await proxy.stop();
  for (const one of sessions) one.destroy();
  sessions.clear();
  await new Promise<void>((resolve) => { server.close(() => resolve()); });
});

async function dial(): Promise<GrpcChannel> {
  const channel = await GrpcChannel.open(proxy.grpc ?? '', new WireLog());
  open.push(channel);
  return channel;
}

/** `answered`, or that the call ended otherwise. */
async function outcomeOf(channel: GrpcChannel, method: MethodName, timeoutMs = 2000): Promise<string> {
  try {
    const { status } = await channel.call(method, Buffer.alloc(0), { timeoutMs });
    return status === 0 ? 'answered' : 'broken';
  } catch {
    return 'broken';
  }
}

describe('the fault proxy before a gRPC endpoint', () => {
  it('passes calls, and knows endpoints that lead clients past it', async () => {
    expect(await outcomeOf(await dial(), 'Heartbeat')).toBe('answered');
    expect(await leadsTo(proxy.grpc ?? '', 'T')).toBe(true);
    names = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
    expect(await leadsTo(proxy.grpc ?? '', 'T')).toBe(false);
  });

  it('has no gRPC without an endpoint for it', async () => {
    const other = await FaultProxy.start({ namesrv: '127.0.0.1:1', broker: '127.0.0.1:1' });
    expect(other.grpc).toBeUndefined();
    await other.stop();
  });

  it('cuts, refuses, and takes connections again at the same address', async () => {
    const channel = await dial();
    const before = proxy.grpc;
    const heal = proxy.begin(fault('refuse', { by: 'reset' }));
    expect(await outcomeOf(channel, 'Heartbeat')).toBe('broken');
    await expect(dial()).rejects.toThrow(/no HTTP\/2 connection/);
    await heal();
    expect(proxy.grpc).toBe(before);
    const again = await dial();
    expect(await outcomeOf(again, 'Heartbeat')).toBe('answered');
    await proxy.begin(fault('cut', { by: 'fin' }))();
    expect(await outcomeOf(again, 'Heartbeat')).toBe('broken');
  });

  it('delays both directions', async () => {
    const channel = await dial();
    await outcomeOf(channel, 'Heartbeat');
    proxy.begin(fault('delay', { toServerMs: 60, toClientMs: 80, jitterMs: 0 }));
    const begun = performance.now();
    await outcomeOf(channel, 'Heartbeat');
    expect(performance.now() - begun).toBeGreaterThanOrEqual(138);
  });

  it('cuts between a send and its answer, on the connection of the send alone', async () => {
    const [one, two] = [await dial(), await dial()];
    const heal = proxy.begin(fault('duplicate-retry', { every: 2, by: 'reset' }));
    expect(await outcomeOf(one, 'SendMessage')).toBe('answered');
    expect(await outcomeOf(one, 'Heartbeat')).toBe('answered'); // no send: it passes
    expect(await outcomeOf(one, 'SendMessage')).toBe('broken');
    expect(seen).toEqual(['SendMessage', 'Heartbeat', 'SendMessage']);
    expect(proxy.counts.answersLost).toBe(1);
    expect(await outcomeOf(two, 'Heartbeat')).toBe('answered');
    await heal();
    for (let i = 0; i < 4; i++) expect(await outcomeOf(two, 'SendMessage')).toBe('answered');
  });
});
