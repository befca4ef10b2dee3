/** Sockets on loopback: pipelining, fragments, matching, budgets, garbage, slow peers, graceful stop. */
import { connect as netConnect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { commandFlag, type Command } from '../codec/command.js';
import { Fault, Refusal } from '../codec/errors.js';
import { FrameReader } from '../codec/frame.js';
import { decodeCommand, encodeCommand, type CommandParts } from '../codec/header.js';
import { requests } from '../codec/requests.js';
import { responseCodes } from '../codec/responses.js';
import { RemotingClient } from './client.js';
import { ManualClock, silentLog, systemClock } from './clocks.js';
import type { RemotingConnection } from './connection.js';
import { Dispatcher } from './dispatch.js';
import { LaneSet } from './lanes.js';
import type { ServerLimits } from './limits.js';
import { RemotingServer } from './server.js';
import { EventTurn } from './turn.js';
import type { Clock, Ctx, FastHandler, Handlers, Lanes, Reply } from './types.js';

const code = requests.GET_KV_CONFIG.code;
const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Rig {
  readonly server: RemotingServer;
  readonly lanes: LaneSet;
  readonly turn: EventTurn;
  readonly port: number;
  readonly clock: Clock;
  readonly errors: unknown[];
}

interface RigOptions {
  readonly handlers?: Partial<Handlers>;
  readonly fast?: Record<string, FastHandler>;
  readonly limits?: Partial<ServerLimits>;
  readonly lanes?: Lanes;
  readonly clock?: Clock;
}

/** Answers each GET_KV_CONFIG with its key as value and its body as body. */
const echo: Partial<Handlers> = {
  GET_KV_CONFIG: (_ctx, header, body) => ({ code: 0, header: { value: header.key }, body }),
};

async function rig(options: RigOptions = {}): Promise<Rig> {
  const clock = options.clock ?? systemClock();
  const errors: unknown[] = [];
  const turn = new EventTurn((error) => errors.push(error));
  const lanes = new LaneSet(clock, options.lanes ?? {});
  const dispatcher = new Dispatcher({ handlers: options.handlers ?? echo, fast: options.fast ?? {}, role: 'namesrv', lanes, log: silentLog });
  const server = new RemotingServer({ turn, clock, log: silentLog, dispatcher, limits: options.limits ?? {} });
  const { port } = await server.listen('127.0.0.1', 0);
  // A stopped manual clock would never let `close` give up on a peer that does not end: here sockets are cut instead.
  cleanups.push(async () => {
    const closed = server.close();
    for (const connection of [...server.connections]) connection.destroy('shutdown');
    await closed;
  });
  return { server, lanes, turn, port, clock, errors };
}

/** A raw peer that collects the frames it is sent. */
class Peer {
  readonly answers: Command[] = [];
  readonly socket: Socket;
  closed = false;
  private waiters: (() => void)[] = [];

  constructor(port: number) {
    const reader = new FrameReader((buffer, headerStart, headerEnd, bodyEnd, type) => {
      this.answers.push(decodeCommand(buffer, headerStart, headerEnd, bodyEnd, type));
    });
    this.socket = netConnect({ host: '127.0.0.1', port, noDelay: true });
    this.socket.on('data', (chunk: Buffer) => {
      reader.feed(chunk);
      this.wake();
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.closed = true;
      this.wake();
    });
    cleanups.push(() => void this.socket.destroy());
  }

  private wake(): void {
    for (const waiter of this.waiters.splice(0)) waiter();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.waiters.push(resolve));
  }

  async answer(count = 1): Promise<Command[]> {
    await this.until(() => this.answers.length >= count || this.closed);
    return this.answers;
  }

  send(...frames: Uint8Array[]): void {
    this.socket.write(Buffer.concat(frames));
  }
}

function request(opaque: number, extra: Partial<CommandParts> = {}): Buffer {
  return encodeCommand({ code, opaque, ext: { namespace: 'n', key: `k${opaque}` }, ...extra });
}

async function soon(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !condition(); i++) await new Promise<void>((resolve) => setTimeout(resolve, 1));
  expect(condition()).toBe(true);
}

