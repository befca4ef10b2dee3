/**
 * Skylark beside Apache 5.5.0: the same requests to both over raw sockets, and the same commands of the real mqadmin; whatever
 * differs is a defect or a row of src/compat/divergence.ts (`accepted.ts` names which).
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApacheEndpoint } from '../adapters/apache/apache.js';
import { missingForJava } from '../adapters/apache/install.js';
import { SkylarkEndpoint } from '../adapters/skylark.js';
import type { Endpoint } from '../endpoint.js';
import { projectRoot } from '../process.js';
import { accepted } from './accepted.js';
import { compareOne, describeDifference, type Sequence } from './compare.js';
import { code, RawClient } from '../raw-client.js';
import { runMqadmin } from './mqadmin/mqadmin.js';
import { Peer } from './peer.js';
import { administrationSequences } from './sequences/administration.js';
import { generatedSequences } from './sequences/generated.js';
import { messageSequences } from './sequences/messages.js';
import { nameServerSequences } from './sequences/name-server.js';

const missing = missingForJava();
const suite = missing.length === 0 ? describe : describe.skip;
const title = missing.length === 0 ? 'Skylark beside Apache 5.5.0' : `Skylark beside Apache 5.5.0 (skipped: needs ${missing.join(' and ')})`;

/** Both start without SQL filters, which Skylark does not serve yet; patience as in the other suites. */
const shared = { brokerName: 'broker-a', brokerClusterName: 'DefaultCluster', enablePropertyFilter: false, waitTimeMillsInSendQueue: 10_000, enableLmq: true, enableMultiDispatch: true } as const;

const commands: readonly string[] = [
  'updateTopic -c DefaultCluster -t MqaTopic -r 4 -w 4', 'updateSubGroup -c DefaultCluster -g mqa_group', 'sendMessage -t MqaTopic -p hello -k mqakey -c TagA -b broker-a -i 1',
  'clusterList', 'topicRoute -t MqaTopic', 'topicStatus -t MqaTopic', 'queryMsgByKey -t MqaTopic -k mqakey', 'printMsgByQueue -t MqaTopic -a broker-a -i 1 -p true',
  'resetOffsetByTime -g mqa_group -t MqaTopic -s now -f true', 'updateTopic -c DefaultCluster -t %RETRY%mqa_group -r 1 -w 1', 'consumerProgress -g mqa_group',
  'brokerConsumeStats -b @BR', 'topicRoute -t MqaNone', 'updateOrderConf -t MqaTopic -m put -v broker-a:4',
  'updateTopicPerm -t MqaTopic -p 4 -c DefaultCluster', 'allocateMQ -t MqaTopic -i 10.0.0.1,10.0.0.2', 'getConsumerConfig -g mqa_group',
  'exportConfigs -c DefaultCluster -f exp', 'deleteTopic -c DefaultCluster -t MqaTopic',
];

/** After two messages of the lite topic `a` were sent, and a client subscribed to it. */
const liteCommands: readonly string[] = [
  'getParentTopicInfo -p MqaLite', 'getLiteTopicInfo -p MqaLite -l a', 'getLiteTopicInfo -p MqaLite -l none', 'getLiteClientInfo -p MqaLite -g mqa_lite -c client-1 -s',
  'getLiteClientInfo -p MqaLite -g mqa_lite -c nobody', 'getLiteGroupInfo -p MqaLite -g mqa_lite -l a', 'getLiteGroupInfo -p MqaLite -g mqa_lite -k 5',
  'getBrokerLiteInfo -b @BR -d', 'triggerLiteDispatch -p MqaLite -g mqa_lite -b broker-a', 'getParentTopicInfo -p MqaTopic', 'getLiteTopicInfo -p MqaNone -l a',
];

