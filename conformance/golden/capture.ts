/**
 * Makes the golden data of `conformance/golden/apache-5.5.0-*`: runs a real Apache broker, gives it a few dozen requests,
 * and keeps its answers and its store directory. Run by hand after a change of what is captured:
 * `node dist/conformance/golden/capture.js`. Needs java and maven.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { ApacheEndpoint } from '../adapters/apache/apache.js';
import { apacheVersion } from '../adapters/apache/install.js';
import { projectRoot } from '../process.js';
import { encodeBatch } from '../kit/wire/batch.js';
import { encodeProperties } from '../kit/wire/properties.js';
import { code, RawClient, type Ext } from '../raw-client.js';
import { readSparse } from './sparse.js';

interface Answer {
  readonly name: string;
  readonly request: { readonly code: number; readonly ext: Ext; readonly bodyHex: string };
  readonly response: { readonly code: number; readonly remark: string | undefined; readonly ext: Readonly<Record<string, string>>; readonly bodyHex: string; readonly bodyText?: string };
}

const text = (value: string): Buffer => Buffer.from(value, 'utf8');

async function main(): Promise<void> {
  const golden = join(projectRoot, 'conformance/golden');
  const answers: { namesrv: Answer[]; broker: Answer[] } = { namesrv: [], broker: [] };
  const endpoint = await ApacheEndpoint.start();
  try {
    const broker = await RawClient.connect(endpoint.broker);
    const namesrv = await RawClient.connect(endpoint.namesrv);
    let name = '';
    const recorder = (into: Answer[]): RawClient['record'] => (request, response) => {
      const bodyText = response.body.toString('utf8');
      into.push({
        name,
        request: { code: request.code, ext: request.ext, bodyHex: request.body.toString('hex') },
        response: {
          code: response.code, remark: response.remark, ext: response.ext, bodyHex: response.body.toString('hex'),
          ...(response.body.length > 0 && !/[^\t\n\r\x20-\x7e]/.test(bodyText) ? { bodyText } : {}),
        },
      });
    };
    broker.record = recorder(answers.broker);
    namesrv.record = recorder(answers.namesrv);
    const on = (client: RawClient) => async (label: string, requestCode: number, ext: Ext, body?: Buffer): Promise<void> => {
      name = label;
      await client.call(requestCode, ext, body);
    };
    const ask = on(broker);
    const lookup = on(namesrv);
    const v2 = (topic: string, queueId: number, more: Ext = {}): Ext => ({
      a: 'golden_writer', b: topic, c: 'TBW102', d: 4, e: queueId, f: 0, g: Date.now(), h: 0, i: '', j: 0, k: false, m: false, ...more,
    });
    const props = (entries: Record<string, string>): { i: string } => ({ i: encodeProperties(entries) });

    await ask('create topic with 4 queues', code.UPDATE_AND_CREATE_TOPIC, {
      topic: 'GoldenTopic', defaultTopic: 'TBW102', readQueueNums: 4, writeQueueNums: 4, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false,
    });
    await ask('create group', code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, text(JSON.stringify({
      groupName: 'golden_group', consumeEnable: true, consumeFromMinEnable: true, consumeBroadcastEnable: true, retryQueueNums: 1, retryMaxTimes: 16,
      brokerId: 0, whichBrokerWhenConsumeSlowly: 1,
    })));
    await ask('send: tag and two keys', code.SEND_MESSAGE_V2, v2('GoldenTopic', 0, props({ KEYS: 'key-1 key-2', TAGS: 'TagA', UNIQ_KEY: '7F0000010001000000000000000000A1', WAIT: 'true' })), text('the first message'));
    await ask('send: no properties', code.SEND_MESSAGE_V2, v2('GoldenTopic', 0), text('no properties'));
    await ask('send: UTF-8 body and property', code.SEND_MESSAGE_V2, v2('GoldenTopic', 1, props({ TAGS: 'TagB', colour: 'gr\u00fcn', KEYS: 'key-\u00fc' })), text('sch\u00f6ne Gr\u00fc\u00dfe \u{1f680}'));
    await ask('send: user flag and reconsume times', code.SEND_MESSAGE_V2, v2('GoldenTopic', 1, { h: 7, j: 0, ...props({ KEYS: 'flagged' }) }), text('flag 7'));
    await ask('send: compressed body', code.SEND_MESSAGE_V2, v2('GoldenTopic', 2, { f: 1, ...props({ KEYS: 'zipped', TAGS: 'TagA' }) }), deflateSync(text('golden '.repeat(400))));
    await ask('send: last separator missing', code.SEND_MESSAGE_V2, v2('GoldenTopic', 2, { i: 'KEYS\u0001unclosed\u0002TAGS\u0001TagC' }), text('properties end without 0x02'));
    await ask('send: queue -1', code.SEND_MESSAGE_V2, v2('GoldenTopic', -1, props({ KEYS: 'any-queue' })), text('the broker chooses the queue'));
    await ask('send: long-name header', code.SEND_MESSAGE, {
      producerGroup: 'golden_writer', topic: 'GoldenTopic', defaultTopic: 'TBW102', defaultTopicQueueNums: 4, queueId: 3, sysFlag: 0, bornTimestamp: Date.now(),
      flag: 0, properties: encodeProperties({ KEYS: 'long-names' }), reconsumeTimes: 0, unitMode: false, batch: false,
    }, text('SEND_MESSAGE'));
    await ask('send: batch of 3', code.SEND_BATCH_MESSAGE, v2('GoldenTopic', 3, { m: true, ...props({ UNIQ_KEY: '7F0000010001000000000000000000B0' }) }), encodeBatch([
      { body: text('batch 0'), properties: { KEYS: 'batch-0', TAGS: 'TagA', UNIQ_KEY: '7F0000010001000000000000000000B1' } },
      { body: text('batch 1'), properties: { KEYS: 'batch-1', TAGS: 'TagB', UNIQ_KEY: '7F0000010001000000000000000000B2' } },
      { body: text('batch 2'), properties: { KEYS: 'batch-2', UNIQ_KEY: '7F0000010001000000000000000000B3' } },
    ]));
    await ask('send: delay level 1', code.SEND_MESSAGE_V2, v2('GoldenTopic', 0, props({ KEYS: 'delayed', DELAY: '1', UNIQ_KEY: '7F0000010001000000000000000000D1' })), text('a second later'));
    await ask('send: auto-created topic', code.SEND_MESSAGE_V2, v2('GoldenAutoTopic', 0, props({ KEYS: 'auto' })), text('made by the first send'));
    await ask('send: empty body', code.SEND_MESSAGE_V2, v2('GoldenTopic', 0, props({ KEYS: 'empty' })), Buffer.alloc(0));
    await ask('send: queue out of range', code.SEND_MESSAGE_V2, v2('GoldenTopic', 99), text('x'));
    await ask('send: topic name illegal', code.SEND_MESSAGE_V2, v2('a/../b', 0), text('x'));
    await ask('send: topic name too long', code.SEND_MESSAGE_V2, v2('t'.repeat(128), 0), text('x'));
    await ask('send: topic empty', code.SEND_MESSAGE_V2, v2('', 0), text('x'));
    await ask('send: system topic', code.SEND_MESSAGE_V2, v2('SCHEDULE_TOPIC_XXXX', 0), text('x'));
    await ask('send: properties too long', code.SEND_MESSAGE_V2, v2('GoldenTopic', 0, props({ a: 'b'.repeat(32_767) })), text('x'));
    await ask('send: number not a number', code.SEND_MESSAGE_V2, { ...v2('GoldenTopic', 0), e: 'x' }, text('x'));
    await ask('send: no header fields', code.SEND_MESSAGE_V2, {}, text('x'));

    const pullOf = (topic: string, queueId: number, queueOffset: number, more: Ext = {}): Ext => ({
      consumerGroup: 'golden_group', topic, queueId, queueOffset, maxMsgNums: 32, sysFlag: 4, commitOffset: 0, suspendTimeoutMillis: 0, subscription: '*',
      subVersion: 0, expressionType: 'TAG', ...more,
    });
    await sleep(2500); // the delayed message has arrived, the queues are built
    await ask('pull: found', code.PULL_MESSAGE, pullOf('GoldenTopic', 0, 0));
    await ask('pull: tag filter, some match', code.PULL_MESSAGE, pullOf('GoldenTopic', 3, 0, { subscription: 'TagA || TagB' }));
    await ask('pull: tag filter, none match', code.PULL_MESSAGE, pullOf('GoldenTopic', 3, 0, { subscription: 'TagZ' }));
    await ask('pull: at max offset', code.PULL_MESSAGE, pullOf('GoldenTopic', 1, 2));
    await ask('pull: beyond max offset', code.PULL_MESSAGE, pullOf('GoldenTopic', 1, 100));
    await ask('pull: negative offset', code.PULL_MESSAGE, pullOf('GoldenTopic', 1, -1));
    await ask('pull: empty queue at 0', code.PULL_MESSAGE, pullOf('GoldenAutoTopic', 3, 0));
    await ask('pull: empty queue at 5', code.PULL_MESSAGE, pullOf('GoldenAutoTopic', 3, 5));
    await ask('pull: unknown topic', code.PULL_MESSAGE, pullOf('NoSuchTopic', 0, 0));
    await ask('pull: queue out of range', code.PULL_MESSAGE, pullOf('GoldenTopic', 99, 0));
    await ask('pull: without subscription, group unknown to the heartbeat', code.PULL_MESSAGE, pullOf('GoldenTopic', 0, 0, { sysFlag: 0 }));
    await ask('pull: bad expression type', code.PULL_MESSAGE, pullOf('GoldenTopic', 0, 0, { expressionType: 'NOPE', subscription: 'x' }));
    await ask('pull: SQL that does not compile', code.PULL_MESSAGE, pullOf('GoldenTopic', 0, 0, { expressionType: 'SQL92', subscription: 'a >' }));
    await ask('pull: one message', code.PULL_MESSAGE, pullOf('GoldenTopic', 3, 1, { maxMsgNums: 1 }));
    await ask('max offset', code.GET_MAX_OFFSET, { topic: 'GoldenTopic', queueId: 3 });
    await ask('min offset', code.GET_MIN_OFFSET, { topic: 'GoldenTopic', queueId: 3 });
    await ask('max offset: unknown topic', code.GET_MAX_OFFSET, { topic: 'NoSuchTopic', queueId: 0 });
    await ask('query by key', code.QUERY_MESSAGE, { topic: 'GoldenTopic', key: 'key-2', maxNum: 32, beginTimestamp: 0, endTimestamp: Date.now() + 1000 });
    await ask('query by unique key', code.QUERY_MESSAGE, { topic: 'GoldenTopic', key: '7F0000010001000000000000000000B2', maxNum: 32, beginTimestamp: 0, endTimestamp: Date.now() + 1000, _UNIQUE_KEY_QUERY: 'true' });
    await ask('query by tag index', code.QUERY_MESSAGE, { topic: 'GoldenTopic', key: 'TagA', maxNum: 32, beginTimestamp: 0, endTimestamp: Date.now() + 1000, indexType: 'T' });
    await ask('query: nothing found', code.QUERY_MESSAGE, { topic: 'GoldenTopic', key: 'nothing', maxNum: 32, beginTimestamp: 0, endTimestamp: Date.now() + 1000 });
    await ask('view message at 0', code.VIEW_MESSAGE_BY_ID, { offset: 0 });
    await ask('view message: no such offset', code.VIEW_MESSAGE_BY_ID, { offset: 99_999_999 });
    await ask('view message: inside a record', code.VIEW_MESSAGE_BY_ID, { offset: 3 });
    await ask('query consumer offset: none', code.QUERY_CONSUMER_OFFSET, { consumerGroup: 'golden_group', topic: 'GoldenTopic', queueId: 0 });
    await ask('query consumer offset: none, not zero', code.QUERY_CONSUMER_OFFSET, { consumerGroup: 'golden_group', topic: 'GoldenTopic', queueId: 0, setZeroIfNotFound: false });
    await ask('update consumer offset', code.UPDATE_CONSUMER_OFFSET, { consumerGroup: 'golden_group', topic: 'GoldenTopic', queueId: 0, commitOffset: 2 });
    await ask('update consumer offset: unknown group', code.UPDATE_CONSUMER_OFFSET, { consumerGroup: 'no_such_group', topic: 'GoldenTopic', queueId: 0, commitOffset: 2 });
    await ask('update consumer offset: unknown topic', code.UPDATE_CONSUMER_OFFSET, { consumerGroup: 'golden_group', topic: 'NoSuchTopic', queueId: 0, commitOffset: 2 });
    await ask('query consumer offset', code.QUERY_CONSUMER_OFFSET, { consumerGroup: 'golden_group', topic: 'GoldenTopic', queueId: 0 });
    await ask('send back: to the retry topic', code.CONSUMER_SEND_MSG_BACK, { offset: 0, group: 'golden_group', delayLevel: 0, originMsgId: '7F0000010001000000000000000000A1', originTopic: 'GoldenTopic', unitMode: false, maxReconsumeTimes: 16 });
    await ask('send back: straight to the DLQ', code.CONSUMER_SEND_MSG_BACK, { offset: 0, group: 'golden_group', delayLevel: -1, originTopic: 'GoldenTopic', unitMode: false, maxReconsumeTimes: 16 });
    await ask('send back: no retries left', code.CONSUMER_SEND_MSG_BACK, { offset: 0, group: 'golden_group', delayLevel: 0, originTopic: 'GoldenTopic', unitMode: false, maxReconsumeTimes: 0 });
    await ask('send back: no such message', code.CONSUMER_SEND_MSG_BACK, { offset: 99_999_999, group: 'golden_group', delayLevel: 0, originTopic: 'GoldenTopic', unitMode: false });
    await ask('send back: unknown group', code.CONSUMER_SEND_MSG_BACK, { offset: 0, group: 'no_such_group', delayLevel: 0, originTopic: 'GoldenTopic', unitMode: false });
    await ask('unknown request code', 9999, {});
    await ask('consumer list of an unknown group', 38, { consumerGroup: 'no_such_group' });
    await ask('delete topic: system', code.DELETE_TOPIC_IN_BROKER, { topic: 'TBW102' });
    await ask('create topic: illegal name', code.UPDATE_AND_CREATE_TOPIC, { topic: 'a b', defaultTopic: 'TBW102', readQueueNums: 4, writeQueueNums: 4, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false });
    await ask('create topic: system', code.UPDATE_AND_CREATE_TOPIC, { topic: 'TBW102', defaultTopic: 'TBW102', readQueueNums: 4, writeQueueNums: 4, perm: 6, topicFilterType: 'SINGLE_TAG', topicSysFlag: 0, order: false });
    await lookup('route', code.GET_ROUTEINFO_BY_TOPIC, { topic: 'GoldenTopic' });
    await lookup('route, standard JSON', code.GET_ROUTEINFO_BY_TOPIC, { topic: 'GoldenTopic', acceptStandardJsonOnly: true });
    await lookup('route: unknown topic', code.GET_ROUTEINFO_BY_TOPIC, { topic: 'NoSuchTopic' });
    await lookup('route: of the default topic', code.GET_ROUTEINFO_BY_TOPIC, { topic: 'TBW102' });
    await lookup('cluster info', code.GET_BROKER_CLUSTER_INFO, {});
    await lookup('all topics', 206, {});
    await lookup('unknown request code', 9999, {});
    await sleep(12_000); // the retry (level 3, ten seconds) has come back
    await ask('pull: retry topic', code.PULL_MESSAGE, pullOf('%RETRY%golden_group', 0, 0));
    await ask('pull: dead letters', code.PULL_MESSAGE, pullOf('%DLQ%golden_group', 0, 0));
    await ask('pull: the schedule topic', code.PULL_MESSAGE, pullOf('SCHEDULE_TOPIC_XXXX', 2, 0));
    broker.close();
    namesrv.close();
    await endpoint.stop();
    const provenance = `A live Apache RocketMQ ${apacheVersion} broker (Maven Central jars, Java 17, default store sizes, enablePropertyFilter=true), `
      + `driven by conformance/golden/capture.ts on ${new Date().toISOString().slice(0, 10)}, then stopped in order. `;
    const storeDir = join(golden, 'apache-5.5.0-store');
    mkdirSync(storeDir, { recursive: true });
    const store = readSparse(endpoint.dataDir, `${provenance}Every file of its store directory; runs are the bytes that are not zero.`);
    writeFileSync(join(storeDir, 'store.json'), `${JSON.stringify(store, undefined, 1)}\n`);
    writeFileSync(join(golden, 'apache-5.5.0-answers.json'), `${JSON.stringify({
      provenance: `${provenance}Requests in JSON headers (language OTHER, version 513) and the answers to them, in the order sent.`, ...answers,
    }, undefined, 1)}\n`);
  } finally {
    await endpoint.dispose();
  }
}

await main();
