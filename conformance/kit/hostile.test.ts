/** Whole runs against endpoints that are no RocketMQ, or want to hurt: each case gets a verdict in its time, and none is a fault of the kit. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Socket } from 'node:net';
import { allCases } from './cases/index.js';
import { RawConnection } from './connection.js';
import { discover, type Endpoint } from './endpoint.js';
import { featureNames } from './features.js';
import { createRng } from './rng.js';
import { runCases } from './runner.js';
import { ScriptedServer, type Script } from './testdata/scripted-server.js';
import { encodeFrame, rawFrame } from './wire/frame.js';

const servers: ScriptedServer[] = [];
afterEach(async () => {
  for (const one of servers.splice(0)) await one.stop();
});

async function serve(script: Script, greet?: (socket: Socket) => void): Promise<string> {
  const server = await ScriptedServer.start(script, greet);
  servers.push(server);
  return server.address;
}

function endpointAt(address: string): Endpoint {
  return {
    name: 'hostile', kind: 'hostile', version: '5.5.0', namesrv: address, broker: address, brokerName: 'b', cluster: 'c', grpc: undefined, storeDir: undefined,
    features: new Set(featureNames.filter((name) => !['grpc', 'store-dir', 'local', 'fast-port', 'acl'].includes(name))), keepsTopics: false, signer: undefined, profile: 'full',
  };
}

const success = (body: string | Buffer): Script => () => ({ code: 0, body, ext: { msgId: 'x', queueId: '0', queueOffset: '0', offset: '-1', nextBeginOffset: '1e99', maxOffset: 'NaN', minOffset: '' } });

/** Pages of frames nobody asked for, as fast as the kit reads, until it closes. */
function flood(socket: Socket): void {
  const page = Buffer.concat(Array.from({ length: 200 }, (_, i) => encodeFrame({ code: 40, opaque: i, flag: i % 2, body: 'x'.repeat(200) })));
  const more = (): void => {
    while (!socket.destroyed && socket.write(page));
  };
  socket.on('drain', more);
  more();
}

/** Says all that it read in reverse order and late. */
function reversed(): Script {
  const held: Buffer[] = [];
  return (request, socket) => {
    held.push(encodeFrame({ code: 0, opaque: request.opaque, flag: 1, body: '{}' }));
    setTimeout(() => { if (!socket.destroyed) for (const one of held.splice(0).reverse()) socket.write(one); }, 5);
    return undefined;
  };
}

/** One case in so many runs against each endpoint: other ones each time, some hundreds in all. */
const every = 40;

const endpoints: readonly { readonly what: string; readonly script: Script; readonly greet?: (socket: Socket) => void }[] = [
  { what: 'answers success and nothing else', script: success('') },
  { what: 'answers success and an empty object', script: success('{}') },
  { what: 'answers success and null', script: success('null') },
  { what: 'answers success and lists where objects are', script: success('[[],[1],"x"]') },
  { what: 'answers success and nested brackets', script: success('['.repeat(100_000)) },
  { what: 'answers success and random bytes', script: success(createRng(1, 'random bytes').bytes(300)) },
  { what: 'refuses everything', script: () => ({ code: 1, remark: 'no' }) },
  { what: 'closes at once', script: (_request, socket) => void socket.destroy() },
  { what: 'closes in the middle of a frame', script: (_request, socket) => void socket.end(rawFrame({ header: '{}', lengthWord: 500 })) },
  { what: 'lies about lengths', script: () => rawFrame({ header: '{}', lengthWord: 0x7ffffff0 }) },
  { what: 'speaks HTTP', script: () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') },
  { what: 'hangs', script: () => undefined },
  { what: 'answers late and out of order', script: reversed() },
  { what: 'floods', script: () => ({ code: 0 }), greet: flood },
];

describe.each(endpoints.map((one, number) => ({ ...one, number })))('an endpoint that $what', ({ script, greet, number }) => {
  it('gets a verdict for every case, none of them a fault of the kit', async () => {
    const endpoint = endpointAt(await serve(script, greet));
    const cases = (await allCases()).filter((one, i) => i % every === (number * 3) % every && one.area !== 'workload').map((one) => ({ ...one, timeoutMs: 250, exclusive: false, destructive: false }));
    const report = await runCases({ endpoint, cases, parallel: 48, timeoutMs: 250, cleanupMs: 250, seed: 1 });
    expect(report.cases.map((one) => one.name)).toEqual(cases.map((one) => one.name));
    expect(report.cases.filter((one) => one.failure?.kind === 'kit').map((one) => `${one.name}: ${one.failure?.stack ?? ''}`)).toEqual([]);
    expect(report.notes).toEqual([]);
  }, 240_000);

  it('is no endpoint, or one of which something is known, and discovery ends', async () => {
    const address = await serve(script, greet);
    const found = await discover({ namesrv: address, broker: address, timeoutMs: 200 }).then(() => 'found', (error: unknown) => (error instanceof Error ? error.name : String(error)));
    expect(['found', 'EndpointError']).toContain(found);
  }, 240_000);
});

describe('frames nobody asked for', () => {
  it('are kept only up to a bound, in bytes as well', async () => {
    const big = encodeFrame({ code: 40, opaque: 1, flag: 2, body: Buffer.alloc(4 * 1024 * 1024) });
    const address = await serve((request, socket) => {
      for (let i = 0; i < 20; i++) socket.write(big);
      return { opaque: request.opaque };
    });
    const connection = await RawConnection.open(address);
    await connection.request(1, {}, { timeoutMs: 20_000 });
    expect(connection.keptBytes).toBeLessThanOrEqual(64 * 1024 * 1024);
    connection.close();
  }, 240_000);
});
