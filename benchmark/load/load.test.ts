/** The generator against a small broker of the test's own, which answers, refuses, delays or keeps silent as told. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { frameOf } from './frames.js';
import { runLoad } from './load.js';
import { figuresOf } from '../figures.js';
import type { LoadSpec } from './spec.js';

interface Request {
  readonly code: number;
  readonly opaque: number;
  readonly extFields: Record<string, string>;
}

const servers: Server[] = [];
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

async function brokerThat(answer: (request: Request, reply: (header: string, body?: Buffer) => void) => void): Promise<string> {
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let pending: Buffer = Buffer.alloc(0);
    socket.on('data', (data: Buffer) => {
      pending = Buffer.concat([pending, data]);
      while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
        const end = 4 + pending.readInt32BE(0);
        const headerEnd = 8 + (pending.readInt32BE(4) & 0xffffff);
        const request = JSON.parse(pending.toString('utf8', 8, headerEnd)) as Request;
        pending = pending.subarray(end);
        answer(request, (header, body) => socket.write(frameOf(header, body)));
      }
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Ends every call at once, with trailers that say why. */
async function grpcThatRefuses(why: string, onCall: () => void): Promise<string> {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')]);
  const trailers = Buffer.concat([Buffer.from([0x88, 0]), text('grpc-status'), text('3'), Buffer.from([0]), text('grpc-message'), text(why)]);
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let pending: Buffer = Buffer.alloc(0);
    let greeted = false;
    socket.on('data', (data: Buffer) => {
      pending = Buffer.concat([pending, data]);
      if (!greeted && pending.length >= 24) {
        greeted = true;
        pending = pending.subarray(24);
        socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
      }
      while (greeted && pending.length >= 9 && pending.length >= 9 + pending.readUIntBE(0, 3)) {
        const head = pending.subarray(0, 9);
        pending = pending.subarray(9 + head.readUIntBE(0, 3));
        if (head[3] !== 1) continue;
        onCall();
        const answer = Buffer.from([0, 0, trailers.length, 1, 5, 0, 0, 0, 0]);
        head.copy(answer, 5, 5);
        socket.write(Buffer.concat([answer, trailers]));
      }
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const ok = (opaque: number): string => `{"code":0,"flag":1,"language":"JAVA","opaque":${opaque},"serializeTypeCurrentRPC":"JSON","version":513}`;
const spec = (address: string, over: Partial<LoadSpec>): LoadSpec => ({ address, topic: 'T', queues: 4, warmupMs: 50, measureMs: 200, pids: [], ...over });

describe('closed loop', () => {
  test('keeps no more than the window in flight, uses every queue and counts only what was acknowledged', async () => {
    let inFlight = 0;
    let inFlightMax = 0;
    const address = await brokerThat((request, reply) => {
      inFlightMax = Math.max(inFlightMax, ++inFlight);
      setImmediate(() => {
        inFlight--;
        reply(ok(request.opaque));
      });
    });
    const outcome = await runLoad(spec(address, { send: { connections: 2, window: 8, batch: 4, bodyBytes: 64 } }));
    const figures = figuresOf(outcome);
    expect(figures.errors).toEqual([]);
    expect(inFlightMax).toBeLessThanOrEqual(16);
    expect(outcome.send?.messages).toBe((outcome.send?.requests ?? 0) * 4);
    expect(outcome.send?.requests).toBeGreaterThan(0);
    expect(outcome.send?.latency.count).toBe(outcome.send?.requests);
    expect(figures.perQueue.every((count) => count > 0)).toBe(true);
  });

  test('sends exactly the messages of a backlog', async () => {
    const seen = [0, 0, 0, 0];
    const address = await brokerThat((request, reply) => {
      const queueId = Number(request.extFields['e']);
      seen[queueId] = (seen[queueId] ?? 0) + 10;
      reply(ok(request.opaque));
    });
    const outcome = await runLoad(spec(address, { measureMs: 10_000, send: { connections: 2, window: 2, batch: 10, bodyBytes: 64, messagesMax: 400 } }));
    expect(outcome.send?.perQueue).toEqual(seen);
    expect(outcome.send?.messages).toBe(400);
    expect(outcome.errors).toEqual([]);
  });

  test('refusals are errors, counted with their remark and not as messages', async () => {
    let n = 0;
    const address = await brokerThat((request, reply) => {
      reply(n++ % 2 === 0 ? ok(request.opaque) : `{"code":2,"flag":1,"opaque":${request.opaque},"remark":"busy for ${n} ms"}`);
    });
    const outcome = await runLoad(spec(address, { send: { connections: 1, window: 4, batch: 1, bodyBytes: 64 } }));
    expect(outcome.errors.map(({ what }) => what)).toEqual(['code 2: busy for N ms']);
    const acknowledged = (outcome.send?.perQueue ?? []).reduce((sum, count) => sum + count, 0);
    expect(acknowledged + (outcome.errors[0]?.count ?? 0)).toBe(n);
  });

  test('a connection that the broker closes is an error, and what it owed too', async () => {
    let n = 0;
    const address = await brokerThat((request, reply) => {
      if (++n > 20) for (const socket of sockets) socket.destroy();
      else reply(ok(request.opaque));
    });
    const { errors } = await runLoad(spec(address, { send: { connections: 1, window: 4, batch: 1, bodyBytes: 64 } }));
    expect(errors.map(({ what }) => what.replace(/:.*/, '')).sort()).toEqual(['producer connection', 'send without an answer']);
  });

  test('an answer that nothing awaits is an error', async () => {
    const address = await brokerThat((request, reply) => {
      reply(ok(request.opaque));
      reply(ok(request.opaque));
    });
    const { errors } = await runLoad(spec(address, { send: { connections: 1, window: 1, batch: 1, bodyBytes: 64 } }));
    expect(errors.map(({ what }) => what)).toEqual(['a response to opaque that nothing awaits']);
  });

  test('a broker that is not there is said at once', async () => {
    const address = await brokerThat(() => undefined);
    await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
    await expect(runLoad(spec(address, { send: { connections: 1, window: 1, batch: 1, bodyBytes: 64 } }))).rejects.toThrow(/ECONNREFUSED/);
  });
});

describe('open loop', () => {
  test('follows its rate whatever the broker does, and accounts for every request of the window', async () => {
    let held: (() => void)[] = [];
    const timer = setInterval(() => {
      for (const release of held) release();
      held = [];
    }, 60);
    try {
      const address = await brokerThat((request, reply) => {
        held.push(() => {
          reply(ok(request.opaque));
        });
      });
      const outcome = await runLoad(spec(address, { measureMs: 300, send: { connections: 2, window: 1024, batch: 1, bodyBytes: 64, ratePerSecond: 2000 } }));
      expect(outcome.errors).toEqual([]);
      const due = Math.round((outcome.windowMs / 1000) * 2000);
      expect(Math.abs((outcome.send?.latency.count ?? 0) - due)).toBeLessThanOrEqual(1);
      expect(outcome.send?.sendLag?.count).toBe(outcome.send?.latency.count);
    } finally {
      clearInterval(timer);
    }
  });
});

describe('consumers', () => {
  const record = (queueOffset: number): Buffer => {
    const bytes = Buffer.alloc(91 + 16);
    bytes.writeInt32BE(bytes.length, 0);
    bytes.writeUInt32BE(queueOffset, 24);
    bytes.writeInt32BE(16, 84);
    return bytes;
  };

  test('read a backlog to its end again and again, and count every record', async () => {
    const address = await brokerThat((request, reply) => {
      const from = Number(request.extFields['queueOffset']);
      if (from >= 100) reply(`{"code":19,"extFields":{"nextBeginOffset":"100"},"flag":1,"opaque":${request.opaque}}`);
      else reply(ok(request.opaque), Buffer.concat(Array.from({ length: Math.min(32, 100 - from) }, (_, i) => record(from + i))));
    });
    const outcome = await runLoad(spec(address, { pull: { connections: 2, maxMsgNums: 32, from: 'backlog' } }));
    expect(outcome.errors).toEqual([]);
    expect(outcome.pull?.passes).toBeGreaterThan(0);
    expect(outcome.pull?.messages).toBeGreaterThan(0);
    expect((outcome.pull?.perQueue ?? []).every((count) => count > 0)).toBe(true);
  });

  test('a record at the wrong place and a body cut short are errors', async () => {
    let n = 0;
    const address = await brokerThat((request, reply) => {
      const from = Number(request.extFields['queueOffset']);
      reply(ok(request.opaque), n++ % 2 === 0 ? record(from + 1) : record(from).subarray(0, 95));
    });
    const outcome = await runLoad(spec(address, { queues: 1, pull: { connections: 1, maxMsgNums: 32, from: 'backlog' } }));
    expect(outcome.errors.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['a pulled record with another queueOffset than expected', 'a pulled body that does not split into records']),
    );
  });
});

test('receiving over gRPC: the group is made before its consumers tell of it, and why one is refused is told', async () => {
  const order: string[] = [];
  const address = await brokerThat((request, reply) => {
    order.push(`code ${request.code}`);
    reply(ok(request.opaque));
  });
  const grpcAddress = await grpcThatRefuses('group not found: bench', () => order.push('call'));
  const outcome = await runLoad(spec(address, { grpcAddress, warmupMs: 10, measureMs: 50, pull: { connections: 1, maxMsgNums: 32, from: 'backlog' } }));
  expect(order.slice(0, 2)).toEqual(['code 200', 'call']);
  expect(outcome.errors.map(({ what }) => what)).toContainEqual(expect.stringMatching(/^Telemetry ended: .*group not found: bench/));
});
