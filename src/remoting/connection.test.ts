/** One connection over an in-memory stream: what leaves is exactly what was queued, whatever the sizes and however slow the sink. */
import { Duplex } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeCommand } from '../codec/header.js';
import { CallTimeouts } from './call-timeouts.js';
import { ManualClock, silentLog } from './clocks.js';
import { RemotingConnection, type ConnectionHost, type Ends } from './connection.js';
import { newCounters } from './counters.js';
import { defaultServerLimits } from './limits.js';
import { EventTurn } from './turn.js';

/** Takes bytes when its callback is called, as a socket does: what changed before that would arrive changed. */
class Sink extends Duplex {
  readonly received: Buffer[] = [];
  private readonly delays: readonly boolean[];
  private writes = 0;

  constructor(delays: readonly boolean[]) {
    super({ allowHalfOpen: true });
    this.delays = delays;
  }

  override _read(): void {
    // Nothing to read unless a test pushes.
  }

  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.takeLater([chunk], callback);
  }

  override _writev(chunks: { chunk: Buffer }[], callback: () => void): void {
    this.takeLater(chunks.map(({ chunk }) => chunk), callback);
  }

  private takeLater(chunks: readonly Buffer[], callback: () => void): void {
    const done = (): void => {
      for (const chunk of chunks) this.received.push(Buffer.from(chunk));
      callback();
    };
    if (this.delays[this.writes++ % Math.max(1, this.delays.length)] === true) setImmediate(done);
    else done();
  }
}

interface Rig {
  readonly connection: RemotingConnection;
  readonly sink: Sink;
  readonly turn: EventTurn;
  readonly frames: Buffer[];
}

function rig(delays: readonly boolean[] = [], ends: Ends = {}): Rig {
  const clock = new ManualClock();
  const turn = new EventTurn((error) => {
    throw error;
  }, () => undefined);
  const frames: Buffer[] = [];
  const host: ConnectionHost = {
    turn, clock, log: silentLog, limits: defaultServerLimits, counters: newCounters(), calls: new CallTimeouts(clock), serialize: 'JSON',
    frame: (_connection, buffer, headerStart, _headerEnd, bodyEnd) => void frames.push(Buffer.from(buffer.subarray(headerStart, bodyEnd))),
    gone: () => undefined,
  };
  const sink = new Sink(delays);
  return { connection: new RemotingConnection(sink, ends, host), sink, turn, frames };
}

const operation = fc.record({
  kind: fc.constantFrom('write', 'write', 'owned', 'turn', 'wait'),
  bytes: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1900, max: 2200 }), fc.integer({ min: 16_000, max: 17_000 }), fc.constant(50_000)),
});

describe('connection', () => {
  test('bytes leave whole and in order, pooled pieces are not overwritten before they are sent', async () => {
    await fc.assert(fc.asyncProperty(fc.array(operation, { maxLength: 60 }), fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }), async (operations, delays) => {
      const { connection, sink, turn } = rig(delays);
      const expected: Buffer[] = [];
      let value = 0;
      for (const { kind, bytes } of operations) {
        if (kind === 'turn') turn.run();
        else if (kind === 'wait') await new Promise<void>((resolve) => setImmediate(resolve));
        else {
          const piece = Buffer.alloc(bytes, ++value & 255);
          expected.push(Buffer.from(piece));
          if (kind === 'owned') connection.writeOwned(piece);
          else {
            connection.write(piece);
            // Copied: the caller may reuse its bytes at once.
            piece.fill(0);
          }
        }
      }
      turn.run();
      while (connection.outBytes > 0) await new Promise<void>((resolve) => setImmediate(resolve));
      await new Promise<void>((resolve) => setImmediate(resolve));
      expect(Buffer.concat(sink.received).equals(Buffer.concat(expected))).toBe(true);
      sink.destroy();
    }), { numRuns: 150 });
  });

  test('one turn is one write for small answers', () => {
    const { connection, sink, turn } = rig();
    for (let i = 0; i < 100; i++) connection.reply(i, { code: 0 });
    expect(sink.received).toHaveLength(0);
    turn.run();
    expect(sink.received).toHaveLength(1);
    sink.destroy();
  });

  test('what is queued when the connection is closed still leaves, later writes do not', async () => {
    const { connection, sink } = rig();
    connection.write(Buffer.from('last words'));
    connection.close('test');
    connection.write(Buffer.from('too late'));
    connection.reply(1, { code: 0 });
    expect(connection.notify({ code: 40 })).toBe(false);
    await expect(connection.call({ code: 40 }, 100)).rejects.toThrow(/ is closed$/);
    await new Promise<void>((resolve) => connection.onClose(resolve));
    expect(Buffer.concat(sink.received).toString()).toBe('last words');
  });

  test('frames arrive the same however the stream is cut', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }), (bodies, cuts) => {
      const { sink, frames } = rig();
      const encoded = bodies.map((body, i) => encodeCommand({ code: 101, opaque: i, body }));
      const stream = Buffer.concat(encoded);
      for (let at = 0, i = 0; at < stream.length; i++) {
        const end = Math.min(stream.length, at + (cuts[i % cuts.length] as number));
        sink.emit('data', stream.subarray(at, end));
        at = end;
      }
      expect(frames).toEqual(encoded.map((frame) => frame.subarray(8)));
      sink.destroy();
    }), { numRuns: 100 });
  });

  test('addresses: IPv4 in IPv6 clothes is IPv4, IPv6 has 20 bytes', () => {
    const mapped = rig([], { remoteAddress: '::ffff:10.1.2.3', remotePort: 5000, localAddress: '::ffff:10.1.2.4', localPort: 10911 });
    expect(mapped.connection.remoteAddress).toBe('10.1.2.3:5000');
    expect(mapped.connection.remoteHost.toString('hex')).toBe('0a01020300001388');
    expect([mapped.connection.localHost, mapped.connection.localPort]).toEqual(['10.1.2.4', 10911]);
    const six = rig([], { remoteAddress: '2001:db8::1', remotePort: 5000, localAddress: '::1', localPort: 1 });
    expect(six.connection.remoteHost.toString('hex')).toBe('20010db800000000000000000000000100001388');
    expect(six.connection.localHost).toBe('0:0:0:0:0:0:0:1');
    mapped.sink.destroy();
    six.sink.destroy();
  });
});
