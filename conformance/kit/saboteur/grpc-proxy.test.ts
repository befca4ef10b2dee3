/** The gRPC proxy: honest it is not noticed, down to trailers, refusals and streams; with hooks it does what they say, and no more. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer, type Http2Server } from 'node:http2';
import { GrpcChannel, framed } from '../grpc/client.js';
import { Code } from '../grpc/tables.js';
import { decode, encode } from '../grpc/wire.js';
import { WireLog } from '../wire-log.js';
import { GrpcProxy, type GrpcHooks } from './grpc-proxy.js';

let server: Http2Server;
let address = '';
const open: { stop(): Promise<void> | void }[] = [];
beforeEach(async () => {
  server = createServer();
  server.on('stream', (stream, headers) => {
    if (headers[':path']?.endsWith('/Heartbeat') !== true) {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' }, { endStream: true });
      return;
    }
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const group = decode('HeartbeatRequest', Buffer.concat(chunks).subarray(5)).group?.name;
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-client': String(headers['x-mq-client-id']) }));
      stream.write(framed(encode('HeartbeatResponse', { status: { code: Code.OK, message: group ?? '' } })));
      stream.end(framed(encode('HeartbeatResponse', { status: { code: Code.OK, message: 'second' } })));
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const at = server.address();
  address = `127.0.0.1:${at === null || typeof at === 'string' ? 0 : at.port}`;
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
  await new Promise<void>((resolve) => { server.close(() => resolve()); });
});

async function ask(hooks: GrpcHooks | undefined, method: 'Heartbeat' | 'QueryRoute' = 'Heartbeat'): Promise<{ status: number | undefined; client: unknown; texts: (string | undefined)[]; faults: number }> {
  const proxy = await GrpcProxy.start({ grpc: address, ...(hooks === undefined ? {} : { hooks }) });
  const channel = await GrpcChannel.open(proxy.grpc, new WireLog());
  open.push(proxy, { stop: () => channel.close() });
  const outcome = await channel.call(method, encode('HeartbeatRequest', { group: { name: 'g' } }), { headers: { 'x-mq-client-id': 'c' } });
  return { status: outcome.status, client: outcome.trailers['x-client'], texts: outcome.messages.map((message) => decode('HeartbeatResponse', message).status?.message), faults: proxy.faults.length };
}

describe('the gRPC proxy', () => {
  it('is honest without hooks', async () => {
    expect(await ask(undefined)).toEqual({ status: 0, client: 'c', texts: ['g', 'second'], faults: 0 });
    expect(await ask(undefined, 'QueryRoute')).toMatchObject({ status: 12, texts: [] });
  });

  it('alters requests and answers, drops and doubles answers, and answers by itself', async () => {
    expect((await ask({ request: (request) => ({ ...request, group: { name: 'other' } }) })).texts).toEqual(['other', 'second']);
    let seen = 0;
    expect((await ask({ answer: (answer) => (++seen === 1 ? 'drop' : [answer, answer]) })).texts).toEqual(['second', 'second']);
    expect(await ask({ pretend: (_request, call) => ({ status: { code: Code.OK, message: `pretended ${call.method}` } }) })).toMatchObject({ status: 0, texts: ['pretended Heartbeat'] });
  });

  it('notes what a sabotage throws, and stays honest', async () => {
    expect(await ask({ answer: () => { throw new Error('a fault of the catalogue'); } })).toEqual({ status: 0, client: 'c', texts: ['g', 'second'], faults: 2 });
  });
});
