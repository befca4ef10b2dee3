/**
 * Transactions begun under one broker and ended under the other, on the same files: Skylark goes on where Apache stopped, and Apache where Skylark stopped.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApacheEndpoint } from '../adapters/apache/apache.js';
import { missingForJava } from '../adapters/apache/install.js';
import { apachePatience } from '../adapters/index.js';
import { SkylarkEndpoint } from '../adapters/skylark.js';
import type { Endpoint } from '../endpoint.js';
import { phyOffsetOf } from '../kit/wire/record.js';
import { code, RawClient } from '../raw-client.js';
import { eventually } from '../sdk-driver.js';

const END_TRANSACTION = 37;
const CHECK_TRANSACTION_STATE = 39;
const topic = 'ExchangeTransactions';
const group = 'exchange_producer';
const [commit, rollback] = [8, 12];
/** The first broker is gone before it would ask; on a busy machine, where it is not, it must not give up halves whose producer is with the second. */
const config = { transactionCheckInterval: 1000, transactionCheckMax: 1000, transactionTimeOut: 6000, transactionOpBatchInterval: 100 };

interface Half {
  readonly key: string;
  readonly queueOffset: number | string;
  readonly phyOffset: number | string;
}

type Start = (dataDir: string) => Promise<Endpoint>;

const brokers: Readonly<Record<'Skylark' | 'Apache', Start>> = {
  Skylark: (dataDir) => SkylarkEndpoint.start({ dataDir, config }),
  Apache: (dataDir) => ApacheEndpoint.start({ dataDir, config: { ...apachePatience, ...config } }),
};

async function serving(start: Start, dataDir: string, use: (broker: RawClient) => Promise<void>): Promise<void> {
  const endpoint = await start(dataDir);
  try {
    const broker = await RawClient.connect(endpoint.broker);
    await use(broker).finally(() => broker.close());
  } finally {
    await endpoint.dispose();
  }
}

async function prepare(broker: RawClient, key: string): Promise<Half> {
  const sent = await broker.send({ topic, queueId: 0, body: Buffer.from(`body of ${key}`), group, sysFlag: 4, properties: { TRAN_MSG: 'true', PGROUP: group, UNIQ_KEY: key, KEYS: key } });
  expect(sent.code).toBe(0);
  return { key, queueOffset: sent.queueOffset, phyOffset: phyOffsetOf(sent.msgId) ?? -1 };
}

async function end(broker: RawClient, half: Half, how: number, fromCheck = false): Promise<void> {
  await broker.ask(`end of ${half.key}`, END_TRANSACTION, {
    producerGroup: group, tranStateTableOffset: half.queueOffset, commitLogOffset: half.phyOffset, commitOrRollback: how, fromTransactionCheck: fromCheck, msgId: half.key, transactionId: half.key,
  });
}

const keysIn = async (broker: RawClient): Promise<string[]> => (await broker.readQueue(topic, 0)).map((record) => record.properties['KEYS'] ?? '');

describe('transactions are exchanged with Apache', () => {
  const missing = missingForJava();
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'transaction-exchange-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const pairs = [['Skylark', 'Apache'], ['Apache', 'Skylark']] as const;
  if (missing.length > 0) {
    test.skip(`skipped: needs ${missing.join(' and ')}`, () => undefined);
    return;
  }
  test.each(pairs)('begun under %s, ended under %s', async (first, second) => {
    const dataDir = join(dir, 'store');
    let later: Half | undefined;
    await serving(brokers[first], dataDir, async (broker) => {
      await broker.createTopic(topic, 1);
      await end(broker, await prepare(broker, 'committed'), commit);
      await end(broker, await prepare(broker, 'undone'), rollback);
      later = await prepare(broker, 'ended by the other');
      await prepare(broker, 'asked by the other');
      await prepare(broker, 'undone by the other');
      await sleep(2000); // both decisions are in an op message
      expect(await keysIn(broker)).toEqual(['committed']);
    });
    await serving(brokers[second], dataDir, async (broker) => {
      const asked: string[] = [];
      broker.onRequest = (request) => {
        if (request.code !== CHECK_TRANSACTION_STATE) return;
        const key = request.ext['transactionId'] ?? '';
        asked.push(key);
        if (key === 'ended by the other') return; // said with its first place
        void end(broker, { key, queueOffset: request.ext['tranStateTableOffset'] ?? '', phyOffset: request.ext['commitLogOffset'] ?? '' }, key.startsWith('undone') ? rollback : commit, true);
      };
      if (later !== undefined) await end(broker, later, commit);
      await broker.ask('heartbeat', code.HEART_BEAT, {}, Buffer.from(JSON.stringify({ clientID: 'exchange@1', producerDataSet: [{ groupName: group }], consumerDataSet: [] })));
      await eventually('all that was committed is there and both were asked about', 90_000, async () => {
        const keys = await keysIn(broker);
        return [
          ...['committed', 'ended by the other', 'asked by the other'].filter((key) => !keys.includes(key)).map((key) => `${key} is missing`),
          ...['asked by the other', 'undone by the other'].filter((key) => !asked.includes(key)).map((key) => `nobody asked about ${key}`),
        ];
      });
      await sleep(1500);
      expect((await keysIn(broker)).filter((key) => key.startsWith('undone'))).toEqual([]);
      expect(asked.filter((key) => key === 'committed' || key === 'undone')).toEqual([]);
    });
  }, 900_000);
});
