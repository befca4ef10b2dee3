/**
 * kill -9 under mixed load, again and again on one store: what was acknowledged is there, once, where it was said to be; delayed messages come
 * out; tables keep what was created. `SKYLARK_KILLS=20` makes the run long, `SKYLARK_SEED` repeats one.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MixedLoad, seeded } from './testdata/mixed-load.js';
import { RawClient, spawnServer, startServer, until } from './testdata/process.js';

const kills = Number(process.env['SKYLARK_KILLS'] ?? 2);
const seed = Number(process.env['SKYLARK_SEED'] ?? Date.now() % 1_000_000);

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'skylark-crash-'));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('kill -9', () => {
  it.each([
    ['async flush', []],
    ['sync flush, small files', ['--flush', 'sync', '--set', 'mappedFileSizeCommitLog=1048576', '--set', 'mappedFileSizeConsumeQueue=20000']],
  ])('loses nothing acknowledged: %s', async (_name, args) => {
    const random = seeded(seed);
    const load = new MixedLoad(random);
    const wrong: string[] = [];
    const quiet = ['--log-level', 'silent', ...args];
    for (let round = 0; round < kills; round++) {
      if (round > 0 && random() < 0.4) {
        // In the middle of a start.
        const starting = spawnServer(join(dir, 'data'), quiet, 50 + random() * 500);
        await (await starting).server?.kill('SIGKILL');
      }
      const server = await startServer(join(dir, 'data'), quiet);
      wrong.push(...(await load.verify(server.broker, false)));
      const before = load.acknowledged;
      const running = load.run(server.broker, () => false);
      await until('some are acknowledged', () => load.acknowledged > before + 10);
      await sleep(random() * 1000);
      expect(await server.kill('SIGKILL')).toBe('SIGKILL');
      await running;
    }
    const last = await startServer(join(dir, 'data'), quiet);
    wrong.push(...(await load.verify(last.broker)));
    expect(await last.kill('SIGTERM')).toBe(0);
    expect({ seed, wrong }).toEqual({ seed, wrong: [] });
    expect(load.acknowledged).toBeGreaterThan(10);
  }, 200_000 + kills * 20_000);

  it('finds a loss when there is one', async () => {
    const load = new MixedLoad(seeded(seed));
    const server = await startServer(join(dir, 'data'), ['--log-level', 'silent']);
    await load.run(server.broker, () => load.acknowledged > 100);
    load.placed.set('s999999', { topic: 'Load', queueId: 0, queueOffset: 999_999 });
    load.sent.delete([...load.placed.keys()][0] ?? '');
    const wrong = await load.verify(server.broker, false);
    expect(wrong).toContain('s999999 acknowledged at 0:999999 is lost');
    expect(wrong.some((line) => line.includes('was never sent'))).toBe(true);
    await server.kill('SIGKILL');
  });
});

describe('signals under load', () => {
  it('SIGSTOP and SIGCONT lose nothing; SIGTERM sends peers away, keeps what was acknowledged and exits with 0', async () => {
    const load = new MixedLoad(seeded(seed));
    const server = await startServer(join(dir, 'data'), ['--log-level', 'silent']);
    const running = load.run(server.broker, () => false);
    await sleep(300);
    server.child.kill('SIGSTOP');
    await sleep(1000);
    server.child.kill('SIGCONT');
    await sleep(300);
    expect(await server.kill('SIGTERM')).toBe(0);
    await running;
    expect([...new Set(load.refused)].filter((text) => !text.startsWith('1500 ') && !text.startsWith('2 '))).toEqual([]);
    const again = await startServer(join(dir, 'data'), ['--log-level', 'silent']);
    expect(await load.verify(again.broker)).toEqual([]);
    const client = await RawClient.open(again.broker);
    const idle = client.closed;
    expect(await again.kill('SIGTERM')).toBe(0);
    await idle;
  }, 240_000);
});
