/**
 * A static topic on two brokers of ours and on two of Apache's: the same commands of the real mqadmin create and remap it, the same requests are sent, and
 * everything that was answered is the same.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApacheEndpoint } from '../adapters/apache/apache.js';
import { missingForJava } from '../adapters/apache/install.js';
import { apachePatience } from '../adapters/index.js';
import { SkylarkEndpoint, skylarkMain } from '../adapters/skylark.js';
import { readLooseJson } from '../differential/loose-json.js';
import { runMqadmin } from '../differential/mqadmin/mqadmin.js';
import { req } from '../kit/codes.js';
import { Child } from '../process.js';
import { RawClient } from '../raw-client.js';
import { eventually, SdkDriver } from '../sdk-driver.js';

const topic = 'StaticTopic';
const group = 'static_group';
const missing = missingForJava();

interface Pair {
  readonly namesrv: string;
  readonly a: string;
  readonly b: string;
  readonly end: () => Promise<void>;
}

async function apachePair(): Promise<Pair> {
  const a = await ApacheEndpoint.start({ config: { ...apachePatience, brokerName: 'broker-a' } });
  try {
    const b = await ApacheEndpoint.start({ namesrv: a.namesrv, config: { ...apachePatience, brokerName: 'broker-b' } });
    return {
      namesrv: a.namesrv, a: a.broker, b: b.broker,
      end: async () => {
        await b.dispose();
        await a.dispose();
      },
    };
  } catch (error) {
    await a.dispose();
    throw error;
  }
}

async function skylarkPair(dir: string): Promise<Pair> {
  const a = await SkylarkEndpoint.start({ config: { brokerName: 'broker-a' } });
  const child = new Child('skylark broker-b', process.execPath, [skylarkMain(), 'broker', '--port', '0', '--namesrv', a.namesrv, '--data', dir, '--set', 'brokerName=broker-b']);
  const end = async (): Promise<void> => {
    await child.stop();
    await a.dispose();
  };
  try {
    const ready = await child.line((line) => line.startsWith('ready '), 300_000);
    return { namesrv: a.namesrv, a: a.broker, b: / broker=(\S+)/.exec(ready)?.[1] ?? '', end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Waits until the name server knows from both brokers that all queues are on this one: they tell it behind their answers. */
async function mapped(namesrv: string, to: string): Promise<void> {
  const client = await RawClient.connect(namesrv);
  try {
    await eventually('the name server knows the mapping', 30_000, async () => {
      const { body } = await client.call(req.GET_ROUTEINFO_BY_TOPIC, { topic });
      const { topicQueueMappingByBroker: known } = (body.length === 0 ? {} : readLooseJson(body.toString('utf8'))) as { topicQueueMappingByBroker?: Record<string, { currIdMap: object }> | null };
      return ['broker-a', 'broker-b'].filter((broker) => {
        const mapping = known?.[broker];
        return mapping === undefined || (broker === to) !== Object.keys(mapping.currIdMap).length > 0;
      });
    });
  } finally {
    client.close();
  }
}

/** What is compared of an answer. */
type Seen = readonly [what: string, ...unknown[]];

