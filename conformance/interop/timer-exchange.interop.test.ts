/**
 * Timers in exchanged stores: one broker is stopped with timers pending, the other opens that very directory, and each message arrives there once, not
 * before its time and not when it was called back; then the other way round. With SKYLARK_ENDPOINT=apache Apache plays both parts.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApacheEndpoint } from '../adapters/apache/apache.js';
import { missingForJava } from '../adapters/apache/install.js';
import { apachePatience, startEndpoint } from '../adapters/index.js';
import type { Endpoint } from '../endpoint.js';
import { req } from '../kit/codes.js';
import { RawClient } from '../raw-client.js';
import { eventually } from '../sdk-driver.js';

const topic = 'TimerExchange';
const missing = missingForJava();
const config = { recallMessageEnable: true };

interface Pending {
  readonly body: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

async function serving<T>(start: () => Promise<Endpoint>, use: (broker: RawClient) => Promise<T>): Promise<T> {
  const endpoint = await start();
  try {
    const broker = await RawClient.connect(endpoint.broker);
    try {
      return await use(broker);
    } finally {
      broker.close();
    }
  } finally {
    await endpoint.dispose();
  }
}

/** Sends timers of which some fall due while nobody serves, and calls every fifth back. */
async function leaveTimers(broker: RawClient, name: string, count: number): Promise<Pending[]> {
  const pending: Pending[] = [];
  for (let i = 0; i < count; i++) {
    const at = Date.now() + 4000 + (i % 13) * 2000;
    const body = `${name} ${i}`;
    const answer = await broker.ask('send', req.SEND_MESSAGE_V2, {
      a: 'timer_exchange', b: topic, c: 'TBW102', d: 4, e: 0, f: 0, g: Date.now(), h: 0, j: 0, k: false, m: false, i: `TIMER_DELIVER_MS\u0001${at}\u0002`,
    }, Buffer.from(body));
    if (i % 5 !== 3) pending.push({ body, at });
    // Not those that may be due before the mark is entered.
    else if (i % 13 < 3) pending.push({ body, at });
    else await broker.ask('recall', req.RECALL_MESSAGE, { producerGroup: 'timer_exchange', topic, recallHandle: answer.ext['recallHandle'] ?? '' });
  }
  return pending;
}

async function arrived(broker: RawClient, pending: readonly Pending[]): Promise<void> {
  const read = async (): Promise<Map<string, number[]>> => {
    const found = new Map<string, number[]>();
    for (const { body, storeTimestamp } of await broker.readQueue(topic, 0)) {
      const key = body.toString('utf8');
      found.set(key, [...(found.get(key) ?? []), storeTimestamp]);
    }
    return found;
  };
  await eventually('every timer arrived', 120_000, async () => {
    const found = await read();
    return pending.filter(({ body }) => !found.has(body)).map(({ body }) => `${body} is not there`);
  });
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const found = await read();
  expect([...found.keys()].sort()).toEqual(pending.map(({ body }) => body).sort());
  for (const { body, at } of pending) {
    const times = found.get(body) ?? [];
    expect([body, times.length]).toEqual([body, 1]);
    expect(times[0]).toBeGreaterThanOrEqual(at);
  }
}

describe('pending timers are exchanged with Apache', () => {
  if (missing.length > 0) {
    test.skip(`skipped: needs ${missing.join(' and ')}`, () => undefined);
    return;
  }
  let dir = '';
  let dataDir = '';
  const all: Pending[] = [];
  const ours = (): Promise<Endpoint> => startEndpoint({ dataDir, config });
  const apache = (): Promise<Endpoint> => ApacheEndpoint.start({ dataDir, config: { ...apachePatience, ...config } });

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'timer-exchange-'));
    dataDir = join(dir, 'store');
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test('Apache leaves timers', async () => {
    await serving(apache, async (broker) => {
      await broker.createTopic(topic, 1);
      all.push(...await leaveTimers(broker, 'of Apache', 60));
    });
  }, 900_000);

  test('they arrive here, and others are left', async () => {
    await serving(ours, async (broker) => {
      await arrived(broker, all);
      all.push(...await leaveTimers(broker, 'of ours', 60));
    });
  }, 900_000);

  test('they arrive at Apache, and others are left', async () => {
    await serving(apache, async (broker) => {
      await arrived(broker, all);
      all.push(...await leaveTimers(broker, 'of Apache again', 60));
    });
  }, 900_000);

  test('and arrive here', async () => {
    await serving(ours, (broker) => arrived(broker, all));
  }, 900_000);
});