/** What the lite commands are asked about. */
async function makeLite(endpoint: Endpoint): Promise<void> {
  const client = await RawClient.connect(endpoint.broker);
  try {
    await client.createTopic('MqaLite', 2, { attributes: '+message.type=LITE,+lite.topic.expiration=60' });
    await client.ask('group', code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, Buffer.from(JSON.stringify({ groupName: 'mqa_lite', attributes: { '+lite.bind.topic': 'MqaLite' } })));
    const subscription = { action: 'COMPLETE_ADD', clientId: 'client-1', group: 'mqa_lite', topic: 'MqaLite', liteTopicSet: ['a', 'b'], version: 1 };
    await client.ask('subscription', 200_071, {}, Buffer.from(JSON.stringify({ subscriptionSet: [subscription] })));
    for (const body of ['one', 'two']) await client.send({ topic: 'MqaLite', queueId: 0, body: Buffer.from(body), properties: { __LITE_TOPIC: 'a' } });
    await client.ask('offset', code.UPDATE_CONSUMER_OFFSET, { consumerGroup: 'mqa_lite', topic: '%LMQ%$MqaLite$a', queueId: 0, commitOffset: 1 });
  } finally {
    client.close();
  }
}

suite(title, () => {
  let apache: Endpoint | undefined;
  let skylark: Endpoint | undefined;

  beforeAll(async () => {
    const starts = await Promise.allSettled([ApacheEndpoint.start({ config: shared }), SkylarkEndpoint.start({ config: shared })]);
    if (starts[0].status === 'fulfilled') apache = starts[0].value;
    if (starts[1].status === 'fulfilled') skylark = starts[1].value;
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
  }, 900_000);

  afterAll(() => Promise.all([apache?.dispose(), skylark?.dispose()]), 60_000);

  const both = (): { apache: Endpoint; skylark: Endpoint } => {
    if (apache === undefined || skylark === undefined) throw new Error('not started');
    return { apache, skylark };
  };

  // First, while their tables hold nothing but what a broker makes itself.
  test('mqadmin prints the same', async () => {
    const [theirs, ours] = await Promise.all([runMqadmin(both().apache, commands), runMqadmin(both().skylark, commands)]);
    const table = (prints: string[][]): Record<string, string[]> => Object.fromEntries(commands.map((command, i) => [command, prints[i] ?? []]));
    expect(table(ours)).toEqual(table(theirs));
  }, 900_000);

  test('mqadmin prints the same of lite topics', async () => {
    await Promise.all([makeLite(both().apache), makeLite(both().skylark)]);
    const [theirs, ours] = await Promise.all([runMqadmin(both().apache, liteCommands), runMqadmin(both().skylark, liteCommands)]);
    // Apache counts topics that it was only asked for among its queue tables.
    const plain = (line: string): string => line.replace(/^(<broker> default(?: \d+){4}) \d+ /, '$1 <tables> ').replace(/\(\d+ s ago\)/, '(<age>)');
    const table = (prints: string[][]): Record<string, string[]> => Object.fromEntries(liteCommands.map((command, i) => [command, (prints[i] ?? []).map(plain)]));
    expect(table(ours)).toEqual(table(theirs));
    expect(theirs.flat().length).toBeGreaterThan(30);
  }, 900_000);

  const compareAll = async (sequences: readonly Sequence[], requestsMin: number): Promise<void> => {
    const left = new Peer('apache', both().apache.broker, both().apache.namesrv);
    const right = new Peer('skylark', both().skylark.broker, both().skylark.namesrv);
    const found: string[] = [];
    let requests = 0;
    for (const sequence of sequences) {
      const outcome = await compareOne(sequence, left, right, accepted);
      requests += outcome.requests;
      found.push(...outcome.differences.map(describeDifference));
    }
    expect(found).toEqual([]);
    expect(requests).toBeGreaterThanOrEqual(requestsMin);
  };

  test('the name server answers the same', () => compareAll(nameServerSequences, 150), 900_000);
  test('sending, pulling, sending back, delays and queries answer the same', () => compareAll(messageSequences, 300), 900_000);
  test('topics, groups, offsets, clients, locks and the broker itself answer the same', () => compareAll(administrationSequences, 450), 900_000);
  test('each served code answers the same, each field missing or malformed', () => compareAll(generatedSequences, 1400), 900_000);
});

test('each accepted difference has its row among the divergences', () => {
  const rows = readFileSync(join(projectRoot, 'src/compat/divergence.ts'), 'utf8');
  expect([...new Set(accepted.map((row) => row.divergence))].filter((id) => !rows.includes(`'${id}': {`))).toEqual([]);
});
