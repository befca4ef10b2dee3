/** Ports for servers that listen seconds after they were chosen. */
import { afterAll, expect, test } from '@jest/globals';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { freePort } from './process.js';

const servers: Server[] = [];
afterAll(() => Promise.all(servers.map((server) => new Promise((done) => server.close(done)))));

test('ports that were given out are not given out again, nor those beside them, though nobody listens', async () => {
  const ports = (await Promise.all(Array.from({ length: 150 }, () => freePort([0, -2, 1], 1)))).flatMap((port) => [port, port - 2, port + 1]);
  expect(new Set(ports).size).toBe(450);
});

test('suites side by side choose from different ports', async () => {
  for (const [worker, from] of [[0, 15_000], [1, 19_000], [2, 23_000], [3, 27_000], [4, 15_000]] as const) {
    for (let i = 0; i < 20; i++) {
      const port = await freePort([0, -2, 1], worker);
      expect(port - 2).toBeGreaterThanOrEqual(from);
      expect(port + 1).toBeLessThan(from + 4000);
    }
  }
});

test('a port that somebody listens on is passed over', async () => {
  const random = Math.random;
  const taken = await freePort([0], 3);
  await new Promise<void>((done) => servers.push(createServer().listen(taken + 1, '127.0.0.1', done)));
  try {
    let asked = 0;
    Math.random = () => (asked++ === 0 ? (taken + 1 - 27_000 + 0.5) / 4000 : random());
    expect(await freePort([0], 3)).not.toBe(taken + 1);
    expect(asked).toBeGreaterThan(1);
  } finally {
    Math.random = random;
  }
});
