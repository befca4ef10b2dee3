import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { resetSocket } from './reset.js';

let server: Server;
let ends: string[];
let peers: Socket[];

beforeEach(async () => {
  ends = [];
  peers = [];
  server = createServer({ allowHalfOpen: true }, (socket) => {
    peers.push(socket);
    socket.on('error', (error: NodeJS.ErrnoException) => ends.push(error.code ?? '')).on('end', () => ends.push('fin')).resume();
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
});

afterEach(async () => {
  for (const one of peers) one.destroy();
  await new Promise<void>((resolve) => { server.close(() => resolve()); });
});

async function dial(): Promise<Socket> {
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  await new Promise<void>((resolve) => { socket.once('connect', resolve); });
  while (peers.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  return socket;
}

const closed = (socket: Socket): Promise<string> => new Promise((resolve) => {
  socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error')).once('close', () => resolve('closed'));
});

describe('resetting a connection', () => {
  it('resets it', async () => {
    const socket = await dial();
    const done = closed(socket);
    resetSocket(socket);
    expect(await done).toBe('closed');
    for (const end = Date.now() + 5000; ends.length === 0 && Date.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(ends).toEqual(['ECONNRESET']);
  });

  it('closes one whose end is under way', async () => {
    const socket = await dial();
    const done = closed(socket);
    socket.end('x');
    resetSocket(socket);
    expect(await done).toBe('closed');
  });

  it('resets one that has ended', async () => {
    const socket = await dial();
    await new Promise<void>((resolve) => { socket.end(resolve); });
    const done = closed(socket);
    resetSocket(socket);
    expect(await done).toBe('closed');
  });

  it('gives up one that does not stand yet', async () => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const done = closed(socket);
    resetSocket(socket);
    expect(await done).toBe('closed');
  });
});