describe('frames over a socket', () => {
  test('a hundred requests in one write are answered in order, each with its opaque, as JAVA 513', async () => {
    const { port, server } = await rig();
    const peer = new Peer(port);
    peer.send(...Array.from({ length: 100 }, (_, i) => request(i, { body: Buffer.from(`body ${i}`) })));
    const answers = await peer.answer(100);
    expect(answers.map((answer) => [answer.opaque, answer.ext.get('value'), answer.body.toString()]))
      .toEqual(Array.from({ length: 100 }, (_, i) => [i, `k${i}`, `body ${i}`]));
    expect(answers[0]).toMatchObject({ language: 'JAVA', version: 513, flag: commandFlag.response, serialize: 'JSON' });
    expect(server.counters.framesIn).toBe(100);
  });

  test('a frame that comes byte by byte is answered like any other, in both serializations', async () => {
    const { port } = await rig();
    for (const serialize of ['JSON', 'ROCKETMQ'] as const) {
      const peer = new Peer(port);
      const frame = request(7, { serialize, body: Buffer.from('xyz') });
      for (const byte of frame) {
        peer.socket.write(Buffer.of(byte));
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      const [answer] = await peer.answer();
      expect(answer).toMatchObject({ opaque: 7, code: 0, serialize: 'JSON' });
      expect(answer?.body.toString()).toBe('xyz');
    }
  });

  test('a body of several slices and a large body arrive whole', async () => {
    const big = Buffer.alloc(3 * 1024 * 1024, 'b');
    const { port } = await rig({ handlers: { GET_KV_CONFIG: () => ({ code: 0, body: [Buffer.from('a'), big, Buffer.from('c')] }) } });
    const peer = new Peer(port);
    peer.send(request(1), request(2));
    const answers = await peer.answer(2);
    for (const answer of answers) {
      expect(answer.body.length).toBe(big.length + 2);
      expect(answer.body.subarray(0, 2).toString() + answer.body.subarray(-2).toString()).toBe('abbc');
    }
  });

  test('requests sent with the end of the stream are answered before the close', async () => {
    const { port } = await rig();
    const peer = new Peer(port);
    peer.socket.end(Buffer.concat([request(1), request(2)]));
    await peer.until(() => peer.closed);
    expect(peer.answers.map((answer) => answer.opaque)).toEqual([1, 2]);
  });

  test('a hook of the turn runs before the answers of its requests leave', async () => {
    const seen: string[] = [];
    const { port, turn } = await rig({ handlers: { GET_KV_CONFIG: (_ctx, header) => {
      seen.push(header.key);
      return { code: 0 };
    } } });
    const peer = new Peer(port);
    let answeredAtHook = -1;
    turn.beforeSend(() => {
      if (seen.length > 0 && answeredAtHook < 0) answeredAtHook = peer.answers.length;
    });
    peer.send(request(1), request(2));
    await peer.answer(2);
    expect(answeredAtHook).toBe(0);
  });

  test('a hook that throws is reported and does not hold up answers', async () => {
    const { port, turn, errors } = await rig();
    turn.beforeSend(() => {
      throw new Error('hook');
    });
    const peer = new Peer(port);
    peer.send(request(1));
    await peer.answer();
    expect(errors.length).toBeGreaterThan(0);
  });
});

describe('dispatch', () => {
  test('a code nobody serves here is answered in Apache\'s words', async () => {
    const { port, server } = await rig();
    const peer = new Peer(port);
    peer.send(encodeCommand({ code: 9999, opaque: 1 }), encodeCommand({ code: requests.SEND_MESSAGE.code, opaque: 2 }), encodeCommand({ code: requests.PUT_KV_CONFIG.code, opaque: 3 }));
    const answers = await peer.answer(3);
    expect(answers.map((answer) => [answer.code, answer.remark])).toEqual([
      [3, ' request type 9999 not supported'], [3, ' request type 10 not supported'], [3, ' request type 100 not supported'],
    ]);
    expect(server.counters.unsupported).toBe(3);
  });

  test('refusals, exceptions and rejected promises become answers; a missing field names itself', async () => {
    const kinds: Record<string, () => Reply | Promise<Reply>> = {
      refused: () => {
        throw new Refusal(responseCodes.NO_PERMISSION, 'not you');
      },
      thrown: () => {
        throw new TypeError('broken');
      },
      rejected: () => Promise.reject(new RangeError('later')),
      refusedLater: () => Promise.reject(new Refusal(responseCodes.QUERY_NOT_FOUND, 'none')),
    };
    const { port, server } = await rig({
      handlers: { GET_KV_CONFIG: (_ctx, header) => (kinds[header.key] as () => Reply)(), QUERY_DATA_VERSION: () => ({ code: responseCodes.SUCCESS }) },
    });
    const peer = new Peer(port);
    peer.send(...Object.keys(kinds).map((key, i) => request(i, { ext: { namespace: 'n', key } })), encodeCommand({ code: requests.QUERY_DATA_VERSION.code, opaque: 4, ext: { brokerName: 'b' } }));
    const answers = await peer.answer(5);
    const by = new Map(answers.map((answer) => [answer.opaque, [answer.code, answer.remark]]));
    expect(by.get(0)).toEqual([16, 'not you']);
    expect(by.get(1)).toEqual([1, 'TypeError: broken']);
    expect(by.get(2)).toEqual([1, 'RangeError: later']);
    expect(by.get(3)).toEqual([22, 'none']);
    expect(by.get(4)?.[0]).toBe(1);
    expect(by.get(4)?.[1]).toContain('brokerAddr');
    expect(server.counters).toMatchObject({ exceptions: 2, refusals: 3 });
  });

  test('a one-way request is served and never answered, whatever its handler does', async () => {
    let served = 0;
    const { port } = await rig({ handlers: { GET_KV_CONFIG: (ctx: Ctx, header) => {
      served++;
      ctx.reply({ code: 0 });
      if (header.key === 'k1') throw new Error('x');
      return header.key === 'k2' ? Promise.resolve({ code: 0 as const }) : { code: 0 };
    } } });
    const peer = new Peer(port);
    peer.send(...[0, 1, 2].map((i) => request(i, { flag: commandFlag.oneway })), encodeCommand({ code: 9999, opaque: 5, flag: commandFlag.oneway }), request(9));
    const answers = await peer.answer(1);
    await new Promise<void>((resolve) => setTimeout(resolve, 20));
    expect(answers.map((answer) => answer.opaque)).toEqual([9]);
    expect(served).toBe(4);
  });

  test('a handler may answer later, once', async () => {
    const held: Ctx[] = [];
    const { port } = await rig({ handlers: { GET_KV_CONFIG: (ctx) => {
      held.push(ctx);
      return undefined;
    } } });
    const peer = new Peer(port);
    peer.send(request(1), request(2));
    await soon(() => held.length === 2);
    held[1]?.reply({ code: 0, remark: 'second' });
    held[0]?.reply({ code: 0, remark: 'first' });
    held[0]?.reply({ code: 0, remark: 'again' });
    await peer.answer(2);
    await new Promise<void>((resolve) => setTimeout(resolve, 10));
    expect(peer.answers.map((answer) => [answer.opaque, answer.remark])).toEqual([[2, 'second'], [1, 'first']]);
  });

  test('a fast handler takes what it can and leaves the rest; its errors are answered', async () => {
    const fast: FastHandler = (connection, scan, frame, bodyStart, bodyEnd) => {
      const key = scan.text(scan.find('key'));
      if (key === 'slow') return false;
      if (key === 'bad') throw new Refusal(responseCodes.MESSAGE_ILLEGAL, 'bad key');
      connection.reply(scan.opaque, { code: 0, remark: `fast ${frame.toString('latin1', bodyStart, bodyEnd)}` });
      return true;
    };
    const { port, server } = await rig({ fast: { GET_KV_CONFIG: fast } });
    const peer = new Peer(port);
    peer.send(...['quick', 'slow', 'bad'].map((key, i) => request(i, { ext: { namespace: 'n', key }, body: Buffer.from('!') })));
    const answers = await peer.answer(3);
    expect(answers.map((answer) => [answer.code, answer.remark])).toEqual([[0, 'fast !'], [0, undefined], [13, 'bad key']]);
    expect(server.counters.fastRequests).toBe(2);
  });

  test('lanes over the wire: overload, time-out and the lane\'s own refusal', async () => {
    const clock = new ManualClock();
    let release: () => void = () => undefined;
    const state: { busy: string | undefined } = { busy: undefined };
    const { port, lanes } = await rig({
      clock,
      lanes: { namesrv: { capacity: 1, concurrency: 1, waitMsMax: 200, reject: () => state.busy } },
      handlers: { GET_KV_CONFIG: () => new Promise<Reply>((resolve) => {
        release = () => resolve({ code: 0 });
      }) },
    });
    const peer = new Peer(port);
    peer.send(request(1), request(2), request(3));
    await peer.answer(1);
    expect(peer.answers[0]).toMatchObject({ opaque: 3, code: 2, remark: '[OVERLOAD]system busy, start flow control for a while' });
    expect(lanes.get('namesrv').size).toBe(1);
    clock.advance(200);
    await peer.answer(2);
    expect(peer.answers[1]).toMatchObject({ opaque: 2, code: 2, remark: '[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: 200ms, size of queue: 0' });
    state.busy = '';
    peer.send(request(4));
    await peer.answer(3);
    expect(peer.answers[2]).toMatchObject({ opaque: 4, code: 2, remark: '[REJECTREQUEST]system busy, start flow control for a while' });
    release();
    await peer.answer(4);
    expect(peer.answers[3]).toMatchObject({ opaque: 1, code: 0 });
  });
});

describe('bad peers', () => {
  const good = request(1);
  const patched = (at: number, value: number): Buffer => {
    const frame = Buffer.from(good);
    frame.writeInt32BE(value, at);
    return frame;
  };
  const garbage: readonly (readonly [string, Buffer])[] = [
    ['a negative length', patched(0, -1)],
    ['a length of zero', patched(0, 0)],
    ['an oversized length', patched(0, 0x7fffffff)],
    ['a header longer than its frame', patched(4, good.length)],
    ['an unknown serialization', patched(4, 0x05000000 | (good.length - 8))],
    ['a header that is not JSON', encodeFrameText('no json')],
    ['a cut JSON header', encodeFrameText('{"code":101,"extFields":{"namespace":"n"')],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  ];

  test.each(garbage)('%s closes that connection alone', async (_name, bytes) => {
    const { port, server } = await rig();
    const other = new Peer(port);
    other.send(request(1));
    await other.answer(1);
    const peer = new Peer(port);
    peer.send(request(5), bytes);
    await peer.until(() => peer.closed);
    expect(peer.answers.map((answer) => answer.opaque)).toEqual([5]);
    expect(server.counters.closed.wire).toBe(1);
    other.send(request(2));
    expect(await other.answer(2)).toHaveLength(2);
    expect(server.counters.open).toBe(1);
  });

  test('random bytes never stop the server', async () => {
    const { port } = await rig();
    await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
      const peer = new Peer(port);
      peer.socket.end(Buffer.from(bytes));
      await peer.until(() => peer.closed);
    }), { numRuns: 60 });
    const peer = new Peer(port);
    peer.send(request(1));
    expect(await peer.answer(1)).toHaveLength(1);
  });

  test('half-open connections that send a byte a second are closed in time, others go on', async () => {
    const clock = new ManualClock();
    const { port, server } = await rig({ clock, limits: { frameTimeMsMax: 5000 } });
    const slow = Array.from({ length: 50 }, () => new Peer(port));
    const good = new Peer(port);
    const frame = request(1);
    for (let second = 0; second < 8; second++) {
      for (const peer of slow) if (!peer.closed) peer.socket.write(frame.subarray(second, second + 1));
      good.send(request(second));
      await good.answer(second + 1);
      await soon(() => server.counters.bytesIn >= (second < 5 ? (second + 1) * 50 : 0));
      clock.advance(1000);
      await new Promise<void>((resolve) => setTimeout(resolve, 5));
    }
    await Promise.all(slow.map((peer) => peer.until(() => peer.closed)));
    expect(server.counters.closed.slowSender).toBe(50);
    expect(good.closed).toBe(false);
    expect(good.answers).toHaveLength(8);
  });

  test('an idle connection is closed after 120 seconds without reads and writes', async () => {
    const clock = new ManualClock();
    const { port, server } = await rig({ clock });
    const peer = new Peer(port);
    peer.send(request(1));
    await peer.answer(1);
    clock.advance(119_000);
    expect(server.counters.open).toBe(1);
    clock.advance(2000);
    await peer.until(() => peer.closed);
    expect(server.counters.closed.idle).toBe(1);
  });

  test('a client that does not read stops being read, and goes on when it reads', async () => {
    const body = Buffer.alloc(64 * 1024, 'x');
    let served = 0;
    const { port, server } = await rig({
      limits: { outPauseBytes: 256 * 1024 },
      handlers: { GET_KV_CONFIG: () => {
        served++;
        return { code: 0, body };
      } },
    });
    const peer = new Peer(port);
    peer.socket.pause();
    const count = 500;
    peer.send(...Array.from({ length: count }, (_, i) => request(i)));
    await soon(() => server.counters.pausedForAnswers > 0);
    await new Promise<void>((resolve) => setTimeout(resolve, 100));
    const servedWhileDeaf = served;
    const connection = [...server.connections][0] as RemotingConnection;
    expect(servedWhileDeaf).toBeLessThan(count);
    expect(connection.outBytes).toBeLessThan(1024 * 1024);
    expect(connection.notify({ code: 40 })).toBe(false);
    peer.socket.resume();
    const answers = await peer.answer(count);
    expect(answers.map((answer) => answer.opaque)).toEqual(Array.from({ length: count }, (_, i) => i));
    expect(served).toBe(count);
  });

  test('past the hard bound a client that does not read is closed and counted', async () => {
    const body = Buffer.alloc(1024 * 1024, 'x');
    const held: Ctx[] = [];
    const { port, server } = await rig({
      limits: { outPauseBytes: 256 * 1024, outBytesMax: 8 * 1024 * 1024 },
      handlers: { GET_KV_CONFIG: (ctx) => {
        held.push(ctx);
        return undefined;
      } },
    });
    const peer = new Peer(port);
    peer.socket.pause();
    peer.send(...Array.from({ length: 40 }, (_, i) => request(i)));
    await soon(() => held.length === 40);
    for (const ctx of held) {
      ctx.reply({ code: 0, body });
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await soon(() => server.counters.closed.slowReader === 1);
    expect(server.counters.open).toBe(0);
  });

  test('a client with too many request bytes in the lanes is not read until they are done', async () => {
    const releases: (() => void)[] = [];
    const { port, server } = await rig({
      limits: { requestPauseBytes: 100_000 },
      lanes: { namesrv: { capacity: 1000, concurrency: 4, waitMsMax: 0 } },
      handlers: { GET_KV_CONFIG: () => new Promise<Reply>((resolve) => {
        releases.push(() => resolve({ code: 0 }));
      }) },
    });
    const peer = new Peer(port);
    const other = new Peer(port);
    const body = Buffer.alloc(20_000);
    peer.send(...Array.from({ length: 50 }, (_, i) => request(i, { body })));
    await soon(() => server.counters.pausedForRequests > 0);
    await new Promise<void>((resolve) => setTimeout(resolve, 30));
    expect(server.counters.framesIn).toBeLessThan(20);
    other.send(request(0));
    for (let done = false; !done;) {
      releases.shift()?.();
      await new Promise<void>((resolve) => setTimeout(resolve, 1));
      done = peer.answers.length === 50;
    }
    while (other.answers.length === 0) {
      releases.shift()?.();
      await new Promise<void>((resolve) => setTimeout(resolve, 1));
    }
    expect(peer.answers.map((answer) => answer.opaque).sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  test('connections beyond the limit are closed at once', async () => {
    const { port, server } = await rig({ limits: { connectionsMax: 2 } });
    const first = new Peer(port);
    const second = new Peer(port);
    first.send(request(1));
    second.send(request(1));
    await first.answer(1);
    await second.answer(1);
    const third = new Peer(port);
    await third.until(() => third.closed);
    expect(server.counters.closed.tooMany).toBe(1);
    first.send(request(2));
    expect(await first.answer(2)).toHaveLength(2);
  });
});

describe('calls', () => {
  function clientOf(clock: Clock, turn: EventTurn): RemotingClient {
    const client = new RemotingClient({ turn, clock, log: silentLog });
    cleanups.push(() => client.close());
    return client;
  }

  test('answers find their calls under any interleaving', async () => {
    const held = new Map<string, Ctx>();
    const { port, turn, clock } = await rig({ handlers: { GET_KV_CONFIG: (ctx, header) => {
      held.set(header.key, ctx);
      return undefined;
    } } });
    const client = clientOf(clock, turn);
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 30 }).chain((n) => fc.shuffledSubarray([...Array(n).keys()], { minLength: n, maxLength: n })), async (order) => {
      held.clear();
      const calls = order.map((_, i) => client.call(`127.0.0.1:${port}`, { code, ext: { namespace: 'n', key: `${i}` } }, 10_000));
      await soon(() => held.size === order.length);
      for (const i of order) held.get(`${i}`)?.reply({ code: 0, remark: `answer ${i}` });
      const answers = await Promise.all(calls);
      expect(answers.map((answer) => answer.remark)).toEqual(order.map((_, i) => `answer ${i}`));
    }), { numRuns: 25 });
  });

  test('a call fails in time, its late answer is counted and dropped', async () => {
    const clock = new ManualClock();
    const held: Ctx[] = [];
    const { port, turn } = await rig({ handlers: { GET_KV_CONFIG: (ctx) => {
      held.push(ctx);
      return undefined;
    } } });
    const client = clientOf(clock, turn);
    const call = client.call(`127.0.0.1:${port}`, { code, ext: { namespace: 'n', key: 'k' } }, 3000);
    const failed = expect(call).rejects.toThrow(/^no answer from 127\.0\.0\.1:\d+ to request 101 within 3000 ms$/);
    await soon(() => held.length === 1);
    clock.advance(2999);
    clock.advance(100);
    await failed;
    held[0]?.reply({ code: 0 });
    await soon(() => client.counters.strayAnswers === 1);
  });

  test('calls fail when the connection closes, and the next call dials again', async () => {
    let served = 0;
    const { port, turn, clock, server } = await rig({ handlers: { GET_KV_CONFIG: () => (++served === 1 ? undefined : { code: 0 }) } });
    const client = clientOf(clock, turn);
    const address = `127.0.0.1:${port}`;
    const call = client.call(address, { code, ext: { namespace: 'n', key: 'k' } }, 10_000);
    const failed = expect(call).rejects.toBeInstanceOf(Fault);
    await soon(() => served === 1);
    for (const connection of server.connections) connection.close('test');
    await failed;
    expect((await client.call(address, { code, ext: { namespace: 'n', key: 'k' } }, 10_000)).code).toBe(0);
    expect(client.counters.opened).toBe(2);
  });

  test('a refused connection and an address that is none are faults that name the address', async () => {
    const { turn, clock, server, port } = await rig();
    await server.close();
    const client = clientOf(clock, turn);
    await expect(client.call(`127.0.0.1:${port}`, { code }, 1000)).rejects.toThrow(`cannot connect to 127.0.0.1:${port}`);
    await expect(client.call('nonsense', { code }, 1000)).rejects.toThrow('"nonsense" is not host:port');
  });

  test('a server calls its client over the client\'s connection; a client without handlers says not supported', async () => {
    const { port, turn, clock, server } = await rig();
    const client = clientOf(clock, turn);
    await client.connection(`127.0.0.1:${port}`);
    await soon(() => server.connectionCount === 1);
    const connection = [...server.connections][0] as RemotingConnection;
    const answer = await connection.call({ code: 307 }, 10_000);
    expect(answer).toMatchObject({ code: 3, remark: ' request type 307 not supported' });
    expect(connection.remoteAddress).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(connection.remoteHost.length).toBe(8);
    expect(connection.localHost).toBe('127.0.0.1');
    expect(connection.localPort).toBe(port);
  });
});

