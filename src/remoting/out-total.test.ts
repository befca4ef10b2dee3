/** Answers that peers do not take, on all connections together: the bound of the whole server, with a small one. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { encodeCommand } from '../codec/header.js';
import { requests } from '../codec/requests.js';
import { ManualClock, silentLog } from './clocks.js';
import type { RemotingConnection } from './connection.js';
import { Dispatcher } from './dispatch.js';
import { LaneSet } from './lanes.js';
import { defaultServerLimits } from './limits.js';
import { RemotingServer } from './server.js';
import { EventTurn } from './turn.js';
import type { Ctx } from './types.js';

const MiB = 1024 * 1024;
/** Far more than the kernel takes for a peer that does not read. */
const answerBytes = 32 * MiB;
const outTotalBytesMax = 64 * MiB;

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !done(); i++) await new Promise<void>((resolve) => setTimeout(resolve, 2));
  expect(done()).toBe(true);
}

test('the default bound is far below what all connections together could hold', () => {
  const { connectionsMax, outBytesMax, outTotalBytesMax: total } = defaultServerLimits;
  expect(total).toBe(512 * MiB);
  expect(total).toBeLessThan(connectionsMax * outBytesMax);
});

test('beyond it those not written to for the longest are closed, no more than needed; the others go on', async () => {
  const clock = new ManualClock();
  const asked: Ctx[] = [];
  const turn = new EventTurn((error) => { throw error; });
  const dispatcher = new Dispatcher({
    handlers: { GET_KV_CONFIG: (ctx) => {
      asked.push(ctx);
      return undefined;
    } },
    fast: {}, role: 'namesrv', lanes: new LaneSet(clock, {}), log: silentLog,
  });
  const server = new RemotingServer({ turn, clock, log: silentLog, dispatcher, limits: { outTotalBytesMax } });
  const { port } = await server.listen('127.0.0.1', 0);
  const body = Buffer.alloc(answerBytes);
  const sockets: Socket[] = [];
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    const closed = server.close();
    for (const connection of [...server.connections]) connection.destroy('shutdown');
    await closed;
  });

  /** A peer that reads nothing; its connection. */
  async function deaf(): Promise<RemotingConnection> {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.pause();
    await once(socket, 'connect');
    const before = asked.length;
    socket.write(encodeCommand({ code: requests.GET_KV_CONFIG.code, opaque: 1, ext: { namespace: 'n', key: 'k' } }));
    await until(() => asked.length > before);
    return asked.at(-1)?.connection as RemotingConnection;
  }

  const peers = [await deaf(), await deaf(), await deaf(), await deaf()];
  // Answered in another order than they came, each at a time of its own.
  const order = [2, 0, 3, 1];
  for (const at of order) {
    clock.advance(10);
    asked[at]?.reply({ code: 0, body });
    await until(() => peers[at]?.writtenMs === clock.nowMs());
  }
  // The kernel takes its part of each; then nothing moves any more.
  let bytes: number[] = [];
  let total = 0;
  for (let before = -1; before !== total;) {
    before = total;
    await new Promise<void>((resolve) => setTimeout(resolve, 50));
    bytes = order.map((at) => peers[at]?.outBytes ?? 0);
    total = bytes.reduce((sum, one) => sum + one, 0);
  }
  expect(total).toBeGreaterThan(outTotalBytesMax);
  // The fewest of those answered first whose going brings the rest within the bound.
  let rest = total;
  let expected = 0;
  while (rest > outTotalBytesMax) rest -= bytes[expected++] ?? 0;
  expect(expected).toBeLessThan(order.length);

  clock.advance(1000);
  await until(() => server.counters.closed.slowReader === expected);
  expect(order.map((at) => peers[at]?.open)).toEqual(order.map((_, i) => i >= expected));
  expect(server.connectionCount).toBe(order.length - expected);

  // Within the bound nobody else is closed, and one that reads after all gets its whole answer.
  clock.advance(5000);
  expect(server.counters.closed.slowReader).toBe(expected);
  const survivor = order.at(-1) ?? 0;
  let taken = 0;
  sockets[survivor]?.on('data', (chunk: Buffer) => { taken += chunk.length; });
  sockets[survivor]?.resume();
  await until(() => taken > answerBytes);
  expect(peers[survivor]?.open).toBe(true);
});
