/**
 * kill -9 with timers pending, again and again on the same data: every timer that was acknowledged arrives, none before its time, and how often more than
 * once is counted and bounded. SKYLARK_CRASH_SEED repeats a run's moments; SKYLARK_CRASH_KILLS sets how many.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { endpointKind, missingForEndpoint, startEndpoint } from '../adapters/index.js';
import type { Endpoint } from '../endpoint.js';
import { req } from '../kit/codes.js';
import { RawClient } from '../raw-client.js';
import { eventually } from '../sdk-driver.js';
import { seeded } from './load.js';

const kills = Number(process.env['SKYLARK_CRASH_KILLS'] ?? (endpointKind === 'apache' ? 2 : 20));
const seed = Number(process.env['SKYLARK_CRASH_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const topic = 'TimerCrash';
const queues = 2;
const missing = missingForEndpoint();

interface Timer {
  readonly body: string;
  readonly at: number;
}

describe(`kill -9 with timers pending, ${kills} times, seed ${seed}`, () => {
  if (missing.length > 0) {
    test.skip(`skipped: needs ${missing.join(' and ')}`, () => undefined);
    return;
  }
  const random = seeded(seed);
  const acknowledged: Timer[] = [];
  let endpoint: Endpoint;
  let number = 0;

  beforeAll(async () => {
    endpoint = await startEndpoint();
    const broker = await RawClient.connect(endpoint.broker);
    await broker.createTopic(topic, queues);
    broker.close();
  }, 900_000);

  afterAll(async () => {
    await endpoint.dispose();
  }, 180_000);

  /** Sends timers, four at a time, until the connection breaks. */
  async function load(): Promise<void> {
    const broker = await RawClient.connect(endpoint.broker);
    const one = async (): Promise<void> => {
      for (;;) {
        const timer = { body: `timer ${number++}`, at: Date.now() + 1000 + Math.floor(random() * 5000) };
        const answer = await broker.call(req.SEND_MESSAGE_V2, {
          a: 'timer_crash', b: topic, c: 'TBW102', d: 4, e: number % queues, f: 0, g: Date.now(), h: 0, j: 0, k: false, m: false,
          i: `TIMER_DELIVER_MS\u0001${timer.at}\u0002`,
        }, Buffer.from(timer.body));
        if (answer.code === 0) acknowledged.push(timer);
        await sleep(3);
      }
    };
    await Promise.allSettled([one(), one(), one(), one()]);
    broker.close();
  }

  async function arrived(): Promise<Map<string, number[]>> {
    const broker = await RawClient.connect(endpoint.broker);
    const found = new Map<string, number[]>();
    try {
      for (let queueId = 0; queueId < queues; queueId++) {
        for (const { body, storeTimestamp } of await broker.readQueue(topic, queueId)) {
          const key = body.toString('utf8');
          found.set(key, [...(found.get(key) ?? []), storeTimestamp]);
        }
      }
    } finally {
      broker.close();
    }
    return found;
  }

  test('the broker is killed while timers come and go', async () => {
    for (let kill = 1; kill <= kills; kill++) {
      const before = acknowledged.length;
      const loading = load();
      await eventually('the broker acknowledges', 90_000, () => (acknowledged.length > before ? [] : ['nothing acknowledged']));
      await sleep(800 + random() * 2000);
      await endpoint.kill();
      await loading.catch(() => undefined);
      if (kill % 5 === 0) { // now and then a start is killed as well
        const restart = endpoint.restart().catch(() => undefined);
        await sleep(random() * 300);
        await endpoint.kill();
        await restart;
      }
      await endpoint.restart();
    }
  }, 600_000);

  test('every timer that was acknowledged arrives, none early', async () => {
    await eventually(`seed ${seed}: all arrived`, 60_000, async () => {
      const found = await arrived();
      return acknowledged.filter(({ body }) => !found.has(body)).map(({ body }) => `${body} is lost`);
    });
    await sleep(3000);
    const found = await arrived();
    const early = acknowledged.filter(({ body, at }) => (found.get(body) ?? []).some((time) => time < at));
    let copies = 0;
    let most = 0;
    for (const times of found.values()) {
      copies += times.length - 1;
      most = Math.max(most, times.length);
    }
    process.stderr.write(`timer crash: ${acknowledged.length} acknowledged, ${found.size} arrived, ${copies} copies more, at most ${most} of one, after ${kills} kills, seed ${seed}\n`);
    expect(early).toEqual([]);
    // What one interval of flushing delivered, for each kill. Apache delivers slots that it had begun again whole (`timer.progress-in-a-slot`).
    if (endpointKind !== 'apache') expect(most).toBeLessThanOrEqual(3);
    expect(copies).toBeLessThanOrEqual(kills * 1500);
  }, 900_000);
});