async function story(pair: Pair): Promise<Seen[]> {
  const seen: Seen[] = [];
  const admin = async (...commands: string[]): Promise<void> => {
    const printed = await runMqadmin({ namesrv: pair.namesrv, broker: pair.a }, commands);
    commands.forEach((command, i) => seen.push([command, printed[i]]));
  };
  const [a, b] = [await RawClient.connect(pair.a), await RawClient.connect(pair.b)];
  const names = new Map([[a, 'a'], [b, 'b']]);
  const send = async (to: RawClient, queueId: number, from: number, count: number): Promise<void> => {
    for (let i = from; i < from + count; i++) {
      const { code, remark, queueId: at, queueOffset } = await to.send({ topic, queueId, body: Buffer.from(`${queueId}-${i}`) });
      seen.push([`send to ${names.get(to)} queue ${queueId}`, code, remark ?? '', at, queueOffset]);
    }
  };
  const ask = async (to: RawClient, what: string, code: number, ext: Readonly<Record<string, string | number | boolean>>): Promise<void> => {
    const answer = await to.call(code, { topic, lo: true, ...ext });
    seen.push([`${what} of ${names.get(to)} ${JSON.stringify(ext)}`, answer.code, answer.remark ?? '', answer.ext['offset'] ?? '']);
  };
  const pullAll = async (to: RawClient, queueId: number, from: number): Promise<void> => {
    for (let offset = from, tries = 0; tries < 12; tries++) {
      const { response, messages, nextBeginOffset, minOffset, maxOffset } = await to.pull({ topic, queueId, queueOffset: offset, group });
      seen.push([`pull ${names.get(to)} queue ${queueId} at ${offset}`, response.code, nextBeginOffset, minOffset, maxOffset, response.ext['offsetDelta'] ?? '',
        messages.map((m) => `${m.queueOffset} ${m.body.toString()}`)]);
      if (nextBeginOffset <= offset) return;
      offset = nextBeginOffset;
    }
  };
  const offsets = async (to: RawClient): Promise<void> => {
    for (const queueId of [0, 1]) {
      await ask(to, 'max', req.GET_MAX_OFFSET, { queueId });
      await ask(to, 'min', req.GET_MIN_OFFSET, { queueId });
      await ask(to, 'first by time', req.SEARCH_OFFSET_BY_TIMESTAMP, { queueId, timestamp: 0 });
      await ask(to, 'committed', req.QUERY_CONSUMER_OFFSET, { queueId, consumerGroup: group });
    }
  };
  const settled = (to: RawClient, physical: number, count: number): Promise<void> =>
    eventually('the messages are in their queue', 30_000, async () => {
      const { ext } = await to.call(req.GET_MAX_OFFSET, { topic, queueId: physical, lo: false });
      return Number(ext['offset']) >= count ? [] : [`${ext['offset']} of ${count}`];
    });
  try {
    await a.ask('group', req.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, Buffer.from(JSON.stringify({ groupName: group, consumeEnable: true })));
    await b.ask('group', req.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, Buffer.from(JSON.stringify({ groupName: group, consumeEnable: true })));
    await admin(`updateStaticTopic -t ${topic} -b broker-a -qn 2`);
    await mapped(pair.namesrv, 'broker-a');
    await admin(`topicRoute -t ${topic}`);
    for (const queueId of [0, 1]) await send(a, queueId, 0, 10);
    await settled(a, 0, 10);
    await settled(a, 1, 10);
    await pullAll(a, 0, 0);
    await offsets(a);
    await ask(a, 'commit', req.UPDATE_CONSUMER_OFFSET, { queueId: 0, consumerGroup: group, commitOffset: 4 });
    await offsets(a);
    await admin(`remappingStaticTopic -t ${topic} -b broker-b`);
    await mapped(pair.namesrv, 'broker-b');
    await admin(`topicRoute -t ${topic}`, `topicStatus -t ${topic}`);
    // The old leader refuses.
    await send(a, 0, 10, 1);
    await pullAll(a, 0, 0);
    await offsets(a);
    await offsets(b);
    for (const queueId of [0, 1]) await send(b, queueId, 10, 5);
    await settled(b, 0, 5);
    await settled(b, 1, 5);
    for (const queueId of [0, 1]) await pullAll(b, queueId, 0);
    await pullAll(b, 0, 7);
    await pullAll(b, 0, 500);
    await pullAll(b, 0, 10_003);
    await pullAll(b, 0, 20_000);
    await offsets(b);
    await ask(b, 'commit', req.UPDATE_CONSUMER_OFFSET, { queueId: 0, consumerGroup: group, commitOffset: 6 });
    await offsets(b);
    await ask(b, 'commit', req.UPDATE_CONSUMER_OFFSET, { queueId: 0, consumerGroup: group, commitOffset: 10_002 });
    await offsets(b);
    await admin(`updateStaticTopic -t ${topic} -b broker-a,broker-b -qn 2`, `updateStaticTopic -t ${topic} -b broker-b -qn 3`, `remappingStaticTopic -t ${topic} -b broker-a`);
    await mapped(pair.namesrv, 'broker-a');
    await admin(`topicRoute -t ${topic}`);
    await send(b, 0, 20, 1);
    await send(a, 0, 20, 2);
    await ask(a, 'third queue', req.GET_MAX_OFFSET, { queueId: 2 });
    await ask(a, 'no such queue', req.GET_MAX_OFFSET, { queueId: 9 });
    await pullAll(a, 0, 0);
    return seen;
  } finally {
    a.close();
    b.close();
  }
}

