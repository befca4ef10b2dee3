/**
 * The same files: Skylark writes a store and stops, Apache opens that very directory, serves it and writes more, stops, and
 * Skylark opens it again. With SKYLARK_ENDPOINT=apache Apache plays both parts, which tests the suite itself.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApacheEndpoint } from '../adapters/apache/apache.js';
import { SkylarkEndpoint } from '../adapters/skylark.js';
import { missingForJava } from '../adapters/apache/install.js';
import { apachePatience, startEndpoint } from '../adapters/index.js';
import type { Endpoint } from '../endpoint.js';
import { heldWrongly, misplaced, type Sent } from '../history.js';
import { code, RawClient } from '../raw-client.js';
import { eventually } from '../sdk-driver.js';
import { asHeld, Load, readTopic, seeded } from './load.js';

const topic = 'ExchangeTopic';
const queues = 4;
const group = 'exchange_group';
const missing = missingForJava();

/** A broker on `dataDir` while `use` runs; it must stop in order. */
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

/** Sends for a while and answers with the history; ids name the broker's own address, which differs between the two. */
async function write(broker: RawClient, name: string, seed: number): Promise<Sent[]> {
  const load = new Load({ topic, queues, connections: 2, window: 4, random: seeded(seed), name, pauseMs: 1 });
  await load.start(broker.address);
  await new Promise((resolve) => setTimeout(resolve, 800));
  await eventually('more than a hundred are acknowledged', 90_000, () => (load.acknowledged > 100 ? [] : [`${load.acknowledged}`]));
  await load.stop();
  expect([...load.refusals.keys()]).toEqual([]);
  return load.sent;
}

/** Everything expected of a broker that opened a store with these messages. */
async function check(broker: RawClient, sent: readonly Sent[], committed: number): Promise<void> {
  expect(misplaced(sent)).toEqual([]);
  await eventually('the store holds every message at its offset', 90_000, async () => heldWrongly(sent, await readTopic(broker, topic, queues)));
  for (const entry of [sent[0], sent[Math.floor(sent.length / 2)], sent.at(-1)]) {
    if (entry === undefined) continue;
    let found: string[] = [];
    await eventually(`${entry.key} is found by key`, 90_000, async () => {
      found = (await broker.queryByKey(topic, entry.key)).map((record) => asHeld(record).body);
      return found.length > 0 ? [] : ['not found'];
    });
    expect(found).toEqual([entry.body]);
    const [record] = (await broker.pull({ topic, queueId: entry.queueId ?? 0, queueOffset: entry.queueOffset ?? 0, maxMessages: 1 })).messages;
    expect((await broker.viewByOffset(record?.phyOffset ?? -1)).body.toString('utf8')).toBe(entry.body);
  }
  const offset = await broker.ask('consumer offset', code.QUERY_CONSUMER_OFFSET, { consumerGroup: group, topic, queueId: 1 });
  expect(Number(offset.ext['offset'])).toBe(committed);
  const delayed = await broker.readQueue(topic, 0);
  expect(delayed.filter((each) => each.properties['KEYS']?.startsWith('delayed-') === true).length).toBe(0); // they have a topic of their own
}

async function commit(broker: RawClient, offset: number): Promise<void> {
  await broker.ask('commit', code.UPDATE_CONSUMER_OFFSET, { consumerGroup: group, topic, queueId: 1, commitOffset: offset });
}

