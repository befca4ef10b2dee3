import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { EndpointError } from '../connection.js';
import { WireLog } from '../wire-log.js';
import { framed, GrpcChannel } from './client.js';

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const one of open.splice(0).reverse()) one.close();
});

/** A server that does to each stream what the script says. */
async function channelTo(script: (stream: ServerHttp2Stream) => void, log = new WireLog()): Promise<GrpcChannel> {
  const server: Http2Server = createServer();
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    script(stream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(server);
  const channel = await GrpcChannel.open(`127.0.0.1:${(server.address() as AddressInfo).port}`, log);
  open.push(channel);
  return channel;
}

const answer = (stream: ServerHttp2Stream, status: string, ...bodies: readonly Buffer[]): void => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status, 'grpc-message': 'a%20b' }));
  for (const body of bodies) stream.write(body);
  stream.end();
};

describe('a gRPC call', () => {
  it('answers the messages however they are cut, the status and its text', async () => {
    const whole = Buffer.concat([framed(Buffer.from('one')), framed(Buffer.alloc(0)), framed(Buffer.from('three'))]);
    const channel = await channelTo((stream) => answer(stream, '5', ...[...whole].map((byte) => Buffer.from([byte]))));
    const outcome = await channel.call('M', Buffer.from('question'));
    expect(outcome.messages.map(String)).toEqual(['one', '', 'three']);
    expect([outcome.http, outcome.status, outcome.statusText]).toEqual([200, 5, 'a b']);
  });

  it('takes the status of an answer without a body from its headers', async () => {
    const channel = await channelTo((stream) => stream.respond({ ':status': 200, 'grpc-status': '12' }, { endStream: true }));
    expect((await channel.call('M', Buffer.alloc(0))).status).toBe(12);
  });

  it('ends when the endpoint ends it, though the client has not half-closed', async () => {
    const channel = await channelTo((stream) => answer(stream, '3'));
    const stream = channel.start('M');
    expect((await stream.end(2000)).status).toBe(3);
    await expect(stream.next(100)).rejects.toThrow('the stream ended');
  });

  it('is a timeout when nothing comes, and has no status when the stream is reset', async () => {
    const silent = await channelTo(() => undefined);
    await expect(silent.call('M', Buffer.alloc(0), { timeoutMs: 50 })).rejects.toThrow(EndpointError);
    const reset = await channelTo((stream) => stream.close(2));
    expect(await reset.call('M', Buffer.alloc(0))).toMatchObject({ status: undefined, reset: 2, messages: [] });
  });

  it('is written into the wire log with its bytes', async () => {
    const log = new WireLog();
    const channel = await channelTo((stream) => answer(stream, '0', framed(Buffer.from('pong'))), log);
    await channel.call('Ping', Buffer.from('ping'));
    expect(log.entries().map((entry) => [entry.direction, entry.hex])).toEqual([['sent', ''], ['sent', '70696e67'], ['received', '706f6e67'], ['received', '']]);
  });

  it('is unreachable where nothing speaks HTTP/2', async () => {
    await expect(GrpcChannel.open('127.0.0.1:1', new WireLog())).rejects.toMatchObject({ kind: 'unreachable' });
  });
});
