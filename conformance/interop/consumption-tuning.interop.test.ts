/**
 * What operators do to a group while a real consumer runs, with Apache's real mqadmin: statistics, running info and thread dump, consuming one message
 * directly, forbidding and allowing to consume, skipping, going back, cloning offsets; and the consumer's own batches. SKYLARK_TUNING_SDK=java-4.9.8 or go plays
 * it with another library.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { missingForEndpoint, startEndpoint } from '../adapters/index.js';
import { runMqadmin } from '../differential/mqadmin/mqadmin.js';
import type { Endpoint } from '../endpoint.js';
import { fromNowhere, lost, type Sent } from '../history.js';
import { code, RawClient } from '../raw-client.js';
import { eventually, missingFor, SdkDriver, type OutgoingMessage, type RemotingSdk } from '../sdk-driver.js';
import { routed } from './route.js';

const sdkName = (process.env['SKYLARK_TUNING_SDK'] ?? 'java-5.5.0') as RemotingSdk;
/** What a client says of itself: its language, and the names in a dump of its threads. */
const theirs = sdkName === 'go' ? { language: /\bGO\b/, threads: /goroutine \d+ \[/ } : { language: /\bJAVA\b/, threads: /ConsumeMessageThread|RebalanceService/ };
const topic = 'Tuning';
const group = 'tuning_group';
const patienceMs = 120_000;
const missing = [...new Set([...missingFor(sdkName), ...missingForEndpoint()])];

const messages = (prefix: string, count: number): OutgoingMessage[] => Array.from({ length: count }, (_, i) => ({ key: `${prefix}-${i}`, body: `body of ${prefix}-${i}`, queueId: i % 2 }));

describe(`consumption is tuned with mqadmin while a consumer of ${sdkName} runs`, () => {
  if (missing.length > 0) {
    test.skip(`skipped: needs ${missing.join(' and ')}`, () => undefined);
    return;
  }
  let endpoint: Endpoint;
  let sdk: SdkDriver;
  let broker: RawClient;
  const sent: Sent[] = [];

  beforeAll(async () => {
    endpoint = await startEndpoint({ config: { flushConsumerOffsetInterval: 500 } });
    const first = await RawClient.connect(endpoint.broker);
    await first.createTopic(topic, 2);
    first.close();
    await routed(endpoint.namesrv, topic, patienceMs);
    sdk = await SdkDriver.start(sdkName, endpoint.namesrv);
    broker = await RawClient.connect(endpoint.broker); // building a library may take longer than a broker keeps an idle connection
  }, 900_000);

  afterAll(async () => {
    broker.close();
    await sdk.stop();
    await endpoint.dispose();
  }, 180_000);

  async function send(prefix: string, count: number): Promise<Sent[]> {
    const more = await sdk.send(topic, 'sync', messages(prefix, count));
    sent.push(...more);
    return more;
  }

  const consumed = (what: readonly Sent[], as = 'tuned'): Promise<void> => eventually(`${what[0]?.key ?? ''} and so on were consumed`, patienceMs, () => lost(what, sdk.received(as)));
  const timesOf = (key: string, as = 'tuned'): number => sdk.received(as).filter((entry) => entry.key === key).length;
  const offsetOf = async (of: string, queueId: number): Promise<number> => Number((await broker.call(code.QUERY_CONSUMER_OFFSET, { consumerGroup: of, topic, queueId })).ext['offset'] ?? -1);

  async function mqadmin(...commands: string[]): Promise<string> {
    const printed = (await runMqadmin(endpoint, commands)).map((lines) => lines.join('\n')).join('\n');
    expect(printed).not.toMatch(/command failed|^threw /m);
    return printed;
  }

  async function committed(of = group): Promise<void> {
    await eventually(`${of} is at the end of both queues`, patienceMs, async () => {
      const behind: string[] = [];
      for (const queueId of [0, 1]) if ((await offsetOf(of, queueId)) !== (await broker.maxOffset(topic, queueId))) behind.push(`queue ${queueId}`);
      return behind;
    });
  }

  test('batches: the listener gets up to sixteen messages at once', async () => {
    const before = await send('batch', 120);
    await sdk.command('subscribe', { as: 'tuned', group, topic, expression: '*', batch: 16, pollMs: 1000 });
    await consumed(before);
    const counts = sdk.heard('batch', 'tuned').map((event) => event.count ?? 0);
    expect(Math.max(...counts)).toBeGreaterThan(1);
    expect(Math.max(...counts)).toBeLessThanOrEqual(16);
  }, 900_000);

  test('statistics: progress, lag by broker, connections', async () => {
    await committed();
    const printed = await mqadmin(`consumerProgress -g ${group} -n @NS`, 'brokerConsumeStats -b @BR -n @NS', `consumerConnection -g ${group} -n @NS`, `topicStatus -t ${topic} -n @NS`);
    expect(printed).toMatch(/Consume Diff Total: 0/i);
    expect(printed).toMatch(new RegExp(`${topic}.*${group}.* 60 60 0`));
    expect(printed).toMatch(theirs.language);
  }, 900_000);

  async function clientId(): Promise<string> {
    const answer = await broker.ask('clients', 38, { consumerGroup: group });
    return (JSON.parse(answer.body.toString('utf8')) as { consumerIdList: string[] }).consumerIdList[0] ?? '';
  }

  test('running info and thread dump are the client\'s own', async () => {
    const printed = await mqadmin(`consumerStatus -g ${group} -i ${await clientId()} -s -n @NS`);
    expect(printed).toMatch(/#Consumer Subscription#/);
    expect(printed).toMatch(/#Consumer Offset#/);
    expect(printed).toMatch(new RegExp(`Topic: ${topic}`));
    expect(printed).toMatch(theirs.threads);
  }, 900_000);

  test('one message is consumed directly, once more', async () => {
    const [one] = sent.slice(7);
    const printed = await mqadmin(`queryMsgById -i ${one?.msgId ?? ''} -t ${topic} -g ${group} -d ${await clientId()} -n @NS`);
    expect(printed).toMatch(/consumeResult=CR_SUCCESS/);
    expect(timesOf(one?.key ?? '')).toBe(2);
  }, 900_000);

  test('a group that may not consume gets nothing, and everything when it may again', async () => {
    await mqadmin(`updateSubGroup -b @BR -g ${group} -s false -n @NS`);
    const meanwhile = await send('forbidden', 20);
    await mqadmin(`consumerProgress -g ${group} -n @NS`); // time for one that should not come
    expect(meanwhile.filter((entry) => timesOf(entry.key) > 0)).toEqual([]);
    await mqadmin(`updateSubGroup -b @BR -g ${group} -s true -n @NS`);
    await consumed(meanwhile);
    await committed();
  }, 900_000);

  test('what has piled up is skipped, and is there when the group is put back to its time', async () => {
    await mqadmin(`updateSubGroup -b @BR -g ${group} -s false -n @NS`);
    const skipped = await send('skipped', 20);
    await mqadmin(`skipAccumulatedMessage -g ${group} -t ${topic} -n @NS`, `updateSubGroup -b @BR -g ${group} -s true -n @NS`);
    const after = await send('after', 10);
    await consumed(after);
    expect(skipped.filter((entry) => timesOf(entry.key) > 0)).toEqual([]);
    await committed();
    await mqadmin(`resetOffsetByTime -g ${group} -t ${topic} -s ${Math.min(...skipped.map((entry) => entry.sentAt))} -n @NS`);
    await consumed(skipped);
    await committed();
  }, 900_000);

  test('a group that is given the offsets of another goes on where that one was', async () => {
    await mqadmin(`updateSubGroup -b @BR -g tuning_clone -n @NS`, `cloneGroupOffset -s ${group} -d tuning_clone -t ${topic} -o true -n @NS`);
    expect([await offsetOf('tuning_clone', 0), await offsetOf('tuning_clone', 1)]).toEqual([await offsetOf(group, 0), await offsetOf(group, 1)]);
    await sdk.command('subscribe', { as: 'clone', group: 'tuning_clone', topic, expression: '*' });
    const later = await send('later', 10);
    await consumed(later, 'clone');
    expect([...new Set(sdk.received('clone').map((entry) => entry.key))].sort()).toEqual(later.map((entry) => entry.key).sort());
    await consumed(later);
    expect(fromNowhere(sent, sdk.received('tuned', 'clone'))).toEqual([]);
  }, 900_000);
});