describe('stores are exchanged with Apache', () => {
  if (missing.length > 0) {
    test.skip(`skipped: needs ${missing.join(' and ')}`, () => undefined);
    return;
  }
  const sent: Sent[] = [];
  let dir = '';
  let dataDir = '';
  const ours = (): Promise<Endpoint> => startEndpoint({ dataDir });
  const apache = (): Promise<Endpoint> => ApacheEndpoint.start({ dataDir, config: apachePatience });
  const delayedTopic = 'ExchangeDelayed';

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'store-exchange-'));
    dataDir = join(dir, 'store');
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test('a store is written', async () => {
    await serving(ours, async (broker) => {
      await broker.createTopic(topic, queues);
      await broker.createTopic(delayedTopic, 1);
      await broker.ask('create group', code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, Buffer.from(JSON.stringify({
        groupName: group, consumeEnable: true, consumeFromMinEnable: true, consumeBroadcastEnable: true, retryQueueNums: 1, retryMaxTimes: 16,
        brokerId: 0, whichBrokerWhenConsumeSlowly: 1,
      })));
      sent.push(...await write(broker, 'first', 1));
      await commit(broker, 5);
      // level 3 falls due while nobody or the other broker serves
      const delayed = await broker.send({ topic: delayedTopic, queueId: 0, body: Buffer.from('delayed 1'), properties: { KEYS: 'delayed-1', DELAY: '3' } });
      expect(delayed.code).toBe(0);
    });
  }, 900_000);

  test('Apache opens it, serves all of it, and writes more', async () => {
    await serving(apache, async (broker) => {
      await check(broker, sent, 5);
      sent.push(...await write(broker, 'second', 2));
      await check(broker, sent, 5);
      await commit(broker, 9);
      await eventually('the delayed message of the first broker arrived', 90_000, async () =>
        ((await readTopic(broker, delayedTopic, 1)).map((record) => record.key).join() === 'delayed-1' ? [] : ['not there']));
      const delayed = await broker.send({ topic: delayedTopic, queueId: 0, body: Buffer.from('delayed 2'), properties: { KEYS: 'delayed-2', DELAY: '3' } });
      expect(delayed.code).toBe(0);
    });
  }, 900_000);

  test('the first broker opens it again, serves all of it, and writes more', async () => {
    await serving(ours, async (broker) => {
      await check(broker, sent, 9);
      sent.push(...await write(broker, 'third', 3));
      await check(broker, sent, 9);
      await eventually('the delayed message of Apache arrived', 90_000, async () =>
        ((await readTopic(broker, delayedTopic, 1)).map((record) => record.key).join() === 'delayed-1,delayed-2' ? [] : ['not there']));
    });
  }, 900_000);

  test('and Apache once more', async () => {
    await serving(apache, (broker) => check(broker, sent, 9));
  }, 900_000);
});

/** A file of the log is gone: what we put in its place must be what Apache reads over. */
describe('a log whose gap was closed is served by Apache as by us', () => {
  if (missing.length > 0) {
    test.skip(`skipped: needs ${missing.join(' and ')}`, () => undefined);
    return;
  }
  const fileBytes = 256 * 1024;
  const config = { mappedFileSizeCommitLog: fileBytes };
  const gapTopic = 'ExchangeGap';
  let dir = '';

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'store-gap-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test('messages before and behind the missing file, and new ones of either broker', async () => {
    const dataDir = join(dir, 'store');
    const ours = (): Promise<Endpoint> => SkylarkEndpoint.start({ dataDir, config });
    const apache = (): Promise<Endpoint> => ApacheEndpoint.start({ dataDir, config: { ...apachePatience, ...config } });
    const body = (i: number): string => `message ${i} ${'x'.repeat(1000)}`;
    const read = async (broker: RawClient): Promise<string[]> => (await broker.readQueue(gapTopic, 0)).map((record) => `${record.queueOffset} ${record.body.toString('utf8')}`);
    const put = async (broker: RawClient, i: number): Promise<void> => {
      const sent = await broker.send({ topic: gapTopic, queueId: 0, body: Buffer.from(body(i)) });
      expect([sent.code, sent.queueOffset]).toEqual([0, i]);
    };
    const count = 1200;
    const before = await serving(ours, async (broker) => {
      await broker.createTopic(gapTopic, 1);
      for (let i = 0; i < count; i++) await put(broker, i);
      return read(broker);
    });
    expect(before).toHaveLength(count);
    const files = readdirSync(join(dataDir, 'commitlog')).sort();
    expect(files.length).toBeGreaterThanOrEqual(5);
    rmSync(join(dataDir, 'commitlog', files[1] ?? ''));

    const left = await serving(ours, async (broker) => {
      await put(broker, count);
      return read(broker);
    });
    // One file's worth of messages is lost, no more.
    const perFile = Math.ceil(fileBytes / 1000);
    expect(left.length).toBeGreaterThan(count - perFile);
    expect(left.length).toBeLessThan(count);
    expect(left).toEqual([...before.filter((text) => left.includes(text)), `${count} ${body(count)}`]);

    const seenByApache = await serving(apache, async (broker) => {
      await put(broker, count + 1);
      await eventually('the new message can be read', 60_000, async () => ((await broker.readQueue(gapTopic, 0, count + 1)).length === 1 ? [] : ['not yet']));
      return read(broker);
    });
    expect(seenByApache).toEqual([...left, `${count + 1} ${body(count + 1)}`]);
    expect(await serving(ours, read)).toEqual(seenByApache);
  }, 900_000);
});
