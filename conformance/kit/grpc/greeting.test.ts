import { createServer as createHttp2Server } from 'node:http2';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { seeHttp2 } from './greeting.js';

const open: { server: Server; sockets: Set<Socket> }[] = [];
afterEach(async () => {
  for (const { server, sockets } of open.splice(0)) {
    for (const one of sockets) one.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listening(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  open.push({ server, sockets });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the greeting of a gRPC endpoint', () => {
  it('is seen where HTTP/2 is spoken, also a byte at a time', async () => {
    await expect(seeHttp2(await listening(createHttp2Server() as unknown as Server), 20_000)).resolves.toBeUndefined();
    const slow = createServer((socket) => void socket.setNoDelay(true).once('data', () => {
      [...Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])].forEach((byte, i) => setTimeout(() => socket.write(Buffer.from([byte])), i * 5));
    }));
    await expect(seeHttp2(await listening(slow), 20_000)).resolves.toBeUndefined();
  });

  it.each([
    ['speaks HTTP/1', (socket: Socket): void => void socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')), /does not speak HTTP\/2: it begins "HTTP\/1\.1 400 Bad Request"/, 20_000],
    ['answers with other bytes', (socket: Socket): void => void socket.once('data', () => socket.end(Buffer.from([0, 0, 0, 7, 1, 2, 3]))), /does not speak HTTP\/2; is it/, 20_000],
    ['closes', (socket: Socket): void => void socket.end(), /closed the connection before it greeted|broke the connection/, 20_000],
    ['hangs', (): void => undefined, /did not greet as HTTP\/2 does in 100 ms/, 100],
  ])('is missed at an endpoint that %s', async (_what, serve, message, timeoutMs) => {
    await expect(seeHttp2(await listening(createServer(serve)), timeoutMs)).rejects.toMatchObject({ name: 'EndpointError', message: expect.stringMatching(message) });
  });

  it('is missed where nobody listens', async () => {
    await expect(seeHttp2('127.0.0.1:1', 20_000)).rejects.toMatchObject({ kind: 'unreachable', message: expect.stringMatching(/^no connection to 127\.0\.0\.1:1: /) });
  });
});
