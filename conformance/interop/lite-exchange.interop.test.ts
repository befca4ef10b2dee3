/**
 * Light queues in exchanged stores: Skylark writes some and stops, Apache opens the directory, serves them and writes more, Skylark opens it again, is killed,
 * and has them all. With SKYLARK_ENDPOINT=apache Apache plays both parts, which tests the suite itself.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApacheEndpoint } from '../adapters/apache/apache.js';
import { missingForJava } from '../adapters/apache/install.js';
import { apachePatience, startEndpoint } from '../adapters/index.js';
import type { Endpoint } from '../endpoint.js';
import { code, RawClient } from '../raw-client.js';
import { eventually } from '../sdk-driver.js';

const config = { enableLmq: true, enableMultiDispatch: true };
const parent = 'ExchangeLite';
const lights = ['a', 'b', 'c'].map((name) => `%LMQ%$${parent}$${name}`);
const missing = missingForJava();

describe('light queues are exchanged with Apache', () => {
  if (missing.length > 0) {
    test.skip(`skipped: needs ${missing.join(' and ')}`, () => undefined);
    return;
  }
  let dir = '';
  const ours = (): Promise<Endpoint> => startEndpoint({ dataDir: join(dir, 'store'), config });
  const apache = (): Promise<Endpoint> => ApacheEndpoint.start({ dataDir: join(dir, 'store'), config: { ...apachePatience, ...config } });
  /** Bodies by light queue, as sent. */
  const sent = new Map<string, string[]>(lights.map((name) => [name, []]));
  let round = 0;

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'lite-exchange-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  async function write(broker: RawClient): Promise<void> {
    round++;
    for (let i = 0; i < 12; i++) {
      const body = `round ${round} message ${i}`;
      const names = i % 4 === 3 ? lights : [lights[i % 3] ?? ''];
      const answer = await broker.send({ topic: parent, queueId: i % 2, body: Buffer.from(body), properties: { INNER_MULTI_DISPATCH: names.join(',') } });
      expect(answer.code).toBe(0);
      for (const name of names) sent.get(name)?.push(body);
    }
  }

  /** Each light queue has what was sent to it, each message at the offset that its record says. */
  async function check(broker: RawClient): Promise<void> {
    for (const name of lights) {
      await eventually(`${name} is whole`, 60_000, async () => {
        const records = await broker.readQueue(name, 0);
        const offsets = records.map((record) => {
          const names = (record.properties['INNER_MULTI_DISPATCH'] ?? '').split(',');
          return Number((record.properties['INNER_MULTI_QUEUE_OFFSET'] ?? '').split(',')[names.indexOf(name)]);
        });
        const [is, should] = [records.map((record, i) => `${offsets[i] ?? ''} ${record.body.toString()}`), (sent.get(name) ?? []).map((body, i) => `${i} ${body}`)];
        return is.join() === should.join() ? [] : [`has ${is.join(', ')}`];
      });
    }
  }

  const commit = (broker: RawClient, offset: number): Promise<unknown> => broker.ask('commit', code.UPDATE_CONSUMER_OFFSET, { consumerGroup: 'lite_exchange', topic: lights[0] ?? '', queueId: 0, commitOffset: offset });
  const committed = async (broker: RawClient): Promise<number> => Number((await broker.ask('offset', code.QUERY_CONSUMER_OFFSET, { consumerGroup: 'lite_exchange', topic: lights[0] ?? '', queueId: 0 })).ext['offset']);

  /** A broker on the directory while `use` runs; it stops in order, or is killed. */
  async function serving(start: () => Promise<Endpoint>, use: (broker: RawClient) => Promise<void>, kill = false): Promise<void> {
    const endpoint = await start();
    try {
      const broker = await RawClient.connect(endpoint.broker);
      await use(broker).finally(() => broker.close());
      if (kill) await endpoint.kill();
    } finally {
      await endpoint.dispose();
    }
  }

  test('Skylark writes, Apache reads and writes, Skylark reads and writes and is killed, and has them all', async () => {
    await serving(ours, async (broker) => {
      await broker.createTopic(parent, 2);
      await broker.ask('group', code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, Buffer.from(JSON.stringify({ groupName: 'lite_exchange' })));
      await write(broker);
      await check(broker);
      await commit(broker, 2);
    });
    await serving(apache, async (broker) => {
      await check(broker);
      expect(await committed(broker)).toBe(2);
      await write(broker);
      await check(broker);
      await commit(broker, 5);
    });
    await serving(ours, async (broker) => {
      await check(broker);
      expect(await committed(broker)).toBe(5);
      await write(broker);
    }, true);
    await serving(ours, async (broker) => {
      await check(broker);
      await write(broker);
      await check(broker);
    });
    await serving(apache, check);
  }, 900_000);
});