describe('static topics as Apache', () => {
  if (missing.length > 0) {
    test.skip(`skipped: needs ${missing.join(' and ')}`, () => undefined);
    return;
  }
  let dir = '';
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'static-topics-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test('created, used, remapped, used again: everything answered is the same', async () => {
    const play = async (start: () => Promise<Pair>): Promise<Seen[]> => {
      const pair = await start();
      try {
        return await story(pair);
      } finally {
        await pair.end();
      }
    };
    const ours = await play(() => skylarkPair(join(dir, 'b')));
    const theirs = await play(apachePair);
    expect(ours).toEqual(theirs);
    // It was about something: messages of both brokers in one logic queue, and refusals.
    expect(JSON.stringify(ours)).toContain('["0 0-10"');
    expect(ours.filter(([, code]) => code === 501).length).toBeGreaterThan(5);
  }, 900_000);

  test('producer and consumer of Java 5.5.0 go on over a remapping', async () => {
    const pair = await skylarkPair(join(dir, 'java'));
    const sdk = await SdkDriver.start('java-5.5.0', pair.namesrv);
    try {
      const admin = (command: string): Promise<string[][]> => runMqadmin({ namesrv: pair.namesrv, broker: pair.a }, [command]);
      await admin(`updateStaticTopic -t ${topic} -b broker-a -qn 4`);
      await sdk.command('subscribe', { as: 'reader', group: 'static_java', topic, expression: '*', model: 'clustering' });
      const keys: string[] = [];
      let sent = 0;
      let highest = -1;
      /** Offsets of what was acknowledged, in the order of the sends, by queue. */
      const places = new Map<number, number[]>();
      /** A client that does not know of the move yet is refused, with an error that ends the command: what counts is what was acknowledged. */
      const send = async (): Promise<void> => {
        for (let i = 0; i < 10; i++) {
          const messages = [{ key: `k${sent}`, body: `b${sent++}` }];
          const events = await sdk.command('send', { topic, mode: 'sync', messages }, 120_000).catch((error: unknown) => {
            expect(String(error)).toContain('CODE: 501');
            return [];
          });
          for (const event of events) {
            if (event.acknowledged !== true) continue;
            const { key = '', queueId = -1, offset = -1 } = event;
            keys.push(key);
            highest = Math.max(highest, offset);
            places.set(queueId, [...(places.get(queueId) ?? []), offset]);
          }
        }
      };
      for (let i = 0; i < 4; i++) await send();
      expect(keys.length).toBe(40);
      // how many go to which queue is not said: each thread of the client takes turns of its own
      expect([...places.keys()].sort()).toEqual([0, 1, 2, 3]);
      for (const offsets of places.values()) expect(offsets).toEqual(offsets.map((_, i) => i));
      await admin(`remappingStaticTopic -t ${topic} -b broker-b`);
      await eventually('messages are sent to the new leader', 120_000, async () => {
        await send();
        return highest >= 10_000 ? [] : [`highest offset ${highest}`];
      });
      await send();
      await eventually('every acknowledged message was received', 120_000, () => {
        const got = new Set(sdk.received('reader').map((event) => event.key));
        return keys.filter((key) => !got.has(key));
      });
    } finally {
      await sdk.stop();
      await pair.end();
    }
  }, 900_000);
});
