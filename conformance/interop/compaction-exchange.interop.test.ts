/**
 * Compaction logs in exchanged stores: each broker opens what the other compacted, answers the same messages, goes on where it was, and nothing newest
 * is lost. With SKYLARK_ENDPOINT=apache Apache plays both parts.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApacheEndpoint } from '../adapters/apache/apache.js';
import { missingForJava } from '../adapters/apache/install.js';
import { apachePatience, startEndpoint } from '../adapters/index.js';
import type { Endpoint } from '../endpoint.js';
import { RawClient } from '../raw-client.js';
import { eventually } from '../sdk-driver.js';

const topic = 'CompactionExchange';
const missing = missingForJava();
const config = { compactionMappedFileSize: 23000, compactionCqMappedFileSize: 4600, compactionScheduleInternal: 1000 };
/** Fills two files of the log, and begins a third. */
const step = 250;

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

describe('compaction logs are exchanged with Apache', () => {
  if (missing.length > 0) {
    test.skip(`skipped: needs ${missing.join(' and ')}`, () => undefined);
    return;
  }
  let dir = '';
  let dataDir = '';
  let sent = 0;
  let last: string[] = [];
  const newest = new Map<string, string>();
  const ours = (): Promise<Endpoint> => startEndpoint({ dataDir, config });
  const apache = (): Promise<Endpoint> => ApacheEndpoint.start({ dataDir, config: { ...apachePatience, ...config } });

  const read = async (broker: RawClient): Promise<string[]> =>
    (await broker.readQueue(topic, 0)).map((m) => `${m.queueOffset} ${m.properties['KEYS'] ?? ''}=${m.body.toString('utf8')}`);

  async function sendMore(broker: RawClient): Promise<void> {
    for (let i = 0; i < step; i++, sent++) {
      const key = `k${(sent * 7) % 40}`;
      const body = `v${sent}`;
      const output = await broker.send({ topic, queueId: 0, body: Buffer.from(body), properties: { KEYS: key } });
      expect([output.code, output.queueOffset]).toEqual([0, sent]);
      newest.set(key, body);
    }
  }

  /** Waits for a compaction, and for every key to have its newest message. */
  async function compacted(broker: RawClient): Promise<void> {
    await eventually('a compaction', 120_000, async () => ((await read(broker)).length < 150 ? [] : ['not yet']));
    last = await read(broker);
    const found = new Map<string, string>();
    for (const line of last) {
      const [key = '', body = ''] = line.slice(line.indexOf(' ') + 1).split('=');
      found.set(key, body);
    }
    expect([...found].sort()).toEqual([...newest].sort());
  }

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'compaction-exchange-'));
    dataDir = join(dir, 'store');
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test('Apache compacts', async () => {
    await serving(apache, async (broker) => {
      await broker.createTopic(topic, 1, { attributes: '+cleanup.policy=COMPACTION' });
      await sendMore(broker);
      await compacted(broker);
    });
  }, 900_000);

  test.each([['Skylark', ours], ['Apache', apache], ['Skylark', ours]] as const)('%s finds the same, goes on and compacts', async (_name, start) => {
    await serving(start, async (broker) => {
      // Its own compaction may have run by now: what is there is of what was there.
      const found = await read(broker);
      const before = new Set(last);
      expect(found.filter((line) => !before.has(line))).toEqual([]);
      expect(found.at(-1)).toBe(last.at(-1));
      await sendMore(broker);
      await compacted(broker);
    });
  }, 900_000);
});
