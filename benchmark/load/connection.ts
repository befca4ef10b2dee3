/** One raw socket to a broker: reads into a buffer of its own and hands whole responses on. */
import { connect, type Socket } from 'node:net';
import { ResponseScanner, type OnResponse } from './scanner.js';

/** One read takes up to so much: a full window of responses, or several pulls of 32 messages. */
const READ_BYTES = 262_144;

export interface ConnectionEvents {
  /** Called before the responses of one read, with the time of the read. */
  readonly onRead: (nowMs: number) => void;
  readonly onResponse: OnResponse;
  /** Called after the responses of one read. */
  readonly onReadEnd: () => void;
  readonly onClosed: (why: string) => void;
}

/** Splits `HOST:PORT`. Throws RangeError when it is not that. */
export function parseAddress(address: string): { host: string; port: number } {
  const match = /^\[?([^\]]+?)\]?:(\d+)$/.exec(address);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port < 1 || port > 65535) throw new RangeError(`address: expected HOST:PORT, got ${address}`);
  return { host: match[1], port };
}

/** Connects; the promise fails when the broker cannot be reached. */
export function openConnection(address: string, events: ConnectionEvents): Promise<Socket> {
  const scanner = new ResponseScanner(events.onResponse);
  return openSocket(address, (_socket, buffer, length) => {
    events.onRead(performance.now());
    scanner.feed(buffer, length);
    events.onReadEnd();
  }, events.onClosed);
}

/** A socket whose reads all lie in one buffer, each gone with the next; what `onBytes` throws closes it. The promise fails when nobody can be reached. */
export function openSocket(address: string, onBytes: (socket: Socket, buffer: Buffer, length: number) => void, onClosed: (why: string) => void): Promise<Socket> {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  return new Promise((resolve, reject) => {
    let failure = '';
    const socket = connect({
      ...parseAddress(address),
      noDelay: true,
      onread: {
        buffer,
        callback: (length) => {
          try {
            onBytes(socket, buffer, length);
            return true;
          } catch (error) {
            socket.destroy(error instanceof Error ? error : new Error(String(error)));
            return false;
          }
        },
      },
    });
    socket.once('connect', () => {
      resolve(socket);
    });
    socket.on('error', (error) => {
      failure = error.message;
      reject(error);
    });
    socket.on('close', () => {
      onClosed(failure === '' ? 'closed by the broker' : failure);
    });
  });
}

/** Sends one request on a connection of its own and returns the response's code and header text. Fails after `timeoutMs`. */
export async function requestOnce(address: string, frame: Buffer, timeoutMs: number): Promise<{ code: number; header: string; body: Buffer }> {
  let settle: (value: { code: number; header: string; body: Buffer }) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const answer = new Promise<{ code: number; header: string; body: Buffer }>((resolve, reject) => {
    settle = resolve;
    fail = reject;
  });
  answer.catch(() => undefined);
  const socket = await openConnection(address, {
    onRead: () => undefined,
    onReadEnd: () => undefined,
    onResponse: (_opaque, code, buffer, headerStart, bodyStart, end) => {
      settle({ code, header: buffer.toString('utf8', headerStart, bodyStart), body: Buffer.from(buffer.subarray(bodyStart, end)) });
    },
    onClosed: (why) => {
      fail(new Error(`${address}: ${why}`));
    },
  });
  const timer = setTimeout(() => {
    fail(new Error(`${address}: no answer within ${timeoutMs} ms`));
  }, timeoutMs);
  try {
    socket.write(frame);
    return await answer;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}
