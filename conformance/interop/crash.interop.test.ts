/**
 * kill -9 under load, again and again on the same data: every acknowledged message must be there exactly once at its offset
 * with its id and body. SKYLARK_CRASH_SEED repeats a run's moments and sizes (the interleaving of sockets stays the
 * machine's); SKYLARK_CRASH_KILLS sets how many.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { endpointKind, missingForEndpoint, startEndpoint } from '../adapters/index.js';
import type { Endpoint } from '../endpoint.js';
import { heldWrongly, misplaced } from '../history.js';
import { RawClient } from '../raw-client.js';
import { eventually } from '../sdk-driver.js';
import { Load, readTopic, seeded } from './load.js';

const kills = Number(process.env['SKYLARK_CRASH_KILLS'] ?? (endpointKind === 'apache' ? 2 : 20));
const seed = Number(process.env['SKYLARK_CRASH_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const topic = 'CrashTopic';
const queues = 3;
const missing = missingForEndpoint();

describe(`kill -9 under load, ${kills} times, seed ${seed}`, () => {
  if (missing.length > 0) {
    test.skip(`skipped: needs ${missing.join(' and ')}`, () => undefined);
    return;
  }
  const random = seeded(seed);
  const load = new Load({ topic, queues, connections: 3, window: 4, random, name: 'crash', pauseMs: 3 });
  let endpoint: Endpoint;

  beforeAll(async () => {
    endpoint = await startEndpoint();
    const broker = await RawClient.connect(endpoint.broker);
    await broker.createTopic(topic, queues);
    broker.close();
  }, 900_000);

  afterAll(async () => {
    await endpoint.dispose();
  }, 180_000);

  for (let kill = 1; kill <= kills; kill++) {
    test(`kill ${kill}: nothing acknowledged is lost`, async () => {
      const before = load.acknowledged;
      await load.start(endpoint.broker);
      await eventually('the broker acknowledges', 90_000, () => (load.acknowledged > before ? [] : ['nothing acknowledged']));
      await sleep(random() * 400);
      await endpoint.kill();
      await load.stop();
      if (kill % 5 === 0) { // now and then a start is killed as well
        const restart = endpoint.restart().catch(() => undefined);
        await sleep(random() * 300);
        await endpoint.kill();
        await restart;
      }
      await endpoint.restart();
      const broker = await RawClient.connect(endpoint.broker);
      try {
        // Apache answers pulls while its queues are still being rebuilt from the log
        await eventually(`seed ${seed}: the store holds what was acknowledged`, endpointKind === 'apache' ? 90_000 : 60_000, async () =>
          heldWrongly(load.sent, await readTopic(broker, topic, queues)));
      } finally {
        broker.close();
      }
      expect(misplaced(load.sent)).toEqual([]);
      expect(load.acknowledged).toBeGreaterThan(before);
    }, 900_000);
  }

  test('and after an orderly stop', async () => {
    await endpoint.stop();
    await endpoint.restart();
    const broker = await RawClient.connect(endpoint.broker);
    const held = await readTopic(broker, topic, queues);
    broker.close();
    process.stderr.write(`crash: ${load.sent.length} messages sent, ${load.acknowledged} acknowledged, ${held.length} held after ${kills} kills, seed ${seed}\n`);
    expect(heldWrongly(load.sent, held)).toEqual([]);
    expect([...load.refusals.keys()].filter((refusal) => !/^(2|14) /.test(refusal))).toEqual([]); // SYSTEM_BUSY, SERVICE_NOT_AVAILABLE
  }, 900_000);
});
