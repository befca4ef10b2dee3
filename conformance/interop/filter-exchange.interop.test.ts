/**
 * The same extension files: Apache, with ConsumeQueue extensions and filter bits, writes a store and stops; Skylark opens that directory, shows the same
 * bits, filters by them and writes more; Apache opens it again and sees the bits of both. The registered expression goes along in consumerFilter.json.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApacheEndpoint } from '../adapters/apache/apache.js';
import { missingForJava } from '../adapters/apache/install.js';
import { apachePatience } from '../adapters/index.js';
import { SkylarkEndpoint } from '../adapters/skylark.js';
import type { Endpoint } from '../endpoint.js';
import { decodeRecords } from '../kit/wire/record.js';
import { parseLooseJson, RawClient } from '../raw-client.js';
import { eventually } from '../sdk-driver.js';

const requestCode = { PULL_MESSAGE: 11, HEART_BEAT: 34, QUERY_CONSUME_QUEUE: 321 } as const;
const topic = 'FilterExchange';
const group = 'filter_exchange_group';
const missing = missingForJava();
const config = { enablePropertyFilter: true, enableCalcFilterBitMap: true, enableConsumeQueueExt: true } as const;
const each = 30;

async function subscribe(broker: RawClient): Promise<void> {
  await broker.ask('heartbeat', requestCode.HEART_BEAT, {}, Buffer.from(JSON.stringify({
    clientID: 'filter-exchange',
    consumerDataSet: [{
      groupName: group, consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING', consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', unitMode: false,
      subscriptionDataSet: [{ topic, subString: 'a > 5', expressionType: 'SQL92', subVersion: 1, classFilterMode: false, tagsSet: [], codeSet: [] }],
    }],
    producerDataSet: [],
  })));
}

interface Entry {
  readonly bits: string;
  readonly passes: boolean;
  readonly tagsCode: number;
  readonly extended: string;
}

async function entries(broker: RawClient, count: number): Promise<Entry[]> {
  let found: Entry[] = [];
  await eventually(`${count} entries are there`, 90_000, async () => {
    const answer = await broker.ask('queue', requestCode.QUERY_CONSUME_QUEUE, { topic, queueId: 0, index: 0, count, consumerGroup: group });
    const body = parseLooseJson(answer.body.toString('utf8')) as { queueData?: { bitMap?: string; eval: boolean; tagsCode: number; extendDataJson?: string }[] };
    found = (body.queueData ?? []).map((one) => ({ bits: one.bitMap ?? '', passes: one.eval, tagsCode: one.tagsCode, extended: one.extendDataJson ?? '' }));
    return found.length === count ? [] : [`${found.length} of ${count}`];
  });
  return found;
}

async function filtered(broker: RawClient): Promise<string[]> {
  const bodies: string[] = [];
  for (let queueOffset = 0; ; ) {
    const answer = await broker.call(requestCode.PULL_MESSAGE, {
      consumerGroup: group, topic, queueId: 0, queueOffset, maxMsgNums: 32, sysFlag: 0, commitOffset: 0, suspendTimeoutMillis: 0, subVersion: 0,
    });
    if (answer.code === 0) bodies.push(...decodeRecords(answer.body).map((record) => record.body.toString('utf8')));
    else if (answer.code !== 20) return bodies;
    queueOffset = Number(answer.ext['nextBeginOffset']);
  }
}

async function write(broker: RawClient, prefix: string): Promise<string[]> {
  const passing: string[] = [];
  for (let i = 0; i < each; i++) {
    const body = `${prefix}-${i}`;
    expect((await broker.send({ topic, queueId: 0, body: Buffer.from(body), properties: { a: String(i % 10), TAGS: 'T' } })).code).toBe(0);
    if (i % 10 > 5) passing.push(body);
  }
  return passing;
}

describe('extensions of consume queues are exchanged with Apache', () => {
  if (missing.length > 0) {
    test.skip(`skipped: needs ${missing.join(' and ')}`, () => undefined);
    return;
  }
  let dir = '';
  let dataDir = '';
  let theirs: Entry[] = [];
  let passing: string[] = [];
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'filter-exchange-'));
    dataDir = join(dir, 'store');
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const serving = async (endpoint: Endpoint, use: (broker: RawClient) => Promise<void>): Promise<void> => {
    try {
      const broker = await RawClient.connect(endpoint.broker);
      try {
        await use(broker);
      } finally {
        broker.close();
      }
    } finally {
      await endpoint.dispose();
    }
  };

  test('Apache writes', async () => {
    await serving(await ApacheEndpoint.start({ dataDir, config: { ...apachePatience, ...config } }), async (broker) => {
      await broker.createTopic(topic, 1);
      await subscribe(broker);
      passing = await write(broker, 'apache');
      theirs = await entries(broker, each);
      expect(await filtered(broker)).toEqual(passing);
      expect(theirs.some((entry) => entry.bits.includes('1')) && theirs.some((entry) => entry.bits !== '' && !entry.bits.includes('1'))).toBe(true);
    });
    expect(readdirSync(join(dataDir, 'consumequeue_ext', topic, '0'))).toEqual(['00000000000000000000']);
  }, 900_000);

  test('Skylark shows the same, filters, and writes more', async () => {
    await serving(await SkylarkEndpoint.start({ dataDir, config }), async (broker) => {
      await subscribe(broker);
      expect(await entries(broker, each)).toEqual(theirs);
      expect(await filtered(broker)).toEqual(passing);
      passing.push(...await write(broker, 'skylark'));
      const both = await entries(broker, 2 * each);
      // What ten values of a say does not depend on who computed it.
      expect(both.slice(each).map((entry) => entry.bits)).toEqual(theirs.map((entry) => entry.bits));
      expect(await filtered(broker)).toEqual(passing);
      theirs = both;
    });
  }, 900_000);

  test('Apache shows and filters all of it', async () => {
    await serving(await ApacheEndpoint.start({ dataDir, config: { ...apachePatience, ...config } }), async (broker) => {
      await subscribe(broker);
      expect(await entries(broker, 2 * each)).toEqual(theirs);
      expect(await filtered(broker)).toEqual(passing);
    });
  }, 900_000);
});