describe('graceful stop', () => {
  test('newer peers are told to go away, older ones served, work at hand is finished, then all is closed', async () => {
    const releases: (() => void)[] = [];
    const { port, server } = await rig({ handlers: { GET_KV_CONFIG: (_ctx, header) => (header.key === 'wait'
      ? new Promise<Reply>((resolve) => {
        releases.push(() => resolve({ code: 0, remark: 'finished' }));
      })
      : { code: 0 }) } });
    const peer = new Peer(port);
    peer.send(request(1, { ext: { namespace: 'n', key: 'wait' } }));
    await soon(() => releases.length === 1);
    const stopped = server.stop(10_000);
    peer.send(request(2, { version: 476 }), request(3, { version: 475 }));
    await peer.answer(2);
    expect(peer.answers[0]).toMatchObject({ opaque: 2, code: 1500, remark: 'please go away' });
    expect(peer.answers[1]).toMatchObject({ opaque: 3, code: 0 });
    releases[0]?.();
    await stopped;
    await peer.until(() => peer.closed);
    expect(peer.answers[2]).toMatchObject({ opaque: 1, remark: 'finished' });
    const late = new Peer(port);
    await late.until(() => late.closed);
    expect(server.counters.open).toBe(0);
  });

  test('a peer that never reads does not hold up the stop for ever', async () => {
    const { port, server } = await rig({ handlers: { GET_KV_CONFIG: () => ({ code: 0, body: Buffer.alloc(8 * 1024 * 1024) }) } });
    const peer = new Peer(port);
    peer.socket.pause();
    peer.send(request(1));
    await soon(() => server.counters.bytesOut > 0);
    await server.stop(100);
    expect(server.counters.open).toBe(0);
  });
});

function encodeFrameText(header: string): Buffer {
  const frame = Buffer.alloc(8 + header.length);
  frame.writeInt32BE(4 + header.length, 0);
  frame.writeInt32BE(header.length, 4);
  frame.write(header, 8, 'latin1');
  return frame;
}
